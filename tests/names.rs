// SPDX-License-Identifier: MIT OR Apache-2.0
//! The files of a router, in a directory that stands in for `/`.

#[path = "support/tempdir.rs"]
mod tempdir;

use std::ffi::CString;
use std::fs;
use std::net::IpAddr;
use std::path::Path;

use netvitals::collect::names::Names;
use netvitals::model::addr::Mac;
use netvitals::model::known_names::NameSource;
use netvitals::sys::files::{self, Root};
use tempdir::TempDir;

const DHCP: &str = "config dnsmasq
    option name 'not a host'
    option mac '02:00:00:00:00:0f'
config host
    option name 'fixed'
    option mac '02:00:00:00:00:01 02:00:00:00:00:0a'
    option ip '192.168.1.1'
config host
    list mac '02:00:00:00:00:0b'
    option name 'listed'
config host
    option name 'by address'
    option ip '192.168.1.12'
config host
    option mac '02:00:00:00:00:0c'
";

const LEASES: &str = "0 02:00:00:00:00:01 192.168.1.1 lease1 *
0 02:00:00:00:00:02 192.168.1.2 lease2 *
nonsense
";

const FILES: &[(&str, &str)] = &[
    ("etc/config/dhcp", DHCP),
    ("tmp/dhcp.leases", LEASES),
    (
        "var/lib/misc/dnsmasq.leases",
        "0 02:00:00:00:00:03 192.168.1.3 debian *\n",
    ),
    (
        "etc/ethers",
        "02:00:00:00:00:02 ether2\n02:00:00:00:00:04 ether4\n",
    ),
    (
        "etc/hosts",
        "127.0.0.1 localhost\n192.168.1.4 host4\n192.168.1.5 host5\n",
    ),
    (
        "names",
        "02:00:00:00:00:01 mine\n02:00:00:00:00:0a mine too\n",
    ),
];

fn directory(files: &[(&str, &str)]) -> TempDir {
    let directory = TempDir::new();
    for (path, content) in files {
        let path = directory.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    directory
}

fn c_path(path: &Path) -> CString {
    files::c_path(path.to_str().unwrap()).unwrap()
}

const fn mac(last: u8) -> Mac {
    Mac([2, 0, 0, 0, 0, last])
}

fn ip(last: u8) -> IpAddr {
    [192, 168, 1, last].into()
}

#[test]
fn every_file_is_read_and_the_best_counts() {
    let directory = directory(FILES);
    let config = vec![(mac(1), "configured".to_owned())];
    let mut names = Names::new(config, Some(c_path(&directory.path().join("names"))));
    let root = Root::at(&c_path(directory.path())).unwrap();
    for _ in 0..2 {
        names.read(&root).unwrap();
        let best = |last: u8| names.known.best(mac(last), [ip(last)]);
        assert_eq!(best(1), Some(("configured", NameSource::Config)));
        assert_eq!(best(2), Some(("lease2", NameSource::Lease)));
        assert_eq!(best(3), Some(("debian", NameSource::Lease)));
        assert_eq!(best(4), Some(("ether4", NameSource::Ethers)));
        assert_eq!(best(5), Some(("host5", NameSource::Hosts)));
        assert_eq!(best(10), Some(("mine too", NameSource::File)));
        assert_eq!(best(11), Some(("listed", NameSource::Dhcp)));
        assert_eq!(best(12), Some(("by address", NameSource::Dhcp)));
        assert_eq!(best(15), None);
        assert_eq!(names.malformed_count(), 1);
    }
    fs::remove_file(directory.path().join("names")).unwrap();
    assert!(
        names.read(&root).is_err(),
        "the user's own file must be there"
    );
    let known = names.known.best(mac(2), []);
    assert_eq!(
        known,
        Some(("lease2", NameSource::Lease)),
        "the rest is read all the same"
    );
}

#[test]
fn a_router_without_any_file_has_no_names() {
    let directory = directory(&[("etc/nothing", "")]);
    let mut names = Names::new(Vec::new(), None);
    names
        .read(&Root::at(&c_path(directory.path())).unwrap())
        .unwrap();
    assert_eq!(names.known.best(mac(1), [ip(1)]), None);
}
