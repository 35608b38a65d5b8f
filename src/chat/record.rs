//! What two chats say to each other in the messages of a session.
//!
//! A record is one message. Newer chats may say more than we know: an unknown kind is skipped, and
//! so is what follows the known fields of a known one. Kinds and fields are only ever appended.

use p2pchat_wire::codec::{self, DecodeError};
use serde::{Deserialize, Serialize};

use super::address::LineId;
use super::files::disk::Content;
use super::files::folder::{MAX_ENTRIES, MAX_HEAD};
use super::files::record::{FileRecord, MAX_FILE_RECORD};
use super::rooms::record::{MAX_ROOM_RECORD, RoomRecord};
use crate::proto::{MAX_MESSAGE, PortModel};

/// The longest text of one line, in bytes of UTF-8.
pub const MAX_TEXT: usize = 64 * 1024;

/// The longest record: a line with the longest text, as it is told in a room.
pub const MAX_RECORD: usize = 1 + MAX_ROOM_RECORD;

const _: () = assert!(MAX_RECORD <= MAX_MESSAGE && MAX_FILE_RECORD < MAX_RECORD);

/// The longest text of a [`Manner::React`], in bytes. The longest of the emoji that Unicode recommends
/// for general interchange, two people of two colours kissing, has 35 (UTS #51, RGI).
pub const MAX_REACTION: usize = 48;

/// The longest name of a file in a [`Manner::Offer`], in bytes: as long as those of file systems.
pub(super) const MAX_FILE_NAME: usize = 255;

/// The longest description of software in a [`Record::Hello`].
const MAX_SOFTWARE: usize = 64;

/// What follows the fields of a [`Record::Hello`]: what else the program understands, one bit each.
const FILES: u32 = 1;
const FOLDERS: u32 = 2;

/// One message of a session.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum Record {
    /// The first record of each side in each session.
    Hello {
        /// Names the sequence of the lines that we send to this peer. The receiver answers with
        /// [`Record::Committed`] if it has any of them.
        log: u64,
        /// Program and version, for a person who wants to know why something does not work.
        software: String,
        /// Whether [`Record::File`] is understood. It follows the other fields; an older chat leaves it
        /// out.
        #[serde(skip)]
        files: bool,
        /// Whether [`Manner::OfferFolder`] is understood, likewise.
        #[serde(skip)]
        folders: bool,
    },
    /// Text.
    Line(Line),
    /// Every line of `log` up to `seq` is on my disk.
    Committed {
        /// Your log.
        log: u64,
        /// The last line's number.
        seq: u64,
        /// The last line's id: a sender restored from an old copy may have given the number to
        /// another line since.
        id: [u8; 16],
    },
    /// I could not keep what followed this line; send it again.
    Again {
        /// Your log.
        log: u64,
        /// The last line that I have; 0 for none.
        after: u64,
    },
    /// What is your network like? Answered with [`Record::Circumstances`], now and then, to those
    /// whom one would talk to.
    Examine,
    /// What my network is like.
    Circumstances(Circumstances),
    /// A person has seen every line of `log` up to `seq`. Told only by those who want to.
    Read {
        /// Your log.
        log: u64,
        /// The last line's number.
        seq: u64,
        /// The last line's id.
        id: [u8; 16],
    },
    /// Somebody types here. Told only by those who want to, and counts for a few seconds.
    Typing {
        /// Or has stopped.
        typing: bool,
    },
    /// I do not know you, and ask my person. Until then I take in nothing of what you say, and it is
    /// yours to keep.
    Pending,
    /// Something about a room.
    Room(RoomRecord),
    /// Something about a file that one of us has offered. Only for those whose [`Record::Hello`] says
    /// that they understand it.
    File(FileRecord),
}

/// What a chat tells of its network to a contact who looks for a fault. There is no address in it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Circumstances {
    /// How the NAT gives out ports.
    pub ports: PortModel,
    /// Whether the router forwards a port.
    pub forwarded: bool,
    /// Whether the rendezvous is reached over TCP alone.
    pub over_tcp: bool,
    /// The clock: milliseconds since 1970.
    pub clock_ms: u64,
}

/// One line of text.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// The sender's log.
    pub log: u64,
    /// Its place in the log, from 1 up.
    pub seq: u64,
    /// Random, the same however often the line is sent.
    pub id: [u8; 16],
    /// When it was written: milliseconds since 1970 by the sender's clock.
    pub sent_at_ms: u64,
    /// To whom.
    pub audience: Audience,
    /// At most [`MAX_TEXT`] bytes.
    pub text: String,
    /// What the text is. It follows the other fields, and is left out for [`Manner::Text`]; a chat
    /// that does not know it shows the text.
    #[serde(skip)]
    pub manner: Manner,
}

/// What a line is: something said, or something about an earlier line of the same conversation.
///
/// All of them are lines of the log, so each is delivered once and never overtakes the line that it
/// is about.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub enum Manner {
    /// Text.
    #[default]
    Text,
    /// What the sender does, told in the third person: `/me waves`.
    Action,
    /// Text that answers a line of either side.
    Reply {
        /// The line.
        to: LineId,
    },
    /// The text stands in place of that of an earlier line of the same sender.
    Edit {
        /// The line.
        of: LineId,
    },
    /// An earlier line of the same sender is taken back; the text is empty. Its own id: the line was
    /// deleted before it was delivered.
    Delete {
        /// The line.
        of: LineId,
    },
    /// The text is a reaction to a line of either side, of at most [`MAX_REACTION`] bytes, in place
    /// of an earlier one of the same sender. An empty one takes it back.
    React {
        /// The line.
        to: LineId,
    },
    /// A file is offered. The text is its name, of at most 255 bytes: not fit to be the name of one
    /// here as it is.
    Offer {
        /// How many bytes it has.
        size: u64,
        /// Its hash, BLAKE3.
        root: [u8; 32],
    },
    /// A folder is offered, as a file is; what its bytes are, [`folder`](super::files::folder) says.
    OfferFolder {
        /// How many bytes it has, with those that say what is in it.
        size: u64,
        /// Their hash, BLAKE3.
        root: [u8; 32],
        /// How many bytes say what is in it.
        head: u32,
        /// How many files there are, in all folders of it.
        files: u32,
    },
}

impl Manner {
    /// The line that this is about.
    #[must_use]
    pub fn target(self) -> Option<LineId> {
        match self {
            Self::Text | Self::Action | Self::Offer { .. } | Self::OfferFolder { .. } => None,
            Self::Reply { to: id }
            | Self::Edit { of: id }
            | Self::Delete { of: id }
            | Self::React { to: id } => Some(id),
        }
    }

    /// Whether this changes another line, rather than being one to be shown by itself.
    #[must_use]
    pub fn amends(self) -> bool {
        matches!(self, Self::Edit { .. } | Self::Delete { .. } | Self::React { .. })
    }

    /// The same about another line.
    #[must_use]
    pub fn about(self, id: LineId) -> Self {
        match self {
            Self::Text | Self::Action | Self::Offer { .. } | Self::OfferFolder { .. } => self,
            Self::Reply { .. } => Self::Reply { to: id },
            Self::Edit { .. } => Self::Edit { of: id },
            Self::Delete { .. } => Self::Delete { of: id },
            Self::React { .. } => Self::React { to: id },
        }
    }

    /// Reads what follows the fields of a line. A kind that this version does not know is a text.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.is_empty() {
            return Ok(Self::Text);
        }
        let (kind, _) = codec::decode_prefix::<u32, 8>(bytes)?;
        if kind > LAST_MANNER {
            return Ok(Self::Text);
        }
        codec::decode_prefix::<Self, 64>(bytes).map(|(manner, _)| manner)
    }

    /// Whether a text keeps to the limits of the manner.
    pub(super) fn allows(self, text: &str) -> bool {
        match self {
            Self::Text | Self::Action | Self::Reply { .. } | Self::Edit { .. } => {
                text.len() <= MAX_TEXT
            }
            Self::Delete { .. } => text.is_empty(),
            Self::React { .. } => text.len() <= MAX_REACTION,
            Self::Offer { .. } => is_file_name(text),
            Self::OfferFolder { size, head, files, .. } => {
                let is_head = (1..=MAX_HEAD).contains(&head) && u64::from(head) <= size;
                is_file_name(text) && is_head && files as usize <= MAX_ENTRIES
            }
        }
    }

    /// The bytes that are offered, if any are: how many, their hash, and what they are.
    pub(crate) fn offer(self) -> Option<(u64, [u8; 32], Content)> {
        match self {
            Self::Offer { size, root } => Some((size, root, Content::File)),
            Self::OfferFolder { size, root, head, files } => {
                Some((size, root, Content::Folder { head, files }))
            }
            _ => None,
        }
    }

    /// The manner of the line that offers these bytes.
    pub(crate) fn offering(size: u64, root: [u8; 32], content: Content) -> Self {
        match content {
            Content::File => Self::Offer { size, root },
            Content::Folder { head, files } => Self::OfferFolder { size, root, head, files },
        }
    }
}

fn is_file_name(text: &str) -> bool {
    (1..=MAX_FILE_NAME).contains(&text.len())
}

/// To whom a line was addressed.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub enum Audience {
    /// To the receiver alone.
    #[default]
    You,
    /// To everybody with whom the sender was connected.
    Everyone,
}

impl Record {
    /// The record as a message.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut message = codec::encode(self);
        match self {
            Self::Line(Line { manner, .. }) if *manner != Manner::Text => {
                codec::encode_onto(manner, &mut message);
            }
            Self::Hello { files, folders, .. } if *files || *folders => {
                let bit = |knows: &bool, bit| if *knows { bit } else { 0 };
                codec::encode_onto(&(bit(files, FILES) | bit(folders, FOLDERS)), &mut message);
            }
            _ => {}
        }
        message
    }

    /// Reads a message. `None` is a kind of record that this version does not know.
    ///
    /// # Errors
    ///
    /// The message is no record, or breaks a limit.
    pub fn decode(message: &[u8]) -> Result<Option<Self>, DecodeError> {
        if message.len() > MAX_RECORD {
            return Err(DecodeError::OutOfRange);
        }
        let (kind, read) = codec::decode_prefix::<u32, 8>(message)?;
        if kind > LAST_KIND {
            return Ok(None);
        }
        if kind == ROOM {
            // It is bounded otherwise: its lists claim more memory than they have bytes.
            let record = RoomRecord::decode(message.get(read..).unwrap_or_default())?;
            return Ok(record.map(Self::Room));
        }
        if kind == FILE {
            let record = FileRecord::decode(message.get(read..).unwrap_or_default())?;
            return Ok(record.map(Self::File));
        }
        let (mut record, read) = codec::decode_prefix::<Self, MAX_RECORD>(message)?;
        let rest = message.get(read..).unwrap_or_default();
        match &mut record {
            Self::Line(line) => line.manner = Manner::decode(rest)?,
            Self::Hello { files, folders, .. } if !rest.is_empty() => {
                let bits = codec::decode_prefix::<u32, 8>(rest)?.0;
                (*files, *folders) = (bits & FILES != 0, bits & FOLDERS != 0);
            }
            _ => {}
        }
        let fits = match &record {
            Self::Hello { software, .. } => software.len() <= MAX_SOFTWARE,
            Self::Line(line) => line.manner.allows(&line.text) && is_seq(line.seq),
            Self::Committed { seq, .. } | Self::Read { seq, .. } => is_seq(*seq),
            Self::Again { .. }
            | Self::Examine
            | Self::Typing { .. }
            | Self::Pending
            | Self::Room(_)
            | Self::File(_) => true,
            Self::Circumstances(circumstances) => circumstances.ports.is_sane(),
        };
        if fits { Ok(Some(record)) } else { Err(DecodeError::OutOfRange) }
    }
}

/// Lines are counted from 1, and databases count to 2^63.
fn is_seq(seq: u64) -> bool {
    (1..=i64::MAX as u64).contains(&seq)
}

/// The number of [`Record::Room`].
const ROOM: u32 = 9;

/// The number of [`Record::File`], the newest kind.
const FILE: u32 = 10;
const LAST_KIND: u32 = FILE;

/// The number of the newest manner, [`Manner::OfferFolder`].
const LAST_MANNER: u32 = 7;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::files::record::FileSays;
    use super::super::room::{Hash, RoomId};
    use super::super::rooms::Says;
    use super::*;

    fn line(text: &str) -> Record {
        Record::Line(Line {
            log: 7,
            seq: 1,
            id: [9; 16],
            sent_at_ms: 1_000,
            audience: Audience::You,
            text: text.to_owned(),
            manner: Manner::Text,
        })
    }

    fn line_as(manner: Manner, text: &str) -> Record {
        let Record::Line(line) = line(text) else { unreachable!("it is a line") };
        Record::Line(Line { manner, ..line })
    }

    fn manners(id: LineId) -> [Manner; 8] {
        [
            Manner::Text,
            Manner::Action,
            Manner::Reply { to: id },
            Manner::Edit { of: id },
            Manner::Delete { of: id },
            Manner::React { to: id },
            Manner::Offer { size: u64::MAX, root: [id.0[0]; 32] },
            Manner::OfferFolder { size: u64::MAX, root: [id.0[0]; 32], head: 7, files: 3 },
        ]
    }

    #[test]
    fn records_have_golden_bytes() {
        let golden = |record: &Record| {
            record.encode().iter().map(|byte| format!("{byte:02x}")).collect::<String>()
        };
        assert_eq!(
            golden(&Record::Hello { log: 5, software: "p".into(), files: false, folders: false }),
            "00050170"
        );
        for (files, folders, tail) in [(true, false, "01"), (true, true, "03"), (false, true, "02")]
        {
            let hello = Record::Hello { log: 5, software: "p".into(), files, folders };
            assert_eq!(golden(&hello), format!("00050170{tail}"));
            assert_eq!(Record::decode(&hello.encode()), Ok(Some(hello)));
        }
        assert_eq!(golden(&line("hi")), "01070109090909090909090909090909090909fbe80300026869");
        assert_eq!(
            golden(&Record::Committed { log: 7, seq: 2, id: [1; 16] }),
            "02070201010101010101010101010101010101"
        );
        assert_eq!(golden(&Record::Again { log: 7, after: 0 }), "030700");
        let said = "01070109090909090909090909090909090909fbe8030000";
        let about = |number: &str| format!("{number}{}", "08".repeat(16));
        for (manner, tail) in manners(LineId([8; 16])).into_iter().take(6).zip([
            String::new(),
            "01".to_owned(),
            about("02"),
            about("03"),
            about("04"),
            about("05"),
        ]) {
            assert_eq!(golden(&line_as(manner, "")), format!("{said}{tail}"), "{manner:?}");
        }
        assert_eq!(golden(&Record::Examine), "04");
        let circumstances = Circumstances {
            ports: PortModel::Constant,
            forwarded: true,
            over_tcp: false,
            clock_ms: 7,
        };
        assert_eq!(golden(&Record::Circumstances(circumstances)), "0501010007");
        let read = Record::Read { log: 7, seq: 2, id: [1; 16] };
        assert_eq!(golden(&read), "06070201010101010101010101010101010101");
        assert_eq!(golden(&Record::Typing { typing: true }), "0701");
        assert_eq!(golden(&Record::Pending), "08");
        let says = Says::Digest { digest: Hash([3; 32]), tell: true };
        let room = Record::Room(RoomRecord { room: RoomId([2; 32]), says });
        assert_eq!(golden(&room), format!("09{}00{}01", "02".repeat(32), "03".repeat(32)));
        assert_eq!(Record::decode(&room.encode()), Ok(Some(room)));
        let offer = line_as(Manner::Offer { size: 300, root: [7; 32] }, "a");
        let said = said.strip_suffix("00").expect("the length of the text");
        assert_eq!(golden(&offer), format!("{said}016106fb2c01{}", "07".repeat(32)));
        let folder = Manner::OfferFolder { size: 300, root: [7; 32], head: 9, files: 2 };
        let tail = format!("016107fb2c01{}0902", "07".repeat(32));
        assert_eq!(golden(&line_as(folder, "a")), format!("{said}{tail}"));
        let file = Record::File(FileRecord { offer: LineId([3; 16]), says: FileSays::Received });
        assert_eq!(golden(&file), format!("0a{}02", "03".repeat(16)));
        assert_eq!(Record::decode(&file.encode()), Ok(Some(file)));
    }

    #[test]
    fn what_a_newer_chat_says_is_skipped() {
        assert_eq!(Record::decode(&[11, 1, 2, 3]), Ok(None));
        let mut longer = line("hi").encode();
        longer.extend([8, 1, 2, 3]);
        assert_eq!(Record::decode(&longer), Ok(Some(line("hi"))), "a manner that is not known");
        let action = line_as(Manner::Action, "waves");
        longer = action.encode();
        longer.extend([1, 2, 3]);
        assert_eq!(Record::decode(&longer), Ok(Some(action)), "what follows the manner");
    }

    #[test]
    fn limits_are_errors() {
        assert!(Record::decode(&line(&"x".repeat(MAX_TEXT)).encode()).is_ok());
        assert!(Record::decode(&line(&"x".repeat(MAX_TEXT + 1)).encode()).is_err());
        assert!(Record::decode(&[]).is_err());
        let id = LineId([1; 16]);
        assert!(Record::decode(&line_as(Manner::Delete { of: id }, "x").encode()).is_err());
        let offer = Manner::Offer { size: 1, root: [0; 32] };
        let folder = |size, head, files| Manner::OfferFolder { size, root: [0; 32], head, files };
        for name in ["", &"x".repeat(MAX_FILE_NAME + 1)] {
            assert!(Record::decode(&line_as(offer, name).encode()).is_err());
            assert!(Record::decode(&line_as(folder(9, 9, 1), name).encode()).is_err());
        }
        assert!(Record::decode(&line_as(folder(9, 9, 1), "a").encode()).is_ok());
        let many = MAX_ENTRIES as u32 + 1;
        for folder in [
            folder(8, 9, 1),
            folder(9, 0, 1),
            folder(u64::MAX, MAX_HEAD + 1, 1),
            folder(9, 9, many),
        ] {
            assert!(Record::decode(&line_as(folder, "a").encode()).is_err());
        }
        let smiles = |count| line_as(Manner::React { to: id }, &"x".repeat(count)).encode();
        assert!(Record::decode(&smiles(MAX_REACTION)).is_ok());
        assert!(Record::decode(&smiles(MAX_REACTION + 1)).is_err());
        let cut = line_as(Manner::Reply { to: id }, "x").encode();
        assert!(Record::decode(&cut[..cut.len() - 1]).is_err());
        assert!(
            Record::decode(&Record::Committed { log: 1, seq: 0, id: [0; 16] }.encode()).is_err()
        );
    }

    proptest! {
        #[test]
        fn any_bytes_decode_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Record::decode(&bytes);
        }

        #[test]
        fn text_survives(text in "\\PC{0,200}") {
            prop_assert_eq!(Record::decode(&line(&text).encode()), Ok(Some(line(&text))));
        }

        #[test]
        fn manners_survive(kind in 0..7usize, id in any::<[u8; 16]>(), text in "\\PC{1,12}") {
            let manner = manners(LineId(id))[kind];
            let text = if matches!(manner, Manner::Delete { .. }) { "" } else { &text };
            let said = line_as(manner, text);
            prop_assert_eq!(Record::decode(&said.encode()), Ok(Some(said)));
        }

        #[test]
        fn what_follows_a_line_never_panics(tail in proptest::collection::vec(any::<u8>(), 0..40)) {
            let mut message = line("hi").encode();
            message.extend(tail);
            if let Ok(Some(record)) = Record::decode(&message) {
                prop_assert_eq!(Record::decode(&record.encode()), Ok(Some(record)));
            }
        }
    }
}
