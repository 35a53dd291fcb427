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
