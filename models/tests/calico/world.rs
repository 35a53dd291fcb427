//! A small cluster, the policies of one test, and questions about it in one line.

use npv_models::cluster::{Builder, Cluster, Member, PodGroup};
use npv_models::cni::Cni;
use npv_models::decide::{Decision, End, Flow, NodeEnd, PodEnd, decide};
use npv_models::dialect::lower;
use npv_models::k8s::Decoder;
use npv_models::policy::PolicySet;
use npv_models::source::{Origin, SourceMap};
use npv_models::space::{IpSet, Protocol};
use npv_models::yaml;

/// Two namespaces with three pods each, a third without labels, an agent on the host network of node `n1`, and two
/// nodes. ServiceAccounts `web` of both namespaces differ in their labels.
const CLUSTER: &str = "
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Namespace, metadata: {name: red, labels: {team: red, env: prod}}}
  - {apiVersion: v1, kind: Namespace, metadata: {name: blue, labels: {team: blue}}}
  - {apiVersion: v1, kind: Namespace, metadata: {name: plain}}
  - {apiVersion: v1, kind: ServiceAccount, metadata: {name: web, namespace: red, labels: {trust: high}}}
  - {apiVersion: v1, kind: ServiceAccount, metadata: {name: web, namespace: blue, labels: {trust: low}}}
  - {apiVersion: v1, kind: Node, metadata: {name: n1}, status: {addresses: [{type: InternalIP, address: 192.168.0.1}]}}
  - {apiVersion: v1, kind: Node, metadata: {name: n2}, status: {addresses: [{type: InternalIP, address: 192.168.0.2}]}}
  - {apiVersion: v1, kind: Pod, metadata: {name: web, namespace: red, labels: {app: web, tier: front}}, spec: {nodeName: n1,
     serviceAccountName: web, containers: [{ports: [{name: http, containerPort: 80}]}]}, status: {podIP: 10.1.0.1}}
  - {apiVersion: v1, kind: Pod, metadata: {name: api, namespace: red, labels: {app: api, tier: back}}, spec: {nodeName: n2, containers: [
      {ports: [{name: http, containerPort: 8080}, {name: dns, containerPort: 53, protocol: UDP}]}]}, status: {podIP: 10.1.0.2}}
  - {apiVersion: v1, kind: Pod, metadata: {name: db, namespace: red, labels: {app: db}}, spec: {containers: [{}]},
     status: {podIP: 10.1.0.3}}
  - {apiVersion: v1, kind: Pod, metadata: {name: web, namespace: blue, labels: {app: web}}, spec: {serviceAccountName: web,
     containers: [{ports: [{name: http, containerPort: 80}]}]}, status: {podIP: 10.2.0.1}}
  - {apiVersion: v1, kind: Pod, metadata: {name: mon, namespace: blue, labels: {app: mon, tier: back-office}}, spec: {containers: [{}]},
     status: {podIP: 10.2.0.2}}
  - {apiVersion: v1, kind: Pod, metadata: {name: bare, namespace: plain}, spec: {containers: [{}]}, status: {podIP: 10.3.0.1}}
  - {apiVersion: v1, kind: Pod, metadata: {name: agent, namespace: red, labels: {app: web}}, spec: {hostNetwork: true,
     nodeName: n1, containers: [{ports: [{name: http, containerPort: 80}]}]}, status: {podIP: 192.168.0.1}}
";

/// Everybody but nodes and what is on their network.
pub(crate) const PODS: [&str; 6] = ["red/web", "red/api", "red/db", "blue/web", "blue/mon", "plain/bare"];

/// An address that no object mentions unless a test makes one.
pub(crate) const OUTSIDE: &str = "203.0.113.5";

pub(crate) struct World {
    cluster: Cluster,
    cni: Cni,
    policies: PolicySet,
}

/// The cluster under objects that have no error.
#[track_caller]
pub(crate) fn world(objects: &[String]) -> World {
    on("calico", objects)
}

/// The same, on a version of Calico.
#[track_caller]
pub(crate) fn on(cni: &str, objects: &[String]) -> World {
    let mut builder = Builder::new();
    let (decoder, mut sources) = (Decoder::new("default"), SourceMap::default());
    for text in std::iter::once(CLUSTER).chain(objects.iter().map(String::as_str)) {
        let id = sources.add("test.yaml", text, Origin::File).unwrap();
        let documents = yaml::read(id, text, 0);
        assert_eq!(documents.problems, [], "{text}");
        for root in &documents.roots {
            let items = root.get("items").map_or(std::slice::from_ref(root), |items| items.items());
            for item in items {
                let decoded = decoder.decode(item);
                assert_eq!(decoded.findings, [], "{text}");
                decoded.object.into_iter().for_each(|object| builder.add(object));
            }
        }
    }
    let inventory = builder.finish();
    assert_eq!(inventory.findings, []);
    let cni = Cni::parse(cni).unwrap();
    let policies = lower(&inventory.policies, &inventory.cluster, &cni);
    World { policies, cni, cluster: inventory.cluster }
}

/// An object of Calico's API.
pub(crate) fn object(kind: &str, name: &str, spec: &str) -> String {
    let (namespace, name) = name.split_once('/').unwrap_or(("", name));
    let namespace = if namespace.is_empty() { String::new() } else { format!(", namespace: {namespace}") };
    format!(
        "{{apiVersion: projectcalico.org/v3, kind: {kind}, metadata: {{name: {name}{namespace}}}, spec: {spec}}}\n"
    )
}

pub(crate) fn gnp(name: &str, spec: &str) -> String {
    object("GlobalNetworkPolicy", name, spec)
}

/// A policy of a namespace: `namespace/name`.
pub(crate) fn np(name: &str, spec: &str) -> String {
    object("NetworkPolicy", name, spec)
}

pub(crate) fn tier(name: &str, spec: &str) -> String {
    object("Tier", name, spec)
}

/// A policy on `red/web` that allows these rules in and nothing else.
pub(crate) fn web_from(rule: &str) -> String {
    np("red/web", &format!("{{selector: app == 'web', types: [Ingress], ingress: [{rule}]}}"))
}

/// A policy of the whole cluster on `red/web` that allows these rules in and nothing else.
pub(crate) fn web_from_anywhere(rule: &str) -> String {
    let subject = "namespaceSelector: team == 'red', selector: app == 'web'";
    gnp("web", &format!("{{{subject}, types: [Ingress], ingress: [{rule}]}}"))
}

impl World {
    /// Who reaches a port of a pod: of all pods, and of an address outside.
    #[track_caller]
    pub(crate) fn reach(&self, dst: &str, port: &str) -> Vec<&'static str> {
        let sources = PODS.into_iter().chain([OUTSIDE]).filter(|src| *src != dst);
        sources.filter(|src| self.verdict(&format!("{src} -> {dst}:{port}")) == "allow").collect()
    }

    /// Whom a pod reaches on a port: all pods, and an address outside.
    #[track_caller]
    pub(crate) fn reached(&self, src: &str, port: &str) -> Vec<&'static str> {
        let ends = PODS.into_iter().chain([OUTSIDE]).filter(|dst| *dst != src);
        ends.filter(|dst| self.verdict(&format!("{src} -> {dst}:{port}")) == "allow").collect()
    }

    /// `allow`, `deny` or `unknown` for a flow such as `red/web -> 203.0.113.5:80/udp`. An end is a pod, a node or
    /// an address.
    #[track_caller]
    pub(crate) fn verdict(&self, flow: &str) -> &'static str {
        self.ask(flow, |decision| decision.verdict().name())
    }

    /// Compares many flows with their verdicts.
    #[track_caller]
    pub(crate) fn check(&self, flows: &[(&str, &str)]) {
        for (flow, verdict) in flows {
            assert_eq!(self.verdict(flow), *verdict, "{flow}");
        }
    }

    /// `tier policy action` of every step of one side.
    #[track_caller]
    pub(crate) fn steps(&self, flow: &str) -> Vec<String> {
        self.ask(flow, |decision| {
            let steps = decision.steps.iter();
            steps
                .map(|step| format!("{} {} {}", step.tier.name, step.policy.object.name, step.action.name()))
                .collect()
        })
    }

    #[track_caller]
    fn ask<R>(&self, text: &str, read: impl Fn(&Decision<'_>) -> R) -> R {
        let (src, rest) = text.split_once(" -> ").expect("an arrow");
        let (rest, protocol) = rest.rsplit_once('/').expect("a protocol");
        let (dst, port) = rest.rsplit_once(':').expect("a port");
        let nowhere = IpSet::EMPTY;
        let nodes = self.cluster.nodes.iter().map(|node| NodeEnd {
            name: &node.name,
            labels: &node.labels,
            addresses: &node.addresses,
            within: &nowhere,
        });
        let nodes: Vec<NodeEnd<'_>> = nodes.collect();
        let known = |name: &&Protocol| name.name().eq_ignore_ascii_case(protocol);
        let flow = Flow {
            src: self.end(src, &nodes),
            dst: self.end(dst, &nodes),
            protocol: *Protocol::EVERY.iter().find(known).expect("a protocol"),
            port: port.parse().expect("a port"),
        };
        read(&decide(&self.policies, self.cni.profile, &flow))
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
        let members = self.cluster.groups.iter();
        let mut members = members.flat_map(|group| group.members.iter().map(move |member| (group, member)));
        let found: Option<(&PodGroup, &Member)> = members.find(|(group, member)| {
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
            node: nodes.iter().find(|node| member.node.as_deref() == Some(node.name)),
            ..PodEnd::default()
        })
    }
}
