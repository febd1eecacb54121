//! The task behind the plugin border.

use samkit_core::BBox;
use samkit_plugin::{
    Descriptor, EXT_SAM, Host, Inputs, Kind, LogLevel, Output, Outputs, Region, Slot, Task,
    TaskError, declare_plugin,
};

use crate::{
    InstanceParams, Rank,
    boxes::{Taken, padded, take},
    masks::{Found, masks, without_duplicates},
};

/// The task `instances`.
#[derive(Debug)]
pub struct Instances(InstanceParams);

impl Task for Instances {
    type Params = InstanceParams;
    const DESCRIPTOR: Descriptor = Descriptor {
        id: "instances",
        name: "Masks of boxes",
        version: env!("CARGO_PKG_VERSION"),
        license: env!("CARGO_PKG_LICENSE"),
        description: "a mask for every box, with its label and scores",
        inputs: &[
            Slot::new("image", Kind::Image, "the image"),
            Slot::new("boxes", Kind::Boxes, "the boxes, from a detector or a file"),
        ],
        outputs: &[
            Slot::new("masks", Kind::Masks, "masks with label and scores").saved_by_default()
        ],
        extensions: &[EXT_SAM],
    };

    fn create(params: InstanceParams, host: &Host<'_>) -> Result<Self, TaskError> {
        params.validate()?;
        if cfg!(feature = "export") {
            // A shared library has threads of its own; fails where an earlier instance set them up.
            let _ = rayon::ThreadPoolBuilder::new().num_threads(host.threads()).build_global();
        }
        Ok(Self(params))
    }

    fn run(
        &mut self,
        inputs: &Inputs<'_>,
        host: &Host<'_>,
        outputs: &mut Outputs<'_>,
    ) -> Result<(), TaskError> {
        let params = &self.0;
        let given = inputs.boxes("boxes")?;
        let given = given.ok_or_else(|| TaskError::Input("there are no boxes".to_owned()))?;
        let size = given.size();
        let taken = take(given.iter().map(|region| region.to_region()), size, params);
        explain(&taken, given.len(), params, host);
        let mut found = Vec::with_capacity(taken.boxes.len());
        if !taken.boxes.is_empty() {
            // An image without boxes need not be encoded.
            let sam = host.sam()?;
            let asked: Vec<BBox> = taken
                .boxes
                .iter()
                .map(|(_, region)| padded(region.bbox, params.box_padding, size))
                .collect();
            for boxes in asked.chunks(params.boxes_per_batch as usize) {
                host.step(found.len() as u64, asked.len() as u64)?;
                found.extend(masks(&sam, boxes, params)?);
            }
            host.step(asked.len() as u64, asked.len() as u64)?;
        }
        let mut regions = Vec::with_capacity(found.len());
        let mut empty = 0;
        for ((_, region), found) in taken.boxes.into_iter().zip(found) {
            match found.mask.area() {
                0 => empty += 1,
                _ => regions.push(instance(region, found, params.rank)),
            }
        }
        if empty > 0 {
            host.log(LogLevel::Warn, &format!("{empty} boxes got an empty mask, and are left out"));
        }
        if params.mask_nms_threshold < 1.0 {
            let entry = |region: &'_ Region| region.score.unwrap_or(1.0);
            let masks: Vec<_> = regions
                .iter()
                .filter_map(|region| Some((region.mask.as_ref()?, &*region.label, entry(region))))
                .collect();
            let mut stays = without_duplicates(&masks, params.mask_nms_threshold).into_iter();
            regions.retain(|_| stays.next().unwrap_or(true));
        }
        outputs.put("masks", Output::Masks(size, regions))
    }
}

/// The box's label and numbers, with its mask and the scores.
fn instance(region: Region, found: Found, rank: Rank) -> Region {
    let box_score = region.score;
    let score = match (rank, box_score) {
        (Rank::PredictedIou, _) | (Rank::Product, None) => found.predicted_iou,
        (Rank::Box, score) => score.unwrap_or(1.0),
        (Rank::Product, Some(score)) => score * found.predicted_iou,
    };
    let mut instance = Region::from_mask(found.mask).labelled(region.label).scored(score);
    if let Some(score) = box_score {
        instance = instance.with_value("box_score", f64::from(score));
    }
    instance = instance.with_value("predicted_iou", f64::from(found.predicted_iou));
    let BBox { x0, y0, x1, y1 } = region.bbox;
    for (name, side) in [("box_x0", x0), ("box_y0", y0), ("box_x1", x1), ("box_y1", y1)] {
        instance = instance.with_value(name, f64::from(side));
    }
    region
        .values
        .into_iter()
        .fold(instance, |instance, (name, value)| instance.with_value(name, value))
}

/// Says what became of boxes that get no mask.
fn explain(taken: &Taken, given: usize, params: &InstanceParams, host: &Host<'_>) {
    let say = |count: usize, what: String| {
        if count > 0 {
            host.log(LogLevel::Warn, &what);
        }
    };
    let Taken { unusable, outside, cut, beyond, .. } = *taken;
    let what = "are inverted, without area or not finite, and are left out";
    say(unusable, format!("{unusable} of {given} boxes {what}"));
    say(outside, format!("{outside} of {given} boxes lie outside the image, and are left out"));
    say(cut, format!("{cut} of {given} boxes reach outside the image, and are cut"));
    let most = params.max_instances;
    say(beyond, format!("{beyond} of {given} boxes are beyond the best {most} (`max_instances`)"));
    // Where none was given, the step that looked for boxes says why.
    if taken.boxes.is_empty() && given > 0 {
        host.log(LogLevel::Warn, &format!("none of {given} boxes is left, so there are no masks"));
    }
}

declare_plugin!(Instances);
