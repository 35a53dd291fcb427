//! Ways in: Ingress, Gateway API and OpenShift Route, in one shape.
//!
//! A route leads from a [`Parent`] (the controller of an IngressClass, a Gateway's listeners, a
//! router) by host and path to the ports of Services. What the API server would refuse is not here.

use std::fmt;
use std::sync::Arc;

use super::{Meta, Place};
use crate::policy::ObjectRef;
use crate::space::{Labels, Protocol, Selector};

/// Everything that leads traffic from outside to Services.
#[derive(Clone, Debug, Default)]
pub struct Routing {
    /// Ingresses, Gateway API routes and OpenShift Routes, sorted by object.
    pub routes: Vec<Route>,
    /// Gateways, sorted by namespace and name.
    pub gateways: Vec<Gateway>,
    /// IngressClasses and GatewayClasses, sorted by kind and name.
    pub classes: Vec<ControllerClass>,
    /// Permissions to refer to another namespace's objects.
    pub grants: Vec<ReferenceGrant>,
    /// The labels of the pods that serve all of these, where somebody has said so.
    pub controller: Option<Selector>,
}

/// An IngressClass or a GatewayClass.
#[derive(Clone, Debug, PartialEq)]
pub struct ControllerClass {
    /// The object.
    pub object: Arc<ObjectRef>,
    /// Its name and place.
    pub meta: Meta,
    /// The controller that serves it: `k8s.io/ingress-nginx`.
    pub controller: Box<str>,
    /// Ingresses without a class are its own.
    pub default: bool,
}

/// A Gateway.
#[derive(Clone, Debug, PartialEq)]
pub struct Gateway {
    /// The object.
    pub object: Arc<ObjectRef>,
    /// Its name and place.
    pub meta: Meta,
    /// The GatewayClass it belongs to.
    pub class: Box<str>,
    /// Where it listens.
    pub listeners: Vec<Listener>,
    /// Labels that its controller puts on the pods it makes for the Gateway: `spec.infrastructure.labels`.
    pub labels: Labels,
}

/// A listener of a Gateway.
#[derive(Clone, Debug, PartialEq)]
pub struct Listener {
    /// Its name, unique in the Gateway.
    pub name: Box<str>,
    /// The port it listens on.
    pub port: u16,
    /// `HTTP`, `HTTPS`, `TLS`, `TCP`, `UDP` or a name of the implementation's own.
    pub protocol: Box<str>,
    /// The host it serves; every host where `None`.
    pub hostname: Option<Hostname>,
    /// Whose routes may attach.
    pub namespaces: AllowedNamespaces,
    /// What kinds of routes may attach; what the protocol implies where empty.
    pub kinds: Vec<Box<str>>,
    /// The list entry.
    pub at: Place,
}

/// Which namespaces' routes a listener admits (S-85).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedNamespaces {
    /// The Gateway's own: the default.
    Same,
    /// All.
    All,
    /// Those with these labels.
    Selector(Selector),
    /// None.
    None,
}

/// A host name, or a suffix of host names when it starts with `*.`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hostname(Box<str>);

impl Hostname {
    /// A name as written, in lower case.
    pub fn new(text: &str) -> Self {
        Self(text.to_ascii_lowercase().into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part behind `*`, dot included, when any first label will do.
    fn suffix(&self) -> Option<&str> {
        self.0.strip_prefix('*')
    }

    /// Whether a request for this concrete host is served. `*.` stands for one label in an Ingress and
    /// for one or more in the Gateway API.
    pub fn matches(&self, host: &str, labels: WildcardLabels) -> bool {
        let host = host.to_ascii_lowercase();
        match self.suffix() {
            None => *self.0 == *host,
            Some(suffix) => host.strip_suffix(suffix).is_some_and(|first| {
                !first.is_empty() && (labels == WildcardLabels::OneOrMore || !first.contains('.'))
            }),
        }
    }

    /// Whether a listener and a route have a host in common, as the Gateway API defines it.
    pub fn intersects(&self, other: &Self) -> bool {
        match (self.suffix(), other.suffix()) {
            (None, None) => self == other,
            (Some(_), None) => self.matches(&other.0, WildcardLabels::OneOrMore),
            (None, Some(_)) => other.matches(&self.0, WildcardLabels::OneOrMore),
            (Some(left), Some(right)) => left.ends_with(right) || right.ends_with(left),
        }
    }
}

impl fmt::Display for Hostname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How many labels a `*` stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WildcardLabels {
    /// Ingress.
    One,
    /// Gateway API.
    OneOrMore,
}

/// What a route carries, which decides the listeners it fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RouteProtocol {
    /// HTTP, decrypted where it was TLS.
    Http,
    /// TLS, told apart by its server name.
    Tls,
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl RouteProtocol {
    /// The transport protocol between controller and backend.
    pub const fn transport(self) -> Protocol {
        match self {
            Self::Http | Self::Tls | Self::Tcp => Protocol::Tcp,
            Self::Udp => Protocol::Udp,
        }
    }
}

/// An Ingress, an HTTPRoute, GRPCRoute, TLSRoute, TCPRoute or UDPRoute, or an OpenShift Route.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// The object.
    pub object: Arc<ObjectRef>,
    /// Its name and place.
    pub meta: Meta,
    /// What it carries.
    pub protocol: RouteProtocol,
    /// Who serves it.
    pub parents: Vec<Parent>,
    /// Its rules in their order.
    pub rules: Vec<RouteRule>,
    /// Kind and name of the cert-manager issuer that its annotations ask for a certificate.
    pub issuer: Option<(&'static str, Box<str>)>,
}

/// Who serves a route.
#[derive(Clone, Debug, PartialEq)]
pub enum Parent {
    /// The controller of an IngressClass; of the default one where `None`.
    IngressClass {
        /// Its name.
        class: Option<Box<str>>,
        /// Where it is written; the route's name where it is not.
        at: Place,
    },
    /// A Gateway.
    Gateway {
        /// The Gateway's namespace.
        namespace: Box<str>,
        /// Its name.
        name: Box<str>,
        /// Only the listener of this name.
        section: Option<Box<str>>,
        /// Only listeners on this port.
        port: Option<u16>,
        /// The list entry.
        at: Place,
    },
    /// OpenShift's router.
    Router,
}

/// One rule of a route.
#[derive(Clone, Debug, PartialEq)]
pub struct RouteRule {
    /// The hosts it serves; every host where empty.
    pub hosts: Vec<Hostname>,
    /// The paths it serves; every path where empty.
    pub paths: Vec<PathMatch>,
    /// Where requests go.
    pub backends: Vec<Backend>,
    /// The list entry.
    pub at: Place,
}

/// A condition on a request's path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PathMatch {
    /// Exactly this path.
    Exact(Box<str>),
    /// This path and those below it, by whole elements.
    Prefix(Box<str>),
    /// A regular expression of the implementation's; npv does not evaluate it.
    Regex(Box<str>),
}

impl PathMatch {
    /// Whether a path is served; `None` when only the implementation can tell.
    pub fn matches(&self, path: &str) -> Option<bool> {
        match self {
            Self::Exact(wanted) => Some(**wanted == *path),
            Self::Prefix(wanted) => {
                let wanted = wanted.trim_end_matches('/');
                Some(path.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
            }
            Self::Regex(_) => None,
        }
    }

    /// How specific the condition is: exact before prefix, longer before shorter.
    pub fn rank(&self) -> (u8, usize) {
        match self {
            Self::Exact(path) => (2, path.len()),
            Self::Regex(path) => (1, path.len()),
            Self::Prefix(path) => (0, path.len()),
        }
    }
}

impl fmt::Display for PathMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(path) => write!(f, "{path} exactly"),
            Self::Prefix(path) => f.write_str(path),
            Self::Regex(path) => write!(f, "{path} as a regular expression"),
        }
    }
}

/// A port of a Service that a route leads to.
#[derive(Clone, Debug, PartialEq)]
pub struct Backend {
    /// What is referred to: `Service`, or something that npv does not follow.
    pub kind: Box<str>,
    /// Its namespace.
    pub namespace: Box<str>,
    /// Its name.
    pub name: Box<str>,
    /// Which of its ports.
    pub port: BackendPort,
    /// Its share of the traffic; a backend of weight 0 gets none.
    pub weight: u32,
    /// The name of the Service.
    pub at: Place,
    /// The port; the name where there is none.
    pub port_at: Place,
}

/// Which port of a Service a backend is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackendPort {
    /// The Service's port with this number.
    Number(u16),
    /// The Service's port with this name.
    Name(Box<str>),
    /// The Service's port that leads to this target (OpenShift).
    Target(super::service::TargetPort),
    /// All of the Service's ports (OpenShift without `port`).
    All,
}

/// A permission for objects of one namespace to refer to objects of another one.
#[derive(Clone, Debug, PartialEq)]
pub struct ReferenceGrant {
    /// Its name and the namespace that may be referred to.
    pub meta: Meta,
    /// Kind and namespace of who may refer.
    pub from: Vec<(Box<str>, Box<str>)>,
    /// Kind and name of what may be referred to; every name where `None`.
    pub to: Vec<(Box<str>, Option<Box<str>>)>,
}

impl ReferenceGrant {
    /// Whether the grant lets a route of this kind and namespace refer to a Service (S-85).
    pub fn permits(&self, kind: &str, namespace: &str, service_namespace: &str, service: &str) -> bool {
        *self.meta.namespace == *service_namespace
            && self.from.iter().any(|(from, of)| **from == *kind && **of == *namespace)
            && self
                .to
                .iter()
                .any(|(to, name)| &**to == "Service" && name.as_ref().is_none_or(|name| **name == *service))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_is_one_label_for_ingress_and_more_for_gateways() {
        let any = Hostname::new("*.Example.com");
        assert!(any.matches("shop.example.com", WildcardLabels::One));
        assert!(!any.matches("a.shop.example.com", WildcardLabels::One));
        assert!(any.matches("a.shop.example.com", WildcardLabels::OneOrMore));
        assert!(!any.matches("example.com", WildcardLabels::OneOrMore));
        assert!(!any.matches("shop.example.org", WildcardLabels::OneOrMore));
        assert!(any.intersects(&Hostname::new("*.shop.example.com")));
        assert!(any.intersects(&Hostname::new("shop.example.com")));
        assert!(!any.intersects(&Hostname::new("example.com")));
        assert!(!Hostname::new("a.example.com").intersects(&Hostname::new("b.example.com")));
    }

    #[test]
    fn a_prefix_ends_at_a_slash() {
        let prefix = PathMatch::Prefix("/api/".into());
        assert_eq!(prefix.matches("/api"), Some(true));
        assert_eq!(prefix.matches("/api/v1"), Some(true));
        assert_eq!(prefix.matches("/apiary"), Some(false));
        assert_eq!(PathMatch::Prefix("/".into()).matches("/x"), Some(true));
        assert_eq!(PathMatch::Exact("/api".into()).matches("/api/"), Some(false));
        assert_eq!(PathMatch::Regex("/a.*".into()).matches("/a"), None);
    }

    #[test]
    fn a_grant_names_kind_namespace_and_service() {
        let grant = ReferenceGrant {
            meta: Meta { namespace: "data".into(), ..Meta::default() },
            from: vec![("HTTPRoute".into(), "shop".into())],
            to: vec![("Service".into(), Some("search".into()))],
        };
        assert!(grant.permits("HTTPRoute", "shop", "data", "search"));
        assert!(!grant.permits("HTTPRoute", "shop", "data", "other"));
        assert!(!grant.permits("GRPCRoute", "shop", "data", "search"));
        assert!(!grant.permits("HTTPRoute", "other", "data", "search"));
        assert!(!grant.permits("HTTPRoute", "shop", "other", "search"));
    }
}
