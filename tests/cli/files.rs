//! Files that go from one program to another.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

#[cfg(unix)]
use nix::sys::signal::Signal;
use serde_json::json;

#[cfg(unix)]
use super::program::Program;
use super::two::Two;

impl Two {
    /// A file of alice's.
    fn file(&self, name: &str, size: usize) -> PathBuf {
        let path = self.a.path().join(name);
        let mut word = 1_u32;
        let bytes: Vec<u8> = (0..size)
            .map(|_| {
                word = word.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (word >> 24) as u8
            })
            .collect();
        fs::write(&path, bytes).expect("written");
        path
    }

    /// Alice offers a file, bob accepts it, and she stands still when some of it has arrived, and not all.
    #[cfg(unix)]
    fn caught_midway(&self, name: &str, alice: &mut Program, bob: &mut Program) -> PathBuf {
        use std::os::unix::fs::MetadataExt;

        // A fast computer may be done before it is looked at: then with a larger one.
        for megabytes in [60, 240, 960] {
            let name = format!("{name} {megabytes}");
            let file = self.file(&name, megabytes * 1_000_000);
            alice.say(&command(&format!("/send {}", file.display())));
            let offered = json!({"type": "file", "state": "offered", "name": name});
            let offered = bob.object(&offered);
            bob.say(&command(&format!("/accept {}", offered["number"])));
            let here = self.downloads().join(&name);
            let arrived = || -> u64 {
                let parts = fs::read_dir(self.downloads()).into_iter().flatten().flatten();
                let parts = parts.filter(|part| part.path().extension() == Some("part".as_ref()));
                parts.filter_map(|part| Some(part.metadata().ok()?.blocks() * 512)).sum()
            };
            while !here.exists() && arrived() < 4 << 20 {
                std::thread::yield_now();
            }
            alice.signal(Signal::SIGSTOP);
            // What is on its way arrives, and is less than this.
            let under_way = 32 << 20;
            if !here.exists() && arrived() + under_way < megabytes as u64 * 1_000_000 {
                return file;
            }
            alice.signal(Signal::SIGCONT);
            bob.object(&json!({"type": "file", "state": "done"}));
            alice.object(&json!({"type": "file", "state": "done"}));
        }
        panic!("this computer is too fast");
    }

    /// Where bob has what he accepts.
    fn downloads(&self) -> PathBuf {
        self.b.path().join("Downloads")
    }
}

fn command(line: &str) -> String {
    json!({"type": "command", "line": line}).to_string()
}

#[track_caller]
fn assert_same(one: &Path, other: &Path) {
    assert!(fs::read(one).expect("read") == fs::read(other).expect("read"), "not the same");
}

// Other systems' loopback interfaces carry less.
#[cfg(target_os = "linux")]
#[test]
fn a_file_on_one_computer_goes_in_the_longest_datagrams() {
    let two = Two::new();
    let (mut alice, mut bob) = (two.alice(&[]), two.bob(&[]));
    alice.object(&json!({"type": "peer", "state": "connected", "path": "lan"}));
    let file = two.file("long", 20_000_000);
    alice.say(&command(&format!("/send {}", file.display())));
    bob.object(&json!({"type": "file", "state": "offered"}));
    bob.say(&command("/accept 1"));
    bob.object(&json!({"type": "file", "state": "done"}));
    assert_same(&file, &two.downloads().join("long"));
    alice.say(&command("/path"));
    let paths = alice.object(&json!({"type": "paths"}));
    assert_eq!(paths["paths"][0]["longest"], 32_500, "{paths:#}");
}

#[test]
fn a_file_is_offered_accepted_and_given() {
    let two = Two::new();
    let (mut alice, mut bob) = (two.alice(&[]), two.bob(&[]));
    let file = two.file("a photo.jpg", 3_000_000);
    alice.say(&command(&format!("/send {}", file.display())));
    alice.object(&json!({"type": "file", "state": "offered", "number": 1, "size": 3_000_000}));
    bob.object(&json!({"type": "message", "text": "a photo.jpg", "manner": "file"}));
    let offered = bob.object(&json!({"type": "file", "state": "offered", "direction": "in"}));
    assert_eq!((&offered["name"], &offered["number"]), (&json!("a photo.jpg"), &json!(1)));
    bob.say(&command("/accept 1"));
    alice.object(&json!({"type": "file", "state": "accepted"}));
    let done = bob.object(&json!({"type": "file", "state": "done", "number": 1}));
    let here = two.downloads().join("a photo.jpg");
    assert_eq!(done["path"], json!(here));
    assert_same(&file, &here);
    alice.object(&json!({"type": "file", "state": "done", "id": offered["id"]}));
    // Another of the name does not replace it.
    alice.say(&command(&format!("/send {}", two.file("a photo.jpg", 5).display())));
    bob.object(&json!({"type": "file", "state": "offered", "number": 2}));
    bob.say(&command("/accept"));
    let second = bob.object(&json!({"type": "file", "state": "done", "number": 2}));
    assert_eq!(second["path"], json!(two.downloads().join("a photo (2).jpg")));
    // An empty one is a file, too, and may get another name.
    alice.say(&command(&format!("/send {}", two.file("empty", 0).display())));
    bob.object(&json!({"type": "file", "state": "offered", "number": 3}));
    let elsewhere = two.b.path().join("nothing at all");
    bob.say(&command(&format!("/accept 3 as {}", elsewhere.display())));
    bob.object(&json!({"type": "file", "state": "done", "number": 3}));
    assert_eq!(fs::read(elsewhere).expect("it is there"), b"");
    bob.say(&command("/files"));
    let files = bob.object(&json!({"type": "files"}));
    assert_eq!(files["files"].as_array().map(Vec::len), Some(3), "{files}");
    bob.say(&json!({"type": "quit"}).to_string());
    bob.outcome().exits(0);
    // Nothing is left but the files.
    assert_eq!(fs::read_dir(two.downloads()).expect("a folder").count(), 2);
}

#[cfg(unix)]
#[test]
fn a_file_goes_on_after_either_side_was_killed() {
    let two = Two::new();
    let (mut alice, mut bob) = (two.alice(&[]), two.bob(&[]));
    for (killed, name) in [([false, true], "bob"), ([true, false], "alice"), ([true; 2], "both")] {
        let file = two.caught_midway(name, &mut alice, &mut bob);
        let here = two.downloads().join(file.file_name().expect("a name"));
        assert!(!here.exists(), "it has its name only when it is whole");
        let [alice_is, bob_is] = killed;
        if bob_is {
            bob.kill();
        }
        if alice_is {
            alice.kill();
            alice = two.alice(&[]);
        } else {
            alice.signal(Signal::SIGCONT);
        }
        if bob_is {
            bob = two.bob(&[]);
        }
        let moving = bob.object(&json!({"type": "file", "state": "moving"}));
        assert!(moving["bytes"].as_u64() >= Some(1 << 20), "it begins anew: {moving}");
        bob.object(&json!({"type": "file", "state": "done"}));
        assert_same(&file, &here);
        alice.object(&json!({"type": "file", "state": "done"}));
    }
}

/// Everything in a folder: where it is, and what is in it if it is a file.
fn tree(folder: &Path) -> Vec<(PathBuf, Option<Vec<u8>>)> {
    let (mut all, mut waiting) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(next) = waiting.pop() {
        for entry in fs::read_dir(next).expect("a folder") {
            let path = entry.expect("an entry").path();
            let data = path.is_file().then(|| fs::read(&path).expect("read"));
            if data.is_none() {
                waiting.push(path.clone());
            }
            all.push((path.strip_prefix(folder).expect("in it").to_owned(), data));
        }
    }
    all.sort();
    all
}

#[test]
fn a_folder_is_one_offer_and_arrives_with_all_that_is_in_it() {
    let two = Two::new();
    let folder = two.a.path().join("holiday");
    fs::create_dir_all(folder.join("days/first")).expect("made");
    fs::create_dir_all(folder.join("nothing yet")).expect("made");
    fs::write(folder.join("days/first/note.txt"), "sun").expect("written");
    fs::write(folder.join(".order"), "").expect("written");
    fs::rename(two.file("big", 3_000_000), folder.join("days/big")).expect("moved");
    let (mut alice, mut bob) = (two.alice(&[]), two.bob(&[]));
    alice.say(&command(&format!("/send {}/", folder.display())));
    let offered = bob.object(&json!({"type": "file", "state": "offered"}));
    assert_eq!((&offered["name"], &offered["files"]), (&json!("holiday"), &json!(3)));
    bob.say(&command("/accept"));
    let done = bob.object(&json!({"type": "file", "state": "done"}));
    let here = two.downloads().join("holiday");
    assert_eq!(done["path"], json!(here));
    assert_eq!(tree(&here), tree(&folder));
    alice.object(&json!({"type": "file", "state": "done", "id": offered["id"]}));
    // A script gives it, too, and what is there stays.
    let send = two.a.start(&["send", "--to", "bob", "--file", folder.to_str().expect("text")]);
    bob.object(&json!({"type": "file", "state": "offered"}));
    bob.say(&command("/accept"));
    bob.object(&json!({"type": "file", "state": "done"}));
    send.outcome().exits(0).says("bob has holiday/");
    assert_eq!(tree(&two.downloads().join("holiday (2)")), tree(&folder));
    bob.say(&command("/files"));
    let files = bob.object(&json!({"type": "files"}));
    assert_eq!(files["files"].as_array().map(Vec::len), Some(2), "{files}");
    bob.say(&json!({"type": "quit"}).to_string());
    bob.outcome().exits(0);
    assert_eq!(fs::read_dir(two.downloads()).expect("a folder").count(), 2);
    // One with something new in it is not what was offered.
    alice.say(&command(&format!("/send {}", folder.display())));
    alice.object(&json!({"type": "file", "state": "offered", "number": 3}));
    fs::write(folder.join("days/first/note.txt"), "rain").expect("written");
    let mut bob = two.bob(&[]);
    bob.object(&json!({"type": "file", "state": "offered"}));
    bob.say(&command("/accept"));
    bob.object(&json!({"type": "file", "state": "withdrawn", "reason": "changed"}));
}

#[cfg(unix)]
#[test]
fn a_folder_goes_on_after_both_sides_were_killed() {
    let two = Two::new();
    let folder = two.a.path().join("holiday");
    fs::create_dir_all(folder.join("days")).expect("made");
    for day in 0..30 {
        let name = format!("day {day}");
        fs::rename(two.file(&name, 3_000_000 + day), folder.join("days").join(name))
            .expect("moved");
    }
    let (mut alice, mut bob) = (two.alice(&[]), two.bob(&[]));
    alice.say(&command(&format!("/send {}", folder.display())));
    bob.object(&json!({"type": "file", "state": "offered"}));
    bob.say(&command("/accept"));
    let here = two.downloads().join("holiday");
    let arrived = || {
        let hidden = fs::read_dir(two.downloads()).into_iter().flatten().flatten();
        let days = hidden.filter_map(|entry| fs::read_dir(entry.path().join("days")).ok());
        days.flatten().count()
    };
    while arrived() < 4 && !here.exists() {
        std::thread::yield_now();
    }
    alice.kill();
    bob.kill();
    assert!(!here.exists(), "it has its name only when it is whole");
    let (mut alice, mut bob) = (two.alice(&[]), two.bob(&[]));
    let moving = bob.object(&json!({"type": "file", "state": "moving"}));
    assert!(moving["bytes"].as_u64() >= Some(1 << 20), "it begins anew: {moving}");
    bob.object(&json!({"type": "file", "state": "done"}));
    alice.object(&json!({"type": "file", "state": "done"}));
    assert!(tree(&here) == tree(&folder), "not the same");
}

#[test]
fn an_offer_waits_for_whoever_is_away_and_can_be_declined_or_taken_back() {
    let two = Two::new();
    let mut alice = two.alice(&[]);
    let (first, second) = (two.file("first", 10), two.file("second", 10));
    alice.say(&command(&format!("/send {}", first.display())));
    alice.object(&json!({"type": "file", "state": "offered", "number": 1}));
    alice.say(&command(&format!("/send {}", second.display())));
    alice.object(&json!({"type": "file", "state": "offered", "number": 2}));
    drop(alice);
    let (mut alice, mut bob) = (two.alice(&[]), two.bob(&[]));
    bob.object(&json!({"type": "file", "state": "offered", "name": "second"}));
    bob.say(&command("/cancel 1"));
    alice.object(&json!({"type": "file", "state": "declined", "name": "first"}));
    alice.say(&command("/cancel"));
    bob.object(&json!({"type": "file", "state": "withdrawn", "name": "second"}));
    bob.say(&command("/accept 2"));
    bob.object(&json!({"type": "error", "code": "no-such-file"}));
    assert!(!two.downloads().exists());
    // What has changed since it was offered is not given.
    let changing = two.file("changing", 10);
    alice.say(&command(&format!("/send {}", changing.display())));
    bob.object(&json!({"type": "file", "state": "offered", "number": 3}));
    fs::write(&changing, "something else").expect("written");
    bob.say(&command("/accept"));
    bob.object(&json!({"type": "file", "state": "withdrawn", "reason": "changed"}));
    alice.object(&json!({"type": "file", "state": "withdrawn", "reason": "changed"}));
}

#[test]
fn a_script_sends_files_and_ends_when_they_are_received() {
    let two = Two::new();
    let (one, other) = (two.file("one", 100), two.file("other", 5_000_000));
    let (one, other) = (one.to_str().expect("text"), other.to_str().expect("text"));
    for runs in [false, true] {
        let mut bob = two.bob(&[]);
        let holder = runs.then(|| two.alice(&[]));
        let script = two.a.start(&["--json", "send", "--to", "bob", "--file", other, one]);
        // In the order in which they were named, though the first one is the larger one.
        for name in ["other", "one"] {
            let offered = bob.object(&json!({"type": "file", "state": "offered"}));
            assert_eq!(offered["name"], name);
            bob.say(&command(&format!("/accept {}", offered["id"].as_str().expect("an id"))));
        }
        let outcome = script.outcome().exits(0);
        let done = outcome.out.iter().filter(|line| line.contains(r#""state":"done""#));
        assert_eq!(done.count(), 2, "{outcome:#?}");
        drop(holder);
        bob.say(&json!({"type": "quit"}).to_string());
        bob.outcome().exits(0);
    }
    let send = ["send", "--to", "bob", "--file", one];
    two.a.run(&[&send[..], &["--timeout", "3s"]].concat(), "").exits(4);
    let mut bob = two.bob(&[]);
    two.a.run(&[&send[..], &["--timeout", "2s"]].concat(), "").exits(10);
    let declined = two.a.start(&send);
    for _ in 0..3 {
        bob.object(&json!({"type": "file", "state": "offered", "name": "one"}));
    }
    bob.say(&command("/files"));
    let files = bob.object(&json!({"type": "files"}));
    for file in files["files"].as_array().expect("a list") {
        bob.say(&command(&format!("/cancel {}", file["number"])));
    }
    declined.outcome().exits(8);
    // Where that was decided before, nobody has to be asked.
    bob.say(&command("/files alice always 1kB"));
    bob.object(&json!({"type": "file-rule", "files": "always", "files_up_to": 1000}));
    two.a.run(&send, "").exits(0);
    let missing = two.a.path().join("missing");
    let missing = missing.to_str().expect("text");
    two.a.run(&["send", "--to", "bob", "--file", missing], "").exits(2).says("There is no file");
}

#[test]
fn a_script_whose_chat_ends_before_its_file_is_received_exits_with_10_and_the_offer_stands() {
    let two = Two::new();
    let (mut holder, mut bob) = (two.alice(&[]), two.bob(&[]));
    let file = two.file("photo", 5000);
    let script = two.a.start(&["send", "--to", "bob", "--file", file.to_str().expect("text")]);
    bob.object(&json!({"type": "file", "state": "offered", "name": "photo"}));
    holder.say(&json!({"type": "quit"}).to_string());
    holder.outcome().exits(0);
    script.outcome().exits(10);
    bob.say(&command("/accept"));
    let _alice = two.alice(&[]);
    bob.object(&json!({"type": "file", "state": "done", "name": "photo"}));
    assert_same(&file, &two.downloads().join("photo"));
}

#[test]
fn what_goes_into_a_pipe_comes_out_of_another() {
    let two = Two::new();
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| (n.wrapping_mul(n) >> 7) as u8).collect();
    for (arguments, name) in
        [(&["-"][..], "stdin"), (&["--file", "-", "--as", "photos.tar"], "photos.tar")]
    {
        let mut bob = two.b.command(&["recv", "--file", "--from", "alice"]);
        let bob = bob.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut alice = two.a.command(&[&["send", "--to", "bob"][..], arguments].concat());
        let alice = alice.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let (mut alice, bob) = (alice.spawn().expect("starts"), bob.expect("starts"));
        let mut input = alice.stdin.take().expect("piped");
        input.write_all(&bytes).expect("written");
        drop(input);
        let alice = alice.wait_with_output().expect("ends");
        let said = String::from_utf8_lossy(&alice.stderr).into_owned();
        assert_eq!(alice.status.code(), Some(0), "{said}");
        assert!(said.contains(&format!("bob has {name}")), "{said}");
        let bob = bob.wait_with_output().expect("ends");
        let said = String::from_utf8_lossy(&bob.stderr).into_owned();
        assert_eq!(bob.status.code(), Some(0), "{said}");
        assert!(bob.stdout == bytes, "{} bytes came: {said}", bob.stdout.len());
    }
    // Nothing of it stays.
    for (profile, place) in [(&two.a, "pipes/out"), (&two.b, "pipes/in/from alice")] {
        let left = fs::read_dir(profile.path().join(place)).expect("a folder").flatten();
        let left: Vec<_> =
            left.map(|entry| entry.file_name()).filter(|name| name != ".lock").collect();
        assert!(left.is_empty(), "{left:?}");
    }
    let twice = ["send", "--to", "bob", "--file", "-", "-"];
    two.a.run(&twice, "x").exits(2).says("only one file");
}

#[cfg(unix)]
#[test]
fn a_pipe_that_was_killed_goes_on_and_comes_whole() {
    let two = Two::new();
    let mut alice = two.alice(&[]);
    let file = two.file("stream", 60_000_000);
    alice.say(&command(&format!("/send {}", file.display())));
    alice.object(&json!({"type": "file", "state": "offered"}));
    let mut first = two.b.start(&["recv", "--file"]);
    let place = two.b.path().join("pipes/in/anybody");
    let arrived = || -> u64 {
        use std::os::unix::fs::MetadataExt;
        let parts = fs::read_dir(&place).into_iter().flatten().flatten();
        let parts = parts.filter(|part| part.path().extension() == Some("part".as_ref()));
        parts.filter_map(|part| Some(part.metadata().ok()?.blocks() * 512)).sum()
    };
    while arrived() < 4 << 20 && !place.join("stream").exists() {
        std::thread::yield_now();
    }
    first.kill();
    let mut second = two.b.command(&["recv", "--file"]);
    let second = second.stdin(Stdio::null()).stderr(Stdio::piped()).output().expect("runs");
    assert_eq!(second.status.code(), Some(0), "{}", String::from_utf8_lossy(&second.stderr));
    assert!(second.stdout == fs::read(&file).expect("read"), "not the same");
    alice.object(&json!({"type": "file", "state": "done"}));
    // With nobody there it waits, and says that time was up.
    let late = two.b.run(&["recv", "--file", "--timeout", "1s"], "").exits(11);
    late.says("No file was offered in time.");
}

#[test]
fn a_word_that_is_the_name_of_a_file_is_a_text() {
    let two = Two::new();
    let file = two.file("words", 10);
    let mut bob = two.bob(&[]);
    two.a.run(&["send", "--to", "bob", file.to_str().expect("text")], "").exits(0);
    let said = bob.object(&json!({"type": "message"}));
    assert_eq!((&said["text"], &said["manner"]), (&json!(file), &json!(null)));
}
