// SPDX-License-Identifier: MIT OR Apache-2.0
//! Configuration in the form of Python's configparser: `[section]`, `option = value` or
//! `option: value`, comments in lines of their own that begin with `#` or `;`. A value
//! `${NAME:default}` comes from the environment. Values do not go on in indented lines: none that
//! is wanted here is so long, and a line that is indented by mistake may hold a secret.

use core::fmt;

/// A section's options in the order of the file, names in lower case.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Section {
    /// Its name, as it is written.
    pub name: String,
    /// Name, value and the number of its line.
    options: Vec<(String, String, usize)>,
}

// Without the values: there are secrets among them.
impl fmt::Debug for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}]", self.name)
    }
}

/// What a file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ini {
    sections: Vec<Section>,
}

/// What is wrong in which line. Values are never shown: they may be secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IniError {
    /// Neither section nor option nor comment.
    NotUnderstood(usize),
    /// An option stands before the first section.
    NoSection(usize),
    /// The section was there before.
    SectionTwice(usize, String),
    /// The option was there before.
    OptionTwice(usize, String),
    /// The line is indented deeper than this option above it, as if it belonged to its value.
    Indented(usize, String),
    /// The option names a variable that is not set and has no default.
    NotSet(usize, String, String),
}

impl fmt::Display for IniError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUnderstood(line) => write!(
                f,
                "{line}: not understood; a line is [section], option = value or # comment"
            ),
            Self::NoSection(line) => write!(f, "{line}: an option before the first [section]"),
            Self::SectionTwice(line, name) => write!(f, "{line}: [{name}] is there twice"),
            Self::OptionTwice(line, name) => write!(f, "{line}: {name} is there twice"),
            Self::Indented(line, option) => write!(
                f,
                "{line}: indented deeper than {option} above it; begin it where that begins"
            ),
            Self::NotSet(line, option, variable) => write!(
                f,
                "{line}: {option} names the variable {variable}, which is not set; set it, or \
                 write ${{{variable}:DEFAULT}}"
            ),
        }
    }
}

impl Ini {
    /// Reads a file.
    ///
    /// # Errors
    /// The first line that is wrong.
    pub fn parse(text: &str) -> Result<Self, IniError> {
        let mut sections: Vec<Section> = Vec::new();
        // How far the last option is indented.
        let mut open = None;
        for (line, number) in text.trim_start_matches('\u{feff}').lines().zip(1..) {
            let content = line.trim();
            if content.is_empty() || content.starts_with(['#', ';']) {
                continue;
            }
            let indent = line.len() - line.trim_start().len();
            let options = sections.last().map(|section| &section.options);
            let goes_on = open.is_some_and(|open| indent > open);
            if let (true, Some((option, ..))) = (goes_on, options.and_then(|o| o.last())) {
                return Err(IniError::Indented(number, option.clone()));
            }
            let name = content
                .strip_prefix('[')
                .and_then(|rest| rest.strip_suffix(']'));
            if let Some(name) = name {
                if sections.iter().any(|section| section.name == name) {
                    return Err(IniError::SectionTwice(number, name.to_owned()));
                }
                sections.push(Section {
                    name: name.to_owned(),
                    options: Vec::new(),
                });
                open = None;
                continue;
            }
            let at = content.find(['=', ':']);
            let at = at.filter(|at| *at > 0 && !content.starts_with('['));
            let (option, value) = content.split_at(at.ok_or(IniError::NotUnderstood(number))?);
            let (option, value) = (option.trim().to_lowercase(), value[1..].trim().to_owned());
            let section = sections.last_mut().ok_or(IniError::NoSection(number))?;
            if section.options.iter().any(|(known, ..)| *known == option) {
                return Err(IniError::OptionTwice(number, option));
            }
            section.options.push((option, value, number));
            open = Some(indent);
        }
        Ok(Self { sections })
    }

    /// Puts values of the environment in the place of `${NAME:default}` in the sections `wanted`
    /// and in `[DEFAULT]`: what nobody reads needs no variable.
    ///
    /// # Errors
    /// When one is neither set nor has a default.
    pub fn expand(
        &mut self,
        wanted: &[&str],
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<(), IniError> {
        let is_read = |section: &&mut Section| {
            let name = section.name.as_str();
            name == "DEFAULT" || wanted.contains(&name)
        };
        for section in self.sections.iter_mut().filter(is_read) {
            for (option, value, line) in &mut section.options {
                let inner = value
                    .strip_prefix("${")
                    .and_then(|rest| rest.strip_suffix('}'));
                let Some(inner) = inner else {
                    continue;
                };
                let (variable, default) = match inner.split_once(':') {
                    Some((variable, default)) => (variable, Some(default)),
                    None => (inner, None),
                };
                let found = environment(variable).or_else(|| default.map(str::to_owned));
                let missing = || IniError::NotSet(*line, option.clone(), variable.to_owned());
                *value = found.ok_or_else(missing)?;
            }
        }
        Ok(())
    }

    /// The section of that name.
    pub fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.name == name)
    }

    /// The value of an option, else that of `[DEFAULT]`.
    pub fn value<'a>(&'a self, section: &'a Section, option: &str) -> Option<&'a str> {
        let defaults = self.section("DEFAULT");
        section.own(option).or_else(|| defaults?.own(option))
    }
}

impl Section {
    fn own(&self, option: &str) -> Option<&str> {
        let mut options = self.options.iter();
        let found = options.find(|(name, ..)| name == option);
        found.map(|(_, value, _)| value.as_str())
    }

    /// Its own options: name and value.
    pub fn options(&self) -> impl Iterator<Item = (&str, &str)> {
        let options = self.options.iter();
        options.map(|(name, value, _)| (name.as_str(), value.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value(text: &str) -> Option<String> {
        let ini = Ini::parse(text).unwrap();
        let section = ini.section("rabbit").unwrap();
        ini.value(section, "key").map(str::to_owned)
    }

    #[test]
    fn values_are_what_stands_behind_the_first_sign() {
        for (line, expected) in [
            ("key = a = b", "a = b"),
            ("KEY: x:y", "x:y"),
            ("key=", ""),
            (
                "  key =  # not a comment ; nor this",
                "# not a comment ; nor this",
            ),
            ("key = %d \\n \"q\"", "%d \\n \"q\""),
        ] {
            assert_eq!(
                value(&format!("[rabbit]\n{line}\n")).as_deref(),
                Some(expected)
            );
        }
        assert_eq!(
            value("[DEFAULT]\nkey=d\n[rabbit]\n; c\n# c\n").as_deref(),
            Some("d")
        );
        assert_eq!(
            value("[DEFAULT]\nkey=d\n[rabbit]\nkey=r").as_deref(),
            Some("r")
        );
        let indented = "    [rabbit]\n    # c\n    key = v\n    other = w\n";
        assert_eq!(value(indented).as_deref(), Some("v"));
        assert_eq!(value("\u{feff}[rabbit]\r\nother = 1\r\n"), None);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let error = |text| Ini::parse(text).unwrap_err();
        assert_eq!(error("a = b"), IniError::NoSection(1));
        assert_eq!(error("[a]\nx"), IniError::NotUnderstood(2));
        assert_eq!(error("[a]\n[b = c"), IniError::NotUnderstood(2));
        assert_eq!(error("[a]\n= x"), IniError::NotUnderstood(2));
        assert_eq!(error("[a]\n[a]"), IniError::SectionTwice(2, "a".into()));
        let indented = error("[a]\nport = 1\n  password = geheim");
        assert_eq!(indented, IniError::Indented(3, "port".into()));
        assert!(!indented.to_string().contains("geheim"));
        assert_eq!(
            error("[a]\nx=1\nX: 2"),
            IniError::OptionTwice(3, "x".into())
        );
    }

    #[test]
    fn the_environment_stands_in() {
        let known = |name: &str| (name == "HOST").then(|| "h".to_owned());
        let expanded = |text: &str| {
            let mut ini = Ini::parse(&format!("[rabbit]\nkey = {text}")).unwrap();
            ini.expand(&["rabbit"], &known)?;
            Ok(ini
                .value(ini.section("rabbit").unwrap(), "key")
                .unwrap()
                .to_owned())
        };
        assert_eq!(expanded("${HOST:x}"), Ok("h".into()));
        assert_eq!(expanded("${HOST}"), Ok("h".into()));
        assert_eq!(expanded("${NONE:a:b}"), Ok("a:b".into()));
        assert_eq!(expanded("${NONE:}"), Ok(String::new()));
        assert_eq!(expanded("x${HOST}"), Ok("x${HOST}".into()));
        let missing = IniError::NotSet(2, "key".into(), "NONE".into());
        assert_eq!(expanded("${NONE}"), Err(missing));
        let mut ini = Ini::parse("[file]\nkey = ${HOST}\n[rabbit]\nkey = ${NONE}").unwrap();
        assert_eq!(ini.expand(&["file"], &known), Ok(()));
        assert_eq!(ini.value(ini.section("file").unwrap(), "key"), Some("h"));
        ini.expand(&["rabbit"], &known).unwrap_err();
    }

    #[test]
    fn no_value_is_ever_shown() {
        let ini = Ini::parse("[rabbit]\npassword = geheim").unwrap();
        assert!(!format!("{ini:?}").contains("geheim"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "[\\[\\]a=:#; \t\r\n${}\u{feff}\u{e4}]{0,60}") {
            if let Ok(mut ini) = Ini::parse(&text) {
                let _ = ini.expand(&["a"], &|_| None);
            }
        }
    }
}
