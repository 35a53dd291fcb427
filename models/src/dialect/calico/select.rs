//! Calico's selectors as conditions on pods, and as tests of what has labels and addresses (C-30 to C-47).

use crate::cluster::Namespace;
use crate::k8s::{Expression, Normal, ServiceAccountMatch, Test};
use crate::policy::{NamespaceSelector, PeerMatch, PodSelector, attribute};
use crate::space::{Label, Labels, Operator, Requirement, Selector, Truth};

/// The label of a namespace that says its name (S-41).
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";
/// Labels that Calico adds to endpoints and sets (C-34).
const NAMESPACE: &str = "projectcalico.org/namespace";
const ORCHESTRATOR: &str = "projectcalico.org/orchestrator";
const ACCOUNT: &str = "projectcalico.org/serviceaccount";
/// The label by which selectors of namespaces and of ServiceAccounts see the name (C-34).
const NAME: &str = "projectcalico.org/name";
/// Under what endpoints inherit the labels of their namespace and of their ServiceAccount.
const OF_NAMESPACE: &str = "pcns.";
const OF_ACCOUNT: &str = "pcsa.";

/// Whose labels a selector asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    /// Endpoints and sets.
    Endpoints,
    /// Their namespaces.
    Namespaces,
    /// The ServiceAccounts of pods.
    Accounts,
}

/// Something with labels that is no pod: a NetworkSet, a HostEndpoint.
#[derive(Clone, Copy)]
pub(super) struct Thing<'a> {
    /// The namespace that it is in.
    pub(super) namespace: Option<&'a Namespace>,
    /// Its own labels.
    pub(super) labels: &'a Labels,
}

impl<'a> Thing<'a> {
    /// What is known of the label that a selector asks for.
    fn at(&self, of: Of, key: &str) -> Label<'a> {
        let in_namespace = |key: &str| match self.namespace {
            Some(namespace) if key == NAME => Label::Is(&namespace.name),
            Some(namespace) => namespace.labels.at(key),
            None => Label::Absent,
        };
        match of {
            // Only pods run as somebody.
            Of::Accounts => Label::Absent,
            Of::Namespaces => in_namespace(key),
            Of::Endpoints if key == NAMESPACE => match self.namespace {
                Some(namespace) => Label::Is(&namespace.name),
                None => self.labels.at(key),
            },
            Of::Endpoints => match (self.labels.at(key), key.strip_prefix(OF_NAMESPACE)) {
                (Label::Absent, Some(key)) => in_namespace(key),
                (own, _) => own,
            },
        }
    }

    /// Whether a selector selects it.
    pub(super) fn is(&self, of: Of, expression: &Expression) -> Truth {
        let truth = |part: &Expression| match part {
            // C-41: what has a namespace, and what has none.
            Expression::All if of == Of::Namespaces => Some(self.namespace.is_some().into()),
            Expression::Global if of == Of::Namespaces => Some(self.namespace.is_none().into()),
            _ => None,
        };
        holds(expression, &truth, &|key| self.at(of, key))
    }
}

/// Whether an expression holds where some of its parts have a meaning of their own.
fn holds<'l>(
    expression: &Expression,
    of_part: &dyn Fn(&Expression) -> Option<Truth>,
    at: &dyn Fn(&str) -> Label<'l>,
) -> Truth {
    if let Some(truth) = of_part(expression) {
        return truth;
    }
    match expression {
        Expression::Not(term) => !holds(term, of_part, at),
        Expression::And(terms) => Truth::all(terms.iter().map(|term| holds(term, of_part, at))),
        Expression::Or(terms) => Truth::any(terms.iter().map(|term| holds(term, of_part, at))),
        Expression::All | Expression::Global | Expression::Label { .. } => expression.holds(at),
    }
}

/// What is asked of pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tree {
    Always,
    Never,
    /// Of their namespace.
    Namespace(Requirement),
    /// Of themselves.
    Pod(Requirement),
    All(Vec<Self>),
    Any(Vec<Self>),
}

impl Tree {
    /// What a selector asks of pods.
    pub(super) fn new(of: Of, expression: &Expression) -> Self {
        // C-41: every pod has a namespace. Elsewhere Felix takes `global()` for `all()`.
        let meant = expression.map(&|part: &Expression| match part {
            Expression::Global if of == Of::Namespaces => Expression::Not(Box::new(Expression::All)),
            other => other.clone(),
        });
        Self::normal(of, meant.normal())
    }

    fn normal(of: Of, normal: Normal) -> Self {
        match normal {
            Normal::Always => Self::Always,
            Normal::Never => Self::Never,
            Normal::Test(wanted) => Self::test(of, wanted),
            Normal::And(terms) => Self::all(terms.into_iter().map(|term| Self::normal(of, term))),
            Normal::Or(terms) => Self::any(terms.into_iter().map(|term| Self::normal(of, term))),
        }
    }

    /// The requirement of the label that a key stands for (C-34).
    fn test(of: Of, wanted: Requirement) -> Self {
        let renamed = |key: &str| Requirement { key: key.into(), ..wanted.clone() };
        match (of, &*wanted.key) {
            (Of::Namespaces, NAME) | (Of::Endpoints, NAMESPACE) => Self::Namespace(renamed(NAMESPACE_NAME)),
            (Of::Namespaces, _) => Self::Namespace(wanted),
            (Of::Accounts, NAME) | (Of::Endpoints, ACCOUNT) => Self::Pod(renamed(attribute::ACCOUNT)),
            (Of::Accounts, key) => Self::Pod(renamed(&attribute::account_label(key))),
            (Of::Endpoints, ORCHESTRATOR) => {
                if wanted.accepts(Some("k8s")) {
                    Self::Always
                } else {
                    Self::Never
                }
            }
            (Of::Endpoints, key) => match (key.strip_prefix(OF_NAMESPACE), key.strip_prefix(OF_ACCOUNT)) {
                (Some(key), _) => Self::test(Of::Namespaces, renamed(key)),
                (None, Some(key)) => Self::test(Of::Accounts, renamed(key)),
                (None, None) => Self::Pod(wanted),
            },
        }
    }

    /// The pods of one namespace.
    pub(super) fn in_namespace(name: &str) -> Self {
        Self::Namespace(Requirement::new(NAMESPACE_NAME, Operator::In, [name]))
    }

    /// The pods that run as one of these accounts.
    fn run_as<'n>(names: impl Iterator<Item = &'n str>) -> Self {
        Self::Pod(Requirement::new(attribute::ACCOUNT, Operator::In, names))
    }

    pub(super) fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut flat = Vec::new();
        for part in parts {
            match part {
                Self::Always => {}
                Self::Never => return Self::Never,
                Self::All(parts) => flat.extend(parts),
                part => flat.push(part),
            }
        }
        if flat.len() > 1 { Self::All(flat) } else { flat.pop().unwrap_or(Self::Always) }
    }

    fn any(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut flat = Vec::new();
        for part in parts {
            match part {
                Self::Never => {}
                Self::Always => return Self::Always,
                Self::Any(parts) => flat.extend(parts),
                part => flat.push(part),
            }
        }
        if flat.len() > 1 { Self::Any(flat) } else { flat.pop().unwrap_or(Self::Never) }
    }

    /// As one condition on labels; `None` where it also asks for labels of the other kind.
    fn selector(&self, namespace: bool) -> Option<Selector> {
        Some(match self {
            Self::Always => Selector::EVERYTHING,
            Self::Never => Selector::nothing(),
            Self::Namespace(wanted) if namespace => Selector::new([wanted.clone()]),
            Self::Pod(wanted) if !namespace => Selector::new([wanted.clone()]),
            Self::Namespace(_) | Self::Pod(_) => return None,
            Self::All(parts) => {
                Selector::all(parts.iter().map(|part| part.selector(namespace)).collect::<Option<Vec<_>>>()?)
            }
            Self::Any(parts) => {
                Selector::any(parts.iter().map(|part| part.selector(namespace)).collect::<Option<Vec<_>>>()?)
            }
        })
    }

    /// What is asked of namespaces and of pods apart, and the parts that ask for either.
    fn split(&self) -> (PodSelector, Vec<&Self>) {
        let parts = match self {
            Self::All(parts) => parts.as_slice(),
            part => std::slice::from_ref(part),
        };
        let (mut namespaces, mut pods, mut mixed) = (Vec::new(), Vec::new(), Vec::new());
        for part in parts {
            match (part.selector(true), part.selector(false)) {
                // What asks for nothing is a matter of pods.
                (_, Some(selector)) => pods.push(selector),
                (Some(selector), None) => namespaces.push(selector),
                (None, None) => mixed.push(part),
            }
        }
        let (namespaces, pods) = (Selector::all(namespaces), Selector::all(pods));
        (PodSelector { namespaces: named(namespaces), pods }, mixed)
    }

    /// The pods as a peer.
    pub(super) fn peer(&self) -> PeerMatch {
        let (selector, mixed) = self.split();
        if mixed.is_empty() {
            return PeerMatch::Pods(selector);
        }
        let mut all: Vec<PeerMatch> = mixed.into_iter().map(Self::any_peer).collect();
        if selector != EVERY_POD {
            all.insert(0, PeerMatch::Pods(selector));
        }
        PeerMatch::All(all)
    }

    /// A part that asks for labels of namespaces and of pods.
    fn any_peer(&self) -> PeerMatch {
        match self {
            Self::Any(parts) => PeerMatch::Any(parts.iter().map(Self::peer).collect()),
            part => part.peer(),
        }
    }

    /// The pods as the subject of a policy: a selector, and what it cannot say.
    pub(super) fn subject(&self) -> (PodSelector, Vec<PeerMatch>) {
        let (selector, mixed) = self.split();
        if mixed.is_empty() {
            return (selector, Vec::new());
        }
        let nothing = PodSelector { pods: Selector::nothing(), ..EVERY_POD };
        (nothing, vec![self.peer()])
    }
}

const EVERY_POD: PodSelector =
    PodSelector { namespaces: NamespaceSelector::Labels(Selector::EVERYTHING), pods: Selector::EVERYTHING };

/// A selector of one namespace by its name is that name.
fn named(selector: Selector) -> NamespaceSelector {
    if let ([wanted], []) = (selector.requirements(), selector.choices())
        && let ([name], Operator::In, NAMESPACE_NAME) = (&*wanted.values, wanted.operator, &*wanted.key)
    {
        return NamespaceSelector::Named(name.clone());
    }
    NamespaceSelector::Labels(selector)
}

/// What the selectors of one side of a rule, or of a subject, say together.
#[derive(Clone, Copy, Default)]
pub(super) struct Scope<'e> {
    /// The namespace that it is limited to by itself.
    pub(super) own: Option<&'e str>,
    pub(super) namespaces: Option<&'e Expression>,
    pub(super) accounts: Option<&'e ServiceAccountMatch>,
    pub(super) endpoints: Option<&'e Expression>,
    pub(super) without: Option<&'e Expression>,
}

impl Scope<'_> {
    /// Whether it is limited to nothing, but for what is taken out of it.
    pub(super) const fn is_everything(&self) -> bool {
        self.own.is_none() && self.namespaces.is_none() && self.accounts.is_none() && self.endpoints.is_none()
    }

    /// The pods in it.
    pub(super) fn pods(&self) -> Tree {
        let own = self.own.map(Tree::in_namespace);
        let namespaces = self.namespaces.map(|selector| Tree::new(Of::Namespaces, selector));
        let names = self.accounts.filter(|accounts| !accounts.names.is_empty());
        let names = names.map(|accounts| Tree::run_as(accounts.names.iter().map(|name| &*name.value)));
        let accounts = self.accounts.and_then(|accounts| accounts.selector.as_ref());
        let accounts = accounts.map(|selector| Tree::new(Of::Accounts, &selector.value));
        let endpoints = self.endpoints.map(|selector| Tree::new(Of::Endpoints, selector));
        let without = self
            .without
            .map(|selector| Tree::new(Of::Endpoints, &Expression::Not(Box::new(selector.clone()))));
        Tree::all([own, namespaces, names, accounts, endpoints, without].into_iter().flatten())
    }

    /// Whether something that is no pod is in it.
    pub(super) fn holds(&self, thing: Thing<'_>) -> Truth {
        let own = self.own.map(|own| Test::Equals(own.into()).requirement(NAMESPACE));
        let own = own.map(|wanted| wanted.holds(thing.at(Of::Endpoints, NAMESPACE)));
        let selectors = [
            (Of::Namespaces, self.namespaces),
            (Of::Accounts, self.accounts.and_then(|accounts| Some(&accounts.selector.as_ref()?.value))),
            (Of::Endpoints, self.endpoints),
        ];
        let selected = selectors.into_iter().filter_map(|(of, selector)| Some(thing.is(of, selector?)));
        // Nothing but a pod runs as an account.
        let names = self.accounts.filter(|accounts| !accounts.names.is_empty()).map(|_| Truth::No);
        let without = self.without.map(|selector| !thing.is(Of::Endpoints, selector));
        Truth::all(selected.chain(own).chain(names).chain(without))
    }
}
