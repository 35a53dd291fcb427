//! Random small worlds, biased to where engines go wrong: boundaries of blocks and of port ranges,
//! absent labels, negative operators, named ports that differ per pod, overlapping policies, both
//! address families, pod addresses inside blocks, the host network, tiers of every mode.
//!
//! The vocabulary is tiny on purpose: most selectors, blocks and ports of a world overlap.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "it is for tests only, which may panic"
)]

mod cluster;
mod ends;
mod families;
pub mod flows;
pub mod policies;
pub mod settle;
mod show;
pub mod words;

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use npv_models::cluster::Cluster;
use npv_models::decide::Profile;
use npv_models::policy::{Entity, PeerMatch, Peers, PolicySet, PortItem, PortMatch, Ports, Rule};
use npv_models::space::Protocol;
use proptest::prelude::*;
use proptest::test_runner::Config;

pub use ends::{Inventory, Spaces, Who};

/// A property test of this many cases, with time for shrinking; what the environment asks of proptest
/// (`PROPTEST_CASES`, `PROPTEST_MAX_SHRINK_ITERS`) comes first.
pub fn cases(count: u32) -> Config {
    let asked = Config::default();
    let is_set = |name| std::env::var_os(name).is_some();
    Config {
        cases: if is_set("PROPTEST_CASES") { asked.cases } else { count },
        max_shrink_iters: if is_set("PROPTEST_MAX_SHRINK_ITERS") { asked.max_shrink_iters } else { 50_000 },
        ..asked
    }
}

/// Something with a probability, which may be none and one.
fn weighted<T: fmt::Debug + Clone + 'static>(
    probability: f64,
    strategy: impl Strategy<Value = T> + 'static,
) -> BoxedStrategy<Option<T>> {
    if probability <= 0.0 {
        Just(None).boxed()
    } else if probability >= 1.0 {
        strategy.prop_map(Some).boxed()
    } else {
        proptest::option::weighted(probability, strategy).boxed()
    }
}

/// What random worlds may have beyond selectors, blocks and ports in tiers of every mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent of each other")]
pub struct Shape {
    /// All that a peer, a rule and a policy can say: negations, entities, own ends, patterns.
    pub terms: bool,
    /// Things that no manifest settles.
    pub unknowns: bool,
    /// Rules that are about HTTP requests.
    pub requests: bool,
    /// Rules that are about ICMP messages.
    pub icmp: bool,
}

impl Shape {
    /// None of it: what NetworkPolicies and the policies around them can say, of clusters that are known.
    pub const PLAIN: Self = Self { terms: false, unknowns: false, requests: false, icmp: false };
    /// All that policies can say of ports, of clusters that are known.
    pub const SETTLED: Self = Self { terms: true, ..Self::PLAIN };
    /// All of it.
    pub const ANY: Self = Self { terms: true, unknowns: true, requests: true, icmp: true };
}

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

/// Worlds of a shape.
pub fn worlds(shape: Shape) -> impl Strategy<Value = World> {
    let any = (cluster::clusters(shape), policies::policy_sets(shape), policies::profiles())
        .prop_map(|(cluster, policies, profile)| World { cluster, policies, profile });
    prop_oneof![3 => any, 1 => families::worlds(shape)]
}

/// Worlds of one layer with one tier of NetworkPolicies.
pub fn network_policy_worlds(shape: Shape) -> impl Strategy<Value = World> {
    (cluster::clusters(shape), policies::network_policies(shape), policies::profiles())
        .prop_map(|(cluster, policies, profile)| World { cluster, policies, profile })
}

/// Worlds of one layer with one ordered tier.
pub fn ordered_worlds(shape: Shape) -> impl Strategy<Value = World> {
    (cluster::clusters(shape), policies::ordered_policies(shape), policies::profiles())
        .prop_map(|(cluster, policies, profile)| World { cluster, policies, profile })
}

/// Worlds of one layer with one ordered tier whose policies get into each other's way, where everybody has
/// addresses of one family only.
pub fn contested_worlds(shape: Shape) -> impl Strategy<Value = World> {
    (cluster::clusters(shape), policies::contested_policies(shape), policies::profiles(), any::<bool>())
        .prop_map(|(mut cluster, mut policies, profile, as_the_plugin)| {
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
        })
}

impl World {
    fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.policies
            .policies()
            .flat_map(|(_, _, policy)| policy.ingress.iter().chain(&policy.egress).flatten())
    }

    fn port_items(&self) -> impl Iterator<Item = &PortItem> {
        self.rules().flat_map(|rule| {
            let listed = match &rule.ports {
                Ports::All => &[][..],
                Ports::Listed(items) => items,
            };
            listed.iter().chain(&rule.not_ports)
        })
    }

    /// The protocols that its policies tell apart: those with ports, and ICMP where some rule is about it.
    pub fn protocols(&self) -> Vec<Protocol> {
        let speaks = |protocol: &Protocol| {
            self.port_items().any(|item| match &item.matches {
                PortMatch::Numbers(traffic) => !traffic.ports(*protocol).is_empty(),
                PortMatch::Named { .. } => false,
            })
        };
        let icmp = [Protocol::Icmp, Protocol::Icmpv6];
        if icmp.iter().any(speaks) { Protocol::EVERY.to_vec() } else { Protocol::ALL.to_vec() }
    }

    /// The ports at which an answer can change, of all its protocols.
    pub fn all_boundary_ports(&self) -> Vec<(Protocol, u16)> {
        let of = |protocol| self.boundary_ports(protocol).into_iter().map(move |port| (protocol, port));
        self.protocols().into_iter().flat_map(of).collect()
    }

    /// Whether rules compare the node of their subject with that of the other end.
    pub fn compares_nodes(&self) -> bool {
        let peers = self.rules().flat_map(|rule| [&rule.own, &rule.peers]);
        let listed = peers.filter_map(|peers| match peers {
            Peers::Anyone => None,
            Peers::Listed(peers) => Some(peers),
        });
        let mut terms = listed.flatten().flat_map(|peer| peer.matches.terms());
        terms.any(|(term, _)| matches!(term, PeerMatch::Entity(Entity::OwnNode | Entity::OtherNode)))
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
        for peers in self.rules().flat_map(|rule| [&rule.own, &rule.peers]) {
            let Peers::Listed(peers) = peers else { continue };
            for (term, _) in peers.iter().flat_map(|peer| peer.matches.terms()) {
                if let PeerMatch::Block { cidr, except } = term {
                    ends(cidr);
                    except.iter().for_each(&mut ends);
                }
            }
        }
        found.extend([Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST].map(IpAddr::V4));
        found.extend([Ipv6Addr::UNSPECIFIED, Ipv6Addr::from_bits(u128::MAX)].map(IpAddr::V6));
        found
    }

    /// Those of the boundary addresses that are outside the cluster: where pods have theirs is inside.
    pub fn outside_addresses(&self) -> BTreeSet<IpAddr> {
        let inside = &self.cluster.assumptions.pod_addresses;
        let addresses = self.boundary_addresses().into_iter();
        addresses.filter(|address| !inside.contains(*address)).collect()
    }

    /// The ports of a protocol at which an answer can change: every end of a range that a rule or a
    /// container mentions, and its neighbours; the ends of the domain.
    pub fn boundary_ports(&self, protocol: Protocol) -> BTreeSet<u16> {
        let mut ends = BTreeSet::from([1, u16::MAX]);
        for group in &self.cluster.groups {
            ends.extend(group.ports.iter().filter(|port| port.protocol == protocol).map(|port| port.number));
        }
        for item in self.port_items() {
            let PortMatch::Numbers(traffic) = &item.matches else { continue };
            let ranges = traffic.ports(protocol).intervals();
            ends.extend(ranges.iter().flat_map(|(first, last)| [*first, *last]));
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
