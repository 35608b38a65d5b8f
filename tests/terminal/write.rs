//! What is being written: where the caret stands, and what is pasted.

use super::pty::{demo, rows};

#[test]
fn the_caret_stands_behind_each_character_as_it_is_typed() {
    let mut terminal = demo(80, 24);
    terminal.types("你");
    terminal.writes("你", 2);
    terminal.types("好");
    terminal.writes("你好", 4);
    terminal.types("，a");
    terminal.writes("你好，a", 7);
    // Back over the letter and a wide character, and on in between.
    terminal.types("\x1b[D\x1b[D");
    terminal.writes("你好，a", 4);
    terminal.types("吗");
    terminal.writes("你好吗，a", 6);
    terminal.types("\x7f\x7f");
    terminal.writes("你，a", 2);
    terminal.types("\x15\x0b");
    terminal.writes("", 0);
}

#[test]
fn the_caret_stands_behind_what_is_pasted() {
    let mut terminal = demo(80, 24);
    terminal.pastes("你好");
    terminal.writes("你好", 4);
    terminal.pastes("👍");
    terminal.writes("你好👍", 6);
    terminal.types("\x7f");
    terminal.writes("你好", 4);
}

#[test]
fn a_character_whose_bytes_come_one_by_one_is_one_character() {
    let mut terminal = demo(80, 24);
    terminal.types_bytes(&["你".as_bytes(), &"好".as_bytes()[..1]].concat());
    terminal.writes("你", 2);
    terminal.types_bytes(&"好".as_bytes()[1..]);
    terminal.writes("你好", 4);
}

#[test]
fn a_long_text_makes_the_composer_grow_and_the_caret_goes_along() {
    let mut terminal = demo(40, 24);
    // 38 cells are right of the prompt, and the caret wants one of them.
    terminal.types(&"字".repeat(18));
    terminal.writes(&"字".repeat(18), 36);
    terminal.types("字字");
    terminal.until("two rows", |screen| {
        let rows = rows(screen);
        rows[22] == format!("> {}", "字".repeat(18)) && rows[23].trim() == "字字"
    });
    assert_eq!(terminal.screen().cursor_position(), (23, 6));
}

#[test]
fn a_paste_of_forty_lines_is_one_question_and_one_message() {
    let mut terminal = demo(80, 60);
    terminal.types("hello\r");
    terminal.shows("echo  hello");
    let lines: Vec<String> = (1..=40).map(|line| format!("line {line}")).collect();
    // As terminals paste it: with what Enter sends.
    terminal.pastes(&lines.join("\r"));
    terminal.shows("40 lines");
    assert!(terminal.rows().iter().all(|row| !row.contains("line 1")), "nothing was sent");
    terminal.types("d");
    terminal.shows_no_more("40 lines");
    terminal.pastes(&lines.join("\r"));
    terminal.shows("40 lines");
    terminal.types("m");
    // The echo is below: it says the same, as one line of its own.
    terminal.shows("echo  line 1");
    terminal.shows("line 40");
    let clocks = |row: &&String| row.contains(" you   ") || row.contains(" echo  ");
    assert!(terminal.rows().iter().filter(clocks).count() <= 4, "{:#?}", terminal.rows());
    terminal.writes("", 0);
}
