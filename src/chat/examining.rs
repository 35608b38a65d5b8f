//! What two chats tell each other about their networks, when somebody looks for a fault.

use p2pchat_wire::identity::PeerId;

use super::record::{Circumstances, Record};
use super::{Address, Chat, Effect, Notice};
use crate::proto::{PortModel, PunchReport};

/// A peer that asks more often than this, in milliseconds, gets no answer.
const PAUSE: u64 = 5_000;

/// What is known of our own network.
#[derive(Debug, Default)]
pub(super) struct OwnNetwork {
    pub(super) ports: PortModel,
    pub(super) forwarded: bool,
    pub(super) over_tcp: bool,
    /// What was said about guessed ports, until the paths to the same peer are described.
    pub(super) punch: Option<(PeerId, Box<PunchReport>)>,
}

impl Chat {
    /// Asks the peer of the current conversation.
    pub(super) fn examine(&mut self) {
        let now = self.now;
        let Some(address) = self.faces.asking().current.clone() else { return };
        let face = self.faces.asking_id();
        let Some(session) = self.session(&address) else { return };
        session.asked_circumstances = Some((face, now));
        let peer = session.peer;
        self.say(peer, &Record::Examine);
    }

    /// Answers whom we would talk to: not somebody whose name is claimed by another key too.
    pub(super) fn tell_circumstances(&mut self, address: &Address) {
        let now = self.now;
        let Some(conversation) = self.conversations.get_mut(address) else { return };
        if conversation.contact.offered.is_some() {
            return;
        }
        let Some(session) = &mut conversation.session else { return };
        if session.told_circumstances.is_some_and(|told| now.since(told) < PAUSE) {
            return;
        }
        session.told_circumstances = Some(now);
        let peer = session.peer;
        let OwnNetwork { ports, forwarded, over_tcp, punch: _ } = self.network;
        let circumstances = Circumstances { ports, forwarded, over_tcp, clock_ms: now.0 };
        self.say(peer, &Record::Circumstances(circumstances));
    }

    /// The answer. Nobody who was not asked is listened to.
    pub(super) fn circumstances(&mut self, address: &Address, circumstances: Circumstances) {
        let now = self.now;
        let Some(session) = self.session(address) else { return };
        let Some((face, asked)) = session.asked_circumstances.take() else { return };
        // The answer was written about half way between.
        let ours = asked.0 + now.since(asked) / 2;
        let milliseconds = |at: u64| i64::try_from(at).unwrap_or(i64::MAX);
        let clock_ahead_ms =
            milliseconds(ours).saturating_sub(milliseconds(circumstances.clock_ms));
        let peer = address.clone();
        let notice = Notice::Circumstances { peer, circumstances, clock_ahead_ms };
        self.effects.push_back(Effect::Answer(face, notice));
    }
}
