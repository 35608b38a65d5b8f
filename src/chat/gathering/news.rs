//! What a person is told about a room, as facts.

use p2pchat_wire::identity::PeerId;
use p2pchat_wire::signal::RoomRefusal;
use serde::{Deserialize, Serialize};

use super::super::room::{Access, Refusal, Standing};
use super::super::rooms::Denial;
use super::super::storage::Progress;
use super::super::{Address, LineId};

/// Something about a room.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum RoomNews {
    /// There was no room of this name. Now there is, and it is ours.
    Made {
        /// Who may join.
        access: Access,
    },
    /// We are in it.
    Entered {
        /// Who owns it.
        owner: Option<Address>,
        /// How many are in it, with us.
        members: usize,
        /// What it is about: not fit for a terminal as it is.
        topic: Option<String>,
    },
    /// There is such a room, and nobody is there who could let us in. We come in when somebody is.
    NobodyHere,
    /// We left.
    Left,
    /// We end as soon as one of those who are there knows that we left, in a second or two at most.
    Farewell,
    /// Others came, and others are gone.
    Moved {
        /// Who came.
        came: Vec<Address>,
        /// Who is gone.
        left: Vec<Address>,
    },
    /// The owner has removed somebody.
    Kicked {
        /// Whom.
        who: Address,
        /// Whether that is us.
        us: bool,
    },
    /// Another one owns the room.
    Owner(Option<Address>),
    /// The room is about something else.
    Topic {
        /// What: not fit for a terminal as it is.
        text: String,
        /// Who says so.
        by: Option<Address>,
    },
    /// Somebody may join.
    Invited {
        /// Who.
        who: Address,
        /// Who says so.
        by: Option<Address>,
    },
    /// We cannot join, as far as we know the room. Should that change, we do.
    NotAdmitted(Refusal),
    /// A member does not let us in.
    Denied(Denial),
    /// Answers /rooms, once for each, and /topic.
    Summary {
        /// How many are in it, with us.
        members: usize,
        /// How many of them are connected, with us.
        here: usize,
        /// Whether we are in, or wait to be let in.
        is_in: bool,
        /// What it is about: not fit for a terminal as it is.
        topic: Option<String>,
        /// How many lines nobody here has seen yet.
        unread: u64,
    },
    /// So many of the members are connected with us now. It is for whoever keeps a list of them.
    Here {
        /// How many are in it, with us.
        members: usize,
        /// How many of them are connected, with us.
        here: usize,
    },
    /// Answers /members, and /who where a room is open.
    Members(Vec<Attendee>),
    /// Answers /info: who has a line of ours, and for whom it waits.
    Receipts {
        /// Which line.
        id: LineId,
        /// Who has it.
        has: Vec<Address>,
        /// Who was there when it was written, and has it not.
        waits: Vec<Address>,
    },
    /// A line of ours has come to another one, or one who was to have it is gone: so many have it now. Not
    /// said of lines that are told of in a page, until they come further.
    Progress {
        /// Which line.
        id: LineId,
        /// How many have it.
        progress: Progress,
    },
    /// Lines that were shown do not count any more, or count again.
    Standing {
        /// Whose.
        who: Address,
        /// Why not, or that they do.
        standing: Standing,
        /// Which, of those that a person can see.
        lines: Vec<LineId>,
        /// What the last of them say that count again, not fit for a terminal as it is. A page has the
        /// others.
        texts: Vec<(LineId, String)>,
    },
    /// STOP: the server says that another room has this name. We go on in the one that we know.
    OtherRoom,
    /// The server does not tell who is in the room. It is asked again.
    ServerRefuses(RoomRefusal),
    /// STOP: a member sends what is not signed by whom it names, or belongs to another room. It is not
    /// taken, nor is anything else from that one until it connects again.
    Forges {
        /// Who.
        who: Address,
        /// The key.
        key: PeerId,
    },
    /// STOP: a member has the name of a contact of ours, or of another member, and another key.
    Namesake {
        /// What he calls himself.
        who: Address,
        /// His key.
        key: PeerId,
        /// The key of whom we know by this name.
        known: PeerId,
    },
    /// STOP: a member shows different members different histories, and there is proof.
    TwoHistories {
        /// Who.
        who: Address,
        /// The key.
        key: PeerId,
    },
}

/// A member of a room.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Attendee {
    /// The name.
    pub who: Address,
    /// The key.
    pub key: PeerId,
    /// Whether the room is this one's.
    pub is_owner: bool,
    /// Whether that is us.
    pub is_us: bool,
    /// Whether we are connected, or it is us.
    pub is_here: bool,
}

impl RoomNews {
    /// Whether it must not be overlooked.
    #[must_use]
    pub fn is_alarm(&self) -> bool {
        match self {
            Self::OtherRoom
            | Self::Forges { .. }
            | Self::Namesake { .. }
            | Self::TwoHistories { .. } => true,
            Self::Kicked { us, .. } => *us,
            _ => false,
        }
    }
}
