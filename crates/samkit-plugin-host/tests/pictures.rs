//! Pictures of a task's own, shown to Segment Anything with the SDK.
#![allow(unsafe_code, reason = "plays a host of an older version")]

mod support;

use std::{
    cell::Cell,
    ffi::c_void,
    sync::atomic::{AtomicPtr, Ordering},
};

use image::{Rgb, RgbImage};
use samkit_core::Size;
use samkit_plugin::{
    Descriptor, EXT_SAM, EntryCell, Host, Inputs, Kind, MaskOutput, Outputs, Picture, Prompt, Sam,
    Slot, Table, Task, TaskError, abi, abi::Versioned,
};
use samkit_plugin_host::{Cancel, Input, Plugin, PluginError};
use serde::{Deserialize, Serialize};
use serde_json::json;
use support::TestHost;

type Act = fn(&Sam<'_>) -> Result<(), TaskError>;

thread_local! {
    /// What the task of the current test does.
    static ACT: Cell<Act> = const { Cell::new(|_| Ok(())) };
}

#[derive(Default, Serialize, Deserialize, schemars::JsonSchema)]
struct Params {}

struct Looker;

impl Task for Looker {
    type Params = Params;
    const DESCRIPTOR: Descriptor = Descriptor {
        id: "looker",
        name: "Looker",
        version: "1",
        license: "MIT",
        description: "Looks at pictures",
        inputs: &[Slot::new("image", Kind::Image, "the image")],
        outputs: &[Slot::new("facts", Kind::Table, "nothing")],
        extensions: &[EXT_SAM],
    };

    fn create(_: Params, _: &Host<'_>) -> Result<Self, TaskError> {
        Ok(Self)
    }

    fn run(
        &mut self,
        _: &Inputs<'_>,
        host: &Host<'_>,
        outputs: &mut Outputs<'_>,
    ) -> Result<(), TaskError> {
        ACT.get()(&host.sam()?)?;
        outputs.put("facts", Table::new(["what"]))
    }
}

static ENTRY: EntryCell = EntryCell::new();

fn run(plugin: &Plugin, host: &TestHost, act: Act) -> Result<(), PluginError> {
    ACT.set(act);
    let image = RgbImage::new(6, 4);
    let mut instance = plugin.create(&json!({}), host)?;
    instance.run(&[Input::image("image", &image)], host, &Cancel::default()).map(|_| ())
}

/// Runs on a host of today, which has no picture open afterwards.
fn outcome(act: Act) -> Result<(), PluginError> {
    let host = TestHost::new(6, 4);
    let result = run(&Plugin::linked_in(ENTRY.get::<Looker>()).unwrap(), &host, act);
    assert_eq!(host.open_pictures(), 0);
    result
}

/// Pixels whose first value is `first`.
fn pixels(width: u32, height: u32, first: u8) -> RgbImage {
    RgbImage::from_pixel(width, height, Rgb([first, 0, 0]))
}

/// The first logits of the answers to one click.
fn answers(sam: &Sam<'_>) -> Result<Vec<f32>, TaskError> {
    let found = sam.predict(&[Prompt::point(1.0, 1.0)], MaskOutput::Multi)?;
    Ok(found.iter().map(|mask| mask.logits[0]).collect())
}

#[test]
fn answers_are_those_of_the_picture_and_not_of_the_image() {
    outcome(|sam| {
        let picture = sam.picture(&pixels(3, 5, 40))?;
        let shown = picture.sam();
        assert_eq!(shown.frame().image_size(), Size::new(3, 5));
        assert_eq!(shown.frame().input_size(), Size::new(1024, 512));
        assert_eq!(answers(&shown)?, [40.0, 41.0, 42.0]);
        assert_eq!(answers(sam)?, [0.0, 1.0, 2.0]);
        assert_eq!(sam.frame().image_size(), Size::new(6, 4));

        let found = shown.predict_inside(&[Prompt::point(1.0, 1.0)], MaskOutput::Single)?;
        let (logits, frame) = (found.iter().next().unwrap().logits, shown.frame());
        let elsewhere = || (frame.upsample(logits), frame.mask(logits), frame.measure(logits, 1.0));
        let (upsampled, mask, measure) =
            std::thread::scope(|scope| scope.spawn(elsewhere).join().unwrap());
        assert_eq!((upsampled?, mask?, measure?.area), (vec![40.0; 15], vec![1; 15], 40));

        let found = shown.automatic_masks(&json!({ "points_per_side": 3 }))?;
        let mask = found.iter().next().unwrap().mask().expect("a mask");
        assert_eq!(mask.size(), Size::new(3, 5));
        Ok(())
    })
    .unwrap();
}

#[test]
fn views_of_the_image_are_pictures_too() {
    outcome(|sam| {
        let pixels = pixels(4, 4, 7);
        // Four pixels in bytes that are just enough, and in more than enough.
        for bytes in [12, 15, 48] {
            let bytes = &pixels.as_raw()[..bytes];
            let view = image::ImageBuffer::<Rgb<u8>, &[u8]>::from_raw(2, 2, bytes);
            let picture = sam.picture(&view.expect("four pixels"))?;
            assert_eq!(picture.sam().frame().image_size(), Size::new(2, 2));
            assert_eq!(answers(&picture.sam())?, [7.0, 8.0, 9.0]);
        }
        Ok(())
    })
    .unwrap();
}

#[test]
fn many_one_after_the_other_and_sixteen_at_once() {
    const FULL: &str = "samkit.sam/1 open_picture: 16 pictures are open already, which is the most";
    outcome(|sam| {
        for first in 1..=100 {
            let picture = sam.picture(&pixels(2, 2, first))?;
            assert_eq!(answers(&picture.sam())?[0], f32::from(first));
        }
        let pictures: Result<Vec<Picture<'_>>, _> =
            (1..=16).map(|first| sam.picture(&pixels(2, 2, first))).collect();
        let mut pictures = pictures?;
        assert_eq!(sam.picture(&pixels(2, 2, 17)).unwrap_err().to_string(), FULL);
        for (first, picture) in (1_u8..).zip(&pictures) {
            assert_eq!(answers(&picture.sam())?[0], f32::from(first));
        }
        pictures.pop();
        assert_eq!(answers(&sam.picture(&pixels(2, 2, 18))?.sam())?[0], 18.0);
        Ok(())
    })
    .unwrap();
}

#[test]
fn what_stays_open_is_closed_when_the_run_ends() {
    outcome(|sam| {
        std::mem::forget(sam.picture(&pixels(2, 2, 1))?);
        Ok(())
    })
    .unwrap();
    let error = outcome(|sam| {
        std::mem::forget(sam.picture(&pixels(2, 2, 1))?);
        panic!("the dog ate it")
    });
    assert!(matches!(error, Err(PluginError::Panicked { .. })));
}

#[test]
fn what_cannot_be_a_picture_is_refused_at_once() {
    let message = |act| outcome(act).unwrap_err().to_string();
    assert_eq!(
        message(|sam| sam.picture(&pixels(0, 2, 1)).map(drop)),
        "`looker` failed: samkit.sam/1 open_picture: the picture has no pixels"
    );
    assert_eq!(
        message(|sam| {
            let picture = sam.picture(&pixels(2, 2, 1))?;
            picture.sam().picture(&pixels(2, 2, 1)).map(drop)
        }),
        "`looker` failed: samkit.sam/1 open_picture: pictures are opened by the image's `Sam`, and this \
         one is a picture's"
    );
    assert_eq!(
        message(|sam| sam.picture(&pixels(1, 1_048_577, 1)).map(drop)),
        "`looker` failed: samkit.sam/1 open_picture: the picture is 1×1048577, expected sides of at \
         most 1048576"
    );
}

#[test]
fn a_network_that_fails_on_a_picture_fails_the_step() {
    let mut host = TestHost::new(6, 4);
    host.failure = Some("out of memory".to_owned());
    let plugin = Plugin::linked_in(ENTRY.get::<Looker>()).unwrap();
    let error = run(&plugin, &host, |sam| answers(&sam.picture(&pixels(2, 2, 1))?.sam()).map(drop));
    assert_eq!(
        error.unwrap_err().to_string(),
        "`looker` failed: samkit.sam/1 predict: out of memory"
    );
    assert_eq!(host.open_pictures(), 0);
}

/// The extensions of the host of today.
type Extensions = unsafe extern "C" fn(*mut c_void, abi::Str) -> *const c_void;
static EXTENSIONS: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());

/// Segment Anything as it was before pictures.
unsafe extern "C" fn old_extension(context: *mut c_void, name: abi::Str) -> *const c_void {
    // SAFETY: the host's function with its own context, and its table.
    let mut sam = unsafe {
        let extensions =
            std::mem::transmute::<*mut c_void, Extensions>(EXTENSIONS.load(Ordering::Relaxed));
        *extensions(context, name).cast::<abi::Sam>()
    };
    (sam.header.minor, sam.header.size) = (1, abi::Sam::MIN_SIZE as u32);
    std::ptr::from_ref(Box::leak(Box::new(sam))).cast()
}

unsafe extern "C" fn run_on_an_old_host(
    task: *mut c_void,
    host: *const abi::Host,
    inputs: *const abi::Inputs,
    outputs: *const abi::Outputs,
) -> abi::Status {
    // SAFETY: the host's struct, and the task's function with what it was given.
    unsafe {
        let mut host = abi::read(host).unwrap();
        EXTENSIONS.store(host.get_extension.unwrap() as *mut c_void, Ordering::Relaxed);
        host.get_extension = Some(old_extension);
        ENTRY.get::<Looker>().run.unwrap()(task, &host, inputs, outputs)
    }
}

#[test]
fn an_older_host_has_no_pictures_and_all_else() {
    let mut entry = *ENTRY.get::<Looker>();
    entry.run = Some(run_on_an_old_host);
    let plugin = Plugin::linked_in(Box::leak(Box::new(entry))).unwrap();
    let host = TestHost::new(6, 4);
    run(&plugin, &host, |sam| {
        assert_eq!(answers(sam)?, [0.0, 1.0, 2.0]);
        Ok(())
    })
    .unwrap();
    let error = run(&plugin, &host, |sam| sam.picture(&pixels(2, 2, 1)).map(drop)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`looker` failed: samkit.sam/1 open_picture: the host does not have it"
    );
}
