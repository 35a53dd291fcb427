//! Questions about one flow, in few words.

use npv_models::decide::{Decision, End, Flow, Verdict, decide};
use npv_models::policy::{PolicySet, Profile};
use npv_models::space::Protocol;

pub(crate) use npv_worlds::words::{OwnNode as Node, *};

/// Who is asked about: TCP 80 with the upstream profile unless said otherwise.
pub(crate) fn ask<'p>(policies: &'p PolicySet, src: End<'_>, dst: End<'_>) -> Decision<'p> {
    ask_port(policies, src, dst, Protocol::Tcp, 80)
}

pub(crate) fn ask_port<'p>(
    policies: &'p PolicySet,
    src: End<'_>,
    dst: End<'_>,
    protocol: Protocol,
    port: u16,
) -> Decision<'p> {
    decide(policies, Profile::default(), &Flow { src, dst, protocol, port })
}

/// The name of the verdict.
pub(crate) fn verdict(policies: &PolicySet, src: End<'_>, dst: End<'_>) -> &'static str {
    ask(policies, src, dst).verdict().name()
}

pub(crate) fn allowed(policies: &PolicySet, src: End<'_>, dst: End<'_>) -> bool {
    ask(policies, src, dst).verdict() == Verdict::Allow
}

pub(crate) fn allowed_port(
    policies: &PolicySet,
    src: End<'_>,
    dst: End<'_>,
    protocol: Protocol,
    port: u16,
) -> bool {
    ask_port(policies, src, dst, protocol, port).verdict() == Verdict::Allow
}

pub(crate) fn allowed_with(profile: Profile, policies: &PolicySet, src: End<'_>, dst: End<'_>) -> bool {
    decide(policies, profile, &Flow { src, dst, protocol: Protocol::Tcp, port: 80 }).verdict()
        == Verdict::Allow
}
