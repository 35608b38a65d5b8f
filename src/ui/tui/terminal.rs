//! The terminal itself: raw mode, the alternate screen, keys in, frames out.
//!
//! A terminal may stop reading, as over a connection that hangs, and that must not stop the network.
//! So a thread of its own writes, and the next frame is drawn only when the last one is written.
//!
//! The terminal is given back as it was found when [`Terminal`] is dropped, and when the program
//! panics.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Once, PoisonError, mpsc as blocking};
use std::task::Poll;
use std::time::Duration;

use crossterm::event::{
    DisableBracketedPaste, DisableFocusChange, DisableMouseCapture, EnableBracketedPaste,
    EnableFocusChange, EnableMouseCapture, EventStream, KeyCode, KeyEvent, KeyEventKind,
    KeyModifiers, KeyboardEnhancementFlags, MouseEventKind, PopKeyboardEnhancementFlags,
    PushKeyboardEnhancementFlags,
};
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    disable_raw_mode, enable_raw_mode,
};
use crossterm::{cursor, execute, queue};
use futures_core::Stream;
use tokio::sync::mpsc;

use super::hyperlinks::{Linked, Links};
use super::{Event, SMALLEST, Screen};
use crate::ui::terminal::is_dumb;

/// How long the last frame may take to be written when the terminal is given back.
const LAST_FRAME: Duration = Duration::from_millis(500);

/// How long it may take to read what has been typed. Not zero, for which `crossterm` 0.29 says that there
/// is nothing (its issue 839), and enough for a busy computer.
const READING: Duration = Duration::from_millis(10);

/// Whether the terminal is ours at the moment.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Whether the terminal can show a [`Screen`]: it is big enough, and it can do more than lines.
#[must_use]
pub fn has_room_for_a_screen() -> bool {
    let fits = |(width, height)| width >= SMALLEST.0 && height >= SMALLEST.1;
    !is_dumb() && crossterm::terminal::size().is_ok_and(fits)
}

/// A person's terminal, taken over.
pub struct Terminal {
    inner: ratatui::Terminal<Linked<Pen>>,
    /// `None` while the terminal is given back for a while.
    events: Option<EventStream>,
    /// What was typed before the terminal was ours.
    early: VecDeque<Event>,
    /// Whether the mouse is ours, too.
    mouse: bool,
    /// What was drawn and has not gone to the writing thread.
    ink: Ink,
    /// `None` once the thread is to end.
    pieces: Option<blocking::Sender<Vec<u8>>>,
    written: mpsc::UnboundedReceiver<io::Result<()>>,
    unwritten: usize,
    gone: bool,
    /// Closed when the thread has ended.
    ended: blocking::Receiver<()>,
}

/// What happens at a terminal.
#[derive(Debug)]
pub enum Happening {
    /// The person does something.
    Event(Event),
    /// What was drawn is written.
    Written,
    /// There is no terminal any more.
    Gone,
}

impl Terminal {
    /// Takes the terminal on standard input and output, and its mouse if that is wanted. `links` are
    /// those of each frame, if it is a terminal that has links.
    ///
    /// # Errors
    ///
    /// There is no such terminal.
    pub fn take(mouse: bool, links: Option<Links>) -> io::Result<Self> {
        give_back_on_panic();
        let ink = Ink::default();
        let inner = ratatui::Terminal::new(Linked::new(Pen(Arc::clone(&ink)), links))?;
        let (pieces, queue) = blocking::channel();
        let (done, written) = mpsc::unbounded_channel();
        let (end, ended) = blocking::channel();
        let early = enter(mouse)?.into();
        write_in_a_thread(queue, done, end);
        let events = Some(EventStream::new());
        Ok(Self {
            inner,
            events,
            early,
            mouse,
            ink,
            pieces: Some(pieces),
            written,
            unwritten: 0,
            gone: false,
            ended,
        })
    }

    /// Waits for what happens next at the terminal. Dropping the future loses nothing. That it is gone
    /// is said once.
    pub async fn next(&mut self) -> Happening {
        let happening = std::future::poll_fn(|cx| {
            if self.gone {
                return Poll::Pending;
            }
            if let Poll::Ready(written) = self.written.poll_recv(cx) {
                self.unwritten = self.unwritten.saturating_sub(1);
                return Poll::Ready(match written {
                    Some(Ok(())) => Happening::Written,
                    Some(Err(_)) | None => Happening::Gone,
                });
            }
            if let Some(event) = self.early.pop_front() {
                return Poll::Ready(Happening::Event(event));
            }
            while let Some(events) = &mut self.events {
                if has_hung_up() {
                    return Poll::Ready(Happening::Gone);
                }
                match Pin::new(events).poll_next(cx) {
                    Poll::Ready(Some(Ok(event))) => {
                        if let Some(event) = translated(event) {
                            return Poll::Ready(Happening::Event(event));
                        }
                    }
                    Poll::Ready(Some(Err(_)) | None) => return Poll::Ready(Happening::Gone),
                    Poll::Pending => break,
                }
            }
            Poll::Pending
        })
        .await;
        self.gone |= matches!(happening, Happening::Gone);
        happening
    }

    /// Whether a frame may be drawn: the terminal is ours, and the last one is written.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.is_quiet() && self.events.is_some()
    }

    /// Whether all that was drawn is written, so that nothing of it comes out elsewhere.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.unwritten == 0
    }

    /// Draws a frame.
    ///
    /// # Errors
    ///
    /// The terminal is gone.
    pub fn draw(&mut self, screen: &mut Screen) -> io::Result<()> {
        self.inner.draw(|frame| screen.draw(frame))?;
        self.hand_over();
        Ok(())
    }

    /// Writes something that draws nothing, as a notification.
    pub fn say(&mut self, bytes: &[u8]) {
        self.ink.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        self.hand_over();
    }

    /// Lets the next frame be drawn on an empty terminal.
    ///
    /// # Errors
    ///
    /// The terminal is gone.
    pub fn clear(&mut self) -> io::Result<()> {
        // Not `clear`, which asks the terminal where the cursor is and waits for the answer.
        let size = self.inner.size()?;
        self.inner.resize(size.into())
    }

    /// Gives the terminal back, for as long as somebody else needs it, once it
    /// [is quiet](Self::is_quiet).
    pub fn give_back(&mut self) {
        self.events = None;
        leave();
    }

    /// Takes it again.
    ///
    /// # Errors
    ///
    /// The terminal is gone.
    pub fn take_again(&mut self) -> io::Result<()> {
        self.early.extend(enter(self.mouse)?);
        self.events = Some(EventStream::new());
        self.clear()
    }

    /// Gives the terminal back to the shell and stops this process and those that were started with
    /// it; when they go on, [`take_again`](Self::take_again). Without a shell that could let them go
    /// on, nothing happens.
    #[cfg(unix)]
    pub fn suspend(&mut self) {
        use nix::sys::signal::{Signal, kill};
        use nix::unistd::{Pid, getpgrp, getsid};
        // A shell gives each job a group of its own; the group of the session's leader is nobody's
        // job.
        if getsid(None) != Ok(getpgrp()) {
            self.give_back();
            // It cannot fail for one's own group.
            let _ = kill(Pid::from_raw(0), Signal::SIGSTOP);
        }
    }

    /// Elsewhere nothing is suspended.
    #[cfg(not(unix))]
    pub fn suspend(&mut self) {}

    fn hand_over(&mut self) {
        let drawn = std::mem::take(&mut *self.ink.lock().unwrap_or_else(PoisonError::into_inner));
        if let (Some(pieces), false) = (&self.pieces, drawn.is_empty()) {
            // Without a thread, its end is reported by `next`.
            let _ = pieces.send(drawn);
            self.unwritten += 1;
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.events = None;
        self.pieces = None;
        let _ = self.ended.recv_timeout(LAST_FRAME);
        leave();
    }
}

/// What was drawn.
type Ink = Arc<Mutex<Vec<u8>>>;

/// Keeps what is drawn.
struct Pen(Ink);

impl Write for Pen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[expect(clippy::disallowed_methods, reason = "blocking output needs a thread")]
fn write_in_a_thread(
    queue: blocking::Receiver<Vec<u8>>,
    done: mpsc::UnboundedSender<io::Result<()>>,
    end: blocking::Sender<()>,
) {
    std::thread::spawn(move || {
        let _end = end;
        while let Ok(piece) = queue.recv() {
            if done.send(write(&piece)).is_err() {
                break;
            }
        }
    });
}

/// Writes a frame, to be shown as a whole by terminals that can do so.
fn write(piece: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if TAKEN.load(Ordering::SeqCst) {
        queue!(out, BeginSynchronizedUpdate)?;
        out.write_all(piece)?;
        queue!(out, EndSynchronizedUpdate)?;
        out.flush()?;
    }
    Ok(())
}

/// Takes the terminal: keys come one by one, and the shell's text is out of sight. Returns what was
/// typed before.
fn enter(mouse: bool) -> io::Result<Vec<Event>> {
    // A kernel that hangs up also lets us go on, if we were stopped: then there is none to be taken.
    if has_hung_up() {
        return Err(io::ErrorKind::NotConnected.into());
    }
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    let early = typed_before().inspect_err(|_| leave())?;
    // A terminal that knows no such keyboard takes no notice of it. It is not asked first, for one
    // that does not answer would delay every start.
    let keyboard = KeyboardEnhancementFlags::DISAMBIGUATE_ESCAPE_CODES;
    execute!(
        io::stdout(),
        EnterAlternateScreen,
        PushKeyboardEnhancementFlags(keyboard),
        EnableBracketedPaste,
        EnableFocusChange,
    )
    .and_then(|()| if mouse { execute!(io::stdout(), EnableMouseCapture) } else { Ok(()) })
    .inspect_err(|_| leave())?;
    Ok(early)
}

/// Whether nobody is at the other end of the terminal any more. `crossterm` 0.29 reads from such a one
/// for ever (`event/source/unix/tty.rs` takes an end for nothing new), and we with it.
#[cfg(unix)]
fn has_hung_up() -> bool {
    use nix::poll::PollFlags;
    input_is(PollFlags::empty()).contains(PollFlags::POLLHUP)
}

/// Elsewhere a read says so.
#[cfg(not(unix))]
fn has_hung_up() -> bool {
    false
}

/// Whether something may be read from the terminal.
#[cfg(unix)]
fn has_keys() -> bool {
    use nix::poll::PollFlags;
    input_is(PollFlags::POLLIN).contains(PollFlags::POLLIN)
}

/// Elsewhere the events say so.
#[cfg(not(unix))]
fn has_keys() -> bool {
    true
}

/// What of this, and of what is always told, holds of the standard input.
#[cfg(unix)]
fn input_is(wanted: nix::poll::PollFlags) -> nix::poll::PollFlags {
    use std::os::fd::AsFd as _;

    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    let input = io::stdin();
    let mut asked = [PollFd::new(input.as_fd(), wanted)];
    match poll(&mut asked, PollTimeout::ZERO) {
        Ok(1..) => asked[0].revents().unwrap_or(PollFlags::empty()),
        Ok(_) | Err(_) => PollFlags::empty(),
    }
}

/// What waits to be read at the moment at which the terminal becomes ours, typed while it was still
/// the shell's.
fn typed_before() -> io::Result<Vec<Event>> {
    let mut typed = Vec::new();
    if has_keys() {
        while !has_hung_up() && crossterm::event::poll(READING)? {
            typed.push(crossterm::event::read()?);
        }
    }
    Ok(as_meant(typed))
}

/// A terminal that gives lines to a shell makes a line feed of Enter, which is Ctrl+J to us. And it
/// marks no paste; so more than one line is taken for one, and sends nothing.
fn as_meant(typed: Vec<crossterm::event::Event>) -> Vec<Event> {
    let meant: Vec<Event> = typed.into_iter().filter_map(translated).collect();
    let letters: String = meant.iter().filter_map(letter).collect();
    match letters.find('\n') {
        Some(first) if first + 1 < letters.len() => vec![Event::Paste(letters)],
        Some(_) => {
            let enter = KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE);
            let sends = |event: &Event| letter(event) == Some('\n');
            meant.into_iter().map(|one| if sends(&one) { Event::Key(enter) } else { one }).collect()
        }
        None => meant,
    }
}

/// What a key writes, if it writes something.
fn letter(event: &Event) -> Option<char> {
    let Event::Key(key) = event else { return None };
    match (key.code, key.modifiers) {
        (KeyCode::Char('j'), KeyModifiers::CONTROL) => Some('\n'),
        (KeyCode::Char(c), KeyModifiers::NONE | KeyModifiers::SHIFT) => Some(c),
        _ => None,
    }
}

/// Gives the terminal back as it was, if it is ours.
fn leave() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        // In the opposite order; where nobody listens any more, there is nothing to give back.
        let _ = execute!(
            io::stdout(),
            EndSynchronizedUpdate,
            DisableMouseCapture,
            DisableFocusChange,
            DisableBracketedPaste,
            PopKeyboardEnhancementFlags,
            LeaveAlternateScreen,
            cursor::Show,
        );
        let _ = disable_raw_mode();
    }
}

/// Lets a panic be read on a terminal that works.
fn give_back_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            leave();
            hook(info);
        }));
    });
}

fn translated(event: crossterm::event::Event) -> Option<Event> {
    use crossterm::event::Event as Raw;
    match event {
        Raw::Key(key) if key.kind == KeyEventKind::Release => None,
        Raw::Key(key) => Some(Event::Key(key)),
        Raw::Paste(text) => Some(Event::Paste(text)),
        Raw::FocusGained => Some(Event::Focus(true)),
        Raw::FocusLost => Some(Event::Focus(false)),
        Raw::Resize(..) => Some(Event::Resize),
        Raw::Mouse(mouse) => match mouse.kind {
            MouseEventKind::ScrollUp => Some(Event::Wheel { up: true }),
            MouseEventKind::ScrollDown => Some(Event::Wheel { up: false }),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the keys of a text do that was typed too early, a line feed for Enter.
    fn meant(typed: &str) -> String {
        let key = |c| match c {
            '\n' => KeyEvent::new(KeyCode::Char('j'), KeyModifiers::CONTROL),
            c => KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE),
        };
        let typed = typed.chars().map(key).map(crossterm::event::Event::Key).collect();
        let meant = as_meant(typed).into_iter().map(|event| match event {
            Event::Paste(text) => format!("<{text}>"),
            Event::Key(key) if key.code == KeyCode::Enter => "⏎".to_owned(),
            event => letter(&event).into_iter().collect(),
        });
        meant.collect()
    }

    #[test]
    fn what_is_typed_too_early_is_sent_and_what_is_pasted_is_not() {
        assert_eq!(meant("hi\n"), "hi⏎");
        assert_eq!(meant("hi"), "hi");
        assert_eq!(meant("one\ntwo\n"), "<one\ntwo\n>");
        assert_eq!(meant("one\ntwo"), "<one\ntwo>");
        assert_eq!(meant(""), "");
    }
}
