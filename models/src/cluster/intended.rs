//! Flows that the workloads themselves ask for: whom they name in their environment, their arguments and the
//! ConfigMaps and Secrets that they read.
//!
//! Precision goes before recall: only a name that belongs to a defined Service, on a port that the Service has,
//! is taken for a need. A word that happens to be a Service's name is none.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::{Cluster, NamespaceId, Service, WorkloadId};
use crate::k8s::{Data, Mention, MentionForm, Needs};

/// A Service that a workload says it needs.
#[derive(Clone, Debug)]
pub struct Intended<'c> {
    /// Who needs it.
    pub workload: WorkloadId,
    /// The Service.
    pub service: &'c Service,
    /// Which of its ports, as an index into [`Service::ports`].
    pub port: usize,
    /// Where it is named.
    pub mention: &'c Mention,
    /// What names it.
    pub by: MeantBy,
}

/// What names a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MeantBy {
    /// A variable of the workload's environment.
    Variable(Box<str>),
    /// An argument, or a part of a command.
    Argument,
    /// A ConfigMap or Secret that the workload reads, as findings name objects, and the key there.
    Data(Arc<str>, Box<str>),
}

/// Kind, namespace and name of a ConfigMap or Secret.
type Key<'a> = (&'static str, &'a str, &'a str);

/// ConfigMaps and Secrets that name somebody.
pub(super) struct Readable<'a> {
    by_name: HashMap<Key<'a>, (&'a Data, Arc<str>)>,
    /// Those that more than one workload reads as a whole: what all of them get, not all of them need.
    shared: HashSet<Key<'a>>,
}

impl<'a> Readable<'a> {
    /// Indexes what there is to read, and who reads it: each with its namespace.
    pub(super) fn new(data: &'a [Data], readers: impl Iterator<Item = (&'a str, &'a Needs)>) -> Self {
        let entry = |data: &'a Data| {
            let (namespace, name) = (&*data.meta.namespace, &*data.meta.name.value);
            let object: Arc<str> = format!("{}/{namespace}/{name}", data.kind).into();
            ((data.kind, namespace, name), (data, object))
        };
        let by_name: HashMap<Key<'a>, (&'a Data, Arc<str>)> = data.iter().map(entry).collect();
        let (mut read, mut shared) = (HashSet::new(), HashSet::new());
        for (namespace, needs) in readers {
            let mut own: Vec<Key<'a>> = Vec::new();
            for whole in needs.reads.iter().filter(|read| read.keys.is_none()) {
                let key = (whole.kind, namespace, &*whole.name);
                if by_name.contains_key(&key) && !own.contains(&key) {
                    own.push(key);
                }
            }
            for key in own {
                if !read.insert(key) {
                    shared.insert(key);
                }
            }
        }
        Self { by_name, shared }
    }

    /// Whom a workload of a namespace names, itself or in what it reads.
    pub(super) fn mentions(
        &self,
        namespace: &str,
        needs: Option<&Needs>,
    ) -> Vec<(Mention, Option<Arc<str>>)> {
        let Some(needs) = needs else { return Vec::new() };
        let mut found: Vec<(Mention, Option<Arc<str>>)> =
            needs.mentions.iter().map(|mention| (mention.clone(), None)).collect();
        for read in &needs.reads {
            if read.keys.is_none() && self.shared.contains(&(read.kind, namespace, &*read.name)) {
                continue;
            }
            let Some((data, object)) = self.by_name.get(&(read.kind, namespace, &*read.name)) else {
                continue;
            };
            let wanted =
                |mention: &&Mention| read.keys.as_ref().is_none_or(|keys| keys.contains(&mention.key));
            for mention in data.mentions.iter().filter(wanted) {
                let new = (mention.clone(), Some(Arc::clone(object)));
                if !found.contains(&new) {
                    found.push(new);
                }
            }
        }
        found
    }
}

impl Cluster {
    /// Every Service that a workload names, in the order of the workloads; each port of a Service once for a
    /// workload. What a workload says of a Service that it is itself behind is no need.
    pub fn intended(&self) -> Vec<Intended<'_>> {
        let mut found: Vec<Intended<'_>> = Vec::new();
        for (index, workload) in (0_u32..).zip(&self.workloads) {
            let id = WorkloadId(index);
            let first = found.len();
            for (mention, object) in &workload.mentions {
                let Some((service, port)) = self.meant(workload.namespace, mention) else { continue };
                let own = self.backends(service).any(|(_, pods)| pods.workload == id);
                let known = found
                    .iter()
                    .skip(first)
                    .any(|one| std::ptr::eq(one.service, service) && one.port == port);
                if own || known {
                    continue;
                }
                let by = match object {
                    Some(object) => MeantBy::Data(Arc::clone(object), mention.key.clone()),
                    None if mention.key.is_empty() => MeantBy::Argument,
                    None => MeantBy::Variable(mention.key.clone()),
                };
                found.push(Intended { workload: id, service, port, mention, by });
            }
        }
        found
    }

    /// The Service, and which of its ports, that a host means in a namespace.
    fn meant(&self, own: NamespaceId, mention: &Mention) -> Option<(&Service, usize)> {
        let service = self.service_named(self.namespace_name(own), &mention.host)?;
        let has = |number: u16| service.ports.iter().position(|port| port.port == number);
        let port = match (mention.port, service.ports.len()) {
            (Some(number), _) => has(number)?,
            // Without a port only where there is no choice.
            (None, 1) => 0,
            (None, _) => return None,
        };
        (mention.form != MentionForm::HostPort || mention.port.is_some()).then_some((service, port))
    }

    /// The Service that a DNS name means where it is asked for in a namespace: `name`, `name.namespace`,
    /// `name.namespace.svc` and the like, also with one of its pods before it.
    pub fn service_named(&self, own: &str, host: &str) -> Option<&Service> {
        const DOMAINS: [&str; 2] = [".svc.cluster.local", ".svc"];
        let host = host.strip_suffix('.').unwrap_or(host);
        let full = DOMAINS.iter().find_map(|domain| host.strip_suffix(domain));
        let labels: Vec<&str> = full.unwrap_or(host).split('.').collect();
        match (labels.as_slice(), full.is_some()) {
            ([name], false) => self.service(own, name),
            ([name, namespace], _) => {
                let named = self.service(namespace, name);
                // A pod of a headless Service of one's own namespace.
                named.or_else(|| self.service(own, namespace).filter(|service| service.headless))
            }
            ([_, name, namespace], _) => self.service(namespace, name).filter(|service| service.headless),
            _ => None,
        }
    }
}
