//! How the screen looks and behaves, as far as a person may choose.

use super::keys::Keymap;
use super::notify::Level;
use super::theme::Theme;

/// What a person may choose.
#[derive(Clone, Debug)]
pub struct Look {
    /// Colours, glyphs, and how wide these are.
    pub theme: Theme,
    /// What the keys do.
    pub keymap: Keymap,
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
            sidebar: true,
            notify: Level::Name,
            mouse: false,
        }
    }
}
