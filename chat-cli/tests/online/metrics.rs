//! Tests the metrics page with a scraper, a stranger and many clients.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::pipe::check_schema;
use crate::program::{Home, Running, TestDir};

/// Longer than any step takes on a busy machine.
const STALL_TIMEOUT: Duration = Duration::from_secs(60);

/// Sends a request and returns the response until the connection closes.
fn say(addr: &str, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(addr).expect("it listens");
    stream.set_read_timeout(Some(STALL_TIMEOUT)).expect("a time-out");
    // The connection may close before the whole request is written.
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).expect("UTF-8")
}

fn get(addr: &str) -> String {
    say(addr, format!("GET /metrics HTTP/1.1\r\nHost: {addr}\r\n\r\n").as_bytes())
}

/// Returns the values of a page by name, without the program's prefix.
fn values(addr: &str) -> BTreeMap<String, u64> {
    let answer = get(addr);
    let (head, page) = answer.split_once("\r\n\r\n").expect("a head and a body");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"), "{head}");
    let value = |line: &str| {
        let (name, value) = line.split_once(' ').expect("a value");
        let name = name.strip_prefix("multichat_").expect("our name").to_string();
        (name, value.parse().expect("a number"))
    };
    page.lines().filter(|line| !line.starts_with('#')).map(value).collect()
}

/// Waits until the values match.
fn wait(addr: &str, is_it: impl Fn(&BTreeMap<String, u64>) -> bool) -> BTreeMap<String, u64> {
    let until = Instant::now() + STALL_TIMEOUT;
    loop {
        let values = values(addr);
        if is_it(&values) {
            return values;
        }
        assert!(Instant::now() < until, "{values:#?}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// Serves with a metrics page; returns the listen address and the page's address.
fn serve(home: &Home, more: &[&str]) -> (Running, String, String) {
    let words = [&["--listen", "127.0.0.1:0", "serve", "--metrics", "0"], more].concat();
    let mut running = home.start(&words);
    // The page opens first.
    let page = running.wait(|line| line["type"] == "metrics");
    let listening = running.wait(|line| line["type"] == "listening");
    let addr = |line: &serde_json::Value| line["addr"].as_str().expect("an address").to_string();
    (running, addr(&listening), addr(&page))
}

#[test]
fn metrics_values_are_correct_and_change() {
    let dir = TestDir::new();
    let (a, invite) = dir.host("first");
    assert_eq!(a.run(&["send", "twelve bytes"]).code, 0);
    let (running, addr, page) = serve(&a, &[]);
    let before = values(&page);
    assert_eq!((before["peers"], before["synced"], before["dial_failures_total"]), (0, 0, 0));
    assert_eq!((before["feeds"], before["blocks_held"], before["blocks_wanted"]), (1, 1, 1));
    assert_eq!((before["feeds_full"], before["feeds_forked"]), (0, 0));
    assert_eq!(before["counted_bytes"], before["held_bytes"] + 256);
    assert_eq!(before["counted_bytes_max"], 1 << 30);
    assert_eq!(before["feed_counted_bytes"], before["counted_bytes"]);
    assert_eq!(before["feed_counted_bytes_max"], 64 << 20);

    let b = dir.joiner("second", &invite);
    let mut other = b.start(&["--peer", &addr, "chat"]);
    other.type_line("hello");
    let with = wait(&page, |values| values["synced"] == 1 && values["blocks_held"] == 2);
    assert_eq!((with["peers"], with["peers_synced"], with["feeds"]), (1, 1, 2));
    assert!(with["held_bytes"] > before["held_bytes"], "{with:#?}");
    assert_eq!(with["counted_bytes"], with["held_bytes"] + 2 * 256);
    assert_eq!(with["connections_opened_total"], 1);
    other.type_line("/quit");
    assert_eq!(other.end().code, 0);
    let after = wait(&page, |values| values["peers"] == 0);
    assert_eq!((after["synced"], after["connections_closed_total"]), (0, 1));
    assert_eq!(running.stop("TERM").code, 143);
    assert!(TcpStream::connect(&page).is_err());
}

#[test]
fn failed_dial_is_counted() {
    let dir = TestDir::new();
    let (a, _) = dir.host("first");
    let gone = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = gone.local_addr().expect("an address").to_string();
    drop(gone);
    let mut running = a.start(&["--peer", &addr, "serve", "--metrics", "localhost:0"]);
    let page = running.wait(|line| line["type"] == "metrics");
    let page = page["addr"].as_str().expect("an address");
    let values = wait(page, |values| values["dial_failures_total"] > 0);
    assert_eq!(values["connections_opened_total"], 0);
}

#[test]
fn metrics_page_holds_no_key_name_text_or_address() {
    let dir = TestDir::new();
    let (a, invite) = dir.host("zebedee");
    let b = dir.joiner("yolanda", &invite);
    assert_eq!(a.run(&["send", "-c", "xylophone", "what was said"]).code, 0);
    let (running, addr, page) = serve(&a, &[]);
    assert_eq!(b.run(&["--peer", &addr, "send", "--wait", "all", "and replied"]).code, 0);
    let answer = get(&page);
    assert_eq!(running.stop("TERM").code, 143);
    let keys = a.run(&["feeds"]).out;
    let keys = keys.lines().map(|line| line[..16].to_string());
    let names = ["zebedee", "yolanda", "xylophone", "kitchen", "said", "replied", "127.0.0.1"];
    let invite = invite.trim_start_matches("mfchat:");
    let parts = (0..invite.len() - 12).map(|at| invite[at..at + 12].to_string());
    let port = addr.rsplit(':').next().expect("a port").to_string();
    for secret in keys.chain(names.map(String::from)).chain(parts).chain([port]) {
        // A port may equal a counter; no value here has as many digits.
        assert!(!answer.contains(&secret), "{secret} in {answer}");
    }
    // Every value is a number without labels.
    assert!(!answer.contains(['{', '"']), "{answer}");
}

#[test]
fn invalid_request_gets_a_short_answer() {
    let dir = TestDir::new();
    let (a, _) = dir.host("first");
    let (_running, addr, page) = serve(&a, &[]);
    let long = format!("GET /metrics HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "x".repeat(100_000));
    let many = format!("GET /metrics HTTP/1.1\r\nHost: x\r\n{}\r\n", "X: y\r\n".repeat(1_000));
    let path = format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "x".repeat(1_000_000));
    let cases: [(&[u8], &str); 11] = [
        (b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", "200"),
        (b"GET /metrics HTTP/1.0\r\n\r\n", "200"),
        (b"HEAD /metrics HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "200"),
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", "404"),
        (b"POST /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\n", "405"),
        // As a website would make a browser ask.
        (b"GET /metrics HTTP/1.1\r\nHost: evil.example:9977\r\n\r\n", "403"),
        (b"\x00\xff\x16\x03 what\r\n\r\n", "400"),
        (b"GET /metrics HTTP/9.9\r\n\r\n", "400"),
        (long.as_bytes(), "431"),
        (many.as_bytes(), "431"),
        (path.as_bytes(), "431"),
    ];
    for (request, status) in cases {
        let answer = say(&page, request);
        let what = String::from_utf8_lossy(&request[..request.len().min(60)]).into_owned();
        let begins = answer.split(' ').nth(1).unwrap_or_default();
        // A client that writes to a closed connection may miss the response.
        let may_miss = request.len() > 8 * 1024 && begins.is_empty();
        assert!(begins == status || may_miss, "{what}: {answer}");
        assert!(status == "200" || answer.len() < 400, "{what}: {answer}");
    }
    // A client of the wrong protocol is not counted as a peer.
    assert!(!say(&addr, b"GET /metrics HTTP/1.1\r\n\r\n").contains("multichat_"));
    values(&page);
}

#[test]
fn thousand_idle_connections_do_not_block_others() {
    let dir = TestDir::new();
    let (a, invite) = dir.host("first");
    let (mut running, addr, page) = serve(&a, &[]);
    let begun = Instant::now();
    let one = |at: usize| {
        let mut stream = TcpStream::connect(&page).expect("it listens");
        if at.is_multiple_of(2) {
            let _ = stream.write_all(b"GET /metrics HTTP/1.1\r\nHost:");
        }
        stream
    };
    let mut idle: Vec<_> = (0..1_000).map(one).collect();
    values(&page);
    // On a busy machine the first connections have timed out by now. These have not.
    idle.extend((0..100).map(one));
    values(&page);
    let b = dir.joiner("second", &invite);
    assert_eq!(b.run(&["--peer", &addr, "send", "--wait", "all", "hello"]).code, 0);
    running.wait(|line| line["type"] == "sync" && line["have"] == 1);
    wait(&page, |values| values["blocks_held"] == 1);
    assert!(begun.elapsed() < STALL_TIMEOUT, "{:?}", begun.elapsed());
    // No more are open than the limit, and each of them ends.
    let first = idle.first_mut().expect("a stream");
    first.set_read_timeout(Some(STALL_TIMEOUT)).expect("a time-out");
    assert!(matches!(first.read(&mut [0; 64]), Ok(0) | Err(_)));
    let last = idle.last_mut().expect("a stream");
    last.set_read_timeout(Some(STALL_TIMEOUT)).expect("a time-out");
    let mut answer = Vec::new();
    let _ = last.read_to_end(&mut answer);
    assert!(answer.len() < 400, "{answer:?}");
}

#[test]
fn half_closed_connection_gets_an_answer() {
    let dir = TestDir::new();
    let (a, _) = dir.host("first");
    let (_running, _, page) = serve(&a, &[]);
    let mut stream = TcpStream::connect(&page).expect("it listens");
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").expect("it reads");
    stream.shutdown(Shutdown::Write).expect("it is open");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.contains("multichat_peers 0"), "{answer}");
}

#[test]
fn public_metrics_address_needs_a_flag() {
    let dir = TestDir::new();
    let (a, _) = dir.host("first");
    let words = ["--listen", "127.0.0.1:0", "serve", "--metrics", "0.0.0.0:0"];
    let done = a.run(&words);
    assert_eq!(done.code, 2, "{done:?}");
    assert!(done.err.contains("error[metrics.public]"), "{done:?}");
    let mut running = a.start(&[&words[..], &["--metrics-public"]].concat());
    let warning = running.wait(|line| line["type"] == "warning");
    assert_eq!(warning["code"], "metrics.public");
    let page = running.wait(|line| line["type"] == "metrics");
    assert_eq!(page["public"], true);
    check_schema(&[warning, page.clone()]);
    let port = page["addr"].as_str().expect("an address").rsplit(':').next().expect("a port");
    let addr = format!("127.0.0.1:{port}");
    let named = "GET /metrics HTTP/1.1\r\nHost: seeder.example\r\n\r\n";
    assert!(say(&addr, named.as_bytes()).starts_with("HTTP/1.1 200"));
    let taken = a.run(&["--profile", "other", "--nick", "x", "new", "--no-open"]);
    assert_eq!(taken.code, 0, "{taken:?}");
    let words = ["--profile", "other", "--listen", "127.0.0.1:0", "serve", "--metrics", port];
    let done = a.run(&words);
    assert_eq!(done.code, 9, "{done:?}");
    assert!(done.err.contains("error[metrics.listen]"), "{done:?}");
}
