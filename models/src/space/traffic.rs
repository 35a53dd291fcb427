//! Which protocols and destination ports a connection may use.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde::ser::SerializeMap;

use super::{IntervalSet, RequestSet};

/// A protocol that some policy API speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Protocol {
    /// Transmission Control Protocol: the default (S-20).
    Tcp,
    /// User Datagram Protocol.
    Udp,
    /// Stream Control Transmission Protocol, a protocol of its own (S-28).
    Sctp,
    /// Internet Control Message Protocol of IPv4; in place of ports it has [messages](icmp_message).
    Icmp,
    /// The same of IPv6.
    #[serde(rename = "ICMPv6")]
    Icmpv6,
}

impl Protocol {
    /// The protocols that have ports, which every answer lists, in the order of every output. The rest, ICMP
    /// among it, is undefined by the API of NetworkPolicy (S-29).
    pub const ALL: [Self; 3] = [Self::Tcp, Self::Udp, Self::Sctp];

    /// All protocols that sets of traffic know.
    pub const EVERY: [Self; 5] = [Self::Tcp, Self::Udp, Self::Sctp, Self::Icmp, Self::Icmpv6];

    /// The name as manifests write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Sctp => "SCTP",
            Self::Icmp => "ICMP",
            Self::Icmpv6 => "ICMPv6",
        }
    }

    /// The protocol with ports with this exact name, as the API server accepts it.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|protocol| protocol.name() == name)
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of destination ports, 1 to 65535.
pub type PortSet = IntervalSet<u16>;

/// The numbers that stand for the ICMP messages of a type, as many as it has codes; or for the one with this
/// code. Sets hold them in place of ports.
pub fn icmp_messages(kind: u8, code: Option<u8>) -> PortSet {
    // 0 is no port, so numbers begin at 1; the last of all codes of the last type shares that of the one before.
    let number = |code: u8| (u16::from(kind) << 8 | u16::from(code)).saturating_add(1);
    match code {
        Some(code) => PortSet::single(number(code)),
        None => PortSet::range(number(0), number(u8::MAX)),
    }
}

/// A set of (protocol, destination port) pairs in canonical form. Of some ports it may hold a part of the requests
/// only: HTTP over TCP, questions for names over UDP as well.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Traffic {
    /// Ports that it holds whole.
    ports: [PortSet; 5],
    /// Ports of which it holds some requests, neither none nor all: disjoint, by protocol and requests.
    partial: Vec<((Protocol, RequestSet), PortSet)>,
}

impl Traffic {
    /// No traffic.
    pub const NONE: Self = Self { ports: [const { PortSet::EMPTY }; 5], partial: Vec::new() };

    /// Every port of every protocol that has ports (S-8).
    pub fn all() -> Self {
        let mut all = Self::NONE;
        for protocol in Protocol::ALL {
            *all.ports_mut(protocol) = PortSet::full();
        }
        all
    }

    /// [`Traffic::all`], and every ICMP message: what there is where a policy tells these apart.
    pub fn everything() -> Self {
        Self { ports: std::array::from_fn(|_| PortSet::full()), partial: Vec::new() }
    }

    /// These ports of one protocol.
    pub fn of(protocol: Protocol, ports: PortSet) -> Self {
        let mut traffic = Self::NONE;
        *traffic.ports_mut(protocol) = ports;
        traffic
    }

    /// These requests over these ports of a protocol.
    pub fn requests(protocol: Protocol, ports: PortSet, requests: RequestSet) -> Self {
        if requests.is_all() {
            return Self::of(protocol, ports);
        }
        let mut traffic = Self::NONE;
        if !requests.is_empty() && !ports.is_empty() {
            traffic.partial.push(((protocol, requests), ports));
        }
        traffic
    }

    /// As much of it as is these requests. Only what has ports carries requests.
    #[must_use]
    pub fn limited_to(&self, requests: &RequestSet) -> Self {
        if requests.is_all() {
            return self.clone();
        }
        let of = |protocol| Self::requests(protocol, PortSet::full(), requests.clone());
        let all = Protocol::ALL.into_iter().fold(Self::NONE, |all, protocol| all.union(&of(protocol)));
        self.intersection(&all)
    }

    /// The ports of one protocol that it holds whole.
    pub fn ports(&self, protocol: Protocol) -> &PortSet {
        let [tcp, udp, sctp, icmp, icmpv6] = &self.ports;
        match protocol {
            Protocol::Tcp => tcp,
            Protocol::Udp => udp,
            Protocol::Sctp => sctp,
            Protocol::Icmp => icmp,
            Protocol::Icmpv6 => icmpv6,
        }
    }

    fn ports_mut(&mut self, protocol: Protocol) -> &mut PortSet {
        let [tcp, udp, sctp, icmp, icmpv6] = &mut self.ports;
        match protocol {
            Protocol::Tcp => tcp,
            Protocol::Udp => udp,
            Protocol::Sctp => sctp,
            Protocol::Icmp => icmp,
            Protocol::Icmpv6 => icmpv6,
        }
    }

    /// The ports of which it holds some requests, with these; disjoint, in canonical order.
    pub fn partial(&self) -> impl ExactSizeIterator<Item = (Protocol, &PortSet, &RequestSet)> {
        self.partial.iter().map(|((protocol, requests), ports)| (*protocol, ports, requests))
    }

    /// Whether of some port only some requests are in it.
    pub fn is_partial(&self) -> bool {
        !self.partial.is_empty()
    }

    /// What it holds whole: without the ports of which it holds some requests only.
    #[must_use]
    pub fn whole(&self) -> Self {
        Self { ports: self.ports.clone(), partial: Vec::new() }
    }

    /// The ports that it holds whole or in part.
    #[must_use]
    pub fn touched(&self) -> Self {
        let mut touched = self.whole();
        for (protocol, ports, _) in self.partial() {
            *touched.ports_mut(protocol) = touched.ports(protocol).union(ports);
        }
        touched
    }

    /// The requests that it holds over a port.
    pub fn requests_at(&self, protocol: Protocol, port: u16) -> RequestSet {
        if self.ports(protocol).contains(port) {
            return RequestSet::all();
        }
        let found = self.partial().find(|(of, ports, _)| *of == protocol && ports.contains(port));
        found.map_or_else(RequestSet::none, |(_, _, requests)| requests.clone())
    }

    fn combine(
        &self,
        other: &Self,
        operation: impl Fn(&PortSet, &PortSet) -> PortSet,
        requests: impl Fn(&RequestSet, &RequestSet) -> RequestSet,
    ) -> Self {
        let mut result = Self::NONE;
        for protocol in Protocol::EVERY {
            *result.ports_mut(protocol) = operation(self.ports(protocol), other.ports(protocol));
        }
        let partial = |protocol| self.has_partial(protocol) || other.has_partial(protocol);
        for protocol in Protocol::ALL.into_iter().filter(|protocol| partial(*protocol)) {
            let others = other.cells(protocol);
            let own = self.cells(protocol);
            let cells = own.iter().flat_map(|(ports, own)| {
                let cell = |(others, their): &(PortSet, RequestSet)| {
                    let ports = ports.intersection(others);
                    // Combining requests is what costs.
                    let empty = ports.is_empty();
                    (ports, if empty { RequestSet::none() } else { requests(own, their) })
                };
                others.iter().map(cell).collect::<Vec<_>>()
            });
            result.set_requests(protocol, cells);
        }
        result
    }

    fn has_partial(&self, protocol: Protocol) -> bool {
        self.partial.iter().any(|((of, _), _)| *of == protocol)
    }

    /// All ports of a protocol by the requests that it holds of them.
    fn cells(&self, protocol: Protocol) -> Vec<(PortSet, RequestSet)> {
        let whole = self.ports(protocol);
        let mut rest = PortSet::full().difference(whole);
        let mut cells = vec![(whole.clone(), RequestSet::all())];
        for (_, ports, requests) in self.partial().filter(|(of, _, _)| *of == protocol) {
            rest = rest.difference(ports);
            cells.push((ports.clone(), requests.clone()));
        }
        cells.push((rest, RequestSet::none()));
        cells
    }

    /// Sets what it holds of a protocol, from disjoint ports; protocols in their order.
    fn set_requests(&mut self, protocol: Protocol, cells: impl Iterator<Item = (PortSet, RequestSet)>) {
        let mut whole = PortSet::EMPTY;
        let mut partial: BTreeMap<RequestSet, PortSet> = BTreeMap::new();
        for (ports, requests) in cells {
            if ports.is_empty() || requests.is_empty() {
                continue;
            }
            if requests.is_all() {
                whole = whole.union(&ports);
            } else {
                let known = partial.entry(requests).or_default();
                *known = known.union(&ports);
            }
        }
        *self.ports_mut(protocol) = whole;
        self.partial.extend(partial.into_iter().map(|(requests, ports)| ((protocol, requests), ports)));
    }

    /// Traffic in either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.combine(other, PortSet::union, RequestSet::union)
    }

    /// Traffic in any of the sets.
    pub fn union_of<'a>(sets: &(impl Iterator<Item = &'a Self> + Clone)) -> Self {
        if sets.clone().any(Self::is_partial) {
            return sets.clone().fold(Self::NONE, |union, set| union.union(set));
        }
        let mut result = Self::NONE;
        for protocol in Protocol::EVERY {
            let ports = sets.clone().flat_map(|set| set.ports(protocol).intervals()).copied();
            *result.ports_mut(protocol) = PortSet::from_intervals(ports);
        }
        result
    }

    /// Traffic in both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.combine(other, PortSet::intersection, RequestSet::intersection)
    }

    /// Traffic in this set but not in the other.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.combine(other, PortSet::difference, RequestSet::difference)
    }

    /// Traffic over ports that is not in this set.
    #[must_use]
    pub fn complement(&self) -> Self {
        Self::all().difference(self)
    }

    /// Whether all of this is in the other.
    pub fn is_subset(&self, other: &Self) -> bool {
        if self.is_partial() || other.is_partial() {
            return self.difference(other).is_empty();
        }
        Protocol::EVERY.into_iter().all(|protocol| self.ports(protocol).is_subset(other.ports(protocol)))
    }

    /// Whether the two have traffic in common.
    pub fn intersects(&self, other: &Self) -> bool {
        if self.is_partial() || other.is_partial() {
            return !self.intersection(other).is_empty();
        }
        Protocol::EVERY.into_iter().any(|protocol| self.ports(protocol).intersects(other.ports(protocol)))
    }

    /// Whether the pair is in the set, whatever the request.
    pub fn contains(&self, protocol: Protocol, port: u16) -> bool {
        self.ports(protocol).contains(port)
    }

    /// Whether the pair is in the set with some requests at least.
    pub fn touches(&self, protocol: Protocol, port: u16) -> bool {
        self.contains(protocol, port)
            || self.partial().any(|(of, ports, _)| of == protocol && ports.contains(port))
    }

    /// Whether there is no traffic in the set.
    pub fn is_empty(&self) -> bool {
        self.ports.iter().all(PortSet::is_empty) && self.partial.is_empty()
    }

    /// Whether every port of every protocol that has ports is in the set.
    pub fn is_all(&self) -> bool {
        Protocol::ALL.into_iter().all(|protocol| self.ports(protocol).is_full())
    }

    /// The first pair of the set in the order TCP, UDP, SCTP; a witness of non-emptiness. Of a port with
    /// some requests it takes these for all.
    pub fn first(&self) -> Option<(Protocol, u16)> {
        let touched = self.touched();
        Protocol::EVERY
            .into_iter()
            .find_map(|protocol| touched.ports(protocol).first().map(|port| (protocol, port)))
    }

    /// The ICMP messages in it, where they are some of what there is, as people write them: `8`, `3/4`.
    fn messages(&self, protocol: Protocol) -> Vec<String> {
        let mut texts = Vec::new();
        let ports = self.ports(protocol);
        for kind in 0..=u8::MAX {
            let messages = icmp_messages(kind, None);
            if messages.is_subset(ports) {
                texts.push(kind.to_string());
                continue;
            }
            for (first, last) in messages.intersection(ports).intervals() {
                texts.extend((*first..=*last).map(|message| format!("{kind}/{}", (message - 1) & 0xff)));
            }
        }
        texts
    }

    /// The protocols without ports that an answer is to show: those of which something is told apart.
    fn portless(&self) -> impl Iterator<Item = Protocol> + '_ {
        let shown = |protocol: &Protocol| !self.is_all() && !self.ports(*protocol).is_empty();
        [Protocol::Icmp, Protocol::Icmpv6].into_iter().filter(shown)
    }
}

/// `all`, `none`, or `TCP 80,443,8000-8080; UDP all`; with requests behind their ports.
impl fmt::Display for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_all() {
            return f.write_str("all");
        }
        if self.is_empty() {
            return f.write_str("none");
        }
        let mut separator = "";
        for protocol in Protocol::ALL {
            let ports = self.ports(protocol);
            if ports.is_empty() {
                continue;
            }
            write!(f, "{separator}{protocol} {}", Numbers(ports))?;
            separator = "; ";
        }
        for (protocol, ports, requests) in self.partial() {
            write!(f, "{separator}{protocol} {} ({requests})", Numbers(ports))?;
            separator = "; ";
        }
        for protocol in self.portless() {
            if self.ports(protocol).is_full() {
                write!(f, "{separator}{protocol} all")?;
            } else {
                write!(f, "{separator}{protocol} {}", self.messages(protocol).join(","))?;
            }
            separator = "; ";
        }
        Ok(())
    }
}

/// Ports as people write them.
struct Numbers<'a>(&'a PortSet);

impl fmt::Display for Numbers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_full() {
            return f.write_str("all");
        }
        for (index, (first, last)) in self.0.intervals().iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            if first == last { write!(f, "{comma}{first}")? } else { write!(f, "{comma}{first}-{last}")? }
        }
        Ok(())
    }
}

/// The documented JSON form: `{"TCP": [[first, last], ..], "UDP": [], "SCTP": []}`, of the ports that it holds
/// whole; `ICMP` and `ICMPv6` with messages as texts only where policies tell them apart.
impl Serialize for Traffic {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for protocol in Protocol::ALL {
            map.serialize_entry(protocol.name(), self.ports(protocol).intervals())?;
        }
        for protocol in self.portless() {
            map.serialize_entry(protocol.name(), &self.messages(protocol))?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_people_write_it() {
        let web = Traffic::of(Protocol::Tcp, PortSet::from_intervals([(443, 443), (80, 80), (8000, 8080)]));
        let dns = Traffic::of(Protocol::Udp, PortSet::full());
        assert_eq!(web.union(&dns).to_string(), "TCP 80,443,8000-8080; UDP all");
        assert_eq!(Traffic::all().to_string(), "all");
        assert_eq!(Traffic::NONE.to_string(), "none");
        assert_eq!(
            serde_json::to_string(&web).unwrap(),
            r#"{"TCP":[[80,80],[443,443],[8000,8080]],"UDP":[],"SCTP":[]}"#
        );
    }

    #[test]
    fn complement_splits_the_whole() {
        let web = Traffic::of(Protocol::Tcp, PortSet::range(80, 90));
        assert!(web.union(&web.complement()).is_all());
        assert!(!web.intersects(&web.complement()));
        assert!(web.complement().contains(Protocol::Sctp, 80));
    }
}
