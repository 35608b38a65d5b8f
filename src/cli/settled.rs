//! What was given as an option, and not by the configuration file or nobody.

use std::net::SocketAddr;

use super::Options;
use crate::config::Given;

impl Options {
    /// What these options settle, as keys and values of the configuration file.
    #[must_use]
    pub fn settled(&self) -> Vec<(&'static str, String)> {
        let quoted = |text: &str| toml::Value::from(text).to_string();
        let mut settled = Vec::new();
        settled.extend(self.name.as_ref().map(|name| ("name", quoted(&name.to_string()))));
        if !self.rendezvous.is_empty() {
            let servers: Vec<_> = self.rendezvous.iter().map(ToString::to_string).collect();
            settled.push(("rendezvous", toml::Value::from(servers).to_string()));
        }
        settled.extend(self.lang.map(|lang| ("language", quoted(lang.code()))));
        let strangers = self.strangers.map(|what| ("contacts.strangers", quoted(what.word())));
        settled.extend(strangers);
        settled.extend(self.bind.map(|bind| ("network.bind", quoted(&bind.to_string()))));
        if self.no_port_mapping {
            settled.push(("network.port-mapping", "false".to_owned()));
        }
        for (given, word) in [(self.no_lan, "off"), (self.visible, "everybody")] {
            settled.extend(given.then(|| ("network.lan", quoted(word))));
        }
        for (given, word) in [(self.relay_only, "relay-only"), (self.direct_only, "direct-only")] {
            settled.extend(given.then(|| ("network.paths", quoted(word))));
        }
        settled
    }

    /// Those of these options that concern the whole chat, as they would be typed: a
    /// chat that runs has its own already.
    pub(super) fn conditions(&self, serve: Option<SocketAddr>) -> Vec<String> {
        let given = Given {
            rendezvous: &self.rendezvous,
            no_port_mapping: self.no_port_mapping,
            no_lan: self.no_lan,
            visible: self.visible,
            relay_only: self.relay_only,
            direct_only: self.direct_only,
            bind: self.bind,
            strangers: self.strangers,
            serve,
        };
        given.conditions()
    }
}
