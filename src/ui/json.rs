//! One JSON object per line, both ways: the face for programs, as `docs/json.md` has it.
//!
//! Out come `ready`, `peer`, `message`, `status` and `error`, and an object for each answer to a
//! command; in go `send`, `command` and `quit`. Times are RFC 3339 in UTC with milliseconds. A field
//! without a value is left out; fields and types that a program does not know it must ignore, and
//! we ignore those that we do not know. Characters that would do something on a terminal are written
//! as `\uXXXX`, so that the output can be looked at.

#[cfg(test)]
mod codes;
#[cfg(test)]
pub(crate) mod examples;
mod lines;
#[cfg(test)]
mod page;
mod requests;
mod rooms;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use jiff::tz::TimeZone;

pub use lines::history;
pub use requests::parse;

use super::language::Language;
use super::{Background, Printout, files, invitations, plain, words};
use crate::chat::{
    Address, Audience, Contact, LineState, Message, Notice, PeerSummary, Request, Timestamp, Trust,
    clean,
};
use crate::proto::{PathInfo, PathKind};

/// The longest line of input: the longest text, every character of it escaped.
pub const MAX_LINE: usize = 1 << 20;

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Outgoing<'a> {
    Ready {
        name: &'a str,
        key: String,
        rendezvous: &'a str,
        mapped: String,
    },
    Peer {
        peer: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        nickname: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        key: Option<String>,
        state: &'static str,
        #[serde(flatten)]
        path: Path,
    },
    Message {
        id: String,
        from: String,
        /// Where it was said, if not to us alone.
        #[serde(skip_serializing_if = "Option::is_none")]
        room: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        nickname: Option<String>,
        text: &'a str,
        sent_at: String,
        received_at: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        audience: Option<&'static str>,
        /// Somebody else is known here by the name of who wrote it.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        namesake: bool,
        /// An earlier run received it and may have shown it.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        again: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        manner: Option<&'static str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        reply_to: Option<String>,
        /// Of a file or a folder that is offered, in bytes.
        #[serde(skip_serializing_if = "Option::is_none")]
        size: Option<u64>,
        /// Of a folder that is offered.
        #[serde(skip_serializing_if = "Option::is_none")]
        files: Option<u32>,
    },
    Status {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        to: Option<String>,
        state: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    Error {
        code: &'a str,
        message: &'a str,
        /// Which of several servers it is about.
        #[serde(skip_serializing_if = "Option::is_none")]
        rendezvous: Option<&'a str>,
    },
}

/// How we are connected, where we are.
#[derive(Default, Serialize)]
struct Path {
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remote: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rtt_ms: Option<f64>,
}

/// An `error` object.
#[must_use]
pub fn error(code: &str, message: &str) -> String {
    error_at(None, code, message)
}

fn error_at(rendezvous: Option<&str>, code: &str, message: &str) -> String {
    write(&Outgoing::Error { code, message, rendezvous })
}

/// What is written about a notice. Programs search the sentences, which are therefore `english`.
#[must_use]
pub fn render(notice: &Notice, background: Background<'_>, english: &Language) -> Vec<Printout> {
    let sentence =
        || words::sentence(notice, &TimeZone::UTC, background, english).unwrap_or_default();
    let line = match notice {
        Notice::Registered { me, key, mapped, .. } => write(&Outgoing::Ready {
            name: me.name.as_str(),
            key: key.to_string(),
            rendezvous: &me.host,
            mapped: mapped.to_string(),
        }),
        Notice::Announced { me, key, .. } => write(&json!({
            "type": "ready",
            "name": me.name.as_str(),
            "key": key.to_string(),
            "rendezvous": me.host,
        })),
        Notice::Searching { peer, met, .. } => {
            write(&json!({"type": "searching", "peer": peer.to_string(), "met": met}))
        }
        Notice::Peer { peer, key, state, path, .. } => write(&Outgoing::Peer {
            peer: peer.to_string(),
            nickname: background.nickname(peer).map(ToString::to_string),
            key: key.map(|key| key.to_string()),
            state: state.as_str(),
            path: describe(*path),
        }),
        // It stands in the answers to `who` and `path`.
        Notice::Measured { .. } => return Vec::new(),
        Notice::Message(message) => {
            return vec![Printout {
                shows: Some((message.from.clone(), message.id)),
                ..Printout::out(self::message(message, background))
            }];
        }
        Notice::Written(written) => lines::written(written),
        Notice::Amended { with, id: target, line, text, by, author, at, .. } => {
            let (text, author, by) = (text.as_deref(), author.as_deref(), *by);
            let amendment =
                lines::Amendment { with, target: *target, line: *line, by, author, at: *at };
            return vec![amendment.printout(if text.is_some() { "edit" } else { "delete" }, text)];
        }
        Notice::Reacted { with, id: target, line, by, author, reaction, at, .. } => {
            let (author, by) = (author.as_deref(), *by);
            let amendment =
                lines::Amendment { with, target: *target, line: *line, by, author, at: *at };
            return vec![amendment.printout("reaction", Some(reaction))];
        }
        Notice::Stray(message) => return vec![lines::stray(message)],
        Notice::Page { with, lines, end } => lines::page(with, lines, *end),
        Notice::Found { text, with, lines } => lines::found(text, with.as_ref(), lines),
        Notice::Typing { peer, typing } => {
            write(&json!({"type": "typing", "peer": peer.to_string(), "typing": typing}))
        }
        Notice::Draft { with, text } => {
            write(&json!({"type": "draft", "with": with.to_string(), "text": text}))
        }
        Notice::Settings(settings) => write(&json!({
            "type": "settings", "settings": settings.iter().cloned().collect::<BTreeMap<_, _>>(),
        })),
        Notice::Exported { path, lines } => {
            write(&json!({"type": "exported", "path": path, "lines": lines}))
        }
        Notice::File(news) => write(&files::object(news, english)),
        Notice::Files(known) => write(&json!({
            "type": "files",
            "files": known.iter().map(|news| files::object(news, english)).collect::<Vec<_>>(),
        })),
        Notice::FileRule { peer, rule } => write(&json!({
            "type": "file-rule",
            "peer": peer.to_string(),
            "files": rule.as_str(),
            "files_up_to": files::up_to(*rule),
        })),
        Notice::NoFiles(_) => error("no-files", &sentence()),
        Notice::NoFolders(_) => error("no-folders", &sentence()),
        Notice::LeftOut { .. } => error("left-out", &sentence()),
        Notice::Detached => write(&json!({"type": "detached"})),
        Notice::Opened { link } => write(&json!({"type": "opened", "link": link})),
        Notice::Status { to, id, reference, state } => write(&Outgoing::Status {
            id: Some(id.to_string()),
            reference: reference.as_deref(),
            to: Some(to.to_string()),
            state: word(state),
            reason: match state {
                LineState::Failed(problem) => Some(words::problem_sentence(problem, english)),
                _ => None,
            },
        }),
        // A line with a name of the program's own has failed; the rest is just an error.
        Notice::Refused { reference: Some(reference), problem } => write(&Outgoing::Status {
            id: None,
            reference: Some(reference),
            to: None,
            state: "failed",
            reason: Some(words::problem_sentence(problem, english)),
        }),
        Notice::Refused { reference: None, problem } => {
            error(words::problem_code(problem), &sentence())
        }
        Notice::RegisterRefused { server, refusal, .. } => {
            error_at(server.as_deref(), words::refusal_code(*refusal), &sentence())
        }
        Notice::ConnectRefused { refusal, .. } => error(words::refusal_code(*refusal), &sentence()),
        Notice::Trouble { server, trouble, .. } => {
            error_at(server.as_deref(), words::trouble_code(*trouble), &sentence())
        }
        Notice::OverTcp { server, over_tcp } => write(&json!({
            "type": "transport",
            "transport": if *over_tcp { "tcp" } else { "udp" },
            "rendezvous": server,
        })),
        Notice::NoSuchName(_) => error("no-such-name", &sentence()),
        Notice::KeyChanged { .. } => error("key-changed", &sentence()),
        Notice::StoreFailed(_) => error("store", &sentence()),
        Notice::Unreadable { .. } => error("unreadable", &sentence()),
        Notice::Home(server) => write(&json!({"type": "home", "rendezvous": server})),
        Notice::SamePerson { peer, before } => write(&json!({
            "type": "same-person", "peer": peer.to_string(), "before": before.to_string(),
        })),
        Notice::Current(peer) => write(&json!({"type": "current", "peer": peer.to_string()})),
        Notice::Unregistered => write(&json!({"type": "unregistered"})),
        Notice::Kept { to, state, waiting } => write(&json!({
            "type": "kept", "to": to.to_string(), "state": state.as_str(), "waiting": waiting,
        })),
        Notice::Who(peers) => {
            write(&json!({"type": "who", "peers": peers.iter().map(summary).collect::<Vec<_>>()}))
        }
        Notice::Contacts(contacts) => {
            return contacts.iter().map(contact).map(Printout::out).collect();
        }
        Notice::Paths { peer, paths, reason, punch, upkeep } => {
            write(&super::paths::object(peer, paths, *reason, punch.as_deref(), upkeep, english))
        }
        Notice::Circumstances { peer, circumstances, clock_ahead_ms } => {
            write(&super::paths::circumstances_object(peer, circumstances, *clock_ahead_ms))
        }
        Notice::History(lines) => return lines.iter().map(history).map(Printout::out).collect(),
        Notice::Identity { name, hosts, key } => write(&json!({
            "type": "id",
            "name": name,
            "rendezvous": hosts.first().map_or("", String::as_str),
            "servers": hosts,
            "key": key.to_string(),
        })),
        Notice::Help(commands) => write(&json!({
            "type": "help",
            "commands": commands.iter().map(|command| json!({
                "command": command.word,
                "arguments": words::usage(command, english),
                "help": words::help(command, english),
            })).collect::<Vec<_>>(),
        })),
        Notice::Trusted { peer, key } => {
            write(&json!({"type": "trusted", "peer": peer.to_string(), "key": key.to_string()}))
        }
        Notice::SafetyCode { peer, me, key, code, .. } => {
            write(&super::people::code_object(peer, me, key, code))
        }
        Notice::Verified { peer, key } => {
            write(&json!({"type": "verified", "peer": peer.to_string(), "key": key.to_string()}))
        }
        Notice::NotTheSame { .. } => error("not-the-same", &sentence()),
        Notice::Request { peer, key, like } => write(&json!({
            "type": "request",
            "peer": peer.to_string(),
            "key": key.to_string(),
            "like": like.as_ref().map(ToString::to_string),
        })),
        Notice::RequestsWait { count } => {
            write(&json!({"type": "requests-waiting", "count": count}))
        }
        Notice::Requests(list) => write(&json!({
            "type": "requests",
            "requests": list.iter().map(request).collect::<Vec<_>>(),
        })),
        Notice::Invitation { .. }
        | Notice::Invited { .. }
        | Notice::InvitationFailed { .. }
        | Notice::SecretLacking { .. } => write(&invitations::object(notice)),
        Notice::Accepted(peer) => write(&json!({"type": "accepted", "peer": peer.to_string()})),
        Notice::Rejected(peer) => write(&json!({"type": "rejected", "peer": peer.to_string()})),
        Notice::Pending(peer) => write(&json!({"type": "pending", "peer": peer.to_string()})),
        Notice::Added(added) => contact(added),
        Notice::Removed(peer) => removed(peer),
        // It has been told to everybody.
        Notice::Changed(_) => return Vec::new(),
        Notice::Renamed { peer, nickname } => write(&json!({
            "type": "renamed", "peer": peer.to_string(), "nickname": nickname,
        })),
        Notice::Limit { peer, limit, on, until, .. } => write(&json!({
            "type": "limit",
            "peer": peer.to_string(),
            "limit": limit.as_str(),
            "on": on,
            "until": until.filter(|until| *until < Timestamp::MAX).map(time),
        })),
        Notice::Limited { limit, contacts } => write(&json!({
            "type": "limited",
            "limit": limit.as_str(),
            "peers": contacts.iter().map(|one| one.address.to_string()).collect::<Vec<_>>(),
        })),
        Notice::Room { room, news } => rooms::news(room, news, &sentence()),
        Notice::Leaving { undelivered } => {
            write(&json!({"type": "leaving", "undelivered": undelivered}))
        }
    };
    vec![Printout::out(line)]
}

fn message(message: &Message, background: Background<'_>) -> String {
    let from = message.author.as_deref().unwrap_or(&message.from);
    write(&Outgoing::Message {
        id: message.id.to_string(),
        from: from.to_string(),
        room: message.from.is_room.then(|| message.from.to_string()),
        nickname: background.nickname(from).map(ToString::to_string),
        text: &message.text,
        sent_at: time(message.sent_at),
        received_at: time(message.received_at),
        audience: audience(message.audience),
        namesake: message.namesake,
        again: message.again,
        manner: lines::manner(message.manner),
        reply_to: lines::reply_to(message.manner),
        size: lines::size(message.manner),
        files: lines::files(message.manner),
    })
}

/// A contact.
#[must_use]
pub fn contact(contact: &Contact) -> String {
    write(&json!({
        "type": "contact",
        "peer": contact.address.to_string(),
        "nickname": contact.regard.nickname,
        "key": contact.key.map(|key| key.to_string()),
        "trust": Trust::of(contact).as_str(),
        "verified": contact.verified,
        "offered_key": contact.offered.map(|key| key.to_string()),
        "waiting": contact.waiting,
        "unread": contact.unread,
        "since": time(contact.since),
        "blocked": contact.regard.blocked,
        "ignored": contact.regard.ignored,
        "muted_until": contact.regard.muted_until.map(time),
        "files": contact.regard.files.as_str(),
        "files_up_to": files::up_to(contact.regard.files),
    }))
}

/// That somebody is no contact any more.
fn removed(peer: &Address) -> String {
    write(&json!({"type": "removed", "peer": peer.to_string()}))
}

/// One thing that can be settled in the configuration file, and who has settled it; the value as
/// TOML.
#[must_use]
pub fn setting(key: &str, value: Option<&str>, from: &str) -> String {
    write(&json!({ "type": "setting", "key": key, "value": value, "from": from }))
}

/// Somebody who wants to talk to us.
pub(super) fn request(one: &Request) -> Value {
    json!({
        "peer": one.address.to_string(),
        "key": one.key.to_string(),
        "at": time(one.at),
        "rejected": one.rejected,
    })
}

pub(super) fn summary(peer: &PeerSummary) -> Value {
    json!({
        "peer": peer.peer.to_string(),
        "nickname": peer.nickname,
        "key": peer.key.map(|key| key.to_string()),
        "trust": (!peer.peer.is_room).then(|| peer.trust.as_str()),
        "verified": peer.trust == Trust::Verified,
        "offered_key": peer.offered.map(|key| key.to_string()),
        "state": peer.state.as_str(),
        "path": peer.path.map(|path| kind(path.kind)),
        "remote": peer.path.and_then(|path| path.remote).map(|remote| remote.to_string()),
        "rtt_ms": peer.path.and_then(|path| path.rtt).map(rtt),
        "waiting": peer.waiting,
        "unread": peer.unread,
        "current": peer.current,
        "software": peer.software,
    })
}

fn describe(path: Option<PathInfo>) -> Path {
    path.map_or_else(Path::default, |path| Path {
        path: Some(kind(path.kind)),
        remote: path.remote.map(|remote| remote.to_string()),
        rtt_ms: path.rtt.map(rtt),
    })
}

pub(super) fn kind(kind: PathKind) -> &'static str {
    match kind {
        PathKind::Lan => "lan",
        PathKind::Direct => "direct",
        PathKind::Relay => "relay",
    }
}

fn word(state: &LineState) -> &'static str {
    match state {
        LineState::Waiting => "waiting",
        LineState::Queued => "queued",
        LineState::Sent => "sent",
        LineState::Delivered => "delivered",
        LineState::Read => "read",
        LineState::Failed(_) => "failed",
    }
}

fn audience(audience: Audience) -> Option<&'static str> {
    match audience {
        Audience::You => None,
        Audience::Everyone => Some("everyone"),
    }
}

/// Milliseconds, to a tenth.
pub(super) fn rtt(time: std::time::Duration) -> f64 {
    (time.as_secs_f64() * 10_000.0).round() / 10.0
}

fn time(at: Timestamp) -> String {
    format!("{:.3}", plain::instant(at))
}

/// One line, without anything that a terminal would obey.
pub(super) fn write(value: &impl Serialize) -> String {
    let text = serde_json::to_string(value)
        .unwrap_or_else(|_| r#"{"type":"error","code":"internal","message":""}"#.to_owned());
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if clean::is_plain(c) {
            line.push(c);
        } else {
            // Outside of strings, JSON has no such characters.
            for unit in c.encode_utf16(&mut [0; 2]) {
                line.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use p2pchat_wire::identity::{Name, PeerId};

    use super::*;
    use crate::chat::{LineId, Manner, Presence, Problem};

    fn alice() -> Address {
        Address::new(Name::new("alice").expect("name"), "host")
    }

    fn rendered(notice: &Notice) -> String {
        let printed = render(notice, Background::default(), &Language::default());
        assert_eq!(printed.len(), 1);
        printed[0].text.clone()
    }

    #[test]
    fn objects_have_the_promised_fields() {
        let key = PeerId([0; 32]);
        let path = PathInfo {
            kind: PathKind::Direct,
            remote: "192.0.2.1:7".parse().ok(),
            rtt: Some(Duration::from_micros(1_234)),
            over_tcp: false,
        };
        let mapped = "192.0.2.9:40".parse().expect("address");
        let aaa = "a".repeat(52);
        for (notice, expected) in [
            (
                Notice::Registered { me: alice(), key, mapped, over_tcp: false, first: true },
                format!(r#"{{"type":"ready","name":"alice","key":"{aaa}","rendezvous":"host","mapped":"192.0.2.9:40"}}"#),
            ),
            (
                Notice::Peer {
                    peer: alice(),
                    key: None,
                    was: Presence::Connecting,
                    state: Presence::Connected,
                    path: Some(path),
                },
                r#"{"type":"peer","peer":"alice@host","state":"connected","path":"direct","remote":"192.0.2.1:7","rtt_ms":1.2}"#.to_owned(),
            ),
            (
                Notice::Status {
                    to: alice(),
                    id: LineId([1; 16]),
                    reference: Some("r1".to_owned()),
                    state: LineState::Queued,
                },
                format!(r#"{{"type":"status","id":"{}","ref":"r1","to":"alice@host","state":"queued"}}"#, "01".repeat(16)),
            ),
            (
                Notice::Refused { reference: None, problem: Problem::NoRecipient },
                r#"{"type":"error","code":"no-recipient","message":"To whom? Say /msg NAME TEXT, or NAME||TEXT; nothing was sent."}"#.to_owned(),
            ),
            (
                Notice::Message(Message {
author: None,
                    from: alice(),
                    key,
                    id: LineId([2; 16]),
                    text: "\u{1b}[2J\u{202e}\u{9b}\n\"你\"".to_owned(),
                    sent_at: Timestamp(1_000),
                    received_at: Timestamp(2_500),
                    audience: Audience::You,
                    again: false,
                    manner: Manner::Text,
                    quiet: false,
                    namesake: false,
                    quote: None,
                }),
                format!(
                    r#"{{"type":"message","id":"{}","from":"alice@host","text":"\u001b[2J\u202e\u009b\n\"你\"","sent_at":"1970-01-01T00:00:01.000Z","received_at":"1970-01-01T00:00:02.500Z"}}"#,
                    "02".repeat(16)
                ),
            ),
        ] {
            assert_eq!(rendered(&notice), expected);
        }
    }
}
