//! Everything that `config.toml` can say: one table, which reads the file, checks it, prints it,
//! and stands in the manual page.

use std::net::SocketAddr;

use p2pchat_wire::identity::Name;
use toml_edit::Value;

use super::{Congestion, Lan, MAX_SERVERS, Paths, Rendezvous, Should, Strangers};

/// What a person has settled. What is `None` was left to the program, or to the profile.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// My name.
    pub name: Option<Name>,
    /// Where I am to be reachable.
    pub rendezvous: Vec<Rendezvous>,
    /// The language of the interface, as a tag such as `zh`.
    pub language: Option<&'static str>,
    /// Where accepted files are put.
    pub downloads: Option<String>,
    /// The local UDP address.
    pub bind: Option<SocketAddr>,
    /// Whether the router is asked to forward a port.
    pub port_mapping: Option<bool>,
    /// Who may find us in the local network.
    pub lan: Option<Lan>,
    /// Which paths are allowed.
    pub paths: Option<Paths>,
    /// How a path finds out how much it may carry.
    pub congestion: Option<Congestion>,
    /// What becomes of callers whom I do not know.
    pub strangers: Option<Strangers>,
    /// How the terminal interface looks and behaves.
    pub interface: Interface,
}

/// How the terminal interface looks and behaves.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Interface {
    /// A theme of ours, or one of [`themes`](Self::themes).
    pub theme: Option<String>,
    /// Whether marks may be other than ASCII.
    pub symbols: Option<Symbols>,
    /// How many cells the terminal gives to characters of ambiguous width: 1 or 2.
    pub ambiguous: Option<u8>,
    /// Whether the list of conversations is shown where there is room.
    pub sidebar: Option<bool>,
    /// How much a notification tells.
    pub notify: Option<Notify>,
    /// Whether the wheel of a mouse scrolls; the terminal cannot select text meanwhile.
    pub mouse: Option<bool>,
    /// Other keys than those that it has by itself.
    pub keys: Vec<KeyBinding>,
    /// Themes of one's own.
    pub themes: Vec<ThemeTable>,
}

/// Which characters marks are made of.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Symbols {
    /// ASCII alone.
    Ascii,
    /// Whatever looks best and has one width everywhere.
    #[default]
    Unicode,
}

/// How much a notification tells to whoever looks at the screen.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Notify {
    /// There is none.
    None,
    /// How many messages are new.
    Count,
    /// Who has written.
    #[default]
    Name,
    /// What.
    Text,
}

/// One line of `[keys]`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeyBinding {
    /// The name of what the keys do.
    pub action: String,
    /// The keys; none takes it off every key.
    pub chords: Vec<String>,
    /// Where it is in the file, from 1 up.
    pub line: usize,
}

/// One table `[themes.NAME]`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ThemeTable {
    /// Its name.
    pub name: String,
    /// What is coloured, how, and in which line of the file that stands.
    pub colours: Vec<(String, String, usize)>,
}

/// One thing that can be settled.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its place in the file: `network.lan`.
    pub key: &'static str,
    /// A value as it would be written: what holds without one, or an example.
    pub example: &'static str,
    /// Whether the example is what holds without one.
    pub is_default: bool,
    /// Puts a value where it belongs, or says what it should be.
    pub(super) read: Read,
}

/// Everything that can be settled but keys and themes, in the order in which it is shown.
pub const SETTINGS: &[Setting] = &[
    example("name", "\"bob\"", |all, value| {
        all.name = Some(text(value)?.parse().map_err(Should::Name)?);
        Ok(())
    }),
    example("rendezvous", "[\"chat.example.org\"]", |all, value| {
        all.rendezvous = texts(value)?
            .into_iter()
            .map(|one| one.parse().map_err(Should::Rendezvous))
            .collect::<Result<_, _>>()?;
        if all.rendezvous.len() > MAX_SERVERS {
            return Err(Should::FewerServers);
        }
        Ok(())
    }),
    example("language", "\"en\"", |all, value| {
        all.language = Some(choice(value, &[("en", "en"), ("zh", "zh")])?);
        Ok(())
    }),
    example("downloads", "\"~/Downloads\"", |all, value| {
        all.downloads = Some(text(value)?.to_owned());
        Ok(())
    }),
    example("network.bind", "\"0.0.0.0:0\"", |all, value| {
        all.bind = Some(text(value)?.parse().map_err(|_| Should::Socket)?);
        Ok(())
    }),
    default("network.port-mapping", "true", |all, value| {
        all.port_mapping = Some(switch(value)?);
        Ok(())
    }),
    default("network.lan", "\"contacts\"", |all, value| {
        const LANS: &[(&str, Lan)] =
            &[("off", Lan::Off), ("contacts", Lan::Contacts), ("everybody", Lan::Everybody)];
        all.lan = Some(choice(value, LANS)?);
        Ok(())
    }),
    default("network.paths", "\"any\"", |all, value| {
        const PATHS: &[(&str, Paths)] = &[
            ("any", Paths::Any),
            ("relay-only", Paths::RelayOnly),
            ("direct-only", Paths::DirectOnly),
        ];
        all.paths = Some(choice(value, PATHS)?);
        Ok(())
    }),
    default("network.congestion", "\"bbr\"", |all, value| {
        const CONTROLLERS: &[(&str, Congestion)] =
            &[("bbr", Congestion::Bbr), ("cubic", Congestion::Cubic)];
        all.congestion = Some(choice(value, CONTROLLERS)?);
        Ok(())
    }),
    default("contacts.strangers", "\"request\"", |all, value| {
        const WAYS: &[(&str, Strangers)] = &[
            ("request", Strangers::Request),
            ("accept", Strangers::Accept),
            ("refuse", Strangers::Refuse),
        ];
        all.strangers = Some(choice(value, WAYS)?);
        Ok(())
    }),
    default("ui.theme", "\"dark\"", |all, value| {
        all.interface.theme = Some(text(value)?.to_owned());
        Ok(())
    }),
    default("ui.symbols", "\"unicode\"", |all, value| {
        const SYMBOLS: &[(&str, Symbols)] =
            &[("unicode", Symbols::Unicode), ("ascii", Symbols::Ascii)];
        all.interface.symbols = Some(choice(value, SYMBOLS)?);
        Ok(())
    }),
    example("ui.ambiguous", "1", |all, value| {
        all.interface.ambiguous = Some(match value.as_integer() {
            Some(1) => 1,
            Some(2) => 2,
            _ => return Err(Should::Cells),
        });
        Ok(())
    }),
    default("ui.sidebar", "true", |all, value| {
        all.interface.sidebar = Some(switch(value)?);
        Ok(())
    }),
    default("ui.notify", "\"name\"", |all, value| {
        const LEVELS: &[(&str, Notify)] = &[
            ("none", Notify::None),
            ("count", Notify::Count),
            ("name", Notify::Name),
            ("text", Notify::Text),
        ];
        all.interface.notify = Some(choice(value, LEVELS)?);
        Ok(())
    }),
    default("ui.mouse", "false", |all, value| {
        all.interface.mouse = Some(switch(value)?);
        Ok(())
    }),
];

type Read = fn(&mut Settings, &Value) -> Result<(), Should>;

const fn default(key: &'static str, example: &'static str, read: Read) -> Setting {
    Setting { key, example, is_default: true, read }
}

const fn example(key: &'static str, example: &'static str, read: Read) -> Setting {
    Setting { key, example, is_default: false, read }
}

impl Setting {
    /// The identifier of the sentence that says what it means: `setting-network-lan`.
    #[must_use]
    pub fn sentence(&self) -> String {
        format!("setting-{}", self.key.replace('.', "-"))
    }
}

pub(super) fn text(value: &Value) -> Result<&str, Should> {
    value.as_str().ok_or(Should::Text)
}

/// A list of texts, or one text alone.
pub(super) fn texts(value: &Value) -> Result<Vec<&str>, Should> {
    match value {
        Value::String(one) => Ok(vec![one.value()]),
        Value::Array(several) => {
            several.iter().map(|one| one.as_str().ok_or(Should::Texts)).collect()
        }
        _ => Err(Should::Texts),
    }
}

fn switch(value: &Value) -> Result<bool, Should> {
    value.as_bool().ok_or(Should::Switch)
}

fn choice<T: Copy>(value: &Value, known: &[(&'static str, T)]) -> Result<T, Should> {
    value
        .as_str()
        .and_then(|typed| known.iter().find(|(word, _)| *word == typed))
        .map(|(_, meant)| *meant)
        .ok_or_else(|| Should::OneOf(known.iter().map(|(word, _)| *word).collect()))
}
