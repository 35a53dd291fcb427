//! Who is in a service mesh, and what the proxies are like that clients meet.

use crate::space::PortSet;

/// How a pod is in the mesh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Proxy {
    /// It is not.
    #[default]
    None,
    /// By a proxy of its own.
    Sidecar,
    /// By the proxy of its node.
    Ambient,
}

impl Proxy {
    /// The value of the attribute.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Sidecar => "sidecar",
            Self::Ambient => "ambient",
        }
    }
}

/// A proxy as clients meet it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MeshServer {
    /// Whose it is.
    pub proxy: Proxy,
    /// TCP ports that take mutual TLS only, and those that take none (M-11).
    pub strict: PortSet,
    /// TCP ports that take plaintext only.
    pub plaintext: PortSet,
    /// Sidecars that come to some of its ports in plaintext all the same, since a DestinationRule says so (M-12).
    pub downgraded: Vec<Downgraded>,
    /// TCP ports past the proxy (M-6).
    pub past: PortSet,
    /// TCP ports that are TCP by name, so that nothing of HTTP is seen on them (M-32).
    pub opaque: PortSet,
    /// Who stands before it for ambient clients (M-42): namespace and name of the waypoint, and from which ports of
    /// the Service its own come.
    pub waypoint: Option<Waypoint>,
}

/// Sidecars that speak plaintext to some ports.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Downgraded {
    /// Those of this namespace; all of them where `None`.
    pub from: Option<Box<str>>,
    /// The ports of the pod.
    pub ports: PortSet,
}

/// A waypoint before a workload.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Waypoint {
    /// The namespace that it is in.
    pub namespace: Box<str>,
    /// Its name.
    pub name: Box<str>,
    /// The Services that it is the waypoint of: namespace and name.
    pub services: Vec<(Box<str>, Box<str>)>,
    /// Ports of these Services, with those of the pods (M-28).
    pub ports: Vec<(u16, u16)>,
}
