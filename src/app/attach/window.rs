//! A screen in this process, of a chat in another.

use super::link::Link;
use super::protocol::{Wish, Word};
use super::visit::{Carried, End, open, sent_away};
use crate::app::console::Entered;
use crate::app::screen::{Said, Source};
use crate::chat::{Attendee, Input, Nicknames, Notice, PeerSummary};
use crate::ui::tui::Screen;
use crate::ui::{Background, Cause};

/// What there is to be seen of the chat.
pub(super) struct Window<'a> {
    link: Link,
    carried: &'a mut Carried,
    nicknames: Nicknames,
    several: bool,
    nearby: bool,
    /// Why the rendezvous is not reached, as far as it was told.
    cause: Option<Cause>,
    /// What the screen has not been told.
    peers: Vec<PeerSummary>,
    members: Option<Option<Vec<Attendee>>>,
}

impl<'a> Window<'a> {
    /// Goes on with what no other holder has taken.
    pub(super) fn new(link: Link, carried: &'a mut Carried) -> Self {
        for entered in &carried.untaken {
            link.out.say(&Wish::of(entered));
        }
        Self {
            link,
            carried,
            nicknames: Nicknames::default(),
            several: false,
            nearby: false,
            cause: None,
            peers: Vec::new(),
            members: None,
        }
    }

    /// Waits until everything is said.
    pub(super) async fn close(self) {
        self.link.out.close().await;
    }

    fn heard(&mut self, word: Word) -> Option<Said<End>> {
        match word {
            Word::Told { notice, cause } => {
                if cause.is_some() {
                    self.cause = cause;
                }
                if let Notice::Removed(peer) = &*notice {
                    // As it was before, which the screen need not be told any more.
                    self.peers.retain(|one| one.peer != *peer);
                }
                Some(Said::Notice(notice))
            }
            Word::Calling { nicknames, several, nearby } => {
                self.nicknames = nicknames.into_iter().collect();
                (self.several, self.nearby) = (several, nearby);
                None
            }
            Word::Peers { peers } => {
                self.peers.extend(peers);
                Some(Said::Changed)
            }
            Word::Members { members } => {
                self.members = Some(members);
                Some(Said::Changed)
            }
            Word::Current { peer, .. } => {
                self.carried.current = peer;
                None
            }
            Word::Taken { lines } => {
                self.carried.take(lines);
                None
            }
            Word::Open { link } => {
                self.link.out.say(&open(link));
                None
            }
            Word::Left { code } => Some(Said::End(End::Left(code))),
            Word::Closing => Some(Said::End(End::Moved)),
            Word::Refused { why } => Some(Said::End(End::Failed(sent_away(&why)))),
            Word::Hello { .. } | Word::Print(_) => None,
        }
    }

    fn enter(&mut self, entered: Entered) {
        self.link.out.say(&Wish::of(&entered));
        self.carried.untaken.push_back(entered);
    }
}

impl Source for Window<'_> {
    type End = End;

    async fn next(&mut self) -> Said<End> {
        loop {
            let Some(word) = self.link.words.recv().await else {
                return Said::End(End::Failed(self.carried.broken()));
            };
            if let Some(said) = self.heard(word) {
                return said;
            }
        }
    }

    fn input(&mut self, input: Input) {
        let wish = match input {
            Input::Line(text) => return self.enter(Entered::Line(text)),
            Input::Send { text, .. } => return self.enter(Entered::Text(text)),
            Input::Command(line) => Wish::Command { line },
            Input::Shown { from, id } => Wish::Shown { from: from.to_string(), id: id.to_string() },
            Input::Page { with, before, limit } => Wish::Page { with, before, limit },
            Input::Search { with, text, limit } => Wish::Search { with, text, limit },
            Input::Typing { to, typing } => Wish::Typing { to, typing },
            Input::Draft { with, text } => Wish::Draft { with, text },
            Input::Quit => Wish::Quit,
            // Nothing else comes from a screen.
            _ => return,
        };
        self.link.out.say(&wish);
    }

    fn background(&self, _: &Notice) -> Background<'_> {
        Background {
            cause: self.cause.as_ref(),
            several: self.several,
            nicknames: Some(&self.nicknames),
            nearby: self.nearby,
            columns: None,
        }
    }

    fn brief(&mut self, screen: &mut Screen) {
        screen.learn(std::mem::take(&mut self.peers));
        if let Some(members) = self.members.take() {
            screen.meet(members);
        }
    }
}
