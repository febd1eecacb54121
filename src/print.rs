//! Standard output and standard error, whose readers may have seen enough:
//! `samkit plugins show edges | head -3`.

use std::{
    fs::File,
    io::{self, ErrorKind, Write},
    path::Path,
};

/// Text on standard output. A reader that is gone is no error.
pub(crate) fn print_text(text: &str) {
    print_with(|stdout| stdout.write_all(text.as_bytes()));
}

/// A file's content on standard output, however long it is.
pub(crate) fn print_file(path: &Path) {
    print_with(|stdout| io::copy(&mut File::open(path)?, stdout).map(drop));
}

fn print_with(write: impl FnOnce(&mut io::StdoutLock<'_>) -> io::Result<()>) {
    let mut stdout = io::stdout().lock();
    if let Err(error) = write(&mut stdout).and_then(|()| stdout.flush())
        && error.kind() != ErrorKind::BrokenPipe
    {
        tell!("cannot write to standard output: {error}");
    }
}

/// A line on standard output, as `println!` takes it.
macro_rules! say {
    ($($arguments:tt)*) => {
        $crate::print::print_text(&(format!($($arguments)*) + "\n"))
    };
}
pub(crate) use say;

/// A line on standard error. Nobody can be told that it cannot be written, and a run goes on without it.
pub(crate) fn print_error(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// A line on standard error, as `eprintln!` takes it; that one panics when its reader is gone.
macro_rules! tell {
    ($($arguments:tt)*) => {
        $crate::print::print_error(&format!($($arguments)*))
    };
}
pub(crate) use tell;
