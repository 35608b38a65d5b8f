//! The whole thing on one computer: a rendezvous, an echo, and you, over real UDP.
//!
//! The echo is a peer like any other, with sockets, an identity and a store of its own; it answers
//! each line with the same line. At a terminal the ordinary chat opens. Without one, each line of
//! input is sent, the transcript is printed together with how the path came to be, and the exit code
//! says whether every line was delivered and came back.

use std::fmt::Display;
use std::path::Path;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use p2pchat_wire::identity::Name;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::chatting::{Chatting, policy, view};
use super::console::{self, Console, Entered};
use super::failure::as_it_is;
use super::peer::{Peer, Setup, Step, instant};
use super::screen::Screening;
use super::server::Serving;
use super::signals::Signals;
use super::{Failure, terminal};
use crate::chat::{
    ExitCode, Input, LineState, Manner, Message, Notice, Presence, Strangers, Wait, clean,
};
use crate::config::{Face, Place, Rendezvous, Wanted};
use crate::proto::{Congestion, PathInfo, PathKind, Policy};
use crate::store::Profile;
use crate::ui::language::{Language, Phrase};
use crate::ui::terminal::Restore;
use crate::ui::{Printout, words};

/// What is said where nobody says anything.
const GREETING: &str = "Hello, echo! 你好，回声！";

/// How long a direct path is waited for after the last line came back, so that its coming can be
/// told. It takes one round trip; on one computer, that is nothing.
const DIRECT: Duration = Duration::from_secs(3);

/// Runs the demo. Returns the exit code.
///
/// # Errors
///
/// [`Failure`] says which part could not start, or what did not come back.
pub async fn demo(wanted: Wanted, language: &Language) -> Result<u8, Failure> {
    let started = instant();
    let mut signals = Signals::listen()?;
    let folder = tempfile::Builder::new().prefix("p2pchat-demo-").tempdir().map_err(|error| {
        Failure::internal(Phrase::new("demo-no-directory").with("error", error))
    })?;
    let serving = Serving::for_the_demo()?;
    let echo = Echo::start(&folder.path().join("echo"), &serving).await?;
    let mine = wanted.name.clone().filter(|name| name.as_str() != "echo");
    let place = place(&serving, mine.map_or_else(|| name("you"), Ok)?)?;
    let for_a_person = matches!(wanted.face, Face::Line | Face::Screen);
    let wait = (!for_a_person).then_some(Wait::Delivered);
    let own_name = place.name.clone();
    let dir = folder.path().join("you");
    let setup = setup(&dir, place, Some("echo".to_owned()), wait, policy(wanted.paths))?;
    let code = match wanted.face {
        Face::Plain => {
            let story = Story::new(started, language.clone());
            let address = serving.address();
            story.tell(instant(), &language.say("demo-listens", &[("address", &address)]));
            story.tell(instant(), &language.text("demo-echo-registered"));
            let mut run = Run { peer: Peer::start(setup)?, story, sent: Vec::new(), echoed: 0 };
            let outcome = run.until_everything_came_back(&mut signals, wanted.timeout).await;
            run.peer.close().await;
            outcome.map(|()| ExitCode::Done.code())
        }
        Face::Screen => {
            let mut peer = Peer::start(setup)?;
            let me = own_name.as_str();
            let mut screening = Screening::new(&dir, me, language, &wanted.interface)?;
            screening.remark(language.say("demo-welcome", &[("address", &serving.address())]));
            let code = screening.run(&mut peer, &mut signals).await;
            screening.close();
            peer.close().await;
            Ok(code.unwrap_or(ExitCode::Internal).code())
        }
        Face::Line | Face::Json => {
            let _restore = Restore::remember();
            let console = match wanted.face {
                Face::Line => {
                    let (editor, printer) = terminal(folder.path(), false)?;
                    Console::terminal(editor, printer)
                }
                Face::Screen | Face::Plain | Face::Json => Console::piped(),
            };
            let peer = Peer::start(setup)?;
            let mut chatting =
                Chatting::new(peer, view(wanted.face, language), console, wanted.timeout);
            chatting.remark("demo", |language| {
                language.say("demo-welcome", &[("address", &serving.address())])
            });
            Ok(chatting.run(&mut signals).await)
        }
    };
    echo.stop().await;
    serving.stop().await;
    code
}

/// The peer that answers.
struct Echo {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Echo {
    /// Starts it and waits until it can be called.
    #[expect(clippy::disallowed_methods, reason = "a second peer is a second task")]
    async fn start(dir: &Path, serving: &Serving) -> Result<Self, Failure> {
        let place = place(serving, name("echo")?)?;
        let mut peer = Peer::start(setup(dir, place, None, Some(Wait::Delivered), Policy::Any)?)?;
        loop {
            match peer.next().await {
                Step::Show(notice) => {
                    if let Notice::Registered { .. } = *notice {
                        break;
                    }
                }
                Step::Quit { .. } => {
                    let phrase = Phrase::new("demo-echo-unregistered");
                    return Err(Failure::new(
                        ExitCode::RendezvousUnreachable,
                        phrase.holding("cause", words::cause(peer.cause())),
                    ));
                }
            }
        }
        let (stop, stopped) = oneshot::channel();
        Ok(Self { stop, task: tokio::spawn(answer(peer, stopped)) })
    }

    async fn stop(self) {
        let _ = self.stop.send(());
        let _ = self.task.await;
    }
}

async fn answer(mut peer: Peer, mut stopped: oneshot::Receiver<()>) {
    let mut stopping = false;
    loop {
        tokio::select! {
            step = peer.next() => match step {
                Step::Show(notice) => {
                    if let Notice::Message(Message { from, id, text, .. }) = *notice {
                        let to = Some(from.to_string());
                        peer.input(Input::Send { to, text, reference: None, manner: Manner::Text });
                        peer.input(Input::Shown { from, id });
                    }
                }
                Step::Quit { .. } => break,
            },
            _ = &mut stopped, if !stopping => {
                stopping = true;
                peer.input(Input::Quit);
            }
        }
    }
    peer.close().await;
}

/// Without a terminal: what was sent, what came back, and how.
struct Run {
    peer: Peer,
    story: Story,
    sent: Vec<Sent>,
    echoed: usize,
}

struct Sent {
    text: String,
    delivered: bool,
}

impl Run {
    async fn until_everything_came_back(
        &mut self,
        signals: &mut Signals,
        timeout: Duration,
    ) -> Result<(), Failure> {
        let mut console = Console::piped();
        let mut input_ended = false;
        // Starts anew whenever something happens that was waited for.
        let mut patience = Box::pin(tokio::time::sleep(timeout));
        loop {
            let done = input_ended && self.echoed == self.sent.len();
            if done && self.sent.iter().all(|sent| sent.delivered) {
                break;
            }
            let reading = !input_ended && self.peer.chat().accepts_lines();
            let progress = tokio::select! {
                step = self.peer.next() => self.step(step)?,
                entered = console.entered.recv(), if reading => {
                    input_ended = self.entered(entered.unwrap_or(Entered::End))?;
                    true
                }
                () = &mut patience, if input_ended => return Err(self.incomplete(timeout)),
                () = signals.next() => return Err(Failure::internal(Phrase::new("demo-interrupted"))),
            };
            if progress {
                patience.set(tokio::time::sleep(timeout));
            }
        }
        let direct = async {
            while !self.story.direct {
                let step = self.peer.next().await;
                self.step(step)?;
            }
            Ok::<(), Failure>(())
        };
        // Over the relay everything arrived as well; then that is the story.
        if let Ok(outcome) = tokio::time::timeout(DIRECT, direct).await {
            outcome?;
        }
        let id = if self.story.direct { "demo-done-direct" } else { "demo-done-relay" };
        let done = self.story.language.count(id, self.sent.len() as u64, &[]);
        self.story.tell(instant(), &done);
        Ok(())
    }

    /// Whether that was the end of input.
    fn entered(&mut self, entered: Entered) -> Result<bool, Failure> {
        match entered {
            Entered::Line(line) if line.trim().is_empty() => {}
            Entered::Line(line) | Entered::Text(line) | Entered::File(line) => self.send(line),
            Entered::TooLong => {
                return Err(Failure::new(ExitCode::Usage, Phrase::new("demo-too-long")));
            }
            Entered::Interrupted => {}
            Entered::End => {
                if self.sent.is_empty() {
                    self.send(GREETING.to_owned());
                }
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn send(&mut self, text: String) {
        print(&format!("you   {}", clean::one_line(&text, "\n      ")));
        let reference = Some(self.sent.len().to_string());
        self.peer.input(Input::Send {
            to: None,
            text: text.clone(),
            reference,
            manner: Manner::Text,
        });
        self.sent.push(Sent { text, delivered: false });
    }

    /// Whether something happened that was waited for.
    fn step(&mut self, step: Step) -> Result<bool, Failure> {
        let notice = match step {
            Step::Show(notice) => notice,
            Step::Quit { code, .. } => {
                return Err(Failure::new(code, Phrase::new("demo-ended")));
            }
        };
        self.story.follow(instant(), &notice);
        match *notice {
            Notice::Status { reference: Some(reference), state: LineState::Delivered, .. } => {
                let index = reference.parse::<usize>().ok();
                if let Some(sent) = index.and_then(|index| self.sent.get_mut(index)) {
                    sent.delivered = true;
                }
            }
            Notice::Status { state: LineState::Failed(problem), .. }
            | Notice::Refused { problem, .. } => {
                let said = words::problem_sentence(&problem, &self.story.language);
                return Err(Failure::internal(as_it_is(said)));
            }
            Notice::Message(Message { from, id, text, .. }) => {
                print(&format!("echo  {}", clean::one_line(&text, "\n      ")));
                if self.sent.get(self.echoed).is_none_or(|sent| sent.text != text) {
                    return Err(Failure::internal(Phrase::new("demo-wrong-echo")));
                }
                self.echoed += 1;
                self.peer.input(Input::Shown { from, id });
            }
            Notice::Trouble { .. } | Notice::StoreFailed(_) | Notice::ConnectRefused { .. } => {
                let background = self.peer.background(&notice);
                let language = &self.story.language;
                let sentence = words::sentence(&notice, &TimeZone::UTC, background, language);
                if let Some(sentence) = sentence {
                    self.story.tell(instant(), &sentence);
                }
                return Ok(false);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn incomplete(&self, timeout: Duration) -> Failure {
        let delivered = self.sent.iter().filter(|sent| sent.delivered).count();
        let (code, id) = match self.story.state {
            None => (ExitCode::RendezvousUnreachable, "demo-unregistered"),
            Some(Presence::Connected) => (ExitCode::Incomplete, "demo-connected-only"),
            Some(_) => (ExitCode::NoPath, "demo-unconnected"),
        };
        let phrase = Phrase::new(id)
            .with("seconds", timeout.as_secs())
            .with("sent", self.sent.len())
            .with("delivered", delivered)
            .with("echoed", self.echoed);
        Failure::new(code, phrase)
    }
}

/// How the path came to be, told as it happens.
struct Story {
    started: Instant,
    language: Language,
    /// The echo's state once we are registered.
    state: Option<Presence>,
    direct: bool,
}

impl Story {
    fn new(started: Instant, language: Language) -> Self {
        Self { started, language, state: None, direct: false }
    }

    fn follow(&mut self, now: Instant, notice: &Notice) {
        match notice {
            Notice::Registered { me, mapped, first: true, .. } => {
                self.state = self.state.or(Some(Presence::Offline));
                let arguments: [(_, &dyn Display); 2] = [("me", me), ("mapped", mapped)];
                self.tell(now, &self.language.say("demo-registered", &arguments));
            }
            Notice::Peer { state, path, .. } => {
                let was = self.state.replace(*state);
                match (state, path) {
                    (Presence::Connecting, _) => {
                        self.tell(now, &self.language.text("demo-introduced"));
                    }
                    (Presence::Connected, Some(path)) => self.path(now, was, *path),
                    (Presence::Registered | Presence::Connected | Presence::Offline, _) => {}
                }
            }
            _ => {}
        }
    }

    fn path(&mut self, now: Instant, was: Option<Presence>, path: PathInfo) {
        self.direct = path.kind != PathKind::Relay;
        let remote = path.remote.filter(|_| self.direct);
        let words = words::by(Some(path), &self.language);
        let moved = was == Some(Presence::Connected);
        let sentence = match remote {
            None => {
                let id = if moved { "demo-moved" } else { "demo-connected" };
                self.language.say(id, &[("path", &words)])
            }
            Some(remote) => {
                let id = if moved { "demo-moved-to" } else { "demo-connected-to" };
                self.language.say(id, &[("path", &words), ("remote", &remote)])
            }
        };
        self.tell(now, &sentence);
    }

    fn tell(&self, now: Instant, sentence: &str) {
        let passed = now.saturating_duration_since(self.started);
        print(&format!("{:>6} ms  {sentence}", passed.as_millis()));
    }
}

/// Straight to the output: nothing else of the demo waits meanwhile.
fn print(text: &str) {
    // Where nobody reads, the exit code still says how it went.
    let _ = console::write(&Printout::out(text.to_owned()));
}

fn setup(
    dir: &Path,
    place: Place,
    peer: Option<String>,
    wait: Option<Wait>,
    policy: Policy,
) -> Result<Setup, Failure> {
    let profile = Profile::open(dir)?;
    let snapshot = profile.snapshot()?;
    Ok(Setup {
        dir: dir.to_owned(),
        profile,
        snapshot,
        place,
        // Here nobody offers a file, and nobody could accept one.
        downloads: String::new(),
        peer,
        wait,
        founds: true,
        // The directory is new.
        replay: false,
        // Nobody else is there, and the echo has nobody who could accept.
        strangers: Strangers::Accept,
        policy,
        congestion: Congestion::default(),
        bind: None,
        port_mapping: false,
        lan: None,
        attachable: None,
    })
}

fn place(serving: &Serving, name: Name) -> Result<Place, Failure> {
    let rendezvous = Rendezvous { host: serving.address().into(), key: Some(serving.key()) };
    Ok(Place { name, rendezvous: vec![rendezvous] })
}

fn name(text: &str) -> Result<Name, Failure> {
    Name::new(text).map_err(|error| Failure::internal(as_it_is(error)))
}
