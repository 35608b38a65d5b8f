//! Every sentence about what happens: what happened, why as far as known, what happens next by
//! itself, and what a person can do.

use std::fmt::Display;

use jiff::tz::TimeZone;
use p2pchat_wire::VERSION;
use p2pchat_wire::signal::Refusal;

use super::language::{Language, Phrase};
pub use super::problems::{no_name, problem_code, problem_sentence};
use super::{Background, Cause, files, invitations, paths, people, rooms, tables};
use crate::chat::command::CommandHelp;
use crate::chat::{ExitCode, FailureKind, Notice, Presence, RoomNews, StoreFailure, clean};
use crate::proto::{PathInfo, PathKind, RendezvousTrouble};

/// What is said about a notice, if anything.
#[must_use]
pub fn sentence(
    notice: &Notice,
    zone: &TimeZone,
    background: Background<'_>,
    language: &Language,
) -> Option<String> {
    Some(match notice {
        Notice::Registered { first: false, .. }
        | Notice::Status { .. }
        | Notice::Message(_)
        | Notice::Written(_)
        | Notice::Amended { .. }
        | Notice::Reacted { .. }
        | Notice::Stray(_)
        | Notice::Page { .. }
        | Notice::Typing { .. }
        | Notice::Measured { .. }
        | Notice::Draft { .. }
        | Notice::Changed(_)
        | Notice::Home(_)
        | Notice::Room { news: RoomNews::Here { .. } | RoomNews::Progress { .. }, .. }
        | Notice::Leaving { undelivered: 0 } => return None,
        Notice::Room { room, news } => rooms::sentence(room, news, background, language),
        Notice::Found { lines, .. } if lines.is_empty() => language.text("found-nothing"),
        Notice::Found { lines, .. } => tables::history(lines, zone, background, language),
        Notice::Settings(settings) => tables::settings(settings),
        Notice::Exported { path, lines } => {
            let path = clean::one_line(path, " ");
            let lines = Phrase::new("lines").counting(*lines);
            Phrase::new("export-done").with("path", path).holding("lines", lines).said_in(language)
        }
        Notice::File(news) => return files::sentence(news, background, language),
        Notice::Files(known) => files::table(known, background, language),
        Notice::FileRule { peer, rule } => files::rule(peer, *rule, background, language),
        Notice::NoFiles(peer) => language.say("files-unknown", &[("name", &background.name(peer))]),
        Notice::NoFolders(peer) => {
            language.say("folders-unknown", &[("name", &background.name(peer))])
        }
        Notice::LeftOut { name, count } => {
            let file = clean::one_line(name, " ");
            language.count("folder-left-out", u64::from(*count), &[("file", &file)])
        }
        Notice::Detached => language.text("detached"),
        Notice::Opened { link } => language.say("link-opened", &[("link", link)]),
        Notice::Registered { me, over_tcp: true, .. } => {
            language.say("registered-over-tcp", &[("me", me)])
        }
        Notice::Registered { me, mapped, .. } => {
            language.say("registered", &[("me", me), ("mapped", mapped)])
        }
        Notice::Announced { me, visible: true, .. } => {
            language.say("announced-visible", &[("name", &me.name), ("me", me)])
        }
        Notice::Announced { me, visible: false, .. } => {
            language.say("announced-to-contacts", &[("name", &me.name)])
        }
        Notice::Searching { peer, met, visible } => {
            let id = match (met, visible) {
                (true, _) => "searching",
                (false, true) => "searching-both-visible",
                (false, false) => "searching-unknown",
            };
            language.say(id, &[("name", &peer.name)])
        }
        Notice::RegisterRefused { server, name, refusal } => {
            let id = match refusal {
                Refusal::NameTaken | Refusal::KeyMismatch { .. } => "register-name-taken",
                Refusal::Confusable => "register-confusable",
                Refusal::Busy => "register-busy",
                Refusal::Storage => "register-storage",
                Refusal::NoSuchName | Refusal::Offline | Refusal::NotRegistered => {
                    "register-refused"
                }
            };
            let server = the(server.as_deref(), language);
            language.say(id, &[("name", name), ("server", &server)])
        }
        Notice::Unregistered => language.text("unregistered"),
        Notice::OverTcp { server: None, over_tcp } => {
            language.text(if *over_tcp { "over-tcp" } else { "over-udp" })
        }
        Notice::OverTcp { server: Some(host), over_tcp } => {
            language.say(if *over_tcp { "over-tcp-at" } else { "over-udp-at" }, &[("host", host)])
        }
        Notice::Trouble { server, trouble, same_as, others } => {
            let server = the(server.as_deref(), language);
            let same_as = same_as.as_deref();
            rendezvous_trouble(&server, *trouble, same_as, *others, background, language)
        }
        Notice::SafetyCode { .. }
        | Notice::Verified { .. }
        | Notice::NotTheSame { .. }
        | Notice::Added(_)
        | Notice::Removed(_)
        | Notice::Renamed { .. }
        | Notice::Limit { .. }
        | Notice::Limited { .. }
        | Notice::Request { .. }
        | Notice::RequestsWait { .. }
        | Notice::Requests(_)
        | Notice::Accepted(_)
        | Notice::Rejected(_)
        | Notice::Pending(_) => return people::sentence(notice, zone, background, language),
        Notice::Invitation { .. }
        | Notice::Invited { .. }
        | Notice::InvitationFailed { .. }
        | Notice::SecretLacking { .. } => {
            return invitations::sentence(notice, background, language);
        }
        Notice::SamePerson { peer, before } => {
            language.say("same-person", &[("peer", peer), ("before", before)])
        }
        Notice::Current(peer) => language.say("current", &[("peer", &background.whole(peer))]),
        Notice::Peer { peer, was, state, path, .. } => {
            return presence(&background.name(peer), *was, *state, *path, language);
        }
        Notice::NoSuchName(peer) => {
            language.say("no-such-name", &[("name", &peer.name), ("host", &peer.host)])
        }
        Notice::ConnectRefused { peer, refusal } => {
            let id = match refusal {
                Refusal::NoSuchName => "connect-no-such-name",
                Refusal::Offline => "connect-offline",
                Refusal::NameTaken | Refusal::KeyMismatch { .. } => "connect-other-key",
                Refusal::NotRegistered => "connect-not-registered",
                Refusal::Busy | Refusal::Storage | Refusal::Confusable => "connect-busy",
            };
            language.say(id, &[("peer", peer), ("name", &peer.name), ("host", &peer.host)])
        }
        Notice::KeyChanged { peer, expected, actual } => {
            let (name, was) = (background.name(peer), expected.tag());
            let peer = background.whole(peer);
            let arguments: [(_, &dyn Display); 4] =
                [("peer", &peer), ("name", &name), ("was", &was), ("key", actual)];
            language.say("key-changed", &arguments)
        }
        Notice::Kept { to, state, waiting } => {
            let id = match state {
                Presence::Offline => "kept-offline",
                Presence::Registered | Presence::Connecting | Presence::Connected => {
                    "kept-connecting"
                }
            };
            language.count(id, *waiting, &[("name", &background.name(to))])
        }
        Notice::Refused { problem, .. } => problem_sentence(problem, language),
        Notice::StoreFailed(failure) => store_failure(failure).said_in(language),
        Notice::Unreadable { peer, software: None } => {
            language.say("unreadable", &[("peer", peer)])
        }
        Notice::Unreadable { peer, software: Some(software) } => {
            let software = clean::label(software, 40);
            language.say("unreadable-software", &[("peer", peer), ("software", &software)])
        }
        Notice::Who(peers) => tables::who(peers, language),
        Notice::Contacts(contacts) => tables::contacts(contacts, zone, language),
        Notice::Paths { peer, paths: described, reason, punch, upkeep } => {
            let (punch, columns) = (punch.as_deref(), background.columns);
            paths::table(peer, described, *reason, punch, upkeep, columns, language)
        }
        Notice::Circumstances { peer, circumstances, clock_ahead_ms } => {
            paths::circumstances(peer, circumstances, *clock_ahead_ms, language)
        }
        Notice::History(lines) => tables::history(lines, zone, background, language),
        Notice::Identity { name: Some(name), hosts, key } if hosts.is_empty() => {
            language.say("identity-local", &[("name", name), ("key", key)])
        }
        Notice::Identity { name: None, hosts, key } if hosts.is_empty() => {
            language.say("identity-nowhere", &[("key", key)])
        }
        Notice::Identity { name: Some(name), hosts, key } => {
            let names = language.list(hosts.iter().map(|host| format!("{name}@{host}")));
            language.say("identity", &[("names", &names), ("key", key)])
        }
        Notice::Identity { name: None, hosts, key } => {
            let hosts = language.list(hosts);
            language.say("identity-nameless", &[("hosts", &hosts), ("key", key)])
        }
        Notice::Help(commands) => tables::help(commands, language),
        Notice::Trusted { peer, key } => {
            language.say("trusted", &[("peer", &background.whole(peer)), ("tag", &key.tag())])
        }
        Notice::Leaving { undelivered } => language.count("leaving", *undelivered, &[]),
    })
}

/// Whether somebody may be pretending to be somebody else, which must not be overlooked.
#[must_use]
pub fn is_alarm(notice: &Notice) -> bool {
    let server =
        matches!(notice, Notice::Trouble { trouble: RendezvousTrouble::KeyChanged { .. }, .. });
    let room = matches!(notice, Notice::Room { news, .. } if news.is_alarm());
    server || room || matches!(notice, Notice::KeyChanged { .. } | Notice::NotTheSame { .. })
}

/// A server in the middle of a sentence.
fn the(server: Option<&str>, language: &Language) -> String {
    match server {
        None => language.text("rendezvous"),
        Some(host) => language.say("rendezvous-at", &[("host", &host)]),
    }
}

/// What is said about trouble with a rendezvous.
fn rendezvous_trouble(
    server: &str,
    trouble: RendezvousTrouble,
    same_as: Option<&str>,
    others: bool,
    background: Background<'_>,
    language: &Language,
) -> String {
    match trouble {
        RendezvousTrouble::Unreachable => {
            let cause = cause(background.cause).said_in(language);
            let meanwhile = language.text(match (others, background.nearby) {
                (true, _) => "trouble-others",
                (false, true) => "trouble-nearby",
                (false, false) => "trouble-alone",
            });
            let arguments: [(_, &dyn Display); 3] =
                [("server", &server), ("cause", &cause), ("meanwhile", &meanwhile)];
            language.say("trouble-unreachable", &arguments)
        }
        RendezvousTrouble::Version { server: version } => {
            let id =
                if version > VERSION { "trouble-update-this" } else { "trouble-update-server" };
            let arguments: [(_, &dyn Display); 3] =
                [("server", &server), ("version", &version), ("ours", &VERSION)];
            language.say(id, &arguments)
        }
        RendezvousTrouble::KeyChanged { expected, actual } => {
            let arguments: [(_, &dyn Display); 3] =
                [("server", &server), ("was", &expected.tag()), ("key", &actual)];
            language.say("trouble-key-changed", &arguments)
        }
        RendezvousTrouble::SameAs(_) => {
            let other =
                same_as.map_or_else(|| language.text("trouble-same-as-another"), ToOwned::to_owned);
            language.say("trouble-same-as", &[("server", &server), ("other", &other)])
        }
    }
}

/// Why a rendezvous is not reached, in the middle of a sentence.
#[must_use]
pub fn cause(cause: Option<&Cause>) -> Phrase {
    match cause {
        None => Phrase::new("cause-silence"),
        Some(Cause::Silence { server }) => Phrase::new("cause-silence-at").with("server", server),
        Some(Cause::Unresolved { host, why }) => {
            Phrase::new("cause-unresolved").with("host", host).with("why", why)
        }
        Some(Cause::NoAddress { host }) => Phrase::new("cause-no-address").with("host", host),
        Some(Cause::NoNameServer { host, waited }) => {
            Phrase::new("cause-no-name-server").with("host", host).with("seconds", waited.as_secs())
        }
    }
}

/// Why the disk did not do something.
#[must_use]
pub fn store_failure(failure: &StoreFailure) -> Phrase {
    let id = match failure.kind {
        FailureKind::Full => "store-full",
        FailureKind::Corrupt => "store-corrupt",
        FailureKind::NoSuchLine
        | FailureKind::NotOurs
        | FailureKind::Deleted
        | FailureKind::Gap
        | FailureKind::Other => "store-other",
    };
    Phrase::new(id).with("path", &failure.place).with("cause", &failure.cause)
}

fn presence(
    name: &str,
    was: Presence,
    state: Presence,
    path: Option<PathInfo>,
    language: &Language,
) -> Option<String> {
    let id = match (was, state) {
        (Presence::Connected, Presence::Connected) => "presence-moved",
        (_, Presence::Connected) => "presence-here",
        (Presence::Connected, Presence::Connecting) => "presence-broke",
        (Presence::Connected, Presence::Offline | Presence::Registered) => "presence-left",
        (Presence::Connecting, Presence::Offline) => "presence-gone",
        (_, Presence::Registered | Presence::Connecting | Presence::Offline) => return None,
    };
    Some(language.say(id, &[("name", &name), ("path", &by(path, language))]))
}

/// A path in a few words.
#[must_use]
pub fn by(path: Option<PathInfo>, language: &Language) -> String {
    let Some(path) = path else { return language.text("path-unknown") };
    let words = language.text(match (path.kind, path.remote) {
        (PathKind::Lan, _) => "path-lan",
        (PathKind::Direct, Some(remote)) if remote.is_ipv6() => "path-direct-v6",
        (PathKind::Direct, _) => "path-direct",
        (PathKind::Relay, _) if path.over_tcp => "path-relay-tcp",
        (PathKind::Relay, _) => "path-relay",
    });
    let Some(rtt) = path.rtt else { return words };
    language.say("path-with-time", &[("path", &words), ("time", &milliseconds(rtt))])
}

/// A round-trip time as people read it.
#[must_use]
pub fn milliseconds(time: std::time::Duration) -> String {
    match time.as_micros() {
        micros if micros < 10_000 => format!("{}.{} ms", micros / 1000, micros % 1000 / 100),
        micros => format!("{} ms", micros / 1000),
    }
}

/// Whether somebody is there, or whether we are in a room, in a word.
#[must_use]
pub fn state(is_room: bool, state: Presence, language: &Language) -> String {
    language.text(match state {
        // To be let in, for as long as nobody does.
        Presence::Connecting if is_room => "state-waiting",
        Presence::Offline => "state-offline",
        Presence::Registered => "state-registered",
        Presence::Connecting => "state-connecting",
        Presence::Connected => "state-connected",
    })
}

/// What a command does.
#[must_use]
pub fn help(command: &CommandHelp, language: &Language) -> String {
    language.text(&format!("command-{}", command.word))
}

/// What a command takes.
#[must_use]
pub fn usage(command: &CommandHelp, language: &Language) -> String {
    match command.usage {
        "" => String::new(),
        _ => language.text(&format!("command-{}.usage", command.word)),
    }
}

/// The word under which a program finds why a command ended.
#[must_use]
pub fn failure_code(code: ExitCode) -> &'static str {
    match code {
        ExitCode::Done | ExitCode::Internal => "internal",
        ExitCode::Usage => "usage",
        ExitCode::NoSuchName => "no-such-name",
        ExitCode::PeerOffline => "offline",
        ExitCode::RendezvousUnreachable => "rendezvous-unreachable",
        ExitCode::NoPath => "no-path",
        ExitCode::KeyChanged => "key-changed",
        ExitCode::Refused => "refused",
        ExitCode::Version => "version-mismatch",
        ExitCode::Incomplete => "incomplete",
        ExitCode::TimeUp => "time-up",
    }
}

/// The word under which a program finds a refusal.
#[must_use]
pub fn refusal_code(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::NameTaken => "name-taken",
        Refusal::Busy => "busy",
        Refusal::NoSuchName => "no-such-name",
        Refusal::Offline => "offline",
        Refusal::KeyMismatch { .. } => "key-changed",
        Refusal::NotRegistered => "not-registered",
        Refusal::Storage => "storage",
        Refusal::Confusable => "confusable-name",
    }
}

/// The word for what is wrong with a rendezvous, by which programs compare.
#[must_use]
pub fn trouble_code(trouble: RendezvousTrouble) -> &'static str {
    match trouble {
        RendezvousTrouble::Unreachable => "rendezvous-unreachable",
        RendezvousTrouble::Version { .. } => "version-mismatch",
        RendezvousTrouble::KeyChanged { .. } => "rendezvous-key-changed",
        RendezvousTrouble::SameAs(_) => "same-rendezvous",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use p2pchat_wire::identity::{Name, PeerId};

    use super::*;
    use crate::chat::{Address, Problem};

    fn english() -> Language {
        Language::default()
    }

    fn alice() -> Address {
        Address::new(Name::new("alice").expect("name"), "host")
    }

    #[test]
    fn a_changed_key_says_what_to_type() {
        let (expected, actual) = (PeerId([1; 32]), PeerId([2; 32]));
        let notice = Notice::KeyChanged { peer: alice(), expected, actual };
        let said = sentence(&notice, &TimeZone::UTC, Background::default(), &english())
            .expect("a sentence");
        assert!(said.starts_with("STOP") && said.contains("Nothing was sent"), "{said}");
        // The whole of it: a key that begins with the same tag can be had for some days of computing.
        assert!(said.contains("compare the whole of it"), "{said}");
        assert!(said.ends_with(&format!("/trust alice {actual}")), "{said}");
    }

    #[test]
    fn an_unreachable_rendezvous_names_the_cause_and_what_works_without_it() {
        let said = |cause, nearby| {
            let (server, trouble, same_as, others) =
                (None, RendezvousTrouble::Unreachable, None, false);
            let notice = Notice::Trouble { server, trouble, same_as, others };
            let background = Background { cause, nearby, ..Background::default() };
            sentence(&notice, &TimeZone::UTC, background, &english()).expect("a sentence")
        };
        assert!(said(None, false).contains("neither over UDP nor over TCP"));
        let (host, why) = ("host".to_owned(), "no such host".to_owned());
        let unresolved = Cause::Unresolved { host, why };
        let unresolved = said(Some(&unresolved), false);
        assert!(unresolved.contains("the name host does not resolve (no such host)."));
        assert!(said(None, true).contains("contacts in this network are still found"));
        assert!(!said(None, false).contains("in this network are"));
    }

    #[test]
    fn where_several_servers_are_used_each_sentence_says_which() {
        let said = |notice: Notice| {
            let background = Background { several: true, ..Background::default() };
            sentence(&notice, &TimeZone::UTC, background, &english()).expect("a sentence")
        };
        let trouble = |trouble, same_as: Option<&str>, others| Notice::Trouble {
            server: Some("two.example".to_owned()),
            trouble,
            same_as: same_as.map(str::to_owned),
            others,
        };
        let dead = said(trouble(RendezvousTrouble::Unreachable, None, true));
        assert!(dead.starts_with("The rendezvous two.example cannot be reached"), "{dead}");
        assert!(dead.ends_with("others do its work."), "{dead}");
        let twice = RendezvousTrouble::SameAs(crate::proto::ServerId::FIRST);
        let twice = said(trouble(twice, Some("one.example"), true));
        assert!(twice.starts_with("The rendezvous two.example is the same server as one.example"));
        let (was, state, path) = (Presence::Connected, Presence::Offline, None);
        let left = Notice::Peer { peer: alice(), key: None, was, state, path };
        assert_eq!(said(left), "alice@host left.");
        let ambiguous = Problem::Ambiguous(vec![alice(), alice()]);
        assert!(
            problem_sentence(&ambiguous, &english())
                .starts_with("You know alice@host and alice@host.")
        );
    }

    #[test]
    fn what_a_stranger_writes_is_filtered_in_sentences_too() {
        let typed = "\u{1b}[31mx\u{202e}".to_owned();
        for problem in [
            Problem::UnknownCommand { typed: typed.clone(), nearest: None },
            Problem::WrongKey { typed, offered: PeerId([1; 32]) },
        ] {
            let said = problem_sentence(&problem, &english());
            assert!(said.chars().all(|c| !c.is_control() && c != '\u{202e}'), "{said:?}");
        }
    }

    #[test]
    fn comings_and_goings_are_told_and_handshakes_are_not() {
        let path = PathInfo::relay(false, Some(Duration::from_millis(38)));
        let told = |was, state, path| presence("alice", was, state, path, &english());
        assert_eq!(
            told(Presence::Connecting, Presence::Connected, Some(path)).as_deref(),
            Some("alice is here, over the relay, 38 ms.")
        );
        assert_eq!(
            told(Presence::Connected, Presence::Offline, None).as_deref(),
            Some("alice left.")
        );
        assert_eq!(told(Presence::Offline, Presence::Registered, None), None);
    }
}
