//! Calico's objects: one row per rule of validation, and which text each finding points at.

mod fields;
mod referred;

use super::super::testing::{decode_all, summary};
use super::super::{
    CalicoAction, CalicoKind, CalicoObject, CalicoPolicy, CalicoPort, Decoded, Expression, Form, Object,
    Policy, Spanned, StagedAction,
};
use crate::policy::Direction::{Egress, Ingress};
use crate::space::{Family, Protocol};

const API: &str = "projectcalico.org/v3";
const STORED: &str = "crd.projectcalico.org/v1";

/// An object of a kind, in a namespace where the kind is.
fn object(group: &str, kind: &str, name: &str, spec: &str) -> String {
    let namespace = if kind.contains("Global")
        || ["Tier", "HostEndpoint", "Profile", "FelixConfiguration"].contains(&kind)
    {
        ""
    } else {
        ", namespace: shop"
    };
    format!("{{apiVersion: {group}, kind: {kind}, metadata: {{name: {name}{namespace}}}, spec: {spec}}}")
}

fn global(spec: &str) -> String {
    object(API, "GlobalNetworkPolicy", "it", spec)
}

/// A policy with one ingress rule, which allows.
fn rule(rest: &str) -> String {
    global(&format!("{{ingress: [{{action: Allow, {rest}}}]}}"))
}

/// A policy with one egress rule, which allows.
fn out(rest: &str) -> String {
    global(&format!("{{egress: [{{action: Allow, {rest}}}]}}"))
}

fn decode(text: &str) -> Decoded {
    decode_all(text).remove(0)
}

#[track_caller]
fn policy(text: &str) -> CalicoPolicy {
    let decoded = decode(text);
    assert_eq!(decoded.findings, [], "{text}");
    match decoded.object {
        Some(Object::Policy(Policy::Calico(policy))) => *policy,
        other => panic!("{text}: {other:?}"),
    }
}

#[track_caller]
fn referred(text: &str) -> CalicoObject {
    let decoded = decode(text);
    assert_eq!(decoded.findings, [], "{text}");
    match decoded.object {
        Some(Object::Calico(object)) => *object,
        other => panic!("{text}: {other:?}"),
    }
}

/// Rule and place of every finding, and the texts that they must hold.
#[track_caller]
fn finds(text: &str, wanted: &[(&str, &str, &str)]) -> Decoded {
    let decoded = decode(text);
    let found = summary(text, &decoded.findings);
    let places: Vec<(&str, &str)> = wanted.iter().map(|(rule, place, _)| (*rule, *place)).collect();
    assert_eq!(found, places, "{text}\n{:#?}", decoded.findings);
    for (finding, (_, _, wanted)) in decoded.findings.iter().zip(wanted) {
        let all = format!("{} | {}", finding.message, finding.help.join(" | "));
        assert!(all.contains(wanted), "{text}: `{wanted}` in `{all}`");
        assert!(!finding.incomplete && !finding.help.is_empty(), "{text}: {finding:#?}");
    }
    decoded
}

/// One thing is wrong, and the object takes no part.
#[track_caller]
fn invalid(text: &str, place: &str, says: &str) {
    let decoded = finds(text, &[("invalid-policy", place, says)]);
    assert!(decoded.object.is_none(), "an invalid policy takes no part: {text}");
}

fn text(expression: Option<&Spanned<Expression>>) -> String {
    expression.map_or("-".into(), |expression| expression.value.to_string())
}

#[test]
fn everything_that_a_policy_can_say() {
    let written = "apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: security.it}
spec:
  tier: security
  order: -1.5
  selector: app == 'web'
  namespaceSelector: team != 'x'
  serviceAccountSelector: has(role)
  types: [Ingress, Egress]
  doNotTrack: false
  applyOnForward: true
  performanceHints: [AssumeNeededOnEveryNode]
  ingress:
    - action: Log
      protocol: ICMP
      icmp: {type: 8, code: 0}
      notICMP: {type: 0}
      ipVersion: 4
    - action: Pass
      notProtocol: 17
      metadata: {annotations: {Example.com/why: because}}
      http: {methods: [GET, PUT], paths: [{exact: /a}, {prefix: /b}]}
  egress:
    - action: Deny
      protocol: SCTP
      source: {ports: [1024:65535]}
      destination:
        nets: [10.0.0.0/8]
        notNets: [10.1.0.0/16]
        selector: a == 'b'
        notSelector: c == 'd'
        namespaceSelector: global()
        serviceAccounts: {names: [web, api], selector: trust == 'high'}
        ports: [80, '81', 8000:8080, http]
        notPorts: [443]
";
    // `http` is for rules that allow.
    let decoded = decode(written);
    assert_eq!(summary(written, &decoded.findings), [("invalid-policy", "http")]);
    let policy = policy(&written.replace("Pass", "Allow"));
    assert_eq!((policy.kind, policy.form, &*policy.tier.value), (CalicoKind::Global, Form::Api, "security"));
    assert_eq!(policy.order.unwrap().value.to_string(), "-1.5");
    assert_eq!(text(policy.selector.as_ref()), "app == 'web'");
    assert_eq!(text(policy.namespace_selector.as_ref()), "team != 'x'");
    assert_eq!(text(policy.service_account_selector.as_ref()), "has(role)");
    assert_eq!(policy.types.as_ref().unwrap().value, [Ingress, Egress]);
    assert!(!policy.is_for_hosts_only() && policy.apply_on_forward.unwrap().value);
    assert_eq!(policy.staged, None);
    let [log, allow] = policy.ingress.as_ref().unwrap().value.as_slice() else { panic!() };
    assert_eq!((log.action, log.family), (CalicoAction::Log, Some(Family::V4)));
    assert_eq!(log.protocol.unwrap().value.transport(), None);
    assert_eq!(log.icmp.unwrap().value.kind, Some(8));
    assert!(log.source.is_everything() && log.destination.is_everything());
    assert_eq!(allow.not_protocol.unwrap().value.transport(), Some(Protocol::Udp));
    assert_eq!(allow.http.as_ref().unwrap().value.paths.len(), 2);
    let [deny] = policy.egress.as_ref().unwrap().value.as_slice() else { panic!() };
    let (near, far) = deny.sides(Egress);
    assert_eq!(near.ports[0].value, CalicoPort::Numbers(1024..=65535));
    let ports: Vec<&CalicoPort> = far.ports.iter().map(|port| &port.value).collect();
    let wanted = [80..=80, 81..=81, 8000..=8080].map(CalicoPort::Numbers);
    assert_eq!(ports[..3], wanted.iter().collect::<Vec<_>>());
    assert_eq!(*ports[3], CalicoPort::Name("http".into()));
    assert_eq!(far.not_ports.len(), 1);
    assert_eq!(
        (far.nets[0].value.to_string(), far.not_nets[0].value.to_string()),
        ("10.0.0.0/8".into(), "10.1.0.0/16".into())
    );
    assert_eq!(
        (text(far.selector.as_ref()), text(far.not_selector.as_ref())),
        ("a == 'b'".into(), "c == 'd'".into())
    );
    assert_eq!(far.namespace_selector.as_ref().unwrap().value, Expression::Global);
    let accounts = &far.service_accounts.as_ref().unwrap().value;
    assert_eq!(accounts.names.iter().map(|name| &*name.value).collect::<Vec<_>>(), ["web", "api"]);
    assert_eq!(text(accounts.selector.as_ref()), "trust == 'high'");
}

#[test]
fn empty_texts_and_lists_say_nothing() {
    let policy = policy(&global(
        "{tier: '', selector: '', types: [], order: null, ingress: [{action: Allow, source: {selector: '', nets: [], ports: [], notSelector: null}}]}",
    ));
    assert_eq!((&*policy.tier.value, policy.stored.as_str()), ("default", "default.it"));
    assert!(policy.selector.is_none() && policy.types.is_none() && policy.order.is_none());
    assert!(policy.ingress.unwrap().value[0].source.is_everything());
    // Blanks are a selector of everything.
    let policy = self::policy(&global("{selector: ' '}"));
    assert_eq!(policy.selector.unwrap().value, Expression::All);
}

#[test]
fn the_tier_and_the_name_go_together() {
    for (name, spec, tier, stored) in [
        ("x", "{}", "default", "default.x"),
        ("default.x", "{}", "default", "default.x"),
        ("x", "{tier: default}", "default", "default.x"),
        ("ops.x", "{tier: ops}", "ops", "ops.x"),
    ] {
        for kind in
            ["GlobalNetworkPolicy", "NetworkPolicy", "StagedNetworkPolicy", "StagedGlobalNetworkPolicy"]
        {
            let policy = policy(&object(API, kind, name, spec));
            assert_eq!((&*policy.tier.value, policy.stored.as_str()), (tier, stored), "{kind} {name}");
        }
    }
    for (name, spec, place, says) in [
        ("security.x", "{}", "security.x", "write `tier: security`"),
        ("security.x", "{tier: ops}", "security.x", "not `ops`"),
        ("x", "{tier: ops}", "x", "name it `ops.x`"),
        ("opsx", "{tier: ops}", "opsx", "name it `ops.opsx`"),
    ] {
        invalid(&object(API, "GlobalNetworkPolicy", name, spec), place, says);
        invalid(&object(API, "NetworkPolicy", name, spec), place, says);
    }
    // What a policy means is clear even where its name alone is wrong.
    for (name, says) in [("default.a.b", "more than one dot"), ("X", "lower-case")] {
        let decoded = finds(&object(API, "NetworkPolicy", name, "{}"), &[("invalid-policy", name, says)]);
        assert!(decoded.object.is_some());
    }
    // Stored, the name says it, and `tier` nothing.
    for (name, spec, tier) in [
        ("x", "{}", "default"),
        ("x", "{tier: ops}", "default"),
        ("ops.x", "{}", "ops"),
        ("ops.x.y", "{tier: default}", "ops"),
        ("knp.default.x", "{}", "default"),
        ("kanp.adminnetworkpolicy.x", "{}", "adminnetworkpolicy"),
    ] {
        let policy = policy(&object(STORED, "GlobalNetworkPolicy", name, spec));
        assert_eq!((&*policy.tier.value, policy.stored.as_str()), (tier, name), "{name}");
    }
    let namespaced = policy(&object(API, "NetworkPolicy", "x", "{}"));
    assert_eq!(&*namespaced.stored.key(&namespaced.meta.namespace), "shop/default.x");
    assert_eq!(&*namespaced.stored.key(""), "default.x");
}

#[test]
fn of_what_a_policy_speaks() {
    for (spec, api, stored) in [
        ("{}", "i", "ie"),
        ("{ingress: [{action: Allow}]}", "i", "ie"),
        ("{egress: [{action: Allow}]}", "e", "ie"),
        ("{ingress: [], egress: [{action: Allow}]}", "e", "ie"),
        ("{ingress: [{action: Allow}], egress: [{action: Allow}]}", "ie", "ie"),
        ("{egress: []}", "i", "ie"),
        ("{types: [Egress]}", "e", "e"),
        ("{types: [Ingress], egress: [{action: Allow}]}", "i", "i"),
    ] {
        for (group, wanted) in [(API, api), (STORED, stored)] {
            let policy = policy(&object(group, "GlobalNetworkPolicy", "it", spec));
            let speaks = |direction, letter| if policy.speaks_of(direction) { letter } else { "" };
            assert_eq!(format!("{}{}", speaks(Ingress, "i"), speaks(Egress, "e")), wanted, "{group} {spec}");
        }
    }
}

#[test]
fn staged_policies() {
    for (action, wanted) in [
        ("", StagedAction::Set),
        ("stagedAction: '', ", StagedAction::Set),
        ("stagedAction: Set, ", StagedAction::Set),
        ("stagedAction: Learn, ", StagedAction::Learn),
        ("stagedAction: Ignore, ", StagedAction::Ignore),
    ] {
        let policy = policy(&object(API, "StagedNetworkPolicy", "it", &format!("{{{action}order: 5}}")));
        assert_eq!((policy.kind, policy.staged), (CalicoKind::StagedNetwork, Some(wanted)));
        assert!(policy.kind.is_staged());
    }
    let staged = |spec: &str| object(API, "StagedGlobalNetworkPolicy", "ops.it", spec);
    let deletion = policy(&staged(
        "{tier: ops, stagedAction: Delete, types: [Ingress], ingress: [], doNotTrack: false}",
    ));
    assert_eq!(deletion.staged, Some(StagedAction::Delete));
    invalid(&staged("{tier: ops, stagedAction: Delete, order: 5}"), "order", "nothing but its tier");
    invalid(
        &staged("{tier: ops, stagedAction: Delete, ingress: [{action: Allow}]}"),
        "ingress",
        "nothing but its tier",
    );
    invalid(&staged("{tier: ops, stagedAction: delete}"), "delete", "did you mean `Delete`?");
    finds(
        &object(API, "NetworkPolicy", "it", "{stagedAction: Set}"),
        &[("unknown-field", "stagedAction", "its fields")],
    );

    let kubernetes = |spec: &str| object(API, "StagedKubernetesNetworkPolicy", "it", spec);
    let text = kubernetes("{podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{port: 80}]}]}");
    let Some(Object::Policy(Policy::StagedKubernetes(staged))) = decode(&text).object else { panic!() };
    assert_eq!(staged.action, StagedAction::Set);
    assert_eq!(staged.policy.ingress.unwrap().value.len(), 1);
    invalid(&kubernetes("{stagedAction: Delete, podSelector: {}}"), "podSelector", "nothing but its tier");
    invalid(&kubernetes("{podSelector: {}, ingress: [{ports: [{port: '80'}]}]}"), "'80'", "write `80`");
    finds(&kubernetes("{selector: all()}"), &[("unknown-field", "selector", "did you mean `podSelector`?")]);
}

#[test]
fn what_is_stored_is_read_as_felix_reads_it() {
    let stored = |spec: &str| object(STORED, "GlobalNetworkPolicy", "it", spec);
    for spec in [
        "{types: [Ingress, Ingress]}",
        "{types: [ingress]}",
        "{doNotTrack: true}",
        "{preDNAT: true, types: [Egress]}",
        "{selector: global()}",
        "{ingress: [{action: allow, protocol: tcp, destination: {ports: [80]}}]}",
        "{ingress: [{action: Allow, source: {nets: [10.0.0.1, 10.1.2.3/8, 'fd00::/8']}}]}",
        "{ingress: [{action: Allow, icmp: {code: 1}}]}",
        "{ingress: [{action: Allow, source: {services: {name: s}, selector: all()}}]}",
        "{egress: [{action: Deny, source: {services: {name: s}}, http: {methods: [GET, GET]}}]}",
        "{ingress: [{action: Allow, source: {namespaceSelector: \"global() || a == 'b'\"}}]}",
    ] {
        policy(&stored(spec));
    }
    let nets = policy(&stored("{ingress: [{action: Allow, source: {nets: [10.0.0.1, 10.1.2.3/8]}}]}"));
    let nets: Vec<String> =
        nets.ingress.unwrap().value[0].source.nets.iter().map(|net| net.value.to_string()).collect();
    assert_eq!(nets, ["10.0.0.1/32", "10.0.0.0/8"]);

    for (spec, place, rule) in [
        ("{selector: a = 'b'}", "=", "invalid-policy"),
        ("{ingress: [{action: Allow, source: {selector: a}}]}", "a", "invalid-policy"),
        ("{ingress: [{action: Allow, destination: {ports: [80]}}]}", "ports", "invalid-policy"),
        ("{ingress: [{action: Allow, protocol: GRE}]}", "GRE", "invalid-policy"),
        ("{ingress: [{action: Allow, protocol: ICMP, icmp: {type: 255}}]}", "255", "invalid-policy"),
        ("{ingress: [{action: Allow, ipVersion: 5}]}", "5", "invalid-policy"),
        ("{performanceHints: [Fast]}", "Fast", "invalid-policy"),
    ] {
        let decoded = finds(&stored(spec), &[(rule, place, "Felix would ignore the whole object")]);
        assert!(decoded.object.is_none(), "{spec}");
        assert!(!decoded.findings[0].help.iter().any(|help| help.contains("API server")), "{spec}");
    }
    // Some of it is left out, and the rest is in force.
    for spec in ["{selector: has(a), namespaceSelector: b}", "{selector: has(a), serviceAccountSelector: b}"]
    {
        let decoded = finds(&stored(spec), &[("invalid-policy", "b", "Felix would leave this selector out")]);
        let Some(Object::Policy(Policy::Calico(policy))) = decoded.object else { panic!("{spec}") };
        assert_eq!(text(policy.selector.as_ref()), "has(a)");
        assert!(policy.namespace_selector.is_none() && policy.service_account_selector.is_none());
    }
    let decoded = finds(&stored("{types: [Both]}"), &[("invalid-policy", "Both", "no notice of this type")]);
    let Some(Object::Policy(Policy::Calico(policy))) = decoded.object else { panic!() };
    assert!(!policy.speaks_of(Ingress) && !policy.speaks_of(Egress));
    let mistyped = finds(&stored("{namespaceSelector: 5}"), &[("wrong-type", "5", "quotes")]);
    assert!(mistyped.object.is_none());
}
