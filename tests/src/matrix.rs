//! The connectivity that `npv reach --format json` prints, in a form that can be compared.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use npv_models::space::{IntervalSet, IpSet, PortSet, Protocol, Traffic};
use serde_json::Value;

/// One end of a row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// An endpoint by its id.
    Named(String),
    /// Addresses outside the cluster.
    External(IpSet),
}

/// Rows of one answer; of addresses with the same connection there is one row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matrix {
    rows: Vec<(End, End, Traffic)>,
}

impl Matrix {
    /// What npv printed.
    ///
    /// # Errors
    /// It is not of the documented shape.
    pub fn of_json(document: &Value) -> Result<Self, String> {
        Self::of_list(document, "connections")
    }

    /// The connections under one key of what npv printed: what passes for certain.
    ///
    /// # Errors
    /// It is not of the documented shape.
    pub fn of_list(document: &Value, key: &str) -> Result<Self, String> {
        Self::of_field(document, key, "traffic")
    }

    /// One sort of traffic of the connections under a key: `traffic`, `partial` or `unknown`.
    ///
    /// # Errors
    /// It is not of the documented shape.
    pub fn of_field(document: &Value, key: &str, field: &str) -> Result<Self, String> {
        let mut ends: BTreeMap<&str, End> = BTreeMap::new();
        for endpoint in list(document, "endpoints")? {
            let id = text(endpoint, "id")?;
            let end = match endpoint.get("ranges") {
                Some(ranges) => End::External(ranges_of(ranges)?),
                None => End::Named(id.to_owned()),
            };
            ends.insert(id, end);
        }
        let mut rows = Vec::new();
        for connection in list(document, key)? {
            let end = |key| {
                let id = text(connection, key)?;
                ends.get(id).cloned().ok_or_else(|| format!("`{id}` is no endpoint of the answer"))
            };
            let traffic = match connection.get(field) {
                None if field == "traffic" => return Err("no `traffic`".to_owned()),
                None => Traffic::NONE,
                Some(traffic) => traffic_of(traffic)?,
            };
            if !traffic.is_empty() {
                rows.push((end("src")?, end("dst")?, traffic));
            }
        }
        Ok(Self::united(rows))
    }

    /// Rows as scenarios write them: `shop/web[Deployment] -> external 10.0.0.0/8: TCP 80`.
    ///
    /// # Errors
    /// Says which text cannot be read.
    pub fn of_texts(texts: &[(String, String, String)]) -> Result<Self, String> {
        let mut rows = Vec::new();
        for (src, dst, traffic) in texts {
            rows.push((end(src)?, end(dst)?, parse_traffic(traffic)?));
        }
        Ok(Self::united(rows))
    }

    fn united(rows: Vec<(End, End, Traffic)>) -> Self {
        let mut inside = Vec::new();
        let mut outside: BTreeMap<(String, bool, Traffic), IpSet> = BTreeMap::new();
        for row in rows {
            let (key, addresses) = match row {
                (End::Named(name), End::External(addresses), traffic) => ((name, true, traffic), addresses),
                (End::External(addresses), End::Named(name), traffic) => ((name, false, traffic), addresses),
                other => {
                    inside.push(other);
                    continue;
                }
            };
            let all = outside.entry(key).or_default();
            *all = all.union(&addresses);
        }
        inside.extend(outside.into_iter().map(|((name, leaving, traffic), addresses)| {
            let (name, addresses) = (End::Named(name), End::External(addresses));
            if leaving { (name, addresses, traffic) } else { (addresses, name, traffic) }
        }));
        inside.sort();
        Self { rows: inside }
    }

    /// What is in one of the two and not in the other, one line each.
    pub fn differences(&self, wanted: &Self) -> Vec<String> {
        let missing = wanted.rows.iter().filter(|row| !self.rows.contains(row)).map(|row| ("missing", row));
        let extra = self.rows.iter().filter(|row| !wanted.rows.contains(row)).map(|row| ("not wanted", row));
        let line = |(what, (src, dst, traffic)): (&str, &(End, End, Traffic))| {
            format!("{what}: {} -> {}: {traffic}", show(src), show(dst))
        };
        missing.chain(extra).map(line).collect()
    }

    /// Whether a flow passes. A name means every endpoint of that workload, `None` that there is none: the
    /// name is a pod's, or the answer has no row with it.
    pub fn admits(&self, from: &str, to: &str, protocol: Protocol, port: u16) -> bool {
        self.rows
            .iter()
            .any(|(src, dst, traffic)| is(src, from) && is(dst, to) && traffic.contains(protocol, port))
    }
}

fn is(end: &End, name: &str) -> bool {
    match (end, name.parse::<IpAddr>()) {
        (End::External(addresses), Ok(address)) => addresses.contains(address),
        (End::Named(id), Err(_)) => id.split('[').next() == Some(name),
        _ => false,
    }
}

fn show(end: &End) -> String {
    match end {
        End::Named(name) => name.clone(),
        End::External(addresses) => {
            let ranges: Vec<String> =
                addresses.ranges().map(|(first, last)| format!("{first}-{last}")).collect();
            format!("external {}", ranges.join(", "))
        }
    }
}

fn list<'v>(document: &'v Value, key: &str) -> Result<&'v Vec<Value>, String> {
    document.get(key).and_then(Value::as_array).ok_or_else(|| format!("no list `{key}`"))
}

fn text<'v>(value: &'v Value, key: &str) -> Result<&'v str, String> {
    value.get(key).and_then(Value::as_str).ok_or_else(|| format!("no text `{key}`"))
}

fn traffic_of(value: &Value) -> Result<Traffic, String> {
    let mut all = Traffic::NONE;
    for protocol in Protocol::ALL.into_iter().filter(|protocol| value.get(protocol.name()).is_some()) {
        for range in list(value, protocol.name())? {
            let number = |index| {
                let number =
                    range.get(index).and_then(Value::as_u64).and_then(|number| u16::try_from(number).ok());
                number.ok_or("a range of ports is two numbers")
            };
            all = all.union(&Traffic::of(protocol, PortSet::range(number(0)?, number(1)?)));
        }
    }
    Ok(all)
}

fn ranges_of(value: &Value) -> Result<IpSet, String> {
    let mut all = IpSet::EMPTY;
    for range in value.as_array().ok_or("`ranges` is no list")? {
        let address = |index| {
            let address = range.get(index).and_then(Value::as_str).and_then(|text| text.parse().ok());
            address.ok_or("a range of addresses is two addresses")
        };
        all = all.union(&between(address(0)?, address(1)?)?);
    }
    Ok(all)
}

fn between(first: IpAddr, last: IpAddr) -> Result<IpSet, String> {
    match (first, last) {
        (IpAddr::V4(first), IpAddr::V4(last)) => {
            Ok(IpSet::from_parts(IntervalSet::range(first.to_bits(), last.to_bits()), IntervalSet::EMPTY))
        }
        (IpAddr::V6(first), IpAddr::V6(last)) => {
            Ok(IpSet::from_parts(IntervalSet::EMPTY, IntervalSet::range(first.to_bits(), last.to_bits())))
        }
        _ => Err(format!("{first} and {last} are of two families")),
    }
}

fn end(text: &str) -> Result<End, String> {
    let Some(blocks) = text.strip_prefix("external ") else { return Ok(End::Named(text.to_owned())) };
    let mut all = IpSet::EMPTY;
    for block in blocks.split(',').map(str::trim) {
        let wrong = |_| format!("`{block}` is neither a CIDR nor a range");
        let set = match block.split_once('-') {
            Some((first, last)) => between(first.parse().map_err(wrong)?, last.parse().map_err(wrong)?)?,
            None => match block.parse::<IpNet>() {
                Ok(net) => IpSet::net(net),
                Err(_) => IpSet::single(block.parse().map_err(wrong)?),
            },
        };
        all = all.union(&set);
    }
    Ok(End::External(all))
}

/// `all`, or `TCP 80,443,8000-8080; UDP all`.
fn parse_traffic(text: &str) -> Result<Traffic, String> {
    if text == "all" {
        return Ok(Traffic::all());
    }
    let mut all = Traffic::NONE;
    for part in text.split(';').map(str::trim) {
        let wrong = || format!("`{part}` is no traffic");
        let (protocol, ports) = part.split_once(' ').ok_or_else(wrong)?;
        let protocol = Protocol::from_name(protocol).ok_or_else(wrong)?;
        let ports = if ports == "all" {
            PortSet::full()
        } else {
            let ranges = ports.split(',').map(|range| {
                let (first, last) = range.split_once('-').unwrap_or((range, range));
                Some((first.trim().parse().ok()?, last.trim().parse().ok()?))
            });
            PortSet::from_intervals(ranges.collect::<Option<Vec<_>>>().ok_or_else(wrong)?)
        };
        all = all.union(&Traffic::of(protocol, ports));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(rows: &[&str]) -> Matrix {
        let texts: Vec<_> = rows
            .iter()
            .map(|row| {
                let (ends, traffic) = row.rsplit_once(": ").unwrap();
                let (src, dst) = ends.split_once(" -> ").unwrap();
                (src.to_owned(), dst.to_owned(), traffic.to_owned())
            })
            .collect();
        Matrix::of_texts(&texts).unwrap()
    }

    #[test]
    fn addresses_are_compared_as_sets() {
        let one = matrix(&["a/b[Pod] -> external 0.0.0.0/0: TCP 80-90", "a/b[Pod] -> a/c[Pod]: all"]);
        let other = matrix(&[
            "a/b[Pod] -> external 128.0.0.0-255.255.255.255: TCP 80-90",
            "a/b[Pod] -> a/c[Pod]: all",
            "a/b[Pod] -> external 0.0.0.0/1: TCP 80-90",
        ]);
        assert_eq!(one, other);
        assert!(one.admits("a/b", "9.9.9.9", Protocol::Tcp, 85));
        assert!(!one.admits("a/b", "9.9.9.9", Protocol::Udp, 85));
    }

    #[test]
    fn differences_name_both_sides() {
        let got = matrix(&["a/b[Pod] -> a/c[Pod]: TCP 80"]);
        let wanted = matrix(&["a/b[Pod] -> a/c[Pod]: TCP 81"]);
        assert_eq!(
            got.differences(&wanted),
            ["missing: a/b[Pod] -> a/c[Pod]: TCP 81", "not wanted: a/b[Pod] -> a/c[Pod]: TCP 80"]
        );
    }
}
