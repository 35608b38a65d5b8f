//! Addresses on the screen that can be clicked on (OSC 8).
//!
//! [`links`](crate::chat::links) finds them in a text. Where a link leads is exactly what is shown;
//! nobody can give it another name.
//!
//! ratatui knows no links and draws only cells that differ from the frame before. So a cell that is
//! part of a link is marked as one that is always drawn, and so it differs, too, from the
//! same letter without a link: no cell keeps a link that is gone. [`Linked`] is the backend around
//! the terminal's own which opens a link before the cells that it was told of, and closes it
//! behind them.

use std::cell::RefCell;
use std::io::{self, Write};
use std::ops::Range;
use std::rc::Rc;

use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::{Buffer, Cell, CellDiffOption};
use ratatui::layout::{Position, Rect, Size};
use ratatui::text::{Line, Span};

use super::cells::Ambiguous;
use super::wrap;

/// A row of text, and what in it leads somewhere.
#[derive(Clone, Debug, Default)]
pub(super) struct Row {
    /// The row.
    pub(super) line: Line<'static>,
    /// Its cells that are part of a link, and the whole address of that.
    targets: Vec<(Range<u16>, Rc<str>)>,
}

impl Row {
    /// A piece of `text` that begins with its byte `row.bytes.start`, where `addresses` are those of
    /// the text.
    pub(super) fn of(
        line: Line<'static>,
        text: &str,
        row: &wrap::Row,
        addresses: &[Range<usize>],
        ambiguous: Ambiguous,
    ) -> Self {
        let column = |at: usize| {
            let cells = ambiguous.cells(&text[row.bytes.start..at]);
            u16::try_from(cells).unwrap_or(u16::MAX)
        };
        let targets = addresses.iter().filter_map(|address| {
            let start = address.start.max(row.bytes.start);
            let end = address.end.min(row.bytes.end);
            (start < end).then(|| (column(start)..column(end), text[address.clone()].into()))
        });
        Self { targets: targets.collect(), line }
    }

    /// The same behind something else.
    pub(super) fn behind(mut self, before: Vec<Span<'static>>, ambiguous: Ambiguous) -> Self {
        let moved = before.iter().map(|span| ambiguous.cells(&span.content)).sum::<usize>();
        let moved = u16::try_from(moved).unwrap_or(u16::MAX);
        for (columns, _) in &mut self.targets {
            *columns = columns.start.saturating_add(moved)..columns.end.saturating_add(moved);
        }
        self.line.spans.splice(0..0, before);
        self
    }

    /// Draws it at the top of `area`, and notes its links.
    pub(super) fn render(
        &self,
        area: Rect,
        buffer: &mut Buffer,
        links: &Links,
        ambiguous: Ambiguous,
    ) {
        ambiguous.draw_line(&self.line, area, buffer);
        for (columns, target) in &self.targets {
            let x = area.x.saturating_add(columns.start);
            let cells = Rect { x, y: area.y, width: columns.end - columns.start, height: 1 };
            links.mark(buffer, cells.intersection(area), target);
        }
    }
}

impl From<Line<'static>> for Row {
    fn from(line: Line<'static>) -> Self {
        Self { line, targets: Vec::new() }
    }
}

/// The links of a frame. Clones are the same list: whoever draws fills it, the backend reads it.
#[derive(Clone, Debug, Default)]
pub struct Links(Rc<RefCell<Vec<Link>>>);

/// Cells of one row that are part of a link.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Link {
    y: u16,
    columns: Range<u16>,
    /// The whole address, of which this row may show a part.
    target: Rc<str>,
}

impl Links {
    /// A new frame, without any.
    pub fn clear(&self) {
        self.0.borrow_mut().clear();
    }

    /// Makes cells of `buffer` a part of the link to `target`.
    pub fn mark(&self, buffer: &mut Buffer, area: Rect, target: &str) {
        let area = area.intersection(buffer.area);
        for position in area.positions() {
            buffer[position].set_diff_option(CellDiffOption::AlwaysUpdate);
        }
        let target: Rc<str> = target.into();
        self.0.borrow_mut().extend(area.rows().map(|row| Link {
            y: row.y,
            columns: row.left()..row.right(),
            target: Rc::clone(&target),
        }));
    }

    pub(super) fn target(&self, x: u16, y: u16) -> Option<Rc<str>> {
        let links = self.0.borrow();
        let link = links.iter().find(|link| link.y == y && link.columns.contains(&x))?;
        Some(Rc::clone(&link.target))
    }
}

/// A terminal whose cells can be links.
pub struct Linked<W: Write> {
    inner: CrosstermBackend<W>,
    /// None, if this terminal has no links.
    links: Option<Links>,
}

impl<W: Write> Linked<W> {
    /// Writes to `writer`, and makes `links` of what is in there.
    pub fn new(writer: W, links: Option<Links>) -> Self {
        Self { inner: CrosstermBackend::new(writer), links }
    }
}

impl<W: Write> Backend for Linked<W> {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let Some(links) = self.links.clone() else { return self.inner.draw(content) };
        let mut run: Vec<(u16, u16, &Cell)> = Vec::new();
        let mut open: Option<Rc<str>> = None;
        for (x, y, cell) in content {
            let target = links.target(x, y);
            if target != open {
                self.draw_run(&mut run, open.as_deref())?;
                open = target;
            }
            run.push((x, y, cell));
        }
        self.draw_run(&mut run, open.as_deref())
    }

    fn append_lines(&mut self, lines: u16) -> io::Result<()> {
        self.inner.append_lines(lines)
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        self.inner.hide_cursor()
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        self.inner.show_cursor()
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        self.inner.get_cursor_position()
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        self.inner.set_cursor_position(position)
    }

    fn clear(&mut self) -> io::Result<()> {
        self.inner.clear()
    }

    fn clear_region(&mut self, clear_type: ClearType) -> io::Result<()> {
        self.inner.clear_region(clear_type)
    }

    fn size(&self) -> io::Result<Size> {
        self.inner.size()
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        self.inner.window_size()
    }

    fn flush(&mut self) -> io::Result<()> {
        Backend::flush(&mut self.inner)
    }
}

impl<W: Write> Linked<W> {
    /// Draws cells that lead to the same place, and forgets them.
    fn draw_run(
        &mut self,
        run: &mut Vec<(u16, u16, &Cell)>,
        target: Option<&str>,
    ) -> io::Result<()> {
        if run.is_empty() {
            return Ok(());
        }
        if let Some(target) = target {
            // The id says that pieces in several rows are one link.
            let id = blake3::hash(target.as_bytes()).to_hex();
            write!(self.inner, "\u{1b}]8;id={};{target}\u{1b}\\", &id[..8])?;
        }
        self.inner.draw(run.drain(..))?;
        if target.is_some() {
            write!(self.inner, "\u{1b}]8;;\u{1b}\\")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::TerminalOptions;
    use ratatui::Viewport;
    use ratatui::style::Style;

    use super::*;

    /// Where a test looks at what is written.
    #[derive(Clone, Default)]
    struct Paper(Rc<RefCell<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is written for frames, of which each shows a text and perhaps a link.
    fn written(frames: &[(&str, Option<&str>)], with_links: bool) -> Vec<String> {
        let links = Links::default();
        let paper = Paper::default();
        let backend = Linked::new(paper.clone(), with_links.then(|| links.clone()));
        let area = Rect::new(0, 0, 20, 1);
        let options = TerminalOptions { viewport: Viewport::Fixed(area) };
        let mut terminal = Terminal::with_options(backend, options).expect("a terminal");
        let mut written = Vec::new();
        for (text, target) in frames {
            links.clear();
            let drawn = terminal.draw(|frame| {
                let buffer = frame.buffer_mut();
                buffer.set_string(0, 0, text, Style::default());
                if let Some(target) = target {
                    let width = u16::try_from(text.len()).expect("short");
                    links.mark(buffer, Rect::new(0, 0, width, 1), target);
                }
            });
            drawn.expect("drawn");
            let bytes = paper.0.take();
            written.push(String::from_utf8(bytes).expect("text"));
        }
        written
    }

    #[test]
    fn a_link_is_opened_before_its_cells_and_closed_behind_them() {
        let written = written(&[("http://a", Some("http://a"))], true);
        let open = written[0].find("\u{1b}]8;id=").expect("opened");
        let shown = written[0].find("http://a\u{1b}[").expect("shown");
        let close = written[0].find("\u{1b}]8;;\u{1b}\\").expect("closed");
        assert!(open < shown && shown < close, "{written:?}");
        assert!(written[0][open..].contains(";http://a\u{1b}\\"));
    }

    #[test]
    fn no_letter_keeps_a_link_that_is_gone() {
        let frames = [
            ("http://a/x", Some("http://a/x")),
            ("http://a/y", Some("http://a/y")),
            ("http://a/y", None),
        ];
        let written = written(&frames, true);
        assert!(
            written[1].contains(";http://a/y\u{1b}\\") && written[1].contains("http://a/y\u{1b}[")
        );
        assert!(written[2].contains("http://a/y") && !written[2].contains("]8;"), "{written:?}");
    }

    #[test]
    fn a_terminal_without_links_gets_none() {
        assert!(!written(&[("http://a", Some("http://a"))], false)[0].contains("]8;"));
    }
}
