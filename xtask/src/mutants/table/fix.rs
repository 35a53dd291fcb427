//! Wrong operators in what applies fixes and proves them.

use crate::mutants::{Suite, mutant};

const FIX: &str = "analyzer/core/src/fix/mod.rs";
const MEANING: &str = "analyzer/core/src/fix/meaning.rs";
const EFFECT: &str = "analyzer/core/src/fix/effect.rs";

pub(super) const SUITE: Suite = Suite {
    name: "fix",
    tests: &[
        &["--package", "npv-analyzer", "--lib", "fix::"],
        &["--package", "npv-tests", "--test", "all", "fix_laws::"],
        &["--package", "npv-tests", "--test", "all", "cli_fix::"],
    ],
    mutants: &[
        mutant("a fix that is not proved is written", FIX, "self.keeps_meaning(&texts, &state)?;", ""),
        mutant(
            "a fix that mends nothing is written",
            FIX,
            "return Err(\"the finding would still be there\".to_owned());",
            "",
        ),
        mutant(
            "a fix that breaks something else is written",
            FIX,
            "*number > before.get(fault).copied().unwrap_or_default()",
            "*number < before.get(fault).copied().unwrap_or_default()",
        ),
        mutant(
            "unsafe fixes are applied unasked",
            FIX,
            "if safe.is_empty() && unsafe_too {",
            "if safe.is_empty() {",
        ),
        mutant("fixes in the way of another are tried with it", FIX, "&& fix.edits.iter().all(free)", ""),
        mutant(
            "one bad fix keeps others back",
            FIX,
            "        if !kept.is_empty() {\n            // What was refused",
            "        if kept.is_empty() && !failed.is_empty() {\n            break;\n        }\n        if !kept.is_empty() {\n            // What was refused",
        ),
        mutant(
            "a bad fix is kept with the good ones",
            FIX,
            "(Err(why), [only]) => failed.push((only, why)),",
            "(Err(why), [only]) => {\n                self.kept.push(only);\n                failed.push((only, why));\n            }",
        ),
        mutant("text in no file is fixed", FIX, "&& in_files(snapshot, fix)\n", ""),
        mutant(
            "other objects change",
            FIX,
            "return Err(\"it would change an object that is no policy\".to_owned());",
            "continue;",
        ),
        mutant(
            "what cannot be read has no say",
            FIX,
            "if !self.base.complete() {",
            "if !self.base.complete() && self.base.policies.layers.is_empty() {",
        ),
        mutant(
            "what opens is harmless",
            FIX,
            "let first = effect.opened.first().map(|change| (\"open\", change));",
            "let first = None;",
        ),
        mutant(
            "what closes is harmless",
            FIX,
            "match first.or_else(|| effect.closed.first().map(|change| (\"close\", change))) {",
            "match first {",
        ),
        mutant(
            "these pods are all that there will ever be",
            FIX,
            "None => meaning::same_verdicts(&self.base.policies, &after.snapshot.policies, self.base.profile),",
            "None => Ok(()),",
        ),
        mutant(
            "what nobody knows is a proof",
            MEANING,
            "Search::Unknown(why) => Err(format!(\"there is no proof that it changes no verdict: {why}\")),",
            "Search::Unknown(_) => Ok(()),",
        ),
        mutant("other pods are the same", MEANING, "&& one.subject == other.subject", ""),
        mutant("other priorities are the same", MEANING, "&& one.priority == other.priority", ""),
        mutant("other ingress is the same", MEANING, "&& same(&one.ingress, &other.ingress)", ""),
        mutant("other egress is the same", MEANING, "&& same(&one.egress, &other.egress)", ""),
        mutant("other actions are the same", MEANING, "&& one.action == other.action", ""),
        mutant("other peers are the same", MEANING, "peers && ports && one", "ports && one"),
        mutant("other ports are the same", MEANING, "peers && ports && one", "peers && one"),
        mutant("fewer rules are the same", MEANING, "left.len() == right.len() && left", "left"),
        mutant(
            "no rules are the same as no policy",
            MEANING,
            "(None, None) => true,",
            "(None, None) => true,\n        (None, Some(rules)) | (Some(rules), None) => rules.is_empty(),",
        ),
        mutant("fewer policies are the same", MEANING, "of(one) == of(other)\n        && ", ""),
        mutant(
            "only what opens is asked about",
            MEANING,
            "[(difference.opened, \"open\"), (difference.closed, \"close\")]",
            "[(difference.opened, \"open\")]",
        ),
        mutant(
            "policies are objects that may not change",
            MEANING,
            "!matches!(object, Object::Policy(_))",
            "!matches!(object, Object::Policy(_)) || true",
        ),
        mutant(
            "a change of who is there is compared",
            EFFECT,
            "if !same_endpoints(cluster, cluster_after) {",
            "if cluster.groups.len() != cluster_after.groups.len() {",
        ),
        mutant(
            "a pod opens to itself",
            EFFECT,
            "if src.1 == dst.1 && !engine.endpoint(src.1).is_some_and(|endpoint| endpoint.several) {",
            "if false {",
        ),
        mutant(
            "the first difference is the only one",
            EFFECT,
            "if *equal.entry(ids).or_insert_with(|| old == new) {",
            "if !effect.is_none() || *equal.entry(ids).or_insert_with(|| old == new) {",
        ),
    ],
};
