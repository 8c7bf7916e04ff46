use super::super::policy::tests::tree;
use super::*;
use serde_json::json;

fn never(_: &str) -> bool {
    false
}

fn lines(old: &[Value], new: &[Value]) -> Vec<String> {
    let side = |value: &Option<Value>| value.as_ref().map_or("∅".to_string(), |value| on_a_line(value, 80));
    compare(old, new, |name| name.contains("PASSWORD"))
        .into_iter()
        .flat_map(|d| match &d.change {
            Change::Added => vec![format!("+ {} {}", d.kind, d.name)],
            Change::Removed => vec![format!("- {} {}", d.kind, d.name)],
            Change::Changed(fields) => fields
                .iter()
                .map(|f| format!("{} {} {}: {} → {}", d.kind, d.name, f.path, side(&f.old), side(&f.new)))
                .collect(),
        })
        .collect()
}

fn object(kind: &str, name: &str, rest: serde_json::Value) -> Value {
    let mut all = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}});
    all.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    tree(all)
}

#[test]
fn objects_come_go_and_change_field_by_field() {
    let container = |image: &str, cpu: &str| {
        json!({"spec": {"containers": [
            {"name": "log", "image": "l"}, {"name": "model", "image": image, "resources": {"limits": {"cpu": cpu}}}]}})
    };
    let old = [
        object("Pod", "a", container("r:1", "1")),
        object("Service", "gone", json!({})),
        object("Pod", "same", json!({})),
    ];
    let new = [
        object("Pod", "a", container("r:2", "1")),
        object("Pod", "same", json!({})),
        object("Service", "new", json!({})),
    ];
    let expected = ["Pod a spec.containers[model].image: r:1 → r:2", "+ Service new", "- Service gone"];
    assert_eq!(lines(&old, &new), expected);
    assert_eq!(lines(&old, &old), Vec::<String>::new());
    assert_eq!(compare(&[], &old, never).len(), 3);
}

#[test]
fn lists_are_compared_by_name_or_by_place() {
    let pod = |spec: serde_json::Value| [object("Pod", "a", json!({"spec": spec}))];
    let containers = |names: &[&str]| json!({"c": names.iter().map(|n| json!({"name": n, "i": 1})).collect::<Vec<_>>(), "args": names});
    assert_eq!(
        lines(&pod(containers(&["a", "b"])), &pod(containers(&["b", "c"]))),
        [
            "Pod a spec.c[c]: ∅ → {name: c, i: 1}",
            "Pod a spec.c[a]: {name: a, i: 1} → ∅",
            "Pod a spec.args: [a, b] → [b, c]"
        ]
    );
    let swapped = lines(&pod(containers(&["a", "b"])), &pod(containers(&["b", "a"])));
    assert_eq!(swapped[0], "Pod a spec.c (order): [a, b] → [b, a]");
    let rules = |n: i64| json!({"rules": [{"port": 1}, {"port": n}]});
    assert_eq!(lines(&pod(rules(2)), &pod(rules(3))), ["Pod a spec.rules[1].port: 2 → 3"]);
}

#[test]
fn a_content_hash_makes_no_other_object() {
    let map = |name: &str, value: &str| object("ConfigMap", name, json!({"data": {"k": value}}));
    let (old, new) = ([map("conf-2bm9gk4d6t", "1")], [map("conf-5f7h8c9dkm", "2")]);
    let found = compare(&old, &new, never);
    assert_eq!(found[0].name_before.as_deref(), Some("conf-2bm9gk4d6t"));
    assert_eq!(lines(&old, &new), ["ConfigMap conf-5f7h8c9dkm data.k: \"1\" → \"2\""]);
    // Of another kind of name, they are two objects.
    assert_eq!(lines(&[map("conf-a", "1")], &[map("conf-b", "1")]), ["+ ConfigMap conf-b", "- ConfigMap conf-a"]);
}

#[test]
fn secret_values_are_never_shown() {
    let secret = |value: &str| object("Secret", "s", json!({"data": {"password": value, "same": "QQ=="}}));
    let pod = |value: &str| {
        object(
            "Pod",
            "p",
            json!({"spec": {"containers": [{"name": "m", "env": [
            {"name": "DB_PASSWORD", "value": value}, {"name": "PLAIN", "value": value}]}]}}),
        )
    };
    let said = lines(&[secret("b2xk"), pod("old-1")], &[secret("bmV3"), pod("new-2")]);
    assert_eq!(
        said,
        [
            "Secret s data.password: (hidden) → (hidden)",
            "Pod p spec.containers[m].env[DB_PASSWORD].value: (hidden) → (hidden)",
            "Pod p spec.containers[m].env[PLAIN].value: old-1 → new-2",
        ]
    );
    // Neither in an object that came or went, nor where a whole container did.
    let all = format!("{:?}", compare(&[], &[secret("bmV3")], never));
    assert!(!all.contains("bmV3") && all.contains(HIDDEN), "{all}");
    let bare = object("Pod", "p", json!({"spec": {"containers": [{"name": "x"}]}}));
    let all = format!("{:?}", compare(&[bare], &[pod("new-2")], |name| name.contains("PASSWORD")));
    assert_eq!(all.matches("new-2").count(), 2, "once in the field and once in the object: {all}");
}
