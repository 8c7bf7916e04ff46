//! Two distributions as bars of block characters, to be read side by side.

use super::text::one_line;
use crate::record::wire::{Distribution, Record, Verdict};

/// From a sliver to the highest bar.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// A bar without any value. No space: HTML would swallow it.
const NOTHING: char = '·';
/// Bars that are drawn; a record of ours has fewer.
const MOST: usize = 40;

/// A pair of distributions, drawn to one scale.
pub struct Drawn {
    pub reference: String,
    pub current: String,
    /// What the bars stand for: `18 to 64`, or `JP, US, DE`.
    pub labels: String,
}

/// The distribution that a verdict is about, drawn.
pub fn of(record: &Record, verdict: &Verdict) -> Option<Drawn> {
    draw(record.distributions.iter().find(|distribution| distribution.id == verdict.id)?)
}

/// None where the record holds no two rows of as many bars.
pub fn draw(distribution: &Distribution) -> Option<Drawn> {
    let Distribution { labels, reference, current, .. } = distribution;
    if reference.is_empty() || reference.len() != current.len() || labels.len() != reference.len() {
        return None;
    }
    let highest = reference.iter().chain(current).copied().filter(|share| share.is_finite()).fold(0.0, f64::max);
    let bars = |side: &[f64]| side.iter().take(MOST).map(|share| bar(*share, highest)).collect();
    Some(Drawn { reference: bars(reference), current: bars(current), labels: legend(labels) })
}

/// One distribution, its largest share as the highest bar.
pub fn bars(shares: &[f64]) -> String {
    let highest = shares.iter().copied().fold(0.0, f64::max);
    shares.iter().take(MOST).map(|share| bar(*share, highest)).collect()
}

fn bar(share: f64, highest: f64) -> char {
    // Not a number, and less than nothing, are no bars either.
    if share.is_nan() || share <= 0.0 {
        return NOTHING;
    }
    let height = (share / highest * BARS.len() as f64).ceil() as usize;
    BARS[height.clamp(1, BARS.len()) - 1]
}

/// Ascending numbers are the lower edges of bins; anything else are categories.
fn legend(labels: &[String]) -> String {
    let numbers: Option<Vec<f64>> = labels.iter().map(|label| label.parse().ok()).collect();
    match (numbers, labels) {
        (Some(numbers), [first, .., last]) if numbers.is_sorted() => {
            format!("{} to {}", one_line(first, 20), one_line(last, 20))
        }
        _ => {
            let named: Vec<String> = labels.iter().take(4).map(|label| one_line(label, 20)).collect();
            let more = if labels.len() > named.len() { ", …" } else { "" };
            named.join(", ") + more
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(labels: &[&str], reference: &[f64], current: &[f64]) -> Option<Drawn> {
        draw(&Distribution {
            id: "data.live.drift(age)".into(),
            labels: labels.iter().map(|label| label.to_string()).collect(),
            reference: reference.to_vec(),
            current: current.to_vec(),
        })
    }

    #[test]
    fn both_sides_are_drawn_to_one_scale() {
        let drawn = of(&["18", "30.5", "43"], &[0.5, 0.25, 0.25], &[0.0, 0.01, 1.0]).unwrap();
        assert_eq!((drawn.reference.as_str(), drawn.current.as_str()), ("▄▂▂", "·▁█"));
        assert_eq!(drawn.labels, "18 to 43");
        let drawn = of(&["JP", "US", "DE", "FR", "5 others"], &[0.2; 5], &[0.2; 5]).unwrap();
        assert_eq!((drawn.reference.as_str(), drawn.labels.as_str()), ("█████", "JP, US, DE, FR, …"));
    }

    #[test]
    fn a_record_of_strangers_is_drawn_or_left_out() {
        assert!(of(&["a"], &[], &[]).is_none() && of(&["a"], &[0.1, 0.9], &[0.1, 0.9]).is_none());
        assert!(of(&["a", "b"], &[0.1, 0.9], &[1.0]).is_none());
        let drawn = of(&["a\n::error::x", "b"], &[f64::NAN, -1.0], &[f64::INFINITY, 1e300]).unwrap();
        assert_eq!((drawn.reference.as_str(), drawn.current.as_str()), ("··", "██"));
        assert_eq!(drawn.labels, "a ::error::x, b");
        let many: Vec<f64> = vec![0.1; 10_000];
        let labels = vec!["x"; 10_000];
        assert_eq!(of(&labels, &many, &many).unwrap().reference.chars().count(), MOST);
    }
}
