//! Wrong operators in what is asked of the exact engine: assertions about the manifests, exposure, and
//! conflicts of policies.

use crate::mutants::{Suite, mutant};

const SNAPSHOT: &str = "analyzer/core/src/query/prove/snapshot.rs";
const RESOLVE: &str = "analyzer/core/src/query/prove/resolve.rs";
const FLOW: &str = "analyzer/core/src/query/prove/flow.rs";
const EXPOSURE: &str = "analyzer/core/src/query/exposure.rs";
const FIRST_MATCH: &str = "analyzer/core/src/lint/first_match.rs";

pub(super) const PROVE: Suite = Suite {
    name: "prove",
    tests: &[
        &["--package", "npv-tests", "--test", "all", "assertions::"],
        &["--package", "npv-tests", "--test", "all", "assertions_by_hand::"],
        &["--package", "npv-tests", "--test", "all", "cli_prove::"],
        &["--package", "npv-tests", "--test", "all", "cli_assertions::"],
    ],
    mutants: &[
        mutant(
            "only means that these are denied",
            SNAPSHOT,
            "!named && (matches!(dst.what",
            "named && (matches!(dst.what",
        ),
        mutant(
            "only forbids what no policy could prevent",
            SNAPSHOT,
            "|| src.what == What::Pods)",
            "|| src.what != What::Outside)",
        ),
        mutant(
            "relations are turned round",
            SNAPSHOT,
            "(src == dst) == relation.same",
            "(src == dst) != relation.same",
        ),
        mutant("a pod meets itself", SNAPSHOT, "self.resolver.several(*endpoint, *group)", "true"),
        mutant("pods of one kind do not meet", SNAPSHOT, "self.resolver.several(*endpoint, *group)", "false"),
        mutant(
            "addresses connect to addresses",
            SNAPSHOT,
            "(Member::Outside(..), Member::Outside(..)) => false,",
            "(Member::Outside(..), Member::Outside(..)) => true,",
        ),
        mutant("named ports are ignored", SNAPSHOT, "if fits {", "if fits && declared.number == 0 {"),
        mutant(
            "a named port is one of any protocol",
            SNAPSHOT,
            "&& protocol.is_none_or(|protocol| protocol == declared.protocol);",
            "&& protocol.is_none_or(|_| true);",
        ),
        mutant(
            "a named port is one of any name",
            SNAPSHOT,
            "declared.name.as_ref() == Some(name)",
            "declared.name.is_some()",
        ),
        mutant(
            "an allowance that is too wide is missing",
            SNAPSHOT,
            "dst.asked.difference(allowed)",
            "allowed.difference(&dst.asked)",
        ),
        mutant(
            "what is not allowed contradicts a denial",
            SNAPSHOT,
            "dst.asked.intersection(allowed)",
            "dst.asked.difference(allowed)",
        ),
        mutant(
            "one of a kind is enough",
            SNAPSHOT,
            "if members.len() > 1 => {}",
            "if !members.is_empty() => {}",
        ),
        mutant(
            "labels that are compared are all the same",
            SNAPSHOT,
            "let labels = labels.collect();",
            "let labels = labels.map(|_| None).collect();",
        ),
        mutant(
            "labels that are compared are those of pods",
            SNAPSHOT,
            "namespace.labels.get(&relation.key)",
            "group.labels.get(&relation.key)",
        ),
        mutant(
            "nodes that are named are others as well",
            SNAPSHOT,
            "!theirs.unwrap_or_default().contains(node)",
            "!theirs.unwrap_or_default().is_empty() || !theirs.unwrap_or_default().contains(node)",
        ),
        mutant(
            "addresses that are named are others as well",
            SNAPSHOT,
            "(all.difference(&theirs), false)",
            "(all.clone(), false)",
        ),
        mutant(
            "pods that are named are others",
            SNAPSHOT,
            "let is_named = named.contains(&member);",
            "let is_named = false;",
        ),
        mutant(
            "pods on the host network are like others",
            SNAPSHOT,
            "if self.seen.binary_search(group).is_ok() => What::Pods,",
            "if self.seen.binary_search(group).is_ok() || !named => What::Pods,",
        ),
        mutant(
            "sources are told apart as destinations are",
            SNAPSHOT,
            "class: engine.source_class(member.endpoint())",
            "class: engine.destination_class(member.endpoint())",
        ),
        mutant(
            "what holds vacuously just holds",
            SNAPSHOT,
            "    if any {\n",
            "    if any || !sources.is_empty() {\n",
        ),
        mutant(
            "of a part of a group there are as many as of the group",
            RESOLVE,
            "Some(positions) => positions.len() > 1,",
            "Some(_) => self.group(group).is_some_and(|group| group.several),",
        ),
        mutant(
            "nodes have any labels",
            RESOLVE,
            "node.is_some_and(|node| selector.matches(&node.labels))",
            "node.is_some()",
        ),
        mutant(
            "pods on a node's network are not meant with it",
            RESOLVE,
            "group.host_network && nodes.any(",
            "group.host_network && !nodes.any(",
        ),
        mutant(
            "all pods on a node are meant with it",
            RESOLVE,
            "group.host_network && nodes.any(",
            "nodes.any(",
        ),
        mutant(
            "addresses are all that policies do not tell apart",
            RESOLVE,
            "let common = all.intersection(addresses);",
            "let common = if all.intersects(addresses) { all.clone() } else { IpSet::EMPTY };",
        ),
        mutant(
            "a workload is its first pods",
            RESOLVE,
            "flat_map(|workload| &workload.groups)",
            "flat_map(|workload| workload.groups.first())",
        ),
        mutant(
            "one of several pods is all of them",
            RESOLVE,
            "pods.members.len() == 1",
            "!pods.members.is_empty()",
        ),
        mutant("nobody is outside", RESOLVE, "members.extend(self.outside(&IpSet::full()));", ""),
        mutant(
            "a flow that does not contradict is shown",
            FLOW,
            "decide(tracer.policies, tracer.profile, &flow).verdict() == wanted",
            "decide(tracer.policies, tracer.profile, &flow).verdict() != wanted",
        ),
        mutant("a pod's connection to itself is shown", FLOW, "if !one_pod && decide", "if decide"),
        mutant("one pod of a kind is shown", FLOW, "if count <= 2 {", "if count <= 1 {"),
        mutant(
            "pods of other parts are shown",
            FLOW,
            "part.binary_search(&(index as u32)).is_err()",
            "part.binary_search(&(index as u32)).is_ok()",
        ),
        mutant(
            "where a pod runs opens it",
            FLOW,
            "destinations.extend(elsewhere.collect::<Vec<_>>());",
            "drop(elsewhere);",
        ),
    ],
};

pub(super) const EXPOSED: Suite = Suite {
    name: "exposure",
    tests: &[&["--package", "npv-tests", "--test", "all", "cli_reach::"]],
    mutants: &[
        mutant(
            "policies of the other direction govern",
            EXPOSURE,
            "policy.rules(direction).is_some() && policy.subject",
            "policy.subject",
        ),
        mutant("every policy governs", EXPOSURE, "&& policy.subject.matches(&end)", ""),
        mutant(
            "policies govern the host network",
            EXPOSURE,
            "if pod.host_network && !self.snapshot.profile.selectors_see_host_network {",
            "if pod.host_network && self.snapshot.profile.selectors_see_host_network {",
        ),
        mutant(
            "workloads with other ports have the same peers",
            EXPOSURE,
            "applying, pod.ports.clone());",
            "applying, Vec::new());",
        ),
        mutant(
            "ports that are not asked for are shown",
            EXPOSURE,
            "exposed.traffic.intersection(over)",
            "exposed.traffic.clone()",
        ),
        mutant(
            "peers without any traffic are shown",
            EXPOSURE,
            "open.retain(|exposed| !exposed.traffic.is_empty());",
            "",
        ),
        mutant(
            "parts with other peers are one row",
            EXPOSURE,
            "filter(|_| all && others.iter().all(|other| other.sides == row.sides))",
            "filter(|_| all)",
        ),
        mutant("a part stands for the whole", EXPOSURE, "filter(|_| all && others", "filter(|_| others"),
        mutant(
            "both directions are shown",
            EXPOSURE,
            "own.as_ref().map_or(other.is_none(),",
            "own.as_ref().map_or(true,",
        ),
        mutant(
            "other namespaces are shown",
            EXPOSURE,
            "is_some_and(|namespace| namespace != &*pod.namespace)",
            "is_some_and(|namespace| namespace == &*pod.namespace)",
        ),
        mutant(
            "who is at some addresses is anybody there",
            EXPOSURE,
            "pods && nodes && peers",
            "nodes && peers",
        ),
    ],
};

pub(super) const CONFLICTS: Suite = Suite {
    name: "conflicts",
    tests: &[&["--package", "npv-tests", "--test", "all", "conflicts::"]],
    mutants: &[
        mutant(
            "earlier policies do not decide",
            FIRST_MATCH,
            "let left = both.difference(&earlier.decided(direction, subject, peer, over));",
            "let left = { let _ = earlier.decided(direction, subject, peer, over); both.clone() };",
        ),
        mutant(
            "earlier rules of the two do not decide",
            FIRST_MATCH,
            "self.before.iter().filter(|policy| policy.subject.contains(subject));\n        let before = before.flat_map(|policy| policy.rules(direction));\n        let rules = before.chain(self.own.into_iter().flatten());",
            "self.before.iter().filter(|policy| policy.subject.contains(subject));\n        let rules = before.flat_map(|policy| policy.rules(direction));",
        ),
        mutant(
            "policies of the same priority decide before",
            FIRST_MATCH,
            "policy.policy.priority < one.policy.priority",
            "policy.policy.priority <= one.policy.priority",
        ),
        mutant(
            "rules with the same action disagree",
            FIRST_MATCH,
            "if our.rule.action == their.rule.action || silent",
            "if our.rule.action != their.rule.action || silent",
        ),
        mutant("a log line disagrees", FIRST_MATCH, " || silent(our.rule) || silent(their.rule)", ""),
        mutant(
            "rules over other ports disagree",
            FIRST_MATCH,
            "if both.is_empty() {\n                    return None;",
            "if both.is_empty() {\n                    return Some(Disagreement { direction, rules: [our.rule, their.rule], src, dst, over: (Protocol::Tcp, 1) });",
        ),
        mutant("a pod meets itself", FIRST_MATCH, "if subject == peer && !own.several {", "if false {"),
        mutant(
            "pods of one class do not meet",
            FIRST_MATCH,
            "if subject == peer && !own.several {",
            "if subject == peer {",
        ),
        mutant(
            "classes of several groups have one pod",
            FIRST_MATCH,
            "class.several = true;",
            "class.several |= several;",
        ),
        mutant(
            "named ports on the host network are seen",
            FIRST_MATCH,
            "self.context.pods.group(group).filter(|group| visible(self.profile, group))",
            "self.context.pods.group(group)",
        ),
        mutant(
            "a log line decides",
            FIRST_MATCH,
            ".filter(|matched| matched.rule.action != Action::Log)",
            ".filter(|_| true)",
        ),
        mutant(
            "policies about others decide before",
            FIRST_MATCH,
            "filter(|policy| policy.subject.contains(subject))",
            "filter(|_| true)",
        ),
        mutant(
            "blocks do not match pods",
            FIRST_MATCH,
            "false if !self.profile.blocks_match_pods => Location::Unseen,",
            "false => Location::Unseen,",
        ),
        mutant(
            "blocks match pods whatever the plugin does",
            FIRST_MATCH,
            "false if !self.profile.blocks_match_pods => Location::Unseen,",
            "",
        ),
        mutant(
            "an except takes out nothing",
            FIRST_MATCH,
            "cidr.contains(address) && !except.iter().any(|hole| hole.contains(address))",
            "cidr.contains(address)",
        ),
        mutant(
            "any selector of nodes matches an unknown node",
            FIRST_MATCH,
            "Network::OfUnknownNode => selector.is_everything(),",
            "Network::OfUnknownNode => true,",
        ),
        mutant(
            "pods are their nodes",
            FIRST_MATCH,
            "_ if !group.host_network => Network::Own,",
            "_ if !group.host_network && node.is_none() => Network::Own,",
        ),
        mutant(
            "an unknown peer lets in",
            FIRST_MATCH,
            "PeerMatch::Domain(_) | PeerMatch::Unknown if closed => FixedBitSet::new(),",
            "PeerMatch::Domain(_) | PeerMatch::Unknown if !closed => FixedBitSet::new(),",
        ),
        mutant(
            "domains are everybody",
            FIRST_MATCH,
            "PeerMatch::Domain(_) => self.outside.clone(),",
            "PeerMatch::Domain(_) => self.everybody.clone(),",
        ),
    ],
};
