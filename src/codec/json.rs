// SPDX-License-Identifier: MIT OR Apache-2.0
//! The members of a JSON object (RFC 8259) as they are written, to be passed on unchanged. Not a
//! reader: whether the text is valid is seen to elsewhere; what is not ends the members.

/// Name without its quotes, its escapes as they are, and value.
#[derive(Clone, Debug)]
pub struct Members<'a>(&'a str);

impl<'a> Members<'a> {
    /// Those of `object`; none when it is something else.
    pub fn of(object: &'a str) -> Self {
        Self(object.trim_start().strip_prefix('{').unwrap_or_default())
    }

    /// The value of the first member of that name.
    pub fn value(mut self, name: &str) -> Option<&'a str> {
        self.find(|member| member.0 == name).map(|(_, value)| value)
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = core::mem::take(&mut self.0);
        let (name, rest) = split_string(rest.trim_start().strip_prefix('"')?)?;
        let rest = rest.trim_start().strip_prefix(':')?.trim_start();
        let (value, rest) = rest.split_at(value_len(rest)?);
        self.0 = rest.strip_prefix(',').unwrap_or_default();
        Some((name, value.trim_end()))
    }
}

/// What stands before the closing quote, and after it.
fn split_string(text: &str) -> Option<(&str, &str)> {
    let mut escaped = false;
    let end = text.bytes().position(|byte| {
        let is_end = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        is_end
    })?;
    Some((&text[..end], &text[end + 1..]))
}

/// Bytes up to the comma or bracket behind the value that `text` begins with.
fn value_len(text: &str) -> Option<usize> {
    let (mut depth, mut rest) = (0_usize, text);
    loop {
        let at = rest.find(['"', '{', '[', '}', ']', ','])?;
        let byte = rest.as_bytes()[at];
        if depth == 0 && matches!(byte, b'}' | b']' | b',') {
            return Some(text.len() - rest.len() + at);
        }
        rest = &rest[at + 1..];
        match byte {
            b'"' => rest = split_string(rest)?.1,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(object: &str, expected: &[(&str, &str)]) {
        assert_eq!(
            Members::of(object).collect::<Vec<_>>(),
            expected,
            "{object}"
        );
    }

    #[test]
    fn values_come_as_they_are_written() {
        check("{}", &[]);
        check(r#"{"a":1}"#, &[("a", "1")]);
        check(
            r#" { "a" : -1.50 , "b":{"c":["}",{}],"a":2},"d":"\"},\\","e":[1, 2] } "#,
            &[
                ("a", "-1.50"),
                ("b", r#"{"c":["}",{}],"a":2}"#),
                ("d", r#""\"},\\""#),
                ("e", "[1, 2]"),
            ],
        );
        let object = r#"{"a\"":1,"a":18446744073709551615,"a":3}"#;
        assert_eq!(Members::of(object).value("a"), Some("18446744073709551615"));
        assert_eq!(Members::of(object).value("b"), None);
    }

    #[test]
    fn what_is_cut_off_ends_the_members() {
        let whole = r#"{"a":[1,{"b":"c"}],"d":true}"#;
        for len in 0..whole.len() {
            assert!(Members::of(&whole[..len]).count() < 2);
        }
        for other in [
            "", "[1]", "1", "\"{\"", "{{", "{1:2}", "{\"a\"}", "{\"a\":}",
        ] {
            assert!(
                Members::of(other).all(|(_, value)| value.is_empty()),
                "{other}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[{}\\[\\]\",:\\\\a1 é]{0,60}") {
            let _ = Members::of(&text).count();
        }
    }
}
