//! Which opened flows fail a gate.

use npv_models::space::IpSet;

use super::{End, Flow, Flowing, Presence, Side};
use crate::engine::{EndpointId, EndpointKind};
use crate::lint::keeps_data;
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
        let groups = groups.iter().filter_map(|group| side.cluster.groups.get(group.0 as usize));
        groups.into_iter().any(keeps_data)
    };
    stores(head, end.head) || stores(base, end.base)
}
