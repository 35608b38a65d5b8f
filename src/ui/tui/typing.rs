//! Telling the other side that something is being written to them.
//!
//! Every change of the text says so, and the chat repeats it as seldom as the other side needs;
//! whoever pauses, sends or goes elsewhere has stopped. Whether it is told at all the chat knows.

use crate::chat::{Address, Input, Timestamp};

/// Who has changed nothing for so many milliseconds has stopped writing. The other side forgets by
/// itself a second later.
const PAUSE: u64 = 5_000;

/// To whom something is being written.
#[derive(Debug, Default)]
pub(super) struct Typing {
    /// And until when that counts.
    to: Option<(Address, Timestamp)>,
}

impl Typing {
    /// The text was changed at `now`, and it is for `to`; for nobody, if there is none or it is a
    /// command. Returns what the chat is to be told.
    pub(super) fn changed(&mut self, now: Timestamp, to: Option<&Address>) -> Vec<Input> {
        let mut told = Vec::new();
        if self.to.as_ref().map(|(before, _)| before) != to {
            told.extend(self.stop());
        }
        if let Some(to) = to {
            self.to = Some((to.clone(), Timestamp(now.0 + PAUSE)));
            told.push(Input::Typing { to: to.clone(), typing: true });
        }
        told
    }

    /// It is `now`, and nothing was changed.
    pub(super) fn tick(&mut self, now: Timestamp) -> Option<Input> {
        self.until().filter(|until| *until <= now).and_then(|_| self.stop())
    }

    /// Nothing is being written any more.
    pub(super) fn stop(&mut self) -> Option<Input> {
        self.to.take().map(|(to, _)| Input::Typing { to, typing: false })
    }

    /// When [`tick`](Self::tick) has something to say.
    pub(super) fn until(&self) -> Option<Timestamp> {
        self.to.as_ref().map(|(_, until)| *until)
    }
}
