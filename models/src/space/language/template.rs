//! Istio's path templates (M-29), as Envoy's URI templates match them.

use super::super::IntervalSet;
use super::LanguageError;
use super::alphabet::{Symbol, symbol};
use super::nfa::Expression;

/// The expression of a template such as `/users/{*}/orders/{**}`.
pub(super) fn parse(template: &str) -> Result<Expression, LanguageError> {
    let error = |at, reason: &str| Err(LanguageError::Syntax { at, reason: reason.into() });
    if !template.starts_with('/') {
        return error(0, "a template starts with `/`");
    }
    let allowed = of_segment("");
    let mut parts = Vec::new();
    let mut rest_of_path_at = None;
    let mut at = 0;
    for (index, segment) in template.split('/').enumerate() {
        if index > 0 {
            parts.push(Expression::literal("/"));
        }
        if rest_of_path_at.is_some() && matches!(segment, "{*}" | "{**}") {
            return error(at, "`{**}` is the last operator of a template");
        }
        match segment {
            "{*}" => parts.push(Expression::Repeat(Box::new(Expression::Set(allowed.clone())), 1, None)),
            "{**}" => {
                rest_of_path_at = Some(at);
                parts.push(Expression::Repeat(Box::new(Expression::Set(of_segment("/"))), 0, None));
            }
            literal if literal.contains(['{', '}', '*']) => {
                return error(at, "an operator stands alone between slashes");
            }
            literal if !literal.chars().all(|own| symbol(own).is_some_and(|own| allowed.contains(own))) => {
                return error(at, "a segment has a character that Envoy takes in no template");
            }
            literal => parts.push(Expression::literal(literal)),
        }
        at += segment.len() + 1;
    }
    Ok(Expression::Concat(parts))
}

/// The characters that Envoy takes for one of a segment: what a path may hold, but no `*`.
fn of_segment(more: &str) -> IntervalSet<Symbol> {
    const SIGNS: &str = "-._~%!$&'()+,;:@=";
    let signs = SIGNS.chars().chain(more.chars()).map(|sign| (sign, sign));
    let ranges = [('a', 'z'), ('A', 'Z'), ('0', '9')].into_iter().chain(signs);
    IntervalSet::from_intervals(ranges.filter_map(|(first, last)| symbol(first).zip(symbol(last))))
}
