//! The chat: conversations, contacts and the promise that each line arrives once, as one machine
//! without IO.
//!
//! [`Chat`] takes what a person types, what the network reports and what the disk answers, and says
//! what is to be done: commands for the network, requests to the disk, notices to be shown.
//!
//! How a line travels:
//!
//! 1. It gets a number and an id, and goes to disk ([`StoreRequest::Queue`]). Once the disk says
//!    so, it is *queued*: from here on it survives the end of the program at any moment.
//! 2. When there is a session, it is sent as a [`record`]; when its last byte has left, it is
//!    *sent*. After a session breaks, everything undelivered is sent again, in order.
//! 3. The receiver puts it on disk ([`StoreRequest::Receive`]) if it is new, and only then shows it
//!    and answers *committed*. What it has already, it confirms without showing.
//! 4. The sender notes that on disk ([`StoreRequest::Delivered`]); now it is *delivered*.
//!
//! The other files: [`storage`] is what disk and chat say to each other, [`notice`] what a person
//! is told, [`errand`] what others are to do, [`command`] what can be typed, [`links`] what in a text
//! leads to the web, [`clean`] what keeps a stranger's text from the terminal, [`nearest()`] the word
//! that was meant by a mistyped one. [`people`] is how a person deals with others, [`book`] whom somebody knows and
//! `changing` what becomes of that from outside of the chat, `requests` what becomes
//! of strangers, `inviting` how two become sure of each other ([`invitation`]), `trust` what becomes of keys, [`safety`] what two people compare. `conversation`, `outbox` and
//! `inbox` hold the state, `face` of whom there is to look at it; `network`, `disk`, `typed` and
//! `exit` are what the machine does about each
//! kind of input, `lines` what becomes of lines, `giving` how scripts get them; `servers` is what it knows of our
//! rendezvous servers, `locally` what it does without one; [`files`] is what it says to the disk about files.

mod address;
mod backlog;
pub mod book;
mod changing;
pub mod clean;
pub mod command;
mod conversation;
mod disk;
pub mod errand;
mod examining;
mod exit;
mod face;
pub mod files;
mod gathering;
mod giving;
mod inbox;
pub mod invitation;
mod inviting;
mod lines;
pub mod links;
mod locally;
mod nearest;
mod network;
pub mod notice;
mod outbox;
pub mod people;
mod presence;
mod problem;
pub mod record;
mod requests;
mod retention;
pub mod room;
pub mod rooms;
pub mod safety;
mod servers;
mod settings;
pub mod storage;
#[cfg(test)]
mod tests;
mod trust;
mod typed;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use p2pchat_wire::identity::{Identity, Name, PeerId};
use p2pchat_wire::random::Random;

pub use address::{Address, LOCAL_HOST, LineId, ROOM_MARK, Timestamp};
pub use errand::{Errand, Format, Outcome};
pub use exit::{ExitCode, Wait};
pub use face::FaceId;
pub use files::{FileNews, FileState, KeptFile, Purpose};
pub use gathering::news::{Attendee, RoomNews};
pub use nearest::nearest;
pub use notice::{LineState, Message, Notice, Written};
pub use people::{Limit, Nicknames, Regard};
pub use presence::{PeerSummary, Presence};
pub use problem::Problem;
pub use record::{Audience, Circumstances, MAX_REACTION, MAX_TEXT, Manner};
pub use requests::{MAX_REQUESTS, Request, Strangers};
pub use retention::{NoRetention, Retention};
pub use storage::{
    Contact, Cursor, DeliveredLine, Direction, FailureKind, HistoryLine, OutgoingLine, OwnLine,
    Pick, Place, Progress, Quote, Reaction, ReadUpTo, ReceivedLine, Rendezvous, ShownLines,
    Snapshot, StoreFailure, StoreReply, StoreRequest, UnshownLine,
};
pub use trust::{TRUSTED, Trust};

use self::backlog::Backlog;
use self::conversation::Conversation;
use self::disk::Asked;
use self::examining::OwnNetwork;
use self::exit::Run;
use self::face::Faces;
use self::files::Files;
use self::files::disk::{DiskAnswer, DiskRequest};
use self::gathering::Gathering;
use self::giving::Giving;
use self::inbox::Inbox;
use self::inviting::Invitations;
use self::locally::Locally;
use self::requests::Requests;
use self::servers::Servers;
use self::settings::Settings;
use crate::proto;

/// How a chat starts.
#[derive(Clone, Debug)]
pub struct Config {
    /// Our key.
    pub key: PeerId,
    /// What the key is of, to sign what is said in rooms. Without it there are none.
    pub identity: Option<Arc<Identity>>,
    /// Our name; without one we wait for `/login`.
    pub name: Option<Name>,
    /// The rendezvous servers in use, as the person wrote them (host, and port if unusual). The
    /// endpoint knows them by their places in this list ([`proto::ServerId`]). A name without a
    /// host that we have not met means somebody at the first.
    pub hosts: Vec<String>,
    /// Whom `--peer` names, `alice` or `alice@host`: the first conversation.
    pub peer: Option<String>,
    /// `None` for a person at a terminal. For a pipe: what the end of input waits for. A run that
    /// is not interactive ends by itself where waiting cannot help (a changed key, a refused name).
    pub wait: Option<Wait>,
    /// Whether the first face makes a room that it is started for, if there is none.
    pub founds: bool,
    /// Whether lines that were received in earlier runs and never shown are told, as a pipe needs
    /// it. A screen reads them when it wants to ([`Input::Page`]).
    pub replay: bool,
    /// What becomes of callers whom we do not know.
    pub strangers: Strangers,
    /// Our program and version, told to peers; at most 64 bytes.
    pub software: String,
    /// The folder in which accepted files are put.
    pub downloads: String,
    /// From the operating system: ids of lines come from it.
    pub seed: [u8; 32],
}

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// A person typed this line in line mode: text, or a command.
    Line(String),
    /// A program wants this sent.
    Send {
        /// To whom (`alice` or `alice@host`); the current conversation if left out.
        to: Option<String>,
        /// The text, never taken for a command.
        text: String,
        /// Comes back in every [`Notice::Status`] and [`Notice::Refused`] about it.
        reference: Option<String>,
        /// What it is: text, or something about the line whose id it names. The text of a deletion,
        /// and of a reaction that is taken back, is empty.
        manner: Manner,
    },
    /// A program wants this file offered.
    Offer {
        /// To whom, as in [`Send`](Self::Send).
        to: Option<String>,
        /// Where it is, as it was typed.
        path: String,
        /// Comes back in every [`Notice::File`] and [`Notice::Refused`] about it.
        reference: Option<String>,
    },
    /// A program wants this command carried out: `/who`, or `who`.
    Command(String),
    /// The network reports.
    Network(proto::Event),
    /// The disk answers the oldest request that is not yet answered.
    Stored(StoreReply),
    /// What the disk has done about files.
    Disk(DiskAnswer),
    /// A person has seen this line of a [`Notice::Message`] (or of another notice that asks for it),
    /// and with it all that came before it in the same conversation.
    Shown {
        /// From whom.
        from: Address,
        /// Which.
        id: LineId,
    },
    /// A script wants lines that no script has received, beginning with the oldest: each comes as a
    /// [`Notice::Message`] to this face alone, as soon as there is one, and is not owed any more once
    /// it has been [`Shown`](Self::Shown); for people it stays unread. Other messages the face is not told.
    Receive {
        /// From this person or in this room only: `alice`, `alice@host` or `#tea`.
        from: Option<String>,
        /// So many.
        count: u64,
    },
    /// A script wants the next file that is offered, or is already and waits: it is accepted, and how far it is comes as
    /// [`Notice::File`] with a reference. Folders are not for it.
    Take {
        /// From this person only: `alice` or `alice@host`.
        from: Option<String>,
        /// Where it is to be; what began to arrive there goes on.
        folder: String,
    },
    /// A screen wants the lines before a place. Answered by [`Notice::Page`].
    Page {
        /// With whom.
        with: Address,
        /// Those before this one; the last ones if there is none.
        before: Option<Place>,
        /// At most so many, and not more than [`MAX_PAGE`].
        limit: usize,
    },
    /// Lines that hold a text are wanted. Answered by [`Notice::Found`].
    Search {
        /// In one conversation, or in all.
        with: Option<Address>,
        /// What to look for.
        text: String,
        /// At most so many, and not more than [`MAX_PAGE`].
        limit: usize,
    },
    /// Somebody types a line, or has stopped before it was sent: to be said as often as it is so.
    Typing {
        /// To whom.
        to: Address,
        /// Whether.
        typing: bool,
    },
    /// This is typed and not sent; it is kept for the next start.
    Draft {
        /// To whom.
        with: Address,
        /// All of it; nothing is kept of an empty one.
        text: String,
    },
    /// Somebody outside of the chat wants something of a contact. Answered by [`Notice::Changed`],
    /// or by what is told instead.
    Intend(book::Intent),
    /// What came of one of the face's [`Effect::Errand`]s.
    Ran(Outcome),
    /// Ask the current conversation's peer what its network is like, if there is a session.
    Examine,
    /// The moment of [`Chat::timeout`] has come.
    Time,
    /// There is no more input: leave as soon as [`Config::wait`] is satisfied.
    EndOfInput,
    /// The time of `--timeout` is over: leave now, with a code that says what was missing.
    TimeUp,
    /// Leave now.
    Quit,
}

/// Something to be done.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Give this to the endpoint.
    Network(proto::Command),
    /// Give this to the store. Its answer comes back as [`Input::Stored`]; answers keep the order
    /// of the requests.
    Store(StoreRequest),
    /// Have this done with a file. What comes of it comes back as [`Input::Disk`].
    Disk(DiskRequest),
    /// Do this, or have it done, and say what came of it ([`Input::Ran`]) for the face that wants it.
    Errand(FaceId, Errand),
    /// Show this, in every face.
    Show(Notice),
    /// Show this in the one face that has asked.
    Answer(FaceId, Notice),
    /// This face has left, as it wanted or because waiting is of no use; nothing more comes for it.
    Left {
        /// Which; not the first, with which all ends.
        face: FaceId,
        /// For the shell that started it.
        code: ExitCode,
    },
    /// The last effect of all: everything asked of the disk has been answered, and the network has
    /// been told to close.
    Quit {
        /// For the shell that started us.
        code: ExitCode,
        /// Lines that wait for the next time.
        undelivered: u64,
    },
}

/// Lines that one [`Input::Page`] or [`Input::Search`] is answered with at most.
pub const MAX_PAGE: usize = 1000;

/// Requests to the disk that may be unanswered before [`Chat::accepts_lines`] says no.
const BUSY: usize = 512;

/// One person's conversations.
#[derive(Debug)]
pub struct Chat {
    config: Config,
    random: Random,
    now: Timestamp,
    conversations: BTreeMap<Address, Conversation>,
    /// Contacts of rendezvous servers that we do not use: shown, not talked to.
    elsewhere: Vec<Contact>,
    nicknames: Nicknames,
    requests: Requests,
    invitations: Invitations,
    gathering: Gathering,
    /// Names that a person has typed although they look like a contact's.
    meant: BTreeSet<Address>,
    /// Who is behind each session.
    sessions: BTreeMap<PeerId, Address>,
    inboxes: BTreeMap<PeerId, Inbox>,
    faces: Faces,
    /// What the network has told about itself.
    network: OwnNetwork,
    /// For whom /path was asked, until the endpoint describes them.
    describing: Vec<(FaceId, PeerId)>,
    servers: Servers,
    settings: Settings,
    backlog: Option<Backlog>,
    giving: Giving,
    files: Files,
    /// What is typed and not sent, as the disk has it.
    drafts: BTreeMap<Address, String>,
    /// Lines that the disk refused.
    unkept: VecDeque<HistoryLine>,
    locally: Locally,
    asked: VecDeque<(FaceId, Asked)>,
    /// Who waits for an errand, once for each.
    errands: Vec<FaceId>,
    effects: VecDeque<Effect>,
    run: Run,
}

impl Chat {
    /// Begins where the disk says that the last run ended. The first effects register our name,
    /// pin the contacts' keys, and show what was received and never shown.
    ///
    /// Resolving the servers' hosts and giving them to the endpoint (`UseRendezvous`, with the keys
    /// and the tokens in [`Snapshot::rendezvous`]) is the caller's part, as is `SetHostCandidates`.
    #[must_use]
    pub fn new(config: Config, snapshot: Snapshot) -> Self {
        let mut chat = Self {
            random: Random::from_seed(config.seed),
            now: Timestamp::default(),
            conversations: BTreeMap::new(),
            elsewhere: Vec::new(),
            nicknames: Nicknames::default(),
            requests: Requests::default(),
            invitations: Invitations::default(),
            gathering: Gathering::default(),
            meant: BTreeSet::new(),
            sessions: BTreeMap::new(),
            inboxes: BTreeMap::new(),
            network: OwnNetwork::default(),
            faces: Faces::new(config.wait, config.founds),
            describing: Vec::new(),
            servers: Servers::new(&config.hosts, &snapshot),
            settings: Settings::new(&snapshot.settings),
            backlog: None,
            giving: Giving::default(),
            files: Files::default(),
            drafts: BTreeMap::new(),
            unkept: VecDeque::new(),
            locally: Locally::default(),
            asked: VecDeque::new(),
            errands: Vec::new(),
            effects: VecDeque::new(),
            run: Run::default(),
            config,
        };
        chat.begin(snapshot);
        chat
    }

    fn begin(&mut self, snapshot: Snapshot) {
        for cursor in snapshot.cursors {
            self.inboxes.entry(cursor.peer).or_default().add_cursor(cursor);
        }
        self.requests = Requests::new(snapshot.requests);
        self.files = Files::new(snapshot.files);
        self.nicknames = (snapshot.contacts.iter())
            .filter_map(|one| Some((one.address.clone(), one.regard.nickname.clone()?)))
            .collect();
        for contact in snapshot.contacts {
            if self.servers.reachable_hosts().any(|host| host == contact.address.host) {
                self.conversations.insert(contact.address.clone(), Conversation::new(contact));
            } else {
                self.elsewhere.push(contact);
            }
        }
        if self.config.replay {
            self.show_unshown(snapshot.unshown);
        } else {
            // Pages have all the rest.
            for UnshownLine { line, quote, .. } in snapshot.strays {
                self.show_received(line, quote, true);
            }
        }
        for (with, text) in snapshot.drafts {
            self.show(Notice::Draft { with: with.clone(), text: text.clone() });
            self.drafts.insert(with, text);
        }
        for (address, conversation) in &self.conversations {
            if let Some(key) = conversation.contact.key
                && let Some(name) = self.servers.peer_name(address)
            {
                self.effects.push_back(Effect::Network(proto::Command::Pin { name, key }));
            }
        }
        self.tell_blocked();
        self.tell_requests_at_start();
        for (peer, lesson) in snapshot.lessons {
            self.effects.push_back(Effect::Network(proto::Command::RecallPunch { peer, lesson }));
        }
        for limit in snapshot.idle {
            self.effects.push_back(Effect::Network(proto::Command::RecallIdle(limit)));
        }
        for (peer, secret) in snapshot.secrets {
            let recall = proto::Command::RecallSecret { peer, secret };
            self.effects.push_back(Effect::Network(recall));
        }
        for limit in snapshot.ages {
            self.effects.push_back(Effect::Network(proto::Command::RecallAge(limit)));
        }
        if let Some(name) = self.config.name.clone() {
            self.effects.push_back(Effect::Network(proto::Command::Register(name)));
        }
        let waiting = self.conversations.iter().filter(|(_, one)| one.outbox.waiting() > 0);
        let waiting: Vec<Address> = waiting.map(|(address, _)| address.clone()).collect();
        for address in waiting {
            self.want(&address);
            self.pump(&address);
        }
        self.open_rooms(snapshot.rooms);
        let peer = self.config.peer.take();
        self.invite(peer.as_deref());
    }

    /// Takes in something that happened at `now`, or that the first face wants; the others speak
    /// through [`handle_face`](Self::handle_face).
    pub fn handle_input(&mut self, now: Timestamp, input: Input) {
        self.now = now;
        self.gathering.pass(now);
        match input {
            Input::Line(line) => self.typed_line(&line),
            Input::Send { to, text, reference, manner } => {
                self.send(to, text, reference, manner);
            }
            Input::Offer { to, path, reference } => self.send_file(to, path, reference),
            Input::Command(line) => self.typed_command(&line),
            Input::Network(event) => self.network(event),
            Input::Stored(reply) => self.stored(reply),
            Input::Disk(answer) => self.disk(answer),
            Input::Shown { from, id } => self.written(from, id),
            Input::Receive { from, count } => self.receives(from, count),
            Input::Take { from, folder } => self.takes(from, folder),
            Input::Page { with, before, limit } => {
                let limit = limit.min(MAX_PAGE);
                let request = StoreRequest::Page { with: with.clone(), before, limit };
                self.ask(request, Asked::Page(with, before.is_none()));
            }
            Input::Search { with, text, limit } => {
                let (limit, asked) =
                    (limit.min(MAX_PAGE), Asked::Search(text.clone(), with.clone()));
                self.ask(StoreRequest::Search { with, text, limit }, asked);
            }
            Input::Typing { to, typing } => self.types(&to, typing),
            Input::Draft { with, text } => self.draft(with, text),
            Input::Intend(intent) => self.intend(&intent),
            Input::Ran(outcome) => self.ran(outcome),
            Input::Examine => self.examine(),
            Input::Time => self.time_passes(),
            Input::EndOfInput => self.faces.asking_mut().input_ended = true,
            Input::TimeUp => self.time_up(),
            Input::Quit => self.leave(ExitCode::Done),
        }
        self.leave_if_done();
    }

    /// The next thing to be done. Any number of inputs may precede a drain.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        if let Some(effect) = self.effects.pop_front() {
            return Some(effect);
        }
        // Only now, so that lines which came to disk together are confirmed together.
        self.confirm_what_is_owed();
        if self.effects.is_empty() {
            self.load_unshown();
            self.load_owed();
        }
        self.let_go();
        self.go_if_nothing_is_left();
        self.effects.pop_front()
    }

    /// When [`Input::Time`] is due, if nothing happens before.
    #[must_use]
    pub fn timeout(&self) -> Option<Timestamp> {
        self.gathering.timeout()
    }

    /// Whether more lines may be typed. While it is false, a reader of a pipe should not read:
    /// the disk is behind.
    #[must_use]
    pub fn accepts_lines(&self) -> bool {
        self.asked.len() < BUSY
    }

    /// Whether the end has begun: nothing more is taken in from faces.
    #[must_use]
    pub fn is_ending(&self) -> bool {
        self.run.leaving.is_some()
    }

    /// Our name, if we have one.
    #[must_use]
    pub fn name(&self) -> Option<&Name> {
        self.config.name.as_ref()
    }

    /// Everybody with whom there is a conversation, as a face sees them.
    #[must_use]
    pub fn peers(&self, face: FaceId) -> Vec<PeerSummary> {
        let (current, now) = (self.current(face), self.now);
        let summary =
            |(address, one): (&Address, &Conversation)| one.summary(current == Some(address), now);
        self.conversations.iter().map(summary).collect()
    }

    /// How many of our lines are undelivered.
    #[must_use]
    pub fn undelivered(&self) -> u64 {
        self.conversations.values().map(|one| one.outbox.waiting()).sum()
    }

    fn show(&mut self, notice: Notice) {
        self.effects.push_back(Effect::Show(notice));
    }

    fn command(&mut self, command: proto::Command) {
        self.effects.push_back(Effect::Network(command));
    }

    fn ask(&mut self, request: StoreRequest, asked: Asked) {
        self.asked.push_back((self.faces.asking_id(), asked));
        self.effects.push_back(Effect::Store(request));
    }
}
