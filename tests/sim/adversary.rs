//! A neighbour who hears everything and can put any datagram into the core, and a peer who lies.

use std::net::SocketAddr;
use std::time::Duration;

use p2pchat::proto::{Command, Event, PathKind, Policy, RendezvousTrouble, ServerId};
use p2pchat_wire::datagram::{Challenge, Datagram, PeerInit, Response, peer_header, punch, relay};
use p2pchat_wire::handshake::{Initiator, Purpose};
use p2pchat_wire::identity::Identity;
use p2pchat_wire::random::Random;
use p2pchat_wire::stun::Request;

use crate::client::Client;
use crate::machine::Machine;
use crate::nat::Behaviour;
use crate::scene::{Place, Scene, key_of};
use crate::server::{Rendezvous, server_key};
use crate::talker::{Talker, named};
use crate::topology::{CORE, HostId, Packet};

const SECOND: Duration = Duration::from_secs(1);

/// Where somebody sits who asked for nothing.
const VICTIM: &str = "198.18.99.99";

fn at(text: &str) -> SocketAddr {
    text.parse().expect("address")
}

/// Two people who chat directly, overheard from the first datagram, and somebody who takes no part.
struct Street {
    scene: Scene,
    bystander: HostId,
    recorded: Vec<Packet>,
}

impl Street {
    fn new(seed: u64, place: Place) -> Self {
        let mut scene = Scene::new(seed, place.clone(), place);
        let client = Client::new("bystander", 50, at("203.0.113.10:3478"));
        let client = Machine::Client(Box::new(client));
        let bystander = scene.world.add_host(CORE, &[VICTIM], client);
        scene.world.eavesdrop();
        scene.call();
        scene.say(scene.alice, "one");
        scene.say(scene.bob, "uno");
        scene.wait_for_path(10 * SECOND, PathKind::Direct);
        scene.world.run_for(5 * SECOND);
        let recorded = scene.world.overheard();
        Self { scene, bystander, recorded }
    }

    fn inject(&mut self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        self.scene.world.inject(self.bystander, from, to, bytes);
        self.scene.world.run_for(Duration::from_millis(5));
    }

    /// Nothing of what was injected had an effect: the chat goes on as before.
    #[track_caller]
    fn assert_unmoved(&mut self) {
        let Self { scene, .. } = self;
        scene.say(scene.alice, "two");
        scene.say(scene.bob, "due");
        scene.world.run_for(SECOND);
        assert_eq!(scene.heard(scene.bob), ["one", "two"]);
        assert_eq!(scene.heard(scene.alice), ["uno", "due"]);
        for who in [scene.alice, scene.bob] {
            let talker = scene.talker(who);
            assert_eq!(talker.path(), Some(PathKind::Direct));
            let sessions = talker.events.iter();
            let sessions = sessions.filter(|(_, event)| matches!(event, Event::Connected { .. }));
            assert_eq!(sessions.count(), 1);
            let bad = talker.first(|event| {
                matches!(
                    event,
                    Event::Disconnected { .. }
                        | Event::KeyChanged { .. }
                        | Event::RendezvousTrouble { .. }
                        | Event::RegisterRefused { .. }
                )
            });
            assert_eq!(bad, None);
        }
    }
}

fn streets() -> impl Iterator<Item = Street> {
    let places = [Place::Public, Place::Behind(Behaviour::home())];
    (1..).zip(places).map(|(seed, place)| Street::new(seed, place))
}

#[test]
fn recorded_datagrams_played_again_change_nothing() {
    for mut street in streets() {
        for packet in street.recorded.clone() {
            street.inject(packet.from, packet.to, &packet.bytes);
        }
        street.assert_unmoved();
    }
}

#[test]
fn recorded_datagrams_played_from_another_address_change_nothing() {
    for mut street in streets() {
        for packet in street.recorded.clone() {
            if packet.from.is_ipv4() {
                street.inject(
                    SocketAddr::new(at("198.18.99.99:1").ip(), 7),
                    packet.to,
                    &packet.bytes,
                );
            }
        }
        // Whoever knows an introduction can have its two sides look for each other at a wrong
        // place: a dozen probes each. Beyond that, what is answered at all gets one shorter answer.
        let asks = |packet: &&Packet| {
            let datagram = Datagram::parse(&packet.bytes);
            matches!(
                datagram,
                Ok(Datagram::Hello(_) | Datagram::LinkInit(_) | Datagram::PeerInit(_))
            ) || Request::parse(&packet.bytes).is_some()
        };
        let questions = street.recorded.iter().filter(asks).count();
        street.scene.world.run_for(60 * SECOND);
        let (count, longest) = suffered(&street);
        assert!(count <= 2 * 12 + questions, "{count} datagrams, {questions} questions");
        assert!(longest <= 110, "{longest} bytes");
        street.assert_unmoved();
    }
}

#[test]
fn datagrams_with_bits_flipped_change_nothing() {
    for mut street in streets() {
        let mut random = Random::from_seed([8; 32]);
        for packet in street.recorded.clone() {
            for _ in 0..4 {
                let mut bytes = packet.bytes.clone();
                let bit = random.below(u32::try_from(bytes.len() * 8).expect("short")) as usize;
                bytes[bit / 8] ^= 1 << (bit % 8);
                street.inject(packet.from, packet.to, &bytes);
            }
        }
        street.assert_unmoved();
    }
}

#[test]
fn datagrams_forged_with_every_number_that_an_eavesdropper_knows_change_nothing() {
    for mut street in streets() {
        let mut random = Random::from_seed([9; 32]);
        let eve = Identity::from_seed([0xee; 32]);
        for packet in street.recorded.clone() {
            let forged = match Datagram::parse(&packet.bytes) {
                Ok(Datagram::PeerData(sealed)) => {
                    let number = sealed.packet_number + 1000;
                    let mut bytes = peer_header(sealed.receiver, number).to_vec();
                    bytes.extend(random.array::<40>());
                    vec![bytes]
                }
                Ok(Datagram::PeerResponse(response)) => {
                    let noise = random.array::<48>();
                    vec![Response { noise: &noise, ..response }.encode_peer()]
                }
                Ok(Datagram::Punch { introduction }) => {
                    // Eve opens a handshake in the name of the introduction, with her own key.
                    let bob = key_of("bob");
                    let purpose = Purpose::Peer(server_key());
                    let (_, noise) = Initiator::new(purpose, &eve, &bob, &[], &mut random)
                        .expect("bob's key is usable");
                    let sender = random.u32();
                    vec![
                        punch(introduction),
                        PeerInit { introduction, sender, noise: &noise }.encode(),
                    ]
                }
                Ok(Datagram::Relay { channel, .. }) => vec![relay(channel, &random.array::<60>())],
                _ => vec![],
            };
            for bytes in forged {
                street.inject(packet.from, packet.to, &bytes);
            }
        }
        street.assert_unmoved();
    }
}

#[test]
fn a_flood_of_noise_from_anywhere_changes_nothing() {
    for mut street in streets() {
        let mut random = Random::from_seed([10; 32]);
        let targets: Vec<_> = street.recorded.iter().map(|packet| packet.to).collect();
        for round in 0..2000 {
            let mut bytes = vec![0; 1 + random.below(1200) as usize];
            random.fill(&mut bytes);
            if let [kind, ..] = &mut bytes[..] {
                *kind = [0x40, 0x41, 0x42, 0x43, 0x44, 0x50, 0x51, 0x52, 0x53, 0x60][round % 10];
            }
            let to = targets[random.below(u32::try_from(targets.len()).expect("few")) as usize];
            let from = SocketAddr::new(at("198.18.99.99:1").ip(), 1024 + random.below(9) as u16);
            if to.is_ipv4() {
                street.inject(from, to, &bytes);
            }
        }
        // A hello of noise is a hello; its answer is shorter.
        street.assert_unmoved();
    }
}

/// How many datagrams, and of how many bytes at most, the bystander got from Bob.
fn suffered(street: &Street) -> (usize, usize) {
    let heard = &street.scene.world.host(street.bystander).client().heard;
    (heard.len(), heard.iter().map(|(_, bytes)| bytes.len()).max().unwrap_or(0))
}

#[test]
fn who_lies_about_an_endpoint_has_its_victim_sent_a_dozen_small_datagrams() {
    let mut street = Street::new(1, Place::Public);
    let lie = Command::SetHostCandidates(vec![SocketAddr::new(at("198.18.99.99:1").ip(), 4050)]);
    street.scene.command(street.scene.alice, lie);
    street.scene.world.run_for(600 * SECOND);
    let (count, longest) = suffered(&street);
    assert!((1..=12).contains(&count), "{count} datagrams");
    assert!(longest <= 64, "{longest} bytes");
}

#[test]
fn who_tells_the_same_lie_again_and_again_gets_no_more_out_of_it() {
    let mut street = Street::new(1, Place::Public);
    for round in 0..60u16 {
        // The lie, and enough others to push it out of every list before it is told again.
        let decoys = (0..11).map(|n| at(&format!("198.18.{round}.{n}:4000")));
        let lie = SocketAddr::new(at("198.18.99.99:1").ip(), 4050);
        let list = if round % 3 == 0 { decoys.chain([lie]).collect() } else { decoys.collect() };
        street.scene.command(street.scene.alice, Command::SetHostCandidates(list));
        street.scene.world.run_for(10 * SECOND);
    }
    let (count, _) = suffered(&street);
    assert!(count <= 12, "{count} datagrams");
}

#[test]
fn who_lies_about_many_ports_of_one_machine_has_it_sent_little() {
    let mut street = Street::new(1, Place::Public);
    let ports = (4000..4012).map(|port| SocketAddr::new(at("198.18.99.99:1").ip(), port));
    street.scene.command(street.scene.alice, Command::SetHostCandidates(ports.collect()));
    street.scene.world.run_for(600 * SECOND);
    let (count, _) = suffered(&street);
    assert!((12..=48).contains(&count), "{count} datagrams");
}

/// Two people at home, and so many others in one pay, all of them registered.
fn gang(seed: u64, names: &[&'static str]) -> (Scene, Vec<HostId>) {
    let home = || Place::Behind(Behaviour::home());
    let mut scene = Scene::new(seed, home(), home());
    let gang: Vec<HostId> = names
        .iter()
        .zip(1..)
        .map(|(name, number)| {
            let seed = scene.world.random.array();
            let talker = Talker::new(name, scene.world.now(), seed, Policy::Any);
            let address: &'static str = format!("198.18.7.{number}").leak();
            scene.world.add_host(CORE, &[address], Machine::Talker(Box::new(talker)))
        })
        .collect();
    for who in gang.iter().copied().chain([scene.alice, scene.bob]) {
        scene.start(who, None);
    }
    scene.world.run_until(30 * SECOND, "all are registered", |world| {
        world.talkers().all(Talker::is_registered)
    });
    (scene, gang)
}

#[test]
fn a_gang_that_names_somebody_elses_endpoint_does_not_keep_him_from_a_direct_path() {
    let names = ["mallory", "trudy", "oscar", "sybil", "judy"];
    for seed in 1..4 {
        let (mut scene, gang) = gang(seed, &names);
        let mapped = |event: &Event| match event {
            Event::Registered { mapped, .. } => Some(*mapped),
            _ => None,
        };
        let bobs = scene.talker(scene.bob).events.iter().find_map(|(_, event)| mapped(event));
        let bobs = bobs.expect("he is registered");
        scene.world.eavesdrop();
        for &who in &gang {
            scene.command(who, Command::SetHostCandidates(vec![bobs]));
            scene.command(who, Command::Connect(named("alice").into()));
        }
        // Until her NAT has forgotten that she ever wrote to him.
        scene.world.run_for(300 * SECOND);
        let overheard = scene.world.overheard();
        let server = scene.world.addresses(scene.server).to_vec();
        let blind = |packet: &&Packet| packet.to == bobs && !server.contains(&packet.from.ip());
        let count = overheard.iter().filter(blind).count();
        assert!((1..=12).contains(&count), "{count} packets");
        scene.command(scene.alice, Command::Connect(named("bob").into()));
        let (alice, bob) = (scene.alice, scene.bob);
        scene.world.run_until(10 * SECOND, "the two have a direct path", |world| {
            [(alice, "bob"), (bob, "alice")].into_iter().all(|(who, other)| {
                world.host(who).talker().path_to(key_of(other)) == Some(PathKind::Direct)
            })
        });
    }
}

/// Alice says hello to the server whose key she knows; returns her hello.
fn hello_to_a_known_server() -> (Scene, Packet) {
    let mut scene = Scene::new(1, Place::Public, Place::Public);
    scene.world.eavesdrop();
    let command = Command::UseRendezvous {
        server: ServerId::FIRST,
        addresses: vec![at("203.0.113.10:3478")],
        key: Some(server_key()),
        token: None,
    };
    scene.command(scene.alice, Command::Register(named("alice")));
    scene.command(scene.alice, command);
    let hello = scene.world.overheard().pop().expect("a hello");
    (scene, hello)
}

#[test]
fn a_forged_challenge_delays_a_peer_and_does_not_stop_it() {
    for (version, server) in [(1, [0x99; 32]), (2, server_key().0), (2, [0x99; 32])] {
        let (mut scene, hello) = hello_to_a_known_server();
        let Ok(Datagram::Hello(asked)) = Datagram::parse(&hello.bytes) else { panic!("a hello") };
        let forged =
            Challenge { version, nonce: asked.nonce, cookie: [0; 16], server, time_ms: None }
                .encode();
        scene.world.inject(scene.bob, hello.to, hello.from, &forged);
        let alice = scene.alice;
        scene.world.run_until(5 * SECOND, "alice is registered", |world| {
            world.host(alice).talker().is_registered()
        });
        let troubled = |event: &Event| matches!(event, Event::RendezvousTrouble { .. });
        assert_eq!(scene.talker(alice).first(troubled), None);
    }
}

#[test]
fn a_server_with_another_key_is_reported_and_not_used() {
    let (mut scene, _) = hello_to_a_known_server();
    let impostor = Rendezvous::impostor(scene.world.now(), [7; 32]);
    let actual = impostor.server.key();
    scene.world.replace(scene.server, Machine::Server(Box::new(impostor)));
    let alice = scene.alice;
    let trouble = RendezvousTrouble::KeyChanged { expected: server_key(), actual };
    scene.world.run_until(3 * SECOND, "alice is told", |world| {
        let told =
            |event: &Event| *event == Event::RendezvousTrouble { server: ServerId::FIRST, trouble };
        world.host(alice).talker().first(told).is_some()
    });
    scene.world.run_for(60 * SECOND);
    assert!(!scene.talker(alice).is_registered());
}
