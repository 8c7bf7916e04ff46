//! Predictions and metrics that DVC itself tracks, as they were in a commit.

use super::world::{World, rows};
use crate::support::{has, skipped};
use mlgate::config::BaselineSource;
use mlgate::model::Baseline;
use std::path::Path;
use std::process::Command;

fn dvc(root: &Path, args: &[&str]) {
    let mut command = Command::new("dvc");
    let done = command.args(args).current_dir(root).env("DVC_NO_ANALYTICS", "1").output().unwrap();
    assert!(done.status.success(), "dvc {args:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// A commit in which DVC tracks `out/p.csv`; what lies there now is another file.
fn world() -> Option<World> {
    if !has("dvc") {
        skipped("dvc is not installed");
        return None;
    }
    let mut world = World::binary("").with("out/p.csv", &rows(200, 5));
    world.quality.predictions.as_mut().unwrap().file = "out/p.csv".into();
    world.quality.first_run_accepted = true;
    world.git(&["init", "-q", "-b", "main"]);
    dvc(world.root(), &["init", "-q"]);
    world.write("later.txt", "nothing is tracked yet\n");
    world.git(&["add", "later.txt", ".dvc", ".dvcignore"]);
    world.git(&["commit", "-q", "-m", "before"]);
    world.git(&["tag", "before"]);
    dvc(world.root(), &["add", "-q", "out/p.csv"]);
    world.git(&["add", "-A"]);
    world.git(&["commit", "-q", "-m", "tracked"]);
    std::fs::remove_file(world.root().join("out/p.csv")).unwrap();
    world.write("out/p.csv", &rows(200, 10));
    Some(world.baseline(BaselineSource::Dvc { reference: "main".into() }))
}

#[track_caller]
fn compared(world: &World) {
    let (evidence, baseline) = world.run();
    assert_eq!(evidence.faults, []);
    let Baseline::Known { source, .. } = baseline else { panic!("{baseline:?}") };
    assert!(source.starts_with("dvc:main ("), "{source}");
    assert!(evidence.comparisons.iter().any(|c| c.method.contains("200 rows joined on id")), "{:?}", evidence.notes);
    assert!(evidence.inputs.iter().any(|input| input.kind == "baseline" && input.name == "dvc:main:out/p.csv"));
}

#[test]
fn what_dvc_tracked_in_a_commit_is_read_from_its_cache_or_its_remote() {
    let Some(mut world) = world() else { return };
    compared(&world);
    // Before it was tracked there was none: a first run. By git alone there never is one.
    world.quality.baseline = Some(BaselineSource::Dvc { reference: "before".into() });
    assert!(matches!(world.run().1, Baseline::Missing { first_run_accepted: true, .. }));
    world.quality.baseline = Some(BaselineSource::Git { reference: "main".into() });
    assert!(matches!(world.run().1, Baseline::Missing { .. }));

    world.quality.baseline = Some(BaselineSource::Dvc { reference: "main".into() });
    let remote = tempfile::tempdir().unwrap();
    dvc(world.root(), &["remote", "add", "-q", "-d", "store", &remote.path().display().to_string()]);
    dvc(world.root(), &["push", "-q", "out/p.csv.dvc"]);
    std::fs::remove_dir_all(world.root().join(".dvc/cache")).unwrap();
    compared(&world);

    // Tracked, and nowhere to be found, or damaged: no first run.
    let files: Vec<_> =
        walkdir::WalkDir::new(remote.path()).into_iter().flatten().filter(|e| e.path().is_file()).collect();
    assert_eq!(files.len(), 1);
    let sound = std::fs::read(files[0].path()).unwrap();
    std::fs::set_permissions(files[0].path(), std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    std::fs::write(files[0].path(), &sound[..sound.len() - 9]).unwrap();
    assert!(world.faults().contains("md5"), "{}", world.faults());
    std::fs::remove_file(files[0].path()).unwrap();
    assert!(world.faults().contains("not in the remote store"), "{}", world.faults());
    assert!(matches!(world.run().1, Baseline::Faulty { .. }));
    world.quality.baseline = Some(BaselineSource::Dvc { reference: "nowhere".into() });
    assert!(world.faults().contains("no commit"));
}
