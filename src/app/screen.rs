//! The chat with a person who sits at a terminal: the loop between the peer and the screen.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::tz::TimeZone;
use p2pchat_wire::identity::Name;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::chatting::{reached, wants_colour};
use super::editor::{self, Edited};
use super::look::look;
use super::peer::{Peer, Step, instant, now};
use super::signals::{Signals, Stop, Stops};
use super::{Failure, console, folder};
use crate::chat::{ExitCode, FaceId, Notice};
use crate::config::Interface;
use crate::ui::language::{Language, Phrase, Tongue};
use crate::ui::tui::completion::Wanted;
use crate::ui::tui::emulator::Emulator;
use crate::ui::tui::notify;
use crate::ui::tui::terminal::{Happening, Terminal};
use crate::ui::tui::{Action, Event, Screen};
use crate::ui::{Printout, words};

/// The least time between two frames: what comes faster is drawn together.
const FRAME: Duration = Duration::from_millis(16);

/// The same where the second shows what the person has just done: of a key that waits for the next
/// frame, one sees that it waits.
const ECHO: Duration = Duration::from_millis(4);

/// A peer, and the screen on which it is seen.
pub(super) struct Screening {
    peer: Peer,
    /// Where the profile is.
    dir: PathBuf,
    screen: Screen,
    language: Language,
    terminal: Terminal,
    emulator: Emulator,
    stops: Stops,
    /// When the last frame was drawn.
    last_frame: Instant,
    /// How long after it the next may be.
    pause: Duration,
    /// The person wants the shell for a while.
    suspending: bool,
    /// What is to be opened in an editor.
    to_edit: Option<String>,
    /// What comes out of the editor that has the terminal.
    edited: Option<oneshot::Receiver<Edited>>,
    /// What is to be completed, and what it can become.
    completing: Option<(Wanted, oneshot::Receiver<Vec<String>>)>,
    /// A signal asked us to end; the next one insists.
    ending: bool,
}

impl Screening {
    /// Takes the terminal, for a peer whose profile is in `dir`.
    pub(super) fn new(
        peer: Peer,
        dir: &Path,
        me: &Name,
        language: &Language,
        interface: &Interface,
    ) -> Result<Self, Failure> {
        let stops = Stops::listen()?;
        let east_asian = language.tongue() == Tongue::Zh;
        // The file was checked when it was read.
        let look = look(interface, wants_colour(), east_asian).unwrap_or_default();
        let mouse = look.mouse;
        let screen = Screen::new(me.to_string(), TimeZone::system(), language.clone(), look);
        let emulator = Emulator::of(|name| std::env::var(name).ok());
        let links = emulator.links.then(|| screen.links());
        let terminal = Terminal::take(mouse, links).map_err(|error| {
            Failure::internal(Phrase::new("terminal-unusable").with("error", error))
        })?;
        Ok(Self {
            peer,
            dir: dir.to_owned(),
            screen,
            language: language.clone(),
            terminal,
            emulator,
            stops,
            last_frame: instant().into(),
            pause: Duration::ZERO,
            suspending: false,
            to_edit: None,
            edited: None,
            completing: None,
            ending: false,
        })
    }

    /// Says something that is no notice of the chat's.
    pub(super) fn remark(&mut self, sentence: String) {
        self.screen.handle(now(), Event::Remark(sentence));
    }

    /// Carries the chat between network and terminal, until one of them ends it.
    pub(super) async fn run(mut self, signals: &mut Signals) -> ExitCode {
        let mut leaving = None;
        let code = loop {
            self.act();
            let wakes_at = self.screen.wakes_at();
            let drawing = self.screen.is_stale() && self.terminal.is_ready();
            tokio::select! {
                step = self.peer.next() => match step {
                    Step::Show(notice) => {
                        leaving = leaving.or_else(|| self.last_words(&notice));
                        let background = self.peer.background(&notice);
                        self.screen.hear(now(), &notice, background);
                    }
                    Step::Quit { code, .. } => break code,
                },
                happening = self.terminal.next() => match happening {
                    Happening::Event(event) => {
                        self.screen.handle(now(), event);
                        self.pause = self.pause.min(ECHO);
                    }
                    Happening::Written => {}
                    Happening::Gone => self.leave(),
                },
                () = tokio::time::sleep_until(self.last_frame + self.pause), if drawing => self.draw(),
                () = reached(wakes_at) => self.screen.handle(now(), Event::Tick),
                stop = self.stops.next() => match stop {
                    Stop::Wanted => self.suspending = true,
                    // An editor takes the terminal again by itself.
                    Stop::Over if self.edited.is_some() => {}
                    Stop::Over => self.take_the_terminal_again(),
                },
                text = came_out(&mut self.edited) => {
                    self.edited = None;
                    self.take_the_terminal_again();
                    self.screen.handle(now(), Event::Edited(text));
                }
                (wanted, candidates) = found(&mut self.completing) => {
                    self.screen.handle(now(), Event::Paths(wanted, candidates));
                }
                () = signals.next() => {
                    if std::mem::replace(&mut self.ending, true) {
                        break ExitCode::Internal;
                    }
                    self.leave();
                }
            }
        };
        drop(self.terminal);
        if let Some(sentence) = leaving {
            // Where nobody listens any more, nobody has to know.
            let _ = console::write(&Printout::err(sentence));
        }
        self.peer.close().await;
        code
    }

    /// What is to be read when the screen is gone.
    fn last_words(&self, notice: &Notice) -> Option<String> {
        matches!(notice, Notice::Leaving { .. }).then(|| {
            let background = self.peer.background(notice);
            words::sentence(notice, &TimeZone::system(), background, &self.language)
        })?
    }

    /// Does what the screen wants.
    fn act(&mut self) {
        while let Some(action) = self.screen.poll_action() {
            match action {
                Action::Input(input) => self.peer.input(input),
                Action::Redraw => self.on_terminal(Terminal::clear),
                Action::Suspend => self.suspending = true,
                Action::Edit(text) => self.to_edit = Some(text),
                Action::Complete(wanted) => {
                    let candidates = folder::candidates(wanted.typed.clone());
                    self.completing = Some((wanted, candidates));
                }
                Action::Notify(sentence) => {
                    self.terminal.say(&notify::bytes(self.emulator, &sentence));
                }
            }
        }
        // What is half written would come out in the shell or in the editor.
        if !self.terminal.is_quiet() {
            return;
        }
        if std::mem::take(&mut self.suspending) {
            self.terminal.suspend();
        }
        if let Some(text) = self.to_edit.take() {
            self.terminal.give_back();
            self.edited = Some(editor::edit(text, self.dir.clone()));
        }
    }

    fn draw(&mut self) {
        self.last_frame = instant().into();
        self.pause = FRAME;
        let chat = self.peer.chat();
        self.screen.learn(chat.peers(FaceId::FIRST));
        self.screen.meet(chat.current(FaceId::FIRST).and_then(|room| chat.members(room)));
        let Self { terminal, screen, .. } = self;
        if terminal.draw(screen).is_err() {
            self.leave();
        }
    }

    fn take_the_terminal_again(&mut self) {
        self.on_terminal(Terminal::take_again);
        self.screen.handle(now(), Event::Resize);
    }

    /// Without a terminal there is nobody to chat with.
    fn on_terminal(&mut self, does: impl FnOnce(&mut Terminal) -> std::io::Result<()>) {
        if does(&mut self.terminal).is_err() {
            self.leave();
        }
    }

    /// Ends the chat without the person, for whom what is being written is kept.
    fn leave(&mut self) {
        self.screen.handle(now(), Event::Gone);
    }
}

async fn came_out(edited: &mut Option<oneshot::Receiver<Edited>>) -> Edited {
    match edited {
        Some(edited) => edited.await.unwrap_or_else(|_| Err(Phrase::new("screen-no-edit"))),
        None => std::future::pending().await,
    }
}

/// What a path can become, once it is known.
async fn found(
    completing: &mut Option<(Wanted, oneshot::Receiver<Vec<String>>)>,
) -> (Wanted, Vec<String>) {
    let Some((_, candidates)) = completing else { return std::future::pending().await };
    let candidates = candidates.await.unwrap_or_default();
    match completing.take() {
        Some((wanted, _)) => (wanted, candidates),
        None => std::future::pending().await,
    }
}
