//! `service-port-confusion`.

use std::collections::BTreeSet;

use npv_models::cluster::{GroupId, PodGroup, Service, ServicePort, TargetPort};
use npv_models::diagnostic::{Applicability, Edit, Finding, Fix};
use npv_models::policy::{Action, Direction, PeerMatch, Peers, PortItem, PortMatch, Ports, Rule, Tier};
use npv_models::space::{PortSet, Protocol, Traffic};

use crate::lint::context::PlacedRule;
use crate::lint::rule::lint_rule;
use crate::lint::services::target;
use crate::lint::spelling::Spelling;
use crate::lint::traffic::{item_toward, toward};
use crate::lint::words::{self, Names};
use crate::lint::{Check, Context};

lint_rule! {
    /// A rule that admits a Service's port where the pods behind the Service listen on another one.
    ///
    /// ## What it finds
    ///
    /// A rule whose ports have a Service's `port`, but not its `targetPort`, toward pods behind that
    /// Service.
    ///
    /// ## Why it matters
    ///
    /// A Service translates its port to the pod's port before any policy looks. Clients say
    /// `http://api:80`; the packet that the policy sees goes to 8080. The rule admits a port on
    /// which nobody listens, and the one that is used stays shut. It is the most frequent mistake with
    /// NetworkPolicy.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: v1
    /// kind: Pod
    /// metadata: {name: api, namespace: shop, labels: {app: api}}
    /// spec: {containers: [{name: api, ports: [{containerPort: 8080}]}]}
    /// ---
    /// apiVersion: v1
    /// kind: Service
    /// metadata: {name: api, namespace: shop}
    /// spec: {selector: {app: api}, ports: [{port: 80, targetPort: 8080}]}
    /// ---
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: api, namespace: shop}
    /// spec:
    ///   podSelector: {matchLabels: {app: api}}
    ///   ingress:
    ///     - ports:
    ///         - port: 80
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Write the port on which the pods listen.
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: api, namespace: shop}
    /// spec:
    ///   podSelector: {matchLabels: {app: api}}
    ///   ingress:
    ///     - ports:
    ///         - port: 8080
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// Where the rule admits the target port as well, or another rule does for the same peers; where
    /// one of the pods that the rule leads to declares the port or serves it to another Service; on a
    /// rule for every port; on an egress rule that names no pods.
    pub(in crate::lint) static SERVICE_PORT_CONFUSION = {
        name: "service-port-confusion",
        category: BrokenPath,
        severity: Warning,
        check: Check::Snapshot(check),
    };
}

/// An entry of a rule's ports that admits Services' ports in place of their pods' ports.
#[derive(Debug)]
pub(in crate::lint) struct Confusion<'a> {
    placed: PlacedRule<'a>,
    item: &'a PortItem,
    /// The Services; never none.
    services: Vec<Confused<'a>>,
    meant: Traffic,
}

impl Confusion<'_> {
    /// The number of the policy that it is in.
    pub(in crate::lint) fn policy(&self) -> u32 {
        self.placed.at.index
    }

    /// Whether it is in this rule.
    pub(super) fn is_in(&self, rule: &Rule) -> bool {
        std::ptr::eq(self.placed.rule, rule)
    }

    /// The tier that it is in.
    pub(super) fn tier(&self) -> &Tier {
        self.placed.at.tier
    }

    /// The rule that it is in.
    pub(super) fn rule(&self) -> &Rule {
        self.placed.rule
    }

    /// The direction of that rule.
    pub(super) fn direction(&self) -> Direction {
        self.placed.direction
    }

    /// What the entry would admit if it named the pods' ports.
    pub(super) fn meant(&self) -> &Traffic {
        &self.meant
    }
}

/// A Service whose port a rule admits, with what its backends listen on instead.
#[derive(Debug)]
struct Confused<'a> {
    service: &'a Service,
    port: &'a ServicePort,
    targets: BTreeSet<u16>,
    backends: Vec<GroupId>,
}

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    findings.extend(context.confusions().iter().filter_map(|confusion| finding(context, confusion)));
}

/// Every confusion of all policies.
pub(in crate::lint) fn confusions<'a>(context: &Context<'a>) -> Vec<Confusion<'a>> {
    let mut found = Vec::new();
    if context.cluster().services.is_empty() {
        return found;
    }
    for placed in context.rules() {
        let Ports::Listed(items) = &placed.rule.ports else { continue };
        let limited = !matches!(placed.rule.own, Peers::Anyone);
        if placed.rule.action != Action::Allow || limited || !items.iter().any(speaks_of_some) {
            continue;
        }
        let Some(destinations) = destinations(context, placed) else { continue };
        for item in items.iter().filter(|item| speaks_of_some(item)) {
            let services = confused(context, placed, item, &destinations);
            if services.is_empty() {
                continue;
            }
            let meant = services.iter().fold(Traffic::NONE, |traffic, confused| {
                let ports = confused.targets.iter().map(|&target| (target, target));
                traffic.union(&Traffic::of(confused.port.protocol, PortSet::from_intervals(ports)))
            });
            found.push(Confusion { placed, item, services, meant });
        }
    }
    found
}

/// Whether the entry lists some ports by number, and not every port of a protocol.
fn speaks_of_some(item: &PortItem) -> bool {
    match &item.matches {
        PortMatch::Numbers(traffic) => {
            Protocol::ALL.iter().all(|&protocol| !traffic.ports(protocol).is_full())
        }
        PortMatch::Named { .. } => false,
    }
}

fn destinations(context: &Context<'_>, placed: PlacedRule<'_>) -> Option<Vec<GroupId>> {
    let groups: BTreeSet<GroupId> = match (placed.direction, &placed.rule.peers) {
        (Direction::Ingress, _) => {
            context.selected(placed.at.tier, &placed.at.policy.subject)?.pods.iter().collect()
        }
        (Direction::Egress, Peers::Anyone) => return None,
        (Direction::Egress, Peers::Listed(peers)) => peers
            .iter()
            .filter_map(|peer| match &peer.matches {
                PeerMatch::Pods(selector) => context.selected(placed.at.tier, selector),
                _ => None,
            })
            .flat_map(|selected| selected.pods.iter())
            .collect(),
    };
    Some(groups.into_iter().collect())
}

/// Whether the pods listen on the port, as far as anything says so.
fn listens(context: &Context<'_>, id: GroupId, group: &PodGroup, protocol: Protocol, number: u16) -> bool {
    let declared = group.ports.iter().any(|port| port.protocol == protocol && port.number == number);
    declared
        || context.services().in_front_of(id).any(|service| {
            service.ports.iter().any(|port| port.protocol == protocol && target(port, group) == Some(number))
        })
}

fn confused<'a>(
    context: &Context<'a>,
    placed: PlacedRule<'_>,
    item: &PortItem,
    destinations: &[GroupId],
) -> Vec<Confused<'a>> {
    let admitted = item_toward(&item.matches, None);
    let mut found: Vec<Confused<'_>> = Vec::new();
    for &id in destinations {
        let Some(group) = context.pods.group(id) else { continue };
        for service in context.services().in_front_of(id) {
            for port in &service.ports {
                let Some(target) = target(port, group) else { continue };
                if target == port.port
                    || !admitted.touches(port.protocol, port.port)
                    || toward(&placed.rule.ports, Some(group)).touches(port.protocol, target)
                    || admitted_elsewhere(context, placed, id, group, port.protocol, target)
                {
                    continue;
                }
                let known = found
                    .iter_mut()
                    .find(|known| std::ptr::eq(known.service, service) && std::ptr::eq(known.port, port));
                match known {
                    Some(known) => {
                        known.targets.insert(target);
                        known.backends.push(id);
                    }
                    None => found.push(Confused {
                        service,
                        port,
                        targets: BTreeSet::from([target]),
                        backends: vec![id],
                    }),
                }
            }
        }
    }
    // A port that somebody behind the rule does listen on was meant for that.
    found.retain(|confused| {
        !destinations.iter().any(|&id| {
            context
                .pods
                .group(id)
                .is_some_and(|group| listens(context, id, group, confused.port.protocol, confused.port.port))
        })
    });
    found
}

/// Whether another rule admits the pod's real port for the same peers, so that the path is not broken.
fn admitted_elsewhere(
    context: &Context<'_>,
    placed: PlacedRule<'_>,
    destination: GroupId,
    group: &PodGroup,
    protocol: Protocol,
    number: u16,
) -> bool {
    let subject = match placed.direction {
        Direction::Ingress => Some(destination),
        Direction::Egress => context
            .selected(placed.at.tier, &placed.at.policy.subject)
            .and_then(|selected| selected.pods.iter().next()),
    };
    let Some(subject) = subject else { return false };
    context.selecting(subject).any(|other| {
        other.policy.rules(placed.direction).unwrap_or_default().iter().any(|rule| {
            !std::ptr::eq(rule, placed.rule)
                && rule.action == Action::Allow
                && covers(&rule.peers, &placed.rule.peers)
                && toward(&rule.ports, Some(group)).touches(protocol, number)
        })
    })
}

/// Whether one list of peers has every entry of another.
fn covers(wide: &Peers, narrow: &Peers) -> bool {
    match (wide, narrow) {
        (Peers::Anyone, _) => true,
        (Peers::Listed(_), Peers::Anyone) => false,
        (Peers::Listed(wide), Peers::Listed(narrow)) => {
            narrow.iter().all(|peer| wide.iter().any(|other| other.matches == peer.matches))
        }
    }
}

fn finding(context: &Context<'_>, confusion: &Confusion<'_>) -> Option<Finding> {
    let Confusion { placed, item, services: confused, .. } = confusion;
    let first = confused.first()?;
    let object = &placed.at.policy.object;
    // Several Services may have the port; their pods may listen on different ones.
    let mut names: Vec<String> =
        confused.iter().map(|one| context.cluster().service_object(one.service)).collect();
    names.dedup();
    let service = words::some(&names, 3);
    let (protocol, number) = (first.port.protocol, first.port.port);
    let all: BTreeSet<u16> = confused.iter().flat_map(|one| &one.targets).copied().collect();
    let targets = all.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
    let backends: BTreeSet<GroupId> = confused.iter().flat_map(|one| &one.backends).copied().collect();
    let pods = words::some(context.cluster().endpoint_names(backends.into_iter()), 3);
    let message = format!(
        "`{object}` admits {protocol} {number}, the port of {service}, but {pods} behind it is reached on {targets}: \
         policy sees the pod's port, after the Service has translated"
    );
    let item_span = item.provenance.span;
    let value = Spelling::of(object).port(context.sources(), item_span);
    let mut finding = SERVICE_PORT_CONFUSION
        .finding(value.unwrap_or(item_span), message)
        .label(format!("the Service's port; the pods are reached on {targets}"))
        .object(object.to_string())
        .key(format!("{} {protocol} {number}", placed.direction));
    for other in confused {
        let name = context.cluster().service_object(other.service);
        let to = match &other.port.target {
            TargetPort::Number(number) => number.to_string(),
            TargetPort::Name(port) => format!("{port} of each pod"),
        };
        finding = finding
            .related(other.port.target_span, format!("`{name}` translates {} to {to}", other.port.port));
    }
    // One number for another, where there is only one of each.
    let only = |traffic: &Traffic| {
        let ports = traffic.ports(protocol).intervals();
        matches!(ports, [(first, last)] if first == last)
    };
    match (all.iter().next(), all.len(), value, &item.matches) {
        (Some(target), 1, Some(span), PortMatch::Numbers(traffic)) if only(traffic) => {
            finding = finding.fix(Fix {
                description: format!("replace {number} by {target}, the port of the pods"),
                applicability: Applicability::Unsafe,
                edits: vec![Edit { span, replacement: target.to_string() }],
                example: None,
            });
        }
        _ if all.len() > 1 => {
            finding =
                finding.help(format!("write the ports of the pods, each as an entry of its own: {targets}"));
        }
        _ => finding = finding.help(format!("write the port of the pods: {targets}")),
    }
    Some(finding)
}
