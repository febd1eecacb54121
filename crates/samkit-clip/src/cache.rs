//! Embeddings of texts, kept for the next time the same text is asked for.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::ClipError;

/// Texts that are kept; when there are more, all are dropped.
const MOST: usize = 4096;

#[derive(Debug, Default)]
pub(crate) struct TextCache(Mutex<HashMap<String, Vec<f32>>>);

impl TextCache {
    /// The embeddings of `texts`; `embed` is asked once, for those that are not known yet, each of
    /// them once.
    pub(crate) fn get_or_embed(
        &self,
        texts: &[String],
        embed: impl FnOnce(&[&str]) -> Result<Vec<Vec<f32>>, ClipError>,
    ) -> Result<Vec<Vec<f32>>, ClipError> {
        let mut found: HashMap<&str, Vec<f32>> = HashMap::new();
        let mut missing: Vec<&str> = Vec::new();
        {
            let known = self.lock();
            for text in texts {
                match known.get(text) {
                    Some(embedding) => _ = found.insert(text, embedding.clone()),
                    None => missing.push(text),
                }
            }
        }
        missing.sort_unstable();
        missing.dedup();
        if !missing.is_empty() {
            let fresh = embed(&missing)?;
            let mut known = self.lock();
            if known.len() + missing.len() > MOST {
                known.clear();
            }
            for (text, embedding) in missing.into_iter().zip(fresh) {
                known.insert(text.to_owned(), embedding.clone());
                found.insert(text, embedding);
            }
        }
        Ok(texts.iter().map(|text| found[text.as_str()].clone()).collect())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Vec<f32>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn every_text_is_embedded_once_and_the_order_stays() {
        let cache = TextCache::default();
        let asked = RefCell::new(Vec::new());
        let embed = |texts: &[&str]| {
            asked.borrow_mut().extend(texts.iter().map(|text| (*text).to_owned()));
            Ok(texts.iter().map(|text| vec![text.len() as f32]).collect())
        };
        let texts = ["ccc", "a", "ccc"].map(str::to_owned);
        let got = cache.get_or_embed(&texts, embed).expect("embeddings");
        assert_eq!(got, [[3.0], [1.0], [3.0]]);
        let texts = ["bb", "a"].map(str::to_owned);
        assert_eq!(cache.get_or_embed(&texts, embed).expect("embeddings"), [[2.0], [1.0]]);
        assert_eq!(*asked.borrow(), ["a", "ccc", "bb"]);
    }
}
