// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any bytes as each of the files in which the system tells of itself, and the document of it.

use netvitals::codec::procfs::{self, Meminfo};
use netvitals::encode::json::{Json, Style};
use netvitals::encode::snapshot::metrics;
use netvitals::limits::{DISKS_MAX, METRICS_DOCUMENT_BYTES_MAX, MOUNT_BYTES_MAX};
use netvitals::model::mounts::Places;
use netvitals::model::name;
use netvitals::model::system::{Disk, Space, System};

/// One input.
pub fn run(input: &[u8]) {
    let mut system = System::default();
    let mut meminfo = Meminfo::default();
    let mut places = Places::default();
    let mut cpu = None;
    let mut lines = 0;
    for line in input.split(|&byte| byte == b'\n') {
        lines += 1;
        if let Some(times) = procfs::cpu(line) {
            let earlier = cpu.replace(times).unwrap_or(times);
            system.cpu_tenths = times.busy_tenths_since(earlier).unwrap_or(0);
            assert!(system.cpu_tenths <= 1_000);
        }
        meminfo.line(line);
        places.take(procfs::mount(line, &mut [0; MOUNT_BYTES_MAX + 1]));
        system.uptime_s = procfs::uptime_s(line).unwrap_or(system.uptime_s);
        system.load = procfs::load(line).or(system.load);
        if let Some(id) = procfs::boot_id(line) {
            assert_eq!(id.len(), 36);
        }
    }
    system.memory = meminfo.memory().unwrap_or_default();
    assert!(system.memory.used_tenths() <= 1_000);
    for (i, place) in places.iter().enumerate() {
        assert!(i < DISKS_MAX && !place.path.contains(&0));
        assert!(i == 0 || !place.path.is_empty(), "one root, and first");
        let space = Space {
            total_bytes: u64::MAX,
            used_bytes: system.uptime_s,
            free_bytes: system.memory.total_bytes,
        };
        let disk = Disk {
            mount: name::lossy(&place.path),
            kind: name::lossy(&place.kind),
            space,
        };
        system.disks.push(disk).unwrap();
    }
    assert!(places.left_out_count() <= 2 * lines);
    let mut buffer = vec![0; METRICS_DOCUMENT_BYTES_MAX];
    let mut json = Json::new(&mut buffer[..], Style::Compact);
    json.open_object().unwrap();
    metrics::member(&mut json, &system).unwrap();
    json.close_object().unwrap();
    let left = json.finish().unwrap().len();
    let document = std::str::from_utf8(&buffer[..METRICS_DOCUMENT_BYTES_MAX - left]).unwrap();
    assert_eq!(document.find('\n'), Some(document.len() - 1));
}
