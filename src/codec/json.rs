// SPDX-License-Identifier: MIT OR Apache-2.0
//! Parts of a JSON text (RFC 8259) as they are written: to be passed on unchanged, or looked at.
//! Whether the text is valid is seen to elsewhere; of one that is not, some parts are not found.

use core::fmt::{self, Write as _};

use super::units;

/// An object.
#[derive(Clone, Copy, Debug)]
pub struct Object<'a>(&'a str);

impl<'a> Object<'a> {
    /// The object that `text` is; `None` when it is something else.
    pub fn of(text: &'a str) -> Option<Self> {
        text.trim_start().strip_prefix('{').map(Self)
    }

    /// All members: name without its quotes, its escapes as they are, and value.
    pub fn members(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let mut rest = self.0;
        core::iter::from_fn(move || {
            let text = core::mem::take(&mut rest);
            let (name, text) = split_string(text.trim_start().strip_prefix('"')?)?;
            let (value, text) = split_value(text.trim_start().strip_prefix(':')?)?;
            rest = text;
            Some((name, value))
        })
    }

    /// The value of the first member of that name.
    pub fn value(self, name: &str) -> Option<&'a str> {
        let found = self.members().find(|member| member.0 == name);
        found.map(|(_, value)| value)
    }

    /// The object of that name.
    pub fn object(self, name: &str) -> Option<Self> {
        Self::of(self.value(name)?)
    }

    /// The values of the array of that name; `None` when there is none.
    pub fn array(self, name: &str) -> Option<impl Iterator<Item = &'a str>> {
        let mut rest = self.value(name)?.strip_prefix('[')?;
        Some(core::iter::from_fn(move || {
            let (value, text) = split_value(core::mem::take(&mut rest))?;
            rest = text;
            (!value.is_empty()).then_some(value)
        }))
    }

    /// The string of that name.
    pub fn text(self, name: &str) -> Option<Text<'a>> {
        Text::of(self.value(name)?)
    }

    /// The whole number of that name.
    pub fn unsigned(self, name: &str) -> Option<u64> {
        units::unsigned(self.value(name)?.as_bytes())
    }

    /// The truth value of that name.
    pub fn boolean(self, name: &str) -> Option<bool> {
        match self.value(name)? {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }
}

/// A string; shows what it stands for, U+FFFD for an escape that stands for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text<'a>(&'a str);

impl<'a> Text<'a> {
    /// The string that `text` is, with its quotes; `None` when it is something else.
    pub fn of(text: &'a str) -> Option<Self> {
        text.strip_prefix('"')?.strip_suffix('"').map(Self)
    }

    /// Whether it stands for `text`, which needs no escape.
    pub fn is(self, text: &str) -> bool {
        self.0 == text
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some((before, escape)) = rest.split_once('\\') {
            f.write_str(before)?;
            let (c, after) = unescape(escape).unwrap_or(('\u{fffd}', escape));
            f.write_char(c)?;
            rest = after;
        }
        f.write_str(rest)
    }
}

/// The character that an escape, which comes without its backslash, stands for, and what follows.
fn unescape(escape: &str) -> Option<(char, &str)> {
    let kind = escape.chars().next()?;
    let rest = &escape[kind.len_utf8()..];
    let c = match kind {
        '"' | '\\' | '/' => kind,
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => return code_point(rest),
        _ => return None,
    };
    Some((c, rest))
}

/// What four digits stand for, or, beyond U+FFFF, four and an escape of four more.
fn code_point(text: &str) -> Option<(char, &str)> {
    let four = |text: &str| {
        let digits = text.get(..4)?;
        let are_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        u32::from_str_radix(digits, 16).ok().filter(|_| are_hex)
    };
    let (high, rest) = (four(text)?, &text[4..]);
    if let Some(c) = char::from_u32(high) {
        return Some((c, rest));
    }
    let text = rest.strip_prefix("\\u")?;
    let low = four(text)?;
    // UTF-16: a high surrogate, then a low one.
    let is_pair = (0xd800..0xdc00).contains(&high) && (0xdc00..0xe000).contains(&low);
    let code = || 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00);
    let c = char::from_u32(is_pair.then(code)?)?;
    Some((c, &text[4..]))
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

/// The value that `text` begins with, without blanks, and what follows the comma behind it; nothing
/// when that is a bracket.
fn split_value(text: &str) -> Option<(&str, &str)> {
    let (mut depth, mut rest) = (0_usize, text);
    loop {
        let at = rest.find(['"', '{', '[', '}', ']', ','])?;
        let byte = rest.as_bytes()[at];
        if depth == 0 && matches!(byte, b'}' | b']' | b',') {
            let (value, rest) = text.split_at(text.len() - rest.len() + at);
            return Some((value.trim(), rest.strip_prefix(',').unwrap_or_default()));
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

    fn members(text: &str) -> Vec<(&str, &str)> {
        Object::of(text).map_or(Vec::new(), |object| object.members().collect())
    }

    #[test]
    fn values_come_as_they_are_written() {
        assert_eq!(members("{}"), []);
        assert_eq!(members(r#"{"a":1}"#), [("a", "1")]);
        let object = r#" { "a" : -1.50 , "b":{"c":["}",{}],"a":2},"d":"\"},\\","e":[1, 2] } "#;
        let expected = [
            ("a", "-1.50"),
            ("b", r#"{"c":["}",{}],"a":2}"#),
            ("d", r#""\"},\\""#),
            ("e", "[1, 2]"),
        ];
        assert_eq!(members(object), expected);
    }

    #[test]
    fn values_are_taken_as_what_they_are() {
        let object = r#"{"a\"":1,"a":18446744073709551615,"a":3,"b":{"c":true},"d":"x","e":-1}"#;
        let object = Object::of(object).unwrap();
        assert_eq!(object.unsigned("a"), Some(u64::MAX));
        assert_eq!(object.object("b").unwrap().boolean("c"), Some(true));
        assert!(object.text("d").unwrap().is("x"));
        assert!(object.text("a").is_none() && object.object("a").is_none());
        assert!(object.unsigned("e").is_none() && object.boolean("e").is_none());
        assert!(object.value("f").is_none() && object.array("b").is_none());
    }

    #[test]
    fn arrays_are_taken_apart() {
        let array = |text: &str| {
            let text = format!("{{\"a\":{text}}}");
            let object = Object::of(&text).unwrap();
            let values = object.array("a").map(|values| values.map(str::to_owned));
            values.map(|values| values.collect::<Vec<_>>())
        };
        assert_eq!(array("[]").unwrap(), [""; 0]);
        assert_eq!(array("[ ]").unwrap(), [""; 0]);
        assert_eq!(
            array(r#"[1, [2,3],{"]":","} ]"#).unwrap(),
            ["1", "[2,3]", r#"{"]":","}"#]
        );
        assert!(array("1").is_none());
    }

    #[test]
    fn what_is_cut_off_ends_the_members() {
        let whole = r#"{"a":[1,{"b":"c"}],"d":true}"#;
        for len in 0..whole.len() {
            assert!(members(&whole[..len]).len() < 2);
        }
        for other in [
            "", "[1]", "1", "\"{\"", "{{", "{1:2}", "{\"a\"}", "{\"a\":}",
        ] {
            assert!(
                members(other).iter().all(|(_, value)| value.is_empty()),
                "{other}"
            );
        }
    }

    #[test]
    fn escapes_that_stand_for_nothing_are_replaced() {
        let text = Text(r"a\ud83d\ude00\u00e9\x\u12\ud83d\ud83d.\");
        assert_eq!(
            text.to_string(),
            "a\u{1F600}\u{e9}\u{fffd}x\u{fffd}u12\u{fffd}ud83d\u{fffd}ud83d.\u{fffd}"
        );
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[{}\\[\\]\",:\\\\aud8901 é]{0,60}") {
            let _ = members(&text).len();
            let _ = Text(&text).to_string();
        }

        #[test]
        fn any_string_is_shown_as_it_was(
            value in ".{0,80}",
            control in "[\u{0}-\u{1f}\"\\\\]{0,9}",
        ) {
            let value = value + &control;
            let written = miniserde::json::to_string(&value);
            prop_assert_eq!(Text::of(&written).unwrap().to_string(), value);
        }
    }
}
