//! Records against a slow and obvious reader.

use super::*;

fn split(dialect: &CsvDialect, text: &str, columns: usize, most: usize) -> Result<Vec<Vec<String>>, Broken> {
    let splitter = Splitter::new(dialect);
    let (text, mut at, mut grid, mut records) = (text.as_bytes(), 0, Grid::default(), Vec::new());
    let survey = splitter.survey(text);
    while at < text.len() {
        at = splitter.read(text, at, columns, most, survey, &mut grid)?;
        for row in 0..grid.rows {
            let field = |column| String::from_utf8(grid.field(text, row, column).to_vec()).unwrap();
            records.push((0..columns).map(field).collect());
        }
    }
    Ok(records)
}

/// One byte after the other, as RFC 4180 is written.
fn slow(dialect: &CsvDialect, text: &str) -> Vec<Vec<String>> {
    let (mut records, mut record, mut field) = (Vec::new(), Vec::new(), String::new());
    let mut bytes = text.chars().peekable();
    let (mut quoted, mut fresh, mut blank) = (false, true, true);
    while let Some(c) = bytes.next() {
        let is = |byte: Option<u8>| byte.map(char::from) == Some(c);
        if quoted {
            match is(dialect.quote) {
                true if bytes.peek() == Some(&c) => {
                    field.push(c);
                    bytes.next();
                }
                true => quoted = false,
                false => field.push(c),
            }
        } else if fresh && is(dialect.quote) {
            (quoted, fresh, blank) = (true, false, false);
        } else if blank && is(dialect.comment) {
            while bytes.peek().is_some_and(|c| *c != '\n') {
                bytes.next();
            }
        } else if c == '\n' || c == '\r' {
            if !blank {
                record.push(std::mem::take(&mut field));
                records.push(std::mem::take(&mut record));
            }
            (fresh, blank) = (true, true);
        } else if is(Some(dialect.delimiter)) {
            record.push(std::mem::take(&mut field));
            (fresh, blank) = (true, false);
        } else {
            field.push(c);
            (fresh, blank) = (false, false);
        }
    }
    records
}

#[test]
fn records_are_those_of_a_slow_reader_however_they_are_cut() {
    let mut random = 7_u64;
    let mut next = |below: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize % below
    };
    let dialects = [
        CsvDialect::default(),
        CsvDialect { delimiter: b'\t', quote: None, ..CsvDialect::default() },
        CsvDialect { delimiter: b';', quote: Some(b'\''), comment: Some(b'#'), ..CsvDialect::default() },
    ];
    for round in 0..200 {
        let dialect = &dialects[next(3)];
        let (columns, rows) = (1 + next(5), next(30));
        let delimiter = char::from(dialect.delimiter);
        let mut text = String::new();
        for _ in 0..rows {
            if next(12) == 0 {
                text += ["\n", "\r\n", "\r"][next(3)];
            }
            if dialect.comment.is_some() && next(9) == 0 {
                text += ["# 'note\n", "#\n"][next(2)];
            }
            for column in 0..columns {
                let long = "é".repeat(next(9));
                let plain = ["", "1", "a b", "it\"s", "x'y", long.as_str()][next(6)];
                match dialect.quote.map(char::from) {
                    Some(q) if next(3) == 0 || columns == 1 => {
                        let plain = plain.replace(q, &format!("{q}{q}"));
                        let inner = [plain.as_str(), "\n", "a\r\nb", ",;\t#"][next(4)];
                        text += &format!("{q}{inner}{q}{q}{q}");
                    }
                    _ => text += plain,
                }
                if column + 1 < columns {
                    text.push(delimiter);
                } else if columns == 1 {
                    text.push('z');
                    // What follows on a quote is an error, so that only unquoted fields are made longer.
                    if text.ends_with("\"z") || text.ends_with("'z") {
                        text.pop();
                    }
                }
            }
            text += ["\n", "\r\n"][next(2)];
        }
        let expected = slow(dialect, &text);
        let found = split(dialect, &text, columns, 1 + next(40)).unwrap_or_else(|e| panic!("{e:?} {text:?}"));
        assert_eq!(found, expected, "{round} {dialect:?} {text:?}");
        // Wherever the text is cut, the last end is one of a record: what lies before and after reads the same.
        for cut in (0..text.len()).filter(|cut| text.is_char_boundary(*cut)).step_by(3) {
            let Some(end) = Splitter::new(dialect).last_end(&text.as_bytes()[..cut]) else { continue };
            let mut parts = split(dialect, &text[..end], columns, 7).unwrap_or_else(|e| panic!("{e:?} {text:?} {end}"));
            parts.extend(split(dialect, &text[end..], columns, 7).unwrap());
            assert_eq!(parts, expected, "cut at {cut}: {end} of {text:?}");
        }
    }
}

#[test]
fn what_is_no_record_is_said_to_be_none() {
    let csv = CsvDialect::default();
    let wrong = |text: &str| split(&csv, text, 2, 8).unwrap_err();
    assert_eq!(wrong("1,2\n1,2,3\n"), Broken { at: 4, wrong: Wrong::Fields(3) });
    assert_eq!(wrong("1,2\n1\n1,2,3\n"), Broken { at: 4, wrong: Wrong::Fields(1) });
    assert_eq!(wrong("1,2\n\n3,\"4\n"), Broken { at: 5, wrong: Wrong::Open });
    assert_eq!(wrong("\"1\"a,2\n"), Broken { at: 0, wrong: Wrong::AfterQuote });
    assert_eq!(split(&csv, "5\" pipe,2\n", 2, 8).unwrap(), [["5\" pipe", "2"]]);
}
