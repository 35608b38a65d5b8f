//! How a person wants to deal with others: what they are called here, and who is not to be heard.
//!
//! None of it is told to anybody. Whoever is *blocked* is not answered, and finds us as if we were
//! not there. The lines of whoever is *ignored* arrive, are confirmed and kept, and are not shown by
//! themselves. Whoever is *muted* is shown like everybody else, and nobody is called to the screen for
//! it.

use std::collections::BTreeMap;
use std::sync::Arc;

use p2pchat_wire::identity::{Name, PeerId};
use serde::{Deserialize, Serialize};

use super::command::{self, PeopleCommand};
use super::files::FileRule;
use super::inviting::Accepting;
use super::{Address, Asked, Chat, Contact, Effect, Notice, Problem, Timestamp};
use crate::proto::Command;

/// How a person wants to deal with a contact.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Regard {
    /// What the contact is called here.
    pub nickname: Option<Name>,
    /// Nothing is heard of it, and it hears nothing of us.
    pub blocked: bool,
    /// What it says is kept, and not shown by itself.
    pub ignored: bool,
    /// Nobody is called to the screen for it before this moment; [`Timestamp::MAX`] is for ever.
    pub muted_until: Option<Timestamp>,
    /// What becomes of the files that it offers.
    pub files: FileRule,
}

impl Regard {
    /// Whether what it says is not shown by itself.
    #[must_use]
    pub fn is_unheard(&self) -> bool {
        self.blocked || self.ignored
    }

    /// Whether nobody is to be called to the screen at `now`.
    #[must_use]
    pub fn is_quiet(&self, now: Timestamp) -> bool {
        self.blocked || self.ignored || self.muted_until.is_some_and(|until| until > now)
    }
}

/// What somebody is kept from doing.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum Limit {
    /// To reach us at all.
    Blocked,
    /// To be shown.
    Ignored,
    /// To be noticed.
    Muted,
}

impl Limit {
    /// The word that programs see.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Ignored => "ignored",
            Self::Muted => "muted",
        }
    }

    fn holds(self, regard: &Regard, now: Timestamp) -> bool {
        match self {
            Self::Blocked => regard.blocked,
            Self::Ignored => regard.ignored,
            Self::Muted => regard.muted_until.is_some_and(|until| until > now),
        }
    }
}

/// What contacts are called here. A clone is another handle on the same names.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Nicknames(Arc<BTreeMap<Address, Name>>);

impl Nicknames {
    /// What a contact is called here, if that is another name than its own.
    #[must_use]
    pub fn of(&self, address: &Address) -> Option<&Name> {
        self.0.get(address)
    }

    /// Whether some contact is called so.
    #[must_use]
    pub fn are_about(&self, name: &Name) -> bool {
        self.0.values().any(|nickname| nickname == name)
    }

    /// Everybody who is called otherwise than by its own name, and how.
    pub fn iter(&self) -> impl Iterator<Item = (&Address, &Name)> {
        self.0.iter()
    }

    /// Who is called so.
    pub(super) fn find(&self, name: &Name) -> Option<&Address> {
        self.0.iter().find(|(_, nickname)| *nickname == name).map(|(address, _)| address)
    }

    pub(super) fn set(&mut self, address: &Address, nickname: Option<Name>) {
        let names = Arc::make_mut(&mut self.0);
        match nickname {
            Some(nickname) => names.insert(address.clone(), nickname),
            None => names.remove(address),
        };
    }
}

impl FromIterator<(Address, Name)> for Nicknames {
    fn from_iter<I: IntoIterator<Item = (Address, Name)>>(names: I) -> Self {
        Self(Arc::new(names.into_iter().collect()))
    }
}

/// Why a contact cannot be called so: somebody else is, or has the name, or one that looks like it.
/// Two people who are called the same are one mistake away from a line to the wrong one.
#[must_use]
pub fn clash<'a>(
    contacts: impl Iterator<Item = &'a Contact>,
    whose: &Address,
    nickname: &Name,
) -> Option<Address> {
    let looks = nickname.skeleton();
    let same = |name: &Name| name == nickname || name.skeleton() == looks;
    let mut others = contacts.filter(|one| one.address != *whose);
    let clash = others
        .find(|one| same(&one.address.name) || one.regard.nickname.as_ref().is_some_and(same))?;
    Some(clash.address.clone())
}

impl Chat {
    pub(super) fn obey_about_people(&mut self, command: PeopleCommand) {
        match command {
            PeopleCommand::Rename { peer, nickname } => self.rename(peer, nickname),
            PeopleCommand::Invite(asking) => self.give_invitation(asking),
            PeopleCommand::Limit { peer, limit, on } => self.limit(peer, limit, on),
            PeopleCommand::Mute { peer, milliseconds } => {
                let until = milliseconds.map(|time| Timestamp(self.now.0.saturating_add(time)));
                let until = until.unwrap_or(Timestamp::MAX).min(Timestamp::MAX);
                self.mute(peer, Some(until));
            }
            PeopleCommand::Limited(limit) => {
                let now = self.now;
                let here = self.conversations.values().map(|one| one.to_save());
                let all = here.chain(self.elsewhere.iter().cloned());
                let all = all.filter(|one| limit.holds(&one.regard, now)).collect();
                self.answer(Notice::Limited { limit, contacts: all });
            }
            PeopleCommand::Verify { peer, answer } => self.verify(peer, answer),
            PeopleCommand::Requests => self.show_requests(),
            PeopleCommand::Accept(Accepting::Request(typed)) => self.accept(typed.as_deref()),
            PeopleCommand::Accept(Accepting::Code { number, words, host }) => {
                self.accept_code(number, &words, host.as_deref());
            }
            PeopleCommand::Accept(Accepting::Link(link)) => self.accept_link(&link),
            PeopleCommand::Reject(typed) => self.reject(typed.as_deref()),
        }
    }

    /// Everybody whom we know, wherever.
    pub(super) fn everybody(&self) -> impl Iterator<Item = &Contact> {
        self.conversations.values().map(|one| &one.contact).chain(&self.elsewhere)
    }

    /// What contacts are called here.
    #[must_use]
    pub fn nicknames(&self) -> &Nicknames {
        &self.nicknames
    }

    fn limit(&mut self, peer: Address, limit: Limit, on: bool) {
        if let Limit::Muted = limit {
            return self.mute(peer, None);
        }
        if self.config.name.as_ref() == Some(&peer.name) {
            return self.refuse(None, Problem::Yourself);
        }
        let member = self.member_key(&peer);
        let is_known = self.conversations.contains_key(&peer) || member.is_some();
        // Whoever calls by a name can be blocked before that.
        let blocks = limit == Limit::Blocked && on;
        if !is_known && !blocks {
            return self.refuse(None, Problem::NoContact(peer));
        }
        let requested = self.take_request(&peer).or(member);
        let now = self.now;
        let contact = &mut self.conversation(&peer).contact;
        if let (Some(key), None) = (requested, contact.key) {
            (contact.key, contact.since) = (Some(key), now);
        }
        let (regard, has_key) = (&mut contact.regard, contact.key.is_some());
        match limit {
            Limit::Blocked => regard.blocked = on,
            Limit::Ignored | Limit::Muted => regard.ignored = on,
        }
        self.save_contact(&peer, Asked::Contact);
        if let Limit::Blocked = limit {
            self.blocked(&peer, on);
        }
        self.show(Notice::Limit { peer, limit, until: None, on, has_key });
    }

    fn mute(&mut self, peer: Address, until: Option<Timestamp>) {
        let (member, now) = (self.member_key(&peer), self.now);
        if !self.conversations.contains_key(&peer) && member.is_none() {
            return self.refuse(None, Problem::NoContact(peer));
        }
        let contact = &mut self.conversation(&peer).contact;
        if let (Some(key), None) = (member, contact.key) {
            (contact.key, contact.since) = (Some(key), now);
        }
        contact.regard.muted_until = until;
        let has_key = contact.key.is_some();
        self.save_contact(&peer, Asked::Contact);
        let limit = Limit::Muted;
        self.show(Notice::Limit { peer, limit, until, on: until.is_some(), has_key });
    }

    /// Somebody is blocked from now on, or no longer. It is the key that is not answered, under
    /// whatever name it comes.
    fn blocked(&mut self, address: &Address, on: bool) {
        let Some(conversation) = self.conversations.get_mut(address) else { return };
        if on {
            conversation.wanted = false;
            self.close_everywhere(address);
            self.hang_up(address);
        }
        self.tell_blocked();
        if !on {
            self.want(address);
        }
    }

    /// Tells the network whom it is not to answer.
    pub(super) fn tell_blocked(&mut self) {
        let keys = self.everybody().filter(|one| one.regard.blocked);
        let keys = keys.flat_map(|one| [one.key, one.offered]).flatten();
        let keys: Vec<PeerId> = keys.chain(self.requests.unanswered()).collect();
        self.effects.push_back(Effect::Network(Command::Block(keys)));
    }

    /// Somebody blocked is there nonetheless: blocked by a name whose key was not known, or under
    /// another name than the one that was blocked.
    pub(super) fn turn_away(&mut self, key: PeerId, address: &Address) {
        if let Some(conversation) = self.conversations.get_mut(address)
            && conversation.contact.key.is_none()
        {
            conversation.contact.key = Some(key);
            conversation.contact.since = self.now;
            self.save_contact(address, Asked::Contact);
            self.tell_blocked();
        }
        self.hang_up(address);
    }

    /// Whether what somebody says is not shown by itself.
    pub(super) fn is_ignored(&self, address: &Address) -> bool {
        self.conversations.get(address).is_some_and(|one| one.contact.regard.ignored)
    }

    /// Whether what somebody says in a room is not shown by itself.
    pub(super) fn is_hidden(&self, key: PeerId, who: &Address) -> bool {
        self.regards_in_rooms(key, who).any(Regard::is_unheard)
    }

    /// Whether nobody is to be called to the screen for what somebody says in a room.
    pub(super) fn is_quiet_in_rooms(&self, key: PeerId, who: &Address) -> bool {
        self.regards_in_rooms(key, who).any(|regard| regard.is_quiet(self.now))
    }

    /// How the person wants to deal with a member of a room: whom we know is known by the key, whatever
    /// name it takes there.
    fn regards_in_rooms(&self, key: PeerId, who: &Address) -> impl Iterator<Item = &Regard> {
        let is = move |one: &&Contact| match one.key {
            Some(known) => known == key,
            None => one.address == *who,
        };
        self.everybody().filter(is).map(|one| &one.regard)
    }

    /// Whether whoever has this key or this address is not to be heard.
    pub(super) fn is_blocked(&self, key: PeerId, address: &Address) -> bool {
        let blocked = |one: &Contact| one.regard.blocked;
        let by_name = self.conversations.get(address).is_some_and(|one| blocked(&one.contact));
        by_name || self.everybody().any(|one| one.key == Some(key) && blocked(one))
    }
}

/// Reads how long somebody is muted: `2h`, `30m`, `3d`, `1w`; in milliseconds.
pub(super) fn milliseconds(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let unit: u64 = match unit {
        "m" | "min" | "分" | "分钟" => 60,
        "h" | "小时" => 3_600,
        "d" | "天" => 86_400,
        "w" | "周" => 7 * 86_400,
        _ => return None,
    };
    let number: u64 = number.parse().ok().filter(|number| *number > 0)?;
    number.checked_mul(unit)?.checked_mul(1_000)
}

/// The name that a nickname is typed as.
pub(super) fn nickname(typed: &str) -> Result<Name, Problem> {
    command::name_and_host(typed).and_then(|(name, host)| match host {
        None => Ok(name),
        Some(_) => Err(Problem::HostInNickname),
    })
}
