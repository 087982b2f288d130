//! Tests line mode on pipes, as a program sees it.

use serde_json::Value;

use crate::program::TestDir;

fn is_message(text: &str) -> impl Fn(&Value) -> bool + '_ {
    move |line| line["type"] == "message" && line["text"] == text
}

#[test]
fn two_line_mode_members_exchange_messages() {
    let dir = TestDir::new();
    let (a, invite) = dir.host("first");
    let b = dir.joiner("second", &invite);
    let mut one = a.start(&["--listen", "127.0.0.1:0", "chat"]);
    let listening = one.wait(|line| line["type"] == "listening");
    let addr = listening["addr"].as_str().expect("an address");
    let mut two = b.start(&["--peer", addr]);
    two.wait(|line| line["type"] == "peer" && line["state"] == "up");
    one.type_line("hello");
    let ack = one.wait(|line| line["type"] == "ack");
    assert_eq!(ack["state"], "stored");
    let received = two.wait(is_message("hello"));
    assert_eq!((&received["id"], &received["author"]["nick"]), (&ack["id"], &"first".into()));
    two.type_line("//not a command");
    one.wait(is_message("/not a command"));
    two.type_line("/nick bob");
    two.type_line("still me");
    assert_eq!(one.wait(is_message("still me"))["author"]["nick"], "bob");
    two.type_line("/quit");
    assert_eq!(two.end().code, 0);
    one.wait(|line| line["type"] == "peer" && line["state"] == "down");
    assert_eq!(one.stop("TERM").code, 143);
    assert_eq!(a.texts(), ["hello", "/not a command", "still me"]);
}

#[test]
fn plain_streams_get_no_prompt() {
    let dir = TestDir::new();
    let (a, _) = dir.host("first");
    let done = a.run_with("one\n\n/status\n/nonsense\ntwo\n", &["chat"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert!(!done.out.contains('\u{1b}') && !done.out.contains('›'), "{done:?}");
    let said: Vec<&str> = done.out.lines().filter(|line| line.contains("first·")).collect();
    assert!(said[0].ends_with("  one") && said[1].ends_with("  two"), "{done:?}");
    assert!(done.err.contains("no command /nonsense"), "{done:?}");
    assert!(done.err.contains("1 message of 1 member"), "{done:?}");
    assert!(done.err.contains("not yet on any peer"), "{done:?}");
    assert_eq!(a.texts(), ["one", "two"]);
}

#[test]
fn refused_line_is_reported_and_the_next_is_sent() {
    let dir = TestDir::new();
    let (a, _) = dir.host("first");
    let long = "x".repeat(9_000);
    let done = a.run_with(&format!("{long}\nshort\n"), &["chat"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert!(done.err.contains("not sent: the message has 9000 bytes"), "{done:?}");
    assert_eq!(a.texts(), ["short"]);
}

#[test]
fn end_of_input_waits_for_delivery() {
    let dir = TestDir::new();
    let (a, invite) = dir.host("first");
    let (serving, addr) = a.serve(&[]);
    let b = dir.joiner("second", &invite);
    let done = b.run_with("last words\n", &["--peer", &addr, "chat"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(serving.stop("TERM").code, 143);
    assert_eq!(a.texts(), ["last words"]);
}

#[test]
fn no_arguments_open_the_last_room() {
    let dir = TestDir::new();
    let (a, _) = dir.host("first");
    assert_eq!(a.run_with("said in it\n", &[]).code, 0);
    assert_eq!(a.texts(), ["said in it"]);
    assert_eq!(a.run_with("by name\n", &["kitchen"]).code, 0);
    assert_eq!(a.texts().len(), 2);
    let room = a.run_with("in a new one\n", &["new", "cellar"]);
    assert_eq!(room.code, 0, "{room:?}");
    assert_eq!(a.texts(), ["in a new one"]);
    let rooms = a.run(&["rooms"]).out;
    assert!(rooms.contains("kitchen") && rooms.contains("cellar"), "{rooms}");
}

#[test]
fn ephemeral_member_writes_nothing() {
    let dir = TestDir::new();
    let (a, invite) = dir.host("first");
    let (serving, addr) = a.serve(&[]);
    let joiner = dir.home("guest");
    let words = ["--ephemeral", "--nick", "ghost", "--peer", &addr, "join", &invite];
    assert_eq!(joiner.run_with("boo\n", &words).code, 0);
    assert!(!joiner.data.exists());
    assert_eq!(serving.stop("TERM").code, 143);
    assert_eq!(a.messages(), [("ghost".to_string(), "boo".to_string())]);
}
