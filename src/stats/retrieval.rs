//! Metrics of one query's ranked documents. A query with no relevant document counts 0 in all of them.

/// The documents of one query: how relevant each is (0 and up) and its score. Equal scores leave their order open.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    /// (score, relevance), highest score first.
    documents: Vec<(f64, f64)>,
    /// Relevances, highest first.
    ideal: Vec<f64>,
    /// The least relevance that counts as relevant.
    relevant_from: f64,
}

/// A metric of a query; with `Some(k)` of its first `k` documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetrievalMetric {
    /// Σ relevance / log₂(1 + rank), against the ideal order (Järvelin & Kekäläinen 2002); ties averaged
    /// (McSherry & Najork 2008); scikit-learn's `ndcg_score`.
    Ndcg(Option<usize>),
    /// Mean over relevant documents of the precision at their score; scikit-learn's `average_precision_score`.
    AveragePrecision,
    /// 1 / rank of the first relevant document, averaged over the orders that ties leave open.
    ReciprocalRank,
    /// Relevant documents among the first k / k, averaged over the orders that ties leave open.
    Precision(usize),
    /// Relevant documents among the first k / relevant documents, averaged likewise.
    Recall(usize),
    /// The probability that one of the first k is relevant, over the orders that ties leave open.
    Hit(usize),
}

/// Documents of one score.
struct Tie {
    documents: usize,
    relevant: usize,
    gain: f64,
}

impl Query {
    /// `relevance` from `relevant_from` on counts as relevant, where it matters whether or not.
    pub fn new(mut documents: Vec<(f64, f64)>, relevant_from: f64) -> Query {
        documents.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut ideal: Vec<f64> = documents.iter().map(|(_, relevance)| *relevance).collect();
        ideal.sort_by(|a, b| b.total_cmp(a));
        Query { documents, ideal, relevant_from }
    }

    pub fn relevant(&self) -> usize {
        self.ideal.iter().filter(|relevance| **relevance >= self.relevant_from).count()
    }

    fn ties(&self) -> Vec<Tie> {
        let groups = self.documents.chunk_by(|a, b| a.0 == b.0);
        let tie = |group: &[(f64, f64)]| Tie {
            documents: group.len(),
            relevant: group.iter().filter(|(_, relevance)| *relevance >= self.relevant_from).count(),
            gain: group.iter().map(|(_, relevance)| relevance).sum(),
        };
        groups.map(tie).collect()
    }
}

impl RetrievalMetric {
    /// Between 0 and 1.
    pub fn of(self, query: &Query) -> f64 {
        let relevant = query.relevant() as f64;
        let ties = query.ties();
        match self {
            RetrievalMetric::Ndcg(k) => {
                let k = k.unwrap_or(usize::MAX);
                let ideal: f64 = query.ideal.iter().take(k).zip(1..).map(|(gain, rank)| gain * discount(rank)).sum();
                let mut rank = 0;
                let mut found = 0.0;
                for tie in &ties {
                    let discounts: f64 = (rank + 1..=rank + tie.documents).filter(|r| *r <= k).map(discount).sum();
                    found += tie.gain / tie.documents as f64 * discounts;
                    rank += tie.documents;
                }
                if ideal > 0.0 { found / ideal } else { 0.0 }
            }
            _ if relevant == 0.0 => 0.0,
            RetrievalMetric::AveragePrecision => {
                let (mut rank, mut hits, mut sum) = (0, 0, 0.0);
                for tie in &ties {
                    rank += tie.documents;
                    hits += tie.relevant;
                    sum += tie.relevant as f64 * hits as f64 / rank as f64;
                }
                sum / relevant
            }
            RetrievalMetric::ReciprocalRank => {
                let (mut rank, mut sum) = (0, 0.0);
                for tie in &ties {
                    if tie.relevant > 0 {
                        // The first relevant one of the tie comes at place j with the probability that the places
                        // before it are taken by others: a product of hypergeometric draws.
                        let mut none_before = 1.0;
                        for place in 0..tie.documents {
                            let left = (tie.documents - place) as f64;
                            let here = none_before * tie.relevant as f64 / left;
                            sum += here / (rank + place + 1) as f64;
                            none_before -= here;
                        }
                        break;
                    }
                    rank += tie.documents;
                }
                sum
            }
            RetrievalMetric::Precision(k) => expected_hits(&ties, k) / k.max(1) as f64,
            RetrievalMetric::Recall(k) => expected_hits(&ties, k) / relevant,
            RetrievalMetric::Hit(k) => {
                let mut rank = 0;
                for tie in &ties {
                    let places = k.saturating_sub(rank).min(tie.documents);
                    if tie.relevant > 0 {
                        return 1.0 - none_drawn(tie.documents, tie.relevant, places);
                    }
                    rank += tie.documents;
                }
                0.0
            }
        }
    }
}

/// 1 / log₂(1 + rank), ranks from 1.
fn discount(rank: usize) -> f64 {
    1.0 / (rank as f64 + 1.0).log2()
}

/// Relevant documents among the first `k`, in the mean over all orders of ties.
fn expected_hits(ties: &[Tie], k: usize) -> f64 {
    let (mut rank, mut hits) = (0, 0.0);
    for tie in ties {
        let places = k.saturating_sub(rank).min(tie.documents);
        hits += tie.relevant as f64 * places as f64 / tie.documents as f64;
        rank += tie.documents;
    }
    hits
}

/// The probability that `draws` of `all` hold none of the `wanted`: C(all − wanted, draws) / C(all, draws).
pub(super) fn none_drawn(all: usize, wanted: usize, draws: usize) -> f64 {
    if draws > all - wanted.min(all) {
        return 0.0;
    }
    (0..draws).map(|i| (all - wanted - i) as f64 / (all - i) as f64).product()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_are_averaged_over_their_orders() {
        // One relevant of three with one score: at rank 1, 2 or 3.
        let query = Query::new(vec![(0.5, 1.0), (0.5, 0.0), (0.5, 0.0)], 1.0);
        let of = |metric: RetrievalMetric| metric.of(&query);
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
        near(of(RetrievalMetric::ReciprocalRank), (1.0 + 0.5 + 1.0 / 3.0) / 3.0);
        near(of(RetrievalMetric::Hit(2)), 2.0 / 3.0);
        near(of(RetrievalMetric::Precision(2)), 1.0 / 3.0);
        near(of(RetrievalMetric::Recall(2)), 2.0 / 3.0);
        near(of(RetrievalMetric::Ndcg(None)), (1.0 + 1.0 / 3.0_f64.log2() + 0.5) / 3.0);
        near(of(RetrievalMetric::Ndcg(Some(1))), 1.0 / 3.0);
    }

    #[test]
    fn a_query_without_a_relevant_document_counts_nothing() {
        for documents in [vec![], vec![(0.5, 0.0), (0.1, 0.0)]] {
            let query = Query::new(documents, 1.0);
            for metric in [
                RetrievalMetric::Ndcg(None),
                RetrievalMetric::AveragePrecision,
                RetrievalMetric::ReciprocalRank,
                RetrievalMetric::Precision(0),
                RetrievalMetric::Recall(5),
                RetrievalMetric::Hit(5),
            ] {
                assert_eq!(metric.of(&query), 0.0, "{metric:?}");
            }
        }
        let few = Query::new(vec![(0.9, 1.0)], 1.0);
        assert_eq!(RetrievalMetric::Precision(4).of(&few), 0.25);
        assert_eq!(RetrievalMetric::Recall(4).of(&few), 1.0);
    }
}
