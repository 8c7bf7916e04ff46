//! A web server of a test's own, for what no real one can be made to do.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// One request, and how many for the same path came before it.
#[derive(Clone)]
pub struct Asked {
    pub path: String,
    pub headers: HashMap<String, String>,
    pub body: String,
    pub before: usize,
}

impl Asked {
    /// Where the part begins that is asked for.
    pub fn from(&self) -> Option<usize> {
        self.headers.get("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
    }
}

pub type Log = Arc<Mutex<Vec<Asked>>>;

/// Serves until the test ends; returns its address and what was asked.
pub fn serve(answer: impl Fn(&Asked, &mut TcpStream) + Send + Sync + 'static) -> (String, Log) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let log = Log::default();
    let (seen, answer) = (log.clone(), Arc::new(answer));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (Ok(mut stream), seen, answer) = (stream, seen.clone(), answer.clone()) else { return };
            std::thread::spawn(move || {
                let Some(mut asked) = read(&stream) else { return };
                let mut log = seen.lock().unwrap();
                asked.before = log.iter().filter(|known| known.path == asked.path).count();
                log.push(asked.clone());
                drop(log);
                answer(&asked, &mut stream);
            });
        }
    });
    (base, log)
}

fn read(stream: &TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut line = || {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        Some(line.trim_end().to_string())
    };
    let path = line()?.split(' ').nth(1)?.to_string();
    let mut headers = HashMap::new();
    loop {
        let field = line()?;
        let Some((name, value)) = field.split_once(": ") else { break };
        headers.insert(name.to_ascii_lowercase(), value.to_string());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Asked { path, headers, body: String::from_utf8_lossy(&body).into_owned(), before: 0 })
}

pub fn send(stream: &mut TcpStream, status: &str, headers: &str, length: Option<usize>, body: &str) {
    let length = length.map_or_else(String::new, |length| format!("Content-Length: {length}\r\n"));
    let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\n{length}{headers}\r\n");
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
}
