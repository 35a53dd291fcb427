//! What a rule's ports mean toward a certain pod.

use npv_models::cluster::PodGroup;
use npv_models::policy::{PortMatch, Ports};
use npv_models::space::{PortSet, Traffic};

/// The traffic of a rule's ports toward a destination, names looked up there (S-24); without a pod,
/// names match nothing (S-26).
pub(super) fn toward(ports: &Ports, destination: Option<&PodGroup>) -> Traffic {
    let Ports::Listed(items) = ports else { return Traffic::all() };
    items.iter().fold(Traffic::NONE, |traffic, item| traffic.union(&item_toward(&item.matches, destination)))
}

/// The traffic of one entry of a rule's ports toward a destination.
pub(super) fn item_toward(matches: &PortMatch, destination: Option<&PodGroup>) -> Traffic {
    match matches {
        PortMatch::Numbers(traffic) => traffic.clone(),
        PortMatch::Named { protocol, name } => destination
            .into_iter()
            .flat_map(|group| group.ports.iter())
            .filter(|port| {
                port.name.as_deref() == Some(name)
                    && protocol.is_none_or(|protocol| protocol == port.protocol)
            })
            .fold(Traffic::NONE, |traffic, port| {
                traffic.union(&Traffic::of(port.protocol, PortSet::single(port.number)))
            }),
    }
}
