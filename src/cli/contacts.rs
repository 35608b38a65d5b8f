//! What is done with those whom I know.

use clap::Subcommand;
use p2pchat_wire::identity::{Name, PeerId};

use crate::config::PeerAddress;

/// What is done with contacts.
#[derive(Clone, Debug, Subcommand)]
pub enum ContactsCommand {
    /// List whom I know, with their keys
    List,
    /// Show all that is known of somebody
    Show {
        /// Whom: a nickname, a name, or a name and a rendezvous
        #[arg(value_name = "NAME[@HOST]")]
        whom: PeerAddress,
    },
    /// Know somebody from now on
    Add {
        /// Whom, at the rendezvous used last if no other is named
        #[arg(value_name = "NAME[@HOST]")]
        whom: PeerAddress,
        /// The key that it must prove; without it, the first that calls itself so is believed. A name that
        /// looks like a contact's needs one
        #[arg(long)]
        key: Option<PeerId>,
        /// What it is called on this computer
        #[arg(long)]
        nickname: Option<Name>,
    },
    /// Call somebody otherwise on this computer
    Rename {
        /// Whom
        #[arg(value_name = "NAME[@HOST]")]
        whom: PeerAddress,
        /// How; without it, by its own name again
        nickname: Option<Name>,
    },
    /// Forget somebody, and everything that was said
    Remove {
        /// Whom
        #[arg(value_name = "NAME[@HOST]")]
        whom: PeerAddress,
        /// Also if something was said
        #[arg(long)]
        yes: bool,
    },
    /// Show the twelve words that somebody sees too, or compare them
    Verify {
        /// Whom
        #[arg(value_name = "NAME[@HOST]")]
        whom: PeerAddress,
        /// The words that the other side reads, or what its picture says
        words: Vec<String>,
        /// Show the words of this list
        #[arg(long, value_enum)]
        list: Option<super::Words>,
    },
}
