// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which crates may be in the tree, under which licences, and that the binary names those it holds.

use std::collections::BTreeSet;
use std::process::Command;

use miniserde::{Deserialize, json};

/// Every crate that the binary may hold or that builds it: adding one is a decision.
const CRATES: &str = "adler2 argh argh_derive argh_shared arrayvec base64 bitflags byteorder \
                      bytes cc cfg-if crc32fast embedded-io errno etherparse find-msvc-tools \
                      flate2 getrandom hash32 heapless http httparse itoa libc linux-raw-sys log \
                      memchr mini-internal miniserde miniz_oxide once_cell percent-encoding \
                      proc-macro2 quote ring rustix rustls rustls-pki-types rustls-webpki shlex \
                      simd-adler32 stable_deref_trait subtle syn unicode-ident untrusted ureq \
                      ureq-proto utf8-zero zeroize zmij";

/// Licences that may be passed on with a binary, and those of tools that only the tests need.
const LICENCES: &str = "MIT Apache-2.0 BSD-3-Clause Unicode-3.0 Unlicense 0BSD Zlib ISC \
                        BSD-2-Clause Apache-2.0-WITH-LLVM-exception BSL-1.0";

/// CPUs that differ in what they need.
const TARGETS: [&str; 2] = ["x86_64-unknown-linux-musl", "mips-unknown-linux-musl"];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    license: Option<String>,
}

fn cargo(args: &[&str]) -> String {
    let mut cargo = Command::new(env!("CARGO"));
    let output = cargo
        .args(args)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// The crates of the program itself on every kind of CPU, all features, by this kind of edge.
fn tree(edges: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for target in TARGETS {
        let format = ["--prefix", "none", "--format", "{p}"];
        let of = [
            "tree",
            "--locked",
            "--all-features",
            "--target",
            target,
            "--edges",
            edges,
        ];
        let text = cargo(&[&of[..], &format].concat());
        names.extend(
            text.lines()
                .filter_map(|line| line.split(' ').next())
                .map(str::to_owned),
        );
    }
    names
}

/// Whether one side of each `AND` can be met by an allowed licence.
fn allowed(expression: &str) -> bool {
    let plain = expression
        .replace(" WITH ", "-WITH-")
        .replace('/', " OR ")
        .replace(['(', ')'], " ");
    let known = |licence: &str| {
        LICENCES
            .split_whitespace()
            .any(|known| known == licence.trim())
    };
    plain
        .split(" AND ")
        .all(|part| part.split(" OR ").any(known))
}

#[test]
fn only_chosen_crates_are_in_the_tree() {
    let chosen: BTreeSet<_> = CRATES.split_whitespace().map(str::to_owned).collect();
    let mut found = tree("normal,build");
    assert!(found.remove("netvitals"));
    let strange: Vec<_> = found.difference(&chosen).collect();
    assert!(strange.is_empty(), "not chosen: {strange:?}");
    let gone: Vec<_> = chosen.difference(&found).collect();
    assert!(gone.is_empty(), "chosen, but no longer there: {gone:?}");
}

#[test]
fn every_licence_is_a_known_one() {
    let text = cargo(&[
        "metadata",
        "--format-version",
        "1",
        "--locked",
        "--filter-platform",
        TARGETS[0],
    ]);
    let metadata: Metadata = json::from_str(&text).unwrap();
    assert!(metadata.packages.len() > 15);
    for package in metadata.packages {
        let licence = package.license.unwrap_or_default();
        assert!(allowed(&licence), "{}: licence {licence:?}", package.name);
    }
}

#[test]
fn licence_expressions_are_understood() {
    assert!(allowed("Unlicense OR MIT"));
    assert!(allowed("(MIT OR GPL-3.0) AND Unicode-3.0"));
    assert!(allowed("Apache-2.0 WITH LLVM-exception OR GPL-2.0"));
    for strange in ["", "GPL-3.0", "MIT AND GPL-3.0", "AGPL-3.0 OR SSPL-1.0"] {
        assert!(!allowed(strange), "{strange}");
    }
}

#[test]
fn the_notices_name_every_crate_of_the_binary() {
    let output = Command::new(env!("CARGO_BIN_EXE_netvitals"))
        .arg("--licenses")
        .output()
        .unwrap();
    let notices = String::from_utf8(output.stdout).unwrap();
    let builders = "netvitals argh_derive mini-internal proc-macro2 quote syn unicode-ident";
    for name in tree("normal") {
        let named = notices
            .lines()
            .any(|line| line.split_whitespace().next() == Some(&name));
        assert!(named || builders.contains(name.as_str()), "{name}");
    }
}
