//! Who and what the rules of an ordered tier match, in classes that the tier does not tell apart.
//!
//! Pods, nodes and addresses with the same selectors, blocks and named ports are one class, so that a
//! question about all flows of a tier costs as much as its rules can distinguish, however many pods
//! there are.

use std::net::{IpAddr, Ipv4Addr};

use fixedbitset::FixedBitSet;
use ipnet::IpNet;
use npv_models::cluster::{GroupId, Node, PodGroup};
use npv_models::policy::{
    Action, Direction, Entity, PeerMatch, Peers, PodSelector, Policy, PortMatch, Ports, Profile, Rule, Tier,
};
use npv_models::space::{IpSet, Protocol, Selector, Traffic};
use rustc_hash::FxHashMap;

use super::context::Context;
use super::traffic::{item_toward, toward};
use crate::engine::EndpointKind;

/// Somebody outside, for rules that name everybody: an address of those that are kept for documentation.
const OUTSIDER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// One of the ends that a tier does not tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sample {
    /// A pod: of a template where it is no member.
    Pod { group: GroupId, member: Option<usize> },
    /// A node, by its index.
    Node(usize),
    /// An address outside of the cluster.
    Address(IpAddr),
}

/// What a tier can see of an end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Seen {
    /// Numbers of the selectors of pods that match, ascending.
    selectors: Vec<u32>,
    /// Its ports whose names the tier uses.
    ports: Vec<(u32, Protocol, u16)>,
    /// For each block and each selector of nodes, whether it matches.
    others: Vec<bool>,
    /// It is outside of the cluster.
    outside: bool,
    /// Blocks may match it, and nobody knows its address.
    unaddressed: bool,
}

#[derive(Debug)]
struct Class {
    sample: Sample,
    /// It has more than one pod, so that one can connect to another.
    several: bool,
}

/// A rule with whom it matches.
#[derive(Debug)]
struct Matched<'a> {
    rule: &'a Rule,
    /// Which of the ends that its policy applies to.
    own: FixedBitSet,
    peers: FixedBitSet,
}

/// A policy with whom it selects.
#[derive(Debug)]
pub(super) struct Ordered<'a> {
    /// The policy.
    pub(super) policy: &'a Policy,
    subject: FixedBitSet,
    ingress: Vec<Matched<'a>>,
    egress: Vec<Matched<'a>>,
}

impl<'a> Ordered<'a> {
    fn rules(&self, direction: Direction) -> &[Matched<'a>] {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }

    /// Whether some pod is subject to both policies.
    pub(super) fn shares_pods(&self, other: &Self) -> bool {
        !self.subject.is_disjoint(&other.subject)
    }
}

/// A flow that two policies of one priority decide differently.
#[derive(Debug)]
pub(super) struct Disagreement<'a> {
    /// The side that the policies decide.
    pub(super) direction: Direction,
    /// The rules that decide it, in the order of the policies asked about.
    pub(super) rules: [&'a Rule; 2],
    /// Where the flow comes from.
    pub(super) src: Sample,
    /// Where it goes to.
    pub(super) dst: Sample,
    /// Its protocol and port.
    pub(super) over: (Protocol, u16),
}

/// The policies of an ordered tier.
#[derive(Debug)]
pub(super) struct Program<'a, 'c> {
    context: &'c Context<'a>,
    /// The choices that hold in the tier.
    profile: Profile,
    classes: Vec<Class>,
    /// In evaluation order.
    pub(super) policies: Vec<Ordered<'a>>,
}

/// Whether selectors see the pods of a group (S-37).
fn visible(profile: Profile, group: &PodGroup) -> bool {
    !group.host_network || profile.selectors_see_host_network
}

impl<'a, 'c> Program<'a, 'c> {
    /// Classifies all ends for a tier.
    pub(super) fn new(context: &'c Context<'a>, tier: &'a Tier) -> Self {
        let words = Words::of(tier);
        let profile = tier.profile(context.snapshot.profile);
        let mut members: Vec<Vec<u32>> = vec![Vec::new(); context.cluster().groups.len()];
        for (number, selector) in (0_u32..).zip(&words.selectors) {
            let unasked;
            let selected = if let Some(known) = context.selected(tier, selector) {
                known
            } else {
                unasked = context.pods.select(selector, profile.selectors_see_host_network);
                &unasked
            };
            for group in selected.pods.iter() {
                if let Some(numbers) = members.get_mut(group.0 as usize) {
                    numbers.push(number);
                }
            }
        }
        let mut classes = Classes::default();
        let cluster = context.cluster();
        let ends = Ends {
            nodes: &cluster.nodes,
            pod_space: cluster.pod_space(),
            node_space: cluster.node_space(),
            profile,
        };
        for ((index, group), selectors) in (0_u32..).zip(&context.cluster().groups).zip(members) {
            words.pods(&ends, (GroupId(index), group), &selectors, &mut classes);
        }
        for (index, node) in context.cluster().nodes.iter().enumerate() {
            let seen = Seen { others: words.of_node(&ends, node), ..Seen::default() };
            classes.add(seen, Sample::Node(index), false);
        }
        let inside = &cluster.assumptions.pod_addresses;
        for address in words.addresses_beyond(inside) {
            let seen = Seen { others: words.of_address(address), outside: true, ..Seen::default() };
            classes.add(seen, Sample::Address(address), false);
        }
        let matches = Matches::new(&words, &classes);
        let policies = tier.policies.iter().map(|policy| matches.policy(policy)).collect();
        Self { context, profile, classes: classes.list, policies }
    }

    /// A flow that the first of two policies of one priority decides otherwise than the second, and no
    /// policy of a lower priority decides before them. Both by their place in evaluation order.
    pub(super) fn disagreement(&self, first: usize, second: usize) -> Option<Disagreement<'a>> {
        let (one, other) = (self.policies.get(first)?, self.policies.get(second)?);
        let mut subjects = one.subject.clone();
        subjects.intersect_with(&other.subject);
        if subjects.is_clear() {
            return None;
        }
        let before: Vec<&Ordered<'a>> =
            self.policies.iter().filter(|policy| policy.policy.priority < one.policy.priority).collect();
        Direction::ALL.into_iter().find_map(|direction| {
            let (ours, theirs) = (one.rules(direction), other.rules(direction));
            ours.iter().enumerate().find_map(|(place, our)| {
                theirs.iter().enumerate().find_map(|(their_place, their)| {
                    let earlier =
                        Earlier { before: &before, own: [ours.get(..place)?, theirs.get(..their_place)?] };
                    self.common(direction, [our, their], &subjects, &earlier)
                })
            })
        })
    }

    /// A flow that two rules match and no earlier one.
    fn common(
        &self,
        direction: Direction,
        [our, their]: [&Matched<'a>; 2],
        subjects: &FixedBitSet,
        earlier: &Earlier<'_, 'a>,
    ) -> Option<Disagreement<'a>> {
        let silent = |rule: &Rule| rule.action == Action::Log;
        if our.rule.action == their.rule.action || silent(our.rule) || silent(their.rule) {
            return None;
        }
        if let (Some(ours), Some(theirs)) = (numbers(our.rule), numbers(their.rule))
            && !ours.intersects(&theirs)
        {
            return None;
        }
        let mut peers = our.peers.clone();
        peers.intersect_with(&their.peers);
        let mut subjects = subjects.clone();
        subjects.intersect_with(&our.own);
        subjects.intersect_with(&their.own);
        subjects.ones().find_map(|subject| {
            peers.ones().find_map(|peer| {
                let (own, other) = (self.classes.get(subject)?, self.classes.get(peer)?);
                // One certain pod is never denied itself (S-36).
                if subject == peer && !own.several {
                    return None;
                }
                let (src, dst) = match direction {
                    Direction::Ingress => (other.sample, own.sample),
                    Direction::Egress => (own.sample, other.sample),
                };
                let pods = self.named_ports(dst);
                let over = |rule: &Rule| {
                    let without = rule.not_ports.iter().map(|item| item_toward(&item.matches, pods));
                    without.fold(toward(&rule.ports, pods), |traffic, item| traffic.difference(&item))
                };
                let both = over(our.rule).intersection(&over(their.rule));
                if both.is_empty() {
                    return None;
                }
                let left = both.difference(&earlier.decided(direction, subject, peer, over));
                let over = left.first()?;
                Some(Disagreement { direction, rules: [our.rule, their.rule], src, dst, over })
            })
        })
    }

    /// The pods whose names of ports a rule can mean (S-24, S-37).
    fn named_ports(&self, sample: Sample) -> Option<&'a PodGroup> {
        let Sample::Pod { group, .. } = sample else { return None };
        self.context.pods.group(group).filter(|group| visible(self.profile, group))
    }

    /// What findings call an end.
    pub(super) fn name(&self, sample: Sample) -> String {
        let engine = self.context.engine;
        match sample {
            Sample::Pod { group, .. } => {
                let id = self.context.endpoints_of(group).first();
                id.and_then(|id| engine.endpoint(*id)).map_or_else(String::new, |end| end.id.clone())
            }
            Sample::Node(index) => {
                let holds = |kind: &EndpointKind| matches!(kind, EndpointKind::Nodes(nodes) if nodes.contains(&(index as u32)));
                let end = engine.endpoints().iter().find(|end| holds(&end.kind));
                end.map_or_else(String::new, |end| end.id.clone())
            }
            Sample::Address(address) => address.to_string(),
        }
    }
}

/// The traffic of a rule where no name of a port is in it.
fn numbers(rule: &Rule) -> Option<Traffic> {
    let Ports::Listed(items) = &rule.ports else { return Some(Traffic::all()) };
    let names = items.iter().any(|item| matches!(item.matches, PortMatch::Named { .. }));
    (!names).then(|| toward(&rule.ports, None))
}

/// The rules that are asked before two rules.
struct Earlier<'p, 'a> {
    /// Policies of lower priorities.
    before: &'p [&'p Ordered<'a>],
    /// The rules of the two policies themselves.
    own: [&'p [Matched<'a>]; 2],
}

impl Earlier<'_, '_> {
    /// What they decide between two classes.
    fn decided(
        &self,
        direction: Direction,
        subject: usize,
        peer: usize,
        over: impl Fn(&Rule) -> Traffic,
    ) -> Traffic {
        let before = self.before.iter().filter(|policy| policy.subject.contains(subject));
        let before = before.flat_map(|policy| policy.rules(direction));
        let rules = before.chain(self.own.into_iter().flatten());
        rules
            .filter(|matched| matched.rule.action != Action::Log)
            .filter(|matched| matched.own.contains(subject) && matched.peers.contains(peer))
            .fold(Traffic::NONE, |traffic, matched| traffic.union(&over(matched.rule)))
    }
}

/// Ends by what a tier sees of them.
#[derive(Default)]
struct Classes {
    list: Vec<Class>,
    seen: Vec<Seen>,
    numbers: FxHashMap<Seen, usize>,
}

impl Classes {
    fn add(&mut self, seen: Seen, sample: Sample, several: bool) {
        if let Some(class) = self.numbers.get(&seen).and_then(|number| self.list.get_mut(*number)) {
            class.several = true;
            return;
        }
        self.numbers.insert(seen.clone(), self.list.len());
        self.seen.push(seen);
        self.list.push(Class { sample, several });
    }
}

/// On whose network an end is.
#[derive(Clone, Copy)]
enum Network<'n> {
    /// On its own: a pod as most, or an address.
    Own,
    /// On that of a node that no manifest defines, of which only a selector of everything is certain to
    /// match (S-64).
    OfUnknownNode,
    /// On that of a node, or the node itself.
    OfNode(&'n Node),
}

/// Where a tier sees an end.
enum Location<'e> {
    /// Blocks do not match it.
    Unseen,
    /// At these addresses.
    At(&'e [IpAddr]),
    /// Somewhere in there, as no manifest shows its address (S-16).
    Within(&'e IpSet),
}

impl Location<'_> {
    /// Whether a block that does not hold it for certain may do so.
    fn is_hidden(&self) -> bool {
        matches!(self, Self::Within(_))
    }

    /// Whether it is in a block for certain (S-17).
    fn is_in(&self, cidr: &IpNet, except: &[IpNet]) -> bool {
        match self {
            Self::Unseen => false,
            Self::At(addresses) => addresses
                .iter()
                .any(|address| cidr.contains(address) && !except.iter().any(|hole| hole.contains(address))),
            Self::Within(space) => {
                let all = IpSet::net(*cidr);
                let block = except.iter().fold(all, |rest, hole| rest.difference(&IpSet::net(*hole)));
                !space.is_empty() && space.is_subset(&block)
            }
        }
    }
}

/// The ends of a cluster as a tier sees them.
struct Ends<'c> {
    nodes: &'c [Node],
    pod_space: IpSet,
    node_space: IpSet,
    profile: Profile,
}

impl Ends<'_> {
    fn of_pod<'e>(&'e self, group: &PodGroup, addresses: &'e [IpAddr]) -> Location<'e> {
        match group.host_network {
            // S-37: it has its node's addresses.
            true => self.of_node(addresses),
            false if !self.profile.blocks_match_pods => Location::Unseen,
            false if addresses.is_empty() => Location::Within(&self.pod_space),
            false => Location::At(addresses),
        }
    }

    fn of_node<'e>(&'e self, addresses: &'e [IpAddr]) -> Location<'e> {
        match addresses {
            _ if !self.profile.blocks_match_nodes => Location::Unseen,
            [] => Location::Within(&self.node_space),
            known => Location::At(known),
        }
    }
}

/// Everything that the rules of a tier ask of an end.
struct Words<'a> {
    selectors: Vec<&'a PodSelector>,
    names: Vec<&'a str>,
    blocks: Vec<(IpNet, &'a [IpNet])>,
    nodes: Vec<&'a Selector>,
}

impl<'a> Words<'a> {
    fn of(tier: &'a Tier) -> Self {
        let mut words =
            Self { selectors: Vec::new(), names: Vec::new(), blocks: Vec::new(), nodes: Vec::new() };
        for policy in &tier.policies {
            words.selectors.push(&policy.subject);
            policy.also.iter().for_each(|matches| words.peer(matches));
            let rules = Direction::ALL.into_iter().filter_map(|direction| policy.rules(direction)).flatten();
            for rule in rules {
                words.rule(rule);
            }
        }
        words.selectors.sort_unstable();
        words.selectors.dedup();
        words.names.sort_unstable();
        words.names.dedup();
        words.blocks.sort_unstable();
        words.blocks.dedup();
        words.nodes.sort_unstable();
        words.nodes.dedup();
        words
    }

    fn rule(&mut self, rule: &'a Rule) {
        for peers in [&rule.own, &rule.peers] {
            if let Peers::Listed(peers) = peers {
                peers.iter().for_each(|peer| self.peer(&peer.matches));
            }
        }
        if let Ports::Listed(items) = &rule.ports {
            self.names.extend(items.iter().filter_map(|item| match &item.matches {
                PortMatch::Named { name, .. } => Some(&**name),
                PortMatch::Numbers(_) => None,
            }));
        }
    }

    fn peer(&mut self, matches: &'a PeerMatch) {
        for (term, _) in matches.terms() {
            match term {
                PeerMatch::Pods(selector) => self.selectors.push(selector),
                PeerMatch::Block { cidr, except } => self.blocks.push((*cidr, except)),
                PeerMatch::Nodes(selector) => self.nodes.push(selector),
                _ => {}
            }
        }
    }

    fn pods(
        &self,
        ends: &Ends<'_>,
        (id, group): (GroupId, &PodGroup),
        selectors: &[u32],
        classes: &mut Classes,
    ) {
        let visible = visible(ends.profile, group);
        let mut ports = Vec::new();
        for port in group.ports.iter().filter(|_| visible) {
            let number = port.name.as_deref().and_then(|name| self.names.binary_search(&name).ok());
            ports.extend(number.map(|number| (number as u32, port.protocol, port.number)));
        }
        let mut add = |others, member: Option<usize>, unaddressed, several| {
            let seen = Seen {
                selectors: selectors.to_vec(),
                ports: ports.clone(),
                others,
                outside: false,
                unaddressed,
            };
            classes.add(seen, Sample::Pod { group: id, member }, several);
        };
        // Where nothing asks for an address or a node, all pods of the group are seen alike.
        if self.blocks.is_empty() && self.nodes.is_empty() {
            return add(Vec::new(), None, false, group.several || group.pods > 1);
        }
        let nodes = ends.nodes;
        let network = |node: Option<&str>| {
            let node = node.and_then(|name| nodes.binary_search_by(|node| (*node.name).cmp(name)).ok());
            match node.and_then(|index| nodes.get(index)) {
                _ if !group.host_network => Network::Own,
                Some(node) => Network::OfNode(node),
                None => Network::OfUnknownNode,
            }
        };
        if group.members.is_empty() {
            let location = ends.of_pod(group, &[]);
            let others = self.others(&location, network(None));
            return add(others, None, location.is_hidden(), group.several);
        }
        let several = group.several && group.members.len() == 1;
        for (index, member) in group.members.iter().enumerate() {
            let location = ends.of_pod(group, &member.addresses);
            let others = self.others(&location, network(member.node.as_deref()));
            add(others, Some(index), location.is_hidden(), several);
        }
    }

    fn of_node(&self, ends: &Ends<'_>, node: &Node) -> Vec<bool> {
        self.others(&ends.of_node(&node.addresses), Network::OfNode(node))
    }

    fn of_address(&self, address: IpAddr) -> Vec<bool> {
        self.others(&Location::At(&[address]), Network::Own)
    }

    /// Which blocks and selectors of nodes match.
    fn others(&self, location: &Location<'_>, network: Network<'_>) -> Vec<bool> {
        let blocks = self.blocks.iter().map(|(cidr, except)| location.is_in(cidr, except));
        let nodes = self.nodes.iter().map(|selector| match network {
            Network::Own => false,
            Network::OfUnknownNode => selector.is_everything(),
            Network::OfNode(node) => selector.matches(&node.labels),
        });
        blocks.chain(nodes).collect()
    }

    /// One address at least for each set of blocks that some address is in which is not inside the cluster.
    fn addresses_beyond(&self, cluster: &IpSet) -> Vec<IpAddr> {
        let nets = self.blocks.iter().flat_map(|(cidr, except)| std::iter::once(cidr).chain(*except));
        let sets = nets.map(|net| IpSet::net(*net)).chain([cluster.clone()]);
        // Membership changes only where a block begins or ends, and there a block or what is around it
        // begins.
        let mut addresses: Vec<IpAddr> = sets
            .flat_map(|set| {
                let around = IpSet::full().difference(&set);
                set.ranges()
                    .chain(around.ranges().collect::<Vec<_>>())
                    .map(|range| range.0)
                    .collect::<Vec<_>>()
            })
            .collect();
        addresses.push(OUTSIDER);
        addresses.retain(|address| !cluster.contains(*address));
        addresses.sort_unstable();
        addresses.dedup();
        addresses
    }
}

/// Which classes match what.
struct Matches<'w, 'a> {
    words: &'w Words<'a>,
    selectors: Vec<FixedBitSet>,
    /// Blocks, then selectors of nodes.
    others: Vec<FixedBitSet>,
    everybody: FixedBitSet,
    outside: FixedBitSet,
    /// Those that a block may match.
    unaddressed: FixedBitSet,
}

impl<'w, 'a> Matches<'w, 'a> {
    fn new(words: &'w Words<'a>, classes: &Classes) -> Self {
        let count = classes.list.len();
        let none = FixedBitSet::with_capacity(count);
        let mut selectors = vec![none.clone(); words.selectors.len()];
        let mut others = vec![none.clone(); words.blocks.len() + words.nodes.len()];
        for (class, seen) in classes.seen.iter().enumerate() {
            for number in &seen.selectors {
                if let Some(set) = selectors.get_mut(*number as usize) {
                    set.insert(class);
                }
            }
            for (set, matches) in others.iter_mut().zip(&seen.others) {
                set.set(class, *matches);
            }
        }
        let mut everybody = none;
        everybody.insert_range(..);
        let those = |is: fn(&Seen) -> bool| -> FixedBitSet {
            let mut set = FixedBitSet::with_capacity(count);
            set.extend(classes.seen.iter().enumerate().filter(|(_, seen)| is(seen)).map(|(class, _)| class));
            set
        };
        let (outside, unaddressed) = (those(|seen| seen.outside), those(|seen| seen.unaddressed));
        Self { words, selectors, others, everybody, outside, unaddressed }
    }

    fn policy(&self, policy: &'a Policy) -> Ordered<'a> {
        let rules = |direction| {
            let rules = policy.rules(direction).unwrap_or_default();
            let of = |rule, peers| self.peers(rule, peers);
            rules
                .iter()
                .map(|rule| Matched { rule, own: of(rule, &rule.own), peers: of(rule, &rule.peers) })
                .collect()
        };
        let mut subject = FixedBitSet::with_capacity(self.everybody.len());
        subject.union_with(&self.selected(&policy.subject));
        policy.also.iter().for_each(|end| subject.union_with(&self.matching(end, true, true)));
        Ordered { policy, subject, ingress: rules(Direction::Ingress), egress: rules(Direction::Egress) }
    }

    fn selected(&self, selector: &PodSelector) -> FixedBitSet {
        let number = self.words.selectors.binary_search(&selector).ok();
        number.and_then(|number| self.selectors.get(number)).cloned().unwrap_or_default()
    }

    fn peers(&self, rule: &Rule, peers: &Peers) -> FixedBitSet {
        let Peers::Listed(peers) = peers else { return self.everybody.clone() };
        let mut matched = FixedBitSet::with_capacity(self.everybody.len());
        for peer in peers {
            matched.union_with(&self.matching(&peer.matches, true, rule.action == Action::Allow));
        }
        matched
    }

    /// Whom a peer matches: for `sure`, or perhaps. What cannot be told at all is nobody where that is `closed`.
    fn matching(&self, matches: &PeerMatch, sure: bool, closed: bool) -> FixedBitSet {
        let words = self.words;
        let other = |number: usize| self.others.get(number).cloned().unwrap_or_default();
        let combined = |parts: &[PeerMatch], of: fn(&mut FixedBitSet, &FixedBitSet)| {
            let mut sets = parts.iter().map(|part| self.matching(part, sure, closed));
            let first = sets.next();
            first.map(|first| {
                sets.fold(first, |mut all, set| {
                    of(&mut all, &set);
                    all
                })
            })
        };
        match matches {
            PeerMatch::Pods(selector) => self.selected(selector),
            PeerMatch::Block { cidr, except } => {
                let mut set =
                    words.blocks.binary_search(&(*cidr, except.as_slice())).map(other).unwrap_or_default();
                if !sure {
                    set.union_with(&self.unaddressed);
                }
                set
            }
            PeerMatch::Nodes(selector) => {
                let number = words.nodes.binary_search(&selector);
                number.map(|number| other(words.blocks.len() + number)).unwrap_or_default()
            }
            PeerMatch::All(parts) => {
                combined(parts, FixedBitSet::intersect_with).unwrap_or_else(|| self.everybody.clone())
            }
            PeerMatch::Any(parts) => combined(parts, FixedBitSet::union_with).unwrap_or_default(),
            PeerMatch::Not(part) => {
                let mut rest = self.everybody.clone();
                rest.difference_with(&self.matching(part, !sure, !closed));
                rest
            }
            PeerMatch::Entity(Entity::World) => self.outside.clone(),
            // What a name resolves to cannot be told (S-64), nor what is meant (S-67).
            PeerMatch::Domain(_) | PeerMatch::Unknown if closed => FixedBitSet::new(),
            PeerMatch::Domain(_) => self.outside.clone(),
            PeerMatch::Unknown => self.everybody.clone(),
            // Who that is depends on more than a tier sees.
            PeerMatch::Entity(_) | PeerMatch::Same(_) if sure => FixedBitSet::new(),
            PeerMatch::Entity(_) | PeerMatch::Same(_) => self.everybody.clone(),
        }
    }
}
