//! What the record of the image in production says, as the stages take it.

use crate::config::{Against, BaselineSource, Config, DataRule};
use crate::model::{Baseline, Fault, Measurement, Profile};
use crate::quality::kept::Pulled;

/// Looked up by whoever knows the registry.
#[derive(Clone, Debug)]
pub struct Production {
    /// In words: `record of ghcr.io/acme/churn@sha256:…`.
    pub source: String,
    /// None: nothing is in production yet. A fault is never taken for that.
    pub found: Result<Option<Released>, Fault>,
}

/// What was measured of the image in production, and what its data looked like.
#[derive(Clone, Debug, Default)]
pub struct Released {
    pub measurements: Vec<Measurement>,
    pub profiles: Vec<Profile>,
    /// Where they rode with its record and were asked for.
    pub predictions: Option<Pulled>,
}

impl Production {
    /// As something to compare measurements with.
    ///
    /// # Errors
    /// When it could not be read.
    pub fn baseline(&self, first_run_accepted: bool) -> Result<Baseline, Fault> {
        let source = self.source.clone();
        match &self.found {
            Ok(Some(released)) => Ok(Baseline::Known { source, measurements: released.measurements.clone() }),
            Ok(None) => {
                let reason = "nothing is in production yet".to_string();
                Ok(Baseline::Missing { source, reason, first_run_accepted })
            }
            Err(fault) => Err(fault.clone()),
        }
    }
}

/// Whether the quality stage compares with production.
pub fn of_quality(config: &Config) -> bool {
    config.quality.as_ref().is_some_and(|quality| quality.baseline == Some(BaselineSource::Production))
}

/// Whether a gate of the image does.
pub fn of_image(config: &Config) -> bool {
    config.image.as_ref().is_some_and(|image| image.gates.iter().any(|gate| gate.rule.needs_baseline()))
}

/// Whether a data set does, by its drift or by a check against the baseline.
pub fn of_data(config: &Config) -> bool {
    config.data.iter().any(|set| {
        let drifts = set.drift.as_ref().is_some_and(|drift| matches!(drift.against, Against::Production { .. }));
        drifts || set.checks.iter().any(|check| matches!(check.rule, DataRule::Baseline { .. }))
    })
}
