//! Reads the entries of a tar archive of which nothing is trusted: names are only looked at, headers and names have limits,
//! and nothing is written. It reads an archive as Go's archive/tar does, by which engines unpack layers: an archive that two
//! readers take for different things could hide a file from one of them. Format: POSIX.1-2001 pax, with GNU's long names
//! and sparse files.

use std::io::{self, Read};

const BLOCK: usize = 512;
/// Of a long name or a pax header; real ones have some hundred bytes.
const MOST_HEADER: u64 = 1024 * 1024;
/// Bytes of a name: PATH_MAX of Linux, where nobody could make a longer one.
const MOST_NAME: usize = 4096;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Folder,
    /// A link, a device, a pipe: nothing that has a content of its own.
    Other,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Relative, parted by `/`, without `.`.
    pub(super) path: String,
    pub(super) kind: Kind,
    pub(super) executable: bool,
    /// Bytes in the archive.
    pub(super) size: u64,
    /// Its holes are not in the archive.
    pub(super) sparse: bool,
}

pub(super) struct Archive<R> {
    inner: R,
    /// Of the entry before: what is left of its content, and of the padding after it.
    left: u64,
    padding: u64,
}

/// What a pax header says of the entry after it.
#[derive(Default)]
struct Said {
    path: Option<String>,
    size: Option<u64>,
    sparse: Sparse,
}

/// `GNU.sparse.…` of a pax header.
#[derive(Default)]
struct Sparse {
    is_said: bool,
    major: String,
    minor: String,
    has_map: bool,
    name: Option<String>,
}

impl<R: Read> Archive<R> {
    pub(super) fn new(inner: R) -> Archive<R> {
        Archive { inner, left: 0, padding: 0 }
    }

    /// The next entry; none at the end.
    ///
    /// # Errors
    /// The archive is cut off or broken, or a name leads out of it or is longer than any can be.
    pub(super) fn next(&mut self) -> io::Result<Option<Entry>> {
        let (mut said, mut long) = (Said::default(), None);
        loop {
            let rest = self.left.saturating_add(self.padding);
            let skipped = io::copy(&mut self.inner.by_ref().take(rest), &mut io::sink())?;
            if skipped < rest {
                return Err(broken("it is cut off"));
            }
            (self.left, self.padding) = (0, 0);
            let Some(block) = self.block()? else { return Ok(None) };
            let size = size(&block[124..136])?;
            let kind = block[156];
            match kind {
                b'L' => long = Some(until_zero(&self.header(size)?)),
                b'x' => said = pax(&self.header(size)?)?,
                b'K' => drop(self.header(size)?),
                // What was said before it is forgotten.
                b'g' => {
                    self.header(size)?;
                    (said, long) = (Said::default(), None);
                }
                _ => {
                    let (said, long) = (std::mem::take(&mut said), long.take());
                    let entry = self.entry(&block, size, said, long)?;
                    if !entry.path.is_empty() {
                        return Ok(Some(entry));
                    }
                }
            }
        }
    }

    fn entry(&mut self, block: &[u8; BLOCK], size: u64, said: Said, long: Option<String>) -> io::Result<Entry> {
        let sparse = self.sparse(block, &said.sparse)?;
        // The one of a sparse file is the last that Go looks at, so it is the one that counts.
        let name = said.sparse.name.or(long).or(said.path);
        let name = match name {
            Some(name) => name,
            None => short_name(block)?,
        };
        let kind = match block[156] {
            0 if name.ends_with('/') => Kind::Folder,
            b'0' | 0 | b'7' | b'S' => Kind::File,
            b'5' => Kind::Folder,
            _ => Kind::Other,
        };
        // Links, devices, folders and pipes may have a size, and never a content; kinds that nobody knows have one.
        let has_content = kind == Kind::File || !matches!(block[156], 0 | b'1'..=b'6');
        let size = if has_content { said.size.unwrap_or(size) } else { 0 };
        self.set_content(size);
        let executable = number(&block[100..108]).is_some_and(|mode| mode & 0o111 != 0);
        Ok(Entry { path: inside(&name)?, kind, executable, size, sparse })
    }

    /// Whether an entry is sparse; the list of its parts that follows an old header is skipped.
    fn sparse(&mut self, block: &[u8; BLOCK], said: &Sparse) -> io::Result<bool> {
        if block[156] == b'S' {
            let mut more = block[482] != 0;
            while more {
                let mut list = [0; BLOCK];
                self.inner.read_exact(&mut list).map_err(|_| broken("it is cut off"))?;
                more = list[504] != 0;
            }
            return Ok(true);
        }
        match (said.major.as_str(), said.minor.as_str()) {
            _ if !said.is_said => Ok(false),
            ("0", "0" | "1") | ("1", "0") => Ok(true),
            ("", "") if said.has_map => Ok(true),
            _ => Err(broken("a sparse file in it is of a format that nobody knows")),
        }
    }

    /// The content of a header that is about the next entry.
    fn header(&mut self, size: u64) -> io::Result<Vec<u8>> {
        if size > MOST_HEADER {
            return Err(broken("a header in it is longer than 1 MiB"));
        }
        self.set_content(size);
        let mut text = Vec::new();
        self.by_ref().read_to_end(&mut text)?;
        Ok(text)
    }

    fn set_content(&mut self, size: u64) {
        self.left = size;
        self.padding = (BLOCK as u64 - size % BLOCK as u64) % BLOCK as u64;
    }

    /// A header; none at the end, which is two empty blocks or the end of the stream.
    fn block(&mut self) -> io::Result<Option<[u8; BLOCK]>> {
        let Some(block) = self.any_block()? else { return Ok(None) };
        if block.iter().all(|byte| *byte == 0) {
            if self.any_block()?.is_some_and(|second| second.iter().any(|byte| *byte != 0)) {
                return Err(broken("something follows its end"));
            }
            // So that a digest over the whole stream is checked by who gives it.
            io::copy(&mut self.inner, &mut io::sink())?;
            return Ok(None);
        }
        let told = number(&block[148..156]);
        let sum: u64 =
            block.iter().enumerate().map(|(at, b)| u64::from(if (148..156).contains(&at) { b' ' } else { *b })).sum();
        if told == Some(sum) { Ok(Some(block)) } else { Err(broken("a header in it has a wrong checksum")) }
    }

    fn any_block(&mut self) -> io::Result<Option<[u8; BLOCK]>> {
        let mut block = [0; BLOCK];
        let mut read = 0;
        while read < BLOCK {
            match self.inner.read(&mut block[read..])? {
                0 if read == 0 => return Ok(None),
                0 => return Err(broken("it is cut off")),
                more => read += more,
            }
        }
        Ok(Some(block))
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

/// The name in a header itself.
fn short_name(block: &[u8; BLOCK]) -> io::Result<String> {
    let name = until_zero(&block[..100]);
    // GNU's own format keeps times where the prefix is.
    if &block[257..265] == b"ustar  \0" {
        let is_time = |field: &[u8]| field[0] == 0 || number(field).is_some();
        return match is_time(&block[345..357]) && is_time(&block[357..369]) {
            true => Ok(name),
            false => Err(broken("a time in it is no number")),
        };
    }
    // That of Schily's star is shorter.
    let end = if &block[508..] == b"tar\0" { 476 } else { 500 };
    let prefix = if &block[257..262] == b"ustar" { until_zero(&block[345..end]) } else { String::new() };
    Ok(if prefix.is_empty() { name } else { format!("{prefix}/{name}") })
}

/// The size of a content: one that no file can have would overflow what is computed from it.
fn size(field: &[u8]) -> io::Result<u64> {
    let size = number(field).filter(|size| i64::try_from(*size).is_ok());
    size.ok_or_else(|| broken("a size in it is no number, or one that no file can have"))
}

/// Octal digits, or binary when the first bit is set (GNU).
fn number(field: &[u8]) -> Option<u64> {
    if field.first().is_some_and(|first| first & 0x80 != 0) {
        let (high, low) = field.split_at_checked(field.len().checked_sub(8)?)?;
        let is_small = high.iter().enumerate().all(|(at, byte)| *byte == if at == 0 { 0x80 } else { 0 });
        return is_small.then(|| low.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)));
    }
    let blank = |byte: &u8| *byte == b' ' || *byte == 0;
    let from = field.iter().position(|byte| !blank(byte)).unwrap_or(field.len());
    let to = field.iter().rposition(|byte| !blank(byte)).map_or(from, |last| last + 1);
    let digits = &field[from..to];
    // As many digits as a field has cannot overflow.
    let digit = |number: u64, byte: &u8| matches!(byte, b'0'..=b'7').then(|| number << 3 | u64::from(byte - b'0'));
    digits.split(|byte| *byte == 0).next().unwrap_or_default().iter().try_fold(0, digit)
}

/// Lines `LENGTH KEY=VALUE`, the length that of the whole line. An empty value takes back what was said before.
fn pax(text: &[u8]) -> io::Result<Said> {
    let (mut said, mut rest) = (Said::default(), text);
    while !rest.is_empty() {
        let wrong = || broken("a pax header in it is broken");
        let space = rest.iter().position(|byte| *byte == b' ').ok_or_else(wrong)?;
        let length: usize = std::str::from_utf8(&rest[..space]).ok().and_then(|n| n.parse().ok()).ok_or_else(wrong)?;
        let line = rest.get(space + 1..length).and_then(|line| line.strip_suffix(b"\n")).ok_or_else(wrong)?;
        let equals = line.iter().position(|byte| *byte == b'=').ok_or_else(wrong)?;
        let (key, value) = (&line[..equals], &line[equals + 1..]);
        let text = || Some(String::from_utf8_lossy(value).into_owned()).filter(|value| !value.is_empty());
        let is_name = matches!(key, b"path" | b"GNU.sparse.name");
        if key.contains(&0) || (is_name && value.contains(&0)) {
            return Err(wrong());
        }
        said.sparse.is_said |= key.starts_with(b"GNU.sparse.");
        match key {
            b"path" => said.path = text(),
            b"size" => {
                let size = text().map(|value| value.parse::<i64>().ok().and_then(|size| u64::try_from(size).ok()));
                said.size = size.map(|size| size.ok_or_else(wrong)).transpose()?;
            }
            b"GNU.sparse.major" => said.sparse.major = text().unwrap_or_default(),
            b"GNU.sparse.minor" => said.sparse.minor = text().unwrap_or_default(),
            // The first version has no list, but each part of it.
            b"GNU.sparse.map" | b"GNU.sparse.offset" => said.sparse.has_map |= !value.is_empty(),
            b"GNU.sparse.name" => said.sparse.name = text(),
            _ => {}
        }
        rest = &rest[length..];
    }
    Ok(said)
}

/// A name as a path below the archive's root.
fn inside(name: &str) -> io::Result<String> {
    let shown = || name.chars().take(200).collect::<String>();
    if name.len() > MOST_NAME {
        return Err(broken(&format!(
            "a name in it has {} bytes, no system takes more than 4096: `{}…`",
            name.len(),
            shown()
        )));
    }
    let parts: Vec<&str> = name.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if parts.contains(&"..") {
        return Err(broken(&format!("a name in it leads out of it: `{}`", shown())));
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
