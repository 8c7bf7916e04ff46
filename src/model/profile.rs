//! A profile: what a data set looks like, in a few kilobytes, without its rows.

/// The profile of a data set. Two of them can be merged into that of both data sets together.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// As `mlops.yaml` names it, or the source.
    pub dataset: String,
    pub rows: u64,
    pub columns: Vec<ColumnProfile>,
}

impl Profile {
    pub fn column(&self, name: &str) -> Option<&ColumnProfile> {
        self.columns.iter().find(|column| column.name == name)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    Number,
    /// Text, and true or false.
    Category,
    /// Dates and timestamps, as microseconds since 1970-01-01 UTC.
    Time,
    /// Lists and the like: only nulls are counted.
    Other,
    /// Named as private: nothing but its name and its nulls is known.
    Private,
}

impl ColumnKind {
    pub const ALL: [(ColumnKind, &'static str); 5] = [
        (ColumnKind::Number, "number"),
        (ColumnKind::Category, "category"),
        (ColumnKind::Time, "time"),
        (ColumnKind::Other, "other"),
        (ColumnKind::Private, "private"),
    ];

    pub fn name(self) -> &'static str {
        ColumnKind::ALL[self as usize].1
    }

    pub fn parse(name: &str) -> Option<ColumnKind> {
        ColumnKind::ALL.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct ColumnProfile {
    pub name: String,
    pub kind: ColumnKind,
    /// Values that are there and, for numbers, finite.
    pub count: u64,
    pub nulls: u64,
    /// NaN and infinities.
    pub not_finite: u64,
    /// Of numbers and times.
    pub numbers: Option<Numbers>,
    /// The most frequent values with their counts, the most frequent first; all of them where `others` is 0.
    pub values: Vec<(String, u64)>,
    /// Values that are in none of `values`.
    pub others: u64,
    /// Registers of a HyperLogLog sketch of the different values; empty where there are none.
    pub registers: Vec<u8>,
}

/// Moments and quantiles.
#[derive(Clone, Debug, PartialEq)]
pub struct Numbers {
    pub min: f64,
    pub max: f64,
    pub mean: f64,
    /// Σ (x − mean)².
    pub squares: f64,
    /// Equally spaced in rank, the smallest value first and the largest last.
    pub quantiles: Vec<f64>,
}

impl Numbers {
    /// The standard deviation of a population of `count` values.
    pub fn deviation(&self, count: u64) -> f64 {
        (self.squares / count as f64).sqrt()
    }
}

/// Two distributions as a reader sees them side by side.
#[derive(Clone, Debug, PartialEq)]
pub struct Distribution {
    /// The measurement that it belongs to: `data.live.drift(age)`.
    pub id: String,
    /// Of each bar: the category, or the lower edge of the bin.
    pub labels: Vec<String>,
    /// Shares of each side's values, 0 to 1.
    pub reference: Vec<f64>,
    pub current: Vec<f64>,
}
