//! Ports of Cilium's policies, and the requests that pass over them.

use super::{Named, peers};
use crate::k8s::{
    CiliumEntry, CiliumHttpRule, CiliumIcmp, CiliumL7, CiliumPort, CiliumPortRef, CiliumPorts,
    CiliumProtocol, HeaderValue, IcmpFamily, Spanned, TlsRestriction,
};
use crate::policy::{PortItem, PortMatch, Ports, Provenance};
use crate::source::Span;
use crate::space::{DomainName, Language, PortSet, Protocol, RequestSet, Traffic, icmp_messages};

/// What a name of a port stands for (K-33).
pub(super) type Lookup<'a> = &'a dyn Fn(&str, Protocol) -> Named;

/// Over what an entry's flows go. `path` is that of the entry.
pub(super) fn lower(entry: &CiliumEntry, path: &str, lookup: Lookup<'_>) -> Ports {
    if entry.ports.is_none() && entry.icmps.is_none() {
        return Ports::All;
    }
    let lists = entry.ports.iter().flat_map(|ports| &ports.value).enumerate();
    let mut all: Vec<PortItem> = lists
        .flat_map(|(index, ports)| items(ports, &format!("{path}.toPorts[{index}]"), lookup, |_| true))
        .collect();
    all.extend(entry.icmps.iter().map(|icmps| of_types(&icmps.value, path, icmps.span)));
    Ports::Listed(all)
}

/// The ports of an item that are wanted. `path` is that of the item.
pub(super) fn items(
    ports: &CiliumPorts,
    path: &str,
    lookup: Lookup<'_>,
    wanted: impl Fn(&CiliumPort) -> bool,
) -> Vec<PortItem> {
    let requests = requests(ports);
    let wanted = ports.ports.iter().enumerate().filter(|(_, port)| wanted(&port.value));
    wanted
        .flat_map(|(index, port)| {
            let provenance = Provenance { path: format!("{path}.ports[{index}]").into(), span: port.span };
            let item =
                |matches| PortItem { matches, requests: requests.clone(), provenance: provenance.clone() };
            of_port(&port.value, lookup).into_iter().map(item).collect::<Vec<_>>()
        })
        .collect()
}

/// The one port, of each protocol, that an entry names by its number; nothing where it names several or a name.
pub(super) fn single(port: &CiliumPort) -> Vec<(Protocol, u16)> {
    match &port.port {
        CiliumPortRef::Numbers(range) if range.start() == range.end() => {
            protocols(port.protocol).into_iter().map(|protocol| (protocol, *range.start())).collect()
        }
        _ => Vec::new(),
    }
}

/// The messages of some types, whatever their code (K-34).
fn of_types(types: &[CiliumIcmp], path: &str, span: Span) -> PortItem {
    let traffic = types.iter().filter_map(|icmp| {
        let protocol = match icmp.family {
            IcmpFamily::V4 => Protocol::Icmp,
            IcmpFamily::V6 => Protocol::Icmpv6,
        };
        let kind = u8::try_from(icmp.number).ok()?;
        Some(Traffic::of(protocol, icmp_messages(kind, None)))
    });
    PortItem {
        matches: PortMatch::Numbers(traffic.fold(Traffic::NONE, |all, some| all.union(&some))),
        requests: None,
        provenance: Provenance { path: format!("{path}.icmps").into(), span },
    }
}

/// The protocols that an entry names (K-30).
fn protocols(protocol: CiliumProtocol) -> Vec<Protocol> {
    match protocol {
        CiliumProtocol::Any => Protocol::ALL.to_vec(),
        CiliumProtocol::One(protocol) => vec![protocol],
        CiliumProtocol::Other(_) => Vec::new(),
    }
}

/// One port of a protocol, or none.
pub(super) fn numbered(protocol: Protocol, number: Option<u16>) -> PortMatch {
    PortMatch::Numbers(Traffic::of(protocol, number.map_or(PortSet::EMPTY, PortSet::single)))
}

fn of_port(port: &CiliumPort, lookup: Lookup<'_>) -> Vec<PortMatch> {
    let protocols = protocols(port.protocol);
    let numbers = |ports: PortSet| {
        let traffic = protocols.iter().map(|protocol| Traffic::of(*protocol, ports.clone()));
        vec![PortMatch::Numbers(traffic.fold(Traffic::NONE, |all, some| all.union(&some)))]
    };
    match &port.port {
        CiliumPortRef::All => numbers(PortSet::full()),
        CiliumPortRef::Numbers(range) => numbers(PortSet::range(*range.start(), *range.end())),
        CiliumPortRef::Name { name, .. } => protocols
            .iter()
            .map(|protocol| match lookup(name, *protocol) {
                Named::PerPod => PortMatch::Named { protocol: Some(*protocol), name: name.clone() },
                Named::Everywhere(number) => numbered(*protocol, number),
            })
            .collect(),
    }
}

/// The requests that the ports of an item are limited to (K-42 to K-49).
pub(super) fn requests(ports: &CiliumPorts) -> Option<RequestSet> {
    let rules = ports.l7.as_ref().map(|l7| match &l7.value {
        CiliumL7::Http(rules) => of_rules(rules),
        CiliumL7::Dns(names) => questions(names.iter().map(|name| peers::domain(&name.value))),
    });
    let tls = ports.tls.iter().map(|restriction| {
        RequestSet::condition(match restriction.value {
            TlsRestriction::ServerNames => "a TLS server name that the policy lists",
            TlsRestriction::Terminating => "TLS that the proxy can terminate",
            TlsRestriction::Originating => "a server certificate that the proxy trusts",
            TlsRestriction::Listener => "whatever the Envoy listener lets through",
        })
    });
    let all = tls.chain(rules).reduce(|all, one| all.intersection(&one))?;
    (!all.is_all()).then_some(all)
}

/// Questions for names that any of some patterns matches.
pub(super) fn questions(names: impl Iterator<Item = DomainName>) -> RequestSet {
    let questions =
        names.map(|name| if name.is_everything() { RequestSet::all() } else { RequestSet::question(&name) });
    questions.fold(RequestSet::none(), |all, one| all.union(&one))
}

/// Requests that any of some rules matches. What is not HTTP passes only where a rule asks nothing (K-43).
fn of_rules(rules: &[Spanned<CiliumHttpRule>]) -> RequestSet {
    if rules.iter().any(|rule| asks_nothing(&rule.value)) {
        return RequestSet::all();
    }
    let sets: Vec<RequestSet> = rules.iter().map(|rule| of_rule(&rule.value)).collect();
    RequestSet::union_of(&sets).intersection(&RequestSet::http())
}

fn asks_nothing(rule: &CiliumHttpRule) -> bool {
    [&rule.path, &rule.method, &rule.host].into_iter().all(Option::is_none)
        && rule.headers.iter().all(|header| header.value.corrects)
}

fn of_rule(rule: &CiliumHttpRule) -> RequestSet {
    type Of = fn(&Language) -> RequestSet;
    let patterns: [(&Option<Spanned<Box<str>>>, Of); 3] =
        [(&rule.path, RequestSet::path), (&rule.method, RequestSet::method), (&rule.host, RequestSet::host)];
    let patterns = patterns.into_iter().filter_map(|(pattern, of)| {
        let pattern = pattern.as_ref()?;
        Some(match Language::re2(&pattern.value) {
            Ok(language) => of(&language),
            // Of `path` and `method` the agent refuses what is no pattern; this one is too large, or a host.
            Err(_) => RequestSet::condition(format!("what `{}` matches", pattern.value)),
        })
    });
    let headers = rule.headers.iter().filter(|header| !header.value.corrects).map(|header| {
        let name = &header.value.name;
        match &header.value.value {
            HeaderValue::Present => RequestSet::header(name, &Language::everything()),
            HeaderValue::Equal(value) => match Language::literal(value) {
                Ok(value) => RequestSet::header(name, &value),
                Err(_) => RequestSet::condition(format!("the header `{name}` with a certain value")),
            },
            HeaderValue::Secret => RequestSet::condition(format!("the header `{name}` with a secret value")),
        }
    });
    patterns.chain(headers).fold(RequestSet::all(), |all, one| all.intersection(&one))
}
