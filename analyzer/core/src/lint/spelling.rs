//! What the manifests of each API call the parts of a policy.

use npv_models::policy::{Direction, ObjectRef};
use npv_models::source::{SourceMap, Span};

use super::text;

/// The words of one API.
#[derive(Debug)]
pub(super) struct Spelling {
    /// The list of the directions that a policy speaks of.
    pub(super) types: &'static str,
    /// The selector of the pods that it applies to.
    pub(super) subject: &'static str,
    /// The selector of pods in a peer.
    pub(super) pods: &'static str,
    /// What takes addresses out of blocks, and in a sentence.
    pub(super) except: &'static str,
    pub(super) an_except: &'static str,
    /// Blocks of addresses, and in a sentence.
    pub(super) block: &'static str,
    pub(super) a_block: &'static str,
    /// What holds the peers, for connections to the subject and from it.
    peers: [&'static str; 2],
    /// The peers of a rule are the entries of a list, and not one that is described by all of its fields.
    pub(super) listed: bool,
}

/// That of Kubernetes, for all APIs that say it likewise.
static KUBERNETES: Spelling = Spelling {
    types: "policyTypes",
    subject: "podSelector",
    pods: "podSelector",
    except: "except",
    an_except: "an `except`",
    block: "ipBlock",
    a_block: "an `ipBlock`",
    peers: ["from", "to"],
    listed: true,
};

static CALICO: Spelling = Spelling {
    types: "types",
    subject: "selector",
    pods: "selector",
    except: "notNets",
    an_except: "`notNets`",
    block: "nets",
    a_block: "`nets`",
    peers: ["source", "destination"],
    listed: false,
};

impl Spelling {
    /// That of an object.
    pub(super) fn of(object: &ObjectRef) -> &'static Self {
        if is_of_calico(object) { &CALICO } else { &KUBERNETES }
    }

    /// The field of a rule that says who is at the other end.
    pub(super) const fn peers(&self, direction: Direction) -> &'static str {
        let [source, destination] = self.peers;
        match direction {
            Direction::Ingress => source,
            Direction::Egress => destination,
        }
    }

    /// Who is at the other end, in a sentence: an entry of that field, or what the field describes.
    pub(super) fn peer(&self, direction: Direction) -> String {
        let field = self.peers(direction);
        if self.listed { format!("an entry of `{field}`") } else { format!("the `{field}` of a rule") }
    }

    /// The port of an entry of `ports`, by number or by name: in a field, or all of it.
    pub(super) fn port(&self, sources: &SourceMap, item: Span) -> Option<Span> {
        if self.listed { text::value(sources, item, "port") } else { Some(item) }
    }

    /// Where a peer asks for a label in one of its selectors.
    pub(super) fn label(&self, sources: &SourceMap, peer: Span, selector: &str, key: &str) -> Option<Span> {
        if self.listed {
            text::label(sources, peer, selector, key)
        } else {
            // Selectors are expressions.
            text::words(sources, peer, key).next()
        }
    }
}

/// Whether an object is of Calico's API.
pub(super) fn is_of_calico(object: &ObjectRef) -> bool {
    object.group == "projectcalico.org"
}

/// Whether what stands for a policy is one: hosts and what configures them have rules too.
pub(super) fn is_policy(object: &ObjectRef) -> bool {
    !is_of_calico(object) || object.kind.ends_with("Policy")
}
