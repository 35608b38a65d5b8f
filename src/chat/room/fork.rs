//! The proof that a member shows two histories.

use p2pchat_wire::codec::{self, DecodeError};
use p2pchat_wire::signature::{SIGNATURE_LEN, Signature};

use super::entry::MAX_HEADER;
use super::{Entry, Header, LogId, Place, RoomId};

/// The longest proof.
pub const MAX_FORK: usize = 2 * (MAX_HEADER + SIGNATURE_LEN);

/// Two signed headers with one number in one chain. Nobody but their author can make them, so whoever
/// passes them on need not be believed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fork {
    /// In the order of their hashes.
    sides: [(Header, Signature); 2],
}

impl Fork {
    /// The proof that two entries are, if they are one: both signed by one author, with one number in
    /// one chain, and different. The caller has verified the signatures.
    #[must_use]
    pub fn between(one: &Entry, two: &Entry) -> Option<Self> {
        Self::of((*one.header(), *one.signature()), (*two.header(), *two.signature()))
    }

    pub(super) fn of(one: (Header, Signature), two: (Header, Signature)) -> Option<Self> {
        let conflict = one.0.room == two.0.room
            && one.0.log == two.0.log
            && one.0.place.is_act() == two.0.place.is_act()
            && one.0.place.seq() == two.0.place.seq()
            && one.0 != two.0;
        let sides = if one.0.hash() < two.0.hash() { [one, two] } else { [two, one] };
        conflict.then_some(Self { sides })
    }

    /// Who shows two histories, and in which stay.
    #[must_use]
    pub fn log(&self) -> LogId {
        self.sides[0].0.log
    }

    /// In which room.
    #[must_use]
    pub fn room(&self) -> RoomId {
        self.sides[0].0.room
    }

    /// Whether the author signed both.
    #[must_use]
    pub fn is_authentic(&self) -> bool {
        self.sides.iter().all(|(header, signature)| header.is_signed(signature))
    }

    /// The last act that still counts, and the last line: those before the log parted.
    #[must_use]
    pub fn leaves(&self) -> (u64, u64) {
        let [(one, _), (two, _)] = &self.sides;
        match (one.place, two.place) {
            (Place::Line { seq, acts }, Place::Line { acts: other, .. }) => {
                (acts.min(other), seq - 1)
            }
            (place, _) => (place.seq() - 1, u64::MAX),
        }
    }

    /// The proof as bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(MAX_FORK);
        for (header, signature) in &self.sides {
            codec::encode_onto(header, &mut bytes);
            bytes.extend(signature);
        }
        bytes
    }

    /// Reads a proof. Its signatures are checked by [`super::Log::add_fork`].
    ///
    /// # Errors
    ///
    /// The bytes are no two headers that contradict each other.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (one, rest) = side(bytes)?;
        let (two, rest) = side(rest)?;
        if !rest.is_empty() {
            return Err(DecodeError::Trailing);
        }
        Self::of(one, two).ok_or(DecodeError::OutOfRange)
    }
}

fn side(bytes: &[u8]) -> Result<((Header, Signature), &[u8]), DecodeError> {
    let (header, read) = Header::decode(bytes)?;
    let rest = bytes.get(read..).unwrap_or_default();
    let (signature, rest) =
        rest.split_first_chunk::<SIGNATURE_LEN>().ok_or(DecodeError::Truncated)?;
    Ok(((header, *signature), rest))
}
