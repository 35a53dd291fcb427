//! The configuration of a repository: `npv.yaml`, which switches of the command line override.
//!
//! [`Config`] and its sections are each one definition, from which follow reading with positions, the JSON
//! Schema that `docs/schema/config.json` publishes, and what `npv config show` prints. Whatever is wrong with a
//! file is a finding at its place, all of them at once.

mod assumed;
mod define;
mod external;
mod file;
mod init;
mod levels;
mod read;
mod schema;
mod show;
mod values;

#[cfg(test)]
mod tests;

pub use define::{From, Setting};
pub use external::PodPort;
pub use file::{Configured, FILE, Invalid, Search, find, from_here, is_configuration, load, parse, whole};
pub use init::init;
pub use levels::{Level, Levels, Target};
pub use schema::{schema, schema_text};
pub use show::{Row, rows, show, show_json};
pub use values::{
    Assertions, Cidr, Date, FailOn, Glob, Labels, Lines, Name, Place, Plugin, RuleName, Threshold, Written,
};

pub(crate) use read::Reader;

use define::section;

section! {
    /// The configuration of npv for one repository. Every key may be left out, and paths are relative to the
    /// file's own directory.
    pub struct Config {
        /// Files and directories to read where none are named on the command line.
        paths "paths": Vec<Place> = Vec::new(),
        /// What to leave out of directories, as in `.gitignore`. What is named on the command line is read all the
        /// same.
        exclude "exclude": Vec<Glob> = Vec::new(),
        /// The namespace of objects that name none.
        namespace "namespace": Name = Name("default".to_owned()),
        /// Run kustomize and helm on the directories that need it, and read what they print.
        render "render": bool = false,
        /// Values files for `helm template`.
        values "values": Vec<Place> = Vec::new(),
        /// The network plugin, with a version or without: `cilium`, `calico@3.30`, `upstream`; `auto` is what the
        /// manifests show.
        cni "cni": Plugin = Plugin::default(),
        /// Single values for `helm template`, as its `--set` takes them: `image.tag=1.2`.
        set "set": Vec<Written> = Vec::new(),
        /// The version of Kubernetes that charts are rendered for: `1.32`.
        kube_version "kubeVersion": Option<String> = None,
        /// Variants of the same objects, each a cluster of its own: answers are per environment.
        environments "environments": Vec<Environment> = Vec::new(),
        /// Pods that others make, so that no manifest shows them: operators, spawners, other teams.
        external_pods "externalPods": Vec<ExternalPods> = Vec::new(),
        /// What npv is to assume of the cluster.
        cluster "cluster": Cluster = Cluster::default(),
        /// Levels of lint rules and of their categories; that of a rule goes before that of its category. Validity
        /// has none: what the API server refuses stays an error.
        rules "rules": Levels = Levels::default(),
        /// Run the pedantic rules too.
        pedantic "pedantic": bool = false,
        /// Exceptions: findings that are as they should be, each with its reason.
        ignore "ignore": Vec<Ignore> = Vec::new(),
        /// What must hold: see `npv prove`.
        assertions "assertions": Assertions = Assertions::default(),
        /// The file with the findings that were there before, which `npv baseline write` makes. A file
        /// `npv-baseline.json` beside this one need not be named.
        baseline "baseline": Option<Place> = None,
        /// What `npv check` prints, and what makes it fail.
        output "output": Output = Output::default(),
    }
}

section! {
    /// One of several clusters that are made of the same repository.
    pub struct Environment requires ["name", "paths"] {
        /// What it is called.
        name "name": Written = Written::default(),
        /// Files and directories that are read for it, and for no other unless they are named there too.
        paths "paths": Vec<Place> = Vec::new(),
    }
}

section! {
    /// Pods that others make.
    pub struct ExternalPods requires ["namespace", "labels"] {
        /// What they are called; after their first label where nothing is written.
        name "name": Option<String> = None,
        /// The namespace that they are in.
        namespace "namespace": Name = Name("default".to_owned()),
        /// Their labels.
        labels "labels": Option<Labels> = None,
        /// Their ports: `6379`, `53/udp`, `metrics:9121`.
        ports "ports": Vec<PodPort> = Vec::new(),
    }
}

section! {
    /// What npv is to assume of the cluster.
    pub struct Cluster {
        /// The addresses of pods. They are not outside: answers leave them out of the ranges of the world outside.
        pod_cidrs "podCidrs": Vec<Cidr> = Vec::new(),
        /// The addresses of Services. They are not outside either.
        service_cidrs "serviceCidrs": Vec<Cidr> = Vec::new(),
        /// The labels of the pods that serve Ingresses, routes and Gateways, where npv does not know the controller.
        ingress_controller "ingressController": Option<Labels> = None,
        /// The labels of the pods of Prometheus, in whatever namespace.
        prometheus "prometheus": Option<Labels> = None,
        /// The labels of the pods of the cluster's DNS, in whatever namespace.
        dns "dns": Option<Labels> = None,
        /// The network plugin never matches a pod by an ipBlock.
        blocks_skip_pods "blocksSkipPods": bool = false,
        /// The network plugin applies selectors to pods on the host network too.
        selectors_see_host_network "selectorsSeeHostNetwork": bool = false,
    }
}

section! {
    /// An exception: a finding that is as it should be.
    pub struct Ignore requires ["rule", "reason"] {
        /// The lint rule.
        rule "rule": RuleName = RuleName::default(),
        /// The object that the finding is about, as findings name it: `Deployment/shop/web`. `*` stands for any
        /// text without a `/`. Any object where it is left out.
        object "object": Option<String> = None,
        /// The files that the finding is in, as in `.gitignore`; any file where it is left out.
        path "path": Option<Glob> = None,
        /// Why it is as it should be, for whoever reads this next.
        reason "reason": Written = Written::default(),
        /// The last day of the exception; from the next one on the finding is back.
        expires "expires": Option<Date> = None,
    }
}

section! {
    /// What `npv check` prints, and what makes it fail.
    pub struct Output {
        /// How to write the answer, and where: `text`, `json=findings.json`.
        format "format": Vec<Lines> = Vec::new(),
        /// The mildest finding that makes `npv check` exit with 1.
        fail_on "failOn": FailOn = FailOn::Warning,
        /// The mildest finding that is reported.
        min_severity "minSeverity": Threshold = Threshold::Note,
        /// Take an answer that leaves something out for what it is worth: do not exit with 3.
        allow_incomplete "allowIncomplete": bool = false,
    }
}
