//! What is typed, and where the caret stands then.

use crossterm::event::{KeyCode, KeyModifiers};

use super::*;

/// A composer on a screen of its own, so many cells wide.
struct Desk {
    composer: Composer,
    width: u16,
}

impl Desk {
    fn new(width: u16) -> Self {
        Self { composer: Composer::new(), width }
    }

    fn type_text(&mut self, text: &str) {
        for c in text.chars() {
            assert_eq!(self.composer.write(c), Outcome::Changed);
        }
    }

    /// Presses keys, one after the other: `ctrl+w`, `alt+b`, `left`, `x`.
    fn press(&mut self, keys: &str) -> Outcome {
        let mut last = Outcome::Nothing;
        for key in keys.split_whitespace() {
            let (modifiers, name) = match key.split_once('+') {
                Some(("ctrl", name)) => (KeyModifiers::CONTROL, name),
                Some(("alt", name)) => (KeyModifiers::ALT, name),
                Some(("shift", name)) => (KeyModifiers::SHIFT, name),
                _ => (KeyModifiers::NONE, key),
            };
            let code = match name {
                "enter" => KeyCode::Enter,
                "esc" => KeyCode::Esc,
                "tab" if modifiers == KeyModifiers::SHIFT => KeyCode::BackTab,
                "tab" => KeyCode::Tab,
                "left" => KeyCode::Left,
                "right" => KeyCode::Right,
                "up" => KeyCode::Up,
                "down" => KeyCode::Down,
                "home" => KeyCode::Home,
                "end" => KeyCode::End,
                "backspace" => KeyCode::Backspace,
                "delete" => KeyCode::Delete,
                name => KeyCode::Char(name.chars().next().expect("a key")),
            };
            last = self.composer.handle_key(KeyEvent::new(code, modifiers));
        }
        last
    }

    /// The rows as they look, the caret as `|` before its cell.
    fn picture(&self) -> String {
        let area = Rect::new(0, 0, self.width, self.composer.rows(self.width));
        let mut buffer = Buffer::empty(area);
        self.composer.render(area, &mut buffer, Paint::default());
        let caret = self.composer.caret(area);
        let mut picture = String::new();
        for y in 0..area.height {
            let mut hidden = 0;
            let mut row = String::new();
            for x in 0..area.width {
                if caret == (Position { x, y }) {
                    assert_eq!(hidden, 0, "the caret stands inside a character");
                    row.push('|');
                }
                if hidden > 0 {
                    hidden -= 1;
                    continue;
                }
                let symbol = buffer[(x, y)].symbol();
                hidden = self.composer.ambiguous.cells(symbol).saturating_sub(1);
                row.push_str(symbol);
            }
            picture.push_str(row.trim_end());
            picture.push('\n');
        }
        picture
    }

    fn shows(&self, rows: &[&str]) {
        assert_eq!(self.picture(), rows.iter().map(|row| format!("{row}\n")).collect::<String>());
    }
}

#[test]
fn chinese_typed_letter_by_letter_keeps_the_caret_behind_it() {
    let mut desk = Desk::new(8);
    for (letter, rows) in [
        ("", &["|"][..]),
        ("你", &["你|"]),
        ("好", &["你好|"]),
        ("，", &["你好，|"]),
        // Seven cells hold three of them, and a comma does not begin a row.
        ("世", &["你好，", "世|"]),
        ("界", &["你好，", "世界|"]),
        ("。", &["你好，", "世界。|"]),
        ("a", &["你好，", "世界。a|"]),
    ] {
        desk.type_text(letter);
        desk.shows(rows);
    }
    desk.press("left left");
    desk.shows(&["你好，", "世界|。a"]);
    desk.press("backspace backspace backspace");
    desk.shows(&["你好|。a"]);
}

#[test]
fn a_family_is_deleted_as_a_whole() {
    let mut desk = Desk::new(20);
    desk.type_text("a👨\u{200d}👩\u{200d}👧\u{200d}👦e\u{301}🇨🇳");
    desk.shows(&["a👨\u{200d}👩\u{200d}👧\u{200d}👦e\u{301}🇨🇳|"]);
    desk.press("left left");
    desk.shows(&["a👨\u{200d}👩\u{200d}👧\u{200d}👦|e\u{301}🇨🇳"]);
    desk.press("backspace");
    desk.shows(&["a|e\u{301}🇨🇳"]);
    desk.press("delete");
    desk.shows(&["a|🇨🇳"]);
    desk.press("right backspace");
    desk.shows(&["a|"]);
}

#[test]
fn where_ambiguous_characters_are_wide_so_is_the_caret_s_way() {
    let mut desk = Desk::new(9);
    desk.composer = Composer::with(Ambiguous::Wide, Language::default());
    desk.type_text("a—…b");
    let area = Rect::new(0, 0, 9, 1);
    assert_eq!(desk.composer.caret(area), Position { x: 6, y: 0 });
    desk.shows(&["a—…b|"]);
    desk.type_text("…x");
    desk.shows(&["a—…b…", "x|"]);
}

#[test]
fn it_grows_to_eight_rows_and_then_scrolls() {
    let mut desk = Desk::new(10);
    for line in 1..=10 {
        desk.type_text(&line.to_string());
        if line < 10 {
            assert_eq!(desk.press("alt+enter"), Outcome::Changed);
        }
        assert_eq!(desk.composer.rows(10), if line < 8 { line + 1 } else { 8 });
    }
    desk.shows(&["3", "4", "5", "6", "7", "8", "9", "10|"]);
    desk.press("up up up up up up up");
    desk.shows(&["3|", "4", "5", "6", "7", "8", "9", "10"]);
    desk.press("up");
    desk.shows(&["2|", "3", "4", "5", "6", "7", "8", "9"]);
    desk.press("down down");
    desk.shows(&["2", "3", "4|", "5", "6", "7", "8", "9"]);
}

#[test]
fn up_and_down_keep_their_column_over_short_rows() {
    let mut desk = Desk::new(10);
    desk.type_text("你好世界");
    desk.press("ctrl+j");
    desk.type_text("a");
    desk.press("ctrl+j");
    desk.type_text("abcdefg");
    desk.press("left left");
    desk.shows(&["你好世界", "a", "abcde|fg"]);
    desk.press("up");
    desk.shows(&["你好世界", "a|", "abcdefg"]);
    desk.press("up");
    desk.shows(&["你好|世界", "a", "abcdefg"]);
    desk.press("down down");
    desk.shows(&["你好世界", "a", "abcde|fg"]);
}

#[test]
fn spaces_hang_over_the_edge_and_the_caret_has_a_cell_of_its_own_there() {
    let mut desk = Desk::new(6);
    desk.type_text("hello");
    desk.shows(&["hello|"]);
    desk.type_text(" ");
    desk.shows(&["hello", "|"]);
    desk.type_text("你");
    desk.shows(&["hello", "你|"]);
    desk.press("left");
    desk.shows(&["hello", "|你"]);
    desk.press("left");
    desk.shows(&["hello|", "你"]);
    desk.press("right");
    desk.type_text(" ");
    desk.shows(&["hello", "|你"]);
    desk.press("ctrl+e");
    desk.type_text("好吗。x");
    desk.shows(&["hello", "你好", "吗。x|"]);
}

#[test]
fn the_keys_of_readline_edit() {
    let mut desk = Desk::new(40);
    desk.type_text("one two three");
    desk.press("alt+b alt+b");
    desk.shows(&["one |two three"]);
    desk.press("alt+d");
    desk.shows(&["one | three"]);
    desk.press("ctrl+w");
    desk.shows(&["| three"]);
    desk.press("ctrl+e ctrl+y");
    desk.shows(&[" threeone two|"]);
    desk.press("ctrl+a ctrl+k");
    desk.shows(&["|"]);
    desk.press("ctrl+_");
    desk.shows(&["| threeone two"]);
    desk.press("alt+f ctrl+u");
    desk.shows(&["| two"]);
    desk.press("ctrl+x u");
    desk.shows(&[" threeone| two"]);
    desk.press("ctrl+x r");
    desk.shows(&["| two"]);
    desk.press("ctrl+c");
    desk.shows(&["|"]);
}

#[test]
fn keys_that_mean_nothing_here_are_left_to_the_screen() {
    let mut desk = Desk::new(40);
    for keys in ["ctrl+d", "end", "up", "ctrl+c", "ctrl+n", "enter", "esc"] {
        assert_eq!(desk.press(keys), Outcome::Nothing, "{keys}");
    }
    desk.type_text("a");
    assert_eq!(desk.press("ctrl+d"), Outcome::Changed);
    assert_eq!(desk.press("end"), Outcome::Nothing);
    assert_eq!(desk.press("ctrl+c"), Outcome::Changed);
}

#[test]
fn enter_sends_and_up_brings_back() {
    let mut desk = Desk::new(20);
    desk.type_text("one");
    desk.press("ctrl+j");
    desk.type_text("more");
    assert_eq!(desk.press("enter"), Outcome::Submit("one\nmore".into()));
    desk.shows(&["|"]);
    desk.type_text("two");
    assert_eq!(desk.press("enter"), Outcome::Submit("two".into()));
    desk.type_text("new");
    desk.press("up");
    desk.shows(&["two|"]);
    desk.press("up");
    desk.shows(&["one", "more|"]);
    // Its own rows come first.
    desk.press("up");
    desk.shows(&["one|", "more"]);
    desk.press("down down down");
    desk.shows(&["new|"]);
    desk.type_text("  ");
    desk.press("ctrl+u");
    desk.type_text("  ");
    assert_eq!(desk.press("enter"), Outcome::Nothing);
}

#[test]
fn each_conversation_has_its_own_draft_and_its_own_past() {
    let alice = Address::new("alice".parse().expect("a name"), "rv");
    let mut desk = Desk::new(20);
    desk.type_text("for nobody");
    assert_eq!(desk.composer.open(Some(&alice), "begun"), "for nobody");
    desk.shows(&["begun|"]);
    desk.composer.remember(&alice, "yesterday");
    desk.press("up");
    desk.shows(&["yesterday|"]);
    assert_eq!(desk.composer.open(None, ""), "yesterday");
    assert_eq!(desk.press("ctrl+_"), Outcome::Nothing);
}

#[test]
fn a_short_paste_is_text_without_what_a_terminal_obeys() {
    let mut desk = Desk::new(30);
    desk.composer.paste("a\tb\u{1b}[31m\u{202e}c\r\nd\r\n\n");
    desk.shows(&["a    b[31mc", "d|"]);
    desk.press("ctrl+_");
    desk.shows(&["|"]);
}

#[test]
fn a_long_paste_asks_what_it_is() {
    let forty: String = (1..=40).map(|line| format!("line {line}\n")).collect();
    let paste = |desk: &mut Desk| {
        desk.type_text("x ");
        assert_eq!(desk.composer.paste(&forty), Outcome::Changed);
    };
    let mut desk = Desk::new(70);
    paste(&mut desk);
    desk.shows(&["40 lines pasted: [m] one message  [l] as lines  [e] edit  [d] drop", "x |"]);
    // Enter answers nothing: it may be meant for the last line of the paste.
    assert_eq!(desk.press("enter q"), Outcome::Changed);
    assert_eq!(desk.press("d"), Outcome::Changed);
    desk.shows(&["x |"]);

    paste(&mut desk);
    let Outcome::Submit(text) = desk.press("m") else { panic!("it was not sent") };
    assert_eq!((text.lines().count(), text.ends_with("line 40")), (40, true));

    paste(&mut desk);
    let Outcome::SubmitLines(lines) = desk.press("l") else { panic!("it was not sent") };
    assert_eq!((lines.len(), lines[0].as_str()), (40, "line 1"));
    desk.shows(&["x |"]);

    desk.composer.paste(&forty);
    desk.press("e");
    assert_eq!(desk.composer.text().lines().count(), 40);
    desk.press("ctrl+_");
    desk.shows(&["x |"]);
    desk.composer.paste(&forty);
    desk.press("esc");
    desk.shows(&["x |"]);
}

#[test]
fn what_is_too_long_for_a_message_can_only_be_sent_as_lines() {
    let mut desk = Desk::new(70);
    desk.composer.paste(&"0123456789\n".repeat(MAX_TEXT / 10));
    assert_eq!(desk.press("m e"), Outcome::Changed);
    desk.shows(&["6553 lines pasted, too long for one message: [l] as lines  [d] drop", "|"]);
    desk.press("d");
    desk.composer.paste(&"x".repeat(MAX_TEXT + 1));
    assert_eq!(desk.press("m e l"), Outcome::Changed);
    desk.shows(&["1 line pasted, too long for a message: [d] drop", "|"]);
    desk.press("d");
    desk.composer.set_text(&"x".repeat(MAX_TEXT + 1));
    assert_eq!(desk.composer.text().len(), MAX_TEXT);
    assert_eq!(desk.composer.write('x'), Outcome::Full);
    assert_eq!(desk.press("ctrl+j"), Outcome::Full);
}

#[test]
fn tab_goes_through_what_a_word_can_become() {
    let names = ["alice", "albert", "bob", "李伟"].map(str::to_owned);
    let mut desk = Desk::new(30);
    desk.type_text("see @al");
    let Outcome::Complete(wanted) = desk.press("tab") else { panic!("nothing was asked") };
    assert_eq!((wanted.kind, &*wanted.typed), (Kind::Name, "al"));
    desk.composer.offer(&wanted, names.clone());
    desk.shows(&["albert  alice", "see @albert |"]);
    desk.press("tab");
    desk.shows(&["albert  alice", "see @alice |"]);
    desk.press("tab shift+tab");
    desk.shows(&["albert  alice", "see @alice |"]);
    desk.type_text("!");
    desk.shows(&["see @alice !|"]);

    desk.composer.set_text("/msg 李");
    let Outcome::Complete(wanted) = desk.press("tab") else { panic!("nothing was asked") };
    desk.composer.offer(&wanted, names.clone());
    desk.shows(&["/msg 李伟 |"]);

    desk.composer.set_text("@a");
    let Outcome::Complete(wanted) = desk.press("tab") else { panic!("nothing was asked") };
    desk.composer.offer(&wanted, names.clone());
    desk.press("esc");
    desk.shows(&["@a|"]);
    // Candidates that come when the text is another are not for it.
    desk.type_text("l");
    desk.composer.offer(&wanted, names);
    desk.shows(&["@al|"]);
}

#[test]
fn commands_are_completed_without_asking_anybody() {
    let mut desk = Desk::new(40);
    desk.type_text("／contac");
    assert_eq!(desk.press("tab"), Outcome::Changed);
    desk.shows(&["／contacts |"]);
    desk.composer.set_text("/lo");
    desk.press("tab");
    desk.shows(&["login  logout", "/login |"]);
    desk.press("tab");
    desk.shows(&["login  logout", "/logout |"]);
    desk.composer.set_text("/nothing");
    assert_eq!(desk.press("tab"), Outcome::Changed);
    desk.shows(&["/nothing|"]);
}
