// SPDX-License-Identifier: MIT OR Apache-2.0
//! The program that counts: a socket filter that sees each frame of a tapped interface from its
//! Ethernet header on, counts it and keeps nothing of it.
//!
//! Bytes are those on the wire: the frame's, 4 more when the kernel took a VLAN tag off, and for
//! segments that the kernel handles as one frame (GSO, GRO) the header of each further one. Such a
//! frame counts as its segments everywhere.
//!
//! | frame | counted |
//! |---|---|
//! | looped back | not at all |
//! | shorter than an Ethernet header; from a group or nobody | `frames` only, as all below |
//! | received from own address; sent to own address | nothing more |
//! | received, to a group | sender's lane tx, group |
//! | received | sender's lane tx; to own address: its routed tx, self rx |
//! | sent, to a group, from own address | self tx, group |
//! | sent, to a group, from another address: a copy of a flood | nothing more |
//! | sent | receiver's lane rx; from own address: its routed rx, self tx |
//!
//! A lane that finds no room is counted as other. Values are added to without atomics, which the
//! compiler for ARM32 does not know: every CPU has its own.

use std::os::fd::RawFd;

use super::asm::Helper::{MapLookup, MapUpdate, SkbLoadBytes};
use super::asm::Operation::{Add, And, Multiply, Or, ShiftLeft, ShiftRight, Subtract};
use super::asm::When::{AnyBitOf, AtLeast, Equal, NotEqual};
use super::asm::Width::{Byte, Double, Half, Word};
use super::asm::{Assembler, ByteOrder, Label};
use super::asm::{R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10, Register};
use crate::limits::OWN_MACS_MAX;
use crate::model::usage::{Flow, Totals};

/// The maps by their descriptors.
#[derive(Clone, Copy, Debug)]
pub struct Maps {
    /// Lanes by [`super::rows::key`].
    pub lanes: RawFd,
    /// Totals, one row.
    pub totals: RawFd,
    /// Own addresses as [`super::rows::number`] has them, one row; the first zero ends them.
    pub own: RawFd,
}

/// VLAN tags in the frame that are looked behind, and their Ethertypes.
const TAGS_MAX: usize = 2;
const TAGS: [i32; 3] = [0x8100, 0x88a8, 0x9100];
const TAG_BYTES: i32 = 4;

const IPV4: i32 = 0x0800;
const IPV6: i32 = 0x86dd;
const TCP: i32 = 6;
const UDP: i32 = 17;
const ETHERNET_BYTES: i32 = 14;

/// Kinds of packet(7).
const LOOPBACK: i32 = 5;
const OUTGOING: i32 = 4;

/// Fields of `struct __sk_buff` (linux/bpf.h); `gso_size` is there since Linux 5.7.
mod context {
    pub const LEN: i16 = 0;
    pub const KIND: i16 = 4;
    pub const VLAN_PRESENT: i16 = 20;
    pub const INTERFACE: i16 = 40;
    pub const GSO_SEGMENTS: i16 = 164;
    pub const GSO_SIZE: i16 = 176;
}

/// The stack. The Ethernet header stands so that both addresses end or begin at a multiple of 8.
mod stack {
    pub const KEY: i16 = -8;
    pub const TYPE: i16 = -18;
    pub const SOURCE: i16 = -24;
    pub const DESTINATION: i16 = -30;
    /// Two zeros, then the destination.
    pub const PADDED: i16 = -32;
    /// A piece of a header.
    pub const PIECE: i16 = -48;
    /// An empty flow.
    pub const EMPTY: i16 = -96;
}

/// Flags of what is an own address, in R6 when the context is of no more use.
const SOURCE_OWN: i32 = 1;
const DESTINATION_OWN: i32 = 2;

/// BPF_NOEXIST of bpf(2).
const ONLY_NEW: i32 = 1;

/// A field's place in a row.
macro_rules! field {
    ($row:ty, $field:ident) => {
        core::mem::offset_of!($row, $field) as i16
    };
}

/// Assembles it.
pub fn counting(maps: Maps, order: ByteOrder) -> Vec<u8> {
    let mut p = Assembler::default();
    let (runt, out) = (p.label(), p.label());
    begin(&mut p, maps, runt, out);
    wire_size(&mut p);
    add(&mut p, R9, field!(Totals, frames), R8);
    addresses(&mut p, maps, out);
    directions(&mut p, maps, out);
    p.place(runt);
    add(&mut p, R9, field!(Totals, frames), R8);
    p.place(out);
    p.set(R0, 0);
    p.exit();
    p.finish(order)
}

/// R6 is the context, R8 is 1, R9 the totals; the Ethernet header is on the stack.
fn begin(p: &mut Assembler, maps: Maps, runt: Label, out: Label) {
    p.set(R6, R1);
    p.load(Word, R1, R6, context::KIND);
    p.jump_if(R1, Equal, LOOPBACK, out);
    p.store(Double, R10, stack::KEY, 0);
    p.store(Half, R10, stack::PADDED, 0);
    look_up(p, maps.totals);
    p.jump_if(R0, Equal, 0, out);
    p.set(R9, R0);
    p.set(R8, 1);
    p.set(R2, 0);
    load_bytes(p, stack::DESTINATION, ETHERNET_BYTES, runt);
}

/// R7 becomes the bytes on the wire, R8 the frames.
fn wire_size(p: &mut Assembler) {
    let (untagged, plain) = (p.label(), p.label());
    p.load(Word, R7, R6, context::LEN);
    p.load(Word, R1, R6, context::VLAN_PRESENT);
    p.jump_if(R1, Equal, 0, untagged);
    p.calculate(Add, R7, TAG_BYTES);
    p.place(untagged);
    p.load(Word, R1, R6, context::GSO_SIZE);
    p.jump_if(R1, Equal, 0, plain);
    header(p);
    segments(p);
    p.place(plain);
}

/// R8 becomes the length of the headers that every segment repeats, as far as they are known.
fn header(p: &mut Assembler) {
    let (network, ipv6, transport) = (p.label(), p.label(), p.label());
    let (udp, known) = (p.label(), p.label());
    p.set(R8, ETHERNET_BYTES);
    p.load(Half, R1, R10, stack::TYPE);
    p.network_to_host(R1, 16);
    for _ in 0..TAGS_MAX {
        let tag = p.label();
        for ethertype in TAGS {
            p.jump_if(R1, Equal, ethertype, tag);
        }
        p.jump(network);
        p.place(tag);
        piece(p, 2, 2, known);
        p.calculate(Add, R8, TAG_BYTES);
        p.load(Half, R1, R10, stack::PIECE);
        p.network_to_host(R1, 16);
    }
    p.place(network);
    p.jump_if(R1, Equal, IPV6, ipv6);
    p.jump_if(R1, NotEqual, IPV4, known);
    piece(p, 0, 10, known);
    p.load(Byte, R1, R10, stack::PIECE);
    p.calculate(And, R1, 15);
    p.calculate(ShiftLeft, R1, 2);
    p.calculate(Add, R8, R1);
    p.load(Byte, R1, R10, stack::PIECE + 9);
    p.jump(transport);
    p.place(ipv6);
    piece(p, 0, 7, known);
    p.calculate(Add, R8, 40);
    p.load(Byte, R1, R10, stack::PIECE + 6);
    p.place(transport);
    p.jump_if(R1, Equal, UDP, udp);
    p.jump_if(R1, NotEqual, TCP, known);
    piece(p, 12, 1, known);
    p.load(Byte, R1, R10, stack::PIECE);
    p.calculate(ShiftRight, R1, 4);
    p.calculate(ShiftLeft, R1, 2);
    p.calculate(Add, R8, R1);
    p.jump(known);
    p.place(udp);
    p.calculate(Add, R8, 8);
    p.place(known);
}

/// R8, the length of the headers, becomes the number of segments; their headers are added to R7.
fn segments(p: &mut Assembler) {
    let known = p.label();
    p.load(Word, R1, R6, context::GSO_SEGMENTS);
    p.load(Word, R3, R6, context::LEN);
    p.jump_if(R1, NotEqual, 0, known);
    // A guest's or a program's frame, not yet counted by the kernel.
    p.set(R1, 1);
    p.jump_if(R8, AtLeast, R3, known);
    p.load(Word, R2, R6, context::GSO_SIZE);
    p.set(R1, R3);
    p.calculate(Subtract, R1, R8);
    p.calculate(Add, R1, R2);
    p.calculate(Subtract, R1, 1);
    p.divide_32(R1, R2);
    p.place(known);
    // The tag that was taken off is in each segment too.
    p.calculate(Add, R8, R7);
    p.calculate(Subtract, R8, R3);
    p.set(R2, R1);
    p.calculate(Subtract, R2, 1);
    p.calculate(Multiply, R2, R8);
    p.calculate(Add, R7, R2);
    p.set(R8, R1);
}

/// R2 becomes the source as a number, R3 the destination, R4 the flags of what is own.
fn addresses(p: &mut Assembler, maps: Maps, out: Label) {
    let known = p.label();
    p.load(Byte, R1, R10, stack::SOURCE);
    p.jump_if(R1, AnyBitOf, 1, out);
    look_up(p, maps.own);
    p.jump_if(R0, Equal, 0, out);
    p.load(Double, R2, R10, stack::SOURCE);
    p.network_to_host(R2, 64);
    p.calculate(ShiftRight, R2, 16);
    p.jump_if(R2, Equal, 0, out);
    p.load(Double, R3, R10, stack::PADDED);
    p.network_to_host(R3, 64);
    p.set(R4, 0);
    for i in 0..OWN_MACS_MAX as i16 {
        let (other, next) = (p.label(), p.label());
        p.load(Double, R5, R0, 8 * i);
        p.jump_if(R5, Equal, 0, known);
        p.jump_if(R5, NotEqual, R2, other);
        p.calculate(Or, R4, SOURCE_OWN);
        p.place(other);
        p.jump_if(R5, NotEqual, R3, next);
        p.calculate(Or, R4, DESTINATION_OWN);
        p.place(next);
    }
    p.place(known);
}

/// Counts, by the direction of the frame and the kind of its destination.
fn directions(p: &mut Assembler, maps: Maps, out: Label) {
    let (sent, sent_to_group, to_group) = (p.label(), p.label(), p.label());
    let (lane_tx, lane_rx) = (p.label(), p.label());
    p.load(Word, R1, R6, context::KIND);
    p.load(Word, R5, R6, context::INTERFACE);
    p.calculate(And, R5, 0xffff);
    p.set(R6, R4);
    p.load(Byte, R4, R10, stack::DESTINATION);
    p.jump_if(R1, Equal, OUTGOING, sent);

    p.jump_if(R6, AnyBitOf, SOURCE_OWN, out);
    key(p, R2);
    p.jump_if(R4, AnyBitOf, 1, to_group);
    p.jump_if(R6, Equal, 0, lane_tx);
    add(p, R9, field!(Totals, self_rx_bytes), R7);
    add(p, R9, field!(Totals, self_rx_frames), R8);
    p.jump(lane_tx);
    p.place(to_group);
    add(p, R9, field!(Totals, group_bytes), R7);
    add(p, R9, field!(Totals, group_frames), R8);
    p.place(lane_tx);
    lane(p, maps, &TX, out);

    p.place(sent);
    p.jump_if(R4, AnyBitOf, 1, sent_to_group);
    p.jump_if(R6, AnyBitOf, DESTINATION_OWN, out);
    key(p, R3);
    p.jump_if(R6, Equal, 0, lane_rx);
    add(p, R9, field!(Totals, self_tx_bytes), R7);
    add(p, R9, field!(Totals, self_tx_frames), R8);
    p.place(lane_rx);
    lane(p, maps, &RX, out);

    p.place(sent_to_group);
    p.jump_if(R6, Equal, 0, out);
    add(p, R9, field!(Totals, self_tx_bytes), R7);
    add(p, R9, field!(Totals, self_tx_frames), R8);
    add(p, R9, field!(Totals, group_bytes), R7);
    add(p, R9, field!(Totals, group_frames), R8);
    p.jump(out);
}

/// The fields of one direction.
struct Fields {
    bytes: i16,
    frames: i16,
    routed: i16,
    other: i16,
}

const TX: Fields = Fields {
    bytes: field!(Flow, tx_bytes),
    frames: field!(Flow, tx_frames),
    routed: field!(Flow, routed_tx_bytes),
    other: field!(Totals, other_tx_bytes),
};

const RX: Fields = Fields {
    bytes: field!(Flow, rx_bytes),
    frames: field!(Flow, rx_frames),
    routed: field!(Flow, routed_rx_bytes),
    other: field!(Totals, other_rx_bytes),
};

/// Adds to the lane of the key, which is made when there is none; R6 is not 0 when the other
/// address is own.
fn lane(p: &mut Assembler, maps: Maps, fields: &Fields, out: Label) {
    let found = p.label();
    look_up(p, maps.lanes);
    p.jump_if(R0, NotEqual, 0, found);
    for i in 0..size_of::<Flow>() as i16 / 8 {
        p.store(Double, R10, stack::EMPTY + 8 * i, 0);
    }
    p.map(R1, maps.lanes);
    address(p, R2, stack::KEY);
    address(p, R3, stack::EMPTY);
    p.set(R4, ONLY_NEW);
    p.call(MapUpdate);
    // Another CPU may have been faster.
    look_up(p, maps.lanes);
    p.jump_if(R0, NotEqual, 0, found);
    add(p, R9, fields.other, R7);
    add(p, R9, field!(Totals, other_frames), R8);
    p.jump(out);
    p.place(found);
    add(p, R0, fields.bytes, R7);
    add(p, R0, fields.frames, R8);
    p.jump_if(R6, Equal, 0, out);
    add(p, R0, fields.routed, R7);
    p.jump(out);
}

/// Makes the key of the lane of `mac` and the interface in R5; spoils `mac`.
fn key(p: &mut Assembler, mac: Register) {
    p.calculate(ShiftLeft, mac, 16);
    p.calculate(Or, mac, R5);
    p.store(Double, R10, stack::KEY, mac);
}

/// `*(base + offset) += value`; spoils R1.
fn add(p: &mut Assembler, base: Register, offset: i16, value: Register) {
    p.load(Double, R1, base, offset);
    p.calculate(Add, R1, value);
    p.store(Double, base, offset, R1);
}

/// R0 becomes the row of the key on the stack, 0 when there is none.
fn look_up(p: &mut Assembler, map: RawFd) {
    p.map(R1, map);
    address(p, R2, stack::KEY);
    p.call(MapLookup);
}

fn address(p: &mut Assembler, target: Register, place: i16) {
    p.set(target, R10);
    p.calculate(Add, target, i32::from(place));
}

/// Loads `len` bytes that stand `beyond` the headers known in R8.
fn piece(p: &mut Assembler, beyond: i32, len: i32, short: Label) {
    p.set(R2, R8);
    if beyond > 0 {
        p.calculate(Add, R2, beyond);
    }
    load_bytes(p, stack::PIECE, len, short);
}

/// Loads `len` bytes from the offset in R2 to the stack. Not by the older instructions for that:
/// they end the program where the frame is short.
fn load_bytes(p: &mut Assembler, place: i16, len: i32, short: Label) {
    p.set(R1, R6);
    address(p, R3, place);
    p.set(R4, len);
    p.call(SkbLoadBytes);
    p.jump_if(R0, NotEqual, 0, short);
}
