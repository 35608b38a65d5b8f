//! What a person was shown, and remembers when the program is gone.

use std::time::Instant;

use p2pchat::chat::room::Refusal;
use p2pchat::chat::{Address, LineId, LineState, Message, Notice, Problem, RoomNews};
use p2pchat_wire::identity::PeerId;

/// All that was shown, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Diary {
    /// The texts of lines from one other person.
    pub(crate) read: Vec<String>,
    /// The references of lines that were said to be queued, and delivered.
    pub(crate) queued: Vec<String>,
    pub(crate) delivered: Vec<String>,
    /// Lines of which a room said that nobody gets them any more, and why.
    pub(crate) failed: Vec<(LineId, Refusal)>,
    /// What others said in rooms.
    pub(crate) heard: Vec<Heard>,
    /// What was told about rooms.
    pub(crate) news: Vec<(Instant, Address, RoomNews)>,
}

/// A line in a room.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Heard {
    pub(crate) room: Address,
    pub(crate) by: PeerId,
    pub(crate) id: LineId,
    pub(crate) text: String,
}

impl Diary {
    /// Something is shown.
    pub(crate) fn note(&mut self, now: Instant, notice: &Notice) {
        match notice {
            Notice::Message(message) if message.from.is_room => self.note_in_room(message),
            // A line that is shown again after a crash is marked, and the person knows it.
            Notice::Message(Message { text, again: true, .. }) if self.read.contains(text) => {}
            Notice::Message(Message { text, .. }) => self.read.push(text.clone()),
            Notice::Status { id, state: LineState::Failed(Problem::Room(why)), .. } => {
                self.failed.push((*id, *why));
            }
            Notice::Status { reference: Some(reference), state, .. } => match state {
                LineState::Waiting => {}
                LineState::Queued => self.queued.push(reference.clone()),
                LineState::Delivered => self.delivered.push(reference.clone()),
                LineState::Sent | LineState::Read | LineState::Failed(_) => {}
            },
            Notice::Room { room, news } => self.news.push((now, room.clone(), news.clone())),
            _ => {}
        }
    }

    fn note_in_room(&mut self, message: &Message) {
        let Message { from: room, key: by, id, text, again, .. } = message.clone();
        let known = |heard: &Heard| heard.id == id && heard.by == by;
        if !(again && self.heard.iter().any(known)) {
            self.heard.push(Heard { room, by, id, text });
        }
    }
}
