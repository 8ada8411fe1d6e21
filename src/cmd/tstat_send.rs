// SPDX-License-Identifier: MIT OR Apache-2.0
//! `tstat-send`: the logs of tstat as JSON to a broker, or to where else they are wanted.

use argh::{ArgsInfo, FromArgs};

use super::config::{self, Section, none_wrong};
use super::{Applet, outputs, quoted};
use crate::codec::units;
use crate::failure::Failure;
use crate::sys::files::{self, File};
use crate::sys::host;
use crate::sys::signal::Signals;
use crate::tstat::amqp::Broker;
use crate::tstat::carrier::{Carrier, CarrierError};
use crate::tstat::configure::{self, TRANSPORTS};
use crate::tstat::flow::{UdpDurations, Wish};
use crate::tstat::http::ToServer;
use crate::tstat::local::{ToFile, ToStdout};
use crate::tstat::send::{Plan, Sender};
use crate::tstat::settings::Transport;

#[derive(FromArgs, ArgsInfo)]
#[argh(
    name = "tstat-send",
    description = "Sends the flows in tstat's logs below DIR (each directory *.out with \
                   log_tcp_complete or log_udp_complete) as JSON, a hundred in a message, and \
                   marks a directory with .processed when all of it was confirmed. What was cut \
                   goes on where it stopped; a message that goes out again keeps its message_id.\n\
                   \nThe configuration has [rabbit] with [rabbit_queue_options] and [ssl_options], \
                   [api], [elasticsearch] or [file]; host and port are required for rabbit and \
                   api. A value ${{NAME:default}} comes from the environment; NETVITALS_API_KEY, \
                   NETVITALS_ES_USER, NETVITALS_ES_PASSWORD and NETVITALS_ES_API_KEY go before \
                   the file.",
    help_triggers("-h", "--help"),
    example = "Send flows of 1 GB and more, not those that tstat is still writing:\n  \
               $ tstat-send -d /data/tstat -c tstat.ini --bytes 1Gb --min-age 2m",
    example = "See what would be sent, all of it:\n  \
               $ tstat-send -d /data/tstat --no-transport --bytes 0"
)]
/// The options of `tstat-send`.
pub struct Args {}

/// The options as they are given.
const FLAGS: &str = "\
--directory||directory|1d|where tstat's directories begin (required)
--config||config|1c|configuration of the transport (./config.ini)
--bytes||bytes|1b|leave out flows below so many bytes, also as 500Mb or 25Gb (25Gb)
--threshold||threshold|1T|the same in MB; --bytes goes before it
--transport||transport|1t|where to: rabbit, api, elasticsearch or file (rabbit)
--sensor||sensor|1S|name of this sensor (the host's name)
--instance||instance|1I|name of the tstat on this sensor (the number 0)
--single||single|-s|end after the first directory that had flows to send
--no-transport||send|-N|write the messages to standard output and mark nothing
--udp-durations||udp_durations|1|what durations of UDP are in: s, as tstat writes them, or ms, as \
older senders read them (s)
--min-age||min_age|1|leave logs alone that changed later than this; beside a tstat that runs, 2m \
(0)
--debug||debug|-D|tell everything";

/// What they may be.
const TABLE: &str = "\
directory|text
config|text|./config.ini
bytes|text
threshold|integer||0 to 1000000000000
transport|choice|rabbit|rabbit, api, elasticsearch, file
sensor|text
instance|text
single|boolean|0
send|boolean|1
udp_durations|choice|s|s, ms
min_age|duration|0|0 to 365d
debug|boolean|0";

/// The document's threshold.
const BYTES: i128 = 25_000_000_000;

impl Applet for Args {
    const NAME: &'static str = "tstat-send";
    const SUMMARY: &'static str = "flows of tstat's logs to a broker, as JSON";
    const FLAGS: &'static str = FLAGS;

    fn run(self, given: outputs::Options) -> Result<(), Failure> {
        let mut options = Section::of_table(TABLE);
        let mut wrong = Vec::new();
        given.lay("", &mut options, &mut wrong);
        none_wrong(wrong)?;
        let plan = plan(&options)?;
        let signals = Signals::hold()
            .map_err(|error| Failure::failed(format_args!("cannot hold signals back: {error}")))?;
        let connect = || connect(&plan, &signals);
        Sender::new(&plan, &signals, &connect).run()
    }
}

fn plan(options: &Section) -> Result<Plan, Failure> {
    let Some(directory) = options.given("directory") else {
        return Err(Failure::usage(
            "option '--directory' is required; see 'netvitals tstat-send --help'",
        ));
    };
    let bytes = match (options.given("bytes"), options.has("threshold")) {
        (Some(text), _) => bytes(text)?,
        (None, true) => i128::from(options.integer("threshold")) * 1_000_000,
        (None, false) => BYTES,
    };
    let mut sensor = options.text("sensor").to_owned();
    if sensor.is_empty() {
        host::name_into(&mut sensor);
    }
    let transport = match options.boolean("send") {
        false => None,
        true => Some(transport(
            options.text("config"),
            options.text("transport"),
        )?),
    };
    Ok(Plan {
        directory: directory.to_owned(),
        wish: Wish {
            bits_min: bytes * 8,
            udp_durations: match options.text("udp_durations") {
                "ms" => UdpDurations::Milliseconds,
                _ => UdpDurations::Seconds,
            },
            sensor,
            instance: options.given("instance").map(str::to_owned),
        },
        transport,
        single: options.boolean("single"),
        min_age: options.duration("min_age"),
    })
}

/// A number of bytes: `500Mb`, `25GB`, `25000000000`.
fn bytes(text: &str) -> Result<i128, Failure> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim_start().to_ascii_lowercase();
    let times = match unit.strip_suffix('b').unwrap_or(&unit) {
        "" => 1,
        "k" => 1_000,
        "m" => 1_000_000,
        "g" => 1_000_000_000,
        "t" => 1_000_000_000_000,
        _ => 0,
    };
    match units::unsigned(number.as_bytes()) {
        Some(number) if times > 0 => Ok(i128::from(number) * times),
        _ => Err(config::refused(
            "option '--bytes'",
            text,
            "a number of bytes",
            "digits, and kb, Mb, Gb or Tb (powers of 1000)",
        )),
    }
}

/// Where slices go, by the configuration at `path`.
fn transport(path: &str, name: &str) -> Result<Transport, Failure> {
    /// More than anybody writes by hand.
    const BYTES_MAX: usize = 1_024 * 1_024;
    debug_assert!(TRANSPORTS.contains(&name));
    let read = files::c_path(path).and_then(|path| File::open(&path)?.read_to_end(BYTES_MAX));
    let text = read.map_err(|error| {
        Failure::usage(format_args!(
            "cannot read the configuration {}: {error}; name another with --config",
            quoted(path)
        ))
    })?;
    let text = String::from_utf8(text).map_err(|_| {
        Failure::usage(format_args!(
            "the configuration {} is not UTF-8",
            quoted(path)
        ))
    })?;
    let mut unknown = Vec::new();
    let found = configure::transport(&text, name, &config::environment, &mut unknown);
    for option in unknown {
        log::warn!("{path}: {option}: unknown, and so without effect");
    }
    found.map_err(|error| Failure::usage(format_args!("{path}{error}")))
}

fn connect<'a>(
    plan: &'a Plan,
    signals: &'a Signals,
) -> Result<Box<dyn Carrier + 'a>, CarrierError> {
    let Some(transport) = &plan.transport else {
        return Ok(Box::new(ToStdout::new(signals)));
    };
    let name = transport.name();
    Ok(match transport {
        Transport::Rabbit(settings) => Box::new(Broker::connect((**settings).clone(), signals)?),
        Transport::Api(server) => Box::new(ToServer::open(server, false, name, signals)?),
        Transport::Elastic(server) => Box::new(ToServer::open(server, true, name, signals)?),
        Transport::File(path) => Box::new(ToFile::open(path)?),
    })
}
