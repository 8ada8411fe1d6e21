// SPDX-License-Identifier: MIT OR Apache-2.0
//! Events of UCI text, as libuci reads it.

use super::*;
use crate::limits::UCI_WORD_BYTES_MAX;
use proptest::prelude::*;

/// Every event and every error, with its line.
fn read(text: &[u8]) -> Vec<(u32, String)> {
    let mut reader = Reader::new(text);
    let mut found = Vec::new();
    loop {
        let text = match reader.next_event() {
            Ok(None) => return found,
            Ok(Some(Event::Package(name))) => format!("package {name:?}"),
            Ok(Some(Event::Section(kind, name))) => format!("config {kind:?} {name:?}"),
            Ok(Some(Event::Option(name, value))) => format!("option {name:?} {value:?}"),
            Ok(Some(Event::List(name, value))) => format!("list {name:?} {value:?}"),
            Err(Error { line, fault }) => {
                found.push((line, format!("{fault:?}")));
                continue;
            }
        };
        found.push((reader.line(), text));
    }
}

#[track_caller]
fn check(text: &str, expected: &[(u32, &str)]) {
    let found = read(text.as_bytes());
    let found: Vec<_> = found
        .iter()
        .map(|(line, text)| (*line, text.as_str()))
        .collect();
    assert_eq!(found, expected, "{text:?}");
}

/// The value of an option written like this.
#[track_caller]
fn check_value(written: &str, expected: &str) {
    let text = format!("config a\noption b {written}\n");
    check(
        &text,
        &[
            (1, "config \"a\" None"),
            (2, &format!("option \"b\" {expected:?}")),
        ],
    );
}

#[test]
fn a_file_has_four_statements() {
    check(
        "\n# hosts\npackage dhcp\r\n\nconfig host 'tv'\n\toption mac '02:00:00:00:00:09' # x\n\
         \tlist dns \"1\"\n\nconfig host\n  option name tv#x\n",
        &[
            (3, "package \"dhcp\""),
            (5, "config \"host\" Some(\"tv\")"),
            (6, "option \"mac\" \"02:00:00:00:00:09\""),
            (7, "list \"dns\" \"1\""),
            (9, "config \"host\" None"),
            (10, "option \"name\" \"tv\""),
        ],
    );
    check(
        "c a b;o c d;;l e f",
        &[
            (1, "config \"a\" Some(\"b\")"),
            (1, "option \"c\" \"d\""),
            (1, "list \"e\" \"f\""),
        ],
    );
    check("", &[]);
}

#[test]
fn words_are_bare_or_quoted_or_both() {
    check_value("a", "a");
    check_value("'a b'", "a b");
    check_value("\"a b\"", "a b");
    check_value("''", "");
    check_value("a'b c'\"d e\"f", "ab cd ef");
    check_value("'it'\\''s'", "it's");
    check_value("'a\\b'", "a\\b");
    check_value("\"a\\\"b\\\\\"", "a\"b\\");
    check_value("a\\ b\\#c\\;", "a b#c;");
    check_value("'# no comment; no end'", "# no comment; no end");
    check_value("'\u{1F4FA}\t\u{1}'", "\u{1F4FA}\t\u{1}");
}

#[test]
fn words_go_over_lines() {
    check_value("'a\nb'", "a\nb");
    check_value("\"a\n\nb\"", "a\n\nb");
    check_value("\"a\\\nb\"", "ab");
    check_value("a\\\nb", "ab");
    check_value("a\\\r\nb", "ab");
    check_value("a\\", "a");
    check(
        "config a\noption b 'x\ny' \noption c 1 1\n",
        &[
            (1, "config \"a\" None"),
            (2, "option \"b\" \"x\\ny\""),
            (4, "TooManyWords"),
        ],
    );
}

#[test]
fn what_is_wrong_has_a_line() {
    check(
        "option a b\nlist a b\nconfig x\n",
        &[(1, "NoSection"), (2, "NoSection"), (3, "config \"x\" None")],
    );
    check(
        "config a\npackage b\noption c d",
        &[
            (1, "config \"a\" None"),
            (2, "package \"b\""),
            (3, "NoSection"),
        ],
    );
    check(
        "conf a\nconfig\npackage\nconfig a\noption\noption b\nlist b # c",
        &[
            (1, "UnknownStatement"),
            (2, "TooFewWords"),
            (3, "TooFewWords"),
            (4, "config \"a\" None"),
            (5, "TooFewWords"),
            (6, "TooFewWords"),
            (7, "TooFewWords"),
        ],
    );
    check(
        "package a b\nconfig a b c; config d",
        &[(1, "TooManyWords"), (2, "TooManyWords")],
    );
    check(
        "config a-b c\nconfig '' c\nconfig a c-d\npackage a-b\npackage a.b\nconfig a ''",
        &[
            (1, "config \"a-b\" Some(\"c\")"),
            (2, "BadName"),
            (3, "BadName"),
            (4, "package \"a-b\""),
            (5, "BadName"),
            (6, "config \"a\" None"),
        ],
    );
    check(
        "config a\noption b.c d\noption b 'x\n\noption c d\n",
        &[(1, "config \"a\" None"), (2, "BadName"), (3, "OpenQuote")],
    );
    assert_eq!(
        read(b"config \xff\nconfig 'a\0'\n"),
        [(1, "NotText".into()), (2, "NotText".into())]
    );
}

#[test]
fn a_word_is_bounded() {
    for (len, fits) in [(UCI_WORD_BYTES_MAX, true), (UCI_WORD_BYTES_MAX + 1, false)] {
        let found = read(format!("config a\noption b '{}'\nconfig c", "x".repeat(len)).as_bytes());
        assert_eq!(found[1].1 != "LongWord", fits);
        assert_eq!(found[2], (3, "config \"c\" None".into()));
    }
}

proptest! {
    #[test]
    fn any_text_is_read_to_its_end(
        noise: Vec<u8>,
        text in "(config|option|list|[ab'\"\\\\#; \n]){0,30}",
    ) {
        read(&noise);
        read(text.as_bytes());
    }

    #[test]
    fn what_uci_exports_is_read_back(value in "[^\0]{0,40}") {
        let text = format!("config a 'b'\n\toption c '{}'\n", value.replace('\'', "'\\''"));
        let option = format!("option \"c\" {value:?}");
        let expected = [(1, "config \"a\" Some(\"b\")".to_owned()), (2, option)];
        prop_assert_eq!(read(text.as_bytes()), expected);
    }
}
