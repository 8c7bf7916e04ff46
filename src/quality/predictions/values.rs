//! Numbers predicted for numbers.

use super::faults::Rows;
use super::{ReadShape, Role, column};
use crate::config::Predictions;
use crate::model::Fault;
use crate::quality::outcomes::{Outcomes, Values};
use arrow::array::RecordBatch;

pub fn roles(config: &Predictions) -> Vec<Role<'_>> {
    let prediction = config.prediction.iter().map(|column| Role::typed("prediction", column));
    [Role::typed("label", &config.label)].into_iter().chain(prediction).collect()
}

pub struct Reader<'a> {
    config: &'a Predictions,
    values: Values,
}

impl<'a> Reader<'a> {
    pub fn new(config: &'a Predictions) -> Reader<'a> {
        Reader { config, values: Values { truth: Vec::new(), predicted: Vec::new() } }
    }
}

impl ReadShape for Reader<'_> {
    fn take(&mut self, batch: &RecordBatch, rows: &mut Rows<'_>) -> Result<(), Fault> {
        let label = &self.config.label;
        self.values.truth.extend(rows.numbers(label, &column(batch, label, rows)?)?);
        if let Some(name) = &self.config.prediction {
            self.values.predicted.extend(rows.numbers(name, &column(batch, name, rows)?)?);
        }
        Ok(())
    }

    fn finish(self: Box<Self>, _: &Rows<'_>) -> Result<Outcomes, Fault> {
        Ok(Outcomes::Values(self.values))
    }
}
