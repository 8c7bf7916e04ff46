//! The hashes of a file, all in one reading: SHA-256 for the record, MD5 for DVC.

use crate::digest::{self, hex};
use md5::Md5;
use sha2::{Digest, Sha256};

/// DVC 2 looked at so many bytes of a block to tell text from other content.
const LOOKED_AT: usize = 512;
const BLOCK: usize = 1 << 20;

/// What is known of a file's content after it has been read once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub sha256: String,
    pub md5: Option<Md5s>,
    pub bytes: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Md5s {
    pub plain: String,
    /// As DVC 2 hashed text: with CRLF as LF.
    pub unix: String,
}

/// A hash that the content must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Expected {
    pub md5: String,
    /// DVC 2: CRLF counts as LF in text.
    pub as_unix_text: bool,
    /// The file that says so.
    pub by: String,
}

impl Expected {
    /// Found and expected, where they differ.
    pub fn differs(&self, known: &Known) -> Option<String> {
        let found = known.md5.as_ref().map(|md5| if self.as_unix_text { &md5.unix } else { &md5.plain });
        match found {
            Some(found) if *found == self.md5 => None,
            Some(found) => Some(format!("md5 {found}, and {} says {}", self.by, self.md5)),
            None => Some("its md5 was not computed".to_string()),
        }
    }
}

/// Hashes of the bytes so far.
pub(super) struct Hashes {
    sha256: Sha256,
    md5: Option<(Md5, UnixText)>,
}

impl Hashes {
    /// With MD5 only where somebody asks for it: it takes as long as reading from a good disk.
    pub fn new(with_md5: bool) -> Hashes {
        Hashes { sha256: Sha256::new(), md5: with_md5.then(Default::default) }
    }

    pub fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        if let Some((md5, unix)) = &mut self.md5 {
            md5.update(bytes);
            unix.update(bytes);
        }
    }

    pub fn finish(self, bytes: u64) -> Known {
        let md5 = self.md5.map(|(md5, unix)| Md5s { plain: hex(md5.finalize().as_slice()), unix: unix.finish() });
        Known { sha256: digest::name(self.sha256.finalize().as_slice()), md5, bytes }
    }
}

/// MD5 of some bytes.
pub(super) fn md5(bytes: &[u8]) -> String {
    hex(Md5::digest(bytes).as_slice())
}

/// DVC 2's MD5: of text, with every CRLF as LF. It read blocks of 1 MiB and looked at each on its own: whether it is
/// text, and for CRLF, so that one across two blocks stays.
#[derive(Default)]
struct UnixText {
    /// The beginning of a block that is not judged yet.
    head: Vec<u8>,
    is_text: Option<bool>,
    /// Bytes of the block so far.
    at: usize,
    md5: Md5,
    /// A CR that may belong to an LF that is still to come.
    held: bool,
}

impl UnixText {
    fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(BLOCK - self.at));
            self.at += now.len();
            match self.is_text {
                Some(_) => self.add(now),
                None => {
                    self.head.extend_from_slice(now);
                    if self.head.len() >= LOOKED_AT {
                        self.judge();
                    }
                }
            }
            if self.at == BLOCK {
                self.end_block();
            }
            bytes = later;
        }
    }

    fn judge(&mut self) {
        let head = std::mem::take(&mut self.head);
        self.is_text = Some(looks_like_text(head.get(..LOOKED_AT).unwrap_or(&head)));
        self.add(&head);
    }

    fn end_block(&mut self) {
        if self.is_text.is_none() {
            self.judge();
        }
        if std::mem::take(&mut self.held) {
            self.md5.update(b"\r");
        }
        (self.is_text, self.at) = (None, 0);
    }

    fn add(&mut self, bytes: &[u8]) {
        let (Some(first), Some(true)) = (bytes.first(), self.is_text) else {
            self.md5.update(bytes);
            return;
        };
        if std::mem::take(&mut self.held) && *first != b'\n' {
            self.md5.update(b"\r");
        }
        let mut rest = bytes;
        while let Some(cr) = memchr::memchr(b'\r', rest) {
            let (before, after) = rest.split_at(cr);
            self.md5.update(before);
            match after.get(1) {
                None => self.held = true,
                Some(b'\n') => {}
                Some(_) => self.md5.update(b"\r"),
            }
            rest = after.get(1..).unwrap_or_default();
        }
        self.md5.update(rest);
    }

    fn finish(mut self) -> String {
        if self.at > 0 {
            self.end_block();
        }
        hex(self.md5.finalize().as_slice())
    }
}

/// As DVC 2 told: no zero byte, and at most 30 % of the beginning outside of printable ASCII, line ends and the like.
fn looks_like_text(head: &[u8]) -> bool {
    let odd = |byte: &&u8| !matches!(**byte, 0x20..=0x7e | b'\n' | b'\r' | b'\t' | 0x0c | 0x08);
    !head.contains(&0) && head.iter().filter(odd).count() * 10 <= head.len() * 3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(blocks: &[&[u8]]) -> Md5s {
        let mut hashes = Hashes::new(true);
        blocks.iter().for_each(|block| hashes.update(block));
        hashes.finish(0).md5.unwrap()
    }

    #[test]
    fn line_ends_of_text_count_as_unix_ones_wherever_blocks_end() {
        let plain = md5(b"a\nb\rc\n\r");
        let long = "x,y\r\n".repeat(300);
        for blocks in [[&b"a\r\nb\rc\r\n"[..], b"\r"], [b"a\r", b"\nb\rc\r\n\r"], [b"a\r\nb\r", b"c\r\n\r"]] {
            assert_eq!(of(&blocks).unix, plain, "{blocks:?}");
            assert_ne!(of(&blocks).plain, plain);
        }
        for cut in [1, 3, 4, 511, 512, 513, 1000] {
            let (one, two) = long.as_bytes().split_at(cut);
            assert_eq!(of(&[one, two]).unix, md5(long.replace("\r\n", "\n").as_bytes()), "{cut}");
        }
        // A CRLF across two blocks of 1 MiB stays.
        let wide = [b"x".repeat(BLOCK - 1).as_slice(), b"\r\nend\r\n"].concat();
        let kept = [b"x".repeat(BLOCK - 1).as_slice(), b"\r\nend\n"].concat();
        let (one, two) = wide.split_at(BLOCK + 3);
        assert_eq!(of(&[one, two]).unix, md5(&kept));
        let binary = of(&[b"PAR1\0\r\n"]);
        assert_eq!(binary.unix, binary.plain);
        // RFC 1321, A.5.
        assert_eq!(of(&[b"abc"]).plain, "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(of(&[]).unix, "d41d8cd98f00b204e9800998ecf8427e");
    }
}
