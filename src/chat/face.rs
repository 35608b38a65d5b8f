//! Who looks at the chat: one chat can have several faces at the same time, a screen, a bot, a
//! script.
//!
//! What happens is told to all of them ([`Effect::Show`]); what one of them has asked is answered to
//! that one ([`Effect::Answer`]). Each has a current conversation of its own, and ends by itself:
//! when its input has ended and what it brought has come as far as it wants to wait
//! ([`Effect::Left`]). The chat ends with the first face, which is there from the start and has what
//! is in [`Config`](super::Config).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use p2pchat_wire::signal::Refusal;

use super::exit::Wait;
use super::files::Taking;
use super::files::disk::OfferId;
use super::{
    Address, Asked, Chat, Effect, ExitCode, Input, LineId, LineState, Notice, Presence, Problem,
    Timestamp,
};
use crate::proto;

/// Lines whose author is remembered.
const MAX_AUTHORS: usize = 65_536;

/// One of the faces of a chat. None is given out twice.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct FaceId(u64);

impl FaceId {
    /// The face that the chat begins with, and with which it ends.
    pub const FIRST: Self = Self(0);
}

/// What is remembered of a face.
#[derive(Debug, Default)]
pub(super) struct Face {
    /// To whom plain lines go.
    pub(super) current: Option<Address>,
    /// For whom it was started.
    pub(super) invited: Option<Address>,
    /// What the end of its input waits for; `None` for a person, who does not wait.
    pub(super) wait: Option<Wait>,
    /// Whether it makes a room that it is started for, if there is none.
    pub(super) founds: bool,
    /// The last line that it waits for, in each conversation that it has opened or written to.
    pub(super) waits_for: BTreeMap<Address, u64>,
    /// Files that it has offered.
    pub(super) files: BTreeSet<OfferId>,
    /// The file that it waits for.
    pub(super) takes: Option<Taking>,
    pub(super) input_ended: bool,
    pub(super) leaving: Option<ExitCode>,
    /// A line of its will never be delivered: how it ends for that.
    pub(super) lost: Option<ExitCode>,
    /// Conversations in which something stood in the way when it came, of which it has not heard.
    unheard: BTreeSet<Address>,
}

/// All faces, and the one for which something is being done.
#[derive(Debug)]
pub(super) struct Faces {
    first: Face,
    others: BTreeMap<FaceId, Face>,
    asking: FaceId,
    given_out: u64,
    authors: Authors,
}

/// Who has given a line its reference, which is nobody else's business. Of lines of earlier runs
/// nobody knows any more.
#[derive(Debug, Default)]
struct Authors {
    faces: BTreeMap<LineId, FaceId>,
    /// The oldest first.
    order: VecDeque<LineId>,
}

impl Authors {
    fn note(&mut self, id: LineId, face: FaceId) {
        if self.order.len() >= MAX_AUTHORS
            && let Some(oldest) = self.order.pop_front()
        {
            self.faces.remove(&oldest);
        }
        self.order.push_back(id);
        self.faces.insert(id, face);
    }
}

impl Faces {
    pub(super) fn new(wait: Option<Wait>, founds: bool) -> Self {
        let first = Face { wait, founds, ..Face::default() };
        let (others, authors) = (BTreeMap::new(), Authors::default());
        Self { first, others, asking: FaceId::FIRST, given_out: 0, authors }
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = FaceId> + use<> {
        let others: Vec<FaceId> = self.others.keys().copied().collect();
        std::iter::once(FaceId::FIRST).chain(others)
    }

    fn get(&self, face: FaceId) -> Option<&Face> {
        if face == FaceId::FIRST { Some(&self.first) } else { self.others.get(&face) }
    }

    /// The one for which something is being done.
    pub(super) fn asking(&self) -> &Face {
        self.get(self.asking).unwrap_or(&self.first)
    }

    pub(super) fn asking_mut(&mut self) -> &mut Face {
        self.others.get_mut(&self.asking).unwrap_or(&mut self.first)
    }

    pub(super) fn asking_id(&self) -> FaceId {
        self.asking
    }

    /// Nobody waits any more for what was said to `to`. The lines from number `lost` on are gone.
    pub(super) fn wait_no_more(&mut self, to: &Address, lost: Option<u64>) {
        for face in self.others.values_mut().chain([&mut self.first]) {
            face.invited.take_if(|invited| invited == to);
            let last = face.waits_for.remove(to);
            if lost.is_some_and(|lost| last.is_some_and(|last| lost <= last)) {
                face.lost.get_or_insert(ExitCode::Refused);
            }
        }
    }

    /// The one for which something is being done has given this line a reference.
    pub(super) fn note_author(&mut self, id: LineId) {
        self.authors.note(id, self.asking);
    }

    /// From now on something is done for this one. Whoever it was before.
    pub(super) fn turn_to(&mut self, face: FaceId) -> FaceId {
        std::mem::replace(&mut self.asking, face)
    }
}

impl Chat {
    /// Lets another face look at the chat. `peer` is whom it wants to talk to, `alice` or
    /// `alice@host`, and `wait` what the end of its input waits for, as in
    /// [`Config`](super::Config), as is `founds`. It is told how things stand: under which names we are known, what
    /// keeps us from being known, who is there, what is typed and not sent.
    pub fn attach(
        &mut self,
        now: Timestamp,
        peer: Option<&str>,
        wait: Option<Wait>,
        founds: bool,
    ) -> FaceId {
        self.now = now;
        self.faces.given_out += 1;
        let face = FaceId(self.faces.given_out);
        let troubled = self.conversations.iter().filter(|(_, one)| one.is_in_trouble());
        let unheard = troubled.map(|(address, _)| address.clone()).collect();
        self.faces.others.insert(face, Face { wait, founds, unheard, ..Face::default() });
        let before = self.faces.turn_to(face);
        for notice in self.how_things_stand() {
            self.answer(notice);
        }
        self.invite(peer);
        self.faces.turn_to(before);
        face
    }

    /// Takes in something that one of the faces wants at `now`. A face that has left wants nothing.
    pub fn handle_face(&mut self, now: Timestamp, face: FaceId, input: Input) {
        if self.faces.get(face).is_some() {
            let before = self.faces.turn_to(face);
            self.handle_input(now, input);
            self.faces.turn_to(before);
        }
    }

    /// Whether the disk has answered everything that this face wants kept: what it has said until now
    /// survives the end of this program at any moment.
    #[must_use]
    pub fn is_kept(&self, face: FaceId) -> bool {
        let mut own = self.asked.iter().filter(|(asking, _)| *asking == face);
        let looking = self.errands.contains(&face) || self.files.is_examining(face);
        own.all(|(_, asked)| matches!(asked, Asked::Shown | Asked::Taken(..))) && !looking
    }

    /// Whether the disk has answered everything.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.asked.is_empty()
    }

    /// To whom the plain lines of a face go.
    #[must_use]
    pub fn current(&self, face: FaceId) -> Option<&Address> {
        self.faces.get(face)?.current.as_ref()
    }

    /// Whether there is a session with whom the plain lines of a face go to.
    #[must_use]
    pub fn is_connected(&self, face: FaceId) -> bool {
        let open = self.current(face).and_then(|open| self.conversations.get(open));
        open.is_some_and(|one| one.session.is_some())
    }

    /// Opens the conversation for which a face was started.
    pub(super) fn invite(&mut self, peer: Option<&str>) {
        match peer.map(|peer| self.resolve(peer)) {
            None => {}
            Some(Ok(peer)) => {
                self.faces.asking_mut().invited = Some(peer.clone());
                self.open(peer.clone());
                if self.faces.asking().wait.is_some() && self.meant.contains(&peer) {
                    self.leave(ExitCode::Refused);
                }
            }
            Some(Err(problem)) => {
                self.refuse(None, problem);
                if self.faces.asking().wait.is_some() {
                    self.leave(ExitCode::Usage);
                }
            }
        }
    }

    fn how_things_stand(&self) -> Vec<Notice> {
        let mut notices = self.known_as();
        notices.extend(self.standing_troubles());
        for (address, one) in &self.conversations {
            if address.is_room {
                let news = self.room_standing(address).into_iter();
                notices.extend(news.map(|news| Notice::Room { room: address.clone(), news }));
            } else if one.state() != Presence::Offline {
                notices.push(Notice::Peer {
                    peer: address.clone(),
                    key: one.contact.key,
                    // Who comes has not seen anybody yet.
                    was: Presence::Offline,
                    state: one.state(),
                    path: one.session.as_ref().map(|session| session.path),
                });
            }
        }
        let drafts = self.drafts.iter();
        notices.extend(drafts.map(|(with, text)| {
            let (with, text) = (with.clone(), text.clone());
            Notice::Draft { with, text }
        }));
        notices
    }

    /// Tells the face that has written there what stands in the way since before it came.
    pub(super) fn tell_standing(&mut self, address: &Address) {
        if !self.faces.asking_mut().unheard.remove(address) {
            return;
        }
        let Some(one) = self.conversations.get(address) else { return };
        let (peer, waiting) = (address.clone(), one.outbox.waiting());
        let refused = one.refusal.and_then(|refusal| match refusal {
            Refusal::NoSuchName => Some(Notice::NoSuchName(peer.clone())),
            // Which is told as that it waits.
            Refusal::Offline => None,
            refusal => Some(Notice::ConnectRefused { peer: peer.clone(), refusal }),
        });
        let lacking = one.told_lacking;
        let lacking = lacking.map(|by_us| Notice::SecretLacking { peer: peer.clone(), by_us });
        let kept = (one.told_kept && waiting > 0).then(|| Notice::Kept {
            to: peer.clone(),
            state: one.state(),
            waiting,
        });
        let pending = one.session.as_ref().filter(|session| session.told_pending);
        let pending = pending.map(|_| Notice::Pending(peer));
        for notice in [refused, lacking, kept, pending].into_iter().flatten() {
            self.answer(notice);
        }
    }

    /// Tells the face that asked.
    pub(super) fn answer(&mut self, notice: Notice) {
        self.effects.push_back(Effect::Answer(self.faces.asking_id(), notice));
    }

    /// Tells all faces what became of a line of ours; what a program calls it, only that program.
    pub(super) fn tell_status(
        &mut self,
        to: Address,
        id: LineId,
        reference: Option<String>,
        state: LineState,
    ) {
        let author = reference.is_some().then(|| self.faces.authors.faces.get(&id)).flatten();
        let Some(author) = author.copied() else {
            return self.show(Notice::Status { to, id, reference, state });
        };
        for face in self.faces.ids() {
            let reference = reference.clone().filter(|_| face == author);
            let notice = Notice::Status { to: to.clone(), id, reference, state: state.clone() };
            self.effects.push_back(Effect::Answer(face, notice));
        }
    }

    pub(super) fn refuse(&mut self, reference: Option<String>, problem: Problem) {
        self.answer(Notice::Refused { reference, problem });
    }

    /// Faces in which no conversation is open get this one.
    pub(super) fn make_current_if_none(&mut self, address: &Address) {
        for face in self.faces.ids() {
            let before = self.faces.turn_to(face);
            if self.faces.asking().current.is_none() {
                self.make_current(address);
            }
            self.faces.turn_to(before);
        }
    }

    pub(super) fn make_current(&mut self, address: &Address) {
        self.faces.asking_mut().current = Some(address.clone());
        self.answer(Notice::Current(address.clone()));
    }

    /// Nobody's plain lines go there any more.
    pub(super) fn close_everywhere(&mut self, address: &Address) {
        for face in self.faces.ids() {
            let before = self.faces.turn_to(face);
            self.faces.asking_mut().current.take_if(|current| current == address);
            self.faces.turn_to(before);
        }
    }

    /// Ends the faces that wait for something which waiting cannot bring.
    pub(super) fn give_up(&mut self, code: ExitCode, hopeless: impl Fn(&Self) -> bool) {
        for face in self.faces.ids() {
            let before = self.faces.turn_to(face);
            if self.faces.asking().wait.is_some() && hopeless(self) {
                self.leave(code);
            }
            self.faces.turn_to(before);
        }
    }

    /// Ends a face, unless it is ending already; with the first, the run.
    pub(super) fn leave(&mut self, code: ExitCode) {
        let all_ends = self.faces.asking_id() == FaceId::FIRST;
        // A person who goes and comes back to a chat that runs finds said what was waiting to be.
        if all_ends || self.faces.asking().wait.is_some() {
            self.forget_unsaid(all_ends);
        }
        self.faces.asking_mut().leaving.get_or_insert(code);
        self.receives_nothing_new();
        if self.faces.asking_id() == FaceId::FIRST {
            self.run.leaving.get_or_insert(code);
        }
    }

    /// Whether a network that reports may still be answered for this face.
    pub(super) fn is_leaving(&self) -> bool {
        self.run.leaving.is_some() || self.faces.asking().leaving.is_some()
    }

    /// Faces whose input has ended leave as soon as what it brought has come as far as was asked.
    pub(super) fn leave_if_done(&mut self) {
        for face in self.faces.ids() {
            let before = self.faces.turn_to(face);
            self.leave_if_this_is_done();
            self.faces.turn_to(before);
        }
    }

    /// Lets the faces go that leave and for which the disk has answered everything.
    pub(super) fn let_go(&mut self) {
        let (asked, errands) = (&self.asked, &self.errands);
        let gone = self.faces.others.extract_if(.., |face, one| {
            one.leaving.is_some()
                && asked.iter().all(|(asking, _)| asking != face)
                && !errands.contains(face)
        });
        let gone: Vec<(FaceId, Face)> = gone.collect();
        for (face, one) in gone {
            let undelivered = self.left_over(face, &one);
            if undelivered > 0 && one.wait.is_some() {
                self.effects.push_back(Effect::Answer(face, Notice::Leaving { undelivered }));
            }
            let code = one.leaving.unwrap_or(ExitCode::Done);
            self.effects.push_back(Effect::Left { face, code });
            self.receives_no_more(face);
        }
    }

    /// How many lines stay behind that concern a face when it leaves: a person wants to know of all of them, a
    /// program of those that it waits for.
    fn left_over(&self, id: FaceId, face: &Face) -> u64 {
        if face.wait.is_none() {
            return self.undelivered();
        }
        let left = |(with, seq): (&Address, &u64)| {
            self.conversations.get(with).map_or(0, |one| one.outbox.waiting_up_to(*seq))
        };
        face.waits_for.iter().map(left).sum::<u64>() + self.gathering.unheard(id)
    }

    /// All ends: every face is told how many of its lines stay behind.
    pub(super) fn say_what_is_left(&mut self) {
        for id in self.faces.ids() {
            let undelivered = self.faces.get(id).map_or(0, |face| self.left_over(id, face));
            if undelivered > 0 {
                self.effects.push_back(Effect::Answer(id, Notice::Leaving { undelivered }));
            }
        }
    }

    /// Has the endpoint describe the paths to a peer, for the face that asks.
    pub(super) fn describe(&mut self, peer: p2pchat_wire::identity::PeerId) {
        self.describing.push((self.faces.asking_id(), peer));
        self.command(proto::Command::DescribePaths(peer));
    }

    /// Answers everybody who has asked for the paths to this peer: there are none any more.
    pub(super) fn describe_nothing(
        &mut self,
        peer: p2pchat_wire::identity::PeerId,
        address: &Address,
    ) {
        while self.describing.iter().any(|(_, asked)| *asked == peer) {
            self.described(peer, |_| Some(Notice::no_paths(address.clone())));
        }
    }

    /// Answers the face that has asked first for the paths to this peer.
    pub(super) fn described(
        &mut self,
        peer: p2pchat_wire::identity::PeerId,
        notice: impl FnOnce(&mut Self) -> Option<Notice>,
    ) {
        let Some(index) = self.describing.iter().position(|(_, asked)| *asked == peer) else {
            return;
        };
        let (face, _) = self.describing.remove(index);
        if let Some(notice) = notice(self) {
            self.effects.push_back(Effect::Answer(face, notice));
        }
    }
}
