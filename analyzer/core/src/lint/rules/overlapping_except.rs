//! `overlapping-except`.

use std::collections::BTreeSet;

use ipnet::IpNet;
use npv_models::diagnostic::{Finding, Severity};
use npv_models::policy::{Direction, PeerMatch, Peers};
use npv_models::source::Span;
use npv_symbolic::lint::{Fact, Facts};

use crate::lint::exposed::private;
use crate::lint::proofs::{self, Subject};
use crate::lint::rule::lint_rule;
use crate::lint::spelling::Spelling;
use crate::lint::{Check, Context, text};

lint_rule! {
    /// Addresses that an `except` takes out are let in by another entry or rule on the same ports.
    ///
    /// ## What it finds
    ///
    /// An `except` of an `ipBlock`, and another entry or another rule for the same pods that allows some of
    /// these addresses on all of the ports which the first rule speaks of. Where another rule admits the whole of a
    /// private block that is taken out of a wider one, somebody has thought of both: one note.
    ///
    /// ## Why it matters
    ///
    /// An `except` forbids nothing: it only makes its own block smaller. What any other rule allows is
    /// allowed, so that the exception protects from nobody.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: staff, namespace: vpn}
    /// spec:
    ///   podSelector: {matchLabels: {app: gateway}}
    ///   ingress:
    ///     - from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.66.0.0/16]}}]
    ///       ports: [{port: 8443}]
    ///     - from: [{ipBlock: {cidr: 10.66.1.0/24}}]
    ///       ports: [{port: 8000, endPort: 9000}]
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Take the addresses out of the other rule as well, or drop the `except`.
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: staff, namespace: vpn}
    /// spec:
    ///   podSelector: {matchLabels: {app: gateway}}
    ///   ingress:
    ///     - from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.66.0.0/16]}}]
    ///       ports: [{port: 8443}]
    ///     - from: [{ipBlock: {cidr: 10.66.1.0/24}}]
    ///       ports: [{port: 9000}]
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// Where the other rule allows only some of the ports, and where no pod that the manifests show is subject
    /// to both rules and their selectors do not say so either. For entries that name pods: their addresses are not
    /// written anywhere.
    pub(in crate::lint) static OVERLAPPING_EXCEPT = {
        name: "overlapping-except",
        category: Conflict,
        severity: Warning,
        check: Check::Proof(check),
    };
}

fn check(context: &Context<'_>, facts: &Facts, findings: &mut Vec<Finding>) {
    // What another rule admits of private addresses on purpose, by the two rules.
    let mut on_purpose: BTreeSet<(String, String)> = BTreeSet::new();
    for fact in &facts.facts {
        let Fact::OverlappingExcept { rule, peer, except, admitted_by, admitting_peer, addresses, world } =
            fact
        else {
            continue;
        };
        let (Some(subject), Some(admitting)) =
            (Subject::of(context, *rule), Subject::of(context, *admitted_by))
        else {
            continue;
        };
        let Peers::Listed(peers) = &subject.rule.peers else { continue };
        let Some(block) = peers.get(*peer) else { continue };
        let PeerMatch::Block { except: holes, .. } = &block.matches else { continue };
        let Some(hole) = holes.get(*except) else { continue };
        let listed = admitting_peer.and_then(|index| match &admitting.rule.peers {
            Peers::Listed(peers) => peers.get(index),
            Peers::Anyone => None,
        });
        let there = listed.map_or(admitting.rule.provenance.span, |peer| peer.provenance.span);
        // Who takes the private ranges out of the world and admits one of them as a whole by another rule means it.
        let meant = listed.is_some_and(|peer| match &peer.matches {
            PeerMatch::Block { cidr, .. } => is_whole_and_private(*hole, *cidr),
            _ => false,
        });
        let Spelling { except: word, an_except, .. } = Spelling::of(&subject.policy.object);
        let pair = (subject.policy.object.to_string(), admitting.full_name());
        if meant && !on_purpose.insert(pair) {
            continue;
        }
        let allows = match rule.direction {
            Direction::Ingress => "admits",
            Direction::Egress => "allows",
        };
        let what = format!(
            "the `{word}` `{hole}` of `{}` closes nothing to {}: {} {allows} that on the same ports",
            subject.policy.object,
            proofs::addresses(addresses),
            admitting.name_seen_from(subject.policy),
        );
        let finding = proofs::of_world(
            &OVERLAPPING_EXCEPT,
            *world,
            item(context, block.provenance.span, *except, word),
            &what,
        )
        .label("takes nothing away from the other rule")
        .object(subject.policy.object.to_string())
        .related(there, format!("{allows} these addresses"))
        .key(format!("{} {hole}", subject.key()));
        findings.push(if meant {
            let finding = finding
                .help(format!("{an_except} limits its own block only; if both are meant, nothing is wrong"));
            Finding { severity: Severity::Note, ..finding }
        } else {
            finding.help(format!(
                "{an_except} limits its own block only: take the addresses out of the other rule too"
            ))
        });
    }
}

/// Whether an exception is of private addresses and another rule admits all of it.
fn is_whole_and_private(hole: IpNet, admitted: IpNet) -> bool {
    admitted.contains(&hole) && private().any(|range| range.contains(&hole))
}

/// Where an entry of `except` stands; the whole block where that cannot be found.
fn item(context: &Context<'_>, block: Span, index: usize, word: &str) -> Span {
    let sources = context.sources();
    let found = text::key(sources, block, word).and_then(|key| {
        let rest = Span::new(block.source, key.end, block.end);
        let (start, len) = blocks(sources.slice(rest)).nth(index)?;
        let start = rest.start + start as u32;
        Some(Span::new(rest.source, start, start + len as u32))
    });
    found.unwrap_or(block)
}

/// Offset and length of everything that looks like a block of addresses and stands in no comment.
fn blocks(text: &str) -> impl Iterator<Item = (usize, usize)> + '_ {
    let lines = text.split_inclusive('\n').scan(0, |next, line| {
        let start = *next;
        *next += line.len();
        Some((start, line.split(" #").next().unwrap_or_default()))
    });
    let part_of_block = |char: char| char.is_ascii_hexdigit() || matches!(char, ':' | '.' | '/');
    lines.flat_map(move |(start, line)| {
        let words = line.split(move |char| !part_of_block(char));
        words.filter(|word| word.contains('/')).map(move |word| {
            let offset = word.as_ptr() as usize - line.as_ptr() as usize;
            (start + offset, word.len())
        })
    })
}
