//! Metrics of a whole corpus, which are functions of sums over rows, and their bootstrap: rows are drawn anew, their
//! sums added up (for BLEU: Koehn 2004).
//!
//! As with [tables of counts](crate::stats::bootstrap), two rows are imagined with the data: of the lengths of any
//! real row, each model wholly right or wholly wrong, so that a perfect corpus varies too. Many rows are first put
//! into groups by lot, and groups are drawn: the variance is that of drawing rows, the time no longer grows with them.

use super::TextRow;
use super::{bleu, chrf};
use crate::model::Interval;
use crate::stats::bootstrap::Resamples;
use crate::stats::random::Random;
use std::collections::HashMap;

const RESAMPLES: usize = 2000;
/// With 500 groups the standard error is known to 1/√1000 = 3 %.
const MOST_GROUPS: usize = 500;
const IMAGINED_ROWS: f64 = 2.0;
/// Any number would do; that it never changes makes the intervals repeatable.
const SEED: u64 = 0x6d6c_6761_7465;

const BLEU: usize = 2 * bleu::ORDER + 1;
const CHRF: usize = 3 * (chrf::CHARACTERS + chrf::WORDS);
const WIDTH: usize = BLEU + 2 * CHRF + 2;

/// A metric of all rows together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CorpusMetric {
    Bleu,
    Chrf,
    ChrfPlusPlus,
    WordErrorRate,
}

impl CorpusMetric {
    /// None where it is undefined: the word error rate without a reference word, or with several references.
    pub fn of(self, sums: &Sums) -> Option<f64> {
        let (bleu, rest) = sums.0.split_at(BLEU);
        let (chrf, rest) = rest.split_at(CHRF);
        let (chrf_plus_plus, errors) = rest.split_at(CHRF);
        match self {
            CorpusMetric::Bleu => Some(bleu::score(bleu)),
            CorpusMetric::Chrf => Some(chrf::score(chrf)),
            CorpusMetric::ChrfPlusPlus => Some(chrf::score(chrf_plus_plus)),
            CorpusMetric::WordErrorRate => (errors[1] > 0).then(|| errors[0] as f64 / errors[1] as f64),
        }
    }

    /// The least and the greatest value that it can have.
    pub fn range(self) -> (f64, f64) {
        match self {
            CorpusMetric::WordErrorRate => (0.0, f64::INFINITY),
            _ => (0.0, 100.0),
        }
    }

    /// What to name with the score, as sacreBLEU does, so that it can be told from others of its name.
    pub fn signature(self, rows: &[TextRow]) -> Option<String> {
        let first = rows.first().map_or(0, |row| row.references);
        let same = rows.iter().all(|row| row.references == first);
        let references = if same { first.to_string() } else { "var".to_string() };
        let rest = match self {
            CorpusMetric::Bleu => "case:mixed|eff:no|tok:13a|smooth:exp",
            CorpusMetric::Chrf => "case:mixed|eff:yes|nc:6|nw:0|space:no",
            CorpusMetric::ChrfPlusPlus => "case:mixed|eff:yes|nc:6|nw:2|space:no",
            CorpusMetric::WordErrorRate => return None,
        };
        Some(format!("nrefs:{references}|{rest}|version:{}", super::SACREBLEU))
    }
}

/// What rows add up to.
#[derive(Clone, Copy)]
pub struct Sums([u64; WIDTH]);

impl Sums {
    pub fn of(rows: &[TextRow]) -> Sums {
        let mut sums = Sums([0; WIDTH]);
        for row in rows {
            sums.add(&Sums::of_row(row));
        }
        // Against several references nobody has defined it.
        if rows.iter().any(|row| row.errors.is_none()) {
            sums.0[WIDTH - 1] = 0;
        }
        sums
    }

    fn of_row(row: &TextRow) -> Sums {
        let errors = row.errors.map_or([0, 0], |errors| [errors.edits.into(), errors.words.into()]);
        let [chrf, chrf_plus_plus] = row.chrf.map(chrf::Chrf::counts);
        let counts = row.bleu.counts().into_iter().chain(chrf.into_iter().chain(chrf_plus_plus).flatten());
        let mut sums = [0; WIDTH];
        for (sum, count) in sums.iter_mut().zip(counts.chain(errors)) {
            *sum = count;
        }
        Sums(sums)
    }

    fn add(&mut self, other: &Sums) {
        for (sum, other) in self.0.iter_mut().zip(&other.0) {
            *sum += other;
        }
    }
}

/// The metrics on each resample, for one model or for two on the same rows; rows of a number in `drawn` are drawn
/// together.
pub fn resample(metrics: &[CorpusMetric], a: &[TextRow], b: Option<&[TextRow]>, drawn: Option<&[u32]>) -> Resamples {
    let mut random = Random::seeded(SEED);
    let rows = b.map_or(a.len(), |b| a.len().min(b.len()));
    let groups = Groups::of(rows, drawn, &mut random);
    let of_a = groups.sums(a);
    let of_b = b.map(|b| groups.sums(b));
    let mut values = vec![Vec::with_capacity(RESAMPLES); metrics.len()];
    for _ in 0..RESAMPLES {
        let mut sums = [Sums([0; WIDTH]); 2];
        let imagined = random.binomial(rows as u64, IMAGINED_ROWS / (rows as f64 + IMAGINED_ROWS));
        for _ in 0..imagined {
            let place = random.below(rows as u64) as usize;
            for (sums, rows) in sums.iter_mut().zip([Some(a), b].into_iter().flatten()) {
                let right = random.below(2) == 0;
                sums.add(&rows.get(place).map_or(Sums([0; WIDTH]), |row| Sums::of_row(&row.imagined(right))));
            }
        }
        for _ in 0..groups.count.saturating_sub(imagined as usize / groups.rows_each()) {
            let place = random.below(groups.count as u64) as usize;
            sums[0].add(&of_a[place]);
            if let Some(of_b) = &of_b {
                sums[1].add(&of_b[place]);
            }
        }
        for (values, metric) in values.iter_mut().zip(metrics) {
            let of_a = metric.of(&sums[0]);
            values.push((of_a, if b.is_some() { metric.of(&sums[1]) } else { of_a }));
        }
    }
    Resamples::of(values)
}

/// The interval of one model's metric, the `place`-th of those resampled.
pub fn interval(metric: CorpusMetric, resamples: &Resamples, place: usize, value: f64, level: f64) -> Interval {
    let found = resamples.interval(place, value, level, |a, _| a);
    let (least, greatest) = metric.range();
    // Rows without a word show nothing.
    let found = if found.low < found.high { found } else { Interval { low: least, high: greatest, level } };
    // Rounding may leave the value itself a little above the greatest.
    Interval { low: found.low.max(least), high: found.high.min(greatest.max(value)), level }
}

impl TextRow {
    /// The same row, had the prediction been the reference, or had it shared nothing with it.
    fn imagined(self, right: bool) -> TextRow {
        TextRow {
            bleu: self.bleu.imagined(right),
            chrf: self.chrf.map(|chrf| chrf.imagined(right)),
            errors: self.errors.map(|errors| errors.imagined(right)),
            ..self
        }
    }
}

/// Which group each row is in.
struct Groups {
    of_rows: Vec<u32>,
    count: usize,
}

impl Groups {
    /// Each row by lot, or all rows of a number together.
    fn of(rows: usize, drawn: Option<&[u32]>, random: &mut Random) -> Groups {
        let Some(drawn) = drawn else { return Groups::new(rows, random) };
        let mut places = HashMap::new();
        let together: Vec<usize> = drawn
            .iter()
            .take(rows)
            .map(|number| {
                let next = places.len();
                *places.entry(*number).or_insert(next)
            })
            .collect();
        let lots = Groups::new(places.len(), random);
        Groups { of_rows: together.into_iter().map(|place| lots.of_rows[place]).collect(), count: lots.count }
    }

    fn new(rows: usize, random: &mut Random) -> Groups {
        let count = rows.min(MOST_GROUPS);
        let mut of_rows: Vec<u32> = (0..rows).map(|row| (row % count) as u32).collect();
        if rows > count {
            // Fisher & Yates: which rows share a group must not follow their order.
            for place in (1..rows).rev() {
                of_rows.swap(place, random.below(place as u64 + 1) as usize);
            }
        }
        Groups { of_rows, count }
    }

    fn rows_each(&self) -> usize {
        (self.of_rows.len() / self.count.max(1)).max(1)
    }

    fn sums(&self, rows: &[TextRow]) -> Vec<Sums> {
        let mut sums = vec![Sums([0; WIDTH]); self.count];
        for (group, row) in self.of_rows.iter().zip(rows) {
            sums[*group as usize].add(&Sums::of_row(row));
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::super::Comparer;
    use super::*;

    const METRICS: [CorpusMetric; 4] =
        [CorpusMetric::Bleu, CorpusMetric::Chrf, CorpusMetric::ChrfPlusPlus, CorpusMetric::WordErrorRate];

    fn rows(count: usize, wrong: usize) -> Vec<TextRow> {
        let mut comparer = Comparer::default();
        (0..count)
            .map(|i| {
                let reference = format!("row {} of the whole corpus has its words", i % 7);
                let prediction = if i % wrong == 0 { "nothing here is what you expect to see" } else { &reference };
                comparer.row(&[&reference], prediction)
            })
            .collect()
    }

    #[test]
    fn copies_drawn_together_say_no_more_than_the_rows() {
        let single = rows(120, 3);
        let copied: Vec<TextRow> = single.iter().flat_map(|row| [*row; 4]).collect();
        let drawn: Vec<u32> = (0..480).map(|row| row / 4 + 7).collect();
        let width = |rows: &[TextRow], drawn| {
            let resamples = resample(&METRICS, rows, None, drawn);
            let value = METRICS[0].of(&Sums::of(rows)).unwrap();
            let found = interval(METRICS[0], &resamples, 0, value, 0.95);
            found.high - found.low
        };
        let (alone, together, apart) = (width(&single, None), width(&copied, Some(&drawn)), width(&copied, None));
        assert!((0.85..1.15).contains(&(together / alone)), "{together} {alone}");
        assert!(apart < 0.65 * together, "{apart} {together}");
    }

    #[test]
    fn intervals_are_repeatable_and_narrow_with_rows() {
        let widths = |count: usize| {
            let rows = rows(count, 3);
            let resamples = resample(&METRICS, &rows, None, None);
            std::array::from_fn::<f64, 4, _>(|place| {
                let value = METRICS[place].of(&Sums::of(&rows)).unwrap();
                let found = interval(METRICS[place], &resamples, place, value, 0.95);
                found.high - found.low
            })
        };
        let few = widths(120);
        assert_eq!(few, widths(120));
        // From rows of their own to groups of almost four.
        for (metric, (few, many)) in METRICS.iter().zip(few.into_iter().zip(widths(1920))) {
            assert!(few / many > 3.3 && few / many < 4.9, "{metric:?}: {few} {many}");
        }
    }

    #[test]
    fn the_perfect_and_the_useless_are_not_certain() {
        let perfect = rows(40, 1000)[1..].to_vec();
        let wrong: Vec<TextRow> = perfect.iter().map(|row| row.imagined(false)).collect();
        for rows in [perfect, wrong] {
            let resamples = resample(&METRICS, &rows, Some(&rows), None);
            for (place, metric) in METRICS.iter().enumerate() {
                let value = metric.of(&Sums::of(&rows)).unwrap();
                let found = interval(*metric, &resamples, place, value, 0.95);
                assert!(found.low <= value && value <= found.high && found.high - found.low > 1e-3, "{metric:?}");
                let difference = resamples.interval(place, 0.0, 0.95, |a, b| Some(a? - b?));
                assert!(difference.low < 0.0 && difference.high > 0.0, "{metric:?} {difference:?}");
            }
        }
    }

    #[test]
    fn without_words_anything_is_possible() {
        let rows = [Comparer::default().row(&[""], "")];
        let resamples = resample(&METRICS, &rows, None, None);
        assert_eq!(
            interval(CorpusMetric::Bleu, &resamples, 0, 0.0, 0.95),
            Interval { low: 0.0, high: 100.0, level: 0.95 }
        );
        assert_eq!(CorpusMetric::WordErrorRate.of(&Sums::of(&rows)), None);
        let several = [Comparer::default().row(&["a", "b"], "a")];
        assert_eq!(CorpusMetric::WordErrorRate.of(&Sums::of(&several)), None);
        assert!(resample(&METRICS, &[], None, None).interval(0, 0.0, 0.95, |a, _| a).high >= 0.0);
    }
}
