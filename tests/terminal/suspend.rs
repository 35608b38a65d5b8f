//! The person wants the shell for a while.

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use portable_pty::CommandBuilder;

use super::pty::{Terminal, at_home};

/// The program as a job of a shell, which says so when it is stopped and goes on with it after Enter.
fn job(arguments: &str) -> CommandBuilder {
    let program = env!("CARGO_BIN_EXE_p2pchat");
    let script = format!("'{program}' {arguments}; echo STOPPED; read line; fg; echo ENDED");
    let mut command = CommandBuilder::new("sh");
    command.args(["-mc", &script]);
    at_home(&mut command);
    command
}

#[test]
fn control_z_gives_the_terminal_to_the_shell_and_fg_takes_it_again() {
    let mut terminal = Terminal::start(80, 24, job("demo"));
    terminal.writes("", 0);
    terminal.types("hello\r");
    terminal.shows("echo  hello");
    terminal.types("half a thought");
    terminal.writes("half a thought", 14);
    terminal.types("\x1a");
    terminal.shows("STOPPED");
    terminal.is_as_before();
    terminal.types("\r");
    // Everything is drawn again, and what was being written is there.
    terminal.writes("half a thought", 14);
    terminal.shows("echo  hello");
    assert!(terminal.screen().alternate_screen() && terminal.is_raw());
    terminal.types(" ends\r");
    terminal.shows("echo  half a thought ends");
    terminal.types("\x04");
    terminal.shows("ENDED");
    terminal.is_as_before();
}

#[test]
fn a_stop_that_somebody_else_asks_for_does_the_same() {
    let mut terminal = Terminal::start(80, 24, job("demo"));
    terminal.writes("", 0);
    terminal.types("hello\r");
    terminal.shows("echo  hello");
    let group = Pid::from_raw(terminal.foreground());
    killpg(group, Signal::SIGTSTP).expect("it is ours");
    terminal.shows("STOPPED");
    terminal.is_as_before();
    terminal.types("\r");
    terminal.writes("", 0);
    terminal.shows("echo  hello");
}
