// SPDX-License-Identifier: MIT OR Apache-2.0
//! Probes that go on for years: rounds, names that come and go, other hosts while it runs, the end.

#[path = "board/src/frames.rs"]
#[allow(dead_code)]
mod frames;
#[path = "support/lan.rs"]
mod lan;
#[path = "board/src/link.rs"]
#[allow(dead_code)]
mod link;
#[path = "support/path.rs"]
mod path;
mod support;

use std::net::IpAddr;
use std::time::Duration;

use netvitals::collect::prober::{Job, Prober, Report, Rhythm, Scan, Subject};
use netvitals::engine::echo::{Burst, Payload};
use netvitals::model::probe::Service;
use netvitals::sys::clock;
use netvitals::sys::poll::{self, AsFd, Until};
use netvitals::time::Mono;
use path::at_a_path;
use support::tempdir::TempDir;

const PAUSE: Duration = Duration::from_millis(100);

/// What a report said, to be looked at later.
#[derive(Clone, Debug)]
struct Told {
    name: String,
    job: usize,
    address: Option<IpAddr>,
    unresolved: Option<String>,
    begun: Mono,
    checked: Mono,
    ping: Option<(u32, u32)>,
    hops: Option<usize>,
    route_changed: bool,
    open: Option<Vec<bool>>,
}

fn told(report: &Report<'_>) -> Told {
    Told {
        name: report.name.to_owned(),
        job: report.job,
        address: report.address,
        unresolved: report.unresolved.map(str::to_owned),
        begun: report.begun,
        checked: report.checked,
        ping: report.ping.map(|ping| (ping.sent(), ping.received())),
        hops: report.route.map(<[_]>::len),
        route_changed: report.route_changed,
        open: report
            .ports
            .map(|ports| ports.iter().map(|port| port.2.is_some()).collect()),
    }
}

fn burst(count: u32, timeout: Duration) -> Burst {
    Burst {
        count,
        payload: Payload::Text,
        spacing: Duration::from_millis(10),
        timeout,
    }
}

fn job(timeout: Duration) -> Job {
    Job {
        ping: None,
        trace: None,
        scan: None,
        timeout,
        rhythm: Rhythm::After(PAUSE),
    }
}

/// Everything at once, as a file of eight numbers asks for it.
fn all(host: &str) -> Subject {
    let ports = vec![(80, Service::Http), (3_306, Service::Mysql)];
    let job = Job {
        ping: Some(burst(3, Duration::from_millis(500))),
        trace: Some(10),
        scan: Some(Scan {
            ports,
            judging: false,
        }),
        ..job(Duration::from_millis(500))
    };
    subject(host, vec![job])
}

fn pings(host: &str, count: u32) -> Subject {
    let timeout = Duration::from_millis(500);
    let job = Job {
        ping: Some(burst(count, timeout)),
        ..job(timeout)
    };
    subject(host, vec![job])
}

fn subject(host: &str, jobs: Vec<Job>) -> Subject {
    Subject {
        name: host.to_owned(),
        host: host.to_owned(),
        jobs,
    }
}

/// Lets it run until that holds of all that was told.
#[track_caller]
fn until(prober: &mut Prober, mut holds: impl FnMut(&[Told]) -> bool) -> Vec<Told> {
    let start = clock::mono();
    let mut all = Vec::new();
    while !holds(&all) {
        assert!(clock::mono().since(start).as_secs() < 30, "{all:?}");
        let due = prober.next_due().map(|due| due.since(clock::mono()));
        let wait = due.unwrap_or(PAUSE).min(PAUSE);
        poll::wait([(prober.as_fd(), Until::Readable)], Some(wait)).unwrap();
        prober.turn(&mut |report| all.push(told(report))).unwrap();
    }
    all
}

fn of<'a>(all: &'a [Told], name: &str) -> Vec<&'a Told> {
    all.iter().filter(|told| told.name == name).collect()
}

#[test]
fn a_round_is_told_when_all_of_it_is_over_and_the_next_begins_after_a_pause() {
    let name = "a_round_is_told_when_all_of_it_is_over_and_the_next_begins_after_a_pause";
    at_a_path(name, |_| {
        path::serve_http("10.3.0.2", b"HTTP/1.1 200 OK\r\n\r\n");
        let hosts = ["10.3.0.2", "10.8.0.1", "10.3.0.2"];
        let mut prober = Prober::open(hosts.map(all).into()).unwrap();
        let all = until(&mut prober, |all| {
            of(all, "10.8.0.1").len() == 3 && of(all, "10.3.0.2").len() >= 8
        });
        for told in of(&all, "10.3.0.2") {
            assert_eq!((told.ping, told.hops), (Some((3, 3)), Some(3)));
            assert_eq!(told.open, Some(vec![true, false]));
        }
        // Each of the two that are the same host has its own route.
        let news = of(&all, "10.3.0.2")
            .iter()
            .filter(|told| told.route_changed)
            .count();
        assert_eq!(news, 2);
        let dead = of(&all, "10.8.0.1");
        assert_eq!(
            (dead[0].ping, &dead[0].open),
            (Some((3, 0)), &Some(vec![false, false]))
        );
        assert_eq!(
            (dead[0].hops, dead[1].hops),
            (Some(10), Some(3)),
            "no need to look farther"
        );
        for pair in dead.windows(2) {
            let pause = pair[1].begun.since(pair[0].checked);
            assert!((100..400).contains(&pause.as_millis()), "{pause:?}");
        }
        let lasted = dead[1].checked.since(dead[1].begun).as_millis();
        assert!((500..900).contains(&lasted), "{lasted}");
    });
}

#[test]
fn the_end_comes_in_time_and_tells_only_what_is_known() {
    at_a_path("the_end_comes_in_time_and_tells_only_what_is_known", |_| {
        let long = Duration::from_secs(60);
        let ports = vec![(80, Service::Http)];
        let slow = Job {
            ping: Some(burst(1_000, long)),
            trace: Some(4),
            scan: Some(Scan {
                ports,
                judging: false,
            }),
            ..job(long)
        };
        let hosts = ["10.3.0.2", "10.8.0.1"];
        let subjects = hosts.map(|host| subject(host, vec![slow.clone()])).into();
        let mut prober = Prober::open(subjects).unwrap();
        prober.turn(&mut |_| {}).unwrap();
        let start = clock::mono();
        prober.finish(start);
        assert!(!prober.is_over());
        let mut all = Vec::new();
        while !prober.is_over() {
            let due = prober.next_due().map(|due| due.since(clock::mono()));
            poll::wait([(prober.as_fd(), Until::Readable)], due).unwrap();
            prober.turn(&mut |report| all.push(told(report))).unwrap();
        }
        assert!(clock::mono().since(start) < Duration::from_secs(3));
        let (up, dead) = (of(&all, "10.3.0.2"), of(&all, "10.8.0.1"));
        let (sent, received) = up[0].ping.unwrap();
        assert!(sent == received && sent > 100, "{sent} {received}");
        assert_eq!((up[0].hops, &up[0].open), (Some(3), &Some(vec![false])));
        // Nobody waited for those long enough to call them lost.
        assert_eq!(
            (dead[0].ping, dead[0].hops, &dead[0].open),
            (None, None, &None)
        );
        assert_eq!((all.len(), prober.next_due()), (2, None));
    });
}

#[test]
fn other_hosts_change_nothing_for_those_that_stay() {
    at_a_path("other_hosts_change_nothing_for_those_that_stay", |_| {
        let stays = |count| {
            let jobs = [(count, 600), (2, 100)].map(|(count, ms)| Job {
                rhythm: Rhythm::Fixed(Duration::from_millis(ms)),
                ..pings("", count).jobs[0].clone()
            });
            subject("10.3.0.2", jobs.into())
        };
        let old = vec![pings("10.3.0.101", 2), stays(40), all("10.3.0.102")];
        let mut prober = Prober::open(old).unwrap();
        until(&mut prober, |all| of(all, "10.3.0.102").len() == 2);
        let mut all_told = Vec::new();
        let descriptors = || std::fs::read_dir("/proc/self/fd").unwrap().count();
        let before = descriptors();
        for round in 0..200 {
            let mut new = vec![
                stays(40),
                pings("10.3.0.104", 1 + round % 3),
                all("10.3.0.102"),
            ];
            new.rotate_left(round as usize % 3);
            prober.reload(new).unwrap();
            // Some while nothing happens, some in the midst of it.
            let end = clock::mono().after(Duration::from_millis(u64::from(round % 5) * 5));
            all_told.extend(until(&mut prober, |_| clock::mono() >= end));
        }
        let more = until(&mut prober, |all| {
            all.iter().filter(|told| told.job == 0).count() > 6
        });
        all_told.extend(more);
        assert!(of(&all_told, "10.3.0.101").is_empty(), "it is gone");
        assert!(!of(&all_told, "10.3.0.104").is_empty(), "it is new");
        assert!(
            of(&all_told, "10.3.0.102")
                .iter()
                .all(|told| !told.route_changed)
        );
        assert!(
            descriptors() <= before + 4,
            "those of connections come and go"
        );
        for (job, sent, interval_ms) in [(0, 40, 600), (1, 2, 100)] {
            let rounds = of(&all_told, "10.3.0.2");
            let rounds: Vec<_> = rounds.iter().filter(|told| told.job == job).collect();
            assert!(rounds.len() > 2, "{job}");
            for pair in rounds.windows(2) {
                assert_eq!(pair[1].ping, Some((sent, sent)));
                let off = pair[1].begun.since(pair[0].begun).as_millis() % interval_ms;
                let off = off.min(interval_ms - off);
                assert!(off <= interval_ms / 2, "{off} ms off the grid");
            }
        }
    });
}

/// One with an address, one without, and one that is a group.
#[track_caller]
fn check_first(first: &[Told]) {
    let nowhere = of(first, "moving.test")[0];
    assert_eq!((nowhere.address, nowhere.ping), (None, Some((3, 0))));
    assert!(nowhere.unresolved.is_some() && nowhere.hops.is_none());
    assert_eq!(nowhere.open, Some(vec![false, false]));
    let group = of(first, "224.0.0.1")[0].unresolved.clone();
    assert!(group.unwrap().contains("no address of one host"));
    assert_eq!(of(first, "server.test")[1].ping, Some((3, 3)));
}

#[test]
fn names_come_and_go_and_so_it_is_said() {
    at_a_path("names_come_and_go_and_so_it_is_said", |_| {
        let directory = TempDir::new();
        // Nobody is asked for names that are in no file.
        lan::replace_file(&directory, "/etc/resolv.conf", "");
        let subjects = || {
            vec![
                all("server.test"),
                all("moving.test"),
                pings("224.0.0.1", 1),
            ]
        };
        let hosts = |text: &str| std::fs::write("/etc/hosts", text).unwrap();
        hosts("10.3.0.2 server.test\n");
        let mut prober = Prober::open(subjects()).unwrap();
        let names = ["server.test", "moving.test", "224.0.0.1"];
        check_first(&until(&mut prober, |all| {
            names.iter().all(|name| of(all, name).len() >= 2)
        }));
        // It is asked for again without being told to.
        hosts("10.3.0.2 server.test\n10.3.0.101 moving.test\n");
        let found = |at: &'static str| {
            move |all: &[Told]| {
                let last = of(all, "moving.test").last().copied();
                last.is_some_and(|told| told.address == Some(at.parse().unwrap()))
            }
        };
        let all = until(&mut prober, found("10.3.0.101"));
        let last = of(&all, "moving.test").last().copied().unwrap();
        assert_eq!((last.ping, last.route_changed), (Some((3, 3)), true));
        // Another address, and the other host has none any more.
        hosts("10.3.0.102 moving.test\n");
        prober.reload(subjects()).unwrap();
        let all = until(&mut prober, |all| {
            let gone = of(all, "server.test")
                .iter()
                .any(|told| told.unresolved.is_some() && told.hops.is_none());
            found("10.3.0.102")(all) && gone
        });
        let last = of(&all, "moving.test").last().copied().unwrap();
        assert!(
            last.route_changed,
            "the way to another address is another one"
        );
        let gone = of(&all, "server.test").last().copied().unwrap();
        assert_eq!(
            gone.address,
            Some("10.3.0.2".parse().unwrap()),
            "the last that it had"
        );
        assert_eq!((gone.ping, gone.hops), (Some((3, 0)), None));
    });
}

#[test]
fn a_name_server_that_never_answers_holds_nobody_up() {
    at_a_path("a_name_server_that_never_answers_holds_nobody_up", |_| {
        let directory = TempDir::new();
        let silent = "nameserver 10.8.0.1\noptions timeout:25 attempts:1\n";
        lan::replace_file(&directory, "/etc/resolv.conf", silent);
        std::fs::write("/etc/hosts", "10.3.0.2 server.test\n").unwrap();
        let names = ["moving.test", "server.test", "10.3.0.2"];
        let subjects = names.map(|name| pings(name, 2)).into();
        let mut prober = Prober::open(subjects).unwrap();
        let start = clock::mono();
        let mut turns = 0;
        let all = until(&mut prober, |all| {
            turns += 1;
            !of(all, "moving.test").is_empty()
        });
        let waited = clock::mono().since(start).as_secs();
        assert!((10..12).contains(&waited), "{waited} s");
        let reason = of(&all, "moving.test")[0].unresolved.clone();
        assert_eq!(reason.as_deref(), Some("no answer in time"));
        // Nor a name that another source knows.
        for name in ["10.3.0.2", "server.test"] {
            let rounds = of(&all, name);
            assert!(rounds.len() > 60 && turns > 120, "{} {turns}", rounds.len());
            assert!(rounds.iter().all(|told| told.ping == Some((2, 2))));
        }
    });
}

#[test]
fn too_many_hosts_are_refused_and_the_old_ones_go_on() {
    at_a_path("too_many_hosts_are_refused_and_the_old_ones_go_on", |_| {
        let many = |count| (0..count).map(|i| pings(&format!("10.3.{}.{}", i >> 8, i & 255), 1));
        let mut prober = Prober::open(vec![pings("10.3.0.2", 1)]).unwrap();
        let refused = prober
            .reload(many(4_097).collect())
            .unwrap_err()
            .to_string();
        assert!(
            refused.contains("4097") && refused.contains("4096"),
            "{refused}"
        );
        let four = subject("10.3.0.2", vec![job(PAUSE); 4]);
        assert!(prober.reload(vec![four]).is_err());
        until(&mut prober, |all| of(all, "10.3.0.2").len() == 2);
        prober.reload(many(4_096).collect()).unwrap();
        until(&mut prober, |all| of(all, "10.3.0.2").len() == 2);
        prober.reload(Vec::new()).unwrap();
        let start = clock::mono();
        let told = until(&mut prober, |_| clock::mono().since(start).as_secs() >= 1);
        assert!(told.is_empty() && prober.next_due().is_none(), "{told:?}");
    });
}
