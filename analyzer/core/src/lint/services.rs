//! Services and the pods behind them.

use npv_models::cluster::{Cluster, GroupId, PodGroup, Service, ServicePort, TargetPort};

use super::pods::Pods;

/// For every Service its backends, and for every group of pods the Services it is behind.
#[derive(Debug)]
pub(super) struct Services<'a> {
    cluster: &'a Cluster,
    backends: Vec<Vec<GroupId>>,
    in_front: Vec<Vec<u32>>,
}

impl<'a> Services<'a> {
    /// Resolves the selectors of all Services.
    pub(super) fn new(cluster: &'a Cluster, pods: &Pods<'a>) -> Self {
        let mut in_front = vec![Vec::new(); cluster.groups.len()];
        let mut backends = Vec::with_capacity(cluster.services.len());
        for (index, service) in (0_u32..).zip(&cluster.services) {
            let groups = match &service.selector {
                Some(selector) => pods.matching(service.namespace, selector),
                None => Vec::new(),
            };
            for group in &groups {
                if let Some(services) = in_front.get_mut(group.0 as usize) {
                    services.push(index);
                }
            }
            backends.push(groups);
        }
        Self { cluster, backends, in_front }
    }

    /// Every Service with the groups that its selector matches, those on the host network included.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'a Service, &[GroupId])> {
        self.cluster.services.iter().zip(self.backends.iter().map(Vec::as_slice))
    }

    /// The Services that the group is behind.
    pub(super) fn in_front_of(&self, group: GroupId) -> impl Iterator<Item = &'a Service> + '_ {
        let services = self.in_front.get(group.0 as usize).map(Vec::as_slice).unwrap_or_default();
        services.iter().filter_map(|&index| self.cluster.services.get(index as usize))
    }
}

/// The port of a backend that a Service's port leads to (S-80); `None` where the backend declares no
/// port of that name and protocol.
pub(super) fn target(port: &ServicePort, backend: &PodGroup) -> Option<u16> {
    match &port.target {
        TargetPort::Number(number) => Some(*number),
        TargetPort::Name(name) => backend
            .ports
            .iter()
            .find(|declared| declared.protocol == port.protocol && declared.name.as_deref() == Some(name))
            .map(|declared| declared.number),
    }
}
