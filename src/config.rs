//! What the options mean: defaults, what was remembered, and what contradicts what.
//!
//! Nothing here touches the world. [`crate::cli`] makes a [`Wanted`] of what was typed and of the
//! [`Settings`] in `config.toml`; together with what the profile [`Remembered`], it becomes the
//! [`Place`] where we are to be found.

mod address;
mod conditions;
pub mod file;
mod mistake;
mod settings;

use std::net::{Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use p2pchat_wire::DEFAULT_PORT;
use p2pchat_wire::identity::Name;
use p2pchat_wire::neighbour::HOST as LOCAL_HOST;

pub use address::{HostPort, InvalidAddress, PeerAddress, Rendezvous};
pub use conditions::Given;
pub use mistake::{Mistake, Should, Wrong};
pub use settings::{
    Interface, KeyBinding, Notify, SETTINGS, Setting, Settings, Symbols, ThemeTable,
};

/// Everything that a run of the chat was asked to be.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Where the profile is kept; `None` is the place that the system has for it.
    pub data_dir: Option<PathBuf>,
    /// How we speak with whoever started us.
    pub face: Face,
    /// My name.
    pub name: Option<Name>,
    /// Where I am to be reachable, in the order of preference for names without a host.
    pub rendezvous: Vec<Rendezvous>,
    /// The conversation to open.
    pub peer: Option<PeerAddress>,
    /// Which paths are allowed.
    pub paths: Paths,
    /// How a path finds out how much it may carry.
    pub congestion: Congestion,
    /// Where accepted files are put.
    pub downloads: Option<String>,
    /// Local UDP address.
    pub bind: Option<SocketAddr>,
    /// Whether the router is asked to forward a port.
    pub port_mapping: bool,
    /// Who may find us in the local network.
    pub lan: Lan,
    /// What the end of input waits for.
    pub wait: Wait,
    /// How long it waits.
    pub timeout: Duration,
    /// Where to run a rendezvous of our own.
    pub serve: Option<SocketAddr>,
    /// What becomes of callers whom I do not know.
    pub strangers: Strangers,
    /// The options among all this that concern a chat as a whole, as [`conditions`](Self::conditions)
    /// writes them.
    pub given: Vec<String>,
    /// How the terminal interface looks and behaves.
    pub interface: Interface,
}

/// How we speak with whoever started us.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Face {
    /// With a person, on the whole of a terminal.
    Screen,
    /// With a person, line by line.
    Line,
    /// Lines, for pipes.
    Plain,
    /// One JSON object per line.
    Json,
}

/// Which paths are allowed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Paths {
    /// Relay first, direct as soon as possible.
    #[default]
    Any,
    /// Only the relay.
    RelayOnly,
    /// Only direct ones.
    DirectOnly,
}

/// How a path finds out how much it may carry at once.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Congestion {
    /// By a model of its bandwidth and its round trip.
    #[default]
    Bbr,
    /// By what it loses.
    Cubic,
}

/// What becomes of callers whom I do not know.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, clap::ValueEnum)]
pub enum Strangers {
    /// They wait until I have decided.
    #[default]
    Request,
    /// They are contacts at once.
    Accept,
    /// They are not answered.
    Refuse,
}

/// Who may find us in the local network.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Lan {
    /// Nobody, and we look for nobody there.
    Off,
    /// Those who have our key.
    #[default]
    Contacts,
    /// Everybody there is told our name and our key.
    Everybody,
}

/// What the end of piped input waits for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, clap::ValueEnum)]
pub enum Wait {
    /// Until every line has left this computer
    Sent,
    /// Until every line is on the other side's disk
    #[default]
    Delivered,
    /// Until every file that was offered is there, too
    Received,
}

/// A text is no time.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a time is written as 30s, 500ms or 2m")]
pub struct InvalidTime;

/// What the profile knows from earlier runs.
#[derive(Clone, Debug, Default)]
pub struct Remembered {
    /// The name last used.
    pub name: Option<Name>,
    /// The rendezvous servers last used together.
    pub rendezvous: Vec<HostPort>,
    /// Whether anybody has been met, who can then be met again in the local network.
    pub has_met: bool,
}

/// Who we are to be, and where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Place {
    /// The name to register.
    pub name: Name,
    /// The rendezvous servers to register it at, at most [`MAX_SERVERS`]; none for whoever stays
    /// in the local network. A name without a host that we have not met means somebody at the
    /// first.
    pub rendezvous: Vec<Rendezvous>,
}

/// Why the options do not say who we are and where.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Nobody ever said.
    #[error(
        "no name yet, so nobody could call you. Choose one with --name NAME (or P2PCHAT_NAME); it is remembered"
    )]
    NoName,
    /// Nobody ever said.
    #[error(
        "no rendezvous is known yet. Name one with --rendezvous HOST, call somebody with --peer NAME@HOST, \
         or run your own with --serve; it is remembered. To meet somebody in the local network without one, \
         start p2pchat with --visible, both of you"
    )]
    NoRendezvous,
    /// Somebody in the local network is called, and it is not to be used.
    #[error(
        "{0}@{LOCAL_HOST} is somebody in the local network, which --no-lan and --relay-only leave alone"
    )]
    NoLan(Name),
    /// More servers than a run can use.
    #[error("{0} rendezvous servers are named; {MAX_SERVERS} can be used at the same time")]
    TooManyServers(usize),
    /// One server was given two keys.
    #[error("two keys are given for the rendezvous {0}; it can prove only one")]
    TwoKeys(HostPort),
}

impl Wanted {
    /// Decides who we are and where: what is given, else what is implied, else what is remembered.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] says what is missing or contradicts what.
    pub fn place(&self, remembered: &Remembered) -> Result<Place, ConfigError> {
        let uses_lan = self.lan != Lan::Off && self.paths != Paths::RelayOnly;
        if let Some(peer) = &self.peer
            && peer.rendezvous.as_ref().is_some_and(is_local)
            && !uses_lan
        {
            return Err(ConfigError::NoLan(peer.name.clone()));
        }
        let rendezvous = self.servers(remembered)?;
        // In the local network people may meet without one.
        let may_meet = uses_lan && (self.lan == Lan::Everybody || remembered.has_met);
        if rendezvous.is_empty() && !may_meet {
            return Err(ConfigError::NoRendezvous);
        }
        let name = self.name.as_ref().or(remembered.name.as_ref());
        Ok(Place { name: name.ok_or(ConfigError::NoName)?.clone(), rendezvous })
    }

    /// The rendezvous servers that are meant, at most [`MAX_SERVERS`], and perhaps none.
    ///
    /// The host in `--peer` is used besides those given, and instead of those remembered if it is
    /// none of them: `alice@elsewhere` means the alice of elsewhere, and she can only be introduced
    /// to those who are registered there.
    ///
    /// # Errors
    ///
    /// They are too many, or one has two keys.
    pub fn servers(&self, remembered: &Remembered) -> Result<Vec<Rendezvous>, ConfigError> {
        let theirs = self.peer.as_ref().and_then(|peer| peer.rendezvous.clone());
        let theirs = theirs.filter(|one| !is_local(one));
        let known = |host: &HostPort| Rendezvous { host: host.clone(), key: None };
        let remembers = |host: &HostPort| remembered.rendezvous.contains(host);
        let ours: Vec<Rendezvous> = match (self.rendezvous.as_slice(), &theirs, self.serve) {
            ([], Some(theirs), _) if !remembers(&theirs.host) => Vec::new(),
            ([], None, Some(own)) => vec![known(&reachable(own).into())],
            ([], _, _) => remembered.rendezvous.iter().map(known).collect(),
            (given, _, _) => given.to_vec(),
        };
        let mut rendezvous: Vec<Rendezvous> = Vec::new();
        for one in ours.into_iter().chain(theirs) {
            // The same server twice: whichever of the two carries the key.
            match rendezvous.iter_mut().find(|known| known.host == one.host) {
                None => rendezvous.push(one),
                Some(same) if same.key.is_some() && one.key.is_some() && same.key != one.key => {
                    return Err(ConfigError::TwoKeys(one.host));
                }
                Some(same) => same.key = same.key.or(one.key),
            }
        }
        match rendezvous.len() {
            0..=MAX_SERVERS => Ok(rendezvous),
            count => Err(ConfigError::TooManyServers(count)),
        }
    }
}

/// Whether a host stands for the local network.
fn is_local(rendezvous: &Rendezvous) -> bool {
    rendezvous.host.host() == LOCAL_HOST
}

/// As many rendezvous servers can be used at the same time.
pub const MAX_SERVERS: usize = 4;

/// Where `--serve` listens when no address is given: every address of the machine.
#[must_use]
pub fn default_serve_address() -> SocketAddr {
    (Ipv6Addr::UNSPECIFIED, DEFAULT_PORT).into()
}

/// Where this machine itself reaches a server that listens on `address`.
#[must_use]
pub fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(name: &str, rendezvous: &str, peer: &str) -> Wanted {
        Wanted {
            data_dir: None,
            face: Face::Plain,
            name: name.parse().ok(),
            rendezvous: rendezvous
                .split_whitespace()
                .map(|one| one.parse().expect("host"))
                .collect(),
            peer: peer.parse().ok(),
            paths: Paths::Any,
            congestion: Congestion::default(),
            downloads: None,
            bind: None,
            port_mapping: true,
            lan: Lan::Off,
            wait: Wait::Delivered,
            timeout: Duration::ZERO,
            serve: None,
            strangers: Strangers::default(),
            given: Vec::new(),
            interface: Interface::default(),
        }
    }

    fn host(text: &str) -> HostPort {
        text.parse().expect("host")
    }

    #[test]
    fn what_is_given_comes_before_what_is_remembered() {
        let remembered = Remembered {
            name: Name::new("old").ok(),
            rendezvous: vec![host("old"), host("older")],
            has_met: false,
        };
        let place = |name, rendezvous, peer| {
            let place = wanted(name, rendezvous, peer).place(&remembered).expect("a place");
            let hosts = place.rendezvous.iter().map(ToString::to_string).collect::<Vec<_>>();
            (place.name.to_string(), hosts.join(" "))
        };
        let texts = |name: &str, host: &str| (name.to_owned(), host.to_owned());
        assert_eq!(place("", "", ""), texts("old", "old older"));
        assert_eq!(place("bob", "new:1", ""), texts("bob", "new:1"));
        assert_eq!(place("", "", "alice"), texts("old", "old older"));
        assert_eq!(place("", "", "alice@older"), texts("old", "old older"));
        assert_eq!(place("", "", "alice@there"), texts("old", "there"));
        assert_eq!(place("", "there", "alice@there"), texts("old", "there"));
        assert_eq!(place("", "a b a", "alice@there"), texts("old", "a b there"));
    }

    #[test]
    fn a_key_may_stand_in_either_place() {
        let key = "a".repeat(52);
        let (with, without) = (format!("h#{key}"), "h".to_owned());
        for (ours, theirs) in [(&with, &without), (&without, &with)] {
            let place =
                wanted("bob", ours, &format!("alice@{theirs}")).place(&Remembered::default());
            assert_eq!(place.expect("a place").rendezvous, [with.parse().expect("host")]);
        }
    }

    #[test]
    fn what_is_missing_or_contradicts_is_said() {
        let place = |wanted: Wanted| wanted.place(&Remembered::default());
        assert_eq!(place(wanted("", "h", "")), Err(ConfigError::NoName));
        assert_eq!(place(wanted("bob", "", "alice")), Err(ConfigError::NoRendezvous));
        assert_eq!(place(wanted("bob", "a b c d", "alice@e")), Err(ConfigError::TooManyServers(5)));
        let keys = format!("h#{} h#{}", "a".repeat(52), "b".repeat(51) + "a");
        assert_eq!(place(wanted("bob", &keys, "")), Err(ConfigError::TwoKeys(host("h"))));
    }

    #[test]
    fn the_local_network_needs_no_server_once_somebody_was_met_or_may_be() {
        let place = |lan, paths, has_met, peer| {
            let wanted = Wanted { lan, paths, ..wanted("bob", "", peer) };
            let place = wanted.place(&Remembered { has_met, ..Remembered::default() });
            place.map(|place| place.rendezvous.len())
        };
        for peer in ["", "alice", "alice@local"] {
            assert_eq!(place(Lan::Contacts, Paths::Any, true, peer), Ok(0), "{peer}");
            assert_eq!(place(Lan::Everybody, Paths::Any, false, peer), Ok(0), "{peer}");
            let none = Err(ConfigError::NoRendezvous);
            assert_eq!(place(Lan::Contacts, Paths::Any, false, peer), none, "{peer}");
        }
        for (lan, paths) in [(Lan::Off, Paths::Any), (Lan::Contacts, Paths::RelayOnly)] {
            assert_eq!(place(lan, paths, true, "alice"), Err(ConfigError::NoRendezvous));
            let alice = Name::new("alice").expect("name");
            assert_eq!(place(lan, paths, true, "alice@local"), Err(ConfigError::NoLan(alice)));
        }
    }

    #[test]
    fn whoever_is_in_the_local_network_is_at_no_server() {
        let remembered = Remembered { rendezvous: vec![host("old")], ..Remembered::default() };
        let wanted = Wanted { lan: Lan::Contacts, ..wanted("bob", "", "alice@local") };
        let place = wanted.place(&remembered).expect("a place");
        assert_eq!(place.rendezvous, ["old".parse().expect("host")]);
    }

    #[test]
    fn who_serves_is_at_home_there() {
        let serving = Wanted { serve: Some(default_serve_address()), ..wanted("bob", "", "") };
        let place = serving.place(&Remembered::default()).expect("a place");
        assert_eq!(place.rendezvous, ["[::1]".parse().expect("host")]);
    }
}
