#![cfg(unix)]

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crossterm::event::{Event, KeyCode, KeyEvent};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::client::Client;
use super::host::{CLIENTS_MAX, ClientEvent, ClientId, Host};
use super::*;

/// Opens a host in a temporary folder.
fn host() -> (tempfile::TempDir, PathBuf, Host) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(host::SOCKET);
    let host = Host::open(&path).unwrap();
    (dir, path, host)
}

async fn came(host: &mut Host) -> (ClientId, tokio::sync::mpsc::Sender<Response>) {
    match host.next().await {
        (id, ClientEvent::Connected(responses)) => (id, responses),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn client_request_gets_a_response() {
    let (_dir, path, mut host) = host();
    let mut client = Client::connect(&path).await.unwrap();
    let (id, responses) = came(&mut host).await;
    let event = Event::Key(KeyEvent::from(KeyCode::Char('é')));
    for request in
        [Request::Window { width: 80, height: 24, has_colours: true }, Request::Input(event)]
    {
        client.request(request.clone()).await.unwrap();
        match host.next().await {
            (from, ClientEvent::Requested(asked)) => assert_eq!((from, asked), (id, request)),
            other => panic!("{other:?}"),
        }
    }
    responses.send(Response::Draw(vec![27; 100_000])).await.unwrap();
    assert_eq!(client.next().await, Some(Response::Draw(vec![27; 100_000])));
    drop(client);
    assert!(matches!(host.next().await, (from, ClientEvent::Disconnected) if from == id));
}

#[tokio::test]
async fn malformed_client_is_disconnected_alone() {
    let (_dir, path, mut host) = host();
    let _honest = Client::connect(&path).await.unwrap();
    let (honest, _tells) = came(&mut host).await;
    let no_message = [3, 0, 0, 0, 0xff, 0xff, 0xff].to_vec();
    let too_long = u32::MAX.to_le_bytes().to_vec();
    for bytes in [no_message, too_long] {
        let mut stream = UnixStream::connect(&path).await.unwrap();
        let (id, _tells) = came(&mut host).await;
        stream.write_all(&bytes).await.unwrap();
        let (from, event) = host.next().await;
        assert!(matches!(event, ClientEvent::Disconnected));
        assert!(from == id && id != honest);
        assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn client_over_the_limit_is_disconnected() {
    let (_dir, path, mut host) = host();
    let mut clients = Vec::new();
    for _ in 0..CLIENTS_MAX {
        // Dropping either end disconnects the client, so both are kept.
        clients.push((Client::connect(&path).await.unwrap(), came(&mut host).await));
    }
    let mut late = UnixStream::connect(&path).await.unwrap();
    assert_eq!(late.read(&mut [0; 1]).await.unwrap(), 0);
    // After a client disconnects, another one can connect.
    drop(clients);
    for _ in 0..CLIENTS_MAX {
        assert!(matches!(host.next().await, (_, ClientEvent::Disconnected)));
    }
    let _next = Client::connect(&path).await.unwrap();
    came(&mut host).await;
}

#[tokio::test]
async fn socket_is_private_replaces_a_stale_one_and_is_removed() {
    let (_dir, path, host) = host();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    // Left behind as if the process was killed.
    std::mem::forget(host);
    let host = Host::open(&path).unwrap();
    assert!(Client::connect(&path).await.is_some());
    drop(host);
    assert!(!path.exists());
    assert!(Client::connect(&path).await.is_none());
}

#[tokio::test]
async fn client_that_does_not_read_blocks_no_other() {
    let (_dir, path, mut host) = host();
    let _stream = UnixStream::connect(&path).await.unwrap();
    let (_, responses) = came(&mut host).await;
    let mut taken = 0;
    // The socket buffers some messages and the queue some more; then sending fails at once.
    while responses.try_send(Response::Draw(vec![0; 1 << 20])).is_ok() {
        taken += 1;
        tokio::task::yield_now().await;
        assert!(taken < 1_000);
    }
    assert!(taken >= 1);
}
