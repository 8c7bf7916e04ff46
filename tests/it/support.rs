//! What scenarios share: running the binary, finding free ports, skipping in plain sight.

use mlgate::config::{Config, InconclusivePolicy, Model, Overlay};
use mlgate::data::Sources;
use mlgate::image::Access;
use mlgate::model::{Severity, SliceCorrection};
use mlgate::stage::Context;
use mlgate::ui::{Mode, Ui};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, LazyLock};

/// The binary under test in `dir`, with an environment scrubbed of everything that steers mlgate: no CI
/// variables, no tokens, no colours.
pub fn mlgate(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mlgate"));
    command.current_dir(dir).env_clear();
    for name in ["PATH", "HOME", "TMPDIR", "DOCKER_HOST"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

/// The config of a model `churn` without any stage, everything else as when `mlops.yaml` does not say.
pub fn config() -> Config {
    Config {
        model: Model { name: "churn".into(), files: Vec::new() },
        data: Vec::new(),
        tests: Vec::new(),
        quality: None,
        image: None,
        signing: Default::default(),
        latency: None,
        overlay: Overlay::default(),
        environments: Vec::new(),
        inconclusive: InconclusivePolicy { run: Severity::Warn, promote: Severity::Block },
        confidence: 0.95,
        slice_correction: SliceCorrection::Bonferroni,
    }
}

/// What a stage gets in the folder `root`: nothing is shown, and neither an engine nor an account is known.
pub fn context<'a>(config: &'a Config, root: &'a Path) -> Context<'a> {
    static UI: LazyLock<Ui> = LazyLock::new(|| Ui::new(Mode::Quiet));
    static ACCESS: LazyLock<Access> = LazyLock::new(Access::default);
    static SOURCES: LazyLock<Arc<Sources>> = LazyLock::new(Arc::default);
    Context {
        config,
        root,
        work: root.join(".mlgate"),
        ui: &UI,
        access: &ACCESS,
        sources: &SOURCES,
        today: mlgate::record::today(),
    }
}

/// A loopback port that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free loopback port").port()
}

/// Says that the test lacks its part. With `MLGATE_TEST_REQUIRE_PARTS` set, as in CI, that is a failure.
pub fn skipped(why: &str) {
    assert!(std::env::var_os("MLGATE_TEST_REQUIRE_PARTS").is_none(), "a part is missing: {why}");
    eprintln!("skipped: {why}");
}

/// Whether a program is on the PATH.
pub fn has(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|p| std::env::split_paths(&p).any(|dir| dir.join(program).is_file()))
}
