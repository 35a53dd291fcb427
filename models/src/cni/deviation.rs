//! Where a policy means something else than the API says, because of the network plugin.

use super::{Cni, adapt};
use crate::cluster::Cluster;
use crate::k8s;
use crate::policy::ObjectRef;
use crate::source::Span;

/// What about a policy meets something else than the API says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeviationKind {
    /// The whole policy has no effect.
    NotEnforced,
    /// Nobody knows whether it has any.
    MaybeEnforced,
    /// A range of ports (P-12).
    EndPort,
    /// A port by name (P-13, P-15, P-17, P-19).
    NamedPort,
    /// SCTP (P-14).
    Sctp,
    /// A block of IPv6 addresses (P-18, P-19).
    Ipv6Block,
    /// What is taken out of a block (P-16).
    Except,
    /// A block that holds addresses of pods (P-10).
    BlockOnPods,
    /// A peer on the host network (P-21).
    HostPeer,
}

impl DeviationKind {
    /// A word for fingerprints and documentation.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotEnforced => "not-enforced",
            Self::MaybeEnforced => "maybe-enforced",
            Self::EndPort => "end-port",
            Self::NamedPort => "named-port",
            Self::Sctp => "sctp",
            Self::Ipv6Block => "ipv6-block",
            Self::Except => "except",
            Self::BlockOnPods => "block-on-pods",
            Self::HostPeer => "host-peer",
        }
    }

    /// It is refused, ignored or read as something else, where the API leaves no choice. Otherwise the API leaves it
    /// open, or says it of something that few rely on.
    pub const fn is_unsupported(self) -> bool {
        matches!(self, Self::MaybeEnforced | Self::EndPort | Self::NamedPort | Self::Sctp | Self::Ipv6Block)
    }
}

/// A place where a policy means something else than the API says.
#[derive(Clone, Debug, PartialEq)]
pub struct Deviation {
    /// What it is about.
    pub kind: DeviationKind,
    /// The policy.
    pub object: ObjectRef,
    /// What is written there.
    pub what: String,
    /// What happens instead, in words that follow the plugin's name.
    pub instead: String,
    /// Where it is written.
    pub span: Span,
}

/// Everything about the policies that a plugin makes something else of.
pub fn deviations(policies: &[k8s::Policy], cluster: &Cluster, cni: &Cni) -> Vec<Deviation> {
    let mut all = Vec::new();
    for policy in policies {
        adapt::read(policy, cluster, cni, &mut all);
    }
    all.sort_by_key(|one| (one.span, one.kind));
    all
}
