//! Facts about policies that lint rules report, each proved: in every cluster, or in one snapshot.
//!
//! The solver is asked only what exact sets and folding do not settle. Rules whose meaning is captured
//! less than exactly take no part: neither as hidden ones nor as ones that hide.

mod blocks;
mod dead;
mod overridden;
mod wider;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use npv_models::cluster::{Cluster, GroupId};
use npv_models::decide::Profile;
use npv_models::policy::{Action, Direction, PeerMatch, Peers, PolicySet, Rule};
use npv_models::space::IpSet;

use crate::encode::{PolicyId, RuleId};
use crate::rules::Need;
use crate::session::{Effort, Error, Options, Session};
use crate::snapshot::Snapshot;
use crate::term::Bool;
use crate::witness::Witness;

/// What to look at.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The policies.
    pub policies: &'a PolicySet,
    /// Choices of the network plugin.
    pub profile: Profile,
    /// Who is in the manifests.
    pub cluster: &'a Cluster,
    /// Also rules and policies without which nothing changes in this snapshot only.
    pub snapshot_too: bool,
    /// Steps after which the solver gives up on one question; 0 means never.
    pub budget: u32,
}

/// Where something holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum World {
    /// In every possible cluster.
    EveryCluster,
    /// For the endpoints that the manifests define.
    Snapshot,
}

/// What makes it so that something has no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// This rule matches first, or as well.
    Rule(RuleId),
    /// This policy isolates its subject, so that what no rule allows is denied.
    Isolation(PolicyId),
}

/// Something to report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// A rule of an ordered tier never decides: `unreachable-pass` where it passes, otherwise
    /// `shadowed-rule`.
    Shadowed {
        /// The rule.
        rule: RuleId,
        /// What hides it; none can be left out.
        by: Vec<Cause>,
        /// Where that holds.
        world: World,
    },
    /// Leaving the rule out changes no verdict: `redundant-rule`.
    RedundantRule {
        /// The rule.
        rule: RuleId,
        /// What makes it redundant; none can be left out.
        by: Vec<Cause>,
        /// Where that holds.
        world: World,
    },
    /// Leaving the policy out changes no verdict: `redundant-policy`.
    RedundantPolicy {
        /// The policy.
        policy: PolicyId,
        /// What makes it redundant: rules that allow the same, policies that isolate the same pods.
        by: Vec<Cause>,
        /// Where that holds.
        world: World,
    },
    /// Earlier tiers decide every flow of the rule the other way: `overridden-by-admin-tier`.
    Overridden {
        /// The rule.
        rule: RuleId,
        /// What wins; none can be left out.
        by: Vec<Cause>,
        /// Where that holds.
        world: World,
        /// A flow of the rule.
        witness: Box<Witness>,
    },
    /// Addresses that an `except` takes out are let in elsewhere: `overlapping-except`.
    OverlappingExcept {
        /// The rule with the `except`.
        rule: RuleId,
        /// Position of the peer in the rule.
        peer: usize,
        /// Position in `except`.
        except: usize,
        /// The rule that lets them in; the same one where another of its peers does.
        admitted_by: RuleId,
        /// Position of the peer that lets them in; `None` where the rule names everybody.
        admitting_peer: Option<usize>,
        /// The addresses that both speak of.
        addresses: IpSet,
        /// Where the two rules are about the same pods.
        world: World,
    },
    /// Two list items where one was meant: `wider-than-intended`.
    WiderThanIntended {
        /// The rule.
        rule: RuleId,
        /// Position of the first of the two items; the other one follows.
        first: usize,
        /// The pods that one item with both selectors would match.
        meant: Vec<GroupId>,
        /// The pods that the two items match beyond that.
        beyond: Vec<GroupId>,
    },
}

/// Everything that was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// In the order of the kinds above, and within a kind of the policies.
    pub facts: Vec<Fact>,
    /// Questions that the solver gave up on: the rule they were about, and why.
    pub unknown: Vec<(RuleId, String)>,
    /// How many questions there were.
    pub effort: Effort,
}

/// Looks for everything that the lint rules of this module report.
///
/// # Errors
/// When a flow that the solver found does not replay.
pub fn facts(input: &Input<'_>) -> Result<Facts, Error> {
    let mut study = Study::new(input);
    study.dead(World::EveryCluster);
    study.overridden(World::EveryCluster)?;
    study.overridden(World::Snapshot)?;
    if input.snapshot_too {
        study.dead(World::Snapshot);
    }
    study.overlapping_except();
    study.wider_than_intended();
    let effort = study.session.effort();
    Ok(Facts { facts: of_whole_rules(study.facts, input.policies), unknown: study.unknown, effort })
}

/// One entry of a manifest may be several rules that do the same. What is said of a part is of no use to whoever would
/// edit the entry, and where it holds of all of them it is said once, of the first.
fn of_whole_rules(facts: Vec<Fact>, policies: &PolicySet) -> Vec<Fact> {
    let entry = |rule: &RuleId| {
        let path = rule.of(policies).map(|(_, _, content)| content.provenance.path.clone());
        (rule.policy, rule.direction, path)
    };
    let kind = |fact: &Fact| match fact {
        Fact::Shadowed { rule, world, .. } => Some((0, *rule, *world)),
        Fact::RedundantRule { rule, world, .. } => Some((1, *rule, *world)),
        Fact::Overridden { rule, world, .. } => Some((2, *rule, *world)),
        _ => None,
    };
    let known: BTreeSet<_> = facts.iter().filter_map(kind).collect();
    let whole = |fact: &Fact| {
        let Some((kind, rule, world)) = kind(fact) else { return true };
        let own = entry(&rule);
        let parts = rule.policy.of(policies).and_then(|(_, policy)| policy.rules(rule.direction));
        let parts = (0..parts.map_or(0, <[Rule]>::len)).map(|number| RuleId { rule: number, ..rule });
        let mut parts = parts.filter(|part| entry(part) == own).peekable();
        let first = parts.peek() == Some(&rule);
        first && parts.all(|part| known.contains(&(kind, part, world)))
    };
    facts.into_iter().filter(whole).collect()
}

/// What decides, how, and when.
type Decided = Rc<[(Cause, Action, Bool)]>;

/// The work in progress.
struct Study<'a> {
    input: &'a Input<'a>,
    session: Session<'a>,
    /// The endpoints of the manifests, where they are asked for.
    snapshot: Option<Snapshot>,
    /// What the tiers before one decide: by what, how, and when.
    decided: BTreeMap<(Direction, usize, usize), Decided>,
    /// Rules that were found to have no effect, alone or with their policy.
    gone: BTreeSet<RuleId>,
    /// Policies that were found to have no effect.
    gone_policies: BTreeSet<PolicyId>,
    facts: Vec<Fact>,
    unknown: Vec<(RuleId, String)>,
}

impl<'a> Study<'a> {
    fn new(input: &'a Input<'a>) -> Self {
        // A rule that only a pod without known address needs is needed.
        let options = Options { budget: input.budget, unaddressed: true, ..Options::default() };
        let session = Session::new(&[input.policies], input.profile, options, &[]);
        Self {
            input,
            session,
            snapshot: None,
            decided: BTreeMap::new(),
            gone: BTreeSet::new(),
            gone_policies: BTreeSet::new(),
            facts: Vec::new(),
            unknown: Vec::new(),
        }
    }

    /// Whether the condition is hidden by others in a world. A condition that speaks only of the end that
    /// policies of a direction apply to says so.
    fn hidden_in(
        &mut self,
        world: World,
        subject_of: Option<Direction>,
        condition: Bool,
        hiding: &[(Cause, Bool)],
    ) -> Need<Cause> {
        self.prepare(world);
        let snapshot = self.snapshot.as_ref();
        self.session.scratch(|session| {
            let condition = match (world, snapshot, subject_of) {
                (World::Snapshot, Some(snapshot), Some(direction)) => {
                    session.subject_within_snapshot(condition, snapshot, direction)
                }
                _ => of_world(session, snapshot, world, condition),
            };
            session.hidden_by(condition, hiding)
        })
    }

    /// Makes the conditions that a world is described by, the first time that it is asked about.
    fn prepare(&mut self, world: World) {
        if world == World::Snapshot && self.snapshot.is_none() {
            self.snapshot = Some(self.session.snapshot(self.input.cluster));
        }
    }

    /// Every rule of a tier, in evaluation order, one direction after the other.
    fn rules(&self, layer: usize, tier: usize) -> Vec<(RuleId, &'a Rule)> {
        let mut rules = Vec::new();
        let policies = self.input.policies.layers.get(layer).and_then(|layer| layer.tiers.get(tier));
        for direction in Direction::ALL {
            for (policy, content) in policies.iter().flat_map(|tier| tier.policies.iter().enumerate()) {
                let id = PolicyId { layer, tier, policy };
                let list = content.rules(direction).unwrap_or_default().iter().enumerate();
                rules.extend(list.map(|(rule, content)| (RuleId { policy: id, direction, rule }, content)));
            }
        }
        rules
    }

    /// Layers and tiers, by position.
    fn tiers(&self) -> Vec<(usize, usize)> {
        let layers = self.input.policies.layers.iter().enumerate();
        layers.flat_map(|(layer, content)| (0..content.tiers.len()).map(move |tier| (layer, tier))).collect()
    }

    /// Whether the rule's meaning is captured exactly, so that something can be proved of it.
    fn exact(&self, rule: RuleId) -> bool {
        rule.of(self.input.policies).is_some_and(|(_, _, rule)| exact(rule))
    }
}

/// The condition, where only flows of a world count.
fn of_world(session: &mut Session<'_>, snapshot: Option<&Snapshot>, world: World, condition: Bool) -> Bool {
    match (world, snapshot) {
        (World::Snapshot, Some(snapshot)) => session.within_snapshot(condition, snapshot),
        _ => condition,
    }
}

fn exact(rule: &Rule) -> bool {
    let listed = |peers| match peers {
        &Peers::Anyone => &[][..],
        Peers::Listed(peers) => peers,
    };
    let peers = listed(&rule.peers).iter().chain(listed(&rule.own));
    let mut terms = peers.flat_map(|peer| peer.matches.terms());
    // What a name resolves to is unknown, and so is whom an unknown peer matches.
    rule.action != Action::Unknown
        && terms.all(|(term, _)| !matches!(term, PeerMatch::Domain(_) | PeerMatch::Unknown))
}
