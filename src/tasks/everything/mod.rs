//! A mask for everything in an image.

mod params;

use std::sync::Arc;

use samkit_core::{BBox, MaskRecord, Size, points_inside};
use samkit_engine::{GeneratorParams, generate_masks};
use samkit_plugin_host::Region;
use samkit_recipe::ProductInfo;

pub(crate) use params::{EverythingForm, OverlapForm, Preset};

use super::{
    Artifact, Content, Form, Found, Named, Subject, TaskError, Things, Yield, dataset, product,
};

pub(crate) const NAME: &str = "everything";
pub(crate) const MASKS: &str = "masks";
const OVERLAY: &str = "overlay";
const IDS: &str = "ids";
const LOGITS: &str = "logits";

pub(crate) fn products() -> Vec<ProductInfo> {
    let about = "masks with their scores, as the reference writes them";
    let mut products = vec![
        product(MASKS, "masks.json", true, about),
        product(OVERLAY, "overlay.png", true, "masks on the image"),
        product(IDS, "ids.png", false, "masks on the image, with their numbers"),
    ];
    products.extend(dataset::products(true));
    let about = "low-res logits of every mask, with boxes and scores, for NumPy";
    products.push(product(LOGITS, "logits.npz", false, about));
    products
}

pub(super) fn run(form: &EverythingForm, subject: &Subject<'_>) -> Result<Yield, TaskError> {
    let size = Size::from(subject.scene.image().dimensions());
    let records = find(form, subject, size)?;
    let masks = records.len();
    let regions: Vec<_> = records.iter().cloned().map(Region::from).collect();
    let mut artifacts = Vec::new();
    let mut add = |suffix: &str, content| {
        artifacts.push(Artifact { suffix: suffix.into(), content });
    };
    let instances: Things = Arc::new(regions.iter().cloned().map(dataset::of_region).collect());
    if subject.wants(OVERLAY) {
        add("overlay.png", Content::Of(instances.clone(), Form::MaskOverlay));
    }
    if subject.wants(IDS) {
        add("ids.png", Content::Of(instances.clone(), Form::NumberedOverlay));
    }
    if subject.wants(LOGITS) {
        add("logits.npz", Content::ManyLogits(records.clone()));
    }
    if subject.wants(MASKS) {
        add("masks.json", Content::Masks(records));
    }
    artifacts.extend(dataset::artifacts(&instances, |name| subject.wants(name)));
    let instances = subject.keeps_instances().then_some(instances);
    let found = vec![Named { name: MASKS.into(), what: Found::Masks(size, regions) }];
    Ok(Yield { artifacts, masks, found, instances, ..Yield::default() })
}

fn find(
    form: &EverythingForm,
    subject: &Subject<'_>,
    size: Size,
) -> Result<Vec<MaskRecord>, TaskError> {
    let Subject { scene, talk, .. } = subject;
    let mut params = form.generator.params();
    params.keep_logits = subject.wants(LOGITS);
    let choice = form.choice();
    if let Some(bbox) = choice.inside
        && !ask_inside(&mut params, size, bbox)
    {
        return Ok(Vec::new());
    }
    let progress = |done, total| talk.progress(done, total);
    let embedding = Some(scene.embedding()?);
    let records = generate_masks(scene.sam()?, scene.image(), embedding, &params, &progress)?;
    Ok(choice.apply(records, size))
}

/// Leaves out points of the grid that masks of the box cannot come from, and says whether any are
/// left. Crops have grids of their own, which stay as they are.
fn ask_inside(params: &mut GeneratorParams, size: Size, bbox: BBox) -> bool {
    if params.crop_n_layers > 0 || params.adaptive {
        return true;
    }
    let inside = points_inside(&params.grids()[0], size, bbox);
    let any = !inside.is_empty();
    params.point_grids = Some(vec![inside]);
    any
}
