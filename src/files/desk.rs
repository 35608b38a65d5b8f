//! All transfers, and whose turn it is.
//!
//! A request is carried out when it comes, except what takes long: that goes on block by block between
//! requests ([`Desk::step`]), each transfer in turn. Nothing here waits until the disk has something to stay: that is
//! asked for, and [`Desk::synced`] hears of it.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::outgoing::{Hashing, Outgoing};
use super::part::{Part, Put, Sync};
use super::problem::problem;
use crate::chat::files::disk::{DiskAnswer, DiskProblem, DiskRequest, OfferId};

/// Bytes after which it is told how far hashing has come.
const PROGRESS: u64 = 64 * 1024 * 1024;

/// All transfers.
pub(super) struct Desk {
    incoming: BTreeMap<OfferId, Part>,
    outgoing: BTreeMap<OfferId, Outgoing>,
    /// What is being hashed or checked.
    work: VecDeque<OfferId>,
    /// What is to be examined, the first of them now: so files are offered in the order in which they were named.
    examined: VecDeque<OfferId>,
    /// A block that is hashed.
    buffer: Vec<u8>,
    runs: u64,
    /// Where files are that we have only to offer them, each in a folder of its own.
    pipes: PathBuf,
    put: Box<Put>,
    sync: Box<dyn FnMut(Sync) + Send>,
    answer: Box<dyn FnMut(DiskAnswer) + Send>,
}

impl Desk {
    /// `pipes` is where files are that were read from pipes, `sync` is given what is to be waited for, `answer` what the chat is told.
    pub(super) fn new(
        pipes: PathBuf,
        put: impl FnMut(&mut std::fs::File, u64, &[u8]) -> io::Result<()> + Send + 'static,
        sync: impl FnMut(Sync) + Send + 'static,
        answer: impl FnMut(DiskAnswer) + Send + 'static,
    ) -> Self {
        Self {
            incoming: BTreeMap::new(),
            outgoing: BTreeMap::new(),
            work: VecDeque::new(),
            examined: VecDeque::new(),
            buffer: Vec::new(),
            runs: 0,
            pipes,
            put: Box::new(put),
            sync: Box::new(sync),
            answer: Box::new(answer),
        }
    }

    /// Carries out a request, or begins with it.
    pub(super) fn handle(&mut self, request: DiskRequest) {
        let offer = request.offer();
        let done = self.carry_out(request);
        self.settle(offer, done);
    }

    /// Whether there is something to do without being asked.
    pub(super) fn is_busy(&self) -> bool {
        !self.work.is_empty() || !self.examined.is_empty()
    }

    /// Does a little of it: one block.
    pub(super) fn step(&mut self) {
        if let Some(first) = self.examined.front() {
            self.take_turns(*first);
        }
        let Some(offer) = self.work.pop_front() else { return };
        let done = self.work_on(offer);
        self.settle(offer, done);
    }

    /// Whether something was written that the disk has not been asked to keep.
    pub(super) fn is_owing(&self) -> bool {
        self.incoming.values().any(|part| !part.is_kept())
    }

    /// Nothing has come for a while: the disk is asked for what is there.
    pub(super) fn rest(&mut self) {
        let offers: Vec<OfferId> = self.incoming.keys().copied().collect();
        for offer in offers {
            let done = self.ask(offer, true);
            self.settle(offer, done);
        }
    }

    /// The disk has done what it was asked for, or cannot.
    pub(super) fn synced(&mut self, offer: OfferId, run: u64, result: io::Result<()>) {
        // The offer may have been closed meanwhile, and even begun again.
        let Some(part) = self.incoming.get_mut(&offer).filter(|part| part.run() == run) else {
            return;
        };
        let done = part.synced(result).and_then(|()| self.advance(offer));
        self.settle(offer, done);
    }

    fn carry_out(&mut self, request: DiskRequest) -> Result<(), DiskProblem> {
        match request {
            DiskRequest::Examine { offer, path } => {
                self.outgoing.insert(offer, Outgoing::Hashing(Hashing::begin(path, None)?));
                self.examined.push_back(offer);
            }
            DiskRequest::Serve { offer, path, size, root } => {
                if let Some(Outgoing::Known(known)) = self.outgoing.get_mut(&offer)
                    && known.serve(&path, size, root)?
                {
                    let list = known.list().to_vec();
                    self.say(DiskAnswer::Served { offer, list });
                } else {
                    let hashing = Hashing::begin(path, Some((size, root)))?;
                    self.hash(offer, hashing);
                }
            }
            DiskRequest::Read { offer, block } => {
                let Some(Outgoing::Known(known)) = self.outgoing.get_mut(&offer) else {
                    return Err(DiskProblem::NotOpen);
                };
                let data = known.read(block)?;
                self.say(DiskAnswer::Block { offer, block, data });
            }
            DiskRequest::Forget { offer, path } => {
                self.forget(offer);
                self.remove_if_ours(path.as_deref())?;
                self.say(DiskAnswer::Closed { offer });
            }
            DiskRequest::Begin { offer, folder, name, size, root, content, insists } => {
                // First of all it has to give the file free.
                self.incoming.remove(&offer);
                self.runs += 1;
                let mut part = Part::begin(offer, self.runs, folder, name, size, root, content)?;
                part.insists = insists;
                self.incoming.insert(offer, part);
                self.take_turns(offer);
            }
            DiskRequest::List { offer, list } => {
                self.part(offer)?.list(&list)?;
                self.say(DiskAnswer::Listed { offer });
                self.advance(offer)?;
            }
            DiskRequest::Write { offer, block, data } => {
                let part = self.incoming.get_mut(&offer).ok_or(DiskProblem::NotOpen)?;
                part.write(&mut self.put, block, &data)?;
                self.say(DiskAnswer::Written { offer, block });
                self.advance(offer)?;
            }
            DiskRequest::Close { offer } => {
                self.close(offer);
                self.say(DiskAnswer::Closed { offer });
            }
            DiskRequest::Discard { offer, folder } => {
                self.incoming.remove(&offer);
                Part::discard(&folder, offer)?;
                self.say(DiskAnswer::Closed { offer });
            }
        }
        Ok(())
    }

    fn hash(&mut self, offer: OfferId, hashing: Hashing) {
        self.outgoing.insert(offer, Outgoing::Hashing(hashing));
        self.take_turns(offer);
    }

    fn take_turns(&mut self, offer: OfferId) {
        if !self.work.contains(&offer) {
            self.work.push_back(offer);
        }
    }

    /// One block of what takes long about an offer.
    fn work_on(&mut self, offer: OfferId) -> Result<(), DiskProblem> {
        if let Some(part) = self.incoming.get_mut(&offer).filter(|part| !part.is_checked()) {
            let total = part.size();
            match part.check(&mut self.buffer)? {
                Some(done) => self.go_on(offer, done, total),
                None => {
                    let (missing, list) = (part.missing(), !part.is_listed());
                    self.say(DiskAnswer::Begun { offer, missing, list });
                    self.advance(offer)?;
                }
            }
        } else if let Some(Outgoing::Hashing(hashing)) = self.outgoing.get_mut(&offer) {
            let total = hashing.size();
            match hashing.step(&mut self.buffer)? {
                Some(done) => self.go_on(offer, done, total),
                None => self.know(offer)?,
            }
        }
        Ok(())
    }

    fn go_on(&mut self, offer: OfferId, done: u64, total: u64) {
        self.work.push_back(offer);
        if done.is_multiple_of(PROGRESS) && done < total {
            self.say(DiskAnswer::Progress { offer, done, total });
        }
    }

    /// A file is hashed.
    fn know(&mut self, offer: OfferId) -> Result<(), DiskProblem> {
        let Some(Outgoing::Hashing(hashing)) = self.forget(offer) else { return Ok(()) };
        let was_offered = hashing.is_offered();
        let known = hashing.finish()?;
        self.say(if was_offered {
            DiskAnswer::Served { offer, list: known.list().to_vec() }
        } else {
            DiskAnswer::Examined {
                offer,
                size: known.size(),
                root: known.root(),
                content: known.content(),
                skipped: known.skipped(),
            }
        });
        self.outgoing.insert(offer, Outgoing::Known(known));
        Ok(())
    }

    /// What follows when something has been written or kept.
    fn advance(&mut self, offer: OfferId) -> Result<(), DiskProblem> {
        self.ask(offer, false)?;
        let done = |part: &Part| part.is_whole() && part.is_kept();
        if self.incoming.get(&offer).is_some_and(done)
            && let Some(part) = self.incoming.remove(&offer)
        {
            let path = part.finish()?;
            self.say(DiskAnswer::Finished { offer, path });
        }
        Ok(())
    }

    /// Asks the disk to keep what was written, if there is enough of it, or in any case.
    fn ask(&mut self, offer: OfferId, any: bool) -> Result<(), DiskProblem> {
        let Some(part) = self.incoming.get_mut(&offer) else { return Ok(()) };
        if let Some(sync) = part.sync(offer, any)? {
            (self.sync)(sync);
        }
        Ok(())
    }

    fn part(&mut self, offer: OfferId) -> Result<&mut Part, DiskProblem> {
        let part = self.incoming.get_mut(&offer).filter(|part| part.is_checked());
        part.ok_or(DiskProblem::NotOpen)
    }

    /// Removes a file that was read from a pipe, and its folder.
    fn remove_if_ours(&self, path: Option<&Path>) -> Result<(), DiskProblem> {
        let folder = path.and_then(Path::parent);
        let Some(folder) = folder.filter(|folder| folder.parent() == Some(&*self.pipes)) else {
            return Ok(());
        };
        match std::fs::remove_dir_all(folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(problem(folder, &error)),
            _ => Ok(()),
        }
    }

    fn forget(&mut self, offer: OfferId) -> Option<Outgoing> {
        self.examined.retain(|examined| *examined != offer);
        self.outgoing.remove(&offer)
    }

    /// Lets go of the files of an offer. Only a list that is whole is remembered.
    fn close(&mut self, offer: OfferId) {
        self.incoming.remove(&offer);
        match self.outgoing.get_mut(&offer) {
            Some(Outgoing::Known(known)) => known.close(),
            _ => drop(self.forget(offer)),
        }
    }

    fn settle(&mut self, offer: OfferId, done: Result<(), DiskProblem>) {
        if let Err(why) = done {
            if why.ends() {
                self.close(offer);
            }
            self.say(DiskAnswer::Failed { offer, why });
        }
    }

    fn say(&mut self, answer: DiskAnswer) {
        (self.answer)(answer);
    }
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk")
            .field("incoming", &self.incoming)
            .field("outgoing", &self.outgoing)
            .finish_non_exhaustive()
    }
}
