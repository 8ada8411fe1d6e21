// SPDX-License-Identifier: MIT OR Apache-2.0
//! The time zone of routers: a static program does not know OpenWrt's /etc/TZ, the system's own
//! programs do.

use super::files::File;

/// Bytes of a time zone at most, as `<+0545>-5:45` or `CET-1CEST,M3.5.0,M10.5.0/3` (POSIX, TZ).
const ZONE_BYTES_MAX: usize = 256;

/// Takes the time zone of /etc/TZ, unless the environment has one or there is no such file. Only
/// before any thread is started.
#[allow(unsafe_code)]
pub fn adopt() {
    if std::env::var_os("TZ").is_some() {
        return;
    }
    let text = File::open(c"/etc/TZ").and_then(|file| file.read_to_end(ZONE_BYTES_MAX));
    let Some(zone) = text.as_deref().ok().and_then(zone) else {
        return;
    };
    // SAFETY: no other thread runs that could read the environment at the same time.
    unsafe { std::env::set_var("TZ", zone) };
}

/// The time zone that stands in the first line.
fn zone(text: &[u8]) -> Option<&str> {
    let line = text.split(|&byte| byte == b'\n').next()?.trim_ascii();
    let zone = str::from_utf8(line).ok()?;
    let plain = zone.bytes().all(|byte| byte.is_ascii_graphic());
    (!zone.is_empty() && plain).then_some(zone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_the_zone() {
        assert_eq!(
            zone(b"CET-1CEST,M3.5.0,M10.5.0/3\n"),
            Some("CET-1CEST,M3.5.0,M10.5.0/3")
        );
        assert_eq!(zone(b"<+0545>-5:45"), Some("<+0545>-5:45"));
        for bad in [&b""[..], b"\nUTC", b"a b\n", b"a\0b", b"\xff"] {
            assert_eq!(zone(bad), None);
        }
    }
}
