//! A large file between two programs on one computer, checked and kept, beside a bare stream of as many bytes, and
//! beside a copy of the file by the system, which is what is left of it without a network.
//!
//! `cargo bench --bench carry`, or `-- 1` for 1 GiB in place of 4. The programs are those that people run: one chat that is
//! told to accept, and `p2pchat send --file`. `P2PCHAT_BENCH_DIR` says where the files are, if not in the target
//! folder; where that is in memory, no disk is measured. Streams, copies and files take turns.

#![allow(
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    reason = "a bench drives the real world, and tells what it measured"
)]

mod figures;
#[path = "figures/peers.rs"]
mod peers;

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use figures::{Sample, heading};
use peers::{Server, rendezvous, stream};

const ROUNDS: usize = 5;

fn main() {
    let place = std::env::var_os("P2PCHAT_BENCH_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
    let folder = tempfile::tempdir_in(place).expect("a folder");
    let gib = std::env::args().find_map(|word| word.parse::<usize>().ok()).unwrap_or(4);
    let source = folder.path().join("source");
    make(&source, gib << 10);
    // The streams have a server of their own: names are taken once and for all.
    let (server, other) = (rendezvous(), rendezvous());
    let mut bob = Bob::start(&folder.path().join("b"), server);
    // They know each other and their ways.
    send(&folder.path().join("a"), server, &["hello"]);

    let [mut bare, mut copied, mut whole, mut carried] = [(); 4].map(|()| Sample::default());
    for _ in 0..ROUNDS {
        bare.push(stream(other, gib << 30).took);
        let began = Instant::now();
        let copy = folder.path().join("copy");
        std::fs::copy(&source, &copy).expect("copied");
        copied.push(began.elapsed());
        std::fs::remove_file(copy).expect("it is there");
        let began = Instant::now();
        let alice = folder.path().join("a");
        let sender = std::thread::spawn({
            let source = source.clone();
            move || send(&alice, server, &["--file", source.to_str().expect("text")])
        });
        bob.wait_for(r#""state":"offered""#);
        bob.say("/accept");
        let accepted = Instant::now();
        bob.wait_for(r#""state":"done""#);
        carried.push(accepted.elapsed());
        sender.join().expect("sent");
        whole.push(began.elapsed());
        std::fs::remove_file(bob.home.join("Downloads/source")).expect("it is there");
    }
    heading(&format!("{gib} GiB"));
    bare.tell("a bare stream");
    copied.tell("a copy by the system, not asked of the disk");
    carried.tell("a file: from its acceptance until it is whole and kept");
    whole.tell("... from the start of the sender until its end");
    let ratio =
        |sample: &Sample| sample.quantile(0.5).as_secs_f64() / bare.quantile(0.5).as_secs_f64();
    println!("as many times as long as the stream: {:.2}, {:.2}", ratio(&carried), ratio(&whole));
}

/// A file of so many MiB, which is no repetition of anything.
fn make(path: &Path, mebibytes: usize) {
    let mut file = File::create(path).expect("creates");
    let mut reader = blake3::Hasher::new().finalize_xof();
    let mut block = vec![0; 1 << 20];
    for _ in 0..mebibytes {
        reader.fill(&mut block);
        file.write_all(&block).expect("writes");
    }
    file.sync_all().expect("writes");
}

/// The program with a profile of its own, and nothing from whoever runs the bench.
fn program(home: &Path, (address, key): Server, name: &str) -> Command {
    std::fs::create_dir_all(home).expect("a folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_p2pchat"));
    command.env("HOME", home).env_remove("XDG_CONFIG_HOME").env("P2PCHAT_LANG", "en");
    command.env("P2PCHAT_NO_LAN", "1").env("P2PCHAT_STRANGERS", "accept");
    command.arg("--data-dir").arg(home).args(["--name", name]);
    command.args(["--rendezvous", &format!("{address}#{key}")]);
    command
}

/// Sends something to Bob, and waits until he has it.
fn send(home: &Path, server: Server, what: &[&str]) {
    let mut alice = program(home, server, "alice");
    alice.args(["send", "--to", "bob"]).args(what).stdin(Stdio::null());
    let output = alice.output().expect("runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A chat that does what it is told.
struct Bob {
    home: PathBuf,
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Bob {
    fn start(home: &Path, server: Server) -> Self {
        let mut bob = program(home, server, "bob");
        bob.arg("--json").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = bob.spawn().expect("starts");
        let input = child.stdin.take().expect("piped");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let mut bob = Self { home: home.to_owned(), child, input, output };
        bob.wait_for(r#""type":"ready""#);
        bob
    }

    /// Until it says something that has this.
    fn wait_for(&mut self, what: &str) {
        let mut line = String::new();
        while !line.contains(what) {
            line.clear();
            assert_ne!(self.output.read_line(&mut line).expect("runs"), 0, "it ended");
        }
    }

    fn say(&mut self, command: &str) {
        writeln!(self.input, r#"{{"type":"command","line":"{command}"}}"#).expect("runs");
    }
}

impl Drop for Bob {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
