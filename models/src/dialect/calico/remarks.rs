//! What is to be said of policies that are as the API demands, and that do something else than they look like.

use std::net::IpAddr;

use ipnet::IpNet;

use super::host;
use super::select::{Of, Scope, Thing};
use super::world::{Known, World};
use crate::cluster::Cluster;
use crate::cni::{Cni, Plugin};
use crate::diagnostic::{Finding, Severity};
use crate::k8s::{
    CalicoAction, CalicoEntity, CalicoPolicy, Expression, Policy, Spanned, StagedAction,
    StagedKubernetesPolicy,
};
use crate::policy::Direction;
use crate::source::Span;
use crate::space::{Family, Labels, Truth};

/// How many names a message tells.
const NAMED: usize = 3;

pub(super) fn remarks(policies: &[Policy], cluster: &Cluster, cni: &Cni) -> Vec<Finding> {
    let mut findings = Vec::new();
    match cni.plugin {
        Plugin::Calico => {}
        Plugin::Upstream => return policies.iter().filter_map(undecided).collect(),
        // That others do not enforce them is said elsewhere.
        _ => return findings,
    }
    let world = World::new(cluster, cni);
    let families = families(cluster);
    for policy in policies {
        match policy {
            Policy::Calico(policy) => {
                let remarks = Remarks { world: &world, families: &families, policy, findings: &mut findings };
                remarks.policy();
            }
            Policy::StagedKubernetes(policy) => findings.push(staged_of_kubernetes(policy)),
            _ => {}
        }
    }
    findings
}

/// That nobody knows what a policy does: it is Calico's, and what enforces it is said to be nothing in particular.
fn undecided(policy: &Policy) -> Option<Finding> {
    let Policy::Calico(policy) = policy else { return None };
    if policy.staged.is_some() {
        return None;
    }
    let object = object(policy);
    let message = format!("`{object}` is of Calico's API, and the network plugin is not known to be Calico");
    let finding = Finding::new("unsupported-policy", Severity::Error, policy.meta.name.span, message)
        .label("what it does depends on that")
        .object(object)
        .key("calico")
        .help("if it is, say so: `--cni calico`, or `cni: calico` in `npv.yaml`; if it is not, leave these policies out");
    Some(finding.incomplete())
}

/// `Kind/namespace/name`.
fn object(policy: &CalicoPolicy) -> String {
    let (kind, name) = (policy.kind.name(), &policy.meta.name.value);
    match &*policy.meta.namespace {
        "" => format!("{kind}/{name}"),
        namespace => format!("{kind}/{namespace}/{name}"),
    }
}

/// The families of the addresses that the manifests show.
fn families(cluster: &Cluster) -> Vec<Family> {
    let pods = cluster.groups.iter().flat_map(|group| &group.members).flat_map(|member| &*member.addresses);
    let nodes = cluster.nodes.iter().flat_map(|node| &node.addresses);
    let services = cluster.services.iter().flat_map(|service| &service.cluster_ips);
    let addresses: Vec<_> = pods.chain(nodes).chain(services).map(IpAddr::is_ipv4).collect();
    let mut shown: Vec<Family> =
        Family::ALL.into_iter().filter(|family| addresses.contains(&(*family == Family::V4))).collect();
    if shown.is_empty() {
        shown.push(Family::V4);
    }
    shown
}

/// That a policy is not enforced.
fn staged(object: &str, action: StagedAction, span: Span) -> Finding {
    let would = match action {
        StagedAction::Set => "nothing enforces it before somebody commits it",
        StagedAction::Delete => "the policy of its name is enforced until somebody commits this",
        StagedAction::Learn | StagedAction::Ignore => {
            "nothing would become of it either when it is committed"
        }
    };
    let finding =
        Finding::new("staged-policy", Severity::Note, span, format!("`{object}` is staged: {would}"))
            .label("not enforced")
            .object(object)
            .key("staged");
    match action {
        StagedAction::Set | StagedAction::Delete => {
            finding.help("`npv diff --staged` shows what opens and what closes when it is")
        }
        StagedAction::Learn | StagedAction::Ignore => finding,
    }
}

fn staged_of_kubernetes(policy: &StagedKubernetesPolicy) -> Finding {
    let meta = &policy.policy.meta;
    let object = format!("StagedKubernetesNetworkPolicy/{}/{}", meta.namespace, meta.name.value);
    staged(&object, policy.action, meta.name.span)
}

/// Names in a sentence.
fn names(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(NAMED).map(|name| format!("`{name}`")).collect();
    match (shown.split_last(), names.len().saturating_sub(NAMED)) {
        (_, more @ 1..) => format!("{} and {more} more", shown.join(", ")),
        (Some((last, [])), _) => last.clone(),
        (Some((last, rest)), _) => format!("{} and {last}", rest.join(", ")),
        (None, _) => String::new(),
    }
}

/// Whether a selector means what lacks a label, and so everything that has none.
fn is_negative(of: Of, selector: &Expression) -> bool {
    let nothing = Thing { namespace: None, labels: &Labels::NONE };
    let asks = selector.any(&|part| matches!(part, Expression::Label { .. }));
    asks && !selector.any(&|part| *part == Expression::Global) && nothing.is(of, selector) == Truth::Yes
}

struct Remarks<'a> {
    world: &'a World<'a>,
    families: &'a [Family],
    policy: &'a CalicoPolicy,
    findings: &'a mut Vec<Finding>,
}

impl Remarks<'_> {
    fn object(&self) -> String {
        object(self.policy)
    }

    fn say(&mut self, finding: Finding) {
        let object = self.object();
        self.findings.push(finding.object(object));
    }

    fn policy(mut self) {
        let policy = self.policy;
        if let Some(action) = policy.staged {
            self.findings.push(staged(&self.object(), action, policy.meta.name.span));
            return;
        }
        self.subject();
        for direction in Direction::ALL {
            if !policy.speaks_of(direction) {
                continue;
            }
            let rules = policy.rules(direction).map_or(&[][..], |rules| &rules.value);
            for (index, rule) in rules.iter().enumerate() {
                for (side, entity) in [("source", &rule.source), ("destination", &rule.destination)] {
                    let path = format!("{direction}[{index}].{side}");
                    self.services(&path, entity);
                    self.other_family(&path, entity, rule.family);
                    if rule.action == CalicoAction::Allow {
                        self.negation(&path, entity);
                    }
                }
            }
        }
    }

    /// Hosts among those that a policy applies to.
    fn subject(&mut self) {
        let policy = self.policy;
        if !policy.kind.is_global() {
            return;
        }
        let met: Vec<(String, Span)> = host::met(self.world, policy)
            .map(|endpoint| (format!("HostEndpoint/{}", endpoint.meta.name.value), endpoint.meta.name.span))
            .collect();
        let all: Vec<String> = met.iter().map(|(name, _)| name.clone()).collect();
        if policy.is_for_hosts_only() {
            let flag = policy.do_not_track.filter(|flag| flag.value);
            let (field, at) = match (flag, policy.pre_dnat) {
                (Some(flag), _) => ("doNotTrack", flag.span),
                (None, Some(flag)) => ("preDNAT", flag.span),
                (None, None) => return,
            };
            let who = if all.is_empty() {
                "no manifest shows a HostEndpoint that it selects".to_owned()
            } else {
                format!("only {} meets it", names(&all))
            };
            let message = format!("no pod meets `{}`, because of `{field}`: {who}", self.object());
            let finding = Finding::new("policy-for-hosts-only", Severity::Note, at, message)
                .label("for hosts only")
                .key("subject")
                .help("what is to hold for pods stands in a policy without it");
            self.say(finding);
            return;
        }
        let Some(((first, place), selector)) = met.first().zip(self.negative(policy)) else { return };
        let message = format!(
            "`{}` also applies to {}, which lacks the labels: `{}` is true of what has none",
            self.object(),
            names(&all),
            selector.value
        );
        let finding = Finding::new("negation-reaches-hosts", Severity::Warning, selector.span, message)
            .label("true of hosts, too")
            .related(*place, format!("`{first}` has no such label"))
            .key("subject")
            .help("add `has(projectcalico.org/namespace) && ` to the `selector` if pods alone are meant");
        self.say(finding);
    }

    /// The selector of a policy by which it applies to what lacks labels.
    fn negative<'p>(&self, policy: &'p CalicoPolicy) -> Option<&'p Spanned<Expression>> {
        let of = |of, selector: &'p Option<Spanned<Expression>>| {
            selector.as_ref().filter(|selector| is_negative(of, &selector.value))
        };
        of(Of::Namespaces, &policy.namespace_selector).or_else(|| of(Of::Endpoints, &policy.selector))
    }

    /// C-48: the policy's own namespace is not assumed.
    fn services(&mut self, path: &str, entity: &CalicoEntity) {
        let Some(services) = entity.services.as_ref().filter(|services| services.value.namespace.is_empty())
        else {
            return;
        };
        let (name, own) = (&services.value.name, &self.policy.meta.namespace);
        let message = format!("Service `{name}` without a namespace is none: the rule matches nothing");
        let finding = Finding::new("service-without-namespace", Severity::Warning, services.span, message)
            .label("in no namespace")
            .key(format!("{path} {name}"));
        let finding = if own.is_empty() {
            finding.help("write the `namespace` of the Service beside its name")
        } else {
            finding.help(format!(
                "write its `namespace` beside the name, such as `namespace: {own}`: the policy's own is not assumed"
            ))
        };
        self.say(finding);
    }

    /// C-55: exceptions of one family alone leave the other one out.
    fn other_family(&mut self, path: &str, entity: &CalicoEntity, family: Option<Family>) {
        let of = |net: &Spanned<IpNet>| if net.value.addr().is_ipv4() { Family::V4 } else { Family::V6 };
        let Some(first) = entity.not_nets.first() else { return };
        let excepted = of(first);
        if entity.not_nets.iter().any(|net| of(net) != excepted) {
            return;
        }
        let mentions =
            |family: Family| entity.nets.is_empty() || entity.nets.iter().any(|net| of(net) == family);
        let left_out = Family::ALL.into_iter().find(|other| {
            *other != excepted
                && self.families.contains(other)
                && mentions(*other)
                && family.is_none_or(|family| family == *other)
        });
        let Some(left_out) = left_out else { return };
        let name = |family: Family| match family {
            Family::V4 => "IPv4",
            Family::V6 => "IPv6",
        };
        let message = format!(
            "the rule matches no {}: all of `notNets` are {}, and a rule with these does not exist for the other family",
            name(left_out),
            name(excepted)
        );
        let finding = Finding::new("not-nets-of-other-family", Severity::Warning, first.span, message)
            .label(format!("makes this a rule for {} alone", name(excepted)))
            .key(format!("{path} {}", first.value))
            .help(format!(
                "write a rule of its own for {}, without `notNets` or with such as it needs",
                name(left_out)
            ));
        self.say(finding);
    }

    /// C-41, C-44: what lacks the label matches, whatever it is.
    fn negation(&mut self, path: &str, entity: &CalicoEntity) {
        let of = |of, selector: &'_ Option<Spanned<Expression>>| {
            selector.clone().filter(|selector| is_negative(of, &selector.value))
        };
        let by_namespace = of(Of::Namespaces, &entity.namespace_selector);
        let by_label = || of(Of::Endpoints, &entity.selector).filter(|_| entity.namespace_selector.is_none());
        let Some(selector) = by_namespace.or_else(by_label) else { return };
        let own = &*self.policy.meta.namespace;
        let scope = Scope {
            own: Some(own).filter(|own| !own.is_empty() && entity.namespace_selector.is_none()),
            namespaces: entity.namespace_selector.as_ref().map(|selector| &selector.value),
            accounts: entity.service_accounts.as_ref().map(|accounts| &accounts.value),
            endpoints: entity.selector.as_ref().map(|selector| &selector.value),
            without: entity.not_selector.as_ref().map(|selector| &selector.value),
        };
        let reached: Vec<&Known<'_>> = self.world.outside_of_namespaces(&scope).collect();
        let Some(first) = reached.first() else { return };
        let all: Vec<String> = reached.iter().map(|thing| thing.name()).collect();
        let message = format!(
            "`{}` lets in {}, which lacks the label: `{}` is true of what has none",
            self.object(),
            names(&all),
            selector.value
        );
        let finding = Finding::new("negation-reaches-hosts", Severity::Warning, selector.span, message)
            .label("true of what is in no namespace, too")
            .related(first.span(), format!("`{}` has no such label", first.name()))
            .key(format!("{path} {}", selector.value))
            .help(if entity.namespace_selector.is_some() {
                "add `has(projectcalico.org/name) && ` to mean what is in a namespace"
            } else {
                "add `has(projectcalico.org/namespace) && ` to mean what is in a namespace"
            });
        self.say(finding);
    }
}
