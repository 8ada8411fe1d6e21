// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reverse names from the system's name servers, without ever waiting for them.

use std::ffi::CStr;

use core::net::IpAddr;

use crate::codec::dns::{self, ANSWER_BYTES_MAX, QUERY_BYTES_MAX};
use crate::codec::resolv;
use crate::engine::reverse::Reverse;
use crate::sys::files::Root;
use crate::sys::random;
use crate::sys::udp::Peer;
use crate::time::Mono;

/// Where the system says whom to ask, below the root.
const RESOLV_CONF: &CStr = c"etc/resolv.conf";

/// Servers that are asked: as many as the C library does (resolv.conf(5)).
pub const SERVERS_MAX: usize = 3;

const RESOLV_CONF_BYTES_MAX: usize = 64 * 1_024;
const PORT: u16 = 53;

/// Messages taken from a server before the caller has its turn again.
const MESSAGES_MAX: usize = 64;

/// The look-ups, and a socket for each server.
#[derive(Debug)]
pub struct ReverseNames {
    /// What is known and under way.
    pub reverse: Reverse,
    peers: Vec<Peer>,
}

impl ReverseNames {
    /// Nobody is asked.
    pub fn off() -> Self {
        Self::of(&[], 0)
    }

    /// Will ask the servers of /etc/resolv.conf; without any, or without a way to them, nobody.
    pub fn of_system(root: &Root) -> Self {
        let text = root
            .open(RESOLV_CONF)
            .and_then(|file| file.read_to_end(RESOLV_CONF_BYTES_MAX))
            .unwrap_or_default();
        let servers = text
            .split(|&byte| byte == b'\n')
            .filter_map(resolv::nameserver);
        let servers: Vec<IpAddr> = servers.take(SERVERS_MAX).collect();
        Self::of(&servers, PORT)
    }

    /// Will ask these servers at `port`.
    pub fn of(servers: &[IpAddr], port: u16) -> Self {
        let peers = servers.iter().take(SERVERS_MAX);
        let peers: Vec<Peer> = peers.filter_map(|&ip| Peer::open(ip, port).ok()).collect();
        Self {
            reverse: Reverse::new(peers.len(), random::bits()),
            peers,
        }
    }

    /// The sockets, to be waited for.
    pub fn peers(&self) -> &[Peer] {
        &self.peers
    }

    /// Takes what has come and sends what is due; whether a name may be new.
    pub fn turn(&mut self, now: Mono) -> bool {
        let mut changed = false;
        let mut message = [0; ANSWER_BYTES_MAX];
        for (server, peer) in self.peers.iter().enumerate() {
            for _ in 0..MESSAGES_MAX {
                match peer.receive(&mut message) {
                    Ok(Some(len)) => {
                        changed |= self.reverse.on_message(server, &message[..len], now);
                    }
                    Ok(None) => break,
                    Err(_) => self.reverse.on_unreachable(server, now),
                }
            }
        }
        let mut buffer = [0; QUERY_BYTES_MAX];
        while let Some(query) = self.reverse.poll(now, random::bits()) {
            let message = dns::query(query.id, query.address, &mut buffer);
            let sent = self.peers.get(query.server).map(|peer| peer.send(message));
            if !matches!(sent, Some(Ok(()))) {
                self.reverse.on_unreachable(query.server, now);
            }
        }
        changed
    }
}
