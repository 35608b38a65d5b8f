//! Rooms: who is in them, who comes and goes, who says what.

use p2pchat_wire::identity::Name;

use super::story::{Story, address, key_of, stored};
use crate::chat::room::{End, Standing};
use crate::chat::{
    Address, Attendee, Direction, HistoryLine, LineId, LineState, Manner, Notice, Presence,
    Progress, Quote, RoomNews, Timestamp,
};
use crate::ui::language::Tongue;
use crate::ui::tui::theme::Theme;

fn tea() -> Address {
    Address::room(Name::new("tea").expect("a name"), "host")
}

fn moved(came: &[&str], left: &[&str]) -> Notice {
    let all = |names: &[&str]| names.iter().map(|name| address(&format!("{name}@host"))).collect();
    Notice::Room { room: tea(), news: RoomNews::Moved { came: all(came), left: all(left) } }
}

#[test]
fn whoever_comes_and_goes_is_told_in_one_line_as_long_as_nothing_else_is_said() {
    for columns in [40, 80, 120] {
        let mut story = Story::of(columns, 14);
        story.enters(&tea());
        story.hears(&moved(&["爱丽丝"], &[]));
        story.hears(&moved(&["bob", "dave"], &[]));
        story.minutes_pass(1);
        story.hears(&moved(&["carol"], &["dave"]));
        story.picture();
        story.says_in(&tea(), "bob@host", 1, "hello all");
        story.hears(&moved(&["dave"], &[]));
        let names: Vec<String> = (0..29).map(|number| format!("member-{number}")).collect();
        story.hears(&moved(&names.iter().map(String::as_str).collect::<Vec<_>>(), &[]));
        story.happens("bob says something, and after a restart everybody comes at once");
        story.picture();
        story.told(&format!("coming_and_going_{columns}"));
    }
}

#[test]
fn a_room_that_lets_nobody_in_yet_is_waited_for() {
    let mut story = Story::of(120, 10);
    story.waits_before(&tea());
    let text = story.text();
    assert_eq!(text.matches("waiting").count(), 2, "in the list and below: {text}");
}

#[test]
fn what_is_asked_about_a_room_is_answered_where_it_was_asked() {
    let mut story = Story::of(80, 10);
    story.enters(&tea());
    story.comes(&address("bob@host"), Presence::Connected);
    story.opens(&address("bob@host"));
    let news = RoomNews::Summary { members: 3, here: 2, is_in: true, topic: None, unread: 0 };
    story.hears(&Notice::Room { room: tea(), news });
    let answer = "#tea: 3 members, 2 here.";
    assert!(story.text().contains(answer), "where one looks");
    let waits = vec![address("bob@host")];
    let news = RoomNews::Receipts { id: LineId([1; 16]), has: vec![], waits };
    story.hears(&Notice::Room { room: tea(), news });
    assert!(story.text().contains("Nobody has it yet. It waits for bob."));
    story.opens(&tea());
    assert!(!story.text().contains(answer), "and nowhere else");
}

#[test]
fn the_names_of_a_room_stand_in_a_column_as_wide_as_its_authors_ask_for() {
    for columns in [40, 80, 120] {
        let mut story = Story::with(columns, 12, Tongue::Zh, Theme::mono());
        story.enters(&tea());
        let line = |number, author: &str, text: &str| HistoryLine {
            author: Some(address(author)),
            key: Some(key_of(&address(author))),
            with: tea(),
            ..stored(number, Direction::In, text)
        };
        story.reads(
            &tea(),
            vec![line(1, "bo@host", "水开了"), line(2, "bo@host", "谁要茶？")],
            true,
        );
        story.picture();
        story.says_in(&tea(), "爱丽丝@host", 1, "我要绿茶，谢谢。外面在下雨，喝点热的正好。");
        story.says_in(&tea(), "爱丽丝@host", 2, "不加糖");
        story.says_in(&tea(), "bo@host", 3, "好");
        story.picture();
        story.says_in(&tea(), "图书馆-读书会-二〇二六@host", 4, "我们也来");
        story.happens("the name of a club is too long");
        story.picture();
        story.told(&format!("the_names_of_a_room_{columns}"));
    }
}

#[test]
fn how_many_have_a_line_stands_behind_it_until_all_do() {
    for columns in [40, 80, 120] {
        let mut story = Story::of(columns, 10);
        story.enters(&tea());
        story.types("谁要茶？ who wants tea?");
        story.presses("Enter");
        story.sends(&tea(), 1);
        story.picture();
        let progress = |line, have| Notice::Room {
            room: tea(),
            news: RoomNews::Progress { id: LineId([line; 16]), progress: Progress { have, of: 5 } },
        };
        story.hears(&progress(1, 0));
        story.hears(&progress(1, 3));
        story.types("a line that just fits where the terminal is small, or not");
        story.presses("Enter");
        story.sends(&tea(), 2);
        story.hears(&progress(2, 4));
        let before = HistoryLine {
            author: None,
            key: None,
            with: tea(),
            state: LineState::Sent,
            progress: Some(Progress { have: 1, of: 2 }),
            ..stored(1, Direction::Out, "two were away when this was said")
        };
        story.reads(&tea(), vec![before], true);
        story.happens("some have them, and one of an earlier run is read from the disk");
        story.picture();
        story.hears(&progress(1, 5));
        story.becomes(&tea(), 1, LineState::Delivered);
        story.happens("all have the first");
        story.picture();
        story.told(&format!("how_many_have_a_line_{columns}"));
    }
}

#[test]
fn it_is_said_whose_reactions_and_quotes_are_and_what_does_not_count_is_withdrawn_where_it_stands()
{
    for columns in [40, 80, 120] {
        let mut story = Story::of(columns, 16);
        story.enters(&tea());
        let quote = Quote {
            by: Direction::In,
            author: Some(Box::new(address("bob@host"))),
            key: Some(Box::new(key_of(&address("bob@host")))),
            sent_at: Timestamp(0),
            text: Some("green or black?".to_owned()),
            is_hidden: false,
        };
        let line = |number, author: &str, text: &str| HistoryLine {
            author: Some(address(author)),
            key: Some(key_of(&address(author))),
            with: tea(),
            ..stored(number, Direction::In, text)
        };
        let answer = HistoryLine {
            manner: Manner::Reply { to: LineId([1; 16]) },
            quote: Some(quote.clone()),
            ..line(1, "爱丽丝@host", "black, please")
        };
        story.reads(&tea(), vec![answer], true);
        story.says_in(&tea(), "bob@host", 1, "green or black?");
        story.says_in(&tea(), "mallory@host", 2, "send me money");
        for (author, number, reaction) in [
            ("爱丽丝@host", 3, "👍"),
            ("carol-of-the-library@host", 4, "👍"),
            ("dan@host", 6, "👍"),
            ("爱丽丝@host", 5, "🍵"),
        ] {
            story.hears(&Notice::Reacted {
                with: tea(),
                id: LineId([1; 16]),
                line: LineId([number; 16]),
                by: Direction::In,
                author: Some(Box::new(address(author))),
                reaction: reaction.to_owned(),
                at: Timestamp(0),
                quote: quote.clone(),
            });
        }
        story.happens("three react, one of them once more in another way");
        story.picture();
        story.hears(&Notice::Room {
            room: tea(),
            news: RoomNews::Standing {
                who: address("mallory@host"),
                standing: Standing::Withdrawn(End::Kicked),
                lines: vec![LineId([2; 16])],
                texts: Vec::new(),
            },
        });
        story.happens("the owner had removed mallory");
        story.picture();
        story.hears(&Notice::Room {
            room: tea(),
            news: RoomNews::Standing {
                who: address("mallory@host"),
                standing: Standing::Counts,
                lines: vec![LineId([2; 16])],
                texts: vec![(LineId([2; 16]), "send me tea".to_owned())],
            },
        });
        story.happens("mallory had said it before, and edited it");
        story.picture();
        story.pretends_in(&tea(), "bob@host", 3, "coffee, says bob");
        story.pretends_in(&tea(), "a-name-that-is-rather-long@host", 4, "so do I");
        story.happens("two have taken the names of others");
        story.picture();
        story.told(&format!("whose_in_a_room_{columns}"));
    }
}

#[test]
fn the_members_of_a_room_stand_on_the_right() {
    let member = |name: &str, is_owner, is_here| {
        let who = address(name);
        Attendee { key: key_of(&who), who, is_owner, is_us: name == "carol@host", is_here }
    };
    for columns in [40, 80, 120] {
        let mut story = Story::of(columns, 9);
        story.enters(&tea());
        story.says_in(&tea(), "alice@host", 1, "the kettle is on");
        story.meets(vec![
            member("alice@host", true, true),
            member("bob@host", false, false),
            member("carol@host", false, true),
            member("图书馆-读书会-二〇二六@host", false, true),
        ]);
        story.happens("four are in the room, three of them connected");
        story.picture();
        story.meets(
            (0..30_u8).map(|n| member(&format!("m{n}@host"), n == 29, n % 2 == 0)).collect(),
        );
        story.happens("it is full");
        story.picture();
        story.presses("F3");
        story.picture();
        story.told(&format!("the_members_of_a_room_{columns}"));
    }
}
