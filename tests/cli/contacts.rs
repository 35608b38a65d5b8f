//! `contacts` and what is done with them, and the history of somebody by his nickname.

use serde_json::{Value, json};

use super::program::{Outcome, Profile, Program};
use super::server::Server;

fn objects(outcome: &Outcome) -> Vec<Value> {
    outcome.out.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// Somebody's key, from his own profile.
fn key(profile: &Profile) -> String {
    let said = objects(&profile.run(&["id", "--json"], "").exits(0));
    said[0]["key"].as_str().expect("a key").to_owned()
}

#[test]
fn a_contact_is_added_shown_renamed_and_removed() {
    let (me, bob) = (Profile::new(), key(&Profile::new()));
    me.run(&["contacts", "add", "bob"], "").exits(2).says("rendezvous");
    let added =
        me.run(&["contacts", "add", "bob@rv.example", "--key", &bob, "--json"], "").exits(0);
    assert_eq!(objects(&added)[0]["key"], bob);
    // What is known already stays, and no key gives way.
    me.run(&["contacts", "add", "bob@rv.example", "--nickname", "老王"], "").exits(0);
    let other = key(&Profile::new());
    me.run(&["contacts", "add", "bob@rv.example", "--key", &other], "").exits(7).says("STOP");
    me.run(&["contacts", "add", "carol@rv.example"], "").exits(0);
    me.run(&["contacts", "add", "me@rv.example", "--key", &key(&me)], "").exits(2);
    let all = objects(&me.run(&["contacts", "list", "--json"], "").exits(0));
    assert_eq!(all.len(), 2);
    // By the nickname and by the name.
    for name in ["老王", "bob", "bob@rv.example"] {
        let shown = me.run(&["contacts", "show", name], "").exits(0);
        let text = shown.out.join("\n");
        assert!(text.contains(&bob) && text.contains("老王") && text.contains("="), "{text}");
    }
    me.run(&["contacts", "show", "dora"], "").exits(3).says("dora");
    me.run(&["contacts", "rename", "carol", "老王"], "").exits(2).says("bob@rv.example");
    me.run(&["contacts", "rename", "老王", "robert"], "").exits(0);
    me.run(&["contacts", "rename", "robert"], "").exits(0);
    let shown = objects(&me.run(&["contacts", "show", "bob", "--json"], "").exits(0));
    assert!(shown[0]["nickname"].is_null(), "{shown:?}");
    let removed = objects(&me.run(&["contacts", "remove", "bob", "--json"], "").exits(0));
    assert_eq!(removed[0]["type"], "removed");
    me.run(&["contacts", "show", "bob"], "").exits(3);
    let chinese = me.run(&["contacts", "show", "carol", "--lang", "zh"], "").exits(0);
    assert!(chinese.out.join("\n").contains("还没有公钥"), "{chinese:?}");
    me.run(&["contacts", "add", "eve@rv.example", "--key", "nonsense"], "").exits(2);
}

#[test]
fn a_contact_is_verified_by_the_words_of_the_other_side() {
    let (a, b) = (Profile::new(), Profile::new());
    let (alice, bob) = (key(&a), key(&b));
    a.run(&["contacts", "add", "bob@rv", "--key", &bob], "").exits(0);
    b.run(&["contacts", "add", "alice@rv", "--key", &alice], "").exits(0);
    a.run(&["contacts", "add", "carol@rv"], "").exits(0);
    a.run(&["contacts", "verify", "carol"], "").exits(2).says("no key");
    let words = |profile: &Profile, name: &str| -> Vec<String> {
        let said = objects(&profile.run(&["contacts", "verify", name, "--json"], "").exits(0));
        let words = said[0]["words"]["en"].as_array().expect("words");
        words.iter().map(|word| word.as_str().expect("a word").to_owned()).collect()
    };
    let theirs = words(&b, "alice");
    assert_eq!(words(&a, "bob"), theirs);
    let chinese = a.run(&["contacts", "verify", "bob", "--list", "zh"], "").exits(0);
    // The words stand behind their numbers; one of theirs may be one of the sentences above, too.
    let first = |word: &str| chinese.out.iter().any(|line| line.trim_start().starts_with(word));
    assert!(first("1 ") && !first(&format!("1 {}", theirs[0])), "{chinese:?}");
    let compare = |words: &[String]| {
        let mut arguments = vec!["contacts", "verify", "bob"];
        arguments.extend(words.iter().map(String::as_str));
        a.run(&arguments, "")
    };
    compare(&vec!["abandon".to_owned(); 12]).exits(7).says("STOP");
    compare(&theirs[..11]).exits(2);
    let trust =
        || objects(&a.run(&["contacts", "show", "bob", "--json"], "").exits(0))[0]["trust"].clone();
    assert_eq!(trust(), "seen");
    compare(&theirs).exits(0);
    assert_eq!(trust(), "verified");
}

#[test]
fn a_contact_is_renamed_and_verified_beside_a_running_chat() {
    let server = Server::start();
    let (a, b) = (Profile::new(), Profile::new());
    let address = server.address().to_string();
    a.register("alice", &address);
    let bob = key(&b);
    a.run(&["contacts", "add", &format!("bob@{address}"), "--key", &bob], "").exits(0);
    a.run(&["contacts", "add", "carol@rv.example", "--key", &key(&Profile::new())], "").exits(0);
    b.run(&["contacts", "add", "alice@rv", "--key", &key(&a)], "").exits(0);
    let words = objects(&b.run(&["contacts", "verify", "alice", "--json"], "").exits(0));
    let words: Vec<String> =
        serde_json::from_value(words[0]["words"]["en"].clone()).expect("words");
    let verify = |words: &[String]| {
        let mut arguments = vec!["contacts", "verify", "bob"];
        arguments.extend(words.iter().map(String::as_str));
        a.run(&[&arguments[..], &["--json"]].concat(), "")
    };
    let mut alice = a.start(&["--json"]);
    alice.object(&json!({"type": "ready", "name": "alice"}));
    let mut guest = a.start(&["--json"]);
    guest.object(&json!({"type": "ready", "name": "alice"}));
    let renamed = a.run(&["contacts", "rename", "bob", "小波", "--json"], "").exits(0);
    assert_eq!(objects(&renamed).len(), 1, "{renamed:?}");
    assert_eq!(
        (&objects(&renamed)[0]["type"], &objects(&renamed)[0]["nickname"]),
        (&json!("renamed"), &json!("小波"))
    );
    // Also whoever is at a rendezvous that the chat does not use, and options are nobody's business.
    a.run(&["contacts", "rename", "carol", "cc", "--relay-only"], "").exits(0);
    for (arguments, code) in
        [(["dora", "d"], 3), (["bob", "cc"], 2), (["bob", "carol"], 2), (["bob", "alice"], 2)]
    {
        a.run(&[&["contacts", "rename"], &arguments[..]].concat(), "").exits(code);
    }
    verify(&vec!["abandon".to_owned(); 12]).exits(7);
    verify(&words[..11]).exits(2);
    let verified = verify(&words).exits(0);
    assert_eq!(objects(&verified)[0]["type"], "verified");
    for program in [&mut alice, &mut guest] {
        program.object(&json!({"type": "renamed", "nickname": "小波"}));
        program.object(&json!({"type": "verified"}));
        program.say(&json!({"type": "command", "line": "/contacts"}).to_string());
        program.object(&json!({"type": "contact", "nickname": "小波", "trust": "verified"}));
        program.say(&json!({"type": "quit"}).to_string());
    }
    guest.outcome().exits(0);
    alice.outcome().exits(0);
    let shown = objects(&a.run(&["contacts", "show", "小波", "--json"], "").exits(0));
    assert_eq!((&shown[0]["trust"], &shown[0]["key"]), (&json!("verified"), &json!(bob)));
    let shown = objects(&a.run(&["contacts", "show", "cc", "--json"], "").exits(0));
    assert!(shown[0]["peer"].as_str().is_some_and(|peer| peer.starts_with("carol@")), "{shown:?}");
}

#[test]
fn a_contact_is_added_and_removed_beside_a_running_chat() {
    let server = Server::start();
    let (a, b) = (Profile::new(), Profile::new());
    let address = server.address().to_string();
    b.register("bob", &address);
    let bob = key(&b);
    let mut alice = a.start(&["--json", "--name", "alice", "--rendezvous", &address]);
    alice.object(&json!({"type": "ready", "name": "alice"}));
    let mut guest = a.start(&["--json"]);
    guest.object(&json!({"type": "ready", "name": "alice"}));
    let peer = format!("bob@{address}");
    let add = ["contacts", "add", "bob", "--key", &bob, "--nickname", "小波"];
    let added = a.run(&[&add[..], &["--json"]].concat(), "").exits(0);
    let [added] = objects(&added).try_into().expect("one object");
    assert_eq!((&added["type"], &added["peer"]), (&json!("contact"), &json!(peer)));
    // It is on the disk when that is said, and every face knows it.
    let shown = objects(&a.run(&["contacts", "show", "小波", "--json"], "").exits(0));
    assert_eq!((&shown[0]["peer"], &shown[0]["key"]), (&json!(peer), &json!(bob)));
    for program in [&mut alice, &mut guest] {
        program.object(&json!({"type": "contact", "peer": peer, "nickname": "小波", "key": bob}));
        program.say(&json!({"type": "command", "line": "/verify 小波"}).to_string());
        program.object(&json!({"type": "verification", "key": bob}));
    }
    a.run(&add, "").exits(0);
    for (arguments, code, word) in [
        (&["add", "bob", "--key", &key(&Profile::new())][..], 7, "STOP"),
        (&["add", "b0b"], 2, "--key KEY"),
        (&["add", "alice"], 2, "your own name"),
        (&["add", "carol", "--nickname", "bob"], 2, "choose another nickname"),
        (&["remove", "dora"], 3, "dora"),
        (&["remove", "bob", "carol"], 2, ""),
    ] {
        a.run(&[&["contacts"], arguments].concat(), "").exits(code).says(word);
    }
    let refused = a.run(&["contacts", "remove", "dora", "--json"], "").exits(3);
    assert_eq!(objects(&refused)[0]["code"], "no-contact");
    // A line waits for bob, who is not there, and a script waits for the line.
    let send = ["send", "--to", "bob", "--timeout", "60s", "--json", "are you there?"];
    let mut script = a.start(&send);
    alice.object(&json!({"type": "written", "to": peer}));
    guest.say(&json!({"type": "send", "to": "bob", "text": "and I?", "ref": "r"}).to_string());
    guest.object(&json!({"type": "status", "ref": "r", "state": "queued"}));
    a.run(&["contacts", "remove", "小波"], "").exits(8).says("--yes");
    let removed = a.run(&["contacts", "remove", "小波", "--yes", "--json"], "").exits(0);
    assert_eq!(objects(&removed), [json!({"type": "removed", "peer": peer})]);
    guest.object(&json!({"type": "status", "ref": "r", "state": "failed"}));
    script.object(&json!({"type": "status", "state": "failed"}));
    script.outcome().exits(8);
    assert_eq!(a.run(&["history"], "").exits(0).out.len(), 0);
    for program in [&mut alice, &mut guest] {
        program.object(&json!({"type": "removed", "peer": peer}));
        program.say(&json!({"type": "command", "line": "/contacts"}).to_string());
        program.say(&json!({"type": "quit"}).to_string());
    }
    for program in [guest, alice] {
        let outcome = program.outcome().exits(0);
        let last = outcome.out.iter().rposition(|line| line.contains("\"removed\""));
        let after = outcome.out.iter().skip(last.expect("it was told") + 1);
        assert!(!after.clone().any(|line| line.contains("\"contact\"")), "{outcome:#?}");
    }
    assert_eq!(a.run(&["contacts"], "").exits(0).out.len(), 0);
}

#[test]
fn whoever_changes_a_contact_beside_a_sealed_chat_is_not_asked_for_the_passphrase() {
    let server = Server::start();
    let (a, bob) = (Profile::new(), key(&Profile::new()));
    a.register("alice", &server.address().to_string());
    let secret = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(secret.path(), "correct horse battery\n").expect("writes");
    let file = secret.path().to_str().expect("text");
    a.run(&["passphrase", "set", "--from", file], "").exits(0);
    let mut command = a.command(&["--json"]);
    command.env("P2PCHAT_PASSPHRASE_FILE", file);
    let mut alice = Program::start(command);
    alice.object(&json!({"type": "ready", "name": "alice"}));
    a.run(&["contacts", "add", "bob", "--key", &bob], "").exits(0);
    a.run(&["contacts", "rename", "bob", "小波"], "").exits(0);
    alice.object(&json!({"type": "renamed", "nickname": "小波"}));
    a.run(&["contacts", "verify", "小波", "it is him"], "").exits(2);
    a.run(&["contacts", "remove", "小波"], "").exits(0);
    alice.object(&json!({"type": "removed"}));
    drop(alice);
    a.run(&["contacts", "add", "bob", "--key", &bob], "").exits(8).says("sealed");
}

#[test]
fn what_was_said_is_found_by_the_nickname_and_goes_with_the_contact_when_that_is_meant() {
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
    a.run(&["contacts", "rename", "bob", "小波"], "").exits(0);
    let texts = |name: &str| -> Vec<Value> {
        let said = objects(&a.run(&["history", name, "--json"], "").exits(0));
        said.into_iter().map(|line| line["text"].clone()).collect()
    };
    assert_eq!(texts("小波"), ["one", "two"]);
    assert_eq!(texts("bob"), ["one", "two"]);
    let exported = a.run(&["history", "export", "--with", "小波"], "").exits(0);
    assert!(exported.out.join("\n").contains("two"), "{exported:?}");
    a.run(&["contacts", "remove", "小波"], "").exits(8).says("--yes");
    assert_eq!(texts("bob").len(), 2);
    a.run(&["contacts", "remove", "小波", "--yes"], "").exits(0);
    assert_eq!(a.run(&["history"], "").exits(0).out.len(), 0);
    assert_eq!(a.run(&["history", "--search", "one"], "").exits(0).out.len(), 0);
    // He comes as somebody new, and says nothing twice.
    let mut alice = a.start(&[]);
    alice.hears("You are alice@");
    b.run(&["send", "--to", "alice", "three"], "").exits(0);
    assert!(alice.line().ends_with("\tthree"));
    alice.end_input();
    alice.outcome().exits(0);
}
