//! One entry of a log: a signed header, and the content that it names by its hash.
//!
//! The signature covers the header alone. So the content of a line can be erased, when its author takes
//! it back, without breaking the chain; and two headers prove a [`Fork`](super::Fork) without the texts.
//! That a hash gives nothing away of an erased text is the work of the line's random id, which is part of
//! the content and goes with it.

use p2pchat_wire::codec::{self, DecodeError};
use p2pchat_wire::identity::Identity;
use p2pchat_wire::signature::{SIGNATURE_LEN, Signature, Statement};
use serde::{Deserialize, Serialize};

use super::{Act, Hash, LogId, MAX_ENTRY, RoomId};
use crate::chat::LineId;
use crate::chat::record::{MAX_TEXT, Manner};

/// The longest header.
pub(super) const MAX_HEADER: usize = 192;

/// What an entry's author signs.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// The room; zeros in its first act, whose hash it is.
    pub room: RoomId,
    /// The author and his stay.
    pub log: LogId,
    /// The place in the log.
    pub place: Place,
    /// The entry before it in its chain; zeros in the first.
    pub prev: Hash,
    /// When it was written: milliseconds since 1970. Of an act: later than every act that its author knew,
    /// and in any case than his last. Of a line: by his clock, and for show only.
    pub at_ms: u64,
    /// The content.
    pub content: Hash,
}

/// The place of an entry. Both chains are counted from 1.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub enum Place {
    /// In the chain of acts.
    Act {
        /// The number.
        seq: u64,
    },
    /// In the chain of lines.
    Line {
        /// The number.
        seq: u64,
        /// How many acts of the same log had been written before.
        acts: u64,
    },
}

impl Place {
    /// The number in its chain.
    #[must_use]
    pub fn seq(self) -> u64 {
        match self {
            Self::Act { seq } | Self::Line { seq, .. } => seq,
        }
    }

    /// Whether it is in the chain of acts.
    #[must_use]
    pub fn is_act(self) -> bool {
        matches!(self, Self::Act { .. })
    }

    /// Databases count to 2^63.
    fn is_sane(self) -> bool {
        let counts = |number: u64| (1..=i64::MAX as u64).contains(&number);
        match self {
            Self::Act { seq } => counts(seq),
            Self::Line { seq, acts } => counts(seq) && counts(acts),
        }
    }
}

impl Header {
    /// What names the header.
    #[must_use]
    pub fn hash(&self) -> Hash {
        Hash::of(&codec::encode(self))
    }

    /// Whether the author signed this.
    #[must_use]
    pub fn is_signed(&self, signature: &Signature) -> bool {
        let header = codec::encode(self);
        self.log.author.verify(Statement::RoomEntry, &header, signature).is_ok()
    }

    /// Reads a header in its one form, and says how many bytes it took.
    pub(super) fn decode(bytes: &[u8]) -> Result<(Self, usize), DecodeError> {
        let (header, read) = codec::decode_prefix::<Self, MAX_HEADER>(bytes)?;
        if !header.place.is_sane() || Some(&*codec::encode(&header)) != bytes.get(..read) {
            return Err(DecodeError::OutOfRange);
        }
        Ok((header, read))
    }
}

/// What was said.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Line {
    /// Random, and chosen anew for every line.
    pub id: LineId,
    /// At most [`MAX_TEXT`] bytes.
    pub text: String,
    /// What the text is.
    pub manner: Manner,
}

impl Line {
    fn encode(&self) -> Vec<u8> {
        let mut content = codec::encode(&(self.id, &self.text));
        if self.manner != Manner::Text {
            codec::encode_onto(&self.manner, &mut content);
        }
        content
    }

    fn decode(content: &[u8]) -> Result<Self, DecodeError> {
        let ((id, text), read) =
            codec::decode_prefix::<(LineId, String), { MAX_TEXT + 64 }>(content)?;
        let manner = Manner::decode(content.get(read..).unwrap_or_default())?;
        if !manner.allows(&text) {
            return Err(DecodeError::OutOfRange);
        }
        Ok(Self { id, text, manner })
    }
}

/// What an entry says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Body {
    /// An act.
    Act(Act),
    /// An act of a kind that this version does not know. It changes nothing.
    Unknown,
    /// A line.
    Line(Line),
    /// A line whose content was erased.
    Erased,
}

/// An entry: a header, its author's signature, and the content.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    header: Header,
    hash: Hash,
    signature: Signature,
    content: Vec<u8>,
    body: Body,
}

impl Entry {
    /// Writes and signs an entry. `header` says all but the content's hash.
    pub(super) fn sign(identity: &Identity, mut header: Header, body: Body) -> Self {
        let content = match &body {
            Body::Act(act) => act.encode(),
            Body::Line(line) => line.encode(),
            Body::Unknown | Body::Erased => Vec::new(),
        };
        header.content = Hash::of(&content);
        let signature = identity.sign(Statement::RoomEntry, &codec::encode(&header));
        Self { header, hash: header.hash(), signature, content, body }
    }

    /// The entry as bytes: header, signature, content.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = codec::encode(&self.header);
        bytes.extend(self.signature);
        bytes.extend(&self.content);
        bytes
    }

    /// Reads an entry. Its signature is checked by [`super::Log::add`], or with
    /// [`is_authentic`](Self::is_authentic).
    ///
    /// # Errors
    ///
    /// The bytes are no entry, the content is not the one that the header names, or a limit is
    /// broken. An act has a content; that of a line may be erased.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() > MAX_ENTRY {
            return Err(DecodeError::OutOfRange);
        }
        let (header, read) = Header::decode(bytes)?;
        let rest = bytes.get(read..).unwrap_or_default();
        let (signature, content) =
            rest.split_first_chunk::<SIGNATURE_LEN>().ok_or(DecodeError::Truncated)?;
        let is_act = header.place.is_act();
        let body = if content.is_empty() && !is_act {
            Body::Erased
        } else if Hash::of(content) != header.content {
            return Err(DecodeError::OutOfRange);
        } else if is_act {
            Act::decode(content)?.map_or(Body::Unknown, Body::Act)
        } else {
            Body::Line(Line::decode(content)?)
        };
        Ok(Self {
            header,
            hash: header.hash(),
            signature: *signature,
            content: content.to_vec(),
            body,
        })
    }

    /// What was signed.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The header's hash, which names the entry.
    #[must_use]
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// The signature of the header.
    #[must_use]
    pub fn signature(&self) -> &Signature {
        &self.signature
    }

    /// What it says.
    #[must_use]
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// The act, if it is one that this version knows.
    #[must_use]
    pub fn act(&self) -> Option<&Act> {
        if let Body::Act(act) = &self.body { Some(act) } else { None }
    }

    /// The room that the entry belongs to.
    #[must_use]
    pub fn room(&self) -> RoomId {
        match self.act() {
            Some(Act::Create { .. }) => RoomId(self.hash.0),
            _ => self.header.room,
        }
    }

    /// Whether the author signed it.
    #[must_use]
    pub fn is_authentic(&self) -> bool {
        self.header.is_signed(&self.signature)
    }

    /// The same line without its content, as it is kept and passed on once its author has taken it back. An
    /// act stays as it is.
    #[must_use]
    pub fn erased(mut self) -> Self {
        if !self.header.place.is_act() {
            self.content = Vec::new();
            self.body = Body::Erased;
        }
        self
    }

    /// How many bytes [`encode`](Self::encode) makes, or a few more.
    pub fn size(&self) -> usize {
        MAX_HEADER + SIGNATURE_LEN + self.content.len()
    }
}
