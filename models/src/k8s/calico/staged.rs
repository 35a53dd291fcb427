//! What is staged and not enforced: actions, and StagedKubernetesNetworkPolicy (C-80).

use super::super::meta::Root;
use super::super::read::{Path, Reader, fault};
use super::super::{NetworkPolicy, Object, Policy, network_policy};
use super::Form;
use super::text::choice;
use crate::yaml::Entry;

/// What would become of a staged policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StagedAction {
    /// It would be enforced, in place of the policy of its name.
    #[default]
    Set,
    /// The policy of its name would be deleted.
    Delete,
    /// Something else is to decide.
    Learn,
    /// Nothing.
    Ignore,
}

/// A StagedKubernetesNetworkPolicy.
#[derive(Clone, Debug, PartialEq)]
pub struct StagedKubernetesPolicy {
    /// What would become of it.
    pub action: StagedAction,
    /// The policy that it would be.
    pub policy: NetworkPolicy,
}

/// Reads `stagedAction`, which is `Set` where it is left out.
pub(super) fn read_action(reader: &mut Reader<'_>, path: &Path<'_>, entry: Option<&Entry>) -> StagedAction {
    const ACTIONS: [(&str, StagedAction); 4] = [
        ("Set", StagedAction::Set),
        ("Delete", StagedAction::Delete),
        ("Learn", StagedAction::Learn),
        ("Ignore", StagedAction::Ignore),
    ];
    let entry = entry.filter(|entry| entry.value.as_str() != Some(""));
    entry.and_then(|entry| choice(reader, path, &entry.value, "staged actions", &ACTIONS)).unwrap_or_default()
}

/// A policy that is to be deleted says nothing but its tier.
pub(super) fn check_deletion<'n>(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    action: Option<&Entry>,
    others: impl Iterator<Item = &'n Entry>,
) {
    for other in others {
        let message = format!("`{}` must not stand beside `stagedAction: Delete`", other.key);
        let finding = fault("invalid-policy", &path.field(&other.key), other.key_span, message);
        let finding = finding.help("a policy that stages a deletion has nothing but its tier");
        reader.report(match action {
            Some(action) => finding.related(action.value.span, "the deletion"),
            None => finding,
        });
    }
}

pub(super) fn decode(reader: &mut Reader<'_>, root: Root<'_>, form: Form) -> Object {
    let path = Path::Root.field("spec");
    let action = root
        .spec
        .and_then(|spec| spec.value.entries().iter().rev().find(|entry| &*entry.key == "stagedAction"));
    let staged =
        read_action(reader, &path.field("stagedAction"), action.filter(|action| !action.value.is_null()));
    if staged == StagedAction::Delete && form == Form::Api {
        let entries = root.spec.map_or(&[][..], |spec| spec.value.entries());
        let others = entries.iter().filter(|entry| &*entry.key != "stagedAction" && !entry.value.is_null());
        check_deletion(reader, &path, action, others);
    }
    let policy = network_policy::read(reader, root, &["stagedAction"]);
    Object::Policy(Policy::StagedKubernetes(Box::new(StagedKubernetesPolicy { action: staged, policy })))
}
