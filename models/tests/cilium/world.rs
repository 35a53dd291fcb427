//! A small cluster, the policies of one test, and questions about it in one line.

use npv_models::cluster::{Builder, Cluster};
use npv_models::cni::Cni;
use npv_models::decide::{End, Flow, NodeEnd, PodEnd, decide_request};
use npv_models::dialect::lower;
use npv_models::k8s::Decoder;
use npv_models::policy::{Entity, PolicySet};
use npv_models::source::{Origin, SourceMap};
use npv_models::space::{DomainName, IpSet, Protocol, Request, Stars, icmp_messages};
use npv_models::yaml;

/// Three namespaces; a pod on the host network of node `one`, and one on that node; Services with and without a
/// selector; groups of addresses.
const CLUSTER: &str = "
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {team: red, env: prod}}}
  - {apiVersion: v1, kind: Namespace, metadata: {name: ops, labels: {team: blue, env: prod}}}
  - {apiVersion: v1, kind: Namespace, metadata: {name: lab, labels: {team: blue}}}
  - {apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop, labels: {app: web, tier: front}}, spec: {containers: [
      {ports: [{name: http, containerPort: 8080}]}]}, status: {podIP: 10.0.0.1}}
  - {apiVersion: v1, kind: Pod, metadata: {name: api, namespace: shop, labels: {app: api, tier: back}}, spec: {nodeName: one,
      containers: [{ports: [{name: http, containerPort: 80}, {name: dns, containerPort: 53, protocol: UDP}]}]}, status: {podIP: 10.0.0.2}}
  - {apiVersion: v1, kind: Pod, metadata: {name: db, namespace: shop, labels: {app: db, pod-template-hash: '1'}}, spec: {
      serviceAccountName: db, containers: [{}]}, status: {podIP: 10.0.0.3}}
  - {apiVersion: v1, kind: Pod, metadata: {name: mon, namespace: ops, labels: {app: mon}}, spec: {containers: [{}]},
     status: {podIP: 10.0.1.1}}
  - {apiVersion: v1, kind: Pod, metadata: {name: api, namespace: ops, labels: {app: api, tier: back}}, spec: {containers: [
      {ports: [{name: http, containerPort: 8081}]}]}, status: {podIP: 10.0.1.2}}
  - {apiVersion: v1, kind: Pod, metadata: {name: agent, namespace: ops, labels: {app: agent}}, spec: {hostNetwork: true, nodeName: one,
      containers: [{}]}, status: {podIP: 10.9.0.1}}
  - {apiVersion: v1, kind: Pod, metadata: {name: web, namespace: lab, labels: {app: web}}, spec: {containers: [{}]},
     status: {podIP: 10.0.2.1}}
  - {apiVersion: v1, kind: Service, metadata: {name: mon, namespace: ops, labels: {kind: inner}}, spec: {selector: {app: mon}, ports: [{port: 80}]}}
  - {apiVersion: v1, kind: Service, metadata: {name: outer, namespace: shop, labels: {kind: outer}}, spec: {ports: [{port: 80}]}}
  - {apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: outer-1, namespace: shop,
      labels: {kubernetes.io/service-name: outer}}, addressType: IPv4, endpoints: [{addresses: [192.0.2.10]}], ports: [{port: 80}]}
  - {apiVersion: cilium.io/v2, kind: CiliumCIDRGroup, metadata: {name: gold, labels: {level: gold, eu: 'yes'}},
     spec: {externalCIDRs: [192.0.2.0/24]}}
  - {apiVersion: cilium.io/v2alpha1, kind: CiliumCIDRGroup, metadata: {name: silver, labels: {level: silver}},
     spec: {externalCIDRs: [192.0.2.128/25, 198.51.100.0/24]}}
";

pub(crate) struct World {
    cluster: Cluster,
    policies: PolicySet,
    cni: Cni,
}

/// The cluster with these policies under Cilium 1.20.
#[track_caller]
pub(crate) fn world(policies: &str) -> World {
    world_on("cilium", policies)
}

/// The cluster with these policies under a plugin.
#[track_caller]
pub(crate) fn world_on(cni: &str, policies: &str) -> World {
    let cni = Cni::parse(cni).unwrap();
    let (mut builder, decoder) = (Builder::new(), Decoder::new("default"));
    let mut sources = SourceMap::default();
    for text in [CLUSTER, policies] {
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
    let policies = lower(&inventory.policies, &inventory.cluster, &cni);
    World { cluster: inventory.cluster, policies, cni }
}

/// A CiliumNetworkPolicy in `shop`.
pub(crate) fn cnp(spec: &str) -> String {
    named("it", spec)
}

/// A CiliumNetworkPolicy in `shop` with a name.
pub(crate) fn named(name: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {{name: {name}, namespace: shop}}\nspec: {spec}\n"
    )
}

/// A CiliumNetworkPolicy on `shop/api` that allows one thing in.
pub(crate) fn to_api(entry: &str) -> String {
    cnp(&format!("{{endpointSelector: {{matchLabels: {{app: api}}}}, ingress: [{entry}]}}"))
}

/// A CiliumNetworkPolicy on `shop/web` that allows one thing out.
pub(crate) fn from_web(entry: &str) -> String {
    cnp(&format!("{{endpointSelector: {{matchLabels: {{app: web}}}}, egress: [{entry}]}}"))
}

/// A CiliumClusterwideNetworkPolicy.
pub(crate) fn ccnp(spec: &str) -> String {
    format!(
        "---\napiVersion: cilium.io/v2\nkind: CiliumClusterwideNetworkPolicy\nmetadata: {{name: it}}\nspec: {spec}\n"
    )
}

/// A NetworkPolicy in `shop`.
pub(crate) fn np(spec: &str) -> String {
    format!(
        "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: it, namespace: shop}}\nspec: {spec}\n"
    )
}

impl World {
    /// Compares flows with their verdicts. A flow is `shop/web > shop/api:80`, with `/udp`, `/icmp` (the port is the
    /// type) or a request behind it: `GET /a`, `GET /a host=h X-K=v`. An end is a pod, an address, `{host}`
    /// and its like, or `{fqdn NAME}`.
    #[track_caller]
    pub(crate) fn check(&self, flows: &[(&str, &str)]) {
        for (flow, wanted) in flows {
            assert_eq!(self.verdict(flow), *wanted, "{flow}");
        }
    }

    #[track_caller]
    fn verdict(&self, text: &str) -> &'static str {
        let (src, rest) = text.split_once(" > ").unwrap();
        let mut words = rest.split_whitespace();
        let mut dst = words.next().unwrap().to_owned();
        // A name in braces has a blank in it.
        if dst.starts_with('{') && !dst.contains('}') {
            dst = format!("{dst} {}", words.next().unwrap());
        }
        let (dst, port) = dst.rsplit_once(':').unwrap();
        let (port, protocol) = port.split_once('/').unwrap_or((port, "tcp"));
        let number: u16 = port.parse().unwrap();
        let (protocol, port) = match protocol {
            "icmp" => {
                (Protocol::Icmp, icmp_messages(u8::try_from(number).unwrap(), Some(0)).first().unwrap())
            }
            name => (Protocol::from_name(&name.to_uppercase()).unwrap(), number),
        };
        let request = words.next().map(|method| {
            let mut request = Request::new(method, words.next().unwrap());
            for word in words {
                let (name, value) = word.split_once('=').unwrap();
                match name {
                    "host" => request.host = Some(value.into()),
                    name => request.headers.push((name.into(), value.into())),
                }
            }
            request
        });
        let space = self.cluster.pod_space();
        let nodes: Vec<NodeEnd<'_>> = vec![NodeEnd { name: "one", ..NodeEnd::default() }];
        let names: Vec<DomainName> = [src, dst]
            .map(|end| {
                let name = end.strip_prefix("{fqdn ").map_or("", |name| name.trim_end_matches('}'));
                DomainName::new(name, Stars::Characters)
            })
            .into();
        let end = |text, name| self.end(text, &space, &nodes[0], name);
        let flow = Flow { src: end(src, &names[0]), dst: end(dst, &names[1]), protocol, port };
        decide_request(&self.policies, self.cni.profile, &flow, request.as_ref()).verdict().name()
    }

    #[track_caller]
    fn end<'a>(
        &'a self,
        text: &str,
        within: &'a IpSet,
        node: &'a NodeEnd<'a>,
        name: &'a DomainName,
    ) -> End<'a> {
        if let Ok(address) = text.parse() {
            return End::Address(address);
        }
        let entity = match text {
            "{host}" => Some(Entity::OwnNode),
            "{remote-node}" => Some(Entity::OtherNode),
            "{kube-apiserver}" => Some(Entity::ApiServer),
            "{ingress}" => Some(Entity::Ingress),
            "{health}" => Some(Entity::Health),
            "{world}" => Some(Entity::World),
            _ => None,
        };
        if let Some(entity) = entity {
            return End::Entity(entity);
        }
        if text.starts_with("{fqdn") {
            return End::Domain(name);
        }
        let (namespace, pod) = text.split_once('/').unwrap();
        let (group, member) = self
            .cluster
            .groups
            .iter()
            .filter(|group| self.cluster.name_of(group.namespace) == namespace)
            .find_map(|group| Some((group, group.members.iter().find(|member| &*member.name == pod)?)))
            .unwrap_or_else(|| panic!("no pod {text}"));
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
            within,
            node: member.node.as_deref().map(|_| node),
        })
    }
}
