//! What users call the ends of a connection, and whom they mean by it.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use npv_models::cluster::{Cluster, GroupId, NamespaceId, Service, Workload, WorkloadId};
use npv_models::space::{IntervalSet, IpSet, Protocol};
use strsim::damerau_levenshtein;

use super::ports::parse_port;
use crate::engine::{Endpoint, EndpointId, EndpointKind};

/// The kinds that have a short name, as `kubectl` knows them.
const SHORT_KINDS: [(&str, &str); 9] = [
    ("cj", "CronJob"),
    ("deploy", "Deployment"),
    ("ds", "DaemonSet"),
    ("po", "Pod"),
    ("rc", "ReplicationController"),
    ("rs", "ReplicaSet"),
    ("sts", "StatefulSet"),
    ("vm", "VirtualMachine"),
    ("dc", "DeploymentConfig"),
];

/// Whom a name means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// All pods of a workload.
    Workload(WorkloadId),
    /// One pod that the manifests list.
    Pod {
        /// Its group.
        group: GroupId,
        /// Its index among the group's members.
        member: usize,
    },
    /// A node, as an index into the cluster's nodes.
    Node(usize),
    /// Addresses. Those of pods and nodes are not cut out.
    Addresses(IpSet),
    /// Something by the engine's name: a part of a workload, an external block, something assumed.
    Endpoint(EndpointId),
}

/// Why a name means nobody, or nobody in particular.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unresolved {
    /// What is wrong: lower-case, no full stop, user input in backticks.
    pub message: String,
    /// What to do next.
    pub help: Vec<String>,
    /// Nothing has the name; otherwise several have it, or it is no name at all.
    pub unknown: bool,
}

impl Unresolved {
    /// Something is wrong with a name.
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: Vec::new(), unknown: false }
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }
}

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Looks names up in one snapshot.
#[derive(Clone, Copy)]
pub struct Names<'a> {
    /// Who is there.
    pub cluster: &'a Cluster,
    /// Who is told apart.
    pub endpoints: &'a [Endpoint],
    /// The namespace that a bare name is looked up in first.
    pub namespace: Option<&'a str>,
}

impl<'a> Names<'a> {
    /// The one that a name means.
    ///
    /// # Errors
    /// The name is not known, or means several; the help lists what it could mean.
    pub fn one(&self, name: &str) -> Result<Place, Unresolved> {
        let mut places = self.places(name)?;
        // The address of a pod or a node means that pod or node.
        if let [Place::Addresses(_), known @ ..] = places.as_slice()
            && !known.is_empty()
        {
            places = known.to_vec();
        }
        if let ([_, _, ..], Some(namespace)) = (places.as_slice(), self.namespace) {
            let own: Vec<Place> =
                places.iter().filter(|place| self.namespace_of(place) == Some(namespace)).cloned().collect();
            if !own.is_empty() {
                places = own;
            }
        }
        if let [place] = places.as_slice() {
            return Ok(place.clone());
        }
        let mut names: Vec<String> = places.iter().map(|place| self.full_name(place)).collect();
        names.sort();
        names.dedup();
        let shown = names.iter().take(10).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let more = match names.len().saturating_sub(10) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        Err(Unresolved::new(format!("`{name}` means {} endpoints", names.len()))
            .help(format!("say which one: {shown}{more}")))
    }

    /// Everybody that a name means; at least one.
    ///
    /// # Errors
    /// The name is not known.
    pub fn places(&self, name: &str) -> Result<Vec<Place>, Unresolved> {
        if let Some(addresses) = addresses(name) {
            let mut places = self.at(&addresses);
            places.insert(0, Place::Addresses(addresses));
            return Ok(places);
        }
        if name.parse::<IpNet>().is_err() && looks_like_address(name) {
            return Err(Unresolved::new(format!("`{name}` is no valid address or CIDR"))
                .help("write it like `10.0.0.1`, `10.0.0.0/8`, `fd00::1` or `fd00::/8`"));
        }
        let exact = self.endpoints.iter().position(|endpoint| endpoint.id == name);
        if let Some(index) = exact {
            return Ok(vec![Place::Endpoint(EndpointId(index as u32))]);
        }
        let places = self.named(name);
        if places.is_empty() { Err(Unresolved { unknown: true, ..self.unknown(name) }) } else { Ok(places) }
    }

    /// The endpoints that a place is, or has a part in.
    pub fn endpoints_of(&self, place: &Place) -> Vec<EndpointId> {
        let is_it = |endpoint: &Endpoint| match (place, &endpoint.kind) {
            (Place::Workload(wanted), EndpointKind::Pods { workload, .. }) => wanted == workload,
            (Place::Pod { group, .. }, EndpointKind::Pods { groups, .. }) => groups.contains(group),
            (Place::Node(wanted), EndpointKind::Nodes(nodes)) => nodes.contains(&(*wanted as u32)),
            (Place::Addresses(wanted), EndpointKind::External(addresses)) => wanted.intersects(addresses),
            _ => false,
        };
        if let Place::Endpoint(id) = place {
            return vec![*id];
        }
        let ids = self.endpoints.iter().enumerate().filter(|(_, endpoint)| is_it(endpoint));
        ids.map(|(index, _)| EndpointId(index as u32)).collect()
    }

    /// The name that means this place and no other.
    pub fn full_name(&self, place: &Place) -> String {
        let group = |group: &GroupId| self.cluster.groups.get(group.0 as usize);
        match place {
            Place::Workload(id) => self.workload(*id).map_or_else(String::new, |(namespace, workload)| {
                format!("{namespace}/{}/{}", workload.kind, workload.name)
            }),
            Place::Pod { group: id, member } => group(id)
                .and_then(|group| {
                    let member = group.members.get(*member)?;
                    Some(format!("{}/Pod/{}", self.namespace_name(group.namespace), member.name))
                })
                .unwrap_or_default(),
            Place::Node(index) => {
                self.cluster.nodes.get(*index).map_or_else(String::new, |node| format!("node/{}", node.name))
            }
            Place::Addresses(addresses) => super::text::addresses_in_short(addresses),
            Place::Endpoint(id) => {
                self.endpoints.get(id.0 as usize).map_or_else(String::new, |endpoint| endpoint.id.clone())
            }
        }
    }

    /// A workload as `npv reach` calls it.
    pub(super) fn workload_id(&self, id: WorkloadId) -> String {
        self.workload(id).map_or_else(String::new, |(namespace, workload)| {
            format!("{namespace}/{}[{}]", workload.name, workload.kind)
        })
    }

    fn workload(&self, id: WorkloadId) -> Option<(&'a str, &'a Workload)> {
        let workload = self.cluster.workloads.get(id.0 as usize)?;
        Some((self.namespace_name(workload.namespace), workload))
    }

    fn namespace_name(&self, id: NamespaceId) -> &'a str {
        self.cluster.namespaces.get(id.0 as usize).map_or("", |namespace| &*namespace.name)
    }

    fn namespace_of(&self, place: &Place) -> Option<&'a str> {
        match place {
            Place::Workload(id) => self.workload(*id).map(|(namespace, _)| namespace),
            Place::Pod { group, .. } => {
                let group = self.cluster.groups.get(group.0 as usize)?;
                Some(self.namespace_name(group.namespace))
            }
            _ => None,
        }
    }

    /// The nodes and pods that are known to have an address, where it is one address. Pods on the host
    /// network have their node's.
    fn at(&self, addresses: &IpSet) -> Vec<Place> {
        let Some(address) = addresses.first().filter(|first| *addresses == IpSet::single(*first)) else {
            return Vec::new();
        };
        let node = self.cluster.nodes.iter().position(|node| node.addresses.contains(&address));
        if let Some(node) = node {
            return vec![Place::Node(node)];
        }
        let pods = self.cluster.groups.iter().enumerate().flat_map(|(group, pods)| {
            let members = pods.members.iter().enumerate().filter(|(_, pod)| pod.addresses.contains(&address));
            let group = GroupId(group as u32);
            members.map(move |(member, _)| Place::Pod { group, member })
        });
        pods.collect()
    }

    /// `name`, `namespace/name`, `namespace/Kind/name`, `namespace/*`, `node/name`.
    fn named(&self, text: &str) -> Vec<Place> {
        let parts: Vec<&str> = text.split('/').collect();
        let mut found = Vec::new();
        let (namespace, kind, name) = match parts.as_slice() {
            [name] => (None, None, *name),
            [namespace, name] => (Some(*namespace), None, *name),
            [namespace, kind, name] => (Some(*namespace), Some(*kind), *name),
            _ => return found,
        };
        if let ["node" | "nodes", name] = parts.as_slice() {
            let nodes = self.cluster.nodes.iter().enumerate();
            found.extend(nodes.filter(|(_, node)| &*node.name == *name).map(|(index, _)| Place::Node(index)));
        }
        for (index, workload) in self.cluster.workloads.iter().enumerate() {
            let named = name == "*" && namespace.is_some() || &*workload.name == name;
            if named
                && namespace.is_none_or(|wanted| self.namespace_name(workload.namespace) == wanted)
                && kind.is_none_or(|wanted| is_kind(wanted, &workload.kind))
            {
                found.push(Place::Workload(WorkloadId(index as u32)));
            }
        }
        // `deploy/api`, as kubectl knows it, where no namespace is called so.
        if let ([kind, name], true) = (parts.as_slice(), found.is_empty()) {
            for (index, workload) in self.cluster.workloads.iter().enumerate() {
                if *workload.name == **name && is_kind(kind, &workload.kind) {
                    found.push(Place::Workload(WorkloadId(index as u32)));
                }
            }
        }
        if !found.is_empty() || kind.is_some_and(|kind| !is_kind(kind, "Pod")) {
            return found;
        }
        // A listed pod that stands under its controller is known by its own name too.
        for (index, group) in self.cluster.groups.iter().enumerate() {
            if namespace.is_none_or(|wanted| self.namespace_name(group.namespace) == wanted) {
                let members = group.members.iter().enumerate().filter(|(_, member)| &*member.name == name);
                let group = GroupId(index as u32);
                found.extend(members.map(|(member, _)| Place::Pod { group, member }));
            }
        }
        found
    }

    fn unknown(&self, text: &str) -> Unresolved {
        if let Some(service) = self.service_called(text, None) {
            let namespace = self.namespace_name(service.namespace);
            let unresolved = Unresolved::new(format!(
                "`{text}` is the Service `{namespace}/{}`, which opens no connections itself",
                service.name
            ));
            // S-31.
            return unresolved.help(format!(
                "policies see the pods behind a Service: `npv trace SRC svc/{namespace}/{}:PORT` follows it to them",
                service.name
            ));
        }
        if let Some(name) = text.strip_prefix("svc/").or_else(|| text.strip_prefix("service/")) {
            return Unresolved::new(format!("there is no Service `{name}` in these manifests"));
        }
        let unresolved = Unresolved::new(format!("there is no endpoint `{text}` in these manifests"));
        let names = self.known_names();
        let close = closest(text, &names);
        let unresolved = match close.as_slice() {
            [] => unresolved,
            close => {
                let close = close.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
                unresolved.help(format!("did you mean {close}?"))
            }
        };
        unresolved.help(
            "`npv reach` lists all endpoints; outside the cluster an end is an address, a CIDR or `internet`",
        )
    }

    /// The Service that a text means which names no endpoint: `svc/NAME`, `NAMESPACE/NAME`, a DNS name, or its own name
    /// alone where that is of one Service or of one in the namespace `own`.
    pub fn service_called(&self, text: &str, own: Option<&str>) -> Option<&'a Service> {
        let (kind, rest) = match text.split_once('/') {
            Some(("svc" | "service" | "services", rest)) => (true, rest),
            _ => (false, text),
        };
        let own = self.namespace.or(own);
        if let Some((namespace, name)) = rest.split_once('/') {
            return self.cluster.service(namespace, name);
        }
        let by_dns = if kind {
            None
        } else {
            self.cluster.service_named(own.unwrap_or_default(), &rest.to_lowercase())
        };
        by_dns.or_else(|| {
            let mut named = self.cluster.services.iter().filter(|service| &*service.name == rest);
            let first = named.next();
            let in_own =
                |service: &&Service| own.is_some_and(|own| self.namespace_name(service.namespace) == own);
            match (first, named.next()) {
                (Some(only), None) => Some(only),
                _ => self.cluster.services.iter().filter(|service| &*service.name == rest).find(in_own),
            }
        })
    }

    /// The namespace that a place is in, where it is in one.
    pub fn home(&self, place: &Place) -> Option<&'a str> {
        match place {
            Place::Endpoint(id) => match &self.endpoints.get(id.0 as usize)?.kind {
                EndpointKind::Pods { workload, .. } => {
                    self.workload(*workload).map(|(namespace, _)| namespace)
                }
                _ => None,
            },
            place => self.namespace_of(place),
        }
    }

    /// The protocols and numbers that the pods of a place declare under a port's name.
    pub fn ports_called(&self, place: &Place, name: &str) -> Vec<(Protocol, u16)> {
        let mut found = Vec::new();
        for id in self.endpoints_of(place) {
            let Some(EndpointKind::Pods { groups, .. }) =
                self.endpoints.get(id.0 as usize).map(|end| &end.kind)
            else {
                continue;
            };
            let groups = groups.iter().filter_map(|group| self.cluster.groups.get(group.0 as usize));
            for port in groups.flat_map(|group| group.ports.iter()) {
                let port_of_name = (port.protocol, port.number);
                if port.name.as_deref() == Some(name) && !found.contains(&port_of_name) {
                    found.push(port_of_name);
                }
            }
        }
        found
    }

    fn known_names(&self) -> Vec<String> {
        let workloads = self
            .cluster
            .workloads
            .iter()
            .map(|workload| format!("{}/{}", self.namespace_name(workload.namespace), workload.name));
        let nodes = self.cluster.nodes.iter().map(|node| format!("node/{}", node.name));
        let assumed =
            self.endpoints.iter().filter(|endpoint| matches!(endpoint.kind, EndpointKind::Assumed(_)));
        workloads.chain(nodes).chain(assumed.map(|endpoint| endpoint.id.clone())).collect()
    }
}

/// A destination, with a port where one was given.
pub type WithPort<'t> = (&'t str, Option<(Protocol, u16)>);

/// Splits `DST[:PORT[/PROTO]]`. An IPv6 address with a port is in brackets.
///
/// # Errors
/// Says what is wrong with the port.
pub fn split_port(text: &str) -> Result<WithPort<'_>, String> {
    // A bare address has colons of its own.
    if text.parse::<IpAddr>().is_ok() || text.parse::<IpNet>().is_ok() {
        return Ok((text, None));
    }
    let Some((name, port)) = text.rsplit_once(':') else { return Ok((text, None)) };
    if name.is_empty() {
        return Err(format!("the destination is missing in `{text}`"));
    }
    // The last colon of `[fd00::1]` is inside the brackets.
    if text.starts_with('[') && !name.contains(']') {
        return Ok((text, None));
    }
    Ok((name, Some(parse_port(port)?)))
}

/// Splits `DST:NAME`, where what follows the last colon is the name of a port and no number.
pub fn split_named_port(text: &str) -> Option<(&str, &str)> {
    let (name, port) = text.rsplit_once(':')?;
    let is_name = port.len() <= 15
        && port.bytes().any(|byte| byte.is_ascii_lowercase())
        && port.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    (is_name && !name.is_empty() && !name.starts_with('[')).then_some((name, port))
}

fn is_kind(wanted: &str, kind: &str) -> bool {
    let singular = wanted.strip_suffix('s').unwrap_or(wanted);
    kind.eq_ignore_ascii_case(wanted)
        || kind.eq_ignore_ascii_case(singular)
        || SHORT_KINDS.iter().any(|(short, long)| short.eq_ignore_ascii_case(wanted) && *long == kind)
}

/// An address, a CIDR, or `internet`.
pub(super) fn addresses(text: &str) -> Option<IpSet> {
    if text == "internet" {
        return Some(internet());
    }
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Some(IpSet::single(address));
    }
    bare.parse::<IpNet>().ok().map(IpSet::net)
}

/// Whether somebody who writes this means an address, although it is none.
pub(crate) fn looks_like_address(text: &str) -> bool {
    let mut parts = text.split('/');
    let address = parts.next().unwrap_or_default();
    let dotted =
        address.split('.').count() == 4 && address.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    dotted || (address.contains(':') && address.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':'))
}

/// Addresses that are routed in the internet: without those of private networks, of links and loops, of
/// groups and reserved ones.
pub(crate) fn internet() -> IpSet {
    const PRIVATE: [&str; 10] = [
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "224.0.0.0/4",
        "240.0.0.0/4",
    ];
    let everything = IpSet::from_parts(IntervalSet::full(), IntervalSet::EMPTY);
    let nets = PRIVATE.iter().filter_map(|net| net.parse().ok());
    let v4 = nets.fold(everything, |left, net| left.difference(&IpSet::net(net)));
    // Global unicast is one block of IPv6.
    match "2000::/3".parse() {
        Ok(global) => v4.union(&IpSet::net(global)),
        Err(_) => v4,
    }
}

/// The known names that look most like a text, the most alike first; few or none.
pub fn closest(text: &str, known: &[String]) -> Vec<String> {
    let limit = (text.chars().count() / 3).max(1);
    let mut found: Vec<(usize, &String)> = known
        .iter()
        .filter_map(|name| {
            let last = name.rsplit('/').next().unwrap_or(name);
            let last = if text.contains('/') { usize::MAX } else { damerau_levenshtein(text, last) };
            let distance = damerau_levenshtein(text, name).min(last);
            (distance <= limit).then_some((distance, name))
        })
        .collect();
    found.sort();
    found.dedup();
    found.into_iter().take(3).map(|(_, name)| name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_every_notation() {
        assert_eq!(addresses("10.0.0.1"), Some(IpSet::single("10.0.0.1".parse().unwrap())));
        assert_eq!(addresses("[fd00::1]"), Some(IpSet::single("fd00::1".parse().unwrap())));
        assert_eq!(addresses("10.0.0.9/8"), Some(IpSet::net("10.0.0.0/8".parse().unwrap())));
        let internet = addresses("internet").unwrap();
        assert!(internet.contains("8.8.8.8".parse().unwrap()));
        assert!(internet.contains("2a00::1".parse().unwrap()));
        for private in ["10.1.1.1", "192.168.0.1", "169.254.169.254", "fd00::1", "::1", "239.0.0.1"] {
            assert!(!internet.contains(private.parse().unwrap()), "{private}");
        }
        assert!(addresses("shop/web").is_none());
        assert!(looks_like_address("10.0.0.300") && looks_like_address("10.0.0.0/40"));
        assert!(!looks_like_address("web") && !looks_like_address("shop/web"));
    }

    #[test]
    fn ports_are_split_off() {
        let tcp = |port| Some((Protocol::Tcp, port));
        assert_eq!(split_port("shop/web"), Ok(("shop/web", None)));
        assert_eq!(split_port("shop/web:80"), Ok(("shop/web", tcp(80))));
        assert_eq!(split_port("shop/web[Deployment]:80/TCP"), Ok(("shop/web[Deployment]", tcp(80))));
        assert_eq!(split_port("10.0.0.0/8:443"), Ok(("10.0.0.0/8", tcp(443))));
        assert_eq!(split_port("fd00::1"), Ok(("fd00::1", None)));
        assert_eq!(split_port("fd00::/8"), Ok(("fd00::/8", None)));
        assert_eq!(split_port("[fd00::1]"), Ok(("[fd00::1]", None)));
        assert_eq!(split_port("[fd00::1]:53/udp"), Ok(("[fd00::1]", Some((Protocol::Udp, 53)))));
        assert_eq!(split_port("[fd00::/8]:53/udp"), Ok(("[fd00::/8]", Some((Protocol::Udp, 53)))));
        for bad in ["shop/web:http", "shop/web:0", "shop/web:80/icmp", ":80", "shop/web:"] {
            assert!(split_port(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn kinds_by_any_name() {
        assert!(is_kind("deploy", "Deployment") && is_kind("deployments", "Deployment"));
        assert!(is_kind("Deployment", "Deployment") && !is_kind("sts", "Deployment"));
    }

    #[test]
    fn near_misses() {
        let known = ["shop/frontend".to_owned(), "shop/backend".to_owned(), "{node}".to_owned()];
        assert_eq!(closest("shop/front-end", &known), ["shop/frontend"]);
        assert_eq!(closest("fronted", &known), ["shop/frontend"]);
        assert!(closest("zebra", &known).is_empty());
    }
}
