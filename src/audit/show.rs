//! An audit as text, JSON or Markdown.

use super::{Audit, Stay};
use crate::cli::ListFormat;
use crate::report::markdown::escape as cell;
use crate::report::text::harmless;
use std::fmt::Write;

pub fn render(audit: &Audit, format: ListFormat) -> String {
    match format {
        ListFormat::Text => text(audit),
        ListFormat::Json => serde_json::to_string_pretty(audit).unwrap_or_default() + "\n",
        ListFormat::Markdown => markdown(audit),
    }
}

fn until(stay: &Stay) -> &str {
    stay.until.as_deref().unwrap_or("now")
}

fn text(audit: &Audit) -> String {
    let mut out = format!("{}\n", audit.repository);
    for (environment, stays) in &audit.environments {
        let _ = writeln!(out, "\n{environment}");
        for stay in stays {
            let _ = writeln!(out, "  {} to {}  {}", stay.from, until(stay), stay.digest);
            if !stay.in_registry {
                out.push_str("    image      no longer in the registry\n");
            }
            let _ = writeln!(out, "    promotion  {}, {}", stay.promotion, stay.promotion_signed);
            let _ = writeln!(out, "    gates      {}", stay.gates.join("; "));
            match &stay.evidence {
                Some(found) => {
                    let _ = writeln!(out, "    evidence   {}, {}", found.artifact, found.signed);
                    let _ = writeln!(out, "               {} at {}: {}", found.decision, found.finished, found.summary);
                }
                None => out.push_str("    evidence   none\n"),
            }
            let _ = writeln!(out, "    run        {}", stay.run);
            if let Some(commit) = &stay.commit {
                let _ = writeln!(out, "    built from commit {commit}");
            }
            if let Some(git) = &stay.git {
                let _ = writeln!(out, "    committed  {} at {} by {}", git.commit, git.time, git.author);
            }
        }
    }
    if audit.environments.is_empty() {
        out.push_str("\nnothing was promoted by mlgate\n");
    }
    if !audit.findings.is_empty() {
        out.push_str("\nfindings\n");
        out.extend(audit.findings.iter().map(|finding| format!("  {finding}\n")));
    }
    // Names and messages are other people's.
    out.lines().map(|line| harmless(line) + "\n").collect()
}

fn markdown(audit: &Audit) -> String {
    let mut out = format!("# {}\n", cell(&audit.repository));
    for (environment, stays) in &audit.environments {
        let _ = writeln!(out, "\n## {}\n", cell(environment));
        out.push_str("| from | until | image | promotion | evidence | built from | committed |\n");
        out.push_str("| --- | --- | --- | --- | --- | --- | --- |\n");
        for stay in stays {
            let evidence = stay.evidence.as_ref();
            let evidence = evidence.map(|e| format!("{}, {}; {}", e.decision, e.summary, e.signed));
            let git = stay.git.as_ref().map(|git| format!("{} by {}", short(&git.commit), git.author));
            let cells = [
                stay.from.clone(),
                until(stay).to_string(),
                if stay.in_registry { stay.digest.clone() } else { format!("{}, deleted", stay.digest) },
                stay.promotion_signed.to_string(),
                evidence.unwrap_or_else(|| "none".into()),
                stay.commit.as_deref().map(short).unwrap_or_default().to_string(),
                git.unwrap_or_default(),
            ];
            let _ = writeln!(out, "| {} |", cells.map(|text| cell(&text)).join(" | "));
        }
    }
    if audit.environments.is_empty() {
        out.push_str("\nNothing was promoted by mlgate.\n");
    }
    if !audit.findings.is_empty() {
        out.push_str("\n## Findings\n\n");
        out.extend(audit.findings.iter().map(|finding| format!("- {}\n", cell(finding))));
    }
    out
}

fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}
