//! A client of Spark Connect: SQL goes out, Arrow comes back. One session a data set, released at the end.

use super::super::Failure;
use super::address::Address;
use super::proto::{
    Command, CommandKind, ConfigOperation, ConfigRequest, ConfigSet, CreateView, ExecutePlanRequest,
    ExecutePlanResponse, Ignored, InterruptRequest, InterruptType, KeyValue, Plan, PlanKind, Relation, RelationKind,
    ReleaseSessionRequest, Response, Sql, UserContext,
};
use crate::model::causes;
use crate::protobuf::Protobuf;
use arrow::array::RecordBatch;
use arrow::ipc::reader::StreamReader;
use prost::Message;
use std::time::Duration;
use tonic::client::Grpc;
use tonic::metadata::{MetadataKey, MetadataValue};
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Request, Status};

/// Largest message taken: results are aggregates and a few rows.
const MESSAGE_BYTES: usize = 64 << 20;
/// For a connection, and for calls that do no work.
const PATIENCE: Duration = Duration::from_secs(20);
/// For the farewell.
const SHORT: Duration = Duration::from_secs(3);
const CLIENT: &str = concat!("mlgate/", env!("CARGO_PKG_VERSION"));

pub struct Client {
    grpc: Grpc<Channel>,
    address: Address,
    session: String,
}

impl Client {
    /// Connects; `session` must be a UUID.
    pub async fn connect(address: Address, session: String) -> Result<Client, Failure> {
        let gone = |e: tonic::transport::Error| Failure::Gone(causes(&e));
        // Dead peers are found by TCP: gRPC servers hang up on clients that ping more than once in five minutes.
        let mut endpoint = Endpoint::from_shared(address.uri())
            .and_then(|endpoint| endpoint.user_agent(CLIENT))
            .map_err(gone)?
            .connect_timeout(PATIENCE)
            .tcp_keepalive(Some(Duration::from_secs(30)))
            .tcp_keepalive_interval(Some(Duration::from_secs(10)))
            .tcp_keepalive_retries(Some(3));
        if address.tls {
            endpoint = endpoint.tls_config(ClientTlsConfig::new().with_native_roots()).map_err(gone)?;
        }
        let channel = match tokio::time::timeout(PATIENCE, endpoint.connect()).await {
            Ok(channel) => channel.map_err(gone)?,
            Err(_) => return Err(Failure::Gone(format!("no answer within {} s", PATIENCE.as_secs()))),
        };
        let grpc = Grpc::new(channel).max_decoding_message_size(MESSAGE_BYTES);
        Ok(Client { grpc, address, session })
    }

    /// Sets session options.
    pub async fn set(&mut self, options: &[(&str, &str)]) -> Result<(), Failure> {
        let pairs = options.iter().map(|(k, v)| KeyValue { key: k.to_string(), value: Some(v.to_string()) });
        let request = ConfigRequest {
            session_id: self.session.clone(),
            user_context: self.user(),
            operation: Some(ConfigOperation { set: Some(ConfigSet { pairs: pairs.collect() }) }),
            client_type: Some(CLIENT.into()),
        };
        self.unary::<_, Ignored>("/spark.connect.SparkConnectService/Config", request, PATIENCE).await.map(drop)
    }

    /// Names a relation for the queries of this session.
    pub async fn create_view(&mut self, name: String, input: Relation) -> Result<(), Failure> {
        let view = CreateView { input: Some(input), name, is_global: false, replace: true };
        let command = Command { kind: Some(CommandKind::CreateView(view)) };
        self.execute(PlanKind::Command(command)).await.map(drop)
    }

    /// All rows of a query. There is at least one batch, which may be empty, for its schema.
    pub async fn query(&mut self, sql: &str) -> Result<Vec<RecordBatch>, Failure> {
        let root = Relation { kind: Some(RelationKind::Sql(Sql { query: sql.to_string() })) };
        let batches = self.execute(PlanKind::Root(root)).await?;
        match batches.is_empty() {
            true => Err(Failure::Gone("the answer holds nothing, not even the columns".into())),
            false => Ok(batches),
        }
    }

    async fn execute(&mut self, plan: PlanKind) -> Result<Vec<RecordBatch>, Failure> {
        let request = ExecutePlanRequest {
            session_id: self.session.clone(),
            user_context: self.user(),
            plan: Some(Plan { kind: Some(plan) }),
            client_type: Some(CLIENT.into()),
        };
        let request = self.request(request)?;
        self.grpc.ready().await.map_err(|e| Failure::Gone(causes(&e)))?;
        let path = "/spark.connect.SparkConnectService/ExecutePlan";
        let path = path.parse().map_err(|_| Failure::Gone(format!("{path} is no path")))?;
        let codec = Protobuf::<ExecutePlanRequest, ExecutePlanResponse>::default();
        let answer = self.grpc.server_streaming(request, path, codec).await;
        let mut stream = answer.map_err(|status| self.failure(&status))?.into_inner();
        let mut batches = Vec::new();
        loop {
            match stream.message().await {
                Ok(Some(ExecutePlanResponse { response: Some(Response::ArrowBatch(batch)) })) => {
                    batches.extend(read(&batch.data, batch.row_count)?);
                }
                Ok(Some(_)) => {}
                Ok(None) => return Ok(batches),
                Err(status) => return Err(self.failure(&status)),
            }
        }
    }

    /// Ends what the session still runs, and the session. Failing that, the server ends it when it has been idle.
    pub async fn release(mut self, interrupt: bool) {
        if interrupt {
            let request = InterruptRequest {
                session_id: self.session.clone(),
                user_context: self.user(),
                client_type: Some(CLIENT.into()),
                interrupt_type: InterruptType::All.into(),
            };
            let _ = self.unary::<_, Ignored>("/spark.connect.SparkConnectService/Interrupt", request, SHORT).await;
        }
        let request = ReleaseSessionRequest {
            session_id: self.session.clone(),
            user_context: self.user(),
            client_type: Some(CLIENT.into()),
        };
        let _ = self.unary::<_, Ignored>("/spark.connect.SparkConnectService/ReleaseSession", request, SHORT).await;
    }

    async fn unary<Q, A>(&mut self, path: &str, message: Q, patience: Duration) -> Result<A, Failure>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        let request = self.request(message)?;
        let path = path.parse().map_err(|_| Failure::Gone(format!("{path} is no path")))?;
        let call = async {
            self.grpc.ready().await.map_err(|e| Status::unavailable(causes(&e)))?;
            self.grpc.unary(request, path, Protobuf::<Q, A>::default()).await
        };
        match tokio::time::timeout(patience, call).await {
            Ok(Ok(answer)) => Ok(answer.into_inner()),
            Ok(Err(status)) => Err(self.failure(&status)),
            Err(_) => Err(Failure::Gone(format!("no answer within {} s", patience.as_secs()))),
        }
    }

    fn user(&self) -> Option<UserContext> {
        let user = self.address.user.clone().unwrap_or_else(|| "mlgate".to_string());
        Some(UserContext { user_id: user.clone(), user_name: user })
    }

    fn request<T>(&self, message: T) -> Result<Request<T>, Failure> {
        let bad = |name: &str| Failure::Gone(format!("the parameter {name} of the address cannot be sent as a header"));
        let mut request = Request::new(message);
        let headers = self.address.headers.iter().map(|(name, value)| (name.as_str(), value.expose().to_string()));
        let token = self.address.token.iter().map(|token| ("authorization", format!("Bearer {}", token.expose())));
        for (name, value) in headers.chain(token) {
            let key = MetadataKey::from_bytes(name.to_ascii_lowercase().as_bytes()).map_err(|_| bad(name))?;
            let mut value = MetadataValue::try_from(value).map_err(|_| bad(name))?;
            value.set_sensitive(true);
            request.metadata_mut().insert(key, value);
        }
        Ok(request)
    }

    /// A status that the server sent about a query, or one that says the connection is of no use.
    fn failure(&self, status: &Status) -> Failure {
        let broken = std::error::Error::source(status).is_some();
        let ours = matches!(
            status.code(),
            Code::Unavailable
                | Code::Cancelled
                | Code::DeadlineExceeded
                | Code::Unauthenticated
                | Code::PermissionDenied
                | Code::Unimplemented
                | Code::ResourceExhausted
                | Code::Aborted
        );
        let said = match status.message() {
            "" => status.code().description(),
            message => message,
        };
        let said = self.address.strike_out(said);
        match broken || ours || (status.code() == Code::Unknown && status.metadata().is_empty()) {
            true => Failure::Gone(said),
            false => Failure::Query(said),
        }
    }
}

fn read(stream: &[u8], rows: i64) -> Result<Vec<RecordBatch>, Failure> {
    let torn = |e: arrow::error::ArrowError| Failure::Gone(format!("a part of the answer cannot be read: {e}"));
    let reader = StreamReader::try_new(stream, None).map_err(torn)?;
    let schema = reader.schema();
    let mut batches = reader.collect::<Result<Vec<_>, _>>().map_err(torn)?;
    let found: usize = batches.iter().map(RecordBatch::num_rows).sum();
    if found as i64 != rows {
        return Err(Failure::Gone(format!("a part of the answer holds {found} rows instead of {rows}")));
    }
    if batches.is_empty() {
        batches.push(RecordBatch::new_empty(schema));
    }
    Ok(batches)
}
