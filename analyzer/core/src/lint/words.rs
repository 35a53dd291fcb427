//! How findings word what they speak of, so that one thing has one name in every message.

use std::fmt::Display;

use npv_models::cluster::{Cluster, GroupId, Namespace, NamespaceId, Service, Workload, WorkloadId};
use npv_models::policy::{Direction, Entity, NamespaceSelector, PeerMatch, PodSelector, PortMatch, Same};
use npv_models::space::Selector;

/// `` `a`, `b` and 3 more ``: the first few, each in backticks.
pub(crate) fn some<T: Display>(items: impl IntoIterator<Item = T>, limit: usize) -> String {
    let mut shown: Vec<String> = Vec::new();
    let mut more = 0_usize;
    for item in items {
        if shown.len() < limit.max(1) {
            shown.push(format!("`{item}`"));
        } else {
            more += 1;
        }
    }
    if more > 0 {
        return format!("{} and {more} more", shown.join(", "));
    }
    match shown.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// `1 pod`, `2 pods`.
pub(super) fn count(number: usize, one: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {one}{plural}")
}

/// `from` or `to`: the field of a rule of Kubernetes' own policies that lists its peers.
pub(super) const fn peer_field(direction: Direction) -> &'static str {
    match direction {
        Direction::Ingress => "from",
        Direction::Egress => "to",
    }
}

/// The type that `policyTypes` lists for a direction.
pub(super) const fn policy_type(direction: Direction) -> &'static str {
    match direction {
        Direction::Ingress => "Ingress",
        Direction::Egress => "Egress",
    }
}

/// ``pods `app=web` of namespace `shop` ``.
pub(crate) fn pods(selector: &PodSelector) -> String {
    let pods = match &selector.pods {
        selector if selector.is_everything() => "all pods".to_owned(),
        selector => format!("pods `{selector}`"),
    };
    match &selector.namespaces {
        NamespaceSelector::Named(name) => format!("{pods} of namespace `{name}`"),
        NamespaceSelector::Labels(labels) if labels.is_everything() => format!("{pods} of all namespaces"),
        NamespaceSelector::Labels(labels) => format!("{pods} of namespaces `{labels}`"),
    }
}

/// A peer, in words.
pub(crate) fn peer(matches: &PeerMatch) -> String {
    match matches {
        PeerMatch::Pods(selector) => pods(selector),
        PeerMatch::Block { cidr, except } if except.is_empty() => format!("`{cidr}`"),
        PeerMatch::Block { cidr, except } => {
            let mut except = except.clone();
            except.sort();
            format!("`{cidr}` except {}", some(except, 3))
        }
        PeerMatch::Nodes(selector) if selector.is_everything() => "all nodes".to_owned(),
        PeerMatch::Nodes(selector) => format!("nodes `{selector}`"),
        PeerMatch::Domain(name) => format!("`{name}`"),
        PeerMatch::Entity(entity) => match entity {
            Entity::World => "everything outside the cluster".to_owned(),
            Entity::OwnNode => "the pod's own node".to_owned(),
            Entity::OtherNode => "other nodes".to_owned(),
            Entity::ApiServer => "the API server".to_owned(),
            Entity::Ingress => "the ingress proxy".to_owned(),
            Entity::Health => "health probes".to_owned(),
        },
        PeerMatch::Same(Same::Namespace) => "pods of the same namespace".to_owned(),
        PeerMatch::Same(Same::NamespaceLabels(keys)) => {
            format!("pods of namespaces with the same {}", some(keys, 3))
        }
        PeerMatch::All(parts) if parts.is_empty() => "everybody".to_owned(),
        PeerMatch::All(parts) => parts.iter().map(peer).collect::<Vec<_>>().join(" that are also "),
        PeerMatch::Any(parts) if parts.is_empty() => "nobody".to_owned(),
        PeerMatch::Any(parts) => parts.iter().map(peer).collect::<Vec<_>>().join(" or "),
        PeerMatch::Not(part) => format!("everybody but {}", peer(part)),
        PeerMatch::Unknown => "a peer that npv does not know".to_owned(),
    }
}

/// An entry of a `ports` list, in words.
pub(crate) fn port(matches: &PortMatch) -> String {
    match matches {
        PortMatch::Numbers(traffic) => traffic.to_string(),
        PortMatch::Named { protocol: Some(protocol), name } => format!("{protocol} {name}"),
        PortMatch::Named { protocol: None, name } => name.to_string(),
    }
}

/// The requirement texts of a selector, for messages that name them one by one.
pub(super) fn selector(selector: &Selector) -> String {
    if selector.is_everything() { "every pod".to_owned() } else { format!("`{selector}`") }
}

/// Names of things in the inventory.
pub(crate) trait Names {
    /// The namespace with this id.
    fn namespace(&self, id: NamespaceId) -> Option<&Namespace>;
    /// The workload with this id.
    fn workload(&self, id: WorkloadId) -> Option<&Workload>;
    /// A namespace's name.
    fn namespace_name(&self, id: NamespaceId) -> &str;
    /// `shop/web[Deployment]`, as `npv reach` writes it.
    fn endpoint_name(&self, id: WorkloadId) -> String;
    /// `Deployment/shop/web`, as a finding names its object.
    fn workload_object(&self, id: WorkloadId) -> String;
    /// `Service/shop/web`, as a finding names its object.
    fn service_object(&self, service: &Service) -> String;
    /// The endpoint names of the workloads of groups, each once, in order.
    fn endpoint_names(&self, groups: impl Iterator<Item = GroupId>) -> Vec<String>;
}

impl Names for Cluster {
    fn namespace(&self, id: NamespaceId) -> Option<&Namespace> {
        self.namespaces.get(id.0 as usize)
    }

    fn workload(&self, id: WorkloadId) -> Option<&Workload> {
        self.workloads.get(id.0 as usize)
    }

    fn namespace_name(&self, id: NamespaceId) -> &str {
        self.namespace(id).map_or("", |namespace| &namespace.name)
    }

    fn endpoint_name(&self, id: WorkloadId) -> String {
        self.workload(id).map_or_else(String::new, |workload| {
            let namespace = self.namespace_name(workload.namespace);
            format!("{namespace}/{}[{}]", workload.name, workload.kind)
        })
    }

    fn workload_object(&self, id: WorkloadId) -> String {
        self.workload(id).map_or_else(String::new, |workload| {
            let namespace = self.namespace_name(workload.namespace);
            format!("{}/{namespace}/{}", workload.kind, workload.name)
        })
    }

    fn service_object(&self, service: &Service) -> String {
        format!("Service/{}/{}", self.namespace_name(service.namespace), service.name)
    }

    fn endpoint_names(&self, groups: impl Iterator<Item = GroupId>) -> Vec<String> {
        let mut names = Vec::new();
        let mut last = None;
        for id in groups {
            let Some(group) = self.groups.get(id.0 as usize) else { continue };
            // Groups of one workload are neighbours, so a repetition is the last one again.
            if last != Some(group.workload) {
                names.push(self.endpoint_name(group.workload));
                last = Some(group.workload);
            }
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_read_as_sentences() {
        assert_eq!(some(["a"], 3), "`a`");
        assert_eq!(some(["a", "b", "c"], 3), "`a`, `b` and `c`");
        assert_eq!(some(["a", "b", "c", "d"], 2), "`a`, `b` and 2 more");
        assert_eq!(some([""; 0], 2), "");
        assert_eq!(count(1, "pod"), "1 pod");
        assert_eq!(count(0, "pod"), "0 pods");
    }
}
