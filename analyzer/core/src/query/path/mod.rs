//! Flows as people send them: to a Service by its name, or to a URL. A walk from what was asked for to
//! the pods behind it, and the verdict on every last hop.

mod service;
mod url;

use npv_models::cluster::{GroupId, Service, ServicePort, Target};
use npv_models::source::Span;
use npv_models::space::{IpSet, Protocol};

use super::name::{Names, Place, Unresolved};
use super::trace::{Backend, Hop, Overall, Question, Trace, Tracer};
use crate::engine::{EndpointId, EndpointKind};

/// A destination that is no endpoint itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// `svc/NAMESPACE/NAME`, with the port that the client uses.
    Service {
        /// What stands between `svc/` and the port.
        name: String,
        /// The port, where one was given.
        port: Option<(Protocol, u16)>,
    },
    /// `http://` or `https://`.
    Url {
        /// It is `https`.
        secure: bool,
        /// The host, in lower case.
        host: String,
        /// The port, where it is not the scheme's.
        port: Option<u16>,
        /// The path, from the first slash.
        path: String,
    },
}

impl Destination {
    /// What a destination names, where it is a Service or a URL; `None` where it is an endpoint.
    pub fn parse(text: &str, over: Option<(Protocol, u16)>) -> Option<Self> {
        for (scheme, secure) in [("http://", false), ("https://", true)] {
            if let Some(rest) = text.strip_prefix(scheme) {
                return Some(Self::url(rest, secure));
            }
        }
        let name = ["svc/", "service/", "services/"].iter().find_map(|prefix| text.strip_prefix(prefix))?;
        Some(Self::Service { name: name.to_owned(), port: over })
    }

    /// What a client asks for, before anything is translated; `None` where every port of a Service is meant.
    pub fn over(&self) -> Option<(Protocol, u16)> {
        match self {
            Self::Service { port, .. } => *port,
            Self::Url { secure, port, .. } => {
                let usual = if *secure { 443 } else { 80 };
                Some((Protocol::Tcp, port.unwrap_or(usual)))
            }
        }
    }

    fn url(rest: &str, secure: bool) -> Self {
        let rest = rest.split(['?', '#']).next().unwrap_or_default();
        let (authority, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, "/"),
        };
        let with_port = authority.rsplit_once(':');
        let (host, port) = match with_port.and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?))) {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        };
        Self::Url { secure, host: host.to_ascii_lowercase(), port, path: path.to_owned() }
    }
}

/// Walks to Services and URLs.
#[derive(Clone, Copy)]
pub struct Walker<'a> {
    /// Who is there and what they are called.
    pub names: Names<'a>,
    /// Decides the last hops.
    pub tracer: Tracer<'a>,
}

/// A walk that is being made.
#[derive(Default)]
struct Walk {
    hops: Vec<Hop>,
    trace: Trace,
    notes: Vec<String>,
    /// Last hops asked for, so that two paths to the same pods are one.
    asked: Vec<(Question, bool)>,
}

impl Walk {
    fn hop(&mut self, text: impl Into<String>, span: Option<Span>) {
        self.hops.push(Hop { text: text.into(), span, stops: false });
    }

    fn stop(&mut self, text: impl Into<String>, span: Option<Span>) {
        self.hops.push(Hop { text: text.into(), span, stops: true });
    }

    fn note(&mut self, text: impl Into<String>) {
        let text = text.into();
        if !self.notes.contains(&text) {
            self.notes.push(text);
        }
    }

    fn backend(&mut self, backend: Backend) {
        if !self.trace.backends.contains(&backend) {
            self.trace.backends.push(backend);
        }
    }

    /// Decides one last hop; whether anything of it is allowed.
    fn leg(&mut self, tracer: &Tracer<'_>, question: Question) -> bool {
        let known = self.asked.iter().find(|(asked, _)| *asked == question);
        if let Some((_, open)) = known {
            return *open;
        }
        let answer = tracer.trace(&question);
        let open = answer.parts.iter().any(|part| !part.allowed.is_empty());
        self.asked.push((question, open));
        self.trace.parts.extend(answer.parts);
        for note in answer.notes {
            self.note(note);
        }
        open
    }

    fn finish(mut self, overall: Overall) -> Trace {
        self.trace.hops = self.hops;
        self.trace.overall = Some(overall);
        self.trace.notes = self.notes;
        self.trace
    }
}

/// How many of several tries came through.
fn overall(open: usize, all: usize) -> Overall {
    match open {
        0 => Overall::Deny,
        _ if open == all => Overall::Allow,
        _ => Overall::Mixed,
    }
}

impl Walker<'_> {
    /// Walks to a destination.
    ///
    /// # Errors
    /// There is no such Service, or it has no such port.
    pub fn walk(&self, src: &Place, destination: &Destination) -> Result<Trace, Unresolved> {
        match destination {
            Destination::Service { name, port } => self.service_path(src, name, *port),
            Destination::Url { host, path, .. } => {
                let (_, port) = destination.over().unwrap_or((Protocol::Tcp, 80));
                // A host that no route serves may be a Service's, as clients inside the cluster write it.
                if !self.is_served(host)
                    && let Some(service) = self.names.service_called(host, self.names.home(src))
                {
                    return self.service_path(src, &self.service_name(service), Some((Protocol::Tcp, port)));
                }
                Ok(self.url_path(src, (host, port), path))
            }
        }
    }

    /// The endpoints that hold pods of a group, as places.
    fn places_of(&self, group: GroupId) -> Vec<Place> {
        (0_u32..)
            .zip(self.names.endpoints)
            .filter(|(_, endpoint)| {
                matches!(&endpoint.kind, EndpointKind::Pods { groups, .. } if groups.contains(&group))
            })
            .map(|(index, _)| Place::Endpoint(EndpointId(index)))
            .collect()
    }

    fn group_name(&self, group: GroupId) -> String {
        let workload = self.names.cluster.groups.get(group.0 as usize).map(|group| group.workload);
        workload.map_or_else(String::new, |id| self.names.workload_id(id))
    }

    fn service_name(&self, service: &Service) -> String {
        format!("{}/{}", self.names.cluster.namespace_name(service.namespace), service.name)
    }

    /// From a port of a Service to the pods behind it: how many backends there are, and how many of them
    /// `src` reaches. They are the path's own where this is its `last` stage, and a controller otherwise.
    fn backends_of(
        &self,
        walk: &mut Walk,
        src: &Place,
        (service, port): (&Service, &ServicePort),
        last: bool,
    ) -> (usize, usize) {
        let name = self.service_name(service);
        let targets = self.names.cluster.targets(service, port);
        if targets.is_empty() {
            let why = match &service.selector {
                Some(selector) => format!("the Service `{name}` has no backend: no pod has `{selector}`"),
                None => format!("the Service `{name}` has no backend: no Endpoints name any for this port"),
            };
            walk.stop(why, service.selector_span.or(Some(service.span)));
            return (0, 1);
        }
        let (mut open, mut all) = (0, 0);
        for target in targets {
            all += 1;
            let (places, id, number) = match target {
                Target::Pods { group, port: number } => {
                    (self.places_of(group), self.group_name(group), Some(number))
                }
                Target::Address { address, port: number } => {
                    let place = Place::Addresses(IpSet::single(address));
                    (vec![place], address.to_string(), Some(number))
                }
                Target::Unresolved { group } => (Vec::new(), self.group_name(group), None),
            };
            let mut backend = Backend { id, protocol: port.protocol, port: number, reached: false };
            if let Some(number) = number {
                let how = if service.headless { "the client gets the address of" } else { "translated to" };
                let text = format!(
                    "Service `{name}` port {}: {how} {} on {} {number}",
                    port.port, backend.id, port.protocol
                );
                walk.hop(text, Some(port.span));
                for dst in places {
                    let question = Question { src: src.clone(), dst, over: Some((port.protocol, number)) };
                    backend.reached |= walk.leg(&self.tracer, question);
                }
            } else {
                let text = format!(
                    "{} gets nothing: it declares no {} port of the name that `targetPort` gives",
                    backend.id, port.protocol
                );
                walk.stop(text, Some(port.target_span));
            }
            open += usize::from(backend.reached);
            if last {
                walk.backend(backend);
            }
        }
        (open, all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_and_services_are_told_from_endpoints() {
        let url = |secure, host: &str, port, path: &str| {
            Some(Destination::Url { secure, host: host.into(), port, path: path.into() })
        };
        assert_eq!(
            Destination::parse("https://Shop.example.com/cart?x=1#y", None),
            url(true, "shop.example.com", None, "/cart")
        );
        assert_eq!(Destination::parse("http://a:8080", None), url(false, "a", Some(8080), "/"));
        let over = |text| Destination::parse(text, None).and_then(|found| found.over());
        assert_eq!(over("https://a"), Some((Protocol::Tcp, 443)));
        assert_eq!(over("http://a/b"), Some((Protocol::Tcp, 80)));
        assert_eq!(over("http://a:8080"), Some((Protocol::Tcp, 8080)));
        assert_eq!(over("svc/shop/cart"), None);
        let over = Some((Protocol::Tcp, 80));
        let service = Destination::Service { name: "shop/cart".into(), port: over };
        assert_eq!(Destination::parse("svc/shop/cart", over), Some(service));
        assert_eq!(Destination::parse("shop/cart", over), None);
    }
}
