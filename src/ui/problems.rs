//! Why something typed was not done, in a sentence for people and a word for programs.

use std::fmt::Display;

use p2pchat_wire::identity::{InvalidName, MAX_NAME};

use super::files;
use super::invitations;
use super::language::{Language, Phrase};
use super::rooms;
use super::words::{help, store_failure, usage};
use crate::chat::room::MAX_TOPIC;
use crate::chat::{Problem, TRUSTED, clean};

/// Why something typed was not done.
#[must_use]
pub fn problem_sentence(problem: &Problem, language: &Language) -> String {
    match problem {
        Problem::UnknownCommand { typed, nearest } => {
            let typed = clean::label(typed, 40);
            match nearest {
                None => language.say("problem-unknown-command", &[("typed", &typed)]),
                Some(nearest) => language.say(
                    "problem-unknown-command-nearest",
                    &[("typed", &typed), ("nearest", nearest)],
                ),
            }
        }
        Problem::Usage(command) => {
            let (usage, help) = (usage(command, language), help(command, language));
            let arguments: [(_, &dyn Display); 3] =
                [("command", &command.word), ("usage", &usage), ("help", &help)];
            language.say("problem-usage", &arguments)
        }
        Problem::BadName { typed, why } => {
            let typed = format!("{:?}", clean::label(typed, 40));
            let why = no_name(why).said_in(language);
            language.say("problem-bad-name", &[("typed", &typed), ("why", &why)])
        }
        Problem::OtherHost { typed, host } => {
            let typed = clean::label(typed, 80);
            language.say("problem-other-host", &[("typed", &typed), ("host", host)])
        }
        Problem::UnknownRecipient(name) => {
            language.say("problem-unknown-recipient", &[("name", name)])
        }
        Problem::Ambiguous(all) => {
            language.say("problem-ambiguous", &[("names", &language.list(all))])
        }
        Problem::NoRecipient => language.text("problem-no-recipient"),
        Problem::WhosePath => language.text("problem-whose-path"),
        Problem::NobodyHere => language.text("problem-nobody-here"),
        Problem::Yourself => language.text("problem-yourself"),
        Problem::NoSuchLine => language.text("problem-no-such-line"),
        Problem::NotYours => language.text("problem-not-yours"),
        Problem::Deleted => language.text("problem-deleted"),
        Problem::NotAReaction => language.text("problem-not-a-reaction"),
        Problem::NothingSaid => language.text("problem-nothing-said"),
        Problem::NoText => language.text("problem-no-text"),
        Problem::TooLong => language.text("problem-too-long"),
        Problem::ReferenceTooLong => language.text("problem-reference-too-long"),
        Problem::KeyChanged { peer, expected, actual } => {
            let arguments: [(_, &dyn Display); 3] =
                [("peer", peer), ("was", &expected.tag()), ("key", actual)];
            language.say("problem-key-changed", &arguments)
        }
        Problem::NothingToTrust(peer) => {
            language.say("problem-nothing-to-trust", &[("peer", peer)])
        }
        Problem::WrongKey { typed, offered } => {
            let typed = clean::label(typed, 60);
            language.say("problem-wrong-key", &[("typed", &typed), ("offered", offered)])
        }
        Problem::ShortKey { typed, key } => {
            let typed = clean::label(typed, 60);
            let arguments: [(_, &dyn Display); 3] =
                [("typed", &typed), ("count", &TRUSTED), ("key", key)];
            language.say("problem-short-key", &arguments)
        }
        Problem::NothingToVerify(peer) => {
            language.say("problem-nothing-to-verify", &[("peer", peer)])
        }
        Problem::NotCompared(peer) => language.say("problem-not-compared", &[("name", &peer.name)]),
        Problem::NoCode => language.text("problem-no-code"),
        Problem::NoContact(peer) => language.say("problem-no-contact", &[("peer", peer)]),
        Problem::Nobody(name) => language.say("contact-nobody", &[("name", name)]),
        Problem::LooksLike { peer, like } => {
            language.say("contact-looks-like", &[("peer", peer), ("like", like)])
        }
        Problem::OtherKey { peer, pinned, key } => {
            let arguments: [(_, &dyn Display); 3] =
                [("peer", peer), ("was", &pinned.tag()), ("key", key)];
            language.say("contact-pinned-to-other-key", &arguments)
        }
        Problem::WhichRendezvous(name) => {
            language.say("contact-which-rendezvous", &[("name", name)])
        }
        Problem::HasHistory(peer) => language.say("contact-has-history", &[("peer", peer)]),
        Problem::Removed(peer) => language.say("contact-was-removed", &[("peer", peer)]),
        Problem::NameInUse { name, by } => {
            language.say("problem-name-in-use", &[("name", name), ("by", by)])
        }
        Problem::HostInNickname => language.text("problem-host-in-nickname"),
        Problem::NoRequest => language.text("problem-no-request"),
        Problem::NotACode(why) => invitations::no_code(*why).said_in(language),
        Problem::NoLink => language.text("problem-no-contact-link"),
        Problem::OtherServerKey { host, known, said } => {
            let host = clean::label(host, 80);
            let arguments: [(_, &dyn Display); 3] =
                [("host", &host), ("known", known), ("said", said)];
            language.say("problem-other-server-key", &arguments)
        }
        Problem::NotRegistered => language.text("problem-not-registered"),
        Problem::Confusable { peer, like } => {
            language.say("problem-confusable", &[("peer", peer), ("like", like)])
        }
        Problem::Blocked(peer) => {
            language.say("problem-blocked", &[("peer", peer), ("name", &peer.name)])
        }
        Problem::NotACommand => language.text("problem-not-a-command"),
        Problem::NoName => language.text("problem-no-name"),
        Problem::NoSuchLink => language.text("problem-no-such-link"),
        Problem::NotOpened { link, cause: None } => {
            language.say("problem-no-desktop", &[("link", link)])
        }
        Problem::NotOpened { link, cause: Some(cause) } => {
            language.say("problem-not-opened", &[("link", link), ("cause", cause)])
        }
        Problem::NotDetached { cause: None } => language.text("problem-not-detachable"),
        Problem::NotDetached { cause: Some(cause) } => {
            language.say("problem-not-detached", &[("cause", cause)])
        }
        Problem::FileExists(path) => {
            language.say("export-exists", &[("path", &clean::one_line(path, " "))])
        }
        Problem::NotExported { path, cause } => {
            let path = clean::one_line(path, " ");
            language.say("export-unwritable", &[("path", &path), ("error", cause)])
        }
        Problem::NoSuchFile => language.text("problem-no-such-file"),
        Problem::FilesInRooms => language.text("problem-files-in-rooms"),
        Problem::File(problem) => {
            let why = files::problem(problem).said_in(language);
            language.say("problem-file", &[("why", &why)])
        }
        Problem::NotInRoom(room) => {
            language.say("problem-not-in-room", &[("room", &room.marked_name())])
        }
        Problem::NoSuchRoom(room) => {
            let (marked, name) = (room.marked_name(), &room.name);
            language.say("problem-no-such-room", &[("room", &marked), ("name", name)])
        }
        Problem::NotLetIn { room, why: None } => {
            language.say("problem-not-let-in", &[("room", &room.marked_name())])
        }
        Problem::NotLetIn { room, why: Some(why) } => {
            let (room, why) = (room.marked_name(), rooms::denial(*why, language));
            language.say("problem-room-denied", &[("room", &room), ("why", &why)])
        }
        Problem::WhichRoom => language.text("problem-which-room"),
        Problem::NoServer(room) => {
            language.say("problem-no-server", &[("room", &room.marked_name())])
        }
        Problem::NoRooms => language.text("problem-no-rooms"),
        Problem::NobodyThere(room) => {
            language.say("problem-nobody-there", &[("room", &room.marked_name())])
        }
        Problem::KicksOneself(room) => {
            language.say("problem-kicks-oneself", &[("room", &room.marked_name())])
        }
        Problem::NoKeyToInvite(peer) => language.say("problem-no-key-to-invite", &[("peer", peer)]),
        Problem::TopicTooLong => language.say("problem-topic-too-long", &[("bytes", &MAX_TOPIC)]),
        Problem::Room(refusal) => {
            language.say("problem-room", &[("why", &rooms::refusal(*refusal, language))])
        }
        Problem::Store(failure) => store_failure(failure).said_in(language),
    }
}

/// Which rule of names a text breaks, in the middle of a sentence.
#[must_use]
pub fn no_name(why: &InvalidName) -> Phrase {
    match why {
        InvalidName::Empty => Phrase::new("name-empty"),
        InvalidName::TooLong => Phrase::new("name-too-long").with("bytes", MAX_NAME),
        InvalidName::Character(character) => {
            Phrase::new("name-character").with("character", format_args!("{character:?}"))
        }
        InvalidName::Mark(character) => {
            Phrase::new("name-mark").with("character", format_args!("{character:?}"))
        }
        // Rules that came later.
        other => Phrase::new("as-it-is").with("text", other),
    }
}

/// The word under which a program finds a problem.
#[must_use]
pub fn problem_code(problem: &Problem) -> &'static str {
    match problem {
        Problem::UnknownCommand { .. } => "unknown-command",
        Problem::Usage(_) => "usage",
        Problem::BadName { .. } => "bad-name",
        Problem::OtherHost { .. } => "other-host",
        Problem::UnknownRecipient(_) => "unknown-recipient",
        Problem::Ambiguous(_) => "ambiguous",
        Problem::NoRecipient => "no-recipient",
        Problem::WhosePath => "whose-path",
        Problem::NobodyHere => "nobody-here",
        Problem::Yourself => "yourself",
        Problem::NoSuchLine => "no-such-line",
        Problem::NotYours => "not-yours",
        Problem::Deleted => "deleted",
        Problem::NotAReaction => "not-a-reaction",
        Problem::NoText | Problem::NothingSaid => "no-text",
        Problem::TooLong => "too-long",
        Problem::ReferenceTooLong => "ref-too-long",
        Problem::KeyChanged { .. } => "key-changed",
        Problem::NothingToTrust(_) => "nothing-to-trust",
        Problem::WrongKey { .. } => "wrong-key",
        Problem::ShortKey { .. } => "short-key",
        Problem::NothingToVerify(_) => "nothing-to-verify",
        Problem::NotCompared(_) => "not-compared",
        Problem::NoCode => "no-code",
        Problem::NoContact(_) => "no-contact",
        Problem::Nobody(_) => "no-contact",
        Problem::LooksLike { .. } => "confusable",
        Problem::OtherKey { .. } => "other-key",
        Problem::WhichRendezvous(_) => "which-rendezvous",
        Problem::HasHistory(_) => "has-history",
        Problem::Removed(_) => "removed",
        Problem::NameInUse { .. } => "name-in-use",
        Problem::HostInNickname => "host-in-nickname",
        Problem::NoRequest => "no-request",
        Problem::NotACode(_) => "not-a-code",
        Problem::NoLink => "not-a-contact-link",
        Problem::OtherServerKey { .. } => "other-server-key",
        Problem::NotRegistered => "not-registered",
        Problem::Confusable { .. } => "confusable",
        Problem::Blocked(_) => "blocked",
        Problem::NotACommand => "not-a-command",
        Problem::NoName => "no-name",
        Problem::NoSuchLink => "no-such-link",
        Problem::NotOpened { .. } => "not-opened",
        Problem::NotDetached { .. } => "not-detached",
        Problem::FileExists(_) => "file-exists",
        Problem::NotExported { .. } => "not-exported",
        Problem::NoSuchFile => "no-such-file",
        Problem::FilesInRooms => "files-in-rooms",
        Problem::File(_) => "file",
        Problem::NotInRoom(_) => "not-in-room",
        Problem::NoSuchRoom(_) => "no-such-room",
        Problem::NotLetIn { .. } => "not-let-in",
        Problem::WhichRoom => "which-room",
        Problem::NoServer(_) => "no-server",
        Problem::NoRooms => "no-rooms",
        Problem::NobodyThere(_) => "nobody-there",
        Problem::KicksOneself(_) => "kicks-oneself",
        Problem::NoKeyToInvite(_) => "no-key-to-invite",
        Problem::TopicTooLong => "topic-too-long",
        Problem::Room(_) => "room",
        Problem::Store(_) => "store",
    }
}
