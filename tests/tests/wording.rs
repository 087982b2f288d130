//! Retired words do not return: names, comments and pages use the terms of GLOSSARY.md.
//!
//! The list is `wording/retired.txt`. `MULTIFEED_WORDS=core/ cargo test -p multifeed-tests --test
//! wording` looks only at files whose path begins with `core/`.

use std::collections::BTreeMap;
use std::env;

mod source;
mod tree;

use source::Source;
use tree::{File, all};

/// The replacement for a retired word, in lists sorted by where the word counts.
#[derive(Debug, Default)]
struct Retired {
    /// Whole names, with their capitals.
    names: BTreeMap<String, String>,
    /// Consecutive parts of a name, in small letters.
    parts: Vec<(Vec<String>, String)>,
    /// Consecutive words of a sentence, in small letters.
    phrases: Vec<(Vec<String>, String)>,
}

impl Retired {
    fn parse(list: &str) -> Self {
        let mut retired = Self::default();
        let lines = list.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        for line in lines {
            let (entry, replacement) = line.split_once(" -> ").expect("word -> replacement");
            let (is_ident, is_prose, word) = match entry.split_once(": ") {
                Some(("ident", word)) => (true, false, word),
                Some(("prose", word)) => (false, true, word),
                Some(_) => panic!("unknown prefix: {line}"),
                None => (true, true, entry),
            };
            if is_ident && word.starts_with(char::is_uppercase) {
                retired.names.insert(word.to_owned(), replacement.to_owned());
            } else if is_ident {
                retired.parts.push((parts(word), replacement.to_owned()));
            }
            if is_prose {
                let words = word.split(' ').map(str::to_lowercase).collect();
                retired.phrases.push((words, replacement.to_owned()));
            }
        }
        retired
    }

    /// The retired word in a name, with its replacement.
    fn in_name(&self, name: &str) -> Option<(String, &str)> {
        if let Some(replacement) = self.names.get(name) {
            return Some((name.to_owned(), replacement));
        }
        let own = parts(name);
        let found = self.parts.iter().find(|(parts, _)| contains(&own, parts));
        found.map(|(parts, replacement)| (parts.join("_"), replacement.as_str()))
    }

    /// Every retired phrase in a text: its line, itself and its replacement.
    fn in_prose(&self, lines: &[(usize, String)]) -> Vec<(usize, String, &str)> {
        let words = words(lines);
        let mut found = Vec::new();
        for start in 0..words.len() {
            for (phrase, replacement) in &self.phrases {
                let mut rest = words[start..].iter().map(|(_, word)| word);
                if phrase.iter().all(|word| rest.next() == Some(word)) {
                    found.push((words[start].0, phrase.join(" "), replacement.as_str()));
                }
            }
        }
        found
    }
}

/// The parts of a name, in small letters.
fn parts(name: &str) -> Vec<String> {
    let mut parts = Vec::new();
    for word in name.split('_').filter(|word| !word.is_empty()) {
        let mut part = String::new();
        let letters: Vec<char> = word.chars().collect();
        for (at, letter) in letters.iter().enumerate() {
            let is_start = letter.is_uppercase()
                && at > 0
                && (letters[at - 1].is_lowercase()
                    || letters.get(at + 1).is_some_and(|next| next.is_lowercase()));
            if is_start {
                parts.push(std::mem::take(&mut part));
            }
            part.extend(letter.to_lowercase());
        }
        parts.push(part);
    }
    parts
}

fn contains(all: &[String], wanted: &[String]) -> bool {
    all.windows(wanted.len()).any(|window| window == wanted)
}

/// The words of a text with their lines. An empty word stands between sentences and comments, so
/// that no phrase continues there. Code between backticks is left out.
fn words(lines: &[(usize, String)]) -> Vec<(usize, String)> {
    let (mut words, mut before, mut is_code) = (Vec::new(), 0, false);
    for (number, line) in lines {
        if *number > before + 1 {
            is_code = false;
            words.push((*number, String::new()));
        }
        before = *number;
        let mut word = String::new();
        for letter in line.chars().chain([' ']) {
            is_code ^= letter == '`';
            if !is_code && (letter.is_alphanumeric() || letter == '\'') {
                word.extend(letter.to_lowercase());
                continue;
            }
            if !word.is_empty() {
                words.push((*number, std::mem::take(&mut word)));
            }
            if !letter.is_whitespace() {
                words.push((*number, String::new()));
            }
        }
    }
    words
}

/// What is retired in one file, a line for each finding.
fn findings(retired: &Retired, file: &File) -> Vec<String> {
    let mut found = Vec::new();
    let mut report = |line: usize, word: &str, replacement: &str| {
        found.push(format!("{}:{line}: {word} -> {replacement}", file.name));
    };
    let mut names: Vec<(usize, String)> = Vec::new();
    let prose = if file.name.ends_with(".rs") {
        let stem = file.name.rsplit('/').next().and_then(|name| name.split('.').next());
        names.extend(stem.map(|stem| (1, stem.replace('-', "_"))));
        let source = Source::of(&file.text);
        names.extend(source.names());
        source.comments
    } else {
        (1..).zip(file.text.lines().map(str::to_owned)).collect()
    };
    for (line, name) in &names {
        if let Some((word, replacement)) = retired.in_name(name) {
            let of = if *name == word { String::new() } else { format!(" in {name}") };
            report(*line, &format!("{word}{of}"), replacement);
        }
    }
    for (line, word, replacement) in retired.in_prose(&prose) {
        report(line, &word, replacement);
    }
    found
}

#[test]
fn retired_words_do_not_return() {
    let retired = Retired::parse(include_str!("wording/retired.txt"));
    let only = env::var("MULTIFEED_WORDS").unwrap_or_default();
    let (mut found, mut counts) = (Vec::new(), BTreeMap::<&str, usize>::new());
    let files = all(&["rs", "md", "toml"]);
    for file in files.iter().filter(|file| file.name.starts_with(&only)) {
        let of_file = findings(&retired, file);
        let folder = file.name.split_once('/').map_or("pages", |(folder, _)| folder);
        *counts.entry(folder).or_default() += of_file.len();
        found.extend(of_file);
    }
    counts.retain(|_, count| *count > 0);
    assert!(found.is_empty(), "retired words:\n{}\nby folder: {counts:#?}", found.join("\n"));
}

#[test]
fn the_list_has_at_least_sixty_entries() {
    let list = include_str!("wording/retired.txt");
    assert!(list.lines().filter(|line| line.contains(" -> ")).count() >= 60);
}

/// `line: word` of each finding in a file `a/b.rs` or `a.md`.
fn found_in(name: &str, text: &str) -> Vec<String> {
    let list = "# comment\n\nold -> new\nident: Take -> Admission\nident: go_on -> continue\n\
                prose: so many -> some";
    let file = File { name: name.to_owned(), text: text.to_owned() };
    let found = findings(&Retired::parse(list), &file);
    let short = |line: &String| line.split(" -> ").next().unwrap()[name.len() + 1..].to_owned();
    found.iter().map(short).collect()
}

#[test]
fn a_retired_word_is_found_in_names() {
    let text = "fn take_old() {}\nstruct OldFeed;\nuse a::Take;\nlet please_go_on = 1;";
    assert_eq!(
        found_in("a/b.rs", text),
        ["1: old in take_old", "2: old in OldFeed", "3: Take", "4: go_on in please_go_on"]
    );
    let text = "fn cold() {} struct Holder; struct TakeOff; fn take() {} fn so_many() {}";
    assert_eq!(found_in("a/b.rs", text), [""; 0]);
    assert_eq!(found_in("a/old.rs", ""), ["1: old"]);
}

#[test]
fn a_retired_word_is_found_in_comments_and_pages() {
    let text = "//! Old.\n/// so\n/// many\nlet a = \"old\"; // an old one";
    assert_eq!(found_in("a/b.rs", text), ["1: old", "2: so many", "4: old"]);
    let text = "// so\nlet a = 1;\n// many\n// so, many\n// `old` take go_on";
    assert_eq!(found_in("a/b.rs", text), [""; 0]);
    assert_eq!(found_in("a.md", "# Old\n\n| so many | `old` |"), ["1: old", "3: so many"]);
}
