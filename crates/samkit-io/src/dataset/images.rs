//! Images one after the other.

use std::io;

use super::AnnotatedImage;

/// What was found in the images of a run. They need not be in memory at once: who holds them in a
/// file reads one at a time.
pub trait AnnotatedImages {
    /// Calls `each` with every image. Called again, it gives the same images in the same order.
    ///
    /// # Errors
    /// When an image cannot be had, or `each` fails: nothing comes after that.
    fn visit(&self, each: &mut dyn FnMut(&AnnotatedImage) -> io::Result<()>) -> io::Result<()>;
}

impl AnnotatedImages for [AnnotatedImage] {
    fn visit(&self, each: &mut dyn FnMut(&AnnotatedImage) -> io::Result<()>) -> io::Result<()> {
        self.iter().try_for_each(each)
    }
}

impl AnnotatedImages for Vec<AnnotatedImage> {
    fn visit(&self, each: &mut dyn FnMut(&AnnotatedImage) -> io::Result<()>) -> io::Result<()> {
        self.as_slice().visit(each)
    }
}

impl<T: AnnotatedImages + ?Sized> AnnotatedImages for &T {
    fn visit(&self, each: &mut dyn FnMut(&AnnotatedImage) -> io::Result<()>) -> io::Result<()> {
        (**self).visit(each)
    }
}
