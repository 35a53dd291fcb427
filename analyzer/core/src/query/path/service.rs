//! To a Service by its name: name, address, translation, backends, policy (S-80 to S-83).

use npv_models::cluster::{Service, ServicePort, ServiceType, TargetPort, TrafficPolicy};
use npv_models::space::{IpSet, Protocol};

use super::{Walk, Walker, overall};
use crate::engine::EndpointId;
use crate::query::name::{Place, Unresolved, closest};
use crate::query::trace::{Backend, Overall, Question, Trace};

impl<'a> Walker<'a> {
    pub(super) fn service_path(
        &self,
        src: &Place,
        name: &str,
        over: Option<(Protocol, u16)>,
    ) -> Result<Trace, Unresolved> {
        if is_api_server(name, self.names.namespace) && !self.has_endpoints() {
            return self.api_server(src, over);
        }
        let service = self.service(name)?;
        let full = self.service_name(service);
        let ports: Vec<&ServicePort> = service
            .ports
            .iter()
            .filter(|port| {
                over.is_none_or(|(protocol, number)| (port.protocol, port.port) == (protocol, number))
            })
            .collect();
        if let (true, Some((protocol, number))) =
            (ports.is_empty() && service.kind != ServiceType::ExternalName, over)
        {
            let known: Vec<String> =
                service.ports.iter().map(|port| format!("`{}/{}`", port.port, port.protocol)).collect();
            return Err(Unresolved {
                message: format!("the Service `{full}` has no port {number} over {protocol}"),
                help: vec![format!("its ports are {}", known.join(", "))],
                unknown: false,
            });
        }
        let mut walk = Walk::default();
        let outside = matches!(src, Place::Addresses(_));
        if !self.reach_address(&mut walk, src, service, &full) {
            return Ok(walk.finish(Overall::Deny));
        }
        let (mut open, mut all) = (0, 0);
        for port in ports {
            if outside {
                let node_port =
                    port.node_port.map_or_else(|| "a node port".to_owned(), |port| port.to_string());
                walk.hop(
                    match service.kind {
                        ServiceType::ClusterIp => {
                            let addresses: Vec<String> =
                                service.external_ips.iter().map(ToString::to_string).collect();
                            format!(
                                "from outside: {} {} at {}",
                                port.protocol,
                                port.port,
                                addresses.join(", ")
                            )
                        }
                        _ => format!(
                            "from outside: {} {node_port} on a node, or the load balancer",
                            port.protocol
                        ),
                    },
                    Some(port.span),
                );
            }
            let (reached, backends) = self.backends_of(&mut walk, src, (service, port), true);
            open += reached;
            all += backends;
        }
        Ok(walk.finish(overall(open, all)))
    }

    /// Whether the manifests say where the API server is.
    fn has_endpoints(&self) -> bool {
        let cluster = self.names.cluster;
        cluster.service("default", "kubernetes").is_some_and(|service| !service.endpoints.is_empty())
    }

    /// To the Service `kubernetes`, whose endpoints the control plane keeps: they are in no manifest.
    fn api_server(&self, src: &Place, over: Option<(Protocol, u16)>) -> Result<Trace, Unresolved> {
        const HTTPS: u16 = 443;
        const LISTENS: u16 = 6443;
        let cluster = self.names.cluster;
        let service = cluster.service("default", "kubernetes");
        let port = over.map_or(HTTPS, |(_, port)| port);
        let known = service.map_or(port == HTTPS, |service| service.ports.iter().any(|one| one.port == port));
        if !known || over.is_some_and(|(protocol, _)| protocol != Protocol::Tcp) {
            return Err(Unresolved {
                message: format!("the Service `default/kubernetes` has no port {port} over that protocol"),
                help: vec![format!("its port is `{HTTPS}/TCP`")],
                unknown: false,
            });
        }
        let mut ports = service.iter().flat_map(|service| &service.ports).filter(|one| one.port == port);
        let target = ports.next().and_then(|port| match port.target {
            TargetPort::Number(number) if number != HTTPS => Some(number),
            _ => None,
        });
        let target = target.unwrap_or(LISTENS);
        let mut walk = Walk::default();
        let span = service.map(|service| service.span);
        walk.hop("`kubernetes.default.svc` resolves to a virtual address; policies never see it", span);
        walk.hop(
            format!("the control plane keeps the endpoints of `default/kubernetes`: translated to {{api-server}} on TCP {target}"),
            span,
        );
        let assumed = self.names.endpoints.iter().position(|endpoint| endpoint.id == "{api-server}");
        let dst = if let Some(index) = assumed {
            Place::Endpoint(EndpointId(index as u32))
        } else {
            // Its own address and those of other Services are none that a packet has when policy looks (S-31).
            let everywhere = "0.0.0.0/0".parse().map(IpSet::net).unwrap_or_default();
            Place::Addresses(everywhere.difference(&cluster.service_addresses()))
        };
        let before = walk.trace.parts.len();
        walk.leg(&self.tracer, Question { src: src.clone(), dst, over: Some((Protocol::Tcp, target)) });
        let parts = walk.trace.parts.get(before..).unwrap_or_default();
        let certain = !parts.is_empty() && parts.iter().all(|part| part.allowed == part.asked);
        let verdict = if certain {
            Overall::Allow
        } else if parts.iter().all(|part| part.possible.is_empty()) {
            Overall::Deny
        } else {
            Overall::Mixed
        };
        if verdict == Overall::Mixed {
            walk.note("at which address the API server is, no manifest shows");
        }
        walk.backend(Backend {
            id: "{api-server}".to_owned(),
            protocol: Protocol::Tcp,
            port: Some(target),
            reached: certain,
        });
        Ok(walk.finish(verdict))
    }

    fn service(&self, name: &str) -> Result<&'a Service, Unresolved> {
        let cluster = self.names.cluster;
        let (namespace, bare) = match name.split_once('/') {
            Some((namespace, bare)) => (Some(namespace), bare),
            None => (self.names.namespace, name),
        };
        let named = |service: &&Service| {
            *service.name == *bare
                && namespace.is_none_or(|wanted| cluster.namespace_name(service.namespace) == wanted)
        };
        let found: Vec<&Service> = cluster.services.iter().filter(named).collect();
        match found.as_slice() {
            [service] => Ok(service),
            [] => {
                let known: Vec<String> =
                    cluster.services.iter().map(|service| self.service_name(service)).collect();
                let close = closest(name, &known);
                let help = match close.as_slice() {
                    [] if known.is_empty() => "these manifests define no Service at all".to_owned(),
                    [] => "write it as `svc/NAMESPACE/NAME`".to_owned(),
                    close => format!("did you mean `svc/{}`?", close.join("`, `svc/")),
                };
                Err(Unresolved {
                    message: format!("there is no Service `{name}` in these manifests"),
                    help: vec![help],
                    unknown: true,
                })
            }
            several => {
                let names: Vec<String> =
                    several.iter().map(|service| format!("`svc/{}`", self.service_name(service))).collect();
                Err(Unresolved {
                    message: format!("`{name}` means {} Services", several.len()),
                    help: vec![format!("say which one: {}", names.join(", "))],
                    unknown: false,
                })
            }
        }
    }

    /// From the name to an address that the client can use at all.
    fn reach_address(&self, walk: &mut Walk, src: &Place, service: &Service, full: &str) -> bool {
        let outside = matches!(src, Place::Addresses(_));
        let namespace = self.names.cluster.namespace_name(service.namespace);
        let dns = format!("{}.{namespace}.svc", service.name);
        match service.kind {
            ServiceType::ExternalName => {
                let alias = service.external_name.as_deref().unwrap_or_default();
                walk.stop(
                    format!(
                        "`{dns}` is an alias of `{alias}`: the client connects outside, to whatever addresses that name has"
                    ),
                    Some(service.span),
                );
                walk.note("nothing is translated; ask for the addresses: `npv trace SRC ADDRESS:PORT`");
                false
            }
            // S-82: `externalIPs` are a way in for any type.
            ServiceType::ClusterIp if outside && service.external_ips.is_empty() => {
                walk.stop(
                    format!("the Service `{full}` has no address outside the cluster: its type is ClusterIP"),
                    Some(service.span),
                );
                false
            }
            _ if service.headless => {
                walk.hop(
                    format!("`{dns}` resolves to the addresses of the pods: the Service is headless"),
                    Some(service.span),
                );
                true
            }
            _ => {
                let address = match service.cluster_ips.first() {
                    Some(address) => format!("{address}, a virtual address"),
                    None => "a virtual address".to_owned(),
                };
                if outside {
                    arrival(walk, service, full);
                } else {
                    walk.hop(
                        format!("`{dns}` resolves to {address}; policies never see it"),
                        Some(service.span),
                    );
                    if service.internal_traffic == TrafficPolicy::Local {
                        walk.note(
                            "internalTrafficPolicy is Local: only backends on the client's own node get the connection",
                        );
                    }
                }
                true
            }
        }
    }
}

/// Whether a Service's name is that of the API server.
fn is_api_server(name: &str, namespace: Option<&str>) -> bool {
    match name.split_once('/') {
        Some(parts) => parts == ("default", "kubernetes"),
        None => name == "kubernetes" && namespace.is_none_or(|namespace| namespace == "default"),
    }
}

/// Whom the pods see when a client comes from outside (S-81).
fn arrival(walk: &mut Walk, service: &Service, full: &str) {
    match service.external_traffic {
        TrafficPolicy::Local => walk.hop(
            format!("externalTrafficPolicy of `{full}` is Local: the client's address is kept"),
            Some(service.span),
        ),
        TrafficPolicy::Cluster => {
            walk.hop(
                format!("externalTrafficPolicy of `{full}` is Cluster: a node may stand in for the client"),
                Some(service.span),
            );
            // S-81.
            walk.note(
                "the verdicts below are for the client's own address; where the connection arrives on another node than \
                 the pod's, the pod sees that node's address instead",
            );
        }
    }
}
