//! What a plugin says about itself.

use samkit_plugin::{
    Kind,
    artifact::{Malformed, slice, text},
};
use samkit_plugin_abi::{self as abi, Versioned};
use serde_json::Value;

/// More slots or extensions than any task has.
const MAX_LIST: usize = 256;

/// What a plugin says about itself, checked.
#[derive(Clone, Debug)]
pub struct Description {
    /// The task's name in recipes.
    pub id: String,
    /// The task's name for people.
    pub name: String,
    /// The plugin's version.
    pub version: String,
    /// SPDX expression.
    pub license: String,
    /// What the task does.
    pub description: String,
    /// JSON Schema of the parameters, an object.
    pub params_schema: Value,
    /// What it takes.
    pub inputs: Vec<SlotDescription>,
    /// What it gives.
    pub outputs: Vec<SlotDescription>,
    /// Extensions that it cannot do without.
    pub extensions: Vec<String>,
}

/// Something that a task takes or gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotDescription {
    /// What recipes call it.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// One sentence for people.
    pub description: String,
    /// Input: may be left out. Output: may be missing.
    pub is_optional: bool,
    /// Output: written where the user does not say what to write.
    pub is_default: bool,
    /// Output: the parameter without which it is not made.
    pub needs: Option<String>,
}

impl Description {
    /// Reads a description of the other side; the error is for people.
    ///
    /// # Safety
    /// `descriptor` was read from a plugin's static descriptor.
    pub(crate) unsafe fn read(descriptor: &abi::Descriptor) -> Result<Self, String> {
        let words = |words: abi::Str, what: &str| -> Result<String, String> {
            // SAFETY: static text of the plugin.
            let words = unsafe { text(words, || what.to_owned()) }.map_err(said)?;
            Ok(words.to_owned())
        };
        let id = words(descriptor.id, "its id")?;
        check_name("its id", &id)?;
        let schema = words(descriptor.params_schema, "its schema")?;
        let params_schema: Value = serde_json::from_str(&schema)
            .map_err(|error| format!("its schema is not JSON: {error}"))?;
        if params_schema["type"] != "object" || !params_schema["properties"].is_object() {
            return Err("its schema is not that of an object with properties".to_owned());
        }
        // SAFETY: static lists of the plugin.
        let (inputs, outputs, extensions) = unsafe {
            let slots = |list, count| {
                check_count(count)?;
                slice(list, count, || "a list of slots".to_owned()).map_err(said)
            };
            check_count(descriptor.extension_count)?;
            let list = || "its list of extensions".to_owned();
            (
                slots(descriptor.inputs, descriptor.input_count)?,
                slots(descriptor.outputs, descriptor.output_count)?,
                slice(descriptor.extensions, descriptor.extension_count, list).map_err(said)?,
            )
        };
        let slot = |slot: &abi::Slot| -> Result<SlotDescription, String> {
            let name = words(slot.name, "the name of a slot")?;
            check_name("the name of a slot", &name)?;
            let kind = Kind::from_code(slot.kind)
                .ok_or_else(|| format!("`{name}` has the kind {}, which is unknown", slot.kind))?;
            let description = words(slot.description, "the description of a slot")?;
            let is_optional = slot.flags & abi::SLOT_OPTIONAL != 0;
            let is_default = slot.flags & abi::SLOT_DEFAULT != 0;
            let needs = words(slot.needs, "the parameter that a slot needs")?;
            if !needs.is_empty() && params_schema["properties"].get(&needs).is_none() {
                return Err(format!("`{name}` needs `{needs}`, which is no parameter"));
            }
            let is_optional = is_optional || !needs.is_empty();
            let needs = Some(needs).filter(|needs| !needs.is_empty());
            Ok(SlotDescription { name, kind, description, is_optional, is_default, needs })
        };
        let slots = |slots: &[abi::Slot]| -> Result<Vec<SlotDescription>, String> {
            let slots = slots.iter().map(slot).collect::<Result<Vec<_>, _>>()?;
            for (index, slot) in slots.iter().enumerate() {
                if slots[..index].iter().any(|other| other.name == slot.name) {
                    return Err(format!("two slots are called `{}`", slot.name));
                }
            }
            Ok(slots)
        };
        if outputs.is_empty() {
            return Err("it has no outputs".to_owned());
        }
        let (inputs, outputs) = (slots(inputs)?, slots(outputs)?);
        Ok(Self {
            id,
            name: words(descriptor.name, "its name")?,
            version: words(descriptor.version, "its version")?,
            license: words(descriptor.license, "its license")?,
            description: words(descriptor.description, "its description")?,
            params_schema,
            inputs,
            outputs,
            extensions: extensions
                .iter()
                .map(|name| words(*name, "the name of an extension"))
                .collect::<Result<_, _>>()?,
        })
    }

    /// The output of this name.
    pub fn output(&self, name: &str) -> Option<&SlotDescription> {
        self.outputs.iter().find(|slot| slot.name == name)
    }

    /// The input of this name.
    pub fn input(&self, name: &str) -> Option<&SlotDescription> {
        self.inputs.iter().find(|slot| slot.name == name)
    }
}

fn said(error: Malformed) -> String {
    error.to_string()
}

fn check_count(count: usize) -> Result<(), String> {
    if count <= MAX_LIST {
        return Ok(());
    }
    Err(format!("a list in {} has {count} entries", abi::Descriptor::NAME))
}

fn check_name(what: &str, name: &str) -> Result<(), String> {
    if is_name(name) {
        return Ok(());
    }
    Err(format!(
        "{what} is `{name}`, expected lower-case letters, digits, `-`, `_` and `.`, a letter first"
    ))
}

/// Whether a task or a slot may be called that.
pub(crate) fn is_name(name: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
    name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(is_allowed)
}
