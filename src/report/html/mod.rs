//! The report as one HTML file that loads nothing: styles and drawings are inside, there is no script, and its own
//! policy forbids both to a text that would get through. `templates/report/html/` has the words. Everything is escaped
//! by the template engine's formatter, so that no value can be forgotten. The file is well-formed XML, too.

mod axis;
mod bar;
mod chart;
mod rows;
mod slices;

use super::reproduce;
use super::sections::{Section, Sections};
use super::text::one_line;
use super::{cleared, gravity, headline, is_check, outcome};
use crate::record::wire::Record;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Error, Output, UndefinedBehavior, Value, context, escape_formatter};
use rows::VerdictView;
use serde::Serialize;

const TEMPLATES: [(&str, &str); 5] = [
    ("report.html", include_str!("../../../templates/report/html/report.html")),
    ("marks.html", include_str!("../../../templates/report/html/marks.html")),
    ("stage.html", include_str!("../../../templates/report/html/stage.html")),
    ("chart.html", include_str!("../../../templates/report/html/chart.html")),
    ("record.html", include_str!("../../../templates/report/html/record.html")),
];
const STYLE: &str = include_str!("../../../templates/report/html/style.css");

/// Characters of one value at most; most have a smaller limit of their own.
const LONGEST: usize = 2000;

pub fn render(record: &Record) -> String {
    // Only a fault in our own templates ends otherwise, which the tests would show; the decision stays readable.
    fill(record).unwrap_or_else(|why| {
        let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;");
        format!("<!DOCTYPE html>\n<title>mlgate</title>\n<p>{} ({})</p>\n", escape(&headline(record)), why.kind())
    })
}

#[derive(Serialize)]
struct Tally {
    outcome: &'static str,
    count: usize,
}

/// How many verdicts came out how, the gravest first.
fn tally(record: &Record) -> Vec<Tally> {
    let of = |word: &'static str| {
        let count = record.verdicts.iter().filter(|verdict| outcome(&verdict.outcome) == word).count();
        Tally { outcome: word, count }
    };
    super::OUTCOMES.into_iter().map(of).filter(|tally| tally.count > 0).collect()
}

#[derive(Serialize)]
struct Fact {
    name: &'static str,
    text: String,
    code: bool,
}

fn facts(record: &Record) -> Vec<Fact> {
    let run = &record.run;
    let fact = |name, text: String, code| Fact { name, text, code };
    let mut facts = Vec::new();
    facts.extend(run.commit.as_ref().map(|commit| {
        fact("commit", super::short(&commit.sha) + if commit.dirty { " with changes" } else { "" }, true)
    }));
    let image = record.image.as_ref();
    facts.extend(
        image.map(|i| fact("image", format!("{}@{}", one_line(&i.repository, 200), one_line(&i.digest, 80)), true)),
    );
    let host = if run.id == run.host {
        one_line(&run.host, 60)
    } else {
        format!("{} {}", one_line(&run.host, 60), one_line(&run.id, 60))
    };
    facts.push(fact("run", host, false));
    facts.push(fact("finished", one_line(&run.finished.replace('T', " ").replace('Z', " UTC"), 40), false));
    facts.push(fact("run hash", super::short(&run.hash), true));
    facts.push(fact("config", one_line(&record.config.path, 200), true));
    facts
}

/// The colour of the decision: that of the gravest reason for a block.
fn tone(record: &Record) -> &'static str {
    let blocking = record.verdicts.iter().filter(|verdict| verdict.blocking).map(|verdict| outcome(&verdict.outcome));
    match cleared(record) {
        true => "passed",
        false => blocking.min_by_key(|word| gravity(word)).unwrap_or("failed"),
    }
}

fn fill(record: &Record) -> Result<String, Error> {
    let mut engine = Environment::empty();
    engine.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine.set_auto_escape_callback(|_| AutoEscape::Html);
    engine.set_formatter(write_escaped);
    engine.add_filter("length", minijinja::filters::length);
    for (name, template) in TEMPLATES {
        engine.add_template(name, template)?;
    }
    let checks = super::check_ids(record);
    let problems = super::not_passed(record).into_iter().map(|v| VerdictView::of(v, is_check(&checks, v)));
    let sections = Sections::of(record);
    engine.get_template("report.html")?.render(context! {
        style => Value::from_safe_string(STYLE.trim_end().to_string()),
        headline => headline(record),
        summary => one_line(&record.decision.summary, 1000),
        tone => tone(record),
        tally => Value::from(Serde(&tally(record))),
        facts => Value::from(Serde(&facts(record))),
        problems => Value::from(Serde(&Section::of(problems))),
        stages => Value::from(Serde(&rows::stages(record))),
        measurements => Value::from(Serde(&sections.measurements)),
        inputs => Value::from(Serde(&sections.inputs)),
        commands => reproduce::commands(record),
        levels => super::levels(record),
        hash => super::short(&record.run.hash),
        version => one_line(&record.tool.version, 40),
    })
}

/// Every text as one line without control characters and what turns the reading direction, and escaped.
fn write_escaped(out: &mut Output, state: &mut minijinja::State, value: &Value) -> Result<(), Error> {
    match value.as_str() {
        Some(text) if !value.is_safe() => {
            let line = one_line(text, LONGEST).replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}");
            escape_formatter(out, state, &Value::from(line))
        }
        _ => escape_formatter(out, state, value),
    }
}
