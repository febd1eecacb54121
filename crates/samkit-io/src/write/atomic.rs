//! Complete files or none.

use std::{
    fs,
    io::{self, BufWriter, ErrorKind, Write},
    path::Path,
};

use tempfile::{Builder, NamedTempFile};

use super::WriteError;

/// Writes a file by filling a temporary one in the same folder and renaming it, so that a reader
/// sees the old file or the new one but never a part. Makes the folder where need be.
///
/// # Errors
/// When the folder cannot be made or written to, or `fill` fails.
pub fn write_atomically(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<&mut NamedTempFile>) -> io::Result<()>,
) -> Result<(), WriteError> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder).map_err(|source| WriteError::folder(folder, source))?;
    let write = || {
        let mut file = temporary_file(folder)?;
        let mut writer = BufWriter::new(&mut file);
        fill(&mut writer)?;
        writer.flush()?;
        drop(writer);
        if path.is_dir() {
            return Err(ErrorKind::IsADirectory.into());
        }
        file.persist(path)?;
        Ok(())
    };
    write().map_err(|source| WriteError::file(path, source))
}

/// A hidden file that is deleted when it is not renamed. Temporary files are private by default;
/// this one gets the rights of an ordinary new file.
fn temporary_file(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = Builder::new();
    builder.prefix(".samkit-").suffix(".part");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}
