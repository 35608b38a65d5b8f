//! One thing that stands in a conversation, and how it is laid out in rows.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

use super::theme::Theme;
use super::wrap::{self, Ambiguous};
use crate::chat::{Audience, Direction, LineId, Timestamp, clean};
use crate::ui::language::Language;
use crate::ui::plain;

/// Below so many columns a name stands above what is said, not before it.
const NARROW: usize = 40;

/// The most cells of a name before what is said.
const MAX_NAME: usize = 16;

/// Cells behind our own lines for the mark of their delivery.
const MARK: usize = 3;

/// `23:31 ` before a name.
pub(super) const CLOCK: usize = 6;

/// A line that took more milliseconds than this shows both times.
const LATE: u64 = 60_000;

/// One thing that stands in a conversation.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// When it was said here, on the clock of this computer.
    pub(super) at: DateTime,
    pub(super) kind: Kind,
}

/// What it is.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// Somebody said this.
    Said(Box<Said>),
    /// Somebody came, left, or is on another path; so many changes before this one are not shown.
    Presence { sentence: String, earlier: u64 },
    /// The program says this; an alarm must not be overlooked.
    Remark { sentence: String, alarm: bool },
}

/// What somebody said.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) id: LineId,
    /// Whether it is ours.
    pub(super) by: Direction,
    /// As it came, or as we typed it.
    pub(super) text: String,
    pub(super) sent_at: Timestamp,
    /// When it came, or was delivered, if it was.
    pub(super) arrived_at: Option<Timestamp>,
    pub(super) audience: Audience,
    /// An earlier run may have shown it.
    pub(super) again: bool,
    /// How far a line of ours has come.
    pub(super) mark: Mark,
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

/// In which the entries of a conversation are laid out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Page {
    /// Cells of a row.
    pub(super) width: usize,
    pub(super) ambiguous: Ambiguous,
    /// What we are called.
    pub(super) me: String,
    /// What the other side is called.
    pub(super) them: String,
    /// How their name looks.
    pub(super) them_style: Style,
    pub(super) theme: Theme,
    pub(super) zone: TimeZone,
}

impl Mark {
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

impl Entry {
    pub(super) fn new(at: Timestamp, zone: &TimeZone, kind: Kind) -> Self {
        Self { at: moment(at, zone), kind }
    }

    /// Whether it goes on where `before` ended, so that neither time nor name need be repeated.
    pub(super) fn continues(&self, before: &Self) -> bool {
        match (&self.kind, &before.kind) {
            (Kind::Said(this), Kind::Said(that)) => {
                let minute = |at: DateTime| (at.date(), at.hour(), at.minute());
                this.by == that.by && minute(self.at) == minute(before.at)
            }
            _ => false,
        }
    }

    /// Its rows; `continued` leaves time and name out.
    pub(super) fn rows(
        &self,
        page: &Page,
        language: &Language,
        continued: bool,
    ) -> Vec<Line<'static>> {
        match &self.kind {
            Kind::Said(said) => self.said(said, page, language, continued),
            Kind::Presence { sentence, earlier: 0 } => self.remark(sentence, false, page),
            Kind::Presence { sentence, earlier } => {
                let earlier = language.count("screen-earlier", *earlier, &[]);
                self.remark(&format!("{sentence} {earlier}"), false, page)
            }
            Kind::Remark { sentence, alarm } => self.remark(sentence, *alarm, page),
        }
    }

    fn said(
        &self,
        said: &Said,
        page: &Page,
        language: &Language,
        continued: bool,
    ) -> Vec<Line<'static>> {
        let theme = &page.theme;
        let (name, style) = match said.by {
            Direction::Out => (&page.me, theme.own),
            Direction::In => (&page.them, page.them_style),
        };
        let column = page.name_column();
        let indent = if column == 0 { 1 } else { CLOCK + column + 2 };
        let mark = said.mark.symbol(theme);
        let reserved = if mark.is_empty() { 0 } else { MARK };
        let width = page.width.saturating_sub(indent + reserved).max(1);
        let text = clean::text(&said.text);
        let tail = said.tail(page, language);
        let mut rows = Vec::new();
        let clock = Span::styled(self.at.strftime("%H:%M ").to_string(), theme.dim);
        let mut before = match (column, continued) {
            (_, true) => vec![blank(indent)],
            (0, false) => {
                let name =
                    Span::styled(clean::label(name, page.width.saturating_sub(CLOCK)), style);
                rows.push(Line::from(vec![clock, name]));
                vec![blank(indent)]
            }
            (column, false) => {
                let name = clean::label(name, column);
                let rest = blank(indent.saturating_sub(CLOCK + name.width()));
                vec![clock, Span::styled(name, style), rest]
            }
        };
        for pieces in wrapped(&text, theme.text, &tail, theme.dim, width, page.ambiguous) {
            let mut row = std::mem::replace(&mut before, vec![blank(indent)]);
            row.extend(pieces);
            rows.push(Line::from(row));
        }
        if let (false, Some(last)) = (mark.is_empty(), rows.last_mut()) {
            let style = if let Mark::Failed(_) = said.mark { theme.wrong } else { theme.dim };
            last.push_span(Span::styled(format!(" {mark}"), style));
        }
        if let Mark::Failed(reason) = &said.mark {
            let width = page.width.saturating_sub(indent).max(1);
            for pieces in wrapped(reason, theme.wrong, "", theme.dim, width, page.ambiguous) {
                let mut row = vec![blank(indent)];
                row.extend(pieces);
                rows.push(Line::from(row));
            }
        }
        rows
    }

    fn remark(&self, sentence: &str, alarm: bool, page: &Page) -> Vec<Line<'static>> {
        let theme = &page.theme;
        let style = if alarm { theme.alarm } else { theme.dim };
        let sentence = clean::text(sentence);
        let indent = if page.width < NARROW { 1 } else { CLOCK };
        let width = page.width.saturating_sub(indent).max(1);
        let mut before = match indent {
            CLOCK => Span::styled(self.at.strftime("%H:%M ").to_string(), theme.dim),
            _ => Span::styled("-", theme.dim),
        };
        wrapped(&sentence, style, "", theme.dim, width, page.ambiguous)
            .into_iter()
            .map(|pieces| {
                let mut row = vec![std::mem::replace(&mut before, blank(indent))];
                row.extend(pieces);
                Line::from(row)
            })
            .collect()
    }
}

impl Said {
    /// What is remarked behind it.
    fn tail(&self, page: &Page, language: &Language) -> String {
        let mut tail = String::new();
        if self.audience == Audience::Everyone {
            tail.push_str(&format!("  {}", language.text("to-all")));
        }
        if self.again {
            tail.push_str(&format!("  {}", language.text("seen-before")));
        } else if let Some(arrived) = self.arrived_at.filter(|at| at.since(self.sent_at) > LATE) {
            let (written, arrived) =
                (moment(self.sent_at, &page.zone), moment(arrived, &page.zone));
            let format = if written.date() == arrived.date() { "%H:%M" } else { "%Y-%m-%d %H:%M" };
            let (written, arrived) = (written.strftime(format), arrived.strftime(format));
            let late = language.say("screen-late", &[("written", &written), ("arrived", &arrived)]);
            tail.push_str(&format!("  {late}"));
        }
        tail
    }
}

impl Page {
    /// Cells of the widest name; none where a name has a row of its own.
    fn name_column(&self) -> usize {
        if self.width < NARROW {
            return 0;
        }
        let widest = self.me.width().max(self.them.width());
        widest.clamp(1, MAX_NAME.min(self.width / 4))
    }
}

/// The calendar's word for a moment.
pub(super) fn moment(at: Timestamp, zone: &TimeZone) -> DateTime {
    plain::instant(at).to_zoned(zone.clone()).datetime()
}

fn blank(cells: usize) -> Span<'static> {
    Span::raw(" ".repeat(cells))
}

/// Text and, behind it, a remark in another style, in rows of `width` cells.
fn wrapped(
    text: &str,
    style: Style,
    tail: &str,
    tail_style: Style,
    width: usize,
    ambiguous: Ambiguous,
) -> Vec<Vec<Span<'static>>> {
    let whole = format!("{text}{tail}");
    wrap::rows(&whole, width, ambiguous)
        .into_iter()
        .map(|row| {
            let piece = whole[row.bytes.clone()].trim_end_matches(' ');
            let (said, remarked) =
                piece.split_at(text.len().saturating_sub(row.bytes.start).min(piece.len()));
            let styled = |piece: &str, style| Span::styled(piece.to_owned(), style);
            match remarked {
                "" => vec![styled(said, style)],
                _ => vec![styled(said, style), styled(remarked, tail_style)],
            }
        })
        .collect()
}
