//! What is installed in a cluster and tells which network plugin it is: objects with telling names, and their
//! settings.

use crate::policy::ObjectRef;
use crate::source::Span;
use crate::yaml::Node;

/// An object that tells of the network plugin.
#[derive(Clone, Debug, PartialEq)]
pub struct Sign {
    /// The object.
    pub object: ObjectRef,
    /// Where its name is written.
    pub span: Span,
    /// What it sets, in the order of the text.
    pub settings: Vec<Setting>,
}

/// A setting of such an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// What is set: a key of a ConfigMap's data, `container`, `image`, `arg`, `env NAME`, or the path of a field.
    pub key: Box<str>,
    /// What it is set to.
    pub value: Box<str>,
    /// Where the value is written.
    pub span: Span,
}

/// ConfigMaps and DaemonSets with telling names.
const CONFIG_MAPS: &[&str] = &[
    "cilium-config",
    "eni-config",
    "canal-config",
    "calico-config",
    "antrea-config",
    "antrea-agent-config",
    "kube-flannel-cfg",
    "amazon-vpc-cni",
    "kube-router-cfg",
    "ovnkube-config",
    "azure-npm-config",
];
const DAEMON_SETS: &[&str] = &[
    "cilium",
    "anetd",
    "azure-cns",
    "terway",
    "terway-eni",
    "terway-eniip",
    "canal",
    "rke2-canal",
    "calico-node",
    "antrea-agent",
    "ovnkube-node",
    "kube-ovn-cni",
    "azure-npm",
    "kube-router",
    "weave-net",
    "kindnet",
    "kube-network-policies",
    "aws-node",
    "kube-flannel-ds",
];

/// Other kinds, each with its group and the fields that tell.
const FIELDS: &[(&str, &str, &[&[&str]])] = &[
    ("operator.tigera.io", "Installation", &[&["spec", "cni", "type"], &["spec", "variant"]]),
    ("operator.openshift.io", "Network", &[&["spec", "defaultNetwork", "type"]]),
    ("config.openshift.io", "Network", &[&["spec", "networkType"]]),
    ("eks.amazonaws.com", "NodeClass", &[&["spec", "networkPolicy"]]),
];

impl Sign {
    /// What an object tells; `None` where it tells nothing. Never fails: what is wrong with the object, its decoding
    /// reports.
    pub fn of(api_version: &str, kind: &str, node: &Node, default_namespace: &str) -> Option<Self> {
        let group = api_version.rsplit_once('/').map_or("", |(group, _)| group);
        let metadata = node.get("metadata")?;
        let name_node = metadata.get("name")?;
        let name = name_node.as_str()?;
        let (group, kind, settings) = match (group, kind) {
            ("", "ConfigMap") if CONFIG_MAPS.contains(&name) => ("", "ConfigMap", data(node)),
            ("apps" | "extensions", "DaemonSet") if DAEMON_SETS.contains(&name) => {
                ("apps", "DaemonSet", containers(node))
            }
            _ => {
                let (group, kind, fields) =
                    FIELDS.iter().find(|(own, wanted, _)| (*own, *wanted) == (group, kind))?;
                let settings = fields.iter().filter_map(|path| field(node, path)).collect();
                (*group, *kind, settings)
            }
        };
        let namespaced = matches!(kind, "ConfigMap" | "DaemonSet");
        let namespace = metadata.get("namespace").and_then(Node::as_str).unwrap_or(default_namespace);
        let object =
            ObjectRef { group, kind, namespace: namespaced.then(|| namespace.into()), name: name.into() };
        Some(Self { object, span: name_node.span, settings })
    }

    /// What a key is set to, the first where it is set more than once.
    pub fn get(&self, key: &str) -> Option<&Setting> {
        self.settings.iter().find(|setting| &*setting.key == key)
    }

    /// Whether a key is set to a value.
    pub fn says(&self, key: &str, value: &str) -> Option<&Setting> {
        self.settings.iter().find(|setting| &*setting.key == key && &*setting.value == value)
    }

    /// The value of a switch among the arguments: `--NAME=VALUE`, or `true` for the bare `--NAME`.
    pub fn switch(&self, name: &str) -> Option<(&str, &Setting)> {
        self.settings.iter().filter(|setting| &*setting.key == "arg").find_map(|setting| {
            let rest = setting.value.strip_prefix("--")?.strip_prefix(name)?;
            match rest.strip_prefix('=') {
                Some(value) => Some((value, setting)),
                None => rest.is_empty().then_some(("true", setting)),
            }
        })
    }

    /// The tag of an image whose name ends so.
    pub fn tag(&self, image: &str) -> Option<&str> {
        let images = self.settings.iter().filter(|setting| &*setting.key == "image");
        images.into_iter().find_map(|setting| {
            let whole = setting.value.split('@').next().unwrap_or_default();
            let (name, tag) = whole.rsplit_once(':')?;
            (name.ends_with(image) && !tag.contains('/')).then_some(tag)
        })
    }
}

/// A value as text, whatever it is written as.
fn text(node: &Node) -> Option<Box<str>> {
    match node.as_str() {
        Some(text) => Some(text.into()),
        None => match (node.as_bool(), node.as_int()) {
            (Some(flag), _) => Some(flag.to_string().into()),
            (_, Some(number)) => Some(number.to_string().into()),
            _ => None,
        },
    }
}

fn setting(key: impl Into<Box<str>>, node: &Node) -> Option<Setting> {
    Some(Setting { key: key.into(), value: text(node)?, span: node.span })
}

fn data(node: &Node) -> Vec<Setting> {
    let data = node.get("data").map_or(&[][..], Node::entries);
    data.iter().filter_map(|entry| setting(entry.key.clone(), &entry.value)).collect()
}

fn field(node: &Node, path: &[&str]) -> Option<Setting> {
    let found = path.iter().try_fold(node, |node, name| node.get(name))?;
    setting(path.join("."), found)
}

fn containers(node: &Node) -> Vec<Setting> {
    let spec = ["spec", "template", "spec", "containers"].iter().try_fold(node, |node, name| node.get(name));
    let mut settings = Vec::new();
    for container in spec.map_or(&[][..], Node::items) {
        let mut add =
            |key: String, node: Option<&Node>| settings.extend(node.and_then(|node| setting(key, node)));
        add("container".to_owned(), container.get("name"));
        add("image".to_owned(), container.get("image"));
        for list in ["command", "args"] {
            for item in container.get(list).map_or(&[][..], Node::items) {
                add("arg".to_owned(), Some(item));
            }
        }
        for variable in container.get("env").map_or(&[][..], Node::items) {
            if let Some(name) = variable.get("name").and_then(Node::as_str) {
                add(format!("env {name}"), variable.get("value"));
            }
        }
    }
    settings
}
