//! Runs the commands about the program: doctor, version, manual and completions.

mod doctor;

use std::fs;
use std::path::Path;

use crate::args::about::About;
use crate::args::{self, Global};
use crate::exit::ExitCode;
use crate::lines::{Event, Line, VERSION};
use crate::output::{Format, Output};
use crate::report::Failure;
use crate::runtime::block_on;

pub(super) fn run(global: &Global, output: &Output, about: About) -> Result<(), Failure> {
    match about {
        About::Doctor { part, fix, bundle } => {
            let options = doctor::Options { part, fix, bundle };
            block_on(doctor::run(global, output, &options))
        }
        About::Version => version(output),
        About::Flags => output.data(args::help::flags().trim_end()),
        About::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut args::help::command(), "multichat", &mut script);
            output.data(String::from_utf8_lossy(&script).trim_end())
        }
        About::Man { folder: None } => {
            let mut page = Vec::new();
            let rendered = clap_mangen::Man::new(args::help::command()).render(&mut page);
            rendered.map_err(|error| failed(&error))?;
            output.data(String::from_utf8_lossy(&page).trim_end())
        }
        About::Man { folder: Some(folder) } => pages(&folder),
    }
}

/// Prints the version, as JSON with the schema version and the platform.
fn version(output: &Output) -> Result<(), Failure> {
    let version = env!("CARGO_PKG_VERSION");
    match output.format {
        Format::Text => output.data(&format!("multichat {version}")),
        Format::Json => output.json(&Line::from(Event::Version {
            version,
            schema: VERSION,
            os: std::env::consts::OS,
            arch: std::env::consts::ARCH,
        })),
    }
}

fn pages(folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(|error| failed(&error))?;
    clap_mangen::generate_to(args::help::command(), folder).map_err(|error| failed(&error))
}

fn failed(error: &std::io::Error) -> Failure {
    Failure::new(ExitCode::Failed, "man.write", format!("cannot write a manual page: {error}"))
        .help("name a folder with write permission:  multichat man FOLDER")
}
