//! What the API server calls: admission webhooks, conversion webhooks and aggregated APIs (S-87).

use std::sync::Arc;

use super::meta::Root;
use super::pod::port_number;
use super::read::{Path, Reader, Unknown};
use super::{Meta, Object, Place};
use crate::policy::ObjectRef;
use crate::yaml::Node;

/// An object that makes the API server call Services.
#[derive(Clone, Debug, PartialEq)]
pub struct Callbacks {
    /// The object.
    pub object: Arc<ObjectRef>,
    /// Its name and place.
    pub meta: Meta,
    /// It registers an API group that a Service serves, not a webhook.
    pub aggregated: bool,
    /// The Services that are called.
    pub calls: Vec<Call>,
}

/// A Service that the API server calls.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The Service's namespace.
    pub namespace: Box<str>,
    /// Its name.
    pub name: Box<str>,
    /// Its port; 443 where it is left out.
    pub port: u16,
    /// Where the Service is named.
    pub at: Place,
}

/// Decodes a ValidatingWebhookConfiguration or a MutatingWebhookConfiguration, whose list stands beside
/// `metadata`.
#[expect(clippy::unnecessary_wraps, reason = "the signature of every decoding function")]
pub(super) fn webhooks(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    let [listed] = reader.fields(&Path::Root, root.node, ["webhooks"], Unknown::Allowed);
    let path = Path::Root.field("webhooks");
    let mut calls = Vec::new();
    for (index, item) in reader.list(&path, listed).iter().enumerate() {
        let path = path.item(index);
        let [config] = reader.fields(&path, item, ["clientConfig"], Unknown::Allowed);
        calls.extend(
            config.and_then(|config| client_config(reader, &path.field("clientConfig"), &config.value)),
        );
    }
    Some(finish(root, false, calls))
}

/// Decodes a CustomResourceDefinition, as far as it has a conversion webhook.
pub(super) fn custom_resource(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    let path = Path::Root.field("spec");
    let [conversion] = reader.fields(&path, &root.spec?.value, ["conversion"], Unknown::Allowed);
    let path = path.field("conversion");
    let [webhook] = reader.fields(&path, &conversion?.value, ["webhook"], Unknown::Allowed);
    let path = path.field("webhook");
    let [config] = reader.fields(&path, &webhook?.value, ["clientConfig"], Unknown::Allowed);
    let call = client_config(reader, &path.field("clientConfig"), &config?.value)?;
    Some(finish(root, false, vec![call]))
}

/// Decodes an APIService.
pub(super) fn api_service(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    let path = Path::Root.field("spec");
    let [service] = reader.fields(&path, &root.spec?.value, ["service"], Unknown::Allowed);
    let call = call(reader, &path.field("service"), &service?.value)?;
    Some(finish(root, true, vec![call]))
}

fn finish(root: Root<'_>, aggregated: bool, calls: Vec<Call>) -> Object {
    Object::Callbacks(Box::new(Callbacks { object: root.object(), meta: root.meta, aggregated, calls }))
}

fn client_config(reader: &mut Reader<'_>, path: &Path<'_>, node: &Node) -> Option<Call> {
    let [service] = reader.fields(path, node, ["service"], Unknown::Allowed);
    call(reader, &path.field("service"), &service?.value)
}

fn call(reader: &mut Reader<'_>, path: &Path<'_>, node: &Node) -> Option<Call> {
    let [namespace, name, port] = reader.fields(path, node, ["namespace", "name", "port"], Unknown::Allowed);
    let namespace = reader.string(&path.field("namespace"), namespace)?;
    let text = reader.string(&path.field("name"), name)?;
    let port = match port {
        Some(_) => port_number(reader, &path.field("port"), port)?,
        None => 443,
    };
    let span = name.map_or(node.span, |entry| entry.value.span);
    Some(Call { namespace: namespace.into(), name: text.into(), port, at: Place::new((), span) })
}
