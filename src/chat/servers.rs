//! The rendezvous servers that a chat uses, and what is known of each.

use std::net::SocketAddr;

use p2pchat_wire::identity::{Name, ServerKey};
use p2pchat_wire::signal::Refusal;

use super::storage::{Rendezvous, Snapshot, StoreRequest};
use super::{Address, Asked, Chat, ExitCode, LOCAL_HOST, Notice, Timestamp};
use crate::proto::{PeerName, RendezvousTrouble, ServerId};

/// One of our servers.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) rendezvous: Rendezvous,
    pub(super) registered: bool,
    /// Our endpoint as it sees it.
    mapped: Option<SocketAddr>,
    /// Whether it is reached over TCP alone.
    over_tcp: bool,
    pub(super) trouble: Option<RendezvousTrouble>,
    /// Why we do not have our name there.
    pub(super) refusal: Option<Refusal>,
}

/// All of them; a server's [`ServerId`] is its place in the list. The first is where a name is
/// looked for that nobody here has yet.
#[derive(Debug)]
pub(super) struct Servers {
    list: Vec<Server>,
    /// Servers that are known and not in use; those that earlier runs used together have a place.
    others: Vec<Rendezvous>,
    /// Whether the disk has been told of the list.
    remembered: bool,
}

impl Servers {
    pub(super) fn new(hosts: &[String], snapshot: &Snapshot) -> Self {
        let server = |host: &String| Server {
            rendezvous: snapshot.rendezvous(host).cloned().unwrap_or_else(|| Rendezvous::new(host)),
            registered: false,
            mapped: None,
            over_tcp: false,
            trouble: None,
            refusal: None,
        };
        let unused = |known: &&Rendezvous| !hosts.contains(&known.host);
        Self {
            list: hosts.iter().map(server).collect(),
            others: snapshot.rendezvous.iter().filter(unused).cloned().collect(),
            remembered: false,
        }
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = ServerId> + use<> {
        (0..u8::try_from(self.list.len()).unwrap_or(u8::MAX)).map(ServerId)
    }

    pub(super) fn get(&self, id: ServerId) -> Option<&Server> {
        self.list.get(usize::from(id.0))
    }

    pub(super) fn get_mut(&mut self, id: ServerId) -> Option<&mut Server> {
        self.list.get_mut(usize::from(id.0))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Server> {
        self.list.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Server> {
        self.list.iter_mut()
    }

    /// Their hosts, as the person wrote them.
    pub(super) fn hosts(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|server| server.rendezvous.host.as_str())
    }

    /// Whether there is none, so that we can meet people in the local network only.
    pub(super) fn are_none(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether there is more than one, so that people have to be told of which one we speak.
    pub(super) fn are_several(&self) -> bool {
        self.list.len() > 1
    }

    /// A server's host, where it has to be said.
    pub(super) fn named(&self, id: ServerId) -> Option<String> {
        let server = self.list.get(usize::from(id.0)).filter(|_| self.are_several());
        server.map(|server| server.rendezvous.host.clone())
    }

    /// The server that gave out this name.
    pub(super) fn of(&self, address: &Address) -> Option<&Server> {
        self.list.iter().find(|server| server.rendezvous.host == address.host)
    }

    /// Whether we can be introduced to anybody now.
    pub(super) fn any_registered(&self) -> bool {
        self.list.iter().any(|server| server.registered)
    }

    /// Where somebody of whom we know no more than the name is looked for.
    pub(super) fn first_host(&self) -> &str {
        self.hosts().next().unwrap_or(LOCAL_HOST)
    }

    /// Where people are whom we can talk to: at our servers and in the local network.
    pub(super) fn reachable_hosts(&self) -> impl Iterator<Item = &str> {
        self.hosts().chain([LOCAL_HOST])
    }

    /// The server with this host.
    pub(super) fn id_of(&self, host: &str) -> Option<ServerId> {
        let place = self.hosts().position(|known| known == host)?;
        u8::try_from(place).ok().map(ServerId)
    }

    /// The host of a server.
    pub(super) fn host(&self, id: ServerId) -> Option<&str> {
        self.hosts().nth(usize::from(id.0))
    }

    /// What the endpoint calls somebody whom we can talk to. Nobody connects to a room.
    pub(super) fn peer_name(&self, address: &Address) -> Option<PeerName> {
        if address.is_room {
            return None;
        }
        let at = |at| u8::try_from(at).ok().map(ServerId);
        let local = (address.host == LOCAL_HOST).then_some(ServerId::LOCAL);
        let server = self.hosts().position(|host| host == address.host).and_then(at).or(local)?;
        Some(PeerName { name: address.name.clone(), server })
    }

    /// What people call somebody of whom the endpoint speaks.
    pub(super) fn address(&self, peer: &PeerName) -> Option<Address> {
        let server = self.list.get(usize::from(peer.server.0));
        let local = (peer.server == ServerId::LOCAL).then_some(LOCAL_HOST);
        let host = server.map(|server| server.rendezvous.host.as_str()).or(local)?;
        Some(Address::new(peer.name.clone(), host))
    }

    /// What the disk is to be told now that this server knows us. The first time, that is the whole
    /// list: the next run begins with it.
    pub(super) fn learnt(&mut self, id: ServerId, now: Timestamp) -> Vec<Rendezvous> {
        let all = !std::mem::replace(&mut self.remembered, true);
        let mut saved = Vec::new();
        for (place, server) in (0..).zip(&mut self.list) {
            if all || place == id.0 {
                server.rendezvous.place = Some(place);
                server.rendezvous.used_at = now;
                saved.push(server.rendezvous.clone());
            }
        }
        for known in &mut self.others {
            if known.place.take().is_some() {
                saved.push(known.clone());
            }
        }
        saved
    }

    /// Everything that is known of servers, in use or not.
    pub(super) fn known(&self) -> impl Iterator<Item = &Rendezvous> {
        self.list.iter().map(|server| &server.rendezvous).chain(&self.others)
    }

    /// A person has said this of a server.
    pub(super) fn learn(&mut self, said: &Rendezvous) {
        let mut all = self.list.iter_mut().map(|server| &mut server.rendezvous);
        let known = all.by_ref().chain(&mut self.others).find(|known| known.host == said.host);
        match known {
            Some(known) => known.clone_from(said),
            None => self.others.push(said.clone()),
        }
    }
}

impl Server {
    /// Whether waiting cannot make it register us.
    fn is_hopeless(&self) -> bool {
        let trouble = self.trouble.is_some_and(|one| one != RendezvousTrouble::Unreachable);
        trouble || self.refusal.is_some_and(is_final)
    }
}

/// Whether asking again for a name is of no use.
fn is_final(refusal: Refusal) -> bool {
    matches!(refusal, Refusal::NameTaken | Refusal::KeyMismatch { .. } | Refusal::Confusable)
}

impl Chat {
    pub(super) fn rendezvous_key(&mut self, id: ServerId, key: ServerKey) {
        if let Some(server) = self.servers.get_mut(id) {
            server.rendezvous.key = Some(key);
            self.save_rendezvous(id);
        }
    }

    pub(super) fn registered(
        &mut self,
        id: ServerId,
        name: &Name,
        mapped: SocketAddr,
        token: [u8; 32],
    ) {
        let Some(server) = self.servers.get_mut(id) else { return };
        let first = !std::mem::replace(&mut server.registered, true);
        (server.trouble, server.refusal) = (None, None);
        server.rendezvous.token = Some(token);
        server.rendezvous.name = Some(name.clone());
        let me = Address::new(name.clone(), &server.rendezvous.host);
        server.mapped = Some(mapped);
        let over_tcp = server.over_tcp;
        self.save_rendezvous(id);
        self.show(Notice::Registered { me, key: self.config.key, mapped, over_tcp, first });
        if first {
            self.enter_rooms(id);
        }
    }

    /// Under which names we can be reached now.
    pub(super) fn known_as(&self) -> Vec<Notice> {
        let known = self.servers.iter().filter(|server| server.registered).filter_map(|server| {
            let me = Address::new(server.rendezvous.name.clone()?, &server.rendezvous.host);
            let (mapped, over_tcp) = (server.mapped?, server.over_tcp);
            Some(Notice::Registered { me, key: self.config.key, mapped, over_tcp, first: true })
        });
        known.chain(self.announced_as()).collect()
    }

    /// Why servers do not know us, each as it was told to whoever was here when it began.
    pub(super) fn standing_troubles(&self) -> Vec<Notice> {
        if self.config.name.is_none() {
            return vec![Notice::Unregistered];
        }
        self.servers.ids().filter_map(|id| self.standing_trouble(id)).collect()
    }

    fn standing_trouble(&self, id: ServerId) -> Option<Notice> {
        let (named, server) = (self.servers.named(id), self.servers.get(id)?);
        match (server.trouble, server.refusal) {
            (Some(trouble), _) => {
                let same_as = self.same_as(trouble);
                let others = self.servers.any_registered();
                Some(Notice::Trouble { server: named, trouble, same_as, others })
            }
            (None, Some(refusal)) => {
                let name = self.config.name.clone()?;
                Some(Notice::RegisterRefused { server: named, name, refusal })
            }
            (None, None) => None,
        }
    }

    /// The other server, of two that are one.
    fn same_as(&self, trouble: RendezvousTrouble) -> Option<String> {
        match trouble {
            RendezvousTrouble::SameAs(other) => self.servers.named(other),
            _ => None,
        }
    }

    pub(super) fn carried(&mut self, id: ServerId, over_tcp: bool) {
        let named = self.servers.named(id);
        if let Some(server) = self.servers.get_mut(id)
            && std::mem::replace(&mut server.over_tcp, over_tcp) != over_tcp
        {
            self.show(Notice::OverTcp { server: named, over_tcp });
        }
        self.network.over_tcp = self.servers.iter().any(|server| server.over_tcp);
    }

    fn save_rendezvous(&mut self, id: ServerId) {
        for rendezvous in self.servers.learnt(id, self.now) {
            self.ask(StoreRequest::SaveRendezvous(rendezvous), Asked::Nothing);
        }
    }

    pub(super) fn unregistered(&mut self, id: ServerId) {
        let Some(server) = self.servers.get_mut(id) else { return };
        server.registered = false;
        if !self.servers.any_registered() {
            self.show(Notice::Unregistered);
        }
    }

    pub(super) fn register_refused(&mut self, id: ServerId, name: Name, refusal: Refusal) {
        let named = self.servers.named(id);
        let Some(server) = self.servers.get_mut(id) else { return };
        server.registered = false;
        // It answers.
        server.trouble.take_if(|trouble| *trouble == RendezvousTrouble::Unreachable);
        if server.refusal.replace(refusal) != Some(refusal) {
            self.show(Notice::RegisterRefused { server: named, name, refusal });
        }
        self.leave_if_hopeless(ExitCode::Refused);
    }

    pub(super) fn rendezvous_trouble(&mut self, id: ServerId, trouble: RendezvousTrouble) {
        let named = self.servers.named(id);
        let same_as = self.same_as(trouble);
        let Some(server) = self.servers.get_mut(id) else { return };
        server.registered = false;
        let news = server.trouble.replace(trouble) != Some(trouble);
        let others = self.servers.any_registered();
        if news {
            self.show(Notice::Trouble { server: named, trouble, same_as, others });
        }
        self.leave_if_hopeless(match trouble {
            RendezvousTrouble::Version { .. } => ExitCode::Version,
            RendezvousTrouble::KeyChanged { .. } => ExitCode::KeyChanged,
            RendezvousTrouble::SameAs(_) => ExitCode::Usage,
            RendezvousTrouble::Unreachable => return,
        });
    }

    /// Ends a run that is fed by a pipe and that no server can help.
    fn leave_if_hopeless(&mut self, code: ExitCode) {
        self.give_up(code, Self::is_hopeless);
    }

    fn is_hopeless(&self) -> bool {
        let invited = self.faces.asking().invited.as_ref();
        let local = invited.is_some_and(|peer| peer.host == LOCAL_HOST);
        let all = self.servers.iter().all(Server::is_hopeless) && !local;
        let pinned = |peer: &Address| {
            self.conversations.get(peer).is_some_and(|one| one.contact.key.is_some())
        };
        // Whose key we know may be met at any of them, everybody else at his own.
        let own = invited.filter(|peer| !pinned(peer));
        let own = own.and_then(|peer| self.servers.of(peer)).is_some_and(Server::is_hopeless);
        all || own
    }
}
