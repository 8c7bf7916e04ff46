//! The shape of `mlops.yaml`, once: validation walks it, the JSON Schema is printed from it, and the nearest
//! known key is found in it. Longer than most files because it is a table.

/// What a value may be.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    Text,
    /// One that separates or encloses fields: it may be a tab or a space.
    Character,
    Number,
    Integer,
    Bool,
    /// Text or number, such as a label value.
    Scalar,
    /// `90s`, `10m`, `2d`
    Duration,
    /// `3%`
    Percent,
    /// `100/s`
    Rate,
    /// `512MiB`
    Size,
    OneOf(&'static [&'static str]),
    List(&'static Shape),
    /// Names of the user's choosing → shape.
    Map(&'static Shape),
    Object(&'static Object),
    /// Text, or a mapping that says more.
    TextOr(&'static Object),
    /// A whole number, or a list of numbers that rise.
    Bins,
    /// A line of `gates:`: text, `{warn: text}` or `{gate: text, quarantine: {…}}`. YAML reads `- warn: f1 >= 0.8` as
    /// `{warn: …}`, which means the same.
    Gate,
    /// A line of `checks:`: text, `{warn: text}`, `{check: …, where: …}`, `{columns: {…}}`, `{expr: …}` or `{sql: …}`.
    Check,
}

#[derive(Debug)]
pub struct Object {
    pub keys: &'static [Key],
}

#[derive(Debug)]
pub struct Key {
    pub name: &'static str,
    pub required: bool,
    pub shape: Shape,
    /// One sentence; the description that editors show.
    pub doc: &'static str,
}

const fn must(name: &'static str, shape: Shape, doc: &'static str) -> Key {
    Key { name, required: true, shape, doc }
}

const fn may(name: &'static str, shape: Shape, doc: &'static str) -> Key {
    Key { name, required: false, shape, doc }
}

const TEXTS: Shape = Shape::List(&Shape::Text);
const PASS_OR_BLOCK: Shape = Shape::OneOf(&["accept", "block"]);
const WARN_OR_BLOCK: Shape = Shape::OneOf(&["warn", "block"]);

pub static ROOT: Object = Object {
    keys: &[
        must("version", Shape::Integer, "Version of this file's format: 1."),
        must("model", Shape::Object(&MODEL), "What the model is; its digest is part of the run hash."),
        may("data", Shape::Map(&Shape::Object(&DATASET)), "Data sets by name, with their checks."),
        may("tests", Shape::Map(&Shape::Object(&SUITE)), "Test suites by name."),
        may("quality", Shape::Object(&QUALITY), "Model quality: predictions, metrics, baseline and gates."),
        may("image", Shape::Object(&IMAGE), "The container image that serves the model."),
        may("signing", Shape::Object(&SIGNING), "Who signs what is attached to the image, and whose signatures count."),
        may("latency", Shape::Object(&LATENCY), "The latency probe and its gates."),
        may("overlay", Shape::Object(&OVERLAY), "What every rendered overlay is held against."),
        may("environments", Shape::Map(&Shape::Object(&ENVIRONMENT)), "Places a model is promoted to, in order."),
        may("inconclusive", Shape::Object(&INCONCLUSIVE), "What a verdict does that the data cannot settle."),
        may("confidence", Shape::Percent, "Level of every interval; 95% unless said."),
        may(
            "slice_correction",
            Shape::OneOf(&["bonferroni", "none"]),
            "Of the level of gates on several slices, by how many they are; bonferroni unless said.",
        ),
    ],
};

pub static MODEL: Object = Object {
    keys: &[
        must("name", Shape::Text, "Name of the model, as it stands in reports and in the record."),
        may("files", TEXTS, "Files, folders or globs that make up the model."),
    ],
};

pub static INCONCLUSIVE: Object = Object {
    keys: &[
        may("run", WARN_OR_BLOCK, "In `mlgate run`: warn unless said."),
        may("promote", WARN_OR_BLOCK, "In `mlgate promote`: block unless said."),
    ],
};

pub static DATASET: Object = Object {
    keys: &[
        must("source", Shape::Text, "A file, a glob or an address of files of one schema, relative to this file."),
        may("format", Shape::OneOf(&["csv", "parquet", "ndjson", "arrow"]), "By the file's ending unless said."),
        may("csv", Shape::Object(&CSV), "How the CSV is written; RFC 4180 with a header line unless said."),
        may("tracked_by", Shape::OneOf(&["dvc", "lakefs"]), "Who knows which content the data set must have."),
        may("engine", Shape::Text, "embedded (unless said), duckdb, or a Spark Connect server: sc://HOST:PORT."),
        may("query_timeout", Shape::Duration, "Of one query that duckdb or Spark is sent; 1h unless said."),
        may("memory", Shape::Size, "What the checks may hold, the rest goes to disk; 256MiB unless said."),
        may("private", TEXTS, "Columns whose values are never shown, recorded or profiled."),
        may("checks", Shape::List(&Shape::Check), "Checks, all made in one scan."),
        may("drift", Shape::Object(&DRIFT), "Comparison of the distributions with those of a reference."),
        may("import", Shape::List(&Shape::Object(&IMPORT)), "Result files of other tools, as checks."),
    ],
};

pub static CSV: Object = Object {
    keys: &[
        may("delimiter", Shape::Character, "One character; a comma unless said."),
        may("quote", Shape::Character, "One character, or none; a double quote unless said."),
        may("comment", Shape::Character, "One character; lines that begin with it are skipped."),
        may("header", TEXTS, "Names of the columns, where the first line is data."),
        may("nulls", TEXTS, "Texts that stand for null, beside the empty one."),
    ],
};

pub static IMPORT: Object = Object {
    keys: &[
        may("evidently", Shape::Text, "JSON of an Evidently report with tests."),
        may("great_expectations", Shape::Text, "JSON of a Great Expectations validation or checkpoint."),
        may("soda", Shape::Text, "JSON of a Soda scan."),
        may("max_age", Shape::Duration, "How old the result may be; not older than the data's files unless said."),
    ],
};

pub static DRIFT: Object = Object {
    keys: &[
        must("against", Shape::Text, "A data set, production, production.DATASET, or a profile's file."),
        may("max_share", Shape::Percent, "Share of the columns that may have drifted; 50% unless said."),
        may("columns", TEXTS, "Columns to compare; those of both sides unless said."),
        may("except", TEXTS, "Columns to leave out."),
        may("method", Shape::OneOf(super::DRIFT_METHODS), "For every column; by its type and size unless said."),
        may("threshold", Shape::Number, "Bound on the method's distance or p-value; the method's own unless said."),
        may("methods", Shape::Map(&Shape::Object(&DRIFT_METHOD)), "Method and threshold of single columns."),
        may(
            "correction",
            Shape::OneOf(&["none", "benjamini_hochberg", "bonferroni"]),
            "Of p-values across columns; none unless said.",
        ),
        may("text", TEXTS, "Columns of free text, compared by their words."),
        may("embeddings", Shape::Map(&TEXTS), "Embeddings by name: the columns, or patterns such as e_*."),
        may("label", Shape::Text, "The label; it must not have drifted, whatever the share."),
        may("prediction", Shape::Text, "The prediction; it must not have drifted, whatever the share."),
        may("severity", WARN_OR_BLOCK, "Block unless said."),
    ],
};

pub static DRIFT_METHOD: Object = Object {
    keys: &[
        may("method", Shape::OneOf(super::DRIFT_METHODS), "By the column's type and size unless said."),
        may("threshold", Shape::Number, "The method's own unless said."),
    ],
};

pub static WARN: Object =
    Object { keys: &[must("warn", Shape::Text, "The rule; if it does not hold, it only warns.")] };

pub static GATE: Object = Object {
    keys: &[
        must("gate", Shape::Text, "The rule, as a line of its own would say it."),
        may("quarantine", Shape::Object(&QUARANTINE), "Until a day the gate only warns; from then on it errs."),
    ],
};

pub static QUARANTINE: Object = Object {
    keys: &[
        must("until", Shape::Text, "The last day on which the gate only warns, as 2027-01-31; 90 days ahead at most."),
        must("reason", Shape::Text, "Why, and what will mend it."),
    ],
};

/// The forms of a line of `gates:` that are mappings.
pub static GATE_LINES: [(&str, &Object); 2] = [("gate", &GATE), ("warn", &WARN)];

pub static RULE_CHECK: Object = Object {
    keys: &[
        must("check", Shape::Text, "The rule, as a line of its own would say it."),
        may("where", Shape::Text, "Only rows for which this condition is true are looked at."),
        may("mostly", Shape::Percent, "Share of the values that must pass; all unless said."),
        may("name", Shape::Text, "How the check is called in reports."),
        may("severity", WARN_OR_BLOCK, "Block unless said."),
    ],
};

pub static EXPR_CHECK: Object = Object {
    keys: &[
        must("expr", Shape::Text, "A condition over columns that no row may break."),
        may("where", Shape::Text, "Only rows for which this condition is true are looked at."),
        may("mostly", Shape::Percent, "Share of the rows that must pass; all unless said."),
        may("name", Shape::Text, "How the check is called in reports."),
        may("severity", WARN_OR_BLOCK, "Block unless said."),
    ],
};

pub static SQL_CHECK: Object = Object {
    keys: &[
        must("sql", Shape::Text, "A query; the rows it returns are failures."),
        may("name", Shape::Text, "How the check is called in reports."),
        may("severity", WARN_OR_BLOCK, "Block unless said."),
    ],
};

pub static COLUMNS_CHECK: Object = Object {
    keys: &[
        must("columns", Shape::Map(&Shape::OneOf(COLUMN_TYPES)), "Columns that must be there, with their types."),
        may("exact", Shape::Bool, "No other columns may be there; false unless said."),
        may("ordered", Shape::Bool, "They must come in this order; false unless said."),
        may("severity", WARN_OR_BLOCK, "Block unless said."),
    ],
};

/// The forms of a line of `checks:` that are mappings, by the key that tells them apart.
pub static LINES: [(&str, &Object); 5] =
    [("check", &RULE_CHECK), ("columns", &COLUMNS_CHECK), ("expr", &EXPR_CHECK), ("sql", &SQL_CHECK), ("warn", &WARN)];

pub const COLUMN_TYPES: &[&str] = &["int", "float", "number", "string", "bool", "timestamp", "date"];

pub static SUITE: Object = Object {
    keys: &[
        must("run", Shape::Text, "The command, run by `sh -c` in the folder of this file."),
        may("junit", Shape::Text, "JUnit XML that the command writes."),
        may("timeout", Shape::Duration, "10m unless said."),
        may("severity", WARN_OR_BLOCK, "Block unless said."),
    ],
};

pub static QUALITY: Object = Object {
    keys: &[
        may("run", Shape::Text, "A command that writes the files below; without it they must be there."),
        may("timeout", Shape::Duration, "Of the command; 1h unless said."),
        may("predictions", Shape::Object(&PREDICTIONS), "Predictions on labelled rows: metrics with intervals."),
        may(
            "metrics",
            Shape::List(&Shape::TextOr(&METRICS)),
            "Files of numbers that you computed, or runs: mlflow:runs:/ID, wandb:ENTITY/PROJECT/RUN.",
        ),
        may("custom", Shape::Map(&Shape::Object(&CUSTOM)), "Metrics of your own by name."),
        may(
            "baseline",
            Shape::Text,
            "production, git:REF, dvc:REF, mlflow:models:/NAME@ALIAS, wandb:ENTITY/PROJECT/RUN, a file or an address.",
        ),
        may("first_run", PASS_OR_BLOCK, "What a baseline that is not there yet does; block unless said."),
        may("min_slice_rows", Shape::Integer, "Smaller slices are left out; 30 unless said."),
        may("remeasure", Shape::Object(&REMEASURE), "Run again while a gate is inconclusive, all rows together."),
        may("gates", Shape::List(&Shape::Gate), "Rules such as `f1 within 3% of baseline`."),
    ],
};

pub static METRICS: Object = Object {
    keys: &[
        must("from", Shape::Text, "A file, a model or a run; {id} stands for the text of `id_file`."),
        may("id_file", Shape::Text, "A file with the id of the run, such as `quality.run` writes."),
        may("units", Shape::Map(&Shape::Text), "Units by the name of the metric: ms, s, %, MB and so on."),
    ],
};

pub static CUSTOM: Object = Object {
    keys: &[
        must("expr", Shape::Text, "Means and sums of expressions over a row's columns: mean(5 * fn + fp)."),
        must("better", Shape::OneOf(&["higher", "lower"]), "Which way is better."),
        may("unit", Shape::OneOf(&["score", "share", "s", "B", "count"]), "What it is measured in; score unless said."),
    ],
};

pub static PREDICTIONS: Object = Object {
    keys: &[
        must("file", Shape::Text, "CSV or Parquet, a row a prediction."),
        must("task", Shape::OneOf(super::TASKS), "What kind of prediction it is."),
        may("label", Shape::Text, "Column with the truth; multilabel: a list, or a column each, such as y_*."),
        may("score", Shape::Text, "Column with the probability or score; of several classes a pattern, such as p_*."),
        may("scores", Shape::Map(&Shape::Text), "Multiclass: the column with the probability of each class."),
        may("prediction", Shape::Text, "Column with the predicted class, value or text."),
        may("labels", TEXTS, "Multilabel: every label there is."),
        may("query", Shape::Text, "Ranking: column with the query that a document was ranked for."),
        may("relevant", Shape::Number, "Ranking: the least relevance that counts as relevant; above 0 unless said."),
        may("k", Shape::List(&Shape::Integer), "Lengths for metrics such as ndcg@k, top_k_accuracy@k and pass@k."),
        may("bins", Shape::Integer, "Bins of the calibration errors; 10 unless said."),
        may("series", Shape::Text, "Forecast: column with the series a row belongs to."),
        may("time", Shape::Text, "Forecast: column with its time; the order of the file unless said."),
        may(
            "quantiles",
            Shape::Map(&Shape::Text),
            "Forecast: columns of predicted quantiles by level, such as 0.9: p90.",
        ),
        may("naive", Shape::Text, "Forecast: column with the naive forecast's error on the history of the series."),
        may("history", Shape::Text, "Forecast: file of the history, with the same columns, that mase is scaled by."),
        may("season", Shape::Integer, "Forecast: rows until the naive forecast repeats; 1 unless said."),
        may(
            "passed",
            Shape::Text,
            "Repeats: column with whether the attempt passed; by score and threshold unless said.",
        ),
        may("attempt", Shape::Text, "Repeats: column with the number of the attempt."),
        may("repeat", Shape::Integer, "Repeats: how many attempts each item has."),
        may("pass", Shape::Integer, "Repeats: attempts that must pass for the item to; all unless said."),
        may("threshold", Shape::Number, "Scores from here on predict the positive class; 0.5 unless said."),
        may("positive", Shape::Scalar, "The positive class; 1 or true unless said."),
        may("id", Shape::Text, "Column that joins candidate and baseline rows."),
        may("weight", Shape::Text, "Column with how much each row counts; each counts one unless said."),
        may(
            "group",
            Shape::Text,
            "Column whose equal values mark rows drawn together, such as one patient's visits; of queries and items, these.",
        ),
        may("strata", Shape::Text, "Column whose values name the strata that fixed numbers of rows were drawn from."),
        may(
            "slices",
            Shape::List(&Shape::TextOr(&SLICE)),
            "Columns, bins or conditions whose rows are measured apart.",
        ),
        may("find_slices", Shape::Object(&FIND_SLICES), "Search for the slices where a metric is worst."),
        may("in_record", Shape::Bool, "These columns go into the registry with the record; false unless said."),
    ],
};

pub static FIND_SLICES: Object = Object {
    keys: &[
        must("metric", Shape::Text, "What they are the worst by, such as f1; gates say f1[found]."),
        may("columns", TEXTS, "What is searched; all of `slices` unless said."),
        may("max_columns", Shape::Integer, "How many columns a found slice may combine, 1 to 3; 2 unless said."),
        may("min_rows", Shape::Integer, "Smaller slices are not looked at; 200 unless said."),
        may("keep", Shape::Integer, "How many of the worst are kept; 5 unless said."),
    ],
};

pub static SLICE: Object = Object {
    keys: &[
        may("column", Shape::Text, "Column of numbers to cut into bins."),
        may("bins", Shape::Bins, "Edges such as [18, 30, 50], or how many bins of as many rows each."),
        may("name", Shape::Text, "What gates name the slice by."),
        may("where", Shape::Text, "SQL condition on the columns of a row: country = 'DE' and tenure < 90."),
    ],
};

pub static IMAGE: Object = Object {
    keys: &[
        must(
            "repository",
            Shape::Text,
            "Where it is pushed: ghcr.io/acme/churn; or a folder to write it to: oci:dist/image.",
        ),
        may("tags", TEXTS, "Tags to push; {{ git.sha }} unless said."),
        may("insecure", Shape::Bool, "Speak plain HTTP with the registry; loopback addresses always do."),
        may("platform", Shape::Text, "linux/amd64 unless said; by the Docker engine its own."),
        may("platforms", TEXTS, "Several: one image with an index, as linux/amd64 and linux/arm64."),
        may(
            "attest",
            Shape::List(&Shape::OneOf(&["test_result", "provenance", "sbom"])),
            "What is attached beside the record.",
        ),
        may("checks", Shape::Object(&IMAGE_CHECKS), "What must hold of the built image."),
        may("gates", Shape::List(&Shape::Gate), "Rules such as `size < 2GB`; relative ones compare with production."),
        may("first_run", PASS_OR_BLOCK, "What relative gates do while nothing is in production; block unless said."),
        may("dockerfile", Shape::Text, "Build with the Docker engine from this file."),
        may("context", Shape::Text, "Build context of the Dockerfile; the folder of this file unless said."),
        may(
            "context_from",
            Shape::OneOf(&["folder", "git"]),
            "git: only the files that git tracks, as they are now; folder unless said.",
        ),
        may("args", Shape::Map(&Shape::Scalar), "Build arguments of the Dockerfile."),
        may("target", Shape::Text, "Stage of the Dockerfile to build."),
        may("no_cache", Shape::Bool, "Run every step of the Dockerfile anew."),
        may("cache_from", TEXTS, "Images whose steps may be taken over: ghcr.io/acme/churn:cache."),
        may("cache_to", TEXTS, "Where steps are kept: type=inline, or type=registry,ref=…,mode=max."),
        may(
            "secrets",
            Shape::List(&Shape::Object(&BUILD_SECRET)),
            "For `RUN --mount=type=secret`; they get into no layer.",
        ),
        may("ssh", TEXTS, "Ids for `RUN --mount=type=ssh`, such as default: the agent of ssh is forwarded."),
        may("base", Shape::Text, "Without a daemon: the image to build on, or scratch."),
        may("layers", Shape::List(&Shape::Object(&LAYER)), "Without a daemon: one layer for each group of files."),
        may("compression", COMPRESSION, "Of every layer that does not say; auto unless said."),
        may("entrypoint", TEXTS, "Entrypoint of a daemonless image."),
        may("command", TEXTS, "Command of a daemonless image."),
        may("env", Shape::Map(&Shape::Scalar), "Environment of a daemonless image."),
        may("workdir", Shape::Text, "Working directory of a daemonless image."),
        may("user", Shape::Scalar, "User of a daemonless image."),
        may("ports", Shape::List(&Shape::Integer), "Ports that a daemonless image exposes."),
        may("labels", Shape::Map(&Shape::Scalar), "Labels of the image."),
        may("annotations", Shape::Map(&Shape::Scalar), "OCI annotations of its manifest, and of its index."),
        may(
            "format",
            Shape::OneOf(&["image", "modelpack"]),
            "modelpack: an artifact of CNCF ModelPack; image unless said.",
        ),
        may("about", Shape::Object(&ABOUT), "What a ModelPack says of the model."),
    ],
};

pub static ABOUT: Object = Object {
    keys: &[
        may("name", Shape::Text, "The model's name; that of `model` unless said."),
        may("family", Shape::Text, "Such as llama3."),
        may("title", Shape::Text, "For people."),
        may("description", Shape::Text, "For people."),
        may("version", Shape::Scalar, "Of the model."),
        may("revision", Shape::Scalar, "Of its sources."),
        may("vendor", Shape::Text, "Who distributes it."),
        may("doc_url", Shape::Text, "Where more is told."),
        may("source_url", Shape::Text, "Where its sources are."),
        may("authors", TEXTS, "Who made it."),
        may("licenses", TEXTS, "SPDX expressions: Apache-2.0."),
        may("architecture", Shape::Text, "Such as transformer or cnn."),
        may("format", Shape::Text, "Such as onnx, safetensors or gguf."),
        may("param_size", Shape::Scalar, "How many parameters: 8b, 100m."),
        may("precision", Shape::Text, "Such as bf16 or int8."),
        may("quantization", Shape::Text, "Such as awq or gptq."),
    ],
};

pub static IMAGE_CHECKS: Object = Object {
    keys: &[
        may("non_root", POLICY, "It names a user, and that is not root; off unless said."),
        may("healthcheck", POLICY, "It has a HEALTHCHECK; off unless said."),
        may("secrets", POLICY, "No layer holds private keys, .env files, credentials or .git; off unless said."),
        may("secrets_except", TEXTS, "Paths or globs in the image that may: app/testdata/**."),
    ],
};

pub static BUILD_SECRET: Object = Object {
    keys: &[
        must("id", Shape::Text, "As the Dockerfile names it: `RUN --mount=type=secret,id=pip_token`."),
        may("env", Shape::Text, "The variable that holds it."),
        may("file", Shape::Text, "The file that holds it; relative to this file, or absolute."),
    ],
};

pub static SIGNING: Object = Object {
    keys: &[
        may(
            "by",
            Shape::OneOf(&["key", "keyless"]),
            "A key, or the identity of the CI job; nothing is signed unless said.",
        ),
        may("key_file", Shape::Text, "The private key; the variable MLGATE_SIGNING_KEY holds it unless said."),
        may("fulcio", Shape::Text, "The certificate authority; https://fulcio.sigstore.dev unless said."),
        may("rekor", Shape::Text, "The transparency log; https://rekor.sigstore.dev unless said."),
        may("trust", Shape::List(&Shape::Object(&TRUST)), "Whose signatures `require_signed` takes: any of these."),
    ],
};

pub static TRUST: Object = Object {
    keys: &[
        may("key", Shape::Text, "File of a public key, such as cosign.pub."),
        may("identity", Shape::Text, "Who a certificate names: a workflow's address or a mail address; * is any text."),
        may("issuer", Shape::Text, "Who vouches for the identity: https://token.actions.githubusercontent.com."),
        may("roots", Shape::Text, "File with the certificates of the authority."),
        may("log_key", Shape::Text, "File of the public key of the transparency log."),
        may(
            "ct_log_key",
            Shape::Text,
            "File of the public key of the certificate-transparency log; certificates it has not seen count unless said.",
        ),
    ],
};

pub static LAYER: Object = Object {
    keys: &[
        must("name", Shape::Text, "How the layer is called in reports."),
        must("files", TEXTS, "Files, folders or globs, relative to this file."),
        may("to", Shape::Text, "Absolute folder in the image; / unless said."),
        may(
            "compression",
            COMPRESSION,
            "auto (gzip, or none where it does not help), none, gzip or zstd; of a ModelPack also raw: each file a layer.",
        ),
        may(
            "kind",
            Shape::OneOf(&["weight", "config", "doc", "code", "dataset"]),
            "Of a ModelPack: what the layer holds.",
        ),
    ],
};

const COMPRESSION: Shape = Shape::OneOf(&["auto", "none", "gzip", "zstd", "raw"]);

pub static LATENCY: Object = Object {
    keys: &[
        must("request", Shape::Object(&REQUEST), "The request that is sent."),
        may("run", Shape::Text, "A command that serves on $PORT; without run and url the built image is started."),
        may("url", Shape::Text, "A server that runs already: http://127.0.0.1:8080."),
        may("port", Shape::Integer, "The port on which the built image listens; 8080 unless said."),
        may(
            "rate",
            Shape::Rate,
            "Requests a second, sent whether or not earlier ones have answered; 50/s unless said.",
        ),
        may("duration", Shape::Duration, "How long is measured; 10s unless said."),
        may("warmup", Shape::Duration, "Sent before and left out; 2s unless said."),
        may("timeout", Shape::Duration, "Of one request; 5s unless said. A slower one is an error."),
        may("start_timeout", Shape::Duration, "How long the server may take to be ready; 60s unless said."),
        may("ready", Shape::Text, "Path polled until it answers 2xx; / (anything below 500) unless said."),
        may("remeasure", Shape::Object(&REMEASURE), "Probe again while a gate is inconclusive, all requests together."),
        may("gates", Shape::List(&Shape::Gate), "Rules such as `p95 < 200ms`."),
    ],
};

pub static REMEASURE: Object = Object {
    keys: &[
        must("until_sure", Shape::Bool, "Measure again until no gate is inconclusive."),
        must("at_most", Shape::Integer, "How often in all, 2 to 20; each look costs some certainty."),
    ],
};

pub static REQUEST: Object = Object {
    keys: &[
        may("method", Shape::OneOf(&["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]), "GET unless said."),
        must("path", Shape::Text, "Path and query: /predict."),
        may("headers", Shape::Map(&Shape::Scalar), "Header fields; content-type follows the body's ending."),
        may("body", Shape::Text, "File sent as the body."),
    ],
};

pub static OVERLAY: Object = Object {
    keys: &[
        may("kubernetes", Shape::Scalar, "Version whose schemas the objects must fit, such as 1.31."),
        may("schemas", TEXTS, "Files of CustomResourceDefinitions, whose objects are then validated too."),
        may("policies", Shape::Object(&POLICIES), "What the objects must keep to; nothing unless said."),
        may("base", Shape::Text, "What `mlgate diff` compares with; the branch that a change goes to unless said."),
    ],
};

const POLICY: Shape = Shape::OneOf(&["block", "warn", "off"]);

pub static POLICIES: Object = Object {
    keys: &[
        may("resources", POLICY, "Every container requests cpu and memory and limits its memory."),
        may("probes", POLICY, "Every container that serves has a readiness and a liveness probe."),
        may("non_root", POLICY, "No container runs as root or privileged."),
        may("digest", POLICY, "Every image is named by its digest."),
        may("replicas", POLICY, "Every workload that serves runs at least two replicas."),
    ],
};

pub static ENVIRONMENT: Object = Object {
    keys: &[
        must("overlay", Shape::Text, "Folder of its Kustomize overlay."),
        may(
            "renderer",
            Shape::OneOf(&["native", "kustomize"]),
            "Who renders it: mlgate itself, or the installed kustomize or kubectl (charts, programs); native unless said.",
        ),
        may("policies", Shape::Object(&POLICIES), "Where this environment differs from `overlay.policies`."),
        may("promote", Shape::Object(&PROMOTE), "How and when a model is promoted to it."),
    ],
};

pub static PROMOTE: Object = Object {
    keys: &[
        may("from", Shape::Text, "The environment that must run the image before."),
        may("by", Shape::OneOf(&["working_tree"]), "How the change is made; working_tree unless said."),
        may("gates", Shape::List(&Shape::Gate), "Rules such as `latency.p95 < 200ms`; at least one."),
        may("first_run", PASS_OR_BLOCK, "What it does that nothing runs there yet; block unless said."),
        may("tags", TEXTS, "Tags that then point to the digest; the environment's name unless said."),
        may("require_signed", Shape::Bool, "Only what is signed by one of `signing.trust`; false unless said."),
    ],
};

/// Keys of the design that this version refuses by name, so that nobody thinks they work: (owner, key, instead).
pub const NOT_YET: &[(&str, &str, &str)] =
    &[("environments.*.promote", "live", "remove it; gate on `latency.p95` of the record until then")];
