//! Policies as if those that are staged were enforced (C-80).

use crate::k8s::{CalicoKind, CalicoPolicy, Policy, StagedAction};

/// What tells a policy from others: whether it is Kubernetes', whether it is in a namespace, which, and its name there.
type Identity = (bool, bool, Box<str>, Box<str>);

fn of_calico(policy: &CalicoPolicy) -> Identity {
    (false, policy.kind.is_global(), policy.meta.namespace.clone(), policy.stored.as_str().into())
}

fn of_kubernetes(meta: &crate::k8s::Meta) -> Identity {
    (true, false, meta.namespace.clone(), meta.name.value.clone())
}

/// The policies after each staged one has been done what it asks for: it takes the place of the policy of its name, or
/// deletes it. Nothing becomes of those that ask for neither.
pub(super) fn enforced(policies: Vec<Policy>) -> Vec<Policy> {
    let mut staged = Vec::new();
    let mut enforced: Vec<(Option<Identity>, Policy)> = Vec::with_capacity(policies.len());
    for policy in policies {
        match policy {
            Policy::Calico(policy) if policy.staged.is_some() => staged.push(Policy::Calico(policy)),
            Policy::StagedKubernetes(policy) => staged.push(Policy::StagedKubernetes(policy)),
            Policy::Calico(policy) => enforced.push((Some(of_calico(&policy)), Policy::Calico(policy))),
            Policy::NetworkPolicy(policy) => {
                enforced.push((Some(of_kubernetes(&policy.meta)), Policy::NetworkPolicy(policy)));
            }
            other => enforced.push((None, other)),
        }
    }
    for policy in staged {
        let (identity, action, policy) = match policy {
            Policy::Calico(mut policy) => {
                let action = policy.staged.take();
                policy.kind = match policy.kind {
                    CalicoKind::StagedNetwork => CalicoKind::Network,
                    CalicoKind::StagedGlobal => CalicoKind::Global,
                    kind => kind,
                };
                (of_calico(&policy), action.unwrap_or_default(), Policy::Calico(policy))
            }
            Policy::StagedKubernetes(staged) => {
                let staged = *staged;
                let identity = of_kubernetes(&staged.policy.meta);
                (identity, staged.action, Policy::NetworkPolicy(Box::new(staged.policy)))
            }
            _ => continue,
        };
        let becomes = match action {
            StagedAction::Set => Some(policy),
            StagedAction::Delete => None,
            StagedAction::Learn | StagedAction::Ignore => continue,
        };
        enforced.retain(|(known, _)| known.as_ref() != Some(&identity));
        enforced.extend(becomes.map(|policy| (Some(identity), policy)));
    }
    enforced.into_iter().map(|(_, policy)| policy).collect()
}
