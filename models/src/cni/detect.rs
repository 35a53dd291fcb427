//! Which network plugin a cluster has, from what is installed in it.

use super::sheet::Traits;
use super::sign::{Setting, Sign};
use super::{Cni, named, own_to, read_version};
use crate::cluster::Cluster;
use crate::k8s;
use crate::policy::{ObjectRef, Profile};
use crate::source::Span;
use crate::space::Truth;

/// Something that has been seen, and what it means.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// The object in which it stands.
    pub object: ObjectRef,
    /// What is there, in words that follow the object's name: `runs Cilium 1.15`.
    pub says: Box<str>,
    /// Where.
    pub span: Span,
}

/// What has been found out.
#[derive(Clone, Debug, PartialEq)]
pub struct Detected {
    /// The plugin.
    pub cni: Cni,
    /// What tells so, in the order in which it has been looked at; what contradicts each other where the plugin is
    /// `upstream`; nothing where nothing is there.
    pub evidence: Vec<Evidence>,
}

/// What has been seen of one plugin.
struct Found<'s> {
    cni: Cni,
    evidence: Vec<Evidence>,
    /// The plugins under it, whose network it uses.
    above: &'static [&'static str],
    signs: Vec<&'s Sign>,
}

impl Cni {
    /// The plugin that the manifests show: first by what is installed, then by whose policies are there. Where what
    /// is installed contradicts itself, or nothing tells, it is what the API says.
    pub fn detect(signs: &[Sign], policies: &[k8s::Policy], cluster: &Cluster) -> Detected {
        let mut found: Vec<Found<'_>> = STEPS.iter().filter_map(|step| step(signs)).collect();
        // Whose network another one uses enforces nothing by itself.
        let under: Vec<&str> = found.iter().flat_map(|found| found.above).copied().collect();
        if found.len() > 1 {
            found.retain(|found| !under.contains(&found.cni.name));
        }
        if found.len() > 1 {
            let evidence = found.into_iter().flat_map(|found| found.evidence.into_iter().take(1)).collect();
            return Detected { cni: Self::default(), evidence };
        }
        if let Some(Found { mut cni, evidence, signs, .. }) = found.pop() {
            let first = signs.first().map(|sign| Box::new((sign.object.clone(), sign.span)));
            cni.shown = first;
            return Detected { cni, evidence };
        }
        let Some(mut cni) = Self::implied(policies, cluster) else {
            return Detected { cni: Self::default(), evidence: Vec::new() };
        };
        let own = policies.iter().find(|policy| own_to(policy).is_some());
        let evidence = own.map(|policy| {
            let meta = policy.meta();
            let namespace = (!meta.namespace.is_empty()).then(|| meta.namespace.clone());
            Evidence {
                object: ObjectRef {
                    group: policy.group(),
                    kind: policy.kind(),
                    namespace,
                    name: meta.name.value.clone(),
                },
                says: format!("is of a kind of {}'s own", cni.sheet().title).into(),
                span: meta.name.span,
            }
        });
        cni.shown = evidence.as_ref().map(|seen| Box::new((seen.object.clone(), seen.span)));
        Detected { cni, evidence: evidence.into_iter().collect() }
    }
}

/// How one plugin is found.
type Step = fn(&[Sign]) -> Option<Found<'_>>;

/// One line for each plugin, in the order of looking.
const STEPS: &[Step] = &[
    cilium,
    terway,
    canal,
    calico,
    antrea,
    ovn_kubernetes,
    kube_ovn,
    azure_npm,
    kube_router,
    weave,
    kindnet,
    kube_network_policies,
    aws,
    flannel,
];

fn find<'s>(signs: &'s [Sign], kind: &str, names: &[&str]) -> Option<&'s Sign> {
    signs.iter().find(|sign| sign.object.kind == kind && names.contains(&&*sign.object.name))
}

fn config_map<'s>(signs: &'s [Sign], name: &str) -> Option<&'s Sign> {
    find(signs, "ConfigMap", &[name])
}

fn daemon_set<'s>(signs: &'s [Sign], names: &[&str]) -> Option<&'s Sign> {
    find(signs, "DaemonSet", names)
}

impl<'s> Found<'s> {
    /// A plugin that some objects show; `None` where there are none.
    fn of(name: &'static str, signs: impl IntoIterator<Item = Option<&'s Sign>>) -> Option<Self> {
        let signs: Vec<&Sign> = signs.into_iter().flatten().collect();
        let sheet = named(name)?;
        let evidence = signs.iter().map(|sign| Evidence {
            object: sign.object.clone(),
            says: format!("is part of {}", sheet.title).into(),
            span: sign.span,
        });
        let evidence: Vec<Evidence> = evidence.collect();
        (!signs.is_empty()).then(|| Self { cni: Cni::as_in(sheet), evidence, above: &[], signs })
    }

    fn see(&mut self, sign: &Sign, setting: &Setting, says: String) {
        let object = sign.object.clone();
        self.evidence.push(Evidence { object, says: says.into(), span: setting.span });
    }

    /// Takes the version from the tag of an image.
    fn version(&mut self, image: &str) {
        let tag = self.signs.iter().find_map(|sign| sign.tag(image));
        if let (Some(version), Some(sheet)) = (tag.and_then(read_version), named(self.cni.name)) {
            self.cni = Cni::versioned(sheet, version);
        }
    }

    /// Policies are switched off.
    fn off(&mut self) {
        self.cni.traits = self.cni.traits.off();
    }

    fn above(mut self, plugins: &'static [&'static str]) -> Self {
        self.above = plugins;
        self
    }
}

fn cilium(signs: &[Sign]) -> Option<Found<'_>> {
    let config = config_map(signs, "cilium-config");
    let agent = daemon_set(signs, &["cilium"]);
    let (google, azure) = (daemon_set(signs, &["anetd"]), daemon_set(signs, &["azure-cns"]));
    let name = match (google, azure, agent.or(config)) {
        (Some(_), ..) => "gke-dataplane-v2",
        (_, Some(_), Some(_)) => "azure-cilium",
        _ => "cilium",
    };
    let mut found = Found::of(name, [google, agent, config])?.above(&["aws-vpc-cni", "flannel", "azure-npm"]);
    found.version("/cilium");
    let Some(config) = config else { return Some(found) };
    let is = |key: &str, value: &str| config.says(key, value);
    for (key, value) in
        [("enable-policy", "never"), ("enable-k8s-networkpolicy", "false"), ("policy-audit-mode", "true")]
    {
        let Some(setting) = is(key, value) else { continue };
        let what = if key == "enable-k8s-networkpolicy" { "NetworkPolicies" } else { "policies" };
        found.see(config, setting, format!("has `{key}: {value}`, which switches {what} off"));
        if key == "enable-k8s-networkpolicy" {
            found.cni.traits.network_policy = Truth::No;
        } else {
            found.off();
        }
    }
    if let Some(setting) = is("enable-policy", "always") {
        found.see(config, setting, "has `enable-policy: always`, which isolates every pod".to_owned());
        found.cni.isolates = found.evidence.last().cloned().map(Box::new);
    }
    if let Some(setting) = is("enable-sctp", "true") {
        found.see(config, setting, "has `enable-sctp: true`".to_owned());
        found.cni.traits.sctp = Truth::Yes;
    }
    if let Some(setting) = is("enable-k8s-cluster-network-policy", "true") {
        found.see(config, setting, "has `enable-k8s-cluster-network-policy: true`".to_owned());
        found.cni.traits.cluster = found.cni.since(1, 20).into();
    }
    let mode = config.get("policy-cidr-match-mode").filter(|mode| mode.value.contains("nodes"));
    if let (Some(setting), true) = (mode, found.cni.since(1, 15)) {
        found.see(config, setting, "has `policy-cidr-match-mode: nodes`".to_owned());
        found.cni.profile = Profile { blocks_match_nodes: true, ..found.cni.profile };
    }
    Some(found)
}

fn terway(signs: &[Sign]) -> Option<Found<'_>> {
    let config = config_map(signs, "eni-config");
    let config = config.filter(|config| conflist(config).is_some());
    let agent = daemon_set(signs, &["terway-eniip", "terway-eni", "terway"]);
    let shown = conflist(config.or(agent)?);
    let has = |text: &str| shown.is_some_and(|setting| setting.value.to_lowercase().contains(text));
    // The text is JSON; these words mean nothing else in it.
    let data_path = has("\"datapathv2\"") || has("\"ebpf\"");
    let mut found = Found::of(if data_path { "terway" } else { "terway-veth" }, [agent, config])?;
    let exclusive = agent.is_some_and(|agent| &*agent.object.name == "terway-eni");
    let switch = config.and_then(|config| config.get("disable_network_policy"));
    match (config, switch) {
        (Some(config), Some(setting)) if &*setting.value == "false" && !exclusive => {
            found.see(config, setting, "has `disable_network_policy: false`".to_owned());
        }
        (Some(config), Some(setting)) => {
            found.see(config, setting, format!("has `disable_network_policy: {}`", setting.value));
            found.off();
        }
        // The chart's default.
        _ => found.off(),
    }
    Some(found)
}

/// The plugin's own configuration in Terway's ConfigMap.
fn conflist(config: &Sign) -> Option<&Setting> {
    config.get("10-terway.conf").or_else(|| config.get("10-terway.conflist"))
}

fn canal(signs: &[Sign]) -> Option<Found<'_>> {
    let agent = daemon_set(signs, &["canal", "rke2-canal"]);
    let mut found = Found::of("canal", [agent, config_map(signs, "canal-config")])?;
    found.version("/node");
    Some(found.above(&["flannel", "calico"]))
}

fn calico(signs: &[Sign]) -> Option<Found<'_>> {
    let installation = signs.iter().find(|sign| sign.object.kind == "Installation");
    let agent = daemon_set(signs, &["calico-node"]);
    let mut found = Found::of("calico", [agent, config_map(signs, "calico-config"), installation])?;
    found.version("/node");
    if let Some((sign, setting)) = installation.and_then(|sign| Some((sign, sign.get("spec.cni.type")?))) {
        found.see(sign, setting, format!("has `spec.cni.type: {}`", setting.value));
    }
    Some(found.above(&["flannel", "aws-vpc-cni", "azure-npm"]))
}

fn antrea(signs: &[Sign]) -> Option<Found<'_>> {
    let agent = daemon_set(signs, &["antrea-agent"]);
    let config = config_map(signs, "antrea-config");
    let mut found = Found::of("antrea", [agent, config])?;
    for image in ["/antrea-agent-ubuntu", "/antrea-ubuntu", "/antrea-agent-ubi", "/antrea-ubi"] {
        found.version(image);
    }
    // A gate is a line of the text: `  AdminNetworkPolicy: true`.
    let gate = |gate: &str| {
        let config = config?;
        let holds = |setting: &&Setting| {
            setting.value.lines().any(|line| {
                let words: Vec<&str> = line.split_whitespace().collect();
                matches!(words.as_slice(), [name, "true", ..] if name.strip_suffix(':') == Some(gate))
            })
        };
        Some((config, config.settings.iter().find(holds)?))
    };
    let admin = gate("AdminNetworkPolicy");
    let cluster = gate("ClusterNetworkPolicy");
    for (name, gate) in [("AdminNetworkPolicy", admin), ("ClusterNetworkPolicy", cluster)] {
        if let Some((config, setting)) = gate {
            found.see(config, setting, format!("opens the gate `{name}`"));
        }
    }
    let traits = found.cni.traits;
    found.cni.traits = Traits { admin: admin.is_some().into(), cluster: cluster.is_some().into(), ..traits };
    Some(found.above(&["aws-vpc-cni", "flannel", "azure-npm"]))
}

fn ovn_kubernetes(signs: &[Sign]) -> Option<Found<'_>> {
    let says = |sign: &&Sign| {
        sign.object.kind == "Network"
            && ["spec.defaultNetwork.type", "spec.networkType"]
                .iter()
                .any(|key| sign.says(key, "OVNKubernetes").is_some())
    };
    let network = signs.iter().find(says);
    Found::of(
        "ovn-kubernetes",
        [daemon_set(signs, &["ovnkube-node"]), config_map(signs, "ovnkube-config"), network],
    )
}

/// A plugin with one DaemonSet, whose policies one switch turns off.
fn switched<'s>(name: &'static str, signs: [Option<&'s Sign>; 2], switch: &str) -> Option<Found<'s>> {
    let mut found = Found::of(name, signs)?;
    let [agent, _] = signs;
    if let Some((agent, (value, setting))) = agent.and_then(|agent| Some((agent, agent.switch(switch)?))) {
        found.see(agent, setting, format!("has `--{switch}={value}`"));
        if value == "false" {
            found.off();
        }
    }
    Some(found)
}

fn kube_ovn(signs: &[Sign]) -> Option<Found<'_>> {
    switched("kube-ovn", [daemon_set(signs, &["kube-ovn-cni"]), None], "enable-np")
}

fn azure_npm(signs: &[Sign]) -> Option<Found<'_>> {
    let agent = daemon_set(signs, &["azure-npm"]);
    Found::of("azure-npm", [agent, config_map(signs, "azure-npm-config")])
}

fn kube_router(signs: &[Sign]) -> Option<Found<'_>> {
    let agent = daemon_set(signs, &["kube-router"]);
    let found = switched("kube-router", [agent, config_map(signs, "kube-router-cfg")], "run-firewall")?;
    // Its firewall may be off because another one enforces.
    let off = !found.cni.traits.enforces();
    let others = [cilium, calico, antrea, weave];
    if off && others.iter().any(|other| other(signs).is_some()) {
        return None;
    }
    Some(found.above(&["flannel", "aws-vpc-cni"]))
}

fn weave(signs: &[Sign]) -> Option<Found<'_>> {
    let agent = daemon_set(signs, &["weave-net"]);
    let mut found = Found::of("weave", [agent])?;
    let controller = agent.and_then(|agent| agent.says("container", "weave-npc"));
    if controller.is_none() {
        found.off();
    }
    Some(found)
}

fn kindnet(signs: &[Sign]) -> Option<Found<'_>> {
    Found::of("kindnet", [daemon_set(signs, &["kindnet"])])
        .map(|found| found.above(&["kube-network-policies"]))
}

fn kube_network_policies(signs: &[Sign]) -> Option<Found<'_>> {
    let own = daemon_set(signs, &["kube-network-policies"]);
    let beside = daemon_set(signs, &["kube-flannel-ds"])
        .filter(|flannel| flannel.says("container", "kube-network-policies").is_some());
    Found::of("kube-network-policies", [own, beside]).map(|found| found.above(&["flannel", "aws-vpc-cni"]))
}

fn aws(signs: &[Sign]) -> Option<Found<'_>> {
    let agent = daemon_set(signs, &["aws-node"]);
    let config = config_map(signs, "amazon-vpc-cni");
    let class = signs.iter().find(|sign| sign.object.kind == "NodeClass");
    let mut found = Found::of("aws-vpc-cni", [agent, config, class])?;
    found.version("/amazon-k8s-cni");
    let controller =
        config.and_then(|config| Some((config, config.get("enable-network-policy-controller")?)));
    let agent_switch = agent.and_then(|agent| Some((agent, agent.switch("enable-network-policy")?)));
    let mut on = false;
    if let Some((config, setting)) = controller {
        found.see(config, setting, format!("has `enable-network-policy-controller: {}`", setting.value));
        on |= &*setting.value == "true";
    }
    if let Some((agent, (value, setting))) = agent_switch {
        found.see(agent, setting, format!("has `--enable-network-policy={value}`"));
        on |= value == "true";
    }
    if !on {
        found.off();
    }
    let strict =
        agent.and_then(|agent| Some((agent, agent.says("env NETWORK_POLICY_ENFORCING_MODE", "strict")?)));
    let denied = class.and_then(|class| Some((class, class.says("spec.networkPolicy", "DefaultDeny")?)));
    if let Some((sign, setting)) = strict.or(denied) {
        found.see(sign, setting, format!("has `{}`, which isolates every pod", setting.value));
        if on {
            found.cni.isolates = found.evidence.last().cloned().map(Box::new);
        }
    }
    Some(found)
}

fn flannel(signs: &[Sign]) -> Option<Found<'_>> {
    let agent = daemon_set(signs, &["kube-flannel-ds"]);
    Found::of("flannel", [agent, config_map(signs, "kube-flannel-cfg")])
}
