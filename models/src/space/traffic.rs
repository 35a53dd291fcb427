//! Which protocols and destination ports a connection may use.

use std::fmt;

use serde::Serialize;

use super::IntervalSet;

/// A transport protocol that the `NetworkPolicy` API speaks of. Everything else, ICMP among it, is
/// undefined by the API (S-29).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Protocol {
    /// Transmission Control Protocol: the default (S-20).
    Tcp,
    /// User Datagram Protocol.
    Udp,
    /// Stream Control Transmission Protocol, a protocol of its own (S-28).
    Sctp,
}

impl Protocol {
    /// All protocols, in the order of every output.
    pub const ALL: [Self; 3] = [Self::Tcp, Self::Udp, Self::Sctp];

    /// The name as manifests write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Sctp => "SCTP",
        }
    }

    /// The protocol with this exact name, as the API server accepts it.
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

/// A set of (protocol, destination port) pairs in canonical form.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Traffic {
    ports: [PortSet; 3],
}

impl Traffic {
    /// No traffic.
    pub const NONE: Self = Self { ports: [PortSet::EMPTY, PortSet::EMPTY, PortSet::EMPTY] };

    /// Every port of every protocol (S-8).
    pub fn all() -> Self {
        Self { ports: std::array::from_fn(|_| PortSet::full()) }
    }

    /// These ports of one protocol.
    pub fn of(protocol: Protocol, ports: PortSet) -> Self {
        let mut traffic = Self::NONE;
        *traffic.ports_mut(protocol) = ports;
        traffic
    }

    /// The ports of one protocol.
    pub fn ports(&self, protocol: Protocol) -> &PortSet {
        let [tcp, udp, sctp] = &self.ports;
        match protocol {
            Protocol::Tcp => tcp,
            Protocol::Udp => udp,
            Protocol::Sctp => sctp,
        }
    }

    fn ports_mut(&mut self, protocol: Protocol) -> &mut PortSet {
        let [tcp, udp, sctp] = &mut self.ports;
        match protocol {
            Protocol::Tcp => tcp,
            Protocol::Udp => udp,
            Protocol::Sctp => sctp,
        }
    }

    fn combine(&self, other: &Self, operation: impl Fn(&PortSet, &PortSet) -> PortSet) -> Self {
        let mut result = Self::NONE;
        for protocol in Protocol::ALL {
            *result.ports_mut(protocol) = operation(self.ports(protocol), other.ports(protocol));
        }
        result
    }

    /// Traffic in either set.
    pub fn union(&self, other: &Self) -> Self {
        self.combine(other, PortSet::union)
    }

    /// Traffic in any of the sets.
    pub fn union_of<'a>(sets: &(impl Iterator<Item = &'a Self> + Clone)) -> Self {
        let mut result = Self::NONE;
        for protocol in Protocol::ALL {
            let ports = sets.clone().flat_map(|set| set.ports(protocol).intervals()).copied();
            *result.ports_mut(protocol) = PortSet::from_intervals(ports);
        }
        result
    }

    /// Traffic in both sets.
    pub fn intersection(&self, other: &Self) -> Self {
        self.combine(other, PortSet::intersection)
    }

    /// Traffic in this set but not in the other.
    pub fn difference(&self, other: &Self) -> Self {
        self.combine(other, PortSet::difference)
    }

    /// Traffic that is not in this set.
    pub fn complement(&self) -> Self {
        Self::all().difference(self)
    }

    /// Whether all of this is in the other.
    pub fn is_subset(&self, other: &Self) -> bool {
        Protocol::ALL.into_iter().all(|protocol| self.ports(protocol).is_subset(other.ports(protocol)))
    }

    /// Whether the two have traffic in common.
    pub fn intersects(&self, other: &Self) -> bool {
        Protocol::ALL.into_iter().any(|protocol| self.ports(protocol).intersects(other.ports(protocol)))
    }

    /// Whether the pair is in the set.
    pub fn contains(&self, protocol: Protocol, port: u16) -> bool {
        self.ports(protocol).contains(port)
    }

    /// Whether there is no traffic in the set.
    pub fn is_empty(&self) -> bool {
        self.ports.iter().all(PortSet::is_empty)
    }

    /// Whether every port of every protocol is in the set.
    pub fn is_all(&self) -> bool {
        self.ports.iter().all(PortSet::is_full)
    }

    /// The first pair of the set in the order TCP, UDP, SCTP; a witness of non-emptiness.
    pub fn first(&self) -> Option<(Protocol, u16)> {
        Protocol::ALL
            .into_iter()
            .find_map(|protocol| self.ports(protocol).first().map(|port| (protocol, port)))
    }
}

/// `all`, `none`, or `TCP 80,443,8000-8080; UDP all`.
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
            write!(f, "{separator}{protocol} ")?;
            separator = "; ";
            if ports.is_full() {
                f.write_str("all")?;
                continue;
            }
            for (index, (first, last)) in ports.intervals().iter().enumerate() {
                let comma = if index == 0 { "" } else { "," };
                if first == last { write!(f, "{comma}{first}")? } else { write!(f, "{comma}{first}-{last}")? }
            }
        }
        Ok(())
    }
}

/// The documented JSON form: `{"TCP": [[first, last], ..], "UDP": [], "SCTP": []}`.
impl Serialize for Traffic {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer
            .collect_map(Protocol::ALL.map(|protocol| (protocol.name(), self.ports(protocol).intervals())))
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
