//! S-8, S-9, S-20 to S-28: which ports a rule matches.

use npv_models::policy::Direction::{Egress, Ingress};
use npv_models::policy::{PeerMatch, PolicySet, Ports, Rule};
use npv_models::space::Protocol::{self, Sctp, Tcp, Udp};

use super::ask::*;

fn guard(rule: Rule) -> PolicySet {
    policies(vec![policy("guard", local("shop", "app=cart"), Ingress, vec![rule])])
}

/// The ports of a protocol, among those asked, that the rule opens on `shop/cart`.
fn open(rule: Rule, protocol: Protocol, asked: &[u16]) -> Vec<u16> {
    let (web, cart) = (Pod::new("shop", "web", ""), Pod::new("shop", "cart", "app=cart"));
    let set = guard(rule);
    asked.iter().copied().filter(|port| allowed_port(&set, web.end(), cart.end(), protocol, *port)).collect()
}

#[test]
fn s8_no_ports_is_every_port_of_every_protocol() {
    for protocol in Protocol::ALL {
        assert_eq!(open(allow(), protocol, &[1, 80, 65535]), [1, 80, 65535]);
    }
}

#[test]
fn an_empty_list_of_the_ir_matches_no_port() {
    let rule = Rule { ports: Ports::Listed(Vec::new()), ..allow() };
    assert!(open(rule, Tcp, &[1, 80, 65535]).is_empty());
}

#[test]
fn s22_both_ends_of_a_range_are_in_it() {
    let asked = [1, 79, 80, 81, 89, 90, 91, 65535];
    assert_eq!(open(allow().port(numbers(Tcp, 80, 90)), Tcp, &asked), [80, 81, 89, 90]);
    assert_eq!(open(allow().port(numbers(Tcp, 1, 1)), Tcp, &[1, 2]), [1]);
    assert_eq!(open(allow().port(numbers(Tcp, 65535, 65535)), Tcp, &[65534, 65535]), [65535]);
}

#[test]
fn s9_ports_are_alternatives() {
    assert_eq!(open(allow().port(tcp(80)).port(tcp(443)), Tcp, &[80, 81, 443]), [80, 443]);
}

#[test]
fn s21_s28_protocols_are_apart() {
    let rule = || allow().port(numbers(Sctp, 1, 65535));
    assert_eq!(open(rule(), Sctp, &[1, 80, 65535]), [1, 80, 65535]);
    assert!(open(rule(), Tcp, &[1, 80, 65535]).is_empty());
    assert!(open(rule(), Udp, &[1, 80, 65535]).is_empty());
}

#[test]
fn s24_a_name_is_looked_up_on_the_destination() {
    let web = Pod::new("shop", "web", "").declares("http", Tcp, 7000);
    let cart = Pod::new("shop", "cart", "app=cart").declares("http", Tcp, 7070);
    let set = guard(allow().port(named(Tcp, "http")));
    assert!(allowed_port(&set, web.end(), cart.end(), Tcp, 7070));
    assert!(!allowed_port(&set, web.end(), cart.end(), Tcp, 7000));
    assert!(!allowed_port(&set, web.end(), cart.end(), Tcp, 7071));
}

#[test]
fn s25_for_egress_each_destination_has_its_own_number() {
    let web = Pod::new("shop", "web", "app=web").declares("http", Tcp, 1);
    let cart = Pod::new("shop", "cart", "").declares("http", Tcp, 7070);
    let mail = Pod::new("shop", "mail", "").declares("http", Tcp, 8080);
    let rule = allow().port(named(Tcp, "http"));
    let set = policies(vec![policy("out", local("shop", "app=web"), Egress, vec![rule])]);
    let ports = |to: &Pod| -> Vec<u16> {
        [1, 7070, 8080]
            .into_iter()
            .filter(|port| allowed_port(&set, web.end(), to.end(), Tcp, *port))
            .collect()
    };
    assert_eq!(ports(&cart), [7070]);
    assert_eq!(ports(&mail), [8080]);
}

#[test]
fn s24_the_protocol_of_a_named_port_must_match() {
    let web = Pod::new("shop", "web", "");
    let dns = Pod::new("shop", "cart", "app=cart").declares("dns", Udp, 53).declares("dns-tcp", Tcp, 53);
    let opens = |port, protocol| allowed_port(&guard(allow().port(port)), web.end(), dns.end(), protocol, 53);
    assert!(opens(named(Udp, "dns"), Udp));
    assert!(!opens(named(Udp, "dns"), Tcp), "the name is that of another protocol");
    assert!(!opens(named(Tcp, "dns"), Tcp), "declared over UDP, wanted over TCP");
    assert!(!opens(named(Tcp, "dns"), Udp), "the entry is for TCP");
    assert!(opens(named(None, "dns"), Udp), "no protocol wanted (S-65)");
    assert!(!opens(named(None, "dns"), Tcp));
    assert!(!opens(named(Udp, "dn"), Udp));
}

#[test]
fn one_name_may_stand_for_several_ports() {
    let web = Pod::new("shop", "web", "");
    let cart = Pod::new("shop", "cart", "app=cart").declares("http", Tcp, 80).declares("http", Tcp, 81);
    let set = guard(allow().port(named(Tcp, "http")));
    assert!([80, 81].into_iter().all(|port| allowed_port(&set, web.end(), cart.end(), Tcp, port)));
    assert!(!allowed_port(&set, web.end(), cart.end(), Tcp, 82));
}

#[test]
fn s26_an_address_has_no_named_ports() {
    let web = Pod::new("shop", "web", "app=web").declares("http", Tcp, 80);
    let rule = allow().peer(block("0.0.0.0/0")).port(named(Tcp, "http"));
    let set = policies(vec![policy("out", local("shop", "app=web"), Egress, vec![rule])]);
    assert!(!allowed(&set, web.end(), address("203.0.113.7")));
}

#[test]
fn s26_ingress_from_an_address_to_a_named_port_is_the_pods() {
    let cart = Pod::new("shop", "cart", "app=cart").declares("http", Tcp, 80);
    let set = guard(allow().peer(block("0.0.0.0/0")).port(named(Tcp, "http")));
    assert!(allowed(&set, address("203.0.113.7"), cart.end()));
    assert!(!allowed_port(&set, address("203.0.113.7"), cart.end(), Tcp, 81));
}

#[test]
fn s27_a_number_needs_no_declaration() {
    assert_eq!(open(allow().port(tcp(9999)), Tcp, &[9999, 9998]), [9999]);
}

#[test]
fn s9_peer_and_port_must_both_match() {
    let rule = allow().peer(PeerMatch::Pods(local("shop", "app=web"))).port(tcp(80));
    let set = guard(rule);
    let cart = Pod::new("shop", "cart", "app=cart");
    let (web, other) = (Pod::new("shop", "web", "app=web"), Pod::new("shop", "other", ""));
    assert!(allowed_port(&set, web.end(), cart.end(), Tcp, 80));
    assert!(!allowed_port(&set, web.end(), cart.end(), Tcp, 81));
    assert!(!allowed_port(&set, other.end(), cart.end(), Tcp, 80));
}
