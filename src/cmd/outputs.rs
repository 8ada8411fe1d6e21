// SPDX-License-Identifier: MIT OR Apache-2.0
//! The group of options that says where documents go; the same for every applet that ships.

use core::time::Duration;

use super::config::{self, Configuration, Section};
use super::flags::Given;
use super::quoted;
use super::servers::Servers;
use crate::failure::Failure;
use crate::sink::file::{Keep, Rotation};

/// The options of the group as they were given.
pub type Options = Given;

/// The options, as [`flags`](super::flags) reads them.
pub const FLAGS: &str = "\
--output|||*|use output NAME of the configuration, or 'stdout'; repeatable\n\
--config|||1|configuration that the agent and --output read (/etc/config/netvitals if it exists; \
/dev/null = none)\n\
--logpath|file|path|1|write to DIR/APPLET.log instead of standard output; DIR is made when \
absent\n\
--logappend|file|append|1|append to the file instead of overwriting it; bare, or followed by \
true or false\n\
--rotate-kib|file|rotate_kib|1|put the file aside before it exceeds N KiB, when appending (0 = \
never)\n\
--keep|file|keep|1|files put aside that stay, 1 to 99 (1)\n\
--eshost|elastic|url|1|elasticsearch or OpenSearch server; without a scheme http, without a \
port 9200\n\
--esuser|elastic|user|1|its user (or NETVITALS_ES_USER)\n\
--espwd|elastic|password|1|its password; others see it in the list of processes, so better a \
file or NETVITALS_ES_PASSWORD\n\
--es-pwd-file|elastic|password_file|1|file that holds the password in its first line\n\
--es-api-key|elastic|api_key|1|API key instead of user and password (or NETVITALS_ES_API_KEY)\n\
--es-api-key-file|elastic|api_key_file|1|file that holds the API key in its first line\n\
--esindex|elastic|index|1|index to write to (netmon; agent netvitals, connmonitor \
netvitals-probe)\n\
--estype|elastic|es_type|1|document type, for Elasticsearch before 8\n\
--es-auto-id|elastic|auto_id||let the server choose identities; a repeat may be stored twice\n\
--api-url|api|url|1|address of an HTTP API that takes documents by POST\n\
--api-key|api|api_key|1|its key, sent as Bearer (or NETVITALS_API_KEY)\n\
--api-key-file|api|api_key_file|1|file that holds the key in its first line\n\
--ca|server|ca|1|CA certificates in PEM for https (/etc/ssl/certs/ca-certificates.crt)\n\
--insecure|server|insecure||accept any certificate: anybody can read along and answer\n\
--gzip|server|gzip||compress what is sent\n\
--batch|server|batch|1|documents in one request, 1 to 5000 (Elasticsearch 500, API 1)\n\
--batch-age|server|batch_age|1|longest wait of a document for others, 0 to 5m (0)\n\
--connect-timeout|server|connect_timeout|1|time to connect, 100ms to 5m (5s)\n\
--timeout|server|timeout|1|time for a whole exchange, 100ms to 5m (15s)\n\
--retry-secs|retry||1|how long a single run tries to deliver, 0 to 1h (20s)\n\
--spool|spool|spool|1|directory that keeps documents until they are delivered, also for the \
next run (agent /tmp/netvitals/spool, else none)\n\
--spool-kib|spool|spool_kib|1|its size at most, 64 to 1048576 KiB (4096); then the oldest are \
dropped\n\
--commit-interval|spool|commit_interval|1|write to the spool only this often, to spare flash, 0 \
to 1h (0 = at once)\n\
--dead-letter-kib|spool|dead_letter_kib|1|refused documents that are kept in the spool's \
directory, 0 to 65536 KiB (64)";

/// Where documents go, checked.
#[derive(Debug, PartialEq, Eq)]
pub struct Outputs {
    /// What standard output is called when documents go there.
    pub stdout: Option<String>,
    /// Files.
    pub files: Vec<FilePlan>,
    /// Servers.
    pub servers: Option<Servers>,
}

/// A file that documents go to, checked.
#[derive(Debug, PartialEq, Eq)]
pub struct FilePlan {
    /// What the output is called.
    pub name: String,
    /// Where it stands.
    pub directory: String,
    /// What it is called there.
    pub file_name: String,
    /// What becomes of the documents before.
    pub keep: Keep,
    /// What a complaint about it begins with.
    pub subject: String,
}

/// Documents on the disk until they are delivered, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spooling {
    /// The directory; without one they wait in memory.
    pub directory: Option<String>,
    /// Its size at most.
    pub bytes_max: u64,
    /// How long they may wait for being written.
    pub commit_interval: Duration,
    /// Of those that were refused.
    pub dead_letter_bytes_max: u64,
}

impl Spooling {
    /// What a checked `netvitals` section says.
    pub fn of(main: &Section) -> Self {
        let directory = main.text("spool");
        Self {
            directory: (!directory.is_empty()).then(|| directory.to_owned()),
            bytes_max: main.integer("spool_kib") * 1_024,
            commit_interval: main.duration("commit_interval"),
            dead_letter_bytes_max: main.integer("dead_letter_kib") * 1_024,
        }
    }
}

impl Outputs {
    /// What the options of a run without configuration name, for documents of `collector`;
    /// `--output` reads the file.
    ///
    /// # Errors
    /// When something is wrong in the options or in the file, or a file with a secret cannot be
    /// read.
    pub fn of_options(options: &Options, collector: &'static str) -> Result<Self, Failure> {
        let path = options.one("--config");
        if path.is_some() && options.one("--output").is_none() {
            return Err(Failure::usage("--config needs --output NAME"));
        }
        let configuration = match options.all("--output").any(|name| name != STDOUT) {
            true => config::load(path)?,
            false => Configuration::default(),
        };
        let mut main = Section::main();
        let mut wrong = Vec::new();
        main.lay("spool", "--spool", "", &mut wrong);
        options.lay("spool", &mut main, &mut wrong);
        config::none_wrong(wrong)?;
        Self::plan(options, collector, &configuration, &Spooling::of(&main))
    }

    /// What the options name, else what the configuration enables, else standard output; for
    /// documents of `collector`.
    ///
    /// # Errors
    /// When an option is wrong, or a file with a secret cannot be read.
    pub fn plan(
        options: &Options,
        collector: &'static str,
        configuration: &Configuration,
        spooling: &Spooling,
    ) -> Result<Self, Failure> {
        let mut wrong = Vec::new();
        let mut chosen = sections(options, collector, &mut wrong)?;
        for name in options.all("--output") {
            chosen.push(named(name, configuration)?);
        }
        if chosen.is_empty() {
            let enabled = |section: &&Section| section.boolean("enabled");
            chosen.extend(configuration.sections("output").filter(enabled).cloned());
        }
        for section in &mut chosen {
            if is_server(section) {
                options.lay("server", section, &mut wrong);
            }
            section.check(&mut wrong);
        }
        let retry = retry(options)?;
        config::none_wrong(wrong)?;
        let (servers, others): (Vec<_>, Vec<_>) = chosen.into_iter().partition(is_server);
        let in_vain = options.first(&["server", "spool", "retry"]);
        if let (true, Some(option)) = (servers.is_empty(), in_vain) {
            return Err(Failure::usage(format_args!(
                "{option} needs a server: --eshost HOST or --api-url URL"
            )));
        }
        let mut outputs = Self {
            stdout: None,
            files: Vec::new(),
            servers: None,
        };
        for section in &others {
            outputs.take(section)?;
        }
        if !servers.is_empty() {
            outputs.servers = Some(Servers::plan(&servers, collector, spooling, retry)?);
        } else if others.is_empty() {
            outputs.stdout = Some(STDOUT.to_owned());
        }
        Ok(outputs)
    }

    /// Whether standard output is the only one.
    pub fn are_stdout_alone(&self) -> bool {
        self.files.is_empty() && self.servers.is_none()
    }

    /// Adds standard output or a file, to which no other output may go.
    fn take(&mut self, section: &Section) -> Result<(), Failure> {
        let taken = |option, other: &str| {
            let what = format!(": documents go there already, by output '{other}'");
            Err(section.refuse(option, &what))
        };
        if section.text("type") == STDOUT {
            return match self.stdout.replace(section.name.clone()) {
                Some(other) => taken("type", &other),
                None => Ok(()),
            };
        }
        let plan = FilePlan::of(section);
        let place = |plan: &FilePlan| [&*plan.directory, "/", &*plan.file_name].concat();
        let mut files = self.files.iter();
        if let Some(other) = files.find(|other| place(other) == place(&plan)) {
            return taken("path", &other.name);
        }
        self.files.push(plan);
        Ok(())
    }
}

const STDOUT: &str = "stdout";

/// The output of that name.
fn named(name: &str, configuration: &Configuration) -> Result<Section, Failure> {
    if name == STDOUT {
        return Ok(Section::output(name, "--output"));
    }
    let Some(file) = &configuration.file else {
        return Err(Failure::usage(format_args!(
            "option '--output' {}: there is no configuration with that section; name one with \
             --config, or let /etc/config/netvitals have it; without one: {STDOUT}",
            quoted(name),
        )));
    };
    let mut outputs = configuration.sections("output");
    if let Some(section) = outputs.find(|section| section.name == name) {
        return Ok(section.clone());
    }
    let mut names = String::new();
    for section in configuration.sections("output") {
        names += &section.name;
        names += ", ";
    }
    Err(Failure::usage(format_args!(
        "option '--output' {}: no such section in {}; there are: {names}{STDOUT}",
        quoted(name),
        quoted(file),
    )))
}

fn is_server(section: &Section) -> bool {
    matches!(section.text("type"), "elastic" | "api")
}

fn retry(options: &Options) -> Result<Duration, Failure> {
    let hour = Duration::ZERO..=Duration::from_secs(3_600);
    let text = options.one("--retry-secs").unwrap_or("20s");
    config::duration("--retry-secs", text, hour, "0 to 1h")
}

/// Directory and name of a file.
pub(super) fn split_path(path: &str) -> (&str, &str) {
    match path.rsplit_once('/') {
        None => (".", path),
        Some(("", file_name)) => ("/", file_name),
        Some(parts) => parts,
    }
}

impl FilePlan {
    fn of(section: &Section) -> Self {
        let path = section.text("path");
        let (directory, file_name) = split_path(path);
        let kib = section.integer("rotate_kib");
        let rotation = Rotation {
            bytes_max: kib * 1_024,
            files_kept: u32::try_from(section.integer("keep")).unwrap_or(u32::MAX),
        };
        // Of the option only the directory was given.
        let subject = match section.is_of_flags() {
            true => format!("--logpath {}", quoted(directory)),
            false => format!("{} {}", section.subject("path"), quoted(path)),
        };
        Self {
            name: section.name.clone(),
            directory: directory.to_owned(),
            file_name: file_name.to_owned(),
            keep: match section.boolean("append") {
                true => Keep::All((kib > 0).then_some(rotation)),
                false => Keep::Newest,
            },
            subject,
        }
    }
}

/// What the options themselves name, as the sections that a file would have for it.
fn sections(
    options: &Options,
    collector: &'static str,
    wrong: &mut Vec<String>,
) -> Result<Vec<Section>, Failure> {
    let mut sections = Vec::new();
    for (kind, flag) in [
        ("file", "--logpath"),
        ("elastic", "--eshost"),
        ("api", "--api-url"),
    ] {
        let Some(place) = options.one(flag) else {
            match options.first(&[kind]) {
                None => continue,
                Some(other) => {
                    return Err(Failure::usage(format_args!("{other} needs {flag}")));
                }
            }
        };
        let mut section = Section::output(kind, flag);
        options.lay(kind, &mut section, wrong);
        if kind == "file" {
            // Without the option nothing is put aside.
            if section.boolean("append") && !section.has("rotate_kib") {
                section.lay("rotate_kib", "", "0", wrong);
            }
            if !place.is_empty() {
                section.replace("path", &[place, "/", collector, ".log"].concat());
            }
        }
        sections.push(section);
    }
    Ok(sections)
}
