//! Looks into the profile without touching it.

use std::path::PathBuf;

use jiff::tz::TimeZone;

use super::{Failure, profile};
use crate::chat::{Address, Notice};
use crate::config::{Face, PeerAddress};
use crate::store::{Profile, Reader};
use crate::ui::{Background, Printout, json, plain, words};

/// Who I am. The first time, an identity is made, so that a key can be told to friends before the
/// first call.
///
/// # Errors
///
/// The profile cannot be read.
pub fn id(data_dir: Option<PathBuf>, face: Face) -> Result<Vec<Printout>, Failure> {
    let dir = profile::directory(data_dir)?;
    let (identity, snapshot) = match Reader::open(&dir)? {
        Some(reader) => (reader.identity()?, reader.snapshot()?),
        None => {
            let profile = Profile::open(&dir)?;
            (profile.identity().clone(), profile.snapshot()?)
        }
    };
    let remembered = profile::remembered(&snapshot);
    let hosts: Vec<String> = remembered.rendezvous.iter().map(ToString::to_string).collect();
    if face == Face::Json {
        let (name, key) = (remembered.name, identity.id());
        return Ok(json::render(&Notice::Identity { name, hosts, key }, Background::default()));
    }
    let unknown = || "not chosen yet".to_owned();
    let mut lines = vec![
        format!("name        {}", remembered.name.map_or_else(unknown, |name| name.to_string())),
        format!("key         {}", identity.id()),
    ];
    if hosts.is_empty() {
        lines.push(format!("rendezvous  {}", unknown()));
    }
    for host in hosts {
        lines.push(format!("rendezvous  {host}"));
        let key = snapshot.rendezvous(&host).and_then(|known| known.key);
        lines.extend(key.map(|key| format!("its key     {key}")));
    }
    Ok(lines.into_iter().map(Printout::out).collect())
}

/// Whom I know.
///
/// # Errors
///
/// The profile cannot be read.
pub fn contacts(data_dir: Option<PathBuf>, face: Face) -> Result<Vec<Printout>, Failure> {
    let Some(reader) = Reader::open(&profile::directory(data_dir)?)? else {
        return Ok(Vec::new());
    };
    let contacts = reader.contacts()?;
    if face == Face::Json {
        return Ok(contacts.iter().map(json::contact).map(Printout::out).collect());
    }
    if contacts.is_empty() {
        return Ok(Vec::new());
    }
    Ok(words::sentence(&Notice::Contacts(contacts), &TimeZone::UTC, Background::default())
        .map(Printout::out)
        .into_iter()
        .collect())
}

/// What was said, oldest first.
///
/// # Errors
///
/// The profile cannot be read.
pub fn history(
    data_dir: Option<PathBuf>,
    face: Face,
    with: Option<PeerAddress>,
    limit: usize,
) -> Result<Vec<Printout>, Failure> {
    let Some(reader) = Reader::open(&profile::directory(data_dir)?)? else {
        return Ok(Vec::new());
    };
    let lines = match with {
        None => reader.history(None, limit)?,
        Some(with) => {
            // A name alone means everybody of that name, whatever their rendezvous.
            let host = with.rendezvous.map(|rendezvous| rendezvous.host.to_string());
            let meant = |address: &Address| {
                address.name == with.name && host.as_ref().is_none_or(|host| *host == address.host)
            };
            let mut lines = Vec::new();
            for contact in reader.contacts()?.iter().filter(|contact| meant(&contact.address)) {
                lines.extend(reader.history(Some(&contact.address), limit)?);
            }
            lines.sort_by_key(|line| line.sent_at);
            lines.split_off(lines.len().saturating_sub(limit))
        }
    };
    let zone = TimeZone::system();
    let written = lines.iter().map(|line| match face {
        Face::Json => json::history(line),
        Face::Plain | Face::Terminal => plain::history(line, &zone),
    });
    Ok(written.map(Printout::out).collect())
}
