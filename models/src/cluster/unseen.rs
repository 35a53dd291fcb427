//! What puts objects into namespaces that no manifest shows.
//!
//! A rule about something that is missing or dead fires only where it is so in every cluster that the manifests allow
//! for. So it asks first whether somebody may have put it there.

use super::Cluster;
use crate::k8s::{Binding, CustomResource, Release, Role};
use crate::source::Span;

/// Something unseen may be in a namespace, because of an object that is seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Unseen {
    /// The namespace; `None` where it may be any.
    pub namespace: Option<Box<str>>,
    /// The object because of which it is there, as findings name it: `HelmRelease/shop/redis`; empty for a text that
    /// could not be read.
    pub object: Box<str>,
    /// The object's name.
    pub name: Box<str>,
    /// Where the object is written: its name.
    pub span: Span,
    /// How it gets there.
    pub by: UnseenBy,
}

/// How unseen objects get into a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnseenBy {
    /// A release, an application or a chart deploys them: objects of any kind and name. What it deploys, where it
    /// says that: the name of a chart, or a path.
    Release {
        /// The kind of the object.
        kind: &'static str,
        /// The chart or the path.
        what: Option<Box<str>>,
    },
    /// An operator makes pods and Services of a custom resource; their names begin with that of the resource.
    Resource,
    /// A ServiceAccount may make pods, with any labels.
    Account,
    /// A text could not be read, and anything may stand in it.
    Unread,
}

impl Cluster {
    /// Everybody who may put something into a namespace that the manifests do not show.
    pub fn unseen_in<'c>(&'c self, namespace: &str) -> impl Iterator<Item = &'c Unseen> {
        self.unseen
            .iter()
            .filter(move |unseen| unseen.namespace.as_deref().is_none_or(|own| own == namespace))
    }

    /// Who may have made pods in a namespace that the manifests do not show; `None` where nobody has, so that a
    /// selector that matches none of the pods there matches none at all.
    pub fn unseen_pods(&self, namespace: &str) -> Option<&Unseen> {
        self.unseen_in(namespace).next()
    }

    /// Who may have made a Service of this name that the manifests do not show.
    pub fn unseen_service(&self, namespace: &str, name: &str) -> Option<&Unseen> {
        self.unseen_in(namespace).find(|unseen| match unseen.by {
            UnseenBy::Release { .. } | UnseenBy::Unread => true,
            UnseenBy::Resource => name.starts_with(&*unseen.name),
            UnseenBy::Account => false,
        })
    }
}

/// Roles that every cluster has and that let whoever has them make pods.
const BUILT_IN: &[&str] = &["cluster-admin", "admin", "edit"];

pub(super) fn gather(
    releases: &[Release],
    customs: &[CustomResource],
    roles: &[Role],
    bindings: &[Binding],
) -> Vec<Unseen> {
    let mut all: Vec<Unseen> = Vec::new();
    for release in releases {
        let (name, namespace) = (&release.meta.name, &release.meta.namespace);
        all.push(Unseen {
            namespace: release.target.as_ref().map(|target| target.value.clone()),
            object: format!("{}/{namespace}/{}", release.kind, name.value).into(),
            name: name.value.clone(),
            span: name.span,
            by: UnseenBy::Release { kind: release.kind, what: release.what.clone() },
        });
    }
    for custom in customs {
        all.push(Unseen {
            namespace: Some(custom.namespace.clone()),
            object: format!("{}/{}/{}", custom.kind, custom.namespace, custom.name.value).into(),
            name: custom.name.value.clone(),
            span: custom.name.span,
            by: UnseenBy::Resource,
        });
    }
    for binding in bindings {
        let local = binding.kind == "RoleBinding";
        let defined = roles.iter().any(|role| {
            role.kind == &*binding.role_kind
                && role.meta.name.value == binding.role
                && (role.kind == "ClusterRole" || role.meta.namespace == binding.meta.namespace)
        });
        let built_in = &*binding.role_kind == "ClusterRole" && BUILT_IN.contains(&&*binding.role);
        if !defined && !built_in {
            continue;
        }
        for (home, account) in &binding.accounts {
            // Who may make pods everywhere makes them at home; a cluster whose operators may do everything would
            // otherwise be one of which nothing can be said.
            let namespace = if local { &binding.meta.namespace } else { home };
            all.push(Unseen {
                namespace: Some(namespace.clone()),
                object: format!("ServiceAccount/{home}/{account}").into(),
                name: account.clone(),
                span: binding.meta.name.span,
                by: UnseenBy::Account,
            });
        }
    }
    all.sort_by_key(|unseen| unseen.span);
    all
}
