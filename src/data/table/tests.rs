//! Tables as they are met: well formed, odd and broken.

use super::*;
use crate::config::CsvDialect;
use arrow::array::{Array, ArrayRef, AsArray, Int64Array, StringArray};
use arrow::datatypes::{DataType, Int64Type};
use std::fs;

fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, content) in files {
        fs::write(dir.path().join(name), content).unwrap();
    }
    dir
}

fn parquet_bytes(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, a)| (n, a, true))).unwrap();
    let mut writer = ::parquet::arrow::ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

fn ints(values: std::ops::Range<i64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(values))
}

/// All rows, or the fault met first.
fn read(dir: &tempfile::TempDir, source: &str, columns: Option<&[&str]>) -> Result<Vec<RecordBatch>, Fault> {
    let columns = columns.map(|names| names.iter().map(|n| n.to_string()).collect::<Vec<_>>());
    Table::open(dir.path(), source, None)?.batches(columns.as_deref())?.collect()
}

fn why(files: &[(&str, &[u8])], source: &str) -> String {
    let fault = read(&folder(files), source, None).unwrap_err();
    assert!(fault.what.starts_with("read "), "{fault}");
    fault.why
}

#[test]
fn csv_is_typed_by_all_its_rows_and_empty_is_null() {
    let dir =
        folder(&[("t.csv", b"\xEF\xBB\xBFid,score,name,late\n1,0.5,\"a,\"\"b\"\"\",\n2,,,x\r\n\n3,1,\"two\nlines\",")]);
    let table = Table::open(dir.path(), "t.csv", None).unwrap();
    let types: Vec<_> = table.schema().fields().iter().map(|f| f.data_type().clone()).collect();
    assert_eq!(types, [DataType::Int64, DataType::Float64, DataType::Utf8, DataType::Utf8]);
    assert_eq!(table.remark("late"), Some("\"x\" at t.csv line 3"));
    let wanted = ["name".to_string(), "id".to_string()];
    let batches: Vec<_> = table.batches(Some(&wanted)).unwrap().collect::<Result<_, _>>().unwrap();
    let names = batches[0].column(0).as_string::<i32>();
    assert_eq!((names.value(0), names.is_null(1), names.value(2)), ("a,\"b\"", true, "two\nlines"));
    assert_eq!(batches[0].column(1).as_primitive::<Int64Type>().values(), &[1, 2, 3]);
}

#[test]
fn a_late_row_widens_the_type_of_the_column() {
    let mut text = String::from("x\n");
    text.extend((0..20_000).map(|i| format!("{i}\n")));
    text += "NA\n";
    let dir = folder(&[("t.csv", text.as_bytes())]);
    let table = Table::open(dir.path(), "t.csv", None).unwrap();
    assert_eq!(table.schema().field(0).data_type(), &DataType::Utf8);
    assert_eq!(table.remark("x"), Some("\"NA\" at t.csv line 20002"));
    assert_eq!(table.batches(None).unwrap().map(|b| b.unwrap().num_rows()).sum::<usize>(), 20_001);
}

#[test]
fn broken_csv_is_named_by_file_and_line() {
    let one = |text: &[u8]| why(&[("t.csv", text)], "t.csv");
    assert_eq!(one(b""), "the file is empty");
    assert_eq!(one(b"a,a\n1,2\n"), "line 1: two columns are named \"a\"");
    assert_eq!(one(b"a,b\n1,2\n\n\n1\n"), "line 5: 1 fields, but the header has 2");
    assert_eq!(one(b"a,b\n\"1\n1\",2\n1,2,3\n"), "line 4: 3 fields, but the header has 2");
    assert_eq!(one(b"a,b\n1,2\n3,\"open\n4,5\n"), "line 3: a quote is opened and never closed");
    assert_eq!(one(b"a\n1\n\"open\n4"), "line 3: a quote is opened and never closed");
    assert_eq!(one(b"a,b\n1,caf\xe9\n"), "line 2, column b: not UTF-8");
    assert_eq!(one(b"a,caf\xe9\n1,2\n"), "line 1, column 2: not UTF-8");
    assert!(one(b"\xff\xfea\0,\0b\0\n\0").contains("not UTF-8"));
}

#[test]
fn a_record_without_end_does_not_fill_the_memory() {
    let mut text = b"a,b\n1,\"".to_vec();
    text.resize(70 << 20, b'x');
    assert!(why(&[("t.csv", &text)], "t.csv").ends_with("a record is longer than 64 MiB"));
}

#[test]
fn a_header_alone_is_a_table_without_rows() {
    let dir = folder(&[("t.csv", b"a,b")]);
    let table = Table::open(dir.path(), "t.csv", None).unwrap();
    assert_eq!(table.schema().fields().len(), 2);
    assert_eq!(table.batches(None).unwrap().count(), 0);
}

#[test]
fn gzipped_csv_reads_as_csv_and_a_torn_one_does_not() {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut gz, b"a,b\n1,2\n3,4\n").unwrap();
    let gz = gz.finish().unwrap();
    let rows = read(&folder(&[("t.csv.gz", &gz)]), "t.csv.gz", None).unwrap()[0].num_rows();
    assert_eq!(rows, 2);
    assert!(why(&[("t.csv.gz", &gz[..gz.len() - 6])], "t.csv.gz").contains("after line"));
    let fault = read(&folder(&[("t.csv.gz", b"a,b\n1,2\n")]), "t.csv.gz", None).unwrap_err();
    assert_eq!(fault.hint, "check that the gzip file is whole");
}

#[test]
fn files_of_one_data_set_share_columns_in_any_order() {
    let dir = folder(&[("1.csv", b"a,b\n1,x\n"), ("2.csv", b"b,a\ny,2.5\n")]);
    let batches = read(&dir, "*.csv", Some(&["a"])).unwrap();
    assert_eq!(batches[0].schema().field(0).data_type(), &DataType::Float64);
    assert_eq!(batches.len(), 2);
    assert_eq!(why(&[("1.csv", b"a,b\n"), ("2.csv", b"a\n")], "*.csv"), "column \"b\" of 1.csv is missing");
    assert_eq!(why(&[("1.csv", b"a\n"), ("2.csv", b"a,b\n")], "*.csv"), "column \"b\" is not in 1.csv");
    let (one, two) = (parquet_bytes(vec![("a", ints(0..3))]), parquet_bytes(vec![("b", ints(0..3))]));
    assert_eq!(why(&[("1.pq", &one), ("2.pq", &two)], "*.pq"), "column \"b\" is not in 1.pq");
    let text = parquet_bytes(vec![("a", Arc::new(StringArray::from(vec!["x"])))]);
    assert_eq!(why(&[("1.pq", &one), ("2.pq", &text)], "*.pq"), "column \"a\" is Utf8, but Int64 in 1.pq");
}

#[test]
fn parquet_streams_the_columns_asked_for() {
    let bytes = parquet_bytes(vec![("a", ints(0..20_000)), ("b", ints(5..20_005)), ("c", ints(0..20_000))]);
    let dir = folder(&[("t.parquet", &bytes)]);
    let batches = read(&dir, "t.parquet", Some(&["c", "b"])).unwrap();
    assert!(batches.len() > 1);
    assert_eq!(batches[0].column(1).as_primitive::<Int64Type>().value(0), 5);
    let counted = read(&dir, "t.parquet", Some(&[])).unwrap();
    assert_eq!(counted.iter().map(RecordBatch::num_rows).sum::<usize>(), 20_000);
    let table = Table::open(dir.path(), "t.parquet", None).unwrap();
    let fault = table.batches(Some(&["aa".to_string()])).err().unwrap();
    assert_eq!((fault.why.as_str(), fault.hint.as_str()), ("no column \"aa\"", "did you mean \"a\"?"));
    assert_eq!(table.inputs("data.t").unwrap()[0].bytes, bytes.len() as u64);
}

#[test]
fn broken_parquet_is_a_fault_wherever_it_breaks() {
    let bytes = parquet_bytes(vec![("a", ints(0..300)), ("b", Arc::new(StringArray::from(vec!["text"; 300])))]);
    for length in [0, 3, 8, bytes.len() / 2, bytes.len() - 1] {
        why(&[("t.parquet", &bytes[..length])], "t.parquet");
    }
    // Single bytes damaged: an error or other values, never a panic.
    for at in (0..bytes.len()).step_by(5) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x5a;
        let _ = read(&folder(&[("t.parquet", &damaged)]), "t.parquet", None);
    }
}

#[test]
fn a_stopped_scan_ends_with_a_fault_and_never_early_and_silent() {
    let dir = folder(&[("t.csv", b"a\n1\n")]);
    let watch = Arc::new(Watch::default());
    let table = Table::open_watched(dir.path(), "t.csv", None, watch.clone()).unwrap();
    watch.stop();
    assert_eq!(table.batches(None).unwrap().next().unwrap().unwrap_err().why, "stopped");
    assert!(table.inputs("data.t").is_err());
    assert!(Table::open_watched(dir.path(), "t.csv", None, watch).is_err());
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut gz, text).unwrap();
    gz.finish().unwrap()
}

fn types(table: &Table) -> Vec<(String, DataType)> {
    table.schema().fields().iter().map(|f| (f.name().clone(), f.data_type().clone())).collect()
}

/// All values as text, null as `-`, row after row.
fn shown(batches: &[RecordBatch]) -> Vec<String> {
    let mut rows = Vec::new();
    for batch in batches {
        for row in 0..batch.num_rows() {
            let cell = |column: &ArrayRef| match column.is_null(row) || column.data_type() == &DataType::Null {
                true => "-".to_string(),
                false => {
                    let text = crate::data::values::show(column, row);
                    let bare = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(&text);
                    bare.replace("\\\"", "\"")
                }
            };
            rows.push(batch.columns().iter().map(cell).collect::<Vec<_>>().join("|"));
        }
    }
    rows
}

#[test]
fn a_dialect_is_read_as_it_is_written() {
    let dir = folder(&[("t.csv", b"# by hand\n'1';NA;'x;''y'\n#'\n2;n/a;z\n"), ("t.tsv", b"a\tb\n1,5\t\"x\"\n")]);
    let csv = CsvDialect {
        delimiter: b';',
        quote: Some(b'\''),
        comment: Some(b'#'),
        header: Some(vec!["id".into(), "n".into(), "text".into()]),
        nulls: vec!["NA".into(), "n/a".into()],
    };
    let table = Table::open_with(dir.path(), "t.csv", Options { csv, ..Options::default() }).unwrap();
    let null = DataType::Null;
    let expected = [("id", DataType::Int64), ("n", null), ("text", DataType::Utf8)];
    assert_eq!(types(&table), expected.map(|(name, data_type)| (name.to_string(), data_type)));
    let batches: Vec<_> = table.batches(None).unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!(shown(&batches), ["1|-|x;'y", "2|-|z"]);
    assert_eq!(shown(&read(&dir, "t.tsv", None).unwrap()), ["1,5|x"]);
    let few = CsvDialect { header: Some(vec!["a".into()]), ..CsvDialect::default() };
    let fault = Table::open_with(dir.path(), "t.csv", Options { csv: few, ..Options::default() });
    assert!(fault.is_ok(), "semicolons are text where the delimiter is a comma");
    let few = CsvDialect { header: Some(vec!["a".into()]), delimiter: b';', ..CsvDialect::default() };
    let fault = Table::open_with(dir.path(), "t.csv", Options { csv: few, ..Options::default() }).unwrap_err();
    assert_eq!(fault.why, "line 2: 4 fields, but the columns named are 1");
}

#[test]
fn odd_values_have_defined_types() {
    let one = |text: &str| {
        let dir = folder(&[("t.csv", text.as_bytes())]);
        let table = Table::open(dir.path(), "t.csv", None).unwrap();
        let batches: Vec<_> = table.batches(None).unwrap().collect::<Result<_, _>>().unwrap();
        (table.schema().field(0).data_type().clone(), shown(&batches))
    };
    let all = |rows: &[&str]| rows.iter().map(|row| row.to_string()).collect::<Vec<_>>();
    assert_eq!(one("x\n9223372036854775807\n-9223372036854775808\n").0, DataType::Int64);
    assert_eq!(one("x\n9223372036854775808\n"), (DataType::Utf8, all(&["9223372036854775808"])));
    assert_eq!(one("x\n-0.0\n0.0\n"), (DataType::Float64, all(&["-0.0", "0.0"])));
    // NaN is a float, not a null; an empty field is a null.
    assert_eq!(one("x,y\nNaN,1\n,1\n"), (DataType::Float64, all(&["NaN|1", "-|1"])));
    assert_eq!(one("x,y\n,1\n,2\n"), (DataType::Null, all(&["-|1", "-|2"])));
    assert_eq!(one("x\n7\n7\n"), (DataType::Int64, all(&["7", "7"])));
    let zoned = DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, Some("UTC".into()));
    let moments = one("x\n2024-03-10T02:30:00-05:00\n2024-03-10 07:30:00Z\n");
    assert_eq!(moments.0, zoned);
    assert_eq!(moments.1, all(&["2024-03-10T07:30:00Z", "2024-03-10T07:30:00Z"]), "one instant, written in two zones");
    assert_eq!(one("x\n2024-03-10T02:30:00-05:00\n2024-03-10 07:30:00\n").0, DataType::Utf8);
    assert_eq!(one("x\r\n1\r\n\r\n2\r\n"), (DataType::Int64, all(&["1", "2"])));
    assert_eq!(one("x\r1\r2\r"), (DataType::Int64, all(&["1", "2"])));
    let text = why(&[("t.csv", b"a,b\n\"1\"2,3\n")], "t.csv");
    assert_eq!(text, "line 2: text follows on a closing quote");
    let mixed = why(&[("t.csv", b"a,b\ncaf\xc3\xa9,1\nx,2\ny,caf\xe9\n")], "t.csv");
    assert_eq!(mixed, "line 4, column b: not UTF-8");
    let fault = read(&folder(&[("t.csv", b"\xff\xfea\0\n\0")]), "t.csv", None).unwrap_err();
    assert!(fault.hint.contains("UTF-16"), "{fault}");
}

#[test]
fn ten_thousand_columns_are_read() {
    let names: Vec<String> = (0..10_000).map(|i| format!("c{i}")).collect();
    let mut text = names.join(",") + "\n";
    for row in 0..60 {
        text += &(0..10_000).map(|i| (row + i).to_string()).collect::<Vec<_>>().join(",");
        text.push('\n');
    }
    let dir = folder(&[("t.csv", text.as_bytes())]);
    let found = read(&dir, "t.csv", Some(&["c9999", "c0"])).unwrap();
    let found = shown(&found);
    assert_eq!((found.len(), found[59].as_str()), (60, "10058|59"));
    let all = read(&dir, "t.csv", None).unwrap();
    assert_eq!(all[0].num_columns(), 10_000);
    let columns = names.iter().map(|name| (name.as_str(), ints(0..3))).collect();
    let dir = folder(&[("t.parquet", &parquet_bytes(columns))]);
    assert_eq!(shown(&read(&dir, "t.parquet", Some(&["c9999"])).unwrap()), ["0", "1", "2"]);
    assert_eq!(read(&dir, "t.parquet", None).unwrap()[0].num_columns(), 10_000);
}

const LATE: usize = 50_000;

/// A file of several blocks, the last line of which belies what all others say of `x`.
fn late(last: &str) -> Vec<u8> {
    let mut text = String::from("id,x,note\n");
    let long = "x".repeat(120);
    text.extend((0..LATE).map(|i| format!("{i},{},\"note, {i} {long}\"\n", i % 7)));
    text += last;
    text.into_bytes()
}

#[test]
fn a_guess_that_is_belied_is_made_good_by_a_second_scan() {
    let dir = folder(&[("t.csv", &late("50000,2.5,\n")), ("good.csv", &late("50000,2,\n"))]);
    let guess = Table::guess(dir.path(), "t.csv", Options::default()).unwrap();
    assert_eq!(guess.schema().field(1).data_type(), &DataType::Int64);
    let columns = ["x".to_string()];
    let mut scans = 0;
    let sum = scan_exact(&guess, |table| {
        scans += 1;
        let mut sum = 0.0;
        for batch in table.batches(Some(&columns))? {
            let column = crate::data::values::cast(batch?.column(0), &DataType::Float64).unwrap();
            sum += column.as_primitive::<arrow::datatypes::Float64Type>().iter().flatten().sum::<f64>();
        }
        Ok::<f64, Fault>(sum)
    });
    let expected: i64 = (0..LATE as i64).map(|i| i % 7).sum();
    assert_eq!((sum.unwrap().unwrap(), scans), (expected as f64 + 2.5, 2));
    let fault = guess.batches(Some(&columns)).unwrap().find_map(Result::err).unwrap();
    assert_eq!(fault.why, "line 50002, column x: a value is no int, as those before it are");
    // What is not read cannot belie the guess, and what fits does not.
    let good = Table::guess(dir.path(), "good.csv", Options::default()).unwrap();
    assert_eq!(good.batches(None).unwrap().map(|batch| batch.unwrap().num_rows()).sum::<usize>(), LATE + 1);
    assert!(!good.belied());
    assert_eq!(good.schema(), Table::open(dir.path(), "good.csv", None).unwrap().schema());
}

#[test]
fn pieces_are_the_rows_of_the_batches_in_their_order() {
    let text = late("50000,2.5,\n");
    let packed = zstd::encode_all(&text[..], 1).unwrap();
    let dir =
        folder(&[("1.csv", &text), ("2.csv.gz", &gzip(&text)), ("3.csv.zst", &packed), ("4.csv", b"id,x,note\n")]);
    let table = Table::open(dir.path(), "*.csv*", None).unwrap();
    let columns = [("id".to_string(), Reading::Typed), ("x".to_string(), Reading::Text)];
    let mut ids = Vec::new();
    let mut files = Vec::new();
    for (index, piece) in Pieces::of(&table, &columns).unwrap().enumerate() {
        let piece = piece.unwrap();
        assert_eq!(piece.index, index);
        files.push(piece.file.to_string());
        for batch in piece {
            ids.extend(batch.unwrap().column(0).as_primitive::<Int64Type>().values().iter().copied());
        }
    }
    let expected: Vec<i64> = (0..3).flat_map(|_| 0..=LATE as i64).collect();
    assert!(ids == expected, "{} ids", ids.len());
    assert!(files.iter().filter(|file| *file == "1.csv").count() > 1, "{files:?}");
    files.dedup();
    assert_eq!(files, ["1.csv", "2.csv.gz", "3.csv.zst", "4.csv"]);
    let torn = why(&[("t.csv.zst", &packed[..packed.len() / 2])], "t.csv.zst");
    assert!(torn.contains("after line"), "{torn}");
}

#[test]
fn parquet_is_cut_into_pieces_and_text_comes_as_it_lies_there() {
    use ::parquet::file::properties::WriterProperties;
    let few: ArrayRef = Arc::new(StringArray::from_iter((0..700_000).map(|i| Some(["JP", "US", "DE"][i % 3]))));
    let many: ArrayRef = Arc::new(StringArray::from_iter_values((0..700_000).map(|i| format!("user number {i}"))));
    let batch = RecordBatch::try_from_iter([("few", few), ("many", many), ("n", ints(0..700_000))]).unwrap();
    let write = |group: usize| {
        let properties = WriterProperties::builder().set_max_row_group_row_count(Some(group)).build();
        let mut writer = ::parquet::arrow::ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
        for _ in 0..2 {
            writer.write(&batch).unwrap();
        }
        writer.into_inner().unwrap()
    };
    let dir = folder(&[("small.parquet", &write(20_000)), ("large.parquet", &write(1_400_000))]);
    let columns = ["n", "few", "many"].map(|name| (name.to_string(), Reading::Typed));
    for file in ["small.parquet", "large.parquet"] {
        let table = Table::open(dir.path(), file, None).unwrap();
        let (mut pieces, mut row) = (0, 0);
        for piece in Pieces::of(&table, &columns).unwrap() {
            pieces += 1;
            for batch in piece.unwrap() {
                let batch = batch.unwrap();
                let numbers = batch.column(0).as_primitive::<Int64Type>();
                let few = arrow::compute::cast(batch.column(1), &DataType::Utf8).unwrap();
                let many = arrow::compute::cast(batch.column(2), &DataType::Utf8).unwrap();
                assert!(matches!(batch.column(1).data_type(), DataType::Dictionary(..)));
                for at in 0..batch.num_rows() {
                    let expected = row % 700_000;
                    assert_eq!(numbers.value(at), expected as i64);
                    assert_eq!(few.as_string::<i32>().value(at), ["JP", "US", "DE"][expected % 3]);
                    assert!(many.as_string::<i32>().value(at)[12..].parse() == Ok(expected));
                    row += 1;
                }
            }
        }
        assert_eq!(row, 1_400_000);
        assert!((3..=12).contains(&pieces), "{file}: {pieces} pieces");
        let plain = table.batches(Some(&["few".to_string()])).unwrap().next().unwrap().unwrap();
        assert_eq!(plain.column(0).data_type(), &DataType::Utf8);
    }
}

#[test]
fn ndjson_keys_are_columns() {
    let text = br#"{"id":1,"user":{"name":"a","tags":["x","y"]},"when":"2024-01-01T00:00:00Z","n":1}
{"n":2.5,"id":2,"late":true,"user":{"name":null}}

{"id":"three","user":{"name":"\u00e9 \"q\""},"when":null}
"#;
    let dir = folder(&[("t.jsonl", text), ("t.ndjson.gz", &gzip(text))]);
    let table = Table::open(dir.path(), "t.jsonl", None).unwrap();
    let zoned = DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, Some("UTC".into()));
    let expected = [
        ("id", DataType::Utf8),
        ("user.name", DataType::Utf8),
        ("user.tags", DataType::Utf8),
        ("when", zoned),
        ("n", DataType::Float64),
        ("late", DataType::Boolean),
    ];
    assert_eq!(types(&table), expected.map(|(name, data_type)| (name.to_string(), data_type)));
    assert_eq!(table.remark("id"), Some("\"three\" at t.jsonl line 4"));
    let rows = shown(&read(&dir, "t.jsonl", Some(&["n", "user.name", "id", "user.tags", "late"])).unwrap());
    assert_eq!(rows, ["1.0|a|1|[\"x\",\"y\"]|-", "2.5|-|2|-|true", "-|é \"q\"|three|-|-"]);
    assert_eq!(rows, shown(&read(&dir, "t.ndjson.gz", Some(&["n", "user.name", "id", "user.tags", "late"])).unwrap()));
    let one = |text: &[u8]| why(&[("t.ndjson", text)], "t.ndjson");
    assert_eq!(one(b"{\"a\":1}\n\n[2]\n"), "line 3: an array, where an object is expected");
    assert_eq!(one(b"{\"a\":1}\n{\"a\":1,\"a\":2}\n"), "line 2: key \"a\" is there twice");
    assert_eq!(one(b"{\"a\":1}\n{\"a\":\n"), "line 2: it ends where a value is expected");
    assert_eq!(one(b"{\"a\":\"caf\xe9\"}\n"), "line 1: not UTF-8");
    assert_eq!(one(b"\n"), "it has no objects with keys");
}

#[test]
fn a_guess_of_ndjson_is_belied_by_types_and_by_keys() {
    for last in ["{\"a\":\"x\"}", "{\"b\":1}", "{\"a\":2.5}"] {
        let long = "x".repeat(180);
        let mut text: String = (0..30_000).map(|i| format!("{{\"a\":{i},\"pad\":\"{long}\"}}\n")).collect();
        text += last;
        let dir = folder(&[("t.ndjson", text.as_bytes())]);
        let table = Table::guess(dir.path(), "t.ndjson", Options::default()).unwrap();
        let columns = ["a".to_string()];
        let count = |table: &Table| -> Result<usize, Fault> {
            table.batches(Some(&columns))?.map(|batch| Ok(batch?.num_rows())).sum()
        };
        assert!(count(&table).unwrap_err().why.starts_with("line 30001: column "), "{last}");
        assert_eq!(scan_exact(&table, count).unwrap().unwrap(), 30_001);
    }
}

#[test]
fn arrow_files_and_streams_are_read() {
    use arrow::ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
    let few: arrow::array::DictionaryArray<arrow::datatypes::Int32Type> = vec!["a", "b", "a"].into_iter().collect();
    let views: ArrayRef = Arc::new(arrow::array::StringViewArray::from(vec!["x", "y", "z"]));
    let columns = [("few", Arc::new(few) as ArrayRef), ("n", ints(0..3)), ("view", views)];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let zstd = arrow::ipc::CompressionType::ZSTD;
    let options = || IpcWriteOptions::default().try_with_compression(Some(zstd)).unwrap();
    let mut file = FileWriter::try_new_with_options(Vec::new(), &batch.schema(), options()).unwrap();
    let mut stream = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    for _ in 0..2 {
        file.write(&batch).unwrap();
        stream.write(&batch).unwrap();
    }
    let (file, stream) = (file.into_inner().unwrap(), stream.into_inner().unwrap());
    let dir = folder(&[("t.feather", &file), ("t.arrows", &stream)]);
    for name in ["t.feather", "t.arrows"] {
        let rows = shown(&read(&dir, name, Some(&["view", "n", "few"])).unwrap());
        assert_eq!(rows, ["x|0|a", "y|1|b", "z|2|a", "x|0|a", "y|1|b", "z|2|a"]);
        let table = Table::open(dir.path(), name, None).unwrap();
        assert_eq!(table.schema().field(0).data_type(), &DataType::Utf8);
        let coded = Pieces::of(&table, &[("few".to_string(), Reading::Typed)]).unwrap().next().unwrap().unwrap();
        assert!(matches!(coded.into_iter().next().unwrap().unwrap().column(0).data_type(), DataType::Dictionary(..)));
        let counted = read(&dir, name, Some(&[])).unwrap();
        assert_eq!(counted.iter().map(RecordBatch::num_rows).sum::<usize>(), 6);
    }
    for length in [0, 3, 6, 20, file.len() / 2, file.len() - 1] {
        why(&[("t.arrow", &file[..length])], "t.arrow");
    }
    for at in (0..file.len()).step_by(5) {
        let mut damaged = file.clone();
        damaged[at] ^= 0x5a;
        let _ = read(&folder(&[("t.arrow", &damaged)]), "t.arrow", None);
    }
}

#[test]
fn folders_with_keys_are_columns() {
    let dir = tempfile::tempdir().unwrap();
    for (folder, text) in
        [("year=2023/city=Tokyo", "a\n1\n2\n"), ("year=2024/city=__HIVE_DEFAULT_PARTITION__", "a\n3\n")]
    {
        fs::create_dir_all(dir.path().join(folder)).unwrap();
        fs::write(dir.path().join(folder).join("t.csv"), text).unwrap();
    }
    let rows = shown(&read(&dir, "year=*/*/*.csv", None).unwrap());
    assert_eq!(rows, ["1|2023|Tokyo", "2|2023|Tokyo", "3|2024|-"]);
    assert_eq!(shown(&read(&dir, "**/*.csv", Some(&["city", "a"])).unwrap()), ["Tokyo|1", "Tokyo|2", "-|3"]);
    assert_eq!(shown(&read(&dir, "**/*.csv", Some(&["year"])).unwrap()), ["2023", "2023", "2024"]);
    fs::write(dir.path().join("year=2023/city=Tokyo/t.csv"), "a,year\n1,2\n").unwrap();
    fs::write(dir.path().join("year=2024/city=__HIVE_DEFAULT_PARTITION__/t.csv"), "a,year\n1,2\n").unwrap();
    let fault = read(&dir, "**/*.csv", None).unwrap_err();
    assert_eq!(fault.why, "column \"year\" is in the file, and its folder is named year=… too");
}

#[test]
fn fields_of_structs_are_columns() {
    use arrow::array::{ListArray, StructArray};
    use arrow::datatypes::{Field, Fields};
    let list = ListArray::from_iter_primitive::<Int64Type, _, _>([Some(vec![Some(1)]), None, Some(vec![])]);
    let fields = Fields::from(vec![
        Field::new("city", DataType::Utf8, true),
        Field::new("codes", list.data_type().clone(), true),
    ]);
    let city: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), Some("b"), None]));
    let nulls = arrow::buffer::NullBuffer::from(vec![true, false, true]);
    let address: ArrayRef = Arc::new(StructArray::new(fields, vec![city, Arc::new(list)], Some(nulls)));
    let dir = folder(&[("t.parquet", &parquet_bytes(vec![("address", address), ("n", ints(0..3))]))]);
    let table = Table::open(dir.path(), "t.parquet", None).unwrap();
    let names: Vec<String> = types(&table).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["address.city", "address.codes", "n"]);
    assert_eq!(shown(&read(&dir, "t.parquet", Some(&["n", "address.city"])).unwrap()), ["0|a", "1|-", "2|-"]);
    assert_eq!(shown(&read(&dir, "t.parquet", Some(&["address.codes"])).unwrap()), ["[1]", "-", "[]"]);
}
