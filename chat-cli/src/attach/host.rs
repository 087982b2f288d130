//! The process that has the profile open, for those that come after it.

use std::io;
use std::path::{Path, PathBuf};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::{Ask, Tell};
use crate::args::Global;
use crate::profile::Profile;
use crate::report::Failure;

/// The name of the socket in the folder of the profile.
pub const SOCKET: &str = "window.sock";
/// The most guests at one time. One more is let go at once.
pub const GUESTS_MAX: usize = 8;

/// Where the process that has a profile listens; `None` where nothing goes to disk.
///
/// # Errors
/// If there is no home folder.
pub fn socket(global: &Global) -> Result<Option<PathBuf>, Failure> {
    Profile::folder(global).map(|folder| folder.map(|folder| folder.join(SOCKET)))
}

/// A guest, by the order of coming.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GuestId(u64);

/// What a guest did.
#[derive(Debug)]
pub enum Said {
    /// It came, and is told things here.
    Came(mpsc::Sender<Tell>),
    /// It asked for something.
    Asked(Ask),
    /// It is gone.
    Left,
}

/// Lets guests in until it is dropped.
#[derive(Debug)]
pub struct Host {
    said: mpsc::Receiver<(GuestId, Said)>,
    /// None where no guest can come.
    door: Option<Door>,
}

#[derive(Debug)]
struct Door {
    path: PathBuf,
    task: JoinHandle<()>,
}

impl Host {
    /// Listens at a path. The caller has the lock of the profile: whatever lies there is left from
    /// a process that is gone.
    ///
    /// # Errors
    /// If no socket can be made there.
    pub fn open(path: &Path) -> io::Result<Self> {
        let (tell, said) = mpsc::channel(super::wire::MESSAGES_MAX);
        let task = accept(path, tell)?;
        Ok(Self { said, door: Some(Door { path: path.to_path_buf(), task }) })
    }

    /// One to which nobody comes.
    pub fn closed() -> Self {
        Self { said: mpsc::channel(1).1, door: None }
    }

    /// What a guest does next; for ever if none can come.
    pub async fn next(&mut self) -> (GuestId, Said) {
        match self.said.recv().await {
            Some(said) => said,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some(door) = &self.door {
            door.task.abort();
            // What stays is removed by the next one that opens the profile.
            let _ = std::fs::remove_file(&door.path);
        }
    }
}

#[cfg(unix)]
fn accept(path: &Path, said: mpsc::Sender<(GuestId, Said)>) -> io::Result<JoinHandle<()>> {
    use std::os::unix::fs::PermissionsExt;
    use std::sync::Arc;
    use tokio::net::UnixListener;
    use tokio::sync::Semaphore;

    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // The folder is 0700, so nobody comes between the two calls.
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    let seats = Arc::new(Semaphore::new(GUESTS_MAX));
    Ok(tokio::spawn(async move {
        for number in 0.. {
            let Ok((stream, _)) = listener.accept().await else { return };
            let is_own =
                stream.peer_cred().is_ok_and(|peer| peer.uid() == nix::unistd::getuid().as_raw());
            let Ok(seat) = Arc::clone(&seats).try_acquire_owned() else { continue };
            if !is_own {
                continue;
            }
            let said = said.clone();
            tokio::spawn(async move {
                attend(stream, GuestId(number), &said).await;
                drop(seat);
            });
        }
    }))
}

#[cfg(not(unix))]
fn accept(_: &Path, _: mpsc::Sender<(GuestId, Said)>) -> io::Result<JoinHandle<()>> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(unix)]
async fn attend(stream: tokio::net::UnixStream, id: GuestId, said: &mpsc::Sender<(GuestId, Said)>) {
    let (read, write) = stream.into_split();
    let (tells, mut asks) = super::wire::carry::<Tell, Ask>(read, write);
    if said.send((id, Said::Came(tells))).await.is_err() {
        return;
    }
    while let Some(ask) = asks.recv().await {
        if said.send((id, Said::Asked(ask))).await.is_err() {
            return;
        }
    }
    // The receiver is gone only when the whole host is.
    let _ = said.send((id, Said::Left)).await;
}
