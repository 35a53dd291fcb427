//! Whom a pod says it needs: URLs, `host:port` and DNS names in its environment, its arguments and the
//! ConfigMaps and Secrets that it reads.
//!
//! Only what can be nothing but a host is kept. Whether a Service of that name is there is decided where all
//! objects are known.

use crate::source::Span;
use crate::yaml::Node;

/// What a pod template says that its pods need.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Needs {
    /// Whom it names itself.
    pub mentions: Vec<Mention>,
    /// The ConfigMaps and Secrets of its namespace that it reads.
    pub reads: Vec<Read>,
}

/// A ConfigMap or Secret that a pod reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// `ConfigMap` or `Secret`.
    pub kind: &'static str,
    /// Its name.
    pub name: Box<str>,
    /// Only these of its keys; all where `None`.
    pub keys: Option<Vec<Box<str>>>,
}

/// How sure it is that a text names a host, and what it says of the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MentionForm {
    /// `scheme://host`, with a port or that of its scheme.
    Url,
    /// `host:port`.
    HostPort,
    /// A name with dots.
    Dns,
    /// One word, in a variable that is called after a host.
    Host,
}

/// A host that is named somewhere.
#[derive(Clone, Debug, PartialEq)]
pub struct Mention {
    /// The host in lower case, without a dot at its end.
    pub host: Box<str>,
    /// The port, where one is written or the scheme has one.
    pub port: Option<u16>,
    /// How it is named.
    pub form: MentionForm,
    /// The name of the variable or the key; empty for an argument.
    pub key: Box<str>,
    /// The value that it is part of.
    pub span: Span,
    /// Host and port as they are written there; empty where they do not stand there in clear.
    pub written: Box<str>,
}

/// Mentions of one value beyond this number are a list of something else.
const MOST: usize = 64;

/// The ports of schemes that are used inside clusters.
const SCHEMES: &[(&str, u16)] = &[
    ("amqp", 5672),
    ("amqps", 5671),
    ("http", 80),
    ("https", 443),
    ("ldap", 389),
    ("ldaps", 636),
    ("mongodb", 27017),
    ("mysql", 3306),
    ("nats", 4222),
    ("postgres", 5432),
    ("postgresql", 5432),
    ("redis", 6379),
    ("rediss", 6379),
    ("ws", 80),
    ("wss", 443),
];

/// Variables that list hosts to leave alone or to pretend to be, not hosts to call.
const NOT_CALLED: &[&str] =
    &["NO_PROXY", "ALLOWED_HOSTS", "ALLOWED_ORIGINS", "SERVER_NAME", "SERVER_NAMES", "VIRTUAL_HOST"];

/// What variables are called that hold a host and nothing else.
const HOSTS: &[&str] = &["HOST", "HOSTNAME", "ADDR", "ADDRESS", "ENDPOINT", "SERVER", "URL", "URI"];

/// Reads a pod's `spec`.
pub(super) fn of_spec(spec: &Node) -> Needs {
    let mut needs = Needs::default();
    for list in ["initContainers", "containers"] {
        for container in spec.get(list).map(Node::items).unwrap_or_default() {
            of_container(container, &mut needs);
        }
    }
    for volume in spec.get("volumes").map(Node::items).unwrap_or_default() {
        of_volume(volume, &mut needs.reads);
        let projected = volume.get("projected").and_then(|projected| projected.get("sources"));
        for source in projected.map(Node::items).unwrap_or_default() {
            of_volume(source, &mut needs.reads);
        }
    }
    needs
}

fn text<'n>(node: Option<&'n Node>, field: &str) -> Option<&'n str> {
    node?.get(field).and_then(Node::as_str).filter(|text| !text.is_empty())
}

fn of_container(container: &Node, needs: &mut Needs) {
    for variable in container.get("env").map(Node::items).unwrap_or_default() {
        let name = text(Some(variable), "name").unwrap_or_default();
        if let Some(value) = variable.get("value")
            && let Some(text) = value.as_str()
        {
            mentions(name, text, value.span, &mut needs.mentions);
        }
        let from = variable.get("valueFrom");
        for (field, kind) in [("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")] {
            let source = from.and_then(|from| from.get(field));
            if let (Some(object), Some(key)) = (text(source, "name"), text(source, "key")) {
                needs.reads.push(Read { kind, name: object.into(), keys: Some(vec![key.into()]) });
            }
        }
    }
    for source in container.get("envFrom").map(Node::items).unwrap_or_default() {
        for (field, kind) in [("configMapRef", "ConfigMap"), ("secretRef", "Secret")] {
            if let Some(name) = text(source.get(field), "name") {
                needs.reads.push(Read { kind, name: name.into(), keys: None });
            }
        }
    }
    let probes = ["livenessProbe", "readinessProbe", "startupProbe"].iter();
    let commands = probes.filter_map(|probe| container.get(probe)?.get("exec")?.get("command"));
    let own = ["command", "args"].iter().filter_map(|field| container.get(field));
    for argument in own.chain(commands).flat_map(Node::items) {
        if let Some(text) = argument.as_str() {
            mentions("", text, argument.span, &mut needs.mentions);
        }
    }
}

fn of_volume(volume: &Node, reads: &mut Vec<Read>) {
    for (field, name, kind) in
        [("configMap", "name", "ConfigMap"), ("secret", "secretName", "Secret"), ("secret", "name", "Secret")]
    {
        let source = volume.get(field);
        let Some(object) = text(source, name) else { continue };
        let items = source.and_then(|source| source.get("items")).map(Node::items).unwrap_or_default();
        let keys: Vec<Box<str>> =
            items.iter().filter_map(|item| text(Some(item), "key")).map(Into::into).collect();
        reads.push(Read { kind, name: object.into(), keys: (!keys.is_empty()).then_some(keys) });
    }
}

/// Every host that a text names, in the order of the text.
pub(super) fn mentions(key: &str, text: &str, span: Span, found: &mut Vec<Mention>) {
    let upper = key.to_ascii_uppercase();
    let called = |names: &[&str]| {
        names.iter().any(|name| {
            upper.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with(['_', '-', '.']))
        })
    };
    if called(NOT_CALLED) {
        return;
    }
    let most = found.len() + MOST;
    let whole = text.trim();
    if is_label(whole) {
        if called(HOSTS) {
            found.push(mention(whole, None, MentionForm::Host, (key, span), whole));
        }
        return;
    }
    // One word with dots, and nothing else.
    if is_name(whole) {
        found.push(mention(whole, None, MentionForm::Dns, (key, span), whole));
        return;
    }
    if !text.contains([':', '.']) {
        return;
    }
    for line in text.lines().filter(|line| !is_comment(line)) {
        for token in line.split(apart) {
            if found.len() >= most {
                return;
            }
            found.extend(of_token(token, (key, span)));
        }
    }
}

fn is_comment(line: &str) -> bool {
    let line = line.trim_start();
    ["#", "//", ";", "-- ", "* "].iter().any(|mark| line.starts_with(mark))
}

/// What stands between words.
fn apart(char: char) -> bool {
    char.is_whitespace()
        || matches!(
            char,
            '"' | '\'' | '`' | ',' | ';' | '|' | '<' | '>' | '(' | ')' | '[' | ']' | '{' | '}' | '='
        )
}

fn mention(
    host: &str,
    port: Option<u16>,
    form: MentionForm,
    (key, span): (&str, Span),
    written: &str,
) -> Mention {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase().into();
    Mention { host, port, form, key: key.into(), span, written: written.into() }
}

fn of_token(token: &str, at: (&str, Span)) -> Option<Mention> {
    if let Some((before, after)) = token.split_once("://") {
        let scheme = before
            .rsplit(|char: char| !(char.is_ascii_alphanumeric() || matches!(char, '+' | '-' | '.')))
            .next()?;
        let authority = after.split(['/', '?', '#']).next()?;
        // Whoever is before the `@` is nobody's business.
        let written = authority.rsplit('@').next()?;
        let (host, port) = if let Some((host, port)) = written.split_once(':') {
            (host, Some(number(port)?))
        } else {
            let scheme = scheme.rsplit('+').next_back().unwrap_or(scheme).to_ascii_lowercase();
            (written, SCHEMES.iter().find(|(name, _)| *name == scheme).map(|(_, port)| *port))
        };
        return is_host(host).then(|| mention(host, port, MentionForm::Url, at, written));
    }
    let token = token.rsplit('@').next()?;
    let head = token.split(['/', '?']).next()?;
    if let Some((host, port)) = head.split_once(':') {
        let port = number(port)?;
        return is_host(host).then(|| mention(host, Some(port), MentionForm::HostPort, at, head));
    }
    // Among other words only a name that can be nothing but a Service's.
    let bare = head.strip_suffix('.').unwrap_or(head);
    let lower = bare.to_ascii_lowercase();
    let certain = [".svc", ".svc.cluster.local"].iter().any(|domain| lower.strip_suffix(domain).is_some());
    (certain && is_name(bare)).then(|| mention(bare, None, MentionForm::Dns, at, bare))
}

fn number(text: &str) -> Option<u16> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| digits && *number != 0)
}

/// Whether a text is one label of a DNS name, and no number.
fn is_label(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    !text.is_empty()
        && text.len() <= 63
        && text.bytes().all(inner)
        && text.starts_with(|char: char| char.is_ascii_alphanumeric())
        && text.ends_with(|char: char| char.is_ascii_alphanumeric())
        && !text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a text is a DNS name of several labels.
fn is_name(text: &str) -> bool {
    let text = text.strip_suffix('.').unwrap_or(text);
    text.contains('.') && text.len() <= 253 && text.split('.').all(is_label)
}

fn is_host(text: &str) -> bool {
    is_label(text) || is_name(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceId;

    fn found(key: &str, text: &str) -> Vec<String> {
        let mut found = Vec::new();
        mentions(key, text, Span::new(SourceId(0), 0, 0), &mut found);
        let show = |mention: &Mention| {
            let port = mention.port.map(|port| format!(":{port}")).unwrap_or_default();
            format!("{:?} {}{port} `{}`", mention.form, mention.host, mention.written)
        };
        found.iter().map(show).collect()
    }

    #[test]
    fn hosts_are_found_where_nothing_else_can_be_meant() {
        for (key, text, wanted) in [
            ("API_URL", "http://api:8080/v1", &["Url api:8080 `api:8080`"][..]),
            (
                "API_URL",
                "https://Api.shop.svc.cluster.local./",
                &["Url api.shop.svc.cluster.local:443 `Api.shop.svc.cluster.local.`"],
            ),
            (
                "DATABASE_URL",
                "postgres://user:p%40ss@db.shop:5433/x?a=b",
                &["Url db.shop:5433 `db.shop:5433`"],
            ),
            ("DSN", "user:secret@tcp(mysql:3306)/shop", &["HostPort mysql:3306 `mysql:3306`"]),
            ("JDBC", "jdbc:postgresql://db/shop", &["Url db:5432 `db`"]),
            (
                "BROKERS",
                "kafka-0.kafka:9092,kafka-1.kafka:9092",
                &[
                    "HostPort kafka-0.kafka:9092 `kafka-0.kafka:9092`",
                    "HostPort kafka-1.kafka:9092 `kafka-1.kafka:9092`",
                ],
            ),
            ("REDIS_HOST", "redis", &["Host redis `redis`"]),
            ("redis.host", "redis", &["Host redis `redis`"]),
            ("TARGET", "redis.cache", &["Dns redis.cache `redis.cache`"]),
            ("", "--upstream=api.shop.svc:80", &["HostPort api.shop.svc:80 `api.shop.svc:80`"]),
            ("", "until nc -z db 5432; do curl http://api/healthz; done", &["Url api:80 `api`"]),
            ("app.yaml", "# old: http://old:80\nupstream: http://new:80\n", &["Url new:80 `new:80`"]),
            // A word that happens to be a name, an image, an address, a version, a time.
            ("CACHE_BACKEND", "redis", &[]),
            ("IMAGE", "redis:7.2", &[]),
            ("BIND", "0.0.0.0", &[]),
            ("VERSION", "1.27", &[]),
            ("AT", "12:30", &[]),
            ("NO_PROXY", "api.shop.svc:80", &[]),
            ("", "some words of prose about the api", &[]),
        ] {
            assert_eq!(found(key, text), wanted, "{key}={text}");
        }
    }
}
