//! The network plugin: what it makes of policies.

use std::fmt;

use crate::cluster::Cluster;
use crate::k8s;
use crate::policy::Profile;

/// A network plugin, of a version, with what it makes of policies.
#[derive(Clone, Debug, PartialEq)]
pub struct Cni {
    /// Which one.
    pub plugin: Plugin,
    /// Major and minor version.
    pub version: (u16, u16),
    /// Its choices where the API leaves them to it.
    pub profile: Profile,
}

/// The network plugins that npv tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Plugin {
    /// None in particular: what the API says.
    Upstream,
    /// Calico.
    Calico,
    /// Cilium.
    Cilium,
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
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Upstream, Self::Calico, Self::Cilium];

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Upstream => "upstream",
            Self::Calico => "calico",
            Self::Cilium => "cilium",
        }
    }

    /// The version that is meant where none is named.
    const fn newest(self) -> (u16, u16) {
        match self {
            Self::Upstream => (1, 0),
            Self::Calico => (3, 31),
            Self::Cilium => (1, 20),
        }
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
        Self::versioned(plugin, plugin.newest())
    }

    fn versioned(plugin: Plugin, version: (u16, u16)) -> Self {
        let profile = match plugin {
            Plugin::Upstream | Plugin::Calico => Profile::default(),
            // K-21, K-60.
            Plugin::Cilium => Profile {
                blocks_match_pods: false,
                blocks_match_nodes: false,
                own_node_can_be_denied: true,
                ..Profile::default()
            },
        };
        Self { plugin, version, profile }
    }

    /// What the manifests imply: a plugin whose own kinds are there, if it is only one.
    pub fn implied(policies: &[k8s::Policy], cluster: &Cluster) -> Option<Self> {
        let mut plugins: Vec<Plugin> = policies.iter().filter_map(|policy| policy.plugin()).collect();
        plugins.extend((!cluster.calico.is_empty()).then_some(Plugin::Calico));
        plugins.sort_unstable();
        plugins.dedup();
        match plugins.as_slice() {
            [only] => Some(Self::of(*only)),
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
        let plugin = Plugin::ALL.into_iter().find(|plugin| plugin.name() == name).ok_or_else(|| {
            let names = Plugin::ALL.map(Plugin::name).join("`, `");
            format!("`{name}` is no network plugin that npv knows; it knows `auto`, `{names}`")
        })?;
        let Some(version) = version else { return Ok(Self::of(plugin)) };
        let mut numbers = version.trim_start_matches('v').split('.').map(str::parse::<u16>);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(major)), Some(Ok(minor))) => Ok(Self::versioned(plugin, (major, minor))),
            _ => Err(format!(
                "`{version}` is no version; write `{name}@{}.{}`",
                plugin.newest().0,
                plugin.newest().1
            )),
        }
    }

    /// As it is written on a command line: `cilium@1.20`, `upstream`.
    pub fn written(&self) -> String {
        match self.plugin {
            Plugin::Upstream => self.plugin.name().to_owned(),
            plugin => format!("{}@{}.{}", plugin.name(), self.version.0, self.version.1),
        }
    }

    /// Whether it is at least this version.
    pub fn since(&self, major: u16, minor: u16) -> bool {
        self.version >= (major, minor)
    }
}

/// `cilium 1.20`; `upstream` without a version.
impl fmt::Display for Cni {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.plugin {
            Plugin::Upstream => f.write_str(self.plugin.name()),
            plugin => write!(f, "{} {}.{}", plugin.name(), self.version.0, self.version.1),
        }
    }
}
