//! Whether a JPEG file is complete, which the decoder does not tell.

const END_OF_IMAGE: u8 = 0xd9;

/// Whether the end-of-image marker is there. The decoder fills what is missing with grey and says
/// nothing.
pub(super) fn is_complete(bytes: &[u8]) -> bool {
    markers(bytes).any(|marker| marker == END_OF_IMAGE)
}

/// The markers of the file. Segments are passed over whole, thumbnails in them too; compressed data
/// follow the segment of a start of scan.
fn markers(bytes: &[u8]) -> impl Iterator<Item = u8> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        loop {
            let start = rest.iter().position(|&byte| byte == 0xff)?;
            rest = &rest[start + 1..];
            match *rest.first()? {
                // An escaped 0xff in compressed data, and padding before a marker.
                0x00 | 0xff => {}
                marker @ (0x01 | 0xd0..=0xd9) => {
                    rest = &rest[1..];
                    return Some(marker);
                }
                marker => {
                    let length = usize::from(u16::from_be_bytes([*rest.get(1)?, *rest.get(2)?]));
                    rest = rest.get(1 + length..)?;
                    return Some(marker);
                }
            }
        }
    })
}
