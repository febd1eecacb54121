//! A host for tests: it keeps what it hears, and its networks are formulas.
#![allow(dead_code, reason = "every test file uses a part of it")]

use std::{
    ops::ControlFlow,
    path::PathBuf,
    sync::{Arc, Barrier, Mutex},
};

use image::RgbImage;
use samkit_core::{BBox, LowResLogits, Mask, MaskRecord, Point, Prompt, Rle, Size};
use samkit_plugin_host::{
    ClipInfo, ClipService, Extent, HostServices, LogLevel, MaskOutput, Measure, ModelService,
    Pixels, PredictedMask, SamService, ServiceError,
};

/// Hears everything; lends a model whose masks are the left half of the image.
pub(crate) struct TestHost {
    pub(crate) size: Size,
    pub(crate) logs: Mutex<Vec<(LogLevel, String)>>,
    pub(crate) progress: Mutex<Vec<(u64, u64)>>,
    /// Where the logits of the last answers lie.
    pub(crate) logits: Mutex<Vec<usize>>,
    pub(crate) prompts: Mutex<Vec<Prompt>>,
    pub(crate) extents: Mutex<Vec<Extent>>,
    pub(crate) record: Mutex<Vec<(String, f64)>>,
    /// Progress breaks once this much is done.
    pub(crate) stop_at: u64,
    /// What CLIP was asked to embed: texts, and sizes of images with the places of their pixels.
    pub(crate) texts: Mutex<Vec<Vec<String>>>,
    pub(crate) images: Mutex<Vec<(Size, usize)>>,
    /// Whether it lends CLIP.
    pub(crate) has_clip: bool,
    /// Predicting fails with this, or panics when it is empty.
    pub(crate) failure: Option<String>,
    /// What its logits begin with: 0 for the image, the first value of a picture.
    first: f32,
    /// Shared with the pictures that are open.
    shared: Arc<()>,
    /// Bringing masks to the size of a picture waits here, twice.
    pub(crate) gate: Option<&'static Barrier>,
}

impl TestHost {
    pub(crate) fn new(width: u32, height: u32) -> Self {
        Self {
            size: Size::new(width, height),
            logs: Mutex::default(),
            progress: Mutex::default(),
            logits: Mutex::default(),
            prompts: Mutex::default(),
            extents: Mutex::default(),
            record: Mutex::default(),
            stop_at: u64::MAX,
            texts: Mutex::default(),
            images: Mutex::default(),
            has_clip: true,
            failure: None,
            first: 0.0,
            shared: Arc::default(),
            gate: None,
        }
    }

    /// How many pictures are open.
    pub(crate) fn open_pictures(&self) -> usize {
        Arc::strong_count(&self.shared) - 1
    }

    fn left_half(&self) -> Mask {
        Mask::from_fn(self.size, |x, _| x < self.size.width / 2)
    }
}

impl HostServices for TestHost {
    fn log(&self, level: LogLevel, text: &str) {
        self.logs.lock().unwrap().push((level, text.to_owned()));
    }

    fn progress(&self, done: u64, total: u64) -> ControlFlow<()> {
        self.progress.lock().unwrap().push((done, total));
        if done >= self.stop_at { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn record(&self, name: &str, value: f64) {
        self.record.lock().unwrap().push((name.to_owned(), value));
    }

    fn threads(&self) -> usize {
        3
    }

    fn sam(&self) -> Option<&dyn SamService> {
        Some(self)
    }

    fn clip(&self) -> Option<&dyn ClipService> {
        self.has_clip.then_some(self)
    }

    fn models(&self) -> Option<&dyn ModelService> {
        Some(self)
    }
}

impl SamService for TestHost {
    fn image_size(&self) -> Size {
        self.size
    }

    fn input_size(&self) -> Size {
        Size::new(1024, 512)
    }

    fn predict(
        &self,
        prompts: &[Prompt],
        output: MaskOutput,
        extent: Extent,
    ) -> Result<Vec<Vec<PredictedMask>>, ServiceError> {
        match self.failure.as_deref() {
            Some("") => panic!("the network is on fire"),
            Some(reason) => return Err(ServiceError::Failed(reason.into())),
            None => {}
        }
        self.prompts.lock().unwrap().extend_from_slice(prompts);
        self.extents.lock().unwrap().push(extent);
        let masks = if output == MaskOutput::Single { 1 } else { 3 };
        let answer = |index: usize| {
            let mask = |mask: usize| {
                let value = self.first + (10 * index + mask) as f32;
                let logits = LowResLogits::new(vec![value; 256 * 256]).unwrap();
                self.logits.lock().unwrap().push(logits.values().as_ptr().addr());
                PredictedMask { predicted_iou: 0.5 + 0.1 * mask as f32, logits }
            };
            (0..masks).map(mask).collect()
        };
        Ok((0..prompts.len()).map(answer).collect())
    }

    fn upsample(&self, logits: &[f32], out: &mut [f32]) -> Result<(), ServiceError> {
        out.fill(logits[0]);
        Ok(())
    }

    fn mask(&self, logits: &[f32], out: &mut [u8]) -> Result<(), ServiceError> {
        if let Some(gate) = self.gate.filter(|_| self.first > 0.0) {
            gate.wait();
            gate.wait();
        }
        out.fill(u8::from(logits[0] > 0.0));
        Ok(())
    }

    fn measure(&self, logits: &[f32], stability_offset: f32) -> Result<Measure, ServiceError> {
        let bbox = BBox::new(0.0, 0.0, 3.0, 4.0);
        Ok(Measure { area: logits[0] as u64, bbox, stability_score: stability_offset })
    }

    fn automatic_masks(
        &self,
        params: &str,
        progress: &(dyn Fn(u64, u64) -> ControlFlow<()> + Sync),
    ) -> Result<Vec<MaskRecord>, ServiceError> {
        if !params.contains("points_per_side") {
            return Err(ServiceError::Failed("`points_per_side` is missing".into()));
        }
        if progress(1, 2).is_break() {
            return Err(ServiceError::Cancelled);
        }
        let segmentation = Rle::from_mask(&self.left_half());
        Ok(vec![MaskRecord {
            area: segmentation.area(),
            bbox: segmentation.inclusive_bbox(),
            segmentation,
            predicted_iou: 0.9,
            point: Point::new(1.0, 2.0),
            stability_score: f32::NAN,
            crop: BBox::new(0.0, 0.0, self.size.width as f32, self.size.height as f32),
            logits: None,
        }])
    }

    fn picture(&self, image: RgbImage) -> Result<Box<dyn SamService + Send>, ServiceError> {
        let (width, height) = image.dimensions();
        let (shared, first) = (self.shared.clone(), f32::from(image.as_raw()[0]));
        let failure = self.failure.clone();
        Ok(Box::new(Self { shared, first, failure, gate: self.gate, ..Self::new(width, height) }))
    }
}

impl ModelService for TestHost {
    fn weights_path(&self, id: &str) -> Result<PathBuf, ServiceError> {
        match id {
            "known" => Ok(PathBuf::from("/weights/known.safetensors")),
            _ => Err(ServiceError::Failed(format!("no weights are called `{id}`").into())),
        }
    }
}

/// Number of values of the test's embeddings.
pub(crate) const DIM: usize = 4;

/// The embedding with a 1 at `place`.
pub(crate) fn unit(place: usize) -> [f32; DIM] {
    std::array::from_fn(|index| if index == place % DIM { 1.0 } else { 0.0 })
}

/// `known` embeds a text by its length and an image by its width. The others each go wrong.
impl ClipService for TestHost {
    fn describe(&self, model: &str) -> Result<ClipInfo, ServiceError> {
        let dim = match model {
            "known" | "short" | "on-fire" => DIM,
            "huge" => usize::MAX / 2,
            "empty" => 0,
            "stopped" => return Err(ServiceError::Cancelled),
            _ => return Err(ServiceError::Failed(format!("no CLIP is called `{model}`").into())),
        };
        Ok(ClipInfo { dim, image_side: 224, logit_scale: 100.0 })
    }

    fn embed_texts(&self, model: &str, texts: &[&str]) -> Result<Vec<f32>, ServiceError> {
        assert_ne!(model, "on-fire", "the text encoder is on fire");
        self.texts.lock().unwrap().push(texts.iter().map(|text| (*text).to_owned()).collect());
        let mut values: Vec<f32> = texts.iter().flat_map(|text| unit(text.len())).collect();
        values.truncate(if model == "short" { 1 } else { values.len() });
        Ok(values)
    }

    fn embed_images(&self, _model: &str, images: &[Pixels<'_>]) -> Result<Vec<f32>, ServiceError> {
        let seen = images.iter().map(|image| (image.size, image.data.as_ptr().addr()));
        self.images.lock().unwrap().extend(seen);
        Ok(images.iter().flat_map(|image| unit(image.size.width as usize)).collect())
    }
}
