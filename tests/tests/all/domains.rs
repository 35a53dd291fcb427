//! What the exact engine says of a domain is what the reference semantics says of every address that
//! the name can resolve to.

use npv_analyzer::engine::{EndpointId, EndpointKind, Engine};
use npv_models::decide::{Flow, Verdict, decide};
use npv_models::policy::{Action, Peer, PeerMatch, Peers, PolicySet, Rule};
use npv_models::space::Protocol;
use npv_tests::cases;
use npv_tests::worlds::{Inventory, Who, World, ordered_worlds};
use proptest::prelude::*;

/// The one domain of all worlds.
const DOMAIN: &str = "*.example.com";

/// The policies as they are about an address that the name has resolved to: a rule that allows the name
/// allows the address.
fn resolved(policies: &PolicySet) -> PolicySet {
    let mut resolved = policies.clone();
    let tiers = resolved.layers.iter_mut().flat_map(|layer| &mut layer.tiers);
    let rules = tiers.flat_map(|tier| &mut tier.policies).flat_map(|policy| &mut policy.egress).flatten();
    for rule in rules.filter(|rule| rule.action == Action::Allow) {
        let Rule { peers: Peers::Listed(peers), .. } = rule else { continue };
        let named = |peer: &&Peer| matches!(peer.matches, PeerMatch::Domain(_));
        let Some(provenance) = peers.iter().find(named).map(|peer| peer.provenance.clone()) else { continue };
        for all in ["0.0.0.0/0", "::/0"] {
            let matches = PeerMatch::Block { cidr: all.parse().unwrap(), except: Vec::new() };
            peers.push(Peer { matches, provenance: provenance.clone() });
        }
    }
    resolved
}

fn check(world: &World) -> Result<(), TestCaseError> {
    let engine = Engine::new(&world.cluster, &world.policies, world.profile);
    let find = |id: &str| {
        let found = engine.ids().zip(engine.endpoints()).find(|(_, endpoint)| endpoint.id == id);
        found.map(|(id, _)| id)
    };
    let Some(domain) = find(&format!("{{domain {DOMAIN}}}")) else { return Ok(()) };
    let policies = resolved(&world.policies);
    let inventory = Inventory::new(&world.cluster);
    let addresses = world.boundary_addresses();
    for who in inventory.everyone() {
        let Who::Pod(group, _) = who else { continue };
        let holds = |id: &EndpointId| {
            let kind = engine.endpoint(*id).map(|endpoint| &endpoint.kind);
            matches!(kind, Some(EndpointKind::Pods { groups, .. }) if groups.contains(&group))
        };
        let src = inventory.end(who).unwrap();
        for protocol in Protocol::ALL {
            for port in world.boundary_ports(protocol) {
                let everywhere = addresses.iter().all(|address| {
                    let dst = inventory.end(Who::Address(*address)).unwrap();
                    let flow = Flow { src, dst, protocol, port };
                    decide(&policies, world.profile, &flow).egress == Verdict::Allow
                });
                // Pods of a group differ in their addresses only, which their egress does not ask for.
                for id in engine.ids().filter(holds) {
                    let said = engine.traffic(engine.between(id, domain).egress).contains(protocol, port);
                    prop_assert_eq!(said, everywhere, "{} over {} {}", who, protocol, port);
                }
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn a_domain_is_any_address(world in ordered_worlds()) {
        check(&world)?;
    }
}
