//! What is relayed in large numbers: trains, turns, and what all together may cost.

use std::net::SocketAddr;
use std::time::Duration;

use p2pchat_rendezvous::server::{Buffer, Config, Drop, MAX_JOINED, Output, Rate};
use p2pchat_wire::datagram::{Datagram, relay};
use p2pchat_wire::signal::{ClientSignal, ServerSignal};

use crate::world::{Client, World, connect};

const INNER: usize = 1200;
const SIZE: usize = INNER + 9;

/// Two that were introduced, and the channel of the first.
struct Pair {
    one: Client,
    two: Client,
    channel: u64,
}

fn pair(world: &mut World, n: u32) -> Pair {
    let mut one = world.registered(2 * n, &format!("192.0.2.{n}:1000"), &format!("one{n}"));
    let two = world.registered(2 * n + 1, &format!("198.51.100.{n}:1000"), &format!("two{n}"));
    let answers = one.say(world, &ClientSignal::Connect(connect(&format!("two{n}"))));
    let [ServerSignal::Introduction(introduction)] = answers.as_slice() else {
        panic!("an introduction");
    };
    let channel = introduction.channel;
    Pair { one, two, channel }
}

/// Puts datagrams one after the other into a buffer, as the system does.
fn joined(datagrams: &[Vec<u8>]) -> (Buffer, usize) {
    let mut buffer = Buffer::default();
    let bytes = datagrams.concat();
    buffer.bytes_mut()[..bytes.len()].copy_from_slice(&bytes);
    (buffer, bytes.len())
}

fn deliver(world: &mut World, from: SocketAddr, datagrams: &[Vec<u8>]) {
    let (mut buffer, length) = joined(datagrams);
    let stride = datagrams[0].len();
    world.server.handle_buffer(world.now, world.local, from, &mut buffer, length, stride);
}

/// Takes what leaves: where each train goes, and its datagrams.
fn trains(world: &mut World) -> Vec<(SocketAddr, Vec<Vec<u8>>)> {
    let mut trains = Vec::new();
    while let Some(train) = world.server.poll_train(MAX_JOINED) {
        trains.push((train.to, train.datagrams().map(<[u8]>::to_vec).collect()));
        world.server.train_left(train);
    }
    trains
}

fn generous() -> Config {
    let rate = Rate::new(1e12, 1e12);
    let (relay_pair, relay_key) = (rate, rate);
    Config { relay_pair, relay_key, relay_network: rate, relay_total: rate, ..Config::default() }
}

#[test]
fn a_train_leaves_as_it_came_under_the_other_sides_number() {
    let mut world = World::with(generous());
    let Pair { one, two, channel } = pair(&mut world, 1);
    let mut sent: Vec<_> = (0..40).map(|n| relay(channel, &[n; INNER])).collect();
    sent.push(relay(channel, b"the last is shorter"));
    deliver(&mut world, one.at, &sent);
    let trains = trains(&mut world);
    let [(to, datagrams)] = trains.as_slice() else { panic!("one train") };
    assert_eq!((*to, datagrams.len()), (two.at, 41));
    for (came, left) in sent.iter().zip(datagrams) {
        assert_eq!(came[9..], left[9..]);
        assert_ne!(came[..9], left[..9]);
        assert!(matches!(Datagram::parse(left), Ok(Datagram::Relay { .. })));
    }
    assert_eq!(world.server.statistics().relayed, 41);
    assert_eq!(world.server.waiting(), 0);
}

#[test]
fn one_buffer_may_hold_datagrams_of_several_channels_and_of_other_kinds() {
    let mut world = World::with(generous());
    let Pair { mut one, two, channel } = pair(&mut world, 1);
    let mut three = world.registered(9, "203.0.113.9:9", "three");
    let answers = three.say(&mut world, &ClientSignal::Connect(connect("one1")));
    assert_eq!(answers.len(), 1);
    let heard = one.read(&world.sent);
    let Some(ServerSignal::Introduction(other)) = heard.last() else { panic!("an introduction") };
    let ping = one.seal(&ClientSignal::Ping { id: 7 });
    let pad = |channel, byte| relay(channel, &vec![byte; ping.len() - 9]);
    let sent = [
        pad(channel, 1),
        pad(other.channel, 2),
        pad(other.channel, 3),
        ping.clone(),
        pad(77, 4),
        pad(channel, 5),
    ];
    deliver(&mut world, one.at, &sent);
    let to = |trains: &[(SocketAddr, Vec<Vec<u8>>)], at| -> Vec<u8> {
        let of = trains.iter().filter(|(to, _)| *to == at);
        of.flat_map(|(_, datagrams)| datagrams).map(|datagram| datagram[9]).collect()
    };
    let trains = trains(&mut world);
    assert_eq!(to(&trains, two.at), [1, 5]);
    assert_eq!(to(&trains, three.at), [2, 3]);
    assert_eq!(world.server.statistics().dropped(Drop::UnknownChannel), 1);
    let sent = world.drain();
    assert!(matches!(one.read(&sent).as_slice(), [ServerSignal::Pong { id: 7, .. }]));
}

#[test]
fn of_a_train_beyond_a_limit_the_first_datagrams_are_relayed() {
    let relay_pair = Rate::new(1000.0, 10_000.0);
    let mut world = World::with(Config { relay_pair, ..generous() });
    let Pair { one, channel, .. } = pair(&mut world, 1);
    let sent: Vec<_> = (0..20).map(|n| relay(channel, &[n; INNER])).collect();
    deliver(&mut world, one.at, &sent);
    let trains = trains(&mut world);
    assert_eq!(
        trains[0].1.iter().map(|datagram| datagram[9]).collect::<Vec<_>>(),
        [0, 1, 2, 3, 4, 5, 6, 7]
    );
    assert_eq!(world.server.statistics().dropped(Drop::RelayQuota), 12);
}

#[test]
fn a_train_of_wrong_sizes_is_not_relayed() {
    let mut world = World::with(generous());
    let Pair { one, channel, .. } = pair(&mut world, 1);
    deliver(&mut world, one.at, &[relay(channel, &[0; 1201]), relay(channel, &[0; 1201])]);
    deliver(&mut world, one.at, &[relay(channel, b"")]);
    deliver(&mut world, one.at, &[relay(channel, b"x"), relay(channel, b"")]);
    let trains = trains(&mut world);
    assert_eq!(trains.len(), 1);
    assert_eq!(trains[0].1.len(), 1);
    assert_eq!(world.server.statistics().dropped(Drop::RelaySize), 4);
}

/// Lets pairs send for some seconds, `datagrams` each in every 10 ms; the bytes that each one's other side gets.
fn shared(world: &mut World, pairs: &[(Pair, usize)], seconds: u32) -> Vec<usize> {
    let mut got = vec![0; pairs.len()];
    let mut count = |transmits: Vec<p2pchat_rendezvous::server::Transmit>| {
        for transmit in transmits {
            let of = pairs.iter().position(|(pair, _)| pair.two.at == transmit.to);
            got[of.expect("a second")] += transmit.payload.len();
        }
    };
    for _ in 0..seconds * 100 {
        for (pair, datagrams) in pairs {
            let sent = vec![relay(pair.channel, &[7; INNER]); *datagrams];
            deliver(world, pair.one.at, &sent);
        }
        count(world.pass(Duration::from_millis(10)));
    }
    got
}

#[test]
fn what_all_together_may_cost_is_shared_and_no_flood_takes_it() {
    // A hundred datagrams a second, for all.
    let total = (100 * SIZE) as f64;
    let mut world = World::with(Config { relay_total: Rate::new(total, 12_090.0), ..generous() });
    let flood = (pair(&mut world, 1), 50);
    let modest = (pair(&mut world, 2), 1);
    let another = (pair(&mut world, 3), 1);
    let got = shared(&mut world, &[flood, modest, another], 10);
    let all: usize = got.iter().sum();
    assert!(all as f64 <= 10.0 * total + 12_090.0, "{all}");
    assert!(all as f64 >= 9.8 * total, "{all}");
    for bytes in &got {
        let share = *bytes as f64 / all as f64;
        assert!((0.30..=0.37).contains(&share), "{got:?}");
    }
    assert!(world.server.statistics().dropped(Drop::RelayBacklog) > 0);
}

#[test]
fn whoever_stays_below_his_share_loses_nothing_beside_floods() {
    let total = (200 * SIZE) as f64;
    let mut world = World::with(Config { relay_total: Rate::new(total, 12_090.0), ..generous() });
    let mut pairs: Vec<_> = (1..=4).map(|n| (pair(&mut world, n), 50)).collect();
    let quiet = pair(&mut world, 5);
    let at = quiet.two.at;
    pairs.push((quiet, 0));
    let mut late = 0;
    for _ in 0..100 {
        for (pair, datagrams) in &pairs[..4] {
            deliver(&mut world, pair.one.at, &vec![relay(pair.channel, &[7; INNER]); *datagrams]);
        }
        let (line, from) = (relay(pairs[4].0.channel, b"a line"), pairs[4].0.one.at);
        deliver(&mut world, from, &[line]);
        // One datagram of somebody else may be on its way, and one may be owed: 10 ms.
        let sent = world.pass(Duration::from_millis(10));
        late += usize::from(!sent.iter().any(|transmit| transmit.to == at));
    }
    assert!(late <= 2, "{late} of 100 lines came later than in 10 ms");
}

#[test]
fn what_cannot_leave_yet_has_a_time_and_what_never_can_is_dropped() {
    let total = Rate::new(SIZE as f64, SIZE as f64);
    let mut world = World::with(Config { relay_total: total, ..generous() });
    let Pair { one, two, channel } = pair(&mut world, 1);
    let sent: Vec<_> = (0..2).map(|n| relay(channel, &[n; INNER])).collect();
    deliver(&mut world, one.at, &sent);
    assert_eq!(trains(&mut world).len(), 1);
    assert_eq!(world.server.waiting(), SIZE);
    let Output::Timeout(Some(next)) = world.server.poll_output() else { panic!("a timeout") };
    assert_eq!(next, world.now + Duration::from_secs(1));
    // It would be a second late by then.
    assert_eq!(world.pass(Duration::from_secs(1)), []);
    assert_eq!(
        (world.server.waiting(), world.server.statistics().dropped(Drop::RelayBacklog)),
        (0, 1)
    );
    deliver(&mut world, one.at, &sent[..1]);
    assert_eq!(trains(&mut world)[0].0, two.at);

    let relay_total = Rate::new(1e9, 1000.0);
    let mut world = World::with(Config { relay_total, ..generous() });
    let Pair { one, channel, .. } = pair(&mut world, 1);
    deliver(&mut world, one.at, &[relay(channel, &[0; INNER])]);
    assert_eq!(world.server.waiting(), 0);
    assert_eq!(world.server.statistics().dropped(Drop::RelayQuota), 1);
}

#[test]
fn what_waits_goes_to_where_the_other_side_was_heard_meanwhile() {
    let relay_total = Rate::new(100_000.0, 10_000.0);
    let mut world = World::with(Config { relay_total, ..generous() });
    let Pair { one, mut two, channel } = pair(&mut world, 1);
    let sent: Vec<_> = (0..9).map(|n| relay(channel, &[n; INNER])).collect();
    deliver(&mut world, one.at, &sent);
    assert_eq!(trains(&mut world).len(), 8);
    two.at = "198.51.100.1:2000".parse().expect("address");
    two.ping(&mut world);
    deliver(&mut world, one.at, &sent[..1]);
    world.now += Duration::from_millis(90);
    world.server.handle_timeout(world.now);
    let to: Vec<_> = trains(&mut world).into_iter().map(|(to, _)| to).collect();
    assert_eq!(to, [two.at, two.at]);
}
