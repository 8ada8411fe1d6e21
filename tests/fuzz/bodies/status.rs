// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any bytes as what `status` and a change of user read: a state file, /proc/PID/stat, the lists of
//! users and groups.

use miniserde::json;
use netvitals::codec::json::{Object, Text};
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
    let members = || Object::of(text).into_iter().flat_map(Object::members);
    let count = members().count();
    assert!(count <= text.len());
    for (key, _) in members() {
        if let Some(values) = Object::of(text).and_then(|object| object.array(key)) {
            assert!(values.count() <= text.len());
        }
    }
    if let Ok(object) = json::from_str::<json::Object>(text) {
        // A key may stand twice.
        assert!(count >= object.len(), "{count} of {}", object.len());
        for (key, value) in members() {
            let key = format!("\"{key}\"");
            let known: String = json::from_str(&key).unwrap();
            assert_eq!(Text::of(&key).unwrap().to_string(), known);
            assert!(json::from_str::<json::Value>(value).is_ok(), "{value}");
        }
    }
}
