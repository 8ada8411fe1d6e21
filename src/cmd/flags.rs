// SPDX-License-Identifier: MIT OR Apache-2.0
//! Options of the command line that stand in for options of the configuration, from tables.
//!
//! A line of a table is `FLAG|SECTION|OPTION|VALUES|HELP`: the section and the option of the
//! configuration that it gives; VALUES is nothing or `-` for a switch, `1` for an option with a
//! value, `*` for one that can be repeated, and the short form behind. As text an option costs the
//! binary its letters, a third of what it costs as a field of an argh struct.

use argh::{FlagInfo, FlagInfoKind};

use super::config::{Section, columns};

/// What a line of a table says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Flag {
    long: &'static str,
    section: &'static str,
    option: &'static str,
    values: &'static str,
    help: &'static str,
}

fn flags(table: &'static str) -> impl Iterator<Item = Flag> {
    table.lines().map(|line| {
        let [long, section, option, values, help] = columns(line);
        Flag {
            long,
            section,
            option,
            values,
            help,
        }
    })
}

fn is_switch(values: &str) -> bool {
    matches!(values.as_bytes().first(), None | Some(b'-'))
}

/// The lines of `table` as argh knows options.
pub fn infos(table: &'static str) -> Vec<FlagInfo<'static>> {
    let info = |flag: Flag| FlagInfo {
        kind: match flag.values {
            values if is_switch(values) => FlagInfoKind::Switch,
            _ => FlagInfoKind::Option { arg_name: "" },
        },
        long: flag.long,
        short: flag.values.chars().nth(1),
        ..FlagInfo::default()
    };
    flags(table).map(info).collect()
}

/// The lines of `table` for the help, in the form of argh, without those that `shown` has too.
pub fn help(table: &'static str, shown: &'static str) -> String {
    // The end of line before each line counts.
    const COLUMN: usize = 1 + 20;
    const WIDTH: usize = 1 + 80;
    let mut text = String::new();
    let is_new = |flag: &Flag| flags(shown).all(|other| other.long != flag.long);
    for flag in flags(table).filter(is_new) {
        let start = text.len();
        text.push_str("\n  ");
        if let Some(short) = flag.values.get(1..).filter(|short| !short.is_empty()) {
            text.push_str(&["-", short, ", "].concat());
        }
        text.push_str(flag.long);
        let mut len = text.len() - start;
        for word in flag.help.split(' ') {
            if len + 1 + word.len() > WIDTH {
                text.push('\n');
                len = 1;
            }
            let blanks = COLUMN.saturating_sub(len).max(1);
            text.extend(core::iter::repeat_n(' ', blanks));
            text.push_str(word);
            len += blanks + word.len();
        }
    }
    text
}

/// Options of tables as they were given.
#[derive(Clone, Debug, Default)]
pub struct Given {
    values: Vec<(Flag, String)>,
}

impl Given {
    /// Takes the words of the options in `table`, each in full and with its values.
    ///
    /// # Errors
    /// The option that was given twice and must not be.
    pub fn read(&mut self, table: &'static str, words: &[String]) -> Result<(), &'static str> {
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let Some(flag) = flags(table).find(|flag| flag.long == word) else {
                continue;
            };
            let text = match flag.values {
                values if !is_switch(values) => words.next().map_or("", String::as_str),
                _ if flag.long.starts_with("--no-") => "0",
                _ => "1",
            };
            if flag.values == "1" && self.one(flag.long).is_some() {
                return Err(flag.long);
            }
            self.values.push((flag, text.to_owned()));
        }
        Ok(())
    }

    /// The value of the option `long`.
    pub fn one(&self, long: &str) -> Option<&str> {
        self.all(long).next()
    }

    /// Every value of the option `long`.
    pub fn all(&self, long: &str) -> impl Iterator<Item = &str> {
        let values = self.values.iter();
        let of_option = values.filter(move |(flag, _)| flag.long == long);
        of_option.map(|(_, text)| text.as_str())
    }

    /// The first option for one of `sections`.
    pub fn first(&self, sections: &[&str]) -> Option<&'static str> {
        let mut values = self.values.iter();
        let found = values.find(|(flag, _)| sections.contains(&flag.section));
        found.map(|(flag, _)| flag.long)
    }

    /// Lays the options for the section called `name` over those that `section` has.
    pub fn lay(&self, name: &str, section: &mut Section, wrong: &mut Vec<String>) {
        let of_section = |(flag, _): &&(Flag, String)| flag.section == name;
        for (flag, text) in self.values.iter().filter(of_section) {
            section.lay(flag.option, flag.long, text, wrong);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "--one|a|b|1|Words to be wrapped at the width of eighty columns, however \
                         many of them there are.\n\
                         --many|a|c|*m|m\n--a-long-name-of-its-own|a|d||x";

    #[test]
    fn help_is_wrapped() {
        assert_eq!(
            help(TABLE, ""),
            "\n  --one             Words to be wrapped at the width of eighty columns, however\n\
             \u{20}                   many of them there are.\n  -m, --many        m\n  \
             --a-long-name-of-its-own x"
        );
    }

    #[test]
    fn values_are_found_by_their_option() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let mut given = Given::default();
        let text = "--many x --one 1 --many y --a-long-name-of-its-own";
        given.read(TABLE, &words(text)).unwrap();
        assert_eq!(given.one("--one"), Some("1"));
        assert_eq!(given.all("--many").collect::<Vec<_>>(), ["x", "y"]);
        assert_eq!(given.one("--a-long-name-of-its-own"), Some("1"));
        assert_eq!(given.first(&["a"]), Some("--many"));
        assert_eq!(given.first(&["b"]), None);
        assert_eq!(given.read(TABLE, &words("--one 2")), Err("--one"));
    }
}
