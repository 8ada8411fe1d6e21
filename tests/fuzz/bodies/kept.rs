// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any bytes as a kept state of connspy: what is taken for one is written again as it was.

use netvitals::connspy::state::text::{Counted, Reader, Writer};

/// One input.
pub fn run(input: &[u8]) {
    let Some(text) = input.strip_suffix(b"\n") else {
        return;
    };
    let (mut reader, mut hosts) = (Reader::default(), Vec::new());
    for line in text.split(|byte| *byte == b'\n') {
        match reader.line(line) {
            Ok(counted) => hosts.extend(counted),
            Err(_) => return,
        }
    }
    let Ok(head) = reader.finish() else {
        return;
    };
    let written = |hosts: &[Counted<'_>]| {
        let mut writer = Writer::new(&head);
        hosts.iter().for_each(|counted| writer.host(*counted));
        writer.end();
        writer.bytes
    };
    let once = written(&hosts);
    let (mut reader, mut again) = (Reader::default(), Vec::new());
    for line in once[..once.len() - 1].split(|byte| *byte == b'\n') {
        again.extend(reader.line(line).expect("what is written can be read"));
    }
    assert_eq!((reader.finish().as_ref(), &again), (Ok(&head), &hosts));
}
