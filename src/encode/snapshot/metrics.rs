// SPDX-License-Identifier: MIT OR Apache-2.0
//! The object `metrics`: processor, memory, disks, uptime, load.

use embedded_io::Write;

use crate::encode::json::Json;
use crate::model::system::{Disk, Load, Memory, System};

/// Writes the member `metrics`.
///
/// # Errors
/// What `out` says.
pub fn member<W: Write>(json: &mut Json<W>, system: &System) -> Result<(), W::Error> {
    json.literal_key("\"metrics\":")?;
    json.open_object()?;
    json.literal_key("\"cpu\":")?;
    json.open_object()?;
    json.literal_key("\"percent\":")?;
    json.decimal(system.cpu_tenths, 1)?;
    json.close_object()?;
    memory(json, system.memory)?;
    json.literal_key("\"disk\":")?;
    json.open_array()?;
    for each in &system.disks {
        disk(json, each)?;
    }
    json.close_array()?;
    json.literal_key("\"uptimeSeconds\":")?;
    json.unsigned(system.uptime_s)?;
    if let Some(average) = system.load {
        load(json, average)?;
    }
    json.close_object()
}

fn memory<W: Write>(json: &mut Json<W>, memory: Memory) -> Result<(), W::Error> {
    json.literal_key("\"memory\":")?;
    json.open_object()?;
    let parts = [
        memory.total_bytes,
        memory.used_bytes(),
        memory.available_bytes,
    ];
    space(json, parts, memory.used_tenths())?;
    json.close_object()
}

fn disk<W: Write>(json: &mut Json<W>, disk: &Disk) -> Result<(), W::Error> {
    json.open_object()?;
    json.literal_key("\"mount\":")?;
    json.string(&disk.mount)?;
    let parts = [
        disk.space.total_bytes,
        disk.space.used_bytes,
        disk.space.free_bytes,
    ];
    space(json, parts, disk.space.used_tenths())?;
    json.literal_key("\"fsType\":")?;
    json.string(&disk.kind)?;
    json.close_object()
}

fn space<W: Write>(
    json: &mut Json<W>,
    [total, used, free]: [u64; 3],
    used_tenths: u64,
) -> Result<(), W::Error> {
    json.literal_key("\"totalBytes\":")?;
    json.unsigned(total)?;
    json.literal_key("\"usedBytes\":")?;
    json.unsigned(used)?;
    json.literal_key("\"freeBytes\":")?;
    json.unsigned(free)?;
    json.literal_key("\"percentUsed\":")?;
    json.decimal(used_tenths, 1)
}

fn load<W: Write>(json: &mut Json<W>, load: Load) -> Result<(), W::Error> {
    let [one, five, fifteen] = load.hundredths;
    json.literal_key("\"load\":")?;
    json.open_object()?;
    json.literal_key("\"one\":")?;
    json.decimal(one, 2)?;
    json.literal_key("\"five\":")?;
    json.decimal(five, 2)?;
    json.literal_key("\"fifteen\":")?;
    json.decimal(fifteen, 2)?;
    json.close_object()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::json::Style;
    use crate::limits::{
        DISKS_MAX, FILE_SYSTEM_BYTES_MAX, METRICS_DOCUMENT_BYTES_MAX, MOUNT_BYTES_MAX,
    };
    use crate::model::system::Space;

    fn text(system: &System) -> String {
        let mut buffer = vec![0; METRICS_DOCUMENT_BYTES_MAX];
        let mut json = Json::new(&mut buffer[..], Style::Compact);
        json.open_object().unwrap();
        member(&mut json, system).unwrap();
        json.close_object().unwrap();
        let left = json.finish().unwrap().len();
        buffer.truncate(METRICS_DOCUMENT_BYTES_MAX - left);
        String::from_utf8(buffer).unwrap()
    }

    fn disk(mount: &str, kind: &str, space: Space) -> Disk {
        Disk {
            mount: mount.try_into().unwrap(),
            kind: kind.try_into().unwrap(),
            space,
        }
    }

    #[test]
    fn the_object_is_as_documented() {
        let flash = Space {
            total_bytes: 8_388_608,
            used_bytes: 1_048_576,
            free_bytes: 7_340_032,
        };
        let mut system = System {
            cpu_tenths: 25,
            memory: Memory {
                total_bytes: 61_120_512,
                available_bytes: 37_003_264,
            },
            uptime_s: 2_705,
            load: Some(Load {
                hundredths: [8, 3, 1],
            }),
            ..System::default()
        };
        system.disks.push(disk("/", "overlay", flash)).unwrap();
        let expected = "{\"metrics\":{\"cpu\":{\"percent\":2.5},\
            \"memory\":{\"totalBytes\":61120512,\"usedBytes\":24117248,\"freeBytes\":37003264,\
            \"percentUsed\":39.5},\
            \"disk\":[{\"mount\":\"/\",\"totalBytes\":8388608,\"usedBytes\":1048576,\
            \"freeBytes\":7340032,\"percentUsed\":12.5,\"fsType\":\"overlay\"}],\
            \"uptimeSeconds\":2705,\"load\":{\"one\":0.08,\"five\":0.03,\"fifteen\":0.01}}}\n";
        assert_eq!(text(&system), expected);
    }

    #[test]
    fn what_is_unknown_is_nought_and_the_load_absent() {
        let expected = "{\"metrics\":{\"cpu\":{\"percent\":0.0},\
            \"memory\":{\"totalBytes\":0,\"usedBytes\":0,\"freeBytes\":0,\"percentUsed\":0.0},\
            \"disk\":[],\"uptimeSeconds\":0}}\n";
        assert_eq!(text(&System::default()), expected);
    }

    #[test]
    fn the_longest_object_fits() {
        let space = Space {
            total_bytes: u64::MAX,
            used_bytes: u64::MAX,
            free_bytes: 0,
        };
        let mut system = System {
            cpu_tenths: 1_000,
            memory: Memory {
                total_bytes: u64::MAX,
                available_bytes: u64::MAX / 3,
            },
            uptime_s: u64::MAX,
            load: Some(Load {
                hundredths: [u64::MAX; 3],
            }),
            ..System::default()
        };
        let mount = "\u{1}".repeat(MOUNT_BYTES_MAX);
        let kind = "\u{1}".repeat(FILE_SYSTEM_BYTES_MAX);
        for _ in 0..DISKS_MAX {
            system.disks.push(disk(&mount, &kind, space)).unwrap();
        }
        assert!(text(&system).len() > METRICS_DOCUMENT_BYTES_MAX / 10 * 9);
    }
}
