//! What the program lends to the task, without the program.

use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock, Mutex},
};

use image::RgbImage;
use samkit_clip::{ClipModel, TextImageModel};
use samkit_engine::Sam;
use samkit_plugin_host::{
    Cancel, ClipInfo, ClipService, HostServices, Input, LogLevel, Pixels, Plugin, Region,
    SamService, ServiceError, View,
};
use samkit_scene::Scene;
use serde_json::Value;

/// Where the small CLIP lies.
pub(crate) fn clip_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/clip-shapes")
}

static CLIP: LazyLock<ClipModel> =
    LazyLock::new(|| ClipModel::load(&clip_folder()).expect("the small CLIP loads"));

/// An image with both networks, and what the task said.
pub(crate) struct Lent {
    scene: Scene,
    said: Mutex<Vec<String>>,
}

impl Lent {
    pub(crate) fn new(sam: Arc<Sam>, image: RgbImage) -> Self {
        Self { scene: Scene::new(sam, image, None), said: Mutex::default() }
    }
}

impl HostServices for Lent {
    fn log(&self, _level: LogLevel, text: &str) {
        self.said.lock().expect("nobody panicked").push(text.to_owned());
    }

    fn progress(&self, _done: u64, _total: u64) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn sam(&self) -> Option<&dyn SamService> {
        Some(&self.scene)
    }

    fn clip(&self) -> Option<&dyn ClipService> {
        Some(self)
    }
}

fn failed(error: samkit_clip::ClipError) -> ServiceError {
    ServiceError::Failed(Box::new(error))
}

impl ClipService for Lent {
    fn describe(&self, _model: &str) -> Result<ClipInfo, ServiceError> {
        Ok(ClipInfo {
            dim: CLIP.dim(),
            image_side: CLIP.image_side() as u32,
            logit_scale: CLIP.logit_scale(),
        })
    }

    fn embed_texts(&self, _model: &str, texts: &[&str]) -> Result<Vec<f32>, ServiceError> {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        Ok(CLIP.embed_texts(&texts).map_err(failed)?.concat())
    }

    fn embed_images(&self, _model: &str, images: &[Pixels<'_>]) -> Result<Vec<f32>, ServiceError> {
        let image = |pixels: &Pixels<'_>| {
            RgbImage::from_raw(pixels.size.width, pixels.size.height, pixels.data.to_vec())
                .expect("the border checked it")
        };
        let images: Vec<RgbImage> = images.iter().map(image).collect();
        Ok(CLIP.embed_images(&images).map_err(failed)?.concat())
    }
}

/// The masks that the task finds.
pub(crate) fn found(plugin: &Plugin, params: &Value, lent: &Lent) -> Vec<Region> {
    let mut instance = plugin.create(params, lent).expect("the parameters are right");
    let inputs = [Input::image("image", lent.scene.image())];
    let outputs = instance.run(&inputs, lent, &Cancel::default()).expect("the task runs");
    let masks = outputs.iter().find_map(|output| match output.view() {
        View::Masks(regions) => Some(regions.iter().map(|region| region.to_region()).collect()),
        _ => None,
    });
    masks.expect("the task gives masks")
}
