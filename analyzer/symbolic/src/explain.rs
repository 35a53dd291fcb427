//! Why something cannot be: always the same reason, whatever was asked before.
//!
//! Of a contradiction a solver names some part, which depends on what it has learned. Here only its yes and
//! no count: the first alternative that is enough alone, and where none is, those that are left when one
//! after the other is taken away from the end for as long as the rest is enough. The values and parts that
//! the solver gives along save most of the questions.

use crate::session::Session;
use crate::solver::{Answer, Assignment};
use crate::term::Bool;

impl Session<'_> {
    /// The position of the first term that holds wherever the condition does; `None` also where the condition
    /// holds nowhere. Each is given by its opposite.
    pub(crate) fn first_alone(&mut self, condition: Bool, opposites: &[Bool]) -> Option<usize> {
        let mut seen: Vec<Assignment> = Vec::new();
        match self.check(condition, &[]) {
            Answer::Satisfiable(values) => seen.push(values),
            Answer::Unsatisfiable(_) => return None,
            Answer::Unknown(_) => {}
        }
        for (position, opposite) in opposites.iter().enumerate() {
            if seen.iter().any(|values| self.terms.evaluate(*opposite, values)) {
                continue;
            }
            match self.check(condition, &[*opposite]) {
                Answer::Satisfiable(values) => seen.push(values),
                Answer::Unsatisfiable(_) => return Some(position),
                Answer::Unknown(_) => {}
            }
        }
        None
    }

    /// Which assumptions, by position, contradict the condition: none of them can be left out, and where there
    /// is a choice they are the first ones. All together must contradict it.
    pub(crate) fn first_needed(&mut self, condition: Bool, assumptions: &[Bool]) -> Vec<usize> {
        let mut kept: Vec<usize> = Vec::new();
        let mut open = assumptions.len();
        loop {
            // The fewest of the first ones that are enough together with those that are kept.
            let (mut least, mut enough) = (0, open);
            while least < enough {
                let middle = usize::midpoint(least, enough);
                let tried = assumptions.iter().take(middle);
                let tried = tried.chain(kept.iter().filter_map(|position| assumptions.get(*position)));
                let tried: Vec<Bool> = tried.copied().collect();
                match self.check(condition, &tried) {
                    Answer::Unsatisfiable(core) => {
                        let last = core.into_iter().filter(|position| *position < middle).max();
                        enough = last.map_or(0, |last| last + 1);
                    }
                    Answer::Satisfiable(values) => {
                        let mut rest = (middle..enough).zip(assumptions.iter().skip(middle));
                        let missed = rest.find(|(_, term)| !self.terms.evaluate(**term, &values));
                        least = missed.map_or(middle, |(position, _)| position) + 1;
                    }
                    Answer::Unknown(_) => least = middle + 1,
                }
            }
            let Some(last) = enough.checked_sub(1) else { break };
            kept.push(last);
            open = last;
        }
        kept.sort_unstable();
        kept
    }
}

#[cfg(all(test, feature = "z3"))]
mod tests {
    use npv_models::decide::Profile;
    use npv_models::policy::PolicySet;

    use super::*;
    use crate::session::Options;
    use crate::term::ValueSet;

    const NONE: &PolicySet = &PolicySet { layers: Vec::new() };

    /// A condition on ports: a range of them; and the opposites of terms that are ranges as well.
    fn ports(all: (u128, u128), parts: &[(u128, u128)]) -> (Session<'static>, Bool, Vec<Bool>) {
        let mut session = Session::new(&[NONE], Profile::default(), Options::default(), &[]);
        let port = session.flow.port;
        let all = session.terms.within(port, &ValueSet::range(all.0, all.1));
        let opposites: Vec<Bool> = parts
            .iter()
            .map(|(first, last)| {
                let part = session.terms.within(port, &ValueSet::range(*first, *last));
                session.terms.not(part)
            })
            .collect();
        (session, all, opposites)
    }

    #[test]
    fn of_two_that_are_enough_alone_the_first_is_named() {
        let parts = [(1, 50), (40, 300), (60, 300), (1, 500), (1, 1000), (100, 200)];
        let alone = |all, parts: &[_]| {
            let (mut session, all, opposites) = ports(all, parts);
            session.first_alone(all, &opposites)
        };
        assert_eq!(alone((70, 300), &parts), Some(1));
        assert_eq!(alone((50, 400), &parts), Some(3));
        assert_eq!(alone((1, 1001), &parts), None);
        assert_eq!(alone((0, 0), &parts), None);
    }

    #[test]
    fn the_first_of_several_reasons_is_named_without_anything_that_is_not_needed() {
        let needed = |parts: &[_]| {
            let (mut session, all, opposites) = ports((1, 400), parts);
            session.first_needed(all, &opposites)
        };
        let parts = [(150, 160), (1, 200), (100, 250), (200, 300), (300, 500), (201, 400), (1, 300)];
        assert_eq!(needed(&parts), [1, 3, 4]);
        // From the end: the last is needed only where the others are not enough.
        assert_eq!(needed(&[(201, 400), (1, 300), (1, 100), (101, 200)]), [0, 1]);
        assert_eq!(needed(&[(1, 100), (101, 200), (201, 300), (301, 400)]), [0, 1, 2, 3]);
        assert_eq!(needed(&[(2, 3), (1, 65_535), (1, 400)]), [1]);
    }
}
