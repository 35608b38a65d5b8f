//! What the endpoint wants of each rendezvous: a link, and a name there.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use p2pchat_wire::identity::Name;
use p2pchat_wire::signal::{
    ClientSignal, LinkReply, LinkRequest, MAX_CONNECTS, Refusal, Registration, ServerSignal,
};

use super::Endpoint;
use super::home::Home;
use super::link::LinkEvent;
use crate::proto::{Event, Policy, RendezvousTrouble, ServerId};

/// How often a registration is asked for again while the server has not answered.
pub(super) const REPEAT: Duration = Duration::from_secs(1);

/// How often a refusal that may pass is tried again.
const RETRY: Duration = Duration::from_secs(10);

/// Where our name stands at one server.
#[derive(Debug, Default)]
pub(super) struct Registering {
    name: Option<Name>,
    pub(super) registered: bool,
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

    /// The server has forgotten us: tell it again.
    pub(super) fn is_forgotten(&mut self, now: Instant) {
        self.registered = false;
        self.next_at = Some(now);
    }

    fn refused(&mut self, now: Instant, refusal: Refusal) {
        let passing = matches!(refusal, Refusal::Busy | Refusal::Storage);
        self.registered = false;
        self.next_at = passing.then(|| now + RETRY);
    }
}

impl Endpoint {
    /// Does whatever the links and their requests need now.
    pub(super) fn advance(&mut self, now: Instant) {
        if self.closed {
            return;
        }
        for server in self.homes.ids() {
            self.advance_at(now, server);
        }
        self.events.extend(self.homes.choose().map(Event::HomeChanged));
        self.rotate_sockets(now);
        self.look_at_our_nat(now);
        self.look_for_idle_limit(now);
        self.tend_neighbours(now);
        self.leave_when_heard(now);
    }

    fn advance_at(&mut self, now: Instant, server: ServerId) {
        let mut transmits = Vec::new();
        let Some(home) = self.homes.get_mut(server) else { return };
        let (random, sockets) = (&mut self.random, &mut self.sockets);
        let event = home.link.handle_timeout(now, random, sockets, &mut transmits);
        self.transmits.extend(transmits);
        self.on_link_event(now, server, event);
        let Some(home) = self.homes.get_mut(server) else { return };
        if home.link.wants_request() {
            self.request_link(now, server);
        }
        let Some(home) = self.homes.get_mut(server) else { return };
        if home.link.address().is_some() {
            self.repeat_registration(now, server);
            self.place_calls(now, server);
            self.ask_for_rooms(now, server);
            self.tend_invitations(now, server);
        } else {
            home.registering.registered = false;
        }
        self.look_at_our_nat(now);
    }

    pub(super) fn servers_timeout(&self) -> Option<Instant> {
        let timeouts = self.homes.iter().flat_map(|home| {
            let up = home.link.address();
            // Calls wait for the registration, and so does their timer.
            let calls = home.calls.timeout().filter(|_| home.is_ready());
            let rooms = home.rooms.timeout().filter(|_| home.is_ready());
            let invitations = home.invitations.timeout().filter(|_| home.is_ready());
            let registration = up.and(home.registering.next_at);
            [home.link.timeout(), registration, calls, rooms, invitations]
        });
        timeouts.flatten().min()
    }

    /// Says something to a server, while its link is up.
    pub(super) fn tell(&mut self, server: ServerId, signal: &ClientSignal) {
        if let Some(home) = self.homes.get_mut(server) {
            self.transmits.extend(home.link.seal(signal));
        }
    }

    fn request_link(&mut self, now: Instant, server: ServerId) {
        let mut connects = Vec::new();
        let Some(home) = self.homes.get(server) else { return };
        // A link that is already up is only getting new keys; its calls have been placed.
        if home.link.address().is_none() && home.registering.name.is_some() {
            while connects.len() < MAX_CONNECTS
                && let Some(connect) = self.next_call(now, server)
            {
                connects.push(connect);
            }
        }
        let Some(home) = self.homes.get_mut(server) else { return };
        let request = LinkRequest {
            counter: home.link.next_counter(now),
            name: home.registering.name.clone(),
            concealed: self.config.policy == Policy::RelayOnly,
            connects,
        };
        let mut transmits = Vec::new();
        home.link.initiate(now, &self.identity, &request, &mut self.random, &mut transmits);
        self.transmits.extend(transmits);
    }

    fn repeat_registration(&mut self, now: Instant, server: ServerId) {
        let Some(home) = self.homes.get_mut(server) else { return };
        if home.registering.next_at.is_none_or(|at| at > now) {
            return;
        }
        home.registering.next_at = Some(now + REPEAT);
        let signal = match &home.registering.name {
            Some(name) => ClientSignal::Register(name.clone()),
            None => ClientSignal::Unregister,
        };
        self.tell(server, &signal);
    }

    pub(super) fn on_link_event(
        &mut self,
        now: Instant,
        server: ServerId,
        event: Option<LinkEvent>,
    ) {
        match event {
            None => {}
            Some(LinkEvent::Busy) => self.on_register_refused(now, server, Refusal::Busy),
            Some(LinkEvent::Trouble(trouble)) => {
                self.events.push_back(Event::RendezvousTrouble { server, trouble });
                // What it relayed goes over another.
                self.with_all_peers(now, |peer, cx| peer.servers_changed(cx));
            }
            Some(LinkEvent::Up { key, same, reply }) => {
                if self.is_double(now, server) {
                    return;
                }
                self.events.extend(key.map(|key| Event::RendezvousKey { server, key }));
                self.on_link_up(now, server, same, *reply);
            }
            Some(LinkEvent::Signal(signal)) => self.on_signal(now, server, *signal),
        }
    }

    /// Whether a server is one that we use already, under another address. It has given our place
    /// to the newer link, so the older one is made again, and the newer given up.
    fn is_double(&mut self, now: Instant, server: ServerId) -> bool {
        let key = self.homes.get(server).and_then(|home| home.link.key());
        let same = |home: &&Home| {
            home.id != server && home.link.address().is_some() && home.link.key() == key
        };
        let Some(first) = self.homes.iter().find(same).map(|home| home.id) else { return false };
        if let Some(home) = self.homes.get_mut(server) {
            home.link.stop();
        }
        if let Some(home) = self.homes.get_mut(first) {
            home.link.restart(now, &mut self.random);
        }
        let trouble = RendezvousTrouble::SameAs(first);
        self.events.push_back(Event::RendezvousTrouble { server, trouble });
        true
    }

    fn on_link_up(&mut self, now: Instant, server: ServerId, same: bool, reply: LinkReply) {
        let Some(home) = self.homes.get_mut(server) else { return };
        // New keys for a registration that stands change nothing else. But a server that does not
        // know its own token may know nothing of us at all.
        let renewed = home.registering.registered && same;
        home.token = Some(reply.token);
        let over_tcp = home.link.is_carried();
        if std::mem::replace(&mut home.carried, over_tcp) != over_tcp {
            self.events.push_back(Event::Carried { server, over_tcp });
        }
        let purpose = home.purpose();
        self.with_all_peers(now, |peer, _| peer.keep_only(server, purpose));
        match reply.registration {
            Registration::Registered => self.on_registered(now, server, reply.mapped),
            Registration::Pending | Registration::Anonymous => {
                self.set_mapped(now, server, reply.mapped);
                let Some(home) = self.homes.get_mut(server) else { return };
                home.registering.registered = false;
                if home.registering.name.is_some() {
                    home.registering.next_at = Some(now + REPEAT);
                } else {
                    self.on_unregistered(server);
                }
            }
            Registration::Refused(refusal) => {
                self.set_mapped(now, server, reply.mapped);
                self.on_register_refused(now, server, refusal);
            }
        }
        if let Some(home) = self.homes.get_mut(server) {
            if !renewed {
                home.calls.ask_all(now);
            }
            // Whoever is in a room is so by the link: it costs little to make sure.
            home.rooms.ask_all(now);
        }
        for answer in reply.answers {
            self.on_signal(now, server, answer);
        }
        if !renewed {
            self.repair_relays(now, server);
        }
    }

    fn on_registered(&mut self, now: Instant, server: ServerId, mapped: SocketAddr) {
        let Some(home) = self.homes.get_mut(server) else { return };
        let news = !home.registering.registered || home.mapped != Some(mapped);
        if !std::mem::replace(&mut home.registering.registered, true) {
            home.rooms.ask_all(now);
        }
        home.registering.next_at = None;
        if let (true, Some(name), Some(token)) = (news, &home.registering.name, home.token) {
            let name = name.clone();
            self.events.push_back(Event::Registered { server, name, mapped, token });
        }
        self.set_mapped(now, server, mapped);
    }

    fn on_unregistered(&mut self, server: ServerId) {
        let Some(home) = self.homes.get_mut(server) else { return };
        if home.registering.name.is_none() && home.registering.next_at.take().is_some() {
            self.events.push_back(Event::Unregistered(server));
        }
    }

    fn on_register_refused(&mut self, now: Instant, server: ServerId, refusal: Refusal) {
        let Some(home) = self.homes.get_mut(server) else { return };
        home.registering.refused(now, refusal);
        if let Some(name) = home.registering.name.clone() {
            self.events.push_back(Event::RegisterRefused { server, name, refusal });
        }
    }

    fn set_mapped(&mut self, now: Instant, server: ServerId, mapped: SocketAddr) {
        if let Some(home) = self.homes.get_mut(server) {
            home.mapped = Some(mapped);
            self.renew_candidates(now);
        }
    }

    fn on_signal(&mut self, now: Instant, server: ServerId, signal: ServerSignal) {
        let nearest = self.homes.chosen().map(|home| home.id);
        let Some(home) = self.homes.get_mut(server) else { return };
        match signal {
            ServerSignal::Pong { mapped, .. } => {
                if let (Some(way), true) = (home.link.pair(), nearest == Some(server))
                    && way.local == home.link.local()
                {
                    self.mapping_seen(now, way, mapped);
                }
                let Some(home) = self.homes.get_mut(server) else { return };
                if home.mapped == Some(mapped) {
                    return;
                }
                if home.registering.registered {
                    self.on_registered(now, server, mapped);
                } else {
                    self.set_mapped(now, server, mapped);
                }
            }
            ServerSignal::Registered(name) => {
                if home.registering.name.as_ref() == Some(&name)
                    && let Some(mapped) = home.mapped
                {
                    self.on_registered(now, server, mapped);
                }
            }
            ServerSignal::RegisterRefused { name, refusal } => {
                if home.registering.name.as_ref() == Some(&name) {
                    self.on_register_refused(now, server, refusal);
                }
            }
            ServerSignal::Unregistered => self.on_unregistered(server),
            ServerSignal::Introduction(introduction) => {
                self.on_introduction(now, server, &introduction);
            }
            ServerSignal::ConnectRefused { name, refusal } => {
                self.on_connect_refused(now, server, name, refusal);
            }
            ServerSignal::Presence { name, key, online } => {
                self.on_presence(now, server, name, key, online);
            }
            ServerSignal::RoomPeople(people) => self.on_room_people(now, server, people),
            ServerSignal::RoomEntered { room, name, key } => {
                self.on_room_entered(server, room, name, key);
            }
            ServerSignal::RoomRefused { room, refusal } => {
                self.on_room_refused(now, server, room, refusal);
            }
            ServerSignal::MailboxOpened { number } => self.on_mailbox_opened(now, server, number),
            ServerSignal::Letter { number, at, letter } => {
                self.on_letter(now, server, number, at, &letter);
            }
            ServerSignal::LetterKept { number, at } => {
                self.on_letter_kept(now, server, number, at);
            }
            ServerSignal::MailboxRefused { number, refusal } => {
                self.on_mailbox_refused(server, number, refusal);
            }
            // It will be found out soon enough whether another takes its place.
            ServerSignal::Stopping => home.link.ping_now(now),
        }
    }
}
