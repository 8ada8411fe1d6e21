// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any bytes as a file of connmonitor, of the form that its first line says: behind eight numbers,
//! behind a host and its options, and as they are.

use std::time::Duration;

use netvitals::codec::hosts::{self, Form};

/// One input.
pub fn run(input: &[u8]) {
    for (head, form) in [
        (&b""[..], None),
        (b"1 1 1 10 41 40 1 500\n", Some(Form::Numbers)),
        (b"host ping=500 ", Some(Form::Options)),
    ] {
        let text = [head, input].concat();
        let read = hosts::read(&text, |name, tests| {
            assert!(!name.is_empty() && name.trim_ascii() == name);
            assert!(tests.ping.is_none() || (1..=1_000).contains(&tests.pings_count));
            assert!(tests.trace.is_none() || tests.hops_max > 0);
            assert!(tests.timeout >= Duration::from_millis(10));
        });
        match (read, form) {
            (Ok(read), Some(form)) => assert_eq!(read, form),
            (Ok(_), None) => {}
            (Err(error), _) => {
                let lines = text.iter().filter(|&&byte| byte == b'\n').count() + 1;
                assert!((1..=lines).contains(&(error.line as usize)), "{error}");
            }
        }
    }
}
