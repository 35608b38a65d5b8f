//! Those whom we know, outside of the chat: looked at and changed also while it runs.

use std::path::PathBuf;

use jiff::tz::TimeZone;
use p2pchat_wire::random::Random;

use super::attach::visit::{Carried, Entry, Seat, Visitor};
use super::chatting::Job;
use super::console::Console;
use super::failure::as_it_is;
use super::peer::{now, random};
use super::scripts::in_a_pipe;
use super::{Failure, profile, unlock};
use crate::chat::book::{Book, Change, Intent, Whom};
use crate::chat::safety::{SafetyCode, Wording};
use crate::chat::{Contact, ExitCode, Notice, Problem};
use crate::config::{Face, PeerAddress, Wanted};
use crate::store::{Profile, Reader};
use crate::ui::language::{Language, Phrase};
use crate::ui::script::Task;
use crate::ui::{Background, Printout, json, tables, words};

/// Everybody; rooms are nobody.
///
/// # Errors
///
/// The profile cannot be read.
pub fn list(
    data_dir: Option<PathBuf>,
    face: Face,
    language: &Language,
) -> Result<Vec<Printout>, Failure> {
    let Some(reader) = read(data_dir, language)? else { return Ok(Vec::new()) };
    let contacts = people(&reader)?;
    if contacts.is_empty() {
        return Ok(Vec::new());
    }
    Ok(said(&Notice::Contacts(contacts), face, language))
}

/// All that is known of whoever is called so.
///
/// # Errors
///
/// The profile cannot be read, or nobody is called so.
pub fn show(
    data_dir: Option<PathBuf>,
    face: Face,
    typed: &PeerAddress,
    language: &Language,
) -> Result<Vec<Printout>, Failure> {
    if typed.is_room {
        let phrase = Phrase::new("contacts-no-room").with("room", format!("#{}", typed.name));
        return Err(Failure::new(ExitCode::NoSuchName, phrase));
    }
    let contacts = match read(data_dir, language)? {
        Some(reader) => people(&reader)?,
        None => Vec::new(),
    };
    let meant = called(typed, &contacts);
    if meant.is_empty() {
        return Err(nobody(typed, language));
    }
    if face == Face::Json {
        return Ok(said(&Notice::Contacts(meant.into_iter().cloned().collect()), face, language));
    }
    let zone = TimeZone::system();
    let shown = meant.into_iter().map(|contact| tables::contact(contact, &zone, language));
    Ok(vec![Printout::out(shown.collect::<Vec<_>>().join("\n\n"))])
}

/// Whom the command line means.
#[must_use]
pub fn whom(typed: &PeerAddress) -> Whom {
    let host = typed.rendezvous.as_ref().map(|rendezvous| rendezvous.host.to_string());
    Whom { name: typed.name.clone(), host, is_room: typed.is_room }
}

/// Makes a change: in the chat that runs, which knows more than the disk, else on the disk. What came of it is
/// written once the disk has it. Returns the exit code.
///
/// # Errors
///
/// The profile cannot be used.
pub async fn change(wanted: Wanted, intent: Intent, language: &Language) -> Result<u8, Failure> {
    // It is for whatever chat there is.
    let wanted = Wanted { name: None, peer: None, ..in_a_pipe(wanted) };
    let dir = profile::directory(wanted.data_dir.clone())?;
    let task = Task::Change(Box::new(intent.clone()));
    let job = Job { task, says: Vec::new(), time: None, detaches: false, key: None };
    let mut visitor =
        Visitor::new(&wanted, None, job.view(wanted.face, language), Carried::default());
    let make = || Ok(Console::saying(&job.says));
    let mut seat = Seat::Lines { make: &make, console: None };
    let mut profile = match visitor.enter(&dir, language, &mut seat).await? {
        Entry::Left(code) => return Ok(code),
        Entry::Holds(profile) => *profile,
    };
    let told = change_on_disk(&mut profile, &intent)?;
    let mut view = job.view(wanted.face, language);
    for printout in view.render(now(), &told, Background::default()) {
        // Where nobody reads, nobody has to know.
        let _ = super::console::write(&printout);
    }
    Ok(view.exit(ExitCode::Done))
}

/// Makes a change where no chat runs. What is to be told.
fn change_on_disk(profile: &mut Profile, intent: &Intent) -> Result<Notice, Failure> {
    let snapshot = profile.snapshot()?;
    let me = profile.identity().id();
    let remembered = profile::remembered(&snapshot);
    let home = remembered.rendezvous.first().map(ToString::to_string);
    let book = Book::new(me, remembered.name.as_ref(), home.as_deref()).read(&snapshot);
    Ok(match book.decide(intent, now(), Random::from_seed(random()?).u64()) {
        Ok(Change::Remove { peer, sure: false }) if profile.has_said(&peer)? => {
            Notice::Refused { reference: None, problem: Problem::HasHistory(peer) }
        }
        Ok(change) => {
            profile.write(&change.requests(&snapshot))?;
            Notice::Changed(Box::new(change.told()))
        }
        Err(told) => *told,
    })
}

/// Shows the words that somebody sees too.
///
/// # Errors
///
/// The profile cannot be read, nobody is called so, or no key is known.
pub fn code(
    data_dir: Option<PathBuf>,
    face: Face,
    typed: &PeerAddress,
    wording: Option<Wording>,
    language: &Language,
) -> Result<Vec<Printout>, Failure> {
    let refused = |why| problem(&why, language);
    let Some(reader) = read(data_dir, language)? else {
        return Err(nobody(typed, language));
    };
    let (me, snapshot) = (reader.identity()?.id(), reader.snapshot()?);
    let book = Book::new(me, None, None).read(&snapshot);
    let contact = book.only(&whom(typed)).map_err(refused)?;
    let key = Book::key(contact).map_err(refused)?;
    let (peer, verified) = (contact.address.clone(), contact.verified);
    let code = SafetyCode::new(&me, &key);
    Ok(said(&Notice::SafetyCode { peer, me, key, code, wording, verified }, face, language))
}

/// Who is meant by what was typed: whoever is called so here, else everybody of that name, whatever
/// their rendezvous.
pub(super) fn called<'a>(typed: &PeerAddress, contacts: &'a [Contact]) -> Vec<&'a Contact> {
    whom(typed).among(contacts.iter())
}

/// That nobody is called what was typed, nor any room.
pub(super) fn nobody(typed: &PeerAddress, language: &Language) -> Failure {
    problem(&Problem::Nobody(typed.name.clone()), language)
}

/// All contacts but rooms: those have neither a key nor anybody to be trusted.
fn people(reader: &Reader) -> Result<Vec<Contact>, Failure> {
    let mut contacts = reader.contacts()?;
    contacts.retain(|contact| !contact.address.is_room);
    Ok(contacts)
}

fn read(data_dir: Option<PathBuf>, language: &Language) -> Result<Option<Reader>, Failure> {
    let dir = profile::directory(data_dir)?;
    let key = unlock::key(&dir, language)?;
    Ok(Reader::unlock(&dir, key.as_ref())?)
}

fn said(notice: &Notice, face: Face, language: &Language) -> Vec<Printout> {
    if face == Face::Json {
        return json::render(notice, Background::default(), &Language::default());
    }
    vec![Printout::out(sentence(notice, language))]
}

fn sentence(notice: &Notice, language: &Language) -> String {
    let zone = TimeZone::system();
    words::sentence(notice, &zone, Background::default(), language).unwrap_or_default()
}

fn problem(problem: &Problem, language: &Language) -> Failure {
    Failure::new(problem.exit(), as_it_is(words::problem_sentence(problem, language)))
}
