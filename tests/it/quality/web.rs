//! A baseline behind an address.

use super::world::{World, rows};
use crate::stand_in::{send, serve};
use mlgate::config::BaselineSource;
use mlgate::model::{Baseline, Evidence};

fn world(address: &str) -> World {
    let mut world = World::binary(&rows(200, 10)).baseline(BaselineSource::Address(address.into()));
    world.quality.first_run_accepted = true;
    world.variable("MLGATE_READ_TIMEOUT", "1")
}

fn run(address: &str) -> (Evidence, Baseline) {
    world(address).run()
}

#[test]
fn predictions_numbers_and_records_are_read_from_an_address() {
    let old = rows(200, 5);
    let (base, log) = serve(move |asked, stream| match asked.path.split('?').next().unwrap_or_default() {
        "/old.csv" => send(stream, "200 OK", "", Some(old.len()), &old),
        "/m.json" => send(stream, "200 OK", "", Some(11), "{\"f1\": 0.8}"),
        "/gone.csv" => send(stream, "410 Gone", "", Some(0), ""),
        "/busy.csv" if asked.before == 0 => send(stream, "429 Too Many Requests", "Retry-After: 0\r\n", Some(0), ""),
        "/busy.csv" => send(stream, "200 OK", "", Some(old.len()), &old),
        "/html.csv" => send(stream, "200 OK", "", Some(26), "<html>please log in</html>"),
        "/html.json" => send(stream, "200 OK", "", Some(26), "<html>please log in</html>"),
        "/cut.csv" => send(stream, "200 OK", "", Some(old.len()), &old[..100]),
        "/secret.csv" => send(stream, "403 Forbidden", "", Some(0), ""),
        "/down.csv" => send(stream, "500 Internal Server Error", "", Some(0), ""),
        _ => send(stream, "404 Not Found", "", Some(0), ""),
    });
    let (evidence, baseline) = run(&format!("{base}/old.csv?sig=abcdefghijklmnop"));
    assert_eq!(evidence.faults, []);
    let Baseline::Known { source, .. } = baseline else { panic!("{baseline:?}") };
    assert_eq!(source, format!("{base}/old.csv"), "without the signature");
    assert!(evidence.comparisons.iter().any(|c| c.method.contains("200 rows joined on id")), "{:?}", evidence.notes);
    assert!(evidence.inputs.iter().any(|input| input.kind == "baseline" && input.name == source));
    assert!(log.lock().unwrap()[0].path.ends_with("sig=abcdefghijklmnop"));
    for sound in ["m.json", "busy.csv"] {
        assert!(matches!(run(&format!("{base}/{sound}")).1, Baseline::Known { .. }), "{sound}");
    }
    for absent in ["none.csv", "gone.csv"] {
        let (evidence, baseline) = run(&format!("{base}/{absent}"));
        assert_eq!(evidence.faults, [], "{absent}");
        assert!(matches!(baseline, Baseline::Missing { first_run_accepted: true, .. }), "{absent}: {baseline:?}");
    }
    for (faulty, why) in [
        ("html.csv", "no column"),
        ("html.json", "no valid JSON"),
        ("cut.csv", "end of file before"),
        ("secret.csv", "answered 403"),
        ("down.csv", "answered 500"),
    ] {
        let (evidence, baseline) = run(&format!("{base}/{faulty}"));
        let said: String = evidence.faults.iter().map(ToString::to_string).collect();
        assert!(said.contains(why) && matches!(baseline, Baseline::Faulty { .. }), "{faulty}: {said}");
    }
    let nobody = format!("http://127.0.0.1:{}/old.csv", crate::support::free_port());
    assert!(matches!(run(&nobody).1, Baseline::Faulty { .. }));
    let world = world(&format!("{base}/old.csv"));
    world.run();
    assert_eq!(std::fs::read_dir(world.root().join(".mlgate")).unwrap().count(), 0, "nothing is left behind");
}
