//! Reading configurations.

use npv_models::diagnostic::Finding;
use npv_models::source::{Origin, SourceMap};

use super::*;

/// What is wrong with a text: the text that each finding covers, and its message.
fn wrong(text: &str) -> Vec<(String, String)> {
    let mut sources = SourceMap::default();
    sources.add(FILE, text, Origin::File).unwrap();
    let (_, findings) = parse(text);
    let covered = |finding: &Finding| sources.slice(finding.span().unwrap()).to_owned();
    findings.iter().map(|finding| (covered(finding), finding.message.clone())).collect()
}

fn right(text: &str) -> Config {
    let (config, findings) = parse(text);
    assert!(findings.is_empty(), "{findings:#?}");
    config
}

#[test]
fn an_empty_configuration_is_the_default() {
    for text in ["", "# nothing\n", "---\n", "paths:\nrules:\ncluster:\n"] {
        let config = right(text);
        assert_eq!(format!("{config:?}"), format!("{:?}", Config::default()), "{text:?}");
    }
}

#[test]
fn every_value_is_where_it_is_written() {
    let text = "namespace: shop\ncluster: {podCidrs: [10.244.7.9/16], dns: {k8s-app: kube-dns}}\n\
                rules: {no-policy: error, dead: allow}\noutput: {failOn: never}\n\
                ignore: [{rule: no-policy, reason: on purpose, expires: 2026-12-31}]\n";
    let config = right(text);
    let at = |span: Option<npv_models::source::Span>| {
        let span = span.unwrap();
        &text[span.start as usize..span.end as usize]
    };
    assert_eq!((config.namespace.0.as_str(), at(config.namespace.span())), ("shop", "shop"));
    assert_eq!(config.cluster.pod_cidrs[0].0.to_string(), "10.244.0.0/16");
    assert_eq!(at(config.cluster.pod_cidrs.span()), "[10.244.7.9/16]");
    assert_eq!(config.cluster.dns.as_ref().unwrap().selector().to_string(), "k8s-app=kube-dns");
    assert_eq!(*config.output.fail_on, FailOn::Never);
    let ignore = &config.ignore[0];
    assert_eq!((ignore.rule.0.as_str(), at(ignore.rule.span())), ("no-policy", "no-policy"));
    assert_eq!(ignore.expires.unwrap().to_string(), "2026-12-31");
    let level = |name: &str| config.rules.of(crate::lint::rule(name).unwrap());
    assert_eq!(level("no-policy"), Some(Level::Error));
    assert_eq!(level("selects-no-pods"), Some(Level::Allow));
    assert_eq!(level("dns-egress-blocked"), None);
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let found = wrong(
        "namespce: shop\nexclude: x\ncluster: {podCidrs: [10.0.0.0/33, 5], dns: {}}\n\
         rules: {no-polcy: note, no-policy: off, invalid-policy: allow}\n\
         ignore:\n- {rule: no-policy}\n- {rule: no-policy, reason: r, expires: 2026-02-29}\n\
         output: {format: [jsn]}\noutput: {}\n",
    );
    let covered: Vec<&str> = found.iter().map(|(covered, _)| covered.as_str()).collect();
    assert_eq!(
        covered,
        [
            "namespce",
            "x",
            "10.0.0.0/33",
            "5",
            "{}",
            "no-polcy",
            "off",
            "invalid-policy",
            "{rule: no-policy}",
            "2026-02-29",
            "jsn",
            "output"
        ],
        "{found:#?}"
    );
}

#[test]
fn what_is_no_yaml_is_said_too() {
    let found = wrong("a: [\n");
    assert_eq!(found.len(), 1, "{found:?}");
    let (_, findings) = parse("a: [\n");
    assert!(findings.iter().all(|finding| finding.rule == "invalid-configuration" && !finding.incomplete));
    assert!(wrong("- a\n")[0].1.contains("a list, not a mapping"));
    assert!(wrong("{}\n---\n{}\n")[0].1.contains("one document"));
}

#[test]
fn a_switch_goes_before_the_file_and_a_rule_before_its_category() {
    let mut config = right("rules: {no-policy: error, exposure: note}\nnamespace: a\n");
    config.namespace.switch("--namespace", None);
    assert_eq!(config.namespace.0, "a");
    config.namespace.switch("--namespace", Some(Name("b".to_owned())));
    assert_eq!((config.namespace.0.as_str(), config.namespace.from), ("b", From::Switch("--namespace")));
    let rule = crate::lint::rule("no-policy").unwrap();
    let category = Target::Category(rule.category);
    config.rules.0.insert(category, Setting { value: Level::Allow, from: From::File(span()) });
    assert_eq!(config.rules.of(rule), Some(Level::Error));
    config.rules.0.insert(category, Setting { value: Level::Allow, from: From::Switch("-A") });
    assert_eq!(config.rules.of(rule), Some(Level::Allow));
}

fn span() -> npv_models::source::Span {
    npv_models::source::Span::new(npv_models::source::SourceId(0), 0, 0)
}

#[test]
fn days_of_the_calendar() {
    let day = |seconds: u64| Date::of_seconds(seconds).to_string();
    assert_eq!(day(0), "1970-01-01");
    assert_eq!(day(86_399), "1970-01-01");
    assert_eq!(day(86_400), "1970-01-02");
    assert_eq!(day(951_782_400), "2000-02-29");
    assert_eq!(day(951_868_800), "2000-03-01");
    assert_eq!(day(1_798_675_200), "2026-12-31");
    assert_eq!(day(1_798_761_600), "2027-01-01");
    for wrong in
        ["2026-13-01", "2026-00-01", "2026-04-31", "2100-02-29", "26-01-01", "2026-1-1", "2026-01-01-"]
    {
        assert!(wrong.parse::<Date>().is_err(), "{wrong}");
    }
    assert!("2024-02-29".parse::<Date>().is_ok());
    assert!("2026-12-31".parse::<Date>().unwrap() < "2027-01-01".parse().unwrap());
}

#[test]
fn a_file_is_found_upwards_to_the_root_of_its_repository() {
    let directory = tempfile::tempdir().unwrap();
    let top = directory.path().canonicalize().unwrap();
    let inner = top.join("repository/deploy/base");
    std::fs::create_dir_all(&inner).unwrap();
    std::fs::write(top.join(FILE), "").unwrap();
    let found = |start: &std::path::Path| find(&Search::Upwards(vec![start.to_owned()]));
    assert_eq!(found(&inner), None, "there is no repository, so only the directory itself is looked at");
    std::fs::create_dir(top.join("repository/.git")).unwrap();
    assert_eq!(found(&inner), None, "what is above the repository belongs to somebody else");
    std::fs::write(top.join("repository").join(FILE), "").unwrap();
    assert!(found(&inner).unwrap().ends_with("repository/npv.yaml"));
    // A manifest that happens to have the name.
    std::fs::write(inner.join(FILE), "# npv runs nightly\napiVersion: batch/v1\nkind: CronJob\n").unwrap();
    assert!(found(&inner).unwrap().ends_with("repository/npv.yaml"));
    std::fs::write(inner.join(FILE), "namespace: apiVersion\n").unwrap();
    assert!(found(&inner).unwrap().ends_with("base/npv.yaml"));
    assert_eq!(find(&Search::Off), None);
}

#[test]
fn paths_are_as_short_as_one_would_write_them() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path().canonicalize().unwrap();
    let shown = |path: &std::path::Path| from_here(path, &here).to_string_lossy().into_owned();
    assert_eq!(shown(&here.join("a/npv.yaml")), "a/npv.yaml");
    assert_eq!(shown(&here.parent().unwrap().join("npv.yaml")), "../npv.yaml");
    assert_eq!(shown(std::path::Path::new("/npv.yaml")), "/npv.yaml");
}
