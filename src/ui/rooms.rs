//! What is said about rooms.

use std::fmt::Display;

use p2pchat_wire::signal::RoomRefusal;

use super::language::Language;
use super::moves::Moves;
use super::{Background, tables};
use crate::chat::room::{Access, End, Refusal, Standing};
use crate::chat::rooms::Denial;
use crate::chat::{Address, RoomNews, clean};

/// Cells of a topic in a sentence.
const TOPIC: usize = 400;

/// What has happened in a room.
pub(super) fn sentence(
    room: &Address,
    news: &RoomNews,
    background: Background<'_>,
    language: &Language,
) -> String {
    let room = background.name(room);
    let name = |who: &Address| clean::label(&background.name(who), 80);
    let somebody = |who: &Option<Address>| match who {
        Some(who) => name(who),
        None => language.text("room-nobody"),
    };
    let say = |id: &str, more: &[(&'static str, String)]| {
        let mut arguments: Vec<(&str, &dyn Display)> = vec![("room", &room)];
        for (name, value) in more {
            arguments.push((name, value));
        }
        language.say(id, &arguments)
    };
    match news {
        RoomNews::Made { access: Access::Open } => say("room-made", &[]),
        RoomNews::Made { access: Access::Invited } => say("room-made-invited", &[]),
        RoomNews::Entered { owner, members, topic } => {
            let count = *members as u64;
            let owner = somebody(owner);
            let entered =
                language.count("room-entered", count, &[("room", &room), ("owner", &owner)]);
            let topic = topic.as_ref().filter(|topic| !topic.is_empty()).map(|topic| {
                let topic = clean::label(topic, TOPIC);
                language.say("room-about", &[("topic", &topic)])
            });
            [Some(entered), topic].into_iter().flatten().collect::<Vec<_>>().join(" ")
        }
        RoomNews::NobodyHere => say("room-nobody-here", &[]),
        RoomNews::Left => say("room-left", &[]),
        RoomNews::Farewell => say("room-farewell", &[]),
        RoomNews::Moved { came, left } => Moves::new(came, left).sentence(&room, &name, language),
        RoomNews::Kicked { us: true, .. } => say("room-kicked-us", &[]),
        RoomNews::Kicked { who, us: false } => say("room-kicked", &[("name", name(who))]),
        RoomNews::Owner(who) => say("room-owner", &[("name", somebody(who))]),
        RoomNews::Topic { text, by } => {
            let (topic, by) = (clean::label(text, TOPIC), somebody(by));
            let id = if topic.is_empty() { "room-topic-none" } else { "room-topic" };
            say(id, &[("topic", topic), ("name", by)])
        }
        RoomNews::Invited { who, by } => {
            say("room-invited", &[("name", name(who)), ("by", somebody(by))])
        }
        RoomNews::NotAdmitted(why) => say("room-not-admitted", &[("why", refusal(*why, language))]),
        RoomNews::Denied(why) => say("room-not-admitted", &[("why", denial(*why, language))]),
        RoomNews::Summary { is_in: false, .. } => say("room-summary-waiting", &[]),
        RoomNews::Summary { members, here, topic, .. } => {
            let arguments: [(_, &dyn Display); 2] = [("room", &room), ("here", here)];
            let summary = language.count("room-summary", *members as u64, &arguments);
            let topic = topic.as_ref().filter(|topic| !topic.is_empty()).map(|topic| {
                let topic = clean::label(topic, TOPIC);
                language.say("room-about", &[("topic", &topic)])
            });
            [Some(summary), topic].into_iter().flatten().collect::<Vec<_>>().join(" ")
        }
        RoomNews::Here { members, here } => {
            language.count("room-here", *members as u64, &[("here", here)])
        }
        RoomNews::Members(members) => {
            let rows = tables::rows(members.iter().map(|one| {
                let is = match (one.is_us, one.is_here) {
                    (true, _) => language.text("room-member-us"),
                    (false, true) => language.text("room-member-here"),
                    (false, false) => language.text("room-member-away"),
                };
                let owner = one.is_owner.then(|| language.text("room-member-owner"));
                [name(&one.who), one.key.tag(), is, owner.unwrap_or_default()]
            }));
            format!("{}\n{rows}", say("room-members", &[]))
        }
        RoomNews::Receipts { has, waits, .. } => {
            let comma = language.text("between-names");
            let names = |all: &[Address]| all.iter().map(name).collect::<Vec<_>>().join(&comma);
            let all = has.len() + waits.len();
            let (having, waiting) = (names(has), names(waits));
            if all == 0 {
                return language.text("room-receipts-nobody");
            }
            let count = has.len();
            let arguments: [(_, &dyn Display); 3] =
                [("has", &count), ("all", &all), ("names", &having)];
            let mut sentence = match count {
                0 => language.text("room-receipts-none"),
                _ => language.say("room-receipts", &arguments),
            };
            if !waits.is_empty() {
                sentence.push(' ');
                let waits = language.say("room-receipts-waiting", &[("names", &waiting)]);
                sentence.push_str(&waits);
            }
            sentence
        }
        RoomNews::Progress { progress, .. } => {
            language.say("room-progress", &[("have", &progress.have), ("of", &progress.of)])
        }
        RoomNews::Standing { who, standing, lines, .. } => {
            let who = name(who);
            let id = match standing {
                Standing::Counts => "room-lines-count",
                Standing::Withdrawn(End::Kicked) => "room-lines-kicked",
                Standing::Withdrawn(End::TwoHistories) => "room-lines-two-histories",
                Standing::Withdrawn(End::Left) | Standing::NotMember => "room-lines-no-member",
            };
            language.count(id, lines.len() as u64, &[("room", &room), ("name", &who)])
        }
        RoomNews::OtherRoom => say("room-other", &[]),
        RoomNews::ServerRefuses(why) => {
            let why = match why {
                RoomRefusal::Full => language.text("room-server-full"),
                _ => language.text("room-server-busy"),
            };
            say("room-server-refuses", &[("why", why)])
        }
        RoomNews::Forges { who, key } => {
            say("room-forges", &[("name", name(who)), ("key", key.tag())])
        }
        RoomNews::Namesake { who, key, known } => {
            say("room-namesake", &[("name", name(who)), ("key", key.tag()), ("known", known.tag())])
        }
        RoomNews::TwoHistories { who, key } => {
            say("room-two-histories", &[("name", name(who)), ("key", key.tag())])
        }
    }
}

/// Why a room does not allow something.
pub(super) fn refusal(refusal: Refusal, language: &Language) -> String {
    match refusal {
        Refusal::NotInvited => language.text("room-refusal-not-invited"),
        Refusal::Kicked => language.text("room-refusal-kicked"),
        Refusal::Full => language.text("room-refusal-full"),
        Refusal::TooManyStays => language.text("room-refusal-too-often"),
        Refusal::NotOwner => language.text("room-refusal-not-owner"),
        Refusal::NotMember | Refusal::Left => language.text("room-refusal-not-member"),
        Refusal::WornOut | Refusal::TooManyActs => language.text("room-refusal-worn-out"),
        other => other.to_string(),
    }
}

/// Why somebody who is in a room does not let us in.
pub(super) fn denial(denial: Denial, language: &Language) -> String {
    match denial {
        Denial::Unknown => language.text("room-refusal-unknown"),
        Denial::NotInvited => refusal(Refusal::NotInvited, language),
        Denial::Kicked => refusal(Refusal::Kicked, language),
        Denial::Full => refusal(Refusal::Full, language),
        Denial::TooManyStays => refusal(Refusal::TooManyStays, language),
    }
}
