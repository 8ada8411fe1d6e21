// SPDX-License-Identifier: MIT OR Apache-2.0
//! The table at its edges.

use super::*;

const fn mac(last: u8) -> Mac {
    Mac([2, 0, 0, 0, 0, last])
}

const fn ip(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 0, last)
}

fn at(seconds: u64) -> Mono {
    Mono::from_ns(seconds * 1_000_000_000)
}

fn evidence(last_mac: u8, last: u8) -> Evidence {
    Evidence::of(mac(last_mac), ip(last))
}

#[test]
fn hearsay_is_no_sign_of_life_and_no_second_address() {
    let mut devices = Devices::new(4, 1);
    assert_eq!(devices.join(mac(1), ip(7)), Learnt::Known);
    assert!(devices.devices().is_empty());
    devices.learn_ipv6(mac(1), core::net::Ipv6Addr::LOCALHOST, at(1));
    assert_eq!(devices.join(mac(1), ip(7)), Learnt::New);
    assert_eq!(devices.join(mac(1), ip(8)), Learnt::Known);
    let device = devices.find(mac(1)).unwrap();
    assert_eq!((&device.ipv4[..], device.last_seen), (&[ip(7)][..], at(1)));
}

#[test]
fn addresses_are_joined_by_mac() {
    let mut devices = Devices::new(4, 1);
    assert_eq!(devices.learn(evidence(1, 7), 0, at(1)), Learnt::New);
    let rtt = Some(Duration::from_micros(300));
    let again = Evidence {
        rtt,
        ..evidence(1, 7)
    };
    assert_eq!(devices.learn(again, 0, at(2)), Learnt::Known);
    assert_eq!(devices.learn(evidence(1, 7), 0, at(3)), Learnt::Known);
    let six = Ipv6Addr::LOCALHOST;
    assert_eq!(devices.learn_ipv6(mac(1), six, at(4)), Learnt::New);
    assert_eq!(devices.learn_ipv6(mac(1), six, at(5)), Learnt::Known);
    assert_eq!(devices.join_ipv6(mac(9), six), Learnt::Known);
    let [device] = devices.devices() else {
        panic!("{devices:?}")
    };
    assert_eq!((device.first_seen, device.last_seen), (at(1), at(5)));
    assert_eq!(
        (&device.ipv4[..], &device.ipv6[..]),
        (&[ip(7)][..], &[six][..])
    );
    assert_eq!((devices.claims()[0].rtt, device.claims_count), (rtt, 1));
}

#[test]
fn many_addresses_of_one_are_counted_and_the_newest_kept() {
    let mut devices = Devices::new(300, 1);
    for last in 0..=255 {
        assert_eq!(devices.learn(evidence(1, last), 0, at(1)), Learnt::New);
    }
    let device = &devices.devices()[0];
    assert_eq!(device.claims_count, 256);
    assert_eq!(device.ipv4.len(), DEVICE_ADDRESSES_MAX);
    assert_eq!(device.ipv4[..2], [ip(255), ip(254)]);
    devices.learn(evidence(1, 250), 0, at(1));
    assert_eq!(devices.devices()[0].ipv4[..3], [ip(250), ip(255), ip(254)]);
}

#[test]
fn a_full_table_refuses_and_counts() {
    for capacity in [0, 1, 7, 8] {
        let mut devices = Devices::new(capacity, 1);
        for i in 0..capacity as u8 {
            assert_eq!(devices.learn(evidence(i, i), 0, at(1)), Learnt::New);
        }
        assert_eq!(devices.learn(evidence(99, 99), 0, at(1)), Learnt::NoRoom);
        assert_eq!(
            devices.learn_ipv6(mac(98), Ipv6Addr::LOCALHOST, at(1)),
            Learnt::NoRoom
        );
        assert_eq!(devices.refused_count(), 2);
        if capacity > 0 {
            assert_eq!(devices.learn(evidence(0, 0), 0, at(2)), Learnt::Known);
            assert_eq!(devices.learn(evidence(0, 77), 0, at(2)), Learnt::NoRoom);
        }
    }
}

#[test]
fn room_can_be_kept_for_others() {
    let mut devices = Devices::new(3, 1);
    assert_eq!(devices.learn(evidence(1, 1), 2, at(1)), Learnt::New);
    assert_eq!(devices.learn(evidence(2, 1), 2, at(1)), Learnt::NoRoom);
    assert_eq!(devices.learn(evidence(3, 2), 0, at(1)), Learnt::New);
}

#[test]
fn who_moves_something_keeps_its_address_without_being_heard() {
    let mut devices = Devices::new(4, 1);
    devices.learn(evidence(0, 0), 0, at(0));
    devices.learn(evidence(1, 1), 0, at(0));
    devices.forget(Duration::from_secs(2), at(9), &|moving| moving == mac(1));
    let left: Vec<_> = devices.devices().iter().map(|device| device.mac).collect();
    assert_eq!(left, [mac(1)]);
    assert_eq!(devices.devices()[0].ipv4[..], [ip(1)]);
    assert!(devices.claims().is_empty());
    assert_eq!(devices.learn(evidence(1, 1), 0, at(10)), Learnt::New);
}

#[test]
fn the_silent_are_forgotten_and_their_room_is_free() {
    let name = |text: &str| DeviceName::try_from(text).unwrap();
    let mut devices = Devices::new(4, 1);
    for i in 0..4 {
        devices.learn(evidence(i, i), 0, at(u64::from(i)));
        let announced = name(&format!("device {i}"));
        devices.learn_name(mac(i), &announced, at(u64::from(i)));
    }
    devices.learn(evidence(0, 9), 0, at(4)); // No room for the claim.
    devices.forget(Duration::from_secs(2), at(4), &|_| false);
    let left: Vec<_> = devices.devices().iter().map(|device| device.mac).collect();
    assert_eq!(left, [mac(0), mac(2), mac(3)]);
    // The device is heard of, but not at that address any more.
    let claims: Vec<_> = devices.claims().iter().map(|claim| claim.address).collect();
    assert_eq!(claims, [ip(2), ip(3)]);
    for claim in devices.claims() {
        assert!(devices.device(claim.device).ipv4.contains(&claim.address));
    }
    assert_eq!(devices.learn_name(mac(7), &name("new"), at(5)), Learnt::New);
    assert_eq!(devices.learn(evidence(7, 7), 0, at(5)), Learnt::New);
    assert_eq!(devices.learn(evidence(2, 2), 0, at(5)), Learnt::Known);
    let names: Vec<_> = devices
        .devices()
        .iter()
        .map(|d| devices.announced(d))
        .collect();
    let expected = ["device 0", "device 2", "device 3", "new"].map(Some);
    assert_eq!(names, expected);
    assert_eq!(
        devices.learn_name(mac(7), &name("new"), at(5)),
        Learnt::Known
    );
    assert_eq!(
        devices.learn_name(mac(7), &name("newer"), at(5)),
        Learnt::New
    );
}
