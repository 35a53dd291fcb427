//! One side of a rule: `source` or `destination` (C-40 to C-48).

use ipnet::IpNet;

use super::super::Spanned;
use super::super::read::{Path, Reader, Unknown, fault};
use super::super::syntax::{self, Malformed};
use super::port;
use super::text::{Global, checked, selector};
use super::{CalicoPort, Expression, Form, spanned};
use crate::space::mask;
use crate::yaml::{Entry, Node, Value};

/// One end of a rule's flows: all of its fields must match (C-40).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CalicoEntity {
    /// `nets`; empty where it is left out.
    pub nets: Vec<Spanned<IpNet>>,
    /// `notNets`.
    pub not_nets: Vec<Spanned<IpNet>>,
    /// `selector`.
    pub selector: Option<Spanned<Expression>>,
    /// `notSelector` (C-42).
    pub not_selector: Option<Spanned<Expression>>,
    /// `namespaceSelector` (C-41).
    pub namespace_selector: Option<Spanned<Expression>>,
    /// `serviceAccounts` (C-47).
    pub service_accounts: Option<Spanned<ServiceAccountMatch>>,
    /// `services` (C-48).
    pub services: Option<Spanned<ServiceMatch>>,
    /// `ports`; empty where it is left out.
    pub ports: Vec<Spanned<CalicoPort>>,
    /// `notPorts` (C-51).
    pub not_ports: Vec<Spanned<CalicoPort>>,
}

impl CalicoEntity {
    /// Whether it says nothing, so that everything matches (C-43).
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// Every selector of endpoints in it.
    pub fn selectors(&self) -> impl Iterator<Item = &Spanned<Expression>> {
        [&self.selector, &self.not_selector].into_iter().flatten()
    }
}

/// Pods by their ServiceAccount: any of the names, and the selector.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceAccountMatch {
    /// `names`; empty where it is left out.
    pub names: Vec<Spanned<Box<str>>>,
    /// `selector`, on the labels of the ServiceAccount.
    pub selector: Option<Spanned<Expression>>,
}

/// The endpoints of a Service.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceMatch {
    /// `name`.
    pub name: Box<str>,
    /// `namespace`; empty where it is left out, which matches no Service (C-48).
    pub namespace: Box<str>,
}

/// Reads `source` or `destination`; one that is left out matches everything.
pub(super) fn read(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    entry: Option<&Entry>,
    form: Form,
) -> CalicoEntity {
    let Some(entry) = entry else { return CalicoEntity::default() };
    let before = reader.findings.len();
    let names = [
        "nets",
        "notNets",
        "selector",
        "notSelector",
        "namespaceSelector",
        "serviceAccounts",
        "services",
        "ports",
        "notPorts",
    ];
    let fields = reader.fields(path, &entry.value, names, Unknown::Refused(&[]));
    for finding in reader.findings.iter_mut().skip(before) {
        if finding.rule == "unknown-field" && finding.key.ends_with(".domains") {
            finding.help =
                vec!["only Calico Enterprise and Calico Cloud know domains: list addresses in `nets`".into()];
        }
    }
    let [nets, not_nets, endpoints, not_endpoints, namespaces, accounts, services, ports, not_ports] = fields;
    check_services(reader, path, services, &fields, form);
    let elsewhere = if form == Form::Api { Global::Refused } else { Global::Ignored };
    let alone = if form == Form::Api { Global::Alone } else { Global::Ignored };
    let nets = read_nets(reader, &path.field("nets"), nets, form);
    let not_nets = read_nets(reader, &path.field("notNets"), not_nets, form);
    let endpoints = selector(reader, &path.field("selector"), endpoints, elsewhere);
    let not_endpoints = selector(reader, &path.field("notSelector"), not_endpoints, Global::Ignored);
    let namespaces = selector(reader, &path.field("namespaceSelector"), namespaces, alone);
    let accounts =
        accounts.map(|entry| spanned(read_accounts(reader, &path.field("serviceAccounts"), entry), entry));
    let services = services.and_then(|entry| read_services(reader, &path.field("services"), entry, form));
    CalicoEntity {
        nets,
        not_nets,
        selector: endpoints,
        not_selector: not_endpoints,
        namespace_selector: namespaces,
        service_accounts: accounts,
        services,
        ports: port::read(reader, &path.field("ports"), ports),
        not_ports: port::read(reader, &path.field("notPorts"), not_ports),
    }
}

/// A field that is there and says something: the API takes empty texts and lists for nothing.
pub(super) fn says(entry: Option<&Entry>) -> Option<&Entry> {
    entry.filter(|entry| match &entry.value.value {
        Value::Str(text) => !text.is_empty(),
        Value::Seq(items) => !items.is_empty(),
        _ => true,
    })
}

/// `services` stands for addresses of its own, and for ports where it is a destination (C-48).
fn check_services(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    services: Option<&Entry>,
    fields: &[Option<&Entry>],
    form: Form,
) {
    let (Some(services), Form::Api) = (services, form) else { return };
    // Ports beside a source are those of the clients, and are left to the rule.
    for other in fields.iter().filter_map(|entry| says(*entry)) {
        if matches!(&*other.key, "services" | "ports" | "notPorts") {
            continue;
        }
        let message = format!("`services` and `{}` must not be on one side of a rule", other.key);
        reader.report(
            fault("invalid-policy", &path.field(&other.key), other.key_span, message)
                .related(services.key_span, "the Service")
                .help("write them as two rules"),
        );
    }
}

fn read_services(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    entry: &Entry,
    form: Form,
) -> Option<Spanned<ServiceMatch>> {
    let [name, namespace] = reader.fields(path, &entry.value, ["name", "namespace"], Unknown::Refused(&[]));
    let check = if form == Form::Api { syntax::dns_subdomain } else { |_: &str| Ok(()) };
    if says(name).is_none() && matches!(entry.value.value, Value::Map(_)) && form == Form::Api {
        reader.report(fault(
            "invalid-policy",
            &path.field("name"),
            entry.value.span,
            "the Service has no `name`",
        ));
    }
    let name = checked(reader, &path.field("name"), name, check).map_or("", |name| name.value);
    let namespace =
        checked(reader, &path.field("namespace"), namespace, check).map_or("", |namespace| namespace.value);
    // Without a name Felix sees no Service at all.
    (!name.is_empty())
        .then(|| spanned(ServiceMatch { name: name.into(), namespace: namespace.into() }, entry))
}

fn read_accounts(reader: &mut Reader<'_>, path: &Path<'_>, entry: &Entry) -> ServiceAccountMatch {
    let [names, labels] = reader.fields(path, &entry.value, ["names", "selector"], Unknown::Refused(&[]));
    let path_of_names = path.field("names");
    let mut accounts = Vec::new();
    for (index, item) in reader.list(&path_of_names, names).iter().enumerate() {
        let path = path_of_names.item(index);
        if item.is_null() {
            reader.null_item(&path, item, "an account without a name");
        } else if let Some(name) = reader.text(&path, item) {
            accounts.push(Spanned::new(name.into(), item.span));
        }
    }
    let selector = selector(reader, &path.field("selector"), labels, Global::Ignored);
    ServiceAccountMatch { names: accounts, selector }
}

fn read_nets(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    list: Option<&Entry>,
    form: Form,
) -> Vec<Spanned<IpNet>> {
    let mut nets = Vec::new();
    for (index, item) in reader.list(path, list).iter().enumerate() {
        let path = path.item(index);
        if item.is_null() {
            reader.null_item(&path, item, "an empty block, which is invalid");
        } else {
            nets.extend(net(reader, &path, item, form == Form::Api).map(|net| Spanned::new(net, item.span)));
        }
    }
    nets
}

/// A block of addresses. Where it is `strict`, it has a mask and no host bits; else an address is a block of one.
pub(super) fn net(reader: &mut Reader<'_>, path: &Path<'_>, node: &Node, strict: bool) -> Option<IpNet> {
    let text = reader.text(path, node)?;
    let read = |text: &str| -> Result<IpNet, Malformed> {
        match syntax::cidr(text) {
            Ok(net) if strict => syntax::masked(net),
            Ok(net) => Ok(mask(net)),
            Err(wrong) => match text.parse::<std::net::IpAddr>().map(IpNet::from) {
                Ok(net) if !strict => Ok(net),
                _ => Err(wrong),
            },
        }
    };
    match read(text) {
        Ok(net) => Some(net),
        Err(wrong) => {
            reader.malformed(path, node.span, text, wrong);
            None
        }
    }
}
