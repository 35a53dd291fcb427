//! As whom a client is seen (M-5, M-25 to M-27).

use crate::cluster::Proxy;
use crate::k8s::Spanned;
use crate::policy::{NamespaceSelector, PeerMatch, PodSelector};
use crate::space::{Labels, Operator, Requirement, Selector};

/// The attribute that says how a pod is in the mesh.
pub(super) const PROXY: &str = "@mesh";
const PRINCIPAL: &str = "@mesh/principal";
const NAMESPACE: &str = "@mesh/namespace";
const ACCOUNT: &str = "@mesh/account";

/// The trust domain of the mesh.
const TRUST_DOMAIN: &str = "cluster.local";

/// The identity of an account.
pub(super) fn principal(namespace: &str, account: &str) -> String {
    format!("{TRUST_DOMAIN}/ns/{namespace}/sa/{account}")
}

/// Adds what the mesh sees of a pod.
pub(super) fn insert(attributes: &mut Labels, namespace: &str, account: &str, proxy: Proxy) {
    attributes.insert(PROXY, proxy.name());
    // M-26: without a proxy there is no identity.
    let known = proxy != Proxy::None;
    attributes.insert(PRINCIPAL, if known { principal(namespace, account) } else { String::new() });
    attributes.insert(NAMESPACE, if known { namespace } else { "" });
    attributes.insert(ACCOUNT, if known { format!("{namespace}/{account}") } else { String::new() });
}

/// What a list of values asks of an identity.
#[derive(Clone, Copy)]
pub(super) enum Part {
    Principal,
    Namespace,
    Account,
}

impl Part {
    const fn key(self) -> &'static str {
        match self {
            Self::Principal => PRINCIPAL,
            Self::Namespace => NAMESPACE,
            Self::Account => ACCOUNT,
        }
    }
}

/// The pods whose identity matches any of the values; `own` is the policy's namespace.
pub(super) fn matching(part: Part, values: &[Spanned<Box<str>>], own: &str) -> PeerMatch {
    let selectors = values.iter().map(|value| selector(part, &value.value, own));
    PeerMatch::Pods(PodSelector {
        namespaces: NamespaceSelector::Labels(Selector::EVERYTHING),
        pods: Selector::any(selectors),
    })
}

/// Whether an identity that is no pod of the manifests matches any of the values.
pub(super) fn matches(part: Part, values: &[Spanned<Box<str>>], own: &str, who: (&str, &str)) -> bool {
    let mut attributes = Labels::default();
    insert(&mut attributes, who.0, who.1, Proxy::Ambient);
    values.iter().any(|value| selector(part, &value.value, own).matches(&attributes))
}

/// M-25: exact, `p*`, `*s`, `*` for any; a namespace may have one anywhere.
fn selector(part: Part, value: &str, own: &str) -> Selector {
    let key = part.key();
    let one = |operator, value: &str| Requirement::new(key, operator, [value]);
    if let (Part::Account, false) = (part, value.contains('/')) {
        return Selector::new([one(Operator::In, &format!("{own}/{value}"))]);
    }
    let known = Requirement::new(PROXY, Operator::In, [Proxy::Sidecar.name(), Proxy::Ambient.name()]);
    let requirement = match value.split_once('*') {
        Some(("", "")) => return Selector::new([known]),
        Some((prefix, "")) => one(Operator::StartsWith, prefix),
        Some(("", suffix)) if !suffix.contains('*') => one(Operator::EndsWith, suffix),
        // Only namespaces take a star in the middle; elsewhere it is a character like any other.
        Some((prefix, suffix)) if matches!(part, Part::Namespace) && !suffix.contains('*') => {
            return Selector::new([
                known,
                one(Operator::StartsWith, prefix),
                one(Operator::EndsWith, suffix),
            ]);
        }
        _ => one(Operator::In, value),
    };
    Selector::new([known, requirement])
}
