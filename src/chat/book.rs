//! What somebody who is not in the chat wants of a contact, and what it comes to.
//!
//! `p2pchat contacts add`, `rename`, `verify` and `remove` say an [`Intent`], as it was typed. A [`Book`] is all
//! that is known of people; it makes a [`Change`] of the intent, or says why not. The chat that runs has one, and
//! so has whoever reads the disk without a chat: both decide alike.

use p2pchat_wire::identity::{Name, PeerId, ServerKey};
use serde::{Deserialize, Serialize};

use super::people::clash;
use super::safety::{Comparison, SafetyCode};
use super::storage::{Contact, Rendezvous, Snapshot, StoreRequest};
use super::{Address, LOCAL_HOST, Notice, Problem, Timestamp};

/// Who is meant: a nickname, a name, or a name and where it is from.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Whom {
    /// What was typed before the `@`.
    pub name: Name,
    /// The host of the rendezvous.
    pub host: Option<String>,
    /// Whether it is a room.
    pub is_room: bool,
}

impl Whom {
    /// Whoever is called so here, else everybody of that name, whatever their rendezvous.
    pub fn among<'a>(
        &self,
        contacts: impl Iterator<Item = &'a Contact> + Clone,
    ) -> Vec<&'a Contact> {
        let contacts = contacts.filter(|one| one.address.is_room == self.is_room);
        let named = |one: &&Contact| one.regard.nickname.as_ref() == Some(&self.name);
        if self.host.is_none()
            && let Some(one) = contacts.clone().find(named)
        {
            return vec![one];
        }
        let there = |address: &Address| {
            self.host.as_ref().is_none_or(|host| address.host.eq_ignore_ascii_case(host))
        };
        contacts.filter(|one| one.address.name == self.name && there(&one.address)).collect()
    }
}

/// What is wanted.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(tag = "intent", rename_all = "snake_case")]
pub enum Intent {
    /// To know somebody from now on. Whoever is known already gets what it has not.
    Add {
        /// Whom; at the first rendezvous if none is named.
        whom: Whom,
        /// The key that the rendezvous has to prove.
        server: Option<ServerKey>,
        /// The key that the contact has to prove.
        key: Option<PeerId>,
        /// What it is called here.
        nickname: Option<Name>,
    },
    /// To call somebody so here, or by its own name again.
    Rename {
        /// Whom.
        whom: Whom,
        /// How.
        nickname: Option<Name>,
    },
    /// To compare what the other side has read.
    Verify {
        /// Whose words they are.
        whom: Whom,
        /// Twelve words, or the text of a picture.
        read: String,
    },
    /// To forget somebody and everything that was said.
    Remove {
        /// Whom.
        whom: Whom,
        /// Also if something was said.
        sure: bool,
    },
}

/// What it comes to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Change {
    /// This is a contact from now on, perhaps as before but for a key or a nickname.
    Add {
        /// The contact.
        contact: Box<Contact>,
        /// Its rendezvous, if that is not known as it should be.
        rendezvous: Option<Rendezvous>,
    },
    /// It is called so here, or by its own name again.
    Rename {
        /// Who.
        peer: Address,
        /// How.
        nickname: Option<Name>,
    },
    /// Its key has been compared with the other side.
    Verify {
        /// Who.
        peer: Address,
        /// The key that was compared.
        key: PeerId,
    },
    /// It is a contact no longer.
    Remove {
        /// Who.
        peer: Address,
        /// Whether it is known that something was said, and does not matter.
        sure: bool,
    },
}

/// All that is known of people.
#[derive(Clone, Debug)]
pub struct Book<'a> {
    me: PeerId,
    name: Option<&'a Name>,
    /// Where somebody is who is named without a host.
    home: Option<&'a str>,
    contacts: Vec<&'a Contact>,
    rendezvous: Vec<&'a Rendezvous>,
}

impl<'a> Book<'a> {
    /// What somebody knows whose key is `me`, who is called `name` and is at home at `home`.
    #[must_use]
    pub fn new(me: PeerId, name: Option<&'a Name>, home: Option<&'a str>) -> Self {
        Self { me, name, home, contacts: Vec::new(), rendezvous: Vec::new() }
    }

    /// With what the disk has.
    #[must_use]
    pub fn read(self, snapshot: &'a Snapshot) -> Self {
        self.with(snapshot.contacts.iter(), snapshot.rendezvous.iter())
    }

    /// With these contacts and servers.
    #[must_use]
    pub(super) fn with(
        self,
        contacts: impl Iterator<Item = &'a Contact>,
        rendezvous: impl Iterator<Item = &'a Rendezvous>,
    ) -> Self {
        let contacts = contacts.filter(|one| !one.address.is_room).collect();
        Self { contacts, rendezvous: rendezvous.collect(), ..self }
    }

    /// What comes of an intent at `now`. A new contact's lines are numbered in `log`.
    ///
    /// # Errors
    ///
    /// What is to be told instead.
    pub fn decide(&self, intent: &Intent, now: Timestamp, log: u64) -> Result<Change, Box<Notice>> {
        let refused = |problem| Box::new(Notice::Refused { reference: None, problem });
        match intent {
            Intent::Add { whom, server, key, nickname } => {
                let stated = (*key, nickname.clone());
                self.add(whom, *server, stated, now, log).map_err(refused)
            }
            Intent::Rename { whom, nickname } => {
                let peer = self.only(whom).map_err(refused)?.address.clone();
                self.rename(peer, nickname.clone()).map_err(refused)
            }
            Intent::Verify { whom, read } => self.verify(whom, read),
            Intent::Remove { whom, sure } => {
                let peer = self.only(whom).map_err(refused)?.address.clone();
                Ok(Change::Remove { peer, sure: *sure })
            }
        }
    }

    /// The one who is meant.
    ///
    /// # Errors
    ///
    /// It is nobody, or several are.
    pub fn only(&self, whom: &Whom) -> Result<&'a Contact, Problem> {
        match whom.among(self.contacts.iter().copied()).as_slice() {
            [] => Err(Problem::Nobody(whom.name.clone())),
            [one] => Ok(one),
            several => {
                Err(Problem::Ambiguous(several.iter().map(|one| one.address.clone()).collect()))
            }
        }
    }

    /// The key that is compared.
    ///
    /// # Errors
    ///
    /// There is none, or two.
    pub fn key(contact: &Contact) -> Result<PeerId, Problem> {
        match (contact.key, contact.offered) {
            (Some(expected), Some(actual)) => {
                Err(Problem::KeyChanged { peer: contact.address.clone(), expected, actual })
            }
            (Some(key), None) => Ok(key),
            (None, _) => Err(Problem::NothingToVerify(contact.address.clone())),
        }
    }

    /// A contact's nickname, if nobody else can be taken for it.
    pub(super) fn rename(&self, peer: Address, nickname: Option<Name>) -> Result<Change, Problem> {
        let nickname = self.nickname(&peer, nickname)?;
        Ok(Change::Rename { peer, nickname })
    }

    fn nickname(&self, whose: &Address, nickname: Option<Name>) -> Result<Option<Name>, Problem> {
        // Called by its own name, it has no other.
        let Some(name) = nickname.filter(|nickname| *nickname != whose.name) else {
            return Ok(None);
        };
        if self.name == Some(&name) {
            return Err(Problem::Yourself);
        }
        match clash(self.contacts.iter().copied(), whose, &name) {
            Some(by) => Err(Problem::NameInUse { name, by }),
            None => Ok(Some(name)),
        }
    }

    fn add(
        &self,
        whom: &Whom,
        server: Option<ServerKey>,
        (key, nickname): (Option<PeerId>, Option<Name>),
        now: Timestamp,
        log: u64,
    ) -> Result<Change, Problem> {
        if key == Some(self.me) || self.name == Some(&whom.name) {
            return Err(Problem::Yourself);
        }
        let host = whom.host.as_deref().or(self.home);
        let host = host.ok_or_else(|| Problem::WhichRendezvous(whom.name.clone()))?;
        let (host, rendezvous) = self.place(host, server)?;
        let address = Address::new(whom.name.clone(), &host);
        let known = self.contacts.iter().find(|one| one.address == address);
        let pinned = known.and_then(|one| one.key);
        if let (Some(pinned), Some(key)) = (pinned, key)
            && pinned != key
        {
            return Err(Problem::OtherKey { peer: Box::new(address), pinned, key });
        }
        // Whose key was told by the person itself is nobody else, whatever the name looks like.
        if known.is_none()
            && key.is_none()
            && let Some(like) = alike(self.contacts.iter().copied(), &whom.name)
        {
            return Err(Problem::LooksLike { peer: address, like: Box::new(like) });
        }
        let mut contact = match known {
            Some(known) => (*known).clone(),
            None => Contact::new(address, log),
        };
        if let (None, Some(key)) = (contact.key, key) {
            (contact.key, contact.since) = (Some(key), now);
        }
        if nickname.is_some() {
            contact.regard.nickname = self.nickname(&contact.address, nickname)?;
        }
        Ok(Change::Add { contact: Box::new(contact), rendezvous })
    }

    /// How the rendezvous of this host is written, and how it is known from now on if that is news.
    fn place(
        &self,
        host: &str,
        said: Option<ServerKey>,
    ) -> Result<(String, Option<Rendezvous>), Problem> {
        if host.eq_ignore_ascii_case(LOCAL_HOST) {
            return Ok((LOCAL_HOST.to_owned(), None));
        }
        let mut known = self.rendezvous.iter().copied();
        let Some(known) = known.find(|one| one.host.eq_ignore_ascii_case(host)) else {
            let new = Rendezvous { key: said, ..Rendezvous::new(host) };
            return Ok((host.to_owned(), Some(new)));
        };
        let host = known.host.clone();
        match (known.key, said) {
            (Some(known), Some(said)) if known != said => {
                Err(Problem::OtherServerKey { host, known, said })
            }
            (None, Some(_)) => Ok((host, Some(Rendezvous { key: said, ..known.clone() }))),
            _ => Ok((host, None)),
        }
    }

    fn verify(&self, whom: &Whom, read: &str) -> Result<Change, Box<Notice>> {
        let refused = |problem| Box::new(Notice::Refused { reference: None, problem });
        let contact = self.only(whom).map_err(refused)?;
        let key = Self::key(contact).map_err(refused)?;
        let peer = contact.address.clone();
        match SafetyCode::new(&self.me, &key).compare(read, &self.me, &key) {
            Comparison::Same => Ok(Change::Verify { peer, key }),
            Comparison::Other => Err(Box::new(Notice::NotTheSame { peer, key })),
            Comparison::Unreadable => Err(refused(Problem::NoCode)),
        }
    }
}

/// Another contact who can be taken for somebody of this name: by its name, if that is another one, or by
/// what it is called here.
pub(super) fn alike<'a>(
    mut contacts: impl Iterator<Item = &'a Contact>,
    name: &Name,
) -> Option<Address> {
    let looks = name.skeleton();
    let alike = |other: &Name| other != name && other.skeleton() == looks;
    let named = |other: &Name| other.skeleton() == looks;
    let like = contacts
        .find(|one| alike(&one.address.name) || one.regard.nickname.as_ref().is_some_and(named));
    like.map(|one| one.address.clone())
}

impl Change {
    /// What is told of it once it is on the disk.
    #[must_use]
    pub fn told(&self) -> Notice {
        match self.clone() {
            Self::Add { contact, .. } => Notice::Added(contact),
            Self::Rename { peer, nickname } => Notice::Renamed { peer, nickname },
            Self::Verify { peer, key } => Notice::Verified { peer, key },
            Self::Remove { peer, .. } => Notice::Removed(peer),
        }
    }

    /// Makes it, as far as it is about what a contact is like.
    pub(super) fn make(&self, contact: &mut Contact) {
        match self {
            Self::Rename { nickname, .. } => contact.regard.nickname.clone_from(nickname),
            Self::Verify { .. } => contact.verified = true,
            Self::Add { .. } | Self::Remove { .. } => {}
        }
    }

    /// What the disk of `snapshot` has to do where no chat runs.
    #[must_use]
    pub fn requests(&self, snapshot: &Snapshot) -> Vec<StoreRequest> {
        match self {
            Self::Add { contact, rendezvous } => {
                let forget = StoreRequest::ForgetRequest(contact.address.clone());
                let save = StoreRequest::SaveContact((**contact).clone());
                let know = rendezvous.clone().map(StoreRequest::SaveRendezvous);
                [forget, save].into_iter().chain(know).collect()
            }
            Self::Rename { peer, .. } | Self::Verify { peer, .. } => {
                let meant = snapshot.contacts.iter().find(|one| one.address == *peer);
                let changed = meant.cloned().map(|mut contact| {
                    self.make(&mut contact);
                    StoreRequest::SaveContact(contact)
                });
                changed.into_iter().collect()
            }
            Self::Remove { peer, .. } => vec![StoreRequest::RemoveContact(peer.clone())],
        }
    }
}
