//! What a Service's ports lead to (S-80 to S-83).

use std::net::IpAddr;

use super::{Cluster, GroupId, NamespaceId, PodGroup, Service, ServicePort, TargetPort};

/// One place where traffic to a Service's port ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Pods of this group, at this port.
    Pods {
        /// The group.
        group: GroupId,
        /// The port of the pods, after translation.
        port: u16,
    },
    /// Pods of this group would be a backend, but declare no port of the name that `targetPort` gives
    /// with the Service's protocol: they get no traffic.
    Unresolved {
        /// The group.
        group: GroupId,
    },
    /// An address that Endpoints name and that belongs to no pod of the manifests (S-83).
    Address {
        /// The address.
        address: IpAddr,
        /// The port there.
        port: u16,
    },
}

impl Cluster {
    /// The namespace of this name, if any object is in it.
    pub fn namespace_id(&self, name: &str) -> Option<NamespaceId> {
        let index = self.namespaces.binary_search_by(|namespace| (*namespace.name).cmp(name)).ok()?;
        Some(NamespaceId(index as u32))
    }

    /// The name of a namespace.
    pub fn namespace_name(&self, id: NamespaceId) -> &str {
        self.namespaces.get(id.0 as usize).map_or("", |namespace| &*namespace.name)
    }

    /// The Service of this name.
    pub fn service(&self, namespace: &str, name: &str) -> Option<&Service> {
        let namespace = self.namespace_id(namespace)?;
        let first =
            self.services.partition_point(|service| (service.namespace, &*service.name) < (namespace, name));
        self.services.get(first).filter(|service| service.namespace == namespace && *service.name == *name)
    }

    /// The groups of pods that a Service's selector selects. An empty selector selects nothing here: the
    /// control plane makes no endpoints for it.
    pub fn backends<'c>(&'c self, service: &'c Service) -> impl Iterator<Item = (GroupId, &'c PodGroup)> {
        let selector = service.selector.as_ref().filter(|selector| !selector.is_everything());
        let groups = self.namespace_groups(service.namespace);
        groups.filter(move |(_, group)| selector.is_some_and(|selector| selector.matches(&group.labels)))
    }

    /// The groups of pods of a namespace.
    pub fn namespace_groups(&self, namespace: NamespaceId) -> impl Iterator<Item = (GroupId, &PodGroup)> {
        // Groups stand in the order of their workloads, and these in that of their namespaces.
        let first = self.groups.partition_point(|group| group.namespace < namespace);
        let last = self.groups.partition_point(|group| group.namespace <= namespace);
        let groups = self.groups.get(first..last).unwrap_or_default();
        groups.iter().enumerate().map(move |(index, group)| (GroupId((first + index) as u32), group))
    }

    /// Where traffic to one port of a Service ends: on pods of its selector, or where its Endpoints say.
    pub fn targets(&self, service: &Service, port: &ServicePort) -> Vec<Target> {
        if service.selector.is_some() {
            return self
                .backends(service)
                .map(|(group, pods)| match target_port(service, port, pods) {
                    Some(port) => Target::Pods { group, port },
                    None => Target::Unresolved { group },
                })
                .collect();
        }
        let mut targets = Vec::new();
        for endpoint in
            service.endpoints.iter().filter(|endpoint| endpoint.ready || service.publish_not_ready)
        {
            for (name, protocol, number) in endpoint.ports.iter() {
                // An unnamed port of an EndpointSlice is called "".
                let named = |name: &Option<Box<str>>| name.clone().unwrap_or_default();
                if *protocol != port.protocol || named(name) != named(&port.name) {
                    continue;
                }
                let target = match self.pod_at(service.namespace, endpoint.pod.as_deref(), endpoint.address) {
                    Some(group) => Target::Pods { group, port: *number },
                    None => Target::Address { address: endpoint.address, port: *number },
                };
                if !targets.contains(&target) {
                    targets.push(target);
                }
            }
        }
        targets
    }

    /// The group of the pod with this name or address.
    fn pod_at(&self, namespace: NamespaceId, name: Option<&str>, address: IpAddr) -> Option<GroupId> {
        let listed = |group: &PodGroup| {
            group.members.iter().any(|member| match name {
                Some(name) => *member.name == *name,
                None => member.addresses.contains(&address),
            })
        };
        match name {
            Some(_) => self.namespace_groups(namespace).find(|(_, group)| listed(group)).map(|(id, _)| id),
            None => self.groups.iter().position(listed).map(|index| GroupId(index as u32)),
        }
    }
}

/// The port of a backend that a Service's port leads to: its own number for a headless Service, which
/// translates nothing (S-82), otherwise `targetPort` (S-80).
pub fn target_port(service: &Service, port: &ServicePort, pods: &PodGroup) -> Option<u16> {
    match &port.target {
        // Without translation the client's port is the pod's.
        _ if service.headless => Some(port.port),
        TargetPort::Number(number) => Some(*number),
        TargetPort::Name(name) => pods
            .ports
            .iter()
            .find(|declared| declared.protocol == port.protocol && declared.name.as_deref() == Some(name))
            .map(|declared| declared.number),
    }
}
