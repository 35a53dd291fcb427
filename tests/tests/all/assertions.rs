//! Assertions about the endpoints of the manifests agree with the reference semantics on random small
//! worlds: they hold exactly where no flow contradicts them, and the flow that is shown does.

use std::net::IpAddr;

use npv_analyzer::assertion::{Assertion, Ends, Expect, Part, Who as Meant, World as Where};
use npv_analyzer::engine::Engine;
use npv_analyzer::query::prove::{Outcome, prove};
use npv_analyzer::snapshot::Snapshot;
use npv_models::cluster::{ContainerPort, PodGroup};
use npv_models::decide::{End, Exemption, Flow, Verdict, decide, decide_over};
use npv_models::policy::{NamespaceSelector, PeerMatch, Peers, PodSelector, PortMatch};
use npv_models::source::{SourceId, Span};
use npv_models::space::{IpSet, PortSet, Protocol, Selector, Traffic};
use npv_symbolic::spec::{Place, Relation};
use npv_tests::cases;
use npv_worlds::{Inventory, Shape, Spaces, Who, World, worlds};
use proptest::prelude::*;
use proptest::sample::Index;

/// Ends that a world makes interesting.
fn meant(world: &World) -> Vec<Meant> {
    let everywhere = NamespaceSelector::Labels(Selector::EVERYTHING);
    let mut pods = vec![PodSelector { namespaces: everywhere, pods: Selector::EVERYTHING }];
    for (_, _, policy) in world.policies.policies() {
        pods.push(policy.subject.clone());
        for rule in policy.ingress.iter().chain(&policy.egress).flatten() {
            let Peers::Listed(peers) = &rule.peers else { continue };
            pods.extend(peers.iter().filter_map(|peer| match &peer.matches {
                PeerMatch::Pods(selector) => Some(selector.clone()),
                _ => None,
            }));
        }
    }
    let mut meant: Vec<Meant> = pods.into_iter().map(Meant::Pods).collect();
    let addresses: Vec<IpAddr> = world.outside_addresses().into_iter().collect();
    meant.extend(addresses.iter().map(|address| Meant::Addresses(IpSet::single(*address))));
    meant.extend([Meant::Addresses(IpSet::full()), Meant::Anybody, Meant::Nodes(Selector::EVERYTHING)]);
    meant.extend(world.cluster.nodes.iter().flat_map(|node| {
        node.labels.iter().map(|(key, value)| Meant::Nodes(Selector::label(key, value))).collect::<Vec<_>>()
    }));
    meant
}

#[derive(Debug)]
struct Draft {
    expect: Expect,
    ends: [Vec<Index>; 2],
    port: Option<(Index, Index, bool)>,
    relation: Option<(bool, bool)>,
}

fn drafts() -> impl Strategy<Value = Draft> {
    let expect = prop_oneof![Just(Expect::Allow), Just(Expect::Deny), Just(Expect::Only)];
    let end = || prop::collection::vec(any::<Index>(), 1..3);
    let port = prop::option::of((any::<Index>(), any::<Index>(), any::<bool>()));
    (expect, end(), end(), port, prop::option::of(any::<(bool, bool)>()))
        .prop_map(|(expect, from, to, port, relation)| Draft { expect, ends: [from, to], port, relation })
}

fn ports(world: &World) -> Vec<(Protocol, u16)> {
    let of = |protocol| world.boundary_ports(protocol).into_iter().map(move |port| (protocol, port));
    Protocol::ALL.into_iter().flat_map(of).collect()
}

fn assertion(world: &World, draft: &Draft) -> Assertion {
    let span = Span::new(SourceId(0), 0, 0);
    let meant = meant(world);
    let [from, to] = [0, 1].map(|side| Ends {
        parts: draft.ends[side].iter().map(|index| Part { who: index.get(&meant).clone(), span }).collect(),
        span,
    });
    let all = ports(world);
    let ports = draft.port.as_ref().map(|(first, last, named)| {
        if *named {
            let name = if first.index(2) == 0 { "web" } else { "dns" };
            let protocol = Protocol::ALL.get(last.index(2 * Protocol::ALL.len())).copied();
            return vec![PortMatch::Named { protocol, name: name.into() }];
        }
        let ((protocol, first), (_, last)) = (*first.get(&all), *last.get(&all));
        vec![PortMatch::Numbers(Traffic::of(protocol, PortSet::range(first.min(last), last.max(first))))]
    });
    let relations = draft.relation.map(|(same, pods)| {
        let place = if pods { Place::Pod } else { Place::Namespace };
        Relation { place, key: "a".into(), same }
    });
    let relations = relations.into_iter().collect();
    Assertion {
        name: "random".to_owned(),
        span,
        whole: span,
        expect: draft.expect,
        from,
        to,
        ports,
        relations,
        world: Where::Snapshot,
    }
}

/// The naive answer, from the definition of each word.
struct Naive<'w> {
    world: &'w World,
    inventory: Inventory<'w>,
}

impl Naive<'_> {
    fn group(&self, who: Who) -> Option<&PodGroup> {
        match who {
            Who::Pod(group, _) => Some(&self.world.cluster.groups[group.0 as usize]),
            _ => None,
        }
    }

    fn end(&self, who: Who) -> End<'_> {
        self.inventory.end(who).unwrap()
    }

    fn everybody(&self) -> Vec<Who> {
        let mut all = self.inventory.members();
        all.extend(self.world.outside_addresses().into_iter().map(Who::Address));
        all
    }

    fn is(&self, who: Who, ends: &Ends) -> bool {
        ends.parts.iter().any(|part| match (&part.who, self.end(who)) {
            (Meant::Anybody, _) => true,
            (Meant::Addresses(set), End::Address(address)) => set.contains(address),
            (Meant::Nodes(selector), End::Node(node)) => selector.matches(node.labels),
            (Meant::Nodes(selector), End::Pod(pod)) => {
                pod.host_network && pod.node.is_some_and(|node| selector.matches(node.labels))
            }
            (Meant::Pods(selector), End::Pod(pod)) => {
                let namespace = match &selector.namespaces {
                    NamespaceSelector::Named(name) => pod.namespace == Some(&**name),
                    NamespaceSelector::Labels(labels) => labels.matches(pod.namespace_labels),
                };
                self.seen(who) && namespace && selector.pods.matches(pod.labels)
            }
            _ => false,
        })
    }

    fn seen(&self, who: Who) -> bool {
        let host = self.group(who).map(|group| group.host_network);
        host.is_some_and(|host| !host || self.world.profile.selectors_see_host_network)
    }

    fn label(&self, who: Who, relation: &Relation) -> Option<String> {
        let End::Pod(pod) = self.end(who) else { return None };
        let labels = if relation.place == Place::Pod { pod.labels } else { pod.namespace_labels };
        labels.get(&relation.key).map(str::to_owned)
    }

    /// Whether the assertion is against the flow if it has the verdict that the assertion forbids.
    fn concerns(&self, assertion: &Assertion, src: Who, dst: Who, (protocol, port): (Protocol, u16)) -> bool {
        let outside = |who| matches!(who, Who::Address(_));
        let alone = match (src, dst) {
            (Who::Pod(left, None), Who::Pod(right, None)) if left == right => {
                !self.group(src).unwrap().several
            }
            _ => src == dst && matches!(src, Who::Pod(..)),
        };
        let over = assertion.ports.as_ref().is_none_or(|ports| {
            ports.iter().any(|wanted| match wanted {
                PortMatch::Numbers(traffic) => traffic.contains(protocol, port),
                PortMatch::Named { protocol: wanted, name } => self.group(dst).is_some_and(|group| {
                    let fits = wanted.is_none_or(|wanted| wanted == protocol);
                    let named = |own: &ContainerPort| own.name.as_ref() == Some(name);
                    let mut own = group.ports.iter().filter(|own| fits && named(own));
                    own.any(|own| own.protocol == protocol && own.number == port)
                }),
            })
        });
        if alone || !over || (outside(src) && outside(dst)) || !self.is(dst, &assertion.to) {
            return false;
        }
        let related = assertion
            .relations
            .iter()
            .all(|relation| (self.label(src, relation) == self.label(dst, relation)) == relation.same);
        let about = self.is(src, &assertion.from) && related;
        match assertion.expect {
            Expect::Allow | Expect::Deny => about,
            Expect::Only => !about && (self.seen(src) || matches!(dst, Who::Pod(..))),
        }
    }

    /// The verdict where the source is on no node that the destination runs on.
    fn allowed(&self, src: Who, dst: Who, (protocol, port): (Protocol, u16)) -> bool {
        let (policies, profile) = (&self.world.policies, self.world.profile);
        let flow = Flow { src: self.end(src), dst: self.end(dst), protocol, port };
        let decision = decide(policies, profile, &flow);
        if decision.exemption != Some(Exemption::OwnNode) {
            return decision.verdict() == Verdict::Allow;
        }
        let elsewhere = Flow { dst: self.inventory.anywhere(dst).unwrap(), ..flow };
        flow.families().into_iter().any(|family| {
            decide_over(policies, profile, &flow, family).egress == Verdict::Allow
                && decide_over(policies, profile, &elsewhere, family).ingress == Verdict::Allow
        })
    }

    fn contradiction(&self, assertion: &Assertion) -> Option<(Who, Who, Protocol, u16)> {
        let (all, ports) = (self.everybody(), ports(self.world));
        for src in &all {
            for dst in &all {
                for over in &ports {
                    let against = || self.allowed(*src, *dst, *over) != (assertion.expect == Expect::Allow);
                    if self.concerns(assertion, *src, *dst, *over) && against() {
                        return Some((*src, *dst, over.0, over.1));
                    }
                }
            }
        }
        None
    }
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn assertions_about_the_snapshot_hold_where_no_flow_contradicts_them(world in worlds(Shape::PLAIN), draft in drafts()) {
        let assertion = assertion(&world, &draft);
        let spaces = Spaces::of(&world.cluster);
        let naive = Naive { world: &world, inventory: Inventory::new(&world.cluster, &spaces) };
        let contradiction = naive.contradiction(&assertion);
        let engine = Engine::new(&world.cluster, &world.policies, world.profile);
        let snapshot = Snapshot {
            cluster: world.cluster.clone(),
            policies: world.policies.clone(),
            profile: world.profile,
            ..Snapshot::default()
        };
        let assertions = [assertion];
        let proofs = prove(&snapshot, &engine, &assertions).unwrap();
        prop_assert!(proofs.findings.is_empty());
        let outcome = &proofs.proofs[0].outcome;
        prop_assert_eq!(
            outcome.holds(),
            Some(contradiction.is_none()),
            "{} {:?} {:?}",
            assertions[0],
            contradiction,
            outcome
        );
        if let Outcome::Fails(found) = outcome {
            // The engine looked at pods in general, and decided as the reference semantics.
            prop_assert_eq!(found.part.allowed.is_empty(), assertions[0].expect == Expect::Allow);
        }
    }
}
