//! The rooms that we are in, and whom we meet there.
//!
//! A [`Replica`] is our copy of one room and knows neither sessions nor names; here is what ties it to the
//! rest: which room a name stands for, whom we call because of it, who of those we are connected with is a
//! member, what a person says and is told. `meeting` is about sessions, `saying` about lines of ours, `telling`
//! about what a person hears.
//!
//! A session with somebody who is a member of a room of ours, and nobody we know otherwise, is no
//! conversation and no request: it carries the room's records, and nothing else until that one
//! writes to us.
//!
//! How a room is entered: the server is asked which room the name stands for
//! ([`Command::EnterRoom`]). If it stands for none, we make one and the name is bound to it; if it does,
//! those who are there are called, and let us in or not. What is said before we are in waits.

mod meeting;
mod namesakes;
pub(super) mod news;
mod obeying;
mod saying;
mod standing;
mod telling;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use p2pchat_wire::identity::{Name, PeerId};
use p2pchat_wire::signal::RoomRefusal;

use self::news::RoomNews;
use self::saying::{Said, Underway, Unsaid};
use super::room::{Access, Act, Body, Entry, Header, RoomId, State};
use super::rooms::replica::Persona;
use super::rooms::{Denial, Moment, Output, Replica, Request, Stored};
use super::storage::{KeptRoom, Quote, RoomReply, RoomRequest, StoreReply, StoreRequest};
use super::{Address, Asked, Chat, ExitCode, LineId, Notice, Presence, Problem, Timestamp};
use crate::proto::{Command, PathInfo, ServerId};

/// How many lines of each log a newcomer of a room of ours is given, if nobody says otherwise.
const KEEP: u16 = 50;

/// How long sessions of a room that we leave last, so that others hear of it.
const FAREWELL: Duration = Duration::from_secs(2);

/// So long (in milliseconds) after we left we try to let a member know, over restarts as well.
const PARTING: u64 = 24 * 60 * 60 * 1000;

/// All rooms, and everybody with whom there is a session.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    rooms: BTreeMap<Address, Room>,
    /// Everybody, contacts among them.
    here: BTreeMap<PeerId, Here>,
    /// Whom the endpoint was asked to connect to because of a room.
    called: BTreeSet<Address>,
    /// Time that has passed, as far as the clock on the wall went forward.
    passed: Duration,
    clock: Timestamp,
}

/// Somebody with whom there is a session.
#[derive(Clone, Debug)]
struct Here {
    address: Address,
    path: PathInfo,
}

/// One room.
#[derive(Debug, Default)]
struct Room {
    /// None until we know which room the name stands for.
    replica: Option<Replica>,
    /// Who may join, if it is for us to make the room; `None` if only those want to be in it who make none.
    access: Option<Access>,
    /// How many lines of each log it gives newcomers then.
    keep: Option<u16>,
    /// Whether we have made it, and nobody has been there: until the server says that the name is its, it
    /// may have to give way to another.
    is_new: bool,
    /// Who is there, as the server says.
    people: BTreeMap<PeerId, Name>,
    /// Whom the replica knows to be connected.
    met: BTreeSet<PeerId>,
    /// What a person was told of it.
    shown: Option<State>,
    /// How many members, and how many of them connected, was told last.
    told: Option<(usize, usize)>,
    /// Why we are not let in, as far as a person was told since he wanted to be in it.
    denials: BTreeSet<Denial>,
    /// Whether the server has refused the last time that it was asked who is in it.
    is_refused: bool,
    unsaid: VecDeque<Unsaid>,
    underway: BTreeMap<LineId, Underway>,
    /// Our last lines, the oldest first.
    said: VecDeque<Said>,
    timeout: Option<Duration>,
    /// We have left, and others are to hear of it until then.
    leaves_at: Option<Duration>,
}

impl Room {
    /// Whether a person wants to be in it.
    fn is_wanted(&self) -> bool {
        self.leaves_at.is_none() && self.replica.as_ref().is_none_or(Replica::is_wanted)
    }

    fn state(&self) -> Option<&State> {
        self.replica.as_ref().and_then(Replica::state)
    }

    fn id(&self) -> Option<RoomId> {
        self.replica.as_ref().map(Replica::id)
    }

    /// Whether a session with this key is of use for it.
    fn concerns(&self, key: &PeerId) -> bool {
        let is_open = self.is_wanted() || self.leaves_at.is_some();
        let is_member = self.state().is_some_and(|state| state.is_member(key));
        is_open && (is_member || self.people.contains_key(key))
    }
}

impl Gathering {
    /// The time is `clock` now.
    pub(super) fn pass(&mut self, clock: Timestamp) {
        if self.clock.0 > 0 {
            self.passed += Duration::from_millis(clock.since(self.clock));
        }
        self.clock = clock;
    }

    fn moment(&self) -> Moment {
        Moment { at: self.passed, clock: self.clock }
    }

    /// When [`Chat::time_passes`] has something to do.
    pub(super) fn timeout(&self) -> Option<Timestamp> {
        let at =
            self.rooms.values().flat_map(|room| [room.timeout, room.leaves_at]).flatten().min();
        let wait = at?.saturating_sub(self.passed);
        Some(Timestamp(self.clock.0 + u64::try_from(wait.as_millis()).ok()? + 1))
    }
}

impl Chat {
    /// Begins with the rooms that the disk has.
    pub(super) fn open_rooms(&mut self, mut kept: Vec<KeptRoom>) {
        // Of two of one name that are not wanted, one may have given way before anybody came.
        kept.sort_by_key(|kept| (!kept.stored.wanted, kept.stored.is_blank()));
        for KeptRoom { id, address, stored, said } in kept {
            if !stored.wanted && self.gathering.rooms.contains_key(&address) {
                continue;
            }
            let last: Vec<Header> = stored.lines.iter().map(|(_, last)| *last.header()).collect();
            let Some(replica) = self.replica(id, &address, stored) else { continue };
            let shown = replica.state().cloned();
            // The server may never have been told of it.
            let is_new = replica.is_blank();
            let room = Room { shown, is_new, replica: Some(replica), ..Room::default() };
            self.gathering.rooms.insert(address.clone(), room);
            self.part_again(&address);
            self.check_standing(&address, &last);
            self.remember_said(&address, said);
            self.drain_room(&address, None);
            self.ask_server(&address);
            self.set_room_presence(&address);
        }
    }

    /// That we left in an earlier run may have reached nobody: it is said once more.
    fn part_again(&mut self, address: &Address) {
        let now = self.gathering.passed;
        let Some(room) = self.gathering.rooms.get_mut(address) else { return };
        if room.replica.as_mut().is_some_and(|replica| replica.part_again(0)) {
            // Unless that is long ago: what time it is, we do not know yet.
            room.leaves_at = Some(now);
        }
    }

    fn replica(&mut self, id: RoomId, address: &Address, stored: Stored) -> Option<Replica> {
        let identity = self.config.identity.clone()?;
        let persona = self.persona(address)?;
        Some(Replica::open(id, identity, persona, self.random.array(), stored))
    }

    /// Who we are in a room.
    fn persona(&self, address: &Address) -> Option<Persona> {
        Some(Persona { name: self.config.name.clone()?, host: address.host.clone() })
    }

    /// Goes into a room. If there is none, makes one into which those may come whom `access` lets in; without
    /// that, whoever wanted to be in it hears that there is none.
    pub(super) fn join_room(
        &mut self,
        address: Address,
        access: Option<Access>,
        keep: Option<u16>,
    ) {
        let identity = self.config.identity.is_some();
        let problem = match self.servers.id_of(&address.host) {
            None => Some(Problem::NoServer(address.clone())),
            Some(_) if self.config.name.is_none() || !identity => Some(Problem::NoName),
            Some(_) => None,
        };
        if let Some(problem) = problem {
            return self.refuse(None, problem);
        }
        if access.is_some() {
            self.conversation(&address);
        }
        if self.faces.asking().current.as_ref() != Some(&address) {
            self.make_current(&address);
        }
        let room = self.gathering.rooms.entry(address.clone()).or_default();
        room.leaves_at = None;
        room.denials.clear();
        room.is_refused = false;
        if access.is_some() {
            (room.access, room.keep) = (access, keep);
        }
        if room.replica.as_ref().is_some_and(|replica| replica.is_wanted() && replica.is_member()) {
            return;
        }
        self.with_room(&address, |replica, now| replica.enter(now));
        self.ask_server(&address);
        self.meet_all(&address);
    }

    /// Makes a room: it has no name yet.
    fn make_room(&mut self, address: &Address, access: Access, keep: u16) {
        let (Some(identity), Some(persona)) = (self.config.identity.clone(), self.persona(address))
        else {
            return;
        };
        let create = Act::Create {
            room: address.name.clone(),
            host: address.host.clone(),
            name: persona.name.clone(),
            access,
            keep,
        };
        let (now, seed) = (self.gathering.moment(), self.random.array());
        let made = Replica::create(now, identity, persona, seed, create);
        let Some(room) = self.gathering.rooms.get_mut(address) else { return };
        match made {
            Ok(replica) => {
                room.shown = replica.state().cloned();
                room.is_new = true;
                room.replica = Some(replica);
                self.drain_room(address, None);
                self.ask_server(address);
                self.set_room_presence(address);
            }
            Err(refusal) => self.refuse(None, Problem::Room(refusal)),
        }
    }

    /// A server knows us: we go into its rooms.
    pub(super) fn enter_rooms(&mut self, server: ServerId) {
        let host = self.servers.host(server).map(str::to_owned);
        let rooms = self.gathering.rooms.keys();
        let rooms = rooms.filter(|room| host.as_ref() == Some(&room.host));
        for address in rooms.cloned().collect::<Vec<_>>() {
            self.ask_server(&address);
            self.call_people(&address);
        }
    }

    /// Asks the server who is in a room, and to tell others that we are. One that does not know us yet is
    /// asked when it does.
    fn ask_server(&mut self, address: &Address) {
        let Some(server) = self.servers.id_of(&address.host) else { return };
        if !self.servers.get_mut(server).is_some_and(|server| server.registered) {
            return;
        }
        let Some(room) = self.gathering.rooms.get(address).filter(|room| room.is_wanted()) else {
            return;
        };
        let found = room.replica.as_ref().is_some_and(Replica::is_member);
        let id = room.id().map(|id| id.0);
        self.command(Command::EnterRoom { server, room: address.name.clone(), id, found });
    }

    /// The server says who is in a room.
    pub(super) fn room_people(
        &mut self,
        server: ServerId,
        name: Name,
        id: [u8; 32],
        people: Vec<(Name, PeerId)>,
    ) {
        let Some(address) = self.room_address(server, name) else { return };
        let id = RoomId(id);
        let Some(room) = self.gathering.rooms.get_mut(&address) else { return };
        if room.id().is_some_and(|known| known != id) {
            // Those who are there are nobody to us.
            return self.tell_room(&address, RoomNews::OtherRoom);
        }
        room.is_refused = false;
        room.people = people.into_iter().map(|(name, key)| (key, name)).collect();
        let was_new = std::mem::take(&mut room.is_new);
        match room.id() {
            None => {
                let Some(replica) = self.replica(id, &address, Stored::default()) else { return };
                self.conversation(&address);
                let Some(room) = self.gathering.rooms.get_mut(&address) else { return };
                let alone = room.people.is_empty();
                room.replica = Some(replica);
                self.with_room(&address, |replica, now| replica.enter(now));
                if alone {
                    self.tell_room(&address, RoomNews::NobodyHere);
                }
            }
            Some(_) if was_new => {
                // What an earlier run has made is no news.
                let made_now = room.access.is_some();
                let access = room.state().map_or(Access::Open, |state| state.access);
                if made_now {
                    self.tell_room(&address, RoomNews::Made { access });
                }
                self.say_unsaid(&address);
            }
            Some(_) => {}
        }
        self.call_people(&address);
        self.meet_all(&address);
    }

    pub(super) fn room_entered(&mut self, server: ServerId, name: Name, who: Name, key: PeerId) {
        let Some(address) = self.room_address(server, name) else { return };
        if let Some(room) = self.gathering.rooms.get_mut(&address) {
            room.people.insert(key, who);
            self.meet_all(&address);
        }
    }

    pub(super) fn room_refused(&mut self, server: ServerId, name: Name, refusal: RoomRefusal) {
        let Some(address) = self.room_address(server, name) else { return };
        let Some(room) = self.gathering.rooms.get_mut(&address) else { return };
        match refusal {
            RoomRefusal::Unfounded if room.replica.is_none() => {
                let keep = room.keep.unwrap_or(KEEP);
                match room.access {
                    Some(access) => self.make_room(&address, access, keep),
                    None => self.no_such_room(&address),
                }
            }
            // Somebody has been faster: what we have made has no name, and nobody has seen it.
            RoomRefusal::OtherRoom { .. } if room.is_new => {
                room.is_new = false;
                let id = room.replica.take().map(|replica| replica.id());
                (room.shown, room.timeout) = (None, None);
                if let Some(id) = id {
                    self.ask_disk(&address, Request::Wanted(id, false), None);
                }
                self.ask_server(&address);
            }
            // Only who is in it can give it its name again; the others are told when the server, which is
            // asked now and then, knows it.
            RoomRefusal::Unfounded if room.replica.as_ref().is_some_and(Replica::is_member) => {
                self.ask_server(&address);
            }
            RoomRefusal::Unfounded => {}
            RoomRefusal::OtherRoom { .. } => self.tell_room(&address, RoomNews::OtherRoom),
            RoomRefusal::NotRegistered => {}
            RoomRefusal::Full | RoomRefusal::Busy | RoomRefusal::Storage => {
                room.is_refused = true;
                self.tell_room(&address, RoomNews::ServerRefuses(refusal));
            }
        }
    }

    /// There is no such room, and nobody here wants to make it.
    fn no_such_room(&mut self, address: &Address) {
        let Some(room) = self.gathering.rooms.remove(address) else { return };
        let told = self.fail_unsaid(address, room);
        for face in self.faces.ids() {
            let before = self.faces.turn_to(face);
            if self.faces.asking().invited.as_ref() == Some(address) {
                if !told.contains(&face) {
                    self.refuse(None, Problem::NoSuchRoom(address.clone()));
                }
                self.leave(ExitCode::NoSuchName);
            }
            self.faces.turn_to(before);
        }
    }

    fn room_address(&self, server: ServerId, name: Name) -> Option<Address> {
        let host = self.servers.host(server)?;
        let address = Address::room(name, host);
        self.gathering.rooms.contains_key(&address).then_some(address)
    }

    /// Leaves a room for good.
    pub(super) fn leave_room(&mut self, address: &Address) {
        let at = self.gathering.passed + FAREWELL;
        let Some(room) = self.gathering.rooms.get_mut(address).filter(|room| room.is_wanted())
        else {
            return self.refuse(None, Problem::NotInRoom(address.clone()));
        };
        room.leaves_at = Some(at);
        room.unsaid.clear();
        // Whoever never came in has nothing to leave.
        let _ = self.with_room(address, |replica, now| replica.leave(now, None));
        if let Some(server) = self.servers.id_of(&address.host) {
            self.command(Command::LeaveRoom { server, room: address.name.clone() });
        }
        self.tell_room(address, RoomNews::Left);
        self.set_room_presence(address);
    }

    /// The disk answers what a room has asked.
    pub(super) fn room_stored(&mut self, address: &Address, id: RoomId, reply: StoreReply) {
        let RoomReply { answer, quote } = match reply {
            StoreReply::Room(reply) => reply,
            reply => {
                self.tell_failure(reply);
                super::rooms::Answer::Failed.into()
            }
        };
        let now = self.gathering.moment();
        let room = self.gathering.rooms.get_mut(address);
        let replica = room.and_then(|room| room.replica.as_mut()).filter(|one| one.id() == id);
        if let Some(replica) = replica {
            replica.handle_stored(now, answer);
            self.drain_room(address, quote);
        }
    }

    /// Does what is due.
    pub(super) fn time_passes(&mut self) {
        let passed = self.gathering.passed;
        let due = |at: Option<Duration>| at.is_some_and(|at| at <= passed);
        let rooms = self.gathering.rooms.iter();
        let late = rooms.filter(|(_, room)| due(room.timeout) || due(room.leaves_at));
        let late: Vec<Address> = late.map(|(address, _)| address.clone()).collect();
        for address in late {
            self.with_room(&address, |replica, now| replica.handle_timeout(now));
            let room = self.gathering.rooms.get_mut(&address);
            let since = self.gathering.clock.0.saturating_sub(PARTING);
            if let Some(room) = room.filter(|room| due(room.leaves_at)) {
                // Nobody knows yet: whoever can be reached by then is told.
                if room
                    .replica
                    .as_mut()
                    .is_some_and(|one| one.is_parting() && one.part_again(since))
                {
                    room.leaves_at = Some(passed + FAREWELL);
                    continue;
                }
                // What we have of it stays, for when we come back.
                room.leaves_at = None;
                room.people.clear();
                if room.replica.is_none() {
                    self.gathering.rooms.remove(&address);
                }
                self.hang_up_on_strangers();
            }
        }
    }

    fn room_replica(&mut self, address: &Address) -> Option<(&mut Replica, Moment)> {
        let now = self.gathering.moment();
        let room = self.gathering.rooms.get_mut(address)?;
        room.replica.as_mut().map(|replica| (replica, now))
    }

    fn with_room<T>(
        &mut self,
        address: &Address,
        act: impl FnOnce(&mut Replica, Moment) -> T,
    ) -> Option<T> {
        let (replica, now) = self.room_replica(address)?;
        let done = act(replica, now);
        self.drain_room(address, None);
        Some(done)
    }

    /// Does what a room wants. `quote` is of the line that the disk has just taken.
    fn drain_room(&mut self, address: &Address, mut quote: Option<Quote>) {
        while let Some((replica, _)) = self.room_replica(address) {
            let id = replica.id();
            match replica.poll_output() {
                Output::Send { to, record } => {
                    let message = super::record::Record::Room(record).encode();
                    self.command(Command::Send { peer: to, tag: 0, message });
                }
                Output::Store(request) => {
                    let author = self.author_of(address, &request);
                    debug_assert_eq!(id, replica_of(&request), "of this room");
                    self.ask_disk(address, request, author);
                }
                Output::Event(event) => self.room_event(address, event, &mut quote),
                Output::Timeout(at) => {
                    if let Some(room) = self.gathering.rooms.get_mut(address) {
                        room.timeout = at;
                    }
                    return;
                }
            }
        }
    }

    fn ask_disk(&mut self, address: &Address, request: Request, author: Option<Address>) {
        let id = replica_of(&request);
        let key = match &request {
            Request::Entry { entry, .. } => Some(entry.header().log.author),
            _ => None,
        };
        let hidden = key.zip(author.as_ref()).is_some_and(|(key, who)| self.is_hidden(key, who));
        let (room, at) = (address.clone(), self.now);
        let request = RoomRequest { room, request, author, hidden, at };
        self.ask(StoreRequest::Room(request), Asked::Room(address.clone(), id));
    }

    /// Who wrote the line that a request is about, if it is about one that is not ours.
    fn author_of(&self, address: &Address, request: &Request) -> Option<Address> {
        let Request::Entry { entry, .. } = request else { return None };
        let is_line = matches!(entry.body(), Body::Line(_));
        (is_line && entry.header().log.author != self.config.key)
            .then(|| self.author(address, entry))
    }

    /// Who wrote an entry, as the room knows him.
    fn author(&self, address: &Address, entry: &Entry) -> Address {
        let log = entry.header().log;
        let room = self.gathering.rooms.get(address);
        let replica = room.and_then(|room| room.replica.as_ref());
        let first = replica.and_then(|replica| replica.log()).and_then(|ours| ours.author(&log));
        first.unwrap_or_else(|| Address::new(address.name.clone(), &address.host))
    }

    /// How the conversation with a room stands.
    fn set_room_presence(&mut self, address: &Address) {
        let room = self.gathering.rooms.get(address).filter(|room| room.is_wanted());
        let is_in = |room: &Room| room.replica.as_ref().is_some_and(Replica::is_member);
        let presence = match room {
            Some(room) if is_in(room) => Presence::Connected,
            Some(_) => Presence::Connecting,
            None => Presence::Offline,
        };
        if let Some(conversation) = self.conversations.get_mut(address) {
            conversation.presence = Some(presence);
        }
    }

    fn tell_room(&mut self, address: &Address, news: RoomNews) {
        self.show(Notice::Room { room: address.clone(), news });
    }
}

/// Which room a request is about.
fn replica_of(request: &Request) -> RoomId {
    match request {
        Request::Entry { room, .. } | Request::Receipt { room, .. } => *room,
        Request::Lines { room, .. } => *room,
        Request::Fork(room, _) | Request::Wanted(room, _) => *room,
        Request::Renewed(room) | Request::Room(room) => *room,
    }
}
