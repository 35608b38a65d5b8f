//! The chat with whoever started us.

use std::collections::VecDeque;
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use jiff::tz::TimeZone;
use p2pchat_wire::identity::Name;
use tokio::time::Sleep;

use super::attach::visit::{Carried, Entry, Seat, Visitor};
use super::console::{Console, Entered, Printed};
use super::folder::downloads;
use super::peer::{Peer, Setup, Step, instant, now};
use super::screen::Screening;
use super::server::Serving;
use super::signals::{Signals, leave_the_terminal};
use super::{Failure, profile, terminal};
use crate::chat::{self, ExitCode, FaceId, Input, Manner, Notice};
use crate::config::{Congestion, Face, Lan, Paths, PeerAddress, Strangers, Wait, Wanted};
use crate::proto::{self, Disclosure, Policy};
use crate::store::{DataKey, Profile, Sealed};
use crate::ui::language::Language;
use crate::ui::line::LineView;
use crate::ui::plain::PlainView;
use crate::ui::script::{REFERENCE, Script, Task};
use crate::ui::terminal::{LineEditor, Printer, Restore, Typed, columns, is_dumb};
use crate::ui::{Printout, View, json, words};

/// Printouts that may wait for a slow reader before we stop making more.
const MAX_QUEUE: usize = 256;

/// The answer to what was typed comes within this time, if it comes from this computer: before the
/// next prompt, or instead of it if the chat ends.
const ANSWER: Duration = Duration::from_millis(25);

/// How long the last printouts may take once everything else has ended.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Runs the chat until its input ends, a person leaves, or it makes no sense to go on. Returns the
/// exit code.
///
/// # Errors
///
/// [`Failure`] says why the chat could not begin.
pub async fn chat(wanted: Wanted, language: &Language) -> Result<u8, Failure> {
    let partner = match wanted.face {
        Face::Line => Partner::Line,
        Face::Screen => Partner::Screen,
        Face::Plain | Face::Json => Partner::Pipe,
    };
    run(wanted, partner, language).await
}

/// With whom we speak.
pub(super) enum Partner {
    /// A person, on the whole of a terminal.
    Screen,
    /// A person, line by line.
    Line,
    /// A program, or a file.
    Pipe,
    /// Nobody: there is something to be done.
    Script(Job),
}

/// What a script is for.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) task: Task,
    /// What it says, instead of standard input.
    pub(super) says: Vec<Entered>,
    /// How long it has for everything; without that, it ends as a pipe does.
    pub(super) time: Option<Duration>,
    /// Whether it leaves the terminal once nothing is left to be asked on it.
    pub(super) detaches: bool,
    /// What unlocks the profile, if another process has handed it over.
    pub(super) key: Option<DataKey>,
}

impl Partner {
    /// What the end of input waits for; nothing for a person.
    fn wait(&self, wait: Wait) -> Option<chat::Wait> {
        match self {
            Self::Screen | Self::Line => None,
            Self::Pipe | Self::Script(_) => Some(match wait {
                Wait::Sent => chat::Wait::Sent,
                Wait::Delivered => chat::Wait::Delivered,
                Wait::Received => chat::Wait::Received,
            }),
        }
    }

    /// What is left to be done when so many messages have been written.
    fn after(mut self, written: u64) -> Self {
        if let Self::Script(job) = &mut self {
            job.task = job.task.after(written);
        }
        self
    }

    /// Input and output by lines.
    fn console(&self, dir: &Path) -> Result<Console, Failure> {
        Ok(match self {
            Self::Screen | Self::Line => {
                let (editor, printer) = line_editor(dir)?;
                Console::terminal(editor, printer)
            }
            Self::Pipe => Console::piped(),
            Self::Script(job) => Console::saying(&job.says),
        })
    }

    /// How the chat looks to it.
    fn view(&self, face: Face, language: &Language) -> View {
        match self {
            Self::Script(job) => job.view(face, language),
            Self::Screen | Self::Line | Self::Pipe => view(face, language),
        }
    }

    /// Whether it makes a room that it is started for, if there is none.
    fn founds(&self) -> bool {
        match self {
            Self::Screen | Self::Line | Self::Pipe => true,
            Self::Script(job) => job.task.founds(),
        }
    }

    /// Whether it wants to be told what nobody has seen in earlier runs.
    fn wants_replay(&self) -> bool {
        match self {
            Self::Line | Self::Pipe => true,
            // The screen has pages, and counts of its own.
            Self::Screen => false,
            Self::Script(job) => matches!(job.task, Task::Follow { .. }),
        }
    }
}

impl Job {
    pub(super) fn view(&self, face: Face, language: &Language) -> View {
        let (zone, language) = (TimeZone::system(), language.clone());
        let script = Script::new(self.task.clone(), face == Face::Json, zone, language);
        View::Script(Box::new(script))
    }

    /// What it begins with.
    pub(super) fn begins(&self) -> Carried {
        let deadline = self.time.map(|time| tokio::time::Instant::from(instant()) + time);
        Carried { deadline, key: self.key.clone(), ..Carried::default() }
    }
}

fn line_editor(dir: &Path) -> Result<(LineEditor, Printer), Failure> {
    terminal(dir, Sealed::find(dir)?.is_some())
}

/// Joins the chat of the process that holds the profile, or holds it.
pub(super) async fn run(
    wanted: Wanted,
    partner: Partner,
    language: &Language,
) -> Result<u8, Failure> {
    let dir = profile::directory(wanted.data_dir.clone())?;
    let _restore = matches!(partner, Partner::Line | Partner::Screen).then(Restore::remember);
    let wait = partner.wait(wanted.wait);
    let carried = match &partner {
        Partner::Script(job) => job.begins(),
        Partner::Screen | Partner::Line | Partner::Pipe => Carried::default(),
    };
    let view = partner.view(wanted.face, language);
    let mut visitor = Visitor::new(&wanted, wait.map(Into::into), view, carried);
    let console = || partner.console(&dir);
    let screening = |me: &str| Screening::new(&dir, me, language, &wanted.interface);
    let mut seat = match partner {
        Partner::Screen => Seat::Screen { make: &screening, screening: None },
        _ => Seat::Lines { make: &console, console: None },
    };
    let entry = visitor.enter(&dir, language, &mut seat).await?;
    let (console, screening) = match seat {
        Seat::Lines { console, .. } => (console, None),
        Seat::Screen { screening, .. } => (None, screening),
    };
    match entry {
        Entry::Left(code) => Ok(code),
        Entry::Holds(profile) => {
            let partner = partner.after(visitor.carried.written);
            let kept = (console, screening, visitor.carried);
            hold(wanted, &dir, *profile, partner, kept, language).await
        }
    }
}

/// What is left of visits to other processes: where they were seen, and what was entered meanwhile.
type Kept = (Option<Console>, Option<Box<Screening>>, Carried);

/// Runs the chat of a profile, which another process may have had until now.
async fn hold(
    mut wanted: Wanted,
    dir: &Path,
    profile: Profile,
    partner: Partner,
    (mut console, mut screening, carried): Kept,
    language: &Language,
) -> Result<u8, Failure> {
    if matches!(&partner, Partner::Script(job) if job.detaches) {
        leave_the_terminal();
    }
    let mut snapshot = profile.snapshot()?;
    let remembered = profile::remembered(&snapshot);
    let for_a_person = matches!(partner, Partner::Line | Partner::Screen);
    let wait = partner.wait(wanted.wait);
    let on_a_screen = matches!(partner, Partner::Screen);
    if console.is_none() && screening.is_none() && for_a_person {
        let nameless = wanted.name.is_none() && remembered.name.is_none();
        // Before the screen there is room for a question.
        if nameless || !on_a_screen {
            let mut terminal = line_editor(dir)?;
            if nameless {
                wanted.name = ask_for_a_name(&mut terminal, language);
            }
            let (editor, printer) = terminal;
            console = (!on_a_screen).then(|| Console::terminal(editor, printer));
        }
    }
    let asked = wanted.serve;
    let serving = match asked {
        Some(address) => Some(Serving::lasting(address, &dir.join("rendezvous"))?),
        None => None,
    };
    if let Some(serving) = &serving {
        // Port 0 has become a real one.
        wanted.serve = Some(serving.address());
    }
    let mut place = wanted.place(&remembered)?;
    if let Some(serving) = &serving {
        let own = serving.address().into();
        let own = place.rendezvous.iter_mut().filter(|one| one.host == own);
        own.for_each(|one| one.key = Some(serving.key()));
    }
    profile::believe(&mut snapshot, &place, now());
    let conditions = Wanted { serve: asked, ..wanted.clone() }.conditions(&place.rendezvous);
    let mut signals = Signals::listen()?;
    let own_name = place.name.clone();
    let invited = wanted.peer.as_ref().map(PeerAddress::without_key);
    let mut peer = Peer::start(Setup {
        dir: dir.to_owned(),
        profile,
        snapshot,
        place,
        peer: carried.current.clone().or(invited),
        downloads: downloads(wanted.downloads.as_deref()),
        wait,
        founds: partner.founds(),
        replay: partner.wants_replay() || !on_a_screen && for_a_person,
        strangers: match wanted.strangers {
            Strangers::Request => chat::Strangers::Request,
            Strangers::Accept => chat::Strangers::Accept,
            Strangers::Refuse => chat::Strangers::Refuse,
        },
        policy: policy(wanted.paths),
        congestion: congestion(wanted.congestion),
        bind: wanted.bind,
        // Whoever only uses the relay has no use for a port.
        port_mapping: wanted.port_mapping && wanted.paths != Paths::RelayOnly,
        lan: lan(wanted.lan),
        attachable: Some(conditions),
    })?;
    let said = serving.as_ref().map(|serving| serving.sentence(language));
    if let Some(serving) = serving {
        peer.keep_running(serving);
    }
    let code = if on_a_screen {
        let mut screening = match screening.take() {
            Some(screening) => screening,
            None => {
                let me = own_name.as_str();
                Box::new(Screening::new(dir, me, language, &wanted.interface)?)
            }
        };
        if let Some(said) = said {
            screening.remark(said);
        }
        for entered in carried.untaken {
            peer.input(match entered {
                Entered::Text(text) => {
                    Input::Send { to: None, text, reference: None, manner: Manner::Text }
                }
                Entered::Line(line) => Input::Line(line),
                Entered::File(path) => Input::Offer { to: None, path, reference: None },
                Entered::TooLong | Entered::Interrupted | Entered::End => continue,
            });
        }
        let code = screening.run(&mut peer, &mut signals).await;
        screening.close();
        peer.close().await;
        code.unwrap_or(ExitCode::Internal).code()
    } else {
        let console = match console {
            Some(console) => console,
            None => partner.console(dir)?,
        };
        let mut chatting =
            Chatting::new(peer, partner.view(wanted.face, language), console, wanted.timeout);
        if let Some(said) = said {
            chatting.remark("serving", |_| said);
        }
        chatting.go_on_with(carried);
        chatting.run(&mut signals).await
    };
    Ok(code)
}

/// How the chat looks to whoever started us.
pub(super) fn view(face: Face, language: &Language) -> View {
    match face {
        // Programs search what they are told.
        Face::Json => View::Json(Language::default()),
        Face::Plain => View::Plain(PlainView::new(TimeZone::system(), language.clone())),
        Face::Line | Face::Screen => {
            View::Line(LineView::new(TimeZone::system(), wants_colour(), language.clone()))
        }
    }
}

/// What <https://no-color.org> says, and the terminal.
pub(super) fn wants_colour() -> bool {
    !is_dumb() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// The option in the core's words.
pub(super) fn policy(paths: Paths) -> Policy {
    match paths {
        Paths::Any => Policy::Any,
        Paths::RelayOnly => Policy::RelayOnly,
        Paths::DirectOnly => Policy::DirectOnly,
    }
}

/// The setting in the core's words.
pub(super) fn congestion(congestion: Congestion) -> proto::Congestion {
    match congestion {
        Congestion::Bbr => proto::Congestion::Bbr,
        Congestion::Cubic => proto::Congestion::Cubic,
    }
}

/// The option in the core's words.
pub(super) fn lan(lan: Lan) -> Option<Disclosure> {
    match lan {
        Lan::Off => None,
        Lan::Contacts => Some(Disclosure::Contacts),
        Lan::Everybody => Some(Disclosure::Everybody),
    }
}

/// Asks until there is a name, or the person does not want to say.
fn ask_for_a_name(
    (editor, printer): &mut (LineEditor, Printer),
    language: &Language,
) -> Option<Name> {
    let prompt = language.text("ask-name");
    loop {
        match editor.read(&prompt) {
            Typed::Line(line) => match Name::new(&line) {
                Ok(name) => return Some(name),
                Err(error) => printer.print(&words::no_name(&error).said_in(language)).ok()?,
            },
            Typed::Interrupted | Typed::End => return None,
        }
    }
}

pub(super) struct Chatting {
    peer: Peer,
    view: View,
    console: Console,
    timeout: Duration,
    queue: VecDeque<Printout>,
    /// Runs out when the time of `--timeout` is over, once it runs.
    deadline: Option<Pin<Box<Sleep>>>,
    /// When that is.
    ends_at: Option<tokio::time::Instant>,
    /// There is no more input.
    input_ended: bool,
    /// The last thing typed was Ctrl+C.
    interrupted: bool,
    /// The line editor waits for its next prompt, and gets it a moment later.
    prompt_due: Option<Pin<Box<Sleep>>>,
    /// Nobody reads our output any more.
    output_closed: bool,
    /// A signal asked us to end; the next one insists.
    ending: bool,
}

impl Chatting {
    pub(super) fn new(peer: Peer, view: View, console: Console, timeout: Duration) -> Self {
        let mut chatting = Self {
            peer,
            view,
            console,
            timeout,
            queue: VecDeque::new(),
            deadline: None,
            ends_at: None,
            input_ended: false,
            interrupted: false,
            prompt_due: None,
            output_closed: false,
            ending: false,
        };
        if let Some(input) = chatting.view.begins_with() {
            chatting.peer.input(input);
        }
        chatting.prompt();
        chatting
    }

    /// Carries the chat between network and console, until one of them ends it.
    pub(super) async fn run(mut self, signals: &mut Signals) -> u8 {
        let code = loop {
            if self.view.is_over() && !self.peer.chat().is_ending() {
                self.peer.input(Input::Quit);
            }
            let room = self.queue.len() < MAX_QUEUE;
            let reading = room && !self.input_ended && self.peer.chat().accepts_lines();
            let settles_at = self.view.settles_at();
            tokio::select! {
                step = self.peer.next(), if room => match step {
                    Step::Show(notice) => {
                        self.view.fit(columns());
                        let background = self.peer.background(&notice);
                        if let (
                            Notice::Current(_) | Notice::Renamed { .. } | Notice::Removed(_),
                            Some(prompts),
                        ) =
                            (&*notice, &mut self.console.prompts)
                        {
                            prompts.change(LineView::prompt(
                                self.peer.chat().current(FaceId::FIRST),
                                background,
                                self.view.language(),
                            ));
                        }
                        self.queue.extend(self.view.render(now(), &notice, background));
                    }
                    Step::Quit { code, .. } => break code,
                },
                entered = self.console.entered.recv(), if reading => {
                    self.entered(entered.unwrap_or(Entered::End));
                }
                () = has_room(&self.console.printouts), if !self.queue.is_empty() => self.print(),
                printed = self.console.printed.recv(), if !self.output_closed => match printed {
                    Some(Printed::Shown(from, id)) => {
                        self.view.shown(id);
                        self.peer.input(Input::Shown { from, id });
                    }
                    // As other programs in a pipe, end when nobody reads; but not what runs for others.
                    Some(Printed::Closed) | None => {
                        self.output_closed = true;
                        if !self.is_for_others() {
                            self.peer.input(Input::Quit);
                        }
                    }
                },
                () = reached(settles_at) => self.queue.extend(self.view.settle(now())),
                () = elapsed(&mut self.deadline) => {
                    self.deadline = None;
                    self.peer.input(Input::TimeUp);
                }
                () = elapsed(&mut self.prompt_due) => self.prompt(),
                () = signals.next() => {
                    if std::mem::replace(&mut self.ending, true) {
                        break ExitCode::Internal;
                    }
                    self.peer.input(Input::Quit);
                }
            }
        };
        let Self { peer, console, queue, view, .. } = self;
        let Console { printouts, mut printed, .. } = console;
        peer.close().await;
        let last_words = async {
            for printout in queue.into_iter().chain(view.last_words(code)) {
                if printouts.send(printout).await.is_err() {
                    break;
                }
            }
            drop(printouts);
            while printed.recv().await.is_some() {}
        };
        let _ = tokio::time::timeout(LAST_WORDS, last_words).await;
        view.exit(code)
    }

    /// Says what is no notice of the chat's: `code` to programs, and a sentence.
    pub(super) fn remark(&mut self, code: &str, sentence: impl FnOnce(&Language) -> String) {
        self.view.fit(columns());
        let sentence = sentence(self.view.language());
        self.queue.push_back(self.view.remark(code, &sentence));
    }

    /// Whether it runs for whoever joins, and not for who started it.
    fn is_for_others(&self) -> bool {
        matches!(&self.view, View::Script(script) if *script.task() == Task::Hold)
    }

    fn entered(&mut self, entered: Entered) {
        let again = std::mem::replace(&mut self.interrupted, entered == Entered::Interrupted);
        if let Some(prompts) = &mut self.console.prompts {
            prompts.entered();
        }
        match entered {
            Entered::Line(line) if line.trim().is_empty() => {}
            Entered::Line(line) if matches!(self.view, View::Json(_)) => match json::parse(&line) {
                Ok(input) => self.peer.input(input),
                Err(error) => self.queue.push_back(Printout::out(error)),
            },
            Entered::Line(line) => self.peer.input(Input::Line(line)),
            Entered::Text(text) => {
                let reference = Some(REFERENCE.to_owned());
                self.peer.input(Input::Send { to: None, text, reference, manner: Manner::Text });
            }
            Entered::File(path) => {
                let reference = Some(REFERENCE.to_owned());
                self.peer.input(Input::Offer { to: None, path, reference });
            }
            Entered::TooLong => {
                self.remark("too-long", |language| language.text("input-too-long"));
            }
            Entered::Interrupted if again => self.peer.input(Input::Quit),
            Entered::Interrupted => {
                self.remark("interrupted", |language| language.text("interrupted-once"));
            }
            Entered::End => {
                let now = tokio::time::Instant::from(instant());
                let deadline = *self.ends_at.get_or_insert(now + self.timeout);
                self.deadline = Some(Box::pin(tokio::time::sleep_until(deadline)));
                self.input_ended = true;
                self.peer.input(Input::EndOfInput);
            }
        }
        self.prompt_due = Some(Box::pin(tokio::time::sleep(ANSWER)));
    }

    /// Takes in what was entered and taken by nobody while another process had the profile.
    fn go_on_with(&mut self, carried: Carried) {
        self.ends_at = carried.deadline;
        self.deadline = carried.deadline.map(tokio::time::sleep_until).map(Box::pin);
        for entered in carried.untaken {
            self.entered(entered);
        }
        if carried.ended {
            self.entered(Entered::End);
        }
    }

    /// Lets the line editor ask for the next line.
    fn prompt(&mut self) {
        self.prompt_due = None;
        if let Some(prompts) = &mut self.console.prompts {
            prompts.ask(LineView::prompt(
                self.peer.chat().current(FaceId::FIRST),
                self.peer.calling(),
                self.view.language(),
            ));
        }
    }

    fn print(&mut self) {
        while let Some(printout) = self.queue.pop_front() {
            if let Err(tokio::sync::mpsc::error::TrySendError::Full(printout)) =
                self.console.printouts.try_send(printout)
            {
                self.queue.push_front(printout);
                break;
            }
        }
    }
}

pub(super) async fn has_room(printouts: &tokio::sync::mpsc::Sender<Printout>) {
    drop(printouts.reserve().await);
}

pub(super) async fn reached(moment: Option<chat::Timestamp>) {
    match moment {
        Some(moment) => tokio::time::sleep(Duration::from_millis(moment.since(now()))).await,
        None => std::future::pending().await,
    }
}

pub(super) async fn elapsed(deadline: &mut Option<Pin<Box<Sleep>>>) {
    match deadline {
        Some(deadline) => deadline.await,
        None => std::future::pending().await,
    }
}
