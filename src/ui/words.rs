//! Every sentence about what happens: what happened, why as far as known, what happens next by
//! itself, and what a person can do.

use jiff::tz::TimeZone;
use p2pchat_wire::VERSION;
use p2pchat_wire::signal::Refusal;

use super::{Background, paths, tables};
use crate::chat::{Address, Notice, Presence, Problem, clean};
use crate::proto::{PathInfo, PathKind, RendezvousTrouble};

/// What is said about a notice, if anything.
#[must_use]
pub fn sentence(notice: &Notice, zone: &TimeZone, background: Background<'_>) -> Option<String> {
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
        | Notice::Draft { .. }
        | Notice::Home(_) => return None,
        Notice::Found { lines, .. } => tables::history(lines, zone),
        Notice::Settings(settings) => tables::settings(settings),
        Notice::Registered { me, over_tcp: true, .. } => {
            format!("You are {me}, over TCP. To talk to you: p2pchat --peer {me}")
        }
        Notice::Registered { me, mapped, .. } => {
            format!("You are {me}, reachable at {mapped}. To talk to you: p2pchat --peer {me}")
        }
        Notice::Announced { me, visible, .. } => announced(me, *visible),
        Notice::Searching { peer, met, visible } => searching(peer, *met, *visible),
        Notice::RegisterRefused { server, name, refusal } => {
            register_refused(&the(server.as_deref()), name.as_str(), *refusal)
        }
        Notice::Unregistered => {
            "You are logged out: nobody can call you. Open chats go on; /login brings you back."
                .to_owned()
        }
        Notice::OverTcp { server: None, over_tcp: true } => {
            "No answer over UDP; TCP works. Everything goes over TCP and the relay, sealed as ever, \
             until UDP gets through, which is tried by itself."
                .to_owned()
        }
        Notice::OverTcp { server: None, over_tcp: false } => "UDP gets through again.".to_owned(),
        Notice::OverTcp { server: Some(server), over_tcp: true } => format!(
            "The rendezvous {server} does not answer over UDP; TCP works. What goes through it takes \
             that way, sealed as ever, until UDP gets through, which is tried by itself."
        ),
        Notice::OverTcp { server: Some(server), over_tcp: false } => {
            format!("The rendezvous {server} answers over UDP again.")
        }
        Notice::Trouble { server, trouble, same_as, others } => {
            let server = the(server.as_deref());
            rendezvous_trouble(&server, *trouble, same_as.as_deref(), *others, background)
        }
        Notice::SamePerson { peer, before } => format!(
            "{peer} and {before} are the same person (the same key); you are talking to {peer} now."
        ),
        Notice::Current(peer) => format!("Talking to {peer}."),
        Notice::Peer { peer, was, state, path, .. } => {
            return presence(&background.name(peer), *was, *state, *path);
        }
        Notice::NoSuchName(peer) => format!(
            "Nobody is called {} at {}. Check the spelling; if {} has yet to come there for the \
             first time, what you wrote is kept and goes out then.",
            peer.name, peer.host, peer.name
        ),
        Notice::ConnectRefused { peer, refusal } => connect_refused(peer, *refusal),
        Notice::KeyChanged { peer, expected, actual } => format!(
            "STOP: {peer} now has another key (was {}…). Either {name} moved to a new computer \
             without the old key, or somebody pretends to be {name}. Nothing was sent. Let {name} \
             read out the key that /id shows there, by voice, and compare the whole of it with \
             this one. Only if they are the same: /trust {name} {actual}",
            expected.tag(),
            name = background.name(peer),
        ),
        Notice::Kept { to, state, waiting } => kept(&background.name(to), *state, *waiting),
        Notice::Refused { problem, .. } => problem_sentence(problem),
        Notice::StoreFailed(failure) => format!("{failure}"),
        Notice::Unreadable { peer, software } => format!(
            "{peer} sent something that this version cannot read and that was left out{}. If it \
             happens again, one of you should update.",
            software
                .as_deref()
                .map(|name| format!(" (their program: {})", clean::label(name, 40)))
                .unwrap_or_default()
        ),
        Notice::Who(peers) => tables::who(peers),
        Notice::Contacts(contacts) => tables::contacts(contacts),
        Notice::Paths { peer, paths: described, reason, punch, upkeep } => {
            let columns = background.columns;
            paths::table(peer, described, *reason, punch.as_deref(), upkeep, columns)
        }
        Notice::Circumstances { peer, circumstances, clock_ahead_ms } => {
            paths::circumstances(peer, circumstances, *clock_ahead_ms)
        }
        Notice::History(lines) => tables::history(lines, zone),
        Notice::Identity { name: Some(name), hosts, key } if hosts.is_empty() => {
            format!("You are {name} in the local network. Your key: {key}")
        }
        Notice::Identity { name: None, hosts, key } if hosts.is_empty() => {
            format!("You have no name yet; /login NAME gives you one. Your key: {key}")
        }
        Notice::Identity { name: Some(name), hosts, key } => {
            let names: Vec<String> = hosts.iter().map(|host| format!("{name}@{host}")).collect();
            format!("You are {}. Your key: {key}", names.join(" and "))
        }
        Notice::Identity { name: None, hosts, key } => format!(
            "You have no name at {} yet; /login NAME gives you one. Your key: {key}",
            hosts.join(" and ")
        ),
        Notice::Help(commands) => tables::help(commands),
        Notice::Trusted { peer, key } => {
            format!("{peer} has the key {} from now on, and what waited goes out.", key.tag())
        }
        Notice::Leaving { undelivered: 0 } => return None,
        Notice::Leaving { undelivered: 1 } => {
            "1 line is not delivered yet. It is kept on this computer and goes out when you are \
             both here again."
                .to_owned()
        }
        Notice::Leaving { undelivered } => format!(
            "{undelivered} lines are not delivered yet. They are kept on this computer and go out \
             when you are both here again."
        ),
    })
}

/// A server in the middle of a sentence.
fn the(server: Option<&str>) -> String {
    server.map_or_else(|| "rendezvous".to_owned(), |host| format!("rendezvous {host}"))
}

fn announced(me: &Address, visible: bool) -> String {
    let name = &me.name;
    if visible {
        format!(
            "You are {name}, without a rendezvous: whoever is in this network can see your name \
             and call you, with p2pchat --visible --peer {me}"
        )
    } else {
        format!(
            "You are {name}, without a rendezvous: contacts in this network find you. Nobody else \
             sees who you are."
        )
    }
}

fn searching(peer: &Address, met: bool, visible: bool) -> String {
    let name = &peer.name;
    match (met, visible) {
        (true, _) => format!("Looking for {name} in the local network."),
        (false, true) => format!(
            "Looking for {name} in the local network. You have not met yet, so {name} must be \
             started with --visible, too."
        ),
        (false, false) => format!(
            "Looking for {name} in the local network. But you have not met yet, and cannot \
             recognise each other: for the first time start p2pchat with --visible, both of you, \
             or meet at a rendezvous (--rendezvous HOST)."
        ),
    }
}

fn register_refused(server: &str, name: &str, refusal: Refusal) -> String {
    match refusal {
        Refusal::NameTaken | Refusal::KeyMismatch { .. } => format!(
            "The name {name} belongs to somebody else at the {server}, so nobody can call you there. \
             Choose another one with --name NAME or /login NAME. If it is yours, use the profile \
             that claimed it (--data-dir)."
        ),
        Refusal::Busy => {
            format!("The {server} is too busy to register {name}. Trying again by itself.")
        }
        Refusal::Storage => format!(
            "The {server} could not write the name {name} to its disk. Trying again by itself; \
             if it goes on, tell whoever runs the server."
        ),
        Refusal::NoSuchName | Refusal::Offline | Refusal::NotRegistered => {
            format!("The {server} does not register {name} now. Trying again by itself.")
        }
    }
}

fn connect_refused(peer: &Address, refusal: Refusal) -> String {
    match refusal {
        Refusal::NoSuchName => format!("Nobody is called {} at {}.", peer.name, peer.host),
        Refusal::Offline => format!("{peer} is offline."),
        Refusal::NameTaken | Refusal::KeyMismatch { .. } => format!(
            "The name {peer} belongs to another key than the one you know. Nothing was sent."
        ),
        Refusal::NotRegistered => format!(
            "The rendezvous introduces only those who are registered, and you are not (yet): \
             {peer} was not called. Trying again by itself."
        ),
        Refusal::Busy | Refusal::Storage => format!(
            "The rendezvous is too busy to introduce you to {peer}. Trying again by itself."
        ),
    }
}

/// What is said about trouble with a rendezvous.
fn rendezvous_trouble(
    server: &str,
    trouble: RendezvousTrouble,
    same_as: Option<&str>,
    others: bool,
    background: Background<'_>,
) -> String {
    let meanwhile = match (others, background.nearby) {
        (true, _) => "others do its work",
        (false, true) => {
            "chats that are open go on, and contacts in this network are still found; new ones with \
             anybody else have to wait"
        }
        (false, false) => "chats that are open go on, new ones have to wait",
    };
    match trouble {
        RendezvousTrouble::Unreachable => format!(
            "The {server} cannot be reached: {}. Trying again by itself; {meanwhile}.",
            background.cause.unwrap_or(
                "no answer, neither over UDP nor over TCP. This network lets neither through to it, or \
                 the server is down"
            )
        ),
        RendezvousTrouble::Version { server: version } => format!(
            "The {server} speaks version {version} of the protocol, this program version \
             {VERSION}. {} must be updated.",
            if version > VERSION { "This program" } else { "The server" }
        ),
        RendezvousTrouble::KeyChanged { expected, actual } => format!(
            "STOP: the {server} has another key than before (was {}…). Either it was set \
             up anew, or somebody stands between you and it. Nothing was sent. Ask whoever runs it; \
             if this is the whole of the new key, name it once: --rendezvous HOST#{actual}",
            expected.tag(),
        ),
        RendezvousTrouble::SameAs(_) => format!(
            "The {server} is the same server as {}, which goes on. Name only one of the two.",
            same_as.unwrap_or("another one")
        ),
    }
}

fn presence(name: &str, was: Presence, state: Presence, path: Option<PathInfo>) -> Option<String> {
    Some(match (was, state) {
        (Presence::Connected, Presence::Connected) => format!("{name}: now {}.", by(path)),
        (_, Presence::Connected) => format!("{name} is here, {}.", by(path)),
        (Presence::Connected, Presence::Connecting) => {
            format!("The connection to {name} broke; it is being made again.")
        }
        (Presence::Connected, Presence::Offline | Presence::Registered) => format!("{name} left."),
        (Presence::Connecting, Presence::Offline) => format!("{name} is not there any more."),
        (_, Presence::Registered | Presence::Connecting | Presence::Offline) => return None,
    })
}

/// A path in a few words.
#[must_use]
pub fn by(path: Option<PathInfo>) -> String {
    let Some(path) = path else { return "on a path not known yet".to_owned() };
    let mut words = match (path.kind, path.remote) {
        (PathKind::Lan, _) => "direct in the local network".to_owned(),
        (PathKind::Direct, Some(remote)) if remote.is_ipv6() => "direct over IPv6".to_owned(),
        (PathKind::Direct, _) => "direct".to_owned(),
        (PathKind::Relay, _) if path.over_tcp => "over the relay (by TCP)".to_owned(),
        (PathKind::Relay, _) => "over the relay".to_owned(),
    };
    if let Some(rtt) = path.rtt {
        words.push_str(&format!(", {}", milliseconds(rtt)));
    }
    words
}

/// A round-trip time as people read it.
#[must_use]
pub fn milliseconds(time: std::time::Duration) -> String {
    match time.as_micros() {
        micros if micros < 10_000 => format!("{}.{} ms", micros / 1000, micros % 1000 / 100),
        micros => format!("{} ms", micros / 1000),
    }
}

fn kept(name: &str, state: Presence, waiting: u64) -> String {
    let lines =
        if waiting == 1 { "Your line is".to_owned() } else { format!("{waiting} lines are") };
    match state {
        Presence::Offline => format!(
            "{name} is offline. {lines} kept on this computer and will go out when {name} is back \
             (you may leave; both of you must be here at the same time)."
        ),
        Presence::Registered | Presence::Connecting | Presence::Connected => {
            format!("{lines} kept until {name} is connected; that is under way.")
        }
    }
}

/// Why something typed was not done.
#[must_use]
pub fn problem_sentence(problem: &Problem) -> String {
    match problem {
        Problem::UnknownCommand { typed, nearest } => {
            let typed = clean::label(typed, 40);
            let nearest = nearest.map_or_else(
                || " /help lists them all.".to_owned(),
                |nearest| format!(" Did you mean /{nearest}?"),
            );
            format!(
                "There is no command /{typed}; nothing was sent.{nearest} (A text that begins with \
                 a slash: //{typed})"
            )
        }
        Problem::Usage(help) => format!("Usage: /{} {} - {}", help.word, help.usage, help.help),
        Problem::BadName { typed, why } => {
            format!("{:?} is no name: {why}.", clean::label(typed, 40))
        }
        Problem::OtherHost { typed, host } => format!(
            "{} is at another rendezvous than {host}, where you are. Start another p2pchat with \
             --peer {} to talk there.",
            clean::label(typed, 80),
            clean::label(typed, 80)
        ),
        Problem::UnknownRecipient(name) => format!(
            "You know nobody called {name}, so this may have been meant as text; nothing was sent. \
             To write to {name}: /msg {name} TEXT"
        ),
        Problem::Ambiguous(all) => {
            let all: Vec<String> = all.iter().map(ToString::to_string).collect();
            format!("You know {}. Say which one you mean; nothing was sent.", all.join(" and "))
        }
        Problem::NoRecipient => {
            "To whom? Say /msg NAME TEXT, or NAME||TEXT; nothing was sent.".to_owned()
        }
        Problem::WhosePath => {
            "The path to whom? Say /path NAME; /who shows who is there.".to_owned()
        }
        Problem::NobodyHere => {
            "Nobody is connected, so nothing was sent. /who shows who is there.".to_owned()
        }
        Problem::Yourself => "That is your own name; nothing was sent.".to_owned(),
        Problem::NoSuchLine => "There is no such line; nothing was sent.".to_owned(),
        Problem::NotYours => {
            "Only who wrote a line can edit or delete it; nothing was sent.".to_owned()
        }
        Problem::Deleted => "That line is deleted; nothing was sent.".to_owned(),
        Problem::NotAReaction => {
            "A reaction is one character or one emoji; nothing was sent.".to_owned()
        }
        Problem::NoText => {
            "There is no text to put in its place; /delete takes a line back.".to_owned()
        }
        Problem::TooLong => {
            "A line has at most 64 KiB; nothing was sent. Send it in parts.".to_owned()
        }
        Problem::ReferenceTooLong => "A ref has at most 256 bytes; nothing was sent.".to_owned(),
        Problem::KeyChanged { expected, actual } => format!(
            "The key of this contact has changed (was {}…); nothing is sent until you compare the \
             whole new one by voice and say /trust NAME {actual}",
            expected.tag(),
        ),
        Problem::NothingToTrust(peer) => {
            format!("The key of {peer} has not changed; there is nothing to trust anew.")
        }
        Problem::WrongKey { typed, offered } => format!(
            "{} is not the key that was offered (that is {offered}). Compare again; nothing was \
             changed.",
            clean::label(typed, 60),
        ),
        Problem::NotACommand => "That is no command. /help lists them.".to_owned(),
        Problem::NoName => "You have no name yet: /login NAME first; nothing was sent.".to_owned(),
        Problem::Store(failure) => format!("{failure}"),
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
        Problem::NoText => "no-text",
        Problem::TooLong => "too-long",
        Problem::ReferenceTooLong => "ref-too-long",
        Problem::KeyChanged { .. } => "key-changed",
        Problem::NothingToTrust(_) => "nothing-to-trust",
        Problem::WrongKey { .. } => "wrong-key",
        Problem::NotACommand => "not-a-command",
        Problem::NoName => "no-name",
        Problem::Store(_) => "store",
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
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use p2pchat_wire::identity::{Name, PeerId};

    use super::*;

    fn alice() -> Address {
        Address::new(Name::new("alice").expect("name"), "host")
    }

    #[test]
    fn a_changed_key_says_what_to_type() {
        let (expected, actual) = (PeerId([1; 32]), PeerId([2; 32]));
        let notice = Notice::KeyChanged { peer: alice(), expected, actual };
        let said = sentence(&notice, &TimeZone::UTC, Background::default()).expect("a sentence");
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
            sentence(&notice, &TimeZone::UTC, background).expect("a sentence")
        };
        assert!(said(None, false).contains("neither over UDP nor over TCP"));
        assert!(said(Some("the name host does not resolve"), false).contains("does not resolve"));
        assert!(said(None, true).contains("contacts in this network are still found"));
        assert!(!said(None, false).contains("in this network are"));
    }

    #[test]
    fn where_several_servers_are_used_each_sentence_says_which() {
        let said = |notice: Notice| {
            let background = Background { several: true, ..Background::default() };
            sentence(&notice, &TimeZone::UTC, background).expect("a sentence")
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
        assert!(problem_sentence(&ambiguous).starts_with("You know alice@host and alice@host."));
    }

    #[test]
    fn what_a_stranger_writes_is_filtered_in_sentences_too() {
        let typed = "\u{1b}[31mx\u{202e}".to_owned();
        for problem in [
            Problem::UnknownCommand { typed: typed.clone(), nearest: None },
            Problem::WrongKey { typed, offered: PeerId([1; 32]) },
        ] {
            let said = problem_sentence(&problem);
            assert!(said.chars().all(|c| !c.is_control() && c != '\u{202e}'), "{said:?}");
        }
    }

    #[test]
    fn comings_and_goings_are_told_and_handshakes_are_not() {
        let path = PathInfo::relay(false, Some(Duration::from_millis(38)));
        let told = |was, state, path| presence("alice", was, state, path);
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
