//! A small cluster under a network plugin, and questions about it in one line.

use std::net::IpAddr;

use npv_models::cluster::{Builder, Cluster, PodGroup};
use npv_models::cni::{Cni, Detected, Deviation, Sign, deviations};
use npv_models::decide::{End, Flow, NodeEnd, PodEnd, Verdict, decide};
use npv_models::dialect::{lower, prepare};
use npv_models::k8s::{Decoder, Policy};
use npv_models::policy::PolicySet;
use npv_models::source::{Origin, SourceMap, Span};
use npv_models::space::{DomainName, Protocol};
use npv_models::yaml;

/// Two namespaces; a pod calls port 8080 `http`, another one 9090; `agent` is on the host network of `n1`.
const CLUSTER: &str = "
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {team: shop}}}
  - {apiVersion: v1, kind: Namespace, metadata: {name: ops, labels: {team: ops}}}
  - {apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop, labels: {app: web}}, spec: {nodeName: n1, containers: [
      {ports: [{name: http, containerPort: 8080}]}]}, status: {podIP: 10.0.0.1}}
  - {apiVersion: v1, kind: Pod, metadata: {name: api, namespace: shop, labels: {app: api}}, spec: {nodeName: n2, containers: [
      {ports: [{name: http, containerPort: 9090}]}]}, status: {podIP: 10.0.0.2}}
  - {apiVersion: v1, kind: Pod, metadata: {name: probe, namespace: ops, labels: {app: probe}}, spec: {nodeName: n2, containers: [{}]},
     status: {podIP: 10.0.1.1}}
  - {apiVersion: v1, kind: Pod, metadata: {name: agent, namespace: ops, labels: {app: agent}},
     spec: {hostNetwork: true, nodeName: n1, containers: [{}]}, status: {podIP: 192.168.0.1}}
  - {apiVersion: v1, kind: Pod, metadata: {name: other, namespace: ops, labels: {app: other}},
     spec: {hostNetwork: true, nodeName: n2, containers: [{}]}, status: {podIP: 192.168.0.2}}
";

pub(crate) struct World {
    pub(crate) cluster: Cluster,
    pub(crate) written: Vec<Policy>,
    pub(crate) signs: Vec<Sign>,
    sources: SourceMap,
    cni: Cni,
    policies: PolicySet,
}

/// The cluster with what a text adds, under the plugin of that name.
#[track_caller]
pub(crate) fn under(cni: &str, text: &str) -> World {
    let (world, findings) = lenient(cni, text);
    assert_eq!(findings, Vec::<String>::new(), "{text}");
    world
}

/// The same of a text with errors: what is found, as rule and message.
pub(crate) fn lenient(cni: &str, text: &str) -> (World, Vec<String>) {
    let decoder = Decoder::new("default");
    let (mut builder, mut sources) = (Builder::new(), SourceMap::default());
    let (mut signs, mut findings) = (Vec::new(), Vec::new());
    for text in [CLUSTER, text] {
        let id = sources.add("test.yaml", text, Origin::File).unwrap();
        let documents = yaml::read(id, text, 0);
        assert_eq!(documents.problems, [], "{text}");
        let roots = documents.roots.iter().flat_map(|root| match root.get("items") {
            Some(items) => items.items().iter().collect(),
            None => vec![root],
        });
        for node in roots {
            let decoded = decoder.decode(node);
            findings.extend(decoded.findings);
            signs.extend(decoded.sign.map(|sign| *sign));
            if let Some(object) = decoded.object {
                builder.add(object);
            }
        }
    }
    let inventory = builder.finish();
    findings.extend(inventory.findings);
    let mut cluster = inventory.cluster;
    let written = inventory.policies;
    prepare(&written, &mut cluster);
    let cni =
        if cni == "auto" { Cni::detect(&signs, &written, &cluster).cni } else { Cni::parse(cni).unwrap() };
    let policies = lower(&written, &cluster, &cni);
    let said = findings.iter().map(|finding| format!("{}: {}", finding.rule, finding.message)).collect();
    (World { cluster, written, signs, sources, cni, policies }, said)
}

impl World {
    pub(crate) fn detected(&self) -> Detected {
        Cni::detect(&self.signs, &self.written, &self.cluster)
    }

    pub(crate) fn deviations(&self) -> Vec<Deviation> {
        deviations(&self.written, &self.cluster, &self.cni)
    }

    /// The text that a span covers.
    pub(crate) fn text(&self, span: Span) -> &str {
        self.sources.slice(span)
    }

    fn pod(&self, name: &str) -> &PodGroup {
        let (namespace, name) = name.split_once('/').unwrap();
        let mut groups = self.cluster.groups.iter().filter(|group| {
            self.cluster.namespace_name(group.namespace) == namespace
                && group.members.iter().any(|pod| &*pod.name == name)
        });
        groups.next().unwrap_or_else(|| panic!("no pod {namespace}/{name}"))
    }

    /// The verdict on `src -> dst` over TCP; an end is `namespace/pod`, an address or `dns:NAME`.
    pub(crate) fn tcp(&self, src: &str, dst: &str, port: u16) -> Verdict {
        self.over(src, dst, Protocol::Tcp, port)
    }

    /// The same over any protocol.
    pub(crate) fn over(&self, src: &str, dst: &str, protocol: Protocol, port: u16) -> Verdict {
        let node_of = |text: &str| {
            let name = self.pod(text).members[0].node.as_deref();
            name.map(|name| NodeEnd { name, ..NodeEnd::default() })
        };
        let nodes = [src, dst].map(|text| text.contains('/').then(|| node_of(text)).flatten());
        let domains = [src, dst].map(|text| text.strip_prefix("dns:").map(DomainName::from));
        let end = |text: &str, node, domain| {
            if let Some(domain) = domain {
                return End::Domain(domain);
            }
            if let Ok(address) = text.parse::<IpAddr>() {
                return End::Address(address);
            }
            let group = self.pod(text);
            let member = &group.members[0];
            let namespace = &self.cluster.namespaces[group.namespace.0 as usize];
            End::Pod(PodEnd {
                name: Some(&member.name),
                namespace: Some(&namespace.name),
                namespace_labels: &namespace.labels,
                labels: &group.labels,
                attributes: &group.attributes,
                ports: &group.ports,
                host_network: group.host_network,
                addresses: &member.addresses,
                node,
                ..PodEnd::default()
            })
        };
        let [src_node, dst_node] = &nodes;
        let [src_domain, dst_domain] = &domains;
        let src = end(src, src_node.as_ref(), src_domain.as_ref());
        let dst = end(dst, dst_node.as_ref(), dst_domain.as_ref());
        let flow = Flow { src, dst, protocol, port };
        decide(&self.policies, self.cni.profile, &flow).verdict()
    }
}
