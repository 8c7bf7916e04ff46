//! An HTTP/1.1 server that fails on purpose. It has a runtime of its own, so that it answers while a test computes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, RwLock};

pub enum Reply {
    Ok,
    Status(u16),
    After(Duration),
    /// Nobody is answered until the time is over.
    StallAll(Duration),
    /// Promises more than it sends.
    Cut,
    Reset,
    NotHttp,
    Hang,
    /// A byte now and then, for ever.
    Trickle,
    /// Closes this connection and the listener.
    CloseForGood,
}

type Behaviour = Box<dyn Fn(usize) -> Reply + Send + Sync>;

struct Shared {
    behaviour: Behaviour,
    ready: u16,
    requests: AtomicUsize,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
    last: Mutex<String>,
    stall: RwLock<()>,
    closed: Notify,
    down: std::sync::atomic::AtomicBool,
}

pub struct Server {
    shared: Arc<Shared>,
    port: u16,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Server {
    /// `behaviour` gets the number of the request to `/predict`, from one.
    pub fn start(behaviour: impl Fn(usize) -> Reply + Send + Sync + 'static) -> Server {
        Server::start_with_ready(200, behaviour)
    }

    /// Any other path answers with the status `ready`.
    pub fn start_with_ready(ready: u16, behaviour: impl Fn(usize) -> Reply + Send + Sync + 'static) -> Server {
        let shared = Arc::new(Shared {
            behaviour: Box::new(behaviour),
            ready,
            requests: AtomicUsize::new(0),
            at_once: AtomicUsize::new(0),
            most_at_once: AtomicUsize::new(0),
            last: Mutex::default(),
            stall: RwLock::new(()),
            closed: Notify::new(),
            down: false.into(),
        });
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        listener.set_nonblocking(true).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let server = shared.clone();
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            loop {
                tokio::select! {
                    Ok((stream, _)) = listener.accept() => drop(tokio::spawn(converse(stream, server.clone()))),
                    () = server.closed.notified() => return,
                }
            }
        });
        Server { shared, port, runtime: Some(runtime) }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::SeqCst)
    }

    pub fn most_at_once(&self) -> usize {
        self.shared.most_at_once.load(Ordering::SeqCst)
    }

    pub fn last_request(&self) -> String {
        self.shared.last.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn converse(mut stream: TcpStream, shared: Arc<Shared>) {
    let mut read = Vec::new();
    while let Some(request) = next_request(&mut stream, &mut read).await {
        if shared.down.load(Ordering::SeqCst) {
            return;
        }
        let answered = if request.split(' ').nth(1) == Some("/predict") {
            *shared.last.lock().unwrap() = request;
            let at_once = shared.at_once.fetch_add(1, Ordering::SeqCst) + 1;
            shared.most_at_once.fetch_max(at_once, Ordering::SeqCst);
            let number = shared.requests.fetch_add(1, Ordering::SeqCst) + 1;
            reply(&mut stream, &shared, (shared.behaviour)(number)).await
        } else {
            say(&mut stream, &format!("HTTP/1.1 {} So\r\nContent-Length: 0\r\n\r\n", shared.ready)).await
        };
        if answered.is_none() {
            return;
        }
    }
}

/// One request with its body, as text.
async fn next_request(stream: &mut TcpStream, read: &mut Vec<u8>) -> Option<String> {
    loop {
        let text = String::from_utf8_lossy(read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
            let length: usize = length.unwrap_or(0);
            if body.len() >= length {
                read.drain(..head.len() + 4 + length);
                return Some(format!("{head}\r\n\r\n{}", &body[..length]));
            }
        }
        let mut buffer = [0; 4096];
        let got = stream.read(&mut buffer).await.ok().filter(|got| *got > 0)?;
        read.extend_from_slice(&buffer[..got]);
    }
}

async fn say(stream: &mut TcpStream, text: &str) -> Option<()> {
    stream.write_all(text.as_bytes()).await.ok()
}

/// None: the connection is over.
async fn reply(stream: &mut TcpStream, shared: &Shared, reply: Reply) -> Option<()> {
    const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    match reply {
        Reply::StallAll(time) => {
            let _all = shared.stall.write().await;
            tokio::time::sleep(time).await;
        }
        Reply::After(time) => tokio::time::sleep(time).await,
        Reply::Hang => std::future::pending().await,
        _ => {}
    }
    drop(shared.stall.read().await);
    // Before the answer, as the next request may be here before this task goes on.
    shared.at_once.fetch_sub(1, Ordering::SeqCst);
    match reply {
        Reply::Ok | Reply::After(_) | Reply::StallAll(_) => say(stream, OK).await,
        Reply::Status(code) => {
            say(stream, &format!("HTTP/1.1 {code} So\r\nLocation: /predict/\r\nContent-Length: 0\r\n\r\n")).await
        }
        Reply::Cut => {
            say(stream, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nnot a hundred").await?;
            None
        }
        Reply::Reset => {
            let _ = stream.set_zero_linger();
            None
        }
        Reply::NotHttp => {
            say(stream, "SSH-2.0-OpenSSH_9.9\r\n").await?;
            None
        }
        Reply::Trickle => {
            say(stream, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n").await?;
            loop {
                say(stream, "x").await?;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        Reply::CloseForGood => {
            shared.down.store(true, Ordering::SeqCst);
            shared.closed.notify_one();
            None
        }
        Reply::Hang => None,
    }
}
