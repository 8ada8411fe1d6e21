// SPDX-License-Identifier: MIT OR Apache-2.0
//! The servers that documents go to: from options to checked outputs, from start to finish.

use core::time::Duration;
use std::io;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::outputs::Options;
pub use super::sending::Sending;
use super::{config, quoted};
use crate::encode::netmon::stamp;
use crate::failure::Failure;
use crate::sink::api::Api;
use crate::sink::batch::{Document, Origin};
use crate::sink::elastic::Elastic;
use crate::sink::http::{Client, Times, Trust};
use crate::sink::queue::{Queue, QueuePlan};
use crate::sink::shipper::{Patience, Shipper};
use crate::sink::spool::Limits;
use crate::sink::target::{Output, Target};
use crate::sink::{endpoint, gzip, identity};
use crate::sys::files::{self, File};
use crate::sys::random;
use crate::sys::resolver::Resolver;

/// What is sent in front of the spooled body of each collector.
fn splice(_: &Origin, document: &Document<'_>, out: &mut Vec<u8>) {
    // Writing to a vector cannot fail.
    let _ = stamp(document.wall, out);
}

/// Servers to send to, checked.
#[derive(Debug)]
pub struct Servers {
    outputs: Vec<Planned>,
    queue: QueuePlan,
    retry: Duration,
    collector: &'static str,
}

/// An output that has not been reached yet.
#[derive(Debug)]
struct Planned {
    name: String,
    identity: u64,
    target: Target,
    trust: Trust,
    times: Times,
    authorization: Option<String>,
    gzip: bool,
    batch_max: usize,
    batch_age: Duration,
}

impl Servers {
    /// The servers that the options name, if any, for documents of `collector`.
    ///
    /// # Errors
    /// When an option is wrong, or a file with a secret cannot be read.
    pub fn plan(options: &Options, collector: &'static str) -> Result<Option<Self>, Failure> {
        let outputs: Vec<_> = [elastic(options, collector)?, api(options)?]
            .into_iter()
            .flatten()
            .collect();
        if outputs.is_empty() {
            return match &options.spool {
                None => Ok(None),
                Some(_) => Err(Failure::usage("--spool needs --eshost or --api-url")),
            };
        }
        if options.insecure {
            log::warn!(
                "--insecure: certificates are not checked; anybody can answer in their name"
            );
        }
        let spool_kib =
            config::integer_or("--spool-kib", &options.spool_kib, 4_096, 64..=1_048_576)?;
        let dead_kib = config::integer_or(
            "--dead-letter-kib",
            &options.dead_letter_kib,
            64,
            0..=65_536,
        )?;
        let hour = Duration::ZERO..=Duration::from_secs(3_600);
        let queue = QueuePlan {
            directory: options
                .spool
                .clone()
                .filter(|directory| !directory.is_empty()),
            limits: Limits {
                bytes_max: spool_kib * 1_024,
                commit_interval: config::duration_or(
                    "--commit-interval",
                    &options.commit_interval,
                    Duration::ZERO,
                    hour.clone(),
                    "0 to 1h",
                )?,
                dead_letter_bytes_max: dead_kib * 1_024,
            },
        };
        let twenty = Duration::from_secs(20);
        let retry =
            config::duration_or("--retry-secs", &options.retry_secs, twenty, hour, "0 to 1h")?;
        Ok(Some(Self {
            outputs,
            queue,
            retry,
            collector,
        }))
    }

    /// Starts to send what will be offered, on behalf of `host`; `single` says that it will be one
    /// document.
    ///
    /// # Errors
    /// When certificates cannot be read, the spool cannot be used or belongs to another service.
    pub fn start(&self, host: &str, single: bool) -> Result<Sending, Failure> {
        let no_thread = |error| Failure::failed(format_args!("cannot start a thread: {error}"));
        let resolver = Arc::new(Resolver::start().map_err(no_thread)?);
        let mut outputs = Vec::new();
        for planned in &self.outputs {
            outputs.push(planned.reach(resolver.clone())?);
        }
        let origin = Origin {
            host: host.to_owned(),
            collector: self.collector.to_owned(),
            start_id: random::bits(),
        };
        let identities: Vec<_> = outputs.iter().map(|output| output.identity).collect();
        let queue = Queue::open(&self.queue, origin, &identities);
        let directory = self.queue.directory.clone().filter(|_| queue.is_on_disk());
        let sends = queue.sends();
        if let (false, false, Some(directory)) = (sends, single, &directory) {
            return Err(Failure::failed(format_args!(
                "spool {}: another service sends from it; stop that, or name another directory",
                quoted(directory)
            )));
        }
        let patience = match (single, &directory) {
            (true, None) => Patience::Once(self.retry),
            (true, Some(_)) => Patience::Run,
            (false, _) => Patience::Service,
        };
        let shipper = Shipper::start(queue, outputs, splice, patience).map_err(no_thread)?;
        Ok(Sending {
            shipper,
            patience,
            sends,
            directory,
            retry: self.retry,
        })
    }
}

impl Planned {
    fn reach(&self, resolver: Arc<Resolver>) -> Result<Output, Failure> {
        let client = Client::new(&self.trust, self.times, resolver)
            .map_err(|error| Failure::failed(format_args!("{}: {error}", self.name)))?;
        Ok(Output {
            name: self.name.clone(),
            identity: self.identity,
            target: self.target.clone(),
            client,
            authorization: self.authorization.clone(),
            gzip: self.gzip,
            batch_max: self.batch_max,
            batch_age: self.batch_age,
        })
    }
}

fn elastic(options: &Options, collector: &'static str) -> Result<Option<Planned>, Failure> {
    let Some(host) = &options.eshost else {
        let asked = [
            &options.esindex,
            &options.estype,
            &options.esuser,
            &options.espwd,
        ];
        return match asked.iter().any(|option| option.is_some()) || options.es_auto_id {
            true => Err(Failure::usage("the --es options need --eshost HOST")),
            false => Ok(None),
        };
    };
    let base = endpoint::normalise(host, 9_200, 443)
        .map_err(|error| Failure::usage(format_args!("--eshost {}: {error}", quoted(host))))?;
    let index = options
        .esindex
        .clone()
        .unwrap_or_else(|| collector.to_owned());
    if !is_index(&index) {
        let allowed = "lower case letters, digits, . _ - + and not - _ + at the start";
        return Err(config::refused(
            "option '--esindex'",
            &index,
            "an index",
            allowed,
        ));
    }
    if let Some(es_type) = options.estype.as_ref().filter(|es_type| !is_word(es_type)) {
        return Err(config::refused(
            "option '--estype'",
            es_type,
            "a type",
            "letters, digits, _ -",
        ));
    }
    let auth = match secret(&options.es_api_key, &options.es_api_key_file, "es-api-key")? {
        Some(key) => Some(format!("ApiKey {key}")),
        None => basic(options)?,
    };
    let es_type = options.estype.clone();
    let name = format!("elastic {base}/{index}");
    let identity = identity::hash(&["elastic", &base, &index]);
    let target = Target::Elastic(Elastic {
        base,
        index,
        es_type,
        auto_id: options.es_auto_id,
    });
    planned(options, name, identity, target, auth, 500).map(Some)
}

fn api(options: &Options) -> Result<Option<Planned>, Failure> {
    let Some(text) = &options.api_url else {
        return match options.api_key.is_some() || options.api_key_file.is_some() {
            true => Err(Failure::usage("--api-key needs --api-url URL")),
            false => Ok(None),
        };
    };
    let url = endpoint::normalise(text, 80, 443)
        .map_err(|error| Failure::usage(format_args!("--api-url {}: {error}", quoted(text))))?;
    let auth = secret(&options.api_key, &options.api_key_file, "api-key")?;
    let identity = identity::hash(&["api", &url, ""]);
    let array = config::integer_or("--batch", &options.batch, 1, 1..=5_000)? > 1;
    // Without the path, in which some services put a secret.
    let server = url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
    let name = format!("api {server}");
    // The path is kept as it was written: to some servers the slash at its end matters.
    let url = if text.ends_with('/') {
        format!("{url}/")
    } else {
        url
    };
    let target = Target::Api(Api { url, array });
    planned(
        options,
        name,
        identity,
        target,
        auth.map(|key| format!("Bearer {key}")),
        1,
    )
    .map(Some)
}

/// An output with what all kinds have in common.
fn planned(
    options: &Options,
    name: String,
    identity: u64,
    target: Target,
    authorization: Option<String>,
    batch_default: u64,
) -> Result<Planned, Failure> {
    if options.gzip && !gzip::AVAILABLE {
        return Err(Failure::usage(
            "--gzip needs a build with the feature 'gzip'",
        ));
    }
    let five_minutes = Duration::from_secs(300);
    let time = |option, text, default| {
        let range = Duration::from_millis(100)..=five_minutes;
        config::duration_or(
            option,
            text,
            Duration::from_secs(default),
            range,
            "100ms to 5m",
        )
    };
    let age = Duration::ZERO..=five_minutes;
    let zero = Duration::ZERO;
    Ok(Planned {
        name,
        identity,
        target,
        trust: Trust {
            ca: options.ca.clone(),
            insecure: options.insecure,
        },
        times: Times {
            connect: time("--connect-timeout", &options.connect_timeout, 5)?,
            total: time("--timeout", &options.timeout, 15)?,
        },
        authorization,
        gzip: options.gzip,
        batch_max: config::integer_or("--batch", &options.batch, batch_default, 1..=5_000)?
            as usize,
        batch_age: config::duration_or("--batch-age", &options.batch_age, zero, age, "0 to 5m")?,
    })
}

fn basic(options: &Options) -> Result<Option<String>, Failure> {
    let user = options
        .esuser
        .clone()
        .or_else(|| config::environment("NETVITALS_ES_USER"));
    let password = secret(&options.espwd, &options.es_pwd_file, "es-password")?;
    match (user, password) {
        (None, None) => Ok(None),
        (Some(user), Some(_)) if user.contains(':') => Err(config::refused(
            "option '--esuser'",
            &user,
            "a user",
            "anything without a colon",
        )),
        (Some(user), Some(password)) => {
            let credentials = BASE64_STANDARD.encode(format!("{user}:{password}"));
            Ok(Some(format!("Basic {credentials}")))
        }
        (Some(_), None) => Err(Failure::usage("--esuser needs --espwd or --es-pwd-file")),
        (None, Some(_)) => Err(Failure::usage("--espwd needs --esuser")),
    }
}

/// The secret `what` from its option, else its file, else its variable.
fn secret(
    inline: &Option<String>,
    file: &Option<String>,
    what: &str,
) -> Result<Option<String>, Failure> {
    let text = match (inline, file) {
        (Some(_), Some(_)) => {
            return Err(Failure::usage(format_args!(
                "give either {what} or a file with it"
            )));
        }
        (Some(text), None) => Some(text.clone()),
        (None, Some(path)) => Some(first_line(path)?),
        (None, None) => {
            let variable = format!("NETVITALS_{}", what.to_ascii_uppercase().replace('-', "_"));
            config::environment(&variable)
        }
    };
    match text {
        Some(text) if !text.bytes().all(|byte| byte >= 0x20 && byte != 0x7f) => Err(
            Failure::usage(format_args!("{what}: holds control characters")),
        ),
        text => Ok(text),
    }
}

fn first_line(path: &str) -> Result<String, Failure> {
    let read = files::c_path(path)
        .and_then(|path| File::open(&path)?.read_to_end(4_096))
        .and_then(|text| String::from_utf8(text).map_err(io::Error::other));
    match read {
        Ok(text) => Ok(text.lines().next().unwrap_or_default().to_owned()),
        Err(error) => Err(Failure::failed(format_args!(
            "cannot read the secret in {}: {error}; is it yours to read?",
            quoted(path)
        ))),
    }
}

fn is_index(name: &str) -> bool {
    let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-' | b'+');
    let dots = name == "." || name == "..";
    name.bytes().all(plain)
        && !name.starts_with(['-', '_', '+'])
        && !dots
        && (1..256).contains(&name.len())
}

fn is_word(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}
