// SPDX-License-Identifier: MIT OR Apache-2.0
//! bpf(2): the few commands that we give, each as a safe function.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

const MAP_CREATE: libc::c_int = 0;
const MAP_LOOKUP_ELEM: libc::c_int = 1;
const MAP_UPDATE_ELEM: libc::c_int = 2;
const MAP_DELETE_ELEM: libc::c_int = 3;
const PROG_LOAD: libc::c_int = 5;
const MAP_LOOKUP_AND_DELETE_ELEM: libc::c_int = 21;
const MAP_LOOKUP_BATCH: libc::c_int = 24;

const PROG_TYPE_SOCKET_FILTER: u32 = 1;

/// Our own; the kernel knows it for "not GPL" and keeps its GPL-only helpers from us.
const LICENCE: &CStr = c"MIT OR Apache-2.0";

/// Bytes of a name with its zero (BPF_OBJ_NAME_LEN): letters, digits, `_`.
const NAME_BYTES: usize = 16;

/// What a map is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Array = 2,
    PerCpuHash = 5,
    PerCpuArray = 6,
}

/// When a row is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    Always = 0,
    OnlyNew = 1,
}

/// The start of `union bpf_attr` for MAP_CREATE.
#[repr(C)]
struct CreateMap {
    kind: u32,
    key_bytes: u32,
    value_bytes: u32,
    entries_max: u32,
    flags: u32,
    inner_map: u32,
    numa_node: u32,
    name: [u8; NAME_BYTES],
}

/// The start of `union bpf_attr` for PROG_LOAD. Addresses have 64 bits on every CPU.
#[repr(C)]
struct LoadProgram {
    kind: u32,
    instructions: u32,
    code: u64,
    licence: u64,
    log_level: u32,
    log_bytes: u32,
    log: u64,
    kernel_version: u32,
    flags: u32,
    name: [u8; NAME_BYTES],
}

/// The start of `union bpf_attr` for all that is done with a row.
#[repr(C)]
struct Element {
    map: u32,
    padding: u32,
    key: u64,
    value: u64,
    flags: u64,
}

/// The start of `union bpf_attr` for many rows at once (Linux 5.6).
#[repr(C)]
struct Batch {
    from: u64,
    next: u64,
    keys: u64,
    values: u64,
    count: u32,
    map: u32,
    element_flags: u64,
    flags: u64,
}

const _: () = {
    assert!(size_of::<CreateMap>() == 44);
    assert!(size_of::<LoadProgram>() == 64);
    assert!(size_of::<Element>() == 32);
    assert!(size_of::<Batch>() == 56);
};

/// # Safety
/// `attributes` must be what the command takes, and all addresses in it valid for what it does.
#[allow(unsafe_code)]
// SAFETY: what the caller has to see to stands above.
unsafe fn bpf<T>(command: libc::c_int, attributes: &mut T) -> io::Result<RawFd> {
    // SAFETY: the attributes are as long as said; the rest is the caller's.
    let result = unsafe {
        let attributes: *mut T = attributes;
        libc::syscall(libc::SYS_bpf, command, attributes, size_of::<T>())
    };
    RawFd::try_from(result)
        .ok()
        .filter(|&result| result >= 0)
        .ok_or_else(io::Error::last_os_error)
}

fn name(text: &str) -> [u8; NAME_BYTES] {
    let mut name = [0; NAME_BYTES];
    name[..text.len()].copy_from_slice(text.as_bytes());
    name
}

/// Makes a map of `entries_max` rows; its keys and values are `K` and `V`.
#[allow(unsafe_code)]
pub fn create_map<K, V>(kind: Kind, entries_max: usize, called: &str) -> io::Result<OwnedFd> {
    let mut attributes = CreateMap {
        kind: kind as u32,
        key_bytes: size_of::<K>() as u32,
        value_bytes: size_of::<V>() as u32,
        entries_max: u32::try_from(entries_max).expect("a table that fits memory"),
        flags: 0,
        inner_map: 0,
        numa_node: 0,
        name: name(called),
    };
    // SAFETY: the attributes are those of the command and hold no addresses; the descriptor that it
    // returns is new, close-on-exec, and nobody else knows it.
    unsafe { bpf(MAP_CREATE, &mut attributes).map(|fd| OwnedFd::from_raw_fd(fd)) }
}

/// Loads a socket filter; the verifier writes a C string into `log` when there is one.
#[allow(unsafe_code)]
pub fn load_filter(code: &[u8], called: &str, log: Option<&mut [u8]>) -> io::Result<OwnedFd> {
    let (log, log_bytes) = log.map_or((0, 0), |log| (address(log.as_mut_ptr()), log.len()));
    let mut attributes = LoadProgram {
        kind: PROG_TYPE_SOCKET_FILTER,
        instructions: (code.len() / super::asm::INSTRUCTION_BYTES) as u32,
        code: address(code.as_ptr()),
        licence: address(LICENCE.as_ptr()),
        log_level: u32::from(log != 0),
        log_bytes: log_bytes as u32,
        log,
        kernel_version: 0,
        flags: 0,
        name: name(called),
    };
    // SAFETY: the attributes are those of the command; code and licence are read, the log is ours
    // alone to write to, and each is as long as said and outlives the call. The descriptor that it
    // returns is new, close-on-exec, and nobody else knows it.
    unsafe { bpf(PROG_LOAD, &mut attributes).map(|fd| OwnedFd::from_raw_fd(fd)) }
}

/// Where reading many rows of a hash goes on: the number of a bucket.
pub type Place = u32;

/// A map whose keys are `K`: an integer without padding, as both sides write it.
#[derive(Debug)]
pub struct Map<K> {
    fd: OwnedFd,
    /// 64-bit words of a row as it is read and written: one value, or one for each CPU.
    words: usize,
    key: core::marker::PhantomData<K>,
}

impl<K: Copy> Map<K> {
    /// Makes a map with rows of one `V` (with `cpus`: one for each), which consists of words.
    pub fn create<V>(
        kind: Kind,
        entries_max: usize,
        cpus: usize,
        called: &str,
    ) -> io::Result<Self> {
        let copies = if kind == Kind::Array { 1 } else { cpus };
        Ok(Self {
            fd: create_map::<K, V>(kind, entries_max, called)?,
            words: size_of::<V>() / 8 * copies,
            key: core::marker::PhantomData,
        })
    }

    /// Reads a row into `row`, which must be as long as it; false when there is none.
    pub fn read(&self, key: K, row: &mut [u64]) -> io::Result<bool> {
        self.fetch(MAP_LOOKUP_ELEM, key, row)
    }

    /// The same, and removes the row in one step.
    pub fn take(&self, key: K, row: &mut [u64]) -> io::Result<bool> {
        self.fetch(MAP_LOOKUP_AND_DELETE_ELEM, key, row)
    }

    #[allow(unsafe_code)]
    fn fetch(&self, command: libc::c_int, key: K, row: &mut [u64]) -> io::Result<bool> {
        assert!(row.len() >= self.words, "the kernel writes a whole row");
        let mut attributes = self.element(&key, row.as_mut_ptr(), Write::Always);
        // SAFETY: the attributes are those of the command; the row is ours alone and at least as
        // long as the kernel writes: `words` follows from the size that the map was made with and
        // the number of possible CPUs.
        present(unsafe { bpf(command, &mut attributes) })
    }

    /// Writes a row, which must be as long as one is read.
    #[allow(unsafe_code)]
    pub fn write(&self, key: K, row: &[u64], when: Write) -> io::Result<()> {
        assert!(row.len() >= self.words, "the kernel reads a whole row");
        let mut attributes = self.element(&key, row.as_ptr(), when);
        // SAFETY: the attributes are those of the command; the row is only read and long enough.
        unsafe { bpf(MAP_UPDATE_ELEM, &mut attributes).map(drop) }
    }

    /// Removes a row; false when there is none.
    #[allow(unsafe_code)]
    pub fn remove(&self, key: K) -> io::Result<bool> {
        let mut attributes = self.element(&key, core::ptr::null::<u64>(), Write::Always);
        // SAFETY: the attributes are those of the command, which takes no value.
        present(unsafe { bpf(MAP_DELETE_ELEM, &mut attributes) })
    }

    /// Reads as many rows of a hash as there are keys to fill, from the place `from` on (`None`:
    /// the first); how many there were, and where it goes on, `None` at the end.
    #[allow(unsafe_code)]
    pub fn read_many(
        &self,
        from: Option<Place>,
        keys: &mut [K],
        rows: &mut [u64],
    ) -> io::Result<(usize, Option<Place>)> {
        let words = keys.len() * self.words;
        assert!(rows.len() >= words, "the kernel writes whole rows");
        let mut next = Place::default();
        let mut attributes = Batch {
            from: from.as_ref().map_or(0, |place| address(place)),
            next: address(&raw mut next),
            keys: address(keys.as_mut_ptr()),
            values: address(rows.as_mut_ptr()),
            count: keys.len() as u32,
            map: self.fd.as_raw_fd() as u32,
            element_flags: 0,
            flags: 0,
        };
        // SAFETY: the attributes are those of the command; it writes one place and at most `count`
        // keys and rows, for which there is room, all of it ours.
        let more = present(unsafe { bpf(MAP_LOOKUP_BATCH, &mut attributes) })?;
        let count = (attributes.count as usize).min(keys.len());
        Ok((count, more.then_some(next)))
    }

    fn element<V>(&self, key: &K, value: *const V, when: Write) -> Element {
        Element {
            map: self.fd.as_raw_fd() as u32,
            padding: 0,
            key: address(key),
            value: address(value),
            flags: when as u64,
        }
    }
}

impl<K> AsRawFd for Map<K> {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

fn present(result: io::Result<RawFd>) -> io::Result<bool> {
    match result {
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(false),
        result => result.map(|_| true),
    }
}

fn address<T>(pointer: *const T) -> u64 {
    pointer.expose_provenance() as u64
}
