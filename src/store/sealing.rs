//! Sealing a profile, opening it for good, and finishing either where it was cut short.
//!
//! Two files are changed, the identity and the database, and the power may fail between any two
//! writes. Each of them holds the envelope with the key, so that neither is lost with the other. The
//! database says how far things are ([`State`]):
//!
//! | database | identity | what the next start does, once it has the passphrase |
//! |---|---|---|
//! | no seal | clear | nothing: the profile is clear |
//! | `Unclean` | clear or sealed | seals the identity, cleans the database |
//! | `Sealed` | sealed | nothing: the profile is sealed |
//! | `Sealed` | clear, or in another envelope | seals the identity in the database's envelope |
//! | `Opened` | sealed | opens the identity, forgets the seal |
//! | `Opened` | clear | forgets the seal; it needs no passphrase |
//! | no seal | sealed | seals the database: it is new, or came from elsewhere |
//!
//! All cells are sealed or opened in one transaction, with the row that says so. Clean is a database
//! that was written anew afterwards: then no page holds what was there before.

use std::fs;
use std::path::Path;

use p2pchat_wire::identity::Identity;
use rusqlite::{Connection, OptionalExtension, params};
use zeroize::Zeroizing;

use super::cells::{self, Change};
use super::database::{Database, Locked};
use super::error::{corrupt, failure};
use super::identity_file::{self, Stored};
use super::profile::{DATABASE, IDENTITY, Profile, TYPED};
use super::vault::{Cost, DataKey, Envelope};
use super::{ProfileError, search};

/// How far sealing or opening has come. The numbers are the database's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum State {
    /// Every cell is sealed; what they held before may still be in the file.
    Unclean = 1,
    /// Nothing is left of it.
    Sealed = 2,
    /// Every cell is open again; the identity may still be sealed.
    Opened = 3,
}

/// What a database says of its seal.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Seal {
    pub(super) envelope: Envelope,
    pub(super) state: State,
}

/// What can be seen of a sealed profile without its passphrase.
#[derive(Clone, Debug)]
pub struct Sealed {
    envelope: Envelope,
}

impl Sealed {
    /// Whether the profile in `dir` needs a passphrase. `None` if it does not, or is not there.
    ///
    /// # Errors
    ///
    /// The database cannot be read, or it was sealed by a newer program.
    pub fn find(dir: &Path) -> Result<Option<Self>, ProfileError> {
        let seal = match Locked::open_to_read(&dir.join(DATABASE))? {
            Some(database) => database.seal()?,
            None => None,
        };
        // If it cannot be read for another reason, whoever needs it will say so.
        let stored = match identity_file::load(&dir.join(IDENTITY)) {
            Err(newer @ ProfileError::Newer { .. }) => return Err(newer),
            other => other.ok().flatten(),
        };
        Ok(needed(seal.as_ref(), stored.as_ref())
            .map(|envelope| Self { envelope: envelope.clone() }))
    }

    /// Takes the key out, which takes a fraction of a second and 64 MiB of memory. `None` if it is
    /// another passphrase.
    #[must_use]
    pub fn unlock(&self, passphrase: &str) -> Option<DataKey> {
        self.envelope.unwrap(passphrase).ok()
    }
}

/// The envelope without whose key the profile cannot be used.
fn needed<'a>(seal: Option<&'a Seal>, stored: Option<&'a Stored>) -> Option<&'a Envelope> {
    match (seal, stored) {
        (Some(Seal { state: State::Opened, envelope }), Some(Stored::Sealed { .. })) => {
            Some(envelope)
        }
        (Some(Seal { state: State::Opened, .. }), _) => None,
        (Some(seal), _) => Some(&seal.envelope),
        (None, Some(Stored::Sealed { envelope, .. })) => Some(envelope),
        (None, _) => None,
    }
}

/// Whether nothing is left to be finished.
pub(super) fn is_settled(seal: Option<&Seal>, stored: Option<&Stored>) -> bool {
    match (seal, stored) {
        (None, stored) => !matches!(stored, Some(Stored::Sealed { .. })),
        (
            Some(Seal { state: State::Sealed, envelope }),
            Some(Stored::Sealed { envelope: own, .. }),
        ) => envelope == own,
        _ => false,
    }
}

/// Opens what is in a directory that is ours alone: makes what is missing, finishes what was begun.
pub(super) fn settle(
    dir: &Path,
    key: Option<&DataKey>,
) -> Result<(Identity, Database, Option<DataKey>), ProfileError> {
    let path = dir.join(IDENTITY);
    let stored = identity_file::load(&path)?;
    let mut database = Locked::open(&dir.join(DATABASE))?;
    let seal = database.seal()?;
    let Some(envelope) = needed(seal.as_ref(), stored.as_ref()) else {
        let identity = match &stored {
            Some(Stored::Clear(seed)) => Identity::from_seed(**seed),
            _ => identity_file::create(&path)?,
        };
        if seal.is_some() {
            database.forget_seal()?;
        }
        return Ok((identity, database.unlock(None)?, None));
    };
    let sealed = || ProfileError::Sealed { dir: dir.to_owned() };
    let key = key.filter(|key| envelope.holds(key)).ok_or_else(sealed)?;
    let seed = match &stored {
        Some(Stored::Clear(seed)) => seed.clone(),
        Some(Stored::Sealed { seed, .. }) => seed.open(key, &path)?,
        None => Zeroizing::new(random()?),
    };
    let identity = Identity::from_seed(*seed);
    let state = seal.as_ref().map(|seal| seal.state);
    if state == Some(State::Opened) {
        identity_file::write_clear(&path, &seed)?;
        database.forget_seal()?;
        return Ok((identity, database.unlock(None)?, None));
    }
    if state.is_none() {
        database.seal_all(envelope, key)?;
    }
    if !matches!(&stored, Some(Stored::Sealed { envelope: own, .. }) if own == envelope) {
        identity_file::write_sealed(&path, &seed, envelope, key)?;
    }
    if state != Some(State::Sealed) {
        // Where the disk is full or somebody is reading, the next start tries again.
        drop(clean(dir, &mut database));
    }
    Ok((identity, database.unlock(Some(key))?, Some(key.clone())))
}

/// Opens the database for reading, beside a process that may be using the profile.
pub(super) fn read(dir: &Path, key: Option<&DataKey>) -> Result<Option<Database>, ProfileError> {
    let path = dir.join(DATABASE);
    let look = || -> Result<_, ProfileError> {
        let Some(database) = Locked::open_to_read(&path)? else { return Ok(None) };
        let seal = database.seal()?;
        Ok(Some((database, seal)))
    };
    let mut found = look()?;
    if let (Some((_, seal)), Some(key)) = (&found, key)
        && !is_settled(seal.as_ref(), identity_file::load(&dir.join(IDENTITY))?.as_ref())
    {
        drop(found.take());
        match Profile::unlock(dir, Some(key)) {
            // Whoever uses it has finished what was begun.
            Err(ProfileError::Busy { .. }) => {}
            other => drop(other?),
        }
        found = look()?;
    }
    let Some((database, seal)) = found else { return Ok(None) };
    let key = match seal {
        None | Some(Seal { state: State::Opened, .. }) => None,
        Some(Seal { envelope, .. }) => {
            let key = key.filter(|key| envelope.holds(key));
            Some(key.ok_or_else(|| ProfileError::Sealed { dir: dir.to_owned() })?)
        }
    };
    database.unlock_to_read(key).map(Some)
}

/// Seals a profile that is clear, or puts the key of a sealed one into another envelope.
pub(super) fn seal(
    dir: &Path,
    identity: &Identity,
    mut database: Locked,
    key: Option<&DataKey>,
    passphrase: &str,
    cost: Cost,
) -> Result<(), ProfileError> {
    let path = dir.join(IDENTITY);
    let write = |envelope: &Envelope, key: &DataKey| {
        identity_file::write_sealed(&path, identity.seed(), envelope, key)
    };
    if let Some(key) = key {
        let envelope = Envelope::wrap(key, passphrase, cost, random()?);
        database.rewrap(&envelope)?;
        return write(&envelope, key);
    }
    let key = DataKey::new(random()?);
    let envelope = Envelope::wrap(&key, passphrase, cost, random()?);
    database.seal_all(&envelope, &key)?;
    write(&envelope, &key)?;
    if clean(dir, &mut database)? {
        Ok(())
    } else {
        Err(ProfileError::Unclean { dir: dir.to_owned() })
    }
}

/// Makes a sealed profile clear.
pub(super) fn open(
    dir: &Path,
    identity: &Identity,
    mut database: Locked,
    key: &DataKey,
) -> Result<(), ProfileError> {
    database.open_all(key)?;
    identity_file::write_clear(&dir.join(IDENTITY), identity.seed())?;
    database.forget_seal()
}

/// Leaves nothing of what was there before. Not done if somebody was reading.
fn clean(dir: &Path, database: &mut Locked) -> Result<bool, ProfileError> {
    let typed = dir.join(TYPED);
    match fs::remove_file(&typed) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(ProfileError::io("remove", &typed, error))
        }
        _ => database.clean(),
    }
}

impl Locked {
    /// What it is sealed with, if it is. Its tables have the newest format.
    pub(super) fn seal(&self) -> Result<Option<Seal>, ProfileError> {
        let row: Option<(Vec<u8>, i64)> = self.carry_out(|connection| {
            connection
                .query_row("SELECT envelope, state FROM seal", [], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })
                .optional()
        })?;
        let Some((bytes, state)) = row else { return Ok(None) };
        if Envelope::is_of_another_version(&bytes) {
            return Err(ProfileError::Newer { path: self.path.clone(), found: 2, known: 1 });
        }
        let state = [State::Unclean, State::Sealed, State::Opened]
            .into_iter()
            .find(|known| *known as i64 == state);
        match (Envelope::read(&bytes), state) {
            (Some(envelope), Some(state)) => Ok(Some(Seal { envelope, state })),
            _ => Err(ProfileError::Database(corrupt(&self.path, "its seal is not one"))),
        }
    }

    /// Seals every cell, in one transaction.
    pub(super) fn seal_all(
        &mut self,
        envelope: &Envelope,
        key: &DataKey,
    ) -> Result<(), ProfileError> {
        self.convert(Change::Seal, key, |connection| {
            connection.execute(
                "INSERT INTO seal (id, envelope, state) VALUES (1, ?1, ?2)",
                params![envelope.bytes(), State::Unclean as i64],
            )
        })
    }

    /// Opens every cell, in one transaction.
    pub(super) fn open_all(&mut self, key: &DataKey) -> Result<(), ProfileError> {
        self.convert(Change::Open, key, |connection| {
            connection.execute("UPDATE seal SET state = ?1", [State::Opened as i64])
        })
    }

    fn convert(
        &mut self,
        change: Change,
        key: &DataKey,
        say_so: impl FnOnce(&Connection) -> rusqlite::Result<usize>,
    ) -> Result<(), ProfileError> {
        let seed = random()?;
        self.carry_out(|connection| {
            // What a statement keeps to take itself back would otherwise be a file of its own.
            connection.pragma_update(None, "temp_store", "memory")?;
            cells::register(connection, Some(&key.vault()), seed)?;
            search::register(connection)?;
            let transaction = connection.unchecked_transaction()?;
            search::forget(&transaction)?;
            cells::convert(&transaction, change)?;
            say_so(&transaction)?;
            transaction.commit()
        })
    }

    /// Writes the whole file anew and empties the journal. Not done if somebody was reading.
    fn clean(&mut self) -> Result<bool, ProfileError> {
        self.carry_out(|connection| {
            // All is sealed: its copy may be a file, and need not fit into memory.
            connection.pragma_update(None, "temp_store", "file")?;
            connection.execute_batch("VACUUM")?;
            if !empty_journal(connection)? {
                return Ok(false);
            }
            connection.execute("UPDATE seal SET state = ?1", [State::Sealed as i64])?;
            Ok(true)
        })
    }

    /// Puts the key into another envelope, and leaves nothing of the former one.
    pub(super) fn rewrap(&mut self, envelope: &Envelope) -> Result<(), ProfileError> {
        self.carry_out(|connection| {
            connection.execute("UPDATE seal SET envelope = ?1", [envelope.bytes()])?;
            empty_journal(connection).map(drop)
        })
    }

    fn forget_seal(&mut self) -> Result<(), ProfileError> {
        self.carry_out(|connection| {
            connection.execute("DELETE FROM seal", [])?;
            empty_journal(connection).map(drop)
        })
    }

    fn carry_out<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, ProfileError> {
        work(&self.connection).map_err(|error| ProfileError::Database(failure(&self.path, &error)))
    }
}

/// Whether all that the journal held is in the database and nothing in the journal any more.
fn empty_journal(connection: &Connection) -> rusqlite::Result<bool> {
    let busy: i64 =
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    Ok(busy == 0)
}

/// What nobody can guess.
pub(super) fn random<const N: usize>() -> Result<[u8; N], ProfileError> {
    let mut bytes = [0; N];
    #[expect(clippy::disallowed_methods, reason = "keys are made of what nobody can guess")]
    getrandom::fill(&mut bytes).map_err(|_| ProfileError::NoRandomness)?;
    Ok(bytes)
}
