//! Classes that have the same connections, as sources and as destinations.
//!
//! Selectors tell classes apart whose policies come to the same. What counts in the end is coarser:
//! sources that send the same and are let in alike, destinations that let in the same and are sent to
//! alike. Every question about pairs is answered between those.

use std::sync::Arc;

use npv_models::policy::Direction;
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use super::family::Plane;
use super::partition::{Blocks, Partition};
use super::relation::Relation;
use super::set::ClassSet;
use super::table::{Table, Tables};
use super::traffic::{TrafficId, TrafficTable};

/// What both sides say in one plane.
#[derive(Debug)]
pub(crate) struct Relations {
    /// Per source, to which destinations.
    pub(crate) egress: Vec<Arc<Relation>>,
    /// Per destination, from which sources.
    pub(crate) ingress: Vec<Arc<Relation>>,
}

/// What every source may send, and what every destination lets in.
#[derive(Debug)]
pub(crate) struct Behaviours {
    /// The source and the destination that each class is.
    pub(crate) sources: Blocks,
    pub(crate) destinations: Blocks,
    /// What passes for certain is what passes in any of these.
    pub(crate) planes: Vec<Relations>,
    /// What may pass, likewise; none where that is the same.
    pub(crate) possible: Vec<Relations>,
    /// Whether each class is isolated, by direction.
    isolated: [Vec<bool>; 2],
    /// The traffic in the relations, in an order that does not depend on threads.
    pub(crate) traffic: TrafficTable,
    /// Number of different tables in both directions.
    pub(crate) tables: usize,
    /// Number of rows in them.
    pub(crate) rows: usize,
}

/// Tables by what they say, each once.
struct Distinct<'a> {
    /// Per class, the relation, and whether the class is isolated.
    of: Vec<(u32, bool)>,
    relations: Vec<&'a Relation>,
}

/// What of a table counts.
type Side = for<'t> fn(&'t Table) -> &'t Relation;

fn certain(table: &Table) -> &Relation {
    &table.certain
}

fn possible(table: &Table) -> &Relation {
    table.possible.as_ref().unwrap_or(&table.certain)
}

impl<'a> Distinct<'a> {
    fn new(tables: &'a Tables, side: Side) -> Self {
        let mut numbers: FxHashMap<&Relation, u32> = FxHashMap::default();
        let mut relations = Vec::new();
        let of_table: Vec<(u32, bool)> = tables
            .tables
            .iter()
            .map(|table| {
                let number = *numbers.entry(side(table)).or_insert_with(|| {
                    relations.push(side(table));
                    relations.len() as u32 - 1
                });
                (number, table.isolated)
            })
            .collect();
        let of = tables.of.iter().map(|table| of_table.get(*table as usize).copied().unwrap_or_default());
        Self { of: of.collect(), relations }
    }

    /// Tells apart all that is in different rows of a relation.
    fn refine(&self, partition: &mut Partition) {
        let mut seen: FxHashSet<&ClassSet> = FxHashSet::default();
        for (peers, _) in self.relations.iter().flat_map(|relation| relation.rows()) {
            if seen.insert(peers) {
                partition.refine(peers.iter());
            }
        }
    }

    /// The relation of every block, between blocks.
    fn images(
        &self,
        own: &Blocks,
        peers: &Blocks,
        traffic: &[FxHashMap<TrafficId, TrafficId>],
    ) -> Vec<Arc<Relation>> {
        let images: Vec<Arc<Relation>> = self
            .relations
            .par_iter()
            .zip(traffic)
            .map(|(relation, ids)| {
                Arc::new(relation.image(peers, |id| ids.get(&id).copied().unwrap_or(TrafficId::NONE)))
            })
            .collect();
        let relation = |class: &u32| {
            let (number, _) = self.of.get(*class as usize)?;
            images.get(*number as usize).cloned()
        };
        own.representatives().iter().map(|class| relation(class).unwrap_or_default()).collect()
    }
}

/// Classes with the same tables in every plane.
fn apart(planes: &[Distinct<'_>]) -> Partition {
    let mut planes = planes.iter();
    let first = planes.next().map_or(&[][..], |first| &first.of);
    let mut partition = Partition::by_key(first.iter());
    for plane in planes {
        let before = partition.finish();
        partition = Partition::by_key(before.all().iter().zip(&plane.of));
    }
    partition
}

impl Behaviours {
    /// Tells classes apart by what the tables of all planes say of them.
    pub(crate) fn new(planes: &[Plane], scratch: &TrafficTable) -> Self {
        // What may pass is asked like what passes for certain, in planes behind those of that.
        let vague = planes.iter().any(Plane::is_vague);
        let sides: &[Side] = if vague { &[certain, possible] } else { &[certain] };
        let of_all = |tables: fn(&Plane) -> &Tables| -> Vec<Distinct<'_>> {
            let planes = sides.iter().flat_map(|side| planes.iter().map(move |plane| (plane, *side)));
            planes.map(|(plane, side)| Distinct::new(tables(plane), side)).collect()
        };
        let (sends, admits) = (of_all(|plane| &plane.egress), of_all(|plane| &plane.ingress));
        // Whom rules tell apart at the other end matters as much as what each sends or admits itself.
        let (sources, destinations) = rayon::join(
            || {
                let mut partition = apart(&sends);
                for admits in &admits {
                    admits.refine(&mut partition);
                }
                partition.finish()
            },
            || {
                let mut partition = apart(&admits);
                for sends in &sends {
                    sends.refine(&mut partition);
                }
                partition.finish()
            },
        );
        // Threads have numbered the traffic in the order in which they met it.
        let traffic = scratch.like();
        let renumber = |relation: &&Relation| -> FxHashMap<TrafficId, TrafficId> {
            let ids = relation.rows().iter().map(|(_, id)| (*id, traffic.intern(scratch.get(*id).clone())));
            ids.collect()
        };
        let relations = sends.iter().zip(&admits).map(|(sends, admits)| {
            let sent: Vec<_> = sends.relations.iter().map(renumber).collect();
            let admitted: Vec<_> = admits.relations.iter().map(renumber).collect();
            Relations {
                egress: sends.images(&sources, &destinations, &sent),
                ingress: admits.images(&destinations, &sources, &admitted),
            }
        });
        let mut relations: Vec<Relations> = relations.collect();
        let possible = relations.split_off(planes.len().min(relations.len()));
        let isolated = |tables: &[Distinct<'_>]| {
            tables.first().map_or_else(Vec::new, |tables| tables.of.iter().map(|of| of.1).collect())
        };
        let both = || sends.iter().chain(&admits).flat_map(|distinct| &distinct.relations);
        Self {
            planes: relations,
            possible,
            isolated: [isolated(&admits), isolated(&sends)],
            tables: both().count(),
            rows: both().map(|relation| relation.rows().len()).sum(),
            sources,
            destinations,
            traffic,
        }
    }

    /// Whether a tier isolates a class in a direction (S-3).
    pub(crate) fn isolated(&self, class: u32, direction: Direction) -> bool {
        let [ingress, egress] = &self.isolated;
        let isolated = match direction {
            Direction::Ingress => ingress,
            Direction::Egress => egress,
        };
        isolated.get(class as usize).copied().unwrap_or(false)
    }
}
