//! Shows and changes the settings, and opens them in an editor.

use std::env;
use std::process::Command;

use crate::args::Global;
use crate::args::configure::Configure;
use crate::config::file::KeyChange;
use crate::config::key::Key;
use crate::config::{self, Config};
use crate::exit::ExitCode;
use crate::lines::{Event, Line};
use crate::output::{Format, Output};
use crate::report::{Failure, LINE_COLUMNS_MAX};
use crate::sanitize;

pub(super) fn run(global: &Global, output: &Output, what: Configure) -> Result<(), Failure> {
    match what {
        Configure::Get { key: None } => {
            let config = config::file::load(global)?;
            Key::ALL.into_iter().try_for_each(|key| show(output, &config, key, Names::Shown))
        }
        Configure::Get { key: Some(name) } => {
            let key = config::key_named(&name)?;
            show(output, &config::file::load(global)?, key, Names::Omitted)
        }
        Configure::Set { key, value } => {
            let path = config::file::path(global)?;
            let draft = KeyChange::new(&path, config::key_named(&key)?, value)?;
            config::file::write(&path, &draft.text)?;
            output.say(&format!("written to {}", path.display()))
        }
        Configure::Path => output.data(&config::file::path(global)?.display().to_string()),
        Configure::Edit => edit(global, output),
    }
}

/// Whether a value is printed with the name of its setting.
#[derive(Clone, Copy)]
enum Names {
    Shown,
    Omitted,
}

/// Prints the value of a setting without flags.
fn show(output: &Output, config: &Config, key: Key, names: Names) -> Result<(), Failure> {
    let written = config.get(key);
    let values: Vec<_> = match written {
        Some(words) => words.iter().map(String::as_str).collect(),
        None => key.default().into_iter().collect(),
    };
    let values = values.into_iter().map(|word| sanitize::line(word, LINE_COLUMNS_MAX));
    let values: Vec<_> = values.collect();
    if output.format == Format::Json {
        let from = if written.is_some() { "file" } else { "default" };
        let setting = Event::Setting { key: key.name(), values, from };
        return output.json(&Line::from(setting));
    }
    let words = values.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    match names {
        Names::Shown if words.is_empty() => output.data(&format!("{:11} (not set)", key.name())),
        Names::Shown => output.data(&format!("{:11} {words}", key.name())),
        Names::Omitted => output.data(&words),
    }
}

/// Opens the settings file, with every key explained, and checks it afterwards.
fn edit(global: &Global, output: &Output) -> Result<(), Failure> {
    let path = config::file::path(global)?;
    let old = config::file::text_of(&path)?;
    let whole = config::file::documented(old.as_deref());
    if old.as_deref() != Some(whole.as_str()) {
        config::file::write(&path, &whole)?;
    }
    let named = |name| env::var(name).ok().filter(|value| !value.trim().is_empty());
    let Some(editor) = named("VISUAL").or_else(|| named("EDITOR")) else {
        let message = "neither VISUAL nor EDITOR is set";
        let failure = Failure::new(ExitCode::Failed, "config.editor", message);
        return Err(failure.help(format!("open the file yourself:  {}", path.display())));
    };
    let mut words = editor.split_whitespace();
    let mut command = Command::new(words.next().unwrap_or_default());
    let done = command.args(words).arg(&path).status();
    let failed = |why: String| {
        let message = format!("the editor '{editor}' failed: {why}");
        Failure::new(ExitCode::Failed, "config.editor", message)
            .help("use another editor:  EDITOR=nano multichat config edit")
    };
    match done {
        Ok(status) if status.success() => {}
        Ok(status) => return Err(failed(status.to_string())),
        Err(error) => return Err(failed(error.to_string())),
    }
    Config::parse(&config::file::text_of(&path)?.unwrap_or_default(), &path)?;
    output.say(&format!("the settings in {} are valid", path.display()))
}
