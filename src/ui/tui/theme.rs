//! What the screen looks like: colours, and the glyphs of marks.
//!
//! A colour never says anything alone: whatever it says, a word or a mark says too.

mod custom;

use p2pchat_wire::identity::PeerId;
use ratatui::style::{Color, Modifier, Style};

pub use custom::ThemeProblem;

use super::cells::Ambiguous;

/// Colours for names; which one is a name's, its key says.
const NAMES: usize = 6;

/// How everything on the screen is drawn.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Theme {
    /// What people say, and whatever has no other style.
    pub text: Style,
    /// What stands beside it: times, remarks, delivery marks.
    pub dim: Style,
    /// Our own name.
    pub own: Style,
    /// The names of others.
    pub names: [Style; NAMES],
    /// What went wrong: a line that was not sent.
    pub wrong: Style,
    /// What must not be overlooked: a key that has changed.
    pub alarm: Style,
    /// Where unread lines begin, and how many there are.
    pub unread: Style,
    /// The status line.
    pub status: Style,
    /// The conversation that is open, in the list.
    pub current: Style,
    /// The glyphs.
    pub symbols: Symbols,
    /// How wide the terminal draws what can be narrow or wide.
    pub ambiguous: Ambiguous,
}

impl Theme {
    /// For a dark background.
    #[must_use]
    pub fn dark() -> Self {
        Self {
            names: [
                Color::LightCyan,
                Color::LightGreen,
                Color::LightYellow,
                Color::LightMagenta,
                Color::LightBlue,
                Color::LightRed,
            ]
            .map(|colour| Style::new().fg(colour)),
            dim: Style::new().fg(Color::DarkGray),
            unread: Style::new().fg(Color::Yellow),
            wrong: Style::new().fg(Color::LightRed),
            alarm: Style::new().fg(Color::White).bg(Color::Red).add_modifier(Modifier::BOLD),
            status: Style::new().fg(Color::White).bg(Color::Indexed(236)),
            current: Style::new().bg(Color::Indexed(236)).add_modifier(Modifier::BOLD),
            ..Self::mono()
        }
    }

    /// For a light background.
    #[must_use]
    pub fn light() -> Self {
        Self {
            names: [
                Color::Blue,
                Color::Green,
                Color::Magenta,
                Color::Cyan,
                Color::Red,
                Color::Indexed(94),
            ]
            .map(|colour| Style::new().fg(colour)),
            dim: Style::new().fg(Color::Indexed(242)),
            unread: Style::new().fg(Color::Red),
            wrong: Style::new().fg(Color::Red),
            alarm: Style::new().fg(Color::White).bg(Color::Red).add_modifier(Modifier::BOLD),
            status: Style::new().fg(Color::Black).bg(Color::Indexed(253)),
            current: Style::new().bg(Color::Indexed(253)).add_modifier(Modifier::BOLD),
            ..Self::mono()
        }
    }

    /// Without any colour: bold, dim and reversed alone.
    #[must_use]
    pub fn mono() -> Self {
        let plain = Style::new();
        Self {
            text: plain,
            dim: plain.add_modifier(Modifier::DIM),
            own: plain.add_modifier(Modifier::BOLD),
            names: [plain; NAMES],
            wrong: plain.add_modifier(Modifier::BOLD),
            alarm: plain.add_modifier(Modifier::BOLD | Modifier::REVERSED),
            unread: plain.add_modifier(Modifier::BOLD),
            status: plain.add_modifier(Modifier::REVERSED),
            current: plain.add_modifier(Modifier::BOLD),
            symbols: Symbols::UNICODE,
            ambiguous: Ambiguous::Narrow,
        }
    }

    /// The style of a name. It belongs to the key, so that a namesake looks different.
    #[must_use]
    pub fn name(&self, key: Option<PeerId>) -> Style {
        key.map_or(self.text, |key| self.names[usize::from(key.0[0]) % NAMES])
            .add_modifier(Modifier::BOLD)
    }
}

/// The glyphs of marks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Symbols {
    /// A line that waits on this computer.
    pub queued: &'static str,
    /// A line that has left.
    pub sent: &'static str,
    /// A line that the receiver has on disk.
    pub delivered: &'static str,
    /// A line that the receiver has seen.
    pub read: &'static str,
    /// A line that will not be sent.
    pub failed: &'static str,
    /// What rules are made of.
    pub rule: &'static str,
    /// What stands between two columns.
    pub column: &'static str,
    /// Before the number of new lines below.
    pub below: &'static str,
    /// Before the number of our lines that are not delivered.
    pub unsent: &'static str,
}

impl Symbols {
    /// For terminals on which none of these takes two cells.
    pub const UNICODE: Self = Self {
        queued: "·",
        sent: "^",
        delivered: "✓",
        read: "✓✓",
        failed: "!",
        rule: "─",
        column: "│",
        below: "↓",
        unsent: "⇡",
    };

    /// For terminals of East Asia, which draw some of the others twice as wide as anybody can know
    /// (UAX #11 calls them ambiguous), and for those that draw ASCII alone.
    pub const ASCII: Self = Self {
        queued: ".",
        sent: "^",
        delivered: "v",
        read: "vv",
        failed: "!",
        rule: "-",
        column: "|",
        below: "v",
        unsent: "^",
    };
}
