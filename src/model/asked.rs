//! Which measurements are asked for.

use std::collections::BTreeSet;

/// Measurements by id, and by the column whose slices they are of.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Asked {
    #[default]
    All,
    /// (id, column), the column none where it is of all rows.
    Only(BTreeSet<(String, Option<String>)>),
}

impl Asked {
    /// Whether the measurement is asked for: of all rows, or of the slices of a column.
    pub fn wants(&self, id: &str, column: Option<&str>) -> bool {
        match self {
            Asked::All => true,
            Asked::Only(of) => of.iter().any(|(known, of)| known == id && of.as_deref() == column),
        }
    }

    /// What either asks for.
    pub fn and(self, other: Asked) -> Asked {
        match (self, other) {
            (Asked::Only(mut a), Asked::Only(b)) => {
                a.extend(b);
                Asked::Only(a)
            }
            _ => Asked::All,
        }
    }
}
