// SPDX-License-Identifier: MIT OR Apache-2.0
//! The group of options that says where documents go; the same for every applet that ships.

use core::time::Duration;

use argh::{ArgsInfo, FromArgs};

use super::config::{self, Configuration, Section};
use super::quoted;
use super::servers::Servers;
use crate::failure::Failure;
use crate::sink::file::{Keep, Rotation};

/// The options of the group as they were given.
#[derive(FromArgs, ArgsInfo, Debug, Default)]
#[argh(description = "Where documents go.", help_triggers("-h", "--help"))]
pub struct Options {
    /// use output NAME of the configuration, or 'stdout'; repeatable
    #[argh(option, arg_name = "name")]
    pub output: Vec<String>,
    /// configuration (/etc/config/netvitals if it exists; /dev/null = none)
    #[argh(option, arg_name = "file")]
    pub config: Option<String>,
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

/// Where documents go, checked.
#[derive(Debug)]
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
        if options.output.is_empty() && options.config.is_some() {
            return Err(Failure::usage("--config needs --output NAME"));
        }
        let configuration = match options.output.iter().any(|name| name != STDOUT) {
            true => config::load(options.config.as_deref())?,
            false => Configuration::default(),
        };
        let mut main = Section::main();
        let mut wrong = Vec::new();
        main.lay("spool", "--spool", [&String::new()], &mut wrong);
        options.lay_spooling(&mut main, &mut wrong);
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
        let mut chosen = options.sections(collector, &mut wrong)?;
        for name in &options.output {
            chosen.push(named(name, configuration)?);
        }
        if chosen.is_empty() {
            let enabled = |section: &&Section| section.boolean("enabled");
            chosen.extend(configuration.outputs.iter().filter(enabled).cloned());
        }
        for section in &mut chosen {
            if is_server(section) {
                lay(section, &options.for_servers(), &mut wrong);
            }
            section.check(&mut wrong);
        }
        let retry = retry(options)?;
        config::none_wrong(wrong)?;
        let (servers, others): (Vec<_>, Vec<_>) = chosen.into_iter().partition(is_server);
        if let (true, Some(option)) = (servers.is_empty(), options.in_vain()) {
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
            match section.text("type") {
                STDOUT => outputs.stdout = Some(section.name.clone()),
                _ => outputs.files.push(FilePlan::of(section)),
            }
        }
        if !servers.is_empty() {
            outputs.servers = Some(Servers::plan(&servers, collector, spooling, retry)?);
        } else if others.is_empty() {
            outputs.stdout = Some(STDOUT.to_owned());
        }
        Ok(outputs)
    }
}

const STDOUT: &str = "stdout";

/// The output of that name.
fn named(name: &str, configuration: &Configuration) -> Result<Section, Failure> {
    if name == STDOUT {
        let mut section = Section::output();
        section.name = name.to_owned();
        section.lay("type", "--output", [&section.name.clone()], &mut Vec::new());
        return Ok(section);
    }
    let mut outputs = configuration.outputs.iter();
    outputs
        .find(|section| section.name == name)
        .cloned()
        .ok_or_else(|| {
            let names = configuration
                .outputs
                .iter()
                .map(|section| section.name.as_str());
            let names: Vec<&str> = names.chain([STDOUT]).collect();
            Failure::usage(format_args!(
                "option '--output' {}: no such section in {}; there are: {}",
                quoted(name),
                quoted(configuration.file.as_deref().unwrap_or("/dev/null")),
                names.join(", ")
            ))
        })
}

fn is_server(section: &Section) -> bool {
    matches!(section.text("type"), "elastic" | "api")
}

fn retry(options: &Options) -> Result<Duration, Failure> {
    let hour = Duration::ZERO..=Duration::from_secs(3_600);
    let twenty = Duration::from_secs(20);
    config::duration_or("--retry-secs", &options.retry_secs, twenty, hour, "0 to 1h")
}

impl FilePlan {
    fn of(section: &Section) -> Self {
        let path = section.text("path");
        let (directory, file_name) = match path.rsplit_once('/') {
            None => (".", path),
            Some(("", file_name)) => ("/", file_name),
            Some(parts) => parts,
        };
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

/// An option of a section, the option of the command line for it, and what that says.
type Given = (&'static str, &'static str, Option<String>);

fn lay(section: &mut Section, given: &[Given], wrong: &mut Vec<String>) {
    for (option, flag, text) in given {
        section.lay(option, flag, text, wrong);
    }
}

fn switch(on: bool) -> Option<String> {
    on.then(|| "1".to_owned())
}

impl Options {
    /// Lays the options of the spool over those of a `netvitals` section.
    pub fn lay_spooling(&self, main: &mut Section, wrong: &mut Vec<String>) {
        lay(main, &self.for_spool(), wrong);
    }

    /// What the options themselves name, as the sections that a file would have for it.
    fn sections(
        &self,
        collector: &'static str,
        wrong: &mut Vec<String>,
    ) -> Result<Vec<Section>, Failure> {
        let groups = [
            ("file", self.for_file(collector)),
            ("elastic", self.for_elastic()),
            ("api", self.for_api()),
        ];
        let mut sections = Vec::new();
        for (kind, given) in groups {
            let (_, flag, place) = &given[0];
            if place.is_none() {
                if let Some((_, other, _)) = given.iter().find(|(.., text)| text.is_some()) {
                    return Err(Failure::usage(format_args!("{other} needs {flag}")));
                }
                continue;
            }
            let mut section = Section::output();
            section.name = kind.to_owned();
            section.lay("type", flag, [&section.name.clone()], wrong);
            if kind == "file" {
                // Without the option nothing is put aside.
                section.lay("rotate_kib", "", self.rotation_default().as_ref(), wrong);
            }
            lay(&mut section, &given, wrong);
            sections.push(section);
        }
        Ok(sections)
    }

    fn rotation_default(&self) -> Option<String> {
        let append = self
            .logappend
            .as_deref()
            .and_then(crate::codec::units::boolean);
        (append == Some(true)).then(|| "0".to_owned())
    }

    fn for_file(&self, collector: &str) -> Vec<Given> {
        let path = self
            .logpath
            .as_ref()
            .map(|directory| match directory.as_str() {
                "" => String::new(),
                _ => format!("{directory}/{collector}.log"),
            });
        vec![
            ("path", "--logpath", path),
            ("append", "--logappend", self.logappend.clone()),
            ("rotate_kib", "--rotate-kib", self.rotate_kib.clone()),
            ("keep", "--keep", self.keep.clone()),
        ]
    }

    fn for_elastic(&self) -> Vec<Given> {
        vec![
            ("url", "--eshost", self.eshost.clone()),
            ("index", "--esindex", self.esindex.clone()),
            ("es_type", "--estype", self.estype.clone()),
            ("auto_id", "--es-auto-id", switch(self.es_auto_id)),
            ("user", "--esuser", self.esuser.clone()),
            ("password", "--espwd", self.espwd.clone()),
            ("password_file", "--es-pwd-file", self.es_pwd_file.clone()),
            ("api_key", "--es-api-key", self.es_api_key.clone()),
            (
                "api_key_file",
                "--es-api-key-file",
                self.es_api_key_file.clone(),
            ),
        ]
    }

    fn for_api(&self) -> Vec<Given> {
        vec![
            ("url", "--api-url", self.api_url.clone()),
            ("api_key", "--api-key", self.api_key.clone()),
            ("api_key_file", "--api-key-file", self.api_key_file.clone()),
        ]
    }

    /// What holds for every server, those of the file too.
    fn for_servers(&self) -> Vec<Given> {
        vec![
            ("ca", "--ca", self.ca.clone()),
            ("insecure", "--insecure", switch(self.insecure)),
            ("gzip", "--gzip", switch(self.gzip)),
            ("batch", "--batch", self.batch.clone()),
            ("batch_age", "--batch-age", self.batch_age.clone()),
            (
                "connect_timeout",
                "--connect-timeout",
                self.connect_timeout.clone(),
            ),
            ("timeout", "--timeout", self.timeout.clone()),
        ]
    }

    fn for_spool(&self) -> Vec<Given> {
        vec![
            ("spool", "--spool", self.spool.clone()),
            ("spool_kib", "--spool-kib", self.spool_kib.clone()),
            (
                "commit_interval",
                "--commit-interval",
                self.commit_interval.clone(),
            ),
            (
                "dead_letter_kib",
                "--dead-letter-kib",
                self.dead_letter_kib.clone(),
            ),
        ]
    }

    /// An option for servers that was given without one.
    fn in_vain(&self) -> Option<&'static str> {
        let mut given = self.for_spool();
        given.extend(self.for_servers());
        given.push(("", "--retry-secs", self.retry_secs.clone()));
        let given = given.into_iter().find(|(.., text)| text.is_some());
        given.map(|(_, flag, _)| flag)
    }
}
