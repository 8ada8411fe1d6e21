// SPDX-License-Identifier: MIT OR Apache-2.0
//! What `connspy --tail` reads of logs that others rename, cut, copy, pack and remove, step by
//! step.
#![cfg(feature = "connspy")]

use std::fs;
use std::io::Write;

use netvitals::connspy::tail::follow::{Follower, Next};

mod support;
use support::tempdir::TempDir;

/// A directory of logs.
struct Logs(TempDir);

impl Logs {
    fn new() -> Self {
        Self(TempDir::new())
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn append(&self, name: &str, text: &str) {
        let mut options = fs::OpenOptions::new();
        let mut file = options
            .create(true)
            .append(true)
            .open(self.path(name))
            .unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    /// Copies the file and cuts it.
    fn cut(&self, from: &str, to: &str) {
        fs::copy(self.path(from), self.path(to)).unwrap();
        self.empty(from);
    }

    fn empty(&self, name: &str) {
        fs::OpenOptions::new()
            .write(true)
            .truncate(true)
            .open(self.path(name))
            .unwrap();
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).unwrap();
    }

    fn pack(&self, name: &str) {
        let file = fs::File::create(self.path(&format!("{name}.gz"))).unwrap();
        let mut packer = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
        packer
            .write_all(&fs::read(self.path(name)).unwrap())
            .unwrap();
        packer.finish().unwrap();
        self.remove(name);
    }

    fn follower(&self) -> Follower {
        Follower::new(&[self.path("log")], None).unwrap()
    }
}

/// What there is to be read, `|` where a line ends because its file does.
fn read(follower: &mut Follower) -> String {
    let mut text = String::new();
    loop {
        let bytes = match follower.read().unwrap() {
            Next::Bytes(len) => follower.input.filled(len),
            Next::Rest => {
                text.push('|');
                follower.input.rest()
            }
            Next::Nothing | Next::End => return text,
        };
        text.push_str(core::str::from_utf8(bytes).unwrap());
    }
}

/// Another follower, which goes on where `follower` is.
fn restarted(logs: &Logs, follower: &Follower) -> Follower {
    let mut again = logs.follower();
    let is_found = again.resume(follower.index(), &follower.mark()).unwrap();
    assert!(is_found);
    let input = &follower.input;
    let waiting = input.waiting_bytes();
    again.input.resume(waiting, input.is_overlong());
    again
}

#[test]
fn whole_lines_are_read_as_they_come() {
    let logs = Logs::new();
    let mut follower = logs.follower();
    assert_eq!(read(&mut follower), "");
    logs.append("log", "a\nb");
    assert_eq!(read(&mut follower), "a\n");
    assert_eq!(read(&mut follower), "");
    logs.append("log", "c\n");
    assert_eq!(read(&mut follower), "bc\n");
}

#[test]
fn a_renamed_log_is_read_to_its_end_first() {
    let logs = Logs::new();
    logs.append("log", "a\n");
    let mut follower = logs.follower();
    assert_eq!(read(&mut follower), "a\n");
    logs.rename("log", "log.1");
    // Its writer has not noticed yet.
    logs.append("log.1", "b\n");
    assert_eq!(read(&mut follower), "b\n");
    logs.append("log", "");
    logs.append("log.1", "c\nd");
    assert_eq!(read(&mut follower), "c\n");
    logs.append("log.1", "e");
    logs.append("log", "f\n");
    assert_eq!(read(&mut follower), "|def\n");
}

#[test]
fn parts_that_came_and_went_between_two_looks_are_read() {
    let logs = Logs::new();
    logs.append("log", "a\n");
    let mut follower = logs.follower();
    assert_eq!(read(&mut follower), "a\n");
    let mut again = restarted(&logs, &follower);
    for text in ["b\n", "", "c\n", "d\n"] {
        for number in (1..5).rev() {
            let part = format!("log.{number}");
            if fs::exists(logs.path(&part)).unwrap() {
                logs.rename(&part, &format!("log.{}", number + 1));
            }
        }
        logs.rename("log", "log.1");
        logs.append("log", text);
    }
    assert_eq!(read(&mut follower), "b\nc\nd\n");
    assert_eq!(read(&mut again), "b\nc\nd\n");
}

#[test]
fn dates_in_names_tell_the_order() {
    let logs = Logs::new();
    logs.append("log", "a\n");
    let mut follower = logs.follower();
    assert_eq!(read(&mut follower), "a\n");
    for (date, text) in [
        ("-20261119", "b\n"),
        ("-20261120", "c\n"),
        ("-20261121", "d\n"),
    ] {
        logs.rename("log", &format!("log{date}"));
        logs.append("log", text);
    }
    logs.append("log.old", "x\n");
    assert_eq!(read(&mut follower), "b\nc\nd\n");
}

#[test]
fn the_copy_of_a_log_that_was_cut_has_the_rest() {
    let logs = Logs::new();
    logs.append("log", "a\n");
    let mut follower = logs.follower();
    assert_eq!(read(&mut follower), "a\n");
    let mut again = restarted(&logs, &follower);
    logs.append("log", "b\nc");
    logs.append("log", "d\n");
    logs.cut("log", "log.1");
    // Longer than before, so that its length tells nothing.
    logs.append("log", "e\nffffffffffffffffffff\n");
    logs.rename("log.1", "log.2");
    logs.cut("log", "log.1");
    logs.append("log", "g\n");
    let expected = "b\ncd\ne\nffffffffffffffffffff\ng\n";
    assert_eq!(read(&mut follower), expected);
    assert_eq!(read(&mut again), expected);
}

#[test]
fn a_copy_whose_original_is_not_cut_yet_is_not_read_twice() {
    let logs = Logs::new();
    logs.append("log", "a\n");
    let mut follower = logs.follower();
    assert_eq!(read(&mut follower), "a\n");
    logs.append("log", "b\n");
    logs.cut("log", "log.1");
    assert_eq!(read(&mut follower), "b\n");
    logs.append("log", "c\n");
    logs.rename("log.1", "log.2");
    fs::copy(logs.path("log"), logs.path("log.1")).unwrap();
    assert_eq!(read(&mut follower), "c\n");
    logs.append("log", "d\n");
    assert_eq!(read(&mut follower), "d\n");
}

#[test]
fn a_copy_that_is_not_whole_yet_is_not_left_too_early() {
    let text = "b\nc\nd";
    for (len, looks) in (0..=text.len()).flat_map(|len| (0..8).map(move |looks| (len, looks))) {
        let logs = Logs::new();
        logs.append("log", "a\n");
        let mut follower = logs.follower();
        let mut found = read(&mut follower);
        logs.cut("log", "log.1");
        found += &read(&mut follower);
        let mut look = |step: u32| {
            if looks & step != 0 {
                found += &read(&mut follower);
            }
        };
        logs.append("log", text);
        look(1);
        logs.rename("log.1", "log.2");
        logs.append("log.1", &text[..len]);
        look(2);
        logs.append("log.1", &text[len..]);
        look(4);
        logs.empty("log");
        logs.append("log", "e\n");
        found += &read(&mut follower);
        assert_eq!(found, "a\nb\nc\n|de\n", "{len} {looks}");
    }
}

#[test]
fn a_log_that_was_cut_without_a_copy_goes_on_at_its_start() {
    let logs = Logs::new();
    logs.append("log", "a\nb");
    let mut follower = logs.follower();
    assert_eq!(read(&mut follower), "a\n");
    logs.empty("log");
    assert_eq!((read(&mut follower), follower.lost), (String::new(), 1));
    logs.append("log", "c\n");
    assert_eq!((read(&mut follower), follower.lost), ("c\n".to_owned(), 1));
    // Written anew, and longer.
    logs.empty("log");
    logs.append("log", "d\ne\nf\n");
    assert_eq!(
        (read(&mut follower), follower.lost),
        ("d\ne\nf\n".to_owned(), 1)
    );
}

#[test]
fn a_log_that_was_removed_is_waited_for() {
    let logs = Logs::new();
    logs.append("log", "a\n");
    let mut follower = logs.follower();
    assert_eq!(read(&mut follower), "a\n");
    logs.append("log", "b\n");
    logs.remove("log");
    assert_eq!(read(&mut follower), "b\n");
    assert_eq!(read(&mut follower), "");
    logs.append("log", "c\n");
    assert_eq!(read(&mut follower), "c\n");
}

#[test]
fn a_directory_that_was_removed_is_waited_for() {
    let logs = Logs::new();
    fs::create_dir(logs.path("sub")).unwrap();
    logs.append("sub/log", "a\n");
    let mut follower = Follower::new(&[logs.path("sub/log")], None).unwrap();
    assert_eq!(read(&mut follower), "a\n");
    fs::remove_dir_all(logs.path("sub")).unwrap();
    assert_eq!(read(&mut follower), "");
    fs::create_dir(logs.path("sub")).unwrap();
    logs.append("sub/log", "b\n");
    assert_eq!(read(&mut follower), "b\n");
}

#[test]
fn packed_parts_are_found_by_what_is_in_them() {
    let logs = Logs::new();
    logs.append("log", "a\n");
    let mut follower = logs.follower();
    assert_eq!(read(&mut follower), "a\n");
    let mut again = restarted(&logs, &follower);
    logs.append("log", "b\nc");
    logs.rename("log", "log.2");
    logs.pack("log.2");
    logs.append("log.1", "d\n");
    logs.pack("log.1");
    logs.append("log", "e\n");
    let expected = "b\n|cd\ne\n";
    assert_eq!(read(&mut follower), expected);
    assert_eq!(read(&mut again), expected);
    let mut again = restarted(&logs, &again);
    logs.append("log", "f\n");
    assert_eq!(read(&mut again), "f\n");
}

#[test]
fn a_restart_before_anything_was_read_finds_the_log_again() {
    let logs = Logs::new();
    logs.append("log", "a\nb");
    let mut follower = logs.follower();
    assert!(follower.open().unwrap());
    logs.append("log", "c\n");
    logs.cut("log", "log.1");
    logs.append("log", "d\n");
    assert_eq!(read(&mut restarted(&logs, &follower)), "a\nbc\nd\n");
    assert_eq!(read(&mut follower), "a\nbc\nd\n");
    // Between two parts.
    logs.cut("log", "log.0");
    assert_eq!(read(&mut follower), "");
    logs.append("log", "e\n");
    assert_eq!(read(&mut restarted(&logs, &follower)), "e\n");
}

#[test]
fn another_log_is_not_taken_for_the_same() {
    let logs = Logs::new();
    logs.append("log", "a\nb\n");
    let mut follower = logs.follower();
    assert_eq!(read(&mut follower), "a\nb\n");
    // The same inode, and no copy.
    logs.empty("log");
    logs.append("log", "x\ny\nz\n");
    let mut again = logs.follower();
    assert!(!again.resume(0, &follower.mark()).unwrap());
    assert_eq!(read(&mut again), "x\ny\nz\n");
}

#[test]
fn logs_are_read_in_their_order() {
    let logs = Logs::new();
    logs.append("first", "a\nb");
    logs.append("second", "c\n");
    logs.pack("second");
    logs.append("log", "d\n");
    let paths = ["first", "second.gz", "log"].map(|name| logs.path(name));
    let mut follower = Follower::new(&paths, None).unwrap();
    assert_eq!(read(&mut follower), "a\n|bc\nd\n");
    logs.append("log", "e\n");
    assert_eq!(read(&mut follower), "e\n");
    assert_eq!(follower.index(), 2);
    let paths = ["absent", "log"].map(|name| logs.path(name));
    assert!(Follower::new(&paths, None).unwrap().read().is_err());
}
