//! Rules: an action, peers, ports.

use super::super::Spanned;
use super::super::read::{Path, Reader, Unknown, clip, closest, fault, listing};
use super::peer::{AntreaApplied, AntreaPeer, applied, peers};
use super::port::{self, AntreaPort};
use super::unmodelled;
use crate::source::Span;
use crate::yaml::{Entry, Node};

/// An entry of an `ingress` or `egress` list.
#[derive(Clone, Debug)]
pub struct AntreaRule {
    /// Its name.
    pub name: Option<Spanned<Box<str>>>,
    /// What it does with what it matches.
    pub action: AntreaAction,
    /// It looks at more than addresses and ports, which npv does not model.
    pub vague: bool,
    /// It is about connections to Services, not to pods.
    pub to_services: bool,
    /// Whom the rule applies to; empty where the policy says it.
    pub applied_to: Vec<Spanned<AntreaApplied>>,
    /// `from` or `to`; empty where it is left out, which is everybody.
    pub peers: Vec<Spanned<AntreaPeer>>,
    /// `ports` and `protocols`; empty where both are left out, which is all traffic.
    pub ports: Vec<Spanned<AntreaPort>>,
    /// The list entry.
    pub span: Span,
}

impl PartialEq for AntreaRule {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.action, self.vague, self.to_services)
            == (&other.name, other.action, other.vague, other.to_services)
            && (&self.applied_to, &self.peers, &self.ports) == (&other.applied_to, &other.peers, &other.ports)
    }
}

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AntreaAction {
    /// It is allowed, whatever comes behind.
    Allow,
    /// It is denied, with an answer or without one.
    Drop,
    /// NetworkPolicies and the baseline decide.
    Pass,
}

/// What a rule is in.
#[derive(Clone, Copy)]
pub(super) struct In {
    pub(super) clusterwide: bool,
    /// The policy is in the tier `baseline`.
    pub(super) baseline: bool,
    /// The policy says whom it applies to.
    pub(super) applied: bool,
}

/// Reads the rules of one direction; `peers` is what it calls them.
pub(super) fn read(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    list: Option<&Entry>,
    peers: &'static str,
    context: In,
) -> Vec<AntreaRule> {
    let mut rules = Vec::new();
    for (index, item) in reader.list(path, list).iter().enumerate() {
        let path = path.item(index);
        if item.is_null() {
            reader.null_item(&path, item, "an empty rule, which is invalid");
        } else {
            rules.extend(rule(reader, &path, item, peers, context));
        }
    }
    rules
}

fn rule(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    item: &Node,
    peers_name: &'static str,
    context: In,
) -> Option<AntreaRule> {
    let names =
        ["name", "action", "appliedTo", peers_name, "ports", "protocols", "toServices", "l7Protocols"];
    let [name, action, applied_to, listed, ports, protocols, services, requests] =
        reader.fields(path, item, names, Unknown::Refused(&["enableLogging", "logLabel"]));
    let name = name.and_then(|entry| {
        let text = reader.text(&path.field("name"), &entry.value)?;
        Some(Spanned::new(text.into(), entry.value.span))
    });
    let action = match action {
        Some(entry) => read_action(reader, &path.field("action"), entry, context),
        None => {
            let message = "the rule has no `action`";
            reader.report(fault("invalid-policy", &path.field("action"), item.span, message));
            None
        }
    };
    let applied_path = path.field("appliedTo");
    if let (Some(entry), true) = (applied_to, context.applied) {
        let message = "`appliedTo` is on the policy and on this rule: it may be on one of the two";
        reader.report(fault("invalid-policy", &applied_path, entry.key_span, message));
    }
    let applied_to = applied(reader, &applied_path, applied_to, context.clusterwide);
    let peers = peers(reader, &path.field(peers_name), listed, context.clusterwide, peers_name == "to");
    let mut list = port::ports(reader, &path.field("ports"), ports);
    list.extend(port::protocols(reader, &path.field("protocols"), protocols));
    let mut vague = false;
    if let Some(entry) = requests {
        let path = path.field("l7Protocols");
        if action.is_some_and(|action| action != AntreaAction::Allow) {
            let message = "only a rule that allows can look at requests";
            reader.report(fault("invalid-policy", &path, entry.key_span, message));
        }
        reader.report(unmodelled(&path, entry.key_span, "`l7Protocols`"));
        vague = true;
    }
    let services = services.filter(|_| peers_name == "to");
    if let Some(entry) = services {
        let path = path.field("toServices");
        if let Some(other) = listed.or(ports).or(protocols) {
            let message = format!("`toServices` and `{}` must not be in one rule", other.key);
            let finding = fault("invalid-policy", &path, entry.key_span, message);
            reader.report(finding.related(other.key_span, "the other one"));
        }
        reader.report(unmodelled(&path, entry.key_span, "`toServices`"));
    }
    Some(AntreaRule {
        name,
        action: action?,
        vague,
        to_services: services.is_some(),
        applied_to,
        peers,
        ports: list,
        span: item.span,
    })
}

fn read_action(reader: &mut Reader<'_>, path: &Path<'_>, entry: &Entry, context: In) -> Option<AntreaAction> {
    const NAMES: [&str; 4] = ["Allow", "Drop", "Reject", "Pass"];
    let text = reader.text(path, &entry.value)?;
    let action = match text {
        "Allow" => AntreaAction::Allow,
        "Drop" | "Reject" => AntreaAction::Drop,
        "Pass" => AntreaAction::Pass,
        _ => {
            let message = format!("`{}` is none of the actions {}", clip(text), listing(&NAMES));
            let finding = fault("invalid-policy", path, entry.value.span, message);
            reader.report(match (text, closest(text, &NAMES)) {
                ("Deny" | "deny", _) => finding.help("did you mean `Drop`?"),
                (_, Some(name)) => finding.help(format!("did you mean `{name}`?")),
                _ => finding,
            });
            return None;
        }
    };
    //
    if action == AntreaAction::Pass && context.baseline {
        let message = "nothing comes after the baseline that a rule could pass on to";
        reader.report(fault("invalid-policy", path, entry.value.span, message));
    }
    Some(action)
}
