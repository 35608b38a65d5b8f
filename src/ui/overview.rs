//! How things stand with a profile: what `p2pchat status` says.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::language::Language;
use super::{Background, Printout, json, tables, words};
use crate::chat::{Notice, PeerSummary};

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
    /// With whom something is open, or who is there.
    pub peers: Vec<PeerSummary>,
}

impl Overview {
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
        if !self.peers.is_empty() {
            let who = Notice::Who(self.peers.clone());
            let sentence = words::sentence(&who, zone, background, language);
            printouts.extend(sentence.map(Printout::out));
        }
        printouts
    }

    fn object(&self) -> Value {
        let server = |server: &String| json!({ "rendezvous": server, "registered": self.registered.contains(server) });
        json!({
            "type": "overview",
            "running": self.running,
            "name": self.name,
            "key": self.key,
            "servers": self.servers.iter().map(server).collect::<Vec<_>>(),
            "peers": self.peers.iter().map(json::summary).collect::<Vec<_>>(),
        })
    }
}
