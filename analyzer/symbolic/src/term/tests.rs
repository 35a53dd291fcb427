use proptest::prelude::*;

use super::*;

fn terms() -> (Terms, Vec<Scalar>) {
    let mut terms = Terms::default();
    let sorts = [Sort::Choice(3), Sort::Choice(3), Sort::Bits(16), Sort::Bits(128)];
    let values = sorts
        .iter()
        .enumerate()
        .map(|(n, sort)| terms.declare(format!("v{n}"), *sort, &sort.values()))
        .collect();
    (terms, values)
}

/// The values of all variables, by variable.
fn assignment(values: &[u128]) -> BTreeMap<Var, u128> {
    values.iter().enumerate().map(|(index, value)| (Var(index as u32), *value)).collect()
}

/// A formula to build with the constructors and to evaluate without them.
#[derive(Clone, Debug)]
enum Formula {
    Within(usize, u128, u128),
    Same(usize, usize),
    Not(Box<Formula>),
    And(Vec<Formula>),
    Or(Vec<Formula>),
}

fn formula() -> impl Strategy<Value = Formula> {
    let leaf = prop_oneof![
        (0_usize..4, 0_u128..3, 0_u128..3).prop_map(|(var, a, b)| Formula::Within(var, a.min(b), a.max(b))),
        (0_usize..2, 0_usize..2).prop_map(|(a, b)| Formula::Same(a, b)),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|formula| Formula::Not(Box::new(formula))),
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Formula::And),
            proptest::collection::vec(inner, 0..4).prop_map(Formula::Or),
        ]
    })
}

fn build(terms: &mut Terms, values: &[Scalar], formula: &Formula) -> Bool {
    match formula {
        Formula::Within(var, first, last) => terms.within(values[*var], &ValueSet::range(*first, *last)),
        Formula::Same(left, right) => terms.same(values[*left], values[*right]),
        Formula::Not(inner) => {
            let inner = build(terms, values, inner);
            terms.not(inner)
        }
        Formula::And(parts) => {
            let parts: Vec<_> = parts.iter().map(|part| build(terms, values, part)).collect();
            terms.and(parts)
        }
        Formula::Or(parts) => {
            let parts: Vec<_> = parts.iter().map(|part| build(terms, values, part)).collect();
            terms.or(parts)
        }
    }
}

fn truth(formula: &Formula, values: &[u128]) -> bool {
    match formula {
        Formula::Within(var, first, last) => (*first..=*last).contains(&values[*var]),
        Formula::Same(left, right) => values[*left] == values[*right],
        Formula::Not(inner) => !truth(inner, values),
        Formula::And(parts) => parts.iter().all(|part| truth(part, values)),
        Formula::Or(parts) => parts.iter().any(|part| truth(part, values)),
    }
}

proptest! {
    #[test]
    fn folding_keeps_the_meaning(formula in formula(), values in proptest::collection::vec(0_u128..3, 4)) {
        let (mut terms, scalars) = terms();
        let term = build(&mut terms, &scalars, &formula);
        prop_assert_eq!(terms.evaluate(term, &assignment(&values)), truth(&formula, &values));
        let literals: Vec<_> = values.iter().map(|value| Scalar::Known(*value)).collect();
        let folded = build(&mut terms, &literals, &formula);
        prop_assert_eq!(folded.literal(), Some(truth(&formula, &values)));
    }

    #[test]
    fn restriction_agrees_where_the_context_holds(
        formula in formula(),
        values in proptest::collection::vec(0_u128..3, 4),
        known in proptest::collection::vec(proptest::option::of((0_u128..3, 0_u128..3)), 4),
    ) {
        let (mut terms, scalars) = terms();
        let term = build(&mut terms, &scalars, &formula);
        let mut context = Context::new();
        let mut holds = true;
        for (index, known) in known.iter().enumerate() {
            if let Some((a, b)) = known {
                context.learn(scalars[index], &ValueSet::range(*a.min(b), *a.max(b)));
                holds &= (*a.min(b)..=*a.max(b)).contains(&values[index]);
            }
        }
        let restricted = terms.restrict(term, &context);
        if holds {
            prop_assert_eq!(terms.evaluate(restricted, &assignment(&values)), truth(&formula, &values));
        }
        let everything: Vec<_> = values.iter().enumerate().map(|(n, v)| (scalars[n], *v)).collect();
        let mut context = Context::new();
        for (scalar, value) in everything {
            context.learn(scalar, &ValueSet::single(value));
        }
        prop_assert_eq!(terms.restrict(term, &context).literal(), Some(truth(&formula, &values)));
    }
}

#[test]
fn contradictions_within_one_variable_fold() {
    let (mut terms, values) = terms();
    let low = terms.within(values[2], &ValueSet::range(0, 79));
    let web = terms.is(values[2], 80);
    let high = terms.within(values[2], &ValueSet::range(81, 65_535));
    assert_eq!(terms.and([low, web]), Bool::FALSE);
    assert_eq!(terms.or([low, web, high]), Bool::TRUE);
    let not_web = terms.not(web);
    assert_eq!(terms.or([high, low]), not_web);
    assert_eq!(terms.within(values[3], &ValueSet::full()), Bool::TRUE);
    let same = terms.same(values[0], values[1]);
    let other = terms.not(same);
    assert_eq!(terms.and([same, other, low]), Bool::FALSE);
    assert_eq!(terms.or([low, other, same]), Bool::TRUE);
}

#[test]
fn widths_hold_every_value() {
    assert_eq!([1, 2, 3, 4, 5, 8, 9].map(|count| Sort::Choice(count).width()), [1, 1, 2, 2, 3, 3, 4]);
    assert_eq!(Sort::Bits(16).values().intervals(), [(0, 65_535)]);
    assert!(Sort::Bits(128).values().is_full());
}
