//! The network plugin: what it makes of policies.
//!
//! What is known of each plugin is data, one file each in `sheets/`. What depends on the manifests is lowered
//! from it: [`adapt()`] makes of a policy what the plugin reads in it. [`Cni::detect`] finds out from
//! what is installed which plugin it is, and [`deviations()`] says where policies meet one that does something else
//! than the API says.

mod adapt;
mod detect;
mod deviation;
mod docs;
mod sheet;
mod sheets;
mod sign;

use std::fmt;

use crate::cluster::Cluster;
use crate::k8s;
use crate::policy::{ObjectRef, Profile};
use crate::source::Span;
use crate::space::Truth;

pub use adapt::adapt;
pub use detect::{Detected, Evidence};
pub use deviation::{Deviation, DeviationKind, deviations};
pub use docs::markdown;
pub use sheet::{Confidence, Fact, Ipv6Blocks, NamedPorts, Sheet, Since, Traits};
pub use sheets::SHEETS;
pub use sign::{Setting, Sign};

/// A network plugin, of a version, with what it makes of policies.
#[derive(Clone, Debug, PartialEq)]
pub struct Cni {
    /// Whose policies it enforces, and how: `gke-dataplane-v2` does as Cilium.
    pub plugin: Plugin,
    /// Its name on the command line.
    pub name: &'static str,
    /// Major and minor version.
    pub version: (u16, u16),
    /// Its choices where the API leaves them to it.
    pub profile: Profile,
    /// What else it does with policies.
    pub traits: Traits,
    /// What makes it isolate every pod, policies or not (P-2, P-28).
    pub isolates: Option<Box<Evidence>>,
    /// The object that shows it; `None` where somebody has named it.
    pub shown: Option<Box<(ObjectRef, Span)>>,
}

/// The network plugins that npv tells apart by whose policies they enforce.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Plugin {
    /// None in particular: what the API says.
    Upstream,
    /// Calico.
    Calico,
    /// Cilium.
    Cilium,
    /// Antrea.
    Antrea,
    /// OVN-Kubernetes.
    OvnKubernetes,
    /// Amazon VPC CNI.
    AwsVpcCni,
    /// Azure Network Policy Manager.
    AzureNpm,
    /// kube-router.
    KubeRouter,
    /// Weave Net.
    Weave,
    /// kube-network-policies.
    KubeNetworkPolicies,
    /// Kube-OVN.
    KubeOvn,
    /// Flannel.
    Flannel,
    /// A plugin whose policies are off.
    Nobody,
}

/// What somebody has said of a network plugin that is not as npv takes it to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `ipBlock` never matches the addresses of pods (S-16).
    pub blocks_skip_pods: bool,
    /// Selectors see pods on the host network (S-37).
    pub selectors_see_host_network: bool,
}

impl Overrides {
    /// A profile with what has been said of it.
    pub fn apply(self, profile: Profile) -> Profile {
        Profile {
            blocks_match_pods: profile.blocks_match_pods && !self.blocks_skip_pods,
            selectors_see_host_network: profile.selectors_see_host_network || self.selectors_see_host_network,
            ..profile
        }
    }
}

impl Plugin {
    /// What is known of the plugin itself.
    pub fn sheet(self) -> &'static Sheet {
        SHEETS.iter().copied().find(|sheet| sheet.plugin == self).unwrap_or(&Sheet::API)
    }

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        self.sheet().name
    }
}

impl Default for Cni {
    fn default() -> Self {
        Self::of(Plugin::Upstream)
    }
}

impl Cni {
    /// A plugin in its newest version.
    pub fn of(plugin: Plugin) -> Self {
        Self::as_in(plugin.sheet())
    }

    /// What a sheet describes, in the newest version.
    pub fn as_in(sheet: &Sheet) -> Self {
        Self::versioned(sheet, sheet.newest.unwrap_or_default())
    }

    fn versioned(sheet: &Sheet, version: (u16, u16)) -> Self {
        Self {
            plugin: sheet.plugin,
            name: sheet.name,
            version,
            profile: sheet.profile,
            traits: sheet.traits(version),
            isolates: None,
            shown: None,
        }
    }

    /// What is known of it.
    pub fn sheet(&self) -> &'static Sheet {
        named(self.name).unwrap_or(&Sheet::API)
    }

    /// What the manifests imply: a plugin whose own kinds are there, if it is only one.
    pub fn implied(policies: &[k8s::Policy], cluster: &Cluster) -> Option<Self> {
        let mut plugins: Vec<&'static str> = policies.iter().filter_map(own_to).collect();
        plugins.extend((!cluster.calico.is_empty()).then(|| Plugin::Calico.name()));
        plugins.extend((!cluster.antrea.is_empty()).then(|| Plugin::Antrea.name()));
        plugins.sort_unstable();
        plugins.dedup();
        match plugins.as_slice() {
            [only] => named(only).map(Self::as_in),
            _ => None,
        }
    }

    /// `NAME` or `NAME@VERSION`, as on the command line.
    ///
    /// # Errors
    /// What is wrong with the text, and what could stand there.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (name, version) =
            text.split_once('@').map_or((text, None), |(name, version)| (name, Some(version)));
        let sheet = named(name).ok_or_else(|| {
            let names: Vec<&str> = SHEETS.iter().map(|sheet| sheet.name).collect();
            let names = names.join("`, `");
            format!("`{name}` is no network plugin that npv knows; it knows `auto`, `{names}`")
        })?;
        let Some(version) = version else { return Ok(Self::as_in(sheet)) };
        let Some(newest) = sheet.newest else {
            return Err(format!("npv tells no versions of `{name}` apart; write `{name}`"));
        };
        match read_version(version) {
            Some(version) => Ok(Self::versioned(sheet, version)),
            None => Err(format!("`{version}` is no version; write `{name}@{}.{}`", newest.0, newest.1)),
        }
    }

    /// As it is written on a command line: `cilium@1.20`, `upstream`.
    pub fn written(&self) -> String {
        match self.sheet().newest {
            Some(_) => format!("{}@{}.{}", self.name, self.version.0, self.version.1),
            None => self.name.to_owned(),
        }
    }

    /// Whether it is at least this version.
    pub fn since(&self, major: u16, minor: u16) -> bool {
        self.version >= (major, minor)
    }

    /// Whether it enforces policies of a policy's kind, and this one (P-1 to P-5).
    pub fn enforces(&self, policy: &k8s::Policy) -> Truth {
        if let Some(owner) = own_to(policy) {
            let same = |owner: &'static str| named(owner).is_some_and(|sheet| sheet.plugin == self.plugin);
            let own = owner == self.name || OWN_OF_ALL.contains(&owner) && same(owner);
            return (self.traits.own && (own || self.plugin == Plugin::Upstream)).into();
        }
        match policy {
            k8s::Policy::Admin(admin) => match admin.kind {
                k8s::AdminKind::Cluster => self.traits.cluster,
                // C-63
                k8s::AdminKind::Baseline if self.plugin == Plugin::Calico && !self.since(3, 30) => Truth::No,
                k8s::AdminKind::Baseline => self.traits.admin,
                k8s::AdminKind::Admin => {
                    let refused = self.traits.highest_priority.zip(admin.priority);
                    let refused = refused.is_some_and(|(highest, priority)| priority.value > highest);
                    if refused { Truth::No } else { self.traits.admin }
                }
            },
            // What a mesh enforces is not the plugin's business.
            k8s::Policy::Istio(_) => Truth::Yes,
            _ => self.traits.network_policy,
        }
    }
}

/// Plugins whose own kinds everything that does as they do enforces, too.
const OWN_OF_ALL: &[&str] =
    &["calico", "cilium", "antrea", "ovn-kubernetes", "aws-vpc-cni", "kube-ovn", "azure-npm"];

/// The name of the plugin whose own kind a policy is of.
fn own_to(policy: &k8s::Policy) -> Option<&'static str> {
    match policy {
        k8s::Policy::Fqdn(_) => Some("gke-dataplane-v2"),
        policy => policy.plugin().map(Plugin::name),
    }
}

/// What is known under a name of the command line.
fn named(name: &str) -> Option<&'static Sheet> {
    SHEETS.iter().copied().find(|sheet| sheet.name == name || sheet.aliases.contains(&name))
}

/// Major and minor version of `v1.17.3`, `1.17` and the like.
fn read_version(text: &str) -> Option<(u16, u16)> {
    let mut numbers = text.trim_start_matches('v').split(['.', '-', '+']).map(str::parse::<u16>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => Some((major, minor)),
        _ => None,
    }
}

/// `cilium 1.20`; `upstream` without a version.
impl fmt::Display for Cni {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        if self.sheet().newest.is_some() {
            write!(f, " {}.{}", self.version.0, self.version.1)?;
        }
        if self.traits.enforces() || self.sheet().network_policy == Since::Never {
            return Ok(());
        }
        f.write_str(", policies off")
    }
}
