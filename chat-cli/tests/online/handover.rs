//! Tests sending through the process that has the profile open; the exit code is as reliable.

use crate::program::TestDir;

#[test]
fn send_hands_the_message_to_the_serving_process() {
    let dir = TestDir::new();
    let (a, invite) = dir.host("first");
    let (serving, addr) = a.serve(&[]);
    let isolation_text = a.run(&["send", "anybody?", "--wait", "peer", "--timeout", "1s"]);
    assert_eq!(isolation_text.code, 7, "{isolation_text:?}");
    assert!(isolation_text.err.contains("do not resend"), "{isolation_text:?}");
    let stored = a.run(&["send", "--wait", "stored", "for later"]);
    assert_eq!(stored.code, 0, "{stored:?}");

    let b = dir.joiner("second", &invite);
    let mut other = b.start(&["--peer", &addr, "tail", "-f"]);
    other.wait(|line| line["text"] == "for later");
    let sent = a.run(&["send", "the build is green", "--wait", "peer", "--json"]);
    assert_eq!(sent.code, 0, "{sent:?}");
    assert_eq!(sent.lines()[0]["type"], "ack");
    other.wait(|line| line["text"] == "the build is green");
    let few = a.run(&["send", "and so on", "--wait", "peers=2", "--timeout", "2s"]);
    assert_eq!(few.code, 8, "{few:?}");
    assert!(few.err.contains("stored on 1 of 2 peers"), "{few:?}");

    let elsewhere = a.run(&["--room", "cellar", "send", "hello"]);
    assert_eq!(elsewhere.code, 5, "{elsewhere:?}");
    assert!(elsewhere.err.contains("in the room \"kitchen\""), "{elsewhere:?}");
    let status = a.run(&["status"]);
    assert_eq!(status.code, 5, "{status:?}");
    other.kill();
    assert_eq!(serving.stop("TERM").code, 143);
    let said = ["anybody?", "for later", "the build is green", "and so on"];
    assert_eq!(a.texts(), said);
    // The socket disappears with the process, and the next one creates it again.
    let (serving, _) = a.serve(&[]);
    assert_eq!(a.run(&["send", "--wait", "stored", "again"]).code, 0);
    serving.kill();
    let (serving, _) = a.serve(&[]);
    assert_eq!(a.run(&["send", "--wait", "stored", "and again"]).code, 0);
    serving.kill();
}

#[test]
fn concurrent_sends_wait_for_each_other() {
    let dir = TestDir::new();
    let (a, _) = dir.host("first");
    let sends: Vec<_> = (0..8)
        .map(|n| {
            let text = format!("number {n}");
            a.command(&["send", "--wait", "stored", &text]).spawn().expect("it starts")
        })
        .collect();
    for send in sends {
        let done = crate::program::finish(send);
        assert_eq!(done.code, 0, "{done:?}");
    }
    let mut texts = a.texts();
    texts.sort();
    assert_eq!(texts, (0..8).map(|n| format!("number {n}")).collect::<Vec<_>>());
}

#[test]
fn send_finds_the_serving_process_of_a_long_data_folder() {
    let dir = TestDir::new();
    let name = "a".repeat(60);
    let (a, _) = dir.host(&format!("{name}/{name}"));
    assert!(a.data.as_os_str().len() > 108);
    let (serving, _) = a.serve(&[]);
    let done = a.run(&["send", "--wait", "stored", "hello"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(serving.stop("TERM").code, 143);
    assert_eq!(a.texts(), ["hello"]);
}
