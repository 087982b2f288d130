#![cfg(unix)]

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crossterm::event::{Event, KeyCode, KeyEvent};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::host::GUESTS_MAX;
use super::*;

/// Opens a host in a temporary folder.
fn host() -> (tempfile::TempDir, PathBuf, Host) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(host::SOCKET);
    let host = Host::open(&path).unwrap();
    (dir, path, host)
}

async fn came(host: &mut Host) -> (GuestId, tokio::sync::mpsc::Sender<Tell>) {
    match host.next().await {
        (id, Said::Came(tells)) => (id, tells),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_guest_asks_and_is_told() {
    let (_dir, path, mut host) = host();
    let mut guest = Guest::come(&path).await.unwrap();
    let (id, tells) = came(&mut host).await;
    let event = Event::Key(KeyEvent::from(KeyCode::Char('é')));
    for ask in [Ask::Window { width: 80, height: 24, has_colours: true }, Ask::Input(event)] {
        guest.ask(ask.clone()).await.unwrap();
        match host.next().await {
            (from, Said::Asked(asked)) => assert_eq!((from, asked), (id, ask)),
            other => panic!("{other:?}"),
        }
    }
    tells.send(Tell::Draw(vec![27; 100_000])).await.unwrap();
    assert_eq!(guest.next().await, Some(Tell::Draw(vec![27; 100_000])));
    drop(guest);
    assert!(matches!(host.next().await, (from, Said::Left) if from == id));
}

#[tokio::test]
async fn a_guest_that_makes_no_sense_goes_alone() {
    let (_dir, path, mut host) = host();
    let _honest = Guest::come(&path).await.unwrap();
    let (honest, _tells) = came(&mut host).await;
    let no_message = [3, 0, 0, 0, 0xff, 0xff, 0xff].to_vec();
    let too_long = u32::MAX.to_le_bytes().to_vec();
    for bytes in [no_message, too_long] {
        let mut stream = UnixStream::connect(&path).await.unwrap();
        let (id, _tells) = came(&mut host).await;
        stream.write_all(&bytes).await.unwrap();
        assert!(matches!(host.next().await, (from, Said::Left) if from == id && id != honest));
        assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn one_guest_too_many_is_let_go() {
    let (_dir, path, mut host) = host();
    let mut guests = Vec::new();
    for _ in 0..GUESTS_MAX {
        // Dropping either end disconnects the client, so both are kept.
        guests.push((Guest::come(&path).await.unwrap(), came(&mut host).await));
    }
    let mut late = UnixStream::connect(&path).await.unwrap();
    assert_eq!(late.read(&mut [0; 1]).await.unwrap(), 0);
    // After a client disconnects, another one can connect.
    drop(guests);
    for _ in 0..GUESTS_MAX {
        assert!(matches!(host.next().await, (_, Said::Left)));
    }
    let _next = Guest::come(&path).await.unwrap();
    came(&mut host).await;
}

#[tokio::test]
async fn the_socket_is_private_takes_the_place_of_an_old_one_and_goes() {
    let (_dir, path, host) = host();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    // Left behind as if the process was killed.
    std::mem::forget(host);
    let host = Host::open(&path).unwrap();
    assert!(Guest::come(&path).await.is_some());
    drop(host);
    assert!(!path.exists());
    assert!(Guest::come(&path).await.is_none());
}

#[tokio::test]
async fn a_guest_that_does_not_read_keeps_nobody_waiting() {
    let (_dir, path, mut host) = host();
    let _stream = UnixStream::connect(&path).await.unwrap();
    let (_, tells) = came(&mut host).await;
    let mut taken = 0;
    // The socket buffers some messages and the queue some more; then sending fails at once.
    while tells.try_send(Tell::Draw(vec![0; 1 << 20])).is_ok() {
        taken += 1;
        tokio::task::yield_now().await;
        assert!(taken < 1_000);
    }
    assert!(taken >= 1);
}
