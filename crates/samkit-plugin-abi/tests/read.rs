//! Structs of every size, from both ends of the version range, and of none at all.
#![allow(unsafe_code, reason = "plays the other side of the border")]

use proptest::prelude::*;
use samkit_plugin_abi::{
    ABI_MAJOR, Artifact, Descriptor, Entry, Header, Host, Inputs, MAGIC, Models, Outputs,
    ReadError, Sam, Versioned, read,
};

/// A struct that had one field at first, and has four by now.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
struct Grown {
    header: Header,
    first: u64,
    second: u64,
    third: u32,
    fourth: u32,
}

// SAFETY: `repr(C)`, a header first, and numbers after it.
unsafe impl Versioned for Grown {
    const NAME: &'static str = "Grown";
    const MIN_SIZE: usize = 24;
}

/// `bytes` behind a header that says `size`, in memory of exactly that size (but at least a header),
/// so that a reader that goes further is caught by memory checkers.
fn memory(header: Header, bytes: &[u8]) -> Vec<u64> {
    let size = (header.size as usize).max(size_of::<Header>());
    let mut words = vec![0_u64; size.div_ceil(8)];
    // SAFETY: as many bytes as the words have.
    let target = unsafe { std::slice::from_raw_parts_mut(words.as_mut_ptr().cast::<u8>(), size) };
    for (target, byte) in target.iter_mut().zip(bytes) {
        *target = *byte;
    }
    // SAFETY: at least a header's worth of aligned bytes.
    unsafe { words.as_mut_ptr().cast::<Header>().write(header) };
    words
}

fn header(size: usize) -> Header {
    Header { magic: MAGIC, major: ABI_MAJOR, minor: 7, size: size as u32, reserved: 0 }
}

/// Whether a struct `T` of zeros is read at this size.
fn is_read<T: Versioned>(size: usize) -> bool {
    let memory = memory(header(size), &[]);
    // SAFETY: memory of that size; zeros are valid.
    match unsafe { read::<T>(memory.as_ptr().cast()) } {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error, ReadError::TooSmall(size as u32));
            false
        }
    }
}

fn accepts_exactly_what_is_large_enough<T: Versioned>() {
    for size in 0..=2 * size_of::<T>() {
        assert_eq!(is_read::<T>(size), size >= T::MIN_SIZE, "{} of {size} bytes", T::NAME);
    }
}

#[test]
fn every_struct_is_read_at_every_size_from_its_first_version_on() {
    accepts_exactly_what_is_large_enough::<Artifact>();
    accepts_exactly_what_is_large_enough::<Descriptor>();
    accepts_exactly_what_is_large_enough::<Entry>();
    accepts_exactly_what_is_large_enough::<Host>();
    accepts_exactly_what_is_large_enough::<Inputs>();
    accepts_exactly_what_is_large_enough::<Outputs>();
    accepts_exactly_what_is_large_enough::<Models>();
    accepts_exactly_what_is_large_enough::<Sam>();
    accepts_exactly_what_is_large_enough::<Grown>();
}

#[test]
fn null_and_crooked_pointers_are_refused() {
    let memory = memory(header(48), &[]);
    // SAFETY: null, and a pointer that is refused before anything is read.
    unsafe {
        assert_eq!(read::<Grown>(std::ptr::null()).unwrap_err(), ReadError::Null);
        let crooked = memory.as_ptr().cast::<u8>().wrapping_add(1).cast::<Grown>();
        assert_eq!(read(crooked).unwrap_err(), ReadError::Misaligned);
    }
}

proptest! {
    #[test]
    fn what_both_sides_know_arrives_and_the_rest_is_zero(
        size in 0_usize..=2 * size_of::<Grown>(),
        bytes in proptest::collection::vec(any::<u8>(), 2 * size_of::<Grown>()),
    ) {
        let memory = memory(header(size), &bytes);
        // SAFETY: memory of that size; any bytes are valid numbers.
        let result = unsafe { read::<Grown>(memory.as_ptr().cast()) };
        if size < Grown::MIN_SIZE {
            prop_assert_eq!(result.unwrap_err(), ReadError::TooSmall(size as u32));
            return Ok(());
        }
        let grown = result.unwrap();
        let mut expected = bytes;
        expected[size..].fill(0);
        let word = |at: usize| u64::from_ne_bytes(expected[at..at + 8].try_into().unwrap());
        let half = |at: usize| u32::from_ne_bytes(expected[at..at + 4].try_into().unwrap());
        prop_assert_eq!((grown.first, grown.second), (word(16), word(24)));
        prop_assert_eq!((grown.third, grown.fourth), (half(32), half(36)));
    }

    #[test]
    fn any_other_header_is_refused(magic: u32, major: u16, minor: u16, size in 0_u32..200) {
        let header = Header { magic, major, minor, size, reserved: 0 };
        let memory = memory(header, &[]);
        // SAFETY: memory of that size.
        let result = unsafe { read::<Grown>(memory.as_ptr().cast()) };
        let expected = match (magic, major) {
            (MAGIC, ABI_MAJOR) => return Ok(()),
            (MAGIC, _) => ReadError::Major(major),
            _ => ReadError::Magic(magic),
        };
        prop_assert_eq!(result.unwrap_err(), expected);
    }
}
