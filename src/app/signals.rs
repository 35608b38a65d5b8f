//! Requests of the system to end, or to make room for a while.

use std::io;

use super::Failure;
use crate::ui::language::Phrase;

/// A request to leave the terminal to others.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Stop {
    /// It begins.
    Wanted,
    /// It is over.
    Over,
}

/// The signals that ask a process to end.
pub(super) struct Signals {
    #[cfg(unix)]
    unix: [tokio::signal::unix::Signal; 3],
}

impl Signals {
    /// From now on these signals do not kill the process.
    pub(super) fn listen() -> Result<Self, Failure> {
        Self::open().map_err(refused)
    }

    #[cfg(unix)]
    fn open() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let (interrupt, terminate, hangup) =
            (SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup());
        let unix = [signal(interrupt)?, signal(terminate)?, signal(hangup)?];
        Ok(Self { unix })
    }

    #[cfg(not(unix))]
    fn open() -> io::Result<Self> {
        Ok(Self {})
    }

    /// Waits for one that asks the process to end.
    #[cfg(unix)]
    pub(super) async fn next(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.unix;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }

    /// Waits for one of them.
    #[cfg(not(unix))]
    pub(super) async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}

/// The signals that stop the process for a while, and let it go on.
pub(super) struct Stops {
    #[cfg(unix)]
    unix: [tokio::signal::unix::Signal; 2],
}

impl Stops {
    /// From now on a request to stop does not stop the process: it is told of it.
    pub(super) fn listen() -> Result<Self, Failure> {
        Self::open().map_err(refused)
    }

    #[cfg(unix)]
    fn open() -> io::Result<Self> {
        use nix::sys::signal::Signal::{SIGCONT, SIGTSTP};
        use tokio::signal::unix::{SignalKind, signal};
        let listen = |number| signal(SignalKind::from_raw(number));
        Ok(Self { unix: [listen(SIGTSTP as i32)?, listen(SIGCONT as i32)?] })
    }

    #[cfg(not(unix))]
    fn open() -> io::Result<Self> {
        Ok(Self {})
    }

    /// Waits for a request to stop, or for its end.
    pub(super) async fn next(&mut self) -> Stop {
        #[cfg(unix)]
        {
            let [wanted, over] = &mut self.unix;
            tokio::select! {
                _ = wanted.recv() => Stop::Wanted,
                _ = over.recv() => Stop::Over,
            }
        }
        #[cfg(not(unix))]
        std::future::pending().await
    }
}

/// From now on this process has no terminal, and lives on when that is closed. One that leads a group
/// of processes, as a shell's job does, stays where it is.
pub(super) fn leave_the_terminal() {
    #[cfg(unix)]
    let _ = nix::unistd::setsid();
}

fn refused(error: io::Error) -> Failure {
    Failure::internal(Phrase::new("no-signals").with("error", error))
}
