//! Files that are offered and files that arrive, on a real disk.

mod arriving;
mod folders;
mod killed;
mod offering;

use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};

use tempfile::TempDir;

use super::desk::Desk;
use super::part::{self, Sync};
use super::tree::{self, Tree};
use crate::chat::files::FileName;
use crate::chat::files::disk::{
    BLOCK, Content, DiskAnswer, DiskProblem, DiskRequest, Hash, OfferId,
};

const OFFER: OfferId = OfferId([7; 16]);

/// A desk that is driven by hand.
struct Run {
    desk: Desk,
    answers: Receiver<DiskAnswer>,
    syncs: Receiver<Sync>,
}

/// Some file that somebody gives us.
struct Gift {
    data: Vec<u8>,
    root: Hash,
    list: Vec<u8>,
}

impl Run {
    fn new() -> Self {
        Self::on(part::put)
    }

    fn on(put: impl FnMut(&mut File, u64, &[u8]) -> io::Result<()> + Send + 'static) -> Self {
        let (answer, answers) = mpsc::channel();
        let (sync, syncs) = mpsc::channel();
        let tell = |to: Sender<DiskAnswer>| move |said| to.send(said).expect("a test listens");
        let desk =
            Desk::new("/pipes".into(), put, move |asked| drop(sync.send(asked)), tell(answer));
        Self { desk, answers, syncs }
    }

    /// Carries out a request, and all that follows but what the disk has to be waited for.
    fn ask(&mut self, request: DiskRequest) -> Vec<DiskAnswer> {
        self.desk.handle(request);
        while self.desk.is_busy() {
            self.desk.step();
        }
        self.answers.try_iter().collect()
    }

    /// The disk does what it was asked for.
    fn sync(&mut self) -> Vec<DiskAnswer> {
        while let Ok(sync) = self.syncs.try_recv() {
            let result = sync.wait();
            self.desk.synced(sync.offer, sync.run, result);
        }
        self.answers.try_iter().collect()
    }

    fn begin(&mut self, folder: &Path, gift: &Gift) -> Vec<DiskAnswer> {
        self.ask(DiskRequest::Begin {
            offer: OFFER,
            folder: folder.to_owned(),
            name: FileName::of("gift.tar.gz"),
            size: gift.data.len() as u64,
            root: gift.root,
            content: Content::File,
            insists: false,
        })
    }

    fn list(&mut self, gift: &Gift) -> Vec<DiskAnswer> {
        self.ask(DiskRequest::List { offer: OFFER, list: gift.list.clone() })
    }

    fn write(&mut self, gift: &Gift, block: u64) -> Vec<DiskAnswer> {
        let data = gift.block(block).to_vec();
        self.ask(DiskRequest::Write { offer: OFFER, block, data })
    }

    fn discard(&mut self, folder: &Path) -> Vec<DiskAnswer> {
        self.ask(DiskRequest::Discard { offer: OFFER, folder: folder.to_owned() })
    }

    /// All of it arrives, as far as it is missing: where it is then.
    fn receive(&mut self, folder: &Path, gift: &Gift) -> PathBuf {
        let mut said = self.begin(folder, gift);
        let Some(DiskAnswer::Begun { missing, list, .. }) = said.first().cloned() else {
            panic!("not begun: {said:?}");
        };
        if list {
            said.extend(self.list(gift));
        }
        for block in missing.into_iter().flatten() {
            assert_eq!(self.write(gift, block), [written(block)]);
        }
        said.extend(self.sync());
        match said.pop() {
            Some(DiskAnswer::Finished { path, .. }) => path,
            other => panic!("not finished: {other:?}"),
        }
    }
}

impl Gift {
    fn new(data: Vec<u8>) -> Self {
        let (mut tree, mut list) = (Tree::default(), Vec::new());
        let size = data.len() as u64;
        for (block, data) in (0..).zip(data.chunks(BLOCK as usize)) {
            let value = tree::value(size, block, data);
            tree.push(value);
            list.extend(value);
        }
        Self { root: tree.root(), data, list }
    }

    /// So many bytes, of which no two blocks are alike.
    fn of(size: u64) -> Self {
        let mut data = vec![0; size as usize];
        blake3::Hasher::new().finalize_xof().fill(&mut data);
        Self::new(data)
    }

    fn block(&self, block: u64) -> &[u8] {
        self.data.chunks(BLOCK as usize).nth(block as usize).expect("a block of the file")
    }
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn begun(missing: &[Range<u64>], list: bool) -> DiskAnswer {
    DiskAnswer::Begun { offer: OFFER, missing: missing.to_vec(), list }
}

fn written(block: u64) -> DiskAnswer {
    DiskAnswer::Written { offer: OFFER, block }
}

fn failed(why: DiskProblem) -> DiskAnswer {
    DiskAnswer::Failed { offer: OFFER, why }
}

const CLOSED: DiskAnswer = DiskAnswer::Closed { offer: OFFER };

/// The names of all that is in a folder, in order.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let name = |entry: io::Result<fs::DirEntry>| entry.expect("an entry").file_name();
    let mut names: Vec<String> =
        entries.map(name).map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// What we call a file that is not whole, and what is noted about it.
fn hidden() -> [String; 2] {
    [format!(".p2pchat-{OFFER}.notes"), format!(".p2pchat-{OFFER}.part")]
}
