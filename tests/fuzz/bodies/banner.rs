// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any bytes as what a service says first, whole and byte by byte.

use netvitals::codec::banner::{self, HEAD_BYTES_MAX, Mysql};

/// One input.
pub fn run(input: &[u8]) {
    let whole = banner::http(input);
    if let Some(http) = whole {
        assert!((100..1_000).contains(&http.status));
        assert!(http.server.is_none_or(|server| !server.is_empty()));
    }
    let complete = (0..=input.len()).find(|&len| banner::http_is_complete(&input[..len]));
    if let Some(len) = complete {
        assert!(len <= HEAD_BYTES_MAX);
        assert_eq!(
            banner::http(&input[..len]),
            whole,
            "a head that is complete stays"
        );
    }
    let decided = (0..=input.len()).find(|&len| banner::mysql(&input[..len]) != Mysql::Cut);
    if let Some(len) = decided {
        assert!(len <= HEAD_BYTES_MAX);
        assert_eq!(
            banner::mysql(&input[..len]),
            banner::mysql(input),
            "a greeting stays"
        );
    }
}
