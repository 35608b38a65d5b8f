//! Looks into the profile without touching it.

use std::path::PathBuf;

use jiff::tz::TimeZone;

use super::{Failure, contacts, profile, unlock};
use crate::chat::{Address, Notice};
use crate::config::{Face, PeerAddress};
use crate::store::{Profile, Reader};
use crate::ui::language::Language;
use crate::ui::{Background, Printout, json, plain, tables};

/// Who I am. The first time, an identity is made, so that a key can be told to friends before the
/// first call.
///
/// # Errors
///
/// The profile cannot be read.
pub fn id(
    data_dir: Option<PathBuf>,
    face: Face,
    language: &Language,
) -> Result<Vec<Printout>, Failure> {
    let dir = profile::directory(data_dir)?;
    let key = unlock::key(&dir, language)?;
    let (identity, snapshot) = match Reader::unlock(&dir, key.as_ref())? {
        Some(reader) => (reader.identity()?, reader.snapshot()?),
        None => {
            let profile = Profile::unlock(&dir, key.as_ref())?;
            (profile.identity().clone(), profile.snapshot()?)
        }
    };
    let remembered = profile::remembered(&snapshot);
    let hosts: Vec<String> = remembered.rendezvous.iter().map(ToString::to_string).collect();
    if face == Face::Json {
        let (name, key) = (remembered.name, identity.id());
        let notice = Notice::Identity { name, hosts, key };
        return Ok(json::render(&notice, Background::default(), &Language::default()));
    }
    let unknown = || language.text("id-not-chosen");
    let name = remembered.name.map_or_else(unknown, |name| name.to_string());
    let mut rows = vec![
        [language.text("id-name"), name],
        [language.text("id-key"), identity.id().to_string()],
    ];
    if key.is_some() {
        rows.push([language.text("id-passphrase"), language.text("id-passphrase-set")]);
    }
    if hosts.is_empty() {
        rows.push([language.text("id-rendezvous"), unknown()]);
    }
    for host in hosts {
        let key = snapshot.rendezvous(&host).and_then(|known| known.key);
        rows.push([language.text("id-rendezvous"), host]);
        rows.extend(key.map(|key| [language.text("id-its-key"), key.to_string()]));
    }
    Ok(vec![Printout::out(tables::rows(rows.into_iter()))])
}

/// What was said, oldest first; or what was found in it, the newest first.
///
/// # Errors
///
/// The profile cannot be read, or nobody is known who is called so.
pub fn history(
    data_dir: Option<PathBuf>,
    face: Face,
    with: Option<PeerAddress>,
    search: Option<&str>,
    limit: usize,
    language: &Language,
) -> Result<Vec<Printout>, Failure> {
    let dir = profile::directory(data_dir)?;
    let key = unlock::key(&dir, language)?;
    let Some(reader) = Reader::unlock(&dir, key.as_ref())? else {
        return Ok(Vec::new());
    };
    let read = |with: Option<&Address>| match search {
        None => reader.history(with, limit),
        Some(text) => reader.search(with, text, limit),
    };
    let lines = match with {
        None => read(None)?,
        Some(with) => {
            let (contacts, mut lines) = (reader.contacts()?, Vec::new());
            let called = contacts::called(&with, &contacts);
            if called.is_empty() {
                return Err(contacts::nobody(&with, language));
            }
            for contact in called {
                lines.extend(read(Some(&contact.address))?);
            }
            lines.sort_by_key(|line| line.place);
            if search.is_some() {
                lines.reverse();
                lines.truncate(limit);
            }
            lines.split_off(lines.len().saturating_sub(limit))
        }
    };
    let zone = TimeZone::system();
    let written = lines.iter().map(|line| match face {
        Face::Json => json::history(line),
        Face::Plain | Face::Line | Face::Screen => plain::history(line, &zone),
    });
    Ok(written.map(Printout::out).collect())
}
