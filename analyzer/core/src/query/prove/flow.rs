//! The flow that contradicts an assertion: who decides it, and how to see it.

use std::fmt::Write as _;
use std::net::IpAddr;

use npv_models::cluster::GroupId;
use npv_models::decide::{End, Flow, PodEnd, Verdict, decide};
use npv_models::policy::PolicySet;
use npv_models::space::{IpSet, Labels, Protocol};
use npv_symbolic::session::Error;
use npv_symbolic::witness::{Witness, WitnessEnd};

use super::resolve::{Member, Resolver};
use crate::assertion::{Expect, NAME_LABEL};
use crate::query::ends::{self, Ends, Sample, Spaces};
use crate::query::name::Place;
use crate::query::trace::{Part, Party, Tracer};

/// A flow that contradicts an assertion.
#[derive(Debug)]
pub struct Counterexample {
    /// The flow, and what decides it.
    pub part: Part,
    /// Source and destination as `npv trace` takes them.
    pub trace: [String; 2],
    /// What to add to the manifests to see it, as YAML documents; `None` where its ends are there already.
    pub manifests: Option<String>,
}

impl Counterexample {
    /// A flow of a possible cluster, in which some namespaces are defined already.
    pub(crate) fn possible(witness: &Witness, tracer: &Tracer<'_>, defined: impl Fn(&str) -> bool) -> Self {
        let manifests = Some(witness.manifests(defined)).filter(|text| !text.is_empty());
        Self { part: Self::part(witness, tracer), trace: witness.trace(), manifests }
    }

    /// What decides a flow of a possible cluster.
    pub(crate) fn part(witness: &Witness, tracer: &Tracer<'_>) -> Part {
        witness.with_flow(|flow| tracer.flow(flow, party(&witness.src), party(&witness.dst)))
    }

    /// A flow between two that are in the manifests. The reference semantics must see it as the engine does.
    pub(super) fn present(
        [src, dst]: [&Member; 2],
        (protocol, port): (Protocol, u16),
        expect: Expect,
        resolver: &Resolver<'_>,
        tracer: &Tracer<'_>,
    ) -> Result<Self, Error> {
        let spaces = Spaces::of(tracer.cluster);
        let ends = Ends::new(tracer.cluster, &spaces);
        let wanted = if expect == Expect::Allow { Verdict::Deny } else { Verdict::Allow };
        let mut destinations = candidates(dst, &ends, resolver, tracer.policies);
        let sources = candidates(src, &ends, resolver, tracer.policies);
        // The engine's answer is about a source on another node (S-35).
        let elsewhere = destinations.iter().filter_map(|(which, end)| match end {
            End::Pod(pod) if pod.node.is_some() => Some((*which, End::Pod(PodEnd { node: None, ..*pod }))),
            _ => None,
        });
        destinations.extend(elsewhere.collect::<Vec<_>>());
        for (source, from) in &sources {
            for (destination, to) in &destinations {
                let same = matches!((source, destination), (Some(left), Some(right)) if left == right);
                let one_pod = same && from_name(from).is_some();
                let flow = Flow { src: *from, dst: *to, protocol, port };
                if !one_pod && decide(tracer.policies, tracer.profile, &flow).verdict() == wanted {
                    let (src_name, src) = known(src, from, resolver, tracer);
                    let (dst_name, dst) = known(dst, to, resolver, tracer);
                    let part = tracer.flow(&flow, src, dst);
                    let dst_name = if dst_name.contains(':') { format!("[{dst_name}]") } else { dst_name };
                    let dst_name = format!("{dst_name}:{port}/{}", protocol.name().to_lowercase());
                    return Ok(Self { part, trace: [src_name, dst_name], manifests: None });
                }
            }
        }
        Err(Error::Mismatch(format!("{src:?} to {dst:?} on {protocol} {port}")))
    }
}

fn from_name<'e>(end: &End<'e>) -> Option<&'e str> {
    match end {
        End::Pod(pod) => pod.name,
        _ => None,
    }
}

/// The concrete ends that a member can be, told apart as far as policies do; of each kind of pods up to two,
/// so that one can connect to another.
fn candidates<'e>(
    member: &Member,
    ends: &'e Ends<'_>,
    resolver: &Resolver<'_>,
    policies: &PolicySet,
) -> Vec<(Option<(GroupId, usize)>, End<'e>)> {
    match member {
        Member::Outside(_, addresses) => {
            addresses.first().map(|address| (None, End::Address(address))).into_iter().collect()
        }
        Member::Nodes(_, nodes) => {
            nodes.iter().filter_map(|node| Some((None, ends.node(*node as usize)?))).collect()
        }
        Member::Pods(endpoint, group) => {
            pods(*group, resolver.part_of(*endpoint, *group), ends, &ends::blocks(policies))
        }
    }
}

fn pods<'e>(
    group: GroupId,
    part: Option<&[u32]>,
    ends: &'e Ends<'_>,
    blocks: &[IpSet],
) -> Vec<(Option<(GroupId, usize)>, End<'e>)> {
    let Some(found) = ends.group(group) else { return Vec::new() };
    let pod = |member: Option<usize>| {
        let End::Pod(mut pod) = ends.pod(Sample { group, member })? else { return None };
        // Where a pod runs says nothing of its policies (S-35), but for one that is its node to the network.
        if !pod.host_network {
            pod.node = None;
        }
        Some(End::Pod(pod))
    };
    if found.members.is_empty() {
        return pod(None).map(|end| (None, end)).into_iter().collect();
    }
    let mut kinds: Vec<(Vec<bool>, Option<&str>, usize)> = Vec::new();
    let mut chosen = Vec::new();
    for (index, member) in found.members.iter().enumerate() {
        if part.is_some_and(|part| part.binary_search(&(index as u32)).is_err()) {
            continue;
        }
        let inside: Vec<bool> = blocks
            .iter()
            .map(|block| member.addresses.iter().any(|address| block.contains(*address)))
            .collect();
        let node = member.node.as_deref().filter(|_| found.host_network);
        let known = kinds.iter_mut().find(|(other, on, _)| *other == inside && *on == node);
        let count = if let Some((.., count)) = known {
            *count += 1;
            *count
        } else {
            kinds.push((inside, node, 1));
            1
        };
        if count <= 2 {
            chosen.extend(pod(Some(index)).map(|end| (Some((group, index)), end)));
        }
    }
    chosen
}

/// What to call somebody of the manifests: for `npv trace`, and in the answer.
fn known(member: &Member, end: &End<'_>, resolver: &Resolver<'_>, tracer: &Tracer<'_>) -> (String, Party) {
    let plain = |id: String, seen: String| (id.clone(), Party { id, seen, pods: 0, addresses: None });
    match (member, end) {
        (Member::Pods(endpoint, group), End::Pod(pod)) => {
            let mut seen = pod.labels.to_string();
            if pod.host_network {
                seen.push_str(", on the host network");
            }
            let id = tracer.id_of(*group);
            let Some(found) = tracer.cluster.groups.get(group.0 as usize) else { return plain(id, seen) };
            let workload = tracer.cluster.workloads.get(found.workload.0 as usize);
            // Where the workload has pods of several kinds, a listed one is the certain one.
            let single = workload.is_some_and(|workload| workload.groups.len() == 1)
                && resolver.part_of(*endpoint, *group).is_none();
            let name = match (pod.namespace, pod.name) {
                (Some(namespace), Some(name)) if !single => format!("{namespace}/Pod/{name}"),
                _ => tracer.names.full_name(&Place::Workload(found.workload)),
            };
            (name, Party { id, seen, pods: found.pods, addresses: None })
        }
        (_, End::Node(node)) => plain(format!("node/{}", node.name), node.labels.to_string()),
        (_, End::Address(address)) => outside(*address),
        (_, End::Pod(_) | End::Domain(_) | End::Entity(_)) => plain(String::new(), String::new()),
    }
}

fn outside(address: IpAddr) -> (String, Party) {
    let id = address.to_string();
    let addresses = Some(IpSet::single(address));
    (id.clone(), Party { id, seen: String::new(), pods: 0, addresses })
}

/// Whether an address is one that no manifest would mean.
fn is_example(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.octets().starts_with(&[192, 0, 2]),
        IpAddr::V6(address) => address.segments().starts_with(&[0x2001, 0xdb8]),
    }
}

/// What to call an end of a possible flow, and what policies see of it.
fn party(end: &WitnessEnd) -> Party {
    match end {
        WitnessEnd::Address(address) => outside(*address).1,
        WitnessEnd::Node(node) => {
            let id = format!("node/{}", node.name);
            Party { id, seen: node.labels.to_string(), pods: 0, addresses: None }
        }
        WitnessEnd::Pod(pod) => {
            let mut seen = pod.labels.to_string();
            let theirs: Labels = pod.namespace_labels.iter().filter(|(key, _)| *key != NAME_LABEL).collect();
            if !theirs.is_empty() {
                seen.push_str(", in a namespace with ");
                seen.push_str(&theirs.to_string());
            }
            for port in &pod.ports {
                if let Some(name) = &port.name {
                    // Writing to a string does not fail.
                    let _ = write!(seen, ", {} {} is its port {name}", port.protocol, port.number);
                }
            }
            // An address for documentation was chosen because any will do.
            if let Some(address) = pod.addresses.first().filter(|address| !is_example(**address)) {
                let _ = write!(seen, ", at {address}");
            }
            if pod.host_network {
                seen.push_str(", on the host network");
            }
            Party { id: format!("{}/{}[Pod]", pod.namespace, pod.name), seen, pods: 1, addresses: None }
        }
    }
}
