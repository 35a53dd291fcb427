//! Whom the ends of an assertion mean: in the solver's words, and among the endpoints of the manifests.

use std::collections::BTreeMap;

use npv_models::cluster::{GroupId, NamespaceId, PodGroup};
use npv_models::diagnostic::{Finding, Severity};
use npv_models::policy::{NamespaceSelector, PodSelector};
use npv_models::space::{IpSet, Selector};
use npv_symbolic::spec::{EndPart, EndSpec, PodSpec};

use crate::assertion::{Ends, Part, RULE, Who};
use crate::engine::{EndpointId, EndpointKind, Engine};
use crate::query::name::{Names, Place};

/// The ends of an assertion, resolved.
pub(super) struct Resolved {
    /// For the solver.
    pub(super) spec: EndSpec,
    /// Those that the manifests define, and addresses; sorted.
    pub(super) members: Vec<Member>,
}

/// Somebody that an answer about the manifests is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Member {
    /// Pods of a group, as far as they are of one endpoint.
    Pods(EndpointId, GroupId),
    /// Nodes of an endpoint, by their indices.
    Nodes(EndpointId, Vec<u32>),
    /// Addresses of an endpoint.
    Outside(EndpointId, IpSet),
}

impl Member {
    /// The endpoint that it is, or is a part of.
    pub(super) const fn endpoint(&self) -> EndpointId {
        match self {
            Self::Pods(id, _) | Self::Nodes(id, _) | Self::Outside(id, _) => *id,
        }
    }
}

/// Resolves ends.
pub(super) struct Resolver<'a> {
    pub(super) names: Names<'a>,
    pub(super) engine: &'a Engine,
    /// The endpoints that the pods of a group are of.
    endpoints: BTreeMap<GroupId, Vec<EndpointId>>,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(names: Names<'a>, engine: &'a Engine) -> Self {
        let mut endpoints: BTreeMap<GroupId, Vec<EndpointId>> = BTreeMap::new();
        for (id, endpoint) in engine.ids().zip(engine.endpoints()) {
            if let EndpointKind::Pods { groups, .. } = &endpoint.kind {
                for group in groups {
                    endpoints.entry(*group).or_default().push(id);
                }
            }
        }
        Self { names, engine, endpoints }
    }

    /// Whom the ends mean; `None` where a name means nobody, which is a finding.
    pub(super) fn ends(&self, ends: &Ends, findings: &mut Vec<Finding>) -> Option<Resolved> {
        let before = findings.len();
        let mut resolved = Resolved { spec: EndSpec::default(), members: Vec::new() };
        for part in &ends.parts {
            self.part(part, &mut resolved, findings);
        }
        resolved.members.sort();
        resolved.members.dedup();
        (findings.len() == before).then_some(resolved)
    }

    fn part(&self, part: &Part, resolved: &mut Resolved, findings: &mut Vec<Finding>) {
        let Resolved { spec, members } = resolved;
        match &part.who {
            Who::Pods(selector) => {
                spec.any_of.push(EndPart::Pods(selector.clone()));
                members.extend(self.pods(self.engine.selects(selector)));
            }
            Who::Nodes(selector) => {
                spec.any_of.push(EndPart::Nodes(selector.clone()));
                members.extend(self.nodes(selector));
            }
            Who::Addresses(addresses) => {
                spec.any_of.push(EndPart::Addresses(addresses.clone()));
                members.extend(self.outside(addresses));
            }
            Who::Anybody => {
                spec.any_of.push(EndPart::Anybody);
                members.extend(self.everybody());
            }
            Who::Named(name) => match self.named(name) {
                Ok(groups) => {
                    let pods = groups.iter().filter_map(|group| self.pod(self.group(*group)?));
                    spec.any_of.extend(pods.map(EndPart::Pod));
                    members.extend(self.pods(groups));
                }
                Err((message, help)) => {
                    let mut finding = Finding::new(RULE, Severity::Error, part.span, message);
                    finding.help = help;
                    findings.push(finding.key(format!("assertions {name}")));
                }
            },
        }
    }

    /// The groups of pods that a name means.
    fn named(&self, name: &str) -> Result<Vec<GroupId>, (String, Vec<String>)> {
        let places = self.names.places(name).map_err(|unknown| (unknown.message, unknown.help))?;
        let mut groups = Vec::new();
        for place in places {
            match place {
                Place::Workload(id) => {
                    let workload = self.names.cluster.workloads.get(id.0 as usize);
                    groups.extend(workload.into_iter().flat_map(|workload| &workload.groups));
                }
                Place::Pod { group, .. } if self.group(group).is_some_and(|pods| pods.members.len() == 1) => {
                    groups.push(group);
                }
                Place::Pod { group, .. } => {
                    let workload = self.group(group).map(|group| Place::Workload(group.workload));
                    let workload = workload.map(|place| self.names.full_name(&place)).unwrap_or_default();
                    let message = format!("`{name}` is one pod of several that policies cannot tell apart");
                    return Err((message, vec![format!("name its controller: `{workload}`")]));
                }
                Place::Endpoint(id) => match self.engine.endpoint(id).map(|endpoint| &endpoint.kind) {
                    Some(EndpointKind::Pods { groups: own, .. }) => groups.extend(own),
                    _ => return Err(no_pods(name)),
                },
                Place::Node(_) | Place::Addresses(_) => return Err(no_pods(name)),
            }
        }
        groups.sort_unstable();
        groups.dedup();
        Ok(groups)
    }

    /// Of a group that an endpoint holds only a part of, the positions of its pods among the members.
    pub(super) fn part_of(&self, endpoint: EndpointId, group: GroupId) -> Option<&'a [u32]> {
        self.engine.endpoint(endpoint)?.part_of(group)
    }

    /// Whether what an endpoint holds of a group can be several pods, so that one can connect to another.
    pub(super) fn several(&self, endpoint: EndpointId, group: GroupId) -> bool {
        match self.part_of(endpoint, group) {
            Some(positions) => positions.len() > 1,
            None => self.group(group).is_some_and(|group| group.several),
        }
    }

    pub(super) fn group(&self, id: GroupId) -> Option<&'a PodGroup> {
        self.names.cluster.groups.get(id.0 as usize)
    }

    fn pod(&self, group: &PodGroup) -> Option<PodSpec> {
        let NamespaceId(index) = group.namespace;
        let namespace = self.names.cluster.namespaces.get(index as usize)?;
        Some(PodSpec {
            namespace: namespace.name.clone(),
            namespace_labels: namespace.defined.map(|_| (*namespace.labels).clone()),
            labels: (*group.labels).clone(),
            ports: group.ports.to_vec(),
            host_network: group.host_network,
        })
    }

    fn pods(&self, groups: Vec<GroupId>) -> Vec<Member> {
        let endpoints = |group: GroupId| self.endpoints.get(&group).into_iter().flatten();
        groups
            .into_iter()
            .flat_map(|group| endpoints(group).map(move |id| Member::Pods(*id, group)))
            .collect()
    }

    /// Nodes by their labels, and the pods on their network.
    fn nodes(&self, selector: &Selector) -> Vec<Member> {
        let cluster = self.names.cluster;
        let selected = |index: u32| {
            let node = cluster.nodes.get(index as usize);
            node.is_some_and(|node| selector.matches(&node.labels))
        };
        let mut members = Vec::new();
        for (id, endpoint) in self.engine.ids().zip(self.engine.endpoints()) {
            if let EndpointKind::Nodes(all) = &endpoint.kind {
                let matching: Vec<u32> = all.iter().copied().filter(|index| selected(*index)).collect();
                if !matching.is_empty() {
                    members.push(Member::Nodes(id, matching));
                }
            }
        }
        let names: Vec<&str> = (0_u32..)
            .zip(&cluster.nodes)
            .filter(|(index, _)| selected(*index))
            .map(|(_, node)| &*node.name)
            .collect();
        let on_them = (0_u32..).zip(&cluster.groups).filter(|(_, group)| {
            let mut nodes = group.members.iter().filter_map(|member| member.node.as_deref());
            group.host_network && nodes.any(|node| names.contains(&node))
        });
        members.extend(self.pods(on_them.map(|(index, _)| GroupId(index)).collect()));
        members
    }

    fn outside(&self, addresses: &IpSet) -> Vec<Member> {
        let endpoints = self.engine.ids().zip(self.engine.endpoints());
        endpoints
            .filter_map(|(id, endpoint)| match &endpoint.kind {
                EndpointKind::External(all) => {
                    let common = all.intersection(addresses);
                    (!common.is_empty()).then_some(Member::Outside(id, common))
                }
                _ => None,
            })
            .collect()
    }

    /// Everybody that the manifests define, nodes, and all addresses.
    pub(super) fn everybody(&self) -> Vec<Member> {
        let mut members = self.nodes(&Selector::EVERYTHING);
        members.extend(self.pods(self.endpoints.keys().copied().collect()));
        members.extend(self.outside(&IpSet::full()));
        members.sort();
        members.dedup();
        members
    }

    /// The groups that selectors see (S-37).
    pub(super) fn seen(&self) -> Vec<GroupId> {
        let namespaces = NamespaceSelector::Labels(Selector::EVERYTHING);
        self.engine.selects(&PodSelector { namespaces, pods: Selector::EVERYTHING })
    }
}

fn no_pods(name: &str) -> (String, Vec<String>) {
    let help = "name a workload as `namespace/name`, or mean nodes by their labels: `{nodes: {..}}`";
    (format!("`{name}` means no pods"), vec![help.to_owned()])
}
