//! What a map shows of an answer: its ends by the names that people use, and what passes between them in few letters.

use std::collections::BTreeMap;

use npv_map::{End, EndKind, Line, Link, Scene, Style};
use npv_models::space::{Protocol, Traffic};
use rustc_hash::FxHashMap;

use super::visible::visible;
use crate::query::reach::{Party, PartyKind};
use crate::query::text;

/// What people call an end of connections, and what stands below that.
pub(super) fn called(party: &Party) -> (String, String) {
    match &party.kind {
        PartyKind::Workload { namespace, name, kind } => {
            let whole = party.id == format!("{namespace}/{name}[{kind}]");
            let own = party.id.get(namespace.len() + 1..).unwrap_or(&party.id);
            (if whole { name.clone() } else { own.to_owned() }, kind.clone())
        }
        PartyKind::Namespace => (party.id.clone(), "namespace".to_owned()),
        PartyKind::Node => (party.id.clone(), "nodes".to_owned()),
        PartyKind::External(addresses) => {
            let (name, note) = text::spoken(addresses);
            (name, note.to_owned())
        }
        PartyKind::Assumed => (party.id.clone(), "assumed".to_owned()),
    }
}

/// At most about so many letters for a narrow place: `8080`, `53/udp`, `80,443 +2`.
pub(super) fn short(traffic: &Traffic, most: usize) -> String {
    if traffic.is_all() {
        return "all".to_owned();
    }
    let mut items: Vec<String> = Vec::new();
    for protocol in Protocol::ALL {
        let name = protocol.to_string().to_lowercase();
        let suffix = if protocol == Protocol::Tcp { String::new() } else { format!("/{name}") };
        match traffic.ports(protocol).intervals() {
            [(1, u16::MAX)] => items.push(name),
            ranges => items.extend(ranges.iter().map(|(first, last)| {
                if first == last { format!("{first}{suffix}") } else { format!("{first}-{last}{suffix}") }
            })),
        }
    }
    let count = items.len();
    let mut shown = String::new();
    for (index, item) in items.into_iter().enumerate() {
        let next = if shown.is_empty() { item } else { format!("{shown},{item}") };
        let left = count - index - 1;
        let more = if left > 0 { format!(" +{left}") } else { String::new() };
        if index > 0 && next.len() + more.len() > most {
            return format!("{shown} +{}", count - index);
        }
        shown = next;
    }
    shown
}

/// The letters that the ports of a line may take.
pub(super) const PORTS: usize = 16;

/// A scene that is being filled.
pub(super) struct Sketch {
    pub(super) scene: Scene,
    groups: BTreeMap<String, u32>,
    styles: FxHashMap<(Traffic, Line, &'static str), u32>,
    strangers: BTreeMap<String, u32>,
}

impl Sketch {
    /// The ends of an answer. Pods are drawn although nothing leads to them, where that is asked for.
    pub(super) fn of<'p>(parties: impl IntoIterator<Item = &'p Party>, listed: bool) -> Self {
        let mut sketch = Self {
            scene: Scene::default(),
            groups: BTreeMap::new(),
            styles: FxHashMap::default(),
            strangers: BTreeMap::new(),
        };
        for party in parties {
            let (label, note) = called(party);
            let (kind, namespace) = match &party.kind {
                PartyKind::Workload { namespace, .. } => (EndKind::Pods, Some(&**namespace)),
                PartyKind::External(_) => (EndKind::Outside, None),
                _ => (EndKind::Other, None),
            };
            sketch.end(kind, namespace, &label, &note, listed && kind == EndKind::Pods);
        }
        sketch
    }

    /// Another end; returns its number.
    pub(super) fn end(
        &mut self,
        kind: EndKind,
        namespace: Option<&str>,
        label: &str,
        note: &str,
        listed: bool,
    ) -> u32 {
        let group = namespace.map(|namespace| {
            let next = self.scene.groups.len() as u32;
            let group = *self.groups.entry(namespace.to_owned()).or_insert(next);
            if group == next {
                self.scene.groups.push(visible(namespace).into_owned());
            }
            group
        });
        let (label, note) = (visible(label).into_owned(), visible(note).into_owned());
        self.scene.ends.push(End { kind, group, label, note, listed });
        self.scene.ends.len() as u32 - 1
    }

    /// Somebody that is no end of the answer, by name.
    pub(super) fn stranger(&mut self, name: &str) -> u32 {
        if let Some(known) = self.strangers.get(name) {
            return *known;
        }
        let end = self.end(EndKind::Other, None, name, "not in the answer", false);
        self.strangers.insert(name.to_owned(), end);
        end
    }

    /// A line between two ends; a sign stands before its ports.
    pub(super) fn link(&mut self, src: u32, dst: u32, traffic: &Traffic, line: Line, sign: &'static str) {
        let next = self.scene.styles.len() as u32;
        let style = *self.styles.entry((traffic.clone(), line, sign)).or_insert(next);
        if style == next {
            let label = format!("{sign}{}", short(traffic, PORTS));
            self.scene.styles.push(Style { label, all: traffic.is_all(), line });
        }
        self.scene.links.push(Link { src, dst, style });
    }
}

#[cfg(test)]
mod tests {
    use npv_models::space::PortSet;

    use super::*;

    #[test]
    fn ports_in_few_letters() {
        let of = |protocol, ports: &[(u16, u16)]| {
            Traffic::of(protocol, PortSet::from_intervals(ports.iter().copied()))
        };
        assert_eq!(short(&Traffic::all(), 9), "all");
        assert_eq!(short(&of(Protocol::Udp, &[(53, 53)]), 9), "53/udp");
        assert_eq!(short(&of(Protocol::Tcp, &[(1, u16::MAX)]), 9), "tcp");
        assert_eq!(short(&of(Protocol::Tcp, &[(80, 80), (443, 443), (8080, 8090)]), 9), "80,443 +1");
    }
}
