use super::*;

fn leads(record: &str) -> Vec<(&'static str, String)> {
    vec![(MODEL, "churn".into()), (VERSION, "1.10".into()), (RECORD, record.into())]
}

#[test]
fn they_are_added_once_and_then_changed_in_their_lines() {
    let text = "resources: [../../base]   # all\nimages:\n- name: churn\n";
    let first = set(text, &leads("r@sha256:1")).unwrap();
    let block = "commonAnnotations:\n  mlgate.dev/model: \"churn\"\n  mlgate.dev/model-version: \"1.10\"\n  mlgate.dev/record: \"r@sha256:1\"\n";
    assert_eq!(first, format!("{text}\n{COMMENT}\n{block}"));
    assert_eq!(set(&first, &leads("r@sha256:1")).unwrap(), first, "the same again changes nothing");
    assert_eq!(set(&first, &leads("r@sha256:2")).unwrap(), first.replace("sha256:1", "sha256:2"));
    assert_eq!(set(text, &[]).unwrap(), text);
    assert_eq!(set("", &leads("r")).unwrap().matches('\n').count(), 5);
}

#[test]
fn what_else_is_there_stays_byte_for_byte() {
    let text = "commonAnnotations: # of all\r\n    team: \"risk\"   # ours\r\n    'mlgate.dev/record': 'old'  # here\r\n\r\n# images\r\nimages: []";
    let expected = "commonAnnotations: # of all\r\n    team: \"risk\"   # ours\r\n    'mlgate.dev/record': 'new'  # here\r\n    mlgate.dev/model: \"churn\"\r\n    mlgate.dev/model-version: \"1.10\"\r\n\r\n# images\r\nimages: []";
    assert_eq!(set(text, &leads("new")).unwrap(), expected);
    for text in [
        "namePrefix: a",
        "commonAnnotations:\n  a: b",
        "commonAnnotations:\n",
        "images: []\ncommonAnnotations:\n  a: b\n\n\n",
    ] {
        let after = set(text, &leads("new")).unwrap();
        assert!(after.starts_with(text.trim_end()), "{after}");
        assert_eq!(set(&after, &leads("new")).unwrap(), after);
    }
}

#[test]
fn what_cannot_be_edited_line_by_line_is_refused() {
    for text in [
        "commonAnnotations: {a: b}\n",
        "commonAnnotations: &all\n  a: b\n",
        "commonAnnotations:\n  <<: *x\n",
        "commonAnnotations:\n  mlgate.dev/record: |\n    old\n",
        "commonAnnotations:\n  mlgate.dev/record: &r old\n",
        "commonAnnotations:\n- a\n",
        "\"commonAnnotations\":\n  a: b\n",
        "a: 1\n---\nb: 2\n",
        "a: b\n...\n",
        "a: |\n  text\n commonAnnotations:\n",
        "{resources: [a]}\n",
        "a: [\n",
    ] {
        assert!(set(text, &leads("new")).is_err(), "{text:?}: {:?}", set(text, &leads("new")));
    }
    // A value that needs its quotes keeps its meaning.
    let odd = vec![(MODEL, "a: \"b\" # c\u{e9}\n".to_string())];
    let after = set("a: 1\n", &odd).unwrap();
    assert_eq!(set(&after, &odd).unwrap(), after);
}

/// Any number below `n`, the same on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.roll(from.len())]
    }
}

/// A kustomization as people write them: comments and blank lines anywhere, odd indents, all kinds of quotes.
fn kustomization(dice: &mut Dice) -> String {
    let mut lines: Vec<String> = Vec::new();
    let others = [
        "resources: [../../base] # all",
        "images:\n- name: churn   # ours\n  newTag: \"v1\"",
        "patches:\n- patch: |-\n    - {op: add, path: /a, value: 1}\n    # commonAnnotations: of no meaning\n  target: {kind: X}",
        "labels:\n    -   pairs: {a: b}",
        "namePrefix: 'it''s-'",
    ];
    let comments = ["", "# a comment", "   ", "    # commonAnnotations:"];
    let has_block = dice.roll(3) > 0;
    let place = dice.roll(others.len());
    for (at, other) in others.iter().enumerate() {
        if dice.roll(3) == 0 {
            lines.push(dice.pick(&comments).to_string());
        }
        if dice.roll(4) > 0 {
            lines.push((*other).to_string());
        }
        if has_block && at == place {
            lines.push(format!("commonAnnotations:{}", dice.pick(&["", "  ", " # of all"])));
            let indent = " ".repeat(1 + dice.roll(6));
            for key in ["team", MODEL, "'a/b'", RECORD, "\"c\""] {
                if dice.roll(2) == 0 {
                    let value = dice.pick(&["old", "'old'", "\"o\\\"l # d\"", "ghcr.io/a@sha256:1"]);
                    let quote = if key.starts_with('m') { dice.pick(&["", "'", "\""]) } else { "" };
                    lines.push(format!("{indent}{quote}{key}{quote}: {value}{}", dice.pick(&["", "   # why", " "])));
                }
                if dice.roll(5) == 0 {
                    lines.push(format!("{}# between", dice.pick(&["", "  ", "        "])));
                }
            }
        }
    }
    let text = lines.join("\n") + dice.pick(&["", "\n", "\n\n"]);
    if dice.roll(3) == 0 { text.replace('\n', "\r\n") } else { text }
}

#[test]
fn whatever_the_layout_only_their_lines_change_and_they_read_as_they_were_set() {
    let others = |text: &str| -> Vec<String> {
        let is_ours = |line: &str| {
            leads("").iter().any(|(key, _)| line.trim_start().trim_start_matches(['"', '\'']).starts_with(key))
        };
        let kept =
            text.split('\n').map(|line| line.trim_end_matches('\r')).filter(|line| !is_ours(line) && *line != COMMENT);
        kept.map(str::to_string).collect()
    };
    for seed in 0..1000 {
        let before = kustomization(&mut Dice(seed));
        let after = set(&before, &leads("r@sha256:2")).unwrap_or_else(|why| panic!("{why}:\n{before}"));
        let read: Json = serde_saphyr::from_str(&after).unwrap();
        for (key, value) in leads("r@sha256:2") {
            assert_eq!(read[FIELD][key], value.as_str(), "{before}\n=>\n{after}");
        }
        assert_eq!(set(&after, &leads("r@sha256:2")).unwrap(), after, "{before}");
        // All other lines are there in their order; those that were added stand together.
        let (old, new) = (others(&before), others(&after));
        let same = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
        let added = &new[same..new.len() - (old.len() - same)];
        assert_eq!(old[same..], new[new.len() - (old.len() - same)..], "{before}\n=>\n{after}");
        assert!(added.iter().all(|line| line.is_empty() || line == "commonAnnotations:"), "{before}\n=>\n{after}");
        assert_eq!(before.contains("\r\n"), after.contains("\r\n"), "{after:?}");
        assert!(!before.contains("\r\n") || !after.replace("\r\n", "").contains('\n'), "{after:?}");
    }
}
