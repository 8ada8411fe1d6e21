// SPDX-License-Identifier: MIT OR Apache-2.0
//! `.progress`: what it remembers, and for whom.
#![cfg(feature = "tstat")]

use std::fs;

use netvitals::sys::files::c_path;
use netvitals::sys::tree::Directory;
use netvitals::tstat::journal::{FORM, Found, Journal};

mod support;
use support::tempdir::TempDir;

fn open(root: &TempDir) -> Directory {
    Directory::open(&c_path(root.path().to_str().unwrap()).unwrap()).unwrap()
}

#[test]
fn what_was_confirmed_is_remembered_for_the_same_logs_only() {
    let tree = TempDir::new();
    let directory = open(&tree);
    let open = |key| Journal::open(&directory, key).unwrap();
    let (mut journal, found) = open("a");
    assert_eq!(found, Found::Nothing);
    [0, 1, 2, 5].iter().for_each(|number| journal.note(*number));
    journal.write().unwrap();
    journal.note(6);
    journal.write().unwrap();
    let (journal, found) = open("a");
    assert_eq!(found, Found::Ours);
    let held: Vec<_> = (0..9)
        .filter(|n| journal.confirmed().contains(*n))
        .collect();
    assert_eq!(
        (held, journal.confirmed().count()),
        (vec![0, 1, 2, 5, 6], 5)
    );
    assert_eq!(open("b").1, Found::Stale);
    assert_eq!(open("b").1, Found::Nothing);
    // Nothing was confirmed for that either, so nothing goes out again.
    let (journal, found) = open("a");
    assert_eq!((journal.confirmed().count(), found), (0, Found::Nothing));
}

#[test]
fn a_line_that_was_cut_off_does_not_count() {
    let tree = TempDir::new();
    let directory = open(&tree);
    let head = format!("{FORM} a\n");
    let file = tree.path().join(".progress");
    let whole = format!("{head}0-11\n13\n");
    for cut in 0..=whole.len() {
        fs::write(&file, &whole[..cut]).unwrap();
        let (mut journal, _) = Journal::open(&directory, "a").unwrap();
        let lines = whole[..cut].strip_prefix(&head).unwrap_or_default();
        let count = [0, 12, 13][lines.matches('\n').count()];
        assert_eq!(journal.confirmed().count(), count, "{cut}");
        journal.note(20);
        journal.write().unwrap();
        let (journal, found) = Journal::open(&directory, "a").unwrap();
        assert_eq!(
            (journal.confirmed().count(), found),
            (count + 1, Found::Ours)
        );
    }
}
