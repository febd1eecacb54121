//! CLIP through the border: a task that embeds its labels once, when it is made, and images in its
//! runs.

mod support;

use image::{Rgb, RgbImage};
use samkit_core::Size;
use samkit_plugin::{
    ClipInfo, Descriptor, EXT_CLIP, Embeddings, EntryCell, Host, Inputs, Kind, Outputs, Slot,
    Table, Task, TaskError,
};
use samkit_plugin_host::{Cancel, Input, Instance, Output, Plugin, PluginError, View, check};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use support::{DIM, TestHost, unit};

/// Parameters of the task.
#[derive(Clone, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Params {
    /// Name of a CLIP.
    model: String,
    /// Another one for the runs.
    run_model: Option<String>,
    /// Embeds a crop that is none.
    empty_crop: bool,
    /// What to look for.
    labels: Vec<String>,
}

impl Default for Params {
    fn default() -> Self {
        let labels = ["dog", "a bird"].map(str::to_owned).to_vec();
        Self { model: "known".to_owned(), run_model: None, empty_crop: false, labels }
    }
}

/// Says which label an image is nearest to.
struct Named {
    params: Params,
    info: ClipInfo,
    labels: Embeddings,
}

impl Task for Named {
    type Params = Params;
    const DESCRIPTOR: Descriptor = Descriptor {
        id: "test-named",
        name: "Named",
        version: "0.1.0",
        license: "MIT",
        description: "Says what an image shows",
        inputs: &[Slot::new("image", Kind::Image, "the image")],
        outputs: &[Slot::new("names", Kind::Table, "labels and cosines").saved_by_default()],
        extensions: &[EXT_CLIP],
    };

    fn create(params: Params, host: &Host<'_>) -> Result<Self, TaskError> {
        let clip = host.clip()?;
        let info = clip.describe(&params.model)?;
        let labels = clip.texts(&params.model, &params.labels)?;
        Ok(Self { params, info, labels })
    }

    fn run(
        &mut self,
        inputs: &Inputs<'_>,
        host: &Host<'_>,
        outputs: &mut Outputs<'_>,
    ) -> Result<(), TaskError> {
        let clip = host.clip()?;
        let model = self.params.run_model.as_ref().unwrap_or(&self.params.model);
        let image = inputs.image()?;
        let whole = clip.images(model, std::slice::from_ref(&image))?;
        let side = if self.params.empty_crop { 0 } else { 1 };
        let crop = RgbImage::from_pixel(side, side, *image.get_pixel(0, 0));
        let crops = clip.images(model, &[crop])?;
        let prompt = clip.texts(model, &["a photo"])?;
        let mut names = Table::new(["what", "dim", "whole", "crop", "prompt"]);
        for (label, embedding) in self.params.labels.iter().zip(self.labels.iter()) {
            let cosine = |other: &Embeddings| -> f32 {
                let other = other.iter().next().expect("one embedding");
                embedding.iter().zip(other).map(|(a, b)| a * b).sum()
            };
            let cosines = [&whole, &crops, &prompt].map(|other| json!(cosine(other)));
            let mut row = vec![json!(label), json!(self.info.dim)];
            row.extend(cosines);
            names.rows.push(row);
        }
        outputs.put("names", names)
    }
}

static ENTRY: EntryCell = EntryCell::new();

fn plugin() -> Plugin {
    Plugin::linked_in(ENTRY.get::<Named>()).unwrap()
}

fn create(host: &TestHost, params: Value) -> Result<Instance, PluginError> {
    plugin().create(&params, host)
}

fn run_on(
    host: &TestHost,
    params: Value,
    image: &RgbImage,
    cancel: &Cancel,
) -> Result<Vec<Output>, PluginError> {
    create(host, params)?.run(&[Input::image("image", image)], host, cancel)
}

fn run(host: &TestHost, params: Value) -> Result<Vec<Output>, PluginError> {
    run_on(host, params, &picture(), &Cancel::default())
}

fn picture() -> RgbImage {
    RgbImage::from_fn(6, 4, |x, y| Rgb([x as u8, y as u8, 7]))
}

#[test]
fn texts_are_embedded_when_a_task_is_made_and_images_when_it_runs() {
    let (host, image) = (TestHost::new(6, 4), picture());
    let mut instance = create(&host, json!({})).unwrap();
    assert_eq!(*host.texts.lock().unwrap(), [["dog", "a bird"]]);
    for _ in 0..2 {
        let inputs = [Input::image("image", &image)];
        let outputs = instance.run(&inputs, &host, &Cancel::default()).unwrap();
        let View::Table(table) = outputs[0].view() else { panic!("no table") };
        // Widths 6 and 1; lengths 3, 6 and, of the prompt, 7.
        let dog = [json!("dog"), json!(DIM), json!(0.0), json!(0.0), json!(1.0)];
        let bird = [json!("a bird"), json!(DIM), json!(1.0), json!(0.0), json!(0.0)];
        assert_eq!(table.rows, [dog, bird]);
    }
    assert_eq!(host.texts.lock().unwrap().len(), 3, "labels once, the prompt in every run");
    let images = host.images.lock().unwrap();
    let whole = (Size::new(6, 4), image.as_raw().as_ptr().addr());
    assert_eq!([images[0], images[2]], [whole; 2], "the host sees its own pixels");
    assert_eq!(images[1].0, Size::new(1, 1));
}

#[test]
fn many_texts_come_in_pieces_and_in_order() {
    let host = TestHost::new(6, 4);
    let labels: Vec<String> = (0..40).map(|length| "x".repeat(length)).collect();
    create(&host, json!({ "labels": labels })).unwrap();
    let pieces = host.texts.lock().unwrap();
    assert_eq!(pieces.iter().map(Vec::len).collect::<Vec<_>>(), [16, 16, 8]);
    assert_eq!(pieces.concat(), labels);

    let outputs = run(&TestHost::new(6, 4), json!({ "labels": labels })).unwrap();
    let View::Table(table) = outputs[0].view() else { panic!("no table") };
    for (length, row) in table.rows.iter().enumerate() {
        let cosine: f32 = unit(length).iter().zip(unit(6)).map(|(a, b)| a * b).sum();
        assert_eq!(row[2], json!(cosine), "{length}");
    }
}

#[test]
fn nothing_to_embed_gives_nothing() {
    let outputs = run(&TestHost::new(6, 4), json!({ "labels": [] })).unwrap();
    let View::Table(table) = outputs[0].view() else { panic!("no table") };
    assert_eq!(table.rows.len(), 0);
}

#[test]
fn an_image_without_pixels_is_an_error_and_not_a_broken_rule() {
    let error = run(&TestHost::new(6, 4), json!({ "empty_crop": true })).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`test-named` failed: samkit.clip/1 embed_images: image 0 has no pixels"
    );
}

#[test]
fn an_unknown_model_fails_with_the_words_of_the_service() {
    let host = TestHost::new(6, 4);
    let error = create(&host, json!({ "model": "clipp" })).unwrap_err();
    let expected = "`test-named` failed: samkit.clip/1 describe: no CLIP is called `clipp`";
    assert_eq!(error.to_string(), expected);
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "no CLIP is called `clipp`");
    let error = run(&host, json!({ "run_model": "clipp" })).unwrap_err();
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_host_without_clip_is_named_with_what_it_lacks() {
    let mut host = TestHost::new(6, 4);
    host.has_clip = false;
    let error = create(&host, json!({})).unwrap_err().to_string();
    assert_eq!(error, "`test-named` failed: samkit.clip/1: the host does not have it");

    let mut instance = create(&TestHost::new(6, 4), json!({})).unwrap();
    let image = picture();
    let result = instance.run(&[Input::image("image", &image)], &host, &Cancel::default());
    let error = result.unwrap_err();
    assert!(matches!(&error, PluginError::NoExtension { .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        "`test-named` needs samkit.clip/1, which this program does not lend"
    );
}

#[test]
fn a_service_that_panics_or_miscounts_fails_the_step_alone() {
    let host = TestHost::new(6, 4);
    let message = |params| run(&host, params).unwrap_err().to_string();
    let error = message(json!({ "model": "on-fire" }));
    assert!(error.contains("the host panicked in `clip.embed_texts`: "), "{error}");
    assert!(error.contains("the text encoder is on fire"), "{error}");
    assert_eq!(
        message(json!({ "model": "short" })),
        "`test-named` failed: samkit.clip/1 embed_texts: CLIP gave 1 values, expected 8"
    );
    assert_eq!(
        message(json!({ "model": "empty" })),
        "`test-named` failed: samkit.clip/1 describe: embeddings of `empty` have no values"
    );
    let error = message(json!({ "model": "huge" }));
    assert!(error.contains("no room for 2 embeddings of 9223372036854775807 values"), "{error}");
}

#[test]
fn stopping_is_heard_in_create_and_in_run() {
    let host = TestHost::new(6, 4);
    let error = create(&host, json!({ "model": "stopped" })).unwrap_err();
    assert!(matches!(error, PluginError::Cancelled { .. }), "{error}");

    let cancel = Cancel::default();
    cancel.request();
    let error = run_on(&host, json!({}), &picture(), &cancel).unwrap_err();
    assert!(matches!(error, PluginError::Cancelled { .. }), "{error}");
    assert_eq!(*host.images.lock().unwrap(), [], "nothing is embedded once the user wants to stop");
}

#[test]
fn the_conformance_test_lends_a_clip_of_its_own() {
    // Memory is the whole process's, in which other tests run at the same time: a leak grows it every
    // time, a neighbour does not.
    let failed = || check(&plugin()).into_iter().filter(|line| !line.passed).collect::<Vec<_>>();
    let failed = (0..3).map(|_| failed()).min_by_key(Vec::len).expect("three runs");
    assert_eq!(failed, []);
}
