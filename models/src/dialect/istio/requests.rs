//! Operations and conditions as sets of HTTP requests (M-29, M-30, M-34).

use crate::k8s::Spanned;
use crate::k8s::istio::{Condition, Operation, Source};
use crate::space::{Language, LanguageError, RequestSet};

type Texts = [Spanned<Box<str>>];

/// The texts that may match, those that may not, and the requests that one is about.
type Part<'a> = (&'a Texts, &'a Texts, fn(&str) -> RequestSet);

/// The requests that an operation is about; `None` where it asks nothing of requests.
pub(super) fn of_operation(operation: &Operation) -> Option<RequestSet> {
    let mut requests = RequestSet::all();
    let parts: [Part<'_>; 3] = [
        (&operation.methods, &operation.not_methods, method),
        (&operation.paths, &operation.not_paths, path),
        (&operation.hosts, &operation.not_hosts, host),
    ];
    let mut asked = false;
    for (listed, excluded, of) in parts {
        asked |= !listed.is_empty() || !excluded.is_empty();
        requests = requests.intersection(&limited(listed, excluded, of));
    }
    asked.then_some(requests)
}

/// What any of some values stands for, less what any of others does.
fn limited(listed: &Texts, excluded: &Texts, of: impl Fn(&str) -> RequestSet) -> RequestSet {
    let sets = |texts: &Texts| -> Vec<RequestSet> { texts.iter().map(|text| of(&text.value)).collect() };
    let wanted = if listed.is_empty() { RequestSet::all() } else { RequestSet::union_of(&sets(listed)) };
    wanted.difference(&RequestSet::union_of(&sets(excluded)))
}

fn method(text: &str) -> RequestSet {
    language(value(text), |language| RequestSet::method(&language))
}

/// The query is no part of the path.
fn path(text: &str) -> RequestSet {
    let pattern = if text.contains('{') { template(text) } else { starred(text, "[^?]*") };
    language(Language::re2(&format!("{pattern}(\\?.*)?")), |language| RequestSet::path(&language))
}

/// In any case.
fn host(text: &str) -> RequestSet {
    language(Language::re2(&format!("(?i){}", starred(text, ".*"))), |language| RequestSet::host(&language))
}

/// M-25: exact, `p*`, `*s`, `*` for whatever is there.
fn value(text: &str) -> Result<Language, LanguageError> {
    Ok(match text {
        "*" => Language::re2(".+")?,
        _ => match (text.strip_suffix('*'), text.strip_prefix('*')) {
            (Some(prefix), _) => Language::prefix(prefix)?,
            (None, Some(suffix)) => Language::suffix(suffix)?,
            (None, None) => Language::literal(text)?,
        },
    })
}

/// A value with at most one star at an end as a pattern.
fn starred(text: &str, any: &str) -> String {
    match (text.strip_suffix('*'), text.strip_prefix('*')) {
        (Some(prefix), _) => format!("{}{any}", escape(prefix)),
        (None, Some(suffix)) => format!("{any}{}", escape(suffix)),
        (None, None) => escape(text),
    }
}

/// M-29: `{*}` is one segment that is not empty, `{**}` whatever is left.
fn template(text: &str) -> String {
    let mut pattern = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        let (before, from) = rest.split_at(at);
        pattern.push_str(&escape(before));
        rest = if let Some(after) = from.strip_prefix("{**}") {
            pattern.push_str("[^?]*");
            after
        } else if let Some(after) = from.strip_prefix("{*}") {
            pattern.push_str("[^/?]+");
            after
        } else {
            pattern.push_str("\\{");
            from.strip_prefix('{').unwrap_or_default()
        };
    }
    pattern.push_str(&escape(rest));
    pattern
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_ascii_punctuation() && !matches!(character, '/' | '-' | '_') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// What a language stands for; where it cannot be decided, only those words are known.
fn language(
    language: Result<Language, impl Into<LanguageError>>,
    set: impl FnOnce(Language) -> RequestSet,
) -> RequestSet {
    match language {
        Ok(language) => set(language),
        Err(_) => RequestSet::condition("a pattern that is too large to decide"),
    }
}

/// What a source asks of a token; `None` where it asks nothing. Without a policy about tokens there are none.
pub(super) fn of_token(source: &Source, tokens: bool) -> Option<RequestSet> {
    let (listed, excluded) = (&source.request_principals, &source.not_request_principals);
    let asked = !listed.is_empty() || !excluded.is_empty();
    asked.then(|| limited(listed, excluded, |value| token("request.auth.principal", value, tokens)))
}

/// Requests with a token that has such an attribute.
fn token(attribute: &str, value: &str, tokens: bool) -> RequestSet {
    if !tokens {
        return RequestSet::none();
    }
    let carried = RequestSet::header("authorization", &Language::everything());
    let words = match value {
        "*" => "a valid token".to_owned(),
        value => format!("a valid token with {attribute} {value}"),
    };
    carried.intersection(&RequestSet::condition(words))
}

/// What a condition on an attribute of HTTP asks of requests; `None` for any other attribute.
pub(super) fn of_condition(condition: &Condition, tokens: bool) -> Option<RequestSet> {
    let key = &*condition.key.value;
    let (listed, excluded) = (&condition.values, &condition.not_values);
    if let Some(name) = key.strip_prefix("request.headers[").and_then(|rest| rest.strip_suffix(']')) {
        let header = |text: &str| language(value(text), |language| RequestSet::header(name, &language));
        return Some(limited(listed, excluded, header));
    }
    if key.starts_with("request.auth.") {
        return Some(limited(listed, excluded, |value| token(key, value, tokens)));
    }
    if key.starts_with("request.")
        || key.starts_with("experimental.")
        || key == "connection.sni"
        || key == "remote.ip"
    {
        let words = |value: &str| RequestSet::condition(format!("{key} is {value}"));
        return Some(limited(listed, excluded, words));
    }
    None
}
