// SPDX-License-Identifier: MIT OR Apache-2.0
//! The BPF programs and maps that this kernel holds, whoever loaded them (bpf(2)).

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

const PROG_GET_NEXT_ID: u32 = 11;
const MAP_GET_NEXT_ID: u32 = 12;
const PROG_GET_FD_BY_ID: u32 = 13;
const OBJ_GET_INFO_BY_FD: u32 = 15;

const MAPS_MAX: usize = 64;

/// `program ID map ID…` and `map ID`, a line each.
pub fn list() -> io::Result<u8> {
    for (id, maps) in programs()? {
        let maps: Vec<String> = maps.iter().map(u32::to_string).collect();
        println!("program {id} map {}", maps.join(" "));
    }
    for id in maps()? {
        println!("map {id}");
    }
    Ok(0)
}

/// The programs, and the maps that each uses.
pub fn programs() -> io::Result<Vec<(u32, Vec<u32>)>> {
    let programs = ids(PROG_GET_NEXT_ID)?.into_iter();
    // One may have gone in the meantime.
    Ok(programs
        .filter_map(|id| Some((id, maps_of(id).ok()?)))
        .collect())
}

/// The maps.
pub fn maps() -> io::Result<Vec<u32>> {
    ids(MAP_GET_NEXT_ID)
}

fn ids(command: u32) -> io::Result<Vec<u32>> {
    let mut ids = Vec::new();
    loop {
        let mut attribute = [ids.last().copied().unwrap_or(0), 0, 0];
        match bpf(command, &mut attribute) {
            Ok(_) => ids.push(attribute[1]),
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => return Ok(ids),
            Err(error) => return Err(error),
        }
    }
}

fn maps_of(program: u32) -> io::Result<Vec<u32>> {
    let fd = bpf(PROG_GET_FD_BY_ID, &mut [program, 0, 0])?;
    // SAFETY: bpf(2) just returned this descriptor and nobody else knows it.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    let mut found = [0_u32; MAPS_MAX];
    // The first 64 bytes of `struct bpf_prog_info`: how many maps, and where to put their numbers.
    let mut head = [0_u32; 16];
    head[13] = MAPS_MAX as u32;
    let [low, high] = halves(found.as_mut_ptr() as u64);
    (head[14], head[15]) = (low, high);
    let [low, high] = halves(head.as_mut_ptr() as u64);
    let len = size_of_val(&head) as u32;
    bpf(
        OBJ_GET_INFO_BY_FD,
        &mut [fd.as_raw_fd() as u32, len, low, high],
    )?;
    let count = (head[13] as usize).min(MAPS_MAX);
    Ok(found[..count].to_vec())
}

/// As the two words of a 64-bit integer lie in memory.
fn halves(number: u64) -> [u32; 2] {
    let bytes = number.to_ne_bytes();
    [0, 4].map(|at| u32::from_ne_bytes(*bytes[at..].first_chunk().expect("it has 8 bytes")))
}

fn bpf<const N: usize>(command: u32, attribute: &mut [u32; N]) -> io::Result<libc::c_int> {
    let attribute = attribute.as_mut_ptr();
    // SAFETY: `union bpf_attr` may be given as long as it is used; its pointers are those of
    // arrays that outlive the call and are as long as said.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, attribute, 4 * N) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(result as libc::c_int)
}
