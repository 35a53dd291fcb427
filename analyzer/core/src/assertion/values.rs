//! Ports, and conditions that compare the two ends.

use npv_models::diagnostic::clip;
use npv_models::k8s::syntax;
use npv_models::policy::{NamespaceSelector, PortMatch};
use npv_models::space::{PortSet, Protocol, Traffic};
use npv_models::yaml::{Node, Value};
use npv_symbolic::spec::{Place, Relation};

use super::decode::Mistakes;
use super::{Ends, NAME_LABEL, Who};
use crate::query::ports::parse_traffic;

const FORM: &str = "write it like `from.tenant != to.tenant`";

/// Reads `ports`.
pub(super) fn ports(node: &Node, mistakes: &mut Mistakes) -> Vec<PortMatch> {
    let Value::Seq(items) = &node.value else {
        let message = format!("`ports` is {}, not a list", node.kind());
        mistakes.add(node.span, message, "write a list: `ports: [5432/tcp]`", "ports");
        return Vec::new();
    };
    if items.is_empty() {
        mistakes.add(node.span, "`ports` lists no port", "leave it out if every port is meant", "ports");
    }
    let read = items.iter().enumerate();
    read.filter_map(|(index, item)| port(&format!("ports[{index}]"), item, mistakes)).collect()
}

fn port(field: &str, node: &Node, mistakes: &mut Mistakes) -> Option<PortMatch> {
    const HELP: &str = "write it like `80`, `53/udp`, `8000-8100/tcp`, `udp` or `http`";
    if let Some(number) = node.as_int() {
        let number = u16::try_from(number).ok().filter(|number| *number > 0);
        if number.is_none() {
            mistakes.add(node.span, "a port is a number from 1 to 65535", HELP, field);
        }
        return Some(PortMatch::Numbers(Traffic::of(Protocol::Tcp, PortSet::single(number?))));
    }
    let Value::Str(text) = &node.value else {
        mistakes.add(node.span, format!("a port is a number or a name, not {}", node.kind()), HELP, field);
        return None;
    };
    let (name, protocol) = text.split_once('/').map_or((&**text, None), |(name, rest)| (name, Some(rest)));
    let known = |word: &str| Protocol::ALL.into_iter().find(|known| known.name().eq_ignore_ascii_case(word));
    let is_name = name.bytes().any(|byte| byte.is_ascii_alphabetic()) && known(text).is_none();
    if is_name {
        if let Err(wrong) = syntax::port_name(name) {
            let message = format!("the port name `{}` {}", clip(name), wrong.why);
            match wrong.instead {
                Some(instead) => {
                    let whole = protocol.map_or(instead.clone(), |protocol| format!("{instead}/{protocol}"));
                    mistakes.instead(node.span, message, whole, field);
                }
                None => mistakes.add(node.span, message, HELP, field),
            }
            return None;
        }
        let Some(word) = protocol else {
            return Some(PortMatch::Named { protocol: None, name: name.into() });
        };
        if let Some(protocol) = known(word) {
            return Some(PortMatch::Named { protocol: Some(protocol), name: name.into() });
        }
        let message = format!("`{}` is no protocol of NetworkPolicy: tcp, udp or sctp", clip(word));
        mistakes.add(node.span, message, HELP, field);
        return None;
    }
    match parse_traffic(text) {
        Ok(traffic) => Some(PortMatch::Numbers(traffic)),
        Err(why) => {
            mistakes.add(node.span, clip(&why), HELP, field);
            None
        }
    }
}

/// Reads `where`: one condition, or a list of them.
pub(super) fn relations(
    node: &Node,
    sides: Option<(&Ends, &Ends)>,
    mistakes: &mut Mistakes,
) -> Vec<Relation> {
    let items = match &node.value {
        Value::Seq(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    if items.is_empty() {
        mistakes.add(node.span, "`where` lists no condition", FORM, "where");
    }
    items.iter().filter_map(|item| relation(item, sides, mistakes)).collect()
}

fn relation(node: &Node, sides: Option<(&Ends, &Ends)>, mistakes: &mut Mistakes) -> Option<Relation> {
    let text = mistakes.text("where", node, "a condition")?;
    let halves = text.split_once("!=").map(|halves| (halves, false));
    let Some(((left, right), same)) = halves.or_else(|| text.split_once("==").map(|halves| (halves, true)))
    else {
        if let Some((left, right)) = text.split_once('=') {
            let message = "a condition compares with `==` or `!=`";
            mistakes.instead(node.span, message, format!("{} == {}", left.trim(), right.trim()), "where");
        } else {
            let message = format!("`{}` compares nothing", clip(text));
            mistakes.add(node.span, message, FORM, "where");
        }
        return None;
    };
    let (left, right) = (left.trim(), right.trim());
    let side = |text, name: &str| str::strip_prefix(text, name).and_then(|rest| rest.strip_prefix('.'));
    let keys = match (side(left, "from"), side(right, "to"), side(left, "to"), side(right, "from")) {
        (Some(left), Some(right), ..) => Some((left, right)),
        (_, _, Some(left), Some(right)) => Some((right, left)),
        _ => None,
    };
    let Some((from, to)) = keys else {
        let message = "a condition compares a label of `from` with the same label of `to`";
        mistakes.add(node.span, message, FORM, "where");
        return None;
    };
    if from != to {
        let message = format!("the condition compares `{}` with `{}`", clip(from), clip(to));
        let help = format!("compare the same label of both: `from.{0} != to.{0}`", clip(from));
        mistakes.add(node.span, message, help, "where");
        return None;
    }
    if from == "namespace" {
        return Some(Relation { place: Place::Namespace, key: NAME_LABEL.into(), same });
    }
    let explicit = [("namespaces.", Place::Namespace), ("pods.", Place::Pod)];
    let explicit = explicit.into_iter().find_map(|(word, place)| Some((place, from.strip_prefix(word)?)));
    let (place, key) = explicit.map_or((None, from), |(place, key)| (Some(place), key));
    if let Err(wrong) = syntax::label_key(key) {
        let message = format!("the label key `{}` {}", clip(key), wrong.why);
        mistakes.add(node.span, message, FORM, "where");
        return None;
    }
    let ends = sides.map(|(from, to)| [from, to]);
    if ends.into_iter().flatten().flat_map(|end| &end.parts).any(|part| !labelled(&part.who)) {
        let message = "`where` compares labels of pods or of their namespaces, and one end is not pods";
        mistakes.add(node.span, message, "leave `where` out, or let both ends be pods", "where");
        return None;
    }
    let place = place.or_else(|| match (asks(ends, Place::Namespace, key), asks(ends, Place::Pod, key)) {
        (true, false) => Some(Place::Namespace),
        (false, true) => Some(Place::Pod),
        _ => None,
    });
    if place.is_none() && ends.is_some() {
        let message = format!("is `{}` a label of the pods or of their namespaces?", clip(key));
        let help = format!("write `from.namespaces.{0}` or `from.pods.{0}`, and `to` likewise", clip(key));
        mistakes.add(node.span, message, help, "where");
    }
    Some(Relation { place: place?, key: key.into(), same })
}

/// Whether all that a part means has labels.
fn labelled(who: &Who) -> bool {
    matches!(who, Who::Pods(_) | Who::Named(_))
}

/// Whether a selector of either end asks for the label.
fn asks(ends: Option<[&Ends; 2]>, place: Place, key: &str) -> bool {
    ends.into_iter().flatten().flat_map(|end| &end.parts).any(|part| match (&part.who, place) {
        (Who::Pods(selector), Place::Pod) => selector.pods.asks_for(key),
        (Who::Pods(selector), _) => match &selector.namespaces {
            NamespaceSelector::Labels(labels) => labels.asks_for(key),
            NamespaceSelector::Named(_) => false,
        },
        _ => false,
    })
}
