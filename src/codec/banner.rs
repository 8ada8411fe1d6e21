// SPDX-License-Identifier: MIT OR Apache-2.0
//! What services say of themselves: the head of an HTTP answer, the greeting of MySQL. All of it is
//! a stranger's text.

use memchr::memchr;

/// Bytes of an answer that are looked at.
pub const HEAD_BYTES_MAX: usize = 1_000;

/// The head of an HTTP/1 answer (RFC 9112).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Http<'a> {
    /// 100 to 999.
    pub status: u16,
    /// The value of the header field `Server`, unless it is empty.
    pub server: Option<&'a [u8]>,
}

impl Http<'_> {
    /// Whether another answer follows, which is the one that counts (RFC 9110, 15.2).
    fn is_interim(&self) -> bool {
        (100..200).contains(&self.status) && self.status != 101
    }
}

/// Whether nothing after `head` can change what [`http`] reads from it.
pub fn http_is_complete(mut head: &[u8]) -> bool {
    if head.len() >= HEAD_BYTES_MAX {
        return true;
    }
    while let Some(len) = head_len(head) {
        if !one(head).is_some_and(|http| http.is_interim()) {
            return true;
        }
        head = &head[len..];
    }
    !could_be_http(head)
}

fn could_be_http(head: &[u8]) -> bool {
    let name = b"HTTP/";
    let len = head.len().min(name.len());
    head[..len] == name[..len]
}

/// Bytes of a head, with the blank line at its end; `None` when that has not come.
fn head_len(head: &[u8]) -> Option<usize> {
    let mut start = memchr(b'\n', head)? + 1;
    loop {
        let end = start + memchr(b'\n', &head[start..])?;
        if head[start..end].trim_ascii().is_empty() {
            return Some(end + 1);
        }
        start = end + 1;
    }
}

/// Reads the first [`HEAD_BYTES_MAX`] bytes of an answer; `None` when it is none of HTTP/1.
pub fn http(head: &[u8]) -> Option<Http<'_>> {
    let mut head = &head[..head.len().min(HEAD_BYTES_MAX)];
    let mut http = one(head)?;
    while http.is_interim()
        && let Some(len) = head_len(head)
        && let Some(next) = one(&head[len..])
    {
        (head, http) = (&head[len..], next);
    }
    Some(http)
}

/// Reads one head.
fn one(head: &[u8]) -> Option<Http<'_>> {
    let [a, b, c, ref rest @ ..] = *head
        .strip_prefix(b"HTTP/1.")?
        .get(1..)?
        .strip_prefix(b" ")?
    else {
        return None;
    };
    let digit = |byte: u8| byte.is_ascii_digit().then(|| u16::from(byte - b'0'));
    let status = digit(a)? * 100 + digit(b)? * 10 + digit(c)?;
    if status < 100 || !matches!(rest.first(), None | Some(b' ' | b'\r' | b'\n')) {
        return None;
    }
    let mut lines = rest;
    let mut server = None;
    while let Some(end) = memchr(b'\n', lines) {
        lines = &lines[end + 1..];
        let line = &lines[..memchr(b'\n', lines).unwrap_or(lines.len())];
        if line.trim_ascii().is_empty() {
            break;
        }
        let (name, value) = line.split_at(memchr(b':', line).unwrap_or(0));
        if name.eq_ignore_ascii_case(b"server") {
            server = Some(value[1..].trim_ascii()).filter(|value| !value.is_empty());
            break;
        }
    }
    Some(Http { status, server })
}

/// The greeting of MySQL, which the server sends first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mysql<'a> {
    /// The version of the server, in full.
    Version(&'a [u8]),
    /// It is MySQL, and refuses us before it says its version: too many connections, or a host
    /// that it does not want.
    Refused,
    /// More has to come.
    Cut,
    /// Something else.
    Foreign,
}

/// Reads a greeting (MySQL's protocol, HandshakeV10 and ERR_Packet), of which the first
/// [`HEAD_BYTES_MAX`] bytes are enough.
pub fn mysql(greeting: &[u8]) -> Mysql<'_> {
    /// The length in three bytes and the number of the packet.
    const HEADER_BYTES: usize = 4;
    let greeting = &greeting[..greeting.len().min(HEAD_BYTES_MAX)];
    let Some(([low, middle, high, number], body)) = greeting.split_first_chunk::<HEADER_BYTES>()
    else {
        return Mysql::Cut;
    };
    let len = u32::from_le_bytes([*low, *middle, *high, 0]) as usize;
    let Some((&kind, rest)) = body.split_first() else {
        return if *number == 0 {
            Mysql::Cut
        } else {
            Mysql::Foreign
        };
    };
    match (number, kind) {
        (0, 0xff) if len >= 3 => Mysql::Refused,
        (0, 10) => {
            let inside = &rest[..rest.len().min(len.saturating_sub(1))];
            match memchr(0, inside) {
                Some(0) => Mysql::Foreign,
                Some(end) => Mysql::Version(&inside[..end]),
                None if inside.len() < rest.len() || greeting.len() == HEAD_BYTES_MAX => {
                    Mysql::Foreign
                }
                None if body.len() >= len => Mysql::Foreign,
                None => Mysql::Cut,
            }
        }
        _ => Mysql::Foreign,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check_http(head: &[u8], expected: Option<(u16, Option<&str>)>) {
        let expected = expected.map(|(status, server)| Http {
            status,
            server: server.map(str::as_bytes),
        });
        assert_eq!(http(head), expected);
    }

    #[test]
    fn status_and_server_are_read() {
        check_http(
            b"HTTP/1.1 200 OK\r\nDate: x\r\nServer: nginx/1.18.0 (Ubuntu)\r\n\r\n",
            Some((200, Some("nginx/1.18.0 (Ubuntu)"))),
        );
        check_http(
            b"HTTP/1.0 404\r\nserver:  a\tb \r\n\r\n",
            Some((404, Some("a\tb"))),
        );
        check_http(b"HTTP/1.1 301 Moved\nSERVER:x\n\n", Some((301, Some("x"))));
        check_http(b"HTTP/1.1 204", Some((204, None)));
        check_http(b"HTTP/1.1 200 OK\n\r\nServer: body\n", Some((200, None)));
        check_http(b"HTTP/1.1 200 OK\r\nServer: \r\n\r\n", Some((200, None)));
        check_http(
            b"HTTP/1.1 200 OK\r\nX-Server: x\r\n\r\nServer: body\r\n",
            Some((200, None)),
        );
    }

    #[test]
    fn answers_in_between_are_not_the_answer() {
        let early = b"HTTP/1.1 103 Early Hints\r\nServer: early\r\n\r\n";
        let answer = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 X\r\nServer: last\r\n\r\n";
        let both = [&early[..], answer].concat();
        check_http(&both, Some((404, Some("last"))));
        for len in 0..both.len() {
            assert!(!http_is_complete(&both[..len]), "{len}");
        }
        assert!(http_is_complete(&both));
        check_http(early, Some((103, Some("early"))));
        check_http(
            &[&early[..], b"HTTP/1.1 4"].concat(),
            Some((103, Some("early"))),
        );
        assert!(http_is_complete(&[&early[..], b"x"].concat()));
        let switched = b"HTTP/1.1 101 Switching Protocols\r\n\r\n";
        assert!(http_is_complete(switched));
        check_http(switched, Some((101, None)));
    }

    #[test]
    fn what_is_not_http_has_no_status() {
        for head in [
            &b""[..],
            b"SSH-2.0-dropbear\r\n",
            b"HTTP/1.1",
            b"HTTP/1.1 20",
            b"HTTP/1.1 2x0 OK",
            b"HTTP/1.1 2000 OK",
            b"HTTP/1.1 099 OK",
            b"HTTP/2 200 OK",
            b"http/1.1 200 OK",
            b"<html>400</html>",
        ] {
            check_http(head, None);
        }
    }

    #[test]
    fn an_endless_head_is_cut_and_no_more_is_waited_for() {
        let mut head = b"HTTP/1.1 200 OK\r\nX: ".to_vec();
        assert!(!http_is_complete(&head));
        head.resize(HEAD_BYTES_MAX, b'x');
        assert!(http_is_complete(&head));
        head.extend(b"\r\nServer: late\r\n\r\n");
        check_http(&head, Some((200, None)));
        assert!(http_is_complete(b"HTTP/1.1 200 OK\r\n\r\n"));
        assert!(
            http_is_complete(b"HTTP/1.1 200 OK\n\r\n"),
            "ends of lines are mixed"
        );
        assert!(http_is_complete(b"SSH"), "it will never be HTTP");
        assert!(!http_is_complete(b"HTT"));
        let server_cut = [b"HTTP/1.1 200 OK\r\nServer: ", &[b'y'; 2_000][..]].concat();
        assert_eq!(
            http(&server_cut).unwrap().server.unwrap().len(),
            HEAD_BYTES_MAX - 25
        );
    }

    /// A greeting with that version, as a server sends it.
    fn greeting(version: &[u8]) -> Vec<u8> {
        let body = [&[10], version, &[0, 8, 0, 0, 0], b"salt", &[0; 20]].concat();
        [&[body.len() as u8, 0, 0, 0], &body[..]].concat()
    }

    #[test]
    fn the_whole_version_is_read() {
        for version in [
            "5.7.2-log",
            "10.11.6-MariaDB",
            "5.5.5-10.4.2-MariaDB-1:10.4.2+maria",
        ] {
            let greeting = greeting(version.as_bytes());
            assert_eq!(mysql(&greeting), Mysql::Version(version.as_bytes()));
            for len in 0..5 + version.len() {
                assert_eq!(mysql(&greeting[..len]), Mysql::Cut, "{len}");
            }
        }
    }

    #[test]
    fn other_greetings_are_told_apart() {
        let blocked = [&[72, 0, 0, 0, 0xff, 0x69, 0x04], &b"Host is blocked"[..]].concat();
        assert_eq!(mysql(&blocked), Mysql::Refused);
        assert_eq!(mysql(b"SSH-2.0-dropbear\r\n"), Mysql::Foreign);
        assert_eq!(mysql(&greeting(b"")), Mysql::Foreign);
        let mut endless = vec![0xff, 0xff, 0xff, 0, 10];
        endless.resize(2 * HEAD_BYTES_MAX, b'x');
        assert_eq!(mysql(&endless), Mysql::Foreign);
        assert_eq!(
            mysql(&[3, 0, 0, 0, 10, b'x', b'y']),
            Mysql::Foreign,
            "no end in the packet"
        );
        assert_eq!(mysql(&[0, 0, 0, 0, 10, b'x', 0]), Mysql::Foreign);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(noise: Vec<u8>) {
            let _ = (http(&noise), http_is_complete(&noise), mysql(&noise));
            let head = [b"HTTP/1.1 200 OK\r\n", &noise[..]].concat();
            prop_assert_eq!(http(&head).map(|http| http.status), Some(200));
            let _ = mysql(&[&[40, 0, 0, 0, 10], &noise[..]].concat());
        }

        #[test]
        fn what_is_read_of_a_complete_head_stays(
            starts in prop::collection::vec(prop::sample::select(vec![
                &b"HTTP/1.1 200 OK\r\nServer: x"[..], b"HTTP/1.1 103 E\r\n\r\n", b"\r\n", b"\n",
            ]), 1..5),
            noise: Vec<u8>,
            more: Vec<u8>,
        ) {
            let head = [&starts.concat(), &noise[..]].concat();
            if http_is_complete(&head) {
                let longer = [&head[..], &more[..]].concat();
                prop_assert_eq!(http(&head), http(&longer));
            }
        }
    }
}
