//! How an address of data on another machine is told.

/// An address without what may be secret in it: user and password, and the query, which is mostly a signature. What is no
/// address stays as it is.
pub fn shown_address(source: &str) -> String {
    let Some((scheme, rest)) = source.split_once("://") else { return source.to_string() };
    let is_web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    let rest = without_query(rest, is_web);
    let (place, path) = rest.split_once('/').unwrap_or((rest, ""));
    let has_port = || place.split_once(':').is_none_or(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    let (place, path) = match place.rsplit_once('@') {
        // `abfss://BOX@STORE` has no password before its `@`.
        Some((user, host)) if is_web || user.contains(':') => (host, path),
        Some(_) => (place, path),
        None if has_port() || place.starts_with('[') => (place, path),
        // A password with a slash in it.
        None => match rest.rsplit_once('@') {
            Some((_, rest)) => rest.split_once('/').unwrap_or((rest, "")),
            None => (place.split(':').next().unwrap_or_default(), path),
        },
    };
    format!("{scheme}://{place}/{path}")
}

/// In the key of a store `?` is part of a glob, unless it reads as the beginning of a query.
fn without_query(rest: &str, is_web: bool) -> &str {
    let is_query = |text: &str| text.split('/').next().is_some_and(|first| first.contains('='));
    let end = match is_web {
        true => rest.find(['?', '#']),
        false => rest.match_indices('?').map(|(at, _)| at).find(|at| is_query(&rest[at + 1..])),
    };
    end.map_or(rest, |end| &rest[..end])
}

#[cfg(test)]
mod tests {
    use super::shown_address;

    #[test]
    fn what_may_be_secret_is_left_out() {
        for (address, shown) in [
            ("https://ann:hunter22@example.com:8443/a/b.csv?sig=abc#d", "https://example.com:8443/a/b.csv"),
            ("HTTPS://ann:hunter22@example.com/d", "HTTPS://example.com/d"),
            ("https://token@example.com/d", "https://example.com/d"),
            ("https://ann:hun/ter22@example.com/d", "https://example.com/d"),
            ("https://ann:hun?ter22@example.com/d", "https://ann/"),
            ("s3://KEY:SECRET@bucket/a.csv", "s3://bucket/a.csv"),
            ("s3://KEY:SEC/RET@bucket/a.csv", "s3://bucket/a.csv"),
            ("az://box/a.csv?sv=2024&sig=abc", "az://box/a.csv"),
            ("ssh://ann:hunter22@host/a.csv", "ssh://host/a.csv"),
        ] {
            assert_eq!(shown_address(address), shown, "{address}");
        }
    }

    #[test]
    fn what_is_not_secret_stays() {
        for address in [
            "abfss://box@store.dfs.core.windows.net/a/b.csv",
            "s3://bucket/live/dt=?/a b?.parquet",
            "s3://bucket/a#b.csv",
            "http://[::1]:8080/a.csv",
            "http://localhost:8080/~ann@home/a.csv",
            "data/a?.csv",
        ] {
            assert_eq!(shown_address(address), address);
        }
    }
}
