//! Where numbers are kept by others, as `baseline:` and `metrics:` name it.

use super::{BaselineSource, units};
use crate::model::{Unit, shown_address};
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// A run or a model of a tracking server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Service {
    Mlflow { of: Mlflow, artifact: Option<String> },
    Wandb { entity: String, project: String, run: String },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mlflow {
    /// `runs:/ID`
    Run(String),
    /// `models:/NAME/3`
    Version { name: String, version: String },
    /// `models:/NAME@champion`
    Alias { name: String, alias: String },
}

/// An entry of `metrics:`.
#[derive(Clone, Debug, PartialEq)]
pub struct Metrics {
    pub from: MetricsFrom,
    /// By the name of the metric.
    pub units: BTreeMap<String, MetricUnit>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetricsFrom {
    File(PathBuf),
    Service(Service),
    /// A service of which a file, which `quality.run` may write, names the run: it stands for `{id}`.
    Later {
        template: String,
        id_file: PathBuf,
    },
}

impl Metrics {
    /// The file that it is read from, if it is one.
    pub fn file(&self) -> Option<&PathBuf> {
        match &self.from {
            MetricsFrom::File(file) => Some(file),
            MetricsFrom::Service(_) | MetricsFrom::Later { .. } => None,
        }
    }
}

impl From<&str> for Metrics {
    /// A file, without units of its own.
    fn from(file: &str) -> Metrics {
        Metrics { from: MetricsFrom::File(file.into()), units: BTreeMap::new() }
    }
}

impl fmt::Display for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.from {
            MetricsFrom::File(file) => write!(f, "{}", file.display()),
            MetricsFrom::Service(service) => service.fmt(f),
            MetricsFrom::Later { template, id_file } => write!(f, "{template} of {}", id_file.display()),
        }
    }
}

/// A unit as somebody else uses it: the base unit, and how many of it one is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MetricUnit {
    pub unit: Unit,
    pub factor: f64,
}

impl MetricUnit {
    /// A value in the base unit.
    pub fn scale(&self, value: f64) -> f64 {
        units::scale(value, self.factor)
    }
}

/// The unit of that name: those of gates, of the record, and the words of OpenMetrics.
pub fn metric_unit(name: &str) -> Option<MetricUnit> {
    const WORDS: [(&str, f64, Unit); 10] = [
        ("seconds", 1.0, Unit::Seconds),
        ("milliseconds", 1e-3, Unit::Seconds),
        ("microseconds", 1e-6, Unit::Seconds),
        ("bytes", 1.0, Unit::Bytes),
        ("ratio", 1.0, Unit::Share),
        ("share", 1.0, Unit::Share),
        ("percent", 0.01, Unit::Share),
        ("count", 1.0, Unit::Count),
        ("score", 1.0, Unit::Score),
        ("1/s", 1.0, Unit::PerSecond),
    ];
    let name = name.trim();
    let found = units::UNITS.iter().chain(&WORDS).find(|(known, ..)| *known == name);
    found.map(|(_, factor, unit)| MetricUnit { unit: *unit, factor: *factor })
}

impl Service {
    /// Reads `mlflow:…` and `wandb:…`; None for what begins with neither.
    ///
    /// # Errors
    /// What is wrong, and how it is written.
    pub fn parse(text: &str) -> Option<Result<Service, (String, &'static str)>> {
        match text.split_once(':') {
            Some(("mlflow", rest)) => Some(mlflow(text, rest)),
            Some(("wandb", rest)) => Some(wandb(text, rest)),
            _ => None,
        }
    }
}

const MLFLOW: &str = "mlflow:models:/churn@champion, mlflow:models:/churn/3 or mlflow:runs:/RUN_ID";

fn mlflow(text: &str, rest: &str) -> Result<Service, (String, &'static str)> {
    let wrong = |why: &str| (format!("`{text}` {why}"), MLFLOW);
    let artifact = |path: Option<&str>| match path {
        None => Ok(None),
        Some(path) if !path.is_empty() && path.split('/').all(|part| !["", ".", ".."].contains(&part)) => {
            Ok(Some(path.to_string()))
        }
        Some(_) => Err(wrong("names no artifact behind the last `/`")),
    };
    let split = |rest: &str| match rest.split_once('/') {
        Some((first, path)) => (first.to_string(), Some(path.to_string())),
        None => (rest.to_string(), None),
    };
    if let Some(rest) = rest.strip_prefix("runs:/") {
        let (id, path) = split(rest);
        let is_id = !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        let of = if is_id { Mlflow::Run(id) } else { return Err(wrong("names no run")) };
        return Ok(Service::Mlflow { of, artifact: artifact(path.as_deref())? });
    }
    let Some(rest) = rest.strip_prefix("models:/") else { return Err(wrong("is neither a model nor a run")) };
    let (first, path) = split(rest);
    if let Some((name, alias)) = first.rsplit_once('@') {
        if name.is_empty() || alias.is_empty() {
            return Err(wrong("lacks the name or the alias"));
        }
        let of = Mlflow::Alias { name: name.to_string(), alias: alias.to_string() };
        return Ok(Service::Mlflow { of, artifact: artifact(path.as_deref())? });
    }
    let (version, path) = path.as_deref().map(split).unwrap_or_default();
    let is_version = !version.is_empty() && version.bytes().all(|b| b.is_ascii_digit());
    if first.is_empty() || !is_version {
        return Err(wrong("names neither an alias nor the number of a version"));
    }
    Ok(Service::Mlflow { of: Mlflow::Version { name: first, version }, artifact: artifact(path.as_deref())? })
}

fn wandb(text: &str, rest: &str) -> Result<Service, (String, &'static str)> {
    match rest.split('/').collect::<Vec<_>>()[..] {
        [entity, project, run] if ![entity, project, run].contains(&"") => {
            let [entity, project, run] = [entity, project, run].map(String::from);
            Ok(Service::Wandb { entity, project, run })
        }
        _ => Err((format!("`{text}` names no run"), "wandb:ENTITY/PROJECT/RUN_ID")),
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Service::Wandb { entity, project, run } => write!(f, "wandb:{entity}/{project}/{run}"),
            Service::Mlflow { of, artifact } => {
                match of {
                    Mlflow::Run(id) => write!(f, "mlflow:runs:/{id}")?,
                    Mlflow::Version { name, version } => write!(f, "mlflow:models:/{name}/{version}")?,
                    Mlflow::Alias { name, alias } => write!(f, "mlflow:models:/{name}@{alias}")?,
                }
                artifact.iter().try_for_each(|path| write!(f, "/{path}"))
            }
        }
    }
}

impl BaselineSource {
    /// As `mlops.yaml` has it, an address without what may be secret in it.
    pub fn name(&self) -> String {
        match self {
            BaselineSource::Production => "production".into(),
            BaselineSource::Git { reference } => format!("git:{reference}"),
            BaselineSource::Dvc { reference } => format!("dvc:{reference}"),
            BaselineSource::File(path) => path.display().to_string(),
            BaselineSource::Service(service) => service.to_string(),
            BaselineSource::Address(address) => shown_address(address),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_come_back_as_they_were_written() {
        for text in [
            "mlflow:runs:/0a1b2c",
            "mlflow:runs:/0a1b2c/out/predictions.parquet",
            "mlflow:models:/churn@champion",
            "mlflow:models:/churn model@champion/predictions.csv",
            "mlflow:models:/churn/3",
            "mlflow:models:/churn/3/a.json",
            "wandb:acme/churn/1a2b3c",
        ] {
            assert_eq!(Service::parse(text).unwrap().unwrap().to_string(), text);
        }
        assert_eq!(Service::parse("out/metrics.json"), None);
    }

    #[test]
    fn what_names_nothing_is_refused_with_an_example() {
        for text in [
            "mlflow:",
            "mlflow:churn@champion",
            "mlflow:models:/",
            "mlflow:models:/churn",
            "mlflow:models:/churn/latest",
            "mlflow:models:/@champion",
            "mlflow:models:/churn@",
            "mlflow:runs:/",
            "mlflow:runs:/a b",
            "mlflow:runs:/abc/../x",
            "mlflow:runs:/abc/",
            "wandb:",
            "wandb:churn/1a2b",
            "wandb:a/b/c/d",
        ] {
            assert!(Service::parse(text).unwrap().is_err(), "{text}");
        }
    }

    #[test]
    fn an_address_is_shown_without_its_secrets() {
        let shown = |address: &str| BaselineSource::Address(address.into()).name();
        assert_eq!(shown("https://ann:word@example.com:8443/a/b.csv?sig=abc#d"), "https://example.com:8443/a/b.csv");
        assert_eq!(
            shown("abfss://box@store.dfs.core.windows.net/b.csv"),
            "abfss://box@store.dfs.core.windows.net/b.csv"
        );
        assert_eq!(shown("HTTPS://ann:word@example.com/b.csv"), "HTTPS://example.com/b.csv");
        assert_eq!(shown("s3://KEY:SECRET@bucket/b.csv"), "s3://bucket/b.csv");
    }

    #[test]
    fn units_are_those_of_gates_of_the_record_and_of_open_metrics() {
        for unit in [Unit::Score, Unit::Share, Unit::Seconds, Unit::Bytes, Unit::Count, Unit::PerSecond] {
            assert_eq!(metric_unit(unit.name()), Some(MetricUnit { unit, factor: 1.0 }));
        }
        assert_eq!(metric_unit("ms").unwrap().scale(250.0), 0.25);
        assert_eq!(metric_unit("%").unwrap().scale(3.0), 0.03);
        assert_eq!(metric_unit("furlongs"), None);
    }
}
