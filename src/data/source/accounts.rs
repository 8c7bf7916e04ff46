//! Credentials and endpoints, from the variables and files that the clouds' own tools read.

use super::address::{Address, Scheme};
use super::http::{Http, NO_CREDENTIALS};
use super::ini;
use super::sources::Sources;
use crate::model::Fault;
use crate::secret;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GcpCredential, GcpCredentialProvider, GoogleCloudStorageBuilder};
use object_store::{ObjectStore, RetryConfig, StaticCredentialProvider};
use reqwest::Url;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

const AWS: &[&str] = &[
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_ENDPOINT_URL_STS",
    "AWS_SKIP_SIGNATURE",
    "AWS_REQUEST_PAYER",
    "AWS_VIRTUAL_HOSTED_STYLE_REQUEST",
];

const AZURE: &[&str] = &[
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_SAS_TOKEN",
    "AZURE_STORAGE_TOKEN",
    "AZURE_STORAGE_USE_EMULATOR",
    "AZURE_CLIENT_ID",
    "AZURE_CLIENT_SECRET",
    "AZURE_TENANT_ID",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_SKIP_SIGNATURE",
];

/// What a bucket is reached with when the environment does not decide, such as what DVC's config says.
#[derive(Clone, Debug, Default)]
pub(super) struct Given {
    pub endpoint: Option<String>,
    pub region: Option<String>,
    pub profile: Option<String>,
    /// Key and secret.
    pub keys: Option<(String, String)>,
    pub session_token: Option<String>,
}

/// Repeating requests is our client's work; `object_store` would not know what a server asked for.
fn no_retry() -> RetryConfig {
    RetryConfig { max_retries: 0, ..RetryConfig::default() }
}

pub(super) fn s3(address: &Address, sources: &Sources, http: &Http) -> Result<Arc<dyn ObjectStore>, Fault> {
    s3_with(address, sources, http, &Given::default())
}

pub(super) fn s3_with(
    address: &Address,
    sources: &Sources,
    http: &Http,
    given: &Given,
) -> Result<Arc<dyn ObjectStore>, Fault> {
    let what = || format!("find credentials for {}://{}", address.scheme_text, address.bucket);
    let mut builder = AmazonS3Builder::new().with_bucket_name(&address.bucket).with_retry(no_retry());
    for (name, value) in AWS.iter().filter_map(|name| Some((name, sources.variable(name)?))) {
        if let Ok(key) = name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>() {
            builder = builder.with_config(key, value);
        }
    }
    let named = given.profile.clone().or_else(|| sources.first_of(&["AWS_PROFILE", "AWS_DEFAULT_PROFILE"]));
    let profile = profile(sources, named.as_deref(), &what())?;
    if let Some((key, secret)) = &given.keys {
        secret::hide([secret.clone()]);
        builder = builder.with_access_key_id(key).with_secret_access_key(secret);
        builder = given.session_token.iter().fold(builder, |builder, token| builder.with_token(token));
    } else if given.profile.is_some() || !own_credentials(sources) {
        let has_keys = profile.contains_key("aws_access_key_id") || profile.contains_key("web_identity_token_file");
        builder = credentials_of(builder, &profile, named.as_deref(), &what())?;
        // Nothing is left but to ask the machine that this may be running on.
        if !has_keys && sources.variable("AWS_EC2_METADATA_DISABLED").is_some_and(|v| v.eq_ignore_ascii_case("true")) {
            return Err(Fault::new(what(), NO_CREDENTIALS, hint(Scheme::S3, true)));
        }
    }
    let region = given.region.clone().or_else(|| sources.first_of(&["AWS_REGION", "AWS_DEFAULT_REGION"]));
    if let Some(region) = region.or_else(|| profile.get("region").cloned()) {
        builder = builder.with_region(region);
    }
    let endpoint = given.endpoint.clone();
    let endpoint = endpoint.or_else(|| sources.first_of(&["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"]));
    if let Some(endpoint) = endpoint.or_else(|| profile.get("endpoint_url").cloned()) {
        if Url::parse(&endpoint).is_ok_and(|url| url.username() != "") {
            secret::hide(secret::password_of_address(&endpoint));
        }
        builder = builder.with_allow_http(endpoint.starts_with("http://")).with_endpoint(endpoint);
    }
    let store = builder.with_http_connector(http.clone()).build();
    Ok(Arc::new(store.map_err(|e| Fault::new(what(), e, hint(Scheme::S3, true)))?))
}

/// Whether the environment itself names credentials, of any kind, or says that none are needed.
fn own_credentials(sources: &Sources) -> bool {
    let kinds = [
        "AWS_ACCESS_KEY_ID",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    ];
    sources.first_of(&kinds).is_some() || sources.variable("AWS_SKIP_SIGNATURE").is_some_and(|skip| skip != "false")
}

/// A profile of `~/.aws/credentials` and `~/.aws/config`, the former first.
fn profile(sources: &Sources, named: Option<&str>, what: &str) -> Result<BTreeMap<String, String>, Fault> {
    let name = named.unwrap_or("default");
    let file =
        |variable: &str, usual: &str| sources.variable(variable).map(PathBuf::from).or_else(|| sources.home(usual));
    let files = [
        (
            file("AWS_CONFIG_FILE", ".aws/config"),
            if name == "default" { name.into() } else { format!("profile {name}") },
        ),
        (file("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials"), name.to_string()),
    ];
    let (mut found, mut seen) = (BTreeMap::new(), false);
    for (path, section) in files {
        let Some(text) = path.and_then(|path| std::fs::read_to_string(path).ok()) else { continue };
        if let Some(values) = ini::parse(&text).remove(&section) {
            seen = true;
            found.extend(values);
        }
    }
    match named {
        Some(name) if !seen => {
            let why = format!("there is no profile {name} in ~/.aws/config and ~/.aws/credentials");
            Err(Fault::new(what, why, "check AWS_PROFILE, or run `aws configure --profile`"))
        }
        _ => Ok(found),
    }
}

fn credentials_of(
    builder: AmazonS3Builder,
    profile: &BTreeMap<String, String>,
    named: Option<&str>,
    what: &str,
) -> Result<AmazonS3Builder, Fault> {
    let value = |name: &str| profile.get(name).cloned();
    if let (Some(key), Some(word)) = (value("aws_access_key_id"), value("aws_secret_access_key")) {
        let token = value("aws_session_token");
        secret::hide([Some(word.clone()), token.clone()].into_iter().flatten());
        let builder = builder.with_access_key_id(key).with_secret_access_key(word);
        return Ok(token.into_iter().fold(builder, |builder, token| builder.with_token(token)));
    }
    if let (Some(file), Some(role)) = (value("web_identity_token_file"), value("role_arn")) {
        let builder = builder.with_config(AmazonS3ConfigKey::WebIdentityTokenFile, file);
        return Ok(builder.with_config(AmazonS3ConfigKey::RoleArn, role));
    }
    let foreign = ["sso_session", "sso_start_url", "credential_process", "role_arn", "login_session"];
    match foreign.iter().find(|key| profile.contains_key(**key)) {
        Some(key) => {
            let name = named.unwrap_or("default");
            let why = format!("the profile {name} gets its credentials by {key}, which mlgate does not do");
            let hint = format!(
                "put them into the environment: eval \"$(aws configure export-credentials --profile {name} --format env)\""
            );
            Err(Fault::new(what, why, hint))
        }
        None => Ok(builder),
    }
}

pub(super) fn azure(address: &Address, sources: &Sources, http: &Http) -> Result<Arc<dyn ObjectStore>, Fault> {
    azure_with(address, sources, http, None, None)
}

/// With a connection string and an account that come from elsewhere than the environment.
pub(super) fn azure_with(
    address: &Address,
    sources: &Sources,
    http: &Http,
    connection: Option<String>,
    account: Option<String>,
) -> Result<Arc<dyn ObjectStore>, Fault> {
    let what = || format!("find credentials for {}://{}", address.scheme_text, address.bucket);
    let mut builder = MicrosoftAzureBuilder::new().with_container_name(&address.bucket).with_retry(no_retry());
    for (name, value) in AZURE.iter().filter_map(|name| Some((name, sources.variable(name)?))) {
        if let Ok(key) = name.to_ascii_lowercase().parse::<AzureConfigKey>() {
            builder = builder.with_config(key, value);
        }
    }
    if let Some(key) = sources.first_of(&["AZURE_STORAGE_KEY", "AZURE_STORAGE_ACCESS_KEY"]) {
        builder = builder.with_access_key(key);
    }
    let account = address.account.clone().or(account);
    let mut account = account.or_else(|| sources.first_of(&["AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT"]));
    let mut endpoint = sources.first_of(&["AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"]);
    if let Some(text) = connection.or_else(|| sources.variable("AZURE_STORAGE_CONNECTION_STRING")) {
        let parts: BTreeMap<String, String> = text
            .split(';')
            .filter_map(|p| p.split_once('='))
            .map(|(k, v)| (k.to_ascii_lowercase(), v.to_string()))
            .collect();
        let part = |name: &str| parts.get(name).filter(|value| !value.is_empty()).cloned();
        secret::hide(["accountkey", "sharedaccesssignature"].into_iter().filter_map(part));
        if part("usedevelopmentstorage").is_some_and(|v| v.eq_ignore_ascii_case("true")) {
            builder = builder.with_use_emulator(true);
        }
        account = account.or_else(|| part("accountname"));
        builder = part("accountkey").into_iter().fold(builder, |builder, key| builder.with_access_key(key));
        if let Some(signature) = part("sharedaccesssignature") {
            builder = builder.with_config(AzureConfigKey::SasKey, signature);
        }
        endpoint = endpoint.or_else(|| part("blobendpoint"));
        endpoint = endpoint.or_else(|| {
            let suffix = part("endpointsuffix")?;
            Some(format!("https://{}.blob.{suffix}", account.as_deref()?))
        });
    }
    if let Some(endpoint) = endpoint {
        builder = builder.with_allow_http(endpoint.starts_with("http://")).with_endpoint(endpoint);
    }
    let builder = account.into_iter().fold(builder, |builder, account| builder.with_account(account));
    let store = builder.with_http_connector(http.clone()).build();
    Ok(Arc::new(store.map_err(|e| Fault::new(what(), e, hint(Scheme::Azure, true)))?))
}

type Google = (Url, Option<GcpCredentialProvider>);

pub(super) fn google(address: &Address, sources: &Sources, http: &Http) -> Result<Google, Fault> {
    let what = || format!("find credentials for {}://{}", address.scheme_text, address.bucket);
    let url = |text: &str| Url::parse(text).map_err(|e| Fault::new(what(), e, "check STORAGE_EMULATOR_HOST"));
    if let Some(emulator) = sources.variable("STORAGE_EMULATOR_HOST") {
        let text = if emulator.contains("://") { emulator } else { format!("http://{emulator}") };
        return Ok((url(&text)?, None));
    }
    let base = url("https://storage.googleapis.com")?;
    if sources.variable("GOOGLE_SKIP_SIGNATURE").is_some_and(|skip| skip != "false") {
        return Ok((base, None));
    }
    if let Some(bearer) = sources.first_of(&["GOOGLE_OAUTH_ACCESS_TOKEN", "CLOUDSDK_AUTH_ACCESS_TOKEN"]) {
        return Ok((base, Some(Arc::new(StaticCredentialProvider::new(GcpCredential { bearer })))));
    }
    let mut builder = GoogleCloudStorageBuilder::new().with_bucket_name(&address.bucket).with_retry(no_retry());
    if let Some(path) = sources.variable("GOOGLE_APPLICATION_CREDENTIALS") {
        hide_private_key(&path);
        builder = builder.with_application_credentials(path);
    }
    if let Some(path) = sources.first_of(&["GOOGLE_SERVICE_ACCOUNT", "GOOGLE_SERVICE_ACCOUNT_PATH"]) {
        hide_private_key(&path);
        builder = builder.with_service_account_path(path);
    }
    if let Some(key) = sources.variable("GOOGLE_SERVICE_ACCOUNT_KEY") {
        builder = builder.with_service_account_key(key);
    }
    let store = builder.with_http_connector(http.clone()).build();
    let store = store.map_err(|e| Fault::new(what(), e, hint(Scheme::Gcs, true)))?;
    Ok((base, Some(store.credentials().clone())))
}

/// What a file of Google credentials holds is shown nowhere, not even by a parser's error.
fn hide_private_key(path: &str) {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let parsed: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let part = |name: &str| parsed.get(name).and_then(|value| value.as_str()).map(String::from);
    secret::hide(["private_key", "client_secret", "refresh_token"].into_iter().filter_map(part));
}

/// What to do about credentials that are absent or refused.
pub(super) fn hint(scheme: Scheme, absent: bool) -> String {
    let (set, public) = match scheme {
        Scheme::S3 => ("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE", "AWS_SKIP_SIGNATURE=true"),
        Scheme::Gcs => ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_SKIP_SIGNATURE=true"),
        Scheme::Azure => (
            "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY, or AZURE_STORAGE_CONNECTION_STRING",
            "AZURE_SKIP_SIGNATURE=true",
        ),
        Scheme::Http => return "check the rights".to_string(),
    };
    match absent {
        true => format!("set {set}; for a public bucket {public}"),
        false => format!("these credentials may not read and list it, or are wrong: check {set}"),
    }
}

pub(super) fn endpoint_hint(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::S3 => "check AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL and AWS_REGION",
        Scheme::Gcs => "check STORAGE_EMULATOR_HOST",
        Scheme::Azure => "check AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ENDPOINT",
        Scheme::Http => "is it up, and is this its address?",
    }
}
