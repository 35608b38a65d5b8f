//! Where the holder of a profile and those who attach meet: a socket in the profile's directory.

#[cfg(unix)]
pub(super) use unix::{Door, connect};

#[cfg(not(unix))]
pub(super) use elsewhere::{Door, connect};

#[cfg(unix)]
mod unix {
    use std::fs::{self, Permissions};
    use std::io;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    use std::path::{Path, PathBuf};
    use std::sync::Arc;

    use tokio::net::{UnixListener, UnixStream};
    use tokio::sync::{Semaphore, mpsc};
    use tokio::task::AbortHandle;

    use super::super::guests::{News, send_away, wait_on};
    use super::super::link::{In, Out, PATIENCE, Reading, Writing, spawn};
    use super::super::protocol::Refusal;

    /// The socket's name.
    const SOCKET: &str = "socket";

    /// Processes that can be attached at the same time.
    const MAX_GUESTS: usize = 64;

    /// Connects to whoever holds the profile in `dir`.
    pub(in super::super) async fn connect(dir: &Path) -> io::Result<(Reading, Writing)> {
        Ok(split(UnixStream::connect(dir.join(SOCKET)).await?))
    }

    fn split(stream: UnixStream) -> (Reading, Writing) {
        let (reading, writing) = stream.into_split();
        (Box::new(reading), Box::new(writing))
    }

    /// Where a holder can be reached. Dropping it closes it.
    #[derive(Debug)]
    pub(in super::super) struct Door {
        path: PathBuf,
        task: AbortHandle,
    }

    impl Door {
        /// Opens it in the directory of a profile that this process has locked: a socket that is
        /// there is left over from one that was killed.
        pub(in super::super) fn open(dir: &Path, news: mpsc::Sender<News>) -> io::Result<Self> {
            let path = dir.join(SOCKET);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            // Nobody else can enter the directory, also before the next line.
            let listener = UnixListener::bind(&path)?;
            fs::set_permissions(&path, Permissions::from_mode(0o600))?;
            let owner = fs::metadata(&path)?.uid();
            let task = spawn(receive(listener, owner, news)).abort_handle();
            Ok(Self { path, task })
        }
    }

    impl Drop for Door {
        fn drop(&mut self) {
            self.task.abort();
            let _ = fs::remove_file(&self.path);
        }
    }

    async fn receive(listener: UnixListener, owner: u32, news: mpsc::Sender<News>) {
        let places = Arc::new(Semaphore::new(MAX_GUESTS));
        for number in 0.. {
            let Ok((stream, _)) = listener.accept().await else {
                // No file is left to this process; perhaps there will be.
                tokio::time::sleep(PATIENCE).await;
                continue;
            };
            // The directory keeps others out already. Root can go everywhere, but is not this person.
            if !stream.peer_cred().is_ok_and(|who| who.uid() == owner) {
                continue;
            }
            let (reading, writing) = split(stream);
            let (input, out) = (In::new(reading), Out::new(writing));
            match Arc::clone(&places).try_acquire_owned() {
                Ok(place) => {
                    let news = news.clone();
                    spawn(async move {
                        wait_on(number, input, out, &news).await;
                        drop(place);
                    });
                }
                Err(_) => send_away(&out, Refusal::Full { guests: MAX_GUESTS }),
            }
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[tokio::test]
        async fn only_the_owner_can_come_in_and_nothing_is_left_behind() {
            let dir = tempfile::tempdir().expect("a directory");
            let (sender, _news) = mpsc::channel(1);
            // What a killed process leaves behind is in nobody's way.
            std::mem::forget(Door::open(dir.path(), sender.clone()).expect("a socket"));
            let door = Door::open(dir.path(), sender).expect("a socket");
            let path = dir.path().join(SOCKET);
            let mode = fs::metadata(&path).expect("it is there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
            assert!(connect(dir.path()).await.is_ok());
            drop(door);
            assert!(!path.exists());
        }
    }
}

/// Without Unix sockets a profile is for one process at a time; the next one is told that it is in
/// use.
#[cfg(not(unix))]
mod elsewhere {
    use std::io;
    use std::path::Path;

    use tokio::sync::mpsc;

    use super::super::guests::News;
    use super::super::link::{Reading, Writing};

    pub(in super::super) async fn connect(_: &Path) -> io::Result<(Reading, Writing)> {
        Err(io::ErrorKind::Unsupported.into())
    }

    #[derive(Debug)]
    pub(in super::super) struct Door;

    impl Door {
        pub(in super::super) fn open(_: &Path, _: mpsc::Sender<News>) -> io::Result<Self> {
            Err(io::ErrorKind::Unsupported.into())
        }
    }
}
