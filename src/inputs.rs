//! From what people name to a list of images, with `-` for a list on standard input.

use std::{
    io::{self, BufRead, IsTerminal, Read},
    path::Path,
};

use miette::Diagnostic;
use samkit_io::{BadInput, Depth, FindError, InputImage};
use samkit_recipe::STDIN;

use crate::{
    console::{Console, counted},
    error::{CliError, one_line},
};

/// Longer than any path.
const LONGEST_LINE: u64 = 1 << 16;
/// More images than one run is good for.
const MOST_LINES: usize = 1 << 20;

/// Which of the inputs gives no images, and why.
#[derive(Debug)]
pub(crate) struct InputFault {
    pub(crate) index: usize,
    pub(crate) error: InputError,
}

/// Why an input gives no images.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub(crate) enum InputError {
    #[error(transparent)]
    #[diagnostic(transparent)]
    Find(FindError),
    #[error("line {line} of standard input: {reason}")]
    Line {
        line: usize,
        reason: String,
        #[help]
        help: String,
    },
    #[error("standard input names no images")]
    #[diagnostic(help("write a path on every line, as in `ls *.jpg | samkit edges -`"))]
    Empty,
    #[error("standard input is a terminal, expected a list of paths")]
    #[diagnostic(help("write a path on every line, as in `ls *.jpg | samkit edges -`"))]
    Terminal,
    #[error("`{STDIN}` is there twice, but standard input can be read only once")]
    #[diagnostic(help("name it once; for a file of that name write `./{STDIN}`"))]
    Twice,
    #[error("standard input has more than {MOST_LINES} lines")]
    #[diagnostic(help("start several runs"))]
    TooMany,
    #[error("cannot read standard input")]
    Read(#[source] io::Error),
}

impl InputError {
    /// Whether something that was named is not there.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Self::Find(FindError::NotFound { .. }))
    }

    pub(crate) fn help_text(&self) -> String {
        self.help().map(|help| help.to_string()).unwrap_or_default()
    }
}

impl From<InputFault> for CliError {
    fn from(fault: InputFault) -> Self {
        Self::NoInput { reason: one_line(&fault.error), help: fault.error.help_text() }
    }
}

/// Finds the images that `inputs` name, relative to `base`, passing over results in `output`. Paths
/// from standard input are relative to the current folder: whoever wrote them stood there.
pub(crate) fn find_images(
    inputs: &[String],
    base: &Path,
    depth: Depth,
    output: &Path,
    console: Console,
) -> Result<Vec<InputImage>, InputFault> {
    let Some(place) = inputs.iter().position(|input| input == STDIN) else {
        let found = samkit_io::find_images(inputs, base, depth, Some(output));
        return finish(found, console)
            .map_err(|BadInput { index, error }| InputFault { index, error: error.into() });
    };
    if let Some(second) = inputs[place + 1..].iter().position(|input| input == STDIN) {
        return Err(InputFault { index: place + 1 + second, error: InputError::Twice });
    }
    let listed = listed(base).map_err(|error| InputFault { index: place, error })?;
    let mut all = inputs.to_vec();
    all.splice(place..=place, listed.iter().map(|line| line.path.clone()));
    let found = samkit_io::find_images(&all, base, depth, Some(output));
    finish(found, console).map_err(|BadInput { index, error }| {
        match index.checked_sub(place).map(|number| listed.get(number)) {
            None => InputFault { index, error: error.into() },
            Some(Some(Line { number, .. })) => {
                let help = error.help().map(|help| help.to_string()).unwrap_or_default();
                let error = InputError::Line { line: *number, reason: one_line(&error), help };
                InputFault { index: place, error }
            }
            Some(None) => InputFault { index: index + 1 - listed.len(), error: error.into() },
        }
    })
}

impl From<FindError> for InputError {
    fn from(error: FindError) -> Self {
        Self::Find(error)
    }
}

fn finish(
    found: Result<Vec<InputImage>, BadInput>,
    console: Console,
) -> Result<Vec<InputImage>, BadInput> {
    let found = found?;
    console.detail(&format!("found {}", counted(found.len(), "image")));
    Ok(found)
}

/// A line of standard input that is not blank.
struct Line {
    number: usize,
    path: String,
}

/// What is listed on standard input.
fn listed(base: &Path) -> Result<Vec<Line>, InputError> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        return Err(InputError::Terminal);
    }
    let mut lines = lines(stdin.lock())?;
    if !base.as_os_str().is_empty() {
        for Line { number, path } in &mut lines {
            let whole = std::path::absolute(&*path).map_err(InputError::Read)?;
            let text = whole.to_str().map(str::to_owned);
            *path = text.ok_or_else(|| not_utf8(*number, "the current folder's path"))?;
        }
    }
    Ok(lines)
}

fn lines(mut reader: impl BufRead) -> Result<Vec<Line>, InputError> {
    let mut lines = Vec::new();
    for number in 1.. {
        let mut bytes = Vec::new();
        let length = (&mut reader)
            .take(LONGEST_LINE + 1)
            .read_until(b'\n', &mut bytes)
            .map_err(InputError::Read)?;
        if length == 0 {
            break;
        }
        if length as u64 > LONGEST_LINE {
            let reason = format!("longer than {LONGEST_LINE} bytes, expected a path");
            let help = "write one path on every line".to_owned();
            return Err(InputError::Line { line: number, reason, help });
        }
        let text = String::from_utf8(bytes).map_err(|_| not_utf8(number, "the line"))?;
        let path = text.trim_end_matches(['\n', '\r']);
        if path.trim().is_empty() {
            continue;
        }
        if lines.len() == MOST_LINES {
            return Err(InputError::TooMany);
        }
        lines.push(Line { number, path: path.to_owned() });
    }
    if lines.is_empty() { Err(InputError::Empty) } else { Ok(lines) }
}

fn not_utf8(line: usize, what: &str) -> InputError {
    let help = "name the folder that it lies in, or give it another name".to_owned();
    InputError::Line { line, reason: format!("{what} is not UTF-8"), help }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &[u8]) -> String {
        lines(text).err().expect("not a list").to_string()
    }

    #[test]
    fn blank_lines_are_skipped_and_lines_keep_their_numbers() {
        let lines = lines(&b"a.png\r\n\n  \n b c.png"[..]).expect("a list");
        let found: Vec<_> = lines.iter().map(|line| (line.number, line.path.as_str())).collect();
        assert_eq!(found, [(1, "a.png"), (4, " b c.png")]);
    }

    #[test]
    fn what_is_no_list_of_paths_is_refused() {
        assert_eq!(error(b""), "standard input names no images");
        assert_eq!(error(b"\n\n"), "standard input names no images");
        assert_eq!(error(b"a\n\xff\n"), "line 2 of standard input: the line is not UTF-8");
        let long = vec![b'a'; 1 << 17];
        assert!(error(&long).starts_with("line 1 of standard input: longer than"));
    }
}
