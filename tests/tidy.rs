// SPDX-License-Identifier: MIT OR Apache-2.0
//! The rules of the house, as a test: which room may import which, sizes, `unsafe`, clocks.
//!
//! Plain text scanning of formatted code. Each rule is tried on a planted violation below.

use std::fs;
use std::path::{Path, PathBuf};

const LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 60;
const LINE_CHARS_MAX: usize = 100;

/// Room | rooms it may import | crates it may name, outside of its tests. `*` is all of them.
const ROOMS: &str = "
main    | cmd |
lib     | * |
limits  | |
time    | |
failure | |
model   | limits time | heapless
codec   | model limits time | etherparse memchr heapless
engine  | codec model limits time |
sys     | limits time model::addr model::usage | rustix libc log
tls     | limits time failure sys | rustls
collect | model codec engine sys limits time failure tls | log
encode  | model limits time | embedded_io itoa zmij
term    | model limits time sys::terminal sys::clock | log
sink    | limits time failure sys tls engine::retry encode::json | \
          ureq miniserde embedded_io miniz_oxide log
cmd     | * | argh miniserde log
tstat   | limits time failure sys tls sink term engine::retry encode::json cmd::argv | \
          memchr itoa zmij log
connspy | limits time failure sys tls sink term engine::retry encode::json cmd::argv | \
          memchr flate2 log
";

/// What stands at the top of the project.
const TOP: &str = ".ci .git .gitignore CHANGELOG.md Cargo.lock Cargo.toml LICENSE-APACHE \
                   LICENSE-MIT README.md cross dist openwrt src target tests";

struct Room {
    rooms: Vec<&'static str>,
    crates: Vec<&'static str>,
}

fn room(name: &str) -> Option<Room> {
    let line = ROOMS
        .lines()
        .find(|line| line.split('|').next().unwrap().trim() == name)?;
    let column = |i| {
        line.split('|')
            .nth(i)
            .unwrap_or_default()
            .split_whitespace()
            .collect()
    };
    (!name.is_empty()).then(|| Room {
        rooms: column(1),
        crates: column(2),
    })
}

/// Every crate that some room may name.
fn crates() -> impl Iterator<Item = &'static str> {
    ROOMS
        .lines()
        .filter_map(|line| line.split('|').nth(2))
        .flat_map(str::split_whitespace)
}

/// What is wrong with the file `path`, one line each.
fn check(path: &str, text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let lines: Vec<&str> = text.lines().collect();
    if !lines
        .iter()
        .take(2)
        .any(|line| line.contains("SPDX-License-Identifier"))
    {
        wrong.push(format!("{path}: no SPDX line"));
    }
    if path.ends_with(".rs") && !lines.get(1).is_some_and(|line| line.starts_with("//!")) {
        wrong.push(format!("{path}: no //! header in line 2"));
    }
    if lines.len() > LINES_MAX {
        wrong.push(format!(
            "{path}: {} lines, at most {LINES_MAX}",
            lines.len()
        ));
    }
    for (i, line) in lines.iter().enumerate() {
        let mut say = |what: &str| wrong.push(format!("{path}:{}: {what}", i + 1));
        if line.chars().count() > LINE_CHARS_MAX {
            say("line too long");
        }
        if function_lines(&lines[i..]).is_some_and(|count| count > FUNCTION_LINES_MAX) {
            say("function too long");
        }
        if let Some(inside) = path.strip_prefix("src/") {
            check_room(inside, line, &lines[..i], &mut say);
        }
    }
    wrong
}

fn check_room(path: &str, line: &str, before: &[&str], say: &mut impl FnMut(&str)) {
    let code = line.split("//").next().unwrap_or_default();
    let name = path.split(['/', '.']).next().unwrap_or_default();
    let Some(room) = room(name) else {
        say("a room that tests/tidy.rs does not know");
        return;
    };
    for import in mentions(code, "crate::").chain(mentions(code, "netvitals::")) {
        let own = import.split("::").next() == Some(name);
        let allowed = |rule: &&str| {
            let rest = import.strip_prefix(*rule);
            *rule == "*" || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        };
        if !own && !room.rooms.iter().any(allowed) {
            say(&format!("room {name} may not import {import}"));
        }
    }
    if ["super::super", "crate as", "crate::*"]
        .iter()
        .any(|detour| code.contains(detour))
    {
        say("a detour around the rooms");
    }
    let test_module = |pair: &[&str]| pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod ");
    let in_tests = before.windows(2).any(test_module);
    for krate in crates() {
        if !in_tests && !room.crates.contains(&krate) && has_word(code, krate, "::") {
            say(&format!("room {name} may not name crate {krate}"));
        }
    }
    check_system(path, name, code, before, say);
}

/// What only `sys` may do, and what nobody may.
fn check_system(path: &str, room: &str, code: &str, before: &[&str], say: &mut impl FnMut(&str)) {
    let any = |words: &[&str]| words.iter().any(|word| has_word(code, word, ""));
    if has_word(code, "unsafe", " ") {
        let explained = before
            .iter()
            .rev()
            .take(6)
            .any(|line| line.contains("// SAFETY:"));
        if room != "sys" {
            say("unsafe outside sys");
        } else if !explained {
            say("unsafe without a SAFETY comment above");
        }
    }
    let clocks = ["Instant", "SystemTime", "UNIX_EPOCH", "clock_gettime"];
    if path != "sys/clock.rs" && any(&clocks) {
        say("a clock is read outside sys::clock");
    }
    if any(&["AtomicU64", "AtomicI64"]) {
        say("64-bit atomics do not exist on mips");
    }
    if any(&["println!", "eprintln!", "print!", "eprint!", "dbg!"]) {
        say("text goes through term or sink::stdout");
    }
    let group = code.split_once("std::{").map_or("", |(_, group)| group);
    let grouped = ["fs", "net", "os", "process"]
        .iter()
        .any(|word| has_word(group, word, ""));
    let system = [
        "std::fs",
        "std::net",
        "std::os",
        "std::process::Command",
        "thread::sleep",
    ];
    if room != "sys" && (grouped || any(&system)) {
        say("the system is reached outside sys");
    }
    if !["sys", "cmd", "main"].contains(&room) && any(&["std::env"]) {
        say("the environment is read outside cmd");
    }
}

/// The paths that follow `prefix`, as far as names go.
fn mentions<'a>(code: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    code.match_indices(prefix).map(move |(at, _)| {
        let rest = &code[at + prefix.len()..];
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != ':');
        rest[..end.unwrap_or(rest.len())].trim_end_matches(':')
    })
}

/// Whether `word` stands in `code` as a whole word, followed by `suffix`.
fn has_word(code: &str, word: &str, suffix: &str) -> bool {
    let name = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).any(|(at, _)| {
        let after = &code[at + word.len()..];
        !code[..at].ends_with(name) && after.starts_with(suffix) && !after.starts_with(name)
    })
}

/// How many lines the function has that begins at the first line; `None` when none does.
fn function_lines(lines: &[&str]) -> Option<usize> {
    let first = lines.first()?;
    let start = first.trim_start();
    let indent = &first[..first.len() - start.len()];
    let at = start.match_indices("fn ").map(|(at, _)| at).next()?;
    let modifiers = start[..at].split_whitespace();
    let mut known = modifiers.map(|word| {
        [
            "pub",
            "pub(super)",
            "pub(crate)",
            "const",
            "unsafe",
            "extern",
            "\"C\"",
        ]
        .contains(&word)
    });
    if !known.all(|known| known) {
        return None;
    }
    let end = format!("{indent}}}");
    Some(lines.iter().position(|line| *line == end)? + 1)
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The files of the project below `folder` that people write.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !["target", "corpus", "artifacts", "coverage", "cases"].contains(&name.as_str()) {
                sources(&path, found);
            }
        } else if [".rs", ".sh"].iter().any(|end| name.ends_with(end)) {
            found.push(path);
        }
    }
}

#[test]
fn the_house_is_in_order() {
    let mut found = Vec::new();
    for folder in ["src", "tests", "cross", "openwrt"] {
        let folder = root().join(folder);
        if folder.is_dir() {
            sources(&folder, &mut found);
        }
    }
    assert!(found.len() > 30, "only {} files seen", found.len());
    let mut wrong = Vec::new();
    for path in &found {
        let name = path
            .strip_prefix(root())
            .unwrap()
            .to_string_lossy()
            .into_owned();
        wrong.extend(check(&name, &fs::read_to_string(path).unwrap()));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_top_level_holds_nothing_else() {
    for entry in fs::read_dir(root()).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        assert!(
            TOP.split_whitespace().any(|known| known == name),
            "{name} does not belong to the top level"
        );
    }
}

/// A file that only `line` can make wrong.
#[track_caller]
fn planted(path: &str, lines: &str, expected: &str) {
    let head = "// SPDX-License-Identifier: MIT OR Apache-2.0\n//! Header.\n";
    let wrong = check(path, &format!("{head}{lines}\n"));
    if expected.is_empty() {
        assert!(wrong.is_empty(), "{wrong:?}");
    } else {
        assert!(
            wrong.iter().any(|line| line.contains(expected)),
            "{expected}: {wrong:?}"
        );
    }
}

#[test]
fn rooms_are_kept_apart() {
    planted(
        "src/codec/x.rs",
        "use crate::sys::files;",
        "codec may not import sys::files",
    );
    planted(
        "src/model/x.rs",
        "let x = crate::codec::y();",
        "model may not import codec::y",
    );
    planted(
        "src/sink/x.rs",
        "use crate::engine::echo;",
        "sink may not import engine::echo",
    );
    planted("src/sink/x.rs", "use crate::encode::json::Json;", "");
    planted(
        "src/term/x.rs",
        "use crate::sys::terminals;",
        "term may not import sys::terminals",
    );
    planted("src/cmd/x.rs", "use crate::tstat::x;", "");
    planted("src/attic/x.rs", "", "does not know");
    planted("src/codec/x.rs", "super::super::sys::x()", "detour");
    planted("src/model/x.rs", "use crate as rooms;", "detour");
    planted(
        "src/main.rs",
        "netvitals::sys::x();",
        "main may not import sys::x",
    );
}

#[test]
fn crates_are_named_where_they_belong() {
    planted(
        "src/cmd/x.rs",
        "use rustix::fs;",
        "cmd may not name crate rustix",
    );
    planted("src/sys/x.rs", "use rustix::fs;", "");
    planted(
        "src/engine/x.rs",
        "log::info!(\"x\");",
        "engine may not name crate log",
    );
}

#[test]
fn sizes_are_bounded() {
    planted("src/x/y.rs", &"\n".repeat(LINES_MAX), "lines, at most");
    planted("tests/x.rs", &"x".repeat(LINE_CHARS_MAX), "");
    planted(
        "tests/x.rs",
        &"x".repeat(LINE_CHARS_MAX + 1),
        "line too long",
    );
    let function = |lines| format!("    pub(super) fn x() {{{}\n    }}", "\n".repeat(lines));
    planted("tests/x.rs", &function(FUNCTION_LINES_MAX - 2), "");
    planted(
        "tests/x.rs",
        &function(FUNCTION_LINES_MAX - 1),
        "function too long",
    );
}

#[test]
fn the_system_stands_behind_one_door() {
    planted("src/cmd/x.rs", "unsafe { x() }", "unsafe outside sys");
    planted("src/sys/x.rs", "unsafe { x() }", "without a SAFETY comment");
    planted("src/sys/x.rs", "// SAFETY: known.\nunsafe { x() }", "");
    planted(
        "src/sys/x.rs",
        "let now = std::time::Instant::now();",
        "clock",
    );
    planted("src/engine/x.rs", "SystemTime::now()", "clock");
    planted("src/sink/x.rs", "std::fs::read(x)", "outside sys");
    planted("src/cmd/x.rs", "use std::net::TcpStream;", "outside sys");
    planted(
        "src/model/x.rs",
        "use core::sync::atomic::AtomicU64;",
        "64-bit atomics",
    );
}

#[test]
fn every_file_says_what_it_is() {
    assert_eq!(check("tests/x.rs", "fn main() {}\n").len(), 2);
    assert_eq!(check("cross/x.sh", "#!/bin/sh\n").len(), 1);
}
