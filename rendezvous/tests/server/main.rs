//! The server without IO, driven by clients in virtual time.

mod abuse;
mod carriers;
mod discovery;
mod introduction;
mod mailboxes;
mod registration;
mod relaying;
mod rooms;
mod world;
