//! `npv trace` answers from the reference semantics, `npv reach` from the exact engine: they must say the
//! same of every pair, over every port and every address. What one side says is compared where only one address
//! family is in play: else a trace explains one of them, and the engine has all that the side allows in any.

use std::collections::BTreeSet;

use npv_analyzer::engine::{EndpointId, EndpointKind, Engine};
use npv_analyzer::query::name::{Names, Place};
use npv_analyzer::query::trace::{Decided, Part, Question, Tracer};
use npv_models::cluster::WorkloadId;
use npv_models::space::{IpSet, Traffic};
use npv_tests::cases;
use npv_worlds::{Shape, World, worlds};
use proptest::prelude::*;

/// What passes for certain and what may, of the two sides, where they are compared, and of both of them.
type Sides = (Option<[[Traffic; 2]; 2]>, [Traffic; 2]);

fn allowed(side: &[Decided]) -> [Traffic; 2] {
    let union =
        |of: fn(&Decided) -> &Traffic| side.iter().fold(Traffic::NONE, |all, decided| all.union(of(decided)));
    [union(|decided| &decided.certain), union(|decided| &decided.possible)]
}

struct Both<'w> {
    engine: &'w Engine,
    tracer: Tracer<'w>,
    /// Somebody has addresses of both families.
    dual_stack: bool,
}

impl Both<'_> {
    fn traced(&self, part: &Part) -> Sides {
        let sides = (!self.dual_stack).then(|| [&part.egress, &part.ingress].map(|side| allowed(side)));
        (sides, [part.allowed.clone(), part.possible.clone()])
    }

    fn computed(&self, src: EndpointId, dst: EndpointId) -> Sides {
        let (certain, possible) = (self.engine.between(src, dst), self.engine.possibly_between(src, dst));
        let traffic = |id| self.engine.traffic(id).clone();
        let sides = [[certain.egress, possible.egress], [certain.ingress, possible.ingress]];
        let alone = (!self.dual_stack).then(|| sides.map(|side| side.map(traffic)));
        (alone, [certain.both, possible.both].map(traffic))
    }

    fn trace(&self, src: Place, dst: Place) -> Vec<Part> {
        self.tracer.trace(&Question { src, dst, over: None }).parts
    }

    /// The endpoints that a workload is.
    fn endpoints(&self, workload: WorkloadId) -> Vec<EndpointId> {
        let is = |id: &EndpointId| {
            let kind = self.engine.endpoint(*id).map(|endpoint| &endpoint.kind);
            matches!(kind, Some(EndpointKind::Pods { workload: of, .. }) if *of == workload)
        };
        self.engine.ids().filter(is).collect()
    }

    fn blocks(&self) -> Vec<(EndpointId, &IpSet)> {
        let block = |id: EndpointId| match &self.engine.endpoint(id)?.kind {
            EndpointKind::External(addresses) => Some((id, addresses)),
            _ => None,
        };
        self.engine.ids().filter_map(block).collect()
    }

    /// Everything that was asked is decided, once, and so is every part of it.
    fn is_whole(part: &Part) -> bool {
        [&part.egress, &part.ingress].into_iter().all(|side| {
            let union = side.iter().fold(Traffic::NONE, |all, decided| all.union(&decided.traffic));
            let apart = side.iter().enumerate().all(|(index, decided)| {
                side.iter().skip(index + 1).all(|other| !decided.traffic.intersects(&other.traffic))
            });
            union == part.asked && apart
        })
    }
}

fn check(world: &World) -> Result<(), TestCaseError> {
    let engine = Engine::new(&world.cluster, &world.policies, world.profile);
    let names = Names { cluster: &world.cluster, endpoints: engine.endpoints(), namespace: None };
    let tracer = Tracer {
        cluster: &world.cluster,
        policies: &world.policies,
        profile: world.profile,
        names,
        request: None,
    };
    let both = Both {
        engine: &engine,
        tracer,
        dual_stack: world.is_dual_stack() || !world.cluster.pod_space().v6().is_empty(),
    };
    let workloads: Vec<WorkloadId> = (0..world.cluster.workloads.len() as u32).map(WorkloadId).collect();
    for src in &workloads {
        let sources = both.endpoints(*src);
        for dst in workloads.iter().filter(|dst| *dst != src) {
            let parts = both.trace(Place::Workload(*src), Place::Workload(*dst));
            prop_assert!(parts.iter().all(Both::is_whole));
            let got: BTreeSet<Sides> = parts.iter().map(|part| both.traced(part)).collect();
            let mut wanted = BTreeSet::new();
            for source in &sources {
                wanted.extend(both.endpoints(*dst).into_iter().map(|end| both.computed(*source, end)));
            }
            prop_assert_eq!(
                got,
                wanted,
                "{} -> {}",
                names.full_name(&Place::Workload(*src)),
                names.full_name(&Place::Workload(*dst))
            );
        }
        // Addresses: every part against every block that it meets.
        let [source] = sources.as_slice() else { continue };
        for outward in [true, false] {
            let outside = Place::Addresses(IpSet::full());
            let parts = if outward {
                both.trace(Place::Workload(*src), outside)
            } else {
                both.trace(outside, Place::Workload(*src))
            };
            let ends = parts.iter().map(|part| if outward { &part.dst } else { &part.src });
            let covered =
                ends.clone().fold(IpSet::EMPTY, |all, end| all.union(end.addresses.as_ref().unwrap()));
            prop_assert_eq!(covered, IpSet::full());
            for (part, end) in parts.iter().zip(ends) {
                for (block, addresses) in both.blocks() {
                    if addresses.intersects(end.addresses.as_ref().unwrap()) {
                        let computed = if outward {
                            both.computed(*source, block)
                        } else {
                            both.computed(block, *source)
                        };
                        prop_assert_eq!(both.traced(part), computed, "{} {}", end.id, outward);
                    }
                }
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn a_trace_and_the_matrix_say_the_same(world in worlds(Shape { icmp: false, ..Shape::ANY })) {
        check(&world)?;
    }
}
