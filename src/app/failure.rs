//! Why nothing came of what was asked.

use crate::chat::{ExitCode, LOCAL_HOST, clean};
use crate::config::{ConfigError, MAX_SERVERS};
use crate::store::ProfileError;
use crate::store::words::{NotAnIdentity, WORDS};
use crate::ui::language::{Language, Phrase};
use crate::ui::words::store_failure;

use super::peer::StartError;

/// Why nothing came of it: a code for scripts, a sentence for people, in whatever language they read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Failure {
    /// The exit code.
    pub code: ExitCode,
    phrases: Vec<Phrase>,
}

impl Failure {
    pub(super) fn new(code: ExitCode, phrase: Phrase) -> Self {
        Self { code, phrases: vec![phrase] }
    }

    pub(super) fn internal(phrase: Phrase) -> Self {
        Self::new(ExitCode::Internal, phrase)
    }

    /// With several lines.
    pub(super) fn lines(code: ExitCode, phrases: Vec<Phrase>) -> Self {
        Self { code, phrases }
    }

    /// The system refuses what every program for the network needs.
    #[must_use]
    pub fn no_runtime(error: &std::io::Error) -> Self {
        Self::internal(Phrase::new("no-runtime").with("error", error))
    }

    /// A page or a file that was asked for could not be written.
    #[must_use]
    pub fn not_written(error: &std::io::Error) -> Self {
        Self::internal(Phrase::new("not-written").with("error", error))
    }

    /// What happened, why, and what can be done.
    #[must_use]
    pub fn sentence(&self, language: &Language) -> String {
        let lines: Vec<String> = self.phrases.iter().map(|line| line.said_in(language)).collect();
        lines.join("\n")
    }
}

/// Something that is said in the words that it came in.
pub(super) fn as_it_is(text: impl std::fmt::Display) -> Phrase {
    Phrase::new("as-it-is").with("text", text)
}

impl From<ProfileError> for Failure {
    fn from(error: ProfileError) -> Self {
        let code = match error {
            ProfileError::HasIdentity { .. }
            | ProfileError::Sealed { .. }
            | ProfileError::Busy { .. } => ExitCode::Refused,
            _ => ExitCode::Internal,
        };
        Self::new(code, profile(&error))
    }
}

fn profile(error: &ProfileError) -> Phrase {
    let about = |id, path: &std::path::Path| {
        Phrase::new(id).with("path", clean::label(&path.display().to_string(), 4096))
    };
    match error {
        ProfileError::Busy { dir } => about("profile-busy", dir),
        ProfileError::WidePermissions { path } => about("profile-readable", path),
        ProfileError::BadIdentity { path } => about("profile-bad-identity", path),
        ProfileError::HasIdentity { path } => about("profile-has-identity", path),
        ProfileError::Sealed { dir } => about("profile-sealed", dir),
        ProfileError::Unclean { dir } => about("profile-unclean", dir),
        ProfileError::Newer { path, found, known } => {
            about("profile-newer", path).with("found", found).with("known", known)
        }
        ProfileError::Database(failure) => store_failure(failure),
        ProfileError::Io { action: "read", path, error } => {
            about("profile-unreadable", path).with("error", error)
        }
        ProfileError::Io { action: "write", path, error } => {
            about("profile-unwritable", path).with("error", error)
        }
        ProfileError::Io { action: "create", path, error } => {
            about("profile-uncreatable", path).with("error", error)
        }
        ProfileError::Io { action: "lock", path, error } => {
            about("profile-unlockable", path).with("error", error)
        }
        ProfileError::Io { action: "remove", path, error } => {
            about("profile-unremovable", path).with("error", error)
        }
        ProfileError::Io { path, error, .. } => {
            about("profile-unusable", path).with("error", error)
        }
        ProfileError::Older { path } => about("profile-older", path),
        ProfileError::Export(error) => Phrase::new("export-broken").with("error", error),
        ProfileError::NoRandomness => Phrase::new("profile-no-randomness"),
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let phrase = match &error {
            ConfigError::NoName => Phrase::new("config-no-name"),
            ConfigError::NoRendezvous => Phrase::new("config-no-rendezvous"),
            ConfigError::NoLan(name) => {
                Phrase::new("config-no-lan").with("name", name).with("host", LOCAL_HOST)
            }
            ConfigError::TooManyServers(servers) => {
                let phrase = Phrase::new("config-too-many-servers");
                phrase.with("servers", servers).with("most", MAX_SERVERS)
            }
            ConfigError::TwoKeys(host) => Phrase::new("config-two-keys").with("host", host),
        };
        Self::new(ExitCode::Usage, phrase)
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Profile(error) => error.into(),
            StartError::Socket { address: None, cause } => {
                Self::internal(Phrase::new("no-socket").with("error", cause))
            }
            StartError::Socket { address: Some(address), cause } => {
                let phrase = Phrase::new("no-socket-on").with("address", address);
                Self::internal(phrase.with("error", cause))
            }
            StartError::Files(error) => {
                Self::internal(Phrase::new("no-files-thread").with("error", error))
            }
            StartError::Random(error) => {
                Self::internal(Phrase::new("no-randomness").with("error", error))
            }
        }
    }
}

impl From<NotAnIdentity> for Failure {
    fn from(error: NotAnIdentity) -> Self {
        let phrase = match &error {
            NotAnIdentity::Count(typed) => {
                Phrase::new("words-count").with("words", WORDS).with("typed", typed)
            }
            NotAnIdentity::Unknown { place, nearest } if nearest.is_empty() => {
                Phrase::new("words-unknown").with("place", place)
            }
            NotAnIdentity::Unknown { place, nearest } => {
                let phrase = Phrase::new("words-unknown-nearest").with("place", place);
                phrase.choosing("nearest", nearest)
            }
            NotAnIdentity::Mixed => Phrase::new("words-mixed"),
            NotAnIdentity::Checksum => Phrase::new("words-checksum"),
        };
        Self::new(ExitCode::Usage, phrase)
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn in_english_a_failure_is_the_error_itself() {
        let path = || PathBuf::from("/profile");
        let denied = || io::Error::from(io::ErrorKind::PermissionDenied);
        for error in [
            ProfileError::Busy { dir: path() },
            ProfileError::WidePermissions { path: path() },
            ProfileError::BadIdentity { path: path() },
            ProfileError::HasIdentity { path: path() },
            ProfileError::Sealed { dir: path() },
            ProfileError::Unclean { dir: path() },
            ProfileError::Newer { path: path(), found: 9, known: 8 },
            ProfileError::Io { action: "read", path: path(), error: denied() },
            ProfileError::Io { action: "write", path: path(), error: denied() },
            ProfileError::Io { action: "create", path: path(), error: denied() },
            ProfileError::Io { action: "lock", path: path(), error: denied() },
            ProfileError::Io { action: "remove", path: path(), error: denied() },
            ProfileError::Older { path: path() },
            ProfileError::Export(denied()),
            ProfileError::NoRandomness,
        ] {
            let text = error.to_string();
            assert_eq!(Failure::from(error).sentence(&Language::default()), text);
        }
        let host = "h".parse().expect("host");
        for error in [
            ConfigError::NoName,
            ConfigError::NoRendezvous,
            ConfigError::NoLan("bob".parse().expect("name")),
            ConfigError::TooManyServers(5),
            ConfigError::TwoKeys(host),
        ] {
            let text = error.to_string();
            assert_eq!(Failure::from(error).sentence(&Language::default()), text);
        }
        for error in [
            NotAnIdentity::Count(3),
            NotAnIdentity::Unknown { place: 4, nearest: vec!["abandon", "ability"] },
            NotAnIdentity::Unknown { place: 4, nearest: Vec::new() },
            NotAnIdentity::Mixed,
            NotAnIdentity::Checksum,
        ] {
            let text = error.to_string();
            assert_eq!(Failure::from(error).sentence(&Language::default()), text);
        }
    }
}
