// SPDX-License-Identifier: MIT OR Apache-2.0
//! Many frames with one system call: sendmmsg(2) on a packet(7) socket.

use std::io;

use crate::frames::Socket;
use crate::traffic::Macs;

/// Frames that are handed over at once.
const FRAMES_MAX: usize = 64;

/// linux/if_packet.h
const PACKET_VNET_HDR: libc::c_int = 15;

/// Copies of one frame, and what the system is told of them.
pub struct Outbox<'a> {
    socket: &'a Socket,
    /// One behind the other; each has the header for offloading in front, when there is one.
    frames: Vec<u8>,
    /// Where a frame begins, in such a piece.
    offset: usize,
    stride: usize,
    vectors: Vec<libc::iovec>,
    messages: Vec<libc::mmsghdr>,
}

impl<'a> Outbox<'a> {
    pub fn new(socket: &'a Socket, frame: &[u8], offload: Option<[u8; 10]>) -> io::Result<Self> {
        let mut piece = Vec::new();
        if let Some(header) = offload {
            socket.set_option(libc::SOL_PACKET, PACKET_VNET_HDR, 1)?;
            piece.extend(header);
        }
        let offset = piece.len();
        piece.extend(frame);
        let frames = piece.repeat(FRAMES_MAX);
        Ok(Self {
            socket,
            frames,
            offset,
            stride: piece.len(),
            vectors: Vec::with_capacity(FRAMES_MAX),
            messages: Vec::with_capacity(FRAMES_MAX),
        })
    }

    /// Sends up to `wanted` frames, of which the first is the one number `first`; how many went.
    pub fn send(&mut self, wanted: u64, first: u64, from: Macs, to: Macs) -> io::Result<u64> {
        self.vectors.clear();
        self.messages.clear();
        let wanted = wanted.min(FRAMES_MAX as u64);
        for (number, piece) in (first..first + wanted).zip(self.frames.chunks_mut(self.stride)) {
            piece[self.offset..][..6].copy_from_slice(&to.turn(number));
            piece[self.offset + 6..][..6].copy_from_slice(&from.turn(number));
            self.vectors.push(libc::iovec {
                iov_base: piece.as_mut_ptr().cast(),
                iov_len: piece.len(),
            });
        }
        for vector in &mut self.vectors {
            // SAFETY: a structure of integers and pointers, for which all zeros are valid.
            let mut message = unsafe { core::mem::zeroed::<libc::mmsghdr>() };
            message.msg_hdr.msg_iov = vector;
            message.msg_hdr.msg_iovlen = 1;
            self.messages.push(message);
        }
        self.socket.send_many(&mut self.messages)
    }
}
