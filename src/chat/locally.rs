//! What the chat does in the local network, where contacts find each other without a server.

use std::collections::BTreeSet;

use p2pchat_wire::identity::Name;

use super::storage::{Rendezvous, StoreRequest};
use super::{Address, Asked, Chat, LOCAL_HOST, Notice};

/// What we and others were told.
#[derive(Debug, Default)]
pub(super) struct Locally {
    /// Our name as the network was told of us, and whether everybody there can read it.
    announced: Option<(Name, bool)>,
    /// For whom it was said that we look for them.
    sought: BTreeSet<Address>,
}

impl Locally {
    /// Nobody looks for this one any more.
    pub(super) fn seek_no_more(&mut self, address: &Address) {
        self.sought.remove(address);
    }
}

impl Chat {
    /// The local network is told of us, and whether everybody there can read who we are; with
    /// `None` it is told no longer.
    pub(super) fn announced(&mut self, visible: Option<bool>) {
        let now = self.config.name.clone().zip(visible);
        let news = self.locally.announced != now;
        self.locally.announced = now.clone();
        if news && self.servers.are_none() {
            match now {
                Some((name, visible)) => {
                    // The next run has this name too, as it has with a server.
                    let known = Rendezvous::new(LOCAL_HOST);
                    let known = Rendezvous { name: Some(name.clone()), used_at: self.now, ..known };
                    self.ask(StoreRequest::SaveRendezvous(known), Asked::Nothing);
                    let me = Address::new(name, LOCAL_HOST);
                    self.show(Notice::Announced { me, key: self.config.key, visible });
                }
                None => self.show(Notice::Unregistered),
            }
        }
        let wanted = self.conversations.iter().filter(|(_, one)| one.wanted);
        let wanted: Vec<Address> = wanted.map(|(address, _)| address.clone()).collect();
        wanted.iter().for_each(|address| self.tell_search(address));
    }

    /// Under which name the local network was told of us, where there is no server.
    pub(super) fn announced_as(&self) -> Option<Notice> {
        let (name, visible) = self.locally.announced.clone().filter(|_| self.servers.are_none())?;
        let me = Address::new(name, LOCAL_HOST);
        Some(Notice::Announced { me, key: self.config.key, visible })
    }

    /// Says once that we look for somebody in the local network, where there is nobody else to ask.
    pub(super) fn tell_search(&mut self, address: &Address) {
        let Some((_, visible)) = self.locally.announced else { return };
        let Some(conversation) = self.conversations.get(address) else { return };
        let only_here = address.host == LOCAL_HOST || self.servers.are_none();
        if only_here
            && conversation.wanted
            && conversation.session.is_none()
            && self.locally.sought.insert(address.clone())
        {
            let met = conversation.contact.key.is_some();
            self.show(Notice::Searching { peer: address.clone(), met, visible });
        }
    }
}
