//! Whether two texts say the same.

use npv_models::decide::Profile;
use npv_models::k8s::{Decoder, Object};
use npv_models::policy::{Peers, Policy, PolicySet, PortItem, Ports, Rule};
use npv_models::source::{Origin, SourceMap};
use npv_symbolic::session::{Options, Search, Session};
use npv_symbolic::spec::Question;

use crate::load;

/// Whether two sets of policies are the same in everything but where they are written: then they have the
/// same answers in every cluster.
pub(super) fn same_policies(one: &PolicySet, other: &PolicySet) -> bool {
    let of = |set: &'_ PolicySet| set.policies().count();
    of(one) == of(other)
        && one.policies().zip(other.policies()).all(
            |((layer, tier, policy), (other_layer, other_tier, other))| {
                layer.name == other_layer.name && tier.name == other_tier.name && same_policy(policy, other)
            },
        )
}

fn same_policy(one: &Policy, other: &Policy) -> bool {
    let same = |left: &Option<Vec<Rule>>, right: &Option<Vec<Rule>>| match (left, right) {
        (Some(left), Some(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same_rule(left, right))
        }
        (None, None) => true,
        _ => false,
    };
    one.object == other.object
        && one.priority == other.priority
        && one.subject == other.subject
        && same(&one.ingress, &other.ingress)
        && same(&one.egress, &other.egress)
}

fn same_rule(one: &Rule, other: &Rule) -> bool {
    let peers = match (&one.peers, &other.peers) {
        (Peers::Anyone, Peers::Anyone) => true,
        (Peers::Listed(left), Peers::Listed(right)) => {
            left.iter().map(|peer| &peer.matches).eq(right.iter().map(|peer| &peer.matches))
        }
        _ => false,
    };
    let matches = |items: &[PortItem]| items.iter().map(|item| item.matches.clone()).collect::<Vec<_>>();
    let ports = match (&one.ports, &other.ports) {
        (Ports::All, Ports::All) => true,
        (Ports::Listed(left), Ports::Listed(right)) => matches(left) == matches(right),
        _ => false,
    };
    peers && ports && one.action == other.action
}

/// Proves that two sets of policies have the same answers in every cluster; says why not.
pub(super) fn same_verdicts(before: &PolicySet, after: &PolicySet, profile: Profile) -> Result<(), String> {
    // A rule that only a pod without known address needs is needed.
    let options = Options { unaddressed: true, ..Options::default() };
    let mut session = Session::new(&[before, after], profile, options, &[]);
    let bug = |error| format!("npv does not agree with itself: {error}");
    let difference = session.difference(0, 1, &Question::anything()).map_err(bug)?;
    let found = [(difference.opened, "open"), (difference.closed, "close")];
    found.into_iter().try_for_each(|(search, what)| proved(search, what))
}

/// What a search for a flow that a change opens or closes says of the change.
fn proved(search: Search, what: &str) -> Result<(), String> {
    match search {
        Search::Nothing => Ok(()),
        Search::Found(witness) => {
            let [src, dst] = witness.trace();
            Err(format!("in another cluster it could {what} a connection: {src} -> {dst}"))
        }
        Search::Unknown(why) => Err(format!("there is no proof that it changes no verdict: {why}")),
    }
}

/// Whether two texts hold the same objects besides policies.
pub(super) fn same_other_objects(one: &str, other: &str, namespace: &str) -> bool {
    others(one, namespace) == others(other, namespace)
}

fn others(text: &str, namespace: &str) -> Option<Vec<Object>> {
    let mut sources = SourceMap::default();
    sources.add("text", text, Origin::File).ok()?;
    let decoder = Decoder::new(namespace);
    let loaded = load::load_texts(sources, |node| decoder.decode(&node).object);
    let objects = loaded.objects.into_iter().flatten();
    Some(objects.filter(|object| !matches!(object, Object::Policy(_))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot;

    const TEXT: &str = "apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  policyTypes: [Ingress]
  ingress:
    - from: [{podSelector: {matchLabels: {app: web}}}]
      ports: [{protocol: TCP, port: 6543}]
    - from: [{podSelector: {matchLabels: {app: batch}}}]
---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: admin}
spec:
  tier: Admin
  priority: 10
  subject: {namespaces: {}}
  ingress:
    - action: Deny
      from: [{namespaces: {matchLabels: {team: a}}}]
  egress:
    - action: Deny
      to: [{networks: [10.0.0.0/8]}]
";

    fn policies(text: &str) -> PolicySet {
        snapshot::Snapshot::from_texts([("a.yaml", text)], &snapshot::Options::default()).unwrap().policies
    }

    #[test]
    fn policies_are_the_same_wherever_they_are_written_and_whatever_else_differs() {
        let before = policies(TEXT);
        let changed = |old: &str, new: &str| {
            let text = TEXT.replacen(old, new, 1);
            assert_ne!(text, TEXT, "{old}");
            !same_policies(&before, &policies(&text))
        };
        for (old, new) in [
            ("name: db", "name: bd"),
            ("app: db", "app: bd"),
            ("app: web", "app: bew"),
            ("port: 6543", "port: 6544"),
            ("      ports: [{protocol: TCP, port: 6543}]\n", ""),
            ("    - from: [{podSelector: {matchLabels: {app: batch}}}]\n", ""),
            ("    - from: [{podSelector: {matchLabels: {app: web}}}]\n      ports", "    - ports"),
            ("policyTypes: [Ingress]", "policyTypes: [Ingress, Egress]"),
            ("tier: Admin", "tier: Baseline"),
            ("priority: 10", "priority: 11"),
            ("namespaces: {}", "namespaces: {matchLabels: {team: b}}"),
            ("action: Deny", "action: Pass"),
            ("10.0.0.0/8", "10.0.0.0/9"),
        ] {
            assert!(changed(old, new), "{old} to {new}");
        }
        for one in TEXT.split("---\n") {
            assert!(!same_policies(&before, &policies(one)) && !same_policies(&policies(one), &before));
        }
        for (old, new) in [
            ("{protocol: TCP, port: 6543}", "{port: 6543}"),
            ("policyTypes: [Ingress]\n", "policyTypes: [\"Ingress\"] # by whom\n"),
            ("apiVersion", "# policies\napiVersion"),
        ] {
            assert!(!changed(old, new), "{old} to {new}");
        }
    }

    #[test]
    fn what_nobody_knows_is_no_proof() {
        assert_eq!(proved(Search::Nothing, "open"), Ok(()));
        let why = proved(Search::Unknown("too hard".to_owned()), "open");
        assert_eq!(why, Err("there is no proof that it changes no verdict: too hard".to_owned()));
    }

    #[cfg(feature = "z3")]
    #[test]
    fn what_opens_and_what_closes_in_another_cluster_is_said() {
        let (before, after) = (policies(TEXT), policies(&TEXT.replace("app: batch", "app: other")));
        let narrower = policies(&TEXT.replace(
            "    - from: [{podSelector: {matchLabels: {app: batch}}}]\n",
            "    - from: [{podSelector: {matchLabels: {app: batch, tier: back}}}]\n",
        ));
        let says = |one, other| same_verdicts(one, other, Profile::default()).err().unwrap_or_default();
        assert_eq!(says(&before, &before), "");
        assert!(says(&before, &after).starts_with("in another cluster it could open"));
        assert!(says(&before, &narrower).starts_with("in another cluster it could close"));
        assert!(says(&narrower, &before).starts_with("in another cluster it could open"));
    }
}
