//! A mask for everything in an image.

use samkit_engine::generate_masks;
use samkit_plugin_host::Region;
use samkit_recipe::ProductInfo;
use samkit_scene::GeneratorForm;

use super::{Artifact, Content, Found, Named, Subject, TaskError, Yield, dataset, product};

pub(crate) const NAME: &str = "everything";
pub(crate) const MASKS: &str = "masks";
const OVERLAY: &str = "overlay";

pub(crate) fn products() -> Vec<ProductInfo> {
    let about = "masks with their scores, as the reference writes them";
    let mut products = vec![
        product(MASKS, "masks.json", true, about),
        product(OVERLAY, "overlay.png", true, "masks on the image"),
    ];
    products.extend(dataset::products(true));
    products
}

pub(super) fn run(params: &GeneratorForm, subject: &Subject<'_>) -> Result<Yield, TaskError> {
    let Subject { scene, talk, .. } = subject;
    let progress = |done, total| talk.progress(done, total);
    let (image, embedding) = (scene.image(), Some(scene.embedding()?));
    let records = generate_masks(scene.sam()?, image, embedding, &params.params(), &progress)?;
    let masks = records.len();
    let regions: Vec<_> = records.iter().cloned().map(Region::from).collect();
    let mut artifacts = Vec::new();
    let mut add = |suffix: &str, content| {
        artifacts.push(Artifact { suffix: suffix.into(), content });
    };
    let overlay = subject.wants(OVERLAY).then(|| {
        let codes: Vec<_> = records.iter().map(|record| &record.segmentation).collect();
        samkit_io::mask_overlay(image, &codes)
    });
    if subject.wants(MASKS) {
        add("masks.json", Content::Masks(records));
    }
    if let Some(overlay) = overlay {
        add("overlay.png", Content::Rgb(overlay));
    }
    let instances: Vec<_> = regions.iter().cloned().map(dataset::of_region).collect();
    let size = image.dimensions().into();
    artifacts.extend(dataset::artifacts(size, &instances, |name| subject.wants(name)));
    let instances = dataset::is_per_run(subject.save).then_some(instances);
    let what = Found::Masks(image.dimensions().into(), regions);
    let found = vec![Named { name: MASKS.into(), what }];
    Ok(Yield { artifacts, masks, found, instances, ..Yield::default() })
}
