//! How long it takes from the start of the program until a person can write, with 100,000 lines on
//! the disk.
//!
//! `cargo bench --bench start`. The real program runs on a real terminal, with everything that is on
//! by itself: the local network, the port mapping, a rendezvous on loopback. The clock starts when
//! the process is made and stops at three frames: the first with the caret where one writes, the
//! first with the newest line of the conversation, and the first with a letter that is typed as
//! soon as the caret is seen.

#![cfg_attr(not(unix), allow(unused, reason = "there is no such terminal"))]
#![allow(
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a bench drives the real world"
)]

#[cfg(unix)]
mod figures;
#[cfg(unix)]
mod people;
#[cfg(unix)]
#[allow(dead_code, reason = "a test needs more of it")]
#[path = "../tests/terminal/pty.rs"]
mod pty;
#[cfg(unix)]
#[allow(dead_code, reason = "a test needs more of it")]
#[path = "../tests/cli/server.rs"]
mod server;

#[cfg(not(unix))]
fn main() {}

#[cfg(unix)]
fn main() {
    bench::main();
}

#[cfg(unix)]
mod bench {
    use std::net::SocketAddr;
    use std::path::Path;
    use std::time::{Duration, Instant};

    use super::figures::{Sample, heading, processor_time};
    use super::people::{PASSPHRASE, friend, profile, sealed};
    use super::pty::{Terminal, p2pchat_of, rows};
    use super::server::Server;

    /// Where the friends' names are: a port that is the same in each run.
    const HOST: &str = "127.0.0.1:34783";
    const LINES: u64 = 100_000;
    const STARTS: usize = 20;

    pub(super) fn main() {
        let address: SocketAddr = HOST.parse().expect("an address");
        let _server = Server::at(address, 1);
        heading("from the start of the program, with 100,000 lines of 20 conversations");
        for (name, unseen) in [("all lines seen", 0), ("100 unseen of each friend", 100)] {
            let dir = profile(LINES, HOST, unseen);
            measure(&dir, None, name);
        }
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), PASSPHRASE).expect("writes");
        measure(&sealed(LINES, HOST), Some(file.path()), "sealed");
    }

    fn measure(dir: &Path, passphrase: Option<&Path>, name: &str) {
        let friend = friend(3, HOST).to_string();
        let arguments = ["--name", "carol", "--rendezvous", HOST, "--peer", &friend];
        let [mut caret, mut newest, mut letter, mut used] = [(); 4].map(|()| Sample::default());
        for _ in 0..STARTS {
            let mut command = p2pchat_of(dir, &arguments);
            command.env_remove("P2PCHAT_NO_LAN");
            if let Some(file) = passphrase {
                command.env("P2PCHAT_PASSPHRASE_FILE", file);
            }
            let began = Instant::now();
            let mut terminal = Terminal::start(120, 40, command);
            let process = Some(terminal.process());
            terminal.writes("", 0);
            caret.push(began.elapsed());
            terminal.types("k");
            let mut seen = None;
            terminal.until("a letter, and lines", |screen| {
                let rows = rows(screen);
                if seen.is_none() && is_full(&rows) {
                    seen = Some(began.elapsed());
                }
                rows.last().is_some_and(|row| row == "> k")
            });
            letter.push(began.elapsed());
            used.push(processor_time(process));
            if seen.is_none() {
                terminal.until("lines", |screen| is_full(&rows(screen)));
            }
            newest.push(seen.unwrap_or_else(|| began.elapsed()));
            // Back to an empty composer, or it would be kept as a draft.
            terminal.types("\x7f");
            terminal.writes("", 0);
            terminal.types("\x04");
            terminal.ends();
            std::thread::sleep(Duration::from_millis(50));
        }
        caret.tell(&format!("{name}: the caret stands"));
        newest.tell(&format!("{name}: the newest lines stand there"));
        letter.tell(&format!("{name}: a letter typed then stands there"));
        used.tell("    processor time until then, all threads");
    }

    /// Whether right of the list every row but the last two says something: no start says so much
    /// that is not from the disk.
    fn is_full(rows: &[String]) -> bool {
        rows[..38].iter().all(|row| row.chars().skip(30).any(|c| c != ' '))
    }
}
