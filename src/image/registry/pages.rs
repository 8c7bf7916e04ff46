//! Lists that come in pages: each names the next one in its `Link` header. A list is whole or a fault: what is missing at
//! its end may be what was looked for.

use super::Repository;
use super::manifest::header;
use crate::model::Fault;
use oci_client::RegistryOperation;
use reqwest::header::{ACCEPT, LINK};
use reqwest::{Method, StatusCode, Url};

/// A list of a registry.
pub(super) struct List<'a> {
    /// What is attempted, for faults.
    pub(super) what: &'a str,
    /// Of the first page.
    pub(super) url: &'a str,
    pub(super) accept: &'a str,
    /// Answers to the first page that say that there is no such list.
    pub(super) absent: &'a [StatusCode],
    /// Longer than that it is no list that anybody reads.
    pub(super) most_pages: usize,
}

impl Repository {
    /// The entries of all pages, each page read by `read`; none when the registry has no such list.
    ///
    /// # Errors
    /// The registry cannot be asked, or refuses, or what it sends cannot be read or has too many pages.
    pub(super) async fn pages<T>(
        &self,
        list: List<'_>,
        read: impl Fn(&[u8]) -> Result<Vec<T>, Fault>,
    ) -> Result<Vec<T>, Fault> {
        let what = list.what;
        let mut entries = Vec::new();
        let mut url = Url::parse(list.url).map_err(|e| Fault::new(what, format!("{}: {e}", list.url), ""))?;
        for page in 1..=list.most_pages {
            let target = (Method::GET, url.as_str());
            let response = self.send(what, RegistryOperation::Pull, target, |r| r.header(ACCEPT, list.accept)).await?;
            match response.status() {
                StatusCode::OK => {}
                status if page == 1 && list.absent.contains(&status) => return Ok(entries),
                _ => return Err(self.refused(what, response).await),
            }
            let next = header(&response, LINK.as_str()).and_then(|link| next_page(&url, &link));
            entries.extend(read(&self.small_body(what, response).await?)?);
            match next {
                Some(next) => url = next,
                None => return Ok(entries),
            }
        }
        let why = format!("it has more than {} pages, {} entries until there", list.most_pages, entries.len());
        Err(Fault::new(what, why, "remove old ones"))
    }
}

/// The address of `Link: </v2/…>; rel="next"`.
fn next_page(current: &Url, link: &str) -> Option<Url> {
    let (address, rest) = link.trim_start().strip_prefix('<')?.split_once('>')?;
    if !rest.replace(['"', ' '], "").contains("rel=next") {
        return None;
    }
    current.join(address).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_read_from_the_link_header() {
        let here = Url::parse("https://r.example/v2/a/referrers/d").unwrap();
        let next = next_page(&here, "</v2/a/referrers/d?n=2>; rel=\"next\"").unwrap();
        assert_eq!(next.as_str(), "https://r.example/v2/a/referrers/d?n=2");
        assert_eq!(next_page(&here, "</x>; rel=\"prev\""), None);
        assert_eq!(next_page(&here, "nonsense"), None);
    }
}
