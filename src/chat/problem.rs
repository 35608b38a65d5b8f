//! Why something that was typed is not done, as facts: the words are the user interface's.

use p2pchat_wire::identity::{InvalidName, Name, PeerId, ServerKey};
use serde::{Deserialize, Serialize};

use super::address::Address;
use super::command::CommandHelp;
use super::exit::ExitCode;
use super::files::disk::DiskProblem;
use super::invitation::NotACode;
use super::room::Refusal;
use super::rooms::Denial;
use super::storage::{FailureKind, StoreFailure};

/// Why something that was typed is not done.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum Problem {
    /// There is no such command; nothing was sent.
    UnknownCommand {
        /// What was typed, without the mark.
        typed: String,
        /// The command that looks most like it.
        nearest: Option<String>,
    },
    /// The command needs other arguments.
    Usage(CommandHelp),
    /// A text stands where a name should.
    BadName {
        /// What was typed.
        typed: String,
        /// Which rule it breaks.
        why: InvalidName,
    },
    /// `alice@elsewhere`, and we are not at that rendezvous.
    OtherHost {
        /// What was typed.
        typed: String,
        /// Where we are; several are joined by commas.
        host: String,
    },
    /// `NAME||text` or `@NAME text` in a conversation, and NAME is nobody we know: it may have been
    /// meant as text.
    UnknownRecipient(Name),
    /// A name alone, and several people that we know have it.
    Ambiguous(Vec<Address>),
    /// Nobody was named, and no conversation is open.
    NoRecipient,
    /// /path without a name, and no conversation is open.
    WhosePath,
    /// A line to everybody, and nobody is connected.
    NobodyHere,
    /// To ourselves.
    Yourself,
    /// There is no such line.
    NoSuchLine,
    /// Only who wrote a line may edit or delete it.
    NotYours,
    /// The line is deleted.
    Deleted,
    /// A reaction is one character, or one emoji.
    NotAReaction,
    /// A line without a text, or of nothing but spaces.
    NothingSaid,
    /// An edit without a text.
    NoText,
    /// Longer than [`MAX_TEXT`](super::record::MAX_TEXT).
    TooLong,
    /// The reference of a JSON request is longer than 256 bytes.
    ReferenceTooLong,
    /// The contact's key has changed; see [`Notice::KeyChanged`](super::Notice::KeyChanged).
    KeyChanged {
        /// The contact.
        peer: Address,
        /// The pinned key.
        expected: PeerId,
        /// The key that was offered.
        actual: PeerId,
    },
    /// /trust, and no other key was offered for this name.
    NothingToTrust(Address),
    /// /trust, and the tag is not that of the key that was offered.
    WrongKey {
        /// What was typed.
        typed: String,
        /// The key that was offered.
        offered: PeerId,
    },
    /// /trust, and this is the beginning of a key, of too few characters.
    ShortKey {
        /// What was typed.
        typed: String,
        /// The key that begins so.
        key: PeerId,
    },
    /// /verify, and no key is known yet.
    NothingToVerify(Address),
    /// /verify yes, and nobody has seen what there is to compare.
    NotCompared(Address),
    /// /verify, and what was typed is neither twelve words nor the text of a picture.
    NoCode,
    /// Nobody whom we know.
    NoContact(Address),
    /// Nobody whom we know is called so.
    Nobody(Name),
    /// /rename, and somebody else is called so, or almost so.
    NameInUse {
        /// The nickname.
        name: Name,
        /// Who has it.
        by: Address,
    },
    /// A nickname has no host: it is of this computer.
    HostInNickname,
    /// /accept or /reject, and nobody of that name waits; or, without a name, nobody at all.
    NoRequest,
    /// /accept, and this is almost a code.
    NotACode(NotACode),
    /// /accept, and this is almost a link.
    NoLink,
    /// /accept, and the link says another key of the server than the server has.
    OtherServerKey {
        /// The server.
        host: String,
        /// Its key.
        known: ServerKey,
        /// What the link says.
        said: ServerKey,
    },
    /// /invite or /accept, and no server knows us at this moment.
    NotRegistered,
    /// Nobody here knows the name, and it can be taken for a contact's.
    Confusable {
        /// The name that was typed.
        peer: Address,
        /// The contact.
        like: Box<Address>,
    },
    /// A contact is to be added whose name can be taken for another one's.
    LooksLike {
        /// Who is to be added.
        peer: Address,
        /// The other.
        like: Box<Address>,
    },
    /// A contact is to be added with a key, and is known by another one.
    OtherKey {
        /// Who.
        peer: Box<Address>,
        /// The key that is pinned.
        pinned: PeerId,
        /// The one that was said.
        key: PeerId,
    },
    /// A contact is to be added, and it is not said where it is from.
    WhichRendezvous(Name),
    /// A contact is to be removed, and what was said would be lost.
    HasHistory(Address),
    /// The receiver was removed from the contacts.
    Removed(Address),
    /// The receiver is blocked.
    Blocked(Address),
    /// Not a command, where only commands are accepted.
    NotACommand,
    /// We have no name yet: /login first.
    NoName,
    /// /open, and there are not so many links.
    NoSuchLink,
    /// /open, and nothing here shows pages of the web.
    NotOpened {
        /// The address of the page.
        link: String,
        /// What the system says; without it, there is no desktop.
        cause: Option<String>,
    },
    /// /detach, and the chat cannot go on without us.
    NotDetached {
        /// What the system says; without it, nobody else can use the profile.
        cause: Option<String>,
    },
    /// /export, and the file is there already.
    FileExists(String),
    /// /export, and the file cannot be written.
    NotExported {
        /// Which file.
        path: String,
        /// What the system says.
        cause: String,
    },
    /// /accept or /cancel, and there is no such file.
    NoSuchFile,
    /// /send in a room.
    FilesInRooms,
    /// A file cannot be offered, or not be taken in.
    File(DiskProblem),
    /// There is no room of this name that we are in.
    NotInRoom(Address),
    /// The server knows no room of this name, and whoever wants to be in it makes none.
    NoSuchRoom(Address),
    /// What was said in a room is not said any more: until the end, we were not let in.
    NotLetIn {
        /// Which room.
        room: Address,
        /// Why not, if somebody who is there has said so.
        why: Option<Denial>,
    },
    /// Which room is meant: none is open.
    WhichRoom,
    /// /rooms, and we are in none.
    NoRooms,
    /// Nobody of that name is in the room.
    NobodyThere(Address),
    /// /kick, and that is us.
    KicksOneself(Address),
    /// /invite into a room, and the key of whom it would let in is not known.
    NoKeyToInvite(Address),
    /// What a room is about, in more than [`MAX_TOPIC`](super::room::MAX_TOPIC) bytes.
    TopicTooLong,
    /// A room belongs to a server that we use.
    NoServer(Address),
    /// The room does not allow it.
    Room(Refusal),
    /// The disk failed.
    Store(StoreFailure),
}

impl Problem {
    /// How a program ends that wanted nothing but this.
    #[must_use]
    pub fn exit(&self) -> ExitCode {
        match self {
            Self::Nobody(_) | Self::NoContact(_) | Self::NoSuchRoom(_) => ExitCode::NoSuchName,
            Self::KeyChanged { .. } | Self::OtherKey { .. } | Self::OtherServerKey { .. } => {
                ExitCode::KeyChanged
            }
            Self::HasHistory(_) | Self::Removed(_) | Self::NotLetIn { why: Some(_), .. } => {
                ExitCode::Refused
            }
            Self::NotLetIn { why: None, .. } => ExitCode::PeerOffline,
            Self::NotRegistered => ExitCode::RendezvousUnreachable,
            Self::Store(_) => ExitCode::Internal,
            _ => ExitCode::Usage,
        }
    }

    /// Why a line cannot be about another.
    pub(super) fn of_line(failure: StoreFailure) -> Self {
        match failure.kind {
            FailureKind::NoSuchLine => Self::NoSuchLine,
            FailureKind::NotOurs => Self::NotYours,
            FailureKind::Deleted => Self::Deleted,
            FailureKind::Full | FailureKind::Corrupt | FailureKind::Gap | FailureKind::Other => {
                Self::Store(failure)
            }
        }
    }
}
