use super::*;
use crate::term::{Scalar, Sort, ValueSet};

#[test]
fn scopes_forget_and_domains_stay() {
    let mut terms = Terms::default();
    let choice = terms.declare("choice", Sort::Choice(5), &ValueSet::range(0, 2));
    let wide = terms.declare("wide", Sort::Bits(128), &ValueSet::full());
    let other = terms.declare("other", Sort::Choice(5), &Sort::Choice(5).values());
    let mut solver = default_solver(0);
    let high = terms.within(other, &ValueSet::range(3, 4));
    let same = terms.same(choice, other);
    solver.push();
    solver.assert(&terms, same);
    assert!(matches!(solver.check(&terms, &[]), Answer::Satisfiable(_)));
    solver.assert(&terms, high);
    assert_eq!(solver.check(&terms, &[]), Answer::Unsatisfiable(vec![]));
    solver.pop();
    // The domain of `choice` first came up inside the scope, and must hold outside.
    assert_eq!(solver.check(&terms, &[same, high]), Answer::Unsatisfiable(vec![0, 1]));
    solver.assert(&terms, high);
    let bits = 0x0123_4567_89ab_cdef_fedc_ba98_7654_3210;
    let exact = terms.is(wide, bits);
    let Answer::Satisfiable(values) = solver.check(&terms, &[exact]) else { panic!("satisfiable") };
    let Scalar::Free(wide) = wide else { panic!("a variable") };
    assert_eq!(values[&wide], bits);
    let low = terms.within(Scalar::Free(wide), &ValueSet::range(0, bits - 1));
    let not_low = terms.within(Scalar::Free(wide), &ValueSet::range(bits, u128::MAX));
    assert!(matches!(solver.check(&terms, &[low]), Answer::Satisfiable(values) if values[&wide] < bits));
    assert!(matches!(solver.check(&terms, &[not_low]), Answer::Satisfiable(values) if values[&wide] >= bits));
}

#[test]
fn a_budget_gives_up_and_says_so() {
    // Sixteen pigeons in fifteen holes: easy to say, hard to refute.
    let mut terms = Terms::default();
    let domain = Sort::Choice(15).values();
    let holes: Vec<_> =
        (0..16).map(|n| terms.declare(format!("pigeon {n}"), Sort::Choice(15), &domain)).collect();
    let mut solver = default_solver(20_000);
    for (index, left) in holes.iter().enumerate() {
        for right in &holes[..index] {
            let same = terms.same(*left, *right);
            let apart = terms.not(same);
            solver.assert(&terms, apart);
        }
    }
    assert!(matches!(solver.check(&terms, &[]), Answer::Unknown(_)));
}
