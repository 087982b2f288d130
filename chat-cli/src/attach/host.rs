//! Serves attached clients in the process that has the profile open.

use std::io;
use std::path::{Path, PathBuf};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::{Ask, Tell};
use crate::args::Global;
use crate::profile::Profile;
use crate::report::Failure;

/// The name of the socket in the profile's folder.
pub const SOCKET: &str = "window.sock";
/// The most clients at a time; further connections are closed. Chosen: more windows than a person
/// uses, and bounds memory.
pub const GUESTS_MAX: usize = 8;

/// Returns the socket path of the profile; `None` if the profile is not on disk.
///
/// # Errors
/// Fails if there is no home folder.
pub fn socket(global: &Global) -> Result<Option<PathBuf>, Failure> {
    Profile::folder(global).map(|folder| folder.map(|folder| folder.join(SOCKET)))
}

/// An attached client, numbered in the order of connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GuestId(u64);

/// An event of a client.
#[derive(Debug)]
pub enum Said {
    /// It connected; responses go to this channel.
    Came(mpsc::Sender<Tell>),
    /// It sent a request.
    Asked(Ask),
    /// It disconnected.
    Left,
}

/// Accepts clients until dropped.
#[derive(Debug)]
pub struct Host {
    said: mpsc::Receiver<(GuestId, Said)>,
    /// `None` if no client can connect.
    door: Option<Door>,
}

#[derive(Debug)]
struct Door {
    path: PathBuf,
    task: JoinHandle<()>,
}

impl Host {
    /// Listens at a path. The caller holds the profile's lock, so an existing socket is left over
    /// from a process that has exited.
    ///
    /// # Errors
    /// Fails if the socket cannot be created.
    pub fn open(path: &Path) -> io::Result<Self> {
        let (tell, said) = mpsc::channel(super::wire::MESSAGES_MAX);
        let task = accept(path, tell)?;
        Ok(Self { said, door: Some(Door { path: path.to_path_buf(), task }) })
    }

    /// Creates a host without a socket.
    pub fn closed() -> Self {
        Self { said: mpsc::channel(1).1, door: None }
    }

    /// Returns the next event of a client. Never returns if no client can connect.
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
            // If this fails, the next process that opens the profile removes the socket.
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
    // The folder has mode 0700, so no other user can connect between the two calls.
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
    // Sending fails only if the host is dropped.
    let _ = said.send((id, Said::Left)).await;
}
