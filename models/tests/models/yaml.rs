//! Reading YAML and JSON as a user of the crate does: values, spans, problems, bounds.

use std::fmt::Write;
use std::time::{Duration, Instant};

use npv_models::source::SourceId;
use npv_models::yaml::{self, Documents, Items, MAX_DEPTH, Node, TEMPLATE, Value};
use proptest::prelude::*;

fn read(text: &str) -> Documents {
    yaml::read(SourceId(0), text, 0)
}

/// The only document of a text that has no problems.
fn one(text: &str) -> Node {
    let mut documents = read(text);
    assert_eq!(documents.problems, [], "{text}");
    assert_eq!(documents.roots.len(), 1, "{text}");
    documents.roots.pop().unwrap()
}

/// JSON without spans: what the tests compare and print.
fn plain(node: &Node) -> serde_json::Value {
    match &node.value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(value) => (*value).into(),
        Value::Int(value) => (*value).into(),
        Value::Float(value) => (*value).into(),
        Value::Str(value) => (&**value).into(),
        Value::Seq(items) => items.iter().map(plain).collect(),
        // Pairs, because a JSON object would hide duplicate keys.
        Value::Map(entries) => entries
            .iter()
            .map(|entry| serde_json::json!({"k": &*entry.key, "v": plain(&entry.value)}))
            .collect(),
    }
}

/// Reads the text at a node's span again, where it stands in its line, and compares.
fn check_span(text: &str, offset: u32, node: &Node) {
    let slice = |start: u32, end: u32| &text[(start - offset) as usize..(end - offset) as usize];
    let reread = |start: u32, end: u32| {
        let start_in_text = (start - offset) as usize;
        let line = text[..start_in_text].rfind('\n').map_or(0, |at| at + 1);
        let indent: String = text[line..start_in_text].chars().map(|_| ' ').collect();
        read(&format!("{indent}{}", slice(start, end)))
    };
    let again = reread(node.span.start, node.span.end);
    assert_eq!(again.problems, [], "`{}` in {text}", slice(node.span.start, node.span.end));
    let again = again.roots.first().map_or(serde_json::Value::Null, plain);
    assert_eq!(again, plain(node), "`{}` in {text}", slice(node.span.start, node.span.end));
    for item in node.items() {
        check_span(text, offset, item);
    }
    for entry in node.entries() {
        let key = reread(entry.key_span.start, entry.key_span.end);
        let key = plain(&key.roots[0]);
        let key = key.as_str().map_or_else(|| key.to_string(), str::to_owned);
        assert_eq!(key, &*entry.key, "{text}");
        check_span(text, offset, &entry.value);
    }
}

const POLICY: &str = "\
# a comment
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: \"front end\"
  labels: {app: 'a''b', tier: \"x\\ty\", empty: , on: 1}
  annotations:
    text: |
      first # no comment

      second
    folded: >-  # a comment with > and |
      one
      two
    plain: some words
      on two lines
spec:
  podSelector: {}
  policyTypes: [Ingress, Egress,]
  ingress:
  - from:
    - podSelector:
        matchExpressions:
        - {key: app, operator: In, values: [a, b, c: d]}
    -
      ipBlock:
        cidr: 10.0.0.0/8
    ports:
    # why
    - port: 80
      protocol: TCP
    - port: 0x50
  - {}
  -
  egress:
";

const JSON: &str = "{ \"apiVersion\":\"v1\" ,\n \"kind\" : \"Pod\", \"n\": [ 1, -2.5e3, true,false ,null, {}, [ ] , \"\"],\n\
                    \"text\": \"a\\\"b\\\\\", \"\\u0061\\ud834\\udd1e\": {\"deep\": [[\"ü\"], {\"x\\/\": \"y\\n\"}]}}\n";

#[test]
fn every_span_reads_as_its_value() {
    for text in
        [POLICY, JSON, &POLICY.replace('\n', "\r\n"), "- - a\n  - b\n-\n  - c\n- k:\n    - d\n", "[1, 2]"]
    {
        check_span(text, 0, &one(text));
    }
    // The same in the middle of a source.
    let documents = yaml::read(SourceId(3), POLICY, 1000);
    assert_eq!(documents.roots[0].span.source, SourceId(3));
    check_span(POLICY, 1000, &documents.roots[0]);
    let documents = yaml::read(SourceId(3), JSON, 1000);
    check_span(JSON, 1000, &documents.roots[0]);
}

#[test]
fn json_and_yaml_agree() {
    let json: serde_json::Value = serde_json::from_str(JSON).unwrap();
    let as_yaml = one(&format!("---\n# not JSON at first sight\n{JSON}"));
    assert_eq!(plain(&one(JSON)), plain(&as_yaml));
    assert_eq!(one(JSON).get("text").and_then(Node::as_str), json["text"].as_str());
    assert_eq!(one(JSON).get("a𝄞").map(|node| node.entries().len()), Some(1));
}

#[test]
fn values_are_those_of_kubectl() {
    let root = one(POLICY);
    let metadata = root.get("metadata").unwrap();
    let text = |path: &[&str]| {
        path.iter().try_fold(metadata, |node, key| node.get(key)).and_then(Node::as_str).unwrap().to_owned()
    };
    assert_eq!(text(&["name"]), "front end");
    assert_eq!(text(&["labels", "app"]), "a'b");
    assert_eq!(text(&["annotations", "text"]), "first # no comment\n\nsecond\n");
    assert_eq!(text(&["annotations", "folded"]), "one two");
    assert_eq!(text(&["annotations", "plain"]), "some words on two lines");
    assert!(metadata.get("labels").unwrap().get("empty").unwrap().is_null());
    assert_eq!(metadata.get("labels").unwrap().get("true").and_then(Node::as_int), Some(1));
    let ingress = root.get("spec").unwrap().get("ingress").unwrap();
    let ports = ingress.items()[0].get("ports").unwrap();
    assert_eq!(ports.items()[1].get("port").and_then(Node::as_int), Some(80));
    assert!(ingress.items()[2].is_null());
    for (text, int) in [("a: 80.0", Some(80)), ("a: 8e1", Some(80)), ("a: 80.5", None), ("a: \"80\"", None)] {
        assert_eq!(one(text).get("a").unwrap().as_int(), int, "{text}");
    }
}

#[test]
fn the_last_duplicate_wins_and_all_are_kept() {
    for text in ["a: 1\nb: 2\na: 3\n", "{\"a\": 1, \"b\": 2, \"a\": 3}"] {
        let root = one(text);
        assert_eq!(root.entries().len(), 3, "{text}");
        assert_eq!(root.get("a").and_then(Node::as_int), Some(3), "{text}");
    }
}

#[test]
fn anchors_and_merge_keys() {
    let root =
        one("x: &x {k: 1, j: 2}\ny: &y\n  k: 5\nlist: &l [1, *x]\ncopy: *l\nkey: &s name\n*s : value\n");
    assert_eq!(plain(root.get("copy").unwrap()), plain(root.get("list").unwrap()));
    assert_eq!(root.get("copy").unwrap().span, root.get("list").unwrap().span);
    assert_eq!(root.get("name").and_then(Node::as_str), Some("value"));

    // In order: a merge overrides what stands before it, and is overridden by what stands behind it.
    let root = one("x: &x {k: 1, j: 2}\nm:\n  k: 5\n  <<: *x\n  j: 7\n");
    let m = root.get("m").unwrap();
    assert_eq!(m.entries().len(), 2);
    assert_eq!((m.get("k").and_then(Node::as_int), m.get("j").and_then(Node::as_int)), (Some(1), Some(7)));
    // Of a list, the first wins.
    let root = one("- &a {k: 1}\n- &b {k: 2, l: 3}\n- <<: [*a, *b]\n");
    let merged = &root.items()[2];
    assert_eq!(
        (merged.get("k").and_then(Node::as_int), merged.get("l").and_then(Node::as_int)),
        (Some(1), Some(3))
    );
    // Quoted, it is a key like any other.
    assert_eq!(one("\"<<\": 1").get("<<").and_then(Node::as_int), Some(1));
    // A duplicate that is written stays visible beside a merge.
    assert_eq!(one("x: &x {z: 0}\nm:\n  a: 1\n  <<: *x\n  a: 2\n").get("m").unwrap().entries().len(), 3);
}

/// Problems as `line:text at the span:message`.
fn problems(text: &str) -> Vec<String> {
    let documents = read(text);
    documents
        .problems
        .iter()
        .map(|finding| {
            assert_eq!(finding.rule, "unreadable-document");
            assert!(finding.incomplete && !finding.help.is_empty());
            let span = finding.span().unwrap();
            let line = text[..span.start as usize].matches('\n').count() + 1;
            format!("{line}:{}:{}", &text[span.start as usize..span.end as usize], finding.message)
        })
        .collect()
}

#[test]
fn one_bad_document_hides_no_other() {
    let text = "a: 1\n---\nb: [1\n---\nc: 3\n---\n- x: *nowhere\n---\nd: 4\n---\n? [k]\n: v\n---\n~: 1\n---\ne: 5\n...\n\
                f: 6\n---\ng: 7\n---\n\ty: {\n---\nh: !!int x\n---\ni: 9\n";
    let roots: Vec<String> = read(text).roots.iter().map(|root| root.entries()[0].key.to_string()).collect();
    assert_eq!(roots, ["a", "c", "d", "e", "g", "i"]);
    assert_eq!(
        problems(text),
        [
            "3:[:this is not valid YAML: unclosed bracket `[`",
            "7:*nowhere:the alias `*nowhere` has no anchor `&nowhere` before it",
            "11:[k]:a list cannot be the key of a mapping",
            "14:~:null cannot be the key of a mapping",
            "18::kubectl silently drops this document: it follows `...` without a `---`",
            "22:{:this is not valid YAML: unclosed bracket `{`",
            "24:x:`x` is no value of the tag `!!int`",
        ]
    );
}

#[test]
fn messages_say_what_is_wrong() {
    assert_eq!(problems("a:\n\tb: 1\n"), ["2:\t:a tab cannot indent YAML"]);
    assert_eq!(
        problems("%YAML 1.1\n---\na: 1\n"),
        ["1:%:kubectl refuses YAML directives such as `%YAML` and `%TAG`"]
    );
    for text in ["a\u{2028}b: 1\n", "a: |\n  b\u{2028}\n", "a: 1 # b\u{2028}c: 2\n"] {
        assert_eq!(
            problems(text),
            ["1:\u{2028}:kubectl takes the character U+2028 for a line break"
                .replace("1:", if text.contains('|') { "2:" } else { "1:" })]
        );
    }
    assert_eq!(problems("a: \"b\u{85}c\"\n"), Vec::<String>::new());
    assert_eq!(problems("a: 1\n...\n# b\u{2029}c: 2\n").len(), 1);
    assert_eq!(problems("a: @x\n"), ["1:@:`@` cannot start a value"]);
    assert_eq!(problems("a: \0\n"), ["1:\0:the control character U+0000 cannot stand in YAML"]);
    assert_eq!(problems("a: &a [*a]\n"), ["1:*a:this alias is inside the value that it stands for"]);
    assert_eq!(problems("<<: 1\n"), ["1:1:`<<` merges mappings, this is a number"]);
    assert_eq!(problems("{\"a\": 1,\n \"b\" 2}"), ["2:2:this is not valid JSON: expected `:`"]);
    assert_eq!(problems("{\"a\": 1").len(), 1);
    // Flow YAML that starts like JSON is YAML.
    assert_eq!(problems("{a: 1, b: @}"), ["1:@:`@` cannot start a value"]);
    assert_eq!(one("{a: 1, 'b': [x]}").entries().len(), 2);
    for text in [
        "a: {{ .Values.x }}\n",
        "{{- if .Values.x }}\na: 1\n{{- end }}\n",
        "a: 1\n{{ include \"x\" . }}\n",
        "a:\n  {{- toYaml .Values.b | nindent 2 }}\n",
    ] {
        let documents = read(text);
        assert_eq!(documents.problems.len(), 1, "{text}");
        assert!(documents.problems[0].help[0].contains("helm template"), "{text}");
    }
    for text in ["a: {{x}}: [\n", "a: {{ x }}\nb: {{ y }}\n", "{% if x %}\na: 1\n{% endif %}\n"] {
        let documents = read(text);
        assert_eq!(documents.problems.len(), 1, "{text}");
        assert_eq!(documents.problems[0].key, TEMPLATE, "{text}");
    }
    assert_eq!(
        problems("a: {{unit}}\nb: {{unit}}\n"),
        ["1:{{unit}}:this is a template: `{{unit}}` must be filled in before it is a manifest"]
    );
}

/// kubectl reads quoted values whose further lines stand as far left as they like.
#[test]
fn quoted_values_that_go_on_at_the_left() {
    let value = |text: &str| {
        let documents = read(text);
        assert_eq!(documents.problems, [], "{text}");
        documents
            .roots
            .iter()
            .map(|root| root.entries()[0].value.as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(value("a: \"b\nc\"\nd: 1\n"), ["b c"]);
    assert_eq!(value("a: 'b  \nc''\n\n\nd'\n"), ["b c'\n\nd"]);
    assert_eq!(value("x: \"1\"\n---\na: \"b\nc\\td\r\n\r\ne\"\n---\nz: \"2\"\n"), ["1", "b c\td\ne", "2"]);
    let text =
        "kind: Job\nspec:\n  args: [x]\n  command: [sh, -c]\n  script:\n  - \"a\n  b\nc\"\n  last: here\n";
    let documents = read(text);
    assert_eq!(documents.problems, []);
    let spec = documents.roots[0].get("spec").unwrap();
    assert_eq!(spec.get("script").unwrap().items()[0].as_str(), Some("a b c"));
    let last = spec.get("last").unwrap().span;
    assert_eq!(&text[last.start as usize..last.end as usize], "here");
    // What else is wrong is said, and too much of it is refused.
    assert_eq!(problems("a: \"b\nc\"\nd: @x\n"), ["3:@:`@` cannot start a value"]);
    assert_eq!(problems(&format!("a: \"{}\"\n", "b\n".repeat(200))).len(), 1);
}

#[test]
fn streams_of_several_kinds() {
    let keys = |text: &str| -> Vec<String> {
        let documents = read(text);
        assert_eq!(documents.problems, [], "{text}");
        documents.roots.iter().map(|root| root.entries()[0].key.to_string()).collect()
    };
    assert_eq!(keys("{\"a\":1}{\"b\":2}\n {\"c\":3}"), ["a", "b", "c"]);
    assert_eq!(keys("{\"a\":1}\n---\nb: 2\n"), ["a", "b"]);
    assert_eq!(keys("{\"a\":1}\n---\n{\"b\":2}\n--- # x\n{c: 3}\n---\n{\"d\":4}\n"), ["a", "b", "c", "d"]);
    assert_eq!(keys("\u{feff}a: 1\n---\n\u{feff}b: 2\n---\r\n\u{feff}{\"c\": 3}"), ["a", "b", "c"]);
    assert_eq!(keys("\u{feff}{\"a\":1}"), ["a"]);
    assert_eq!(keys("# nothing\n---\n---\n# x\n---\na: 1\n---\n...\n"), ["a"]);
    assert_eq!(keys("a: 1\n...\n---\nb: 2\n...\n"), ["a", "b"]);
    assert_eq!(keys(""), Vec::<String>::new());
}

#[test]
fn items_are_handed_over_one_by_one() {
    let items = |text: &str, syntax| {
        let mut items = Vec::new();
        let remarks = yaml::read_items(SourceId(0), text, 5, syntax, |item| items.push(item));
        let messages: Vec<String> = remarks.problems.into_iter().map(|problem| problem.message).collect();
        (items, messages)
    };
    let text = "- a: [1, 2]\n  b: &x {c: d}\n# between\n- - nested\n  - list\n- *x\n-\n- e\n";
    let whole = yaml::read(SourceId(0), text, 5).roots.remove(0);
    let (read, problems) = items(text, Items::Yaml);
    assert_eq!((read.as_slice(), problems.len()), (whole.items(), 0));
    let text = "{\"a\": [1]} , 2,\n[3]";
    let (read, problems) = items(text, Items::Json);
    assert_eq!(problems, Vec::<String>::new());
    assert_eq!(read.len(), 3);
    assert_eq!(read[1].span.start as usize, 5 + text.find('2').unwrap());

    assert_eq!(items("a: 1\n", Items::Yaml).1, ["this is not an item of the list around it"]);
    assert_eq!(items("- a\n- [\n", Items::Yaml).1, ["this is not valid YAML: unclosed bracket `[`"]);
    assert_eq!(items("1 2", Items::Json).1, ["this is not valid JSON: expected `,` between two items"]);
    assert_eq!(items("1, ]", Items::Json).1, ["this is not valid JSON: expected value"]);
}

#[test]
fn comments_that_speak_to_npv_are_kept() {
    let text = "a: 1 # npv: ignore[x] why\n# other\nb: \"# npv: no comment\"\n---\n# npv: hello\nc: 1\n";
    let documents = read(text);
    let comments: Vec<&str> =
        documents.comments.iter().map(|span| &text[span.start as usize..span.end as usize]).collect();
    assert_eq!(comments, ["# npv: ignore[x] why", "# npv: hello"]);
}

/// `step` on a line of its own, indented by one more each time.
fn staircase(step: &str, steps: usize) -> String {
    let lines: Vec<String> = (0..steps).map(|depth| " ".repeat(depth) + step + "\n").collect();
    lines.concat()
}

fn depth(node: &Node) -> usize {
    let below = node.items().iter().chain(node.entries().iter().map(|entry| &entry.value)).map(depth).max();
    match &node.value {
        Value::Seq(_) | Value::Map(_) => 1 + below.unwrap_or(0),
        _ => 0,
    }
}

fn count(node: &Node) -> usize {
    let items: usize = node.items().iter().map(count).sum();
    1 + items + node.entries().iter().map(|entry| count(&entry.value)).sum::<usize>()
}

#[test]
fn bombs_end_soon_with_a_finding() {
    let n = 100_000;
    let repeat = |text: &str| text.repeat(n);
    let nest = |step: &str| staircase(step, 3000);
    let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..20 {
        let alias = format!("*a{}", level - 1);
        writeln!(laughs, "a{level}: &a{level} [{}]", [&*alias; 9].join(", ")).unwrap();
    }
    let mut merges = "a0: &a0 {k: v}\n".to_owned();
    for level in 1..200 {
        writeln!(merges, "a{level}: &a{level}\n  x{level}: {{<<: *a{0}}}\n  y{level}: *a{0}", level - 1)
            .unwrap();
    }
    let gigabyte = format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), "*a, ".repeat(1024));
    let mut nested_aliases = "a0: &a0 [x]\n".to_owned();
    for level in 1..300 {
        writeln!(nested_aliases, "a{level}: &a{level} [*a{}]", level - 1).unwrap();
    }
    let bombs = [
        repeat("["),
        repeat("{"),
        repeat("[{\"a\":"),
        repeat("? "),
        repeat("- "),
        repeat("[\n"),
        nest("?"),
        nest("a:"),
        nest("-"),
        format!("{}{}", repeat("["), repeat("]")),
        format!("{{\"a\":{}}}", repeat("[")),
        laughs,
        merges,
        gigabyte,
        nested_aliases,
        repeat("*a\n"),
        format!("- &a [*a]\n{}", repeat("- *x\n")),
        repeat("\0"),
        repeat("'\"\n"),
    ];
    for bomb in bombs {
        let start = Instant::now();
        let documents = read(&bomb);
        let problems = documents.problems.len();
        let name = &bomb[..bomb.len().min(30)];
        assert!((1..=1001).contains(&problems), "{problems} problems: {name}");
        let copy = documents.roots.clone();
        drop(documents);
        assert!(copy.iter().all(|root| depth(root) <= MAX_DEPTH), "{name}");
        assert!(start.elapsed() < Duration::from_secs(10), "{name}: {:?}", start.elapsed());
    }
    // Small texts that make large trees.
    for (text, read_all) in [("[{}]", true), ("{\"a\":[0]}", true), ("[{}", false)] {
        let item = format!("{text},");
        let text = format!("[{}{text}{}", item.repeat(2_500_000), if read_all { "]" } else { "" });
        let start = Instant::now();
        assert_eq!(problems(&text).len(), 1);
        assert!(start.elapsed() < Duration::from_secs(60));
    }
    // Messages stay short, whatever they quote.
    let long = "x".repeat(1 << 20);
    for text in [format!("a: !!int {long}\n"), format!("a: *{long}\n")] {
        assert!(read(&text).problems[0].message.len() < 500);
    }
    // Many bad documents: listed up to a bound, and the rest counted.
    let many = read(&"---\n[\n".repeat(5000));
    assert_eq!(many.problems.len(), 1001);
    assert_eq!(many.problems[1000].message, "4000 more documents cannot be read");
    // Plenty of honest aliases still fit.
    let honest = format!("a: &a [{}]\nb: [{}]\n", "x, ".repeat(100), "*a, ".repeat(500));
    assert_eq!(count(&one(&honest)), 3 + 100 + 500 * 101);
}

#[test]
fn the_deepest_tree_is_safe_to_walk() {
    let ok = format!("{}{}", "[".repeat(120), "]".repeat(120));
    assert_eq!(depth(&one(&ok)), 120);
    let yaml = staircase("a:", MAX_DEPTH);
    assert_eq!(depth(&one(&yaml)), MAX_DEPTH);
    assert_eq!(problems(&format!("{yaml}{}a:\n", " ".repeat(MAX_DEPTH))).len(), 1);
}

fn walk(node: &Node, inside: &dyn Fn(u32, u32)) {
    inside(node.span.start, node.span.end);
    for entry in node.entries() {
        inside(entry.key_span.start, entry.key_span.end);
    }
    let children = node.items().iter().chain(node.entries().iter().map(|entry| &entry.value));
    children.for_each(|node| walk(node, inside));
}

fn check_bounds(text: &str) {
    let documents = yaml::read(SourceId(0), text, 7);
    let inside = |start: u32, end: u32| {
        assert!(start >= 7 && start <= end, "{start}..{end}");
        assert!(text.get(start as usize - 7..end as usize - 7).is_some(), "{start}..{end} in {text:?}");
    };
    let mut end = 0;
    for root in &documents.roots {
        walk(root, &inside);
        assert!(depth(root) <= MAX_DEPTH);
        assert!(!root.is_null());
        assert!(root.span.start >= end, "documents out of order in {text:?}");
        end = root.span.start;
    }
    for span in documents.problems.iter().flat_map(|finding| &finding.locations).map(|location| location.span)
    {
        inside(span.start, span.end);
    }
    for span in &documents.comments {
        inside(span.start, span.end);
    }
}

/// Valid manifests with pieces cut out, doubled, swapped and inserted.
fn mutated() -> impl Strategy<Value = String> {
    let valid =
        prop::sample::select(vec![POLICY, JSON, "a: &a [x]\nb: *a\nc: {<<: {d: 1}}\n---\ne: !!int 1\n...\n"]);
    let snippet = prop::sample::select(vec![
        "---\n",
        "\n",
        "  ",
        "\t",
        "{",
        "}",
        "[",
        "]",
        "&a ",
        "*a",
        "? ",
        ": ",
        "- ",
        "|",
        ">",
        "\"",
        "'",
        "#",
        "%YAML\n",
        "<<: ",
        "\u{feff}",
        "ü",
        "\0",
        "\\",
        "!!str ",
        "...",
        ",",
        "npv:",
        "# npv: x\n",
        "~",
        "\r",
    ]);
    let edit = (any::<prop::sample::Index>(), 0_usize..12, snippet);
    (valid, prop::collection::vec(edit, 0..8)).prop_map(|(text, edits)| {
        let mut chars: Vec<char> = text.chars().collect();
        for (at, remove, insert) in edits {
            let at = at.index(chars.len() + 1);
            let end = (at + remove).min(chars.len());
            chars.splice(at..end, insert.chars());
        }
        chars.into_iter().collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn mutated_manifests_keep_the_bounds(text in mutated()) {
        check_bounds(&text);
    }

    #[test]
    fn arbitrary_text_keeps_the_bounds(text in "(?s)[-{}\\[\\]:,?&*!|>'\"%@`#~ab1 \n\t\r\u{feff}ü.<\\\\\0]{0,80}|.{0,60}") {
        check_bounds(&text);
    }
}
