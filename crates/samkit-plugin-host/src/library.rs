//! Loading a shared library.

use std::path::Path;

use samkit_plugin_abi as abi;

use crate::{Origin, PluginError, search::absolute};

#[cfg(unix)]
use libloading::os::unix::Library;
#[cfg(windows)]
use libloading::os::windows::Library;

/// Loads the library at `path` for good and asks it for its entry, which may be null.
pub(crate) fn entry(path: &Path) -> Result<*const abi::Entry, PluginError> {
    let path = absolute(path, "the path of a plugin")?;
    if !path.is_file() {
        return Err(PluginError::NotFound { path, expected: "a plugin's shared library" });
    }
    let library = open(&path).map_err(|error| {
        // What the system said is the cause; the error itself only names its function.
        let cause = std::error::Error::source(&error);
        let reason = cause.map_or_else(|| error.to_string(), ToString::to_string);
        PluginError::NotALibrary { path: path.clone(), reason }
    })?;
    // SAFETY: the symbol's name says its type: it is there for this purpose only.
    let Ok(entry) = (unsafe { library.get::<abi::EntryFn>(abi::ENTRY_SYMBOL) }) else {
        return Err(match other_version(&library) {
            Some(found) => {
                let origin = Origin::File(path);
                PluginError::OtherVersion { origin, expected: abi::ABI_MAJOR, found }
            }
            None => PluginError::NoEntry { path, expected: abi::ENTRY_SYMBOL },
        });
    };
    let entry = *entry;
    // Never unloaded: threads, thread-locals and exit handlers of the plugin may outlive any use.
    std::mem::forget(library);
    // SAFETY: the plugin's entry function, which takes nothing and has no conditions.
    Ok(unsafe { entry() })
}

/// Resolves everything at once, so that a missing symbol is found here and not in the middle of a
/// run.
#[cfg(unix)]
fn open(path: &Path) -> Result<Library, libloading::Error> {
    use libloading::os::unix::{RTLD_LOCAL, RTLD_NOW};
    // SAFETY: runs the library's constructors, which is what the user wants of a plugin.
    unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) }
}

#[cfg(windows)]
fn open(path: &Path) -> Result<Library, libloading::Error> {
    // SAFETY: runs the library's constructors, which is what the user wants of a plugin.
    unsafe { Library::new(path) }
}

/// The border's version that the library was built for, if it exports another one's entry.
fn other_version(library: &Library) -> Option<u16> {
    (0..32_u16).filter(|&major| major != abi::ABI_MAJOR).find(|major| {
        let name = format!("samkit_plugin_entry_v{major}");
        // SAFETY: only looked up, never called.
        unsafe { library.get::<*const ()>(name.as_str()) }.is_ok()
    })
}
