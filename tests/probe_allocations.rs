// SPDX-License-Identifier: MIT OR Apache-2.0
//! No echo, no hop, no forged reply and no round makes the collectors of probes allocate.

#[path = "support/counting.rs"]
mod counting;
#[path = "board/src/frames.rs"]
#[allow(dead_code)]
mod frames;
#[path = "support/lan.rs"]
mod lan;
#[path = "board/src/link.rs"]
#[allow(dead_code)]
mod link;
mod support;

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use counting::allocations;
use netvitals::collect::echo::Echoes;
use netvitals::collect::prober::{Job, Prober, Rhythm, Scan, Subject};
use netvitals::collect::route::{Kind, Traces};
use netvitals::engine::echo::{Burst, Payload};
use netvitals::engine::route::Target;
use netvitals::model::probe::Service;
use netvitals::sys::clock;
use netvitals::sys::poll::{self, AsFd, Until};

const HOSTS: u8 = 20;

fn hosts() -> Vec<IpAddr> {
    (1..=HOSTS)
        .map(|last| Ipv4Addr::new(127, 0, 0, last).into())
        .collect()
}

/// Waits for the next thing to do.
fn wait(fd: &impl AsFd, due: Option<netvitals::time::Mono>) {
    let timeout = due.map(|due| due.since(clock::mono()));
    poll::wait([(fd.as_fd(), Until::Readable)], timeout).unwrap();
}

#[test]
fn echoes_do_not_allocate() {
    lan::inside("echoes_do_not_allocate", || {
        let burst = Burst {
            count: 50,
            payload: Payload::Zeros(1_000),
            spacing: Duration::from_millis(1),
            timeout: Duration::from_millis(300),
        };
        let mut echoes = Echoes::open(&hosts(), 2_000, 10_000, 1_000, 7).unwrap();
        let mut left = 0;
        let count = allocations(|| {
            for _ in 0..2 {
                let now = clock::mono();
                (0..HOSTS.into()).for_each(|host| echoes.start(host, burst, now));
                left = HOSTS;
                while left > 0 {
                    echoes.turn(|_, _| left -= 1);
                    if left > 0 {
                        wait(&echoes, echoes.next_due());
                    }
                }
            }
        });
        assert_eq!(count, 0);
        for host in 0..HOSTS.into() {
            let ping = echoes.echo.ping(host);
            assert_eq!((ping.sent(), ping.received()), (50, 50), "{host}");
        }
    });
}

#[test]
fn traces_do_not_allocate() {
    lan::inside("traces_do_not_allocate", || {
        for kind in [Kind::Udp, Kind::Icmp] {
            let targets: Vec<Target> = hosts()
                .into_iter()
                .map(|address| Target {
                    address,
                    hops_max: 30,
                })
                .collect();
            let mut traces = Traces::open(&targets, kind, 10_000, 7).unwrap();
            let mut left = HOSTS;
            let count = allocations(|| {
                let now = clock::mono();
                let timeout = Duration::from_millis(200);
                (0..HOSTS.into()).for_each(|host| traces.start(host, timeout, now));
                while left > 0 {
                    traces.turn(|_, _| left -= 1);
                    if left > 0 {
                        wait(&traces, traces.next_due());
                    }
                }
            });
            assert_eq!(count, 0, "{kind:?}");
        }
    });
}

/// Each host is asked for everything but https: TLS allocates for each talk.
fn subjects() -> Vec<Subject> {
    let timeout = Duration::from_millis(200);
    let job = Job {
        ping: Some(Burst {
            count: 5,
            payload: Payload::Text,
            spacing: Duration::from_millis(1),
            timeout,
        }),
        trace: Some(30),
        scan: Some(Scan {
            ports: vec![
                (80, Service::Http),
                (3_306, Service::Mysql),
                (22, Service::Any),
            ],
            judging: false,
        }),
        timeout,
        rhythm: Rhythm::Fixed(Duration::from_millis(100)),
    };
    let subject = |host: IpAddr| Subject {
        name: host.to_string(),
        host: host.to_string(),
        jobs: vec![job.clone()],
    };
    hosts().into_iter().map(subject).collect()
}

/// Runs until each host had so many more rounds.
fn rounds(prober: &mut Prober, wanted: usize) {
    let mut left = [wanted; HOSTS as usize];
    while left.iter().any(|&left| left > 0) {
        wait(prober, prober.next_due());
        let turned = prober.turn(&mut |report| {
            assert_eq!(report.ping.unwrap().received(), 5);
            assert_eq!(report.route.unwrap().len(), 1);
            let open = report.ports.unwrap().iter().map(|port| port.2.is_some());
            assert!(open.eq([true, false, false]));
            let left = &mut left[report.subject];
            *left = left.saturating_sub(1);
        });
        turned.unwrap();
    }
}

#[test]
fn rounds_do_not_allocate() {
    lan::inside("rounds_do_not_allocate", || {
        let server = std::net::TcpListener::bind("0.0.0.0:80").unwrap();
        std::thread::spawn(move || {
            for stream in server.incoming() {
                let mut stream = stream.unwrap();
                let _ = stream.read(&mut [0; 1_000]);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n");
            }
        });
        let mut prober = Prober::open(subjects()).unwrap();
        rounds(&mut prober, 1);
        assert_eq!(allocations(|| rounds(&mut prober, 10)), 0);
    });
}
