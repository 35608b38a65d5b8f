//! What peers say inside their link, and what becomes of it.

use std::net::SocketAddr;

use p2pchat_wire::datagram::Sealed;
use p2pchat_wire::identity::{Name, PeerId};
use p2pchat_wire::signal::{
    self, ClientSignal, Connect, Introduction, MAX_INITIATION, Refusal, Registration, ServerSignal,
};

use super::names::{ClaimId, Standing};
use super::registry::{Endpoint, Peer};
use super::{Drop, Output, Server, millis};

impl Server {
    pub(super) fn handle_link_data(
        &mut self,
        at: u64,
        from: Endpoint,
        sealed: &Sealed<'_>,
    ) -> Result<(), Drop> {
        let opened = self.registry.open(at, millis(self.config.key_lifetime), from, sealed)?;
        self.statistics.roamed += u64::from(opened.roamed);
        let key = opened.key;
        let rate = self.config.signals;
        if !self.registry.peer_mut(&key).is_some_and(|peer| peer.signals.take(at, rate, 1)) {
            return Err(Drop::TooManySignals);
        }
        let signal: ClientSignal = signal::decode(&opened.text).map_err(|_| Drop::Malformed)?;
        self.statistics.signals += 1;
        match signal {
            ClientSignal::Ping { id } => {
                self.tell(at, &key, &ServerSignal::Pong { id, mapped: from.remote });
            }
            ClientSignal::Register(name) => self.register(at, key, name),
            ClientSignal::Unregister => {
                self.rename(at, key, None);
                self.tell(at, &key, &ServerSignal::Unregistered);
            }
            ClientSignal::Connect(connect) => {
                let too_long =
                    connect.initiation.as_ref().is_some_and(|i| i.len() > MAX_INITIATION);
                if too_long {
                    return Err(Drop::Malformed);
                }
                self.answer(at, key, &connect);
            }
            ClientSignal::Watch(name) => self.watch(at, key, &name),
            ClientSignal::EnterRoom(entrance) => {
                self.enter_room(at, from, key, entrance, opened.text.len());
            }
            ClientSignal::OpenMailbox(letter) => return self.open_mailbox(at, from, key, letter),
            ClientSignal::ReadLetter(question) => {
                self.read_letter(at, from, key, &question, opened.text.len());
            }
            ClientSignal::WriteLetter { number, at: which, letter } => {
                return self.write_letter(at, key, number, which, letter);
            }
            ClientSignal::LeaveRoom(room) => {
                if let Some(peer) = self.registry.peer_mut(&key) {
                    self.rooms.leave(&key, peer, &room);
                }
            }
            ClientSignal::Unwatch(name) => {
                if let Some(peer) = self.registry.peer_mut(&key) {
                    self.watches.remove(&key, peer, &name);
                }
            }
        }
        Ok(())
    }

    /// What `key` gets of a name; begins a claim if it is free, with `connects` to be done when the
    /// claim is stored.
    pub(super) fn registration(
        &mut self,
        at: u64,
        from: Endpoint,
        key: PeerId,
        name: &Name,
        connects: &[Connect],
    ) -> Registration {
        match self.names.standing(&self.config, &key, name) {
            Standing::Own => Registration::Registered,
            Standing::Claimed(id) => {
                if !connects.is_empty() {
                    self.names.defer(id, connects.to_vec());
                }
                Registration::Pending
            }
            Standing::Free
                if self.rates.claims.take(at, from.remote.ip(), self.config.claims, 1) =>
            {
                let id = self.next_claim();
                self.names.claim(id, name.clone(), key);
                self.names.defer(id, connects.to_vec());
                self.outputs.push_back(Output::Claim { id, name: name.clone(), key });
                Registration::Pending
            }
            Standing::Free | Standing::Refused(Refusal::Busy) => {
                self.statistics.busy += 1;
                Registration::Refused(Refusal::Busy)
            }
            Standing::Refused(refusal) => Registration::Refused(refusal),
        }
    }

    fn register(&mut self, at: u64, key: PeerId, name: Name) {
        let Some(peer) = self.registry.peer(&key) else { return };
        match self.registration(at, peer.endpoint, key, &name, &[]) {
            Registration::Registered => {
                self.rename(at, key, Some(name.clone()));
                self.tell(at, &key, &ServerSignal::Registered(name));
            }
            Registration::Refused(refusal) => {
                self.tell(at, &key, &ServerSignal::RegisterRefused { name, refusal });
            }
            Registration::Pending | Registration::Anonymous => {}
        }
    }

    /// Finishes a claim and does what waited for it.
    pub(super) fn settle(&mut self, at: u64, id: ClaimId, stored: bool) {
        let Some(claim) = self.names.settle(id, stored) else {
            return self.settle_room(at, id, stored);
        };
        let (name, key) = (claim.name, claim.key);
        if self.registry.peer(&key).is_none() {
            return;
        }
        if stored {
            self.rename(at, key, Some(name.clone()));
            self.tell(at, &key, &ServerSignal::Registered(name));
        } else {
            let refusal = Refusal::Storage;
            self.tell(at, &key, &ServerSignal::RegisterRefused { name, refusal });
        }
        for connect in &claim.connects {
            self.answer(at, key, connect);
        }
    }

    /// Registers a peer under `name`, or under none, and tells who watches.
    pub(super) fn rename(&mut self, at: u64, key: PeerId, name: Option<Name>) {
        let Some(peer) = self.registry.peer_mut(&key) else { return };
        if peer.name == name {
            return;
        }
        let old = std::mem::replace(&mut peer.name, name.clone());
        match &name {
            Some(name) => self.show_in_rooms(at, key, name),
            // Nobody could be introduced to whoever has no name.
            None => self.rooms.leave_all(&key, peer),
        }
        for name in [old, name].iter().flatten() {
            self.announce(at, name);
        }
    }

    /// Tells everybody who watches `name` where it stands.
    pub(super) fn announce(&mut self, at: u64, name: &Name) {
        let watchers = self.watches.of(name);
        if watchers.is_empty() {
            return;
        }
        let presence = self.presence(name);
        for watcher in watchers {
            self.tell(at, &watcher, &presence);
        }
    }

    /// Puts a peer on the list of `name` and tells it where the name stands. When the list is full
    /// the peer is told nonetheless, and learns of later changes by asking again.
    fn watch(&mut self, at: u64, key: PeerId, name: &Name) {
        self.add_watch(key, name);
        let presence = self.presence(name);
        self.tell(at, &key, &presence);
    }

    pub(super) fn add_watch(&mut self, key: PeerId, name: &Name) {
        if let Some(peer) = self.registry.peer_mut(&key)
            && !self.watches.add(&self.config, key, peer, name)
        {
            self.statistics.busy += 1;
        }
    }

    fn presence(&self, name: &Name) -> ServerSignal {
        let key = self.names.owner(name);
        let online = key.is_some_and(|key| self.is_registered(&key, name));
        ServerSignal::Presence { name: name.clone(), key, online }
    }

    fn is_registered(&self, key: &PeerId, name: &Name) -> bool {
        self.registry.peer(key).is_some_and(|peer| peer.name.as_ref() == Some(name))
    }

    /// Answers a connect over the link.
    fn answer(&mut self, at: u64, key: PeerId, connect: &Connect) {
        let Some(peer) = self.registry.peer(&key) else { return };
        let (shown, name) = (peer.shown(), peer.name.clone());
        let answer = self.connect(at, shown, key, name.as_ref(), connect);
        self.tell(at, &key, &answer);
    }

    /// Introduces `caller`, registered as `name`, to whom it wants to meet: the callee's half goes
    /// out, with the endpoint `shown`; the caller's is returned.
    pub(super) fn connect(
        &mut self,
        at: u64,
        shown: Option<SocketAddr>,
        caller: PeerId,
        name: Option<&Name>,
        connect: &Connect,
    ) -> ServerSignal {
        match self.introduce(at, shown, caller, name, connect) {
            Ok(introduction) => ServerSignal::Introduction(introduction),
            Err(refusal) => {
                self.statistics.busy += u64::from(refusal == Refusal::Busy);
                ServerSignal::ConnectRefused { name: connect.name.clone(), refusal }
            }
        }
    }

    fn introduce(
        &mut self,
        at: u64,
        shown: Option<SocketAddr>,
        caller: PeerId,
        name: Option<&Name>,
        connect: &Connect,
    ) -> Result<Introduction, Refusal> {
        let callers_name = name.ok_or(Refusal::NotRegistered)?.clone();
        let Some(callee) = self.names.owner(&connect.name) else {
            // Of two who have agreed on the spot to talk, one is always the first.
            self.add_watch(caller, &connect.name);
            return Err(Refusal::NoSuchName);
        };
        if connect.key.is_some_and(|expected| expected != callee) {
            return Err(Refusal::KeyMismatch { actual: callee });
        }
        let online = self.registry.peer(&callee).filter(|_| callee != caller);
        let online = online.filter(|peer| peer.name.as_ref() == Some(&connect.name));
        let Some(to) = online.map(Peer::shown) else {
            self.add_watch(caller, &connect.name);
            return Err(Refusal::Offline);
        };
        let (config, random) = (&self.config, &mut self.random);
        let ticket =
            self.relay.introduce(at, config, random, caller, callee).ok_or(Refusal::Busy)?;
        let introduction = Introduction {
            name: callers_name,
            key: caller,
            endpoint: shown,
            channel: ticket.other,
            introduction: ticket.introduction,
            caller: false,
            initiation: connect.initiation.clone(),
        };
        self.tell(at, &callee, &ServerSignal::Introduction(introduction));
        self.statistics.introductions += 1;
        Ok(Introduction {
            name: connect.name.clone(),
            key: callee,
            endpoint: to,
            channel: ticket.channel,
            introduction: ticket.introduction,
            caller: true,
            initiation: None,
        })
    }
}
