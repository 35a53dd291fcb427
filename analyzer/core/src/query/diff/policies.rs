//! Which policies a change adds, removes and changes.

use std::collections::BTreeMap;

use npv_models::policy::{
    Action, Direction, Mode, ObjectRef, PeerMatch, Peers, PodSelector, Policy, PolicySet, PortMatch, Ports,
    Priority, Rule, Tier,
};
use npv_models::source::Span;

/// A policy that is new, gone, or means something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyChange {
    /// `Kind/namespace/name`.
    pub object: String,
    /// Its name in the base; `None` where it is new.
    pub base: Option<Span>,
    /// Its name in the head; `None` where it is gone.
    pub head: Option<Span>,
}

/// The policies of one side, by their objects, with their tiers.
pub(super) type ByObject<'p> = BTreeMap<&'p ObjectRef, (&'p Tier, &'p Policy)>;

pub(super) fn by_object(policies: &PolicySet) -> ByObject<'_> {
    policies.policies().map(|(_, tier, policy)| (&*policy.object, (tier, policy))).collect()
}

/// The changes, by object.
pub(super) fn changes(base: &PolicySet, head: &PolicySet) -> Vec<PolicyChange> {
    let (old, new) = (by_object(base), by_object(head));
    let mut objects: Vec<&ObjectRef> = old.keys().chain(new.keys()).copied().collect();
    objects.sort();
    objects.dedup();
    let change = |object: &ObjectRef| {
        let (before, after) = (old.get(object), new.get(object));
        if let (Some((tier, before)), Some((other, after))) = (before, after)
            && Meaning::of(tier, before) == Meaning::of(other, after)
        {
            return None;
        }
        let span = |side: Option<&(&Tier, &Policy)>| side.map(|(_, policy)| policy.name_span);
        Some(PolicyChange { object: object.to_string(), base: span(before), head: span(after) })
    };
    objects.into_iter().filter_map(change).collect()
}

/// All of a policy that a verdict can depend on, without where it is written.
#[derive(PartialEq)]
pub(super) struct Meaning<'p> {
    tier: &'p str,
    priority: &'p Priority,
    subject: &'p PodSelector,
    rules: [Option<Vec<RuleMeaning<'p>>>; 2],
}

/// All of a rule that a verdict can depend on.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RuleMeaning<'p> {
    action: &'static str,
    /// `None` for everybody.
    peers: Option<Vec<&'p PeerMatch>>,
    /// `None` for every port.
    ports: Option<Vec<&'p PortMatch>>,
}

impl<'p> Meaning<'p> {
    pub(super) fn of(tier: &'p Tier, policy: &'p Policy) -> Self {
        let rules = |direction: Direction| {
            policy.rules(direction).map(|rules| {
                let mut rules: Vec<RuleMeaning<'_>> = rules.iter().map(RuleMeaning::of).collect();
                // Only the first rule that matches decides in an ordered tier; elsewhere rules have no order.
                if tier.mode != Mode::FirstMatch {
                    rules.sort();
                    rules.dedup();
                }
                rules
            })
        };
        Self {
            tier: &tier.name,
            priority: &policy.priority,
            subject: &policy.subject,
            rules: Direction::ALL.map(rules),
        }
    }
}

impl<'p> RuleMeaning<'p> {
    pub(super) fn of(rule: &'p Rule) -> Self {
        let mut peers = match &rule.peers {
            Peers::Anyone => None,
            Peers::Listed(peers) => Some(peers.iter().map(|peer| &peer.matches).collect::<Vec<_>>()),
        };
        let mut ports = match &rule.ports {
            Ports::All => None,
            Ports::Listed(items) => Some(items.iter().map(|item| &item.matches).collect::<Vec<_>>()),
        };
        if let Some(peers) = &mut peers {
            peers.sort();
            peers.dedup();
        }
        if let Some(ports) = &mut ports {
            ports.sort();
            ports.dedup();
        }
        let action: Action = rule.action;
        Self { action: action.name(), peers, ports }
    }
}
