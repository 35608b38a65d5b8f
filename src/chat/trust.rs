//! How far a contact's key can be trusted, and what a person decides about it.

use p2pchat_wire::identity::PeerId;
use serde::{Deserialize, Serialize};

use super::safety::{Answer, Comparison, SafetyCode, Wording};
use super::storage::Contact;
use super::{Address, Asked, Chat, Notice, Problem};

/// How far a key can be trusted.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub enum Trust {
    /// No key is known yet, or it was seen for the first time in this run: there is nothing that it
    /// could be compared with.
    #[default]
    New,
    /// It is the key that was there in earlier runs.
    Seen,
    /// A person has compared it with the other side.
    Verified,
    /// Another key came in its place, and nothing is sent until a person has decided.
    Changed,
}

impl Trust {
    /// How far `contact` can be trusted.
    #[must_use]
    pub fn of(contact: &Contact) -> Self {
        match (contact.offered, contact.key) {
            (Some(_), _) => Self::Changed,
            (None, Some(_)) if contact.verified => Self::Verified,
            (None, Some(_)) if !contact.is_new => Self::Seen,
            (None, _) => Self::New,
        }
    }

    /// One character for it.
    #[must_use]
    pub fn mark(self) -> char {
        match self {
            Self::New => '?',
            Self::Seen => '=',
            Self::Verified => 'V',
            Self::Changed => '!',
        }
    }

    /// The word that programs see.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Seen => "seen",
            Self::Verified => "verified",
            Self::Changed => "changed",
        }
    }
}

/// How many characters of a key /trust needs: eighty bits. Whoever wants another key with the same
/// beginning has to make 2^80 of them; for the eight characters of a tag, a night is enough.
pub const TRUSTED: usize = 16;

impl Chat {
    /// Accepts the key that was offered, or keeps to the one pinned: whichever begins so.
    pub(super) fn trust(&mut self, address: Address, tag: &str) {
        let keys = self
            .conversations
            .get(&address)
            .and_then(|one| one.contact.key.zip(one.contact.offered));
        let Some((pinned, offered)) = keys else {
            return self.refuse(None, Problem::NothingToTrust(address));
        };
        let tag = tag.to_lowercase();
        let matches = |key: &PeerId| key.to_string().starts_with(&tag);
        let Some(key) = [offered, pinned].into_iter().find(matches) else {
            return self.refuse(None, Problem::WrongKey { typed: tag, offered });
        };
        if tag.len() < TRUSTED {
            return self.refuse(None, Problem::ShortKey { typed: tag, key });
        }
        let now = self.now;
        let conversation = self.conversation(&address);
        if conversation.contact.key.replace(key) != Some(key) {
            conversation.contact.since = now;
            conversation.contact.verified = false;
            conversation.contact.is_new = true;
        }
        conversation.contact.offered = None;
        conversation.pinned = false;
        conversation.told_changed = false;
        conversation.refusal = None;
        let asked = Asked::NewKey { address: address.clone(), then_call: true };
        self.save_contact(&address, asked);
        self.show(Notice::Trusted { peer: address, key });
    }

    /// Shows what both sides can compare, or marks the contact as compared.
    pub(super) fn verify(&mut self, address: Address, answer: Answer) {
        let me = self.config.key;
        let Some(conversation) = self.conversations.get_mut(&address) else {
            return self.refuse(None, Problem::NothingToVerify(address));
        };
        let (key, offered) = (conversation.contact.key, conversation.contact.offered);
        if let Some((expected, actual)) = key.zip(offered) {
            return self.refuse(None, Problem::KeyChanged { peer: address, expected, actual });
        }
        let Some(key) = key else { return self.refuse(None, Problem::NothingToVerify(address)) };
        let code = SafetyCode::new(&me, &key);
        match answer {
            Answer::Show(wording) => {
                conversation.shown_code = Some(key);
                self.show_code(address, key, code, wording);
            }
            // What was never shown has not been compared.
            Answer::Yes if conversation.shown_code != Some(key) => {
                self.refuse(None, Problem::NotCompared(address));
            }
            Answer::Yes => self.verified(address, key),
            Answer::Typed(text) => match code.compare(&text, &me, &key) {
                Comparison::Same => self.verified(address, key),
                Comparison::Other => self.answer(Notice::NotTheSame { peer: address, key }),
                Comparison::Unreadable => self.refuse(None, Problem::NoCode),
            },
        }
    }

    fn show_code(
        &mut self,
        peer: Address,
        key: PeerId,
        code: SafetyCode,
        wording: Option<Wording>,
    ) {
        let verified = self.conversations.get(&peer).is_some_and(|one| one.contact.verified);
        let me = self.config.key;
        self.answer(Notice::SafetyCode { peer, me, key, code, wording, verified });
    }

    fn verified(&mut self, address: Address, key: PeerId) {
        self.conversation(&address).contact.verified = true;
        self.save_contact(&address, Asked::Contact);
        self.show(Notice::Verified { peer: address, key });
    }
}
