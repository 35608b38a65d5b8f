//! A face in this process, of a chat in another.

use std::collections::VecDeque;
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use jiff::tz::TimeZone;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::{Instant, Sleep, sleep, sleep_until};

use super::link::Link;
use super::protocol::{Hello, Kind, Refusal, Until, VERSION, Wish, Word};
use super::window::Window;
use crate::app::chatting::{elapsed, has_room, wants_colour};
use crate::app::console::{Console, Entered, Printed};
use crate::app::peer::instant;
use crate::app::screen::Screening;
use crate::app::signals::Signals;
use crate::app::{Failure, errands, unlock};
use crate::chat::{ExitCode, Outcome, Problem};
use crate::config::{Face, PeerAddress, Wanted};
use crate::store::{DataKey, Profile, ProfileError};
use crate::ui::language::{Language, Phrase};
use crate::ui::line::LineView;
use crate::ui::terminal::columns;
use crate::ui::{Background, Printout, View};

/// Lines that may be given to a holder before it has said that it took them.
const WINDOW: usize = 64;

/// Printouts that may wait for a slow reader before we stop listening.
const MAX_QUEUE: usize = 256;

/// How often it is tried again where a profile is held and nobody answers: its holder has just come
/// or is about to go.
const PAUSE: Duration = Duration::from_millis(50);

/// After so many pauses it is neither: its holder listens to nobody.
const PAUSES: u32 = 100;

/// How long the last printouts may take once everything else has ended.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What goes from one holder to the next, which may be ourselves.
#[derive(Debug, Default)]
pub(in crate::app) struct Carried {
    /// What was given to a holder that has not said that it took it.
    pub(in crate::app) untaken: VecDeque<Entered>,
    /// How many lines were taken, by one holder after the other.
    pub(in crate::app) taken: u64,
    /// How many messages of the other side were written, as one holder after the other gave them.
    pub(in crate::app) written: u64,
    /// There is no more input.
    pub(in crate::app) ended: bool,
    /// When the time of `--timeout` is over, once it runs.
    pub(in crate::app) deadline: Option<Instant>,
    /// To whom plain lines go.
    pub(in crate::app) current: Option<String>,
    /// What unlocks the profile, if it is known.
    pub(in crate::app) key: Option<DataKey>,
}

impl Carried {
    /// So many more lines are on the disk.
    pub(super) fn take(&mut self, lines: usize) {
        let taken = lines.min(self.untaken.len());
        self.untaken.drain(..taken);
        self.taken += taken as u64;
    }

    /// The holder ended without a word: it was killed. What it took is on the disk; of the rest nobody
    /// knows.
    pub(super) fn broken(&self) -> Failure {
        Failure::internal(Phrase::new("attach-broken").counting(self.taken))
    }
}

/// Where a chat is seen, once it is.
pub(in crate::app) enum Seat<'a> {
    /// Line by line.
    Lines {
        /// Makes it when it is needed.
        make: &'a dyn Fn() -> Result<Console, Failure>,
        console: Option<Console>,
    },
    /// On a screen.
    Screen {
        /// Makes it when it is needed, for somebody who is called so.
        make: &'a dyn Fn(&str) -> Result<Screening, Failure>,
        screening: Option<Box<Screening>>,
    },
}

impl Seat<'_> {
    /// Lets the last of it be read.
    async fn leave(&mut self) {
        match self {
            Self::Lines { console, .. } => {
                if let Some(console) = console.take() {
                    last_words(console).await;
                }
            }
            Self::Screen { screening, .. } => {
                if let Some(screening) = screening.take() {
                    screening.close();
                }
            }
        }
    }
}

/// What somebody needs who wants to see a chat.
pub(in crate::app) struct Visitor {
    hello: Hello,
    /// For what is said of the visit itself.
    view: View,
    timeout: Duration,
    pub(in crate::app) carried: Carried,
    /// What we are called, as the holder says.
    name: String,
}

/// How it went.
pub(in crate::app) enum Entry {
    /// The profile is ours.
    Holds(Box<Profile>),
    /// The chat that was attached to has been left.
    Left(u8),
}

/// How one visit ended.
#[derive(Debug)]
pub(super) enum End {
    Left(u8),
    /// The holder goes, or was going when we came.
    Moved,
    Failed(Failure),
}

impl Visitor {
    /// Somebody who waits for `wait` at the end of input, and to whom things are said as `view` has
    /// it.
    pub(in crate::app) fn new(
        wanted: &Wanted,
        wait: Option<Until>,
        view: View,
        carried: Carried,
    ) -> Self {
        let hello = Hello {
            version: VERSION,
            face: match &view {
                _ if wanted.face == Face::Screen => Kind::Screen,
                View::Plain(..) => Kind::Plain,
                View::Json(_) => Kind::Json,
                View::Line(_) => Kind::Line,
                View::Script(script) => {
                    Kind::Script { task: script.task().clone(), json: script.is_json() }
                }
            },
            name: wanted.name.as_ref().map(ToString::to_string),
            peer: wanted.peer.as_ref().map(PeerAddress::without_key),
            given: match &view {
                View::Script(script) if !script.task().is_part_of_the_chat() => Vec::new(),
                _ => wanted.given.clone(),
            },
            wait,
            language: view.language().tongue().code().to_owned(),
            // Of a directory without a readable name nobody can make a path, and it is said so.
            directory: std::env::current_dir()
                .map(|directory| directory.to_string_lossy().into_owned())
                .unwrap_or_default(),
            zone: TimeZone::system().iana_name().map(str::to_owned),
            colour: wants_colour(),
            columns: columns(),
        };
        Self { hello, view, timeout: wanted.timeout, carried, name: String::new() }
    }

    /// Holds the profile in `dir`, or attaches to whoever does, for as long as somebody does. A
    /// passphrase is asked for only where there is no holder, who knows it already. The `seat` is
    /// kept if there is more to come.
    ///
    /// # Errors
    ///
    /// The profile cannot be used, or a holder sends us away.
    pub(in crate::app) async fn enter(
        &mut self,
        dir: &Path,
        language: &Language,
        seat: &mut Seat<'_>,
    ) -> Result<Entry, Failure> {
        let mut pauses = 0;
        let mut key = self.carried.key.take();
        loop {
            let busy = match Profile::unlock(dir, key.as_ref()) {
                Ok(profile) => return Ok(Entry::Holds(Box::new(profile))),
                Err(ProfileError::Sealed { .. }) if key.is_none() => {
                    key = unlock::key(dir, language)?;
                    continue;
                }
                Err(busy @ ProfileError::Busy { .. }) => busy,
                Err(other) => return Err(other.into()),
            };
            if let Some(mut link) = Link::to_holder(dir).await
                && self.is_welcome(&mut link).await?
            {
                pauses = 0;
                let end = match seat {
                    Seat::Lines { make, console } => {
                        let console = match console {
                            Some(console) => console,
                            None => console.insert(make()?),
                        };
                        self.visit(link, console).await?
                    }
                    Seat::Screen { make, screening } => {
                        let screening = match screening {
                            Some(screening) => screening,
                            None => screening.insert(Box::new(make(&self.name)?)),
                        };
                        self.look(link, screening).await?
                    }
                };
                if let End::Moved = end
                    && !self.is_done()
                {
                    continue;
                }
                seat.leave().await;
                match end {
                    End::Left(code) => return Ok(Entry::Left(code)),
                    End::Failed(failure) => return Err(failure),
                    End::Moved => return Ok(Entry::Left(ExitCode::Done.code())),
                }
            }
            pauses += 1;
            if pauses > PAUSES {
                return Err(busy.into());
            }
            sleep(PAUSE).await;
        }
    }

    /// Attaches to whoever holds the profile in `dir`; `None` if nobody does, or not any more.
    ///
    /// # Errors
    ///
    /// The holder sends us away.
    pub(in crate::app) async fn call(
        &mut self,
        dir: &Path,
        mut console: Console,
    ) -> Result<Option<u8>, Failure> {
        let Some(mut link) = Link::to_holder(dir).await else { return Ok(None) };
        if !self.is_welcome(&mut link).await? {
            return Ok(None);
        }
        let end = self.visit(link, &mut console).await?;
        last_words(console).await;
        match end {
            End::Left(code) => Ok(Some(code)),
            End::Moved => Ok(None),
            End::Failed(failure) => Err(failure),
        }
    }

    /// Whether somebody holds the profile in `dir`, and listens.
    pub(in crate::app) async fn is_held(dir: &Path) -> bool {
        Link::to_holder(dir).await.is_some()
    }

    /// Returns when somebody holds the profile in `dir` and listens, or after five seconds.
    pub(in crate::app) async fn await_holder(dir: &Path) {
        for _ in 0..PAUSES {
            if Self::is_held(dir).await {
                break;
            }
            sleep(PAUSE).await;
        }
    }

    /// What is left of what a script came for.
    fn rest(&self) -> Kind {
        match &self.hello.face {
            Kind::Script { task, json } => {
                Kind::Script { task: task.after(self.carried.written), json: *json }
            }
            face => face.clone(),
        }
    }

    /// Whether a script has all that it came for.
    fn is_done(&self) -> bool {
        matches!(self.rest(), Kind::Script { task, .. } if task.is_done())
    }

    /// Says who we are. Whether the holder has time for us.
    async fn is_welcome(&mut self, link: &mut Link) -> Result<bool, Failure> {
        let peer = self.carried.current.take().or_else(|| self.hello.peer.take());
        self.hello.peer = peer;
        let hello = Hello { face: self.rest(), ..self.hello.clone() };
        link.out.say(&Wish::Hello(Box::new(hello)));
        match link.words.recv().await {
            Some(Word::Hello { version: VERSION, name }) => {
                self.name = name;
                Ok(true)
            }
            // What this version greets with, another may not even read.
            Some(Word::Refused { why: Refusal::Nonsense }) => {
                Err(sent_away(&Refusal::Version { version: 0 }))
            }
            Some(Word::Refused { why }) => Err(sent_away(&why)),
            _ => Ok(false),
        }
    }

    async fn look(&mut self, link: Link, screening: &mut Screening) -> Result<End, Failure> {
        let mut signals = Signals::listen()?;
        let mut window = Window::new(link, &mut self.carried);
        let end = screening.run(&mut window, &mut signals).await;
        window.close().await;
        if let Some(End::Moved) = end {
            screening.moved();
        }
        Ok(end.unwrap_or_else(|| End::Left(ExitCode::Internal.code())))
    }

    async fn visit(&mut self, mut link: Link, console: &mut Console) -> Result<End, Failure> {
        let mut signals = Signals::listen()?;
        for entered in &self.carried.untaken {
            link.out.say(&Wish::of(entered));
        }
        let mut visit = Visit {
            visitor: self,
            link: &mut link,
            console,
            queue: VecDeque::new(),
            deadline: None,
            interrupted: false,
            output_closed: false,
        };
        if visit.visitor.carried.ended {
            visit.link.out.say(&Wish::End);
        }
        visit.deadline = visit.visitor.carried.deadline.map(sleep_until).map(Box::pin);
        let language = visit.visitor.view.language();
        visit.prompt(LineView::prompt(None, Background::default(), language));
        if let View::Line(_) = visit.visitor.view {
            visit.remark("attached", "attach-joined");
        }
        let end = visit.run(&mut signals).await;
        visit.flush().await;
        link.out.close().await;
        Ok(end)
    }
}

struct Visit<'a> {
    visitor: &'a mut Visitor,
    link: &'a mut Link,
    console: &'a mut Console,
    queue: VecDeque<Printout>,
    /// There is no more input; since then the time of `--timeout` runs.
    deadline: Option<Pin<Box<Sleep>>>,
    /// The last thing typed was Ctrl+C.
    interrupted: bool,
    /// Nobody reads our output any more.
    output_closed: bool,
}

impl Visit<'_> {
    async fn run(&mut self, signals: &mut Signals) -> End {
        loop {
            let carried = &self.visitor.carried;
            let reading = !carried.ended && carried.untaken.len() < WINDOW;
            tokio::select! {
                word = self.link.words.recv(), if self.queue.len() < MAX_QUEUE => match word {
                    Some(word) => if let Some(end) = self.heard(word) { return end },
                    None => return End::Failed(self.visitor.carried.broken()),
                },
                entered = self.console.entered.recv(), if reading => {
                    self.entered(entered.unwrap_or(Entered::End));
                }
                () = has_room(&self.console.printouts), if !self.queue.is_empty() => self.print(),
                printed = self.console.printed.recv(), if !self.output_closed => match printed {
                    Some(Printed::Shown(from, id)) => {
                        let (from, id) = (from.to_string(), id.to_string());
                        self.link.out.say(&Wish::Shown { from, id });
                    }
                    // As other programs in a pipe, end when nobody reads.
                    Some(Printed::Closed) | None => {
                        self.output_closed = true;
                        self.queue.clear();
                        self.link.out.say(&Wish::Quit);
                    }
                },
                () = elapsed(&mut self.deadline) => {
                    self.deadline = None;
                    self.link.out.say(&Wish::TimeUp);
                }
                () = signals.next() => {
                    self.link.out.say(&Wish::Quit);
                }
            }
        }
    }

    /// What the holder says; with its last word the end.
    fn heard(&mut self, word: Word) -> Option<End> {
        match word {
            Word::Print(print) if !self.output_closed => self.queue.push_back(print.into()),
            Word::Current { peer, prompt } => {
                self.visitor.carried.current = peer;
                if let Some(prompts) = &mut self.console.prompts {
                    prompts.change(prompt);
                }
            }
            Word::Taken { lines } => {
                self.visitor.carried.take(lines);
                if let Some(prompts) = &mut self.console.prompts {
                    prompts.ask_again();
                }
            }
            Word::Open { link } => self.open(link),
            Word::Left { code } => return Some(End::Left(code)),
            Word::Closing => return Some(End::Moved),
            Word::Refused { why } => return Some(End::Failed(sent_away(&why))),
            // The others are for screens.
            _ => {}
        }
        None
    }

    fn entered(&mut self, entered: Entered) {
        let again = std::mem::replace(&mut self.interrupted, entered == Entered::Interrupted);
        if let Some(prompts) = &mut self.console.prompts {
            prompts.entered();
        }
        match entered {
            Entered::Line(line) if line.trim().is_empty() => self.ask_again(),
            Entered::Line(_) | Entered::Text(_) | Entered::File(_) => {
                self.link.out.say(&Wish::of(&entered));
                self.visitor.carried.untaken.push_back(entered);
            }
            Entered::TooLong => self.remark("too-long", "input-too-long"),
            Entered::Interrupted if again => {
                self.link.out.say(&Wish::Quit);
            }
            Entered::Interrupted => self.remark("interrupted", "interrupted-once"),
            Entered::End => self.end(),
        }
    }

    fn end(&mut self) {
        let timeout = self.visitor.timeout;
        let carried = &mut self.visitor.carried;
        carried.ended = true;
        let deadline = *carried.deadline.get_or_insert_with(|| Instant::from(instant()) + timeout);
        self.deadline = Some(Box::pin(sleep_until(deadline)));
        self.link.out.say(&Wish::End);
    }

    fn remark(&mut self, code: &str, sentence: &str) {
        let sentence = self.visitor.view.language().text(sentence);
        self.queue.push_back(self.visitor.view.remark(code, &sentence));
        self.ask_again();
    }

    /// On the desktop of whoever typed it.
    fn open(&self, link: String) {
        self.link.out.say(&open(link));
    }

    fn prompt(&mut self, prompt: String) {
        if let Some(prompts) = &mut self.console.prompts {
            prompts.ask(prompt);
        }
    }

    fn ask_again(&mut self) {
        if let Some(prompts) = &mut self.console.prompts {
            prompts.ask_again();
        }
    }

    fn print(&mut self) {
        while let Some(printout) = self.queue.pop_front() {
            let shows = printout.shows.is_some();
            if let Err(TrySendError::Full(printout)) = self.console.printouts.try_send(printout) {
                self.queue.push_front(printout);
                break;
            }
            self.visitor.carried.written += u64::from(shows);
        }
    }

    /// Writes what has come. What nobody reads any more is not waited for.
    async fn flush(&mut self) {
        let written = async {
            while let Some(printout) = self.queue.pop_front() {
                let shows = printout.shows.is_some();
                if self.console.printouts.send(printout).await.is_err() {
                    break;
                }
                self.visitor.carried.written += u64::from(shows);
            }
        };
        let _ = tokio::time::timeout(LAST_WORDS, written).await;
    }
}

/// Waits until everything is written.
async fn last_words(console: Console) {
    let Console { printouts, mut printed, .. } = console;
    drop(printouts);
    let written = async { while printed.recv().await.is_some() {} };
    let _ = tokio::time::timeout(LAST_WORDS, written).await;
}

/// Opens a page of the web on the desktop of whoever typed it. What came of it.
pub(super) fn open(link: String) -> Wish {
    match errands::open(link.clone()) {
        Outcome::Failed(Problem::NotOpened { cause, .. }) => Wish::NotOpened { link, cause },
        _ => Wish::Opened { link },
    }
}

impl Wish {
    /// What somebody wants who enters this.
    pub(super) fn of(entered: &Entered) -> Self {
        match entered {
            Entered::Text(text) => Self::Text { text: text.clone() },
            Entered::Line(text) => Self::Line { text: text.clone() },
            Entered::File(path) => Self::File { path: path.clone() },
            Entered::TooLong | Entered::Interrupted | Entered::End => Self::End,
        }
    }
}

pub(super) fn sent_away(why: &Refusal) -> Failure {
    let phrase = match why {
        Refusal::Version { .. } => {
            return Failure::new(ExitCode::Version, Phrase::new("attach-version"));
        }
        Refusal::Full { guests } => Phrase::new("attach-full").with("guests", guests),
        Refusal::OtherName { name } => {
            let phrase = Phrase::new("attach-other-name").with("name", name);
            return Failure::new(ExitCode::Usage, phrase);
        }
        Refusal::OtherOptions { options } => {
            let phrase = Phrase::new("attach-other-options").with("options", options.join(", "));
            return Failure::new(ExitCode::Usage, phrase);
        }
        Refusal::Slow => Phrase::new("attach-slow"),
        Refusal::Nonsense => Phrase::new("attach-nonsense"),
    };
    Failure::internal(phrase)
}
