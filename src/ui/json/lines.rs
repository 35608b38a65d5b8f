//! Lines as JSON objects: those of the history, our own, and what is said about them.

use serde_json::{Value, json};

use super::{audience, rooms, time, word, write};
use crate::chat::{
    Address, Direction, HistoryLine, LineId, Manner, Message, Progress, Reaction, Timestamp,
    Written,
};
use crate::ui::Printout;

/// The word for what a line is; none for text.
pub(super) fn manner(manner: Manner) -> Option<&'static str> {
    match manner {
        Manner::Text => None,
        Manner::Action => Some("action"),
        Manner::Reply { .. } => Some("reply"),
        Manner::Edit { .. } => Some("edit"),
        Manner::Delete { .. } => Some("delete"),
        Manner::React { .. } => Some("reaction"),
        Manner::Offer { .. } => Some("file"),
        Manner::OfferFolder { .. } => Some("folder"),
    }
}

/// Which line a reply answers.
pub(super) fn reply_to(manner: Manner) -> Option<String> {
    match manner {
        Manner::Reply { to } => Some(to.to_string()),
        _ => None,
    }
}

/// How large the file or the folder is that a line offers.
pub(super) fn size(manner: Manner) -> Option<u64> {
    manner.offer().map(|(size, ..)| size)
}

/// How many files are in the folder that a line offers.
pub(super) fn files(manner: Manner) -> Option<u32> {
    match manner {
        Manner::OfferFolder { files, .. } => Some(files),
        _ => None,
    }
}

fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::In => "in",
        Direction::Out => "out",
    }
}

/// A line of the history.
#[must_use]
pub fn history(line: &HistoryLine) -> String {
    write(&history_object(line))
}

fn history_object(line: &HistoryLine) -> Value {
    let reaction = |one: &Reaction| match &one.author {
        None => json!({"direction": direction(one.by), "text": one.text}),
        Some(from) => {
            json!({"direction": direction(one.by), "from": from.to_string(), "text": one.text})
        }
    };
    let mut object = json!({
        "type": "history",
        "id": line.id.to_string(),
        "with": line.with.to_string(),
        "direction": direction(line.direction),
        "text": line.text,
        "sent_at": time(line.sent_at),
        "arrived_at": line.arrived_at.map(time),
        "audience": audience(line.audience),
        "manner": manner(line.manner),
        "reply_to": reply_to(line.manner),
        "edited_at": line.edited_at.map(time),
        "deleted": line.deleted.then_some(true),
        "reactions": (!line.reactions.is_empty())
            .then(|| line.reactions.iter().map(reaction).collect::<Vec<_>>()),
        "state": word(&line.state),
        "place": line.place.0,
    });
    if let (Some(size), Value::Object(fields)) = (size(line.manner), &mut object) {
        fields.insert("size".to_owned(), json!(size));
        fields.extend(files(line.manner).map(|files| ("files".to_owned(), json!(files))));
    }
    if let (Some(author), Value::Object(fields)) = (&line.author, &mut object) {
        fields.insert("from".to_owned(), json!(author.to_string()));
        fields.extend(line.namesake.then(|| ("namesake".to_owned(), json!(true))));
    }
    if let (Some(why), Value::Object(fields)) = (rooms::withdrawn(line.standing), &mut object) {
        fields.insert("withdrawn".to_owned(), json!(why));
    }
    if let (Some(Progress { have, of }), Value::Object(fields)) = (line.progress, &mut object) {
        fields.insert("progress".to_owned(), json!({ "have": have, "of": of }));
    }
    object
}

/// A line of ours.
pub(super) fn written(line: &Written) -> String {
    let mut object = json!({
        "type": "written",
        "id": line.id.to_string(),
        "to": line.to.to_string(),
        "text": line.text,
        "sent_at": time(line.sent_at),
        "audience": audience(line.audience),
        "manner": manner(line.manner),
        "reply_to": reply_to(line.manner),
    });
    if let (Some(size), Value::Object(fields)) = (size(line.manner), &mut object) {
        fields.insert("size".to_owned(), json!(size));
        fields.extend(files(line.manner).map(|files| ("files".to_owned(), json!(files))));
    }
    write(&object)
}

/// A part of a conversation's history.
pub(super) fn page(with: &Address, lines: &[HistoryLine], end: bool) -> String {
    let lines: Vec<Value> = lines.iter().map(history_object).collect();
    write(&json!({"type": "page", "with": with.to_string(), "end": end, "lines": lines}))
}

/// What was looked for, and where it is.
pub(super) fn found(text: &str, with: Option<&Address>, lines: &[HistoryLine]) -> String {
    let (with, lines) = (with.map(ToString::to_string), lines.iter().map(history_object));
    let lines: Vec<Value> = lines.collect();
    write(&json!({"type": "found", "text": text, "with": with, "lines": lines}))
}

/// What a line does to another.
pub(super) struct Amendment<'a> {
    pub(super) with: &'a Address,
    /// The other.
    pub(super) target: LineId,
    pub(super) line: LineId,
    pub(super) by: Direction,
    /// In a room: who, if not we.
    pub(super) author: Option<&'a Address>,
    pub(super) at: Timestamp,
}

impl Amendment<'_> {
    /// An object of type `kind`.
    pub(super) fn printout(&self, kind: &str, text: Option<&str>) -> Printout {
        self.show(self.object(kind, text))
    }

    fn object(&self, kind: &str, text: Option<&str>) -> Value {
        let mut object = json!({
            "type": kind,
            "id": self.target.to_string(),
            "line": self.line.to_string(),
            "with": self.with.to_string(),
            "direction": direction(self.by),
            "at": time(self.at),
        });
        if let Value::Object(fields) = &mut object {
            fields.extend(self.author.map(|from| ("from".to_owned(), json!(from.to_string()))));
            fields.extend(text.map(|text| ("text".to_owned(), json!(text))));
        }
        object
    }

    fn show(&self, object: Value) -> Printout {
        let shows = (self.by == Direction::In).then(|| (self.with.clone(), self.line));
        Printout { shows, ..Printout::out(write(&object)) }
    }
}

/// What a contact says about a line that is not here, or that it may not say about it.
pub(super) fn stray(message: &Message) -> Printout {
    let amendment = Amendment {
        with: &message.from,
        target: message.manner.target().unwrap_or(message.id),
        line: message.id,
        by: Direction::In,
        author: message.author.as_deref(),
        at: message.sent_at,
    };
    let text = (!matches!(message.manner, Manner::Delete { .. })).then_some(message.text.as_str());
    let mut object = amendment.object(manner(message.manner).unwrap_or("message"), text);
    if let Value::Object(fields) = &mut object {
        fields.insert("unknown".to_owned(), json!(true));
    }
    amendment.show(object)
}
