// SPDX-License-Identifier: MIT OR Apache-2.0
//! A section of the configuration: options with their checked values, and where each comes from.
//!
//! A group of options on the command line is a section too. Values stay text until they are asked
//! for, so that one layer can be laid over another and a complaint can show what was written.

use core::fmt;
use core::time::Duration;

use super::kinds;
use super::tables::{Field, TYPES, fields};
use crate::codec::units;
use crate::failure::Failure;
use crate::model::ranges::Ranges;

/// A section.
#[derive(Clone)]
pub struct Section {
    /// Its type.
    pub kind: &'static str,
    /// Its own name; `TYPE-N` when it has none. Empty for the command line.
    pub name: String,
    table: &'static str,
    /// The file it stands in; empty for the command line.
    file: String,
    line: u32,
    values: Vec<Value>,
}

/// A value that was given.
#[derive(Clone)]
struct Value {
    option: &'static str,
    /// The option of the command line that gave it; empty for the file.
    flag: &'static str,
    line: u32,
    text: String,
    wrong: bool,
}

// Without the values: there are secrets among them.
impl fmt::Debug for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} '{}'", self.kind, self.name)
    }
}

impl Section {
    /// An empty section of `kind`, at `line` of `file`.
    pub(super) fn new(kind: usize, name: String, file: &str, line: u32) -> Self {
        let (kind, table) = TYPES[kind];
        Self {
            kind,
            name,
            table,
            file: file.to_owned(),
            line,
            values: Vec::new(),
        }
    }

    /// An empty section with the options of `table`, for an applet that has some of its own.
    pub fn of_table(table: &'static str) -> Self {
        let mut section = Self::main();
        section.table = table;
        section
    }

    /// An empty `netvitals` section.
    pub fn main() -> Self {
        Self::new(0, String::new(), "", 0)
    }

    /// An `output` section of type `kind` for options of the command line, of which `flag` asks
    /// for it.
    pub fn output(kind: &str, flag: &'static str) -> Self {
        let mut section = Self::new(1, kind.to_owned(), "", 0);
        section.lay("type", flag, kind, &mut Vec::new());
        section
    }

    /// Whether it comes from the command line.
    pub fn is_of_flags(&self) -> bool {
        self.file.is_empty()
    }

    pub(super) fn line(&self) -> u32 {
        self.line
    }

    fn field(&self, option: &str) -> Option<Field> {
        fields(self.table).find(|field| field.name == option)
    }

    /// Takes a value from a line of the file: one more when the statement is `list`.
    ///
    /// # Errors
    /// A complaint, when there is no such option or it cannot hold the value.
    pub(super) fn read(
        &mut self,
        option: &str,
        text: &str,
        line: u32,
        is_list: bool,
    ) -> Result<(), String> {
        let statement = if is_list { "list" } else { "option" };
        let refuse = |section: &Self, what: fmt::Arguments<'_>| {
            let place = section.place(line);
            Err(format!("{place}{statement} '{option}'{what}"))
        };
        let Some(field) = self.field(option) else {
            let allowed = super::tables::names(self.table);
            return refuse(self, format_args!(": unknown; allowed: {allowed}"));
        };
        if is_list && !field.is_list {
            return refuse(self, format_args!(": has one value; write option"));
        }
        if !is_list {
            self.clear(option);
        }
        match self.push(&field, "", line, text) {
            None => Ok(()),
            Some(fault) => refuse(self, format_args!("{fault}")),
        }
    }

    /// Lays a value that `flag` gives over those that are there; one more of a list that it has
    /// begun.
    pub fn lay(&mut self, option: &str, flag: &'static str, text: &str, wrong: &mut Vec<String>) {
        let Some(field) = self.field(option) else {
            return;
        };
        let ours = |value: &Value| field.is_list && value.flag == flag;
        self.values
            .retain(|value| value.option != option || ours(value));
        let fault = self.push(&field, flag, 0, text);
        wrong.extend(fault.map(|fault| format!("option '{flag}'{fault}")));
    }

    /// Gives the option, which was given, another text.
    pub fn replace(&mut self, option: &str, text: &str) {
        let mut values = self.values.iter_mut();
        if let Some(value) = values.find(|value| value.option == option) {
            text.clone_into(&mut value.text);
        }
    }

    fn clear(&mut self, option: &str) {
        self.values.retain(|value| value.option != option);
    }

    fn push(&mut self, field: &Field, flag: &'static str, line: u32, text: &str) -> Option<String> {
        let fault = kinds::fault(field, text);
        self.values.push(Value {
            option: field.name,
            flag,
            line,
            text: text.to_owned(),
            wrong: fault.is_some(),
        });
        fault
    }

    fn value(&self, option: &str) -> Option<&Value> {
        self.values.iter().find(|value| value.option == option)
    }

    /// Whether the option was given.
    pub fn has(&self, option: &str) -> bool {
        self.value(option).is_some()
    }

    /// The option's text when it was given.
    pub fn given(&self, option: &str) -> Option<&str> {
        self.value(option).map(|value| value.text.as_str())
    }

    /// The option's text, else its default, which may be empty.
    pub fn text(&self, option: &str) -> &str {
        self.given(option).unwrap_or_else(|| self.default(option))
    }

    fn default(&self, option: &str) -> &'static str {
        let field = self.field(option);
        debug_assert!(field.is_some(), "{option}");
        field.map_or("", |field| field.default)
    }

    /// All values of a list.
    pub fn list(&self, option: &str) -> impl Iterator<Item = &str> {
        let values = self.values.iter();
        let of_option = values.filter(move |value| value.option == option);
        of_option.map(|value| value.text.as_str())
    }

    /// What a truth value says.
    pub fn boolean(&self, option: &str) -> bool {
        units::boolean(self.text(option)).unwrap_or_default()
    }

    /// What a number says; 0 when there is neither a value nor a default.
    pub fn integer(&self, option: &str) -> u64 {
        kinds::integer(self.text(option)).unwrap_or_default()
    }

    /// What a duration says.
    pub fn duration(&self, option: &str) -> Duration {
        units::duration(self.text(option)).unwrap_or_default()
    }

    /// How the option that was given, else the section, is called at the start of a complaint.
    pub fn subject(&self, option: &str) -> String {
        match self.value(option) {
            Some(value) => self.subject_of(value),
            None => format!("{}option '{option}'", self.place(self.line)),
        }
    }

    fn subject_of(&self, value: &Value) -> String {
        if !value.flag.is_empty() {
            return format!("option '{}'", value.flag);
        }
        let is_list = self.field(value.option).is_some_and(|field| field.is_list);
        let statement = if is_list { "list" } else { "option" };
        format!("{}{statement} '{}'", self.place(value.line), value.option)
    }

    /// Adds the complaint that `fault` has about each value of a list.
    pub(super) fn check_each(
        &self,
        option: &str,
        fault: &mut dyn FnMut(&str) -> Option<String>,
        wrong: &mut Vec<String>,
    ) {
        for value in self.values.iter().filter(|value| value.option == option) {
            let fault = fault(&value.text).filter(|_| !value.wrong);
            wrong.extend(fault.map(|fault| self.subject_of(value) + &fault));
        }
    }

    /// A complaint about an option; `what` begins with what goes before the colon, if anything.
    pub fn refuse(&self, option: &str, what: &str) -> Failure {
        Failure::usage(format_args!("{}{what}", self.subject(option)))
    }

    fn place(&self, line: u32) -> String {
        let Self {
            file, name, kind, ..
        } = self;
        match file.as_str() {
            "" => String::new(),
            _ => format!("{file}:{line}: section '{name}' ({kind}): "),
        }
    }

    /// Adds what is wrong with the section as a whole: what is missing, what excludes what.
    pub fn check(&self, wrong: &mut Vec<String>) {
        let kind = self.value("type");
        let types = kind.map(|kind| (!kind.wrong).then_some(kind.text.as_str()));
        for field in fields(self.table) {
            let fits = match types.flatten() {
                _ if field.types.is_empty() => true,
                Some(of) => field.types.split(", ").any(|one| one == of),
                // Nobody knows what it should have.
                None => continue,
            };
            let mut complain = |what: &str| wrong.push(self.subject(field.name) + what);
            match self.has(field.name) {
                true if !fits => complain(&format!(": only of type {}", field.types)),
                false if fits && field.is_required => complain(": is required"),
                _ => {}
            }
        }
        match self.kind {
            "netvitals" => self.check_main(wrong),
            "output" => self.check_output(wrong),
            _ => {}
        }
    }

    fn check_main(&self, wrong: &mut Vec<String>) {
        let times = ["inactive_after", "forget_after"];
        let sound = |option| self.value(option).is_none_or(|value| !value.wrong);
        if times.into_iter().all(sound) && self.duration(times[0]) >= self.duration(times[1]) {
            let later = if self.has(times[1]) {
                times[1]
            } else {
                times[0]
            };
            let [inactive, forget] = times.map(|option| self.text(option));
            wrong.push(format!(
                "{}: forget_after {forget} must be longer than inactive_after {inactive}",
                self.subject(later)
            ));
        }
        let mut ranges = Ranges::new();
        let mut fault = |text: &str| ranges.add(text).err().map(|error| format!(": {error}"));
        self.check_each("range", &mut fault, wrong);
    }

    fn check_output(&self, wrong: &mut Vec<String>) {
        let mut needs = |option, what: &str| {
            if self.has(option) {
                wrong.push(self.subject(option) + what);
            }
        };
        let appends = (self.text("type") == "file").then(|| self.boolean("append"));
        match (appends, self.integer("rotate_kib")) {
            (Some(false), _) => {
                needs("rotate_kib", ": only when appending (append, --logappend)");
                needs("keep", ": only when appending (append, --logappend)");
            }
            (Some(true), 0) => needs("keep", ": only with rotate_kib (--rotate-kib) above 0"),
            _ => {}
        }
        for (option, other) in [
            ("password_file", "password"),
            ("api_key_file", "api_key"),
            ("api_key", "user"),
            ("api_key_file", "user"),
            ("api_key", "password"),
            ("api_key_file", "password"),
            ("api_key", "password_file"),
            ("api_key_file", "password_file"),
        ] {
            if let Some(other) = self.value(other).filter(|_| self.has(option)) {
                let called = match other.flag {
                    "" => other.option,
                    flag => flag,
                };
                wrong.push(format!(
                    "{}: not together with {called}",
                    self.subject(option)
                ));
            }
        }
    }
}
