//! The hot paths of the engine, on generated clusters: `cargo bench`.

use divan::Bencher;
use divan::counter::ItemsCount;
use npv_analyzer::engine::{EndpointId, Engine, TrafficTable};
use npv_analyzer::graph::Graph;
use npv_bench::memory;
use npv_bench::plan::{Plan, Size};
use npv_bench::random::Random;
use npv_models::cluster::Cluster;
use npv_models::decide::Profile;
use npv_models::policy::PolicySet;
use npv_models::space::{IpSet, PortSet, Protocol, Traffic};

fn main() {
    divan::main();
}

/// Pods and policies.
const SIZES: [(u32, u32); 2] = [(1_000, 300), (10_000, 2_000)];

fn input((pods, policies): (u32, u32)) -> (Cluster, PolicySet) {
    let plan = Plan::new(Size::new(pods, policies), 1);
    (memory::cluster(&plan), memory::policies(&plan))
}

fn engine(size: (u32, u32)) -> Engine {
    let (cluster, policies) = input(size);
    Engine::new(&cluster, &policies, Profile::default())
}

/// From inventory and policies to classes and what they may send and receive.
#[divan::bench(args = SIZES)]
fn compile(bencher: Bencher<'_, '_>, size: (u32, u32)) {
    let (cluster, policies) = input(size);
    bencher.bench(|| Engine::new(&cluster, &policies, Profile::default()));
}

/// All pairs.
#[divan::bench(args = SIZES)]
fn solve(bencher: Bencher<'_, '_>, size: (u32, u32)) {
    let engine = engine(size);
    bencher.bench(|| {
        let mut connections = 0;
        engine.for_each_row(|_, row| connections += row.len());
        connections
    });
}

/// One pair.
#[divan::bench(args = SIZES)]
fn between(bencher: Bencher<'_, '_>, size: (u32, u32)) {
    let engine = engine(size);
    let mut random = Random::new(1);
    let endpoints = engine.endpoints().len() as u32;
    let mut any = || EndpointId(random.below(endpoints));
    let pairs: Vec<(EndpointId, EndpointId)> = (0..1000).map(|_| (any(), any())).collect();
    let bencher = bencher.counter(ItemsCount::new(pairs.len()));
    bencher.bench(|| pairs.iter().filter(|(src, dst)| !engine.between(*src, *dst).both.is_none()).count());
}

/// Everything that can be reached from one endpoint.
#[divan::bench(args = SIZES)]
fn blast_radius(bencher: Bencher<'_, '_>, size: (u32, u32)) {
    let engine = engine(size);
    let last = EndpointId(engine.endpoints().len() as u32 - 1);
    bencher.bench(|| Graph::new(&engine).blast_radius(last).len());
}

/// Sets of ports that have been combined before.
#[divan::bench]
fn known_intersections(bencher: Bencher<'_, '_>) {
    let table = TrafficTable::default();
    let ports = |first| table.intern(Traffic::of(Protocol::Tcp, PortSet::range(first, first + 100)));
    let ids: Vec<_> = (1..=50).map(|number| ports(number * 7)).collect();
    let bencher = bencher.counter(ItemsCount::new(ids.len() * ids.len()));
    bencher.bench(|| {
        let pairs = ids.iter().flat_map(|left| ids.iter().map(move |right| (*left, *right)));
        pairs.filter(|(left, right)| table.intersection(*left, *right).is_none()).count()
    });
}

/// The union of a thousand blocks.
#[divan::bench]
fn union_of_blocks(bencher: Bencher<'_, '_>) {
    let mut random = Random::new(1);
    let blocks: Vec<IpSet> = (0..1000)
        .filter_map(|_| {
            let address = std::net::Ipv4Addr::from_bits(random.number() as u32);
            ipnet::IpNet::new(address.into(), 8 + random.below(17) as u8).ok().map(IpSet::net)
        })
        .collect();
    bencher.bench(|| blocks.iter().fold(IpSet::EMPTY, |all, block| all.union(block)));
}
