//! A plugin's task: run under watch, its outputs made into files.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use image::{GrayImage, RgbImage, RgbaImage};
use samkit_core::Prompt;
use samkit_io::{draw_prompt, edge_overlay, mask_overlay, to_gray8, to_gray16};
use samkit_models::LocalModel;
use samkit_plugin::EXT_SAM;
use samkit_plugin_host::{
    Description, Input, Instance, Kind, Output, Pixels, Plugin, PluginError, RegionView,
    ServiceError, SlotDescription, Table, View, watched,
};
use samkit_recipe::ProductInfo;
use serde_json::{Value, json};

use super::{
    Artifact, Content, Form, Found, Given, Named, Subject, Talk, TaskError, Things, Yield, dataset,
    services::{Heard, NotLent, Services},
};
use crate::{numbers::short_numbers, stop};

/// The picture that the program itself makes of a plugin's boxes, masks or edges.
const OVERLAY: &str = "overlay";

/// What plugins call the number of masks that their result is made of.
const MASKS: &str = "masks";

/// How long a plugin may go on after it was asked to stop.
const GRACE: Duration = Duration::from_secs(5);

/// A plugin's task with its parameters.
#[derive(Clone, Debug)]
pub(crate) struct PluginTask {
    plugin: Plugin,
    params: Value,
    /// Made by `start`, and away while it runs.
    instance: Arc<Mutex<Option<Instance>>>,
    /// Weights that it asked for when it was made.
    weights: Arc<Mutex<Vec<LocalModel>>>,
}

impl PluginTask {
    pub(crate) fn new(plugin: Plugin, params: Value) -> Self {
        Self { plugin, params, instance: Arc::default(), weights: Arc::default() }
    }

    pub(crate) fn id(&self) -> &str {
        &self.plugin.description().id
    }

    pub(crate) fn params(&self) -> &Value {
        &self.params
    }

    /// Whether it says that it cannot do without Segment Anything.
    pub(super) fn needs_sam(&self) -> bool {
        self.description().extensions.iter().any(|name| name == EXT_SAM)
    }

    /// Weights beside Segment Anything's that it works with.
    pub(super) fn weights(&self) -> Vec<LocalModel> {
        self.weights.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn description(&self) -> &Description {
        self.plugin.description()
    }

    /// Makes an instance, and returns what it warns of.
    pub(super) fn start(&self, talk: &Talk) -> Result<Vec<String>, TaskError> {
        let services = Services::new(None, talk.clone());
        let instance = self.plugin.create(&self.params, &services).map_err(told)?;
        let heard = services.into_heard();
        *self.weights.lock().unwrap_or_else(PoisonError::into_inner) = heard.weights;
        *self.lock() = Some(instance);
        Ok(heard.notes.iter().map(|note| format!("`{}`: {note}", self.id())).collect())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Instance>> {
        self.instance.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn run(&self, subject: &Subject<'_>) -> Result<Yield, TaskError> {
        if self.lock().is_none() {
            self.start(subject.talk)?;
        }
        let mut instance = self.lock().take().expect("made just above");
        let (plugin, scene) = (self.plugin.clone(), subject.scene.clone());
        let given = subject.given.clone();
        let services = Services::new(Some(scene.clone()), subject.talk.clone());
        let cancel = stop::cancel();
        // On a thread of its own, with everything that it uses: it may never come back.
        let work = move || {
            let inputs = inputs(&plugin, scene.image(), &given);
            let outputs = instance.run(&inputs, &services, stop::cancel());
            drop(inputs);
            (instance, outputs, services.into_heard())
        };
        let (instance, outputs, heard) = watched(self.id(), cancel, GRACE, work)?;
        *self.lock() = Some(instance);
        let mut done = self.collect(subject, outputs.map_err(told)?);
        let Heard { notes, mut numbers, .. } = heard;
        done.notes = notes.iter().map(|note| format!("`{}`: {note}", self.id())).collect();
        if let Some(masks) = numbers.remove(MASKS) {
            done.masks = masks as usize;
        }
        done.numbers = numbers;
        Ok(done)
    }

    fn collect(&self, subject: &Subject<'_>, outputs: Vec<Output>) -> Yield {
        let description = self.plugin.description();
        let mut done = Yield::default();
        for (number, slot) in description.outputs.iter().enumerate() {
            let Some(output) = outputs.iter().find(|output| output.name() == slot.name) else {
                continue;
            };
            if let View::Masks(regions) = output.view() {
                done.masks += regions.len();
            }
            if subject.wants(&slot.name) {
                let suffix = suffix(&description.id, number, slot);
                done.artifacts.push(Artifact { suffix, content: content(output, slot) });
            }
        }
        let instances = instances(&outputs).map(Arc::new);
        if subject.wants(OVERLAY) && description.output(OVERLAY).is_none() {
            let content = overlay(subject.scene.image(), &outputs, instances.as_ref());
            done.artifacts.push(Artifact { suffix: format!("{OVERLAY}.png"), content });
        }
        if let Some(instances) = instances {
            let wants = |name: &str| subject.wants(name) && description.output(name).is_none();
            done.artifacts.extend(dataset::artifacts(&instances, wants));
            done.instances = subject.keeps_instances().then_some(instances);
        }
        let named =
            |output: Output| Named { name: output.name().to_owned(), what: Found::Output(output) };
        done.found = outputs.into_iter().map(named).collect();
        done
    }
}

/// The error as people should read it: without a cause that its own words repeat, with what the program
/// knows is to be done, and as the program's own where the plugin has nothing to add.
fn told(error: PluginError) -> TaskError {
    let PluginError::Failed { plugin, reason, help, source: Some(cause) } = error else {
        return error.into();
    };
    let words = cause.to_string();
    let (help, cause) = match cause {
        ServiceError::Failed(cause) => match cause.downcast::<NotLent>() {
            Ok(cause) if is_passed_on(&reason, &words) => return TaskError::NotLent(*cause),
            Ok(mut cause) => (help.or(cause.take_help()), ServiceError::Failed(cause)),
            Err(cause) => (help, ServiceError::Failed(cause)),
        },
        stopped => (help, stopped),
    };
    let source = (!reason.contains(&words)).then_some(cause);
    PluginError::Failed { plugin, reason, help, source }.into()
}

/// Whether a plugin says only what a service said, and which one it was: `samkit.clip/1 describe: …`.
fn is_passed_on(reason: &str, words: &str) -> bool {
    reason.strip_suffix(words).is_some_and(|service| {
        service.is_empty() || (service.starts_with("samkit.") && service.matches(": ").count() == 1)
    })
}

/// The run's inputs: what earlier steps found, and the image wherever none of them gave one.
fn inputs<'a>(plugin: &'a Plugin, image: &'a RgbImage, given: &'a [Given]) -> Vec<Input<'a>> {
    let mut inputs: Vec<_> = given.iter().filter_map(Given::input).collect();
    for slot in &plugin.description().inputs {
        let is_given = given.iter().any(|given| given.input == slot.name);
        if slot.kind == Kind::Image && !slot.is_optional && !is_given {
            inputs.push(Input::image(&slot.name, image));
        }
    }
    inputs
}

/// What a plugin's task can write: its outputs, and a picture of them.
pub(crate) fn products(about: &Description) -> Vec<ProductInfo> {
    let product = |(number, slot): (usize, &SlotDescription)| ProductInfo {
        name: slot.name.clone(),
        suffix: suffix(&about.id, number, slot),
        default: slot.is_default,
        needs: slot.needs.clone(),
        per_run: false,
        about: slot.description.clone(),
    };
    let mut products: Vec<_> = about.outputs.iter().enumerate().map(product).collect();
    let is_drawn =
        |slot: &SlotDescription| matches!(slot.kind, Kind::Boxes | Kind::Masks | Kind::EdgeMap);
    if about.output(OVERLAY).is_none() && about.outputs.iter().any(is_drawn) {
        let about = "what was found, on the image";
        products.push(super::product(OVERLAY, &format!("{OVERLAY}.png"), true, about));
    }
    let gives = |kind| about.outputs.iter().any(|slot: &SlotDescription| slot.kind == kind);
    if gives(Kind::Masks) || gives(Kind::Boxes) {
        // A plugin's own results go before those of the same name.
        let further = dataset::products(gives(Kind::Masks)).into_iter();
        products.extend(further.filter(|product| about.output(&product.name).is_none()));
    }
    products
}

/// Names of outputs that are formats of text.
const TEXT_FORMATS: [&str; 2] = ["svg", "geojson"];

/// The first output takes the task's name, `STEM.bright.png`; the others add their own.
fn suffix(task: &str, number: usize, slot: &SlotDescription) -> String {
    let extension = match slot.kind {
        Kind::Image | Kind::EdgeMap => "png",
        Kind::Boxes | Kind::Masks => "json",
        Kind::Text => "txt",
        Kind::Table => "csv",
    };
    match number {
        0 => format!("{task}.{extension}"),
        // A text that is called after its format.
        _ if slot.kind == Kind::Text && TEXT_FORMATS.contains(&slot.name.as_str()) => {
            format!("{task}.{}", slot.name)
        }
        _ => format!("{task}.{}.{extension}", slot.name),
    }
}

fn content(output: &Output, slot: &SlotDescription) -> Content {
    match output.view() {
        View::Image(pixels) => picture(pixels),
        // What is written unasked is to be looked at; the rest is for other programs.
        View::EdgeMap(map) if slot.is_default => Content::Gray8(to_gray8(map)),
        View::EdgeMap(map) => Content::Gray16(to_gray16(map)),
        View::Boxes(regions) | View::Masks(regions) => {
            Content::Json(short_numbers(regions.iter().map(record).collect()))
        }
        View::Text(text) => Content::Text((*text).to_owned()),
        View::Table(table) => Content::Text(csv(table)),
    }
}

fn picture(pixels: &Pixels<'_>) -> Content {
    let (width, height) = (pixels.size.width, pixels.size.height);
    let data = pixels.data.to_vec();
    let made = match pixels.channels {
        1 => GrayImage::from_raw(width, height, data).map(Content::Gray8),
        3 => RgbImage::from_raw(width, height, data).map(Content::Rgb),
        _ => RgbaImage::from_raw(width, height, data).map(Content::Rgba),
    };
    made.expect("the view checked the number of bytes")
}

/// A box or a mask: `bbox` as XYWH, for masks COCO's `segmentation` and `area`; then label, score and
/// the plugin's own numbers.
fn record(region: RegionView<'_>) -> Value {
    let mut record = serde_json::Map::new();
    match region.mask() {
        Some(mask) => {
            let size = mask.size();
            let counts = mask.counts_string();
            record.insert(
                "segmentation".into(),
                json!({ "size": [size.height, size.width], "counts": counts }),
            );
            record.insert("area".into(), json!(mask.area()));
            record.insert("bbox".into(), json!(mask.bbox().to_xywh()));
        }
        None => _ = record.insert("bbox".into(), json!(region.bbox().to_xywh())),
    }
    if !region.label().is_empty() {
        record.insert("label".into(), region.label().into());
    }
    if let Some(score) = region.score() {
        record.insert("score".into(), json!(score));
    }
    for (name, value) in region.values() {
        record.entry(name).or_insert_with(|| json!(value));
    }
    Value::Object(record)
}

fn csv(table: &Table) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let cell = |cell: &Value| match cell {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let rows = table.rows.iter().map(|row| row.iter().map(cell).collect::<Vec<_>>());
    for row in std::iter::once(table.columns.clone()).chain(rows) {
        writer.write_record(&row).expect("memory can be written, and rows are equally long");
    }
    let bytes = writer.into_inner().expect("memory can be written");
    String::from_utf8(bytes).expect("made of text")
}

/// The masks that a plugin gave, or the boxes if it gave no masks.
fn instances(outputs: &[Output]) -> Option<Vec<samkit_io::Instance>> {
    let regions = |is_kind: fn(&View<'_>) -> bool| {
        outputs.iter().map(Output::view).find(|view| is_kind(view))
    };
    let masks = regions(|view| matches!(view, View::Masks(_)));
    match masks.or_else(|| regions(|view| matches!(view, View::Boxes(_))))? {
        View::Masks(regions) | View::Boxes(regions) => {
            Some(regions.iter().map(dataset::of_view).collect())
        }
        _ => None,
    }
}

/// A picture of what was found: named things, else the first edge map, else masks and boxes.
fn overlay(image: &RgbImage, outputs: &[Output], things: Option<&Things>) -> Content {
    if let Some(things) = things
        && things.iter().any(|thing| !thing.label.is_empty())
    {
        return Content::Of(things.clone(), Form::NamedOverlay);
    }
    let mut overlay = image.clone();
    for output in outputs {
        match output.view() {
            View::EdgeMap(map) => return Content::Rgb(edge_overlay(image, &to_gray8(map))),
            View::Masks(regions) => {
                let masks: Vec<_> = regions.iter().filter_map(|region| region.mask()).collect();
                overlay = mask_overlay(&overlay, &masks.iter().collect::<Vec<_>>());
            }
            View::Boxes(regions) => {
                let boxes = regions.iter().map(|region| Prompt::bbox(region.bbox()));
                boxes.for_each(|bbox| draw_prompt(&mut overlay, &bbox));
            }
            _ => {}
        }
    }
    Content::Rgb(overlay)
}
