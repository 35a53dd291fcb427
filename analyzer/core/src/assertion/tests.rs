use npv_models::diagnostic::Finding;
use npv_models::source::{Origin, SourceMap};
use npv_models::yaml;

use super::*;

fn read(text: &str) -> (SourceMap, Vec<Assertion>, Vec<Finding>) {
    let mut sources = SourceMap::default();
    let id = sources.add("npv.yaml", text, Origin::File).unwrap();
    let documents = yaml::read(id, text, 0);
    assert!(documents.problems.is_empty(), "{:?}", documents.problems);
    let mut findings = Vec::new();
    let assertions = decode(documents.roots.first().unwrap(), &mut findings);
    (sources, assertions, findings)
}

fn names(text: &str) -> Vec<String> {
    let (_, assertions, findings) = read(text);
    assert!(findings.is_empty(), "{findings:?}");
    assertions.into_iter().map(|assertion| assertion.name).collect()
}

#[test]
fn forms() {
    let (_, assertions, findings) = read(
        "
- name: only the shop's API reaches its database
  expect: only
  from: {namespace: shop, pods: {app: api}}
  to:   {namespace: shop, pods: {app: db}}
  ports: [5432/tcp]
  world: snapshot
- name: tenants are isolated
  expect: deny
  from: {namespaces: {tenant: '*'}}
  to:   {namespaces: {tenant: '*'}}
  where: from.tenant != to.tenant
",
    );
    assert!(findings.is_empty(), "{findings:?}");
    let [only, tenants] = assertions.as_slice() else { panic!("{assertions:?}") };
    assert_eq!((only.expect, only.world), (Expect::Only, World::Snapshot));
    assert_eq!((tenants.expect, tenants.world), (Expect::Deny, World::EveryCluster));
    assert_eq!(
        only.to_string(),
        "only pods app=api in namespace shop -> pods app=db in namespace shop on TCP 5432"
    );
    let relation = tenants.relations.first().unwrap();
    assert_eq!((relation.same, &*relation.key), (false, "tenant"));
    assert_eq!(relation.place, npv_symbolic::spec::Place::Namespace);
    let others = names(
        "
- {expect: deny, from: any-pod, to: 169.254.169.254}
- {expect: deny, from: [internet, 10.0.0.0/8, 'fd00::1'], to: {pods: {app: [db, cache], tier: '*'}}, ports: [80, 53/udp, metrics, web/tcp, sctp]}
- {expect: allow, from: shop/web, to: {nodes: {}}}
- {expect: allow, from: anybody, to: {namespaces: [shop, billing], pods: {matchExpressions: [{key: a, operator: NotIn, values: [b]}, {key: c, operator: Exists}], matchLabels: {d: e}}}}
- {expect: deny, from: any-pod, to: any-pod, where: [from.namespace != to.namespace, from.pods.app == to.pods.app]}
",
    );
    assert_eq!(
        others,
        [
            "deny any pod -> 169.254.169.254",
            "deny internet or 10.0.0.0/8 or fd00::1 -> pods app in (cache, db),tier on TCP 80, UDP 53, metrics, TCP web, SCTP all",
            "allow shop/web -> nodes",
            "allow anybody -> pods a!=b,c,d=e in namespaces billing or shop",
            "deny any pod -> any pod where from.namespaces.kubernetes.io/metadata.name != \
             to.namespaces.kubernetes.io/metadata.name and from.pods.app == to.pods.app",
        ]
    );
    assert!(names("[]").is_empty());
}

/// Everything that can be wrong: a text with the wrong part in `«»`, the message, and the next step.
const MISTAKES: &[(&str, &str, &str)] = &[
    ("«{}»", "`assertions` is a mapping, not a list", "one assertion behind each"),
    ("- «deny»", "an assertion is a mapping, not a string", "expect: deny"),
    ("- «{from: any-pod, to: internet}»", "the assertion has no `expect`", "expect: only"),
    ("- «{expect: deny, to: internet}»", "the assertion has no `from`", "from: any-pod"),
    ("- «{expect: deny, from: any-pod, to: }»", "the assertion has no `to`", "to: any-pod"),
    (
        "- {expect: deny, from: any-pod, to: internet, «wolrd»: any}",
        "no field `wolrd`",
        "did you mean `world`?",
    ),
    (
        "- {expect: deny, from: any-pod, to: internet, «colour»: any}",
        "no field `colour`",
        "its fields are `name`",
    ),
    ("- {expect: deny, from: any-pod, to: internet, «to»: internet}", "`to` is there twice", "keep one"),
    ("- {expect: «dney», from: any-pod, to: internet}", "`expect` is none of", "did you mean `deny`?"),
    ("- {expect: «allowed», from: any-pod, to: internet}", "`expect` is none of", "did you mean `allow`?"),
    (
        "- {expect: deny, from: {«podSelector»: {}}, to: internet}",
        "no field `podSelector`",
        "did you mean `pods`?",
    ),
    (
        "- {expect: deny, from: {«namespaceSelector»: {}}, to: internet}",
        "no field",
        "did you mean `namespaces`?",
    ),
    (
        "- {expect: «never», from: any-pod, to: internet}",
        "`expect` is none of",
        "one of `allow`, `deny` and `only`",
    ),
    ("- {expect: «no», from: any-pod, to: internet}", "`expect` is a boolean", "put it in quotes"),
    (
        "- {expect: deny, from: any-pod, to: internet, world: «snapshots»}",
        "`world` is none of",
        "`snapshot`?",
    ),
    ("- {name: «' '», expect: deny, from: any-pod, to: internet}", "is empty", "leave it out"),
    ("- {name: «[a]», expect: deny, from: any-pod, to: internet}", "is a list, not a string", "one text"),
    ("- {expect: deny, from: «any_pod», to: internet}", "`any_pod` is nobody", "did you mean `any-pod`?"),
    ("- {expect: deny, from: «'*'», to: internet}", "`*` is not somebody", "did you mean `any-pod`?"),
    ("- {expect: deny, from: «zebra», to: internet}", "`zebra` is nobody", "{namespace: zebra}"),
    ("- {expect: deny, from: «[]», to: internet}", "`from` lists nobody", "any-pod"),
    ("- {expect: deny, from: «7», to: internet}", "is a number, which means nobody", "`internet`"),
    ("- {expect: deny, from: «{}», to: internet}", "`from` says nothing", "every pod"),
    ("- {expect: deny, from: «10.0.0.300», to: internet}", "must be a block", "write it like `10.0.0.1`"),
    ("- {expect: deny, from: «010.0.0.0/8», to: internet}", "leading zeros", "did you mean `10.0.0.0/8`?"),
    ("- {expect: deny, from: {«namesapce»: a}, to: internet}", "no field `namesapce`", "`namespace`?"),
    ("- {expect: deny, from: {namespace: «Shop»}, to: internet}", "lower-case", "did you mean `shop`?"),
    (
        "- {expect: deny, from: {namespace: «a.b»}, to: internet}",
        "must not contain a `.`",
        "name of a namespace",
    ),
    ("- {expect: deny, from: {namespace: «'*'»}, to: internet}", "not `*`", "leave it out"),
    (
        "- {expect: deny, from: {namespace: «1»}, to: internet}",
        "is a number, not a string",
        "put it in quotes",
    ),
    (
        "- {expect: deny, from: {namespace: a, «namespaces»: {b: c}}, to: internet}",
        "has both",
        "keep `namespace`",
    ),
    ("- {expect: deny, from: {nodes: {}, «pods»: {b: c}}, to: internet}", "`nodes` and `pods`", "a list"),
    ("- {expect: deny, from: {namespaces: «[]»}, to: internet}", "lists no namespace", "their names"),
    ("- {expect: deny, from: {namespaces: [«A»]}, to: internet}", "must consist of", "name of a namespace"),
    (
        "- {expect: deny, from: {pods: «web»}, to: internet}",
        "is a string, not a label selector",
        "{app: web}",
    ),
    (
        "- {expect: deny, from: {pods: «[web]»}, to: internet}",
        "is a list, not a label selector",
        "{app: web}",
    ),
    (
        "- {expect: deny, from: {pods: {app: «1»}}, to: internet}",
        "is a number, not a string",
        "put it in quotes",
    ),
    ("- {expect: deny, from: {pods: {app: «w b»}}, to: internet}", "the label value `w b` must", "any value"),
    (
        "- {expect: deny, from: {pods: {«a b»: c}}, to: internet}",
        "the label key `a b` must",
        "key of a label",
    ),
    ("- {expect: deny, from: {pods: {a: b, «a»: b}}, to: internet}", "`a` is there twice", "keep one"),
    (
        "- {expect: deny, from: {pods: {matchLabels: {a: «'*'»}}}, to: internet}",
        "value `*` must",
        "operator: Exists",
    ),
    ("- {expect: deny, from: {pods: {matchLabels: «a»}}, to: internet}", "not a mapping", "{app: web}"),
    (
        "- {expect: deny, from: {pods: {matchLabels: {}, «app»: b}}, to: internet}",
        "no field `app`",
        "`matchLabels`",
    ),
    ("- {expect: deny, from: {pods: {matchExpressions: «a»}}, to: internet}", "not a list", "behind each"),
    (
        "- {expect: deny, from: {pods: {matchExpressions: [«a»]}}, to: internet}",
        "is a mapping, not",
        "operator: In",
    ),
    (
        "- {expect: deny, from: {pods: {matchExpressions: [«{operator: Exists}»]}}, to: internet}",
        "no `key`",
        "key",
    ),
    (
        "- {expect: deny, from: {pods: {matchExpressions: [«{key: a}»]}}, to: internet}",
        "no `operator`",
        "Exists",
    ),
    (
        "- {expect: deny, from: {pods: {matchExpressions: [{key: a, operator: «in», values: [b]}]}}, to: internet}",
        "none of the operators",
        "did you mean `In`?",
    ),
    (
        "- {expect: deny, from: {pods: {matchExpressions: [{key: a, operator: «Is», values: [b]}]}}, to: internet}",
        "none of the operators",
        "one of `In`",
    ),
    (
        "- {expect: deny, from: {pods: {matchExpressions: [{key: a, operator: Exists, values: «[b]»}]}}, to: internet}",
        "`Exists` takes no values",
        "use `In`",
    ),
    (
        "- {expect: deny, from: {pods: {matchExpressions: [«{key: a, operator: In}»]}}, to: internet}",
        "`In` needs at least one value",
        "values: [..]",
    ),
    (
        "- {expect: deny, from: {pods: {matchExpressions: [{key: a, operator: In, values: «b»}]}}, to: internet}",
        "not a list",
        "values: [..]",
    ),
    ("- {expect: deny, from: any-pod, to: internet, ports: «80»}", "`ports` is a number", "[5432/tcp]"),
    ("- {expect: deny, from: any-pod, to: internet, ports: «[]»}", "lists no port", "every port"),
    ("- {expect: deny, from: any-pod, to: internet, ports: [«0»]}", "from 1 to 65535", "53/udp"),
    ("- {expect: deny, from: any-pod, to: internet, ports: [«90-80»]}", "ends below its start", "8000-8100"),
    ("- {expect: deny, from: any-pod, to: internet, ports: [«80/icmp»]}", "no protocol", "53/udp"),
    ("- {expect: deny, from: any-pod, to: internet, ports: [«web/icmp»]}", "no protocol", "53/udp"),
    ("- {expect: deny, from: any-pod, to: internet, ports: [«Web»]}", "in lower case", "did you mean `web`?"),
    ("- {expect: deny, from: any-pod, to: internet, ports: [«w_b»]}", "must consist of", "`http`"),
    ("- {expect: deny, from: any-pod, to: internet, ports: [«{}»]}", "not a mapping", "`http`"),
    ("- {expect: deny, from: any-pod, to: any-pod, where: «[]»}", "lists no condition", "from.tenant"),
    ("- {expect: deny, from: any-pod, to: any-pod, where: «from.a»}", "compares nothing", "from.tenant"),
    ("- {expect: deny, from: any-pod, to: any-pod, where: «from.a = to.a»}", "with `==`", "`from.a == to.a`"),
    ("- {expect: deny, from: any-pod, to: any-pod, where: «from.a != b»}", "of `to`", "from.tenant"),
    ("- {expect: deny, from: any-pod, to: any-pod, where: «from.a != to.b»}", "`a` with `b`", "to.a"),
    ("- {expect: deny, from: any-pod, to: any-pod, where: «from.a b != to.a b»}", "label key `a b`", "from."),
    (
        "- {expect: deny, from: any-pod, to: any-pod, where: «from.a != to.a»}",
        "of their namespaces?",
        "from.pods.a",
    ),
    (
        "- {expect: deny, from: any-pod, to: internet, where: «from.a != to.a»}",
        "one end is not pods",
        "leave",
    ),
    (
        "- {name: a, expect: deny, from: any-pod, to: internet}\n- {name: «a», expect: deny, from: any-pod, to: internet}",
        "the name `a` is taken",
        "name of its own",
    ),
];

#[test]
fn every_mistake_is_found_at_its_place_with_a_next_step() {
    for (marked, message, help) in MISTAKES {
        let (before, rest) = marked.split_once('«').unwrap();
        let (wrong, _) = rest.split_once('»').unwrap();
        let text = marked.replace(['«', '»'], "");
        let (sources, assertions, findings) = read(&text);
        let [finding] = findings.as_slice() else { panic!("{text}: {findings:#?}") };
        assert!(finding.message.contains(message), "{text}: {}", finding.message);
        assert!(finding.help.iter().any(|line| line.contains(help)), "{text}: {:?}", finding.help);
        let span = finding.span().unwrap();
        assert_eq!((span.start as usize, sources.slice(span)), (before.len(), wrong), "{text}");
        assert!(assertions.len() <= usize::from(text.contains("name: a")), "{text}: {assertions:?}");
    }
}

#[test]
fn fixes_mend_what_they_are_for() {
    let mut fixed = 0;
    for (marked, ..) in MISTAKES {
        let mut text = marked.replace(['«', '»'], "");
        let (_, _, findings) = read(&text);
        let Some(fix) = &findings[0].fix else { continue };
        for edit in &fix.edits {
            text.replace_range(edit.span.start as usize..edit.span.end as usize, &edit.replacement);
        }
        let (_, _, after) = read(&text);
        // What the correct text means may need to be said more clearly still.
        let other = after.iter().all(|finding| finding.message != findings[0].message);
        assert!(other, "{text}: {after:?}");
        fixed += 1;
    }
    assert!(fixed > 10, "{fixed}");
}

#[test]
fn all_mistakes_are_found_at_once_and_good_assertions_stay() {
    let text = "
- {expect: maybe, from: nobody-at-all, to: 1.2.3, ports: [x_y, 0], world: here, more: 1}
- {expect: deny, from: any-pod, to: internet}
- 7
";
    let (sources, assertions, findings) = read(text);
    assert_eq!(assertions.len(), 1);
    let found: Vec<&str> = findings.iter().map(|finding| sources.slice(finding.span().unwrap())).collect();
    assert_eq!(found, ["maybe", "nobody-at-all", "1.2.3", "x_y", "0", "here", "more", "7"]);
    assert!(findings.iter().all(|finding| finding.rule == RULE && !finding.help.is_empty()));
    let mut keys: Vec<&str> = findings.iter().map(|finding| &*finding.key).collect();
    keys.dedup();
    assert_eq!(keys.len(), findings.len());
}
