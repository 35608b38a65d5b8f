//! What the chat does about what a person types or a program asks.

use unicode_segmentation::UnicodeSegmentation;

use super::command::{self, Command, Context, HISTORY, Typed};
use super::room::Access;
use super::storage::{OutgoingLine, Pick, StoreRequest};
use super::{
    Address, Asked, Audience, Chat, ExitCode, LineId, MAX_REACTION, MAX_TEXT, Manner, Notice,
    PeerSummary, Presence, Problem,
};
use crate::proto;

/// The longest reference of a JSON request.
const MAX_REFERENCE: usize = 256;

/// A line before it has a number.
pub(super) struct Saying {
    pub(super) text: String,
    pub(super) audience: Audience,
    pub(super) reference: Option<String>,
    pub(super) manner: Manner,
    /// If it has one already.
    pub(super) id: Option<LineId>,
}

impl Saying {
    fn text(text: String) -> Self {
        Self { text, audience: Audience::You, reference: None, manner: Manner::Text, id: None }
    }
}

/// Whether a line of ours may have this text.
fn check(text: &str, manner: Manner) -> Result<(), Problem> {
    match manner {
        _ if text.len() > MAX_TEXT => Err(Problem::TooLong),
        Manner::React { .. } if text.len() > MAX_REACTION || text.graphemes(true).count() > 1 => {
            Err(Problem::NotAReaction)
        }
        Manner::Edit { .. } if text.is_empty() => Err(Problem::NoText),
        Manner::Text | Manner::Action | Manner::Reply { .. } if text.trim().is_empty() => {
            Err(Problem::NothingSaid)
        }
        _ => Ok(()),
    }
}

impl Chat {
    pub(super) fn typed_line(&mut self, line: &str) {
        let typed = self.understand(line, command::read);
        match typed {
            Typed::Nothing => {}
            Typed::Text(text) => self.send(None, text, None, Manner::Text),
            Typed::Command(command) => self.obey(command),
            Typed::Wrong(problem) => self.refuse(None, problem),
        }
    }

    pub(super) fn typed_command(&mut self, line: &str) {
        match self.understand(line, command::read_only_command) {
            Typed::Command(command) => self.obey(command),
            Typed::Wrong(problem) => self.refuse(None, problem),
            Typed::Nothing | Typed::Text(_) => self.refuse(None, Problem::NotACommand),
        }
    }

    fn understand(&self, line: &str, read: fn(&str, &Context<'_>) -> Typed) -> Typed {
        let resolve = |typed: &str| self.resolve(typed);
        let is_known = |address: &Address| self.conversations.contains_key(address);
        let open = self.faces.asking().current.as_ref();
        let (conversation_open, room_open) = (open.is_some(), open.is_some_and(|one| one.is_room));
        read(
            line,
            &Context { resolve: &resolve, conversation_open, room_open, is_known: &is_known },
        )
    }

    /// Whom `alice` or `alice@host` means: where a name stands alone, whoever is called so here, then
    /// somebody of that name whom we know, else whoever has it at the first server. Two people are never taken for one.
    pub(super) fn resolve(&self, typed: &str) -> Result<Address, Problem> {
        if let Some(room) = typed.trim_start_matches(['@', '＠']).strip_prefix(['#', '＃']) {
            return self.resolve_room(room);
        }
        let (name, host) = command::name_and_host(typed)?;
        if let Some(host) = host {
            let mut hosts = self.servers.reachable_hosts();
            return match hosts.find(|known| known.eq_ignore_ascii_case(host)) {
                Some(host) => Ok(Address::new(name, host)),
                None => {
                    let host = self.servers.hosts().collect::<Vec<_>>().join(", ");
                    Err(Problem::OtherHost { typed: typed.to_owned(), host })
                }
            };
        }
        if let Some(called) = self.nicknames.find(&name) {
            return Ok(called.clone());
        }
        let known = self.servers.reachable_hosts().map(|host| Address::new(name.clone(), host));
        let known: Vec<_> =
            known.filter_map(|address| self.conversations.get_key_value(&address)).collect();
        let Some((first, one)) = known.first() else {
            return Ok(Address::new(name, self.servers.first_host()));
        };
        let key = one.contact.key;
        if known.len() > 1 && (key.is_none() || known.iter().any(|(_, one)| one.contact.key != key))
        {
            let all = known.iter().map(|(address, _)| (*address).clone()).collect();
            return Err(Problem::Ambiguous(all));
        }
        // One person, whom we know from several servers.
        let here = known.iter().find(|(_, one)| one.session.is_some());
        Ok(here.map_or(*first, |(address, _)| *address).clone())
    }

    /// Which room `tea` or `tea@host` means: one that we know, or that of the first server.
    pub(super) fn resolve_room(&self, typed: &str) -> Result<Address, Problem> {
        let typed = typed.trim_start_matches(['#', '＃']);
        let (name, host) = command::name_and_host(typed)?;
        let Some(host) = host else {
            let mut known = self.servers.hosts().map(|host| Address::room(name.clone(), host));
            let known = known.find(|room| self.conversations.contains_key(room));
            return Ok(known.unwrap_or_else(|| Address::room(name, self.servers.first_host())));
        };
        match self.servers.hosts().find(|known| known.eq_ignore_ascii_case(host)) {
            Some(host) => Ok(Address::room(name, host)),
            None => {
                let host = self.servers.hosts().collect::<Vec<_>>().join(", ");
                Err(Problem::OtherHost { typed: typed.to_owned(), host })
            }
        }
    }

    /// Sends a line to the person named, or to the current conversation.
    pub(super) fn send(
        &mut self,
        to: Option<String>,
        text: String,
        reference: Option<String>,
        manner: Manner,
    ) {
        if reference.as_ref().is_some_and(|reference| reference.len() > MAX_REFERENCE) {
            return self.refuse(None, Problem::ReferenceTooLong);
        }
        let to = match to.map(|to| self.resolve(&to)) {
            Some(Err(problem)) => return self.refuse(reference, problem),
            Some(Ok(to)) => Some(to),
            None => None,
        };
        let saying = Saying { text, audience: Audience::You, reference, manner, id: None };
        self.submit(to, saying, manner.target().map(Pick::Id));
    }

    /// Gives a line its number and id, and puts it into the outbox. `pick` says which line it is
    /// about; which one that is, the store knows. Whether the store was asked.
    pub(super) fn submit(
        &mut self,
        to: Option<Address>,
        saying: Saying,
        pick: Option<Pick>,
    ) -> bool {
        if self.is_leaving() {
            return false;
        }
        let reference = saying.reference.clone();
        let Err(problem) = self.submit_checked(to, saying, pick) else { return true };
        self.refuse(reference, problem);
        false
    }

    fn submit_checked(
        &mut self,
        to: Option<Address>,
        saying: Saying,
        pick: Option<Pick>,
    ) -> Result<(), Problem> {
        let Saying { text, audience, reference, manner, id } = saying;
        let to = to.or_else(|| self.faces.asking().current.clone()).ok_or(Problem::NoRecipient)?;
        check(&text, manner)?;
        if to.is_room {
            let Some(pick) = pick else {
                self.say_in_room(&to, text, manner, reference);
                return Ok(());
            };
            let changes = matches!(manner, Manner::Edit { .. } | Manner::Delete { .. });
            let asked = Asked::Find { to: to.clone(), text, manner, reference };
            self.ask(StoreRequest::Find { with: to, pick, changes }, asked);
            return Ok(());
        }
        match &self.config.name {
            None => return Err(Problem::NoName),
            Some(name) if *name == to.name => return Err(Problem::Yourself),
            Some(_) => {}
        }
        if let Some(problem) = self.is_doubtful(&to) {
            return Err(problem);
        }
        let drawn = LineId(self.random.array());
        let (id, now) = (id.unwrap_or(drawn), self.now);
        let conversation = self.conversation(&to);
        if let (Some(actual), Some(expected)) =
            (conversation.contact.offered, conversation.contact.key)
        {
            let face = self.faces.asking();
            if face.wait.is_some() && face.invited.as_ref() == Some(&to) {
                self.leave(ExitCode::KeyChanged);
            }
            return Err(Problem::KeyChanged { peer: to, expected, actual });
        }
        if conversation.contact.regard.blocked {
            return Err(Problem::Blocked(to));
        }
        if let Some(session) = &mut conversation.session {
            // A line says by itself that it is no longer being typed.
            session.said_typing = None;
        }
        conversation.contact.last_seq += 1;
        let seq = conversation.contact.last_seq;
        self.faces.asking_mut().waits_for.insert(to.clone(), seq);
        if reference.is_some() {
            self.faces.note_author(id);
        }
        let line = OutgoingLine { to, seq, id, sent_at: now, audience, text, manner, reference };
        let request = match pick {
            None => match self.file_of(&line) {
                None => StoreRequest::Queue(line.clone()),
                Some(file) => StoreRequest::QueueOffer { line: line.clone(), file },
            },
            Some(pick) => StoreRequest::QueueAbout { line: line.clone(), pick },
        };
        self.ask(request, Asked::Queue(line));
        Ok(())
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Open(peer) => self.open(peer),
            Command::Message { to, text } => {
                self.submit(Some(to), Saying::text(text), None);
            }
            Command::Action(text) => {
                self.submit(None, Saying { manner: Manner::Action, ..Saying::text(text) }, None);
            }
            Command::About { manner, pick, text } => {
                self.submit(None, Saying { manner, ..Saying::text(text) }, Some(pick));
            }
            Command::Say(text) => self.send(None, text, None, Manner::Text),
            Command::Everyone(text) => self.everyone(&text),
            Command::Settings => self.show_settings(),
            Command::Set(decision) => self.set(decision),
            Command::Export { format, path } => self.export(format, path),
            Command::OpenLink(number) => self.open_link(number),
            Command::Who => {
                let here = |peer: &PeerSummary| {
                    let news = peer.waiting > 0 || peer.unread > 0 || peer.offered.is_some();
                    peer.state != Presence::Offline || news || peer.current
                };
                let mut who: Vec<PeerSummary> =
                    self.peers(self.faces.asking_id()).into_iter().filter(here).collect();
                who.retain(|peer| !peer.peer.is_room);
                who.sort_by_key(|peer| std::cmp::Reverse(peer.state));
                let open = self.faces.asking().current.clone().filter(|open| open.is_room);
                // In a room, nobody else is not nobody.
                if open.is_none() || !who.is_empty() {
                    self.answer(Notice::Who(who));
                }
                if let Some(room) = open {
                    // Whoever is not in yet hears that on other occasions.
                    let _ = self.show_members(&room);
                }
            }
            Command::Login(name) => {
                self.config.name = Some(name.clone());
                for server in self.servers.iter_mut() {
                    server.registered = false;
                    server.refusal = None;
                }
                self.command(proto::Command::Register(name));
                let wanted = self.conversations.iter().filter(|(address, one)| {
                    one.outbox.waiting() > 0
                        || self.faces.asking().current.as_ref() == Some(*address)
                });
                let wanted: Vec<Address> = wanted.map(|(address, _)| address.clone()).collect();
                wanted.iter().for_each(|address| self.want(address));
            }
            Command::Logout => self.log_out(),
            Command::Path(peer) => self.describe_path(peer),
            Command::Contacts => {
                let here = self.conversations.values().map(|one| one.to_save());
                let all = here.chain(self.elsewhere.iter().cloned());
                let contacts = all.filter(|contact| !contact.address.is_room).collect();
                self.answer(Notice::Contacts(contacts));
            }
            Command::History { with, limit } => {
                let with = with.or_else(|| self.faces.asking().current.clone());
                let asked = Asked::History { with: with.clone(), limit };
                self.ask(StoreRequest::History { with, limit }, asked);
            }
            Command::Search(text) => {
                let asked = Asked::Search(text.clone(), None);
                self.ask(StoreRequest::Search { with: None, text, limit: HISTORY }, asked);
            }
            Command::Trust { peer, tag } => self.trust(peer, &tag),
            Command::Room(command) => self.obey_about_rooms(command),
            Command::File(command) => self.obey_about_files(command),
            Command::People(command) => self.obey_about_people(command),
            Command::Identity => {
                let hosts = self.servers.hosts().map(str::to_owned).collect();
                let name = self.config.name.clone();
                let named = name.is_some();
                self.answer(Notice::Identity { name, hosts, key: self.config.key });
                // Under a name that is not ours at the moment, nobody finds us.
                let troubles = self.standing_troubles().into_iter().filter(|_| named);
                troubles.for_each(|trouble| self.answer(trouble));
            }
            Command::Help => self.answer(Notice::Help(command::all().collect())),
            Command::Detach => self.detach(),
            Command::Quit => self.leave(ExitCode::Done),
        }
    }

    /// Makes this the current conversation, and connects.
    pub(super) fn open(&mut self, address: Address) {
        if address.is_room {
            let access = self.faces.asking().founds.then_some(Access::Open);
            return self.join_room(address, access, None);
        }
        if self.config.name.as_ref() == Some(&address.name) {
            return self.refuse(None, Problem::Yourself);
        }
        if let Some(problem) = self.is_doubtful(&address) {
            return self.refuse(None, problem);
        }
        let conversation = self.conversation(&address);
        let last = conversation.contact.last_seq;
        let changed = conversation.contact.key.zip(conversation.contact.offered);
        conversation.told_changed |= changed.is_some();
        let face = self.faces.asking_mut();
        face.waits_for.entry(address.clone()).or_insert(last);
        if face.current.as_ref() != Some(&address) {
            self.make_current(&address);
        }
        match changed {
            Some((expected, actual)) => {
                self.answer(Notice::KeyChanged { peer: address, expected, actual });
            }
            None => self.want(&address),
        }
    }

    fn everyone(&mut self, text: &str) {
        let connected: Vec<Address> = self
            .conversations
            .iter()
            .filter(|(_, one)| one.session.is_some() && one.contact.offered.is_none())
            .map(|(address, _)| address.clone())
            .collect();
        if connected.is_empty() {
            return self.refuse(None, Problem::NobodyHere);
        }
        for to in connected {
            let audience = Audience::Everyone;
            self.submit(Some(to), Saying { audience, ..Saying::text(text.to_owned()) }, None);
        }
    }

    fn log_out(&mut self) {
        self.config.name = None;
        self.command(proto::Command::Unregister);
        let mut hang_up = Vec::new();
        for (address, conversation) in &mut self.conversations {
            if std::mem::take(&mut conversation.wanted) || conversation.session.is_some() {
                hang_up.extend(self.servers.peer_name(address));
            }
        }
        let companions = self.forget_calls();
        hang_up.extend(companions.iter().filter_map(|address| self.servers.peer_name(address)));
        for name in hang_up {
            self.command(proto::Command::Disconnect(name));
        }
    }

    fn describe_path(&mut self, peer: Option<Address>) {
        let Some(address) = peer.or_else(|| self.faces.asking().current.clone()) else {
            return self.refuse(None, Problem::WhosePath);
        };
        let session = self.conversations.get(&address).and_then(|one| one.session.as_ref());
        let Some(peer) = session.map(|session| session.peer) else {
            return self.answer(Notice::no_paths(address));
        };
        self.describe(peer);
    }
}
