//! Starts multichat, a serverless chat. The library of the same name does the work.

use std::ffi::OsString;
use std::process::ExitCode;

use multichat::args;
use multichat::args::parse::ParseExit;
use multichat::commands;
use multichat::crash;
use multichat::exit;
use multichat::output::{self, Format, Output, Terminals};
use multichat::profile::Profile;

fn main() -> ExitCode {
    output::install_panic_hook();
    let words: Vec<OsString> = std::env::args_os().collect();
    // Errors are plain text until the flags are parsed.
    let format = if args::parse::wants_json(&words) { Format::Json } else { Format::Text };
    let plain = Output::plain(format);
    let code = match args::parse::parse(words.clone()) {
        Ok(invocation) => {
            commands::secret_input::hide_invite(&words, &invocation.action);
            if let Some(folder) = Profile::crash_folder(&invocation.global) {
                crash::set_folder(folder);
            }
            let variable = |name: &str| std::env::var(name).ok();
            let output = invocation.global.output(variable, Terminals::of_process());
            match commands::run(invocation, &output) {
                Ok(()) => exit::ExitCode::Done,
                Err(failure) => output.end(&failure),
            }
        }
        Err(ParseExit::Print(text)) => match plain.data(&text) {
            Ok(()) => exit::ExitCode::Done,
            Err(failure) => plain.end(&failure),
        },
        Err(ParseExit::Fail(failure)) => plain.end(&failure),
    };
    code.into()
}
