// SPDX-License-Identifier: MIT OR Apache-2.0
//! /etc/resolv.conf (resolv.conf(5)): whom to ask for names. Options and search lists are not read.

use core::net::IpAddr;

/// The server that a line names; `None` for every other line. A zone (`fe80::1%br-lan`) is left
/// out with its server: its number is not known here.
pub fn nameserver(line: &[u8]) -> Option<IpAddr> {
    let rest = line.trim_ascii_start().strip_prefix(b"nameserver")?;
    let value = rest.strip_prefix(b" ").or(rest.strip_prefix(b"\t"))?;
    let value = value.split(|byte| matches!(byte, b'#' | b';')).next()?;
    core::str::from_utf8(value.trim_ascii()).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(line: &str, expected: Option<&str>) {
        let expected = expected.map(|text| text.parse::<IpAddr>().unwrap());
        assert_eq!(nameserver(line.as_bytes()), expected, "{line:?}");
    }

    #[test]
    fn only_servers_are_read() {
        check("nameserver 192.168.1.1", Some("192.168.1.1"));
        check("  nameserver\t ::1  # here", Some("::1"));
        check("nameserver 10.0.0.1;x", Some("10.0.0.1"));
        check("nameserver10.0.0.1", None);
        check("nameserver fe80::1%eth0", None);
        check("nameserver", None);
        check("search lan", None);
        check("# nameserver 10.0.0.1", None);
    }

    proptest! {
        #[test]
        fn any_line_is_read_without_panic(line: Vec<u8>) {
            nameserver(&line);
            nameserver(&[b"nameserver ", line.as_slice()].concat());
        }
    }
}
