//! What the exact engine says of a domain holds for every address that the name can resolve to.

use npv_analyzer::engine::{EndpointId, EndpointKind, Engine, Symbolic};
use npv_models::decide::{Flow, decide};
use npv_models::policy::{PeerMatch, PolicySet};
use npv_models::space::DomainName;
use npv_tests::cases;
use npv_worlds::policies::domains;
use npv_worlds::{Inventory, Shape, Spaces, Who, World, ordered_worlds};
use proptest::prelude::*;
use std::net::IpAddr;

/// The policies as they are where a domain has resolved to an address: names that stand for it hold the address.
fn resolved(policies: &PolicySet, domain: &DomainName, address: IpAddr) -> PolicySet {
    fn resolve(peer: &mut PeerMatch, domain: &DomainName, address: IpAddr) {
        match peer {
            PeerMatch::Domain(name) if name.covers(domain) => {
                let block = PeerMatch::Block { cidr: address.into(), except: Vec::new() };
                *peer = PeerMatch::Any(vec![peer.clone(), block]);
            }
            PeerMatch::All(parts) | PeerMatch::Any(parts) => {
                parts.iter_mut().for_each(|part| resolve(part, domain, address));
            }
            PeerMatch::Not(part) => resolve(part, domain, address),
            _ => {}
        }
    }
    let mut resolved = policies.clone();
    let tiers = resolved.layers.iter_mut().flat_map(|layer| &mut layer.tiers);
    let rules = tiers.flat_map(|tier| &mut tier.policies).flat_map(|policy| &mut policy.egress).flatten();
    for peers in rules.map(|rule| &mut rule.peers) {
        if let npv_models::policy::Peers::Listed(peers) = peers {
            peers.iter_mut().for_each(|peer| resolve(&mut peer.matches, domain, address));
        }
    }
    resolved
}

fn check(world: &World) -> Result<(), TestCaseError> {
    let engine = Engine::new(&world.cluster, &world.policies, world.profile);
    let spaces = Spaces::of(&world.cluster);
    let inventory = Inventory::new(&world.cluster, &spaces);
    for domain in domains() {
        let is = |kind: &EndpointKind| match kind {
            EndpointKind::Assumed(Symbolic::Domain(name)) => *name == domain,
            _ => false,
        };
        let mut found = engine.ids().filter(|id| is(&engine.endpoint(*id).unwrap().kind));
        let Some(id) = found.next() else { continue };
        for address in world.boundary_addresses() {
            let policies = resolved(&world.policies, &domain, address);
            holds_for(world, &engine, id, &inventory, &policies, address)?;
        }
    }
    Ok(())
}

/// What is certain of the domain is certain of the address, and what may pass to the address may pass to the domain.
fn holds_for(
    world: &World,
    engine: &Engine,
    domain: EndpointId,
    inventory: &Inventory<'_>,
    policies: &PolicySet,
    address: IpAddr,
) -> Result<(), TestCaseError> {
    for who in inventory.members() {
        let Who::Pod(group, _) = who else { continue };
        let holds = |id: &EndpointId| {
            let kind = engine.endpoint(*id).map(|endpoint| &endpoint.kind);
            matches!(kind, Some(EndpointKind::Pods { groups, .. }) if groups.contains(&group))
        };
        let (src, dst) = (inventory.end(who).unwrap(), inventory.end(Who::Address(address)).unwrap());
        for (protocol, port) in world.all_boundary_ports() {
            let passes = decide(policies, world.profile, &Flow { src, dst, protocol, port }).outcome;
            // Pods of a group differ in their addresses only, which their egress does not ask for.
            for id in engine.ids().filter(holds) {
                let at = |traffic| engine.traffic(traffic).requests_at(protocol, port);
                let certain = at(engine.between(id, domain).egress);
                let possible = at(engine.possibly_between(id, domain).egress);
                let within = certain.is_subset(&passes.certain) && passes.possible.is_subset(&possible);
                prop_assert!(
                    within,
                    "{who} to {address} over {protocol} {port}: {certain} and {possible}, {passes:?}"
                );
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(100))]

    #[test]
    fn a_domain_is_every_address_that_it_may_have(world in ordered_worlds(Shape { requests: false, icmp: false, ..Shape::ANY })) {
        check(&world)?;
    }
}
