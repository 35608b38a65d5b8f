//! Whom a datagram is for.
//!
//! Sealed frames of a session come in trains, so they are looked for first: a run of them is opened where it
//! lies, and answered once. Everything else is taken one by one.

use std::net::SocketAddr;
use std::time::Instant;

use p2pchat_wire::address;
use p2pchat_wire::datagram::{Datagram, RELAY_HEADER, SEALED_HEADER, Sealed, SealedMut};
use p2pchat_wire::identity::PeerId;

use super::Endpoint;
use crate::proto::path::{Pair, Remote};
use crate::proto::{Policy, ServerId, SocketId};

/// What of a sealed datagram says which session it is for: its kind and the index.
const SESSION: usize = 5;

/// Whose session a sealed datagram is for, and how it came.
struct Addressee {
    id: PeerId,
    remote: Remote,
    via: Option<ServerId>,
    /// Where the sealed datagram begins.
    start: usize,
}

impl Endpoint {
    /// Processes one datagram that arrived on the socket `local`, and leaves of it what it will. Bad input
    /// is counted and dropped, never returned.
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        local: SocketId,
        from: SocketAddr,
        bytes: &mut [u8],
    ) {
        self.handle_datagrams(now, local, from, bytes, bytes.len());
    }

    /// Processes datagrams of one source that arrived together and lie one after the other, each of `size`
    /// bytes but the last, which may be shorter; as [`handle_datagram`](Self::handle_datagram), but answers
    /// are made once for all of them.
    pub fn handle_datagrams(
        &mut self,
        now: Instant,
        local: SocketId,
        from: SocketAddr,
        bytes: &mut [u8],
        size: usize,
    ) {
        if self.closed || !self.sockets.is_open(local) {
            return;
        }
        let from = Pair { local, remote: address::canonical(from) };
        let (mut rest, size) = (bytes, size.max(1));
        while !rest.is_empty() {
            let first = &rest[..size.min(rest.len())];
            let to = self.addressee(from, first);
            let taken = to.as_ref().map_or(first.len(), |to| {
                let head = to.start + SESSION;
                let same = |datagram: &&[u8]| {
                    datagram.len() >= to.start + SEALED_HEADER && datagram[..head] == first[..head]
                };
                rest.chunks(size).take_while(same).map(<[u8]>::len).sum()
            });
            let (taken, others) = rest.split_at_mut(taken);
            match (to, Datagram::parse(taken)) {
                (Some(to), _) => self.deliver(now, &to, taken, size),
                (None, Ok(datagram)) => self.dispatch(now, from, datagram, taken.len()),
                (None, Err(_)) => self.dropped.malformed += 1,
            }
            rest = others;
        }
        self.advance(now);
    }

    /// The peer with whom a datagram's session is, if it is sealed frames and may be looked at.
    fn addressee(&self, from: Pair, datagram: &[u8]) -> Option<Addressee> {
        let (id, remote, via, start) = match Datagram::parse(datagram) {
            Ok(Datagram::PeerData(Sealed { receiver, .. }))
                if self.config.policy != Policy::RelayOnly =>
            {
                let id = self.directory.owner_of_index(receiver)?;
                (id, Remote::Direct(from), None, 0)
            }
            Ok(Datagram::Relay { channel, inner }) => {
                let Ok(Datagram::PeerData(_)) = Datagram::parse(inner) else { return None };
                let server = self.homes.heard_by(from)?;
                let id = self.directory.owner_of_channel((server, channel))?;
                (id, Remote::Relay, Some(server), RELAY_HEADER)
            }
            _ => return None,
        };
        (!self.pins.is_blocked(&id)).then_some(Addressee { id, remote, via, start })
    }

    /// Hands a run of sealed datagrams to their peer.
    fn deliver(&mut self, now: Instant, to: &Addressee, run: &mut [u8], size: usize) {
        self.with_peer(now, to.id, |peer, cx| {
            cx.via = to.via;
            let mut any = false;
            for datagram in run.chunks_mut(size) {
                let bytes = datagram.len();
                if let Some(sealed) = SealedMut::peer_data(&mut datagram[to.start..]) {
                    any |= peer.handle_sealed(cx, to.remote, sealed, bytes);
                }
            }
            if any {
                peer.settle(cx);
            }
        });
    }

    fn dispatch(&mut self, now: Instant, from: Pair, datagram: Datagram<'_>, bytes: usize) {
        match datagram {
            Datagram::Stun(message) => self.dispatch_stun(now, from, message),
            Datagram::Challenge(challenge) => {
                for home in self.homes.iter_mut() {
                    home.link.handle_challenge(from, &challenge);
                }
            }
            Datagram::LinkResponse(response) => {
                if let Some(home) = self.homes.with_index(response.receiver) {
                    let server = home.id;
                    let event = home.link.handle_response(now, from, &response);
                    self.on_link_event(now, server, event);
                }
            }
            Datagram::LinkData(sealed) => match self.homes.with_index(sealed.receiver) {
                Some(home) => {
                    let server = home.id;
                    let event = home.link.handle_sealed(now, from, &sealed);
                    self.on_link_event(now, server, event);
                }
                None => self.dropped.unknown += 1,
            },
            Datagram::Relay { channel, inner } => {
                let server = self.homes.heard_by(from);
                let owner =
                    server.and_then(|server| self.directory.owner_of_channel((server, channel)));
                match (owner, Datagram::parse(inner)) {
                    (Some(id), Ok(inner)) => {
                        self.dispatch_to_peer(now, id, (Remote::Relay, server), inner, bytes)
                    }
                    _ => self.dropped.unknown += 1,
                }
            }
            Datagram::PeerInit(_)
            | Datagram::PeerResponse(_)
            | Datagram::PeerData(_)
            | Datagram::Punch { .. }
                if self.config.policy == Policy::RelayOnly =>
            {
                self.dropped.unknown += 1;
            }
            Datagram::PeerInit(init) => {
                let owner = self.directory.owner_of_introduction(init.introduction);
                let owner = owner.or_else(|| self.caller_numbered(init.introduction));
                self.dispatch_or_drop(now, owner, from, datagram, bytes);
            }
            Datagram::Punch { introduction } => {
                let owner = self.directory.owner_of_introduction(introduction);
                self.dispatch_or_drop(now, owner, from, datagram, bytes);
            }
            Datagram::PeerResponse(response) => {
                let owner = self.directory.owner_of_index(response.receiver);
                self.dispatch_or_drop(now, owner, from, datagram, bytes);
            }
            Datagram::PeerData(Sealed { receiver, .. }) => {
                let owner = self.directory.owner_of_index(receiver);
                self.dispatch_or_drop(now, owner, from, datagram, bytes);
            }
            _ => self.dropped.unknown += 1,
        }
    }

    fn dispatch_or_drop(
        &mut self,
        now: Instant,
        owner: Option<PeerId>,
        from: Pair,
        datagram: Datagram<'_>,
        bytes: usize,
    ) {
        match owner {
            Some(id) => {
                self.dispatch_to_peer(now, id, (Remote::Direct(from), None), datagram, bytes);
            }
            None => self.dropped.unknown += 1,
        }
    }

    fn dispatch_to_peer(
        &mut self,
        now: Instant,
        id: PeerId,
        (remote, via): (Remote, Option<ServerId>),
        datagram: Datagram<'_>,
        bytes: usize,
    ) {
        if self.pins.is_blocked(&id) {
            self.dropped.blocked += 1;
            return;
        }
        self.with_peer(now, id, |peer, cx| {
            cx.via = via;
            match datagram {
                Datagram::PeerInit(init) => peer.handle_init(cx, remote, &init),
                Datagram::PeerResponse(response) => {
                    peer.handle_response(cx, remote, &response, bytes);
                }
                Datagram::Punch { .. } => {
                    if let Remote::Direct(from) = remote {
                        peer.handle_punch(cx, from);
                    }
                }
                _ => {}
            }
        });
    }
}
