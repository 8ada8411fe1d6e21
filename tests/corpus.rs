// SPDX-License-Identifier: MIT OR Apache-2.0
//! The corpus of each fuzz target, run once with the ordinary tests.

use std::fs;
use std::path::PathBuf;

#[cfg(feature = "http")]
#[path = "fuzz/bodies/answer.rs"]
mod answer;
#[path = "fuzz/bodies/banner.rs"]
mod banner;
#[path = "fuzz/bodies/config.rs"]
mod config;
#[path = "fuzz/bodies/conntrack.rs"]
mod conntrack;
#[path = "fuzz/bodies/dns.rs"]
mod dns;
#[path = "fuzz/bodies/frame.rs"]
mod frame;
#[cfg(feature = "connspy")]
#[path = "fuzz/bodies/kept.rs"]
mod kept;
#[path = "fuzz/bodies/leases.rs"]
mod leases;
#[cfg(feature = "connspy")]
#[path = "fuzz/bodies/log.rs"]
mod log;
#[path = "fuzz/bodies/netdev.rs"]
mod netdev;
#[path = "fuzz/bodies/netlink.rs"]
mod netlink;
#[path = "fuzz/bodies/oui.rs"]
mod oui;
#[path = "fuzz/bodies/procfs.rs"]
mod procfs;
#[path = "fuzz/bodies/quote.rs"]
mod quote;
#[cfg(feature = "connspy")]
#[path = "fuzz/bodies/seek.rs"]
mod seek;
#[cfg(feature = "http")]
#[path = "fuzz/bodies/segment.rs"]
mod segment;
#[path = "fuzz/bodies/status.rs"]
mod status;
#[path = "fuzz/bodies/uci.rs"]
mod uci;
#[path = "fuzz/bodies/wire.rs"]
mod wire;

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

#[cfg(feature = "http")]
#[test]
fn answer_corpus() {
    replay("answer", answer::run);
}

#[cfg(feature = "http")]
#[test]
fn segment_corpus() {
    replay("segment", segment::run);
}

#[test]
fn frame_corpus() {
    replay("frame", frame::run);
}

#[test]
fn dns_corpus() {
    replay("dns", dns::run);
}

#[test]
fn leases_corpus() {
    replay("leases", leases::run);
}

#[test]
fn oui_corpus() {
    replay("oui", oui::run);
}

#[test]
fn uci_corpus() {
    replay("uci", uci::run);
}

#[test]
fn config_corpus() {
    replay("config", config::run);
}

#[test]
fn netlink_corpus() {
    replay("netlink", netlink::run);
}

#[test]
fn banner_corpus() {
    replay("banner", banner::run);
}

#[test]
fn quote_corpus() {
    replay("quote", quote::run);
}

#[test]
fn conntrack_corpus() {
    replay("conntrack", conntrack::run);
}

#[test]
fn wire_corpus() {
    replay("wire", wire::run);
}

#[test]
fn procfs_corpus() {
    replay("procfs", procfs::run);
}

#[test]
fn status_corpus() {
    replay("status", status::run);
}

#[cfg(feature = "connspy")]
#[test]
fn log_corpus() {
    replay("log", log::run);
}

#[cfg(feature = "connspy")]
#[test]
fn seek_corpus() {
    replay("seek", seek::run);
}

#[cfg(feature = "connspy")]
#[test]
fn kept_corpus() {
    replay("kept", kept::run);
}
