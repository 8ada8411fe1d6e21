// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any bytes as what `status` and a change of user read: a state file, /proc/PID/stat, the lists of
//! users and groups.

use miniserde::json::{self, Object};
use netvitals::codec::json::Members;
use netvitals::codec::process::Process;
use netvitals::codec::users;

/// One input.
pub fn run(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    members(&text);
    if let Some(process) = Process::parse(&text) {
        assert_eq!(process.start_ms % 10, 0);
    }
    for wanted in ["root", "0", "netvitals"] {
        if let Some(user) = users::user(input, wanted) {
            assert!(user.name == wanted.as_bytes() || user.uid.to_string() == wanted);
            assert!(user.uid != u32::MAX && user.gid != u32::MAX);
            assert!(users::groups(input, user.name).all(|gid| gid != u32::MAX));
        }
    }
}

/// All members of a valid object are found, and each value is valid by itself; of what is not valid
/// nothing is known but that it ends.
fn members(text: &str) {
    let count = Members::of(text).count();
    assert!(count <= text.len());
    if let Ok(object) = json::from_str::<Object>(text) {
        // A key may stand twice.
        assert!(count >= object.len(), "{count} of {}", object.len());
        for (key, value) in Members::of(text) {
            assert!(
                json::from_str::<String>(&format!("\"{key}\"")).is_ok(),
                "{key}"
            );
            assert!(json::from_str::<json::Value>(value).is_ok(), "{value}");
        }
    }
}
