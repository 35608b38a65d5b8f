//! People in one local network: they meet without a server, and nobody can use that against them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use p2pchat::proto::{Command, Disclosure, Event, PathKind, PeerName, Policy, ServerId};
use p2pchat_wire::datagram::Datagram;
use p2pchat_wire::identity::{Identity, PeerId};
use p2pchat_wire::neighbour::{Announcement, Nonce};
use p2pchat_wire::random::Random;

use crate::world::{Packet, SECOND, World, name, server_address};

const STEP: Duration = Duration::from_millis(50);

/// One local network, in which everybody hears what everybody announces.
struct Lan {
    world: World,
    /// What each of its hosts announces now.
    standing: BTreeMap<usize, Announcement>,
    /// How many of a host's events were looked at.
    seen: BTreeMap<usize, usize>,
}

impl Lan {
    fn new() -> Self {
        Self { world: World::new(), standing: BTreeMap::new(), seen: BTreeMap::new() }
    }

    fn join(&mut self, host: usize, disclosure: Disclosure) -> usize {
        self.seen.insert(host, 0);
        self.world.command(host, Command::MeetNeighbours(disclosure));
        for (other, announcement) in self.standing.clone() {
            self.tell(other, host, announcement);
        }
        host
    }

    /// Somebody without a rendezvous.
    fn add(&mut self, text: &str, disclosure: Disclosure) -> usize {
        let host = self.world.add_without_server(text, Policy::Any);
        self.join(host, disclosure)
    }

    fn tell(&mut self, from: usize, to: usize, announcement: Announcement) {
        let endpoints = vec![self.world.hosts[from].address];
        self.world.command(to, Command::Neighbour { announcement, endpoints });
    }

    fn run(&mut self, duration: Duration) {
        let end = self.world.now + duration;
        while self.world.now < end {
            self.world.run(STEP);
            self.carry();
        }
    }

    /// Carries announcements from everybody to everybody else.
    fn carry(&mut self) {
        let hosts: Vec<usize> = self.seen.keys().copied().collect();
        for &host in &hosts {
            let events = &self.world.hosts[host].events;
            let news = events[self.seen[&host]..].iter().filter_map(|(_, event)| match event {
                Event::Announce(announcement) => Some(announcement.clone()),
                _ => None,
            });
            let news: Vec<_> = news.collect();
            self.seen.insert(host, events.len());
            for announcement in news {
                let before = self.standing.remove(&host).map(|one| one.nonce);
                self.standing.extend(announcement.clone().map(|one| (host, one)));
                for &other in hosts.iter().filter(|&&other| other != host) {
                    if let Some(nonce) = before {
                        self.world.command(other, Command::NeighbourGone(nonce));
                    }
                    if let Some(announcement) = announcement.clone() {
                        self.tell(host, other, announcement);
                    }
                }
            }
        }
    }

    /// The program of `host` ends without a word; what it announced stands for a while.
    fn restart(&mut self, host: usize, disclosure: Disclosure) {
        self.world.restart(host);
        self.world.command(host, Command::MeetNeighbours(disclosure));
        for (other, announcement) in self.standing.clone() {
            if other != host {
                self.tell(other, host, announcement);
            }
        }
    }

    fn pin(&mut self, from: usize, to: usize, text: &str) {
        let key = self.world.id(to);
        self.world.command(from, Command::Pin { name: local(text), key });
    }

    fn call(&mut self, from: usize, text: &str) {
        self.world.command(from, Command::Connect(local(text)));
    }

    /// Two contacts, the first of whom calls.
    fn with_two() -> (Self, usize, usize) {
        let mut lan = Self::new();
        let alice = lan.add("alice", Disclosure::Contacts);
        let bob = lan.add("bob", Disclosure::Contacts);
        lan.pin(alice, bob, "bob");
        lan.pin(bob, alice, "alice");
        lan.call(alice, "bob");
        (lan, alice, bob)
    }

    fn assert_talking(&mut self, one: usize, other: usize) {
        for (from, to) in [(one, other), (other, one)] {
            let before = self.world.received(to).len();
            self.world.send(from, to, 0, b"hello");
            self.run(SECOND / 2);
            let received = self.world.received(to);
            assert_eq!(&received[before..], [b"hello"], "{:?}", self.world);
        }
    }

    /// Datagrams that left for an address.
    fn sent_to(&self, to: SocketAddr) -> Vec<&Packet> {
        self.world.sent.iter().filter(|packet| packet.to == to).collect()
    }
}

fn local(text: &str) -> PeerName {
    PeerName { name: name(text), server: ServerId::LOCAL }
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("address")
}

/// Somebody whom nobody knows announces this.
fn forged(nonce: Nonce, open: Option<(&str, PeerId)>) -> Announcement {
    let open = open.map(|(text, key)| (name(text), key));
    Announcement::new(nonce, [], open, &mut Random::from_seed([9; 32]))
}

#[test]
fn contacts_in_one_network_meet_without_any_server() {
    let (mut lan, alice, bob) = Lan::with_two();
    lan.run(SECOND);
    for host in [alice, bob] {
        assert_eq!(lan.world.last_path(host), Some(PathKind::Lan), "{:?}", lan.world);
    }
    lan.assert_talking(alice, bob);
    let addresses = [alice, bob].map(|host| lan.world.hosts[host].address);
    assert!(lan.world.sent.iter().all(|packet| addresses.contains(&packet.to)));
}

#[test]
fn it_does_not_matter_who_is_there_first_or_whether_both_call() {
    for both in [false, true] {
        for later in [false, true] {
            let mut lan = Lan::new();
            let bob = lan.add("bob", Disclosure::Contacts);
            if later {
                lan.run(SECOND * 3);
            }
            let alice = lan.add("alice", Disclosure::Contacts);
            lan.pin(alice, bob, "bob");
            lan.pin(bob, alice, "alice");
            lan.call(alice, "bob");
            if both {
                lan.call(bob, "alice");
            }
            lan.run(SECOND * 3);
            assert!(lan.world.ends(alice).is_empty(), "{:?}", lan.world);
            lan.assert_talking(alice, bob);
        }
    }
}

#[test]
fn a_session_of_neighbours_lives_through_hours_and_changes_of_keys() {
    let (mut lan, alice, bob) = Lan::with_two();
    for _ in 0..3 {
        lan.run(SECOND * 3600);
        lan.assert_talking(alice, bob);
    }
    for host in [alice, bob] {
        assert!(lan.world.ends(host).is_empty(), "{:?}", lan.world);
    }
}

#[test]
fn whoever_starts_anew_is_met_again() {
    for who in [0, 1] {
        let (mut lan, alice, bob) = Lan::with_two();
        let people = [(alice, "alice"), (bob, "bob")];
        lan.run(SECOND * 20);
        let ((restarted, _), (other, text)) = (people[who], people[1 - who]);
        lan.restart(restarted, Disclosure::Contacts);
        lan.pin(restarted, other, text);
        if who == 0 {
            lan.call(restarted, text);
        }
        lan.run(SECOND * 60);
        lan.assert_talking(alice, bob);
    }
}

#[test]
fn a_chat_begun_by_a_rendezvous_goes_on_when_the_internet_is_gone() {
    let mut lan = Lan::new();
    let (alice, bob) = (lan.world.add("alice", Policy::Any), lan.world.add("bob", Policy::Any));
    lan.run(SECOND);
    lan.world.pin(alice, bob);
    lan.world.pin(bob, alice);
    lan.world.call(alice, "bob");
    for host in [alice, bob] {
        lan.join(host, Disclosure::Contacts);
    }
    lan.run(SECOND * 5);
    lan.assert_talking(alice, bob);
    lan.world.filter(|packet| ![packet.from, packet.to].contains(&server_address()));
    for _ in 0..4 {
        lan.run(SECOND * 300);
        lan.assert_talking(alice, bob);
    }
    for host in [alice, bob] {
        assert!(lan.world.ends(host).is_empty(), "{:?}", lan.world);
    }
    // Started anew, he finds her by her announcement alone.
    lan.restart(bob, Disclosure::Contacts);
    lan.world.pin(bob, alice);
    lan.world.call(bob, "alice");
    lan.run(SECOND * 10);
    lan.assert_talking(alice, bob);
    // And when the internet is back, the rendezvous knows them again and nothing breaks.
    let before = lan.world.ends(alice).len();
    lan.world.filter(|_| true);
    lan.run(SECOND * 300);
    lan.assert_talking(alice, bob);
    assert_eq!(lan.world.ends(alice).len(), before, "{:?}", lan.world);
}

#[test]
fn strangers_meet_only_if_both_say_who_they_are() {
    for (one, other, meet) in [
        (Disclosure::Everybody, Disclosure::Everybody, true),
        (Disclosure::Everybody, Disclosure::Contacts, false),
        (Disclosure::Contacts, Disclosure::Everybody, false),
        (Disclosure::Contacts, Disclosure::Contacts, false),
    ] {
        let mut lan = Lan::new();
        let (alice, bob) = (lan.add("alice", one), lan.add("bob", other));
        lan.call(alice, "bob");
        lan.run(SECOND * 10);
        assert_eq!(lan.world.is_connected(alice), meet, "{one:?} {other:?} {:?}", lan.world);
        if meet {
            lan.assert_talking(alice, bob);
        } else {
            assert_eq!(lan.world.sent.len(), 0, "{one:?} {other:?}");
        }
    }
}

#[test]
fn announcements_to_contacts_tell_nobody_else_whose_they_are() {
    let (mut lan, alice, bob) = Lan::with_two();
    lan.run(SECOND * 3600);
    let announced = |host: usize| {
        let events = lan.world.hosts[host].events.iter();
        let announcements = events.filter_map(|(_, event)| match event {
            Event::Announce(Some(announcement)) => Some(announcement.clone()),
            _ => None,
        });
        announcements.collect::<Vec<_>>()
    };
    let (hers, his) = (announced(alice), announced(bob));
    assert!(hers.len() >= 4, "they change: {}", hers.len());
    for (number, one) in hers.iter().enumerate() {
        assert_eq!(one.open, None);
        for other in hers[..number].iter().chain(&his) {
            assert_ne!(one.nonce, other.nonce);
            assert!(one.hints.iter().all(|hint| !other.hints.contains(hint)));
        }
    }
}

#[test]
fn a_forged_announcement_makes_us_send_nothing() {
    let (mut lan, alice, bob) = Lan::with_two();
    let keys = [lan.world.id(bob), Identity::from_seed([66; 32]).id()];
    lan.run(SECOND * 5);
    let before = lan.world.sent.len();
    let victim = address("192.168.0.99:4000");
    for n in 0..200u8 {
        let open = (n % 2 == 1).then(|| ("bob", keys[usize::from(n / 2 % 2)]));
        let announcement = forged([n; 16], open);
        let endpoints = vec![victim];
        lan.world.command(alice, Command::Neighbour { announcement, endpoints });
        lan.run(STEP);
    }
    assert!(lan.sent_to(victim).is_empty());
    assert!(lan.world.sent.len() > before, "they still talk");
    lan.assert_talking(alice, bob);
}

#[test]
fn a_recorded_announcement_makes_us_send_a_dozen_packets_and_no_more() {
    let (mut lan, alice, bob) = Lan::with_two();
    lan.run(SECOND);
    let recorded = lan.standing[&bob].clone();
    // He is not here; somebody repeats what he said, in every way that he can think of.
    let mut lan = Lan::new();
    let alice_again = lan.add("alice", Disclosure::Contacts);
    assert_eq!(alice, alice_again);
    let key = Identity::from_seed([bob as u8 + 1; 32]).id();
    lan.world.command(alice, Command::Pin { name: local("bob"), key });
    lan.call(alice, "bob");
    let victims: Vec<SocketAddr> =
        (0..9).map(|n| address(&format!("192.168.0.{}:4000", 90 + n))).collect();
    for _ in 0..20 {
        let (announcement, endpoints) = (recorded.clone(), victims.clone());
        lan.world.command(alice, Command::Neighbour { announcement, endpoints });
        lan.run(SECOND * 30);
        lan.world.command(alice, Command::NeighbourGone(recorded.nonce));
    }
    let sent: Vec<usize> = victims.iter().map(|&victim| lan.sent_to(victim).len()).collect();
    assert!(sent.iter().all(|&sent| sent <= 12), "{sent:?}");
    assert_eq!(sent.iter().filter(|&&sent| sent > 0).count(), 4, "{sent:?}");
    assert!(lan.world.sent.iter().all(|packet| packet.payload.len() <= 256));
}

#[test]
fn a_flood_of_announcements_hides_no_contact() {
    for disclosure in [Disclosure::Contacts, Disclosure::Everybody] {
        let mut lan = Lan::new();
        let alice = lan.add("alice", disclosure);
        lan.run(SECOND);
        for n in 0..5_000u32 {
            let mut nonce = [0; 16];
            nonce[..4].copy_from_slice(&n.to_be_bytes());
            let mut seed = [7; 32];
            seed[..4].copy_from_slice(&n.to_be_bytes());
            let key = Identity::from_seed(seed).id();
            let open = (n % 2 == 0).then_some(("mallory", key));
            let endpoints = vec![address("192.168.0.99:4000")];
            let announcement = forged(nonce, open);
            lan.world.command(alice, Command::Neighbour { announcement, endpoints });
        }
        let bob = lan.add("bob", disclosure);
        lan.pin(alice, bob, "bob");
        lan.pin(bob, alice, "alice");
        lan.call(alice, "bob");
        lan.run(SECOND * 3);
        lan.assert_talking(alice, bob);
        assert!(lan.sent_to(address("192.168.0.99:4000")).is_empty());
    }
}

#[test]
fn whoever_takes_a_known_name_is_not_taken_for_its_owner() {
    let mut lan = Lan::new();
    let alice = lan.add("alice", Disclosure::Everybody);
    let mallory = lan.add("bob", Disclosure::Everybody);
    let bob = Identity::from_seed([66; 32]).id();
    lan.world.command(alice, Command::Pin { name: local("bob"), key: bob });
    lan.call(alice, "bob");
    lan.call(mallory, "alice");
    lan.run(SECOND * 30);
    for host in [alice, mallory] {
        assert!(!lan.world.is_connected(host), "{:?}", lan.world);
    }
    // Nor can he stop the chat with the owner: what he says is not proof of a changed key.
    let changed = |(_, event): &(_, Event)| matches!(event, Event::KeyChanged { .. });
    assert!(!lan.world.hosts[alice].events.iter().any(changed), "{:?}", lan.world);
}

#[test]
fn of_two_who_claim_one_name_a_stranger_meets_neither() {
    let mut lan = Lan::new();
    let alice = lan.add("alice", Disclosure::Everybody);
    let bobs = [lan.add("bob", Disclosure::Everybody), lan.add("bob", Disclosure::Everybody)];
    lan.call(alice, "bob");
    lan.run(SECOND * 10);
    assert!(!lan.world.is_connected(alice), "{:?}", lan.world);
    for bob in bobs {
        assert!(lan.sent_to(lan.world.hosts[bob].address).is_empty());
    }
}

#[test]
fn a_name_of_a_rendezvous_is_not_taken_from_the_local_network() {
    let mut lan = Lan::new();
    let alice = lan.world.add("alice", Policy::Any);
    lan.join(alice, Disclosure::Everybody);
    let mallory = lan.add("bob", Disclosure::Everybody);
    lan.world.call(alice, "bob");
    lan.run(SECOND * 10);
    for host in [alice, mallory] {
        assert!(!lan.world.is_connected(host), "{:?}", lan.world);
    }
}

#[test]
fn whoever_hides_his_address_announces_nothing() {
    let mut lan = Lan::new();
    let alice = lan.world.add_without_server("alice", Policy::RelayOnly);
    lan.join(alice, Disclosure::Everybody);
    let bob = lan.add("bob", Disclosure::Everybody);
    lan.call(alice, "bob");
    lan.run(SECOND * 10);
    assert!(!lan.standing.contains_key(&alice) && lan.standing.contains_key(&bob));
    assert!(lan.world.sent.is_empty());
}

#[test]
fn without_a_name_we_are_not_announced() {
    let (mut lan, alice, _) = Lan::with_two();
    lan.run(SECOND);
    assert!(lan.standing.contains_key(&alice));
    lan.world.command(alice, Command::Unregister);
    lan.run(SECOND);
    assert!(!lan.standing.contains_key(&alice));
}

#[test]
fn nobody_answers_an_opening_whose_number_was_not_announced_to_its_sender() {
    let (mut lan, alice, bob) = Lan::with_two();
    lan.run(SECOND * 2);
    let to = lan.world.hosts[bob].address;
    let is_opening = |packet: &&Packet| {
        packet.to == to && matches!(Datagram::parse(&packet.payload), Ok(Datagram::PeerInit(_)))
    };
    let opening = lan.world.sent.iter().find(is_opening).expect("she opened").payload.clone();
    let Ok(Datagram::PeerInit(init)) = Datagram::parse(&opening) else { panic!("an opening") };
    let mut other = opening.clone();
    let at = opening.windows(8).position(|bytes| bytes == init.introduction.to_be_bytes());
    other[at.expect("the number")] ^= 1;
    let from = lan.world.hosts[alice].address;
    let dropped = lan.world.hosts[bob].endpoint.dropped().unknown;
    lan.world.inject(from, to, other);
    lan.run(SECOND);
    assert_eq!(lan.world.hosts[bob].endpoint.dropped().unknown, dropped + 1);
}

#[test]
fn a_neighbour_who_was_out_of_reach_is_tried_again_when_he_announces_himself_anew() {
    let (mut lan, alice, bob) = Lan::with_two();
    lan.world.filter(|_| false);
    lan.run(SECOND * 120);
    assert!(!lan.world.is_connected(alice));
    assert!(lan.sent_to(lan.world.hosts[bob].address).len() <= 12);
    lan.world.filter(|_| true);
    lan.world.command(bob, Command::NetworkChanged);
    lan.run(SECOND * 10);
    lan.assert_talking(alice, bob);
}
