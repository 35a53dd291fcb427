//! Worlds about address families: dual-stack pods under policies of blocks, so that the two sides of a connection
//! often admit different families.

use std::sync::Arc;

use npv_models::decide::Profile;
use npv_models::policy::{
    Action, Layer, Mode, NamespaceSelector, NoMatch, ObjectRef, Participation, Peer, PeerMatch, Peers,
    PodSelector, Policy, PolicySet, Ports, Rule, Tier,
};
use npv_models::space::Selector;
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;

use super::{World, cluster, nowhere, policies};

/// Blocks that hold many of the addresses of pods.
const BLOCKS: [&str; 6] =
    ["10.0.0.0/8", "10.0.0.0/30", "0.0.0.0/0", "2001:db8::/32", "2001:db8::1/128", "::/0"];

pub(super) fn worlds() -> impl Strategy<Value = World> {
    (cluster::clusters(), policy_sets()).prop_map(|(mut cluster, policies)| {
        for member in cluster.groups.iter_mut().flat_map(|group| &mut group.members) {
            // Those with some addresses keep them: one family only now and then.
            if member.addresses.is_empty() {
                member.addresses = ["10.0.0.1", "2001:db8::1"].into_iter().flat_map(str::parse).collect();
            }
        }
        World { cluster, policies, profile: Profile::default() }
    })
}

fn rule(actions: &'static [Action]) -> impl Strategy<Value = Rule> {
    let block = select(&BLOCKS[..])
        .prop_map(|text| PeerMatch::Block { cidr: policies::net(text), except: Vec::new() });
    let peer = block.prop_map(|matches| Peer { matches, provenance: policies::provenance() });
    let every_port = any::<bool>();
    (policies::rule(actions), vec(peer, 1..=2), every_port).prop_map(|(mut rule, peers, every_port)| {
        rule.peers = Peers::Listed(peers);
        if every_port {
            rule.ports = Ports::All;
        }
        rule
    })
}

fn policy(actions: &'static [Action]) -> impl Strategy<Value = Policy> {
    let namespaces = NamespaceSelector::Labels(Selector::EVERYTHING);
    let everybody = Just(PodSelector { namespaces, pods: Selector::EVERYTHING });
    let rules = || weighted(0.8, vec(rule(actions), 1..=2));
    (prop_oneof![2 => everybody, 1 => policies::pods()], rules(), rules()).prop_map(
        |(subject, ingress, egress)| Policy {
            object: Arc::new(ObjectRef { kind: "Policy", namespace: None, name: "p".into() }),
            name_span: nowhere(),
            priority: 0,
            subject,
            subject_span: nowhere(),
            ingress,
            egress,
            inert: Vec::new(),
        },
    )
}

fn policy_sets() -> impl Strategy<Value = PolicySet> {
    let tier = |name, mode, participation, no_match, fixed, actions| {
        vec(policy(actions), 1..=2).prop_map(move |policies| Tier {
            name,
            mode,
            participation,
            no_match,
            fixed,
            policies,
        })
    };
    let union =
        tier("NetworkPolicy", Mode::Union, Participation::Selected, NoMatch::Deny, None, &[Action::Allow]);
    let deny_wins = tier(
        "Cilium",
        Mode::DenyWins,
        Participation::Selected,
        NoMatch::Deny,
        None,
        &[Action::Allow, Action::Deny],
    );
    let ordered = tier(
        "Admin",
        Mode::FirstMatch,
        Participation::Everybody,
        NoMatch::NextTier,
        Some(Profile::ADMIN),
        &[Action::Allow, Action::Deny],
    );
    prop_oneof![3 => union, 1 => deny_wins, 1 => ordered]
        .prop_map(|tier| PolicySet { layers: vec![Layer { name: "CNI", tiers: vec![tier] }] })
}
