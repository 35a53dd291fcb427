//! AuthorizationPolicy.

use std::net::IpAddr;

use ipnet::IpNet;

use super::super::meta::Root;
use super::super::read::{Path, Reader, Unknown, clip, fault};
use super::super::registry::Kind;
use super::super::{Meta, Object, Policy, Spanned};
use super::{IstioObject, selector, texts};
use crate::space::Selector;
use crate::yaml::{Entry, Node};

pub(in crate::k8s) const AUTHORIZATION: Kind =
    Kind { policy: true, ..Kind::new("security.istio.io", "AuthorizationPolicy", decode) };

/// An AuthorizationPolicy (M-20 to M-34).
#[derive(Clone, Debug, PartialEq)]
pub struct AuthorizationPolicy {
    /// Its name and place.
    pub meta: Meta,
    /// The workloads that it is for; all of its namespace where it has neither selector nor targets.
    pub selector: Option<Spanned<Selector>>,
    /// What it is for instead: Gateways, Services, classes (M-21).
    pub targets: Vec<Spanned<TargetRef>>,
    /// What it does with what it matches.
    pub action: AuthorizationAction,
    /// The name of the external authorizer of a CUSTOM policy.
    pub provider: Option<Spanned<Box<str>>>,
    /// Its rules; none of them matches where there are none (M-23).
    pub rules: Vec<Spanned<AuthorizationRule>>,
    /// It neither decides nor isolates (M-22).
    pub dry_run: bool,
}

/// What an AuthorizationPolicy does with what it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthorizationAction {
    /// What no policy of this action matches is denied.
    Allow,
    /// It is denied.
    Deny,
    /// Nothing but a mark.
    Audit,
    /// An external authorizer decides.
    Custom,
}

/// What a policy is attached to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetRef {
    /// `Gateway`, `Service`, `GatewayClass`, `ServiceEntry`.
    pub kind: Box<str>,
    /// Its name.
    pub name: Box<str>,
}

/// One rule: any source, any operation, and every condition (M-24).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AuthorizationRule {
    /// Who; anybody where there are none.
    pub from: Vec<Spanned<Source>>,
    /// What; anything where there are none.
    pub to: Vec<Spanned<Operation>>,
    /// What must hold besides.
    pub when: Vec<Spanned<Condition>>,
}

type Texts = Vec<Spanned<Box<str>>>;

/// A source: all fields that are not empty must match.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Source {
    /// Identities, without `spiffe://`.
    pub principals: Texts,
    /// Identities that it must not have.
    pub not_principals: Texts,
    /// Identities of tokens.
    pub request_principals: Texts,
    /// Identities of tokens that it must not have.
    pub not_request_principals: Texts,
    /// Namespaces of identities.
    pub namespaces: Texts,
    /// Namespaces that its identity must not have.
    pub not_namespaces: Texts,
    /// `namespace/account`, or `account` of the policy's namespace.
    pub service_accounts: Texts,
    /// Accounts that it must not have.
    pub not_service_accounts: Texts,
    /// Addresses of the connection.
    pub ip_blocks: Vec<Spanned<IpNet>>,
    /// Addresses that the connection must not have.
    pub not_ip_blocks: Vec<Spanned<IpNet>>,
    /// Addresses that a header names.
    pub remote_ip_blocks: Vec<Spanned<IpNet>>,
    /// Addresses that a header must not name.
    pub not_remote_ip_blocks: Vec<Spanned<IpNet>>,
}

/// An operation: all fields that are not empty must match.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Operation {
    /// Hosts, in any case.
    pub hosts: Texts,
    /// Hosts that it must not be for.
    pub not_hosts: Texts,
    /// Ports, as the manifest writes them.
    pub ports: Texts,
    /// Ports that it must not be to.
    pub not_ports: Texts,
    /// Methods.
    pub methods: Texts,
    /// Methods that it must not have.
    pub not_methods: Texts,
    /// Paths, or templates of them.
    pub paths: Texts,
    /// Paths that it must not have.
    pub not_paths: Texts,
}

/// A condition on an attribute: any of the values, and none of the others.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// The attribute: `request.headers[x]`, `source.ip`, ...
    pub key: Spanned<Box<str>>,
    /// Values of which one must match, where there are any.
    pub values: Texts,
    /// Values of which none may match.
    pub not_values: Texts,
}

#[expect(clippy::unnecessary_wraps, reason = "how every kind is read")]
fn decode(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    let path = Path::Root.field("spec");
    let spec = root.spec.map(|spec| &spec.value);
    let annotations = root.metadata.and_then(|metadata| metadata.value.get("annotations"));
    let dry_run = annotations
        .and_then(|annotations| annotations.get("istio.io/dry-run"))
        .and_then(Node::as_str)
        .is_some_and(|value| value == "true");
    let mut policy = AuthorizationPolicy {
        meta: root.meta,
        selector: None,
        targets: Vec::new(),
        action: AuthorizationAction::Allow,
        provider: None,
        rules: Vec::new(),
        dry_run,
    };
    if let Some(spec) = spec {
        let [own, target, targets, action, provider, rules] = reader.fields(
            &path,
            spec,
            ["selector", "targetRef", "targetRefs", "action", "provider", "rules"],
            Unknown::Refused(&[]),
        );
        policy.selector = selector(reader, &path.field("selector"), own);
        policy.targets = target_refs(reader, &path, target, targets);
        if let (Some(own), false) = (own, policy.targets.is_empty()) {
            let message = "`selector` and `targetRefs` exclude each other";
            reader.report(
                fault(reader.invalid(), &path.field("selector"), own.key_span, message)
                    .help("name the workloads by one of them"),
            );
        }
        policy.action = read_action(reader, &path.field("action"), action);
        policy.provider = read_provider(reader, &path.field("provider"), provider);
        let path = path.field("rules");
        for (index, item) in reader.list(&path, rules).iter().enumerate() {
            let rule = read_rule(reader, &path.item(index), item);
            policy.rules.push(Spanned::new(rule, item.span));
        }
        // M-23.
        let needs = matches!(policy.action, AuthorizationAction::Deny | AuthorizationAction::Custom);
        if needs && policy.rules.is_empty() {
            let at = action.map_or(policy.meta.name.span, |action| action.value.span);
            let message = "a policy with this action and no rules does nothing";
            reader.report(
                fault(reader.invalid(), &path, at, message)
                    .help("write rules, `- {}` to match everything, or remove the policy"),
            );
        }
    }
    Some(Object::Policy(Policy::Istio(Box::new(IstioObject::Authorization(policy)))))
}

fn target_refs(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    one: Option<&Entry>,
    all: Option<&Entry>,
) -> Vec<Spanned<TargetRef>> {
    let list_path = path.field("targetRefs");
    let listed = reader.list(&list_path, all).iter().enumerate();
    let mut targets: Vec<(Path<'_>, &Node)> =
        listed.map(|(index, item)| (list_path.item(index), item)).collect();
    targets.extend(one.map(|one| (path.field("targetRef"), &one.value)));
    let mut refs = Vec::new();
    for (path, node) in targets {
        let [_, kind, name, _] =
            reader.fields(&path, node, ["group", "kind", "name", "namespace"], Unknown::Refused(&[]));
        let kind = reader.string(&path.field("kind"), kind).unwrap_or_default();
        let name = reader.string(&path.field("name"), name).unwrap_or_default();
        refs.push(Spanned::new(TargetRef { kind: kind.into(), name: name.into() }, node.span));
    }
    refs
}

fn read_action(reader: &mut Reader<'_>, path: &Path<'_>, entry: Option<&Entry>) -> AuthorizationAction {
    let Some(entry) = entry else { return AuthorizationAction::Allow };
    match reader.text(path, &entry.value) {
        Some("ALLOW" | "") | None => AuthorizationAction::Allow,
        Some("DENY") => AuthorizationAction::Deny,
        Some("AUDIT") => AuthorizationAction::Audit,
        Some("CUSTOM") => AuthorizationAction::Custom,
        Some(other) => {
            let message = format!("`{}` is none of the actions ALLOW, DENY, AUDIT and CUSTOM", clip(other));
            reader.report(fault(reader.invalid(), path, entry.value.span, message));
            AuthorizationAction::Allow
        }
    }
}

fn read_provider(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    entry: Option<&Entry>,
) -> Option<Spanned<Box<str>>> {
    let [name] = reader.fields(path, &entry?.value, ["name"], Unknown::Refused(&[]));
    let text = reader.string(&path.field("name"), name)?;
    Some(Spanned::new(text.into(), name?.value.span))
}

fn read_rule(reader: &mut Reader<'_>, path: &Path<'_>, node: &Node) -> AuthorizationRule {
    let [from, to, when] = reader.fields(path, node, ["from", "to", "when"], Unknown::Refused(&[]));
    let mut rule = AuthorizationRule::default();
    let from_path = path.field("from");
    for (index, item) in reader.list(&from_path, from).iter().enumerate() {
        let path = from_path.item(index);
        let [source] = reader.fields(&path, item, ["source"], Unknown::Refused(&[]));
        let source = match source {
            Some(source) => read_source(reader, &path.field("source"), &source.value),
            None => {
                empty(reader, &path, item, "source");
                continue;
            }
        };
        rule.from.push(Spanned::new(source, item.span));
    }
    let to_path = path.field("to");
    for (index, item) in reader.list(&to_path, to).iter().enumerate() {
        let path = to_path.item(index);
        let [operation] = reader.fields(&path, item, ["operation"], Unknown::Refused(&[]));
        let operation = match operation {
            Some(operation) => read_operation(reader, &path.field("operation"), &operation.value),
            None => {
                empty(reader, &path, item, "operation");
                continue;
            }
        };
        rule.to.push(Spanned::new(operation, item.span));
    }
    let when_path = path.field("when");
    for (index, item) in reader.list(&when_path, when).iter().enumerate() {
        let path = when_path.item(index);
        let [key, values, not_values] =
            reader.fields(&path, item, ["key", "values", "notValues"], Unknown::Refused(&[]));
        let Some(entry) = key else {
            reader.report(fault(
                reader.invalid(),
                &path.field("key"),
                item.span,
                "the condition has no `key`",
            ));
            continue;
        };
        let Some(key) = reader.text(&path.field("key"), &entry.value) else { continue };
        let condition = Condition {
            key: Spanned::new(key.into(), entry.value.span),
            values: texts(reader, &path.field("values"), values),
            not_values: texts(reader, &path.field("notValues"), not_values),
        };
        if condition.values.is_empty() && condition.not_values.is_empty() {
            let message = format!("the condition on `{}` has no values", clip(key));
            reader.report(fault(reader.invalid(), &path, item.span, message));
        }
        rule.when.push(Spanned::new(condition, item.span));
    }
    rule
}

/// M-23: a source or an operation that asks nothing is refused.
fn empty(reader: &mut Reader<'_>, path: &Path<'_>, node: &Node, what: &str) {
    let message = format!("the {what} asks nothing");
    reader.report(
        fault(reader.invalid(), path, node.span, message)
            .help(format!("leave the list out to match every {what}, or say which you mean")),
    );
}

fn read_source(reader: &mut Reader<'_>, path: &Path<'_>, node: &Node) -> Source {
    const NAMES: [&str; 12] = [
        "principals",
        "notPrincipals",
        "requestPrincipals",
        "notRequestPrincipals",
        "namespaces",
        "notNamespaces",
        "serviceAccounts",
        "notServiceAccounts",
        "ipBlocks",
        "notIpBlocks",
        "remoteIpBlocks",
        "notRemoteIpBlocks",
    ];
    let fields = reader.fields(path, node, NAMES, Unknown::Refused(&[]));
    let mut lists =
        NAMES.into_iter().zip(fields).map(|(name, entry)| texts(reader, &path.field(name), entry));
    let mut next = || lists.next().unwrap_or_default();
    let [principals, not_principals, request_principals, not_request_principals] =
        [next(), next(), next(), next()];
    let [namespaces, not_namespaces, service_accounts, not_service_accounts] =
        [next(), next(), next(), next()];
    let blocks = [next(), next(), next(), next()];
    drop(lists);
    let names = ["ipBlocks", "notIpBlocks", "remoteIpBlocks", "notRemoteIpBlocks"];
    let mut nets = blocks.into_iter().zip(names).map(|(texts, name)| nets(reader, &path.field(name), texts));
    let mut next = || nets.next().unwrap_or_default();
    let [ip_blocks, not_ip_blocks, remote_ip_blocks, not_remote_ip_blocks] = [next(), next(), next(), next()];
    drop(nets);
    let source = Source {
        principals,
        not_principals,
        request_principals,
        not_request_principals,
        namespaces,
        not_namespaces,
        service_accounts,
        not_service_accounts,
        ip_blocks,
        not_ip_blocks,
        remote_ip_blocks,
        not_remote_ip_blocks,
    };
    if source == Source::default() {
        empty(reader, path, node, "source");
    }
    source
}

/// Blocks of addresses; an address is a block of its own.
fn nets(reader: &mut Reader<'_>, path: &Path<'_>, texts: Texts) -> Vec<Spanned<IpNet>> {
    let mut nets = Vec::with_capacity(texts.len());
    for (index, text) in texts.into_iter().enumerate() {
        let net = text.value.parse::<IpNet>().ok();
        let net = net.or_else(|| text.value.parse::<IpAddr>().ok().map(IpNet::from));
        match net {
            Some(net) => nets.push(Spanned::new(net.trunc(), text.span)),
            None => {
                let message = format!("`{}` is no block of addresses", clip(&text.value));
                reader.report(fault(reader.invalid(), &path.item(index), text.span, message));
            }
        }
    }
    nets
}

fn read_operation(reader: &mut Reader<'_>, path: &Path<'_>, node: &Node) -> Operation {
    const NAMES: [&str; 8] =
        ["hosts", "notHosts", "ports", "notPorts", "methods", "notMethods", "paths", "notPaths"];
    let fields = reader.fields(path, node, NAMES, Unknown::Refused(&[]));
    let mut lists =
        NAMES.into_iter().zip(fields).map(|(name, entry)| texts(reader, &path.field(name), entry));
    let mut next = || lists.next().unwrap_or_default();
    let [hosts, not_hosts, ports, not_ports] = [next(), next(), next(), next()];
    let [methods, not_methods, paths, not_paths] = [next(), next(), next(), next()];
    drop(lists);
    for (name, ports) in [("ports", &ports), ("notPorts", &not_ports)] {
        for (index, port) in ports.iter().enumerate() {
            if port.value.parse::<u16>().is_ok_and(|port| port > 0) {
                continue;
            }
            let message = format!("`{}` is no port: ports go from 1 to 65535", clip(&port.value));
            reader.report(fault(reader.invalid(), &path.field(name).item(index), port.span, message));
        }
    }
    let operation = Operation { hosts, not_hosts, ports, not_ports, methods, not_methods, paths, not_paths };
    if operation == Operation::default() {
        empty(reader, path, node, "operation");
    }
    operation
}
