//! The task behind the plugin border.

use image::RgbImage;
use samkit_core::Rle;
use samkit_plugin::{
    Descriptor, EXT_CLIP, EXT_SAM, Host, Inputs, Kind, LogLevel, Output, Outputs, Region, Slot,
    Task, TaskError, declare_plugin,
};
use samkit_task_text::{Looker, Proposal, cosines, proposals, shares};

use crate::{
    SemanticParams,
    areas::areas,
    vocabulary::{Entry, vocabulary},
};

const MASKS: &str = "masks";
const AREAS: &str = "areas";

/// The task `semantic`.
#[derive(Debug)]
pub struct Semantic {
    params: SemanticParams,
    looker: Looker,
    vocabulary: Vec<Entry>,
    /// Embeddings of the vocabulary, then of the background.
    texts: Vec<Vec<f32>>,
}

impl Task for Semantic {
    type Params = SemanticParams;
    const DESCRIPTOR: Descriptor = Descriptor {
        id: "semantic",
        name: "Names for masks",
        version: env!("CARGO_PKG_VERSION"),
        license: env!("CARGO_PKG_LICENSE"),
        description: "a name out of a vocabulary for every mask, by CLIP",
        inputs: &[
            Slot::new("image", Kind::Image, "the image"),
            Slot::new(MASKS, Kind::Masks, "the masks; else everything's").optional(),
        ],
        outputs: &[
            Slot::new(MASKS, Kind::Masks, "masks with their names, and how well these fit")
                .saved_by_default(),
            Slot::new(AREAS, Kind::Table, "masks, pixels and share of the image of every class"),
        ],
        extensions: &[EXT_SAM, EXT_CLIP],
    };

    fn create(params: SemanticParams, host: &Host<'_>) -> Result<Self, TaskError> {
        params.validate()?;
        if cfg!(feature = "export") {
            // A shared library has threads of its own; fails where an earlier instance set them up.
            let _ = rayon::ThreadPoolBuilder::new().num_threads(host.threads()).build_global();
        }
        let vocabulary = vocabulary(&params)?;
        let looker = Looker::new(&params.looking, host)?;
        let names: Vec<String> = vocabulary.iter().map(|entry| entry.name.clone()).collect();
        let mut texts = looker.names(host, &names)?;
        texts.extend(looker.background.iter().cloned());
        Ok(Self { params, looker, vocabulary, texts })
    }

    fn run(
        &mut self,
        inputs: &Inputs<'_>,
        host: &Host<'_>,
        outputs: &mut Outputs<'_>,
    ) -> Result<(), TaskError> {
        let image = inputs.image()?;
        let (width, height) = image.dimensions();
        let image = RgbImage::from_raw(width, height, image.as_raw().to_vec())
            .expect("as many bytes as the image has");
        let size = (width, height).into();
        let proposals = proposals(inputs, host, &self.params.looking, size)?;
        let embeddings = self.looker.regions(host, &image, &proposals)?;
        let named: Vec<Region> = proposals
            .iter()
            .zip(cosines(&embeddings, &self.texts))
            .filter_map(|(proposal, cosines)| self.named(proposal, &cosines))
            .collect();
        let unlabelled = named.iter().filter(|region| region.label.is_empty()).count();
        if named.len() == unlabelled {
            let count = proposals.len();
            host.log(LogLevel::Warn, &format!("no name fits any of {count} masks well enough"));
        }
        host.record("proposals", proposals.len() as f64);
        let masks: Vec<(&Rle, &str)> = named
            .iter()
            .filter(|region| !region.label.is_empty())
            .filter_map(|region| Some((region.mask.as_ref()?, region.label.as_str())))
            .collect();
        outputs.put(AREAS, Output::Table(areas(size, &masks)))?;
        outputs.put(MASKS, Output::Masks(size, named))
    }
}

impl Semantic {
    /// The mask with the name that fits best; `None` where none does and such masks are not wanted.
    fn named(&self, proposal: &Proposal, cosines: &[f32]) -> Option<Region> {
        let shares = shares(cosines, self.vocabulary.len(), self.looker.scale);
        let best = (0..shares.len()).max_by(|&a, &b| shares[a].total_cmp(&shares[b]))?;
        let region = Region::from_mask(proposal.mask.clone())
            .with_value("predicted_iou", f64::from(proposal.predicted_iou));
        if shares[best] < self.params.threshold {
            return self.params.unlabelled.then_some(region);
        }
        let Entry { id, name } = &self.vocabulary[best];
        let region = region.labelled(name.clone()).scored(shares[best]);
        let region = region.with_value("category_id", f64::from(*id));
        Some(region.with_value("similarity", f64::from(cosines[best])))
    }
}

declare_plugin!(Semantic);
