//! The chat with a person who sits at a terminal: the loop between the chat and the screen. The chat may
//! run in this process or in another.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::tz::TimeZone;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::chatting::{reached, wants_colour};
use super::editor::{self, Edited};
use super::look::look;
use super::peer::{Peer, Step, instant, now};
use super::signals::{Signals, Stop, Stops};
use super::{Failure, console, folder};
use crate::chat::{ExitCode, FaceId, Input, Notice};
use crate::config::Interface;
use crate::ui::language::{Language, Phrase, Tongue};
use crate::ui::tui::completion::Wanted;
use crate::ui::tui::emulator::Emulator;
use crate::ui::tui::notify;
use crate::ui::tui::terminal::{Happening, Terminal};
use crate::ui::tui::{Action, Event, Screen};
use crate::ui::{Background, Printout, words};

/// The least time between two frames: what comes faster is drawn together.
const FRAME: Duration = Duration::from_millis(16);

/// The same where the second shows what the person has just done: of a key that waits for the next
/// frame, one sees that it waits.
const ECHO: Duration = Duration::from_millis(4);

/// A chat that a screen shows.
pub(super) trait Source {
    /// How it ends.
    type End;

    /// Waits for what it has to say. Dropping the future loses nothing.
    async fn next(&mut self) -> Said<Self::End>;

    /// Takes in what the person wants.
    fn input(&mut self, input: Input);

    /// What is known beside a notice.
    fn background(&self, notice: &Notice) -> Background<'_>;

    /// Tells the screen what it has to know before it is drawn.
    fn brief(&mut self, screen: &mut Screen);
}

/// What a chat says.
#[derive(Debug)]
pub(super) enum Said<End> {
    /// Something to be shown.
    Notice(Box<Notice>),
    /// Something is not as the screen has been told.
    Changed,
    /// The last word.
    End(End),
}

impl Source for Peer {
    type End = ExitCode;

    async fn next(&mut self) -> Said<ExitCode> {
        match Self::next(self).await {
            Step::Show(notice) => Said::Notice(notice),
            Step::Quit { code } => Said::End(code),
        }
    }

    fn input(&mut self, input: Input) {
        Self::input(self, input);
    }

    fn background(&self, notice: &Notice) -> Background<'_> {
        Self::background(self, notice)
    }

    fn brief(&mut self, screen: &mut Screen) {
        let chat = self.chat();
        screen.learn(chat.peers(FaceId::FIRST));
        screen.meet(chat.current(FaceId::FIRST).and_then(|room| chat.members(room)));
    }
}

/// The screen on which a chat is seen.
pub(super) struct Screening {
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
    /// What is to be read when the screen is gone.
    leaving: Option<String>,
}

impl Screening {
    /// Takes the terminal, for a chat whose profile is in `dir`, of somebody who is called `me`.
    pub(super) fn new(
        dir: &Path,
        me: &str,
        language: &Language,
        interface: &Interface,
    ) -> Result<Self, Failure> {
        let stops = Stops::listen()?;
        let east_asian = language.tongue() == Tongue::Zh;
        // The file was checked when it was read.
        let look = look(interface, wants_colour(), east_asian).unwrap_or_default();
        let mouse = look.mouse;
        let screen = Screen::new(me.to_owned(), TimeZone::system(), language.clone(), look);
        let emulator = Emulator::of(|name| std::env::var(name).ok());
        let links = emulator.links.then(|| screen.links());
        let terminal = Terminal::take(mouse, links).map_err(|error| {
            Failure::internal(Phrase::new("terminal-unusable").with("error", error))
        })?;
        Ok(Self {
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
            leaving: None,
        })
    }

    /// Says something that is no notice of the chat's.
    pub(super) fn remark(&mut self, sentence: String) {
        self.screen.handle(now(), Event::Remark(sentence));
    }

    /// The chat has gone to another process; what was asked of the last one is asked again.
    pub(super) fn moved(&mut self) {
        self.screen.handle(now(), Event::Moved);
    }

    /// Carries the chat between whoever runs it and the terminal, until one of them ends it. How it
    /// ended; `None` if a person insists.
    pub(super) async fn run<S: Source>(
        &mut self,
        source: &mut S,
        signals: &mut Signals,
    ) -> Option<S::End> {
        loop {
            self.act(source);
            let wakes_at = self.screen.wakes_at();
            let drawing = self.screen.is_stale() && self.terminal.is_ready();
            tokio::select! {
                said = source.next() => match said {
                    Said::Notice(notice) => {
                        let background = source.background(&notice);
                        if let (None, Notice::Leaving { .. } | Notice::Detached) = (&self.leaving, &*notice) {
                            let zone = TimeZone::system();
                            self.leaving =
                                words::sentence(&notice, &zone, background, &self.language);
                        }
                        self.screen.hear(now(), &notice, background);
                    }
                    Said::Changed => source.brief(&mut self.screen),
                    Said::End(end) => return Some(end),
                },
                happening = self.terminal.next() => match happening {
                    Happening::Event(event) => {
                        self.screen.handle(now(), event);
                        self.pause = self.pause.min(ECHO);
                    }
                    Happening::Written => {}
                    Happening::Gone => self.leave(),
                },
                () = tokio::time::sleep_until(self.last_frame + self.pause), if drawing => {
                    self.draw(source);
                }
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
                        return None;
                    }
                    self.leave();
                }
            }
        }
    }

    /// Gives the terminal back, and says what is to be read on it.
    pub(super) fn close(self) {
        drop(self.terminal);
        if let Some(sentence) = self.leaving {
            // Where nobody listens any more, nobody has to know.
            let _ = console::write(&Printout::err(sentence));
        }
    }

    /// Does what the screen wants.
    fn act(&mut self, source: &mut impl Source) {
        while let Some(action) = self.screen.poll_action() {
            match action {
                Action::Input(input) => source.input(input),
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

    fn draw(&mut self, source: &mut impl Source) {
        self.last_frame = instant().into();
        self.pause = FRAME;
        source.brief(&mut self.screen);
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
