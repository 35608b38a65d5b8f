//! The chat on a whole terminal.
//!
//! - [`keys`] is the table of what keys do, [`composer`] where a message is written: a [`draft`]
//!   that [`wrap`] breaks into rows, with [`completion`] of names, commands and paths.
//!   [`help`] tells the keys.
//! - [`emulator`] is what the terminal can do; [`hyperlinks`] and [`notify`] are done with it.

pub mod completion;
pub mod composer;
pub mod draft;
pub mod emulator;
pub mod help;
pub mod hyperlinks;
pub mod keys;
mod layout;
pub mod notify;
mod paste;
mod sent;
pub mod wrap;
