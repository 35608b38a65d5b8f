//! Members who call themselves what somebody else is called.
//!
//! A member says himself what he is called, and what he signs is his whatever that is. A room could refuse
//! a name that another member has; but then whoever dates his coming back could take somebody's name
//! and with it his place. So both are in the room, and a person is told.

use p2pchat_wire::identity::PeerId;

use super::super::room::State;
use super::super::{Address, Chat};
use super::RoomNews;

impl Chat {
    /// Warns of everybody who is new in a room, or newly called so, and has the name of a contact or of
    /// another member, and another key.
    pub(super) fn tell_namesakes(
        &mut self,
        address: &Address,
        before: Option<&State>,
        state: &State,
    ) {
        let named = |state: &State, key: &PeerId| {
            let member = state.members.get(key)?;
            Some(Address::new(member.name.clone(), &member.host))
        };
        let is_new =
            |key: &PeerId| before.and_then(|before| named(before, key)) != named(state, key);
        let mut news = Vec::new();
        for (key, member) in state.members.iter().filter(|(key, _)| **key != self.config.key) {
            let who = Address::new(member.name.clone(), &member.host);
            let contact = self.known_key(&who);
            let mut others = state.members.iter().filter(|(other, one)| {
                let was_first = !is_new(other) || one.arrival < member.arrival;
                *other != key && was_first && named(state, other).as_ref() == Some(&who)
            });
            let known = contact.or_else(|| others.next().map(|(other, _)| *other));
            if let Some(known) = known.filter(|known| known != key && is_new(key)) {
                news.push(RoomNews::Namesake { who, key: *key, known });
            }
        }
        news.into_iter().for_each(|news| self.tell_room(address, news));
    }

    /// Whether somebody who says something in a room has another key than whom we know by that name:
    /// ourselves, a contact, or else the one of several members who had the name first.
    pub(in crate::chat) fn is_namesake(&self, room: &Address, key: PeerId, who: &Address) -> bool {
        if let Some(known) = self.known_key(who) {
            return known != key;
        }
        let Some(state) = self.gathering.rooms.get(room).and_then(|room| room.state()) else {
            return false;
        };
        let members = state.members.iter();
        let named = members.filter(|(_, one)| one.name == who.name && one.host == who.host);
        let ours = self.config.key;
        let first = named.min_by_key(|(key, one)| (**key != ours, one.arrival));
        // Of somebody who is not there any more, nobody knows whether he had the name first.
        let known = first.filter(|(first, _)| **first == ours || state.is_member(&key));
        known.is_some_and(|(first, _)| *first != key)
    }

    /// The key of a contact.
    fn known_key(&self, who: &Address) -> Option<PeerId> {
        self.conversations.get(who).and_then(|one| one.contact.key)
    }
}
