// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the system says of itself: /proc/stat, meminfo, uptime, loadavg, self/mountinfo, and the
//! boot_id (proc(5) and its pages). Lines are given without their line end.

use super::units;
use crate::model::mounts::{self, Mount};
use crate::model::system::{BOOT_ID_BYTES, BootId, CPU_STATES, CpuTimes, Load, Memory};

/// The line `cpu …` of /proc/stat (proc_stat(5)): at least four numbers; those that an old kernel
/// does not have are 0. The guests' time, which is in the others already, is not looked at.
pub fn cpu(line: &[u8]) -> Option<CpuTimes> {
    let mut words = words(line.strip_prefix(b"cpu")?);
    let mut times = [0; CPU_STATES];
    if !line.get(3)?.is_ascii_whitespace() {
        return None;
    }
    for (i, time) in times.iter_mut().enumerate() {
        match words.next() {
            Some(word) => *time = units::unsigned(word)?,
            None if i < 4 => return None,
            None => {}
        }
    }
    Some(CpuTimes(times))
}

/// What /proc/meminfo (proc_meminfo(5)) says, line by line.
#[derive(Clone, Copy, Debug, Default)]
pub struct Meminfo {
    total: Option<u64>,
    available: Option<u64>,
    /// Free, buffers, cached.
    parts: [Option<u64>; 3],
}

impl Meminfo {
    /// Takes a line; of those that are repeated the first counts.
    pub fn line(&mut self, line: &[u8]) {
        let Some(colon) = line.iter().position(|&byte| byte == b':') else {
            return;
        };
        let slot = match &line[..colon] {
            b"MemTotal" => &mut self.total,
            b"MemAvailable" => &mut self.available,
            b"MemFree" => &mut self.parts[0],
            b"Buffers" => &mut self.parts[1],
            b"Cached" => &mut self.parts[2],
            _ => return,
        };
        let mut words = words(&line[colon + 1..]);
        let number = words.next().and_then(units::unsigned);
        let unit = words.next();
        if unit == Some(b"kB") && slot.is_none() {
            *slot = number.map(|kib| kib.saturating_mul(1_024));
        }
    }

    /// All of it; `None` without a total. Kernels before 3.14 do not say what is available: free,
    /// buffers and cached together are near it.
    pub fn memory(&self) -> Option<Memory> {
        let total_bytes = self.total?;
        let estimate = || {
            self.parts[0]?;
            let parts = self.parts.iter().flatten();
            Some(parts.fold(0_u64, |sum, part| sum.saturating_add(*part)))
        };
        let available = self.available.or_else(estimate)?;
        Some(Memory {
            total_bytes,
            // In a container the two may be of different worlds.
            available_bytes: available.min(total_bytes),
        })
    }
}

/// /proc/uptime: whole seconds since boot, time asleep included.
pub fn uptime_s(line: &[u8]) -> Option<u64> {
    let (seconds, rest) = units::leading_unsigned(line)?;
    let ended = rest.is_empty() || rest[0] == b'.' || rest[0].is_ascii_whitespace();
    ended.then_some(seconds)
}

/// /proc/loadavg: the first three numbers, of two decimals.
pub fn load(line: &[u8]) -> Option<Load> {
    let mut words = words(line);
    let mut hundredths = [0; 3];
    for value in &mut hundredths {
        let (whole, rest) = units::leading_unsigned(words.next()?)?;
        let [b'.', a @ b'0'..=b'9', b @ b'0'..=b'9'] = *rest else {
            return None;
        };
        let fraction = u64::from(a - b'0') * 10 + u64::from(b - b'0');
        *value = whole.checked_mul(100)?.checked_add(fraction)?;
    }
    Some(Load { hundredths })
}

/// /proc/sys/kernel/random/boot_id: a UUID (RFC 9562 section 4) in lower case.
pub fn boot_id(line: &[u8]) -> Option<BootId> {
    let line = line.trim_ascii_end();
    let right = |(i, &byte): (usize, &u8)| match i {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
    };
    let whole = line.len() == BOOT_ID_BYTES && line.iter().enumerate().all(right);
    let text = str::from_utf8(line).ok().filter(|_| whole)?;
    BootId::try_from(text).ok()
}

/// A line of /proc/self/mountinfo (proc_pid_mountinfo(5)): `id parent major:minor part point
/// options [tags] - type source options`. The path goes into `path`, which has room for the longest
/// that is wanted, and for the first `/`.
pub fn mount<'b>(line: &'b [u8], path: &'b mut [u8]) -> Option<Mount<'b>> {
    let mut words = words(line);
    let id = small(words.next()?)?;
    let parent = small(words.next()?)?;
    let device = words.next()?;
    let colon = device.iter().position(|&byte| byte == b':')?;
    let device = [small(&device[..colon])?, small(&device[colon + 1..])?];
    let (part, point) = (words.next()?, words.next()?);
    words.next()?;
    words.find(|word| *word == b"-")?;
    let kind = words.next()?;
    let (b'/', _) = point.split_first()? else {
        return None;
    };
    Some(Mount {
        id,
        parent,
        device,
        whole: part == b"/",
        above: mounts::above(part, point),
        path: unescape(point, path).map(|path| &path[1..]),
        kind,
    })
}

/// Puts the path that the kernel wrote with `\040` and the like into `path`, and gives it; `None`
/// when it is too long, or holds NUL.
fn unescape<'b>(escaped: &[u8], path: &'b mut [u8]) -> Option<&'b [u8]> {
    let mut rest = escaped;
    let mut len = 0;
    while let Some((&first, behind)) = rest.split_first() {
        let (byte, behind) = match *rest {
            [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', ..] => {
                let byte = (a - b'0') << 6 | (b - b'0') << 3 | (c - b'0');
                (byte, &rest[4..])
            }
            _ => (first, behind),
        };
        *path.get_mut(len).filter(|_| byte != 0)? = byte;
        (len, rest) = (len + 1, behind);
    }
    Some(&path[..len])
}

fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| matches!(byte, b' ' | b'\t'))
        .filter(|word| !word.is_empty())
}

fn small(word: &[u8]) -> Option<u32> {
    u32::try_from(units::unsigned(word)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_first_line_of_stat_has_the_times_of_all_processors() {
        #[track_caller]
        fn check(line: &str, expected: Option<[u64; CPU_STATES]>) {
            assert_eq!(cpu(line.as_bytes()), expected.map(CpuTimes), "{line:?}");
        }
        let times = [1, 2, 3, 4, 5, 6, 7, 8];
        check("cpu  1 2 3 4 5 6 7 8 9 10", Some(times));
        check("cpu 1 2 3 4 5 6 7 8", Some(times));
        check("cpu  1 2 3 4", Some([1, 2, 3, 4, 0, 0, 0, 0]));
        for bad in [
            "",
            "cpu",
            "cpu ",
            "cpu  1 2 3",
            "cpu0 1 2 3 4",
            "cpu  1 2 3 -4",
            "cpu1 2 3 4",
        ] {
            check(bad, None);
        }
    }

    #[track_caller]
    fn check_memory(text: &str, expected: Option<(u64, u64)>) {
        let mut meminfo = Meminfo::default();
        text.split('\n')
            .for_each(|line| meminfo.line(line.as_bytes()));
        let memory = meminfo.memory();
        let found = memory.map(|memory| (memory.total_bytes, memory.available_bytes));
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn available_memory_is_said_or_estimated() {
        let old = "MemTotal:          59688 kB\nMemFree:           10000 kB\nBuffers: 20 kB\n\
                   Cached:             3000 kB\nSwapCached: 7 kB";
        check_memory(old, Some((61_120_512, 13_020 * 1_024)));
        let new = format!("{old}\nMemAvailable:   36136 kB\nMemAvailable: 1 kB");
        check_memory(&new, Some((61_120_512, 37_003_264)));
        let more = "MemTotal: 10 kB\nMemAvailable: 11 kB";
        check_memory(more, Some((10_240, 10_240)));
        let huge = format!(
            "MemTotal: {0} kB\nMemFree: {0} kB\nCached: {0} kB",
            u64::MAX
        );
        check_memory(&huge, Some((u64::MAX, u64::MAX)));
        for unknown in [
            "",
            "MemTotal: 10 kB",
            "MemFree: 10 kB",
            "MemTotal: 10\nMemFree: 1 kB",
        ] {
            check_memory(unknown, None);
        }
    }

    #[test]
    fn uptime_and_load_have_their_decimals() {
        assert_eq!(uptime_s(b"2705.33 5000.10"), Some(2_705));
        assert_eq!(uptime_s(b"7"), Some(7));
        assert_eq!(
            (uptime_s(b""), uptime_s(b"7x"), uptime_s(b".5")),
            (None, None, None)
        );
        let hundredths = [8, 103, 1_200];
        assert_eq!(
            load(b"0.08 1.03 12.00 1/123 4567"),
            Some(Load { hundredths })
        );
        for bad in [
            "",
            "0.08 1.03",
            "0.08 1.03 12",
            "0.08 1.03 12.0",
            "0.08 1.03 12.000",
            "a b c",
        ] {
            assert_eq!(load(bad.as_bytes()), None, "{bad:?}");
        }
    }

    #[test]
    fn a_boot_has_an_id() {
        let id = "0f5e7c1e-7a51-4c7e-9a30-51f6ac2f8a11";
        assert_eq!(boot_id(format!("{id}\n").as_bytes()).unwrap(), id);
        let wrong = [
            String::new(),
            id.replace('-', "_"),
            id.to_uppercase(),
            id[1..].into(),
            format!("{id}0"),
        ];
        for bad in wrong {
            assert_eq!(boot_id(bad.as_bytes()), None, "{bad:?}");
        }
    }

    #[test]
    fn a_mount_has_a_device_a_place_and_a_type() {
        let mut path = [0; 8];
        let line = br"36 35 98:0 /mnt1 /mnt\0402 rw,noatime master:1 shared:2 - ext3 /dev/root rw";
        let mut expected = Mount {
            id: 36,
            parent: 35,
            device: [98, 0],
            whole: false,
            above: None,
            path: Some(b"mnt 2"),
            kind: b"ext3",
        };
        assert_eq!(mount(line, &mut path), Some(expected));
        expected.path = None;
        assert_eq!(mount(line, &mut [0; 5]), Some(expected), "too long");
        let plain = "1 0 0:1 / / rw - overlay overlayfs:/overlay rw";
        let plain = mount(plain.as_bytes(), &mut path).unwrap();
        assert_eq!(
            (plain.whole, plain.path, plain.kind),
            (true, Some(&b""[..]), &b"overlay"[..])
        );
        for (points, above) in [
            ("/etc/hosts /etc/hosts", Some(0)),
            ("/x /a/x", Some(1)),
            ("/x /b/a/x", Some(3)),
            (r"/x /\040/x", None),
            ("/y /a/x", None),
            ("/a/x /x", None),
            ("/ /a", None),
        ] {
            let line = format!("1 0 0:1 {points} rw - ext4 x rw");
            let found = mount(line.as_bytes(), &mut path).unwrap();
            assert_eq!(found.above, above, "{points}");
        }
        for bad in [
            "",
            "1 0 0:1 / / rw",
            "1 0 0:1 / / rw -",
            "1 0 01 / / rw - ext4",
            "x 0 0:1 / / rw - ext4",
            "1 0 0:4294967296 / / rw - ext4",
            "1 0 0:1 / mnt rw - ext4",
        ] {
            assert_eq!(mount(bad.as_bytes(), &mut path), None, "{bad:?}");
        }
    }

    #[test]
    fn a_path_may_hold_any_byte_but_nul() {
        let mut path = [0; 8];
        assert_eq!(
            unescape(br"/a\040\134\011", &mut path),
            Some(&b"/a \\\t"[..])
        );
        assert_eq!(unescape(br"/\377\400\08", &mut path), None, "too long");
        assert_eq!(unescape(br"/\377\400", &mut path), Some(&b"/\xff\\400"[..]));
        assert_eq!(unescape(br"/\000", &mut path), None);
        assert_eq!(unescape(b"\xff12345678", &mut path), None);
        assert_eq!(
            unescape(b"\xff1234567", &mut path),
            Some(&b"\xff1234567"[..])
        );
        assert_eq!(unescape(b"", &mut path), Some(&b""[..]));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(noise: Vec<u8>, text in "[a-z0-9:/ .\\\\-]{0,60}") {
            for line in [&noise[..], text.as_bytes(), &[b"cpu ", &noise[..]].concat()] {
                let mut meminfo = Meminfo::default();
                meminfo.line(line);
                meminfo.memory();
                cpu(line);
                uptime_s(line);
                load(line);
                boot_id(line);
                mount(line, &mut [0; 9]);
            }
        }

        #[test]
        fn what_the_kernel_escapes_is_read_back(path in prop::collection::vec(1_u8.., 0..50)) {
            let mut escaped = Vec::new();
            for &byte in &path {
                match byte {
                    b' ' | b'\t' | b'\n' | b'\\' => {
                        escaped.extend(format!("\\{byte:03o}").into_bytes());
                    }
                    _ => escaped.push(byte),
                }
            }
            let mut space = [0; 50];
            prop_assert_eq!(unescape(&escaped, &mut space), Some(&path[..]));
        }
    }
}
