// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any bytes as a log of tstat: never a panic; every direction of every row is an object, below the
//! threshold or rejected, and told; every slice is JSON within its bounds.

use std::convert::Infallible;

use miniserde::json::{self, Value};
use netvitals::limits::{TSTAT_SLICE_BYTES_MAX, TSTAT_SLICE_OBJECTS_MAX};
use netvitals::tstat::flow::{Renderer, UdpDurations, Wish};
use netvitals::tstat::layout::Protocol;
use netvitals::tstat::reading::{Complaint, Counts, Reader, Taker};

/// Checks what it takes.
#[derive(Default)]
struct Checker {
    slices: u64,
    objects: u64,
    complaints: u64,
}

impl Taker for Checker {
    type Error = Infallible;

    fn slice(&mut self, number: u64, body: &[u8], objects: u32) -> Result<(), Infallible> {
        assert_eq!(number, self.slices);
        assert!(body.len() <= TSTAT_SLICE_BYTES_MAX);
        assert!((1..=TSTAT_SLICE_OBJECTS_MAX).contains(&objects));
        let text = std::str::from_utf8(body).unwrap();
        let Ok(Value::Array(found)) = json::from_str(text) else {
            panic!("{text}");
        };
        assert_eq!(found.len(), objects as usize);
        for object in &found {
            let Value::Object(object) = object else {
                panic!("{text}");
            };
            let keys = ["end", "interval", "meta", "start", "type", "values"];
            assert!(object.keys().eq(keys), "{text}");
        }
        self.slices += 1;
        self.objects += u64::from(objects);
        Ok(())
    }

    fn complain(&mut self, _: u64, complaint: Complaint<'_>) {
        assert!(complaint.to_string().len() < 300);
        self.complaints += 1;
    }

    fn tick(&mut self, _: u64, _: u64) -> Result<(), Infallible> {
        Ok(())
    }
}

/// Gives `rest` in pieces of `piece` bytes.
fn pieces(mut rest: &[u8], piece: usize) -> impl FnMut(&mut [u8]) -> std::io::Result<usize> {
    move |space| {
        let len = piece.min(space.len()).min(rest.len());
        space[..len].copy_from_slice(&rest[..len]);
        rest = &rest[len..];
        Ok(len)
    }
}

/// One input: a byte of options, then the log.
pub fn run(input: &[u8]) {
    let Some((options, log)) = input.split_first() else {
        return;
    };
    let wish = Wish {
        bits_min: if options & 1 == 0 { 0 } else { 8_000_000 },
        udp_durations: match options & 2 {
            0 => UdpDurations::Seconds,
            _ => UdpDurations::Milliseconds,
        },
        sensor: "s".to_owned(),
        instance: None,
    };
    let protocol = Protocol::ALL[usize::from(options & 4 != 0)];
    // In pieces of any size, as from a pipe.
    let piece = usize::from(options >> 3) * 7 + 1;
    let mut reading = Reader::new(Renderer::new(&wish));
    let Ok(Some(layout)) = reading.layout(protocol, &mut pieces(log, piece)).unwrap() else {
        return;
    };
    let (mut counts, mut checker) = (Counts::default(), Checker::default());
    reading
        .rows(&layout, &mut pieces(log, piece), &mut counts, &mut checker)
        .unwrap_or_else(|error| panic!("{error:?}"));
    let mut emit = |number, body: &[u8], objects| checker.slice(number, body, objects);
    reading.slices.finish(&mut emit).unwrap();
    let rejected: u64 = counts.rejected().iter().map(|(count, _)| count).sum();
    let whole = counts.too_few + counts.too_many + counts.too_long;
    assert_eq!(counts.objects, checker.objects);
    assert_eq!(rejected, checker.complaints);
    assert_eq!(
        2 * counts.rows,
        counts.objects + counts.small + rejected + whole
    );
    assert_eq!(counts.bytes, log.len() as u64);
}
