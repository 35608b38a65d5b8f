//! What a person is told, as facts: the words are the user interface's.

use std::net::SocketAddr;
use std::time::Duration;

use p2pchat_wire::identity::{Name, PeerId};
use p2pchat_wire::signal::Refusal;
use serde::{Deserialize, Serialize};

use super::address::{Address, LineId, Timestamp};
use super::command::CommandHelp;
use super::files::{FileNews, FileRule};
use super::gathering::news::RoomNews;
use super::invitation::{CodeWords, ContactLink};
use super::people::Limit;
use super::presence::{PeerSummary, Presence};
use super::problem::Problem;
use super::record::{Audience, Circumstances, Manner};
use super::requests::Request;
use super::safety::{SafetyCode, Wording};
use super::storage::{Contact, Direction, HistoryLine, LATE, Quote, StoreFailure};
use crate::proto::{
    InvitationFailure, PathDescription, PathInfo, PathReason, PunchReport, RendezvousTrouble,
    Upkeep,
};

/// Something to be shown.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum Notice {
    /// We are reachable under this name; again when the mapped endpoint changes.
    Registered {
        /// Our address.
        me: Address,
        /// Our key.
        key: PeerId,
        /// Our endpoint as the server sees it.
        mapped: SocketAddr,
        /// Whether that is the near end of a TCP connection, where nobody else can send to.
        over_tcp: bool,
        /// Whether this is the first time since the start, a new name or a trouble.
        first: bool,
    },
    /// No server is in use, and the local network is told of us: contacts there can call us. Again
    /// under another name.
    Announced {
        /// Our address there.
        me: Address,
        /// Our key.
        key: PeerId,
        /// Whether everybody there is told our name and our key.
        visible: bool,
    },
    /// Somebody is looked for in the local network and nowhere else. Said once.
    Searching {
        /// Who.
        peer: Address,
        /// Whether we have met, so that we can recognise each other.
        met: bool,
        /// Whether everybody there is told who we are. Two who have not met need that, both.
        visible: bool,
    },
    /// The server does not let us have the name.
    RegisterRefused {
        /// Which server, if we use several.
        server: Option<String>,
        /// Which name.
        name: Name,
        /// Why.
        refusal: Refusal,
    },
    /// We are not reachable any more, as asked by /logout.
    Unregistered,
    /// A rendezvous is reached over TCP alone, because the network lets no UDP through; or over UDP
    /// again.
    OverTcp {
        /// Which, if we use several.
        server: Option<String>,
        /// Whether over TCP.
        over_tcp: bool,
    },
    /// A rendezvous does not work. Not repeated while the trouble is the same.
    Trouble {
        /// Which, if we use several.
        server: Option<String>,
        /// What is wrong.
        trouble: RendezvousTrouble,
        /// For [`RendezvousTrouble::SameAs`], the other server.
        same_as: Option<String>,
        /// Whether another knows us, and does its work.
        others: bool,
    },
    /// Of several servers, this one is the nearest now.
    Home(String),
    /// Two names at two servers are one person's, who has one session: it goes on under the first
    /// of these names.
    SamePerson {
        /// Under which name lines come and go from now on.
        peer: Address,
        /// Under which name they came and went.
        before: Address,
    },
    /// Plain lines go to this peer from now on.
    Current(Address),
    /// A peer, or our path to it, is in another state than before. Also said to who comes.
    Peer {
        /// Who.
        peer: Address,
        /// The key, if known.
        key: Option<PeerId>,
        /// Before; for who comes, nobody was there.
        was: Presence,
        /// Now.
        state: Presence,
        /// The path in use, while connected.
        path: Option<PathInfo>,
    },
    /// The way to a peer takes noticeably more or less time than was said: for whoever shows that all
    /// the time.
    Measured {
        /// Who.
        peer: Address,
        /// The smoothed round-trip time.
        rtt: Duration,
    },
    /// Nobody has ever claimed this name at this rendezvous. What was written waits for somebody to.
    NoSuchName(Address),
    /// The server does not introduce us to this peer now, and not because it is offline.
    ConnectRefused {
        /// To whom.
        peer: Address,
        /// Why.
        refusal: Refusal,
    },
    /// STOP: this contact's name belongs to another key now. Nothing is sent until a person
    /// compares the keys and says /trust.
    KeyChanged {
        /// Who.
        peer: Address,
        /// The pinned key.
        expected: PeerId,
        /// The key that was offered.
        actual: PeerId,
    },
    /// A line is kept on this computer until its receiver is there. Said once, until the receiver's
    /// state changes.
    Kept {
        /// For whom.
        to: Address,
        /// The receiver's state.
        state: Presence,
        /// How many lines wait for them.
        waiting: u64,
    },
    /// A line from a peer. When it has been printed, say [`Input::Shown`](super::Input::Shown).
    Message(Message),
    /// A line of ours is on disk. Its [`Status`](Self::Status) follows. One that could not be put
    /// there is shown likewise, and its status says why.
    Written(Written),
    /// A line says something else now, or nothing any more, because its author wants so. Of a
    /// contact's, say [`Input::Shown`](super::Input::Shown) about `line`.
    Amended {
        /// In which conversation.
        with: Address,
        /// Which line.
        id: LineId,
        /// The line that says so.
        line: LineId,
        /// What it says now: not fit for a terminal as it is. `None` if it is deleted.
        text: Option<String>,
        /// Who did it, the author.
        by: Direction,
        /// In a room: who, if not we.
        author: Option<Box<Address>>,
        /// When, by the author's clock.
        at: Timestamp,
        /// What it was before.
        quote: Quote,
    },
    /// Somebody has reacted to a line. Of a contact's reaction, say
    /// [`Input::Shown`](super::Input::Shown) about `line`.
    Reacted {
        /// In which conversation.
        with: Address,
        /// To which line.
        id: LineId,
        /// The line that says so.
        line: LineId,
        /// Who.
        by: Direction,
        /// In a room: who, if not we.
        author: Option<Box<Address>>,
        /// How, in place of what it was before: not fit for a terminal as it is. Empty if it is
        /// taken back.
        reaction: String,
        /// When, by the clock of who did it.
        at: Timestamp,
        /// The line.
        quote: Quote,
    },
    /// A contact has edited, deleted or reacted to a line that is not here, or may not. As after a
    /// [`Message`], say [`Input::Shown`](super::Input::Shown).
    Stray(Message),
    /// Answers [`Input::Page`](super::Input::Page), in the order of asking.
    Page {
        /// With whom.
        with: Address,
        /// The lines, oldest first.
        lines: Vec<HistoryLine>,
        /// Whether nothing was said before them.
        end: bool,
    },
    /// Lines that were found; answers [`Input::Search`](super::Input::Search) and /search.
    Found {
        /// What was looked for.
        text: String,
        /// In which conversation; in all.
        with: Option<Address>,
        /// The lines, the newest first.
        lines: Vec<HistoryLine>,
    },
    /// A peer types, or has stopped. It counts for 6 s, or until a line comes, unless it is said
    /// again.
    Typing {
        /// Who.
        peer: Address,
        /// Whether it types.
        typing: bool,
    },
    /// What was typed and not sent, in an earlier run or in another face. Said at the start.
    Draft {
        /// To whom.
        with: Address,
        /// The text.
        text: String,
    },
    /// Answers /set: every setting and its value.
    Settings(Vec<(String, String)>),
    /// Answers /export.
    Exported {
        /// The file, as it was typed.
        path: String,
        /// How many lines are in it.
        lines: u64,
    },
    /// Answers /open: whatever shows pages of the web here has this one.
    Opened {
        /// Its address.
        link: String,
    },
    /// One of our lines is in another state than before.
    Status {
        /// To whom.
        to: Address,
        /// Which line.
        id: LineId,
        /// What a program calls it.
        reference: Option<String>,
        /// The new state.
        state: LineState,
    },
    /// What was typed was not done.
    Refused {
        /// What a program calls the line.
        reference: Option<String>,
        /// Why.
        problem: Problem,
    },
    /// The disk failed in something that no line of ours waits for: a received line, a contact.
    StoreFailed(StoreFailure),
    /// A peer's program sends what this version cannot read. Said once a session.
    Unreadable {
        /// Whose.
        peer: Address,
        /// Its program, as it names itself: not fit for a terminal as it is.
        software: Option<String>,
    },
    /// Answers /who and /look: everybody who is not offline, then those with whom something is open: lines that
    /// wait or that nobody has seen, another key.
    Who(Vec<PeerSummary>),
    /// Answers /contacts.
    Contacts(Vec<Contact>),
    /// Answers /path.
    Paths {
        /// To whom.
        peer: Address,
        /// Every path that is known, the one in use first. Empty without a session.
        paths: Vec<PathDescription>,
        /// Why the first is in use.
        reason: PathReason,
        /// What is done where ports have to be guessed.
        punch: Option<Box<PunchReport>>,
        /// How our NAT's mappings are kept.
        upkeep: Upkeep,
    },
    /// What a peer's network is like, as it says; answers [`Input::Examine`](super::Input::Examine).
    Circumstances {
        /// Whose.
        peer: Address,
        /// What it says.
        circumstances: Circumstances,
        /// By how many milliseconds our clock is ahead of the peer's, to within the time that the
        /// answer took.
        clock_ahead_ms: i64,
    },
    /// Answers /history.
    History(Vec<HistoryLine>),
    /// Answers /id.
    Identity {
        /// Our name, if we have one.
        name: Option<Name>,
        /// The rendezvous servers.
        hosts: Vec<String>,
        /// Our key.
        key: PeerId,
    },
    /// Answers /help.
    Help(Vec<CommandHelp>),
    /// Answers /trust: the contact's key is the one compared.
    Trusted {
        /// Who.
        peer: Address,
        /// The key now pinned.
        key: PeerId,
    },
    /// Answers /verify: what both sides compare.
    SafetyCode {
        /// With whom.
        peer: Address,
        /// Our key.
        me: PeerId,
        /// Theirs.
        key: PeerId,
        /// The words.
        code: SafetyCode,
        /// In which language they were asked for.
        wording: Option<Wording>,
        /// Whether they were compared before.
        verified: bool,
    },
    /// Answers /verify: the contact has the key that it should have.
    Verified {
        /// Who.
        peer: Address,
        /// The key.
        key: PeerId,
    },
    /// Answers /verify: STOP, the other side sees other words.
    NotTheSame {
        /// With whom.
        peer: Address,
        /// The key that was to be compared.
        key: PeerId,
    },
    /// Somebody outside of the chat has added this contact, or what is known of it.
    Added(Box<Contact>),
    /// Somebody outside of the chat has removed this contact, with everything that was said.
    Removed(Address),
    /// What this face has asked to be changed of a contact is on the disk; everybody is told the same.
    Changed(Box<Self>),
    /// Answers /rename: a contact is called so here, or by its own name again.
    Renamed {
        /// Who.
        peer: Address,
        /// How.
        nickname: Option<Name>,
    },
    /// Answers /block, /ignore, /mute and what takes them back.
    Limit {
        /// About whom.
        peer: Address,
        /// Which.
        limit: Limit,
        /// Whether it holds.
        on: bool,
        /// Until when; [`Timestamp::MAX`] is for ever.
        until: Option<Timestamp>,
        /// Whether a key is known; else whoever calls by that name first is meant.
        has_key: bool,
    },
    /// Somebody whom nobody here knows wants to talk to us. Said a few times a minute at most.
    Request {
        /// Who.
        peer: Address,
        /// The key.
        key: PeerId,
        /// A contact for whom it can be taken.
        like: Option<Address>,
    },
    /// So many want to talk to us since earlier runs. Said at the start.
    RequestsWait {
        /// How many.
        count: u64,
    },
    /// Answers /requests.
    Requests(Vec<Request>),
    /// Answers /invite: the code to be told to somebody.
    Invitation {
        /// Its number.
        number: u32,
        /// Its words.
        words: CodeWords,
        /// In which language they were asked for.
        wording: Option<Wording>,
        /// At which server, if we use several.
        server: Option<String>,
        /// For whoever cannot type it in time. There is no secret in it.
        link: Box<ContactLink>,
        /// For how long the code is good.
        minutes: u64,
    },
    /// Somebody has accepted our invitation, or we have accepted one: the contact has the key that it
    /// should have.
    Invited {
        /// Who.
        peer: Address,
        /// The key.
        key: PeerId,
        /// Whether the invitation was ours.
        by_us: bool,
        /// Whether words have shown it; a link shows nothing.
        verified: bool,
    },
    /// Nothing came of an invitation, and its code is used up.
    InvitationFailed {
        /// Why.
        reason: InvitationFailure,
        /// Whether the invitation was ours.
        by_us: bool,
    },
    /// No session comes about, because one of the two has not the secret that the other has since an
    /// invitation.
    SecretLacking {
        /// With whom.
        peer: Address,
        /// Whether it is we who have none.
        by_us: bool,
    },
    /// Answers /accept.
    Accepted(Address),
    /// Answers /reject.
    Rejected(Address),
    /// A peer does not know us, and asks its person; until then it takes in nothing of what we say.
    /// Said once a session.
    Pending(Address),
    /// Answers /block, /ignore and /mute without a name.
    Limited {
        /// Which.
        limit: Limit,
        /// For whom it holds.
        contacts: Vec<Contact>,
    },
    /// Something about a room.
    Room {
        /// Which.
        room: Address,
        /// What.
        news: RoomNews,
    },
    /// A file is further than before, or does not go on.
    File(Box<FileNews>),
    /// Answers /files: those that have not ended, and those of this run that have, in the order of their
    /// numbers.
    Files(Vec<FileNews>),
    /// Answers /files with a name: what becomes of the files of a contact.
    FileRule {
        /// Who.
        peer: Address,
        /// What.
        rule: FileRule,
    },
    /// We have offered a file to somebody whose program knows no files. Said once a session.
    NoFiles(Address),
    /// The same about folders: the other side's program shows only their names.
    NoFolders(Address),
    /// So many links, pipes and devices in a folder that is offered are left out.
    LeftOut {
        /// The folder.
        name: String,
        /// How many.
        count: u32,
    },
    /// Answers /detach: we leave now, and the chat goes on without us.
    Detached,
    /// We leave now, and so many lines wait on this computer for the next time.
    Leaving {
        /// Undelivered lines.
        undelivered: u64,
    },
}

impl Notice {
    /// The answer to /path where there is no session.
    pub(super) fn no_paths(peer: Address) -> Self {
        let (paths, reason) = (Vec::new(), PathReason::NoPath);
        Self::Paths { peer, paths, reason, punch: None, upkeep: Upkeep::default() }
    }
}

/// A line from a peer.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// From whom, or in which room.
    pub from: Address,
    /// In a room: who wrote it.
    pub author: Option<Box<Address>>,
    /// Their key.
    pub key: PeerId,
    /// The line's identifier.
    pub id: LineId,
    /// The text as it came. It may hold anything: show it through
    /// [`clean::text`](super::clean::text).
    pub text: String,
    /// When it was written, by the sender's clock.
    pub sent_at: Timestamp,
    /// When it came, by ours.
    pub received_at: Timestamp,
    /// To whom it was addressed.
    pub audience: Audience,
    /// An earlier run received the line and ended before it confirmed that it had been shown.
    pub again: bool,
    /// What it is.
    pub manner: Manner,
    /// In a room: whether nobody is to be called to the screen for whoever wrote it.
    pub quiet: bool,
    /// In a room: whether somebody else is known here by the name of whoever wrote it.
    pub namesake: bool,
    /// The line that it is about, if that is here.
    pub quote: Option<Box<Quote>>,
}

/// A line of ours, as it is to be shown.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Written {
    /// To whom.
    pub to: Address,
    /// Its identifier.
    pub id: LineId,
    /// Its place in the conversation, from 1 up.
    pub seq: u64,
    /// The text, as typed.
    pub text: String,
    /// When it was written.
    pub sent_at: Timestamp,
    /// To whom it was addressed.
    pub audience: Audience,
    /// What it is.
    pub manner: Manner,
    /// The line that it is about.
    pub quote: Option<Box<Quote>>,
}

impl Message {
    /// Whether the line comes so long after it was written that both times should be shown.
    #[must_use]
    pub fn is_late(&self) -> bool {
        self.received_at.since(self.sent_at) > LATE
    }
}

/// How far a line of ours has come.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum LineState {
    /// In memory: it is said as soon as we are in the room that it is for. It fails if everything ends before.
    Waiting,
    /// On our disk.
    Queued,
    /// Has left in datagrams.
    Sent,
    /// On the receiver's disk.
    Delivered,
    /// Seen by the receiver, who lets us know.
    Read,
    /// Will not be sent, for this reason.
    Failed(Problem),
}
