//! One run at a time in an output folder, but all shards of a run together.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::journal::FOLDER;
use crate::{error::CliError, shard::Shard};

/// Held for as long as the run lasts. The system lets go of it however the program ends, so that
/// nothing has to be removed after a crash.
#[derive(Debug)]
pub(crate) struct Lock {
    /// Locked until they are closed.
    _files: Vec<File>,
    owner: PathBuf,
}

/// The whole folder: taken alone by a run, and together by shards.
const LOCK: &str = "lock";
const OWNER: &str = "owner";

impl Lock {
    /// Takes the folder for `what`, or says who has it.
    ///
    /// # Errors
    /// When another run has it, or files cannot be made in it.
    pub(crate) fn take(output: &Path, shard: Option<Shard>, what: &str) -> Result<Self, CliError> {
        let folder = output.join(FOLDER);
        let failed = |source| CliError::Output { path: output.to_owned(), source };
        fs::create_dir_all(&folder).map_err(failed)?;
        let open = |name: &str| {
            let mut options = File::options();
            options.create(true).truncate(false).write(true).read(true).open(folder.join(name))
        };
        let all = open(LOCK).map_err(failed)?;
        let mut files = Vec::new();
        let tag = shard.map_or(String::new(), |shard| format!(".{shard}"));
        let taken = match shard {
            None => all.try_lock(),
            Some(_) => all.try_lock_shared(),
        };
        if !is_locked(taken).map_err(failed)? {
            return Err(in_use(output, &folder));
        }
        files.push(all);
        if shard.is_some() {
            let own = open(&format!("{LOCK}{tag}")).map_err(failed)?;
            if !is_locked(own.try_lock()).map_err(failed)? {
                return Err(in_use(output, &folder));
            }
            files.push(own);
        }
        // What runs left that were killed would name them later.
        let is_stale = |name: &str| match shard {
            None => name.starts_with(OWNER),
            Some(_) => name == OWNER,
        };
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            if is_stale(&entry.file_name().to_string_lossy()) {
                let _ = fs::remove_file(entry.path());
            }
        }
        let owner = folder.join(format!("{OWNER}{tag}"));
        let text = format!("{what}, process {}{}\n", std::process::id(), host());
        File::create(&owner)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(failed)?;
        Ok(Self { _files: files, owner })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Only told to people while the lock is held.
        let _ = fs::remove_file(&self.owner);
    }
}

/// Whether the lock was got. Where a file system has no locks there is nothing to wait for either.
fn is_locked(taken: Result<(), TryLockError>) -> io::Result<bool> {
    match taken {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn in_use(output: &Path, folder: &Path) -> CliError {
    let mut owners: Vec<String> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(OWNER))
        .filter_map(|entry| fs::read_to_string(entry.path()).ok())
        .map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty())
        .collect();
    owners.sort();
    owners.truncate(3);
    let owner = if owners.is_empty() { "unknown".into() } else { owners.join("; ") };
    CliError::InUse { path: output.to_owned(), owner }
}

/// ` on HOST`, where the system tells its name.
fn host() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| std::env::var("COMPUTERNAME").ok())
        .or_else(|| std::env::var("HOSTNAME").ok());
    name.map_or(String::new(), |name| format!(" on {}", name.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard(number: usize) -> Option<Shard> {
        Some(Shard { number, count: 2 })
    }

    #[test]
    fn a_run_keeps_out_all_others_and_names_itself() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = Lock::take(folder.path(), None, "samkit edges").expect("it is free");
        for other in [None, shard(1)] {
            let refused = Lock::take(folder.path(), other, "samkit text").expect_err("it is taken");
            assert!(refused.to_string().contains("samkit edges, process"), "{refused}");
        }
        drop(first);
        Lock::take(folder.path(), None, "samkit text").expect("it is free again");
    }

    #[test]
    fn shards_share_a_folder_but_none_is_there_twice() {
        let folder = tempfile::tempdir().expect("a folder");
        let _first = Lock::take(folder.path(), shard(1), "first").expect("it is free");
        let _second = Lock::take(folder.path(), shard(2), "second").expect("it is shared");
        let again = Lock::take(folder.path(), shard(1), "again").expect_err("it is there");
        assert!(again.to_string().contains("first"), "{again}");
        let whole = Lock::take(folder.path(), None, "whole").expect_err("shards are at work");
        assert!(whole.to_string().contains("second"), "{whole}");
    }
}
