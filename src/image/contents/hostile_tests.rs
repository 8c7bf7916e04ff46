//! Archives made to mislead, to fill memory or to take for ever: refused, or read as an engine reads them.

use super::tar::{Archive, Kind};
use super::tests::{layer, packed, walked};
use crate::image::layout::descriptor;
use std::io::{Cursor, Read, Write};
use std::process::Command;

/// A header with its checksum; `change` has the last word on its fields.
fn header(name: &str, kind: u8, size: u64, change: impl Fn(&mut [u8; 512])) -> Vec<u8> {
    let mut header = ::tar::Header::new_ustar();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    header.set_mode(0o644);
    header.set_size(size);
    header.set_entry_type(::tar::EntryType::new(kind));
    change(header.as_mut_bytes());
    header.set_cksum();
    header.as_bytes().to_vec()
}

fn entry(name: &str, kind: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = header(name, kind, content.len() as u64, |_| ());
    bytes.extend(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn pax(records: &[(&str, &str)]) -> Vec<u8> {
    let mut text = String::new();
    for (key, value) in records {
        let rest = key.len() + value.len() + 3;
        // The length counts its own digits.
        let length = (1..).find(|length: &usize| rest + length.to_string().len() == *length).unwrap();
        text += &format!("{length} {key}={value}\n");
    }
    entry("pax", b'x', text.as_bytes())
}

/// Names of the entries, or why the archive is refused.
fn names(bytes: &[u8]) -> Result<Vec<String>, String> {
    let mut archive = Archive::new(bytes);
    let mut names = Vec::new();
    while let Some(entry) = archive.next().map_err(|e| e.to_string())? {
        names.push(entry.path);
    }
    Ok(names)
}

#[test]
fn no_header_hides_what_comes_after_it() {
    let end = entry("end", b'0', b"");
    let fake = entry("hidden", b'0', b"");
    type Case<'a> = (&'a str, Vec<Vec<u8>>, &'a [&'a str]);
    let cases: [Case; 8] = [
        // Links, devices and pipes have no content, whatever their size says.
        ("link", vec![header("link", b'2', 512, |_| ()), end.clone()], &["link", "end"]),
        ("device", vec![header("device", b'3', 512, |_| ()), end.clone()], &["device", "end"]),
        ("folder", vec![header("folder/", b'0', 512, |h| h[156] = 0), end.clone()], &["folder", "end"]),
        // Kinds that nobody knows have one.
        ("unknown", vec![entry("unknown", b'Z', &fake), end.clone()], &["unknown", "end"]),
        ("volume", vec![entry("dump", b'D', &fake), end.clone()], &["dump", "end"]),
        // Zeros before the digits of a size.
        (
            "zeros",
            vec![
                header("zeros", b'0', 0, |h| h[124..136].copy_from_slice(b"\0\x0000001000 \0")),
                fake.clone(),
                end.clone(),
            ],
            &["zeros", "end"],
        ),
        // What a global header follows on is forgotten; the long name goes before that of a pax header.
        ("global", vec![pax(&[("path", "other")]), entry("g", b'g', b"9 a=1234\n"), end.clone()], &["end"]),
        (
            "long",
            vec![entry("././@LongLink", b'L', b"long\0"), pax(&[("path", "other"), ("size", "")]), end.clone()],
            &["long"],
        ),
    ];
    for (what, parts, expected) in cases {
        assert_eq!(names(&parts.concat()).unwrap(), expected, "{what}");
    }
}

#[test]
fn sizes_names_and_ends_that_no_archive_has_are_refused() {
    let file = |change: fn(&mut [u8; 512])| header("file", b'0', 0, change);
    let end = entry("end", b'0', b"");
    let long = format!("{}\0", "a/".repeat(2100));
    let cases: [(&str, Vec<u8>, &str); 14] = [
        (
            "of 2^64 - 1",
            file(|h| h[124..136].copy_from_slice(b"\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff")),
            "no number",
        ),
        ("negative", file(|h| h[124..136].copy_from_slice(&[0xff; 12])), "no number"),
        ("with a sign", file(|h| h[124..136].copy_from_slice(b"+0000000777\0")), "no number"),
        ("pax, too large", [pax(&[("size", "18446744073709551615")]), file(|_| ())].concat(), "pax header"),
        ("pax, negative", [pax(&[("size", "-1")]), file(|_| ())].concat(), "pax header"),
        ("beyond the end", [header("file", b'0', 1 << 40, |_| ()), vec![0; 4096]].concat(), "cut off"),
        ("after one empty block", [vec![0; 512], end.clone()].concat(), "follows its end"),
        ("name too long", [entry("l", b'L', long.as_bytes()), end.clone()].concat(), "no system takes more than 4096"),
        ("name of zeros", [pax(&[("path", "a\0b")]), end.clone()].concat(), "pax header"),
        ("traversal", [pax(&[("path", "a/../../etc/passwd")]), end.clone()].concat(), "leads out of it: `a/../../etc"),
        (
            "sparse traversal",
            [pax(&[("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", "../x")]), end.clone()]
                .concat(),
            "leads out",
        ),
        (
            "sparse, unknown",
            [pax(&[("GNU.sparse.major", "2"), ("GNU.sparse.minor", "0")]), end.clone()].concat(),
            "nobody knows",
        ),
        ("sparse, endless list", header("s", b'S', 0, |h| h[482] = 1), "cut off"),
        ("pax, huge", header("p", b'x', 2 << 20, |_| ()), "longer than 1 MiB"),
    ];
    for (what, bytes, why) in cases {
        let told = names(&bytes).expect_err(what);
        assert!(told.contains(why), "{what}: {told}");
    }
    // From the root and from here is the same place.
    let absolute = [entry("/etc/passwd", b'0', b"x"), entry("./etc/./shadow", b'0', b"")].concat();
    assert_eq!(names(&absolute).unwrap(), ["etc/passwd", "etc/shadow"]);
}

#[test]
fn sparse_files_of_gnu_tar_are_files_and_hide_nothing() {
    if !Command::new("tar").arg("--version").output().is_ok_and(|done| done.status.success()) {
        eprintln!("skipped: tar is not installed");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let mut sparse = std::fs::File::create(dir.path().join("sparse.bin")).unwrap();
    // So many parts that their list goes beyond the header.
    for part in 0..40u64 {
        std::io::Seek::seek(&mut sparse, std::io::SeekFrom::Start(part << 20)).unwrap();
        sparse.write_all(&[7; 4096]).unwrap();
    }
    std::fs::write(dir.path().join(".env"), "A=1").unwrap();
    for format in [
        &["--format=gnu"][..],
        &["--format=posix", "--sparse-version=0.0"],
        &["--format=posix", "--sparse-version=0.1"],
        &["--format=posix", "--sparse-version=1.0"],
    ] {
        let mut tar = Command::new("tar");
        tar.arg("-C").arg(dir.path()).args(format).args(["-S", "-cf", "-", "sparse.bin", ".env"]);
        let bytes = tar.output().unwrap().stdout;
        assert!(bytes.len() < 8 << 20, "the holes are not in it: {}", bytes.len());
        let mut archive = Archive::new(bytes.as_slice());
        let first = archive.next().unwrap().unwrap();
        assert_eq!((first.path.as_str(), first.kind, first.sparse), ("sparse.bin", Kind::File, true), "{format:?}");
        assert_eq!(archive.next().unwrap().unwrap().path, ".env", "{format:?}");
        assert!(walked(&[packed(&bytes)]).unwrap().secrets.contains_key(".env"));
    }
    let list = [pax(&[("GNU.sparse.map", "0,1"), ("GNU.sparse.name", "var/lib/dpkg/status")]), entry("x", b'0', b"P")];
    let told = walked(&[packed(&list.concat())]).err().unwrap().to_string();
    assert!(told.contains("var/lib/dpkg/status is stored with holes"), "{told}");
}

#[test]
fn bombs_of_any_packing_are_refused_before_they_fill_anything() {
    let zeros = |bytes: u64| {
        let start = header("zeros", b'0', bytes, |_| ());
        Cursor::new(start).chain(std::io::repeat(0).take(bytes))
    };
    let mut zstd = zstd::Encoder::new(Vec::new(), 1).unwrap();
    std::io::copy(&mut zeros(256 << 20), &mut zstd).unwrap();
    let zstd = zstd.finish().unwrap();
    let walk = |bytes: &[u8], packing: &str| {
        let media_type = format!("application/vnd.oci.image.layer.v1.tar+{packing}");
        let described = descriptor(&media_type, crate::digest::of(bytes), bytes.len() as u64);
        super::walk(super::Found::default(), 0, &described, bytes).err().map(|e| e.to_string()).unwrap_or_default()
    };
    assert!(walk(&zstd, "zstd").contains("far too many"), "{}", walk(&zstd, "zstd"));
    // A frame that asks for 2 GiB of memory before anything is read.
    let window = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0x01, 0x00, 0x00];
    assert!(walk(&window, "zstd").contains("memory"), "{}", walk(&window, "zstd"));
    // Members without content, one after another.
    assert_eq!(walk(&packed(b"").repeat(50_000), "gzip"), "");
    let many: Vec<String> = (0..10_001).map(|n| format!("{n}/.env")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|name| (name.as_str(), "")).collect();
    assert!(walk(&layer(&many), "gzip").contains("look like secrets"));
    // Texts that would take each word's line again and again.
    let words = "PRIVATE KEY-----".repeat(4096);
    let wordy: Vec<String> = (0..200).map(|n| format!("f{n}")).collect();
    let wordy: Vec<(&str, &str)> = wordy.iter().map(|name| (name.as_str(), words.as_str())).collect();
    assert_eq!(walk(&layer(&wordy), "gzip"), "");
}

/// Valid archives with all kinds of entries, changed at random, with checksums that are right again: whatever comes of it,
/// it ends, within its own length, and gives no name that leads out.
#[test]
fn changed_archives_end_and_lead_nowhere() {
    let bytes = [
        entry("one/two", b'0', &[1; 700]),
        entry("././@LongLink", b'L', format!("{}\0", "deep/".repeat(60)).as_bytes()),
        entry("short", b'0', b"x"),
        pax(&[("path", "a/b"), ("size", "600"), ("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0")]),
        entry("c", b'0', &[2; 600]),
        header("old", b'S', 512, |h| h[482] = 1),
        vec![0; 1024],
        entry("link", b'2', b""),
        entry(".wh.gone", b'0', b""),
        vec![0; 1024],
    ]
    .concat();
    assert_eq!(names(&bytes).unwrap().len(), 6);
    let mut state = 20_261_127_u64;
    let mut random = |most: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % most
    };
    let (mut refused, mut read) = (0, 0);
    for _ in 0..4000 {
        let mut changed = bytes.clone();
        for _ in 0..=random(4) {
            let (at, block) = (random(changed.len()), random(changed.len() / 512) * 512);
            match random(5) {
                0 => changed.truncate(at.max(512)),
                1 => changed[at] = random(256) as u8,
                // Where headers have numbers, kinds and names.
                2 => changed[block + 124 + random(12)] = b"0123456789\0\x80\xff-+ "[random(16)],
                3 => changed[block + 156] = b"\x000123456789LKxgSDMVNXZ"[random(22)],
                _ => changed[block..block + 3].copy_from_slice([b"../", b"/..", b"./.", b"..\0"][random(4)]),
            }
            let length = changed.len() / 512 * 512;
            changed.truncate(length);
            let header = &mut changed[block.min(length - 512)..][..512];
            let sum: u32 =
                header.iter().enumerate().map(|(i, b)| if (148..156).contains(&i) { 32 } else { u32::from(*b) }).sum();
            header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
        let mut archive = Archive::new(changed.as_slice());
        let (mut entries, mut content) = (0, 0);
        loop {
            match archive.next() {
                Ok(Some(entry)) => {
                    entries += 1;
                    let parts: Vec<&str> = entry.path.split('/').collect();
                    assert!(!parts.contains(&"..") && !parts.contains(&"") && entry.path.len() <= 4096, "{entry:?}");
                    content += std::io::copy(&mut archive, &mut std::io::sink()).unwrap_or(0);
                }
                Ok(None) => break read += 1,
                Err(_) => break refused += 1,
            }
        }
        assert!(entries <= changed.len() / 512 && content <= changed.len() as u64);
    }
    assert!(refused > 500 && read > 500, "the changes are neither all harmless nor all fatal: {refused}, {read}");
}
