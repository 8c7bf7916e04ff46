//! What DVC says of data sets: a check of the data set itself, and a condition of all that is compared with it.

use crate::config::{Dataset, Tracker};
use crate::data::{Table, Verified};
use crate::model::{Check, Fault, Outcome};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

const TRACKED: &str = "tracked by dvc";
const HINT: &str = "run `dvc status`, then `dvc pull` or `dvc add`";

/// What was found of the data sets of a run, by name, so that one to which many refer is hashed once for all of them.
#[derive(Clone, Default)]
pub struct Trackers(Arc<Mutex<HashMap<String, Verified>>>);

impl Trackers {
    /// The finding of `tracked_by: dvc`. Data that are not what was tracked block, whatever the checks say of them.
    pub fn judge(&self, set: &Dataset, verified: Verified) -> Check {
        const SHOWN: usize = 5;
        self.remember(&set.name, &verified);
        let wrong = verified.wrong.len();
        let message = match wrong {
            0 => String::new(),
            _ => format!("{wrong} differences from {}: {HINT}", verified.by.join(", ")),
        };
        Check {
            outcome: if wrong == 0 { Outcome::Passed } else { Outcome::Failed },
            message,
            value: Some(wrong as f64),
            n: Some(verified.files),
            examples: verified.wrong.into_iter().take(SHOWN).collect(),
            ..Check::new(format!("data.{}.{TRACKED}", set.name), TRACKED, &set.source)
        }
    }

    /// That a data set which another one is compared with is what DVC tracks.
    ///
    /// # Errors
    /// It is not, or cannot be read: what would be found against it says nothing.
    pub fn require(&self, set: &Dataset, table: &Table) -> Result<(), Fault> {
        if set.tracked_by != Some(Tracker::Dvc) {
            return Ok(());
        }
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&set.name).cloned();
        let what = || format!("read {}", set.source);
        let verified = match known {
            Some(verified) => verified,
            None => {
                let (_, verified) = table.verify(&format!("data.{}", set.name))?;
                let verified = verified.ok_or_else(|| Fault::new(what(), "DVC says nothing of it", HINT))?;
                self.remember(&set.name, &verified);
                verified
            }
        };
        match verified.wrong.first() {
            None => Ok(()),
            Some(wrong) => {
                let why =
                    format!("it is not what {} says, so nothing is compared with it: {wrong}", verified.by.join(", "));
                Err(Fault::new(what(), why, HINT))
            }
        }
    }

    fn remember(&self, name: &str, verified: &Verified) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_string(), verified.clone());
    }
}
