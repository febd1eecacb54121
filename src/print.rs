//! Standard output, whose reader may have seen enough: `samkit plugins show edges | head -3`.

use std::io::{ErrorKind, Write};

/// Text on standard output. A reader that is gone is no error.
pub(crate) fn print_text(text: &str) {
    let mut stdout = std::io::stdout().lock();
    if let Err(error) = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())
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
