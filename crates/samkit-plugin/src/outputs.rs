//! Where results go.

use std::marker::PhantomData;

use samkit_plugin_abi as abi;

use crate::{
    TaskError,
    artifact::{Malformed, Output},
};

/// Where a run's results go.
#[derive(Debug)]
pub struct Outputs<'a> {
    table: abi::Outputs,
    call: PhantomData<&'a ()>,
}

impl Outputs<'_> {
    /// Reads what the host passes.
    ///
    /// # Safety
    /// `outputs` is the argument of `run`, and `'a` ends before `run` returns.
    pub(crate) unsafe fn read(outputs: *const abi::Outputs) -> Result<Self, Malformed> {
        let bad = |error| Malformed::from_read::<abi::Outputs>("the outputs", error);
        // SAFETY: the host's struct.
        Ok(Self { table: unsafe { abi::read(outputs) }.map_err(bad)?, call: PhantomData })
    }

    /// Gives the output `name` of the descriptor to the host, without copying it.
    ///
    /// # Errors
    /// When the host does not take it: another name, kind or size than it expects. It says more in
    /// its own error.
    pub fn put(&mut self, name: &str, output: impl Into<Output>) -> Result<(), TaskError> {
        let put = self.table.put.ok_or_else(|| TaskError::failed("the host takes no outputs"))?;
        let artifact = crate::artifact::hand_over(name, output.into());
        // SAFETY: the host's function with its own context, on the call thread (`Outputs` is neither
        // `Send` nor `Sync`); it owns the artifact from here on.
        match unsafe { put(self.table.context, &artifact) } {
            abi::OK => Ok(()),
            _ => Err(TaskError::failed(format!("the host does not take the output `{name}`"))),
        }
    }
}
