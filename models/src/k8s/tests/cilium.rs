//! Policies of Cilium: what they say, one row per rule of validation, and which text each finding points at.

use super::super::testing::{decode_all, summary};
use super::super::{
    CiliumBlockSource, CiliumCidrGroup, CiliumEntity, CiliumEntry, CiliumL7, CiliumPeer, CiliumPeers,
    CiliumPolicy, CiliumPortRef, CiliumProtocol, CiliumService, CiliumSubject, Decoded, HeaderValue,
    IcmpFamily, LabelSource, Object, Policy, Section, TlsRestriction,
};
use crate::space::Protocol;

const NAMESPACED: &str = "cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: it, namespace: shop}";
const CLUSTERWIDE: &str = "cilium.io/v2, kind: CiliumClusterwideNetworkPolicy, metadata: {name: it}";

/// Decodes the only object of a text.
fn decode(text: &str) -> Decoded {
    decode_all(text).remove(0)
}

#[track_caller]
fn accepted(text: &str) -> CiliumPolicy {
    let decoded = decode(text);
    assert_eq!(decoded.findings, [], "{text}");
    match decoded.object {
        Some(Object::Policy(Policy::Cilium(policy))) => *policy,
        other => panic!("{other:?}"),
    }
}

/// Compares rule and place of every finding, and the texts that they must hold; the policy is left out.
#[track_caller]
fn refused(text: &str, wanted: &[(&str, &str, &str)]) {
    let decoded = decode(text);
    let found = summary(text, &decoded.findings);
    let places: Vec<(&str, &str)> = wanted.iter().map(|(rule, place, _)| (*rule, *place)).collect();
    assert_eq!(found, places, "{text}\n{:#?}", decoded.findings);
    assert!(decoded.object.is_none(), "a refused policy takes no part: {text}");
    for (finding, (_, _, wanted)) in decoded.findings.iter().zip(wanted) {
        let says = format!("{} | {}", finding.message, finding.help.join(" | "));
        assert!(says.contains(wanted), "`{wanted}` in `{says}`");
        // K-70
        assert!(says.contains("stays open"), "{says}");
        assert!(!finding.incomplete);
    }
}

fn object(head: &str, spec: &str) -> String {
    format!("{{apiVersion: {head}, spec: {spec}}}")
}

/// A policy whose rule has these fields beside a subject.
fn rule(rest: &str) -> String {
    object(NAMESPACED, &format!("{{endpointSelector: {{}}, {rest}}}"))
}

fn ingress(entry: &str) -> String {
    rule(&format!("ingress: [{entry}]"))
}

fn egress(entry: &str) -> String {
    rule(&format!("egress: [{entry}]"))
}

/// An ingress entry with this port and these other fields of its `toPorts`.
fn over(ports: &str, rest: &str) -> String {
    ingress(&format!("{{toPorts: [{{ports: [{ports}]{rest}}}]}}"))
}

#[track_caller]
fn by_server(text: &str, place: &str, says: &str) {
    refused(text, &[("invalid-policy", place, says)]);
}

/// The API server takes it, the agent does not.
#[track_caller]
fn by_agent(text: &str, place: &str, says: &str) {
    refused(text, &[("invalid-policy", place, says)]);
    let help = &decode(text).findings[0].help;
    let last = help.last().unwrap();
    assert!(last.starts_with("correct it: the API server takes the policy as it is, but"), "{help:?}");
}

/// The entries of the only section.
fn entries(policy: &CiliumPolicy) -> &[CiliumEntry] {
    policy.rules[0].sections().find_map(|(_, section)| section.map(|section| &section.value)).unwrap()
}

fn peers(entry: &CiliumEntry) -> Vec<&CiliumPeer> {
    match &entry.peers {
        CiliumPeers::Listed { peers, .. } => peers.iter().map(|peer| &peer.value).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn everything_that_a_policy_can_say() {
    let policy = accepted(
        "apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: it, namespace: shop}
spec:
  description: what it is for
  endpointSelector: {matchLabels: {app: api, 'k8s:tier': front}, matchExpressions: [{key: 'any:x', operator: Exists}]}
  enableDefaultDeny: {ingress: false, egress: true}
  labels: [{key: a, value: b, source: k8s}]
  log: {value: text}
  ingress:
    - fromEndpoints: [{}, {matchLabels: {'reserved:host': ''}}]
      authentication: {mode: required}
      toPorts:
        - ports: [{port: '80', protocol: TCP}, {port: Web, protocol: TCP, endPort: 0}]
          rules:
            http:
              - {path: /a.*, method: GET, host: api, headers: [X-A, 'X-B: v w']}
              - headerMatches: [{name: X-C, value: v}, {name: X-D}, {name: X-E, secret: {name: s}, mismatch: LOG}]
              - {}
    - fromEntities: [world, cluster, kube-apiserver]
      icmps: [{fields: [{type: 8}, {type: EchoRequest, family: IPv6}, {type: '0'}]}]
    - fromCIDR: [10.1.2.3/8, 'fd00::/8']
      toPorts: [{ports: [{port: '0'}, {port: '8000', endPort: 8080, protocol: UDP}]}]
    - {}
  ingressDeny:
    - fromCIDRSet:
        - {cidr: 10.0.0.0/8, except: [10.1.0.0/16, 10.0.0.0/8]}
        - {cidrGroupRef: partners}
        - {cidrGroupSelector: {matchLabels: {level: gold}}, except: [192.0.2.0/24]}
  egress:
    - toFQDNs: [{matchName: WWW.example.com.}, {matchPattern: '*.example.org'}]
      toPorts: [{ports: [{port: '443', protocol: TCP}], serverNames: [www.example.com], originatingTLS: {secret: {name: s}}}]
    - toServices:
        - k8sService: {serviceName: db, namespace: data}
        - k8sServiceSelector: {selector: {matchLabels: {a: b}}}
    - toEndpoints: [{matchLabels: {'k8s:io.kubernetes.pod.namespace': kube-system, k8s-app: kube-dns}}]
      toPorts: [{ports: [{port: '53', protocol: ANY}], rules: {dns: [{matchPattern: '*'}]}}]
    - toGroups: [{aws: {securityGroupsIds: [sg-1]}}]
  egressDeny:
    - toEntities: [remote-node]
specs:
  - endpointSelector: {}
    egress: []
    ingress: [{fromEndpoints: []}]
status: {conditions: []}
",
    );
    assert_eq!((policy.kind(), &*policy.meta.namespace), ("CiliumNetworkPolicy", "shop"));
    let [rule, other] = &policy.rules[..] else { panic!() };
    assert_eq!((&*rule.path, &*other.path), ("spec", "specs[0]"));
    let CiliumSubject::Endpoints(subject) = &rule.subject.value else { panic!() };
    assert_eq!(subject.to_string(), "app=api,x,k8s:tier=front");
    assert_eq!(subject.requirements()[2].source, LabelSource::Kubernetes);
    assert!(subject.asks_for("tier") && !subject.is_reserved());
    let values =
        [&rule.default_deny_ingress, &rule.default_deny_egress].map(|flag| flag.map(|flag| flag.value));
    assert_eq!(values, [Some(false), Some(true)]);

    let entries = &rule.section(Section::Ingress).unwrap().value;
    let first = &entries[0];
    assert!(first.authentication.is_some() && first.icmps.is_none());
    let [CiliumPeer::Endpoints(own), CiliumPeer::Endpoints(host)] = peers(first)[..] else { panic!() };
    assert!(own.is_everything() && host.is_reserved());
    assert_eq!(host.to_string(), "reserved:host=");
    let ports = &first.ports.as_ref().unwrap().value[0];
    assert_eq!(ports.ports[0].value.protocol, CiliumProtocol::One(Protocol::Tcp));
    assert_eq!(ports.ports[0].value.port, CiliumPortRef::Numbers(80..=80));
    // K-33: case is ignored.
    assert_eq!(ports.ports[1].value.port, CiliumPortRef::Name { name: "web".into(), last: Some(0) });
    let Some(CiliumL7::Http(rules)) = ports.l7.as_ref().map(|l7| &l7.value) else { panic!() };
    let header = |rule: usize, index: usize| {
        let header = &rules[rule].value.headers[index].value;
        (&*header.name, &header.value, header.corrects)
    };
    assert_eq!(rules[0].value.path.as_ref().map(|path| &*path.value), Some("/a.*"));
    assert_eq!(header(0, 0), ("x-a", &HeaderValue::Present, false));
    assert_eq!(header(0, 1), ("x-b", &HeaderValue::Equal("v w".into()), false));
    assert_eq!(header(1, 0), ("x-c", &HeaderValue::Equal("v".into()), false));
    assert_eq!(header(1, 1), ("x-d", &HeaderValue::Present, false));
    assert_eq!(header(1, 2), ("x-e", &HeaderValue::Secret, true));
    assert!(rules[2].value.path.is_none() && rules[2].value.headers.is_empty());

    let entity = |peer: &&CiliumPeer| match peer {
        CiliumPeer::Entity(entity) => *entity,
        other => panic!("{other:?}"),
    };
    let entities: Vec<CiliumEntity> = peers(&entries[1]).iter().map(entity).collect();
    assert_eq!(entities, [CiliumEntity::World, CiliumEntity::Cluster, CiliumEntity::KubeApiServer]);
    let icmps = entries[1].icmps.as_ref().unwrap().value.iter().map(|icmp| (icmp.family, icmp.number));
    let wanted = [(IcmpFamily::V4, 8), (IcmpFamily::V6, 128), (IcmpFamily::V4, 0)];
    assert_eq!(icmps.collect::<Vec<_>>(), wanted);
    let [CiliumPeer::Block(block), CiliumPeer::Block(_)] = peers(&entries[2])[..] else { panic!() };
    // K-20
    assert_eq!(block.source, CiliumBlockSource::Block("10.0.0.0/8".parse().unwrap()));
    let ports = &entries[2].ports.as_ref().unwrap().value[0].ports;
    assert_eq!((ports[0].value.protocol, &ports[0].value.port), (CiliumProtocol::Any, &CiliumPortRef::All));
    assert_eq!(ports[1].value.port, CiliumPortRef::Numbers(8000..=8080));
    // K-15
    assert_eq!(entries[3].peers, CiliumPeers::Everyone);
    assert!(entries[3].ports.is_none());

    let denied = &rule.section(Section::IngressDeny).unwrap().value;
    let sources: Vec<String> = peers(&denied[0])
        .iter()
        .map(|peer| match peer {
            CiliumPeer::Block(block) => format!("{:?} {:?}", block.source, block.except),
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(sources[0].contains("10.1.0.0/16"), "{sources:?}");
    assert!(sources[1].starts_with("Group(\"partners\")"), "{sources:?}");
    assert!(sources[2].starts_with("Groups(") && sources[2].contains("192.0.2.0/24"), "{sources:?}");

    let egress = &rule.section(Section::Egress).unwrap().value;
    let names: Vec<&str> = peers(&egress[0])
        .iter()
        .map(|peer| match peer {
            CiliumPeer::Domain(pattern) => pattern.text(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(names, ["www.example.com", "*.example.org"]);
    let tls = &egress[0].ports.as_ref().unwrap().value[0].tls;
    let tls: Vec<TlsRestriction> = tls.iter().map(|restriction| restriction.value).collect();
    assert_eq!(tls, [TlsRestriction::ServerNames, TlsRestriction::Originating]);
    let named = CiliumService::Named { name: "db".into(), namespace: Some("data".into()) };
    assert_eq!(peers(&egress[1])[0], &CiliumPeer::Service(named));
    assert!(matches!(
        peers(&egress[1])[1],
        CiliumPeer::Service(CiliumService::Selected { namespace: None, .. })
    ));
    let dns = egress[2].ports.as_ref().unwrap().value[0].l7.as_ref().unwrap();
    assert!(matches!(&dns.value, CiliumL7::Dns(names) if names[0].value.is_everything()));
    assert_eq!(peers(&egress[3]), [&CiliumPeer::CloudGroup("aws sg-1".into())]);
    // K-14
    let nobody = &other.section(Section::Ingress).unwrap().value[0].peers;
    assert!(matches!(nobody, CiliumPeers::Nobody(_)));
    assert_eq!(policy.selectors().count(), 5);
}

#[test]
fn a_clusterwide_policy_is_in_no_namespace_and_may_be_about_nodes() {
    let policy = accepted(&object(
        CLUSTERWIDE,
        "{nodeSelector: {matchLabels: {zone: a}}, ingress: [{fromEntities: [cluster]}]}",
    ));
    assert_eq!((policy.kind(), &*policy.meta.namespace), ("CiliumClusterwideNetworkPolicy", ""));
    assert!(matches!(policy.rules[0].subject.value, CiliumSubject::Nodes(_)));
    by_agent(
        &object(NAMESPACED, "{nodeSelector: {}, ingress: [{}]}"),
        "nodeSelector",
        "CiliumClusterwideNetworkPolicy",
    );
}

#[test]
fn a_policy_needs_a_rule_and_a_rule_a_subject_and_an_entry() {
    let head = "{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: it}";
    by_server(&format!("{head}}}"), "it", "neither a `spec` nor `specs`");
    assert_eq!(accepted(&format!("{head}, specs: []}}")).rules, []);
    by_server(&object(NAMESPACED, "{ingress: [{}]}"), "{ingress: [{}]}", "`endpointSelector: {}`");
    by_server(
        &object(CLUSTERWIDE, "{endpointSelector: {}, nodeSelector: {}, ingress: [{}]}"),
        "nodeSelector",
        "must not be in one entry",
    );
    by_server(&object(NAMESPACED, "{endpointSelector: {}}"), "{endpointSelector: {}}", "`ingress: [{}]`");
    // K-16
    by_agent(&rule("ingress: [], egress: []"), "ingress", "no entry at all");
    accepted(&rule("ingress: [], egress: [{}]"));
    // One bad rule voids the object (K-3).
    refused(
        &format!(
            "{head}, spec: {{endpointSelector: {{}}, ingress: [{{}}]}}, specs: [{{endpointSelector: {{}}, egress: []}}]}}"
        ),
        &[("invalid-policy", "egress", "stays open")],
    );
}

#[test]
fn strange_fields_are_refused_with_what_was_meant() {
    for (text, place, says) in [
        (rule("ingres: [{}]"), "ingres", "`ingress`"),
        (ingress("{toEndpoints: [{}]}"), "toEndpoints", "an ingress entry says `fromEndpoints`"),
        (egress("{fromEndpoints: [{}]}"), "fromEndpoints", "an egress entry says `toEndpoints`"),
        (ingress("{toFQDNs: [{matchName: a.b}]}"), "toFQDNs", "names are a matter of egress"),
        (ingress("{from: [{}]}"), "from", "a field for each kind of peer"),
        (ingress("{ports: []}"), "ports", "`toPorts`"),
        (rule("egressDeny: [{toFQDNs: [{matchName: a.b}]}]"), "toFQDNs", "names can only be allowed"),
        (rule("ingressDeny: [{authentication: {mode: required}}]"), "authentication", "a deny asks nobody"),
        (
            rule("ingressDeny: [{toPorts: [{ports: [{port: '80'}], rules: {http: [{}]}}]}]"),
            "rules",
            "a deny looks at addresses and ports only",
        ),
        (over("{port: '80', protocol: TCP}", ", rules: {kafka: [{}]}"), "kafka", "Cilium 1.20"),
        (over("{port: '80', protocol: TCP}", ", rules: {l7proto: x}"), "l7proto", "Cilium 1.20"),
    ] {
        refused(&text, &[("unknown-field", place, says)]);
    }
}

#[test]
fn one_kind_of_peer_in_an_entry() {
    by_agent(
        &ingress("{fromEntities: [all], fromCIDR: [10.0.0.0/8]}"),
        "fromCIDR",
        "`fromEntities` and `fromCIDR`",
    );
    by_agent(&egress("{toFQDNs: [{matchName: a.b}], toEndpoints: [{}]}"), "toEndpoints", "an entry for each");
    // An empty list is no kind, but it matches nobody.
    let policy = accepted(&ingress("{fromEntities: [all], fromCIDR: []}"));
    assert!(matches!(entries(&policy)[0].peers, CiliumPeers::Nobody(_)));
    // Of names, Services and groups an empty list says nothing.
    let policy = accepted(&egress("{toFQDNs: [], toServices: [], toGroups: []}"));
    assert_eq!(entries(&policy)[0].peers, CiliumPeers::Everyone);
    by_agent(&ingress("{fromNodes: [{}]}"), "fromNodes", "`enable-node-selector-labels`");
    by_server(&ingress("{fromRequires: [{}]}"), "fromRequires", "gone since Cilium 1.19");
    accepted(&egress("{toRequires: []}"));
}

#[test]
fn peers_are_checked() {
    for (text, place, says) in [
        (ingress("{fromEntities: [wrld]}"), "wrld", "did you mean `world`?"),
        (ingress("{fromEntities: [world-ipv4]}"), "world-ipv4", "did you mean `world`?"),
        (ingress("{fromEntities: [everybody]}"), "everybody", "entities are"),
        (ingress("{fromCIDR: [10.0.0.1]}"), "10.0.0.1", "write `10.0.0.1/32`"),
        (ingress("{fromCIDRSet: [{}]}"), "{}", "none of `cidr`, `cidrGroupRef` and `cidrGroupSelector`"),
        (
            ingress("{fromCIDRSet: [{cidr: 10.0.0.0/8, cidrGroupRef: g}]}"),
            "cidrGroupRef",
            "must not be in one entry",
        ),
        (ingress("{fromCIDRSet: [{cidrGroupRef: A_b}]}"), "A_b", "write `a-b`"),
        (egress("{toFQDNs: [{}]}"), "{}", "none of `matchName` and `matchPattern`"),
        (egress("{toFQDNs: [{matchName: a.b, matchPattern: '*'}]}"), "matchPattern", "must not be in one"),
        (egress("{toFQDNs: [{matchName: '*.b'}]}"), "'*.b'", "goes into `matchPattern`"),
        (egress("{toFQDNs: [{matchName: 'https://a.b/c'}]}"), "'https://a.b/c'", "write `a.b`"),
        (egress("{toFQDNs: [{matchPattern: 'a b'}]}"), "'a b'", "letters, digits"),
        (egress("{toServices: [{k8sServiceSelector: {}}]}"), "k8sServiceSelector", "has no `selector`"),
        (ingress("{fromEndpoints: [{matchLabels: {'a:b:c': d}}]}"), "'a:b:c'", "at most one source"),
        (ingress("{fromEndpoints: [{matchLabels: {':b': d}}]}"), "':b'", "`k8s:app`"),
        (ingress("{fromEndpoints: [{matchLabels: {a: 'b c'}}]}"), "'b c'", "must consist of"),
        (
            ingress("{fromEndpoints: [{matchExpressions: [{key: a, operator: In}]}]}"),
            "{key: a, operator: In}",
            "at least one value",
        ),
    ] {
        refused(&text, &[("invalid-policy", place, says)]);
    }
    by_agent(
        &ingress("{fromCIDRSet: [{cidr: 10.0.0.0/8, except: [11.0.0.0/8]}]}"),
        "11.0.0.0/8",
        "not inside the block",
    );
    refused(&ingress("{fromEndpoints: [null]}"), &[("null-rule", "null", "an empty peer")]);
    refused(&ingress("{fromEndpoints: {}}"), &[("wrong-type", "{}", "a list")]);
}

#[test]
fn ports_are_texts_and_a_name_is_short() {
    refused(&over("{port: 80}", ""), &[("wrong-type", "80", "put it in quotes")]);
    for (port, says) in [
        ("'80-90'", "`port: \"80\"` and `endPort: 90`"),
        ("'99999'", "neither a port number"),
        ("a-very-long-name", "at most 15 characters"),
        ("'08'", "neither a port number"),
        ("80/tcp", "neither a port number"),
        ("'!http'", "neither a port number"),
    ] {
        by_agent(&over(&format!("{{port: {port}}}"), ""), port, says);
    }
    for port in ["'+80'", "'!9'", "a-", "http!", "a/9"] {
        by_server(&over(&format!("{{port: {port}}}"), ""), port, "neither a port number");
    }
    by_server(&over("{port: ''}", ""), "''", "neither a port number");
    by_server(&over("{port: '80', protocol: tcp}", ""), "tcp", "did you mean `TCP`?");
    by_server(&over("{port: '80', protocol: ICMP}", ""), "ICMP", "`icmps`");
    by_server(&over("{port: '80', endPort: 65536}", ""), "65536", "ports go to 65535");
    by_agent(&over("{protocol: TCP}", ""), "{protocol: TCP}", "`port: \"0\"`");
    by_agent(&over("{port: '80', protocol: GRE}", ""), "'80'", "GRE has no ports");
    let forty_one = vec!["{port: '80'}"; 41].join(", ");
    by_server(&over(&forty_one, ""), "{port: '80'}", "has 41 entries, and may have 40");
    // K-31: an end below the port is ignored, and a leading zero makes an octal number.
    let policy =
        accepted(&over("{port: '80', endPort: 70}, {port: '010'}, {port: '1_0'}, {port: '0x50'}", ""));
    let ports = &entries(&policy)[0].ports.as_ref().unwrap().value[0].ports;
    let ports: Vec<&CiliumPortRef> = ports.iter().map(|port| &port.value.port).collect();
    let name = CiliumPortRef::Name { name: "0x50".into(), last: None };
    assert_eq!(
        ports,
        [
            &CiliumPortRef::Numbers(80..=80),
            &CiliumPortRef::Numbers(8..=8),
            &CiliumPortRef::Numbers(10..=10),
            &name
        ]
    );
    // K-35
    for empty in ["{toPorts: []}", "{icmps: []}"] {
        let policy = accepted(&ingress(empty));
        assert!(entries(&policy)[0].ports.is_none() && entries(&policy)[0].icmps.is_none());
    }
    let policy = accepted(&ingress("{toPorts: [{}]}"));
    assert_eq!(entries(&policy)[0].ports.as_ref().unwrap().value[0].ports, []);
}

#[test]
fn a_range_that_begins_at_a_named_port_is_not_modelled() {
    let text = over("{port: web, endPort: 90}", "");
    let decoded = decode(&text);
    assert_eq!(summary(&text, &decoded.findings), [("unsupported-policy", "{port: web, endPort: 90}")]);
    assert!(decoded.findings[0].incomplete && decoded.object.is_some());
    // On the way out it is the named port alone.
    accepted(&egress("{toPorts: [{ports: [{port: web, endPort: 90}]}]}"));
}

#[test]
fn icmp_types_are_numbers_or_names_of_their_family() {
    let icmp = |field: &str| ingress(&format!("{{icmps: [{{fields: [{field}]}}]}}"));
    by_server(&icmp("{type: -1}"), "-1", "from 0 to 255");
    by_server(&icmp("{type: '256'}"), "'256'", "no ICMP type that Cilium knows");
    by_server(&icmp("{type: Ping}"), "Ping", "no ICMP type that Cilium knows");
    by_server(&icmp("{family: IPv4}"), "{family: IPv4}", "has no `type`");
    by_server(&icmp("{type: 8, family: v4}"), "v4", "`IPv4` and `IPv6`");
    by_agent(&icmp("{type: PacketTooBig}"), "PacketTooBig", "`family: IPv6`");
    by_agent(
        &ingress("{icmps: [{fields: [{type: 8}]}], toPorts: [{ports: [{port: '80'}]}]}"),
        "icmps",
        "must not be in one entry",
    );
}

#[test]
fn rules_need_ports_that_can_be_looked_into() {
    const HTTP: &str = ", rules: {http: [{}]}";
    const DNS: &str = ", rules: {dns: [{matchName: a.b}]}";
    let tcp = |rest: &str| over("{port: '80', protocol: TCP}", rest);
    // K-43
    by_agent(&over("{port: '80'}", HTTP), "{port: '80'}", "need `protocol: TCP`, not ANY");
    by_agent(&over("{port: '80', protocol: UDP}", HTTP), "{port: '80', protocol: UDP}", "not UDP");
    by_agent(&over("{port: '0', protocol: TCP}", HTTP), "{port: '0', protocol: TCP}", "every port");
    accepted(&over("{port: '80', endPort: 90, protocol: TCP}, {port: web, protocol: TCP}", HTTP));
    let policy = accepted(&tcp(", rules: {http: []}"));
    assert!(entries(&policy)[0].ports.as_ref().unwrap().value[0].l7.is_none());
    by_server(&tcp(", rules: {}"), "{}", "none of `http` and `dns`");
    by_server(&tcp(", rules: {http: [], dns: []}"), "dns", "must not be in one entry");
    // K-42
    let dns = |ports: &str| egress(&format!("{{toPorts: [{{ports: {ports}{DNS}}}]}}"));
    by_agent(&over("{port: '53'}", DNS), "dns", "for egress only");
    by_agent(&dns("[]"), "dns", "DNS rules need a port");
    by_agent(&dns("[{port: '53', endPort: 54}]"), "{port: '53', endPort: 54}", "a range of ports");
    by_agent(&dns("[{port: '0'}]"), "{port: '0'}", "every port");
    accepted(&dns("[{port: '53'}, {port: '53', endPort: 53, protocol: UDP}]"));
    // K-6
    let host = |section: &str, rules: &str| {
        let port = "{port: '80', protocol: TCP}";
        let entry = format!("{{toPorts: [{{ports: [{port}]{rules}}}]}}");
        object(CLUSTERWIDE, &format!("{{nodeSelector: {{}}, {section}: [{entry}]}}"))
    };
    by_agent(&host("ingress", HTTP), "http", "rules for nodes");
    by_agent(&host("egress", HTTP), "http", "rules for nodes");
    accepted(&host("egress", DNS));
    // K-49
    by_agent(&tcp(", serverNames: [a.b], rules: {http: [{}]}"), "serverNames", "`terminatingTLS`");
    accepted(&tcp(", serverNames: [a.b], rules: {http: [{}]}, terminatingTLS: {secret: {name: s}}"));
    by_server(&tcp(", serverNames: [a.b, a.b]"), "a.b", "there twice");
    by_server(&tcp(", terminatingTLS: {}"), "terminatingTLS", "has no `secret`");
    let listener = ", listener: {envoyConfig: {name: e}, name: l}";
    by_agent(&tcp(listener), "listener", "for egress only");
}

#[test]
fn conditions_on_requests_are_checked() {
    let http = |rule: &str| over("{port: '80', protocol: TCP}", &format!(", rules: {{http: [{rule}]}}"));
    by_server(&http("{headerMatches: [{value: a}]}"), "{value: a}", "has no `name`");
    by_server(&http("{headerMatches: [{name: ''}]}"), "''", "the header has no name");
    by_server(&http("{headerMatches: [{name: a, mismatch: LOGS}]}"), "LOGS", "did you mean `LOG`?");
    by_server(&http("{headerMatches: [{name: a, secret: {}}]}"), "secret", "has no `name`");
    refused(&http("{paths: /a}"), &[("unknown-field", "paths", "`path`")]);
    // K-44, K-70: the agent compiles two of the three patterns.
    by_agent(&http("{path: '/a('}"), "'/a('", "no regular expression");
    by_agent(&http("{method: '*'}"), "'*'", "no regular expression");
    by_agent(&http("{path: '(?=a)'}"), "'(?=a)'", "no regular expression");
    for pattern in ["'a['", "'.*a.{25}'"] {
        let field = if pattern == "'a['" { "host" } else { "path" };
        let text = http(&format!("{{{field}: {pattern}}}"));
        let decoded = decode(&text);
        assert_eq!(summary(&text, &decoded.findings), [("unsupported-policy", pattern)]);
        assert!(decoded.findings[0].incomplete && decoded.object.is_some());
    }
}

#[test]
fn every_violation_is_at_its_own_place() {
    refused(
        "apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: it}
spec:
  endpointSelector: {matchLabels: {app: a b}}
  ingress:
    - fromEntities: [wold]
      toPorts:
        - ports: [{port: 80}, {port: '443', protocol: TLS}]
          rules: {http: [{path: 1}]}
  egress:
    - toCIDR: [10.0.0.0]
      toFQDNs: [{matchName: ''}]
",
        &[
            ("invalid-policy", "a b", "must consist of"),
            ("invalid-policy", "wold", "`world`"),
            ("wrong-type", "80", "quotes"),
            ("invalid-policy", "TLS", "none of the protocols"),
            ("wrong-type", "1", "quotes"),
            ("invalid-policy", "10.0.0.0", "10.0.0.0/32"),
            ("invalid-policy", "toFQDNs", "must not be in one entry"),
            ("invalid-policy", "''", "letters, digits"),
        ],
    );
}

#[test]
fn groups_of_addresses() {
    let group = |version: &str, spec: &str| {
        let text = format!(
            "{{apiVersion: cilium.io/{version}, kind: CiliumCIDRGroup, metadata: {{name: g, labels: {{a: b}}}}, spec: {spec}}}"
        );
        let decoded = decode(&text);
        let found: Vec<(&str, String)> = summary(&text, &decoded.findings)
            .into_iter()
            .map(|(rule, place)| (rule, place.to_owned()))
            .collect();
        (decoded.object, found)
    };
    for version in ["v2", "v2alpha1"] {
        let (object, found) = group(version, "{externalCIDRs: [10.1.2.3/8, 192.0.2.0/24]}");
        assert_eq!(found, []);
        let Some(Object::CidrGroup(group)) = object else { panic!("{object:?}") };
        let CiliumCidrGroup { meta, labels, blocks } = *group;
        let blocks: Vec<String> = blocks.iter().map(|block| block.value.to_string()).collect();
        assert_eq!((&*meta.name.value, blocks.join(" ")), ("g", "10.0.0.0/8 192.0.2.0/24".into()));
        assert_eq!(labels.value.get("a"), Some("b"));
    }
    let bad = |spec| group("v2", spec).1;
    assert_eq!(bad("{}"), [("invalid-policy", "spec".into())]);
    assert_eq!(bad("{externalCIDRs: [10.0.0.1]}"), [("invalid-policy", "10.0.0.1".into())]);
    assert_eq!(bad("{cidrs: []}"), [("unknown-field", "cidrs".into())]);
}
