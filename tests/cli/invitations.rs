//! `invite` and `accept`: a code for two, and a link.

use serde_json::{Value, json};

use super::program::{Outcome, Profile, Program};
use super::server::Server;

fn invite(profile: &Profile, server: &Server, more: &[&str]) -> Program {
    let rendezvous = format!("{}#{}", server.address(), server.key());
    let arguments = ["invite", "--name", "alice", "--rendezvous", &rendezvous];
    profile.start(&[&arguments, more].concat())
}

fn accept(profile: &Profile, server: &Server, code: &str) -> Outcome {
    let rendezvous = server.address().to_string();
    profile.run(&["accept", "--name", "bob", "--rendezvous", &rendezvous], code)
}

/// The same number with other words.
fn guess(code: &str) -> String {
    format!("{}-zoo-zebra\n", number(code))
}

fn number(code: &str) -> &str {
    code.split('-').next().expect("a number")
}

#[test]
fn whoever_types_the_code_is_a_contact_and_so_is_who_made_it() {
    for list in ["en", "zh"] {
        let server = Server::start();
        let (a, b) = (Profile::new(), Profile::new());
        let mut alice = invite(&a, &server, &["--list", list]);
        let code = alice.line();
        let accepted = accept(&b, &server, &format!("{code}\n")).exits(0);
        assert!(accepted.out[0].starts_with("alice@"), "{accepted:?}");
        let invited = alice.outcome().exits(0);
        assert!(invited.out.last().is_some_and(|line| line.starts_with("bob@")), "{invited:?}");
        // They meet, with the secret.
        let mut alice = a.start(&[]);
        alice.hears("You are alice@");
        b.run(&["send", "--to", "alice", "hello"], "").exits(0);
        assert!(alice.line().ends_with("\thello"));
        for (profile, name) in [(&a, "bob"), (&b, "alice")] {
            let contacts = profile.run(&["contacts", "--json"], "").exits(0).out;
            let contact = contacts.iter().find(|line| line.contains(&format!("\"{name}@")));
            assert!(contact.is_some_and(|line| line.contains("\"verified\":true")), "{contacts:?}");
        }
        alice.end_input();
        alice.outcome().exits(0);
        // A code that was used is good for nothing.
        let (rendezvous, eve) = (server.address().to_string(), Profile::new());
        let arguments = ["accept", "--name", "eve", "--rendezvous", &rendezvous];
        eve.run(&arguments, &code).exits(8).says("no such invitation");
    }
}

#[test]
fn a_wrong_guess_uses_the_code_up_and_both_are_told() {
    let server = Server::start();
    let (a, b) = (Profile::new(), Profile::new());
    let mut alice = invite(&a, &server, &[]);
    let code = alice.line();
    let rendezvous = server.address().to_string();
    let guesses = ["accept", "--json", "--name", "bob", "--rendezvous", &rendezvous];
    let guessed = b.run(&guesses, &guess(&code)).exits(8).out;
    let told: Value = serde_json::from_str(&guessed[0]).expect("JSON");
    assert_eq!(told, json!({"type": "invitation-failed", "reason": "wrong-words", "by_us": false}));
    alice.outcome().exits(8).says("not the same");
    // Neither he nor anybody else gets a second guess.
    accept(&b, &server, &code).exits(8).says("not the same");
    let eve = Profile::new();
    let arguments = ["accept", "--name", "eve", "--rendezvous", &rendezvous];
    eve.run(&arguments, &code).exits(8).says("no such invitation");
}

#[test]
fn what_is_no_code_uses_nothing_up_and_is_never_an_argument() {
    let server = Server::start();
    let (a, b) = (Profile::new(), Profile::new());
    let mut alice = invite(&a, &server, &["--json"]);
    let object = alice.object(&json!({"type": "invitation", "expires_in_s": 600}));
    let code = object["code"].as_str().expect("a code");
    accept(&b, &server, "hello\n").exits(2).says("7-orchard-clock");
    accept(&b, &server, "7-orchard-clocks\n").exits(2).says("Word 2");
    b.run(&["accept", code], "").exits(2);
    accept(&b, &server, code).exits(0);
    alice.object(&json!({"type": "invited", "by_us": true}));
}

#[test]
fn a_link_makes_a_contact_without_asking_anybody() {
    let server = Server::start();
    let (a, b) = (Profile::new(), Profile::new());
    let mut alice = invite(&a, &server, &["--json"]);
    let object = alice.object(&json!({"type": "invitation"}));
    let link = object["link"].as_str().expect("a link");
    drop(alice);
    let said = b.run(&["accept", link], "").exits(0).out;
    assert!(said[0].starts_with("alice@"), "{said:?}");
    let key = link.split_once("?key=").expect("a key").1;
    let contacts = b.run(&["contacts", "--json"], "").exits(0).out;
    assert!(contacts[0].contains(key), "{contacts:?}");
    a.run(&["accept", link], "").exits(2).says("your own invitation");
}

#[test]
fn a_code_is_given_and_accepted_beside_the_running_chats() {
    let server = Server::start();
    let (a, b) = (Profile::new(), Profile::new());
    let rendezvous = server.address().to_string();
    let chat = |profile: &Profile, name| {
        let mut chat = profile.start(&["--json", "--name", name, "--rendezvous", &rendezvous]);
        chat.object(&json!({"type": "ready"}));
        chat
    };
    let (mut alice, mut bob) = (chat(&a, "alice"), chat(&b, "bob"));
    // A guess uses it up.
    let mut giving = invite(&a, &server, &["--list", "zh"]);
    let code = giving.line();
    accept(&b, &server, &guess(&code)).exits(8).says("not the same");
    giving.outcome().exits(8).says("Make another one: p2pchat invite");
    // What is no code does not.
    let mut giving = invite(&a, &server, &["--json"]);
    let open = giving.object(&json!({"type": "invitation", "expires_in_s": 600}));
    let code = open["code"].as_str().expect("a code");
    accept(&b, &server, "hello\n").exits(2).says("7-orchard-clock");
    let accepted = accept(&b, &server, code).exits(0);
    assert!(accepted.out[0].starts_with("alice@"), "{accepted:?}");
    giving.object(&json!({"type": "invited", "by_us": true, "verified": true}));
    giving.outcome().exits(0);
    // The chats know it too, and have met.
    alice.object(&json!({"type": "invited", "by_us": true}));
    bob.object(&json!({"type": "invited", "by_us": false}));
    bob.say(&json!({"type": "send", "to": "alice", "text": "hello"}).to_string());
    alice.object(&json!({"type": "message", "text": "hello"}));
    // A link verifies nobody; nor does it take the place of a key.
    let link = open["link"].as_str().expect("a link");
    let c = Profile::new();
    let mut carol = chat(&c, "carol");
    let believed = c.run(&["accept", link], "").exits(0);
    assert!(believed.out[0].contains("Nobody has verified it"), "{believed:?}");
    carol.object(&json!({"type": "invited", "verified": false}));
    let (named, _) = link.split_once("?key=").expect("a key");
    let other = format!("{named}?key={}", server.key());
    c.run(&["accept", &other], "").exits(7);
    a.run(&["accept", link], "").exits(8);
    for chat in [&mut alice, &mut bob, &mut carol] {
        chat.end_input();
    }
}

#[test]
fn a_code_is_given_and_accepted_inside_the_running_chat() {
    let server = Server::start();
    let (a, b) = (Profile::new(), Profile::new());
    let rendezvous = server.address().to_string();
    let start = |profile: &Profile, name, more: &[&str]| {
        let arguments = ["--name", name, "--rendezvous", &rendezvous];
        profile.start(&[&arguments, more].concat())
    };
    let mut alice = start(&a, "alice", &[]);
    alice.hears("You are alice@");
    let mut bob = start(&b, "bob", &["--json"]);
    bob.object(&json!({"type": "ready"}));
    let invite = |alice: &mut Program| {
        alice.say("/invite");
        let said = alice.hears("They type /accept ");
        said.split_whitespace().nth(3).expect("a code").to_owned()
    };
    let command = |line: String| json!({"type": "command", "line": line}).to_string();
    // A guess uses it up.
    let code = invite(&mut alice);
    bob.say(&command(format!("/accept {}", guess(&code).trim())));
    let reason = "wrong-words";
    bob.object(&json!({"type": "invitation-failed", "reason": reason, "by_us": false}));
    alice.hears("The code is used up");
    // What is no word does not.
    let code = invite(&mut alice);
    bob.say(&command(format!("/accept {code}x")));
    bob.object(&json!({"type": "error", "code": "not-a-code"}));
    bob.say(&command(format!("/accept {code}")));
    bob.object(&json!({"type": "invited", "by_us": false, "verified": true}));
    alice.hears("and this is the right key");
    alice.say("@bob hello");
    bob.object(&json!({"type": "message", "text": "hello"}));
    bob.say(&command("/invite".to_owned()));
    let open = bob.object(&json!({"type": "invitation", "expires_in_s": 600}));
    let (en, zh) = (open["code"].as_str(), open["code_zh"].as_str());
    assert_eq!(en.map(number), zh.map(number), "{open}");
    // Whoever has accepted a link, and others who know nothing of it.
    let link = open["link"].as_str().expect("a link").to_owned();
    let mut carol = start(&Profile::new(), "carol", &[]);
    carol.hears("You are carol@");
    carol.say(&format!("/accept {link}"));
    carol.hears("Nobody has verified it");
}
