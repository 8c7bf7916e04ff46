//! Builds by the engine in jobs of CI systems: what the log shows, and what of the checkout gets into the image.

use crate::parts;
use crate::repo::{Done, Repo};
use crate::support::{mlgate, skipped};
use std::fs;

const DOCKERFILE: &str = "FROM scratch\nCOPY . /\nRUN [\"/bin/busybox\", \"sh\", \"-c\", \
    \"echo ::error::from the build; echo '##[error]as well'; /bin/busybox find / -xdev -type f\"]\n";

#[test]
fn the_log_of_a_job_folds_the_build_and_the_context_is_what_git_tracks() {
    let engine = match parts::engine_and_busybox() {
        Ok(engine) => engine,
        Err(why) => return skipped(&why),
    };
    let repo = Repo::new("localhost:1/churn");
    let image = "image: {repository: localhost:1/churn, dockerfile: Dockerfile, context_from: git, tags: [v1], gates: [size < 10MB]}";
    repo.write("mlops.yaml", &format!("version: 1\nmodel: {{name: churn}}\n{image}\n"));
    repo.write("Dockerfile", DOCKERFILE);
    repo.write(".dockerignore", "k8s\n");
    fs::create_dir(repo.path("bin")).unwrap();
    fs::copy("/bin/busybox", repo.path("bin/busybox")).unwrap();
    repo.write("bin/once", &format!("{:?}", std::time::SystemTime::now()));
    let run = |variables: &[(&str, &str)]| {
        let mut command = mlgate(repo.root());
        command.env("DOCKER_HOST", &engine.host).envs(variables.iter().copied());
        Done(command.args(["run", "--dry-run"]).output().unwrap())
    };
    let said = run(&[]).exits(4);
    assert!(said.contains("git knows of no repository here"), "{said}");
    repo.commit();
    repo.write("notes/private.txt", "not for the image");
    repo.write("model/weights.txt", "changed since the commit\n");

    let said = run(&[("CI", "true"), ("GITHUB_ACTIONS", "true")]).exits(0);
    let (start, end) = ("::group::build Dockerfile by the Docker engine\n", "\n::endgroup::\n");
    let folded = said.split_once(start).and_then(|(_, rest)| rest.split_once(end)).map(|(folded, _)| folded);
    let folded = folded.unwrap_or_else(|| panic!("nothing is folded: {said}"));
    for shown in ["[2/2] RUN", "/model/weights.txt", "/train.csv", "#4 ::error::from the build", "# #[error]as well"] {
        assert!(folded.contains(shown), "{shown}: {folded}");
    }
    assert!(!said.contains("private.txt") && !folded.contains("/k8s/"), "untracked, and ignored: {folded}");
    assert!(!said.lines().any(|line| line.trim_start().starts_with("::error::from")), "{said}");

    // From the engine's cache the output is not shown again.
    let said = run(&[("CI", "true"), ("GITLAB_CI", "true")]).exits(0);
    let name = "build_Dockerfile_by_the_Docker_engine";
    let section = regex::Regex::new(&format!(
        "\x1b\\[0Ksection_start:[0-9]+:{name}\\[collapsed=true\\]\r\x1b\\[0Kbuild Dockerfile by the Docker engine\n\
         (?s:.*)\x1b\\[0Ksection_end:[0-9]+:{name}\r\x1b\\[0K\n"
    ));
    assert!(section.unwrap().is_match(&said), "{said:?}");
    let said = run(&[]).exits(0);
    assert!(!said.contains("::group::") && !said.contains("section_start"), "{said}");
}
