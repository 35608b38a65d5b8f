//! Everything that `config.toml` can say: one table, which reads the file, checks it, prints it,
//! and stands in the manual page.

use std::net::SocketAddr;

use p2pchat_wire::identity::Name;
use toml_edit::Value;

use super::{Lan, MAX_SERVERS, Paths, Rendezvous, Strangers};

/// What a person has settled. What is `None` was left to the program, or to the profile.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// My name.
    pub name: Option<Name>,
    /// Where I am to be reachable.
    pub rendezvous: Vec<Rendezvous>,
    /// The language of the interface, as a tag such as `zh`.
    pub language: Option<&'static str>,
    /// The local UDP address.
    pub bind: Option<SocketAddr>,
    /// Whether the router is asked to forward a port.
    pub port_mapping: Option<bool>,
    /// Who may find us in the local network.
    pub lan: Option<Lan>,
    /// Which paths are allowed.
    pub paths: Option<Paths>,
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
    /// What it means, as a sentence without its full stop.
    pub help: &'static str,
    /// A value as it would be written: what holds without one, or an example.
    pub example: &'static str,
    /// Whether the example is what holds without one.
    pub is_default: bool,
    /// Puts a value where it belongs, or says what it should be.
    pub(super) read: fn(&mut Settings, &Value) -> Result<(), String>,
}

/// Everything that can be settled but keys and themes, in the order in which it is shown.
pub const SETTINGS: &[Setting] = &[
    example("name", "my name, claimed at the rendezvous at first use", "\"bob\"", |all, value| {
        all.name = Some(text(value)?.parse().map_err(|error| format!("is no name: {error}"))?);
        Ok(())
    }),
    example(
        "rendezvous",
        "servers where I am reachable, at most four",
        "[\"chat.example.org\"]",
        |all, value| {
            all.rendezvous = texts(value)?
                .into_iter()
                .map(|one| one.parse().map_err(|error| format!("names no rendezvous: {error}")))
                .collect::<Result<_, _>>()?;
            if all.rendezvous.len() > MAX_SERVERS {
                return Err(format!("names more than {MAX_SERVERS} servers"));
            }
            Ok(())
        },
    ),
    example(
        "language",
        "the language of the interface: \"en\" or \"zh\"",
        "\"en\"",
        |all, value| {
            all.language = Some(choice(value, &[("en", "en"), ("zh", "zh")])?);
            Ok(())
        },
    ),
    example("network.bind", "the local UDP address", "\"0.0.0.0:0\"", |all, value| {
        let wrong = |_| "is no address such as \"0.0.0.0:40000\"".to_owned();
        all.bind = Some(text(value)?.parse().map_err(wrong)?);
        Ok(())
    }),
    default(
        "network.port-mapping",
        "whether the router is asked to forward a port (PCP, NAT-PMP, UPnP)",
        "true",
        |all, value| {
            all.port_mapping = Some(switch(value)?);
            Ok(())
        },
    ),
    default(
        "network.lan",
        "who may find me in the local network: \"off\", \"contacts\" or \"everybody\"",
        "\"contacts\"",
        |all, value| {
            const LANS: &[(&str, Lan)] =
                &[("off", Lan::Off), ("contacts", Lan::Contacts), ("everybody", Lan::Everybody)];
            all.lan = Some(choice(value, LANS)?);
            Ok(())
        },
    ),
    default(
        "network.paths",
        "which paths are allowed: \"any\", \"relay-only\" or \"direct-only\"",
        "\"any\"",
        |all, value| {
            const PATHS: &[(&str, Paths)] = &[
                ("any", Paths::Any),
                ("relay-only", Paths::RelayOnly),
                ("direct-only", Paths::DirectOnly),
            ];
            all.paths = Some(choice(value, PATHS)?);
            Ok(())
        },
    ),
    default(
        "contacts.strangers",
        "what becomes of callers whom I do not know: \"request\", \"accept\" or \"refuse\"",
        "\"request\"",
        |all, value| {
            const WAYS: &[(&str, Strangers)] = &[
                ("request", Strangers::Request),
                ("accept", Strangers::Accept),
                ("refuse", Strangers::Refuse),
            ];
            all.strangers = Some(choice(value, WAYS)?);
            Ok(())
        },
    ),
    default(
        "ui.theme",
        "\"dark\", \"light\", \"mono\", or the name of a table [themes.NAME]",
        "\"dark\"",
        |all, value| {
            all.interface.theme = Some(text(value)?.to_owned());
            Ok(())
        },
    ),
    default(
        "ui.symbols",
        "what marks are made of: \"unicode\" or \"ascii\"",
        "\"unicode\"",
        |all, value| {
            const SYMBOLS: &[(&str, Symbols)] =
                &[("unicode", Symbols::Unicode), ("ascii", Symbols::Ascii)];
            all.interface.symbols = Some(choice(value, SYMBOLS)?);
            Ok(())
        },
    ),
    example(
        "ui.ambiguous",
        "cells of characters that are wide in East Asian fonts, 1 or 2; from the locale if left out",
        "1",
        |all, value| {
            all.interface.ambiguous = Some(match value.as_integer() {
                Some(1) => 1,
                Some(2) => 2,
                _ => return Err("is 1 or 2".to_owned()),
            });
            Ok(())
        },
    ),
    default(
        "ui.sidebar",
        "whether the list of conversations is shown from 90 columns up",
        "true",
        |all, value| {
            all.interface.sidebar = Some(switch(value)?);
            Ok(())
        },
    ),
    default(
        "ui.notify",
        "what a notification tells: \"none\", \"count\", \"name\" or \"text\"",
        "\"name\"",
        |all, value| {
            const LEVELS: &[(&str, Notify)] = &[
                ("none", Notify::None),
                ("count", Notify::Count),
                ("name", Notify::Name),
                ("text", Notify::Text),
            ];
            all.interface.notify = Some(choice(value, LEVELS)?);
            Ok(())
        },
    ),
    default(
        "ui.mouse",
        "whether the wheel scrolls; the terminal's own selection then needs Shift",
        "false",
        |all, value| {
            all.interface.mouse = Some(switch(value)?);
            Ok(())
        },
    ),
];

type Read = fn(&mut Settings, &Value) -> Result<(), String>;

const fn default(
    key: &'static str,
    help: &'static str,
    example: &'static str,
    read: Read,
) -> Setting {
    Setting { key, help, example, is_default: true, read }
}

const fn example(
    key: &'static str,
    help: &'static str,
    example: &'static str,
    read: Read,
) -> Setting {
    Setting { key, help, example, is_default: false, read }
}

pub(super) fn text(value: &Value) -> Result<&str, String> {
    value.as_str().ok_or_else(|| "is a text in quotation marks".to_owned())
}

/// A list of texts, or one text alone.
pub(super) fn texts(value: &Value) -> Result<Vec<&str>, String> {
    const WRONG: &str = "is a list of texts, such as [\"a\", \"b\"]";
    match value {
        Value::String(one) => Ok(vec![one.value()]),
        Value::Array(several) => {
            several.iter().map(|one| one.as_str().ok_or_else(|| WRONG.to_owned())).collect()
        }
        _ => Err(WRONG.to_owned()),
    }
}

fn switch(value: &Value) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| "is true or false".to_owned())
}

fn choice<T: Copy>(value: &Value, known: &[(&str, T)]) -> Result<T, String> {
    let words = || known.iter().map(|(word, _)| format!("\"{word}\"")).collect::<Vec<_>>();
    value
        .as_str()
        .and_then(|typed| known.iter().find(|(word, _)| *word == typed))
        .map(|(_, meant)| *meant)
        .ok_or_else(|| format!("is one of {}", words().join(", ")))
}
