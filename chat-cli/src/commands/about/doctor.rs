//! Checks what works here and prints a line per check, with what to do about problems.
//!
//! Rule: no line contains a key, a name or a message, so the output can be shared.

mod disk;
mod net;

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use self::disk::{Indexes, check_crashes, check_rooms};
use self::net::{check_dht, check_loopback, check_peers, listen};
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

/// What to check.
pub(super) struct Options {
    /// The part to check; everything if `None`.
    pub(super) part: Option<DoctorPart>,
    /// Whether to rebuild the indexes.
    pub(super) fix: bool,
    /// The file to write the results to.
    pub(super) bundle: Option<PathBuf>,
}

pub(super) async fn run(
    global: &Global,
    output: &Output,
    options: &Options,
) -> Result<(), Failure> {
    if options.fix && matches!(options.part, Some(DoctorPart::Term | DoctorPart::Net)) {
        let message = "--fix rebuilds indexes, which only the store check covers";
        return Err(Failure::new(ExitCode::Usage, "doctor.fix", message)
            .help("use  multichat doctor store --fix"));
    }
    let mut global = global.clone();
    let is_wanted = |part| options.part.is_none_or(|options| options == part);
    let (settings, mut checks) = (settings(&mut global), Vec::new());
    if is_wanted(DoctorPart::Term) {
        checks.push(terminal(output));
    }
    checks.push(settings);
    if is_wanted(DoctorPart::Store) {
        let indexes = if options.fix { Indexes::Rebuild } else { Indexes::Keep };
        checks.extend(check_rooms(&global, indexes).await);
        checks.push(check_crashes(&global));
    }
    if is_wanted(DoctorPart::Net) {
        checks.push(listen(&global).await);
        checks.extend(check_peers(&global).await);
        checks.extend(check_dht(&global).await);
        checks.push(check_loopback().await);
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
        output.say(&format!("written to {}, without keys, names and texts", path.display()))?;
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
    // The first variable that is set decides, as POSIX defines (Base Definitions, 8.2).
    let mut locales = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(variable);
    let locale = locales.find(|value| !value.is_empty()).unwrap_or_default();
    let has_marks = locale.to_lowercase().replace('-', "").ends_with("utf8");
    if has_marks || !all {
        check("term", Outcome::Ok, format!("{kind}, {size}"))
    } else {
        Check {
            name: "term",
            outcome: Outcome::Warn,
            found: format!("{kind}, {size}, no UTF-8: symbols such as ● may not be shown"),
            help: Some("LANG=C.UTF-8 multichat"),
        }
    }
}

/// Loads the settings; the later checks use them.
fn settings(global: &mut Global) -> Check {
    match config::file::load(global) {
        Ok(settings) => {
            let count = Key::ALL.into_iter().filter(|key| settings.get(*key).is_some()).count();
            settings.fill_defaults(global);
            check("config", Outcome::Ok, plural(count as u64, "setting"))
        }
        Err(failure) => failed_check("config", &failure, "fix it:  multichat config edit"),
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
