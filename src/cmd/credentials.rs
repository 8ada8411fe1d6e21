// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who we are to a server: from options, files and the environment to the field that says it.

use std::io;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::config::{self, Section, environment};
use super::quoted;
use crate::failure::Failure;
use crate::sys::files::{self, File};

/// The `Authorization` (RFC 9110) for Elasticsearch: an API key, or user and password.
///
/// # Errors
/// When one of user and password is missing, or a secret cannot be read or sent.
pub fn elastic(section: &Section) -> Result<Option<String>, Failure> {
    let has = |options: &[&str]| options.iter().any(|option| section.has(option));
    let is_set = |variable: &str| environment(variable).is_some();
    let own_key = has(&["api_key", "api_key_file"]);
    let own_user = has(&["user", "password", "password_file"]);
    let set_key = is_set("NETVITALS_ES_API_KEY");
    let set_user =
        is_set("NETVITALS_ES_USER") || (is_set("NETVITALS_ES_PASSWORD") && has(&["user"]));
    // An option goes before the environment, and that before the file, also where they name
    // different means.
    let by_key = match section.is_of_flags() {
        true => own_key || (set_key && !own_user),
        false => set_key || (own_key && !set_user),
    };
    if !by_key {
        return basic(section);
    }
    let key = secret(section, "api_key", "NETVITALS_ES_API_KEY")?;
    Ok(key.map(|key| format!("ApiKey {key}")))
}

/// The `Authorization` for an HTTP API.
///
/// # Errors
/// When the key cannot be read or sent.
pub fn api(section: &Section) -> Result<Option<String>, Failure> {
    let key = secret(section, "api_key", "NETVITALS_API_KEY")?;
    Ok(key.map(|key| format!("Bearer {key}")))
}

fn basic(section: &Section) -> Result<Option<String>, Failure> {
    let own = section.given("user").map(str::to_owned);
    let set = environment("NETVITALS_ES_USER");
    let user = match section.is_of_flags() {
        true => own.or(set),
        false => set.or(own),
    };
    match (user, secret(section, "password", "NETVITALS_ES_PASSWORD")?) {
        (None, None) => Ok(None),
        (Some(user), Some(_)) if user.contains(':') => Err(config::refused(
            "variable NETVITALS_ES_USER",
            &user,
            "a user",
            "anything without a colon",
        )),
        (Some(user), Some(password)) => {
            let credentials = BASE64_STANDARD.encode(format!("{user}:{password}"));
            Ok(Some(format!("Basic {credentials}")))
        }
        (Some(_), None) => Err(section.refuse(
            "user",
            ": without a password; give password_file (--es-pwd-file), password (--espwd) or \
             NETVITALS_ES_PASSWORD",
        )),
        (None, Some(_)) => Err(section.refuse(
            "password",
            ": without a user; give user (--esuser) or NETVITALS_ES_USER",
        )),
    }
}

/// The secret that an option holds, or the file that `OPTION_file` names, or a variable.
fn secret(section: &Section, option: &str, variable: &str) -> Result<Option<String>, Failure> {
    let file = format!("{option}_file");
    let set = environment(variable);
    let (text, subject) = match (section.given(option), section.given(&file)) {
        (None, None) => (set, None),
        _ if set.is_some() && !section.is_of_flags() => (set, None),
        (Some(text), _) => (Some(text.to_owned()), Some(section.subject(option))),
        (None, Some(path)) => {
            let subject = section.subject(&file);
            (Some(first_line(path, &subject)?), Some(subject))
        }
    };
    let fault = |text| config::secret_fault(text, option == "api_key");
    match text.as_deref().and_then(fault) {
        None => Ok(text),
        Some(fault) => {
            let subject = subject.unwrap_or_else(|| format!("variable {variable}"));
            Err(Failure::usage(format_args!("{subject}{fault}")))
        }
    }
}

fn first_line(path: &str, subject: &str) -> Result<String, Failure> {
    let read = files::c_path(path)
        .and_then(|path| File::open(&path)?.read_to_end(4_096))
        .and_then(|text| String::from_utf8(text).map_err(io::Error::other));
    match read {
        Ok(text) => Ok(text.lines().next().unwrap_or_default().to_owned()),
        Err(error) => Err(Failure::failed(format_args!(
            "{subject} {}: cannot read the secret in it: {error}; is it yours to read?",
            quoted(path)
        ))),
    }
}
