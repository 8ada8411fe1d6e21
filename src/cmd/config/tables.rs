// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every option of the configuration file, a line each: what it is called, what it may hold.
//!
//! A line is `NAME|KIND|DEFAULT|ALLOWED|FOR`: KIND as `kinds` knows it, `*` behind it for a list;
//! DEFAULT `!` where the option is required, nothing where there is none; ALLOWED for numbers,
//! durations and choices, in the words that messages use; FOR the types of output that have it.
//! As text they cost the binary their letters and nothing else.

/// The types of sections, each with its options.
pub const TYPES: [(&str, &str); 7] = [
    ("netvitals", MAIN),
    ("output", OUTPUT),
    ("probe", PROBE),
    ("device", DEVICE),
    ("schedule", SCHEDULE),
    ("connmonitor", CONNMONITOR),
    ("connspy", CONNSPY),
];

const MAIN: &str = "\
config_version|version|1
enabled|boolean|0
server_id|label
interval|duration|5s|1s to 1h
interface|text*
capture|choice|auto|auto, ebpf, ring, off
ring_kib|integer|512|128 to 16384
conntrack|boolean|0
range|range*
discovery|choice|active|active, passive, off
discovery_interval|duration|60s|10s to 1d
discovery_rate|integer|200|1 to 10000
inactive_after|duration|180s|30s to 30d
forget_after|duration|1d|30s to 30d
names_file|text
oui_file|text
ptr|boolean|1
spool|any|/tmp/netvitals/spool
spool_kib|integer|4096|64 to 1048576
commit_interval|duration|0|0 to 1h
dead_letter_kib|integer|64|0 to 65536
state_file|any|/var/run/netvitals/state.json
user|text
log_level|choice|warn|error, warn, info, debug";

const OUTPUT: &str = "\
enabled|boolean|1
type|choice|!|stdout, file, elastic, api
path|file|!||file
append|boolean|0||file
rotate_kib|integer|1024|0 to 1048576|file
keep|integer|1|1 to 99|file
url|url|!||elastic, api
index|index|||elastic
es_type|word|||elastic
auto_id|boolean|0||elastic
user|user|||elastic
password|secret|||elastic
password_file|text|||elastic
api_key|key|||elastic, api
api_key_file|text|||elastic, api
ca|text|||elastic, api
insecure|boolean|0||elastic, api
gzip|boolean|0||elastic, api
batch|integer||1 to 5000|elastic, api
batch_age|duration|0|0 to 5m|elastic, api
connect_timeout|duration|5s|100ms to 5m|elastic, api
timeout|duration|15s|100ms to 5m|elastic, api";

const PROBE: &str = "\
enabled|boolean|1
host|host|!
ping|rounds|30s|200ms to 30d
trace|rounds|0|200ms to 30d
scan|rounds|0|200ms to 30d
numpings|integer|5|1 to 1000
payload|integer|41|0 to 65507
hops|integer|30|1 to 255
timeout|duration|1s|10ms to 1m
port|port*
tls|boolean|0";

const DEVICE: &str = "\
mac|mac|!
name|text|!";

const SCHEDULE: &str = "\
enabled|boolean|0
applet|choice|!|netmon, devices, connvitals, tstat-send, tstat-cull, connspy
options|options
cron|cron|!";

const CONNMONITOR: &str = "\
enabled|boolean|0
file|text|!
output|text*
state|boolean|0
loss_limit|integer|20|0 to 100";

const CONNSPY: &str = "\
enabled|boolean|0
file|text*
to_host|text
from_host|text
busiest_from_host|boolean|0
busiest_host|boolean|0
hourly|boolean|0
only_complete_hours|boolean|0
json|boolean|0
max_log_late_seconds|integer|300|0 to 999999999
memory_mib|integer||1 to 1048576
temp_dir|text
state_file|text
output_file|text";

/// What a line of a table says.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// What the option is called.
    pub name: &'static str,
    /// What it may hold, one of `kinds`.
    pub kind: &'static str,
    /// It may be given more than once.
    pub is_list: bool,
    /// It must be given.
    pub is_required: bool,
    /// What holds when it is not given; empty when there is no such value.
    pub default: &'static str,
    /// Which values, where the kind alone does not say.
    pub allowed: &'static str,
    /// The types of output that have it; empty: all.
    pub types: &'static str,
}

/// The columns of a line of a table, those that are missing empty.
pub fn columns(line: &'static str) -> [&'static str; 5] {
    let mut columns = [""; 5];
    for (column, text) in columns.iter_mut().zip(line.split('|')) {
        *column = text;
    }
    columns
}

/// The lines of `table`.
pub fn fields(table: &'static str) -> impl Iterator<Item = Field> {
    table.lines().map(|line| {
        let [name, kind, default, allowed, types] = columns(line);
        let list = kind.strip_suffix('*');
        Field {
            name,
            kind: list.unwrap_or(kind),
            is_list: list.is_some(),
            is_required: default == "!",
            default: if default == "!" { "" } else { default },
            allowed,
            types,
        }
    })
}

/// The names in `table`, with commas between.
pub fn names(table: &'static str) -> String {
    let mut names = String::new();
    for field in fields(table) {
        if !names.is_empty() {
            names.push_str(", ");
        }
        names.push_str(field.name);
    }
    names
}
