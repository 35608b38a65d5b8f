//! How the terminal is taken, and that it is given back.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use vt100::{Color, Screen};

use super::pty::{Terminal, demo, find, p2pchat, p2pchat_of};

#[test]
fn a_start_ends_in_a_screen_to_write_on_and_control_d_gives_the_terminal_back() {
    let mut terminal = demo(80, 24);
    terminal.shows("you (here)");
    assert!(terminal.screen().alternate_screen() && terminal.screen().bracketed_paste());
    assert!(terminal.is_raw());
    terminal.types("\x04");
    assert!(terminal.ends().success());
    terminal.is_as_before();
}

#[test]
fn what_is_typed_before_there_is_a_screen_is_sent() {
    let mut terminal = Terminal::start(80, 24, p2pchat(&["demo"]));
    terminal.types("too early\r");
    terminal.shows("echo  too early");
    terminal.writes("", 0);
}

#[test]
fn a_request_to_end_gives_the_terminal_back() {
    for signal in [Signal::SIGTERM, Signal::SIGHUP] {
        let mut terminal = demo(80, 24);
        terminal.types("half a thought");
        terminal.writes("half a thought", 14);
        kill(Pid::from_raw(terminal.process()), signal).expect("it runs");
        terminal.ends();
        terminal.is_as_before();
    }
}

#[test]
fn two_requests_to_end_give_it_back_even_sooner() {
    let mut terminal = demo(80, 24);
    for _ in 0..2 {
        kill(Pid::from_raw(terminal.process()), Signal::SIGTERM).expect("it was not waited for");
    }
    terminal.ends();
    terminal.is_as_before();
}

#[test]
fn colours_are_not_for_those_who_say_no_color() {
    let mut terminal = demo(80, 24);
    terminal.types("hello\r");
    terminal.shows("echo  hello");
    assert!(has_colours(terminal.screen()));
    let mut command = p2pchat(&["demo"]);
    command.env("NO_COLOR", "1");
    let mut terminal = Terminal::start(80, 24, command);
    terminal.writes("", 0);
    terminal.types("hello\r");
    terminal.shows("echo  hello");
    assert!(!has_colours(terminal.screen()));
}

fn has_colours(screen: &Screen) -> bool {
    let (rows, columns) = screen.size();
    let cells = (0..rows.get()).flat_map(|row| (0..columns.get()).map(move |column| (row, column)));
    cells
        .filter_map(|(row, column)| screen.cell(row, column))
        .any(|cell| cell.fgcolor() != Color::Default || cell.bgcolor() != Color::Default)
}

#[test]
fn a_terminal_without_room_for_a_screen_gets_lines() {
    let mut terminal = Terminal::start(80, 4, p2pchat(&["demo"]));
    terminal.shows("echo>");
    terminal.types("hi\r");
    terminal.shows("echo  hi");
    assert_eq!(find(terminal.raw(), b"\x1b[?1049h"), None, "it is no screen");
}

#[test]
fn a_dumb_terminal_gets_lines_and_nothing_but_characters() {
    let mut command = p2pchat(&["demo"]);
    command.env("TERM", "dumb");
    let mut terminal = Terminal::start(80, 24, command);
    terminal.says("echo> ");
    terminal.types("hi\r");
    terminal.says("echo  hi");
    assert_eq!(find(terminal.raw(), b"\x1b"), None, "{}", terminal.unheard());
}

#[test]
fn whoever_has_no_name_is_asked_for_one_before_the_screen() {
    let home = tempfile::tempdir().expect("a directory");
    let command = p2pchat_of(home.path(), &["--serve", "127.0.0.1:0"]);
    let mut terminal = Terminal::start(80, 24, command);
    terminal.shows("Your name");
    assert!(!terminal.screen().alternate_screen());
    terminal.types("carol\r");
    terminal.shows("carol (here)");
    terminal.types("\x04");
    assert!(terminal.ends().success());
    terminal.is_as_before();
}
