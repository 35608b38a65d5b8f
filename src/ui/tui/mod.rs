//! The chat on a whole terminal.
//!
//! - [`keys`] is the table of what keys do, [`composer`] where a message is written: a [`draft`]
//!   that [`wrap`] breaks into rows.

pub mod composer;
pub mod draft;
pub mod keys;
mod layout;
mod paste;
mod sent;
pub mod wrap;
