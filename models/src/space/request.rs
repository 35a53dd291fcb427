//! Placeholder until the exact sets of requests are merged.

/// A set of HTTP requests.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestSet(bool);

impl RequestSet {
    /// No request.
    pub fn none() -> Self {
        Self(false)
    }
    /// Every request.
    pub fn all() -> Self {
        Self(true)
    }
    /// Whether there is none in it.
    pub fn is_empty(&self) -> bool {
        !self.0
    }
    /// Whether all are in it.
    pub fn is_all(&self) -> bool {
        self.0
    }
    /// In either.
    pub fn union(&self, other: &Self) -> Self {
        Self(self.0 || other.0)
    }
    /// In both.
    pub fn intersection(&self, other: &Self) -> Self {
        Self(self.0 && other.0)
    }
    /// In this and not in the other.
    pub fn difference(&self, other: &Self) -> Self {
        Self(self.0 && !other.0)
    }
    /// Whether all of this is in the other.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.difference(other).is_empty()
    }
}

impl std::fmt::Display for RequestSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0 { "all requests" } else { "no requests" })
    }
}

impl serde::Serialize for RequestSet {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
