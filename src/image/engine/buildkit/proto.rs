//! The few messages of BuildKit that mlgate speaks, with the field numbers of its `control.proto` and of the services of
//! a session; fields that it neither sends nor reads are left out, as Protocol Buffers allows.

use prost::Message;
use std::collections::HashMap;

/// `moby.buildkit.v1.Control/Solve`
#[derive(Clone, PartialEq, Message)]
pub struct SolveRequest {
    /// Names the build, also for [`StatusRequest`].
    #[prost(string, tag = "1")]
    pub build: String,
    /// The field that also old engines read.
    #[prost(string, tag = "3")]
    pub exporter: String,
    #[prost(string, tag = "5")]
    pub session: String,
    #[prost(string, tag = "6")]
    pub frontend: String,
    #[prost(map = "string, string", tag = "7")]
    pub frontend_attributes: HashMap<String, String>,
    #[prost(message, optional, tag = "8")]
    pub cache: Option<CacheOptions>,
}

#[derive(Clone, PartialEq, Message)]
pub struct CacheOptions {
    #[prost(message, repeated, tag = "4")]
    pub exports: Vec<CacheEntry>,
}

#[derive(Clone, PartialEq, Message)]
pub struct CacheEntry {
    #[prost(string, tag = "1")]
    pub kind: String,
    #[prost(map = "string, string", tag = "2")]
    pub attributes: HashMap<String, String>,
}

#[derive(Clone, PartialEq, Message)]
pub struct SolveResponse {
    #[prost(map = "string, string", tag = "1")]
    pub exporter_response: HashMap<String, String>,
}

/// `moby.buildkit.v1.Control/Status`
#[derive(Clone, PartialEq, Message)]
pub struct StatusRequest {
    #[prost(string, tag = "1")]
    pub build: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct StatusResponse {
    #[prost(message, repeated, tag = "1")]
    pub vertexes: Vec<Vertex>,
    #[prost(message, repeated, tag = "3")]
    pub logs: Vec<VertexLog>,
    #[prost(message, repeated, tag = "4")]
    pub warnings: Vec<VertexWarning>,
}

/// A step of the build; it comes again whenever something about it changes.
#[derive(Clone, PartialEq, Message)]
pub struct Vertex {
    #[prost(string, tag = "1")]
    pub digest: String,
    #[prost(string, tag = "3")]
    pub name: String,
    #[prost(bool, tag = "4")]
    pub cached: bool,
    #[prost(message, optional, tag = "5")]
    pub started: Option<Timestamp>,
    #[prost(message, optional, tag = "6")]
    pub completed: Option<Timestamp>,
    #[prost(string, tag = "7")]
    pub error: String,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub struct Timestamp {
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

#[derive(Clone, PartialEq, Message)]
pub struct VertexLog {
    #[prost(string, tag = "1")]
    pub vertex: String,
    #[prost(bytes = "vec", tag = "4")]
    pub message: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub struct VertexWarning {
    #[prost(string, tag = "1")]
    pub vertex: String,
    #[prost(bytes = "vec", tag = "3")]
    pub short: Vec<u8>,
}

/// What is neither read nor says anything.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct Empty {}

/// `grpc.health.v1.Health/Check`
#[derive(Clone, Copy, PartialEq, Message)]
pub struct Health {
    /// 1: serving.
    #[prost(int32, tag = "1")]
    pub status: i32,
}

/// `moby.filesync.v1.Auth/Credentials`
#[derive(Clone, PartialEq, Message)]
pub struct CredentialsRequest {
    #[prost(string, tag = "1")]
    pub host: String,
}

/// With no user name the secret is an identity token.
#[derive(Clone, PartialEq, Message)]
pub struct CredentialsResponse {
    #[prost(string, tag = "1")]
    pub username: String,
    #[prost(string, tag = "2")]
    pub secret: String,
}

/// `moby.buildkit.secrets.v1.Secrets/GetSecret`, and `moby.sshforward.v1.SSH/CheckAgent`
#[derive(Clone, PartialEq, Message)]
pub struct Wanted {
    #[prost(string, tag = "1")]
    pub id: String,
}

/// A secret, and each piece of a stream of bytes.
#[derive(Clone, PartialEq, Message)]
pub struct Data {
    #[prost(bytes = "bytes", tag = "1")]
    pub data: bytes::Bytes,
}
