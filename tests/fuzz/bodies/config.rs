// SPDX-License-Identifier: MIT OR Apache-2.0
//! Any bytes as a configuration: it is taken, or each complaint names the file and a line of it.

use netvitals::cmd::config::{Configuration, parse, probe::Probe};

fn use_all(configuration: &Configuration) {
    assert!(
        configuration.main.duration("forget_after") > configuration.main.duration("inactive_after")
    );
    for probe in configuration.sections("probe").map(Probe::of) {
        assert!(!probe.host.is_empty() && !probe.ports.is_empty());
        assert!((1..=1_000).contains(&probe.pings_count));
    }
    for output in configuration.sections("output") {
        let place = match output.text("type") {
            "file" => output.has("path"),
            "elastic" | "api" => output.has("url"),
            _ => true,
        };
        assert!(place, "{output:?}");
    }
    for schedule in configuration.sections("schedule") {
        let line = [schedule.text("options"), schedule.text("cron")].concat();
        assert!(!line.contains([';', '|', '&', '$', '`', '%', '\n']));
    }
    assert!(
        configuration
            .devices()
            .iter()
            .all(|(_, name)| !name.is_empty())
    );
}

/// One input.
pub fn run(input: &[u8]) {
    match parse("f", input) {
        Ok(configuration) => use_all(&configuration),
        Err(wrong) => {
            let lines = 1 + input.iter().filter(|&&byte| byte == b'\n').count();
            assert!(!wrong.is_empty());
            for what in wrong {
                let line = what
                    .strip_prefix("f:")
                    .and_then(|rest| rest.split(':').next());
                let line: usize = line.and_then(|line| line.parse().ok()).unwrap();
                assert!((1..=lines).contains(&line), "{what}");
            }
        }
    }
}
