//! Paths as their peer sees them.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::{Account, MAX_UNANSWERED, Origin, Pair, PathId, Paths, Remote, Sponsor, Strangers};
use crate::proto::{PathKind, PathReason, Policy, ServerId, SocketId};

fn start() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "a test needs some first instant")]
    Instant::now()
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("address")
}

/// From our first socket.
fn pair(remote: SocketAddr) -> Pair {
    Pair { local: SocketId::FIRST, remote }
}

const KEEPALIVE: Duration = Duration::from_secs(10);

const SPONSOR: Sponsor = Sponsor::Server(ServerId::FIRST);

/// The next probe, of strangers of whom nobody has heard.
fn probe(paths: &mut Paths, now: Instant, token: u64) -> Option<PathId> {
    paths.poll_probe(now, token, &mut Strangers::default().named_by(SPONSOR))
}

/// Probes whatever is due between `from` and `to`, millisecond by millisecond; tokens count up.
fn probes(paths: &mut Paths, from: Instant, to: Duration) -> Vec<(Duration, PathId, u64)> {
    let mut strangers = Strangers::default();
    probes_of(paths, from, to, &mut strangers.named_by(SPONSOR))
}

fn probes_of(
    paths: &mut Paths,
    from: Instant,
    to: Duration,
    account: &mut Account<'_>,
) -> Vec<(Duration, PathId, u64)> {
    let mut sent = Vec::new();
    for millisecond in 0..to.as_millis() as u64 {
        let elapsed = Duration::from_millis(millisecond);
        let token = millisecond + 1;
        while let Some(path) = paths.poll_probe(from + elapsed, token, account) {
            sent.push((elapsed, path, token));
        }
    }
    sent
}

fn certain(_: PathId) -> bool {
    false
}

#[test]
fn the_relay_carries_everything_until_a_probe_was_echoed() {
    let now = start();
    let mut paths = Paths::new(Policy::Any);
    paths.set_relay(true);
    let direct = paths.add(now, pair(address("192.0.2.1:9")), Origin::Host).expect("added");
    assert_eq!(paths.route(now, certain).primary, Some(PathId::RELAY));
    assert_eq!(probe(&mut paths, now, 7), Some(direct));
    assert_eq!(paths.on_echo(now, 8, KEEPALIVE), None, "not a token of ours");
    let later = now + Duration::from_millis(30);
    assert_eq!(paths.on_echo(later, 7, KEEPALIVE), Some((direct, Duration::from_millis(30))));
    let route = paths.route(later, certain);
    assert_eq!((route.primary, route.also), (Some(direct), None));
    assert_eq!(paths.info(direct).kind, PathKind::Direct);
}

#[test]
fn an_endpoint_that_never_answers_gets_twelve_packets_and_no_more() {
    let now = start();
    let mut paths = Paths::new(Policy::Any);
    paths.set_relay(true);
    let victim = address("192.0.2.66:9");
    paths.add(now, pair(victim), Origin::Host);
    let mut strangers = Strangers::default();
    let mut account = strangers.named_by(SPONSOR);
    let handshake = paths.may_send_blindly(now, pair(victim), &mut account);
    assert!(handshake, "a handshake packet counts too");
    let sent = probes_of(&mut paths, now, Duration::from_secs(120), &mut account);
    assert_eq!(sent.len(), MAX_UNANSWERED as usize - 1);
    assert!(!paths.may_send_blindly(now, pair(victim), &mut account));
    for _ in 0..2 {
        // Nor does a second path there help, or a peer that has started anew.
        paths.add(now, pair(victim), Origin::ServerReflexive);
        paths.add(now, Pair { local: SocketId(1), remote: victim }, Origin::Host);
        let later = now + Duration::from_secs(121);
        assert_eq!(paths.poll_probe(later, 1, &mut account), None, "named again, no more");
        paths.start_over(later, &[pair(victim)]);
    }
    let later = now + Duration::from_secs(2 * 3600);
    paths.add(later, pair(victim), Origin::Host);
    assert!(paths.poll_probe(later, 1, &mut account).is_some(), "after hours it may be another");
}

#[test]
fn an_unproven_endpoint_that_was_heard_gets_copies_in_proportion() {
    let now = start();
    let mut paths = Paths::new(Policy::Any);
    paths.set_relay(true);
    let remote = Remote::Direct(pair(address("192.0.2.1:9")));
    let path = paths.heard(now, remote, 100).expect("a peer-reflexive candidate");
    assert_eq!(paths.route(now, certain).also, Some(path));
    paths.sent(path, 299);
    assert_eq!(paths.route(now, certain).also, Some(path));
    paths.sent(path, 1);
    assert_eq!(paths.route(now, certain).also, None, "three times what came from there");
}

#[test]
fn a_silent_path_falls_back_to_the_relay_and_is_probed_until_it_returns() {
    let now = start();
    let mut paths = Paths::new(Policy::Any);
    paths.set_relay(true);
    let direct = paths.heard(now, Remote::Direct(pair(address("192.0.2.1:9"))), 50).expect("added");
    assert_eq!(probe(&mut paths, now, 1), Some(direct));
    paths.on_echo(now, 1, KEEPALIVE);
    let doubt = paths.route(now, |path| path == direct);
    assert_eq!((doubt.primary, doubt.also), (Some(direct), Some(PathId::RELAY)));
    let later = now + Duration::from_secs(2);
    assert!(paths.on_unanswered(later, direct, 3));
    assert_eq!(paths.route(later, certain).primary, Some(PathId::RELAY));
    let sent = probes(&mut paths, later, Duration::from_secs(60));
    assert!(sent.len() >= 15 + 8, "every second, then every five: {}", sent.len());
    let (_, _, token) = sent.last().expect("probed to the end");
    assert!(paths.on_echo(later + Duration::from_secs(60), *token, KEEPALIVE).is_some());
    assert_eq!(paths.route(later, certain).primary, Some(direct));
}

#[test]
fn packets_on_a_silent_path_do_not_each_bring_a_probe() {
    let now = start();
    let mut paths = Paths::new(Policy::Any);
    let remote = Remote::Direct(pair(address("192.0.2.1:9")));
    let direct = paths.heard(now, remote, 50).expect("added");
    probe(&mut paths, now, 1);
    paths.on_echo(now, 1, KEEPALIVE);
    let later = now + Duration::from_secs(2);
    assert!(paths.on_unanswered(later, direct, 3));
    let mut sent = 0;
    for step in 0..100 {
        let at = later + Duration::from_millis(step);
        paths.heard(at, remote, 50);
        while probe(&mut paths, at, 100 + step).is_some() {
            sent += 1;
        }
    }
    assert_eq!(sent, 1);
}

#[test]
fn on_a_lossy_path_some_timeouts_are_chance_while_packets_arrive() {
    let now = start();
    let mut paths = Paths::new(Policy::Any);
    let direct = paths.heard(now, Remote::Direct(pair(address("192.0.2.1:9"))), 50).expect("added");
    probe(&mut paths, now, 1);
    paths.on_echo(now, 1, KEEPALIVE);
    assert!(!paths.on_unanswered(now, direct, 3));
    assert!(paths.on_unanswered(now, direct, 7), "it works one way only");
}

#[test]
fn a_direct_path_that_is_clearly_slower_than_the_relay_is_not_entered_and_one_in_use_not_left() {
    let ms = Duration::from_millis;
    let now = start();
    let mut paths = Paths::new(Policy::Any);
    paths.set_relay(true);
    paths.set_relay_rtt(Some(ms(40)));
    let direct = paths.add(now, pair(address("192.0.2.1:9")), Origin::Host).expect("added");
    probe(&mut paths, now, 1);
    paths.on_echo(now + ms(95), 1, KEEPALIVE);
    assert_eq!(paths.route(now, certain).primary, Some(PathId::RELAY));
    assert_eq!(paths.reason(), PathReason::SlowerThanRelay { remote: address("192.0.2.1:9") });
    let sent = probes(&mut paths, now, ms(1200));
    let (at, _, token) = sent.last().copied().expect("a second look, soon");
    paths.on_echo(now + at + ms(85), token, KEEPALIVE);
    assert_eq!(paths.route(now, certain).primary, Some(direct), "a little slower is no harm");
    for token in 100..200 {
        let later = now + Duration::from_secs(token);
        probe(&mut paths, later, token);
        paths.on_echo(later + ms(900), token, KEEPALIVE);
        assert_eq!(paths.route(later, certain).primary, Some(direct), "it is our own queue");
    }
}

#[test]
fn of_two_direct_paths_the_faster_wins_but_not_by_a_hair() {
    let now = start();
    let mut paths = Paths::new(Policy::Any);
    let far = paths.add(now, pair(address("192.0.2.1:9")), Origin::ServerReflexive).expect("added");
    let near = paths.add(now, pair(address("10.0.0.1:9")), Origin::Host).expect("added");
    assert_eq!(probe(&mut paths, now, 1), Some(far));
    assert_eq!(probe(&mut paths, now, 2), Some(near));
    paths.on_echo(now + Duration::from_millis(20), 1, KEEPALIVE);
    assert_eq!(paths.route(now, certain).primary, Some(far));
    paths.on_echo(now + Duration::from_millis(18), 2, KEEPALIVE);
    assert_eq!(paths.route(now, certain).primary, Some(far), "two milliseconds are no reason");
    let now = now + Duration::from_secs(20);
    assert!(probes(&mut paths, now, Duration::from_millis(1)).len() == 2);
    for _ in 0..20 {
        paths.probe_all(now);
        probe(&mut paths, now, 3);
        probe(&mut paths, now, 4);
        paths.on_echo(now + Duration::from_millis(20), 3, KEEPALIVE);
        paths.on_echo(now + Duration::from_millis(1), 4, KEEPALIVE);
    }
    assert_eq!(paths.route(now, certain).primary, Some(near));
}

#[test]
fn a_validated_path_is_kept_alive_and_found_silent_without_text() {
    let now = start();
    let mut paths = Paths::new(Policy::Any);
    paths.set_relay(true);
    let direct = paths.heard(now, Remote::Direct(pair(address("192.0.2.1:9"))), 50).expect("added");
    probe(&mut paths, now, 1);
    paths.on_echo(now, 1, KEEPALIVE);
    let mut now = now;
    for _ in 0..3 {
        let sent = probes(&mut paths, now, Duration::from_millis(1001));
        assert_eq!(sent.len(), 1, "a new path is measured");
        now += sent[0].0;
        paths.on_echo(now, sent[0].2, KEEPALIVE);
    }
    let sent = probes(&mut paths, now, Duration::from_secs(14));
    assert_eq!(sent.first().map(|(at, ..)| *at), Some(Duration::from_secs(10)));
    assert_eq!(paths.route(now, certain).primary, Some(PathId::RELAY), "four probes, no echo");
    assert_eq!(paths.info(direct).rtt, None);
}

#[test]
fn a_person_who_only_wants_the_relay_has_no_other_path() {
    let now = start();
    let mut paths = Paths::new(Policy::RelayOnly);
    paths.set_relay(true);
    assert_eq!(paths.add(now, pair(address("192.0.2.1:9")), Origin::Host), None);
    assert_eq!(paths.heard(now, Remote::Direct(pair(address("192.0.2.1:9"))), 50), None);
    assert_eq!(paths.route(now, certain).primary, Some(PathId::RELAY));
}

#[test]
fn a_person_who_only_wants_direct_paths_sends_no_text_over_the_relay() {
    let now = start();
    let mut paths = Paths::new(Policy::DirectOnly);
    paths.set_relay(true);
    let route = paths.route(now, certain);
    assert_eq!((route.primary, route.text), (Some(PathId::RELAY), false));
    let direct = paths.heard(now, Remote::Direct(pair(address("192.0.2.1:9"))), 50).expect("added");
    probe(&mut paths, now, 1);
    paths.on_echo(now, 1, KEEPALIVE);
    let route = paths.route(now, |_| true);
    assert_eq!((route.primary, route.also, route.text), (Some(direct), None, true));
}

#[test]
fn strangers_cannot_push_proven_paths_out_of_the_list() {
    let now = start();
    let mut paths = Paths::new(Policy::Any);
    let proven = paths.heard(now, Remote::Direct(pair(address("192.0.2.1:9"))), 50).expect("added");
    for port in 1000..2000u16 {
        paths.add(now, pair(SocketAddr::new(address("192.0.2.66:1").ip(), port)), Origin::Host);
    }
    assert!(paths.remote(proven).is_some());
    assert!(paths.describe(now, None, |_| 1200).len() <= 24);
}

#[test]
fn a_peer_that_moved_is_followed_after_one_round_trip() {
    let now = start();
    let mut paths = Paths::new(Policy::Any);
    paths.set_relay(true);
    let old = paths.heard(now, Remote::Direct(pair(address("192.0.2.1:9"))), 50).expect("added");
    probe(&mut paths, now, 1);
    paths.on_echo(now, 1, KEEPALIVE);
    assert_eq!(paths.route(now, certain).primary, Some(old));
    let moved = now + Duration::from_secs(3);
    let new = paths.heard(moved, Remote::Direct(pair(address("192.0.2.1:10"))), 50).expect("added");
    assert_eq!(probe(&mut paths, moved, 2), Some(old), "the old endpoint is asked too");
    assert_eq!(probe(&mut paths, moved, 3), Some(new));
    let echoed = moved + Duration::from_millis(40);
    paths.heard(echoed, Remote::Direct(pair(address("192.0.2.1:10"))), 50);
    paths.on_echo(echoed, 3, KEEPALIVE);
    let silent = moved + Duration::from_millis(60);
    probe(&mut paths, silent, 4);
    assert_eq!(paths.route(silent, certain).primary, Some(new));
}

#[test]
fn a_path_that_answers_when_the_peer_is_heard_elsewhere_too_stays_in_use() {
    let now = start();
    let mut paths = Paths::new(Policy::Any);
    paths.set_relay(true);
    let first = paths.heard(now, Remote::Direct(pair(address("192.0.2.1:9"))), 50).expect("added");
    probe(&mut paths, now, 1);
    paths.on_echo(now + Duration::from_millis(1), 1, KEEPALIVE);
    paths.route(now, certain);
    let later = now + Duration::from_millis(2);
    for (token, other) in [(10, "10.0.0.1:9"), (20, "[fd00::2]:9"), (30, "10.0.0.2:9")] {
        paths.heard(later, Remote::Direct(pair(address(other))), 50);
        probe(&mut paths, later, token);
        probe(&mut paths, later, token + 1);
    }
    let answered = later + Duration::from_millis(1);
    for token in [10, 11, 20, 21, 30, 31] {
        paths.on_echo(answered, token, KEEPALIVE);
        assert_eq!(paths.route(answered, certain).primary, Some(first));
    }
    assert!(probes(&mut paths, answered, Duration::from_secs(1)).is_empty());
}

#[test]
fn a_new_session_believes_nothing_that_an_old_one_proved() {
    let now = start();
    let mut paths = Paths::new(Policy::Any);
    paths.set_relay(true);
    let old = paths.heard(now, Remote::Direct(pair(address("192.0.2.1:9"))), 50).expect("added");
    let introduced = paths.add(now, pair(address("192.0.2.1:10")), Origin::ServerReflexive);
    for token in [1, 2] {
        probe(&mut paths, now, token);
        paths.on_echo(now, token, KEEPALIVE);
    }
    assert_ne!(paths.route(now, certain).primary, Some(PathId::RELAY));
    paths.start_over(now, &[pair(address("192.0.2.1:10"))]);
    assert_eq!(paths.route(now, certain).primary, Some(PathId::RELAY));
    assert_eq!(paths.remote(old), None);
    assert_eq!(probe(&mut paths, now, 3), introduced);
}

#[test]
fn a_full_list_makes_room_in_time_and_not_at_once() {
    let now = start();
    let mut paths = Paths::new(Policy::Any);
    let heard = |paths: &mut Paths, at, port| {
        paths.heard(
            at,
            Remote::Direct(pair(SocketAddr::new(address("192.0.2.1:1").ip(), port))),
            50,
        )
    };
    let first = heard(&mut paths, now, 1000).expect("added");
    for port in 1001..2000 {
        heard(&mut paths, now, port);
    }
    assert_eq!(paths.describe(now, None, |_| 1200).len(), 24);
    assert_eq!(heard(&mut paths, now, 2000), None, "or two such peers would probe for ever");
    let later = now + Duration::from_secs(60);
    assert!(heard(&mut paths, later, 2000).is_some());
    assert_eq!((paths.remote(first), paths.take_forgotten()), (None, vec![first]));
}

#[test]
fn a_full_list_keeps_whoever_has_just_been_named() {
    let now = start();
    let mut paths = Paths::new(Policy::Any);
    for port in 1000..1024 {
        let remote = pair(SocketAddr::new(address("192.0.2.1:1").ip(), port));
        paths.heard(now, Remote::Direct(remote), 50);
    }
    let later = now + Duration::from_secs(60);
    let moved = paths.add(later, pair(address("192.0.2.1:2000")), Origin::ServerReflexive);
    let host = paths.add(later, pair(address("10.0.0.2:9")), Origin::Host);
    assert_eq!([moved, host].map(|path| path.and_then(|id| paths.remote(id)).is_some()), [true; 2]);
}

#[test]
fn what_is_heard_on_a_silent_path_hastens_no_probe() {
    let now = start();
    let mut paths = Paths::new(Policy::Any);
    let remote = Remote::Direct(pair(address("192.0.2.1:9")));
    let direct = paths.heard(now, remote, 50).expect("added");
    probe(&mut paths, now, 1);
    paths.on_echo(now, 1, KEEPALIVE);
    assert!(paths.on_unanswered(now + Duration::from_secs(5), direct, 3));
    let later = now + Duration::from_secs(5);
    while probe(&mut paths, later, 2).is_some() {}
    for _ in 0..10 {
        paths.heard(later, remote, 50);
        assert_eq!(probe(&mut paths, later, 3), None, "or two silent ends would never rest");
    }
}

#[test]
fn ever_new_endpoints_share_one_budget() {
    let begin = start();
    let mut paths = Paths::new(Policy::Any);
    let (mut sent, mut victims) = (0, std::collections::BTreeSet::new());
    let mut strangers = Strangers::default();
    for step in 0..2000u16 {
        let now = begin + u32::from(step) * Duration::from_millis(100);
        let [high, low] = step.to_be_bytes();
        paths.add(now, pair(SocketAddr::from(([198, 51, high, low], 9))), Origin::Host);
        let account = &mut strangers.named_by(SPONSOR);
        while let Some(path) = paths.poll_probe(now, u64::from(step), account) {
            victims.insert(path);
            sent += 1;
        }
    }
    assert!(victims.len() > 50, "given-up endpoints give way: {}", victims.len());
    assert!(sent <= 240 + 4 * 200, "four in a second: {sent}");
}

#[test]
fn a_lie_about_a_source_gains_a_dozen_probes() {
    let now = start();
    let mut paths = Paths::new(Policy::Any);
    paths.heard(now, Remote::Direct(pair(address("192.0.2.66:9"))), 50);
    assert_eq!(probes(&mut paths, now, Duration::from_secs(600)).len(), MAX_UNANSWERED as usize);
}
