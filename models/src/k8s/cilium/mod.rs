//! Policies of Cilium: CiliumNetworkPolicy, CiliumClusterwideNetworkPolicy, and the CiliumCIDRGroups that they
//! refer to.
//!
//! Two judges look at a policy: the API server, with the schema of the definition, and the agent on each node,
//! which knows rules that no schema states. What either refuses has no effect at all (K-70): a policy that should
//! have closed pods leaves them open, and every finding says so.

mod addresses;
mod group;
mod http;
mod icmp;
mod names;
mod peers;
mod ports;
mod rules;
mod selector;

use super::meta::Root;
use super::read::{Path, REFUSED, Reader, Unknown, fault};
use super::registry::Kind;
use super::{Meta, Object, Place, Policy, Spanned};
use crate::diagnostic::{Finding, Severity};
use crate::source::Span;
use crate::yaml::Entry;

pub use addresses::{CiliumBlock, CiliumBlockSource};
pub use group::CiliumCidrGroup;
pub(super) use group::{KIND as GROUP, KIND_ALPHA as GROUP_ALPHA};
pub use http::{CiliumHttpRule, HeaderCondition, HeaderValue};
pub use icmp::{CiliumIcmp, IcmpFamily};
pub use names::DomainPattern;
pub use peers::{CiliumEntity, CiliumPeer, CiliumPeers, CiliumService};
pub use ports::{CiliumL7, CiliumPort, CiliumPortRef, CiliumPorts, CiliumProtocol, TlsRestriction};
pub use selector::{CiliumRequirement, CiliumSelector, LabelSource};

const API_GROUP: &str = "cilium.io";

pub(super) const NETWORK_POLICY: Kind = Kind {
    policy: true,
    versions: &["v2"],
    others: &["apiVersion", "kind", "specs"],
    ..Kind::new(API_GROUP, "CiliumNetworkPolicy", |reader, root| decode(reader, root, false))
};

pub(super) const CLUSTERWIDE: Kind = Kind {
    policy: true,
    namespaced: false,
    versions: &["v2"],
    others: &["apiVersion", "kind", "specs"],
    ..Kind::new(API_GROUP, "CiliumClusterwideNetworkPolicy", |reader, root| decode(reader, root, true))
};

/// A CiliumNetworkPolicy or a CiliumClusterwideNetworkPolicy.
#[derive(Clone, Debug, PartialEq)]
pub struct CiliumPolicy {
    /// Its name and place.
    pub meta: Meta,
    /// It is a CiliumClusterwideNetworkPolicy, and in no namespace.
    pub clusterwide: bool,
    /// `spec`, where it is there, and each of `specs` (K-3); none where `specs` is an empty list.
    pub rules: Vec<CiliumRule>,
}

impl CiliumPolicy {
    /// Its kind.
    pub const fn kind(&self) -> &'static str {
        if self.clusterwide { "CiliumClusterwideNetworkPolicy" } else { "CiliumNetworkPolicy" }
    }

    /// Every selector of endpoints in it: of its rules' subjects and of their peers.
    pub fn selectors(&self) -> impl Iterator<Item = &CiliumSelector> {
        self.rules.iter().flat_map(|rule| {
            let subject = match &rule.subject.value {
                CiliumSubject::Endpoints(selector) => Some(selector),
                CiliumSubject::Nodes(_) => None,
            };
            let peers = rule.sections().filter_map(|(_, section)| section).flat_map(|section| &section.value);
            let peers = peers.filter_map(|entry| match &entry.peers {
                CiliumPeers::Listed { peers, .. } => Some(peers),
                CiliumPeers::Everyone | CiliumPeers::Nobody(_) => None,
            });
            let selectors = peers.flatten().filter_map(|peer| match &peer.value {
                CiliumPeer::Endpoints(selector) => Some(selector),
                _ => None,
            });
            subject.into_iter().chain(selectors)
        })
    }
}

/// A rule of Cilium: `spec`, or an entry of `specs`.
#[derive(Clone, Debug)]
pub struct CiliumRule {
    /// `spec` or `specs[0]`.
    pub path: Box<str>,
    /// Whom it applies to.
    pub subject: Spanned<CiliumSubject>,
    /// `ingress`; `None` where it is left out, which means what an empty list means (K-16).
    pub ingress: Option<Spanned<Vec<CiliumEntry>>>,
    /// `ingressDeny`.
    pub ingress_deny: Option<Spanned<Vec<CiliumEntry>>>,
    /// `egress`.
    pub egress: Option<Spanned<Vec<CiliumEntry>>>,
    /// `egressDeny`.
    pub egress_deny: Option<Spanned<Vec<CiliumEntry>>>,
    /// `enableDefaultDeny.ingress`; `None` where it is left out (K-52).
    pub default_deny_ingress: Option<Spanned<bool>>,
    /// `enableDefaultDeny.egress`.
    pub default_deny_egress: Option<Spanned<bool>>,
    /// The rule.
    pub span: Span,
}

impl CiliumRule {
    /// The four lists of entries, in the order in which manifests tend to have them.
    pub fn sections(&self) -> impl Iterator<Item = (Section, Option<&Spanned<Vec<CiliumEntry>>>)> {
        Section::ALL.into_iter().map(|section| (section, self.section(section)))
    }

    /// One of the lists.
    pub const fn section(&self, section: Section) -> Option<&Spanned<Vec<CiliumEntry>>> {
        match section {
            Section::Ingress => self.ingress.as_ref(),
            Section::IngressDeny => self.ingress_deny.as_ref(),
            Section::Egress => self.egress.as_ref(),
            Section::EgressDeny => self.egress_deny.as_ref(),
        }
    }
}

impl PartialEq for CiliumRule {
    fn eq(&self, other: &Self) -> bool {
        let lists = |rule: &'_ Self| Section::ALL.map(|section| rule.section(section).cloned());
        self.path == other.path
            && self.subject == other.subject
            && lists(self) == lists(other)
            && self.default_deny_ingress == other.default_deny_ingress
            && self.default_deny_egress == other.default_deny_egress
    }
}

/// A list of entries of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    /// `ingress`
    Ingress,
    /// `ingressDeny`
    IngressDeny,
    /// `egress`
    Egress,
    /// `egressDeny`
    EgressDeny,
}

impl Section {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Ingress, Self::IngressDeny, Self::Egress, Self::EgressDeny];

    /// The field's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::IngressDeny => "ingressDeny",
            Self::Egress => "egress",
            Self::EgressDeny => "egressDeny",
        }
    }

    /// Its entries speak of flows to the subject.
    pub const fn is_ingress(self) -> bool {
        matches!(self, Self::Ingress | Self::IngressDeny)
    }

    /// Its entries deny.
    pub const fn denies(self) -> bool {
        matches!(self, Self::IngressDeny | Self::EgressDeny)
    }
}

/// Whom a rule applies to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CiliumSubject {
    /// `endpointSelector`: pods, and in a clusterwide policy Cilium's own endpoints (K-4, K-5).
    Endpoints(CiliumSelector),
    /// `nodeSelector`: nodes, where the host firewall is on; never pods (K-6).
    Nodes(CiliumSelector),
}

/// An entry of `ingress`, `ingressDeny`, `egress` or `egressDeny`.
#[derive(Clone, Debug)]
pub struct CiliumEntry {
    /// Who may be at the other end.
    pub peers: CiliumPeers,
    /// `toPorts`; `None` where it is left out or empty, which restricts nothing (K-35).
    pub ports: Option<Spanned<Vec<CiliumPorts>>>,
    /// `icmps`: nothing but these; `None` where it is left out or empty (K-34).
    pub icmps: Option<Spanned<Vec<CiliumIcmp>>>,
    /// `authentication` with a mode that asks for a proof (K-49).
    pub authentication: Option<Place>,
    /// The list entry.
    pub span: Span,
}

impl PartialEq for CiliumEntry {
    fn eq(&self, other: &Self) -> bool {
        (&self.peers, &self.ports, &self.icmps, self.authentication)
            == (&other.peers, &other.ports, &other.icmps, other.authentication)
    }
}

/// What is said of a policy that the API server does not take.
const NOT_STORED: &str =
    "correct it: the API server refuses the policy as it is, and what it should close stays open";

/// What is said of a policy that the agent does not take.
const NOT_ENFORCED: &str = "correct it: the API server takes the policy as it is, but Cilium's agent refuses all of it, and what it should close stays open";

/// An error that only the agent knows (K-70).
fn refused_by_agent(path: &Path<'_>, span: Span, message: impl Into<String>) -> Finding {
    fault("invalid-policy", path, span, message).help(NOT_ENFORCED)
}

fn decode(reader: &mut Reader<'_>, root: Root<'_>, clusterwide: bool) -> Option<Object> {
    let context = rules::Context { clusterwide };
    let spec = root.spec.map(|entry| rules::read(reader, &Path::Root.field("spec"), &entry.value, context));
    let specs = root.field("specs");
    let specs_path = Path::Root.field("specs");
    let mut rules: Vec<Option<CiliumRule>> = spec.into_iter().collect();
    for (index, item) in reader.list(&specs_path, specs).iter().enumerate() {
        let path = specs_path.item(index);
        if item.is_null() {
            reader.null_item(&path, item, "no rule, which the API server refuses");
        } else {
            rules.push(rules::read(reader, &path, item, context));
        }
    }
    if root.spec.is_none() && specs.is_none() {
        let span = root.entry("spec").map_or(root.meta.name.span, |entry| entry.key_span);
        let message = "the policy has neither a `spec` nor `specs`";
        reader.report(fault("invalid-policy", &Path::Root.field("spec"), span, message));
    }
    explain_effect(reader);
    // A rule with errors has been reported, and they void the object (K-3).
    let rules = rules.into_iter().collect::<Option<Vec<_>>>()?;
    let policy = CiliumPolicy { meta: root.meta, clusterwide, rules };
    Some(Object::Policy(Policy::Cilium(Box::new(policy))))
}

/// Says of every error what becomes of the policy.
fn explain_effect(reader: &mut Reader<'_>) {
    for finding in &mut reader.findings {
        if finding.severity != Severity::Error || finding.incomplete || finding.key.starts_with("metadata") {
            continue;
        }
        let by_agent = finding.help.iter().any(|help| help == NOT_ENFORCED);
        // What to do in particular comes first, and what is said of any error need not be said twice.
        finding.help.retain(|help| help != NOT_ENFORCED && !help.starts_with(REFUSED));
        finding.help.push(if by_agent { NOT_ENFORCED } else { NOT_STORED }.into());
    }
}

/// A text that says something to people only.
fn remark(reader: &mut Reader<'_>, path: &Path<'_>, entry: Option<&Entry>) {
    reader.string(path, entry);
}

/// Reports a field that must be there.
fn missing(reader: &mut Reader<'_>, path: &Path<'_>, name: &str, span: Span) {
    let message = format!("`{path}` has no `{name}`");
    reader.report(fault("invalid-policy", &path.field(name), span, message));
}

/// Reports the first entry that is one too many.
fn at_most(reader: &mut Reader<'_>, path: &Path<'_>, count: usize, limit: usize, span: Option<Span>) {
    if count > limit
        && let Some(span) = span
    {
        let message = format!("`{path}` has {count} entries, and may have {limit}");
        reader.report(fault("invalid-policy", &path.item(limit), span, message));
    }
}

/// Fields of which exactly one must be there.
fn exactly_one<'n>(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    span: Span,
    names: &str,
    fields: &[Option<&'n Entry>],
) -> Option<&'n Entry> {
    let mut entries: Vec<&Entry> = fields.iter().flatten().copied().collect();
    entries.sort_by_key(|entry| entry.key_span.start);
    let Some((first, others)) = entries.split_first() else {
        reader.report(fault("invalid-policy", path, span, format!("`{path}` has none of {names}")));
        return None;
    };
    for other in others {
        let message = format!("`{}` and `{}` must not be in one entry", first.key, other.key);
        reader.report(
            fault("invalid-policy", &path.field(&other.key), other.key_span, message)
                .related(first.key_span, "the other one"),
        );
    }
    Some(first)
}

/// Fields that have no meaning in a list of entries, with what was probably meant.
fn explain(reader: &mut Reader<'_>, before: usize, advice: &[(&str, &str)]) {
    for finding in reader.findings.iter_mut().skip(before).filter(|finding| finding.rule == "unknown-field") {
        let field = finding.key.rsplit('.').next().unwrap_or_default();
        if let Some((_, help)) = advice.iter().find(|(name, _)| *name == field) {
            finding.help = vec![(*help).to_owned()];
            finding.fix = None;
        }
    }
}

/// Unknown fields are refused.
const STRICT: Unknown = Unknown::Refused(&[]);
