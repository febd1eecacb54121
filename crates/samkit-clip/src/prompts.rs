//! From names of things to embeddings of sentences about them.

use image::RgbImage;

use crate::ClipError;
use crate::vectors::normalise;

/// Short sentences about a picture of something; `{}` is its name. Several views of a thing, averaged,
/// tell it better from others than one (Radford et al. 2021, §3.1.4).
pub const TEMPLATES: &[&str] = &[
    "a photo of a {}.",
    "a close-up photo of a {}.",
    "a photo of the {}.",
    "a picture of one {}.",
    "a cropped photo of a {}.",
    "a {} in a scene.",
    "a photo of many {}.",
];

/// A model that embeds images and texts in one space.
pub trait TextImageModel: Send + Sync {
    /// Values of an embedding.
    fn dim(&self) -> usize;

    /// Pixels a side of what the network sees.
    fn image_side(&self) -> usize;

    /// What cosines are multiplied by before a softmax over texts, about 100.
    fn logit_scale(&self) -> f32;

    /// Normalised embeddings of images of any size.
    ///
    /// # Errors
    /// When an image has no pixels, or memory is short.
    fn embed_images(&self, images: &[RgbImage]) -> Result<Vec<Vec<f32>>, ClipError>;

    /// Normalised embeddings of texts. What is too long for the network is cut off.
    ///
    /// # Errors
    /// When a text cannot be tokenized, or memory is short.
    fn embed_texts(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, ClipError>;

    /// Normalised embeddings of things: each is the mean of the embeddings of its name in all
    /// `templates`.
    ///
    /// # Errors
    /// When there is no template or one has no `{}`, and as for [`TextImageModel::embed_texts`].
    fn embed_prompts(
        &self,
        names: &[String],
        templates: &[&str],
    ) -> Result<Vec<Vec<f32>>, ClipError> {
        if templates.is_empty() {
            return Err(ClipError::Template { reason: "there is no template".to_owned() });
        }
        if let Some(template) = templates.iter().find(|template| !template.contains("{}")) {
            let reason = format!("the template `{template}` has no `{{}}` for the name");
            return Err(ClipError::Template { reason });
        }
        let sentences = |name: &String| {
            templates.iter().map(|template| template.replace("{}", name)).collect::<Vec<_>>()
        };
        let texts: Vec<String> = names.iter().flat_map(sentences).collect();
        let embeddings = self.embed_texts(&texts)?;
        Ok(embeddings.chunks_exact(templates.len()).map(mean).collect())
    }
}

/// The direction of the mean.
fn mean(embeddings: &[Vec<f32>]) -> Vec<f32> {
    let mut sum = embeddings[0].clone();
    for embedding in &embeddings[1..] {
        sum.iter_mut().zip(embedding).for_each(|(sum, value)| *sum += value);
    }
    normalise(&mut sum);
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts letters.
    struct Letters;

    impl TextImageModel for Letters {
        fn dim(&self) -> usize {
            2
        }

        fn image_side(&self) -> usize {
            1
        }

        fn logit_scale(&self) -> f32 {
            1.0
        }

        fn embed_images(&self, _: &[RgbImage]) -> Result<Vec<Vec<f32>>, ClipError> {
            Ok(Vec::new())
        }

        fn embed_texts(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, ClipError> {
            let count = |text: &str, letter| text.matches(letter).count() as f32;
            Ok(texts.iter().map(|text| vec![count(text, 'x'), count(text, 'y')]).collect())
        }
    }

    #[test]
    fn a_name_is_put_into_every_template_and_averaged() {
        let names = ["x".to_owned(), "yy".to_owned()];
        let got = Letters.embed_prompts(&names, &["{}", "{} {}y"]).expect("embeddings");
        let expected = [[3.0 / 10f32.sqrt(), 1.0 / 10f32.sqrt()], [0.0, 1.0]];
        for (got, expected) in got.iter().flatten().zip(expected.as_flattened()) {
            assert!((got - expected).abs() < 1e-6);
        }
    }

    #[test]
    fn templates_need_a_place_for_the_name() {
        let names = ["x".to_owned()];
        let error = Letters.embed_prompts(&names, &["a photo"]).expect_err("no place");
        assert_eq!(error.to_string(), "the template `a photo` has no `{}` for the name");
        assert!(Letters.embed_prompts(&names, &[]).is_err());
        assert!(TEMPLATES.iter().all(|template| template.contains("{}")));
    }
}
