//! How two members find out that they have not the same.

use std::time::Duration;

use p2pchat_wire::identity::PeerId;

use super::super::room::{Act, Entry, Hash, Head, Lacking, LineRange, LogId};
use super::neighbour::Neighbour;
use super::record::{HEADS, MAX_HEADS};
use super::{COMPARE, Denial, Event, MAX_FRUITLESS, Moment, Output, Replica, Says};

impl Replica {
    /// Begins with a neighbour: tells him what all we have comes to, or that we have nothing.
    pub(super) fn greet(&mut self, now: Moment, peer: PeerId) {
        if self.log.is_none() {
            return self.tell_heads(peer, true);
        }
        let digest = self.digest();
        let Some(neighbour) = self.neighbours.get_mut(&peer) else { return };
        neighbour.asked = true;
        neighbour.not_before = Some(now.at + COMPARE);
        self.say_to(peer, Says::Digest { digest, tell: true });
    }

    /// Something is new here: nobody is known to have the same.
    pub(super) fn log_changed(&mut self) {
        self.digest = None;
        for neighbour in self.neighbours.values_mut() {
            neighbour.agrees = false;
            neighbour.fruitless = 0;
        }
    }

    pub(super) fn digest(&mut self) -> Hash {
        let log = &self.log;
        let of_log = || log.as_ref().map(|log| log.digest()).unwrap_or_default();
        *self.digest.get_or_insert_with(of_log)
    }

    pub(super) fn heads(&self) -> Vec<Head> {
        self.log.as_ref().map(|log| log.heads()).unwrap_or_default()
    }

    /// Tells what we have of each log.
    fn tell_heads(&mut self, peer: PeerId, tell: bool) {
        let heads = self.heads();
        let mut parts = heads.chunks(HEADS).map(<[Head]>::to_vec).peekable();
        if parts.peek().is_none() {
            return self.say_to(peer, Says::Have { heads: Vec::new(), more: false, tell });
        }
        while let Some(heads) = parts.next() {
            let more = parts.peek().is_some();
            self.say_to(peer, Says::Have { heads, more, tell });
        }
    }

    /// Whether a neighbour may be told about the room; if not, he is told that.
    pub(super) fn may_hear(&mut self, peer: PeerId) -> bool {
        let Some(log) = &self.log else { return true };
        let state = log.state();
        let admitted = if state.is_member(&peer) { Ok(()) } else { state.admits(&peer) };
        if let Err(refusal) = admitted {
            self.say_to(peer, Says::Denied(refusal.into()));
        }
        admitted.is_ok()
    }

    /// A neighbour says what all he has comes to.
    pub(super) fn on_digest(&mut self, now: Moment, peer: PeerId, theirs: Hash, tell: bool) {
        if !self.may_hear(peer) {
            return;
        }
        if self.log.is_none() {
            return self.tell_heads(peer, true);
        }
        let ours = self.digest();
        let me = self.identity.id();
        let is_member = self.state().is_some_and(|state| state.is_member(&peer));
        let Some(neighbour) = self.neighbours.get_mut(&peer) else { return };
        if ours == theirs {
            neighbour.asked = false;
            neighbour.agrees = true;
            neighbour.is_known = true;
            neighbour.is_offered_lines = is_member;
            neighbour.claims = Some(Vec::new());
            self.he_has_all(peer);
            if tell {
                self.say_to(peer, Says::Digest { digest: ours, tell: false });
            }
            self.settle(now);
        } else if !neighbour.asked || me > peer {
            // Both may ask at once: one answers.
            self.tell_heads(peer, true);
        }
    }

    /// A neighbour says what he has.
    pub(super) fn on_have(
        &mut self,
        now: Moment,
        peer: PeerId,
        heads: Vec<Head>,
        more: bool,
        tell: bool,
    ) {
        let Some(neighbour) = self.neighbours.get_mut(&peer) else { return };
        neighbour.heads.extend(heads);
        if neighbour.heads.len() > MAX_HEADS {
            return self.distrust(peer);
        } else if more {
            return;
        }
        let heads = std::mem::take(&mut neighbour.heads);
        neighbour.asked = false;
        neighbour.claims = Some(heads.iter().map(|head| (head.log, head.acts)).collect());
        if !self.may_hear(peer) {
            return self.show_the_door(peer, &heads);
        }
        if tell {
            self.tell_heads(peer, false);
        }
        self.he_has(peer, &heads);
        if let Some(log) = &self.log {
            let mut lacking = log.lacking(&heads);
            let is_member = log.state().is_member(&peer);
            if is_member {
                for range in &mut lacking.lines {
                    let floor = self.floors.get(&(peer, range.log)).filter(|_| !range.continues);
                    range.from = range.from.max(floor.copied().unwrap_or(1));
                }
            } else {
                lacking.lines.clear();
            }
            if let Some(neighbour) = self.neighbours.get_mut(&peer) {
                neighbour.is_known = true;
                neighbour.is_offered_lines = is_member;
                neighbour.lacks(lacking);
            }
            self.pump(peer);
        }
        self.settle(now);
    }

    /// We leave, and nobody compares with us any more: members who were not offered the lines that there are,
    /// are now. Nobody else may have them.
    pub(super) fn offer_lines(&mut self) {
        let Some(log) = self.log.as_ref().filter(|_| self.parting) else { return };
        let lacks = |(peer, neighbour): &(&PeerId, &mut Neighbour)| {
            neighbour.is_known && !neighbour.is_offered_lines && log.state().is_member(peer)
        };
        for (peer, neighbour) in self.neighbours.iter_mut().filter(lacks) {
            neighbour.is_offered_lines = true;
            for head in log.heads() {
                let floor = self.floors.get(&(*peer, head.log)).copied().unwrap_or(1);
                neighbour.lacks(log.from(head.log, false, floor));
            }
        }
        self.pump_all();
    }

    /// Who was kicked and does not know is told that: the acts up to that one, which all are signed.
    fn show_the_door(&mut self, peer: PeerId, heads: &[Head]) {
        let Some(log) = self.log.as_ref().filter(|log| log.state().kicked.contains(&peer)) else {
            return;
        };
        let kicks =
            |entry: &Entry| matches!(entry.act(), Some(Act::Kick { key, .. }) if *key == peer);
        let Some(last) = log.acts().filter(|act| kicks(act)).last().map(|act| act.hash()) else {
            return;
        };
        let Lacking { mut acts, .. } = log.lacking(heads);
        acts.truncate(acts.iter().position(|act| act.hash() == last).map_or(0, |at| at + 1));
        if let Some(neighbour) = self.neighbours.get_mut(&peer) {
            neighbour.lacks(Lacking { acts, ..Lacking::default() });
            self.pump(peer);
        }
    }

    /// A neighbour needs these, because what he was told stands on them.
    pub(super) fn on_want(&mut self, peer: PeerId, log: LogId, acts: bool, from: u64) {
        let Some(ours) = &self.log else { return };
        let is_member = ours.state().is_member(&peer);
        if !is_member && (!acts || ours.state().admits(&peer).is_err()) {
            return;
        }
        let mut lacking = ours.from(log, acts, from);
        let floor = self.floors.get(&(peer, log)).copied().unwrap_or(1);
        for range in &mut lacking.lines {
            *range = LineRange { from: range.from.max(floor), ..*range };
        }
        if let Some(neighbour) = self.neighbours.get_mut(&peer) {
            neighbour.wants(log, lacking);
            self.pump(peer);
        }
    }

    /// What a neighbour says he has of our own lines is our receipt.
    pub(super) fn he_has(&mut self, peer: PeerId, heads: &[Head]) {
        let Some(log) = &self.log else { return };
        if !log.state().is_member(&peer) {
            return;
        }
        let me = self.identity.id();
        let ours: Vec<(u64, u64)> = heads
            .iter()
            .filter(|head| head.log.author == me && head.lines <= log.last_line(&head.log))
            .map(|head| (head.log.stay, head.lines))
            .collect();
        for (stay, last) in ours {
            self.received(peer, stay, last);
        }
    }

    fn he_has_all(&mut self, peer: PeerId) {
        let heads = self.heads();
        self.he_has(peer, &heads);
    }

    fn received(&mut self, member: PeerId, stay: u64, last: u64) {
        if let Some(receipt) = self.receipts.heard(stay, member, last) {
            self.keep_receipt(stay, member, receipt);
            self.outputs.push_back(Output::Event(Event::Has { member, stay, last }));
        }
    }

    pub(super) fn on_denied(&mut self, peer: PeerId, denial: Denial) {
        let is_member = self.is_member();
        let Some(neighbour) = self.neighbours.get_mut(&peer) else { return };
        neighbour.asked = false;
        if denial != Denial::Unknown && neighbour.is_at_rest() {
            // Whoever turns us away knows that we are out.
            self.parting = false;
        }
        if is_member
            && !std::mem::replace(&mut neighbour.is_shown_all, true)
            && let Some(log) = &self.log
        {
            // One of us does not know all: what let us in, or why we are out.
            let Lacking { acts, .. } = log.lacking(&[]);
            neighbour.lacks(Lacking { acts, ..Lacking::default() });
            self.tell_heads(peer, false);
            self.pump(peer);
        } else if self.wanted && !is_member {
            self.outputs.push_back(Output::Event(Event::Denied(peer, denial)));
        }
    }

    /// Compares with one of those who are not known to have the same.
    pub(super) fn compare(&mut self, now: Moment) {
        if self.log.is_none() || !self.wanted {
            return;
        }
        let due: Vec<PeerId> = self
            .neighbours
            .iter()
            .filter(|(peer, neighbour)| {
                self.is_comparable(peer, neighbour)
                    && neighbour.not_before.is_none_or(|at| at <= now.at)
            })
            .map(|(peer, _)| *peer)
            .collect();
        let count = u32::try_from(due.len()).unwrap_or(u32::MAX);
        let chosen = self.random.below(count) as usize;
        if let Some(&peer) = due.get(chosen)
            && let Some(neighbour) = self.neighbours.get_mut(&peer)
        {
            let wait = COMPARE * (1 << neighbour.fruitless.min(MAX_FRUITLESS));
            neighbour.fruitless += 1;
            self.greet(now, peer);
            if let Some(neighbour) = self.neighbours.get_mut(&peer) {
                neighbour.not_before = Some(now.at + wait);
            }
        }
        self.compare_at = Some(now.at + COMPARE);
    }

    /// When the next comparison is due.
    pub(super) fn next_comparison(&self) -> Option<Duration> {
        if self.log.is_none() || !self.wanted {
            return None;
        }
        let comparable =
            self.neighbours.iter().filter(|(peer, neighbour)| self.is_comparable(peer, neighbour));
        let next = comparable.map(|(_, neighbour)| neighbour.not_before).min()?;
        // One at a time, however many there are.
        self.compare_at.max(next)
    }

    fn is_comparable(&self, peer: &PeerId, neighbour: &Neighbour) -> bool {
        let is_member = self.log.as_ref().is_some_and(|log| log.state().is_member(peer));
        is_member && !neighbour.agrees && !neighbour.is_liar
    }
}
