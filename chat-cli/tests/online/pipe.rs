//! Tests programs that exchange JSON lines: the pipe, the example bots, and the schema.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::program::{Finished, Home, Running, TestDir};

fn send_command(pipe: &mut Running, command: &Value) {
    pipe.type_line(&command.to_string());
}

fn is_message(text: &str) -> impl Fn(&Value) -> bool + '_ {
    move |line| line["type"] == "message" && line["text"] == text
}

/// Checks every line against the schema: exactly one definition has its type, all required fields
/// are present, and every field is defined and has the defined type.
pub(crate) fn check_schema(lines: &[Value]) {
    let schema: Value = serde_json::from_str(include_str!("../../schema/lines-1.json"))
        .expect("the schema is JSON");
    let kinds = schema["oneOf"].as_array().expect("kinds");
    for line in lines {
        assert_eq!(line["v"], schema["properties"]["v"]["const"], "{line}");
        let is_one = |kind: &&Value| {
            let about = &kind["properties"]["type"];
            let several = about["enum"].as_array().is_some_and(|all| all.contains(&line["type"]));
            about["const"] == line["type"] || several
        };
        let mut fits = kinds.iter().filter(is_one);
        let (Some(kind), None) = (fits.next(), fits.next()) else { panic!("which one: {line}") };
        for name in kind["required"].as_array().expect("a list") {
            assert!(line.get(name.as_str().expect("a name")).is_some(), "{line} lacks {name}");
        }
        for (name, value) in line.as_object().expect("an object") {
            let about = &kind["properties"][name];
            assert!(name == "v" || about.is_object(), "{line} has {name}");
            check_value(&schema, about, value);
        }
    }
}

fn check_value(schema: &Value, about: &Value, value: &Value) {
    let about = match about["$ref"].as_str() {
        Some(dir) => schema.pointer(&dir[1..]).expect("a definition"),
        None => about,
    };
    let is = |kind: &str| match kind {
        "string" => value.is_string(),
        "integer" => value.is_u64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "array" => value.is_array(),
        _ => value.is_object(),
    };
    let right = match &about["type"] {
        Value::String(kind) => is(kind),
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).any(is),
        _ => true,
    };
    assert!(right, "{value} is not {about}");
    if let Some(values) = about["enum"].as_array() {
        assert!(values.contains(value), "{value} is none of {about}");
    }
}

fn types(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|line| line["type"].as_str().expect("a type")).collect()
}

#[test]
fn pipe_answers_each_command_and_reports_delivery() {
    let dir = TestDir::new();
    let (a, invite) = dir.host("first");
    let b = dir.joiner("second", &invite);
    let (mut serving, addr) = b.serve(&[]);
    let mut pipe = a.start(&["--peer", &addr, "pipe"]);
    let hello = pipe.wait(|line| line["type"] == "hello");
    assert_eq!(hello["rooms"], json!(["kitchen"]));
    serving.wait(|line| line["type"] == "peer");
    send_command(&mut pipe, &json!({"cmd": "send", "ref": "a1", "text": "hello", "new": "field"}));
    let ack = pipe.wait(|line| line["type"] == "ack");
    assert_eq!((&ack["ref"], &ack["state"]), (&json!("a1"), &json!("stored")));
    let status = pipe.wait(|line| line["type"] == "status");
    assert_eq!((&status["id"], &status["holders"]), (&ack["id"], &json!(1)));
    send_command(&mut pipe, &json!({"cmd": "dance", "ref": "a2"}));
    let error = pipe.wait(|line| line["type"] == "error");
    assert_eq!((&error["ref"], &error["code"]), (&json!("a2"), &json!("pipe.command")));
    send_command(&mut pipe, &json!({"cmd": "send", "ref": "a3", "text": " "}));
    assert_eq!(pipe.wait(|line| line["type"] == "error")["code"], "message.empty");
    send_command(&mut pipe, &json!({"cmd": "send", "ref": "a4", "text": "x", "room": "another"}));
    assert_eq!(pipe.wait(|line| line["type"] == "error")["code"], "pipe.room");
    pipe.type_line("[not an object");
    assert_eq!(pipe.wait(|line| line["type"] == "error")["code"], "pipe.json");
    let done = pipe.end();
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(done.lines().last().expect("a line")["reason"], "eof");
    serving.stop("TERM");
    assert_eq!(b.texts(), ["hello"]);
}

#[test]
fn all_json_output_follows_the_schema() {
    let dir = TestDir::new();
    let (a, invite) = dir.host("first");
    let b = dir.joiner("second", &invite);
    assert_eq!(a.run(&["send", "-c", "random", "hi\u{1b}[2J"]).code, 0);
    let (serving, addr) = a.serve(&[]);
    let input = concat!(
        r#"{"cmd":"send","ref":"r","text":"one"}"#,
        "\nnonsense\n",
        r#"{"cmd":"topic","text":"two"}"#,
        "\n"
    );
    let piped = b.run_with(input, &["--peer", &addr, "pipe", "-n", "9"]);
    assert_eq!(piped.code, 0, "{piped:?}");
    let synced = b.run(&["--json", "--peer", &addr, "sync"]);
    let sent = b.run(&["--json", "--peer", &addr, "send", "two"]);
    let served = serving.stop("TERM");
    let key = b.run(&["feeds"]).out[..8].to_string();
    let run = |words: &[&str]| b.run(&[&["--json"], words].concat());
    let quiet: Vec<Finished> = vec![
        run(&["tail"]),
        run(&["rooms"]),
        run(&["feeds"]),
        run(&["channels"]),
        run(&["peers"]),
        run(&["version"]),
        run(&["status"]),
        run(&["whoami"]),
        run(&["invite"]),
        run(&["search", "o"]),
        run(&["export", "--format", "jsonl"]),
        run(&["inspect", "feed", &key]),
        run(&["inspect", "feed", "0000"]),
        run(&["doctor"]),
        run(&["config", "get"]),
        run(&["send", ""]),
        run(&["--room", "nowhere", "tail"]),
        run(&["demo", "--peers", "2", "--messages", "1"]),
    ];
    let all = [piped, synced, sent, served].into_iter().chain(quiet);
    let lines: Vec<Value> = all.flat_map(|done| done.lines()).collect();
    check_schema(&lines);
    let seen = types(&lines);
    let expected = [
        "hello",
        "ack",
        "error",
        "status",
        "message",
        "topic",
        "peer",
        "sync",
        "sent",
        "bye",
        "room",
        "feed",
        "whoami",
        "setting",
        "channel",
        "version",
        "note",
        "inspected",
        "check",
        "demo",
    ];
    for kind in expected {
        assert!(seen.contains(&kind), "no line of type {kind} among {seen:?}");
    }
}

#[test]
fn search_export_and_inspect_agree_between_members() {
    let dir = TestDir::new();
    let (a, invite) = dir.host("first");
    let b = dir.joiner("second", &invite);
    assert_eq!(a.run(&["send", "--channel", "ideas", "a Good one\nwith `two` lines"]).code, 0);
    assert_eq!(a.run(&["send", "another"]).code, 0);
    let (serving, addr) = a.serve(&[]);
    assert_eq!(b.run(&["--peer", &addr, "sync"]).code, 0);
    serving.stop("TERM");
    let found = b.run(&["--json", "search", "GOOD"]).lines();
    assert_eq!((found.len(), &found[0]["channel"]), (1, &json!("ideas")));
    assert_eq!(b.run(&["search", "-c", "general", "good"]).out, "");
    let page = b.run(&["export", "--format", "md", "--channel", "ideas"]).out;
    assert!(page.starts_with("### `first·") && page.contains("\n    with `two` lines\n"), "{page}");
    let page = b.run(&["export", "--format", "html"]).out;
    assert!(page.starts_with("<!DOCTYPE html>\n") && page.ends_with("</html>\n"), "{page}");
    assert!(page.contains("<p>a Good one\nwith `two` lines</p>"), "{page}");
    assert_eq!(b.run(&["export"]).out, a.run(&["export"]).out);
    let key = a.run(&["feeds"]).out[..12].to_string();
    let inspect = |home: &Home| home.run(&["--json", "inspect", "feed", &key]).lines()[0].clone();
    let (ours, theirs) = (inspect(&a), inspect(&b));
    assert_eq!((&ours["length"], &ours["digest"]), (&json!(2), &theirs["digest"]));
    assert_eq!(b.run(&["inspect", "feed", "ffff"]).code, 3);
}

#[test]
fn example_bots_answer() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let bots = [
        ("sh", "echo-bot.sh", "!echo again", "again"),
        ("python3", "dice-bot.py", "!dice", "second throws a "),
        ("node", "greet-bot.js", "hi", "Welcome, second!"),
    ];
    for (runner, file, question, answer) in bots {
        if Command::new(runner).arg("-c").arg("").stdout(Stdio::null()).status().is_err() {
            say(&format!("left out: {file}: {runner} is not there"));
            continue;
        }
        let dir = TestDir::new();
        let (a, invite) = dir.host("first");
        let b = dir.joiner("second", &invite);
        let mut asking = b.start(&["--listen", "127.0.0.1:0", "chat"]);
        let listening = asking.wait(|line| line["type"] == "listening");
        let addr = listening["addr"].as_str().expect("an address");
        let bot = Bot::start(runner, &examples.join(file), &a, addr);
        asking.wait(|line| line["type"] == "peer" && line["state"] == "up");
        asking.type_line(question);
        let is_answer = |line: &Value| {
            line["type"] == "message"
                && line["author"]["nick"] == "first"
                && line["text"].as_str().is_some_and(|text| text.starts_with(answer))
        };
        asking.wait(is_answer);
        asking.type_line("/quit");
        drop(bot);
    }
}

#[test]
fn newcomers_get_old_messages_as_history_and_bots_do_not_answer_them() {
    let dir = TestDir::new();
    let (a, invite) = dir.host("first");
    let input = "!dice\n".repeat(20);
    assert_eq!(a.run_with(&input, &["chat"]).code, 0);
    let mut asking = a.start(&["--listen", "127.0.0.1:0", "chat"]);
    let listening = asking.wait(|line| line["type"] == "listening");
    let addr = listening["addr"].as_str().expect("an address");
    let bot = dir.joiner("bot", &invite);
    let mut pipe = bot.start(&["--peer", addr, "pipe"]);
    let mut followed = dir.joiner("reader", &invite).start(&["--peer", addr, "tail", "-f"]);
    for program in [&mut pipe, &mut followed] {
        for at in 0..20 {
            let old = program.wait(|line| line["type"] == "message");
            assert_eq!((&old["text"], &old["backfill"]), (&json!("!dice"), &json!(true)), "{at}");
        }
    }
    asking.type_line("!dice");
    for program in [&mut pipe, &mut followed] {
        let new = program.wait(|line| line["type"] == "message");
        assert_eq!((&new["text"], &new["backfill"]), (&json!("!dice"), &json!(false)));
    }
    assert_eq!(pipe.end().code, 0);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/dice-bot.py");
    if Command::new("python3").arg("-c").arg("").status().is_err() {
        return say("left out: dice-bot.py: python3 is not there");
    }
    asking.type_line("/quit");
    assert_eq!(asking.end().code, 0);
    let (mut serving, addr) = a.serve(&[]);
    let bot = Bot::start("python3", &script, &dir.joiner("late", &invite), &addr);
    for _ in 0..3 {
        assert_eq!(a.run(&["send", "--wait", "peer", "--timeout", "60s", "!dice"]).code, 0);
    }
    // 21 old messages, 3 new ones, and at least one answer.
    serving.wait(|line| line["type"] == "sync" && line["have"].as_u64() >= Some(25));
    drop(bot);
    serving.stop("TERM");
    let answers = a.texts().iter().filter(|text| text.contains("throws a")).count();
    assert!((1..=3).contains(&answers), "{answers}");
}

/// Prints a note for the reader of the test's output.
#[expect(clippy::print_stdout, reason = "it is meant to be read")]
fn say(word: &str) {
    println!("{word}");
}

/// A bot with its child processes; dropping it ends all of them.
struct Bot(Child);

impl Bot {
    fn start(runner: &str, script: &Path, home: &Home, addr: &str) -> Self {
        let program = env!("CARGO_BIN_EXE_multichat");
        let mut command = Command::new(runner);
        command.arg(script).arg(program).arg("--data-dir").arg(&home.data).args(["--peer", addr]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        Self(command.spawn().expect("a bot"))
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        let group = format!("-{}", self.0.id());
        let _ = Command::new("kill").args(["-TERM", "--", &group]).status();
        let _ = self.0.wait();
    }
}

#[test]
fn answers_follow_questions_on_both_sides() {
    let dir = TestDir::new();
    let (a, invite) = dir.host("first");
    let b = dir.joiner("second", &invite);
    let mut one = a.start(&["--listen", "127.0.0.1:0", "chat"]);
    let listening = one.wait(|line| line["type"] == "listening");
    let mut two = b.start(&["--peer", listening["addr"].as_str().expect("an address"), "chat"]);
    one.type_line("question");
    two.wait(is_message("question"));
    two.type_line("answer");
    let answer = one.wait(is_message("answer"));
    assert_eq!(answer["clock"].as_object().expect("a clock").len(), 1);
    one.type_line("thanks");
    two.wait(is_message("thanks"));
    two.type_line("/quit");
    one.type_line("/quit");
    assert_eq!((two.end().code, one.end().code), (0, 0));
    assert_eq!(a.texts(), ["question", "answer", "thanks"]);
    assert_eq!(b.texts(), a.texts());
}
