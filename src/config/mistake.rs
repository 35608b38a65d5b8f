//! What can be wrong in `config.toml`.

use p2pchat_wire::identity::InvalidName;

use super::{InvalidAddress, MAX_SERVERS};

/// A mistake in the file.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct Mistake {
    /// Where, from 1 up.
    pub line: usize,
    /// What is wrong.
    pub what: Wrong,
}

/// What can be wrong.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Wrong {
    /// Not TOML, in the words of whatever reads it.
    #[error("this is no TOML: {0}")]
    Syntax(String),
    /// No such key.
    #[error("there is no setting {key}{}", meant(.nearest))]
    Unknown {
        /// What stands there.
        key: String,
        /// The one that looks most like it.
        nearest: Option<&'static str>,
    },
    /// The value does not fit the key.
    #[error("{key} {should}")]
    Value {
        /// Which key.
        key: String,
        /// What its value is to be.
        should: Should,
    },
}

/// What a value is to be, and is not.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Should {
    /// A text.
    #[error("is a text in quotation marks")]
    Text,
    /// Several texts.
    #[error("is a list of texts, such as [\"a\", \"b\"]")]
    Texts,
    /// One of two.
    #[error("is true or false")]
    Switch,
    /// One of several.
    #[error("is one of \"{}\"", .0.join("\", \""))]
    OneOf(Vec<&'static str>),
    /// So many cells.
    #[error("is 1 or 2")]
    Cells,
    /// A local address.
    #[error("is no address such as \"0.0.0.0:40000\"")]
    Socket,
    /// A person's name.
    #[error("is no name: {0}")]
    Name(InvalidName),
    /// A server.
    #[error("names no rendezvous: {0}")]
    Rendezvous(InvalidAddress),
    /// Fewer servers.
    #[error("names more than {MAX_SERVERS} servers")]
    FewerServers,
    /// A key to press, or several.
    #[error("is a key such as \"ctrl+f\", a list of keys, or \"\" for none")]
    Chords,
    /// A theme.
    #[error("is a table of colours")]
    Colours,
    /// One colour of a theme.
    #[error("is a colour such as \"cyan\" or \"#88c0d0\"")]
    Colour,
    /// What holds other keys.
    #[error("is a table")]
    Table,
}

fn meant(nearest: &Option<&'static str>) -> String {
    nearest.map(|word| format!("; did you mean {word}?")).unwrap_or_default()
}
