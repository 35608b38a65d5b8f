//! The window changes its size while people talk.

use super::pty::{demo, rows};

#[test]
fn everything_is_there_in_every_width() {
    let mut terminal = demo(120, 24);
    terminal.types("the quick brown fox 敏捷的棕色狐狸跳过了懒狗。\r");
    terminal.shows("echo  the quick brown fox 敏捷的棕色狐狸跳过了懒狗。");
    terminal.types("half 一半");
    for (columns, rows_high) in [(120, 24), (80, 20), (40, 16), (20, 12), (40, 24), (120, 30)] {
        terminal.resizes(columns, rows_high);
        terminal.writes("half 一半", 9);
        terminal.until("what the echo said", |screen| {
            let text: String = rows(screen).iter().map(|row| row.trim()).collect();
            text.contains("懒狗。")
        });
        let listed = terminal.rows().iter().any(|row| row.starts_with(">1 echo"));
        assert_eq!(listed, columns >= 90, "the list of conversations in {columns} columns");
        let status = terminal.rows()[usize::from(rows_high) - 2].clone();
        assert!(status.contains("echo ?"), "{columns}: {status:?}");
    }
    // Less than the least, and back.
    terminal.resizes(12, 3);
    terminal.shows("at least");
    terminal.resizes(80, 24);
    terminal.writes("half 一半", 9);
}

#[test]
fn a_key_that_comes_with_a_new_size_waits_for_no_other() {
    let mut terminal = demo(80, 24);
    // The key and the signal come at the same moment or one after the other, often enough for both.
    for round in 1..=200 {
        terminal.resizes(80 - round % 2, 24);
        terminal.types("b");
        terminal.writes("b", 1);
        terminal.types("\x7f");
        terminal.writes("", 0);
    }
}
