//! `p2pchat passphrase`: whether a profile is sealed, and with what.

use std::path::{Path, PathBuf};

use serde_json::json;
use zeroize::Zeroizing;

use super::unlock::{self, TRIES, about, ask, refused, say};
use super::{Failure, profile};
use crate::config::Face;
use crate::store::{Profile, Sealed};
use crate::ui::Printout;
use crate::ui::language::{Language, Phrase};

/// The shortest passphrase that is taken, in characters (NIST SP 800-63B §5.1.1.2).
const SHORTEST: usize = 8;

/// Whether there is one.
///
/// # Errors
///
/// The profile cannot be read.
pub fn passphrase(
    data_dir: Option<PathBuf>,
    face: Face,
    language: &Language,
) -> Result<Vec<Printout>, Failure> {
    let dir = profile::directory(data_dir)?;
    let sealed = Sealed::find(&dir)?.is_some();
    let id = if sealed { "passphrase-is-set" } else { "passphrase-is-not-set" };
    Ok(vec![answer(face, sealed, about(id, &dir), language)])
}

/// Seals the profile with a passphrase, or changes it: the first line of `from`, or what is typed
/// twice.
///
/// # Errors
///
/// Nobody gives a passphrase, it is too short, another process uses the profile, or the disk fails.
pub fn set_passphrase(
    data_dir: Option<PathBuf>,
    face: Face,
    from: Option<&Path>,
    language: &Language,
) -> Result<Vec<Printout>, Failure> {
    let dir = profile::directory(data_dir)?;
    let key = unlock::key(&dir, language)?;
    let profile = Profile::unlock(&dir, key.as_ref())?;
    let changed = profile.is_sealed();
    let passphrase = match (from, unlock::file()) {
        (Some(from), _) => unlock::read(from)?,
        // What will open the profile from now on.
        (None, Some(from)) if !changed => unlock::read(&from)?,
        (None, _) => choose(language)?,
    };
    if is_short(&passphrase) {
        return Err(refused(Phrase::new("passphrase-short").with("least", SHORTEST)));
    }
    profile.set_passphrase(&passphrase)?;
    let id = if changed { "passphrase-changed" } else { "passphrase-set" };
    Ok(vec![answer(face, true, about(id, &dir), language)])
}

/// Makes the profile readable for whoever may read its files.
///
/// # Errors
///
/// Nobody gives the passphrase, another process uses the profile, or the disk fails.
pub fn remove_passphrase(
    data_dir: Option<PathBuf>,
    face: Face,
    language: &Language,
) -> Result<Vec<Printout>, Failure> {
    let dir = profile::directory(data_dir)?;
    let Some(key) = unlock::key(&dir, language)? else {
        return Ok(vec![answer(face, false, about("passphrase-is-not-set", &dir), language)]);
    };
    Profile::unlock(&dir, Some(&key))?.remove_passphrase()?;
    Ok(vec![answer(face, false, about("passphrase-removed", &dir), language)])
}

/// Asks until the same is typed twice, and long enough.
fn choose(language: &Language) -> Result<Zeroizing<String>, Failure> {
    for left in (0..TRIES).rev() {
        let nobody = || Phrase::new("passphrase-set-needed");
        let first = ask(&language.text("passphrase-ask-new"), nobody)?;
        let wrong = if is_short(&first) {
            Phrase::new("passphrase-short").with("least", SHORTEST)
        } else if first == ask(&language.text("passphrase-ask-again"), nobody)? {
            return Ok(first);
        } else {
            Phrase::new("passphrase-differs")
        };
        if left == 0 {
            return Err(refused(wrong));
        }
        say(&wrong.said_in(language))?;
    }
    Err(refused(Phrase::new("passphrase-differs")))
}

fn is_short(passphrase: &str) -> bool {
    passphrase.chars().count() < SHORTEST
}

fn answer(face: Face, sealed: bool, phrase: Phrase, language: &Language) -> Printout {
    Printout::out(match face {
        Face::Json => json!({"type": "passphrase", "set": sealed}).to_string(),
        Face::Plain | Face::Line | Face::Screen => phrase.said_in(language),
    })
}
