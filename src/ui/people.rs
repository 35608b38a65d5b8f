//! What is said about people: who they are, and what two of them compare.

use std::fmt::Display;

use jiff::tz::TimeZone;
use p2pchat_wire::identity::PeerId;
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;

use super::language::{Language, Tongue};
use super::{Background, files, tables};
use crate::chat::safety::{SafetyCode, Wording, picture};
use crate::chat::{Address, Contact, Limit, Notice, Timestamp};

/// Words in a row of a code.
const ROW: usize = 4;

/// What is said about a notice that is about a person.
pub(super) fn sentence(
    notice: &Notice,
    zone: &TimeZone,
    background: Background<'_>,
    language: &Language,
) -> Option<String> {
    let about = |id: &str, peer: &Address| {
        let (name, peer) = (background.name(peer), background.whole(peer));
        language.say(id, &[("name", &name), ("peer", &peer)])
    };
    Some(match notice {
        Notice::SafetyCode { peer, me, key, code, wording, verified } => {
            let id = if *verified { "verify-again" } else { "verify" };
            let wording = wording.unwrap_or(match language.tongue() {
                Tongue::En => Wording::English,
                Tongue::Zh => Wording::Chinese,
            });
            let picture = qr(&picture(me, key), background.columns);
            let words = words(code, wording);
            let sentence = wrapped(&about(id, peer), background.columns);
            [sentence, words].into_iter().chain(picture).collect::<Vec<_>>().join("\n\n")
        }
        Notice::Verified { peer, .. } => about("verify-done", peer),
        Notice::NotTheSame { peer, .. } => about("verify-other", peer),
        Notice::Added(contact) => match contact.key {
            Some(key) => {
                let peer = background.whole(&contact.address);
                language.say("contact-added", &[("peer", &peer), ("tag", &key.tag())])
            }
            None => about("contact-added-keyless", &contact.address),
        },
        Notice::Removed(peer) => about("contact-removed", peer),
        Notice::Renamed { peer, nickname: Some(nickname) } => {
            language.say("renamed", &[("peer", peer), ("nickname", nickname)])
        }
        Notice::Renamed { peer, nickname: None } => language.say("renamed-back", &[("peer", peer)]),
        Notice::Limit { peer, limit, on, until, has_key } => match (limit, on, until) {
            (Limit::Blocked, true, _) if !has_key => about("blocked-unknown", peer),
            (Limit::Blocked, true, _) => about("blocked", peer),
            (Limit::Blocked, false, _) => about("unblocked", peer),
            (Limit::Ignored, true, _) => about("ignored", peer),
            (Limit::Ignored, false, _) => about("unignored", peer),
            (Limit::Muted, true, Some(until)) if *until < Timestamp::MAX => {
                let (name, time) = (background.name(peer), tables::moment(*until, zone));
                let arguments: [(_, &dyn Display); 2] = [("name", &name), ("time", &time)];
                language.say("muted-until", &arguments)
            }
            (Limit::Muted, true, _) => about("muted", peer),
            (Limit::Muted, false, _) => about("unmuted", peer),
        },
        Notice::Request { peer, key, like } => {
            let (name, tag) = (typed(peer, background), key.tag());
            let like = like.as_ref().map(|like| background.whole(like)).unwrap_or_default();
            let id = if like.is_empty() { "request" } else { "request-like" };
            let arguments: [(_, &dyn Display); 4] =
                [("peer", peer), ("name", &name), ("tag", &tag), ("like", &like)];
            language.say(id, &arguments)
        }
        Notice::RequestsWait { count } => language.count("requests-wait", *count, &[]),
        Notice::Requests(list) if list.is_empty() => language.text("requests-none"),
        Notice::Requests(list) => tables::rows(list.iter().map(|one| {
            let rejected = one.rejected.then(|| language.text("request-rejected"));
            let (peer, at) = (one.address.to_string(), tables::moment(one.at, zone));
            [peer, one.key.tag(), at, rejected.unwrap_or_default()]
        })),
        Notice::Accepted(peer) => about("request-accepted", peer),
        Notice::Rejected(peer) => {
            let name = typed(peer, background);
            language.say("request-refused", &[("peer", peer), ("name", &name)])
        }
        Notice::Pending(peer) => about("pending", peer),
        Notice::Limited { contacts, .. } if contacts.is_empty() => language.text("nobody-limited"),
        Notice::Limited { contacts, .. } => tables::rows(contacts.iter().map(|contact| {
            let limits = limits(contact, zone, language).join(", ");
            [background.whole(&contact.address), limits]
        })),
        _ => return None,
    })
}

/// What is to be typed for somebody who is no contact.
fn typed(peer: &Address, background: Background<'_>) -> String {
    background.name(peer)
}

/// What a contact is kept from, as words behind its name.
pub(super) fn limits(contact: &Contact, zone: &TimeZone, language: &Language) -> Vec<String> {
    let regard = &contact.regard;
    let mut limits = Vec::new();
    limits.extend(regard.blocked.then(|| language.text("limit-blocked")));
    limits.extend(regard.ignored.then(|| language.text("limit-ignored")));
    limits.extend(regard.muted_until.map(|until| match until {
        Timestamp::MAX => language.text("limit-muted"),
        until => language.say("limit-muted-until", &[("time", &tables::moment(until, zone))]),
    }));
    limits.extend(files::rule_in_short(regard.files, language));
    limits
}

/// The words in rows, each with its number, so that two people who read to each other do not lose
/// their place.
fn words(code: &SafetyCode, wording: Wording) -> String {
    let words = code.words(wording);
    let cell = |(index, word): (usize, &&str)| format!("{:>2} {word}", index + 1);
    let cells: Vec<String> = words.iter().enumerate().map(cell).collect();
    tables::rows(cells.chunks(ROW).map(|row| {
        let cell =
            |index: usize| row.get(index).map(|cell| format!("  {cell}")).unwrap_or_default();
        [cell(0), cell(1), cell(2), cell(3)]
    }))
}

/// A picture of a text in half blocks, for a camera; none where there is no room for it. What is dark
/// on paper is left out, for most terminals are dark.
fn qr(text: &str, columns: Option<usize>) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, qrcode::EcLevel::L).ok()?;
    // Four modules of quiet on each side (ISO/IEC 18004).
    let fits = columns.is_none_or(|columns| code.width() + 8 <= columns);
    let render = || {
        let mut renderer = code.render::<Dense1x2>();
        renderer.dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build()
    };
    fits.then(render)
}

fn wrapped(sentence: &str, columns: Option<usize>) -> String {
    columns.map_or_else(|| sentence.to_owned(), |columns| tables::wrap(sentence, columns))
}

/// The words of a code and the text of its picture, for programs.
pub(super) fn code_object(
    peer: &Address,
    me: &PeerId,
    key: &PeerId,
    code: &SafetyCode,
) -> serde_json::Value {
    serde_json::json!({
        "type": "verification",
        "peer": peer.to_string(),
        "key": key.to_string(),
        "words": {"en": code.words(Wording::English), "zh": code.words(Wording::Chinese)},
        "qr": picture(me, key),
    })
}

#[cfg(test)]
mod tests {
    use p2pchat_wire::identity::Name;

    use super::*;
    use crate::chat::Nicknames;

    fn bob() -> Address {
        Address::new(Name::new("bob").expect("name"), "rv")
    }

    fn shown(tongue: Tongue, columns: Option<usize>) -> String {
        let (me, key) = (PeerId([1; 32]), PeerId([2; 32]));
        let code = SafetyCode::new(&me, &key);
        let (peer, wording, verified) = (bob(), None, false);
        let notice = Notice::SafetyCode { peer, me, key, code, wording, verified };
        let background = Background { columns, ..Background::default() };
        sentence(&notice, &TimeZone::UTC, background, &Language::new(tongue)).expect("a sentence")
    }

    #[test]
    fn what_is_compared_are_words_of_the_language_and_a_picture_where_it_fits() {
        let code = SafetyCode::new(&PeerId([1; 32]), &PeerId([2; 32]));
        let wide = shown(Tongue::En, Some(80));
        for word in code.words(Wording::English) {
            assert!(wide.contains(word), "{word} in {wide}");
        }
        assert!(wide.contains('▀') && wide.contains("bob yes"), "{wide}");
        let blocks = |line: &&str| line.contains(['▀', '▄', '█']);
        assert!(wide.lines().filter(blocks).all(|line| line.chars().count() <= 80));
        assert!(!shown(Tongue::En, Some(40)).contains('▀'), "no half pictures");
        let chinese = shown(Tongue::Zh, Some(80));
        assert!(code.words(Wording::Chinese).iter().all(|word| chinese.contains(word)));
    }

    #[test]
    fn a_nickname_stands_for_the_name_and_never_for_two() {
        let name = |text| Name::new(text).expect("name");
        let names: Nicknames = [(bob(), name("小丽"))].into_iter().collect();
        let background = Background { nicknames: Some(&names), ..Background::default() };
        assert_eq!(background.name(&bob()), "小丽");
        assert_eq!(background.whole(&bob()), "小丽 (bob@rv)");
        let other = Address::new(name("小丽"), "rv");
        assert_eq!(background.name(&other), "小丽@rv", "whose own name it is");
        assert_eq!(background.name(&Address::new(name("carol"), "rv")), "carol");
    }

    #[test]
    fn times_are_those_of_the_clock_on_the_wall() {
        let until = Some(Timestamp(90_000_000));
        let notice =
            Notice::Limit { peer: bob(), limit: Limit::Muted, on: true, until, has_key: true };
        let zone = jiff::tz::offset(8).to_time_zone();
        let language = Language::new(Tongue::En);
        let said = sentence(&notice, &zone, Background::default(), &language).expect("a sentence");
        assert!(said.contains("until 1970-01-02 09:00."), "{said}");
    }
}
