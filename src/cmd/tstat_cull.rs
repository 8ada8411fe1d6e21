// SPDX-License-Identifier: MIT OR Apache-2.0
//! `tstat-cull`: removes directories of tstat's logs some time after they were processed.

use argh::{ArgsInfo, FromArgs};

use super::config::{self, Section, none_wrong};
use super::{Applet, outputs};
use crate::failure::Failure;
use crate::tstat::cull::{self, Plan};

use core::time::Duration;

#[derive(FromArgs, ArgsInfo)]
#[argh(
    name = "tstat-cull",
    description = "Removes each directory *.out below DIR whose .processed is older than the TTL. \
                   No link is followed, and a directory without .processed is never touched.",
    help_triggers("-h", "--help"),
    example = "See what would go after a week:\n  $ tstat-cull -d /data/tstat --ttl 7d --dry-run"
)]
/// The options of `tstat-cull`.
pub struct Args {}

/// The options as they are given.
const FLAGS: &str = "\
--directory||directory|1d|where tstat's directories begin (required)
--ttl||ttl|1t|how long a directory stays after it was processed: hours, or a number with ms, s, m, \
h or d (48)
--dry-run||dry_run|-D|only tell what would be removed";

/// What they may be.
const TABLE: &str = "\
directory|text
ttl|text|48
dry_run|boolean|0";

const TTL_MAX: Duration = Duration::from_secs(100 * 365 * 86_400);

impl Applet for Args {
    const NAME: &'static str = "tstat-cull";
    const SUMMARY: &'static str = "removes tstat's logs that were processed";
    const FLAGS: &'static str = FLAGS;

    fn run(self, given: outputs::Options) -> Result<(), Failure> {
        let mut options = Section::of_table(TABLE);
        let mut wrong = Vec::new();
        given.lay("", &mut options, &mut wrong);
        none_wrong(wrong)?;
        let Some(directory) = options.given("directory") else {
            return Err(Failure::usage(
                "option '--directory' is required; see 'netvitals tstat-cull --help'",
            ));
        };
        let ttl = options.text("ttl");
        // A plain number is in hours, as the first of these tools has it.
        let plain = ttl
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.');
        let text = if plain {
            [ttl, "h"].concat()
        } else {
            ttl.to_owned()
        };
        cull::run(&Plan {
            directory: directory.to_owned(),
            ttl: config::duration("--ttl", &text, Duration::ZERO..=TTL_MAX, "0 to 100 years")?,
            dry_run: options.boolean("dry_run"),
        })
    }
}
