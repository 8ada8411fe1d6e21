// SPDX-License-Identifier: MIT OR Apache-2.0
//! What neighbour discovery (RFC 4861) says of who has an IPv6 address.

use core::net::Ipv6Addr;

use etherparse::icmpv6::{
    Icmpv6PayloadSlice, NdpOptionType as OptionType, TYPE_NEIGHBOR_ADVERTISEMENT,
    TYPE_ROUTER_SOLICITATION,
};
use etherparse::{Icmpv6Slice, Ipv6Slice, ip_number};

use crate::model::addr::Mac;

/// Why an IPv6 packet is not a whole one, or its neighbour discovery not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// The IPv6 headers are wrong or cut.
    Ip,
    /// A message that RFC 4861 section 6.1 or 7.1 tells to discard: hop limit not 255, wrong
    /// checksum, code or length, an option of length zero.
    Discarded,
}

/// The address that an IPv6 packet (the payload of a frame) shows to be at a MAC address: from the
/// source link-layer option of solicitations and router advertisements that are not from `::`, and
/// from the target option of neighbour advertisements. `None` when it says nothing of the kind.
///
/// # Errors
///
/// See [`Malformed`].
pub fn learnable(packet: &[u8]) -> Result<Option<(Ipv6Addr, Mac)>, Malformed> {
    let ip = Ipv6Slice::from_slice(packet).map_err(|_| Malformed::Ip)?;
    let payload = ip.payload();
    // RFC 6980 section 5: neighbour discovery in fragments is ignored.
    if payload.ip_number != ip_number::IPV6_ICMP || payload.fragmented {
        return Ok(None);
    }
    let Some(&kind) = payload.payload.first() else {
        return Ok(None);
    };
    if !(TYPE_ROUTER_SOLICITATION..=TYPE_NEIGHBOR_ADVERTISEMENT).contains(&kind) {
        return Ok(None);
    }
    let header = ip.header();
    let message = Icmpv6Slice::from_slice(payload.payload).map_err(|_| Malformed::Discarded)?;
    let valid = header.hop_limit() == 255
        && message.code_u8() == 0
        && message.is_checksum_valid(header.source(), header.destination());
    if !valid {
        return Err(Malformed::Discarded);
    }
    heard(&message, header.source_addr()).ok_or(Malformed::Discarded)
}

/// What a message says of its sender or target; `None` when it is to be discarded.
fn heard(message: &Icmpv6Slice, source: Ipv6Addr) -> Option<Option<(Ipv6Addr, Mac)>> {
    let payload = message.payload_slice().ok()?;
    let (address, option, options) = match &payload {
        Icmpv6PayloadSlice::RouterSolicitation(slice) => (
            source,
            OptionType::SOURCE_LINK_LAYER_ADDRESS,
            slice.options(),
        ),
        Icmpv6PayloadSlice::RouterAdvertisement(slice) if source.is_unicast_link_local() => (
            source,
            OptionType::SOURCE_LINK_LAYER_ADDRESS,
            slice.options(),
        ),
        Icmpv6PayloadSlice::NeighborSolicitation(slice)
            if !slice.target_address().is_multicast() =>
        {
            (
                source,
                OptionType::SOURCE_LINK_LAYER_ADDRESS,
                slice.options(),
            )
        }
        Icmpv6PayloadSlice::NeighborAdvertisement(slice)
            if !slice.target_address().is_multicast() =>
        {
            let target = slice.target_address();
            (
                target,
                OptionType::TARGET_LINK_LAYER_ADDRESS,
                slice.options(),
            )
        }
        _ => return None,
    };
    let mac = link_layer_address(options, option)?;
    let known = |mac: &Mac| mac.is_device() && !address.is_unspecified() && !address.is_multicast();
    Some(mac.filter(known).map(|mac| (address, mac)))
}

/// The MAC address in the first option of this kind; the outer `None` when an option has length
/// zero or goes beyond the end. One length unit is 8 bytes; on Ethernet it is one (RFC 2464).
fn link_layer_address(mut options: &[u8], wanted: OptionType) -> Option<Option<Mac>> {
    let mut found = None;
    while let [kind, units, ..] = *options {
        let option;
        (option, options) = options.split_at_checked(usize::from(units) * 8)?;
        if option.is_empty() {
            return None;
        }
        if let (true, &[_, _, a, b, c, d, e, f]) = (kind == wanted.0, option) {
            found = found.or(Some(Mac([a, b, c, d, e, f])));
        }
    }
    options.is_empty().then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ROUTER: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
    const TARGET: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 7);
    const GROUP: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
    const MAC: Mac = Mac([2, 0, 0, 0, 0, 9]);
    const SOURCE_OPTION: [u8; 8] = [1, 1, 2, 0, 0, 0, 0, 9];
    const TARGET_OPTION: [u8; 8] = [2, 1, 2, 0, 0, 0, 0, 9];

    /// A packet from `source` to all nodes with a right checksum.
    fn packet(source: Ipv6Addr, message: &[u8], options: &[u8]) -> Vec<u8> {
        let mut icmp = [message, options].concat();
        // RFC 4443 section 2.3, in words of 16 bits.
        let pseudo = [
            &source.octets()[..],
            &GROUP.octets(),
            &[0, icmp.len() as u8, 0, 58],
        ]
        .concat();
        let words = pseudo.chunks(2).chain(icmp.chunks(2));
        let word = |pair: &[u8]| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
        let mut sum: u32 = words.map(word).sum();
        sum = (sum >> 16) + (sum & 0xffff);
        sum = (sum >> 16) + (sum & 0xffff);
        icmp[2..4].copy_from_slice(&(!(sum as u16)).to_be_bytes());
        let mut packet = vec![0x60, 0, 0, 0, 0, icmp.len() as u8, 58, 255];
        packet.extend([source.octets(), GROUP.octets()].concat());
        packet.extend(icmp);
        packet
    }

    fn neighbour(kind: u8, target: Ipv6Addr) -> Vec<u8> {
        [&[kind, 0, 0, 0, 0, 0, 0, 0][..], &target.octets()].concat()
    }

    type Heard = Result<Option<(Ipv6Addr, Mac)>, Malformed>;

    #[track_caller]
    fn check(source: Ipv6Addr, message: &[u8], options: &[u8], expected: Heard) {
        assert_eq!(learnable(&packet(source, message, options)), expected);
    }

    #[test]
    fn the_source_option_is_of_the_sender() {
        let expected = Ok(Some((ROUTER, MAC)));
        check(
            ROUTER,
            &[133, 0, 0, 0, 0, 0, 0, 0],
            &SOURCE_OPTION,
            expected,
        );
        let advertisement = [134, 0, 0, 0, 64, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        check(ROUTER, &advertisement, &SOURCE_OPTION, expected);
        check(ROUTER, &neighbour(135, TARGET), &SOURCE_OPTION, expected);
        check(ROUTER, &neighbour(135, TARGET), &TARGET_OPTION, Ok(None));
        let mtu = [&[5, 1, 0, 0, 0, 0, 5, 0xdc][..], &SOURCE_OPTION].concat();
        check(ROUTER, &advertisement, &mtu, expected);
    }

    #[test]
    fn the_target_option_is_of_the_target() {
        let advertisement = neighbour(136, TARGET);
        check(
            ROUTER,
            &advertisement,
            &TARGET_OPTION,
            Ok(Some((TARGET, MAC))),
        );
        check(ROUTER, &advertisement, &SOURCE_OPTION, Ok(None));
        check(ROUTER, &advertisement, &[], Ok(None));
    }

    #[test]
    fn nobody_is_at_the_unspecified_address_or_a_group() {
        let any = Ipv6Addr::UNSPECIFIED;
        check(any, &neighbour(135, TARGET), &SOURCE_OPTION, Ok(None));
        check(ROUTER, &neighbour(136, any), &TARGET_OPTION, Ok(None));
        check(
            ROUTER,
            &neighbour(136, TARGET),
            &[2, 1, 1, 0, 0x5e, 0, 0, 1],
            Ok(None),
        );
        check(
            ROUTER,
            &neighbour(136, GROUP),
            &TARGET_OPTION,
            Err(Malformed::Discarded),
        );
    }

    #[test]
    fn what_rfc_4861_tells_to_discard_is_discarded() {
        let message = neighbour(136, TARGET);
        let discarded = Err(Malformed::Discarded);
        for options in [
            &[2, 0, 2, 0, 0, 0, 0, 9][..],
            &[2, 2, 2, 0, 0, 0, 0, 9],
            &[2],
        ] {
            check(ROUTER, &message, options, discarded);
        }
        let after = [&TARGET_OPTION[..], &[14, 0, 0, 0, 0, 0, 0, 0]].concat();
        check(ROUTER, &message, &after, discarded);
        check(ROUTER, &message[..20], &[], discarded);
        check(
            ROUTER,
            &[&[136, 1], &message[2..]].concat(),
            &TARGET_OPTION,
            discarded,
        );
        let advertisement = [134, 0, 0, 0, 64, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        check(TARGET, &advertisement, &SOURCE_OPTION, discarded);
        for (at, value) in [(7, 254), (42, 0x55), (46, 9)] {
            let mut bytes = packet(ROUTER, &message, &TARGET_OPTION);
            bytes[at] = value;
            assert_eq!(learnable(&bytes), discarded, "{at}");
        }
    }

    #[test]
    fn other_packets_say_nothing() {
        check(ROUTER, &[128, 0, 0, 0, 0, 1, 0, 1], &[], Ok(None));
        let mut udp = packet(ROUTER, &neighbour(136, TARGET), &TARGET_OPTION);
        udp[6] = 17;
        assert_eq!(learnable(&udp), Ok(None));
        assert_eq!(learnable(&udp[..60]), Err(Malformed::Ip));
        assert_eq!(learnable(&[]), Err(Malformed::Ip));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(
            noise: Vec<u8>,
            kind in 133_u8..=137,
            message in prop::collection::vec(any::<u8>(), 0..100),
            source: [u8; 16],
        ) {
            let _ = learnable(&noise);
            let message = [&[kind, 0, 0, 0][..], &message].concat();
            let _ = learnable(&packet(source.into(), &message, &[]));
        }
    }
}
