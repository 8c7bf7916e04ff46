//! The steps of a build as BuildKit tells of them: several at a time, each with its lines.

use super::proto::{StatusResponse, Timestamp, Vertex};
use crate::image::engine::output::{Said, Tail, plain};
use std::collections::HashMap;

/// Of a line that has not ended yet.
const UNENDED: usize = 16 << 10;

#[derive(Default)]
pub(super) struct Steps {
    /// From its digest to its place.
    places: HashMap<String, usize>,
    steps: Vec<Step>,
}

#[derive(Default)]
struct Step {
    name: String,
    is_told: bool,
    has_ended: bool,
    error: Option<String>,
    unended: Vec<u8>,
    tail: Tail,
}

impl Steps {
    pub(super) fn take(&mut self, status: StatusResponse, say: &impl Fn(Said)) {
        for vertex in &status.vertexes {
            self.begin(vertex, say);
        }
        for log in status.logs {
            let place = self.place(&log.vertex);
            for line in self.steps[place].lines(&log.message) {
                self.output(place, line, say);
            }
        }
        for warning in status.warnings {
            let place = self.place(&warning.vertex);
            let text = plain(&String::from_utf8_lossy(&warning.short));
            say(Said::Output(&format!("#{} warning: {text}", place + 1)));
        }
        for vertex in &status.vertexes {
            self.end(vertex, say);
        }
    }

    fn place(&mut self, digest: &str) -> usize {
        if let Some(place) = self.places.get(digest) {
            return *place;
        }
        self.places.insert(digest.to_string(), self.steps.len());
        self.steps.push(Step::default());
        self.steps.len() - 1
    }

    fn output(&mut self, place: usize, line: String, say: &impl Fn(Said)) {
        say(Said::Output(&format!("#{} {line}", place + 1)));
        self.steps[place].tail.push(line);
    }

    fn begin(&mut self, vertex: &Vertex, say: &impl Fn(Said)) {
        let place = self.place(&vertex.digest);
        let step = &mut self.steps[place];
        step.name = plain(&vertex.name);
        if !step.is_told && (vertex.started.is_some() || vertex.cached) {
            step.is_told = true;
            say(Said::Step(&format!("#{} {}", place + 1, step.name)));
        }
        if !vertex.error.is_empty() {
            step.error = Some(vertex.error.clone());
        }
    }

    fn end(&mut self, vertex: &Vertex, say: &impl Fn(Said)) {
        let place = self.place(&vertex.digest);
        if self.steps[place].has_ended || !(vertex.completed.is_some() || vertex.cached) {
            return;
        }
        // Its last line may lack an end.
        for line in self.steps[place].lines(b"\n") {
            self.output(place, line, say);
        }
        let step = &mut self.steps[place];
        step.has_ended = true;
        let said = match (&step.error, vertex.cached, vertex.started.zip(vertex.completed)) {
            (Some(error), ..) => format!("ERROR: {}", plain(error)),
            (None, true, _) => "CACHED".to_string(),
            (None, false, Some((started, completed))) => format!("DONE {:.1}s", seconds(started, completed)),
            (None, false, None) => "DONE".to_string(),
        };
        say(Said::Output(&format!("#{} {said}", place + 1)));
    }

    /// Why the build failed: the step that did or that it was at, and its last lines.
    pub(super) fn told(&self, why: &str) -> String {
        // Steps that were cancelled because of it come with an error too.
        let is_cause = |step: &&Step| step.error.as_deref().is_some_and(|error| !error.contains("context canceled"));
        match self.steps.iter().find(is_cause) {
            Some(step) => step.tail.told(Some(&step.name), step.error.as_deref().unwrap_or(why)),
            None => match self.steps.iter().rev().find(|step| step.is_told && !step.has_ended) {
                Some(step) => step.tail.told(Some(&step.name), why),
                None => why.to_string(),
            },
        }
    }
}

impl Step {
    /// The lines that a piece of output completes. What is written over (`\r`) counts as a line.
    fn lines(&mut self, piece: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for byte in piece {
            match byte {
                b'\n' | b'\r' => lines.push(std::mem::take(&mut self.unended)),
                byte if self.unended.len() < UNENDED => self.unended.push(*byte),
                _ => {}
            }
        }
        let lines = lines.iter().map(|line| plain(&String::from_utf8_lossy(line)));
        lines.filter(|line| !line.is_empty()).collect()
    }
}

fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.seconds as f64 - from.seconds as f64 + (f64::from(to.nanos) - f64::from(from.nanos)) / 1e9
}

#[cfg(test)]
mod tests {
    use super::super::proto::{VertexLog, VertexWarning};
    use super::*;
    use std::cell::RefCell;

    fn vertex(digest: &str, name: &str) -> Vertex {
        let started = Some(Timestamp { seconds: 10, nanos: 900_000_000 });
        Vertex { digest: digest.into(), name: name.into(), started, ..Vertex::default() }
    }

    fn log(vertex: &str, text: &str) -> VertexLog {
        VertexLog { vertex: vertex.into(), message: text.into() }
    }

    #[test]
    fn steps_run_beside_each_other_and_each_keeps_its_lines() {
        let (mut steps, said) = (Steps::default(), RefCell::new(Vec::new()));
        let say = |what: Said| match what {
            Said::Step(line) => said.borrow_mut().push(format!("> {line}")),
            Said::Output(line) => said.borrow_mut().push(line.to_string()),
        };
        let waiting = Vertex { started: None, ..vertex("c", "[3/3] RUN later") };
        let first = StatusResponse {
            vertexes: vec![vertex("a", "[1/3] COPY . ."), vertex("b", "[2/3] RUN\tx"), waiting],
            logs: vec![log("b", "half a "), log("a", "10%\r20%\n"), log("b", "line\n\x1b[1mno end")],
            ..StatusResponse::default()
        };
        steps.take(first, &say);
        assert_eq!(steps.told("it hung up"), "[2/3] RUNx: it hung up\n  half a line");
        let done =
            Vertex { completed: Some(Timestamp { seconds: 12, nanos: 100_000_000 }), ..vertex("a", "[1/3] COPY . .") };
        let failed = Vertex { error: "exit code: 3".into(), ..done.clone() };
        let failed = Vertex { digest: "b".into(), name: "[2/3] RUN\tx".into(), ..failed };
        let cancelled = Vertex { error: "context canceled".into(), ..vertex("c", "[3/3] RUN later") };
        let cached = Vertex { cached: true, started: None, ..vertex("d", "[0/3] FROM x") };
        let warnings = vec![VertexWarning { vertex: "a".into(), short: b"old".to_vec() }];
        let second =
            StatusResponse { vertexes: vec![cancelled, done.clone(), failed, cached], warnings, ..Default::default() };
        steps.take(second, &say);
        steps.take(StatusResponse { vertexes: vec![done], ..Default::default() }, &say);
        let expected = [
            "> #1 [1/3] COPY . .",
            "> #2 [2/3] RUNx",
            "#1 10%",
            "#1 20%",
            "#2 half a line",
            "> #3 [3/3] RUN later",
            "> #4 [0/3] FROM x",
            "#1 warning: old",
            "#1 DONE 1.2s",
            "#2 no end",
            "#2 ERROR: exit code: 3",
            "#4 CACHED",
        ];
        assert_eq!(said.into_inner(), expected);
        assert_eq!(steps.told("failed to solve"), "[2/3] RUNx: exit code: 3\n  half a line\n  no end");
        assert_eq!(Steps::default().told("failed to solve"), "failed to solve");
    }
}
