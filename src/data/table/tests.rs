//! Tables as they are met: well formed, odd and broken.

use super::*;
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
