//! What is written and in which letters: completion, pastes, drafts, Chinese, wide characters.

use super::super::cells::Ambiguous;
use super::super::theme::{Symbols, Theme};
use super::story::{Story, address, alice, bob, stored};
use crate::chat::files::disk::Content;
use crate::chat::files::{Motion, Stage};
use crate::chat::{
    Direction, FailureKind, FileNews, HistoryLine, LineState, Manner, Notice, Presence, Problem,
    StoreFailure,
};
use crate::ui::language::Tongue;

#[test]
fn a_word_is_completed_from_a_choice_of_candidates() {
    for columns in [40, 80, 120] {
        let mut story = Story::of(columns, 6);
        story.opens(&alice());
        for name in ["albert@host", "alan@host", "alba-from-the-library@host", "阿明@host"] {
            story.comes(&address(name), Presence::Offline);
        }
        story.types("@al");
        story.picture();
        story.presses("Tab");
        story.picture();
        story.presses("Tab");
        story.presses("Tab");
        story.picture();
        story.presses("Esc");
        story.picture();
        story.presses("Ctrl+u");
        story.types("/s");
        story.presses("Tab");
        story.picture();
        story.told(&format!("candidates_{columns}"));
    }
}

#[test]
fn a_file_on_its_way_has_a_gauge() {
    for columns in [40, 80] {
        let mut story = Story::of(columns, 8);
        story.opens(&alice());
        let offer = HistoryLine {
            manner: Manner::Offer { size: 3_200_000, root: [6; 32] },
            ..stored(1, Direction::Out, "photo.jpg")
        };
        let id = offer.id;
        story.reads(&alice(), vec![offer], true);
        let news = |stage| {
            Notice::File(Box::new(FileNews {
                with: alice(),
                id,
                number: 1,
                by: Direction::Out,
                name: "photo.jpg".to_owned(),
                size: 3_200_000,
                content: Content::File,
                reference: None,
                stage,
            }))
        };
        let motion = Motion { done: 2_000_000, rate: Some(400_000), left: Some(3) };
        story.hears(&news(Stage::Moving(motion)));
        story.picture();
        story.hears(&news(Stage::Done { path: None }));
        story.picture();
        story.told(&format!("a_file_on_its_way_{columns}"));
    }
}

#[test]
fn a_long_paste_is_asked_about() {
    for columns in [40, 80, 120] {
        let mut story = Story::of(columns, 8);
        story.opens(&alice());
        story.types("see: ");
        story.pastes("one\ntwo\nthree\nfour\nfive\n");
        story.happens("five lines are pasted");
        story.picture();
        story.presses("x");
        story.presses("e");
        story.picture();
        story.presses("Ctrl+c");
        story.pastes(&"a line of a very long text\n".repeat(4_000));
        story.happens("4,000 lines are pasted");
        story.picture();
        story.presses("d");
        story.picture();
        story.told(&format!("a_paste_{columns}"));
    }
}

#[test]
fn a_draft_waits_in_its_conversation_and_for_the_next_start() {
    for columns in [40, 80, 120] {
        let mut story = Story::of(columns, 8);
        story.opens(&alice());
        story.comes(&bob(), Presence::Connected);
        story.hears(&Notice::Draft {
            with: alice(), text: "begun yesterday, 昨天写的".to_owned()
        });
        story.happens("carol starts again");
        story.picture();
        story.types(", and today");
        story.presses("Alt+2");
        story.picture();
        story.types("for bob alone");
        story.presses("Alt+1");
        story.picture();
        story.told(&format!("a_draft_{columns}"));
    }
}

#[test]
fn a_chinese_screen() {
    let (ming, library) = (address("王小明@host"), address("图书馆-读书会-二〇二六@host"));
    for columns in [40, 80, 120] {
        let mut story = Story::with(columns, 14, Tongue::Zh, Theme::mono());
        story.opens(&ming);
        let line = |number, direction, text| HistoryLine {
            author: None,
            with: ming.clone(),
            ..stored(number, direction, text)
        };
        story.reads(
            &ming,
            vec![
                line(1, Direction::In, "今天天气很好，我们八点在老桥见面吧。你觉得怎么样？"),
                line(2, Direction::Out, "好。他说「八点半」也可以，我等你们。"),
            ],
            true,
        );
        story.comes(&ming, Presence::Connected);
        story.comes(&library, Presence::Registered);
        story.says(&library, 9, "明天几点开会？");
        story.types("我们一边走一边说，路上慢慢看风景，不着急。");
        story.picture();
        story.presses("Enter");
        story.sends(&ming, 1);
        story.becomes(&ming, 1, LineState::Delivered);
        story.hears(&Notice::Typing { peer: ming.clone(), typing: true });
        story.picture();
        story.presses("F1");
        story.picture();
        story.presses("PageDown");
        story.picture();
        story.presses("Esc");
        story.presses("Ctrl+f");
        story.picture();
        story.types("八点");
        story.hears(&Notice::Found {
            text: "八点".to_owned(),
            with: Some(ming.clone()),
            lines: vec![
                line(2, Direction::Out, "好。他说「八点半」也可以，我等你们。"),
                line(1, Direction::In, "今天天气很好，我们八点在老桥见面吧。你觉得怎么样？"),
            ],
        });
        story.picture();
        story.presses("Esc");
        story.pastes("一\n二\n三\n四\n五\n");
        story.happens("five lines are pasted");
        story.picture();
        story.told(&format!("a_chinese_screen_{columns}"));
    }
}

/// On a terminal that draws in two cells what can have one or two.
#[test]
fn no_row_is_too_long_where_ambiguous_characters_are_wide() {
    let (boris, sigma) = (address("борис@host"), address("σίγμα-ομάδα-ανάγνωσης@host"));
    for (symbols, marks) in [(Symbols::UNICODE, "unicode"), (Symbols::ASCII, "ascii")] {
        for columns in [40, 80, 120] {
            let theme = Theme { ambiguous: Ambiguous::Wide, symbols, ..Theme::mono() };
            let mut story = Story::with(columns, 14, Tongue::En, theme);
            story.opens(&boris);
            story.comes(&boris, Presence::Connected);
            story.comes(&sigma, Presence::Connected);
            story.says(&sigma, 9, "§ 1 — “quoted”…");
            let words = "± 5 °C — “так” × 2… ";
            story.says(&boris, 1, &words.repeat(4));
            story.types("“я”…");
            story.presses("Enter");
            story.sends(&boris, 2);
            story.becomes(&boris, 2, LineState::Delivered);
            story.hears(&Notice::Typing { peer: boris.clone(), typing: true });
            story.types("—§—");
            story.picture();
            for line in 10..20 {
                story.says(&boris, line, words);
            }
            story.presses("PageUp");
            story.says(&boris, 20, words);
            story.picture();
            story.presses("Ctrl+f");
            story.types("°");
            story.hears(&Notice::Found {
                text: "°".to_owned(),
                with: Some(boris.clone()),
                lines: vec![HistoryLine {
                    author: None,
                    with: boris.clone(),
                    ..stored(1, Direction::In, &words.repeat(9))
                }],
            });
            story.picture();
            story.presses("Esc");
            story.presses("F1");
            story.picture();
            story.told(&format!("wide_{marks}_{columns}"));
        }
    }
}

#[test]
fn what_the_disk_refused_is_said_where_it_stands_or_below_where_it_has_no_line() {
    let full = || {
        LineState::Failed(Problem::Store(StoreFailure {
            kind: FailureKind::Full,
            place: "chat.db".to_owned(),
            cause: "database or disk is full".to_owned(),
        }))
    };
    for columns in [40, 80, 120] {
        let mut story = Story::of(columns, 12);
        story.opens(&alice());
        let refused = HistoryLine { state: full(), ..stored(2, Direction::Out, "refused before") };
        story.reads(&alice(), vec![stored(1, Direction::Out, "kept"), refused], true);
        story.types("and this");
        story.presses("Enter");
        story.sends(&alice(), 1);
        story.becomes(&alice(), 1, full());
        // An edit, a deletion, a reaction: the line that it is about stays as it is.
        story.becomes(&alice(), 2, full());
        story.picture();
        story.told(&format!("a_full_disk_{columns}"));
    }
}

#[test]
fn a_conversation_with_somebody_who_is_removed_is_gone_and_what_was_begun_goes_to_nobody() {
    let mut story = Story::of(100, 10);
    for peer in [alice(), bob()] {
        story.comes(&peer, Presence::Connected);
        story.says(&peer, 1, "hello");
    }
    story.opens(&alice());
    story.types("for alice alone");
    story.is_removed(&alice());
    let shown = story.text();
    assert!(!shown.contains("hello") && !shown.contains("for alice"), "{shown}");
    assert!(shown.contains("no contact any more"), "{shown}");
    // What was asked for before does not bring it back.
    story.reads(&alice(), Vec::new(), true);
    assert!(!story.text().contains(" 2 "), "{}", story.text());
    story.opens(&bob());
    let shown = story.text();
    assert!(shown.contains("hello") && !shown.contains("for alice"), "{shown}");
    // The one that is open stays so when another goes.
    story.comes(&alice(), Presence::Connected);
    story.opens(&alice());
    story.types("again");
    story.is_removed(&bob());
    assert!(story.text().contains("again"), "{}", story.text());
}
