// SPDX-License-Identifier: MIT OR Apache-2.0
//! `netvitals devices` where it cannot do what it is asked: each case has its own line.

#[path = "board/src/frames.rs"]
#[allow(dead_code)]
mod frames;
#[path = "support/lan.rs"]
mod lan;
#[path = "board/src/link.rs"]
#[allow(dead_code)]
mod link;
mod support;

use std::process::Command;

use lan::{OURS, Running, THEIRS, devices, inside, ip, replace_file};
use support::tempdir::TempDir;

/// What is wrong with the words is said before anything is opened: no LAN is needed.
#[test]
fn wrong_words_are_refused() {
    let usage = |args: &[&str], words: &[&str]| devices(args).refused(2, words);
    usage(
        &["10.0.0.9-10.0.0.1"],
        &["range '10.0.0.9-10.0.0.1'", "the end is below the start"],
    );
    usage(&["fe80::/64"], &["range 'fe80::/64'", "an IPv6 range"]);
    usage(&["10.0.0.0/15"], &["131070 addresses", "65536"]);
    usage(&["10.0.0.0/33"], &["prefix length"]);
    usage(&["router"], &["range 'router'", "not an address range"]);
    usage(&["--rate", "0"], &["--rate", "1 to 10000"]);
    usage(&["--rate", "10001"], &["--rate", "1 to 10000"]);
    usage(&["--retry", "11"], &["--retry", "0 to 10"]);
    usage(&["--timeout", "2m"], &["--timeout", "1ms to 1m"]);
    usage(&["--passive", "0"], &["--passive", "1ms to 30d"]);
    usage(
        &["--passive", "1s", "--rate", "5"],
        &["--passive sends nothing"],
    );
    usage(
        &["--passive", "1s", "10.0.0.1"],
        &["--passive sends nothing"],
    );
    usage(&["--colour"], &["--colour", "devices --help"]);
    devices(&["--config", "/nowhere"]).refused(1, &["/nowhere", "--config FILE"]);
}

#[test]
fn an_interface_without_a_lan_is_refused() {
    inside("an_interface_without_a_lan_is_refused", || {
        let refused = |args: &[&str], words: &[&str]| devices(args).refused(1, words);
        refused(
            &["-i", "nosuch"],
            &["'nosuch'", "neither a device nor a name", "lan0"],
        );
        refused(&["-i", "lo"], &["'lo'", "loopback"]);
        refused(&["-i", OURS], &["'lan0'", "no IPv4 address", "--passive"]);
        refused(
            &[],
            &["no interface 'lan' and no default route", "--interface"],
        );
        ip("address add 10.9.0.1/32 dev lan0");
        refused(&["-i", OURS], &["10.9.0.1/32", "no other address"]);
        ip("address flush dev lan0");
        ip("address add 10.9.0.1/31 dev lan0");
        refused(&["-i", OURS], &["10.9.0.1/31", "a link between two"]);
        assert_eq!(
            devices(&["-i", OURS, "10.9.0.0", "--timeout", "1ms"]).code,
            Some(0)
        );
        ip("address flush dev lan0");
        ip("link set lan0 down");
        refused(
            &["-i", OURS],
            &["'lan0'", "it is down", "ip link set lan0 up"],
        );
        if Command::new("ip")
            .args(["tuntap", "add", "ppp7", "mode", "tun"])
            .status()
            .unwrap()
            .success()
        {
            refused(&["-i", "ppp7"], &["'ppp7'", "point-to-point", "no ARP"]);
        }
    });
}

#[test]
fn a_range_where_nobody_answers_is_refused() {
    inside("a_range_where_nobody_answers_is_refused", || {
        lan::address();
        let refused = |range: &str, words: &[&str]| devices(&["-i", OURS, range]).refused(2, words);
        refused(
            "10.9.1.0/24",
            &[
                "'10.9.1.0/24'",
                "not inside a prefix",
                "10.9.0.1/24",
                "--interface",
            ],
        );
        refused("10.9.0.200-10.9.1.9", &["not inside a prefix"]);
        let said = devices(&["-i", OURS, "10.9.0.1/30", "--timeout", "1ms"]);
        assert_eq!(said.code, Some(0), "{said:?}");
        assert!(
            said.stderr
                .contains("its network 10.9.0.0/30, hosts 10.9.0.1 to 10.9.0.2")
        );
        ip("address flush dev lan0");
        ip("address add 10.9.0.1/8 dev lan0");
        devices(&["-i", OURS]).refused(2, &["10.9.0.1/8", "16777214 addresses", "RANGE"]);
    });
}

#[test]
fn without_permission_the_remedy_is_named() {
    inside("without_permission_the_remedy_is_named", || {
        lan::address();
        let mut command = Command::new("unshare");
        command.args(["--user", support::EXE, "devices", "-i", OURS]);
        let said = Running::start_command(command).finish();
        if said.stderr.starts_with("unshare:") {
            return support::skip::skip(&said.stderr);
        }
        said.refused(1, &["CAP_NET_RAW", "run as root", "setcap cap_net_raw+ep"]);
    });
}

#[test]
fn the_interface_is_found_by_its_logical_name_or_the_default_route() {
    inside(
        "the_interface_is_found_by_its_logical_name_or_the_default_route",
        || {
            lan::address();
            let args = [
                "--timeout",
                "1ms",
                "--rate",
                "10000",
                "--retry",
                "0",
                "10.9.0.9",
            ];
            assert_eq!(devices(&args).code, Some(1));
            ip("route add default via 10.9.0.254 dev lan0");
            assert_eq!(devices(&args).code, Some(0));
            let directory = TempDir::new();
            let network = "config interface 'home'\n\toption device 'lan0'\n\
                       config interface 'lan'\n\toption device 'peer0'\n";
            let etc = directory.path().join("config");
            std::fs::create_dir(&etc).unwrap();
            std::fs::write(etc.join("network"), network).unwrap();
            if !std::path::Path::new("/etc/config").is_dir() {
                // Where there is no such directory, all of /etc has to be stood in for.
                let mut mount = Command::new("mount");
                let mounted = mount
                    .arg("--bind")
                    .arg(directory.path())
                    .arg("/etc")
                    .status();
                let mounted = mounted.unwrap();
                assert!(mounted.success());
            } else {
                replace_file(&directory, "/etc/config/network", network);
            }
            let said = devices(&[&["-i", "home"][..], &args].concat());
            assert_eq!(said.code, Some(0), "{said:?}");
            devices(&args).refused(1, &["'peer0'", "no IPv4 address"]);
            assert_eq!(THEIRS, "peer0");
        },
    );
}
