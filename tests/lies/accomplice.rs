//! Peers in the pay of a server, and what they can agree on with somebody who believes them.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use p2pchat::proto::{Command, Event, SocketId, Transmit};
use p2pchat_wire::codec;
use p2pchat_wire::datagram::{self, Datagram, SEALED_HEADER};
use p2pchat_wire::handshake::{Initiator, Purpose};
use p2pchat_wire::identity::Identity;
use p2pchat_wire::sealing::Keys;

use crate::lair::{
    BOB, EVE, HIS, Lair, Lie, OTHER_VICTIM, SECOND, SERVER, VICTIM, at, channel_to, id,
};

/// Bob, or somebody else, in the pay of the server: he has a session with Alice over the relay, and
/// says whatever he likes.
pub(crate) struct Accomplice {
    who: u8,
    keys: Keys,
    alices_index: u32,
    next_number: u64,
}

impl Accomplice {
    /// He calls Alice, whose NAT draws ports, and is introduced as the victim.
    fn meeting(lair: &mut Lair) -> Self {
        lair.draws = true;
        lair.wait(Duration::from_secs(30));
        Self::calling(lair, BOB, VICTIM)
    }

    /// He calls Alice from here.
    pub(crate) fn calling(lair: &mut Lair, who: u8, endpoint: &str) -> Self {
        let (identity, greeting) = (Identity::from_seed([who; 32]), codec::encode(&7u64));
        let purpose = Purpose::Peer(id(100));
        let (mut initiator, noise) =
            Initiator::new(purpose, &identity, &id(1), &greeting, &mut lair.random).expect("init");
        let mut opening = vec![0, 0, 0, 5];
        opening.extend(noise);
        let name = if who == BOB { "bob".to_owned() } else { format!("peer{who}") };
        lair.introduce_as(&name, who, endpoint, Some(opening));
        let response = |transmit: &Transmit| match Datagram::parse(&transmit.payload) {
            Ok(Datagram::Relay { channel, inner }) if channel == channel_to(who) => {
                match Datagram::parse(inner) {
                    Ok(Datagram::PeerResponse(response)) => {
                        Some((response.sender, response.noise.to_vec()))
                    }
                    _ => None,
                }
            }
            _ => None,
        };
        let (alices_index, noise) =
            lair.sent.iter().find_map(response).expect("Alice answers her contact");
        let (_, keys) = initiator.finish(&noise).expect("her answer");
        Self { who, keys, alices_index, next_number: 0 }
    }

    pub(crate) fn say(&mut self, lair: &mut Lair, frames: &[u8]) {
        let mut packet = datagram::peer_header(self.alices_index, self.next_number).to_vec();
        packet.extend(frames);
        self.keys.send.seal_in_place(self.next_number, SEALED_HEADER, &mut packet);
        self.next_number += 1;
        let mut relayed = datagram::relay(channel_to(self.who), &packet);
        lair.alice.handle_datagram(lair.now, SocketId::FIRST, at(SERVER), &mut relayed);
        lair.listen();
    }

    /// He names this endpoint as his machine's; the number of the list must be greater than the last.
    pub(crate) fn list(&mut self, lair: &mut Lair, number: u8, endpoint: SocketAddr) {
        let IpAddr::V4(ip) = endpoint.ip() else { panic!("IPv4") };
        let mut frames = vec![6, number, 1, 0];
        frames.extend(ip.octets());
        frames.push(0xfb);
        frames.extend(endpoint.port().to_le_bytes());
        frames.push(0);
        self.say(lair, &frames);
    }

    /// The packets that have reached him over the first server since so many were sent.
    fn hears(&self, lair: &Lair, since: usize) -> usize {
        let opened = |transmit: &&Transmit| {
            let Ok(Datagram::Relay { channel, inner }) = Datagram::parse(&transmit.payload) else {
                return false;
            };
            if channel != channel_to(self.who) {
                return false;
            }
            let Ok(Datagram::PeerData(sealed)) = Datagram::parse(inner) else { return false };
            let (number, header) = (sealed.packet_number, sealed.header);
            self.keys.receive.open(number, header, sealed.ciphertext).is_ok()
        };
        lair.sent[since..].iter().filter(|one| one.to == at(SERVER)).filter(opened).count()
    }

    /// He says that his NAT keeps its port, proposes a birthday of the greatest effort, and is ready
    /// for it at this address.
    fn propose(&mut self, lair: &mut Lair, round: u8, address: [u8; 4]) {
        let mut frames = vec![8, 0, round, 1];
        frames.extend([8, 1, round, 2, 0xfb, 0, 1, 0xfb, 0, 4, 0]);
        // The rounds that Alice proposes have small numbers.
        for round in (1..=12).chain([round]) {
            frames.extend([8, 2, round, 0]);
            frames.extend(address);
            frames.extend([0, 0xfb, 0xa0, 0x0f]);
        }
        self.say(lair, &frames);
    }
}

/// For ten minutes all of them propose, again and again.
fn propose_for_ten_minutes(lair: &mut Lair, gang: &mut [Accomplice], address: [u8; 4]) {
    for round in 1..=200 {
        for one in &mut *gang {
            one.propose(lair, round, address);
        }
        lair.wait(Duration::from_secs(3));
    }
}

/// Checks that the victim alone was sent punches, and what one peer may have it sent: three bouts,
/// at once, and after pauses of one and of four minutes. Returns how many flows there were.
#[track_caller]
fn assert_within_the_budget_of_one(lair: &Lair) -> usize {
    let punches: Vec<&Transmit> =
        lair.sent.iter().filter(|transmit| transmit.payload.first() == Some(&0x53)).collect();
    assert!(punches.len() > 256, "{} packets: nothing was agreed", punches.len());
    assert!(punches.iter().all(|punch| punch.to == at(VICTIM) && punch.payload.len() == 9));
    let flows: BTreeSet<_> = punches.iter().map(|punch| (punch.from, punch.to)).collect();
    assert!(flows.len() <= 3 * 2048, "{} flows", flows.len());
    assert!(punches.len() <= 3 * 3 * 2048, "{} packets", punches.len());
    flows.len()
}

#[test]
fn a_planned_punch_goes_to_the_introduced_address_only_and_keeps_to_the_budget() {
    let mut lair = Lair::new();
    let bob = Accomplice::meeting(&mut lair);
    propose_for_ten_minutes(&mut lair, &mut [bob], [198, 51, 100, 9]);
    assert_within_the_budget_of_one(&lair);
}

#[test]
fn many_accomplices_have_one_address_sent_no_more_punches_than_one_has() {
    let [one, many] = [0, 20].map(|others| {
        let mut lair = Lair::new();
        let mut gang = vec![Accomplice::meeting(&mut lair)];
        gang.extend((100..100 + others).map(|who| Accomplice::calling(&mut lair, who, VICTIM)));
        propose_for_ten_minutes(&mut lair, &mut gang, [198, 51, 100, 9]);
        assert_within_the_budget_of_one(&lair)
    });
    // Rounds are of different sizes; for twenty-one accounts it would be six times as many.
    assert!(many <= 2 * one, "{many} flows, of one {one}");
}

#[test]
fn a_forecast_of_another_address_than_the_introduced_one_is_not_believed() {
    let mut lair = Lair::new();
    let bob = Accomplice::meeting(&mut lair);
    propose_for_ten_minutes(&mut lair, &mut [bob], [198, 51, 100, 77]);
    let elsewhere = lair.sent.iter().filter(|transmit| transmit.to.ip() != at(SERVER).ip());
    let arriving: Vec<&Transmit> = elsewhere.filter(|transmit| transmit.ttl.is_none()).collect();
    assert!(arriving.iter().all(|transmit| transmit.to == at(VICTIM)), "{arriving:?}");
    assert!(arriving.len() <= 12, "{} packets", arriving.len());
}

#[test]
fn a_second_server_that_lies_has_a_dozen_packets_sent_and_the_session_goes_on() {
    let mut lair = Lair::new();
    let mut bob = Accomplice::calling(&mut lair, BOB, HIS);
    let ping = [0];
    bob.say(&mut lair, &ping);
    let connected = |event: &Event| matches!(event, Event::Connected { .. });
    assert!(lair.events.iter().any(connected), "{:?}", lair.events);
    lair.join(SECOND, 101);
    let (events, sent) = (lair.events.len(), lair.sent.len());
    // Bob with a false endpoint; somebody else with Bob's name; and Bob as the honest server has
    // introduced him, but for the endpoint.
    let lies = [
        Lie { who: BOB, endpoint: VICTIM, channel: 0x33, introduction: 0x44 },
        Lie { who: EVE, endpoint: OTHER_VICTIM, channel: 0x55, introduction: 0x66 },
        Lie { who: BOB, endpoint: VICTIM, channel: 0x11, introduction: 0x22 },
    ];
    for _ in 0..40 {
        for lie in &lies {
            lair.lie(lie);
            lair.wait(Duration::from_secs(1));
            bob.say(&mut lair, &ping);
        }
    }
    for victim in [VICTIM, OTHER_VICTIM] {
        // Primers die on the way.
        let arrived: Vec<_> = lair.sent_to(victim).filter(|one| one.ttl.is_none()).collect();
        assert!((1..=12).contains(&arrived.len()), "{} packets to {victim}", arrived.len());
        assert!(arrived.iter().all(|one| one.payload.len() <= 256), "they are small");
    }
    let news = &lair.events[events..];
    let lost = |event: &Event| match event {
        Event::Disconnected { peer, .. } => *peer == id(BOB),
        event => matches!(event, Event::KeyChanged { .. }),
    };
    assert!(!news.iter().any(lost), "{news:?}");
    assert!(bob.hears(&lair, sent) > 0);
    let (before, message) = (lair.sent.len(), b"still here".to_vec());
    lair.alice.handle_command(lair.now, Command::Send { peer: id(BOB), tag: 1, message });
    lair.listen();
    assert_eq!(bob.hears(&lair, before), 1, "what she says goes where the session is");
}
