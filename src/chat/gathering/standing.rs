//! Lines that do not count any more: their author had been removed before the owner had them, or has shown
//! two histories.

use p2pchat_wire::identity::PeerId;

use super::super::room::{Header, LogId, Refusal, Standing};
use super::super::storage::{MAX_LOAD_BYTES, StoreRequest};
use super::super::{Address, Asked, Chat, ExitCode, LineId, LineState, Notice, Problem};
use super::RoomNews;

impl Chat {
    /// Whether a line counts.
    pub(super) fn standing(&self, room: &Address, line: &Header) -> Standing {
        let replica = self.gathering.rooms.get(room).and_then(|room| room.replica.as_ref());
        let log = replica.and_then(|replica| replica.log());
        log.map_or(Standing::Counts, |log| log.standing(line))
    }

    /// Has the history show which lines of a log count.
    pub(super) fn ask_standing(&mut self, room: &Address, log: LogId) {
        let replica = self.gathering.rooms.get(room).and_then(|room| room.replica.as_ref());
        let Some(ours) = replica.and_then(|replica| replica.log()) else { return };
        let (id, counted) = (ours.id(), ours.counted(log));
        let (author, rest) = (log.author, counted.rest);
        let asked = Asked::Standing { room: room.clone(), author, rest };
        self.ask(StoreRequest::RoomStanding { room: room.clone(), id, counted }, asked);
    }

    /// The last run may have ended before the history showed it. `last` are the last lines of each log.
    pub(super) fn check_standing(&mut self, room: &Address, last: &[Header]) {
        let withdrawn = |line: &&Header| self.standing(room, line) != Standing::Counts;
        let logs: Vec<LogId> = last.iter().filter(withdrawn).map(|line| line.log).collect();
        logs.into_iter().for_each(|log| self.ask_standing(room, log));
    }

    /// The history shows it.
    pub(in crate::chat) fn stands(
        &mut self,
        room: &Address,
        author: PeerId,
        rest: Standing,
        withdrawn: Vec<LineId>,
        restored: Vec<(LineId, String)>,
    ) {
        if author == self.config.key {
            self.fail_withdrawn(room, rest, &withdrawn);
        }
        if !restored.is_empty() {
            self.owes_again();
        }
        let who = self.member(room, author);
        let again: Vec<LineId> = restored.iter().map(|(id, _)| *id).collect();
        for (standing, lines, texts) in
            [(rest, withdrawn, Vec::new()), (Standing::Counts, again, last_texts(restored))]
        {
            if !lines.is_empty() {
                let who = who.clone();
                self.tell_room(room, RoomNews::Standing { who, standing, lines, texts });
            }
        }
    }

    /// Nobody gets these lines of ours any more.
    fn fail_withdrawn(&mut self, address: &Address, why: Standing, lines: &[LineId]) {
        let refusal = match why {
            Standing::Withdrawn(end) => Refusal::from(end),
            Standing::Counts | Standing::NotMember => Refusal::NotMember,
        };
        let Some(room) = self.gathering.rooms.get_mut(address) else { return };
        room.said.retain(|said| !lines.contains(&said.id));
        for id in lines {
            let Some(room) = self.gathering.rooms.get_mut(address) else { return };
            let Some(line) = room.underway.remove(id) else { continue };
            if let Some(face) = line.face {
                let before = self.faces.turn_to(face);
                self.faces.asking_mut().lost.get_or_insert(ExitCode::Internal);
                self.faces.turn_to(before);
            }
            let state = LineState::Failed(Problem::Room(refusal));
            let (to, reference) = (address.clone(), line.reference);
            self.show(Notice::Status { to, id: *id, reference, state });
        }
    }
}

/// The last of them that are not too much to be told at once.
fn last_texts(mut lines: Vec<(LineId, String)>) -> Vec<(LineId, String)> {
    let mut bytes = 0;
    let fits = |(_, text): &&(LineId, String)| {
        bytes += text.len();
        bytes <= MAX_LOAD_BYTES
    };
    let fitting = lines.iter().rev().take_while(fits).count();
    lines.split_off(lines.len() - fitting)
}
