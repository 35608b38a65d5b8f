//! What is done for scripts: `send`, `recv`, `follow`, `ask`, `status`. Each joins the chat that runs, or
//! runs one for as long as it needs it.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::tz::TimeZone;

use super::attach::visit::Visitor;
use super::chatting::{Job, Partner, run};
use super::console::{Console, Entered};
use super::peer::now;
use super::spool::{self, Incoming};
use super::{Failure, profile, unlock};
use crate::chat::{ExitCode, MAX_TEXT, PeerSummary, clean};
use crate::config::{Face, PeerAddress, Wait, Wanted};
use crate::store::Reader;
use crate::ui::Background;
use crate::ui::language::{Language, Phrase};
use crate::ui::overview::{self, Overview};
use crate::ui::script::{MAX_CHOICES, NO_ANSWER, Task, indistinct, question};

/// Sends one message and leaves; without a text, what stands on the standard input. Returns the exit
/// code.
///
/// # Errors
///
/// As [`chat()`](super::chat()), or there is no text, or too much of it.
pub async fn send(
    wanted: Wanted,
    to: PeerAddress,
    text: Option<String>,
    language: &Language,
) -> Result<u8, Failure> {
    let text = match text {
        Some(text) => text,
        None => typed()?,
    };
    check(&text, "send-no-text")?;
    let says = vec![Entered::Text(text), Entered::End];
    let wanted = Wanted { peer: Some(to), ..wanted };
    script(wanted, Job { task: Task::Send, says, time: None, detaches: false, key: None }, language)
        .await
}

/// Offers files and leaves when they have been received; `-` is the standard input, as a file that is `called` so. Returns
/// the exit code.
///
/// # Errors
///
/// As [`chat()`](super::chat()), or a path is no text.
pub async fn send_files(
    wanted: Wanted,
    to: PeerAddress,
    files: &[PathBuf],
    called: &str,
    language: &Language,
) -> Result<u8, Failure> {
    if files.iter().filter(|file| is_input(file)).count() > 1 {
        return Err(Failure::new(ExitCode::Usage, Phrase::new("pipe-twice")));
    }
    let mut says = Vec::new();
    for file in files {
        let path = if is_input(file) {
            let dir = profile::directory(wanted.data_dir.clone())?;
            spool::read(&dir, called, io::stdin().lock())?
        } else {
            file.clone()
        };
        let path = path.to_str().ok_or_else(|| no_text(&path))?;
        says.push(Entered::File(path.to_owned()));
    }
    says.push(Entered::End);
    let task = Task::Offer { files: files.len(), received: wanted.wait == Wait::Received };
    let wanted = Wanted { peer: Some(to), ..wanted };
    script(wanted, Job { task, says, time: None, detaches: false, key: None }, language).await
}

/// Takes the next file that is offered, and writes it to the standard output when it is whole. Returns the exit code.
///
/// # Errors
///
/// As [`chat()`](super::chat()), or the file cannot be written.
pub async fn recv_file(
    wanted: Wanted,
    from: Option<PeerAddress>,
    time: Option<Duration>,
    language: &Language,
) -> Result<u8, Failure> {
    let dir = profile::directory(wanted.data_dir.clone())?;
    let name = from.as_ref().map(PeerAddress::without_key);
    let incoming = Incoming::open(&dir, name.as_deref())?;
    // What an earlier one has received and not written comes first.
    if !incoming.is_there() {
        let folder = incoming.folder().to_str().ok_or_else(|| no_text(incoming.folder()))?;
        let task = Task::Take { from: name, folder: folder.to_owned() };
        let job = Job { task, says: Vec::new(), time, detaches: false, key: None };
        // The standard output is for the file.
        let wanted = Wanted { peer: from, face: Face::Plain, ..wanted };
        let code = script(wanted, job, language).await?;
        if code != ExitCode::Done.code() {
            return Ok(code);
        }
    }
    incoming.write(io::stdout().lock())?;
    Ok(ExitCode::Done.code())
}

fn no_text(path: &Path) -> Failure {
    let phrase = Phrase::new("file-path-no-text").with("path", path.display());
    Failure::new(ExitCode::Usage, phrase)
}

/// Whether it stands for the standard input.
fn is_input(file: &Path) -> bool {
    file == Path::new("-")
}

/// Prints the next messages, `count` of them, and leaves. Returns the exit code.
///
/// # Errors
///
/// As [`chat()`](super::chat()).
pub async fn recv(
    wanted: Wanted,
    from: Option<PeerAddress>,
    count: u64,
    time: Option<Duration>,
    language: &Language,
) -> Result<u8, Failure> {
    let task = Task::Receive { count, from: from.as_ref().map(PeerAddress::without_key) };
    script(
        Wanted { peer: from, ..wanted },
        Job { task, says: Vec::new(), time, detaches: false, key: None },
        language,
    )
    .await
}

/// Prints what is said, until it is ended. Returns the exit code.
///
/// # Errors
///
/// As [`chat()`](super::chat()).
pub async fn follow(
    wanted: Wanted,
    with: Option<PeerAddress>,
    time: Option<Duration>,
    language: &Language,
) -> Result<u8, Failure> {
    let task = Task::Follow { with: with.as_ref().map(PeerAddress::without_key) };
    script(
        Wanted { peer: with, ..wanted },
        Job { task, says: Vec::new(), time, detaches: false, key: None },
        language,
    )
    .await
}

/// Asks somebody, and waits for the answer. Returns the exit code, which is the number of the choice,
/// counted from 0, or [`NO_ANSWER`] and more.
///
/// # Errors
///
/// As [`chat()`](super::chat()), or there is no question, or too much of it, or there are too many choices.
pub async fn ask(
    wanted: Wanted,
    to: PeerAddress,
    text: &str,
    choices: Vec<String>,
    time: Option<Duration>,
    language: &Language,
) -> Result<u8, Failure> {
    if choices.len() > MAX_CHOICES {
        let phrase = Phrase::new("ask-too-many-choices").with("most", MAX_CHOICES);
        return Err(Failure::new(ExitCode::Usage, phrase));
    }
    if let Some(choice) = indistinct(&choices) {
        let id = if choice.trim().is_empty() { "ask-empty-choice" } else { "ask-same-choices" };
        let phrase = Phrase::new(id).with("choice", clean::label(choice, 80));
        return Err(Failure::new(ExitCode::Usage, phrase));
    }
    check(text, "ask-no-text")?;
    let text = question(text, &choices);
    check(&text, "ask-no-text")?;
    let says = vec![Entered::Text(text)];
    let wanted = Wanted { peer: Some(to), ..wanted };
    script(
        wanted,
        Job { task: Task::Ask { choices }, says, time, detaches: false, key: None },
        language,
    )
    .await
}

/// The exit code of a question that could not be asked.
#[must_use]
pub fn not_asked(code: u8) -> u8 {
    NO_ANSWER.saturating_add(code)
}

pub(super) async fn script(wanted: Wanted, job: Job, language: &Language) -> Result<u8, Failure> {
    run(in_a_pipe(wanted), Partner::Script(job), language).await
}

/// Where no person types.
pub(super) fn in_a_pipe(wanted: Wanted) -> Wanted {
    let face = if wanted.face == Face::Json { Face::Json } else { Face::Plain };
    Wanted { face, ..wanted }
}

/// Prints how things stand: as the running chat knows it, else as the profile has it. Returns the
/// exit code.
///
/// # Errors
///
/// The profile cannot be read.
pub async fn status(wanted: Wanted, language: &Language) -> Result<u8, Failure> {
    let wanted = in_a_pipe(wanted);
    let dir = profile::directory(wanted.data_dir.clone())?;
    let says = ["/id", "/requests", "/rooms", "/who"];
    let says = says.map(|line| Entered::Line(line.to_owned())).to_vec();
    let job =
        Job { task: Task::Status, says, time: Some(wanted.timeout), detaches: false, key: None };
    let view = job.view(wanted.face, language);
    let mut visitor = Visitor::new(&wanted, None, view, job.begins());
    if let Some(code) = visitor.call(&dir, Console::saying(&job.says)).await? {
        return Ok(code);
    }
    let key = unlock::key(&dir, language)?;
    let mut overview = Overview::default();
    if let Some(reader) = Reader::unlock(&dir, key.as_ref())? {
        let snapshot = reader.snapshot()?;
        let remembered = profile::remembered(&snapshot);
        overview.name = remembered.name.map(|name| name.to_string());
        overview.key = Some(reader.identity()?.id().to_string());
        overview.servers = remembered.rendezvous.iter().map(ToString::to_string).collect();
        let open = snapshot
            .contacts
            .iter()
            .filter(|one| one.waiting > 0 || one.unread > 0 || one.offered.is_some())
            .filter(|one| !one.address.is_room);
        overview.peers = open.map(|one| PeerSummary::on_disk(one, now())).collect();
        for room in snapshot.rooms.iter().filter(|room| room.stored.wanted) {
            let contact = snapshot.contacts.iter().find(|one| one.address == room.address);
            let unread = contact.map_or(0, |contact| contact.unread);
            overview.rooms.insert(room.address.clone(), overview::Room { unread, known: None });
        }
        let waiting = snapshot.requests.into_iter().filter(|request| !request.rejected);
        overview.requests = waiting.collect();
    }
    let json = wanted.face == Face::Json;
    let printouts = overview.printouts(json, &TimeZone::system(), Background::default(), language);
    for printout in printouts {
        // Where nobody reads, nobody has to know.
        let _ = super::console::write(&printout);
    }
    Ok(ExitCode::Done.code())
}

/// The standard input, as one message.
fn typed() -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let limit = MAX_TEXT as u64 + 3;
    io::stdin()
        .lock()
        .take(limit)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::internal(Phrase::new("input-unreadable").with("error", error)))?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}

/// Whether a message can have this text.
fn check(text: &str, nothing: &'static str) -> Result<(), Failure> {
    let usage = |id| Failure::new(ExitCode::Usage, Phrase::new(id).with("most", MAX_TEXT));
    match text.len() {
        _ if text.trim().is_empty() => Err(usage(nothing)),
        length if length > MAX_TEXT => Err(usage("send-too-long")),
        _ => Ok(()),
    }
}
