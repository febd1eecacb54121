//! Standard output, whose reader may have seen enough: `samkit plugins show edges | head -3`.

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
        eprintln!("cannot write to standard output: {error}");
    }
}

/// A line on standard output, as `println!` takes it.
macro_rules! say {
    ($($arguments:tt)*) => {
        $crate::print::print_text(&(format!($($arguments)*) + "\n"))
    };
}
pub(crate) use say;
