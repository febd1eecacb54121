//! Numbers in text.

use std::fmt;

use serde::{Serialize, Serializer};

/// A number with three decimals at most: thousandths of a pixel. Written without a decimal point when
/// it is whole, as the corners of pixels are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Thousandths(pub(super) f32);

impl Thousandths {
    pub(super) fn value(self) -> f64 {
        (f64::from(self.0) * 1000.0).round() / 1000.0
    }
}

impl Serialize for Thousandths {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value = self.value();
        if value.fract() == 0.0 {
            serializer.serialize_i64(value as i64)
        } else {
            serializer.serialize_f64(value)
        }
    }
}

impl fmt::Display for Thousandths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Zero may have a sign, which nobody wants to read.
        write!(f, "{}", self.value() + 0.0)
    }
}
