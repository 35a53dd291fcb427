//! How answers name sets of addresses.

use std::net::IpAddr;

use npv_models::space::{IntervalSet, IpSet, cidr_text};

/// `10.0.0.0/8, 192.168.0.0-192.168.3.9`: blocks where one says it, ranges elsewhere.
pub fn addresses(addresses: &IpSet) -> String {
    let ranges: Vec<String> = addresses
        .ranges()
        .map(|(first, last)| {
            if first == last {
                return first.to_string();
            }
            let blocks = cidr_text(first, last);
            if blocks.contains(',') { format!("{first}-{last}") } else { blocks }
        })
        .collect();
    ranges.join(", ")
}

/// So many ranges are named before the rest is only counted.
const RANGES: usize = 3;

/// The same, cut short where it is long: `1.0.0.0-9.255.255.255, 11.0.0.0/8, 12.0.0.0/8 and 7 more ranges`.
/// The whole internet is `internet`.
pub fn addresses_in_short(set: &IpSet) -> String {
    if *set == super::name::internet() {
        return "internet".to_owned();
    }
    let count = set.ranges().count();
    if count <= RANGES {
        return addresses(set);
    }
    let shown: Vec<String> =
        set.ranges().take(RANGES).map(|(first, last)| addresses(&range(first, last))).collect();
    let more = count - RANGES;
    let ranges = if more == 1 { "range" } else { "ranges" };
    format!("{} and {more} more {ranges}", shown.join(", "))
}

/// How people say it: what they call a set of addresses, and what else is in it. `the internet`, `the internet except
/// 198.51.100.0/24`, `anywhere outside`; blocks by themselves where no short word says them.
pub fn spoken(set: &IpSet) -> (String, &'static str) {
    let none = (IntervalSet::EMPTY, IntervalSet::EMPTY);
    let families = match (set.v4().is_empty(), set.v6().is_empty()) {
        (false, true) => IpSet::from_parts(IntervalSet::full(), none.1),
        (true, false) => IpSet::from_parts(none.0, IntervalSet::full()),
        _ => IpSet::full(),
    };
    let over = match (set.v4().is_empty(), set.v6().is_empty()) {
        (false, true) => "over IPv4",
        (true, false) => "over IPv6",
        _ => "",
    };
    let internet = super::name::internet().intersection(&families);
    let (missing, routed) = (families.difference(set), internet.difference(set));
    let few = |set: &IpSet| !set.is_empty() && set.ranges().count() <= 2;
    let inside = set.difference(&internet).is_empty();
    if missing.is_empty() {
        return ("anywhere outside".to_owned(), if over.is_empty() { "every address" } else { over });
    }
    if routed.is_empty() {
        return ("the internet".to_owned(), if inside { over } else { "and some private addresses" });
    }
    if inside && few(&routed) {
        return (format!("the internet except {}", addresses(&routed)), over);
    }
    if few(&routed) {
        return (format!("the internet except {}", addresses(&routed)), "and some private addresses");
    }
    let count = set.ranges().count();
    let shown: Vec<String> =
        set.ranges().take(2).map(|(first, last)| addresses(&range(first, last))).collect();
    let more = if count > 2 { format!(" +{}", count - 2) } else { String::new() };
    let kind = if set.intersects(&internet) { "addresses of the internet" } else { "private addresses" };
    (format!("{}{more}", shown.join(", ")), kind)
}

fn range(first: IpAddr, last: IpAddr) -> IpSet {
    match (first, last) {
        (IpAddr::V4(first), IpAddr::V4(last)) => {
            IpSet::from_parts(IntervalSet::range(first.to_bits(), last.to_bits()), IntervalSet::EMPTY)
        }
        (IpAddr::V6(first), IpAddr::V6(last)) => {
            IpSet::from_parts(IntervalSet::EMPTY, IntervalSet::range(first.to_bits(), last.to_bits()))
        }
        _ => IpSet::EMPTY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_called_what_people_call_them() {
        let net = |text: &str| IpSet::net(text.parse().unwrap());
        let said = |set: &IpSet| spoken(set).0;
        let internet = crate::query::name::internet();
        assert_eq!(spoken(&IpSet::full()), ("anywhere outside".to_owned(), "every address"));
        assert_eq!(spoken(&net("0.0.0.0/0")), ("anywhere outside".to_owned(), "over IPv4"));
        assert_eq!(spoken(&internet), ("the internet".to_owned(), ""));
        assert_eq!(said(&internet.difference(&net("203.0.113.0/24"))), "the internet except 203.0.113.0/24");
        assert_eq!(said(&IpSet::full().difference(&net("10.0.0.0/8"))), "the internet");
        assert_eq!(
            said(&IpSet::full().difference(&net("203.0.113.7/32"))),
            "the internet except 203.0.113.7"
        );
        assert_eq!(said(&net("203.0.113.16/28")), "203.0.113.16/28");
        let many = net("10.0.0.0/8").union(&net("172.20.0.0/16")).union(&net("192.168.3.0/24"));
        assert_eq!(spoken(&many), ("10.0.0.0/8, 172.20.0.0/16 +1".to_owned(), "private addresses"));
    }

    #[test]
    fn a_block_or_a_range() {
        let net = |text: &str| IpSet::net(text.parse().unwrap());
        assert_eq!(addresses(&net("0.0.0.0/0").union(&net("::/0"))), "0.0.0.0/0, ::/0");
        let without_ten = net("0.0.0.0/0").difference(&net("10.0.0.0/8"));
        assert_eq!(addresses(&without_ten), "0.0.0.0-9.255.255.255, 11.0.0.0-255.255.255.255");
        assert_eq!(addresses(&net("10.0.0.1/32")), "10.0.0.1");
        let many = ["1.0.0.0/9", "3.0.0.0/8", "5.0.0.1/32", "7.0.0.0/8", "fd00::/8"];
        let many = many.iter().fold(IpSet::EMPTY, |all, text| all.union(&net(text)));
        assert_eq!(addresses_in_short(&many), "1.0.0.0/9, 3.0.0.0/8, 5.0.0.1 and 2 more ranges");
    }
}
