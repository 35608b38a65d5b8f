//! What somebody said, what became of it, and how that is laid out in rows.

use jiff::civil::DateTime;
use p2pchat_wire::identity::PeerId;
use ratatui::text::{Line, Span};

use super::entry::{CLOCK, Page, blank, moment, wrapped};
use super::hyperlinks::Row;
use super::theme::Theme;
use crate::chat::room::Standing;
use crate::chat::{
    Address, Audience, Direction, HistoryLine, LineId, LineState, Manner, Message, Place, Progress,
    Quote, Reaction, Timestamp, Written, clean,
};
use crate::ui::language::Language;
use crate::ui::{called, files, words};

/// The fewest cells behind our own lines for the mark of their delivery.
const MARK: usize = 3;

/// Cells of a reaction.
const REACTION: usize = 8;

/// A line that took more milliseconds than this shows both times.
const LATE: u64 = 60_000;

/// What somebody said.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) id: LineId,
    /// Whether it is ours.
    pub(super) by: Direction,
    /// In a room, who said it, if not we.
    pub(super) author: Option<Author>,
    /// As it came, or as we typed it; `None` if it is deleted.
    pub(super) text: Option<String>,
    pub(super) manner: Manner,
    /// The line that it answers.
    quote: Option<Quote>,
    sent_at: Timestamp,
    /// When it came, or was delivered, if it was.
    pub(super) arrived_at: Option<Timestamp>,
    audience: Audience,
    /// An earlier run may have shown it.
    again: bool,
    /// Whether its author has changed the text.
    pub(super) edited: bool,
    /// In a room: whether it does not count. It has no text then.
    pub(super) is_withdrawn: bool,
    pub(super) reactions: Vec<Reaction>,
    /// How far a line of ours has come.
    pub(super) mark: Mark,
    /// How far the file is that it offers, in words.
    pub(super) way: Option<String>,
    /// How many have it, of a line of ours in a room.
    pub(super) progress: Option<Progress>,
    /// Where it stands on the disk, once that is known.
    pub(super) place: Option<Place>,
}

/// One of several who speak in a room.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Author {
    pub(super) who: Address,
    /// A namesake has another.
    key: Option<PeerId>,
    /// Somebody else is known here by the name.
    namesake: bool,
}

/// How far a line of ours has come.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) enum Mark {
    /// Nothing to be said: it is not ours.
    #[default]
    None,
    Queued,
    Sent,
    Delivered,
    Read,
    /// With the reason.
    Failed(String),
}

impl Mark {
    pub(super) fn new(state: &LineState, language: &Language) -> Self {
        match state {
            LineState::Waiting | LineState::Queued => Self::Queued,
            LineState::Sent => Self::Sent,
            LineState::Delivered => Self::Delivered,
            LineState::Read => Self::Read,
            LineState::Failed(problem) => Self::Failed(words::problem_sentence(problem, language)),
        }
    }

    fn symbol(&self, theme: &Theme) -> &'static str {
        match self {
            Self::None => "",
            Self::Queued => theme.symbols.queued,
            Self::Sent => theme.symbols.sent,
            Self::Delivered => theme.symbols.delivered,
            Self::Read => theme.symbols.read,
            Self::Failed(_) => theme.symbols.failed,
        }
    }
}

impl Author {
    fn new(who: &Address, key: Option<PeerId>, namesake: bool) -> Self {
        Self { who: who.clone(), key, namesake }
    }
}

impl Said {
    /// A line that comes.
    pub(super) fn come(message: &Message) -> Self {
        Self {
            id: message.id,
            by: Direction::In,
            author: (message.author.as_deref())
                .map(|who| Author::new(who, Some(message.key), message.namesake)),
            text: Some(message.text.clone()),
            manner: message.manner,
            quote: message.quote.as_deref().cloned(),
            sent_at: message.sent_at,
            arrived_at: Some(message.received_at),
            audience: message.audience,
            again: message.again,
            edited: false,
            is_withdrawn: false,
            reactions: Vec::new(),
            mark: Mark::None,
            way: None,
            progress: None,
            place: None,
        }
    }

    /// A line that goes.
    pub(super) fn written(written: &Written) -> Self {
        Self {
            id: written.id,
            by: Direction::Out,
            author: None,
            text: Some(written.text.clone()),
            manner: written.manner,
            quote: written.quote.as_deref().cloned(),
            sent_at: written.sent_at,
            arrived_at: None,
            audience: written.audience,
            again: false,
            edited: false,
            is_withdrawn: false,
            reactions: Vec::new(),
            mark: Mark::Queued,
            way: None,
            progress: None,
            place: None,
        }
    }

    /// A line from the disk.
    pub(super) fn stored(line: HistoryLine, language: &Language) -> Self {
        let mark = match line.direction {
            Direction::In => Mark::None,
            Direction::Out => Mark::new(&line.state, language),
        };
        let is_withdrawn = line.standing != Standing::Counts;
        Self {
            id: line.id,
            by: line.direction,
            author: line.author.as_ref().map(|who| Author::new(who, line.key, line.namesake)),
            text: (!line.deleted && !is_withdrawn).then_some(line.text),
            manner: line.manner,
            quote: line.quote,
            sent_at: line.sent_at,
            arrived_at: line.arrived_at,
            audience: line.audience,
            again: false,
            edited: line.edited_at.is_some(),
            is_withdrawn,
            reactions: line.reactions,
            mark,
            way: None,
            progress: line.progress,
            place: Some(line.place),
        }
    }

    /// When it was said here.
    pub(super) fn at(&self) -> Timestamp {
        match self.by {
            Direction::In => self.arrived_at.unwrap_or(self.sent_at),
            Direction::Out => self.sent_at,
        }
    }

    /// Another reaction of somebody, or none.
    pub(super) fn react(&mut self, reaction: Reaction) {
        let same = |one: &Reaction| one.by == reaction.by && one.author == reaction.author;
        self.reactions.retain(|one| !same(one));
        if !reaction.text.is_empty() {
            self.reactions.push(reaction);
        }
    }

    /// Its rows; `continued` leaves time and name out.
    pub(super) fn rows(
        &self,
        at: DateTime,
        page: &Page,
        language: &Language,
        continued: bool,
    ) -> Vec<Row> {
        let theme = &page.theme;
        let style = match (self.by, &self.author) {
            (Direction::Out, _) => theme.own,
            (Direction::In, Some(author)) => theme.name(author.key),
            (Direction::In, None) => page.them_style,
        };
        let name = page.called(self.by, self.author.as_ref().map(|author| &author.who));
        let namesake = self.author.as_ref().is_some_and(|author| author.namesake);
        // However long the name is, the mark is there.
        let label = |room: usize| {
            let room = room.saturating_sub(usize::from(namesake));
            called(theme.ambiguous.label(&name, room), namesake)
        };
        let column = page.name_column();
        let indent = if column == 0 { 1 } else { CLOCK + column + 2 };
        let room = page.width.saturating_sub(indent).max(1);
        let mut rows = Vec::new();
        let clock = Span::styled(at.strftime("%H:%M ").to_string(), theme.dim);
        let mut before = match (column, continued) {
            (_, true) => vec![blank(indent)],
            (0, false) => {
                let name = label(page.width.saturating_sub(CLOCK));
                rows.push(Line::from(vec![clock, Span::styled(name, style)]).into());
                vec![blank(indent)]
            }
            (column, false) => {
                let acts = self.manner == Manner::Action && self.text.is_some();
                let name = if acts { "*".to_owned() } else { label(column) };
                let rest = blank(indent.saturating_sub(CLOCK + theme.ambiguous.cells(&name)));
                vec![clock, Span::styled(name, style), rest]
            }
        };
        let mut push = |row: Row| {
            let before = std::mem::replace(&mut before, vec![blank(indent)]);
            rows.push(row.behind(before, theme.ambiguous));
        };
        if let Some(quoted) = self.quoted(page, language) {
            let quoted = theme.ambiguous.label(&quoted, room);
            push(Line::from(Span::styled(quoted, theme.dim)).into());
        }
        let mark = self.sign(theme);
        let width = room.saturating_sub(self.sign_cells()).max(1);
        let (text, text_style) = match &self.text {
            None if self.is_withdrawn => (language.text("screen-withdrawn"), theme.dim),
            None => (language.text("screen-deleted"), theme.dim),
            Some(text) if self.manner == Manner::Action => {
                (format!("{} {}", called(name.clone(), namesake), clean::text(text)), theme.text)
            }
            Some(text) => {
                let offer = files::offer(text, self.manner, language);
                (offer.unwrap_or_else(|| clean::text(text)), theme.text)
            }
        };
        let tail = self.tail(page, language);
        let mut lines = wrapped(&text, text_style, &tail, theme.dim, width, theme.ambiguous);
        if let (false, Some(last)) = (mark.is_empty(), lines.last_mut()) {
            let style = if let Mark::Failed(_) = self.mark { theme.wrong } else { theme.dim };
            last.line.push_span(Span::styled(format!(" {mark}"), style));
        }
        lines.into_iter().for_each(&mut push);
        if let Mark::Failed(reason) = &self.mark {
            let reason = wrapped(reason, theme.wrong, "", theme.dim, room, theme.ambiguous);
            reason.into_iter().for_each(&mut push);
        }
        if !self.reactions.is_empty() {
            let reactions = self.all_reactions(page);
            let reactions = wrapped(&reactions, theme.dim, "", theme.dim, room, theme.ambiguous);
            reactions.into_iter().for_each(&mut push);
        }
        rows
    }

    /// What stands behind a line of ours: how many have it, or that all do.
    fn sign(&self, theme: &Theme) -> String {
        match (&self.mark, self.progress) {
            (Mark::Queued | Mark::Sent, Some(Progress { have, of })) if have < of => {
                format!("{have}/{of}")
            }
            (mark, _) => mark.symbol(theme).to_owned(),
        }
    }

    /// Cells for it, which are as many however many have the line, so that no text moves.
    fn sign_cells(&self) -> usize {
        match (&self.mark, self.progress) {
            (Mark::None, _) => 0,
            (_, Some(Progress { of, .. })) => MARK.max(" /".len() + 2 * of.to_string().len()),
            (_, None) => MARK,
        }
    }

    /// How people have reacted: each way once, with who has.
    fn all_reactions(&self, page: &Page) -> String {
        let mut ways: Vec<(&str, Vec<String>)> = Vec::new();
        for one in &self.reactions {
            let name = page.called(one.by, one.author.as_ref());
            match ways.iter_mut().find(|(way, _)| *way == one.text) {
                Some((_, names)) => names.push(name),
                None => ways.push((&one.text, vec![name])),
            }
        }
        let ways = ways.into_iter().map(|(way, names)| {
            format!("{} {}", page.theme.ambiguous.label(way, REACTION), names.join(", "))
        });
        ways.collect::<Vec<_>>().join("  ")
    }

    /// The line that it answers, in one row.
    fn quoted(&self, page: &Page, language: &Language) -> Option<String> {
        if !matches!(self.manner, Manner::Reply { .. }) {
            return None;
        }
        Some(match &self.quote {
            Some(Quote { by, author, text: Some(text), .. }) => {
                format!("> {}: {}", page.called(*by, author.as_deref()), clean::one_line(text, " "))
            }
            Some(Quote { by, author, text: None, is_hidden, .. }) => {
                let gone = if *is_hidden { "screen-hidden" } else { "screen-deleted" };
                format!("> {}: {}", page.called(*by, author.as_deref()), language.text(gone))
            }
            None => format!("> {}", language.text("screen-not-here")),
        })
    }

    /// What is remarked behind it.
    fn tail(&self, page: &Page, language: &Language) -> String {
        let mut tail = String::new();
        let mut add = |remark: String| {
            tail.push_str("  ");
            tail.push_str(&remark);
        };
        if let Some(way) = &self.way {
            add(way.clone());
        }
        if self.audience == Audience::Everyone {
            add(language.text("to-all"));
        }
        if self.edited && self.text.is_some() {
            add(language.text("screen-edited"));
        }
        if self.again {
            add(language.text("seen-before"));
        } else if let Some(arrived) = self.arrived_at.filter(|at| at.since(self.sent_at) > LATE) {
            let (written, arrived) =
                (moment(self.sent_at, &page.zone), moment(arrived, &page.zone));
            let format = if written.date() == arrived.date() { "%H:%M" } else { "%Y-%m-%d %H:%M" };
            let (written, arrived) = (written.strftime(format), arrived.strftime(format));
            add(language.say("screen-late", &[("written", &written), ("arrived", &arrived)]));
        }
        tail
    }
}
