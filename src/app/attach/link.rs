//! One connection between the holder of a profile and whoever attaches: lines, bounded both ways.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::door;
use super::protocol::{MAX_LINE, Word};

/// Bytes that may wait for somebody who reads slowly.
const MAX_WAITING: usize = 8 << 20;

/// Lines read ahead.
const AHEAD: usize = 64;

/// How long the first line may take, and each write to somebody who does not read.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// What bytes come in through.
pub(super) type Reading = Box<dyn AsyncRead + Send + Unpin>;

/// What bytes go out through.
pub(super) type Writing = Box<dyn AsyncWrite + Send + Unpin>;

/// Writes lines to the other side, at its pace.
#[derive(Debug)]
pub(in crate::app) struct Out {
    lines: mpsc::UnboundedSender<String>,
    waiting: Arc<AtomicUsize>,
    writer: JoinHandle<()>,
}

impl Out {
    pub(super) fn new(mut half: Writing) -> Self {
        let (lines, mut queue) = mpsc::unbounded_channel::<String>();
        let waiting = Arc::new(AtomicUsize::new(0));
        let unwritten = Arc::clone(&waiting);
        let writer = spawn(async move {
            while let Some(line) = queue.recv().await {
                let writing = tokio::time::timeout(PATIENCE, half.write_all(line.as_bytes()));
                if !matches!(writing.await, Ok(Ok(()))) {
                    break;
                }
                unwritten.fetch_sub(line.len(), Ordering::Relaxed);
            }
            let _ = half.shutdown().await;
        });
        Self { lines, waiting, writer }
    }

    /// Sends a line, when its turn comes. Whether the other side keeps up.
    pub(super) fn say(&self, what: &impl Serialize) -> bool {
        let Ok(mut line) = serde_json::to_string(what) else { return true };
        line.push('\n');
        let before = self.waiting.fetch_add(line.len(), Ordering::Relaxed);
        before < MAX_WAITING && self.lines.send(line).is_ok()
    }

    /// Waits until everything is written, or cannot be.
    pub(super) async fn close(self) {
        drop(self.lines);
        let _ = self.writer.await;
    }
}

/// Reads lines.
pub(super) struct In(BufReader<Reading>);

impl In {
    pub(super) fn new(half: Reading) -> Self {
        Self(BufReader::new(half))
    }

    /// The next one; `None` at the end, or where a line is too long or no line of this protocol.
    pub(super) async fn next<T: for<'a> Deserialize<'a>>(&mut self) -> Option<T> {
        let mut bytes = Vec::new();
        let limited = &mut (&mut self.0).take(MAX_LINE);
        limited.read_until(b'\n', &mut bytes).await.ok()?;
        serde_json::from_slice(bytes.strip_suffix(b"\n")?).ok()
    }
}

/// A connection to the holder.
pub(in crate::app) struct Link {
    /// What it says; ends where the connection does.
    pub(super) words: mpsc::Receiver<Word>,
    pub(super) out: Out,
}

impl Link {
    /// Connects to whoever holds the profile in `dir`; `None` if nobody listens there.
    pub(super) async fn to_holder(dir: &Path) -> Option<Self> {
        let (reading, writing) = door::connect(dir).await.ok()?;
        let (mut input, out) = (In::new(reading), Out::new(writing));
        let (sender, words) = mpsc::channel(AHEAD);
        spawn(async move {
            while let Some(word) = input.next().await {
                if sender.send(word).await.is_err() {
                    break;
                }
            }
        });
        Some(Self { words, out })
    }
}

#[expect(clippy::disallowed_methods, reason = "connections are waited on while the chat goes on")]
pub(super) fn spawn(work: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(work)
}

#[cfg(test)]
mod tests {
    use super::super::protocol::Wish;
    use super::*;

    /// What is made of these bytes.
    async fn read(bytes: Vec<u8>) -> Vec<Wish> {
        let mut input = In::new(Box::new(std::io::Cursor::new(bytes)));
        let mut wishes = Vec::new();
        while let Some(wish) = input.next().await {
            wishes.push(wish);
        }
        wishes
    }

    #[tokio::test]
    async fn what_is_no_line_of_the_protocol_ends_the_connection() {
        let good = b"{\"type\":\"end\"}\n{\"type\":\"quit\"}\n".to_vec();
        assert_eq!(read(good.clone()).await, [Wish::End, Wish::Quit]);
        for bad in [&b"{\"type\":\"end\"}"[..], b"{}\n", b"\xff\n", b"[[[[[[\n", b"\n"] {
            assert_eq!(read([&good, bad, &good].concat()).await, [Wish::End, Wish::Quit]);
        }
    }

    #[tokio::test]
    async fn a_line_without_an_end_is_not_read_for_ever() {
        assert_eq!(read(vec![b' '; 2 * MAX_LINE as usize]).await, []);
    }

    #[tokio::test]
    async fn whoever_reads_nothing_does_not_fill_the_memory() {
        let (ours, _theirs) = tokio::io::duplex(1);
        let out = Out::new(Box::new(ours));
        let word = Word::Current { peer: None, prompt: "x".repeat(1 << 20) };
        assert!(out.say(&word));
        assert!((0..8).any(|_| !out.say(&word)));
        assert!(!out.say(&word));
    }
}
