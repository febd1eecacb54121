//! Geometries and properties of GeoJSON's features.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::shape::Part;
use crate::boxes::{
    json::Object,
    scalar::{self, NOT_A_NUMBER},
};

/// What a feature is called, as far as it matters here.
#[derive(Default)]
pub(super) struct Properties {
    pub(super) label: Option<String>,
    pub(super) class: Option<String>,
    pub(super) name: Option<String>,
    pub(super) score: Option<f64>,
    pub(super) category: Option<u32>,
}

impl Object for Properties {
    const WHAT: &'static str = "`properties` as an object";

    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        // Anybody's properties may be here: those of another kind mean something else.
        let text = |value: Value| if let Value::String(text) = value { Some(text) } else { None };
        let text = |value| text(value).filter(|text| text != NOT_A_NUMBER);
        match key {
            "label" => self.label = text(map.next_value()?),
            "name" => self.name = text(map.next_value()?),
            "class" | "category" => self.class = text(map.next_value()?),
            // QuPath's.
            "classification" => {
                let mut value: Value = map.next_value()?;
                let name = value.get_mut("name").map(Value::take).unwrap_or(value);
                self.class = text(name);
            }
            "score" | "confidence" => self.score = map.next_value::<Value>()?.as_f64(),
            "category_id" => {
                let id = map.next_value::<Value>()?.as_u64();
                self.category = id.and_then(|id| u32::try_from(id).ok());
            }
            _ => scalar::skip(map)?,
        }
        Ok(())
    }
}

/// A geometry: polygons with their rings, or something else.
#[derive(Default)]
pub(super) struct Geometry {
    kind: Option<String>,
    coordinates: Coordinates,
}

impl Geometry {
    pub(super) fn is_there(&self) -> bool {
        self.kind.is_some()
    }

    /// The polygons; none for a geometry that has no area by its kind.
    pub(super) fn into_parts(self) -> Option<Vec<Part>> {
        let depth = match self.kind.as_deref()? {
            "Polygon" => 3,
            "MultiPolygon" => 4,
            _ => return None,
        };
        let Coordinates { polygons, depth: found, is_even, .. } = self.coordinates;
        if !is_even || (found != Some(depth) && found.is_some()) {
            let reason = "`coordinates` that are not lists of rings of positions [x, y]";
            return Some(vec![Part::Bad(reason.to_owned())]);
        }
        Some(polygons.into_iter().map(Part::Rings).collect())
    }
}

impl Object for Geometry {
    const WHAT: &'static str = "a geometry as an object with `type` and `coordinates`";

    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "type" => self.kind = scalar::text(map, "a text as a geometry's `type`")?,
            "coordinates" => {
                self.coordinates = Coordinates::default();
                let depth = map.next_value_seed(Nested(&mut self.coordinates))?;
                self.coordinates.depth = depth;
            }
            _ => scalar::skip(map)?,
        }
        Ok(())
    }
}

/// Coordinates as they are read, whatever the depth of their lists.
struct Coordinates {
    position: Vec<f64>,
    ring: Vec<f64>,
    polygon: Vec<Vec<f64>>,
    polygons: Vec<Vec<Vec<f64>>>,
    /// Lists in lists, down to the numbers; none for an empty list.
    depth: Option<usize>,
    /// Whether all numbers are as deep.
    is_even: bool,
}

impl Default for Coordinates {
    fn default() -> Self {
        Self {
            position: Vec::new(),
            ring: Vec::new(),
            polygon: Vec::new(),
            polygons: Vec::new(),
            depth: None,
            is_even: true,
        }
    }
}

impl Coordinates {
    /// Called behind a list of this depth.
    fn close(&mut self, depth: usize) {
        match depth {
            1 => {
                // A third number is a height.
                let position = std::mem::take(&mut self.position);
                self.is_even &= position.len() >= 2;
                self.ring.extend(position.iter().take(2));
            }
            2 => self.polygon.push(std::mem::take(&mut self.ring)),
            3 => self.polygons.push(std::mem::take(&mut self.polygon)),
            _ => {}
        }
    }
}

/// Reads nested lists, and returns how deep they are.
struct Nested<'a>(&'a mut Coordinates);

impl<'de> DeserializeSeed<'de> for Nested<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Option<usize>, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Nested<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`coordinates` as lists of numbers")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Option<usize>, E> {
        Ok(None)
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Option<usize>, E> {
        self.0.position.push(number);
        Ok(Some(0))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Option<usize>, E> {
        self.visit_f64(number as f64)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Option<usize>, E> {
        self.visit_f64(number as f64)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Option<usize>, E> {
        match text {
            NOT_A_NUMBER => self.visit_f64(f64::NAN),
            _ => Err(E::invalid_type(de::Unexpected::Str(text), &self)),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Option<usize>, A::Error> {
        let mut depth = None;
        while let Some(inner) = items.next_element_seed(Nested(self.0))? {
            self.0.is_even &= depth.is_none() || inner.is_none() || depth == inner;
            depth = depth.or(inner);
        }
        let depth = depth.map(|depth| depth + 1);
        if let Some(depth) = depth {
            self.0.close(depth);
        }
        Ok(depth)
    }
}
