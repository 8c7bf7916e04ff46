#![no_main]

use libfuzzer_sys::fuzz_target;

#[allow(dead_code, unused_imports)]
#[path = "../../src/kustomize/mod.rs"]
mod kustomize;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(dir) = tempfile::tempdir() {
        kustomize::fuzz(dir.path(), bytes);
    }
});
