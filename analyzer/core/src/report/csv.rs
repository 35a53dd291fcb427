//! Comma-separated values for spreadsheets and scripts: one row per connection.

use std::borrow::Cow;
use std::io;

use npv_models::space::{Protocol, Traffic};

use super::visible::visible;
use super::{ExposureReport, Format, IntendedReport, Page, ReachReport};
use crate::query::exposure::words;
use crate::query::reach::{Party, PartyKind};
use crate::query::text;

pub(super) const FORMAT: Format = Format {
    name: "csv",
    doc: "for spreadsheets; one row per connection",
    reach: Some(reach),
    exposure: Some(exposure),
    intended: Some(intended),
    ..Format::NONE
};

fn reach(report: &ReachReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(page);
    csv.write_record([
        "src",
        "src_kind",
        "dst",
        "dst_kind",
        "tcp",
        "udp",
        "sctp",
        "src_addresses",
        "dst_addresses",
    ])
    .map_err(io::Error::from)?;
    report.reach.each(|link| {
        let (Some(src), Some(dst)) = (report.reach.parties.get(link.src), report.reach.parties.get(link.dst))
        else {
            return Ok(());
        };
        let (src_id, dst_id) = (visible(&src.id), visible(&dst.id));
        let [tcp, udp, sctp] = Protocol::ALL.map(|protocol| ports(&link.traffic, protocol));
        let record = [
            cell(&src_id),
            cell(src.kind.name()),
            cell(&dst_id),
            cell(dst.kind.name()),
            Cow::Owned(tcp),
            Cow::Owned(udp),
            Cow::Owned(sctp),
            Cow::Owned(addresses(src)),
            Cow::Owned(addresses(dst)),
        ];
        csv.write_record(record.iter().map(AsRef::as_ref)).map_err(io::Error::from)
    })?;
    csv.flush()
}

/// One row per flow that is asked for.
fn intended(report: &IntendedReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(page);
    csv.write_record(["src", "service", "protocol", "port", "verdict", "denied_by", "by", "file", "line"])
        .map_err(io::Error::from)?;
    for need in report.needs {
        let place = report.sources.locate(need.at);
        let (file, line) = place.map_or_else(Default::default, |place| {
            (visible(place.file).into_owned(), place.start.line.to_string())
        });
        let (src, service, by) = (visible(&need.src), visible(&need.service), visible(&need.by));
        let denied = visible(need.denied_by.as_deref().unwrap_or_default());
        let port = need.port.to_string();
        let record = [
            &*cell(&src),
            &*cell(&service),
            need.protocol.name(),
            &port,
            need.met.name(),
            &*cell(&denied),
            &*cell(&by),
            &*cell(&file),
            &line,
        ];
        csv.write_record(record).map_err(io::Error::from)?;
    }
    csv.flush()
}

/// One row per workload, direction, traffic and peer; without a peer where nobody is one.
fn exposure(report: &ExposureReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(page);
    csv.write_record(["workload", "direction", "peer", "tcp", "udp", "sctp"]).map_err(io::Error::from)?;
    for row in &report.exposures.rows {
        let id = visible(&row.party.id);
        for side in &row.sides {
            let mut record = |peer: &str, traffic: &Traffic| {
                let [tcp, udp, sctp] = Protocol::ALL.map(|protocol| ports(traffic, protocol));
                let cells = [&*cell(&id), side.direction.name(), &*cell(peer), &*tcp, &*udp, &*sctp];
                csv.write_record(cells).map_err(io::Error::from)
            };
            if let Some(why) = &side.unknown {
                record(&format!("and maybe more: {}", visible(why)), &Traffic::NONE)?;
            } else if side.open.is_empty() {
                record("", &Traffic::NONE)?;
            }
            for exposed in &side.open {
                for peer in words(&exposed.peers) {
                    record(&visible(&peer), &exposed.traffic)?;
                }
            }
        }
    }
    csv.flush()
}

/// `all`, `80 443 8000-8080`, or nothing.
fn ports(traffic: &Traffic, protocol: Protocol) -> String {
    let ports = traffic.ports(protocol);
    if ports.is_full() {
        return "all".to_owned();
    }
    let ranges = ports.intervals().iter();
    let texts: Vec<String> = ranges
        .map(|(first, last)| if first == last { first.to_string() } else { format!("{first}-{last}") })
        .collect();
    texts.join(" ")
}

fn addresses(party: &Party) -> String {
    match &party.kind {
        PartyKind::External(addresses) => text::addresses(addresses),
        _ => String::new(),
    }
}

/// A name as a cell: a spreadsheet would run what starts like a formula.
fn cell(text: &str) -> Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_text() {
        assert_eq!(cell("=1+1"), "'=1+1");
        assert_eq!(cell("shop/web[Deployment]"), "shop/web[Deployment]");
    }
}
