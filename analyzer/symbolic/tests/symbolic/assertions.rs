//! Assertions as people write them.

use npv_models::decide::{Profile, Verdict};
use npv_models::policy::{NamespaceSelector, PodSelector, PortMatch};
use npv_models::space::{IpSet, Operator, PortSet, Protocol, Requirement, Selector, Traffic};
use npv_symbolic::assertion::{Assertion, Expect, Outcome, prove};
use npv_symbolic::lint::World;
use npv_symbolic::session::Options;
use npv_symbolic::spec::{EndPart, EndSpec, Place, Relation};
use npv_symbolic::witness::WitnessEnd;

use crate::manifests::Manifests;

const SHOP: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {team: shop}}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: shop, labels: {app: db}}
spec: {containers: [{name: c, image: i, ports: [{name: pg, containerPort: 5432}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: api, namespace: shop, labels: {app: api}}
spec: {containers: []}
---
apiVersion: v1
kind: Pod
metadata: {name: report, namespace: shop, labels: {app: report}}
spec: {containers: []}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress: [{from: [{namespaceSelector: {matchLabels: {team: shop}}, podSelector: {matchLabels: {app: api}}}], ports: [{port: pg}]}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: egress, namespace: shop}
spec:
  podSelector: {}
  policyTypes: [Egress]
  egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [169.254.0.0/16]}}, {namespaceSelector: {}}]}]
";

fn app(value: &str) -> EndSpec {
    EndSpec::pods_in("shop", Selector::label("app", value))
}

fn assertion(expect: Expect, from: EndSpec, to: EndSpec, world: World) -> Assertion {
    Assertion { expect, from, to, ports: None, relations: Vec::new(), world }
}

fn tcp(port: u16) -> Vec<PortMatch> {
    vec![PortMatch::Numbers(Traffic::of(Protocol::Tcp, PortSet::single(port)))]
}

fn answer(assertion: Assertion) -> Outcome {
    let manifests = Manifests::read(SHOP);
    let outcomes =
        prove(&manifests.policies, Profile::default(), &manifests.cluster, Options::default(), &[assertion]);
    outcomes.unwrap().remove(0)
}

#[test]
fn only_holds_here_and_fails_where_a_namespace_claims_the_team() {
    let only =
        |world| Assertion { ports: Some(tcp(5432)), ..assertion(Expect::Only, app("api"), app("db"), world) };
    assert_eq!(answer(only(World::Snapshot)), Outcome::Holds);
    let Outcome::Fails(witness) = answer(only(World::EveryCluster)) else { panic!("fails") };
    let WitnessEnd::Pod(source) = &witness.src else { panic!("a pod") };
    assert_eq!(source.namespace_labels.get("team"), Some("shop"));
    assert_ne!(source.namespace, "shop");
    let manifests = Manifests::read(&format!("{}---\n{}", SHOP, witness.manifests(|_| false)));
    let pods =
        manifests.cluster.workloads.iter().filter(|workload| workload.name.starts_with("npv-")).count();
    assert_eq!(pods, 2, "the manifests can be read back");
    let decision = witness.decide(&manifests.policies, Profile::default());
    assert_eq!(decision.verdict(), Verdict::Allow);
}

#[test]
fn allow_looks_for_a_flow_that_is_denied() {
    let allow = |from: &str, world| Assertion {
        ports: Some(tcp(5432)),
        ..assertion(Expect::Allow, app(from), app("db"), world)
    };
    assert_eq!(answer(allow("api", World::Snapshot)), Outcome::Holds);
    assert!(matches!(answer(allow("report", World::Snapshot)), Outcome::Fails(_)));
    // A database that does not declare the port by its name is not reached.
    assert!(matches!(answer(allow("api", World::EveryCluster)), Outcome::Fails(_)));
}

#[test]
fn nobody_reaches_the_metadata_service() {
    let metadata = EndSpec::addresses(IpSet::single("169.254.169.254".parse().unwrap()));
    let deny = |from| assertion(Expect::Deny, from, metadata.clone(), World::EveryCluster);
    assert_eq!(answer(deny(EndSpec::pods_in("shop", Selector::EVERYTHING))), Outcome::Holds);
    let Outcome::Fails(witness) = answer(deny(EndSpec::any_pod())) else { panic!("fails") };
    assert!(matches!(&witness.src, WitnessEnd::Pod(pod) if pod.namespace != "shop" && !pod.host_network));
}

#[test]
fn an_assertion_about_nobody_holds_vacuously() {
    let nobody = assertion(Expect::Deny, app("nobody"), app("db"), World::Snapshot);
    assert_eq!(answer(nobody), Outcome::HoldsVacuously);
    let contradiction = Selector::new([
        Requirement::new("app", Operator::In, ["a"]),
        Requirement::new("app", Operator::NotIn, ["a"]),
    ]);
    let nobody = EndSpec::pods_in("shop", contradiction);
    let deny = assertion(Expect::Deny, nobody, app("db"), World::EveryCluster);
    assert_eq!(answer(deny), Outcome::HoldsVacuously);
}

#[test]
fn relations_narrow_what_only_admits() {
    // Only pods of the same namespace: the team label does not say so.
    let team = |same| Relation { place: Place::Namespace, key: "kubernetes.io/metadata.name".into(), same };
    let only = Assertion {
        relations: vec![team(true)],
        ..assertion(
            Expect::Only,
            EndSpec::from(EndPart::Pods(PodSelector {
                namespaces: NamespaceSelector::Labels(Selector::EVERYTHING),
                pods: Selector::label("app", "api"),
            })),
            app("db"),
            World::EveryCluster,
        )
    };
    let Outcome::Fails(witness) = answer(only.clone()) else { panic!("fails") };
    assert!(matches!(&witness.src, WitnessEnd::Pod(pod) if pod.namespace != "shop"));
    assert_eq!(answer(Assertion { world: World::Snapshot, ..only }), Outcome::Holds);
}

#[test]
fn only_counts_those_whom_policies_could_keep_out() {
    // Nodes always reach the internet: that says nothing of the policies.
    let outside = EndSpec::addresses(IpSet::single("192.0.2.7".parse().unwrap()));
    let from = EndSpec::pods_in("shop", Selector::EVERYTHING);
    let Outcome::Fails(witness) =
        answer(assertion(Expect::Only, from.clone(), outside.clone(), World::EveryCluster))
    else {
        panic!("pods of other namespaces reach it")
    };
    assert!(matches!(&witness.src, WitnessEnd::Pod(pod) if pod.namespace != "shop"));
    assert_eq!(answer(assertion(Expect::Only, from, outside, World::Snapshot)), Outcome::Holds);
    // To a pod, a node counts like everybody else.
    let everywhere = assertion(Expect::Only, EndSpec::any_pod(), app("api"), World::EveryCluster);
    let Outcome::Fails(witness) = answer(everywhere) else { panic!("nothing protects it") };
    assert!(!matches!(&witness.src, WitnessEnd::Pod(pod) if !pod.host_network));
}

#[test]
fn a_witness_does_not_depend_on_earlier_questions() {
    let manifests = Manifests::read(SHOP);
    let metadata = EndSpec::addresses(IpSet::single("169.254.169.254".parse().unwrap()));
    let last = assertion(Expect::Deny, EndSpec::any_pod(), metadata, World::EveryCluster);
    let earlier = [
        assertion(Expect::Allow, app("api"), app("db"), World::EveryCluster),
        assertion(Expect::Only, app("api"), app("db"), World::EveryCluster),
        assertion(Expect::Allow, EndSpec::any_pod(), app("api"), World::EveryCluster),
    ];
    let all: Vec<Assertion> = earlier.into_iter().chain([last.clone()]).collect();
    let prove = |assertions: &[Assertion]| {
        prove(&manifests.policies, Profile::default(), &manifests.cluster, Options::default(), assertions)
            .unwrap()
            .pop()
            .unwrap()
    };
    let (Outcome::Fails(alone), Outcome::Fails(after)) = (prove(&[last]), prove(&all)) else {
        panic!("both fail")
    };
    assert_eq!(alone, after);
}
