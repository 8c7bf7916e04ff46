//! Scalars that several fields share. Where Kustomize puts a new label or annotation into several places of an object,
//! it is one node of the tree, and whoever changes it later in one place changes it in all. What it prints depends on
//! that, so the renderer follows it.

use super::resource::Resource;
use super::value::Value;

/// One step on the way to a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step<'p> {
    Name(&'p str),
    Index(usize),
}

/// The way to a field.
type Place = Vec<Owned>;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Owned {
    Name(String),
    Index(usize),
}

/// Groups of places that share one scalar.
#[derive(Clone, Debug, Default)]
pub(crate) struct Aliases(Vec<Vec<Place>>);

impl Aliases {
    /// Remembers that a field `name` was made in each of these mappings at once.
    pub(crate) fn share(&mut self, mappings: &[Vec<Step<'_>>], name: &str) {
        if mappings.len() > 1 {
            let place = |steps: &Vec<Step<'_>>| -> Place {
                let own = |step: &Step<'_>| match step {
                    Step::Name(name) => Owned::Name((*name).to_owned()),
                    Step::Index(at) => Owned::Index(*at),
                };
                steps.iter().map(own).chain([Owned::Name(name.to_owned())]).collect()
            };
            let mut group: Vec<Place> = mappings.iter().map(place).collect();
            group.sort();
            group.dedup();
            self.0.push(group);
        }
    }

    pub(crate) fn forget(&mut self) {
        self.0.clear();
    }

    /// The annotations of the object were made anew.
    pub(crate) fn forget_annotations(&mut self) {
        let of_object = |place: &Place| matches!(&place[..], [Owned::Name(a), Owned::Name(b), ..] if a == "metadata" && b == "annotations");
        for group in &mut self.0 {
            group.retain(|place| !of_object(place));
        }
    }
}

impl Resource {
    /// Changes the object; what changed in one place of a shared scalar then changes in the others.
    pub(crate) fn change<T>(&mut self, change: impl FnOnce(&mut Self) -> T) -> T {
        if self.aliases.0.is_empty() {
            return change(self);
        }
        let mut groups = std::mem::take(&mut self.aliases).0;
        let before: Vec<Vec<Option<Value>>> =
            groups.iter().map(|group| group.iter().map(|place| find(&self.value, place).cloned()).collect()).collect();
        let result = change(self);
        for (group, before) in groups.iter_mut().zip(before) {
            // The last one that was set, in the order in which fields are visited, is what all have.
            let set = group.iter().zip(&before).rev().find_map(|(place, before)| {
                let now = find(&self.value, place).filter(|now| now.is_scalar())?;
                before.as_ref().is_some_and(|before| before != now).then(|| now.clone())
            });
            group.retain(|place| find(&self.value, place).is_some_and(Value::is_scalar));
            if let Some(value) = set {
                for place in group.iter() {
                    if let Some(node) = find_mut(&mut self.value, place) {
                        *node = value.clone();
                    }
                }
            }
        }
        groups.retain(|group| group.len() > 1);
        groups.append(&mut self.aliases.0);
        self.aliases.0 = groups;
        result
    }
}

fn find<'v>(object: &'v Value, place: &Place) -> Option<&'v Value> {
    place.iter().try_fold(object, |node, step| match (node, step) {
        (Value::Map(map), Owned::Name(name)) => map.get(name),
        (Value::List(list), Owned::Index(at)) => list.get(*at),
        _ => None,
    })
}

fn find_mut<'v>(object: &'v mut Value, place: &Place) -> Option<&'v mut Value> {
    place.iter().try_fold(object, |node, step| match (node, step) {
        (Value::Map(map), Owned::Name(name)) => map.get_mut(name),
        (Value::List(list), Owned::Index(at)) => list.get_mut(*at),
        _ => None,
    })
}
