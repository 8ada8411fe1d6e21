// SPDX-License-Identifier: MIT OR Apache-2.0
//! The corpus of each fuzz target, run once with the ordinary tests.

use std::fs;
use std::path::PathBuf;

#[cfg(feature = "http")]
#[path = "fuzz/bodies/answer.rs"]
mod answer;
#[path = "fuzz/bodies/netdev.rs"]
mod netdev;
#[path = "fuzz/bodies/segment.rs"]
mod segment;

fn replay(target: &str, run: impl Fn(&[u8])) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fuzz/corpus")
        .join(target);
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        println!("{}", path.display());
        run(&fs::read(path).unwrap());
        count += 1;
    }
    assert!(count >= 5, "{target}: only {count} files");
}

#[test]
fn netdev_corpus() {
    replay("netdev", netdev::run);
}

#[test]
fn segment_corpus() {
    replay("segment", segment::run);
}

#[cfg(feature = "http")]
#[test]
fn answer_corpus() {
    replay("answer", answer::run);
}
