//! Wrong operators in the symbolic engine.

use crate::mutants::{Suite, mutant};

const CONNECTIVE: &str = "analyzer/symbolic/src/term/connective.rs";
const RESTRICT: &str = "analyzer/symbolic/src/term/restrict.rs";
const ENCODE: &str = "analyzer/symbolic/src/encode/mod.rs";
const MATCHING: &str = "analyzer/symbolic/src/encode/matching.rs";
const VOCABULARY: &str = "analyzer/symbolic/src/vocabulary.rs";
const WORLD: &str = "analyzer/symbolic/src/world.rs";
const SESSION: &str = "analyzer/symbolic/src/session.rs";
const WITNESS: &str = "analyzer/symbolic/src/witness.rs";
const CANONICAL: &str = "analyzer/symbolic/src/canonical.rs";
const Z3: &str = "analyzer/symbolic/src/solver/z3.rs";
const ATTEMPT: &str = "analyzer/symbolic/src/attempt.rs";
const EXPLAIN: &str = "analyzer/symbolic/src/explain.rs";
const RULES: &str = "analyzer/symbolic/src/rules.rs";
const SNAPSHOT: &str = "analyzer/symbolic/src/snapshot.rs";
const ASSERTION: &str = "analyzer/symbolic/src/assertion.rs";
const DEAD: &str = "analyzer/symbolic/src/lint/dead.rs";
const OVERRIDDEN: &str = "analyzer/symbolic/src/lint/overridden.rs";
const BLOCKS: &str = "analyzer/symbolic/src/lint/blocks.rs";
const EXPOSURE: &str = "analyzer/symbolic/src/exposure/mod.rs";
const COVER: &str = "analyzer/symbolic/src/exposure/cover.rs";

pub(super) const SUITE: Suite = Suite {
    name: "symbolic",
    tests: &[
        &["--package", "npv-symbolic", "--lib"],
        &["--package", "npv-symbolic", "--test", "symbolic", "questions::"],
        &["--package", "npv-symbolic", "--test", "symbolic", "literal::"],
        &["--package", "npv-symbolic", "--test", "symbolic", "lint::"],
        &["--package", "npv-symbolic", "--test", "symbolic", "assertions::"],
        &["--package", "npv-symbolic", "--test", "symbolic", "exposure::"],
        &["--package", "npv-symbolic", "--test", "symbolic", "laws::"],
        &["--package", "npv-symbolic", "--test", "symbolic", "free::"],
        &["--package", "npv-tests", "--test", "all", "symbolic::"],
    ],
    mutants: &[
        mutant(
            "conditions on one variable are alternatives",
            CONNECTIVE,
            "Self::All => left.intersection(right),",
            "Self::All => left.union(right),",
        ),
        mutant(
            "what is known is forgotten",
            RESTRICT,
            "Some(known) if !known.intersects(&set) => Bool::FALSE,",
            "Some(known) if !known.intersects(&set) => Bool::TRUE,",
        ),
        mutant(
            "one side that allows is enough",
            ENCODE,
            "let both = self.terms.and([egress.allow, ingress_allows]);",
            "let both = self.terms.or([egress.allow, ingress_allows]);",
        ),
        mutant(
            "layers are alternatives",
            ENCODE,
            "let allow = self.terms.and(layers.iter()",
            "let allow = self.terms.or(layers.iter()",
        ),
        mutant(
            "what no tier decides is denied",
            ENCODE,
            "let mut allows = vec![Bool::TRUE; tiers.len() + 1];",
            "let mut allows = vec![Bool::FALSE; tiers.len() + 1];",
        ),
        mutant(
            "policies apply on the host network",
            ENCODE,
            "let selected = self.terms.and([seen, selected]);\n            let also",
            "let also",
        ),
        mutant(
            "a pod that a policy selects is not isolated",
            ENCODE,
            "let isolated = self.terms.or(isolating);",
            "let isolated = self.terms.and(isolating);",
        ),
        mutant(
            "rules in reverse order",
            ENCODE,
            "for group in deciding.chunk_by(|a, b| a.1 == b.1).rev() {",
            "for group in deciding.chunk_by(|a, b| a.1 == b.1) {",
        ),
        mutant(
            "a pass in an ordered tier does not end it",
            ENCODE,
            "filter(|rule| rule.1 != Action::Log)",
            "filter(|rule| !matches!(rule.1, Action::Log | Action::Pass))",
        ),
        mutant(
            "an allow wins over a deny",
            ENCODE,
            "let allow = terms.and_not(allow, denied);",
            "let deny = terms.and_not(deny, allow);",
        ),
        mutant(
            "a pass does not lead past the default",
            ENCODE,
            "let matched = terms.or([allowed, passed]);",
            "let matched = terms.or([allowed]);",
        ),
        mutant(
            "selectors see the host network",
            MATCHING,
            "        self.terms.and_not(pod, end.host_network)\n    }",
            "        pod\n    }",
        ),
        mutant(
            "an assumed pod matches what asks for absence",
            MATCHING,
            "self.terms.and([known, labels])",
            "labels",
        ),
        mutant(
            "blocks match pods whatever the plugin does",
            MATCHING,
            "(self.profile.blocks_match_pods, on_pods),",
            "(true, on_pods),",
        ),
        mutant(
            "an unknown peer lets in",
            MATCHING,
            "let closes = Bool::from_literal(matches!(action, Action::Deny | Action::Pass));",
            "let closes = Bool::from_literal(matches!(action, Action::Deny | Action::Allow));",
        ),
        mutant(
            "families are mixed up",
            MATCHING,
            "if address.v6 { set.v6() } else { &v4 }",
            "if address.v6 { &v4 } else { set.v6() }",
        ),
        mutant(
            "a literal flow over IPv6 has the IPv4 addresses too",
            WORLD,
            "family.is_none_or(|family| address.v6 == (family == Family::V6))",
            "family.is_none_or(|family| !address.v6 || family == Family::V6)",
        ),
        mutant(
            "every tier follows the network plugin",
            ENCODE,
            "let profile = tier.profile(self.profile);",
            "let profile = self.profile;",
        ),
        mutant(
            "an except takes out nothing",
            MATCHING,
            "rest.difference(&IpSet::net(*hole))",
            "rest.union(&IpSet::net(*hole))",
        ),
        mutant(
            "named ports of any protocol",
            MATCHING,
            "Some(protocol) => self.terms.is(flow.protocol, protocol_number(*protocol)),",
            "Some(_) => Bool::TRUE,",
        ),
        mutant(
            "named ports on the source",
            MATCHING,
            "let declared = flow.dst.ports.get(name)",
            "let declared = flow.src.ports.get(name)",
        ),
        mutant(
            "relations are turned round",
            MATCHING,
            "if relation.same { same }",
            "if !relation.same { same }",
        ),
        mutant(
            "no requirement accepts an absent label",
            VOCABULARY,
            ".chain([None])\n            .enumerate()",
            ".chain([Some(\"absent\")])\n            .enumerate()",
        ),
        mutant(
            "tenants that nobody mentions are one",
            VOCABULARY,
            "entry(relation.key.clone()).or_default().others = 2;",
            "entry(relation.key.clone()).or_default().others = 1;",
        ),
        mutant("a namespace's name is no label of it", WORLD, "*label = namespace;", "let _ = label;"),
        mutant(
            "port 0 is a port",
            WORLD,
            "&ValueSet::range(1, u128::from(u16::MAX))",
            "&ValueSet::range(0, u128::from(u16::MAX))",
        ),
        mutant(
            "one namespace has two sets of labels",
            SESSION,
            "conditions.push(terms.implies(same, equal));",
            "let _ = (same, equal);",
        ),
        mutant(
            "flows are not replayed",
            SESSION,
            "if holds(encoded.allow) != (decision.verdict() == Verdict::Allow) {",
            "if holds(encoded.allow) == (decision.verdict() == Verdict::Allow) {",
        ),
        mutant(
            "labels are left out of a witness",
            WITNESS,
            "labels: self.labels(&self.vocabulary.pods, &end.labels),",
            "labels: Labels::default(),",
        ),
        mutant(
            "two namespaces of one name",
            WITNESS,
            "&& src.namespace_labels != dst.namespace_labels",
            "&& src.namespace_labels == dst.namespace_labels",
        ),
        mutant(
            "labels that do not matter are shown",
            CANONICAL,
            "scalar(list, *label, [domain.absent()].into_iter().chain(other));",
            "scalar(list, *label, other);",
        ),
        mutant(
            "the last value of a range is out of it",
            Z3,
            "(last < largest).then(|| vector.bvule(constant(width, last)))",
            "(last < largest).then(|| vector.bvult(constant(width, last)))",
        ),
        mutant(
            "domains are forgotten with their scope",
            Z3,
            "for bound in self.bounds.iter().skip(before) {",
            "for bound in self.bounds.iter().skip(before + 1) {",
        ),
        mutant(
            "an explanation may be too long",
            EXPLAIN,
            "while least < enough {",
            "while least + 1 < enough {",
        ),
        mutant(
            "an explanation may be any one",
            EXPLAIN,
            "missed.map_or(middle, |(position, _)| position) + 1",
            "missed.map_or(middle, |_| enough - 1) + 1",
        ),
        mutant(
            "what is enough alone need not be named alone",
            EXPLAIN,
            "Answer::Unsatisfiable(_) => return Some(position),",
            "Answer::Unsatisfiable(_) => {}",
        ),
        mutant(
            "of several that are enough, any is named",
            RULES,
            "first.and_then(|position| ids.get(position).copied()).unwrap_or(always)",
            "always",
        ),
        mutant(
            "a log line ends the tier",
            RULES,
            "before.filter(|other| other.action != Action::Log)",
            "before.filter(|_| true)",
        ),
        mutant(
            "a flow that was found by trying may be hidden",
            ATTEMPT,
            "forbidden.iter().find(|term|",
            "forbidden.iter().skip(1).find(|term|",
        ),
        mutant(
            "a conjunction needs its last part only",
            ATTEMPT,
            "if next == 0 || truth != settles {",
            "if next < parts.len() || truth != settles {",
        ),
        mutant("a snapshot has no labels", SNAPSHOT, "labels: &group.labels,", "labels: &namespace.labels,"),
        mutant(
            "only means that these are denied",
            ASSERTION,
            "self.terms.and_not(all, about)",
            "self.terms.and([all, about])",
        ),
        mutant(
            "nothing holds vacuously",
            ASSERTION,
            "Some(false) => Outcome::HoldsVacuously,",
            "Some(false) => Outcome::Holds,",
        ),
        mutant(
            "a default denial is redundant to any policy",
            DEAD,
            "(!denies_by_default || twin)",
            "(!denies_by_default || !twin || twin)",
        ),
        mutant("both twins are redundant", DEAD, "other(id) && !self.gone.contains(&id) &&", "other(id) &&"),
        mutant(
            "equal priorities are an order",
            DEAD,
            "priority(rule) < priority(other)",
            "priority(rule) <= priority(other)",
        ),
        mutant(
            "isolation by the same policy's twin does not count",
            DEAD,
            "if other.id != id && !self.gone_policies",
            "if !self.gone_policies",
        ),
        mutant(
            "the intended layering is reported",
            OVERRIDDEN,
            "action == Action::Allow || mode == Some(Mode::FirstMatch)",
            "action == Action::Allow || mode.is_some()",
        ),
        mutant(
            "an except is compared without its ports",
            BLOCKS,
            "|| !covers(&content.ports, &rule.ports)",
            "",
        ),
        mutant(
            "exposure forgets the workload's own named ports",
            EXPOSURE,
            "self.learn(&mut here, *ours, declares == Bool::TRUE);",
            "self.learn(&mut here, *ours, declares == Bool::FALSE);",
        ),
        mutant(
            "exposure takes absent labels for others",
            COVER,
            "matches!(self, Self::Name(_)) || absent.is_subset(good)",
            "true",
        ),
        mutant(
            "exposure keeps what others cover",
            COVER,
            "if !self.some(left)? {\n                pieces.remove(position);",
            "if self.some(left)? {\n                pieces.remove(position);",
        ),
        mutant(
            "a pass leads to the next tier",
            ENCODE,
            "let leads = policies_pass(set, layer, position).unwrap_or(position + 1);",
            "let leads = position + 1;",
        ),
    ],
};
