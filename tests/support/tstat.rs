// SPDX-License-Identifier: MIT OR Apache-2.0
//! The applets for tstat's logs: trees to run them on, JSON by its tokens, and the objects of a log
//! as plain code that follows the description makes them.
#![allow(dead_code)]

use std::cmp::Ordering;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use miniserde::json;

use super::EXE;
use super::tempdir::TempDir;

/// The recorded cases.
pub fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/tstat");
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut cases: Vec<_> = entries.filter(|path| path.is_dir()).collect();
    cases.sort();
    cases
}

/// A log of the recorded cases.
pub fn recorded(case: usize, name: &str) -> String {
    let folder = cases()[case].join("in");
    let directory = fs::read_dir(folder)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    fs::read_to_string(directory.join(name)).unwrap()
}

/// A tree with these logs: path below the root, content.
pub fn tree(logs: &[(&str, &str)]) -> TempDir {
    let root = TempDir::new();
    for (path, content) in logs {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    root
}

/// A log of UDP with so many rows, each two objects.
pub fn udp_log(rows: usize) -> String {
    let recorded = recorded(2, "log_udp_complete");
    let mut lines = recorded.lines();
    let mut text = format!("{}\n", lines.next().unwrap());
    let row = lines.next().unwrap();
    for number in 0..rows {
        text += &row.replacen(
            "10.29.229.205",
            &format!("10.0.{}.{}", number / 256, number % 256),
            1,
        );
        text.push('\n');
    }
    text
}

pub fn tstat_send(root: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(EXE);
    command.arg("tstat-send").arg("-d").arg(root).args(more);
    command.output().unwrap()
}

/// A piece of JSON text; a float is unlike an integer of the same value.
#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    Mark(char),
    Text(String),
    Int(String),
    Float(f64),
    Word(String),
}

/// The tokens of JSON texts that follow each other. Keys keep their order.
pub fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let len = match first {
            '"' => {
                let mut escaped = false;
                let end = rest[1..].find(|c| {
                    let ends = c == '"' && !escaped;
                    escaped = c == '\\' && !escaped;
                    ends
                });
                2 + end.unwrap()
            }
            '{' | '}' | '[' | ']' | ':' | ',' => 1,
            _ => rest
                .find(|c: char| "{}[]:, \n".contains(c))
                .unwrap_or(rest.len()),
        };
        let token = &rest[..len];
        tokens.push(match first {
            '"' => Token::Text(json::from_str(token).unwrap()),
            '{' | '}' | '[' | ']' | ':' | ',' => Token::Mark(first),
            '-' | '0'..='9' if token.contains(['.', 'e', 'E']) => {
                Token::Float(token.parse().unwrap())
            }
            '-' | '0'..='9' => Token::Int(token.to_owned()),
            _ => Token::Word(token.to_owned()),
        });
        rest = rest[len..].trim_start();
    }
    tokens
}

/// Fails at the first token that differs.
#[track_caller]
pub fn same_json(ours: &str, theirs: &str, what: &str) {
    let (ours, theirs) = (tokens(ours), tokens(theirs));
    for (i, (our, their)) in ours.iter().zip(&theirs).enumerate() {
        let before = &ours[i.saturating_sub(12)..=i];
        assert_eq!(our, their, "{what}: token {i}, after {before:?}");
    }
    assert_eq!(ours.len(), theirs.len(), "{what}");
}

/// A field as the description says: an integer, else a float to 3 decimals, else text.
#[derive(Clone, Debug, PartialEq)]
enum Field {
    Int(i128),
    Float(f64),
    Text(String),
}

/// Rounded by the exact value, ties to even, as core's formatting does.
fn round(value: f64, decimals: usize) -> f64 {
    format!("{value:.decimals$}").parse().unwrap()
}

impl Field {
    fn of(token: &str) -> Self {
        let plain = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
        match (token.parse(), token.parse::<f64>()) {
            (Ok(number), _) => Self::Int(number),
            (_, Ok(number)) if number.is_finite() && token.chars().all(plain) => {
                Self::Float(round(number, 3))
            }
            _ => Self::Text(token.to_owned()),
        }
    }

    fn number(&self) -> Option<f64> {
        match self {
            Self::Int(number) => Some(*number as f64),
            Self::Float(number) => Some(*number),
            Self::Text(_) => None,
        }
    }

    fn json(&self) -> String {
        match self {
            Self::Int(number) => number.to_string(),
            Self::Float(number) => format!("{number:?}"),
            Self::Text(text) => json::to_string(text),
        }
    }
}

/// A row with its header, read by name.
struct Row<'a> {
    columns: &'a [&'a str],
    fields: Vec<&'a str>,
}

impl Row<'_> {
    fn get(&self, name: &str) -> Option<Field> {
        let at = self.columns.iter().position(|column| *column == name)?;
        Some(Field::of(self.fields[at]))
    }

    /// The object of one direction; `None` when it cannot be rendered. All numbers of these logs
    /// are below 2^53 where they are divided.
    fn object(&self, tcp: bool, sides: [&str; 2], ms: bool) -> Option<(f64, String)> {
        let [own, _] = sides;
        let of = |name: &str| self.get(&format!("{own}{name}"));
        let (bytes, packets) = match tcp {
            true => (of("bytes_uniq")?, of("pkts_data")?),
            false => (of("bytes_all")?, of("pkts_all")?),
        };
        let durat = if tcp {
            self.get("durat")?
        } else {
            of("durat")?
        };
        let seconds = durat.number()? / if tcp || ms { 1000.0 } else { 1.0 };
        let bits = match bytes {
            Field::Int(number) => Field::Int(number * 8),
            Field::Float(number) => Field::Float(number * 8.0),
            Field::Text(_) => return None,
        };
        let [bps, pps] = match seconds == 0.0 {
            true => ["0".to_owned(), "0".to_owned()],
            false => [bits.number()?, packets.number()?]
                .map(|amount| format!("{:?}", round(amount / seconds, 2))),
        };
        let duration = round(seconds, 2);
        let first = if tcp {
            self.get("first")?
        } else {
            of("first_abs")?
        };
        let start = (first.number()? / 1000.0).trunc() + 0.0;
        let end = match tcp {
            true => (self.get("last")?.number()? / 1000.0).trunc() + 0.0,
            false => (start + duration).trunc() + 0.0,
        };
        let mut values = format!(
            "\"duration\": {duration:?}, \"num_bits\": {}, \"num_packets\": {}, \
             \"bits_per_second\": {bps}, \"packets_per_second\": {pps}",
            bits.json(),
            packets.json()
        );
        if tcp {
            values += &self.tcp_values(own, &packets)?;
        }
        let meta = self.meta(tcp, sides);
        let object = format!(
            "{{\"type\": \"flow\", \"interval\": 600, \"values\": {{{values}}}, \
             \"meta\": {{{meta}}}, \"start\": {start:.0}, \"end\": {end:.0}}}"
        );
        Some((bits.number()?, object))
    }
}

impl Row<'_> {
    fn meta(&self, tcp: bool, [own, other]: [&str; 2]) -> String {
        let at = |side: &str, name: &str| {
            let field = self.get(&format!("{side}{name}"));
            field.map_or("null".to_owned(), |field| field.json())
        };
        format!(
            "\"src_ip\": {}, \"src_port\": {}, \"dst_ip\": {}, \"dst_port\": {}, \
             \"protocol\": \"{}\", \"sensor_id\": \"s\", \"instance_id\": 0, \
             \"flow_type\": \"tstat\"",
            at(own, "ip"),
            at(own, "port"),
            at(other, "ip"),
            at(other, "port"),
            if tcp { "tcp" } else { "udp" },
        )
    }

    /// What objects of TCP have beyond the others.
    fn tcp_values(&self, own: &str, packets: &Field) -> Option<String> {
        let of = |name: &str| self.get(&format!("{own}{name}"));
        let shown = |field: Option<Field>| field.map_or("null".to_owned(), |field| field.json());
        // The first one if it is so beside the other; two texts are compared as texts.
        let pair = |name: &str, wanted: Ordering| {
            let both = ["c_", "s_"].map(|side| self.get(&format!("{side}{name}")));
            let [Some(client), Some(server)] = both else {
                return Some(None);
            };
            let order = match (&client, &server) {
                (Field::Text(client), Field::Text(server)) => client.cmp(server),
                _ => client.number()?.partial_cmp(&server.number()?)?,
            };
            Some(Some(if order == wanted { client } else { server }))
        };
        let (mss, sack) = (
            pair("mss", Ordering::Less)?,
            pair("sack_cnt", Ordering::Greater)?,
        );
        let nothing = |field: &Field| match field {
            Field::Text(text) => text.is_empty(),
            number => number.number() == Some(0.0),
        };
        let rate = match of("pkts_retx") {
            None => "null".to_owned(),
            Some(retx) if nothing(&retx) || nothing(packets) => "0".to_owned(),
            Some(retx) => format!("{:?}", retx.number()? / packets.number()?),
        };
        let mut values = String::new();
        for (key, column) in VALUES {
            let value = match *column {
                "RATE" => rate.clone(),
                "MSS" => shown(mss.clone()),
                "SACK" => shown(sack.clone()),
                column => shown(of(column)),
            };
            values += &format!(", \"tcp_{key}\": {value}");
        }
        Some(values)
    }
}

/// Key without `tcp_`, and the direction's column.
const VALUES: &[(&str, &str)] = &[
    ("rexmit_bytes", "bytes_retx"),
    ("rexmit_pkts", "pkts_retx"),
    ("rexmit_rate", "RATE"),
    ("syn_cnt", "syn_cnt"),
    ("rtt_avg", "rtt_avg"),
    ("rtt_min", "rtt_min"),
    ("rtt_max", "rtt_max"),
    ("rtt_std", "rtt_std"),
    ("pkts_rto", "pkts_rto"),
    ("pkts_fs", "pkts_fs"),
    ("pkts_reor", "pkts_reor"),
    ("pkts_dup", "pkts_dup"),
    ("pkts_unk", "pkts_unk"),
    ("pkts_fc", "pkts_fc"),
    ("pkts_unrto", "pkts_unrto"),
    ("pkts_unfs", "pkts_unfs"),
    ("cwin_min", "cwin_min"),
    ("cwin_max", "cwin_max"),
    ("out_seq_pkts", "pkts_ooo"),
    ("window_scale", "win_scl"),
    ("mss", "MSS"),
    ("max_seg_size", "mss_max"),
    ("min_seg_size", "mss_min"),
    ("win_max", "cwin_max"),
    ("win_min", "cwin_min"),
    ("initial_cwin", "cwin_ini"),
    ("sack_cnt", "SACK"),
];

/// What rows of a log make.
#[derive(Default)]
pub struct Made {
    pub objects: Vec<String>,
    /// Rows and directions of rows.
    pub rejected: usize,
    pub small: usize,
}

/// The objects of a log with at least so many bits, durations of UDP in seconds, or in `ms`.
pub fn reference(log: &str, tcp: bool, bits_min: f64, ms: bool) -> Made {
    let mut lines = log.lines();
    let header = lines.next().unwrap_or_default();
    let names: Vec<_> = header.split(' ').collect();
    let name = |column: &&'_ str| {
        let name = column.rsplit('#').next().unwrap();
        name.split(':').next().unwrap().to_owned()
    };
    let names: Vec<String> = names.iter().map(name).collect();
    let columns: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut made = Made::default();
    for line in lines.filter(|line| !line.is_empty()) {
        let row = Row {
            columns: &columns,
            fields: line.split(' ').collect(),
        };
        if row.fields.len() != columns.len() {
            made.rejected += 1;
            continue;
        }
        for sides in [["c_", "s_"], ["s_", "c_"]] {
            match row.object(tcp, sides, ms) {
                Some((bits, object)) if bits >= bits_min => made.objects.push(object),
                Some(_) => made.small += 1,
                None => made.rejected += 1,
            }
        }
    }
    made
}

/// The messages that a directory with these logs makes.
pub fn messages(tcp: &str, udp: &str, bits_min: f64, ms: bool) -> String {
    let mut objects = reference(tcp, true, bits_min, ms).objects;
    objects.extend(reference(udp, false, bits_min, ms).objects);
    let slices = objects.chunks(100);
    slices
        .map(|slice| format!("[{}]\n", slice.join(",")))
        .collect()
}
