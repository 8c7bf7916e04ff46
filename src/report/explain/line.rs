//! The interval and the bound as a line of characters.

use crate::report::figures;
use crate::report::picture::{Picture, Scale};
use crate::report::text::width;

/// Cells of a line at most.
const WIDEST: usize = 64;

/// What the line is drawn with.
struct Pen {
    axis: char,
    reach: char,
    allowed: char,
    end: char,
    dot: char,
}

const UNICODE: Pen = Pen { axis: '─', reach: '━', allowed: '░', end: '┃', dot: '●' };
const ASCII: Pen = Pen { axis: '-', reach: '=', allowed: '.', end: '|', dot: 'o' };

/// The line and its numbers below: the bounds on one line, interval and estimate on the next. `columns` is the width
/// there is; where it is too narrow nothing is drawn.
///
/// ```text
/// ───────━━━━━━━━━┃░░░░●━━━━━━━━━━━━━░░░░░
///                0.9
///      0.8544        0.9294      0.9672
/// ```
pub fn draw(picture: &Picture, unit: &str, columns: usize, ascii: bool) -> Vec<String> {
    let cells = columns.min(WIDEST);
    let Some(scale) = Scale::over(picture.numbers()).filter(|_| cells >= 20) else { return Vec::new() };
    let pen = if ascii { ASCII } else { UNICODE };
    let at = |number: f64| ((scale.place(number) * (cells - 1) as f64).round() as usize).min(cells - 1);
    let mut line = vec![pen.axis; cells];
    let bounds: Vec<f64> = [picture.low, picture.high].into_iter().flatten().collect();
    if !bounds.is_empty() {
        let (from, to) = (picture.low.map_or(0, at), picture.high.map_or(cells - 1, at));
        line.iter_mut().take(to + 1).skip(from).for_each(|cell| *cell = pen.allowed);
    }
    if let Some((low, high)) = picture.interval {
        line.iter_mut().take(at(high) + 1).skip(at(low)).for_each(|cell| *cell = pen.reach);
    }
    for bound in &bounds {
        line[at(*bound)] = pen.end;
    }
    if let Some(estimate) = picture.estimate {
        line[at(estimate)] = pen.dot;
    }
    let show = |number: f64| figures::of_kind(unit, number, &picture.of);
    let below = |numbers: Vec<f64>| labels(numbers.into_iter().map(|n| (at(n), show(n))).collect(), cells);
    let (low, high) = picture.interval.unzip();
    let measured = [low, picture.estimate, high].into_iter().flatten().filter(|n| n.is_finite()).collect();
    let mut lines = vec![line.into_iter().collect()];
    lines.extend([below(bounds), below(measured)].into_iter().filter(|line| !line.is_empty()));
    lines
}

/// Labels below their places, moved aside where they would run into each other. Places ascend.
fn labels(numbers: Vec<(usize, String)>, cells: usize) -> String {
    let mut line = String::new();
    let mut rest: usize = numbers.iter().map(|(_, text)| width(text) + 1).sum();
    for (place, text) in numbers {
        let long = width(&text);
        // Room for those that follow, and for this one.
        let latest = (cells + 1).saturating_sub(rest);
        rest = rest.saturating_sub(long + 1);
        let from = place.saturating_sub(long / 2).min(latest).max(if line.is_empty() { 0 } else { width(&line) + 1 });
        line.push_str(&" ".repeat(from.saturating_sub(width(&line))));
        line.push_str(&text);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> Picture {
        Picture { estimate: Some(0.93), interval: Some((0.85, 0.97)), low: Some(0.9), high: None, of: "value".into() }
    }

    #[test]
    fn the_bound_stands_inside_the_interval() {
        let lines = draw(&picture(), "score", 40, false);
        let line: Vec<char> = lines[0].chars().collect();
        let find = |wanted| line.iter().position(|c| *c == wanted).unwrap();
        assert!(find('━') < find('┃') && find('┃') < find('●') && find('●') < find('░'));
        assert_eq!(lines[1].trim(), "0.9");
        assert_eq!(lines[2].split_whitespace().collect::<Vec<_>>(), ["0.85", "0.93", "0.97"]);
        assert!(lines.iter().all(|line| width(line) <= 40));
    }

    #[test]
    fn ascii_and_narrow_terminals() {
        assert!(draw(&picture(), "score", 40, true).iter().all(|line| line.is_ascii()));
        assert_eq!(draw(&picture(), "score", 10, false), Vec::<String>::new());
        let open = Picture { interval: Some((f64::NEG_INFINITY, f64::INFINITY)), low: Some(0.0), ..Picture::default() };
        assert_eq!(draw(&open, "score", 30, true)[1].trim(), "0");
    }

    #[test]
    fn labels_never_run_into_each_other() {
        let close = vec![(18, "0.9215".into()), (19, "0.9216".to_string()), (19, "0.9217".to_string())];
        let line = labels(close, 20);
        assert_eq!(line.split_whitespace().count(), 3);
        assert!(width(&line) <= 20, "{line:?}");
    }
}
