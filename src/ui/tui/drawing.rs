//! How the screen is drawn: what was said, and what surrounds it.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};

use super::composer::Paint;
use super::dialogue::Dialogue;
use super::entry::Page;
use super::scrollback::PAGE;
use super::sidebar::{self, Item};
use super::status::Status;
use super::{Action, SMALLEST, Screen, members};
use crate::chat::{Address, Input, PeerSummary, Presence};
use crate::ui::words;

impl Screen {
    /// Draws everything, with the cursor on the caret of what is being written.
    pub fn draw(&mut self, frame: &mut Frame<'_>) {
        self.stale = false;
        self.links.clear();
        let area = frame.area();
        if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
            let (width, height) = SMALLEST;
            if !area.is_empty() {
                let size = format!("{width}x{height}");
                let text = self.language.say("screen-too-small", &[("size", &size)]);
                self.theme.ambiguous.draw(&text, area, frame.buffer_mut(), self.theme.text);
            }
            return;
        }
        let prompt = u16::try_from(self.theme.ambiguous.cells(&self.prompt()))
            .unwrap_or(0)
            .min(area.width / 2);
        let rows = self.writing().rows(area.width - prompt).min(area.height / 2);
        let asked = Status::rows(self.question().as_deref(), area.width, &self.theme);
        let [upper, status, lower] = Layout::vertical([
            Constraint::Fill(1),
            Constraint::Length(asked.min(area.height / 3)),
            Constraint::Length(rows),
        ])
        .areas(area);
        let listed = !self.sidebar_hidden && area.width >= sidebar::FROM;
        let met = !self.members_hidden && !self.members.is_empty() && area.width >= members::FROM;
        let [list, view, members] = Layout::horizontal([
            Constraint::Length(if listed { sidebar::WIDTH } else { 0 }),
            Constraint::Fill(1),
            Constraint::Length(if met { members::WIDTH } else { 0 }),
        ])
        .areas(upper);
        if listed {
            sidebar::render(&self.items(), list, frame.buffer_mut(), &self.theme, &self.language);
        }
        if met {
            let name = |address: &Address| self.name(address);
            let (buffer, theme) = (frame.buffer_mut(), &self.theme);
            members::render(&self.members, name, members, buffer, theme, &self.language);
        }
        self.draw_view(view, frame);
        self.draw_overlay(view, frame);
        self.status().render(status, frame.buffer_mut(), &self.theme, &self.language);
        let [mark, text] =
            Layout::horizontal([Constraint::Length(prompt), Constraint::Fill(1)]).areas(lower);
        let composer = self.writing();
        // Before the text, not before what is said about it.
        let mark = Rect { y: composer.text_area(text).y, height: 1, ..mark }.intersection(lower);
        self.theme.ambiguous.draw(&self.prompt(), mark, frame.buffer_mut(), self.theme.dim);
        let paint = Paint { text: self.theme.text, hint: self.theme.dim };
        composer.render(text, frame.buffer_mut(), paint);
        frame.set_cursor_position(composer.caret(text));
    }

    /// Draws what was said. Whoever looks at the newest of it has seen all of it.
    fn draw_view(&mut self, area: Rect, frame: &mut Frame<'_>) {
        let page = self.page(area.width.into());
        (self.width, self.height) = (area.width.into(), area.height.into());
        let height = self.height;
        let language = self.language.clone();
        let rows = self.scrollback().view(&page, &language, height);
        let top = area.bottom().saturating_sub(rows.len() as u16);
        for (row, y) in rows.iter().zip(top..) {
            let area = Rect { y, height: 1, ..area };
            row.render(area, frame.buffer_mut(), &self.links, self.theme.ambiguous);
        }
        let Some(index) = self.current else { return };
        let watched = self.is_watched(index);
        let dialogue = &mut self.dialogues[index];
        if let Some(before) = dialogue.scrollback.wants_page() {
            let with = dialogue.address.clone();
            let page = Input::Page { with, before, limit: PAGE };
            self.actions.push_back(Action::Input(page));
        }
        let Some((id, count)) = dialogue.unseen else { return };
        if watched {
            dialogue.unseen = None;
            let from = dialogue.address.clone();
            self.actions.push_back(Action::Input(Input::Shown { from, id }));
        } else if !dialogue.scrollback.at_bottom() {
            let count = self.language.count("screen-new", count as u64, &[]);
            let text = format!(" {} {count} ", self.theme.symbols.below);
            let ambiguous = self.theme.ambiguous;
            let width = area.width.min(ambiguous.cells(&text) as u16);
            let corner = Rect::new(area.right() - width, area.bottom() - 1, width, 1);
            let style = self.theme.status.patch(self.theme.unread);
            ambiguous.draw(&text, corner, frame.buffer_mut(), style);
        }
    }

    fn page(&self, width: usize) -> Page {
        let current = self.current.map(|index| &self.dialogues[index]);
        let key = current.and_then(|one| one.summary.as_ref()).and_then(|summary| summary.key);
        let them = current.map(|one| self.name(&one.address)).unwrap_or_default();
        let cells = |name: &str| self.theme.ambiguous.cells(name);
        let theirs = match current {
            Some(one) if one.address.is_room => {
                one.scrollback.authors().map(|who| cells(&self.name(who))).max().unwrap_or(0)
            }
            _ => cells(&them),
        };
        Page {
            width,
            me: self.me.clone(),
            them,
            them_style: self.theme.name(key),
            widest: cells(&self.me).max(theirs),
            several: self.several,
            nicknames: self.nicknames.clone(),
            theme: self.theme.clone(),
            zone: self.zone.clone(),
        }
    }

    fn items(&self) -> Vec<Item> {
        let item = |(index, one): (usize, &Dialogue)| Item {
            name: self.name(&one.address),
            is_room: one.address.is_room,
            style: self.theme.name(one.summary.as_ref().and_then(|summary| summary.key)),
            state: one.summary.as_ref().map(|summary| summary.state).unwrap_or_default(),
            unread: if self.is_watched(index) { 0 } else { one.unread() },
            current: self.current == Some(index),
            trust: one.trust(),
            quiet: one.is_quiet(),
            alarm: one.alarm,
        };
        self.dialogues.iter().enumerate().map(item).collect()
    }

    fn status(&self) -> Status {
        let current = self.current.map(|index| &self.dialogues[index]);
        let summary = current.and_then(|one| one.summary.as_ref());
        let activity = self
            .dialogues
            .iter()
            .enumerate()
            .filter(|(index, one)| self.current != Some(*index) && one.calls());
        let scrollback = current.map_or(&self.home, |one| &one.scrollback);
        Status {
            me: format!("{} ({})", self.me, self.language.text(self.reach)),
            them: current
                .map(|one| match (self.name(&one.address), one.trust()) {
                    (name, Some(trust)) => format!("{name} {trust}"),
                    (name, None) => name,
                })
                .unwrap_or_default(),
            alarm: current.is_some_and(|one| one.alarm),
            path: summary.and_then(|summary| summary.path),
            state: summary.map(|summary| self.state(summary)).unwrap_or_default(),
            unsent: self.unsent(),
            activity: activity
                .map(|(index, one)| format!("{}{}", index + 1, if one.alarm { "!" } else { "" }))
                .collect(),
            scroll: scrollback.percent(),
            typing: current.filter(|one| one.typing.is_some()).map(|one| self.name(&one.address)),
            question: self.question(),
        }
    }

    /// Whether the other side is there, or how many are.
    fn state(&self, summary: &PeerSummary) -> String {
        let there = summary.peer.is_room && summary.state == Presence::Connected;
        if !there || self.members.is_empty() {
            return words::state(summary.peer.is_room, summary.state, &self.language);
        }
        let here = self.members.iter().filter(|member| member.is_here).count();
        self.language.count("room-here", self.members.len() as u64, &[("here", &here)])
    }

    /// What is asked or answered in place of the status.
    fn question(&self) -> Option<String> {
        if !self.asked_to_leave {
            return self
                .over_status()
                .or_else(|| Some(self.answer.as_ref()?.said_in(&self.language)));
        }
        Some(match self.unsent() {
            0 => self.language.text("screen-leave"),
            count => self.language.count("screen-leave-unsent", count, &[]),
        })
    }
}
