//! The decision diagrams behind sets of requests.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::super::{Language, TooLarge};
use super::{HTTP, Request};

/// What a condition is about, in the order of the diagram.
///
/// Each has a text for its value. That of a header is the value behind a colon, or the empty text where
/// the header is absent; a condition that holds is a header that is there. (What does not begin with a
/// colon all means absence, and no operation tells such texts apart.)
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Variable {
    Method,
    Path,
    Host,
    Header(HeaderName),
    Condition(Box<str>),
}

/// A header's name: shown as it was written, compared without case.
#[derive(Clone, Debug)]
pub(super) struct HeaderName {
    key: Box<str>,
    pub(super) written: Box<str>,
}

impl PartialEq for HeaderName {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for HeaderName {}

impl PartialOrd for HeaderName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for HeaderName {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key)
    }
}

impl Hash for HeaderName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

impl Variable {
    /// The header with this name.
    pub(super) fn header(name: &str) -> Self {
        Self::Header(HeaderName { key: name.to_ascii_lowercase().into(), written: name.into() })
    }

    /// The value that a request has here; nothing if it is open.
    fn value(&self, request: &Request) -> Option<String> {
        match self {
            Self::Method => Some(request.method.to_string()),
            Self::Path => Some(request.path.to_string()),
            Self::Host => request.host.as_ref().map(ToString::to_string),
            Self::Header(name) => {
                let values: Vec<&str> = request
                    .headers
                    .iter()
                    .filter(|(other, _)| other.eq_ignore_ascii_case(&name.key))
                    .map(|(_, value)| &**value)
                    .collect();
                Some(if values.is_empty() { String::new() } else { format!(":{}", values.join(",")) })
            }
            Self::Condition(words) => {
                let known = request.conditions.get(words).copied();
                known.or((**words == *HTTP).then_some(true)).map(|holds| Self::truth(holds).to_owned())
            }
        }
    }

    const fn truth(holds: bool) -> &'static str {
        if holds { ":" } else { "" }
    }
}

/// A set of requests: none, all, or what the value of a variable decides.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Node {
    None,
    All,
    Branch(Arc<Branch>),
}

/// The languages are disjoint, together everything, sorted, and lead to different children. There are
/// at least two.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Branch {
    pub(super) variable: Variable,
    pub(super) edges: Vec<(Language, Node)>,
}

impl Node {
    /// The requests whose value is in the language.
    pub(super) fn test(variable: Variable, language: Language) -> Self {
        let others = language.complement();
        Self::branch(variable, vec![(language, Self::All), (others, Self::None)])
    }

    /// The node with these edges, whose children differ.
    fn branch(variable: Variable, mut edges: Vec<(Language, Self)>) -> Self {
        edges.retain(|(language, _)| !language.is_empty());
        if let [(_, only)] = edges.as_slice() {
            return only.clone();
        }
        edges.sort_unstable();
        Self::Branch(Arc::new(Branch { variable, edges }))
    }

    fn variable(&self) -> Option<&Variable> {
        match self {
            Self::Branch(branch) => Some(&branch.variable),
            Self::None | Self::All => None,
        }
    }

    /// What decides on top of the children: the edges if the node asks for the variable, otherwise the
    /// node itself for every value.
    fn edges(&self, variable: &Variable) -> Vec<(Language, Self)> {
        match self {
            Self::Branch(branch) if branch.variable == *variable => branch.edges.clone(),
            _ => vec![(Language::everything(), self.clone())],
        }
    }

    /// The node for requests of which the values of this one are known.
    pub(super) fn given(&self, request: &Request) -> Result<Self, TooLarge> {
        let Self::Branch(branch) = self else { return Ok(self.clone()) };
        if let Some(value) = branch.variable.value(request) {
            // A control character is in no language: no request can carry it.
            let edge = branch.edges.iter().find(|(language, _)| language.contains(&value));
            return edge.map_or(Ok(Self::None), |(_, child)| child.given(request));
        }
        let mut edges = Edges::default();
        for (language, child) in &branch.edges {
            edges.add(child.given(request)?, language)?;
        }
        Ok(Self::branch(branch.variable.clone(), edges.list))
    }

    /// A request that leads to `All`.
    pub(super) fn witness(&self) -> Option<Request> {
        let mut request = Request::new("GET", "/");
        let mut node = self;
        while let Self::Branch(branch) = node {
            // Every child but `None` leads to `All`, or the diagram were not canonical.
            let edges = branch.edges.iter().filter(|(_, child)| *child != Self::None);
            let ((_, value), child) = edges
                .filter_map(|(language, child)| Some((ordinary(&branch.variable, language)?, child)))
                .min_by(|(left, _), (right, _)| left.cmp(right))?;
            match &branch.variable {
                Variable::Method => request.method = value.into(),
                Variable::Path => request.path = value.into(),
                Variable::Host => request.host = Some(value.into()),
                Variable::Header(name) => {
                    if let Some(value) = value.strip_prefix(':') {
                        request.headers.push((name.written.clone(), value.into()));
                    }
                }
                Variable::Condition(words) => {
                    request.conditions.insert(words.clone(), value.starts_with(':'));
                }
            }
            node = child;
        }
        (*node == Self::All).then_some(request)
    }
}

/// The most ordinary value in a language, with its rank: lower is more ordinary.
fn ordinary(variable: &Variable, language: &Language) -> Option<(usize, String)> {
    let (liked, shape): (&[&str], &str) = match variable {
        Variable::Method => (&["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"], "[A-Z]+"),
        Variable::Path => (&["/"], "/[!-~]*"),
        Variable::Host => (&[], "[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]+)?"),
        Variable::Header(_) | Variable::Condition(_) => (&["", ":"], ":[!-~]*"),
    };
    if let Some(rank) = liked.iter().position(|value| language.contains(value)) {
        return liked.get(rank).map(|value| (rank, (*value).to_owned()));
    }
    let shaped = Language::re2(shape).ok().and_then(|shape| shape.intersection(language).ok()?.witness());
    // Not what anybody sends, but in the language.
    shaped
        .map(|value| (liked.len(), value))
        .or_else(|| language.witness().map(|value| (liked.len() + 1, value)))
}

/// Edges by child, in the order of their appearance.
#[derive(Default)]
struct Edges {
    list: Vec<(Language, Node)>,
    by_child: FxHashMap<Node, usize>,
}

impl Edges {
    fn add(&mut self, child: Node, language: &Language) -> Result<(), TooLarge> {
        if let Some((found, _)) = self.by_child.get(&child).and_then(|at| self.list.get_mut(*at)) {
            *found = found.union(language)?;
        } else {
            self.by_child.insert(child.clone(), self.list.len());
            self.list.push((language.clone(), child));
        }
        Ok(())
    }
}

/// Results of one operation on pairs of nodes.
pub(super) type Memo = FxHashMap<(Node, Node), Node>;

/// What to do with two sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Or,
    And,
    Minus,
}

impl Operation {
    /// The result if the left operand decides it alone.
    pub(super) fn left_alone(self, left: &Node) -> Option<Node> {
        match (self, left) {
            (Self::Or, Node::All) => Some(Node::All),
            (Self::And | Self::Minus, Node::None) => Some(Node::None),
            _ => None,
        }
    }

    /// The result if the right operand decides it alone.
    pub(super) fn right_alone(self, right: &Node) -> Option<Node> {
        match (self, right) {
            (Self::Or, Node::All) => Some(Node::All),
            (Self::And, Node::None) | (Self::Minus, Node::All) => Some(Node::None),
            _ => None,
        }
    }

    fn at_once(self, left: &Node, right: &Node) -> Option<Node> {
        if let Some(result) = self.left_alone(left).or_else(|| self.right_alone(right)) {
            return Some(result);
        }
        match (self, left, right) {
            (Self::Or, Node::None, other) | (Self::And, Node::All, other) => Some(other.clone()),
            (Self::Or | Self::Minus, other, Node::None) | (Self::And, other, Node::All) => {
                Some(other.clone())
            }
            (Self::Or | Self::And, left, right) if left == right => Some(left.clone()),
            (Self::Minus, left, right) if left == right => Some(Node::None),
            _ => None,
        }
    }

    /// The set that the operation makes of two.
    pub(super) fn apply(self, left: &Node, right: &Node, memo: &mut Memo) -> Result<Node, TooLarge> {
        if let Some(result) = self.at_once(left, right) {
            return Ok(result);
        }
        let key = (left.clone(), right.clone());
        if let Some(result) = memo.get(&key) {
            return Ok(result.clone());
        }
        let variable = match (left.variable(), right.variable()) {
            (Some(a), Some(b)) => a.min(b),
            (Some(only), None) | (None, Some(only)) => only,
            // Two leaves have been decided above.
            (None, None) => return Ok(left.clone()),
        };
        let mut edges = Edges::default();
        let (of_left, of_right) = (left.edges(variable), right.edges(variable));
        for (a, left) in &of_left {
            for (b, right) in &of_right {
                let common = a.intersection(b)?;
                if !common.is_empty() {
                    edges.add(self.apply(left, right, memo)?, &common)?;
                }
            }
        }
        let result = Node::branch(variable.clone(), edges.list);
        memo.insert(key, result.clone());
        Ok(result)
    }
}
