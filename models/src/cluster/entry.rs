//! From a route to the pods behind it: who serves it, whether it attaches, and what its backends are
//! (S-84, S-85).

use std::collections::BTreeMap;

use super::{Cluster, GroupId, Service, ServicePort, Target, TargetPort, UnseenBy};
use crate::k8s::{AllowedNamespaces, Backend, BackendPort, Gateway, Listener, Parent, Route, RouteProtocol};
use crate::space::{Labels, PortSet, Selector, Traffic};

/// What traffic that a route carries comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryPoint {
    /// The controller of Ingresses of a class, or OpenShift's router.
    Ingress {
        /// The class; the default one where `None`.
        class: Option<Box<str>>,
    },
    /// A Gateway's proxies.
    Gateway {
        /// The Gateway's namespace.
        namespace: Box<str>,
        /// Its name.
        name: Box<str>,
    },
}

impl EntryPoint {
    /// The id of the endpoint that is assumed where the manifests do not hold the controller's pods:
    /// `{ingress-controller}` or `{gateway infra/edge}`.
    pub fn assumed_id(&self) -> String {
        match self {
            Self::Ingress { .. } => "{ingress-controller}".to_owned(),
            Self::Gateway { namespace, name } => format!("{{gateway {namespace}/{name}}}"),
        }
    }
}

/// Why a route is not served by one of its parents (S-85).
#[derive(Clone, Debug, PartialEq)]
pub enum NotAttached<'c> {
    /// The manifests hold Gateways, but not this one.
    NoGateway,
    /// The Gateway has no listener of the name or port that the route asks for.
    NoListener,
    /// No listener takes routes of this kind.
    Kind(&'c Gateway),
    /// No listener that takes the kind has a host in common with the route.
    Hostname(&'c Gateway),
    /// Listeners would fit, but shut the route's namespace out.
    Namespace(&'c Listener),
}

/// A route at one of its parents.
#[derive(Clone, Debug)]
pub struct Attachment<'c> {
    /// The parent.
    pub parent: &'c Parent,
    /// Who serves it.
    pub entry: EntryPoint,
    /// The listeners that it attached to; none for an Ingress, and none where the Gateway is not in the
    /// manifests, so that it is assumed to fit.
    pub listeners: Vec<&'c Listener>,
    /// Why it is not served; `None` where it is.
    pub problem: Option<NotAttached<'c>>,
}

/// What a route's backend turned out to be.
#[derive(Clone, Debug)]
pub enum ResolvedBackend<'c> {
    /// Ports of a Service, and where traffic to them ends.
    Ports(&'c Service, Vec<(&'c ServicePort, Vec<Target>)>),
    /// The Service is there, the port is not.
    NoPort(&'c Service),
    /// There is no such Service although the manifests define others in its namespace, or the
    /// namespace itself.
    NoService,
    /// The manifests do not tell: nothing of the namespace is there, or the backend is no Service.
    Unknown,
    /// The Service is in another namespace, and no ReferenceGrant permits the reference (S-85).
    NotGranted,
}

/// Whom an entry point serves: the controller's pods, and what its routes send where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The id of its endpoint where it is assumed; see [`EntryPoint::assumed_id`].
    pub id: String,
    /// Its pods, where the manifests hold them; empty where it is assumed.
    pub pods: Vec<GroupId>,
    /// The traffic that attached routes with a share of it send to each group of pods.
    pub sends: BTreeMap<GroupId, Traffic>,
}

impl Cluster {
    /// All entry points that an attached route leads from, by id. Those without pods of their own in the
    /// manifests are one entry per id.
    pub fn entries(&self) -> Vec<Entry> {
        let mut entries: BTreeMap<(String, Vec<GroupId>), BTreeMap<GroupId, Traffic>> = BTreeMap::new();
        let mut pods: BTreeMap<EntryPoint, Vec<GroupId>> = BTreeMap::new();
        for route in &self.routing.routes {
            for attachment in
                self.attachments(route).into_iter().filter(|attachment| attachment.problem.is_none())
            {
                let id = attachment.entry.assumed_id();
                let found = pods
                    .entry(attachment.entry)
                    .or_insert_with_key(|entry| self.controller_pods(entry))
                    .clone();
                let sends = entries.entry((id, found)).or_default();
                for backend in
                    route.rules.iter().flat_map(|rule| &rule.backends).filter(|backend| backend.weight > 0)
                {
                    let ResolvedBackend::Ports(_, ports) = self.resolve(route, backend) else { continue };
                    for (port, targets) in ports {
                        for target in targets {
                            let Target::Pods { group, port: number } = target else { continue };
                            let traffic = sends.entry(group).or_default();
                            *traffic = traffic.union(&Traffic::of(port.protocol, PortSet::single(number)));
                        }
                    }
                }
            }
        }
        entries.into_iter().map(|((id, pods), sends)| Entry { id, pods, sends }).collect()
    }

    /// Every parent of a route, and whether the route is attached to it (S-85).
    pub fn attachments<'c>(&'c self, route: &'c Route) -> Vec<Attachment<'c>> {
        route.parents.iter().map(|parent| self.attach(route, parent)).collect()
    }

    fn attach<'c>(&'c self, route: &'c Route, parent: &'c Parent) -> Attachment<'c> {
        let (namespace, name, section, port) = match parent {
            Parent::IngressClass { class, .. } => {
                let entry = EntryPoint::Ingress { class: class.clone() };
                return Attachment { parent, entry, listeners: Vec::new(), problem: None };
            }
            Parent::Router => {
                let entry = EntryPoint::Ingress { class: Some("openshift-default".into()) };
                return Attachment { parent, entry, listeners: Vec::new(), problem: None };
            }
            Parent::Gateway { namespace, name, section, port, .. } => (namespace, name, section, port),
        };
        let entry = EntryPoint::Gateway { namespace: namespace.clone(), name: name.clone() };
        let mut attachment = Attachment { parent, entry, listeners: Vec::new(), problem: None };
        let Some(gateway) = self.gateway(namespace, name) else {
            // Where the Gateway's namespace is somebody else's, its objects need not be here: one that is only
            // declared is deployed from elsewhere, and so may be what somebody unseen puts there.
            let gateways = &self.routing.gateways;
            let known = self.namespace_id(namespace).is_some_and(|id| {
                self.workloads.iter().any(|workload| workload.namespace == id)
                    || self.services.iter().any(|service| service.namespace == id)
            });
            let unseen = self.unseen_in(namespace).any(|unseen| unseen.by != UnseenBy::Account);
            let shown = gateways.iter().any(|gateway| gateway.object.namespace.as_ref() == Some(namespace));
            if (known || shown) && !unseen {
                attachment.problem = Some(NotAttached::NoGateway);
            }
            return attachment;
        };
        let wanted: Vec<&Listener> = gateway
            .listeners
            .iter()
            .filter(|listener| section.as_ref().is_none_or(|section| *section == listener.name))
            .filter(|listener| port.is_none_or(|port| port == listener.port))
            .collect();
        let of_kind: Vec<&Listener> =
            wanted.iter().copied().filter(|listener| takes_kind(listener, route)).collect();
        let of_host: Vec<&Listener> =
            of_kind.iter().copied().filter(|listener| serves_host(listener, route)).collect();
        let own = gateway.object.namespace.as_deref().unwrap_or_default();
        let route_namespace = route.object.namespace.as_deref().unwrap_or_default();
        attachment.listeners = of_host
            .iter()
            .copied()
            .filter(|listener| self.admits_namespace(listener, own, route_namespace))
            .collect();
        if attachment.listeners.is_empty() {
            attachment.problem = Some(match (wanted.is_empty(), of_kind.is_empty(), of_host.first()) {
                (true, _, _) => NotAttached::NoListener,
                (_, true, _) => NotAttached::Kind(gateway),
                (_, _, None) => NotAttached::Hostname(gateway),
                (_, _, Some(listener)) => NotAttached::Namespace(listener),
            });
        }
        attachment
    }

    /// The Gateway of this name.
    pub fn gateway(&self, namespace: &str, name: &str) -> Option<&Gateway> {
        self.routing.gateways.iter().find(|gateway| {
            gateway.object.namespace.as_deref() == Some(namespace) && *gateway.object.name == *name
        })
    }

    fn admits_namespace(&self, listener: &Listener, own: &str, namespace: &str) -> bool {
        match &listener.namespaces {
            AllowedNamespaces::Same => own == namespace,
            AllowedNamespaces::All => true,
            AllowedNamespaces::None => false,
            AllowedNamespaces::Selector(selector) => match self.namespace_id(namespace) {
                Some(id) => self
                    .namespaces
                    .get(id.0 as usize)
                    // What labels an undefined namespace has is not known (S-42): it is given the benefit.
                    .is_none_or(|namespace| {
                        namespace.defined.is_none() || selector.matches(&namespace.labels)
                    }),
                None => true,
            },
        }
    }

    /// What one backend of a route leads to.
    pub fn resolve<'c>(&'c self, route: &Route, backend: &Backend) -> ResolvedBackend<'c> {
        if &*backend.kind != "Service" {
            return ResolvedBackend::Unknown;
        }
        let own = route.object.namespace.as_deref().unwrap_or_default();
        let granted = *backend.namespace == *own
            || self
                .routing
                .grants
                .iter()
                .any(|grant| grant.permits(route.object.kind, own, &backend.namespace, &backend.name));
        if !granted {
            return ResolvedBackend::NotGranted;
        }
        let Some(service) = self.service(&backend.namespace, &backend.name) else {
            let Some(id) = self.namespace_id(&backend.namespace) else { return ResolvedBackend::Unknown };
            let defined =
                self.namespaces.get(id.0 as usize).is_some_and(|namespace| namespace.defined.is_some());
            let known = defined
                || self.services.iter().any(|service| service.namespace == id)
                || self.workloads.iter().any(|workload| workload.namespace == id);
            return if known { ResolvedBackend::NoService } else { ResolvedBackend::Unknown };
        };
        let transport = route.protocol.transport();
        let ports: Vec<_> = service
            .ports
            .iter()
            .filter(|port| match &backend.port {
                BackendPort::Number(number) => port.port == *number,
                BackendPort::Name(name) => port.name.as_ref() == Some(name),
                BackendPort::Target(TargetPort::Number(number)) => {
                    self.targets(service, port).iter().any(|target| match target {
                        Target::Pods { port, .. } | Target::Address { port, .. } => port == number,
                        Target::Unresolved { .. } => false,
                    })
                }
                BackendPort::Target(target) => port.target == *target,
                BackendPort::All => port.protocol == transport,
            })
            .map(|port| (port, self.targets(service, port)))
            .collect();
        if ports.is_empty() {
            ResolvedBackend::NoPort(service)
        } else {
            ResolvedBackend::Ports(service, ports)
        }
    }

    /// The pods that serve an entry point, where the manifests hold them: found by the controller that
    /// the class names and the labels that its installation is known to carry.
    ///
    /// Labels that somebody has named take the place of all that is known.
    pub fn controller_pods(&self, entry: &EntryPoint) -> Vec<GroupId> {
        if let Some(selector) = &self.routing.controller {
            return self.pods_with(|labels| selector.matches(labels), None);
        }
        let class = match entry {
            EntryPoint::Ingress { class } => class.as_deref(),
            EntryPoint::Gateway { namespace, name } => {
                // Controllers label the pods that they make for a Gateway with its name: in its own namespace, or
                // in the controller's with the namespace too.
                let own = Selector::label("gateway.networking.k8s.io/gateway-name", &**name);
                let mut found = self.pods_with(|labels| own.matches(labels), Some(namespace));
                found.extend(self.pods_with(
                    |labels| {
                        labels.get("gateway.envoyproxy.io/owning-gateway-name") == Some(name)
                            && labels.get("gateway.envoyproxy.io/owning-gateway-namespace") == Some(namespace)
                    },
                    None,
                ));
                if !found.is_empty() {
                    return found;
                }
                self.gateway(namespace, name).map(|gateway| &*gateway.class)
            }
        };
        let kind = match entry {
            EntryPoint::Ingress { .. } => "IngressClass",
            EntryPoint::Gateway { .. } => "GatewayClass",
        };
        let found = self.routing.classes.iter().find(|candidate| {
            candidate.object.kind == kind
                && match class {
                    Some(class) => *candidate.object.name == *class,
                    None => candidate.default,
                }
        });
        CONTROLLERS
            .iter()
            .filter(|known| match found {
                Some(object) => known.controllers.contains(&&*object.controller),
                // Without the class object its customary name has to do; without any name, any controller.
                None => class.is_none_or(|class| known.classes.contains(&class)),
            })
            .flat_map(|known| {
                self.pods_with(
                    |labels| {
                        known
                            .labels
                            .iter()
                            .any(|all| all.iter().all(|(key, value)| labels.get(key) == Some(value)))
                    },
                    None,
                )
            })
            .collect()
    }

    /// Whether a load balancer of the cloud serves an entry point: requests come from its own addresses or from nodes,
    /// whatever pods its controller has. Labels that somebody has named take the place of all that is known.
    pub fn is_cloud_balancer(&self, entry: &EntryPoint) -> bool {
        if self.routing.controller.is_some() {
            return false;
        }
        let (kind, class) = match entry {
            EntryPoint::Ingress { class } => ("IngressClass", class.as_deref()),
            EntryPoint::Gateway { namespace, name } => {
                ("GatewayClass", self.gateway(namespace, name).map(|gateway| &*gateway.class))
            }
        };
        let mut classes = self.routing.classes.iter().filter(|candidate| candidate.object.kind == kind);
        let object = classes.find(|candidate| match class {
            Some(class) => *candidate.object.name == *class,
            None => candidate.default,
        });
        match (object, class) {
            (Some(object), _) => CLOUD_CONTROLLERS.contains(&&*object.controller),
            (None, Some(class)) => {
                CLOUD_CLASSES.contains(&class) || kind == "GatewayClass" && class.starts_with("gke-l7-")
            }
            (None, None) => false,
        }
    }

    fn pods_with(&self, matches: impl Fn(&Labels) -> bool, namespace: Option<&str>) -> Vec<GroupId> {
        let namespace = namespace.map(|name| self.namespace_id(name));
        self.groups
            .iter()
            .enumerate()
            .filter(|(_, group)| namespace.is_none_or(|namespace| namespace == Some(group.namespace)))
            .filter(|(_, group)| matches(&group.labels))
            .map(|(index, _)| GroupId(index as u32))
            .collect()
    }
}

/// Whether a listener takes routes of this kind: those it lists, or those its protocol implies.
fn takes_kind(listener: &Listener, route: &Route) -> bool {
    if !listener.kinds.is_empty() {
        return listener.kinds.iter().any(|kind| **kind == *route.object.kind);
    }
    match &*listener.protocol {
        "HTTP" | "HTTPS" => route.protocol == RouteProtocol::Http,
        "TLS" => matches!(route.protocol, RouteProtocol::Tls | RouteProtocol::Tcp),
        "TCP" => route.protocol == RouteProtocol::Tcp,
        "UDP" => route.protocol == RouteProtocol::Udp,
        // A protocol of the implementation's own.
        _ => true,
    }
}

/// Whether a listener and a route have a host in common. TCP and UDP know no hosts.
fn serves_host(listener: &Listener, route: &Route) -> bool {
    if matches!(route.protocol, RouteProtocol::Tcp | RouteProtocol::Udp) {
        return true;
    }
    let hosts = route.rules.first().map_or(&[][..], |rule| &rule.hosts);
    let Some(own) = &listener.hostname else { return true };
    hosts.is_empty() || hosts.iter().any(|host| own.intersects(host))
}

/// A controller that serves Ingresses or Gateways from pods of its own.
struct Controller {
    /// Names under which classes refer to it.
    controllers: &'static [&'static str],
    /// What its class is customarily called.
    classes: &'static [&'static str],
    /// Labels that its proxies carry: any of these lists, all labels of one.
    labels: &'static [&'static [(&'static str, &'static str)]],
}

/// Controllers that are recognised in manifests. One that is not listed, such as a cloud's load
/// balancer outside the cluster, is an assumed endpoint.
const CONTROLLERS: &[Controller] = &[
    Controller {
        controllers: &["k8s.io/ingress-nginx"],
        classes: &["nginx"],
        labels: &[
            &[("app.kubernetes.io/name", "ingress-nginx"), ("app.kubernetes.io/component", "controller")],
            &[("app", "ingress-nginx")],
        ],
    },
    Controller {
        controllers: &["nginx.org/ingress-controller", "gateway.nginx.org/nginx-gateway-controller"],
        classes: &["nginx"],
        labels: &[
            &[("app.kubernetes.io/name", "nginx-ingress")],
            &[("app", "nginx-ingress")],
            &[("app.kubernetes.io/name", "nginx-gateway-fabric")],
        ],
    },
    Controller {
        controllers: &["traefik.io/ingress-controller", "traefik.io/gateway-controller"],
        classes: &["traefik"],
        labels: &[&[("app.kubernetes.io/name", "traefik")], &[("app", "traefik")]],
    },
    Controller {
        controllers: &[
            "haproxy.org/ingress-controller/haproxy",
            "haproxy.org/ingress-controller",
            "haproxy-ingress.github.io/controller",
        ],
        classes: &["haproxy"],
        labels: &[
            &[("app.kubernetes.io/name", "kubernetes-ingress")],
            &[("app.kubernetes.io/name", "haproxy-ingress")],
            &[("run", "haproxy-ingress")],
        ],
    },
    Controller {
        controllers: &["projectcontour.io/ingress-controller", "projectcontour.io/gateway-controller"],
        classes: &["contour"],
        labels: &[
            &[("app.kubernetes.io/name", "contour"), ("app.kubernetes.io/component", "envoy")],
            &[("app", "envoy")],
        ],
    },
    Controller {
        controllers: &["ingress-controllers.konghq.com/kong", "konghq.com/kic-gateway-controller"],
        classes: &["kong"],
        labels: &[
            &[("app.kubernetes.io/name", "kong")],
            &[("app", "ingress-kong")],
            &[("app", "proxy-kong")],
        ],
    },
    Controller {
        controllers: &["gateway.envoyproxy.io/gatewayclass-controller"],
        classes: &["eg", "envoy", "envoy-gateway"],
        labels: &[&[("app.kubernetes.io/name", "envoy"), ("app.kubernetes.io/managed-by", "envoy-gateway")]],
    },
    Controller {
        controllers: &["istio.io/ingress-controller", "istio.io/gateway-controller"],
        classes: &["istio"],
        labels: &[&[("istio", "ingressgateway")], &[("istio", "ingress")]],
    },
    Controller {
        controllers: &["openshift.io/ingress-to-route"],
        classes: &["openshift-default"],
        labels: &[&[("ingresscontroller.operator.openshift.io/deployment-ingresscontroller", "default")]],
    },
];

/// Controllers that set up a load balancer of the cloud, through which no request passes.
const CLOUD_CONTROLLERS: &[&str] = &[
    "alb.networking.azure.io/alb-controller",
    "application-networking.k8s.aws/gateway-api-controller",
    "azure/application-gateway",
    "eks.amazonaws.com/alb",
    "gateway.k8s.aws/alb",
    "gateway.k8s.aws/nlb",
    "ingress.k8s.aws/alb",
    "k8s.io/ingress-gce",
    "networking.gke.io/gateway",
];

/// What their classes are called where no object defines them.
const CLOUD_CLASSES: &[&str] =
    &["alb", "azure-application-gateway", "azure/application-gateway", "gce", "gce-internal"];
