//! The faces of this chat that are other processes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::tz::TimeZone;
use serde::Deserialize as _;
use tokio::sync::mpsc;

use super::door::Door;
use super::link::{In, Out, PATIENCE};
use super::mirror::Mirror;
use super::protocol::{Greeting, Hello, Kind, Print, Refusal, VERSION, Wish, Word, line};
use crate::chat::{
    Chat, Errand, ExitCode, FaceId, Input, Manner, Notice, Outcome, Problem, Timestamp,
};
use crate::ui::language::{Language, Tongue};
use crate::ui::line::LineView;
use crate::ui::plain::PlainView;
use crate::ui::script::{REFERENCE, Script, Task};
use crate::ui::{Background, Printout, View, json};

/// What has come from all of them and was not looked at yet.
const CHANNEL: usize = 64;

/// How long the last words may take.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// The least time between two reports of how things are, in milliseconds: a frame of a screen.
const REFRESH: u64 = 16;

/// Columns of a terminal; what says that it has more is none.
const MAX_COLUMNS: usize = 1000;

/// What one of them does. They are numbered as they come.
#[derive(Debug)]
pub(in crate::app) enum News {
    Came { number: u64, hello: Box<Hello>, out: Out },
    Said { number: u64, wish: Wish },
    Gone { number: u64 },
}

#[derive(Debug)]
struct Guest {
    number: u64,
    sight: Sight,
    out: Out,
    /// Where its paths begin.
    directory: PathBuf,
    /// Links that it opens, and has not said whether it could.
    opening: Vec<String>,
    /// Lines of its that the disk may not have yet.
    unkept: usize,
}

/// How one of them sees the chat.
#[derive(Debug)]
enum Sight {
    /// What is to be written is made here.
    View(Box<View>),
    /// On a screen of its own.
    Screen(Box<Mirror>),
}

impl Sight {
    fn new(hello: &Hello) -> Self {
        match view(hello) {
            Some(view) => Self::View(Box::new(view)),
            None => Self::Screen(Box::default()),
        }
    }

    fn is_over(&self) -> bool {
        matches!(self, Self::View(view) if view.is_over())
    }

    fn exit(&self, code: ExitCode) -> u8 {
        match self {
            Self::View(view) => view.exit(code),
            Self::Screen(_) => code.code(),
        }
    }
}

impl Guest {
    /// Whether it still owed the answer about this link.
    fn was_to_open(&mut self, link: &str) -> bool {
        let index = self.opening.iter().position(|asked| asked == link);
        index.map(|index| self.opening.remove(index)).is_some()
    }
}

/// Who is attached.
#[derive(Debug)]
pub(in crate::app) struct Guests {
    guests: BTreeMap<FaceId, Guest>,
    news: mpsc::Receiver<News>,
    door: Option<Door>,
    /// The options under which the chat runs.
    conditions: Vec<String>,
    /// Another process is to go on with the chat, and will attach to wait for it.
    detaching: bool,
    /// It has come, and waits for our end.
    succeeded: bool,
    /// When screens are told how things are.
    refresh_at: Option<Timestamp>,
    /// Who does not read what it is told.
    slow: Vec<FaceId>,
    /// Scripts that have done what they were for.
    over: Vec<FaceId>,
}

impl Guests {
    /// Lets others attach to the profile in `dir`, which this process holds, if they can do with the
    /// `conditions` under which the chat runs; with `None` nobody. A file system without sockets, or a
    /// path too long for one, keeps them out.
    pub(in crate::app) fn expect(dir: &Path, conditions: Option<Vec<String>>) -> Self {
        let (sender, news) = mpsc::channel(CHANNEL);
        let door = conditions.as_ref().and_then(|_| match Door::open(dir, sender) {
            Ok(door) => Some(door),
            Err(error) => {
                tracing::warn!(%error, "nobody can attach to this profile");
                None
            }
        });
        let conditions = conditions.unwrap_or_default();
        let (slow, over) = (Vec::new(), Vec::new());
        Self {
            guests: BTreeMap::new(),
            news,
            door,
            conditions,
            detaching: false,
            succeeded: false,
            refresh_at: None,
            slow,
            over,
        }
    }

    /// Whether another process goes on with the chat when this one ends.
    pub(in crate::app) fn are_succeeded(&self) -> bool {
        self.succeeded
    }

    /// Waits for somebody to do something. Dropping the future loses nothing.
    pub(in crate::app) async fn next(&mut self) -> News {
        match self.news.recv().await {
            Some(news) => news,
            None => std::future::pending().await,
        }
    }

    /// Does what somebody wants.
    pub(in crate::app) fn handle(&mut self, now: Timestamp, chat: &mut Chat, news: News) {
        match news {
            News::Came { hello, out, .. } if is_another(&hello, chat) => {
                let name = chat.name().map(ToString::to_string).unwrap_or_default();
                out.say(&Word::Refused { why: Refusal::OtherName { name } });
            }
            News::Came { hello, out, .. } if self.lacks(&hello).next().is_some() => {
                let options = self.lacks(&hello).cloned().collect();
                out.say(&Word::Refused { why: Refusal::OtherOptions { options } });
            }
            News::Came { number, hello, out } => {
                let wait = hello.wait.map(Into::into);
                let founds = match &hello.face {
                    Kind::Script { task, .. } => task.founds(),
                    _ => true,
                };
                let face = chat.attach(now, hello.peer.as_deref(), wait, founds);
                let name = chat.name().map(ToString::to_string).unwrap_or_default();
                out.say(&Word::Hello { version: VERSION, name });
                match &hello.face {
                    Kind::Script { task: Task::End, .. } => chat.handle_input(now, Input::Quit),
                    // Whoever waits for our end is there.
                    Kind::Script { task: Task::Hold, .. }
                        if std::mem::take(&mut self.detaching) =>
                    {
                        self.succeeded = true;
                        chat.handle_input(now, Input::Ran(Outcome::Detached));
                    }
                    _ => {}
                }
                let mut sight = Sight::new(&hello);
                if let Sight::Screen(mirror) = &mut sight {
                    // Before everything else: what is unread decides what is shown first.
                    for word in mirror.refresh(chat, face) {
                        out.say(&word);
                    }
                }
                if let Sight::View(view) = &mut sight
                    && let View::Script(script) = &mut **view
                {
                    if chat.is_connected(face) {
                        script.is_connected();
                    }
                    if self.succeeded {
                        script.keep_quiet();
                    }
                }
                let begins = match &sight {
                    Sight::View(view) => view.begins_with(),
                    Sight::Screen(_) => None,
                };
                let directory = PathBuf::from(hello.directory);
                let opening = Vec::new();
                let guest = Guest { number, sight, out, directory, opening, unkept: 0 };
                self.guests.insert(face, guest);
                if let Some(input) = begins {
                    chat.handle_face(now, face, input);
                }
            }
            News::Said { number, wish } => {
                let Some(face) = self.face(number) else { return };
                self.said(now, chat, face, wish);
            }
            News::Gone { number } => {
                if let Some(face) = self.face(number) {
                    self.end(now, chat, face, None);
                }
            }
        }
        self.part(now, chat);
    }

    /// The options that somebody asks for and that this chat runs without.
    fn lacks<'a>(&self, hello: &'a Hello) -> impl Iterator<Item = &'a String> {
        hello.given.iter().filter(|option| !self.conditions.contains(option))
    }

    /// Whether others can attach.
    pub(in crate::app) fn are_expected(&self) -> bool {
        self.door.is_some()
    }

    fn face(&self, number: u64) -> Option<FaceId> {
        let mut guests = self.guests.iter();
        guests.find(|(_, guest)| guest.number == number).map(|(face, _)| *face)
    }

    fn said(&mut self, now: Timestamp, chat: &mut Chat, face: FaceId, wish: Wish) {
        let Some(guest) = self.guests.get_mut(&face) else { return };
        let input = match wish {
            Wish::Line { text } => {
                guest.unkept += 1;
                match &guest.sight {
                    Sight::View(view) if matches!(**view, View::Json(_)) => {
                        match json::parse(&text) {
                            Ok(input) => input,
                            Err(error) => return self.print(face, [Printout::out(error)]),
                        }
                    }
                    Sight::View(_) | Sight::Screen(_) => Input::Line(text),
                }
            }
            Wish::Text { text } => {
                guest.unkept += 1;
                let reference = match guest.sight {
                    Sight::View(_) => Some(REFERENCE.to_owned()),
                    Sight::Screen(_) => None,
                };
                Input::Send { to: None, text, reference, manner: Manner::Text }
            }
            Wish::File { path } => {
                guest.unkept += 1;
                let reference = Some(REFERENCE.to_owned());
                Input::Offer { to: None, path, reference }
            }
            Wish::Shown { from, id } => match line(&from, &id) {
                Some((from, id)) => {
                    if let Sight::View(view) = &mut guest.sight {
                        view.shown(id);
                    }
                    Input::Shown { from, id }
                }
                None => return,
            },
            // Only what it was asked for has an outcome.
            Wish::Opened { link } if guest.was_to_open(&link) => Input::Ran(Outcome::Opened(link)),
            Wish::NotOpened { link, cause } if guest.was_to_open(&link) => {
                Input::Ran(Outcome::Failed(Problem::NotOpened { link, cause }))
            }
            Wish::Opened { .. } | Wish::NotOpened { .. } => return,
            Wish::Command { line } => Input::Command(line),
            Wish::Page { with, before, limit } => Input::Page { with, before, limit },
            Wish::Search { with, text, limit } => Input::Search { with, text, limit },
            Wish::Typing { to, typing } => Input::Typing { to, typing },
            Wish::Draft { with, text } => Input::Draft { with, text },
            Wish::End => Input::EndOfInput,
            Wish::TimeUp => Input::TimeUp,
            Wish::Quit => Input::Quit,
            Wish::Hello(_) => return self.end(now, chat, face, Some(Refusal::Nonsense)),
        };
        chat.handle_face(now, face, input);
        if self.guests.get(&face).is_some_and(|guest| guest.sight.is_over()) {
            self.over.push(face);
        }
    }

    /// Tells them which of their lines are on the disk.
    pub(in crate::app) fn acknowledge(&mut self, chat: &Chat) {
        for (face, guest) in &mut self.guests {
            if guest.unkept > 0 && chat.is_kept(*face) {
                guest.out.say(&Word::Taken { lines: std::mem::take(&mut guest.unkept) });
            }
        }
    }

    /// Tells one of them, or all.
    pub(in crate::app) fn show(
        &mut self,
        now: Timestamp,
        whom: Option<FaceId>,
        notice: &Notice,
        background: Background<'_>,
        current: impl Fn(FaceId) -> Option<crate::chat::Address>,
    ) {
        let all: Vec<FaceId> = match whom {
            Some(face) => vec![face],
            None => self.guests.keys().copied().collect(),
        };
        for face in all {
            let Some(guest) = self.guests.get_mut(&face) else { continue };
            if let Notice::Current(_) | Notice::Renamed { .. } | Notice::Removed(_) = notice {
                let peer = current(face);
                let prompt = match &guest.sight {
                    Sight::View(view) => {
                        LineView::prompt(peer.as_ref(), background, view.language())
                    }
                    Sight::Screen(_) => String::new(),
                };
                guest.out.say(&Word::Current { peer: peer.map(|peer| peer.to_string()), prompt });
            }
            match &mut guest.sight {
                Sight::View(view) => {
                    let printouts = view.render(now, notice, background);
                    self.print(face, printouts);
                }
                Sight::Screen(mirror) => {
                    let words = mirror.tell(notice, background);
                    if !words.iter().all(|word| guest.out.say(word)) {
                        self.slow.push(face);
                    }
                }
            }
            if self.guests.get(&face).is_some_and(|guest| guest.sight.is_over()) {
                self.over.push(face);
            }
        }
    }

    fn print(&mut self, face: FaceId, printouts: impl IntoIterator<Item = Printout>) {
        let Some(guest) = self.guests.get(&face) else { return };
        for printout in printouts {
            if !guest.out.say(&Word::Print(Print::from(printout))) {
                return self.slow.push(face);
            }
        }
    }

    /// Parts from those who have done what they came for, and those who do not read what they are told.
    pub(in crate::app) fn part(&mut self, now: Timestamp, chat: &mut Chat) {
        while let Some(face) = self.over.pop() {
            chat.handle_face(now, face, Input::Quit);
        }
        while let Some(face) = self.slow.pop() {
            self.end(now, chat, face, Some(Refusal::Slow));
        }
    }

    /// One of them is gone, or is sent away. Nothing is waited for that only it could have said.
    fn end(&mut self, now: Timestamp, chat: &mut Chat, face: FaceId, why: Option<Refusal>) {
        let Some(guest) = self.guests.remove(&face) else { return };
        if let Some(why) = why {
            guest.out.say(&Word::Refused { why });
        }
        for link in guest.opening {
            let outcome = Outcome::Failed(Problem::NotOpened { link, cause: None });
            chat.handle_face(now, face, Input::Ran(outcome));
        }
        chat.handle_face(now, face, Input::Quit);
    }

    /// Has one of them do what only it can: its desktop is where its person is. What is to be done
    /// here comes back, with the directory in which its paths begin.
    pub(in crate::app) fn delegate(
        &mut self,
        face: FaceId,
        errand: Errand,
    ) -> Option<(Errand, PathBuf)> {
        let Some(guest) = self.guests.get_mut(&face) else {
            self.detaching = errand == Errand::Detach;
            return Some((errand, PathBuf::new()));
        };
        match errand {
            Errand::Open(link) => {
                guest.out.say(&Word::Open { link: link.clone() });
                guest.opening.push(link);
                None
            }
            errand @ (Errand::Export { .. } | Errand::Locate { .. } | Errand::Detach) => {
                Some((errand, guest.directory.clone()))
            }
        }
    }

    /// One of them has left the chat.
    pub(in crate::app) fn left(&mut self, face: FaceId, code: ExitCode) {
        if let Some(guest) = self.guests.remove(&face) {
            if let Sight::View(view) = &guest.sight
                && let Some(last) = view.last_words(code)
            {
                guest.out.say(&Word::Print(Print::from(last)));
            }
            guest.out.say(&Word::Left { code: guest.sight.exit(code) });
        }
    }

    /// When some view has something to say if nothing else happens, or screens are to be told how
    /// things are.
    pub(in crate::app) fn settles_at(&self) -> Option<Timestamp> {
        let views = self.guests.values().filter_map(|guest| match &guest.sight {
            Sight::View(view) => view.settles_at(),
            Sight::Screen(_) => None,
        });
        views.chain(self.refresh_at).min()
    }

    /// Something has happened in the chat, of which screens may have to know.
    pub(in crate::app) fn touch(&mut self, now: Timestamp) {
        let drawn = |guest: &Guest| matches!(guest.sight, Sight::Screen(_));
        if self.refresh_at.is_none() && self.guests.values().any(drawn) {
            self.refresh_at = Some(Timestamp(now.0.saturating_add(REFRESH)));
        }
    }

    /// Lets views say what they have to say, and tells screens how things are.
    pub(in crate::app) fn settle(&mut self, now: Timestamp, chat: &Chat) {
        let refresh = self.refresh_at.take_if(|at| *at <= now).is_some();
        for (face, guest) in &mut self.guests {
            match &mut guest.sight {
                Sight::View(view) => {
                    for printout in view.settle(now) {
                        guest.out.say(&Word::Print(Print::from(printout)));
                    }
                }
                Sight::Screen(mirror) if refresh => {
                    for word in mirror.refresh(chat, *face) {
                        guest.out.say(&word);
                    }
                }
                Sight::Screen(_) => {}
            }
        }
    }

    /// Says to all that this process leaves. Whoever was not looked at yet finds out by itself.
    pub(in crate::app) async fn close(mut self) {
        self.door = None;
        let closing = self.guests.into_values().map(|guest| {
            guest.out.say(&Word::Closing);
            guest.out
        });
        let closing: Vec<Out> = closing.collect();
        let written = async {
            for out in closing {
                out.close().await;
            }
        };
        let _ = tokio::time::timeout(LAST_WORDS, written).await;
    }
}

/// Brings in what one of them says.
pub(super) async fn wait_on(number: u64, mut input: In, out: Out, news: &mpsc::Sender<News>) {
    let first = tokio::time::timeout(PATIENCE, input.next::<serde_json::Value>()).await;
    let Ok(Some(first)) = first else { return send_away(&out, Refusal::Nonsense) };
    // Of what another version says, only the version need be understood.
    match Greeting::deserialize(&first) {
        Ok(Greeting::Hello { version }) if version != VERSION => {
            return send_away(&out, Refusal::Version { version: VERSION });
        }
        _ => {}
    }
    let Ok(Wish::Hello(hello)) = Wish::deserialize(&first) else {
        return send_away(&out, Refusal::Nonsense);
    };
    let mut next = News::Came { number, hello, out };
    while news.send(next).await.is_ok() {
        match input.next().await {
            Some(wish) => next = News::Said { number, wish },
            None => {
                let _ = news.send(News::Gone { number }).await;
                break;
            }
        }
    }
}

/// Says why somebody cannot come in.
pub(super) fn send_away(out: &Out, why: Refusal) {
    out.say(&Word::Refused { why });
}

/// Whether somebody asks for a name that is not the one in use.
fn is_another(hello: &Hello, chat: &Chat) -> bool {
    let wanted = hello.name.as_ref();
    wanted.is_some_and(|wanted| chat.name().is_some_and(|name| name.as_str() != wanted))
}

/// What makes of the chat what is to be written; of a screen nothing is written here.
fn view(hello: &Hello) -> Option<View> {
    let zone = hello.zone.as_deref().and_then(|zone| TimeZone::get(zone).ok());
    let zone = zone.unwrap_or_else(TimeZone::system);
    let language = || Language::choose(Tongue::of_locale(&hello.language), None);
    let mut view = match &hello.face {
        Kind::Screen => return None,
        Kind::Json => View::Json(Language::default()),
        Kind::Plain => View::Plain(PlainView::new(zone, language())),
        Kind::Line => View::Line(LineView::new(zone, hello.colour, language())),
        Kind::Script { task, json } => {
            View::Script(Box::new(Script::new(task.clone(), *json, zone, language())))
        }
    };
    view.fit(hello.columns.map(|columns| columns.clamp(1, MAX_COLUMNS)));
    Some(view)
}
