//! SHA-256 digests as OCI writes them: `sha256:` and 64 lower-case hexadecimal digits.

use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

/// The digest of some bytes.
pub fn of(bytes: &[u8]) -> String {
    name(Sha256::digest(bytes).as_slice())
}

/// Digest and size of a file, streamed.
///
/// # Errors
/// The file cannot be read.
pub fn of_file(path: &Path) -> io::Result<(String, u64)> {
    of_reader(File::open(path)?)
}

/// Digest and size of what is left to read, streamed.
///
/// # Errors
/// It cannot be read.
pub fn of_reader(mut reader: impl Read) -> io::Result<(String, u64)> {
    let mut hash = Sha256::new();
    let mut block = vec![0; 1 << 17];
    let mut bytes = 0;
    loop {
        match reader.read(&mut block) {
            Ok(0) => return Ok((name(hash.finalize().as_slice()), bytes)),
            Ok(read) => {
                hash.update(&block[..read]);
                bytes += read as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// How a finished hash is written.
pub fn name(hash: &[u8]) -> String {
    format!("sha256:{}", hex(hash))
}

/// Two lower-case hexadecimal digits a byte.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether a text is a digest. Digests become file names and addresses, so nothing else is let through.
pub fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:")
        .is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 180-2, appendix B.1.
    const ABC: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn bytes_and_files_have_the_same_digest() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("abc");
        std::fs::write(&path, "abc").unwrap();
        assert_eq!(of(b"abc"), ABC);
        assert_eq!(of_file(&path).unwrap(), (ABC.to_string(), 3));
        let large = vec![7; 300_000];
        std::fs::write(&path, &large).unwrap();
        assert_eq!(of_file(&path).unwrap(), (of(&large), 300_000));
        assert!(of_file(&dir.path().join("absent")).is_err());
    }

    #[test]
    fn only_digests_are_digests() {
        assert!(is_digest(ABC));
        for wrong in ["", "sha256:", "sha256:../../etc/passwd", "sha512:00", &ABC.to_uppercase()] {
            assert!(!is_digest(wrong), "{wrong}");
        }
        assert!(!is_digest(&ABC.replace("ba78", "BA78")) && !is_digest(&format!("{ABC}0")));
    }
}
