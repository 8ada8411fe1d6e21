// SPDX-License-Identifier: MIT OR Apache-2.0
//! Classic BPF (linux/filter.h, "BPF" in socket(7)): which frames a packet socket wakes us for.
//!
//! A filter only keeps the load away; what passes is read with care all the same. Rare forms, such
//! as two tags, pass unseen into.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use libc::{
    BPF_ABS, BPF_B, BPF_H, BPF_IND, BPF_JEQ, BPF_JGT, BPF_JMP, BPF_JSET, BPF_K, BPF_LD, BPF_LDX,
    BPF_MSH, BPF_RET, BPF_W, sock_filter,
};

use crate::limits::TAPS_MAX;

/// Bytes of a frame that are handed on at most.
pub const SNAP_BYTES: usize = 2_048;

/// What is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// ARP: in Ethernet II, behind LLC and SNAP, behind VLAN tags.
    Arp,
    /// ARP in Ethernet II alone, as it comes in: other frames cost nothing.
    PlainArp,
    /// Also neighbour discovery of IPv6, and DHCP for IPv4.
    Discovery,
}

/// Where a jump goes: to the next instruction, to the end, or to a place with a name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Go {
    Next,
    Accept,
    Reject,
    Tagged,
    Ipv6,
    Ipv4,
    Ports,
}

const ACCEPT: usize = Go::Accept as usize;
const REJECT: usize = Go::Reject as usize;
const PLACES: usize = Go::Ports as usize + 1;

/// Where the kernel answers with the index of the interface instead of bytes of the frame.
const INTERFACE: u32 = (libc::SKF_AD_OFF + libc::SKF_AD_IFINDEX) as u32;

const TAGS: [u32; 3] = [0x8100, 0x88a8, 0x9100];
const ARP: u32 = 0x0806;
const IPV4: u32 = 0x0800;
const IPV6: u32 = 0x86dd;
/// Below, a type field is a length (IEEE 802.3).
const LENGTH_MAX: u32 = 1_500;

/// A program whose jumps are known once it is complete.
struct Program {
    code: Vec<(u32, u32, Go, Go)>,
    places: [usize; PLACES],
}

impl Program {
    fn new() -> Self {
        Self {
            code: Vec::new(),
            places: [0; PLACES],
        }
    }

    fn load(&mut self, size: u32, offset: u32) {
        self.code
            .push((BPF_LD | size | BPF_ABS, offset, Go::Next, Go::Next));
    }

    fn jump(&mut self, test: u32, value: u32, yes: Go, no: Go) {
        self.code.push((BPF_JMP | test | BPF_K, value, yes, no));
    }

    fn place(&mut self, name: Go) {
        self.places[name as usize] = self.code.len();
    }

    /// The instructions, and those to hand on `snap_bytes` of what is accepted.
    fn finish(mut self, snap_bytes: usize) -> Vec<sock_filter> {
        for (name, bytes) in [(ACCEPT, snap_bytes), (REJECT, 0)] {
            self.places[name] = self.code.len();
            let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
            self.code.push((BPF_RET | BPF_K, bytes, Go::Next, Go::Next));
        }
        let places = self.places;
        let step = |from: usize, to: Go| match to {
            Go::Next => 0,
            _ => u8::try_from(places[to as usize] - from - 1).expect("a short program"),
        };
        let resolved = self
            .code
            .iter()
            .enumerate()
            .map(|(i, &(code, k, yes, no))| sock_filter {
                code: u16::try_from(code).expect("a code of 16 bits"),
                jt: step(i, yes),
                jf: step(i, no),
                k,
            });
        resolved.collect()
    }
}

fn program(wanted: Wanted) -> Vec<sock_filter> {
    let mut p = Program::new();
    let all = wanted == Wanted::Discovery;
    p.load(BPF_H, 12);
    p.jump(BPF_JEQ, ARP, Go::Accept, Go::Next);
    for tag in TAGS {
        p.jump(BPF_JEQ, tag, Go::Tagged, Go::Next);
    }
    if all {
        p.jump(BPF_JEQ, IPV6, Go::Ipv6, Go::Next);
        p.jump(BPF_JEQ, IPV4, Go::Ipv4, Go::Next);
    }
    p.jump(BPF_JGT, LENGTH_MAX, Go::Reject, Go::Next);
    // LLC to SNAP, organisation zero (RFC 1042).
    p.load(BPF_W, 14);
    p.jump(BPF_JEQ, 0xaaaa_0300, Go::Next, Go::Reject);
    p.load(BPF_H, 20);
    p.jump(BPF_JEQ, ARP, Go::Accept, Go::Reject);
    p.place(Go::Tagged);
    p.load(BPF_H, 16);
    for tag in TAGS {
        p.jump(BPF_JEQ, tag, Go::Accept, Go::Next);
    }
    if all {
        p.jump(BPF_JEQ, IPV4, Go::Accept, Go::Next);
        p.jump(BPF_JEQ, IPV6, Go::Accept, Go::Next);
    }
    p.jump(BPF_JGT, LENGTH_MAX, Go::Next, Go::Accept);
    p.jump(BPF_JEQ, ARP, Go::Accept, Go::Reject);
    if all {
        discovery(&mut p);
    }
    p.finish(SNAP_BYTES)
}

/// ICMPv6 types 133 to 137 (RFC 4861), UDP ports 67 and 68 (RFC 2131).
fn discovery(p: &mut Program) {
    p.place(Go::Ipv6);
    p.load(BPF_B, 20);
    p.jump(BPF_JEQ, libc::IPPROTO_ICMPV6 as u32, Go::Next, Go::Reject);
    p.load(BPF_B, 54);
    p.jump(BPF_JGT, 137, Go::Reject, Go::Next);
    p.jump(BPF_JGT, 132, Go::Accept, Go::Reject);
    p.place(Go::Ipv4);
    p.load(BPF_B, 23);
    p.jump(BPF_JEQ, libc::IPPROTO_UDP as u32, Go::Next, Go::Reject);
    p.load(BPF_H, 20);
    p.jump(BPF_JSET, 0x1fff, Go::Reject, Go::Next);
    p.code
        .push((BPF_LDX | BPF_B | BPF_MSH, 14, Go::Next, Go::Next));
    for offset in [14, 16] {
        p.code
            .push((BPF_LD | BPF_H | BPF_IND, offset, Go::Next, Go::Next));
        p.jump(BPF_JEQ, 67, Go::Accept, Go::Next);
        let last = if offset == 16 { Go::Reject } else { Go::Next };
        p.jump(BPF_JEQ, 68, Go::Accept, last);
    }
}

/// All frames of these interfaces, `snap_bytes` of each.
fn of_interfaces(interfaces: &[u32], snap_bytes: usize) -> Vec<sock_filter> {
    let mut p = Program::new();
    p.load(BPF_W, INTERFACE);
    for &interface in interfaces {
        p.jump(BPF_JEQ, interface, Go::Accept, Go::Next);
    }
    p.jump(BPF_JEQ, 0, Go::Reject, Go::Reject);
    p.finish(snap_bytes)
}

/// Lets only packets for this UDP port pass to `socket`, a raw one of IPv4.
///
/// # Errors
/// What setsockopt(2) says.
pub fn attach_udp(socket: BorrowedFd<'_>, port: u16) -> io::Result<()> {
    let mut p = Program::new();
    p.code
        .push((BPF_LDX | BPF_B | BPF_MSH, 0, Go::Next, Go::Next));
    p.code
        .push((BPF_LD | BPF_H | BPF_IND, 2, Go::Next, Go::Next));
    p.jump(BPF_JEQ, port.into(), Go::Accept, Go::Reject);
    replace(socket, p.finish(SNAP_BYTES))
}

/// Lets only what is wanted pass to `socket`.
///
/// # Errors
/// What setsockopt(2) says.
pub fn attach(socket: BorrowedFd<'_>, wanted: Wanted) -> io::Result<()> {
    replace(socket, program(wanted))
}

/// Lets only frames of these interfaces pass to `socket`, received and sent, and keeps
/// `snap_bytes` of each.
///
/// # Errors
/// `InvalidInput` when there are more than [`TAPS_MAX`]; else what setsockopt(2) says.
pub fn attach_interfaces(
    socket: BorrowedFd<'_>,
    interfaces: &[u32],
    snap_bytes: usize,
) -> io::Result<()> {
    if interfaces.len() > TAPS_MAX {
        let count = interfaces.len();
        let text = format!("{count} interfaces to watch at once, at most {TAPS_MAX}");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    replace(socket, of_interfaces(interfaces, snap_bytes))
}

/// Puts the program in the place of the one before, with no frame in between.
#[allow(unsafe_code)]
fn replace(socket: BorrowedFd<'_>, mut code: Vec<sock_filter>) -> io::Result<()> {
    let program = libc::sock_fprog {
        len: u16::try_from(code.len()).expect("a short program"),
        filter: code.as_mut_ptr(),
    };
    // SAFETY: `program` points to `code`, which has as many instructions as it says and outlives
    // the call; the kernel copies and checks it.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_FILTER,
            (&raw const program).cast(),
            size_of_val(&program) as libc::socklen_t,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixDatagram;

    /// Whether frames pass: any socket can have a filter, and one of a pair needs no permission.
    #[track_caller]
    fn check(frame: &[u8], arp: bool, discovery: bool) {
        for (wanted, expected) in [(Wanted::Arp, arp), (Wanted::Discovery, discovery)] {
            let (sender, receiver) = UnixDatagram::pair().unwrap();
            attach(receiver.as_fd(), wanted).unwrap();
            receiver.set_nonblocking(true).unwrap();
            // What the filter drops is refused to the sender of such a pair.
            let _ = sender.send(frame);
            let passed = receiver.recv(&mut [0; SNAP_BYTES]).is_ok();
            assert_eq!(passed, expected, "{wanted:?} {frame:02x?}");
        }
    }

    /// Two MAC addresses, these bytes, and zeros up to 80 bytes.
    fn frame(parts: &[&[u8]]) -> Vec<u8> {
        let mut frame = [&[2; 12], parts.concat().as_slice()].concat();
        frame.resize(80, 0);
        frame
    }

    const LLC: &[u8] = &[0, 36, 0xaa, 0xaa, 3, 0, 0, 0];

    #[test]
    fn arp_passes_in_every_framing() {
        check(&frame(&[&[8, 6]]), true, true);
        check(&frame(&[LLC, &[8, 6]]), true, true);
        check(&frame(&[&[0x81, 0, 0, 7, 8, 6]]), true, true);
        check(
            &frame(&[&[0x88, 0xa8, 0, 7, 0x81, 0, 0, 7, 8, 6]]),
            true,
            true,
        );
        check(&frame(&[&[0x81, 0, 0, 7], LLC, &[8, 6]]), true, true);
    }

    #[test]
    fn the_rest_of_a_busy_lan_does_not() {
        check(&frame(&[LLC, &[8, 0]]), false, false);
        check(&frame(&[&[0, 38, 0x42, 0x42, 3]]), false, false);
        check(&frame(&[&[0x88, 0xcc]]), false, false);
        check(&frame(&[&[0x81, 0, 0, 7, 0x88, 0xcc]]), false, false);
        check(&[2; 12], false, false);
        check(&[], false, false);
    }

    #[test]
    fn of_ip_only_discovery_passes() {
        let ipv4 = |flags: u8, protocol: u8, ports: [u8; 4]| {
            let head = [8, 0, 0x46, 0, 0, 60, 0, 0, flags, 0, 64, protocol];
            frame(&[&head, &[0; 14], &ports])
        };
        check(&ipv4(0, 17, [0, 68, 0, 67]), false, true);
        check(&ipv4(0x40, 17, [0, 67, 2, 0]), false, true);
        check(&ipv4(0, 17, [2, 0, 0, 68]), false, true);
        check(&ipv4(0, 17, [2, 0, 0, 53]), false, false);
        check(&ipv4(1, 17, [0, 68, 0, 67]), false, false);
        check(&ipv4(0, 6, [0, 68, 0, 67]), false, false);
        let ipv6 = |next: u8, kind: u8| {
            frame(&[
                &[0x86, 0xdd, 0x60, 0, 0, 0, 0, 24, next, 255],
                &[0; 32],
                &[kind],
            ])
        };
        for kind in 133..=137 {
            check(&ipv6(58, kind), false, true);
        }
        check(&ipv6(58, 128), false, false);
        check(&ipv6(58, 143), false, false);
        check(&ipv6(17, 135), false, false);
    }
    #[test]
    fn each_watched_interface_jumps_to_acceptance() {
        let interfaces: Vec<u32> = (100..).take(TAPS_MAX).collect();
        for count in [0, 1, TAPS_MAX - 1, TAPS_MAX] {
            let code = of_interfaces(&interfaces[..count], 96);
            let goal = |i: usize, step: u8| {
                (
                    code[i + 1 + usize::from(step)].code,
                    code[i + 1 + usize::from(step)].k,
                )
            };
            let accept = ((BPF_RET | BPF_K) as u16, 96);
            for (i, interface) in (1..).zip(&interfaces[..count]) {
                assert_eq!((code[i].k, code[i].jf), (*interface, 0));
                assert_eq!(goal(i, code[i].jt), accept);
            }
            let last = code[count + 1];
            assert_eq!(goal(count + 1, last.jt), (accept.0, 0));
            assert_eq!(goal(count + 1, last.jf), (accept.0, 0));
        }
    }

    #[test]
    fn more_interfaces_than_fit_are_refused() {
        let (sender, receiver) = UnixDatagram::pair().unwrap();
        let interfaces = [7; TAPS_MAX + 1];
        attach_interfaces(receiver.as_fd(), &interfaces[1..], 96).unwrap();
        let error = attach_interfaces(receiver.as_fd(), &interfaces, 96).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert!(error.to_string().contains("at most 64"), "{error}");
        // What came from no interface does not pass.
        let _ = sender.send(&[2; 60]);
        receiver.set_nonblocking(true).unwrap();
        assert!(receiver.recv(&mut [0; 60]).is_err());
    }
}
