//! Runs scenarios with many seeds, and shows what one seed did.

mod arguments;
mod failure;
mod golden;
mod plot;
mod report;
mod run;
mod scenarios;
mod session;
mod with;

use std::process::ExitCode;

use arguments::Command;
use report::Report;
use scenarios::Selected;

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
            let selected = Selected { name: &scenario, with: &with };
            run::replay(selected, seed, trace, &mut report)
        }
        Command::ReplaySession { file } => session::replay(&file, &mut report),
        Command::Redact { file } => session::redact(&file, &mut report),
        Command::Shrink { scenario, seed, with } => {
            let selected = Selected { name: &scenario, with: &with };
            failure::shrink_one(selected, seed, &mut report)
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
