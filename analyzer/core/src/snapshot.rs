//! Everything that was read from one set of manifests.

use std::collections::BTreeMap;

use npv_models::cluster::Cluster;
use npv_models::decide::Profile;
use npv_models::diagnostic::Finding;
use npv_models::policy::PolicySet;
use npv_models::source::SourceMap;

/// A set of manifests, read, validated and lowered.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// The texts.
    pub sources: SourceMap,
    /// Who is there.
    pub cluster: Cluster,
    /// What is allowed.
    pub policies: PolicySet,
    /// Choices that the API leaves to the network plugin.
    pub profile: Profile,
    /// What reading found wrong, sorted by position.
    pub findings: Vec<Finding>,
    /// How many objects of each `apiVersion/Kind` were there, those without meaning to npv included.
    pub kinds: BTreeMap<String, usize>,
}

impl Snapshot {
    /// Whether nothing was left out: no input was unreadable or of a kind that npv does not model.
    pub fn complete(&self) -> bool {
        !self.findings.iter().any(|finding| finding.incomplete)
    }
}
