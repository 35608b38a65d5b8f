//! Mailboxes for invitations: three letters between two peers who do not know each other's names.
//!
//! A mailbox lives ten minutes at most and in memory only. Whoever asks for its first letter takes
//! it, and from then on nobody else can: a code is for one person, and a guess for its words is one
//! guess. What the letters say is none of the server's business.

use std::collections::BTreeMap;

use p2pchat_wire::codec;
use p2pchat_wire::identity::PeerId;
use p2pchat_wire::random::Random;
use p2pchat_wire::signal::{LETTERS, LetterQuestion, MAX_LETTER, MailboxRefusal, ServerSignal};

use super::registry::Endpoint;
use super::wheel::Wheel;
use super::{Drop, Server, millis};

/// One in so many numbers is given out at most, so that a number that was mistyped is nobody's.
const SPREAD: u32 = 16;

/// The least numbers there are to choose from.
const NUMBERS: u32 = 100;

#[derive(Debug)]
struct Mailbox {
    opener: PeerId,
    taker: Option<PeerId>,
    letters: Vec<Vec<u8>>,
    until: u64,
}

impl Mailbox {
    /// Whose turn it is to write a letter.
    fn writer(&self, at: usize) -> Option<PeerId> {
        if at.is_multiple_of(2) { Some(self.opener) } else { self.taker }
    }

    fn other(&self, key: &PeerId) -> Option<PeerId> {
        if self.opener == *key { self.taker } else { Some(self.opener) }
    }
}

/// All mailboxes.
#[derive(Debug, Default)]
pub(super) struct Mailboxes {
    boxes: BTreeMap<u32, Mailbox>,
    of: BTreeMap<PeerId, u32>,
    ends: Wheel<u32>,
}

impl Mailboxes {
    pub(super) fn len(&self) -> usize {
        self.boxes.len()
    }

    /// When a mailbox may have had its time.
    pub(super) fn next(&self) -> Option<u64> {
        self.ends.next()
    }

    pub(super) fn expire(&mut self, at: u64) {
        while let Some(numbers) = self.ends.due(at) {
            for number in numbers {
                // The number may have been given out anew since.
                if self.boxes.get(&number).is_some_and(|mailbox| mailbox.until <= at) {
                    self.close(number);
                }
            }
        }
    }

    fn close(&mut self, number: u32) {
        if let Some(mailbox) = self.boxes.remove(&number)
            && self.of.get(&mailbox.opener) == Some(&number)
        {
            self.of.remove(&mailbox.opener);
        }
    }

    /// The mailbox of `opener` with this first letter, if it has it.
    fn opened(&self, opener: &PeerId, letter: &[u8]) -> Option<u32> {
        let number = *self.of.get(opener)?;
        let mailbox = self.boxes.get(&number)?;
        (mailbox.letters.first().map(Vec::as_slice) == Some(letter)).then_some(number)
    }

    fn open(&mut self, until: u64, opener: PeerId, letter: Vec<u8>, random: &mut Random) -> u32 {
        if let Some(number) = self.of.get(&opener) {
            self.close(*number);
        }
        let number = self.unused(random);
        let mailbox = Mailbox { opener, taker: None, letters: vec![letter], until };
        self.boxes.insert(number, mailbox);
        self.of.insert(opener, number);
        self.ends.insert(until, number);
        number
    }

    /// A number as short as there are few mailboxes, and not to be foreseen.
    fn unused(&self, random: &mut Random) -> u32 {
        let count = u32::try_from(self.boxes.len()).unwrap_or(u32::MAX);
        let mut bound = NUMBERS;
        while bound < count.saturating_mul(SPREAD) {
            bound = bound.saturating_mul(10);
        }
        loop {
            let number = 1 + random.below(bound - 1);
            if !self.boxes.contains_key(&number) {
                return number;
            }
        }
    }
}

impl Server {
    /// Opens a mailbox, or finds the one that was opened when this came before.
    pub(super) fn open_mailbox(
        &mut self,
        at: u64,
        from: Endpoint,
        key: PeerId,
        letter: Vec<u8>,
    ) -> Result<(), Drop> {
        if letter.len() > MAX_LETTER {
            return Err(Drop::Malformed);
        }
        let number = match self.mailboxes.opened(&key, &letter) {
            Some(number) => Ok(number),
            None if !self.is_named(&key) => Err(MailboxRefusal::NotRegistered),
            None if self.mailboxes.len() < self.config.max_mailboxes
                && self.rates.mailboxes.take(at, from.remote.ip(), self.config.mailboxes, 1) =>
            {
                let until = at + millis(self.config.mailbox_lifetime);
                Ok(self.mailboxes.open(until, key, letter, &mut self.random))
            }
            None => Err(MailboxRefusal::Busy),
        };
        match number {
            Ok(number) => self.tell(at, &key, &ServerSignal::MailboxOpened { number }),
            Err(refusal) => self.refuse_letter(at, &key, None, refusal),
        }
        Ok(())
    }

    /// Shows a letter to those whom the mailbox is between. `length` is how long the question was.
    pub(super) fn read_letter(
        &mut self,
        at: u64,
        from: Endpoint,
        key: PeerId,
        question: &LetterQuestion,
        length: usize,
    ) {
        let LetterQuestion { number, at: which, .. } = *question;
        if let Err(refusal) = self.may_read(at, from, &key, number, which) {
            return self.refuse_letter(at, &key, Some(number), refusal);
        }
        let letters = self.mailboxes.boxes.get(&number).map(|mailbox| &mailbox.letters);
        let Some(letter) = letters.and_then(|letters| letters.get(usize::from(which))) else {
            // It will be shown when it comes.
            return;
        };
        let letter = ServerSignal::Letter { number, at: which, letter: letter.clone() };
        if codec::encode(&letter).len() <= length {
            self.tell(at, &key, &letter);
        }
    }

    /// Takes a letter from the one whose turn it is, and shows it to the other.
    pub(super) fn write_letter(
        &mut self,
        at: u64,
        key: PeerId,
        number: u32,
        which: u8,
        letter: Vec<u8>,
    ) -> Result<(), Drop> {
        if letter.len() > MAX_LETTER || which >= LETTERS {
            return Err(Drop::Malformed);
        }
        let place = usize::from(which);
        let mailbox = self.mailboxes.boxes.get_mut(&number);
        let mailbox = mailbox.filter(|mailbox| mailbox.writer(place) == Some(key));
        let Some(mailbox) = mailbox.filter(|mailbox| mailbox.letters.len() >= place) else {
            self.refuse_letter(at, &key, Some(number), MailboxRefusal::Gone);
            return Ok(());
        };
        // What was written stays: a letter that comes twice is answered twice, and that is all.
        if mailbox.letters.len() == place {
            mailbox.letters.push(letter.clone());
            let other = mailbox.other(&key);
            let news = ServerSignal::Letter { number, at: which, letter };
            if let Some(other) = other {
                self.tell(at, &other, &news);
            }
        }
        self.tell(at, &key, &ServerSignal::LetterKept { number, at: which });
        Ok(())
    }

    /// Whether `key` may read in a mailbox. The first who asks for its first letter becomes its
    /// taker.
    fn may_read(
        &mut self,
        at: u64,
        from: Endpoint,
        key: &PeerId,
        number: u32,
        which: u8,
    ) -> Result<(), MailboxRefusal> {
        let is_party = self
            .mailboxes
            .boxes
            .get(&number)
            .is_some_and(|mailbox| mailbox.opener == *key || mailbox.taker == Some(*key));
        if is_party {
            return Ok(());
        }
        if !self.is_named(key) {
            return Err(MailboxRefusal::NotRegistered);
        }
        // Also whoever tries numbers that nobody has is counted.
        if !self.rates.mailboxes.take(at, from.remote.ip(), self.config.mailboxes, 1) {
            return Err(MailboxRefusal::Busy);
        }
        match self.mailboxes.boxes.get_mut(&number) {
            Some(mailbox) if which == 0 && mailbox.taker.is_none() => {
                mailbox.taker = Some(*key);
                Ok(())
            }
            _ => Err(MailboxRefusal::Gone),
        }
    }

    fn is_named(&self, key: &PeerId) -> bool {
        self.registry.peer(key).is_some_and(|peer| peer.name.is_some())
    }

    fn refuse_letter(
        &mut self,
        at: u64,
        key: &PeerId,
        number: Option<u32>,
        refusal: MailboxRefusal,
    ) {
        self.statistics.busy += u64::from(refusal == MailboxRefusal::Busy);
        self.tell(at, key, &ServerSignal::MailboxRefused { number, refusal });
    }
}
