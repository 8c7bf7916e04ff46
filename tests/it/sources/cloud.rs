//! The three clouds' storage: globs, Hive folders, credentials, and what is said when they are wrong.

use super::parts::{self, S3};
use super::{csv, dataset, fault, passed, run, sha256, sources};
use crate::support::skipped;

fn objects() -> [(&'static str, String); 4] {
    [
        ("live/dt=2026-01-01/part-0.csv", csv(10)),
        ("live/dt=2026-01-02/part-0.csv", csv(20)),
        ("live/readme.txt", "no data".to_string()),
        ("one.csv", csv(5)),
    ]
}

macro_rules! part {
    ($part:expr) => {
        match $part {
            Ok(part) => part,
            Err(why) => return skipped(&why),
        }
    };
}

/// What every storage must do with the same four objects.
async fn reads(scheme: &str, variables: &[(&str, &str)]) {
    let dir = tempfile::tempdir().unwrap();
    let all = sources(dir.path(), variables);
    let objects = objects();
    let (rows, inputs) =
        passed(&run(dir.path(), &all, &[dataset("one", &format!("{scheme}://box/one.csv"), &["unique(id)"])]).await);
    assert_eq!((rows, inputs), (5.0, vec![(format!("{scheme}://box/one.csv"), sha256(objects[3].1.as_bytes()))]));
    for glob in ["live/**/*.csv", "live/dt=*/part-*.csv", "**/part-0.csv"] {
        let set = dataset("live", &format!("{scheme}://box/{glob}"), &["rows = 30"]);
        let (_, inputs) = passed(&run(dir.path(), &all, &[set]).await);
        let expected: Vec<_> =
            objects[..2].iter().map(|(key, text)| (format!("{scheme}://box/{key}"), sha256(text.as_bytes()))).collect();
        assert_eq!(inputs, expected, "{glob}");
    }
    for (source, expected) in [
        ("box/live/*.csv", "no file matches"),
        ("box/none.csv", "none.csv"),
        ("box/live", "the ending of"),
        ("nobox/live/*.csv", "nobox"),
    ] {
        let said =
            fault(&run(dir.path(), &all, &[dataset("t", &format!("{scheme}://{source}"), &["rows >= 1"])]).await);
        assert!(said.contains(expected), "{source}: {said}");
    }
}

#[tokio::test]
async fn s3_is_read_with_its_account_alone() {
    let objects = objects();
    let bytes: Vec<(&str, &[u8])> = objects.iter().map(|(key, text)| (*key, text.as_bytes())).collect();
    let s3 = part!(S3::start(&bytes).await);
    reads("s3", &s3.variables()).await;
    s3.lock().await;
    // The same once more, now that every request must be signed by the account: listings by prefix, in pages, too.
    reads("s3", &s3.variables()).await;

    let dir = tempfile::tempdir().unwrap();
    let set = [dataset("t", "s3://box/one.csv", &["rows >= 1"])];
    let endpoint = ("AWS_ENDPOINT_URL", s3.part.base.as_str());
    let wrong = [("AWS_ACCESS_KEY_ID", s3.key.as_str()), ("AWS_SECRET_ACCESS_KEY", "notthissecret"), endpoint];
    let said = fault(&run(dir.path(), &sources(dir.path(), &wrong), &set).await);
    assert!(said.contains("SignatureDoesNotMatch") && said.contains("AWS_ACCESS_KEY_ID"), "{said}");
    assert!(!said.contains("notthissecret"));
    let none = [endpoint, ("AWS_EC2_METADATA_DISABLED", "true")];
    let said = fault(&run(dir.path(), &sources(dir.path(), &none), &set).await);
    assert!(said.contains("no credentials were found") && said.contains("AWS_PROFILE"), "{said}");
    let down = [("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b"), ("AWS_ENDPOINT_URL", "http://127.0.0.1:1")];
    let said = fault(&run(dir.path(), &sources(dir.path(), &down), &set).await);
    assert!(said.contains("cannot talk") && said.contains("AWS_ENDPOINT_URL"), "{said}");

    std::fs::create_dir(dir.path().join(".aws")).unwrap();
    let text = format!("[dev]\naws_access_key_id = {}\naws_secret_access_key = {}\n", s3.key, s3.secret);
    std::fs::write(dir.path().join(".aws/credentials"), text).unwrap();
    let config =
        format!("[profile dev]\nregion = us-east-1\nendpoint_url = {}\n[profile sso]\nsso_session = x\n", s3.part.base);
    std::fs::write(dir.path().join(".aws/config"), config).unwrap();
    let home = dir.path().display().to_string();
    let of = |name: &'static str| sources(dir.path(), &[("HOME", home.as_str()), ("AWS_PROFILE", name)]);
    assert_eq!(passed(&run(dir.path(), &of("dev"), &set).await).0, 5.0);
    for (name, expected) in [("sso", "export-credentials"), ("absent", "no profile absent")] {
        let said = fault(&run(dir.path(), &of(name), &set).await);
        assert!(said.contains(expected), "{said}");
    }
}

#[tokio::test]
async fn a_listing_of_several_pages_is_read_to_its_end() {
    let keys: Vec<String> = (0..10).map(|n| format!("many/part-{n}.csv")).collect();
    let texts: Vec<String> = (0..10).map(|n| csv(n + 1)).collect();
    let bytes: Vec<(&str, &[u8])> = keys.iter().map(String::as_str).zip(texts.iter().map(String::as_bytes)).collect();
    let s3 = part!(S3::start(&bytes).await);
    s3.lock().await;
    let dir = tempfile::tempdir().unwrap();
    let all = sources(dir.path(), &s3.variables());
    let set = [dataset("many", "s3://box/many/*.csv", &["rows = 55"])];
    let (_, inputs) = passed(&run(dir.path(), &all, &set).await);
    let expected: Vec<_> =
        keys.iter().zip(&texts).map(|(key, text)| (format!("s3://box/{key}"), sha256(text.as_bytes()))).collect();
    assert_eq!(inputs, expected);
    assert_eq!(s3.pages(), (4, 3), "ten keys are four pages of three");
    let wrong = [("AWS_SECRET_ACCESS_KEY", "notthissecret"), ("AWS_ACCESS_KEY_ID", s3.key.as_str())];
    let wrong = [&wrong[..], &s3.variables()[2..]].concat();
    let said = fault(&run(dir.path(), &sources(dir.path(), &wrong), &set).await);
    assert!(said.contains("SignatureDoesNotMatch"), "{said}");
}

#[tokio::test]
async fn google_storage_is_read() {
    let objects = objects();
    let bytes: Vec<(&str, &[u8])> = objects.iter().map(|(key, text)| (*key, text.as_bytes())).collect();
    let part = part!(parts::google(&bytes).await);
    reads("gs", &[("STORAGE_EMULATOR_HOST", &part.base)]).await;
}

#[tokio::test]
async fn azure_storage_is_read_with_its_account_alone() {
    let objects = objects();
    let texts: Vec<(&str, &str)> = objects.iter().map(|(key, text)| (*key, text.as_str())).collect();
    let part = part!(parts::azure(&texts));
    let endpoint = format!("{}/{}", part.base, parts::AZURE.0);
    let account = [("AZURE_STORAGE_ACCOUNT_NAME", parts::AZURE.0), ("AZURE_STORAGE_ENDPOINT", endpoint.as_str())];
    let key = ("AZURE_STORAGE_ACCOUNT_KEY", parts::AZURE.1);
    reads("az", &[account[0], account[1], key]).await;
    let (name, word) = parts::AZURE;
    let string = format!("AccountName={name};AccountKey={word};BlobEndpoint={endpoint};");
    reads("az", &[("AZURE_STORAGE_CONNECTION_STRING", &string)]).await;

    let dir = tempfile::tempdir().unwrap();
    let set = [dataset("t", "az://box/one.csv", &["rows >= 1"])];
    let wrong = ("AZURE_STORAGE_ACCOUNT_KEY", "bm90dGhpc2tleQ==");
    let said = fault(&run(dir.path(), &sources(dir.path(), &[account[0], account[1], wrong]), &set).await);
    assert!(said.contains("AZURE_STORAGE_ACCOUNT_KEY") && !said.contains("bm90"), "{said}");
}
