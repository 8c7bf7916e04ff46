//! Documents ranked for queries, a document a row.

use super::faults::Rows;
use super::{ReadShape, Role, column};
use crate::config::Predictions;
use crate::model::Fault;
use crate::quality::outcomes::{Outcomes, Ranked};
use crate::stats::retrieval::Query;
use arrow::array::RecordBatch;

pub fn roles(config: &Predictions) -> Vec<Role<'_>> {
    let score = config.score.iter().map(|column| Role::typed("score", column));
    [Role::typed("label", &config.label)].into_iter().chain(score).collect()
}

pub struct Reader<'a> {
    config: &'a Predictions,
    relevances: Vec<f64>,
    scores: Vec<f64>,
}

impl<'a> Reader<'a> {
    pub fn new(config: &'a Predictions) -> Reader<'a> {
        Reader { config, relevances: Vec::new(), scores: Vec::new() }
    }
}

impl ReadShape for Reader<'_> {
    fn take(&mut self, batch: &RecordBatch, rows: &mut Rows<'_>) -> Result<(), Fault> {
        let label = &self.config.label;
        let relevances = rows.numbers(label, &column(batch, label, rows)?)?;
        for (row, relevance) in relevances.iter().enumerate().filter(|(_, relevance)| **relevance < 0.0) {
            rows.spoil(label, "is below 0, which no relevance is", row, Some(&relevance.to_string()));
        }
        self.relevances.extend(relevances);
        if let Some(score) = &self.config.score {
            self.scores.extend(rows.numbers(score, &column(batch, score, rows)?)?);
        }
        Ok(())
    }

    fn finish(self: Box<Self>, rows: &Rows<'_>) -> Result<Outcomes, Fault> {
        let mut documents = vec![Vec::new(); rows.units.ids.len()];
        for ((unit, score), relevance) in rows.units.of_rows.iter().zip(&self.scores).zip(&self.relevances) {
            if let Some(of_query) = documents.get_mut(*unit as usize) {
                of_query.push((*score, *relevance));
            }
        }
        let detail = &self.config.detail;
        let queries = documents.into_iter().map(|documents| Query::new(documents, detail.relevant)).collect();
        Ok(Outcomes::Ranked(Ranked { queries, ks: detail.k.clone() }))
    }
}
