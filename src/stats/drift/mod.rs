//! How far apart two distributions are: tests and distances, with the methods, defaults and conventions of Evidently 0.7,
//! so that who comes from there gets the same numbers.

mod bins;
mod categorical;
mod correction;
mod distance;
mod embedding;
mod gamma;
mod kolmogorov;
mod numeric;
mod sort;
#[cfg(test)]
mod tests;
mod text;
mod wasserstein;

use bins::binned;
pub use bins::{by_value, different};
pub use correction::{benjamini_hochberg, bonferroni};
pub use embedding::{CLASSIFIER_ROWS, CLASSIFIER_THRESHOLD, MMD_THRESHOLD, Matrix};
pub use embedding::{domain_classifier, domain_classifier_words, mmd};
pub use numeric::Sorted;
use numeric::{anderson, ks};
pub use sort::sort;
pub use text::{Vocabulary, characters, words};
pub use wasserstein::{spread, wasserstein};

/// A way to compare a column's two distributions. The names are Evidently's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Kolmogorov–Smirnov, two samples.
    Ks,
    /// Pearson's chi-squared, the reference's shares as expectation.
    ChiSquare,
    /// Two proportions.
    Z,
    /// Wasserstein distance, in standard deviations of the reference.
    Wasserstein,
    /// Jensen–Shannon distance, natural logarithm.
    JensenShannon,
    /// Population stability index.
    Psi,
    Hellinger,
    /// Kullback–Leibler divergence of the reference from the current data.
    KlDivergence,
    /// Total variation distance. Evidently gives the p-value of 1000 shuffles instead; that depends on the order of the
    /// rows and on NumPy's generator, so that counts cannot give it again. This is the distance, large for drift.
    Tvd,
    /// Anderson–Darling, two samples.
    Anderson,
    /// Likelihood ratio.
    GTest,
}

/// What a column holds, as far as the methods tell kinds apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Numeric,
    Categorical,
}

impl Method {
    pub const ALL: [(Method, &'static str); 11] = [
        (Method::Ks, "ks"),
        (Method::ChiSquare, "chisquare"),
        (Method::Z, "z"),
        (Method::Wasserstein, "wasserstein"),
        (Method::JensenShannon, "jensenshannon"),
        (Method::Psi, "psi"),
        (Method::Hellinger, "hellinger"),
        (Method::KlDivergence, "kl_div"),
        (Method::Tvd, "TVD"),
        (Method::Anderson, "anderson"),
        (Method::GTest, "g_test"),
    ];

    pub fn name(self) -> &'static str {
        Method::ALL[self as usize].1
    }

    pub fn parse(name: &str) -> Option<Method> {
        Method::ALL.iter().find(|(_, known)| *known == name).map(|(method, _)| *method)
    }

    /// Whether the method's number is a p-value, where small means drift; else it is a distance, where large does.
    pub fn is_test(self) -> bool {
        matches!(self, Method::Ks | Method::ChiSquare | Method::Z | Method::Anderson | Method::GTest)
    }

    /// The bound from which on a column has drifted: p below it, or a distance that reaches it.
    pub fn threshold(self) -> f64 {
        match self {
            Method::Ks | Method::ChiSquare | Method::Z => 0.05,
            _ => 0.1,
        }
    }

    /// Whether the method is made for such columns.
    pub fn takes(self, kind: Kind) -> bool {
        match self {
            Method::Ks | Method::Wasserstein | Method::Anderson => kind == Kind::Numeric,
            Method::ChiSquare | Method::Z | Method::Tvd | Method::GTest => kind == Kind::Categorical,
            Method::JensenShannon | Method::Psi | Method::Hellinger | Method::KlDivergence => true,
        }
    }

    /// Evidently's choice by the reference's rows and the different values of both sides. A numeric column of at most five different
    /// values is compared as a categorical one.
    pub fn choose(kind: Kind, rows: u64, distinct: u64) -> (Method, Kind) {
        match kind {
            Kind::Numeric if distinct > 5 => {
                (if rows <= 1000 { Method::Ks } else { Method::Wasserstein }, Kind::Numeric)
            }
            _ if rows > 1000 => (Method::JensenShannon, Kind::Categorical),
            _ if distinct <= 2 => (Method::Z, Kind::Categorical),
            _ => (Method::ChiSquare, Kind::Categorical),
        }
    }
}

/// What a method found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Compared {
    /// The statistic of a test, or the distance.
    pub statistic: f64,
    /// Of a test.
    pub p: Option<f64>,
}

impl Compared {
    fn distance(statistic: f64) -> Compared {
        Compared { statistic, p: None }
    }

    fn test(statistic: f64, p: f64) -> Compared {
        Compared { statistic, p: Some(p) }
    }

    /// The number that is held against the threshold.
    pub fn score(&self) -> f64 {
        self.p.unwrap_or(self.statistic)
    }

    /// Whether the column has drifted. Not a number is no answer, and never "no drift".
    pub fn drifted(&self, method: Method, threshold: f64) -> Option<bool> {
        let score = self.score();
        match method {
            _ if score.is_nan() => None,
            // Evidently takes equality for drift with this one test.
            Method::Ks => Some(score <= threshold),
            method if method.is_test() => Some(score < threshold),
            _ => Some(score >= threshold),
        }
    }
}

/// Compares two samples of numbers, each sorted, without NaN and infinities.
///
/// # Errors
/// Why there is no answer: a sample is empty, or the method is not made for numbers.
pub fn numbers(method: Method, reference: Sorted, current: Sorted) -> Result<Compared, String> {
    if reference.values.is_empty() || current.values.is_empty() {
        return Err("one side has no values".to_string());
    }
    match method {
        Method::Ks => Ok(ks(reference, current)),
        Method::Wasserstein => Ok(wasserstein(reference.values, current.values)),
        Method::Anderson => anderson(reference, current),
        Method::JensenShannon | Method::Psi | Method::KlDivergence => {
            let counts = binned(reference, current);
            categories(method, &counts.reference, &counts.current)
        }
        Method::Hellinger => {
            let (a, b) = bins::over_distinct(reference, current);
            categories(method, &a, &b)
        }
        _ => Err(format!("{} compares categories, not numbers", method.name())),
    }
}

/// Compares how often each of some categories occurs on the two sides; the slices are of one length and order.
///
/// # Errors
/// Why there is no answer: a side is empty, or the method is not made for categories.
pub fn categories(method: Method, reference: &[u64], current: &[u64]) -> Result<Compared, String> {
    if reference.len() != current.len() {
        return Err("the two sides have not the same categories".to_string());
    }
    if reference.iter().sum::<u64>() == 0 || current.iter().sum::<u64>() == 0 {
        return Err("one side has no values".to_string());
    }
    Ok(match method {
        Method::ChiSquare => categorical::chi_squared(reference, current),
        Method::GTest => categorical::g_test(reference, current)?,
        Method::Z => categorical::proportions(reference, current)?,
        Method::JensenShannon => Compared::distance(distance::jensen_shannon(reference, current)),
        Method::Psi => Compared::distance(distance::psi(reference, current)),
        Method::KlDivergence => Compared::distance(distance::kullback_leibler(reference, current)),
        Method::Hellinger => Compared::distance(distance::hellinger(reference, current)),
        Method::Tvd => Compared::distance(distance::total_variation(reference, current)),
        Method::Ks | Method::Wasserstein | Method::Anderson => {
            return Err(format!("{} compares numbers, not categories", method.name()));
        }
    })
}
