//! Reading weight files. What a file is, is decided by its first bytes: names
//! lie, and a saved error page is a common "checkpoint".

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::ModelError;

pub(crate) mod onnx;
mod pickle;
pub(crate) mod pytorch;
pub(crate) mod safetensors;
pub(crate) mod tfjs;

/// The formats that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    PyTorch,
    Safetensors,
    Onnx,
}

/// Recognises a weights file, or says what it seems to be instead.
pub(crate) fn detect(path: &Path) -> Result<Format, ModelError> {
    let mut start = Vec::new();
    File::open(path)
        .and_then(|file| file.take(16).read_to_end(&mut start))
        .map_err(ModelError::io("read", path))?;
    let unknown = |reason: &str| ModelError::Format {
        path: path.to_owned(),
        format: "weights",
        reason: reason.to_owned(),
    };
    match start[..] {
        [] => Err(unknown("the file is empty")),
        [b'P', b'K', 3, 4, ..] => Ok(Format::PyTorch),
        // PyTorch's own magic number, a pickled integer, opens older files.
        [0x80, 2, 0x8a, 10, ..] => Err(unknown(
            "it is in PyTorch's format from before version 1.6; load it in Python and save it again",
        )),
        [0x80, 2..=5, ..] => Err(unknown(
            "it is a bare pickle, not a PyTorch file; save the state dict with torch.save",
        )),
        // A header length in 8 bytes, then JSON.
        [_, _, _, _, _, _, _, _, b'{', ..] => Ok(Format::Safetensors),
        // Field 1, ir_version, of a ModelProto.
        [0x08, ..] => Ok(Format::Onnx),
        [b'<', ..] => Err(unknown("it looks like a web page")),
        [b'v', b'e', b'r', b's', b'i', b'o', b'n', b' ', ..] => {
            Err(unknown("it looks like a Git LFS pointer, not the file itself"))
        }
        _ => Err(unknown("expected a PyTorch (.pt, .pth), safetensors or ONNX file")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detected(bytes: &[u8]) -> Result<Format, String> {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(file.path(), bytes).expect("writable");
        detect(file.path()).map_err(|e| match e {
            ModelError::Format { reason, .. } => reason,
            other => panic!("unexpected {other:?}"),
        })
    }

    #[test]
    fn files_are_known_by_their_first_bytes() {
        assert_eq!(detected(b"PK\x03\x04...."), Ok(Format::PyTorch));
        assert_eq!(detected(b"\x02\0\0\0\0\0\0\0{}"), Ok(Format::Safetensors));
        assert_eq!(detected(b"\x08\x06\x12\x07pytorch"), Ok(Format::Onnx));
    }

    #[test]
    fn what_is_no_weights_file_is_named() {
        for (bytes, expected) in [
            (&b""[..], "empty"),
            (b"<!DOCTYPE html><html>", "web page"),
            (b"version https://git-lfs", "Git LFS"),
            (b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.", "before version 1.6"),
            (b"\x80\x04\x95\0\0\0\0\0\0\0\0", "bare pickle"),
            (b"GIF89a", "expected"),
        ] {
            let reason = detected(bytes).expect_err("not weights");
            assert!(reason.contains(expected), "{reason}");
        }
    }
}
