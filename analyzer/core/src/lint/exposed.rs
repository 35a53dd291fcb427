//! Ports that are rarely meant for everybody, and peers that are everybody.

use ipnet::IpNet;
use npv_models::cluster::PodGroup;
use npv_models::policy::{Peer, PeerMatch, Peers, PortMatch, Ports, Rule};
use npv_models::source::Span;
use npv_models::space::{IpSet, Protocol};

/// A port that databases or administrators use.
#[derive(Clone, Copy, Debug)]
pub(super) struct SensitivePort {
    /// Its number.
    pub(super) number: u16,
    /// Its protocol.
    pub(super) protocol: Protocol,
    /// What listens there, for people.
    pub(super) name: &'static str,
    /// Whoever listens there keeps data.
    pub(super) stores: bool,
}

const fn store(number: u16, name: &'static str) -> SensitivePort {
    SensitivePort { number, protocol: Protocol::Tcp, name, stores: true }
}

const fn admin(number: u16, name: &'static str) -> SensitivePort {
    SensitivePort { number, protocol: Protocol::Tcp, name, stores: false }
}

/// By number. Only numbers that hardly anything else uses.
pub(super) static SENSITIVE: &[SensitivePort] = &[
    admin(22, "SSH"),
    admin(23, "Telnet"),
    admin(445, "SMB"),
    store(1433, "SQL Server"),
    store(1521, "Oracle"),
    store(2049, "NFS"),
    store(2181, "ZooKeeper"),
    admin(2375, "Docker"),
    admin(2376, "Docker"),
    store(2379, "etcd"),
    store(2380, "etcd"),
    store(3306, "MySQL"),
    admin(3389, "RDP"),
    store(5432, "PostgreSQL"),
    admin(5900, "VNC"),
    store(5984, "CouchDB"),
    store(6379, "Redis"),
    store(7687, "Neo4j"),
    store(9042, "Cassandra"),
    store(9200, "Elasticsearch"),
    store(9300, "Elasticsearch"),
    store(11211, "Memcached"),
    SensitivePort { number: 11211, protocol: Protocol::Udp, name: "Memcached", stores: true },
    store(26257, "CockroachDB"),
    store(27017, "MongoDB"),
    store(27018, "MongoDB"),
    store(27019, "MongoDB"),
    store(28015, "RethinkDB"),
];

/// Whether the pods declare the port.
pub(super) fn declares(pods: &PodGroup, port: &SensitivePort) -> bool {
    pods.ports.iter().any(|declared| declared.number == port.number && declared.protocol == port.protocol)
}

/// Whether the pods declare a port of those who keep data.
pub(crate) fn keeps_data(pods: &PodGroup) -> bool {
    SENSITIVE.iter().any(|port| port.stores && declares(pods, port))
}

/// Whether a rule names the port, alone or among a few.
pub(super) fn names(ports: &Ports, port: &SensitivePort) -> bool {
    // A longer range is about ranges, not about one of its ports.
    const FEW: u16 = 16;
    let Ports::Listed(items) = ports else { return false };
    items.iter().any(|item| match &item.matches {
        PortMatch::Numbers(traffic) => {
            let mut intervals = traffic.ports(port.protocol).intervals().iter();
            intervals.any(|&(first, last)| first <= port.number && port.number <= last && last - first < FEW)
        }
        PortMatch::Named { .. } => false,
    })
}

/// Whether a block holds most of the addresses of a family: with `2000::/3`, all that are in public use.
pub(super) fn is_world(cidr: &IpNet) -> bool {
    cidr.prefix_len() <= 4
}

/// Addresses that are private by convention: of pods, nodes and Services (RFC 1918, 6598, 4193).
pub(super) const PRIVATE: [&str; 5] =
    ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"];

/// Whether some of the addresses are private.
pub(super) fn is_private(addresses: &IpSet) -> bool {
    private().any(|range| IpSet::net(range).intersects(addresses))
}

/// The private ranges.
pub(super) fn private() -> impl Iterator<Item = IpNet> {
    PRIVATE.iter().filter_map(|range| range.parse().ok())
}

/// The whole world among the peers of a rule.
pub(super) enum World<'a> {
    /// The rule names nobody, and so admits everybody.
    Anyone(Span),
    /// A block of nearly all addresses.
    Block(&'a Peer, &'a IpNet),
}

/// Where a rule speaks of the whole world, if it does.
pub(super) fn world(rule: &Rule) -> Option<World<'_>> {
    match &rule.peers {
        Peers::Anyone => Some(World::Anyone(rule.provenance.span)),
        Peers::Listed(peers) => peers.iter().find_map(|peer| match &peer.matches {
            PeerMatch::Block { cidr, .. } if is_world(cidr) => Some(World::Block(peer, cidr)),
            _ => None,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_and_has_each_port_once() {
        let keys: Vec<_> = SENSITIVE.iter().map(|port| (port.number, port.protocol)).collect();
        assert!(keys.windows(2).all(|pair| pair[0].0 <= pair[1].0), "{keys:?}");
        let distinct: std::collections::BTreeSet<_> = keys.iter().collect();
        assert_eq!(distinct.len(), keys.len());
    }

    #[test]
    fn the_world_is_most_of_a_family() {
        for (cidr, wanted) in [
            ("0.0.0.0/0", true),
            ("128.0.0.0/1", true),
            ("::/0", true),
            ("2000::/3", true),
            ("10.0.0.0/8", false),
            ("fd00::/8", false),
        ] {
            assert_eq!(is_world(&cidr.parse().unwrap()), wanted, "{cidr}");
        }
    }
}
