// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any text as the configuration of `tstat-send`: never a panic, no complaint without end, and no
//! password in anything that is shown.

use netvitals::tstat::configure::{TRANSPORTS, transport};

/// Long enough not to be part of any message by chance.
const SECRET: &str = "QJZXVKWYQJZXVKWY";

/// One input: the file, in which `$` alone stands for a secret where one belongs.
pub fn run(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    // Found out by the fuzzer, and put where no secret belongs.
    if text.contains(SECRET) {
        return;
    }
    let with_secret = |line: &str| match line.trim() {
        "password = $" | "api_key = $" => line.replace('$', SECRET) + "\n",
        _ => format!("{line}\n"),
    };
    let text: String = text.lines().map(with_secret).collect();
    let environment = |name: &str| (name == "HOST").then(|| "localhost".to_owned());
    for name in TRANSPORTS {
        let mut unknown = Vec::new();
        let shown = match transport(&text, name, &environment, &mut unknown) {
            Ok(found) => format!("{} {found:?} {:x}", found.name(), found.identity()),
            Err(error) => error.to_string(),
        };
        assert!(!shown.contains(SECRET), "{shown}");
    }
}
