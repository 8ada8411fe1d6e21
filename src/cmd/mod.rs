// SPDX-License-Identifier: MIT OR Apache-2.0
//! The applets: which one is called, what they have in common on the command line.

use std::ffi::OsString;

use argh::{ArgsInfo, FromArgs};
use log::LevelFilter;

use crate::failure::{Exit, Failure};
use crate::sink::stdout;
use crate::sys::signal;
use crate::term::logger::{self, Form};

pub mod agent;
pub mod argv;
pub mod bandwidth;
mod claims;
pub mod config;
#[cfg(feature = "http")]
mod credentials;
pub mod devices;
pub mod flags;
mod hidden;
mod interfaces;
mod lan;
pub mod netmon;
mod observer;
mod outlets;
pub mod outputs;
mod roster;
#[cfg(feature = "http")]
mod sending;
#[cfg_attr(not(feature = "http"), path = "servers_absent.rs")]
pub mod servers;

use argv::{Request, Shape};

const PROGRAM: &str = "netvitals";

/// The notices that whoever passes a binary on owes to the authors of what is in it.
const NOTICES: &str = include_str!("notices.txt");

/// The licence that comes with the cryptography of TLS.
const APACHE: &str = if cfg!(feature = "tls") {
    include_str!("../../LICENSE-APACHE")
} else {
    ""
};

/// What an applet gives to the table.
trait Applet: FromArgs + ArgsInfo {
    const NAME: &'static str;
    const SUMMARY: &'static str;
    const SHAPE: Shape = Shape {
        optional_booleans: &[],
        pairs: &[],
    };
    /// Whether it shows its help when it is called by its own name without any argument.
    const HELP_WHEN_BARE: bool = false;

    /// Whether it ships documents, and so has the options of [`outputs`].
    const SHIPS: bool = false;

    /// Options that it has besides, a table as [`flags`] reads them; they come with the former.
    const FLAGS: &'static str = "";

    fn verbosity(&self) -> Verbosity;
    fn run(self, outputs: outputs::Options) -> Result<(), Failure>;
}

/// How much the user asked to be told.
struct Verbosity {
    verbose: u8,
    debug: bool,
    quiet: bool,
}

impl Verbosity {
    /// The level that the options ask for, else the environment; `None` when neither does.
    fn level(&self) -> Result<Option<LevelFilter>, Failure> {
        match (self.quiet, self.debug, self.verbose) {
            (false, false, 0) => config::log_level(),
            (true, false, 0) => Ok(Some(LevelFilter::Error)),
            (true, ..) => Err(Failure::usage("--quiet excludes --verbose and --debug")),
            (false, false, 1) => Ok(Some(LevelFilter::Info)),
            (false, ..) => Ok(Some(LevelFilter::Debug)),
        }
    }
}

/// An applet as a value. What differs between them is here; all else is compiled once.
struct Entry {
    name: &'static str,
    summary: &'static str,
    help_when_bare: bool,
    ships: bool,
    flags: &'static str,
    shape: &'static Shape,
    own_flags: fn() -> &'static [argh::FlagInfo<'static>],
    own_help: fn() -> String,
    run: fn(&Entry, &[&str], outputs::Options) -> Result<(), Failure>,
}

impl Entry {
    const fn of<A: Applet>() -> Self {
        Self {
            name: A::NAME,
            summary: A::SUMMARY,
            help_when_bare: A::HELP_WHEN_BARE,
            ships: A::SHIPS,
            flags: A::FLAGS,
            shape: &A::SHAPE,
            own_flags: || A::get_args_info().flags,
            own_help: || match A::from_args(&[A::NAME], &["--help"]) {
                Ok(_) => String::new(),
                Err(exit) => exit.output,
            },
            run: run::<A>,
        }
    }

    fn see_help(&self, what: &str) -> Failure {
        Failure::usage(format_args!("{what}; see '{PROGRAM} {} --help'", self.name))
    }

    fn help(&self) -> String {
        let own = (self.own_help)();
        let (options, examples) = own.split_once("\n\nExamples:").unwrap_or((&own, ""));
        let more = flags::help(self.flags);
        let outputs = match self.ships {
            true => "\n\nWhere documents go:".to_owned() + &flags::help(outputs::FLAGS),
            false => String::new(),
        };
        format!(
            "{}{options}{COMMON_OPTIONS}{more}{outputs}\n\nExamples:{examples}",
            version()
        )
    }

    fn start(&self, words: &[String], called: Called) -> Result<(), Failure> {
        if self.help_when_bare && called == Called::ByProgramName && words.is_empty() {
            print(&self.help())?;
            return Err(Failure::silent(Exit::Failed));
        }
        let tables = [self.flags, if self.ships { outputs::FLAGS } else { "" }];
        let infos = tables.map(flags::infos);
        let groups = [(self.own_flags)(), &infos[0], &infos[1]];
        let words = match argv::normalise(words, &groups, self.shape) {
            Ok(Request::Run(words)) => words,
            Ok(Request::Help) => return print(&self.help()),
            Ok(Request::Version) => return print(&version()),
            Ok(Request::Licenses) => return print(&[NOTICES, APACHE].concat()),
            Err(error) => return Err(self.see_help(&error.to_string())),
        };
        let mut given = flags::Given::default();
        for (table, words) in tables.into_iter().zip(&words[1..]) {
            let twice = |flag| self.see_help(&format!("option '{flag}' can be given only once"));
            given.read(table, words).map_err(twice)?;
        }
        let own: Vec<&str> = words[0].iter().map(String::as_str).collect();
        (self.run)(self, &own, given)
    }
}

/// Runs applet `A` with the `words` of the options that are its own, and those of tables.
fn run<A: Applet>(entry: &Entry, words: &[&str], given: outputs::Options) -> Result<(), Failure> {
    let args = A::from_args(&[A::NAME], words).map_err(|exit| {
        let text: Vec<&str> = exit.output.split_whitespace().collect();
        entry.see_help(&text.join(" "))
    })?;
    log::set_max_level(args.verbosity().level()?.unwrap_or(LevelFilter::Warn));
    args.run(given)
}

/// How the applet was chosen.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Called {
    ByProgramName,
    ByArgument,
}

/// Every applet that this binary holds.
const APPLETS: &[Entry] = &[
    Entry::of::<netmon::Args>(),
    Entry::of::<devices::Args>(),
    Entry::of::<bandwidth::Args>(),
    Entry::of::<agent::options::Args>(),
];

/// Runs the applet that the program's name, else its first argument, asks for.
pub fn dispatch(mut words: impl Iterator<Item = OsString>) -> Exit {
    let program = words.next().unwrap_or_default();
    let program = program.to_string_lossy();
    let by_name = applet(program.rsplit('/').next().unwrap_or_default());
    let words = words
        .map(OsString::into_string)
        .collect::<Result<Vec<_>, _>>();
    let name = match (by_name, &words) {
        (Some(entry), _) => entry.name,
        (None, Ok(words)) => words
            .first()
            .and_then(|word| applet(word))
            .map_or(PROGRAM, |a| a.name),
        (None, Err(_)) => PROGRAM,
    };
    logger::start(
        name,
        Form::detect(config::environment("JOURNAL_STREAM").as_deref()),
        LevelFilter::Warn,
    );
    signal::survive_file_size_limit();
    let result = match words {
        Ok(words) => choose(by_name, &words),
        Err(word) => Err(Failure::usage(format_args!(
            "argument {}: not UTF-8; rename what it stands for",
            quoted(&word.to_string_lossy())
        ))),
    };
    match result {
        Ok(()) => Exit::Done,
        Err(failure) => {
            if !failure.is_silent() {
                log::error!("{failure}");
            }
            failure.exit
        }
    }
}

fn applet(name: &str) -> Option<&'static Entry> {
    APPLETS
        .iter()
        .find(|entry| argv::same_name(entry.name, name))
}

fn choose(by_name: Option<&Entry>, words: &[String]) -> Result<(), Failure> {
    if let Some(entry) = by_name {
        return entry.start(words, Called::ByProgramName);
    }
    let Some((first, rest)) = words.split_first() else {
        return print(&list());
    };
    if let Some(entry) = applet(first) {
        return entry.start(rest, Called::ByArgument);
    }
    match first.as_str() {
        "-h" | "--help" => print(&list()),
        "-V" | "--version" => print(&version()),
        "--licenses" => print(&[NOTICES, APACHE].concat()),
        _ => Err(Failure::usage(format_args!(
            "there is no applet {}; '{PROGRAM}' alone lists those there are",
            quoted(first)
        ))),
    }
}

/// What stands at the end of each list of options.
const COMMON_OPTIONS: &str = "
  -V, --version     print the version
  --licenses        print the notices of built-in software";

fn version() -> String {
    format!("{PROGRAM} {}\n", env!("CARGO_PKG_VERSION"))
}

fn list() -> String {
    let mut text = version();
    text.push_str("Usage: netvitals APPLET [OPTIONS], or a link to it named like an applet\n\n");
    for entry in APPLETS {
        text.push_str(&format!("  {:<16}{}\n", entry.name, entry.summary));
    }
    text.push_str("\n  --help, -h      this list; after an applet: its options and examples\n");
    text.push_str("  --version, -V   the version\n");
    text.push_str("  --licenses      notices of the software that is built in\n");
    text
}

/// Writes text for a person to standard output.
fn print(text: &str) -> Result<(), Failure> {
    stdout::print(text).map_err(stdout_failure)
}

/// A failed write to standard output; no failure when its reader simply went away.
fn stdout_failure(error: std::io::Error) -> Failure {
    match error.kind() {
        std::io::ErrorKind::BrokenPipe => Failure::silent(Exit::Done),
        _ => Failure::failed(format_args!(
            "cannot write to standard output: {error}; see where it is redirected to"
        )),
    }
}

/// A path or name from the user inside quotes, its middle left out when it is long, so that what
/// follows in the line is still read. The log makes it harmless.
fn quoted(text: &str) -> String {
    const END_BYTES: usize = 120;
    if text.len() <= 2 * END_BYTES {
        return format!("'{text}'");
    }
    let start = text.floor_char_boundary(END_BYTES);
    let end = text.ceil_char_boundary(text.len() - END_BYTES);
    format!("'{}…{}'", &text[..start], &text[end..])
}
