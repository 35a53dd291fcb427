//! Laws of the reference semantics on random worlds.

use npv_models::decide::{Flow, Outcome, Verdict, decide};
use npv_models::space::{Family, Protocol};
use npv_worlds::settle::Choices;
use npv_worlds::{Inventory, Shape, Spaces, Who, World, cases, worlds};
use proptest::prelude::*;

/// What passes between any two of these at the boundary ports.
fn outcomes(world: &World, everyone: &[Who]) -> Vec<(Who, Who, Protocol, u16, Vec<Option<Family>>, Outcome)> {
    let spaces = Spaces::of(&world.cluster);
    let inventory = Inventory::new(&world.cluster, &spaces);
    let mut all = Vec::new();
    for (src, dst) in everyone.iter().flat_map(|src| everyone.iter().map(move |dst| (*src, *dst))) {
        let (Some(src_end), Some(dst_end)) = (inventory.end(src), inventory.end(dst)) else { continue };
        for (protocol, port) in world.all_boundary_ports() {
            let flow = Flow { src: src_end, dst: dst_end, protocol, port };
            let outcome = decide(&world.policies, world.profile, &flow).outcome;
            all.push((src, dst, protocol, port, flow.families(), outcome));
        }
    }
    all
}

fn everyone(world: &World) -> Vec<Who> {
    let spaces = Spaces::of(&world.cluster);
    let mut everyone = Inventory::new(&world.cluster, &spaces).everyone();
    let addresses = ["8.8.8.8", "10.0.0.1", "2001:db8::1"];
    everyone.extend(addresses.map(|address| Who::Address(address.parse().unwrap())));
    everyone
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn what_is_certain_is_possible(world in worlds(Shape::ANY)) {
        for (src, dst, protocol, port, _, outcome) in outcomes(&world, &everyone(&world)) {
            prop_assert!(outcome.certain.is_subset(&outcome.possible), "{src} -> {dst} {protocol} {port}");
        }
    }

    #[test]
    fn settling_what_is_unknown_never_leaves_the_bounds(
        world in worlds(Shape::ANY), choices in proptest::collection::vec(any::<u8>(), 1..20),
    ) {
        let everyone = everyone(&world);
        let settled = world.settled(&mut Choices::new(choices));
        let before = outcomes(&world, &everyone);
        for (before, after) in before.into_iter().zip(outcomes(&settled, &everyone)) {
            let (src, dst, protocol, port, may_use, before) = before;
            let (.., uses, after) = after;
            // They do not meet: nothing is said of two ends that are settled to have no family in common.
            if uses == [None] && may_use != [None] {
                continue;
            }
            prop_assert!(
                before.certain.is_subset(&after.certain) && after.possible.is_subset(&before.possible),
                "{src} -> {dst} {protocol} {port}: {before:?} became {after:?} in {settled:?}"
            );
        }
    }

    #[test]
    fn where_all_is_known_the_bounds_are_equal(
        world in worlds(Shape { requests: true, icmp: true, ..Shape::SETTLED }),
    ) {
        let mut known = everyone(&world);
        known.retain(|who| *who != Who::Assumed);
        for (src, dst, protocol, port, _, outcome) in outcomes(&world, &known) {
            prop_assert_eq!(&outcome.certain, &outcome.possible, "{} -> {} {} {}", src, dst, protocol, port);
            prop_assert_ne!(outcome.verdict(), Verdict::Unknown);
        }
    }
}
