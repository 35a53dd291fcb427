//! Which opened flows fail a gate.

use npv_models::cluster::{Cluster, GroupId};
use npv_models::space::{IpSet, Protocol};

use super::{End, Flow, Flowing, Presence, Side};
use crate::engine::{EndpointId, EndpointKind};
use crate::query::name::{Names, Unresolved, internet};
use crate::query::reach::PartyKind;

/// Conditions on a flow, all of which must hold.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    conditions: Vec<Condition>,
}

#[derive(Clone, Debug)]
enum Condition {
    /// Both ends are on both sides.
    Existing,
    /// The ends are pods of two namespaces.
    CrossNamespace,
    /// The destination keeps data.
    DataStore,
    /// One of these ends.
    End(Sort, Where),
}

/// Which ends count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Where {
    Source,
    Destination,
    Either,
}

#[derive(Clone, Debug)]
enum Sort {
    /// Addresses in the internet.
    Internet,
    /// What a name means on either side.
    Named { base: Vec<EndpointId>, head: Vec<EndpointId>, addresses: Option<IpSet> },
}

/// TCP ports of databases, caches and file stores that hardly anything else uses.
const STORES: [u16; 27] = [
    1433, 1521, 2049, 2181, 2379, 2380, 3306, 5432, 5984, 6379, 7000, 7001, 7687, 8086, 9042, 9092, 9200,
    9300, 11211, 26257, 27017, 27018, 27019, 28015, 33060, 50000, 8529,
];

impl Filter {
    /// Reads `WORD[,..]`: all must hold. A word is `any`, `existing`, `cross-namespace`, `data-store`, or an end:
    /// `internet` or a name as `npv reach` takes it, after `from:` or `to:` where only one end counts.
    ///
    /// # Errors
    /// A name is known on neither side.
    pub fn parse(text: &str, base: &Names<'_>, head: &Names<'_>) -> Result<Self, Unresolved> {
        let conditions = text.split(',').filter(|word| *word != "any").map(|word| match word {
            "existing" => Ok(Condition::Existing),
            "cross-namespace" => Ok(Condition::CrossNamespace),
            "data-store" => Ok(Condition::DataStore),
            end => {
                let (place, name) = match end.split_once(':') {
                    Some(("from", name)) => (Where::Source, name),
                    Some(("to", name)) => (Where::Destination, name),
                    _ => (Where::Either, end),
                };
                Ok(Condition::End(sort(name, base, head)?, place))
            }
        });
        Ok(Self { conditions: conditions.collect::<Result<_, _>>()? })
    }

    /// Whether a flow meets all conditions.
    pub fn admits(&self, flowing: &Flowing, flow: &Flow<'_>, base: &Side<'_>, head: &Side<'_>) -> bool {
        let (Some(src), Some(dst)) = (flowing.ends.get(flow.src), flowing.ends.get(flow.dst)) else {
            return false;
        };
        self.conditions.iter().all(|condition| match condition {
            Condition::Existing => flow.presence == Presence::Both,
            Condition::CrossNamespace => crosses_namespaces(src, dst),
            Condition::DataStore => is_data_store(dst, base, head),
            Condition::End(sort, place) => {
                (*place != Where::Destination && sort.is(src)) || (*place != Where::Source && sort.is(dst))
            }
        })
    }
}

fn sort(name: &str, base: &Names<'_>, head: &Names<'_>) -> Result<Sort, Unresolved> {
    if name == "internet" {
        return Ok(Sort::Internet);
    }
    let (old, new) = (base.places(name), head.places(name));
    let known = |names: &Names<'_>, places: &Result<Vec<_>, Unresolved>| -> Vec<EndpointId> {
        places.iter().flatten().flat_map(|place| names.endpoints_of(place)).collect()
    };
    let sort = Sort::Named {
        base: known(base, &old),
        head: known(head, &new),
        addresses: crate::query::name::addresses(name),
    };
    // The head is what people look at, so its words are the better ones.
    if old.is_err() { new.map(|_| sort) } else { Ok(sort) }
}

impl Sort {
    fn is(&self, end: &End) -> bool {
        match (self, &end.party.kind) {
            (Self::Internet, PartyKind::External(addresses)) => addresses.intersects(&internet()),
            (Self::Internet, _) => false,
            (Self::Named { addresses: Some(wanted), .. }, PartyKind::External(addresses)) => {
                wanted.intersects(addresses)
            }
            (Self::Named { base, head, .. }, _) => {
                end.base.is_some_and(|id| base.contains(&id)) || end.head.is_some_and(|id| head.contains(&id))
            }
        }
    }
}

/// Whether a block of addresses reaches into the internet.
pub fn is_internet(end: &End) -> bool {
    Sort::Internet.is(end)
}

/// Whether the ends are pods of two namespaces.
pub fn crosses_namespaces(src: &End, dst: &End) -> bool {
    match (src.party.namespace(), dst.party.namespace()) {
        (Some(from), Some(to)) => from != to,
        _ => false,
    }
}

/// Whether an end are pods that declare a port on which databases, caches and file stores listen.
pub fn is_data_store(end: &End, base: &Side<'_>, head: &Side<'_>) -> bool {
    let stores = |side: &Side<'_>, id: Option<EndpointId>| {
        let Some(EndpointKind::Pods { groups, .. }) =
            id.and_then(|id| side.engine.endpoint(id)).map(|endpoint| &endpoint.kind)
        else {
            return false;
        };
        groups.iter().any(|group| group_stores(side.cluster, *group))
    };
    stores(head, end.head) || stores(base, end.base)
}

fn group_stores(cluster: &Cluster, group: GroupId) -> bool {
    let ports = cluster.groups.get(group.0 as usize).map_or(&[][..], |group| &*group.ports);
    ports.iter().any(|port| port.protocol == Protocol::Tcp && STORES.contains(&port.number))
}
