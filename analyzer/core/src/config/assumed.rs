//! What `npv init` proposes: who they may be whom npv has to know by their labels, and what is to hold.

use std::fmt::Write as _;

use npv_models::cluster::{Cluster, PodGroup};
use npv_models::space::Labels;

use super::init::listed;
use super::show::scalar;
use crate::lint::{is_dns_pod, is_prometheus, keeps_data};
use crate::report::visible;

/// The labels that say what an application is, the most telling first.
const TELLING: [&str; 4] = ["app.kubernetes.io/name", "k8s-app", "app", "name"];

/// Somebody whom the manifests may show under a name of their own.
struct Role {
    /// The key of the configuration.
    key: &'static str,
    /// The usual labels, where nobody looks like it.
    usual: &'static str,
    /// What its names have in them, the most telling first.
    words: &'static [&'static str],
    /// What the names of its neighbours have in them.
    others: &'static [&'static str],
}

const CONTROLLER: Role = Role {
    key: "ingressController",
    usual: "{app.kubernetes.io/name: ingress-nginx}",
    words: &["ingress", "gateway", "traefik", "contour", "envoy", "haproxy", "kong", "edge", "router"],
    others: &["admission", "backend", "certgen", "api-gateway", "pushgateway"],
};
const PROMETHEUS: Role = Role {
    key: "prometheus",
    usual: "{app.kubernetes.io/name: prometheus}",
    words: &["prometheus", "vmagent", "victoria", "grafana-agent", "grafana-alloy", "scrape"],
    others: &["exporter", "adapter", "operator", "pushgateway", "alertmanager"],
};
const DNS: Role = Role {
    key: "dns",
    usual: "{k8s-app: kube-dns}",
    words: &["coredns", "kube-dns", "cluster-dns", "dns"],
    others: &["external-dns", "externaldns", "node-local", "nodelocal", "autoscaler", "webhook", "operator"],
};

/// Lines of the section `cluster`, all of them comments.
pub(super) fn proposals(cluster: &Cluster) -> String {
    let mut text = String::new();
    let assumed: Vec<String> =
        cluster.entries().into_iter().filter(|entry| entry.pods.is_empty()).map(|entry| entry.id).collect();
    if !assumed.is_empty() {
        let ids: Vec<&str> = assumed.iter().map(String::as_str).collect();
        let why = format!(
            "Ingresses or routes come in by {}, whose pods npv does not know: their labels.",
            listed(&ids)
        );
        CONTROLLER.propose(&why, cluster, &mut text);
    }
    let known = |is: &dyn Fn(&PodGroup) -> bool| cluster.groups.iter().any(is);
    if !cluster.demands.monitors.is_empty() && !known(&|group| is_prometheus(&group.labels)) {
        let why = "There are monitors, and npv does not know the pods of Prometheus: their labels.";
        PROMETHEUS.propose(why, cluster, &mut text);
    }
    if !known(&|group| is_dns_pod(cluster, group)) {
        let why = "The labels of the pods of DNS, where they are not the usual ones in `kube-system`.";
        DNS.propose(why, cluster, &mut text);
    }
    text
}

/// An assertion that most people want to hold here.
pub(super) fn assertion(cluster: &Cluster) -> String {
    let store = cluster.groups.iter().find(|group| keeps_data(group));
    match store.and_then(|group| cluster.workloads.get(group.workload.0 as usize)) {
        Some(workload) => {
            let end = format!("{}/{}", cluster.namespace_name(workload.namespace), workload.name);
            format!(
                "name: the internet stays out of the data, expect: deny, from: internet, to: {}",
                scalar(&end)
            )
        }
        None => {
            "name: no pod asks for the cloud's credentials, expect: deny, from: any-pod, to: 169.254.169.254"
                .to_owned()
        }
    }
}

impl Role {
    fn propose(&self, why: &str, cluster: &Cluster, text: &mut String) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  # {why}");
        let labels = match self.candidate(cluster) {
            Some((name, labels)) => {
                let _ = writeln!(text, "  # They may be those of {}.", visible(&name));
                labels
            }
            None => self.usual.to_owned(),
        };
        let _ = writeln!(text, "  # {}: {labels}", self.key);
    }

    /// The workload that looks most like it, with a label of its pods.
    fn candidate(&self, cluster: &Cluster) -> Option<(String, String)> {
        let found = cluster.groups.iter().filter_map(|group| {
            let workload = cluster.workloads.get(group.workload.0 as usize)?;
            let labels = telling(&group.labels)?;
            let namespace = cluster.namespace_name(workload.namespace);
            if self.others.iter().any(|word| workload.name.contains(word)) {
                return None;
            }
            let names = [&*workload.name, namespace];
            // A name of its own tells more than the namespace that it shares.
            let (place, word) = names.iter().enumerate().find_map(|(place, name)| {
                let word = self.words.iter().position(|word| name.contains(word))?;
                Some((place, word))
            })?;
            Some(((place, word), (format!("{namespace}/{}[{}]", workload.name, workload.kind), labels)))
        });
        // The first of the best: workloads are sorted by name.
        found.min_by_key(|(rank, _)| *rank).map(|(_, candidate)| candidate)
    }
}

/// The label that says best what the pods are, as a mapping on one line.
fn telling(labels: &Labels) -> Option<String> {
    let known = TELLING.into_iter().find_map(|key| Some((key, labels.get(key)?)));
    let (key, value) = known.or_else(|| labels.iter().next())?;
    Some(format!("{{{}: {}}}", scalar(key), scalar(value)))
}
