// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which file systems are asked for their space: `/`, then the local ones that hold files.
//!
//! statvfs(3) waits for ever on a network file system whose server is gone, so only types that are
//! known to be local are asked, nothing that lies below a mount of another kind of network or user
//! space file system, and nothing that a later mount hides. `/` is always asked: when it hangs, so
//! does everything. Not asked: images that are always full (squashfs, erofs, iso9660), memory but
//! /tmp, parts of a file system mounted elsewhere (bind mounts), overlays but `/` (of containers).
//!
//! In a jail of procd `/` is an empty tmpfs, and what of the router is in it are parts that kept
//! their names: they tell what lies where outside, and are asked for it.

use crate::limits::{DISKS_MAX, FILE_SYSTEM_BYTES_MAX, MOUNT_BYTES_MAX, REMOTE_MOUNTS_MAX};

/// A mount, as /proc/self/mountinfo tells of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mount<'a> {
    /// Its number.
    pub id: u32,
    /// Number of the mount that it lies in.
    pub parent: u32,
    /// Major and minor number of the file system's device.
    pub device: [u32; 2],
    /// Whether all of the file system is mounted, not a part.
    pub whole: bool,
    /// Bytes of the path at which the whole lies outside of a jail, see [`above`].
    pub above: Option<usize>,
    /// Where, from the root on, without `/` before it: empty for the root itself. `None` when the
    /// path is longer than [`MOUNT_BYTES_MAX`].
    pub path: Option<&'a [u8]>,
    /// Type of the file system.
    pub kind: &'a [u8],
}

/// How many bytes of `point` without its first `/` lead to where the whole file system is, if its
/// `part` is mounted under the name that it has there.
pub fn above(part: &[u8], point: &[u8]) -> Option<usize> {
    let above = point.strip_suffix(part).filter(|_| part != b"/")?;
    // Those that the kernel wrote as several bytes are not counted.
    (!above.contains(&b'\\')).then(|| above.len().saturating_sub(1))
}

/// Types that are local, and hold files that grow.
const LOCAL: [&[u8]; 25] = [
    b"ext2",
    b"ext3",
    b"ext4",
    b"xfs",
    b"btrfs",
    b"bcachefs",
    b"f2fs",
    b"zfs",
    b"jfs",
    b"reiserfs",
    b"nilfs2",
    b"jffs2",
    b"ubifs",
    b"yaffs",
    b"yaffs2",
    b"vfat",
    b"msdos",
    b"exfat",
    b"ntfs",
    b"ntfs3",
    b"hfs",
    b"hfsplus",
    b"ufs",
    b"minix",
    b"udf",
];

/// Types that may wait for somebody else when a path leads through them; and all of `fuse`.
const REMOTE: [&[u8]; 17] = [
    b"nfs",
    b"nfs4",
    b"cifs",
    b"smb3",
    b"smbfs",
    b"9p",
    b"ceph",
    b"afs",
    b"autofs",
    b"coda",
    b"gfs2",
    b"lustre",
    b"ocfs2",
    b"orangefs",
    b"beegfs",
    b"virtiofs",
    b"vboxsf",
];

/// Types of which parts, with a root of their own, are what people mount.
const IN_PARTS: [&[u8]; 2] = [b"btrfs", b"bcachefs"];

/// A file system that is to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The path of the mount from the root on, without `/` before it; empty for the root itself.
    pub path: heapless::Vec<u8, MOUNT_BYTES_MAX, u8>,
    /// What is asked instead, in the same form: the path itself, but in a jail.
    pub asked: heapless::Vec<u8, MOUNT_BYTES_MAX, u8>,
    /// Its type.
    pub kind: heapless::Vec<u8, FILE_SYSTEM_BYTES_MAX, u8>,
    device: [u32; 2],
}

/// What is to be asked, chosen from the mounts one by one.
#[derive(Debug, Default)]
pub struct Places {
    places: heapless::Vec<Place, DISKS_MAX, u8>,
    remote: heapless::Vec<u32, REMOTE_MOUNTS_MAX>,
    remote_full: bool,
    in_jail: bool,
    left_out: u32,
}

impl Places {
    /// Forgets everything, to be filled again.
    pub fn clear(&mut self) {
        self.places.clear();
        self.remote.clear();
        (self.remote_full, self.in_jail, self.left_out) = (false, false, 0);
    }

    /// Takes the next mount, in the order of the system; `None` is one that cannot be understood.
    pub fn take(&mut self, mount: Option<Mount<'_>>) {
        let Some(mount) = mount else {
            return self.leave_out();
        };
        let Some(path) = mount.path else {
            // It hides nothing that is asked: that has shorter paths.
            self.note_remote(&mount, false);
            return self.leave_out();
        };
        self.hide(path);
        self.note_remote(&mount, path.is_empty());
        if path.is_empty() {
            self.in_jail = mount.kind == b"tmpfs";
        }
        let outside = mount.above.filter(|_| self.in_jail);
        let outside = outside.and_then(|len| path.get(..len));
        let whole = outside.is_some() || mount.whole || IN_PARTS.contains(&mount.kind);
        let place = outside.unwrap_or(path);
        if (whole || path.is_empty()) && self.is_wanted(&mount, place) {
            self.add(&mount, place, path);
        }
    }

    /// What is to be asked, `/` first.
    pub fn iter(&self) -> impl Iterator<Item = &Place> {
        let is_root = |place: &&Place| place.path.is_empty();
        let root = self.places.iter().filter(is_root);
        root.chain(self.places.iter().filter(move |place| !is_root(place)))
    }

    /// Those that found no room, or that cannot be understood.
    pub fn left_out_count(&self) -> u32 {
        self.left_out
    }

    fn leave_out(&mut self) {
        self.left_out = self.left_out.saturating_add(1);
    }

    /// Drops what lies at `path` and, unless that is the root, below it.
    fn hide(&mut self, path: &[u8]) {
        self.places.retain(|place| {
            let rest = place.path.strip_prefix(path);
            !rest.is_some_and(|rest| rest.is_empty() || (!path.is_empty() && rest[0] == b'/'))
        });
    }

    /// Remembers a mount that may hang, or that lies in one.
    fn note_remote(&mut self, mount: &Mount<'_>, is_root: bool) {
        let own = REMOTE.contains(&mount.kind) || mount.kind.starts_with(b"fuse");
        let remote = !is_root && (own || self.remote.contains(&mount.parent));
        if remote && self.remote.push(mount.id).is_err() {
            self.remote_full = true;
        }
    }

    fn is_wanted(&mut self, mount: &Mount<'_>, path: &[u8]) -> bool {
        if path.is_empty() {
            return !self.remote.contains(&mount.id);
        }
        let local = LOCAL.contains(&mount.kind) || (mount.kind == b"tmpfs" && path == b"tmp");
        if !local || self.remote.contains(&mount.id) {
            return false;
        }
        if self.remote_full {
            self.leave_out();
        }
        !self.remote_full
    }

    fn add(&mut self, mount: &Mount<'_>, path: &[u8], asked: &[u8]) {
        let same = |place: &Place| place.device == mount.device;
        if path.is_empty() {
            // The jail's own, which was the first.
            self.places.retain(|place| !place.path.is_empty());
            // The same file system elsewhere, as `/` with an overlay has not, is `/`.
            self.places.retain(|place| !same(place));
            if self.places.is_full() {
                self.places.pop();
                self.leave_out();
            }
        } else if self.places.iter().any(same) {
            return;
        }
        let kind = &mount.kind[..mount.kind.len().min(FILE_SYSTEM_BYTES_MAX)];
        let (Ok(path), Ok(asked), Ok(kind)) = (path.try_into(), asked.try_into(), kind.try_into())
        else {
            return self.leave_out();
        };
        let device = mount.device;
        let place = Place {
            path,
            asked,
            kind,
            device,
        };
        if self.places.push(place).is_err() {
            self.leave_out();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mounts as `id parent device part path type;`, blanks in the path as `_`.
    fn places(short: &str) -> Places {
        let mut places = Places::default();
        for line in short.split_terminator(';') {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [id, parent, device, part, path, kind] = words[..] else {
                panic!("{line:?}");
            };
            let (major, minor) = device.split_once(':').unwrap();
            let path = path.strip_prefix('/').unwrap().replace('_', " ");
            let path = Some(path.as_bytes()).filter(|path| path.len() <= MOUNT_BYTES_MAX);
            places.take(Some(Mount {
                id: id.parse().unwrap(),
                parent: parent.parse().unwrap(),
                device: [major, minor].map(|number| number.parse().unwrap()),
                whole: part == "/",
                above: above(part.as_bytes(), words[4].as_bytes()),
                path,
                kind: kind.as_bytes(),
            }));
        }
        places
    }

    #[track_caller]
    fn check(short: &str, expected: &[&str]) {
        let places = places(short);
        let found: Vec<_> = places
            .iter()
            .map(|place| {
                let path = String::from_utf8_lossy(&place.path);
                format!("/{path} {}", String::from_utf8_lossy(&place.kind))
            })
            .collect();
        assert_eq!(found, expected);
        assert_eq!(places.left_out_count(), 0);
    }

    #[test]
    fn a_router_has_an_overlay_its_flash_and_tmp() {
        check(
            "10 1 31:5 / /rom squashfs; 11 1 0:4 / /proc proc; 12 1 0:14 / /sys sysfs; \
             13 1 0:15 / /tmp tmpfs; 14 1 31:6 / /overlay jffs2; 15 1 0:16 / / overlay; \
             16 15 0:17 / /dev tmpfs; 17 12 0:6 / /sys/kernel/debug debugfs",
            &["/ overlay", "/tmp tmpfs", "/overlay jffs2"],
        );
    }

    #[test]
    fn a_server_shows_each_file_system_once() {
        check(
            "20 1 8:1 / / ext4; 21 20 0:5 / /dev devtmpfs; 22 21 0:20 / /dev/shm tmpfs; \
             23 20 8:2 / /boot/efi vfat; 24 20 8:1 /srv /mnt ext4; 25 20 8:3 / /a_b xfs; \
             26 20 8:3 / /again xfs; 27 20 7:0 / /snap/x squashfs; \
             28 20 0:50 / /var/lib/docker/overlay2/1/merged overlay; 29 20 8:3 /x /part xfs",
            &["/ ext4", "/boot/efi vfat", "/a b xfs"],
        );
        check(
            "1 0 0:30 /@ / btrfs; 2 1 0:30 /@home /home btrfs",
            &["/ btrfs"],
        );
        check(
            "1 0 0:9 / / overlay; 2 1 8:1 /c/hosts /etc/hosts ext4; 3 1 0:30 /@data /data btrfs",
            &["/ overlay", "/data btrfs"],
        );
    }

    #[test]
    fn a_jail_shows_what_the_router_has() {
        let jail = "30 1 0:50 / / tmpfs; 31 30 0:51 / /dev tmpfs; 32 30 0:15 /TZ /etc/TZ tmpfs; \
                    33 30 0:15 /run/netvitals/conf /etc/config tmpfs; \
                    34 30 0:16 /etc/hosts /etc/hosts overlay; \
                    35 30 0:16 /etc/group /etc/group overlay; 36 30 31:6 / /overlay jffs2; \
                    37 30 8:1 /spool /mnt/usb/spool ext4; \
                    38 30 0:15 /netvitals /tmp/netvitals tmpfs; 39 38 0:15 /n/s /tmp/n/s tmpfs; \
                    40 30 0:15 /run/netvitals /var/run/netvitals tmpfs";
        check(
            jail,
            &["/ overlay", "/overlay jffs2", "/mnt/usb ext4", "/tmp tmpfs"],
        );
        let places = places(jail);
        let asked: Vec<&[u8]> = places.iter().map(|place| &place.asked[..]).collect();
        let expected = ["etc/group", "overlay", "mnt/usb/spool", "tmp/netvitals"];
        assert_eq!(asked, expected.map(str::as_bytes));
        // What does not answer is not asked for either.
        let from_net = "1 0 0:50 / / tmpfs; 2 1 0:9 /etc/hosts /etc/hosts nfs";
        check(from_net, &["/ tmpfs"]);
        // Elsewhere a part is a part.
        let plain = "1 0 8:1 / / ext4; 2 1 8:2 /spool /mnt/usb/spool ext4";
        check(plain, &["/ ext4"]);
    }

    #[test]
    fn what_may_hang_is_not_asked_nor_anything_below() {
        check(
            "1 0 8:1 / / ext4; 2 1 0:40 / /net nfs4; 3 2 8:2 / /net/disk ext4; \
             4 3 8:3 / /net/disk/x ext4; 5 1 0:41 / /fuse fuse.sshfs; 6 1 8:4 / /usb fuseblk; \
             7 1 0:42 / /auto autofs; 8 7 8:5 / /auto/cd ext4; 9 1 8:6 / /local ext4",
            &["/ ext4", "/local ext4"],
        );
        check(
            "1 0 0:9 / / nfs; 2 1 8:1 / /data ext4",
            &["/ nfs", "/data ext4"],
        );
    }

    #[test]
    fn what_a_later_mount_hides_is_not_asked() {
        check(
            "1 0 8:1 / / ext4; 2 1 8:2 / /mnt ext4; 3 2 8:3 / /mnt/a xfs; 4 1 8:4 / /mnt2 xfs; \
             5 2 0:40 / /mnt nfs",
            &["/ ext4", "/mnt2 xfs"],
        );
        check(
            "1 0 0:2 / / rootfs; 2 1 8:2 / /mnt ext4; 3 1 8:1 / / ext4",
            &["/ ext4", "/mnt ext4"],
        );
        check("1 0 8:1 / /mnt ext4; 2 1 8:1 / / ext4", &["/ ext4"]);
    }

    #[test]
    fn a_full_table_counts_what_it_leaves_out() {
        for count in [DISKS_MAX - 1, DISKS_MAX, DISKS_MAX + 1, DISKS_MAX + 9] {
            let mut text = String::new();
            for i in 0..count {
                text += &format!("{i} 99 8:{i} / /mnt/{i} ext4;");
            }
            let beyond = count.saturating_sub(DISKS_MAX);
            assert_eq!(places(&text).left_out_count() as usize, beyond);
            text += "99 0 9:9 / / ext4;";
            let places = places(&text);
            assert!(
                places.iter().next().unwrap().path.is_empty(),
                "there is room for /"
            );
            assert_eq!(
                places.left_out_count() as usize,
                (count + 1).saturating_sub(DISKS_MAX)
            );
        }
        let mut text = String::new();
        for i in 0..=REMOTE_MOUNTS_MAX {
            text += &format!("{i} 999 0:{i} / /net/{i} nfs;");
        }
        text += "999 0 8:1 / / ext4; 1000 999 8:2 / /mnt ext4";
        let places = places(&text);
        assert_eq!((places.iter().count(), places.left_out_count()), (1, 1));
    }

    #[test]
    fn what_cannot_be_understood_is_counted() {
        let long = "x".repeat(MOUNT_BYTES_MAX + 1);
        let mut found = places(&format!("1 0 8:1 / / ext4; 2 1 8:2 / /{long} ext4"));
        found.take(None);
        assert_eq!((found.iter().count(), found.left_out_count()), (1, 2));
        let mut found = places(&format!("2 1 8:2 / /{} ext4", &long[1..]));
        assert_eq!((found.iter().count(), found.left_out_count()), (1, 0));
        found.clear();
        assert_eq!((found.iter().count(), found.left_out_count()), (0, 0));
    }
}
