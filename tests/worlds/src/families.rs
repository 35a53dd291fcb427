//! Worlds about address families: dual-stack pods under policies of blocks, so that the two sides of a connection
//! often admit different families.

use npv_models::decide::Profile;
use npv_models::policy::{Action, Mode, NoMatch, PeerMatch, Peers, Policy, PolicySet, Ports, Rule};
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;

use crate::words::{self, across, ordered, two_way};
use crate::{Shape, World, cluster, policies};

/// Blocks that hold many of the addresses of pods.
const BLOCKS: [&str; 6] =
    ["10.0.0.0/8", "10.0.0.0/30", "0.0.0.0/0", "2001:db8::/32", "2001:db8::1/128", "::/0"];

pub(super) fn worlds(shape: Shape) -> impl Strategy<Value = World> {
    (cluster::clusters(shape), policy_sets(shape)).prop_map(move |(mut cluster, policies)| {
        for member in cluster.groups.iter_mut().flat_map(|group| &mut group.members) {
            // Those with some addresses keep them: one family only now and then.
            if member.addresses.is_empty() && !shape.unknowns {
                member.addresses = ["10.0.0.1", "2001:db8::1"].into_iter().flat_map(str::parse).collect();
            }
        }
        World { cluster, policies, profile: Profile::default() }
    })
}

fn rule(shape: Shape, actions: &'static [Action]) -> impl Strategy<Value = Rule> {
    let block = select(&BLOCKS[..])
        .prop_map(|text| PeerMatch::Block { cidr: policies::net(text), except: Vec::new() });
    let every_port = any::<bool>();
    (policies::rule(shape, actions), vec(block.prop_map(words::peer), 1..=2), every_port).prop_map(
        |(mut rule, peers, every_port)| {
            rule.peers = Peers::Listed(peers);
            if every_port {
                rule.ports = Ports::All;
            }
            rule
        },
    )
}

fn policy(shape: Shape, actions: &'static [Action]) -> impl Strategy<Value = Policy> {
    let rules = || weighted(0.8, vec(rule(shape, actions), 1..=2));
    (prop_oneof![2 => Just(across("", "")), 1 => policies::pods(shape)], rules(), rules())
        .prop_map(|(subject, ingress, egress)| two_way("p", subject, ingress, egress))
}

fn policy_sets(shape: Shape) -> impl Strategy<Value = PolicySet> {
    let some = |actions| vec(policy(shape, actions), 1..=2);
    let union = some(&[Action::Allow]).prop_map(words::union);
    let denying = &[Action::Allow, Action::Deny];
    let deny_wins =
        some(denying).prop_map(|policies| words::tier("Cilium", Mode::DenyWins, NoMatch::Deny, policies));
    let admin = some(denying).prop_map(|policies| ordered("Admin", policies));
    prop_oneof![3 => union, 1 => deny_wins, 1 => admin].prop_map(|tier| words::tiers(vec![tier]))
}
