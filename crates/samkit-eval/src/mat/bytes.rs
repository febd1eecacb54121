//! Elements of a file: a type, a length, and the bytes.

use super::MatError;

pub(super) const MATRIX: u32 = 14;
pub(super) const COMPRESSED: u32 = 15;
pub(super) const UTF8: u32 = 16;

/// A part of a file that is read from front to back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bytes<'a> {
    all: &'a [u8],
    at: usize,
    is_big: bool,
    is_decompressed: bool,
}

/// One element.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element<'a> {
    pub(super) kind: u32,
    pub(super) data: Bytes<'a>,
}

impl<'a> Bytes<'a> {
    pub(super) fn new(all: &'a [u8], at: usize, is_big: bool, is_decompressed: bool) -> Self {
        Self { all, at, is_big, is_decompressed }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.all.len()
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.all.get(self.at..).unwrap_or_default()
    }

    pub(super) fn damaged(&self, what: String) -> MatError {
        MatError::Damaged { at: self.at, compressed: self.is_decompressed, what }
    }

    fn u32(&mut self) -> Result<u32, MatError> {
        let Some(&bytes) = self.rest().first_chunk::<4>() else {
            return Err(self.damaged("the file ends within an element".to_owned()));
        };
        self.at += 4;
        Ok(if self.is_big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    /// The next element; what fills it up to eight bytes is passed over.
    pub(super) fn element(&mut self) -> Result<Element<'a>, MatError> {
        let start = self.at;
        let tag = self.u32()?;
        // Up to four bytes fit into the tag, which then has the length in its upper half.
        let is_small = tag >> 16 != 0;
        let (kind, length) = if is_small {
            (tag & 0xffff, (tag >> 16) as usize)
        } else {
            (tag, self.u32()? as usize)
        };
        let end = self.at.checked_add(length).filter(|&end| end <= self.all.len());
        let Some(end) = end.filter(|_| !is_small || length <= 4) else {
            let what =
                format!("an element of {length} bytes, of which {} are there", self.rest().len());
            return Err(Self { at: start, ..*self }.damaged(what));
        };
        let data = Self { all: &self.all[..end], ..*self };
        self.at = match (is_small, kind) {
            (true, _) => start + 8,
            // Compressed elements are not filled up.
            (false, COMPRESSED) => end,
            (false, _) => end + (8 - (end - self.at) % 8) % 8,
        };
        Ok(Element { kind, data })
    }
}

impl Element<'_> {
    /// Its numbers, whatever their type.
    pub(super) fn numbers(&self) -> Result<Vec<f64>, MatError> {
        let data = self.data.rest();
        macro_rules! all {
            ($type:ty) => {{
                let (chunks, rest) = data.as_chunks::<{ size_of::<$type>() }>();
                if !rest.is_empty() {
                    let what = format!("{} bytes of {}", data.len(), stringify!($type));
                    return Err(self.data.damaged(what));
                }
                let number = |&bytes| match self.data.is_big {
                    true => <$type>::from_be_bytes(bytes) as f64,
                    false => <$type>::from_le_bytes(bytes) as f64,
                };
                Ok(chunks.iter().map(number).collect())
            }};
        }
        match self.kind {
            1 => all!(i8),
            2 => all!(u8),
            3 => all!(i16),
            4 => all!(u16),
            5 => all!(i32),
            6 => all!(u32),
            7 => all!(f32),
            9 => all!(f64),
            12 => all!(i64),
            13 => all!(u64),
            other => {
                let what = format!("an element of type {other}, expected numbers");
                Err(self.data.damaged(what))
            }
        }
    }

    pub(super) fn text(&self) -> String {
        until_zero(self.data.rest())
    }
}

/// Text that ends at its first zero byte.
pub(super) fn until_zero(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}
