//! The network plugin that an answer rests on, and what shows that it is this one.

use std::io::{self, Write};

use npv_models::cni::{Cni, Evidence, Plugin};
use npv_models::source::SourceMap;

use super::{Ink, Page, visible};
use crate::snapshot::Snapshot;

/// The network plugin of a snapshot.
#[derive(Clone, Copy)]
pub struct Enforcer<'a> {
    /// Which one.
    pub cni: &'a Cni,
    /// What shows it, or contradicts itself; nothing where somebody has named it.
    pub evidence: &'a [Evidence],
    /// Somebody has named it.
    pub named: bool,
}

impl<'a> Enforcer<'a> {
    /// That of a snapshot.
    pub fn of(snapshot: &'a Snapshot) -> Self {
        let detected = snapshot.detected.as_ref();
        Self {
            cni: &snapshot.cni,
            evidence: detected.map_or(&[], |detected| &detected.evidence),
            named: detected.is_none(),
        }
    }

    /// Whether there is anything to say: what the API says needs no word, unless what is installed contradicts
    /// itself.
    pub fn is_worth_a_word(self) -> bool {
        self.cni.plugin != Plugin::Upstream || !self.evidence.is_empty()
    }

    /// The line that says which plugin it is and what shows it.
    pub(super) fn write(self, sources: &SourceMap, page: &mut Page<'_>) -> io::Result<()> {
        match self.in_words(sources) {
            Some(words) => writeln!(page, "{} {}", page.ink(Ink::Faint, "network plugin:"), visible(&words)),
            None => Ok(()),
        }
    }

    /// Which plugin it is and what shows it; `None` where there is nothing to say.
    pub(super) fn in_words(self, sources: &SourceMap) -> Option<String> {
        if !self.is_worth_a_word() {
            return None;
        }
        let seen: Vec<String> = self.evidence.iter().map(|one| Self::seen(one, sources)).collect();
        let why = match seen.as_slice() {
            [] => String::new(),
            seen if self.cni.plugin == Plugin::Upstream => {
                format!(", since what is installed contradicts itself: {}", seen.join("; "))
            }
            seen => format!(": {}", seen.join("; ")),
        };
        Some(format!("{}{why}", self.cni))
    }

    /// What has been seen, and where.
    pub(super) fn seen(evidence: &Evidence, sources: &SourceMap) -> String {
        let at = sources.locate(evidence.span).map_or_else(String::new, |at| format!(" at {at}"));
        format!("{} {}{at}", evidence.object, evidence.says)
    }
}
