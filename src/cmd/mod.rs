// SPDX-License-Identifier: MIT OR Apache-2.0
//! The applets: which one is called, what they have in common on the command line.

use core::fmt;
use std::ffi::OsString;

use argh::{ArgsInfo, EarlyExit, FlagInfo, FromArgs};
use log::LevelFilter;

use crate::failure::{Exit, Failure};
use crate::sink::stdout;
use crate::sys::signal;
use crate::term::logger::{self, Dialect, Form};

pub mod agent;
pub mod argv;
pub mod bandwidth;
mod claims;
pub mod config;
pub mod connmonitor;
#[cfg(feature = "connspy")]
pub mod connspy;
pub mod connvitals;
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
pub mod status;
#[cfg(feature = "tstat")]
pub mod tstat_cull;
#[cfg(feature = "tstat")]
pub mod tstat_send;

use argv::{Request, Shape};
use flags::Given;

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
    const SHAPE: Shape = Shape::PLAIN;
    /// Whether it shows its help when it is called by its own name without any argument.
    const HELP_WHEN_BARE: bool = false;

    /// Whether it ships documents, and so has the options of [`outputs`].
    const SHIPS: bool = false;

    /// Options that it has besides, a table as [`flags`] reads them; they come with the former.
    const FLAGS: &'static str = "";

    /// Options that say how much is told.
    const LOGGING: &'static str = LOGGING;

    /// Whether lines of the log have the marks and the local time of connmonitor's; never
    /// those about wrong usage.
    const MARKS: bool = false;

    fn run(self, outputs: outputs::Options) -> Result<(), Failure>;
}

/// Options that say how much is told, as [`flags`] reads them.
const LOGGING: &str = "\
--verbose|log|verbose|-v|tell more; twice: tell everything\n\
--debug|log|debug||tell everything\n\
--quiet|log|quiet||tell errors only";

/// The same, where `-v` is the version.
const LOGGING_LONG: &str = "\
--verbose|log|verbose||tell more; twice: tell everything\n\
--debug|log|debug||tell everything\n\
--quiet|log|quiet||tell errors only";

/// The level that the options ask for, else the environment; `None` when neither does.
fn level(given: &Given) -> Result<Option<LevelFilter>, Failure> {
    let count = |flag| given.all(flag).count();
    match (count("--quiet"), count("--debug"), count("--verbose")) {
        (0, 0, 0) => config::log_level(),
        (1.., 0, 0) => Ok(Some(LevelFilter::Error)),
        (1.., ..) => Err(Failure::usage("--quiet excludes --verbose and --debug")),
        (0, 0, 1) => Ok(Some(LevelFilter::Info)),
        (0, ..) => Ok(Some(LevelFilter::Debug)),
    }
}

/// An applet in the table: what is asked of it, without its type, so that the code around it is
/// there once.
struct Entry {
    name: &'static str,
    summary: &'static str,
    shape: Shape,
    help_when_bare: bool,
    flags: &'static str,
    logging: &'static str,
    marks: bool,
    outputs: &'static str,
    infos: fn() -> &'static [FlagInfo<'static>],
    run: fn(&[&str], Given) -> Started,
}

impl Entry {
    const fn of<A: Applet>() -> Self {
        Self {
            name: A::NAME,
            summary: A::SUMMARY,
            shape: A::SHAPE,
            help_when_bare: A::HELP_WHEN_BARE,
            flags: A::FLAGS,
            logging: A::LOGGING,
            marks: A::MARKS,
            outputs: if A::SHIPS { outputs::FLAGS } else { "" },
            infos: || A::get_args_info().flags,
            run: run::<A>,
        }
    }
}

/// How the run ended, or why there was none: help, or a word that argh does not take.
type Started = Result<Result<(), Failure>, EarlyExit>;

/// Runs applet `A` with the words of its own options, and those of tables.
fn run<A: Applet>(words: &[&str], given: Given) -> Started {
    let args = A::from_args(&[A::NAME], words)?;
    Ok(args.run(given))
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
    Entry::of::<status::Args>(),
    Entry::of::<connvitals::Args>(),
    Entry::of::<connmonitor::Args>(),
    #[cfg(feature = "tstat")]
    Entry::of::<tstat_send::Args>(),
    #[cfg(feature = "tstat")]
    Entry::of::<tstat_cull::Args>(),
    #[cfg(feature = "connspy")]
    Entry::of::<connspy::Args>(),
    #[cfg(feature = "connspy")]
    Entry::of::<connspy::StreamArgs>(),
];

/// Runs the applet that the program's name, else its first argument, asks for.
pub fn dispatch(mut words: impl Iterator<Item = OsString>) -> Exit {
    let program = words.next().unwrap_or_default();
    let program = program.to_string_lossy();
    let by_name = applet(program.rsplit('/').next().unwrap_or_default());
    let words = words
        .map(OsString::into_string)
        .collect::<Result<Vec<_>, _>>();
    let by_word = words.as_ref().ok().and_then(|words| words.first());
    let called = by_name.or_else(|| by_word.and_then(|word| applet(word)));
    let dialect = match called {
        Some(entry) if entry.marks => Dialect::Marked {
            coloured: config::environment("NO_COLOR").is_none(),
        },
        _ => Dialect::Named,
    };
    logger::start(
        called.map_or(PROGRAM, |entry| entry.name),
        Form::detect(config::environment("JOURNAL_STREAM").as_deref()),
        dialect,
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
            match failure.exit {
                _ if failure.is_silent() => {}
                Exit::Usage => log::error!(target: logger::USAGE, "{failure}"),
                Exit::Done | Exit::Failed => log::error!("{failure}"),
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
        return start(entry, words, Called::ByProgramName);
    }
    let Some((first, rest)) = words.split_first() else {
        return print(&list());
    };
    if let Some(entry) = applet(first) {
        return start(entry, rest, Called::ByArgument);
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

fn start(entry: &Entry, words: &[String], called: Called) -> Result<(), Failure> {
    if entry.help_when_bare && called == Called::ByProgramName && words.is_empty() {
        print(&help(entry))?;
        return Err(Failure::silent(Exit::Failed));
    }
    let see_help = |what: &dyn fmt::Display| {
        let name = entry.name;
        Failure::usage(format_args!("{what}; see '{PROGRAM} {name} --help'"))
    };
    let tables = [entry.logging, entry.flags, entry.outputs];
    let infos = tables.map(flags::infos);
    let groups = [(entry.infos)(), &infos[0], &infos[1], &infos[2]];
    let words = match argv::normalise(words, &groups, &entry.shape) {
        Ok(Request::Run(words)) => words,
        Ok(Request::Help) => return print(&help(entry)),
        Ok(Request::Version) => return print(&version()),
        Ok(Request::Licenses) => return print(&[NOTICES, APACHE].concat()),
        Err(error) => return Err(see_help(&error)),
    };
    let mut given = Given::default();
    for (table, words) in tables.into_iter().zip(&words[1..]) {
        if let Err(flag) = given.read(table, words) {
            let what = format_args!("option '{flag}' can be given only once");
            return Err(see_help(&what));
        }
    }
    log::set_max_level(level(&given)?.unwrap_or(LevelFilter::Warn));
    let words: Vec<&str> = words[0].iter().map(String::as_str).collect();
    (entry.run)(&words, given).unwrap_or_else(|exit| {
        let text: Vec<&str> = exit.output.split_whitespace().collect();
        Err(see_help(&text.join(" ")))
    })
}

fn help(entry: &Entry) -> String {
    let own = (entry.run)(&["--help"], Given::default()).err();
    let own = own.map_or_else(String::new, |exit| exit.output);
    let (options, examples) = own.split_once("\n\nExamples:").unwrap_or((&own, ""));
    // What goes to servers can be configured; other options are of the command line only.
    let (flags, configured) = match entry.outputs {
        "" => (entry.flags, ""),
        _ => ("", entry.flags),
    };
    let mut more = String::new();
    for (head, table) in [
        ("What the configuration says as well", configured),
        ("Where documents go", entry.outputs),
    ] {
        if !table.is_empty() {
            more += &["\n\n", head, ":", &flags::help(table, "")].concat();
        }
    }
    format!(
        "{}{options}{}{}{COMMON_OPTIONS}{more}\n\nExamples:{examples}",
        version(),
        flags::help(flags, ""),
        flags::help(entry.logging, flags)
    )
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
