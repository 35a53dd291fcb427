//! Random small worlds, biased to where engines go wrong: boundaries of blocks and of port ranges,
//! absent labels, negative operators, named ports that differ per pod, overlapping policies, both
//! address families, pod addresses inside blocks, the host network, tiers of every mode.
//!
//! The vocabulary is tiny on purpose: most selectors, blocks and ports of a world overlap.

mod cluster;
mod ends;
mod families;
mod policies;
mod show;

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use npv_models::cluster::Cluster;
use npv_models::decide::Profile;
use npv_models::policy::{PeerMatch, Peers, PolicySet, PortMatch, Ports, Rule};
use npv_models::source::{SourceId, Span};
use npv_models::space::Protocol;
use proptest::prelude::*;

pub use ends::{Inventory, Who};

/// A cluster with policies. Its `Debug` form is a readable listing, so that a failure can be made a
/// scenario of the corpus.
#[derive(Clone)]
pub struct World {
    /// Who is there.
    pub cluster: Cluster,
    /// What is allowed.
    pub policies: PolicySet,
    /// What the network plugin decides.
    pub profile: Profile,
}

/// Worlds of any shape.
pub fn worlds() -> impl Strategy<Value = World> {
    let any = (cluster::clusters(), policies::policy_sets(), profiles())
        .prop_map(|(cluster, policies, profile)| World { cluster, policies, profile });
    prop_oneof![3 => any, 1 => families::worlds()]
}

/// Worlds of one layer with one tier of NetworkPolicies.
pub fn network_policy_worlds() -> impl Strategy<Value = World> {
    (cluster::clusters(), policies::network_policies(), profiles())
        .prop_map(|(cluster, policies, profile)| World { cluster, policies, profile })
}

/// Worlds of one layer with one ordered tier.
pub fn ordered_worlds() -> impl Strategy<Value = World> {
    (cluster::clusters(), policies::ordered_policies(), profiles())
        .prop_map(|(cluster, policies, profile)| World { cluster, policies, profile })
}

/// Worlds of one layer with one ordered tier whose policies get into each other's way, where everybody has
/// addresses of one family only.
pub fn contested_worlds() -> impl Strategy<Value = World> {
    let plugins =
        (any::<bool>(), any::<bool>()).prop_map(|(blocks_match_pods, selectors_see_host_network)| Profile {
            blocks_match_pods,
            selectors_see_host_network,
        });
    (cluster::clusters(), policies::contested_policies(), plugins, any::<bool>()).prop_map(
        |(mut cluster, mut policies, profile, as_the_plugin)| {
            let one_family = |addresses: &mut Box<[IpAddr]>| {
                if let Some(v6) = addresses.first().map(IpAddr::is_ipv6) {
                    *addresses = addresses.iter().copied().filter(|one| one.is_ipv6() == v6).collect();
                }
            };
            let members = cluster.groups.iter_mut().flat_map(|group| &mut group.members);
            members.for_each(|member| one_family(&mut member.addresses));
            cluster.nodes.iter_mut().for_each(|node| one_family(&mut node.addresses));
            if as_the_plugin {
                for tier in policies.layers.iter_mut().flat_map(|layer| &mut layer.tiers) {
                    tier.fixed = None;
                }
            }
            World { cluster, policies, profile }
        },
    )
}

/// A rule that allows something.
pub fn allow_rules() -> impl Strategy<Value = Rule> {
    policies::allow_rule()
}

fn profiles() -> impl Strategy<Value = Profile> {
    prop_oneof![
        1 => Just(Profile::default()),
        1 => (any::<bool>(), any::<bool>()).prop_map(|(blocks_match_pods, selectors_see_host_network)| Profile {
            blocks_match_pods,
            selectors_see_host_network,
        }),
    ]
}

/// No manifest is behind a world, so that every span is this one.
pub(crate) fn nowhere() -> Span {
    Span::new(SourceId(0), 0, 0)
}

impl World {
    fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.policies
            .policies()
            .flat_map(|(_, _, policy)| policy.ingress.iter().chain(&policy.egress).flatten())
    }

    /// Whether a pod or node is known to have addresses of both families.
    pub fn is_dual_stack(&self) -> bool {
        let pods = self.cluster.groups.iter().flat_map(|group| &group.members).map(|pod| &pod.addresses);
        let mut all = pods.chain(self.cluster.nodes.iter().map(|node| &node.addresses));
        all.any(|known| known.iter().any(IpAddr::is_ipv4) && known.iter().any(IpAddr::is_ipv6))
    }

    /// The addresses at which an answer can change: both ends of every block that a rule mentions or
    /// takes out, and their neighbours; the ends of both families.
    pub fn boundary_addresses(&self) -> BTreeSet<IpAddr> {
        let mut found = BTreeSet::new();
        let mut ends =
            |net: &IpNet| found.extend([net.network(), net.broadcast()].into_iter().flat_map(around));
        for rule in self.rules() {
            let Peers::Listed(peers) = &rule.peers else { continue };
            for peer in peers {
                if let PeerMatch::Block { cidr, except } = &peer.matches {
                    ends(cidr);
                    except.iter().for_each(&mut ends);
                }
            }
        }
        found.extend([Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST].map(IpAddr::V4));
        found.extend([Ipv6Addr::UNSPECIFIED, Ipv6Addr::from_bits(u128::MAX)].map(IpAddr::V6));
        found
    }

    /// The ports of a protocol at which an answer can change: every end of a range that a rule or a
    /// container mentions, and its neighbours; the ends of the domain.
    pub fn boundary_ports(&self, protocol: Protocol) -> BTreeSet<u16> {
        let mut ends = BTreeSet::from([1, u16::MAX]);
        for group in &self.cluster.groups {
            ends.extend(group.ports.iter().filter(|port| port.protocol == protocol).map(|port| port.number));
        }
        for rule in self.rules() {
            let Ports::Listed(items) = &rule.ports else { continue };
            for item in items {
                let PortMatch::Numbers(traffic) = &item.matches else { continue };
                let ranges = traffic.ports(protocol).intervals();
                ends.extend(ranges.iter().flat_map(|(first, last)| [*first, *last]));
            }
        }
        ends.into_iter()
            .flat_map(|port| [port.saturating_sub(1), port, port.saturating_add(1)])
            .filter(|port| *port > 0)
            .collect()
    }
}

/// An address and its neighbours in its family.
fn around(address: IpAddr) -> Vec<IpAddr> {
    match address {
        IpAddr::V4(address) => {
            let bits = address.to_bits();
            [Some(bits), bits.checked_sub(1), bits.checked_add(1)]
                .into_iter()
                .flatten()
                .map(|bits| Ipv4Addr::from_bits(bits).into())
                .collect()
        }
        IpAddr::V6(address) => {
            let bits = address.to_bits();
            [Some(bits), bits.checked_sub(1), bits.checked_add(1)]
                .into_iter()
                .flatten()
                .map(|bits| Ipv6Addr::from_bits(bits).into())
                .collect()
        }
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show::world(self, f)
    }
}
