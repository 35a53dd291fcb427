//! Who is meant by selectors, ServiceAccounts and groups.

use crate::cluster::Cluster;
use crate::k8s::{AntreaGroup, AntreaMembers, AntreaObject};
use crate::policy::{NamespaceSelector, PeerMatch, PodSelector, attribute};
use crate::space::Selector;

/// Whom the policies of a namespace mean, or those of the whole cluster.
pub(super) struct Members<'c> {
    pub(super) cluster: &'c Cluster,
    /// The namespace of a NetworkPolicy; `None` for a ClusterNetworkPolicy.
    pub(super) namespace: Option<&'c str>,
}

impl<'c> Members<'c> {
    /// Pods by namespace and labels: without namespaces, those of the policy's own, or of all.
    pub(super) fn pods(&self, namespaces: Option<&Selector>, pods: Option<&Selector>) -> PodSelector {
        let namespaces = match (namespaces, self.namespace) {
            (Some(selector), _) => NamespaceSelector::Labels(selector.clone()),
            (None, Some(own)) => NamespaceSelector::Named(own.into()),
            (None, None) => NamespaceSelector::Labels(Selector::EVERYTHING),
        };
        PodSelector { namespaces, pods: pods.cloned().unwrap_or(Selector::EVERYTHING) }
    }

    /// The pods under a ServiceAccount.
    #[expect(clippy::unused_self, reason = "the same for every scope")]
    pub(super) fn account(&self, namespace: &str, name: &str) -> PodSelector {
        PodSelector {
            namespaces: NamespaceSelector::Named(namespace.into()),
            pods: Selector::label(attribute::ACCOUNT, name),
        }
    }

    /// The group with a name: a Group of the policy's namespace, or a ClusterGroup.
    fn group(&self, name: &str) -> Option<&'c AntreaGroup> {
        self.cluster.antrea.iter().find_map(|object| match object {
            AntreaObject::Group(group)
                if *group.meta.name.value == *name
                    && match self.namespace {
                        Some(own) => !group.clusterwide && *group.meta.namespace == *own,
                        None => group.clusterwide,
                    } =>
            {
                Some(group)
            }
            _ => None,
        })
    }

    /// What a group's pods are selected by; `None` where they are by something else.
    fn selected(&self, group: &AntreaGroup) -> Option<PodSelector> {
        match &group.members {
            AntreaMembers::Pods { namespaces, pods } => Some(self.pods(namespaces.as_ref(), pods.as_ref())),
            AntreaMembers::Service { namespace, name } => self.service(namespace, name),
            _ => None,
        }
    }

    /// The pods behind a Service, over any port.
    fn service(&self, namespace: &str, name: &str) -> Option<PodSelector> {
        let services = &self.cluster.services;
        let service = services.iter().find(|service| {
            *service.name == *name && self.cluster.namespace_name(service.namespace) == namespace
        })?;
        let namespaces = NamespaceSelector::Named(namespace.into());
        Some(PodSelector { namespaces, pods: service.selector.clone()? })
    }

    /// The groups that a name means: itself, or its children, one level down. Unknown ones and deeper ones are
    /// nobody.
    fn groups(&self, name: &str) -> Vec<&'c AntreaGroup> {
        let Some(group) = self.group(name) else { return Vec::new() };
        match &group.members {
            AntreaMembers::Groups(children) => {
                let children = children.iter().filter_map(|child| self.group(child));
                children.filter(|child| !matches!(child.members, AntreaMembers::Groups(_))).collect()
            }
            _ => vec![group],
        }
    }

    /// The pods of a group that policies apply to: blocks of addresses are nobody.
    pub(super) fn subjects(&self, name: &str) -> Vec<PodSelector> {
        self.groups(name).into_iter().filter_map(|group| self.selected(group)).collect()
    }

    /// The members of a group as a peer.
    pub(super) fn peer(&self, name: &str) -> PeerMatch {
        let mut any = Vec::new();
        for group in self.groups(name) {
            match &group.members {
                AntreaMembers::Blocks(blocks) => {
                    let block = |(cidr, except): &(_, Vec<_>)| PeerMatch::Block {
                        cidr: *cidr,
                        except: except.clone(),
                    };
                    any.extend(blocks.iter().map(block));
                }
                AntreaMembers::Nodes(nodes) => any.push(PeerMatch::Nodes(nodes.clone())),
                _ => any.extend(self.selected(group).map(PeerMatch::Pods)),
            }
        }
        match any.as_slice() {
            [one] => one.clone(),
            _ => PeerMatch::Any(any),
        }
    }
}
