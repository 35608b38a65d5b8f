//! `send`, `recv`, `follow`, `ask` and `status`, with a chat that runs and without one.

use serde_json::{Value, json};

use super::program::{Outcome, Profile, Program};
use super::two::Two;

impl Two {
    /// Alice, as a person in a pipe has it.
    fn person(&self, more: &[&str]) -> Program {
        let mut alice = self.a.start(more);
        alice.hears("You are alice@");
        alice
    }

    /// A chat of bob's, or none.
    fn chat(&self, runs: bool) -> Option<Program> {
        runs.then(|| {
            let mut chat = self.b.start(&["--peer", "alice"]);
            chat.hears("You are bob@");
            chat
        })
    }

    /// A chat of bob's, to whom alice is connected.
    fn chat_with_alice(&self) -> Program {
        let mut chat = self.b.start(&["--peer", "alice"]);
        // She may have called before the server has told him who he is.
        chat.hears_all(&["You are bob@", "alice is here"]);
        chat
    }
}

/// The text of a line of plain mode.
fn text(line: &str) -> String {
    line.rsplit('\t').next().unwrap_or_default().to_owned()
}

#[test]
fn a_message_is_the_words_or_the_standard_input() {
    let two = Two::new();
    let mut alice = two.person(&[]);
    for runs in [false, true] {
        let _chat = two.chat(runs);
        let outcome = two.b.run(&["send", "--to", "alice", "two", "words"], "").exits(0);
        assert_eq!((outcome.out.len(), outcome.err.len()), (0, 0), "{outcome:#?}");
        assert_eq!(text(&alice.line()), "two words");
        two.b.run(&["send", "--to", "alice"], "one\nmessage\n").exits(0);
        assert_eq!(text(&alice.line()), "one\\nmessage");
    }
    for (rest, input) in [(&[][..], "\n"), (&[], " \n"), (&[""], ""), (&["", " "], "")] {
        let send = [&["send", "--to", "alice"], rest].concat();
        two.b.run(&send, input).exits(2).says("no text");
    }
    two.b.run(&["send", "--to", "alice"], &"x".repeat(65_537)).exits(2).says("65536 bytes");
    two.b.run(&["send", "--to", "bob", "to myself"], "").exits(8);
}

#[test]
fn a_program_cannot_send_a_line_without_a_text() {
    let two = Two::new();
    let (mut alice, mut bob) = (two.alice(&[]), two.bob(&[]));
    bob.say(r#"{"type":"send","text":""}"#);
    bob.object(&json!({"type": "error", "code": "no-text"}));
    bob.say(r#"{"type":"send","to":"alice","text":" \n","ref":"a"}"#);
    let failed = bob.object(&json!({"type": "status", "ref": "a", "state": "failed"}));
    assert_eq!(failed["reason"], "There is no text; nothing was sent.");
    bob.say(r#"{"type":"send","text":"with one"}"#);
    let first = alice.object(&json!({"type": "message"}));
    assert_eq!(first["text"], "with one");
}

#[test]
fn a_message_that_is_sent_as_json_tells_its_steps_and_nothing_else() {
    let two = Two::new();
    let _alice = two.person(&[]);
    let sent = two.b.run(&["--json", "send", "--to", "alice", "hi"], "").exits(0);
    let states: Vec<Value> = sent
        .out
        .iter()
        .map(|line| {
            let object: Value = serde_json::from_str(line).expect("JSON");
            assert_eq!(object["type"], "status", "{object}");
            object["state"].clone()
        })
        .collect();
    assert_eq!(states, ["queued", "sent", "delivered"]);
}

#[test]
fn messages_are_received_once_each() {
    let two = Two::new();
    let mut alice = two.person(&["--peer", "bob"]);
    // Without a chat, those that came between two runs come with the next.
    let mut first = two.b.start(&["recv"]);
    alice.hears("bob is here");
    for line in ["one", "two", "three"] {
        alice.say(line);
    }
    let outcome = first_line(&mut first);
    assert_eq!(outcome, "one");
    first.outcome().exits(0);
    let two_more = two.b.run(&["recv", "--count", "2", "--from", "alice"], "").exits(0);
    assert_eq!(two_more.out.iter().map(|line| text(line)).collect::<Vec<_>>(), ["two", "three"]);
    two.b.run(&["recv", "--timeout", "10ms"], "").exits(11);
    let mut chat = two.chat(true).expect("it runs");
    let mut next = two.b.start(&["recv", "--json"]);
    says_until_heard(&mut alice, "four", &mut next);
    next.object(&json!({"type": "message", "text": "four"}));
    let rest = next.outcome().exits(0);
    assert!(rest.out.len() == 1, "{rest:#?}");
    // No person has seen any of them.
    for line in ["one", "two", "three", "four"] {
        assert_eq!(text(&chat.line()), line);
    }
}

#[test]
fn what_came_while_nobody_received_is_received_once_beside_a_running_chat() {
    let two = Two::new();
    let mut alice = two.person(&["--peer", "bob"]);
    let one = |text: &str, options: &[&str]| {
        let outcome = two.b.run(&[&["recv", "--count", "1"], options].concat(), "").exits(0);
        assert_eq!(outcome.out.iter().map(|line| self::text(line)).collect::<Vec<_>>(), [text]);
    };
    let none = || {
        let nothing = two.b.run(&["recv", "--timeout", "1s"], "").exits(11);
        nothing.says("0 of 1 came in time. What comes later is for the next recv.");
    };
    let mut chat = two.chat_with_alice();
    none();
    alice.hears("bob is here");
    for line in ["one", "two", "three"] {
        alice.say(line);
        // A person reads it.
        assert_eq!(text(&chat.line()), line);
    }
    one("one", &[]);
    one("two", &["--from", "alice"]);
    chat.say("/quit");
    chat.outcome().exits(0);
    let mut chat = two.chat_with_alice();
    one("three", &[]);
    none();
    alice.say("four");
    assert_eq!(text(&chat.line()), "four");
    chat.say("/quit");
    chat.outcome().exits(0);
    // The same without a chat.
    one("four", &[]);
    none();
}

#[test]
fn each_message_is_received_by_one_of_those_who_wait() {
    let two = Two::new();
    let mut alice = two.person(&["--peer", "bob"]);
    let _chat = two.chat_with_alice();
    two.b.run(&["recv", "--timeout", "10ms"], "").exits(11);
    let waiting = [two.b.start(&["recv"]), two.b.start(&["recv"])];
    alice.say("one");
    alice.say("two");
    let mut received: Vec<String> =
        waiting.map(|program| text(&program.outcome().exits(0).out[0])).into();
    received.sort();
    assert_eq!(received, ["one", "two"]);
}

#[test]
fn whoever_receives_goes_on_counting_when_the_chat_passes_to_it() {
    let two = Two::new();
    let mut alice = two.person(&["--peer", "bob"]);
    let mut chat = two.chat_with_alice();
    two.b.run(&["recv", "--timeout", "10ms"], "").exits(11);
    let mut waiting = two.b.start(&["recv", "--count", "3"]);
    alice.hears("bob is here");
    alice.say("one");
    let mut lines = vec![first_line(&mut waiting)];
    chat.say("/quit");
    chat.outcome().exits(0);
    alice.say("two");
    alice.say("three");
    lines.extend([first_line(&mut waiting), first_line(&mut waiting)]);
    waiting.outcome().exits(0);
    if lines[1] == "one" {
        // The chat ended before it had heard that this was written, so it came a second time.
        lines.remove(1);
        lines.push(text(&two.b.run(&["recv"], "").exits(0).out[0]));
    }
    assert_eq!(lines, ["one", "two", "three"]);
}

fn first_line(program: &mut Program) -> String {
    text(&program.line())
}

/// Says it until a program that was just started is there and has heard it.
fn says_until_heard(speaker: &mut Program, line: &str, listener: &mut Program) {
    while !listener.has_said_something() {
        speaker.say(line);
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

#[test]
fn a_follower_sees_both_sides() {
    let two = Two::new();
    let mut alice = two.person(&["--peer", "bob"]);
    let mut chat = two.chat(true).expect("it runs");
    let mut follower = two.b.start(&["follow", "--with", "alice"]);
    says_until_heard(&mut alice, "from alice", &mut follower);
    assert_eq!(text(&follower.line()), "from alice");
    // She may have said it more often than it was heard by then.
    let next = |follower: &mut Program| loop {
        let line = follower.line();
        if text(&line) != "from alice" {
            return line;
        }
    };
    chat.say("from bob");
    let line = next(&mut follower);
    assert_eq!(text(&line), "from bob");
    assert!(line.contains("\tme>alice@"), "{line}");
    chat.say("/quit");
    chat.outcome().exits(0);
    // Now it runs the chat itself.
    alice.hears("bob is here");
    alice.say("and more");
    assert_eq!(text(&next(&mut follower)), "and more");
}

#[test]
fn the_answer_to_a_question_is_the_exit_code() {
    let two = Two::new();
    let mut alice = two.person(&[]);
    for runs in [false, true] {
        let _chat = two.chat(runs);
        for (said, code) in [("YES", 0), ("no", 1), ("3", 2)] {
            let ask = ["ask", "alice", "deploy?", "--choices", "yes,no,later"];
            let asking = two.b.start(&ask);
            assert_eq!(text(&alice.line()), "deploy? (yes / no / later)");
            alice.say("@bob hm, let me think");
            alice.say(&format!("@bob {said}"));
            let outcome = asking.outcome().exits(code);
            assert_eq!(outcome.out, [["yes", "no", "later"][code as usize]]);
        }
    }
    let asking = two.b.start(&["--json", "ask", "alice", "how", "are", "you?"]);
    assert_eq!(text(&alice.line()), "how are you?");
    alice.say("@bob fine");
    let outcome = asking.outcome().exits(0);
    let answer: Value = serde_json::from_str(&outcome.out[0]).expect("JSON");
    assert_eq!((&answer["type"], &answer["text"]), (&json!("answer"), &json!("fine")));
}

#[test]
fn a_question_without_an_answer_exits_with_none_of_them() {
    let two = Two::new();
    let mut alice = two.person(&[]);
    let ask = ["ask", "alice", "deploy?", "--choices", "yes,no", "--timeout", "3s"];
    let asking = two.b.start(&ask);
    assert_eq!(text(&alice.line()), "deploy? (yes / no)");
    asking.outcome().exits(111).says("No answer came in time. The question has left");
    alice.say("/quit");
    alice.outcome().exits(0);
    two.b.run(&ask, "").exits(104);
    two.b.run(&["ask", "nobody", "deploy?", "--timeout", "3s"], "").exits(103);
    two.b.run(&["ask", "bob", "deploy?"], "").exits(108);
    two.b.run(&["ask", "alice"], "").exits(102);
    two.b.run(&["ask", "alice", " ", "--choices", "yes,no"], "").exits(102).says("no question");
    for choices in ["", "yes,", "yes,yes", "yes,YES", "yes, Yes."] {
        two.b.run(&["ask", "alice", "deploy?", "--choices", choices], "").exits(102).says("choice");
    }
    two.b.run(&["send", "--to"], "ask").exits(2);
}

/// What a script that writes JSON says, by code or type, but for the steps of its line.
fn said(outcome: &Outcome) -> Vec<String> {
    let objects = outcome.out.iter().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let objects = objects.filter(|object| object["type"] != "status");
    let word = |object: Value| {
        let word = if object["code"].is_string() { &object["code"] } else { &object["type"] };
        word.as_str().map(str::to_owned)
    };
    objects.filter_map(word).collect()
}

#[test]
fn beside_a_chat_a_script_says_why_it_fails_as_often_as_it_is_run() {
    let two = Two::new();
    let mut chat = two.b.start(&["--json", "--peer", "nosuch"]);
    chat.object(&json!({"type": "error", "code": "no-such-name"}));
    for _ in 0..2 {
        let send = ["send", "--json", "--to", "nosuch", "--timeout", "1s", "hi"];
        let outcome = two.b.run(&send, "").exits(3);
        assert_eq!(said(&outcome), ["no-such-name", "leaving"], "{outcome:#?}");
        let ask = ["ask", "nosuch", "hm?", "--timeout", "1s"];
        two.b.run(&ask, "").exits(103).says("Nobody is called nosuch");
    }
    // Alice is asked about bob.
    let mut command = two.a.command(&["--json"]);
    command.env("P2PCHAT_STRANGERS", "request");
    let mut alice = Program::start(command);
    alice.object(&json!({"type": "ready"}));
    for _ in 0..2 {
        let send = ["send", "--json", "--to", "alice", "--timeout", "2s", "hi"];
        let outcome = two.b.run(&send, "").exits(4);
        assert!(said(&outcome).contains(&"pending".to_owned()), "{outcome:#?}");
    }
}

#[test]
fn beside_a_chat_without_a_server_a_script_says_so() {
    let b = Profile::new();
    let mut chat = b.start(&["--json", "--name", "bob", "--rendezvous", "nowhere.invalid"]);
    chat.object(&json!({"type": "error", "code": "rendezvous-unreachable"}));
    for _ in 0..2 {
        let send = ["send", "--json", "--to", "alice", "--timeout", "1s", "hi"];
        let outcome = b.run(&send, "").exits(5);
        assert_eq!(said(&outcome), ["rendezvous-unreachable", "leaving"], "{outcome:#?}");
    }
}

#[test]
fn how_things_stand_is_told_with_a_chat_and_without() {
    let two = Two::new();
    let _alice = two.person(&[]);
    let status = || {
        let outcome = two.b.run(&["status", "--json"], "").exits(0);
        assert_eq!(outcome.out.len(), 1, "{outcome:#?}");
        serde_json::from_str::<Value>(&outcome.out[0]).expect("JSON")
    };
    let without = status();
    assert_eq!((&without["running"], &without["name"]), (&json!(false), &json!("bob")));
    two.b.run(&["status"], "").exits(0);
    let mut chat = two.chat_with_alice();
    let with = status();
    assert_eq!((&with["running"], &with["key"]), (&json!(true), &without["key"]));
    assert_eq!(with["servers"][0]["registered"], json!(true));
    assert_eq!(with["peers"][0]["state"], json!("connected"));
    // Looking does not end anything.
    assert!(chat.is_running());
    Profile::new().run(&["status"], "").exits(0);
}

#[test]
fn whoever_sends_hears_nothing_of_lines_that_wait_for_others() {
    let two = Two::new();
    let mut alice = two.person(&[]);
    Profile::new().register("gina", &two.server.address().to_string());
    for peer in ["gina", "nobody"] {
        let late = two.b.run(&["--timeout", "3s", "send", "--to", peer, "late"], "");
        assert!(matches!(late.code, Some(3 | 4)), "{late:#?}");
        late.says("1 line is not delivered yet");
    }
    for runs in [false, true] {
        let _chat = two.chat(runs);
        let sent = two.b.run(&["send", "--to", "alice", "in time"], "").exits(0);
        assert_eq!((sent.out.len(), sent.err.len()), (0, 0), "{sent:#?}");
        assert_eq!(text(&alice.line()), "in time");
    }
}
