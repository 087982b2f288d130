//! The example that drives the core with threads and blocking sockets does what it says.

#![allow(dead_code)]

#[path = "../examples/blocking.rs"]
mod blocking;

use std::net::{TcpListener, TcpStream};
use std::thread;

use multifeed_core::Role;

#[test]
fn two_threads_exchange_their_feeds_over_blocking_sockets() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let dialler = thread::spawn(|| blocking::sync(socket, Role::Initiator, b"one"));
    let mut held = blocking::sync(listener.accept().unwrap().0, Role::Responder, b"two").unwrap();
    let mut also_held = dialler.join().unwrap().unwrap();
    held.sort();
    also_held.sort();
    assert_eq!(held, ["one", "two"]);
    assert_eq!(also_held, held);
}

#[test]
fn the_example_is_short() {
    let lines = include_str!("../examples/blocking.rs").lines().count();
    assert!(lines <= 120, "{lines} lines");
}
