// SPDX-License-Identifier: MIT OR Apache-2.0
//! The system's metrics and the speeds of links, below a root of our own and from the real one.

#[path = "support/counting.rs"]
mod counting;
#[path = "support/tempdir.rs"]
mod tempdir;

use std::fs;
use std::time::Duration;

use counting::allocations;
use netvitals::collect::speeds::Speeds;
use netvitals::collect::system::{Collector, boot_id};
use netvitals::encode::json::{Json, Style};
use netvitals::encode::snapshot::metrics;
use netvitals::limits::METRICS_DOCUMENT_BYTES_MAX;
use netvitals::model::system::{Load, Memory, System};
use netvitals::sys::files::{Root, c_path};
use netvitals::time::Mono;
use tempdir::TempDir;

/// A directory in place of `/`.
struct Fake(TempDir);

impl Fake {
    fn new() -> Self {
        Self(TempDir::new())
    }

    fn put(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn root(&self) -> Root {
        Root::at(&c_path(self.0.path().to_str().unwrap()).unwrap()).unwrap()
    }
}

/// A router.
fn router() -> Fake {
    let fake = Fake::new();
    fake.put(
        "proc/stat",
        "cpu  100 0 100 800 0 0 0 0 0 0\ncpu0 1 2 3 4\nintr 1 2\n",
    );
    fake.put(
        "proc/meminfo",
        "MemTotal:          59688 kB\nMemFree:           10000 kB\nMemAvailable:   36136 kB\n",
    );
    fake.put("proc/uptime", "2705.33 5000.10\n");
    fake.put("proc/loadavg", "0.08 0.03 0.01 1/52 1234\n");
    fake.put(
        "proc/self/mountinfo",
        "10 1 31:5 / /rom ro - squashfs /dev/root ro\n\
         11 1 0:4 / /proc rw - proc proc rw\n\
         13 1 0:15 / /tmp rw - tmpfs tmpfs rw\n\
         14 1 31:6 / /overlay rw - jffs2 /dev/mtdblock6 rw\n\
         15 1 0:16 / / rw - overlay overlayfs:/overlay rw,lowerdir=/\n\
         16 1 8:1 / /mnt/a\\040b rw - ext4 /dev/sda1 rw\n",
    );
    fake.put("tmp/x", "");
    fake.put("mnt/a b/x", "");
    let id = "0f5e7c1e-7a51-4c7e-9a30-51f6ac2f8a11\n";
    fake.put("proc/sys/kernel/random/boot_id", id);
    fake
}

#[test]
fn a_router_is_read() {
    let fake = router();
    let root = fake.root();
    let (mut collector, mut system) = (Collector::new(), System::default());
    collector.read(&root, &mut system);
    assert_eq!(system.cpu_tenths, 0, "there was nothing before");
    let expected = Memory {
        total_bytes: 61_120_512,
        available_bytes: 37_003_264,
    };
    assert_eq!((system.memory, system.uptime_s), (expected, 2_705));
    let hundredths = [8, 3, 1];
    assert_eq!(system.load, Some(Load { hundredths }));
    let disks: Vec<_> = system
        .disks
        .iter()
        .map(|disk| (disk.mount.as_str(), disk.kind.as_str()))
        .collect();
    assert_eq!(
        disks,
        [("/", "overlay"), ("/tmp", "tmpfs"), ("/mnt/a b", "ext4")]
    );
    assert_eq!(system.disks_left_out, 1, "/overlay is not there");
    assert!(system.disks.iter().all(|disk| disk.space.total_bytes > 0));
    fake.put("proc/stat", "cpu  120 0 105 875 0 0 0 0 0 0\n");
    collector.read(&root, &mut system);
    assert_eq!((system.cpu_tenths, system.disks.len()), (250, 3));
    assert_eq!(
        boot_id(&root).unwrap(),
        "0f5e7c1e-7a51-4c7e-9a30-51f6ac2f8a11"
    );
}

#[test]
fn what_is_absent_or_odd_is_unknown() {
    let fake = Fake::new();
    let root = fake.root();
    let (mut collector, mut system) = (Collector::new(), System::default());
    collector.read(&root, &mut system);
    assert_eq!(system, System::default());
    assert_eq!(boot_id(&root), None);
    for name in ["stat", "meminfo", "uptime", "loadavg", "self/mountinfo"] {
        fake.put(&format!("proc/{name}"), &"\u{1}\u{2} x".repeat(20_000));
    }
    collector.read(&root, &mut system);
    let disks_left_out = 1;
    assert_eq!(
        system,
        System {
            disks_left_out,
            ..System::default()
        }
    );
    // What was known is not kept.
    let known = router();
    collector.read(&known.root(), &mut system);
    fs::remove_file(known.0.path().join("proc/meminfo")).unwrap();
    fs::remove_file(known.0.path().join("proc/stat")).unwrap();
    collector.read(&known.root(), &mut system);
    assert_eq!((system.memory, system.cpu_tenths), (Memory::default(), 0));
}

#[test]
fn this_machine_is_read_without_allocation() {
    let root = Root::system().unwrap();
    let (mut collector, mut system) = (Collector::new(), System::default());
    let mut buffer = vec![0; METRICS_DOCUMENT_BYTES_MAX];
    let work = || {
        for _ in 0..3 {
            collector.read(&root, &mut system);
            let mut json = Json::new(&mut buffer[..], Style::Compact);
            metrics::member(&mut json, &system).unwrap();
        }
    };
    assert_eq!(allocations(work), 0);
    assert!(system.memory.total_bytes > 1 << 20 && system.memory.used_bytes() > 0);
    assert_eq!(system.disks.first().unwrap().mount, "/");
    assert!(system.load.is_some() && boot_id(&root).is_some());
}

#[test]
fn a_speed_is_asked_when_it_is_new_and_after_a_minute() {
    let fake = Fake::new();
    let root = fake.root();
    let now = |s: u64| Mono::from_ns(0).after(Duration::from_secs(s));
    fake.put("sys/class/net/lan1/speed", "1000\n");
    fake.put("sys/class/net/wlan0/speed", "-1\n");
    let mut speeds = Box::new(Speeds::new());
    speeds.read(&root, ["lan1", "wlan0", "lo"].into_iter(), now(0));
    assert_eq!(
        ["lan1", "wlan0", "lo", "lan2"].map(|name| speeds.mbps(name)),
        [1_000, 0, 0, 0]
    );
    fake.put("sys/class/net/lan1/speed", "100\n");
    fake.put("sys/class/net/lan2/speed", "2500\n");
    let all = ["lan1", "lan2"];
    speeds.read(&root, all.iter().copied(), now(59));
    assert_eq!(
        ["lan1", "lan2"].map(|name| speeds.mbps(name)),
        [1_000, 2_500]
    );
    speeds.read(&root, all.iter().copied(), now(60));
    assert_eq!(speeds.mbps("lan1"), 100);
    fake.put("sys/class/net/lan1/speed", "10\n");
    speeds.forget();
    let work = || speeds.read(&root, all.iter().copied(), now(61));
    assert_eq!(allocations(work), 0);
    assert_eq!(speeds.mbps("lan1"), 10);
}
