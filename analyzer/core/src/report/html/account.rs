//! Policies and their rules, in terms of the classes that they match.

use npv_models::policy::{Direction, Mode, NoMatch, PeerMatch, Peers, Policy, PolicySet, Ports, Rule};
use serde::Serialize;

use super::document::{Flows, word};
use super::excerpt::Excerpts;
use crate::engine::{Account, RuleOfPolicy};
use crate::lint::words;
use crate::report::json::Place;

/// An independent enforcement point.
#[derive(Serialize)]
pub(super) struct LayerOf<'a> {
    name: &'a str,
    tiers: Vec<TierOf<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TierOf<'a> {
    name: &'a str,
    #[serde(serialize_with = "word")]
    mode: Mode,
    /// Whom what no rule matches concerns: `everybody`, or those whom a policy of the tier selects.
    participation: &'static str,
    #[serde(serialize_with = "word")]
    no_match: NoMatch,
    /// Its selectors and named ports see pods on the host network.
    sees_hosts: bool,
    policies: Vec<PolicyOf<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PolicyOf<'a> {
    kind: &'a str,
    namespace: Option<&'a str>,
    name: &'a str,
    priority: Option<f64>,
    /// The set of classes that it applies to.
    subject: u32,
    /// The same in words.
    selects: String,
    at: Option<Place<'a>>,
    excerpt: Option<u32>,
    ingress: Option<Vec<RuleOf<'a>>>,
    egress: Option<Vec<RuleOf<'a>>>,
    /// Directions whose rules are written and have no effect (S-2).
    inert: Vec<Direction>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RuleOf<'a> {
    name: &'a str,
    action: &'static str,
    at: Option<Place<'a>>,
    excerpt: Option<u32>,
    /// The set of classes at the other end; where families count, also those over IPv4 and over IPv6.
    peers: Vec<u32>,
    /// The same in words; empty for everybody.
    from: Vec<String>,
    /// The traffic that is given by numbers.
    traffic: u32,
    /// The named ports, looked up on the destination.
    names: Vec<u32>,
    /// Both in words; empty for everything.
    over: Vec<String>,
    /// What of the rule is not modelled.
    unsupported: Option<&'static str>,
    /// Whom it matches depends on both ends, so that no one set is its peers.
    relative: bool,
}

/// All policies, in evaluation order.
pub(super) fn layers<'a>(
    policies: &'a PolicySet,
    account: &Account,
    flows: &mut Flows,
    excerpts: &mut Excerpts<'a>,
) -> Vec<LayerOf<'a>> {
    let mut layers = Vec::new();
    for (layer, of_layer) in policies.layers.iter().zip(&account.layers) {
        let mut tiers = Vec::new();
        for (tier, of_tier) in layer.tiers.iter().zip(of_layer) {
            let policies = tier.policies.iter().zip(&of_tier.policies).map(|(policy, compiled)| {
                let rules = |rules: Option<&'a [Rule]>,
                             compiled: &[RuleOfPolicy],
                             flows: &mut Flows,
                             excerpts: &mut Excerpts<'a>| {
                    let rules = rules?.iter().zip(compiled);
                    Some(rules.map(|(rule, compiled)| of_rule(rule, compiled, flows, excerpts)).collect())
                };
                let ingress = rules(policy.ingress.as_deref(), &compiled.ingress, flows, excerpts);
                let egress = rules(policy.egress.as_deref(), &compiled.egress, flows, excerpts);
                PolicyOf { ingress, egress, ..of_policy(policy, compiled.subject, excerpts) }
            });
            let policies = policies.collect();
            tiers.push(TierOf {
                name: &tier.name,
                mode: tier.mode,
                participation: if tier.isolates() { "selected" } else { "everybody" },
                no_match: tier.no_match,
                sees_hosts: of_tier.sees_hosts,
                policies,
            });
        }
        layers.push(LayerOf { name: &layer.name, tiers });
    }
    layers
}

fn of_policy<'a>(policy: &'a Policy, subject: u32, excerpts: &mut Excerpts<'a>) -> PolicyOf<'a> {
    PolicyOf {
        kind: policy.object.kind,
        namespace: policy.object.namespace.as_deref(),
        name: &policy.object.name,
        priority: policy.priority.order(),
        subject,
        selects: words::pods(&policy.subject),
        at: Place::of(policy.name_span, excerpts.sources()),
        excerpt: excerpts.of(policy.subject_span, 0),
        ingress: None,
        egress: None,
        inert: policy.inert.iter().map(|inert| inert.direction).collect(),
    }
}

fn of_rule<'a>(
    rule: &'a Rule,
    compiled: &RuleOfPolicy,
    flows: &mut Flows,
    excerpts: &mut Excerpts<'a>,
) -> RuleOf<'a> {
    RuleOf {
        name: rule.name.as_deref().unwrap_or(&rule.provenance.path),
        action: rule.action.name(),
        at: Place::of(rule.provenance.span, excerpts.sources()),
        excerpt: excerpts.of(rule.provenance.span, 0),
        peers: compiled.peers.clone(),
        from: match &rule.peers {
            Peers::Anyone => Vec::new(),
            Peers::Listed(peers) => peers.iter().map(|peer| words::peer(&peer.matches)).collect(),
        },
        traffic: flows.number(&compiled.fixed),
        names: compiled.names.clone(),
        over: match &rule.ports {
            Ports::All => Vec::new(),
            Ports::Listed(ports) => ports.iter().map(|port| words::port(&port.matches)).collect(),
        },
        unsupported: has_peer(rule, |term| matches!(term, PeerMatch::Unknown)).then_some("a peer"),
        relative: has_peer(rule, |term| matches!(term, PeerMatch::Same(_))),
    }
}

/// Whether a term like this is among the peers of a rule, at either end.
fn has_peer(rule: &Rule, is: impl Fn(&PeerMatch) -> bool) -> bool {
    [&rule.peers, &rule.own].into_iter().any(|peers| match peers {
        Peers::Anyone => false,
        Peers::Listed(peers) => {
            peers.iter().any(|peer| peer.matches.terms().into_iter().any(|(term, _)| is(term)))
        }
    })
}
