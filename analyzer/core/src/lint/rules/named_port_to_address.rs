//! `named-port-to-address`.

use ipnet::IpNet;
use npv_models::diagnostic::{Applicability, Edit, Finding, Fix};
use npv_models::policy::{Direction, PeerMatch, PortItem, PortMatch, Ports};

use crate::lint::context::PlacedRule;
use crate::lint::exposed::private;
use crate::lint::rule::lint_rule;
use crate::lint::spelling::{Spelling, is_of_calico};
use crate::lint::words;
use crate::lint::{Check, Context};

lint_rule! {
    /// A port name in an egress rule to an address block, where no name can be looked up.
    ///
    /// ## What it finds
    ///
    /// An egress rule with a named port whose peers are all `ipBlock`s, or an `ipBlock` in a rule that
    /// has named ports only. The API server accepts both.
    ///
    /// ## Why it matters
    ///
    /// A port name is looked up among the ports that the destination *pod* declares. An address declares
    /// none, so the name matches nothing and the traffic stays blocked.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: payments, namespace: shop}
    /// spec:
    ///   podSelector: {matchLabels: {app: payments}}
    ///   egress:
    ///     - to:
    ///         - ipBlock: {cidr: 203.0.113.0/24}
    ///       ports:
    ///         - port: https
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Write the number.
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: payments, namespace: shop}
    /// spec:
    ///   podSelector: {matchLabels: {app: payments}}
    ///   egress:
    ///     - to:
    ///         - ipBlock: {cidr: 203.0.113.0/24}
    ///       ports:
    ///         - port: 443
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// On ingress rules, whose destination is always a pod. Where the rule also has a number for the
    /// block and pods for the name, so that neither is without effect.
    pub(in crate::lint) static NAMED_PORT_TO_ADDRESS = {
        name: "named-port-to-address",
        category: Dead,
        severity: Warning,
        check: Check::Snapshot(check),
    };
}

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for placed in context.rules().filter(|placed| placed.direction == Direction::Egress) {
        let Ports::Listed(items) = &placed.rule.ports else { continue };
        let peers = placed.peers();
        let calico = is_of_calico(&placed.at.policy.object);
        let is_block = |matches: &PeerMatch| match matches {
            // Calico looks names up on pods wherever their addresses are (C-52).
            PeerMatch::Block { cidr, .. } => !calico || !may_hold_pods(*cidr),
            _ => false,
        };
        if !peers.iter().any(|peer| is_block(&peer.matches)) {
            continue;
        }
        let is_named = |item: &&PortItem| matches!(item.matches, PortMatch::Named { .. });
        if peers.iter().all(|peer| is_block(&peer.matches)) {
            findings.extend(items.iter().filter(is_named).map(|item| dead_port(context, placed, item)));
        } else if items.iter().all(|item| is_named(&item)) {
            for peer in peers.iter().filter(|peer| is_block(&peer.matches)) {
                let block = words::peer(&peer.matches);
                let names = words::some(items.iter().map(|item| words::port(&item.matches)), 3);
                let message = format!(
                    "the rule never leads to {block}: it has port names only ({names}), and an address declares none"
                );
                let object = placed.at.policy.object.to_string();
                findings.push(
                    NAMED_PORT_TO_ADDRESS
                        .finding(peer.provenance.span, message)
                        .label("no port name can be looked up here")
                        .object(object)
                        .help("give the block a rule of its own, with port numbers")
                        .key(block),
                );
            }
        }
    }
}

/// Whether pods may have addresses in the block: private ones, of this cluster or another.
fn may_hold_pods(cidr: IpNet) -> bool {
    private().any(|range| range.contains(&cidr) || cidr.contains(&range))
}

fn dead_port(context: &Context<'_>, placed: PlacedRule<'_>, item: &PortItem) -> Finding {
    let PortMatch::Named { name, .. } = &item.matches else {
        return NAMED_PORT_TO_ADDRESS.finding(item.provenance.span, "a port name toward an address");
    };
    let mut all: Vec<String> =
        placed.peers().iter().map(|peer| words::peer(&peer.matches).replace('`', "")).collect();
    all.sort();
    let blocks = words::some(&all, 3);
    let message = format!(
        "port `{name}` toward {blocks} matches nothing: a port name is looked up on a pod, never on an address"
    );
    let value = Spelling::of(&placed.at.policy.object).port(context.sources(), item.provenance.span);
    let finding = NAMED_PORT_TO_ADDRESS
        .finding(value.unwrap_or(item.provenance.span), message)
        .label("matches nothing here")
        .object(placed.at.policy.object.to_string())
        .help("write the number")
        .key(format!("{name} {}", all.join(" ")));
    match (well_known(name), value) {
        (Some(number), Some(span)) => finding.fix(Fix {
            description: format!("replace `{name}` by {number}"),
            applicability: Applicability::Unsafe,
            edits: vec![Edit { span, replacement: number.to_string() }],
            example: None,
        }),
        _ => finding,
    }
}

/// The port that the name stands for in the registry of service names, where nothing else is meant by it.
fn well_known(name: &str) -> Option<u16> {
    Some(match name {
        "amqp" => 5672,
        "dns" | "domain" => 53,
        "http" => 80,
        "https" => 443,
        "imaps" => 993,
        "kafka" => 9092,
        "ldap" => 389,
        "ldaps" => 636,
        "mongodb" => 27017,
        "mysql" => 3306,
        "ntp" => 123,
        "postgres" | "postgresql" => 5432,
        "redis" => 6379,
        "smtp" => 25,
        "smtps" => 465,
        "ssh" => 22,
        "submission" => 587,
        _ => return None,
    })
}
