//! The thread that carries out requests, and the one that waits for the disk.

use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, TryRecvError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use super::desk::Desk;
use super::part::{self, Sync};
use crate::chat::files::disk::{DiskAnswer, DiskRequest, OfferId};

/// How long nothing comes before the disk is asked to keep what was written.
const REST: Duration = Duration::from_secs(1);

/// The thread that works. Dropping it has the effect of [`close`](Self::close).
#[derive(Debug)]
pub struct Files {
    inbox: Sender<Message>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread is told.
enum Message {
    Request(DiskRequest),
    Synced { offer: OfferId, run: u64, result: io::Result<()> },
    End,
}

impl Files {
    /// Starts the thread. It calls `answer`, which must not wait for anything. In `pipes` are the files that we have only to
    /// offer them, each in a folder of its own: they are removed when they are forgotten.
    ///
    /// # Errors
    ///
    /// The system has no thread left.
    pub fn start(
        pipes: PathBuf,
        answer: impl FnMut(DiskAnswer) + Send + 'static,
    ) -> io::Result<Self> {
        let (inbox, messages) = mpsc::channel();
        let (syncs, waiting) = mpsc::channel();
        let sync = move |sync| {
            // It fails only if the thread has ended, which it does after this is dropped.
            let _ = syncs.send(sync);
        };
        let desk = Desk::new(pipes, part::put, sync, answer);
        let back = inbox.clone();
        // Nobody waits for it: what it waits for may take long, and is only half as good unheard.
        Builder::new().name("files-sync".to_owned()).spawn(move || wait(&waiting, &back))?;
        let thread =
            Builder::new().name("files".to_owned()).spawn(move || work(desk, &messages))?;
        Ok(Self { inbox, thread: Some(thread) })
    }

    /// Asks for something. Never blocks.
    pub fn request(&self, request: DiskRequest) {
        // It fails only if the thread has panicked, and then its message has been printed.
        let _ = self.inbox.send(Message::Request(request));
    }

    /// Carries out what was asked, but for what takes long, and ends the thread. What arrived stays.
    pub fn close(self) {
        drop(self);
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = self.inbox.send(Message::End);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The life of the thread that works: a request, and a block of what takes long, in turn.
fn work(mut desk: Desk, messages: &Receiver<Message>) {
    loop {
        let next = if desk.is_busy() {
            match messages.try_recv() {
                Ok(next) => Some(next),
                Err(TryRecvError::Empty) => None,
                Err(TryRecvError::Disconnected) => return,
            }
        } else if desk.is_owing() {
            match messages.recv_timeout(REST) {
                Ok(next) => Some(next),
                Err(RecvTimeoutError::Timeout) => {
                    desk.rest();
                    None
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        } else {
            match messages.recv() {
                Ok(next) => Some(next),
                Err(_) => return,
            }
        };
        match next {
            Some(Message::Request(request)) => desk.handle(request),
            Some(Message::Synced { offer, run, result }) => desk.synced(offer, run, result),
            Some(Message::End) => return,
            None => {}
        }
        desk.step();
    }
}

/// The life of the thread that waits.
fn wait(waiting: &Receiver<Sync>, back: &Sender<Message>) {
    for sync in waiting {
        let (offer, run, result) = (sync.offer, sync.run, sync.wait());
        // Given free before anybody hears of it.
        drop(sync);
        if back.send(Message::Synced { offer, run, result }).is_err() {
            return;
        }
    }
}
