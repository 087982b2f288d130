//! The process that has the profile open, for those that come after it.

use std::io;
use std::path::{Path, PathBuf};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::{Request, Response};
use crate::args::Global;
use crate::profile::Profile;
use crate::report::Failure;

/// The name of the socket in the folder of the profile.
pub const SOCKET: &str = "window.sock";
/// The most guests at one time. One more is let go at once.
pub const CLIENTS_MAX: usize = 8;

/// Where the process that has a profile listens; `None` where nothing goes to disk.
///
/// # Errors
/// If there is no home folder.
pub fn socket(global: &Global) -> Result<Option<PathBuf>, Failure> {
    Profile::folder(global).map(|folder| folder.map(|folder| folder.join(SOCKET)))
}

/// A guest, by the order of coming.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClientId(u64);

/// What a guest did.
#[derive(Debug)]
pub enum ClientEvent {
    /// It came, and is told things here.
    Connected(mpsc::Sender<Response>),
    /// It asked for something.
    Requested(Request),
    /// It is gone.
    Disconnected,
}

/// Lets guests in until it is dropped.
#[derive(Debug)]
pub struct Host {
    event: mpsc::Receiver<(ClientId, ClientEvent)>,
    /// None where no guest can come.
    listener: Option<Listener>,
}

#[derive(Debug)]
struct Listener {
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
        let (sender, event) = mpsc::channel(super::wire::MESSAGES_MAX);
        let task = accept(path, sender)?;
        Ok(Self { event, listener: Some(Listener { path: path.to_path_buf(), task }) })
    }

    /// One to which nobody comes.
    pub fn closed() -> Self {
        Self { event: mpsc::channel(1).1, listener: None }
    }

    /// What a guest does next; for ever if none can come.
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
            // What stays is removed by the next one that opens the profile.
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
    // The folder is 0700, so nobody comes between the two calls.
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
    // The receiver is gone only when the whole host is.
    let _ = event.send((id, ClientEvent::Disconnected)).await;
}
