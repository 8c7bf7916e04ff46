//! A profile that `mlgate profile` wrote to a file.

use crate::digest;
use crate::model::{Fault, Input, Profile};
use std::path::Path;

/// Reads the profile `file`, relative to `root`; with it the file as an input of `kind`.
///
/// # Errors
/// When there is no such file, or it is no profile.
pub fn read(root: &Path, file: &str, kind: &str) -> Result<(Profile, Input), Fault> {
    let hint = "write it with `mlgate profile DATA -o FILE`";
    let bytes = std::fs::read(root.join(file)).map_err(|e| Fault::new(format!("read the profile {file}"), e, hint))?;
    let input = Input { kind: kind.into(), name: file.into(), digest: digest::of(&bytes), bytes: bytes.len() as u64 };
    Ok((crate::record::profile::parse(&bytes, file)?, input))
}
