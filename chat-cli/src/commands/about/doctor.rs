//! What works here, one line for each thing, with what to do where it does not.
//!
//! Rule: a line holds no key, no name and no text of anybody, so that it can be shown to others.

mod disk;
mod net;

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use self::disk::{crashes, stores};
use self::net::{dht, listen, loopback, reach};
use crate::args::Global;
use crate::args::about::DoctorPart;
use crate::config;
use crate::config::key::Key;
use crate::exit::ExitCode;
use crate::health::{check, failed_check, rows};
use crate::lines::{Check, Event, Line, Outcome};
use crate::output::{Format, Output, json_line};
use crate::report::Failure;
use crate::transcript::plural;

/// What to look at.
pub(super) struct Options {
    /// All of it, where nothing is named.
    pub(super) part: Option<DoctorPart>,
    /// Whether indexes are made anew.
    pub(super) fix: bool,
    /// Where to write down what was found.
    pub(super) bundle: Option<PathBuf>,
}

pub(super) async fn run(
    global: &Global,
    output: &Output,
    options: &Options,
) -> Result<(), Failure> {
    if options.fix && matches!(options.part, Some(DoctorPart::Term | DoctorPart::Net)) {
        let message = "there is nothing here that can be made anew";
        return Err(Failure::new(ExitCode::Usage, "doctor.fix", message)
            .help("multichat doctor store --fix"));
    }
    let mut global = global.clone();
    let is_wanted = |part| options.part.is_none_or(|options| options == part);
    let (settings, mut checks) = (settings(&mut global), Vec::new());
    if is_wanted(DoctorPart::Term) {
        checks.push(terminal(output));
    }
    checks.push(settings);
    if is_wanted(DoctorPart::Store) {
        checks.extend(stores(&global, options.fix).await);
        checks.push(crashes(&global));
    }
    if is_wanted(DoctorPart::Net) {
        checks.push(listen(&global).await);
        checks.extend(reach(&global).await);
        checks.extend(dht(&global).await);
        checks.push(loopback().await);
    }
    for check in &checks {
        match output.format {
            Format::Json => output.json(&Line::from(Event::Check(check.clone())))?,
            Format::Text => {
                rows(check).iter().try_for_each(|row| output.data(row))?;
            }
        }
    }
    if let Some(path) = &options.bundle {
        write(path, &checks)?;
        output.say(&format!("written to {}; it holds no keys, names or texts", path.display()))?;
    }
    if checks.iter().all(|check| check.outcome != Outcome::Fail) {
        Ok(())
    } else {
        Err(Failure::quiet(ExitCode::Failed))
    }
}

fn terminal(output: &Output) -> Check {
    let variable = |name: &str| std::env::var(name).ok();
    let term = variable("TERM").filter(|term| term.chars().all(|c| c.is_ascii_graphic()));
    let all = output.terminals.stdin && output.terminals.stdout;
    let size = ratatui::crossterm::terminal::size().ok().filter(|_| all);
    let size = size.map_or("no terminal".into(), |(width, height)| format!("{width}x{height}"));
    let kind = term.unwrap_or_else(|| "unknown".into());
    // The first of them that is set decides, as everywhere.
    let mut locales = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(variable);
    let locale = locales.find(|value| !value.is_empty()).unwrap_or_default();
    let has_marks = locale.to_lowercase().replace('-', "").ends_with("utf8");
    if has_marks || !all {
        check("term", Outcome::Ok, format!("{kind}, {size}"))
    } else {
        Check {
            name: "term",
            outcome: Outcome::Warn,
            found: format!("{kind}, {size}, and no UTF-8: marks such as ● may not be shown"),
            help: Some("LANG=C.UTF-8 multichat"),
        }
    }
}

/// The settings hold for what is looked at then.
fn settings(global: &mut Global) -> Check {
    match config::file::load(global) {
        Ok(settings) => {
            let count = Key::ALL.into_iter().filter(|key| settings.get(*key).is_some()).count();
            settings.fill_defaults(global);
            check("config", Outcome::Ok, plural(count as u64, "setting"))
        }
        Err(failure) => failed_check("config", &failure, "put it right:  multichat config edit"),
    }
}

fn write(path: &Path, checks: &[Check]) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        let message = format!("cannot write {}: {error}", path.display());
        Failure::new(ExitCode::Failed, "doctor.bundle", message)
    };
    let mut file = OpenOptions::new().write(true).create_new(true).open(path).map_err(failed)?;
    let (version, system) = (env!("CARGO_PKG_VERSION"), std::env::consts::OS);
    let first = Check {
        name: "version",
        outcome: Outcome::Ok,
        found: format!("multichat {version} on {system} {}", std::env::consts::ARCH),
        help: None,
    };
    for check in std::iter::once(&first).chain(checks) {
        let line = json_line(&Line::from(Event::Check(check.clone())))?;
        writeln!(file, "{line}").map_err(failed)?;
    }
    Ok(())
}
