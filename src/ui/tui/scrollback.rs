//! What was said in one conversation, and where in it the reader stands.
//!
//! Entries have numbers, one after the other; those of older pages that are read in from the disk
//! are smaller, also than zero. A reader stands at the bottom, where new lines push the old ones up,
//! or at a row somewhere above, where nothing moves until the reader does.
//!
//! Only what is visible is laid out, so a long history costs nothing to draw.

use std::collections::{BTreeSet, HashMap, VecDeque};

use jiff::tz::TimeZone;
use ratatui::text::{Line, Span};

use super::entry::{Entry, Kind, Page};
use super::hyperlinks::Row;
use super::said::{Mark, Said};
use crate::chat::{Address, Direction, HistoryLine, LineId, LineState, Place, Timestamp};
use crate::ui::language::Language;

/// Lines that are read from the disk at once.
pub(super) const PAGE: usize = 200;

/// So many entries above the reader, the next page is asked for.
const AHEAD: i64 = 100;

/// Entries kept in memory; the others stay on the disk.
const MAX_ENTRIES: usize = 20_000;

/// Bytes of text kept in memory.
const MAX_BYTES: usize = 8 << 20;

/// Layouts kept for the next frame.
const MAX_LAYOUTS: usize = 500;

/// One conversation as the reader sees it.
#[derive(Debug, Default)]
pub(super) struct Scrollback {
    entries: VecDeque<Entry>,
    /// The number of the first of them.
    first: i64,
    bytes: usize,
    /// Where each line is; the first half says whether it is ours.
    places: HashMap<(bool, LineId), i64>,
    stand: Stand,
    /// The first entry that the reader had not seen when the conversation was last left.
    unread: Option<i64>,
    /// Lines of the other side that are unread, too, and stand on pages that are not read in yet.
    unread_above: u64,
    paging: Paging,
    /// Pages that were asked for and are not wanted any more; they come first.
    strays: usize,
    /// The oldest line that came from the disk without a gap to the newest.
    oldest: Option<Place>,
    /// The newest entries are not in memory any more: the reader stood far above.
    cut: bool,
    layouts: HashMap<i64, Layout>,
    /// Who has spoken, of several.
    authors: BTreeSet<Address>,
    /// How they were laid out.
    page: Option<(Page, Language)>,
}

/// Where the reader stands.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Stand {
    /// Where new lines appear.
    #[default]
    Bottom,
    /// At this entry, of which so many rows are hidden below.
    At { number: i64, below: usize },
}

/// Whether more is to be had from the disk.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Paging {
    /// Nothing was asked for yet.
    #[default]
    Unread,
    /// Perhaps.
    Open,
    /// It is asked for.
    Asked,
    /// No: the first line of all is here.
    End,
}

/// An entry in rows.
#[derive(Debug)]
struct Layout {
    context: Context,
    rows: Vec<Row>,
}

/// What the rows of an entry depend on besides the entry and the page.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Context {
    /// It is the first of its day.
    new_day: bool,
    /// It is the first that was not read.
    unread: bool,
    /// It goes on where the entry before it ended.
    continued: bool,
}

impl Scrollback {
    /// Appends something; what is new and not ours begins what is unread, unless `seen`.
    pub(super) fn push(&mut self, entry: Entry, seen: bool) {
        if self.cut {
            // It is on the disk, or no loss.
            return;
        }
        let number = self.end();
        if let Kind::Said(said) = &entry.kind {
            self.places.insert(place(said.by, said.id), number);
            self.authors.extend(said.author.as_ref().map(|author| author.who.clone()));
            match said.by {
                Direction::In if !seen => _ = self.unread.get_or_insert(number),
                Direction::In => {}
                // Who answers has read.
                Direction::Out => self.all_read(),
            }
        }
        self.bytes += entry.size();
        self.entries.push_back(entry);
        self.forget_far();
    }

    /// Takes over what was told where no conversation was open. If nobody said anything here yet, all
    /// of it stands in the order in which it happened.
    pub(super) fn take_over(&mut self, other: &mut Self) {
        let mut entries: Vec<Entry> = std::mem::take(other).entries.into();
        if self.entries.iter().all(|entry| !matches!(entry.kind, Kind::Said(_))) {
            entries.extend(self.entries.drain(..));
            entries.sort_by_key(|entry| entry.at);
            self.bytes = 0;
            self.layouts.clear();
        }
        for entry in entries {
            self.push(entry, true);
        }
    }

    /// Tells of somebody's coming or going, in place of what was told just before.
    pub(super) fn push_presence(&mut self, mut entry: Entry) {
        if let Some(last) = self.entries.back()
            && let Kind::Presence { earlier: before, .. } = last.kind
            && last.at.date() == entry.at.date()
        {
            if let Kind::Presence { earlier, .. } = &mut entry.kind {
                *earlier = before + 1;
            }
            self.pop();
        }
        self.push(entry, true);
    }

    /// Tells who came into a room and who left it, in one line as long as nothing else is told.
    pub(super) fn push_moves(&mut self, mut entry: Entry) {
        if let Some(last) = self.entries.back()
            && !self.cut
            && let (Kind::Moved(before), Kind::Moved(moves)) = (&last.kind, &entry.kind)
            && last.at.date() == entry.at.date()
        {
            entry.kind = Kind::Moved(before.clone().then(moves));
            self.pop();
        }
        self.push(entry, true);
    }

    /// Takes back what was told just before.
    fn pop(&mut self) {
        if let Some(last) = self.entries.pop_back() {
            self.bytes = self.bytes.saturating_sub(last.size());
            self.layouts.remove(&self.end());
        }
    }

    /// Who has spoken here, of several.
    pub(super) fn authors(&self) -> impl Iterator<Item = &Address> {
        self.authors.iter()
    }

    /// Changes what is known of a line, if it is still here. Whether it is.
    pub(super) fn amend(
        &mut self,
        by: Direction,
        id: LineId,
        change: impl FnOnce(&mut Said),
    ) -> bool {
        let number = self.places.get(&place(by, id)).copied();
        if let Some(number) = number {
            self.change(number, change);
        }
        number.is_some()
    }

    fn change(&mut self, number: i64, change: impl FnOnce(&mut Said)) {
        let Some(entry) = self.index(number).and_then(|index| self.entries.get_mut(index)) else {
            return;
        };
        if let Kind::Said(said) = &mut entry.kind {
            change(said);
            self.layouts.remove(&number);
        }
    }

    /// How far a line of ours has come. Whether it is here.
    pub(super) fn mark(&mut self, id: LineId, mark: Mark, now: Timestamp) -> bool {
        self.amend(Direction::Out, id, |said| {
            if mark == Mark::Delivered {
                said.arrived_at.get_or_insert(now);
            }
            said.mark = mark;
        })
    }

    /// Whether the newest entry is in view.
    pub(super) fn at_bottom(&self) -> bool {
        self.stand == Stand::Bottom
    }

    /// Goes where new lines appear.
    pub(super) fn go_to_bottom(&mut self) {
        self.stand = Stand::Bottom;
        if self.cut {
            // What is between here and there is read from the disk when it is wanted.
            self.forget_all();
        }
    }

    /// Whether anything has come from the disk.
    pub(super) fn was_read(&self) -> bool {
        self.oldest.is_some()
    }

    /// Goes to a line somewhere on the disk. Returns the place before which a page is to be asked
    /// for: the line is the last of it.
    pub(super) fn go_to(&mut self, line: Place) -> Place {
        self.forget_all();
        self.cut = true;
        self.paging = Paging::Asked;
        self.stand = Stand::At { number: -1, below: 0 };
        Place(line.0.saturating_add(1))
    }

    fn forget_all(&mut self) {
        let strays = self.strays + usize::from(self.paging == Paging::Asked);
        *self = Self { page: self.page.take(), strays, ..Self::default() };
    }

    /// Whether the next page is to be asked for, and before which line: the reader comes near to
    /// the oldest entry in memory.
    pub(super) fn wants_page(&mut self) -> Option<Option<Place>> {
        let top = match self.stand {
            Stand::Bottom => self.end(),
            Stand::At { number, .. } => number,
        };
        let rows_above = top - self.first;
        let wanted = match self.paging {
            Paging::Unread => true,
            Paging::Open => rows_above < AHEAD,
            Paging::Asked | Paging::End => false,
        };
        wanted.then(|| {
            self.paging = Paging::Asked;
            self.oldest
        })
    }

    /// Whoever was asked for a page does not answer any more.
    pub(super) fn ask_again(&mut self) {
        if let Paging::Asked = self.paging {
            self.paging = if self.oldest.is_none() { Paging::Unread } else { Paging::Open };
        }
    }

    /// Takes in a page. Lines that came by themselves meanwhile are in it, too: of those it says
    /// where they are on the disk. Of all lines on the disk `unread` were unread before the first
    /// page was.
    ///
    /// Returns the newest line of the other side that nobody has seen, and how many there are that
    /// did not come by themselves.
    pub(super) fn add_page(
        &mut self,
        lines: Vec<HistoryLine>,
        end: bool,
        unread: u64,
        zone: &TimeZone,
        language: &Language,
    ) -> Option<(LineId, usize)> {
        if self.strays > 0 {
            self.strays -= 1;
            return None;
        }
        if self.paging != Paging::Asked {
            return None;
        }
        self.paging = if end { Paging::End } else { Paging::Open };
        let newest_page = !self.was_read() && !self.cut;
        self.oldest = lines.first().map(|line| line.place).or(self.oldest);
        let unseen =
            |line: &HistoryLine| line.direction == Direction::In && line.state != LineState::Read;
        let theirs = lines.iter().filter(|line| line.direction == Direction::In);
        let more_unseen = newest_page && !end && theirs.clone().all(unseen);
        let beyond = unread.saturating_sub(theirs.count() as u64);
        let (mut newest_unseen, mut count) = (None, 0);
        for line in lines.into_iter().rev() {
            let place = place(line.direction, line.id);
            // What is unread are the last of their lines, also of those that were seen meanwhile.
            let above = line.direction == Direction::In && self.unread_above > 0;
            self.unread_above -= u64::from(above);
            if let Some(&number) = self.places.get(&place) {
                self.change(number, |said| said.place = Some(line.place));
                continue;
            }
            let unseen = unseen(&line);
            if unseen {
                newest_unseen.get_or_insert(line.id);
                count += 1;
            }
            self.first -= 1;
            self.places.insert(place, self.first);
            let said = Said::stored(line, language);
            self.authors.extend(said.author.as_ref().map(|author| author.who.clone()));
            let entry = Entry::said(said, zone);
            self.bytes += entry.size();
            self.entries.push_front(entry);
            if unseen || above {
                self.unread = Some(self.first);
            }
        }
        if more_unseen {
            self.unread_above = beyond;
        }
        // What stood at the top has another entry before it now.
        self.layouts.clear();
        self.forget_far();
        newest_unseen.map(|id| (id, count))
    }

    /// What was unread is not any more.
    pub(super) fn all_read(&mut self) {
        (self.unread, self.unread_above) = (None, 0);
    }

    /// How much of what is known is above the last visible row, in percent, unless the reader
    /// stands at the bottom.
    pub(super) fn percent(&self) -> Option<u8> {
        match self.stand {
            Stand::Bottom => None,
            Stand::At { number, .. } => {
                let (above, all) = (number - self.first, self.entries.len().max(1));
                u8::try_from(100 * above.max(0) as usize / all).ok()
            }
        }
    }

    /// Goes up by so many rows, as far as a view of `height` rows stays filled.
    pub(super) fn up(&mut self, rows: usize, height: usize) {
        let Some(mut at) = self.position() else { return };
        let mut left = rows;
        loop {
            let total = self.height_of(at.0);
            if at.1 + left < total || at.0 == self.first {
                at.1 = (at.1 + left).min(total.saturating_sub(1));
                break;
            }
            left -= total - at.1;
            at = (at.0 - 1, 0);
        }
        // The first row of all belongs at the top, not below it.
        let mut filled = self.height_of(at.0) - at.1;
        let mut number = at.0;
        while filled < height && number > self.first {
            number -= 1;
            filled += self.height_of(number);
        }
        self.stand = Stand::At { number: at.0, below: at.1 };
        if filled < height {
            self.down(height - filled);
        }
    }

    /// Goes down by so many rows, to the bottom if there are not as many.
    pub(super) fn down(&mut self, rows: usize) {
        let Stand::At { mut number, mut below } = self.stand else { return };
        let mut left = rows;
        while left > below {
            left -= below + 1;
            number += 1;
            if number >= self.end() {
                return self.go_to_bottom();
            }
            below = self.height_of(number).saturating_sub(1);
        }
        self.stand = Stand::At { number, below: below - left };
        if number + 1 == self.end() && below == left {
            self.go_to_bottom();
        }
    }

    /// The rows of a view of this height, from the top; fewer if there are no more.
    pub(super) fn view(&mut self, page: &Page, language: &Language, height: usize) -> Vec<Row> {
        self.lay_out_as(page, language);
        let mut view = VecDeque::with_capacity(height);
        if let Some((mut number, mut below)) = self.position() {
            while view.len() < height && number >= self.first {
                let rows = self.lay_out(number);
                let end = rows.len().saturating_sub(below).max(1).min(rows.len());
                for row in rows[..end].iter().rev().take(height - view.len()) {
                    view.push_front(row.clone());
                }
                (number, below) = (number - 1, 0);
            }
        }
        if self.layouts.len() > MAX_LAYOUTS {
            self.layouts.clear();
        }
        view.into()
    }

    /// Lays out anew whatever is laid out otherwise.
    fn lay_out_as(&mut self, page: &Page, language: &Language) {
        if self.page.as_ref().is_none_or(|(laid_out, _)| laid_out != page) {
            self.page = Some((page.clone(), language.clone()));
            self.layouts.clear();
            if let Stand::At { number, below } = self.stand {
                let below = below.min(self.height_of(number).saturating_sub(1));
                self.stand = Stand::At { number, below };
            }
        }
    }

    fn position(&self) -> Option<(i64, usize)> {
        match self.stand {
            _ if self.entries.is_empty() => None,
            Stand::Bottom => Some((self.end() - 1, 0)),
            Stand::At { number, below } => Some((number.clamp(self.first, self.end() - 1), below)),
        }
    }

    /// The number that the next entry gets.
    fn end(&self) -> i64 {
        self.first + i64::try_from(self.entries.len()).unwrap_or(i64::MAX)
    }

    fn index(&self, number: i64) -> Option<usize> {
        usize::try_from(number - self.first).ok()
    }

    fn entry(&self, number: i64) -> Option<&Entry> {
        self.entries.get(self.index(number)?)
    }

    /// How many rows an entry takes; at least one, also before anything was drawn.
    fn height_of(&mut self, number: i64) -> usize {
        self.lay_out(number).len().max(1)
    }

    /// An entry in rows, with the rules above it.
    fn lay_out(&mut self, number: i64) -> &[Row] {
        let Some(((page, language), entry)) = self.page.as_ref().zip(self.entry(number)) else {
            return &[];
        };
        let before = self.entry(number - 1);
        let new_day = before.is_none_or(|before| before.at.date() != entry.at.date());
        let unread = self.unread == Some(number);
        let continued = !new_day && !unread && before.is_some_and(|before| entry.continues(before));
        let context = Context { new_day, unread, continued };
        if self.layouts.get(&number).is_none_or(|layout| layout.context != context) {
            let mut rows = Vec::new();
            if new_day {
                rows.push(rule(page, &entry.at.date().to_string(), page.theme.dim));
            }
            if unread {
                rows.push(rule(page, &language.text("screen-unread"), page.theme.unread));
            }
            rows.extend(entry.rows(page, language, continued));
            self.layouts.insert(number, Layout { context, rows });
        }
        self.layouts.get(&number).map_or(&[], |layout| &layout.rows)
    }

    /// Keeps memory bounded: what is farthest from the reader goes.
    fn forget_far(&mut self) {
        while self.entries.len() > MAX_ENTRIES || self.bytes > MAX_BYTES && self.entries.len() > 1 {
            let middle = self.first + i64::try_from(self.entries.len() / 2).unwrap_or(0);
            let reads_above = matches!(self.stand, Stand::At { number, .. } if number < middle);
            let number = if reads_above { self.end() - 1 } else { self.first };
            let gone = if reads_above { self.entries.pop_back() } else { self.entries.pop_front() };
            let Some(gone) = gone else { break };
            self.bytes = self.bytes.saturating_sub(gone.size());
            self.layouts.remove(&number);
            if let Kind::Said(said) = &gone.kind {
                self.places.remove(&place(said.by, said.id));
            }
            if reads_above {
                self.cut = true;
            } else {
                self.first += 1;
                // From the first line left, or from the newest again, if its place is not known.
                self.paging = match self.paging {
                    Paging::End => Paging::Open,
                    other => other,
                };
                self.oldest = match self.entries.front().map(|entry| &entry.kind) {
                    Some(Kind::Said(said)) => said.place,
                    _ => None,
                };
            }
        }
    }
}

impl Entry {
    /// About how many bytes it keeps.
    fn size(&self) -> usize {
        match &self.kind {
            Kind::Said(said) => said.text.as_ref().map_or(0, String::len),
            Kind::Presence { sentence, .. } | Kind::Remark { sentence, .. } => sentence.len(),
            Kind::Moved(moves) => moves.count() * size_of::<Address>(),
        }
    }
}

fn place(by: Direction, id: LineId) -> (bool, LineId) {
    (by == Direction::Out, id)
}

/// A line across the page with a word in it.
fn rule(page: &Page, word: &str, style: ratatui::style::Style) -> Row {
    let dash = page.theme.symbols.rule;
    let text = format!("{} {word} ", dash.repeat(2));
    let ambiguous = page.theme.ambiguous;
    let rest = page.width.min(40).saturating_sub(ambiguous.cells(&text));
    let dashes = rest / ambiguous.cells(dash).max(1);
    Line::from(Span::styled(text + &dash.repeat(dashes), style)).into()
}
