//! CLIP for plugins: every model is loaded once a run, whoever asks for it.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use image::RgbImage;
use samkit_clip::{ClipError, ClipModel, TextImageModel};
use samkit_models::{LocalModel, ModelError, PullOptions, Store};
use samkit_plugin_host::{ClipInfo, ClipService, Pixels, ServiceError};
use samkit_recipe::nearest;

use super::services::{NotLent, Services};
use crate::console::Fetching;

/// Why there is no CLIP.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
enum NoClip {
    #[error(transparent)]
    #[diagnostic(transparent)]
    Weights(#[from] ModelError),
    #[error(transparent)]
    #[diagnostic(transparent)]
    Network(#[from] ClipError),
    /// A name that is neither of the registry nor a folder.
    #[error("`{name}` is {what}")]
    Name {
        name: String,
        what: &'static str,
        #[help]
        help: String,
    },
}

type Loaded = Mutex<HashMap<String, Arc<ClipModel>>>;

/// The models that are in memory, by the names that plugins call them.
static LOADED: LazyLock<Loaded> = LazyLock::new(Loaded::default);

impl Services {
    fn clip_model(&self, name: &str) -> Result<Arc<ClipModel>, ServiceError> {
        // Held while a model is loaded, so that two plugins do not load it twice.
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(model) = loaded.get(name) {
            return Ok(model.clone());
        }
        let model = self.load(name).map_err(|error| NotLent::service(&error))?;
        let model = Arc::new(model);
        loaded.insert(name.to_owned(), model.clone());
        Ok(model)
    }

    fn load(&self, name: &str) -> Result<ClipModel, NoClip> {
        let folder = match folder(name) {
            Some(folder) => folder,
            None => {
                let local = self.weights(name)?;
                let folder = local.path.clone();
                self.keep(local);
                folder
            }
        };
        Ok(ClipModel::load(&folder)?)
    }

    fn weights(&self, name: &str) -> Result<LocalModel, NoClip> {
        let spec = samkit_models::find(name).ok().filter(|spec| spec.is_folder());
        let spec = spec.ok_or_else(|| {
            let known = samkit_models::registry().iter().filter(|spec| spec.is_folder());
            let known: Vec<_> = known.map(|spec| spec.id.as_str()).collect();
            let path = Path::new(name);
            let what = match samkit_models::find(name).is_ok() {
                true => "a model, but not one of CLIP",
                false if path.is_file() => "a file, and not a folder with CLIP's files",
                false => "no model of CLIP, and no folder",
            };
            NoClip::Name { name: name.to_owned(), what, help: choice(name, &known) }
        })?;
        let options = PullOptions { offline: self.is_offline(), ..PullOptions::default() };
        let store = Store::open_default()?;
        Ok(store.ensure(spec, &options, &Fetching::new(self.console()))?)
    }
}

/// The folder that a name is, if it is one. Names of the registry go before folders of the same name.
fn folder(name: &str) -> Option<PathBuf> {
    let is_known = samkit_models::find(name).is_ok();
    let path = Path::new(name);
    (!is_known && path.is_dir()).then(|| path.to_owned())
}

/// What a model of CLIP may be called, and which of them `name` may be meant for.
fn choice(name: &str, known: &[&str]) -> String {
    let near = nearest(name, known.iter().copied());
    let near = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
    format!(
        "{near}expected {}, or a folder with config.json, model.safetensors and tokenizer.json",
        known.join(", ")
    )
}

impl ClipService for Services {
    fn describe(&self, model: &str) -> Result<ClipInfo, ServiceError> {
        let model = self.clip_model(model)?;
        Ok(ClipInfo {
            dim: model.dim(),
            image_side: model.image_side() as u32,
            logit_scale: model.logit_scale(),
        })
    }

    fn embed_texts(&self, model: &str, texts: &[&str]) -> Result<Vec<f32>, ServiceError> {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        let model = self.clip_model(model)?;
        Ok(model.embed_texts(&texts).map_err(|error| NotLent::service(&error))?.concat())
    }

    fn embed_images(&self, model: &str, images: &[Pixels<'_>]) -> Result<Vec<f32>, ServiceError> {
        let image = |pixels: &Pixels<'_>| {
            let (width, height) = (pixels.size.width, pixels.size.height);
            RgbImage::from_raw(width, height, pixels.data.to_vec()).expect("the border checked it")
        };
        let images: Vec<RgbImage> = images.iter().map(image).collect();
        let model = self.clip_model(model)?;
        Ok(model.embed_images(&images).map_err(|error| NotLent::service(&error))?.concat())
    }
}
