//! Reads the entries of a tar archive of which nothing is trusted: names are only looked at, long headers have a limit, and
//! nothing is written. Format: POSIX.1-2001 pax, with GNU's long names.

use std::io::{self, Read};

const BLOCK: usize = 512;
/// Of a long name or a pax header; real ones have some hundred bytes.
const MOST_HEADER: u64 = 1024 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Folder,
    /// A link, a device, a pipe: something without content of its own.
    Other,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Relative, parted by `/`, without `.`.
    pub(super) path: String,
    pub(super) kind: Kind,
    pub(super) executable: bool,
    pub(super) size: u64,
}

pub(super) struct Archive<R> {
    inner: R,
    /// Of the entry before: what is left of its content, and of the padding after it.
    left: u64,
    padding: u64,
}

/// What a header says of the entry after it.
#[derive(Default)]
struct Said {
    path: Option<String>,
    size: Option<u64>,
}

impl<R: Read> Archive<R> {
    pub(super) fn new(inner: R) -> Archive<R> {
        Archive { inner, left: 0, padding: 0 }
    }

    /// The next entry; none at the end.
    ///
    /// # Errors
    /// The archive is cut off or broken, or a name leads out of it.
    pub(super) fn next(&mut self) -> io::Result<Option<Entry>> {
        let mut said = Said::default();
        loop {
            let rest = self.left + self.padding;
            let skipped = io::copy(&mut self.inner.by_ref().take(rest), &mut io::sink())?;
            if skipped < rest {
                return Err(broken("it is cut off"));
            }
            (self.left, self.padding) = (0, 0);
            let Some(block) = self.block()? else { return Ok(None) };
            let size = number(&block[124..136]).ok_or_else(|| broken("a size in it is no number"))?;
            let kind = block[156];
            if matches!(kind, b'L' | b'x' | b'K' | b'g') {
                self.set_content(size);
                if size > MOST_HEADER {
                    return Err(broken("a header in it is longer than 1 MiB"));
                }
                let mut text = Vec::new();
                self.by_ref().read_to_end(&mut text)?;
                match kind {
                    b'L' => said.path = Some(until_zero(&text)),
                    b'x' => pax(&text, &mut said)?,
                    _ => {}
                }
                continue;
            }
            let name = until_zero(&block[..100]);
            let prefix = if &block[257..262] == b"ustar" { until_zero(&block[345..500]) } else { String::new() };
            // GNU's own format keeps times where the prefix is.
            let is_gnu = &block[257..265] == b"ustar  \0";
            let short = if prefix.is_empty() || is_gnu { name } else { format!("{prefix}/{name}") };
            let size = said.size.take().unwrap_or(size);
            let kind = match kind {
                b'0' | 0 | b'7' => Kind::File,
                b'5' => Kind::Folder,
                _ => Kind::Other,
            };
            // Links may have a size, and never a content.
            let size = if kind == Kind::File { size } else { 0 };
            self.set_content(size);
            let path = inside(&said.path.take().unwrap_or(short))?;
            let executable = number(&block[100..108]).is_some_and(|mode| mode & 0o111 != 0);
            if !path.is_empty() {
                return Ok(Some(Entry { path, kind, executable, size }));
            }
        }
    }

    fn set_content(&mut self, size: u64) {
        self.left = size;
        self.padding = (BLOCK as u64 - size % BLOCK as u64) % BLOCK as u64;
    }

    /// A header; none at the end, which is two empty blocks or the end of the stream.
    fn block(&mut self) -> io::Result<Option<[u8; BLOCK]>> {
        let mut block = [0; BLOCK];
        let mut read = 0;
        while read < BLOCK {
            match self.inner.read(&mut block[read..])? {
                0 if read == 0 => return Ok(None),
                0 => return Err(broken("it is cut off")),
                more => read += more,
            }
        }
        if block.iter().all(|byte| *byte == 0) {
            // So that a digest over the whole stream is checked by who gives it.
            io::copy(&mut self.inner, &mut io::sink())?;
            return Ok(None);
        }
        let told = number(&block[148..156]);
        let sum: u64 =
            block.iter().enumerate().map(|(at, b)| u64::from(if (148..156).contains(&at) { b' ' } else { *b })).sum();
        if told == Some(sum) { Ok(Some(block)) } else { Err(broken("a header in it has a wrong checksum")) }
    }
}

/// The content of the entry.
impl<R: Read> Read for Archive<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if most == 0 {
            return Ok(0);
        }
        match self.inner.read(&mut buffer[..most])? {
            0 => Err(broken("it is cut off")),
            read => {
                self.left -= read as u64;
                Ok(read)
            }
        }
    }
}

fn broken(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

fn until_zero(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.split(|byte| *byte == 0).next().unwrap_or_default()).into_owned()
}

/// Octal digits, or binary when the first bit is set (GNU).
fn number(field: &[u8]) -> Option<u64> {
    if field.first().is_some_and(|first| first & 0x80 != 0) {
        let (high, low) = field.split_at_checked(field.len().checked_sub(8)?)?;
        let is_small = high.iter().enumerate().all(|(at, byte)| *byte == if at == 0 { 0x80 } else { 0 });
        return is_small.then(|| low.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)));
    }
    let text = until_zero(field);
    let text = text.trim();
    if text.is_empty() { Some(0) } else { u64::from_str_radix(text, 8).ok() }
}

/// Lines `LENGTH KEY=VALUE`, the length that of the whole line.
fn pax(text: &[u8], said: &mut Said) -> io::Result<()> {
    let mut rest = text;
    while !rest.is_empty() {
        let wrong = || broken("a pax header in it is broken");
        let space = rest.iter().position(|byte| *byte == b' ').ok_or_else(wrong)?;
        let length: usize = std::str::from_utf8(&rest[..space]).ok().and_then(|n| n.parse().ok()).ok_or_else(wrong)?;
        let line = rest.get(space + 1..length).and_then(|line| line.strip_suffix(b"\n")).ok_or_else(wrong)?;
        let equals = line.iter().position(|byte| *byte == b'=').ok_or_else(wrong)?;
        let value = String::from_utf8_lossy(&line[equals + 1..]).into_owned();
        match &line[..equals] {
            b"path" => said.path = Some(value),
            b"size" => said.size = Some(value.parse().map_err(|_| wrong())?),
            _ => {}
        }
        rest = &rest[length..];
    }
    Ok(())
}

/// A name as a path below the archive's root.
fn inside(name: &str) -> io::Result<String> {
    let parts: Vec<&str> = name.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if parts.contains(&"..") {
        return Err(broken(&format!("a name in it leads out of it: `{}`", name.chars().take(200).collect::<String>())));
    }
    Ok(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::tar::{Builder, EntryType, Header};

    fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut builder = Builder::new(Vec::new());
        for (path, content) in entries {
            let mut header = Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o755);
            header.set_entry_type(EntryType::Regular);
            builder.append_data(&mut header, path, *content).unwrap();
        }
        builder.into_inner().unwrap()
    }

    #[test]
    fn names_and_contents_are_those_that_were_put_in() {
        let long = format!("a/{}/b", "long".repeat(60));
        let bytes = archive(&[("one", b"1"), (&long, &[7; 1000]), ("./three", b"")]);
        let mut archive = Archive::new(bytes.as_slice());
        let mut found = Vec::new();
        while let Some(entry) = archive.next().unwrap() {
            let mut content = Vec::new();
            // The second one is left unread.
            if entry.path != long {
                archive.read_to_end(&mut content).unwrap();
            }
            found.push((entry.path, entry.size, content));
        }
        assert_eq!(found, [("one".into(), 1, b"1".to_vec()), (long, 1000, vec![]), ("three".into(), 0, vec![])]);
    }

    #[test]
    fn broken_and_hostile_archives_are_refused() {
        let good = archive(&[("one", &[1; 2000])]);
        let fails = |bytes: &[u8]| {
            let mut archive = Archive::new(bytes);
            loop {
                match archive.next() {
                    Ok(Some(_)) => {}
                    Ok(None) => panic!("it was read to its end"),
                    Err(error) => return error.to_string(),
                }
            }
        };
        assert!(fails(&good[..1000]).contains("cut off") && fails(&good[..100]).contains("cut off"));
        let mut changed = good.clone();
        changed[0] = b'x';
        assert!(fails(&changed).contains("checksum"));
        let header = |name: &[u8], kind: u8, size: u64| {
            let mut header = Header::new_gnu();
            header.as_mut_bytes()[..name.len()].copy_from_slice(name);
            header.set_size(size);
            header.set_entry_type(EntryType::new(kind));
            header.set_cksum();
            header.as_bytes().to_vec()
        };
        assert!(fails(&header(b"../../etc/passwd", b'0', 0)).contains("leads out"));
        // A name of ten gigabytes.
        assert!(fails(&header(b"././@LongLink", b'L', 10 << 30)).contains("longer than 1 MiB"));
        assert!(fails(&[header(b"pax", b'x', 6), [b"9 path".as_slice(), &[0; 506]].concat()].concat()).contains("pax"));
    }
}
