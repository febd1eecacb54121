//! Pointers and lengths of the other side as slices and text.

use samkit_core::{RleError, Size};
use samkit_plugin_abi::{self as abi, ReadError};

/// More entries than any list at the border has.
const MAX_ENTRIES: usize = 1 << 32;

/// Something of the other side that is not what the border allows. `what` says which: ``output
/// `masks`, region 3``.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// A null pointer where there has to be something.
    #[error("{what} is null")]
    Null {
        /// Which part.
        what: String,
    },
    /// A pointer that is not aligned for its type.
    #[error("{what} is not aligned")]
    Misaligned {
        /// Which part.
        what: String,
    },
    /// A count that nothing can have.
    #[error("{what} has {count} entries, which is more than can be")]
    TooMany {
        /// Which part.
        what: String,
        /// The count.
        count: usize,
    },
    /// Text that is not UTF-8.
    #[error("{what} is not UTF-8: byte {position} is wrong")]
    NotUtf8 {
        /// Which part.
        what: String,
        /// Offset of the first wrong byte.
        position: usize,
    },
    /// A struct without the right header.
    #[error("{what} is no {name}: {reason}")]
    NotAStruct {
        /// Which part.
        what: String,
        /// The struct's name in C.
        name: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A kind that is unknown, or not the slot's.
    #[error("{what} has the kind {found}, expected {expected}")]
    Kind {
        /// Which part.
        what: String,
        /// The kind's number.
        found: u32,
        /// What is allowed.
        expected: String,
    },
    /// A tensor with another element type, another shape, or gaps.
    #[error("{what} is {found}, expected {expected}")]
    Tensor {
        /// Which part.
        what: String,
        /// Type and shape that were found.
        found: String,
        /// What is allowed.
        expected: String,
    },
    /// A size that is not the image's.
    #[error("{what} has {found} pixels, expected {expected} as the image")]
    Size {
        /// Which part.
        what: String,
        /// The size that was found.
        found: Size,
        /// The image's.
        expected: Size,
    },
    /// A number that is NaN or infinite.
    #[error("{what} is {found}, expected a finite number")]
    NotFinite {
        /// Which part.
        what: String,
        /// The number.
        found: f64,
    },
    /// A box whose sides are not in order.
    #[error("{what} has its right side left of its left side, or its bottom above its top")]
    BoxOrder {
        /// Which part.
        what: String,
    },
    /// A number outside its range.
    #[error("{what} is {found}, expected {expected}")]
    Range {
        /// Which part.
        what: String,
        /// The number.
        found: f64,
        /// What is allowed.
        expected: &'static str,
    },
    /// A mask that has neither run lengths nor a bitmap.
    #[error("{what} has neither run lengths nor a bitmap, expected a mask")]
    NoMask {
        /// Which part.
        what: String,
    },
    /// Run lengths that do not fit the image.
    #[error("{what}: {reason}")]
    Runs {
        /// Which part.
        what: String,
        /// What is wrong with them.
        reason: RleError,
    },
    /// Text that is not a table.
    #[error("{what} is not a table: {reason}")]
    Table {
        /// Which part.
        what: String,
        /// What is wrong.
        reason: String,
    },
}

impl Malformed {
    /// The error for a struct `T` that could not be read.
    pub fn from_read<T: abi::Versioned>(what: &str, error: ReadError) -> Self {
        let what = what.to_owned();
        let reason = match error {
            ReadError::Null => return Self::Null { what },
            ReadError::Misaligned => return Self::Misaligned { what },
            ReadError::Magic(found) => {
                format!("it begins with {found:#010x}, expected {:#010x}", abi::MAGIC)
            }
            ReadError::Major(found) => {
                format!("its major version is {found}, expected {}", abi::ABI_MAJOR)
            }
            ReadError::TooSmall(found) => {
                format!("it has {found} bytes, expected at least {}", T::MIN_SIZE)
            }
        };
        Self::NotAStruct { what, name: T::NAME, reason }
    }
}

/// The `count` entries at `pointer`. Nothing is copied.
///
/// # Errors
/// Null or misaligned where there are entries, or more of them than memory can hold.
///
/// # Safety
/// When neither null nor misaligned, `pointer` points to `count` valid entries that nobody writes
/// during `'a`.
pub unsafe fn slice<'a, T>(
    pointer: *const T,
    count: usize,
    what: impl FnOnce() -> String,
) -> Result<&'a [T], Malformed> {
    if count == 0 {
        return Ok(&[]);
    }
    if pointer.is_null() {
        return Err(Malformed::Null { what: what() });
    }
    if !pointer.is_aligned() {
        return Err(Malformed::Misaligned { what: what() });
    }
    let bytes = count.checked_mul(size_of::<T>()).filter(|&bytes| isize::try_from(bytes).is_ok());
    if bytes.is_none() || count > MAX_ENTRIES {
        return Err(Malformed::TooMany { what: what(), count });
    }
    // SAFETY: checked for null, alignment and length; the caller vouches for the entries.
    Ok(unsafe { std::slice::from_raw_parts(pointer, count) })
}

/// Text of the other side.
///
/// # Errors
/// As [`slice()`], or when it is not UTF-8.
///
/// # Safety
/// As [`slice()`].
pub unsafe fn text<'a>(text: abi::Str, what: impl Fn() -> String) -> Result<&'a str, Malformed> {
    // SAFETY: passed on to the caller.
    let bytes = unsafe { slice(text.data, text.len, &what) }?;
    std::str::from_utf8(bytes)
        .map_err(|error| Malformed::NotUtf8 { what: what(), position: error.valid_up_to() })
}
