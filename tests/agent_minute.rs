// SPDX-License-Identifier: MIT OR Apache-2.0
//! What of the agent takes a minute to be seen; run with one set of features only.
#![cfg(feature = "full")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

#[path = "support/agent.rs"]
mod agent;
#[path = "board/src/frames.rs"]
#[allow(dead_code)]
mod frames;
#[path = "support/lan.rs"]
mod lan;
#[path = "board/src/layout.rs"]
#[allow(dead_code)]
mod layout;
#[path = "board/src/link.rs"]
#[allow(dead_code)]
mod link;
#[path = "board/src/lan.rs"]
#[allow(dead_code)]
mod living;
#[path = "board/src/outbox.rs"]
mod outbox;
#[path = "support/schema.rs"]
mod schema;
#[path = "support/snapshot.rs"]
mod snapshot;
mod support;
#[path = "board/src/traffic.rs"]
#[allow(dead_code)]
mod traffic;
#[path = "support/traffic.rs"]
mod wire;

use agent::Agent;
use lan::{OURS, inside};
use snapshot::{Snapshot, check_run, number, text};
use support::server::{Reply, Server};
use support::tempdir::TempDir;
use wire::mac;

/// A minute, or longer where there is time for it.
fn seconds() -> usize {
    let seconds = std::env::var("NETVITALS_TEST_SECONDS");
    seconds.map_or(60, |seconds| seconds.parse().unwrap())
}

/// Takes every request, and answers with a byte every so often.
fn slow_server(pause: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = move |mut stream: TcpStream| -> std::io::Result<()> {
        let mut buffer = [0; 65_536];
        while stream.read(&mut buffer)? > 0 {
            for byte in b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n" {
                std::thread::sleep(pause);
                stream.write_all(&[*byte])?;
            }
        }
        Ok(())
    };
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || serve(stream.unwrap()));
        }
    });
    address
}

/// All outputs that make trouble, and one that does not.
struct Servers {
    good: Server,
    hanging: Server,
    slow: SocketAddr,
    slower: SocketAddr,
}

impl Servers {
    fn start() -> Self {
        Self {
            good: Server::start(|_, _| Reply::Status(200, "", String::new())),
            hanging: Server::start(|_, _| Reply::Never),
            slow: slow_server(Duration::from_millis(100)),
            slower: slow_server(Duration::from_secs(1)),
        }
    }

    /// Port 1 is nobody's.
    fn outputs(&self) -> String {
        let outputs = [
            ("good", self.good.address),
            ("down", "127.0.0.1:1".parse().unwrap()),
            ("hanging", self.hanging.address),
            ("slow", self.slow),
            ("slower", self.slower),
        ];
        let output = |(name, address)| {
            format!(
                "config output '{name}'\n\toption type 'api'\n\toption url 'http://{address}/'\n"
            )
        };
        let outputs: String = outputs.map(output).concat();
        outputs + "config output 'out'\n\toption type 'stdout'\n"
    }
}

const TROUBLE: [&str; 4] = ["down", "hanging", "slow", "slower"];

/// Every second a window, none late, none without the other; whatever was not delivered is counted.
#[track_caller]
fn undisturbed(snapshots: &[Snapshot]) {
    check_run(snapshots);
    let first = snapshots[0].times().1;
    for (index, snapshot) in (0..).zip(snapshots) {
        let late = snapshot.times().1 - first - index * 1_000;
        assert!(
            (-300..300).contains(&late),
            "window {index}: {late} ms late"
        );
        for output in TROUBLE.into_iter().chain(["good", "out"]) {
            let accounted = snapshot.accounted(output);
            let made = snapshot.sequence() - 1;
            assert_eq!(accounted, made, "{output}: {:?}", snapshot.output(output));
        }
    }
    let last = snapshots.last().unwrap();
    let good = last.output("good").unwrap();
    assert!(number(good, "sent") + 3 >= last.sequence(), "{good:?}");
    for output in TROUBLE {
        let output = last.output(output).unwrap();
        let (queue, dropped) = (number(output, "queue"), number(output, "dropped"));
        // There is room for some thirty documents.
        assert!(queue < 45 && queue + dropped > 20, "{output:?}");
        assert!(
            text(output, "name") == "slow" || output.contains_key("lastError"),
            "{output:?}"
        );
    }
    assert_eq!(number(last.output("down").unwrap(), "sent"), 0);
    assert_eq!(number(last.output("hanging").unwrap(), "sent"), 0);
    assert!(number(last.output("slow").unwrap(), "sent") > 3);
}

#[test]
fn servers_that_fail_disturb_nothing_and_nothing_is_lost_uncounted() {
    let name = "servers_that_fail_disturb_nothing_and_nothing_is_lost_uncounted";
    inside(name, || {
        let _peer = wire::living(3);
        let directory = TempDir::new();
        let spool = directory.path().join("spool");
        let servers = [Servers::start(), Servers::start()];
        let spools = ["", spool.to_str().unwrap()];
        let agents = [0, 1].map(|index| {
            let main = format!(
                "config netvitals\n\toption interval '1s'\n\tlist interface '{OURS}'\n\t\
                 option spool '{}'\n\toption spool_kib '64'\n",
                spools[index]
            );
            let content = main + &servers[index].outputs();
            let file = lan::file(&directory, &format!("netvitals-{index}"), &content);
            Agent::start_with(file.to_str().unwrap(), &[])
        });
        std::thread::sleep(Duration::from_secs(seconds() as u64));
        for (agent, spool) in agents.into_iter().zip(spools) {
            let snapshots = agent.more(1);
            assert!(snapshots.len() + 2 >= seconds(), "{}", snapshots.len());
            undisturbed(&snapshots);
            let ended = agent.terminate();
            assert!(ended.lasted < Duration::from_millis(3_300), "{ended:?}");
            println!("{spool:?}: {}", ended.errors);
        }
    });
}

const STRANGER: &str = "02:77:00:00:00:01";

/// Thirty seconds are the least that can be set.
#[test]
fn who_is_silent_turns_inactive_and_leaves() {
    inside("who_is_silent_turns_inactive_and_leaves", || {
        let everybody = wire::living(4);
        let args = [
            "-i",
            OURS,
            "--inactive-after",
            "30s",
            "--forget-after",
            "35s",
        ];
        let agent = Agent::start(&args);
        let hello = |last: u8| {
            let words = format!("from={} to={} frames=20", mac(last), wire::ROUTER);
            wire::send(lan::THEIRS, &words);
        };
        let there = |snapshot: &Snapshot, last: u8| {
            let device = snapshot.device(&mac(last));
            device.map(|device| text(device.0, "status").to_owned())
        };
        // Two answered when they were asked, one was only seen to send.
        let known = agent.until(|s| s.devices().len() == 4);
        wire::send(
            lan::THEIRS,
            &format!("from={STRANGER} to={} frames=20", wire::ROUTER),
        );
        let since = known.last().unwrap().sequence();
        drop(everybody);
        // One of them goes on.
        let inactive = loop {
            hello(3);
            let snapshots = agent.more(1);
            let last = snapshots.last().unwrap();
            assert_eq!(there(last, 3).as_deref(), Some("active"));
            if there(last, 2).is_none() {
                let last = agent.more(2).pop().unwrap();
                assert_eq!(last.devices().len(), 1, "{last:?}");
                assert_eq!(last.device(&mac(3)).unwrap().ip(), "10.9.0.3");
                break agent.snapshots();
            }
            assert!(snapshots.len() < 60, "it never leaves");
        };
        check_run(&inactive);
        let statuses = inactive[since as usize..].iter().map(|s| there(s, 2));
        let count = |status: &str| {
            let statuses = statuses.clone();
            statuses.filter(|s| s.as_deref() == Some(status)).count()
        };
        let (active, inactive) = (count("active"), count("inactive"));
        assert!((27..33).contains(&active), "active for {active} s");
        assert!((2..9).contains(&inactive), "inactive for {inactive} s");
    });
}
