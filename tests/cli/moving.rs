//! `history export`, `import` and `keep`: what was said, on another computer.

use std::fs;

use serde_json::Value;

use super::program::Profile;
use super::server::Server;

fn texts(profile: &Profile) -> Vec<String> {
    let outcome = profile.run(&["history", "--json"], "").exits(0);
    let line = |line: &String| serde_json::from_str::<Value>(line).expect("JSON");
    outcome.out.iter().map(|said| line(said)["text"].as_str().expect("text").to_owned()).collect()
}

#[test]
fn a_restored_profile_chats_on_with_the_same_people_and_loses_and_doubles_nothing() {
    let server = Server::start();
    let (a, b, new) = (Profile::new(), Profile::new(), Profile::new());
    let address = server.address().to_string();
    // Nobody is there who could take her last line, so she need not wait for that.
    let mut alice = a.start(&["--name", "alice", "--rendezvous", &address, "--timeout", "100ms"]);
    alice.hears("You are alice@");
    b.run(&["--name", "bob", "--rendezvous", &address, "--peer", "alice"], "one\ntwo\n").exits(0);
    alice.line();
    alice.line();
    alice.say("@bob three, while you are away");
    alice.end_input();
    alice.outcome().exits(4);
    // Written after the alice of before has gone, and before there is a new one.
    b.run(&["--peer", "alice", "--timeout", "1s"], "four\n").exits(4);

    let words = a.run(&["id", "words", "--yes"], "").exits(0).out.join(" ");
    let export = a.run(&["history", "export", "--format", "json"], "").exits(0).out.join("\n");
    new.run(&["id", "restore"], &words).exits(0);
    let told = new.run(&["history", "import", "-"], &export).exits(0).out.join(" ");
    assert!(told.contains("3 lines") && told.contains("1 undelivered"), "{told}");
    assert_eq!(texts(&new), ["one", "two", "three, while you are away"]);

    // Name and rendezvous came along.
    let mut alice = new.start(&[]);
    alice.hears("You are alice@");
    let mut bob = b.start(&["--peer", "alice"]);
    assert!(bob.line().ends_with("\tthree, while you are away"));
    assert!(alice.line().ends_with("\tfour"));
    alice.say("@bob five");
    assert!(bob.line().ends_with("\tfive"));
    bob.say("six");
    assert!(alice.line().ends_with("\tsix"));
    for mut program in [alice, bob] {
        program.end_input();
        program.outcome().exits(0);
    }
    let all = ["one", "two", "three, while you are away", "four", "five", "six"];
    assert_eq!(texts(&new), all);
    let mut at_bob = texts(&b);
    at_bob.sort_by_key(|text| all.iter().position(|said| said == text));
    assert_eq!(at_bob, all);
}

#[test]
fn an_export_is_a_new_file_that_only_its_owner_can_read() {
    let profile = Profile::new();
    profile.run(&["history", "export"], "").exits(8).says("no profile");
    profile.run(&["id"], "").exits(0);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("history.md");
    let path = file.to_str().expect("text");
    let export = ["history", "export", "--format", "markdown", "--output", path];
    assert!(profile.run(&export, "").exits(0).out[0].contains("0 lines"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(&file).expect("is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    fs::write(&file, "mine").expect("writes");
    profile.run(&export, "").exits(8).says("not replaced");
    assert_eq!(fs::read_to_string(&file).expect("reads"), "mine");
    assert_eq!(fs::read_dir(folder.path()).expect("reads").count(), 1, "nothing is left behind");
    for command in [&["history", "export", "--with", "carol"][..], &["history", "carol"]] {
        profile.run(command, "").exits(3).says("Nobody whom you know is called carol");
    }
}

#[test]
fn another_person_s_export_is_refused() {
    let (one, two, nobody) = (Profile::new(), Profile::new(), Profile::new());
    for profile in [&one, &two] {
        profile.run(&["id"], "").exits(0);
    }
    let export = one.run(&["history", "export", "--format", "json"], "").exits(0).out.join("\n");
    two.run(&["history", "import", "-"], &export).exits(8).says("id restore");
    nobody.run(&["history", "import", "-"], &export).exits(8).says("There is no profile");
    let words = one.run(&["id", "words", "--yes"], "").exits(0).out.join(" ");
    nobody.run(&["id", "restore"], &words).exits(0);
    nobody.run(&["history", "import", "-"], &export).exits(0);
    one.run(&["history", "import", "-"], "no export").exits(2).says("Line 1");
    one.run(&["history", "import", "/nowhere"], "").exits(8).says("/nowhere");
}

#[test]
fn how_long_lines_are_kept_is_decided_once() {
    let profile = Profile::new();
    let kept = |arguments: &[&str]| profile.run(arguments, "").exits(0).out.join("\n");
    assert!(kept(&["history", "keep"]).contains("for good"));
    assert!(kept(&["history", "keep", "2w"]).contains("14 days"));
    assert!(kept(&["history", "keep", "--json"]).contains("\"14d\""));
    profile.run(&["history", "keep", "soon"], "").exits(2).says("90d");
    assert!(kept(&["history", "keep", "forever"]).contains("for good"));
}
