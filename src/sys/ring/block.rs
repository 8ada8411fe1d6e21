// SPDX-License-Identifier: MIT OR Apache-2.0
//! One block of a TPACKET_V3 ring: where in it the kernel put which frame (linux/if_packet.h,
//! Documentation/networking/packet_mmap.rst).
//!
//! Everything is in the byte order of the CPU. Each frame is a record:
//!
//! ```text
//! struct tpacket3_hdr | struct sockaddr_ll | gap | struct virtio_net_hdr | frame, cut | gap
//! 0                    48                         tp_mac - 10              tp_mac
//! ```

use core::mem::offset_of;
use core::num::NonZeroU16;

use libc::{sockaddr_ll, tpacket_block_desc, tpacket_hdr_v1, tpacket3_hdr};

/// Bytes of `struct tpacket3_hdr`; TPACKET_ALIGN leaves them as they are.
const RECORD: usize = size_of::<tpacket3_hdr>();
/// Bytes of a record before its gap.
const FIXED: usize = RECORD + size_of::<sockaddr_ll>();
/// Bytes of `struct virtio_net_hdr` (linux/virtio_net.h): `gso_type` is the byte 1, `gso_size` the
/// bytes 4 and 5.
const OFFLOAD: usize = 10;

const BLOCK: usize = offset_of!(tpacket_block_desc, hdr);
/// Where the word stands that says whose a block is.
pub(super) const STATUS: usize = BLOCK + offset_of!(tpacket_hdr_v1, block_status);
const COUNT: usize = BLOCK + offset_of!(tpacket_hdr_v1, num_pkts);
const FIRST: usize = BLOCK + offset_of!(tpacket_hdr_v1, offset_to_first_pkt);

const _: () = {
    assert!(size_of::<tpacket_block_desc>() == 48 && STATUS == 8 && COUNT == 12 && FIRST == 16);
    assert!(RECORD == 48 && offset_of!(tpacket3_hdr, tp_mac) == 24);
    assert!(size_of::<sockaddr_ll>() == 20 && offset_of!(sockaddr_ll, sll_pkttype) == 10);
};

/// A frame in the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Captured<'a> {
    /// The start of the frame, from its destination on.
    pub headers: &'a [u8],
    /// Bytes of the whole frame as the kernel holds it: without FCS, without a tag taken off, many
    /// segments as one.
    pub len: u32,
    /// Index of the interface.
    pub interface: u32,
    /// Which way it went.
    pub kind: Kind,
    /// Whether the kernel took a VLAN tag off.
    pub vlan_taken: bool,
    /// How it is cut for the wire; `None`: it is one segment.
    pub gso: Option<Gso>,
}

/// Which way a frame went (`sll_pkttype`, packet(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// In, whomever it is for.
    Received,
    /// Out.
    Outgoing,
    /// Back in, a copy of what this machine sent to a group. The kernel keeps them back today.
    Loopback,
}

/// A frame that stands for many segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gso {
    /// Bytes of payload in each segment but the last.
    pub size: NonZeroU16,
}

/// Hands over every frame of a block, in the order of their arrival.
///
/// Whatever the bytes are, it ends and stays inside of them.
pub fn each(block: &[u8], mut see: impl FnMut(Captured<'_>)) {
    let (Some(count), Some(first)) = (u32_at(block, COUNT), u32_at(block, FIRST)) else {
        return;
    };
    let mut at = first as usize;
    for _ in 0..count {
        let Some(record) = block.get(at..) else {
            return;
        };
        if let Some(frame) = captured(record) {
            see(frame);
        }
        match u32_at(record, offset_of!(tpacket3_hdr, tp_next_offset)) {
            None | Some(0) => return,
            Some(next) => at = at.saturating_add(next as usize),
        }
    }
}

fn captured(record: &[u8]) -> Option<Captured<'_>> {
    let head = record.first_chunk::<FIXED>()?;
    let status = u32_at(head, offset_of!(tpacket3_hdr, tp_status))?;
    // A kernel that cannot describe the segments (UDP before Linux 6.2) gives up after it took the
    // room: the record holds an older frame and is counted among the lost ones.
    if status & libc::TP_STATUS_USER == 0 {
        return None;
    }
    let start = usize::from(u16_at(head, offset_of!(tpacket3_hdr, tp_mac))?);
    let kept = u32_at(head, offset_of!(tpacket3_hdr, tp_snaplen))? as usize;
    let headers = record.get(start..)?.get(..kept)?;
    let offload = record.get(FIXED..start)?.last_chunk::<OFFLOAD>()?;
    let size = NonZeroU16::new(u16_at(offload, 4)?);
    Some(Captured {
        headers,
        len: u32_at(head, offset_of!(tpacket3_hdr, tp_len))?,
        interface: u32_at(head, RECORD + offset_of!(sockaddr_ll, sll_ifindex))?,
        kind: match head[RECORD + offset_of!(sockaddr_ll, sll_pkttype)] {
            libc::PACKET_OUTGOING => Kind::Outgoing,
            libc::PACKET_LOOPBACK => Kind::Loopback,
            _ => Kind::Received,
        },
        vlan_taken: status & libc::TP_STATUS_VLAN_VALID != 0,
        gso: size.filter(|_| offload[1] != 0).map(|size| Gso { size }),
    })
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A record of `room` bytes: its frame at 92, its status, `gso_type`, `gso_size`, length.
    fn record(room: usize, frame: &[u8], status: u32, gso: (u8, u16), len: u32) -> Vec<u8> {
        let mut bytes = vec![0xee; room];
        let words = [room as u32, 1, 2, frame.len() as u32, len, status];
        let mut at = 0;
        let mut put = |value: &[u8]| {
            bytes[at..at + value.len()].copy_from_slice(value);
            at += value.len();
        };
        words.iter().for_each(|word| put(&word.to_ne_bytes()));
        put(&92_u16.to_ne_bytes());
        put(&106_u16.to_ne_bytes());
        put(&[0; 20]);
        put(&[17, 0, 3, 0]);
        put(&7_u32.to_ne_bytes());
        put(&[1, 0, 4, 6, 2, 0, 0, 0, 0, 9, 0, 0]);
        put(&[0xee; 14]);
        put(&[0, gso.0, 0xee, 0xee]);
        put(&gso.1.to_ne_bytes());
        put(&[0; 4]);
        put(frame);
        bytes
    }

    fn block(count: u32, records: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for word in [1, 48, 1, count, 48, 0, 0, 0, 0, 0, 0, 0] {
            bytes.extend(u32::to_ne_bytes(word));
        }
        records.iter().for_each(|record| bytes.extend(record));
        bytes
    }

    #[track_caller]
    fn check(block: &[u8], expected: &[(&[u8], u32)]) {
        let mut seen = Vec::new();
        each(block, |frame| {
            seen.push((frame.headers.to_vec(), frame.len));
        });
        let expected: Vec<_> = expected
            .iter()
            .map(|(headers, len)| (headers.to_vec(), *len))
            .collect();
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_frame_comes_with_all_that_the_kernel_knows_of_it() {
        let status = libc::TP_STATUS_USER | libc::TP_STATUS_VLAN_VALID;
        let bytes = block(1, &[record(104, b"headers", status, (1, 1_448), 9_000)]);
        let mut count = 0;
        each(&bytes, |frame| {
            count += 1;
            let size = NonZeroU16::new(1_448).unwrap();
            let expected = Captured {
                headers: b"headers",
                len: 9_000,
                interface: 7,
                kind: Kind::Outgoing,
                vlan_taken: true,
                gso: Some(Gso { size }),
            };
            assert_eq!(frame, expected);
        });
        assert_eq!(count, 1);
        for gso in [(0, 1_448), (1, 0)] {
            let bytes = block(1, &[record(104, b"x", 1, gso, 1)]);
            each(&bytes, |frame| assert_eq!(frame.gso, None));
        }
    }

    #[test]
    fn a_record_that_the_kernel_gave_up_is_not_read_again() {
        let user = |name: &[u8], status| record(104, name, status, (0, 0), 60);
        let records = [user(b"a", 1), user(b"old", 0), user(b"b", 1)];
        check(&block(3, &records), &[(b"a", 60), (b"b", 60)]);
        let records = [user(b"a", 1), user(b"old", 0x50)];
        check(&block(2, &records), &[(b"a", 60)]);
    }

    #[test]
    fn no_more_is_read_than_the_block_says_and_holds() {
        let records = [
            record(104, b"a", 1, (0, 0), 1),
            record(112, b"b", 1, (0, 0), 2),
        ];
        let whole = block(2, &records);
        check(&whole, &[(b"a", 1), (b"b", 2)]);
        check(&block(1, &records), &[(b"a", 1)]);
        check(&block(0, &records), &[]);
        check(&block(u32::MAX, &records), &[(b"a", 1), (b"b", 2)]);
        let mut last = block(u32::MAX, &records);
        last[48..52].fill(0);
        check(&last, &[(b"a", 1)]);
        let second = 48 + 104 + 92;
        check(&whole[..second], &[(b"a", 1)]);
        check(&whole[..second + 1], &[(b"a", 1), (b"b", 2)]);
        for len in 0..whole.len() {
            each(&whole[..len], |frame| assert_eq!(frame.headers.len(), 1));
        }
    }

    #[test]
    fn a_frame_inside_of_its_own_description_is_none() {
        for (start, passes) in [(0_u16, false), (77, false), (78, true), (u16::MAX, false)] {
            let mut bytes = block(1, &[record(104, b"a", 1, (0, 0), 1)]);
            bytes[48 + 24..48 + 26].copy_from_slice(&start.to_ne_bytes());
            let mut count = 0;
            each(&bytes, |_| count += 1);
            assert_eq!(count, i32::from(passes), "{start}");
        }
    }
}
