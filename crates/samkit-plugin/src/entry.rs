//! From a [`Task`] to the border's [`abi::Entry`].

use std::{
    ffi::c_void,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::OnceLock,
};

use samkit_plugin_abi as abi;
use serde_json::{Map, Value};

use crate::{
    Host, Inputs, Outputs, Slot, Task, TaskError,
    artifact::text,
    guard::{guard, last_error},
    host::Lender,
    params_schema,
};

/// Declares the crate's task: `declare_plugin!(MyTask);`.
///
/// Makes `pub fn entry()`, through which a program that links the crate in uses the task. Under the
/// crate's feature `export`, which must not be a default one, the same is exported to hosts that load
/// the shared library. (Two libraries that both export it cannot be linked into one program.)
#[macro_export]
macro_rules! declare_plugin {
    ($task:ty) => {
        static SAMKIT_PLUGIN_ENTRY: $crate::EntryCell = $crate::EntryCell::new();

        /// The task behind samkit's plugin border.
        pub fn entry() -> &'static $crate::abi::Entry {
            SAMKIT_PLUGIN_ENTRY.get::<$task>()
        }

        /// What a host looks for in the shared library.
        #[cfg(feature = "export")]
        #[unsafe(no_mangle)]
        pub extern "C" fn samkit_plugin_entry_v1() -> *const $crate::abi::Entry {
            SAMKIT_PLUGIN_ENTRY.exported::<$task>()
        }
    };
}

/// Where [`declare_plugin!`] keeps the entry.
#[derive(Debug)]
pub struct EntryCell(OnceLock<Static>);

/// The entry with the lists that it points to, never freed.
#[derive(Debug)]
struct Static(abi::Entry);

// SAFETY: the pointers in it lead to leaked memory that nobody writes.
unsafe impl Send for Static {}
// SAFETY: as above.
unsafe impl Sync for Static {}

impl EntryCell {
    /// An empty one.
    #[expect(clippy::new_without_default, reason = "it is made in a static only")]
    pub const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// The entry of `T`, made on first use. A cell is for one task.
    pub fn get<T: Task>(&'static self) -> &'static abi::Entry {
        &self.0.get_or_init(make::<T>).0
    }

    /// The same for a foreign caller: null when making it panics.
    pub fn exported<T: Task>(&'static self) -> *const abi::Entry {
        catch_unwind(AssertUnwindSafe(|| std::ptr::from_ref(self.get::<T>())))
            .unwrap_or(std::ptr::null())
    }
}

fn make<T: Task>() -> Static {
    let about = T::DESCRIPTOR;
    let schema = params_schema::<T::Params>().to_string().leak();
    let slots = |slots: &[Slot]| -> &'static [abi::Slot] {
        let slot = |slot: &Slot| abi::Slot {
            name: abi::Str::new(slot.name),
            description: abi::Str::new(slot.description),
            kind: slot.kind.code(),
            flags: slot.flags,
            needs: abi::Str::new(slot.needs),
        };
        slots.iter().map(slot).collect::<Vec<_>>().leak()
    };
    let (inputs, outputs) = (slots(about.inputs), slots(about.outputs));
    let extensions: Vec<_> = about.extensions.iter().map(|name| abi::Str::new(name)).collect();
    let extensions = extensions.leak();
    let descriptor = abi::Descriptor {
        header: abi::Header::of::<abi::Descriptor>(),
        id: abi::Str::new(about.id),
        name: abi::Str::new(about.name),
        version: abi::Str::new(about.version),
        license: abi::Str::new(about.license),
        description: abi::Str::new(about.description),
        params_schema: abi::Str::new(schema),
        inputs: inputs.as_ptr(),
        input_count: inputs.len(),
        outputs: outputs.as_ptr(),
        output_count: outputs.len(),
        extensions: extensions.as_ptr(),
        extension_count: extensions.len(),
    };
    Static(abi::Entry {
        header: abi::Header::of::<abi::Entry>(),
        descriptor: Box::leak(Box::new(descriptor)),
        init: Some(init::<T>),
        create: Some(create::<T>),
        run: Some(run::<T>),
        destroy: Some(destroy::<T>),
        last_error: Some(last_error),
    })
}

unsafe extern "C" fn init<T: Task>() -> abi::Status {
    guard(T::init)
}

/// # Safety
/// As [`abi::Entry::create`] says.
unsafe extern "C" fn create<T: Task>(
    host: *const abi::Host,
    params: abi::Str,
    instance: *mut *mut c_void,
) -> abi::Status {
    guard(|| {
        // SAFETY: the host passes its struct and text, valid during the call.
        let (host, params) = unsafe { (Lender::read(host)?, text(params, || "params".into())?) };
        let params = read_params::<T>(params)?;
        let task = Box::new(T::create(params, &Host::new(&host))?);
        // SAFETY: the host passes the place for the instance.
        unsafe { instance.write(Box::into_raw(task).cast()) };
        Ok(())
    })
}

/// The parameter that names a preset, and where the schema has their values.
const PRESET: &str = "preset";
const PRESETS: &str = "x-presets";

fn read_params<T: Task>(text: &str) -> Result<T::Params, TaskError> {
    let wrong = |error: serde_json::Error| TaskError::Param(error.to_string());
    let given: Map<String, Value> = serde_json::from_str(text).map_err(wrong)?;
    // What is left out has its default, also where the type does not say `#[serde(default)]`.
    let Ok(Value::Object(mut all)) = serde_json::to_value(T::Params::default()) else {
        return Err(TaskError::failed("the default parameters are not an object"));
    };
    if let Some(Value::String(preset)) = given.get(PRESET)
        && let Some(Value::Object(values)) =
            params_schema::<T::Params>().get(PRESETS).and_then(|presets| presets.get(preset))
    {
        all.extend(values.clone());
    }
    all.extend(given);
    serde_json::from_value(Value::Object(all)).map_err(wrong)
}

/// # Safety
/// As [`abi::Entry::run`] says.
unsafe extern "C" fn run<T: Task>(
    instance: *mut c_void,
    host: *const abi::Host,
    inputs: *const abi::Inputs,
    outputs: *const abi::Outputs,
) -> abi::Status {
    guard(|| {
        // SAFETY: the host passes what `create` made and was not destroyed, and its calls into one
        // instance do not overlap.
        let task = unsafe { instance.cast::<T>().as_mut() };
        let task = task.ok_or_else(|| TaskError::failed("the host passed a null instance"))?;
        // SAFETY: the host passes its structs, valid during the call.
        let (host, inputs, mut outputs) =
            unsafe { (Lender::read(host)?, Inputs::read(inputs)?, Outputs::read(outputs)?) };
        task.run(&inputs, &Host::new(&host), &mut outputs)
    })
}

/// # Safety
/// As [`abi::Entry::destroy`] says.
unsafe extern "C" fn destroy<T: Task>(instance: *mut c_void) {
    if instance.is_null() {
        return;
    }
    guard(|| {
        // SAFETY: the host passes what `create` made, once.
        drop(unsafe { Box::from_raw(instance.cast::<T>()) });
        Ok(())
    });
}
