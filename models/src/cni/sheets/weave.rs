//! Weave Net, which is archived.

use super::super::Plugin;
use super::super::sheet::Confidence::{High, Medium};
use super::super::sheet::{NamedPorts, Sheet, Since, done, told};

pub(super) static SHEET: Sheet = Sheet {
    name: "weave",
    title: "Weave Net",
    aliases: &["weave-net"],
    plugin: Plugin::Weave,
    end_port: Since::Never,
    named_ports: NamedPorts::VoidPolicy,
    own_node_open: true,
    facts: &[
        done("P-12", High, "`endPort` is ignored: only `port` opens", "weaveworks/weave npc/analyser.go"),
        done(
            "P-15",
            High,
            "a policy that names a port is refused: its pods are not even isolated",
            "weaveworks/weave npc/analyser.go, namespace.go",
        ),
        done("P-21", High, "selectors do not see pods on the host network", "weaveworks/weave npc"),
        done("P-23", Medium, "a pod always reaches its own node", "weaveworks/weave prog/weave-npc/main.go"),
        told("P-27", High, "multicast always passes", "weaveworks/weave npc"),
    ],
    ..Sheet::API
};
