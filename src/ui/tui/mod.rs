//! The screen: conversations, what was said in them, and a composer, on the whole of a terminal.
//!
//! [`Screen`] is a machine without IO. It hears the chat's notices, takes [`Event`]s (a key, a resize),
//! says what is to be done ([`Action`]), and draws itself whenever it is asked to; so each of its
//! views is tested as a picture. [`terminal`] is the one file that touches the terminal, and the
//! loop between the two and the chat is `app::screen`.
//!
//! - `scrollback` is what was said in one conversation and where the reader stands in it, `entry` one
//!   thing in it, `said` what somebody said, in rows; `dialogue` is the conversation itself.
//! - `drawing` draws all of it: `sidebar`, `members` and `status` are what surrounds it, `overlay` what is shown in its place for a while,
//!   [`theme`] how all of it looks, [`look`] what a person may choose of it.
//! - [`composer`] is where a message is written: a [`draft`] that [`wrap`] breaks into rows, with
//!   [`completion`] of names, commands and paths; `typing` tells the other side of it. [`keys`] is
//!   the table of what keys do, [`help`] tells of them.
//! - [`cells`] measures, cuts and draws all text.
//! - [`emulator`] is what the terminal can do; [`hyperlinks`] and [`notify`] are done with it.

pub mod cells;
pub mod completion;
pub mod composer;
mod dialogue;
pub mod draft;
mod drawing;
pub mod emulator;
mod entry;
mod hearing;
pub mod help;
pub mod hyperlinks;
pub mod keys;
mod layout;
pub mod look;
mod members;
pub mod notify;
mod overlaid;
mod overlay;
mod paste;
mod said;
mod screen;
mod scrollback;
mod sent;
mod sidebar;
mod status;
pub mod terminal;
#[cfg(test)]
mod tests;
pub mod theme;
mod typing;
pub mod wrap;

use crossterm::event::KeyEvent;

use self::completion::Wanted;
use crate::chat::Input;
use crate::ui::language::Phrase;

pub use screen::Screen;

/// Columns and rows of the smallest terminal that shows more than that it is too small.
pub const SMALLEST: (u16, u16) = (20, 5);

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// A sentence for the person that is no notice of the chat's.
    Remark(String),
    /// A key was pressed.
    Key(KeyEvent),
    /// Text was pasted.
    Paste(String),
    /// The terminal has the person's attention, or lost it.
    Focus(bool),
    /// The wheel of the mouse was turned by a step.
    Wheel {
        /// Away from the person: to what was said before.
        up: bool,
    },
    /// The terminal has another size.
    Resize,
    /// It is as late as [`Screen::wakes_at`] said.
    Tick,
    /// The terminal is gone, or the system wants the program to end.
    Gone,
    /// Another process runs the chat from now on. What the last one has not answered is asked again.
    Moved,
    /// What comes out of an editor, or why nothing does.
    Edited(Result<String, Phrase>),
    /// What the path can become that was to be completed.
    Paths(Wanted, Vec<String>),
}

/// Something to be done.
#[derive(Clone, Debug)]
pub enum Action {
    /// Tell the chat.
    Input(Input),
    /// Draw everything anew: something else may have written on the terminal.
    Redraw,
    /// Give the terminal back to the shell until the person returns.
    Suspend,
    /// Let the person go on writing this in an editor. [`Event::Edited`] is the answer.
    Edit(String),
    /// See what this path can become. [`Event::Paths`] is the answer.
    Complete(Wanted),
    /// Show this to a person who looks elsewhere.
    Notify(String),
}
