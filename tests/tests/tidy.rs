//! The code style, as far as a machine can check it: lengths, words, names, links.
//!
//! Rule: each test reports all its findings, and no rule has an exceptions list.

use std::fs;
use std::path::{Path, PathBuf};

mod tree;

use tree::{File, all, root};

/// A longer file fails; above the second number it is listed.
const LINES_MAX: usize = 600;
const LINES_SOFT: usize = 400;

/// A function fits on a screen.
const FUNCTION_LINES_MAX: usize = 70;

const COLUMNS_MAX: usize = 100;

/// Names that say nothing about the contents.
const VAGUE_NAMES: [&str; 7] = ["utils", "util", "common", "helpers", "base", "types", "misc"];

impl File {
    /// Whether it contains only tests.
    fn is_test(&self) -> bool {
        let mut folders = self.name.split('/').rev().skip(1);
        self.is_unit_test() || folders.any(|folder| folder == "tests")
    }

    /// Whether it holds the unit tests of `x.rs`.
    fn is_unit_test(&self) -> bool {
        self.name.ends_with("/tests.rs") || self.name.contains("/tests/") && self.is_of_src()
    }

    fn is_of_src(&self) -> bool {
        self.name.contains("/src/")
    }
}

fn report(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}:\n{}", found.join("\n"));
}

/// Prints a line of the test's output.
#[expect(clippy::print_stdout, reason = "it is meant to be read")]
fn print(word: &str) {
    println!("{word}");
}

/// Every line of these files for which `judge` returns a finding.
fn lines_of(files: &[File], judge: impl Fn(&File, &str) -> Option<String>) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        for (line, number) in file.text.lines().zip(1..) {
            if let Some(what) = judge(file, line) {
                found.push(format!("{}:{number}: {what}", file.name));
            }
        }
    }
    found
}

#[test]
fn files_are_short() {
    let files = all(&["rs", "js", "sh", "run", "md"]);
    let mut lengths: Vec<(usize, &str)> =
        files.iter().map(|file| (file.text.lines().count(), file.name.as_str())).collect();
    lengths.sort_unstable();
    for (length, name) in lengths.iter().filter(|(length, _)| *length > LINES_SOFT) {
        print(&format!("{name} has {length} lines: consider splitting it"));
    }
    let too_long = lengths.iter().filter(|(length, _)| *length > LINES_MAX);
    let too_long: Vec<_> = too_long.map(|(length, name)| format!("{name}: {length}")).collect();
    report("files have at most 600 lines", &too_long);
}

#[test]
fn functions_fit_on_a_screen() {
    let mut found = Vec::new();
    for file in all(&["rs"]) {
        let lines: Vec<&str> = file.text.lines().collect();
        for (place, line) in lines.iter().enumerate().filter(|(_, line)| is_function(line)) {
            let length = function_length(&lines[place..]);
            if length > FUNCTION_LINES_MAX {
                found.push(format!("{}:{}: {length} lines: {}", file.name, place + 1, line.trim()));
            }
        }
    }
    report("functions have at most 70 lines", &found);
}

/// Whether a line, as rustfmt writes it, starts a function.
fn is_function(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let leading = ["const", "async", "unsafe", "extern", "\"C\""];
    words.find(|word| !word.starts_with("pub") && !leading.contains(word)) == Some("fn")
}

/// The number of lines of the function that starts here, up to the brace below its first letter.
fn function_length(lines: &[&str]) -> usize {
    let indent = lines[0].len() - lines[0].trim_start().len();
    let ends = |line: &&str| {
        let is_level = line.len() - line.trim_start().len() == indent;
        is_level && (line.trim_start().starts_with('}') || line.ends_with(';'))
    };
    if lines[0].ends_with(['}', ';']) {
        return 1;
    }
    1 + lines[1..].iter().position(ends).map_or(lines.len() - 1, |place| place + 1)
}

#[test]
fn a_function_is_measured_from_its_name_to_its_brace() {
    let lines = ["    pub fn a(", "        b: u8,", "    ) {", "        b;", "    }", "    c"];
    assert!(is_function(lines[0]) && !is_function(lines[1]));
    // The line with the closing parenthesis has the same indentation but is not the end.
    assert_eq!(function_length(&lines), 5);
    assert_eq!(function_length(&["fn a() {}", "fn b() {}"]), 1);
}

#[test]
fn lines_have_a_hundred_columns() {
    // TOML cannot break a string or an inline table.
    let files = all(&["rs", "md", "sh", "run", "js"]);
    let found = lines_of(&files, |file, line| {
        // Tables and links cannot be broken.
        let is_whole = line.contains("://") || file.name.ends_with(".md") && line.starts_with('|');
        let columns = line.chars().count();
        (columns > COLUMNS_MAX && !is_whole).then(|| format!("{columns} columns"))
    });
    report("lines have at most 100 columns", &found);
}

#[test]
fn files_are_named_for_what_is_inside() {
    let found: Vec<_> = all(&["rs", "js"])
        .iter()
        .filter(|file| {
            let mut parts = Path::new(&file.name).iter().filter_map(|part| part.to_str());
            parts.any(|part| VAGUE_NAMES.contains(&part.split('.').next().unwrap_or_default()))
        })
        .map(|file| file.name.clone())
        .collect();
    report("these names say nothing about the contents", &found);
}

#[test]
fn banned_words_are_absent() {
    // Written in halves, so that this file does not match itself.
    let cased = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("XX", "X"),
        concat!("HA", "CK"),
        concat!("dbg", "!("),
        concat!("unimple", "mented!("),
    ];
    let uncased = [
        concat!("stu", "b"),
        concat!("blaz", "ing"),
        concat!("blaz", "ingly"),
        concat!("awe", "some"),
        concat!("amaz", "ing"),
        concat!("power", "ful"),
        concat!("robu", "st"),
        concat!("seam", "less"),
        concat!("state-of-the-", "art"),
        concat!("world-", "class"),
        concat!("cutting-", "edge"),
        concat!("lightning-", "fast"),
        concat!("battle-", "tested"),
    ];
    let files = all(&["rs", "md", "toml", "sh", "run", "js"]);
    let found = lines_of(&files, |_, line| {
        let lower = line.to_lowercase();
        let cased = cased.iter().find(|word| contains_word(line, word));
        cased.or(uncased.iter().find(|word| contains_word(&lower, word))).map(ToString::to_string)
    });
    report("banned words", &found);
}

/// Whether a text contains a word that is not a part of a longer one.
fn contains_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(place, _)| {
        let before = text[..place].chars().next_back();
        let after = text[place + word.len()..].chars().next();
        let is_free = |letter: Option<char>| letter.is_none_or(|letter| !letter.is_alphanumeric());
        is_free(before) && (word.ends_with('(') || is_free(after))
    })
}

#[test]
fn the_project_mentions_only_itself() {
    let words = [
        concat!("/wo", "rk/"),
        concat!("/ro", "ot/"),
        concat!("crates", ".io"),
        concat!("npm", "js.org"),
        concat!("py", "pi.org"),
        concat!("deb", "ian.org"),
        concat!("language ", "model"),
    ];
    let files = all(&["rs", "md", "toml", "sh", "run", "js", "json", "txt"]);
    let found = lines_of(&files, |file, line| {
        let is_test = file.is_test() || file.name.ends_with(".json");
        let temporary = concat!("\"/t", "mp");
        let temporary = (!is_test && line.contains(temporary)).then_some(&temporary);
        words.iter().find(|word| line.contains(**word)).or(temporary).map(ToString::to_string)
    });
    report("references to the environment of the authors", &found);
}

#[test]
fn unit_tests_have_a_file_of_their_own() {
    let found = lines_of(&all(&["rs"]), |_, line| {
        line.trim_start().starts_with(concat!("mod tests", " {")).then(|| "tests inline".to_owned())
    });
    report("the tests of x.rs are in x/tests.rs", &found);
}

#[test]
fn files_start_with_a_module_comment() {
    let files = all(&["rs"]);
    let silent = files.iter().filter(|file| !file.is_unit_test() && !file.text.starts_with("//!"));
    let silent: Vec<_> = silent.map(|file| file.name.clone()).collect();
    report("these files do not start with a module comment", &silent);
}

#[test]
fn links_resolve() {
    let mut found = Vec::new();
    for file in all(&["md"]) {
        let folder = root().join(&file.name).parent().map(Path::to_path_buf).unwrap_or_default();
        for link in links(&file.text).chain(named_paths(&file.text)) {
            if !leads(&folder, &file.text, &link) && !leads(&root(), "", &link) {
                found.push(format!("{}: {link}", file.name));
            }
        }
    }
    report("broken links", &found);
}

/// Targets of a page's links, except those to other sites.
fn links(text: &str) -> impl Iterator<Item = String> + '_ {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://")).map(str::to_owned)
}

/// Paths of this repository between backticks in a page.
fn named_paths(text: &str) -> impl Iterator<Item = String> + '_ {
    let folders = ["core/", "store/", "transport-", "chat-cli/", "fuzz/", "tests/", ".ci/"];
    let quoted = text.split('`').skip(1).step_by(2);
    let is_path = move |word: &&str| {
        let is_name = |letter: char| letter.is_alphanumeric() || "/._-".contains(letter);
        folders.iter().any(|folder| word.starts_with(folder))
            && word.contains('/')
            && word.chars().all(is_name)
    };
    quoted.filter(is_path).map(str::to_owned)
}

/// Whether a link leads to a file or to a heading of the page itself.
fn leads(folder: &Path, page: &str, link: &str) -> bool {
    let (path, heading) = link.split_once('#').unwrap_or((link, ""));
    let target: PathBuf = folder.join(path);
    let text = match path {
        "" => page.to_owned(),
        _ if target.is_dir() && heading.is_empty() => return true,
        _ => match fs::read_to_string(target) {
            Ok(text) => text,
            Err(_) => return false,
        },
    };
    let slug = |line: &str| -> String {
        let line = line.trim_start_matches('#').trim().to_lowercase();
        let kept =
            line.chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
        kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect()
    };
    let mut headings = text.lines().filter(|line| line.starts_with('#'));
    heading.is_empty() || headings.any(|line| slug(line) == heading)
}

#[test]
fn every_error_is_provoked_by_a_test() {
    let files = all(&["rs"]);
    let tests: String =
        files.iter().filter(|file| file.is_test()).map(|file| file.text.as_str()).collect();
    let errors = fs::read_to_string(root().join("core/src/error.rs")).unwrap();
    let mut found = Vec::new();
    for kind in ["Violation", "Limit", "Misuse", "Deadline"] {
        let body = errors.split(&format!("pub enum {kind} {{\n")).nth(1).unwrap();
        let lines = body.lines().take_while(|line| *line != "}").map(str::trim_start);
        let names = lines.filter(|line| line.starts_with(char::is_uppercase));
        for name in names.map(|line| line.split(['(', ',', ' ']).next().unwrap()) {
            // With its type, or imported from it.
            let full = format!("{kind}::{name}");
            let alone = ["(", " ", "\n"].map(|before| format!("{before}{name}"));
            if !contains_word(&tests, &full) && !alone.iter().any(|word| tests.contains(word)) {
                found.push(full);
            }
        }
    }
    report("no test provokes these", &found);
}

/// Requirements of SECURITY.md, one per row of its table.
const REQUIREMENTS: usize = 27;

#[test]
fn every_requirement_names_existing_tests() {
    let files = all(&["rs"]);
    let tests: Vec<&File> = files.iter().filter(|file| file.is_test()).collect();
    let exists = |name: &str| tests.iter().any(|file| file.text.contains(&format!("fn {name}(")));
    let page = fs::read_to_string(root().join("SECURITY.md")).unwrap();
    let mut found = Vec::new();
    for number in 1..=REQUIREMENTS {
        let begin = format!("| S{number} |");
        let Some(row) = page.lines().find(|line| line.starts_with(&begin)) else {
            found.push(format!("S{number} has no row"));
            continue;
        };
        let shown = row.rsplit('|').nth(1).unwrap_or_default();
        let names = shown.split('`').skip(1).step_by(2);
        let names: Vec<_> = names.filter(|name| !name.contains([' ', '/'])).collect();
        if names.is_empty() && !shown.contains("not built") {
            found.push(format!("S{number} names no test"));
        }
        let missing = names.iter().filter(|name| !exists(name));
        found.extend(missing.map(|name| format!("S{number}: {name} is no test")));
    }
    report("requirements", &found);
}
