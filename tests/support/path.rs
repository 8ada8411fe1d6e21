// SPDX-License-Identifier: MIT OR Apache-2.0
//! A path for one test: the client, two routers, a server, each in a network namespace of its own.
//!
//! client 10.1.0.2 - near 10.1.0.1, 10.2.0.1 - far 10.2.0.2, 10.3.0.1 - server 10.3.0.2 and others;
//! the same with fd01::2 and so on. 10.8.0.1 is a black hole, to 10.9.0.0/24 far knows no way.
#![allow(dead_code)]

use std::ffi::CString;
use std::io::{Read, Write};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::process::{Command, Output};
use std::sync::Arc;

use crate::lan;
use crate::support::EXE;
use crate::support::tempdir::TempDir;

/// What `netvitals` runs in.
const BUILD: &str = "
mount -t tmpfs tmpfs /run
mkdir /run/netns
for name in near far server; do
    ip netns add $name
    ip -n $name link set lo up
    ip netns exec $name sh -c 'echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad'
done
ip link set peer0 netns near
ip -n near link add far0 type veth peer name near0 netns far
ip -n far link add server0 type veth peer name far0 netns server
address() { # NAMESPACE DEVICE ADDRESS…
    name=$1 device=$2
    shift 2
    ip -n $name link set $device up
    for address; do
        case $address in
            *:*) ip -n $name address add $address dev $device nodad ;;
            *) ip -n $name address add $address dev $device ;;
        esac
    done
}
ip address add 10.1.0.2/24 dev lan0
ip address add fd01::2/64 dev lan0 nodad
address near peer0 10.1.0.1/24 fd01::1/64
address near far0 10.2.0.1/24 fd02::1/64
address far near0 10.2.0.2/24 fd02::2/64
address far server0 10.3.0.1/24 fd03::1/64
address server far0 10.3.0.2/24 fd03::2/64 10.3.0.101/24 10.3.0.102/24 10.3.0.104/24
ip route add default via 10.1.0.1
ip route add 10.8.0.0/24 dev lan0
ip neighbour add 10.8.0.1 lladdr 02:00:00:00:00:08 dev lan0
ip -6 route add default via fd01::1
ip -n near route add default via 10.2.0.2
ip -n near -6 route add default via fd02::2
ip -n far route add 10.1.0.0/24 via 10.2.0.1
ip -n far -6 route add fd01::/64 via fd02::1
ip -n far route add unreachable 10.9.0.0/24
ip -n server route add default via 10.3.0.1
ip -n server -6 route add default via fd03::1
for name in near far; do
    ip netns exec $name sh -c '
        echo 1 >/proc/sys/net/ipv4/ip_forward
        echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
done
";

/// Routers and server answer without limit, and not a few a second.
const WITHOUT_LIMITS: &str = "
for name in near far server; do
    ip netns exec $name sh -c '
        echo 0 >/proc/sys/net/ipv4/icmp_ratelimit
        echo 0 >/proc/sys/net/ipv4/icmp_ratemask
        echo 0 >/proc/sys/net/ipv6/icmp/ratelimit'
done
";

/// The hosts that have names.
const NAMES: &str = "127.0.0.1 localhost\n10.3.0.2 server.test\n10.3.0.101 lossy.test\n\
                     10.3.0.102 \"quoted.test\nfd03::2 six.test\n";

/// The path, until this goes out of scope; the names stand in a file of it.
pub struct Path(TempDir);

impl Path {
    /// Has these names, and no others.
    pub fn names(&self, hosts: &str) {
        lan::replace_file(&self.0, "/etc/hosts", hosts);
    }

    /// Has this name server, and no other.
    pub fn name_server(&self, address: &str) {
        let line = format!("nameserver {address}\n");
        lan::replace_file(&self.0, "/etc/resolv.conf", &line);
    }
}

/// Runs the test `name` at the client's end of a path.
pub fn at_a_path(name: &str, body: impl FnOnce(&Path)) {
    lan::inside(name, || {
        sh(BUILD);
        sh(WITHOUT_LIMITS);
        let path = Path(TempDir::new());
        lan::replace_file(&path.0, "/etc/hosts", NAMES);
        body(&path);
    });
}

/// Runs a script of sh(1).
#[track_caller]
pub fn sh(script: &str) {
    let output = Command::new("sh").args(["-euc", script]).output().unwrap();
    assert!(output.status.success(), "{script}: {output:?}");
}

/// Runs `netvitals connvitals`.
pub fn connvitals(words: &str) -> Output {
    let mut command = Command::new(EXE);
    command.arg("connvitals").args(words.split_whitespace());
    command.output().unwrap()
}

/// What it writes when all is well.
#[track_caller]
pub fn told(words: &str) -> String {
    let output = connvitals(words);
    assert!(output.status.success(), "{words}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Moves this thread into a namespace; sockets that it opens stay there.
pub fn enter(namespace: &str) {
    let file = std::fs::File::open(format!("/run/netns/{namespace}")).unwrap();
    // SAFETY: setns(2) takes no pointers; it concerns this thread only.
    let result = unsafe { libc::setns(file.as_raw_fd(), libc::CLONE_NEWNET) };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
}

/// Serves connections to the server, each in a thread of its own.
pub fn serve(address: &str, port: u16, talk: impl Fn(TcpStream) + Send + Sync + 'static) {
    let address: IpAddr = address.parse().unwrap();
    let thread = std::thread::spawn(move || {
        enter("server");
        TcpListener::bind((address, port)).unwrap()
    });
    let (listener, talk) = (thread.join().unwrap(), Arc::new(talk));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, talk) = (stream.unwrap(), talk.clone());
            std::thread::spawn(move || talk(stream));
        }
    });
}

/// Serves these bytes to everybody who asks.
pub fn serve_http(address: &str, answer: &'static [u8]) {
    serve(address, 80, move |mut stream| {
        let _ = stream.read(&mut [0; 1_000]);
        let _ = stream.write_all(answer);
    });
}

/// Greets everybody as MySQL of this version does.
pub fn serve_mysql(address: &str, version: &'static str) {
    serve(address, 3_306, move |mut stream| {
        let body = [
            &[10],
            version.as_bytes(),
            &[0, 8, 0, 0, 0],
            b"saltsalt",
            &[0; 30],
        ]
        .concat();
        let head = [body.len() as u8, 0, 0, 0];
        let _ = stream.write_all(&[&head, &body[..]].concat());
    });
}

/// Whether there is a program of this name.
pub fn has(program: &str) -> bool {
    let name = CString::new(program).unwrap();
    let paths = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
    let name = name.to_str().unwrap();
    paths
        .split(':')
        .any(|path| std::path::Path::new(path).join(name).exists())
}
