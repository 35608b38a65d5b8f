//! What goes into an endpoint and what comes out of it.

mod path;
mod stream;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use p2pchat_wire::handshake::SharedSecret;
use p2pchat_wire::identity::{Name, PeerId, ServerKey};
use p2pchat_wire::neighbour::{Announcement, Nonce};
use p2pchat_wire::signal::{Refusal, RoomRefusal};
use serde::{Deserialize, Serialize};

use super::invitation::{InvitationFailure, InvitationWords};
use super::lifetime::AgeLimit;
use super::lifetime::idle::IdleLimit;
use super::lifetime::upkeep::Upkeep;
use super::name::{PeerName, ServerId};
use super::nat::Evidence;
use super::port_mapping::PortMapping;
use super::punch::Budget;
use super::punch::memory::Lesson;
use super::punch::report::PunchReport;
use super::{Congestion, PathDescription, PathReason};

pub use path::{PathInfo, PathKind};
pub use stream::{Incoming, Outgoing, StreamCommand, StreamEvent, TOO_MANY_STREAMS};

/// How an endpoint starts.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Which paths may be used.
    pub policy: Policy,
    /// Milliseconds since 1970 at the start. Only compared with itself: a wrong clock does no harm.
    pub started_at_ms: u64,
    /// What a planned punch may cost.
    pub budget: Budget,
    /// How much each path carries at once.
    pub congestion: Congestion,
    /// Whether this machine computes AES in hardware; with peers who do as well, it seals.
    pub aes: bool,
}

/// Which paths a person allows.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Policy {
    /// Relay first, direct as soon as there is a direct path.
    #[default]
    Any,
    /// Never directly: the other side does not learn our address.
    RelayOnly,
    /// Never text over the relay; it still carries the handshake.
    DirectOnly,
}

/// Who may know from our announcement in the local network that it is ours.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Disclosure {
    /// Contacts, whose keys are pinned. Everybody else sees that the program runs here.
    Contacts,
    /// Everybody is told our name and our key, and whoever does the same may call us.
    Everybody,
}

/// How many endpoints of one announcement are tried.
pub const MAX_NEIGHBOUR_ENDPOINTS: usize = 4;

/// Something that a person or the wiring wants.
#[derive(Clone, Debug)]
pub enum Command {
    /// Use this rendezvous from now on, besides those in use, and register there too if a name is
    /// set. At most [`MAX_SERVERS`](crate::proto::MAX_SERVERS) are used; more are ignored.
    UseRendezvous {
        /// Which: a new one, or one whose addresses have changed.
        server: ServerId,
        /// What its host name resolved to, at most eight; raced, the first to answer is kept.
        addresses: Vec<SocketAddr>,
        /// The key that it must prove, if known. Otherwise the first key seen is believed and
        /// reported by [`Event::RendezvousKey`].
        key: Option<ServerKey>,
        /// An address token from an earlier registration.
        token: Option<[u8; 32]>,
    },
    /// Be reachable under this name at every rendezvous, and stay so: across restarts of the
    /// servers and changes of network.
    Register(Name),
    /// Stop being reachable.
    Unregister,
    /// From now on, `name` is `key` and nobody else.
    Pin {
        /// A contact's name.
        name: PeerName,
        /// The key that it must prove.
        key: PeerId,
    },
    /// Whoever proves to own `name` may be anybody again.
    Unpin(PeerName),
    /// Answer nobody with one of these keys, whatever introduces them, and end what sessions there are;
    /// those who were named the last time and not now are answered again.
    Block(Vec<PeerId>),
    /// Be connected to `name` whenever both are there, until [`Command::Disconnect`].
    /// Its own rendezvous is asked for an introduction. If the key is pinned, the others are asked
    /// as well a little later: whoever has that key is the one we mean, wherever we meet, and be
    /// it in the local network.
    Connect(PeerName),
    /// Stop wanting to be connected to `name`; an existing session is closed.
    Disconnect(PeerName),
    /// Invite somebody with these words, in place of an invitation before; answered by
    /// [`Event::InvitationOpened`] and in the end [`Event::Invited`] or
    /// [`Event::InvitationFailed`]. The rendezvous is in use; it is asked when we are registered.
    Invite {
        /// The rendezvous that carries the letters.
        server: ServerId,
        /// What the other will be told besides the number.
        words: InvitationWords,
    },
    /// Accept an invitation; answered by [`Event::Invited`] or [`Event::InvitationFailed`].
    Accept {
        /// The rendezvous that it is at.
        server: ServerId,
        /// Its number there.
        number: u32,
        /// Its words.
        words: InvitationWords,
    },
    /// What an earlier [`Event::Invited`] said: sessions with this peer are made with the secret and
    /// not without, from the next handshake on.
    RecallSecret {
        /// With whom.
        peer: PeerId,
        /// What we share.
        secret: SharedSecret,
    },
    /// Be in a room of a rendezvous while we are registered there, until [`Command::LeaveRoom`].
    ///
    /// Answered by [`Event::RoomPeople`] or [`Event::RoomRefused`]. Nobody is called: whoever is
    /// there is for the application to connect to.
    EnterRoom {
        /// The rendezvous that the room's name is from.
        server: ServerId,
        /// The room's name.
        room: Name,
        /// Which room that is; without it, whichever the server says.
        id: Option<[u8; 32]>,
        /// Whether the name is to stand for `id` from now on, if it stands for no room yet.
        found: bool,
    },
    /// Be in a room no longer.
    LeaveRoom {
        /// The rendezvous.
        server: ServerId,
        /// The room.
        room: Name,
    },
    /// Send a message over the session with `peer`, in order with those before it.
    ///
    /// Ignored without a session. What was sent and not confirmed by the application when
    /// [`Event::Disconnected`] comes may be lost and is the application's to send again.
    Send {
        /// To whom.
        peer: PeerId,
        /// Comes back in [`Event::Transmitted`].
        tag: u64,
        /// At most [`MAX_MESSAGE`](crate::proto::MAX_MESSAGE) bytes.
        message: Vec<u8>,
    },
    /// Do something with a stream of the session with a peer: see [`StreamCommand`].
    Stream(PeerId, StreamCommand),
    /// From now on be found in the local network and find others there. What to announce comes in
    /// [`Event::Announce`].
    MeetNeighbours(Disclosure),
    /// Somebody in the local network announces this at these endpoints, which the wiring has found
    /// to be on a link of ours. A claim, like everything that anybody can send.
    Neighbour {
        /// What is announced.
        announcement: Announcement,
        /// Where; at most [`MAX_NEIGHBOUR_ENDPOINTS`] are tried.
        endpoints: Vec<SocketAddr>,
    },
    /// The announcement with this nonce stands no longer.
    NeighbourGone(Nonce),
    /// The local endpoints of our sockets, to be offered to peers.
    SetHostCandidates(Vec<SocketAddr>),
    /// What our router says to being asked to forward a port to our first socket. If it does, its
    /// endpoint is offered to peers.
    SetPortMapping(PortMapping),
    /// The network is another one: probe everything at once.
    NetworkChanged,
    /// A stream that was to be dialled is not there: refused, timed out or broken.
    CarrierLost(SocketId),
    /// Describe every path to a peer; answered by [`Event::PunchDescribed`], if the peer is known,
    /// and then [`Event::PathsDescribed`].
    DescribePaths(PeerId),
    /// What an earlier [`Event::PunchLearned`] said.
    RecallPunch {
        /// About whom.
        peer: PeerId,
        /// What worked.
        lesson: Lesson,
    },
    /// What an earlier [`Event::IdleLearned`] said.
    RecallIdle(IdleLimit),
    /// What an earlier [`Event::AgeLearned`] said.
    RecallAge(AgeLimit),
    /// Tell everybody that we leave, as soon as they have what was said to them or have had a second for it,
    /// and stop: then [`Endpoint::is_closed`](super::Endpoint::is_closed).
    Close,
}

/// Something that happened.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// What [`Command::SetPortMapping`] said last, if that is new.
    PortMapping(PortMapping),
    /// A rendezvous proved this key and none was expected: pin it.
    RendezvousKey {
        /// Which rendezvous.
        server: ServerId,
        /// Its key.
        key: ServerKey,
    },
    /// We are registered; also reported when the mapped endpoint changes.
    Registered {
        /// Where.
        server: ServerId,
        /// Under which name.
        name: Name,
        /// Our endpoint as the server sees it.
        mapped: SocketAddr,
        /// To be shown at the next start.
        token: [u8; 32],
    },
    /// A server refuses the name.
    RegisterRefused {
        /// Which server.
        server: ServerId,
        /// Which name.
        name: Name,
        /// Why.
        refusal: Refusal,
    },
    /// A server that answered over UDP is reached over TCP alone now, or the other way round: some
    /// network on the way lets no UDP through, or does again. All text goes over the relay meanwhile.
    Carried {
        /// Which.
        server: ServerId,
        /// Whether it is TCP now.
        over_tcp: bool,
    },
    /// The registration was given up as asked.
    Unregistered(ServerId),
    /// A rendezvous does not work; attempts go on by themselves where that can help.
    RendezvousTrouble {
        /// Which rendezvous.
        server: ServerId,
        /// What is wrong.
        trouble: RendezvousTrouble,
    },
    /// Of the servers where we are registered, this one is the nearest from now on.
    HomeChanged(ServerId),
    /// The owner of a name that we want to be connected to came or went.
    Presence {
        /// Who.
        name: PeerName,
        /// The key that owns the name, if the server knows it.
        key: Option<PeerId>,
        /// Whether it is registered.
        online: bool,
    },
    /// The server does not introduce us; after `Offline` we wait for the peer by ourselves.
    ConnectRefused {
        /// To whom.
        name: PeerName,
        /// Why.
        refusal: Refusal,
    },
    /// An invitation has its number; whoever is told it and the words can accept it now.
    InvitationOpened {
        /// The rendezvous.
        server: ServerId,
        /// The number.
        number: u32,
    },
    /// The words were the same: whatever the server says, this is who has them. Pin the key, and keep
    /// the secret: see [`Command::RecallSecret`], which has been done.
    Invited {
        /// The rendezvous that has given the name out.
        server: ServerId,
        /// The other's name.
        name: Name,
        /// The other's key.
        key: PeerId,
        /// What we share with the other, and with nobody else.
        secret: SharedSecret,
        /// Whether it was our invitation.
        by_us: bool,
    },
    /// Nothing came of an invitation.
    InvitationFailed {
        /// The rendezvous.
        server: ServerId,
        /// Its number, if it had one.
        number: Option<u32>,
        /// Why.
        reason: InvitationFailure,
        /// Whether it was our invitation.
        by_us: bool,
    },
    /// A peer opens no session with us, or we none with it, because one of us has not the secret that
    /// the other has since they were invited: a new or a restored profile, or an old opening that
    /// somebody plays back. Another invitation cures it.
    SecretLacking {
        /// Whose opening it was, which shows no more than that it was made once.
        peer: PeerId,
        /// Its name.
        name: PeerName,
        /// Whether it is we who have none.
        by_us: bool,
    },
    /// We are in a room, and these were there, without us, at this moment; again whenever that is
    /// found to have changed after we were out of touch with the server. It is the server's word.
    RoomPeople {
        /// The rendezvous.
        server: ServerId,
        /// The room.
        room: Name,
        /// What its name stands for.
        id: [u8; 32],
        /// Their registered names and their keys.
        people: Vec<(Name, PeerId)>,
    },
    /// Somebody has entered a room that we are in, or goes by another name now.
    RoomEntered {
        /// The rendezvous.
        server: ServerId,
        /// The room.
        room: Name,
        /// The registered name.
        name: Name,
        /// The key.
        key: PeerId,
    },
    /// A server does not let us into a room. Unless the name stands for another room, it is asked
    /// again now and then; the same refusal is reported once.
    RoomRefused {
        /// The rendezvous.
        server: ServerId,
        /// The room.
        room: Name,
        /// Why.
        refusal: RoomRefusal,
    },
    /// Announce this in the local network from now on instead of what was announced before; with
    /// `None`, nothing.
    Announce(Option<Announcement>),
    /// Somebody else proved to own a pinned name. Nothing was sent to them.
    KeyChanged {
        /// Which contact.
        name: PeerName,
        /// The pinned key.
        expected: PeerId,
        /// The key that was offered.
        actual: PeerId,
    },
    /// We were introduced and the handshake runs.
    Connecting {
        /// The other's name.
        name: PeerName,
        /// The other's key.
        peer: PeerId,
    },
    /// A session exists; text can flow. The peer may be one that called us.
    Connected {
        /// The other's key, proven.
        peer: PeerId,
        /// The name under which the rendezvous introduced it.
        name: PeerName,
        /// The path in use.
        path: PathInfo,
    },
    /// The session moved to another path. Nothing was lost.
    PathChanged {
        /// Whose session.
        peer: PeerId,
        /// The path now in use.
        path: PathInfo,
    },
    /// The path in use takes noticeably more or less time than was told. At most once in a few
    /// seconds, and never without packets that were on their way for something else.
    PathMeasured {
        /// Whose session.
        peer: PeerId,
        /// The smoothed round-trip time.
        rtt: Duration,
    },
    /// The session is over.
    Disconnected {
        /// Whose session.
        peer: PeerId,
        /// The name it had.
        name: PeerName,
        /// Why.
        reason: DisconnectReason,
    },
    /// The last byte of a message has left in a datagram for the first time.
    Transmitted {
        /// To whom.
        peer: PeerId,
        /// The message's tag.
        tag: u64,
    },
    /// A message, in order and whole.
    Message {
        /// From whom.
        peer: PeerId,
        /// What was sent.
        message: Vec<u8>,
    },
    /// Something happened to a stream of the session with a peer.
    Stream(PeerId, StreamEvent),
    /// Answers [`Command::DescribePaths`].
    PathsDescribed {
        /// Whose paths.
        peer: PeerId,
        /// Each path that is known; the one in use first.
        paths: Vec<PathDescription>,
        /// Why the first is in use.
        reason: PathReason,
        /// How our NAT's mappings are kept.
        upkeep: Upkeep,
    },
    /// What is planned, or why nothing is, comes before the paths of a peer.
    PunchDescribed {
        /// With whom.
        peer: PeerId,
        /// The facts.
        report: Box<PunchReport>,
    },
    /// A planned punch led to a direct path. Worth keeping: see [`Command::RecallPunch`].
    PunchLearned {
        /// To whom.
        peer: PeerId,
        /// What worked.
        lesson: Lesson,
    },
    /// How long our NAT keeps a mapping that is not used. Worth keeping: see
    /// [`Command::RecallIdle`].
    IdleLearned(IdleLimit),
    /// At what age our NAT ends mappings however busy they are. Worth keeping: see
    /// [`Command::RecallAge`].
    AgeLearned(AgeLimit),
    /// How our NAT gives out ports, whenever that is found to be another way than before.
    MappingInferred(Evidence),
}

/// Why the rendezvous does not work.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum RendezvousTrouble {
    /// No answer from any of its addresses.
    Unreachable,
    /// It says that it speaks another version of the protocol. It is asked again now and then.
    Version {
        /// The server's.
        server: u8,
    },
    /// It shows a key other than the pinned one, and is told nothing. Whoever is near can say so,
    /// so it is asked again now and then; only the pinned key is ever believed.
    KeyChanged {
        /// The pinned key.
        expected: ServerKey,
        /// The key that it showed.
        actual: ServerKey,
    },
    /// It is the same server as this other one, under another address. That one goes on.
    SameAs(ServerId),
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DisconnectReason {
    /// The peer said goodbye.
    Left,
    /// We did.
    Closed,
    /// Nothing authentic arrived for the idle timeout.
    TimedOut,
    /// The peer has started anew; a new session follows at once.
    Restarted,
    /// The peer broke the protocol.
    Misbehaved,
}

/// One of our sockets. The wiring opens and closes them as it is asked to; [`SocketId::FIRST`] is
/// there from the start. A number is never used for a second socket.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct SocketId(pub u32);

impl SocketId {
    /// The socket that the wiring had opened before there was an endpoint.
    pub const FIRST: Self = Self(0);
}

/// A socket to be opened or closed.
///
/// A request to open comes before the first datagram for the socket, a request to close after the
/// last. What is sent on a socket that could not be opened is lost, as any datagram may be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SocketRequest {
    /// Open a UDP socket on any free port, for both address families where there are two.
    Open(SocketId),
    /// Connect to a rendezvous over TCP, for a network that lets no UDP through, and carry datagrams
    /// as [`p2pchat_wire::carrier`] says. What is sent before there is a connection waits for it,
    /// within bounds. If there is none, or it breaks, say [`Command::CarrierLost`].
    Dial {
        /// Its number from now on.
        id: SocketId,
        /// The server, as which everything that comes by it arrives.
        to: SocketAddr,
        /// Whether to wrap it in TLS.
        tls: bool,
    },
    /// Nothing is sent from it any more, and what arrives is of no interest.
    Close(SocketId),
}

/// A datagram to be sent, or several at once.
#[derive(Clone, Debug, Eq, PartialEq)]
#[must_use = "a datagram that is not sent is a datagram lost"]
pub struct Transmit {
    /// Which of our sockets it leaves from.
    pub from: SocketId,
    /// Where to.
    pub to: SocketAddr,
    /// IP time to live, if other than the system's own.
    pub ttl: Option<u8>,
    /// Nobody may cut it in pieces on the way: if it is too long for a link, it is lost. It shows by its
    /// arrival that such datagrams pass.
    pub whole: bool,
    /// If there are several, how long each is; only the last may be shorter.
    pub segment_size: Option<usize>,
    /// The bytes, of one datagram after the other.
    pub payload: Vec<u8>,
}

impl Transmit {
    /// Each datagram.
    pub fn datagrams(&self) -> impl Iterator<Item = &[u8]> {
        self.payload.chunks(self.segment_size.unwrap_or(self.payload.len()).max(1))
    }
}

/// The next thing to do; `Timeout` is always the last.
#[derive(Clone, Debug, Eq, PartialEq)]
#[must_use]
pub enum Output {
    /// Open or close a socket.
    Socket(SocketRequest),
    /// Send this.
    Transmit(Transmit),
    /// Report this.
    Event(Event),
    /// Nothing more now. Call `handle_timeout` at this time, if any, unless an input comes first.
    Timeout(Option<Instant>),
}
