// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any bytes as UCI text: it ends, lines only go up, and what came out is read back when written.

use netvitals::codec::uci::{Event, Reader};

fn write(event: Event, text: &mut String) {
    let quoted = |word: &str| format!("'{}'", word.replace('\'', "'\\''"));
    let (statement, first, second) = match event {
        Event::Package(name) => ("package", name, None),
        Event::Section(kind, name) => ("config", kind, name),
        Event::Option(name, value) => ("option", name, Some(value)),
        Event::List(name, value) => ("list", name, Some(value)),
    };
    *text += &format!("{statement} {}", quoted(first));
    if let Some(second) = second {
        *text += &format!(" {}", quoted(second));
    }
    *text += "\n";
}

/// All events, written again; whether there were errors.
fn read(input: &[u8]) -> (String, bool) {
    let mut reader = Reader::new(input);
    let (mut text, mut wrong, mut line) = (String::new(), false, 0);
    let lines = 1 + input.iter().filter(|&&byte| byte == b'\n').count();
    loop {
        let at = match reader.next_event() {
            Ok(None) => return (text, wrong),
            Ok(Some(event)) => {
                write(event, &mut text);
                reader.line()
            }
            Err(error) => {
                wrong = true;
                error.line
            }
        };
        assert!(line <= at && at as usize <= lines);
        line = at;
    }
}

/// One input.
pub fn run(input: &[u8]) {
    let (text, _) = read(input);
    // An option after `package` and before a section cannot come out, so the text is whole.
    assert_eq!(read(text.as_bytes()), (text, false));
}
