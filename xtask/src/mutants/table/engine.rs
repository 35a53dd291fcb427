//! Wrong operators in the exact engine: the differential test must notice each.

use crate::mutants::{Suite, mutant};

const TABLE: &str = "analyzer/core/src/engine/table.rs";
const COMPILE: &str = "analyzer/core/src/engine/compile.rs";
const BLOCKS: &str = "analyzer/core/src/engine/blocks.rs";
const CLASSES: &str = "analyzer/core/src/engine/classes.rs";
const LABELS: &str = "analyzer/core/src/engine/labels.rs";
const ADDRESS: &str = "analyzer/core/src/engine/address.rs";
const VOCABULARY: &str = "analyzer/core/src/engine/vocabulary.rs";
const RELATION: &str = "analyzer/core/src/engine/relation.rs";
const BEHAVIOUR: &str = "analyzer/core/src/engine/behaviour.rs";
const FAMILY: &str = "analyzer/core/src/engine/family.rs";
const ROWS: &str = "analyzer/core/src/engine/rows.rs";
const ENGINE: &str = "analyzer/core/src/engine/mod.rs";
const TRAFFIC: &str = "analyzer/core/src/engine/traffic.rs";

pub(super) const SUITE: Suite = Suite {
    name: "engine",
    tests: &[
        &["--package", "npv-analyzer", "--lib", "engine::labels"],
        &["--package", "npv-tests", "--test", "differential"],
    ],
    mutants: &[
        mutant("nobody is a subject", TABLE, "if *subject == Subject::No {", "if *subject != Subject::No {"),
        mutant(
            "policies of every tier apply on the host network",
            TABLE,
            "subject == Subject::Host && !tier.sees_hosts",
            "subject == Subject::No && !tier.sees_hosts",
        ),
        mutant(
            "named ports on the host network are seen by every tier",
            TABLE,
            "if self.on_host && !tier.sees_hosts { &[] }",
            "if self.on_host && tier.rules.is_empty() { &[] }",
        ),
        mutant(
            "every tier follows the network plugin",
            COMPILE,
            "tier.fixed.unwrap_or(classes.profile)",
            "tier.fixed.filter(|_| tier.policies.is_empty()).unwrap_or(classes.profile)",
        ),
        mutant(
            "a tier's own choices are not told apart",
            CLASSES,
            "fixed.blocks_match_pods && tier.names_blocks()",
            "fixed.blocks_match_pods && !tier.names_blocks()",
        ),
        mutant(
            "layers are alternatives",
            TABLE,
            "total = self.table.intersection(total, ",
            "total = self.table.union(total, ",
        ),
        mutant("pods that no policy selects are isolated", TABLE, "                return None;\n", ""),
        mutant("what no tier decides is denied", TABLE, "self.table.union(allowed, undecided)", "allowed"),
        mutant(
            "a union denies",
            TABLE,
            "Mode::Union => decide(Action::Allow, all(Action::Allow)),",
            "Mode::Union => {\n                decide(Action::Deny, all(Action::Deny));\n                decide(Action::Allow, all(Action::Allow));\n            }",
        ),
        mutant(
            "an allow wins over a deny",
            TABLE,
            "[Action::Deny, Action::Allow, Action::Pass]",
            "[Action::Allow, Action::Deny, Action::Pass]",
        ),
        mutant(
            "a pass wins over an allow",
            TABLE,
            "[Action::Deny, Action::Allow, Action::Pass]",
            "[Action::Deny, Action::Pass, Action::Allow]",
        ),
        mutant(
            "rules in reverse order",
            TABLE,
            "rules.chunk_by(|one, next| one.action == next.action)",
            "rules.chunk_by(|one, next| one.action == next.action).rev()",
        ),
        mutant(
            "rules with different actions are one stage",
            TABLE,
            "one.action == next.action",
            "one.action == next.action || true",
        ),
        mutant(
            "named ports are forgotten for ingress",
            TABLE,
            "Direction::Ingress => (own,",
            "Direction::Ingress => (None,",
        ),
        mutant(
            "named ports are forgotten for egress",
            TABLE,
            "there.and_then(|there| self.ports_of(there.names)),",
            "own,",
        ),
        mutant(
            "destinations with other named ports are not told apart",
            TABLE,
            "plan.named().flat_map(",
            "plan.named().take(0).flat_map(",
        ),
        mutant(
            "the names of the subject's ports are ignored",
            TABLE,
            "let asks = direction == Direction::Ingress",
            "let asks = direction == Direction::Egress",
        ),
        mutant(
            "only the first of the sets that a peer is in counts",
            TABLE,
            "block.sets.iter().flat_map(",
            "block.sets.iter().take(1).flat_map(",
        ),
        mutant(
            "an allow goes past earlier rules",
            TABLE,
            "Action::Allow => *allowed = table.union(*allowed, decided),",
            "Action::Allow => *allowed = table.union(*allowed, matching),",
        ),
        mutant(
            "pass denies",
            TABLE,
            "Action::Pass => passed = table.union(passed, decided),",
            "Action::Pass => {}",
        ),
        mutant(
            "pass allows",
            TABLE,
            "Action::Pass => passed = table.union(passed, decided),",
            "Action::Pass => *allowed = table.union(*allowed, decided),",
        ),
        mutant(
            "deny passes",
            TABLE,
            "Action::Deny => {}",
            "Action::Deny => passed = table.union(passed, decided),",
        ),
        mutant("log denies", TABLE, "Action::Log => return,", "Action::Log => {}"),
        mutant(
            "a decided flow is decided again",
            TABLE,
            "undecided = table.difference(undecided, decided);",
            "",
        ),
        mutant(
            "no match denies where the next tier should be asked",
            TABLE,
            "NoMatch::NextTier => passed = table.union(passed, undecided),",
            "NoMatch::NextTier => {}",
        ),
        mutant(
            "no match denies where it should allow",
            TABLE,
            "NoMatch::Allow => *allowed = table.union(*allowed, undecided),",
            "NoMatch::Allow => {}",
        ),
        mutant(
            "no match allows where it should deny",
            TABLE,
            "NoMatch::Deny => {}",
            "NoMatch::Deny => *allowed = table.union(*allowed, undecided),",
        ),
        mutant(
            "policies out of their order",
            COMPILE,
            "policies.sort_unstable();\n",
            "policies.sort_unstable_by(|a, b| b.cmp(a));\n",
        ),
        mutant("no peers is nobody", COMPILE, "None => self.everybody.clone(),", "None => Arc::default(),"),
        mutant(
            "an unknown peer denies nothing",
            COMPILE,
            "PeerTerm::Unknown if closes => return self.everybody.clone(),",
            "",
        ),
        mutant(
            "an unknown peer is let in",
            COMPILE,
            "PeerTerm::Unknown => return Arc::default(),",
            "PeerTerm::Unknown => return self.everybody.clone(),",
        ),
        mutant(
            "a domain denies nothing",
            COMPILE,
            "PeerTerm::Domain(_) if closes => return self.unresolved.clone(),",
            "",
        ),
        mutant(
            "a pass rule does not fail closed",
            COMPILE,
            "matches!(action, Action::Deny | Action::Pass)",
            "matches!(action, Action::Deny)",
        ),
        mutant(
            "what overlaps is in two blocks",
            BLOCKS,
            "            rest = rest.difference(&inside);\n",
            "",
        ),
        mutant("a block is not cut", BLOCKS, "                block.peers = inside;\n", ""),
        mutant(
            "the part of a block that is not in the set is lost",
            BLOCKS,
            "split.push(Block { peers: outside, sets: block.sets.clone() });",
            "",
        ),
        mutant("a block forgets what it is in", BLOCKS, "            block.sets.push(number);\n", ""),
        mutant(
            "a new peer is lost",
            BLOCKS,
            "            blocks.push(Block { peers: rest, sets: vec![number] });\n",
            "",
        ),
        mutant(
            "a peer that no rule names is lost",
            BLOCKS,
            "ClassSet::range(0..universe).difference(&covered)",
            "covered.difference(&covered)",
        ),
        mutant(
            "selectors see the host network",
            CLASSES,
            "!group.host_network || profile.selectors_see_host_network",
            "!group.host_network || profile.blocks_match_pods",
        ),
        mutant(
            "an assumed pod is matched by every selector",
            CLASSES,
            ".filter(|(_, selector)| selects_everything(selector))",
            "",
        ),
        mutant(
            "an assumed pod is in every namespace",
            CLASSES,
            "everywhere && selector.pods.is_everything()",
            "selector.pods.is_everything()",
        ),
        mutant(
            "an assumed pod has every label",
            CLASSES,
            "everywhere && selector.pods.is_everything()",
            "everywhere",
        ),
        mutant(
            "a named port has any protocol",
            CLASSES,
            "[(Some(port.protocol), name), (None, name)]",
            "[(Some(npv_models::space::Protocol::Tcp), name), (None, name)]",
        ),
        mutant(
            "a named port needs a protocol",
            CLASSES,
            "[(Some(port.protocol), name), (None, name)]",
            "[(Some(port.protocol), name)]",
        ),
        mutant(
            "a name stands for its last port only",
            CLASSES,
            "Some((_, ports)) => *ports = ports.union(&number),",
            "Some((_, ports)) => *ports = number.clone(),",
        ),
        mutant(
            "NotIn needs the key",
            LABELS,
            "Operator::NotIn => !value.is_some_and(listed)",
            "Operator::NotIn => value.is_some_and(|value| !listed(value))",
        ),
        mutant(
            "In matches an absent key",
            LABELS,
            "Operator::In => value.is_some_and(listed)",
            "Operator::In => value.is_none_or(listed)",
        ),
        mutant(
            "Exists and DoesNotExist change places",
            LABELS,
            "Operator::Exists => value.is_some()",
            "Operator::Exists => value.is_none()",
        ),
        mutant(
            "one requirement is enough",
            LABELS,
            "tests.iter().all(|test| test.accepts(labels))",
            "tests.iter().any(|test| test.accepts(labels))",
        ),
        mutant(
            "the index forgets the namespace",
            LABELS,
            "namespaces.binary_search(namespace).ok()?;",
            "let _ = namespace;",
        ),
        mutant(
            "labels of namespaces do not matter",
            LABELS,
            ".filter(|(_, namespace)| selector.matches(&namespace.labels))",
            ".filter(|(_, namespace)| selector.matches(&namespace.labels) || true)",
        ),
        mutant(
            "the index looks for one value of a list",
            LABELS,
            "Operator::In => Some(test.values.iter().map(",
            "Operator::In => Some(test.values.iter().take(1).map(",
        ),
        mutant(
            "an atom ends one address late",
            ADDRESS,
            "[Some(*first), last.next()]",
            "[Some(*first), last.next().and_then(Bound::next)]",
        ),
        mutant(
            "an atom begins one address late",
            ADDRESS,
            "[Some(*first), last.next()]",
            "[first.next(), last.next()]",
        ),
        mutant(
            "an address belongs to the atom before",
            ADDRESS,
            "partition_point(|cut| *cut <= value)",
            "partition_point(|cut| *cut < value)",
        ),
        mutant(
            "an IPv6 address is read as IPv4",
            ADDRESS,
            "IpAddr::V6(address) => self.v4.len() as u32 + atom",
            "IpAddr::V6(address) => atom",
        ),
        mutant(
            "a block holds its first atom only",
            ADDRESS,
            "..from + atom(cuts, *last) + 1)",
            "..from + atom(cuts, *first) + 1)",
        ),
        mutant(
            "exceptions are ignored",
            VOCABULARY,
            "block.difference(&IpSet::net(*hole))",
            "block.union(&IpSet::EMPTY)",
        ),
        mutant(
            "an exception adds to its block",
            VOCABULARY,
            "block.difference(&IpSet::net(*hole))",
            "block.union(&IpSet::net(*hole))",
        ),
        mutant(
            "only the last port entry counts",
            VOCABULARY,
            "fixed = fixed.union(numbers)",
            "fixed = numbers.clone()",
        ),
        mutant(
            "no ports is no port",
            VOCABULARY,
            "Ports::All => TrafficId::ALL,",
            "Ports::All => TrafficId::NONE,",
        ),
        mutant(
            "rows with equal traffic replace each other",
            RELATION,
            "Some((sets, _)) => sets.push(peers),",
            "Some((sets, _)) => *sets = vec![peers],",
        ),
        mutant(
            "sources are not told apart by who lets them in",
            BEHAVIOUR,
            "                for admits in &admits {\n                    admits.refine(&mut partition);\n                }\n",
            "",
        ),
        mutant(
            "destinations are not told apart by who sends to them",
            BEHAVIOUR,
            "                for sends in &sends {\n                    sends.refine(&mut partition);\n                }\n",
            "",
        ),
        mutant(
            "sides change places",
            ENGINE,
            "Direction::Egress => (&plane.egress, source, destination),",
            "Direction::Egress => (&plane.ingress, destination, source),",
        ),
        mutant(
            "one side is enough",
            ENGINE,
            "self.traffic.union(sides.both, self.traffic.intersection(egress, ingress))",
            "self.traffic.union(sides.both, self.traffic.union(egress, ingress))",
        ),
        mutant(
            "sides are put together before they meet",
            ENGINE,
            "self.traffic.union(sides.both, self.traffic.intersection(egress, ingress))",
            "self.traffic.intersection(sides.egress, sides.ingress)",
        ),
        mutant(
            "families never matter",
            CLASSES,
            "space.classes() > 1 && all.any(",
            "space.classes() > usize::MAX && all.any(",
        ),
        mutant(
            "an end without known addresses has no family",
            FAMILY,
            "(true, true) | (false, false) => Self::Both,",
            "(true, true) => Self::Both,\n            (false, false) => Self::Only(Family::V4),",
        ),
        mutant(
            "every end can use every family",
            FAMILY,
            "Self::Only(own) => own == family,",
            "Self::Only(own) => own.name() != \"\",",
        ),
        mutant(
            "ends without a family in common never meet",
            FAMILY,
            "(Family::V4, Families::Only(Family::V4)) => parts.push((v6, only_v6)),",
            "",
        ),
        mutant(
            "an address outside is of one family only",
            COMPILE,
            "set.intersection(&outside)",
            "ClassSet::default()",
        ),
        mutant(
            "blocks of either family match in both",
            COMPILE,
            "Some(Family::V4) => !block.v4().is_empty(),",
            "Some(Family::V4) => true,",
        ),
        mutant(
            "a row has one family only",
            ROWS,
            "let both = same.map_or(traffic, |(_, other)| self.traffic.union(traffic, other));",
            "let both = same.map_or(traffic, |_| traffic);",
        ),
        mutant(
            "rows ignore the source's side",
            ROWS,
            "(TrafficId::NONE, _) => continue,",
            "(TrafficId::NONE, other) => other,",
        ),
        mutant(
            "rows do not list a workload's connections to itself",
            ROWS,
            "(!itself || dst.several)",
            "!itself",
        ),
        mutant(
            "a difference of traffic is an intersection",
            TRAFFIC,
            "Operation::Difference => a.difference(b),",
            "Operation::Difference => a.intersection(b),",
        ),
        mutant(
            "a union of many forgets one",
            TRAFFIC,
            "Traffic::union_of(&all.iter().map(",
            "Traffic::union_of(&all.iter().skip(1).map(",
        ),
        mutant(
            "a difference does not look at its sides' order",
            TRAFFIC,
            "_ => self.combine(Operation::Difference, left, right),",
            "_ => self.combine(Operation::Difference, left.min(right), left.max(right)),",
        ),
    ],
};
