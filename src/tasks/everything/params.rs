//! What the task `everything` can be told: the generator's parameters, and which masks are wanted.

use samkit_core::{BBox, MaskChoice, Overlap, ParamError};
use samkit_scene::GeneratorForm;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Values of parameters that are not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Preset {
    /// A quarter of the prompts and less: large and middling things, several times as fast.
    Fast,
    /// The reference's.
    #[default]
    Default,
    /// Crops are searched too, and less certain masks kept: small things, several times as slow.
    Fine,
}

/// Which masks may share pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum OverlapForm {
    /// Any.
    #[default]
    Allowed,
    /// Masks lie within each other or apart.
    Nested,
    /// None: every pixel belongs to one mask, the smallest.
    None,
}

/// Parameters of the task `everything`.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("x-presets" = presets()))]
pub(crate) struct EverythingForm {
    /// Where parameters that are not given have their values from: fast, default or fine.
    pub(crate) preset: Preset,
    #[serde(flatten)]
    pub(crate) generator: GeneratorForm,
    /// Keep masks of at least so many pixels.
    pub(crate) min_area: u64,
    /// Keep masks of at most so many pixels.
    pub(crate) max_area: Option<u64>,
    /// Keep so many masks, those with the highest predicted IoU.
    #[schemars(range(min = 1))]
    pub(crate) max_masks: Option<u32>,
    /// Drop masks that touch the image's border.
    pub(crate) drop_border: bool,
    /// Keep masks that lie in this box: [x0, y0, x1, y1] in pixels.
    pub(crate) inside: Option<[f32; 4]>,
    /// Which masks may share pixels: allowed (any), nested (one within the other or apart) or none (one
    /// mask a pixel).
    pub(crate) overlap: OverlapForm,
}

impl EverythingForm {
    /// A preset's values.
    pub(crate) fn of(preset: Preset) -> Self {
        let usual = GeneratorForm::default();
        let generator = match preset {
            Preset::Fast => GeneratorForm { points_per_side: 16, adaptive: true, ..usual },
            Preset::Default => usual,
            // The values that the reference's own example of the generator has for small things.
            Preset::Fine => GeneratorForm {
                pred_iou_thresh: 0.86,
                stability_score_thresh: 0.92,
                crop_n_layers: 1,
                crop_n_points_downscale_factor: 2,
                min_mask_region_area: 100,
                ..usual
            },
        };
        Self { preset, generator, ..Self::default() }
    }

    pub(crate) fn choice(&self) -> MaskChoice {
        MaskChoice {
            min_area: self.min_area,
            max_area: self.max_area,
            max_masks: self.max_masks.map(|most| most as usize),
            drop_border: self.drop_border,
            inside: self.inside.map(|[x0, y0, x1, y1]| BBox::new(x0, y0, x1, y1)),
            overlap: match self.overlap {
                OverlapForm::Allowed => Overlap::Allowed,
                OverlapForm::Nested => Overlap::Nested,
                OverlapForm::None => Overlap::None,
            },
        }
    }

    pub(crate) fn validate(&self) -> Result<(), ParamError> {
        self.generator.params().validate()?;
        self.choice().validate()
    }
}

/// Every preset's values by its name.
fn presets() -> Map<String, Value> {
    let entry = |preset| {
        let mut values = json!(EverythingForm::of(preset).generator);
        // Whoever names points means those, whatever the preset.
        values.as_object_mut().map(|values| values.remove("point_grids"));
        Some((json!(preset).as_str()?.to_owned(), values))
    };
    [Preset::Fast, Preset::Default, Preset::Fine].into_iter().filter_map(entry).collect()
}

#[cfg(test)]
mod tests {
    use samkit_plugin::params_schema;

    use super::*;

    #[test]
    fn parameters_are_read_as_they_are_written() {
        let form = EverythingForm {
            generator: GeneratorForm { points_per_side: 8, ..GeneratorForm::default() },
            inside: Some([1.0, 2.0, 3.0, 4.0]),
            overlap: OverlapForm::Nested,
            max_masks: Some(3),
            ..EverythingForm::of(Preset::Fine)
        };
        let text = serde_json::to_string(&form).expect("plain data");
        assert_eq!(serde_json::from_str::<EverythingForm>(&text).expect("its own form"), form);
        assert_eq!(form.choice().overlap, Overlap::Nested);
    }

    #[test]
    fn the_schema_has_every_parameter_and_the_presets() {
        let schema = params_schema::<EverythingForm>();
        for name in ["preset", "points_per_side", "crop_n_layers", "overlap", "max_masks"] {
            assert!(schema["properties"][name].is_object(), "{name}: {schema}");
        }
        assert_eq!(schema["x-presets"]["fine"]["crop_n_layers"], 1);
        assert_eq!(schema["x-presets"]["fast"]["points_per_side"], 16);
    }

    #[test]
    fn presets_are_in_range() {
        for preset in [Preset::Fast, Preset::Default, Preset::Fine] {
            EverythingForm::of(preset).validate().expect("in range");
        }
        let wrong = EverythingForm { max_masks: Some(0), ..EverythingForm::default() };
        assert_eq!(wrong.validate().expect_err("no masks").name, "max_masks");
    }
}
