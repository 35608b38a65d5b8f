//! Those whom we know, outside of the chat: looked at also while it runs, changed while it does not.

use std::path::PathBuf;

use jiff::tz::TimeZone;
use p2pchat_wire::identity::{Name, PeerId};
use p2pchat_wire::random::Random;

use super::failure::as_it_is;
use super::peer::{now, random};
use super::{Failure, profile, unlock};
use crate::chat::people::clash;
use crate::chat::safety::{Comparison, SafetyCode, Wording};
use crate::chat::{
    Address, Contact, ExitCode, Notice, Problem, Regard, Rendezvous, Snapshot, StoreRequest,
};
use crate::config::{ConfigError, Face, PeerAddress};
use crate::store::{Profile, Reader};
use crate::ui::language::{Language, Phrase};
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

/// Calls somebody so on this computer, or by its own name again.
///
/// # Errors
///
/// Nobody is called so, the nickname is somebody else's, or the profile is in use.
pub fn rename(
    data_dir: Option<PathBuf>,
    face: Face,
    typed: &PeerAddress,
    nickname: Option<Name>,
    language: &Language,
) -> Result<Vec<Printout>, Failure> {
    let mut profile = open(data_dir, language)?;
    let snapshot = profile.snapshot()?;
    let mut contact = only(typed, &snapshot, language)?.clone();
    let nickname = checked(nickname, &contact.address, &snapshot, language)?;
    contact.regard.nickname.clone_from(&nickname);
    let peer = contact.address.clone();
    profile.write(&[StoreRequest::SaveContact(contact)])?;
    Ok(said(&Notice::Renamed { peer, nickname }, face, language))
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

/// Compares what the other side has read, and marks the contact as verified if it is the same.
///
/// # Errors
///
/// They are other words or none, nobody is called so, or the profile is in use.
pub fn verify(
    data_dir: Option<PathBuf>,
    face: Face,
    typed: &PeerAddress,
    read: &str,
    language: &Language,
) -> Result<Vec<Printout>, Failure> {
    let mut profile = open(data_dir, language)?;
    let (me, snapshot) = (profile.identity().id(), profile.snapshot()?);
    let mut contact = only(typed, &snapshot, language)?.clone();
    let (key, peer) = (key(&contact, language)?, contact.address.clone());
    match SafetyCode::new(&me, &key).compare(read, &me, &key) {
        Comparison::Same => contact.verified = true,
        Comparison::Other => {
            let sentence = sentence(&Notice::NotTheSame { peer, key }, language);
            return Err(Failure::new(ExitCode::KeyChanged, as_it_is(sentence)));
        }
        Comparison::Unreadable => return Err(problem(&Problem::NoCode, language)),
    }
    profile.write(&[StoreRequest::SaveContact(contact)])?;
    Ok(said(&Notice::Verified { peer, key }, face, language))
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
