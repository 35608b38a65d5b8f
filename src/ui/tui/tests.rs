//! Stories on the screen: what happens, which keys are pressed, and the picture after each step.
//!
//! The pictures are in `pictures/`, one file a story. `▏` stands where the caret is, in front of
//! the cell that it is on.

mod rooms;
mod story;
mod written;

use super::SMALLEST;
use crate::chat::{Direction, HistoryLine, LineState, Manner, Notice, Place, Presence, Quote};
use story::{Story, alice, bob, stored};

/// No lines.
const NONE: [u8; 0] = [];

#[test]
fn lines_come_and_go() {
    for columns in [40, 80, 120] {
        let mut story = Story::of(columns, 12);
        story.happens("carol opens a conversation with alice, who is there");
        story.opens(&alice());
        story.comes(&alice(), Presence::Connected);
        story.picture();
        story.types("hello alice, this line is long enough to be broken on a small screen ");
        story.types("你好，世界。");
        story.picture();
        story.presses("Enter");
        story.sends(&alice(), 1);
        story.picture();
        story.becomes(&alice(), 1, LineState::Sent);
        story.says(&alice(), 2, "hi bob");
        story.says(&alice(), 3, "how are you?");
        story.becomes(&alice(), 1, LineState::Delivered);
        story.picture();
        story.told(&format!("lines_come_and_go_{columns}"));
    }
}

#[test]
fn whoever_reads_above_is_not_disturbed() {
    for columns in [40, 80, 120] {
        let mut story = Story::of(columns, 10);
        story.opens(&alice());
        story.comes(&alice(), Presence::Connected);
        for line in 1..=20 {
            story.says(&alice(), line, &format!("line {line}"));
            story.minutes_pass(1);
        }
        story.picture();
        story.presses("PageUp");
        story.picture();
        story.happens("three lines come");
        for line in 21..=23 {
            story.says(&alice(), line, &format!("line {line}"));
        }
        story.picture();
        story.presses("PageDown");
        story.picture();
        story.presses("End");
        story.picture();
        story.told(&format!("whoever_reads_above_is_not_disturbed_{columns}"));
    }
}

#[test]
fn the_wheel_goes_through_what_was_said() {
    for columns in [40, 80, 120] {
        let mut story = Story::of(columns, 8);
        story.opens(&alice());
        for line in 1..=12 {
            story.says(&alice(), line, &format!("line {line}"));
            story.minutes_pass(1);
        }
        story.wheels(true);
        story.picture();
        story.wheels(false);
        story.picture();
        story.told(&format!("the_wheel_goes_through_what_was_said_{columns}"));
    }
}

#[test]
fn another_conversation_keeps_what_is_unread_and_what_was_being_written() {
    for columns in [40, 80, 120] {
        let mut story = Story::of(columns, 10);
        story.opens(&alice());
        story.comes(&alice(), Presence::Connected);
        story.says(&alice(), 1, "are you there?");
        story.types("half a thought");
        story.comes(&bob(), Presence::Connected);
        story.says(&bob(), 2, "the build is green");
        story.picture();
        story.presses("Alt+a");
        story.picture();
        story.says(&alice(), 3, "hello?");
        story.picture();
        story.presses("Ctrl+p");
        story.picture();
        story.told(&format!("another_conversation_{columns}"));
    }
}

#[test]
fn a_changed_key_is_loud() {
    for columns in [40, 80, 120] {
        let mut story = Story::of(columns, 12);
        story.opens(&alice());
        story.key_changes(&bob());
        story.picture();
        story.presses("Alt+2");
        story.picture();
        story.told(&format!("a_changed_key_is_loud_{columns}"));
    }
}

#[test]
fn every_size_is_drawn_and_the_smallest_say_so() {
    let mut story = Story::of(SMALLEST.0, SMALLEST.1);
    story.opens(&alice());
    story.says(&alice(), 1, "你好，世界。 a line");
    story.types("some words that do not fit");
    story.picture();
    for columns in 0..130 {
        for rows in 0..12 {
            story.is_resized_to(columns, rows);
        }
    }
    story.is_resized_to(19, 4);
    story.picture();
    story.told("the_smallest_terminal");
}

#[test]
fn control_c_clears_asks_and_leaves() {
    for columns in [40, 80, 120] {
        let mut story = Story::of(columns, 6);
        story.opens(&alice());
        story.comes(&alice(), Presence::Offline);
        story.types("is not delivered");
        story.presses("Enter");
        story.sends(&alice(), 1);
        story.types("never mind");
        story.presses("Ctrl+c");
        story.picture();
        story.presses("Ctrl+c");
        story.picture();
        assert!(!story.has_left());
        story.types("x");
        story.presses("Ctrl+c");
        story.presses("Ctrl+c");
        assert!(!story.has_left(), "something was written in between");
        story.presses("Ctrl+c");
        assert!(story.has_left());
        story.told(&format!("control_c_clears_asks_and_leaves_{columns}"));
    }
}

#[test]
fn a_line_is_seen_when_it_is_in_view_of_somebody_who_looks() {
    let mut story = Story::of(80, 10);
    story.opens(&alice());
    story.says(&alice(), 1, "one");
    assert_eq!(story.seen(), [1]);
    story.is_looked_at(false);
    story.says(&alice(), 2, "two");
    assert_eq!(story.seen(), NONE);
    story.is_looked_at(true);
    assert_eq!(story.seen(), [2]);
    for line in 3..30 {
        story.says(&alice(), line, "more");
    }
    story.seen();
    story.presses("PageUp");
    story.says(&alice(), 30, "below");
    assert_eq!(story.seen(), NONE);
    story.presses("End");
    assert_eq!(story.seen(), [30]);
    story.says(&bob(), 31, "elsewhere");
    assert_eq!(story.seen(), NONE);
    story.presses("Alt+2");
    assert_eq!(story.seen(), [31]);
    story.presses("F1");
    story.says(&bob(), 32, "behind the help");
    assert_eq!(story.seen(), NONE);
    story.presses("Esc");
    assert_eq!(story.seen(), [32]);
}

#[test]
fn nothing_a_stranger_writes_reaches_the_terminal_unfiltered() {
    for columns in [40, 80, 120] {
        let mut story = Story::of(columns, 12);
        story.opens(&alice());
        story.says(
            &alice(),
            1,
            "\u{1b}]52;c;aGk=\u{7}\u{9b}31m red\rfake\u{202e}desrever\u{2028}12:00 bob  forged",
        );
        story.picture();
        story.told(&format!("nothing_unfiltered_{columns}"));
    }
}

#[test]
fn what_was_said_before_is_there_with_all_that_was_done_to_it() {
    for columns in [40, 80, 120] {
        let mut story = Story::of(columns, 16);
        story.opens(&alice());
        let plain = |number, text| stored(number, Direction::In, text);
        let ours = |number, text| stored(number, Direction::Out, text);
        let quote = Quote {
            by: Direction::In,
            author: None,
            key: None,
            sent_at: plain(1, "").sent_at,
            text: Some("shall we meet at the old bridge, as always?".to_owned()),
            is_hidden: false,
        };
        let late = plain(6, "sorry, I was on a train");
        story.reads(
            &alice(),
            vec![
                plain(1, "shall we meet at the old bridge, as always?"),
                HistoryLine {
                    author: None,
                    manner: Manner::Reply { to: plain(1, "").id },
                    quote: Some(quote),
                    reactions: vec![crate::chat::Reaction {
                        by: Direction::In,
                        author: None,
                        text: "👍".to_owned(),
                    }],
                    ..ours(2, "yes, at eight")
                },
                HistoryLine { edited_at: Some(plain(4, "").sent_at), ..ours(3, "no, at nine") },
                HistoryLine { deleted: true, text: String::new(), ..plain(4, "") },
                HistoryLine { manner: Manner::Action, ..plain(5, "waves") },
                HistoryLine { arrived_at: Some(plain(90, "").sent_at), ..late },
            ],
            true,
        );
        story.picture();
        story.told(&format!("what_was_said_before_{columns}"));
    }
}

#[test]
fn a_long_history_is_read_page_by_page_as_the_reader_goes_up() {
    for columns in [40, 80, 120] {
        let mut story = Story::of(columns, 10);
        story.opens(&alice());
        assert_eq!(story.pages_wanted(), (1, None), "the newest page, and only once");
        let page = |numbers: std::ops::Range<u64>| {
            let line = |number| stored(number, Direction::In, &format!("line {number}"));
            numbers.map(line).collect::<Vec<_>>()
        };
        story.reads(&alice(), page(801..1001), false);
        assert_eq!(story.pages_wanted(), (0, None), "there is enough above the reader");
        for _ in 0..20 {
            story.presses("PageUp");
        }
        assert_eq!(story.pages_wanted(), (1, Some(Place(801))));
        story.picture();
        story.reads(&alice(), page(601..801), false);
        story.happens("older lines come, and nothing moves");
        story.picture();
        // A line that came by itself is not shown twice when its page comes.
        story.told(&format!("a_long_history_{columns}"));
    }
}

#[test]
fn what_came_by_itself_is_not_there_twice() {
    for columns in [40, 80, 120] {
        let mut story = Story::of(columns, 8);
        story.says(&alice(), 1, "the newest");
        story.opens(&alice());
        let mut known = stored(2, Direction::In, "the newest");
        known.id = crate::chat::LineId([1; 16]);
        story.reads(&alice(), vec![stored(1, Direction::In, "an older one"), known], true);
        story.picture();
        story.told(&format!("not_twice_{columns}"));
    }
}

#[test]
fn what_is_unread_begins_with_the_first_of_it_also_where_that_is_on_an_older_page() {
    for columns in [40, 80, 120] {
        let mut story = Story::of(columns, 65);
        story.has_unread(&alice(), 250);
        story.opens(&alice());
        let page = |numbers: std::ops::Range<u64>, state: LineState| {
            let line = |number| HistoryLine {
                author: None,
                state: state.clone(),
                ..stored(number, Direction::In, &format!("line {number}"))
            };
            numbers.map(line).collect::<Vec<_>>()
        };
        story.reads(&alice(), page(801..1001, LineState::Delivered), false);
        assert_eq!(story.seen().len(), 1);
        story.happens(
            "of 250 unread lines 200 are read in; whoever looks at the newest has seen all",
        );
        story.has_unread(&alice(), 0);
        story.presses("PageUp");
        story.presses("PageUp");
        story.reads(&alice(), page(601..801, LineState::Read), false);
        story.presses("PageUp");
        story.presses("PageUp");
        story.is_resized_to(columns, 8);
        story.picture();
        story.told(&format!("unread_on_two_pages_{columns}"));
    }
}

#[test]
fn lines_are_changed_where_they_stand() {
    for columns in [40, 80, 120] {
        let mut story = Story::of(columns, 9);
        story.opens(&alice());
        story.comes(&alice(), Presence::Connected);
        story.says(&alice(), 1, "see you at eigth");
        story.says(&alice(), 2, "oops");
        let quote = |text: &str| Quote {
            by: Direction::In,
            author: None,
            key: None,
            sent_at: crate::chat::Timestamp(0),
            text: Some(text.to_owned()),
            is_hidden: false,
        };
        let amended = |id: u8, line: u8, text: Option<&str>| Notice::Amended {
            with: alice(),
            id: crate::chat::LineId([id; 16]),
            line: crate::chat::LineId([line; 16]),
            text: text.map(str::to_owned),
            by: Direction::In,
            author: None,
            at: crate::chat::Timestamp(0),
            quote: quote("x"),
        };
        story.hears(&amended(1, 3, Some("see you at eight")));
        story.hears(&amended(2, 4, None));
        story.hears(&Notice::Reacted {
            with: alice(),
            id: crate::chat::LineId([1; 16]),
            line: crate::chat::LineId([5; 16]),
            by: Direction::Out,
            author: None,
            reaction: "👍".to_owned(),
            at: crate::chat::Timestamp(0),
            quote: quote("x"),
        });
        story.hears(&Notice::Typing { peer: alice(), typing: true });
        story.picture();
        story.told(&format!("lines_are_changed_{columns}"));
    }
}

#[test]
fn the_help_is_one_key_away() {
    for columns in [40, 80, 120] {
        let mut story = Story::of(columns, 20);
        story.opens(&alice());
        story.presses("F1");
        story.picture();
        story.presses("PageDown");
        story.picture();
        story.presses("Esc");
        story.picture();
        story.told(&format!("the_help_{columns}"));
    }
}

#[test]
fn a_search_finds_lines_and_goes_there() {
    for columns in [40, 80, 120] {
        let mut story = Story::of(columns, 10);
        story.opens(&alice());
        let line = |number, text| stored(number, Direction::In, text);
        story.reads(&alice(), vec![line(900, "the newest"), line(901, "of all")], false);
        story.presses("Ctrl+f");
        story.types("开会");
        story.hears(&Notice::Found {
            text: "开会".to_owned(),
            with: Some(alice()),
            lines: vec![line(70, "明天几点开会？"), line(7, "我们什么时候开会")],
        });
        story.picture();
        story.presses("Down");
        story.pages_wanted();
        story.presses("Enter");
        // The newest page was asked for before, and is not wanted any more.
        let (_, before) = story.pages_wanted();
        assert_eq!(before, Some(Place(8)));
        story.reads(&alice(), vec![line(800, "not wanted")], false);
        story.reads(&alice(), vec![line(6, "你好"), line(7, "我们什么时候开会")], true);
        story.picture();
        story.presses("End");
        assert_eq!(story.pages_wanted(), (1, None), "the newest again");
        story.told(&format!("a_search_{columns}"));
    }
}

#[test]
fn what_is_typed_opens_what_a_key_opens() {
    for columns in [40, 80, 120] {
        let mut story = Story::of(columns, 10);
        story.opens(&alice());
        let found = |lines| Notice::Found { text: "开会".to_owned(), with: None, lines };
        let line = || vec![stored(70, Direction::In, "明天几点开会？")];
        story.types("/search 开会");
        story.presses("Enter");
        story.hears(&found(Vec::new()));
        story.hears(&found(line()));
        story.picture();
        story.presses("Esc");
        story.presses("Ctrl+f");
        story.types("开会");
        story.presses("Esc");
        story.hears(&found(line()));
        story.hears(&found(line()));
        story.happens("the answer to what was looked for with Ctrl+f comes late");
        story.picture();
        story.types("/help");
        story.presses("Enter");
        story.hears(&Notice::Help(crate::chat::command::all().collect()));
        story.picture();
        story.told(&format!("what_is_typed_opens_it_{columns}"));
    }
}

#[test]
fn a_flood_neither_fills_the_memory_nor_moves_what_is_read() {
    for columns in [40, 80, 120] {
        let mut story = Story::of(columns, 8);
        story.opens(&alice());
        story.is_flooded_by(&alice(), 30_000);
        story.happens("30,000 lines");
        story.picture();
        story.presses("PageUp");
        story.is_flooded_by(&alice(), 30_000);
        story.happens("30,000 more while somebody reads above");
        story.picture();
        story.pages_wanted();
        story.presses("End");
        assert_eq!(story.pages_wanted().1, None, "the newest come from the disk");
        story.told(&format!("a_flood_{columns}"));
    }
}

#[test]
fn what_is_written_never_goes_to_somebody_else_than_it_is_shown_for() {
    for columns in [40, 80, 120] {
        let mut story = Story::of(columns, 6);
        story.opens(&alice());
        story.comes(&bob(), Presence::Connected);
        story.is_refused(&bob());
        story.presses("Alt+2");
        story.happens("the chat refuses");
        story.picture();
        story.told(&format!("a_refused_conversation_{columns}"));
    }
}

#[test]
fn what_was_said_before_anybody_was_there_is_still_seen() {
    for columns in [40, 80, 120] {
        let mut story = Story::of(columns, 7);
        story.is_told("A rendezvous runs in this process.");
        story.picture();
        story.says(&alice(), 1, "hello");
        story.opens(&alice());
        story.happens("alice writes");
        story.picture();
        story.told(&format!("before_anybody_was_there_{columns}"));
        let mut story = Story::of(columns, 7);
        story.is_told("It is told first.");
        story.minutes_pass(1);
        story.comes(&alice(), Presence::Connected);
        story.opens(&alice());
        story.happens("alice comes, and is gone to");
        story.picture();
        story.told(&format!("in_the_order_in_which_it_happened_{columns}"));
    }
}

#[test]
fn an_address_is_a_link_as_a_whole_also_where_it_is_broken() {
    let mut story = Story::of(40, 10);
    story.opens(&alice());
    let address = "https://example.org/a/long/path/to/something";
    story.says(&alice(), 1, &format!("看 {address} 好"));
    let links = story.links();
    assert!(links.len() > 1, "{links:?}");
    assert!(links.iter().all(|(_, target)| target == address), "{links:?}");
    assert_eq!(links.iter().map(|(piece, _)| &**piece).collect::<String>(), address);
    story.says(&alice(), 2, "javascript://x www.example.org");
    assert_eq!(story.links(), links);
}

#[test]
fn whoever_looks_elsewhere_is_told_once_and_who_looks_is_not() {
    let mut story = Story::of(80, 10);
    story.opens(&alice());
    story.says(&alice(), 1, "one");
    assert!(story.notified().is_empty());
    story.is_looked_at(false);
    story.says(&alice(), 2, "two");
    story.says(&bob(), 3, "three");
    assert_eq!(story.notified(), ["alice wrote to you"]);
    story.minutes_pass(1);
    story.says(&bob(), 4, "four");
    assert_eq!(story.notified(), ["bob wrote to you"]);
    story.minutes_pass(1);
    story.types("an answer");
    story.presses("Enter");
    story.sends(&alice(), 5);
    assert!(story.notified().is_empty());
}

#[test]
fn what_is_written_before_anybody_is_there_stays() {
    for columns in [40, 80, 120] {
        let mut story = Story::of(columns, 6);
        story.types("hel");
        story.opens(&alice());
        story.types("lo");
        story.picture();
        story.told(&format!("begun_before_anybody_was_there_{columns}"));
    }
}

#[test]
fn the_other_side_is_told_of_typing_until_it_pauses_or_ends() {
    let mut story = Story::of(80, 10);
    let told = |name: &str, typing| (name.to_owned(), typing);
    story.opens(&alice());
    story.comes(&bob(), Presence::Connected);
    story.types("h");
    assert_eq!(story.typing_told(), [told("alice", true)]);
    assert!(story.is_woken(), "a pause ends it");
    assert_eq!(story.typing_told(), [told("alice", false)]);
    assert!(!story.is_woken(), "nothing else is to come");
    story.types("i");
    story.presses("Enter");
    assert_eq!(story.typing_told(), [told("alice", true), told("alice", false)]);
    story.types("/who");
    story.presses("Ctrl+u");
    story.types("@bob hi");
    story.presses("Ctrl+u");
    assert!(story.typing_told().is_empty(), "neither a command nor what is for another");
    story.types("x");
    story.presses("Ctrl+n");
    assert_eq!(story.typing_told(), [told("alice", true), told("alice", false)]);
}

#[test]
fn a_key_that_changed_in_an_earlier_run_is_loud_from_the_start() {
    for columns in [40, 80, 120] {
        let mut story = Story::of(columns, 6);
        story.opens(&alice());
        story.was_offered_another_key(&bob());
        story.picture();
        story.told(&format!("a_key_changed_earlier_{columns}"));
    }
}

#[test]
fn lines_of_a_paste_are_no_commands() {
    let mut story = Story::of(80, 10);
    story.opens(&alice());
    story.pastes("one\n/quit\n@bob three\nfour\nfive\n");
    story.presses("l");
    assert_eq!(story.texts(), ["one", "/quit", "@bob three", "four", "five"]);
    assert!(!story.has_left());
}
