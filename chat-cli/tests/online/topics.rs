//! Tests how members learn the topic of a channel.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::program::{Home, TestDir};

fn sync(home: &Home, addr: &str) {
    let synced = home.run(&["--peer", addr, "sync", "--until", "all"]);
    assert_eq!(synced.code, 0, "{synced:?}");
}

/// Returns the index of the only room.
fn index(home: &Home) -> PathBuf {
    home.store().with_file_name("").join("../view.redb")
}

/// Returns the topic from the list of channels, and checks the slash command, which uses only the
/// index.
fn topic(home: &Home, channel: &str) -> Option<String> {
    let channels = home.run(&["--json", "channels"]).lines();
    let of = channels.iter().find(|line| line["name"] == channel).expect("the channel");
    let listed = of.get("topic").map(|topic| topic.as_str().expect("a text").to_string());
    let output = home.run_with(&format!("/channel {channel}\n/topic\n"), &["chat"]).err;
    match &listed {
        Some(topic) => {
            assert!(output.contains(&format!("#{channel} ─ {topic} (set by")), "{output}")
        }
        None => assert!(output.contains(&format!("#{channel} has no topic")), "{output}"),
    }
    listed
}

#[test]
fn topic_is_set_shown_and_cleared_for_all() {
    let dir = TestDir::new();
    let (a, invite) = dir.host("first");
    let b = dir.joiner("second", &invite);
    assert_eq!(topic(&a, "general"), None);
    let set = a.run_with("hello\n/topic soup at noon\n", &["chat"]);
    assert_eq!(set.code, 0, "{set:?}");
    assert!(set.out.contains("─first·") && set.out.contains("  set the topic: soup at noon"));
    let (serving, addr) = a.serve(&[]);
    sync(&b, &addr);
    assert_eq!(topic(&b, "general").as_deref(), Some("soup at noon"));
    let lines = b.run(&["tail", "--json"]).lines();
    let fields = |line: &Value| (line["type"].clone(), line["text"].clone());
    assert_eq!(fields(&lines[1]), (json!("topic"), json!("soup at noon")));
    assert!(b.run(&["channels"]).out.contains("  ─ soup at noon"));
    assert_eq!(b.run(&["--json", "search", "SOUP"]).lines().len(), 1);
    assert!(b.run(&["export", "--format", "md"]).out.contains("    set the topic: soup at noon"));
    // A message of the channel is counted, a topic is not.
    assert_eq!(b.run(&["--json", "channels"]).lines()[0]["messages"], 1);

    let gone = b.run_with("/topic -\n", &["--peer", &addr, "chat"]);
    assert_eq!(gone.code, 0, "{gone:?}");
    assert!(!gone.err.contains("not yet on any peer"), "{gone:?}");
    serving.stop("TERM");
    assert_eq!((topic(&a, "general"), topic(&b, "general")), (None, None));
    assert!(a.run(&["tail"]).out.contains("  cleared the topic"));
    assert_eq!(a.texts(), ["hello", "soup at noon", ""]);
}

#[test]
fn members_agree_on_the_topic_and_hidden_ones_set_none() {
    let dir = TestDir::new();
    let (a, invite) = dir.host("first");
    let b = dir.joiner("second", &invite);
    // Neither has seen the other's topic, so the later one by the clock is valid for both.
    assert_eq!(a.run_with("/topic of the first\n", &["chat"]).code, 0);
    assert_eq!(b.run_with("/topic of the second\n", &["chat"]).code, 0);
    let (serving, addr) = a.serve(&[]);
    sync(&b, &addr);
    serving.stop("TERM");
    for home in [&a, &b] {
        assert_eq!(topic(home, "general").as_deref(), Some("of the second"));
        let index = index(home);
        assert!(index.exists());
        assert_eq!(home.run(&["doctor", "store", "--fix"]).code, 0);
        assert_eq!(topic(home, "general").as_deref(), Some("of the second"));
        std::fs::remove_file(index).expect("it is there");
        assert_eq!(topic(home, "general").as_deref(), Some("of the second"));
    }
    assert_eq!(a.run(&["mod", "hide", "second"]).code, 0);
    assert_eq!(topic(&a, "general").as_deref(), Some("of the first"));
    assert_eq!(a.run(&["mod", "block", "second"]).code, 0);
    assert_eq!(topic(&a, "general").as_deref(), Some("of the first"));
    // Blocking deleted the messages, and the name with them.
    let whoami = b.run(&["--json", "whoami"]).lines();
    let key = whoami[0]["key"].as_str().expect("a key");
    assert_eq!(a.run(&["mod", "unblock", key]).code, 0);
    let (_serving, addr) = b.serve(&[]);
    sync(&a, &addr);
    assert_eq!(topic(&a, "general").as_deref(), Some("of the second"));
}

#[test]
fn pipe_sets_topics_and_refuses_long_ones() {
    let dir = TestDir::new();
    let (a, _) = dir.host("first");
    let command = |text: &str| {
        json!({ "cmd": "topic", "ref": "t", "channel": "lunch", "text": text }).to_string() + "\n"
    };
    let done = a.run_with(&(command("soup") + &command(&"x".repeat(200))), &["pipe"]);
    assert_eq!(done.code, 0, "{done:?}");
    let lines = done.lines();
    let has = |kind: &str| lines.iter().find(|line| line["type"] == kind).expect("a line");
    assert_eq!(has("ack")["ref"], "t");
    assert_eq!(
        (&has("topic")["text"], &has("topic")["channel"]),
        (&json!("soup"), &json!("lunch"))
    );
    assert_eq!(has("error")["code"], "topic.long");
    let long = a.run_with(&format!("/topic {}\n", "x".repeat(200)), &["chat"]);
    assert!(long.code == 0 && long.err.contains("the topic has 200 columns"), "{long:?}");
    assert_eq!(topic(&a, "lunch").as_deref(), Some("soup"));
    assert_eq!(a.run(&["tail", "--json"]).lines().len(), 1);
}

#[test]
fn index_holds_no_topic_text_and_no_channel_name() {
    let dir = TestDir::new();
    let (a, _) = dir.host("first");
    assert_eq!(a.run_with("/channel rendezvous\n/topic moonlight\n", &["chat"]).code, 0);
    assert_eq!(topic(&a, "rendezvous").as_deref(), Some("moonlight"));
    let bytes = std::fs::read(index(&a)).expect("an index");
    for word in ["rendezvous", "moonlight"] {
        assert!(!bytes.windows(word.len()).any(|part| part == word.as_bytes()), "{word}");
    }
}
