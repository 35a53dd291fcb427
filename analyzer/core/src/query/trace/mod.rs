//! One flow: the verdict, and the rule that decided at each step.

mod tracer;
mod variant;

use std::sync::Arc;

use npv_models::decide::{Cause, Verdict};
use npv_models::policy::{Action, Direction};
use npv_models::source::Span;
use npv_models::space::{IpSet, Protocol, Traffic};

use super::name::Place;

pub use tracer::Tracer;

/// Which flows are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Where they come from.
    pub src: Place,
    /// Where they go to.
    pub dst: Place,
    /// Over what; `None` asks for everything that the two may exchange.
    pub over: Option<(Protocol, u16)>,
}

/// The answer: one part for each pair of ends that policies tell apart.
#[derive(Clone, Debug, std::default::Default, PartialEq)]
pub struct Trace {
    /// How the flow gets to the ends of the parts, where a Service or a URL was asked for; empty where the
    /// ends were.
    pub hops: Vec<Hop>,
    /// The backends at the end of a path, each once, in the order in which they are come to.
    pub backends: Vec<Backend>,
    /// The verdict on a whole path; where only ends were asked for, that of the parts.
    pub overall: Option<Overall>,
    /// Empty only where a path ends before it comes to any pod.
    pub parts: Vec<Part>,
    /// What else the reader should know, one sentence each.
    pub notes: Vec<String>,
}

/// One step on the way from a name to pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// What happens there.
    pub text: String,
    /// What makes it happen.
    pub span: Option<Span>,
    /// The way ends here.
    pub stops: bool,
}

/// Where a path to a Service or a URL ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backend {
    /// The workload, or an address.
    pub id: String,
    /// The protocol.
    pub protocol: Protocol,
    /// The port after translation; `None` where the backend has none of the name that is asked for.
    pub port: Option<u16>,
    /// Whether the flow gets there.
    pub reached: bool,
}

/// The verdict on a path with several ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overall {
    /// Every end is reached.
    Allow,
    /// No end is reached.
    Deny,
    /// Some ends are reached.
    Mixed,
}

impl Part {
    /// The verdict on all that was asked; `None` where it is not one.
    pub fn verdict(&self) -> Option<Verdict> {
        if self.possible.is_empty() {
            return Some(Verdict::Deny);
        }
        if self.allowed == self.asked {
            return Some(Verdict::Allow);
        }
        if self.allowed.is_empty() && self.possible.touched() == self.asked {
            return Some(Verdict::Unknown);
        }
        let partly = self.allowed.touched() == self.asked && self.allowed.whole().is_empty();
        partly.then_some(Verdict::Partial)
    }
}

impl Overall {
    /// `allow`, `deny` or `mixed`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Mixed => "mixed",
        }
    }
}

/// The answer for one pair of ends.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Where the flows come from.
    pub src: Party,
    /// Where they go to.
    pub dst: Party,
    /// What was asked for.
    pub asked: Traffic,
    /// What both sides allow of it for certain (S-5).
    pub allowed: Traffic,
    /// What both sides may allow of it; never less.
    pub possible: Traffic,
    /// What the source's side says; disjoint traffic, together all that was asked, what is allowed first.
    pub egress: Vec<Decided>,
    /// What the destination's side says; likewise.
    pub ingress: Vec<Decided>,
}

/// One end of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// Its name, as in `npv reach`; for addresses, the addresses.
    pub id: String,
    /// What policies see of it, for people: labels, a node, an address. Empty where there is nothing to say.
    pub seen: String,
    /// Number of pods that the answer speaks of; 0 for anything else.
    pub pods: u32,
    /// The addresses, where the end is outside the cluster.
    pub addresses: Option<IpSet>,
}

/// What one side says about some traffic, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Decided {
    /// Over what; never nothing.
    pub traffic: Traffic,
    /// Whether it is allowed.
    pub verdict: Verdict,
    /// What of it passes for certain, and what may pass: some requests of a port where the verdict is partial.
    pub certain: Traffic,
    /// As `certain`, of what may pass.
    pub possible: Traffic,
    /// The tiers that had a say, in evaluation order. Empty where none had one.
    pub steps: Vec<Step>,
    /// Why the side is allowed where no tier had a say.
    pub default: Option<Default>,
    /// Where nothing that was asked is allowed: what comes nearest to allowing it, the nearest first.
    pub near: Vec<Near>,
    /// What it depends on where the verdict is unknown.
    pub depends: Vec<Cause>,
}

/// Why a side is allowed although no tier had a say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Default {
    /// No policy selects the pod for this direction (S-3).
    NotSelected,
    /// Policies select the pod, and none of them decides: everything is allowed then (S-60).
    Undecided,
    /// Policies apply to pods, and this end is none, or is its node to the network (S-37).
    NoPod,
    /// Both ends are the same pod (S-36).
    Itself,
    /// The source is the node that the pod runs on (S-35).
    OwnNode,
}

/// What one tier had to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Which side.
    pub direction: Direction,
    /// The layer's name.
    pub layer: Arc<str>,
    /// The tier's name.
    pub tier: Arc<str>,
    /// What it decided.
    pub action: Action,
    /// The policy that decided, as `Kind/namespace/name`.
    pub object: String,
    /// The rule that decided: its name, or its path in the object. `None` where the endpoint is isolated
    /// and no rule matches.
    pub rule: Option<String>,
    /// The rule; the policy's name where no rule matches.
    pub span: Span,
    /// The entry of the rule's peers that matched.
    pub peer: Option<Span>,
    /// Other policies that isolate the endpoint too, where no rule of any of them matches.
    pub also: Vec<(String, Span)>,
    /// It decides in every cluster that the manifests allow for.
    pub certain: bool,
}

/// A rule that would allow a denied flow if something were different.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Near {
    /// Its policy, as `Kind/namespace/name`.
    pub object: String,
    /// The rule: its name, or its path in the object.
    pub rule: String,
    /// The peer that does not match, or the rule.
    pub span: Span,
    /// What would have to be different, one condition each; never empty.
    pub unmet: Vec<String>,
}
