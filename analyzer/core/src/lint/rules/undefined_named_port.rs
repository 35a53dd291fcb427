//! `undefined-named-port`.

use std::collections::BTreeSet;

use npv_models::cluster::{ContainerPort, GroupId};
use npv_models::diagnostic::{Applicability, Edit, Finding, Fix};
use npv_models::policy::{Direction, PeerMatch, Peers, PortItem, PortMatch, Ports};
use npv_models::space::Protocol;

use crate::lint::context::PlacedRule;
use crate::lint::rule::lint_rule;
use crate::lint::similar::similar;
use crate::lint::spelling::Spelling;
use crate::lint::words::{self, Names};
use crate::lint::{Check, Context, text};

lint_rule! {
    /// A port name that no pod at the rule's destination declares with that protocol.
    ///
    /// ## What it finds
    ///
    /// A named port in a rule that none of the pods it can lead to declares: for ingress those that the
    /// policy selects, for egress those that the peers select. The name is looked up on the
    /// destination pod in both directions, and the protocol must be the same; without `protocol` the
    /// rule means TCP.
    ///
    /// ## Why it matters
    ///
    /// A name that cannot be looked up matches nothing: the port stays shut, and nothing says so. The
    /// frequent causes are a misspelt name, a Service's port name in place of the container's, and
    /// `protocol: UDP` forgotten.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: v1
    /// kind: Pod
    /// metadata: {name: api, namespace: shop, labels: {app: api}}
    /// spec: {containers: [{name: api, ports: [{name: http, containerPort: 8080}]}]}
    /// ---
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: api, namespace: shop}
    /// spec:
    ///   podSelector: {matchLabels: {app: api}}
    ///   ingress:
    ///     - ports:
    ///         - port: web
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Write a name that the containers declare, with its protocol, or the number.
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: api, namespace: shop}
    /// spec:
    ///   podSelector: {matchLabels: {app: api}}
    ///   ingress:
    ///     - ports:
    ///         - port: http
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// Where at least one pod declares it; where the destination may be a pod that no manifest shows, as
    /// with a rule without peers or a namespace that no manifest defines; where the rule leads to no
    /// pod at all, which another rule says.
    pub(in crate::lint) static UNDEFINED_NAMED_PORT = {
        name: "undefined-named-port",
        category: Dead,
        severity: Warning,
        check: Check::Snapshot(check),
    };
}

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for placed in context.rules() {
        let Ports::Listed(items) = &placed.rule.ports else { continue };
        let mut named = items
            .iter()
            .filter_map(|item| match &item.matches {
                PortMatch::Named { protocol, name } => Some((item, *protocol, &**name)),
                PortMatch::Numbers(_) => None,
            })
            .peekable();
        if named.peek().is_none() {
            continue;
        }
        let Some(groups) = destinations(context, placed) else { continue };
        for (item, protocol, name) in named {
            if !groups.iter().any(|&id| declares(context, id, protocol, name)) {
                findings.push(finding(context, placed, item, &groups));
            }
        }
    }
}

/// The pods that the rule can lead to; `None` where there may be others, or none at all.
fn destinations(context: &Context<'_>, placed: PlacedRule<'_>) -> Option<Vec<GroupId>> {
    let groups: Vec<GroupId> = match placed.direction {
        // Who of them it is has conditions of its own.
        Direction::Ingress if !matches!(placed.rule.own, Peers::Anyone) => return None,
        Direction::Ingress => {
            let subject = context.selected(placed.at.tier, &placed.at.policy.subject)?;
            if subject.open || subject.unseen {
                return None;
            }
            subject.pods.iter().collect()
        }
        Direction::Egress => {
            let Peers::Listed(peers) = &placed.rule.peers else { return None };
            let mut groups = BTreeSet::new();
            for peer in peers {
                match &peer.matches {
                    PeerMatch::Pods(selector) => {
                        let selected = context.selected(placed.at.tier, selector)?;
                        if selected.may_hold_more() {
                            return None;
                        }
                        groups.extend(selected.pods.iter());
                    }
                    // A name toward anything but a pod matches nothing (S-26): another rule's finding.
                    PeerMatch::Block { .. } | PeerMatch::Nodes(_) | PeerMatch::Domain(_) => {}
                    // Of what is combined nothing is said.
                    _ => return None,
                }
            }
            groups.into_iter().collect()
        }
    };
    (!groups.is_empty()).then_some(groups)
}

fn declares(context: &Context<'_>, id: GroupId, protocol: Option<Protocol>, name: &str) -> bool {
    context.pods.group(id).is_some_and(|group| {
        group.ports.iter().any(|port| {
            port.name.as_deref() == Some(name) && protocol.is_none_or(|protocol| port.protocol == protocol)
        })
    })
}

fn finding(context: &Context<'_>, placed: PlacedRule<'_>, item: &PortItem, groups: &[GroupId]) -> Finding {
    let wanted = words::port(&item.matches);
    let (name, protocol) = match &item.matches {
        PortMatch::Named { name, protocol } => (&**name, *protocol),
        PortMatch::Numbers(_) => ("", None),
    };
    let object = &placed.at.policy.object;
    let pods = words::some(context.cluster().endpoint_names(groups.iter().copied()), 3);
    let message = format!("no pod that this rule of `{object}` leads to declares a port `{wanted}`: {pods}");
    let spelling = Spelling::of(object);
    let value = spelling.port(context.sources(), item.provenance.span);
    let finding = UNDEFINED_NAMED_PORT
        .finding(value.unwrap_or(item.provenance.span), message)
        .label("looked up on the destination pod, and not there")
        .object(object.to_string())
        .key(format!("{} {wanted}", placed.direction));
    let declared: BTreeSet<&ContainerPort> = groups
        .iter()
        .filter_map(|&id| context.pods.group(id))
        .flat_map(|group| group.ports.iter())
        .filter(|port| port.name.is_some())
        .collect();
    let finding = match groups.first().and_then(|&id| context.pods.group(id)) {
        Some(group) => {
            let workload =
                context.cluster().workload(group.workload).map_or(group.span, |workload| workload.span);
            finding.related(workload, "would be its destination")
        }
        None => finding,
    };
    if declared.is_empty() {
        return finding.help("they declare no named port: write the number, or name the container's port");
    }
    let text = |port: &&ContainerPort| {
        format!("{} ({} {})", port.name.as_deref().unwrap_or_default(), port.protocol, port.number)
    };
    let finding = finding.help(format!("they declare {}", words::some(declared.iter().map(text), 5)));
    if let Some(other) = declared.iter().find(|port| port.name.as_deref() == Some(name))
        && protocol.is_some()
    {
        return match spelling.listed {
            true => with_protocol(context, finding, item, other.protocol),
            false => {
                finding.help(format!("the `protocol` of the rule is another one than {}", other.protocol))
            }
        };
    }
    let mut close = declared.iter().filter(|port| {
        port.name.as_deref().is_some_and(|has| similar(name, has))
            && protocol.is_none_or(|protocol| port.protocol == protocol)
    });
    match (close.next().and_then(|port| port.name.as_deref()), close.next(), value) {
        (Some(meant), None, Some(span)) => finding.fix(Fix {
            description: format!("replace `{name}` by `{meant}`"),
            applicability: Applicability::Unsafe,
            edits: vec![Edit { span, replacement: meant.to_owned() }],
            example: None,
        }),
        _ => finding,
    }
}

/// The name is right and the protocol is not.
fn with_protocol(context: &Context<'_>, finding: Finding, item: &PortItem, protocol: Protocol) -> Finding {
    let span = item.provenance.span;
    let edit = match text::value(context.sources(), span, "protocol") {
        Some(written) => Some(Edit { span: written, replacement: protocol.to_string() }),
        None => text::insert_after(context.sources(), span, "port", "protocol", protocol.name()),
    };
    let edits: Vec<_> = edit.into_iter().collect();
    finding.fix(Fix {
        description: format!("set the protocol to `{protocol}`; without one a rule means TCP"),
        applicability: if edits.is_empty() { Applicability::DisplayOnly } else { Applicability::Unsafe },
        edits,
        example: None,
    })
}
