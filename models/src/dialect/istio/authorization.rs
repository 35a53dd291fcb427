//! AuthorizationPolicies, for one server at a time (M-20 to M-44).

use std::sync::Arc;

use super::{Lowered, Objects, ROOT, Tier, ambient_clients, identity, of_server, pods_with, requests};
use crate::cluster::Cluster;
use crate::cluster::{MeshServer, Proxy, Waypoint};
use crate::k8s::Spanned;
use crate::k8s::istio::{
    AuthorizationAction, AuthorizationPolicy, AuthorizationRule, Condition, Operation, Source,
};
use crate::policy::{
    Action, Isolation, NamespaceSelector, ObjectRef, Peer, PeerMatch, Peers, PodSelector, Policy, PortItem,
    PortMatch, Ports, Priority, Provenance, Rule,
};
use crate::space::{Operator, PortSet, Protocol, RequestSet, Selector, Traffic};
use identity::Part;

/// Who enforces: what it sees, and as whom clients come to it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Enforcer {
    Sidecar,
    Ztunnel,
    Waypoint,
}

/// Who comes with an identity to some ports of a server.
enum Seen {
    /// Everybody with a proxy, but for these.
    Known(Option<PeerMatch>),
    /// Nobody: they take plaintext only.
    Nobody,
}

/// What a policy means at one server.
struct Meaning<'a> {
    policy: &'a AuthorizationPolicy,
    server: &'a MeshServer,
    enforcer: Enforcer,
    /// Something checks tokens here (M-34).
    tokens: bool,
}

/// A policy at one server: nothing where it has no say there.
pub(super) fn lower(
    policy: &AuthorizationPolicy,
    number: u32,
    server: &MeshServer,
    objects: &Objects<'_>,
    cluster: &Cluster,
) -> Lowered {
    // M-22.
    if policy.dry_run || policy.action == AuthorizationAction::Audit {
        return Lowered::new();
    }
    let mut lowered = Lowered::new();
    let tokens = objects.requests.iter().any(|object| {
        *object.meta.namespace == *ROOT
            || *object.meta.namespace == *policy.meta.namespace
            || *policy.meta.namespace == *ROOT
    });
    let everything = Selector::EVERYTHING;
    if policy.targets.is_empty() {
        let enforcer = if server.proxy == Proxy::Ambient { Enforcer::Ztunnel } else { Enforcer::Sidecar };
        let pods = policy.selector.as_ref().map_or(&everything, |selector| &selector.value);
        let namespaces = if *policy.meta.namespace == *ROOT {
            NamespaceSelector::Labels(everything.clone())
        } else {
            NamespaceSelector::Named(policy.meta.namespace.clone())
        };
        let meaning = Meaning { policy, server, enforcer, tokens };
        let subject = of_server(number, namespaces, pods);
        lowered.extend(meaning.lower(&subject));
    } else if let Some(waypoint) = &server.waypoint
        && targets(policy, waypoint, cluster)
    {
        let namespaces = NamespaceSelector::Labels(everything.clone());
        let meaning = Meaning { policy, server, enforcer: Enforcer::Waypoint, tokens };
        lowered.extend(meaning.lower(&of_server(number, namespaces, &everything)));
    }
    lowered
}

/// M-21: whether a waypoint obeys the policy for the Services before a server.
fn targets(policy: &AuthorizationPolicy, waypoint: &Waypoint, cluster: &Cluster) -> bool {
    let own = &policy.meta.namespace;
    policy.targets.iter().any(|target| match &*target.value.kind {
        "Gateway" => *own == waypoint.namespace && target.value.name == waypoint.name,
        "Service" => {
            waypoint.services.iter().any(|(namespace, name)| namespace == own && *name == target.value.name)
        }
        "GatewayClass" => {
            **own == *ROOT
                && &*target.value.name == "istio-waypoint"
                && cluster.routing.gateways.iter().any(|gateway| *gateway.class == *"istio-waypoint")
        }
        _ => false,
    })
}

impl Meaning<'_> {
    fn lower(&self, subject: &crate::policy::PodSelector) -> Lowered {
        let policy = self.policy;
        let (tier, action) = match (policy.action, self.enforcer) {
            (AuthorizationAction::Custom, Enforcer::Ztunnel) | (AuthorizationAction::Audit, _) => {
                return Lowered::new();
            }
            (AuthorizationAction::Custom, _) => (Tier::Custom, Action::Unknown),
            (AuthorizationAction::Deny, Enforcer::Waypoint) => (Tier::WaypointDeny, Action::Deny),
            (AuthorizationAction::Deny, _) => (Tier::Deny, Action::Deny),
            (AuthorizationAction::Allow, Enforcer::Waypoint) => (Tier::WaypointAllow, Action::Pass),
            (AuthorizationAction::Allow, _) => (Tier::Allow, Action::Allow),
        };
        let mut rules = Vec::new();
        for (index, rule) in policy.rules.iter().enumerate() {
            let path = format!("spec.rules[{index}]");
            for (ports, seen) in self.regions() {
                rules.extend(self.rule(rule, &path, action, &ports, &seen));
            }
        }
        let isolates = matches!(tier, Tier::Allow);
        let make = |rules: Vec<Rule>, order: i32| Policy {
            object: Arc::new(ObjectRef {
                group: "security.istio.io",
                kind: "AuthorizationPolicy",
                namespace: Some(policy.meta.namespace.clone()),
                name: policy.meta.name.value.clone(),
            }),
            name_span: policy.meta.name.span,
            priority: Priority::number(order),
            subject: subject.clone(),
            also: Vec::new(),
            subject_span: policy.selector.as_ref().map_or(policy.meta.name.span, |selector| selector.span),
            ingress: Some(rules),
            egress: None,
            isolation: Isolation { ingress: isolates, egress: false },
            inert: Vec::new(),
        };
        let mut lowered = vec![tier.with(make(rules, 0))];
        if matches!(tier, Tier::WaypointAllow) {
            // What no rule of any policy lets pass does not get through the waypoint.
            let at = Provenance { path: "spec".into(), span: policy.meta.name.span };
            let mut rest = Rule::new(Action::Deny, at.clone());
            rest.peers = Peers::Listed(vec![Peer { matches: ambient_clients(), provenance: at }]);
            lowered.push(tier.with(make(vec![rest], 1)));
        }
        lowered
    }

    /// All ports, by who comes to them with an identity.
    fn regions(&self) -> Vec<(PortSet, Seen)> {
        if self.enforcer != Enforcer::Sidecar {
            return vec![(PortSet::full(), Seen::Known(None))];
        }
        let plaintext = &self.server.plaintext;
        let mut regions = vec![(plaintext.clone(), Seen::Nobody)];
        let mut rest = PortSet::full().difference(plaintext);
        for downgraded in &self.server.downgraded {
            let ports = downgraded.ports.intersection(&rest);
            rest = rest.difference(&ports);
            let sidecars = pods_with(identity::PROXY, Operator::In, &[Proxy::Sidecar.name()]);
            let clients = match &downgraded.from {
                None => sidecars,
                Some(namespace) => PeerMatch::All(vec![
                    sidecars,
                    PeerMatch::Pods(PodSelector {
                        namespaces: NamespaceSelector::Named(namespace.clone()),
                        pods: Selector::EVERYTHING,
                    }),
                ]),
            };
            regions.push((ports, Seen::Known(Some(clients))));
        }
        regions.push((rest, Seen::Known(None)));
        regions.retain(|(ports, _)| !ports.is_empty());
        regions
    }

    /// A rule for connections to some ports.
    fn rule(
        &self,
        rule: &Spanned<AuthorizationRule>,
        path: &str,
        action: Action,
        ports: &PortSet,
        seen: &Seen,
    ) -> Option<Rule> {
        let parts = self.conditions(&rule.value, action, seen)?;
        let mut peers = Vec::new();
        let sources = rule.value.from.iter().enumerate();
        for (index, source) in sources {
            let own = self.source(&source.value, seen, action)?;
            let provenance = Provenance { path: format!("{path}.from[{index}]").into(), span: source.span };
            peers.extend(own.map(|own| Peer { matches: self.limited(own, &parts), provenance }));
        }
        let at = Provenance { path: path.into(), span: rule.span };
        let mut lowered = Rule::new(action, at.clone());
        lowered.peers = if rule.value.from.is_empty() {
            let matches = self.limited(PeerMatch::All(Vec::new()), &parts);
            match &matches {
                PeerMatch::All(terms) if terms.is_empty() => Peers::Anyone,
                _ => Peers::Listed(vec![Peer { matches, provenance: at }]),
            }
        } else {
            Peers::Listed(peers)
        };
        lowered.ports = self.items(&rule.value, path, action, &parts, ports)?;
        if !parts.own.is_empty() {
            let provenance = Provenance { path: format!("{path}.when").into(), span: rule.span };
            lowered.own = Peers::Listed(vec![Peer { matches: PeerMatch::All(parts.own), provenance }]);
        }
        Some(lowered)
    }

    /// A source with what the conditions ask of it, and with who comes to the enforcer at all.
    fn limited(&self, source: PeerMatch, parts: &Conditions) -> PeerMatch {
        let mut terms = match source {
            PeerMatch::All(terms) => terms,
            other => vec![other],
        };
        terms.extend(parts.peers.iter().cloned());
        if self.enforcer == Enforcer::Waypoint {
            // M-43: others never come by it.
            terms.push(ambient_clients());
        }
        match <[PeerMatch; 1]>::try_from(terms) {
            Ok([only]) => only,
            Err(terms) => PeerMatch::All(terms),
        }
    }

    /// What a source asks of the client; `Some(None)` where it matches nobody here, `None` where the whole rule is
    /// void.
    #[expect(clippy::option_option, reason = "nobody and nothing at all are two answers")]
    fn source(&self, source: &Source, seen: &Seen, action: Action) -> Option<Option<PeerMatch>> {
        let own = &*self.policy.meta.namespace;
        let mut terms = Vec::new();
        let identities = [
            (Part::Principal, &source.principals, &source.not_principals),
            (Part::Namespace, &source.namespaces, &source.not_namespaces),
            (Part::Account, &source.service_accounts, &source.not_service_accounts),
        ];
        for (part, listed, excluded) in identities {
            if !listed.is_empty() {
                terms.push(self.identity(part, listed, own, seen));
            }
            if !excluded.is_empty() {
                terms.push(PeerMatch::Not(Box::new(self.identity(part, excluded, own, seen))));
            }
        }
        let blocks = |nets: &[Spanned<ipnet::IpNet>]| {
            let blocks = nets.iter().map(|net| PeerMatch::Block { cidr: net.value, except: Vec::new() });
            PeerMatch::Any(blocks.collect())
        };
        if !source.ip_blocks.is_empty() {
            terms.push(blocks(&source.ip_blocks));
        }
        if !source.not_ip_blocks.is_empty() {
            terms.push(PeerMatch::Not(Box::new(blocks(&source.not_ip_blocks))));
        }
        let unread = !source.remote_ip_blocks.is_empty()
            || !source.not_remote_ip_blocks.is_empty()
            || !source.request_principals.is_empty()
            || !source.not_request_principals.is_empty();
        if self.enforcer == Enforcer::Ztunnel && unread {
            // M-41: an ALLOW rule with what ztunnel does not read is left out; in a DENY rule that falls away, and an
            // item that is empty then never matches.
            if action == Action::Allow {
                return None;
            }
            if terms.is_empty() {
                return Some(None);
            }
        }
        Some(Some(PeerMatch::All(terms)))
    }

    /// The clients with such an identity. Behind a waypoint, ambient clients have its own (M-44).
    fn identity(&self, part: Part, values: &[Spanned<Box<str>>], own: &str, seen: &Seen) -> PeerMatch {
        let matching = identity::matching(part, values, own);
        // M-26.
        let matching = match seen {
            Seen::Nobody => return PeerMatch::Any(Vec::new()),
            Seen::Known(None) => matching,
            Seen::Known(Some(plain)) => {
                PeerMatch::All(vec![matching, PeerMatch::Not(Box::new(plain.clone()))])
            }
        };
        let (Enforcer::Ztunnel, Some(waypoint)) = (self.enforcer, &self.server.waypoint) else {
            return matching;
        };
        let outside = PeerMatch::All(vec![matching, PeerMatch::Not(Box::new(ambient_clients()))]);
        if identity::matches(part, values, own, (&waypoint.namespace, &waypoint.name)) {
            PeerMatch::Any(vec![outside, ambient_clients()])
        } else {
            outside
        }
    }

    /// The `when` of a rule; `None` where the rule is void here.
    fn conditions(&self, rule: &AuthorizationRule, action: Action, seen: &Seen) -> Option<Conditions> {
        let mut parts =
            Conditions { peers: Vec::new(), own: Vec::new(), ports: PortSet::full(), requests: None };
        for condition in &rule.when {
            if !parts.add(&condition.value, self, seen) {
                // M-41: a key that ztunnel does not read makes the rule void.
                return None;
            }
        }
        for source in &rule.from {
            let Some(token) = requests::of_token(&source.value, self.tokens) else { continue };
            if self.enforcer == Enforcer::Ztunnel {
                continue;
            }
            parts.limit(token);
        }
        // An ALLOW rule that asks for requests is void where none are seen; a DENY rule loses the condition.
        if self.enforcer == Enforcer::Ztunnel && action == Action::Allow && parts.requests.is_some() {
            return None;
        }
        Some(parts)
    }

    /// The ports and requests of a rule; `None` where it matches nothing.
    fn items(
        &self,
        rule: &AuthorizationRule,
        path: &str,
        action: Action,
        parts: &Conditions,
        within: &PortSet,
    ) -> Option<Ports> {
        let everything = [Spanned::new(Operation::default(), self.policy.meta.name.span)];
        let operations: &[Spanned<Operation>] = if rule.to.is_empty() { &everything } else { &rule.to };
        let mut items = Vec::new();
        let mut whole = false;
        for (index, operation) in operations.iter().enumerate() {
            let asked = requests::of_operation(&operation.value);
            let ports = self.ports(&operation.value).intersection(&parts.ports);
            let ports = ports.intersection(within);
            let http = match (&asked, &parts.requests) {
                (None, None) => None,
                (one, other) => {
                    let all = RequestSet::all();
                    Some(one.as_ref().unwrap_or(&all).intersection(other.as_ref().unwrap_or(&all)))
                }
            };
            let provenance = Provenance { path: format!("{path}.to[{index}]").into(), span: operation.span };
            let mut item = |ports: PortSet, requests: Option<RequestSet>| {
                if !ports.is_empty() {
                    let matches = PortMatch::Numbers(Traffic::of(Protocol::Tcp, ports));
                    items.push(PortItem { matches, requests, provenance: provenance.clone() });
                }
            };
            let Some(http) = http else {
                if ports.is_full() && rule.to.is_empty() {
                    whole = true;
                } else {
                    item(ports, None);
                }
                continue;
            };
            if self.enforcer == Enforcer::Ztunnel {
                // M-41.
                let empty = operation.value.ports.is_empty() && operation.value.not_ports.is_empty();
                if action == Action::Allow {
                    return None;
                }
                if !(empty && asked.is_some()) {
                    item(ports, None);
                }
                continue;
            }
            // M-31: on a TCP port an ALLOW rule with something of HTTP is left out; elsewhere that falls away.
            let seen = ports.difference(&self.server.opaque);
            item(seen, Some(http));
            if action != Action::Allow && action != Action::Pass {
                item(ports.intersection(&self.server.opaque), None);
            }
        }
        if whole {
            return Some(Ports::All);
        }
        Some(Ports::Listed(items))
    }

    /// M-28: ports of the pod; at a waypoint those of the Service.
    fn ports(&self, operation: &Operation) -> PortSet {
        let numbers = |texts: &[Spanned<Box<str>>]| {
            let ports = texts.iter().filter_map(|text| text.value.parse::<u16>().ok());
            self.seen(ports.collect())
        };
        let listed = if operation.ports.is_empty() { PortSet::full() } else { numbers(&operation.ports) };
        listed.difference(&numbers(&operation.not_ports))
    }

    /// Ports as the enforcer calls them as those of the pod.
    fn seen(&self, ports: Vec<u16>) -> PortSet {
        let (Enforcer::Waypoint, Some(waypoint)) = (self.enforcer, &self.server.waypoint) else {
            return PortSet::from_intervals(ports.into_iter().map(|port| (port, port)));
        };
        let own = waypoint.ports.iter().filter(|(service, _)| ports.contains(service));
        PortSet::from_intervals(own.map(|(_, pod)| (*pod, *pod)))
    }
}

/// What conditions ask, by what it is about.
struct Conditions {
    peers: Vec<PeerMatch>,
    /// Of the server itself.
    own: Vec<PeerMatch>,
    ports: PortSet,
    requests: Option<RequestSet>,
}

impl Conditions {
    fn limit(&mut self, requests: RequestSet) {
        self.requests = Some(match self.requests.take() {
            Some(known) => known.intersection(&requests),
            None => requests,
        });
    }

    /// Adds a condition; false where the enforcer does not read its key.
    fn add(&mut self, condition: &Condition, meaning: &Meaning<'_>, seen: &Seen) -> bool {
        let own = &*meaning.policy.meta.namespace;
        let (listed, excluded) = (&condition.values, &condition.not_values);
        let part = match &*condition.key.value {
            "source.principal" => Some(Part::Principal),
            "source.namespace" => Some(Part::Namespace),
            "source.serviceAccount" if meaning.enforcer != Enforcer::Ztunnel => Some(Part::Account),
            _ => None,
        };
        if let Some(part) = part {
            if !listed.is_empty() {
                self.peers.push(meaning.identity(part, listed, own, seen));
            }
            if !excluded.is_empty() {
                self.peers.push(PeerMatch::Not(Box::new(meaning.identity(part, excluded, own, seen))));
            }
            return true;
        }
        match &*condition.key.value {
            "destination.port" => {
                let numbers = |texts: &[Spanned<Box<str>>]| {
                    meaning.seen(texts.iter().filter_map(|text| text.value.parse().ok()).collect())
                };
                if !listed.is_empty() {
                    self.ports = self.ports.intersection(&numbers(listed));
                }
                self.ports = self.ports.difference(&numbers(excluded));
                true
            }
            "source.ip" | "destination.ip"
                if meaning.enforcer != Enforcer::Ztunnel || &*condition.key.value == "source.ip" =>
            {
                let blocks = |texts: &[Spanned<Box<str>>]| {
                    let nets = texts.iter().filter_map(|text| {
                        let net = text.value.parse::<ipnet::IpNet>().ok();
                        net.or_else(|| text.value.parse::<std::net::IpAddr>().ok().map(ipnet::IpNet::from))
                    });
                    PeerMatch::Any(nets.map(|cidr| PeerMatch::Block { cidr, except: Vec::new() }).collect())
                };
                let terms =
                    if &*condition.key.value == "source.ip" { &mut self.peers } else { &mut self.own };
                if !listed.is_empty() {
                    terms.push(blocks(listed));
                }
                if !excluded.is_empty() {
                    terms.push(PeerMatch::Not(Box::new(blocks(excluded))));
                }
                true
            }
            _ if meaning.enforcer == Enforcer::Ztunnel => false,
            _ => {
                if let Some(asked) = requests::of_condition(condition, meaning.tokens) {
                    self.limit(asked);
                }
                true
            }
        }
    }
}
