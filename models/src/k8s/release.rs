//! Objects that have others deployed: Flux, Argo CD and the Helm controller of K3s.

use super::meta::Root;
use super::read::{Path, Reader, Unknown};
use super::{Meta, Object, Spanned};
use crate::yaml::{Entry, Node};

/// An object that has something deployed which its own manifest does not show.
#[derive(Clone, Debug, PartialEq)]
pub struct Release {
    /// Its kind.
    pub kind: &'static str,
    /// Its name and place.
    pub meta: Meta,
    /// The namespace that it deploys into; `None` where everything deployed says its own.
    pub target: Option<Spanned<Box<str>>>,
    /// The chart that it deploys; a path where it names no chart.
    pub what: Option<Box<str>>,
}

/// The text of a field of somebody's field, where it is one and not empty.
fn text<'n>(node: Option<&'n Node>, key: &str) -> Option<Spanned<&'n str>> {
    let value = node?.get(key)?;
    value.as_str().filter(|text| !text.is_empty()).map(|text| Spanned::new(text, value.span))
}

fn spec<'n>(root: &Root<'n>) -> Option<&'n Node> {
    root.spec.map(|entry: &'n Entry| &entry.value)
}

fn release(
    root: Root<'_>,
    target: Option<Spanned<&str>>,
    what: Option<Spanned<&str>>,
    own_namespace: bool,
) -> Object {
    let own = || own_namespace.then(|| Spanned::new(root.meta.namespace.clone(), root.meta.name.span));
    // A namespace that a generator fills in may be any.
    let target = target.filter(|text| !text.value.contains("{{"));
    let target = target.map(|text| Spanned::new(text.value.into(), text.span)).or_else(own);
    let what = what.map(|text| text.value.into());
    Object::Release(Box::new(Release { kind: root.kind.name, target, what, meta: root.meta }))
}

/// Decodes a HelmRelease of Flux: a chart, into `targetNamespace` or the release's own.
#[expect(clippy::unnecessary_wraps, reason = "the signature of every decoding function")]
pub(super) fn helm_release(_: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    let spec = spec(&root);
    let chart = spec.and_then(|spec| spec.get("chart")).and_then(|chart| chart.get("spec"));
    let what = text(chart, "chart").or_else(|| text(spec.and_then(|spec| spec.get("chartRef")), "name"));
    Some(release(root, text(spec, "targetNamespace"), what, true))
}

/// Decodes a Kustomization of Flux: a path, into `targetNamespace` or wherever its objects say.
#[expect(clippy::unnecessary_wraps, reason = "the signature of every decoding function")]
pub(super) fn kustomization(_: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    let spec = spec(&root);
    Some(release(root, text(spec, "targetNamespace"), text(spec, "path"), false))
}

/// Decodes a HelmChart of K3s: a chart, into `targetNamespace` or its own.
#[expect(clippy::unnecessary_wraps, reason = "the signature of every decoding function")]
pub(super) fn helm_chart(_: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    let spec = spec(&root);
    Some(release(root, text(spec, "targetNamespace"), text(spec, "chart"), true))
}

/// Decodes an Application of Argo CD: charts and paths, into the namespace of its destination. One that goes to
/// another cluster deploys nothing here.
pub(super) fn application(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    let path = Path::Root.field("spec");
    let [destination, source, sources] =
        reader.fields(&path, &root.spec?.value, ["destination", "source", "sources"], Unknown::Allowed);
    argo(root, destination, source, sources)
}

/// Decodes an ApplicationSet, which makes Applications of a template.
pub(super) fn application_set(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    let path = Path::Root.field("spec");
    let [template] = reader.fields(&path, &root.spec?.value, ["template"], Unknown::Allowed);
    let path = path.field("template");
    let [spec] = reader.fields(&path, &template?.value, ["spec"], Unknown::Allowed);
    let path = path.field("spec");
    let [destination, source, sources] =
        reader.fields(&path, &spec?.value, ["destination", "source", "sources"], Unknown::Allowed);
    argo(root, destination, source, sources)
}

fn argo(
    root: Root<'_>,
    destination: Option<&Entry>,
    source: Option<&Entry>,
    sources: Option<&Entry>,
) -> Option<Object> {
    let destination = destination.map(|entry| &entry.value);
    let elsewhere = |key: &str, here: &str| {
        text(destination, key).is_some_and(|text| text.value != here && !text.value.contains("{{"))
    };
    if elsewhere("server", "https://kubernetes.default.svc") || elsewhere("name", "in-cluster") {
        return None;
    }
    let listed = sources.map_or(&[][..], |entry| entry.value.items());
    let mut all = source.map(|entry| &entry.value).into_iter().chain(listed);
    let what = all.clone().find_map(|source| text(Some(source), "chart"));
    let what = what.or_else(|| all.find_map(|source| text(Some(source), "path")));
    Some(release(root, text(destination, "namespace"), what, false))
}
