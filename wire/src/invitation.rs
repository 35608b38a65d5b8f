//! Two people who share a few words become sure of each other's keys, whoever carries the letters.
//!
//! The inviter makes up a code, `7-orchard-clock`: the number of a mailbox at the rendezvous,
//! and words that never leave the two computers. Three letters go through the mailbox: the inviter's
//! [`Opening`], the accepter's [`Reply`], the inviter's [`Verdict`]. They run SPAKE2 (RFC 9382, in
//! the form of the crate `spake2`) over the words and confirm the key over everything that both have
//! said: the rendezvous, the number, both names and both keys. Whoever carries the letters can try
//! one guess of the words in place of either side, and both sides learn of it when it was wrong;
//! nothing in the letters lets him try more.
//!
//! The crate `spake2` has not been audited, says so itself, and is used here and nowhere else. If it
//! failed, an invitation would be worth what a first contact without one is; text stays sealed by
//! Noise, for the secret of an invitation is added to that and replaces nothing.

use rand_core::{CryptoRng, RngCore};
use serde::{Deserialize, Serialize};
use spake2::{Ed25519Group, Identity as Role, Password, Spake2};
use zeroize::Zeroize;

use crate::VERSION;
use crate::codec::{self, DecodeError};
use crate::handshake::SharedSecret;
use crate::identity::{Name, PeerId, ServerKey};
use crate::random::Random;
use crate::signal::MAX_LETTER;

const INVITER: &[u8] = b"p2pchat invitation inviter";
const ACCEPTER: &[u8] = b"p2pchat invitation accepter";

/// A SPAKE2 message: one byte that says whose, and a compressed point.
const ELEMENT: usize = 33;

/// Who somebody says to be, until the words have shown it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// The name at the rendezvous that carries the letters.
    pub name: Name,
    /// The key.
    pub key: PeerId,
}

/// The first letter, which waits in the mailbox.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Opening {
    /// The inviter.
    pub card: Card,
    /// Its SPAKE2 message.
    pub element: Vec<u8>,
}

/// The second letter.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// The accepter.
    pub card: Card,
    /// Its SPAKE2 message.
    pub element: Vec<u8>,
    /// Shows the inviter that the accepter has the same words and has read the same.
    pub confirmation: [u8; 32],
}

/// The last letter.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum Verdict {
    /// The words were not the same, or somebody has changed a letter.
    Wrong,
    /// They were.
    Right {
        /// Shows the accepter the same of the inviter.
        confirmation: [u8; 32],
    },
}

/// What an invitation that went well leaves with each side.
#[derive(Debug)]
pub struct Introduced {
    /// The other.
    pub card: Card,
    /// What only the two know: for the handshake of their sessions.
    pub secret: SharedSecret,
}

/// Nothing came of an invitation. It is used up.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvitationError {
    /// The words differ, or somebody in between has tried his luck.
    #[error("the words of the two are not the same")]
    WrongWords,
    /// The other side sent something that is no such letter.
    #[error("a letter of the invitation cannot be read")]
    Malformed,
    /// We have been invited by ourselves.
    #[error("an invitation is for somebody else")]
    Own,
}

impl From<DecodeError> for InvitationError {
    fn from(_: DecodeError) -> Self {
        Self::Malformed
    }
}

/// The side that made the code up, until the other has answered.
pub struct Inviter {
    exchange: Spake2<Ed25519Group>,
    opening: Opening,
}

impl Inviter {
    /// Begins; returns the first letter.
    #[must_use]
    pub fn new(words: &str, card: Card, random: &mut Random) -> (Self, Vec<u8>) {
        let (exchange, element) = Spake2::start_a_with_rng(
            &Password::new(words),
            &Role::new(INVITER),
            &Role::new(ACCEPTER),
            Scalars(random),
        );
        let opening = Opening { card, element };
        let letter = codec::encode(&opening);
        (Self { exchange, opening }, letter)
    }

    /// Reads the second letter; returns the last one, to be sent whatever came of it.
    ///
    /// # Errors
    ///
    /// [`InvitationError`], and then the letter says so too.
    pub fn judge(
        self,
        server: &ServerKey,
        number: u32,
        letter: &[u8],
    ) -> (Vec<u8>, Result<Introduced, InvitationError>) {
        let (verdict, outcome) = match self.compare(server, number, letter) {
            Ok((confirmation, introduced)) => (Verdict::Right { confirmation }, Ok(introduced)),
            Err(error) => (Verdict::Wrong, Err(error)),
        };
        (codec::encode(&verdict), outcome)
    }

    fn compare(
        self,
        server: &ServerKey,
        number: u32,
        letter: &[u8],
    ) -> Result<([u8; 32], Introduced), InvitationError> {
        let reply: Reply = codec::decode::<_, MAX_LETTER>(letter)?;
        let agreed = Agreed::new(
            self.exchange,
            server,
            number,
            (&self.opening.card, &self.opening.element),
            (&reply.card, &reply.element),
            &reply.element,
        )?;
        if blake3::Hash::from(agreed.accepters) != blake3::Hash::from(reply.confirmation) {
            return Err(InvitationError::WrongWords);
        }
        Ok((agreed.inviters, Introduced { card: reply.card, secret: agreed.secret }))
    }
}

impl std::fmt::Debug for Inviter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Inviter({:?})", self.opening.card)
    }
}

/// The side that was told the code, until it has the verdict.
pub struct Accepter {
    /// What the verdict must show.
    expected: [u8; 32],
    introduced: Introduced,
}

impl Accepter {
    /// Reads the first letter; returns the second.
    ///
    /// # Errors
    ///
    /// [`InvitationError`] if it is none, or our own.
    pub fn new(
        words: &str,
        server: &ServerKey,
        number: u32,
        card: Card,
        letter: &[u8],
        random: &mut Random,
    ) -> Result<(Self, Vec<u8>), InvitationError> {
        let opening: Opening = codec::decode::<_, MAX_LETTER>(letter)?;
        let (exchange, element) = Spake2::start_b_with_rng(
            &Password::new(words),
            &Role::new(INVITER),
            &Role::new(ACCEPTER),
            Scalars(random),
        );
        let agreed = Agreed::new(
            exchange,
            server,
            number,
            (&opening.card, &opening.element),
            (&card, &element),
            &opening.element,
        )?;
        let reply = Reply { card, element, confirmation: agreed.accepters };
        let introduced = Introduced { card: opening.card, secret: agreed.secret };
        Ok((Self { expected: agreed.inviters, introduced }, codec::encode(&reply)))
    }

    /// Reads the last letter.
    ///
    /// # Errors
    ///
    /// [`InvitationError::WrongWords`] if the inviter says so, or does not show what it must.
    pub fn conclude(self, letter: &[u8]) -> Result<Introduced, InvitationError> {
        match codec::decode::<_, MAX_LETTER>(letter)? {
            Verdict::Right { confirmation }
                if blake3::Hash::from(confirmation) == blake3::Hash::from(self.expected) =>
            {
                Ok(self.introduced)
            }
            Verdict::Right { .. } | Verdict::Wrong => Err(InvitationError::WrongWords),
        }
    }
}

impl std::fmt::Debug for Accepter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Accepter({:?})", self.introduced.card)
    }
}

/// What both sides compute if their words and all that they have read are the same.
struct Agreed {
    secret: SharedSecret,
    inviters: [u8; 32],
    accepters: [u8; 32],
}

impl Agreed {
    fn new(
        exchange: Spake2<Ed25519Group>,
        server: &ServerKey,
        number: u32,
        inviter: (&Card, &Vec<u8>),
        accepter: (&Card, &Vec<u8>),
        element: &[u8],
    ) -> Result<Self, InvitationError> {
        if inviter.0.key == accepter.0.key {
            return Err(InvitationError::Own);
        }
        if inviter.1.len() != ELEMENT || accepter.1.len() != ELEMENT {
            return Err(InvitationError::Malformed);
        }
        let mut key = exchange.finish(element).map_err(|_| InvitationError::Malformed)?;
        let said = codec::encode(&(VERSION, server, number, inviter, accepter));
        let derive = |context| {
            let mut hasher = blake3::Hasher::new_derive_key(context);
            *hasher.update(&key).update(&said).finalize().as_bytes()
        };
        let agreed = Self {
            secret: SharedSecret::new(derive("p2pchat 1 invitation secret")),
            inviters: derive("p2pchat 1 invitation inviter confirms"),
            accepters: derive("p2pchat 1 invitation accepter confirms"),
        };
        key.zeroize();
        Ok(agreed)
    }
}

/// Our randomness, as `spake2` asks for it.
struct Scalars<'a>(&'a mut Random);

impl RngCore for Scalars<'_> {
    fn next_u32(&mut self) -> u32 {
        self.0.u32()
    }

    fn next_u64(&mut self) -> u64 {
        self.0.u64()
    }

    fn fill_bytes(&mut self, out: &mut [u8]) {
        self.0.fill(out);
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), rand_core::Error> {
        self.0.fill(out);
        Ok(())
    }
}

impl CryptoRng for Scalars<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: PeerId = PeerId([3; 32]);

    fn card(text: &str, key: u8) -> Card {
        Card { name: Name::new(text).expect("a name"), key: PeerId([key; 32]) }
    }

    /// Carries the letters, changed by `mangle`, which is told which one it has.
    fn run(
        words: [&str; 2],
        mangle: impl Fn(usize, &mut Vec<u8>),
    ) -> [Result<Introduced, InvitationError>; 2] {
        let mut random = Random::from_seed([1; 32]);
        let (inviter, mut letter) = Inviter::new(words[0], card("alice", 1), &mut random);
        mangle(0, &mut letter);
        let accepted = Accepter::new(words[1], &SERVER, 7, card("bob", 2), &letter, &mut random);
        let (accepter, mut letter) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => return [Err(error), Err(error)],
        };
        mangle(1, &mut letter);
        let (mut letter, inviters) = inviter.judge(&SERVER, 7, &letter);
        assert!(letter.len() <= MAX_LETTER);
        mangle(2, &mut letter);
        [inviters, accepter.conclude(&letter)]
    }

    #[test]
    fn two_with_the_same_words_know_each_other_and_share_a_secret() {
        let [inviters, accepters] = run(["crossover-clockwork"; 2], |_, _| {});
        let (inviters, accepters) = (inviters.expect("right"), accepters.expect("right"));
        assert_eq!((inviters.card, accepters.card), (card("bob", 2), card("alice", 1)));
        assert_eq!(inviters.secret, accepters.secret);
    }

    #[test]
    fn a_wrong_guess_is_told_to_both() {
        let outcomes = run(["crossover-clockwork", "crossover-clockwise"], |_, _| {});
        for outcome in outcomes {
            assert_eq!(outcome.map(|_| ()), Err(InvitationError::WrongWords));
        }
    }

    #[test]
    fn no_letter_can_be_changed_anywhere() {
        let lengths = std::cell::RefCell::new([0; 3]);
        let outcomes = run(["same"; 2], |which, letter| lengths.borrow_mut()[which] = letter.len());
        assert!(outcomes.iter().all(Result::is_ok));
        for (which, length) in lengths.into_inner().into_iter().enumerate() {
            for at in 0..length {
                let outcomes = run(["same"; 2], |carried, letter| {
                    if carried == which {
                        letter[at] ^= 1;
                    }
                });
                // The inviter has finished when the last letter leaves.
                assert!(outcomes[1].is_err(), "letter {which}, byte {at}");
                assert!(which == 2 || outcomes[0].is_err(), "letter {which}, byte {at}");
            }
        }
    }

    #[test]
    fn letters_of_another_rendezvous_or_mailbox_are_worth_nothing() {
        for (server, number) in [(PeerId([4; 32]), 7), (SERVER, 8)] {
            let mut random = Random::from_seed([1; 32]);
            let (inviter, letter) = Inviter::new("same", card("alice", 1), &mut random);
            let (_, letter) =
                Accepter::new("same", &SERVER, 7, card("bob", 2), &letter, &mut random)
                    .expect("read");
            let (_, outcome) = inviter.judge(&server, number, &letter);
            assert_eq!(outcome.map(|_| ()), Err(InvitationError::WrongWords));
        }
    }

    #[test]
    fn nobody_accepts_his_own_invitation() {
        let mut random = Random::from_seed([1; 32]);
        let (_, letter) = Inviter::new("same", card("alice", 1), &mut random);
        let accepted = Accepter::new("same", &SERVER, 7, card("eve", 1), &letter, &mut random);
        assert_eq!(accepted.map(|_| ()), Err(InvitationError::Own));
    }

    #[test]
    fn what_is_no_letter_is_refused() {
        let mut random = Random::from_seed([1; 32]);
        for letter in [&[][..], &[0; 300], &[255; 40]] {
            let (inviter, _) = Inviter::new("same", card("alice", 1), &mut random);
            let (verdict, outcome) = inviter.judge(&SERVER, 7, letter);
            assert_eq!(outcome.map(|_| ()), Err(InvitationError::Malformed));
            assert_eq!(verdict, codec::encode(&Verdict::Wrong));
            let accepted = Accepter::new("same", &SERVER, 7, card("bob", 2), letter, &mut random);
            assert_eq!(accepted.map(|_| ()), Err(InvitationError::Malformed));
        }
    }
}
