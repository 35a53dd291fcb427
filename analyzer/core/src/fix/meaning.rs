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
    for (search, what) in [(difference.opened, "open"), (difference.closed, "close")] {
        match search {
            Search::Nothing => {}
            Search::Found(witness) => {
                let [src, dst] = witness.trace();
                return Err(format!("in another cluster it could {what} a connection: {src} -> {dst}"));
            }
            Search::Unknown(why) => {
                return Err(format!("there is no proof that it changes no verdict: {why}"));
            }
        }
    }
    Ok(())
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
