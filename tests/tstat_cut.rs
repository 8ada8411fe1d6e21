// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs of `tstat-send` that are cut after any slice, by a carrier that does what a test wants.
#![cfg(feature = "tstat")]

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use std::time::Duration;

use netvitals::sys::files::c_path;
use netvitals::sys::signal::Signals;
use netvitals::sys::tree::Directory;
use netvitals::time::Mono;
use netvitals::tstat::carrier::{Carrier, CarrierError, Slice, Tally};
use netvitals::tstat::flow::{UdpDurations, Wish};
use netvitals::tstat::send::{Plan, Sender};
use netvitals::tstat::settings::Transport;

/// Objects of a log of these tests, and the slices that they make.
const ROWS: usize = 230;
const SLICES: u64 = 5;

/// What the other side saw, over several runs.
#[derive(Default)]
struct World {
    /// Name and body of each slice that arrived, with how often.
    arrived: RefCell<BTreeMap<String, (Vec<u8>, u32)>>,
    connections: Cell<u32>,
    offered: Cell<u64>,
}

type Act = Rc<dyn Fn(&Slice<'_>) -> Result<(), CarrierError>>;

/// A carrier with a window: a slice arrives at once, and is confirmed when `window` others were
/// offered after it, or it is settled, the newest first.
struct Fake {
    world: Rc<World>,
    window: usize,
    flying: Vec<u64>,
    confirmed: Vec<u64>,
    act: Act,
    settle: Option<CarrierError>,
    tally: Tally,
}

impl Carrier for Fake {
    fn offer(&mut self, slice: &Slice<'_>) -> Result<(), CarrierError> {
        (self.act)(slice)?;
        self.world.offered.set(self.world.offered.get() + 1);
        let mut arrived = self.world.arrived.borrow_mut();
        let entry = arrived.entry(slice.message_id.to_owned()).or_default();
        assert!(
            entry.1 == 0 || entry.0 == slice.body,
            "another body of the same name"
        );
        *entry = (slice.body.to_vec(), entry.1 + 1);
        self.flying.push(slice.number);
        if self.flying.len() > self.window {
            self.confirmed.push(self.flying.remove(0));
        }
        Ok(())
    }

    fn confirmed(&mut self, on_confirmed: &mut dyn FnMut(u64)) {
        self.confirmed.drain(..).for_each(on_confirmed);
    }

    fn settle(&mut self, _: Option<Mono>) -> Result<(), CarrierError> {
        match self.settle.take() {
            Some(error) => Err(error),
            None => {
                self.confirmed.extend(self.flying.drain(..).rev());
                Ok(())
            }
        }
    }

    fn tally(&self) -> Tally {
        self.tally
    }
}

/// A tree that is gone when the test is over.
struct Tree(PathBuf);

impl Tree {
    fn new(name: &str, directories: &[&str]) -> Self {
        let path =
            std::env::temp_dir().join(format!("netvitals-send-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        for directory in directories {
            fs::create_dir_all(path.join(directory)).unwrap();
            fs::write(path.join(directory).join("log_udp_complete"), log(ROWS)).unwrap();
        }
        Self(path)
    }

    fn has(&self, path: &str) -> bool {
        self.0.join(path).exists()
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn log(rows: usize) -> String {
    let mut text = "#c_ip:1 c_port:2 c_first_abs:3 c_durat:4 c_bytes_all:5 c_pkts_all:6 s_ip:7 \
                    s_port:8 s_first_abs:9 s_durat:10 s_bytes_all:11 s_pkts_all:12\n"
        .to_owned();
    for number in 0..rows {
        text += &format!("10.0.0.1 {number} 1000.5 2.5 800 3 10.0.0.2 53 1001.5 0.0 80 1\n");
    }
    text
}

fn plan(tree: &Path) -> Plan {
    Plan {
        directory: tree.to_str().unwrap().to_owned(),
        wish: Wish {
            bits_min: 0,
            udp_durations: UdpDurations::Seconds,
            sensor: "s".to_owned(),
            instance: None,
        },
        transport: Some(Transport::File("/nowhere".to_owned())),
        single: false,
        min_age: Duration::ZERO,
    }
}

/// Whether the run went well.
fn run(plan: &Plan, world: &Rc<World>, act: &Act, settle: Option<CarrierError>) -> bool {
    let signals = Signals::hold().unwrap();
    let connect = || {
        world.connections.set(world.connections.get() + 1);
        Ok(Box::new(Fake {
            world: world.clone(),
            window: 2,
            flying: Vec::new(),
            confirmed: Vec::new(),
            act: act.clone(),
            settle: settle.clone(),
            tally: Tally::default(),
        }) as Box<dyn Carrier>)
    };
    Sender::new(plan, &signals, &connect).run().is_ok()
}

fn always() -> Act {
    Rc::new(|_| Ok(()))
}

/// Fails with `error` when slice `k` of the first directory is offered.
fn fails_at(k: u64, error: CarrierError) -> Act {
    let failed = Cell::new(false);
    Rc::new(
        move |slice| match slice.number == k && !failed.replace(slice.number == k) {
            true => Err(error.clone()),
            false => Ok(()),
        },
    )
}

fn objects(world: &World) -> usize {
    let arrived = world.arrived.borrow();
    let text = arrived
        .values()
        .map(|(body, _)| String::from_utf8_lossy(body).into_owned());
    text.map(|text| text.matches("\"type\":\"flow\"").count())
        .sum()
}

#[test]
fn what_was_cut_after_any_slice_goes_on_there() {
    let errors = [
        CarrierError::Refused("r".into()),
        CarrierError::SetUpWrong("w".into()),
        CarrierError::Down("d".into()),
        CarrierError::Interrupted,
    ];
    for error in errors {
        for k in 0..SLICES {
            let tree = Tree::new("cut", &["1.out"]);
            let (plan, world) = (plan(&tree.0), Rc::new(World::default()));
            let well = run(&plan, &world, &fails_at(k, error.clone()), None);
            // Only the user's own wish to end is no failure.
            assert_eq!(well, error == CarrierError::Interrupted, "{error:?} at {k}");
            assert!(!tree.has("1.out/.processed"));
            assert_eq!(world.offered.get(), k);
            assert!(run(&plan, &world, &always(), None));
            assert!(tree.has("1.out/.processed") && !tree.has("1.out/.progress"));
            assert_eq!(objects(&world), 2 * ROWS);
            assert_eq!(world.arrived.borrow().len() as u64, SLICES);
            // What was in flight when it was cut for good, at most.
            let lost = matches!(error, CarrierError::SetUpWrong(_) | CarrierError::Down(_));
            let again = world.offered.get() - SLICES;
            assert_eq!(again, if lost { k.min(2) } else { 0 }, "{error:?} at {k}");
        }
    }
}

#[test]
fn the_mark_is_the_documented_one() {
    let tree = Tree::new("mark", &["1.out"]);
    assert!(run(&plan(&tree.0), &Rc::default(), &always(), None));
    assert_eq!(
        fs::read(tree.0.join("1.out/.processed")).unwrap(),
        b"processed"
    );
    let world = Rc::default();
    assert!(run(&plan(&tree.0), &world, &always(), None));
    assert_eq!((world.offered.get(), world.connections.get()), (0, 0));
}

#[test]
fn after_a_refusal_the_next_directory_is_tried_and_after_a_breakdown_not() {
    for (error, expected) in [
        (CarrierError::Refused("r".into()), true),
        (CarrierError::SetUpWrong("w".into()), false),
        (CarrierError::Down("d".into()), false),
        (CarrierError::Interrupted, false),
    ] {
        let tree = Tree::new("next", &["1.out", "2.out"]);
        run(
            &plan(&tree.0),
            &Rc::default(),
            &fails_at(1, error.clone()),
            None,
        );
        assert!(!tree.has("1.out/.processed"));
        assert_eq!(tree.has("2.out/.processed"), expected, "{error:?}");
    }
}

#[test]
fn an_error_at_the_very_end_leaves_the_directory_unmarked() {
    for error in [
        CarrierError::Refused("r".into()),
        CarrierError::Down("d".into()),
    ] {
        let tree = Tree::new("end", &["1.out"]);
        let (plan, world) = (plan(&tree.0), Rc::default());
        assert!(!run(&plan, &world, &always(), Some(error)));
        assert!(!tree.has("1.out/.processed") && tree.has("1.out/.progress"));
        assert!(run(&plan, &world, &always(), None));
        assert_eq!(
            (objects(&world), world.offered.get()),
            (2 * ROWS, SLICES + 2)
        );
    }
}

#[test]
fn an_interrupt_at_the_very_end_loses_nothing() {
    let tree = Tree::new("last", &["1.out"]);
    let (plan, world) = (plan(&tree.0), Rc::default());
    assert!(run(
        &plan,
        &world,
        &always(),
        Some(CarrierError::Interrupted)
    ));
    assert!(run(&plan, &world, &always(), None));
    assert!(tree.has("1.out/.processed"));
    assert_eq!(world.offered.get(), SLICES);
}

/// What somebody does to a tree, or wishes, between two runs.
type Change = fn(&Path, &mut Plan);

#[test]
fn what_was_sent_of_other_logs_or_with_other_options_does_not_count() {
    let changes: [(&str, Change); 6] = [
        ("nothing", |_, _| {}),
        ("log", |path, _| {
            fs::write(path.join("1.out/log_udp_complete"), log(ROWS + 1)).unwrap()
        }),
        ("time", |path, _| {
            let file = fs::File::options()
                .append(true)
                .open(path.join("1.out/log_udp_complete"));
            file.unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
        }),
        ("threshold", |_, plan| plan.wish.bits_min = 1),
        ("sensor", |_, plan| plan.wish.sensor = "t".to_owned()),
        ("destination", |_, plan| {
            plan.transport = Some(Transport::File("/else".to_owned()))
        }),
    ];
    for (what, change) in changes {
        let tree = Tree::new(what, &["1.out"]);
        let (mut plan, world) = (plan(&tree.0), Rc::default());
        assert!(!run(
            &plan,
            &world,
            &fails_at(4, CarrierError::Down("d".into())),
            None
        ));
        assert_eq!(world.offered.replace(0), 4);
        change(&tree.0, &mut plan);
        assert!(run(&plan, &world, &always(), None));
        let expected = if what == "nothing" { 3 } else { 5 };
        assert_eq!(world.offered.get(), expected, "{what}");
    }
}

#[test]
fn a_log_that_changes_while_it_is_read_is_not_done() {
    let change: [fn(&Path); 2] = [
        |path| {
            use std::io::Write;
            let file = fs::File::options().append(true).open(path);
            file.unwrap().write_all(b"10.0.0.1 1 1").unwrap();
        },
        |path| {
            fs::File::options()
                .write(true)
                .open(path)
                .unwrap()
                .set_len(9_000)
                .unwrap()
        },
    ];
    for change in change {
        let tree = Tree::new("changes", &["1.out", "2.out"]);
        let path = tree.0.join("1.out/log_udp_complete");
        let changed = Cell::new(false);
        let act: Act = Rc::new(move |_| {
            if !changed.replace(true) {
                change(&path);
            }
            Ok(())
        });
        let (plan, world) = (plan(&tree.0), Rc::default());
        assert!(!run(&plan, &world, &act, None));
        assert!(!tree.has("1.out/.processed") && tree.has("2.out/.processed"));
        assert!(run(&plan, &world, &always(), None));
        assert!(tree.has("1.out/.processed"));
    }
}

#[test]
fn a_directory_that_cannot_be_written_to_is_not_sent() {
    let tree = Tree::new("closed", &["1.out", "2.out"]);
    fs::create_dir(tree.0.join("1.out/.progress")).unwrap();
    let world = Rc::default();
    assert!(!run(&plan(&tree.0), &world, &always(), None));
    assert!(!tree.has("1.out/.processed") && tree.has("2.out/.processed"));
    assert_eq!(world.offered.get(), SLICES);
}

#[test]
fn a_single_run_ends_after_the_first_directory_with_objects() {
    let tree = Tree::new("single", &["0.out", "1.out", "2.out"]);
    fs::write(tree.0.join("0.out/log_udp_complete"), "").unwrap();
    let mut plan = plan(&tree.0);
    plan.single = true;
    assert!(run(&plan, &Rc::default(), &always(), None));
    assert!(tree.has("0.out/.processed") && tree.has("1.out/.processed"));
    assert!(!tree.has("2.out/.processed"));
}

#[test]
fn young_logs_and_those_of_others_are_left() {
    let tree = Tree::new("left", &["1.out", "x/2.out"]);
    let mut plan = plan(&tree.0);
    plan.min_age = Duration::from_secs(3_600);
    let world = Rc::default();
    assert!(run(&plan, &world, &always(), None));
    assert_eq!(world.connections.get(), 0);
    plan.min_age = Duration::ZERO;
    let path = c_path(tree.0.join("1.out").to_str().unwrap()).unwrap();
    let other = Directory::open(&path).unwrap();
    assert!(other.lock().unwrap());
    assert!(run(&plan, &world, &always(), None));
    assert!(!tree.has("1.out/.processed") && tree.has("x/2.out/.processed"));
    drop(other);
    assert!(run(&plan, &world, &always(), None));
    assert!(tree.has("1.out/.processed"));
}

#[test]
fn links_do_not_lead_out_of_the_tree() {
    let tree = Tree::new("links", &["in/1.out", "out/2.out"]);
    std::os::unix::fs::symlink("../out/2.out", tree.0.join("in/2.out")).unwrap();
    std::os::unix::fs::symlink("../out", tree.0.join("in/3.out")).unwrap();
    assert!(run(
        &plan(&tree.0.join("in")),
        &Rc::default(),
        &always(),
        None
    ));
    assert!(tree.has("in/1.out/.processed") && !tree.has("out/2.out/.processed"));
}
