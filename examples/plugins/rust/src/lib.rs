//! A samkit plugin in Rust: the negative of an image.
//!
//! ```text
//! cargo build --release --features export
//! ```
#![forbid(unsafe_code)]

use samkit_plugin::{
    Descriptor, Host, Inputs, Kind, Outputs, Slot, Task, TaskError, declare_plugin,
    image::RgbImage,
    schemars::{self, JsonSchema},
};
use serde::{Deserialize, Serialize};

/// Parameters of the task.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// How much of the negative there is in the result: 0 gives the image back, 1 the negative.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub strength: f32,
}

impl Default for Params {
    fn default() -> Self {
        Self { strength: 1.0 }
    }
}

/// The task.
pub struct Invert {
    params: Params,
}

impl Task for Invert {
    type Params = Params;
    const DESCRIPTOR: Descriptor = Descriptor {
        id: "invert",
        name: "Negative",
        version: env!("CARGO_PKG_VERSION"),
        license: "MIT OR Apache-2.0",
        description: "The negative of an image",
        inputs: &[Slot::new("image", Kind::Image, "the image")],
        outputs: &[Slot::new("negative", Kind::Image, "its negative").saved_by_default()],
        extensions: &[],
    };

    fn create(params: Params, _host: &Host<'_>) -> Result<Self, TaskError> {
        if !(0.0..=1.0).contains(&params.strength) {
            let found = params.strength;
            return Err(TaskError::Param(format!("`strength` is {found}, expected 0 to 1")));
        }
        Ok(Self { params })
    }

    fn run(
        &mut self,
        inputs: &Inputs<'_>,
        host: &Host<'_>,
        outputs: &mut Outputs<'_>,
    ) -> Result<(), TaskError> {
        let image = inputs.image()?;
        let (width, height) = image.dimensions();
        let strength = self.params.strength;
        let table: Vec<u8> = (0..=255_u8)
            .map(|v| (f32::from(v) + strength * (255.0 - 2.0 * f32::from(v))) as u8)
            .collect();
        let mut negative = RgbImage::new(width, height);
        for (y, (from, to)) in image.rows().zip(negative.rows_mut()).enumerate() {
            host.step(y as u64, u64::from(height))?;
            for (from, to) in from.zip(to) {
                to.0 = from.0.map(|value| table[usize::from(value)]);
            }
        }
        outputs.put("negative", negative)
    }
}

declare_plugin!(Invert);
