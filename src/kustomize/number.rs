//! Go's number formats, which decide how floats look in YAML and JSON.

/// `d.ddd` digits and the power of ten of the first digit, shortest that reads back the same.
fn shortest(f: f64) -> (bool, String, i32) {
    let text = format!("{:e}", f.abs());
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    (f.is_sign_negative(), digits.to_owned(), exponent.parse().unwrap_or(0))
}

fn exponent_form(f: f64, pad: bool) -> String {
    let (negative, digits, exponent) = shortest(f);
    let sign = if negative { "-" } else { "" };
    let width = if pad { 2 } else { 1 };
    let plus = if exponent < 0 { '-' } else { '+' };
    format!("{sign}{digits}e{plus}{:0width$}", exponent.abs())
}

/// Go's `%g` with the shortest precision: exponents below -4 and from 6 on are written out.
pub(crate) fn yaml_float(f: f64) -> String {
    let (_, _, exponent) = shortest(f);
    if (-4..6).contains(&exponent) { f.to_string() } else { exponent_form(f, true) }
}

/// Go's JSON: plain digits between 1e-6 and 1e21, an exponent without leading zeros beyond.
pub(crate) fn json_float(f: f64) -> String {
    let size = f.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        // Only negative exponents lose their leading zero.
        exponent_form(f, f.abs() >= 1.0)
    } else {
        f.to_string()
    }
}
