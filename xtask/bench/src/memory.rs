//! A generated cluster as npv has it after loading, for measuring the engine alone.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use npv_models::cluster::{
    Cluster, ContainerPort, Dns, GroupId, Member, Namespace, NamespaceId, PodGroup, Workload, WorkloadId,
};
use npv_models::policy::{
    NamespaceSelector, ObjectRef, PeerMatch, Peers, PodSelector, Policy, PolicySet, PortMatch, Ports, Rule,
    attribute,
};
use npv_models::space::{Labels, PortSet, Protocol, Selector, Traffic};
use npv_worlds::words::{self, span};

use crate::plan::{NamespacePlan, PeerPlan, Plan, PolicyPlan, PortPlan, RulePlan, WorkloadPlan};

/// The address of pod `number` of a cluster.
pub fn pod_address(number: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits((10 << 24) + (number & 0x00FF_FFFF)))
}

/// The inventory of a plan.
pub fn cluster(plan: &Plan) -> Cluster {
    let mut cluster = Cluster::default();
    let mut pod = 0;
    for namespace in &plan.namespaces {
        let id = NamespaceId(cluster.namespaces.len() as u32);
        let labels = namespace.labels.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        cluster.namespaces.push(Namespace {
            name: namespace.name.as_str().into(),
            labels: Arc::new(labels),
            defined: Some(span()),
        });
        for plan in &namespace.workloads {
            workload(&mut cluster, id, plan, &mut pod);
        }
    }
    cluster
}

fn workload(cluster: &mut Cluster, namespace: NamespaceId, plan: &WorkloadPlan, pod: &mut u32) {
    let id = WorkloadId(cluster.workloads.len() as u32);
    let labels: Labels = plan.labels.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let ports: Arc<[ContainerPort]> = plan
        .ports
        .iter()
        .map(|(name, number)| ContainerPort {
            name: Some(name.as_str().into()),
            protocol: Protocol::Tcp,
            number: *number,
        })
        .collect();
    let members: Vec<Member> = (0..plan.replicas)
        .map(|replica| {
            *pod += 1;
            Member {
                name: format!("{}-{replica}", plan.name).into(),
                addresses: [pod_address(*pod)].into(),
                node: None,
            }
        })
        .collect();
    let attributes = Arc::new(Labels::from_iter([(attribute::ACCOUNT, "default")]));
    let group = |labels, members: Vec<Member>| PodGroup {
        workload: id,
        namespace,
        labels: Arc::new(labels),
        attributes: attributes.clone(),
        ports: ports.clone(),
        host_network: plan.host_network,
        mesh: None,
        undeclared: false,
        dns: Dns::Cluster,
        pods: members.len() as u32,
        several: members.len() > 1,
        members,
        span: span(),
    };
    let first = cluster.groups.len() as u32;
    if plan.stateful {
        cluster.groups.extend(members.into_iter().map(|member| {
            let mut labels = labels.clone();
            labels.insert("statefulset.kubernetes.io/pod-name", member.name.clone());
            group(labels, vec![member])
        }));
    } else {
        cluster.groups.push(group(labels, members));
    }
    cluster.workloads.push(Workload {
        namespace,
        kind: if plan.stateful { "StatefulSet" } else { "Deployment" }.into(),
        name: plan.name.as_str().into(),
        span: span(),
        service_account: None,
        hook: false,
        labels: None,
        mentions: Vec::new(),
        groups: (first..cluster.groups.len() as u32).map(GroupId).collect(),
    });
}

/// The policies of a plan.
pub fn policies(plan: &Plan) -> PolicySet {
    let policies = plan
        .namespaces
        .iter()
        .flat_map(|namespace| namespace.policies.iter().map(move |plan| policy(namespace, plan)))
        .collect();
    words::policies(policies)
}

fn policy(namespace: &NamespacePlan, plan: &PolicyPlan) -> Policy {
    let rules = |rules: &Option<Vec<RulePlan>>| {
        rules.as_ref().map(|rules| rules.iter().map(|plan| rule(namespace, plan)).collect())
    };
    let object = ObjectRef {
        group: "networking.k8s.io",
        kind: "NetworkPolicy",
        namespace: Some(namespace.name.as_str().into()),
        name: plan.name.as_str().into(),
    };
    let subject = own(namespace, &plan.subject);
    let policy = words::two_way(&plan.name, subject, rules(&plan.ingress), rules(&plan.egress));
    Policy { object: Arc::new(object), ..policy }
}

fn own(namespace: &NamespacePlan, pods: &Selector) -> PodSelector {
    PodSelector { namespaces: NamespaceSelector::Named(namespace.name.as_str().into()), pods: pods.clone() }
}

fn rule(namespace: &NamespacePlan, plan: &RulePlan) -> Rule {
    let peer = |plan: &PeerPlan| {
        let matches = match plan {
            PeerPlan::Pods { namespaces: None, pods } => {
                PeerMatch::Pods(own(namespace, pods.as_ref().unwrap_or(&Selector::EVERYTHING)))
            }
            PeerPlan::Pods { namespaces: Some(namespaces), pods } => PeerMatch::Pods(PodSelector {
                namespaces: NamespaceSelector::Labels(namespaces.clone()),
                pods: pods.clone().unwrap_or_default(),
            }),
            PeerPlan::Block { cidr, except } => PeerMatch::Block { cidr: *cidr, except: except.clone() },
        };
        words::peer(matches)
    };
    let item = |plan: &PortPlan| {
        let matches = match plan {
            PortPlan::Numbers(protocol, first, last) => {
                PortMatch::Numbers(Traffic::of(*protocol, PortSet::range(*first, *last)))
            }
            PortPlan::Name(name) => {
                PortMatch::Named { protocol: Some(Protocol::Tcp), name: name.as_str().into() }
            }
        };
        words::port(matches)
    };
    Rule {
        peers: if plan.peers.is_empty() {
            Peers::Anyone
        } else {
            Peers::Listed(plan.peers.iter().map(peer).collect())
        },
        ports: if plan.ports.is_empty() {
            Ports::All
        } else {
            Ports::Listed(plan.ports.iter().map(item).collect())
        },
        ..words::allow()
    }
}
