//! The state of the screen, and what keys do to it.

use std::collections::VecDeque;

use crossterm::event::KeyEvent;
use jiff::tz::TimeZone;

use super::completion;
use super::composer::{Composer, Outcome};
use super::dialogue::Dialogue;
use super::entry::CLOCK;
use super::hyperlinks::Links;
use super::keys::{self, Keymap, Press};
use super::look::Look;
use super::notify::Notifier;
use super::overlay::Overlay;
use super::scrollback::Scrollback;
use super::theme::Theme;
use super::typing::Typing;
use super::{Action, Event};
use crate::chat::{Address, Attendee, Input, Manner, Nicknames, PeerSummary, Timestamp};
use crate::ui::Background;
use crate::ui::language::{Language, Phrase};

/// Rows for a step of the wheel.
const WHEEL: usize = 3;

/// The whole of what a person sees.
#[derive(Debug)]
pub struct Screen {
    pub(super) zone: TimeZone,
    pub(super) language: Language,
    pub(super) theme: Theme,
    /// Whether names have hosts, because there are several.
    pub(super) several: bool,
    /// What contacts are called here.
    pub(super) nicknames: Nicknames,
    /// What we are called.
    pub(super) me: String,
    /// How we are reached: which sentence says so.
    pub(super) reach: &'static str,
    pub(super) dialogues: Vec<Dialogue>,
    /// Which of them is open.
    pub(super) current: Option<usize>,
    /// What is said where no conversation is open.
    pub(super) home: Scrollback,
    pub(super) composer: Composer,
    typing: Typing,
    pub(super) keymap: Keymap,
    /// What stands in place of what was said.
    pub(super) overlay: Option<Overlay>,
    /// Searches of it that are not answered yet.
    pub(super) searches: usize,
    pub(super) links: Links,
    pub(super) notifier: Notifier,
    /// Which sentence answers the last key.
    pub(super) answer: Option<Phrase>,
    pub(super) sidebar_hidden: bool,
    /// Who is in the room that is open.
    pub(super) members: Vec<Attendee>,
    pub(super) members_hidden: bool,
    /// Whether the terminal has the person's attention.
    pub(super) focused: bool,
    /// The person was asked whether to leave.
    pub(super) asked_to_leave: bool,
    /// Rows of the view of what was said, when it was drawn last.
    pub(super) height: usize,
    /// Cells of a row of it.
    pub(super) width: usize,
    pub(super) actions: VecDeque<Action>,
    pub(super) stale: bool,
}

impl Screen {
    /// Nothing said, nothing written. `me` is what we are called until a server says so.
    #[must_use]
    pub fn new(me: String, zone: TimeZone, language: Language, look: Look) -> Self {
        let Look { theme, keymap, sidebar, notify, .. } = look;
        let composer = Composer::with(theme.ambiguous, language.clone());
        Self {
            zone,
            language,
            theme,
            several: false,
            nicknames: Nicknames::default(),
            me,
            reach: "reach-connecting",
            dialogues: Vec::new(),
            current: None,
            home: Scrollback::default(),
            composer,
            typing: Typing::default(),
            keymap,
            overlay: None,
            searches: 0,
            links: Links::default(),
            notifier: Notifier::new(notify),
            answer: None,
            sidebar_hidden: !sidebar,
            members: Vec::new(),
            members_hidden: false,
            focused: true,
            asked_to_leave: false,
            height: 0,
            width: 0,
            actions: VecDeque::new(),
            stale: true,
        }
    }

    /// Takes in something that happened at `now`.
    pub fn handle(&mut self, now: Timestamp, event: Event) {
        self.stale = true;
        match event {
            Event::Remark(sentence) => self.remark(now, sentence, false),
            Event::Key(key) => self.key(now, key),
            Event::Paste(text) => {
                let outcome = self.composer.paste(&text);
                self.written(now, outcome);
            }
            Event::Edited(Ok(text)) => {
                self.composer.set_text(&text);
                self.written(now, Outcome::Changed);
            }
            Event::Paths(wanted, candidates) => {
                self.composer.offer(&wanted, candidates);
            }
            Event::Edited(Err(why)) => self.answer = Some(why),
            Event::Focus(focused) => {
                self.focused = focused;
                if let (false, Some(dialogue)) = (focused, self.dialogue()) {
                    dialogue.leave();
                    self.keep_draft();
                }
            }
            Event::Tick => {
                for dialogue in &mut self.dialogues {
                    dialogue.typing = dialogue.typing.filter(|until| *until > now);
                }
                self.actions.extend(self.typing.tick(now).map(Action::Input));
            }
            Event::Wheel { .. } if self.overlay.is_some() => {}
            Event::Wheel { up: true } => {
                let height = self.height;
                self.scrollback().up(WHEEL, height);
            }
            Event::Wheel { up: false } => self.scrollback().down(WHEEL),
            Event::Resize => self.actions.push_back(Action::Redraw),
            Event::Gone => self.leave(true),
            Event::Moved => {
                self.searches = 0;
                self.dialogues.iter_mut().for_each(|one| one.scrollback.ask_again());
            }
        }
    }

    /// The next thing to be done. Any number of events may precede a drain.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// Whether a frame drawn now would differ from the last one.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.stale
    }

    /// When [`Event::Tick`] changes something if nothing else happens.
    #[must_use]
    pub fn wakes_at(&self) -> Option<Timestamp> {
        let theirs = self.dialogues.iter().filter_map(|dialogue| dialogue.typing);
        theirs.chain(self.typing.until()).min()
    }

    /// The links of the frame that was drawn last, now and ever after.
    #[must_use]
    pub fn links(&self) -> Links {
        self.links.clone()
    }

    /// Learns what the chat knows of everybody with whom there is a conversation.
    pub fn learn(&mut self, peers: Vec<PeerSummary>) {
        self.stale = true;
        for peer in peers {
            let index = self.index_of(&peer.peer);
            let dialogue = &mut self.dialogues[index];
            dialogue.alarm |= peer.offered.is_some();
            dialogue.summary = Some(peer);
        }
    }

    /// Learns who is in the room that is open, if one is.
    pub fn meet(&mut self, members: Option<Vec<Attendee>>) {
        self.stale = true;
        self.members = members.unwrap_or_default();
    }

    /// The place of a conversation in the list, where it is put if it is not there yet.
    pub(super) fn index_of(&mut self, address: &Address) -> usize {
        self.place_of(address).unwrap_or_else(|| {
            self.dialogues.push(Dialogue::new(address.clone()));
            self.dialogues.len() - 1
        })
    }

    pub(super) fn place_of(&self, address: &Address) -> Option<usize> {
        self.dialogues.iter().position(|dialogue| dialogue.address == *address)
    }

    /// Takes a conversation off the list, with what was being written in it.
    pub(super) fn remove(&mut self, address: &Address) {
        let Some(index) = self.place_of(address) else { return };
        self.dialogues.remove(index);
        match self.current {
            Some(current) if current == index => {
                self.current = None;
                self.composer.open(None, "");
                self.actions.extend(self.typing.stop().map(Action::Input));
            }
            Some(current) if current > index => self.current = Some(current - 1),
            _ => {}
        }
    }

    pub(super) fn dialogue(&mut self) -> Option<&mut Dialogue> {
        self.dialogues.get_mut(self.current?)
    }

    /// Whether a line that comes in this conversation is seen at once.
    pub(super) fn is_watched(&self, index: usize) -> bool {
        let open = self.current == Some(index) && self.overlay.is_none();
        self.focused && open && self.dialogues[index].scrollback.at_bottom()
    }

    /// Goes to a conversation; the chat has been told, or says so itself.
    pub(super) fn show(&mut self, index: usize) {
        if self.current == Some(index) {
            return;
        }
        self.actions.extend(self.typing.stop().map(Action::Input));
        let to = &mut self.dialogues[index];
        let draft = std::mem::take(&mut to.draft);
        let begun = self.composer.open(Some(&to.address), &draft);
        if let Some(before) = self.dialogue() {
            before.draft.clone_from(&begun);
            before.leave();
            let kept = before.keep_draft();
            self.actions.extend(kept.map(Action::Input));
        }
        if self.current.is_none() {
            // What was said and written so far would not be seen again.
            self.dialogues[index].scrollback.take_over(&mut self.home);
            match (draft.is_empty(), begun.is_empty()) {
                (_, true) => {}
                (true, false) => self.composer.set_text(&begun),
                (false, false) => self.composer.set_text(&format!("{draft}\n{begun}")),
            }
        }
        self.current = Some(index);
    }

    /// Asks the chat to go to a conversation. It is shown when the chat has done so: what is written
    /// must not go to anybody else than whom it is shown for.
    pub(super) fn go_to(&mut self, index: usize) {
        if let Some(dialogue) = self.dialogues.get(index)
            && self.current != Some(index)
        {
            let command = format!("msg {}", dialogue.address);
            self.actions.push_back(Action::Input(Input::Command(command)));
        }
    }

    pub(super) fn key(&mut self, now: Timestamp, key: KeyEvent) {
        let asked = std::mem::take(&mut self.asked_to_leave);
        self.answer = None;
        let press = self.keymap.press(key);
        if self.overlay.is_some() && self.press_over(press) {
            return;
        }
        let outcome = match press {
            Press::Action(action) => self.act(action, asked),
            Press::Text(c) => self.composer.write(c),
            Press::Waiting | Press::Nothing => Outcome::Nothing,
        };
        self.written(now, outcome);
    }

    /// Does what a key stands for, here or in the composer.
    fn act(&mut self, action: keys::Action, asked: bool) -> Outcome {
        use keys::Action;
        let outcome = self.composer.act(action);
        if outcome != Outcome::Nothing {
            return outcome;
        }
        let (height, page) = (self.height, self.height.saturating_sub(1).max(1));
        match action {
            Action::Interrupt => self.leave(asked),
            Action::DeleteForward if self.composer.is_empty() => {
                self.leave(asked || self.unsent() == 0);
            }
            Action::Redraw => self.actions.push_back(super::Action::Redraw),
            Action::Suspend => self.actions.push_back(super::Action::Suspend),
            Action::NextConversation => self.step(1),
            Action::PreviousConversation => self.step(self.dialogues.len().saturating_sub(1)),
            Action::NextUnread => self.next_unread(),
            Action::Conversation(number) => self.go_to(usize::from(number).saturating_sub(1)),
            Action::Help => self.open_help(),
            Action::Search => self.open_search(""),
            Action::Sidebar => self.sidebar_hidden = !self.sidebar_hidden,
            Action::Members => self.members_hidden = !self.members_hidden,
            Action::PageUp => self.scrollback().up(page, height),
            Action::PageDown => self.scrollback().down(page),
            Action::Bottom | Action::LineEnd => self.scrollback().go_to_bottom(),
            _ => {}
        }
        Outcome::Nothing
    }

    /// Does what came of writing.
    fn written(&mut self, now: Timestamp, outcome: Outcome) {
        let lines = match outcome {
            Outcome::Submit(text) => vec![text],
            Outcome::SubmitLines(lines) => {
                // A line of a script or a letter is no command, whatever it begins with.
                let send =
                    |text| Input::Send { to: None, text, reference: None, manner: Manner::Text };
                self.actions.extend(lines.into_iter().map(send).map(Action::Input));
                return self.scrollback().go_to_bottom();
            }
            Outcome::Edit(text) => return self.actions.push_back(Action::Edit(text)),
            Outcome::Complete(wanted) if wanted.kind == completion::Kind::Path => {
                return self.actions.push_back(Action::Complete(wanted));
            }
            Outcome::Complete(wanted) => {
                let names = self.dialogues.iter().map(|one| self.name(&one.address));
                let names: Vec<String> = names.collect();
                self.composer.offer(&wanted, names);
                return;
            }
            Outcome::Full => {
                self.answer = Some(Phrase::new("screen-full"));
                return;
            }
            Outcome::Changed => {
                let to = self.addressee().cloned();
                let told = self.typing.changed(now, to.as_ref());
                return self.actions.extend(told.into_iter().map(Action::Input));
            }
            Outcome::Nothing => return,
        };
        self.scrollback().go_to_bottom();
        self.keep_draft();
        self.actions.extend(lines.into_iter().map(Input::Line).map(Action::Input));
        self.actions.extend(self.typing.stop().map(Action::Input));
    }

    /// For whom the text is that is being written.
    fn addressee(&self) -> Option<&Address> {
        let text = self.composer.text().trim_start_matches('\u{3000}');
        let said = !text.trim().is_empty() && !text.starts_with(['/', '／', '@', '＠']);
        self.current.filter(|_| said).map(|index| &self.dialogues[index].address)
    }

    /// Goes on with what was begun in an earlier run, unless something else is already.
    pub(super) fn take_draft(&mut self, index: usize, text: &str) {
        if self.current != Some(index) {
            self.dialogues[index].draft = text.to_owned();
        } else if self.composer.is_empty() {
            self.composer.set_text(text);
        }
    }

    /// Lets the chat keep what is being written for the next start.
    fn keep_draft(&mut self) {
        let written = self.composer.text().to_owned();
        if let Some(dialogue) = self.dialogue() {
            dialogue.draft = written;
            let kept = dialogue.keep_draft();
            dialogue.draft.clear();
            self.actions.extend(kept.map(Action::Input));
        }
    }

    fn leave(&mut self, sure: bool) {
        if sure {
            self.keep_draft();
            self.actions.push_back(Action::Input(Input::Quit));
        } else {
            self.asked_to_leave = true;
        }
    }

    /// The conversation so many places further down the list.
    fn step(&mut self, places: usize) {
        if !self.dialogues.is_empty() {
            let next = self.current.map_or(0, |current| (current + places) % self.dialogues.len());
            self.go_to(next);
        }
    }

    /// The next conversation in the list in which something is unread.
    fn next_unread(&mut self) {
        let (count, start) = (self.dialogues.len(), self.current.map_or(0, |current| current + 1));
        let next = (0..count).map(|places| (start + places) % count).find(|&index| {
            let dialogue = &self.dialogues[index];
            self.current != Some(index) && dialogue.calls()
        });
        if let Some(next) = next {
            self.go_to(next);
        }
    }

    pub(super) fn scrollback(&mut self) -> &mut Scrollback {
        match self.current {
            Some(index) => &mut self.dialogues[index].scrollback,
            None => &mut self.home,
        }
    }

    pub(super) fn unsent(&self) -> u64 {
        self.dialogues.iter().filter_map(|one| Some(one.summary.as_ref()?.waiting)).sum()
    }

    /// How many cells a sentence has, once anything was drawn.
    pub(super) fn columns(&self) -> Option<usize> {
        self.width.checked_sub(CLOCK).filter(|&columns| columns > 0)
    }

    /// What somebody is called here.
    pub(super) fn name(&self, address: &Address) -> String {
        Background::calling(self.several, &self.nicknames).name(address)
    }
}
