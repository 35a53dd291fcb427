//! Places in files as SARIF has them.

use npv_models::source::{SourceMap, Span};

use super::log::{ArtifactLocation, Location, LogicalLocation, PhysicalLocation, Region};
use super::{TOP, message};
use crate::report::place::{absolute, relative, uri};
use crate::report::visible::visible;
use crate::report::{CheckReport, TraceReport};

/// The texts that places are in, and where their paths start.
#[derive(Clone, Copy)]
pub(super) struct Files<'a> {
    sources: &'a SourceMap,
    directory: &'a str,
}

impl<'a> Files<'a> {
    pub(super) fn of(report: &CheckReport<'a>) -> Self {
        Self { sources: report.sources, directory: report.run.directory }
    }

    pub(super) fn traced(report: &TraceReport<'a>) -> Self {
        Self { sources: report.sources, directory: report.directory }
    }

    /// A place with what is to be said about it; `None` where the place is in no text.
    pub(super) fn place(self, span: Span, label: Option<&str>) -> Option<Location> {
        let source = self.sources.get(span.source)?;
        let artifact_location = self.artifact(source.name());
        let physical = PhysicalLocation { artifact_location, region: self.region(span)? };
        Some(Location { physical: Some(physical), message: label.map(message::plain), ..Location::default() })
    }

    pub(super) fn artifact(self, name: &str) -> ArtifactLocation {
        let path = relative(name, self.directory);
        ArtifactLocation { uri: uri(&path), base: (!absolute(&path)).then_some(TOP) }
    }

    pub(super) fn region(self, span: Span) -> Option<Region> {
        let place = self.sources.locate(span)?;
        Some(Region {
            start_line: place.start.line,
            start_column: place.start.column,
            end_line: place.end.line,
            end_column: place.end.column,
        })
    }
}

/// An object or an endpoint, wherever it is written.
pub(super) fn logical(name: &str) -> LogicalLocation {
    LogicalLocation { fully_qualified_name: visible(name).into_owned(), kind: "resource" }
}
