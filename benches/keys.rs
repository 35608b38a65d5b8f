//! How long it takes from a key to the frame that shows it, while 1,000 lines a second arrive.
//!
//! `cargo bench --bench keys`. Two layers: the screen alone, drawn as a terminal gets it and thrown
//! away; and the real program, which keeps a rendezvous as well, on a real terminal, while another
//! sends to it over loopback.

#![allow(
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    reason = "a bench drives the real world"
)]

mod figures;
#[cfg(unix)]
#[allow(dead_code, reason = "a test needs more of it")]
#[path = "../tests/terminal/pty.rs"]
mod pty;

use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyEvent};
use jiff::tz::TimeZone;
use p2pchat::chat::{Address, Audience, LineId, Manner, Message, Notice, Timestamp};
use p2pchat::ui::Background;
use p2pchat::ui::language::Language;
use p2pchat::ui::tui::look::Look;
use p2pchat::ui::tui::{Event, Screen};
use p2pchat_wire::identity::{Name, PeerId};
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};

use figures::{Sample, heading, processor_time};

const KEYS: u64 = 1000;

/// What a person may say, of different lengths.
const TEXTS: [&str; 4] = [
    "ok",
    "see https://example.org/a/long/path?with=a&query=in#it and tell me what you think of it",
    "今天天气很好，我们下午去公园散步吧？",
    "the build is green again; I have put what was missing into the branch, and who wants to try it \
     before it is out should do so now, for in an hour it will be",
];

fn main() {
    heading("from a key to its frame, while 1,000 lines a second arrive, 120x40");
    screen_alone();
    #[cfg(unix)]
    program::main();
}

/// In each frame 16 lines and a key.
fn screen_alone() {
    let mut screen =
        Screen::new("carol".to_owned(), TimeZone::UTC, Language::default(), Look::default());
    // The size is said here: a sink has none.
    let options = TerminalOptions { viewport: Viewport::Fixed(Rect::new(0, 0, 120, 40)) };
    let sink = CrosstermBackend::new(std::io::sink());
    let mut terminal = Terminal::with_options(sink, options).expect("a sink takes all");
    let from = Address::new(Name::new("alice").expect("a name"), "rv.example");
    screen.hear(Timestamp(0), &Notice::Current(from.clone()), Background::default());
    let [mut hearing, mut drawing] = [(); 2].map(|()| Sample::default());
    let used = processor_time(None);
    for frame in 0..KEYS {
        let now = Timestamp(1_700_000_000_000 + frame * 16);
        let began = Instant::now();
        for line in frame * 16..(frame + 1) * 16 {
            let notice = Notice::Message(message(&from, line, now));
            screen.hear(now, &notice, Background::default());
        }
        hearing.push(began.elapsed());
        let began = Instant::now();
        let key = if frame % 2 == 0 { KeyCode::Char('k') } else { KeyCode::Backspace };
        screen.handle(now, Event::Key(KeyEvent::from(key)));
        terminal.draw(|frame| screen.draw(frame)).expect("a sink takes all");
        drawing.push(began.elapsed());
        while screen.poll_action().is_some() {}
    }
    let used = (processor_time(None) - used) / KEYS as u32;
    hearing.tell("the screen alone: 16 lines are taken in");
    drawing.tell("the screen alone: a key is taken in and drawn");
    println!("    processor time for both: {used:.1?}");
}

fn message(from: &Address, number: u64, now: Timestamp) -> Message {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.to_le_bytes());
    Message {
        author: None,
        from: from.clone(),
        key: PeerId([7; 32]),
        id: LineId(id),
        text: TEXTS[number as usize % TEXTS.len()].to_owned(),
        sent_at: now,
        received_at: now,
        audience: Audience::You,
        again: false,
        manner: Manner::Text,
        quiet: false,
        namesake: false,
        quote: None,
    }
}

#[cfg(unix)]
mod program {
    use std::io::Write as _;
    use std::net::UdpSocket;
    use std::path::Path;
    use std::process::{Child, Command, Stdio};
    use std::thread;

    use super::pty::{Terminal, p2pchat_of, rows};
    use super::*;

    /// Lines that are sent at once, and how often that is done.
    const BURST: (u64, Duration) = (10, Duration::from_millis(10));

    pub(super) fn main() {
        let [bobs, alices] = [(); 2].map(|()| tempfile::tempdir().expect("a directory"));
        let free = UdpSocket::bind(("127.0.0.1", 0)).and_then(|socket| socket.local_addr());
        let rendezvous = free.expect("a free port").to_string();
        let arguments = ["--name", "bob", "--serve", &rendezvous, "--rendezvous", &rendezvous];
        let mut bob = Terminal::start(120, 40, p2pchat_of(bobs.path(), &arguments));
        bob.shows("bob (here)");
        let (mut alice, flood) = flood(alices.path(), &rendezvous);
        // Not before the path is direct, and the flood at its height.
        bob.until("lines", |screen| newest(&rows(screen)).is_some_and(|line| line > 3000));
        measure(&mut bob);
        let _ = alice.kill();
        let _ = alice.wait();
        let _ = flood.join();
        bob.types("\x04\x04");
    }

    /// Presses keys at moments that have nothing to do with those of the frames.
    fn measure(bob: &mut Terminal) {
        let process = Some(bob.process());
        let newest_now = |bob: &Terminal| newest(&bob.rows()).unwrap_or(0);
        let (began, used, first) = (Instant::now(), processor_time(process), newest_now(bob));
        let mut sample = Sample::default();
        for key in 0..KEYS {
            thread::sleep(Duration::from_micros(15_000 + key * 7919 % 30_000));
            let (keys, column) = if key % 2 == 0 { ("k", 3) } else { ("\x7f", 2) };
            let pressed = Instant::now();
            bob.types(keys);
            bob.until("the key", |screen| screen.cursor_position() == (39, column));
            sample.push(pressed.elapsed());
        }
        let (used, all) = (processor_time(process) - used, began.elapsed());
        sample.tell("the program: from a key written to its frame read");
        let rate = (newest_now(bob) - first) as f64 / all.as_secs_f64();
        let share = 100.0 * used.as_secs_f64() / all.as_secs_f64();
        println!(
            "    {rate:.0} lines a second were drawn; the program used {share:.0} % of a core"
        );
    }

    /// The number of the newest line in view.
    fn newest(rows: &[String]) -> Option<u64> {
        rows.iter().rev().find_map(|row| {
            let number = row.split("line ").nth(1)?;
            number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
        })
    }

    /// Somebody who sends 1,000 lines a second until the process is ended.
    fn flood(home: &Path, rendezvous: &str) -> (Child, thread::JoinHandle<()>) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_p2pchat"));
        command.args(["--plain", "--name", "alice", "--rendezvous", rendezvous, "--peer", "bob"]);
        command.arg("--data-dir").arg(home).env("P2PCHAT_NO_LAN", "1");
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut alice = command.spawn().expect("the program starts");
        let mut input = alice.stdin.take().expect("a pipe");
        let flood = thread::spawn(move || {
            let began = Instant::now();
            let (count, pause) = BURST;
            for burst in 0_u32.. {
                let lines = (0..count).map(|line| {
                    let number = u64::from(burst) * count + line;
                    format!("line {number} {}\n", TEXTS[number as usize % TEXTS.len()])
                });
                let lines: String = lines.collect();
                if input.write_all(lines.as_bytes()).and_then(|()| input.flush()).is_err() {
                    break;
                }
                thread::sleep((pause * (burst + 1)).saturating_sub(began.elapsed()));
            }
        });
        (alice, flood)
    }
}
