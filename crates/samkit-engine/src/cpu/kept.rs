//! Memory that is kept from one image or prompt to the next: fresh memory has to be cleared.

use std::sync::{Mutex, PoisonError};

/// Memory for as many threads as ever used it at once. (Memory of a thread's own would be taken
/// twice where a thread that waits for its work does another's.)
#[derive(Debug)]
pub(crate) struct Kept<T>(Mutex<Vec<T>>);

impl<T: Default> Kept<T> {
    pub(crate) fn new() -> Self {
        Self(Mutex::default())
    }

    /// Lends some memory to `work`, with whatever is left in it.
    pub(crate) fn lend<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        let all = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut memory = all().pop().unwrap_or_default();
        let result = work(&mut memory);
        all().push(memory);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_comes_back_and_nobody_shares_it() {
        let kept = Kept::<Vec<u8>>::new();
        kept.lend(|outer| {
            outer.push(1);
            kept.lend(|inner| assert!(inner.is_empty()));
        });
        kept.lend(|memory| assert_eq!(*memory, [1]));
    }
}
