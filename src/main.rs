//! The program `samkit`: reads the command line, runs one command, and is the one place where
//! errors become text and exit codes.
#![forbid(unsafe_code)]
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod batch;
mod catalogue;
mod cli;
mod commands;
mod console;
mod embedded;
mod error;
mod inputs;
mod job;
mod numbers;
mod print;
mod report;
mod shard;
mod stop;
mod tasks;
mod version;

use std::process::ExitCode;

use clap::Parser;

use crate::print::tell;

/// Exit code of a request that was wrong, so that nothing ran; clap's own errors have it too.
const WRONG_REQUEST: u8 = 2;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    stop::install();
    console::install_error_style(cli.global.color);
    let console = console::Console::new(&cli.global);
    match commands::dispatch(cli, console) {
        Ok(outcome) => ExitCode::from(outcome.exit_code()),
        Err(error) => {
            tell!("{:?}", miette::Report::new(error));
            ExitCode::from(WRONG_REQUEST)
        }
    }
}
