//! A real MLflow server: an alias, a version and a run as the baseline, an artifact of predictions, and a run as what is
//! judged.

use super::world::{World, find, rows};
use crate::parts::{self, Part, wait};
use crate::support::skipped;
use mlgate::config::{BaselineSource, Metrics, MetricsFrom, metric_unit};
use mlgate::model::{Baseline, Evidence, Unit};
use serde_json::{Value, json};
use std::collections::BTreeMap;

struct Server {
    part: Part,
    runtime: tokio::runtime::Runtime,
    client: reqwest::Client,
}

impl Server {
    fn start() -> Result<Server, String> {
        let part = parts::start("env", |port, folder| {
            let place = |name: &str| folder.join(name).display().to_string();
            let words =
                ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false", "mlflow", "server", "--host", "127.0.0.1", "--port", port];
            let mut words: Vec<String> = words.map(String::from).to_vec();
            words.extend(["--backend-store-uri".into(), format!("sqlite:///{}", place("f.db"))]);
            words.extend(["--artifacts-destination".into(), place("artifacts"), "--workers".into(), "1".into()]);
            words
        })?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
        let server = Server { part, runtime, client: crate::sources::parts::client() };
        let health = format!("{}/health", server.part.base);
        let ready =
            || server.runtime.block_on(server.client.get(&health).send()).is_ok_and(|a| a.status().is_success());
        wait(ready).map_err(|()| format!("mlflow did not start:\n{}", server.part.log()))?;
        Ok(server)
    }

    fn ask(&self, path: &str, body: &Value) -> Value {
        let request = self.client.post(format!("{}/api/2.0/mlflow/{path}", self.part.base));
        let request = request.header("content-type", "application/json").body(body.to_string());
        let answer = self.runtime.block_on(async { request.send().await.unwrap().text().await.unwrap() });
        serde_json::from_str(&answer).unwrap_or_else(|e| panic!("{path}: {e}: {answer}"))
    }

    /// A finished run with these metrics.
    fn run(&self, metrics: &[(&str, Value)]) -> String {
        let run = self.ask("runs/create", &json!({"experiment_id": "0", "start_time": 1}));
        let id = run["run"]["info"]["run_id"].as_str().unwrap().to_string();
        let metrics = metrics.iter().map(|(k, v)| json!({"key": k, "value": v, "timestamp": 1, "step": 0}));
        self.ask("runs/log-batch", &json!({"run_id": id, "metrics": metrics.collect::<Vec<_>>()}));
        self.ask("runs/update", &json!({"run_id": id, "status": "FINISHED", "end_time": 2}));
        id
    }

    fn put(&self, path: &str, body: String) {
        let url = format!("{}/api/2.0/mlflow-artifacts/artifacts/{path}", self.part.base);
        self.runtime
            .block_on(async { self.client.put(url).body(body).send().await.unwrap().error_for_status().unwrap() });
    }

    /// Predictions judged against `named`; `first_run: accept` is set.
    fn world(&self, named: &str) -> World {
        let mut world = World::binary(&rows(200, 10)).baseline(BaselineSource::Service(World::service(named)));
        world.quality.first_run_accepted = true;
        world.variable("MLFLOW_TRACKING_URI", &self.part.base)
    }
}

fn known(ran: &(Evidence, Baseline)) -> (&str, &[mlgate::model::Measurement]) {
    match ran {
        (evidence, Baseline::Known { source, measurements }) if evidence.faults.is_empty() => (source, measurements),
        other => panic!("{other:#?}"),
    }
}

#[test]
fn the_champion_is_the_baseline_and_what_is_not_there_is_a_first_run() {
    if !crate::support::has("mlflow") {
        return skipped("mlflow is not installed");
    }
    let server = match Server::start() {
        Ok(server) => server,
        Err(why) => return skipped(&why),
    };
    let id = server.run(&[("f1", json!(0.9)), ("val/loss", json!(0)), ("bad", json!("NaN"))]);
    server.ask("registered-models/create", &json!({"name": "churn model"}));
    let made = json!({"name": "churn model", "source": format!("runs:/{id}/model"), "run_id": id});
    server.ask("model-versions/create", &made);

    // What is not there may be a first run, and nothing else may.
    for absent in [
        "mlflow:models:/churn model@champion",
        "mlflow:models:/nobody@champion",
        "mlflow:models:/churn model/7",
        "mlflow:runs:/0123456789abcdef",
    ] {
        let (evidence, baseline) = server.world(absent).run();
        assert_eq!(evidence.faults, [], "{absent}");
        let Baseline::Missing { reason, first_run_accepted, .. } = baseline else { panic!("{absent}: {baseline:?}") };
        assert!(first_run_accepted && reason.contains("not found"), "{absent}: {reason}");
    }
    server.ask("registered-models/alias", &json!({"name": "churn model", "alias": "champion", "version": "1"}));
    for named in ["mlflow:models:/churn model@champion", "mlflow:models:/churn model/1"] {
        let ran = server.world(named).run();
        let (source, measurements) = known(&ran);
        assert_eq!(source, format!("{named} (version 1, run {id}) at {}", server.part.base));
        assert_eq!(find(measurements, "quality.f1").value, 0.9);
        assert_eq!(find(measurements, "quality.val.loss").value, 0.0);
        assert!(find(measurements, "quality.bad").value.is_nan());
        assert!(ran.0.notes.iter().any(|note| note.contains("bad in mlflow:")), "{:?}", ran.0.notes);
        assert!(ran.0.inputs.iter().any(|input| input.kind == "baseline" && input.name == source));
    }

    // Predictions among the artifacts are compared in pairs.
    server.put(&format!("0/{id}/artifacts/out/p.csv"), rows(200, 5));
    let ran = server.world(&format!("mlflow:runs:/{id}/out/p.csv")).run();
    known(&ran);
    assert!(ran.0.comparisons.iter().any(|c| c.method.contains("200 rows joined on id")), "{:?}", ran.0.notes);
    let world = server.world("mlflow:models:/churn model@champion/out/none.csv");
    assert!(world.faults().contains("has no artifact out/none.csv"));

    // A run is what is judged; its id is in a file that the command writes.
    let mut world =
        World::new().with("out/run_id", &format!("{id}\n")).variable("MLFLOW_TRACKING_URI", &server.part.base);
    let (template, id_file) = ("mlflow:runs:/{id}".into(), "out/run_id".into());
    let units = BTreeMap::from([("val.loss".to_string(), metric_unit("ms").unwrap())]);
    world.quality.metrics = vec![Metrics { from: MetricsFrom::Later { template, id_file }, units }];
    let (evidence, _) = world.run();
    assert_eq!(evidence.faults, []);
    let f1 = find(&evidence.measurements, "quality.f1");
    assert_eq!((f1.value, f1.source.as_str()), (0.9, format!("mlflow:runs:/{id} at {}", server.part.base).as_str()));
    assert_eq!(find(&evidence.measurements, "quality.val.loss").unit, Unit::Seconds);
    world.write("out/run_id", "0123\n");
    assert!(world.faults().contains("not found"));

    // A deleted run is no first run.
    server.ask("runs/delete", &json!({"run_id": id}));
    assert!(server.world("mlflow:models:/churn model@champion").faults().contains("is deleted"));
}

#[test]
fn without_a_server_there_is_no_first_run() {
    let world = |uri: Option<&str>| {
        let named = BaselineSource::Service(World::service("mlflow:models:/churn@champion"));
        let mut world = World::binary(&rows(60, 5)).baseline(named).variable("MLGATE_READ_TIMEOUT", "1");
        world.quality.first_run_accepted = true;
        match uri {
            Some(uri) => world.variable("MLFLOW_TRACKING_URI", uri),
            None => world,
        }
    };
    let nobody = format!("http://ann:hunter22@127.0.0.1:{}", crate::support::free_port());
    for (uri, why) in [
        (None, "set MLFLOW_TRACKING_URI"),
        (Some("databricks"), "is no address of a server"),
        (Some("file:///tmp/mlruns"), "neither http nor https"),
        (Some(nobody.as_str()), "cannot talk to http://127.0.0.1"),
    ] {
        let said = world(uri).faults();
        assert!(said.contains(why) && !said.contains("hunter22"), "{said}");
        assert!(matches!(world(uri).run().1, Baseline::Faulty { .. }));
    }
}
