//! `--cni`: one plugin, several, and one on each side of a comparison.

use npv_tests::npv::{Run, npv, root};
use serde_json::Value;

fn run(arguments: &[&str]) -> Run {
    npv(&root().join("corpus"), arguments)
}

const SHOP: &str = "plugins-upstream/manifests";

#[test]
fn a_comparison_of_two_plugins_reads_one_set_of_manifests() {
    let diff = run(&["diff", "--cni", "calico..cilium", "--format", "json", SHOP]);
    assert_eq!(diff.status, 0, "{diff}");
    let document: Value = serde_json::from_str(&diff.stdout).unwrap();
    let flows = |list: &str| -> Vec<String> {
        let all = document[list].as_array().unwrap();
        all.iter().map(|flow| format!("{} -> {}", flow["src"], flow["dst"]).replace('"', "")).collect()
    };
    assert_eq!(flows("opened"), ["audit/probe[Pod] -> shop/web[Pod]"]);
    assert_eq!(flows("closed"), ["shop/cart[Pod] -> audit/probe[Pod]", "shop/cart[Pod] -> shop/web[Pod]"]);
    let text = run(&["diff", "--cni", "calico..cilium", SHOP]).stdout;
    assert!(text.contains("which the network plugin reads otherwise"), "{text}");
    assert!(!text.contains("\npolicies\n"), "the manifests are the same: {text}");
}

#[test]
fn a_check_for_several_plugins_says_what_is_so_with_which() {
    let check = run(&["check", "--cni", "weave", "--cni", "k3s", SHOP]);
    assert_eq!(check.status, 1, "{check}");
    assert!(check.stderr.contains("findings are those with weave and k3s"), "{check}");
    assert!(check.stdout.contains("only with weave"), "{check}");
    assert!(check.stdout.contains("k3s does not watch AdminNetworkPolicy"), "{check}");
}

#[test]
fn answers_say_which_plugin_they_rest_on_and_what_shows_it() {
    let text = run(&["reach", "plugins-terway/manifests"]).stdout;
    assert!(text.contains("network plugin: terway-veth 3.31, policies off: "), "{text}");
    assert!(
        text.contains("has `disable_network_policy: true` at plugins-terway/manifests/terway.yaml:9:"),
        "{text}"
    );
    let json = run(&["check", "--format", "json", "plugins-terway/manifests"]).stdout;
    let document: Value = serde_json::from_str(&json).unwrap();
    let cni = &document["cni"];
    assert_eq!(
        (&cni["name"], &cni["enforces"], &cni["named"]),
        (&"terway-veth".into(), &false.into(), &false.into())
    );
    assert_eq!(cni["seen"][1]["at"]["line"], 9);
    let upstream = run(&["reach", SHOP]).stdout;
    assert!(!upstream.contains("network plugin"), "what the API says needs no word: {upstream}");
}

#[test]
fn what_makes_no_sense_is_refused() {
    for (arguments, message) in [
        (&["check", "--cni", "nope", SHOP][..], "is no network plugin that npv knows"),
        (&["reach", "--cni", "calico", "--cni", "cilium", SHOP], "one network plugin at a time"),
        (&["reach", "--cni", "calico..cilium", SHOP], "one network plugin at a time"),
        (&["check", "--cni", "calico..cilium", SHOP], "compares nothing"),
        (&["check", "--fix", "--cni", "calico", "--cni", "cilium", SHOP], "may break them for another"),
        (&["diff", "--cni", "calico", "--cni", "cilium", SHOP], "HEAD"),
        (&["diff", "--world", "any", "--cni", "calico..cilium", SHOP], "under one network plugin"),
        (&["diff", "--cni", "calico..cilium", SHOP, SHOP], "on one set of manifests"),
    ] {
        let run = run(arguments);
        assert_eq!(run.status, 2, "{arguments:?}\n{run}");
        assert!(run.stderr.contains(message), "{arguments:?}\n{run}");
    }
}
