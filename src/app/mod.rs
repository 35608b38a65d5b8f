//! The wiring: what `p2pchat` does, from the options to the exit code.
//!
//! - [`chat`] runs a conversation with whoever started us: the peer on one side (`peer.rs`); on the
//!   other a terminal with a [`Screen`](crate::ui::tui::Screen) (`screen.rs`), or a console
//!   (`console.rs`) with a [`View`](crate::ui::View) (`chatting.rs`).
//! - `attach` lets other processes join the chat of the one that holds the profile.
//! - [`send`], [`recv`], [`follow`], [`ask`] and [`status`] do one thing in that chat, for scripts.
//! - [`hold`] runs it with nobody before it, so that terminals can come and go.
//! - [`doctor()`] finds out what stands between this computer and the rendezvous.
//! - [`demo()`] runs two peers and a rendezvous on this computer.
//! - [`manual`] writes the manual pages, [`Configuration`] is `config.toml`.
//! - [`id`], [`contacts`] and [`history`] look into the profile, also while another process uses it. That
//!   process changes a contact for others.
//! - [`export`] and [`import`] carry a history from one computer to another, [`keep`] says how long
//!   it is kept.
//! - [`passphrase()`], [`set_passphrase`] and [`remove_passphrase`] seal a profile; `unlock.rs` asks for the
//!   passphrase wherever one is opened.
//! - [`invite`] and [`accept`] make two people sure of each other's keys.
//! - [`words()`] and [`restore`] carry an identity on paper from one computer to another.
//!
//! One thread runs the network and the chat; the disk, standard input and standard output have
//! threads of their own, and only bounded queues between them.

mod attach;
mod chatting;
mod configuration;
mod console;
pub mod contacts;
mod defect;
mod demo;
mod doctor;
mod editor;
mod errands;
mod failure;
mod folder;
mod holding;
mod home;
mod identity;
mod inviting;
mod look;
pub mod manual;
mod meeting;
mod mistakes;
mod mistyped;
mod moving;
mod passphrase;
mod peer;
mod profile;
mod queries;
mod screen;
mod scripts;
mod server;
mod signals;
mod spool;
mod unlock;

use std::path::Path;

use crate::store::TYPED;
use crate::ui::language::Phrase;
use crate::ui::terminal::{LineEditor, Printer};

pub use chatting::chat;
pub use configuration::{Configuration, template};
pub use defect::end_on_panic;
pub use demo::demo;
pub use doctor::doctor;
pub use failure::Failure;
pub use holding::{end, hold, hold_in_the_background, succeed};
pub use identity::{restore, words};
pub use inviting::{accept, invite};
pub use mistyped::mistyped;
pub use moving::{export, import, keep};
pub use passphrase::{passphrase, remove_passphrase, set_passphrase};
pub use queries::{history, id};
pub use scripts::{ask, follow, not_asked, recv, recv_file, send, send_files, status};

/// Takes the terminal of a person. What was typed is kept for the next time, but not in a sealed profile.
fn terminal(data_dir: &Path, is_sealed: bool) -> Result<(LineEditor, Printer), Failure> {
    let typed = (!is_sealed).then(|| data_dir.join(TYPED));
    LineEditor::open(typed.as_deref())
        .map_err(|error| Failure::internal(Phrase::new("terminal-unusable").with("error", error)))
}
