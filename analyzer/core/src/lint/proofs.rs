//! What the symbolic engine proves of the policies, asked once for all lint rules that report it, and how
//! they word it.

use npv_models::diagnostic::{Applicability, Edit, Finding, Fix, Severity, Witness};
use npv_models::policy::{Action, Direction, PeerMatch, Peers, Policy, Ports, Rule};
use npv_models::source::Span;
use npv_models::space::{IpSet, Labels};
use npv_symbolic::encode::{PolicyId, RuleId};
use npv_symbolic::lint::{self as symbolic, Cause, Fact, Facts, Input, World};
use npv_symbolic::session::Error;
use npv_symbolic::witness::{Witness as Hypothetical, WitnessEnd, WitnessPod};

use super::context::Context;
use super::rule::Rule as LintRule;
use super::traffic::toward;
use super::words;
use crate::engine::EndpointId;

/// Everything that can be proved of the policies of a snapshot.
///
/// # Errors
/// When a flow that the solver found does not replay through the reference semantics: a bug in npv.
pub(super) fn facts(context: &Context<'_>) -> Result<Facts, Error> {
    symbolic::facts(&Input {
        policies: &context.snapshot.policies,
        profile: context.snapshot.profile,
        cluster: context.cluster(),
        snapshot_too: context.pedantic,
        budget: context.budget,
    })
}

/// A rule that a fact is about, with all that a message says of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
    /// Where the rule is.
    pub(super) id: RuleId,
    /// Its policy.
    pub(super) policy: &'a Policy,
    /// The rule.
    pub(super) rule: &'a Rule,
}

impl<'a> Subject<'a> {
    /// The rule with this id.
    pub(super) fn of(context: &Context<'a>, id: RuleId) -> Option<Self> {
        let (_, policy, rule) = id.of(&context.snapshot.policies)?;
        Some(Self { id, policy, rule })
    }

    /// ``rule `dashboards` of `ClusterNetworkPolicy/platform` ``.
    pub(super) fn full_name(&self) -> String {
        format!("{} of `{}`", self.name(), self.policy.object)
    }

    /// The name, with the policy where that is another one.
    pub(super) fn name_seen_from(&self, policy: &Policy) -> String {
        if self.policy.object == policy.object { self.name() } else { self.full_name() }
    }

    /// ``rule `dashboards` ``; where it has no name, its place: ``rule `ingress[1]` ``.
    fn name(&self) -> String {
        if let Some(name) = &self.rule.name {
            return format!("rule `{name}`");
        }
        let path = &*self.rule.provenance.path;
        format!("rule `{}`", path.strip_prefix("spec.").unwrap_or(path))
    }

    /// What tells the rule from others of its policy, without its position in the list.
    pub(super) fn key(&self) -> String {
        if let Some(name) = &self.rule.name {
            return format!("{} {name}", self.id.direction);
        }
        let peers = match &self.rule.peers {
            Peers::Anyone => vec!["anyone".to_owned()],
            Peers::Listed(peers) => sorted(peers.iter().map(|peer| words::peer(&peer.matches))),
        };
        let ports = match &self.rule.ports {
            Ports::All => vec!["all".to_owned()],
            Ports::Listed(items) => sorted(items.iter().map(|item| words::port(&item.matches))),
        };
        format!("{} {} {}", self.id.direction, peers.join(", "), ports.join(", "))
    }
}

/// Texts in an order of their own: that of a list is none of a fingerprint's business.
fn sorted(texts: impl Iterator<Item = String>) -> Vec<String> {
    let mut texts: Vec<String> = texts.collect();
    texts.sort();
    texts
}

/// The policy with this id.
pub(super) fn policy<'a>(context: &Context<'a>, id: PolicyId) -> Option<&'a Policy> {
    id.of(&context.snapshot.policies).map(|(_, policy)| policy)
}

/// A finding about a rule that says where it holds.
pub(super) fn finding(lint: &LintRule, world: World, subject: &Subject<'_>, what: &str) -> Finding {
    let span = subject.rule.provenance.span;
    of_world(lint, world, span, what).object(subject.policy.object.to_string()).key(subject.key())
}

/// A finding that says where it holds.
pub(super) fn of_world(lint: &LintRule, world: World, span: Span, what: &str) -> Finding {
    let place = match world {
        World::EveryCluster => "in every cluster",
        World::Snapshot => "in this snapshot",
    };
    lint.finding(span, format!("{place}, {what}"))
}

/// A finding about something without effect. Where that is so in this snapshot only, it is no mistake: the
/// next pod may change it.
pub(super) fn dead(finding: Finding, world: World) -> Finding {
    match world {
        World::EveryCluster => finding,
        World::Snapshot => Finding { severity: Severity::Note, ..finding },
    }
}

/// What a lint rule says of the rules that never decide, for those whose action is of its kind: what they do
/// in vain, and the label at the rule.
pub(super) fn shadowed(
    context: &Context<'_>,
    facts: &Facts,
    lint: &LintRule,
    of_kind: fn(Action) -> bool,
    [does, label]: [&str; 2],
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for fact in &facts.facts {
        let Fact::Shadowed { rule, by, world } = fact else { continue };
        let Some(subject) = Subject::of(context, *rule) else { continue };
        if !of_kind(subject.rule.action) {
            continue;
        }
        let causes = Causes::new(context, by);
        let (come, matches) = if causes.is_one() { ("comes", "matches") } else { ("come", "match") };
        let what = format!(
            "{} {does}: {} {come} first and {matches} all that it matches",
            subject.full_name(),
            causes.names(subject.policy),
        );
        let finding = finding(lint, *world, &subject, &what)
            .label(label)
            .help("move it before what hides it, or remove it");
        findings.push(causes.point_at(dead(finding, *world), "matches first", "isolates first"));
    }
    findings
}

/// The finding with the edits that remove what has no effect. Where that is so in this snapshot only, the next
/// pod may miss it.
pub(super) fn removed(
    finding: Finding,
    world: World,
    description: &str,
    edits: Option<Vec<Edit>>,
) -> Finding {
    let applicability = match world {
        World::EveryCluster => Applicability::Safe,
        World::Snapshot => Applicability::Unsafe,
    };
    match edits {
        Some(edits) => {
            finding.fix(Fix { description: description.to_owned(), applicability, edits, example: None })
        }
        None => finding,
    }
}

/// What makes it so that something has no effect, in words: rules of the same policy by their names alone.
pub(super) struct Causes<'a> {
    /// Rules that match the flows, in the order in which they are met.
    pub(super) rules: Vec<Subject<'a>>,
    /// Policies that isolate the pods.
    pub(super) isolating: Vec<&'a Policy>,
}

impl<'a> Causes<'a> {
    /// Those of a fact.
    pub(super) fn new(context: &Context<'a>, by: &[Cause]) -> Self {
        let mut causes = Self { rules: Vec::new(), isolating: Vec::new() };
        for cause in by {
            match cause {
                Cause::Rule(id) => causes.rules.extend(Subject::of(context, *id)),
                Cause::Isolation(id) => causes.isolating.extend(policy(context, *id)),
            }
        }
        causes
    }

    /// ``rule `a`, rule `b` of `NetworkPolicy/shop/web` and the isolation by `NetworkPolicy/shop/deny` ``.
    pub(super) fn names(&self, seen_from: &Policy) -> String {
        let rules = self.rules.iter().map(|subject| subject.name_seen_from(seen_from));
        let isolating = self.isolating.iter().map(|policy| format!("the isolation by `{}`", policy.object));
        let mut names: Vec<String> = rules.chain(isolating).collect();
        let more = names.len().saturating_sub(4);
        if more > 0 {
            names.truncate(4);
            return format!("{} and {more} more", names.join(", "));
        }
        match names.split_last() {
            Some((last, [])) => last.clone(),
            Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
            None => String::new(),
        }
    }

    /// Whether there is one cause and no more, for the verb that follows.
    pub(super) fn is_one(&self) -> bool {
        self.rules.len() + self.isolating.len() == 1
    }

    /// Whether rules with this action are all there is.
    pub(super) fn all(&self, action: Action) -> bool {
        self.isolating.is_empty() && self.rules.iter().all(|subject| subject.rule.action == action)
    }

    /// Points at every cause.
    pub(super) fn point_at(&self, finding: Finding, rule_label: &str, isolation_label: &str) -> Finding {
        let rules = self.rules.iter().map(|subject| (subject.rule.provenance.span, rule_label));
        let isolating = self.isolating.iter().map(|policy| (policy.name_span, isolation_label));
        rules.chain(isolating).fold(finding, |finding, (span, label)| finding.related(span, label))
    }
}

/// A flow of the rule: between endpoints of the manifests where that can be, otherwise the one that the solver
/// found.
pub(super) fn witness(context: &Context<'_>, subject: &Subject<'_>, found: &Hypothetical) -> Witness {
    existing(context, subject).unwrap_or_else(|| Witness {
        src: end(&found.src),
        dst: end(&found.dst),
        protocol: found.protocol.name(),
        port: found.port,
    })
}

/// A flow of the rule between endpoints of the manifests.
fn existing(context: &Context<'_>, subject: &Subject<'_>) -> Option<Witness> {
    let Peers::Listed(peers) = &subject.rule.peers else { return None };
    let name = |id: EndpointId| context.engine.endpoint(id).map(|endpoint| endpoint.id.clone());
    let (tier, _) = subject.id.policy.of(&context.snapshot.policies)?;
    let owns = context.selected(tier, &subject.policy.subject)?;
    for peer in peers {
        let PeerMatch::Pods(selector) = &peer.matches else { continue };
        let Some(others) = context.selected(tier, selector) else { continue };
        for own_group in owns.pods.iter() {
            for other_group in others.pods.iter() {
                let ends =
                    (context.endpoints_of(own_group).first(), context.endpoints_of(other_group).first());
                let (Some(&own), Some(&other)) = ends else { continue };
                let several = context.engine.endpoint(own).is_some_and(|endpoint| endpoint.several);
                // A pod does not connect to itself (S-36).
                if own == other && !several {
                    continue;
                }
                let (src, dst, target) = match subject.id.direction {
                    Direction::Ingress => (other, own, own_group),
                    Direction::Egress => (own, other, other_group),
                };
                let traffic = toward(&subject.rule.ports, context.pods.group(target));
                let Some((protocol, port)) = traffic.first() else { continue };
                return Some(Witness { src: name(src)?, dst: name(dst)?, protocol: protocol.name(), port });
            }
        }
    }
    None
}

/// An end that no manifest defines, in braces as every assumed endpoint.
fn end(end: &WitnessEnd) -> String {
    match end {
        WitnessEnd::Pod(pod) => {
            let labels = labels(&pod.labels);
            let host = if pod.host_network { " on the host network" } else { "" };
            let gap = if labels.is_empty() { "" } else { " " };
            format!("{{pod{gap}{labels} of {}{host}}}", namespace(pod))
        }
        WitnessEnd::Node(node) if node.labels.is_empty() => "{node}".to_owned(),
        WitnessEnd::Node(node) => format!("{{node {}}}", labels(&node.labels)),
        WitnessEnd::Address(address) => address.to_string(),
    }
}

fn namespace(pod: &WitnessPod) -> String {
    let known = pod.namespace_labels.iter().filter(|(key, _)| *key != super::pods::NAMESPACE_NAME).collect();
    let labels = labels(&known);
    if labels.is_empty() { pod.namespace.clone() } else { format!("{} ({labels})", pod.namespace) }
}

fn labels(labels: &Labels) -> String {
    let labels: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    labels.join(",")
}

/// Addresses in words: CIDRs where they are, ranges where not.
pub(super) fn addresses(set: &IpSet) -> String {
    words::some(set.ranges().map(|(first, last)| npv_models::space::cidr_text(first, last)), 3)
}
