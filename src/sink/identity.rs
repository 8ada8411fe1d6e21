// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a document is called on a server: the same in every repeat, from any later process.

use core::fmt::{self, Write};

use super::batch::{Document, Origin};

/// Bytes of the host's part at most; servers take identities up to 512 bytes.
const HOST_BYTES_MAX: usize = 200;

/// `HOST-COLLECTOR-STARTID-SEQUENCE`; what is not a letter, digit, `.`, `_` or `-` becomes `_`.
#[derive(Clone, Copy, Debug)]
pub struct Identity<'a>(pub &'a Origin, pub u64);

impl fmt::Display for Identity<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(
            Origin {
                host,
                collector,
                start_id,
            },
            sequence,
        ) = self;
        for byte in host.bytes().take(HOST_BYTES_MAX) {
            let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
            f.write_char(if plain { char::from(byte) } else { '_' })?;
        }
        write!(f, "-{collector}-{start_id:016x}-{sequence}")
    }
}

/// Writes the keys that a server gets in front of the spooled body, each with its comma.
pub type Splice = fn(&Origin, &Document<'_>, &mut Vec<u8>);

/// Adds a document to `out`, without its line end, with what `splice` puts in front.
pub fn splice_into(out: &mut Vec<u8>, origin: &Origin, document: &Document<'_>, splice: Splice) {
    let body = document.body.trim_ascii();
    match body.split_first() {
        Some((b'{', members)) => {
            out.push(b'{');
            splice(origin, document, out);
            out.extend_from_slice(members);
        }
        _ => out.extend_from_slice(body),
    }
}

/// Tells outputs apart over restarts: FNV-1a (64 bits) of the parts, each ended by a zero byte.
pub fn hash(parts: &[&str]) -> u64 {
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(host: &str) -> Origin {
        Origin {
            host: host.to_owned(),
            collector: "agent".to_owned(),
            start_id: 0x9c1f_0a7b_e2d3_4c55,
        }
    }

    #[test]
    fn the_name_is_made_of_what_is_frozen() {
        assert_eq!(
            Identity(&origin("gw"), 17).to_string(),
            "gw-agent-9c1f0a7be2d34c55-17"
        );
        assert_eq!(
            Identity(&origin("a b/\u{e4}"), 1).to_string(),
            "a_b___-agent-9c1f0a7be2d34c55-1"
        );
        let long = Identity(&origin(&"x".repeat(300)), u64::MAX).to_string();
        assert_eq!(
            long.len(),
            200 + "-agent-9c1f0a7be2d34c55-18446744073709551615".len()
        );
    }

    #[test]
    fn outputs_differ_in_any_part() {
        assert_ne!(hash(&["a", "bc"]), hash(&["ab", "c"]));
        assert_eq!(hash(&["a"]), hash(&["a"]));
    }
}
