//! Fields of policies and rules: what the API refuses, and where.

use super::{API, finds, global, invalid, object, out, policy, rule, text};

#[test]
fn fields_of_a_policy() {
    for (spec, place, says) in [
        ("{types: [Ingress, Ingress]}", "Ingress", "twice"),
        ("{types: [Both]}", "Both", "`Ingress` and `Egress`"),
        ("{types: [ingress]}", "ingress", "did you mean `Ingress`?"),
        ("{selector: a = 'b'}", "=", "`==`"),
        ("{selector: \"a == b\"}", "b", "quotes"),
        ("{selector: global()}", "global()", "`namespaceSelector`"),
        ("{selector: 'has(a) || global()'}", "global()", "`namespaceSelector`"),
        ("{namespaceSelector: global()}", "global()", "host endpoints"),
        ("{serviceAccountSelector: global()}", "global()", "`namespaceSelector`"),
        ("{performanceHints: [Fast]}", "Fast", "`AssumeNeededOnEveryNode`"),
        (
            "{performanceHints: [AssumeNeededOnEveryNode, AssumeNeededOnEveryNode]}",
            "AssumeNeededOnEveryNode",
            "twice",
        ),
        ("{doNotTrack: true}", "true", "needs `applyOnForward: true`"),
        ("{preDNAT: true, applyOnForward: false}", "false", "needs `applyOnForward: true`"),
        ("{doNotTrack: true, preDNAT: true, applyOnForward: true}", "true", "both"),
        ("{preDNAT: true, applyOnForward: true, types: [Ingress, Egress]}", "Egress", "not for egress"),
        (
            "{preDNAT: true, applyOnForward: true, types: [Ingress], egress: [{action: Allow}]}",
            "egress",
            "no egress rules",
        ),
        ("{ingress: [{}]}", "{}", "no `action`"),
        ("{ingress: [{action: allow}]}", "allow", "did you mean `Allow`?"),
        ("{ingress: [{action: Reject}]}", "Reject", "none of the actions"),
    ] {
        invalid(&global(spec), place, says);
    }
    finds(&global("{order: first}"), &[("wrong-type", "first", "a number")]);
    finds(&global("{order: '5'}"), &[("wrong-type", "'5'", "without quotes")]);
    finds(&global("{ingres: []}"), &[("unknown-field", "ingres", "did you mean `ingress`?")]);
    finds(&global("{ingress: [null]}"), &[("null-rule", "null", "action")]);
    finds(&global("{ingress: {action: Allow}}"), &[("wrong-type", "{action: Allow}", "a list")]);
    let global_only = object(API, "NetworkPolicy", "it", "{namespaceSelector: all(), doNotTrack: true}");
    finds(
        &global_only,
        &[
            ("unknown-field", "namespaceSelector", "`selector`"),
            ("unknown-field", "doNotTrack", "its fields"),
        ],
    );
    for spec in [
        "{}",
        "{types: [Ingress, Egress]}",
        "{order: 0}",
        "{order: 1e3}",
        "{selector: \"!a == 'b'\"}",
        "{selector: \"a in {'b',}\"}",
        "{preDNAT: true, applyOnForward: true}",
        "{doNotTrack: true, applyOnForward: true, types: [Egress]}",
        "{types: [Ingress], egress: [{action: Allow}]}",
        "{ingress: [{action: Pass}, {action: Log}]}",
        "null",
    ] {
        policy(&global(spec));
    }
}

#[test]
fn selectors_are_refused_where_they_are_wrong() {
    let lines = |style: &str| {
        format!(
            "apiVersion: {API}\nkind: GlobalNetworkPolicy\nmetadata: {{name: it}}\nspec:\n  selector: {style}\n    a == 'b' &&\n    c == 'd'\n"
        )
    };
    for style in ["|", "|-", ">"] {
        let text = lines(style);
        let decoded = finds(&text, &[("invalid-policy", if style == ">" { ">" } else { style }, "`>-`")]);
        assert!(decoded.object.is_none());
    }
    assert_eq!(text(policy(&lines(">-")).selector.as_ref()), "a == 'b' && c == 'd'");
    // In quotes, the place is behind them; where a value is not written as it reads, it is all of it.
    invalid(&global("{selector: \"a == b && has(c)\"}"), "b", "`'b'`");
    invalid(&global("{selector: 'a == ''b'' && c'}"), "'a == ''b'' && c'", "`has(label)`");
    invalid(&global("{selector: a ==}"), "=", "ends too early");
}

#[test]
fn what_rules_say() {
    for (rest, place, says) in [
        ("protocol: tcp", "tcp", "write `TCP`"),
        ("protocol: GRE", "GRE", "as its number"),
        ("protocol: 0", "0", "from 1 to 255"),
        ("protocol: '0'", "'0'", "from 1 to 255"),
        ("protocol: 256", "256", "out of range"),
        ("notProtocol: icmp", "icmp", "write `ICMP`"),
        ("ipVersion: 5", "5", "4 and 6"),
        ("icmp: {type: 8}", "{type: 8}", "write the protocol"),
        ("protocol: 1, icmp: {type: 8}", "{type: 8}", "by its name"),
        ("protocol: ICMP, icmp: {code: 0}", "0", "no `type`"),
        ("protocol: ICMP, icmp: {type: 255}", "255", "from 0 to 254"),
        ("protocol: ICMPv6, ipVersion: 4", "4", "needs `ipVersion: 6`"),
        ("notProtocol: ICMP, ipVersion: 6", "6", "needs `ipVersion: 4`"),
        ("destination: {ports: [80]}", "ports", "write `protocol: TCP`"),
        ("source: {notPorts: [80]}", "notPorts", "write `protocol: TCP`"),
        ("protocol: ICMP, destination: {ports: [80]}", "ports", "`ICMP`"),
        ("protocol: 47, destination: {ports: [80]}", "ports", "`47`"),
        ("notProtocol: UDP, destination: {ports: [80]}", "ports", "for each protocol that is meant"),
        ("protocol: TCP, destination: {ports: [0]}", "0", "from 1 to 65535"),
        ("protocol: TCP, destination: {ports: ['0:80']}", "'0:80'", "0 is no port"),
        ("protocol: TCP, destination: {ports: ['90:80']}", "'90:80'", "write `80:90`"),
        ("protocol: TCP, destination: {ports: ['80-90']}", "'80-90'", "write `'80:90'`"),
        ("protocol: TCP, destination: {ports: ['80:70000']}", "'80:70000'", "70000 is no port"),
        (
            "protocol: TCP, destination: {ports: ['99999999999999999999']}",
            "'99999999999999999999'",
            "is no port",
        ),
        ("protocol: TCP, destination: {ports: [my port]}", "my port", "lower-case letters"),
        ("protocol: TCP, destination: {notPorts: [HTTP_alt]}", "HTTP_alt", "lower-case letters"),
        ("source: {nets: [10.0.0.1]}", "10.0.0.1", "write `10.0.0.1/32`"),
        ("source: {nets: [10.0.0.1/8]}", "10.0.0.1/8", "write `10.0.0.0/8`"),
        ("source: {notNets: [ten]}", "ten", "block of addresses"),
        ("source: {nets: [10.0.0.0/8, '2001:db8::/32']}", "'2001:db8::/32'", "both IPv4 and IPv6"),
        (
            "source: {nets: ['2001:db8::/32']}, destination: {notNets: [10.0.0.0/8]}",
            "10.0.0.0/8",
            "both IPv4 and IPv6",
        ),
        ("ipVersion: 6, source: {nets: [10.0.0.0/8]}", "10.0.0.0/8", "`ipVersion: 6`"),
        ("source: {selector: global()}", "global()", "`namespaceSelector`"),
        ("source: {namespaceSelector: \"global() || a == 'b'\"}", "global()", "stands alone"),
        ("source: {namespaceSelector: \"a == 'b' && !global()\"}", "global()", "stands alone"),
        ("source: {notSelector: a}", "a", "`has(label)`"),
        ("source: {serviceAccounts: {selector: a}}", "a", "`has(label)`"),
        ("metadata: {annotations: {'a b': c}}", "'a b'", "letters"),
        ("http: {methods: [GET, GET]}", "GET", "twice"),
        ("http: {paths: [{}]}", "{}", "neither"),
        ("http: {paths: [{exact: /a, prefix: /b}]}", "prefix", "two entries"),
        ("http: {paths: [{exact: a}]}", "a", "begin with `/`"),
        ("http: {paths: [{prefix: '/a?b'}]}", "'/a?b'", "`?`"),
        ("protocol: UDP, http: {methods: [GET]}", "UDP", "write `TCP`"),
        ("protocol: 6, http: {methods: [GET]}", "6", "write `TCP`"),
    ] {
        invalid(&rule(rest), place, says);
    }
    finds(&rule("source: {domains: ['*.example.com']}"), &[("unknown-field", "domains", "Enterprise")]);
    finds(&rule("protocol: [TCP]"), &[("wrong-type", "[TCP]", "name or number")]);
    finds(&rule("protocol: TCP, destination: {ports: 80}"), &[("wrong-type", "80", "a list")]);
    finds(&rule("destination: {port: [80]}"), &[("unknown-field", "port", "did you mean `ports`?")]);
    for rest in [
        "protocol: '47'",
        "protocol: 6, destination: {ports: [80]}",
        "protocol: '132', destination: {ports: [80]}",
        "protocol: TCP, notProtocol: UDP",
        "notICMP: {type: 8}",
        "protocol: ICMPv6, icmp: {type: 1, code: 255}, ipVersion: 6",
        "source: {notNets: [0.0.0.0/0]}",
        "source: {nets: [10.0.0.0/8], selector: all()}",
        "source: {namespaceSelector: global( )}",
        "source: {notSelector: global()}",
        "source: {serviceAccounts: {}}",
        "protocol: TCP, http: {}",
        "protocol: TCP, destination: {ports: ['80', 80.0, 1:65535, web]}",
    ] {
        policy(&rule(rest));
    }
}

#[test]
fn services_stand_alone_at_the_far_end() {
    let service = "services: {name: s, namespace: a}";
    for (text, place, says) in [
        (out("destination: {services: {name: s}}"), "{name: s}", "`namespace`"),
        (rule("source: {services: {name: s}}"), "{name: s}", "`namespace`"),
        (out("destination: {services: {namespace: a}}"), "{namespace: a}", "no `name`"),
        (out("destination: {services: {name: S, namespace: a}}"), "S", "write `s`"),
        (out(&format!("source: {{{service}}}")), "services", "as the `destination`"),
        (rule(&format!("destination: {{{service}}}")), "services", "as the `source`"),
        (out(&format!("protocol: TCP, destination: {{{service}, ports: [80]}}")), "ports", "its endpoints"),
        (
            out(&format!("protocol: TCP, destination: {{{service}, notPorts: [80]}}")),
            "notPorts",
            "its endpoints",
        ),
        (out(&format!("destination: {{{service}, selector: all()}}")), "selector", "two rules"),
        (out(&format!("destination: {{{service}, notSelector: all()}}")), "notSelector", "two rules"),
        (
            out(&format!("destination: {{{service}, namespaceSelector: all()}}")),
            "namespaceSelector",
            "two rules",
        ),
        (out(&format!("destination: {{{service}, serviceAccounts: {{}}}}")), "serviceAccounts", "two rules"),
        (out(&format!("destination: {{{service}, nets: [10.0.0.0/8]}}")), "nets", "two rules"),
        (out("http: {methods: [GET]}"), "http", "egress"),
        (global("{ingress: [{action: Deny, http: {methods: [GET]}}]}"), "http", "rules that allow"),
    ] {
        invalid(&text, place, says);
    }
    policy(&out(&format!("source: {{selector: all()}}, destination: {{{service}}}")));
    policy(&rule(&format!("protocol: TCP, source: {{{service}, ports: [80]}}")));
    // In a namespace the API takes it, and it matches no Service (C-48).
    let named = policy(&object(
        API,
        "NetworkPolicy",
        "it",
        "{egress: [{action: Allow, destination: {services: {name: s}}}]}",
    ));
    let services = named.egress.unwrap().value[0].destination.services.clone().unwrap().value;
    assert_eq!((&*services.name, &*services.namespace), ("s", ""));
}

#[test]
fn every_violation_has_its_own_place() {
    let text = global(
        "{order: x, types: [Ingress, In], ingress: [{action: Alow, protocol: tcp, source: {nets: [1.2.3.4]}}]}",
    );
    finds(
        &text,
        &[
            ("wrong-type", "x", "a number"),
            ("invalid-policy", "In", "no policy type"),
            ("invalid-policy", "Alow", "did you mean `Allow`?"),
            ("invalid-policy", "tcp", "write `TCP`"),
            ("invalid-policy", "1.2.3.4", "write `1.2.3.4/32`"),
        ],
    );
}
