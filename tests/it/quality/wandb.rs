//! A stand-in that speaks W&B's GraphQL as its public client does, and every fault that a tracking server can have.

use super::world::{World, find, rows};
use crate::stand_in::{Asked, Log, send, serve};
use mlgate::config::{BaselineSource, Metrics, MetricsFrom};
use mlgate::model::{Baseline, Evidence};
use serde_json::{Value, json};
use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const KEY: &str = "0123456789abcdef0123456789abcdef01234567";
/// `api:` and the key, in base64.
const BASIC: &str = "Basic YXBpOjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc=";

/// What the server has of `acme/churn/RUN`; a request that its client would not make is refused as the server does.
fn answer(asked: &Asked) -> (&'static str, Value) {
    if asked.headers.get("authorization").map(String::as_str) != Some(BASIC) {
        return ("401 Unauthorized", json!({"errors": [{"message": "user is not logged in"}]}));
    }
    let body: Value = serde_json::from_str(&asked.body).unwrap_or_default();
    let query = body["query"].as_str().unwrap_or_default().split_whitespace().collect::<String>();
    let variables = &body["variables"];
    let is_sound = asked.path == "/graphql"
        && asked.headers.get("content-type").is_some_and(|kind| kind == "application/json")
        && query.starts_with("queryRun($entity:String!,$project:String!,$run:String!)")
        && query.contains("project(name:$project,entityName:$entity){run(name:$run){")
        && query.matches('{').count() == query.matches('}').count();
    if !is_sound {
        return ("400 Bad Request", json!({"errors": [{"message": "Cannot query field"}]}));
    }
    if (&variables["entity"], &variables["project"]) != (&json!("acme"), &json!("churn")) {
        return ("200 OK", json!({"data": {"project": null}}));
    }
    let summary = json!({
        "_step": 9, "_timestamp": 1.7e9, "f1": 0.9, "val/loss": {"min": 0.1}, "examples": {"_type": "table-file"},
        "comment": "fine", "rows": "200",
    });
    let summary = summary.to_string().replace("0.1}", "NaN}");
    let run = match variables["run"].as_str() {
        Some("1a2b") => json!({"name": "1a2b", "state": "finished", "summaryMetrics": summary}),
        Some("live") => json!({"name": "live", "state": "running", "summaryMetrics": "{\"f1\": 0.8}"}),
        Some("bare") => json!({"name": "bare", "state": "finished", "summaryMetrics": "{\"_step\": 1}"}),
        Some("odd") => json!({"name": "odd", "state": "finished", "summaryMetrics": "{\"f1\": "}),
        _ => Value::Null,
    };
    ("200 OK", json!({"data": {"project": {"run": run}}}))
}

fn server() -> (String, Log) {
    serve(|asked, stream| {
        let (status, body) = answer(asked);
        let body = body.to_string();
        send(stream, status, "Content-Type: application/json\r\n", Some(body.len()), &body);
    })
}

fn world(named: &str, base: &str) -> World {
    let mut world = World::binary(&rows(60, 5)).baseline(BaselineSource::Service(World::service(named)));
    world.quality.first_run_accepted = true;
    world.variable("WANDB_BASE_URL", base).variable("WANDB_API_KEY", KEY)
}

#[test]
fn a_summary_is_a_baseline_and_what_is_judged() {
    let (base, _) = server();
    let (evidence, baseline) = world("wandb:acme/churn/1a2b", &base).run();
    assert_eq!(evidence.faults, []);
    let Baseline::Known { source, measurements } = baseline else { panic!("{baseline:?}") };
    assert_eq!(source, format!("wandb:acme/churn/1a2b at {base}"));
    assert_eq!(find(&measurements, "quality.f1").value, 0.9);
    assert_eq!(find(&measurements, "quality.rows").value, 200.0);
    assert!(find(&measurements, "quality.val.loss.min").value.is_nan());
    assert_eq!(measurements.len(), 3, "{measurements:?}");
    assert!(evidence.notes.iter().any(|note| note.contains("no numbers: examples, comment")), "{:?}", evidence.notes);

    let (evidence, baseline) = world("wandb:acme/churn/live", &base).run();
    assert!(matches!(baseline, Baseline::Known { .. }));
    assert!(evidence.notes.iter().any(|note| note.contains("is running, not finished")), "{:?}", evidence.notes);

    let mut judged = world("wandb:acme/churn/live", &base);
    judged.quality.predictions = None;
    let from = MetricsFrom::Service(World::service("wandb:acme/churn/1a2b"));
    judged.quality.metrics = vec![Metrics { from, units: Default::default() }];
    let (evidence, _) = judged.run();
    assert_eq!((evidence.faults.as_slice(), find(&evidence.measurements, "quality.f1").value), (&[][..], 0.9));
    judged.quality.metrics[0].from = MetricsFrom::Service(World::service("wandb:acme/churn/none"));
    assert!(judged.faults().contains("has no run acme/churn/none"));
}

#[test]
fn only_a_run_that_the_server_does_not_know_is_a_first_run() {
    let (base, _) = server();
    for absent in ["wandb:acme/churn/none", "wandb:acme/other/1a2b"] {
        let (evidence, baseline) = world(absent, &base).run();
        assert_eq!(evidence.faults, [], "{absent}");
        assert!(matches!(baseline, Baseline::Missing { first_run_accepted: true, .. }), "{absent}: {baseline:?}");
    }
    for (named, why) in
        [("wandb:acme/churn/bare", "holds no number"), ("wandb:acme/churn/odd", "summaryMetrics are no JSON")]
    {
        assert!(world(named, &base).faults().contains(why), "{named}");
    }
    let mut keyless = world("wandb:acme/churn/1a2b", &base);
    keyless.variables.retain(|(name, _)| name != "WANDB_API_KEY");
    assert!(keyless.faults().contains("set WANDB_API_KEY"));
    keyless.variables.push(("WANDB_API_KEY".into(), "another-key-altogether".into()));
    let said = keyless.faults();
    assert!(said.contains("401") && said.contains("not logged in") && !said.contains("another-key"), "{said}");
}

/// What servers and the proxies before them do, by the run that is asked for.
fn faulty(asked: &Asked, stream: &mut TcpStream, sent: &AtomicU64) {
    let good = |value: Value| value.to_string();
    let id = asked.path.rsplit('=').next().unwrap_or_default();
    let run = good(json!({"run": {
        "info": {"status": "FINISHED", "lifecycle_stage": "active", "artifact_uri": "mlflow-artifacts:/0/x/artifacts"},
        "data": {"metrics": [{"key": "f1", "value": 0.9}]},
    }}));
    let json = "Content-Type: application/json\r\n";
    match id {
        "unauthorized" => send(stream, "401 Unauthorized", "", Some(6), "log in"),
        "forbidden" => send(stream, "403 Forbidden", "", Some(22), "Invalid Host header\r\n.."),
        "html404" => send(stream, "404 Not Found", "", Some(15), "<html>no</html>"),
        "html" => send(stream, "200 OK", "", Some(25), "<html>please log in</html"),
        "list" => send(stream, "200 OK", json, Some(2), "[]"),
        "once" if asked.before == 0 => send(stream, "500 Internal Server Error", "", Some(4), "oops"),
        "busy" if asked.before == 0 => send(stream, "429 Too Many Requests", "Retry-After: 1\r\n", Some(0), ""),
        "once" | "busy" => send(stream, "200 OK", json, Some(run.len()), &run),
        "patience" => send(stream, "429 Too Many Requests", "Retry-After: 3600\r\n", Some(0), ""),
        "down" => send(stream, "503 Service Unavailable", "", Some(0), ""),
        "cut" => send(stream, "200 OK", json, Some(run.len()), &run[..run.len() / 2]),
        "slow" => {
            send(stream, "200 OK", json, Some(run.len()), &run[..20]);
            std::thread::sleep(Duration::from_secs(5));
        }
        "huge" => {
            send(stream, "200 OK", json, Some(1 << 30), "");
            let block = vec![b'x'; 1 << 20];
            while sent.load(Ordering::Relaxed) < 1 << 30 && stream.write_all(&block).is_ok() {
                sent.fetch_add(block.len() as u64, Ordering::Relaxed);
            }
        }
        _ => send(stream, "404 Not Found", json, Some(2), "{}"),
    }
}

#[test]
fn every_fault_of_a_server_is_a_fault_and_never_a_first_run() {
    let sent = Arc::new(AtomicU64::new(0));
    let counted = sent.clone();
    let (base, log) = serve(move |asked, stream| faulty(asked, stream, &counted));
    let run = |id: &str| -> (Evidence, Baseline) {
        let mut world = World::binary(&rows(60, 5));
        world.quality.baseline = Some(BaselineSource::Service(World::service(&format!("mlflow:runs:/{id}"))));
        world.quality.first_run_accepted = true;
        world.variable("MLFLOW_TRACKING_URI", &base).variable("MLGATE_READ_TIMEOUT", "1").run()
    };
    for id in ["once", "busy"] {
        assert!(matches!(run(id).1, Baseline::Known { .. }), "{id}");
    }
    for (id, why) in [
        ("unauthorized", "answered 401 Unauthorized: log in (set MLFLOW_TRACKING_TOKEN"),
        ("forbidden", "answered 403 Forbidden: Invalid Host header"),
        ("html404", "answered 404 Not Found: <html>no</html> (is this the address of its API?)"),
        ("html", "answered something else than JSON"),
        ("list", "the server's answer is not MLflow's: no `run` in it"),
        ("other", "answered 404 Not Found"),
        ("patience", "answered 429 Too Many Requests each time it was asked"),
        ("down", "answered 503 Service Unavailable each time it was asked"),
        ("cut", "broke off"),
        ("slow", "broke off"),
        ("huge", "is longer than 16 MiB"),
    ] {
        let (evidence, baseline) = run(id);
        let said: String = evidence.faults.iter().map(ToString::to_string).collect();
        assert!(said.contains(why), "{id}: {said}");
        assert!(matches!(baseline, Baseline::Faulty { .. }), "{id}: {baseline:?}");
    }
    assert!(sent.load(Ordering::Relaxed) < 64 << 20, "a gigabyte is not waited for");
    let asked = |id: &str| log.lock().unwrap().iter().filter(|asked| asked.path.ends_with(id)).count();
    assert_eq!((asked("=patience"), asked("=down"), asked("=unauthorized")), (1, 5, 1));
}
