//! Serves attached clients in the process that has the profile open.

use std::io;
use std::path::{Path, PathBuf};

#[cfg(unix)]
use blake2::Blake2bVar;
#[cfg(unix)]
use blake2::digest::{Update, VariableOutput};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::{Request, Response};
use crate::args::Global;
#[cfg(unix)]
use crate::ids::hex;
use crate::profile::Profile;
use crate::report::Failure;

/// The name of the socket in the profile's folder.
pub const SOCKET: &str = "window.sock";
/// The most clients at a time; further connections are closed. Chosen: more windows than a person
/// uses, and bounds memory.
pub const CLIENTS_MAX: usize = 8;

/// The longest path of a socket, in bytes. Derivation: `sun_path` has 108 bytes on Linux and 104 on
/// macOS, with a final zero.
const SOCKET_PATH_BYTES_MAX: usize = 103;

/// Returns the socket path of the profile; `None` if the profile is not on disk, or no folder is
/// private enough for the socket. If the path in the profile's folder is too long for a socket, it
/// is in a folder for such sockets.
///
/// # Errors
/// Fails if there is no home folder.
pub fn socket_path(global: &Global) -> Result<Option<PathBuf>, Failure> {
    let Some(folder) = Profile::folder(global)? else { return Ok(None) };
    let path = folder.join(SOCKET);
    if path.as_os_str().len() <= SOCKET_PATH_BYTES_MAX {
        return Ok(Some(path));
    }
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let base = runtime.filter(|base| base.is_absolute()).unwrap_or_else(std::env::temp_dir);
    Ok(short_path(&base, &folder))
}

/// Returns a path for the socket of the profile in a folder, in a folder of this user below `base`.
#[cfg(unix)]
fn short_path(base: &Path, folder: &Path) -> Option<PathBuf> {
    use std::fs::{self, DirBuilder};
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{DirBuilderExt, MetadataExt};

    let user = nix::unistd::getuid().as_raw();
    let sockets = base.join(format!("multichat-{user}"));
    // It may exist. What matters is whose it is.
    let _ = DirBuilder::new().mode(0o700).create(&sockets);
    let found = fs::symlink_metadata(&sockets).ok()?;
    // In a folder of somebody else, another program could answer instead of the profile's.
    if !found.is_dir() || found.uid() != user || found.mode() & 0o077 != 0 {
        return None;
    }
    let folder = fs::canonicalize(folder).ok()?;
    let mut hash = Blake2bVar::new(8).ok()?;
    hash.update(folder.as_os_str().as_bytes());
    let mut name = [0; 8];
    hash.finalize_variable(&mut name).ok()?;
    Some(sockets.join(format!("{}.sock", hex(&name))))
}

#[cfg(not(unix))]
fn short_path(_: &Path, _: &Path) -> Option<PathBuf> {
    None
}

/// An attached client, numbered in the order of connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClientId(u64);

/// An event of a client.
#[derive(Debug)]
pub enum ClientEvent {
    /// It connected; responses go to this channel.
    Connected(mpsc::Sender<Response>),
    /// It sent a request.
    Requested(Request),
    /// It disconnected.
    Disconnected,
}

/// Accepts clients until dropped.
#[derive(Debug)]
pub struct Host {
    event: mpsc::Receiver<(ClientId, ClientEvent)>,
    /// `None` if no client can connect.
    listener: Option<Listener>,
}

#[derive(Debug)]
struct Listener {
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
        let (sender, event) = mpsc::channel(super::wire::MESSAGES_MAX);
        let task = accept(path, sender)?;
        Ok(Self { event, listener: Some(Listener { path: path.to_path_buf(), task }) })
    }

    /// Creates a host without a socket.
    pub fn closed() -> Self {
        Self { event: mpsc::channel(1).1, listener: None }
    }

    /// Returns the next event of a client. Never returns if no client can connect.
    pub async fn next(&mut self) -> (ClientId, ClientEvent) {
        match self.event.recv().await {
            Some(event) => event,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some(listener) = &self.listener {
            listener.task.abort();
            // If this fails, the next process that opens the profile removes the socket.
            let _ = std::fs::remove_file(&listener.path);
        }
    }
}

#[cfg(unix)]
fn accept(path: &Path, event: mpsc::Sender<(ClientId, ClientEvent)>) -> io::Result<JoinHandle<()>> {
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
    let slots = Arc::new(Semaphore::new(CLIENTS_MAX));
    Ok(tokio::spawn(async move {
        for number in 0.. {
            let Ok((stream, _)) = listener.accept().await else { return };
            let is_own =
                stream.peer_cred().is_ok_and(|peer| peer.uid() == nix::unistd::getuid().as_raw());
            let Ok(slot) = Arc::clone(&slots).try_acquire_owned() else { continue };
            if !is_own {
                continue;
            }
            let event = event.clone();
            tokio::spawn(async move {
                serve_client(stream, ClientId(number), &event).await;
                drop(slot);
            });
        }
    }))
}

#[cfg(not(unix))]
fn accept(_: &Path, _: mpsc::Sender<(ClientId, ClientEvent)>) -> io::Result<JoinHandle<()>> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(unix)]
async fn serve_client(
    stream: tokio::net::UnixStream,
    id: ClientId,
    event: &mpsc::Sender<(ClientId, ClientEvent)>,
) {
    let (read, write) = stream.into_split();
    let (responses, mut requests) = super::wire::spawn_pumps::<Response, Request>(read, write);
    if event.send((id, ClientEvent::Connected(responses))).await.is_err() {
        return;
    }
    while let Some(request) = requests.recv().await {
        if event.send((id, ClientEvent::Requested(request))).await.is_err() {
            return;
        }
    }
    // Sending fails only if the host is dropped.
    let _ = event.send((id, ClientEvent::Disconnected)).await;
}

#[cfg(all(test, unix))]
mod tests;
