//! COCO's `segmentation`: polygons, or a run-length code as a text or as numbers.

use std::fmt;

use samkit_core::{Rle, Size};
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::shape::{Part, Shape};
use crate::boxes::{
    json::{Fields, Object},
    scalar::{self, NOT_A_NUMBER, Numbers},
};

/// Reads a segmentation; none where it is `null` or an empty list.
pub(crate) struct Segmentation<'a>(pub(crate) &'a mut Option<Shape>);

impl<'de> DeserializeSeed<'de> for Segmentation<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Segmentation<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`segmentation` as a list of polygons or an object with `size` and `counts`")
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        *self.0 = None;
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        let mut code = Code::default();
        Fields(&mut code).visit_map(map)?;
        let part = code.mask().map_or_else(Part::Bad, Part::Mask);
        *self.0 = Some(Shape(vec![part]));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let mut parts = Vec::new();
        // Some programs write a single polygon without the list around it.
        let mut alone = Vec::new();
        while items.next_element_seed(Polygon { parts: &mut parts, alone: &mut alone })?.is_some() {
        }
        if !alone.is_empty() {
            parts.push(Part::Outline(alone));
        }
        *self.0 = (!parts.is_empty()).then_some(Shape(parts));
        Ok(())
    }
}

/// An item of the list: a polygon, or a number of the only one.
struct Polygon<'a> {
    parts: &'a mut Vec<Part>,
    alone: &'a mut Vec<f64>,
}

impl<'de> DeserializeSeed<'de> for Polygon<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Polygon<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a polygon as a list of numbers")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<(), A::Error> {
        let mut numbers = Vec::new();
        let what = "a polygon as a list of numbers";
        Numbers { into: &mut numbers, counts: &[], what }.visit_seq(items)?;
        numbers.shrink_to_fit();
        self.parts.push(Part::Outline(numbers));
        Ok(())
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<(), E> {
        self.alone.push(number);
        Ok(())
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<(), E> {
        self.visit_f64(number as f64)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<(), E> {
        self.visit_f64(number as f64)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<(), E> {
        match text {
            NOT_A_NUMBER => self.visit_f64(f64::NAN),
            _ => Err(E::invalid_type(de::Unexpected::Str(text), &self)),
        }
    }
}

/// A run-length code.
#[derive(Default)]
struct Code {
    size: Vec<f64>,
    counts: Option<Counts>,
}

enum Counts {
    Text(String),
    Numbers(Vec<f64>),
}

impl Object for Code {
    const WHAT: &'static str = "a run-length code as an object with `size` and `counts`";

    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "size" => {
                self.size.clear();
                let what = "the height and width as `size`";
                map.next_value_seed(Numbers { into: &mut self.size, counts: &[2], what })
            }
            "counts" => map.next_value_seed(CountsSeed(&mut self.counts)),
            _ => scalar::skip(map),
        }
    }
}

impl Code {
    fn mask(self) -> Result<Rle, String> {
        let whole = |number: f64| {
            let is_whole = number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number);
            is_whole.then_some(number as u32)
        };
        let [height, width] = self.size[..] else {
            return Err("a run-length code without `size`".to_owned());
        };
        let (Some(height), Some(width)) = (whole(height), whole(width)) else {
            return Err(format!("the size {height}×{width} (height and width) of a mask"));
        };
        let size = Size::new(width, height);
        let mask = match self.counts.ok_or("a run-length code without `counts`")? {
            Counts::Text(text) => Rle::from_counts_string(size, &text),
            Counts::Numbers(numbers) => {
                let runs: Option<Vec<u32>> = numbers.into_iter().map(whole).collect();
                Rle::from_counts(size, runs.ok_or("a run that is no whole number from 0 up")?)
            }
        };
        mask.map_err(|error| error.to_string())
    }
}

struct CountsSeed<'a>(&'a mut Option<Counts>);

impl<'de> DeserializeSeed<'de> for CountsSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for CountsSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`counts` as a text or a list of numbers")
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<(), E> {
        *self.0 = Some(Counts::Text(text.to_owned()));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<(), A::Error> {
        let mut numbers = Vec::new();
        let what = "`counts` as a list of numbers";
        Numbers { into: &mut numbers, counts: &[], what }.visit_seq(items)?;
        *self.0 = Some(Counts::Numbers(numbers));
        Ok(())
    }
}
