//! How many pictures a TIFF holds.

/// Whether the file's first directory names a second one (TIFF 6.0, section 2; BigTIFF has the same
/// with numbers of eight bytes).
pub(super) fn has_pages(bytes: &[u8]) -> bool {
    next_directory(bytes).is_some_and(|offset| offset != 0)
}

fn next_directory(bytes: &[u8]) -> Option<u64> {
    let is_little = match bytes.get(..2)? {
        b"II" => true,
        b"MM" => false,
        _ => return None,
    };
    let number = |at: u64, length: usize| {
        let at = usize::try_from(at).ok()?;
        let digits = bytes.get(at..at.checked_add(length)?)?;
        let joined = |sum: u64, digit: &u8| (sum << 8) | u64::from(*digit);
        Some(match is_little {
            true => digits.iter().rev().fold(0, joined),
            false => digits.iter().fold(0, joined),
        })
    };
    // Where the first directory is, and how long its count, an entry and an offset are.
    let (first, count, entry, offset) = match number(2, 2)? {
        42 => (number(4, 4)?, 2, 12, 4),
        43 => (number(8, 8)?, 8, 20, 8),
        _ => return None,
    };
    let entries = number(first, count)?;
    let end = first.checked_add(count as u64)?.checked_add(entries.checked_mul(entry)?)?;
    number(end, offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory of one entry, then the offset of the next.
    fn classic(next: u32) -> Vec<u8> {
        let mut file = b"II\x2a\0\x08\0\0\0\x01\0".to_vec();
        file.extend([0; 12]);
        file.extend(next.to_le_bytes());
        file
    }

    #[test]
    fn a_second_directory_is_a_second_page() {
        assert!(!has_pages(&classic(0)));
        assert!(has_pages(&classic(500)));
        let mut big = b"MM\0\x2b\0\x08\0\0".to_vec();
        big.extend(16u64.to_be_bytes());
        big.extend(1u64.to_be_bytes());
        big.extend([0; 20]);
        assert!(!has_pages(&[&big[..], &[0; 8]].concat()));
        assert!(has_pages(&[&big[..], &[9; 8]].concat()));
    }

    #[test]
    fn what_is_cut_or_lies_has_no_pages() {
        let file = classic(500);
        (0..file.len()).for_each(|length| assert!(!has_pages(&file[..length])));
        let far = [&b"II\x2b\0\x08\0\0\0"[..], &[0xff; 8]].concat();
        assert!(!has_pages(&far));
    }
}
