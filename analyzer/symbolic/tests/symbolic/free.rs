//! The encoder with a solver: every flow of a random world, found among all flows, gets the verdict that
//! `decide` gives it, and no other.

use std::cell::Cell;

use npv_models::decide::{Verdict, decide, decide_over};
use npv_models::policy::PolicySet;
use npv_symbolic::session::{Options, Search, Session};
use npv_symbolic::spec::Question;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::common;

fn options() -> Options {
    Options { unaddressed: true, ..Options::default() }
}

#[test]
fn every_flow_has_the_verdict_that_decide_gives_and_no_other() {
    let (all, met) = (Cell::new(0), Cell::new(0));
    let worlds = (
        prop_oneof![common::any_policies(), common::kubernetes()],
        common::profile(),
        proptest::collection::vec(common::possible_flow(), 4),
    );
    let mut runner = TestRunner::new(ProptestConfig { failure_persistence: None, ..common::cases(1000) });
    runner
        .run(&worlds, |(policies, profile, flows)| {
            let mut session = Session::new(&[&policies], profile, options(), &[]);
            for flow in flows {
                flow.with(|flow| {
                    for family in flow.families() {
                        all.set(all.get() + 1);
                        let exactly = session.exactly(flow, family);
                        if session.possible(exactly) == Some(false) {
                            // Out of this world: several addresses, a pod to itself, a node to its own pod.
                            continue;
                        }
                        met.set(met.get() + 1);
                        let allowed = session.allowed(0);
                        let denied = session.opposite(allowed);
                        let (allowed, denied) =
                            (session.both(exactly, allowed), session.both(exactly, denied));
                        let (right, wrong) = match decide_over(&policies, profile, flow, family).verdict() {
                            Verdict::Allow => (allowed, denied),
                            _ => (denied, allowed),
                        };
                        prop_assert_eq!(session.possible(right), Some(true));
                        prop_assert_eq!(session.possible(wrong), Some(false));
                    }
                    Ok(())
                })?;
            }
            Ok(())
        })
        .unwrap();
    assert!(met.get() * 10 > all.get() * 9, "only {} of {} flows are possible", met.get(), all.get());
}

proptest! {
    #![proptest_config(common::cases(250))]

    #[test]
    fn differences_are_found_where_there_are_any(
        left in common::kubernetes(), right in common::kubernetes(), profile in common::profile(),
        flows in proptest::collection::vec(common::possible_flow(), 40),
    ) {
        let sets: [&PolicySet; 2] = [&left, &right];
        let mut session = Session::new(&sets, profile, options(), &[]);
        let difference = session.difference(0, 1, &Question::anything()).unwrap();
        let same = difference.none();
        for found in [&difference.opened, &difference.closed] {
            prop_assert!(!matches!(found, Search::Unknown(_)));
        }
        for flow in flows {
            flow.with(|flow| {
                let verdicts = sets.map(|set| decide(set, profile, flow).verdict());
                for family in flow.families() {
                    let exactly = session.exactly(flow, family);
                    if verdicts[0] != verdicts[1] && session.possible(exactly) == Some(true) {
                        prop_assert!(!same);
                    }
                }
                Ok(())
            })?;
        }
    }
}
