//! CLIP, as the host lends it.

use std::{marker::PhantomData, ops::Deref};

use image::{ImageBuffer, Rgb};
use samkit_plugin_abi as abi;

use crate::{Signals, TaskError, artifact::Built, host::missing};

/// What a task has to know of a model of CLIP.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClipInfo {
    /// Number of values of one embedding.
    pub dim: usize,
    /// Side of the square that the network sees, in pixels. The host brings images to it.
    pub image_side: u32,
    /// What cosines are multiplied with before a softmax over texts.
    pub logit_scale: f32,
}

/// CLIP, on the thread of `create` or `run`.
///
/// `model` is a name in samkit's registry or the path of a folder with weights. The first call with
/// a name makes the model ready, which may take its time; later ones find it there.
#[derive(Clone, Copy, Debug)]
pub struct Clip<'a> {
    signals: Signals<'a>,
    table: abi::Clip,
    /// Raw pointers keep this on its thread.
    thread: PhantomData<*const ()>,
}

impl<'a> Clip<'a> {
    pub(crate) fn new(signals: Signals<'a>, table: abi::Clip) -> Self {
        Self { signals, table, thread: PhantomData }
    }

    /// Makes the model ready and says what there is to know of it.
    ///
    /// # Errors
    /// When there is no such model, or its weights are missing.
    pub fn describe(&self, model: &str) -> Result<ClipInfo, TaskError> {
        const SERVICE: &str = "samkit.clip/1 describe";
        let describe = self.table.describe.ok_or_else(|| missing(SERVICE))?;
        let mut info = abi::ClipInfo { dim: 0, image_side: 0, logit_scale: 0.0 };
        // SAFETY: the host's function with its own context, on the call thread; text and result are
        // valid during the call.
        let status = unsafe { describe(self.signals.context(), abi::Str::new(model), &mut info) };
        self.signals.check(SERVICE, status)?;
        let abi::ClipInfo { dim, image_side, logit_scale } = info;
        Ok(ClipInfo { dim, image_side, logit_scale })
    }

    /// One embedding for every text, in order.
    ///
    /// # Errors
    /// As [`Clip::describe`], or when the network fails or the host wants the task to stop.
    pub fn texts(&self, model: &str, texts: &[impl AsRef<str>]) -> Result<Embeddings, TaskError> {
        const SERVICE: &str = "samkit.clip/1 embed_texts";
        let embed = self.table.embed_texts.ok_or_else(|| missing(SERVICE))?;
        let texts: Vec<_> = texts.iter().map(|text| abi::Str::new(text.as_ref())).collect();
        let (list, count) = (texts.as_ptr(), texts.len());
        let (context, model_name) = (self.signals.context(), abi::Str::new(model));
        self.rows(SERVICE, model, count, |out| {
            // SAFETY: the host's function with its own context, on the call thread; the texts are
            // valid during the call, and it writes as much as `out` holds.
            unsafe { embed(context, model_name, list, count, out.as_mut_ptr(), out.len()) }
        })
    }

    /// One embedding for every RGB image, in order. Images may have any sizes; their pixels are not
    /// copied on the way to the host.
    ///
    /// # Errors
    /// As [`Clip::texts`], or when an image has no pixels.
    pub fn images<Pixels: Deref<Target = [u8]>>(
        &self,
        model: &str,
        images: &[ImageBuffer<Rgb<u8>, Pixels>],
    ) -> Result<Embeddings, TaskError> {
        const SERVICE: &str = "samkit.clip/1 embed_images";
        let embed = self.table.embed_images.ok_or_else(|| missing(SERVICE))?;
        let is_empty = |image: &ImageBuffer<_, _>| image.width() == 0 || image.height() == 0;
        if let Some(index) = images.iter().position(is_empty) {
            let reason = format!("image {index} has no pixels");
            return Err(TaskError::Service { service: SERVICE, reason });
        }
        let built: Vec<_> = images
            .iter()
            .map(|image| Built::image("", image.dimensions().into(), 3, image))
            .collect();
        let tensors: Vec<_> = built.iter().map(|built| built.artifact().tensor).collect();
        let (list, count) = (tensors.as_ptr(), tensors.len());
        let (context, model_name) = (self.signals.context(), abi::Str::new(model));
        self.rows(SERVICE, model, count, |out| {
            // SAFETY: as in `texts`; the tensors point into `images` and `built`.
            unsafe { embed(context, model_name, list, count, out.as_mut_ptr(), out.len()) }
        })
    }

    /// Makes room for `count` embeddings and lets `embed` fill it.
    fn rows(
        &self,
        service: &'static str,
        model: &str,
        count: usize,
        embed: impl FnOnce(&mut [f32]) -> abi::Status,
    ) -> Result<Embeddings, TaskError> {
        let dim = self.describe(model)?.dim;
        let mut values = Vec::new();
        let len = count.checked_mul(dim).filter(|_| dim > 0);
        let Some(len) = len.filter(|&len| values.try_reserve_exact(len).is_ok()) else {
            let reason = format!("there is no room for {count} embeddings of {dim} values");
            return Err(TaskError::Service { service, reason });
        };
        values.resize(len, 0.0);
        self.signals.check(service, embed(&mut values))?;
        Ok(Embeddings { dim, values })
    }
}

/// Embeddings of length 1, one after the other: the product of two is their cosine.
#[derive(Clone, Debug, PartialEq)]
pub struct Embeddings {
    dim: usize,
    values: Vec<f32>,
}

impl Embeddings {
    /// Number of values of one embedding; at least 1.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The embeddings in the order of the texts or images.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.values.chunks_exact(self.dim)
    }

    /// All values, embedding by embedding.
    pub fn values(&self) -> &[f32] {
        &self.values
    }
}
