//! The network plugin that an answer rests on.

use std::io::{self, Write};

use npv_models::source::SourceMap;
use serde::Serialize;

use super::{Place, value};
use crate::report::{Enforcer, Page};

/// The plugin as programs read it.
#[derive(Serialize)]
pub(in crate::report) struct PluginOf<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    /// Whether it enforces any policies.
    enforces: bool,
    /// Whether somebody has named it; otherwise it is what the manifests show.
    named: bool,
    seen: Vec<Seen<'a>>,
}

#[derive(Serialize)]
struct Seen<'a> {
    object: String,
    says: &'a str,
    at: Option<Place<'a>>,
}

impl<'a> PluginOf<'a> {
    pub(in crate::report) fn of(plugin: Enforcer<'a>, sources: &'a SourceMap) -> Self {
        let cni = plugin.cni;
        let version = cni.sheet().newest.map(|_| format!("{}.{}", cni.version.0, cni.version.1));
        let seen = plugin.evidence.iter().map(|one| Seen {
            object: one.object.to_string(),
            says: &one.says,
            at: Place::of(one.span, sources),
        });
        Self {
            name: cni.name,
            version,
            enforces: cni.traits.enforces(),
            named: plugin.named,
            seen: seen.collect(),
        }
    }
}

/// Writes the field of an answer.
pub(super) fn write(plugin: Enforcer<'_>, sources: &SourceMap, page: &mut Page<'_>) -> io::Result<()> {
    write!(page, "\"cni\": ")?;
    value(page, &PluginOf::of(plugin, sources))?;
    writeln!(page, ",")
}
