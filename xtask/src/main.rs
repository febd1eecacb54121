//! Generated files: `cargo run -p xtask -- header` writes the C header of the plugin border,
//! `cargo run -p xtask -- header --check` says whether it is up to date.
#![forbid(unsafe_code)]

mod header;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments[..] {
        ["header"] => header::write(),
        ["header", "--check"] => header::check(),
        _ => Err("expected `header` or `header --check`".into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
