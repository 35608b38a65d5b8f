//! Lines for scripts that receive, as `p2pchat recv` does: each is given to one of them.
//!
//! The disk owes them every line that has come since the first one asked, and what nobody had seen
//! then, whether a person reads it meanwhile or not. A line is owed until the script that was given
//! it has written it and the disk has noted that; what a script was given and has not written when
//! it leaves is given to the next.

use std::collections::{BTreeMap, BTreeSet};

use super::storage::{Place, ReceivedLine, StoreReply, StoreRequest, UnshownLine};
use super::{Address, Asked, Chat, Effect, FaceId, LineId, Message, Notice, Timestamp};

/// Lines that a script may have been given without having written them. A slow one does not make us
/// read everything that it asked for into memory. It is given more when it has written half.
const WINDOW: usize = 16;

/// Lines that are read at once: more than one script can be given, for some receive only from one
/// person.
const LOOK: usize = 4 * WINDOW;

/// Who receives, and what has been given.
#[derive(Debug, Default)]
pub(super) struct Giving {
    takers: BTreeMap<FaceId, Taker>,
    /// What the disk owes still, and has been given already.
    given: BTreeMap<(Address, LineId), Given>,
    /// What stands behind this place is being read.
    loading: Option<Place>,
}

#[derive(Debug)]
struct Given {
    to: FaceId,
    place: Place,
}

/// A script that receives.
#[derive(Debug)]
struct Taker {
    /// Only from there.
    from: Option<String>,
    /// So many more.
    left: u64,
    since: Timestamp,
    /// Lines up to here it has, or are not for it.
    seen: Place,
    /// Behind `seen` there may be more.
    more: bool,
    /// The first line that came and was not found behind `seen` yet. If it is not there at all, it may
    /// stand before: places of lines that were removed are used again.
    come: Option<LineId>,
}

impl Taker {
    fn look_from(&mut self, place: Place) {
        self.seen = self.seen.min(place);
        self.more = true;
    }
}

impl Giving {
    fn look_from(&mut self, place: Place) {
        self.takers.values_mut().for_each(|taker| taker.look_from(place));
    }

    /// What a script was given and is not known to have written.
    fn outstanding(&self, face: FaceId) -> usize {
        self.given.values().filter(|given| given.to == face).count()
    }

    /// Where the next lines begin that somebody wants.
    fn wanted(&self) -> Option<Place> {
        let wants = |(face, taker): &(&FaceId, &Taker)| {
            taker.left > 0 && taker.more && self.outstanding(**face) <= WINDOW / 2
        };
        self.takers.iter().filter(wants).map(|(_, taker)| taker.seen).min()
    }

    /// Nothing stands behind a place.
    fn ends(&mut self, after: Place) {
        for taker in self.takers.values_mut().filter(|taker| taker.seen >= after) {
            taker.more = false;
            if taker.come.take().is_some() {
                taker.look_from(Place(0));
            }
        }
    }
}

impl Chat {
    /// The face that asks receives from now on.
    pub(super) fn receives(&mut self, from: Option<String>, left: u64) {
        let (since, seen) = (self.now, Place(0));
        let taker = Taker { from, left, since, seen, more: true, come: None };
        self.giving.takers.insert(self.faces.asking_id(), taker);
    }

    /// The face that asks is about to leave.
    pub(super) fn receives_nothing_new(&mut self) {
        if let Some(taker) = self.giving.takers.get_mut(&self.faces.asking_id()) {
            taker.left = 0;
        }
    }

    /// A face has left. What it did not write is for the others.
    pub(super) fn receives_no_more(&mut self, face: FaceId) {
        if self.giving.takers.remove(&face).is_some() {
            let freed = self.giving.given.extract_if(.., |_, given| given.to == face);
            if let Some(Place(first)) = freed.map(|(_, given)| given.place).min() {
                self.giving.look_from(Place(first - 1));
            }
        }
    }

    /// A line has come. What changes another is not owed: it is told with that one.
    pub(super) fn owes_more(&mut self, line: &ReceivedLine) {
        for taker in self.giving.takers.values_mut().filter(|_| !line.manner.amends()) {
            taker.more = true;
            taker.come.get_or_insert(line.id);
        }
    }

    /// Lines that have come before can be told again.
    pub(super) fn owes_again(&mut self) {
        self.giving.look_from(Place(0));
    }

    /// The face that asks has written a line. That a script has it does not mean that a person has
    /// seen it.
    pub(super) fn written(&mut self, from: Address, id: LineId) {
        if self.giving.takers.contains_key(&self.faces.asking_id()) {
            let asked = Asked::Taken(from.clone(), id);
            self.ask(StoreRequest::Taken { from, id }, asked);
        } else {
            self.ask(StoreRequest::Shown(vec![(from, id)]), Asked::Shown);
        }
    }

    /// The disk does not owe a line any more. Until now it may have been read once more.
    pub(super) fn taken(&mut self, from: Address, id: LineId, reply: StoreReply) {
        let (key, face) = ((from, id), self.faces.asking_id());
        if self.giving.given.get(&key).is_some_and(|given| given.to == face) {
            self.giving.given.remove(&key);
        }
        self.tell_failure(reply);
    }

    /// Tells a message to all that do not receive: those are given it.
    pub(super) fn show_message(&mut self, message: Message) {
        let notice = Notice::Message(message);
        if self.giving.takers.is_empty() {
            return self.show(notice);
        }
        for face in self.faces.ids().filter(|face| !self.giving.takers.contains_key(face)) {
            self.effects.push_back(Effect::Answer(face, notice.clone()));
        }
    }

    /// Asks for what is owed, if anybody wants it. Called when everything else has been taken away.
    pub(super) fn load_owed(&mut self) {
        if self.giving.loading.is_some() || self.run.leaving.is_some() {
            return;
        }
        let Some(after) = self.giving.wanted() else { return };
        self.giving.loading = Some(after);
        self.ask(StoreRequest::LoadOwed { after, limit: LOOK }, Asked::Owed);
    }

    pub(super) fn owed_loaded(&mut self, reply: StoreReply) {
        let Some(after) = self.giving.loading.take() else { return };
        let lines = match reply {
            StoreReply::Unshown(lines) => lines,
            reply => {
                // Looked for once more when the next line comes.
                self.giving.takers.values_mut().for_each(|taker| taker.more = false);
                return self.tell_failure(reply);
            }
        };
        if lines.is_empty() {
            return self.giving.ends(after);
        }
        // Whoever looks from before waits for what stands there.
        let looks = self.giving.takers.iter().filter(|(_, taker)| taker.seen >= after);
        let mut looking: BTreeSet<FaceId> = looks.map(|(face, _)| *face).collect();
        for line in lines {
            self.give(line, &mut looking);
        }
    }

    /// Gives a line to the first of those who are `looking` and want it. One that wants it and is
    /// behind with writing gets nothing that stands further on before.
    fn give(
        &mut self,
        UnshownLine { place, line, quote }: UnshownLine,
        looking: &mut BTreeSet<FaceId>,
    ) {
        let key = (line.from.clone(), line.id);
        let hidden = line.author.as_ref().is_some_and(|author| self.is_hidden(line.peer, author));
        let mut free = !self.giving.given.contains_key(&key);
        if free && (hidden || self.is_ignored(&line.from)) {
            // As if it had been received.
            let (from, id) = key.clone();
            self.ask(StoreRequest::Taken { from, id }, Asked::Nothing);
            free = false;
        }
        let mut told = None;
        for face in looking.clone() {
            let full = self.giving.outstanding(face) >= WINDOW;
            let Some(taker) = self.giving.takers.get(&face) else { continue };
            if taker.seen >= place {
                continue;
            }
            let from = taker.from.as_deref();
            let fits = taker.left > 0 && from.is_none_or(|typed| self.is_called(&line.from, typed));
            if free && fits && full {
                looking.remove(&face);
                continue;
            }
            let Some(taker) = self.giving.takers.get_mut(&face) else { continue };
            taker.seen = place;
            taker.come.take_if(|come| *come == line.id);
            if free && fits {
                taker.left -= 1;
                free = false;
                told = Some((face, line.received_at < taker.since));
            }
        }
        if let Some((face, again)) = told {
            self.giving.given.insert(key, Given { to: face, place });
            let quote = quote.map(|quote| self.veiled(quote));
            let message = self.message_about(line, quote, again);
            self.effects.push_back(Effect::Answer(face, Notice::Message(message)));
        }
    }

    /// Whether somebody, or a room, is meant by what was typed.
    pub(super) fn is_called(&self, address: &Address, typed: &str) -> bool {
        let named = |name: &str| name.eq_ignore_ascii_case(typed);
        let nickname = self.nicknames.of(address).is_some_and(|nickname| named(nickname.as_str()));
        nickname || named(&address.marked_name()) || named(&address.to_string())
    }
}
