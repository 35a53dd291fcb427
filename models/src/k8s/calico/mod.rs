//! Calico's policies and what they refer to: kinds of the API groups `projectcalico.org` and `crd.projectcalico.org`.
//!
//! The first group is an API with validation and defaults; every violation becomes a finding at its own place (C-90).
//! The second is the form in which the same objects are stored. Nothing checks it, so that what Felix cannot use
//! is ignored by it, which is an error too (C-1, C-2).

mod entity;
mod expression;
mod felix;
mod host;
mod icmp;
mod name;
mod policy;
mod port;
mod protocol;
mod rule;
mod set;
mod staged;
mod text;
mod tier;

pub use entity::{CalicoEntity, ServiceAccountMatch, ServiceMatch};
pub use expression::{Expression, Normal, SyntaxError, Test};
pub use felix::{FelixConfiguration, HostAction, ProtoPort};
pub use host::{HostEndpoint, HostPort, Profile};
pub use icmp::Icmp;
pub use name::{StoredName, TierName};
pub use policy::{CalicoKind, CalicoPolicy};
pub use port::CalicoPort;
pub use protocol::CalicoProtocol;
pub use rule::{CalicoAction, CalicoRule, HttpMatch, HttpPath};
pub use set::NetworkSet;
pub use staged::{StagedAction, StagedKubernetesPolicy};
pub use tier::{
    BUILT_IN as BUILT_IN_TIERS, DEFAULT_ORDER as DEFAULT_TIER_ORDER, Tier, TierAction, without_missing_tiers,
};

use super::meta::{Meta, Root};
use super::read::{Path, Reader};
use super::registry::Kind;
use super::{Object, Spanned};
use crate::yaml::Entry;

/// The API that validates.
const API: &str = "projectcalico.org";
/// What is stored.
const STORED: &str = "crd.projectcalico.org";

/// In which form an object is written (C-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// `projectcalico.org/v3`: validated, with defaults.
    Api,
    /// `crd.projectcalico.org/v1`: as it is, without defaults (C-2).
    Stored,
}

/// An object of Calico's that is no policy.
#[derive(Clone, Debug, PartialEq)]
pub enum CalicoObject {
    /// A Tier.
    Tier(Tier),
    /// A NetworkSet or GlobalNetworkSet.
    NetworkSet(NetworkSet),
    /// A HostEndpoint.
    HostEndpoint(HostEndpoint),
    /// A Profile.
    Profile(Profile),
    /// A FelixConfiguration.
    Felix(FelixConfiguration),
}

impl CalicoObject {
    /// Its kind.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Tier(_) => "Tier",
            Self::NetworkSet(set) if set.meta.namespace.is_empty() => "GlobalNetworkSet",
            Self::NetworkSet(_) => "NetworkSet",
            Self::HostEndpoint(_) => "HostEndpoint",
            Self::Profile(_) => "Profile",
            Self::Felix(_) => "FelixConfiguration",
        }
    }

    /// Its name and place in the cluster.
    pub const fn meta(&self) -> &Meta {
        match self {
            Self::Tier(tier) => &tier.meta,
            Self::NetworkSet(set) => &set.meta,
            Self::HostEndpoint(endpoint) => &endpoint.meta,
            Self::Profile(profile) => &profile.meta,
            Self::Felix(felix) => &felix.meta,
        }
    }
}

/// How one kind is decoded, whatever its form.
type Decode = fn(&mut Reader<'_>, Root<'_>, Form) -> Object;

macro_rules! kinds {
    ($($name:literal, $namespaced:literal, $policy:literal, $decode:path;)*) => {
        /// Every kind in both of its forms.
        pub(super) static KINDS: &[Kind] = &[$(
            Kind {
                versions: &["v3"],
                namespaced: $namespaced,
                policy: $policy,
                ..Kind::new(API, $name, |reader, root| decode(reader, root, Form::Api, $decode))
            },
            Kind {
                versions: &["v1"],
                namespaced: $namespaced,
                policy: $policy,
                ..Kind::new(STORED, $name, |reader, root| decode(reader, root, Form::Stored, $decode))
            },
        )*];
    };
}

kinds! {
    "NetworkPolicy", true, true, policy::network;
    "GlobalNetworkPolicy", false, true, policy::global;
    "StagedNetworkPolicy", true, true, policy::staged;
    "StagedGlobalNetworkPolicy", false, true, policy::staged_global;
    "StagedKubernetesNetworkPolicy", true, true, staged::decode;
    "Tier", false, true, tier::decode;
    "NetworkSet", true, true, set::decode;
    "GlobalNetworkSet", false, true, set::decode;
    "HostEndpoint", false, true, host::endpoint;
    "Profile", false, true, host::profile;
    "FelixConfiguration", false, false, felix::decode;
}

/// What is wrong with an object that nothing checks has consequences of its own.
#[expect(clippy::unnecessary_wraps, reason = "the signature of every decoding function")]
fn decode(reader: &mut Reader<'_>, root: Root<'_>, form: Form, decode: Decode) -> Option<Object> {
    let before = reader.findings.len();
    let object = decode(reader, root, form);
    if form == Form::Stored {
        for finding in reader.findings.iter_mut().skip(before) {
            if finding.rule == "invalid-policy" && !reader.clear.contains(&finding.key) {
                finding.help.retain(|help| !help.starts_with("the API server would refuse it"));
                finding.help.push(
                    "nothing checks `crd.projectcalico.org/v1`: it would be stored, and Felix would ignore the whole object"
                        .into(),
                );
            }
        }
    }
    Some(object)
}

/// A value with its place, from a field.
const fn spanned<T>(value: T, entry: &Entry) -> Spanned<T> {
    Spanned::new(value, entry.value.span)
}

/// The whole number of a field within bounds; `None` where it is left out or is none, which has been reported.
fn number(reader: &mut Reader<'_>, path: &Path<'_>, entry: Option<&Entry>, most: u8) -> Option<Spanned<u8>> {
    let entry = entry?;
    let number = reader.integer(path, Some(entry))?;
    match u8::try_from(number) {
        Ok(number) if number <= most => Some(spanned(number, entry)),
        _ => {
            let message = format!("{number} is out of range: `{path}` goes from 0 to {most}");
            reader.report(super::read::fault(reader.invalid(), path, entry.value.span, message));
            None
        }
    }
}
