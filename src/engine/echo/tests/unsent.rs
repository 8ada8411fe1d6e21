// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bursts that are stopped, and requests that find no room.

use super::*;

#[test]
fn what_is_under_way_when_it_is_stopped_is_not_lost() {
    let mut echo = echo(3, 16, 10_000);
    let spacing = Duration::from_millis(600);
    (0..2).for_each(|host| echo.start(host, Burst { spacing, ..BURST }, us(0)));
    let answer = |(host, _, at): Sent| (host == 0 && at < 600_000).then_some(50);
    let (sent, finished) = run(&mut echo, 0, 1_100_000, answer);
    assert_eq!((sent.len(), finished.len()), (4, 0));
    echo.stop_all(us(1_100_000));
    let told = |host: usize| (echo.ping(host).sent(), echo.ping(host).received());
    assert_eq!([told(0), told(1), told(2)], [(1, 1), (1, 0), (0, 0)]);
    assert_eq!(echo.poll(us(1_100_000)), Action::Idle);
    let late = echo.on_reply(host(1), &reply(sent[3].1), us(1_100_100));
    assert_eq!(late, Heard::Foreign);
    assert_eq!(echo.ping(1).received(), 0);
    echo.start(1, Burst { count: 1, ..BURST }, us(1_200_000));
    let (sent, finished) = run(&mut echo, 1_200_000, u64::MAX, |_| Some(50));
    assert_eq!((sent.len(), finished.len()), (1, 1));
}

#[test]
fn a_burst_that_is_stopped_counts_only_what_was_waited_for() {
    let mut echo = echo(2, 64, 10_000);
    let long = Burst {
        count: 100,
        timeout: Duration::from_millis(25),
        ..BURST
    };
    (0..2).for_each(|host| echo.start(host, long, us(0)));
    // Host 0 answers each other request, host 1 none.
    let (sent, _) = run(&mut echo, 0, 95_000, |(host, _, now_us)| {
        (host == 0 && now_us / 10_000 % 2 == 0).then_some(100)
    });
    assert_eq!(sent.len(), 20);
    echo.stop_all(us(96_000));
    // Those of the last 25 ms, at 80 and 90 ms, are not lost yet.
    assert_eq!((echo.ping(1).sent(), echo.ping(1).received()), (8, 0));
    let lossy = echo.ping(0);
    assert_eq!((lossy.sent() - lossy.received(), lossy.received()), (4, 5));
    assert_eq!(echo.poll(us(96_000)), Action::Idle);
}

#[test]
fn what_found_no_room_here_is_sent_later() {
    let mut echo = echo(2, 16, 10_000);
    (0..2).for_each(|host| echo.start(host, Burst { count: 1, ..BURST }, us(0)));
    let mut attempts = 0;
    for at in 0..25_000 {
        if let Action::Send { sequence, .. } = echo.poll(us(at)) {
            attempts += 1;
            assert!(echo.on_blocked(sequence, us(at)));
        }
    }
    assert_eq!(attempts, 5, "every 5 ms");
    assert_eq!([echo.ping(0).sent(), echo.ping(1).sent()], [0, 0]);
    let (sent, finished) = run(&mut echo, 25_000, u64::MAX, |_| Some(50));
    assert_eq!((sent.len(), finished.len()), (2, 2));
    assert_eq!([echo.ping(0).received(), echo.ping(1).received()], [1, 1]);
    // Not for ever.
    echo.start(0, Burst { count: 1, ..BURST }, us(30_000_000));
    echo.hosts[0].blocked = Some(us(19_999_999));
    let Action::Send { sequence, .. } = echo.poll(us(30_000_000)) else {
        panic!()
    };
    assert!(!echo.on_blocked(sequence, us(30_000_000)));
}
