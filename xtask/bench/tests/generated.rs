//! A generated cluster is the same one in memory, as YAML and as JSON.

use std::collections::BTreeMap;

use npv_analyzer::engine::{EndpointKind, Engine, Stats};
use npv_analyzer::snapshot::{Options, Snapshot};
use npv_bench::manifest::{self, Format};
use npv_bench::memory;
use npv_bench::plan::{Plan, Size};
use npv_models::decide::Profile;

/// How many connections, those of nodes apart, there are with each set of traffic, and what the engine had to tell apart.
fn answer(engine: &Engine) -> (BTreeMap<String, usize>, Stats) {
    let mut counts = BTreeMap::new();
    engine.for_each_row(|_, row| {
        let node =
            |id| engine.endpoint(id).is_some_and(|endpoint| matches!(endpoint.kind, EndpointKind::Nodes(_)));
        for connection in row.iter().filter(|connection| !node(connection.src) && !node(connection.dst)) {
            *counts.entry(engine.traffic(connection.traffic).to_string()).or_default() += 1;
        }
    });
    (counts, engine.stats())
}

#[test]
fn manifests_mean_what_the_plan_says() {
    let plan = Plan::new(Size::new(600, 150), 7);
    assert_eq!(plan.pods(), 600);
    assert_eq!(plan.namespaces.iter().map(|namespace| namespace.policies.len()).sum::<usize>(), 150);
    let (cluster, policies) = (memory::cluster(&plan), memory::policies(&plan));
    let wanted = answer(&Engine::new(&cluster, &policies, Profile::default()));
    assert!(wanted.0.len() > 10, "{wanted:?}");
    for format in Format::ALL {
        let mut text = Vec::new();
        manifest::write(&plan, format, &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        let snapshot = Snapshot::from_texts([(format.name(), text)], &Options::default()).unwrap();
        assert_eq!(snapshot.findings.iter().map(|finding| &finding.message).collect::<Vec<_>>(), [""; 0]);
        let mut got = answer(&Engine::new(&snapshot.cluster, &snapshot.policies, snapshot.profile));
        // The manifests have nodes, which are one more class and endpoint.
        got.1.endpoints -= 1;
        got.1.classes -= 1;
        assert_eq!(got, wanted);
    }
}

#[test]
fn a_seed_gives_the_same_cluster_every_time() {
    let text = |seed| {
        let mut text = Vec::new();
        manifest::write(&Plan::new(Size::new(50, 20), seed), Format::Yaml, &mut text).unwrap();
        text
    };
    assert_eq!(text(1), text(1));
    assert_ne!(text(1), text(2));
}

#[test]
fn more_replicas_are_nothing_new_to_the_engine() {
    let stats = |replicas| {
        let plan = Plan::new(Size::new(2000, 300), 3).scaled(replicas);
        let engine = Engine::new(&memory::cluster(&plan), &memory::policies(&plan), Profile::default());
        answer(&engine)
    };
    let (one, two) = (stats(1), stats(2));
    assert_eq!(one.1.tables, two.1.tables);
    assert_eq!(one.1.pairs(), two.1.pairs());
}
