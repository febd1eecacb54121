//! The first argument of the host's functions.

use std::ffi::c_void;

use samkit_plugin_abi::MAX_PICTURES;

use crate::call::Door;

/// Says whose call it is and whether it is about a picture of the plugin's own. Never freed, like the
/// door.
pub(crate) struct Context {
    pub(crate) door: &'static Door,
    /// The place of the picture among those of the call; none for all else.
    pub(crate) picture: Option<usize>,
}

/// All that lead to a door: made once, so that memory does not grow with the number of pictures.
pub(crate) struct Contexts {
    host: Context,
    pictures: [Context; MAX_PICTURES],
}

impl Contexts {
    pub(crate) fn to(door: &'static Door) -> Self {
        let picture = |place| Context { door, picture: Some(place) };
        Self { host: Context { door, picture: None }, pictures: std::array::from_fn(picture) }
    }

    pub(crate) fn host(&'static self) -> *mut c_void {
        self.host.pointer()
    }

    pub(crate) fn picture(&'static self, place: usize) -> *mut c_void {
        self.pictures[place].pointer()
    }
}

impl Context {
    fn pointer(&'static self) -> *mut c_void {
        std::ptr::from_ref(self).cast_mut().cast()
    }

    /// What a plugin passed; none for null.
    ///
    /// # Safety
    /// `pointer` is null or came from [`Contexts`] that live on.
    pub(crate) unsafe fn read(pointer: *mut c_void) -> Option<&'static Self> {
        // SAFETY: passed on to the caller.
        unsafe { pointer.cast_const().cast::<Self>().as_ref() }
    }
}
