//! What tells the parts of one workload, or of the nodes, apart, in the fewest words.

use std::collections::{BTreeMap, BTreeSet};

/// A way in which parts can differ, with what each unit has of it.
#[derive(Clone, Debug)]
pub(crate) struct Feature {
    pub(crate) kind: FeatureKind,
    /// Policies speak of it, which makes it the better name.
    pub(crate) mentioned: bool,
    /// Per unit, in the order of the parts; `None` where the unit has nothing of it.
    pub(crate) values: Vec<Option<String>>,
}

/// What a feature is.
#[derive(Clone, Debug)]
pub(crate) enum FeatureKind {
    /// The label with this key.
    Label(String),
    /// The declared port with this name.
    Port(String),
    /// A property that a unit has or has not; the words for both.
    Has(String, String),
}

type Values<'a> = BTreeSet<Option<&'a str>>;

impl Feature {
    /// What the units with some values are, as against those with others.
    fn text(&self, own: &Values<'_>, others: &Values<'_>) -> String {
        let list = |values: &Values<'_>| values.iter().copied().flatten().collect::<Vec<_>>().join(", ");
        let only = match own.iter().collect::<Vec<_>>().as_slice() {
            [only] => Some(**only),
            _ => None,
        };
        match (&self.kind, only) {
            (FeatureKind::Label(key), Some(Some(value))) => format!("{key}={value}"),
            (FeatureKind::Label(key), Some(None)) => format!("!{key}"),
            (FeatureKind::Label(key), None) => label_text(key, own, others),
            (FeatureKind::Port(name), Some(Some(value))) => format!("port {name}={value}"),
            (FeatureKind::Port(name), Some(None)) => format!("no port {name}"),
            (FeatureKind::Port(name), None) if own.contains(&None) => {
                format!("port {name} not {}", list(others))
            }
            (FeatureKind::Port(name), None) => format!("port {name} one of {}", list(own)),
            (FeatureKind::Has(has, _), Some(Some(_))) => has.clone(),
            (FeatureKind::Has(_, lacks), _) => lacks.clone(),
        }
    }

    /// Per part, the text that tells it apart from all others, where this feature alone does.
    fn alone(&self, parts: &[u32], count: usize) -> Vec<Option<String>> {
        let mut owners: BTreeMap<Option<&str>, BTreeSet<u32>> = BTreeMap::new();
        for (value, part) in self.values.iter().zip(parts) {
            owners.entry(value.as_deref()).or_default().insert(*part);
        }
        let mut own: Vec<Values<'_>> = vec![BTreeSet::new(); count];
        let mut shared = vec![false; count];
        for (value, of) in &owners {
            for part in of {
                if let (Some(own), Some(shared)) =
                    (own.get_mut(*part as usize), shared.get_mut(*part as usize))
                {
                    own.insert(*value);
                    *shared |= of.len() > 1;
                }
            }
        }
        own.iter()
            .zip(&shared)
            .map(|(own, shared)| {
                (!shared).then(|| {
                    let others = owners.keys().filter(|value| !own.contains(*value)).copied().collect();
                    self.text(own, &others)
                })
            })
            .collect()
    }
}

/// What labels are as against others, in the notation of `kubectl -l`, where an absent key is in no list.
fn label_text(key: &str, own: &Values<'_>, others: &Values<'_>) -> String {
    let list = |values: &Values<'_>| values.iter().copied().flatten().collect::<Vec<_>>().join(", ");
    let listed = || format!("{key} in ({})", list(own));
    let left_out = || match others.iter().collect::<Vec<_>>().as_slice() {
        [Some(only)] => format!("{key}!={only}"),
        _ => format!("{key} notin ({})", list(others)),
    };
    match (own.contains(&None), others.contains(&None)) {
        (true, _) => left_out(),
        (false, true) => listed(),
        (false, false) => std::cmp::min_by_key(listed(), left_out(), String::len),
    }
}

/// More features than this are not tried in pairs.
const PAIRED: usize = 12;

/// For each part a text that no other part has.
///
/// `parts` gives the part of every unit. One feature that names all parts is better than a different one
/// for each, one is better than two, what policies mention is better than what they do not, and short is
/// better than long. `fallback` names a part, uniquely, where no features do.
pub(crate) fn tell_apart(
    features: &[Feature],
    parts: &[u32],
    count: usize,
    fallback: impl Fn(u32) -> String,
) -> Vec<String> {
    // A text longer than this says less than a name.
    const LONGEST: usize = 80;
    let differing: Vec<&Feature> = features
        .iter()
        .filter(|feature| feature.values.iter().any(|value| Some(value) != feature.values.first()))
        .collect();
    let alone: Vec<(bool, Vec<Option<String>>)> = differing
        .iter()
        .map(|feature| {
            let texts = feature.alone(parts, count).into_iter();
            (!feature.mentioned, texts.map(|text| text.filter(|text| text.len() <= LONGEST)).collect())
        })
        .collect();
    let every = alone
        .iter()
        .filter_map(|(unmentioned, texts)| {
            let texts: Vec<String> = texts.iter().cloned().collect::<Option<_>>()?;
            let length: usize = texts.iter().map(String::len).sum();
            Some((*unmentioned, length, texts))
        })
        .min();
    if let Some((_, _, texts)) = every {
        return texts;
    }
    (0..count as u32)
        .map(|part| {
            let single = alone
                .iter()
                .filter_map(|(unmentioned, texts)| {
                    let text = texts.get(part as usize)?.clone()?;
                    Some((*unmentioned, text.len(), text))
                })
                .min()
                .map(|(_, _, text)| text);
            single.or_else(|| paired(&differing, parts, part)).unwrap_or_else(|| fallback(part))
        })
        .collect()
}

/// Two features of which all units of a part, and no others, have the same values.
fn paired(features: &[&Feature], parts: &[u32], part: u32) -> Option<String> {
    let uniform = |feature: &&&Feature| {
        let mut own = feature.values.iter().zip(parts).filter(|(_, of)| **of == part).map(|(value, _)| value);
        let first = own.next();
        own.all(|value| Some(value) == first)
    };
    let candidates: Vec<&&Feature> = features.iter().filter(uniform).take(PAIRED).collect();
    let own = |feature: &Feature| {
        let at = parts.iter().position(|of| *of == part)?;
        feature.values.get(at).cloned()
    };
    let mut best: Option<(bool, usize, String)> = None;
    for (index, first) in candidates.iter().enumerate() {
        for second in candidates.iter().skip(index + 1) {
            let (one, two) = (own(first)?, own(second)?);
            let others = first.values.iter().zip(&second.values).zip(parts).filter(|(_, of)| **of != part);
            if others.into_iter().any(|((a, b), _)| *a == one && *b == two) {
                continue;
            }
            let text = |feature: &Feature, value: &Option<String>| {
                let own = BTreeSet::from([value.as_deref()]);
                feature.text(&own, &BTreeSet::new())
            };
            let text = format!("{},{}", text(first, &one), text(second, &two));
            let rank = (!(first.mentioned && second.mentioned), text.len(), text);
            if best.as_ref().is_none_or(|best| rank < *best) {
                best = Some(rank);
            }
        }
    }
    best.map(|(_, _, text)| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(key: &str, mentioned: bool, values: &[&str]) -> Feature {
        let values = values.iter().map(|value| (!value.is_empty()).then(|| (*value).to_owned())).collect();
        Feature { kind: FeatureKind::Label(key.to_owned()), mentioned, values }
    }

    fn names(features: &[Feature], parts: &[u32], count: usize) -> Vec<String> {
        tell_apart(features, parts, count, |part| format!("group {part}"))
    }

    #[test]
    fn one_mentioned_label_is_best() {
        let features = [label("a", false, &["x", "y"]), label("version", true, &["v1", "v2"])];
        assert_eq!(names(&features, &[0, 1], 2), ["version=v1", "version=v2"]);
        assert_eq!(names(&features[..1], &[0, 1], 2), ["a=x", "a=y"]);
    }

    #[test]
    fn absent_and_listed_values() {
        assert_eq!(names(&[label("canary", true, &["yes", ""])], &[0, 1], 2), ["canary=yes", "!canary"]);
        let tracks = label("track", true, &["a", "b", "c", ""]);
        assert_eq!(names(&[tracks], &[0, 0, 1, 1], 2), ["track in (a, b)", "track notin (a, b)"]);
        let pods = label("pod", true, &["db-0", "db-1", "db-2"]);
        assert_eq!(names(&[pods], &[0, 1, 1], 2), ["pod=db-0", "pod!=db-0"]);
    }

    #[test]
    fn two_labels_where_one_is_not_enough_and_a_number_where_none_is() {
        let features = [label("a", true, &["1", "1", "2", "2"]), label("b", true, &["1", "2", "1", "2"])];
        assert_eq!(names(&features, &[0, 1, 2, 3], 4), ["a=1,b=1", "a=1,b=2", "a=2,b=1", "a=2,b=2"]);
        assert_eq!(names(&features, &[0, 1, 1, 0], 2), ["group 0", "group 1"]);
    }
}
