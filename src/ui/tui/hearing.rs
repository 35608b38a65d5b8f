//! What the notices of the chat change on the screen.

use super::Screen;
use super::entry::{Entry, Kind, Mark, Said};
use crate::chat::{Address, Direction, LineState, Message, Notice, Timestamp, Written};
use crate::ui::{Background, words};

impl Screen {
    /// Takes in what the chat says at `now`.
    pub fn hear(&mut self, now: Timestamp, notice: &Notice, background: Background<'_>) {
        self.stale = true;
        self.several = background.several;
        let background = Background { columns: self.columns(), ..background };
        self.learn_reach(notice);
        match notice {
            Notice::Message(message) => return self.message(message),
            Notice::Written(written) => return self.wrote(written),
            Notice::Status { to, id, state, .. } => {
                let mark = match state {
                    LineState::Queued => Mark::Queued,
                    LineState::Sent => Mark::Sent,
                    LineState::Delivered => Mark::Delivered,
                    LineState::Read => Mark::Read,
                    LineState::Failed(problem) => {
                        Mark::Failed(words::problem_sentence(problem, &self.language))
                    }
                };
                let index = self.index_of(to);
                return self.dialogues[index].scrollback.mark(*id, mark);
            }
            Notice::Current(peer) => {
                let index = self.index_of(peer);
                return self.show(index);
            }
            Notice::KeyChanged { peer, .. } => {
                let index = self.index_of(peer);
                self.dialogues[index].alarm = true;
            }
            Notice::Trusted { peer, .. } => {
                let index = self.index_of(peer);
                self.dialogues[index].alarm = false;
            }
            _ => {}
        }
        let sentence = words::sentence(notice, &self.zone, background, &self.language);
        let Some(sentence) = sentence else { return };
        let alarm = words::is_alarm(notice);
        let Some(concerned) = concerned(notice) else { return self.remark(now, sentence, alarm) };
        let index = self.index_of(concerned);
        if let Notice::Peer { .. } = notice {
            let kind = Kind::Presence { sentence, earlier: 0 };
            let entry = Entry::new(now, &self.zone, kind);
            return self.dialogues[index].scrollback.push_presence(entry);
        }
        if alarm && self.current != Some(index) {
            self.remark(now, sentence.clone(), true);
        }
        self.dialogues[index].remark(now, &self.zone, sentence, alarm);
    }

    /// Says something in the conversation that is open.
    pub(super) fn remark(&mut self, now: Timestamp, sentence: String, alarm: bool) {
        match self.current {
            Some(index) => self.dialogues[index].remark(now, &self.zone, sentence, alarm),
            None => {
                let kind = Kind::Remark { sentence, alarm };
                self.home.push(Entry::new(now, &self.zone, kind), true);
            }
        }
    }

    fn message(&mut self, message: &Message) {
        let index = self.index_of(&message.from);
        let seen = self.is_watched(index);
        let said = Said {
            id: message.id,
            by: Direction::In,
            text: message.text.clone(),
            sent_at: message.sent_at,
            arrived_at: Some(message.received_at),
            audience: message.audience,
            again: message.again,
            mark: Mark::None,
        };
        let entry = Entry::new(message.received_at, &self.zone, Kind::Said(Box::new(said)));
        let dialogue = &mut self.dialogues[index];
        dialogue.scrollback.push(entry, seen);
        dialogue.unseen.push_back(message.id);
    }

    fn wrote(&mut self, written: &Written) {
        let said = Said {
            id: written.id,
            by: Direction::Out,
            text: written.text.clone(),
            sent_at: written.sent_at,
            arrived_at: None,
            audience: written.audience,
            again: false,
            mark: Mark::Queued,
        };
        let entry = Entry::new(written.sent_at, &self.zone, Kind::Said(Box::new(said)));
        let index = self.index_of(&written.to);
        self.dialogues[index].scrollback.push(entry, true);
    }

    fn learn_reach(&mut self, notice: &Notice) {
        match notice {
            Notice::Registered { me, over_tcp, .. } => {
                self.me = me.name.to_string();
                self.reach = if *over_tcp { "reach-tcp" } else { "reach-here" };
            }
            Notice::Announced { me, .. } => {
                self.me = me.name.to_string();
                self.reach = "reach-local";
            }
            Notice::Unregistered => self.reach = "reach-out",
            Notice::RegisterRefused { server: None, .. } => self.reach = "reach-refused",
            Notice::Trouble { others: false, .. } => self.reach = "reach-lost",
            _ => {}
        }
    }
}

/// Whose conversation a notice belongs to. Answers to what was typed belong where it was typed.
fn concerned(notice: &Notice) -> Option<&Address> {
    match notice {
        Notice::Peer { peer, .. }
        | Notice::Searching { peer, .. }
        | Notice::SamePerson { peer, .. }
        | Notice::NoSuchName(peer)
        | Notice::ConnectRefused { peer, .. }
        | Notice::KeyChanged { peer, .. }
        | Notice::Kept { to: peer, .. }
        | Notice::Unreadable { peer, .. }
        | Notice::Trusted { peer, .. } => Some(peer),
        _ => None,
    }
}
