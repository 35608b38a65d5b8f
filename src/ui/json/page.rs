//! `docs/json.md` is what the program does: each example in it is written by the program, or read by it,
//! and nothing that the program writes or reads is without one.

use serde_json::Value;

use super::examples::{NOW, alice, id, key, message, notices, room_notices, summary, tea};
use super::{error, parse, render};
use crate::chat::{LineState, Manner, Message, Notice, Request, RoomNews, command};
use crate::proto::RendezvousTrouble;
use crate::ui::Background;
use crate::ui::language::Language;
use crate::ui::overview::Overview;
use crate::ui::script::{Script, Task};

const PAGE: &str = include_str!("../../../docs/json.md");
const NOTICES: &str = include_str!("../../chat/notice.rs");

/// All that the program writes about them, and what it writes besides.
fn written() -> Vec<Value> {
    let english = Language::default();
    let notices: Vec<Notice> = notices().into_iter().chain(room_notices()).collect();
    let rendered = notices.iter().flat_map(|one| render(one, Background::default(), &english));
    let mut lines: Vec<String> = rendered.map(|printout| printout.text).collect();
    let zone = jiff::tz::TimeZone::UTC;
    let choices = vec!["yes".to_owned(), "no".to_owned()];
    let mut asking = Script::new(Task::Ask { choices }, true, zone.clone(), english.clone());
    let answer = Message { text: "yes".to_owned(), ..message(Manner::Text) };
    let (to, reference) = (alice(), Some("script".to_owned()));
    let sent = Notice::Status { to, id: id(2), reference, state: LineState::Sent };
    for notice in [sent, Notice::Message(answer)] {
        lines.extend(asking.hear(&notice, Background::default()).into_iter().map(|one| one.text));
    }
    let mut overview = Overview {
        running: true,
        name: Some("bob".to_owned()),
        key: Some(key(2).to_string()),
        servers: ["chat.example.org", "two.example.org"].map(str::to_owned).to_vec(),
        registered: ["chat.example.org".to_owned()].into(),
        peers: vec![summary()],
        ..Overview::default()
    };
    let (room, topic) = (tea(), Some("green tea".to_owned()));
    let news = RoomNews::Summary { members: 3, here: 2, is_in: true, topic, unread: 1 };
    let requests = vec![Request { address: alice(), key: key(1), at: NOW, rejected: false }];
    let trouble = Notice::Trouble {
        server: Some("two.example.org".to_owned()),
        trouble: RendezvousTrouble::Unreachable,
        same_as: None,
        others: true,
    };
    for notice in [trouble, Notice::Room { room, news }, Notice::Requests(requests)] {
        overview.learn(&notice, &zone, Background::default(), &english);
    }
    let overview = overview.printouts(true, &zone, Background::default(), &english);
    lines.extend(overview.into_iter().map(|one| one.text));
    lines.extend(parse("nonsense").err());
    lines.push(error("too-long", &english.text("input-too-long")));
    lines.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// The examples in a part of the page, each with the type that its heading names.
fn examples(part: &str) -> Vec<(String, String)> {
    let after = PAGE.split_once(&format!("\n## {part}\n")).expect("the part is there").1;
    let text = after.split("\n## ").next().unwrap_or_default();
    let (mut found, mut heading, mut fenced) = (Vec::new(), String::new(), false);
    for line in text.lines() {
        if let Some(named) = line.strip_prefix("### ") {
            heading = named.trim_matches('`').to_owned();
        } else if line.starts_with("```") {
            fenced = line == "```json";
        } else if fenced {
            found.push((heading.clone(), line.to_owned()));
        }
    }
    found
}

#[test]
fn what_comes_out_is_what_the_page_shows() {
    let written = written();
    let mut shown = Vec::new();
    for (heading, line) in examples("What comes out") {
        let value: Value = serde_json::from_str(&line).expect(&line);
        assert_eq!(value["type"], *heading, "{line}");
        assert!(written.contains(&value), "the program does not write this: {line}");
        shown.push(value);
    }
    let missing: Vec<String> =
        written.iter().filter(|value| !shown.contains(value)).map(ToString::to_string).collect();
    assert!(missing.is_empty(), "not in docs/json.md:\n{}", missing.join("\n"));
}

#[test]
fn every_notice_has_an_example() {
    let all = NOTICES.split_once("pub enum Notice {").expect("the notices").1;
    let all = all.split("\n}\n").next().unwrap_or_default();
    let variants = all.lines().filter_map(|line| {
        let name = line.strip_prefix("    ")?;
        name.starts_with(|c: char| c.is_ascii_uppercase())
            .then(|| name.split([' ', '(', ',', '{']).next().unwrap_or_default())
    });
    let examples: Vec<String> =
        notices().into_iter().chain(room_notices()).map(|one| format!("{one:?}")).collect();
    for variant in variants {
        let begins = |one: &String| {
            one.strip_prefix(variant).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
        };
        assert!(examples.iter().any(begins), "no example of Notice::{variant}");
    }
}

#[test]
fn what_goes_in_is_what_the_page_shows() {
    let shown = examples("What goes in");
    for (heading, line) in &shown {
        let value: Value = serde_json::from_str(line).expect(line);
        assert_eq!(value["type"], **heading, "{line}");
        assert!(parse(line).is_ok(), "the program does not read this: {line}");
    }
    // The reader itself says what it knows.
    let told = parse(r#"{"type":"no such thing"}"#).expect_err("there is none");
    let known = told.split_once("expected one of").expect("a list").1;
    let known: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
    assert!(known.len() >= 7, "{known:?}");
    for known in known {
        assert!(shown.iter().any(|(heading, _)| heading == known), "no example of {known}");
    }
}

#[test]
fn every_command_has_an_example_that_is_understood() {
    let shown = examples("Commands");
    for one in command::all() {
        let mut examples = shown.iter().filter_map(|(_, line)| {
            let value: Value = serde_json::from_str(line).expect(line);
            assert_eq!(value["type"], "command", "{line}");
            let typed = value["line"].as_str().expect(line).to_owned();
            let word = typed.trim_start_matches('/').split(' ').next().unwrap_or_default();
            (word == one.word).then_some(typed)
        });
        let example = examples.next().unwrap_or_else(|| panic!("no example of /{}", one.word));
        assert!(command::is_understood(&example), "{example}");
    }
}
