//! `NaN` and `Infinity` in JSON, which has neither, but Python writes them.

use std::io::{self, Read};

/// What stands for such a number in what the JSON parser sees: a text that nobody writes, as short as
/// `NaN`, so that all columns stay.
pub(crate) const NOT_A_NUMBER: &str = "\u{7f}";

const WORDS: [&[u8]; 3] = [b"NaN", b"Infinity", b"-Infinity"];
const LONGEST: usize = 9;

/// JSON with numbers that are none as [`NOT_A_NUMBER`]. It is to be read through a buffer, not in
/// pieces of a few bytes.
pub(crate) struct Patched<R> {
    inner: R,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    is_over: bool,
    is_in_text: bool,
    is_escaped: bool,
}

impl<R: Read> Patched<R> {
    pub(crate) fn new(inner: R) -> Self {
        let buffer = vec![0; 1 << 16].into();
        Self {
            inner,
            buffer,
            start: 0,
            end: 0,
            is_over: false,
            is_in_text: false,
            is_escaped: false,
        }
    }

    /// Reads on until a whole word is there.
    fn fill(&mut self) -> io::Result<()> {
        while self.end - self.start < LONGEST && !self.is_over {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
            match self.inner.read(&mut self.buffer[self.end..]) {
                Ok(0) => self.is_over = true,
                Ok(count) => self.end += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Copies the next byte, or puts the text for a word there. Returns the number of bytes.
    fn step(&mut self, out: &mut [u8]) -> usize {
        let rest = &self.buffer[self.start..self.end];
        let byte = rest[0];
        if !self.is_in_text && matches!(byte, b'N' | b'I' | b'-') {
            if let Some(word) = WORDS.iter().find(|word| rest.starts_with(word)) {
                out[..word.len()].fill(b' ');
                out[..3].copy_from_slice(b"\"\x7f\"");
                self.start += word.len();
                return word.len();
            }
        } else if self.is_escaped {
            self.is_escaped = false;
        } else if byte == b'\\' {
            self.is_escaped = self.is_in_text;
        } else if byte == b'"' {
            self.is_in_text = !self.is_in_text;
        }
        out[0] = byte;
        self.start += 1;
        1
    }
}

impl<R: Read> Read for Patched<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        debug_assert!(out.len() >= LONGEST);
        self.fill()?;
        let mut count = 0;
        while count + LONGEST <= out.len() {
            let left = self.end - self.start;
            if left == 0 || (left < LONGEST && !self.is_over) {
                break;
            }
            count += self.step(&mut out[count..]);
        }
        Ok(count)
    }
}
