//! What begins every struct that can grow, and how such a struct is read.

use core::mem::{MaybeUninit, align_of, size_of};

/// First word of every struct that can grow: the letters `SMKT` in memory on little-endian machines.
pub const MAGIC: u32 = 0x544B_4D53;
/// Major version of the border. Sides with different ones do not talk to each other.
pub const ABI_MAJOR: u16 = 1;
/// Minor version of the border: grows when fields or extensions are added.
pub const ABI_MINOR: u16 = 2;

/// Begins every struct that can grow.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// `MAGIC`.
    pub magic: u32,
    /// `ABI_MAJOR` of the side that wrote the struct.
    pub major: u16,
    /// `ABI_MINOR` of the side that wrote the struct.
    pub minor: u16,
    /// Size in bytes of the whole struct as the writing side knows it.
    pub size: u32,
    /// Zero.
    pub reserved: u32,
}

impl Header {
    /// The header of a struct `T` that this side writes.
    pub const fn of<T: Versioned>() -> Self {
        let size = size_of::<T>() as u32;
        Self { magic: MAGIC, major: ABI_MAJOR, minor: ABI_MINOR, size, reserved: 0 }
    }
}

/// A struct that begins with a [`Header`] and can grow at its end.
///
/// # Safety
/// The type is `#[repr(C)]`, its first field is a [`Header`], and all zeros are a valid value of
/// everything after it.
pub unsafe trait Versioned: Copy {
    /// The struct's name in messages.
    const NAME: &'static str;
    /// Size of the struct in the minor version that it came with: less than this is never enough.
    const MIN_SIZE: usize;
}

/// Why a struct of the other side was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// The pointer is null.
    Null,
    /// The pointer is not aligned for the struct.
    Misaligned,
    /// The struct does not begin with [`MAGIC`] but with this.
    Magic(u32),
    /// The struct has this major version.
    Major(u16),
    /// The struct has this many bytes, less than [`Versioned::MIN_SIZE`].
    TooSmall(u32),
}

/// Reads a struct of the other side: as many bytes as both sides know, zeros for the rest.
///
/// # Errors
/// When the pointer or the header is not that of such a struct; then only the header was read.
///
/// # Safety
/// `pointer` is null or points to memory that nobody writes meanwhile: a header's worth of readable
/// bytes and, where the header is that of such a struct, as many bytes as it says, a valid `T` as
/// far as they reach.
pub unsafe fn read<T: Versioned>(pointer: *const T) -> Result<T, ReadError> {
    if pointer.is_null() {
        return Err(ReadError::Null);
    }
    if !pointer.addr().is_multiple_of(align_of::<T>()) {
        return Err(ReadError::Misaligned);
    }
    // SAFETY: neither null nor misaligned, and the caller vouches for a header's worth of bytes.
    let header = unsafe { pointer.cast::<Header>().read() };
    if header.magic != MAGIC {
        return Err(ReadError::Magic(header.magic));
    }
    if header.major != ABI_MAJOR {
        return Err(ReadError::Major(header.major));
    }
    if (header.size as usize) < T::MIN_SIZE {
        return Err(ReadError::TooSmall(header.size));
    }
    let known = size_of::<T>().min(header.size as usize);
    let mut value = MaybeUninit::<T>::zeroed();
    // SAFETY: `known` bytes are readable as the header says, and fit into `value`; zeros are valid
    // for all that is not copied.
    unsafe {
        core::ptr::copy_nonoverlapping(
            pointer.cast::<u8>(),
            value.as_mut_ptr().cast::<u8>(),
            known,
        );
        Ok(value.assume_init())
    }
}
