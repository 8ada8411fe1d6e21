// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rows read from a table that stands in for the kernel's: several CPUs, torn values, refusals.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use super::*;
use crate::sys::privileges::{Capabilities, Capability, Privileges};

const CPUS: usize = 3;

const LANE: Lane = Lane {
    mac: Mac([0x02, 0, 0, 0, 0x0a, 0xff]),
    interface: 0x0102,
};

/// A kernel with few rows.
#[derive(Default)]
struct Kernel {
    lanes: RefCell<BTreeMap<u64, Vec<u64>>>,
    own: Cell<[u64; OWN_MACS_MAX]>,
    /// Read in the place of the truth, one each time.
    torn: RefCell<Vec<u64>>,
    /// Knows no read and removal in one step.
    old: bool,
    /// What the thread may do, where that is asked for (before Linux 5.19).
    asks: Option<Rc<Cell<Privileges>>>,
}

fn errno(number: i32) -> io::Error {
    io::Error::from_raw_os_error(number)
}

impl Kernel {
    fn with(lanes: &[(Lane, [u64; FLOW_WORDS * CPUS])]) -> Self {
        let lanes = lanes.iter().map(|(lane, row)| (key(*lane), row.to_vec()));
        Self {
            lanes: RefCell::new(lanes.collect()),
            ..Self::default()
        }
    }

    fn permission(&self) -> io::Result<()> {
        match &self.asks {
            Some(privileges) if !privileges.get().effective.has_any(LOADING) => {
                Err(errno(libc::EPERM))
            }
            _ => Ok(()),
        }
    }
}

impl Tables for Kernel {
    fn lane(&self, key: u64, row: &mut [u64]) -> io::Result<bool> {
        self.permission()?;
        let lanes = self.lanes.borrow();
        let Some(values) = lanes.get(&key) else {
            return Ok(false);
        };
        row[..values.len()].copy_from_slice(values);
        if let Some(torn) = self.torn.borrow_mut().pop() {
            row[0] = torn;
        }
        Ok(true)
    }

    fn take_lane(&self, key: u64, row: &mut [u64]) -> io::Result<bool> {
        if self.old {
            return Err(errno(NOT_SUPPORTED));
        }
        Ok(self.lane(key, row)? && self.remove_lane(key)?)
    }

    fn remove_lane(&self, key: u64) -> io::Result<bool> {
        self.permission()?;
        Ok(self.lanes.borrow_mut().remove(&key).is_some())
    }

    fn new_lane(&self, key: u64, row: &[u64]) -> io::Result<()> {
        let mut lanes = self.lanes.borrow_mut();
        if lanes.contains_key(&key) {
            return Err(errno(libc::EEXIST));
        }
        if lanes.len() == 2 {
            return Err(errno(libc::E2BIG));
        }
        lanes.insert(key, row[..FLOW_WORDS * CPUS].to_vec());
        Ok(())
    }

    fn lanes(
        &self,
        from: Option<Place>,
        keys: &mut [u64],
        rows: &mut [u64],
    ) -> io::Result<(usize, Option<Place>)> {
        self.permission()?;
        let lanes = self.lanes.borrow();
        let (from, mut count) = (from.unwrap_or(0), 0);
        let rest = lanes.iter().skip(from as usize);
        let rows = rows.chunks_exact_mut(FLOW_WORDS * CPUS);
        for ((key, values), (room, row)) in rest.zip(keys.iter_mut().zip(rows)) {
            *room = *key;
            row.copy_from_slice(values);
            if let Some(torn) = self.torn.borrow_mut().pop() {
                row[0] = torn;
            }
            count += 1;
        }
        let next = from + count as Place;
        Ok((count, (count == keys.len()).then_some(next)))
    }

    fn totals(&self, row: &mut [u64]) -> io::Result<bool> {
        self.permission()?;
        let words = TOTALS_WORDS * CPUS;
        for (i, word) in row[..words].iter_mut().enumerate() {
            *word = i as u64;
        }
        Ok(true)
    }

    fn set_own(&self, own: &[u64; OWN_MACS_MAX]) -> io::Result<()> {
        self.own.set(*own);
        Ok(())
    }
}

/// A row in which each CPU counted the same.
fn row(flow: [u64; FLOW_WORDS]) -> [u64; FLOW_WORDS * CPUS] {
    core::array::from_fn(|i| flow[i % FLOW_WORDS])
}

fn rows(kernel: Kernel, tears: bool) -> Rows<Kernel> {
    let mut rows = Rows::new(kernel, CPUS);
    rows.tears = tears;
    rows
}

fn all(rows: &mut Rows<Kernel>) -> Vec<(Lane, Flow)> {
    let mut found = Vec::new();
    rows.each(|lane, flow| found.push((lane, flow))).unwrap();
    found
}

#[test]
fn a_key_is_a_lane() {
    assert_eq!(key(LANE), 0x0200_0000_0aff_0102);
    assert_eq!(lane(key(LANE)), LANE);
    assert_eq!(number(LANE.mac), 0x0200_0000_0aff);
}

#[test]
fn the_copies_of_all_cpus_are_added_up() {
    let other = Lane {
        interface: 7,
        ..LANE
    };
    let kernel = Kernel::with(&[
        (LANE, row([1, 2, 3, 4, 5, 6])),
        (other, row([u64::MAX, 0, 0, 0, 0, 1 << 40])),
    ]);
    let mut rows = rows(kernel, false);
    let flows = all(&mut rows);
    assert_eq!(flows.len(), 2);
    assert!(flows.contains(&(LANE, Flow::from_words([3, 6, 9, 12, 15, 18]))));
    let wrapped = Flow::from_words([u64::MAX - 2, 0, 0, 0, 0, 3 << 40]);
    assert!(flows.contains(&(other, wrapped)));
    let totals = rows.totals().unwrap();
    assert_eq!((totals.frames, totals.other_frames), (30, 9 + 19 + 29));
    assert!(all(&mut super::tests::rows(Kernel::default(), true)).is_empty());
}

#[test]
fn more_lanes_than_are_read_at_once_come_each_once() {
    for count in [
        0,
        1,
        BATCH_LANES - 1,
        BATCH_LANES,
        BATCH_LANES + 1,
        3 * BATCH_LANES,
    ] {
        let lane = |i| Lane {
            interface: i as u16,
            ..LANE
        };
        let lanes: Vec<_> = (0..count)
            .map(|i| (lane(i), row([i as u64, 0, 0, 0, 0, 0])))
            .collect();
        for tears in [false, true] {
            let found = all(&mut rows(Kernel::with(&lanes), tears));
            let expected = (0..count).map(|i| {
                let bytes = (CPUS * i) as u64;
                (lane(i), Flow::from_words([bytes, 0, 0, 0, 0, 0]))
            });
            assert_eq!(found, expected.collect::<Vec<_>>());
        }
    }
}

#[test]
fn a_torn_value_is_read_again() {
    let (old, new) = (0xffff_fff0, (1 << 32) + 5);
    // The halves of the two, mixed.
    for torn in [5, (1 << 32) + 0xffff_fff0] {
        let mut rows = rows(Kernel::with(&[(LANE, row([new, 0, 0, 0, 0, 0]))]), true);
        let mut check = |looks: &[u64], expected: u64| {
            rows.tables.torn.borrow_mut().extend(looks.iter().rev());
            let bytes = all(&mut rows)[0].1.tx_bytes;
            assert_eq!(bytes, expected + 2 * new, "{torn:#x} {looks:x?}");
            assert!(rows.tables.torn.borrow().is_empty());
        };
        check(&[torn], new);
        check(&[old, torn], new);
        check(&[old, old], old);
        check(&[old, new], new);
        // When it is taken away, the look before counts.
        rows.tables.torn.borrow_mut().extend([torn, old, old]);
        let flow = rows.evict(LANE).unwrap().unwrap();
        assert_eq!(flow.tx_bytes, old + 2 * new, "{torn:#x}");
    }
}

#[test]
fn an_evicted_lane_has_its_last_values() {
    for (old, tears) in [(false, false), (true, false), (false, true), (true, true)] {
        let mut kernel = Kernel::with(&[(LANE, row([1, 1, 0, 0, 0, 0]))]);
        kernel.old = old;
        let mut rows = rows(kernel, tears);
        let flow = rows.evict(LANE).unwrap();
        assert_eq!(flow, Some(Flow::from_words([3, 3, 0, 0, 0, 0])));
        assert_eq!(rows.evict(LANE).unwrap(), None);
        assert!(all(&mut rows).is_empty());
    }
}

#[test]
fn a_lane_is_reserved_once_and_while_there_is_room() {
    let mut rows = rows(Kernel::with(&[(LANE, row([9; FLOW_WORDS]))]), false);
    let lane = |interface| Lane { interface, ..LANE };
    rows.reserve(LANE).unwrap();
    assert_eq!(all(&mut rows)[0].1, Flow::from_words([27; FLOW_WORDS]));
    rows.reserve(lane(1)).unwrap();
    assert_eq!(rows.evict(lane(1)).unwrap(), Some(Flow::default()));
    rows.reserve(lane(2)).unwrap();
    let error = rows.reserve(lane(3)).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ArgumentListTooLong);
}

#[test]
fn own_addresses_are_devices_and_end_with_zero() {
    let rows = rows(Kernel::default(), false);
    let mac = |last| Mac([2, 0, 0, 0, 0, last]);
    rows.set_own(&[Mac::BROADCAST, mac(1), Mac::NULL, mac(2)])
        .unwrap();
    let first = 0x0200_0000_0001;
    assert_eq!(rows.tables.own.get()[..3], [first, first + 1, 0]);
    let many: Vec<_> = (1..=17).map(mac).collect();
    rows.set_own(&many).unwrap();
    assert_eq!(rows.tables.own.get()[15], first + 15);
    rows.set_own(&[]).unwrap();
    assert_eq!(rows.tables.own.get(), [0; OWN_MACS_MAX]);
}

/// A thread whose privileges the kernel can see.
struct Thread(Rc<Cell<Privileges>>);

impl Holder for Thread {
    fn privileges(&self) -> io::Result<Privileges> {
        Ok(self.0.get())
    }

    fn set_privileges(&mut self, privileges: Privileges) -> io::Result<()> {
        self.0.set(privileges);
        Ok(())
    }
}

/// Gives up on a kernel that reads with that right only, or without; what is left of it.
fn give_up(asks: bool) -> (Outcome, Privileges, Rows<Kernel>) {
    let may = LOADING.with(Capabilities::of(&[Capability::NetRaw]));
    let privileges = Rc::new(Cell::new(Privileges {
        effective: may,
        permitted: may,
        inheritable: Capabilities::default(),
    }));
    let mut kernel = Kernel::with(&[(LANE, row([1; FLOW_WORDS]))]);
    kernel.asks = asks.then(|| Rc::clone(&privileges));
    let mut rows = rows(kernel, false);
    let mut thread = Thread(Rc::clone(&privileges));
    let outcome = rows.give_up_loading(&mut thread).unwrap();
    (outcome, privileges.get(), rows)
}

#[test]
fn the_right_to_load_goes_where_reading_does_without() {
    let (outcome, privileges, mut rows) = give_up(false);
    assert_eq!(outcome, Outcome::GivenUp);
    assert!(!privileges.effective.has_any(LOADING) && !privileges.permitted.has_any(LOADING));
    assert!(
        privileges
            .effective
            .has_any(Capabilities::of(&[Capability::NetRaw]))
    );
    assert_eq!(all(&mut rows).len(), 1);
}

#[test]
fn the_right_to_load_stays_where_reading_needs_it() {
    let (outcome, privileges, mut rows) = give_up(true);
    assert_eq!(outcome, Outcome::Kept);
    assert_eq!(privileges.effective.also_in(LOADING), LOADING);
    assert_eq!(privileges.permitted.also_in(LOADING), LOADING);
    assert_eq!(all(&mut rows).len(), 1);
}
