//! A screen, the person before it, and the pictures of what they see.

use std::fmt::Write as _;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::tz::TimeZone;
use p2pchat_wire::identity::{Name, PeerId};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::{Buffer, Cell};

use super::super::cells::Ambiguous;
use super::super::look::Look;
use super::super::theme::Theme;
use super::super::{Action, Event, Screen};
use crate::chat::{
    Address, Attendee, Audience, Direction, HistoryLine, Input, LineId, LineState, Manner, Message,
    Notice, PeerSummary, Place, Presence, Timestamp, Trust, Written,
};
use crate::proto::{PathInfo, PathKind};
use crate::ui::Background;
use crate::ui::language::{Language, Tongue};

/// 2026-11-22 14:03 UTC.
const START: Timestamp = Timestamp(1_795_356_180_000);

pub(super) fn alice() -> Address {
    Address::new(Name::new("alice").expect("name"), "host")
}

pub(super) fn bob() -> Address {
    Address::new(Name::new("bob").expect("name"), "host")
}

pub(super) fn key_of(peer: &Address) -> PeerId {
    PeerId([peer.name.as_str().len() as u8; 32])
}

fn id(line: u8) -> LineId {
    LineId([line; 16])
}

pub(super) fn address(text: &str) -> Address {
    let (name, host) = text.split_once('@').expect("a whole address");
    Address::new(Name::new(name).expect("name"), host)
}

fn message(from: &Address, id: LineId, text: &str, now: Timestamp) -> Message {
    Message {
        author: None,
        from: from.clone(),
        key: key_of(from),
        id,
        text: text.to_owned(),
        sent_at: now,
        received_at: now,
        audience: Audience::You,
        again: false,
        manner: Manner::Text,
        quiet: false,
        namesake: false,
        quote: None,
    }
}

/// A line on alice's disk and on carol's, written a minute after the one before.
pub(super) fn stored(number: u64, direction: Direction, text: &str) -> HistoryLine {
    let mut id = [0xff; 16];
    id[..8].copy_from_slice(&number.to_be_bytes());
    let at = Timestamp(START.0 - 86_400_000 + number * 60_000);
    HistoryLine {
        author: None,
        key: Some(key_of(&alice())),
        with: alice(),
        id: LineId(id),
        direction,
        sent_at: at,
        arrived_at: Some(at),
        audience: Audience::You,
        text: text.to_owned(),
        manner: Manner::Text,
        quote: None,
        edited_at: None,
        deleted: false,
        standing: crate::chat::room::Standing::Counts,
        reactions: Vec::new(),
        state: LineState::Read,
        namesake: false,
        progress: None,
        place: Place(number.cast_signed()),
    }
}

/// Carol's screen, and what happens on it.
pub(super) struct Story {
    screen: Screen,
    ambiguous: Ambiguous,
    terminal: Terminal<TestBackend>,
    drawn: Buffer,
    peers: Vec<PeerSummary>,
    members: Vec<Attendee>,
    now: Timestamp,
    inputs: Vec<Input>,
    flood: u64,
    refused: Option<Address>,
    notified: Vec<String>,
    caption: String,
    told: String,
}

impl Story {
    /// On a terminal of this size.
    pub(super) fn of(columns: u16, rows: u16) -> Self {
        Self::with(columns, rows, Tongue::En, Theme::mono())
    }

    /// In this language, on a terminal that looks so.
    pub(super) fn with(columns: u16, rows: u16, tongue: Tongue, theme: Theme) -> Self {
        let backend = TestBackend::new(columns, rows);
        let ambiguous = theme.ambiguous;
        Self {
            screen: Screen::new(
                "carol".to_owned(),
                TimeZone::UTC,
                Language::new(tongue),
                Look { theme, ..Look::default() },
            ),
            ambiguous,
            terminal: Terminal::new(backend).expect("memory never fails"),
            drawn: Buffer::default(),
            peers: Vec::new(),
            members: Vec::new(),
            now: START,
            inputs: Vec::new(),
            flood: 0,
            refused: None,
            notified: Vec::new(),
            caption: String::new(),
            told: String::new(),
        }
    }

    /// What the next picture comes after.
    pub(super) fn happens(&mut self, what: &str) {
        let separator = if self.caption.is_empty() { "" } else { "; " };
        let _ = write!(self.caption, "{separator}{what}");
    }

    pub(super) fn hears(&mut self, notice: &Notice) {
        self.screen.hear(self.now, notice, Background::default());
        self.draw();
    }

    pub(super) fn is_told(&mut self, sentence: &str) {
        self.handles(Event::Remark(sentence.to_owned()));
    }

    fn handles(&mut self, event: Event) {
        self.screen.handle(self.now, event);
        self.draw();
    }

    pub(super) fn opens(&mut self, peer: &Address) {
        self.hears(&Notice::Current(peer.clone()));
    }

    pub(super) fn comes(&mut self, peer: &Address, state: Presence) {
        let remote = "192.0.2.7:4000".parse().ok();
        let rtt = Some(std::time::Duration::from_millis(38));
        let path = PathInfo { kind: PathKind::Direct, remote, rtt, over_tcp: false };
        let path = (state == Presence::Connected).then_some(path);
        self.learns(peer, state, path, 0);
        let (key, was) = (Some(key_of(peer)), Presence::Offline);
        self.hears(&Notice::Peer { peer: peer.clone(), key, was, state, path });
    }

    /// The chat is in this room, and it is open.
    pub(super) fn enters(&mut self, room: &Address) {
        self.learns(room, Presence::Connected, None, 0);
        self.opens(room);
    }

    /// The chat wants to be in this room, which is open, and nobody lets it in.
    pub(super) fn waits_before(&mut self, room: &Address) {
        self.learns(room, Presence::Connecting, None, 0);
        self.opens(room);
    }

    /// So many lines of an absent one are on the disk and were never seen.
    pub(super) fn has_unread(&mut self, peer: &Address, unread: u64) {
        self.learns(peer, Presence::Offline, None, unread);
        self.draw();
    }

    fn learns(&mut self, peer: &Address, state: Presence, path: Option<PathInfo>, unread: u64) {
        self.peers.retain(|one| one.peer != *peer);
        self.peers.push(PeerSummary {
            peer: peer.clone(),
            key: (!peer.is_room).then(|| key_of(peer)),
            nickname: None,
            trust: if peer.is_room { Trust::New } else { Trust::Seen },
            quiet: false,
            offered: None,
            state,
            path,
            waiting: 0,
            unread,
            current: false,
            software: None,
        });
    }

    pub(super) fn says(&mut self, from: &Address, line: u8, text: &str) {
        self.hears(&Notice::Message(message(from, id(line), text, self.now)));
    }

    /// Somebody says this in a room.
    pub(super) fn says_in(&mut self, room: &Address, author: &str, line: u8, text: &str) {
        let author = address(author);
        let message = message(room, id(line), text, self.now);
        let key = key_of(&author);
        self.hears(&Notice::Message(Message { author: Some(Box::new(author)), key, ..message }));
    }

    /// Somebody says something under a name that is another's here.
    pub(super) fn pretends_in(&mut self, room: &Address, author: &str, line: u8, text: &str) {
        let message = message(room, id(line), text, self.now);
        let (author, key) = (Some(Box::new(address(author))), PeerId([line; 32]));
        let namesake = true;
        self.hears(&Notice::Message(Message { author, key, namesake, ..message }));
    }

    /// So many lines come between two frames.
    pub(super) fn is_flooded_by(&mut self, from: &Address, lines: u64) {
        for line in 0..lines {
            self.flood += 1;
            let mut id = [0xee; 16];
            id[..8].copy_from_slice(&self.flood.to_be_bytes());
            let message = message(from, LineId(id), &format!("flood {line}"), self.now);
            let notice = Notice::Message(message);
            self.screen.hear(self.now, &notice, Background::default());
        }
        self.draw();
    }

    /// The chat will not go there.
    pub(super) fn is_refused(&mut self, peer: &Address) {
        self.refused = Some(peer.clone());
    }

    /// What was typed is put on disk.
    pub(super) fn sends(&mut self, to: &Address, line: u8) {
        if let Some(peer) = self.peers.iter_mut().find(|one| one.peer == *to) {
            peer.waiting += 1;
        }
        let text = self.inputs.iter().rev().find_map(|input| match input {
            Input::Line(text) => Some(text.clone()),
            _ => None,
        });
        self.hears(&Notice::Written(Written {
            to: to.clone(),
            id: id(line),
            seq: line.into(),
            text: text.expect("something was typed"),
            sent_at: self.now,
            audience: Audience::You,
            manner: Manner::Text,
            quote: None,
        }));
        self.becomes(to, line, LineState::Queued);
    }

    /// The disk answers the page that was asked for.
    pub(super) fn reads(&mut self, with: &Address, lines: Vec<HistoryLine>, end: bool) {
        self.hears(&Notice::Page { with: with.clone(), lines, end });
    }

    /// How many pages were asked for since this was asked last, and before which line the last.
    pub(super) fn pages_wanted(&mut self) -> (usize, Option<Place>) {
        let pages = self.inputs.iter().filter_map(|input| match input {
            Input::Page { before, .. } => Some(*before),
            _ => None,
        });
        let pages: Vec<Option<Place>> = pages.collect();
        self.inputs.clear();
        (pages.len(), pages.last().copied().flatten())
    }

    /// Somebody is no contact any more.
    pub(super) fn is_removed(&mut self, peer: &Address) {
        self.peers.retain(|one| one.peer != *peer);
        self.hears(&Notice::Removed(peer.clone()));
    }

    pub(super) fn becomes(&mut self, to: &Address, line: u8, state: LineState) {
        if let (LineState::Delivered, Some(peer)) =
            (&state, self.peers.iter_mut().find(|one| one.peer == *to))
        {
            peer.waiting -= 1;
        }
        let (to, reference) = (to.clone(), None);
        self.hears(&Notice::Status { to, id: id(line), reference, state });
    }

    pub(super) fn key_changes(&mut self, peer: &Address) {
        let (expected, actual) = (PeerId([1; 32]), PeerId([2; 32]));
        self.hears(&Notice::KeyChanged { peer: peer.clone(), expected, actual });
    }

    /// A contact whose key changed in an earlier run.
    pub(super) fn was_offered_another_key(&mut self, peer: &Address) {
        self.comes(peer, Presence::Offline);
        if let Some(summary) = self.peers.iter_mut().find(|one| one.peer == *peer) {
            summary.offered = Some(PeerId([2; 32]));
        }
        self.draw();
    }

    /// What others were told of what is being typed, since this was asked last.
    pub(super) fn typing_told(&mut self) -> Vec<(String, bool)> {
        let told = self.inputs.iter().filter_map(|input| match input {
            Input::Typing { to, typing } => Some((to.name.to_string(), *typing)),
            _ => None,
        });
        let told = told.collect();
        self.inputs.clear();
        told
    }

    /// Time passes until the screen wants to be woken, if it does.
    pub(super) fn is_woken(&mut self) -> bool {
        let at = self.screen.wakes_at();
        if let Some(at) = at {
            self.now = at;
            self.handles(Event::Tick);
        }
        at.is_some()
    }

    pub(super) fn minutes_pass(&mut self, minutes: u64) {
        self.now.0 += minutes * 60_000;
    }

    pub(super) fn types(&mut self, text: &str) {
        for c in text.chars() {
            self.handles(Event::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE)));
        }
        self.happens(&format!("typed: {text}"));
    }

    /// A key as the help calls it: `Alt+2`, `PageUp`.
    pub(super) fn presses(&mut self, key: &str) {
        let (modifiers, code) = match key.split_once('+') {
            Some(("Alt", code)) => (KeyModifiers::ALT, code),
            Some(("Ctrl", code)) => (KeyModifiers::CONTROL, code),
            _ => (KeyModifiers::NONE, key),
        };
        let code = match code {
            "Enter" => KeyCode::Enter,
            "PageUp" => KeyCode::PageUp,
            "PageDown" => KeyCode::PageDown,
            "End" => KeyCode::End,
            "F1" => KeyCode::F(1),
            "F2" => KeyCode::F(2),
            "F3" => KeyCode::F(3),
            "Esc" => KeyCode::Esc,
            "Tab" => KeyCode::Tab,
            "Up" => KeyCode::Up,
            "Down" => KeyCode::Down,
            letter => KeyCode::Char(letter.chars().next().expect("a key")),
        };
        self.handles(Event::Key(KeyEvent::new(code, modifiers)));
        self.happens(&format!("pressed: {key}"));
    }

    /// Turns the wheel by one step.
    pub(super) fn wheels(&mut self, up: bool) {
        self.happens(if up { "the wheel, up" } else { "the wheel, down" });
        self.handles(Event::Wheel { up });
    }

    pub(super) fn is_looked_at(&mut self, focused: bool) {
        self.handles(Event::Focus(focused));
    }

    pub(super) fn is_resized_to(&mut self, columns: u16, rows: u16) {
        self.terminal.backend_mut().resize(columns, rows);
        self.handles(Event::Resize);
    }

    /// The lines that the chat was told to be seen, since it was asked last.
    pub(super) fn seen(&mut self) -> Vec<u8> {
        let seen = self.inputs.drain(..).filter_map(|input| match input {
            Input::Shown { id, .. } => Some(id.0[0]),
            _ => None,
        });
        seen.collect()
    }

    /// What was shown to a person who looked elsewhere, since it was asked last.
    pub(super) fn notified(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notified)
    }

    /// What was pasted.
    pub(super) fn pastes(&mut self, text: &str) {
        self.handles(Event::Paste(text.to_owned()));
    }

    /// The texts that the chat was given, never to be taken for commands.
    pub(super) fn texts(&self) -> Vec<&str> {
        let texts = self.inputs.iter().filter_map(|input| match input {
            Input::Send { text, .. } => Some(&**text),
            _ => None,
        });
        texts.collect()
    }

    /// Where the cells lead that show a link, the text of each piece before it.
    pub(super) fn links(&self) -> Vec<(String, String)> {
        let links = self.screen.links();
        let mut found: Vec<(String, String)> = Vec::new();
        let area = self.drawn.area;
        let mut before = None;
        for position in area.positions() {
            let target = links.target(position.x, position.y).map(|target| target.to_string());
            let here = target.as_ref().map(|target| (position.y, target.clone()));
            if let Some(target) = target {
                let symbol = self.drawn[position].symbol();
                match found.last_mut() {
                    Some((piece, _)) if before == here => piece.push_str(symbol),
                    _ => found.push((symbol.to_owned(), target)),
                }
            }
            before = here;
        }
        found
    }

    pub(super) fn has_left(&self) -> bool {
        self.inputs.iter().any(|input| matches!(input, Input::Quit))
    }

    /// So is the room that is open.
    pub(super) fn meets(&mut self, members: Vec<Attendee>) {
        self.members = members;
        self.draw();
    }

    fn draw(&mut self) {
        self.screen.learn(self.peers.clone());
        self.screen.meet(Some(self.members.clone()));
        // Not what the backend has: it keeps what stood in the right half of a wide character.
        let drawn = self.terminal.draw(|frame| self.screen.draw(frame));
        self.drawn = drawn.expect("memory never fails").buffer.clone();
        let mut opened = None;
        while let Some(action) = self.screen.poll_action() {
            match action {
                Action::Input(input) => {
                    if let Input::Command(command) = &input {
                        opened = command.strip_prefix("msg ").map(address);
                    }
                    self.inputs.push(input);
                }
                Action::Notify(sentence) => self.notified.push(sentence),
                _ => {}
            }
        }
        // As the chat does, unless it cannot.
        if let Some(peer) = opened.filter(|peer| self.refused.as_ref() != Some(peer)) {
            self.opens(&peer);
        }
    }

    /// What is seen now.
    pub(super) fn text(&self) -> String {
        let width = usize::from(self.drawn.area.width);
        let row = |cells: &[Cell]| cells.iter().map(Cell::symbol).collect::<String>() + "\n";
        self.drawn.content.chunks(width).map(row).collect()
    }

    /// Adds what is seen now to the story.
    pub(super) fn picture(&mut self) {
        let caption = std::mem::take(&mut self.caption);
        let separator = if self.told.is_empty() { "" } else { "\n" };
        let _ = writeln!(self.told, "{separator}{}", caption.trim_end());
        let caret = self.terminal.get_cursor_position().ok();
        let buffer = &self.drawn;
        for y in 0..buffer.area.height {
            let (mut row, mut x) = (String::new(), 0);
            while x < buffer.area.width {
                if caret.is_some_and(|caret| (caret.x, caret.y) == (x, y)) {
                    row.push('▏');
                }
                let symbol = buffer[(x, y)].symbol();
                row.push_str(symbol);
                let cells = (self.ambiguous.cells(symbol) as u16).max(1);
                let covered = (x + 1..(x + cells).min(buffer.area.width)).map(|x| (x, y));
                let free = |at| buffer[at].symbol() == " ";
                assert!(covered.into_iter().all(free), "a wide {symbol} is drawn over: {row}");
                x += cells;
            }
            assert_eq!(x, buffer.area.width, "longer than the terminal: {row}");
            let _ = writeln!(self.told, "|{row}|");
        }
    }

    /// Compares the story with the one on file.
    pub(super) fn told(self, name: &str) {
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path("../pictures");
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(name, self.told));
    }
}
