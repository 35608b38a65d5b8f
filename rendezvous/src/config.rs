//! The configuration file: TOML, every key optional, none unknown.
//!
//! ```toml
//! listen = ["0.0.0.0:3478", "[::]:3478"]   # default: every address, port 3478
//! public_name = "chat.example.org"         # what people write; shown at the start
//! data_dir = "/var/lib/p2pchat-rendezvous" # the server's key and the names
//! discovery = true                         # also open the next port (RFC 5780)
//! tcp = true                               # also listen on TCP, for peers without UDP
//! listen_tcp = ["0.0.0.0:3478", "0.0.0.0:443"]  # default: as listen
//! tls_certificate = "/etc/p2pchat/chain.pem"    # with it, TCP takes TLS as well
//! tls_key = "/etc/p2pchat/key.pem"
//! workers = "auto"                         # threads that receive and send; or how many
//!
//! [limits]                                 # see server::Config
//! max_peers = 50000
//! relay_pair = { per_second = 65536, burst = 262144 }   # bytes
//! ```

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use crate::serve::{Certificate, TcpConfig, TcpListen};
use crate::server;

/// What the file says, or what holds without one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Addresses to listen on. Empty: every address of the machine, on port 3478.
    pub listen: Vec<SocketAddr>,
    /// The host name that people use for this server. Empty: its addresses are shown.
    pub public_name: String,
    /// Where key and names are kept. Empty: where the system keeps such data.
    pub data_dir: PathBuf,
    /// Whether to open the next port too, for clients that find out how their NAT behaves.
    pub discovery: bool,
    /// Whether to listen on TCP too, for peers whose network lets no UDP through.
    pub tcp: bool,
    /// TCP addresses to listen on. Empty: the addresses and ports of UDP.
    pub listen_tcp: Vec<SocketAddr>,
    /// A certificate in PEM, with those that lead to the authority. With one, the TCP addresses take
    /// TLS as well. Read again when it changes.
    pub tls_certificate: PathBuf,
    /// Its private key, in PEM.
    pub tls_key: PathBuf,
    /// How many threads receive and send.
    pub workers: WorkerCount,
    /// How much of everything.
    pub limits: server::Config,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            public_name: String::new(),
            data_dir: PathBuf::new(),
            discovery: true,
            tcp: true,
            listen_tcp: Vec::new(),
            tls_certificate: PathBuf::new(),
            tls_key: PathBuf::new(),
            workers: WorkerCount::default(),
            limits: server::Config::default(),
        }
    }
}

/// How many threads receive and send for the one that decides: a number, or `"auto"`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum WorkerCount {
    /// As many as there are processors for.
    #[default]
    Auto,
    /// So many, [`Self::MOST`] at most. Without any, one thread does it all.
    Exactly(u8),
}

impl WorkerCount {
    /// More would not be faster: one thread decides.
    pub const MOST: u8 = 16;

    /// Processors from which on there are workers unless the file says otherwise. With fewer there would be nothing
    /// left for anybody else, and one thread relays more than the line of such a machine takes.
    const ENOUGH: usize = 4;

    /// Workers that one thread can keep busy: what it does is a fifth of the work (docs/performance.md).
    const USEFUL: usize = 4;

    /// How many that is on a machine with so many processors.
    #[must_use]
    pub fn on(self, processors: usize) -> usize {
        match self {
            Self::Exactly(count) => usize::from(count),
            Self::Auto if processors < Self::ENOUGH || !cfg!(target_os = "linux") => 0,
            Self::Auto => (processors - 1).min(Self::USEFUL),
        }
    }
}

impl Serialize for WorkerCount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::Exactly(count) => serializer.serialize_u8(*count),
        }
    }
}

impl<'de> Deserialize<'de> for WorkerCount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WordOrNumber)
    }
}

struct WordOrNumber;

impl Visitor<'_> for WordOrNumber {
    type Value = WorkerCount;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "\"auto\" or a number from 0 to {}", WorkerCount::MOST)
    }

    fn visit_str<E: de::Error>(self, word: &str) -> Result<WorkerCount, E> {
        match word {
            "auto" => Ok(WorkerCount::Auto),
            _ => Err(E::invalid_value(de::Unexpected::Str(word), &self)),
        }
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<WorkerCount, E> {
        match u8::try_from(number) {
            Ok(count) if count <= WorkerCount::MOST => Ok(WorkerCount::Exactly(count)),
            _ => Err(E::invalid_value(de::Unexpected::Signed(number), &self)),
        }
    }
}

/// The configuration file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// It cannot be read.
    #[error("the configuration file {} cannot be read: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not TOML, or a value has the wrong type.
    #[error("{}: {message}", path.display())]
    Content {
        /// Which.
        path: PathBuf,
        /// Where in it, and what is wrong.
        message: String,
    },
    /// It has a key that means nothing.
    #[error("{}: there is no setting \"{key}\"; did you mean \"{nearest}\"?", path.display())]
    UnknownKey {
        /// Which file.
        path: PathBuf,
        /// The key, with the table it is in.
        key: String,
        /// The known key that is most like it.
        nearest: String,
    },
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if it is not there, not TOML, or has a key or value that means nothing.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        Self::parse(path, &text)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let content = |error: toml::de::Error| ConfigError::Content {
            path: path.to_owned(),
            message: error.to_string(),
        };
        let table: toml::Table = toml::from_str(text).map_err(content)?;
        if let Some((key, nearest)) = unknown_key(&table) {
            return Err(ConfigError::UnknownKey { path: path.to_owned(), key, nearest });
        }
        let config: Self = toml::from_str(text).map_err(content)?;
        let wrong = |message| ConfigError::Content { path: path.to_owned(), message };
        config.limits.check().map_err(|message| wrong(format!("[limits] {message}")))?;
        if config.tls_certificate.as_os_str().is_empty() != config.tls_key.as_os_str().is_empty() {
            return Err(wrong("tls_certificate and tls_key belong together".to_owned()));
        }
        Ok(config)
    }

    /// Where carriers are to be taken.
    #[must_use]
    pub fn tcp(&self) -> TcpConfig {
        let has_certificate = !self.tls_certificate.as_os_str().is_empty();
        TcpConfig {
            listen: match self.listen_tcp.as_slice() {
                _ if !self.tcp => TcpListen::Nowhere,
                [] => TcpListen::Beside,
                addresses => TcpListen::At(addresses.to_vec()),
            },
            certificate: has_certificate.then(|| Certificate {
                chain: self.tls_certificate.clone(),
                key: self.tls_key.clone(),
            }),
        }
    }

    /// The whole configuration as a file would say it.
    #[must_use]
    pub fn to_toml(&self) -> String {
        toml::to_string(self).unwrap_or_default()
    }
}

/// The first key that no setting has, and the setting most like it.
fn unknown_key(table: &toml::Table) -> Option<(String, String)> {
    let known = toml::Table::try_from(Config::default()).unwrap_or_default();
    let limits = |table: &toml::Table| match table.get("limits") {
        Some(toml::Value::Table(limits)) => limits.clone(),
        _ => toml::Table::new(),
    };
    let find = |table: &toml::Table, known: &toml::Table, prefix: &str| {
        let key = table.keys().find(|key| !known.contains_key(key.as_str()))?;
        let nearest = known.keys().min_by_key(|candidate| distance(key, candidate))?;
        Some((format!("{prefix}{key}"), format!("{prefix}{nearest}")))
    };
    find(table, &known, "").or_else(|| find(&limits(table), &limits(&known), "limits."))
}

/// How many letters must be put in, taken out or replaced to get from one word to the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in one.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], at + 1);
        for (column, candidate) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(*candidate != letter);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::parse(Path::new("x.toml"), text)
    }

    #[test]
    fn an_empty_file_says_what_no_file_says() {
        assert_eq!(parse("").expect("valid"), Config::default());
    }

    #[test]
    fn what_is_shown_can_be_read_again() {
        let config = Config::default();
        assert_eq!(parse(&config.to_toml()).expect("valid"), config);
    }

    #[test]
    fn the_example_above_is_valid() {
        let example: String = include_str!("config.rs")
            .lines()
            .skip_while(|line| !line.contains("```toml"))
            .skip(1)
            .take_while(|line| !line.contains("```"))
            .map(|line| format!("{}\n", line.trim_start_matches("//!")))
            .collect();
        let config = parse(&example).expect("valid");
        assert_eq!(config.limits.max_peers, 50_000);
        assert_eq!(config.limits.relay_pair.burst, 262_144.0);
    }

    #[test]
    fn an_unknown_key_is_named_with_the_nearest_one() {
        let error = parse("lisen = []").expect_err("unknown").to_string();
        assert!(error.contains("\"lisen\"") && error.contains("\"listen\""), "{error}");
        let error = parse("[limits]\nmax_peer = 3").expect_err("unknown").to_string();
        assert!(error.contains("\"limits.max_peers\""), "{error}");
    }

    #[test]
    fn carriers_are_taken_beside_udp_unless_the_file_says_where_or_not_at_all() {
        let listen = |text| parse(text).expect("valid").tcp().listen;
        assert_eq!(listen(""), TcpListen::Beside);
        assert_eq!(listen("tcp = false\nlisten_tcp = [\"0.0.0.0:443\"]"), TcpListen::Nowhere);
        let everywhere = "0.0.0.0:443".parse().expect("address");
        assert_eq!(listen("listen_tcp = [\"0.0.0.0:443\"]"), TcpListen::At(vec![everywhere]));
        let error = parse("tls_key = \"key.pem\"").expect_err("half of it").to_string();
        assert!(error.contains("tls_certificate"), "{error}");
    }

    #[test]
    fn there_are_workers_where_there_are_processors_for_them_or_as_the_file_says() {
        let on = |text, processors| parse(text).expect("valid").workers.on(processors);
        let linux = |count| if cfg!(target_os = "linux") { count } else { 0 };
        for (processors, count) in [(1, 0), (3, 0), (4, 3), (5, 4), (64, 4)] {
            assert_eq!(on("", processors), linux(count), "{processors} processors");
            assert_eq!(on("workers = \"auto\"", processors), linux(count));
        }
        assert_eq!((on("workers = 0", 64), on("workers = 5", 1)), (0, 5));
        for wrong in ["workers = 17", "workers = -1", "workers = \"many\"", "workers = true"] {
            let error = parse(wrong).expect_err(wrong).to_string();
            assert!(error.contains("\"auto\" or a number from 0 to 16"), "{error}");
        }
        let config = parse("workers = 3").expect("valid");
        assert_eq!(parse(&config.to_toml()).expect("valid"), config);
    }

    #[test]
    fn a_wrong_value_is_shown_with_its_place() {
        let error = parse("discovery = \"yes\"").expect_err("wrong").to_string();
        assert!(error.contains("line 1"), "{error}");
        let error = parse("[limits]\nstun = { per_second = -1, burst = 3 }").expect_err("wrong");
        assert!(error.to_string().contains("stun"), "{error}");
    }
}
