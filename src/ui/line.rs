//! Line mode for a person: `23:31 alice  text`, and remarks in between.
//!
//! What was typed stands where it was typed; below it, once the other side has the lines, one remark
//! says so for all of them. A line that has left and is not confirmed after a while is told too, and
//! so is one that has to wait: what was not delivered never looks as if it were.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use p2pchat_wire::identity::PeerId;
use unicode_width::UnicodeWidthStr;

use super::language::Language;
use super::moves::{Doors, Moves};
use super::{Background, Printout, called, files, plain, said, tables, words};
use crate::chat::{
    Address, Audience, Direction, LineId, LineState, Manner, Message, Nicknames, Notice, Timestamp,
    clean,
};

/// Deliveries within so many milliseconds are told together.
const SETTLE: u64 = 150;

/// A line that left is remarked upon after so many milliseconds without confirmation.
const PATIENCE: u64 = 3_000;

/// Lines of which it is remembered when they left; more are too many to speak of one by one.
const MAX_UNDERWAY: usize = 1_000;

/// How a chat looks on a terminal.
#[derive(Debug)]
pub struct LineView {
    zone: TimeZone,
    language: Language,
    /// Whether names have colours.
    colour: bool,
    /// Whether names have hosts, because there are several.
    several: bool,
    /// What contacts are called here.
    nicknames: Nicknames,
    /// How wide the terminal is; nothing is wrapped without knowing.
    columns: Option<usize>,
    /// The day of the last message, so that another day can be announced.
    day: Option<jiff::civil::Date>,
    underway: BTreeMap<Address, Underway>,
    /// Who comes into rooms and leaves them.
    doors: Doors,
}

/// Our lines to one peer that are not delivered, or of which that has not been told.
#[derive(Debug, Default)]
struct Underway {
    /// When each line left.
    sent: BTreeMap<LineId, Timestamp>,
    /// Lines delivered since the last remark, and since when the first of them.
    delivered: u64,
    since: Timestamp,
    /// Whether it was said that lines are not confirmed.
    told: bool,
}

impl LineView {
    /// A view whose clock is in `zone`.
    #[must_use]
    pub fn new(zone: TimeZone, colour: bool, language: Language) -> Self {
        Self {
            zone,
            language,
            colour,
            several: false,
            nicknames: Nicknames::default(),
            columns: None,
            day: None,
            underway: BTreeMap::new(),
            doors: Doors::default(),
        }
    }

    /// The language of its sentences.
    pub(super) fn language(&self) -> &Language {
        &self.language
    }

    /// From now on, sentences fit into so many cells.
    pub fn fit(&mut self, columns: Option<usize>) {
        self.columns = columns;
    }

    /// What stands before the line that is being typed.
    #[must_use]
    pub fn prompt(
        current: Option<&Address>,
        background: Background<'_>,
        language: &Language,
    ) -> String {
        let prompt = |peer: &Address| format!("{}> ", background.name(peer));
        current.map_or_else(|| format!("{} ", language.text("prompt-nobody")), prompt)
    }

    /// The prompt `wanted` in as many cells as `begun` takes, which stands before a line that is
    /// being typed: what is typed does not move.
    #[must_use]
    pub fn prompt_instead(begun: &str, wanted: &str) -> String {
        let cells = begun.width();
        let mut prompt = wanted.to_owned();
        if prompt.width() > cells {
            let mut name = wanted.trim_end_matches("> ").to_owned();
            while name.width() + "…> ".width() > cells && name.pop().is_some() {}
            prompt = format!("{name}…> ");
        }
        // Too narrow for any name; it comes with the next line.
        let Some(missing) = cells.checked_sub(prompt.width()) else { return begun.to_owned() };
        " ".repeat(missing) + &prompt
    }

    /// What is to be written about a notice.
    pub fn render(
        &mut self,
        now: Timestamp,
        notice: &Notice,
        background: Background<'_>,
    ) -> Vec<Printout> {
        self.several = background.several;
        self.nicknames = background.nicknames.cloned().unwrap_or_default();
        if self.doors.hold(now, notice) {
            return Vec::new();
        }
        let printouts = self.told(now, notice, background);
        if printouts.is_empty() {
            return printouts;
        }
        let moves = self.doors.open();
        self.moved(moves).into_iter().chain(printouts).collect()
    }

    fn told(
        &mut self,
        now: Timestamp,
        notice: &Notice,
        background: Background<'_>,
    ) -> Vec<Printout> {
        match notice {
            Notice::Message(message) => self.message(message),
            Notice::Status { to, id, state, .. } => self.status(now, to, *id, state),
            Notice::Amended { with, by: Direction::In, line, .. }
            | Notice::Reacted { with, by: Direction::In, line, .. } => {
                self.amendment(now, notice, with, None, *line)
            }
            Notice::Stray(message) => {
                self.amendment(now, notice, &message.from, Some(message.key), message.id)
            }
            Notice::Written(_) | Notice::Amended { .. } | Notice::Reacted { .. } => {
                let said = said::done_by_us(notice, background, &self.language);
                let dim = |text: String| Printout::err(self.dim(&format!("      {text}")));
                said.map(dim).into_iter().collect()
            }
            other => {
                let background = Background { columns: self.room(), ..background };
                words::sentence(other, &self.zone, background, &self.language)
                    .map(|sentence| match words::is_alarm(other) {
                        true => Printout::err(self.alarm(&sentence)),
                        false => Printout::err(self.remark(&sentence)),
                    })
                    .into_iter()
                    .collect()
            }
        }
    }

    /// When [`settle`](Self::settle) has something to say.
    #[must_use]
    pub fn settles_at(&self) -> Option<Timestamp> {
        let due = |underway: &Underway| {
            let delivered = (underway.delivered > 0).then(|| underway.since.0 + SETTLE);
            let unconfirmed =
                underway.oldest().filter(|_| !underway.told).map(|at| at.0 + PATIENCE);
            delivered.into_iter().chain(unconfirmed).min()
        };
        let underway = self.underway.values().filter_map(due).min().map(Timestamp);
        underway.into_iter().chain(self.doors.due()).min()
    }

    /// What is to be written because time has passed.
    pub fn settle(&mut self, now: Timestamp) -> Vec<Printout> {
        let mut remarks = Vec::new();
        let background = Background::calling(self.several, &self.nicknames);
        for (to, underway) in &mut self.underway {
            let to = background.name(to);
            if underway.delivered > 0 && now.since(underway.since) >= SETTLE {
                let count = underway.delivered;
                remarks.push(self.language.count("delivered", count, &[("name", &to)]));
                underway.delivered = 0;
            }
            if !underway.told && underway.oldest().is_some_and(|at| now.since(at) >= PATIENCE) {
                underway.told = true;
                remarks.push(self.language.say("sent-unconfirmed", &[("name", &to)]));
            }
        }
        self.underway.retain(|_, underway| underway.delivered > 0 || !underway.sent.is_empty());
        let moves = self.doors.settle(now);
        let remarks = remarks.into_iter().map(|text| self.dim(&format!("      {text}")));
        self.moved(moves).into_iter().chain(remarks.map(Printout::err)).collect()
    }

    fn moved(&self, moves: Vec<(Address, Moves)>) -> Vec<Printout> {
        let background = Background::calling(self.several, &self.nicknames);
        let sentence = |(room, moves): (Address, Moves)| {
            moves.sentence(&background.name(&room), &|who| background.name(who), &self.language)
        };
        moves.into_iter().map(sentence).map(|text| Printout::err(self.remark(&text))).collect()
    }

    fn message(&mut self, message: &Message) -> Vec<Printout> {
        let at = plain::instant(message.received_at).to_zoned(self.zone.clone());
        let mut printouts = self.new_day(at.date());
        let background = Background::calling(self.several, &self.nicknames);
        let author = message.author.as_deref().unwrap_or(&message.from);
        let name = called(clean::label(&background.name(author), 320), message.namesake);
        let place = match &message.author {
            Some(_) => format!("{} ", clean::label(&background.name(&message.from), 80)),
            None => String::new(),
        };
        let place = self.dim(&place);
        let everyone = match message.audience {
            Audience::You => String::new(),
            Audience::Everyone => format!(" {}", self.language.text("to-all")),
        };
        let late = match (message.again, message.is_late()) {
            (true, _) => format!("  {}", self.language.text("seen-before")),
            (false, true) => {
                let time = self.moment(message.sent_at, at.date());
                format!("  {}", self.language.say("written-at", &[("time", &time)]))
            }
            (false, false) => String::new(),
        };
        // Continued under itself, so that no text can look like another message.
        let text = files::offer(&message.text, message.manner, &self.language)
            .unwrap_or_else(|| clean::one_line(&message.text, "\n       "));
        let name = self.coloured(message.key, &name);
        let said = match message.manner {
            Manner::Action => format!("{place}* {name}{everyone} {text}"),
            _ => format!(
                "{place}{name}{everyone}{}  {text}",
                self.dim(&said::about(message, background, &self.language))
            ),
        };
        let text = format!("{} {said}{}", at.strftime("%H:%M"), self.dim(&late));
        printouts.push(Printout {
            shows: Some((message.from.clone(), message.id)),
            ..Printout::out(text)
        });
        printouts
    }

    /// What a contact did to an earlier line.
    fn amendment(
        &mut self,
        now: Timestamp,
        notice: &Notice,
        from: &Address,
        key: Option<PeerId>,
        line: LineId,
    ) -> Vec<Printout> {
        let at = plain::instant(now).to_zoned(self.zone.clone());
        let mut printouts = self.new_day(at.date());
        let moment = |sent_at| self.moment(sent_at, at.date());
        let background = Background::calling(self.several, &self.nicknames);
        let done = said::done_by_contact(notice, background, &self.language, &moment);
        let Some((done, text)) = done else { return printouts };
        let author = said::author_of(notice);
        let name = clean::label(&background.name(author.unwrap_or(from)), 320);
        let place = match author {
            Some(_) => self.dim(&format!("{} ", clean::label(&background.name(from), 80))),
            None => String::new(),
        };
        let name = key.map_or_else(|| name.clone(), |key| self.coloured(key, &name));
        let text = clean::one_line(text, "\n       ");
        let text = format!("{} {place}{name} {}  {text}", at.strftime("%H:%M"), self.dim(&done));
        printouts.push(Printout {
            shows: Some((from.clone(), line)),
            ..Printout::out(text.trim_end().to_owned())
        });
        printouts
    }

    fn new_day(&mut self, day: jiff::civil::Date) -> Vec<Printout> {
        if self.day.replace(day) == Some(day) {
            return Vec::new();
        }
        vec![Printout::err(self.dim(&format!("-- {day} --")))]
    }

    fn status(
        &mut self,
        now: Timestamp,
        to: &Address,
        id: LineId,
        state: &LineState,
    ) -> Vec<Printout> {
        let underway = self.underway.entry(to.clone()).or_default();
        match state {
            LineState::Waiting | LineState::Queued | LineState::Read => {}
            LineState::Sent if underway.sent.len() < MAX_UNDERWAY => {
                underway.sent.insert(id, now);
            }
            LineState::Sent => {}
            LineState::Delivered => {
                underway.sent.remove(&id);
                if underway.delivered == 0 {
                    underway.since = now;
                }
                underway.delivered += 1;
                underway.told &= !underway.sent.is_empty();
            }
            LineState::Failed(problem) => {
                underway.sent.remove(&id);
                let why = words::problem_sentence(problem, &self.language);
                let sentence = self.language.say("not-sent", &[("why", &why)]);
                return vec![Printout::err(self.remark(&sentence))];
            }
        }
        Vec::new()
    }

    /// The time of day, with the date where it is another day than `today`.
    fn moment(&self, at: Timestamp, today: jiff::civil::Date) -> String {
        let at = plain::instant(at).to_zoned(self.zone.clone());
        let format = if at.date() == today { "%H:%M" } else { "%Y-%m-%d %H:%M" };
        at.strftime(format).to_string()
    }

    /// How many cells a line of a remark has, besides what stands before it.
    fn room(&self) -> Option<usize> {
        self.columns.map(|columns| columns.saturating_sub(3))
    }

    /// A sentence that is nobody's message.
    pub(super) fn remark(&self, sentence: &str) -> String {
        self.dim(&self.aside(sentence))
    }

    /// A sentence that must not be overlooked.
    fn alarm(&self, sentence: &str) -> String {
        let sentence = self.aside(sentence);
        if self.colour { format!("\u{1b}[1;31m{sentence}\u{1b}[0m") } else { sentence }
    }

    fn aside(&self, sentence: &str) -> String {
        // Tables keep their lines; a sentence has one, and is broken where its language allows it.
        let sentence = match self.room() {
            Some(columns) if !sentence.contains('\n') => tables::wrap(sentence, columns),
            _ => sentence.to_owned(),
        };
        format!("-- {}", sentence.replace('\n', "\n   "))
    }

    fn dim(&self, text: &str) -> String {
        match self.colour && !text.is_empty() {
            true => format!("\u{1b}[2m{text}\u{1b}[0m"),
            false => text.to_owned(),
        }
    }

    /// A name in a colour that belongs to the key, so that a namesake looks different.
    fn coloured(&self, key: PeerId, name: &str) -> String {
        let colour = 31 + key.0[0] % 6;
        if self.colour { format!("\u{1b}[1;{colour}m{name}\u{1b}[0m") } else { name.to_owned() }
    }
}

impl Underway {
    fn oldest(&self) -> Option<Timestamp> {
        self.sent.values().min().copied()
    }
}

#[cfg(test)]
mod tests {
    use p2pchat_wire::identity::Name;

    use super::*;

    fn alice() -> Address {
        Address::new(Name::new("alice").expect("name"), "host")
    }

    fn view() -> LineView {
        LineView::new(TimeZone::UTC, false, Language::default())
    }

    fn saying(text: &str, sent_at: u64, received_at: u64) -> Notice {
        Notice::Message(Message {
            author: None,
            from: alice(),
            key: PeerId([1; 32]),
            id: LineId([2; 16]),
            text: text.to_owned(),
            sent_at: Timestamp(sent_at),
            received_at: Timestamp(received_at),
            audience: Audience::You,
            again: false,
            manner: Manner::Text,
            quiet: false,
            namesake: false,
            quote: None,
        })
    }

    fn texts(printed: Vec<Printout>) -> Vec<String> {
        printed.into_iter().map(|printout| printout.text).collect()
    }

    const NOW: Timestamp = Timestamp(85_000_000);

    #[test]
    fn messages_carry_time_and_name_and_a_new_day_is_announced() {
        let mut view = view();
        let first = texts(view.render(
            NOW,
            &saying("hi\nthere", 84_999_000, 85_000_000),
            Background::default(),
        ));
        assert_eq!(first, ["-- 1970-01-01 --", "23:36 alice  hi\n       there"]);
        let late = texts(view.render(NOW, &saying("hi", 0, 85_000_000), Background::default()));
        assert_eq!(late, ["23:36 alice  hi  (written 00:00)"]);
        let next_day = texts(view.render(NOW, &saying("hi", 0, 90_000_000), Background::default()));
        assert_eq!(next_day, ["-- 1970-01-02 --", "01:00 alice  hi  (written 1970-01-01 00:00)"]);
    }

    #[test]
    fn a_namesake_in_a_room_has_a_mark_behind_the_name() {
        let Notice::Message(said) = saying("hi", 84_999_000, 85_000_000) else { return };
        let from = Address::room(Name::new("tea").expect("a name"), "host");
        let author = Some(Box::new(alice()));
        let said = Notice::Message(Message { from, author, namesake: true, ..said });
        let told = texts(view().render(NOW, &said, Background::default()));
        assert_eq!(told.last().map(String::as_str), Some("23:36 #tea alice!  hi"));
    }

    #[test]
    fn no_text_can_look_like_another_message_or_move_the_cursor() {
        let dirty = "\u{1b}[2J\r23:36 bob  mallory\u{2028}23:36 bob  money\u{202e}";
        for text in texts(view().render(NOW, &saying(dirty, 0, 0), Background::default())) {
            assert!(!text.contains(['\u{1b}', '\r', '\u{202e}', '\u{2028}']), "{text:?}");
            assert!(text.lines().skip(1).all(|line| line.starts_with("       ")), "{text:?}");
        }
    }

    #[test]
    fn deliveries_are_told_together_and_silence_is_told_too() {
        let mut view = view();
        let state = |id, state| Notice::Status {
            to: alice(),
            id: LineId([id; 16]),
            reference: None,
            state,
        };
        let at = |milliseconds| Timestamp(NOW.0 + milliseconds);
        for id in 1..=3 {
            assert_eq!(view.render(NOW, &state(id, LineState::Sent), Background::default()), []);
        }
        assert_eq!(view.settles_at(), Some(at(PATIENCE)));
        view.render(NOW, &state(1, LineState::Delivered), Background::default());
        view.render(at(50), &state(2, LineState::Delivered), Background::default());
        assert_eq!(view.settles_at(), Some(at(SETTLE)));
        assert_eq!(view.settle(at(100)), []);
        assert_eq!(texts(view.settle(at(SETTLE))), ["      ✓ 2 lines delivered to alice"]);
        assert_eq!(texts(view.settle(at(PATIENCE))), ["      ^ sent to alice, not confirmed yet"]);
        assert_eq!(view.settles_at(), None);
        view.render(at(9_000), &state(3, LineState::Delivered), Background::default());
        assert_eq!(texts(view.settle(at(9_500))), ["      ✓ delivered to alice"]);
        assert_eq!(view.settles_at(), None);
    }

    #[test]
    fn whoever_comes_into_a_room_is_told_with_the_others_and_before_what_is_said_next() {
        let mut view = view();
        let tea = Address::room(Name::new("tea").expect("name"), "host");
        let came = |name: &str| Notice::Room {
            room: tea.clone(),
            news: crate::chat::RoomNews::Moved {
                came: vec![Address::new(Name::new(name).expect("name"), "host")],
                left: Vec::new(),
            },
        };
        for name in ["bob", "carol"] {
            assert_eq!(view.render(NOW, &came(name), Background::default()), []);
        }
        let at = view.settles_at().expect("something is held back");
        assert_eq!(texts(view.settle(at)), ["-- 2 came into #tea: bob, carol."]);
        view.render(NOW, &came("dave"), Background::default());
        let said = texts(view.render(NOW, &saying("hi", NOW.0, NOW.0), Background::default()));
        assert_eq!(said, ["-- dave came into #tea.", "-- 1970-01-01 --", "23:36 alice  hi"]);
        assert_eq!(view.settles_at(), None);
    }

    #[test]
    fn sentences_break_where_their_language_does_and_tables_stay() {
        let mut view = view();
        view.fit(Some(20));
        assert_eq!(view.remark("some words that do not fit"), "-- some words that\n   do not fit");
        assert_eq!(view.remark("你好 你好 你好 你好"), "-- 你好 你好 你好 你\n   好");
        assert_eq!(
            view.remark("什么都没有发出。请再核对一次（见 /trust）。"),
            "-- 什么都没有发出。\n   请再核对一次（见\n   /trust）。"
        );
        let table = "a row that is longer than the terminal\nand another";
        assert_eq!(view.remark(table), format!("-- {}", table.replace('\n', "\n   ")));
    }

    #[test]
    fn the_prompt_says_to_whom_lines_go() {
        let several = Background { several: true, ..Background::default() };
        assert_eq!(
            LineView::prompt(None, Background::default(), &Language::default()),
            "(nobody yet)> "
        );
        assert_eq!(
            LineView::prompt(Some(&alice()), Background::default(), &Language::default()),
            "alice> "
        );
        assert_eq!(LineView::prompt(Some(&alice()), several, &Language::default()), "alice@host> ");
    }

    #[test]
    fn another_prompt_before_a_line_that_is_being_typed_has_the_width_of_the_first() {
        let begun = LineView::prompt(None, Background::default(), &Language::default());
        for (wanted, shown) in [
            ("alice> ", "       alice> "),
            ("twelve-cells> ", "twelve-cells> "),
            ("thirteen-cell> ", "thirteen-ce…> "),
            ("爱丽丝爱丽丝爱丽丝> ", " 爱丽丝爱丽…> "),
        ] {
            assert_eq!(LineView::prompt_instead(&begun, wanted), shown);
            assert_eq!(shown.width(), begun.width(), "{shown}");
        }
        assert_eq!(LineView::prompt_instead("> ", "alice> "), "> ");
    }
}
