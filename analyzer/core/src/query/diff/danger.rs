//! Which opened flows people should look at first.

use std::collections::BTreeSet;

use super::filter::{is_data_store, is_internet};
use super::{Bundle, End, Flowing, Side};

/// What makes a flow worth a second look, the most dangerous first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Danger {
    /// It comes from addresses of the internet.
    FromInternet,
    /// It goes to pods that keep data, by the ports that they declare.
    ToDataStore,
    /// It goes to addresses of the internet.
    ToInternet,
    /// It goes from one namespace to another.
    AcrossNamespaces,
    /// Nothing in particular.
    Other,
}

impl Danger {
    /// For people; nothing where there is nothing in particular.
    pub const fn text(self) -> &'static str {
        match self {
            Self::FromInternet => "from the internet",
            Self::ToDataStore => "to a data store",
            Self::ToInternet => "to the internet",
            Self::AcrossNamespaces => "across namespaces",
            Self::Other => "",
        }
    }

    /// The worst of a bundle's flows.
    pub(super) fn of(bundle: &Bundle, flowing: &Flowing, base: &Side<'_>, head: &Side<'_>) -> Self {
        let ends = |numbers: &'_ [usize]| -> Vec<&End> {
            numbers.iter().filter_map(|number| flowing.ends.get(*number)).collect()
        };
        let (src, dst) = (ends(&bundle.src), ends(&bundle.dst));
        let namespaces = |ends: &[&End]| -> BTreeSet<String> {
            ends.iter().filter_map(|end| end.party.namespace()).map(str::to_owned).collect()
        };
        let (from, to) = (namespaces(&src), namespaces(&dst));
        if src.iter().any(|end| is_internet(end)) {
            Self::FromInternet
        } else if dst.iter().any(|end| is_data_store(end, base, head)) {
            Self::ToDataStore
        } else if dst.iter().any(|end| is_internet(end)) {
            Self::ToInternet
        } else if from.iter().any(|one| to.iter().any(|other| one != other)) {
            Self::AcrossNamespaces
        } else {
            Self::Other
        }
    }
}
