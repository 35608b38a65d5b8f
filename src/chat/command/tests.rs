//! What typed lines mean.

use super::arguments::MAX_HISTORY;
use super::*;
use crate::chat::invitation::{CodeWords, NotACode};
use crate::chat::inviting::{Accepting, Asking};
use crate::chat::safety::Wording;
use crate::chat::{LineId, Retention};

fn name(text: &str) -> Name {
    Name::new(text).expect("valid")
}

fn at_rv(text: &str) -> Address {
    Address::new(name(text), "rv")
}

fn read_with(line: &str, conversation_open: bool) -> Typed {
    let resolve = |typed: &str| match name_and_host(typed)? {
        (name, None | Some("rv")) => Ok(Address::new(name, "rv")),
        _ => Err(Problem::OtherHost { typed: typed.to_owned(), host: "rv".to_owned() }),
    };
    let is_known = |address: &Address| *address == at_rv("alice");
    let room_open = false;
    read(line, &Context { resolve: &resolve, conversation_open, room_open, is_known: &is_known })
}

#[test]
fn in_a_room_the_classic_word_says_something_to_all_who_are_in_it() {
    let resolve = |_: &str| Err(Problem::NoRooms);
    let (conversation_open, room_open) = (true, true);
    let context = Context { resolve: &resolve, conversation_open, room_open, is_known: &|_| false };
    let said = Typed::Command(Command::Say("hello all".to_owned()));
    assert_eq!(read("say hello all", &context), said);
    assert_eq!(read("say", &context), text("say"));
    assert_eq!(read(" say hello", &context), text(" say hello"));
    assert_eq!(read("who", &context), Typed::Command(Command::Who));
}

fn message(to: &str, text: &str) -> Typed {
    Typed::Command(Command::Message { to: at_rv(to), text: text.to_owned() })
}

fn text(text: &str) -> Typed {
    Typed::Text(text.to_owned())
}

#[test]
fn a_line_can_be_addressed_in_four_ways() {
    for line in [
        "/msg alice hi there",
        "/m ALICE hi there",
        "@alice hi there",
        "alice||hi there",
        "alice || hi there",
        "／msg　alice　hi there",
        "＠alice　hi there",
        "alice｜｜hi there",
        "　/msg alice hi there",
        "/msg alice@rv hi there",
        "/msg @alice hi there",
    ] {
        assert_eq!(read_with(line, true), message("alice", "hi there"), "{line}");
    }
    assert_eq!(read_with("all||hi", true), Typed::Command(Command::Everyone("hi".into())));
    assert_eq!(read_with("bob||hi", false), message("bob", "hi"));
    assert_eq!(read_with("bob||hi", true), Typed::Wrong(Problem::UnknownRecipient(name("bob"))));
    assert!(matches!(
        read_with("/msg alice@elsewhere hi", true),
        Typed::Wrong(Problem::OtherHost { .. })
    ));
}

#[test]
fn a_line_is_meant_by_its_number_by_its_id_or_as_the_last_one() {
    let about = |manner: fn(LineId) -> Manner, pick, text: &str| {
        let (manner, text) = (manner(UNPICKED), text.to_owned());
        Typed::Command(Command::About { manner, pick, text })
    };
    let reply = |to| Manner::Reply { to };
    let edit = |of| Manner::Edit { of };
    let delete = |of| Manner::Delete { of };
    let react = |to| Manner::React { to };
    let id = "ab".repeat(16);
    for (line, expected) in [
        ("/reply yes", about(reply, Pick::Last(Direction::In), "yes")),
        ("/reply 2 yes", about(reply, Pick::Back(2), "yes")),
        ("/reply 2026 was fine", about(reply, Pick::Last(Direction::In), "2026 was fine")),
        (&format!("/re {id} yes"), about(reply, Pick::Id(LineId([0xab; 16])), "yes")),
        ("/edit I meant", about(edit, Pick::Last(Direction::Out), "I meant")),
        ("/edit 3 I meant", about(edit, Pick::Back(3), "I meant")),
        ("/delete", about(delete, Pick::Last(Direction::Out), "")),
        ("/delete 4", about(delete, Pick::Back(4), "")),
        ("／react　👍", about(react, Pick::Last(Direction::In), "👍")),
        ("/react 2 👍", about(react, Pick::Back(2), "👍")),
        ("/react", about(react, Pick::Last(Direction::In), "")),
    ] {
        assert_eq!(read_with(line, true), expected, "{line}");
    }
    for line in ["/reply", "/reply 2", "/edit", "/edit 2", "/delete that", "/me"] {
        assert!(matches!(read_with(line, true), Typed::Wrong(Problem::Usage(_))), "{line}");
    }
}

#[test]
fn what_is_accepted_is_a_link_a_code_or_somebody_who_waits() {
    let typed = |line: &str| match read_with(line, true) {
        Typed::Command(Command::People(PeopleCommand::Accept(accepting))) => accepting,
        other => panic!("{line}: {other:?}"),
    };
    let (number, words) = CodeWords::read("7-abandon-zoo").expect("a code");
    let code = |host: Option<&str>| {
        let (words, host) = (words.clone(), host.map(str::to_owned));
        Accepting::Code { number, words, host }
    };
    let request = |name: &str| Accepting::Request(Some(name.to_owned()));
    for (line, expected) in [
        ("/accept", Accepting::Request(None)),
        ("/accept bob", request("bob")),
        ("/accept 7-eleven-shop", request("7-eleven-shop")),
        ("/accept 7-abandon-zoo@rv", request("7-abandon-zoo@rv")),
        ("/accept 7-abandon-zoo", code(None)),
        ("/accept 7 Abandon zoo", code(None)),
        ("／accept　７的歇", code(None)),
        ("/accept 7-abandon-zoo @rv", code(Some("rv"))),
        ("/accept 7 abandon zoo ＠rv", code(Some("rv"))),
    ] {
        assert_eq!(typed(line), expected, "{line}");
    }
    for line in ["/accept bob eve", "/accept 7 abandon", "/invite bob", "/invite #tea"] {
        assert!(matches!(read_with(line, true), Typed::Wrong(Problem::Usage(_))), "{line}");
    }
    let misheard = Typed::Wrong(Problem::NotACode(NotACode::Unknown(2)));
    assert_eq!(read_with("/accept 7 abandon zooo", true), misheard);
    assert_eq!(read_with("/accept p2pchat:bob", true), Typed::Wrong(Problem::NoLink));
    let asking = Asking { anew: true, wording: Some(Wording::Chinese), host: Some("rv".into()) };
    let invite = Typed::Command(Command::People(PeopleCommand::Invite(asking)));
    assert_eq!(read_with("/invite new zh @rv", true), invite);
}

#[test]
fn full_width_marks_inside_text_stay() {
    assert_eq!(read_with("你好／再见＠｜", true), text("你好／再见＠｜"));
    assert_eq!(read_with("@alice ＠家　／", true), message("alice", "＠家　／"));
}

#[test]
fn the_bare_words_do_not_swallow_sentences() {
    for (line, command) in [
        ("who", Command::Who),
        ("look", Command::Who),
        ("exit ", Command::Quit),
        ("logout", Command::Logout),
        ("login Bob", Command::Login(name("bob"))),
    ] {
        assert_eq!(read_with(line, true), Typed::Command(command), "{line}");
    }
    for line in ["who are you", "look at this", "exit through the shop", "login as bob now", "Who"]
    {
        assert_eq!(read_with(line, true), text(line));
    }
    assert_eq!(read_with("say it to me only", true), text("say it to me only"));
    assert_eq!(
        read_with("say hello to all", false),
        Typed::Command(Command::Everyone("hello to all".into()))
    );
}

#[test]
fn an_unknown_command_is_never_text() {
    for (line, nearest) in [
        ("/mgs alice hi", Some("msg")),
        ("/hist", Some("history")),
        ("/ext", Some("exit")),
        ("/etc/passwd", None),
        ("/", None),
    ] {
        let Typed::Wrong(Problem::UnknownCommand { nearest: found, .. }) = read_with(line, true)
        else {
            panic!("{line} was taken for something else");
        };
        assert_eq!(found.as_deref(), nearest, "{line}");
    }
}

#[test]
fn there_is_a_way_to_send_what_looks_like_a_command() {
    assert_eq!(read_with("//who", true), text("/who"));
    assert_eq!(read_with(" who", true), text(" who"));
    assert_eq!(read_with("\t/who", true), text("\t/who"));
    assert_eq!(read_with("if (a||b) c", true), text("if (a||b) c"));
    assert_eq!(read_with("  ", true), Typed::Nothing);
    assert_eq!(read_with("", false), Typed::Nothing);
}

#[test]
fn arguments_are_checked_against_the_usage() {
    for line in ["/msg", "/trust alice", "/login", "/login a b", "/who bob", "/history alice x"] {
        assert!(matches!(read_with(line, true), Typed::Wrong(Problem::Usage(_))), "{line}");
    }
    assert!(matches!(read_with("/msg a#b hi", true), Typed::Wrong(Problem::BadName { .. })));
    assert_eq!(
        read_with("/history alice 5", true),
        Typed::Command(Command::History { with: Some(at_rv("alice")), limit: 5 })
    );
    assert_eq!(
        read_with("/history 99999", true),
        Typed::Command(Command::History { with: None, limit: MAX_HISTORY })
    );
    assert_eq!(
        read_with("/trust alice abcd2345…", true),
        Typed::Command(Command::Trust { peer: at_rv("alice"), tag: "abcd2345".into() })
    );
}

#[test]
fn an_export_is_named_by_its_form_or_by_its_file() {
    let export =
        |format, path: &str| Typed::Command(Command::Export { format, path: path.to_owned() });
    for (line, format, path) in [
        ("/export notes.md", Format::Markdown, "notes.md"),
        ("/export ~/我的 笔记.txt ", Format::Text, "~/我的 笔记.txt"),
        ("/export json a b", Format::Json, "a b"),
        ("/export text a.json", Format::Text, "a.json"),
        ("/export json", Format::Text, "json"),
    ] {
        assert_eq!(read_with(line, true), export(format, path), "{line}");
    }
    for line in ["/export", "/export ", "/open 0", "/open x", "/open 1 2"] {
        assert!(matches!(read_with(line, true), Typed::Wrong(Problem::Usage(_))), "{line}");
    }
    assert_eq!(read_with("/open", true), Typed::Command(Command::OpenLink(1)));
    assert_eq!(read_with("/o 3", true), Typed::Command(Command::OpenLink(3)));
}

#[test]
fn what_can_be_set_has_values_of_its_own() {
    let set = |decision| Typed::Command(Command::Set(decision));
    assert_eq!(read_with("/set read on", true), set(Decision::Read(true)));
    assert_eq!(read_with("/set typing off", true), set(Decision::Typing(false)));
    let kept = Decision::Keep(Retention::Days(84));
    assert_eq!(read_with("/set retention 12w", true), set(kept));
    assert_eq!(read_with("/set", true), Typed::Command(Command::Settings));
    for line in ["/set read", "/set read 90d", "/set retention on", "/set else on"] {
        assert!(matches!(read_with(line, true), Typed::Wrong(Problem::Usage(_))), "{line}");
    }
}

#[test]
fn no_word_means_two_commands() {
    let mut words: Vec<&str> = all()
        .flat_map(|help| std::iter::once(help.word).chain(help.also.iter().copied()))
        .collect();
    let count = words.len();
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), count);
}
