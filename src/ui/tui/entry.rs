//! One thing that stands in a conversation, and how it is laid out in rows.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::cells::Ambiguous;
use super::hyperlinks::Row;
use super::said::Said;
use super::theme::Theme;
use super::wrap;
use crate::chat::{Address, Direction, Manner, Nicknames, Timestamp, clean, links};
use crate::ui::language::Language;
use crate::ui::moves::Moves;
use crate::ui::{Background, plain};

/// Below so many columns a name stands above what is said, not before it.
const NARROW: usize = 40;

/// The most cells of a name before what is said.
pub(super) const MAX_NAME: usize = 16;

/// `23:31 ` before a name.
pub(super) const CLOCK: usize = 6;

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
    /// These came into the room or left it.
    Moved(Moves),
    /// The program says this; an alarm must not be overlooked.
    Remark { sentence: String, alarm: bool },
}

/// In which the entries of a conversation are laid out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Page {
    /// Cells of a row.
    pub(super) width: usize,
    /// What we are called.
    pub(super) me: String,
    /// What the other side is called.
    pub(super) them: String,
    /// How their name looks.
    pub(super) them_style: Style,
    /// Cells of the widest name of those who speak here.
    pub(super) widest: usize,
    /// Whether names have hosts, because there are several.
    pub(super) several: bool,
    /// What contacts are called here.
    pub(super) nicknames: Nicknames,
    pub(super) theme: Theme,
    pub(super) zone: TimeZone,
}

impl Entry {
    pub(super) fn new(at: Timestamp, zone: &TimeZone, kind: Kind) -> Self {
        Self { at: moment(at, zone), kind }
    }

    /// Somebody said this.
    pub(super) fn said(said: Said, zone: &TimeZone) -> Self {
        Self::new(said.at(), zone, Kind::Said(Box::new(said)))
    }

    /// Whether it goes on where `before` ended, so that neither time nor name need be repeated.
    pub(super) fn continues(&self, before: &Self) -> bool {
        match (&self.kind, &before.kind) {
            (Kind::Said(this), Kind::Said(that)) => {
                let minute = |at: DateTime| (at.date(), at.hour(), at.minute());
                let action = |said: &Said| said.manner == Manner::Action;
                let same = this.by == that.by
                    && this.author == that.author
                    && action(this) == action(that);
                same && minute(self.at) == minute(before.at)
            }
            _ => false,
        }
    }

    /// Its rows; `continued` leaves time and name out.
    pub(super) fn rows(&self, page: &Page, language: &Language, continued: bool) -> Vec<Row> {
        match &self.kind {
            Kind::Said(said) => said.rows(self.at, page, language, continued),
            Kind::Presence { sentence, earlier: 0 } => self.remark(sentence, false, page),
            Kind::Presence { sentence, earlier } => {
                let earlier = language.count("screen-earlier", *earlier, &[]);
                self.remark(&format!("{sentence} {earlier}"), false, page)
            }
            Kind::Moved(moves) => {
                let summary = moves.summary(&|who| page.call(who), language);
                self.remark(&summary, false, page)
            }
            Kind::Remark { sentence, alarm } => self.remark(sentence, *alarm, page),
        }
    }

    fn remark(&self, sentence: &str, alarm: bool, page: &Page) -> Vec<Row> {
        let theme = &page.theme;
        let style = if alarm { theme.alarm } else { theme.dim };
        let sentence = clean::text(sentence);
        let indent = if page.width < NARROW { 1 } else { CLOCK };
        let width = page.width.saturating_sub(indent).max(1);
        let mut before = match indent {
            CLOCK => Span::styled(self.at.strftime("%H:%M ").to_string(), theme.dim),
            _ => Span::styled("-", theme.dim),
        };
        wrapped(&sentence, style, "", theme.dim, width, page.theme.ambiguous)
            .into_iter()
            .map(|row| {
                let before = std::mem::replace(&mut before, blank(indent));
                row.behind(vec![before], theme.ambiguous)
            })
            .collect()
    }
}

impl Page {
    /// What one side is called, or one of those who speak in a room.
    pub(super) fn called(&self, side: Direction, author: Option<&Address>) -> String {
        match (side, author) {
            (Direction::Out, _) => self.me.clone(),
            (Direction::In, Some(author)) => self.call(author),
            (Direction::In, None) => self.them.clone(),
        }
    }

    /// Cells of the widest name; none where a name has a row of its own.
    pub(super) fn name_column(&self) -> usize {
        if self.width < NARROW {
            return 0;
        }
        self.widest.clamp(1, MAX_NAME.min(self.width / 4))
    }

    /// What somebody is called here.
    pub(super) fn call(&self, who: &Address) -> String {
        Background::calling(self.several, &self.nicknames).name(who)
    }
}

/// The calendar's word for a moment.
pub(super) fn moment(at: Timestamp, zone: &TimeZone) -> DateTime {
    plain::instant(at).to_zoned(zone.clone()).datetime()
}

pub(super) fn blank(cells: usize) -> Span<'static> {
    Span::raw(" ".repeat(cells))
}

/// Text and, behind it, a remark in another style, in rows of `width` cells.
pub(super) fn wrapped(
    text: &str,
    style: Style,
    tail: &str,
    tail_style: Style,
    width: usize,
    ambiguous: Ambiguous,
) -> Vec<Row> {
    let addresses = links::addresses(text);
    let whole = format!("{text}{tail}");
    wrap::rows(&whole, width, ambiguous)
        .into_iter()
        .map(|row| {
            let piece = whole[row.bytes.clone()].trim_end_matches(' ');
            let (said, remarked) =
                piece.split_at(text.len().saturating_sub(row.bytes.start).min(piece.len()));
            let styled = |piece: &str, style| Span::styled(piece.to_owned(), style);
            let line = match remarked {
                "" => Line::from(styled(said, style)),
                _ => Line::from(vec![styled(said, style), styled(remarked, tail_style)]),
            };
            Row::of(line, &whole, &row, &addresses, ambiguous)
        })
        .collect()
}
