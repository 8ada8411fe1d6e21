// SPDX-License-Identifier: MIT OR Apache-2.0
//! A LAN full of devices behind one interface: each address that is alive has a MAC address of its
//! own, and answers ARP requests (RFC 826); some requests may get lost.

use std::io;
use std::net::Ipv4Addr;
use std::process::Command;

use crate::frames::Socket;

const ETHERTYPE: u16 = 0x0806;

/// Ethernet and IPv4, lengths 6 and 4, a request.
const REQUEST: [u8; 8] = [0, 1, 8, 0, 6, 4, 0, 1];

/// Who is there.
#[derive(Clone, Copy)]
pub struct Lan {
    /// The lowest address that is alive.
    pub first: Ipv4Addr,
    /// So many follow it, itself included.
    pub alive: u32,
    /// Of a hundred requests so many are not heard.
    pub lost_percent: u64,
}

/// The MAC address of the device at an address.
pub fn mac(address: Ipv4Addr) -> [u8; 6] {
    let [a, b, c, d] = address.octets();
    [2, 1, a, b, c, d]
}

/// The address that a frame asks for; `None` when it is no request.
pub fn asked(frame: &[u8]) -> Option<Ipv4Addr> {
    let target = frame.get(38..42)?.first_chunk::<4>()?;
    (frame.get(14..22)? == REQUEST).then(|| Ipv4Addr::from(*target))
}

/// The answer to a request, as from `mac` for `address`.
pub fn answer(request: &[u8], mac: [u8; 6], address: Ipv4Addr) -> Vec<u8> {
    let mut frame = request[22..28].to_vec(); // To who asked,
    frame.extend(mac);
    frame.extend(ETHERTYPE.to_be_bytes());
    frame.extend(REQUEST);
    frame[21] = 2; // a reply:
    frame.extend(mac);
    frame.extend(address.octets());
    frame.extend(&request[22..32]);
    frame
}

/// Answers while the command runs; the command's exit status.
pub fn serve(interface: &str, lan: Lan, command: Command) -> io::Result<u8> {
    let socket = Socket::open(interface, ETHERTYPE)?;
    let (mut heard, mut lost) = (0_u64, 0_u64);
    let mut chance = 0x2545_f491_4f6c_dd1d_u64;
    let status = socket.serve(command, |frame| {
        let Some(address) = asked(frame) else {
            return Ok(());
        };
        let number = address.to_bits().wrapping_sub(lan.first.to_bits());
        if number >= lan.alive {
            return Ok(());
        }
        // A generator that is the same everywhere (xorshift, Marsaglia 2003).
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        heard += 1;
        if chance % 100 < lan.lost_percent {
            lost += 1;
            return Ok(());
        }
        socket.send(&answer(frame, mac(address), address))
    })?;
    eprintln!("{heard} requests for the living, {lost} of them lost");
    Ok(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_answers_with_its_own_mac() {
        let mut request = vec![0xff; 6];
        request.extend([2, 0, 0, 0, 0, 1, 8, 6]);
        request.extend(REQUEST);
        request.extend([2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 7]);
        let address = asked(&request).unwrap();
        assert_eq!(address, Ipv4Addr::new(10, 0, 0, 7));
        let answer = answer(&request, mac(address), address);
        assert_eq!(answer[..14], [2, 0, 0, 0, 0, 1, 2, 1, 10, 0, 0, 7, 8, 6]);
        assert_eq!(answer[20..32], [0, 2, 2, 1, 10, 0, 0, 7, 10, 0, 0, 7]);
        assert_eq!(answer[32..], [2, 0, 0, 0, 0, 1, 10, 0, 0, 1]);
        assert_eq!(asked(&answer), None);
        assert_eq!(asked(&request[..41]), None);
    }
}
