//! Runs scenarios under many seeds, and shows what one seed did.

mod arguments;
mod failure;
mod golden;
mod plot;
mod report;
mod run;
mod session;
mod with;

use std::process::ExitCode;

use arguments::Command;
use report::Report;

fn main() -> ExitCode {
    let mut report = Report::new();
    let command = match arguments::parse(std::env::args().skip(1)) {
        Ok(command) => command,
        Err(wrong) => {
            report.error(&wrong);
            return ExitCode::from(2);
        }
    };
    let done = match command {
        Command::Help => {
            report.line(arguments::HELP);
            Ok(true)
        }
        Command::List => run::list(&mut report),
        Command::Run(options) => run::run(&options, &mut report),
        Command::Replay { scenario, seed, trace, with } => {
            run::replay((&scenario, &with), seed, trace, &mut report)
        }
        Command::ReplaySession { file } => session::replay(&file, &mut report),
        Command::Redact { file } => session::redact(&file, &mut report),
        Command::Shrink { scenario, seed, with } => {
            failure::shrink_one((&scenario, &with), seed, &mut report)
        }
        Command::Plot { scenarios, seeds, file } => {
            plot::plot(&scenarios, seeds, &file, &mut report)
        }
        Command::Golden { file, bless } => golden::golden(&file, bless, &mut report),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(wrong) => {
            report.error(&wrong);
            ExitCode::from(2)
        }
    }
}
