//! Flux Kustomizations and Argo CD Applications whose path is among the files that are read: where what lies there is
//! deployed, and with which values filled in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use npv_models::source::{SourceId, Span};
use npv_models::yaml::{self, Entry, Node, Value};

/// How what lies below a path is deployed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Placement {
    /// The namespace, and where it is written.
    namespace: Option<(Box<str>, Span)>,
    /// It is that of every object, and not just of those that name none.
    forced: bool,
    /// What fills in `${NAME}`; `None` where nobody does.
    values: Option<Arc<Values>>,
}

/// What fills in `${NAME}`.
#[derive(Debug, PartialEq)]
struct Values {
    known: BTreeMap<Box<str>, Box<str>>,
    /// More comes from what the manifests do not show.
    more: bool,
}

/// An object that deploys what lies below a path.
#[derive(Debug)]
pub(super) struct Deployer {
    /// The name of the object, by which it is known.
    pub(super) name: Span,
    /// The text that it stands in.
    pub(super) source: SourceId,
    /// The path, relative to the root of the repository.
    pub(super) path: PathBuf,
    pub(super) placement: Placement,
}

/// Whether a text may hold such objects.
fn may_deploy(text: &str) -> bool {
    let has = |word: &str| memchr::memmem::find(text.as_bytes(), word.as_bytes()).is_some();
    has("kustomize.toolkit.fluxcd.io") || has("argoproj.io")
}

/// The objects in these texts that deploy what lies below a path, by the order of the texts. `trace` has an object stand
/// where it comes from.
pub(super) fn deployers<'t>(
    texts: impl Iterator<Item = (SourceId, &'t str)> + Clone,
    trace: impl Fn(&mut Node, SourceId, &str),
) -> Vec<Deployer> {
    let mut found = Vec::new();
    for (source, text) in texts.clone().filter(|(_, text)| may_deploy(text)) {
        for mut root in yaml::read(source, text, 0).roots {
            trace(&mut root, source, text);
            let nested = root.get("items").map_or(&[][..], Node::items);
            for object in std::iter::once(&root).chain(nested) {
                gather(object, source, &texts, &mut found);
            }
        }
    }
    found
}

fn text<'n>(node: Option<&'n Node>, path: &[&str]) -> Option<(&'n str, Span)> {
    let mut node = node?;
    for key in path {
        node = node.get(key)?;
    }
    node.as_str().filter(|text| !text.is_empty()).map(|text| (text, node.span))
}

fn gather<'t>(
    object: &Node,
    source: SourceId,
    texts: &(impl Iterator<Item = (SourceId, &'t str)> + Clone),
    found: &mut Vec<Deployer>,
) {
    let (Some((group, _)), Some((kind, _))) =
        (text(Some(object), &["apiVersion"]), text(Some(object), &["kind"]))
    else {
        return;
    };
    let Some((_, name)) = text(Some(object), &["metadata", "name"]) else { return };
    let spec = object.get("spec");
    match (group.split('/').next().unwrap_or_default(), kind) {
        ("kustomize.toolkit.fluxcd.io", "Kustomization") => {
            // What comes from an image registry or a bucket is not here.
            let from_git = text(spec, &["sourceRef", "kind"]).is_none_or(|(kind, _)| kind == "GitRepository");
            if from_git {
                let path = text(spec, &["path"]).map_or("", |(path, _)| path);
                let placement = Placement {
                    namespace: text(spec, &["targetNamespace"]).map(|(name, span)| (name.into(), span)),
                    forced: true,
                    values: spec
                        .and_then(|spec| spec.get("postBuild"))
                        .map(|post| Arc::new(values(post, texts))),
                };
                found.push(Deployer { name, source, path: relative(path), placement });
            }
        }
        ("argoproj.io", "Application") => argo(spec, name, source, &BTreeMap::new(), found),
        ("argoproj.io", "ApplicationSet") => {
            let template =
                spec.and_then(|spec| spec.get("template")).and_then(|template| template.get("spec"));
            for values in elements(spec) {
                argo(template, name, source, &values, found);
            }
        }
        _ => {}
    }
}

/// A path of a repository, relative to its root.
fn relative(path: &str) -> PathBuf {
    Path::new(path).components().filter(|part| matches!(part, std::path::Component::Normal(_))).collect()
}

/// What an Application has deployed: paths, into the namespace of its destination.
fn argo(
    spec: Option<&Node>,
    name: Span,
    source: SourceId,
    values: &BTreeMap<Box<str>, Box<str>>,
    found: &mut Vec<Deployer>,
) {
    let sources = spec.and_then(|spec| spec.get("sources")).map_or(&[][..], Node::items);
    let all = spec.and_then(|spec| spec.get("source")).into_iter().chain(sources);
    let namespace =
        text(spec, &["destination", "namespace"]).map(|(name, span)| (filled(name, values), span));
    for path in
        all.filter(|source| source.get("chart").is_none()).filter_map(|node| text(Some(node), &["path"]))
    {
        let path = relative(&filled(path.0, values));
        // The whole of some repository may be any repository.
        if path.as_os_str().is_empty() || path.to_string_lossy().contains("{{") {
            continue;
        }
        let namespace = namespace.clone().filter(|(name, _)| !name.contains("{{"));
        let placement = Placement {
            namespace: namespace.map(|(name, span)| (name.into(), span)),
            forced: false,
            values: None,
        };
        found.push(Deployer { name, source, path, placement });
    }
}

/// What an ApplicationSet fills into its template, once for each Application: the elements of its lists, and the
/// directories that it names outright.
fn elements(spec: Option<&Node>) -> Vec<BTreeMap<Box<str>, Box<str>>> {
    let generators = spec.and_then(|spec| spec.get("generators")).map_or(&[][..], Node::items);
    let mut all = Vec::new();
    for generator in generators {
        let listed = generator.get("list").and_then(|list| list.get("elements")).map_or(&[][..], Node::items);
        all.extend(listed.iter().map(|element| {
            let entries = element.entries().iter();
            entries.filter_map(|entry| Some((entry.key.clone(), entry.value.as_str()?.into()))).collect()
        }));
        let directories =
            generator.get("git").and_then(|git| git.get("directories")).map_or(&[][..], Node::items);
        for directory in directories.iter().filter_map(|node| text(Some(node), &["path"])) {
            all.push(BTreeMap::from([("path".into(), directory.0.into())]));
        }
    }
    all
}

/// A text with `{{name}}` and `{{.name}}` filled in, as far as the values are known.
fn filled(template: &str, values: &BTreeMap<Box<str>, Box<str>>) -> String {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((inside, behind)) = after.split_once("}}") else { break };
        filled.push_str(before);
        let name = inside.trim().trim_start_matches('.');
        let path = || values.get("path").map(|path| &**path);
        let value = match name {
            "path.basename" => path().and_then(|path| path.rsplit('/').next()),
            "path.path" => path(),
            other => values.get(other).map(|value| &**value),
        };
        match value {
            Some(value) => filled.push_str(value),
            None => {
                filled.push_str("{{");
                filled.push_str(inside);
                filled.push_str("}}");
            }
        }
        rest = behind;
    }
    filled + rest
}

/// What Flux fills in: what stands there, and ConfigMaps among these texts.
fn values<'t>(post: &Node, texts: &(impl Iterator<Item = (SourceId, &'t str)> + Clone)) -> Values {
    let mut values = Values { known: BTreeMap::new(), more: false };
    for from in post.get("substituteFrom").map_or(&[][..], Node::items) {
        let name = text(Some(from), &["name"]).map(|(name, _)| name);
        let is_map = text(Some(from), &["kind"]).is_some_and(|(kind, _)| kind == "ConfigMap");
        match name.filter(|_| is_map).and_then(|name| config_map(name, texts)) {
            Some(data) => values.known.extend(data),
            None => values.more = true,
        }
    }
    let own = post.get("substitute").map_or(&[][..], Node::entries);
    values.known.extend(own.iter().filter_map(|entry| Some((entry.key.clone(), scalar(&entry.value)?))));
    values
}

/// A value as text.
fn scalar(node: &Node) -> Option<Box<str>> {
    Some(match &node.value {
        Value::Str(text) => text.clone(),
        Value::Int(number) => number.to_string().into(),
        Value::Float(number) => number.to_string().into(),
        Value::Bool(flag) => flag.to_string().into(),
        Value::Null => Box::default(),
        Value::Seq(_) | Value::Map(_) => return None,
    })
}

fn config_map<'t>(
    name: &str,
    texts: &(impl Iterator<Item = (SourceId, &'t str)> + Clone),
) -> Option<Vec<(Box<str>, Box<str>)>> {
    let has = |text: &str, word: &str| memchr::memmem::find(text.as_bytes(), word.as_bytes()).is_some();
    texts.clone().filter(|(_, text)| has(text, "ConfigMap") && has(text, name)).find_map(|(source, text)| {
        yaml::read(source, text, 0).roots.into_iter().find_map(|root| {
            let is = |path: &[&str], wanted: &str| {
                self::text(Some(&root), path).is_some_and(|(text, _)| text == wanted)
            };
            if !is(&["kind"], "ConfigMap") || !is(&["metadata", "name"], name) {
                return None;
            }
            let data = root.get("data").map_or(&[][..], Node::entries);
            Some(data.iter().filter_map(|entry| Some((entry.key.clone(), scalar(&entry.value)?))).collect())
        })
    })
}

impl Placement {
    /// The object as it is deployed.
    pub(super) fn apply(&self, object: &mut Node) {
        let disabled = object.get("metadata").is_some_and(|metadata| {
            ["annotations", "labels"].iter().any(|key| {
                text(metadata.get(key), &["kustomize.toolkit.fluxcd.io/substitute"])
                    .is_some_and(|(text, _)| text == "disabled")
            })
        });
        if let Some(values) = self.values.as_ref().filter(|_| !disabled) {
            fill(object, values);
        }
        if let Some((namespace, span)) = &self.namespace {
            self.put(object, namespace, *span);
        }
    }

    fn put(&self, object: &mut Node, namespace: &str, span: Span) {
        let is_namespace = object.get("kind").and_then(Node::as_str) == Some("Namespace");
        let Value::Map(entries) = &mut object.value else { return };
        let Some(metadata) = entries.iter_mut().rev().find(|entry| &*entry.key == "metadata") else { return };
        let Value::Map(fields) = &mut metadata.value.value else { return };
        let value = Node { value: Value::Str(namespace.into()), span };
        // Flux renames a Namespace as it moves what is in it.
        let key = if is_namespace { "name" } else { "namespace" };
        let empty = |node: &Node| node.is_null() || node.as_str() == Some("");
        match fields.iter_mut().rev().find(|entry| &*entry.key == key) {
            Some(entry) if self.forced || empty(&entry.value) => entry.value = value,
            Some(_) => {}
            None if is_namespace => {}
            None => fields.push(Entry { key: key.into(), key_span: span, value }),
        }
    }
}

/// Fills in the `${NAME}` of a tree. As after `kustomize build`, a value that is nothing else may become a number.
fn fill(node: &mut Node, values: &Values) {
    match &mut node.value {
        Value::Str(text) if text.contains("${") => {
            let filled = values.fill(text);
            if *filled != **text {
                let whole = text.starts_with("${");
                node.value = match yaml::resolve(&filled) {
                    other @ (Value::Int(_) | Value::Float(_) | Value::Bool(_)) if whole => other,
                    _ => Value::Str(filled.into()),
                };
            }
        }
        Value::Seq(items) => items.iter_mut().for_each(|item| fill(item, values)),
        Value::Map(entries) => entries.iter_mut().for_each(|entry| fill(&mut entry.value, values)),
        _ => {}
    }
}

impl Values {
    fn fill(&self, text: &str) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let Some((inside, behind)) = after.split_once('}') else { break };
            // `$${NAME}` is `${NAME}`.
            if let Some(before) = before.strip_suffix('$') {
                filled.push_str(before);
                filled.push_str("${");
                rest = after;
                continue;
            }
            filled.push_str(before);
            let (name, default) = match inside.split_once(":=").or_else(|| inside.split_once(":-")) {
                Some((name, default)) => (name, Some(default)),
                None => match inside.split_once('=').or_else(|| inside.split_once('-')) {
                    Some((name, default)) => (name, Some(default)),
                    None => (inside, None),
                },
            };
            match self.known.get(name).map(|value| &**value).or(default) {
                Some(value) => filled.push_str(value),
                // What is nowhere is nothing.
                None if !self.more => {}
                None => {
                    filled.push_str("${");
                    filled.push_str(inside);
                    filled.push('}');
                }
            }
            rest = behind;
        }
        filled + rest
    }
}
