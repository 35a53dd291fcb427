//! `cloud-metadata-reachable`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use npv_models::diagnostic::{Applicability, Edit, Finding, Fix};
use npv_models::policy::{Action, Direction, Peer, PeerMatch};
use npv_models::source::Span;
use npv_models::space::Protocol;

use crate::engine::EndpointKind;
use crate::lint::context::PlacedRule;
use crate::lint::rule::lint_rule;
use crate::lint::spelling::is_of_calico;
use crate::lint::traffic::toward;
use crate::lint::words::{self, Names};
use crate::lint::{Check, Context, text};

lint_rule! {
    /// A block of addresses that opens the cloud's metadata service to pods.
    ///
    /// ## What it finds
    ///
    /// An egress rule that admits TCP 80 to an `ipBlock` which contains 169.254.169.254 or fd00:ec2::254 among others, while no
    /// `except` takes it out and pods can really send it something.
    ///
    /// ## Why it matters
    ///
    /// On most clouds that address hands out the credentials of the machine to whoever asks over HTTP. A pod that can be made to
    /// fetch a URL is enough to get them. Blocks such as 0.0.0.0/0 open it along with the internet, and hardly
    /// ever on purpose.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: v1
    /// kind: Pod
    /// metadata: {name: web, namespace: shop, labels: {app: web}}
    /// spec: {containers: [{name: web}]}
    /// ---
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: web, namespace: shop}
    /// spec:
    ///   podSelector: {matchLabels: {app: web}}
    ///   policyTypes: [Egress]
    ///   egress:
    ///     - to: [{ipBlock: {cidr: 0.0.0.0/0}}]
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Take the address out of the block, or admit the ports that are needed and not 80.
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: web, namespace: shop}
    /// spec:
    ///   podSelector: {matchLabels: {app: web}}
    ///   policyTypes: [Egress]
    ///   egress:
    ///     - to: [{ipBlock: {cidr: 0.0.0.0/0, except: [169.254.169.254/32]}}]
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// On a block that is this one address, which is meant. On a rule without `to`, which opens everything and
    /// hides nothing. On pods that no policy isolates for egress, and where a policy of an earlier tier denies the address.
    pub(in crate::lint) static CLOUD_METADATA_REACHABLE = {
        name: "cloud-metadata-reachable",
        category: Exposure,
        severity: Note,
        check: Check::Snapshot(check),
    };
}

/// Where the clouds serve metadata: most of them, and AWS over IPv6.
const ADDRESSES: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
];

const PORT: u16 = 80;

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for placed in context.rules() {
        if placed.direction != Direction::Egress
            || placed.rule.action != Action::Allow
            || !toward(&placed.rule.ports, None).touches(Protocol::Tcp, PORT)
        {
            continue;
        }
        for peer in placed.peers() {
            let PeerMatch::Block { cidr, except } = &peer.matches else { continue };
            let opened = ADDRESSES.iter().find(|address| {
                cidr.contains(*address)
                    && cidr.prefix_len() < cidr.max_prefix_len()
                    && !except.iter().any(|hole| hole.contains(*address))
            });
            if let Some(&address) = opened {
                findings.extend(finding(context, placed, peer, (cidr, except), address));
            }
        }
    }
}

fn finding(
    context: &Context<'_>,
    placed: PlacedRule<'_>,
    peer: &Peer,
    (cidr, except): (&IpNet, &[IpNet]),
    address: IpAddr,
) -> Option<Finding> {
    let there: Vec<_> = context
        .outside()
        .filter(|(_, end)| matches!(&end.kind, EndpointKind::External(set) if set.contains(address)))
        .map(|(id, _)| id)
        .collect();
    let reaches = |own| {
        there.iter().any(|&id| {
            let side = context.engine.side(own, id, Direction::Egress);
            context.engine.traffic(side).touches(Protocol::Tcp, PORT)
        })
    };
    let groups = context.selected(placed.at.tier, &placed.at.policy.subject)?.pods.iter();
    let groups: Vec<_> =
        groups.filter(|group| context.endpoints_of(*group).iter().any(|&own| reaches(own))).collect();
    if groups.is_empty() {
        return None;
    }
    let names = words::some(context.cluster().endpoint_names(groups.iter().copied()), 3);
    let object = placed.at.policy.object.to_string();
    let value = text::value(context.sources(), peer.provenance.span, "cidr");
    let hole = IpNet::from(address);
    let message = format!(
        "`{object}` opens the cloud's metadata service at {address} to {names}: `{cidr}` contains it"
    );
    let finding = CLOUD_METADATA_REACHABLE
        .finding(value.unwrap_or(peer.provenance.span), message)
        .label("contains the metadata service")
        .object(object)
        .key(cidr.to_string());
    let object = &placed.at.policy.object;
    if is_of_calico(object) {
        return Some(finding.help(format!(
            "deny `{hole}` in a rule that is asked before this one, or write `notNets` beside `nets`"
        )));
    }
    if object.kind != "NetworkPolicy" {
        // Nothing else has exceptions, and the order says which rule decides.
        return Some(finding.help(format!("deny `{hole}` in a rule that is asked before this one")));
    }
    let edit =
        if except.is_empty() { add_except(context, peer, hole) } else { append_except(context, peer, hole) };
    let edits: Vec<Edit> = edit.into_iter().collect();
    Some(finding.fix(Fix {
        description: format!("add `{hole}` to the `except` of the block"),
        applicability: if edits.is_empty() { Applicability::DisplayOnly } else { Applicability::Unsafe },
        edits,
        example: None,
    }))
}

/// The edit that gives a block without exceptions this one.
fn add_except(context: &Context<'_>, peer: &Peer, hole: IpNet) -> Option<Edit> {
    let (sources, span) = (context.sources(), peer.provenance.span);
    // An empty list that is there already would be a second one.
    if text::key(sources, span, "except").is_some() {
        return None;
    }
    let list = if hole.addr().is_ipv6() { format!("[\"{hole}\"]") } else { format!("[{hole}]") };
    let edit = text::insert_after(sources, span, "cidr", "except", &list)?;
    // In JSON it would be a text and not a list.
    (!edit.replacement.contains("\"except\"")).then_some(edit)
}

/// The edit that adds an exception to those that a block has.
fn append_except(context: &Context<'_>, peer: &Peer, hole: IpNet) -> Option<Edit> {
    let (sources, span) = (context.sources(), peer.provenance.span);
    let key = text::key(sources, span, "except")?;
    let after = Span::new(span.source, key.end, span.end);
    let rest = sources.slice(after);
    let (open, end) = match rest.find('[') {
        Some(open) => (open, rest.find(']')? + 1),
        // A block list that ends with the peer.
        None => {
            (rest.find("- ").filter(|_| text::key(sources, after, "cidr").is_none())?, rest.trim_end().len())
        }
    };
    let list = Span::new(span.source, key.end + open as u32, key.end + end as u32);
    let item = if hole.addr().is_ipv6() { format!("\"{hole}\"") } else { hole.to_string() };
    text::append(sources, list, &item)
}
