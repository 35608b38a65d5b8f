//! Those whom we know, outside of the chat: looked at, renamed and verified also while it runs, added and
//! removed while it does not.

use std::path::PathBuf;

use jiff::tz::TimeZone;
use p2pchat_wire::identity::{Name, PeerId};
use p2pchat_wire::random::Random;

use super::attach::visit::{Entry, Seat, Visitor};
use super::chatting::Job;
use super::console::Console;
use super::failure::as_it_is;
use super::peer::{now, random};
use super::scripts::in_a_pipe;
use super::{Failure, profile, unlock};
use crate::chat::people::{Change, clash};
use crate::chat::safety::{Comparison, SafetyCode, Wording};
use crate::chat::{
    Address, Contact, ExitCode, Notice, Problem, Regard, Rendezvous, Snapshot, StoreRequest,
};
use crate::config::{ConfigError, Face, PeerAddress, Wanted};
use crate::store::{Profile, ProfileError, Reader};
use crate::ui::language::{Language, Phrase};
use crate::ui::script::Task;
use crate::ui::{Background, Printout, json, tables, words};

/// Everybody.
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
    let contacts = reader.contacts()?;
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
    let contacts = match read(data_dir, language)? {
        Some(reader) => reader.contacts()?,
        None => Vec::new(),
    };
    let meant = called(typed, &contacts);
    if meant.is_empty() {
        return Err(nobody(typed));
    }
    if face == Face::Json {
        return Ok(said(&Notice::Contacts(meant.into_iter().cloned().collect()), face, language));
    }
    let zone = TimeZone::system();
    let shown = meant.into_iter().map(|contact| tables::contact(contact, &zone, language));
    Ok(vec![Printout::out(shown.collect::<Vec<_>>().join("\n\n"))])
}

/// Knows somebody from now on, by the key if one is given. Whoever is known already gets what it has not.
///
/// # Errors
///
/// It has another key, the nickname is somebody else's, or the profile is in use.
pub fn add(
    data_dir: Option<PathBuf>,
    face: Face,
    typed: &PeerAddress,
    (key, nickname): (Option<PeerId>, Option<Name>),
    language: &Language,
) -> Result<Vec<Printout>, Failure> {
    let mut profile = open(data_dir, language)?;
    let snapshot = profile.snapshot()?;
    if key == Some(profile.identity().id()) {
        return Err(problem(&Problem::Yourself, language));
    }
    let (address, rendezvous) = place(typed, &snapshot)?;
    let known = snapshot.contacts.iter().find(|one| one.address == address).cloned();
    if let (Some(pinned), Some(key)) = (known.as_ref().and_then(|one| one.key), key)
        && pinned != key
    {
        let phrase = Phrase::new("link-other-key").with("peer", &address);
        let phrase = phrase.with("was", pinned.tag()).with("key", key);
        return Err(Failure::new(ExitCode::KeyChanged, phrase));
    }
    let mut contact = match known {
        Some(known) => known,
        None => Contact {
            address,
            key: None,
            verified: false,
            offered: None,
            log: Random::from_seed(random()?).u64(),
            last_seq: 0,
            waiting: 0,
            unread: 0,
            since: now(),
            is_new: false,
            regard: Regard::default(),
        },
    };
    contact.key = contact.key.or(key);
    if nickname.is_some() {
        contact.regard.nickname = checked(nickname, &contact.address, &snapshot, language)?;
    }
    profile.introduce(contact.clone(), rendezvous, None)?;
    Ok(said(&Notice::Contacts(vec![contact]), face, language))
}

/// Calls somebody so on this computer, or by its own name again; the chat that runs does too. Returns the
/// exit code, and what is to be written.
///
/// # Errors
///
/// Nobody is called so, the nickname is somebody else's, or the profile cannot be used.
pub async fn rename(
    wanted: Wanted,
    typed: &PeerAddress,
    nickname: Option<Name>,
    language: &Language,
) -> Result<(u8, Vec<Printout>), Failure> {
    let decide = |_: &PeerId, snapshot: &Snapshot| {
        let peer = only(typed, snapshot, language)?.address.clone();
        let nickname = checked(nickname.clone(), &peer, snapshot, language)?;
        Ok(Change::Rename { peer, nickname })
    };
    change(wanted, decide, language).await
}

/// Forgets somebody and everything that was said; if something was, only when the person is sure.
///
/// # Errors
///
/// Nobody is called so, something was said and `sure` is not, or the profile is in use.
pub fn remove(
    data_dir: Option<PathBuf>,
    face: Face,
    typed: &PeerAddress,
    sure: bool,
    language: &Language,
) -> Result<Vec<Printout>, Failure> {
    let mut profile = open(data_dir, language)?;
    let snapshot = profile.snapshot()?;
    let contact = only(typed, &snapshot, language)?;
    let peer = contact.address.clone();
    if !sure && (contact.waiting > 0 || profile.has_said(&peer)?) {
        let phrase = Phrase::new("contact-has-history").with("peer", &peer);
        return Err(Failure::new(ExitCode::Refused, phrase));
    }
    profile.write(&[StoreRequest::RemoveContact(peer.clone())])?;
    if face == Face::Json {
        return Ok(vec![Printout::out(json::removed(&peer))]);
    }
    Ok(vec![Printout::out(language.say("contact-removed", &[("peer", &peer)]))])
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
    let Some(reader) = read(data_dir, language)? else { return Err(nobody(typed)) };
    let (me, snapshot) = (reader.identity()?.id(), reader.snapshot()?);
    let contact = only(typed, &snapshot, language)?;
    let (key, peer, verified) =
        (key(contact, language)?, contact.address.clone(), contact.verified);
    let code = SafetyCode::new(&me, &key);
    Ok(said(&Notice::SafetyCode { peer, me, key, code, wording, verified }, face, language))
}

/// Compares what the other side has read, and marks the contact as verified if it is the same; the chat
/// that runs does too. Returns the exit code, and what is to be written.
///
/// # Errors
///
/// They are other words or none, nobody is called so, or the profile cannot be used.
pub async fn verify(
    wanted: Wanted,
    typed: &PeerAddress,
    read: &str,
    language: &Language,
) -> Result<(u8, Vec<Printout>), Failure> {
    let decide = |me: &PeerId, snapshot: &Snapshot| {
        let contact = only(typed, snapshot, language)?;
        let (key, peer) = (key(contact, language)?, contact.address.clone());
        match SafetyCode::new(me, &key).compare(read, me, &key) {
            Comparison::Same => Ok(Change::Verify { peer, key }),
            Comparison::Other => {
                let sentence = sentence(&Notice::NotTheSame { peer, key }, language);
                Err(Failure::new(ExitCode::KeyChanged, as_it_is(sentence)))
            }
            Comparison::Unreadable => Err(problem(&Problem::NoCode, language)),
        }
    };
    change(wanted, decide, language).await
}

/// Makes the change that is decided upon by what the disk has: in the chat that runs, else on the disk.
async fn change(
    wanted: Wanted,
    decide: impl Fn(&PeerId, &Snapshot) -> Result<Change, Failure>,
    language: &Language,
) -> Result<(u8, Vec<Printout>), Failure> {
    let face = wanted.face;
    // It is for whatever chat there is.
    let wanted = Wanted { name: None, peer: None, ..in_a_pipe(wanted) };
    let dir = profile::directory(wanted.data_dir.clone())?;
    let key = unlock::key(&dir, language)?;
    let mut profile = match Profile::unlock(&dir, key.as_ref()) {
        Ok(profile) => profile,
        Err(busy @ ProfileError::Busy { .. }) => {
            let reader = Reader::unlock(&dir, key.as_ref())?.ok_or(busy)?;
            let change = decide(&reader.identity()?.id(), &reader.snapshot()?)?;
            drop(reader);
            let task = Task::Change(change.clone());
            let job = Job { task, says: Vec::new(), time: None, detaches: false, key };
            let view = job.view(wanted.face, language);
            let mut visitor = Visitor::new(&wanted, None, view, job.begins());
            let make = || Ok(Console::saying(&[]));
            let mut seat = Seat::Lines { make: &make, console: None };
            match visitor.enter(&dir, language, &mut seat).await? {
                Entry::Holds(profile) => *profile,
                Entry::Left(0) => return Ok((0, said(&change.into(), face, language))),
                Entry::Left(code) => return Ok((code, Vec::new())),
            }
        }
        Err(other) => return Err(other.into()),
    };
    let snapshot = profile.snapshot()?;
    let change = decide(&profile.identity().id(), &snapshot)?;
    let meant = snapshot.contacts.into_iter().find(|one| one.address == *change.peer());
    if let Some(mut contact) = meant {
        change.make(&mut contact);
        profile.write(&[StoreRequest::SaveContact(contact)])?;
    }
    Ok((ExitCode::Done.code(), said(&change.into(), face, language)))
}

/// Who is meant by what was typed: whoever is called so here, else everybody of that name, whatever
/// their rendezvous.
pub(super) fn called<'a>(typed: &PeerAddress, contacts: &'a [Contact]) -> Vec<&'a Contact> {
    let host = typed.rendezvous.as_ref().map(|rendezvous| rendezvous.host.to_string());
    let named = |one: &&Contact| one.regard.nickname.as_ref() == Some(&typed.name);
    if host.is_none()
        && let Some(one) = contacts.iter().find(named)
    {
        return vec![one];
    }
    let meant = |one: &&Contact| {
        let there = host.as_ref().is_none_or(|host| *host == one.address.host);
        one.address.name == typed.name && there
    };
    contacts.iter().filter(meant).collect()
}

/// The one who is meant.
fn only<'a>(
    typed: &PeerAddress,
    snapshot: &'a Snapshot,
    language: &Language,
) -> Result<&'a Contact, Failure> {
    match called(typed, &snapshot.contacts).as_slice() {
        [] => Err(nobody(typed)),
        [one] => Ok(one),
        several => {
            let all = several.iter().map(|one| one.address.clone()).collect();
            Err(problem(&Problem::Ambiguous(all), language))
        }
    }
}

/// Where somebody is whom we do not know yet.
fn place(typed: &PeerAddress, snapshot: &Snapshot) -> Result<(Address, Rendezvous), Failure> {
    let rendezvous = match &typed.rendezvous {
        Some(rendezvous) => rendezvous.clone(),
        None => {
            let last = profile::remembered(snapshot).rendezvous.into_iter().next();
            let host = last.ok_or(ConfigError::NoRendezvous)?;
            crate::config::Rendezvous { host, key: None }
        }
    };
    let host = rendezvous.host.to_string();
    let known = snapshot.rendezvous(&host).cloned().unwrap_or_else(|| Rendezvous::new(&host));
    let key = rendezvous.key.or(known.key);
    Ok((Address::new(typed.name.clone(), &host), Rendezvous { key, ..known }))
}

/// A nickname that nobody else can be taken for. Its own name is none.
fn checked(
    nickname: Option<Name>,
    whose: &Address,
    snapshot: &Snapshot,
    language: &Language,
) -> Result<Option<Name>, Failure> {
    let Some(name) = nickname.filter(|name| *name != whose.name) else { return Ok(None) };
    if profile::remembered(snapshot).name.as_ref() == Some(&name) {
        return Err(problem(&Problem::Yourself, language));
    }
    match clash(snapshot.contacts.iter(), whose, &name) {
        Some(by) => Err(problem(&Problem::NameInUse { name, by }, language)),
        None => Ok(Some(name)),
    }
}

/// The key that is compared.
fn key(contact: &Contact, language: &Language) -> Result<PeerId, Failure> {
    match (contact.key, contact.offered) {
        (Some(expected), Some(actual)) => {
            Err(problem(&Problem::KeyChanged { expected, actual }, language))
        }
        (Some(key), None) => Ok(key),
        (None, _) => Err(problem(&Problem::NothingToVerify(contact.address.clone()), language)),
    }
}

fn read(data_dir: Option<PathBuf>, language: &Language) -> Result<Option<Reader>, Failure> {
    let dir = profile::directory(data_dir)?;
    let key = unlock::key(&dir, language)?;
    Ok(Reader::unlock(&dir, key.as_ref())?)
}

fn open(data_dir: Option<PathBuf>, language: &Language) -> Result<Profile, Failure> {
    let dir = profile::directory(data_dir)?;
    let key = unlock::key(&dir, language)?;
    Ok(Profile::unlock(&dir, key.as_ref())?)
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
    let code = match problem {
        Problem::KeyChanged { .. } => ExitCode::KeyChanged,
        _ => ExitCode::Usage,
    };
    Failure::new(code, as_it_is(words::problem_sentence(problem, language)))
}

fn nobody(typed: &PeerAddress) -> Failure {
    Failure::new(ExitCode::NoSuchName, Phrase::new("contact-nobody").with("name", &typed.name))
}
