//! The engine as plugins see it.

use std::{error::Error, ops::ControlFlow};

use image::RgbImage;
use samkit_core::{MaskRecord, Prompt, Size};
use samkit_engine::{EngineError, Frame, generate_masks};
use samkit_plugin_host::{
    Extent, HostServices, LogLevel, MaskOutput, Measure, PredictedMask, SamService, ServiceError,
};

use crate::{GeneratorForm, Scene};

impl Scene {
    /// Known before anything is encoded.
    fn frame(&self) -> Frame {
        Frame::new(self.image().dimensions().into())
    }
}

/// For programs that only want a task's results: nobody hears its messages.
impl HostServices for Scene {
    fn log(&self, _level: LogLevel, _text: &str) {}

    fn progress(&self, _done: u64, _total: u64) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn sam(&self) -> Option<&dyn SamService> {
        Self::sam(self).is_ok().then_some(self as &dyn SamService)
    }
}

impl SamService for Scene {
    fn image_size(&self) -> Size {
        self.frame().image()
    }

    fn input_size(&self) -> Size {
        self.frame().input()
    }

    fn predict(
        &self,
        prompts: &[Prompt],
        output: MaskOutput,
        extent: Extent,
    ) -> Result<Vec<Vec<PredictedMask>>, ServiceError> {
        let output = match output {
            MaskOutput::Single => samkit_engine::MaskOutput::Single,
            MaskOutput::Multi => samkit_engine::MaskOutput::Multi,
        };
        let (sam, embedding) =
            (Self::sam(self).map_err(failed)?, self.embedding().map_err(failed)?);
        let answers = match extent {
            Extent::Square => sam.predict(embedding, prompts, output),
            Extent::Image => sam.predict_inside(embedding, prompts, output),
        };
        let answers = answers.map_err(failed)?;
        let mask = |mask: samkit_engine::MaskPrediction| PredictedMask {
            predicted_iou: mask.predicted_iou,
            logits: mask.logits,
        };
        Ok(answers.into_iter().map(|answer| answer.masks.into_iter().map(mask).collect()).collect())
    }

    fn upsample(&self, logits: &[f32], out: &mut [f32]) -> Result<(), ServiceError> {
        self.frame().upsample_into(logits, out);
        Ok(())
    }

    fn mask(&self, logits: &[f32], out: &mut [u8]) -> Result<(), ServiceError> {
        self.frame().mask_into(logits, out);
        Ok(())
    }

    fn measure(&self, logits: &[f32], stability_offset: f32) -> Result<Measure, ServiceError> {
        let found = self.frame().measure_values(logits, stability_offset);
        Ok(Measure { area: found.area, bbox: found.bbox, stability_score: found.stability_score() })
    }

    fn automatic_masks(
        &self,
        params: &str,
        progress: &(dyn Fn(u64, u64) -> ControlFlow<()> + Sync),
    ) -> Result<Vec<MaskRecord>, ServiceError> {
        let form: GeneratorForm = serde_json::from_str(params).map_err(other)?;
        let params = form.params();
        params.validate().map_err(other)?;
        let (sam, embedding) =
            (Self::sam(self).map_err(failed)?, self.embedding().map_err(failed)?);
        let progress = |done: usize, total: usize| progress(done as u64, total as u64);
        generate_masks(sam, self.image(), Some(embedding), &params, &progress).map_err(failed)
    }

    fn picture(&self, image: RgbImage) -> Result<Box<dyn SamService + Send>, ServiceError> {
        Ok(Box::new(Self::picture(self, image)))
    }
}

fn failed(error: EngineError) -> ServiceError {
    match error {
        EngineError::Cancelled => ServiceError::Cancelled,
        error => other(error),
    }
}

fn other(error: impl Error + Send + Sync + 'static) -> ServiceError {
    ServiceError::Failed(Box::new(error))
}
