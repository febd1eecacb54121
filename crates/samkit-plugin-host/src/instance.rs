//! A task with its parameters.

use std::ffi::c_void;

use samkit_plugin_abi as abi;

use crate::{
    Breach, Cancel, HostServices, Input, Output, Plugin, PluginError,
    call::{Door, Ended},
    callbacks, input,
};

/// A plugin's task with its parameters.
///
/// After a panic or a broken rule the task may be in any state: the next run makes a new one.
#[derive(Debug)]
pub struct Instance {
    plugin: Plugin,
    params: String,
    task: Option<Handle>,
}

/// What the plugin's `create` gave.
struct Handle {
    task: *mut c_void,
    door: &'static Door,
    host: abi::Host,
    destroy: unsafe extern "C" fn(*mut c_void),
}

// SAFETY: calls into an instance may come from different threads, as long as they do not overlap.
unsafe impl Send for Handle {}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Handle").field(&self.task).finish()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: what `create` gave, once.
        unsafe { (self.destroy)(self.task) };
    }
}

impl Instance {
    pub(crate) fn create(
        plugin: Plugin,
        params: String,
        services: &dyn HostServices,
    ) -> Result<Self, PluginError> {
        let task = create(&plugin, &params, services)?;
        Ok(Self { plugin, params, task: Some(task) })
    }

    /// The plugin behind it.
    pub fn plugin(&self) -> &Plugin {
        &self.plugin
    }

    /// Lets the task work on one image, on this thread. [`crate::watched`] adds a time limit.
    ///
    /// # Errors
    /// When the inputs are not those of the description, or the plugin fails, panics or breaks a
    /// rule. The instance can be used again afterwards.
    pub fn run(
        &mut self,
        inputs: &[Input<'_>],
        services: &dyn HostServices,
        cancel: &Cancel,
    ) -> Result<Vec<Output>, PluginError> {
        input::check(self.plugin.description(), inputs)
            .map_err(|reason| PluginError::Input { plugin: self.plugin.id(), reason })?;
        check_extensions(&self.plugin, services)?;
        let task = match self.task.take() {
            Some(task) => task,
            None => create(&self.plugin, &self.params, services)?,
        };
        let (status, ended) = call_run(&self.plugin, &task, inputs, services, cancel);
        let result = self.outcome(status, ended);
        if !matches!(result, Err(PluginError::Panicked { .. } | PluginError::Misbehaved { .. })) {
            self.task = Some(task);
        }
        result
    }

    /// What a run's status and traces mean.
    fn outcome(&self, status: abi::Status, ended: Ended) -> Result<Vec<Output>, PluginError> {
        let description = self.plugin.description();
        let is_given = |name: &str| ended.outputs.iter().any(|output| output.name() == name);
        let missing = description.outputs.iter().find(|s| !s.is_optional && !is_given(&s.name));
        let missing = missing.map(|slot| Breach::MissingOutput { name: slot.name.clone() });
        let Ended { outputs, breach, failure, was_stopped } = ended;
        let breach = breach.or(match status {
            abi::OK => missing,
            abi::CANCELLED if !was_stopped => Some(Breach::UnaskedCancel { call: "run" }),
            _ => None,
        });
        match failed(&self.plugin, "run", status, breach, failure) {
            Some(error) => Err(error),
            None => Ok(outputs),
        }
    }
}

fn call_run(
    plugin: &Plugin,
    task: &Handle,
    inputs: &[Input<'_>],
    services: &dyn HostServices,
    cancel: &Cancel,
) -> (abi::Status, Ended) {
    let artifacts: Vec<*const abi::Artifact> =
        inputs.iter().map(|input| std::ptr::from_ref(input.artifact())).collect();
    let table = abi::Inputs {
        header: abi::Header::of::<abi::Inputs>(),
        artifacts: artifacts.as_ptr(),
        artifact_count: artifacts.len(),
    };
    let image = inputs.iter().find_map(Input::image_size);
    let outputs = callbacks::outputs(task.door);
    let run = plugin.functions().run;
    task.door.open(plugin, services, cancel, Some(image), || {
        // SAFETY: the plugin's function with what `create` gave and not yet destroyed; `&mut` of the
        // instance keeps calls from overlapping; all structs live until it returns.
        unsafe { run(task.task, &task.host, &table, &outputs) }
    })
}

fn create(
    plugin: &Plugin,
    params: &str,
    services: &dyn HostServices,
) -> Result<Handle, PluginError> {
    let door = Door::leaked();
    let host = callbacks::host(door, services.threads());
    let functions = plugin.functions();
    let mut task = std::ptr::null_mut();
    let (status, ended) = door.open(plugin, services, &Cancel::default(), None, || {
        // SAFETY: the plugin's function; text, host and place live until it returns.
        unsafe { (functions.create)(&host, abi::Str::new(params), &mut task) }
    });
    let handle = (status == abi::OK && !task.is_null()).then_some(Handle {
        task,
        door,
        host,
        destroy: functions.destroy,
    });
    let breach = ended.breach.or(match status {
        abi::OK if handle.is_none() => Some(Breach::NoInstance),
        abi::CANCELLED if !ended.was_stopped => Some(Breach::UnaskedCancel { call: "create" }),
        _ => None,
    });
    match (failed(plugin, "create", status, breach, ended.failure), handle) {
        (None, Some(handle)) => Ok(handle),
        (Some(error), _) => Err(error),
        (None, None) => unreachable!("without an instance there is a breach"),
    }
}

fn check_extensions(plugin: &Plugin, services: &dyn HostServices) -> Result<(), PluginError> {
    let is_lent = |name: &str| match name {
        abi::EXT_SAM => services.sam().is_some(),
        abi::EXT_CLIP => services.clip().is_some(),
        abi::EXT_MODELS => services.models().is_some(),
        _ => false,
    };
    match plugin.description().extensions.iter().find(|name| !is_lent(name)) {
        Some(name) => {
            Err(PluginError::NoExtension { plugin: plugin.id(), extension: name.clone() })
        }
        None => Ok(()),
    }
}

/// The error behind a status and a breach, if there is one. Call it on the thread of the call: the
/// plugin's text is that thread's.
fn failed(
    plugin: &Plugin,
    call: &'static str,
    status: abi::Status,
    breach: Option<Breach>,
    source: Option<crate::ServiceError>,
) -> Option<PluginError> {
    if breach.is_none() && status == abi::OK {
        return None;
    }
    let name = plugin.id();
    if let Some(breach) = breach {
        return Some(PluginError::Misbehaved { plugin: name, breach });
    }
    let reason = || plugin.functions().last_error();
    Some(match status {
        abi::CANCELLED => PluginError::Cancelled { plugin: name },
        abi::PANICKED => PluginError::Panicked { plugin: name, message: reason() },
        abi::INVALID_PARAMS => {
            let (reason, help) = with_help(reason());
            PluginError::Params { plugin: name, reason, help }
        }
        abi::FAILED | abi::INVALID_INPUT | abi::UNSUPPORTED | abi::WRONG_CALL => {
            let (reason, help) = with_help(reason());
            PluginError::Failed { plugin: name, reason, help, source }
        }
        status => {
            let breach = Breach::UnknownStatus { call, status };
            PluginError::Misbehaved { plugin: name, breach }
        }
    })
}

/// A plugin's text as what went wrong and what to do about it, which begins with a line `help: …`.
fn with_help(text: String) -> (String, Option<String>) {
    match text.split_once("\nhelp: ") {
        Some((reason, help)) => (reason.to_owned(), Some(help.to_owned())),
        None => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_do_is_told_from_what_went_wrong() {
        let split = |text: &str| with_help(text.to_owned());
        assert_eq!(split("no file"), ("no file".to_owned(), None));
        let helped = ("no file:\n  a.txt".to_owned(), Some("look\nor ask".to_owned()));
        assert_eq!(split("no file:\n  a.txt\nhelp: look\nor ask"), helped);
    }
}
