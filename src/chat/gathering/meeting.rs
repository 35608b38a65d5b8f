//! Whom we are connected with because of a room.

use p2pchat_wire::identity::PeerId;

use super::super::record::Record;
use super::super::rooms::{RoomRecord, Says};
use super::super::{Address, Chat};
use super::Here;
use crate::chat::rooms::Denial;
use crate::proto::{Command, PathInfo};

impl Chat {
    /// Whether somebody is a member of a room of ours, or is said to be there.
    pub(in crate::chat) fn is_companion(&self, key: PeerId) -> bool {
        self.gathering.rooms.values().any(|room| room.concerns(&key))
    }

    /// Whether the endpoint connects to somebody only because of a room.
    pub(in crate::chat) fn was_called_for_a_room(&self, address: &Address) -> bool {
        self.gathering.called.contains(address)
    }

    /// There is a session with somebody, be it a contact or not.
    pub(in crate::chat) fn meet(&mut self, key: PeerId, address: Address, path: PathInfo) {
        self.gathering.here.insert(key, Here { address, path });
        let concerned = self.gathering.rooms.iter().filter(|(_, room)| room.concerns(&key));
        let concerned: Vec<Address> = concerned.map(|(address, _)| address.clone()).collect();
        for address in concerned {
            self.meet_all(&address);
        }
    }

    pub(in crate::chat) fn companion_moved(&mut self, key: PeerId, path: PathInfo) {
        if let Some(here) = self.gathering.here.get_mut(&key) {
            here.path = path;
        }
    }

    /// A session has ended.
    pub(in crate::chat) fn part(&mut self, key: PeerId) {
        if let Some(here) = self.gathering.here.remove(&key) {
            // To be called again, should the room still want that.
            self.gathering.called.remove(&here.address);
        }
        let rooms = self.gathering.rooms.iter_mut();
        let met =
            rooms.filter_map(|(address, room)| room.met.remove(&key).then(|| address.clone()));
        for address in met.collect::<Vec<_>>() {
            self.with_room(&address, |replica, _| replica.handle_disconnected(key));
            self.tell_who_is_here(&address);
        }
    }

    /// The session that there is with whoever has this name, and is no contact yet.
    pub(in crate::chat) fn companion_called(
        &self,
        address: &Address,
    ) -> Option<(PeerId, PathInfo)> {
        let mut here = self.gathering.here.iter();
        let found =
            here.find(|(key, here)| here.address == *address && !self.sessions.contains_key(key))?;
        Some((*found.0, found.1.path))
    }

    /// The name of somebody with whom there is a session.
    pub(in crate::chat) fn companion(&self, key: PeerId) -> Option<(Address, PathInfo)> {
        let here = self.gathering.here.get(&key)?;
        Some((here.address.clone(), here.path))
    }

    /// Lets a room know everybody who is connected and concerns it.
    pub(super) fn meet_all(&mut self, address: &Address) {
        self.find_among_callers(address);
        let Some(room) = self.gathering.rooms.get_mut(address) else { return };
        if room.replica.is_none() {
            return;
        }
        let here = self.gathering.here.keys().copied();
        let new: Vec<PeerId> =
            here.filter(|key| room.concerns(key) && !room.met.contains(key)).collect();
        room.met.extend(&new);
        for key in new {
            self.with_room(address, |replica, now| replica.handle_connected(now, key));
        }
        self.tell_who_is_here(address);
    }

    /// Whoever waits for us to accept him may be a member: that is for the room to say, and changes nothing
    /// about what he has asked.
    fn find_among_callers(&mut self, address: &Address) {
        let Some(room) = self.gathering.rooms.get(address) else { return };
        let callers = self.requests.callers().filter(|(key, ..)| room.concerns(key));
        let callers = callers.map(|(key, address, path)| (key, Here { address, path }));
        for (key, caller) in callers.collect::<Vec<_>>() {
            self.gathering.here.entry(key).or_insert(caller);
        }
    }

    /// Calls everybody who is in a room, as the server says or the room itself.
    pub(super) fn call_people(&mut self, address: &Address) {
        let is_open = |room: &&super::Room| room.is_wanted() || room.leaves_at.is_some();
        let Some(room) = self.gathering.rooms.get(address).filter(is_open) else {
            return;
        };
        let told = room.people.iter().map(|(key, name)| (*key, name.clone()));
        let members = room.state().into_iter().flat_map(|state| &state.members);
        let members = members.filter(|(_, member)| member.host == address.host);
        let all = told.chain(members.map(|(key, member)| (*key, member.name.clone())));
        let away = all
            .filter(|(key, _)| *key != self.config.key && !self.gathering.here.contains_key(key));
        let away: Vec<Address> = away.map(|(_, name)| Address::new(name, &address.host)).collect();
        for whom in away {
            let known = self.conversations.get(&whom);
            let unwelcome = known
                .is_some_and(|one| one.contact.regard.blocked || one.contact.offered.is_some());
            let is_us = self.config.name.as_ref() == Some(&whom.name);
            if !unwelcome && !is_us && self.gathering.called.insert(whom.clone()) {
                let name = self.servers.peer_name(&whom);
                name.into_iter().for_each(|name| self.command(Command::Connect(name)));
            }
        }
    }

    /// Ends the sessions that only a room was good for, when it is so no longer.
    pub(super) fn hang_up_on_strangers(&mut self) {
        let here = self.gathering.here.iter();
        let idle = here.filter(|(key, _)| !self.sessions.contains_key(key));
        let idle = idle.filter(|(key, _)| !self.is_companion(**key));
        let mut gone: Vec<Address> = idle.map(|(_, here)| here.address.clone()).collect();
        let called = self.gathering.called.iter();
        let wanted = |address: &Address| {
            self.gathering.rooms.values().any(|room| {
                room.people.values().any(|name| *name == address.name)
                    || room.state().is_some_and(|state| {
                        state.members.values().any(|member| member.name == address.name)
                    })
            })
        };
        gone.extend(called.filter(|address| !wanted(address)).cloned());
        for address in gone {
            self.gathering.called.remove(&address);
            let talks = |address| {
                self.conversations
                    .get(address)
                    .is_some_and(|one| one.wanted || one.session.is_some())
            };
            if !talks(&address) {
                self.hang_up(&address);
            }
        }
    }

    /// We are not reachable any more.
    pub(in crate::chat) fn forget_calls(&mut self) -> Vec<Address> {
        let here = self.gathering.here.values().map(|here| here.address.clone());
        let all = here.chain(std::mem::take(&mut self.gathering.called));
        all.collect()
    }

    /// Somebody says something about a room.
    pub(in crate::chat) fn room_record(&mut self, from: PeerId, record: RoomRecord) {
        let of = self.gathering.rooms.iter().find(|(_, room)| room.id() == Some(record.room));
        let Some((address, room)) = of else {
            let answers = matches!(record.says, Says::Have { .. } | Says::Digest { .. });
            if answers {
                let says = Says::Denied(Denial::Unknown);
                self.say(from, &Record::Room(RoomRecord { room: record.room, says }));
            }
            return;
        };
        let (address, is_new) = (address.clone(), !room.met.contains(&from));
        if is_new {
            // The server has not told us of a newcomer, or that word is still on its way.
            if let Some(room) = self.gathering.rooms.get_mut(&address) {
                room.met.insert(from);
            }
        }
        self.with_room(&address, |replica, now| replica.handle_record(now, from, record));
        self.tell_who_is_here(&address);
    }
}
