//! Flows of a world.

use npv_models::decide::{Flow, Outcome, decide_over};
use npv_models::space::Protocol;
use npv_worlds::{Inventory, Spaces, Who, World};
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// A flow of a world that is not known yet: indices into its ends and its boundary ports.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    src: Index,
    dst: Index,
    protocol: Protocol,
    port: Index,
}

impl Sample {
    /// The flow the other way round.
    pub(crate) fn turned(&self) -> Self {
        Self { src: self.dst, dst: self.src, ..self.clone() }
    }
}

/// Some flows of each world.
pub(crate) fn samples() -> impl Strategy<Value = Vec<Sample>> {
    let sample = (
        any::<Index>(),
        any::<Index>(),
        select(vec![
            Protocol::Tcp,
            Protocol::Tcp,
            Protocol::Tcp,
            Protocol::Udp,
            Protocol::Sctp,
            Protocol::Icmp,
        ]),
        any::<Index>(),
    );
    let sample = sample.prop_map(|(src, dst, protocol, port)| Sample { src, dst, protocol, port });
    proptest::collection::vec(sample, 1..24)
}

/// What both sides of one flow say in one address family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sides {
    pub(crate) flow: String,
    pub(crate) egress: Outcome,
    pub(crate) ingress: Outcome,
}

/// Calls back with each sampled flow and its description.
///
/// Neither the ends nor the ports depend on the policies, so that a rewritten world is asked the same.
pub(crate) fn each_flow(world: &World, samples: &[Sample], mut visit: impl FnMut(&Flow<'_>, String)) {
    let spaces = Spaces::of(&world.cluster);
    let inventory = Inventory::new(&world.cluster, &spaces);
    let mut whos = inventory.everyone();
    whos.extend(ADDRESSES.map(|address| Who::Address(address.parse().unwrap())));
    for sample in samples {
        let (src, dst) = (whos[sample.src.index(whos.len())], whos[sample.dst.index(whos.len())]);
        let port = PORTS[sample.port.index(PORTS.len())];
        let (Some(src_end), Some(dst_end)) = (inventory.end(src), inventory.end(dst)) else { continue };
        let flow = Flow { src: src_end, dst: dst_end, protocol: sample.protocol, port };
        visit(&flow, format!("{src} -> {dst} {} {port}", sample.protocol));
    }
}

/// Both sides of the ends of the blocks that worlds have.
const ADDRESSES: [&str; 8] = [
    "10.0.0.1",
    "10.0.0.4",
    "11.0.0.0",
    "0.0.0.0",
    "255.255.255.255",
    "2001:db8::1",
    "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
    "::",
];

/// Both sides of the ends of the port ranges that worlds have.
const PORTS: [u16; 20] =
    [80, 81, 80, 81, 80, 81, 79, 8080, 1, 2, 78, 79, 80, 81, 82, 8079, 8080, 8081, 65534, 65535];

/// What the world says about the sampled flows, in each address family that they can be of.
pub(crate) fn verdicts(world: &World, samples: &[Sample]) -> Vec<Sides> {
    let mut found = Vec::with_capacity(samples.len());
    each_flow(world, samples, |flow, name| {
        for family in flow.families() {
            let decision = decide_over(&world.policies, world.profile, flow, family);
            let flow = format!("{name} {family:?}");
            let [egress, ingress] = decision.sides;
            found.push(Sides { flow, egress, ingress });
        }
    });
    found
}
