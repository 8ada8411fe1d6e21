// SPDX-License-Identifier: MIT OR Apache-2.0
//! The first line of a log: which column holds what. Any group of columns may be there or not, in
//! any order, named `#15#c_ip:1`, `#c_ip:1` or, in logs that were worked on, `c_ip`.

use core::fmt;

use super::rows::Fields;

/// Whose log it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// `log_tcp_complete`.
    Tcp,
    /// `log_udp_complete`.
    Udp,
}

impl Protocol {
    /// Both, in the order in which they are read.
    pub const ALL: [Self; 2] = [Self::Tcp, Self::Udp];

    /// What it is called in an object.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// Number of a column, from 0.
pub type Column = u16;

/// What an object of TCP has beyond the five values of all: the key, as it stands in the text, and
/// where its value comes from.
pub const TCP_VALUES: [(&str, Source); 27] = [
    (",\"tcp_rexmit_bytes\":", Source::Own("bytes_retx")),
    (",\"tcp_rexmit_pkts\":", Source::Own("pkts_retx")),
    (",\"tcp_rexmit_rate\":", Source::RexmitRate),
    (",\"tcp_syn_cnt\":", Source::Own("syn_cnt")),
    (",\"tcp_rtt_avg\":", Source::Own("rtt_avg")),
    (",\"tcp_rtt_min\":", Source::Own("rtt_min")),
    (",\"tcp_rtt_max\":", Source::Own("rtt_max")),
    (",\"tcp_rtt_std\":", Source::Own("rtt_std")),
    (",\"tcp_pkts_rto\":", Source::Own("pkts_rto")),
    (",\"tcp_pkts_fs\":", Source::Own("pkts_fs")),
    (",\"tcp_pkts_reor\":", Source::Own("pkts_reor")),
    (",\"tcp_pkts_dup\":", Source::Own("pkts_dup")),
    (",\"tcp_pkts_unk\":", Source::Own("pkts_unk")),
    (",\"tcp_pkts_fc\":", Source::Own("pkts_fc")),
    (",\"tcp_pkts_unrto\":", Source::Own("pkts_unrto")),
    (",\"tcp_pkts_unfs\":", Source::Own("pkts_unfs")),
    (",\"tcp_cwin_min\":", Source::Own("cwin_min")),
    (",\"tcp_cwin_max\":", Source::Own("cwin_max")),
    (",\"tcp_out_seq_pkts\":", Source::Own("pkts_ooo")),
    (",\"tcp_window_scale\":", Source::Own("win_scl")),
    (",\"tcp_mss\":", Source::SmallerMss),
    (",\"tcp_max_seg_size\":", Source::Own("mss_max")),
    (",\"tcp_min_seg_size\":", Source::Own("mss_min")),
    // Consumers know these two with the congestion window in them.
    (",\"tcp_win_max\":", Source::Own("cwin_max")),
    (",\"tcp_win_min\":", Source::Own("cwin_min")),
    (",\"tcp_initial_cwin\":", Source::Own("cwin_ini")),
    (",\"tcp_sack_cnt\":", Source::LargerSackCount),
];

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The direction's own column of this name.
    Own(&'static str),
    /// `pkts_retx` / `pkts_data`.
    RexmitRate,
    /// The smaller `mss` of both sides.
    SmallerMss,
    /// The larger `sack_cnt` of both sides.
    LargerSackCount,
}

/// The columns that one side's object needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// Its address.
    pub ip: Column,
    /// Its port.
    pub port: Column,
    /// What counts as its bytes.
    pub bytes: Column,
    /// What counts as its packets.
    pub packets: Column,
    /// How long it lasted.
    pub duration: Column,
    /// When it began.
    pub first: Column,
    /// When it ended; `None`: when the duration was over.
    pub last: Option<Column>,
    /// Packets sent again, if the log tells.
    pub rexmit: Option<Column>,
    /// Of both sides, if the log tells.
    pub mss: Option<[Column; 2]>,
    /// Of both sides, if the log tells.
    pub sack_count: Option<[Column; 2]>,
    /// For each of [`TCP_VALUES`] that is the side's own.
    pub own: [Option<Column>; TCP_VALUES.len()],
}

/// What the columns of a log are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Whose log it is.
    pub protocol: Protocol,
    /// How many there are.
    pub columns: usize,
    /// Client and server.
    pub sides: [Side; 2],
}

/// Why a log is refused as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LayoutError {
    /// There is a line, but it is empty.
    EmptyLine,
    /// The first line names no columns.
    NoHeader,
    /// There are more than [`crate::limits::TSTAT_COLUMNS_MAX`].
    TooMany,
    /// These are missing; all of them are of tstat's group core.
    Missing(Vec<String>),
}

impl fmt::Display for LayoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyLine => f.write_str(
                "it begins with an empty line, as logs of tstat 2.3 do, and so has no header that \
                 names the columns; a newer tstat writes one",
            ),
            Self::NoHeader => f.write_str(
                "its first line does not name the columns (#15#c_ip:1 c_port:2 …); is it a log of \
                 tstat?",
            ),
            Self::TooMany => f.write_str("its header has too many columns; is it a log of tstat?"),
            Self::Missing(columns) => write!(
                f,
                "it lacks {} of tstat's column group core; is it a log of tstat 3?",
                columns.join(", ")
            ),
        }
    }
}

/// The names in the fields of a header.
struct Header<'a> {
    names: Vec<&'a [u8]>,
    missing: Vec<String>,
}

impl Header<'_> {
    /// The column `prefix` + `name`; of two the last one.
    fn find(&self, prefix: &str, name: &str) -> Option<Column> {
        let is_it = |column: &&[u8]| {
            let rest = column.strip_prefix(prefix.as_bytes());
            rest == Some(name.as_bytes())
        };
        let at = self.names.iter().rposition(is_it)?;
        Column::try_from(at).ok()
    }

    /// The same for one that must be there.
    fn demand(&mut self, prefix: &str, name: &str) -> Column {
        self.find(prefix, name).unwrap_or_else(|| {
            let column = [prefix, name].concat();
            if !self.missing.contains(&column) {
                self.missing.push(column);
            }
            0
        })
    }

    /// The same for both sides of one that may be there.
    fn both(&self, name: &str) -> Option<[Column; 2]> {
        Some([self.find("c_", name)?, self.find("s_", name)?])
    }

    fn side(&mut self, protocol: Protocol, prefix: &str) -> Side {
        let (ip, port) = (self.demand(prefix, "ip"), self.demand(prefix, "port"));
        match protocol {
            Protocol::Tcp => Side {
                ip,
                port,
                bytes: self.demand(prefix, "bytes_uniq"),
                packets: self.demand(prefix, "pkts_data"),
                duration: self.demand("", "durat"),
                first: self.demand("", "first"),
                last: Some(self.demand("", "last")),
                rexmit: self.find(prefix, "pkts_retx"),
                mss: self.both("mss"),
                sack_count: self.both("sack_cnt"),
                own: TCP_VALUES.map(|(_, source)| match source {
                    Source::Own(name) => self.find(prefix, name),
                    _ => None,
                }),
            },
            Protocol::Udp => Side {
                ip,
                port,
                bytes: self.demand(prefix, "bytes_all"),
                packets: self.demand(prefix, "pkts_all"),
                duration: self.demand(prefix, "durat"),
                first: self.demand(prefix, "first_abs"),
                ..Side::default()
            },
        }
    }
}

impl Layout {
    /// What the columns of the log are whose first line is `line`.
    ///
    /// # Errors
    /// When it is no header, or one without the columns that every object needs.
    pub fn of(protocol: Protocol, line: &[u8]) -> Result<Self, LayoutError> {
        if line.is_empty() {
            return Err(LayoutError::EmptyLine);
        }
        let mut fields = Fields::default();
        if !fields.split(line) {
            return Err(LayoutError::TooMany);
        }
        let columns = fields.len();
        let marked = fields.get(line, 0).contains(&b'#');
        let name = |i| {
            let field = fields.get(line, i);
            let start = field
                .iter()
                .rposition(|byte| *byte == b'#')
                .map_or(0, |at| at + 1);
            let end = field[start..].iter().position(|byte| *byte == b':');
            &field[start..end.map_or(field.len(), |end| start + end)]
        };
        let mut header = Header {
            names: (0..columns).map(|i| name(i as Column)).collect(),
            missing: Vec::new(),
        };
        if !marked && header.names.first() != Some(&&b"c_ip"[..]) {
            return Err(LayoutError::NoHeader);
        }
        let sides = ["c_", "s_"].map(|prefix| header.side(protocol, prefix));
        if !header.missing.is_empty() {
            return Err(LayoutError::Missing(header.missing));
        }
        Ok(Self {
            protocol,
            columns,
            sides,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const UDP: &str = "#c_ip:1 c_port:2 c_first_abs:3 c_durat:4 c_bytes_all:5 c_pkts_all:6 s_ip:7 \
                       s_port:8 s_first_abs:9 s_durat:10 s_bytes_all:11 s_pkts_all:12";

    fn layout(protocol: Protocol, line: &str) -> Result<Layout, LayoutError> {
        Layout::of(protocol, line.as_bytes())
    }

    #[test]
    fn columns_are_found_by_name_however_they_are_marked() {
        let marked = layout(Protocol::Udp, UDP).unwrap();
        assert_eq!(marked.columns, 12);
        assert_eq!(marked.sides.map(|side| side.bytes), [4, 10]);
        let mut plain = UDP.replace('#', "");
        for number in (1..=12).rev() {
            plain = plain.replace(&format!(":{number}"), "");
        }
        assert_eq!(layout(Protocol::Udp, &plain).unwrap(), marked);
        let grouped = UDP.replace("#c_ip", "#0#c_ip");
        assert_eq!(layout(Protocol::Udp, &grouped).unwrap(), marked);
    }

    #[test]
    fn what_is_missing_is_named_once() {
        let expected = LayoutError::Missing(vec!["c_durat".into(), "s_pkts_all".into()]);
        let line = UDP.replace("c_durat:4 ", "").replace(" s_pkts_all:12", "");
        assert_eq!(layout(Protocol::Udp, &line), Err(expected));
        let Err(LayoutError::Missing(columns)) = layout(Protocol::Tcp, UDP) else {
            panic!();
        };
        let required = "c_bytes_uniq c_pkts_data durat first last s_bytes_uniq s_pkts_data";
        assert_eq!(columns.join(" "), required);
    }

    #[test]
    fn a_log_without_a_header_is_refused() {
        assert_eq!(layout(Protocol::Udp, ""), Err(LayoutError::EmptyLine));
        let row = "10.0.0.1 53 1591903389128.730713 0 4307 3";
        assert_eq!(layout(Protocol::Udp, row), Err(LayoutError::NoHeader));
        let many = format!("{UDP}{}", " x".repeat(300));
        assert_eq!(layout(Protocol::Udp, &many), Err(LayoutError::TooMany));
    }

    #[test]
    fn no_key_needs_an_escape() {
        for (key, _) in TCP_VALUES {
            let name = key
                .strip_prefix(",\"tcp_")
                .and_then(|key| key.strip_suffix("\":"));
            assert!(
                name.unwrap()
                    .bytes()
                    .all(|b| b == b'_' || b.is_ascii_lowercase()),
                "{key}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_line_is_read_without_panic(line: Vec<u8>) {
            for protocol in Protocol::ALL {
                let _ = Layout::of(protocol, &line).map_err(|error| error.to_string());
            }
        }
    }
}
