// SPDX-License-Identifier: MIT OR Apache-2.0
//! The sockets that listen on one segment.

use std::io;

use crate::collect::devices::Ears;
use crate::collect::segment::Segment;
use crate::sys::filter::Wanted;
use crate::sys::packet::PacketSocket;
use crate::sys::poll::Crowd;
use crate::sys::raw::UdpEar;

/// Where DHCP servers listen (RFC 2131).
const DHCP_SERVER_PORT: u16 = 67;

/// A segment that is listened on.
#[derive(Debug)]
pub struct Ear {
    /// The segment.
    pub segment: Segment,
    /// `None` where it cannot be opened.
    pub socket: Option<PacketSocket>,
    /// Requests to a DHCP server here, where the socket does not bring them.
    requests: Option<UdpEar>,
    /// It failed, which was said.
    pub down: bool,
}

impl Ear {
    /// Does not listen yet.
    pub fn new(segment: Segment) -> Self {
        Self {
            segment,
            socket: None,
            requests: None,
            down: false,
        }
    }

    /// Listens as `ears` say, unless it does, and joins the crowd.
    ///
    /// # Errors
    /// `PermissionDenied` without CAP_NET_RAW; else what the kernel says.
    pub fn open(&mut self, ears: Ears, crowd: &Crowd) -> io::Result<()> {
        if self.socket.is_some() {
            return Ok(());
        }
        let (wanted, outgoing) = match ears {
            Ears::Answers => (Wanted::Arp, false),
            Ears::All => (Wanted::Discovery, true),
            Ears::Light => (Wanted::PlainArp, false),
            Ears::Off => return Ok(()),
        };
        if ears == Ears::Light {
            // Without them names are missing that devices announce, and nothing else.
            self.requests = UdpEar::open(&self.segment.name, DHCP_SERVER_PORT)
                .and_then(|requests| crowd.add(&requests).map(|()| requests))
                .ok();
        }
        let socket = PacketSocket::open(self.segment.index, wanted, outgoing)?;
        crowd.add(&socket)?;
        self.socket = Some(socket);
        Ok(())
    }

    /// Takes the next request that waits; its length. `None` when none does.
    pub fn request(&self, buffer: &mut [u8]) -> Option<usize> {
        self.requests.as_ref()?.receive(buffer).ok()?
    }
}
