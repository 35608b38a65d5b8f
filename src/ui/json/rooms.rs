//! What happens in rooms as JSON objects.

use serde_json::{Value, json};

use super::write;
use crate::chat::room::{Access, End, Refusal, Standing};
use crate::chat::rooms::Denial;
use crate::chat::{Address, RoomNews};

/// What has happened in a room.
pub(super) fn news(room: &Address, news: &RoomNews, sentence: &str) -> String {
    let mut object = json!({ "type": "room", "room": room.to_string(), "event": event(news) });
    if let (Value::Object(fields), Value::Object(more)) = (&mut object, details(news, sentence)) {
        fields.extend(more.into_iter().filter(|(_, value)| !value.is_null()));
    }
    write(&object)
}

fn event(news: &RoomNews) -> &'static str {
    match news {
        RoomNews::Made { .. } => "made",
        RoomNews::Entered { .. } => "entered",
        RoomNews::NobodyHere => "nobody-here",
        RoomNews::Left => "left",
        RoomNews::Farewell => "farewell",
        RoomNews::Moved { .. } => "members",
        RoomNews::Kicked { .. } => "kicked",
        RoomNews::Owner(_) => "owner",
        RoomNews::Topic { .. } => "topic",
        RoomNews::Invited { .. } => "invited",
        RoomNews::NotAdmitted(_) | RoomNews::Denied(_) => "not-admitted",
        RoomNews::Summary { .. } => "summary",
        RoomNews::Here { .. } => "here",
        RoomNews::Members(_) => "list",
        RoomNews::Receipts { .. } => "receipts",
        RoomNews::Progress { .. } => "progress",
        RoomNews::Standing { standing: Standing::Counts, .. } => "restored",
        RoomNews::Standing { .. } => "withdrawn",
        RoomNews::OtherRoom => "other-room",
        RoomNews::ServerRefuses(_) => "server-refuses",
        RoomNews::Forges { .. } => "forges",
        RoomNews::Namesake { .. } => "namesake",
        RoomNews::TwoHistories { .. } => "two-histories",
    }
}

fn details(news: &RoomNews, sentence: &str) -> Value {
    let name = |who: &Option<Address>| who.as_ref().map(ToString::to_string);
    let names = |all: &[Address]| all.iter().map(ToString::to_string).collect::<Vec<_>>();
    match news {
        RoomNews::Made { access } => json!({ "access": self::access(*access) }),
        RoomNews::Entered { owner, members, topic } => {
            json!({ "owner": name(owner), "members": members, "topic": topic })
        }
        RoomNews::NobodyHere | RoomNews::Left | RoomNews::Farewell => json!({}),
        RoomNews::Moved { came, left } => json!({ "came": names(came), "left": names(left) }),
        RoomNews::Kicked { who, us } => json!({ "who": who.to_string(), "us": us }),
        RoomNews::Owner(who) => json!({ "who": name(who) }),
        RoomNews::Topic { text, by } => json!({ "topic": text, "by": name(by) }),
        RoomNews::Invited { who, by } => json!({ "who": who.to_string(), "by": name(by) }),
        RoomNews::NotAdmitted(refusal) => {
            json!({ "code": self::refusal(*refusal), "message": sentence })
        }
        RoomNews::Denied(denial) => json!({ "code": self::denial(*denial), "message": sentence }),
        RoomNews::Summary { members, here, is_in, topic, unread } => json!({
            "members": members,
            "connected": here,
            "in": is_in,
            "topic": topic,
            "unread": unread,
        }),
        RoomNews::Here { members, here } => json!({ "members": members, "connected": here }),
        RoomNews::Members(members) => json!({ "list": members.iter().map(|one| json!({
            "who": one.who.to_string(),
            "key": one.key.to_string(),
            "owner": one.is_owner,
            "us": one.is_us,
            "connected": one.is_here,
        })).collect::<Vec<_>>() }),
        RoomNews::Receipts { id, has, waits } => {
            json!({ "id": id.to_string(), "has": names(has), "waits": names(waits) })
        }
        RoomNews::Progress { id, progress } => {
            json!({ "id": id.to_string(), "have": progress.have, "of": progress.of })
        }
        RoomNews::Standing { who, standing, lines, .. } => {
            let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
            json!({ "who": who.to_string(), "why": withdrawn(*standing), "lines": lines })
        }
        RoomNews::OtherRoom | RoomNews::ServerRefuses(_) => json!({ "message": sentence }),
        RoomNews::Namesake { who, key, known } => json!({
            "who": who.to_string(),
            "key": key.to_string(),
            "known": known.to_string(),
            "message": sentence,
        }),
        RoomNews::Forges { who, key } | RoomNews::TwoHistories { who, key } => {
            json!({ "who": who.to_string(), "key": key.to_string(), "message": sentence })
        }
    }
}

fn access(access: Access) -> &'static str {
    match access {
        Access::Open => "open",
        Access::Invited => "invited",
    }
}

fn refusal(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::NotInvited => "not-invited",
        Refusal::Kicked => "kicked",
        Refusal::Full => "full",
        Refusal::TooManyStays => "too-often",
        _ => "refused",
    }
}

fn denial(denial: Denial) -> &'static str {
    match denial {
        Denial::Unknown => "unknown",
        Denial::NotInvited => "not-invited",
        Denial::Kicked => "kicked",
        Denial::Full => "full",
        Denial::TooManyStays => "too-often",
    }
}

/// Why a line does not count; nothing if it does.
pub(super) fn withdrawn(standing: Standing) -> Option<&'static str> {
    match standing {
        Standing::Counts => None,
        Standing::Withdrawn(End::Left) => Some("left"),
        Standing::Withdrawn(End::Kicked) => Some("kicked"),
        Standing::Withdrawn(End::TwoHistories) => Some("two-histories"),
        Standing::NotMember => Some("not-member"),
    }
}
