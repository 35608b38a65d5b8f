//! `p2pchat passphrase`, and every other command on a profile that has one.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::program::{Outcome, Profile, Program};
use super::server::Server;

/// Files with passphrases in them.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        let files = Self(tempfile::tempdir().expect("a folder"));
        files.write("one", "correct horse\nof which this line is no part\n");
        files.write("two", "battery staple");
        files.write("wrong", "correct mule\n");
        files.write("short", "horse\n");
        files
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("writes");
        self.mode(name, 0o600);
    }

    fn mode(&self, name: &str, mode: u32) {
        use std::os::unix::fs::PermissionsExt;
        let permissions = fs::Permissions::from_mode(mode);
        fs::set_permissions(self.path(name), permissions).expect("changes the mode");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

fn start(profile: &Profile, file: &Path, arguments: &[&str]) -> Program {
    let mut command = profile.command(arguments);
    command.env("P2PCHAT_PASSPHRASE_FILE", file);
    Program::start(command)
}

/// Runs a command with a file that holds the passphrase.
fn run(profile: &Profile, file: &Path, arguments: &[&str], input: &str) -> Outcome {
    let mut program = start(profile, file, arguments);
    program.say_raw(input);
    program.end_input();
    program.outcome()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

fn holds(folder: &Path, secret: &str) -> bool {
    fs::read_dir(folder).expect("a folder").any(|file| {
        let bytes = fs::read(file.expect("a file").path()).expect("reads");
        bytes.windows(secret.len()).any(|window| window == secret.as_bytes())
    })
}

#[test]
fn a_sealed_profile_does_everything_for_who_has_the_passphrase_and_nothing_for_others() {
    let (server, files) = (Server::start(), Files::new());
    let (a, b) = (Profile::new(), Profile::new());
    let address = server.address().to_string();
    let one = files.path("one");
    let mut alice = a.start(&["--name", "alice", "--rendezvous", &address]);
    alice.hears("You are alice@");
    b.run(&["--name", "bob", "--rendezvous", &address, "--peer", "alice"], "swordfish\n").exits(0);
    alice.line();
    alice.end_input();
    alice.outcome();
    assert!(holds(a.path(), "swordfish") && holds(a.path(), "bob"));

    assert!(a.run(&["passphrase"], "").exits(0).out[0].contains("No passphrase"));
    let told = run(&a, &one, &["passphrase", "set"], "").exits(0).out.join("\n");
    assert!(told.contains("is sealed") && told.contains("id words"), "{told}");
    assert!(!holds(a.path(), "swordfish") && !holds(a.path(), "bob"));
    assert!(a.run(&["passphrase"], "").exits(0).out[0].contains("A passphrase is needed"));

    // Nobody is there to be asked, or does not know.
    let wrong = files.path("wrong");
    let commands: [&[&str]; 8] = [
        &[],
        &["id"],
        &["id", "words", "--yes"],
        &["contacts"],
        &["history"],
        &["history", "export"],
        &["history", "keep"],
        &["passphrase", "remove"],
    ];
    for command in commands {
        a.run(command, "").exits(8).says("P2PCHAT_PASSPHRASE_FILE");
        run(&a, &wrong, command, "").exits(8).says("is not the passphrase");
    }
    let outcome = a.run(&["contacts", "--json"], "").exits(8);
    let error: Value = serde_json::from_str(&outcome.out[0]).expect("JSON");
    assert_eq!((&error["type"], &error["code"]), (&"error".into(), &"refused".into()));

    // Everything is there.
    assert!(run(&a, &one, &["id"], "").exits(0).out.join("\n").contains("needed to read"));
    assert!(run(&a, &one, &["contacts"], "").exits(0).out.join("\n").contains("bob@"));
    for command in [&["history"][..], &["history", "--search", "sword"], &["history", "export"]] {
        let told = run(&a, &one, command, "").exits(0).out.join("\n");
        assert!(told.contains("swordfish"), "{command:?}: {told}");
    }
    let export = run(&a, &one, &["history", "export", "--format", "json"], "").exits(0);
    let known = run(&a, &one, &["history", "import", "-"], &export.out.join("\n")).exits(0);
    assert!(known.out[0].contains("0 lines"), "{known:?}");
    let mut alice = start(&a, &one, &[]);
    alice.hears("You are alice@");
    b.run(&["--peer", "alice"], "trustno1\n").exits(0);
    assert!(alice.line().ends_with("\ttrustno1"));
    alice.say("@bob xylophone");
    alice.end_input();
    alice.outcome();
    assert!(!holds(a.path(), "trustno1") && !holds(a.path(), "xylophone"));

    // Another passphrase, and none.
    let two = files.path("two");
    run(&a, &one, &["passphrase", "set", "--from", text(&two)], "").exits(0);
    run(&a, &one, &["history"], "").exits(8);
    assert_eq!(run(&a, &two, &["history"], "").exits(0).out.len(), 3);
    let told = run(&a, &two, &["passphrase", "remove"], "").exits(0).out.join("\n");
    assert!(told.contains("no longer"), "{told}");
    assert_eq!(a.run(&["history"], "").exits(0).out.len(), 3);
    assert!(holds(a.path(), "swordfish"));
    let outcome = a.run(&["passphrase", "--json"], "").exits(0);
    assert_eq!(outcome.out, [r#"{"type":"passphrase","set":false}"#]);
}

#[test]
fn what_is_no_passphrase_changes_nothing() {
    let (profile, files) = (Profile::new(), Files::new());
    profile.run(&["id"], "").exits(0);
    let set = |from: &str| {
        profile.run(&["passphrase", "set", "--from", text(&files.path(from))], "").exits(8)
    };
    set("short").says("8 characters");
    set("nowhere").says("nowhere");
    files.write("empty", "\ncorrect horse\n");
    set("empty").says("first line is empty");
    files.mode("one", 0o640);
    set("one").says("chmod 600");
    profile.run(&["passphrase", "set"], "correct horse\ncorrect horse\n").exits(8).says("--from");
    profile.run(&["passphrase", "remove"], "").exits(0);
    assert!(profile.run(&["passphrase"], "").exits(0).out[0].contains("No passphrase"));
    profile.run(&["id"], "").exits(0);
}

#[test]
fn a_profile_that_is_in_use_is_not_sealed() {
    let (profile, files) = (Profile::new(), Files::new());
    let mut program = profile.start(&["--name", "alice", "--rendezvous", "127.0.0.1:9"]);
    program.hears("127.0.0.1:9");
    let from = files.path("one");
    profile.run(&["passphrase", "set", "--from", text(&from)], "").exits(8).says("Another p2pchat");
    program.end_input();
    program.outcome();
    profile.run(&["id"], "").exits(0);
}

/// An export of so many lines, for whoever has this key.
fn export(key: &str, lines: u32) -> String {
    let mut export = format!("{{\"type\":\"p2pchat-export\",\"version\":1,\"key\":\"{key}\"}}\n");
    for number in 0..lines {
        export += &format!(
            "{{\"type\":\"line\",\"with\":\"bob@rv\",\"id\":\"{number:032x}\",\"direction\":\"out\",\
             \"text\":\"line {number} of swordfish\",\"manner\":0,\
             \"sent_at\":\"2026-01-01T00:00:00Z\",\"done\":true}}\n"
        );
    }
    export
}

#[test]
fn a_kill_at_any_moment_leaves_a_profile_that_is_sealed_or_clear_and_whole() {
    const LINES: u32 = 3000;
    let (profile, files) = (Profile::new(), Files::new());
    let one = files.path("one");
    let id = profile.run(&["id", "--json"], "").exits(0).out.join("");
    let key = serde_json::from_str::<Value>(&id).expect("JSON")["key"]
        .as_str()
        .expect("a key")
        .to_owned();
    profile.run(&["history", "import", "-"], &export(&key, LINES)).exits(0);
    let count = ["history", "-n", "9999"];
    assert_eq!(profile.run(&count, "").exits(0).out.len(), LINES as usize);
    // How long each takes here, if nothing comes between.
    let mut took = [Duration::ZERO; 2];
    for (took, change) in took.iter_mut().zip(["set", "remove"]) {
        let begun = Instant::now();
        run(&profile, &one, &["passphrase", change], "").exits(0);
        *took = begun.elapsed();
    }
    const TURNS: u32 = 20;
    let is_sealed = || profile.run(&["passphrase", "--json"], "").exits(0).out[0].contains("true");
    for turn in 0..TURNS {
        let was_sealed = is_sealed();
        let change = if was_sealed { "remove" } else { "set" };
        let program = start(&profile, &one, &["passphrase", change]);
        thread::sleep(took[usize::from(was_sealed)] * turn / TURNS);
        drop(program);
        let told = run(&profile, &one, &count, "").exits(0).out;
        assert_eq!(told.len(), LINES as usize, "after turn {turn}");
        let id = run(&profile, &one, &["id"], "").exits(0).out.join("\n");
        assert!(id.contains(&key), "{id}");
        assert_eq!(holds(profile.path(), "swordfish"), !is_sealed(), "after turn {turn}");
    }
}
