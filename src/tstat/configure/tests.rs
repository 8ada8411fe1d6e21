// SPDX-License-Identifier: MIT OR Apache-2.0
//! Settings of the documented example, and complaints.

use super::*;
use crate::tstat::settings::{Argument, Persistent, QueueOptions, Rabbit, TlsOptions};
use proptest::prelude::*;

const EXAMPLE: &str = "\
[rabbit]
host = localhost
port = 5671
username = esnet
password = some_mysterious_password
use_ssl = True
vhost = netsage
queue = netsage_tstat
routing_key = netsage_tstat
exchange =
[rabbit_queue_options]
[ssl_options]
";

fn no_environment(_: &str) -> Option<String> {
    None
}

fn parse(text: &str, name: &str) -> Result<Transport, SettingsError> {
    transport(text, name, &no_environment, &mut Vec::new())
}

fn rabbit(text: &str) -> Rabbit {
    match parse(text, "rabbit").unwrap() {
        Transport::Rabbit(rabbit) => *rabbit,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn refused(text: &str, name: &str, expected: &str) {
    assert_eq!(parse(text, name).unwrap_err().to_string(), expected);
}

#[test]
fn the_documented_example_is_understood() {
    let found = rabbit(EXAMPLE);
    let expected = Rabbit {
        host: "localhost".into(),
        port: 5_671,
        username: "esnet".into(),
        password: Secret("some_mysterious_password".into()),
        vhost: "netsage".into(),
        queue: "netsage_tstat".into(),
        exchange: String::new(),
        routing_key: "netsage_tstat".into(),
        heartbeat_s: None,
        persistent: Persistent::Auto,
        queue_options: QueueOptions::default(),
        tls: Some(TlsOptions::default()),
    };
    assert_eq!(found, expected);
    assert!(!format!("{found:?}").contains("mysterious"));
}

#[test]
fn queue_options_have_their_types() {
    let text = EXAMPLE.replace(
        "[rabbit_queue_options]",
        "[rabbit_queue_options]\ndurable = False\nauto_delete = yes\nx-message-ttl = 60000\n\
         x-queue-mode = lazy\nx-single-active-consumer = true\nx-min = -1",
    );
    let options = rabbit(&text).queue_options;
    assert!(!options.durable && options.auto_delete && !options.passive);
    let expected = [
        ("x-message-ttl", Argument::Integer(60_000)),
        ("x-queue-mode", Argument::Text("lazy".into())),
        ("x-single-active-consumer", Argument::Boolean(true)),
        ("x-min", Argument::Integer(-1)),
    ];
    assert_eq!(
        options.arguments,
        expected.map(|(name, value)| (name.to_owned(), value))
    );
    let text = text.replace("durable = False", "durable = maybe");
    let what = format!(": [rabbit_queue_options] durable: {NOT_BOOLEAN}");
    refused(&text, "rabbit", &what);
}

#[test]
fn an_option_of_another_section_is_no_queue_option() {
    let text = EXAMPLE.replace("[ssl_options]", "password = geheim");
    let what = ": [rabbit_queue_options] password: belongs into [rabbit]";
    refused(&text, "rabbit", what);
}

#[test]
fn certificates_are_checked_unless_it_is_said_otherwise() {
    let with = |line: &str| {
        let text = EXAMPLE.replace("[ssl_options]", &format!("[ssl_options]\n{line}"));
        rabbit(&text).tls.unwrap()
    };
    assert!(!with("").insecure && !with("cert_reqs = ssl.CERT_REQUIRED").insecure);
    assert!(with("cert_reqs = CERT_NONE").insecure);
    assert_eq!(
        with("ca_certs = /etc/ca.pem").ca_certs.as_deref(),
        Some("/etc/ca.pem")
    );
}

#[test]
fn what_is_missing_is_named() {
    refused(
        "[api]",
        "rabbit",
        ": there is no section [rabbit], which --transport rabbit needs",
    );
    for option in [
        "host",
        "port",
        "username",
        "password",
        "vhost",
        "queue",
        "routing_key",
        "exchange",
    ] {
        let kept: Vec<_> = EXAMPLE
            .lines()
            .filter(|line| !line.starts_with(option))
            .collect();
        refused(
            &kept.join("\n"),
            "rabbit",
            &format!(": [rabbit] lacks {option}"),
        );
    }
    refused("[api]\nhost=h", "api", ": [api] lacks port");
    refused("[file]", "file", ": [file] lacks path");
    refused(
        "[elasticsearch]\nhost=h\nusername=u",
        "elasticsearch",
        ": [elasticsearch] lacks password",
    );
}

#[test]
fn what_is_wrong_is_named_without_secrets() {
    refused(
        &EXAMPLE.replace("5671", "amqp"),
        "rabbit",
        ": [rabbit] port: 'amqp' is not a number from 1 to 65535",
    );
    refused(
        &EXAMPLE.replace("localhost", "a b"),
        "rabbit",
        ": [rabbit] host: 'a b' is not a name or an address",
    );
    let error = parse(&EXAMPLE.replace("localhost", "u:geheim@h"), "rabbit").unwrap_err();
    let error = error.to_string();
    assert!(
        error.contains("host: user and password") && !error.contains("geheim"),
        "{error}"
    );
    let query = "[api]\nhost=h\nport=1\npath=/in?token=geheim";
    refused(query, "api", ": [api] path: nothing may follow the path");
    let secret = "[api]\nhost=h\nport=1\napi_key=gehe\u{ef}m";
    let error = parse(secret, "api").unwrap_err().to_string();
    assert!(
        error.contains("api_key") && !error.contains("gehe"),
        "{error}"
    );
}

#[test]
fn unknown_options_are_told() {
    let mut unknown = Vec::new();
    let text = EXAMPLE.replace("port = 5671", "port = 5671\nprot = 1");
    transport(&text, "rabbit", &no_environment, &mut unknown).unwrap();
    assert_eq!(unknown, ["[rabbit] prot"]);
}

#[test]
fn servers_are_addressed_as_they_are_written() {
    let server = |text: &str, name: &str| match parse(text, name).unwrap() {
        Transport::Api(server) | Transport::Elastic(server) => server,
        other => panic!("{other:?}"),
    };
    let api = server(
        "[api]\nhost=h\nport=80\npath=in/\nuse_ssl=yes\napi_key=k",
        "api",
    );
    assert_eq!(api.url, "https://h:80/in/");
    assert_eq!(api.authorization, Some(Secret("Bearer k".into())));
    let elastic = server(
        "[elasticsearch]\nhost=::1\nusername=u\npassword=p",
        "elasticsearch",
    );
    assert_eq!(
        (elastic.url.as_str(), elastic.index.as_str()),
        ("http://[::1]:9200", "netvitals-tstat")
    );
    assert_eq!(elastic.authorization, Some(Secret("Basic dTpw".into())));
}

#[test]
fn variables_of_other_transports_are_not_missed() {
    let text = "[rabbit]\npassword = ${NOT_SET}\n[file]\npath = /data/flows.json";
    let path = "/data/flows.json".to_owned();
    assert_eq!(parse(text, "file"), Ok(Transport::File(path)));
    let expected = ":2: password names the variable NOT_SET, which is not set; set it, or write \
                    ${NOT_SET:DEFAULT}";
    refused(text, "rabbit", expected);
}

#[test]
fn the_environment_goes_before_the_file() {
    let set = |name: &str| (name == "NETVITALS_API_KEY").then(|| "env".to_owned());
    let found = transport(
        "[api]\nhost=h\nport=1\napi_key=file",
        "api",
        &set,
        &mut Vec::new(),
    );
    let Ok(Transport::Api(server)) = found else {
        panic!("{found:?}");
    };
    assert_eq!(server.authorization, Some(Secret("Bearer env".into())));
}

proptest! {
    #[test]
    fn any_text_is_read_without_panic(text: String, which in 0_usize..4) {
        let text = format!("[{}]\n{text}", TRANSPORTS[which]);
        let _ = parse(&text, TRANSPORTS[which]).map_err(|error| error.to_string());
    }
}
