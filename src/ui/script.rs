//! What commands do for scripts: send one message, wait for some, ask a question.
//!
//! A [`Script`] is a face with one [`Task`]. It shows what belongs to that and nothing else, knows
//! when it is done, and makes an exit code of how it went.

mod inviting;
mod standing;
mod task;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::language::Language;
use super::overview::Overview;
use super::{Background, Printout, Stream, files, json, plain, said};
use crate::chat::files::Stage;
use crate::chat::rooms::Denial;
use crate::chat::{
    Address, ExitCode, FileNews, Input, LineId, LineState, Manner, Message, Notice, Problem,
    RoomNews,
};

pub use task::{Part, Task};

/// What the line of a script is called, between the script and the chat.
pub const REFERENCE: &str = "script";

/// The exit codes of a question begin here where there is no answer: those below are the answers.
pub const NO_ANSWER: u8 = 100;

/// The most choices of a question.
pub const MAX_CHOICES: usize = NO_ANSWER as usize;

/// A face with a task.
#[derive(Debug)]
pub struct Script {
    task: Task,
    json: bool,
    zone: TimeZone,
    language: Language,
    english: Language,
    /// Messages that have been written, and those of them that the chat does not know to be.
    received: u64,
    unsaid: BTreeSet<LineId>,
    /// The person or the room that it is for, if there is one.
    whom: Option<Address>,
    /// Whom the question has been sent to, and its id.
    asked: Option<(Address, LineId)>,
    /// Which choice the answer is.
    answer: Option<u8>,
    /// What was wanted was refused: how the program ends for that.
    refused: Option<ExitCode>,
    overview: Overview,
    /// Files of its own that have come to an end, and whether one has moved.
    ended: BTreeSet<LineId>,
    began: bool,
    /// How far those are that are on their way.
    ways: BTreeMap<LineId, String>,
    /// Its line goes by a session that is there: trouble with servers need not concern it.
    is_connected: bool,
    /// What is to be said of that if its line does not arrive.
    held: Vec<Printout>,
    /// It says nothing.
    is_quiet: bool,
    /// There is nothing left to do.
    done: bool,
}

impl Script {
    /// A script whose output is JSON, or sentences and lines as in a pipe.
    #[must_use]
    pub fn new(task: Task, json: bool, zone: TimeZone, language: Language) -> Self {
        Self {
            task,
            json,
            zone,
            language,
            english: Language::default(),
            received: 0,
            unsaid: BTreeSet::new(),
            whom: None,
            asked: None,
            answer: None,
            refused: None,
            overview: Overview { running: true, ..Overview::default() },
            ended: BTreeSet::new(),
            began: false,
            ways: BTreeMap::new(),
            is_connected: false,
            held: Vec::new(),
            is_quiet: false,
            done: false,
        }
    }

    /// What it wants of the chat as soon as it is there.
    #[must_use]
    pub fn begins_with(&self) -> Option<Input> {
        match &self.task {
            Task::Receive { count, from } => {
                Some(Input::Receive { from: from.clone(), count: *count })
            }
            Task::Take { from, folder } => {
                Some(Input::Take { from: from.clone(), folder: folder.clone() })
            }
            Task::Change(intent) => Some(Input::Intend((**intent).clone())),
            Task::Invitation { command, .. } => Some(Input::Command(command.clone())),
            _ => None,
        }
    }

    /// Its task.
    #[must_use]
    pub fn task(&self) -> &Task {
        &self.task
    }

    /// Whether it writes JSON.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// The language of its sentences.
    #[must_use]
    pub fn language(&self) -> &Language {
        if self.json { &self.english } else { &self.language }
    }

    /// Whether everything is done, and the chat knows what has been shown.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.done && self.unsaid.is_empty()
    }

    /// The chat knows that this line has been shown.
    pub fn shown(&mut self, id: LineId) {
        self.unsaid.remove(&id);
    }

    /// How the program ends if the chat ends with `code`.
    #[must_use]
    pub fn exit(&self, code: ExitCode) -> u8 {
        let in_time = |done: bool| match code {
            ExitCode::Done if !done => ExitCode::TimeUp,
            other => other,
        };
        match &self.task {
            Task::Ask { .. } => match self.answer {
                Some(answer) => answer,
                None => NO_ANSWER + self.refused.unwrap_or_else(|| in_time(false)).code(),
            },
            Task::Receive { count, .. } => in_time(self.received >= *count).code(),
            Task::Send if code == ExitCode::Done => self.refused.unwrap_or(code).code(),
            // The chat may have ended for another reason, and then nothing is known of the rest.
            Task::Offer { files, received } if code == ExitCode::Done => {
                let known = !received || self.ended.len() >= *files;
                let code = if known { ExitCode::Done } else { ExitCode::Incomplete };
                self.refused.unwrap_or(code).code()
            }
            Task::Take { .. } => match self.refused {
                Some(code) => code.code(),
                None if self.done => ExitCode::Done.code(),
                None if self.began && matches!(code, ExitCode::Done | ExitCode::TimeUp) => {
                    ExitCode::Incomplete.code()
                }
                None => in_time(false).code(),
            },
            Task::Change(_) | Task::Invitation { .. } => {
                self.refused.unwrap_or_else(|| in_time(self.done)).code()
            }
            Task::Status => in_time(self.done).code(),
            Task::Send | Task::Offer { .. } | Task::Follow { .. } | Task::Hold | Task::End => {
                code.code()
            }
        }
    }

    /// What is to be written about `notice`.
    pub fn hear(&mut self, notice: &Notice, background: Background<'_>) -> Vec<Printout> {
        match (&self.task, notice) {
            (Task::End, _) => Vec::new(),
            (Task::Hold, _) => self.holds(notice, background),
            (Task::Change(_), _) => self.learn(notice, background),
            (Task::Invitation { part, .. }, _) => self.correspond(*part, notice, background),
            // Of what is asked, nothing is refused but to list rooms where there are none.
            (Task::Status, _) => self.sum_up(notice, background),
            (_, Notice::Refused { problem, .. }) => {
                self.refused = Some(refused(problem));
                // What is refused has been all there was to do.
                self.done |= matches!(self.task, Task::Ask { .. });
                self.render(notice, background)
            }
            (_, Notice::RegisterRefused { .. } | Notice::Trouble { .. })
                if self.may_do_without_servers() =>
            {
                self.hold_back(notice, background)
            }
            (_, Notice::Leaving { .. }) => self.leave(notice, background),
            (
                Task::Receive { from: None, .. } | Task::Follow { with: None },
                Notice::Current(_),
            ) => Vec::new(),
            (_, Notice::Current(open)) => {
                self.whom = Some(open.clone());
                Vec::new()
            }
            (_, Notice::Room { room, news }) if self.keeps_out(room, news) => {
                self.render(notice, background)
            }
            (
                _,
                Notice::ConnectRefused { peer, .. }
                | Notice::NoSuchName(peer)
                | Notice::KeyChanged { peer, .. }
                | Notice::SecretLacking { peer, .. }
                | Notice::Pending(peer)
                | Notice::Kept { to: peer, .. },
            ) if self.whom.as_ref().is_some_and(|whom| whom != peer) => Vec::new(),
            (
                _,
                Notice::RegisterRefused { .. }
                | Notice::ConnectRefused { .. }
                | Notice::Trouble { .. }
                | Notice::NoSuchName(_)
                | Notice::KeyChanged { .. }
                | Notice::SecretLacking { .. }
                | Notice::StoreFailed(_)
                | Notice::Pending(_)
                | Notice::Kept { .. },
            ) => self.render(notice, background),
            (
                Task::Send | Task::Offer { .. },
                Notice::Status { reference: Some(_), .. }
                | Notice::NoFiles(_)
                | Notice::NoFolders(_)
                | Notice::LeftOut { .. },
            ) => self.render(notice, background),
            (Task::Send | Task::Offer { .. } | Task::Take { .. }, Notice::File(news))
                if news.reference.is_some() =>
            {
                self.follow_file(news);
                if self.json {
                    return self.render(notice, background);
                }
                let moving = files::progress(news, &self.language);
                let mut printouts = match moving {
                    Some(way) => {
                        self.ways.insert(news.id, format!("{}  {way}", files::name(news)));
                        Vec::new()
                    }
                    None => {
                        self.ways.remove(&news.id);
                        self.render(notice, background)
                    }
                };
                if !self.ways.is_empty() {
                    let ways: Vec<&str> = self.ways.values().map(String::as_str).collect();
                    printouts.push(Printout::status(ways.join(" | ")));
                }
                printouts
            }
            (
                Task::Ask { .. },
                Notice::Status { reference: Some(_), state: LineState::Failed(problem), .. },
            ) => {
                (self.done, self.refused) = (true, Some(refused(problem)));
                self.render(notice, background)
            }
            (Task::Ask { .. }, Notice::Status { to, id, reference: Some(_), state, .. }) => {
                // What came before the question had left is no answer to it. In a room it leaves when it
                // is on disk, and is delivered only when all have it.
                let left = match state {
                    LineState::Queued => to.is_room,
                    LineState::Sent | LineState::Delivered | LineState::Read => true,
                    LineState::Waiting | LineState::Failed(_) => false,
                };
                if left {
                    self.asked = Some((to.clone(), *id));
                }
                Vec::new()
            }
            (Task::Ask { choices }, Notice::Message(message)) => {
                let asked = self.asked.as_ref();
                let choice = asked.and_then(|asked| answer(asked, choices, message));
                choice.map(|choice| self.answered(choice, message)).into_iter().collect()
            }
            (Task::Receive { count, .. }, Notice::Message(message)) => {
                // The chat tells it only what it has asked for.
                if self.received >= *count {
                    return Vec::new();
                }
                self.received += 1;
                self.done = self.received >= *count;
                self.unsaid.insert(message.id);
                self.render(notice, background)
            }
            (Task::Follow { with }, Notice::Message(Message { from: peer, .. }))
            | (
                Task::Follow { with },
                Notice::Amended { with: peer, .. } | Notice::Reacted { with: peer, .. },
            ) if is_of(peer, with.as_deref(), background) => self.render(notice, background),
            (Task::Follow { with }, Notice::Written(written))
                if is_of(&written.to, with.as_deref(), background) =>
            {
                if self.json {
                    return self.render(notice, background);
                }
                let text = said::field(written.manner, &written.text);
                let from = format!("me>{}", written.to);
                vec![Printout::out(plain::fields(written.sent_at, &from, &text, &self.zone))]
            }
            _ => Vec::new(),
        }
    }

    /// Whether it cannot say or hear anything in its room for this.
    fn keeps_out(&self, room: &Address, news: &RoomNews) -> bool {
        self.whom.as_ref() == Some(room)
            && match news {
                RoomNews::NobodyHere
                | RoomNews::NotAdmitted(_)
                | RoomNews::ServerRefuses(_)
                | RoomNews::OtherRoom
                | RoomNews::Kicked { us: true, .. } => true,
                // Another one may know the room, and then we are in at once.
                RoomNews::Denied(denial) => *denial != Denial::Unknown,
                _ => false,
            }
    }

    /// A file of its own is so far.
    fn follow_file(&mut self, news: &FileNews) {
        let takes = matches!(self.task, Task::Take { .. });
        self.began |= matches!(news.stage, Stage::Moving(_));
        match news.stage {
            Stage::Done { .. } => self.done |= takes,
            Stage::Declined | Stage::Withdrawn(_) if takes => {
                (self.done, self.refused) = (true, Some(ExitCode::Refused));
            }
            Stage::Declined | Stage::Withdrawn(_) => {}
            _ => return,
        }
        self.ended.insert(news.id);
    }

    fn render(&self, notice: &Notice, background: Background<'_>) -> Vec<Printout> {
        if self.json {
            json::render(notice, background, &self.english)
        } else {
            plain::render(notice, &self.zone, background, &self.language)
        }
    }

    /// What came of a change; what others change is not its business.
    fn learn(&mut self, notice: &Notice, background: Background<'_>) -> Vec<Printout> {
        let (told, refused) = match notice {
            Notice::Changed(told) => (&**told, None),
            Notice::Refused { problem, .. } => (notice, Some(problem.exit())),
            Notice::NotTheSame { .. } => (notice, Some(ExitCode::KeyChanged)),
            _ => return Vec::new(),
        };
        self.done = true;
        self.refused = refused;
        let mut printouts = self.render(told, background);
        if refused.is_none() {
            // It is what was asked for, not something said beside it.
            printouts.iter_mut().for_each(|printout| printout.stream = Stream::Out);
        }
        printouts
    }

    fn answered(&mut self, choice: u8, message: &Message) -> Printout {
        let Task::Ask { choices } = &self.task else { return Printout::out(String::new()) };
        let choice_text = choices.get(usize::from(choice));
        let author = message.author.as_deref();
        let text = if self.json {
            let mut object = json!({
                "type": "answer",
                "from": author.unwrap_or(&message.from).to_string(),
                "id": message.id.to_string(),
                "text": message.text,
                "choice": choice_text,
                "index": choice_text.map(|_| choice),
            });
            if let (Some(_), Value::Object(fields)) = (author, &mut object) {
                fields.insert("room".to_owned(), json!(message.from.to_string()));
            }
            json::write(&object)
        } else {
            let answer = choice_text.cloned().unwrap_or_else(|| plain::escape(&message.text));
            // Where anybody may answer, it is said who has.
            author.map_or_else(|| answer.clone(), |author| format!("{answer}\t{author}"))
        };
        self.answer = Some(choice);
        self.done = true;
        self.unsaid.insert(message.id);
        Printout { shows: Some((message.from.clone(), message.id)), ..Printout::out(text) }
    }

    fn sum_up(&mut self, notice: &Notice, background: Background<'_>) -> Vec<Printout> {
        let language = if self.json { &self.english } else { &self.language };
        self.done = self.overview.learn(notice, &self.zone, background, language);
        if !self.done {
            return Vec::new();
        }
        self.overview.printouts(self.json, &self.zone, background, language)
    }
}

/// How a script ends of which this was refused. What it wanted has made sense as far as its own words go.
fn refused(problem: &Problem) -> ExitCode {
    match problem.exit() {
        ExitCode::Usage if !matches!(problem, Problem::File(_)) => ExitCode::Refused,
        code => code,
    }
}

/// Whether somebody is meant by what was typed, if anything was.
fn is_of(peer: &Address, typed: Option<&str>, background: Background<'_>) -> bool {
    let Some(typed) = typed else { return true };
    let named = |name: &str| name.eq_ignore_ascii_case(typed);
    let nickname = background.nickname(peer).is_some_and(|nickname| named(nickname.as_str()));
    nickname || named(&peer.marked_name()) || named(&peer.to_string())
}

/// Which choice a message is; the first if anything is an answer.
fn answer(asked: &(Address, LineId), choices: &[String], message: &Message) -> Option<u8> {
    let (peer, question) = asked;
    let to_it = match message.manner {
        Manner::Text => true,
        Manner::Reply { to } => to == *question,
        _ => false,
    };
    if message.from != *peer || !to_it || message.again {
        return None;
    }
    if choices.is_empty() {
        return Some(0);
    }
    let said = normal(&message.text);
    let by_name = choices.iter().position(|choice| normal(choice) == said);
    let by_number = || {
        let number: usize = said.parse().ok()?;
        number.checked_sub(1).filter(|index| *index < choices.len())
    };
    by_name.or_else(by_number).and_then(|index| u8::try_from(index).ok())
}

/// As people type: case, spaces around and a full stop say nothing.
fn normal(text: &str) -> String {
    text.trim().trim_end_matches(['.', '!', '。', '！', ' ']).to_lowercase()
}

/// A choice that no answer could mean for sure: one that is empty, or the same as another for whoever answers.
#[must_use]
pub fn indistinct(choices: &[String]) -> Option<&str> {
    let same = |(index, choice): (usize, &String)| {
        let said = normal(choice);
        said.is_empty() || choices.iter().take(index).any(|other| normal(other) == said)
    };
    choices.iter().enumerate().find(|one| same(*one)).map(|(_, choice)| choice.as_str())
}

/// The question as the other side reads it.
#[must_use]
pub fn question(text: &str, choices: &[String]) -> String {
    if choices.is_empty() { text.to_owned() } else { format!("{text} ({})", choices.join(" / ")) }
}
