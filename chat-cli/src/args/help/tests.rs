use super::*;
use crate::args::parse::{ParseExit, parse};

/// The size of a small terminal.
const ROWS: usize = 24;
const COLUMNS: usize = 80;

fn words(line: &str) -> Vec<std::ffi::OsString> {
    line.split_whitespace().map(Into::into).collect()
}

/// Returns how many rows a text fills.
fn rows(text: &str) -> usize {
    text.lines().map(|line| line.chars().count().div_ceil(COLUMNS).max(1)).sum()
}

fn help(path: &str) -> String {
    match parse(words(&format!("{path} --help"))) {
        Err(ParseExit::Print(text)) => text,
        other => panic!("{path}: {other:?}"),
    }
}

/// Collects every command below one, as typed.
fn paths(command: &Command, path: &str, found: &mut Vec<String>) {
    for below in command.get_subcommands() {
        let path = format!("{path} {}", below.get_name());
        paths(below, &path, found);
        found.push(path);
    }
}

#[test]
fn each_help_page_fits_24_lines_and_has_an_example() {
    let mut found = vec!["multichat".to_string()];
    paths(&command_with_short_help(), "multichat", &mut found);
    assert!(found.len() > 20, "{found:?}");
    for path in &found {
        let text = help(path);
        assert!(rows(&text) <= ROWS, "{path} has {} rows:\n{text}", rows(&text));
        assert!(text.contains("Example"), "{path}:\n{text}");
    }
    assert!(rows(&flags()) <= ROWS, "{} rows:\n{}", rows(&flags()), flags());
    assert!(flags().contains("--peer") && flags().contains("--json"));
}

#[test]
fn help_examples_parse() {
    let in_overview = OVERVIEW.lines().skip_while(|line| *line != "Examples:").skip(1).take(3);
    for line in EXAMPLES.map(|(_, line)| line).into_iter().chain(in_overview) {
        assert!(parse(words(line)).is_ok(), "{line}");
    }
}

#[test]
fn overview_lists_each_command_once() {
    let named = |name: &str| {
        let groups = OVERVIEW.lines().skip_while(|line| !line.starts_with("Rooms")).take(5);
        groups.flat_map(|line| line.split_whitespace().skip(1)).filter(|word| *word == name).count()
    };
    for command in command_with_short_help().get_subcommands() {
        assert_eq!(named(command.get_name()), 1, "{}", command.get_name());
    }
}
