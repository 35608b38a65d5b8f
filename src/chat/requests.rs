//! Callers whom nobody here knows: they wait until a person has decided.
//!
//! A stranger who calls makes a *request*: a name, a key, and nothing of what it says. Its lines are
//! not taken in, so they are not confirmed and stay in its outbox; once it is accepted, it is asked
//! to repeat them, and until it has, nothing that comes behind them is taken in either. So a stranger
//! can fill neither disk nor screen, and nothing that was said is lost.
//! Whoever was called or written to from here is no stranger, and neither is a key that we know.

use std::collections::{BTreeMap, VecDeque};

use p2pchat_wire::identity::{Name, PeerId};
use serde::{Deserialize, Serialize};

use super::invitation::{CodeWords, NotACode};
use super::record::Record;
use super::storage::StoreRequest;
use super::{Address, Asked, Chat, Notice, Problem, Timestamp, book, command};
use crate::proto::PathInfo;

/// Strangers who may wait for an answer. Beyond them, nobody new is let in.
pub const MAX_REQUESTS: usize = 64;

/// Rejected ones that are remembered; those who were rejected first are forgotten first.
const MAX_REJECTED: usize = 256;

/// Keys that are not answered in this run because nobody may call, or too many do.
const MAX_TURNED_AWAY: usize = 1024;

/// Requests that are told as they come; after them, one in [`TOLD_EVERY`].
const TOLD_AT_ONCE: usize = 5;

/// Milliseconds in which one more request is told. The others are in the list.
const TOLD_EVERY: u64 = 60_000;

/// What becomes of callers whom we do not know.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Strangers {
    /// They wait until a person has decided.
    #[default]
    Request,
    /// They are contacts at once.
    Accept,
    /// They are not answered.
    Refuse,
}

/// Somebody who wants to talk to us.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// By which name.
    pub address: Address,
    /// The key that it has proved.
    pub key: PeerId,
    /// When it called first.
    pub at: Timestamp,
    /// Whether a person does not want to.
    pub rejected: bool,
}

/// A stranger with whom there is a session.
#[derive(Debug)]
struct Caller {
    address: Address,
    path: PathInfo,
    /// With what it has begun: heard once it is accepted.
    hello: Option<Vec<u8>>,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Requests {
    /// The oldest first.
    list: Vec<Request>,
    callers: BTreeMap<PeerId, Caller>,
    turned_away: BTreeMap<PeerId, Address>,
    /// The first line, and its log, of what was said in a session and not taken in.
    unheard: BTreeMap<PeerId, (u64, u64)>,
    /// When requests were told of, lately.
    told: VecDeque<Timestamp>,
}

impl Requests {
    pub(super) fn new(list: Vec<Request>) -> Self {
        Self { list, ..Self::default() }
    }

    /// Those that wait for an answer.
    fn waiting(&self) -> impl Iterator<Item = &Request> {
        self.list.iter().filter(|one| !one.rejected)
    }

    /// The key of whoever waits, or was rejected, under this name.
    pub(super) fn key_of(&self, address: &Address) -> Option<PeerId> {
        self.list.iter().find(|one| one.address == *address).map(|one| one.key)
    }

    /// Those who wait for an answer and are connected.
    pub(super) fn callers(&self) -> impl Iterator<Item = (PeerId, Address, PathInfo)> {
        self.callers.iter().map(|(key, caller)| (*key, caller.address.clone(), caller.path))
    }

    /// Keys that are not to be answered.
    pub(super) fn unanswered(&self) -> impl Iterator<Item = PeerId> {
        let rejected = self.list.iter().filter(|one| one.rejected).map(|one| one.key);
        rejected.chain(self.turned_away.keys().copied())
    }

    /// A line came in a session and is not taken in.
    fn note_unheard(&mut self, key: PeerId, log: u64, seq: u64) {
        let first = self.unheard.entry(key).or_insert((log, seq));
        if first.0 != log || seq < first.1 {
            *first = (log, seq);
        }
    }

    /// The log, and its first line that was not taken in since the session began, of somebody who is listened
    /// to from now on.
    pub(super) fn take_unheard(&mut self, key: PeerId) -> Option<(u64, u64)> {
        self.unheard.remove(&key)
    }

    /// Whether one more stranger may be told of; counts it.
    pub(super) fn may_be_told(&mut self, now: Timestamp) -> bool {
        while self.told.front().is_some_and(|told| *told > now || now.since(*told) >= TOLD_EVERY) {
            self.told.pop_front();
        }
        let may = self.told.len() < TOLD_AT_ONCE;
        if may {
            self.told.push_back(now);
        }
        may
    }
}

impl Chat {
    /// Says once, at the start, that somebody waits from earlier runs.
    pub(super) fn tell_requests_at_start(&mut self) {
        let count = self.requests.waiting().count() as u64;
        if count > 0 {
            self.show(Notice::RequestsWait { count });
        }
    }

    pub(super) fn show_requests(&mut self) {
        let list = self.requests.list.clone();
        self.answer(Notice::Requests(list));
    }

    /// Whether nobody here has called, written to or accepted whoever has this key and this name.
    pub(super) fn is_stranger(&self, key: PeerId, address: &Address) -> bool {
        !self.conversations.contains_key(address)
            && !self.everybody().any(|one| one.key == Some(key))
    }

    /// A stranger has called. Returns whether it is to be let in at once.
    pub(super) fn stranger_called(
        &mut self,
        key: PeerId,
        address: &Address,
        path: PathInfo,
    ) -> bool {
        match self.config.strangers {
            Strangers::Accept => return true,
            Strangers::Refuse => {
                self.turn_stranger_away(key, address);
                return false;
            }
            Strangers::Request => {}
        }
        let known = self.requests.list.iter().position(|one| one.key == key);
        match known.map(|index| self.requests.list[index].clone()) {
            Some(Request { rejected: true, .. }) => {
                self.hang_up(address);
                return false;
            }
            Some(known) if known.address != *address => {
                // The same key under another name: that is the name it has now.
                self.forget_request(&known.address);
                self.add_request(key, address, known.at);
            }
            Some(_) => {}
            None if self.requests.waiting().count() >= MAX_REQUESTS => {
                self.turn_stranger_away(key, address);
                return false;
            }
            None => {
                // Nobody gets in under a name for which another key waits.
                self.forget_request(address);
                self.add_request(key, address, self.now);
                if self.requests.may_be_told(self.now) {
                    let (peer, like) = (address.clone(), self.looks_like(&address.name));
                    self.show(Notice::Request { peer, key, like });
                }
            }
        }
        let caller = Caller { address: address.clone(), path, hello: None };
        self.requests.callers.insert(key, caller);
        self.say(key, &Record::Pending);
        false
    }

    fn add_request(&mut self, key: PeerId, address: &Address, at: Timestamp) {
        let request = Request { address: address.clone(), key, at, rejected: false };
        self.requests.list.push(request.clone());
        self.ask(StoreRequest::SaveRequest(request), Asked::Nothing);
    }

    fn forget_request(&mut self, address: &Address) {
        let before = self.requests.list.len();
        self.requests.list.retain(|one| one.address != *address);
        if self.requests.list.len() < before {
            self.ask(StoreRequest::ForgetRequest(address.clone()), Asked::Nothing);
        }
    }

    fn turn_stranger_away(&mut self, key: PeerId, address: &Address) {
        if self.requests.turned_away.len() >= MAX_TURNED_AWAY {
            self.requests.turned_away.clear();
        }
        self.requests.turned_away.insert(key, address.clone());
        self.hang_up(address);
        self.tell_blocked();
    }

    /// What a stranger says is not taken in; it is remembered what to ask for again.
    pub(super) fn stranger_says(&mut self, key: PeerId, message: &[u8]) {
        if !self.requests.callers.contains_key(&key)
            && let Some((address, path)) = self.companion(key)
        {
            // Until now it was somebody in a room of ours.
            let calls = matches!(Record::decode(message), Ok(Some(Record::Hello { .. })));
            if calls && self.stranger_called(key, &address, path) {
                self.welcome(key, address, path);
                return self.message(key, message);
            }
        }
        match Record::decode(message) {
            Ok(Some(hello @ Record::Hello { .. })) => {
                if let Some(caller) = self.requests.callers.get_mut(&key) {
                    caller.hello = Some(hello.encode());
                }
            }
            Ok(Some(Record::Line(line))) => self.requests.note_unheard(key, line.log, line.seq),
            _ => {}
        }
    }

    pub(super) fn stranger_moved(&mut self, key: PeerId, path: PathInfo) {
        if let Some(caller) = self.requests.callers.get_mut(&key) {
            caller.path = path;
        }
    }

    pub(super) fn stranger_left(&mut self, key: PeerId) {
        self.requests.callers.remove(&key);
        self.requests.unheard.remove(&key);
    }

    /// Who is meant: the one of this name, or the only one there is.
    fn requested(&self, typed: Option<&str>) -> Result<Request, Problem> {
        let all: Vec<&Request> = match typed {
            None => self.requests.waiting().collect(),
            Some(typed) => {
                let (name, host) = command::name_and_host(typed)?;
                let meant = |one: &&Request| {
                    one.address.name == name
                        && host.is_none_or(|host| one.address.host.eq_ignore_ascii_case(host))
                };
                self.requests.list.iter().filter(meant).collect()
            }
        };
        match all.as_slice() {
            [] => Err(Problem::NoRequest),
            [one] => Ok((*one).clone()),
            several => {
                Err(Problem::Ambiguous(several.iter().map(|one| one.address.clone()).collect()))
            }
        }
    }

    pub(super) fn accept(&mut self, typed: Option<&str>) {
        match (self.requested(typed), typed.map(CodeWords::read)) {
            (Ok(request), _) => self.admit(&request.address),
            // Nobody waits, and so a file may be meant.
            (Err(Problem::NoRequest), None) if self.accept_file(None, None) => {}
            // Nobody of that name waits: a word was misheard.
            (Err(Problem::NoRequest), Some(Err(why @ NotACode::Unknown(_)))) => {
                self.refuse(None, Problem::NotACode(why));
            }
            (Err(problem), _) => self.refuse(None, problem),
        }
    }

    pub(super) fn reject(&mut self, typed: Option<&str>) {
        let request = match self.requested(typed) {
            Ok(request) => Request { rejected: true, ..request },
            Err(problem) => return self.refuse(None, problem),
        };
        self.requests.list.retain(|one| one.address != request.address);
        self.requests.list.push(request.clone());
        let rejected = self.requests.list.iter().filter(|one| one.rejected);
        if rejected.clone().count() > MAX_REJECTED
            && let Some(oldest) = rejected.map(|one| one.address.clone()).next()
        {
            self.forget_request(&oldest);
        }
        self.requests.callers.remove(&request.key);
        self.hang_up(&request.address);
        self.tell_blocked();
        self.show(Notice::Rejected(request.address.clone()));
        self.ask(StoreRequest::SaveRequest(request), Asked::Nothing);
    }

    /// If this is somebody who waits, it is a contact from now on, and what it had to say comes.
    pub(super) fn admit(&mut self, address: &Address) {
        let Some(index) = self.requests.list.iter().position(|one| one.address == *address) else {
            return;
        };
        let Request { key, rejected, .. } = self.requests.list[index].clone();
        self.forget_request(address);
        let caller = self.requests.callers.remove(&key);
        if rejected {
            self.tell_blocked();
        }
        self.show(Notice::Accepted(address.clone()));
        let now = self.now;
        let conversation = self.conversation(address);
        if let Some(caller) = caller {
            self.connected(key, caller.address, caller.path);
            if let Some(hello) = caller.hello {
                self.message(key, &hello);
            }
            return;
        }
        conversation.contact.is_new = true;
        conversation.pinned = false;
        conversation.contact.key = Some(key);
        conversation.contact.since = now;
        let asked = Asked::NewKey { address: address.clone(), then_call: true };
        self.save_contact(address, asked);
        self.make_current_if_none(address);
    }

    /// The key of somebody who waits and is to be blocked instead.
    pub(super) fn take_request(&mut self, address: &Address) -> Option<PeerId> {
        let index = self.requests.list.iter().position(|one| one.address == *address)?;
        let key = self.requests.list[index].key;
        self.forget_request(address);
        self.requests.callers.remove(&key);
        Some(key)
    }

    /// A person wants to talk to somebody: whoever was turned away may be meant.
    pub(super) fn turn_nobody_away(&mut self) {
        if !std::mem::take(&mut self.requests.turned_away).is_empty() {
            self.tell_blocked();
        }
    }

    /// Another contact who can be taken for somebody of this name.
    pub(super) fn looks_like(&self, name: &Name) -> Option<Address> {
        book::alike(self.everybody(), name)
    }

    /// Whether a person is to be asked first: nobody here knows the name, and it can be taken for a
    /// contact's. Typed once more, it is meant.
    pub(super) fn is_doubtful(&mut self, address: &Address) -> Option<Problem> {
        if self.conversations.contains_key(address) || self.meant.contains(address) {
            return None;
        }
        let like = self.looks_like(&address.name)?;
        self.meant.insert(address.clone());
        Some(Problem::Confusable { peer: address.clone(), like: Box::new(like) })
    }
}
