//! Nothing that others write does anything on the terminal but stand there.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use p2pchat::chat::record::{Line, Record};
use p2pchat::chat::{Audience, LineId, Manner};
use portable_pty::CommandBuilder;

use super::mallory::Mallory;
use super::programs::chat::Chat;
use super::pty::{Terminal, at_home, demo, find, p2pchat_of};
use super::server::Server;

/// Puts something on the clipboard; goes back to the beginning of the row; turns the direction of
/// writing round; breaks the line where only some see it; colours, in one byte and in two.
const ATTACK: &str = "a\u{1b}]52;c;aGk=\u{7}b\rc\u{202e}d\u{2028}e\u{9b}31mf\u{1b}[31mg\u{8}h";

/// Names the window; makes a link; writes on a row that no screen of these tests has; breaks the line
/// and moves the cursor as few programs remember that one can.
const MORE: &str = "\u{1b}]2;mine\u{7}\u{1b}]8;id=m;http://evil.example\u{1b}\\x\u{1b}[77;77Hi\tj\u{85}k\u{7f}\u{84}l";

/// As much of it as a reaction and the name of a program have room for.
const SHORT: &str = "b\u{1b}]52;c;aGk=\u{7}b\rc\u{202e}\u{9b}31m\u{1b}[77;77H";

/// None of it may be written to the terminal.
const NEVER: [&str; 15] = [
    "\u{1b}]52",
    "\u{7}b",
    "b\rc",
    "\u{202e}",
    "\u{2028}",
    "\u{9b}",
    "\u{8}",
    "\u{1b}]2;",
    "\u{1b}]8;id=m",
    "\u{1b}[77;77H",
    "i\tj",
    "\u{85}",
    "\u{7f}",
    "\u{84}",
    "\u{202d}",
];

/// More marks than any script puts on one letter.
const MARKS: &str = "\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}";

#[track_caller]
fn is_unharmed(terminal: &Terminal) {
    for text in NEVER {
        let at = find(terminal.raw(), text.as_bytes());
        assert_eq!(at, None, "{text:?} in {:?}", String::from_utf8_lossy(terminal.raw()));
    }
}

/// Mallory with a program of ours: with somebody, or in a room.
fn mallory(home: &Path, rendezvous: &str, place: [&str; 2]) -> Chat {
    let mut command = Command::new(env!("CARGO_BIN_EXE_p2pchat"));
    command.env("P2PCHAT_NO_LAN", "1").env("P2PCHAT_LANG", "en").env_remove("P2PCHAT_LOG");
    command.env("P2PCHAT_STRANGERS", "accept");
    command.args(["--name", "mallory", "--rendezvous", rendezvous]).args(place).arg("--data-dir");
    Chat::start("mallory", {
        command.arg(home);
        command
    })
}

#[test]
fn text_of_others_only_stands_there() {
    let server = Server::start();
    let rendezvous = server.address().to_string();
    let [mallorys, bobs] = [0, 1].map(|_| tempfile::tempdir().expect("a directory"));
    let bob = ["--name", "bob", "--rendezvous", &rendezvous];
    let mut bob = Terminal::start(120, 24, p2pchat_of(bobs.path(), &bob));
    bob.shows("bob (here)");
    let mut mallory = mallory(mallorys.path(), &rendezvous, ["--peer", "bob"]);
    mallory.send(None, ATTACK);
    mallory.send(None, "the end");
    mallory
        .wait("delivery", Duration::from_secs(120), |said| {
            said["type"] == "status" && said["ref"] == "r2" && said["state"] == "delivered"
        })
        .expect("it is delivered");
    bob.shows("the end");
    bob.types("/history\r");
    bob.until("the history", |screen| screen.contents().matches("the end").count() == 2);
    is_unharmed(&bob);
}

#[test]
fn what_is_pasted_only_stands_there() {
    let mut terminal = demo(120, 24);
    terminal.pastes(&format!("{ATTACK} in the composer"));
    terminal.shows("in the composer");
    terminal.types("\r");
    terminal.shows("echo  a");
    is_unharmed(&terminal);
    // Nor does a name, which is told back because nobody can have it.
    terminal.pastes(&format!("/msg {ATTACK}"));
    terminal.types(" hi\r");
    terminal.writes("", 0);
    is_unharmed(&terminal);
}

/// Everything that a peer can say, each with everything in it that a terminal would obey.
fn records() -> Vec<Vec<u8>> {
    let (long, marks) = (format!("{ATTACK}{MORE}"), format!("z{}", "\u{301}".repeat(10_000)));
    let line = |number: u8| LineId([number; 16]);
    let said = [
        (Manner::Text, &*long),
        (Manner::Action, &long),
        (Manner::Reply { to: line(1) }, &long),
        (Manner::Text, "to be changed"),
        (Manner::Edit { of: line(4) }, &long),
        (Manner::React { to: line(1) }, SHORT),
        // About lines that nobody has.
        (Manner::Reply { to: line(99) }, &long),
        (Manner::Edit { of: line(99) }, &long),
        (Manner::React { to: line(99) }, SHORT),
        (Manner::Text, &marks),
        (Manner::Text, "the end"),
    ];
    let lines = (1..).zip(said).map(|(number, (manner, text))| {
        Record::Line(Line {
            log: 7,
            seq: number.into(),
            id: line(number).0,
            sent_at_ms: 1_000,
            audience: Audience::You,
            text: text.to_owned(),
            manner,
        })
    });
    let hello =
        Record::Hello { log: 7, software: SHORT.to_owned(), files: false, folders: false }.encode();
    // The beginning of a line, and nothing more: who wrote such a program?
    let unreadable = vec![1];
    [hello, unreadable].into_iter().chain(lines.map(|line| line.encode())).collect()
}

/// Lets Mallory say everything to Bob, who is there when his terminal says so.
fn accosted(server: &Server, bob: &mut Terminal, here: &str) -> Mallory {
    bob.says(here);
    Mallory::calls("bob", server, records())
}

fn arguments<'a>(rendezvous: &'a str, face: &'a [&str]) -> Vec<&'a str> {
    [&["--name", "bob", "--rendezvous", rendezvous], face].concat()
}

#[test]
fn whatever_a_peer_says_the_screen_stands() {
    let (server, home) = (Server::start(), tempfile::tempdir().expect("a directory"));
    let rendezvous = server.address().to_string();
    let mut command = p2pchat_of(home.path(), &arguments(&rendezvous, &[]));
    // Of a terminal that has links and notifications, which repeat what somebody wrote.
    command.env("TERM_PROGRAM", "WezTerm");
    let config = home.path().join("config.toml");
    std::fs::write(&config, "[ui]\nnotify = \"text\"\n").expect("a file");
    command.env("P2PCHAT_CONFIG", config);
    let mut bob = Terminal::start(100, 70, command);
    bob.shows("bob (here)");
    bob.types("\x1b[O");
    let _mallory = Mallory::calls("bob", &server, records());
    bob.shows("the end");
    // After that nothing comes by itself.
    bob.shows("now direct");
    bob.says("\x1b]777;notify;p2pchat;mallory: a]52;c;aGk=bcd e31mf[31mgh");
    bob.types("\x1b[I");
    // The name of her program, whether what she said is read by now or not.
    bob.types("/who\r");
    bob.until("who she is", |screen| {
        let contents = screen.contents();
        let who = contents.rsplit_once(">   mallory@").map(|(_, who)| who);
        who.is_some_and(|who| {
            who.contains("ms  b]52;c;aGk=b") || who.contains("unread  b]52;c;aGk=b")
        })
    });
    bob.writes("", 0);
    // The last line as only `/history` writes it.
    bob.types("/history\r");
    bob.shows("1970-01-01 00:00  mallory  the end");
    bob.writes("", 0);
    // What a diff of frames leaves wrong, a whole frame puts right. The round trip time may differ,
    // and what is being written.
    let seen = bob.rows();
    bob.types("\x0cz");
    bob.writes("z", 1);
    let rows = seen.len() - 2;
    assert_eq!(seen[..rows], bob.rows()[..rows]);
    is_unharmed(&bob);
    assert_eq!(find(bob.raw(), MARKS.as_bytes()), None);
    // Where a link leads is what is seen of it.
    let links = String::from_utf8_lossy(bob.raw());
    let mut targets = links.split("\x1b]8;id=").skip(1).map(|link| &link[8..]);
    assert!(targets.all(|target| target.starts_with(";http://evil.example\x1b\\")));
    assert!(links.contains(";http://evil.example\x1b\\"));
}

#[test]
fn whatever_a_peer_says_line_mode_only_writes_it() {
    let (server, home) = (Server::start(), tempfile::tempdir().expect("a directory"));
    let rendezvous = server.address().to_string();
    let mut command = p2pchat_of(home.path(), &arguments(&rendezvous, &["--plain"]));
    command.env("NO_COLOR", "1");
    let mut bob = Terminal::start(100, 30, command);
    let _mallory = accosted(&server, &mut bob, "You are bob@");
    bob.says("the end");
    bob.types("/who\r");
    bob.says("b]52;c;aGk=b");
    bob.types("/history\r");
    bob.says("the end");
    is_unharmed(&bob);
    assert_eq!(find(bob.raw(), MARKS.as_bytes()), None);
}

/// The program as a part of a pipeline, whose end is a terminal.
fn piped(home: &Path, arguments: &[&str]) -> Terminal {
    let program = env!("CARGO_BIN_EXE_p2pchat");
    let script = format!(
        "tail -f /dev/null | '{program}' {} --data-dir '{}'",
        arguments.join(" "),
        home.display()
    );
    let mut command = CommandBuilder::new("sh");
    command.args(["-c", &script]);
    at_home(&mut command);
    Terminal::start(100, 30, command)
}

#[test]
fn whatever_a_peer_says_a_pipeline_may_end_at_a_terminal() {
    let (server, home) = (Server::start(), tempfile::tempdir().expect("a directory"));
    let rendezvous = server.address().to_string();
    let mut bob = piped(home.path(), &arguments(&rendezvous, &["--plain"]));
    let _mallory = accosted(&server, &mut bob, "You are bob@");
    bob.says("the end");
    is_unharmed(&bob);
    assert_eq!(find(bob.raw(), MARKS.as_bytes()), None);
}

#[test]
fn whatever_a_peer_says_json_escapes_it_and_loses_nothing() {
    let (server, home) = (Server::start(), tempfile::tempdir().expect("a directory"));
    let rendezvous = server.address().to_string();
    let mut bob = piped(home.path(), &arguments(&rendezvous, &["--json"]));
    let _mallory = accosted(&server, &mut bob, "\"ready\"");
    bob.says("the end");
    is_unharmed(&bob);
    let written = String::from_utf8_lossy(bob.raw());
    let objects = written.lines().filter_map(|line| serde_json::from_str(line).ok());
    let objects: Vec<serde_json::Value> = objects.collect();
    let long = format!("{ATTACK}{MORE}");
    assert!(objects.iter().any(|one| one["type"] == "message" && one["text"] == *long));
}

/// Empties the screen, and leaves it; sets the terminal back; writes on the row below.
const WIPE: &str = "m\u{1b}[2J\u{1b}[H\u{1b}[?1049l\u{1b}c\nn";

/// What is seen of [`ATTACK`], [`MORE`], [`WIPE`] and a pile of marks.
const SEEN: &str = "a]52;c;aGk=bcd e31mf[31mgh]2;mine]8;id=m;http://evil.example\\x[77;77Hi    j klm[2J[H[?1049lc nz\u{301}\u{301}\u{301}\u{301}";

/// What a terminal was asked for that no screen shows.
#[derive(Default)]
struct Asked(Vec<String>);

impl vt100::Callbacks for Asked {
    fn set_window_title(&mut self, _: &mut vt100::Screen, title: &[u8]) {
        self.0.push(format!("the title {:?}", String::from_utf8_lossy(title)));
    }

    fn copy_to_clipboard(&mut self, _: &mut vt100::Screen, to: &[u8], data: &[u8]) {
        self.0.push(format!("the clipboard {to:?} {:?}", String::from_utf8_lossy(data)));
    }
}

/// Mallory in her room, which is about what ends with the word `first`.
fn mallory_at_tea(home: &Path, rendezvous: &str) -> Chat {
    let mut mallory = mallory(home, rendezvous, ["--room", "tea"]);
    let made = |said: &serde_json::Value| said["type"] == "room" && said["event"] == "made";
    mallory.wait("room", Duration::from_secs(120), made).expect("it is made");
    set_topic(&mut mallory, "first");
    mallory
}

/// Has Mallory say what the room is about: what ends with this word.
fn set_topic(mallory: &mut Chat, last: &str) {
    let topic = format!("{ATTACK}{MORE}{WIPE}z{} {last}", "\u{301}".repeat(300));
    mallory.command(&format!("/topic {topic}"));
    // It is said as it is: whoever shows it has to be careful.
    mallory
        .wait("topic", Duration::from_secs(120), |said| {
            said["type"] == "room" && said["event"] == "topic" && said["topic"] == *topic
        })
        .expect("it is the topic");
}

/// Of day, in front of every row of the log.
const TIME: &str = "00:00 ";

/// Checks that this, and then what the room is about, is one row of the screen each, below the two
/// that every run begins with, and that there is nothing else.
#[track_caller]
fn is_about(bob: &Terminal, said: &[(&str, &str)]) {
    is_unharmed(bob);
    assert_eq!(find(bob.raw(), MARKS.as_bytes()), None);
    let (screen, rows) = (bob.screen(), bob.rows());
    let (height, width) = screen.size();
    let mut emulator = vt100::Parser::new_with_callbacks(height, width, 0, Asked::default());
    emulator.process(bob.raw());
    assert_eq!(emulator.callbacks().0, [""; 0]);
    assert!(screen.alternate_screen());
    let (log, bottom) = rows.split_at(rows.len() - 2);
    assert!(bottom[0].starts_with(" bob (here)  #tea"), "{bottom:?}");
    let [list, log]: [Vec<&str>; 2] = [0, 1].map(|part| {
        let parts = log.iter().map(|row| row.split('│').nth(part).expect("a list and a log"));
        parts.filter(|text| !text.trim().is_empty()).collect()
    });
    assert!(list.len() == 1 && list[0].starts_with(">1 #tea"), "{list:?}");
    assert_eq!(log.len(), 2 + said.len(), "{log:#?}");
    for (row, (before, last)) in log[2..].iter().zip(said) {
        assert_eq!(&row[TIME.len()..], format!("{before} {SEEN} {last}"));
    }
    // Nor is it coloured otherwise than the sentence in which it stands.
    let begins = rows[0].chars().position(|c| c == '│').expect("a list and a log");
    let begins = begins + 1 + TIME.len();
    for row in (0..height.get() - 2).rev().take(said.len()) {
        let cells = (0..width.get()).filter_map(|column| screen.cell(row, column));
        let written = cells.skip(begins).filter(|cell| !cell.contents().trim().is_empty());
        let mut colours: Vec<_> = written.map(|cell| (cell.fgcolor(), cell.bgcolor())).collect();
        colours.dedup();
        assert_eq!(colours.len(), 1, "{colours:?}");
    }
}

#[test]
fn whatever_a_room_is_about_the_screen_stands() {
    let server = Server::start();
    let rendezvous = server.address().to_string();
    let [mallorys, bobs] = [0, 1].map(|_| tempfile::tempdir().expect("a directory"));
    let mut mallory = mallory_at_tea(mallorys.path(), &rendezvous);
    // So wide that each sentence has a row of its own.
    let mut bob = Terminal::start(240, 30, p2pchat_of(bobs.path(), &arguments(&rendezvous, &[])));
    bob.shows("bob (here)");
    // F3: without the members, so that a row ends with its sentence.
    bob.types("\x1bOR/join #tea\r");
    bob.shows("first");
    let entered = "You are in #tea, one of 2; it is mallory's. It is about:";
    is_about(&bob, &[(entered, "first")]);
    set_topic(&mut mallory, "second");
    bob.shows("second");
    let changed = "mallory says what #tea is about:";
    is_about(&bob, &[(entered, "first"), (changed, "second")]);
    bob.types("/rooms\r");
    bob.shows("#tea: 2 members");
    let summary = "#tea: 2 members, 2 here. It is about:";
    let said = [(entered, "first"), (changed, "second"), (summary, "second")];
    is_about(&bob, &said);
    // What a diff of frames leaves wrong, a whole frame puts right.
    bob.types("\x0cz");
    bob.writes("z", 1);
    is_about(&bob, &said);
}

#[test]
fn whatever_a_room_is_about_line_mode_only_writes_it() {
    let server = Server::start();
    let rendezvous = server.address().to_string();
    let [mallorys, bobs] = [0, 1].map(|_| tempfile::tempdir().expect("a directory"));
    let mut mallory = mallory_at_tea(mallorys.path(), &rendezvous);
    let bob = arguments(&rendezvous, &["--plain", "--room", "tea"]);
    let mut bob = Terminal::start(240, 30, p2pchat_of(bobs.path(), &bob));
    bob.says("first");
    set_topic(&mut mallory, "second");
    bob.says("second");
    bob.types("/rooms\r");
    bob.says("second");
    is_unharmed(&bob);
    let written = String::from_utf8_lossy(bob.raw());
    assert!(!written.contains(MARKS));
    assert_eq!(written.matches(&format!("about: {SEEN} ")).count(), 3, "{written}");
}
