//! Profiles that are sealed, opened, and cut short in between.

use std::fs;
use std::path::Path;

use p2pchat_wire::handshake::SharedSecret;
use p2pchat_wire::identity::{Name, PeerId};
use rusqlite::Connection;
use tempfile::TempDir;

use super::database::{Database, Locked};
use super::identity_file::{self, Stored};
use super::sealing::Sealed;
use super::search_tests::{about, address, id, ours, save_contact, theirs};
use super::vault::{Cost, DataKey, Envelope};
use super::{Profile, ProfileError, Reader};
use crate::chat::storage::{HistoryLine, OutgoingLine, Rendezvous, Snapshot, StoreRequest};
use crate::chat::{Address, Manner, Request, Retention, Timestamp};
use crate::proto::IdleLimit;

const PASSPHRASE: &str = "correct horse";

/// What nobody may read in the files of a sealed profile.
const SECRETS: [&str; 12] = [
    "swordfish",
    "xylophone",
    "trustno1",
    "halfathought",
    "margaret",
    "friederike",
    "rv.hidden",
    "203.0.113.77",
    "thereference",
    "sesame",
    "ottilie",
    "rv.unknown",
];

fn fill(database: &mut Database) {
    let reference = Some("thereference".to_owned());
    let replies = database.handle(&[
        save_contact("margaret"),
        save_contact("bob"),
        StoreRequest::Queue(OutgoingLine { reference, ..ours("bob", 1, "swordfish \0 开会") }),
        theirs("margaret", 2, "xylophone"),
        about(ours("margaret", 3, "trustno1"), 2, Manner::React { to: id(2) }),
        StoreRequest::SaveDraft { with: address("bob"), text: "halfathought".to_owned() },
        StoreRequest::SaveSetting { name: "door".to_owned(), value: "sesame".to_owned() },
        StoreRequest::SaveRendezvous(Rendezvous {
            name: Name::new("friederike").ok(),
            token: Some([5; 32]),
            ..Rendezvous::new("rv.hidden")
        }),
        StoreRequest::SaveIdle(IdleLimit {
            external: "203.0.113.77".parse().expect("an address"),
            idle: std::time::Duration::from_secs(30),
        }),
        StoreRequest::SaveRequest(Request {
            address: Address::new(Name::new("ottilie").expect("valid"), "rv.unknown"),
            key: PeerId([8; 32]),
            at: Timestamp(9),
            rejected: false,
        }),
        StoreRequest::SaveSecret(PeerId([7; 32]), SharedSecret::new([6; 32])),
        StoreRequest::Queue(ours("bob", 4, "gone")),
        about(ours("bob", 5, ""), 4, Manner::Delete { of: id(4) }),
    ]);
    let failed = |reply: &_| matches!(reply, crate::chat::storage::StoreReply::Failed(_));
    assert!(!replies.iter().any(failed), "{replies:?}");
}

/// A profile that is not sealed, and its seed.
fn clear() -> (TempDir, [u8; 32]) {
    let dir = tempfile::tempdir().expect("a directory for the test");
    let seed = *Profile::open(dir.path()).expect("opens").identity().seed();
    fill(&mut Database::open(&dir.path().join("chat.db")).expect("opens"));
    (dir, seed)
}

fn sealed() -> (TempDir, [u8; 32]) {
    let (dir, seed) = clear();
    seal(dir.path(), None, PASSPHRASE);
    (dir, seed)
}

fn seal(dir: &Path, key: Option<&DataKey>, passphrase: &str) {
    let profile = Profile::unlock(dir, key).expect("opens");
    profile.seal(passphrase, Cost::LEAST).expect("seals");
}

#[track_caller]
fn key(dir: &Path, passphrase: &str) -> DataKey {
    let sealed = Sealed::find(dir).expect("reads").expect("it is sealed");
    sealed.unlock(passphrase).expect("its passphrase")
}

/// All that is in a profile.
fn content(dir: &Path, key: Option<&DataKey>) -> ([u8; 32], Snapshot, Vec<HistoryLine>) {
    let reader = Reader::unlock(dir, key).expect("reads").expect("a profile");
    let seed = *reader.identity().expect("reads").seed();
    (seed, reader.snapshot().expect("reads"), reader.history(None, 100).expect("reads"))
}

/// The first of these that is in some file of the profile.
fn found<'a>(dir: &Path, secrets: &[&'a [u8]]) -> Option<&'a [u8]> {
    let files = fs::read_dir(dir).expect("a directory");
    let contents: Vec<_> =
        files.map(|file| fs::read(file.expect("a file").path()).expect("reads")).collect();
    let holds = |secret: &[u8]| {
        contents.iter().any(|bytes| bytes.windows(secret.len()).any(|window| window == secret))
    };
    secrets.iter().copied().find(|secret| holds(secret))
}

#[track_caller]
fn tells_nothing(dir: &Path, seed: &[u8; 32]) {
    let mut secrets: Vec<&[u8]> = SECRETS.iter().map(|secret| secret.as_bytes()).collect();
    // The keys of every contact and of who waits, a token, and what is shared with a contact.
    secrets.extend([&seed[..], &[7; 32], &[8; 32], &[5; 32], &[6; 32]]);
    let found = found(dir, &secrets);
    assert_eq!(found.map(String::from_utf8_lossy), None, "is in a file");
}

#[test]
fn a_sealed_profile_tells_nothing_and_is_the_same_to_who_has_the_passphrase() {
    let (dir, seed) = clear();
    let dir = dir.path();
    fs::write(dir.join(super::TYPED), "swordfish").expect("writes");
    let before = content(dir, None);
    assert_eq!(before.0, seed);
    assert!(Sealed::find(dir).expect("reads").is_none());
    let some = SECRETS.map(str::as_bytes);
    assert!(
        some.iter().all(|secret| found(dir, &[secret]).is_some()),
        "there is something to hide"
    );

    seal(dir, None, PASSPHRASE);
    tells_nothing(dir, &seed);
    assert!(matches!(Profile::open(dir), Err(ProfileError::Sealed { .. })));
    assert!(matches!(Reader::open(dir), Err(ProfileError::Sealed { .. })));
    assert!(Sealed::find(dir).expect("reads").expect("sealed").unlock("Correct horse").is_none());
    let stranger = DataKey::new([1; 32]);
    assert!(matches!(Profile::unlock(dir, Some(&stranger)), Err(ProfileError::Sealed { .. })));
    let key = key(dir, PASSPHRASE);
    assert_eq!(content(dir, Some(&key)), before);
    let mut profile = Profile::unlock(dir, Some(&key)).expect("opens");
    assert!(profile.is_sealed() && profile.snapshot().expect("reads") == before.1);
    profile.keep(Retention::Days(30)).expect("writes");
    assert_eq!(profile.retention().expect("reads"), Retention::Days(30));
    profile.keep(Retention::Forever).expect("writes");
    drop(profile);
    tells_nothing(dir, &seed);

    let profile = Profile::unlock(dir, Some(&key)).expect("opens");
    profile.remove_passphrase().expect("opens for good");
    assert!(Sealed::find(dir).expect("reads").is_none());
    let mut after = content(dir, None);
    after.1.settings.retain(|(name, _)| name != "retention");
    assert_eq!(after, before);
    assert!(some.iter().all(|secret| found(dir, &[secret]).is_some()), "clear as before");
}

#[test]
fn another_passphrase_takes_the_place_of_the_first_in_both_files() {
    let (dir, seed) = sealed();
    let dir = dir.path();
    let first = key(dir, PASSPHRASE);
    let before = content(dir, Some(&first));
    let envelope = envelope(dir).bytes()[40..].to_vec();
    seal(dir, Some(&first), "battery staple");
    assert!(Sealed::find(dir).expect("reads").expect("sealed").unlock(PASSPHRASE).is_none());
    assert_eq!(content(dir, Some(&key(dir, "battery staple"))), before);
    assert_eq!(found(dir, &[&envelope]), None, "the former envelope is gone");
    tells_nothing(dir, &seed);
}

fn envelope(dir: &Path) -> Envelope {
    match identity_file::load(&dir.join("identity")).expect("reads") {
        Some(Stored::Sealed { envelope, .. }) => envelope,
        other => panic!("{other:?}"),
    }
}

/// What a start makes of a profile that was left like this: sealed, and nothing is missing.
#[track_caller]
fn ends_sealed(dir: &Path, key: &DataKey, seed: &[u8; 32], before: &(Snapshot, Vec<HistoryLine>)) {
    assert!(matches!(Profile::open(dir), Err(ProfileError::Sealed { .. })));
    drop(Profile::unlock(dir, Some(key)).expect("opens"));
    tells_nothing(dir, seed);
    let after = content(dir, Some(key));
    assert_eq!((&after.0, &after.1, &after.2), (seed, &before.0, &before.1));
    assert_eq!(
        &Locked::open(&dir.join("chat.db"))
            .expect("opens")
            .seal()
            .expect("reads")
            .expect("sealed")
            .envelope,
        &envelope(dir)
    );
}

#[test]
fn sealing_that_was_cut_short_is_finished_by_the_next_start() {
    let (dir, seed) = clear();
    let dir = dir.path();
    let (_, snapshot, history) = content(dir, None);
    let before = (snapshot, history);
    let data_key = DataKey::new([3; 32]);
    let wrapped = Envelope::wrap(&data_key, PASSPHRASE, Cost::LEAST, [1; 16]);
    fs::write(dir.join(super::TYPED), "swordfish").expect("writes");

    // After the transaction: identity clear, file not clean.
    let mut database = Locked::open(&dir.join("chat.db")).expect("opens");
    database.seal_all(&wrapped, &data_key).expect("seals");
    drop(database);
    assert_eq!(found(dir, &[&seed]), Some(&seed[..]));
    ends_sealed(dir, &key(dir, PASSPHRASE), &seed, &before);

    // Another passphrase in the database and the first still in the identity.
    let second = Envelope::wrap(&data_key, "battery staple", Cost::LEAST, [2; 16]);
    let mut database = Locked::open(&dir.join("chat.db")).expect("opens");
    database.rewrap(&second).expect("writes");
    drop(database);
    ends_sealed(dir, &key(dir, "battery staple"), &seed, &before);
    assert_eq!(envelope(dir), second);

    // A clear identity came back from paper, and a reader finds it first.
    fs::remove_file(dir.join("identity")).expect("removes");
    Profile::restore(dir, &seed).expect("restores");
    content(dir, Some(&key(dir, "battery staple")));
    ends_sealed(dir, &key(dir, "battery staple"), &seed, &before);
}

#[test]
fn opening_that_was_cut_short_is_finished_by_the_next_start() {
    let (dir, seed) = sealed();
    let dir = dir.path();
    let data_key = key(dir, PASSPHRASE);
    let before = content(dir, Some(&data_key));
    let mut database = Locked::open(&dir.join("chat.db")).expect("opens");
    database.open_all(&data_key).expect("opens");
    drop(database);
    // The identity is still sealed.
    assert!(matches!(Profile::open(dir), Err(ProfileError::Sealed { .. })));
    assert_eq!(content(dir, Some(&key(dir, PASSPHRASE))), before);
    assert!(Sealed::find(dir).expect("reads").is_none());
    assert_eq!(content(dir, None), before);

    // The identity is clear, and the seal not forgotten.
    seal(dir, None, PASSPHRASE);
    let data_key = key(dir, PASSPHRASE);
    let mut database = Locked::open(&dir.join("chat.db")).expect("opens");
    database.open_all(&data_key).expect("opens");
    drop(database);
    identity_file::write_clear(&dir.join("identity"), &seed).expect("writes");
    assert!(Sealed::find(dir).expect("reads").is_none());
    assert_eq!(content(dir, None), before);
    drop(Profile::open(dir).expect("needs no key"));
    assert!(Locked::open(&dir.join("chat.db")).expect("opens").seal().expect("reads").is_none());
}

#[test]
fn each_of_the_two_files_opens_without_the_other() {
    let (dir, seed) = sealed();
    let dir = dir.path();
    let first = key(dir, PASSPHRASE);
    let before = content(dir, Some(&first));
    fs::remove_file(dir.join("identity")).expect("removes");
    assert!(matches!(Profile::open(dir), Err(ProfileError::Sealed { .. })));
    let other =
        *Profile::unlock(dir, Some(&key(dir, PASSPHRASE))).expect("opens").identity().seed();
    assert_ne!(other, seed, "somebody else now");
    assert_eq!(content(dir, Some(&key(dir, PASSPHRASE))).2, before.2, "with the same history");

    let (dir, seed) = sealed();
    let dir = dir.path();
    fs::remove_file(dir.join("chat.db")).expect("removes");
    let data_key = key(dir, PASSPHRASE);
    let profile = Profile::unlock(dir, Some(&data_key)).expect("opens");
    assert_eq!(profile.identity().seed(), &seed);
    drop(profile);
    let mut database = Locked::open(&dir.join("chat.db")).expect("opens");
    assert!(database.seal().expect("reads").is_some(), "a new one is sealed from the beginning");
    fill(&mut database.unlock(Some(&data_key)).expect("opens"));
    tells_nothing(dir, &seed);
    database = Locked::open(&dir.join("chat.db")).expect("opens");
    drop(database);
}

#[test]
fn what_is_moved_to_another_place_in_the_database_does_not_open() {
    let (dir, _) = sealed();
    let dir = dir.path();
    let data_key = key(dir, PASSPHRASE);
    let connection = Connection::open(dir.join("chat.db")).expect("opens");
    connection
        .execute_batch(
            "UPDATE lines SET text = (SELECT text FROM lines WHERE seq = 1 AND incoming = 0)
             WHERE incoming = 1",
        )
        .expect("writes");
    drop(connection);
    let reader = Reader::unlock(dir, Some(&data_key)).expect("reads").expect("a profile");
    let error = reader.history(None, 100).expect_err("somebody wrote into the file");
    assert!(error.to_string().contains("sealed"), "{error}");
    assert_eq!(reader.history(Some(&address("bob")), 100).expect("untouched").len(), 2);
}

#[test]
fn a_seal_of_a_newer_program_is_left_alone() {
    let (dir, _) = sealed();
    let dir = dir.path();
    let connection = Connection::open(dir.join("chat.db")).expect("opens");
    let newer = b"p2pchat sealed profile 2\nwhatever";
    connection.execute("UPDATE seal SET envelope = ?1", [&newer[..]]).expect("writes");
    assert!(matches!(Sealed::find(dir), Err(ProfileError::Newer { found: 2, known: 1, .. })));
    connection.execute("UPDATE seal SET envelope = x'00'", []).expect("writes");
    assert!(matches!(Sealed::find(dir), Err(ProfileError::Database(_))));
    drop(connection);
    fs::write(dir.join("identity"), newer).expect("writes");
    fs::remove_file(dir.join("chat.db")).expect("removes");
    assert!(matches!(Sealed::find(dir), Err(ProfileError::Newer { .. })));
    assert!(matches!(Profile::open(dir), Err(ProfileError::Newer { .. })));
}

#[test]
fn many_lines_are_sealed_and_opened_whatever_their_numbers() {
    let (dir, _) = clear();
    let dir = dir.path();
    let mut database = Database::open(&dir.join("chat.db")).expect("opens");
    let lines: Vec<_> = (10..2600).map(|n| theirs("bob", n, &format!("line {n}"))).collect();
    database.handle(&lines);
    database.handle(&[StoreRequest::Shown(vec![(address("bob"), id(2000))])]);
    while database.tidy(Timestamp(0)).expect("works") {}
    drop(database);
    let connection = Connection::open(dir.join("chat.db")).expect("opens");
    connection
        .execute_batch("UPDATE lines SET id = id - 1000000 WHERE id BETWEEN 100 AND 900")
        .expect("as an import numbers them");
    drop(connection);
    let before = Reader::open(dir).expect("reads").expect("there").history(None, 9999);
    let before = before.expect("reads");
    seal(dir, None, PASSPHRASE);
    let data_key = key(dir, PASSPHRASE);
    let reader = Reader::unlock(dir, Some(&data_key)).expect("reads").expect("there");
    assert_eq!(reader.history(None, 9999).expect("reads"), before);
    assert_eq!(reader.search(None, "2599", 9).expect("reads").len(), 1);
    drop(reader);
    Profile::unlock(dir, Some(&data_key)).expect("opens").remove_passphrase().expect("opens");
    let reader = Reader::open(dir).expect("reads").expect("there");
    assert_eq!(reader.history(None, 9999).expect("reads"), before);
}

#[test]
fn who_is_removed_leaves_nothing_of_what_was_said_in_the_files() {
    for is_sealed in [false, true] {
        let (dir, _) = if is_sealed { sealed() } else { clear() };
        let dir = dir.path();
        let key = is_sealed.then(|| key(dir, PASSPHRASE));
        let mut profile = Profile::unlock(dir, key.as_ref()).expect("opens");
        assert!(profile.has_said(&address("margaret")).expect("reads"));
        profile.write(&[StoreRequest::RemoveContact(address("margaret"))]).expect("writes");
        assert!(!profile.has_said(&address("margaret")).expect("reads"));
        let left: Vec<_> = profile.snapshot().expect("reads").contacts;
        assert_eq!(left.into_iter().map(|one| one.address).collect::<Vec<_>>(), [address("bob")]);
        assert!(profile.has_said(&address("bob")).expect("reads"));
        drop(profile);
        let gone: [&[u8]; 3] = [b"margaret", b"xylophone", b"trustno1"];
        assert_eq!(found(dir, &gone).map(String::from_utf8_lossy), None, "is in a file");
    }
}
