//! What a record says in the words of others: predicates that tools know which know nothing of mlgate.

use super::wire;
use serde_json::{Value, json};

/// <https://github.com/in-toto/attestation/blob/main/spec/predicates/test-result.md>
pub const TEST_RESULT: &str = "https://in-toto.io/attestation/test-result/v0.1";
/// <https://slsa.dev/spec/v1.0/provenance>
pub const PROVENANCE: &str = "https://slsa.dev/provenance/v1";
/// docs/signing.md says what its parameters are.
const BUILD_TYPE: &str = "https://mlgate.dev/build/v1";

/// Who ran the build, as the CI system tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Builder {
    /// Who is trusted to have done what is claimed: the kind of machine.
    pub id: String,
    /// The address of this run, where there is one.
    pub invocation: Option<String>,
    /// The repository's address, where it is known.
    pub source: Option<String>,
}

/// The verdicts as test results.
pub fn test_result(record: &wire::Record) -> Value {
    let named = |outcomes: &[&str]| -> Vec<String> {
        let verdicts = record.verdicts.iter().filter(|verdict| outcomes.contains(&verdict.outcome.as_str()));
        verdicts.map(|verdict| format!("{}: {}", verdict.stage, verdict.gate)).collect()
    };
    let (warned, failed) = (named(&["warned", "inconclusive"]), named(&["failed", "errored"]));
    let result = match record.decision.outcome.as_str() {
        "cleared" if warned.is_empty() && failed.is_empty() => "PASSED",
        "cleared" => "WARNED",
        _ => "FAILED",
    };
    json!({
        "result": result,
        "configuration": [{"name": record.config.path, "digest": digest_set(&record.config.digest)}],
        "passedTests": named(&["passed"]),
        "warnedTests": warned,
        "failedTests": failed,
    })
}

/// How the image came to be: what was asked for, from what, by whom.
pub fn provenance(record: &wire::Record, builder: &Builder) -> Value {
    let mut materials = Vec::new();
    if let Some(commit) = &record.run.commit {
        let source = builder.source.as_ref().map(|source| format!("git+{source}@{}", commit.sha));
        // What was not committed is not what the commit says; the code's own digest is below.
        let named = if commit.dirty { "commit, with changes that are not in it" } else { "commit" };
        let mut material = json!({"name": named, "digest": {"gitCommit": commit.sha}});
        if let Some(source) = source {
            material["uri"] = json!(source);
        }
        materials.push(material);
    }
    materials.extend(
        record.inputs.iter().map(
            |input| json!({"name": format!("{} {}", input.kind, input.name), "digest": digest_set(&input.digest)}),
        ),
    );
    let image = record.image.as_ref();
    let mut metadata = json!({"startedOn": record.run.started, "finishedOn": record.run.finished});
    if let Some(invocation) = &builder.invocation {
        metadata["invocationId"] = json!(invocation);
    }
    json!({
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": {
                "config": {"path": record.config.path, "digest": digest_set(&record.config.digest)},
                "model": record.run.model,
                "repository": image.map(|image| image.repository.as_str()),
                "tags": image.map(|image| image.tags.as_slice()),
            },
            "internalParameters": {"run": record.run.hash, "host": record.run.host},
            "resolvedDependencies": materials,
        },
        "runDetails": {
            "builder": {"id": builder.id, "version": {record.tool.name.clone(): record.tool.version}},
            "metadata": metadata,
        },
    })
}

/// `sha256:…` as in-toto writes it: the algorithm's name and the digits. DVC's MD5 among the inputs keeps its name.
fn digest_set(digest: &str) -> Value {
    let (algorithm, digits) = digest.split_once(':').unwrap_or(("sha256", digest));
    json!({algorithm: digits})
}
