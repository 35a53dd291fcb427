//! One side of a rule as a peer: all of its fields must match (C-40 to C-47).

use ipnet::IpNet;

use super::select::{Scope, Tree};
use super::world::World;
use crate::k8s::{CalicoEntity, Spanned};
use crate::policy::{Peer, PeerMatch, Peers, Provenance};
use crate::source::Span;
use crate::space::Family;

/// Every address of a family.
pub(super) fn all_of(family: Family) -> IpNet {
    match family {
        Family::V4 => IpNet::from(ipnet::Ipv4Net::default()),
        Family::V6 => IpNet::from(ipnet::Ipv6Net::default()),
    }
}

/// Which of those that selectors match.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Members {
    /// Pods, sets and host endpoints.
    All,
    /// Pods by their own labels.
    Pods,
    /// Addresses of sets and host endpoints, but those of pods that match by themselves.
    Others,
}

/// Those that selectors match.
struct Selected {
    pods: Tree,
    nets: Vec<IpNet>,
    at: Provenance,
}

/// One side of a rule.
pub(super) struct Side {
    selected: Option<Selected>,
    /// Conditions besides; of each, one alternative must match.
    conditions: Vec<Vec<Peer>>,
    at: Provenance,
}

impl Side {
    /// Reads a side of a rule of a policy in this namespace, or of one in none. What may match and what may not is
    /// taken for what is `safe`: for a match where the rule denies or passes.
    pub(super) fn new(
        world: &World<'_>,
        namespace: &str,
        entity: &CalicoEntity,
        (path, span): (&str, Span),
        safe: bool,
    ) -> Self {
        let at = |field: &str, span: Span| Provenance { path: format!("{path}.{field}").into(), span };
        let mut side =
            Self { selected: None, conditions: Vec::new(), at: Provenance { path: path.into(), span } };
        let accounts = entity.service_accounts.as_ref();
        // C-47: `{}` restricts nothing.
        let accounts =
            accounts.filter(|accounts| !accounts.value.names.is_empty() || accounts.value.selector.is_some());
        let any = [
            entity.selector.as_ref().map(|selector| ("selector", selector.span)),
            entity.namespace_selector.as_ref().map(|selector| ("namespaceSelector", selector.span)),
            accounts.map(|accounts| ("serviceAccounts", accounts.span)),
            entity.not_selector.as_ref().map(|selector| ("notSelector", selector.span)),
        ];
        let place = any.into_iter().flatten().next();
        let scope = Scope {
            // C-40, C-41: the policy's own namespace, unless it selects others.
            own: Some(namespace).filter(|own| !own.is_empty() && entity.namespace_selector.is_none()),
            namespaces: entity.namespace_selector.as_ref().map(|selector| &selector.value),
            accounts: accounts.map(|accounts| &accounts.value),
            endpoints: entity.selector.as_ref().map(|selector| &selector.value),
            without: entity.not_selector.as_ref().map(|selector| &selector.value),
        };
        let positive = Scope { without: None, ..scope };
        if let Some((field, span)) = place {
            let at = at(field, span);
            if positive.is_everything() {
                // C-42: everybody but these, those outside of the cluster included.
                let these = Scope { endpoints: scope.without, ..Scope::default() };
                let these = Selected { pods: these.pods(), nets: world.nets(&these, !safe), at: at.clone() };
                let matches = PeerMatch::Not(Box::new(any_of(these.alternatives(Members::All))));
                side.conditions.push(vec![Peer { matches, provenance: at }]);
            } else {
                side.selected = Some(Selected { pods: scope.pods(), nets: world.nets(&scope, safe), at });
            }
        }
        side.blocks(entity, &at);
        side
    }

    /// C-45, C-55: in a block of `nets`, and in none of `notNets`. Blocks of one family say nothing of the other.
    fn blocks(&mut self, entity: &CalicoEntity, at: &dyn Fn(&str, Span) -> Provenance) {
        let of = |net: &IpNet| if net.addr().is_ipv4() { Family::V4 } else { Family::V6 };
        let block = |cidr: IpNet| {
            let holes = entity.not_nets.iter().map(|net| net.value);
            let holes: Vec<IpNet> =
                holes.filter(|hole| hole.contains(&cidr) || cidr.contains(hole)).collect();
            // A block of which nothing is left is no block.
            (!holes.iter().any(|hole| hole.contains(&cidr)))
                .then_some(PeerMatch::Block { cidr, except: holes })
        };
        let peers = |field: &str,
                     nets: &[Spanned<IpNet>],
                     cidrs: &mut dyn Iterator<Item = (usize, IpNet)>| {
            cidrs
                .filter_map(|(index, cidr)| {
                    let span = nets.get(index)?.span;
                    Some(Peer { matches: block(cidr)?, provenance: at(&format!("{field}[{index}]"), span) })
                })
                .collect::<Vec<Peer>>()
        };
        let (nets, not_nets) = (&entity.nets, &entity.not_nets);
        let excluded = |family: &Family| not_nets.iter().position(|net| of(&net.value) == *family);
        // A rule whose `notNets` are all of the other family does not exist for this one.
        let families =
            Family::ALL.into_iter().filter(|family| not_nets.is_empty() || excluded(family).is_some());
        if !nets.is_empty() {
            let families: Vec<Family> = families.collect();
            let own = nets.iter().enumerate().map(|(index, net)| (index, net.value));
            let mut own = own.filter(|(_, net)| families.contains(&of(net)));
            self.conditions.push(peers("nets", nets, &mut own));
        } else if !not_nets.is_empty() {
            let mut rest = families.filter_map(|family| Some((excluded(&family)?, all_of(family))));
            self.conditions.push(peers("notNets", not_nets, &mut rest));
        }
    }

    /// Adds a condition.
    pub(super) fn require(&mut self, matches: PeerMatch, provenance: Provenance) {
        self.conditions.push(vec![Peer { matches, provenance }]);
    }

    /// Whether selectors match anything but pods.
    pub(super) fn has_others(&self) -> bool {
        self.selected.as_ref().is_some_and(|selected| !selected.nets.is_empty())
    }

    /// As peers of a rule.
    pub(super) fn peers(&self, members: Members) -> Peers {
        let selected = self.selected.as_ref().map(|selected| selected.alternatives(members));
        let conditions: Vec<&Vec<Peer>> = selected.iter().chain(&self.conditions).collect();
        match conditions.as_slice() {
            [] => Peers::Anyone,
            [alternatives] => Peers::Listed((*alternatives).clone()),
            all => {
                let all = all.iter().map(|alternatives| any_of((*alternatives).clone()));
                let matches = PeerMatch::All(all.collect());
                Peers::Listed(vec![Peer { matches, provenance: self.at.clone() }])
            }
        }
    }
}

impl Selected {
    fn alternatives(&self, members: Members) -> Vec<Peer> {
        let peer = |matches| Peer { matches, provenance: self.at.clone() };
        let block = |net: &IpNet| PeerMatch::Block { cidr: *net, except: Vec::new() };
        let pods = self.pods.peer();
        match members {
            Members::Pods => vec![peer(pods)],
            Members::All => {
                let blocks = self.nets.iter().map(|net| peer(block(net)));
                // Nobody needs to be listed beside somebody.
                let pods = (self.pods != Tree::Never || self.nets.is_empty()).then(|| peer(pods));
                pods.into_iter().chain(blocks).collect()
            }
            Members::Others => {
                let blocks = PeerMatch::Any(self.nets.iter().map(block).collect());
                vec![peer(PeerMatch::All(vec![blocks, PeerMatch::Not(Box::new(pods))]))]
            }
        }
    }
}

/// One of several peers as one.
fn any_of(mut alternatives: Vec<Peer>) -> PeerMatch {
    match (alternatives.len(), alternatives.pop()) {
        (1, Some(only)) => only.matches,
        (_, last) => PeerMatch::Any(alternatives.into_iter().chain(last).map(|peer| peer.matches).collect()),
    }
}
