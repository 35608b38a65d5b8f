//! What is said about invitations: in the running chat, and by the commands that know no chat.

use std::fmt::Display;

use p2pchat_wire::identity::PeerId;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::language::{Language, Phrase, Tongue};
use super::{Background, Printout};
use crate::chat::invitation::{CodeWords, ContactLink, NotACode};
use crate::chat::safety::Wording;
use crate::chat::{Address, ExitCode, Notice};
use crate::proto::InvitationFailure;

/// What is typed in a chat to invite somebody.
const INVITE: &str = "/invite";

/// What is typed in a shell to invite somebody.
pub const INVITE_COMMAND: &str = "p2pchat invite";

/// What is said about a notice that is about an invitation.
pub(super) fn sentence(
    notice: &Notice,
    background: Background<'_>,
    language: &Language,
) -> Option<String> {
    Some(match notice {
        Notice::Invitation { number, words, wording, server, link, minutes } => {
            let code = code(*number, words, *wording, language);
            let at = server.as_ref().map(|host| format!(" @{host}")).unwrap_or_default();
            let arguments: [(_, &dyn Display); 4] =
                [("code", &*code), ("at", &at), ("link", link), ("minutes", minutes)];
            language.say("invitation-code", &arguments)
        }
        Notice::Invited { peer, key, verified, .. } => {
            let id = if *verified { "invited" } else { "invited-by-link" };
            let (name, peer) = (background.name(peer), background.whole(peer));
            let arguments: [(_, &dyn Display); 3] =
                [("name", &name), ("peer", &peer), ("key", key)];
            language.say(id, &arguments)
        }
        Notice::SecretLacking { peer, by_us } => {
            let id = if *by_us { "secret-lacking-here" } else { "secret-lacking-there" };
            let (name, peer) = (background.name(peer), background.whole(peer));
            language.say(id, &[("name", &name), ("peer", &peer)])
        }
        Notice::InvitationFailed { reason, by_us } => {
            failure(*reason, *by_us, INVITE).said_in(language)
        }
        _ => return None,
    })
}

/// A code, in the words that were asked for, or else those of the language.
pub(super) fn code(
    number: u32,
    words: &CodeWords,
    wording: Option<Wording>,
    language: &Language,
) -> Zeroizing<String> {
    words.write(number, wording.unwrap_or_else(|| natural(language)))
}

/// A code, and before it what its giver has to do with it.
#[must_use]
pub fn to_be_told(
    code: &str,
    link: &ContactLink,
    minutes: u64,
    language: &Language,
) -> [Printout; 2] {
    let command = format!("p2pchat accept --rendezvous '{}'", rendezvous(link));
    let arguments: [(_, &dyn Display); 3] =
        [("command", &command), ("link", link), ("minutes", &minutes)];
    let tell = language.say("invitation-tell", &arguments);
    [Printout::err(tell), Printout::out(code.to_owned())]
}

/// Who is a contact from now on, for whoever has no chat open.
#[must_use]
pub fn introduced(peer: &Address, key: PeerId, verified: bool, language: &Language) -> Printout {
    let id = if verified { "invitation-introduced" } else { "invitation-believed" };
    Printout::out(language.say(id, &[("peer", peer), ("key", &key)]))
}

/// How a command ends of which nothing came for this reason.
#[must_use]
pub fn exit(reason: InvitationFailure) -> ExitCode {
    match reason {
        InvitationFailure::WrongWords | InvitationFailure::Gone | InvitationFailure::Busy => {
            ExitCode::Refused
        }
        InvitationFailure::NoAnswer => ExitCode::PeerOffline,
        InvitationFailure::Own => ExitCode::Usage,
        InvitationFailure::Malformed => ExitCode::Version,
    }
}

/// The server at which a link says that its giver is, with its key if that is known.
fn rendezvous(link: &ContactLink) -> String {
    let key = link.server.map(|key| format!("#{key}")).unwrap_or_default();
    format!("{}{key}", link.host)
}

/// The list of words of a language.
fn natural(language: &Language) -> Wording {
    match language.tongue() {
        Tongue::En => Wording::English,
        Tongue::Zh => Wording::Chinese,
    }
}

/// Why nothing came of an invitation. `invite` is what is typed to make another.
#[must_use]
pub fn failure(reason: InvitationFailure, by_us: bool, invite: &'static str) -> Phrase {
    let id = match reason {
        InvitationFailure::WrongWords => "invitation-wrong-words",
        InvitationFailure::Gone if by_us => "invitation-over",
        InvitationFailure::Gone => "invitation-none",
        InvitationFailure::Busy => "invitation-busy",
        InvitationFailure::NoAnswer => "invitation-no-answer",
        InvitationFailure::Own => "invitation-own",
        InvitationFailure::Malformed => "invitation-unreadable",
    };
    Phrase::new(id).with("invite", invite)
}

/// Why what was typed is no code.
#[must_use]
pub fn no_code(why: NotACode) -> Phrase {
    match why {
        NotACode::Shape => Phrase::new("code-shape"),
        NotACode::Unknown(place) => Phrase::new("code-unknown").with("place", place),
    }
}

/// A notice about an invitation, for programs.
pub(super) fn object(notice: &Notice) -> Option<Value> {
    Some(match notice {
        Notice::Invitation { number, words, link, minutes, .. } => {
            let code = |wording| words.write(*number, wording).to_string();
            json!({
                "type": "invitation",
                "code": code(Wording::English),
                "code_zh": code(Wording::Chinese),
                "rendezvous": rendezvous(link),
                "link": link.to_string(),
                "expires_in_s": minutes * 60,
            })
        }
        Notice::Invited { peer, key, by_us, verified } => {
            json!({"type": "invited", "peer": peer.to_string(), "key": key.to_string(),
                "by_us": by_us, "verified": verified})
        }
        Notice::SecretLacking { peer, by_us } => {
            json!({"type": "secret-lacking", "peer": peer.to_string(), "by_us": by_us})
        }
        Notice::InvitationFailed { reason, by_us } => {
            json!({"type": "invitation-failed", "reason": word(*reason), "by_us": by_us})
        }
        _ => return None,
    })
}

/// The word under which a program finds a reason.
fn word(reason: InvitationFailure) -> &'static str {
    match reason {
        InvitationFailure::WrongWords => "wrong-words",
        InvitationFailure::Gone => "gone",
        InvitationFailure::Busy => "busy",
        InvitationFailure::NoAnswer => "no-answer",
        InvitationFailure::Own => "own",
        InvitationFailure::Malformed => "unreadable",
    }
}

#[cfg(test)]
mod tests {
    use p2pchat_wire::identity::{Name, PeerId};

    use super::*;
    use crate::chat::invitation::{CodeWords, ContactLink};

    #[test]
    fn a_code_is_shown_in_the_language_of_the_rest_unless_another_is_asked_for() {
        let (number, words) = CodeWords::read("7-abandon-zoo").expect("a code");
        let key = PeerId([7; 32]);
        let name = Name::new("alice").expect("a name");
        let link = ContactLink { name, host: "rv".to_owned(), server: Some(key), key };
        for (tongue, wording, code) in [
            (Tongue::En, None, "7-abandon-zoo"),
            (Tongue::Zh, None, "7-的-歇"),
            (Tongue::En, Some(Wording::Chinese), "7-的-歇"),
            (Tongue::Zh, Some(Wording::English), "7-abandon-zoo"),
        ] {
            let (link, words) = (Box::new(link.clone()), words.clone());
            let minutes = 9;
            let notice = Notice::Invitation { number, words, wording, server: None, link, minutes };
            let said = sentence(&notice, Background::default(), &Language::new(tongue));
            let said = said.expect("a sentence");
            assert!(said.contains(code) && said.contains(&format!("?key={key}")), "{said}");
        }
    }
}
