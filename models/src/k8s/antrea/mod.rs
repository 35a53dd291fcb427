//! Antrea's own kinds, `crd.antrea.io`: ClusterNetworkPolicy, NetworkPolicy, Tier, ClusterGroup and Group, validated
//! as its webhooks do.

mod group;
mod peer;
mod policy;
mod port;
mod rule;

use std::collections::HashSet;

use super::meta::Root;
use super::read::{Path, Reader, Unknown, clip, fault};
use super::registry::Kind;
use super::{Meta, Object, Policy, Spanned};
use crate::diagnostic::{Finding, Severity};
use crate::source::Span;

pub use group::{AntreaGroup, AntreaMembers};
pub use peer::{AntreaApplied, AntreaPeer, AntreaRelation};
pub use policy::AntreaPolicy;
pub use port::AntreaPort;
pub use rule::{AntreaAction, AntreaRule};

const GROUP_NAME: &str = "crd.antrea.io";

pub(super) const CLUSTER: Kind = Kind {
    policy: true,
    namespaced: false,
    versions: &["v1beta1", "v1alpha1"],
    ..Kind::new(GROUP_NAME, "ClusterNetworkPolicy", policy::clusterwide)
};
pub(super) const NAMESPACED: Kind = Kind {
    policy: true,
    versions: &["v1beta1", "v1alpha1"],
    ..Kind::new(GROUP_NAME, "NetworkPolicy", policy::namespaced)
};
pub(super) const TIER: Kind = Kind {
    policy: true,
    namespaced: false,
    versions: &["v1beta1", "v1alpha1"],
    ..Kind::new(GROUP_NAME, "Tier", tier)
};
pub(super) const CLUSTER_GROUP: Kind = Kind {
    policy: true,
    namespaced: false,
    versions: &["v1beta1", "v1alpha3"],
    ..Kind::new(GROUP_NAME, "ClusterGroup", group::clusterwide)
};
pub(super) const GROUP: Kind = Kind {
    policy: true,
    versions: &["v1beta1", "v1alpha3"],
    ..Kind::new(GROUP_NAME, "Group", group::namespaced)
};

/// What Antrea's policies refer to.
#[derive(Clone, Debug, PartialEq)]
pub enum AntreaObject {
    /// A Tier.
    Tier(AntreaTier),
    /// A ClusterGroup, or a Group of a namespace.
    Group(AntreaGroup),
}

impl AntreaObject {
    /// Its kind.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Tier(_) => "Tier",
            Self::Group(group) if group.clusterwide => "ClusterGroup",
            Self::Group(_) => "Group",
        }
    }

    /// Its name and place.
    pub const fn meta(&self) -> &Meta {
        match self {
            Self::Tier(tier) => &tier.meta,
            Self::Group(group) => &group.meta,
        }
    }
}

/// A Tier of somebody's own.
#[derive(Clone, Debug, PartialEq)]
pub struct AntreaTier {
    /// Its name; it is in no namespace.
    pub meta: Meta,
    /// `priority`, 0 to 249, lower first.
    pub priority: Spanned<u8>,
}

/// The tiers that are always there, with their priorities.
const BUILT_IN: &[(&str, u8)] = &[
    ("emergency", 50),
    ("securityops", 100),
    ("networkops", 150),
    ("platform", 200),
    ("application", 250),
    ("baseline", 253),
];

/// The name and the priority of a tier that is always there; capitals make no difference.
pub fn built_in_tier(name: &str) -> Option<(&'static str, u8)> {
    BUILT_IN.iter().copied().find(|(own, _)| own.eq_ignore_ascii_case(name))
}

fn tier(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    let path = Path::Root.field("spec");
    let Some(spec) = root.spec else {
        reader.report(fault("invalid-policy", &path, root.meta.name.span, "the tier has no `spec`"));
        return None;
    };
    let [priority, _] = reader.fields(&path, &spec.value, ["priority", "description"], Unknown::Refused(&[]));
    let path = path.field("priority");
    let Some(priority) = priority else {
        reader.report(fault("invalid-policy", &path, spec.key_span, "the tier has no `priority`"));
        return None;
    };
    let number = reader.integer(&path, Some(priority))?;
    let taken = BUILT_IN.iter().find(|(_, own)| i64::from(*own) == number);
    let allowed = u8::try_from(number).ok().filter(|number| *number <= 249 && taken.is_none());
    if allowed.is_none() {
        let message = match taken {
            Some((name, _)) => {
                format!("{number} is the priority of the tier `{name}`, which is always there")
            }
            None => format!("{number} is no priority: those of tiers go from 0 to 249"),
        };
        reader.report(fault("invalid-policy", &path, priority.value.span, message));
    }
    let priority = Spanned::new(allowed?, priority.value.span);
    Some(Object::Antrea(Box::new(AntreaObject::Tier(AntreaTier { meta: root.meta, priority }))))
}

/// Something of a policy that npv does not model: the answer is without it.
fn unmodelled(path: &Path<'_>, span: Span, what: &str) -> Finding {
    Finding::new("unsupported-policy", Severity::Error, span, format!("npv does not model {what} yet"))
        .key(path.to_string())
        .help("answers leave it out; with `--allow-incomplete` npv answers for all the rest")
        .incomplete()
}

/// Takes out policies whose tier is not there, which the webhook refuses, with a finding for each.
pub fn without_missing_tiers(policies: &mut Vec<Policy>, objects: &[AntreaObject]) -> Vec<Finding> {
    let own = objects.iter().filter_map(|object| match object {
        AntreaObject::Tier(tier) => Some(&*tier.meta.name.value),
        AntreaObject::Group(_) => None,
    });
    let own: HashSet<&str> = own.collect();
    let mut findings = Vec::new();
    policies.retain(|policy| {
        let Policy::Antrea(antrea) = policy else { return true };
        let Some(tier) = &antrea.tier else { return true };
        if built_in_tier(&tier.value).is_some() || own.contains(&*tier.value) {
            return true;
        }
        let meta = &antrea.meta;
        let object = match antrea.clusterwide {
            true => format!("{}/{}", antrea.kind(), meta.name.value),
            false => format!("{}/{}/{}", antrea.kind(), meta.namespace, meta.name.value),
        };
        let message = format!("there is no tier `{}`", clip(&tier.value));
        let finding = fault("invalid-policy", &Path::Root.field("spec").field("tier"), tier.span, message);
        findings.push(
            finding
                .object(object)
                .help("Antrea refuses the policy: add the Tier to what npv reads, or name one that is there"),
        );
        false
    });
    findings
}
