//! Invitations at one rendezvous: one that we have given, one that we accept.
//!
//! The letters of [`p2pchat_wire::invitation`] are put into a mailbox and asked for until they are
//! there. Every question is repeated until it is answered; what ends an invitation is a letter, the
//! server's word that the mailbox is gone, or, for whoever accepts, the other side's silence.

use std::time::{Duration, Instant};

use p2pchat_wire::identity::ServerKey;
use p2pchat_wire::invitation::{Accepter, Card, Introduced, InvitationError, Inviter};
use p2pchat_wire::random::Random;
use p2pchat_wire::signal::{ClientSignal, LetterQuestion, MailboxRefusal};

use super::Endpoint;
use crate::proto::{Event, InvitationFailure, InvitationWords, ServerId};

/// How often a question is repeated whose answer is due.
const REPEAT: Duration = Duration::from_secs(1);

/// How often the inviter asks whether a letter has come, in case the server's word got lost.
const LOOK: Duration = Duration::from_secs(5);

/// How long whoever accepts waits for the verdict: the inviter's program gives it at once, if it is
/// running.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often the verdict is repeated to a server that does not say that it has it.
const VERDICTS: u32 = 20;

/// Which of the two we are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Side {
    Inviter,
    Accepter,
}

/// How far an invitation of ours has come.
#[derive(Debug)]
enum Inviting {
    Opening { inviter: Inviter, letter: Vec<u8> },
    Waiting { inviter: Inviter, number: u32 },
    Telling { number: u32, verdict: Vec<u8>, left: u32 },
}

/// How far an invitation that we accept has come.
#[derive(Debug)]
enum Accepting {
    Asking { number: u32, words: InvitationWords },
    Replying { number: u32, accepter: Accepter, letter: Vec<u8>, kept: bool, until: Instant },
}

impl Inviting {
    fn question(&self) -> ClientSignal {
        match self {
            Self::Opening { letter, .. } => ClientSignal::OpenMailbox(letter.clone()),
            Self::Waiting { number, .. } => {
                ClientSignal::ReadLetter(LetterQuestion::new(*number, 1))
            }
            Self::Telling { number, verdict, .. } => {
                ClientSignal::WriteLetter { number: *number, at: 2, letter: verdict.clone() }
            }
        }
    }

    fn number(&self) -> Option<u32> {
        match self {
            Self::Opening { .. } => None,
            Self::Waiting { number, .. } | Self::Telling { number, .. } => Some(*number),
        }
    }
}

impl Accepting {
    fn question(&self) -> ClientSignal {
        match self {
            Self::Asking { number, .. } => {
                ClientSignal::ReadLetter(LetterQuestion::new(*number, 0))
            }
            Self::Replying { number, kept: true, .. } => {
                ClientSignal::ReadLetter(LetterQuestion::new(*number, 2))
            }
            Self::Replying { number, letter, .. } => {
                ClientSignal::WriteLetter { number: *number, at: 1, letter: letter.clone() }
            }
        }
    }

    fn number(&self) -> u32 {
        match self {
            Self::Asking { number, .. } | Self::Replying { number, .. } => *number,
        }
    }
}

/// Something that waits for an answer, and when it is asked again.
#[derive(Debug)]
struct Pending<T> {
    stage: T,
    next_at: Instant,
}

/// The invitations at one rendezvous.
#[derive(Debug, Default)]
pub(super) struct Invitations {
    inviting: Option<Pending<Inviting>>,
    accepting: Option<Pending<Accepting>>,
}

impl Invitations {
    /// When [`Self::poll`] has something.
    pub(super) fn timeout(&self) -> Option<Instant> {
        let inviting = self.inviting.as_ref().map(|pending| pending.next_at);
        inviting.into_iter().chain(self.accepting.as_ref().map(|pending| pending.next_at)).min()
    }

    /// The questions that are due. They count as asked.
    fn poll(&mut self, now: Instant) -> Vec<ClientSignal> {
        let mut due = Vec::new();
        if let Some(pending) = self.inviting.as_mut().filter(|pending| pending.next_at <= now) {
            due.push(pending.stage.question());
            let waits = matches!(pending.stage, Inviting::Waiting { .. });
            pending.next_at = now + if waits { LOOK } else { REPEAT };
            if let Inviting::Telling { left, .. } = &mut pending.stage {
                *left -= 1;
                if *left == 0 {
                    self.inviting = None;
                }
            }
        }
        if let Some(pending) = self.accepting.as_mut().filter(|pending| pending.next_at <= now) {
            due.push(pending.stage.question());
            pending.next_at = now + REPEAT;
        }
        due
    }

    /// The number of the invitation that nobody has answered in time, which is over.
    fn give_up(&mut self, now: Instant) -> Option<u32> {
        let silent = |pending: &mut Pending<Accepting>| matches!(pending.stage, Accepting::Replying { until, .. } if until <= now);
        self.accepting.take_if(silent).map(|pending| pending.stage.number())
    }
}

impl Endpoint {
    /// Makes up an invitation; the words are told to nobody.
    pub(super) fn invite(&mut self, now: Instant, server: ServerId, words: &InvitationWords) {
        let Some(card) = self.card() else { return };
        let (inviter, letter) = Inviter::new(words.as_str(), card, &mut self.random);
        if let Some(home) = self.homes.get_mut(server) {
            let stage = Inviting::Opening { inviter, letter };
            home.invitations.inviting = Some(Pending { stage, next_at: now });
        }
    }

    /// Accepts an invitation.
    pub(super) fn accept(
        &mut self,
        now: Instant,
        server: ServerId,
        number: u32,
        words: InvitationWords,
    ) {
        if let Some(home) = self.homes.get_mut(server) {
            let stage = Accepting::Asking { number, words };
            home.invitations.accepting = Some(Pending { stage, next_at: now });
        }
    }

    fn card(&self) -> Option<Card> {
        Some(Card { name: self.name.clone()?, key: self.identity.id() })
    }

    /// Asks a server for what the invitations wait for.
    pub(super) fn tend_invitations(&mut self, now: Instant, server: ServerId) {
        let Some(home) = self.homes.get_mut(server).filter(|home| home.is_ready()) else { return };
        let silent = home.invitations.give_up(now);
        let questions = home.invitations.poll(now);
        for question in questions {
            self.tell(server, &question);
        }
        if let Some(number) = silent {
            self.failed(server, Side::Accepter, Some(number), InvitationFailure::NoAnswer);
        }
    }

    pub(super) fn on_mailbox_opened(&mut self, now: Instant, server: ServerId, number: u32) {
        let Some(home) = self.homes.get_mut(server) else { return };
        match home.invitations.inviting.take() {
            Some(Pending { stage: Inviting::Opening { inviter, .. }, .. }) => {
                let stage = Inviting::Waiting { inviter, number };
                home.invitations.inviting = Some(Pending { stage, next_at: now + LOOK });
                self.events.push_back(Event::InvitationOpened { server, number });
            }
            other => home.invitations.inviting = other,
        }
    }

    pub(super) fn on_letter(
        &mut self,
        now: Instant,
        server: ServerId,
        number: u32,
        at: u8,
        letter: &[u8],
    ) {
        let card = self.card();
        let Some(home) = self.homes.get_mut(server) else { return };
        let (Some(card), Some(key)) = (card, home.link.key()) else { return };
        match at {
            1 => self.on_reply(now, server, key, number, letter),
            0 => {
                let asked = |pending: &mut Pending<Accepting>| match &pending.stage {
                    Accepting::Asking { number: asked, .. } => *asked == number,
                    Accepting::Replying { .. } => false,
                };
                let Some(pending) = home.invitations.accepting.take_if(asked) else { return };
                let Accepting::Asking { words, .. } = pending.stage else { return };
                match reply(&words, &key, number, card, letter, &mut self.random) {
                    Ok((accepter, letter)) => {
                        let until = now + PATIENCE;
                        let stage =
                            Accepting::Replying { number, accepter, letter, kept: false, until };
                        home.invitations.accepting = Some(Pending { stage, next_at: now });
                    }
                    Err(error) => {
                        self.failed(server, Side::Accepter, Some(number), error.into());
                    }
                }
            }
            _ => {
                let replied = |pending: &mut Pending<Accepting>| match &pending.stage {
                    Accepting::Replying { number: replied, .. } => *replied == number,
                    Accepting::Asking { .. } => false,
                };
                let Some(pending) = home.invitations.accepting.take_if(replied) else { return };
                let Accepting::Replying { accepter, .. } = pending.stage else { return };
                let outcome = accepter.conclude(letter);
                self.end_invitation(server, Side::Accepter, number, outcome);
            }
        }
    }

    fn on_reply(
        &mut self,
        now: Instant,
        server: ServerId,
        key: ServerKey,
        number: u32,
        letter: &[u8],
    ) {
        let Some(home) = self.homes.get_mut(server) else { return };
        let awaited = |pending: &mut Pending<Inviting>| match &pending.stage {
            Inviting::Waiting { number: awaited, .. } => *awaited == number,
            Inviting::Opening { .. } | Inviting::Telling { .. } => false,
        };
        let Some(pending) = home.invitations.inviting.take_if(awaited) else { return };
        let Inviting::Waiting { inviter, .. } = pending.stage else { return };
        let (verdict, outcome) = inviter.judge(&key, number, letter);
        let stage = Inviting::Telling { number, verdict, left: VERDICTS };
        home.invitations.inviting = Some(Pending { stage, next_at: now });
        self.end_invitation(server, Side::Inviter, number, outcome);
    }

    pub(super) fn on_letter_kept(&mut self, now: Instant, server: ServerId, number: u32, at: u8) {
        let Some(home) = self.homes.get_mut(server) else { return };
        let Invitations { inviting, accepting } = &mut home.invitations;
        if at == 2 {
            inviting.take_if(|pending| {
                matches!(&pending.stage, Inviting::Telling { number: told, .. } if *told == number)
            });
        } else if let Some(pending) = accepting
            && let Accepting::Replying { number: replied, kept, .. } = &mut pending.stage
            && *replied == number
            && !std::mem::replace(kept, true)
        {
            pending.next_at = now + REPEAT;
        }
    }

    pub(super) fn on_mailbox_refused(
        &mut self,
        server: ServerId,
        number: Option<u32>,
        refusal: MailboxRefusal,
    ) {
        let reason = match refusal {
            MailboxRefusal::Gone => InvitationFailure::Gone,
            MailboxRefusal::Busy => InvitationFailure::Busy,
            // It is asked again when we are.
            MailboxRefusal::NotRegistered => return,
        };
        let Some(home) = self.homes.get_mut(server) else { return };
        let Invitations { inviting, accepting } = &mut home.invitations;
        let ours = inviting.take_if(|pending| pending.stage.number() == number);
        let theirs = accepting.take_if(|pending| Some(pending.stage.number()) == number);
        // What has been decided cannot fail any more.
        let told = |pending: &Pending<Inviting>| matches!(pending.stage, Inviting::Telling { .. });
        if ours.is_some_and(|pending| !told(&pending)) {
            self.failed(server, Side::Inviter, number, reason);
        }
        if theirs.is_some() {
            self.failed(server, Side::Accepter, number, reason);
        }
    }

    fn end_invitation(
        &mut self,
        server: ServerId,
        side: Side,
        number: u32,
        outcome: Result<Introduced, InvitationError>,
    ) {
        match outcome {
            Ok(Introduced { card, secret }) => {
                self.secrets.insert(card.key, secret.clone());
                let (name, key, by_us) = (card.name, card.key, side == Side::Inviter);
                self.events.push_back(Event::Invited { server, name, key, secret, by_us });
            }
            Err(error) => self.failed(server, side, Some(number), error.into()),
        }
    }

    fn failed(
        &mut self,
        server: ServerId,
        side: Side,
        number: Option<u32>,
        reason: InvitationFailure,
    ) {
        let by_us = side == Side::Inviter;
        self.events.push_back(Event::InvitationFailed { server, number, reason, by_us });
    }
}

fn reply(
    words: &InvitationWords,
    server: &ServerKey,
    number: u32,
    card: Card,
    letter: &[u8],
    random: &mut Random,
) -> Result<(Accepter, Vec<u8>), InvitationError> {
    Accepter::new(words.as_str(), server, number, card, letter, random)
}
