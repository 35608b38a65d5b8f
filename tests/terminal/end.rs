//! Ends that nobody wanted: a fault in the program, and a terminal that goes away.

use std::path::Path;
use std::{env, thread};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use p2pchat::app::end_on_panic;
use p2pchat::ui::terminal::Restore;
use p2pchat::ui::tui::terminal::Terminal as Taken;
use portable_pty::CommandBuilder;

use super::pty::{Terminal, at_home, find, p2pchat_of};
use super::server::Server;

/// Where the fault is, for [`has_a_fault`].
const FAULT: &str = "P2PCHAT_TEST_FAULT";

/// Does what the program does with its terminal, and has a fault. Only for
/// [`a_fault_gives_the_terminal_back_and_then_is_read`], which runs it on a terminal of its own.
#[test]
fn has_a_fault() {
    let Ok(place) = env::var(FAULT) else { return };
    end_on_panic();
    let named = place.clone();
    let fault = move || panic!("the fault is in a {named}");
    if place == "line" {
        let _restore = Restore::remember();
        crossterm::terminal::enable_raw_mode().expect("a terminal");
        fault();
    }
    let mut terminal = Taken::take(true, None).expect("a terminal");
    terminal.say(b"half a frame");
    if place == "thread" {
        let _ = thread::spawn(fault).join();
    } else if place == "task" {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async { drop(tokio::spawn(async move { fault() }).await) });
    } else {
        fault();
    }
    unreachable!("the program has ended");
}

#[test]
fn a_fault_gives_the_terminal_back_and_then_is_read() {
    for place in ["loop", "thread", "task", "line"] {
        let mut command = CommandBuilder::new(env::current_exe().expect("this test"));
        command.args(["--exact", "end::has_a_fault", "--nocapture", "--test-threads=1"]);
        at_home(&mut command);
        command.env(FAULT, place);
        let mut terminal = Terminal::start(80, 24, command);
        let message = format!("the fault is in a {place}");
        terminal.shows(&message);
        assert_eq!(terminal.ends().exit_code(), 1, "{place}");
        terminal.is_as_before();
        let told = find(terminal.raw(), message.as_bytes());
        for mode in ["\x1b[?1000l", "\x1b[?1004l", "\x1b[?2004l", "\x1b[?1049l", "\x1b[?25h"] {
            let off = find(terminal.raw(), mode.as_bytes());
            assert!(place == "line" || off.is_some() && off < told, "{place}: {mode:?}");
        }
    }
}

fn alice(home: &Path, server: &Server) -> Terminal {
    let rendezvous = server.address().to_string();
    let alice = ["--name", "alice", "--rendezvous", &rendezvous, "--peer", "bob"];
    Terminal::start(80, 24, p2pchat_of(home, &alice))
}

#[test]
fn what_is_being_written_outlives_a_terminal_that_goes_away() {
    let server = Server::start();
    let asked = |terminal: &mut Terminal, signal| {
        kill(Pid::from_raw(terminal.process()), signal).expect("it runs");
    };
    let ends: [&dyn Fn(&mut Terminal); 3] = [
        &|terminal| asked(terminal, Signal::SIGHUP),
        &|terminal| asked(terminal, Signal::SIGTERM),
        &Terminal::closes,
    ];
    for end in ends {
        let home = tempfile::tempdir().expect("a directory");
        let mut terminal = alice(home.path(), &server);
        terminal.shows("bob");
        terminal.writes("", 0);
        terminal.types("half a thought");
        terminal.writes("half a thought", 14);
        end(&mut terminal);
        terminal.ends();
        alice(home.path(), &server).shows("> half a thought");
    }
}
