//! Sets of HTTP requests.
//!
//! A [`RequestSet`] is exact and canonical: it is a decision diagram over what a condition can be about,
//! in a fixed order - the method, the path, the host, each header by name, each other condition by its
//! words. A node has disjoint languages as edges, which together are everything and lead to different
//! children. So two sets are equal exactly when their diagrams are.
//!
//! - The method and the path are compared with case, the path with its query where the dialect has it
//!   (K-44). They are whatever the matcher sees: normalised, the host with a port if the client sent one.
//! - A header is absent, or it has one value: that of several lines with its name is theirs, joined by
//!   commas, as Envoy joins them. So a header cannot equal two values, and one that equals a value is
//!   present.
//! - A condition is true or false, and npv knows no more about it than its words: *a valid token*, *TLS
//!   server name a.example.com*. Conditions are independent of each other.

mod describe;
mod diagram;

#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::hash::{Hash, Hasher};

use diagram::{Memo, Node, Operation, Variable};
use serde::{Serialize, Serializer};

use super::{DomainName, Language, Texts, TooLarge, Truth};
pub use describe::RequestText;

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The method, as sent.
    pub method: Box<str>,
    /// The path, with its query.
    pub path: Box<str>,
    /// The host, if it is known.
    pub host: Option<Box<str>>,
    /// Names and values of all headers but the host; names in any letter case.
    pub headers: Vec<(Box<str>, Box<str>)>,
    /// Other conditions, by their words, that are known to hold or not to. All others are open.
    pub conditions: BTreeMap<Box<str>, bool>,
}

impl Request {
    /// A request of which no more than the method and the path is known. It has no header.
    pub fn new(method: impl Into<Box<str>>, path: impl Into<Box<str>>) -> Self {
        Self {
            method: method.into(),
            path: path.into(),
            host: None,
            headers: Vec::new(),
            conditions: BTreeMap::new(),
        }
    }
}

/// `GET /cart at shop.example with X-Key: k`.
impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)?;
        if let Some(host) = &self.host {
            write!(f, " at {host}")?;
        }
        let headers = self.headers.iter().map(|(name, value)| format!("{name}: {value}"));
        let told = self.conditions.iter().filter(|(words, holds)| !(**holds && ***words == *HTTP));
        let conditions = told.map(|(words, holds)| describe::condition(words, *holds));
        for (index, condition) in headers.chain(conditions).enumerate() {
            let word = if index == 0 { "with" } else { "and" };
            write!(f, " {word} {condition}")?;
        }
        Ok(())
    }
}

/// The condition that something is HTTP at all.
const HTTP: &str = "HTTP";

/// How the condition begins that something is a question to a DNS server.
const QUESTION: &str = "a DNS question for ";

/// The condition that something is a question for a name.
pub fn question(name: &DomainName) -> Box<str> {
    format!("{QUESTION}{name}").into()
}

/// An exact set of requests. Cloning is cheap.
///
/// An operation whose exact result would exceed the budget of [`Language`] gives the set that is *too
/// large*: [`Self::check`] tells. Nothing is claimed about that set: it contains no request for certain and
/// rules none out, it is neither empty nor everything nor part of another, and what is combined with it is
/// too large again, unless the other operand decides alone. It equals itself, so check before you compare.
#[derive(Clone, Debug)]
pub struct RequestSet {
    // Nothing if it is too large.
    root: Option<Node>,
    texts: Texts,
}

impl RequestSet {
    /// Every request.
    pub fn all() -> Self {
        Self { root: Some(Node::All), texts: Texts::default() }
    }

    /// No request.
    pub fn none() -> Self {
        Self { root: Some(Node::None), texts: Texts::default() }
    }

    /// Requests with such a method.
    pub fn method(methods: &Language) -> Self {
        Self::of(Variable::Method, methods, methods)
    }

    /// Requests with such a path.
    pub fn path(paths: &Language) -> Self {
        Self::of(Variable::Path, paths, paths)
    }

    /// Requests to such a host.
    pub fn host(hosts: &Language) -> Self {
        Self::of(Variable::Host, hosts, hosts)
    }

    /// Requests that have the header, with such a value. That it is just there is
    /// [`Language::everything`].
    pub fn header(name: &str, values: &Language) -> Self {
        Self::of(Variable::header(name), &values.tagged(), values)
    }

    /// Every request that is HTTP, and nothing else that may go over the same ports. What a proxy looks into has to
    /// be; a [`Request`] is, unless it says otherwise.
    pub fn http() -> Self {
        Self::condition(HTTP)
    }

    /// Questions to a DNS server for a name, or for one of a pattern.
    pub fn question(name: &DomainName) -> Self {
        Self::condition(question(name))
    }

    /// Requests for which something holds that npv knows by these words only.
    pub fn condition(words: impl Into<Box<str>>) -> Self {
        let holds = Language::everything().tagged();
        Self::of(Variable::Condition(words.into()), &holds, &holds)
    }

    fn of(variable: Variable, language: &Language, written: &Language) -> Self {
        let mut texts = Texts::default();
        texts.learn(written);
        // Words come from the texts alone: which of two equal languages a diagram has met first must not show.
        Self { root: Some(Node::test(variable, language.unnamed())), texts }
    }

    /// Requests in either set.
    pub fn union(&self, other: &Self) -> Self {
        self.combine(other, Operation::Or)
    }

    /// Requests in any of the sets.
    pub fn union_of<'a>(sets: impl IntoIterator<Item = &'a Self>) -> Self {
        // Two and two: large sets then meet large ones only.
        let mut sets: Vec<Self> = sets.into_iter().cloned().collect();
        while sets.len() > 1 {
            sets = sets
                .chunks(2)
                .map(|pair| match pair {
                    [left, right] => left.union(right),
                    single => single.first().cloned().unwrap_or_else(Self::none),
                })
                .collect();
        }
        sets.pop().unwrap_or_else(Self::none)
    }

    /// Requests in both sets.
    pub fn intersection(&self, other: &Self) -> Self {
        self.combine(other, Operation::And)
    }

    /// Requests in this set but not in the other.
    pub fn difference(&self, other: &Self) -> Self {
        self.combine(other, Operation::Minus)
    }

    /// Requests that are not in the set.
    pub fn complement(&self) -> Self {
        Self::all().difference(self)
    }

    fn combine(&self, other: &Self, operation: Operation) -> Self {
        let root = match (&self.root, &other.root) {
            (Some(left), Some(right)) => operation.apply(left, right, &mut Memo::default()).ok(),
            // What one side decides alone does not depend on the other.
            (Some(left), None) => operation.left_alone(left),
            (None, Some(right)) => operation.right_alone(right),
            (None, None) => None,
        };
        let mut texts = self.texts.clone();
        match root {
            Some(Node::None | Node::All) => texts = Texts::default(),
            _ => texts.merge(&other.texts),
        }
        Self { root, texts }
    }

    /// Whether the set is known.
    ///
    /// # Errors
    ///
    /// It has exceeded the budget.
    pub fn check(&self) -> Result<(), TooLarge> {
        if self.root.is_some() { Ok(()) } else { Err(TooLarge) }
    }

    /// Whether no request is in the set.
    pub fn is_empty(&self) -> bool {
        self.root == Some(Node::None)
    }

    /// Whether every request is in the set.
    pub fn is_all(&self) -> bool {
        self.root == Some(Node::All)
    }

    /// Whether every request of this set is in the other.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.difference(other).is_empty()
    }

    /// Whether a request may be in both sets.
    pub fn intersects(&self, other: &Self) -> bool {
        !self.intersection(other).is_empty()
    }

    /// Whether the request is in the set; *maybe* if that depends on something that the request leaves open
    /// ([`Self::given`] says on what).
    pub fn contains(&self, request: &Request) -> Truth {
        match self.given(request).root {
            Some(Node::None) => Truth::No,
            Some(Node::All) => Truth::Yes,
            Some(Node::Branch(_)) | None => Truth::Maybe,
        }
    }

    /// What is left to ask of the request: all if it is in the set, none if it is not, otherwise the
    /// conditions under which it is.
    pub fn given(&self, request: &Request) -> Self {
        let root = self.root.as_ref().and_then(|root| root.given(request).ok());
        Self { root, texts: self.texts.clone() }
    }

    /// One request of the set, as ordinary as there is: `GET /` rather than anything longer.
    pub fn witness(&self) -> Option<Request> {
        self.root.as_ref()?.witness()
    }

    /// The patterns that people wrote for the languages in this set.
    pub fn texts(&self) -> &Texts {
        &self.texts
    }

    /// The set as a list of boxes, which may overlap: a request is in the set if it is in one of them.
    /// Sorted, without needless boxes. With the same texts, equal sets give equal lists.
    pub fn describe(&self, texts: &Texts) -> Vec<RequestText> {
        describe::boxes(self.root.as_ref(), texts)
    }
}

impl Default for RequestSet {
    fn default() -> Self {
        Self::none()
    }
}

impl PartialEq for RequestSet {
    fn eq(&self, other: &Self) -> bool {
        self.root == other.root
    }
}

impl Eq for RequestSet {}

impl PartialOrd for RequestSet {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for RequestSet {
    fn cmp(&self, other: &Self) -> Ordering {
        self.root.cmp(&other.root)
    }
}

impl Hash for RequestSet {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.root.hash(state);
    }
}

/// `GET /api/v2/.*; POST /api/v2/orders with X-API-Key: k`, `every request` or `no request`.
impl fmt::Display for RequestSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("no request");
        }
        for (index, text) in self.describe(&self.texts).iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{text}")?;
        }
        Ok(())
    }
}

/// The documented JSON form: `[{"method": "GET", "path": "/api/.*"}]`.
impl Serialize for RequestSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.describe(&self.texts).serialize(serializer)
    }
}
