//! A room with as many people as there can be, each behind a router of his own.
//!
//! `P2PCHAT_LAB_LINES=200 cargo test --release --test lab -- --nocapture room::` also measures, in some nine
//! minutes: how long 200 lines take to reach each of the others, what they and a room in which nobody
//! says anything cost, on the wire and in processor time.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use serde_json::{Value, json};

use super::ground::on_lab_ground;
use super::meeting::{peer, report, start_server_with};
use super::nat::{Filtering, Mapping, Nat};
use super::programs::Folder;
use super::programs::chat::Chat;
use super::programs::server::Server;
use super::world::{Home, World};

/// As many as there can be.
const PEOPLE: usize = 30;

const HOME: Nat = Nat::new(Mapping::Endpoint, Filtering::Port);

/// A narrow line, in thousands of bits a second: what ADSL gave.
const LINE: (u32, u32) = (1_000, 10_000);

/// Until everybody is connected with everybody, on a busy machine.
const ARRIVAL: Duration = Duration::from_secs(120);

/// Until a line is with everybody.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many lines to measure, if any.
const LINES: &str = "P2PCHAT_LAB_LINES";

/// How long nobody says anything while that is measured.
const SILENCE: Duration = Duration::from_secs(60);

/// Until everybody has compared with everybody, and knows how long his router remembers.
const REST: Duration = Duration::from_secs(330);

/// What one more is told.
const FULL: [(&str, &str); 2] = [
    (
        "en",
        "You cannot come into #tea: as many are in it as there can be, which is 30. Should that change, you \
         come in by itself.",
    ),
    ("zh", "你不能进入 #tea：人数已满，上限是 30 人。情况一变，你会自动进去。"),
];

struct Room {
    people: Vec<Chat>,
    homes: Vec<Home>,
    _server: Server,
    folder: Folder,
    world: World,
}

fn name(number: usize) -> String {
    format!("guest{number}")
}

/// The `event` of a room.
fn is(value: &Value, event: &str) -> bool {
    value["type"] == "room" && value["event"] == event
}

impl Room {
    /// The first one makes the room, and all others come at once.
    fn open() -> Result<Self, String> {
        let (world, folder) = (World::new(), Folder::new());
        let _server = start_server_with(&world, &folder, &[]);
        let begun = Instant::now();
        let (people, homes) = (Vec::new(), Vec::new());
        let mut room = Self { people, homes, _server, folder, world };
        room.comes();
        room.people[0].wait("room", ARRIVAL, |value| is(value, "made"))?;
        for _ in 1..PEOPLE {
            room.comes();
        }
        println!("{PEOPLE} homes and programs after {:.1} s", begun.elapsed().as_secs_f64());
        room.wait_for_all()?;
        println!("all are connected with all after {:.1} s", begun.elapsed().as_secs_f64());
        Ok(room)
    }

    /// One more comes to the door.
    fn comes(&mut self) {
        let host = self.moves_in();
        let person = name(self.people.len());
        self.people.push(Chat::start(&person, self.visitor(&host)));
    }

    /// A home for one more; the host in it.
    fn moves_in(&mut self) -> String {
        let mut home = self.world.home(HOME);
        let (host, _) = self.world.host(&mut home);
        self.homes.push(home);
        host
    }

    /// The program of one more, who wants to be in the room.
    fn visitor(&self, host: &str) -> Command {
        let mut command = peer(&self.world, host, &self.folder, &name(self.people.len()));
        command.args(["--room", "tea"]);
        command
    }

    /// Until each of the first [`PEOPLE`] is connected with all others.
    fn wait_for_all(&self) -> Result<(), String> {
        let all = json!(PEOPLE);
        self.people.iter().take(PEOPLE).try_for_each(|one| {
            let fits = |value: &Value| {
                is(value, "here") && value["members"] == all && value["connected"] == all
            };
            one.wait("full room", ARRIVAL, fits).map(|_| ())
        })
    }

    /// Somebody says something. Returns how long it took to each of the others.
    fn say(&mut self, speaker: usize, text: &str) -> Result<Vec<Duration>, String> {
        let begun = Instant::now();
        self.people[speaker].send_as(text, None, text);
        self.hear(speaker, text, begun)
    }

    fn hear(&self, speaker: usize, text: &str, begun: Instant) -> Result<Vec<Duration>, String> {
        let others = self.people.iter().enumerate().filter(|(number, _)| *number != speaker);
        let delays = others.map(|(_, one)| {
            let said = one.wait_text(text, PATIENCE)?;
            Ok(said.at.saturating_duration_since(begun))
        });
        delays.collect()
    }

    fn wait_delivered(&self, speaker: usize, reference: &str) -> Result<(), String> {
        let fits = |value: &Value| {
            value["type"] == "status" && value["ref"] == reference && value["state"] == "delivered"
        };
        self.people[speaker].wait("delivered", PATIENCE, fits).map(|_| ())
    }

    /// What each has of everybody else, by author and in the order in which it was shown.
    fn read(&self, number: usize) -> BTreeMap<String, Vec<String>> {
        let mut read = BTreeMap::<String, Vec<String>>::new();
        self.people[number].said().read(|lines| {
            let objects = lines.iter().filter_map(|line| line.json.as_ref());
            for message in objects.filter(|value| value["type"] == "message") {
                let (Some(from), Some(text)) = (message["from"].as_str(), message["text"].as_str())
                else {
                    continue;
                };
                let author = from.split('@').next().unwrap_or_default().to_owned();
                read.entry(author).or_default().push(text.to_owned());
            }
        });
        read
    }
}

#[test]
fn a_line_reaches_all_of_thirty_and_one_more_waits_until_there_is_room() {
    let name = "room::a_line_reaches_all_of_thirty_and_one_more_waits_until_there_is_room";
    on_lab_ground(name, || {
        let mut room = report(Room::open());
        let (up, down) = LINE;
        if !room.world.narrow(&room.homes[0], up, down) {
            println!("this kernel cannot narrow a line (no sch_tbf)");
        }
        report(converse(&mut room));
        if let Ok(lines) = env::var(LINES) {
            report(measure(&mut room, lines.parse().expect("P2PCHAT_LAB_LINES is a number")));
        }
        report(one_more(&mut room));
    });
}

/// A line of one, of another, and many of all at once.
fn converse(room: &mut Room) -> Result<(), String> {
    let mut said = BTreeMap::<String, Vec<String>>::new();
    let mut note = |speaker: usize, text: &str| {
        said.entry(name(speaker)).or_default().push(text.to_owned());
    };
    for speaker in [0, PEOPLE - 1] {
        let text = format!("the first of {}", name(speaker));
        room.say(speaker, &text)?;
        room.wait_delivered(speaker, &text)?;
        note(speaker, &text);
    }
    for number in 0..3 {
        for speaker in 0..PEOPLE {
            let text = format!("number {number} of {}", name(speaker));
            room.people[speaker].send_as(&text, None, &text);
            note(speaker, &text);
        }
    }
    let begun = Instant::now();
    for speaker in 0..PEOPLE {
        let last = format!("number 2 of {}", name(speaker));
        room.hear(speaker, &last, begun)?;
        room.wait_delivered(speaker, &last)?;
    }
    // All of them, once each, in the order of each author.
    for number in 0..PEOPLE {
        let mut others = said.clone();
        others.remove(&name(number));
        let read = room.read(number);
        if read != others {
            return Err(format!("{} has read {read:#?}", name(number)));
        }
    }
    Ok(())
}

/// One more is told that there is no room, waits, and comes in when somebody has to go.
fn one_more(room: &mut Room) -> Result<(), String> {
    let host = room.moves_in();
    for (language, answer) in FULL {
        let mut command = room.visitor(&host);
        command.env("P2PCHAT_LANG", language);
        let reader = Chat::start_plain("one more", command);
        let told = reader.said().wait(PATIENCE, |line| line.text.contains(answer));
        told.ok_or_else(|| format!("no {answer:?}:\n{}", reader.said()))?;
    }
    let newcomer = Chat::start("one more", room.visitor(&host));
    room.people.push(newcomer);
    let newcomer = &room.people[PEOPLE];
    let full = |value: &Value| is(value, "not-admitted") && value["code"] == "full";
    let told = newcomer.wait("answer", PATIENCE, full)?;
    let told = told.json.unwrap_or_default();
    if told["message"].as_str().is_none_or(|message| !message.contains(FULL[0].1)) {
        return Err(format!("no sentence: {told}"));
    }
    let (owner, gone) = (&mut room.people[0], name(1));
    owner.command(&format!("/kick {gone}"));
    let kicked = |value: &Value| is(value, "kicked") && value["us"] == true;
    room.people[1].wait("word of it", PATIENCE, kicked)?;
    let newcomer = &room.people[PEOPLE];
    newcomer.wait("entry", PATIENCE, |value| is(value, "entered"))?;
    let answers = newcomer
        .said()
        .read(|lines| lines.iter().filter(|line| line.json.as_ref().is_some_and(full)).count());
    if answers != 1 {
        return Err(format!("he was told so {answers} times:\n{}", newcomer.said()));
    }
    // Who had to go hears nothing more, and everybody else hears the newcomer.
    let removed = room.people.remove(1);
    room.say(PEOPLE - 1, "made it")?;
    room.wait_delivered(PEOPLE - 1, "made it")?;
    room.say(0, "welcome")?;
    room.wait_delivered(0, "welcome")?;
    let heard = removed.texts();
    if heard.iter().any(|text| text == "made it" || text == "welcome") {
        return Err(format!("{gone} hears what is said: {heard:?}"));
    }
    Ok(())
}

/// What it costs: to be there, and to say something.
fn measure(room: &mut Room, lines: usize) -> Result<(), String> {
    thread::sleep(Duration::from_secs(10));
    room.listen("nobody says anything, while all assume the worst of their routers");
    room.world.meter(&room.homes[0]);
    room.world.meter_all();
    let mut delays = Vec::new();
    for number in 0..lines {
        let text = format!("{number}: about as long as what people say in a room, or a bit more");
        delays.extend(room.say(0, &text)?);
        room.wait_delivered(0, &text)?;
    }
    let ([sent, got], all) = (room.world.metered(&room.homes[0]), room.world.metered_all());
    delays.sort();
    let at = |share: f64| {
        let place = ((delays.len() - 1) as f64 * share) as usize;
        delays[place].as_secs_f64() * 1000.0
    };
    let (others, middle, late, last) = (PEOPLE - 1, at(0.5), at(0.99), at(1.0));
    println!(
        "{lines} lines to {others} others: p50 {middle:.1} ms, p99 {late:.1} ms, most {last:.1} ms"
    );
    let each = |count: u64| count / lines as u64;
    println!(
        "a line: {} bytes in {} packets from the author, {} in {} to him, {} in all",
        each(sent.bytes),
        each(sent.packets),
        each(got.bytes),
        each(got.packets),
        each(all.bytes)
    );
    thread::sleep(REST);
    room.listen("nobody says anything, and the routers are known");
    println!("a member has {} MB in memory", room.memory() / 1024);
    Ok(())
}

impl Room {
    /// What it costs to be there for [`SILENCE`].
    fn listen(&self, what: &str) {
        let (before, home) = (self.ticks(), &self.homes[1]);
        self.world.meter(home);
        self.world.meter_all();
        thread::sleep(SILENCE);
        let ([sent, got], all) = (self.world.metered(home), self.world.metered_all());
        let minutes = SILENCE.as_secs_f64() / 60.0;
        let a_minute = |count: u64| count as f64 / minutes;
        println!(
            "{what}: a minute of one member is {:.0} bytes in {:.0} packets from him, {:.0} in {:.0} to him; of \
             all, {:.0}",
            a_minute(sent.bytes),
            a_minute(sent.packets),
            a_minute(got.bytes),
            a_minute(got.packets),
            a_minute(all.bytes)
        );
        let used = self.ticks().saturating_sub(before) as f64 / 100.0 / PEOPLE as f64;
        println!("… and {:.2} % of a core", 100.0 * used / SILENCE.as_secs_f64());
    }

    /// Hundredths of a second of processor time that all together have used.
    fn ticks(&self) -> u64 {
        let of = |one: &Chat| {
            let stat = fs::read_to_string(format!("/proc/{}/stat", one.pid())).ok()?;
            let fields = stat.rsplit(')').next()?.split_whitespace();
            Some(fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum::<u64>())
        };
        self.people.iter().filter_map(of).sum()
    }

    /// The memory of the author, in kilobytes.
    fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.people[0].pid()));
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or_default()
    }
}
