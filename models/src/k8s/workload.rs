//! Objects that make pods from a template.

use std::sync::Arc;

use super::meta::Root;
use super::pod::{PodShape, template};
use super::read::{Path, Reader, Unknown, fault};
use super::{Meta, Needs, Object, Spanned, needs};
use crate::space::Labels;
use crate::yaml::{Entry, Node};

/// How many pods a controller makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Replicas {
    /// As many as the manifest says.
    Exactly(u32),
    /// The manifest does not say, so that something else may scale it.
    Unsaid,
    /// One on every node that it may run on.
    PerNode,
}

/// A controller and its pods.
#[derive(Clone, Debug, PartialEq)]
pub struct Workload {
    /// Its kind.
    pub kind: &'static str,
    /// Its name, place and own controller.
    pub meta: Meta,
    /// The pods that it makes. The span is that of the template's labels; the template's key where there
    /// are none.
    pub shape: Spanned<Arc<PodShape>>,
    /// How many.
    pub replicas: Replicas,
    /// The number that a StatefulSet gives to the first of its pods.
    pub first_ordinal: u32,
    /// It has run to its end and makes no more pods (S-38).
    pub finished: bool,
    /// Its own labels, where some of them are not on its pods.
    pub labels: Option<Box<Spanned<Arc<Labels>>>>,
    /// What its template says that the pods need.
    pub needs: Needs,
}

/// Puts a workload together; `None`, with a finding, where it has no template.
fn build(
    reader: &mut Reader<'_>,
    root: Root<'_>,
    path: &Path<'_>,
    entry: Option<&Entry>,
    extra: &[(&str, &str)],
    replicas: Replicas,
) -> Option<Workload> {
    let Some(entry) = entry else {
        let message = format!("the {} has no `{path}`", root.kind.name);
        reader.report(fault("wrong-type", path, root.meta.name.span, message));
        return None;
    };
    let shape = template(reader, path, entry, extra);
    let own = root.labels();
    let apart = own.value.iter().any(|(key, value)| shape.value.labels.get(key) != Some(value));
    Some(Workload {
        labels: apart.then(|| Box::new(own)),
        needs: entry.value.get("spec").map(needs::of_spec).unwrap_or_default(),
        kind: root.kind.name,
        shape: Spanned::new(reader.decoder.share(shape.value), shape.span),
        meta: root.meta,
        replicas,
        first_ordinal: 0,
        finished: false,
    })
}

#[expect(clippy::unnecessary_wraps, reason = "one end of every decoding function")]
fn done(workload: Workload) -> Option<Object> {
    Some(Object::Workload(Box::new(workload)))
}

/// Whatever a controller calls its `replicas`.
pub(super) fn count(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    entry: Option<&Entry>,
    unsaid: Replicas,
) -> Replicas {
    match reader.integer(path, entry) {
        Some(number) => Replicas::Exactly(u32::try_from(number.max(0)).unwrap_or(u32::MAX)),
        None => unsaid,
    }
}

/// Deployment, ReplicaSet and their like: `spec.replicas` and `spec.template`.
pub(super) fn replicated(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    done(replicas_of_template(reader, root)?)
}

fn replicas_of_template(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Workload> {
    let path = Path::Root.field("spec");
    let spec = spec(&root);
    let [replicas, template] =
        spec.map_or([None; 2], |spec| reader.fields(&path, spec, ["replicas", "template"], Unknown::Allowed));
    // One is what the API server puts in; a manifest that leaves it to an autoscaler is known by that.
    let replicas = count(reader, &path.field("replicas"), replicas, Replicas::Exactly(1));
    build(reader, root, &path.field("template"), template, &[], replicas)
}

/// A StatefulSet numbers its pods, and says so in their labels.
pub(super) fn stateful_set(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    let path = Path::Root.field("spec");
    let path = path.field("ordinals");
    let ordinals = spec(&root).and_then(|spec| spec.get("ordinals")).filter(|node| !node.is_null());
    let [start] = ordinals.map_or([None], |node| reader.fields(&path, node, ["start"], Unknown::Allowed));
    let start = reader.integer(&path.field("start"), start).unwrap_or_default();
    let first_ordinal = u32::try_from(start.max(0)).unwrap_or_default();
    let workload = replicas_of_template(reader, root)?;
    done(Workload { first_ordinal, ..workload })
}

fn spec<'n>(root: &Root<'n>) -> Option<&'n Node> {
    root.spec.map(|entry| &entry.value)
}

pub(super) fn daemon_set(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    let path = Path::Root.field("spec");
    let [template] =
        spec(&root).map_or([None], |spec| reader.fields(&path, spec, ["template"], Unknown::Allowed));
    done(build(reader, root, &path.field("template"), template, &[], Replicas::PerNode)?)
}

pub(super) fn job(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    let path = Path::Root.field("spec");
    let [parallelism, template] = spec(&root)
        .map_or([None; 2], |spec| reader.fields(&path, spec, ["parallelism", "template"], Unknown::Allowed));
    let replicas = count(reader, &path.field("parallelism"), parallelism, Replicas::Exactly(1));
    let finished = finished(reader, root.status);
    let name = root.meta.name.value.clone();
    // The API server writes these into the template of every Job.
    let extra = [("job-name", &*name), ("batch.kubernetes.io/job-name", &*name)];
    let workload = build(reader, root, &path.field("template"), template, &extra, replicas)?;
    done(Workload { finished, ..workload })
}

/// A Job says in its conditions that it is at its end.
fn finished(reader: &mut Reader<'_>, status: Option<&Entry>) -> bool {
    let path = Path::Root.field("status");
    let [conditions] =
        status.map_or([None], |status| reader.fields(&path, &status.value, ["conditions"], Unknown::Allowed));
    let list = reader.list(&path.field("conditions"), conditions);
    list.iter().any(|condition| {
        let text = |name| condition.get(name).and_then(Node::as_str);
        matches!(text("type"), Some("Complete" | "Failed")) && text("status") == Some("True")
    })
}

pub(super) fn cron_job(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    let path = Path::Root.field("spec");
    let [job] =
        spec(&root).map_or([None], |spec| reader.fields(&path, spec, ["jobTemplate"], Unknown::Allowed));
    let path = path.field("jobTemplate");
    let [job] = job.map_or([None], |job| reader.fields(&path, &job.value, ["spec"], Unknown::Allowed));
    let path = path.field("spec");
    let [parallelism, template] = job.map_or([None; 2], |job| {
        reader.fields(&path, &job.value, ["parallelism", "template"], Unknown::Allowed)
    });
    let replicas = count(reader, &path.field("parallelism"), parallelism, Replicas::Exactly(1));
    done(build(reader, root, &path.field("template"), template, &[], replicas)?)
}

/// An Argo Rollout has a template, or takes that of a Deployment, whose pods then stand for its own.
pub(super) fn rollout(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    let borrowed = spec(&root).and_then(|spec| spec.get("workloadRef")).is_some_and(|node| !node.is_null());
    if borrowed { None } else { replicated(reader, root) }
}

/// A Knative Service makes pods from a template and scales them itself.
pub(super) fn knative_service(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    let path = Path::Root.field("spec");
    let [template] =
        spec(&root).map_or([None], |spec| reader.fields(&path, spec, ["template"], Unknown::Allowed));
    let name = root.meta.name.value.clone();
    let extra = [("serving.knative.dev/service", &*name), ("serving.knative.dev/configuration", &*name)];
    done(build(reader, root, &path.field("template"), template, &extra, Replicas::Unsaid)?)
}
