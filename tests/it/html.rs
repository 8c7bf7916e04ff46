//! The HTML report: one well-formed file that loads nothing and runs nothing, with every verdict in it, whatever text
//! a record holds.

use crate::report::{HOSTILE, hostile, record};
use mlgate::record::wire::{Chart, Distribution, Record};
use mlgate::report::{Format, Options, render};
use quick_xml::events::Event;
use std::collections::BTreeMap;

fn html(record: &Record) -> String {
    render(record, Format::Html, &Options::default())
}

/// What a reader of XML finds in it: elements with their attributes, and the text that a person reads.
#[derive(Default)]
struct Page {
    elements: Vec<String>,
    attributes: Vec<(String, String)>,
    text: String,
    cells: Vec<String>,
}

fn read(html: &str) -> Page {
    let mut reader = quick_xml::Reader::from_str(html);
    reader.config_mut().check_end_names = true;
    let mut page = Page::default();
    let mut open: Vec<String> = Vec::new();
    loop {
        let event = reader.read_event().unwrap_or_else(|why| panic!("{why} at {}", reader.error_position()));
        let started = match &event {
            Event::Start(tag) | Event::Empty(tag) => Some(tag),
            _ => None,
        };
        if let Some(tag) = started {
            let name = String::from_utf8(tag.name().as_ref().to_vec()).unwrap();
            for attribute in tag.attributes() {
                let attribute = attribute.unwrap_or_else(|why| panic!("<{name}>: {why}"));
                let key = String::from_utf8(attribute.key.as_ref().to_vec()).unwrap();
                let value =
                    quick_xml::escape::unescape(std::str::from_utf8(&attribute.value).unwrap()).unwrap().into_owned();
                page.attributes.push((key, value));
            }
            page.elements.push(name.clone());
            if matches!(event, Event::Start(_)) {
                open.push(name);
            }
        }
        match event {
            Event::Eof => break,
            Event::End(_) => drop(open.pop()),
            Event::Text(text) if open.last().is_none_or(|name| name != "style") => {
                page.text.push_str(&text.decode().unwrap());
            }
            Event::GeneralRef(reference) => {
                let character = match reference.resolve_char_ref().unwrap() {
                    Some(character) => character.to_string(),
                    None => quick_xml::escape::resolve_predefined_entity(&reference.decode().unwrap()).unwrap().into(),
                };
                page.text.push_str(&character);
            }
            Event::Comment(_) | Event::CData(_) | Event::PI(_) => panic!("no such thing is ours"),
            _ => {}
        }
    }
    assert!(open.is_empty(), "not closed: {open:?}");
    page.cells.extend(page.text.lines().map(|line| line.trim().to_string()));
    page
}

/// Nothing is loaded, sent or run, but for the empty icon inside.
fn is_inert(page: &Page) {
    for element in &page.elements {
        let forbidden =
            ["script", "iframe", "object", "embed", "img", "image", "form", "input", "button", "base", "foreignObject"];
        assert!(!forbidden.contains(&element.as_str()), "<{element}>");
    }
    for (key, value) in &page.attributes {
        assert!(!key.starts_with("on") && key != "src" && key != "srcset" && key != "action", "{key}=\"{value}\"");
        let loads = key.ends_with("href");
        assert!(!loads || value.starts_with('#') || value == "data:,", "{key}=\"{value}\"");
        if key == "style" {
            let harmless = |c: char| c.is_ascii_alphanumeric() || " :;.%-()".contains(c);
            assert!(value.chars().all(harmless) && !value.contains("url"), "{value}");
        }
        if key == "id" || key == "class" {
            assert!(value.chars().all(|c| c.is_ascii_alphanumeric() || " -".contains(c)), "{key}=\"{value}\"");
        }
    }
    let policy = page.attributes.iter().find(|(_, value)| value.contains("default-src 'none'"));
    assert!(policy.is_some(), "the page forbids everything");
}

fn charts(text: &str) -> Vec<Chart> {
    let columns = |names: &[&str]| names.iter().map(|name| (name.to_string(), vec![0.0, 0.5, 1.0, 1.0])).collect();
    let chart = |id: &str, names: &[&str], labels: &[&str]| Chart {
        id: format!("quality.{id}"),
        source: text.into(),
        rows: 4,
        labels: labels.iter().map(|label| label.to_string()).collect(),
        candidate: columns(names),
        baseline: Some(columns(names)),
    };
    vec![
        chart("confusion_matrix", &["rows"], &[text, "b"]),
        chart("roc_curve", &["false_positive_rate", "true_positive_rate"], &[]),
        chart("precision_recall_curve", &["recall", "precision"], &[]),
        chart("calibration", &["score", "positives", "low", "high", "rows"], &[]),
        chart("truth_by_prediction", &["predicted", "low", "lower_quartile", "median", "upper_quartile", "high"], &[]),
        chart("residuals", &["from", "share"], &[]),
    ]
}

#[test]
fn every_verdict_is_in_it_and_nothing_is_loaded() {
    for name in ["cleared.json", "blocked.json", "promotion.json"] {
        let record = record(name);
        let page = read(&html(&record));
        is_inert(&page);
        assert!(page.text.contains(&record.decision.summary));
        for verdict in record.verdicts.iter().filter(|v| v.outcome != "skipped") {
            assert!(page.text.contains(&verdict.gate), "{}", verdict.gate);
            assert!(page.text.contains(&verdict.reason), "{}", verdict.reason);
        }
        for stage in &record.stages {
            assert!(page.cells.iter().any(|line| line.starts_with(&stage.name)), "{}", stage.name);
        }
        for input in &record.inputs {
            assert!(page.text.contains(&input.digest), "{}", input.digest);
        }
        let skipped: Vec<_> = record.verdicts.iter().filter(|v| v.outcome == "skipped").collect();
        assert!(skipped.iter().all(|verdict| page.text.contains(&verdict.reason)));
    }
}

#[test]
fn charts_of_all_kinds_are_drawn_for_those_who_see_and_those_who_do_not() {
    let mut record = record("cleared.json");
    record.charts.clear();
    let before = read(&html(&record)).elements.iter().filter(|name| *name == "figure").count();
    record.charts = charts("a");
    let page = read(&html(&record));
    let count = |wanted: &str| page.elements.iter().filter(|name| *name == wanted).count();
    assert_eq!(count("figure") - before, 6);
    // Each drawing that says something has a name.
    let named = page.attributes.iter().filter(|(key, value)| key == "role" && value == "img").count();
    let names = page.attributes.iter().filter(|(key, value)| key == "aria-label" && !value.is_empty()).count();
    assert!(named > 10 && names + count("title") >= named, "{named} {names}");
    assert!(page.text.contains("Confusion matrix") && page.text.contains("Calibration"));
}

#[test]
fn hostile_text_is_text() {
    let more = [
        "</style><script>alert(1)</script>",
        "\" onload=\"alert(1)",
        "' style='background:url(https://evil.example)",
        "</title><base href=//evil.example>",
        "<svg/onload=alert(1)>",
        "&lt;script&gt; &#x3c;",
        "javascript:alert(1)",
        "{{ 7*7 }}{% include 'x' %}",
    ];
    for text in HOSTILE.iter().chain(&more) {
        let mut record = hostile(text);
        record.charts = charts(text);
        record.distributions = vec![Distribution {
            id: format!("data.{text}"),
            labels: vec![text.to_string(), "b".into()],
            reference: vec![0.5, f64::NAN],
            current: vec![0.1, 0.9],
        }];
        let html = html(&record);
        let page = read(&html);
        is_inert(&page);
        let bad = |c: char| {
            (c.is_control() && c != '\n') || matches!(c, '\u{202e}' | '\u{2066}' | '\u{200b}' | '\u{feff}' | '\u{fffe}')
        };
        assert!(!html.contains(bad), "{text:?}");
        assert!(!html.contains(" 49 ") && !html.contains("49{%"), "{text:?}");
        // A reader sees what was written, as far as it can be printed.
        let shown = mlgate::report::text::one_line(text, 2000).replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}");
        assert!(page.text.contains(shown.as_str()), "{text:?}");
    }
}

/// What stands in the record's commands is copied into shells.
#[test]
fn no_word_of_a_stranger_is_in_a_command() {
    let mut record = hostile("$(reboot)");
    record.run.command = "promote".into();
    let html = html(&record);
    let commands = html.split("<pre>").nth(1).unwrap().split("</pre>").next().unwrap();
    let commands = quick_xml::escape::unescape(commands).unwrap();
    assert_eq!(commands.trim(), "mlgate report .mlgate/record.json --format html > report.html");
}

#[test]
fn a_huge_record_makes_a_page_that_still_opens() {
    // Names of a megabyte each, and then thousands of verdicts.
    assert!(html(&hostile(&"x".repeat(1 << 20))).len() < 1 << 20);
    let mut record = hostile("<b>");
    let verdict = record.verdicts[0].clone();
    record.verdicts.extend(std::iter::repeat_n(verdict, 3000));
    let html = html(&record);
    assert!(html.len() < 8 << 20, "{} bytes", html.len());
    assert!(read(&html).text.contains("more in the record"));
}

#[test]
fn the_examples_page_is_small() {
    let html = html(&record("cleared.json"));
    assert!(html.len() < 100_000, "{} bytes", html.len());
}

/// What the style sheet calls its colours: by light, by dark, and on paper.
fn palettes() -> Vec<BTreeMap<String, [f64; 3]>> {
    let style = style();
    let palettes: Vec<_> = style.split(":root {").skip(1).map(|rest| rest.split('}').next().unwrap()).collect();
    assert_eq!(palettes.len(), 3, "light, dark and paper");
    let color = |hex: &str| -> [f64; 3] {
        std::array::from_fn(|at| f64::from(u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()) / 255.0)
    };
    let named = |palette: &str| {
        let pairs = palette.split(';').filter_map(|rule| rule.trim().strip_prefix("--")?.split_once(": #"));
        pairs.map(|(name, hex)| (name.to_string(), color(hex))).collect::<BTreeMap<_, _>>()
    };
    let palettes: Vec<_> = palettes.into_iter().map(named).collect();
    assert!(palettes.iter().all(|palette| palette.keys().eq(palettes[0].keys()) && palette.len() >= 15));
    palettes
}

fn style() -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/report/html/style.css");
    std::fs::read_to_string(path).unwrap()
}

/// WCAG 2.2: the ratio of relative luminances, 1 to 21.
fn contrast(a: [f64; 3], b: [f64; 3]) -> f64 {
    let linear = |c: f64| if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) };
    let luminance = |[r, g, b]: [f64; 3]| 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b) + 0.05;
    let (a, b) = (luminance(a), luminance(b));
    a.max(b) / a.min(b)
}

/// `share` of a colour over another.
fn over(top: [f64; 3], share: f64, below: [f64; 3]) -> [f64; 3] {
    std::array::from_fn(|at| top[at] * share + below[at] * (1.0 - share))
}

#[test]
fn text_can_be_read_in_light_in_dark_and_on_paper() {
    assert!((contrast([0.0; 3], [1.0; 3]) - 21.0).abs() < 1e-9);
    for palette in palettes() {
        let of = |name: &str| palette[name];
        let outcomes = ["passed", "failed", "errored", "inconclusive", "warned", "skipped"];
        let mut pairs: Vec<(String, [f64; 3], [f64; 3])> = Vec::new();
        for ground in ["bg", "card", "soft"] {
            pairs.extend(["fg", "muted"].map(|text| (format!("{text} on {ground}"), of(text), of(ground))));
        }
        for ground in ["bg", "card"] {
            pairs.push((format!("links on {ground}"), of("ours"), of(ground)));
            pairs.extend(outcomes.map(|text| (format!("{text} on {ground}"), of(text), of(ground))));
        }
        // A cell of the confusion matrix has 38 % of its colour at most: see matrix.rs.
        for side in ["ours", "theirs"] {
            pairs.push((format!("fg on a cell of {side}"), of("fg"), over(of(side), 0.38, of("soft"))));
        }
        for (name, text, ground) in pairs {
            let found = contrast(text, ground);
            assert!(found >= 4.5, "{name}: {found:.2}, and WCAG AA asks for 4.5");
        }
    }
    assert!(style().contains(".matrix td small { color: var(--fg) }"), "on a cell grey is too pale");
}

#[test]
fn drawings_stand_out_from_their_ground() {
    let style = style();
    let opacity = |rule: &str| -> f64 {
        let found = style.split(&format!("{rule} {{")).nth(1).unwrap_or_else(|| panic!("no {rule}"));
        let found = found.split('}').next().unwrap();
        found.split("opacity: ").nth(1).map_or(1.0, |rest| rest.split([';', ' ']).next().unwrap().parse().unwrap())
    };
    let drawn = [
        ("ours", ".chart .column"),
        ("theirs", ".chart .before"),
        ("ours", ".chart .whisker"),
        ("theirs", ".chart .whisker"),
        ("ours", ".chart .dot"),
        ("theirs", ".bar .before"),
        ("muted", ".chart .diagonal"),
        ("fg", ".bar .end"),
    ];
    for palette in palettes() {
        for (color, rule) in drawn {
            let found = contrast(over(palette[color], opacity(rule), palette["card"]), palette["card"]);
            assert!(found >= 3.0, "{rule} of {color}: {found:.2}, and WCAG AA asks for 3");
        }
        for tone in ["passed", "failed", "errored", "inconclusive", "warned", "skipped"] {
            assert!(contrast(palette[tone], palette["card"]) >= 3.0, "{tone}");
        }
    }
}

/// What is wider than a phone scrolls in a box of its own, and the page follows the reader's light and paper.
#[test]
fn the_page_fits_a_phone_and_a_printer() {
    let mut record = record("cleared.json");
    record.charts = charts("a name that is longer than any screen of a phone is wide");
    let html = html(&record);
    let page = read(&html);
    let has = |wanted: &str| page.attributes.iter().any(|(key, value)| key == "content" && value.contains(wanted));
    assert!(has("width=device-width") && has("default-src 'none'"));
    let mut reader = quick_xml::Reader::from_str(&html);
    let mut open: Vec<bool> = Vec::new();
    let mut tables = 0;
    loop {
        match reader.read_event().unwrap() {
            Event::Eof => break,
            Event::Start(tag) => {
                let said = String::from_utf8_lossy(tag.attributes_raw()).into_owned();
                if tag.name().as_ref() == b"table" {
                    tables += 1;
                    assert!(open.contains(&true), "a table that nothing scrolls");
                }
                open.push(said.contains("class=\"scroll\"") || said.contains("overflow-x: auto"));
            }
            Event::End(_) => drop(open.pop()),
            _ => {}
        }
    }
    assert!(tables >= 4, "{tables}");
    let style = style();
    for rule in
        ["@media (prefers-color-scheme: dark)", "@media print", "@media (max-width: 640px)", "color-scheme: light dark"]
    {
        assert!(style.contains(rule), "{rule}");
    }
    assert!(
        style.contains(".scroll { overflow-x: auto")
            && style
                .contains("pre { background: var(--soft); border-radius: 8px; padding: 14px 16px; overflow-x: auto")
    );
    assert!(!style.contains("url(") && !style.contains("@import") && !style.contains("@font-face"));
}
