//! Edits in place over generated files: the edited scalar changes, and not one byte more.

use super::Random;
use mlgate::kustomize::edit::{set_annotation, set_replicas};

/// The scalar that is edited, before and after, between two texts that must stay.
struct File {
    before: String,
    old: String,
    new: String,
    after: String,
}

fn ends(random: &mut Random) -> (String, String) {
    let head = random.pick(&[
        "",
        "# top\n",
        "---\n",
        "\u{feff}# é\n",
        "x: &a [1, 2]\ny: *a\n",
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization # {\n",
    ]);
    let tail = random.pick(&[
        "",
        "resources:\n- a.yaml # a\n",
        "text: |\n  name: app\n\n  x\n",
        "# end",
        "\n\n",
        "labels: []",
    ]);
    (head.to_owned(), tail.to_owned())
}

fn finish(random: &mut Random, file: File) -> File {
    let crlf = random.below(2) == 0;
    let ends = |text: String| if crlf { text.replace('\n', "\r\n") } else { text };
    File { before: ends(file.before), after: ends(file.after), ..file }
}

fn replicas(random: &mut Random) -> File {
    let (head, tail) = ends(random);
    let (indent, pad) = (" ".repeat(random.below(5)), " ".repeat(1 + random.below(3)));
    let comment = random.pick(&["", " # why", "   #: é✓ 'x' {"]);
    let name = random.pick(&["app", "'app'", "\"app\""]);
    let (before, after) = match random.below(3) {
        0 => (format!("replicas: [{{name: {name},{pad}count: "), format!("{pad}}}]{comment}\n")),
        1 => (
            format!("replicas: [ {{name: b, count: 9}},{pad}{{\"count\": "),
            format!(", \"name\": {name}}}]{comment}\n"),
        ),
        _ => {
            let inner = format!("{indent} {pad}");
            let gap = random.pick(&["", "\n", "   # [\n\n"]);
            let mut before = format!("replicas:{comment}\n{indent}-{pad}name: b\n{inner}count: 1{comment}\n{gap}");
            before.push_str(&format!("{indent}-{pad}name: {name}{comment}\n{gap}{inner}count:{pad}"));
            (before, format!("{comment}\n{indent}-{pad}name: last\n"))
        }
    };
    let file = File { before: head + &before, old: "2".into(), new: "7".into(), after: after + &tail };
    finish(random, file)
}

fn annotations(random: &mut Random) -> File {
    let (head, tail) = ends(random);
    let pad = " ".repeat(1 + random.below(4));
    let quote = random.pick(&["", "'", "\""]);
    let key = random.pick(&["mlgate.dev/run", "'mlgate.dev/run'", "\"mlgate.dev/run\""]);
    let comment = random.pick(&["", " # why", "   #: é✓ 'x' {"]);
    let (before, after) = match random.below(2) {
        0 => (format!("commonAnnotations: {{a: b,{pad}{key}: "), format!(", z: 'q'}}{comment}\n")),
        _ => {
            let before = format!("commonAnnotations:{comment}\n{pad}a: \"b: c\"{comment}\n\n{pad}{key}:{pad}");
            (before, format!("{comment}\n{pad}last: x\n"))
        }
    };
    let of = |text: &str| format!("{quote}{text}{quote}");
    let file = File { before: head + &before, old: of("r1"), new: of("sha256-0a1b"), after: after + &tail };
    finish(random, file)
}

fn check(round: usize, file: &File, edited: Result<String, mlgate::kustomize::Error>) {
    let text = format!("{}{}{}", file.before, file.old, file.after);
    let edited = edited.unwrap_or_else(|e| panic!("round {round}: {e}\n{text}"));
    assert_eq!(edited, format!("{}{}{}", file.before, file.new, file.after), "round {round}");
}

#[test]
fn edits_of_replicas_and_annotations_touch_one_scalar() {
    let mut random = Random(0x2545_F491_4F6C_DD1D);
    for round in 0..1000 {
        let file = replicas(&mut random);
        let text = format!("{}{}{}", file.before, file.old, file.after);
        check(round, &file, set_replicas(&text, "app", 7));
        let file = annotations(&mut random);
        let text = format!("{}{}{}", file.before, file.old, file.after);
        check(round, &file, set_annotation(&text, "mlgate.dev/run", "sha256-0a1b"));
        // What is new is added, and everything that was there stays, byte for byte and in order.
        for added in [set_annotation(&text, "new.key", "a: b"), set_replicas(&text, "new", 3)] {
            let added = added.unwrap_or_else(|e| panic!("round {round}: {e}\n{text}"));
            let same = |(a, b): &(u8, u8)| a == b;
            let start = text.bytes().zip(added.bytes()).take_while(same).count();
            let end = text.bytes().rev().zip(added.bytes().rev()).take_while(same).count();
            assert!(start + end >= text.len(), "round {round}\n{text}\n{added}");
        }
    }
}

#[test]
fn edits_that_are_not_safe_are_refused_by_name() {
    let anchors = "commonAnnotations: &x {a: 1}\nother: *x\n";
    let cases = [
        (set_annotation("commonAnnotations:\n  a: &v x\nother: *v\n", "a", "y"), "anchor"),
        (set_annotation("x: &v {b: c}\ncommonAnnotations:\n  <<: *v\n  a: x\n", "a", "y"), "merges another"),
        (set_annotation("commonAnnotations:\n  a: |\n    x\n", "a", "y"), "several lines"),
        (set_annotation("commonAnnotations: x\n", "a", "y"), "no mapping"),
        (set_annotation(anchors, "a", "line\nbreak"), "without escapes"),
        (set_annotation("a: 1\n", "no key", "y"), "no key"),
        (set_annotation("a: 1\n---\nb: 2\n", "a", "y"), "document"),
        (set_replicas("replicas:\n- name: app\n- name: app\n", "app", 1), "twice"),
        (set_replicas("replicas:\n- &x\n  name: app\n  count: 1\n", "app", 1), "anchor"),
        (set_replicas("replicas: {app: 1}\n", "app", 1), "mapping"),
        (set_replicas("replicas: []\n", "no name", 1), "no name"),
    ];
    for (result, why) in cases {
        let error = result.expect_err(why).to_string();
        assert!(error.contains(why), "{why}: {error}");
    }
}
