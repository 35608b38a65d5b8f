//! What a program asks for, one JSON object per line.

use serde::Deserialize;

use super::error;
use crate::chat::{Address, Input, LineId, Manner, Place, ROOM_MARK};

/// Lines of a page, or found, if it is not said how many.
const LIMIT: usize = 50;

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Incoming {
    Send(Box<Send>),
    Command {
        line: String,
    },
    File {
        to: Option<String>,
        path: String,
        #[serde(rename = "ref")]
        reference: Option<String>,
    },
    Typing {
        to: String,
        typing: bool,
    },
    Draft {
        with: String,
        text: String,
    },
    Page {
        with: String,
        before: Option<i64>,
        limit: Option<usize>,
    },
    Search {
        with: Option<String>,
        text: String,
        limit: Option<usize>,
    },
    Quit,
}

#[derive(Deserialize)]
struct Send {
    to: Option<String>,
    room: Option<String>,
    text: Option<String>,
    #[serde(rename = "ref")]
    reference: Option<String>,
    manner: Option<String>,
    reply_to: Option<String>,
    edit: Option<String>,
    delete: Option<String>,
    react: Option<String>,
}

/// What a program asks for in one line of input.
///
/// # Errors
///
/// The line to be written about an input that makes no sense. Nothing of it is done.
pub fn parse(line: &str) -> Result<Input, String> {
    match serde_json::from_str::<Incoming>(line) {
        Ok(incoming) => incoming.read().map_err(|why| bad(&why)),
        Err(problem) => Err(bad(&problem.to_string())),
    }
}

impl Incoming {
    fn read(self) -> Result<Input, String> {
        Ok(match self {
            Self::Send(send) => send.read()?,
            Self::Command { line } => Input::Command(line),
            Self::File { to, path, reference } => Input::Offer { to, path, reference },
            Self::Typing { to, typing } => Input::Typing { to: address(&to)?, typing },
            Self::Draft { with, text } => Input::Draft { with: address(&with)?, text },
            Self::Page { with, before, limit } => Input::Page {
                with: address(&with)?,
                before: before.map(Place),
                limit: limit.unwrap_or(LIMIT),
            },
            Self::Search { with, text, limit } => Input::Search {
                with: with.map(|with| address(&with)).transpose()?,
                text,
                limit: limit.unwrap_or(LIMIT),
            },
            Self::Quit => Input::Quit,
        })
    }
}

/// `alice@host` or `#tea@host`, as every object that we write has it.
fn address(text: &str) -> Result<Address, String> {
    Address::parse(text).ok_or_else(|| format!("{text:?} is neither NAME@HOST nor #ROOM@HOST"))
}

fn bad(why: &str) -> String {
    error("bad-input", &format!("not understood, nothing was done: {why}"))
}

impl Send {
    fn read(self) -> Result<Input, String> {
        let manner = self.manner()?;
        let text = match (self.text, manner) {
            (_, Manner::Delete { .. }) => String::new(),
            (Some(text), _) => text,
            (None, _) => return Err("missing field `text`".to_owned()),
        };
        let to = match (self.to, self.room) {
            (to, None) => to,
            // What is meant for a room must not reach a single person.
            (None, Some(room)) => {
                Some(format!("{ROOM_MARK}{}", room.trim_start_matches([ROOM_MARK, '＃'])))
            }
            (Some(_), Some(_)) => return Err("one of `to`, `room`, no more".to_owned()),
        };
        Ok(Input::Send { to, text, reference: self.reference, manner })
    }

    fn manner(&self) -> Result<Manner, String> {
        let about = |field: &Option<String>, manner: fn(LineId) -> Manner| {
            let read =
                |id: &String| LineId::parse(id).ok_or_else(|| format!("{id:?} is no id of a line"));
            field.as_ref().map(read).map(|id| id.map(manner))
        };
        let said = match self.manner.as_deref() {
            None | Some("text") => None,
            Some("action") => Some(Ok(Manner::Action)),
            Some(other) => Some(Err(format!("there is no manner {other:?}"))),
        };
        let mut manners = [
            said,
            about(&self.reply_to, |to| Manner::Reply { to }),
            about(&self.edit, |of| Manner::Edit { of }),
            about(&self.delete, |of| Manner::Delete { of }),
            about(&self.react, |to| Manner::React { to }),
        ]
        .into_iter()
        .flatten();
        match (manners.next(), manners.next()) {
            (None, _) => Ok(Manner::Text),
            (Some(manner), None) => manner,
            (Some(_), Some(_)) => {
                Err("one of `manner`, `reply_to`, `edit`, `delete`, `react`, no more".to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use p2pchat_wire::identity::Name;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn requests_are_read_and_unknown_fields_ignored() {
        let parsed = parse(r#"{"type":"send","to":"alice","text":"hi","ref":"1","future":[]}"#);
        assert!(matches!(
            parsed,
            Ok(Input::Send { to: Some(to), text, reference: Some(reference), manner: Manner::Text })
                if to == "alice" && text == "hi" && reference == "1"
        ));
        let parsed = parse(r#"{"type":"send","text":"hi"}"#);
        assert!(matches!(parsed, Ok(Input::Send { to: None, reference: None, .. })));
        assert!(matches!(parse(r#"{"type":"command","line":"/who"}"#), Ok(Input::Command(_))));
        assert!(matches!(parse(r#"{"type":"quit"}"#), Ok(Input::Quit)));
    }

    #[test]
    fn what_is_said_about_a_line_names_it() {
        let id = LineId([0xab; 16]);
        for (fields, expected, text) in [
            (r#""manner":"action","text":"waves""#.to_owned(), Manner::Action, "waves"),
            (format!(r#""reply_to":"{id}","text":"yes""#), Manner::Reply { to: id }, "yes"),
            (format!(r#""edit":"{id}","text":"new""#), Manner::Edit { of: id }, "new"),
            (format!(r#""delete":"{id}","text":"ignored""#), Manner::Delete { of: id }, ""),
            (format!(r#""delete":"{id}""#), Manner::Delete { of: id }, ""),
            (format!(r#""react":"{id}","text":"👍""#), Manner::React { to: id }, "👍"),
        ] {
            let parsed = parse(&format!(r#"{{"type":"send",{fields}}}"#));
            let Ok(Input::Send { text: said, manner, .. }) = parsed else { panic!("{parsed:?}") };
            assert_eq!((manner, said.as_str()), (expected, text));
        }
    }

    #[test]
    fn what_a_screen_can_ask_for_a_program_can() {
        let with = |input: Result<Input, String>| match input {
            Ok(Input::Typing { to: with, typing: true } | Input::Draft { with, .. }) => Some(with),
            Ok(Input::Page { with, before: Some(Place(7)), limit: LIMIT }) => Some(with),
            Ok(Input::Search { with, limit: 3, .. }) => with,
            _ => None,
        };
        let alice = Address::new(Name::new("alice").expect("name"), "host:4");
        for line in [
            r#"{"type":"typing","to":"alice@host:4","typing":true}"#,
            r#"{"type":"draft","with":"alice@host:4","text":"so far"}"#,
            r#"{"type":"page","with":"alice@host:4","before":7}"#,
            r#"{"type":"search","with":"alice@host:4","text":"x","limit":3}"#,
        ] {
            assert_eq!(with(parse(line)), Some(alice.clone()), "{line}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_an_error_object() {
        for line in [
            "",
            "hello",
            "{}",
            "[]",
            r#"{"type":"dance"}"#,
            r#"{"type":"send"}"#,
            r#"{"type":"typing","to":"alice","typing":true}"#,
            r#"{"type":"page","with":"@host"}"#,
            r#"{"type":"send","text":"x","edit":"12"}"#,
            r#"{"type":"send","text":"x","manner":"loud"}"#,
            r#"{"type":"send","text":"x","manner":"action","edit":"00000000000000000000000000000000"}"#,
            "{\"type\":\"\u{1b}\"}",
        ] {
            let said = parse(line).expect_err(line);
            let value: Value = serde_json::from_str(&said).expect("JSON");
            assert_eq!((&value["type"], &value["code"]), (&json!("error"), &json!("bad-input")));
            assert!(!said.contains('\u{1b}'));
        }
    }

    #[test]
    fn what_is_meant_for_a_room_reaches_nobody_else() {
        for room in ["tea", "#tea", "＃tea"] {
            let parsed = parse(&json!({"type": "send", "room": room, "text": "hi"}).to_string());
            assert!(matches!(parsed, Ok(Input::Send { to: Some(to), .. }) if to == "#tea"));
        }
        let said = parse(r##"{"type":"send","room":"#a","to":"bob","text":"hi"}"##);
        assert!(said.expect_err("refused").contains("bad-input"));
        let tea = Address::room(Name::new("tea").expect("name"), "host");
        let parsed = parse(r##"{"type":"page","with":"#tea@host"}"##);
        assert!(matches!(parsed, Ok(Input::Page { with, .. }) if with == tea));
    }
}
