//! Finds, reads and changes the settings file.
//!
//! Rule: the user's text stays unchanged. A change replaces the value of one key, and is written
//! only if the new text parses to the intended settings.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
#[cfg(unix)]
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::key::{Key, Shape};
use super::{Config, span_of};
use crate::args::Global;
use crate::exit::ExitCode;
use crate::report::Failure;

const NAME: &str = "config.toml";
const APP: &str = "multichat";
/// The largest settings file. Chosen: far more than all settings need, so another file is
/// refused.
const BYTES_MAX: u64 = 64 * 1024;
/// The first lines of a new file.
const HEAD: &str = "\
# The settings of multichat. Flags and environment variables override them.
# Remove the # at the start of a line to set its value.
";

/// Returns the path: the file of the flags, the one in the data folder, or the user's.
///
/// # Errors
/// Fails if there is no home folder.
pub fn path(global: &Global) -> Result<PathBuf, Failure> {
    if let Some(file) = &global.config {
        return Ok(file.clone());
    }
    if let Some(folder) = &global.data_dir {
        return Ok(folder.join(NAME));
    }
    let base = etcetera::base_strategy::Xdg::new().map_err(|_| {
        Failure::new(ExitCode::Failed, "config.home", "there is no home folder")
            .help("name the settings file:  --config FILE")
    })?;
    use etcetera::BaseStrategy;
    Ok(base.config_dir().join(APP).join(NAME))
}

/// Loads the file; a missing file gives empty settings.
///
/// # Errors
/// Exit 4 if the file is invalid, or if the flags name a file that does not exist.
pub fn load(global: &Global) -> Result<Config, Failure> {
    // Without a home folder there are no settings: the same as an empty file.
    let Ok(path) = path(global) else { return Ok(Config::default()) };
    match text_of(&path)? {
        Some(text) => Config::parse(&text, &path),
        None if global.config.is_some() => {
            let message = format!("there is no file {}", path.display());
            Err(Failure::new(ExitCode::BadInput, "config.missing", message)
                .help("create it:  multichat --config FILE config edit"))
        }
        None => Ok(Config::default()),
    }
}

/// Returns the text of the file; `None` if it does not exist.
///
/// # Errors
/// Fails if it cannot be read; exit 4 if it is not text.
pub fn text_of(path: &Path) -> Result<Option<String>, Failure> {
    let read = || -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        fs::File::open(path)?.take(BYTES_MAX + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = match read() {
        Ok(bytes) => bytes,
        // If a parent is not a folder, the call that needs the folder reports that.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(failed("read", path, &error)),
    };
    let is_small = bytes.len() as u64 <= BYTES_MAX;
    match String::from_utf8(bytes) {
        Ok(text) if is_small => Ok(Some(text)),
        _ => {
            let message = format!("{} is not a text file of at most 64 KiB", path.display());
            Err(Failure::new(ExitCode::BadInput, "config.text", message)
                .help("move it away and make a new one:  multichat config edit"))
        }
    }
}

/// Writes a text to the file. After a crash the file has the old text or the new one, never a
/// part. If the path is a link, the file it points to is written.
///
/// # Errors
/// Fails if it cannot be written.
pub fn write(path: &Path, text: &str) -> Result<(), Failure> {
    replace(path, text).map_err(|error| failed("write", path, &error))
}

fn replace(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder)?;
    }
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let mut name = target.clone().into_os_string();
    name.push(format!(".{}.new", std::process::id()));
    let draft = PathBuf::from(name);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    // The file holds names and addresses, so it is private. An existing file keeps its mode.
    #[cfg(unix)]
    options.mode(0o600);
    let mut file = options.open(&draft)?;
    let done = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    let done = done.and_then(|()| match fs::metadata(&target) {
        Ok(found) => fs::set_permissions(&draft, found.permissions()),
        Err(_) => Ok(()),
    });
    let done = done.and_then(|()| fs::rename(&draft, &target));
    if done.is_err() {
        // A half-written draft is useless. The old file is unchanged.
        let _ = fs::remove_file(&draft);
    }
    done
}

/// Returns a text with every key explained: a new one, or the old one plus its missing keys.
pub fn documented(text: Option<&str>) -> String {
    let mut whole = text.map_or_else(|| HEAD.to_string(), with_final_newline);
    for key in Key::ALL {
        if !mentions(&whole, key) {
            whole.push('\n');
            for line in key.about() {
                whole.push_str(&format!("# {line}\n"));
            }
            whole.push_str(&format!("# {} = {}\n", key.name(), key.example()));
        }
    }
    whole
}

fn with_final_newline(text: &str) -> String {
    if text.is_empty() || text.ends_with('\n') { text.to_string() } else { format!("{text}\n") }
}

fn mentions(text: &str, key: Key) -> bool {
    text.lines().any(|line| assigns(line.trim_start_matches(['#', ' ', '\t']), key))
}

/// Returns whether a line sets a key.
fn assigns(line: &str, key: Key) -> bool {
    let rest = line.strip_prefix(key.name());
    rest.is_some_and(|rest| rest.trim_start().starts_with('='))
}

/// A change of one setting.
pub struct KeyChange {
    /// The whole new text.
    pub text: String,
    /// The settings in that text.
    pub config: Config,
}

impl KeyChange {
    /// Changes the value of a key in a text.
    ///
    /// # Errors
    /// Exit 4 if the text or the value is invalid.
    pub fn new(path: &Path, key: Key, words: Vec<String>) -> Result<Self, Failure> {
        let old = text_of(path)?;
        let mut expected = Config::parse(old.as_deref().unwrap_or_default(), path)?;
        expected.set(key, words.clone()).map_err(|rule| {
            let message = format!("{}: {rule}", key.name());
            let help = format!("for example:  {} = {}", key.name(), key.example());
            Failure::new(ExitCode::BadInput, "config.value", message).help(help)
        })?;
        let text = changed(&documented(old.as_deref()), key, &value(key, &words));
        match Config::parse(&text, path) {
            Ok(config) if config == expected => Ok(Self { text, config }),
            _ => {
                let message = format!("cannot add this setting to {}", path.display());
                Err(Failure::new(ExitCode::BadInput, "config.place", message)
                    .help("add it by hand:  multichat config edit"))
            }
        }
    }
}

/// Formats a value as the file writes it.
fn value(key: Key, words: &[String]) -> String {
    let quoted = |word: &String| toml::Value::String(word.clone()).to_string();
    match key.shape() {
        Shape::One => words.first().map_or_else(String::new, quoted),
        Shape::Many => format!("[{}]", words.iter().map(quoted).collect::<Vec<_>>().join(", ")),
    }
}

/// Returns the text with a new value: it replaces the old value or the example in a comment.
fn changed(text: &str, key: Key, value: &str) -> String {
    if let Some(span) = span_of(text, key) {
        let (before, after) = (&text[..span.start], &text[span.end..]);
        return format!("{before}{value}{after}");
    }
    let is_example = |line: &str| {
        line.starts_with('#') && assigns(line.trim_start_matches(['#', ' ', '\t']), key)
    };
    let line = format!("{} = {value}", key.name());
    let mut is_in = false;
    let mut lines = Vec::new();
    for old in text.lines() {
        let takes = !is_in && is_example(old);
        is_in |= takes;
        lines.push(if takes { line.as_str() } else { old });
    }
    lines.join("\n") + "\n"
}

fn failed(what: &str, path: &Path, error: &io::Error) -> Failure {
    let message = format!("cannot {what} {}: {error}", path.display());
    Failure::new(ExitCode::Failed, "config.io", message).help("use another file:  --config FILE")
}
