//! What a person is told of a room.

use std::sync::Arc;

use p2pchat_wire::identity::PeerId;

use super::super::room::{Body, Entry, LogId, Member, Standing, State};
use super::super::rooms::{Denial, Event};
use super::super::storage::{OutgoingLine, Quote, ReceivedLine, StoreFailure};
use super::super::{Address, Audience, Chat, ExitCode, FailureKind, LineState, Problem, Timestamp};
use super::RoomNews;
use super::saying::Underway;

impl Chat {
    pub(super) fn room_event(
        &mut self,
        address: &Address,
        event: Event,
        quote: &mut Option<Quote>,
    ) {
        match event {
            Event::Line(entry) => self.room_line(address, &entry, quote.take()),
            Event::NotKept(entry) => self.room_line_lost(address, &entry),
            Event::Changed(state) => self.room_changed(address, *state),
            Event::Forges(key) => {
                let who = self.member(address, key);
                self.tell_room(address, RoomNews::Forges { who, key });
            }
            Event::TwoHistories(log) => {
                let who = self.member(address, log.author);
                self.tell_room(address, RoomNews::TwoHistories { who, key: log.author });
            }
            Event::Has { stay, last, .. } => {
                self.tell_progress(address, |line| line.stay == stay && line.seq <= last);
                self.room_delivered(address);
            }
            Event::NotAdmitted(refusal) => {
                self.tell_denial(address, refusal.into(), RoomNews::NotAdmitted(refusal));
            }
            Event::Denied(_, denial) => {
                self.tell_denial(address, denial, RoomNews::Denied(denial));
            }
            Event::Counts(log, _) => self.ask_standing(address, log),
            Event::ReadAgain(_) => {}
        }
    }

    /// A line is on disk, ours or another's.
    fn room_line(&mut self, address: &Address, entry: &Arc<Entry>, quote: Option<Quote>) {
        let Body::Line(line) = entry.body() else { return };
        let (header, line) = (entry.header(), line.clone());
        if self.standing(address, header) != Standing::Counts {
            return self.ask_standing(address, header.log);
        }
        let sent_at = Timestamp(header.at_ms).min(Timestamp::MAX);
        if header.log.author != self.config.key {
            let received = ReceivedLine {
                from: address.clone(),
                author: Some(self.author(address, entry)),
                peer: header.log.author,
                log: header.log.stay,
                seq: header.place.seq(),
                after: 0,
                id: line.id,
                sent_at,
                received_at: self.now,
                audience: Audience::You,
                text: line.text,
                manner: line.manner,
            };
            return self.received_in_room(received, quote);
        }
        let underway = self.gathering.rooms.get_mut(address);
        let underway = underway.and_then(|room| room.underway.get_mut(&line.id));
        let reference = underway.and_then(|underway| {
            underway.is_kept = true;
            underway.reference.clone()
        });
        let own = OutgoingLine {
            to: address.clone(),
            seq: header.place.seq(),
            id: line.id,
            sent_at,
            audience: Audience::You,
            text: line.text,
            manner: line.manner,
            reference: reference.clone(),
        };
        self.show_own(&own, quote);
        let (to, id, state) = (own.to, own.id, LineState::Queued);
        self.tell_status(to, id, reference, state);
        self.tell_progress(address, |line| line.id == id);
        self.room_delivered(address);
    }

    fn room_line_lost(&mut self, address: &Address, entry: &Arc<Entry>) {
        let Body::Line(line) = entry.body() else { return };
        let Some(room) = self.gathering.rooms.get_mut(address) else { return };
        let lost = room.underway.remove(&line.id);
        room.said.retain(|said| said.id != line.id);
        let Some(Underway { face: Some(face), reference, .. }) = lost else { return };
        let before = self.faces.turn_to(face);
        self.faces.asking_mut().lost.get_or_insert(ExitCode::Internal);
        self.faces.turn_to(before);
        let failure = StoreFailure {
            kind: FailureKind::Other,
            place: "chat.db".to_owned(),
            cause: "the line could not be kept".to_owned(),
        };
        let state = LineState::Failed(Problem::Store(failure));
        self.tell_status(address.clone(), line.id, reference, state);
    }

    /// We are not let in: every member says so, and a person is told once.
    fn tell_denial(&mut self, address: &Address, denial: Denial, news: RoomNews) {
        let room = self.gathering.rooms.get_mut(address);
        if room.is_some_and(|room| room.denials.insert(denial)) {
            self.tell_room(address, news);
        }
    }

    /// The room is not what it was.
    fn room_changed(&mut self, address: &Address, state: State) {
        let me = self.config.key;
        let Some(room) = self.gathering.rooms.get_mut(address) else { return };
        let is_leaving = room.leaves_at.is_some();
        let before = room.shown.replace(state.clone());
        let was_in = before.as_ref().is_some_and(|before| before.is_member(&me));
        let is_in = state.is_member(&me);
        let named = |member: &Member| Address::new(member.name.clone(), &member.host);
        let owner = state.owner.and_then(|owner| state.members.get(&owner)).map(named);
        match (was_in, is_in) {
            (false, true) => {
                room.denials.clear();
                let topic = state.topic.as_ref().map(|topic| topic.text.clone());
                let members = state.members.len();
                self.tell_room(address, RoomNews::Entered { owner, members, topic });
                self.say_unsaid(address);
            }
            (true, true) => {
                if let Some(before) = &before {
                    self.tell_changes(address, before, &state);
                }
                // With a copy of a profile we are in by an old stay, and say nothing before there is a new one.
                if self.has_entered(address) {
                    self.say_unsaid(address);
                }
            }
            (true, false) if !is_leaving && state.kicked.contains(&me) => {
                let who = before.as_ref().and_then(|before| before.members.get(&me).map(named));
                let who = who.unwrap_or_else(|| address.clone());
                self.tell_room(address, RoomNews::Kicked { who, us: true });
            }
            _ => {}
        }
        if is_in {
            self.tell_namesakes(address, before.as_ref().filter(|_| was_in), &state);
        }
        self.set_room_presence(address);
        self.call_people(address);
        self.meet_all(address);
        self.tell_progress(address, |_| true);
        self.room_delivered(address);
    }

    /// How it stands with a room, for who comes: what is said when we enter, or that we are not let in.
    pub(in crate::chat) fn room_standing(&self, address: &Address) -> Vec<RoomNews> {
        let room = self.gathering.rooms.get(address).filter(|room| room.is_wanted());
        let Some(room) = room else { return Vec::new() };
        let members = self.members(address).unwrap_or_default();
        let here = members.iter().filter(|member| member.is_here).count();
        let topic = room.state().and_then(|state| state.topic.as_ref());
        let topic = topic.map(|topic| topic.text.clone());
        if room.replica.as_ref().is_some_and(|replica| replica.is_member()) {
            let owner = members.iter().find(|member| member.is_owner);
            let owner = owner.map(|member| member.who.clone());
            let members = members.len();
            return vec![
                RoomNews::Entered { owner, members, topic },
                RoomNews::Here { members, here },
            ];
        }
        // Another one may know the room.
        let why = room.denials.iter().filter(|denial| **denial != Denial::Unknown);
        let why: Vec<RoomNews> = why.copied().map(RoomNews::Denied).collect();
        if !why.is_empty() {
            return why;
        }
        let (members, unread) = (members.len(), self.unread_in(address));
        vec![RoomNews::Summary { members, here, is_in: false, topic, unread }]
    }

    fn tell_changes(&mut self, address: &Address, before: &State, state: &State) {
        let named = |member: &Member| Address::new(member.name.clone(), &member.host);
        let only = |these: &State, those: &State| -> Vec<(PeerId, Address)> {
            let these = these.members.iter().filter(|(key, _)| !those.is_member(key));
            these.map(|(key, member)| (*key, named(member))).collect()
        };
        let (came, gone) = (only(state, before), only(before, state));
        let (kicked, left): (Vec<_>, Vec<_>) =
            gone.into_iter().partition(|(key, _)| state.kicked.contains(key));
        let of =
            |key: &PeerId| state.members.get(key).or_else(|| before.members.get(key)).map(named);
        let mut news = Vec::new();
        if !came.is_empty() || !left.is_empty() {
            let names = |all: Vec<(PeerId, Address)>| all.into_iter().map(|(_, who)| who).collect();
            news.push(RoomNews::Moved { came: names(came), left: names(left) });
        }
        news.extend(kicked.into_iter().map(|(_, who)| RoomNews::Kicked { who, us: false }));
        if before.owner != state.owner {
            news.push(RoomNews::Owner(state.owner.as_ref().and_then(of)));
        }
        if let Some(topic) = state.topic.as_ref().filter(|_| before.topic != state.topic) {
            news.push(RoomNews::Topic { text: topic.text.clone(), by: of(&topic.by) });
        }
        for (key, invitation) in &state.invitations {
            if !before.invitations.contains_key(key) {
                let who = Address::new(invitation.name.clone(), &invitation.host);
                news.push(RoomNews::Invited { who, by: of(&invitation.by) });
            }
        }
        news.into_iter().for_each(|news| self.tell_room(address, news));
    }

    /// What a member is called, who may have left.
    pub(super) fn member(&self, address: &Address, key: PeerId) -> Address {
        let room = self.gathering.rooms.get(address);
        let replica = room.and_then(|room| room.replica.as_ref());
        let log = replica.and_then(|replica| replica.log());
        let all = LogId { author: key, stay: 0 }..=LogId { author: key, stay: u64::MAX };
        let stays = log.into_iter().flat_map(|log| log.state().stays.range(all.clone()));
        let last = stays.max_by_key(|(_, stay)| stay.since_ms).map(|(log, _)| *log);
        let name = last.and_then(|last| log.and_then(|log| log.author(&last)));
        name.unwrap_or_else(|| address.clone())
    }
}
