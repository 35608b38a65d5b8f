//! The real program, with real sockets, files and signals.
#![cfg(unix)]
#![expect(clippy::disallowed_methods, reason = "processes take their time")]

mod client;
#[path = "client/socket.rs"]
mod socket;

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use p2pchat_wire::datagram::{Datagram, relay};
use p2pchat_wire::signal::{Refusal, Registration, ServerSignal};

use crate::socket::Peer;

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_p2pchat-rendezvous"));
    command.env_remove("STATE_DIRECTORY").env_remove("NOTIFY_SOCKET");
    command
}

/// A server on a free port. It is killed when the test is over.
struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
    address: SocketAddr,
    key: String,
}

impl Running {
    fn start(folder: &Path) -> Self {
        Self::start_with(folder, &[])
    }

    fn start_with(folder: &Path, more: &[&str]) -> Self {
        let mut child = program()
            .args(["--listen", "127.0.0.1:0", "--data-dir"])
            .arg(folder)
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("started");
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("a line");
        let handed_out = line.split_whitespace().nth(1).expect("an address");
        let (address, key) = handed_out.split_once('#').expect("a key");
        let (address, key) = (address.parse().expect("an address"), key.to_owned());
        Self { child, stdout, address, key }
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let status = Command::new("kill").args([name, &id]).status().expect("kill");
        assert!(status.success());
    }

    /// Waits for the end; returns the exit code and what was written to stdout since the start.
    fn wait(mut self) -> (Option<i32>, String) {
        let until = Instant::now() + Duration::from_secs(10);
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                break status;
            }
            assert!(Instant::now() < until, "the server does not stop");
            std::thread::sleep(Duration::from_millis(5));
        };
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).expect("text");
        (status.code(), rest)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn text(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

#[test]
fn the_program_writes_its_own_manual_and_completions_without_a_configuration() {
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_p2pchat-rendezvous"))
            .args(arguments)
            .output()
            .expect("the program starts");
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).expect("text")
    };
    for shell in ["bash", "zsh", "fish"] {
        assert!(run(&["completions", shell]).contains("check-config"), "{shell}");
    }
    assert!(run(&["man"]).contains("listen"));
    let folder = tempfile::tempdir().expect("a folder");
    run(&["man", "--to", folder.path().to_str().expect("a path")]);
    for page in ["p2pchat-rendezvous.1", "p2pchat-rendezvous-ping.1"] {
        assert!(folder.path().join(page).exists(), "{page}");
    }
}

#[test]
fn what_was_typed_wrongly_is_repeated_as_text_and_nothing_else() {
    let clipboard = "\u{1b}]52;c;x\u{7}\r\u{9b}2J";
    for arguments in [&["--listen", clipboard][..], &[clipboard], &["--config", clipboard]] {
        let output = Command::new(env!("CARGO_BIN_EXE_p2pchat-rendezvous"))
            .args(arguments)
            .output()
            .expect("the program starts");
        let (_, said) = text(&output);
        assert!(!output.status.success() && !said.is_empty(), "{arguments:?}");
        assert!(!said.chars().any(|c| c.is_control() && c != '\n'), "{said:?}");
    }
}

#[test]
fn sigterm_says_goodbye_to_the_peers_and_exits_with_0() {
    let folder = tempfile::tempdir().expect("folder");
    let server = Running::start(folder.path());
    let mut alice = Peer::new(1, server.address);
    assert_eq!(alice.register("alice"), Registration::Registered);
    server.signal("-TERM");
    assert_eq!(alice.next(), ServerSignal::Stopping);
    assert_eq!(server.wait(), (Some(0), String::new()));
}

#[cfg(target_os = "linux")]
#[test]
fn the_file_says_how_many_threads_receive_and_send() {
    let folder = tempfile::tempdir().expect("folder");
    for workers in [0, 3] {
        let file = folder.path().join("server.toml");
        std::fs::write(&file, format!("workers = {workers}")).expect("written");
        let server =
            Running::start_with(folder.path(), &["--config", file.to_str().expect("a path")]);
        let mut alice = Peer::new(1, server.address);
        assert_eq!(alice.register("alice"), Registration::Registered);
        let threads = std::fs::read_dir(format!("/proc/{}/task", server.child.id()));
        let name = |thread: std::io::Result<std::fs::DirEntry>| {
            std::fs::read_to_string(thread.expect("a thread").path().join("comm")).expect("a name")
        };
        let names: Vec<String> = threads.expect("threads").map(name).collect();
        let count = names.iter().filter(|name| name.starts_with("worker-")).count();
        assert_eq!(count, workers, "{names:?}");
        server.signal("-TERM");
        assert_eq!(alice.next(), ServerSignal::Stopping);
        assert_eq!(server.wait(), (Some(0), String::new()));
    }
}

#[test]
fn key_and_names_survive_a_kill_at_any_moment() {
    let folder = tempfile::tempdir().expect("folder");
    let mut key = None;
    for round in 0..10_u64 {
        let server = Running::start(folder.path());
        assert_eq!(*key.get_or_insert_with(|| server.key.clone()), server.key);
        for earlier in 0..round {
            let mut thief = Peer::new(1000 + earlier, server.address);
            let outcome = thief.register(&format!("peer{earlier}"));
            assert_eq!(outcome, Registration::Refused(Refusal::NameTaken), "what was said, holds");
        }
        let mut peer = Peer::new(round, server.address);
        assert_eq!(peer.register(&format!("peer{round}")), Registration::Registered);
        server.signal("-KILL");
        assert_eq!(server.wait().0, None);
    }
    let output = program().args(["names", "--data-dir"]).arg(folder.path()).output();
    let (names, _) = text(&output.expect("ran"));
    assert_eq!(names.lines().count(), 10);
    assert!(names.starts_with("peer0\t"), "{names}");
    // Options stand where people put them.
    let before = program().arg("--data-dir").arg(folder.path()).arg("names").output();
    assert_eq!(text(&before.expect("ran")).0, names);
    let output = program().args(["--listen", "127.0.0.1:0", "names"]).output().expect("ran");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).1.contains("this command does not run it"));
}

#[test]
fn a_name_is_not_said_to_be_taken_before_it_is_on_disk() {
    let folder = tempfile::tempdir().expect("folder");
    let (mut told, mut kept) = (0, 0);
    for round in 0..24_u64 {
        let server = Running::start(folder.path());
        let mut peer = Peer::new(round, server.address);
        peer.ask_for(&format!("peer{round}"));
        std::thread::sleep(Duration::from_micros(round * 250));
        server.signal("-KILL");
        assert_eq!(server.wait().0, None);
        let was_told = peer.was_told();
        let server = Running::start(folder.path());
        let outcome = Peer::new(1000 + round, server.address).register(&format!("peer{round}"));
        let was_kept = outcome == Registration::Refused(Refusal::NameTaken);
        assert!(was_kept || !was_told, "round {round}: told, and then forgotten");
        (told, kept) = (told + u32::from(was_told), kept + u32::from(was_kept));
    }
    assert!(told <= kept);
}

#[test]
fn two_peers_meet_and_reach_each_other_through_the_relay() {
    let folder = tempfile::tempdir().expect("folder");
    let server = Running::start(folder.path());
    let (mut alice, mut bob) = (Peer::new(1, server.address), Peer::new(2, server.address));
    assert_eq!(alice.register("alice"), Registration::Registered);
    assert_eq!(bob.register("bob"), Registration::Registered);
    let (hers, his) = alice.meet("bob", &mut bob);
    assert_eq!(hers.endpoint, bob.socket.local_addr().ok());
    assert_eq!(his.endpoint, alice.socket.local_addr().ok());
    // Of one size and in a row: they may leave the server as one.
    for n in 0..100_u8 {
        alice.socket.send(&relay(hers.channel, &[n; 900])).expect("sent");
        let datagram = bob.receive();
        let expected = Datagram::Relay { channel: his.channel, inner: &[n; 900] };
        assert_eq!(Datagram::parse(&datagram), Ok(expected));
    }
}

#[test]
fn a_port_in_use_and_a_folder_in_use_are_said_in_a_sentence() {
    let folder = tempfile::tempdir().expect("folder");
    let server = Running::start(folder.path());
    let address = server.address.to_string();
    let other = tempfile::tempdir().expect("folder");
    for (arguments, part) in [
        (
            vec!["--listen", &address, "--data-dir", other.path().to_str().expect("path")],
            "another program uses this port",
        ),
        (
            vec!["--listen", "127.0.0.1:0", "--data-dir", folder.path().to_str().expect("path")],
            "in use by another",
        ),
        (
            vec!["--listen", "203.0.113.77:0", "--data-dir", other.path().to_str().expect("path")],
            "does not have that address",
        ),
    ] {
        let output = program().args(arguments).output().expect("ran");
        assert_eq!(output.status.code(), Some(1));
        let (stdout, stderr) = text(&output);
        assert!(stdout.is_empty() && stderr.contains(part), "{stderr}");
    }
}

#[test]
fn ping_reports_a_server_and_tells_when_the_key_is_another() {
    let folder = tempfile::tempdir().expect("folder");
    let server = Running::start(folder.path());
    let right = format!("{}#{}", server.address, server.key);
    let output = program().args(["ping", &right]).output().expect("ran");
    let (stdout, _) = text(&output);
    assert!(output.status.success() && stdout.contains("sees us at 127.0.0.1:"), "{stdout}");
    let wrong = format!("{}#{}", server.address, "a".repeat(52));
    let output = program().args(["ping", &wrong]).output().expect("ran");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).1.contains("not the one asked for"));
}

#[test]
fn the_configuration_is_checked_and_the_names_are_backed_up_while_the_server_runs() {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("config.toml");
    std::fs::write(&file, "[limits]\nmax_piers = 5\n").expect("written");
    let check = || program().arg("check-config").arg("--config").arg(&file).output().expect("ran");
    let output = check();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).1.contains("max_peers"));
    std::fs::write(&file, "[limits]\nmax_peers = 5\n").expect("written");
    assert!(text(&check()).0.contains("max_peers = 5"));
    std::fs::write(&file, "tls_certificate = \"no.pem\"\ntls_key = \"no.key\"\n").expect("written");
    let output = check();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).1.contains("no.pem"), "{}", text(&output).1);

    let server = Running::start(folder.path());
    assert_eq!(Peer::new(1, server.address).register("alice"), Registration::Registered);
    let copy = folder.path().join("copy");
    std::fs::create_dir(&copy).expect("folder");
    let output = program()
        .args(["backup", "--data-dir"])
        .arg(folder.path())
        .arg(copy.join("names.sqlite"))
        .output()
        .expect("ran");
    assert!(output.status.success(), "{}", text(&output).1);
    let output = program().args(["names", "--data-dir"]).arg(&copy).output().expect("ran");
    assert!(text(&output).0.starts_with("alice\t"));
    assert_eq!(program().arg("--no-such-option").output().expect("ran").status.code(), Some(2));
}
