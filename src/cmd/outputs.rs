// SPDX-License-Identifier: MIT OR Apache-2.0
//! The group of options that says where documents go; the same for every applet that ships.

use argh::{ArgsInfo, FromArgs};

use super::config;
use crate::failure::Failure;
use crate::sink::file::{Keep, Rotation};

/// The options of the group as they were given.
#[derive(FromArgs, ArgsInfo, Debug, Default)]
#[argh(description = "Where documents go.", help_triggers("-h", "--help"))]
pub struct Options {
    /// write to DIR/APPLET.log instead of standard output; DIR is made when absent
    #[argh(option, arg_name = "dir")]
    pub logpath: Option<String>,
    /// append to the file instead of overwriting it; bare, or followed by true or false
    #[argh(option, arg_name = "bool")]
    pub logappend: Option<String>,
    /// put the file aside before it exceeds N KiB, when appending (0 = never)
    #[argh(option, arg_name = "n")]
    pub rotate_kib: Option<String>,
    /// files put aside that stay, 1 to 99 (1)
    #[argh(option, arg_name = "n")]
    pub keep: Option<String>,
    /// elasticsearch or OpenSearch server; without a scheme http, without a port 9200
    #[argh(option, arg_name = "host or url")]
    pub eshost: Option<String>,
    /// its user (or NETVITALS_ES_USER)
    #[argh(option, arg_name = "user")]
    pub esuser: Option<String>,
    /// its password; others see it in the list of processes, so better a file or
    /// NETVITALS_ES_PASSWORD
    #[argh(option, arg_name = "password")]
    pub espwd: Option<String>,
    /// file that holds the password in its first line
    #[argh(option, arg_name = "file")]
    pub es_pwd_file: Option<String>,
    /// API key instead of user and password (or NETVITALS_ES_API_KEY)
    #[argh(option, arg_name = "key")]
    pub es_api_key: Option<String>,
    /// file that holds the API key in its first line
    #[argh(option, arg_name = "file")]
    pub es_api_key_file: Option<String>,
    /// index to write to (the applet's name)
    #[argh(option, arg_name = "index")]
    pub esindex: Option<String>,
    /// document type, for Elasticsearch before 8
    #[argh(option, arg_name = "type")]
    pub estype: Option<String>,
    /// let the server choose identities; a repeat may be stored twice
    #[argh(switch)]
    pub es_auto_id: bool,
    /// address of an HTTP API that takes documents by POST
    #[argh(option, arg_name = "url")]
    pub api_url: Option<String>,
    /// its key, sent as Bearer (or NETVITALS_API_KEY)
    #[argh(option, arg_name = "key")]
    pub api_key: Option<String>,
    /// file that holds the key in its first line
    #[argh(option, arg_name = "file")]
    pub api_key_file: Option<String>,
    /// CA certificates in PEM for https (/etc/ssl/certs/ca-certificates.crt)
    #[argh(option, arg_name = "file")]
    pub ca: Option<String>,
    /// accept any certificate: anybody can read along and answer
    #[argh(switch)]
    pub insecure: bool,
    /// compress what is sent
    #[argh(switch)]
    pub gzip: bool,
    /// documents in one request, 1 to 5000 (Elasticsearch 500, API 1)
    #[argh(option, arg_name = "n")]
    pub batch: Option<String>,
    /// longest wait of a document for others, 0 to 5m (0)
    #[argh(option, arg_name = "duration")]
    pub batch_age: Option<String>,
    /// time to connect, 100ms to 5m (5s)
    #[argh(option, arg_name = "duration")]
    pub connect_timeout: Option<String>,
    /// time for a whole exchange, 100ms to 5m (15s)
    #[argh(option, arg_name = "duration")]
    pub timeout: Option<String>,
    /// how long a single run tries to deliver, 0 to 1h (20s)
    #[argh(option, arg_name = "duration")]
    pub retry_secs: Option<String>,
    /// directory that keeps documents until they are delivered, also for the next run
    #[argh(option, arg_name = "dir")]
    pub spool: Option<String>,
    /// its size at most, 64 to 1048576 KiB (4096); then the oldest are dropped
    #[argh(option, arg_name = "n")]
    pub spool_kib: Option<String>,
    /// write to the spool only this often, to spare flash, 0 to 1h (0 = at once)
    #[argh(option, arg_name = "duration")]
    pub commit_interval: Option<String>,
    /// refused documents that are kept in the spool's directory, 0 to 65536 KiB (64)
    #[argh(option, arg_name = "n")]
    pub dead_letter_kib: Option<String>,
}

/// The file that documents go to, checked.
#[derive(Debug)]
pub struct FilePlan {
    /// Where it stands.
    pub directory: String,
    /// What becomes of the documents before.
    pub keep: Keep,
}

/// The file that the options name, if any.
///
/// # Errors
/// When they contradict each other.
pub fn file(options: &Options) -> Result<Option<FilePlan>, Failure> {
    let append = match &options.logappend {
        Some(text) => config::boolean("--logappend", text)?,
        None => false,
    };
    let Some(directory) = options.logpath.clone() else {
        return match (&options.logappend, &options.rotate_kib, &options.keep) {
            (None, None, None) => Ok(None),
            _ => Err(Failure::usage(
                "--logappend, --rotate-kib and --keep need --logpath DIR",
            )),
        };
    };
    if !append {
        return match (&options.rotate_kib, &options.keep) {
            (None, None) => Ok(Some(FilePlan {
                directory,
                keep: Keep::Newest,
            })),
            _ => Err(Failure::usage("--rotate-kib and --keep need --logappend")),
        };
    }
    if options.keep.is_some() && options.rotate_kib.is_none() {
        return Err(Failure::usage("--keep needs --rotate-kib"));
    }
    let kib = config::integer_or("--rotate-kib", &options.rotate_kib, 0, 0..=1_048_576)?;
    let kept = config::integer_or("--keep", &options.keep, 1, 1..=99)?;
    let files_kept = u32::try_from(kept).unwrap_or(u32::MAX);
    let rotation = Rotation {
        bytes_max: kib * 1_024,
        files_kept,
    };
    Ok(Some(FilePlan {
        directory,
        keep: Keep::All((kib > 0).then_some(rotation)),
    }))
}
