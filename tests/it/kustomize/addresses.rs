//! Addresses of images in KServe's objects and in patches: set in place, and nothing else touched.

use mlgate::kustomize::edit::{add_patch, set_addresses};

const REPOSITORY: &str = "localhost:5000/acme/churn";

fn digest() -> String {
    format!("sha256:{}", "ab".repeat(32))
}

fn set(text: &str) -> Result<String, String> {
    set_addresses(text, REPOSITORY, &digest()).map_err(|error| error.to_string())
}

/// In a text, `OLD` stands for addresses that must change, `KEPT` for those that must not.
fn check(template: &str) {
    for (old, scheme) in [
        ("oci://REPO:v1", "oci"),
        ("oci://REPO", "oci"),
        ("oci+native://REPO:a.b-c_d", "oci+native"),
        (&format!("oci+fetch://REPO@sha256:{}", "0".repeat(64)), "oci+fetch"),
        (&format!("oci+modelcar://REPO:v1@{}", digest()), "oci+modelcar"),
    ] {
        for line_end in ["\n", "\r\n"] {
            let text = template.replace("KEPT", old).replace('\n', line_end);
            let new = format!("{scheme}://REPO@{}", digest());
            let [before, wanted] = [old, &new].map(|address| text.replace("OLD", address).replace("REPO", REPOSITORY));
            let found = set(&before).unwrap_or_else(|error| panic!("{error}\n{before}"));
            assert_eq!(found, wanted);
            assert_eq!(set(&found), Ok(wanted), "the same again changes nothing");
        }
    }
}

const SERVICE: &str = "apiVersion: serving.kserve.io/v1beta1 # é\nkind: InferenceService\nmetadata: {name: churn}\n";

#[test]
fn they_are_set_in_objects_of_kserve_in_whatever_quotes() {
    for quote in ["", "'", "\""] {
        let model = format!("spec:\n  predictor:\n    model:\n      storageUri:   {quote}OLD{quote}   # the model\n");
        check(&format!("{SERVICE}{model}"));
        check(&format!("# two\n---\n{SERVICE}{model}---\n{SERVICE}{model}---\napiVersion: v1\nkind: Pod\n"));
        check(&format!("{SERVICE}spec: {{predictor: {{sklearn: {{storageUri: {quote}OLD{quote}}}}}}}\n"));
        check(&format!(
            "{SERVICE}spec:\n  predictor:\n    model:\n      storageUris:\n      - uri: {quote}OLD{quote}\n      - uri: s3://more\n"
        ));
        let variable = format!(
            "spec:\n  predictor:\n    containers:\n    - env:\n      - {{name: STORAGE_URI, value: {quote}OLD{quote}}}\n"
        );
        check(&format!("{SERVICE}{variable}"));
    }
    check(
        "{\"apiVersion\": \"serving.kserve.io/v1alpha1\", \"spec\": {\"model\": {\"uri\": \"OLD\", \"name\": \"x\"}}}",
    );
}

#[test]
fn they_are_set_in_patches_in_files_and_in_the_kustomization() {
    check("- op: replace\n  path: /spec/predictor/model/storageUri\n  value: OLD # here\n- {op: remove, path: /x}\n");
    check("[{\"op\": \"add\", \"path\": \"/spec/predictor\", \"value\": {\"model\": {\"storageUri\": \"OLD\"}}}]");
    let operation = "[{op: replace, path: /spec/predictor/model/storageUri, value: \"OLD\"}]";
    check(&format!("resources: [../base]\npatches: [{{target: {{kind: InferenceService}}, patch: '{operation}'}}]\n"));
    check(&format!(
        "kind: Kustomization\napiVersion: kustomize.config.k8s.io/v1beta1\npatches:\n- patch: '{operation}'\n"
    ));
    let indented =
        format!("{SERVICE}spec: {{predictor: {{model: {{storageUri: OLD}}}}}} # KEPT\n").replace('\n', "\n    ");
    for block in ["|", "|-", "|+"] {
        check(&format!("patches:\n- patch: {block} # what\n\n    # KEPT\n    {indented}\n# end KEPT\n"));
        check(&format!("patchesStrategicMerge:\n- {block}\n    {indented}\n- other.yaml\n"));
    }
}

#[test]
fn what_is_no_address_of_the_image_stays() {
    let of = |key: &str, text: &str| format!("{SERVICE}spec:\n  predictor:\n    model:\n      {key}: {text}\n");
    for text in [
        of("storageUri", "s3://localhost:5000/acme/churn"),
        of("storageUri", "oci://localhost:5000/acme/churn-two:v1"),
        of("storageUri", "oci://localhost:5000/acme/churn/sub:v1"),
        of("storageUri", "oci://localhost:5000/acme/churn:v1/path"),
        of("storageUri", "oci://localhost:5000/acme"),
        of("note", "oci://localhost:5000/acme/churn:v1"),
        "apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nspec: {uri: oci://localhost:5000/acme/churn}\n"
            .into(),
        "kind: ConfigMap\ndata: {value: oci://localhost:5000/acme/churn}\n".into(),
        "no: [yaml, oci://localhost:5000/acme/churn\n".into(),
        "resources: [../base]\nimages: [{name: localhost:5000/acme/churn, newTag: v1}]\n".into(),
        String::new(),
    ] {
        assert_eq!(set(&text), Ok(text.clone()));
    }
}

#[test]
fn what_cannot_be_set_in_place_is_refused() {
    let address = format!("oci://{REPOSITORY}:v1");
    for (text, why) in [
        (format!("{SERVICE}spec: {{model: {{storageUri: &a {address}}}}}\n"), "anchor"),
        (format!("{SERVICE}spec: {{model: {{storageUri: !!str {address}}}}}\n"), "tag"),
        (format!("{SERVICE}spec:\n  storageUri: >-\n    {address}\n"), "folded"),
        (format!("{SERVICE}spec: {{storageUri: \"\\x6fci://{REPOSITORY}:v1\"}}\n"), "escapes"),
        (format!("patches:\n- patch: \"- op: add\\n  value: {address}\"\n"), "escapes"),
    ] {
        let error = set(&text).unwrap_err();
        assert!(error.contains(why), "{why}: {error}");
    }
    let error = set_addresses("", REPOSITORY, "sha256:x").unwrap_err().to_string();
    assert!(error.contains("no part of an image reference"), "{error}");
}

const POINTER: &str = "/spec/predictor/model/storageUri";

fn added(text: &str) -> Result<String, String> {
    let value = format!("oci://{REPOSITORY}:v1");
    add_patch(text, ("InferenceService", None), POINTER, &value).map_err(|error| error.to_string())
}

#[test]
fn a_patch_is_added_after_those_that_are_there_and_found_again() {
    let operation = |column: usize| {
        let lines = ["- target:", "    kind: InferenceService", "  patch: |-", "    - op: replace"].map(str::to_owned);
        let more = [format!("      path: {POINTER}"), format!("      value: oci://{REPOSITORY}:v1")];
        lines.into_iter().chain(more).map(|line| format!("{:column$}{line}\n", "")).collect::<String>()
    };
    let flow = format!(
        "{{target: {{kind: InferenceService}}, patch: '[{{op: replace, path: {POINTER}, value: \"oci://{REPOSITORY}:v1\"}}]'}}"
    );
    for (start, new, end) in [
        ("", format!("patches:\n{}", operation(0)), ""),
        ("resources: [../base] # é\n", format!("patches:\n{}", operation(0)), ""),
        ("patches:\n- path: a.yaml # last\n", operation(0), ""),
        ("patches:\n  - path: a.yaml\n    target: {kind: Pod}\n", operation(2), "\n# labels\nlabels: []\n"),
        ("patches:\n  # one\n  - patch: |\n      kind: Pod\n", operation(2), "resources: [../base]\n"),
        ("patches:\n- target:\n    kind: Pod\n  patch: |-\n    - op: remove\n      path: /x\n", operation(0), ""),
        ("patches: [", flow.clone(), "] # none\n"),
        ("patches: [{path: a.yaml}", format!(", {flow}"), "]\nresources: [../base]\n"),
    ] {
        for line_end in ["\n", "\r\n"] {
            let [text, wanted] =
                [format!("{start}{end}"), format!("{start}{new}{end}")].map(|text| text.replace('\n', line_end));
            // A text without a line has no line end to follow.
            let wanted = if text.is_empty() { format!("{start}{new}{end}") } else { wanted };
            let found = added(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
            assert_eq!(found, wanted);
            assert_eq!(set(&found), Ok(wanted.replace(":v1", &format!("@{}", digest()))));
        }
    }
    let found = added("patches:\n- path: a.yaml").unwrap();
    assert_eq!(found, format!("patches:\n- path: a.yaml\n{}", operation(0).trim_end()));
    let named = add_patch("", ("InferenceService", Some("123")), POINTER, "x").unwrap();
    assert!(named.contains("    name: \"123\"\n"), "{named}");
}

#[test]
fn a_patch_that_cannot_be_added_safely_is_refused() {
    for (text, why) in [
        ("{resources: [../base]}\n", "in braces"),
        ("patches: &p\n- path: a.yaml\nother: *p\n", "differ in more"),
        ("patches: {path: a.yaml}\n", "no list"),
        ("a: 1\n---\nb: 2\n", "document"),
    ] {
        let error = added(text).unwrap_err();
        assert!(error.contains(why), "{why}: {error}");
    }
    for part in ["", "two words", "x\ny", "a: b", "{x}", "'x'"] {
        assert!(add_patch("", ("InferenceService", None), POINTER, part).is_err(), "{part}");
        assert!(add_patch("", ("InferenceService", Some(part)), POINTER, "x").is_err(), "{part}");
    }
}
