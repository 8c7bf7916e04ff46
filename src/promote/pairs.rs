//! Candidate and production row by row, by the predictions that ride with their records.

use super::{Asked, records};
use crate::config::{Config, Promote};
use crate::data::Watch;
use crate::gate;
use crate::model::{Comparison, Fault, Measurement};
use crate::quality::compare::{Compared, align, compare as compare_rows};
use crate::quality::kept::{self, Read};
use crate::quality::measure::How;
use crate::record::wire;
use crate::stage::{self, Released};
use std::sync::Arc;

/// Whether a gate of the promotion could make use of rows.
pub fn asked(config: &Config, promote: &Promote) -> bool {
    let has_rows = config.quality.as_ref().is_some_and(|quality| quality.predictions.is_some());
    has_rows && promote.gates.iter().any(|gate| gate.rule.needs_baseline())
}

/// The comparisons that both records' predictions allow, and notes; none with a note where a record has no such.
///
/// # Errors
/// Predictions that a record tells of cannot be fetched, or are damaged.
pub async fn compare(
    asked: &Asked<'_>,
    candidate: &wire::Record,
    (source, released): (&str, &Released),
    measurements: &[Measurement],
) -> Result<(Vec<Comparison>, Vec<String>), Vec<Fault>> {
    let Some(quality) = &asked.config.quality else { return Ok(Default::default()) };
    let Some(config) = &quality.predictions else { return Ok(Default::default()) };
    let Some(theirs) = released.predictions.clone() else {
        return Ok((Vec::new(), vec![kept::without(source)]));
    };
    let (access, work) = (&asked.settings.access, asked.settings.work());
    let ours = records::predictions(candidate, asked.image, access, &work).await.map_err(|fault| vec![fault])?;
    let Some(ours) = ours else {
        return Ok((Vec::new(), vec![kept::without("the candidate")]));
    };
    let task = config.task;
    let policy = stage::policy(asked.config, asked.today);
    let how = How::of(quality, task, policy.confidence);
    let levels = gate::levels(asked.promote.gates.iter(), measurements, &policy);
    let (found, recorded) = (measurements.to_vec(), released.measurements.clone());
    let source = source.to_string();
    let compared = tokio::task::spawn_blocking(move || {
        let watch = Arc::new(Watch::default());
        let two_samples = |why| Ok((Vec::new(), vec![format!("compared with {source} as two samples: {why}")]));
        let ours = match kept::read(&ours, task, "the candidate", &watch)? {
            Read::Rows(rows) => rows,
            Read::Foreign(why) => return two_samples(why),
        };
        let theirs = match kept::read(&theirs, task, &source, &watch)? {
            Read::Rows(rows) => rows,
            Read::Foreign(why) => return two_samples(why),
        };
        let aligned = align(&ours, &theirs);
        let at = |how: &How| compare_rows(&ours, &aligned, (&found, &recorded), how);
        let Compared { mut comparisons, mut notes } = at(&how);
        comparisons.extend(levels.iter().flat_map(|(level, asked)| at(&how.at(*level, asked)).comparisons));
        let (comparisons, disagreeing) = kept::agreeing(comparisons, &found, &recorded);
        notes.extend(disagreeing);
        Ok((comparisons, notes))
    });
    compared.await.unwrap_or_else(|error| Err(vec![Fault::defect("compare with production", error)]))
}
