// SPDX-License-Identifier: MIT OR Apache-2.0
//! The sections of a broker: `[rabbit]`, `[rabbit_queue_options]`, `[ssl_options]`.

use super::{NOT_BOOLEAN, Options, SettingsError, boolean};
use crate::tstat::ini::Section;
use crate::tstat::settings::{Argument, Persistent, QueueOptions, Rabbit, Secret, TlsOptions};

pub(super) const TLS: [&str; 5] = [
    "ca_certs",
    "certfile",
    "keyfile",
    "cert_reqs",
    "server_hostname",
];

pub(super) const RABBIT: [&str; 11] = [
    "host",
    "port",
    "username",
    "password",
    "use_ssl",
    "vhost",
    "queue",
    "routing_key",
    "exchange",
    "heartbeat",
    "persistent",
];

/// `[rabbit]`, with the other two as far as they are there.
pub(super) fn read(
    options: &Options<'_>,
    queue: Option<&Section>,
    tls: Option<&Options<'_>>,
) -> Result<Rabbit, SettingsError> {
    let persistent = match options.filled("persistent").as_deref() {
        None => Persistent::Auto,
        Some(text) if text.eq_ignore_ascii_case("auto") => Persistent::Auto,
        Some(text) => match boolean(text) {
            Some(true) => Persistent::Yes,
            Some(false) => Persistent::No,
            None => return Err(options.wrong("persistent", "allowed: auto, yes, no")),
        },
    };
    let (host, port) = (options.host()?, options.port()?);
    Ok(Rabbit {
        host: host.trim_matches(['[', ']']).to_owned(),
        port,
        username: options.text("username")?,
        password: Secret(options.required("password")?.to_owned()),
        vhost: options.text("vhost")?,
        queue: short(options, "queue", options.text("queue")?)?,
        routing_key: short(
            options,
            "routing_key",
            options.required("routing_key")?.to_owned(),
        )?,
        exchange: short(
            options,
            "exchange",
            options.required("exchange")?.to_owned(),
        )?,
        heartbeat_s: options.integer("heartbeat", "0 to 65535")?,
        persistent,
        queue_options: match queue {
            Some(section) => queue_options(section)?,
            None => QueueOptions::default(),
        },
        tls: match (options.boolean("use_ssl")?, tls) {
            (false, _) => None,
            (true, None) => Some(TlsOptions::default()),
            (true, Some(tls)) => Some(tls_options(tls)?),
        },
    })
}

/// A name as AMQP can carry it: a short string (section 4.2.5.3).
fn short(options: &Options<'_>, option: &str, text: String) -> Result<String, SettingsError> {
    match text.len() {
        0..=255 => Ok(text),
        _ => Err(options.wrong(option, "is longer than 255 bytes")),
    }
}

fn queue_options(section: &Section) -> Result<QueueOptions, SettingsError> {
    let mut options = QueueOptions::default();
    for (option, text) in section.options() {
        let wrong = |what: &str| {
            SettingsError::Wrong("rabbit_queue_options", option.to_owned(), what.to_owned())
        };
        let flag = match option {
            "passive" => &mut options.passive,
            "durable" => &mut options.durable,
            "exclusive" => &mut options.exclusive,
            "auto_delete" => &mut options.auto_delete,
            "queue" | "nowait" | "callback" => return Err(wrong("cannot be given here")),
            "arguments" => return Err(wrong("write each as a line: x-message-ttl = 60000")),
            _ if RABBIT.contains(&option) => return Err(wrong("belongs into [rabbit]")),
            _ if TLS.contains(&option) => return Err(wrong("belongs into [ssl_options]")),
            _ if option.len() > 255 => return Err(wrong("is longer than 255 bytes")),
            _ => {
                let argument = argument(text);
                options.arguments.push((option.to_owned(), argument));
                continue;
            }
        };
        *flag = boolean(text).ok_or_else(|| wrong(NOT_BOOLEAN))?;
    }
    Ok(options)
}

/// What the text of a further argument means. As numbers are common there, 0 and 1 are such.
fn argument(text: &str) -> Argument {
    if let Ok(number) = text.parse() {
        return Argument::Integer(number);
    }
    match text {
        _ if text.eq_ignore_ascii_case("true") => Argument::Boolean(true),
        _ if text.eq_ignore_ascii_case("false") => Argument::Boolean(false),
        _ => Argument::Text(text.to_owned()),
    }
}

fn tls_options(options: &Options<'_>) -> Result<TlsOptions, SettingsError> {
    let insecure = match options.filled("cert_reqs").as_deref() {
        None => false,
        Some(text) => match text.strip_prefix("ssl.").unwrap_or(text) {
            // A server always shows a certificate, so that both mean the same.
            "CERT_REQUIRED" | "CERT_OPTIONAL" | "2" | "1" => false,
            "CERT_NONE" | "0" => true,
            _ => return Err(options.wrong("cert_reqs", "allowed: CERT_REQUIRED, CERT_NONE")),
        },
    };
    Ok(TlsOptions {
        ca_certs: options.filled("ca_certs"),
        certfile: options.filled("certfile"),
        keyfile: options.filled("keyfile"),
        insecure,
        server_hostname: options.filled("server_hostname"),
    })
}
