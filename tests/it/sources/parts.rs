//! S3, Google's and Azure's storage, started here: moto, gcp-storage-emulator and Azurite.

use crate::parts::{Part, start};
use std::path::Path;
use std::process::Command;

/// An S3 server with one account.
pub struct S3 {
    pub part: Part,
    pub key: String,
    pub secret: String,
}

impl S3 {
    /// With the bucket `box` and these objects in it.
    pub async fn start(objects: &[(&str, &[u8])]) -> Result<S3, String> {
        // The Python beside it has its modules.
        let paths = std::env::var_os("PATH").unwrap_or_default();
        let beside = std::env::split_paths(&paths).find(|folder| folder.join("moto_server").is_file());
        let python = beside.ok_or("moto_server is not installed")?.join("python3").display().to_string();
        let words = |port: &str, _: &Path| {
            ["-c", include_str!("moto.py"), "-H", "127.0.0.1", "-p", port].map(String::from).to_vec()
        };
        let part = start(&python, words)?;
        let client = client();
        let put = |path: String, body: Vec<u8>| client.put(format!("{}/{path}", part.base)).body(body).send();
        let ok = |sent: Result<reqwest::Response, reqwest::Error>| {
            sent.and_then(|answer| answer.error_for_status()).map_err(|e| e.to_string())
        };
        ok(put("box".into(), Vec::new()).await)?;
        for (key, bytes) in objects {
            ok(put(format!("box/{key}"), bytes.to_vec()).await)?;
        }
        // Whose request it is decides what API it is for.
        let scope =
            "AWS4-HMAC-SHA256 Credential=none/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0";
        let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
        let iam = |form: String| {
            let request = client.post(format!("{}/", part.base)).header("Authorization", scope);
            request.header("Content-Type", "application/x-www-form-urlencoded").body(form).send()
        };
        ok(iam("Action=CreateUser&Version=2010-05-08&UserName=ann".into()).await)?;
        let policy: String = policy.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let form = format!("Action=PutUserPolicy&Version=2010-05-08&UserName=ann&PolicyName=p&PolicyDocument={policy}");
        ok(iam(form).await)?;
        let made = ok(iam("Action=CreateAccessKey&Version=2010-05-08&UserName=ann".into()).await)?;
        let made = made.text().await.map_err(|e| e.to_string())?;
        let value = |name: &str| {
            let pattern = regex::Regex::new(&format!("<{name}>([^<]+)</{name}>")).unwrap();
            pattern.captures(&made).map(|found| found[1].to_string()).ok_or_else(|| made.clone())
        };
        let (key, secret) = (value("AccessKeyId")?, value("SecretAccessKey")?);
        Ok(S3 { part, key, secret })
    }

    /// From now on requests of others, and without any account, are refused.
    pub async fn lock(&self) {
        let asked = client().post(format!("{}/moto-api/reset-auth", self.part.base)).body("0").send().await;
        asked.unwrap().error_for_status().unwrap();
    }

    /// Pages of listings that it gave, and those of them that were not the first.
    pub fn pages(&self) -> (usize, usize) {
        let log = self.part.log();
        let asked: Vec<&str> = log.lines().filter(|line| line.contains("list-type=2")).collect();
        (asked.len(), asked.iter().filter(|line| line.contains("continuation-token=")).count())
    }

    pub fn variables(&self) -> Vec<(&str, &str)> {
        vec![
            ("AWS_ACCESS_KEY_ID", &self.key),
            ("AWS_SECRET_ACCESS_KEY", &self.secret),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ENDPOINT_URL_S3", &self.part.base),
        ]
    }
}

/// Google's storage with the bucket `box` and these objects in it.
pub async fn google(objects: &[(&str, &[u8])]) -> Result<Part, String> {
    let words = |port: &str, _: &Path| {
        let words = ["start", "--host", "127.0.0.1", "--port", port, "--in-memory", "--default-bucket", "box"];
        words.map(String::from).to_vec()
    };
    let part = start("gcp-storage-emulator", words)?;
    for (key, bytes) in objects {
        let name = key.replace('/', "%2F").replace('=', "%3D");
        let url = format!("{}/upload/storage/v1/b/box/o?uploadType=media&name={name}", part.base);
        let sent = client().post(url).header("Content-Type", "text/csv").body(bytes.to_vec()).send().await;
        sent.and_then(|answer| answer.error_for_status()).map_err(|e| e.to_string())?;
    }
    Ok(part)
}

/// The account that every Azurite has, and its well-known key.
pub const AZURE: (&str, &str) =
    ("devstoreaccount1", "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==");

/// Azure's storage with the container `box` and these blobs in it. Requests must be signed with the account's key,
/// which Python's standard library does.
pub fn azure(objects: &[(&str, &str)]) -> Result<Part, String> {
    let words = |port: &str, _: &Path| {
        let words = ["--blobHost", "127.0.0.1", "--blobPort", port, "--silent", "--skipApiVersionCheck"];
        words.into_iter().chain(["--inMemoryPersistence"]).map(String::from).collect()
    };
    let part = start("azurite-blob", words)?;
    let sign = include_str!("azure.py");
    let objects = serde_json::to_string(&objects).map_err(|e| e.to_string())?;
    let done = Command::new("python3").args(["-c", sign, &part.base, AZURE.0, AZURE.1, &objects]).output();
    let done = done.map_err(|e| e.to_string())?;
    match done.status.success() {
        true => Ok(part),
        false => Err(String::from_utf8_lossy(&done.stderr).into_owned()),
    }
}

pub fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}
