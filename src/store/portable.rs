//! A profile in a file that any program can read: one JSON object on each line.
//!
//! The first says whose profile it is, then come the rendezvous servers, the contacts, how far
//! their logs were received, and every line that was written or came. The secret is not in it, and
//! neither are the numbers that a copy must not go on with: see [`import`](super::import).

use p2pchat_wire::identity::PeerId;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::chat::{Address, LineId, Timestamp, clean};

/// The version of the format, which grows when an older program would misread it.
pub const VERSION: u32 = 1;

/// The longest line of such a file: the longest text, every character of it escaped, and the rest.
pub(super) const MAX_LINE: usize = 1 << 20;

/// One object. Fields that are not known are skipped.
#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Item {
    #[serde(rename = "p2pchat-export")]
    Header(Header),
    Rendezvous(Server),
    Contact(Person),
    Cursor(Received),
    Line(Box<Said>),
    /// Of a newer program.
    #[serde(other)]
    Unknown,
}

#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Header {
    pub(super) version: u32,
    #[serde(with = "key")]
    pub(super) key: PeerId,
}

#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Server {
    pub(super) host: String,
    #[serde(with = "maybe_key", default, skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<PeerId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    #[serde(with = "time")]
    pub(super) used_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) place: Option<u8>,
}

#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Person {
    #[serde(with = "address")]
    pub(super) peer: Address,
    #[serde(with = "maybe_key", default, skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<PeerId>,
    #[serde(default)]
    pub(super) verified: bool,
    #[serde(with = "maybe_key", default, skip_serializing_if = "Option::is_none")]
    pub(super) offered_key: Option<PeerId>,
    #[serde(with = "time")]
    pub(super) since: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) nickname: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) blocked: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) ignored: bool,
}

#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Received {
    #[serde(with = "key")]
    pub(super) key: PeerId,
    pub(super) log: u64,
    pub(super) seq: u64,
    #[serde(with = "id")]
    pub(super) id: LineId,
    #[serde(with = "time")]
    pub(super) used_at: Timestamp,
}

/// Which way a line goes.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Way {
    In,
    Out,
}

#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Said {
    #[serde(with = "address")]
    pub(super) with: Address,
    /// In a room: who wrote it, if not we.
    #[serde(with = "maybe_address", default, skip_serializing_if = "Option::is_none")]
    pub(super) from: Option<Address>,
    #[serde(with = "id")]
    pub(super) id: LineId,
    pub(super) direction: Way,
    pub(super) text: String,
    /// 0 text, 1 action, 2 reply, 3 edit, 4 deletion, 5 reaction, 6 a file, of which the text is the name.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) manner: i64,
    #[serde(with = "maybe_id", default, skip_serializing_if = "Option::is_none")]
    pub(super) about: Option<LineId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) file: Option<Offered>,
    #[serde(with = "time")]
    pub(super) sent_at: Timestamp,
    #[serde(with = "maybe_time", default, skip_serializing_if = "Option::is_none")]
    pub(super) arrived_at: Option<Timestamp>,
    #[serde(with = "maybe_time", default, skip_serializing_if = "Option::is_none")]
    pub(super) edited_at: Option<Timestamp>,
    #[serde(with = "maybe_time", default, skip_serializing_if = "Option::is_none")]
    pub(super) deleted_at: Option<Timestamp>,
    #[serde(with = "maybe_time", default, skip_serializing_if = "Option::is_none")]
    pub(super) read_at: Option<Timestamp>,
    /// Written to everybody who was there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) everyone: bool,
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub(super) reference: Option<String>,
    /// In a room: why it does not count, and has no text. 1 who wrote it had left, 2 was removed, 3 has shown
    /// two histories, 4 was no member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) withdrawn: Option<i64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) reactions: Vec<Reaction>,
    /// Ours is delivered, theirs has been shown.
    pub(super) done: bool,
    /// Theirs: the sender's key, log and number.
    #[serde(with = "maybe_key", default, skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<PeerId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) log: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) seq: Option<u64>,
}

#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Reaction {
    pub(super) by: Way,
    /// In a room: who.
    #[serde(with = "maybe_address", default, skip_serializing_if = "Option::is_none")]
    pub(super) from: Option<Address>,
    pub(super) text: String,
}

/// A file that was offered.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Offered {
    pub(super) size: u64,
    /// BLAKE3, in hexadecimal.
    pub(super) root: String,
    /// If it is a folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) folder: Option<OfferedFolder>,
}

/// A folder that was offered.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct OfferedFolder {
    /// Bytes that say what is in it.
    pub(super) head: u32,
    pub(super) files: u32,
}

fn is_zero(number: &i64) -> bool {
    *number == 0
}

impl Item {
    /// The object on one line, in which nothing would move a terminal's cursor.
    pub(super) fn write(&self) -> serde_json::Result<String> {
        let mut line = String::new();
        for c in serde_json::to_string(self)?.chars() {
            if clean::is_plain(c) {
                line.push(c);
            } else {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    line.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
        Ok(line)
    }

    pub(super) fn read(line: &str) -> serde_json::Result<Self> {
        serde_json::from_str(line)
    }
}

/// What has a written form that reads back as the same.
trait Written: Sized {
    fn write(&self) -> String;
    fn parse(text: &str) -> Option<Self>;
}

impl Written for PeerId {
    fn write(&self) -> String {
        self.to_string()
    }

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Written for LineId {
    fn write(&self) -> String {
        self.to_string()
    }

    fn parse(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

impl Written for Address {
    fn write(&self) -> String {
        self.to_string()
    }

    fn parse(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

impl Written for Timestamp {
    fn write(&self) -> String {
        let milliseconds = i64::try_from(self.0.min(Self::MAX.0)).unwrap_or(i64::MAX);
        jiff::Timestamp::from_millisecond(milliseconds)
            .map_or_else(|_| String::new(), |at| format!("{at:.3}"))
    }

    fn parse(text: &str) -> Option<Self> {
        let at: jiff::Timestamp = text.parse().ok()?;
        u64::try_from(at.as_millisecond()).ok().map(|at| Self(at).min(Self::MAX))
    }
}

/// How `serde` reads and writes such a value, and one that may be missing.
macro_rules! written {
    ($name:ident, $maybe:ident, $type:ty) => {
        written!($name, $type);

        mod $maybe {
            use super::*;

            pub(super) fn serialize<S: Serializer>(
                value: &Option<$type>,
                to: S,
            ) -> Result<S::Ok, S::Error> {
                value.as_ref().map(Written::write).serialize(to)
            }

            pub(super) fn deserialize<'de, D: Deserializer<'de>>(
                from: D,
            ) -> Result<Option<$type>, D::Error> {
                let text = Option::<String>::deserialize(from)?;
                text.map(|text| {
                    <$type as Written>::parse(&text)
                        .ok_or_else(|| de::Error::custom(concat!("this is no ", stringify!($name))))
                })
                .transpose()
            }
        }
    };
    ($name:ident, $type:ty) => {
        mod $name {
            use super::*;

            pub(super) fn serialize<S: Serializer>(
                value: &$type,
                to: S,
            ) -> Result<S::Ok, S::Error> {
                to.serialize_str(&Written::write(value))
            }

            pub(super) fn deserialize<'de, D: Deserializer<'de>>(
                from: D,
            ) -> Result<$type, D::Error> {
                let text = String::deserialize(from)?;
                <$type as Written>::parse(&text)
                    .ok_or_else(|| de::Error::custom(concat!("this is no ", stringify!($name))))
            }
        }
    };
}

written!(key, maybe_key, PeerId);
written!(id, maybe_id, LineId);
written!(time, maybe_time, Timestamp);
written!(address, maybe_address, Address);
