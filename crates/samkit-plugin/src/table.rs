//! Tables.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Rows and columns: cells are text, numbers, true, false or nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Rows of as many cells as there are columns.
    pub rows: Vec<Vec<Value>>,
}

impl Table {
    /// A table without rows.
    pub fn new<S: Into<String>>(columns: impl IntoIterator<Item = S>) -> Self {
        Self { columns: columns.into_iter().map(Into::into).collect(), rows: Vec::new() }
    }

    /// Reads the JSON form.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn from_json(text: &str) -> Result<Self, String> {
        let table: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        table.check().map(|()| table)
    }

    fn check(&self) -> Result<(), String> {
        let columns = self.columns.len();
        for (index, row) in self.rows.iter().enumerate() {
            if row.len() != columns {
                return Err(format!("row {index} has {} cells, expected {columns}", row.len()));
            }
            if row.iter().any(|cell| cell.is_array() || cell.is_object()) {
                return Err(format!("row {index} has a cell that is a list or an object"));
            }
        }
        Ok(())
    }
}
