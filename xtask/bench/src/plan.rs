//! What is in a generated cluster, before it is written down.
//!
//! The skew is that of real clusters: a few workloads have most of the replicas, a few namespaces most of
//! the workloads; every namespace has the same handful of policies for all its pods, which name the same
//! peers everywhere, and then one for each application that names its clients.

use ipnet::IpNet;
use npv_models::space::{Operator, Protocol, Requirement, Selector};

use crate::random::Random;

/// How large a cluster is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Number of pods.
    pub pods: u32,
    /// Number of policies.
    pub policies: u32,
    /// Number of workloads.
    pub workloads: u32,
}

impl Size {
    /// As many pods and policies, and as many workloads as clusters of that size tend to have.
    pub fn new(pods: u32, policies: u32) -> Self {
        Self { pods, policies, workloads: (pods / 10).max(pods.min(20)).max(1) }
    }
}

/// A generated cluster.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Sorted by name.
    pub namespaces: Vec<NamespacePlan>,
    /// Number of nodes; pod `n` of all is on node `n % nodes`.
    pub nodes: u32,
}

/// A namespace with all that is in it.
#[derive(Clone, Debug)]
pub struct NamespacePlan {
    /// Its name.
    pub name: String,
    /// Its labels, sorted.
    pub labels: Vec<(String, String)>,
    /// Sorted by name.
    pub workloads: Vec<WorkloadPlan>,
    /// Sorted by name.
    pub policies: Vec<PolicyPlan>,
}

/// A controller with pods.
#[derive(Clone, Debug)]
pub struct WorkloadPlan {
    /// Its name.
    pub name: String,
    /// The labels of its pods, sorted.
    pub labels: Vec<(String, String)>,
    /// Number of pods.
    pub replicas: u32,
    /// Names and numbers of the TCP ports.
    pub ports: Vec<(String, u16)>,
    /// A StatefulSet, whose pods each have a label of their own; otherwise a Deployment.
    pub stateful: bool,
    /// Its pods use their nodes' network.
    pub host_network: bool,
}

/// A NetworkPolicy.
#[derive(Clone, Debug)]
pub struct PolicyPlan {
    /// Its name.
    pub name: String,
    /// Whom it applies to.
    pub subject: Selector,
    /// Rules for connections to them; `None` where it says nothing of these.
    pub ingress: Option<Vec<RulePlan>>,
    /// Rules for connections from them.
    pub egress: Option<Vec<RulePlan>>,
}

/// A rule; no peers or no ports are all of them.
#[derive(Clone, Debug, Default)]
pub struct RulePlan {
    /// The other ends.
    pub peers: Vec<PeerPlan>,
    /// Over what.
    pub ports: Vec<PortPlan>,
}

/// A peer.
#[derive(Clone, Debug)]
pub enum PeerPlan {
    /// Pods; of the policy's own namespace where no namespaces are given.
    Pods {
        /// In which namespaces.
        namespaces: Option<Selector>,
        /// With which labels; all where there is no selector.
        pods: Option<Selector>,
    },
    /// Addresses.
    Block {
        /// These,
        cidr: IpNet,
        /// but not those.
        except: Vec<IpNet>,
    },
}

/// A port.
#[derive(Clone, Debug)]
pub enum PortPlan {
    /// From one number to another.
    Numbers(Protocol, u16, u16),
    /// A TCP port by name.
    Name(String),
}

const TEAMS: u32 = 40;
const TIERS: [&str; 4] = ["frontend", "backend", "database", "jobs"];
const PORTS: [u16; 8] = [80, 443, 3000, 5432, 6379, 8080, 8443, 9090];

impl Plan {
    /// The cluster of a size and a seed.
    pub fn new(size: Size, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let count = (size.workloads / 12).max(2);
        let mut namespaces: Vec<NamespacePlan> =
            (0..count).map(|number| namespace(number, &mut random)).collect();
        let replicas = shares(size.pods, size.workloads);
        for (number, replicas) in (0_u32..).zip(replicas) {
            // The product of two draws prefers the first namespaces.
            let at = u64::from(random.below(count)) * u64::from(random.below(count)) / u64::from(count);
            if let Some(namespace) = namespaces.get_mut(at as usize) {
                namespace.workloads.push(workload(number, replicas, &mut random));
            }
        }
        let mut left = size.policies;
        let mut round = 0;
        while left > 0 {
            for namespace in namespaces.iter_mut().take(left as usize) {
                let policy = policy(round, namespace, &mut random);
                namespace.policies.push(policy);
                left -= 1;
            }
            round += 1;
        }
        for namespace in &mut namespaces {
            namespace.workloads.sort_by(|a, b| a.name.cmp(&b.name));
            namespace.policies.sort_by(|a, b| a.name.cmp(&b.name));
        }
        Self { namespaces, nodes: (size.pods / 60).max(1) }
    }

    /// Number of pods.
    pub fn pods(&self) -> u32 {
        let workloads = self.namespaces.iter().flat_map(|namespace| &namespace.workloads);
        workloads.map(|workload| workload.replicas).sum()
    }

    /// The same cluster with every workload scaled.
    pub fn scaled(mut self, factor: u32) -> Self {
        for workload in self.namespaces.iter_mut().flat_map(|namespace| &mut namespace.workloads) {
            // A StatefulSet's pods are told apart by their names, so that more of them are more to know.
            if !workload.stateful {
                workload.replicas *= factor;
            }
        }
        self
    }
}

/// `total` in `count` parts that fall as 1/n, each at least 1.
fn shares(total: u32, count: u32) -> Vec<u32> {
    let weight = |number: u32| 1.0 / f64::from(number + 1);
    let sum: f64 = (0..count).map(weight).sum();
    let spare = f64::from(total.saturating_sub(count));
    #[expect(clippy::cast_sign_loss, reason = "a product of positive numbers")]
    let mut shares: Vec<u32> = (0..count).map(|number| 1 + (spare * weight(number) / sum) as u32).collect();
    let given: u32 = shares.iter().sum();
    for share in shares.iter_mut().take(total.saturating_sub(given) as usize) {
        *share += 1;
    }
    shares
}

fn pair(key: &str, value: impl Into<String>) -> (String, String) {
    (key.to_owned(), value.into())
}

fn namespace(number: u32, random: &mut Random) -> NamespacePlan {
    let name = match number {
        0 => "ingress-nginx".to_owned(),
        1 => "monitoring".to_owned(),
        _ => format!("team-{number:05}"),
    };
    let environment = ["prod", "prod", "staging", "dev"];
    let labels = vec![
        pair("env", random.pick(&environment)),
        pair("kubernetes.io/metadata.name", &*name),
        pair("team", format!("t{}", random.below(TEAMS))),
    ];
    NamespacePlan { name, labels, workloads: Vec::new(), policies: Vec::new() }
}

fn workload(number: u32, replicas: u32, random: &mut Random) -> WorkloadPlan {
    let name = format!("app-{number}");
    let tier = random.pick(&TIERS);
    let names = ["http", "metrics"].into_iter().take(1 + random.below(2) as usize);
    let ports = names.map(|name| (name.to_owned(), random.pick(&PORTS))).collect();
    WorkloadPlan {
        labels: vec![
            pair("app", &*name),
            pair("tier", tier),
            pair("version", format!("v{}", random.below(4))),
        ],
        // Large workloads are never stateful, as in life.
        stateful: tier == "database" && replicas < 10,
        host_network: random.chance(1),
        ports,
        name,
        replicas,
    }
}

fn label(key: &str, value: &str) -> Selector {
    Selector::label(key, value)
}

fn tcp(port: u16) -> PortPlan {
    PortPlan::Numbers(Protocol::Tcp, port, port)
}

fn named(namespace: &str) -> Selector {
    label("kubernetes.io/metadata.name", namespace)
}

/// The policies that every namespace has come first, then those of its applications.
fn policy(round: usize, namespace: &NamespacePlan, random: &mut Random) -> PolicyPlan {
    let to_everybody = |name: &str, ingress, egress| PolicyPlan {
        name: name.to_owned(),
        subject: Selector::EVERYTHING,
        ingress,
        egress,
    };
    let pods = |namespaces, pods| PeerPlan::Pods { namespaces, pods };
    match round {
        0 => {
            let egress = random.chance(50).then(Vec::new);
            to_everybody("default-deny", Some(Vec::new()), egress)
        }
        1 => {
            let dns = [Protocol::Udp, Protocol::Tcp].map(|protocol| PortPlan::Numbers(protocol, 53, 53));
            let rule = RulePlan {
                peers: vec![pods(Some(named("kube-system")), Some(label("k8s-app", "kube-dns")))],
                ports: dns.to_vec(),
            };
            to_everybody("allow-dns", None, Some(vec![rule]))
        }
        2 => {
            let same = || RulePlan { peers: vec![pods(None, Some(Selector::EVERYTHING))], ports: Vec::new() };
            to_everybody("allow-same-namespace", Some(vec![same()]), random.chance(50).then(|| vec![same()]))
        }
        3 => {
            let rule = RulePlan {
                peers: vec![pods(Some(named("ingress-nginx")), None)],
                ports: vec![PortPlan::Name("http".to_owned())],
            };
            PolicyPlan {
                subject: label("tier", "frontend"),
                ..to_everybody("allow-ingress", Some(vec![rule]), None)
            }
        }
        4 => {
            let rule = RulePlan {
                peers: vec![pods(Some(named("monitoring")), Some(label("app", "app-1")))],
                ports: vec![PortPlan::Name("metrics".to_owned())],
            };
            to_everybody("allow-scrape", Some(vec![rule]), None)
        }
        _ => application(round, namespace, random),
    }
}

/// A policy for one application: its clients, or where it may go.
fn application(round: usize, namespace: &NamespacePlan, random: &mut Random) -> PolicyPlan {
    let some = |random: &mut Random| {
        let at = random.below(namespace.workloads.len() as u32);
        namespace.workloads.get(at as usize).map_or("app-0", |workload| &workload.name)
    };
    let subject = match namespace.workloads.get(round / 2 % namespace.workloads.len().max(1)) {
        Some(workload) if random.chance(80) => label("app", &workload.name),
        _ => label("tier", random.pick(&TIERS)),
    };
    let port = |random: &mut Random| match random.below(10) {
        0 => PortPlan::Numbers(Protocol::Tcp, 30000, 30000 + random.below(2768) as u16),
        1 => PortPlan::Numbers(Protocol::Udp, 8125, 8125),
        2 | 3 => PortPlan::Name("http".to_owned()),
        _ => tcp(random.pick(&PORTS)),
    };
    let inside = |random: &mut Random| match random.below(10) {
        0..5 => PeerPlan::Pods { namespaces: None, pods: Some(label("app", some(random))) },
        5 | 6 => PeerPlan::Pods { namespaces: None, pods: Some(label("tier", random.pick(&TIERS))) },
        7 => {
            let wanted = Requirement::new("version", Operator::NotIn, [format!("v{}", random.below(4))]);
            PeerPlan::Pods { namespaces: None, pods: Some(Selector::new([wanted])) }
        }
        8 => {
            let team = format!("t{}", random.below(TEAMS));
            let namespaces = Selector::new([
                Requirement::new("team", Operator::In, [team]),
                Requirement::new("env", Operator::In, ["prod", "staging"]),
            ]);
            PeerPlan::Pods { namespaces: Some(namespaces), pods: Some(label("tier", random.pick(&TIERS))) }
        }
        _ => {
            PeerPlan::Pods { namespaces: Some(label("env", "prod")), pods: Some(label("app", some(random))) }
        }
    };
    let name = format!("policy-{round:04}");
    let mut rules: Vec<RulePlan> = (0..=random.below(2))
        .map(|_| RulePlan {
            peers: (0..=random.below(2)).map(|_| inside(random)).collect(),
            ports: (0..=random.below(2)).map(|_| port(random)).collect(),
        })
        .collect();
    if random.chance(60) {
        return PolicyPlan { name, subject, ingress: Some(rules), egress: None };
    }
    rules.push(RulePlan { peers: vec![outside(random)], ports: vec![tcp(443)] });
    PolicyPlan { name, subject, ingress: None, egress: Some(rules) }
}

/// A partner's network, or the internet without what is private.
fn outside(random: &mut Random) -> PeerPlan {
    let net = |a: u32, b: u32, c: u32, prefix: u8| {
        let address = std::net::Ipv4Addr::from_bits(a << 24 | b << 16 | c << 8);
        IpNet::new(address.into(), prefix).unwrap_or_default()
    };
    if random.chance(30) {
        let except = vec![net(10, 0, 0, 8), net(172, 16, 0, 12), net(192, 168, 0, 16)];
        return PeerPlan::Block { cidr: net(0, 0, 0, 0), except };
    }
    let (b, c) = (random.below(8), random.below(64));
    match random.below(3) {
        0 => PeerPlan::Block { cidr: net(203, b, 0, 16), except: vec![net(203, b, c, 24)] },
        1 => PeerPlan::Block { cidr: net(198, b, c, 24), except: Vec::new() },
        _ => PeerPlan::Block { cidr: net(10, 96 + b, c, 24), except: Vec::new() },
    }
}
