//! HTTP rules: conditions on requests (K-43 to K-45).

use super::super::Spanned;
use super::super::read::{Path, Reader, clip, closest, fault, listing, replace};
use super::{STRICT, missing, refused_by_agent};
use crate::diagnostic::{Finding, Severity};
use crate::space::{Language, LanguageError};
use crate::yaml::{Entry, Node};

/// An item of `rules.http`: every condition must hold. Without any it matches all requests.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CiliumHttpRule {
    /// `path`, a regular expression of the whole path and query (K-44).
    pub path: Option<Spanned<Box<str>>>,
    /// `method`, a regular expression.
    pub method: Option<Spanned<Box<str>>>,
    /// `host`, a regular expression of the host and, where the request has one, the port.
    pub host: Option<Spanned<Box<str>>>,
    /// `headers` and `headerMatches` (K-45).
    pub headers: Vec<Spanned<HeaderCondition>>,
}

/// A condition on a header of a request (K-45).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderCondition {
    /// The header, in lower case.
    pub name: Box<str>,
    /// What is asked of it.
    pub value: HeaderValue,
    /// A request that does not meet it passes nevertheless, logged or with another value.
    pub corrects: bool,
}

/// What is asked of a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderValue {
    /// It is there.
    Present,
    /// It has this value.
    Equal(Box<str>),
    /// It has the value that a Secret holds; no manifest should show which.
    Secret,
}

const MISMATCH: [&str; 4] = ["LOG", "ADD", "DELETE", "REPLACE"];

/// Reads `rules.http`.
pub(super) fn read(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    list: Option<&Entry>,
) -> Vec<Spanned<CiliumHttpRule>> {
    let mut rules = Vec::new();
    for (index, item) in reader.list(path, list).iter().enumerate() {
        let path = path.item(index);
        if item.is_null() {
            reader.null_item(&path, item, "no rule, which the API server refuses");
        } else {
            rules.push(Spanned::new(read_one(reader, &path, item), item.span));
        }
    }
    rules
}

fn read_one(reader: &mut Reader<'_>, path: &Path<'_>, item: &Node) -> CiliumHttpRule {
    let names = ["path", "method", "host", "headers", "headerMatches"];
    let [request_path, method, host, headers, matches] = reader.fields(path, item, names, STRICT);
    let mut expression = |entry: Option<&Entry>| {
        let entry = entry?;
        let text = reader.text(&path.field(&entry.key), &entry.value)?;
        // An empty text asks nothing.
        (!text.is_empty()).then(|| {
            check(reader, &path.field(&entry.key), entry, text);
            Spanned::new(text.into(), entry.value.span)
        })
    };
    let mut rule = CiliumHttpRule {
        path: expression(request_path),
        method: expression(method),
        host: expression(host),
        headers: Vec::new(),
    };
    let headers_path = path.field("headers");
    for (index, item) in reader.list(&headers_path, headers).iter().enumerate() {
        if let Some(text) = reader.text(&headers_path.item(index), item) {
            rule.headers.push(Spanned::new(header(text), item.span));
        }
    }
    let matches_path = path.field("headerMatches");
    for (index, item) in reader.list(&matches_path, matches).iter().enumerate() {
        let path = matches_path.item(index);
        if item.is_null() {
            reader.null_item(&path, item, "no condition, which the API server refuses");
        } else {
            let condition = read_match(reader, &path, item);
            rule.headers.extend(condition.map(|condition| Spanned::new(condition, item.span)));
        }
    }
    rule
}

/// Reports what is no regular expression. The agent looks at the path and the method, and leaves the host to Envoy.
fn check(reader: &mut Reader<'_>, path: &Path<'_>, entry: &Entry, text: &str) {
    let span = entry.value.span;
    let incomplete = |message: String| {
        Finding::new("unsupported-policy", Severity::Error, span, message).key(path.to_string()).incomplete()
    };
    match Language::re2(text) {
        Ok(_) => {}
        Err(LanguageError::Syntax { reason, .. }) => {
            let message = format!("`{}` is no regular expression of RE2: {reason}", clip(text));
            reader.report(if &*entry.key == "host" {
                incomplete(message)
                    .help("Cilium's agent takes it, and Envoy refuses it: what passes cannot be told")
            } else {
                refused_by_agent(path, span, message)
            });
        }
        Err(LanguageError::TooLarge) => {
            let message = format!("`{}` stands for more than npv can look into", clip(text));
            reader.report(incomplete(message).help("npv takes it for a condition that some requests meet"));
        }
    }
}

/// `Name` or `Name: value`: the value is whatever is behind the first blank.
fn header(text: &str) -> HeaderCondition {
    let (name, value) = match text.split_once(' ') {
        Some((name, value)) => (name.trim_end_matches(':'), HeaderValue::Equal(value.into())),
        None => (text, HeaderValue::Present),
    };
    HeaderCondition { name: name.to_ascii_lowercase().into(), value, corrects: false }
}

fn read_match(reader: &mut Reader<'_>, path: &Path<'_>, item: &Node) -> Option<HeaderCondition> {
    let before = reader.count();
    let [name, value, secret, mismatch] =
        reader.fields(path, item, ["name", "value", "secret", "mismatch"], STRICT);
    if name.is_none() && reader.count() == before {
        missing(reader, path, "name", item.span);
    }
    let name = name.and_then(|entry| {
        let path = path.field("name");
        let text = reader.text(&path, &entry.value)?;
        if text.is_empty() {
            reader.report(fault("invalid-policy", &path, entry.value.span, "the header has no name"));
        }
        Some(text.to_ascii_lowercase())
    });
    let value = reader.string(&path.field("value"), value).filter(|text| !text.is_empty());
    if let Some(secret) = secret {
        let path = path.field("secret");
        read_secret(reader, &path, secret);
        let name = secret.value.get("name").filter(|name| name.as_str() == Some(""));
        if let Some(name) = name {
            let message = "the Secret has no name";
            reader.report(refused_by_agent(&path.field("name"), name.span, message));
        }
    }
    let mismatch_path = path.field("mismatch");
    let action = reader.string(&mismatch_path, mismatch);
    if let (Some(action), Some(entry)) = (action, mismatch)
        && !MISMATCH.contains(&action)
    {
        let message = format!("`{}` is none of the actions {}", clip(action), listing(&MISMATCH));
        let finding = fault("invalid-policy", &mismatch_path, entry.value.span, message);
        reader.report(match closest(action, &MISMATCH) {
            Some(name) => finding.help(format!("did you mean `{name}`?")).fix(replace(
                entry.value.span,
                action,
                name,
                format!("write `{name}`"),
            )),
            None => finding,
        });
    }
    let value = match (secret, value) {
        (Some(_), _) => HeaderValue::Secret,
        (None, Some(value)) => HeaderValue::Equal(value.into()),
        (None, None) => HeaderValue::Present,
    };
    Some(HeaderCondition { name: name?.into(), value, corrects: action.is_some() })
}

/// A reference to a Secret.
pub(super) fn read_secret(reader: &mut Reader<'_>, path: &Path<'_>, entry: &Entry) {
    let before = reader.count();
    let [name, namespace] = reader.fields(path, &entry.value, ["name", "namespace"], STRICT);
    if name.is_none() && reader.count() == before {
        missing(reader, path, "name", entry.key_span);
    }
    reader.string(&path.field("name"), name);
    reader.string(&path.field("namespace"), namespace);
}
