//! What is known of a network plugin, as data: one file for each in `sheets/`.

use super::Plugin;
use crate::policy::Profile;
use crate::space::Truth;

/// In which versions a plugin does something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// In none.
    Never,
    /// In all.
    Always,
    /// From this one on.
    From(u16, u16),
    /// From the first on, and no more in the second.
    Between((u16, u16), (u16, u16)),
    /// Nobody has shown it yet, either way.
    Unknown,
}

impl Since {
    /// Whether a version does it.
    pub fn at(self, version: (u16, u16)) -> Truth {
        match self {
            Self::Never => Truth::No,
            Self::Always => Truth::Yes,
            Self::From(major, minor) => (version >= (major, minor)).into(),
            Self::Between(first, last) => (version >= first && version < last).into(),
            Self::Unknown => Truth::Maybe,
        }
    }
}

/// What a plugin makes of ports that policies call by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamedPorts {
    /// As the API says: on each destination what it calls so (S-24).
    Api,
    /// An egress rule by a name that has two numbers in the cluster is skipped (P-13).
    OneNumber,
    /// A policy that names a port is refused, so that its pods are not even isolated (P-15).
    VoidPolicy,
    /// To the pods of a policy: whatever any of them calls so. From them, without `to`: nothing (P-17).
    OfSubjects,
    /// From pods without `to`: what the pods of the policy's namespace call so, to everybody (P-19).
    OfNamespace,
    /// Nobody has shown it.
    Unknown,
}

/// What a plugin makes of blocks of IPv6 addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ipv6Blocks {
    /// As the API says.
    Api,
    /// A policy with one is not installed (P-18).
    VoidPolicy,
    /// `::/0` is the routed space and the private one, and nothing else (P-19).
    Routed,
}

/// How sure somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confidence {
    /// It is documented, or plain in the code.
    High,
    /// The code has been read, or somebody has reported it.
    Medium,
    /// Nobody knows.
    Low,
}

impl Confidence {
    /// `high`, `medium`, `low`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
        }
    }
}

/// Something that a plugin does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fact {
    /// Its number among those of all plugins.
    pub number: &'static str,
    /// What it is, as a sentence without a full stop.
    pub text: &'static str,
    /// Who says so.
    pub source: &'static str,
    /// How sure that is.
    pub confidence: Confidence,
    /// npv's answers follow it; otherwise it is only told.
    pub modelled: bool,
}

/// All that npv knows of a network plugin.
#[derive(Clone, Copy, Debug)]
pub struct Sheet {
    /// The name on the command line.
    pub name: &'static str,
    /// The name that people give it.
    pub title: &'static str,
    /// Other names on the command line.
    pub aliases: &'static [&'static str],
    /// Whose policies it enforces, and how.
    pub plugin: Plugin,
    /// The version that is meant where none is named; `None` where versions tell nothing apart.
    pub newest: Option<(u16, u16)>,
    /// It enforces NetworkPolicies.
    pub network_policy: Since,
    /// It enforces AdminNetworkPolicy and BaselineAdminNetworkPolicy (P-4).
    pub admin: Since,
    /// It enforces ClusterNetworkPolicy of `policy.networking.k8s.io` (P-4).
    pub cluster: Since,
    /// The highest priority of an AdminNetworkPolicy that it takes.
    pub highest_priority: Option<u16>,
    /// Its choices where the API leaves them to it.
    pub profile: Profile,
    /// It looks at `endPort`; otherwise only `port` opens (P-12).
    pub end_port: Since,
    /// What it makes of ports by name.
    pub named_ports: NamedPorts,
    /// It lets SCTP through at all (P-14).
    pub sctp: Since,
    /// What it makes of blocks of IPv6 addresses.
    pub ipv6_blocks: Ipv6Blocks,
    /// What an `except` takes out is denied, whatever a wider block of another rule admits (P-16).
    pub except_denies: bool,
    /// A peer on the host network stands for its node, and so for everybody there (P-21).
    pub host_peers_are_nodes: bool,
    /// Pods always reach their own node (P-23).
    pub own_node_open: bool,
    /// What is known, with sources.
    pub facts: &'static [Fact],
}

impl Sheet {
    /// A plugin that does what the API says of NetworkPolicies, and knows no other kind.
    pub const API: Self = Self {
        name: "upstream",
        title: "",
        aliases: &[],
        plugin: Plugin::Upstream,
        newest: None,
        network_policy: Since::Always,
        admin: Since::Never,
        cluster: Since::Never,
        highest_priority: None,
        profile: Profile::ADMIN,
        end_port: Since::Always,
        named_ports: NamedPorts::Api,
        sctp: Since::Always,
        ipv6_blocks: Ipv6Blocks::Api,
        except_denies: false,
        host_peers_are_nodes: false,
        own_node_open: false,
        facts: &[],
    };

    /// What it does in one of its versions.
    pub fn traits(&self, version: (u16, u16)) -> Traits {
        Traits {
            network_policy: self.network_policy.at(version),
            admin: self.admin.at(version),
            cluster: self.cluster.at(version),
            own: self.network_policy != Since::Never,
            highest_priority: self.highest_priority,
            end_port: self.end_port.at(version),
            named_ports: self.named_ports,
            sctp: self.sctp.at(version),
            ipv6_blocks: self.ipv6_blocks,
            except_denies: self.except_denies,
            host_peers_are_nodes: self.host_peers_are_nodes,
            own_node_open: self.own_node_open,
        }
    }
}

/// What a network plugin does besides the choices of its [`Profile`]: that of a version, as it is installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub struct Traits {
    /// It enforces NetworkPolicies.
    pub network_policy: Truth,
    /// It enforces AdminNetworkPolicy and BaselineAdminNetworkPolicy.
    pub admin: Truth,
    /// It enforces ClusterNetworkPolicy of `policy.networking.k8s.io`.
    pub cluster: Truth,
    /// It enforces its own kinds.
    pub own: bool,
    /// The highest priority of an AdminNetworkPolicy that it takes.
    pub highest_priority: Option<u16>,
    /// It looks at `endPort` (P-12).
    pub end_port: Truth,
    /// What it makes of ports by name.
    pub named_ports: NamedPorts,
    /// It lets SCTP through at all (P-14).
    pub sctp: Truth,
    /// What it makes of blocks of IPv6 addresses.
    pub ipv6_blocks: Ipv6Blocks,
    /// What an `except` takes out is denied (P-16).
    pub except_denies: bool,
    /// A peer on the host network stands for its node (P-21).
    pub host_peers_are_nodes: bool,
    /// Pods always reach their own node (P-23).
    pub own_node_open: bool,
}

impl Traits {
    /// The same where policies are switched off.
    #[must_use]
    pub const fn off(self) -> Self {
        Self { network_policy: Truth::No, admin: Truth::No, cluster: Truth::No, own: false, ..self }
    }

    /// Whether it enforces anything.
    pub fn enforces(&self) -> bool {
        self.own || [self.network_policy, self.admin, self.cluster].into_iter().any(Truth::possible)
    }
}

/// What npv's answers follow.
pub(super) const fn done(
    number: &'static str,
    confidence: Confidence,
    text: &'static str,
    source: &'static str,
) -> Fact {
    Fact { number, text, source, confidence, modelled: true }
}

/// What is only told.
pub(super) const fn told(
    number: &'static str,
    confidence: Confidence,
    text: &'static str,
    source: &'static str,
) -> Fact {
    Fact { modelled: false, ..done(number, confidence, text, source) }
}
