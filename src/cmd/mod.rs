// SPDX-License-Identifier: MIT OR Apache-2.0
//! The applets: which one is called, what they have in common on the command line.

use std::ffi::OsString;

use argh::{ArgsInfo, FromArgs};
use log::LevelFilter;

use crate::failure::{Exit, Failure};
use crate::sink::stdout;
use crate::term::escape::Escaped;
use crate::term::logger::{self, Form};

pub mod argv;
pub mod config;
pub mod netmon;

use argv::{Request, Shape};

const PROGRAM: &str = "netvitals";

/// The notices that whoever passes a binary on owes to the authors of what is in it.
const NOTICES: &str = include_str!("notices.txt");

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

    fn verbosity(&self) -> Verbosity;
    fn run(self) -> Result<(), Failure>;
}

/// How much the user asked to be told.
struct Verbosity {
    verbose: u8,
    debug: bool,
    quiet: bool,
}

struct Entry {
    name: &'static str,
    summary: &'static str,
    start: fn(&[String], Called) -> Result<(), Failure>,
}

impl Entry {
    const fn of<A: Applet>() -> Self {
        Self {
            name: A::NAME,
            summary: A::SUMMARY,
            start: start::<A>,
        }
    }
}

/// How the applet was chosen.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Called {
    ByProgramName,
    ByArgument,
}

/// Every applet that this binary holds.
const APPLETS: &[Entry] = &[Entry::of::<netmon::Args>()];

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
    let result = match words {
        Ok(words) => config::log_level().and_then(|level| {
            log::set_max_level(level);
            choose(by_name, &words)
        }),
        Err(word) => {
            let word = word.to_string_lossy();
            Err(Failure::usage(format_args!(
                "argument '{word}': not UTF-8; rename what it stands for"
            )))
        }
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
        .find(|entry| argv::same_option(entry.name, name))
}

fn choose(by_name: Option<&Entry>, words: &[String]) -> Result<(), Failure> {
    if let Some(entry) = by_name {
        return (entry.start)(words, Called::ByProgramName);
    }
    let Some((first, rest)) = words.split_first() else {
        return print(&list());
    };
    if let Some(entry) = applet(first) {
        return (entry.start)(rest, Called::ByArgument);
    }
    match first.as_str() {
        "-h" | "--help" | "help" => print(&list()),
        "-V" | "--version" => print(&version()),
        "--licenses" => print(NOTICES),
        _ => Err(Failure::usage(format_args!(
            "there is no applet '{first}'; '{PROGRAM}' alone lists those there are"
        ))),
    }
}

fn start<A: Applet>(words: &[String], called: Called) -> Result<(), Failure> {
    if A::HELP_WHEN_BARE && called == Called::ByProgramName && words.is_empty() {
        print(&help::<A>())?;
        return Err(Failure::silent(Exit::Failed));
    }
    let words = match argv::normalise(words, &A::get_args_info(), &A::SHAPE) {
        Ok(Request::Run(words)) => words,
        Ok(Request::Help) => return print(&help::<A>()),
        Ok(Request::Version) => return print(&version()),
        Ok(Request::Licenses) => return print(NOTICES),
        Err(error) => {
            return Err(Failure::usage(format_args!(
                "{error}; see '{PROGRAM} {} --help'",
                A::NAME
            )));
        }
    };
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let args = A::from_args(&[A::NAME], &words).map_err(|exit| {
        let text: Vec<&str> = exit.output.split_whitespace().collect();
        Failure::usage(format_args!(
            "{}; see '{PROGRAM} {} --help'",
            text.join(" "),
            A::NAME
        ))
    })?;
    let Verbosity {
        verbose,
        debug,
        quiet,
    } = args.verbosity();
    match (quiet, debug, verbose) {
        (false, false, 0) => {}
        (true, false, 0) => log::set_max_level(LevelFilter::Error),
        (true, ..) => return Err(Failure::usage("--quiet and --verbose exclude each other")),
        (false, false, 1) => log::set_max_level(LevelFilter::Info),
        (false, ..) => log::set_max_level(LevelFilter::Debug),
    }
    args.run()
}

/// What stands at the end of each list of options, before the examples.
const COMMON_OPTIONS: &str = "
  -V, --version     print the version
  --licenses        print the notices of built-in software

Examples:";

fn version() -> String {
    format!("{PROGRAM} {}\n", env!("CARGO_PKG_VERSION"))
}

fn help<A: Applet>() -> String {
    let output = match A::from_args(&[A::NAME], &["--help"]) {
        Err(exit) => exit.output,
        Ok(_) => String::new(),
    };
    format!(
        "{}{}",
        version(),
        output.replacen("\n\nExamples:", COMMON_OPTIONS, 1)
    )
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
    stdout::put(text.as_bytes()).map_err(stdout_failure)
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

/// A path or name from the user inside quotes.
fn quoted(text: &str) -> String {
    format!("'{}'", Escaped(text))
}
