//! What the endpoint wants of the rendezvous: a name, and introductions.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use p2pchat_wire::handshake::Purpose;
use p2pchat_wire::identity::{Name, PeerId};
use p2pchat_wire::signal::{
    ClientSignal, Connect, Introduction, LinkReply, LinkRequest, MAX_CONNECTS, MAX_INITIATION,
    Refusal, Registration, ServerSignal,
};

use super::link::LinkEvent;
use super::peer::Peer;
use super::{Endpoint, MAX_PEERS};
use crate::proto::{Event, Policy};

/// How often a registration is asked for again while the server has not answered.
const REPEAT: Duration = Duration::from_secs(1);

/// How often a refusal that may pass is tried again.
const RETRY: Duration = Duration::from_secs(10);

/// Where our name stands.
#[derive(Debug, Default)]
pub(super) struct Registering {
    name: Option<Name>,
    registered: bool,
    /// When to ask (again): for the name, or, without one, for the end of the registration.
    next_at: Option<Instant>,
}

impl Registering {
    pub(super) fn want(&mut self, now: Instant, name: Name) {
        *self = Self { name: Some(name), registered: false, next_at: Some(now) };
    }

    pub(super) fn give_up(&mut self, now: Instant) {
        *self = Self { name: None, registered: false, next_at: Some(now) };
    }

    fn refused(&mut self, now: Instant, refusal: Refusal) {
        let passing = matches!(refusal, Refusal::Busy | Refusal::Storage);
        self.registered = false;
        self.next_at = passing.then(|| now + RETRY);
    }
}

impl Endpoint {
    /// Does whatever the link and its requests need now.
    pub(super) fn advance(&mut self, now: Instant) {
        if self.closed {
            return;
        }
        let mut transmits = Vec::new();
        let event = self.link.handle_timeout(now, &mut self.random, &mut transmits);
        self.transmits.extend(transmits);
        self.on_link_event(now, event);
        if self.link.wants_request() {
            self.request_link(now);
        }
        if self.link.address().is_some() {
            self.repeat_registration(now);
            self.place_calls(now);
        } else {
            self.registering.registered = false;
        }
        self.look_at_our_nat(now);
    }

    pub(super) fn registering_timeout(&self) -> Option<Instant> {
        self.link.address().and(self.registering.next_at)
    }

    /// Calls wait for the registration, and so does their timer.
    pub(super) fn calls_timeout(&self) -> Option<Instant> {
        let ready = self.registering.registered && self.link.address().is_some();
        self.calls.timeout().filter(|_| ready)
    }

    /// Says goodbye to the server; one datagram, whether it arrives or not.
    pub(super) fn say_goodbye(&mut self) {
        self.transmits.extend(self.link.seal(&ClientSignal::Unregister));
    }

    fn request_link(&mut self, now: Instant) {
        let mut connects = Vec::new();
        // A link that is already up is only getting new keys; its calls have been placed.
        if self.link.address().is_none() && self.registering.name.is_some() {
            while connects.len() < MAX_CONNECTS
                && let Some(name) = self.calls.poll(now, &mut self.random)
            {
                connects.push(self.connect_to(now, name));
            }
        }
        let request = LinkRequest {
            counter: self.link.next_counter(now),
            name: self.registering.name.clone(),
            concealed: self.config.policy == Policy::RelayOnly,
            connects,
        };
        let mut transmits = Vec::new();
        self.link.initiate(now, &self.identity, &request, &mut self.random, &mut transmits);
        self.transmits.extend(transmits);
    }

    fn repeat_registration(&mut self, now: Instant) {
        if self.registering.next_at.is_none_or(|at| at > now) {
            return;
        }
        self.registering.next_at = Some(now + REPEAT);
        let signal = match &self.registering.name {
            Some(name) => ClientSignal::Register(name.clone()),
            None => ClientSignal::Unregister,
        };
        self.transmits.extend(self.link.seal(&signal));
    }

    fn place_calls(&mut self, now: Instant) {
        if !self.registering.registered {
            return;
        }
        while let Some(name) = self.calls.poll(now, &mut self.random) {
            let connect = self.connect_to(now, name);
            self.transmits.extend(self.link.seal(&ClientSignal::Connect(connect)));
        }
    }

    /// The wish to be introduced to `name`, with the handshake opened if we know whom to expect.
    fn connect_to(&mut self, now: Instant, name: Name) -> Connect {
        let key = self.pins.get(&name).copied();
        let initiation = key.and_then(|key| {
            self.peer(now, key, &name)?.call_as(&name);
            self.with_peer(now, key, Peer::initiation)?
        });
        let initiation = initiation.filter(|initiation| initiation.len() <= MAX_INITIATION);
        Connect { name, key, initiation }
    }

    pub(super) fn on_link_event(&mut self, now: Instant, event: Option<LinkEvent>) {
        match event {
            None => {}
            Some(LinkEvent::Busy) => self.on_register_refused(now, Refusal::Busy),
            Some(LinkEvent::Trouble(trouble)) => {
                self.events.push_back(Event::RendezvousTrouble(trouble));
            }
            Some(LinkEvent::Up { key, same, reply }) => {
                self.events.extend(key.map(Event::RendezvousKey));
                self.on_link_up(now, same, *reply);
            }
            Some(LinkEvent::Signal(signal)) => self.on_signal(now, *signal),
        }
    }

    fn on_link_up(&mut self, now: Instant, same: bool, reply: LinkReply) {
        // New keys for a registration that stands change nothing else. But a server that does not
        // know its own token may know nothing of us at all.
        let renewed = self.registering.registered && same;
        self.token = Some(reply.token);
        if let Some(purpose) = self.link.key().map(Purpose::Peer) {
            self.peers.values_mut().for_each(|peer| peer.move_to(purpose));
        }
        match reply.registration {
            Registration::Registered => self.on_registered(now, reply.mapped),
            Registration::Pending | Registration::Anonymous => {
                self.set_mapped(now, reply.mapped);
                self.registering.registered = false;
                if self.registering.name.is_some() {
                    self.registering.next_at = Some(now + REPEAT);
                } else {
                    self.on_unregistered();
                }
            }
            Registration::Refused(refusal) => {
                self.set_mapped(now, reply.mapped);
                self.on_register_refused(now, refusal);
            }
        }
        if !renewed {
            self.calls.ask_all(now);
        }
        for answer in reply.answers {
            self.on_signal(now, answer);
        }
        if !renewed {
            self.repair_relays(now);
        }
    }

    /// After an outage the server may be a new process that knows no channels: everybody whom we
    /// are connected to and want is asked for again. Those just introduced have a fresh channel.
    fn repair_relays(&mut self, now: Instant) {
        let stale: Vec<Name> = self
            .peers
            .values()
            .filter(|peer| peer.is_connected() && peer.introduced_at < now)
            .map(|peer| peer.name().clone())
            .collect();
        for name in stale {
            self.calls.ask_again(now, &name, Duration::from_millis(1));
        }
    }

    fn on_registered(&mut self, now: Instant, mapped: SocketAddr) {
        let news = !self.registering.registered || self.mapped != Some(mapped);
        self.registering.registered = true;
        self.registering.next_at = None;
        self.set_mapped(now, mapped);
        if let (true, Some(name), Some(token)) = (news, &self.registering.name, self.token) {
            self.events.push_back(Event::Registered { name: name.clone(), mapped, token });
        }
    }

    fn on_unregistered(&mut self) {
        if self.registering.name.is_none() && self.registering.next_at.take().is_some() {
            self.events.push_back(Event::Unregistered);
        }
    }

    fn on_register_refused(&mut self, now: Instant, refusal: Refusal) {
        self.registering.refused(now, refusal);
        if let Some(name) = &self.registering.name {
            self.events.push_back(Event::RegisterRefused { name: name.clone(), refusal });
        }
    }

    fn set_mapped(&mut self, now: Instant, mapped: SocketAddr) {
        if self.mapped != Some(mapped) {
            self.mapped = Some(mapped);
            self.renew_candidates(now);
        }
    }

    fn on_signal(&mut self, now: Instant, signal: ServerSignal) {
        match signal {
            ServerSignal::Pong { mapped, .. } => {
                if self.mapped == Some(mapped) {
                    return;
                }
                if self.registering.registered {
                    self.on_registered(now, mapped);
                } else {
                    self.set_mapped(now, mapped);
                }
            }
            ServerSignal::Registered(name) => {
                if self.registering.name.as_ref() == Some(&name)
                    && let Some(mapped) = self.mapped
                {
                    self.on_registered(now, mapped);
                }
            }
            ServerSignal::RegisterRefused { name, refusal } => {
                if self.registering.name.as_ref() == Some(&name) {
                    self.on_register_refused(now, refusal);
                }
            }
            ServerSignal::Unregistered => self.on_unregistered(),
            ServerSignal::Introduction(introduction) => self.on_introduction(now, &introduction),
            ServerSignal::ConnectRefused { name, refusal } => {
                self.on_connect_refused(now, name, refusal);
            }
            ServerSignal::Presence { name, key, online } => {
                if online {
                    self.calls.ask_again(now, &name, Duration::ZERO);
                } else {
                    self.calls.offline(now, &name);
                }
                self.events.push_back(Event::Presence { name, key, online });
            }
            // It will be found out soon enough whether another takes its place.
            ServerSignal::Stopping => self.link.ping_now(now),
        }
    }

    fn on_introduction(&mut self, now: Instant, introduction: &Introduction) {
        let (name, actual) = (&introduction.name, introduction.key);
        if let Some(&expected) = self.pins.get(name)
            && expected != actual
        {
            return self.on_key_changed(now, name.clone(), expected, actual);
        }
        if actual == self.identity.id() {
            return;
        }
        let called = self.calls.contains(name);
        let Some(peer) = self.peer(now, actual, name) else { return };
        if called {
            peer.call_as(name);
        }
        if peer.is_connected() {
            self.calls.connected(name);
        } else {
            self.calls.introduced(now, name);
        }
        self.with_peer(now, actual, |peer, cx| peer.introduced(cx, introduction));
    }

    fn on_connect_refused(&mut self, now: Instant, name: Name, refusal: Refusal) {
        match refusal {
            Refusal::KeyMismatch { actual } => {
                if let Some(&expected) = self.pins.get(&name) {
                    return self.on_key_changed(now, name, expected, actual);
                }
                self.calls.refused(now, &name);
            }
            Refusal::NotRegistered => {
                // The server has forgotten us: tell it again, then ask again.
                self.registering.registered = false;
                self.registering.next_at = Some(now);
                self.calls.ask_again(now, &name, REPEAT);
            }
            Refusal::Offline => {
                self.calls.offline(now, &name);
                self.with_peers_named(now, &name, |peer, _| peer.is_away());
                self.events.push_back(Event::ConnectRefused { name, refusal });
            }
            Refusal::NoSuchName | Refusal::Busy | Refusal::NameTaken | Refusal::Storage => {
                self.calls.refused(now, &name);
                self.events.push_back(Event::ConnectRefused { name, refusal });
            }
        }
    }

    fn on_key_changed(&mut self, now: Instant, name: Name, expected: PeerId, actual: PeerId) {
        self.calls.refused(now, &name);
        self.events.push_back(Event::KeyChanged { name, expected, actual });
    }

    /// The peer with this key, made if there is room.
    fn peer(&mut self, now: Instant, key: PeerId, name: &Name) -> Option<&mut Peer> {
        let purpose = Purpose::Peer(self.link.key()?);
        if !self.peers.contains_key(&key) {
            self.forget_idle_peers();
            if self.peers.len() >= MAX_PEERS {
                return None;
            }
            let instance = self.random.u64();
            let peer = Peer::new(now, key, name.clone(), purpose, self.config.policy, instance);
            self.peers.insert(key, peer);
        }
        let peer = self.peers.get_mut(&key)?;
        peer.move_to(purpose);
        Some(peer)
    }

    fn forget_idle_peers(&mut self) {
        if self.peers.len() > MAX_PEERS / 2 {
            self.peers.retain(|_, peer| !peer.is_idle());
        }
    }
}
