//! A small cluster, the policies of one test, and questions about it in one line.

use npv_models::cluster::{Builder, Cluster, Member, PodGroup};
use npv_models::cni::Cni;
use npv_models::decide::{Decision, End, Flow, NodeEnd, PodEnd, Profile, Verdict, decide};
use npv_models::dialect::lower;
use npv_models::k8s::Decoder;
use npv_models::policy::PolicySet;
use npv_models::source::{Origin, SourceMap};
use npv_models::space::{IpSet, Protocol};
use npv_models::yaml;

/// Two namespaces with a client and a server each, a third without labels, an agent on the host network
/// of node `n1`, and two nodes. The same port name stands for other numbers and protocols elsewhere.
const CLUSTER: &str = "
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Namespace, metadata: {name: red, labels: {team: red, env: prod}}}
  - {apiVersion: v1, kind: Namespace, metadata: {name: blue, labels: {team: blue}}}
  - {apiVersion: v1, kind: Namespace, metadata: {name: plain}}
  - {apiVersion: v1, kind: Node, metadata: {name: n1, labels: {zone: a}}, status: {addresses: [
      {type: InternalIP, address: 192.168.0.1}, {type: InternalIP, address: 'fd02::1'}]}}
  - {apiVersion: v1, kind: Node, metadata: {name: n2, labels: {zone: b}}, status: {addresses: [
      {type: InternalIP, address: 192.168.0.2}]}}
  - {apiVersion: v1, kind: Pod, metadata: {name: client, namespace: red, labels: {app: client}}, spec: {containers: [
      {ports: [{name: web, containerPort: 9}]}]}, status: {podIP: 10.0.0.1, podIPs: [{ip: 10.0.0.1}, {ip: 'fd00::1'}]}}
  - {apiVersion: v1, kind: Pod, metadata: {name: server, namespace: red, labels: {app: server, tier: back}}, spec: {containers: [
      {ports: [{name: web, containerPort: 80}, {name: dns, containerPort: 53, protocol: UDP}]}]}, status: {podIP: 10.0.0.2}}
  - {apiVersion: v1, kind: Pod, metadata: {name: client, namespace: blue, labels: {app: client}}, spec: {containers: [{}]},
     status: {podIP: 10.0.1.1}}
  - {apiVersion: v1, kind: Pod, metadata: {name: server, namespace: blue, labels: {app: server}}, spec: {containers: [
      {ports: [{name: web, containerPort: 8080}, {name: web-udp, containerPort: 8080, protocol: UDP}]}]},
     status: {podIP: 'fd00::1:2', podIPs: [{ip: 'fd00::1:2'}]}}
  - {apiVersion: v1, kind: Pod, metadata: {name: stray, namespace: plain, labels: {app: client}}, spec: {containers: [{}]}}
  - {apiVersion: v1, kind: Pod, metadata: {name: agent, namespace: red, labels: {app: client, host: 'yes'}},
     spec: {hostNetwork: true, nodeName: n1, containers: [{ports: [{name: web, containerPort: 80}]}]}, status: {podIP: 192.168.0.1}}
";

pub(crate) struct World {
    cluster: Cluster,
    spaces: [IpSet; 2],
    pub(crate) policies: PolicySet,
}

/// The cluster under policies that have no error.
#[track_caller]
pub(crate) fn world(policies: &str) -> World {
    let world = lenient(policies);
    assert_eq!(world.1, 0, "{policies}");
    world.0
}

/// The cluster under policies, and the number of findings about them.
pub(crate) fn lenient(policies: &str) -> (World, usize) {
    let (mut builder, mut findings) = (Builder::new(), 0);
    let (decoder, mut sources) = (Decoder::new("default"), SourceMap::default());
    for text in [CLUSTER, policies] {
        let id = sources.add("test.yaml", text, Origin::File).unwrap();
        let documents = yaml::read(id, text, 0);
        assert_eq!(documents.problems, [], "{text}");
        for root in &documents.roots {
            let items = root.get("items").map_or(std::slice::from_ref(root), |items| items.items());
            for item in items {
                let decoded = decoder.decode(item);
                findings += decoded.findings.len();
                decoded.object.into_iter().for_each(|object| builder.add(object));
            }
        }
    }
    let inventory = builder.finish();
    let cluster = inventory.cluster;
    let policies = lower(&inventory.policies, &cluster, &Cni::default());
    let spaces = [cluster.pod_space(), cluster.node_space()];
    (World { cluster, spaces, policies }, findings)
}

/// A ClusterNetworkPolicy on all pods.
pub(crate) fn cnp(name: &str, tier: &str, priority: u32, rules: &str) -> String {
    on("{namespaces: {}}", name, tier, priority, rules)
}

/// A ClusterNetworkPolicy on a subject.
pub(crate) fn on(subject: &str, name: &str, tier: &str, priority: u32, rules: &str) -> String {
    format!(
        "---\napiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: {{name: {name}}}\n\
         spec: {{tier: {tier}, priority: {priority}, subject: {subject}, {rules}}}\n"
    )
}

/// An AdminNetworkPolicy on all pods.
pub(crate) fn anp(name: &str, priority: u32, rules: &str) -> String {
    format!(
        "---\napiVersion: policy.networking.k8s.io/v1alpha1\nkind: AdminNetworkPolicy\nmetadata: {{name: {name}}}\n\
         spec: {{priority: {priority}, subject: {{namespaces: {{}}}}, {rules}}}\n"
    )
}

/// The BaselineAdminNetworkPolicy on all pods.
pub(crate) fn banp(rules: &str) -> String {
    format!(
        "---\napiVersion: policy.networking.k8s.io/v1alpha1\nkind: BaselineAdminNetworkPolicy\nmetadata: {{name: default}}\n\
         spec: {{subject: {{namespaces: {{}}}}, {rules}}}\n"
    )
}

/// A NetworkPolicy in a namespace.
pub(crate) fn np(namespace: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: np, namespace: {namespace}}}\n\
         spec: {spec}\n"
    )
}

impl World {
    /// What is said of `flow`: `allow`, `deny`, `partial`, `unknown`.
    #[track_caller]
    pub(crate) fn verdict(&self, flow: &str) -> &'static str {
        self.ask(flow, |decision| decision.verdict().name())
    }

    /// Whether `flow`, as in `red/client -> blue/server:80/udp`, is allowed. An end is a pod, a node or an
    /// address.
    #[track_caller]
    pub(crate) fn allows(&self, flow: &str) -> bool {
        self.ask(flow, |decision| decision.verdict() == Verdict::Allow)
    }

    /// Compares many flows with their verdicts.
    #[track_caller]
    pub(crate) fn check(&self, flows: &[(&str, bool)]) {
        for (flow, allowed) in flows {
            assert_eq!(self.allows(flow), *allowed, "{flow}");
        }
    }

    /// `side tier policy action` of every step.
    #[track_caller]
    pub(crate) fn steps(&self, flow: &str) -> Vec<String> {
        self.ask(flow, |decision| {
            let step = |step: &npv_models::decide::Step<'_>| {
                format!(
                    "{} {} {} {}",
                    step.direction,
                    step.tier.name,
                    step.policy.object.name,
                    step.action.name()
                )
            };
            decision.steps.iter().map(step).collect()
        })
    }

    #[track_caller]
    fn ask<R: PartialEq + std::fmt::Debug>(&self, text: &str, read: impl Fn(&Decision<'_>) -> R) -> R {
        let (src, rest) = text.split_once(" -> ").expect("an arrow");
        let (rest, protocol) = rest.rsplit_once('/').expect("a protocol");
        let (dst, port) = rest.rsplit_once(':').expect("a port");
        let nodes: Vec<NodeEnd<'_>> = self
            .cluster
            .nodes
            .iter()
            .map(|node| NodeEnd {
                name: &node.name,
                labels: &node.labels,
                addresses: &node.addresses,
                within: &self.spaces[1],
            })
            .collect();
        let flow = Flow {
            src: self.end(src, &nodes),
            dst: self.end(dst, &nodes),
            protocol: Protocol::from_name(&protocol.to_uppercase()).expect("a protocol"),
            port: port.parse().expect("a port"),
        };
        let answer = read(&decide(&self.policies, Profile::default(), &flow));
        // S-63, S-64: what the API leaves to the network plugin is about NetworkPolicies only.
        if self.policies.policies().all(|(_, tier, _)| &*tier.name != "NetworkPolicy") {
            for (blocks_match_pods, selectors_see_host_network) in
                [(false, false), (true, true), (false, true)]
            {
                let profile = Profile {
                    blocks_match_pods,
                    blocks_match_nodes: blocks_match_pods,
                    selectors_see_host_network,
                    own_node_can_be_denied: false,
                };
                let other = read(&decide(&self.policies, profile, &flow));
                assert_eq!(other, answer, "{text} where {profile:?}");
            }
        }
        answer
    }

    #[track_caller]
    fn end<'a>(&'a self, name: &str, nodes: &'a [NodeEnd<'a>]) -> End<'a> {
        if let Ok(address) = name.parse() {
            return End::Address(address);
        }
        let Some((namespace, pod)) = name.split_once('/') else {
            return End::Node(*nodes.iter().find(|node| node.name == name).expect("a node"));
        };
        let namespace =
            self.cluster.namespaces.iter().find(|known| &*known.name == namespace).expect("a namespace");
        let found: Option<(&PodGroup, &Member)> = self
            .cluster
            .groups
            .iter()
            .flat_map(|group| group.members.iter().map(move |member| (group, member)))
            .find(|(group, member)| {
                let within = &self.cluster.namespaces[group.namespace.0 as usize];
                within.name == namespace.name && &*member.name == pod
            });
        let (group, member) = found.expect("a pod");
        End::Pod(PodEnd {
            name: Some(&member.name),
            namespace: Some(&namespace.name),
            namespace_labels: &namespace.labels,
            labels: &group.labels,
            attributes: &group.attributes,
            ports: &group.ports,
            host_network: group.host_network,
            addresses: &member.addresses,
            within: &self.spaces[usize::from(group.host_network)],
            node: nodes.iter().find(|node| member.node.as_deref() == Some(node.name)),
        })
    }
}
