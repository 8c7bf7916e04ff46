//! The difference for a pull request: an object a section that can be folded, its lines in a block of the language
//! `diff`. Everything in it is text of the pull request: it is escaped, or stands inside a fence that it cannot close.

use super::Report;
use super::text::{as_diff, heading};
use crate::kube::diff::Change;
use crate::report::markdown;
use crate::report::text::one_line;

/// GitHub refuses comments beyond 65,536; the rest is for what a workflow writes around it.
const LONGEST: usize = 60_000;
/// With more lines than this, sections begin folded.
const OPEN_LINES: usize = 30;

pub fn render(report: &Report) -> String {
    let environment = code(&report.environment.name);
    let mut out = format!("### {environment}: {}\n\n{}\n", report.summary(), escape(&report.title()));
    if let Some(remark) = report.remark() {
        out.push_str(&format!("\n{}\n", escape(&remark)));
    }
    let sections: Vec<(String, Vec<String>)> = report
        .differences
        .iter()
        .map(|difference| {
            let sign = match difference.change {
                Change::Added => "added",
                Change::Removed => "removed",
                Change::Changed(_) => "changed",
            };
            (format!("{sign}: {}", escape(&heading(difference))), as_diff(difference))
        })
        .collect();
    let open = if sections.iter().map(|(_, lines)| lines.len()).sum::<usize>() <= OPEN_LINES { " open" } else { "" };
    for (at, (title, lines)) in sections.iter().enumerate() {
        let section = match lines.is_empty() {
            true => format!("\n{title}\n"),
            false => {
                let text = lines.join("\n");
                let fence = fence(&text);
                format!("\n<details{open}><summary>{title}</summary>\n\n{fence}diff\n{text}\n{fence}\n\n</details>\n")
            }
        };
        if out.len() + section.len() > LONGEST {
            out.push_str(&format!("\n{} more objects differ; `mlgate diff` shows them.\n", sections.len() - at));
            break;
        }
        out.push_str(&section);
    }
    out
}

/// A fence longer than any run of backticks in the text.
fn fence(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}

fn code(text: &str) -> String {
    format!("`{}`", one_line(text, 200).replace('`', "'"))
}

fn escape(text: &str) -> String {
    markdown::escape(&one_line(text, 400))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_its_fence_or_becomes_markup() {
        assert_eq!(fence("a"), "```");
        assert_eq!(fence("a ```` b"), "`````");
        assert_eq!(escape("<b>@all [x](y) `z`"), "&#60;b&#62;@&#8203;all &#91;x&#93;(y) &#96;z&#96;");
        assert_eq!(code("a`b"), "`a'b`");
    }
}
