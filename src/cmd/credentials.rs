// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who we are to a server: from options, files and the environment to the field that says it.

use std::io;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::outputs::Options;
use super::{config, quoted};
use crate::failure::Failure;
use crate::sys::files::{self, File};

/// The `Authorization` (RFC 9110) for Elasticsearch: an API key, or user and password.
///
/// # Errors
/// When the options contradict each other, or a secret cannot be read or sent.
pub fn elastic(options: &Options) -> Result<Option<String>, Failure> {
    let key = secret(&options.es_api_key, &options.es_api_key_file, "es-api-key")?;
    let key_asked = options.es_api_key.is_some() || options.es_api_key_file.is_some();
    let asked = [&options.esuser, &options.espwd, &options.es_pwd_file];
    // An option goes before the environment, also where they name different means.
    let user_asked = asked.iter().any(|option| option.is_some());
    match key {
        Some(_) if key_asked && user_asked => Err(Failure::usage(
            "give either --es-api-key or --esuser with --espwd",
        )),
        Some(key) if key_asked || !user_asked => Ok(Some(format!("ApiKey {key}"))),
        _ => basic(options),
    }
}

/// The `Authorization` for an HTTP API.
///
/// # Errors
/// When the key cannot be read or sent.
pub fn api(options: &Options) -> Result<Option<String>, Failure> {
    let key = secret(&options.api_key, &options.api_key_file, "api-key")?;
    Ok(key.map(|key| format!("Bearer {key}")))
}

fn basic(options: &Options) -> Result<Option<String>, Failure> {
    let user = options
        .esuser
        .clone()
        .or_else(|| config::environment("NETVITALS_ES_USER"));
    let password = secret(&options.espwd, &options.es_pwd_file, "es-password")?;
    match (user, password) {
        (None, None) => Ok(None),
        (Some(user), Some(_)) if user.contains(':') => Err(config::refused(
            "option '--esuser'",
            &user,
            "a user",
            "anything without a colon",
        )),
        (Some(user), Some(password)) => {
            let credentials = BASE64_STANDARD.encode(format!("{user}:{password}"));
            Ok(Some(format!("Basic {credentials}")))
        }
        (Some(_), None) => Err(Failure::usage(
            "a user without a password: give --espwd, --es-pwd-file or NETVITALS_ES_PASSWORD",
        )),
        (None, Some(_)) => Err(Failure::usage(
            "a password without a user: give --esuser or NETVITALS_ES_USER",
        )),
    }
}

/// The secret `what` from its option, else its file, else its variable.
fn secret(
    inline: &Option<String>,
    file: &Option<String>,
    what: &str,
) -> Result<Option<String>, Failure> {
    let text = match (inline, file) {
        (Some(_), Some(_)) => {
            return Err(Failure::usage(format_args!(
                "give either {what} or a file with it"
            )));
        }
        (Some(text), None) => Some(text.clone()),
        (None, Some(path)) => Some(first_line(path)?),
        (None, None) => {
            let variable = format!("NETVITALS_{}", what.to_ascii_uppercase().replace('-', "_"));
            config::environment(&variable)
        }
    };
    let is_key = what.ends_with("key");
    match text {
        Some(text)
            if !text
                .bytes()
                .all(|byte| (0x20..0x7f).contains(&byte) || (byte > 0x7f && !is_key)) =>
        {
            Err(Failure::usage(format_args!(
                "{what}: holds control characters"
            )))
        }
        text => Ok(text),
    }
}

fn first_line(path: &str) -> Result<String, Failure> {
    let read = files::c_path(path)
        .and_then(|path| File::open(&path)?.read_to_end(4_096))
        .and_then(|text| String::from_utf8(text).map_err(io::Error::other));
    match read {
        Ok(text) => Ok(text.lines().next().unwrap_or_default().to_owned()),
        Err(error) => Err(Failure::failed(format_args!(
            "cannot read the secret in {}: {error}; is it yours to read?",
            quoted(path)
        ))),
    }
}
