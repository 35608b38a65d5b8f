//! `id`, `contacts`, `history`, and what is printed for people and shells.

use serde_json::{Value, json};

use super::program::Profile;
use super::server::Server;

#[test]
fn a_key_can_be_told_before_the_first_call_and_stays() {
    let profile = Profile::new();
    let key = |profile: &Profile| {
        let outcome = profile.run(&["id", "--json"], "").exits(0);
        let object: Value = serde_json::from_str(&outcome.out[0]).expect("JSON");
        object["key"].as_str().expect("a key").to_owned()
    };
    let first = key(&profile);
    assert_eq!(first.len(), 52);
    assert_eq!(key(&profile), first);
    let plain = profile.run(&["id"], "").exits(0);
    assert!(plain.out.iter().any(|line| line.contains(&first)), "{plain:?}");
}

#[test]
fn an_empty_profile_has_no_contacts_and_no_history() {
    for command in ["contacts", "history"] {
        let outcome = Profile::new().run(&[command], "").exits(0);
        assert_eq!((outcome.out.len(), outcome.err.len()), (0, 0));
    }
}

#[test]
fn what_was_said_can_be_read_again_on_both_sides() {
    let server = Server::start();
    let (a, b) = (Profile::new(), Profile::new());
    let address = server.address().to_string();
    let mut alice = a.start(&["--name", "alice", "--rendezvous", &address]);
    alice.hears("You are alice@");
    b.run(&["--name", "bob", "--rendezvous", &address, "--peer", "alice"], "one\ntwo\n").exits(0);
    alice.line();
    alice.line();
    alice.end_input();
    alice.outcome().exits(0);

    let history = |profile: &Profile, arguments: &[&str]| -> Vec<Value> {
        let outcome = profile.run(&[&["history", "--json"], arguments].concat(), "").exits(0);
        outcome.out.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    };
    for (profile, direction) in [(&a, "in"), (&b, "out")] {
        let lines = history(profile, &[]);
        assert_eq!(lines.iter().map(|line| &line["text"]).collect::<Vec<_>>(), ["one", "two"]);
        assert!(lines.iter().all(|line| line["direction"] == direction), "{lines:?}");
        assert!(lines.iter().all(|line| line["arrived_at"].is_string()), "{lines:?}");
    }
    assert_eq!(history(&b, &["alice", "-n", "1"])[0]["text"], "two");
    b.run(&["history", "--json", "carol"], "").exits(3);
    let plain = a.run(&["history", "bob"], "").exits(0);
    assert!(plain.out[0].ends_with(&format!("\tbob@{address}\tone")), "{plain:?}");

    let found = |profile: &Profile, arguments: &[&str]| -> Vec<Value> {
        history(profile, arguments).into_iter().map(|line| line["text"].clone()).collect()
    };
    assert_eq!(found(&a, &["--search", "TW"]), ["two"]);
    assert_eq!(found(&b, &["--search", "o", "--with", "alice", "--limit", "1"]), ["one"]);
    assert_eq!(found(&b, &["--search", "\"", "--with", "alice"]), [] as [&str; 0]);
    let command = r#"{"type":"command","line":"/search one"}"#;
    let told = a.run(&["--json", "--rendezvous", &address], command).exits(0);
    assert!(
        told.out.iter().any(|line| line.contains(r#""type":"found""#) && line.contains("one")),
        "{told:?}"
    );
    let told = a.run(&["--rendezvous", &address], "/search one\n").exits(0);
    assert!(told.out[0].ends_with("\tone"), "{told:?}");

    let contacts = a.run(&["contacts", "--json"], "").exits(0);
    let contact: Value = serde_json::from_str(&contacts.out[0]).expect("JSON");
    assert_eq!(contact["peer"], format!("bob@{address}"));
    assert_eq!((&contact["verified"], &contact["waiting"]), (&json!(false), &json!(0)));
    let plain = a.run(&["contacts"], "").exits(0);
    assert!(plain.out[0].contains(contact["key"].as_str().expect("a key")), "{plain:?}");
}

#[test]
fn help_names_the_exit_codes_and_shells_get_their_completions() {
    let profile = Profile::new();
    let help = profile.run(&["--help"], "").exits(0).out.join("\n");
    for code in ["0  done", "3  no such name", "10  a transfer is incomplete"] {
        assert!(help.contains(code), "{help}");
    }
    let man = profile.run(&["man"], "").exits(0).out.join("\n");
    assert!(man.contains(".TH p2pchat") && man.contains("Exit codes"), "{man}");
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(!profile.run(&["completions", shell], "").exits(0).out.is_empty());
    }
    let folder = tempfile::tempdir().expect("a folder");
    profile.run(&["man", "--to", folder.path().to_str().expect("a path")], "").exits(0);
    for page in ["p2pchat.1", "p2pchat-history.1", "p2pchat-config-set.1"] {
        assert!(folder.path().join(page).exists(), "{page}");
    }
}
