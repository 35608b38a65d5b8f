//! What the keys do: one table, which `/help`, F1, the manual page and the key map are made of.
//!
//! A [`Chord`] is what is pressed: one key with modifiers, as `ctrl+w`, or two keys one after the
//! other, as `ctrl+x e`. Keys that a terminal cannot tell apart are one key here: `ctrl+i` is Tab,
//! `ctrl+m` Enter, `ctrl+h` Backspace. So nothing can be bound to them that would not be bound to
//! the others. By default nothing is on `ctrl+b`, which tmux takes, and nothing on `ctrl+a`, which
//! screen takes, that has no second key.

mod chord;
mod keymap;

pub use chord::{BadChord, Chord, Key};
pub use keymap::{KeyProblem, Keymap, Press};

/// What a key can do.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Action {
    /// Sends what is written.
    Send,
    /// Begins another line in the same message.
    Newline,
    /// One character to the left.
    Left,
    /// One character to the right.
    Right,
    /// To the beginning of the word.
    WordLeft,
    /// To the end of the word.
    WordRight,
    /// To the beginning of the line.
    LineStart,
    /// To the end of the line; from there, to the newest message.
    LineEnd,
    /// One row up; from the first one, to what was sent before.
    Up,
    /// One row down; from the last one, to what was sent after.
    Down,
    /// Deletes the character before the caret.
    DeleteBack,
    /// Deletes the character behind the caret; with nothing written, leaves.
    DeleteForward,
    /// Deletes the word before the caret.
    DeleteWordBack,
    /// Deletes the word behind the caret.
    DeleteWordForward,
    /// Deletes up to the beginning of the line.
    DeleteToStart,
    /// Deletes up to the end of the line.
    DeleteToEnd,
    /// Inserts what was deleted last by words or lines.
    Yank,
    /// Takes the last change back.
    Undo,
    /// Makes it again.
    Redo,
    /// Opens what is written in an editor.
    Editor,
    /// Completes a name, a command or a path.
    Complete,
    /// The candidate before.
    CompleteBack,
    /// Closes what is open: a list, a search, the help.
    Cancel,
    /// The next conversation in the list.
    NextConversation,
    /// The one before.
    PreviousConversation,
    /// The one with this number, from 1.
    Conversation(u8),
    /// The next one with something unread.
    NextUnread,
    /// A screen up.
    PageUp,
    /// A screen down.
    PageDown,
    /// To the newest message.
    Bottom,
    /// Searches in what was said.
    Search,
    /// Shows the keys and the commands.
    Help,
    /// Shows or hides the list of conversations.
    Sidebar,
    /// Shows or hides the members of a room.
    Members,
    /// Draws everything again.
    Redraw,
    /// Clears what is written; twice, leaves.
    Interrupt,
    /// Gives the terminal back to the shell for a while.
    Suspend,
}

/// Where a key does something, for the order of the help.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Place {
    /// Where text is written.
    Writing,
    /// Anywhere.
    Screen,
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// What is done.
    pub action: Action,
    /// The word for it in the key map.
    pub name: &'static str,
    /// Which chords do it unless the key map says otherwise.
    pub chords: &'static [&'static str],
    /// Where.
    pub place: Place,
}

const fn writing(action: Action, name: &'static str, chords: &'static [&'static str]) -> Binding {
    Binding { action, name, chords, place: Place::Writing }
}

const fn screen(action: Action, name: &'static str, chords: &'static [&'static str]) -> Binding {
    Binding { action, name, chords, place: Place::Screen }
}

/// Every key.
pub const TABLE: &[Binding] = &[
    writing(Action::Send, "send", &["enter"]),
    writing(Action::Newline, "newline", &["alt+enter", "ctrl+j", "shift+enter"]),
    writing(Action::Complete, "complete", &["tab"]),
    writing(Action::CompleteBack, "complete-back", &["shift+tab"]),
    writing(Action::Editor, "editor", &["ctrl+x e"]),
    writing(Action::Up, "up", &["up"]),
    writing(Action::Down, "down", &["down"]),
    writing(Action::Left, "left", &["left"]),
    writing(Action::Right, "right", &["right"]),
    writing(Action::WordLeft, "word-left", &["alt+b", "ctrl+left", "alt+left"]),
    writing(Action::WordRight, "word-right", &["alt+f", "ctrl+right", "alt+right"]),
    writing(Action::LineStart, "line-start", &["home", "ctrl+a"]),
    writing(Action::LineEnd, "line-end", &["end", "ctrl+e"]),
    writing(Action::DeleteBack, "delete-back", &["backspace"]),
    writing(Action::DeleteForward, "delete-forward", &["delete", "ctrl+d"]),
    writing(Action::DeleteWordBack, "delete-word-back", &["ctrl+w", "alt+backspace"]),
    writing(Action::DeleteWordForward, "delete-word-forward", &["alt+d"]),
    writing(Action::DeleteToStart, "delete-to-start", &["ctrl+u"]),
    writing(Action::DeleteToEnd, "delete-to-end", &["ctrl+k"]),
    writing(Action::Yank, "yank", &["ctrl+y"]),
    writing(Action::Undo, "undo", &["ctrl+_", "ctrl+x u"]),
    writing(Action::Redo, "redo", &["ctrl+x r"]),
    screen(Action::NextConversation, "next-conversation", &["ctrl+n"]),
    screen(Action::PreviousConversation, "previous-conversation", &["ctrl+p"]),
    screen(Action::NextUnread, "next-unread", &["alt+a"]),
    screen(Action::Conversation(1), "conversation-1", &["alt+1"]),
    screen(Action::Conversation(2), "conversation-2", &["alt+2"]),
    screen(Action::Conversation(3), "conversation-3", &["alt+3"]),
    screen(Action::Conversation(4), "conversation-4", &["alt+4"]),
    screen(Action::Conversation(5), "conversation-5", &["alt+5"]),
    screen(Action::Conversation(6), "conversation-6", &["alt+6"]),
    screen(Action::Conversation(7), "conversation-7", &["alt+7"]),
    screen(Action::Conversation(8), "conversation-8", &["alt+8"]),
    screen(Action::Conversation(9), "conversation-9", &["alt+9"]),
    screen(Action::PageUp, "page-up", &["pageup"]),
    screen(Action::PageDown, "page-down", &["pagedown"]),
    screen(Action::Bottom, "bottom", &["ctrl+end", "alt+>"]),
    screen(Action::Search, "search", &["ctrl+f"]),
    screen(Action::Help, "help", &["f1"]),
    screen(Action::Sidebar, "sidebar", &["f2"]),
    screen(Action::Members, "members", &["f3"]),
    screen(Action::Cancel, "cancel", &["esc"]),
    screen(Action::Redraw, "redraw", &["ctrl+l"]),
    screen(Action::Interrupt, "interrupt", &["ctrl+c"]),
    screen(Action::Suspend, "suspend", &["ctrl+z"]),
];

impl Binding {
    /// The identifier of the sentence that says what it does.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self.action {
            Action::Conversation(_) => "key-conversation".to_owned(),
            _ => format!("key-{}", self.name),
        }
    }
}

impl Action {
    /// The row of the table about it.
    #[must_use]
    pub fn binding(self) -> Option<&'static Binding> {
        TABLE.iter().find(|binding| binding.action == self)
    }

    /// The action that the key map calls `name`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        TABLE.iter().find(|binding| binding.name == name).map(|binding| binding.action)
    }
}
