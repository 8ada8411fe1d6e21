// SPDX-License-Identifier: MIT OR Apache-2.0
//! From the text of the configuration to checked settings. Complaints name section and option, and
//! never show what may be a secret.

mod rabbit;

use core::fmt;
use core::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::ini::{Ini, IniError, Section};
use super::settings::{Secret, Server, Transport};
use crate::sink::endpoint;

/// Names of the transports.
pub const TRANSPORTS: [&str; 4] = ["rabbit", "api", "elasticsearch", "file"];

/// Why a configuration is no good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingsError {
    /// The text is none of its kind.
    Ini(IniError),
    /// There is no such section.
    NoSection(&'static str),
    /// The section lacks an option.
    Missing(&'static str, &'static str),
    /// Section, option, what is wrong with its value.
    Wrong(&'static str, String, String),
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ini(error) => write!(f, ":{error}"),
            Self::NoSection(section) => {
                write!(
                    f,
                    ": there is no section [{section}], which --transport {section} needs"
                )
            }
            Self::Missing(section, option) => write!(f, ": [{section}] lacks {option}"),
            Self::Wrong(section, option, what) => write!(f, ": [{section}] {option}: {what}"),
        }
    }
}

type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Where slices go by `transport`, one of [`TRANSPORTS`]; in `unknown` what was not understood.
///
/// # Errors
/// When something is missing or wrong.
pub fn transport(
    text: &str,
    transport: &str,
    environment: Environment<'_>,
    unknown: &mut Vec<String>,
) -> Result<Transport, SettingsError> {
    let mut ini = Ini::parse(text).map_err(SettingsError::Ini)?;
    let wanted: &[&str] = match transport {
        "rabbit" => &["rabbit", "rabbit_queue_options", "ssl_options"],
        other => &[other],
    };
    ini.expand(wanted, environment)
        .map_err(SettingsError::Ini)?;
    let mut options = |name, known: &[&str]| Options::of(&ini, name, known, unknown);
    match transport {
        "api" => {
            let known = ["host", "port", "path", "use_ssl", "api_key", "ca"];
            api(&options("api", &known)?, environment).map(Transport::Api)
        }
        "elasticsearch" => {
            let known = [
                "host", "port", "index", "username", "password", "use_ssl", "ca",
            ];
            elastic(&options("elasticsearch", &known)?, environment).map(Transport::Elastic)
        }
        "file" => {
            let file = options("file", &["path"])?;
            match file.required("path")? {
                path if path.is_empty() || path.ends_with('/') => {
                    Err(file.wrong("path", "not the path of a file"))
                }
                path => Ok(Transport::File(path.to_owned())),
            }
        }
        _ => {
            let broker = options("rabbit", &rabbit::RABBIT)?;
            let tls = options("ssl_options", &rabbit::TLS).ok();
            let queue = ini.section("rabbit_queue_options");
            rabbit::read(&broker, queue, tls.as_ref())
                .map(|rabbit| Transport::Rabbit(rabbit.into()))
        }
    }
}

/// The options of one section.
struct Options<'a> {
    ini: &'a Ini,
    section: &'a Section,
    name: &'static str,
}

impl<'a> Options<'a> {
    fn of(
        ini: &'a Ini,
        name: &'static str,
        known: &[&str],
        unknown: &mut Vec<String>,
    ) -> Result<Self, SettingsError> {
        let section = ini.section(name).ok_or(SettingsError::NoSection(name))?;
        let strange = section
            .options()
            .filter(|(option, _)| !known.contains(option));
        unknown.extend(strange.map(|(option, _)| format!("[{name}] {option}")));
        Ok(Self { ini, section, name })
    }

    fn wrong(&self, option: &str, what: impl fmt::Display) -> SettingsError {
        SettingsError::Wrong(self.name, option.to_owned(), what.to_string())
    }

    fn given(&self, option: &str) -> Option<&'a str> {
        self.ini.value(self.section, option)
    }

    /// One that may be left empty as well as out.
    fn filled(&self, option: &str) -> Option<String> {
        let value = self.given(option).filter(|value| !value.is_empty());
        value.map(str::to_owned)
    }

    fn required(&self, option: &'static str) -> Result<&'a str, SettingsError> {
        self.given(option)
            .ok_or(SettingsError::Missing(self.name, option))
    }

    /// One that must not be empty either.
    fn text(&self, option: &'static str) -> Result<String, SettingsError> {
        match self.required(option)? {
            "" => Err(self.wrong(option, "is empty")),
            text => Ok(text.to_owned()),
        }
    }

    fn integer<T: FromStr>(&self, option: &str, allowed: &str) -> Result<Option<T>, SettingsError> {
        let digits = |text: &&str| text.bytes().all(|byte| byte.is_ascii_digit());
        let Some(text) = self.given(option).filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        let number = Some(text).filter(digits).and_then(|text| text.parse().ok());
        let what = format_args!("'{text}' is not a number from {allowed}");
        number.map(Some).ok_or_else(|| self.wrong(option, what))
    }

    fn port(&self) -> Result<u16, SettingsError> {
        self.required("port")?;
        match self.integer("port", "1 to 65535")? {
            Some(0) => Err(self.wrong("port", "'0' is not a number from 1 to 65535")),
            Some(port) => Ok(port),
            None => Err(self.wrong("port", "is empty")),
        }
    }

    fn host(&self) -> Result<String, SettingsError> {
        let host = self.text("host")?;
        if host.contains('@') {
            return Err(self.wrong("host", endpoint::EndpointError::Secret));
        }
        let foreign = |byte: u8| {
            !byte.is_ascii_alphanumeric()
                && !matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']' | b'%')
        };
        match host.bytes().any(foreign) || host.len() > 255 {
            true => Err(self.wrong("host", format_args!("'{host}' is not a name or an address"))),
            false => Ok(host),
        }
    }

    fn boolean(&self, option: &str) -> Result<bool, SettingsError> {
        match self.given(option) {
            None | Some("") => Ok(false),
            Some(text) => boolean(text).ok_or_else(|| self.wrong(option, NOT_BOOLEAN)),
        }
    }
}

const NOT_BOOLEAN: &str = "not a truth value; allowed: true false yes no on off 1 0";

fn boolean(text: &str) -> Option<bool> {
    let is = |word: &&str| text.eq_ignore_ascii_case(word);
    if ["1", "true", "yes", "on"].iter().any(is) {
        Some(true)
    } else if ["0", "false", "no", "off"].iter().any(is) {
        Some(false)
    } else {
        None
    }
}

/// The address of a server, whose port may be left out when there is a usual one.
fn url(options: &Options<'_>, usual: Option<u16>, path: &str) -> Result<String, SettingsError> {
    let host = options.host()?;
    let port = match usual {
        Some(usual) if options.filled("port").is_none() => usual,
        _ => options.port()?,
    };
    let scheme = if options.boolean("use_ssl")? {
        "https"
    } else {
        "http"
    };
    let host = match host.contains(':') && !host.starts_with('[') {
        true => format!("[{host}]"),
        false => host,
    };
    let slash = if path.starts_with('/') || path.is_empty() {
        ""
    } else {
        "/"
    };
    let server = format!("{scheme}://{host}:{port}");
    let url = format!("{server}{slash}{path}");
    // Each is blamed for what is its own.
    for (option, url) in [("host", &server), ("path", &url)] {
        let checked = endpoint::normalise(url, 80, 443);
        checked.map_err(|error| options.wrong(option, error))?;
    }
    Ok(url)
}

fn api(options: &Options<'_>, environment: Environment<'_>) -> Result<Server, SettingsError> {
    let path = options.filled("path").unwrap_or_else(|| "/".to_owned());
    let key = environment("NETVITALS_API_KEY").or_else(|| options.filled("api_key"));
    let authorization = key.map(|key| format!("Bearer {key}"));
    Ok(Server {
        url: url(options, None, &path)?,
        index: String::new(),
        authorization: field(options, "api_key", authorization)?,
        ca: options.filled("ca"),
    })
}

fn elastic(options: &Options<'_>, environment: Environment<'_>) -> Result<Server, SettingsError> {
    let index = options
        .filled("index")
        .unwrap_or_else(|| "netvitals-tstat".to_owned());
    let foreign = |c: char| !matches!(c, 'a'..='z' | '0'..='9' | '.' | '_' | '-' | '+');
    if index.contains(foreign) || index.starts_with(['-', '_', '+', '.']) || index.len() > 255 {
        let what = "not an index; allowed: lower case letters, digits, . _ - +";
        return Err(options.wrong("index", what));
    }
    let user = environment("NETVITALS_ES_USER").or_else(|| options.filled("username"));
    let password = environment("NETVITALS_ES_PASSWORD").or_else(|| options.filled("password"));
    let authorization = match (environment("NETVITALS_ES_API_KEY"), user, password) {
        (Some(key), ..) => Some(format!("ApiKey {key}")),
        (None, None, None) => None,
        (None, Some(user), Some(password)) => {
            let text = format!("{user}:{password}");
            Some(format!("Basic {}", BASE64_STANDARD.encode(text)))
        }
        (None, None, Some(_)) => return Err(SettingsError::Missing(options.name, "username")),
        (None, Some(_), None) => return Err(SettingsError::Missing(options.name, "password")),
    };
    Ok(Server {
        url: url(options, Some(9_200), "")?,
        index,
        authorization: field(options, "password", authorization)?,
        ca: options.filled("ca"),
    })
}

/// What can be sent as a field of HTTP.
fn field(
    options: &Options<'_>,
    option: &str,
    text: Option<String>,
) -> Result<Option<Secret>, SettingsError> {
    match text {
        Some(text) if !text.bytes().all(|byte| matches!(byte, b' '..=b'~')) => Err(options.wrong(
            option,
            "holds what cannot be sent; allowed: printable ASCII",
        )),
        text => Ok(text.map(Secret)),
    }
}

#[cfg(test)]
mod tests;
