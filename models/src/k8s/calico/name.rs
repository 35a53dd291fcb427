//! The names of policies, and the tiers that they say (C-2, C-3).

use super::super::read::{Path, Reader, fault, replace};
use super::super::syntax::{dns_label, dns_subdomain};
use super::super::{Meta, Spanned};
use super::Form;

/// The tier of what says none.
pub(super) const DEFAULT: &str = "default";

/// Names that Calico gives to the policies that it makes of others. They say their tier in another way.
const MADE: [(&str, &str); 4] = [
    ("knp.default.", DEFAULT),
    ("ossg.", DEFAULT),
    ("kanp.adminnetworkpolicy.", "adminnetworkpolicy"),
    ("kbanp.baselineadminnetworkpolicy.", "baselineadminnetworkpolicy"),
];

/// The tier of a policy, and where it is written: in `spec.tier`, or in the name.
pub type TierName = Spanned<Box<str>>;

/// What a policy is called where it is stored: `TIER.x`. Of two policies with the same order, the one whose key comes
/// first goes first (C-13).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoredName(Box<str>);

impl StoredName {
    /// The stored name of a policy of the API: without a prefix it gets that of the tier `default`.
    pub fn of_api(name: &str) -> Self {
        Self(if name.contains('.') { name.into() } else { format!("{DEFAULT}.{name}").into() })
    }

    /// A name as it is stored.
    pub fn stored(name: impl Into<Box<str>>) -> Self {
        Self(name.into())
    }

    /// The stored name of a Kubernetes NetworkPolicy (C-60).
    pub fn of_kubernetes(name: &str) -> Self {
        Self(format!("knp.default.{name}").into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// By what policies of a tier with the same order are sorted, bytewise: `NAMESPACE/TIER.x`, or `TIER.x` (C-13).
    pub fn key(&self, namespace: &str) -> Box<str> {
        if namespace.is_empty() { self.0.clone() } else { format!("{namespace}/{}", self.0).into() }
    }
}

/// The tier that a stored name says: what stands before the first dot.
fn tier_of(name: &str) -> &str {
    let made = MADE.iter().find(|(prefix, _)| name.starts_with(prefix));
    match (made, name.split_once('.')) {
        (Some((_, tier)), _) => tier,
        (None, Some((tier, _))) => tier,
        (None, None) => DEFAULT,
    }
}

/// The tier of a policy and its stored name. Reports a name that does not go with the tier.
pub(super) fn read(
    reader: &mut Reader<'_>,
    meta: &Meta,
    tier: Option<Spanned<&str>>,
    form: Form,
) -> (TierName, StoredName) {
    let name = &meta.name;
    if form == Form::Stored {
        return (
            Spanned::new(tier_of(&name.value).into(), name.span),
            StoredName::stored(name.value.clone()),
        );
    }
    let stored = StoredName::of_api(&name.value);
    let place = tier.map_or(name.span, |tier| tier.span);
    let wanted = tier.map_or(DEFAULT, |tier| tier.value);
    let resolved = Spanned::new(wanted.into(), place);
    // The rest of a generated name is not known, and an object without a name is another finding.
    if meta.generated || name.value.is_empty() {
        return (resolved, stored);
    }
    check_name(reader, meta);
    let says = name.value.split_once('.').map(|(tier, _)| tier);
    let made = MADE.iter().any(|(prefix, _)| name.value.starts_with(prefix));
    if made || says == Some(wanted) || says.is_none() && wanted == DEFAULT {
        return (resolved, stored);
    }
    let message = match says {
        Some(says) => {
            format!("the name `{}` is that of a policy in the tier `{says}`, not `{wanted}`", name.value)
        }
        None => format!("the name of a policy in the tier `{wanted}` begins with `{wanted}.`"),
    };
    // It is the tier that is in doubt, not only what the policy is called.
    let path = Path::Root.field("spec");
    let mut finding = fault("invalid-policy", &path.field("tier"), name.span, message);
    if let Some(tier) = tier {
        finding = finding.related(tier.span, "the tier");
    }
    reader.report(match (says, tier) {
        (Some(says), None) => finding.help(format!("write `tier: {says}`, or a name without a dot")),
        (Some(says), Some(_)) => {
            finding.help(format!("write `tier: {says}`, or a name that begins with `{wanted}.`"))
        }
        (None, _) => {
            let instead = format!("{wanted}.{}", name.value);
            let help = format!("name it `{instead}`");
            finding.help(&*help).fix(replace(name.span, &name.value, &instead, help))
        }
    });
    (resolved, stored)
}

/// A name of one word, or of a tier and a word. That names are lower-case has been checked with all others.
fn check_name(reader: &mut Reader<'_>, meta: &Meta) {
    let name = &meta.name;
    let made = ["knp.default.", "ossg.default."].iter().any(|prefix| name.value.starts_with(prefix));
    if (made && !meta.namespace.is_empty())
        || dns_subdomain(&name.value).is_err()
        || name.value.split('.').count() <= 2
    {
        return;
    }
    let path = Path::Root.field("metadata");
    let message = format!("`{}` has more than one dot", name.value);
    reader.report(
        fault("invalid-policy", &path.field("name"), name.span, message)
            .help("the name of a policy is one word, or that of its tier, a dot, and one word"),
    );
}

/// The name of a tier, which is a part of other names.
pub(super) fn check_tier(reader: &mut Reader<'_>, meta: &Meta) {
    let name = &meta.name;
    if meta.generated || name.value.is_empty() || dns_subdomain(&name.value).is_err() {
        return;
    }
    if let Err(wrong) = dns_label(&name.value) {
        // Unlike that of a policy, whose meaning does not depend on it.
        reader.malformed(&Path::Root.field("name"), name.span, &name.value, wrong);
    }
}
