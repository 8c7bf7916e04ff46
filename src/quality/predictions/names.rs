//! Distinct texts, numbered as they come.

use std::collections::HashMap;

/// More distinct values than this are no classes and no slices.
pub const MOST_VALUES: usize = 10_000;

#[derive(Default)]
pub struct Names {
    codes: HashMap<String, u32>,
    pub names: Vec<String>,
}

impl Names {
    /// The number of a name; None when there are too many.
    pub fn code(&mut self, name: &str) -> Option<u32> {
        if let Some(&code) = self.codes.get(name) {
            return Some(code);
        }
        if self.names.len() >= MOST_VALUES {
            return None;
        }
        let code = self.names.len() as u32;
        self.codes.insert(name.to_string(), code);
        self.names.push(name.to_string());
        Some(code)
    }

    /// The number of a name that is known.
    pub fn find(&self, name: &str) -> Option<u32> {
        self.codes.get(name).copied()
    }
}
