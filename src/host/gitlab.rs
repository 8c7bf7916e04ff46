//! GitLab CI: the report and the JUnit XML as files, which the job keeps as artifacts.

use super::PublishOptions;
use crate::files;
use crate::record::wire::Record;
use crate::report::{self, Format};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitLab {
    pub pipeline: String,
    /// The merge request's number within its project, in merge-request pipelines.
    pub merge_request: Option<u64>,
}

impl GitLab {
    pub fn detect(env: &dyn Fn(&str) -> Option<String>) -> GitLab {
        GitLab {
            pipeline: env("CI_PIPELINE_ID").unwrap_or_default(),
            merge_request: env("CI_MERGE_REQUEST_IID").and_then(|iid| iid.parse().ok()),
        }
    }

    pub(super) fn publish(&self, record: &Record, options: &PublishOptions, render: &report::Options) -> Vec<String> {
        let mut told = vec![];
        for (name, format) in [("report.md", Format::Markdown), ("junit.xml", Format::Junit)] {
            let path = options.root.join(".mlgate").join(name);
            told.push(match files::write(&path, report::render(record, format, render).as_bytes()) {
                Ok(()) => format!("The report is in .mlgate/{name}."),
                Err(fault) => format!("The report could not be written to {}: {}.", path.display(), fault.why),
            });
        }
        if let Some(iid) = self.merge_request {
            told.push(format!(
                "No note on merge request !{iid}: mlgate does not write notes yet; keep .mlgate/ as an artifact."
            ));
        }
        told
    }
}
