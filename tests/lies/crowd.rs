//! Many who name one victim: a server that invents peers, and peers that lie in chorus.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use p2pchat::proto::Transmit;
use p2pchat_wire::stun::Request;

use crate::accomplice::Accomplice;
use crate::lair::{Lair, VICTIM, at};

/// What arrives at the victim's address; primers die on the way.
fn arrived(lair: &Lair) -> Vec<&Transmit> {
    let there = |one: &&Transmit| one.to.ip() == at(VICTIM).ip() && one.ttl.is_none();
    lair.sent.iter().filter(there).collect()
}

/// Somebody of whom nobody but the server has ever heard.
fn invented(who: u8) -> String {
    format!("nobody{who}")
}

#[test]
fn a_server_that_invents_fifty_peers_at_one_endpoint_has_it_sent_a_dozen_packets() {
    let mut lair = Lair::new();
    for who in 100..150 {
        lair.introduce_as(&invented(who), who, VICTIM, None);
        let opening = lair.opening_of(who, 100);
        lair.introduce_as(&invented(who), who, VICTIM, Some(opening));
        lair.wait(Duration::from_secs(1));
    }
    lair.wait(Duration::from_secs(300));
    let arrived = arrived(&lair);
    assert!((1..=12).contains(&arrived.len()), "{} packets", arrived.len());
    assert!(arrived.iter().all(|one| one.payload.len() <= 256), "they are small");
}

#[test]
fn a_server_that_invents_fifty_peers_at_fifty_ports_of_one_machine_has_it_sent_little() {
    let mut lair = Lair::new();
    for who in 100..150u8 {
        let endpoint = SocketAddr::new(at(VICTIM).ip(), 4000 + u16::from(who)).to_string();
        let opening = lair.opening_of(who, 100);
        lair.introduce_as(&invented(who), who, &endpoint, Some(opening));
        lair.wait(Duration::from_secs(1));
    }
    lair.wait(Duration::from_secs(300));
    let arrived = arrived(&lair);
    assert!((12..=48).contains(&arrived.len()), "{} packets", arrived.len());
    let ports: BTreeSet<u16> = arrived.iter().map(|one| one.to.port()).collect();
    assert!(ports.len() > 1);
}

#[test]
fn twenty_accomplices_who_list_one_endpoint_have_it_sent_a_dozen_packets() {
    let mut lair = Lair::new();
    let mut gang: Vec<Accomplice> = (100..120)
        .map(|who| Accomplice::calling(&mut lair, who, &format!("198.51.100.{who}:4000")))
        .collect();
    for number in 1..=30 {
        for one in &mut gang {
            one.list(&mut lair, number, at(VICTIM));
        }
        lair.wait(Duration::from_secs(3));
    }
    let arrived = arrived(&lair);
    assert!((1..=12).contains(&arrived.len()), "{} packets", arrived.len());
}

#[test]
fn a_server_that_names_a_victim_as_its_other_address_has_it_asked_a_dozen_times() {
    let mut lair = Lair::new();
    lair.draws = true;
    lair.other = Some(at(VICTIM));
    for port in 5000..5100 {
        // Each time Alice is elsewhere, and so everything is to be found out anew.
        lair.seen_at(port);
        lair.wait(Duration::from_secs(30));
    }
    let arrived = arrived(&lair);
    assert!((1..=12).contains(&arrived.len()), "{} packets", arrived.len());
    assert!(arrived.iter().all(|one| Request::parse(&one.payload).is_some()));
}
