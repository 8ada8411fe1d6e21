// SPDX-License-Identifier: MIT OR Apache-2.0
//! The configuration file as its users see it: outputs by name, secrets, and what is refused.

use std::fs;
use std::process::{Command, Output};

mod support;
#[cfg(feature = "http")]
use support::sending::{done, status};
#[cfg(feature = "http")]
use support::server::Server;
use support::tempdir::TempDir;
use support::{EXE, refused, stderr};

/// A directory with a configuration in it, in which `DIR` stands for the directory.
struct Place {
    directory: TempDir,
    config: String,
}

impl Place {
    fn new(text: &str) -> Self {
        let directory = TempDir::new();
        let path = directory.path().to_str().unwrap();
        let config = format!("{path}/netvitals");
        fs::write(&config, text.replace("DIR", path)).unwrap();
        Self { directory, config }
    }

    fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.directory.path().to_str().unwrap())
    }

    /// One window of `netmon` with this configuration.
    fn netmon(&self, args: &[&str], environment: &[(&str, &str)]) -> Output {
        let mut command = Command::new(EXE);
        command.args(["netmon", "-i", "lo", "--interval", "100ms"]);
        command.args(["--config", &self.config]).args(args);
        command.envs(environment.iter().copied()).output().unwrap()
    }
}

const FILES: &str = "config output 'latest'\n\toption type 'file'\n\
                     \toption path 'DIR/latest.json'\n\
                     config output 'all'\n\toption type file\n\toption path DIR/new/all.log\n\
                     \toption append 1\n\toption enabled 0\n";

#[test]
fn a_service_that_nobody_told_where_to_send_does_not_run() {
    let enabled = "config netvitals\n\toption enabled 1\n";
    let alone = "config output screen\n\toption type stdout\n";
    let agent = |text: &str, args: &[&str]| {
        let place = Place::new(text);
        let mut command = Command::new(EXE);
        command.args(["agent", "--state-file", "", "--config", &place.config]);
        let null = std::fs::File::create("/dev/null").unwrap();
        let output = command.args(args).stdout(null).output().unwrap();
        (output.status.code(), stderr(&output).to_owned())
    };
    for text in [enabled, &[enabled, alone].concat()] {
        let (code, said) = agent(text, &[]);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("no output configured") && said.lines().count() == 1);
        assert!(said.contains("add an 'output' section to '/"), "{said}");
    }
    // Whoever asks for it gets it.
    let words = ["--once", "--interval", "1s", "--capture", "off", "--no-ptr"];
    let (code, said) = agent(enabled, &words);
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn outputs_are_chosen_by_name() {
    let place = Place::new(FILES);
    let lines = |name: &str| {
        fs::read_to_string(place.path(name))
            .unwrap()
            .lines()
            .count()
    };
    for _ in 0..2 {
        let output = place.netmon(&["--output", "latest", "--output", "all"], &[]);
        assert!(
            output.status.success() && output.stdout.is_empty(),
            "{output:?}"
        );
    }
    assert_eq!((lines("latest.json"), lines("new/all.log")), (1, 2));
    let besides = place.path("besides");
    let output = place.netmon(
        &["--output=stdout", "--output=all", "--logpath", &besides],
        &[],
    );
    assert!(output.status.success() && output.stdout.starts_with(b"{\"lo\":"));
    assert_eq!((lines("latest.json"), lines("new/all.log")), (1, 3));
    assert_eq!(lines("besides/netmon.log"), 1);
}

#[test]
fn the_file_comes_from_option_environment_or_default() {
    let place = Place::new(FILES);
    let run = |args: &[&str], variable: &str| {
        let mut command = Command::new(EXE);
        command.args(["netmon", "--interval", "100ms"]).args(args);
        command.env("NETVITALS_CONFIG", variable).output().unwrap()
    };
    assert!(run(&["--output", "latest"], &place.config).status.success());
    assert!(fs::metadata(place.path("latest.json")).is_ok());
    // Without --output the file is not read.
    assert!(run(&[], "/nowhere").status.success());
    refused(
        &run(&["--output", "x"], "/nowhere"),
        1,
        &["cannot read '/nowhere'", "--config FILE"],
    );
    refused(
        &run(&["--output", "x", "--config=/dev/null"], &place.config),
        2,
        &["--output", "'x'", "there is no configuration", "--config"],
    );
    refused(
        &place.netmon(&["--output", "x"], &[]),
        2,
        &["'x'", &place.config, "there are: latest, all, stdout"],
    );
    refused(&place.netmon(&[], &[]), 2, &["--config needs --output"]);
}

#[test]
fn all_that_is_wrong_is_said_and_nothing_done() {
    let place = Place::new(&format!(
        "{FILES}config probe 'p'\n\toption hops 256\n\toption hop 1\n"
    ));
    let output = place.netmon(&["--output", "latest"], &[]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(stderr(&output).lines().count(), 3, "{output:?}");
    for words in [
        "netvitals:10: section 'p' (probe): option 'hops' '256': not in range; allowed: 1 to 255",
        "netvitals:11: section 'p' (probe): option 'hop': unknown; allowed: enabled, host, ping",
        "netvitals:9: section 'p' (probe): option 'host': is required",
    ] {
        assert!(stderr(&output).contains(words), "{words}: {output:?}");
    }
    assert!(fs::metadata(place.path("latest.json")).is_err());
    let devices = Command::new(EXE)
        .args(["devices", "--config", &place.config])
        .output()
        .unwrap();
    assert_eq!(devices.status.code(), Some(2));
    assert_eq!(stderr(&devices).lines().count(), 3);
}

#[test]
fn a_directory_that_cannot_be_used_is_named() {
    let place = Place::new("config output a\n\toption type file\n\toption path DIR/netvitals/x\n");
    let subject = format!(
        "{}:3: section 'a' (output): option 'path' '{}'",
        place.config,
        place.path("netvitals/x")
    );
    let output = place.netmon(&["--output", "a"], &[]);
    refused(&output, 1, &[&subject, "cannot use the directory"]);
}

#[cfg(not(feature = "http"))]
#[test]
fn servers_need_the_feature() {
    let place = Place::new("config output a\n\toption type api\n\toption url h\n");
    refused(
        &place.netmon(&["--output", "a"], &[]),
        2,
        &[":2: section 'a' (output): option 'type'", "feature 'http'"],
    );
    let flag = Command::new(EXE).args(["netmon", "--eshost", "h"]).output();
    refused(&flag.unwrap(), 2, &["--eshost", "feature 'http'"]);
}

#[cfg(feature = "http")]
const SERVERS: &str = "config output 'es'\n\toption type 'elastic'\n\toption url 'http://ADDRESS'\n\
                       \toption index i\n\toption user 'u'\n\toption password_file 'DIR/secret'\n\
                       config output 'api'\n\toption type api\n\toption enabled 0\n\
                       \toption url http://ADDRESS/in/\n\toption api_key k\n";

#[cfg(feature = "http")]
fn place_of(server: &Server) -> Place {
    let place = Place::new(&SERVERS.replace("ADDRESS", &server.address.to_string()));
    fs::write(place.path("secret"), "p\nmore\n").unwrap();
    place
}

#[cfg(feature = "http")]
#[test]
fn secrets_go_flag_before_environment_before_file() {
    let server = Server::start(|_, _| status(201));
    let place = place_of(&server);
    let sent = |args: &[&str], environment: &[(&str, &str)]| {
        done(&place.netmon(args, environment));
        let request = server.requests().pop().unwrap();
        (
            request.header("authorization").to_owned(),
            request.path.clone(),
        )
    };
    let es = ["--output", "es"];
    let (own, path) = sent(&es, &[]);
    assert_eq!(own, "Basic dTpw");
    assert!(path.starts_with("/i/_create/"), "{path}");
    let password = ("NETVITALS_ES_PASSWORD", "q");
    assert_eq!(sent(&es, &[password]).0, "Basic dTpx");
    assert_eq!(
        sent(&es, &[password, ("NETVITALS_ES_USER", "v")]).0,
        "Basic djpx"
    );
    assert_eq!(sent(&es, &[("NETVITALS_ES_API_KEY", "e")]).0, "ApiKey e");
    let api = ["--output", "api"];
    assert_eq!(sent(&api, &[]), ("Bearer k".to_owned(), "/in/".to_owned()));
    assert_eq!(sent(&api, &[("NETVITALS_API_KEY", "e")]).0, "Bearer e");
    fs::remove_file(place.path("secret")).unwrap();
    let unreadable = place.netmon(&es, &[]);
    let words = [
        "option 'password_file'",
        &place.path("secret"),
        "No such file",
    ];
    refused(&unreadable, 1, &words);
}

#[cfg(feature = "http")]
#[test]
fn options_for_all_servers_go_over_those_of_the_file() {
    let server = Server::start(|_, _| status(201));
    let place = place_of(&server);
    let output = place.netmon(&["--output", "api", "--batch", "2"], &[]);
    done(&output);
    assert!(server.requests().pop().unwrap().text().starts_with('['));
    refused(
        &place.netmon(&["--output", "api", "--timeout", "1ms"], &[]),
        2,
        &["option '--timeout' '1ms': not in range; allowed: 100ms to 5m"],
    );
    refused(
        &place.netmon(&["--output", "es", "--output", "es"], &[]),
        2,
        &["option 'url'", "documents go there already, by output 'es'"],
    );
    refused(
        &place.netmon(&["--output", "stdout", "--output", "stdout"], &[]),
        2,
        &["documents go there already, by output 'stdout'"],
    );
    refused(
        &place.netmon(&["--output", "stdout", "--gzip"], &[]),
        2,
        &["--gzip needs a server"],
    );
}

#[cfg(feature = "http")]
#[test]
fn an_output_of_the_file_is_called_by_its_name() {
    let server = Server::start(|_, _| status(400));
    let place = place_of(&server);
    refused(
        &place.netmon(&["--output", "api"], &[]),
        1,
        &["output 'api', api http://", "not delivered", "400"],
    );
}
