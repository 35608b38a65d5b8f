//! What the notices of the chat change on the screen.

use super::dialogue::Dialogue;
use super::entry::{self, Entry, Kind};
use super::notify::News;
use super::said::{Mark, Said};
use super::{Action, Screen};
use crate::chat::room::Standing;
use crate::chat::{
    Address, Direction, HistoryLine, LineId, LineState, Message, Notice, Reaction, RoomNews,
    Timestamp, clean,
};
use crate::ui::moves::Moves;
use crate::ui::{Background, files, said, words};

/// How many milliseconds somebody counts as typing who does not say so again.
const TYPING: u64 = 6_000;

impl Screen {
    /// Takes in what the chat says at `now`.
    pub fn hear(&mut self, now: Timestamp, notice: &Notice, background: Background<'_>) {
        self.stale = true;
        self.several = background.several;
        self.nicknames = background.nicknames.cloned().unwrap_or_default();
        let background = Background { columns: self.columns(), ..background };
        self.learn_reach(notice);
        match notice {
            Notice::Message(message) => return self.message(now, message),
            Notice::Written(written) => {
                let entry = Entry::said(Said::written(written), &self.zone);
                let index = self.index_of(&written.to);
                return self.dialogues[index].scrollback.push(entry, true);
            }
            Notice::Status { to, id, state, .. } => {
                let mark = Mark::new(state, &self.language);
                let index = self.index_of(to);
                let dialogue = &mut self.dialogues[index];
                let stands = dialogue.scrollback.mark(*id, mark, now);
                if let (false, LineState::Failed(problem)) = (stands, state) {
                    // What was to change a line has none of its own.
                    let why = words::problem_sentence(problem, &self.language);
                    let sentence = self.language.say("not-sent", &[("why", &why)]);
                    dialogue.remark(now, &self.zone, sentence, true);
                }
                return;
            }
            Notice::Amended { with, id, line, text, by, .. } => {
                let index = self.index_of(with);
                let dialogue = &mut self.dialogues[index];
                dialogue.scrollback.amend(*by, *id, |said| {
                    said.edited = text.is_some();
                    said.text.clone_from(text);
                });
                if *by == Direction::In {
                    dialogue.came(*line);
                }
                return;
            }
            Notice::Reacted { with, id, line, by, author: who, reaction, .. } => {
                let index = self.index_of(with);
                let dialogue = &mut self.dialogues[index];
                for author in [Direction::In, Direction::Out] {
                    let reaction = || Reaction {
                        by: *by,
                        author: who.as_deref().cloned(),
                        text: reaction.clone(),
                    };
                    dialogue.scrollback.amend(author, *id, |said| said.react(reaction()));
                }
                if *by == Direction::In {
                    dialogue.came(*line);
                }
                return;
            }
            Notice::Stray(message) => {
                let moment = |at| entry::moment(at, &self.zone).strftime("%H:%M").to_string();
                let done = said::done_by_contact(notice, background, &self.language, &moment);
                let index = self.index_of(&message.from);
                let name = self.name(message.author.as_deref().unwrap_or(&message.from));
                let dialogue = &mut self.dialogues[index];
                if let Some((done, text)) = done {
                    let sentence = format!("{name} {done} {}", clean::one_line(text, " "));
                    dialogue.remark(now, &self.zone, sentence.trim_end().to_owned(), false);
                }
                return dialogue.came(message.id);
            }
            Notice::Page { with, lines, end } => {
                // Whoever has been removed since it was asked for does not come back.
                let Some(index) = self.place_of(with) else { return };
                if !self.dialogues[index].scrollback.was_read() {
                    let ours = |line: &&HistoryLine| line.direction == Direction::Out;
                    for line in lines.iter().filter(ours) {
                        self.composer.remember(with, &line.text);
                    }
                }
                let (zone, language) = (&self.zone, &self.language);
                let dialogue = &mut self.dialogues[index];
                let unread = dialogue.unread();
                let (lines, end) = (lines.clone(), *end);
                let unseen = dialogue.scrollback.add_page(lines, end, unread, zone, language);
                // Those that came by themselves are newer.
                dialogue.unseen = match (dialogue.unseen, unseen) {
                    (Some((id, live)), Some((_, stored))) => Some((id, live + stored)),
                    (live, stored) => live.or(stored),
                };
                return;
            }
            Notice::Found { text, lines, .. } if self.found(text, lines) => return,
            Notice::Help(_) => return self.open_help(),
            // A search that failed has no other answer.
            Notice::StoreFailed(_) => self.searches = 0,
            Notice::Typing { peer, typing } => {
                let index = self.index_of(peer);
                let until = Timestamp(now.0 + TYPING);
                self.dialogues[index].typing = typing.then_some(until);
                return;
            }
            Notice::Removed(peer) => self.remove(peer),
            Notice::Draft { with, text } => {
                let index = self.index_of(with);
                self.dialogues[index].kept.clone_from(text);
                return self.take_draft(index, text);
            }
            Notice::Current(peer) => {
                let index = self.index_of(peer);
                return self.show(index);
            }
            Notice::KeyChanged { peer, .. } => {
                let index = self.index_of(peer);
                self.dialogues[index].alarm = true;
            }
            Notice::Trusted { peer, .. } | Notice::Invited { peer, .. } => {
                let index = self.index_of(peer);
                self.dialogues[index].alarm = false;
            }
            _ => {}
        }
        if let Notice::File(news) = notice {
            let index = self.index_of(&news.with);
            let way = files::progress(news, &self.language);
            let way = way.map(|way| match files::gauge(news) {
                Some(gauge) => format!("{gauge} {way}"),
                None => way,
            });
            self.dialogues[index].scrollback.amend(news.by, news.id, |said| said.way = way);
        }
        if let Notice::Room { room, news: RoomNews::Progress { id, progress } } = notice {
            let index = self.index_of(room);
            let change = |said: &mut Said| said.progress = Some(*progress);
            self.dialogues[index].scrollback.amend(Direction::Out, *id, change);
            return;
        }
        if let Notice::Room { room, news: RoomNews::Moved { came, left } } = notice {
            let entry = Entry::new(now, &self.zone, Kind::Moved(Moves::new(came, left)));
            let index = self.index_of(room);
            return self.dialogues[index].scrollback.push_moves(entry);
        }
        if let Notice::Room { room, news: RoomNews::Standing { standing, lines, texts, .. } } =
            notice
        {
            self.stand(room, *standing, lines, texts);
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

    /// Lines in a room do not count any more, or say what they said before.
    fn stand(
        &mut self,
        room: &Address,
        standing: Standing,
        lines: &[LineId],
        texts: &[(LineId, String)],
    ) {
        let index = self.index_of(room);
        let scrollback = &mut self.dialogues[index].scrollback;
        for by in [Direction::In, Direction::Out] {
            for id in lines.iter().filter(|_| standing != Standing::Counts) {
                scrollback.amend(by, *id, |said| (said.text, said.is_withdrawn) = (None, true));
            }
            for (id, text) in texts {
                scrollback.amend(by, *id, |said| {
                    (said.text, said.is_withdrawn) = (Some(text.clone()), false);
                });
            }
        }
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

    fn message(&mut self, now: Timestamp, message: &Message) {
        let index = self.index_of(&message.from);
        let seen = self.is_watched(index);
        let entry = Entry::said(Said::come(message), &self.zone);
        let dialogue = &mut self.dialogues[index];
        dialogue.scrollback.push(entry, seen);
        dialogue.came(message.id);
        // Whoever looks sees it, and what an earlier run has shown is no news.
        let quiet = message.quiet || self.dialogues[index].is_quiet();
        if !self.focused && !message.again && !quiet {
            let news = News {
                from: self.name(message.author.as_deref().unwrap_or(&message.from)),
                text: message.text.clone(),
                unread: (self.dialogues.iter().filter(|one| !one.is_quiet()))
                    .map(Dialogue::unread)
                    .sum(),
            };
            let sentence = self.notifier.tell(now, &news, &self.language);
            self.actions.extend(sentence.map(Action::Notify));
        }
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
        Notice::Room {
            news: RoomNews::Summary { .. } | RoomNews::Members(_) | RoomNews::Receipts { .. },
            ..
        } => None,
        Notice::Peer { peer, .. }
        | Notice::Searching { peer, .. }
        | Notice::SamePerson { peer, .. }
        | Notice::NoSuchName(peer)
        | Notice::ConnectRefused { peer, .. }
        | Notice::KeyChanged { peer, .. }
        | Notice::Kept { to: peer, .. }
        | Notice::Unreadable { peer, .. }
        | Notice::NotTheSame { peer, .. }
        | Notice::Pending(peer)
        | Notice::NoFiles(peer)
        | Notice::NoFolders(peer)
        | Notice::SecretLacking { peer, .. }
        | Notice::Room { room: peer, .. }
        | Notice::Trusted { peer, .. } => Some(peer),
        Notice::File(news) => Some(&news.with),
        _ => None,
    }
}
