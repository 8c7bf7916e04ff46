//! The few messages of `spark.connect` that mlgate speaks, with the field numbers of Spark 4; fields that it neither
//! sends nor reads are left out, as Protocol Buffers allows.

use prost::{Enumeration, Message, Oneof};
use std::collections::HashMap;

#[derive(Clone, PartialEq, Message)]
pub struct UserContext {
    #[prost(string, tag = "1")]
    pub user_id: String,
    #[prost(string, tag = "2")]
    pub user_name: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct ExecutePlanRequest {
    #[prost(string, tag = "1")]
    pub session_id: String,
    #[prost(message, optional, tag = "2")]
    pub user_context: Option<UserContext>,
    #[prost(message, optional, tag = "3")]
    pub plan: Option<Plan>,
    #[prost(string, optional, tag = "4")]
    pub client_type: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
pub struct ExecutePlanResponse {
    #[prost(oneof = "Response", tags = "2")]
    pub response: Option<Response>,
}

#[derive(Clone, PartialEq, Oneof)]
pub enum Response {
    #[prost(message, tag = "2")]
    ArrowBatch(ArrowBatch),
}

#[derive(Clone, PartialEq, Message)]
pub struct ArrowBatch {
    #[prost(int64, tag = "1")]
    pub row_count: i64,
    /// An Arrow IPC stream of its own.
    #[prost(bytes = "vec", tag = "2")]
    pub data: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Plan {
    #[prost(oneof = "PlanKind", tags = "1, 2")]
    pub kind: Option<PlanKind>,
}

#[derive(Clone, PartialEq, Oneof)]
pub enum PlanKind {
    #[prost(message, tag = "1")]
    Root(Relation),
    #[prost(message, tag = "2")]
    Command(Command),
}

#[derive(Clone, PartialEq, Message)]
pub struct Relation {
    #[prost(oneof = "RelationKind", tags = "2, 10")]
    pub kind: Option<RelationKind>,
}

#[derive(Clone, PartialEq, Oneof)]
pub enum RelationKind {
    #[prost(message, tag = "2")]
    Read(Read),
    #[prost(message, tag = "10")]
    Sql(Sql),
}

#[derive(Clone, PartialEq, Message)]
pub struct Sql {
    #[prost(string, tag = "1")]
    pub query: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct Read {
    #[prost(oneof = "ReadKind", tags = "1, 2")]
    pub kind: Option<ReadKind>,
}

#[derive(Clone, PartialEq, Oneof)]
pub enum ReadKind {
    #[prost(message, tag = "1")]
    NamedTable(NamedTable),
    #[prost(message, tag = "2")]
    DataSource(DataSource),
}

#[derive(Clone, PartialEq, Message)]
pub struct NamedTable {
    #[prost(string, tag = "1")]
    pub unparsed_identifier: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct DataSource {
    #[prost(string, optional, tag = "1")]
    pub format: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub schema: Option<String>,
    #[prost(map = "string, string", tag = "3")]
    pub options: HashMap<String, String>,
    #[prost(string, repeated, tag = "4")]
    pub paths: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Command {
    #[prost(oneof = "CommandKind", tags = "3")]
    pub kind: Option<CommandKind>,
}

#[derive(Clone, PartialEq, Oneof)]
pub enum CommandKind {
    #[prost(message, tag = "3")]
    CreateView(CreateView),
}

/// `CreateDataFrameViewCommand`
#[derive(Clone, PartialEq, Message)]
pub struct CreateView {
    #[prost(message, optional, tag = "1")]
    pub input: Option<Relation>,
    #[prost(string, tag = "2")]
    pub name: String,
    #[prost(bool, tag = "3")]
    pub is_global: bool,
    #[prost(bool, tag = "4")]
    pub replace: bool,
}

#[derive(Clone, PartialEq, Message)]
pub struct ConfigRequest {
    #[prost(string, tag = "1")]
    pub session_id: String,
    #[prost(message, optional, tag = "2")]
    pub user_context: Option<UserContext>,
    #[prost(message, optional, tag = "3")]
    pub operation: Option<ConfigOperation>,
    #[prost(string, optional, tag = "4")]
    pub client_type: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
pub struct ConfigOperation {
    #[prost(message, optional, tag = "1")]
    pub set: Option<ConfigSet>,
}

#[derive(Clone, PartialEq, Message)]
pub struct ConfigSet {
    #[prost(message, repeated, tag = "1")]
    pub pairs: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
pub struct KeyValue {
    #[prost(string, tag = "1")]
    pub key: String,
    #[prost(string, optional, tag = "2")]
    pub value: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
pub struct InterruptRequest {
    #[prost(string, tag = "1")]
    pub session_id: String,
    #[prost(message, optional, tag = "2")]
    pub user_context: Option<UserContext>,
    #[prost(string, optional, tag = "3")]
    pub client_type: Option<String>,
    #[prost(enumeration = "InterruptType", tag = "4")]
    pub interrupt_type: i32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub enum InterruptType {
    Unspecified = 0,
    All = 1,
}

#[derive(Clone, PartialEq, Message)]
pub struct ReleaseSessionRequest {
    #[prost(string, tag = "1")]
    pub session_id: String,
    #[prost(message, optional, tag = "2")]
    pub user_context: Option<UserContext>,
    #[prost(string, optional, tag = "3")]
    pub client_type: Option<String>,
}

/// An answer of which nothing is read but that it came.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct Ignored {}
