//! The plot area of a chart, and the ticks of its axes. The drawing is 260 by 228; the plot 38..252 by 8..190.

use super::bar::pixel;
use crate::model::Unit;
use serde::Serialize;
use std::fmt::Write;

const LEFT: f64 = 38.0;
const RIGHT: f64 = 252.0;
const TOP: f64 = 8.0;
const BOTTOM: f64 = 190.0;

#[derive(Debug, Serialize)]
pub struct Tick {
    pub at: f64,
    pub text: String,
    pub anchor: &'static str,
}

impl Tick {
    pub fn new(at: f64, text: String) -> Tick {
        // So that the last label does not leave the drawing.
        let anchor = if at > RIGHT - 8.0 { "end" } else { "middle" };
        Tick { at, text, anchor }
    }
}

/// The range of some numbers; none where they have none, or too wide a one for floats.
pub fn range(numbers: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let (low, high) = numbers.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), n| (low.min(n), high.max(n)));
    match high - low {
        width if !width.is_finite() => None,
        width if width > 0.0 => Some((low, high)),
        _ => Some((low - 1.0, high + 1.0)),
    }
}

/// Numbers → pixels.
pub struct Frame {
    across: (f64, f64),
    up: (f64, f64),
}

impl Frame {
    pub fn new(across: (f64, f64), up: (f64, f64)) -> Frame {
        Frame { across, up }
    }

    pub fn x(&self, number: f64) -> f64 {
        pixel(place(number, self.across, LEFT, RIGHT))
    }

    pub fn y(&self, number: f64) -> f64 {
        pixel(place(number, self.up, BOTTOM, TOP))
    }

    pub fn line(&self, x: &[f64], y: &[f64]) -> String {
        let mut path = String::new();
        for (i, (x, y)) in x.iter().zip(y).enumerate() {
            let _ = write!(path, "{}{} {}", if i == 0 { "M" } else { "L" }, self.x(*x), self.y(*y));
        }
        path
    }

    /// Closes the area between a line and the axis below it.
    pub fn drop_to_zero(&self, x: &[f64]) -> String {
        let (Some(first), Some(last)) = (x.first(), x.last()) else { return String::new() };
        format!("L{} {BOTTOM}L{} {BOTTOM}Z", self.x(*last), self.x(*first))
    }

    /// The area between two lines.
    pub fn band(&self, x: &[f64], low: &[f64], high: &[f64]) -> String {
        let back: (Vec<f64>, Vec<f64>) = x.iter().rev().copied().zip(high.iter().rev().copied()).unzip();
        format!("{}{}Z", self.line(x, low), self.line(&back.0, &back.1).replacen('M', "L", 1))
    }

    /// A column of that width and height.
    pub fn column(&self, from: f64, width: f64, height: f64) -> String {
        let (left, right, top) = (self.x(from), self.x(from + width), self.y(height));
        format!("M{left} {BOTTOM}V{top}H{}V{BOTTOM}Z", pixel((right - 0.6).max(left + 0.6)))
    }

    /// The outline of columns.
    pub fn steps(&self, from: &[f64], width: f64, heights: &[f64]) -> String {
        let mut path = String::new();
        for (i, (from, height)) in from.iter().zip(heights).enumerate() {
            let start = if i == 0 { format!("M{} {BOTTOM}", self.x(*from)) } else { String::new() };
            let _ = write!(path, "{start}V{}H{}", self.y(*height), self.x(from + width));
        }
        path + &format!("V{BOTTOM}")
    }

    /// Ticks of two axes of shares.
    pub fn shares(&self) -> (Vec<Tick>, Vec<Tick>) {
        let shares = [0.0, 0.25, 0.5, 0.75, 1.0];
        let text = |share: f64| Unit::Score.show(share);
        (
            shares.map(|share| Tick::new(self.x(share), text(share))).into(),
            shares.map(|share| Tick::new(self.y(share), text(share))).into(),
        )
    }

    pub fn x_ticks(&self) -> Vec<Tick> {
        round_numbers(self.across, 5).into_iter().map(|number| Tick::new(self.x(number), short(number))).collect()
    }

    pub fn y_ticks(&self) -> Vec<Tick> {
        round_numbers(self.up, 5).into_iter().map(|number| Tick::new(self.y(number), short(number))).collect()
    }

    pub fn y_share_ticks(&self) -> Vec<Tick> {
        let ticks = round_numbers(self.up, 4).into_iter();
        ticks.map(|share| Tick::new(self.y(share), Unit::Share.show(share))).collect()
    }
}

fn place(number: f64, (low, high): (f64, f64), from: f64, to: f64) -> f64 {
    let part = (number - low) / (high - low);
    if part.is_nan() { from } else { from + (to - from) * part.clamp(0.0, 1.0) }
}

/// Multiples of 1, 2 or 5 times a power of ten inside a range, about `many`.
fn round_numbers((low, high): (f64, f64), many: usize) -> Vec<f64> {
    let rough = (high - low) / many as f64;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power).into_iter().find(|step| *step >= rough);
    let Some(step) = step.filter(|step| step.is_finite() && *step > 0.0) else { return Vec::new() };
    let first = (low / step).ceil();
    let numbers = (0..=2 * many).map(|i| (first + i as f64) * step);
    numbers.take_while(|number| *number <= high + step * 1e-9).collect()
}

/// A number that fits a label: `0.25`, `1,200`, `3.4e6`.
fn short(number: f64) -> String {
    match number.abs() {
        0.0 => "0".into(),
        size if !(1e-3..1e5).contains(&size) => format!("{number:.1e}"),
        size if size >= 1000.0 => Unit::Count.show(number.round()),
        _ => Unit::Score.show(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_numbers_inside() {
        assert_eq!(round_numbers((0.0, 1.0), 5), [0.0, 0.2, 0.4, 0.6000000000000001, 0.8, 1.0]);
        assert_eq!(round_numbers((-13.0, 27.0), 5), [-10.0, 0.0, 10.0, 20.0]);
        assert!(round_numbers((1.0, 1.0), 5).is_empty());
        assert!(round_numbers((0.0, f64::INFINITY), 5).is_empty());
        assert_eq!([0.0, 0.25, 12_000.0, 3.4e6, 1e-7].map(short), ["0", "0.25", "12,000", "3.4e6", "1.0e-7"]);
    }

    #[test]
    fn paths_stay_inside_the_plot() {
        let frame = Frame::new((0.0, 1.0), (0.0, 2.0));
        assert_eq!(frame.line(&[0.0, 1.0, 9.0], &[0.0, 1.0, 9.0]), "M38 190L252 99L252 8");
        assert_eq!(frame.column(0.0, 0.5, 1.0), "M38 190V99H144.4V190Z");
        assert_eq!(Frame::new((1.0, 1.0), (1.0, 1.0)).line(&[1.0], &[1.0]), "M38 190");
        assert_eq!(range([f64::NAN].into_iter()), None);
    }
}
