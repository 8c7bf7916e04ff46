//! Files on other machines: one, or those of a bucket that a glob names.

use super::address::Address;
use super::sources::Sources;
use super::spool::{Next, Object, Trouble};
use super::store::{Bucket, Listed, Place};
use super::{DataFile, Watch};
use crate::data::workers::lock;
use crate::files::leaves_out;
use crate::model::{Fault, shown_address};
use globset::GlobBuilder;
use std::fs::File;
use std::sync::Arc;

/// The files of an address, in the order of their keys.
pub(super) fn find(source: &str, watch: &Arc<Watch>) -> Result<Vec<DataFile>, Fault> {
    let address = Address::parse(source)?;
    let bucket = Bucket::of(&address, watch.sources())?;
    find_in(&bucket, &address, watch, |key| address.name_of(key))
}

/// As [`find`], in a bucket that is open already, with files named by `name`.
pub(super) fn find_in(
    bucket: &Arc<Bucket>,
    address: &Address,
    watch: &Arc<Watch>,
    name: impl Fn(&str) -> String,
) -> Result<Vec<DataFile>, Fault> {
    let sources = watch.sources();
    let object = |key: &str| {
        let whole = address.url.as_ref().map_or_else(|| name(key), |url| url.to_string());
        object(sources, &whole, &name(key), Place::of(bucket, address, key))
    };
    if !address.is_glob() {
        return Ok(vec![DataFile::away(&object(&address.key)?, watch)]);
    }
    let listed = list(bucket, address, watch)?;
    let objects: Vec<Arc<Object>> = listed.iter().map(|file| object(&file.key)).collect::<Result<_, _>>()?;
    for pair in objects.windows(2) {
        if let [one, next] = pair {
            one.followed_by(next);
        }
    }
    Ok(objects.iter().map(|object| DataFile::away(object, watch)).collect())
}

fn list(bucket: &Arc<Bucket>, address: &Address, watch: &Arc<Watch>) -> Result<Vec<Listed>, Fault> {
    let what = format!("list {}", address.name_of(&address.key));
    let glob = GlobBuilder::new(&address.key)
        .literal_separator(true)
        .build()
        .map_err(|e| Fault::new(&what, e.kind(), "a glob knows * ? ** [ab] {a,b}"))?
        .compile_matcher();
    let (asked, fixed, said) = (bucket.clone(), address.fixed(), what.clone());
    let listed = watch.sources().wait(watch, &what, async move {
        let mut attempts = 0;
        loop {
            attempts += 1;
            match asked.list(&fixed).await {
                Err(trouble) if trouble.next == Next::Resume && attempts < 3 => {}
                Err(Trouble { why, hint, .. }) => return Err(Fault::new(said, why, hint)),
                Ok(listed) => return Ok(listed),
            }
        }
    })?;
    let all = listed.len();
    let found: Vec<Listed> =
        listed.into_iter().filter(|file| glob.is_match(&file.key) && !leaves_out(&address.key, &file.key)).collect();
    if found.is_empty() {
        let place = address.name_of(&address.fixed());
        let hint =
            format!("of {all} files below {place} none is of this name; `*` does not reach into folders, `**` does");
        return Err(Fault::new(what, "no file matches", hint));
    }
    Ok(found)
}

/// The one object of this address in this run: a file that two data sets name is fetched once.
fn object(sources: &Arc<Sources>, address: &str, name: &str, place: Place) -> Result<Arc<Object>, Fault> {
    let patience = sources.http()?.patience;
    let mut objects = lock(&sources.objects);
    let make = || Arc::new(Object::new(shown_address(name), place, sources.spool(), patience, None));
    Ok(objects.entry(address.to_string()).or_insert_with(make).clone())
}

/// The file on disk, fetched if it is not there. The one after it is then fetched while this one is read.
pub(super) fn open(object: &Arc<Object>, watch: &Watch) -> Result<File, Fault> {
    if object.known().is_some()
        && let Some((file, _)) = object.on_disk()
    {
        return Ok(file);
    }
    let sources = watch.sources();
    let (file, ..) = sources.wait(watch, &format!("read {}", object.name), object.clone().open())?;
    if let Some(next) = object.next_unread() {
        // What goes wrong there is told to the one who opens that file.
        sources.begin(async move { drop(next.open().await) });
    }
    Ok(file)
}
