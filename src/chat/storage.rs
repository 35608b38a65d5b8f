//! What the chat asks of a disk, and what the disk answers.
//!
//! Requests are carried out in the order in which they were made, and each has exactly one
//! [`StoreReply`], in the same order. A reply means that the change is on disk to stay: nobody is
//! told that a line is kept, delivered or received before it is.

mod history;
mod rooms;

use std::net::IpAddr;

use p2pchat_wire::handshake::SharedSecret;
use p2pchat_wire::identity::{Name, PeerId, ServerKey};
use serde::{Deserialize, Serialize};

pub(super) use history::LATE;
pub use history::{HistoryLine, Progress, QUOTE, Quote, Reaction};
pub use rooms::{KeptRoom, OwnLine, RoomReply, RoomRequest};

use super::address::{Address, LineId, Timestamp};
use super::files::KeptFile;
use super::people::Regard;
use super::record::{Audience, Manner};
use super::requests::Request;
use super::room::{Counted, RoomId};
use crate::proto::{AgeLimit, IdleLimit, Lesson, Upkeep};

/// Something to be written or read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum StoreRequest {
    /// Insert or replace what is known of a contact. `last_seq` never goes down; `waiting`
    /// and `unread` are counted by the store, not taken from here.
    SaveContact(Contact),
    /// Put a line into the outbox. Its contact has been saved before.
    Queue(OutgoingLine),
    /// Put a line into the outbox that offers a file, and keep where the file is: both or neither.
    QueueOffer {
        /// The line.
        line: OutgoingLine,
        /// The file.
        file: Box<KeptFile>,
    },
    /// Put a line into the outbox that is about another, and change that one as the line says.
    /// Answered by [`StoreReply::About`], or by a failure of the kind [`FailureKind::NoSuchLine`],
    /// [`FailureKind::NotOurs`] or [`FailureKind::Deleted`].
    QueueAbout {
        /// The line; the store puts the target's id into its manner.
        line: OutgoingLine,
        /// Which line it is about.
        pick: Pick,
    },
    /// Find the line that another is to be about. Answered by [`StoreReply::About`], or by a failure as
    /// [`QueueAbout`](Self::QueueAbout) has it.
    Find {
        /// In which conversation.
        with: Address,
        /// Which line.
        pick: Pick,
        /// Whether the line is to be changed, as only its author may.
        changes: bool,
    },
    /// Read the undelivered lines to a contact, in order, after a sequence number.
    /// Answered by [`StoreReply::Outbox`].
    LoadOutbox {
        /// Whose outbox.
        to: Address,
        /// Lines with a greater sequence number only.
        after: u64,
        /// At most so many lines (and about [`MAX_LOAD_BYTES`] of text, but at least one line).
        limit: usize,
    },
    /// The receiver has committed every line up to this one. Answered by
    /// [`StoreReply::Delivered`], or by [`FailureKind::NoSuchLine`] if no line of ours has this
    /// number *and* this id: then the database was restored from an old copy.
    Delivered {
        /// Who confirmed.
        to: Address,
        /// The number of the last committed line.
        seq: u64,
        /// Its id.
        id: LineId,
        /// When we heard of it.
        at: Timestamp,
    },
    /// Keep a line that a peer sent. Answered by [`StoreReply::Received`].
    Receive(ReceivedLine),
    /// A person has seen these lines, and all that came before them in the same conversations.
    /// Answered by [`StoreReply::Shown`].
    Shown(Vec<(Address, LineId)>),
    /// Remember what is known of a rendezvous.
    SaveRendezvous(Rendezvous),
    /// Remember how a direct path came to be, in place of what was remembered for the same peer and
    /// the same network of ours.
    SaveLesson(PeerId, Lesson),
    /// Remember how long the NAT of a network of ours keeps a mapping that is not used.
    SaveIdle(IdleLimit),
    /// Remember at what age the NAT of a network of ours ends mappings however busy they are.
    SaveAge(AgeLimit),
    /// Forget a contact and everything that was said with it. What was confirmed stays confirmed, and
    /// what is shared with its key stays shared: it may call again, as somebody whom nobody knows. Answered by
    /// [`StoreReply::Removed`].
    RemoveContact(Address),
    /// Remember what we share with a peer since an invitation, in place of what was remembered.
    SaveSecret(PeerId, SharedSecret),
    /// Read the last lines, oldest first. Answered by [`StoreReply::History`].
    History {
        /// Of one conversation, or of all.
        with: Option<Address>,
        /// At most so many.
        limit: usize,
    },
    /// The receiver lets us know that a person has seen every line up to this one. Answered by
    /// [`StoreReply::Read`], or by [`FailureKind::NoSuchLine`].
    Read {
        /// Who has seen them.
        to: Address,
        /// The number of the last one.
        seq: u64,
        /// Its id.
        id: LineId,
        /// When we heard of it.
        at: Timestamp,
    },
    /// Read what was received and never shown, in order. Answered by [`StoreReply::Unshown`].
    LoadUnshown {
        /// Lines behind this one only.
        after: Place,
        /// At most so many (and about [`MAX_LOAD_BYTES`] of text, but at least one).
        limit: usize,
    },
    /// Read what no script has received, in order. With the first request of this kind ever, that is
    /// what nobody has seen; from then on everything that comes is owed, whoever sees it. Answered by
    /// [`StoreReply::Unshown`].
    LoadOwed {
        /// Lines behind this one only.
        after: Place,
        /// At most so many (and about [`MAX_LOAD_BYTES`] of text, but at least one).
        limit: usize,
    },
    /// A script has received this line: it is not owed any more.
    Taken {
        /// From whom, or in which room.
        from: Address,
        /// Which.
        id: LineId,
    },
    /// Read the lines of one conversation that stand before a place, as many as there are up to a
    /// limit (and to about [`MAX_LOAD_BYTES`] of text). Answered by [`StoreReply::Page`].
    Page {
        /// With whom.
        with: Address,
        /// Lines before this one; the last lines of all if there is none.
        before: Option<Place>,
        /// At most so many.
        limit: usize,
    },
    /// Find lines that hold a text, the newest first. Answered by [`StoreReply::History`].
    Search {
        /// In one conversation, or in all.
        with: Option<Address>,
        /// What to look for.
        text: String,
        /// At most so many.
        limit: usize,
    },
    /// Keep what is typed and not sent, in place of what was kept; nothing, if it is empty.
    SaveDraft {
        /// To whom.
        with: Address,
        /// The text.
        text: String,
    },
    /// Keep that somebody wants to talk to us, in place of an earlier request of the same name.
    SaveRequest(Request),
    /// Forget that somebody of this name wanted to talk to us.
    ForgetRequest(Address),
    /// Carry out what a room asks. Answered by [`StoreReply::Room`].
    Room(RoomRequest),
    /// Note that everybody who was to have this line of ours in a room has it.
    RoomDelivered {
        /// The room.
        room: Address,
        /// The line.
        id: LineId,
        /// When we heard of it.
        at: Timestamp,
    },
    /// Show the lines of a log that count, and of the others only that they do not. Answered by
    /// [`StoreReply::Standing`].
    RoomStanding {
        /// The room.
        room: Address,
        /// Which it is.
        id: RoomId,
        /// Which lines count.
        counted: Counted,
    },
    /// Keep what has become of a file, beside the line that offers it.
    SaveFile(Box<KeptFile>),
    /// Keep what a person has decided, in place of an earlier decision.
    SaveSetting {
        /// About what.
        name: String,
        /// What.
        value: String,
    },
}

/// Which line of a conversation is meant.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Pick {
    /// This one, of either side.
    Id(LineId),
    /// Counted back from the newest, which is 1.
    Back(u32),
    /// The newest of one side.
    Last(Direction),
}

/// Where a line stands in the history of this computer: lines are in the order in which they were
/// written or came. It means nothing anywhere else.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct Place(pub i64);

/// About how much text one [`StoreRequest::LoadOutbox`] brings into memory.
pub const MAX_LOAD_BYTES: usize = 1 << 20;

/// The answer to one request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum StoreReply {
    /// It is on disk.
    Done,
    /// A line from a peer is on disk. `new` is false if it was there already.
    Received {
        /// Whether it is to be shown.
        new: bool,
        /// The line that it is about, as it was before, if it is here and the sender may say that
        /// about it.
        quote: Option<Quote>,
    },
    /// A line of ours about another is on disk.
    About {
        /// The other's id.
        id: LineId,
        /// What it was before.
        quote: Quote,
    },
    /// These lines were undelivered until now; the oldest first.
    Delivered(Vec<DeliveredLine>),
    /// These lines were undelivered, and are gone; the oldest first.
    Removed(Vec<DeliveredLine>),
    /// Which of the lines had not been seen until now.
    Shown(Vec<ShownLines>),
    /// These lines had not been read until now; the newest [`MAX_READ`] of them, the oldest first.
    Read(Vec<DeliveredLine>),
    /// The lines asked for.
    Unshown(Vec<UnshownLine>),
    /// The undelivered lines asked for.
    Outbox(Vec<OutgoingLine>),
    /// The lines asked for.
    History(Vec<HistoryLine>),
    /// The lines asked for, oldest first.
    Page {
        /// The lines.
        lines: Vec<HistoryLine>,
        /// Whether nothing stands before them.
        end: bool,
    },
    /// What a room asked for.
    Room(RoomReply),
    /// Of the lines that a person can see.
    Standing {
        /// Which do not count any more.
        withdrawn: Vec<LineId>,
        /// Which count again, and what they say.
        restored: Vec<(LineId, String)>,
    },
    /// Nothing was changed.
    Failed(StoreFailure),
}

/// Why a request could not be carried out.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error, Serialize, Deserialize)]
#[error("{place}: {cause}")]
pub struct StoreFailure {
    /// What kind of failure.
    pub kind: FailureKind,
    /// The file that it was about.
    pub place: String,
    /// What the system or the database says about it.
    pub cause: String,
}

/// The kinds of failure.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum FailureKind {
    /// The disk or the quota is full.
    Full,
    /// The database is damaged.
    Corrupt,
    /// [`StoreRequest::Delivered`] names a line that was never ours, or
    /// [`StoreRequest::QueueAbout`] one that is not there.
    NoSuchLine,
    /// Only who wrote a line may edit or delete it.
    NotOurs,
    /// The line is deleted.
    Deleted,
    /// [`StoreRequest::Receive`] does not continue what was received before.
    Gap,
    /// Anything else that the system reported.
    Other,
}

/// Somebody we have met, or have written to.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Contact {
    /// Name and rendezvous.
    pub address: Address,
    /// The key pinned at the first contact. `None` until then.
    pub key: Option<PeerId>,
    /// Whether a person confirmed the key, rather than it having been believed at first sight.
    pub verified: bool,
    /// Another key that proved to own the name since. While it is set, nothing is sent.
    pub offered: Option<PeerId>,
    /// Names the sequence of our lines to this contact; random.
    pub log: u64,
    /// The greatest sequence number ever given to a line.
    pub last_seq: u64,
    /// How many lines are undelivered.
    pub waiting: u64,
    /// How many of its lines nobody has seen yet.
    pub unread: u64,
    /// When the key was pinned; zero before.
    pub since: Timestamp,
    /// Whether the key was seen for the first time in this run, of which the disk knows nothing.
    pub is_new: bool,
    /// How the person wants to deal with it.
    pub regard: Regard,
}

impl Contact {
    /// Somebody of whom no more is known than the address. Our lines are numbered in `log`.
    #[must_use]
    pub fn new(address: Address, log: u64) -> Self {
        Self {
            address,
            key: None,
            verified: false,
            offered: None,
            log,
            last_seq: 0,
            waiting: 0,
            unread: 0,
            since: Timestamp::default(),
            is_new: false,
            regard: Regard::default(),
        }
    }
}

/// A line of ours.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OutgoingLine {
    /// To whom.
    pub to: Address,
    /// Its place in the conversation, from 1 up. Numbers may be skipped, never used twice.
    pub seq: u64,
    /// Its identifier.
    pub id: LineId,
    /// When it was written.
    pub sent_at: Timestamp,
    /// To whom it was addressed.
    pub audience: Audience,
    /// The text, as typed.
    pub text: String,
    /// What it is.
    pub manner: Manner,
    /// What a program on the other side of `--json` calls it.
    pub reference: Option<String>,
}

/// A line that waits no longer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DeliveredLine {
    /// Its number.
    pub seq: u64,
    /// Its identifier.
    pub id: LineId,
    /// What a program calls it.
    pub reference: Option<String>,
}

/// A line of a peer's.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReceivedLine {
    /// From whom, or in which room.
    pub from: Address,
    /// In a room: who wrote it.
    pub author: Option<Address>,
    /// The key that proved to be theirs.
    pub peer: PeerId,
    /// The sender's log.
    pub log: u64,
    /// The line's number in it.
    pub seq: u64,
    /// The number of the line before it: the store refuses the line unless exactly this one is the
    /// last that it has of this peer and log. Otherwise a line that could not be stored would be
    /// overtaken by the next, and be taken for a repeated one when it comes again.
    pub after: u64,
    /// Its identifier.
    pub id: LineId,
    /// When it was written, by the sender's clock.
    pub sent_at: Timestamp,
    /// When it came, by ours.
    pub received_at: Timestamp,
    /// To whom it was addressed.
    pub audience: Audience,
    /// The text as it came: not fit for a terminal, see [`clean`](super::clean).
    pub text: String,
    /// What it is.
    pub manner: Manner,
}

/// A line that was received and perhaps never shown.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UnshownLine {
    /// Where it stands.
    pub place: Place,
    /// The line. Of an edit, the text is what the edited line says now.
    pub line: ReceivedLine,
    /// The line that it is about, as it is now.
    pub quote: Option<Quote>,
}

impl UnshownLine {
    /// Whether it is about a line that is not here.
    #[must_use]
    pub fn is_stray(&self) -> bool {
        self.line.manner.amends() && self.quote.is_none()
    }
}

/// Lines that have been seen for the first time.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ShownLines {
    /// From whom.
    pub from: Address,
    /// How many, not counting those that amend others.
    pub count: u64,
    /// The last of them.
    pub last: ReadUpTo,
}

/// How far a log has been read by a person.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ReadUpTo {
    /// Whose log.
    pub peer: PeerId,
    /// Which.
    pub log: u64,
    /// The number of the last line that was seen.
    pub seq: u64,
    /// Its id.
    pub id: LineId,
}

/// Lines of which it is told one by one that they have been read.
pub const MAX_READ: usize = 1000;

/// How far a peer's log has been received.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Cursor {
    /// Whose.
    pub peer: PeerId,
    /// Which log.
    pub log: u64,
    /// The number of the last committed line.
    pub seq: u64,
    /// Its id.
    pub id: LineId,
}

/// Which way a line goes.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub enum Direction {
    /// Ours.
    Out,
    /// Theirs.
    In,
}

/// What is known of a rendezvous.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rendezvous {
    /// As the person wrote it.
    pub host: String,
    /// Its key, pinned at the first contact.
    pub key: Option<ServerKey>,
    /// The address token of the last registration.
    pub token: Option<[u8; 32]>,
    /// The name last claimed there.
    pub name: Option<Name>,
    /// When it was last used.
    pub used_at: Timestamp,
    /// Its place among those that were last used together, from 0 up.
    pub place: Option<u8>,
}

impl Rendezvous {
    /// A rendezvous of which nothing is known.
    #[must_use]
    pub fn new(host: &str) -> Self {
        Self {
            host: host.to_owned(),
            key: None,
            token: None,
            name: None,
            used_at: Timestamp(0),
            place: None,
        }
    }
}

/// What the disk holds when a chat begins.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Snapshot {
    /// Everybody, of every rendezvous.
    pub contacts: Vec<Contact>,
    /// How far their logs were received.
    pub cursors: Vec<Cursor>,
    /// The first of the lines that were received but perhaps never shown, oldest first;
    /// [`StoreRequest::LoadUnshown`] reads the others.
    pub unshown: Vec<UnshownLine>,
    /// The first of those that are about a line that is not here, oldest first: no page of lines
    /// shows what they say.
    pub strays: Vec<UnshownLine>,
    /// The rendezvous servers that were used, the newest first.
    pub rendezvous: Vec<Rendezvous>,
    /// What led to direct paths through difficult NATs, the oldest first.
    pub lessons: Vec<(PeerId, Lesson)>,
    /// How long the NATs of our networks keep a mapping that is not used, the oldest first.
    pub idle: Vec<IdleLimit>,
    /// What was typed and not sent.
    pub drafts: Vec<(Address, String)>,
    /// What the person has decided, by name.
    pub settings: Vec<(String, String)>,
    /// At what age the NATs of our networks end mappings, the oldest first.
    pub ages: Vec<AgeLimit>,
    /// Who wants to talk to us and is nobody we know, the oldest first.
    pub requests: Vec<Request>,
    /// The rooms that we are in, or were.
    pub rooms: Vec<KeptRoom>,
    /// What we share with peers since an invitation.
    pub secrets: Vec<(PeerId, SharedSecret)>,
    /// Files that were offered, the oldest first; the last [`KeptFile::MAX`].
    pub files: Vec<KeptFile>,
}

impl Snapshot {
    /// What is known of the NAT of a network of ours with this external address, and still believed.
    #[must_use]
    pub fn upkeep(&self, external: IpAddr, now: Timestamp) -> Upkeep {
        let idle = self.idle.iter().find(|limit| limit.external == external);
        let age = self
            .ages
            .iter()
            .find(|limit| limit.external == external && limit.believed_for(now.0).is_some());
        Upkeep { idle: idle.map(|limit| limit.idle), age: age.map(|limit| limit.age) }
    }

    /// What is known of the rendezvous `host`.
    #[must_use]
    pub fn rendezvous(&self, host: &str) -> Option<&Rendezvous> {
        self.rendezvous.iter().find(|known| known.host == host)
    }
}
