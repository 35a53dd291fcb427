//! The answerer: the reference semantics, asked for one representative of all that the policies cannot
//! tell apart.

use npv_models::cluster::Cluster;
use npv_models::decide::{
    self, Decision, End, Exemption, Flow, Profile, Unmet, Verdict, decide_over, decide_request, nearest,
};
use npv_models::policy::{Action, Direction, PolicySet, Rule};
use npv_models::space::{Family, PortSet, Request, Traffic};

use super::variant::{Apart, Outcome, Variant, transpose, unite};
use super::{Decided, Default, Near, Part, Party, Question, Step, Trace};
use crate::query::ends::{self, Ends, Sample, Spaces};
use crate::query::name::{Names, Place};
use crate::query::text;

/// How many rules that come near to allowing a denied flow are named.
const NEAREST: usize = 3;

/// Answers from the reference semantics: pods, addresses and ports that the policies cannot tell apart
/// are answered by one of them.
#[derive(Clone, Copy)]
pub struct Tracer<'a> {
    /// Who is there.
    pub cluster: &'a Cluster,
    /// What is allowed.
    pub policies: &'a PolicySet,
    /// Choices that the API leaves to the network plugin.
    pub profile: Profile,
    /// How ends are called.
    pub names: Names<'a>,
    /// The HTTP request that the flow is, where it is one.
    pub request: Option<&'a Request>,
}

impl Tracer<'_> {
    /// Answers a question.
    pub fn trace(&self, question: &Question) -> Trace {
        let spaces = Spaces::of(self.cluster);
        let ends = Ends::new(self.cluster, &spaces);
        let either: Vec<End<'_>> = [&question.src, &question.dst]
            .into_iter()
            .flat_map(|place| self.groups(place))
            .filter_map(|(group, _)| ends.pod(Sample { group, member: None }))
            .collect();
        let policies = ends::relevant(self.policies, &either);
        let blocks = ends::blocks(&policies);
        // S-35: where the flow comes from one certain node, it matters on which node the pods run that it goes
        // to. Of a workload as a whole no such thing is known: its pods can be anywhere.
        let by_node = self.is_on_one_node(&question.src) || ends::asks_for_nodes(&policies);
        let sources = self.variants(&question.src, &ends, &blocks, by_node);
        let destinations = self.variants(&question.dst, &ends, &blocks, by_node);
        let asked = match question.over {
            Some((protocol, port)) => Traffic::of(protocol, PortSet::single(port)),
            None => Traffic::all(),
        };
        let rows: Vec<Vec<Outcome>> = sources
            .iter()
            .map(|src| destinations.iter().map(|dst| self.outcome(&policies, src, dst, &asked)).collect())
            .collect();
        let (sources, rows) = unite(sources, rows);
        let (destinations, columns) = unite(destinations, transpose(rows));
        let mut parts = Vec::new();
        let mut notes = Vec::new();
        for (src, row) in sources.iter().zip(transpose(columns)) {
            for (dst, outcome) in destinations.iter().zip(row) {
                notes.extend(outcome.apart.iter().map(|apart| families_apart(src, dst, apart, &asked)));
                parts.push(self.part(src, dst, outcome, &asked));
            }
        }
        notes.extend([&question.src, &question.dst].into_iter().filter_map(|place| self.pods_inside(place)));
        Trace { parts, notes, ..Trace::default() }
    }

    /// Answers for one flow whose ends may be in no manifest; `src` and `dst` say what to call them.
    pub(crate) fn flow(&self, flow: &Flow<'_>, src: Party, dst: Party) -> Part {
        let decision = decide_request(self.policies, self.profile, flow, self.request);
        let asked = Traffic::of(flow.protocol, PortSet::single(flow.port));
        let [mut egress, mut ingress] = Direction::ALL
            .map(|direction| self.side(self.policies, &decision, flow, direction, asked.clone()));
        let possible = egress.possible.intersection(&ingress.possible);
        let (out, into) = (egress.certain.clone(), ingress.certain.clone());
        let ends = [flow.src, flow.dst];
        self.explain(std::slice::from_mut(&mut egress), Direction::Egress, ends, &into);
        self.explain(std::slice::from_mut(&mut ingress), Direction::Ingress, ends, &out);
        Part {
            src,
            dst,
            asked,
            allowed: out.intersection(&into),
            possible,
            egress: vec![egress],
            ingress: vec![ingress],
        }
    }

    /// Pods with known addresses inside a block are endpoints of their own, and not what was asked about.
    fn pods_inside(&self, place: &Place) -> Option<String> {
        let Place::Addresses(addresses) = place else { return None };
        let members = self.cluster.groups.iter().flat_map(|group| &group.members);
        let inside = members.filter(|pod| pod.addresses.iter().any(|address| addresses.contains(*address)));
        let count = inside.count();
        let pods = if count == 1 { "a pod".to_owned() } else { format!("{count} pods") };
        (count > 0).then(|| {
            format!(
                "{} holds addresses of {pods}; this answer is about addresses outside the cluster, so trace to \
                 the pods by their names",
                text::addresses_in_short(addresses)
            )
        })
    }

    fn outcome(
        &self,
        policies: &PolicySet,
        src: &Variant<'_>,
        dst: &Variant<'_>,
        asked: &Traffic,
    ) -> Outcome {
        let mut outcome = Outcome { egress: Vec::new(), ingress: Vec::new(), apart: Vec::new() };
        for (protocol, first, last) in ends::atoms(asked, [policies], &[&dst.end]) {
            let flow = Flow { src: src.end, dst: dst.end, protocol, port: first };
            let decision = decide_request(policies, self.profile, &flow, self.request);
            let traffic = Traffic::of(protocol, PortSet::range(first, last));
            if let Some((egress, ingress)) = self.apart(policies, &decision, &flow) {
                match outcome.apart.iter_mut().find(|apart| apart.egress == egress) {
                    Some(apart) => apart.traffic = apart.traffic.union(&traffic),
                    None => outcome.apart.push(Apart { egress, ingress, traffic: traffic.clone() }),
                }
            }
            for (direction, known) in
                [(Direction::Egress, &mut outcome.egress), (Direction::Ingress, &mut outcome.ingress)]
            {
                let decided = self.side(policies, &decision, &flow, direction, traffic.clone());
                let same = known.iter_mut().find(|other| {
                    other.verdict == decided.verdict
                        && other.steps == decided.steps
                        && other.default == decided.default
                });
                match same {
                    Some(other) => {
                        other.traffic = other.traffic.union(&decided.traffic);
                        other.certain = other.certain.union(&decided.certain);
                        other.possible = other.possible.union(&decided.possible);
                    }
                    None => known.push(decided),
                }
            }
        }
        for side in [&mut outcome.egress, &mut outcome.ingress] {
            side.sort_by_key(|decided| std::cmp::Reverse(decided.verdict));
        }
        outcome
    }

    /// The families in which the source's side and the destination's allow a denied flow, where each does in
    /// one and they are two.
    fn apart(
        &self,
        policies: &PolicySet,
        decision: &Decision<'_>,
        flow: &Flow<'_>,
    ) -> Option<(Family, Family)> {
        // Only a denial that one side allows has the other side's permission elsewhere.
        if decision.verdict() != Verdict::Deny || decision.egress == decision.ingress {
            return None;
        }
        let over = flow.families().into_iter().flatten().map(|family| {
            let decision = decide_over(policies, self.profile, flow, Some(family));
            (family, decision.egress, decision.ingress)
        });
        let sides: Vec<_> = over.collect();
        let (egress, ..) = sides.iter().find(|(_, egress, _)| *egress == Verdict::Allow)?;
        let (ingress, ..) = sides.iter().find(|(.., ingress)| *ingress == Verdict::Allow)?;
        Some((*egress, *ingress))
    }

    /// What one side of a decision says.
    fn side(
        &self,
        policies: &PolicySet,
        decision: &Decision<'_>,
        flow: &Flow<'_>,
        direction: Direction,
        traffic: Traffic,
    ) -> Decided {
        let (verdict, subject) = match direction {
            Direction::Egress => (decision.egress, &flow.src),
            Direction::Ingress => (decision.ingress, &flow.dst),
        };
        let steps: Vec<Step> = decision
            .steps
            .iter()
            .filter(|step| step.direction == direction)
            .map(|step| Step {
                direction,
                layer: step.layer.into(),
                tier: step.tier.name.clone(),
                action: step.action,
                object: step.policy.object.to_string(),
                rule: step.rule.map(rule_name),
                span: step.rule.map_or(step.policy.name_span, |rule| rule.provenance.span),
                peer: step.peer.map(|peer| peer.provenance.span),
                also: match step.rule {
                    None => decide::isolating(step.tier, self.profile, flow, direction)
                        .into_iter()
                        .filter(|policy| !std::ptr::eq(*policy, step.policy))
                        .map(|policy| (policy.object.to_string(), policy.name_span))
                        .collect(),
                    Some(_) => Vec::new(),
                },
                certain: step.certain,
            })
            .collect();
        let undecided = steps.last().is_none_or(|step| step.action != Action::Allow);
        let default = (verdict == Verdict::Allow && undecided).then(|| match (decision.exemption, subject) {
            (Some(Exemption::Itself), _) => Default::Itself,
            (Some(Exemption::OwnNode), _) if direction == Direction::Ingress => Default::OwnNode,
            (_, End::Pod(pod)) if self.profile.sees(pod) => {
                let mut tiers = policies.layers.iter().flat_map(|layer| &layer.tiers);
                let selected = tiers.any(|tier| decide::speaks(tier, self.profile, flow, direction));
                if selected { Default::Undecided } else { Default::NotSelected }
            }
            _ => Default::NoPod,
        });
        let passes = decision.side(direction);
        Decided {
            certain: traffic.limited_to(&passes.certain),
            possible: traffic.limited_to(&passes.possible),
            traffic,
            verdict,
            steps,
            default,
            near: Vec::new(),
            depends: decide::causes(decision, direction, self.profile, flow),
        }
    }

    fn part(&self, src: &Variant<'_>, dst: &Variant<'_>, outcome: Outcome, asked: &Traffic) -> Part {
        let united = |side: &[Decided], of: fn(&Decided) -> &Traffic| {
            side.iter().fold(Traffic::NONE, |all, decided| all.union(of(decided)))
        };
        let Outcome { mut egress, mut ingress, .. } = outcome;
        let (out, into) =
            (united(&egress, |decided| &decided.certain), united(&ingress, |decided| &decided.certain));
        let possible = united(&egress, |decided| &decided.possible)
            .intersection(&united(&ingress, |decided| &decided.possible));
        // Where one side allows something, that is what the other is interesting for.
        self.explain(&mut egress, Direction::Egress, [src.end, dst.end], &into);
        self.explain(&mut ingress, Direction::Ingress, [src.end, dst.end], &out);
        Part {
            src: src.seen(),
            dst: dst.seen(),
            asked: asked.clone(),
            allowed: out.intersection(&into),
            possible,
            egress,
            ingress,
        }
    }

    /// Adds to each denial what comes nearest to allowing it.
    fn explain(
        &self,
        side: &mut [Decided],
        direction: Direction,
        [src, dst]: [End<'_>; 2],
        other_side: &Traffic,
    ) {
        // Where the side allows some of it, what it allows says enough.
        let partly = side.iter().any(|decided| decided.verdict != Verdict::Deny);
        for decided in side.iter_mut().filter(|decided| !partly && decided.verdict == Verdict::Deny) {
            let preferred = decided.traffic.intersection(other_side);
            let Some((protocol, port)) = preferred.first().or_else(|| decided.traffic.first()) else {
                continue;
            };
            let single = decided.traffic == Traffic::of(protocol, PortSet::single(port));
            let flow = Flow { src, dst, protocol, port };
            let decision = decide_request(self.policies, self.profile, &flow, self.request);
            // What is said of a whole set of ports must not speak of one of them.
            let about_ports = |unmet: &Unmet<'_>| {
                matches!(unmet, Unmet::Port { .. } | Unmet::Protocol { .. } | Unmet::NamedPort { .. })
            };
            let mut found = nearest(&decision, self.profile, &flow);
            found.retain(|near| near.direction == direction);
            // A policy that applies to the endpoint is nearer than one that was written for another.
            found.sort_by_key(|near| {
                near.unmet.len() + near.unmet.iter().filter(|unmet| of_subject(unmet)).count()
            });
            decided.near = found
                .into_iter()
                .filter_map(|near| {
                    let unmet: Vec<String> = near
                        .unmet
                        .iter()
                        .filter(|unmet| single || !about_ports(unmet))
                        .map(ToString::to_string)
                        .collect();
                    let span = near.peer.map_or(near.rule.provenance.span, |peer| peer.provenance.span);
                    let (object, rule) = (near.policy.object.to_string(), rule_name(near.rule));
                    (!unmet.is_empty()).then_some(Near { object, rule, span, unmet })
                })
                .take(NEAREST)
                .collect();
        }
    }
}

/// Whether the condition is about whom the policy applies to.
fn of_subject(unmet: &Unmet<'_>) -> bool {
    matches!(
        unmet,
        Unmet::Label { part: decide::Part::Subject, .. }
            | Unmet::NamespaceLabel { part: decide::Part::Subject, .. }
            | Unmet::NothingKnown { part: decide::Part::Subject }
    )
}

/// Why both sides allow something that is denied.
fn families_apart(src: &Variant<'_>, dst: &Variant<'_>, apart: &Apart, asked: &Traffic) -> String {
    let (src, dst) = (src.seen().id, dst.seen().id);
    let over = if apart.traffic == *asked { String::new() } else { format!(" on {}", apart.traffic) };
    format!(
        "{src} may connect to {dst}{over} over {} only, and {dst} admits that over {} only; a connection is over one of \
         the two, so neither works",
        apart.egress, apart.ingress
    )
}

fn rule_name(rule: &Rule) -> String {
    rule.name.as_deref().unwrap_or(&rule.provenance.path).to_owned()
}
