//! How things stand with a profile: what `p2pchat status` says.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::language::Language;
use super::{Background, Printout, json, tables, words};
use crate::chat::{Address, Notice, PeerSummary, Request, RoomNews, clean};

/// Cells of a topic in a table.
const TOPIC: usize = 60;

/// How it stands with a room.
#[derive(Clone, Debug, Default)]
pub struct Room {
    /// Lines that nobody here has seen yet.
    pub unread: u64,
    /// What only a chat that runs knows.
    pub known: Option<KnownRoom>,
}

/// What a chat knows of a room that it is in, or wants to be.
#[derive(Clone, Debug)]
pub struct KnownRoom {
    /// How many are in it, with us.
    pub members: usize,
    /// How many of them are connected, with us.
    pub here: usize,
    /// Whether we are in, or wait to be let in.
    pub is_in: bool,
    /// What it is about: not fit for a terminal as it is.
    pub topic: Option<String>,
}

/// How things stand with a profile.
#[derive(Clone, Debug, Default)]
pub struct Overview {
    /// Whether a chat runs.
    pub running: bool,
    /// Our name.
    pub name: Option<String>,
    /// Our key.
    pub key: Option<String>,
    /// The servers in use.
    pub servers: Vec<String>,
    /// Those that know us now.
    pub registered: BTreeSet<String>,
    /// Why others do not: a word for programs, and a sentence. The only server can be without a name.
    pub troubles: BTreeMap<String, (&'static str, String)>,
    /// With whom something is open, or who is there.
    pub peers: Vec<PeerSummary>,
    /// The rooms that we are in, or want to be.
    pub rooms: BTreeMap<Address, Room>,
    /// Who wants to talk to us and is not known.
    pub requests: Vec<Request>,
}

impl Overview {
    /// Takes in what a running chat says. Whether that was the last of it, the answer to /who.
    pub fn learn(
        &mut self,
        notice: &Notice,
        zone: &TimeZone,
        background: Background<'_>,
        language: &Language,
    ) -> bool {
        let mut fails = |server: &Option<String>, code| {
            let sentence = words::sentence(notice, zone, background, language).unwrap_or_default();
            self.troubles.insert(server.clone().unwrap_or_default(), (code, sentence));
        };
        match notice {
            Notice::Registered { me, .. } => {
                self.registered.insert(me.host.clone());
            }
            Notice::RegisterRefused { server, refusal, .. } => {
                fails(server, words::refusal_code(*refusal));
            }
            Notice::Trouble { server, trouble, .. } => {
                fails(server, words::trouble_code(*trouble));
            }
            Notice::Identity { name, hosts, key } => {
                self.name = name.as_ref().map(ToString::to_string);
                self.key = Some(key.to_string());
                self.servers.clone_from(hosts);
            }
            Notice::Room {
                room,
                news: RoomNews::Summary { members, here, is_in, topic, unread },
            } => {
                let (members, here, is_in) = (*members, *here, *is_in);
                let known = Some(KnownRoom { members, here, is_in, topic: topic.clone() });
                self.rooms.insert(room.clone(), Room { unread: *unread, known });
            }
            Notice::Requests(list) => {
                let waiting = list.iter().filter(|request| !request.rejected);
                self.requests = waiting.cloned().collect();
            }
            Notice::Who(peers) => {
                self.peers.clone_from(peers);
                return true;
            }
            _ => {}
        }
        false
    }

    /// Why a server does not know us.
    fn trouble(&self, server: &str) -> Option<&(&'static str, String)> {
        let known = self.registered.contains(server);
        self.troubles.get(server).or_else(|| self.troubles.get("")).filter(|_| !known)
    }

    /// What is to be written about it.
    #[must_use]
    pub fn printouts(
        &self,
        as_json: bool,
        zone: &TimeZone,
        background: Background<'_>,
        language: &Language,
    ) -> Vec<Printout> {
        if as_json {
            return vec![Printout::out(json::write(&self.object()))];
        }
        let unknown = || language.text("id-not-chosen");
        let running = if self.running { "overview-running" } else { "overview-not-running" };
        let mut rows = vec![
            [language.text("id-name"), self.name.clone().unwrap_or_else(unknown)],
            [language.text("id-key"), self.key.clone().unwrap_or_default()],
            [language.text("overview-chat"), language.text(running)],
        ];
        for server in &self.servers {
            let state = match (self.running, self.registered.contains(server)) {
                (true, true) => language.say("overview-registered", &[("server", server)]),
                (true, false) => language.say("overview-not-registered", &[("server", server)]),
                (false, _) => server.clone(),
            };
            rows.push([language.text("id-rendezvous"), state]);
        }
        let mut printouts = vec![Printout::out(tables::rows(rows.into_iter()))];
        let troubles = self.servers.iter().filter_map(|server| self.trouble(server));
        printouts.extend(troubles.map(|(_, sentence)| Printout::out(sentence.clone())));
        if !self.peers.is_empty() {
            let who = Notice::Who(self.peers.clone());
            let sentence = words::sentence(&who, zone, background, language);
            printouts.extend(sentence.map(Printout::out));
        }
        if !self.rooms.is_empty() {
            let rows = self.rooms.iter().map(|(address, room)| room.row(address, language));
            printouts.push(Printout::out(tables::rows(rows)));
        }
        if !self.requests.is_empty() {
            let wants = language.text("overview-request");
            let row = |one: &Request| {
                let (peer, at) = (one.address.to_string(), tables::moment(one.at, zone));
                [format!("  {peer}"), one.key.tag(), at, wants.clone()]
            };
            printouts.push(Printout::out(tables::rows(self.requests.iter().map(row))));
        }
        printouts
    }

    fn object(&self) -> Value {
        let server = |server: &String| {
            let registered = self.registered.contains(server);
            match self.trouble(server) {
                None => json!({ "rendezvous": server, "registered": registered }),
                Some((code, message)) => json!({
                    "rendezvous": server,
                    "registered": registered,
                    "code": code,
                    "message": message,
                }),
            }
        };
        json!({
            "type": "overview",
            "running": self.running,
            "name": self.name,
            "key": self.key,
            "servers": self.servers.iter().map(server).collect::<Vec<_>>(),
            "peers": self.peers.iter().map(json::summary).collect::<Vec<_>>(),
            "rooms": self.rooms.iter().map(Room::object).collect::<Vec<_>>(),
            "requests": self.requests.iter().map(json::request).collect::<Vec<_>>(),
        })
    }
}

impl Room {
    fn row(&self, address: &Address, language: &Language) -> [String; 4] {
        let state = self.known.as_ref().map(|known| match known.is_in {
            true => language.count("room-here", known.members as u64, &[("here", &known.here)]),
            false => language.text("overview-room-waiting"),
        });
        let topic = self.known.as_ref().and_then(|known| known.topic.as_ref());
        [
            format!("  {address}"),
            state.unwrap_or_default(),
            tables::unread(self.unread, language),
            topic.map(|topic| clean::label(topic, TOPIC)).unwrap_or_default(),
        ]
    }

    fn object((address, room): (&Address, &Self)) -> Value {
        let known = room.known.as_ref();
        json!({
            "room": address.to_string(),
            "in": known.map(|known| known.is_in),
            "members": known.map(|known| known.members),
            "connected": known.map(|known| known.here),
            "topic": known.and_then(|known| known.topic.as_ref()),
            "unread": room.unread,
        })
    }
}
