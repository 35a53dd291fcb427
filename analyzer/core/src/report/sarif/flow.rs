//! A flow as a code flow: past everybody who has a say in it.

use npv_models::decide::Verdict;
use npv_models::policy::Direction;
use npv_models::space::Traffic;

use super::log::{CodeFlow, Location, ThreadFlow, ThreadFlowLocation};
use super::message;
use super::place::{Files, logical};
use crate::query::trace::{Decided, Hop, Part, Step};
use crate::report::reason::{explain, said};

/// What the two sides say of some traffic of a part, on which they say it all over.
pub(super) struct Case<'a> {
    pub(super) part: &'a Part,
    /// What both say it of; never nothing.
    pub(super) traffic: Traffic,
    pub(super) egress: &'a Decided,
    pub(super) ingress: &'a Decided,
}

impl<'a> Case<'a> {
    /// The cases of a part, which together are all that was asked of it.
    pub(super) fn of(part: &'a Part) -> impl Iterator<Item = Self> {
        part.egress.iter().flat_map(move |egress| {
            part.ingress.iter().filter_map(move |ingress| {
                let traffic = egress.traffic.intersection(&ingress.traffic);
                (!traffic.is_empty()).then_some(Self { part, traffic, egress, ingress })
            })
        })
    }

    pub(super) fn allowed(&self) -> bool {
        [self.egress, self.ingress].iter().all(|decided| decided.verdict == Verdict::Allow)
    }

    /// `shop/web[Deployment] -> shop/api[Deployment] on TCP 9000`.
    pub(super) fn text(&self) -> String {
        let (src, dst) = (&self.part.src.id, &self.part.dst.id);
        if self.traffic.is_all() {
            format!("{src} -> {dst}")
        } else {
            format!("{src} -> {dst} on {}", self.traffic)
        }
    }

    /// What decides: the side that denies, where one does.
    pub(super) fn decisive(&self) -> Option<&'a Step> {
        if self.egress.verdict == Verdict::Deny {
            return self.egress.steps.last();
        }
        self.ingress.steps.last().or_else(|| self.egress.steps.last())
    }

    /// The way of the flow, from the name that was asked for to the end.
    fn locations(&self, hops: &[Hop], files: Files<'_>) -> Vec<ThreadFlowLocation> {
        let mut locations = way(hops, files);
        let decisive = self.decisive();
        let sides = [
            (Direction::Egress, "egress", self.egress, &self.part.src.id),
            (Direction::Ingress, "ingress", self.ingress, &self.part.dst.id),
        ];
        for (direction, side, decided, end) in sides {
            for step in &decided.steps {
                let decides = decisive.is_some_and(|decisive| std::ptr::eq(decisive, step));
                locations.extend(files.place(step.span, Some(&said(step))).map(|place| ThreadFlowLocation {
                    location: Location { logical: vec![logical(&step.object)], ..place },
                    kinds: vec![side.into(), step.layer.as_ref().into()],
                    importance: if decides { "essential" } else { "important" },
                }));
            }
            // What nobody decides is a place of the way too, though of no file.
            if let Some(default) = decided.default {
                let text = format!("default: {}", explain(default, direction, end));
                locations.push(ThreadFlowLocation {
                    location: Location {
                        logical: vec![logical(end)],
                        message: Some(message::plain(&text)),
                        ..Location::default()
                    },
                    kinds: vec![side.into()],
                    importance: "important",
                });
            }
        }
        locations
    }
}

/// The steps from the name that was asked for to pods.
pub(super) fn way(hops: &[Hop], files: Files<'_>) -> Vec<ThreadFlowLocation> {
    hops.iter()
        .map(|hop| {
            let place = hop.span.and_then(|span| files.place(span, None)).unwrap_or_default();
            ThreadFlowLocation {
                location: Location { message: Some(message::plain(&hop.text)), ..place },
                kinds: vec!["path".into()],
                importance: if hop.stops { "essential" } else { "important" },
            }
        })
        .collect()
}

/// The code flows of a part, one for each of its cases.
pub(super) fn of_part(part: &Part, hops: &[Hop], files: Files<'_>) -> Vec<CodeFlow> {
    Case::of(part).filter_map(|case| of_case(&case, hops, files)).collect()
}

pub(super) fn of_case(case: &Case<'_>, hops: &[Hop], files: Files<'_>) -> Option<CodeFlow> {
    code_flow(&case.text(), case.locations(hops, files))
}

/// `None` where there is no place: a thread flow without one is against the schema.
pub(super) fn code_flow(text: &str, locations: Vec<ThreadFlowLocation>) -> Option<CodeFlow> {
    (!locations.is_empty())
        .then(|| CodeFlow { message: message::plain(text), thread_flows: vec![ThreadFlow { locations }] })
}
