//! A task written with the SDK, through the whole border and back.

mod support;

use samkit_core::{BBox, Rle, Size};
use samkit_plugin::{
    Descriptor, EXT_SAM, EdgeImage, EntryCell, Host, Inputs, Kind, LogLevel, MaskOutput, Outputs,
    Prompt, Region, Slot, Table, Task, TaskError,
};
use samkit_plugin_host::{Cancel, Extent, Input, Instance, Plugin, PluginError, View};
use serde::{Deserialize, Serialize};
use serde_json::json;
use support::TestHost;

/// What the task does beside its work.
#[derive(Clone, Copy, PartialEq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Act {
    #[default]
    Nothing,
    Panic,
    Fail,
    AskForUnknownWeights,
    Wait,
}

#[derive(Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Params {
    #[schemars(range(min = 1))]
    amount: u32,
    act: Act,
}

impl Default for Params {
    fn default() -> Self {
        Self { amount: 2, act: Act::Nothing }
    }
}

struct Everything {
    params: Params,
    runs: u32,
}

impl Task for Everything {
    type Params = Params;
    const DESCRIPTOR: Descriptor = Descriptor {
        id: "test-everything",
        name: "Test",
        version: "1.2.3",
        license: "MIT",
        description: "Uses all there is",
        inputs: &[
            Slot::new("image", Kind::Image, "the image"),
            Slot::new("boxes", Kind::Boxes, "boxes").optional(),
            Slot::new("masks", Kind::Masks, "masks").optional(),
            Slot::new("edges", Kind::EdgeMap, "edges").optional(),
            Slot::new("words", Kind::Text, "words").optional(),
        ],
        outputs: &[
            Slot::new("facts", Kind::Table, "what was seen").saved_by_default(),
            Slot::new("boxes", Kind::Boxes, "boxes").optional(),
            Slot::new("masks", Kind::Masks, "masks").optional(),
            Slot::new("edges", Kind::EdgeMap, "edges").optional(),
            Slot::new("picture", Kind::Image, "picture").optional(),
        ],
        extensions: &[EXT_SAM],
    };

    fn create(params: Params, host: &Host<'_>) -> Result<Self, TaskError> {
        if params.amount == 0 {
            return Err(TaskError::Param("`amount` is 0, expected at least 1".to_owned()));
        }
        assert!(host.sam().is_err(), "there is no image yet");
        assert_eq!(host.weights_path("known")?.to_str(), Some("/weights/known.safetensors"));
        Ok(Self { params, runs: 0 })
    }

    fn run(
        &mut self,
        inputs: &Inputs<'_>,
        host: &Host<'_>,
        outputs: &mut Outputs<'_>,
    ) -> Result<(), TaskError> {
        self.runs += 1;
        match self.params.act {
            Act::Nothing => {}
            Act::Panic => panic!("the dog ate it"),
            Act::Fail => return Err(TaskError::failed("there is no dog")),
            Act::AskForUnknownWeights => drop(host.weights_path("unknown")?),
            Act::Wait => {
                while !host.signals().is_cancelled() {
                    std::thread::yield_now();
                }
                return Err(TaskError::Cancelled);
            }
        }
        host.log(LogLevel::Info, "at work");
        host.step(1, 4)?;
        let image = inputs.image()?;
        let size = Size::from(image.dimensions());
        let sam = host.sam()?;
        assert_eq!(
            (sam.frame().image_size(), sam.frame().input_size()),
            (size, Size::new(1024, 512))
        );
        let prompts = [Prompt::point(1.0, 2.0), Prompt::bbox(BBox::new(0.0, 1.0, 2.0, 3.0))];
        let first = sam.predict(&prompts, MaskOutput::Multi)?;
        let masks: Vec<_> = first.iter().collect();
        let frame = sam.frame();
        let (upsampled, signals) = (frame.upsample(masks[4].logits)?[0], host.signals());
        // What any thread may do, on another one.
        let (area, inside) = std::thread::scope(|scope| {
            let work = || {
                signals.log(LogLevel::Debug, "elsewhere");
                Ok((frame.measure(masks[5].logits, 1.0)?.area, frame.mask(masks[0].logits)?[0]))
            };
            scope.spawn(work).join().unwrap()
        })
        .map_err(|error: TaskError| error)?;
        let refine = Prompt { mask: Some(masks[1].logits), ..Prompt::default() };
        let refined = sam.predict_inside(&[refine], MaskOutput::Single)?;
        host.record("masks", 7.0);
        assert_eq!(host.threads(), 3);
        let found = sam.automatic_masks(&json!({ "points_per_side": 3 }))?;
        let mut facts = Table::new(["what", "value"]);
        let mut fact = |what: &str, value| facts.rows.push(vec![json!(what), value]);
        fact("run", json!(self.runs));
        fact("image at", json!(image.as_raw().as_ptr().addr()));
        let places = |m: &samkit_plugin::Predicted<'_>| m.logits.as_ptr().addr();
        fact("logits at", json!(format!("{:?}", masks.iter().map(places).collect::<Vec<_>>())));
        fact("upsampled", json!(upsampled));
        fact("area", json!(area));
        fact("inside", json!(inside));
        fact("refined", json!(refined.iter().len()));
        fact("automatic", json!(found.iter().map(|m| m.values().count()).collect::<Vec<_>>()[0]));
        fact("words", json!(inputs.text("words")?));
        outputs.put("facts", facts)?;
        if let Some(boxes) = inputs.boxes("boxes")? {
            let boxes = boxes.iter().map(|view| view.to_region()).collect();
            outputs.put("boxes", samkit_plugin::Output::Boxes(size, boxes))?;
        }
        if let Some(masks) = inputs.masks("masks")? {
            let masks = masks.iter().map(|view| view.to_region()).collect();
            outputs.put("masks", samkit_plugin::Output::Masks(size, masks))?;
        }
        if let Some(edges) = inputs.edge_map("edges")? {
            let edges = edges.as_raw().to_vec();
            outputs.put("edges", EdgeImage::from_raw(size.width, size.height, edges).unwrap())?;
        }
        outputs.put("picture", image::GrayImage::new(1, 2))
    }
}

static ENTRY: EntryCell = EntryCell::new();

fn instance(host: &TestHost, params: serde_json::Value) -> Result<Instance, PluginError> {
    Plugin::linked_in(ENTRY.get::<Everything>()).unwrap().create(&params, host)
}

fn picture() -> image::RgbImage {
    image::RgbImage::from_fn(6, 4, |x, y| image::Rgb([x as u8, y as u8, 7]))
}

/// A cell of the table of facts.
fn fact(outputs: &[samkit_plugin_host::Output], what: &str) -> serde_json::Value {
    let View::Table(table) = outputs[0].view() else { panic!("no table") };
    table.rows.iter().find(|row| row[0] == what).expect(what)[1].clone()
}

#[test]
fn a_description_arrives() {
    let plugin = Plugin::linked_in(ENTRY.get::<Everything>()).unwrap();
    let about = plugin.description();
    assert_eq!((about.id.as_str(), about.version.as_str()), ("test-everything", "1.2.3"));
    assert_eq!((about.license.as_str(), about.name.as_str()), ("MIT", "Test"));
    assert_eq!(about.params_schema["properties"]["amount"]["default"], 2);
    assert_eq!(
        about.input("boxes").map(|slot| (slot.kind, slot.is_optional)),
        Some((Kind::Boxes, true))
    );
    assert_eq!(
        about.output("facts").map(|slot| (slot.is_optional, slot.is_default)),
        Some((false, true))
    );
    assert_eq!(about.extensions, [EXT_SAM]);
}

#[test]
fn everything_goes_in_and_comes_out_and_nothing_is_copied_on_the_way_in() {
    let host = TestHost::new(6, 4);
    let (image, size) = (picture(), host.size);
    let mut instance = instance(&host, json!({ "amount": 3 })).unwrap();
    let boxes = [Region::from_bbox(BBox::new(0.0, 1.0, 2.0, 3.0)).labelled("Hund").scored(0.5)];
    let half = Rle::from_counts(size, vec![4, 8, 12]).unwrap();
    let masks = [Region::from_mask(half).with_value("stability_score", 0.75)];
    let edges = EdgeImage::from_raw(6, 4, vec![0.25; 24]).unwrap();
    let inputs = [
        Input::image("image", &image),
        Input::boxes("boxes", size, &boxes),
        Input::masks("masks", size, &masks),
        Input::edge_map("edges", &edges),
        Input::text("words", "zwölf Hunde"),
    ];
    let outputs = instance.run(&inputs, &host, &Cancel::default()).unwrap();
    let names: Vec<_> = outputs.iter().map(|output| output.name()).collect();
    assert_eq!(names, ["facts", "boxes", "masks", "edges", "picture"]);

    assert_eq!(fact(&outputs, "image at"), image.as_raw().as_ptr().addr());
    let logits = format!("{:?}", &host.logits.lock().unwrap()[..6]);
    assert_eq!(fact(&outputs, "logits at"), logits);
    assert_eq!(fact(&outputs, "words"), "zwölf Hunde");
    // Prompt 1's second mask holds 11, its third 12; the very first holds 0, which is outside.
    assert_eq!((fact(&outputs, "upsampled"), fact(&outputs, "area")), (json!(11.0), json!(12)));
    assert_eq!((fact(&outputs, "inside"), fact(&outputs, "refined")), (json!(0), json!(1)));
    // Point and crop; the stability score is not a number and left out.
    assert_eq!(fact(&outputs, "automatic"), 6);

    let View::Boxes(found) = outputs[1].view() else { panic!("no boxes") };
    assert_eq!(found.iter().map(|view| view.to_region()).collect::<Vec<_>>(), boxes);
    let View::Masks(found) = outputs[2].view() else { panic!("no masks") };
    assert_eq!(found.iter().map(|view| view.to_region()).collect::<Vec<_>>(), masks);
    let View::EdgeMap(found) = outputs[3].view() else { panic!("no edges") };
    assert_eq!(found.as_raw(), edges.as_raw());
    let View::Image(found) = outputs[4].view() else { panic!("no picture") };
    assert_eq!((found.size, found.channels, found.data), (Size::new(1, 2), 1, &[0, 0][..]));

    let prompts = host.prompts.lock().unwrap();
    assert_eq!(prompts[0], samkit_core::Prompt::point(1.0, 2.0));
    assert_eq!(prompts[1], samkit_core::Prompt::bbox(BBox::new(0.0, 1.0, 2.0, 3.0)));
    assert_eq!(prompts[2].mask.as_ref().unwrap().values()[0], 1.0);
    assert_eq!(*host.extents.lock().unwrap(), [Extent::Square, Extent::Image]);
    assert_eq!(*host.record.lock().unwrap(), [("masks".to_owned(), 7.0)]);
    assert_eq!(*host.progress.lock().unwrap(), [(1, 4), (1, 2)]);
    let logs = host.logs.lock().unwrap();
    assert_eq!(logs[0], (LogLevel::Info, "at work".to_owned()));
    assert_eq!(logs[1], (LogLevel::Debug, "elsewhere".to_owned()));
}

#[test]
fn outputs_outlive_the_instance_and_go_into_the_next_run_without_a_copy() {
    let host = TestHost::new(6, 4);
    let image = picture();
    let boxes = [Region::from_bbox(BBox::new(0.0, 1.0, 2.0, 3.0))];
    let inputs = [Input::image("image", &image), Input::boxes("boxes", host.size, &boxes)];
    let mut first = instance(&host, json!({})).unwrap();
    let outputs = first.run(&inputs, &host, &Cancel::default()).unwrap();
    drop(first);
    let mut second = instance(&host, json!({})).unwrap();
    let inputs = [Input::image("image", &image), Input::output("boxes", &outputs[1])];
    let outputs = second.run(&inputs, &host, &Cancel::default()).unwrap();
    let View::Boxes(found) = outputs[1].view() else { panic!("no boxes") };
    assert_eq!(found.iter().next().unwrap().to_region(), boxes[0]);
}

#[test]
fn wrong_parameters_are_refused_with_the_plugins_own_words() {
    let host = TestHost::new(6, 4);
    let message = |params| instance(&host, params).unwrap_err().to_string();
    assert_eq!(
        message(json!({ "amount": 0 })),
        "the parameters of `test-everything` are not allowed: `amount` is 0, expected at least 1"
    );
    assert!(message(json!({ "amuont": 1 })).contains("unknown field `amuont`"));
    assert!(message(json!({ "amount": "two" })).contains("expected u32"));
    assert!(message(json!([])).contains("expected a map"));
}

#[test]
fn wrong_inputs_are_refused_before_the_plugin_sees_them() {
    let host = TestHost::new(6, 4);
    let image = picture();
    let mut instance = instance(&host, json!({})).unwrap();
    let mut message = |inputs: &[Input<'_>]| {
        instance.run(inputs, &host, &Cancel::default()).unwrap_err().to_string()
    };
    let given = || Input::image("image", &image);
    assert_eq!(message(&[]), "`test-everything` cannot run: input `image` (image) is missing");
    assert!(message(&[given(), given()]).ends_with("input `image` is given twice"));
    assert!(
        message(&[Input::text("image", "")]).ends_with("input `image` is text, expected image")
    );
    assert!(message(&[given(), Input::text("word", "")]).ends_with("it has no input `word`"));
}

fn run(host: &TestHost, act: &str) -> Result<usize, PluginError> {
    let image = picture();
    let mut instance = instance(host, json!({ "act": act })).unwrap();
    let inputs = [Input::image("image", &image)];
    instance.run(&inputs, host, &Cancel::default()).map(|outputs| outputs.len())
}

#[test]
fn panics_and_failures_become_errors_and_the_instance_goes_on() {
    let host = TestHost::new(6, 4);
    let message = |act| run(&host, act).unwrap_err().to_string();
    assert_eq!(message("panic"), "`test-everything` panicked: the dog ate it");
    assert_eq!(message("fail"), "`test-everything` failed: there is no dog");

    let image = picture();
    let mut instance = instance(&host, json!({ "act": "panic" })).unwrap();
    for _ in 0..2 {
        let result = instance.run(&[Input::image("image", &image)], &host, &Cancel::default());
        assert!(matches!(result, Err(PluginError::Panicked { .. })));
    }
}

#[test]
fn a_service_that_fails_is_the_cause_of_the_failure() {
    let mut host = TestHost::new(6, 4);
    host.failure = Some("out of memory".to_owned());
    let error = run(&host, "nothing").unwrap_err();
    assert_eq!(error.to_string(), "`test-everything` failed: samkit.sam/1 predict: out of memory");
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "out of memory");
    host.failure = Some(String::new());
    let error = run(&host, "nothing").unwrap_err().to_string();
    assert!(
        error.contains("the host panicked in `sam.predict`: the network is on fire"),
        "{error}"
    );
    host.failure = None;
    let error = run(&host, "ask-for-unknown-weights").unwrap_err().to_string();
    assert!(error.ends_with("weights_path: no weights are called `unknown`"), "{error}");
}

#[test]
fn stopping_reaches_a_plugin_through_progress_and_through_the_flag() {
    let mut host = TestHost::new(6, 4);
    host.stop_at = 1;
    assert!(matches!(run(&host, "nothing"), Err(PluginError::Cancelled { .. })));

    let host = TestHost::new(6, 4);
    let (image, cancel) = (picture(), Cancel::default());
    let mut instance = instance(&host, json!({ "act": "wait" })).unwrap();
    let result = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(std::time::Duration::from_millis(20));
            cancel.request();
        });
        instance.run(&[Input::image("image", &image)], &host, &cancel)
    });
    assert!(matches!(result, Err(PluginError::Cancelled { .. })));
}

#[test]
fn an_instance_keeps_what_it_learnt_between_runs() {
    let host = TestHost::new(6, 4);
    let image = picture();
    let mut instance = instance(&host, json!({})).unwrap();
    let mut runs = || {
        let outputs = instance.run(&[Input::image("image", &image)], &host, &Cancel::default());
        fact(&outputs.unwrap(), "run")
    };
    assert_eq!([runs(), runs()], [json!(1), json!(2)]);
}
