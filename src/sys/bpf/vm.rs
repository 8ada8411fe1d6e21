// SPDX-License-Identifier: MIT OR Apache-2.0
//! The program in a machine without a kernel: frames made by hand, maps and functions that stand
//! in for the kernel's.

mod reference;
mod tests;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use super::asm::{ByteOrder, Helper};
use super::program::{self, Maps};
use super::rows;
use crate::limits::OWN_MACS_MAX;
use crate::model::addr::Mac;
use crate::model::usage::{Flow, Lane, Totals};

/// A frame as a packet socket sees it, and what `struct __sk_buff` says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Frame {
    /// Its start, from the Ethernet header on.
    bytes: Vec<u8>,
    len: u32,
    kind: u32,
    vlan_taken: bool,
    interface: u32,
    gso_segments: u32,
    gso_size: u32,
}

const RECEIVED: u32 = 0;
const OUTGOING: u32 = 4;

/// What was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Counted {
    lanes: BTreeMap<Lane, Flow>,
    totals: Totals,
}

// Descriptors of maps that are none.
const LANES: i32 = 3;
const TOTALS: i32 = 4;
const OWN: i32 = 5;

const TOTALS_WORDS: usize = size_of::<Totals>() / 8;
const FLOW_WORDS: usize = size_of::<Flow>() / 8;
const LANES_ROOM: usize = 64;

/// What the program can reach, besides its stack and the context.
struct World {
    frame: Vec<u8>,
    /// Lanes that fit.
    room: usize,
    /// The keys of the rows in use.
    keys: Vec<u64>,
    totals: [Cell<u64>; TOTALS_WORDS],
    own: [Cell<u64>; OWN_MACS_MAX],
    lanes: [Cell<u64>; FLOW_WORDS * LANES_ROOM],
}

thread_local! {
    /// Helpers are plain functions, so the world they live in is the thread's.
    static WORLD: RefCell<Option<Box<World>>> = const { RefCell::new(None) };
}

/// The machine.
struct Vm {
    code: Vec<u8>,
}

impl Vm {
    /// One with room for so many lanes, in a new world.
    fn new(own: &[Mac], room: usize) -> Self {
        let zero = || Cell::new(0);
        let numbers = own.iter().map(|mac| rows::number(*mac));
        let mut numbers = numbers.chain(std::iter::repeat(0));
        WORLD.replace(Some(Box::new(World {
            frame: Vec::new(),
            room,
            keys: Vec::new(),
            totals: std::array::from_fn(|_| zero()),
            own: std::array::from_fn(|_| Cell::new(numbers.next().unwrap())),
            lanes: std::array::from_fn(|_| zero()),
        })));
        let maps = Maps {
            lanes: LANES,
            totals: TOTALS,
            own: OWN,
        };
        // The machine reads instructions as little endian wherever it runs.
        let code = program::counting(maps, ByteOrder::Little);
        Self { code }
    }

    /// Runs the program for one frame.
    fn run(&self, frame: &Frame) -> Result<u64, std::io::Error> {
        let mut context = [0_u32; 48];
        context[0] = frame.len;
        context[1] = frame.kind;
        context[5] = u32::from(frame.vlan_taken);
        context[10] = frame.interface;
        context[41] = frame.gso_segments;
        context[44] = frame.gso_size;
        let context: Vec<u8> = context.iter().flat_map(|word| word.to_ne_bytes()).collect();
        let mut vm = rbpf::EbpfVmMbuff::new(Some(&self.code))?;
        let functions: [(Helper, rbpf::ebpf::Helper); 3] = [
            (Helper::MapLookup, map_lookup),
            (Helper::MapUpdate, map_update),
            (Helper::SkbLoadBytes, skb_load_bytes),
        ];
        for (helper, function) in functions {
            vm.register_helper(helper as u32, function)?;
        }
        with_world(|world| {
            world.frame.clone_from(&frame.bytes);
            for words in [&world.totals[..], &world.own, &world.lanes] {
                let start = address(words.as_ptr());
                vm.register_allowed_memory(start..start + 8 * words.len() as u64);
            }
        });
        vm.execute_program(&[], &context)
    }

    fn counted(&self) -> Counted {
        with_world(|world| {
            let words = |cells: &[Cell<u64>]| cells.iter().map(Cell::get).collect::<Vec<_>>();
            let lanes = world.keys.iter().enumerate().map(|(i, key)| {
                let row = words(&world.lanes[FLOW_WORDS * i..][..FLOW_WORDS]);
                (rows::lane(*key), Flow::from_words(row.try_into().unwrap()))
            });
            Counted {
                lanes: lanes.collect(),
                totals: Totals::from_words(words(&world.totals).try_into().unwrap()),
            }
        })
    }
}

fn with_world<T>(what: impl FnOnce(&mut World) -> T) -> T {
    WORLD.with_borrow_mut(|world| what(world.as_mut().expect("a machine was made")))
}

fn address<T>(pointer: *const T) -> u64 {
    pointer.expose_provenance() as u64
}

/// Reads what the program points to.
#[allow(unsafe_code)]
fn pointed<T: Copy>(address: u64) -> T {
    // SAFETY: the program under test passes addresses of its stack, where as much was written.
    unsafe { std::ptr::with_exposed_provenance::<T>(address as usize).read_unaligned() }
}

fn map_lookup(map: u64, key: u64, _: u64, _: u64, _: u64) -> u64 {
    with_world(|world| match map as i32 {
        LANES => {
            let key = pointed::<u64>(key);
            let row = world.keys.iter().position(|known| *known == key);
            row.map_or(0, |row| address(&raw const world.lanes[FLOW_WORDS * row]))
        }
        TOTALS if pointed::<u32>(key) == 0 => address(world.totals.as_ptr()),
        OWN if pointed::<u32>(key) == 0 => address(world.own.as_ptr()),
        _ => 0,
    })
}

fn map_update(map: u64, key: u64, value: u64, flags: u64, _: u64) -> u64 {
    let error = |number: i32| i64::from(-number) as u64;
    with_world(|world| {
        let (key, row) = (pointed::<u64>(key), pointed::<[u64; FLOW_WORDS]>(value));
        assert_eq!((map as i32, flags), (LANES, 1), "only new lanes are made");
        if world.keys.contains(&key) {
            return error(libc::EEXIST);
        }
        if world.keys.len() == world.room {
            return error(libc::E2BIG);
        }
        let cells = &world.lanes[FLOW_WORDS * world.keys.len()..];
        for (cell, word) in cells.iter().zip(row) {
            cell.set(word);
        }
        world.keys.push(key);
        0
    })
}

#[allow(unsafe_code)]
fn skb_load_bytes(_: u64, offset: u64, to: u64, len: u64, _: u64) -> u64 {
    with_world(|world| {
        let (start, len) = (offset as usize, len as usize);
        let to = std::ptr::with_exposed_provenance_mut::<u8>(to as usize);
        let piece = world.frame.get(start..start + len);
        // SAFETY: the program under test passes addresses of its stack, with as much room.
        unsafe {
            match piece {
                Some(piece) => to.copy_from_nonoverlapping(piece.as_ptr(), len),
                None => to.write_bytes(0, len),
            }
        }
        piece.map_or(i64::from(-libc::EFAULT) as u64, |_| 0)
    })
}
