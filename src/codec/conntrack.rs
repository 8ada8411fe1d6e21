// SPDX-License-Identifier: MIT OR Apache-2.0
//! One line of /proc/net/nf_conntrack: a flow, both its directions, and who forwards it.
//!
//! `ipv4 2 tcp 6 [TIMEOUT [STATE]] src= dst= sport= dport= [packets= bytes=] [[UNREPLIED]]
//! src= dst= sport= dport= [packets= bytes=] [[HW_OFFLOAD] | [OFFLOAD] | [ASSURED]] mark= zone=
//! use=`, as `ct_seq_show` of nf_conntrack_standalone.c prints it. The reply has the addresses as
//! the other side sends them: behind NAT they are not those of the original turned round.

use core::net::IpAddr;

use super::units;
use crate::model::flows::{Count, Offload};

/// Packets one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Direction {
    /// Who sends them, as he sends them.
    pub source: IpAddr,
    /// To whom.
    pub destination: IpAddr,
    /// Port of the source; the key of a GRE tunnel; 0 where the protocol has neither.
    pub source_port: u16,
    /// Port or key of the destination.
    pub destination_port: u16,
    /// How many; `None` when the kernel does not count (`net.netfilter.nf_conntrack_acct`).
    pub count: Option<Count>,
}

/// A flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// Number of the protocol (IANA).
    pub protocol: u8,
    /// Zone of connection tracking; 0 unless somebody sets up others.
    pub zone: u16,
    /// From who began it.
    pub original: Direction,
    /// To who began it.
    pub reply: Direction,
    /// Who forwards it.
    pub offload: Offload,
}

/// Who forwards the flow of this line; nothing else of it is looked at.
pub fn offload(line: &[u8]) -> Offload {
    for at in memchr::memchr_iter(b'[', line) {
        let flag = &line[at..];
        if flag.starts_with(b"[HW_OFFLOAD]") {
            return Offload::Hardware;
        } else if flag.starts_with(b"[OFFLOAD]") {
            return Offload::Software;
        }
    }
    Offload::None
}

/// Reads a line, given without its line end; `None` when it is not in the form of the kernel.
pub fn parse_line(line: &[u8]) -> Option<Flow> {
    let mut words = line.split(|&byte| byte == b' ').filter(|w| !w.is_empty());
    let ipv6 = match words.next()? {
        b"ipv4" => false,
        b"ipv6" => true,
        _ => return None,
    };
    words.next()?;
    words.next()?;
    let protocol = small(words.next()?)?;
    let mut zone = 0;
    let mut directions = [Partial::default(); 2];
    let mut current = None;
    for (key, value) in pairs(line) {
        match key {
            b"src" => {
                let next = current.map_or(0, |at: usize| at + 1);
                directions.get_mut(next)?.source = Some(address(value, ipv6)?);
                current = Some(next);
            }
            b"zone" | b"zone-orig" => zone = small(value)?,
            b"dst" | b"sport" | b"dport" | b"srckey" | b"dstkey" | b"packets" | b"bytes" => {
                directions[current?].take(key, value, ipv6)?;
            }
            _ => {}
        }
    }
    let [original, reply] = directions;
    Some(Flow {
        protocol,
        zone,
        original: original.whole()?,
        reply: reply.whole()?,
        offload: offload(line),
    })
}

/// Each `key=value`, at the first `=` of its word.
fn pairs(line: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut start = 0;
    memchr::memchr_iter(b'=', line).filter_map(move |at| {
        let before = line.get(start..at)?;
        let behind = &line[at + 1..];
        let key_at = before.iter().rposition(|&byte| byte == b' ');
        let len = behind.iter().position(|&byte| byte == b' ');
        let len = len.unwrap_or(behind.len());
        start = at + 1 + len;
        Some((&before[key_at.map_or(0, |at| at + 1)..], &behind[..len]))
    })
}

/// A direction that is being read.
#[derive(Clone, Copy, Default)]
struct Partial {
    source: Option<IpAddr>,
    destination: Option<IpAddr>,
    ports: [u16; 2],
    packets: Option<u64>,
    bytes: Option<u64>,
}

impl Partial {
    fn take(&mut self, key: &[u8], value: &[u8], ipv6: bool) -> Option<()> {
        match key {
            b"dst" => self.destination = Some(address(value, ipv6)?),
            b"sport" => self.ports[0] = small(value)?,
            b"dport" => self.ports[1] = small(value)?,
            b"srckey" => self.ports[0] = tunnel_key(value)?,
            b"dstkey" => self.ports[1] = tunnel_key(value)?,
            b"packets" => self.packets = Some(units::unsigned(value)?),
            _ => self.bytes = Some(units::unsigned(value)?),
        }
        Some(())
    }

    fn whole(self) -> Option<Direction> {
        let count = match (self.packets, self.bytes) {
            (Some(packets), Some(bytes)) => Some(Count { packets, bytes }),
            (None, None) => None,
            _ => return None,
        };
        let [source_port, destination_port] = self.ports;
        Some(Direction {
            source: self.source?,
            destination: self.destination?,
            source_port,
            destination_port,
            count,
        })
    }
}

fn address(word: &[u8], ipv6: bool) -> Option<IpAddr> {
    let text = str::from_utf8(word).ok()?;
    match ipv6 {
        true => text.parse().ok().map(IpAddr::V6),
        false => text.parse().ok().map(IpAddr::V4),
    }
}

fn small<T: TryFrom<u64>>(word: &[u8]) -> Option<T> {
    T::try_from(units::unsigned(word)?).ok()
}

/// `0x` and hexadecimal digits.
fn tunnel_key(word: &[u8]) -> Option<u16> {
    let digits = word.strip_prefix(b"0x")?;
    let digits = digits.iter().all(u8::is_ascii_hexdigit).then_some(digits)?;
    u16::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As a kernel 6.18 printed them, and as ones with a flowtable do.
    const UNREPLIED: &str = "ipv4     2 udp      17 28 src=192.168.1.10 dst=10.9.0.77 sport=49837 \
        dport=53 packets=1 bytes=29 [UNREPLIED] src=10.9.0.77 dst=10.9.0.1 sport=53 dport=49837 \
        packets=0 bytes=0 mark=0 zone=0 use=3";
    const IPV6: &str = "ipv6     10 tcp      6 431999 ESTABLISHED \
        src=fd00:0000:0000:0000:0000:0000:0000:0010 dst=fd01:0000:0000:0000:0000:0000:0000:0002 \
        sport=51318 dport=8080 packets=19 bytes=1776 \
        src=fd01:0000:0000:0000:0000:0000:0000:0002 dst=fd00:0000:0000:0000:0000:0000:0000:0010 \
        sport=8080 dport=51318 packets=10 bytes=1128 [ASSURED] mark=0 zone=0 use=2";
    const HARDWARE: &str = "ipv4     2 tcp      6 src=192.168.1.10 dst=10.9.0.2 sport=51620 \
        dport=8080 packets=18 bytes=1744 src=10.9.0.2 dst=10.9.0.1 sport=8080 dport=51620 \
        packets=10 bytes=8528 [HW_OFFLOAD] mark=0 secctx=system_u:object_r:unlabeled_t:s0 zone=3 \
        use=3";

    fn direction(from: (&str, u16), to: (&str, u16), count: Option<(u64, u64)>) -> Direction {
        Direction {
            source: from.0.parse().unwrap(),
            destination: to.0.parse().unwrap(),
            source_port: from.1,
            destination_port: to.1,
            count: count.map(|(packets, bytes)| Count { packets, bytes }),
        }
    }

    #[test]
    fn both_directions_are_read() {
        let expected = Flow {
            protocol: 17,
            zone: 0,
            original: direction(("192.168.1.10", 49_837), ("10.9.0.77", 53), Some((1, 29))),
            reply: direction(("10.9.0.77", 53), ("10.9.0.1", 49_837), Some((0, 0))),
            offload: Offload::None,
        };
        assert_eq!(parse_line(UNREPLIED.as_bytes()), Some(expected));
        let expected = Flow {
            protocol: 6,
            zone: 0,
            original: direction(("fd00::10", 51_318), ("fd01::2", 8_080), Some((19, 1_776))),
            reply: direction(("fd01::2", 8_080), ("fd00::10", 51_318), Some((10, 1_128))),
            offload: Offload::None,
        };
        assert_eq!(parse_line(IPV6.as_bytes()), Some(expected));
    }

    #[test]
    fn a_flow_in_hardware_has_neither_time_nor_state() {
        let expected = Flow {
            protocol: 6,
            zone: 3,
            original: direction(
                ("192.168.1.10", 51_620),
                ("10.9.0.2", 8_080),
                Some((18, 1_744)),
            ),
            reply: direction(("10.9.0.2", 8_080), ("10.9.0.1", 51_620), Some((10, 8_528))),
            offload: Offload::Hardware,
        };
        assert_eq!(parse_line(HARDWARE.as_bytes()), Some(expected));
        let software = HARDWARE.replace("HW_OFFLOAD", "OFFLOAD");
        assert_eq!(offload(software.as_bytes()), Offload::Software);
        let swapped = software.replace("packets", "[OFFLOAD");
        assert_eq!(offload(swapped.as_bytes()), Offload::Software);
    }

    #[test]
    fn without_accounting_there_is_no_count() {
        let line = "ipv4 2 icmp 1 29 src=10.0.0.2 dst=10.0.0.1 type=8 code=0 id=7 \
                    src=10.0.0.1 dst=10.0.0.2 type=0 code=0 id=7 mark=0 zone=0 use=2";
        let flow = parse_line(line.as_bytes()).unwrap();
        assert_eq!((flow.original.count, flow.reply.count), (None, None));
        assert_eq!(flow.original.source_port, 0);
    }

    #[test]
    fn a_tunnel_has_keys_for_ports() {
        let line = "ipv4 2 gre 47 170 timeout=30, stream_timeout=180 src=10.0.0.2 dst=10.0.0.1 \
                    srckey=0x1f dstkey=0xffff src=10.0.0.1 dst=10.0.0.2 srckey=0xffff \
                    dstkey=0x1f [ASSURED] mark=0 use=1";
        let flow = parse_line(line.as_bytes()).unwrap();
        assert_eq!(
            (flow.original.source_port, flow.original.destination_port),
            (0x1f, 0xffff)
        );
    }

    #[test]
    fn what_is_not_the_kernels_is_refused() {
        let cut = &HARDWARE[..HARDWARE.rfind("dst=").unwrap()];
        let refused = [
            "",
            "ipv4",
            "unknown 2 tcp 6",
            cut,
            &HARDWARE.replace("ipv4", "ipv6"),
            &HARDWARE.replace(" 6 ", " 256 "),
            &HARDWARE.replace(" 6 ", " tcp "),
            &HARDWARE.replace("8080", "65536"),
            &HARDWARE.replace("bytes=1744 ", ""),
            &HARDWARE.replace("bytes=1744", "bytes=18446744073709551616"),
            &HARDWARE.replace("bytes=1744", "bytes=-1"),
            &HARDWARE.replace("zone=3", "src=10.0.0.1"),
            &HARDWARE.replace("src=192.168.1.10 ", ""),
            &HARDWARE.replace("sport=51620", "srckey=0x+1"),
        ];
        for line in refused {
            assert_eq!(parse_line(line.as_bytes()), None, "{line:?}");
        }
    }

    fn way(ipv6: bool) -> impl Strategy<Value = (IpAddr, IpAddr, [u16; 2], [u64; 2])> {
        let address = move |bits: u128| match ipv6 {
            true => IpAddr::V6(bits.into()),
            false => IpAddr::V4((bits as u32).into()),
        };
        (any::<[u128; 2]>(), any::<[u16; 2]>(), any::<[u64; 2]>())
            .prop_map(move |([a, b], ports, counts)| (address(a), address(b), ports, counts))
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(
            noise: Vec<u8>,
            text in "(ipv4 2 tcp 6 |src=1.2.3.4 |dst=|[0-9]|packets=1 |\\[| |=){0,40}",
        ) {
            parse_line(&noise);
            parse_line(text.as_bytes());
        }

        #[test]
        fn what_the_kernel_prints_is_read_back(
            (original, reply, ipv6) in any::<bool>()
                .prop_flat_map(|ipv6| (way(ipv6), way(ipv6), Just(ipv6))),
            protocol: u8,
            counted: bool,
        ) {
            let (name, number) = if ipv6 { ("ipv6", 10) } else { ("ipv4", 2) };
            let mut line = format!("{name:<8} {number} {:<8} {protocol} 1 ", "tcp");
            for (source, destination, ports, counts) in [original, reply] {
                line += &format!("src={source} dst={destination} ");
                line += &format!("sport={} dport={} ", ports[0], ports[1]);
                if counted {
                    line += &format!("packets={} bytes={} ", counts[0], counts[1]);
                }
            }
            let flow = parse_line((line + "[HW_OFFLOAD] mark=0 use=2").as_bytes()).unwrap();
            let read = [flow.original, flow.reply].map(|way| (
                way.source,
                way.destination,
                [way.source_port, way.destination_port],
                way.count.map(|count| [count.packets, count.bytes]),
            ));
            let expected = [original, reply]
                .map(|(a, b, ports, counts)| (a, b, ports, counted.then_some(counts)));
            prop_assert_eq!(read, expected);
            prop_assert_eq!((flow.protocol, flow.offload), (protocol, Offload::Hardware));
        }
    }
}
