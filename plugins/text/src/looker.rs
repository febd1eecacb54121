//! Regions and texts in CLIP's eyes.

use image::RgbImage;
use rayon::prelude::*;
use samkit_plugin::{Embeddings, Host, TaskError};

use crate::{Looking, Proposal, mean, view};

/// Pictures that CLIP gets at once; between batches the user can stop.
const BATCH: usize = 32;

/// A model of CLIP, and how regions are shown to it.
#[derive(Clone, Debug)]
pub struct Looker {
    looking: Looking,
    /// What cosines are multiplied with before a softmax over texts.
    pub scale: f32,
    /// Embeddings of what a region may be instead.
    pub background: Vec<Vec<f32>>,
}

impl Looker {
    /// Makes the model ready.
    ///
    /// # Errors
    /// When the host has no CLIP, or the weights are missing.
    pub fn new(looking: &Looking, host: &Host<'_>) -> Result<Self, TaskError> {
        let scale = host.clip()?.describe(&looking.model)?.logit_scale;
        let mut looker = Self { looking: looking.clone(), scale, background: Vec::new() };
        looker.background = looker.names(host, &looking.background)?;
        Ok(looker)
    }

    /// An embedding for every name: the mean over the templates.
    ///
    /// # Errors
    /// When the network fails.
    pub fn names(&self, host: &Host<'_>, names: &[String]) -> Result<Vec<Vec<f32>>, TaskError> {
        let Looking { model, templates, .. } = &self.looking;
        let sentence = |name: &String| {
            let name = name.clone();
            templates.iter().map(move |template| template.replace("{}", &name))
        };
        let sentences: Vec<String> = names.iter().flat_map(sentence).collect();
        if sentences.is_empty() {
            return Ok(Vec::new());
        }
        averaged(&host.clip()?.texts(model, &sentences)?, templates.len())
    }

    /// An embedding for every region: the mean over the views.
    ///
    /// # Errors
    /// When the network fails, or the user stops the run.
    pub fn regions(
        &self,
        host: &Host<'_>,
        image: &RgbImage,
        regions: &[Proposal],
    ) -> Result<Vec<Vec<f32>>, TaskError> {
        let Looking { model, margin, outside, .. } = &self.looking;
        let clip = host.clip()?;
        let mut all = Vec::with_capacity(regions.len());
        for batch in regions.chunks((BATCH / outside.len()).max(1)) {
            host.step(all.len() as u64, regions.len() as u64)?;
            let views: Vec<RgbImage> = batch
                .par_iter()
                .flat_map_iter(|region| {
                    outside.iter().map(|&outside| view(image, &region.mask, *margin, outside))
                })
                .collect();
            all.extend(averaged(&clip.images(model, &views)?, outside.len())?);
        }
        host.step(regions.len() as u64, regions.len() as u64)?;
        Ok(all)
    }
}

/// The means of every `count` embeddings in a row.
fn averaged(embeddings: &Embeddings, count: usize) -> Result<Vec<Vec<f32>>, TaskError> {
    let rows: Vec<Vec<f32>> = embeddings.iter().map(<[f32]>::to_vec).collect();
    let mean = |rows: &[Vec<f32>]| {
        mean(rows).ok_or_else(|| TaskError::failed("embeddings cancel each other out"))
    };
    rows.chunks(count).map(mean).collect()
}
