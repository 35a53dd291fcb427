//! Wrong operators in the exact engine: the differential test must notice each.

use crate::mutants::{Suite, mutant};

const TABLE: &str = "analyzer/core/src/engine/table.rs";
const CLASSES: &str = "analyzer/core/src/engine/classes.rs";
const LABELS: &str = "analyzer/core/src/engine/labels.rs";
const ADDRESS: &str = "analyzer/core/src/engine/address.rs";
const VOCABULARY: &str = "analyzer/core/src/engine/vocabulary.rs";
const RELATION: &str = "analyzer/core/src/engine/relation.rs";
const BEHAVIOUR: &str = "analyzer/core/src/engine/behaviour.rs";
const ROWS: &str = "analyzer/core/src/engine/rows.rs";
const ENGINE: &str = "analyzer/core/src/engine/mod.rs";
const TRAFFIC: &str = "analyzer/core/src/engine/traffic.rs";

pub(super) const SUITE: Suite = Suite {
    name: "engine",
    tests: &[&["--package", "npv-tests", "--test", "differential"]],
    mutants: &[
        mutant("nobody is a subject", TABLE, "if !subject {", "if *subject {"),
        mutant(
            "layers are alternatives",
            TABLE,
            "table.allowed = table.allowed.intersection(&allowed, self.traffic);",
            "table.allowed.add_all(allowed, self.traffic);",
        ),
        mutant(
            "pods that no policy selects are isolated",
            TABLE,
            "if policies.is_empty() {",
            "if tier.policies.is_empty() {",
        ),
        mutant(
            "what no tier decides is denied",
            TABLE,
            "allowed.add_all(undecided, self.traffic);\n            table",
            "table",
        ),
        mutant(
            "a union denies",
            TABLE,
            "Mode::Union => vec![with(Action::Allow)],",
            "Mode::Union => vec![with(Action::Deny), with(Action::Allow)],",
        ),
        mutant(
            "an allow wins over a deny",
            TABLE,
            "vec![with(Action::Deny), with(Action::Allow), with(Action::Pass)]",
            "vec![with(Action::Allow), with(Action::Deny), with(Action::Pass)]",
        ),
        mutant(
            "a pass wins over an allow",
            TABLE,
            "vec![with(Action::Deny), with(Action::Allow), with(Action::Pass)]",
            "vec![with(Action::Deny), with(Action::Pass), with(Action::Allow)]",
        ),
        mutant(
            "rules in reverse order",
            TABLE,
            "for rule in rules {\n",
            "for rule in rules.into_iter().rev() {\n",
        ),
        mutant(
            "rules with different actions are one stage",
            TABLE,
            "Some((action, same)) if *action == rule.action =>",
            "Some((_, same)) =>",
        ),
        mutant(
            "named ports are forgotten for ingress",
            TABLE,
            "fixed.chain(named)",
            "fixed.chain(named.take(0))",
        ),
        mutant(
            "an allow goes past earlier rules",
            TABLE,
            "allowed.add_all(undecided.intersection(&matching, self.traffic), self.traffic);",
            "allowed.add_all(matching.clone(), self.traffic);",
        ),
        mutant(
            "pass denies",
            TABLE,
            "Action::Pass => passed.add_all(undecided.intersection(&matching, self.traffic), self.traffic),",
            "Action::Pass => {}",
        ),
        mutant("pass allows", TABLE, "Action::Pass => passed.add_all", "Action::Pass => allowed.add_all"),
        mutant(
            "deny passes",
            TABLE,
            "Action::Deny => {}",
            "Action::Deny => passed.add_all(undecided.intersection(&matching, self.traffic), self.traffic),",
        ),
        mutant("log denies", TABLE, "Action::Log => continue,", "Action::Log => {}"),
        mutant(
            "a decided flow is decided again",
            TABLE,
            "undecided = undecided.difference(&matching, self.traffic);",
            "",
        ),
        mutant(
            "no match denies where the next tier should be asked",
            TABLE,
            "NoMatch::NextTier => passed.add_all(undecided, self.traffic),",
            "NoMatch::NextTier => {}",
        ),
        mutant(
            "no match denies where it should allow",
            TABLE,
            "NoMatch::Allow => allowed.add_all(undecided, self.traffic),",
            "NoMatch::Allow => {}",
        ),
        mutant(
            "no match allows where it should deny",
            TABLE,
            "NoMatch::Deny => {}",
            "NoMatch::Deny => allowed.add_all(undecided, self.traffic),",
        ),
        mutant(
            "policies out of their order",
            TABLE,
            "policies.sort_unstable();\n",
            "policies.sort_unstable_by(|a, b| b.cmp(a));\n",
        ),
        mutant("no peers is nobody", TABLE, "None => self.everybody.clone(),", "None => Arc::default(),"),
        mutant(
            "named ports of egress are every peer's",
            TABLE,
            "let there = peers.intersection(classes);",
            "let there = classes.union(&peers);",
        ),
        mutant(
            "an unknown peer denies nothing",
            TABLE,
            "PeerTerm::Unknown if closes => self.everybody.clone(),",
            "",
        ),
        mutant(
            "an unknown peer is let in",
            TABLE,
            "PeerTerm::Unknown => Arc::default(),",
            "PeerTerm::Unknown => self.everybody.clone(),",
        ),
        mutant(
            "a domain denies nothing",
            TABLE,
            "PeerTerm::Domain(_) if closes => self.unresolved.clone(),",
            "",
        ),
        mutant(
            "a pass rule does not fail closed",
            TABLE,
            "matches!(action, Action::Deny | Action::Pass)",
            "matches!(action, Action::Deny)",
        ),
        mutant(
            "the names of the subject's ports are ignored",
            TABLE,
            "let asks = direction == Direction::Ingress",
            "let asks = direction == Direction::Egress",
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
            "overlapping traffic is not united",
            RELATION,
            "rows.push((both, table.union(known, traffic)));",
            "rows.push((both, table.intersection(known, traffic)));",
        ),
        mutant("what overlaps is lost", RELATION, "rows.push((old.difference(&both), known));", ""),
        mutant("a new peer is lost", RELATION, "        rows.push((rest, traffic));\n", ""),
        mutant(
            "a difference forgets the peers without overlap",
            RELATION,
            "            rows.push((rest, *traffic));\n",
            "",
        ),
        mutant(
            "a difference is an intersection",
            RELATION,
            "rows.push((both, table.difference(*traffic, *known)));",
            "rows.push((both, table.intersection(*traffic, *known)));",
        ),
        mutant(
            "rows with equal traffic replace each other",
            RELATION,
            "*all = all.union(&peers)",
            "*all = peers",
        ),
        mutant(
            "sources are not told apart by who lets them in",
            BEHAVIOUR,
            "                admits.refine(&mut partition);\n",
            "",
        ),
        mutant(
            "destinations are not told apart by who sends to them",
            BEHAVIOUR,
            "                sends.refine(&mut partition);\n",
            "",
        ),
        mutant(
            "sides change places",
            ENGINE,
            "let egress = at(&self.egress, source, destination);",
            "let egress = at(&self.ingress, destination, source);",
        ),
        mutant(
            "one side is enough",
            ENGINE,
            "both: self.traffic.intersection(egress, ingress)",
            "both: self.traffic.union(egress, ingress)",
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
            "a difference does not look at its sides' order",
            TRAFFIC,
            "_ => self.combine(Operation::Difference, left, right),",
            "_ => self.combine(Operation::Difference, left.min(right), left.max(right)),",
        ),
    ],
};
