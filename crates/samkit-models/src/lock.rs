//! One writer a model, across processes.

use std::fs::{File, TryLockError};
use std::path::Path;

use crate::{ModelError, Progress};

/// Holds `ID.lock` in the store until dropped; the system releases it when the
/// process ends, however it ends. The file itself stays: removing it would let
/// two processes hold "the" lock.
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Waits for whoever holds the lock now.
    pub(crate) fn acquire(
        dir: &Path,
        id: &str,
        progress: &dyn Progress,
    ) -> Result<Self, ModelError> {
        let path = dir.join(format!("{id}.lock"));
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(ModelError::io("create", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                progress.waiting(id);
                file.lock().map_err(ModelError::io("lock", &path))?;
            }
            Err(TryLockError::Error(e)) => return Err(ModelError::io("lock", &path)(e)),
        }
        Ok(Self { _file: file })
    }
}
