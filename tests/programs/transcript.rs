//! All that a process says, each line with its time, for those who wait for one.

use std::fmt;
use std::io::{BufRead as _, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// One line that a process wrote.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) at: Instant,
    /// Without the line break.
    pub(crate) text: String,
    /// The line as JSON, if it came over standard output and is that.
    pub(crate) json: Option<Value>,
}

/// What a process has said so far; shared with the threads that listen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Transcript(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    lines: Mutex<Vec<Said>>,
    changed: Condvar,
}

impl Transcript {
    /// Listens until the stream ends.
    pub(crate) fn listen(&self, stream: impl Read + Send + 'static, is_json: bool) {
        let transcript = self.clone();
        thread::spawn(move || {
            for text in BufReader::new(stream).lines() {
                let Ok(text) = text else { break };
                let json = if is_json { serde_json::from_str(&text).ok() } else { None };
                transcript.lines().push(Said { at: Instant::now(), text, json });
                transcript.0.changed.notify_all();
            }
        });
    }

    /// The first line that fits, now or within `limit`.
    pub(crate) fn wait(&self, limit: Duration, fits: impl Fn(&Said) -> bool) -> Option<Said> {
        self.wait_from(0, limit, fits)
    }

    /// The first line that fits and is not among the first `from`.
    pub(crate) fn wait_from(
        &self,
        from: usize,
        limit: Duration,
        fits: impl Fn(&Said) -> bool,
    ) -> Option<Said> {
        let deadline = Instant::now() + limit;
        let mut lines = self.lines();
        let mut looked_at = from;
        loop {
            let found = lines.iter().skip(looked_at).find(|line| fits(line));
            if let Some(found) = found {
                return Some(found.clone());
            }
            looked_at = lines.len();
            let left = deadline.checked_duration_since(Instant::now())?;
            (lines, _) =
                self.0.changed.wait_timeout(lines, left).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// How many lines there are, as a place for [`Self::wait_from`].
    pub(crate) fn len(&self) -> usize {
        self.lines().len()
    }

    /// Looks at all lines so far.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&[Said]) -> T) -> T {
        look(&self.lines())
    }

    fn lines(&self) -> MutexGuard<'_, Vec<Said>> {
        self.0.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The last lines, for a person who wants to know why a test failed.
impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.lines();
        let Some(first) = lines.first().map(|line| line.at) else {
            return f.write_str("    (nothing)\n");
        };
        for line in lines.iter().skip(lines.len().saturating_sub(40)) {
            let since = line.at.duration_since(first).as_secs_f64();
            writeln!(f, "    {since:7.3} {}", line.text)?;
        }
        Ok(())
    }
}
