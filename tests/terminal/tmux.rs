//! The terminal is one of tmux's, where it is installed.

use std::process::Command;

use portable_pty::CommandBuilder;

use super::pty::{Terminal, at_home};

/// A tmux server of this test's own, which ends with it.
struct Tmux(String);

impl Tmux {
    fn command(&self) -> Vec<&str> {
        vec!["-L", &self.0, "-f", "/dev/null"]
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        let _ = Command::new("tmux").args(self.command()).arg("kill-server").output();
    }
}

#[test]
fn the_screen_works_inside_tmux() {
    if Command::new("tmux").arg("-V").output().is_err() {
        return;
    }
    let tmux = Tmux(format!("p2pchat-test-{}", std::process::id()));
    let mut command = CommandBuilder::new("tmux");
    command.args(tmux.command());
    // It needs to be told that wide characters may come.
    command.args(["-u", "new-session", &format!("'{}' demo", env!("CARGO_BIN_EXE_p2pchat"))]);
    at_home(&mut command);
    let mut terminal = Terminal::start(80, 25, command);
    // The last row is tmux's own.
    let caret = |terminal: &mut Terminal, text: &str, column: u16| {
        let wanted = format!("> {text}");
        terminal.until(&wanted, |screen| {
            super::pty::rows(screen)[23] == wanted.trim_end()
                && screen.cursor_position() == (23, 2 + column)
        });
    };
    caret(&mut terminal, "", 0);
    terminal.types("你");
    caret(&mut terminal, "你", 2);
    terminal.types("好");
    caret(&mut terminal, "你好", 4);
    terminal.types("\r");
    terminal.shows("echo  你好");
    terminal.resizes(40, 25);
    terminal.shows("echo  你好");
    terminal.types("later");
    caret(&mut terminal, "later", 5);
    terminal.types("\x03\x04");
    assert!(terminal.ends().success());
}
