//! Bridges between blocking readers and writers (tar, gzip) and asynchronous streams. Either end may go away:
//! the other one then gets an error and stops, so that a cancelled run leaves no thread working.

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use std::io::{self, Read, Write};
use std::time::Duration;
use tokio::sync::mpsc;

const PENDING: usize = 8;
const CHUNK: usize = 128 * 1024;

enum Piece {
    Data(Bytes),
    End,
}

/// The blocking end that reads what [`pump`] sends.
pub(super) struct Reader {
    pieces: mpsc::Receiver<io::Result<Piece>>,
    rest: Bytes,
    ended: bool,
}

/// The asynchronous end that feeds a [`Reader`].
pub(super) struct Feed(mpsc::Sender<io::Result<Piece>>);

pub(super) fn reader() -> (Feed, Reader) {
    let (send, pieces) = mpsc::channel(PENDING);
    (Feed(send), Reader { pieces, rest: Bytes::new(), ended: false })
}

impl Feed {
    /// Sends a whole stream; one that is silent for `patience` is an error. Stops without an error when the reader has
    /// gone: it knows why.
    pub(super) async fn pump<E: std::fmt::Display>(
        self,
        stream: impl Stream<Item = Result<Bytes, E>>,
        patience: Duration,
    ) {
        let mut stream = std::pin::pin!(stream);
        loop {
            let piece = match tokio::time::timeout(patience, stream.next()).await {
                Ok(Some(piece)) => piece.map(Piece::Data).map_err(|error| io::Error::other(error.to_string())),
                Ok(None) => Ok(Piece::End),
                Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, format!("silent for {} s", patience.as_secs()))),
            };
            let last = !matches!(piece, Ok(Piece::Data(_)));
            if self.0.send(piece).await.is_err() || last {
                return;
            }
        }
    }
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() && !self.ended {
            match self.pieces.blocking_recv() {
                Some(Ok(Piece::Data(bytes))) => self.rest = bytes,
                Some(Ok(Piece::End)) => self.ended = true,
                Some(Err(error)) => return Err(error),
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
        let length = buffer.len().min(self.rest.len());
        buffer[..length].copy_from_slice(&self.rest.split_to(length));
        Ok(length)
    }
}

/// The blocking end that writes into a stream, in chunks.
pub(super) struct Writer {
    send: mpsc::Sender<io::Result<Bytes>>,
    buffer: Vec<u8>,
}

impl Writer {
    /// Sends what is left; an error instead of it makes the stream fail, so that half an archive never looks whole.
    pub(super) fn close(mut self, done: io::Result<()>) {
        let last = done.and_then(|()| self.flush());
        if let Err(error) = last {
            let _ = self.send.blocking_send(Err(error));
        }
    }
}

impl Write for Writer {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(data);
        if self.buffer.len() >= CHUNK {
            self.flush()?;
        }
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let chunk = Bytes::from(std::mem::take(&mut self.buffer));
        self.send.blocking_send(Ok(chunk)).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

/// A stream of what `write` writes, on a thread of its own.
pub(super) fn stream_of(
    write: impl FnOnce(&mut Writer) -> io::Result<()> + Send + 'static,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let (send, receive) = mpsc::channel(PENDING);
    tokio::task::spawn_blocking(move || {
        let mut writer = Writer { send, buffer: Vec::with_capacity(CHUNK) };
        let done = write(&mut writer);
        writer.close(done);
    });
    self::receive(receive)
}

/// What arrives on a channel, as a stream.
pub(super) fn receive<T: Send + 'static>(channel: mpsc::Receiver<T>) -> impl Stream<Item = T> + Send + 'static {
    futures_util::stream::unfold(channel, |mut channel| async move { Some((channel.recv().await?, channel)) })
}

/// A reader of exactly so many bytes: an archive says a file's length before its content, so a file that changes while
/// it is read would break the archive.
pub(super) struct Exactly<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Exactly<R> {
    pub(super) fn new(inner: R, bytes: u64) -> Exactly<R> {
        Exactly { inner, left: bytes }
    }

    /// # Errors
    /// When there is more to read.
    pub(super) fn end(&mut self) -> io::Result<()> {
        match self.inner.read(&mut [0])? {
            0 => Ok(()),
            _ => Err(io::Error::other("the file grew while it was read")),
        }
    }
}

impl<R: Read> Read for Exactly<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if most == 0 {
            return Ok(0);
        }
        match self.inner.read(&mut buffer[..most])? {
            0 => Err(io::Error::other("the file shrank while it was read")),
            read => {
                self.left -= read as u64;
                Ok(read)
            }
        }
    }
}

/// A packed layer as it is unpacked. One that gets hundreds of times its size holds nothing but zeros, or is an attack on
/// whoever unpacks it; and of a large one a smaller share is enough to take days.
pub(super) struct Bounded<R> {
    inner: R,
    most: u64,
    left: u64,
}

const MOST_RATIO: u64 = 500;
const SMALL: u64 = 64 << 20;
/// From here on a lesser ratio.
const LARGE: u64 = 64 << 30;
const MOST_RATIO_LARGE: u64 = 20;

impl<R: Read> Bounded<R> {
    /// `packed` is the number of bytes before unpacking.
    pub(super) fn new(inner: R, packed: u64) -> Bounded<R> {
        let most = packed.saturating_mul(MOST_RATIO).saturating_add(SMALL);
        let most = most.min(packed.saturating_mul(MOST_RATIO_LARGE).max(LARGE));
        Bounded { inner, most, left: most }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| {
            let why = format!("it unpacks to more than {} bytes, far too many for its size", self.most);
            io::Error::new(io::ErrorKind::InvalidData, why)
        })?;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::TryStreamExt;

    #[tokio::test]
    async fn what_goes_in_comes_out_and_errors_pass() {
        let sent: Vec<u8> = (0..500_000u32).map(|i| (i % 251) as u8).collect();
        let expected = sent.clone();
        let stream = stream_of(move |writer| writer.write_all(&sent));
        let (feed, mut reader) = reader();
        let reading = tokio::task::spawn_blocking(move || {
            let mut all = Vec::new();
            reader.read_to_end(&mut all).map(|_| all)
        });
        feed.pump(stream, Duration::from_secs(60)).await;
        assert_eq!(reading.await.unwrap().unwrap(), expected);

        let broken: Vec<io::Result<Bytes>> = stream_of(|_| Err(io::Error::other("no disk"))).collect().await;
        assert!(matches!(&broken[..], [Err(error)] if error.to_string() == "no disk"));
    }

    #[test]
    fn a_file_of_another_length_is_an_error() {
        let read = |bytes: u64| {
            let mut exactly = Exactly::new(&b"12345"[..], bytes);
            exactly.read_to_end(&mut Vec::new()).and_then(|_| exactly.end()).map_err(|e| e.to_string())
        };
        assert_eq!(read(5), Ok(()));
        assert!(read(4).unwrap_err().contains("grew") && read(6).unwrap_err().contains("shrank"));
    }

    #[tokio::test]
    async fn a_feed_that_is_dropped_is_no_end_of_file() {
        let (feed, mut reader) = reader();
        drop(feed);
        let read = tokio::task::spawn_blocking(move || reader.read(&mut [0; 8])).await.unwrap();
        assert_eq!(read.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        let whole: Result<Vec<Bytes>, _> = stream_of(|_| Ok(())).try_collect().await;
        assert_eq!(whole.unwrap(), Vec::<Bytes>::new());
    }
}
