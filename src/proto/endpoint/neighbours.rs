//! Who is in the local network, and how we get together without a server.
//!
//! The wiring announces there what we give it ([`Event::Announce`]), and tells who else announces
//! themselves. An announcement is recognised as a contact's by its hint
//! ([`Announcement`]), and even then it is only a place to
//! try: nothing but the handshake proves the key. Those of people whom we do not know are sent
//! nothing and answered nothing, unless we ourselves are open to everybody.
//!
//! To somebody whom we want to be connected to, we open a handshake that is bound to no rendezvous
//! ([`Purpose::Neighbour`](p2pchat_wire::handshake::Purpose)), headed by the number that the two of
//! us computed from the announcement. Where a session exists already, an announcement only adds
//! paths to it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use p2pchat_wire::address;
use p2pchat_wire::identity::{Identity, Name, PeerId};
use p2pchat_wire::neighbour::{Acquaintance, Announcement, HINTS, Nonce};

use super::Endpoint;
use super::home::Home;
use super::peer::{Nearby, Peer};
use crate::proto::{Disclosure, Event, MAX_NEIGHBOUR_ENDPOINTS, PeerName, Policy, ServerId};

/// Announcements that are remembered. A contact's takes the place of a stranger's.
const MAX_SIGHTINGS: usize = 128;

/// Announcements of one person that count: one for each of his programs, and the last before each.
const MAX_SIGHTINGS_OF_ONE: usize = 4;

/// Contacts who can be met without a server. A secret is computed for each, at 0.1 ms.
const MAX_ACQUAINTANCES: usize = 1024;

/// Secrets that are computed for strangers within a second; the rest are not looked at.
const MAX_STRANGERS_A_SECOND: u32 = 8;

/// Announcements of ours that are answered: the one that stands, and the one before it.
const MAX_NONCES: usize = 2;

/// How long changes are gathered before we announce anew.
const GATHER: Duration = Duration::from_millis(100);

/// How often we announce anew without any change, so that nobody can tell for long that two
/// announcements are the same person's.
const RENEW: Duration = Duration::from_secs(15 * 60);

/// While the rendezvous is reached, how long it has the time to bring us together: its handshake
/// is under way, and goes over more paths.
const PRECEDENCE: Duration = Duration::from_secs(2);

/// How long somebody else may announce the same name before a stranger is believed to be the one
/// who is meant.
const DISPUTE: Duration = Duration::from_secs(1);

/// How long a handshake with a neighbour is left to itself before the next.
const RETRY: Duration = Duration::from_secs(5);

/// An announcement that stands in our network.
#[derive(Debug)]
struct Sighting {
    announcement: Announcement,
    endpoints: Vec<SocketAddr>,
    since: Instant,
    /// Whose it is, as far as we can tell.
    whose: Option<Whose>,
}

/// Whose announcement it is.
#[derive(Clone, Copy, Debug)]
struct Whose {
    key: PeerId,
    /// Heads what we send there.
    number: u64,
    /// By a hint, and not only by a key that anybody can write.
    recognised: bool,
}

/// Somebody with whom we share a secret.
#[derive(Debug)]
struct Known {
    acquaintance: Acquaintance,
    /// Pinned, and not just announced.
    contact: bool,
}

/// Our part and everybody else's.
#[derive(Debug, Default)]
pub(super) struct Neighbours {
    disclosure: Option<Disclosure>,
    /// Whether an announcement of ours stands.
    announced: bool,
    renew_at: Option<Instant>,
    /// Of our announcements, the newest last.
    nonces: VecDeque<Nonce>,
    /// Who may open a handshake under which number, by our announcements.
    callers: BTreeMap<u64, PeerId>,
    known: BTreeMap<PeerId, Known>,
    /// Whether `known` has all the pinned keys.
    acquainted: bool,
    sightings: BTreeMap<Nonce, Sighting>,
    /// When to open the next handshake with somebody who is announced.
    next_at: BTreeMap<PeerId, Instant>,
    strangers_since: Option<Instant>,
    strangers: u32,
}

impl Neighbours {
    fn is_open(&self) -> bool {
        self.disclosure == Some(Disclosure::Everybody)
    }

    /// Something that our announcement says has changed.
    fn renew(&mut self, now: Instant) {
        if self.disclosure.is_some() {
            let at = now + GATHER;
            self.renew_at = Some(self.renew_at.map_or(at, |planned| planned.min(at)));
        }
    }

    /// Whose announcement it is, if a contact's.
    fn recognise(&self, announcement: &Announcement) -> Option<Whose> {
        self.known.iter().filter(|(_, known)| known.contact).find_map(|(&key, known)| {
            let token = known.acquaintance.token(&key, &announcement.nonce);
            let ours = announcement.hints.binary_search(&token.hint).is_ok();
            ours.then_some(Whose { key, number: token.introduction, recognised: true })
        })
    }

    /// Shares a secret with whoever has this key; it may be a contact's.
    fn acquaint(&mut self, identity: &Identity, key: PeerId, contact: bool) {
        if let Some(known) = self.known.get_mut(&key) {
            known.contact |= contact;
            return;
        }
        let Some(acquaintance) = Acquaintance::new(identity, &key) else { return };
        for nonce in &self.nonces {
            self.callers.insert(acquaintance.token(&identity.id(), nonce).introduction, key);
        }
        self.known.insert(key, Known { acquaintance, contact });
    }

    /// A new announcement of ours: who may call us by it, and by the one before.
    fn answer_to(&mut self, us: &PeerId, nonce: Nonce) {
        self.nonces.push_back(nonce);
        while self.nonces.len() > MAX_NONCES {
            self.nonces.pop_front();
        }
        let numbers = self.known.iter().flat_map(|(key, known)| {
            let number = |nonce| known.acquaintance.token(us, nonce).introduction;
            self.nonces.iter().map(move |nonce| (number(nonce), *key))
        });
        self.callers = numbers.collect();
    }

    /// The one who announces this name to everybody; `None` if two do.
    fn named(&self, name: &Name) -> Option<PeerId> {
        let named = self.sightings.values().filter_map(|one| {
            let (announced, key) = one.announcement.open.as_ref()?;
            (announced == name).then_some(*key)
        });
        let mut keys = named.collect::<BTreeSet<PeerId>>().into_iter();
        keys.next().filter(|_| keys.next().is_none())
    }

    /// The name that somebody announces.
    fn name_of(&self, key: &PeerId) -> Option<&Name> {
        let theirs = |one: &&Sighting| one.whose.is_some_and(|whose| whose.key == *key);
        let (name, _) = self.sightings.values().find(theirs)?.announcement.open.as_ref()?;
        Some(name)
    }

    /// Everything that leads to one person.
    fn nearby(&self, key: &PeerId) -> Vec<Nearby> {
        let theirs = self.sightings.values().filter_map(|one| one.whose.map(|whose| (one, whose)));
        let mut theirs: Vec<_> = theirs.filter(|(_, whose)| whose.key == *key).collect();
        theirs.sort_by_key(|(one, whose)| (!whose.recognised, Reverse(one.since)));
        theirs.truncate(MAX_SIGHTINGS_OF_ONE);
        let nearby = |(one, whose): (&Sighting, Whose)| Nearby {
            number: whose.number,
            recognised: whose.recognised,
            endpoints: one.endpoints.clone(),
        };
        theirs.into_iter().map(nearby).collect()
    }

    /// The announcement that gives way to another, if it has to; `None` if there is no room.
    fn victim(&self, for_contact: bool) -> Option<Option<Nonce>> {
        if self.sightings.len() < MAX_SIGHTINGS {
            return Some(None);
        }
        let recognised = |one: &Sighting| one.whose.is_some_and(|whose| whose.recognised);
        let stranger = self.sightings.iter().find(|(_, one)| !recognised(one));
        stranger.filter(|_| for_contact).map(|(nonce, _)| Some(*nonce))
    }

    fn may_look_at_stranger(&mut self, now: Instant) -> bool {
        let second = Duration::from_secs(1);
        if self.strangers_since.is_none_or(|at| now.saturating_duration_since(at) >= second) {
            self.strangers_since = Some(now);
            self.strangers = 0;
        }
        self.strangers += 1;
        self.strangers <= MAX_STRANGERS_A_SECOND
    }
}

impl Endpoint {
    /// Be found in the local network from now on.
    pub(super) fn meet_neighbours(&mut self, now: Instant, disclosure: Disclosure) {
        // Whoever hides his address behind the relay does not shout it into his network.
        if self.config.policy != Policy::RelayOnly {
            self.neighbours.disclosure = Some(disclosure);
            self.neighbours.renew(now);
        }
    }

    /// Our name, our contacts or our network are others than before.
    pub(super) fn renew_announcement(&mut self, now: Instant) {
        self.neighbours.renew(now);
    }

    /// A contact was pinned: perhaps one of those who are here.
    pub(super) fn recognise_anew(&mut self, now: Instant) {
        self.neighbours.acquainted = false;
        self.neighbours.renew(now);
        let unknown = self
            .neighbours
            .sightings
            .iter()
            .filter(|(_, one)| one.whose.is_none_or(|whose| !whose.recognised));
        let unknown: Vec<Announcement> = unknown.map(|(_, one)| one.announcement.clone()).collect();
        for announcement in unknown {
            let whose = self.recognise(&announcement);
            if let (Some(one), Some(_)) =
                (self.neighbours.sightings.get_mut(&announcement.nonce), whose)
            {
                one.whose = whose;
                self.tell_peer(now, whose);
            }
        }
    }

    /// Somebody announces this at these endpoints.
    pub(super) fn on_neighbour(
        &mut self,
        now: Instant,
        announcement: Announcement,
        mut endpoints: Vec<SocketAddr>,
    ) {
        let nonce = announcement.nonce;
        if self.neighbours.disclosure.is_none() || self.neighbours.nonces.contains(&nonce) {
            return;
        }
        endpoints.truncate(MAX_NEIGHBOUR_ENDPOINTS);
        let endpoints: Vec<SocketAddr> = endpoints.into_iter().map(address::canonical).collect();
        let contact = self.recognise(&announcement);
        let before = self.neighbours.sightings.remove(&nonce);
        match self.neighbours.victim(contact.is_some()) {
            Some(victim) => victim.iter().for_each(|nonce| self.on_neighbour_gone(now, nonce)),
            None => return,
        }
        let since = before.map_or(now, |one| one.since);
        let whose = contact.or_else(|| self.stranger(now, &announcement));
        let sighting = Sighting { announcement, endpoints, since, whose };
        self.neighbours.sightings.insert(nonce, sighting);
        self.tell_peer(now, whose);
    }

    /// An announcement stands no longer. A session with whoever made it lives as long as it lives.
    pub(super) fn on_neighbour_gone(&mut self, now: Instant, nonce: &Nonce) {
        let gone = self.neighbours.sightings.remove(nonce);
        let Some(Whose { key, .. }) = gone.and_then(|one| one.whose) else { return };
        let nearby = self.neighbours.nearby(&key);
        if nearby.is_empty() {
            self.neighbours.next_at.remove(&key);
            // What was computed for a stranger goes with the last sign of him.
            if self.neighbours.known.get(&key).is_some_and(|known| !known.contact) {
                self.neighbours.known.remove(&key);
                self.neighbours.callers.retain(|_, caller| *caller != key);
            }
        }
        self.with_peer(now, key, |peer, cx| peer.is_near(cx, nearby));
    }

    fn tell_peer(&mut self, now: Instant, whose: Option<Whose>) {
        let Some(Whose { key, recognised, .. }) = whose else { return };
        let pause = match (recognised, self.homes.iter().any(Home::is_ready)) {
            (false, _) => DISPUTE,
            (true, true) => PRECEDENCE,
            (true, false) => Duration::ZERO,
        };
        self.neighbours.next_at.entry(key).or_insert(now + pause);
        let nearby = self.neighbours.nearby(&key);
        self.with_peer(now, key, |peer, cx| peer.is_near(cx, nearby));
    }

    /// Does what is due: announces us, opens handshakes with those whom we want and have no session
    /// with.
    pub(super) fn tend_neighbours(&mut self, now: Instant) {
        if self.neighbours.renew_at.is_some_and(|at| at <= now) {
            self.announce(now);
        }
        let due: Vec<_> = self.wanted_neighbours().filter(|(_, _, at)| *at <= now).collect();
        for (name, key, _) in due {
            self.neighbours.next_at.insert(key, now + RETRY);
            if let Some(peer) = self.peer(key, &name) {
                peer.call_as(&name);
                let nearby = self.neighbours.nearby(&key);
                self.with_peer(now, key, |peer, cx| {
                    peer.is_near(cx, nearby);
                    peer.approach(cx);
                });
            }
        }
    }

    /// When [`Endpoint::tend_neighbours`] has something to do.
    pub(super) fn neighbours_timeout(&self) -> Option<Instant> {
        let wanted = self.wanted_neighbours().map(|(_, _, at)| at);
        wanted.chain(self.neighbours.renew_at).min()
    }

    /// Who is here, whom we want, and with whom there is neither a session nor such a handshake;
    /// with the time of the next attempt.
    fn wanted_neighbours(&self) -> impl Iterator<Item = (PeerName, PeerId, Instant)> {
        self.wanted.iter().filter_map(|name| {
            let key = match self.pins.key(name) {
                Some(key) => key,
                None if name.server == ServerId::LOCAL => self.neighbours.named(&name.name)?,
                // Whom a rendezvous gave the name is meant, whoever takes it here.
                None => return None,
            };
            let at = *self.neighbours.next_at.get(&key)?;
            let engaged = self.peers.get(&key).is_some_and(Peer::needs_no_approach);
            (!engaged).then(|| (name.clone(), key, at))
        })
    }

    /// Whom a handshake from the local network under this number is from, with a peer to answer it.
    pub(super) fn caller_numbered(&mut self, number: u64) -> Option<PeerId> {
        let key = *self.neighbours.callers.get(&number)?;
        let name = self.pins.names(key).first().cloned().or_else(|| {
            // Nobody has a contact's name, or ours, because he says so.
            let name = self.neighbours.name_of(&key)?;
            let local = PeerName { name: name.clone(), server: ServerId::LOCAL };
            let taken = self.pins.key(&local).is_some() || self.name.as_ref() == Some(name);
            (!taken).then_some(local)
        });
        self.peer(key, &name?).map(|peer| peer.indexed_by())
    }

    /// Tells the network who is here, so that contacts recognise it.
    fn announce(&mut self, now: Instant) {
        self.neighbours.renew_at = None;
        let us = self.identity.id();
        let name = self.name.clone();
        let (Some(disclosure), Some(name)) = (self.neighbours.disclosure, name) else {
            self.neighbours.nonces.clear();
            self.neighbours.callers.clear();
            if std::mem::take(&mut self.neighbours.announced) {
                self.events.push_back(Event::Announce(None));
            }
            return;
        };
        self.acquaint();
        let nonce: Nonce = self.random.array();
        self.neighbours.answer_to(&us, nonce);
        let told = self.whom_to_tell();
        let known = |key: &PeerId| self.neighbours.known.get(key);
        let hint = |key: &PeerId| known(key).map(|one| one.acquaintance.token(&us, &nonce).hint);
        let hints: Vec<_> = told.iter().filter_map(hint).collect();
        let open = (disclosure == Disclosure::Everybody).then_some((name, us));
        let announcement = Announcement::new(nonce, hints, open, &mut self.random);
        self.neighbours.announced = true;
        self.neighbours.renew_at = Some(now + RENEW);
        self.events.push_back(Event::Announce(Some(announcement)));
    }

    /// The contacts who get a hint: those whom we call first, then, each time, others.
    fn whom_to_tell(&mut self) -> Vec<PeerId> {
        let called: BTreeSet<PeerId> = self.called_contacts().collect();
        let contacts = self.neighbours.known.iter().filter(|(_, known)| known.contact);
        let others = contacts.map(|(key, _)| *key).filter(|key| !called.contains(key));
        let mut others: Vec<PeerId> = others.collect();
        let mut told: Vec<PeerId> = called.into_iter().take(HINTS).collect();
        while told.len() < HINTS && !others.is_empty() {
            let number = u32::try_from(others.len()).unwrap_or(u32::MAX);
            let at = usize::try_from(self.random.below(number)).unwrap_or(0);
            told.push(others.swap_remove(at));
        }
        told
    }

    fn called_contacts(&self) -> impl Iterator<Item = PeerId> {
        self.wanted.iter().filter_map(|name| self.pins.key(name))
    }

    fn recognise(&mut self, announcement: &Announcement) -> Option<Whose> {
        self.acquaint();
        self.neighbours.recognise(announcement)
    }

    /// Shares a secret with every contact, those whom we call first, as far as there is room.
    fn acquaint(&mut self) {
        if std::mem::replace(&mut self.neighbours.acquainted, true) {
            return;
        }
        self.neighbours.known.values_mut().for_each(|known| known.contact = false);
        let called: BTreeSet<PeerId> = self.called_contacts().collect();
        let others: BTreeSet<PeerId> = self.pins.keys().collect();
        let contacts = called.iter().chain(others.difference(&called));
        for key in contacts.take(MAX_ACQUAINTANCES) {
            self.neighbours.acquaint(&self.identity, *key, true);
        }
    }

    /// The stranger whose announcement it says that it is, if we want to know strangers.
    fn stranger(&mut self, now: Instant, announcement: &Announcement) -> Option<Whose> {
        let (_, key) = announcement.open.as_ref()?;
        let known = self.neighbours.known.contains_key(key);
        if !self.neighbours.is_open()
            || *key == self.identity.id()
            || self.pins.is_blocked(key)
            || !known && !self.neighbours.may_look_at_stranger(now)
        {
            return None;
        }
        self.neighbours.acquaint(&self.identity, *key, false);
        let token = self.neighbours.known.get(key)?.acquaintance.token(key, &announcement.nonce);
        Some(Whose { key: *key, number: token.introduction, recognised: false })
    }
}
