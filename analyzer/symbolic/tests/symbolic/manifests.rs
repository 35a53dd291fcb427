//! Policies from manifests. The dialects of the ordered tiers are written down as NetworkPolicies whose
//! names say the rest: `admin-10-deny-NAME` and `baseline-10-allow-NAME`.

use npv_models::cluster::{Builder, Cluster, Inventory};
use npv_models::cni::Cni;
use npv_models::dialect;
use npv_models::k8s::Decoder;
use npv_models::policy::{Action, Policy, PolicySet, Priority, Tier};
use npv_models::source::SourceId;
use npv_models::yaml;
use npv_symbolic::encode::{PolicyId, RuleId};
use npv_symbolic::lint::Cause;
use npv_worlds::words;

pub(crate) struct Manifests {
    pub(crate) cluster: Cluster,
    pub(crate) policies: PolicySet,
}

impl Manifests {
    pub(crate) fn read(text: &str) -> Self {
        let mut objects = Builder::new();
        let decoder = Decoder::new("default");
        yaml::read_each(SourceId(0), text, 0, |node| {
            let decoded = decoder.decode(&node);
            assert!(decoded.findings.is_empty(), "{:?}", decoded.findings);
            objects.add(decoded.object.unwrap());
        });
        let Inventory { cluster, policies, .. } = objects.finish();
        let all = dialect::lower(&policies, &cluster, &Cni::default());
        let mut tiers = [Vec::new(), Vec::new(), Vec::new()];
        for (_, _, policy) in all.policies() {
            let mut policy = policy.clone();
            let name = policy.object.name.clone();
            let parts: Vec<&str> = name.split('-').collect();
            let (tier, action) = match parts[..] {
                ["admin", priority, action, ..] => {
                    policy.priority = Priority::number(priority.parse().unwrap());
                    (0, Some(action))
                }
                ["baseline", priority, action, ..] => {
                    policy.priority = Priority::number(priority.parse().unwrap());
                    (2, Some(action))
                }
                _ => (1, None),
            };
            let action = match action {
                Some("deny") => Action::Deny,
                Some("pass") => Action::Pass,
                _ => Action::Allow,
            };
            for rule in [&mut policy.ingress, &mut policy.egress].into_iter().flatten().flatten() {
                rule.action = action;
            }
            tiers[tier].push(policy);
        }
        let [admin, network, baseline] = tiers;
        let ordered = |name: &str, mut policies: Vec<Policy>| -> Tier {
            policies.sort_by(|a, b| a.priority.cmp(&b.priority));
            words::ordered(name, policies)
        };
        let tiers = vec![ordered("Admin", admin), words::union(network), ordered("Baseline", baseline)];
        Self { cluster, policies: words::tiers(tiers) }
    }

    pub(crate) fn policy(&self, id: PolicyId) -> String {
        id.of(&self.policies).unwrap().1.object.name.to_string()
    }

    /// `name ingress 0`
    pub(crate) fn rule(&self, id: RuleId) -> String {
        format!("{} {} {}", self.policy(id.policy), id.direction, id.rule)
    }

    pub(crate) fn causes(&self, causes: &[Cause]) -> String {
        let texts = causes.iter().map(|cause| match cause {
            Cause::Rule(id) => self.rule(*id),
            Cause::Isolation(id) => format!("{} isolates", self.policy(*id)),
        });
        texts.collect::<Vec<_>>().join(", ")
    }
}
