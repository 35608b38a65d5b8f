//! What a person wants done about rooms.

use std::collections::BTreeSet;

use p2pchat_wire::identity::PeerId;

use super::super::command::RoomCommand;
use super::super::room::Act;
use super::super::{Address, Chat, Notice, Problem};
use super::news::{Attendee, RoomNews};
use super::saying::Said;

impl Chat {
    pub(in crate::chat) fn obey_about_rooms(&mut self, command: RoomCommand) {
        let done = match command {
            RoomCommand::Join { room, access, keep } => {
                self.join_room(room, Some(access), keep);
                Ok(())
            }
            RoomCommand::Leave(room) => self.meant_room(room).map(|room| self.leave_room(&room)),
            RoomCommand::Topic { room, text } => {
                self.meant_room(room).and_then(|room| match text {
                    Some(text) => self.act_in_room(&room, Act::Topic(text)),
                    None => self.show_room(&room),
                })
            }
            RoomCommand::Kick { room, name } => {
                self.meant_room(room).and_then(|room| self.kick_from_room(&room, &name))
            }
            RoomCommand::Invite { room, who } => self.invite_into_room(&room, &who),
            RoomCommand::Rooms => self.show_rooms(),
            RoomCommand::Members(room) => {
                self.meant_room(room).and_then(|room| self.show_members(&room))
            }
            RoomCommand::Info { room, number } => {
                self.meant_room(room).and_then(|room| self.show_receipts(&room, number))
            }
        };
        if let Err(problem) = done {
            self.refuse(None, problem);
        }
    }

    /// The room that is named, or the one that is open.
    fn meant_room(&self, room: Option<Address>) -> Result<Address, Problem> {
        let open = || self.faces.asking().current.clone().filter(|current| current.is_room);
        room.or_else(open).ok_or(Problem::WhichRoom)
    }

    /// The key of somebody who is in a room of ours, if only one there has this name.
    pub(in crate::chat) fn member_key(&self, who: &Address) -> Option<PeerId> {
        let states = self.gathering.rooms.values().filter_map(|room| room.state());
        let members = states.flat_map(|state| &state.members);
        let named = members.filter(|(_, one)| one.name == who.name && one.host == who.host);
        let keys: BTreeSet<PeerId> = named.map(|(key, _)| *key).collect();
        keys.first().copied().filter(|key| keys.len() == 1 && *key != self.config.key)
    }

    /// The member whom a person calls so.
    pub(super) fn member_called(&self, address: &Address, name: &str) -> Option<PeerId> {
        let state = self.gathering.rooms.get(address).and_then(|room| room.state())?;
        let bare = name.trim_start_matches(['@', '＠']);
        let mut members = state.members.iter();
        let meant = members.find(|(_, member)| {
            member.name.as_str() == bare || format!("{}@{}", member.name, member.host) == bare
        });
        meant.map(|(key, _)| *key)
    }

    /// A member lets somebody in whose key is known here, as a contact or from another room.
    fn invite_into_room(&mut self, address: &Address, who: &Address) -> Result<(), Problem> {
        let contact = self.conversations.get(who).map(|one| &one.contact);
        let is_in_doubt = contact.is_some_and(|contact| contact.offered.is_some());
        let key = contact.and_then(|contact| contact.key).or_else(|| self.member_key(who));
        let key = key.filter(|_| !is_in_doubt);
        let key = key.ok_or_else(|| Problem::NoKeyToInvite(who.clone()))?;
        let (name, host) = (who.name.clone(), who.host.clone());
        self.act_in_room(address, Act::Invite { key, name, host })
    }

    fn show_rooms(&mut self) -> Result<(), Problem> {
        let rooms = self.gathering.rooms.iter().filter(|(_, room)| room.is_wanted());
        let rooms: Vec<Address> = rooms.map(|(address, _)| address.clone()).collect();
        if rooms.is_empty() {
            return Err(Problem::NoRooms);
        }
        rooms.iter().try_for_each(|room| self.show_room(room))
    }

    /// Says how many are in a room, and what it is about.
    fn show_room(&mut self, address: &Address) -> Result<(), Problem> {
        let room = self.gathering.rooms.get(address).filter(|room| room.is_wanted());
        let room = room.ok_or_else(|| Problem::NotInRoom(address.clone()))?;
        let topic = room.state().and_then(|state| state.topic.as_ref());
        let topic = topic.map(|topic| topic.text.clone());
        let is_in = room.replica.as_ref().is_some_and(|replica| replica.is_member());
        let members = self.members(address).unwrap_or_default();
        let here = members.iter().filter(|member| member.is_here).count();
        let unread = self.unread_in(address);
        let news = RoomNews::Summary { members: members.len(), here, is_in, topic, unread };
        self.answer(Notice::Room { room: address.clone(), news });
        Ok(())
    }

    /// How many lines of a room nobody here has seen yet.
    pub(super) fn unread_in(&self, address: &Address) -> u64 {
        self.conversations.get(address).map_or(0, |one| one.contact.unread)
    }

    /// Who is in a room, by name; `None` if we know of no such room.
    #[must_use]
    pub fn members(&self, address: &Address) -> Option<Vec<Attendee>> {
        let room = self.gathering.rooms.get(address)?;
        let state = room.state()?;
        let attendee = |(key, member): (&_, &super::super::room::Member)| Attendee {
            who: Address::new(member.name.clone(), &member.host),
            key: *key,
            is_owner: state.owner == Some(*key),
            is_us: *key == self.config.key,
            is_here: *key == self.config.key || room.met.contains(key),
        };
        let mut members: Vec<Attendee> = state.members.iter().map(attendee).collect();
        members.sort_by(|one, other| one.who.cmp(&other.who));
        Some(members)
    }

    /// Says how many are in a room, and connected, if that is not what was said last.
    pub(super) fn tell_who_is_here(&mut self, address: &Address) {
        let Some(members) = self.members(address) else { return };
        if !members.iter().any(|member| member.is_us) {
            return;
        }
        let here = members.iter().filter(|member| member.is_here).count();
        let counts = (members.len(), here);
        let room = self.gathering.rooms.get_mut(address);
        if room.is_some_and(|room| room.told.replace(counts) != Some(counts)) {
            self.tell_room(address, RoomNews::Here { members: counts.0, here });
        }
    }

    /// Says who is in a room.
    pub(in crate::chat) fn show_members(&mut self, address: &Address) -> Result<(), Problem> {
        let members = self.members(address).ok_or_else(|| Problem::NotInRoom(address.clone()))?;
        self.answer(Notice::Room { room: address.clone(), news: RoomNews::Members(members) });
        Ok(())
    }

    /// Says who has a line of ours, counted back from the last one.
    fn show_receipts(&mut self, address: &Address, number: usize) -> Result<(), Problem> {
        let room = self.gathering.rooms.get(address);
        let room = room.ok_or_else(|| Problem::NotInRoom(address.clone()))?;
        let said = room.said.iter().rev().nth(number.saturating_sub(1));
        let &Said { id, stay, seq, .. } = said.ok_or(Problem::NoSuchLine)?;
        let receipts = room.replica.as_ref().map(|replica| replica.receipts(stay, seq));
        let (has, waits) = receipts.unwrap_or_default();
        let names = |keys: Vec<_>| keys.into_iter().map(|key| self.member(address, key)).collect();
        let news = RoomNews::Receipts { id, has: names(has), waits: names(waits) };
        self.answer(Notice::Room { room: address.clone(), news });
        Ok(())
    }
}
