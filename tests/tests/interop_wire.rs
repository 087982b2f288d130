//! The wire against a living JavaScript peer. Needs node, and `npm ci` in `golden/generate`:
//! `cargo test -p multifeed-tests -- --ignored`.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use bytes::BytesMut;
use multifeed_core::{
    crypto::sign::KeyPair,
    peer::secure::{Received, SecretStream},
    rng::Rng,
    wire::mux::{Batch, MuxMessage, messages},
};

const FRAME_SIZE_MAX: usize = 1 << 20;
const PATIENCE: Duration = Duration::from_secs(20);

fn node(arguments: &[&str]) -> Child {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("interop/echo.js");
    Command::new("node").arg(script).args(arguments).stdout(Stdio::piped()).spawn().unwrap()
}

/// Sends every message back until the remote hangs up.
fn echo(mut socket: TcpStream, mut secure: SecretStream, mut out: BytesMut) -> io::Result<()> {
    socket.set_read_timeout(Some(PATIENCE))?;
    let mut bytes = [0; 5_000];
    loop {
        socket.write_all(&out.split())?;
        let count = match socket.read(&mut bytes) {
            Ok(0) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(()),
            read => read?,
        };
        secure.push_bytes(&bytes[..count]);
        while let Some(received) = secure.next(&mut out).unwrap() {
            if let Some(frame) = answer(received) {
                secure.send(&frame, &mut out).unwrap();
            }
        }
    }
}

fn answer(received: Received) -> Option<BytesMut> {
    let open = MuxMessage::Open { local_id: 1, protocol: "echo", id: Some(b"id"), handshake: b"" };
    let mut batch = Batch::new();
    match received {
        Received::Opened { .. } => batch.push(&open),
        Received::KeepAlive => {}
        Received::Message(frame) => {
            for message in messages(&frame) {
                match message.unwrap() {
                    message @ MuxMessage::Message { channel: 1, .. } => batch.push(&message),
                    message => assert_eq!(message, open),
                }
            }
        }
    }
    batch.take()
}

#[test]
#[ignore = "needs node and its packages"]
fn javascript_gets_its_messages_back_as_initiator() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut peer = node(&["connect", &port.to_string()]);
    let key_pair = KeyPair::from_seed(&[1; 32]);
    let secure = SecretStream::responder(&key_pair, Rng::new([2; 32]), FRAME_SIZE_MAX);
    let echoed = echo(listener.accept().unwrap().0, secure, BytesMut::new());
    assert!(peer.wait().unwrap().success(), "{echoed:?}");
}

#[test]
#[ignore = "needs node and its packages"]
fn javascript_gets_its_messages_back_as_responder() {
    let mut peer = node(&["listen"]);
    let mut port = String::new();
    BufReader::new(peer.stdout.as_mut().unwrap()).read_line(&mut port).unwrap();
    let socket = TcpStream::connect(("127.0.0.1", port.trim().parse().unwrap())).unwrap();
    let key_pair = KeyPair::from_seed(&[3; 32]);
    let mut out = BytesMut::new();
    let secure = SecretStream::initiator(&key_pair, Rng::new([4; 32]), FRAME_SIZE_MAX, &mut out);
    let echoed = echo(socket, secure, out);
    assert!(peer.wait().unwrap().success(), "{echoed:?}");
}
