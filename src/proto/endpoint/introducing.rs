//! Meeting peers: whom each rendezvous is asked for, and what it says about them.
//!
//! A name means something only at the rendezvous that gave it out. But once its key is pinned,
//! whoever proves that key is meant, wherever we meet: then every rendezvous that we use may
//! introduce us, and each one that does is one more relay.

use std::time::{Duration, Instant};

use p2pchat_wire::identity::{Name, PeerId};
use p2pchat_wire::signal::{ClientSignal, Connect, Introduction, MAX_INITIATION, Refusal};

use super::calls::MAX_CALLS;
use super::peer::Peer;
use super::registration::REPEAT;
use super::{Endpoint, MAX_PEERS};
use crate::proto::{DisconnectReason, Event, PeerName, ServerId};

impl Endpoint {
    /// Wants to be connected to `name` from now on.
    pub(super) fn call(&mut self, now: Instant, name: &PeerName) {
        if self.wanted.len() >= MAX_CALLS {
            return;
        }
        self.wanted.insert(name.clone());
        self.renew_calls(now, &name.name);
        let pinned = self.pins.key(name);
        let meant =
            |peer: &Peer| peer.name() == name || pinned.is_some_and(|key| peer.indexed_by() == key);
        let known: Vec<PeerId> =
            self.peers.values().filter(|peer| meant(peer)).map(Peer::indexed_by).collect();
        for id in known {
            self.with_peer(now, id, |peer, _| peer.call_as(name));
            self.note_connected(id);
        }
    }

    /// Wants it no longer.
    pub(super) fn hang_up(&mut self, now: Instant, name: &PeerName) {
        self.wanted.remove(name);
        self.renew_calls(now, &name.name);
        self.with_peers_named(now, name, |peer, cx| {
            if peer.call_off(name) {
                peer.close(cx, DisconnectReason::Closed);
            }
        });
    }

    /// From now on, `name` is `key` and nobody else.
    pub(super) fn pin(&mut self, now: Instant, name: PeerName, key: PeerId) {
        self.pins.pin(name.clone(), key);
        self.recognise_anew(now);
        self.renew_calls(now, &name.name);
        if let Some(home) = self.homes.get_mut(name.server) {
            home.calls.ask_again(now, &name.name, Duration::ZERO);
        }
    }

    /// From now on, `name` may be anybody.
    pub(super) fn unpin(&mut self, now: Instant, name: &PeerName) {
        self.pins.unpin(name);
        self.recognise_anew(now);
        self.renew_calls(now, &name.name);
    }

    /// From now on, these are not answered.
    pub(super) fn block(&mut self, now: Instant, keys: Vec<PeerId>) {
        for id in self.pins.block(keys) {
            self.with_peer(now, id, |peer, cx| peer.close(cx, DisconnectReason::Closed));
        }
        self.recognise_anew(now);
    }

    /// Decides at which servers a name is asked for: at its own, and, with its key pinned, at those
    /// where it is nobody else's as far as we know.
    pub(super) fn renew_calls(&mut self, now: Instant, name: &Name) {
        for home in self.homes.iter_mut() {
            let here = PeerName { name: name.clone(), server: home.id };
            if self.wanted.contains(&here) {
                home.calls.add(now, name);
                continue;
            }
            let owner = self.pins.key(&here);
            let pinned = named(&self.wanted, name).find_map(|wanted| self.pins.key(wanted));
            match pinned {
                Some(key) if owner.is_none_or(|owner| owner == key) => {
                    home.calls.add_spare(now, name);
                }
                _ => home.calls.remove(name),
            }
        }
    }

    /// Places the calls that are due at a server, as many as it takes at once.
    pub(super) fn place_calls(&mut self, now: Instant, server: ServerId) {
        if !self.homes.get(server).is_some_and(|home| home.is_ready()) {
            return;
        }
        while let Some(connect) = self.next_call(now, server) {
            self.tell(server, &ClientSignal::Connect(connect));
        }
    }

    /// The next wish to be introduced, with the handshake opened if we know whom to expect.
    pub(super) fn next_call(&mut self, now: Instant, server: ServerId) -> Option<Connect> {
        let home = self.homes.get_mut(server)?;
        let rtt = home.link.rtt().unwrap_or_default();
        let name = home.calls.poll(now, rtt, &mut self.random)?;
        let here = PeerName { name: name.clone(), server };
        let mut initiation = None;
        let key = if self.wanted.contains(&here) {
            let key = self.pins.key(&here);
            initiation = key.and_then(|key| {
                self.peer(key, &here)?.call_as(&here);
                self.with_peer(now, key, |peer, cx| peer.initiation(cx, server))?
            });
            key
        } else {
            // Another server may be introducing us at this very moment. Without a handshake of
            // ours the callee opens one, as soon as it hears of us here.
            named(&self.wanted, &name).find_map(|wanted| self.pins.key(wanted))
        };
        let initiation = initiation.filter(|initiation| initiation.len() <= MAX_INITIATION);
        Some(Connect { name, key, initiation })
    }

    pub(super) fn on_introduction(
        &mut self,
        now: Instant,
        server: ServerId,
        introduction: &Introduction,
    ) {
        let here = PeerName { name: introduction.name.clone(), server };
        let actual = introduction.key;
        if self.pins.is_blocked(&actual) {
            self.dropped.blocked += 1;
            return;
        }
        if let Some(expected) = self.pins.key(&here)
            && expected != actual
        {
            return self.on_key_changed(now, here, expected, actual);
        }
        let purpose = self.homes.get(server).and_then(|home| home.purpose());
        let Some(purpose) = purpose.filter(|_| actual != self.identity.id()) else { return };
        // Wanted under the name that it has here, or under one that it has elsewhere.
        let pins = &self.pins;
        let meant = |wanted: &&PeerName| {
            **wanted == here || wanted.server != server && pins.key(wanted) == Some(actual)
        };
        let names = self.wanted.iter().filter(|wanted| pins.key(wanted) == Some(actual));
        let called: Vec<PeerName> =
            names.chain(self.wanted.get(&here)).filter(meant).cloned().collect();
        let name = self.known_as(&here, actual, &called);
        let known_elsewhere = name != here;
        let Some(peer) = self.peer(actual, &name) else { return };
        peer.rename(name);
        called.iter().for_each(|name| peer.call_as(name));
        if !peer.is_connected()
            && let Some(home) = self.homes.get_mut(server)
        {
            home.calls.introduced(now, &here.name);
        }
        self.with_peer(now, actual, |peer, cx| {
            peer.introduced(cx, server, purpose, introduction);
        });
        self.note_connected(actual);
        if known_elsewhere {
            self.note_names(actual);
        }
    }

    /// Whoever asked for a name whose key he did not know is told who has it, even if that is
    /// somebody whom we are connected to under another.
    pub(super) fn note_names(&mut self, id: PeerId) {
        let Some(peer) = self.peers.get(&id) else { return };
        let Some(path) = peer.reported_path() else { return };
        let other = |name: &&PeerName| *name != peer.name() && self.pins.key(name).is_none();
        for name in peer.called_as().iter().filter(other) {
            self.events.push_back(Event::Connected { peer: id, name: name.clone(), path });
        }
    }

    /// By which name an introduced peer goes: one person has one name, whoever introduces him.
    fn known_as(&self, here: &PeerName, key: PeerId, called: &[PeerName]) -> PeerName {
        let current = self.peers.get(&key).filter(|peer| peer.is_engaged()).map(Peer::name);
        let elsewhere = |name: &&PeerName| name.server != here.server;
        let known = current.filter(elsewhere).or_else(|| called.first());
        let pinned = self.pins.names(key);
        let here_too = pinned.contains(here);
        let known = known.or_else(|| pinned.iter().find(|name| !here_too && elsewhere(name)));
        known.unwrap_or(here).clone()
    }

    pub(super) fn on_connect_refused(
        &mut self,
        now: Instant,
        server: ServerId,
        name: Name,
        refusal: Refusal,
    ) {
        let Some(home) = self.homes.get_mut(server) else { return };
        let here = PeerName { name, server };
        match refusal {
            Refusal::KeyMismatch { .. } | Refusal::NoSuchName
                if home.calls.is_unknown_here(&here.name) => {}
            Refusal::KeyMismatch { actual } => {
                home.calls.refused(now, &here.name);
                if let Some(expected) = self.pins.key(&here) {
                    self.on_key_changed(now, here, expected, actual);
                }
            }
            Refusal::NotRegistered => {
                // The server has forgotten us: tell it again, then ask again.
                home.registering.is_forgotten(now);
                home.calls.ask_again(now, &here.name, REPEAT);
            }
            Refusal::Offline => {
                home.calls.offline(now, &here.name);
                self.with_peers_named(now, &here, |peer, _| peer.is_away(server));
                for name in self.told_of(&here) {
                    self.events.push_back(Event::ConnectRefused { name, refusal });
                }
            }
            Refusal::NoSuchName
            | Refusal::Busy
            | Refusal::NameTaken
            | Refusal::Storage
            | Refusal::Confusable => {
                home.calls.refused(now, &here.name);
                if self.wanted.contains(&here) {
                    self.events.push_back(Event::ConnectRefused { name: here, refusal });
                }
            }
        }
    }

    pub(super) fn on_presence(
        &mut self,
        now: Instant,
        server: ServerId,
        name: Name,
        key: Option<PeerId>,
        online: bool,
    ) {
        let Some(home) = self.homes.get_mut(server) else { return };
        if online {
            home.calls.ask_again(now, &name, Duration::ZERO);
        } else {
            home.calls.offline(now, &name);
        }
        let here = PeerName { name, server };
        for name in self.told_of(&here) {
            if name == here || key.is_some() && self.pins.key(&name) == key {
                self.events.push_back(Event::Presence { name, key, online });
            }
        }
    }

    /// Of whom a server speaks when it says whether a name is there: of the one whom it gave that
    /// name, and of those whose own servers have nothing to say.
    fn told_of(&self, here: &PeerName) -> Vec<PeerName> {
        let silent = |server| !self.homes.get(server).is_some_and(|home| home.is_ready());
        let meant = |wanted: &&PeerName| *wanted == here || silent(wanted.server);
        named(&self.wanted, &here.name).filter(meant).cloned().collect()
    }

    fn on_key_changed(&mut self, now: Instant, name: PeerName, expected: PeerId, actual: PeerId) {
        if let Some(home) = self.homes.get_mut(name.server) {
            home.calls.refused(now, &name.name);
        }
        self.events.push_back(Event::KeyChanged { name, expected, actual });
    }

    /// After an outage the server may be a new process that knows no channels: everybody whom we
    /// are connected to and want is asked for again. Those just introduced have a fresh channel.
    pub(super) fn repair_relays(&mut self, now: Instant, server: ServerId) {
        let stale = self.peers.values().filter(|peer| {
            peer.is_connected() && peer.introduced_at(server).is_none_or(|at| at < now)
        });
        let names = stale.flat_map(|peer| peer.called_as().iter().chain([peer.name()]));
        let names: Vec<Name> = names.map(|name| name.name.clone()).collect();
        let Some(home) = self.homes.get_mut(server) else { return };
        for name in names {
            home.calls.ask_again(now, &name, Duration::from_millis(1));
        }
    }

    /// Where a peer that we are connected to has a channel, nothing more is to be asked for.
    pub(super) fn note_connected(&mut self, id: PeerId) {
        let Some(peer) = self.peers.get(&id).filter(|peer| peer.is_connected()) else { return };
        for home in self.homes.iter_mut().filter(|home| peer.introduced_at(home.id).is_some()) {
            for name in peer.called_as() {
                home.calls.connected(&name.name);
            }
        }
    }

    /// The peer with this key, made if there is room.
    pub(super) fn peer(&mut self, key: PeerId, name: &PeerName) -> Option<&mut Peer> {
        if self.pins.is_blocked(&key) {
            return None;
        }
        if !self.peers.contains_key(&key) {
            self.forget_idle_peers();
            if self.peers.len() >= MAX_PEERS {
                return None;
            }
            let instance = self.random.u64();
            let peer = Peer::new(key, name.clone(), self.config.policy, instance);
            self.peers.insert(key, peer);
        }
        self.peers.get_mut(&key)
    }

    fn forget_idle_peers(&mut self) {
        if self.peers.len() > MAX_PEERS / 2 {
            let idle = self.peers.values().filter(|peer| peer.is_idle());
            for id in idle.map(Peer::indexed_by).collect::<Vec<_>>() {
                self.peers.remove(&id);
                self.directory.forget(id);
            }
        }
    }
}

/// Those of the `wanted` that have this name somewhere.
fn named<'a>(
    wanted: &'a std::collections::BTreeSet<PeerName>,
    name: &Name,
) -> impl Iterator<Item = &'a PeerName> {
    let at = |server| PeerName { name: name.clone(), server: ServerId(server) };
    wanted.range(at(0)..=at(u8::MAX))
}
