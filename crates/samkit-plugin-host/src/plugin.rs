//! Plugins that are there to be used.

use std::{path::Path, sync::Arc};

use samkit_plugin::artifact::text;
use samkit_plugin_abi::{self as abi, ReadError, Versioned};

use crate::{Description, HostServices, Instance, Origin, PluginError, SearchPath, library};

/// A plugin that was loaded or linked in, and what it says about itself. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Plugin(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    origin: Origin,
    description: Description,
    functions: Functions,
}

/// A plugin's functions, all of them there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Functions {
    pub(crate) create:
        unsafe extern "C" fn(*const abi::Host, abi::Str, *mut *mut std::ffi::c_void) -> abi::Status,
    pub(crate) run: unsafe extern "C" fn(
        *mut std::ffi::c_void,
        *const abi::Host,
        *const abi::Inputs,
        *const abi::Outputs,
    ) -> abi::Status,
    pub(crate) destroy: unsafe extern "C" fn(*mut std::ffi::c_void),
    last_error: unsafe extern "C" fn() -> abi::Str,
}

impl Functions {
    /// Why the plugin's last call on this thread failed, in its own words.
    pub(crate) fn last_error(&self) -> String {
        const LONGEST: usize = 1 << 16;
        // SAFETY: the plugin's function, without conditions. The text is copied before the next call.
        let words = unsafe {
            let mut words = (self.last_error)();
            words.len = words.len.min(LONGEST);
            text(words, || "the text of its error".to_owned())
        };
        match words {
            Ok("") => "it does not say why".to_owned(),
            Ok(words) => words.to_owned(),
            Err(error) => format!("it does not say why ({error})"),
        }
    }
}

impl Plugin {
    /// A plugin that is part of the program: what its crate's `entry()` gives.
    ///
    /// # Errors
    /// When the entry or the description is not what it should be, or the plugin cannot start.
    pub fn linked_in(entry: &'static abi::Entry) -> Result<Self, PluginError> {
        // SAFETY: a reference to a static entry.
        unsafe { Self::from_entry(entry, Origin::LinkedIn) }
    }

    /// Loads a plugin from a shared library, for good.
    ///
    /// # Errors
    /// When the file is no plugin for this version of the border, or cannot start.
    pub fn load(path: &Path) -> Result<Self, PluginError> {
        let entry = library::entry(path)?;
        let origin = Origin::File(path.to_owned());
        if entry.is_null() {
            let reason = "it has no entry".to_owned();
            return Err(PluginError::InitFailed { origin, reason });
        }
        // SAFETY: what the library's entry function gave.
        unsafe { Self::from_entry(entry, origin) }
    }

    /// # Safety
    /// `entry` is what a plugin gave as its static entry, and not null.
    unsafe fn from_entry(entry: *const abi::Entry, origin: Origin) -> Result<Self, PluginError> {
        // SAFETY: the plugin's static structs.
        let (entry, description) = unsafe {
            let entry = read(entry, &origin)?;
            let descriptor = read(entry.descriptor, &origin)?;
            (entry, Description::read(&descriptor))
        };
        let unusable = |reason: String| {
            let origin = origin.clone();
            PluginError::BadDescription { origin, reason }
        };
        let description = description.map_err(unusable)?;
        let abi::Entry { init, create, run, destroy, last_error, .. } = entry;
        let missing = |function: &str| unusable(format!("its function `{function}` is null"));
        let functions = Functions {
            create: create.ok_or_else(|| missing("create"))?,
            run: run.ok_or_else(|| missing("run"))?,
            destroy: destroy.ok_or_else(|| missing("destroy"))?,
            last_error: last_error.ok_or_else(|| missing("last_error"))?,
        };
        // SAFETY: the plugin's function, called once and before any other.
        if let Some(status) = init.map(|init| unsafe { init() })
            && status != abi::OK
        {
            let reason = functions.last_error();
            return Err(PluginError::InitFailed { origin, reason });
        }
        Ok(Self(Arc::new(Inner { origin, description, functions })))
    }

    /// Where it comes from.
    pub fn origin(&self) -> &Origin {
        &self.0.origin
    }

    /// What it says about itself.
    pub fn description(&self) -> &Description {
        &self.0.description
    }

    /// Makes an instance with parameters: a JSON object, without those that keep their defaults.
    ///
    /// # Errors
    /// When the plugin refuses the parameters, fails, or breaks a rule.
    pub fn create(
        &self,
        params: &serde_json::Value,
        services: &dyn HostServices,
    ) -> Result<Instance, PluginError> {
        Instance::create(self.clone(), params.to_string(), services)
    }

    pub(crate) fn id(&self) -> String {
        self.0.description.id.clone()
    }

    pub(crate) fn functions(&self) -> Functions {
        self.0.functions
    }
}

/// # Safety
/// As [`abi::read`]; what it points to is static.
unsafe fn read<T: Versioned>(pointer: *const T, origin: &Origin) -> Result<T, PluginError> {
    let (origin, what) = (origin.clone(), T::NAME);
    // SAFETY: passed on to the caller.
    unsafe { abi::read(pointer) }.map_err(|error| match error {
        ReadError::Null => {
            PluginError::BadDescription { origin, reason: format!("its {what} is null") }
        }
        ReadError::Misaligned => {
            PluginError::BadDescription { origin, reason: format!("its {what} is not aligned") }
        }
        ReadError::Magic(found) => {
            PluginError::BadMagic { origin, what, expected: abi::MAGIC, found }
        }
        ReadError::Major(found) => {
            PluginError::OtherVersion { origin, expected: abi::ABI_MAJOR, found }
        }
        ReadError::TooSmall(found) => {
            PluginError::TooSmall { origin, what, expected: T::MIN_SIZE, found }
        }
    })
}

/// All plugins of a program, each with an id of its own.
#[derive(Clone, Debug, Default)]
pub struct Plugins(Vec<Plugin>);

impl Plugins {
    /// Adds a plugin.
    ///
    /// # Errors
    /// When there is one with its id.
    pub fn add(&mut self, plugin: Plugin) -> Result<(), PluginError> {
        if let Some(first) = self.get(&plugin.description().id) {
            let (first, second) = (first.origin().clone(), plugin.origin().clone());
            return Err(PluginError::DuplicateId { id: plugin.id(), first, second });
        }
        self.0.push(plugin);
        Ok(())
    }

    /// Loads and adds all plugins of a search path. One that cannot be loaded does not keep the
    /// others away: the errors come back.
    pub fn add_all(&mut self, search: &SearchPath) -> Vec<PluginError> {
        let libraries = match search.libraries() {
            Ok(libraries) => libraries,
            Err(error) => return vec![error],
        };
        let add = |path: &std::path::PathBuf| self.add(Plugin::load(path)?);
        libraries.iter().map(add).filter_map(Result::err).collect()
    }

    /// The plugin with this id.
    pub fn get(&self, id: &str) -> Option<&Plugin> {
        self.0.iter().find(|plugin| plugin.description().id == id)
    }

    /// All, in the order in which they were added.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Plugin> {
        self.0.iter()
    }
}
