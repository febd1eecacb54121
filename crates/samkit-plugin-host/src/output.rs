//! What a plugin gave.

use samkit_core::Size;
use samkit_plugin::{
    Kind,
    artifact::{View, text, view},
};
use samkit_plugin_abi as abi;

use crate::{Breach, Description};

/// Something that a plugin gave: checked, not copied, and freed by the plugin's own deleter when this
/// is dropped.
#[derive(Debug)]
pub struct Output {
    name: String,
    kind: Kind,
    /// Of the memory behind `owned`; handed out for as long as this lives only.
    view: View<'static>,
    owned: Owned,
}

/// An artifact whose memory is ours to free.
#[derive(Debug)]
struct Owned(abi::Artifact);

// SAFETY: a plugin's outputs are plain memory that nobody writes any more, and their deleter may be
// called on any thread.
unsafe impl Send for Owned {}
// SAFETY: as above.
unsafe impl Sync for Owned {}

impl Drop for Owned {
    fn drop(&mut self) {
        let abi::Owner { context, release } = self.0.owner;
        if let Some(release) = release {
            // SAFETY: the plugin's deleter with its own context, once: `Owned` is made once for each
            // artifact that is put.
            unsafe { release(context) };
        }
    }
}

impl Output {
    /// Takes over what a plugin puts, and checks it.
    ///
    /// # Safety
    /// `artifact` is the argument of `put`.
    pub(crate) unsafe fn take(
        artifact: *const abi::Artifact,
        description: &Description,
        image: Option<Size>,
        others: &[Self],
    ) -> Result<Self, Breach> {
        let bad = |error| {
            let what = "an output";
            samkit_plugin::artifact::Malformed::from_read::<abi::Artifact>(what, error)
        };
        // SAFETY: the plugin's struct.
        let owned = Owned(unsafe { abi::read(artifact) }.map_err(bad)?);
        let artifact = &owned.0;
        // SAFETY: the plugin's memory, ours until `owned` is dropped.
        let name = unsafe { text(artifact.name, || "the name of an output".to_owned()) }?;
        let Some(slot) = description.output(name) else {
            return Err(Breach::UnknownOutput { name: name.to_owned() });
        };
        if others.iter().any(|other| other.name == name) {
            return Err(Breach::OutputTwice { name: name.to_owned() });
        }
        if let Some(found) = Kind::from_code(artifact.kind).filter(|&kind| kind != slot.kind) {
            let name = name.to_owned();
            return Err(Breach::OutputKind { name, expected: slot.kind, found });
        }
        // SAFETY: as above.
        let view = unsafe { view(artifact, image, &format!("output `{name}`")) }?;
        Ok(Self { name: name.to_owned(), kind: slot.kind, view, owned })
    }

    /// Its name in the plugin's description.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What kind of thing it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What is in it.
    pub fn view(&self) -> &View<'_> {
        &self.view
    }

    pub(crate) fn artifact(&self) -> &abi::Artifact {
        &self.owned.0
    }
}
