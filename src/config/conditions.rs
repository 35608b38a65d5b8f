//! The options that hold for a chat as a whole. Whoever joins one that runs cannot have others.

use std::fmt::Display;
use std::net::SocketAddr;

use super::{Lan, Paths, Rendezvous, Strangers, Wanted};

/// What was given as an option, and not by the configuration file or nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct Given<'a> {
    /// `--rendezvous`.
    pub rendezvous: &'a [Rendezvous],
    /// `--no-port-mapping`.
    pub no_port_mapping: bool,
    /// `--no-lan`.
    pub no_lan: bool,
    /// `--visible`.
    pub visible: bool,
    /// `--relay-only`.
    pub relay_only: bool,
    /// `--direct-only`.
    pub direct_only: bool,
    /// `--bind`.
    pub bind: Option<SocketAddr>,
    /// `--strangers`.
    pub strangers: Option<Strangers>,
    /// `--serve`.
    pub serve: Option<SocketAddr>,
}

impl Given<'_> {
    /// Each with its value, as it would be typed.
    #[must_use]
    pub fn conditions(self) -> Vec<String> {
        let with = |option: &str, value: &dyn Display| format!("{option} {value}");
        let servers = self.rendezvous.iter().map(|one| with("--rendezvous", &one.host));
        let switches = [
            (self.no_port_mapping, "--no-port-mapping"),
            (self.no_lan, "--no-lan"),
            (self.visible, "--visible"),
            (self.relay_only, "--relay-only"),
            (self.direct_only, "--direct-only"),
        ];
        let switches = switches.into_iter().filter(|(given, _)| *given);
        servers
            .chain(switches.map(|(_, switch)| switch.to_owned()))
            .chain(self.bind.map(|address| with("--bind", &address)))
            .chain(self.strangers.map(|what| with("--strangers", &what.word())))
            .chain(self.serve.map(|address| with("--serve", &address)))
            .collect()
    }
}

impl Wanted {
    /// All conditions under which a chat runs at these servers that does what is wanted. Whoever
    /// joins it and asks for another would not get it.
    #[must_use]
    pub fn conditions(&self, rendezvous: &[Rendezvous]) -> Vec<String> {
        let relay_only = self.paths == Paths::RelayOnly;
        let given = Given {
            rendezvous,
            // Whoever only uses the relay does neither.
            no_port_mapping: !self.port_mapping || relay_only,
            no_lan: self.lan == Lan::Off || relay_only,
            visible: self.lan == Lan::Everybody && !relay_only,
            relay_only,
            direct_only: self.paths == Paths::DirectOnly,
            bind: self.bind,
            strangers: Some(self.strangers),
            serve: self.serve,
        };
        given.conditions()
    }
}

impl Strangers {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Accept => "accept",
            Self::Refuse => "refuse",
        }
    }
}
