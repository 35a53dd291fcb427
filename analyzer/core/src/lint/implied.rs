//! Whether one selector matches nothing that another does not match, whoever may come.

use npv_models::policy::NamespaceSelector;
use npv_models::space::{Labels, Operator, Requirement, Selector};

use super::pods::NAMESPACE_NAME;

/// Whether all that the first selector matches the second one matches too. `false` where that is so for a reason
/// which takes more than one requirement to see.
pub(super) fn implies(narrow: &Selector, wide: &Selector) -> bool {
    let required = || {
        wide.requirements()
            .iter()
            .all(|wanted| narrow.requirements().iter().any(|given| follows(given, wanted)))
    };
    let chosen = |choice: &Vec<Selector>| {
        narrow.choices().contains(choice) || choice.iter().any(|wanted| implies(narrow, wanted))
    };
    // Where each alternative would do, it does not matter which one it is.
    narrow.choices().iter().any(|choice| choice.iter().all(|given| implies(given, wide)))
        || required() && wide.choices().iter().all(chosen)
}

/// Whether a requirement holds wherever another one does (S-43).
fn follows(given: &Requirement, wanted: &Requirement) -> bool {
    let among = |values: &[Box<str>], others: &[Box<str>]| values.iter().all(|value| others.contains(value));
    given.key == wanted.key
        && match (given.operator, wanted.operator) {
            (Operator::In | Operator::Exists, Operator::Exists)
            | (Operator::DoesNotExist, Operator::DoesNotExist | Operator::NotIn) => true,
            (Operator::In, Operator::In) => among(&given.values, &wanted.values),
            (Operator::In, Operator::NotIn) => {
                given.values.iter().all(|value| !wanted.values.contains(value))
            }
            (Operator::NotIn, Operator::NotIn) => among(&wanted.values, &given.values),
            _ => false,
        }
}

/// Whether the namespaces of the first are among those of the second.
pub(super) fn within(narrow: &NamespaceSelector, wide: &NamespaceSelector) -> bool {
    match (narrow, wide) {
        (NamespaceSelector::Named(narrow), NamespaceSelector::Named(wide)) => narrow == wide,
        (NamespaceSelector::Labels(narrow), NamespaceSelector::Labels(wide)) => implies(narrow, wide),
        // Of a namespace that is named, its name is known to be a label.
        (NamespaceSelector::Named(name), NamespaceSelector::Labels(wide)) => {
            let labels = Labels::from_iter([(NAMESPACE_NAME, &**name)]);
            let by_name =
                |one: &Requirement| &*one.key == NAMESPACE_NAME && one.accepts(labels.get(&one.key));
            wide.choices().is_empty() && wide.requirements().iter().all(by_name)
        }
        (NamespaceSelector::Labels(narrow), NamespaceSelector::Named(name)) => {
            let only = Selector::label(NAMESPACE_NAME, &**name);
            implies(narrow, &only)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_from_what() {
        let one = |operator, values: &[&str]| Requirement::new("app", operator, values.iter().copied());
        let all = [
            one(Operator::In, &["a"]),
            one(Operator::In, &["a", "b"]),
            one(Operator::NotIn, &["a"]),
            one(Operator::NotIn, &["a", "b"]),
            one(Operator::Exists, &[]),
            one(Operator::DoesNotExist, &[]),
        ];
        let worlds = [None, Some("a"), Some("b"), Some("c"), Some("")];
        for narrow in &all {
            for wide in &all {
                // The claim is that of every label that there could be.
                let truth = worlds.iter().all(|value| !narrow.accepts(*value) || wide.accepts(*value));
                assert_eq!(follows(narrow, wide), truth, "{narrow} {wide}");
            }
        }
    }

    #[test]
    fn namespaces_by_name_and_by_labels() {
        let named = |name: &str| NamespaceSelector::Named(name.into());
        let labels = |selector| NamespaceSelector::Labels(selector);
        let by_name = |name: &str| labels(Selector::label(NAMESPACE_NAME, name));
        assert!(within(&named("a"), &labels(Selector::EVERYTHING)));
        assert!(within(&named("a"), &by_name("a")) && within(&by_name("a"), &named("a")));
        assert!(!within(&named("a"), &by_name("b")) && !within(&named("a"), &named("b")));
        assert!(!within(&named("a"), &labels(Selector::label("team", "a"))));
        assert!(!within(&labels(Selector::EVERYTHING), &named("a")));
    }
}
