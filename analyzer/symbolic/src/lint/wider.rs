//! `wider-than-intended`.

use npv_models::cluster::GroupId;
use npv_models::policy::{Action, NamespaceSelector, PeerMatch, PodSelector};

use super::blocks::listed;
use super::{Fact, Study};

impl Study<'_> {
    /// S-13: neighbours of which one selects only namespaces and one only pods, that as one item would
    /// match a pod of the manifests.
    pub(super) fn wider_than_intended(&mut self) {
        for (layer, tier) in self.tiers() {
            for (rule, content) in self.rules(layer, tier) {
                if content.action != Action::Allow {
                    continue;
                }
                for (first, pair) in listed(&content.peers).windows(2).enumerate() {
                    let [one, other] = pair else { continue };
                    if let Some(fact) = self.pair(rule, first, [&one.matches, &other.matches]) {
                        self.facts.push(fact);
                    }
                }
            }
        }
    }

    fn pair(&self, rule: crate::encode::RuleId, first: usize, peers: [&PeerMatch; 2]) -> Option<Fact> {
        let [PeerMatch::Pods(one), PeerMatch::Pods(other)] = peers else { return None };
        let (namespaces, pods) = match (only_namespaces(one), only_pods(other)) {
            (true, true) => (one, other),
            _ if only_namespaces(other) && only_pods(one) => (other, one),
            _ => return None,
        };
        let both = PodSelector { namespaces: namespaces.namespaces.clone(), pods: pods.pods.clone() };
        let selects = |selector: &PodSelector, group: &npv_models::cluster::PodGroup| {
            self.selects(rule.policy, selector, group)
        };
        let groups = |wanted: &dyn Fn(&npv_models::cluster::PodGroup) -> bool| -> Vec<GroupId> {
            let groups = (0..).zip(&self.input.cluster.groups);
            groups.filter(|(_, group)| wanted(group)).map(|(id, _)| GroupId(id)).collect()
        };
        let meant = groups(&|group| selects(&both, group));
        if meant.is_empty() {
            return None;
        }
        let beyond =
            groups(&|group| (selects(namespaces, group) || selects(pods, group)) && !selects(&both, group));
        Some(Fact::WiderThanIntended { rule, first, meant, beyond })
    }
}

/// Selects namespaces by labels and says nothing of pods.
fn only_namespaces(selector: &PodSelector) -> bool {
    matches!(selector.namespaces, NamespaceSelector::Labels(_)) && selector.pods.is_everything()
}

/// Selects some pods of the policy's own namespace.
fn only_pods(selector: &PodSelector) -> bool {
    matches!(selector.namespaces, NamespaceSelector::Named(_)) && !selector.pods.is_everything()
}
