//! What is known of a statement: Kleene's three values.

use std::ops::Not;

/// Whether something is so, as far as the manifests tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Truth {
    /// It is not so, in every cluster that the manifests allow for.
    No,
    /// It depends on something that no manifest shows.
    Maybe,
    /// It is so, in every such cluster.
    Yes,
}

impl Truth {
    /// Both hold.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.min(other)
    }

    /// One of the two holds.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        self.max(other)
    }

    /// All hold; `Yes` where there are none.
    pub fn all(truths: impl IntoIterator<Item = Self>) -> Self {
        let mut all = Self::Yes;
        for truth in truths {
            all = all.and(truth);
            if all == Self::No {
                break;
            }
        }
        all
    }

    /// One holds; `No` where there are none.
    pub fn any(truths: impl IntoIterator<Item = Self>) -> Self {
        let mut any = Self::No;
        for truth in truths {
            any = any.or(truth);
            if any == Self::Yes {
                break;
            }
        }
        any
    }

    /// It is so whatever the manifests do not show.
    pub fn certain(self) -> bool {
        self == Self::Yes
    }

    /// It can be so.
    pub fn possible(self) -> bool {
        self != Self::No
    }
}

impl Not for Truth {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Maybe => Self::Maybe,
            Self::Yes => Self::No,
        }
    }
}

impl From<bool> for Truth {
    fn from(so: bool) -> Self {
        if so { Self::Yes } else { Self::No }
    }
}

#[cfg(test)]
mod tests {
    use super::Truth::{self, Maybe, No, Yes};

    #[test]
    fn what_is_not_known_counts_only_where_it_decides() {
        assert_eq!(No.and(Maybe), No);
        assert_eq!(Yes.and(Maybe), Maybe);
        assert_eq!(Yes.or(Maybe), Yes);
        assert_eq!(No.or(Maybe), Maybe);
        assert_eq!(!Maybe, Maybe);
        assert_eq!(Truth::all([]), Yes);
        assert_eq!(Truth::any([]), No);
        assert_eq!(Truth::all([Yes, Maybe, No]), No);
        assert_eq!(Truth::any([No, Maybe, Yes]), Yes);
    }
}
