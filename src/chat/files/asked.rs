//! What people want of files: /send, /accept, /cancel, /files.

use std::path::Path;

use super::disk::{DiskProblem, DiskRequest, MAX_SIZE, OfferId};
use super::news::{FileNews, Stage};
use super::record::{FileSays, Why};
use super::{FileRule, FileState, Purpose, Transfer, Work};
use crate::chat::errand::Errand;
use crate::chat::storage::Direction;
use crate::chat::{Address, Asked, Chat, LineId, Notice, Problem};

/// Files that /files shows at most: the last ones.
const MAX_SHOWN: usize = 200;

/// What a person wants of files.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::chat) enum FileCommand {
    /// In the conversation that is open.
    Send {
        path: String,
    },
    Accept {
        which: Option<Which>,
        path: Option<String>,
    },
    Cancel(Option<Which>),
    List,
    /// From now on, what somebody offers is treated so.
    Rule {
        peer: Address,
        rule: FileRule,
    },
}

/// Which file is meant.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::chat) enum Which {
    /// As people are told.
    Number(u32),
    /// As programs are told.
    Id(LineId),
}

impl Which {
    /// A number, or an id.
    pub(in crate::chat) fn read(word: &str) -> Option<Self> {
        let number = || word.parse().ok().filter(|number| *number > 0).map(Self::Number);
        LineId::parse(word).map(Self::Id).or_else(number)
    }
}

impl Chat {
    pub(in crate::chat) fn obey_about_files(&mut self, command: FileCommand) {
        match command {
            FileCommand::Send { path } => self.send_file(None, path, None),
            FileCommand::Accept { which, path } => {
                if !self.accept_file(which, path) {
                    self.refuse(None, Problem::NoSuchFile);
                }
            }
            FileCommand::Cancel(which) => self.cancel_file(which),
            FileCommand::List => self.list_files(),
            FileCommand::Rule { peer, rule } => self.set_file_rule(peer, rule),
        }
    }

    /// Offers a file to the person named, or in the current conversation.
    pub(in crate::chat) fn send_file(
        &mut self,
        to: Option<String>,
        path: String,
        reference: Option<String>,
    ) {
        if self.is_leaving() {
            return;
        }
        let to = match to.map(|to| self.resolve(&to)) {
            Some(Err(problem)) => return self.refuse(reference, problem),
            Some(Ok(to)) => Some(to),
            None => self.faces.asking().current.clone(),
        };
        let Some(to) = to else { return self.refuse(reference, Problem::NoRecipient) };
        if to.is_room {
            return self.refuse(reference, Problem::FilesInRooms);
        }
        self.run_errand(Errand::Locate { path, purpose: Purpose::Offer { to, reference } });
    }

    /// A path is known that somebody has typed.
    pub(in crate::chat) fn located(&mut self, path: String, is_folder: bool, purpose: Purpose) {
        match purpose {
            Purpose::Offer { to, reference } => self.examine_file(to, path, reference),
            Purpose::Accept(offer) if is_folder => self.accept_into(offer, path, None),
            Purpose::Accept(offer) => {
                let path = Path::new(&path);
                let text = |part: &std::ffi::OsStr| part.to_string_lossy().into_owned();
                let folder = path.parent().map(|folder| text(folder.as_os_str()));
                self.accept_into(offer, folder.unwrap_or_default(), path.file_name().map(text));
            }
        }
    }

    /// Accepts a file that is offered; without more, the last one of the conversation that is open. Whether
    /// there is one.
    pub(in crate::chat) fn accept_file(
        &mut self,
        which: Option<Which>,
        path: Option<String>,
    ) -> bool {
        let open = |one: &Transfer| !one.is_ours() && !one.kept.state.is_end();
        let fresh = |one: &Transfer| open(one) && one.kept.state == FileState::Offered;
        let found = self.file_meant(which, fresh).or_else(|| self.file_meant(which, open));
        let Some(offer) = found else { return false };
        let size = self.files.list.get(&offer).map_or(0, |one| one.kept.size);
        if size > MAX_SIZE {
            self.refuse(None, Problem::File(DiskProblem::TooLarge { size }));
            return true;
        }
        match path {
            Some(path) => self.run_errand(Errand::Locate { path, purpose: Purpose::Accept(offer) }),
            None => self.accept_into(offer, self.config.downloads.clone(), None),
        }
        true
    }

    /// Which transfer of a kind is meant; without a word, the newest of the conversation that is open.
    fn file_meant(
        &self,
        which: Option<Which>,
        fits: impl Fn(&Transfer) -> bool,
    ) -> Option<OfferId> {
        let current = self.faces.asking().current.as_ref();
        let meant = |one: &Transfer| match which {
            Some(Which::Number(number)) => one.number == number,
            Some(Which::Id(id)) => one.kept.id == id,
            None => current.is_none_or(|current| one.kept.with == *current),
        };
        let all =
            self.files.list.iter().filter(|(_, one)| one.number > 0 && fits(one) && meant(one));
        all.max_by_key(|(_, one)| one.number).map(|(offer, _)| *offer)
    }

    /// Takes back what we offer, or declines what is offered to us.
    fn cancel_file(&mut self, which: Option<Which>) {
        let Some(offer) = self.file_meant(which, |one| !one.kept.state.is_end()) else {
            return self.refuse(None, Problem::NoSuchFile);
        };
        let Some(one) = self.files.list.get(&offer) else { return };
        let (id, ours) = (one.kept.id, one.is_ours());
        if let Work::Examining = one.work {
            self.tell_of_file(offer, Stage::Withdrawn(Why::Person));
            return self.forget_offer(offer);
        }
        if !ours {
            return self.decline(offer);
        }
        if let Some(peer) = self.partner(offer) {
            self.say_of_file(peer, id, FileSays::Withdrawn(Why::Person));
        }
        self.end(offer, FileState::Withdrawn, None);
    }

    /// Decides what becomes of the files of a contact. What was offered before waits as it did.
    fn set_file_rule(&mut self, peer: Address, rule: FileRule) {
        match self.conversations.get_mut(&peer).filter(|_| !peer.is_room) {
            Some(conversation) => conversation.contact.regard.files = rule,
            None => return self.refuse(None, Problem::NoContact(peer)),
        }
        self.save_contact(&peer, Asked::Contact);
        self.show(Notice::FileRule { peer, rule });
    }

    fn list_files(&mut self) {
        let known = self.files.list.values().filter(|one| one.number > 0);
        let mut known: Vec<FileNews> = known.map(|one| one.news(one.stage())).collect();
        known.sort_by_key(|one| one.number);
        known.drain(..known.len().saturating_sub(MAX_SHOWN));
        self.answer(Notice::Files(known));
    }

    /// Nothing is said to a contact any more, and its files are forgotten with it.
    pub(in crate::chat) fn forget_files(&mut self, with: &Address) {
        let of = |one: &Transfer| one.kept.with == *with;
        let gone: Vec<OfferId> =
            self.files.list.iter().filter(|(_, one)| of(one)).map(|(offer, _)| *offer).collect();
        for offer in gone {
            self.leave_streams(offer);
            let Some(one) = self.files.list.remove(&offer) else { continue };
            let receives = one.kept.state == FileState::Accepted && !one.is_ours();
            self.effects.push_back(crate::chat::Effect::Disk(match one.kept.folder {
                Some(folder) if receives => DiskRequest::Discard { offer, folder: folder.into() },
                _ => {
                    let path = one.kept.path.filter(|_| one.kept.by == Direction::Out);
                    DiskRequest::Forget { offer, path: path.map(Into::into) }
                }
            }));
        }
    }
}
