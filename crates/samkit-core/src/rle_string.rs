//! The compressed form of run lengths in COCO files (`rleToString`, `rleFrString` of the COCO API).
//!
//! From the fourth run on, what is stored is the difference to the run two places before. Each
//! number is cut into groups of five bits, the lowest first; a sixth bit says that more follow, the
//! fifth bit of the last group is the sign; 48 is added to make printable characters.

use crate::RleError;

const OFFSET: u8 = b'0';
const MORE: u8 = 0x20;
const SIGN: u8 = 0x10;
/// Seven groups hold 35 bits: any difference of two 32-bit numbers.
const MAX_GROUPS: u32 = 7;

pub(crate) fn encode(counts: &[u32]) -> String {
    let mut string = String::with_capacity(2 * counts.len());
    for (index, &run) in counts.iter().enumerate() {
        let before = if index > 2 { counts[index - 2] } else { 0 };
        let mut rest = i64::from(run) - i64::from(before);
        loop {
            let group = (rest & 0x1f) as u8;
            rest >>= 5;
            let done = if group & SIGN == 0 { rest == 0 } else { rest == -1 };
            string.push(char::from(OFFSET + if done { group } else { group | MORE }));
            if done {
                break;
            }
        }
    }
    string
}

pub(crate) fn decode(string: &str) -> Result<Vec<u32>, RleError> {
    let mut counts: Vec<u32> = Vec::new();
    let mut number = 0i64;
    let mut groups = 0;
    for (position, found) in string.char_indices() {
        let group = u8::try_from(found)
            .ok()
            .and_then(|byte| byte.checked_sub(OFFSET))
            .filter(|&group| group < 2 * MORE)
            .ok_or(RleError::BadCharacter { position, found })?;
        number |= i64::from(group & 0x1f) << (5 * groups);
        groups += 1;
        let run = counts.len();
        if group & MORE != 0 {
            if groups == MAX_GROUPS {
                return Err(RleError::BadRun { run, length: number });
            }
            continue;
        }
        if group & SIGN != 0 {
            number |= -1 << (5 * groups);
        }
        let before = if run > 2 { counts[run - 2] } else { 0 };
        let length = number + i64::from(before);
        counts.push(u32::try_from(length).map_err(|_| RleError::BadRun { run, length })?);
        (number, groups) = (0, 0);
    }
    if groups > 0 {
        return Err(RleError::Truncated { run: counts.len() });
    }
    Ok(counts)
}
