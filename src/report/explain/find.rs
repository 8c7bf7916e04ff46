//! Which verdicts a user means.

use crate::record::wire::{Record, Verdict};
use crate::report::text::one_line;
use crate::report::{check_ids, is_check, label, metric};

/// The verdicts that `wanted` names, by the first of these that finds any: the gate's text, its label or id as a whole;
/// the metric, data set or test suite; part of a text.
///
/// # Errors
/// Nothing is called so: what is, the nearest first.
pub fn find<'a>(record: &'a Record, wanted: &str) -> Result<Vec<&'a Verdict>, String> {
    let checks = check_ids(record);
    let key = plain(wanted);
    let names = |verdict: &Verdict| {
        let whole = [verdict.gate.clone(), label(verdict, is_check(&checks, verdict)), verdict.id.clone()];
        whole.map(|name| plain(&name))
    };
    let metrics = |verdict: &Verdict| {
        let name = metric(verdict);
        let (base, first) = (before(&name, '['), before(&name, '.'));
        let inner = name.strip_prefix("gap(").map_or("", |inner| before(inner, '['));
        [name.as_str(), base, first, inner, before(&verdict.id, '['), &verdict.stage].map(plain)
    };
    let tiers: [&dyn Fn(&Verdict) -> bool; 3] =
        [&|verdict| names(verdict).contains(&key), &|verdict| metrics(verdict).contains(&key), &|verdict| {
            names(verdict).iter().any(|name| name.contains(&key))
        }];
    for tier in tiers {
        let found: Vec<&Verdict> = record.verdicts.iter().filter(|verdict| !key.is_empty() && tier(verdict)).collect();
        if !found.is_empty() {
            return Ok(found);
        }
    }
    let likeness = |verdict: &&Verdict| {
        let all = names(verdict).into_iter().chain(metrics(verdict));
        all.map(|name| strsim::jaro_winkler(&name, &key)).fold(0.0, f64::max)
    };
    let mut near: Vec<&Verdict> = record.verdicts.iter().collect();
    near.sort_by(|a, b| likeness(b).total_cmp(&likeness(a)));
    let mut known: Vec<String> = Vec::new();
    for verdict in near {
        let name = one_line(&verdict.gate, 120);
        if !known.contains(&name) {
            known.push(name);
        }
    }
    let wanted = one_line(wanted, 120);
    Err(match known.split_first() {
        None => format!("nothing was judged in this run, so there is no `{wanted}` to explain"),
        Some((nearest, rest)) => {
            let mut text = format!("no gate or check is called `{wanted}`; the nearest is `{nearest}`");
            if !rest.is_empty() {
                let shown: Vec<String> = rest.iter().take(9).map(|name| format!("`{name}`")).collect();
                let more = if rest.len() > shown.len() {
                    format!(" and {} more", rest.len() - shown.len())
                } else {
                    String::new()
                };
                text.push_str(&format!(". There are also {}{more}", shown.join(", ")));
            }
            text
        }
    })
}

fn before(text: &str, end: char) -> &str {
    text.split(end).next().unwrap_or_default()
}

/// Without case, and with single spaces, so that `f1>=0.9` is `f1 >= 0.9`.
fn plain(text: &str) -> String {
    text.to_lowercase().chars().filter(|c| !c.is_whitespace() && *c != '`').collect()
}
