//! An interval with the bounds of its gate as a small bar, 200 pixels wide.

use crate::record::wire::Verdict;
use crate::report::figures;
use crate::report::picture::{Picture, Scale};
use serde::Serialize;

const WIDTH: f64 = 200.0;

#[derive(Serialize)]
pub struct Bar {
    /// For those who cannot see it.
    title: String,
    allowed: Option<Span>,
    /// Bounds.
    ends: Vec<f64>,
    reach: Option<Reach>,
    /// The baseline, where it is on the same scale.
    before: Option<f64>,
    dot: Option<f64>,
}

#[derive(Serialize)]
struct Span {
    from: f64,
    width: f64,
}

#[derive(Serialize)]
struct Reach {
    from: f64,
    width: f64,
    open_low: bool,
    open_high: bool,
}

impl Bar {
    pub fn of(verdict: &Verdict) -> Option<Bar> {
        let picture = Picture::of(verdict)?;
        let scale = Scale::over(picture.numbers())?;
        Some(Bar::draw(&picture, &scale, None, &verdict.unit))
    }

    /// `before` is the baseline's value, for pictures of values.
    pub fn draw(picture: &Picture, scale: &Scale, before: Option<f64>, unit: &str) -> Bar {
        let x = |number: f64| pixel(scale.place(number) * WIDTH);
        let ends: Vec<f64> = [picture.low, picture.high].into_iter().flatten().map(x).collect();
        let allowed = (!ends.is_empty()).then(|| {
            let from = picture.low.map_or(0.0, x);
            Span { from, width: pixel(picture.high.map_or(WIDTH, x) - from).max(0.0) }
        });
        let reach = picture.interval.map(|(low, high)| Reach {
            from: x(low),
            // An interval narrower than a pixel is still one.
            width: pixel((x(high) - x(low)).max(1.0)),
            open_low: low.is_infinite(),
            open_high: high.is_infinite(),
        });
        let (dot, before) = (picture.estimate.map(x), before.map(x));
        Bar { title: title(picture, unit), allowed, ends, reach, before, dot }
    }
}

/// Tenths of a pixel.
pub fn pixel(at: f64) -> f64 {
    (at * 10.0).round() / 10.0
}

/// `estimate 0.9634, interval 0.9215 to 0.9834, allowed from 0.9`
fn title(picture: &Picture, unit: &str) -> String {
    let show = |number: f64| figures::of_kind(unit, number, &picture.of);
    let mut parts = Vec::new();
    parts.extend(picture.estimate.map(|estimate| format!("estimate {}", show(estimate))));
    parts.extend(picture.interval.map(|(low, high)| format!("interval {} to {}", show(low), show(high))));
    parts.extend(match (picture.low, picture.high) {
        (Some(low), Some(high)) => Some(format!("allowed {} to {}", show(low), show(high))),
        (Some(low), None) => Some(format!("allowed from {}", show(low))),
        (None, Some(high)) => Some(format!("allowed up to {}", show(high))),
        (None, None) => None,
    });
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_shows_the_bound_inside_the_interval() {
        let picture = Picture {
            estimate: Some(0.93),
            interval: Some((0.85, 0.97)),
            low: Some(0.9),
            high: None,
            of: "value".into(),
        };
        let bar = Bar::draw(&picture, &Scale::over(picture.numbers()).unwrap(), None, "score");
        let (reach, allowed) = (bar.reach.unwrap(), bar.allowed.unwrap());
        assert!(reach.from < bar.ends[0] && bar.ends[0] < bar.dot.unwrap() && allowed.from == bar.ends[0]);
        assert_eq!(allowed.from + allowed.width, WIDTH);
        assert_eq!(bar.title, "estimate 0.93, interval 0.85 to 0.97, allowed from 0.9");
    }

    #[test]
    fn an_open_interval_reaches_to_the_edge() {
        let picture = Picture { interval: Some((f64::NEG_INFINITY, 1.0)), low: Some(0.0), ..Picture::default() };
        let reach = Bar::draw(&picture, &Scale::over(picture.numbers()).unwrap(), None, "score").reach.unwrap();
        assert!(reach.from == 0.0 && reach.open_low && !reach.open_high);
    }
}
