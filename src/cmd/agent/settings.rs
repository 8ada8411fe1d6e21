// SPDX-License-Identifier: MIT OR Apache-2.0
//! What `agent` does: options over configuration over defaults, checked.

use core::time::Duration;
use std::ffi::CString;

use log::LevelFilter;

use super::options::Args;
use crate::cmd::config::{self, Configuration, Section};
use crate::cmd::outputs::{self, Spooling};
use crate::failure::Failure;
use crate::model::ranges::Ranges;
use crate::sys::files;

/// How frames are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capture {
    /// As the kernel lets us.
    Auto,
    /// By a filter in the kernel.
    Ebpf,
    /// From a ring of headers.
    Ring,
    /// Not at all.
    Off,
}

impl Capture {
    /// What a checked section says.
    pub fn of(section: &Section) -> Self {
        match section.text("capture") {
            "ebpf" => Self::Ebpf,
            "ring" => Self::Ring,
            "off" => Self::Off,
            _ => Self::Auto,
        }
    }
}

/// How devices are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Discovery {
    /// By asking, and listening.
    Active,
    /// By listening.
    Passive,
    /// Not at all.
    Off,
}

/// Everything but where documents go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// One window, then the end.
    pub once: bool,
    /// Name in documents; `None`: the host name.
    pub server_id: Option<String>,
    /// Length of a window.
    pub interval: Duration,
    /// Interfaces as the user names them; empty: the one that is meant when nobody says.
    pub interfaces: Vec<String>,
    /// How frames are counted.
    pub capture: Capture,
    /// Size of the ring.
    pub ring_kib: u32,
    /// Whether conntrack is read where hardware hides frames.
    pub conntrack: bool,
    /// What to ask, as it was written and what it means; empty: the interface's own prefix.
    pub ranges: Vec<(String, Ranges)>,
    /// How devices are found.
    pub discovery: Discovery,
    /// From sweep to sweep.
    pub discovery_interval: Duration,
    /// Requests per second.
    pub discovery_rate: u32,
    /// Silence after which a device is inactive.
    pub inactive_after: Duration,
    /// Silence after which a device leaves; longer than `inactive_after`.
    pub forget_after: Duration,
    /// File with names.
    pub names_file: Option<CString>,
    /// List of vendors; `None`: the system's.
    pub oui_file: Option<CString>,
    /// Whether the name server is asked for names.
    pub ptr: bool,
    /// Where documents wait.
    pub spooling: Spooling,
    /// File for `status`; `None`: there is none.
    pub state_file: Option<String>,
    /// User to become once everything is open; `None`: the same as before.
    pub user: Option<String>,
    /// How much is told.
    pub log_level: LevelFilter,
}

impl Settings {
    /// Lays `args` and `options`, both of the command line, over what `configuration` says.
    ///
    /// # Errors
    /// When an option is wrong: all of it is said.
    pub fn new(
        args: &Args,
        options: &outputs::Options,
        configuration: &Configuration,
    ) -> Result<Self, Failure> {
        let (mut main, mut wrong) = (configuration.main.clone(), Vec::new());
        options.lay("main", &mut main, &mut wrong);
        options.lay("spool", &mut main, &mut wrong);
        main.check(&mut wrong);
        config::none_wrong(wrong)?;
        let text = |option| Some(main.text(option).to_owned()).filter(|text| !text.is_empty());
        let path = |option| text(option).and_then(|path| files::c_path(&path).ok());
        let number = |option| u32::try_from(main.integer(option)).unwrap_or(u32::MAX);
        Ok(Self {
            once: args.once,
            server_id: text("server_id"),
            interval: main.duration("interval"),
            interfaces: main.list("interface").map(str::to_owned).collect(),
            capture: Capture::of(&main),
            ring_kib: number("ring_kib"),
            conntrack: main.boolean("conntrack"),
            ranges: main.list("range").filter_map(range).collect(),
            discovery: match main.text("discovery") {
                "off" => Discovery::Off,
                "active" if !args.once || options.one("--discovery").is_some() => Discovery::Active,
                _ => Discovery::Passive,
            },
            discovery_interval: main.duration("discovery_interval"),
            discovery_rate: number("discovery_rate"),
            inactive_after: main.duration("inactive_after"),
            forget_after: main.duration("forget_after"),
            names_file: path("names_file"),
            oui_file: path("oui_file"),
            ptr: main.boolean("ptr"),
            spooling: Spooling::of(&main),
            state_file: text("state_file"),
            user: text("user"),
            log_level: match crate::cmd::level(options)? {
                Some(level) => level,
                None => config::level(main.text("log_level")).unwrap_or(LevelFilter::Warn),
            },
        })
    }

    /// Keeps from `old` what needs a restart to change; the options whose new value has to wait
    /// for it.
    pub fn keep_r(&mut self, old: &Self) -> Vec<&'static str> {
        let mut changed = Vec::new();
        let mut keep = |option, is_changed| {
            if is_changed {
                changed.push(option);
            }
        };
        keep("capture", swap(&mut self.capture, &old.capture));
        keep("ring_kib", swap(&mut self.ring_kib, &old.ring_kib));
        keep("conntrack", swap(&mut self.conntrack, &old.conntrack));
        keep(
            "spool",
            swap(&mut self.spooling.directory, &old.spooling.directory),
        );
        keep("state_file", swap(&mut self.state_file, &old.state_file));
        keep("user", swap(&mut self.user, &old.user));
        changed
    }
}

/// Takes the old value; whether it is another.
fn swap<T: Clone + PartialEq>(new: &mut T, old: &T) -> bool {
    let is_changed = new != old;
    new.clone_from(old);
    is_changed
}

fn range(text: &str) -> Option<(String, Ranges)> {
    let mut ranges = Ranges::new();
    ranges.add(text).ok()?;
    Some((text.to_owned(), ranges))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmd::agent::options::FLAGS;

    const FILE: &str = "config netvitals\n\toption interval 10s\n\toption server_id gw\n\
                        \tlist interface lan\n\tlist range 10.0.0.0/24\n\toption ptr 1\n\
                        \toption discovery active\n\toption spool ''\n\toption log_level info\n";

    fn settings(words: &str, file: &str) -> Result<Settings, Failure> {
        let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        let mut options = outputs::Options::default();
        options.read(FLAGS, &words).unwrap();
        options.read(outputs::FLAGS, &words).unwrap();
        let args = Args {
            once: words.iter().any(|word| word == "--once"),
            ..Args::default()
        };
        let configuration = config::parse("f", file.as_bytes()).unwrap();
        Settings::new(&args, &options, &configuration)
    }

    #[test]
    fn options_go_over_the_file_and_that_over_defaults() {
        let none = settings("", "").unwrap();
        assert_eq!(none.interval, Duration::from_secs(5));
        assert_eq!(
            (none.server_id, none.interfaces.len(), none.ptr),
            (None, 0, true)
        );
        assert_eq!(
            (none.capture, none.discovery),
            (Capture::Auto, Discovery::Active)
        );
        assert_eq!(
            none.spooling.directory.as_deref(),
            Some("/tmp/netvitals/spool")
        );
        assert_eq!(none.forget_after, Duration::from_secs(86_400));
        assert_eq!((none.discovery_rate, none.ring_kib), (200, 512));
        let file = settings("", FILE).unwrap();
        assert_eq!(file.interval, Duration::from_secs(10));
        assert_eq!(
            (file.server_id.as_deref(), file.spooling.directory),
            (Some("gw"), None)
        );
        assert_eq!(
            (file.interfaces, file.log_level),
            (vec!["lan".to_owned()], LevelFilter::Info)
        );
        assert_eq!(file.ranges[0].1.count(), 254);
        let words = "--interval 1m --interface a --interface b --no-ptr --range 10.9.0.1 \
                     --spool /s --spool-kib 64 --capture ring --user nobody";
        let both = settings(words, FILE).unwrap();
        assert_eq!((both.interval, both.ptr), (Duration::from_secs(60), false));
        assert_eq!(
            (both.interfaces.join(","), both.ranges.len()),
            ("a,b".to_owned(), 1)
        );
        assert_eq!(both.spooling.directory.as_deref(), Some("/s"));
        assert_eq!(
            (both.spooling.bytes_max, both.capture),
            (65_536, Capture::Ring)
        );
        assert_eq!(
            (both.server_id.as_deref(), both.user.as_deref()),
            (Some("gw"), Some("nobody"))
        );
    }

    #[test]
    fn once_asks_nobody_unless_it_is_told_to() {
        let discovery = |words, file| settings(words, file).unwrap().discovery;
        assert_eq!(discovery("--once", FILE), Discovery::Passive);
        assert_eq!(
            discovery("--once --discovery active", ""),
            Discovery::Active
        );
        let off = "config netvitals\n\toption discovery off\n";
        assert_eq!(discovery("--once", off), Discovery::Off);
        assert_eq!(discovery("--discovery passive", FILE), Discovery::Passive);
    }

    #[test]
    fn wrong_options_are_named() {
        let wrong = |words, file| settings(words, file).unwrap_err().to_string();
        assert_eq!(
            wrong("--interval 5x", FILE),
            "option '--interval' '5x': not a duration; allowed: 1s to 1h"
        );
        assert_eq!(
            wrong("--forget-after 31s", FILE),
            "option '--forget-after': forget_after 31s must be longer than inactive_after 180s"
        );
        assert_eq!(
            wrong("--range 10.0.0.0/33", FILE),
            "option '--range' '10.0.0.0/33': a wrong prefix length; allowed: 0 to 32"
        );
    }

    #[test]
    fn what_needs_a_restart_keeps_its_value() {
        let old = settings("", FILE).unwrap();
        let mut new = settings("", "").unwrap();
        assert_eq!(new.keep_r(&old), ["spool"]);
        assert_eq!(
            (new.spooling.directory.clone(), new.interval.as_secs()),
            (None, 5)
        );
        assert!(new.keep_r(&old).is_empty());
        let words = "--capture off --ring-kib 128 --conntrack 1 --state-file x --user y";
        let mut new = settings(words, FILE).unwrap();
        let all = ["capture", "ring_kib", "conntrack", "state_file", "user"];
        assert_eq!(new.keep_r(&old), all);
        assert_eq!(new, old);
    }
}
