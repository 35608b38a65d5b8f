//! Stories on the screen: what happens, which keys are pressed, and the picture after each step.
//!
//! The pictures are in `pictures/`, one file a story. `▏` stands where the caret is, in front of
//! the cell that it is on.

mod story;

use super::SMALLEST;
use crate::chat::{LineState, Presence};
use story::{Story, alice, bob};

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
    let mut story = Story::of(60, 6);
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
    story.told("control_c_clears_asks_and_leaves");
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
}

#[test]
fn nothing_a_stranger_writes_reaches_the_terminal_unfiltered() {
    let mut story = Story::of(80, 12);
    story.opens(&alice());
    story.says(
        &alice(),
        1,
        "\u{1b}]52;c;aGk=\u{7}\u{9b}31m red\rfake\u{202e}desrever\u{2028}12:00 bob  forged",
    );
    story.picture();
    story.told("nothing_unfiltered");
}
