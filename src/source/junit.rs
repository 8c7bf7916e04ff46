//! JUnit XML read back: what a test run says of itself. There is no standard, so what pytest, JUnit 5, Surefire,
//! GoogleTest, Jest, cargo-nextest and their kin write is read by what they agree on: `testcase` elements in any
//! nesting of `testsuite`, each with `failure`, `error` or `skipped` inside or none of them.
//!
//! The test cases are counted, not believed: the totals in the attributes matter only when they claim failures
//! that the file does not list. Files stream through in bounded memory; entities are never expanded, no file or
//! address is ever opened on the word of a document.

mod bounded;

use crate::model::Fault;
use bounded::Bounded;
use quick_xml::Reader;
use quick_xml::escape::{resolve_predefined_entity, unescape};
use quick_xml::events::{BytesStart, Event};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// Failed tests that are named; all are counted.
const FAILURES_NAMED: usize = 5;
const DEEPEST: usize = 64;
const PROPERTIES_KEPT: usize = 10_000;
/// Characters kept of a name or of a message's first line.
const LONGEST: usize = 200;
/// Bytes of a failure's text after which no more is kept.
const TEXT_KEPT: usize = 1000;

/// What a file tells, over all its suites.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    pub passed: u64,
    /// Failures and errors alike, each test case once.
    pub failed: u64,
    pub skipped: u64,
    /// The first five that failed, in the order of the file.
    pub failures: Vec<Failure>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// `tests.test_model.test_shape`
    pub name: String,
    /// The first line of the message; may be empty.
    pub message: String,
}

impl Summary {
    /// Tests that ran.
    pub fn executed(&self) -> u64 {
        self.passed + self.failed
    }
}

/// Reads a JUnit XML file.
///
/// # Errors
/// When the file is not there, cannot be read, is no XML, is cut off or is no JUnit; with the line where.
pub fn read(path: &Path) -> Result<Summary, Fault> {
    Ok(document(path)?.summary)
}

fn document(path: &Path) -> Result<Document, Fault> {
    let what = format!("read JUnit XML from {}", path.display());
    let hint = "check that the test command writes this file to its end";
    let meta = std::fs::metadata(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => Fault::new(&what, "there is no such file", hint),
        _ => Fault::new(&what, e, hint),
    })?;
    if !meta.is_file() {
        return Err(Fault::new(&what, "it is no regular file", hint));
    }
    let file = File::open(path).map_err(|e| Fault::new(&what, e, hint))?;
    parse(BufReader::new(file)).map_err(|Wrong { line, why }| Fault::new(&what, format!("line {line}: {why}"), hint))
}

/// A `property` of a suite or of a test case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    /// The test case that it is of; None: the suite.
    pub case: Option<String>,
    pub name: String,
    pub value: String,
}

/// The properties in a JUnit XML file, in its order.
///
/// # Errors
/// As [`read`], and more than 10,000 properties.
pub fn properties(path: &Path) -> Result<Vec<Property>, Fault> {
    Ok(document(path)?.properties)
}

#[derive(Debug, PartialEq, Eq)]
struct Wrong {
    line: u64,
    why: String,
}

fn parse(source: impl BufRead) -> Result<Document, Wrong> {
    let mut reader = Reader::from_reader(Bounded::new(source));
    reader.config_mut().allow_dangling_amp = true;
    let mut document = Document::default();
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        let event = reader.read_event_into(&mut buffer).map_err(|error| error.to_string());
        let step = match event {
            Ok(Event::Eof) => document.end().map(|()| true),
            Ok(event) => document.take(&event).map(|()| false),
            Err(why) => Err(why),
        };
        match step {
            Ok(false) => {}
            Ok(true) => return Ok(document),
            Err(why) => return Err(Wrong { line: reader.get_ref().line(), why }),
        }
    }
}

/// Where in the document the reader stands, and what it has found.
#[derive(Default)]
struct Document {
    open: Vec<Element>,
    seen_root: bool,
    summary: Summary,
    properties: Vec<Property>,
}

enum Element {
    Suite {
        name: String,
        claimed: u64,
        failed_before: u64,
    },
    Case(Case),
    /// `failure` and `error`: the begin of their text is the message when there is no attribute.
    Failure(String),
    Other,
}

#[derive(Default)]
struct Case {
    name: String,
    /// None: the test has not failed.
    message: Option<String>,
    skipped: bool,
}

impl Document {
    fn take(&mut self, event: &Event<'_>) -> Result<(), String> {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::Empty(tag) => {
                self.start(tag)?;
                self.close();
                Ok(())
            }
            Event::End(_) => {
                self.close();
                Ok(())
            }
            Event::Text(text) => self.text(&String::from_utf8_lossy(text)),
            Event::CData(text) => self.text(&String::from_utf8_lossy(text)),
            Event::GeneralRef(reference) => {
                let name = String::from_utf8_lossy(reference);
                match (resolve_predefined_entity(&name), reference.resolve_char_ref()) {
                    (Some(text), _) => self.text(text),
                    (None, Ok(Some(c))) => self.text(c.encode_utf8(&mut [0; 4])),
                    _ => self.text(&format!("&{name};")),
                }
            }
            _ => Ok(()),
        }
    }

    fn start(&mut self, tag: &BytesStart<'_>) -> Result<(), String> {
        if self.open.len() >= DEEPEST {
            return Err(format!("elements are nested more than {DEEPEST} deep"));
        }
        let local = tag.local_name();
        let kind = local.as_ref();
        if self.open.is_empty() {
            if self.seen_root {
                return Err("there is a second root element".into());
            }
            if !matches!(kind, b"testsuites" | b"testsuite") {
                let found = shorten(&String::from_utf8_lossy(kind));
                return Err(format!("expected <testsuites> or <testsuite>, found <{found}>"));
            }
            self.seen_root = true;
        }
        let element = match kind {
            b"testsuites" | b"testsuite" => {
                let count = |name| attribute(tag, name).and_then(|text| text.trim().parse::<u64>().ok()).unwrap_or(0);
                let claimed = count("failures").saturating_add(count("errors"));
                let name = attribute(tag, "name").unwrap_or_default();
                Element::Suite { name, claimed, failed_before: self.summary.failed }
            }
            b"testcase" => Element::Case(Case::new(tag)),
            b"failure" | b"error" => {
                self.failure(attribute(tag, "message").unwrap_or_default());
                Element::Failure(String::new())
            }
            b"property" => {
                self.property(tag)?;
                Element::Other
            }
            b"skipped" => {
                if let Some(Element::Case(case)) = self.open.last_mut() {
                    case.skipped = true;
                }
                Element::Other
            }
            _ => Element::Other,
        };
        self.open.push(element);
        Ok(())
    }

    /// Of the test case or the suite that is open around `properties`.
    fn property(&mut self, tag: &BytesStart<'_>) -> Result<(), String> {
        let (Some(name), Some(value)) = (attribute(tag, "name"), attribute(tag, "value")) else { return Ok(()) };
        if self.properties.len() >= PROPERTIES_KEPT {
            return Err(format!("there are more than {PROPERTIES_KEPT} properties"));
        }
        let case = self.open.iter().rev().find_map(|element| match element {
            Element::Case(case) => Some(case.name.clone()),
            _ => None,
        });
        self.properties.push(Property { case, name: shorten(&name), value: shorten(&value) });
        Ok(())
    }

    /// A failure of the test case that is open, or of the suite itself, as when its set-up failed.
    fn failure(&mut self, message: String) {
        match self.open.last_mut() {
            Some(Element::Case(case)) => {
                case.message.get_or_insert(message);
            }
            Some(Element::Suite { name, .. }) => {
                let name = shorten(name);
                self.summary.fail(name, &message);
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str) -> Result<(), String> {
        if self.open.is_empty() && !text.trim().is_empty() {
            return Err("there is text outside of the root element".into());
        }
        if let Some(Element::Failure(kept)) = self.open.last_mut()
            && kept.len() < TEXT_KEPT
        {
            kept.push_str(text);
        }
        Ok(())
    }

    fn close(&mut self) {
        match self.open.pop() {
            Some(Element::Failure(text)) => {
                if let Some(Element::Case(Case { message: Some(message), .. })) = self.open.last_mut()
                    && message.trim().is_empty()
                {
                    *message = text;
                }
            }
            Some(Element::Case(case)) => self.summary.count(case),
            // A suite that says it failed but lists no failure is believed: the sterner wins.
            Some(Element::Suite { name, claimed, failed_before }) if self.summary.failed == failed_before => {
                for _ in 0..claimed.min(FAILURES_NAMED as u64) {
                    self.summary.fail(shorten(&name), "the suite counts a failure that the file does not list");
                }
                self.summary.failed += claimed.saturating_sub(FAILURES_NAMED as u64);
            }
            _ => {}
        }
    }

    fn end(&self) -> Result<(), String> {
        match self.open.last() {
            _ if !self.seen_root => Err("the file is empty".into()),
            None => Ok(()),
            Some(_) => Err("the file ends in the middle: an element is not closed".into()),
        }
    }
}

impl Case {
    fn new(tag: &BytesStart<'_>) -> Case {
        let name = attribute(tag, "name").filter(|name| !name.is_empty()).unwrap_or_else(|| "(unnamed)".into());
        let name = match attribute(tag, "classname") {
            Some(class) if !class.is_empty() && !name.starts_with(&class) => format!("{class}.{name}"),
            _ => name,
        };
        // GoogleTest marks a disabled test by these alone.
        let of = |name, value| attribute(tag, name).is_some_and(|text| text == value);
        let skipped = of("status", "notrun") || of("status", "disabled") || of("result", "suppressed");
        Case { name: shorten(&name), message: None, skipped }
    }
}

impl Summary {
    fn count(&mut self, case: Case) {
        match case {
            Case { name, message: Some(message), .. } => self.fail(name, &message),
            Case { skipped: true, .. } => self.skipped += 1,
            Case { .. } => self.passed += 1,
        }
    }

    fn fail(&mut self, name: String, message: &str) {
        self.failed += 1;
        if self.failures.len() < FAILURES_NAMED {
            let first = message.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
            self.failures.push(Failure { name, message: shorten(first) });
        }
    }
}

/// An attribute's value; what cannot be resolved, such as an entity of the document's own, stays as written.
fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = tag.attributes().with_checks(false).flatten().find(|a| a.key.as_ref() == name.as_bytes())?;
    let raw = String::from_utf8_lossy(&found.value);
    Some(unescape(&raw).map(|text| text.into_owned()).unwrap_or_else(|_| raw.into_owned()))
}

/// At most [`LONGEST`] characters, none of them a control character.
fn shorten(text: &str) -> String {
    let mut clean: String = text.chars().filter(|c| !c.is_control()).take(LONGEST + 1).collect();
    if let Some((at, _)) = clean.char_indices().nth(LONGEST) {
        clean.truncate(at);
        clean.push('…');
    }
    clean
}

#[cfg(test)]
mod tests;
