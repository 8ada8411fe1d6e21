// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every capacity of the program: its reason, its cost in RAM, what happens when it is full.
//!
//! Tables are reserved at start-up; the kernel lends a page only when it is first written, so an
//! unused capacity costs address space, not memory.

use core::time::Duration;

/// Interfaces in one sample. A sensor with 500 VLANs fits twice; 10 000 containers do not.
/// 180 B each, two samples: 360 KiB. Full: the rest is left out, counted and said.
pub const INTERFACES_MAX: usize = 1_024;

/// Bytes of one interface name as UTF-8. The kernel allows 15 bytes (IFNAMSIZ, netdevice(7)); each
/// may be invalid and become U+FFFD, three bytes. Longer: the line is left out as malformed.
pub const INTERFACE_NAME_BYTES_MAX: usize = 47;

/// Bytes of the buffer that lines are read through, and so of the longest line. The kernel's own
/// lines are below 400 bytes. 16 KiB. Longer: the line is left out as malformed.
pub const LINE_BYTES_MAX: usize = 16 * 1_024;

/// Bytes of the host name in a document: 64 (HOST_NAME_MAX, gethostname(2)), three for each when
/// invalid. 192 B. Longer: cut.
pub const HOST_NAME_BYTES_MAX: usize = 192;

/// Bytes of one interface in a `netmon` document, at worst: a name of which each byte is escaped
/// (`\u001f`), 16 keys, 16 counters of 20 digits, the blanks of the indented form.
pub const NETMON_INTERFACE_BYTES_MAX: usize = 1_280;

/// Bytes of one `netmon` document, at worst. 1.3 MiB reserved; an interface needs about 300.
pub const NETMON_DOCUMENT_BYTES_MAX: usize =
    INTERFACES_MAX * NETMON_INTERFACE_BYTES_MAX + 6 * HOST_NAME_BYTES_MAX + 64;

/// Bytes of documents that one output has in hand at once, unless one alone is larger. 384 KiB for
/// each output, and as much again for the request made of them, both only while there is a backlog.
/// Full: the batch goes out.
pub const BATCH_BYTES_MAX: usize = 384 * 1_024;

/// Bytes of documents that wait in memory where there is no spool. 512 KiB at most; `--spool-kib`
/// makes it less. Full: the oldest make room and are counted.
pub const MEMORY_QUEUE_BYTES_MAX: usize = 512 * 1_024;

/// Bytes of a collector's name in a document's identity; `connmonitor` is the longest. 32 B.
/// Longer: cut.
pub const COLLECTOR_NAME_BYTES_MAX: usize = 32;

/// Segment files in a spool. 64 of its own size fill any spool; the others are of one-shot runs,
/// each one page at least, so 4 MiB of them. 48 B each and 40 B for each output: 128 KiB with two
/// outputs. Full: the oldest is dropped and counted; without the lock nothing is stored.
pub const SPOOL_SEGMENTS_MAX: usize = 1_024;

/// Bytes of a segment file: the 64th part of the spool within these bounds, so that the drop of
/// the oldest costs little, and files stay few. Larger: a record has a segment of its own.
pub const SPOOL_SEGMENT_BYTES: core::ops::RangeInclusive<u64> = 16 * 1_024..=4 * 1_024 * 1_024;

/// Bytes of records that wait for the next commit, when there is a commit interval: two hours of
/// documents of 1 KiB every 30 s. 256 KiB, only with an interval. Full: written before its time.
pub const SPOOL_COMMIT_BYTES: usize = 256 * 1_024;

/// Bytes of a segment read at once, and so those spared beyond the largest document. 32 KiB.
pub const SPOOL_WINDOW_BYTES: usize = 32 * 1_024;

/// Bytes of one line in the log, on the stack of the caller. 1 KiB. Longer: cut, shown by `…`.
pub const LOG_LINE_BYTES_MAX: usize = 1_024;

/// Bytes of a device's name: a DNS name has 255 (RFC 1035 section 2.3.4), and so has a DHCP option.
/// 256 B. Longer, when invalid bytes were replaced: cut.
pub const DEVICE_NAME_BYTES_MAX: usize = 255;

/// Bytes of a vendor's name; the longest in the list of the IEEE has about 120, most have 20.
/// 64 B. Longer: cut.
pub const VENDOR_NAME_BYTES_MAX: usize = 63;

/// Addresses that one scan asks for: a /16 (config.md). One state each in the scanner.
/// More: refused when the options are read.
pub const ADDRESSES_MAX: u32 = 65_536;

/// Addresses of a prefix that is swept without being named: a /20 (config.md). Larger: listened to.
pub const SWEEP_ADDRESSES_MAX: u64 = 4_096;

/// Separate ranges of addresses to ask for. 8 B each: 512 B. More: refused when options are read.
pub const RANGES_MAX: usize = 64;

/// Bytes of one word of a UCI file. 1 KiB, two at once. Longer: an error with its line.
pub const UCI_WORD_BYTES_MAX: usize = 1_024;

/// Addresses of one device, of IPv4 and of IPv6 each (documents.md). 160 B. Full: the one that was
/// not seen for longest goes.
pub const DEVICE_ADDRESSES_MAX: usize = 8;

/// Devices that a sweep has room for beyond two for each address it asks: those that claim an
/// address as the third, that nobody asked, that are known by IPv6 only. 400 B each when used, the
/// name that they announce 260 B more. Full: counted and said.
pub const DEVICES_BEYOND_MAX: usize = 1_024;

/// Devices that listening alone has room for: a /20. Full: refused, counted and said.
/// As many when their traffic is counted, 200 B each when used: 800 KiB. Full: who was silent for
/// longest makes room; what finds none is "other".
pub const DEVICES_HEARD_MAX: usize = 4_096;

/// For how long a device that only sent, or only received, must be silent before another may have
/// its row: invented addresses are such.
pub const ONE_WAY_SILENCE_MIN: Duration = Duration::from_secs(60);

/// For how long any device must be silent before another may have its row.
pub const ROW_SILENCE_MIN: Duration = Duration::from_secs(60 * 60);

/// Other devices that are named when they claim the same address. 48 B while it is shown. More:
/// left out.
pub const CONFLICT_MACS_MAX: usize = 8;

/// Bytes of one device in a document, at worst. 4 KiB, once.
pub const DEVICE_DOCUMENT_BYTES_MAX: usize = 4_096;

/// Bytes of what one device moved in a document, at worst: 22 numbers of 20 digits, and their keys.
pub const MOVED_BYTES_MAX: usize = 1_024;

/// Bytes of the agent's document. 1 000 devices with names, vendors and addresses take 1.3 MB. What
/// of it is not used is not lent. Full: the last devices are left out, and that is said.
pub const SNAPSHOT_BYTES_MAX: usize = 8 * 1_024 * 1_024;

/// Bytes of a state file: the largest snapshot, and who wrote it. `status` takes what it reads, up
/// to three times. Larger: refused.
pub const STATE_BYTES_MAX: usize = SNAPSHOT_BYTES_MAX + 64 * 1_024;

/// Addresses whose names are asked for by PTR, and kept. 300 B each when used: 1.2 MiB. Full:
/// further ones have no name from there.
pub const PTR_NAMES_MAX: usize = 4_096;

/// Names from files. 32 B each, and [`FILE_NAMES_BYTES_MAX`]. Full: the rest is left out and said.
pub const FILE_NAMES_MAX: usize = 8_192;

/// Bytes of all names from files: 256 KiB when used. Full: the rest is left out and said.
pub const FILE_NAMES_BYTES_MAX: usize = 256 * 1_024;

/// Interfaces that are tapped at once; a switch of a router has 5 to 10 ports. One instruction of
/// the ring's filter each. More: refused.
pub const TAPS_MAX: usize = 64;

/// KiB of the ring that frames wait in where the kernel does not count them itself, 512 unless the
/// user says otherwise: 2 700 frames, 50 ms of them at 50 000 frames/s. All of it is our memory.
/// Full: frames are lost, counted and said.
pub const RING_KIB: core::ops::RangeInclusive<u32> = 128..=16_384;

/// Bytes of a frame in the ring: Ethernet, two tags, IPv4 with all options, and where TCP says how
/// long its header is.
pub const RING_SNAP_BYTES: usize = 96;

/// Bytes of a list of names or vendors: half a million lines. Larger, as /dev/zero is: an error.
pub const LIST_BYTES_MAX: usize = 32 * 1_024 * 1_024;

/// Bytes of a configuration in UCI text. Larger: refused.
pub const CONFIG_BYTES_MAX: usize = 1_024 * 1_024;

/// Lanes (a device on an interface) that the kernel counts for us: 1 000 devices, each on two
/// interfaces. In the kernel 80 B each and 48 B more for each CPU: 256 KiB with one, 544 KiB with
/// four. Full: what has no lane is counted as "other".
pub const LANES_MAX: usize = 2_048;

/// Hosts that are probed at once. 200 B each, their hops 40 B each more. More: refused when options
/// are read.
pub const PROBE_HOSTS_MAX: usize = 4_096;

/// Ports of a host that are checked beyond those of http, https and mysql. 64 B. More: refused.
pub const PROBE_PORTS_MAX: usize = 32;
/// Jobs of a host that is probed again and again: ping, trace and scan may have rhythms of their
/// own. 400 B each. More: refused when options are read.
pub const PROBE_JOBS_MAX: usize = 3;

/// Hops of a trace at most: the TTL has 8 bits. 40 B each, as many as asked for.
pub const HOPS_MAX: u16 = 255;

/// Bytes of a ping's payload at most: an IPv4 packet has 65 535 with its headers.
pub const PAYLOAD_BYTES_MAX: u16 = 65_507;

/// Bytes of what a service says of itself: the name of a server, a version. 256 B. Longer: cut.
pub const BANNER_TEXT_BYTES_MAX: usize = 255;

/// Connections for port checks at once, half of the descriptors that a process usually may have:
/// the three ports of 1 000 dead hosts take 6 s. 1 KiB each, 40 KiB with TLS. Full, or no
/// descriptor left: further checks wait.
pub const CHECKS_MAX: usize = 512;

/// MAC addresses of this router itself. 128 B. More: the rest are counted as devices.
pub const OWN_MACS_MAX: usize = 16;

/// Flows that the hardware forwards, whose counters are remembered from one reading of conntrack to
/// the next: the whole table of a router as OpenWrt sets it (nf_conntrack_max). 64 B each when
/// used: 1 MiB, only when conntrack is read. Full: the bytes of further ones are not seen; counted.
pub const FLOWS_MAX: usize = 16_384;

/// File systems in a document. A router has three; a server with ZFS may have hundreds. 300 B each,
/// and as much again while they are chosen: 10 KiB. Full: further ones are left out and counted.
pub const DISKS_MAX: usize = 16;

/// Bytes of a mount point. Longer: left out and counted; longer only as UTF-8: cut in documents.
pub const MOUNT_BYTES_MAX: usize = 255;

/// Bytes of a file system's type; the longest that is asked has 8. Longer: cut.
pub const FILE_SYSTEM_BYTES_MAX: usize = 15;

/// Mounts that may hang (of network file systems), remembered while the disks are chosen, so that
/// nothing below them is asked. 4 B each. Full: all further mounts are left out and counted.
pub const REMOTE_MOUNTS_MAX: usize = 256;

/// Bytes of the metrics in a document, at worst: each disk with a mount point of which each byte is
/// escaped, four numbers of 20 digits and its keys, and 400 B besides. 30 KiB reserved; 500 needed.
pub const METRICS_DOCUMENT_BYTES_MAX: usize =
    DISKS_MAX * (6 * (MOUNT_BYTES_MAX + FILE_SYSTEM_BYTES_MAX) + 192) + 400;

/// Bytes of one interface in a snapshot, at worst: a name of which each byte is escaped, and its
/// keys with six numbers of 20 digits.
pub const SNAPSHOT_INTERFACE_BYTES_MAX: usize = 6 * INTERFACE_NAME_BYTES_MAX + 272;

/// Bytes of one row of a tstat log, header too: 134 columns of 20 bytes, and names of servers of
/// 255 bytes in three of them. 64 KiB, the buffer that logs are read through. Longer: the row is
/// rejected and counted, a header refuses the log.
pub const TSTAT_ROW_BYTES_MAX: usize = 64 * 1_024;

/// Columns of a tstat log; a TCP log with all groups has 134. 1 KiB. More: the header refuses the
/// log, the row is rejected and counted.
pub const TSTAT_COLUMNS_MAX: usize = 256;

/// Levels of directories below the one that is named. A descriptor and a list of names each.
/// Deeper: left out and said.
pub const TSTAT_LEVELS_MAX: usize = 32;

/// Objects in one message to a consumer, as the first of these tools sent them.
pub const TSTAT_SLICE_OBJECTS_MAX: u32 = 100;

/// Bytes of one slice. An object of TCP needs about 1 100, one of UDP 350. 256 KiB, reserved once.
/// Full: the slice goes out with fewer objects.
pub const TSTAT_SLICE_BYTES_MAX: usize = 256 * 1_024;

/// Bytes of a message's name: the directory's own name is cut to what is left. An AMQP short string
/// has 255 (AMQP 0-9-1 section 4.2.5.3).
pub const TSTAT_MESSAGE_ID_BYTES_MAX: usize = 200;

/// Bytes of a PEM file that a broker's TLS needs; public bundles of CAs have 0.25 MiB. Larger: an
/// error.
pub const TSTAT_PEM_BYTES_MAX: usize = 8 * 1_024 * 1_024;

/// Bytes of slices that went out and are not confirmed: seven of TCP, on a way of 10 ms 75 MB/s.
/// 768 KiB, so that a run stays below 6 MB. Full: no further slice is offered; one alone always
/// goes.
pub const TSTAT_UNCONFIRMED_BYTES_MAX: usize = 768 * 1_024;

const _: () = {
    assert!(
        INTERFACE_NAME_BYTES_MAX >= 3 * 15,
        "any name of the kernel fits"
    );
    assert!(
        LINE_BYTES_MAX >= 2 * 400,
        "a line of the kernel fits whatever was read before it"
    );
    assert!(HOST_NAME_BYTES_MAX >= 3 * 64, "any host name fits");
    assert!(
        ONE_WAY_SILENCE_MIN.as_secs() < ROW_SILENCE_MIN.as_secs(),
        "who only sends goes first"
    );
    assert!(
        RING_SNAP_BYTES >= 14 + 2 * 4 + 60 + 13,
        "all headers of a segment are measured"
    );
    assert!(TAPS_MAX < 255, "a jump of a filter goes so far");
    assert!(
        TSTAT_SLICE_BYTES_MAX >= 2 * TSTAT_ROW_BYTES_MAX,
        "two objects of any row fit into a slice"
    );
    assert!(TSTAT_MESSAGE_ID_BYTES_MAX <= 255, "AMQP short string");
    assert!(
        INTERFACES_MAX.is_power_of_two(),
        "the hash table demands it"
    );
};
