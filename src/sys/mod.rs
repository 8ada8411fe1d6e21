// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every system call, every `unsafe`, every clock; no parsing, no decisions.

pub mod bpf;
pub mod clock;
#[cfg(all(target_arch = "mips", target_feature = "crt-static"))]
mod dlsym;
pub mod doorbell;
pub mod files;
pub mod filter;
pub mod host;
pub mod icmp_socket;
mod message;
pub mod netlink;
pub mod packet;
pub mod poll;
pub mod privileges;
pub mod process;
pub mod random;
pub mod raw;
pub mod ready;
pub mod resolver;
pub mod ring;
pub mod scratch;
pub mod signal;
pub mod spool_directory;
pub mod tcp;
pub mod terminal;
#[cfg(all(target_env = "musl", target_feature = "crt-static"))]
mod thread_name;
pub mod time_zone;
pub mod tree;
pub mod udp;
#[cfg(all(panic = "abort", target_env = "musl", target_feature = "crt-static"))]
mod unwind;
pub mod user;
pub mod vector;
#[cfg(feature = "connspy")]
pub mod watch;
pub mod zone;
