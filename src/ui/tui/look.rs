//! How the screen looks and behaves, as far as a person may choose.

use super::keys::Keymap;
use super::notify::Level;
use super::theme::Theme;
use super::wrap::Ambiguous;

/// What a person may choose.
#[derive(Clone, Debug)]
pub struct Look {
    /// Colours and glyphs.
    pub theme: Theme,
    /// What the keys do.
    pub keymap: Keymap,
    /// How wide the terminal draws what can be narrow or wide.
    pub ambiguous: Ambiguous,
    /// Whether the list of conversations is there at first.
    pub sidebar: bool,
    /// How much a notification says.
    pub notify: Level,
    /// Whether the wheel of a mouse scrolls.
    pub mouse: bool,
}

impl Default for Look {
    fn default() -> Self {
        Self {
            theme: Theme::dark(),
            keymap: Keymap::default(),
            ambiguous: Ambiguous::Narrow,
            sidebar: true,
            notify: Level::Name,
            mouse: false,
        }
    }
}
