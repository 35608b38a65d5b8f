//! What people are told about files, as facts.

use serde::{Deserialize, Serialize};

use super::disk::{Content, DiskProblem};
use super::pace::Motion;
use super::record::Why;
use crate::chat::storage::Direction;
use crate::chat::{Address, LineId};

/// How a file stands.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct FileNews {
    /// In which conversation.
    pub with: Address,
    /// The line that offers it.
    pub id: LineId,
    /// What it is called by in commands; 0 if it has ended before this run.
    pub number: u32,
    /// Whether we offer it.
    pub by: Direction,
    /// What its sender calls it: not fit for a terminal, nor for a folder, as it is.
    pub name: String,
    /// How many bytes it has; 0 as long as that is not known.
    pub size: u64,
    /// What they are.
    pub content: Content,
    /// What a program calls it.
    pub reference: Option<String>,
    /// How far it is.
    pub stage: Stage,
}

/// How far a file is.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum Stage {
    /// It is read once, so that it can be offered, or so that what is here of it can be relied upon.
    Examining {
        /// So many bytes.
        done: u64,
    },
    /// Its receiver has not decided.
    Offered,
    /// Its receiver wants it, and it comes when both are there.
    Accepted,
    /// It is on its way.
    Moving(Motion),
    /// Its receiver has it.
    Done {
        /// Where, if that is here.
        path: Option<String>,
    },
    /// Its receiver does not want it.
    Declined,
    /// Its sender does not give it any more.
    Withdrawn(Why),
    /// It cannot go on now. What has come of it stays.
    Stalled(DiskProblem),
}
