//! How things stand with a profile: what `p2pchat status` says.

use std::collections::{BTreeMap, BTreeSet};

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
    /// Why others do not: a word for programs, and a sentence. The only server can be without a name.
    pub troubles: BTreeMap<String, (&'static str, String)>,
    /// With whom something is open, or who is there.
    pub peers: Vec<PeerSummary>,
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
        match notice {
            Notice::Registered { me, .. } => {
                self.registered.insert(me.host.clone());
            }
            Notice::RegisterRefused { server, refusal, .. } => {
                self.fails(
                    server,
                    words::refusal_code(*refusal),
                    notice,
                    zone,
                    background,
                    language,
                );
            }
            Notice::Trouble { server, trouble, .. } => {
                self.fails(
                    server,
                    words::trouble_code(*trouble),
                    notice,
                    zone,
                    background,
                    language,
                );
            }
            Notice::Identity { name, hosts, key } => {
                self.name = name.as_ref().map(ToString::to_string);
                self.key = Some(key.to_string());
                self.servers.clone_from(hosts);
            }
            Notice::Who(peers) => {
                self.peers.clone_from(peers);
                return true;
            }
            _ => {}
        }
        false
    }

    fn fails(
        &mut self,
        server: &Option<String>,
        code: &'static str,
        notice: &Notice,
        zone: &TimeZone,
        background: Background<'_>,
        language: &Language,
    ) {
        let sentence = words::sentence(notice, zone, background, language);
        let why = (code, sentence.unwrap_or_default());
        self.troubles.insert(server.clone().unwrap_or_default(), why);
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
        })
    }
}
