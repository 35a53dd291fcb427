//! Questions that people ask, and the flows that answer them.

use npv_models::decide::{Profile, Verdict};
use npv_models::policy::{
    Action, Direction, NamespaceSelector, PeerMatch, Peers, PodSelector, Policy, PolicySet, PortMatch, Ports,
    Rule,
};
use npv_models::space::{IpSet, Operator, PortSet, Protocol, Requirement, Selector, Traffic};
use npv_symbolic::encode::{PolicyId, RuleId};
use npv_symbolic::rules::Need;
use npv_symbolic::session::{Options, Search, Session};
use npv_symbolic::spec::{EndSpec, Place, Question, Relation};
use npv_symbolic::witness::{Witness, WitnessEnd};

use npv_worlds::words::{self, policies as network_policies, two_way};

fn ingress(namespace: NamespaceSelector, pods: Selector, rules: Vec<Rule>) -> Policy {
    two_way("p", PodSelector { namespaces: namespace, pods }, Some(rules), None)
}

fn allow(peers: Vec<PeerMatch>, ports: Vec<PortMatch>) -> Rule {
    Rule {
        peers: Peers::Listed(peers.into_iter().map(words::peer).collect()),
        ports: Ports::Listed(ports.into_iter().map(words::port).collect()),
        ..words::allow()
    }
}

fn shop() -> NamespaceSelector {
    NamespaceSelector::Named("shop".into())
}

fn tcp(port: u16) -> PortMatch {
    PortMatch::Numbers(Traffic::of(Protocol::Tcp, PortSet::single(port)))
}

fn database(peers: Vec<PeerMatch>, port: PortMatch) -> PolicySet {
    network_policies(vec![ingress(shop(), Selector::label("app", "db"), vec![allow(peers, vec![port])])])
}

/// May anybody but the shop's API reach its database on this port?
fn others_reach_the_database(policies: &PolicySet, port: PortMatch) -> Search {
    let question = Question {
        from: EndSpec::anybody(),
        not_from: Some(EndSpec::pods_in("shop", Selector::label("app", "api"))),
        to: EndSpec::pods_in("shop", Selector::label("app", "db")),
        ports: Some(vec![port]),
        relations: Vec::new(),
    };
    let questions = [question];
    let mut session = Session::new(&[policies], Profile::default(), Options::default(), &questions);
    session.reachable(0, &questions[0], Verdict::Allow).unwrap()
}

fn found(search: Search) -> Witness {
    match search {
        Search::Found(witness) => *witness,
        other => panic!("{other:?}"),
    }
}

#[test]
fn only_the_api_reaches_the_database() {
    let api = PeerMatch::Pods(PodSelector { namespaces: shop(), pods: Selector::label("app", "api") });
    assert_eq!(others_reach_the_database(&database(vec![api], tcp(5432)), tcp(5432)), Search::Nothing);
}

#[test]
fn a_label_that_anybody_can_set_is_shown_with_manifests() {
    let anywhere = PeerMatch::Pods(PodSelector {
        namespaces: NamespaceSelector::Labels(Selector::new([Requirement::new(
            "team",
            Operator::Exists,
            [""; 0],
        )])),
        pods: Selector::label("app", "api"),
    });
    let policies = database(vec![anywhere], PortMatch::Named { protocol: None, name: "pg".into() });
    let witness = found(others_reach_the_database(&policies, tcp(5432)));
    assert_eq!(
        witness.manifests(|_| false),
        r#"apiVersion: v1
kind: Namespace
metadata:
  name: "other"
  labels:
    team: "other"
---
apiVersion: v1
kind: Pod
metadata:
  name: "npv-source"
  namespace: "other"
  labels:
    app: "api"
spec:
  containers:
    - name: c0
      image: registry.k8s.io/pause:3.10
status:
  podIP: "192.0.2.1"
  podIPs:
    - ip: "192.0.2.1"
---
apiVersion: v1
kind: Namespace
metadata:
  name: "shop"
---
apiVersion: v1
kind: Pod
metadata:
  name: "npv-destination"
  namespace: "shop"
  labels:
    app: "db"
spec:
  containers:
    - name: c0
      image: registry.k8s.io/pause:3.10
      ports:
        - containerPort: 5432
          protocol: TCP
          name: "pg"
status:
  podIP: "192.0.2.2"
  podIPs:
    - ip: "192.0.2.2"
"#
    );
    assert_eq!(witness.trace(), ["other/npv-source", "shop/npv-destination:5432/tcp"]);
}

#[test]
fn addresses_are_tried_outside_the_excepted_block() {
    let block = |cidr: &str, except: &[&str]| PeerMatch::Block {
        cidr: cidr.parse().unwrap(),
        except: except.iter().map(|hole| hole.parse().unwrap()).collect(),
    };
    let policies = database(vec![block("10.0.0.0/30", &["10.0.0.0/31"])], tcp(5432));
    let internet = |set: &str| {
        let questions = [Question::between(
            EndSpec::addresses(IpSet::net(set.parse().unwrap())),
            EndSpec::pods_in("shop", Selector::label("app", "db")),
        )];
        let mut session = Session::new(&[&policies], Profile::default(), Options::default(), &questions);
        session.reachable(0, &questions[0], Verdict::Allow).unwrap()
    };
    let witness = found(internet("10.0.0.0/8"));
    assert_eq!(witness.src, WitnessEnd::Address("10.0.0.2".parse().unwrap()));
    assert_eq!(witness.trace()[0], "10.0.0.2");
    assert_eq!(internet("10.0.0.0/31"), Search::Nothing);
    assert_eq!(internet("::/0"), Search::Nothing);
}

#[test]
fn tenants_with_values_that_no_policy_mentions_are_told_apart() {
    let has_tenant = Selector::new([Requirement::new("tenant", Operator::Exists, [""; 0])]);
    let tenants = || PodSelector {
        namespaces: NamespaceSelector::Labels(has_tenant.clone()),
        pods: Selector::EVERYTHING,
    };
    // Everybody in a namespace of some tenant is reached from the namespaces of tenants a and b.
    let from = |values: &[&str]| {
        PeerMatch::Pods(PodSelector {
            namespaces: NamespaceSelector::Labels(Selector::new([Requirement::new(
                "tenant",
                Operator::In,
                values.iter().copied(),
            )])),
            pods: Selector::EVERYTHING,
        })
    };
    let mut question = Question::between(
        EndSpec::from(npv_symbolic::spec::EndPart::Pods(tenants())),
        EndSpec::from(npv_symbolic::spec::EndPart::Pods(tenants())),
    );
    question.relations = vec![Relation { place: Place::Namespace, key: "tenant".into(), same: false }];
    let across = |policies: &PolicySet| {
        let questions = [question.clone()];
        let mut session = Session::new(&[policies], Profile::default(), Options::default(), &questions);
        session.reachable(0, &questions[0], Verdict::Allow).unwrap()
    };
    let policy = |peers| {
        let rule = Rule { ports: Ports::All, ..allow(peers, Vec::new()) };
        network_policies(vec![ingress(
            NamespaceSelector::Labels(has_tenant.clone()),
            Selector::EVERYTHING,
            vec![rule],
        )])
    };
    assert_eq!(across(&policy(Vec::new())), Search::Nothing);
    let witness = found(across(&policy(vec![from(&["a"])])));
    let tenant = |end: &WitnessEnd| match end {
        WitnessEnd::Pod(pod) => pod.namespace_labels.get("tenant").map(str::to_owned),
        _ => None,
    };
    assert_eq!(tenant(&witness.src).as_deref(), Some("a"));
    assert_eq!(tenant(&witness.dst).as_deref(), Some("other"));
    // Two tenants that nobody mentions: only with two invented values is there a flow.
    let nobody = network_policies(Vec::new());
    let witness = found(across(&nobody));
    assert_eq!(tenant(&witness.src).as_deref(), Some("other"));
    assert_eq!(tenant(&witness.dst).as_deref(), Some("other-2"));
    assert!(witness.manifests(|_| false).contains("name: \"other-2\""));
}

#[test]
fn an_earlier_rule_that_only_logs_leaves_a_rule_something_to_decide() {
    let ordered = |first: Action| {
        let rule = |action| Rule {
            peers: Peers::Anyone,
            ports: Ports::All,
            action,
            ..allow(Vec::new(), Vec::new())
        };
        let policies = vec![ingress(shop(), Selector::EVERYTHING, vec![rule(first), rule(Action::Deny)])];
        words::tiers(vec![words::ordered("admin", policies)])
    };
    let decides = |first: Action| {
        let set = ordered(first);
        let id = |rule| RuleId {
            policy: PolicyId { layer: 0, tier: 0, policy: 0 },
            direction: Direction::Ingress,
            rule,
        };
        let need = Session::new(&[&set], Profile::default(), Options::default(), &[]).rule_decides(0, id(1));
        (need, id(0))
    };
    assert_eq!(decides(Action::Log).0, Need::Needed);
    let (need, first) = decides(Action::Pass);
    assert_eq!(need, Need::Hidden(vec![first]));
}

#[test]
fn there_is_no_port_beside_those_that_a_policy_can_name() {
    let api = || PeerMatch::Pods(PodSelector { namespaces: shop(), pods: Selector::label("app", "api") });
    let of = |rule| network_policies(vec![ingress(shop(), Selector::EVERYTHING, vec![rule])]);
    let all = of(Rule { ports: Ports::All, ..allow(vec![api()], Vec::new()) });
    let ranges = |first: u16| {
        let numbers = |protocol| PortMatch::Numbers(Traffic::of(protocol, PortSet::range(first, 65535)));
        of(allow(vec![api()], Protocol::ALL.map(numbers).to_vec()))
    };
    let (every, most) = (ranges(1), ranges(2));
    let mut session = Session::new(&[&all, &every, &most], Profile::default(), Options::default(), &[]);
    assert!(session.difference(0, 1, &Question::anything()).unwrap().none());
    let closed = session.difference(0, 2, &Question::anything()).unwrap().closed;
    assert_eq!(found(closed).port, 1);
}

#[test]
fn both_directions_of_a_difference_are_shown() {
    let left = database(vec![], tcp(5432));
    let any = PeerMatch::Pods(PodSelector { namespaces: shop(), pods: Selector::EVERYTHING });
    let right = database(vec![any], tcp(5432));
    let mut session = Session::new(&[&left, &right], Profile::default(), Options::default(), &[]);
    let difference = session.difference(0, 1, &Question::anything()).unwrap();
    assert_eq!(difference.closed, Search::Nothing);
    let opened = found(difference.opened);
    assert_eq!((opened.protocol, opened.port), (Protocol::Tcp, 5432));
    let decision = session.decide(1, &opened).unwrap();
    assert_eq!(decision.verdict(), Verdict::Allow);
    assert_eq!(decision.steps.last().map(|step| step.direction), Some(Direction::Ingress));
    assert!(session.effort().asked > 0);
}
