//! Proofs on generated clusters: `cargo bench --package npv-bench --bench symbolic`.

use divan::Bencher;
use divan::counter::ItemsCount;
use npv_bench::memory;
use npv_bench::plan::{Plan, Size};
use npv_models::cluster::Cluster;
use npv_models::decide::{Profile, Verdict};
use npv_models::policy::PolicySet;
use npv_models::space::Selector;
use npv_symbolic::lint::{Input, facts};
use npv_symbolic::session::{Options, Session};
use npv_symbolic::spec::{EndSpec, Question};

fn main() {
    divan::main();
}

/// Pods and policies.
const SIZES: [(u32, u32); 4] = [(100, 10), (500, 100), (1_000, 200), (5_000, 1_000)];

fn input((pods, policies): (u32, u32)) -> (Cluster, PolicySet) {
    let plan = Plan::new(Size::new(pods, policies), 1);
    (memory::cluster(&plan), memory::policies(&plan))
}

/// Every lint rule that rests on proofs: what holds in every cluster, and what holds in this one.
#[divan::bench(args = SIZES, consts = [false, true], sample_count = 3, sample_size = 1)]
fn lint<const SNAPSHOT_TOO: bool>(bencher: Bencher<'_, '_>, size: (u32, u32)) {
    let (cluster, policies) = input(size);
    let profile = Profile::default();
    let input =
        Input { policies: &policies, profile, cluster: &cluster, snapshot_too: SNAPSHOT_TOO, budget: 0 };
    bencher.bench(|| facts(&input).map(|found| found.facts.len()));
}

/// From policies to conditions.
#[divan::bench(args = SIZES, sample_count = 3, sample_size = 1)]
fn compile(bencher: Bencher<'_, '_>, size: (u32, u32)) {
    let (_, policies) = input(size);
    bencher
        .bench(|| format!("{:?}", Session::new(&[&policies], Profile::default(), Options::default(), &[])));
}

/// Questions of one session: may anybody outside reach the pods of a namespace?
#[divan::bench(args = SIZES, sample_count = 3, sample_size = 1)]
fn queries(bencher: Bencher<'_, '_>, size: (u32, u32)) {
    let (cluster, policies) = input(size);
    let questions: Vec<_> = cluster
        .namespaces
        .iter()
        .take(20)
        .map(|namespace| {
            let to = EndSpec::pods_in(&namespace.name, Selector::EVERYTHING);
            Question { not_from: Some(to.clone()), ..Question::between(EndSpec::anybody(), to) }
        })
        .collect();
    let mut session = Session::new(&[&policies], Profile::default(), Options::default(), &questions);
    bencher.counter(ItemsCount::new(questions.len())).bench_local(|| {
        let answers = questions.iter().map(|question| session.reachable(0, question, Verdict::Allow));
        answers.flatten().count()
    });
}
