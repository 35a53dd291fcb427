//! The findings of several environments as one list.

use std::collections::HashMap;

use npv_models::diagnostic::Finding;
use npv_models::source::SourceMap;

/// Rules about exceptions and the baseline: what is of use in one environment is not without use.
const OF_USE_ANYWHERE: [&str; 2] = ["unused-suppression", "stale-baseline"];

/// Merges the findings of environments, whose places are all of one map: what is found in all of them is said once, what
/// is not says where it is. In the order of the environments.
pub fn merge(environments: Vec<(String, Vec<Finding>)>, sources: &SourceMap) -> Vec<Finding> {
    let count = environments.len();
    let mut merged: Vec<(Finding, Vec<String>)> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    for (name, findings) in environments {
        for finding in findings {
            let place = |span| sources.locate(span).map_or_else(String::new, |place| place.to_string());
            let places: Vec<String> = finding.locations.iter().map(|location| place(location.span)).collect();
            let object = finding.object.as_deref().unwrap_or_default();
            let identity = format!("{}\n{object}\n{}\n{}", finding.rule, finding.message, places.join("\n"));
            match known.get(&identity).and_then(|&at| merged.get_mut(at)) {
                Some((_, names)) if names.last() != Some(&name) => names.push(name.clone()),
                _ => {
                    known.insert(identity, merged.len());
                    merged.push((finding, vec![name.clone()]));
                }
            }
        }
    }
    merged
        .into_iter()
        .filter(|(finding, names)| names.len() == count || !OF_USE_ANYWHERE.contains(&finding.rule))
        .map(|(mut finding, names)| {
            if names.len() < count {
                let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
                finding.message = format!("{} (in {})", finding.message, names.join(", "));
            }
            finding
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use npv_models::diagnostic::Severity;
    use npv_models::source::{Origin, Span};

    use super::*;

    #[test]
    fn what_is_everywhere_is_said_once() {
        let mut sources = SourceMap::default();
        // A text that two environments have in common has been read for each.
        let [one, two] = [(); 2].map(|()| sources.add("base.yaml", "a: 1\n", Origin::File).unwrap());
        let of = |rule, source, message: &str| {
            Finding::new(rule, Severity::Warning, Span::new(source, 0, 1), message)
        };
        let dev = vec![of("a", one, "both"), of("a", one, "dev"), of("unused-suppression", one, "x")];
        let prod = vec![of("a", two, "both"), of("b", two, "prod")];
        let merged = merge(vec![("dev".to_owned(), dev), ("prod".to_owned(), prod)], &sources);
        let messages: Vec<&str> = merged.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(messages, ["both", "dev (in `dev`)", "prod (in `prod`)"]);
    }
}
