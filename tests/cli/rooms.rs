//! Several people in a room.

use serde_json::{Value, json};

use super::program::{Profile, Program};
use super::server::Server;

struct Person {
    name: &'static str,
    profile: Profile,
}

impl Person {
    fn new(name: &'static str) -> Self {
        Self { name, profile: Profile::new() }
    }

    /// Goes into the room tea, as a program sees it.
    fn start(&self, server: &Server, room: &str) -> Program {
        let address = server.address().to_string();
        let arguments = ["--json", "--name", self.name, "--rendezvous", &address, "--room", room];
        self.profile.start(&arguments)
    }
}

fn say(program: &mut Program, text: &str) {
    program.say(&json!({"type": "send", "text": text, "ref": text}).to_string());
}

fn hears(program: &mut Program, server: &Server, from: &str, text: &str) -> Value {
    let (from, room) =
        (format!("{from}@{}", server.address()), format!("#tea@{}", server.address()));
    program.object(&json!({"type": "message", "room": room, "from": from, "text": text}))
}

fn entered(program: &mut Program) -> Value {
    program.object(&json!({"type": "room", "event": "entered"}))
}

/// Alice, bob and carol, who are in the room tea and connected.
fn three_in_tea(server: &Server) -> ([Person; 3], [Program; 3]) {
    let people = ["alice", "bob", "carol"].map(Person::new);
    let mut alice = people[0].start(server, "tea");
    alice.object(&json!({"type": "room", "event": "made"}));
    let [bob, carol] = [1, 2].map(|number| {
        let mut program = people[number].start(server, "tea");
        entered(&mut program);
        program
    });
    alice.object(&json!({"type": "room", "event": "here", "members": 3, "connected": 3}));
    (people, [alice, bob, carol])
}

#[test]
fn three_talk_in_a_room_and_one_who_was_away_gets_what_was_said() {
    let server = Server::start();
    let people = [Person::new("alice"), Person::new("bob"), Person::new("carol")];
    let mut alice = people[0].start(&server, "tea");
    alice.object(&json!({"type": "room", "event": "made", "access": "open"}));
    let mut bob = people[1].start(&server, "tea");
    entered(&mut bob);
    // Carol hears of him from whomever she meets first.
    alice.object(&json!({"type": "room", "event": "here", "members": 2, "connected": 2}));
    let mut carol = people[2].start(&server, "#tea");
    assert_eq!(entered(&mut carol)["members"], 3);

    say(&mut alice, "hello");
    for program in [&mut bob, &mut carol] {
        hears(program, &server, "alice", "hello");
    }
    alice.object(&json!({"type": "status", "ref": "hello", "state": "delivered"}));
    say(&mut carol, "hi alice");
    hears(&mut alice, &server, "carol", "hi alice");
    hears(&mut bob, &server, "carol", "hi alice");

    // Bob's computer loses power, and what is said meanwhile waits with the others.
    drop(bob);
    say(&mut carol, "where is bob?");
    hears(&mut alice, &server, "carol", "where is bob?");
    let mut bob = people[1].start(&server, "tea");
    hears(&mut bob, &server, "carol", "where is bob?");
    carol.object(&json!({"type": "status", "ref": "where is bob?", "state": "delivered"}));
    say(&mut bob, "here");
    hears(&mut alice, &server, "bob", "here");
    hears(&mut carol, &server, "bob", "here");

    // Whoever leaves hears nothing more.
    carol.say(r#"{"type":"command","line":"/leave"}"#);
    let gone = alice.object(&json!({"type": "room", "event": "members"}));
    assert_eq!(gone["left"], json!([format!("carol@{}", server.address())]));
    say(&mut alice, "only us");
    hears(&mut bob, &server, "alice", "only us");
    say(&mut carol, "still there?");
    carol.object(&json!({"type": "status", "ref": "still there?", "state": "failed"}));
}

#[test]
fn in_plain_mode_lines_say_where_and_by_whom() {
    let server = Server::start();
    let address = server.address().to_string();
    let (a, b) = (Profile::new(), Profile::new());
    let mut alice = a.start(&["--name", "alice", "--rendezvous", &address]);
    alice.hears("You are alice@");
    alice.say("/join tea");
    alice.hears("There was no room #tea, so it is yours now.");
    let mut bob = b.start(&["--name", "bob", "--rendezvous", &address]);
    bob.hears("You are bob@");
    bob.say("/join #tea");
    bob.say("said before bob is in");
    bob.hears("You are in #tea, one of 2; it is alice's.");
    alice.hears("bob came into #tea.");
    let line = alice.line();
    assert!(line.ends_with(&format!("\t#tea@{address}/bob@{address}\tsaid before bob is in")));
    alice.say("welcome");
    assert!(bob.line().ends_with(&format!("\t#tea@{address}/alice@{address}\twelcome")));
    // It is no conversation between two, and nobody asks to be accepted.
    alice.say("/contacts");
    alice.say("/history");
    assert!(alice.line().contains(&format!("#tea@{address}/bob@{address}")));
    assert!(alice.line().contains(&format!("me>#tea@{address}")));
}

#[test]
fn one_line_can_be_sent_into_a_room_by_a_script() {
    let server = Server::start();
    let person = Person::new("alice");
    let mut alice = person.start(&server, "tea");
    alice.object(&json!({"type": "room", "event": "made"}));
    let address = server.address().to_string();
    let bob = Profile::new();
    let arguments =
        ["--name", "bob", "--rendezvous", &address, "send", "--to", "#tea", "the build is green"];
    bob.run(&arguments, "").exits(0);
    hears(&mut alice, &server, "bob", "the build is green");
}

#[test]
fn scripts_ask_in_a_room_and_are_told_who_says_what() {
    let server = Server::start();
    let person = Person::new("alice");
    let mut alice = person.start(&server, "tea");
    alice.object(&json!({"type": "room", "event": "made"}));
    let address = server.address().to_string();
    let bob = Profile::new();
    let as_bob = |rest: &[&'static str]| {
        let who = ["--name", "bob", "--rendezvous", &address].map(str::to_owned);
        who.into_iter().chain(rest.iter().map(ToString::to_string)).collect::<Vec<_>>()
    };
    let start = |rest| bob.start(&as_bob(rest).iter().map(String::as_str).collect::<Vec<_>>());
    let asking = start(&["ask", "#tea", "who makes it?", "--choices", "me,you"]);
    hears(&mut alice, &server, "bob", "who makes it? (me / you)");
    say(&mut alice, "what?");
    say(&mut alice, "Me");
    assert_eq!(asking.outcome().exits(0).out, [format!("me\talice@{address}")]);

    let receiving = start(&["--json", "recv", "--from", "#tea"]);
    say(&mut alice, "it is ready");
    let line = receiving.outcome().exits(0).out.pop().expect("a message");
    let line: Value = serde_json::from_str(&line).expect("JSON");
    let (from, room) = (format!("alice@{address}"), format!("#tea@{address}"));
    assert_eq!((&line["from"], &line["room"]), (&json!(from), &json!(room)));
}

fn command(program: &mut Program, line: &str) {
    program.say(&json!({"type": "command", "line": line}).to_string());
}

#[test]
fn a_room_by_invitation_lets_in_whom_a_member_has_invited_and_its_owner_removes() {
    let server = Server::start();
    let address = server.address().to_string();
    let people = [Person::new("alice"), Person::new("bob")];
    let mut alice =
        people[0].profile.start(&["--json", "--name", "alice", "--rendezvous", &address]);
    alice.object(&json!({"type": "ready"}));
    command(&mut alice, "/join tea invited");
    alice.object(&json!({"type": "room", "event": "made", "access": "invited"}));
    let mut bob = people[1].start(&server, "tea");
    bob.object(&json!({"type": "room", "event": "not-admitted", "code": "not-invited"}));
    // Who is to be invited is a contact.
    bob.say(&json!({"type": "send", "to": "alice", "text": "let me in"}).to_string());
    alice.object(&json!({"type": "message", "text": "let me in"}));
    command(&mut alice, "/invite #tea bob");
    assert_eq!(entered(&mut bob)["members"], 2);
    alice.object(&json!({"type": "room", "event": "members"}));

    command(&mut alice, "/topic green tea");
    command(&mut alice, &format!("/topic {}", "x".repeat(1025)));
    alice.object(&json!({"type": "error", "code": "topic-too-long"}));
    command(&mut alice, "/invite #tea nobody");
    alice.object(&json!({"type": "error", "code": "no-key-to-invite"}));
    let bobs = format!("alice@{address}");
    bob.object(&json!({"type": "room", "event": "topic", "topic": "green tea", "by": bobs}));
    command(&mut bob, "/who");
    let list = bob.object(&json!({"type": "room", "event": "list"}));
    assert_eq!(list["list"][0]["who"], bobs);
    assert_eq!(list["list"][0]["owner"], true);
    assert_eq!(list["list"][1]["us"], true);
    say(&mut bob, "nice");
    hears(&mut alice, &server, "bob", "nice");
    // As its lines name it.
    let room = format!("#tea@{address}");
    bob.say(&json!({"type": "send", "room": room, "text": "and green"}).to_string());
    hears(&mut alice, &server, "bob", "and green");
    bob.object(&json!({"type": "status", "ref": "nice", "state": "delivered"}));
    command(&mut bob, "/info 2");
    let receipts = bob.object(&json!({"type": "room", "event": "receipts"}));
    assert_eq!((&receipts["has"], &receipts["waits"]), (&json!([bobs]), &json!([])));

    // Only the owner can.
    command(&mut bob, "/kick alice");
    bob.object(&json!({"type": "error", "code": "room"}));
    command(&mut alice, "/kick alice");
    alice.object(&json!({"type": "error", "code": "kicks-oneself"}));
    command(&mut alice, "/rooms");
    let both = json!({"type": "room", "event": "summary", "members": 2, "connected": 2});
    alice.object(&both);
    command(&mut alice, "/kick bob");
    bob.object(&json!({"type": "room", "event": "kicked", "us": true}));
    say(&mut bob, "but");
    bob.object(&json!({"type": "status", "ref": "but", "state": "failed"}));
    command(&mut alice, "/rooms");
    let summary = alice.object(&json!({"type": "room", "event": "summary"}));
    assert_eq!((&summary["members"], &summary["topic"]), (&json!(1), &json!("green tea")));
}

#[test]
fn whoever_comes_back_is_not_told_again_what_was_said() {
    let server = Server::start();
    let address = server.address().to_string();
    let (a, b) = (Profile::new(), Profile::new());
    let mut alice = a.start(&["--name", "alice", "--rendezvous", &address, "--room", "tea"]);
    alice.hears("There was no room #tea");
    let mut bob = b.start(&["--name", "bob", "--rendezvous", &address, "--room", "tea"]);
    alice.hears("bob came into #tea.");
    alice.say("hello");
    assert!(bob.line().ends_with("\thello"));
    bob.say("/leave");
    alice.hears("bob left #tea.");
    // Longer than the sessions of a room last that one has left.
    std::thread::sleep(std::time::Duration::from_millis(3_500));
    bob.say("/join tea");
    alice.hears("bob came into #tea.");
    alice.say("welcome back");
    assert!(bob.line().ends_with("\twelcome back"));
    // It is a room, and nobody's contact.
    bob.say("/contacts");
    bob.hears("You know nobody yet");
}

#[test]
fn of_a_line_in_a_room_it_is_said_how_many_have_it_also_after_a_restart() {
    let server = Server::start();
    let (people, [mut alice, _bob, carol]) = three_in_tea(&server);
    drop(carol);

    say(&mut alice, "who has it?");
    let none = alice.object(&json!({"type": "room", "event": "progress", "have": 0, "of": 2}));
    let one = alice.object(&json!({"type": "room", "event": "progress", "have": 1, "of": 2}));
    assert_eq!(none["id"], one["id"]);
    alice.say(r#"{"type":"command","line":"/quit"}"#);
    alice.outcome().exits(0);

    // Alice begins anew: her line is told of as it stood, and goes on from there.
    let mut alice = people[0].start(&server, "tea");
    alice.say(r#"{"type":"command","line":"/history"}"#);
    let line = alice.object(&json!({"type": "history", "text": "who has it?"}));
    assert_eq!((&line["id"], &line["progress"]), (&one["id"], &json!({"have": 1, "of": 2})));
    assert_eq!(line["state"], "sent");
    let _carol = people[2].start(&server, "tea");
    let all = alice.object(&json!({"type": "room", "event": "progress", "have": 2, "of": 2}));
    assert_eq!(all["id"], one["id"]);
    alice.object(&json!({"type": "status", "id": one["id"], "state": "delivered"}));
}

#[test]
fn in_a_room_lines_are_named_by_numbers_and_the_classic_words_do_what_they_say() {
    let server = Server::start();
    let address = server.address().to_string();
    let (a, b) = (Profile::new(), Profile::new());
    let mut alice = a.start(&["--name", "alice", "--rendezvous", &address]);
    alice.hears("You are alice@");
    // Before there is such a room: it waits for that.
    alice.say("/join tea");
    alice.say("/topic green tea");
    alice.hears("There was no room #tea, so it is yours now.");
    alice.hears("alice says what #tea is about: green tea");
    let mut bob = b.start(&["--name", "bob", "--rendezvous", &address]);
    bob.hears("You are bob@");
    bob.say("/join tea");
    bob.hears("It is about: green tea");
    alice.hears("bob came into #tea.");

    bob.say("/topic");
    bob.hears("#tea: 2 members, 2 here. It is about: green tea");
    bob.say("/topic #tea -");
    alice.hears("bob took back what #tea is about.");
    bob.hears("bob took back what #tea is about.");
    bob.say("/topic ＃tea");
    bob.hears("#tea: 2 members, 2 here.");

    alice.say("say hello all");
    assert!(bob.line().ends_with("\thello all"));
    alice.say("/info #tee");
    alice.hears("You are not in #tee; nothing was done.");
    bob.say("/reply 1 hello alice");
    assert!(alice.line().ends_with("\thello alice"));
    bob.say("/edit hello Alice");
    let edited = alice.line();
    assert!(edited.contains("\\edit ") && edited.ends_with(" hello Alice"), "{edited}");
    bob.say("/react +");
    let reacted = alice.line();
    assert!(reacted.contains("\\react ") && reacted.ends_with(" +"), "{reacted}");
    alice.say("/edit 1 not mine");
    alice.hears("Only who wrote a line can edit or delete it");
    alice.say("/delete 2");
    assert!(bob.line().contains("\\delete "));
    alice.say("look");
    alice.hears("In #tea:");
    alice.say("logout");
    alice.hears("You are logged out");
    alice.say("login alice");
    alice.hears("You are alice@");
}

#[test]
fn whoever_is_ignored_is_not_heard_in_rooms_and_can_be_again() {
    let server = Server::start();
    let (_people, [mut alice, mut bob, mut carol]) = three_in_tea(&server);
    let command = |line: &str| json!({"type": "command", "line": line}).to_string();
    carol.say(&command("/ignore alice"));
    carol.object(&json!({"type": "limit", "limit": "ignored", "on": true}));
    say(&mut alice, "does carol hear this?");
    hears(&mut bob, &server, "alice", "does carol hear this?");
    // Ignored is not unreached: she has it.
    alice.object(&json!({"type": "room", "event": "progress", "have": 2, "of": 2}));
    say(&mut bob, "I do");
    let next = carol.object(&json!({"type": "message"}));
    assert_eq!(next["text"], "I do");
    carol.say(&command("/history"));
    assert_eq!(carol.object(&json!({"type": "history"}))["text"], "I do");
    carol.say(&command("/unignore alice"));
    carol.object(&json!({"type": "limit", "limit": "ignored", "on": false}));
    carol.say(&command("/history"));
    assert_eq!(carol.object(&json!({"type": "history"}))["text"], "does carol hear this?");

    // Whoever is blocked is not even connected, and what comes by others is not shown.
    carol.say(&command("/block alice"));
    carol.object(&json!({"type": "limit", "limit": "blocked", "on": true}));
    alice.object(&json!({"type": "room", "event": "here", "members": 3, "connected": 2}));
    say(&mut alice, "and now?");
    hears(&mut bob, &server, "alice", "and now?");
    say(&mut bob, "yes");
    let next = carol.object(&json!({"type": "message"}));
    assert_eq!(next["text"], "yes");
}

#[test]
fn who_leaves_and_ends_at_once_has_left_for_the_others() {
    let server = Server::start();
    let people = [Person::new("alice"), Person::new("bob")];
    let mut alice = people[0].start(&server, "tea");
    alice.object(&json!({"type": "room", "event": "made"}));
    let mut bob = people[1].start(&server, "tea");
    entered(&mut bob);
    alice.object(&json!({"type": "room", "event": "here", "members": 2, "connected": 2}));
    bob.say(r#"{"type":"command","line":"/leave"}"#);
    bob.say(r#"{"type":"command","line":"/quit"}"#);
    let gone = alice.object(&json!({"type": "room", "event": "members"}));
    let gone = match gone["left"].as_array().is_none_or(Vec::is_empty) {
        true => alice.object(&json!({"type": "room", "event": "members"})),
        false => gone,
    };
    assert_eq!(gone["left"], json!([format!("bob@{}", server.address())]));
    bob.outcome().exits(0);
}

#[test]
fn a_room_can_give_newcomers_nothing_of_what_was_said() {
    let server = Server::start();
    let people = [Person::new("alice"), Person::new("bob")];
    let address = server.address().to_string();
    let mut alice =
        people[0].profile.start(&["--json", "--name", "alice", "--rendezvous", &address]);
    alice.object(&json!({"type": "ready"}));
    alice.say(r#"{"type":"command","line":"/join #tea open keep 0"}"#);
    alice.object(&json!({"type": "room", "event": "made"}));
    for text in ["a secret", "another"] {
        say(&mut alice, text);
        alice.object(&json!({"type": "status", "ref": text, "state": "delivered"}));
    }
    let mut bob = people[1].start(&server, "tea");
    entered(&mut bob);
    alice.object(&json!({"type": "room", "event": "here", "members": 2, "connected": 2}));
    say(&mut alice, "welcome");
    let first = bob.object(&json!({"type": "message"}));
    assert_eq!(first["text"], "welcome");
    alice.object(&json!({"type": "status", "ref": "welcome", "state": "delivered"}));
}

/// What somebody has who copies a profile by hand.
fn copy_of(person: &Person) -> Person {
    let copy = Person::new(person.name);
    for entry in std::fs::read_dir(person.profile.path()).expect("a directory") {
        let entry = entry.expect("a file");
        if entry.file_type().expect("its type").is_file() {
            let to = copy.profile.path().join(entry.file_name());
            std::fs::copy(entry.path(), to).expect("copies");
        }
    }
    copy
}

#[test]
fn a_profile_that_was_copied_and_its_copy_take_turns_and_nobody_sees_two_histories() {
    let quit = |mut program: Program| {
        program.say(&json!({"type": "quit"}).to_string());
        program.outcome().exits(0)
    };
    let server = Server::start();
    let (alice, bob) = (Person::new("alice"), Person::new("bob"));
    if bob.profile.path().metadata().and_then(|file| file.created()).is_err() {
        // Where no file knows when it was made, nobody can know of copies.
        return;
    }
    let mut at_alices = alice.start(&server, "tea");
    at_alices.object(&json!({"type": "room", "event": "made"}));
    let mut says = |person: &Person, text: &str| {
        let mut program = person.start(&server, "tea");
        say(&mut program, text);
        hears(&mut at_alices, &server, "bob", text);
        program.object(&json!({"type": "status", "ref": text, "state": "delivered"}));
        quit(program);
    };
    says(&bob, "one");
    let copy = copy_of(&bob);
    for (person, text) in [(&bob, "two"), (&copy, "three"), (&bob, "four"), (&copy, "five")] {
        says(person, text);
    }
    let told = quit(at_alices).out;
    assert!(!told.iter().any(|line| line.contains("two-histories")), "{told:#?}");
}

#[test]
fn whoever_joins_a_chat_is_told_which_rooms_it_is_in_and_who_is_here() {
    let server = Server::start();
    let (people, [mut alice, mut bob, _carol]) = three_in_tea(&server);
    alice.say(&json!({"type": "command", "line": "/topic green tea"}).to_string());
    bob.object(&json!({"type": "room", "event": "topic", "topic": "green tea"}));
    bob.say(&json!({"type": "command", "line": "/msg alice hello"}).to_string());
    bob.object(&json!({"type": "status", "state": "delivered"}));
    let mut joins = people[1].profile.start(&["--json"]);
    let room = format!("#tea@{}", server.address());
    let owner = format!("alice@{}", server.address());
    joins.object(&json!({
        "type": "room", "room": room, "event": "entered",
        "owner": owner, "members": 3, "topic": "green tea",
    }));
    joins.object(&json!({"type": "room", "room": room, "event": "here", "members": 3}));
    joins.say(&json!({"type": "quit"}).to_string());
    for line in joins.outcome().exits(0).out {
        let object: Value = serde_json::from_str(&line).expect("JSON");
        assert!(object["type"] != "peer" || object["peer"] != room.as_str(), "{object}");
    }
    let joins = people[1].profile.run(&["--plain"], "/quit\n").exits(0);
    let joins = joins.says("You are in #tea, one of 3; it is alice's.").says("alice is here");
    assert!(!joins.err.iter().any(|line| line.contains(": now ")), "{joins:#?}");
    // Whom the owner has removed is told that he is not in it.
    alice.say(&json!({"type": "command", "line": "/kick bob"}).to_string());
    bob.object(&json!({"type": "room", "event": "kicked", "us": true}));
    let joins = people[1].profile.run(&["--json"], "{\"type\":\"quit\"}\n").exits(0);
    let about = |line: &&String| line.contains("#tea@") && line.contains("\"room\"");
    let about: Vec<&String> = joins.out.iter().filter(about).collect();
    assert!(!about.iter().any(|line| line.contains("entered")), "{about:#?}");
}

#[test]
fn a_room_is_none_of_the_contacts() {
    let server = Server::start();
    let (people, programs) = three_in_tea(&server);
    drop(programs);
    let bob = &people[1].profile;
    let listed = bob.run(&["contacts", "--json"], "").exits(0);
    assert!(!listed.out.iter().any(|line| line.contains('#')), "{listed:#?}");
    let listed = bob.run(&["contacts"], "").exits(0);
    assert!(!listed.out.iter().any(|line| line.contains('#')), "{listed:#?}");
    bob.run(&["contacts", "show", "#tea"], "").exits(3).says("#tea is a room");
}

#[test]
fn how_things_stand_names_rooms_with_a_chat_and_without() {
    let server = Server::start();
    let (people, [_alice, mut bob, _carol]) = three_in_tea(&server);
    let profile = &people[1].profile;
    let status = || {
        let status = profile.run(&["status", "--json"], "").exits(0);
        let status: Value = serde_json::from_str(&status.out[0]).expect("JSON");
        let peers = status["peers"].as_array().expect("a list");
        assert!(!peers.iter().any(|one| one["peer"].to_string().contains('#')), "{status}");
        status["rooms"].clone()
    };
    let room = format!("#tea@{}", server.address());
    bob.object(&json!({"type": "room", "event": "here", "members": 3, "connected": 3}));
    let with = status();
    assert_eq!(with[0]["room"], room.as_str());
    assert_eq!((&with[0]["members"], &with[0]["in"]), (&json!(3), &json!(true)), "{with}");
    let plain = profile.run(&["status"], "").exits(0);
    let told = plain.out.iter().any(|line| line.contains(&room) && line.contains("3 members"));
    assert!(told, "{plain:#?}");
    bob.say(&json!({"type": "quit"}).to_string());
    bob.outcome().exits(0);
    let without = status();
    assert_eq!(without[0]["room"], room.as_str());
    assert!(without[0]["members"].is_null(), "{without}");
}
