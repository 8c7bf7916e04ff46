//! The annotations by which a running pod leads to its evidence: model, version, run and record. They go into the overlay's
//! `commonAnnotations`, which Kustomize gives to every object and its pods.

use crate::kustomize::{self, Output, Value, edit};
use crate::record::wire;

const MODEL: &str = "mlgate.dev/model";
const VERSION: &str = "mlgate.dev/model-version";
const RUN: &str = "mlgate.dev/run";
const RECORD: &str = "mlgate.dev/record";

/// What leads from an image to the evidence in its record; `artifact` carries the record (`repository@sha256:…`). The
/// model's version is what the user called it: the image's first tag, or else the commit.
pub fn of(record: &wire::Record, artifact: &str) -> Vec<(&'static str, String)> {
    let tag = record.image.as_ref().and_then(|image| image.tags.first());
    let version = tag.or(record.run.commit.as_ref().map(|commit| &commit.sha));
    let mut leads = vec![(MODEL, record.run.model.clone())];
    leads.extend(version.map(|version| (VERSION, version.clone())));
    leads.extend([(RUN, record.run.hash.clone()), (RECORD, artifact.to_string())]);
    leads
}

/// The text of a kustomization with these annotations set. Comments, order, indentation and line ends stay.
///
/// # Errors
/// When they cannot be set by changing and adding lines alone, or the result would differ in anything else.
pub fn set(text: &str, leads: &[(&'static str, String)]) -> kustomize::Result<String> {
    leads.iter().try_fold(text.to_string(), |text, (key, value)| edit::set_annotation(&text, key, value))
}

/// Kinds whose controller hands the annotations of the object down to its pods, or that are pods.
const HANDED_DOWN: [&str; 2] = ["InferenceService", "Pod"];

/// A note for each object that runs the image and whose pods do not get the annotations.
pub fn without(output: &Output, image: &str, leads: &[(&'static str, String)]) -> Vec<String> {
    if leads.is_empty() {
        return Vec::new();
    }
    let runs = |object: &&Value| {
        let one = Output { resources: vec![(*object).clone()] };
        one.images().iter().any(|reference| reference.image == image)
    };
    output
        .resources
        .iter()
        .filter(runs)
        .filter(|object| !HANDED_DOWN.contains(&object.str_at(&["kind"])) && annotated(object) < 2)
        .map(|object| {
            format!(
                "the pods of {} {} do not get the annotations: name their place in `configurations` (docs/promotion.md)",
                object.str_at(&["kind"]),
                object.str_at(&["metadata", "name"])
            )
        })
        .collect()
}

/// How often the record is named in an object: once in its own annotations, again in those of its pods.
fn annotated(value: &Value) -> usize {
    match value {
        Value::Map(map) => map.0.iter().map(|(key, inner)| usize::from(key == RECORD) + annotated(inner)).sum(),
        Value::List(list) => list.iter().map(annotated).sum(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_added_once_and_then_changed_in_their_lines() {
        let leads = |record: &str| vec![(MODEL, "churn".into()), (VERSION, "1.10".into()), (RECORD, record.into())];
        let text = "resources: [../../base]   # all\nimages:\n- name: churn\n";
        let first = set(text, &leads("ghcr.io/acme/churn@sha256:1")).unwrap();
        assert!(first.starts_with(text), "{first}");
        // 1.10 stays text.
        assert!(first.contains("  mlgate.dev/model-version: \"1.10\"\n"), "{first}");
        assert_eq!(set(&first, &leads("ghcr.io/acme/churn@sha256:1")).unwrap(), first, "the same changes nothing");
        let second = set(&first, &leads("ghcr.io/acme/churn@sha256:2")).unwrap();
        assert_eq!(second, first.replace("sha256:1", "sha256:2"));
        assert_eq!(set(text, &[]).unwrap(), text);
        // A model may be called anything.
        for (text, name) in ["", text, "{resources: [a]}\n", "commonAnnotations: {'a': 'b'}\n"]
            .into_iter()
            .flat_map(|text| ["Café", "it's \"new\" # \\1", " a: b ", "模型 {1}, [2]"].map(|name| (text, name)))
        {
            let odd = [(MODEL, name.to_string())];
            let after = set(text, &odd).unwrap_or_else(|error| panic!("{name} in {text}: {error}"));
            let read: serde_json::Value = serde_saphyr::from_str(&after).unwrap();
            assert_eq!(read["commonAnnotations"][MODEL], name, "{after}");
            assert_eq!(set(&after, &odd).unwrap(), after);
        }
        assert!(set("commonAnnotations:\n  mlgate.dev/record: &r old\n", &leads("r")).is_err());
    }
}
