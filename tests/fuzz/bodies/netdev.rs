// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any bytes as /proc/net/dev, in pieces of any size: never a panic, the same sample whatever the
//! pieces, and a document that is one line of UTF-8.

use std::num::NonZeroU64;

use netvitals::collect::interfaces::Interfaces;
use netvitals::encode::json::Style;
use netvitals::encode::netmon;
use netvitals::limits::NETMON_DOCUMENT_BYTES_MAX;
use netvitals::model::interface::{Sample, Window};
use netvitals::model::selection::Selection;

fn read(input: &[u8], piece: usize) -> (Box<Sample>, bool) {
    let mut sample = Box::new(Sample::new());
    let mut rest = input;
    let read = |space: &mut [u8]| {
        let len = piece.min(space.len()).min(rest.len());
        space[..len].copy_from_slice(&rest[..len]);
        rest = &rest[len..];
        Ok(len)
    };
    let whole =
        Interfaces::new(Selection::default(), netmon::RESERVED).read_pieces(read, &mut sample);
    (sample, whole.is_ok())
}

/// One input; its first byte is the size of the pieces.
pub fn run(input: &[u8]) {
    let (piece, text) = match input.split_first() {
        Some((piece, text)) => (usize::from(*piece) + 1, text),
        None => (1, input),
    };
    let (earlier, ok) = read(text, usize::MAX);
    let (later, also_ok) = read(text, piece);
    assert_eq!((ok, earlier.left_out), (also_ok, later.left_out));
    assert!(earlier.iter().eq(later.iter()));
    let window = Window {
        earlier: &earlier,
        later: &later,
        elapsed_us: NonZeroU64::MIN,
    };
    let mut buffer = vec![0; NETMON_DOCUMENT_BYTES_MAX];
    for style in [Style::Compact, Style::Indented] {
        let document = netmon::document(window, "host", style, &mut buffer).unwrap();
        let document = std::str::from_utf8(document).unwrap();
        assert!(document.matches('{').count() > later.len());
        if style == Style::Compact {
            assert_eq!(document.find('\n'), Some(document.len() - 1));
        }
    }
}
