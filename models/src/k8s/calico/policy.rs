//! NetworkPolicy and GlobalNetworkPolicy, and the staged forms of both.

use super::super::meta::Root;
use super::super::read::{Path, Reader, Unknown, closest, fault, listing, replace};
use super::super::{Meta, Object, Policy, Spanned};
use super::entity::says;
use super::rule::{self, Around};
use super::staged::StagedAction;
use super::text::{self, Global, flag, selector};
use super::{CalicoRule, Expression, Form, StoredName, TierName, name, spanned, staged as staging};
use crate::policy::Direction;
use crate::yaml::{Entry, Node, Value};

/// A policy of Calico's, its defaults not yet applied.
#[derive(Clone, Debug, PartialEq)]
pub struct CalicoPolicy {
    /// Which kind it is.
    pub kind: CalicoKind,
    /// In which form it is written.
    pub form: Form,
    /// Its name and place.
    pub meta: Meta,
    /// Its tier.
    pub tier: TierName,
    /// What it is stored as.
    pub stored: StoredName,
    /// `order`; last where it is left out (C-13).
    pub order: Option<Spanned<f64>>,
    /// `selector`; all where it is left out (C-21).
    pub selector: Option<Spanned<Expression>>,
    /// `namespaceSelector` of a policy of the whole cluster (C-22).
    pub namespace_selector: Option<Spanned<Expression>>,
    /// `serviceAccountSelector` (C-23).
    pub service_account_selector: Option<Spanned<Expression>>,
    /// `types`; `None` where it is left out or empty (C-2, C-20).
    pub types: Option<Spanned<Vec<Direction>>>,
    /// The `ingress` list; `None` where it is left out.
    pub ingress: Option<Spanned<Vec<CalicoRule>>>,
    /// The `egress` list; `None` where it is left out.
    pub egress: Option<Spanned<Vec<CalicoRule>>>,
    /// `doNotTrack`: it applies to host endpoints only, before connections are tracked (C-73).
    pub do_not_track: Option<Spanned<bool>>,
    /// `preDNAT`: it applies to host endpoints only, before Services are translated (C-73).
    pub pre_dnat: Option<Spanned<bool>>,
    /// `applyOnForward`: it applies to what host endpoints forward too (C-72).
    pub apply_on_forward: Option<Spanned<bool>>,
    /// `stagedAction`; `None` for a policy that is enforced (C-80).
    pub staged: Option<StagedAction>,
}

/// The kinds of Calico's own policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CalicoKind {
    /// NetworkPolicy.
    Network,
    /// GlobalNetworkPolicy.
    Global,
    /// StagedNetworkPolicy.
    StagedNetwork,
    /// StagedGlobalNetworkPolicy.
    StagedGlobal,
}

impl CalicoKind {
    /// As manifests write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Network => "NetworkPolicy",
            Self::Global => "GlobalNetworkPolicy",
            Self::StagedNetwork => "StagedNetworkPolicy",
            Self::StagedGlobal => "StagedGlobalNetworkPolicy",
        }
    }

    /// Whether it is in no namespace.
    pub const fn is_global(self) -> bool {
        matches!(self, Self::Global | Self::StagedGlobal)
    }

    /// Whether it is not enforced (C-80).
    pub const fn is_staged(self) -> bool {
        matches!(self, Self::StagedNetwork | Self::StagedGlobal)
    }
}

impl CalicoPolicy {
    /// The list of a direction.
    pub const fn rules(&self, direction: Direction) -> Option<&Spanned<Vec<CalicoRule>>> {
        match direction {
            Direction::Ingress => self.ingress.as_ref(),
            Direction::Egress => self.egress.as_ref(),
        }
    }

    /// Whether it speaks of a direction. Where `types` is left out, the API makes it of the lists that have rules, and
    /// what is stored without it speaks of both (C-2, C-20).
    pub fn speaks_of(&self, direction: Direction) -> bool {
        let any = |direction| self.rules(direction).is_some_and(|rules| !rules.value.is_empty());
        match (&self.types, self.form, direction) {
            (Some(types), _, _) => types.value.contains(&direction),
            (None, Form::Stored, _) => true,
            (None, Form::Api, Direction::Egress) => any(Direction::Egress),
            (None, Form::Api, Direction::Ingress) => any(Direction::Ingress) || !any(Direction::Egress),
        }
    }

    /// Whether it is one of those that pods never meet (C-73).
    pub fn is_for_hosts_only(&self) -> bool {
        [self.do_not_track, self.pre_dnat].into_iter().flatten().any(|flag| flag.value)
    }

    /// Whether any of its selectors of endpoints asks for this label.
    pub fn asks_for(&self, label: &str) -> bool {
        let rules = [&self.ingress, &self.egress].into_iter().flatten().flat_map(|rules| &rules.value);
        let sides = rules.flat_map(|rule| rule.source.selectors().chain(rule.destination.selectors()));
        self.selector.iter().chain(sides).any(|selector| selector.value.asks_for(label))
    }
}

pub(super) fn network(reader: &mut Reader<'_>, root: Root<'_>, form: Form) -> Object {
    decode(reader, root, form, CalicoKind::Network)
}

pub(super) fn global(reader: &mut Reader<'_>, root: Root<'_>, form: Form) -> Object {
    decode(reader, root, form, CalicoKind::Global)
}

pub(super) fn staged(reader: &mut Reader<'_>, root: Root<'_>, form: Form) -> Object {
    decode(reader, root, form, CalicoKind::StagedNetwork)
}

pub(super) fn staged_global(reader: &mut Reader<'_>, root: Root<'_>, form: Form) -> Object {
    decode(reader, root, form, CalicoKind::StagedGlobal)
}

/// Every field of `spec`, so ordered that each kind has those from one on to another one.
const NAMES: &[&str] = &[
    "namespaceSelector",
    "doNotTrack",
    "preDNAT",
    "applyOnForward",
    "tier",
    "order",
    "selector",
    "serviceAccountSelector",
    "types",
    "ingress",
    "egress",
    "performanceHints",
    "stagedAction",
];

impl CalicoKind {
    /// The first of the [`NAMES`] that it has: policies of a namespace lack those of the whole cluster.
    const fn first_field(self) -> usize {
        if self.is_global() { 0 } else { 4 }
    }

    /// Where the [`NAMES`] end that it has: only staged policies say what to do with them.
    const fn last_field(self) -> usize {
        if self.is_staged() { NAMES.len() } else { NAMES.len() - 1 }
    }
}

/// The fields of `spec`; those that the kind does not have are `None`.
struct Fields<'n> {
    tier: Option<&'n Entry>,
    order: Option<&'n Entry>,
    selector: Option<&'n Entry>,
    accounts: Option<&'n Entry>,
    namespaces: Option<&'n Entry>,
    types: Option<&'n Entry>,
    ingress: Option<&'n Entry>,
    egress: Option<&'n Entry>,
    hints: Option<&'n Entry>,
    do_not_track: Option<&'n Entry>,
    pre_dnat: Option<&'n Entry>,
    apply_on_forward: Option<&'n Entry>,
    action: Option<&'n Entry>,
}

impl<'n> Fields<'n> {
    /// Reads the fields that the kind has; the others are unknown.
    fn read(reader: &mut Reader<'_>, path: &Path<'_>, spec: &'n Node, kind: CalicoKind) -> Self {
        let names = NAMES.get(kind.first_field()..kind.last_field()).unwrap_or_default();
        let [] = reader.fields(path, spec, [], Unknown::Refused(names));
        let field = |name: &str| {
            let entry = spec.entries().iter().rev().find(|entry| &*entry.key == name);
            entry.filter(|entry| names.contains(&name) && !entry.value.is_null())
        };
        Self {
            tier: field("tier"),
            order: field("order"),
            selector: field("selector"),
            accounts: field("serviceAccountSelector"),
            namespaces: field("namespaceSelector"),
            types: field("types"),
            ingress: field("ingress"),
            egress: field("egress"),
            hints: field("performanceHints"),
            do_not_track: field("doNotTrack"),
            pre_dnat: field("preDNAT"),
            apply_on_forward: field("applyOnForward"),
            action: field("stagedAction"),
        }
    }

    /// Everything that a policy to be deleted may not say.
    fn beside_deletion(&self) -> impl Iterator<Item = &'n Entry> {
        let texts = [
            self.order,
            self.selector,
            self.accounts,
            self.namespaces,
            self.ingress,
            self.egress,
            self.hints,
        ];
        let flags = [self.do_not_track, self.pre_dnat, self.apply_on_forward];
        let set = |entry: &&Entry| entry.value.as_bool() != Some(false);
        texts.into_iter().filter_map(says).chain(flags.into_iter().flatten().filter(set))
    }
}

fn decode(reader: &mut Reader<'_>, root: Root<'_>, form: Form, kind: CalicoKind) -> Object {
    let path = Path::Root.field("spec");
    // A policy without a spec is one without rules.
    let nothing = Node { value: Value::Null, span: root.meta.name.span };
    let fields = Fields::read(reader, &path, root.spec.map_or(&nothing, |spec| &spec.value), kind);
    let refused = if form == Form::Api { Global::Refused } else { Global::Ignored };

    let tier = text::text(reader, &path.field("tier"), fields.tier);
    let (tier, stored) = name::read(reader, &root.meta, tier, form);
    let order = read_order(reader, &path.field("order"), fields.order);
    let endpoints = selector(reader, &path.field("selector"), fields.selector, refused);
    let namespaces = subject(reader, &path.field("namespaceSelector"), fields.namespaces, form);
    let accounts = subject(reader, &path.field("serviceAccountSelector"), fields.accounts, form);
    let types = read_types(reader, &path.field("types"), fields.types, form);
    let mut rules = |name: &str, entry, direction| {
        let around = Around { form, direction, policy: true, namespaced: !kind.is_global() };
        rule::read(reader, &path.field(name), entry, around)
    };
    let ingress = rules("ingress", fields.ingress, Direction::Ingress);
    let egress = rules("egress", fields.egress, Direction::Egress);
    let action =
        kind.is_staged().then(|| staging::read_action(reader, &path.field("stagedAction"), fields.action));
    read_hints(reader, &path.field("performanceHints"), fields.hints);
    let policy = CalicoPolicy {
        kind,
        form,
        meta: root.meta,
        tier,
        stored,
        order,
        selector: endpoints,
        namespace_selector: namespaces,
        service_account_selector: accounts,
        types,
        ingress,
        egress,
        do_not_track: flag(reader, &path.field("doNotTrack"), fields.do_not_track),
        pre_dnat: flag(reader, &path.field("preDNAT"), fields.pre_dnat),
        apply_on_forward: flag(reader, &path.field("applyOnForward"), fields.apply_on_forward),
        staged: action,
    };
    if form == Form::Api {
        if action == Some(StagedAction::Delete) {
            staging::check_deletion(reader, &path, fields.action, fields.beside_deletion());
        } else {
            check_hosts(reader, &path, &policy, &fields);
        }
    }
    Object::Policy(Policy::Calico(Box::new(policy)))
}

/// A selector of the subject beside `selector`. What is stored and cannot be read is left out by Felix, so that
/// the policy applies to more than it says (C-2).
fn subject(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    entry: Option<&Entry>,
    form: Form,
) -> Option<Spanned<Expression>> {
    let before = reader.findings.len();
    let global = if form == Form::Api { Global::Refused } else { Global::Ignored };
    let expression = selector(reader, path, entry, global);
    if form == Form::Stored {
        let unread =
            reader.findings.iter_mut().skip(before).filter(|finding| finding.rule == "invalid-policy");
        for finding in unread {
            reader.clear.push(finding.key.clone());
            finding.help.push(
                "nothing checks `crd.projectcalico.org/v1`: Felix would leave this selector out, and apply the policy to everything beside it"
                    .into(),
            );
        }
    }
    expression
}

pub(super) fn read_order(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    entry: Option<&Entry>,
) -> Option<Spanned<f64>> {
    let entry = entry?;
    match entry.value.value {
        #[expect(clippy::cast_precision_loss, reason = "the API reads orders as floats too")]
        Value::Int(order) => Some(spanned(order as f64, entry)),
        // Zero is zero, whatever its sign.
        Value::Float(order) if order.is_finite() => Some(spanned(order + 0.0, entry)),
        _ => {
            reader.wrong_type(path, &entry.value, "a number");
            None
        }
    }
}

fn read_types(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    entry: Option<&Entry>,
    form: Form,
) -> Option<Spanned<Vec<Direction>>> {
    const NAMES: [&str; 2] = ["Ingress", "Egress"];
    let items = reader.list(path, entry);
    let mut types: Vec<Spanned<Direction>> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let path = path.item(index);
        if item.is_null() {
            reader.null_item(&path, item, "the empty type, which is invalid");
            continue;
        }
        let Some(text) = reader.text(&path, item) else { continue };
        let direction = match text {
            "Ingress" => Direction::Ingress,
            "Egress" => Direction::Egress,
            // Felix does not mind how they are written.
            _ if form == Form::Stored && text.eq_ignore_ascii_case("ingress") => Direction::Ingress,
            _ if form == Form::Stored && text.eq_ignore_ascii_case("egress") => Direction::Egress,
            _ => {
                let text = super::super::read::clip(text);
                let message = format!("`{text}` is no policy type: there are {}", listing(&NAMES));
                let mut finding = fault("invalid-policy", &path, item.span, message);
                if let Some(name) = closest(&text, &NAMES) {
                    let fix = replace(item.span, &text, name, format!("write `{name}`"));
                    finding = finding.help(format!("did you mean `{name}`?")).fix(fix);
                }
                if form == Form::Stored {
                    finding = finding.help("Felix would take no notice of this type");
                    reader.clear.push(path.to_string());
                }
                reader.report(finding);
                continue;
            }
        };
        if let (Some(first), Form::Api) = (types.iter().find(|first| first.value == direction), form) {
            let message = format!("the type `{text}` is there twice");
            reader
                .report(fault("invalid-policy", &path, item.span, message).related(first.span, "first here"));
        }
        types.push(Spanned::new(direction, item.span));
    }
    let entry = entry.filter(|_| !items.is_empty())?;
    Some(spanned(types.into_iter().map(|direction| direction.value).collect(), entry))
}

/// Hints change no verdict (C-74).
fn read_hints(reader: &mut Reader<'_>, path: &Path<'_>, entry: Option<&Entry>) {
    const HINT: [(&str, ()); 1] = [("AssumeNeededOnEveryNode", ())];
    let mut first = None;
    for (index, item) in reader.list(path, entry).iter().enumerate() {
        let path = path.item(index);
        if text::choice(reader, &path, item, "hints", &HINT).is_none() {
            continue;
        }
        match first {
            None => first = Some(item.span),
            Some(first) => {
                let message = "the hint is there twice";
                reader
                    .report(fault("invalid-policy", &path, item.span, message).related(first, "first here"));
            }
        }
    }
}

/// What policies for hosts demand (C-90).
fn check_hosts(reader: &mut Reader<'_>, path: &Path<'_>, policy: &CalicoPolicy, fields: &Fields<'_>) {
    let set = |flag: Option<Spanned<bool>>| flag.filter(|flag| flag.value);
    let (untracked, pre_dnat) = (set(policy.do_not_track), set(policy.pre_dnat));
    let mut at =
        |name: &str, span, message: &str, related: Option<(crate::source::Span, &str)>, help: &str| {
            let finding = fault("invalid-policy", &path.field(name), span, message).help(help);
            reader.report(match related {
                Some((span, label)) => finding.related(span, label),
                None => finding,
            });
        };
    if let (Some(untracked), Some(pre_dnat)) = (untracked, pre_dnat) {
        let message = "a policy must not be both `doNotTrack` and `preDNAT`";
        at("preDNAT", pre_dnat.span, message, Some((untracked.span, "the other one")), "write two policies");
    }
    if let (Some(special), None) = (untracked.or(pre_dnat), set(policy.apply_on_forward)) {
        let name = if untracked.is_some() { "doNotTrack" } else { "preDNAT" };
        let message = format!("`{name}` needs `applyOnForward: true`");
        let (span, related) = match policy.apply_on_forward {
            Some(forward) => (forward.span, Some((special.span, "because of this"))),
            None => (special.span, None),
        };
        at(
            "applyOnForward",
            span,
            &message,
            related,
            "write it beside this: such a policy applies to forwarded traffic too",
        );
    }
    let Some(pre_dnat) = pre_dnat else { return };
    let because = Some((pre_dnat.span, "because of this"));
    if let Some(egress) = says(fields.egress) {
        let message = "a policy with `preDNAT` has no egress rules";
        at(
            "egress",
            egress.key_span,
            message,
            because,
            "nothing leaves a host before its destination is translated",
        );
    }
    for item in fields.types.map_or(&[][..], |types| types.value.items()) {
        if item.as_str() == Some("Egress") {
            let message = "a policy with `preDNAT` is not for egress";
            at("types", item.span, message, because, "write `types: [Ingress]`");
        }
    }
}
