//! A problem of `mlops.yaml`: what, where, what was expected. Collected, never thrown: a user sees all at once.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use std::fmt;
use std::ops::Range;

/// Stable codes, listed in `docs/errors.md`. A code is never reused for another meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    Unreadable,
    NotUtf8,
    TooLarge,
    Syntax,
    Empty,
    TooComplex,
    UnknownKey,
    WrongType,
    MissingKey,
    BadValue,
    Conflict,
    NotYet,
    GateSyntax,
    UnknownMeasurement,
    GateUnit,
    NoBaseline,
    UnknownSlice,
    CheckSyntax,
    UnknownDataset,
    UnknownEnvironment,
    NoGates,
}

impl Code {
    pub const ALL: [(Code, &'static str, &'static str); 21] = [
        (Code::Unreadable, "MG001", "the file cannot be read"),
        (Code::NotUtf8, "MG002", "the file is not UTF-8"),
        (Code::TooLarge, "MG003", "the file is larger than 1 MiB"),
        (Code::Syntax, "MG004", "not valid YAML, or a key stands twice in one mapping"),
        (Code::Empty, "MG005", "the file is empty"),
        (Code::TooComplex, "MG006", "nested too deep, or too many values after its aliases are expanded"),
        (Code::UnknownKey, "MG010", "a key that mlgate does not know"),
        (Code::WrongType, "MG011", "a value of the wrong type"),
        (Code::MissingKey, "MG012", "a key that must be there is not"),
        (Code::BadValue, "MG013", "a value that cannot be: out of range, malformed or not one of the choices"),
        (Code::Conflict, "MG014", "two keys that exclude each other, or one that needs another"),
        (Code::NotYet, "MG015", "known, but not done in this version"),
        (Code::GateSyntax, "MG020", "a gate that cannot be read"),
        (Code::UnknownMeasurement, "MG021", "a gate on a measurement that no stage makes"),
        (Code::GateUnit, "MG022", "a gate whose bound has another unit than its measurement"),
        (Code::NoBaseline, "MG023", "a gate against the baseline, and no baseline is named"),
        (Code::UnknownSlice, "MG024", "a gate on a slice that is not measured"),
        (Code::CheckSyntax, "MG030", "a data check that cannot be read"),
        (Code::UnknownDataset, "MG031", "a data set that is not in `data:`"),
        (Code::UnknownEnvironment, "MG040", "an environment that is not in `environments:`"),
        (Code::NoGates, "MG041", "a promotion without a gate that blocks, or an empty list of gates"),
    ];

    pub fn name(self) -> &'static str {
        Code::ALL[self as usize].1
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub code: Code,
    /// Byte range in the text; empty for a problem of the whole file.
    pub at: Range<usize>,
    /// What is wrong, with what was found.
    pub message: String,
    /// What was expected or what to do, shown under the excerpt.
    pub help: Option<String>,
}

/// All problems of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    pub fn add(&mut self, code: Code, at: &Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        let help = Some(help.into()).filter(|h| !h.is_empty());
        self.0.push(Problem { code, at: at.clone(), message: message.into(), help });
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }

    /// In the order of the file.
    pub fn sorted(mut self) -> Problems {
        self.0.sort_by_key(|p| (p.at.start, p.code));
        self
    }

    /// What a person sees: every problem with its excerpt, then how many there are.
    pub fn render(&self, path: &str, text: &str, color: bool) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let mut out = String::new();
        for problem in &self.0 {
            out.push_str(&renderer.render(&problem.groups(path, text)));
            out.push_str("\n\n");
        }
        let plural = if self.0.len() == 1 { "" } else { "s" };
        out.push_str(&format!("{path}: {} problem{plural}; codes are explained in docs/errors.md\n", self.0.len()));
        out
    }
}

impl Problem {
    fn groups<'a>(&'a self, path: &'a str, text: &'a str) -> Vec<Group<'a>> {
        let title = Level::ERROR.primary_title(self.message.as_str()).id(self.code.name());
        let mut group = if self.at.is_empty() && text.is_empty() {
            title.element(annotate_snippets::Origin::path(path).line(1).char_column(1))
        } else {
            let start = floor_char(text, self.at.start);
            let end = floor_char(text, self.at.end).max(start);
            // A span over several lines is shown by its first: the place is what counts.
            let end = text[start..end].find('\n').map_or(end, |line| start + line);
            let annotation = AnnotationKind::Primary.span(start..end);
            title.element(Snippet::source(text).path(path).fold(true).annotation(annotation))
        };
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        vec![group]
    }

    /// 1-based line and column (in characters) of the start.
    pub fn position(&self, text: &str) -> (usize, usize) {
        let before = &text[..floor_char(text, self.at.start)];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        (line, column)
    }
}

fn floor_char(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The nearest known name, if it is near enough to be a slip of the pen.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|k| (strsim::damerau_levenshtein(&name.to_lowercase(), &k.to_lowercase()), k))
        .filter(|(distance, k)| *distance <= (k.chars().count().max(name.chars().count()) / 3).max(1))
        .min()
        .map(|(_, k)| k)
}

/// `did you mean `checks`?` or the whole choice.
pub fn suggest(name: &str, known: &[&str]) -> String {
    match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => String::new(),
        None => format!("known here: {}", known.join(", ")),
    }
}
