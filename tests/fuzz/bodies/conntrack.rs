// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any bytes as /proc/net/nf_conntrack: what is read is what is written again, and a table of flows
//! that is shown twice has moved nothing.

use std::fmt::Write;

use netvitals::codec::conntrack::{Flow, offload, parse_line};
use netvitals::model::flows::{Flows, Offload, Sight};

fn write(flow: &Flow) -> String {
    let family = match flow.original.source.is_ipv6() {
        true => "ipv6 10",
        false => "ipv4 2",
    };
    let mut line = format!("{family} any {} ", flow.protocol);
    for way in [flow.original, flow.reply] {
        write!(line, "src={} dst={} ", way.source, way.destination).unwrap();
        write!(
            line,
            "sport={} dport={} ",
            way.source_port, way.destination_port
        )
        .unwrap();
        if let Some(count) = way.count {
            write!(line, "packets={} bytes={} ", count.packets, count.bytes).unwrap();
        }
    }
    line += match flow.offload {
        Offload::None => "[ASSURED]",
        Offload::Software => "[OFFLOAD]",
        Offload::Hardware => "[HW_OFFLOAD]",
    };
    write!(line, " mark=0 zone={} use=1", flow.zone).unwrap();
    line
}

/// One input.
pub fn run(input: &[u8]) {
    let mut flows = Flows::new(4, 7);
    for line in input.split(|&byte| byte == b'\n') {
        let Some(flow) = parse_line(line) else {
            continue;
        };
        assert_eq!(flow.offload, offload(line));
        assert_eq!(parse_line(write(&flow).as_bytes()), Some(flow));
        let (Some(there), Some(back)) = (flow.original.count, flow.reply.count) else {
            continue;
        };
        let words = [u64::from(flow.original.source_port)];
        let first = flows.sight(&words, [there, back]);
        match flows.sight(&words, [there, back]) {
            Sight::Moved(moved) => assert!(moved.iter().all(|way| way.wire_bytes() == 0)),
            again => assert_eq!((first, again), (Sight::NoRoom, Sight::NoRoom)),
        }
        if line.len() % 7 == 0 {
            flows.end_reading();
        }
        assert!(flows.len() <= 4);
    }
}
