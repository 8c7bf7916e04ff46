//! What must hold of the built image: who it runs as, whether it tells of its health, what its layers hold.

use super::{Context, Production};
use crate::config::{Attest, Image};
use crate::image::Built;
use crate::image::contents::{self, Contents, Secret};
use crate::model::{Baseline, Check, Evidence, Measurement, Outcome, Severity, Unit};
use globset::{Glob, GlobSetBuilder};
use std::collections::HashSet;

/// Of the secrets found, so many are shown.
const SHOWN: usize = 20;
const AGE: &str = "image.base_age";

/// Looks into the image where something of `mlops.yaml` asks for that, and adds what was found.
pub async fn run(ctx: &Context<'_>, image: &Image, built: &Built, evidence: &mut Evidence) -> Vec<Contents> {
    let checks = &image.checks;
    let mut gates = ctx.config.gates();
    let checked = checks.non_root.or(checks.healthcheck).or(checks.secrets).is_some();
    if !checked && !image.attest.contains(&Attest::Sbom) && !gates.any(|gate| gate.subject.ids().contains(&AGE)) {
        return Vec::new();
    }
    let progress = ctx.ui.progress(&format!("looking into {}", image.repository), None);
    let found = contents::read(built).await;
    drop(progress);
    let platforms = match found {
        Ok(platforms) => platforms,
        Err(fault) => {
            evidence.faults.push(fault);
            return Vec::new();
        }
    };
    let source = format!("{}@{}", built.repository, built.digest);
    let check = |id: &str, text: &str, severity: Severity, holds: bool, message: String| Check {
        severity,
        outcome: if holds { Outcome::Passed } else { Outcome::Failed },
        message,
        ..Check::new(id, text, &source)
    };
    if let Some(severity) = checks.non_root {
        let (holds, message) = of_all(&platforms, |contents| user(&contents.user));
        evidence.checks.push(check("image.non_root", "runs as a user that is not root", severity, holds, message));
    }
    if let Some(severity) = checks.healthcheck {
        let (holds, message) = of_all(&platforms, |contents| match contents.has_healthcheck {
            true => (true, "it has one".to_string()),
            false => (false, "it has none; Kubernetes' probes are its overlay's matter".to_string()),
        });
        let check = check("image.healthcheck", "has a health check", severity, holds, message);
        evidence.checks.push(check);
    }
    if let Some(severity) = checks.secrets {
        let (count, examples) = secrets(&platforms, &checks.secrets_except);
        let layers: usize = platforms.iter().map(|contents| contents.layers).sum();
        let message = match count {
            0 if platforms.len() > 1 => format!("none in {layers} layers of {} platforms", platforms.len()),
            0 => format!("none in {layers} layers"),
            1 => "1 file looks like a secret".into(),
            count => format!("{count} files look like secrets"),
        };
        let check = check("image.secrets", "no layer holds a secret", severity, count == 0, message);
        evidence.checks.push(Check { value: Some(count as f64), examples, ..check });
    }
    if let Some((created, age)) = oldest(&platforms) {
        let source = format!("{source}: base of {created}");
        evidence.measurements.push(Measurement::new(AGE, age, Unit::Seconds, source));
    }
    platforms
}

/// Production, where a gate of the image needs it.
pub fn baseline(image: &Image, production: Option<&Production>, evidence: &mut Evidence) -> Option<Baseline> {
    if !image.gates.iter().any(|gate| gate.rule.needs_baseline()) {
        return None;
    }
    let production = production?;
    let baseline = production.baseline(image.first_run_accepted).unwrap_or_else(|fault| {
        let (source, reason) = (production.source.clone(), fault.to_string());
        evidence.faults.push(fault);
        Baseline::Faulty { source, reason }
    });
    Some(baseline)
}

/// Whether each platform holds; the first that does not is told.
fn of_all(platforms: &[Contents], holds: impl Fn(&Contents) -> (bool, String)) -> (bool, String) {
    let told = |contents: &Contents| {
        let (holds, message) = holds(contents);
        let of = if contents.platform.is_empty() { String::new() } else { format!("{}: ", contents.platform) };
        (holds, of + &message)
    };
    let found: Vec<(bool, String)> = platforms.iter().map(told).collect();
    let first = found.iter().find(|(holds, _)| !holds).or(found.first());
    first.cloned().unwrap_or_else(|| (false, "it has no platform".into()))
}

/// `USER`: a name or a number, with a group behind a colon.
fn user(user: &str) -> (bool, String) {
    match user.split(':').next().unwrap_or_default() {
        "" => (false, "it names no user, so it runs as root".into()),
        "root" => (false, "it runs as root".into()),
        // 0, 00 and +0 are root, too.
        name if name.parse::<u64>() == Ok(0) => (false, format!("it runs as `{name}`, which is root")),
        name => (true, format!("it runs as `{name}`")),
    }
}

/// How many there are, and some of them in words.
fn secrets(platforms: &[Contents], except: &[String]) -> (usize, Vec<String>) {
    let mut globs = GlobSetBuilder::new();
    for glob in except.iter().filter_map(|glob| Glob::new(glob.trim_start_matches('/')).ok()) {
        globs.add(glob);
    }
    // Globs were checked with the config; none of them leaves everything in.
    let except = globs.build().unwrap_or_default();
    let all = platforms.iter().flat_map(|contents| &contents.secrets);
    // Platforms share the layers above their bases.
    let mut seen = HashSet::new();
    let found: Vec<&Secret> = all
        .filter(|secret| !except.is_match(&secret.path))
        .filter(|secret| seen.insert((&secret.layer, &secret.path)))
        .collect();
    let shown = found.iter().take(SHOWN).map(|secret| {
        let removed =
            secret.removed_in.map(|layer| format!("; layer {} hides it, and it still is in the image", layer + 1));
        let layer = format!("layer {} ({})", secret.number + 1, secret.layer.get(..19).unwrap_or(&secret.layer));
        format!("/{} in {layer}: {}{}", secret.path, secret.why, removed.unwrap_or_default())
    });
    (found.len(), shown.collect())
}

/// When the oldest base was made, and its age; none where a platform does not tell.
fn oldest(platforms: &[Contents]) -> Option<(&str, f64)> {
    let ages = platforms.iter().map(|contents| {
        let created = contents.base_created.as_deref()?;
        Some((created, age(created)?))
    });
    let ages: Vec<(&str, f64)> = ages.collect::<Option<_>>()?;
    // A clock that is wrong is the gravest.
    ages.into_iter().max_by(|(_, one), (_, other)| one.total_cmp(other))
}

/// Seconds from a time to now; a time to come is a clock that is wrong, and no age.
fn age(created: &str) -> Option<f64> {
    let created = chrono::DateTime::parse_from_rfc3339(created).ok()?;
    let seconds = (chrono::Utc::now() - created.with_timezone(&chrono::Utc)).as_seconds_f64();
    Some(if seconds < 0.0 { f64::NAN } else { seconds })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_has_several_names() {
        for root in ["", "root", "root:app", "0", "0:1000", "00", "+0"] {
            assert!(!user(root).0, "{root}");
        }
        for other in ["app", "1000", "1000:0", "nobody"] {
            assert!(user(other).0, "{other}");
        }
    }

    #[test]
    fn exceptions_are_globs_of_paths_in_the_image() {
        let secret = |path: &str| Secret {
            path: path.into(),
            layer: "sha256:1".into(),
            number: 0,
            why: "it holds a private key",
            removed_in: Some(2),
        };
        let contents =
            Contents { secrets: vec![secret("app/testdata/a.pem"), secret("app/b.pem")], ..Contents::default() };
        let (count, shown) = secrets(std::slice::from_ref(&contents), &["/app/testdata/**".into()]);
        assert_eq!((count, shown.len()), (1, 1));
        assert!(shown[0].starts_with("/app/b.pem in layer 1") && shown[0].contains("layer 3 hides it"), "{shown:?}");
        // Two platforms with the same layer; a third with one of its own.
        let mut other = contents.clone();
        other.secrets[0].layer = "sha256:2".into();
        assert_eq!(secrets(&[contents.clone(), contents.clone()], &[]).0, 2);
        assert_eq!(secrets(&[contents, other], &[]).0, 3);
    }

    #[test]
    fn every_platform_must_hold() {
        let of = |platform: &str, user: &str, created: Option<&str>| Contents {
            platform: platform.into(),
            user: user.into(),
            base_created: created.map(str::to_string),
            ..Contents::default()
        };
        let (young, old) = (Some("2026-02-01T00:00:00Z"), Some("2026-01-01T00:00:00Z"));
        let both = [of("linux/amd64", "app", young), of("linux/arm64", "", old)];
        let users = |platforms: &[Contents]| of_all(platforms, |contents| user(&contents.user));
        assert_eq!(users(&both), (false, "linux/arm64: it names no user, so it runs as root".into()));
        assert_eq!(users(&both[..1]), (true, "linux/amd64: it runs as `app`".into()));
        assert_eq!(users(&[of("", "0", None)]), (false, "it runs as `0`, which is root".into()));
        assert!(!users(&[]).0);
        assert_eq!(oldest(&both).unwrap().0, "2026-01-01T00:00:00Z");
        assert_eq!(oldest(&[both[0].clone(), of("linux/arm64", "app", None)]), None);
        let ahead = [of("a", "", young), of("b", "", Some("9999-01-01T00:00:00Z"))];
        assert!(oldest(&ahead).unwrap().1.is_nan());
    }
}
