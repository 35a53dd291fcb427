//! A connection is of one address family (S-16): its two sides are asked for each family apart, in a plane of
//! its own, where an end with addresses of both could otherwise get past each side by another address.

use std::net::IpAddr;

use npv_models::policy::Direction;
use npv_models::space::{Family, IpSet};
use rayon::prelude::*;

use super::classes::Classes;
use super::relation::Relation;
use super::set::ClassSet;
use super::table::{Program, Table, Tables};
use super::traffic::TrafficTable;
use super::vocabulary::{Numbered, Vocabulary};

/// The families that an end can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Families {
    /// A pod or node with addresses of both.
    Both,
    /// A pod or node of which no manifest shows whether it has addresses of the one, of the other or of both.
    Hidden,
    /// A pod or node with addresses of one.
    Only(Family),
    /// Outside the cluster: addresses, each of its own family, and domains, which resolve to any of them.
    Outside,
}

impl Families {
    /// Of a pod or node with these known addresses, or with one somewhere in there if none is known (S-16).
    pub(crate) fn of(addresses: &[IpAddr], within: &IpSet) -> Self {
        let hidden = addresses.is_empty();
        let has = |family| match hidden {
            true => !within.of(family).is_empty(),
            false => addresses.iter().any(|address| Family::of(*address) == family),
        };
        match (has(Family::V4), has(Family::V6)) {
            (true, false) => Self::Only(Family::V4),
            (false, true) => Self::Only(Family::V6),
            (true, true) if hidden => Self::Hidden,
            (true, true) | (false, false) => Self::Both,
        }
    }

    /// Whether it can use the family.
    pub(crate) fn has(self, family: Family) -> bool {
        match self {
            Self::Both | Self::Hidden | Self::Outside => true,
            Self::Only(own) => own == family,
        }
    }
}

/// Tables of both directions. What passes is what passes both; the answer is the union over all planes.
#[derive(Debug)]
pub(crate) struct Plane {
    pub(crate) egress: Tables,
    pub(crate) ingress: Tables,
}

impl Plane {
    /// Whether what may pass is more than what passes for certain.
    pub(crate) fn is_vague(&self) -> bool {
        self.egress.tables.iter().chain(&self.ingress.tables).any(|table| table.possible.is_some())
    }
}

/// One plane where families make no difference, and else one for each.
pub(crate) fn planes(vocabulary: &Vocabulary<'_>, classes: &Classes, traffic: &TrafficTable) -> Vec<Plane> {
    if !classes.families_matter {
        let program = Program::new(vocabulary, classes, traffic, None);
        let [egress, ingress] = Direction::ALL.map(|direction| program.tables(direction));
        return vec![Plane { egress, ingress }];
    }
    let programs = Family::ALL.map(|family| Program::new(vocabulary, classes, traffic, Some(family)));
    let masks = Masks::of(classes, traffic);
    let by_direction = Direction::ALL
        .map(|direction| masks.apart(&programs.each_ref().map(|program| program.tables(direction))));
    let [egress, ingress] = by_direction;
    egress.into_iter().zip(ingress).map(|(egress, ingress)| Plane { egress, ingress }).collect()
}

/// The classes by the families that they can use.
struct Masks<'a> {
    classes: &'a Classes,
    traffic: &'a TrafficTable,
    both: ClassSet,
    hidden: ClassSet,
    /// Pods and nodes of one family.
    only: [ClassSet; 2],
    /// All that is outside, and the part of it that may be of a family.
    outside: ClassSet,
    outside_of: [ClassSet; 2],
}

impl<'a> Masks<'a> {
    fn of(classes: &'a Classes, traffic: &'a TrafficTable) -> Self {
        let those = |wanted: Families| -> ClassSet {
            let numbered = (0_u32..).zip(&classes.signatures);
            let found = numbered.filter(|(_, signature)| signature.families == wanted);
            ClassSet::from_sorted(&found.map(|(class, _)| class).collect::<Vec<_>>())
        };
        Self {
            classes,
            traffic,
            both: those(Families::Both),
            hidden: those(Families::Hidden),
            only: Family::ALL.map(|family| those(Families::Only(family))),
            outside: those(Families::Outside),
            outside_of: Family::ALL.map(|family| classes.beyond_of(family)),
        }
    }

    /// The tables of one direction for the plane of each family.
    fn apart(&self, tables: &[Tables; 2]) -> [Tables; 2] {
        // Which table a class has does not depend on the family.
        let [first, _] = tables;
        let mut kinds: Numbered<(u32, Families)> = Numbered::default();
        let of: Vec<u32> = first
            .of
            .iter()
            .zip(&self.classes.signatures)
            .map(|(table, signature)| kinds.number((*table, signature.families)))
            .collect();
        Family::ALL.map(|family| {
            let nothing = Relation::default();
            let table = |kind: &(u32, Families)| {
                let [v4, v6] = tables.each_ref().map(|tables| tables.tables.get(kind.0 as usize));
                let certain = [v4, v6].map(|table| table.map_or(&nothing, |table| &table.certain));
                // What hidden ends have in common is not known, so that only what passes in both families is certain.
                let hidden = kind.1 == Families::Hidden || !self.hidden.is_empty();
                let vague = hidden || [v4, v6].iter().flatten().any(|table| table.possible.is_some());
                let possible = vague.then(|| {
                    [v4, v6].map(|table| match table {
                        Some(table) => table.possible.as_ref().unwrap_or(&table.certain),
                        None => &nothing,
                    })
                });
                let both = hidden.then(|| self.common(certain));
                let certain = self.masked(family, kind.1, certain, both.as_ref());
                let possible = possible.map(|possible| self.masked(family, kind.1, possible, None));
                Table {
                    possible: possible.filter(|possible| *possible != certain),
                    certain,
                    isolated: v4.is_some_and(|table| table.isolated),
                }
            };
            Tables { of: of.clone(), tables: kinds.values().par_iter().map(table).collect() }
        })
    }

    /// What passes in both families.
    fn common(&self, [v4, v6]: [&Relation; 2]) -> Relation {
        let rows = v4.rows().iter().flat_map(|(peers, traffic)| {
            v6.among(peers).map(|(peers, other)| (peers, self.traffic.intersection(*traffic, other)))
        });
        Relation::from_disjoint(rows)
    }

    /// What an end of these families has with others in the plane of a family: with pods, nodes and addresses that
    /// can use it too; and in the plane of IPv4 with those that it has no family in common with, by its own.
    ///
    /// `common` is what passes in both, if that is all that there is between ends of which one is hidden.
    fn masked(
        &self,
        family: Family,
        own: Families,
        [v4, v6]: [&Relation; 2],
        common: Option<&Relation>,
    ) -> Relation {
        // No policy applies to an end outside the cluster.
        if own == Families::Outside {
            return v4.clone();
        }
        let [only_v4, only_v6] = &self.only;
        let [outside_v4, outside_v6] = &self.outside_of;
        let (relation, only, outside) = match family {
            Family::V4 => (v4, only_v4, outside_v4),
            Family::V6 => (v6, only_v6, outside_v6),
        };
        let mut parts = match own {
            Families::Only(Family::V4) => vec![(v4, &self.outside)],
            Families::Only(Family::V6) => vec![(v6, &self.outside)],
            Families::Both | Families::Hidden | Families::Outside => vec![(relation, outside)],
        };
        if own.has(family) {
            let with_hidden = match own {
                Families::Both | Families::Hidden => common.unwrap_or(relation),
                Families::Only(_) | Families::Outside => relation,
            };
            let with_both = if own == Families::Hidden { with_hidden } else { relation };
            parts.extend([(with_both, &self.both), (with_hidden, &self.hidden), (relation, only)]);
        }
        match (family, own) {
            (Family::V4, Families::Only(Family::V4)) => parts.push((v6, only_v6)),
            (Family::V4, Families::Only(Family::V6)) => parts.push((v4, only_v4)),
            _ => {}
        }
        Relation::from_disjoint(parts.into_iter().flat_map(|(relation, peers)| relation.among(peers)))
    }
}
