#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(dir) = tempfile::tempdir() {
        mlgate::kustomize::fuzz(dir.path(), bytes);
    }
});
