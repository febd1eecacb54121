//! The task behind the plugin border.

use image::RgbImage;
use samkit_plugin::{
    Descriptor, EXT_CLIP, EXT_SAM, Host, Inputs, Kind, LogLevel, Output, Outputs, Region, Slot,
    Task, TaskError, declare_plugin,
};

use crate::{
    Looker, Proposal, Scored, TextParams, cosines,
    proposals::{MASKS, proposals},
    relevance::relevance,
    shares, without_nested,
};

const RELEVANCE: &str = "relevance";

/// The task `text`.
#[derive(Debug)]
pub struct Text {
    params: TextParams,
    looker: Looker,
    /// Embeddings of the queries, then of the background.
    texts: Vec<Vec<f32>>,
}

/// A region that fits a query.
#[derive(Clone, Copy)]
struct Hit {
    proposal: usize,
    share: f32,
    cosine: f32,
}

impl Task for Text {
    type Params = TextParams;
    const DESCRIPTOR: Descriptor = Descriptor {
        id: "text",
        name: "Segments by description",
        version: env!("CARGO_PKG_VERSION"),
        license: env!("CARGO_PKG_LICENSE"),
        description: "every segment that fits a description, by CLIP",
        inputs: &[
            Slot::new("image", Kind::Image, "the image"),
            Slot::new(MASKS, Kind::Masks, "masks to choose from; else everything's").optional(),
        ],
        outputs: &[
            Slot::new(MASKS, Kind::Masks, "masks with the query that they fit, and how well")
                .saved_by_default(),
            Slot::new(RELEVANCE, Kind::EdgeMap, "how well every pixel fits, 16 bits"),
        ],
        extensions: &[EXT_SAM, EXT_CLIP],
    };

    fn create(params: TextParams, host: &Host<'_>) -> Result<Self, TaskError> {
        params.validate()?;
        if cfg!(feature = "export") {
            // A shared library has threads of its own; fails where an earlier instance set them up.
            let _ = rayon::ThreadPoolBuilder::new().num_threads(host.threads()).build_global();
        }
        let looker = Looker::new(&params.looking, host)?;
        let mut texts = looker.names(host, &params.queries)?;
        texts.extend(looker.background.iter().cloned());
        Ok(Self { params, looker, texts })
    }

    fn run(
        &mut self,
        inputs: &Inputs<'_>,
        host: &Host<'_>,
        outputs: &mut Outputs<'_>,
    ) -> Result<(), TaskError> {
        let params = &self.params;
        let image = inputs.image()?;
        let (width, height) = image.dimensions();
        let image = RgbImage::from_raw(width, height, image.as_raw().to_vec())
            .expect("as many bytes as the image has");
        let size = (width, height).into();
        let proposals = proposals(inputs, host, &params.looking, size)?;
        let embeddings = self.looker.regions(host, &image, &proposals)?;
        let count = params.queries.len();
        let cosines = cosines(&embeddings, &self.texts);
        let shares: Vec<Vec<f32>> =
            cosines.iter().map(|row| shares(row, count, self.looker.scale)).collect();

        let mut regions = Vec::new();
        for (index, query) in params.queries.iter().enumerate() {
            let hits: Vec<Hit> = (0..proposals.len())
                .map(|proposal| Hit {
                    proposal,
                    share: shares[proposal][index],
                    cosine: cosines[proposal][index],
                })
                .filter(|hit| hit.share >= params.threshold && hit.cosine >= params.min_similarity)
                .collect();
            let found = self.chosen(&proposals, &hits);
            if found.is_empty() {
                let best = shares.iter().map(|row| row[index]).fold(0.0, f32::max);
                host.log(
                    LogLevel::Warn,
                    &format!(
                        "nothing fits `{query}`: the best of {} masks has {best:.2}, below {}",
                        proposals.len(),
                        params.threshold
                    ),
                );
            }
            // The queries' numbers, so that files of all images count classes alike.
            let id = index as f64 + 1.0;
            let region = |hit: &Hit| region(&proposals[hit.proposal], query, hit);
            regions.extend(found.iter().map(|hit| region(hit).with_value("category_id", id)));
        }
        host.record("proposals", proposals.len() as f64);
        let best = shares.iter().map(|row| row.iter().copied().fold(0.0, f32::max));
        let scored: Vec<(&Proposal, f32)> = proposals.iter().zip(best).collect();
        outputs.put(RELEVANCE, relevance((width, height), &scored))?;
        outputs.put(MASKS, Output::Masks(size, regions))
    }
}

impl Text {
    /// The hits that stay when of several in each other one is taken, the best first.
    fn chosen(&self, proposals: &[Proposal], hits: &[Hit]) -> Vec<Hit> {
        let masks: Vec<Scored<'_>> = hits
            .iter()
            .map(|hit| Scored { mask: &proposals[hit.proposal].mask, score: hit.share })
            .collect();
        let kept = without_nested(&masks, self.params.prefer, self.params.nested_overlap);
        let mut kept: Vec<Hit> = kept.into_iter().map(|index| hits[index]).collect();
        kept.sort_by(|a, b| b.share.total_cmp(&a.share));
        kept.truncate(self.params.max_results as usize);
        kept
    }
}

fn region(proposal: &Proposal, query: &str, hit: &Hit) -> Region {
    Region::from_mask(proposal.mask.clone())
        .labelled(query)
        .scored(hit.share)
        .with_value("similarity", f64::from(hit.cosine))
        .with_value("predicted_iou", f64::from(proposal.predicted_iou))
}

declare_plugin!(Text);
