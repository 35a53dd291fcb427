//! The command line, as clap reads it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use npv_analyzer::config::{FailOn, Labels, Plugin, Threshold};
use npv_analyzer::query::ports::parse_traffic;
use npv_analyzer::query::reach;
use npv_models::space::Traffic;

use crate::output::Output;

const AFTER_HELP: &str = "\
Examples:
  npv check deploy/                        is anything wrong, before it is deployed?
  npv reach deploy/                        who can reach whom, over what?
  npv reach --to shop/db --port 5432 .     who can reach the database?
  npv trace shop/web shop/db:5432 .        may this flow pass, and which rule says so?
  kubectl get all,netpol,ns -A -o yaml | npv check -
  npv prove '{expect: deny, from: any-pod, to: internet}' .     may it never, in any cluster?
  npv report deploy/ -o report.html        everything in one file, for a browser
  npv rule dns-egress-blocked              what does this rule mean?

Exit status:
  0   nothing at or above --fail-on
  1   findings; for `reach`, a policy that the API server would refuse
  2   wrong usage, or no input
  3   incomplete: some input could not be read or is not modelled (see --allow-incomplete)
  70  a bug in npv";

/// Answers, before anything is deployed, who can reach whom in a Kubernetes cluster, over what, and why
#[derive(Debug, Parser)]
#[command(name = "npv", version, max_term_width = 100, after_help = AFTER_HELP, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// What to answer.
    #[command(subcommand)]
    pub(crate) verb: Verb,
    #[command(flatten)]
    pub(crate) look: LookArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Find what is wrong with the policies and what they break: the gate
    Check(CheckArgs),
    /// Say who can reach whom, over what
    Reach(ReachArgs),
    /// Say whether one flow may pass, and which rule decides at each step
    Trace(TraceArgs),
    /// Say which flows a change opens and closes
    Diff(DiffArgs),
    /// Prove that something holds in every cluster, or show a flow that contradicts it
    Prove(ProveArgs),
    /// Write one HTML file that shows everything: findings, map, matrix, policies and reasons
    Report(ReportArgs),
    /// Explain a lint rule, or list them all
    Rule(RuleArgs),
    /// Write a commented `npv.yaml` that fits what is here
    Init(InitArgs),
    /// Keep the findings of today, so that `npv check` speaks of new ones alone
    #[command(subcommand)]
    Baseline(BaselineVerb),
    /// Show the configuration in force, and where each value comes from
    #[command(subcommand)]
    Config(ConfigVerb),
    /// Print completions for a shell
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Write the manual pages into a directory
    #[command(hide = true)]
    Man {
        /// The directory; it is made where it is not there.
        directory: PathBuf,
    },
}

/// How output looks, for every verb.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "General")]
pub(crate) struct LookArgs {
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", hide_possible_values = true)]
    #[arg(help = "Whether to colour text: auto, always or never")]
    pub(crate) color: When,
    /// Print answers and errors, and nothing else
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Say on standard error what was read, and how long each stage took
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum When {
    Auto,
    Always,
    Never,
}

/// What to read, and what to make of it; for every verb that reads manifests.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "switches of the command line, each on its own")]
pub(crate) struct InputArgs {
    /// The configuration; without it, `npv.yaml` is looked for in the working directory and upwards to the root of
    /// the git repository, then likewise from PATH
    #[arg(long, value_name = "FILE", help_heading = "Configuration")]
    pub(crate) config: Option<PathBuf>,
    /// Do without a configuration
    #[arg(long, conflicts_with = "config", help_heading = "Configuration")]
    pub(crate) no_config: bool,
    /// The namespace of objects that name none, and where short names are looked up first
    #[arg(short, long, value_name = "NAME", help_heading = "Input")]
    pub(crate) namespace: Option<String>,
    /// Run kustomize and helm on the directories that need it, and read what they print
    #[arg(long, help_heading = "Input")]
    pub(crate) render: bool,
    /// A values file for `helm template`; may be repeated
    #[arg(long, value_name = "FILE", requires = "render", help_heading = "Input")]
    pub(crate) values: Vec<PathBuf>,
    /// A value for `helm template`, as its `--set` takes it; may be repeated
    #[arg(long, value_name = "KEY=VALUE", requires = "render", help_heading = "Input")]
    pub(crate) set: Vec<String>,
    /// The version of Kubernetes that charts are rendered for
    #[arg(long, value_name = "VERSION", requires = "render", help_heading = "Input")]
    pub(crate) kube_version: Option<String>,
    /// This environment alone: one of those of the configuration, or with --render an overlay such as `prod`
    #[arg(long, value_name = "NAME", help_heading = "Input")]
    pub(crate) environment: Option<String>,
    /// The labels of the pods that serve Ingresses and Gateways, where npv does not know the controller
    #[arg(long, value_name = "KEY=VALUE[,..]", value_parser = Labels::parse, help_heading = "Cluster")]
    pub(crate) ingress_controller: Option<Labels>,
    /// The network plugin, with a version or without: `cilium`, `calico@3.30`, `upstream`; `auto`, the default, is what
    /// the manifests show. `check` takes several, `diff` one on each side: `calico..cilium`
    #[arg(long, value_name = "NAME[@VERSION]", value_parser = Plugins::parse, help_heading = "Cluster")]
    pub(crate) cni: Vec<Plugins>,
    /// As if policies that are staged were enforced; `diff` compares the manifests without and with that
    #[arg(long, help_heading = "Cluster")]
    pub(crate) staged: bool,
    /// The network plugin never matches a pod by an ipBlock of a NetworkPolicy
    #[arg(long, help_heading = "Cluster")]
    pub(crate) blocks_skip_pods: bool,
    /// The network plugin applies the selectors of NetworkPolicies to pods on the host network too
    #[arg(long, help_heading = "Cluster")]
    pub(crate) selectors_see_host_network: bool,
    /// Take an answer that leaves something out for what it is worth: warn, and do not exit with 3
    #[arg(long, help_heading = "Input")]
    pub(crate) allow_incomplete: bool,
    /// How to write the answer, and where; may be repeated with a file each
    #[arg(short, long, value_name = "FORMAT[=FILE]", help_heading = "Output")]
    pub(crate) format: Vec<Output>,
}

/// What `--cni` names: a network plugin, or one on each side of a comparison.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Plugins {
    One(Plugin),
    FromTo(Plugin, Plugin),
}

impl Plugins {
    fn parse(text: &str) -> Result<Self, String> {
        match text.split_once("..") {
            Some((from, to)) => Ok(Self::FromTo(Plugin::parse(from)?, Plugin::parse(to)?)),
            None => Plugin::parse(text).map(Self::One),
        }
    }
}

impl InputArgs {
    /// The network plugin that is named first.
    pub(crate) fn plugin(&self) -> Option<&Plugin> {
        match self.cni.first()? {
            Plugins::One(plugin) | Plugins::FromTo(plugin, _) => Some(plugin),
        }
    }

    /// Those that are named behind the first.
    pub(crate) fn further_plugins(&self) -> impl Iterator<Item = &Plugin> {
        self.cni.iter().skip(1).map(|plugins| match plugins {
            Plugins::One(plugin) | Plugins::FromTo(plugin, _) => plugin,
        })
    }

    /// One on each side of a comparison.
    pub(crate) fn plugins_of_sides(&self) -> Option<(&Plugin, &Plugin)> {
        match self.cni.as_slice() {
            [Plugins::FromTo(from, to)] => Some((from, to)),
            _ => None,
        }
    }
}

const PATH_HELP: &str = "Files, directories (read recursively, .gitignore respected), or `-` for standard input; without any, what the \
     configuration names, else the working directory";

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  npv check deploy/
  npv check --fail-on error --format json=findings.json --format text deploy/
  npv check --diff --unsafe deploy/     what would be mended, and how?
  npv check --fix deploy/
  helm template chart/ | npv check -")]
pub(crate) struct CheckArgs {
    #[arg(value_name = "PATH", help = PATH_HELP)]
    pub(crate) paths: Vec<PathBuf>,
    /// The mildest finding that makes npv exit with 1: note, warning (the default), error or never
    #[arg(long, value_name = "LEVEL")]
    pub(crate) fail_on: Option<FailOn>,
    /// Write what contradicts an assertion of the configuration to this directory, as manifests to try it
    #[arg(long, value_name = "DIR")]
    pub(crate) witness_dir: Option<PathBuf>,
    /// Run again whenever a file changes, until Ctrl-C
    #[arg(long, conflicts_with_all = ["fix", "diff"])]
    pub(crate) watch: bool,
    /// The baseline; without it, the configured one, or `npv-baseline.json` beside the configuration
    #[arg(long, value_name = "FILE", help_heading = "Configuration")]
    pub(crate) baseline: Option<PathBuf>,
    /// Report what the baseline has, too
    #[arg(long, conflicts_with = "baseline", help_heading = "Configuration")]
    pub(crate) no_baseline: bool,
    #[command(flatten)]
    pub(crate) lint: LintArgs,
    #[command(flatten)]
    pub(crate) fix: FixArgs,
    #[command(flatten)]
    pub(crate) input: InputArgs,
}

/// Whether to mend what is found.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Fixes")]
pub(crate) struct FixArgs {
    /// Mend the files in place where that changes no verdict, and report what remains
    #[arg(long)]
    pub(crate) fix: bool,
    /// Fixes that change what is allowed too: probably what was meant, to be reviewed
    #[arg(long = "unsafe")]
    pub(crate) unsafe_too: bool,
    /// Print the fixes as a unified diff, and write nothing
    #[arg(long, conflicts_with = "format")]
    pub(crate) diff: bool,
}

/// Which lint rules run, and how bad their findings are.
#[derive(Debug, Args)]
#[command(next_help_heading = "Rules")]
pub(crate) struct LintArgs {
    /// Run these rules and categories only; may be repeated. What the API server refuses is always reported
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    pub(crate) select: Vec<String>,
    /// Do not run these rules and categories; may be repeated
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    pub(crate) ignore: Vec<String>,
    /// Report the findings of a rule or category as warnings; may be repeated
    #[arg(short = 'W', long, value_name = "RULE", value_delimiter = ',')]
    pub(crate) warn: Vec<String>,
    /// The same as errors
    #[arg(short = 'D', long, value_name = "RULE", value_delimiter = ',')]
    pub(crate) deny: Vec<String>,
    /// Do not report them
    #[arg(short = 'A', long, value_name = "RULE", value_delimiter = ',')]
    pub(crate) allow: Vec<String>,
    /// Run the pedantic rules too
    #[arg(long)]
    pub(crate) pedantic: bool,
    /// The mildest finding to report: note (the default), warning or error
    #[arg(long, value_name = "LEVEL")]
    pub(crate) min_severity: Option<Threshold>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
NAME is `namespace/name`, `namespace/Kind/name`, `namespace/*`, `name`, `node/name`, an
address, a CIDR or `internet`. With --namespace, connections without an end in that
namespace are left out.

Examples:
  npv reach deploy/
  npv reach --to shop/db deploy/                   who can reach the database?
  npv reach --port 22/tcp --external only .        where can one log in from outside?
  npv reach --from shop/web --transitive .         how far does somebody get who takes over `web`?
  npv reach --by namespace --format mermaid .      a drawing for the documentation
  npv reach --world any --to shop/db .             who could ever reach it, from any namespace?")]
pub(crate) struct ReachArgs {
    #[arg(value_name = "PATH", help = PATH_HELP)]
    pub(crate) paths: Vec<PathBuf>,
    /// Only connections from here; may be repeated
    #[arg(long, value_name = "NAME")]
    pub(crate) from: Vec<String>,
    /// Only connections to here; may be repeated
    #[arg(long, value_name = "NAME")]
    pub(crate) to: Vec<String>,
    /// Only this traffic: `8080`, `8080/tcp`, `8000-8100/udp`, `udp`; may be repeated
    #[arg(long, value_name = "PORT[/PROTO]", value_parser = parse_traffic)]
    pub(crate) port: Vec<Traffic>,
    /// Only connections with the outside of the cluster, or none of them
    #[arg(long, value_name = "WHICH")]
    pub(crate) external: Option<External>,
    /// What a row speaks of: endpoints, which are pods that no policy tells apart, workloads or namespaces
    #[arg(long, value_name = "WHAT", default_value = "endpoint")]
    pub(crate) by: By,
    /// Who can use which port of which Service, instead of who reaches which pods
    #[arg(long, value_name = "WHAT", conflicts_with = "by")]
    pub(crate) via: Option<Via>,
    /// Follow connections from one endpoint to the next: all that can be got at from --from
    #[arg(long, requires = "from", conflicts_with_all = ["to", "port", "external", "by", "via"])]
    pub(crate) transitive: bool,
    /// What the manifests ask for themselves - Services that workloads name in their environment, arguments and
    /// ConfigMaps, backends of routes, what monitors scrape - and whether policies let it pass
    #[arg(long, conflicts_with_all = ["to", "port", "external", "by", "via", "transitive", "world", "from"])]
    pub(crate) intended: bool,
    /// Of which cluster: `snapshot`, the one in the manifests, or `any`: for each workload, everybody
    /// that its own policies could ever let through, as selectors and blocks
    #[arg(long, value_name = "WORLD", default_value = "snapshot", hide_possible_values = true)]
    pub(crate) world: World,
    #[command(flatten)]
    pub(crate) input: InputArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum World {
    Any,
    Snapshot,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum External {
    Only,
    Exclude,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Via {
    Service,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum By {
    Endpoint,
    Workload,
    Namespace,
}

impl From<By> for reach::By {
    fn from(by: By) -> Self {
        match by {
            By::Endpoint => Self::Endpoint,
            By::Workload => Self::Workload,
            By::Namespace => Self::Namespace,
        }
    }
}

impl From<External> for reach::External {
    fn from(external: External) -> Self {
        match external {
            External::Only => Self::Only,
            External::Exclude => Self::Exclude,
        }
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
SRC and DST are `namespace/name`, `namespace/Kind/name`, `name` where that is unambiguous,
`node/name`, an address, a CIDR or `internet`. An IPv6 address with a port is written
`[fd00::1]:53/udp`. Without a port the answer is all that the two may exchange. Where pods
or addresses differ, there is an answer for each.

npv trace exits with 0 whenever it could answer, whether the flow is allowed or denied,
and with 3 where the answer leaves something out.

Examples:
  npv trace shop/web shop/cart:8080 deploy/
  npv trace internet shop/web:443 deploy/
  npv trace shop/web 10.20.0.0/16:5432/tcp deploy/
  npv trace shop/web shop/db --through deploy/     by way of whom could `web` get at `db`?")]
pub(crate) struct TraceArgs {
    /// Where the flow comes from
    pub(crate) src: String,
    /// Where it goes to
    #[arg(value_name = "DST[:PORT[/PROTO]]")]
    pub(crate) dst: String,
    #[arg(value_name = "PATH", help = PATH_HELP)]
    pub(crate) paths: Vec<PathBuf>,
    /// List the shortest chains of allowed hops from SRC to DST, over whatever ports
    #[arg(long)]
    pub(crate) through: bool,
    /// Ask for one HTTP request: its method and its path
    #[arg(long, value_name = "METHOD PATH", conflicts_with = "through")]
    pub(crate) http: Option<String>,
    /// The host that the request is for
    #[arg(long, value_name = "HOST", requires = "http")]
    pub(crate) host: Option<String>,
    /// A header of the request; may be repeated
    #[arg(long, value_name = "NAME: VALUE", requires = "http")]
    pub(crate) header: Vec<String>,
    #[command(flatten)]
    pub(crate) input: InputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// Replace a file that is there
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BaselineVerb {
    /// Write all findings of today to the baseline, but for errors of validity, which have no place in it
    Write(BaselineArgs),
    /// Remove from the baseline what is no longer found; add nothing
    Prune(BaselineArgs),
}

#[derive(Debug, Args)]
pub(crate) struct BaselineArgs {
    #[arg(value_name = "PATH", help = PATH_HELP)]
    pub(crate) paths: Vec<PathBuf>,
    /// The baseline; without it, the configured one, or `npv-baseline.json` beside the configuration
    #[arg(long, value_name = "FILE", help_heading = "Configuration")]
    pub(crate) baseline: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) lint: LintArgs,
    #[command(flatten)]
    pub(crate) input: InputArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigVerb {
    /// Print every setting with its value and where that comes from: the file, a switch or nobody
    Show(ConfigShowArgs),
    /// Print the JSON Schema of `npv.yaml`
    Schema,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigShowArgs {
    #[arg(value_name = "PATH", help = PATH_HELP)]
    pub(crate) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) input: InputArgs,
}

#[derive(Debug, Args)]
#[command(
    override_usage = "npv diff [OPTIONS] BASE HEAD\n       npv diff [OPTIONS] [REVISION[..[REVISION]]] [-- PATH..]",
    after_help = "\
BASE and HEAD are files or directories, or revisions of the git repository around. One revision
is compared with the working tree, uncommitted and untracked files included; none at all
is `HEAD`. `A...B` compares B with the commit at which it left A. Revisions are read by `git`;
nothing is checked out.

FILTER says which opened flows fail the run: any of them where it is left out, or
  existing          between ends that the base has too
  internet          with addresses of the internet; `from:internet`, `to:internet`
  cross-namespace   between pods of two namespaces
  data-store        to pods that declare a port of a database, a cache or a file store
  NAME              with this end, as `npv reach` names it; `from:NAME`, `to:NAME`
Words with commas between them must all be true of a flow.

npv diff exits with 0 whatever it finds, unless --fail-on-opened says otherwise, and with 3
where the answer leaves something out.

Examples:
  npv diff old/ new/                      two directories
  npv diff main -- deploy/                what do my changes open, compared with main?
  npv diff main...HEAD -- deploy/         what does this branch open?
  npv diff main...HEAD --format markdown=comment.md --fail-on-opened=from:internet -- deploy/
  npv diff main --format html=diff.html -- deploy/
  npv diff --world any main -- deploy/    the policies alone, for the pods of any cluster
  npv diff --staged deploy/               what opens and closes when staged policies are enforced"
)]
pub(crate) struct DiffArgs {
    /// Two paths, two revisions, or a revision or a range of them
    #[arg(value_name = "BASE HEAD", num_args = 0..=2)]
    pub(crate) sides: Vec<String>,
    /// What to read of each revision; the current directory where nothing is named
    #[arg(value_name = "PATH", last = true)]
    pub(crate) paths: Vec<PathBuf>,
    /// Exit with 1 when a flow is opened that the filter describes; may be repeated
    #[arg(long, value_name = "FILTER", num_args = 0..=1, default_missing_value = "any")]
    pub(crate) fail_on_opened: Vec<String>,
    /// Of which cluster: `snapshot`, the one in the manifests, or `any`: whether the policies differ at
    /// all, shown by a flow that could be
    #[arg(long, value_name = "WORLD", default_value = "snapshot", hide_possible_values = true)]
    #[arg(conflicts_with = "fail_on_opened")]
    pub(crate) world: World,
    /// The baseline, whose findings are none that are introduced; without it, the configured one, or
    /// `npv-baseline.json` beside the configuration
    #[arg(long, value_name = "FILE", help_heading = "Configuration")]
    pub(crate) baseline: Option<PathBuf>,
    /// Show as introduced what the baseline has, too
    #[arg(long, conflicts_with = "baseline", help_heading = "Configuration")]
    pub(crate) no_baseline: bool,
    #[command(flatten)]
    pub(crate) input: InputArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
An assertion is a mapping with these keys:
  expect   `allow`, `deny`, or `only`: nobody else may
  from, to `any-pod`, `anybody`, `internet`, an address, a block, `namespace/name`, or
           `{namespace: shop, pods: {app: api}}`, `{namespaces: {tenant: \"*\"}}`, `{nodes: {}}`,
           with labels or with matchLabels and matchExpressions; or a list of these
  ports    `[443, 53/udp, 8000-8100/tcp, http]`; every port where it is left out
  where    `from.tenant != to.tenant`: compares a label of the two ends
  world    `any`, every possible cluster, or `snapshot`, the pods in the manifests; `any` where it
           is left out
  name     what to call it

npv prove exits with 0 where the assertion holds, with 1 where it does not, and with 3 where
that is not known.

Examples:
  npv prove '{expect: deny, from: any-pod, to: 169.254.169.254}' deploy/
  npv prove '{expect: only, from: shop/api, to: shop/db, ports: [5432], world: snapshot}' deploy/
  npv prove --witness-dir /tmp/witness '{expect: deny, from: any-pod, to: shop/db}' deploy/
  npv prove 'tenants are isolated'           an assertion of npv.yaml
  npv prove --equivalent before/ after/      do the policies mean the same in every cluster?")]
pub(crate) struct ProveArgs {
    /// What must hold: a YAML mapping such as `{expect: deny, from: any-pod, to: internet}`, or the name of an
    /// assertion of the configuration
    #[arg(value_name = "ASSERTION", required_unless_present = "equivalent")]
    pub(crate) assertion: Option<String>,
    #[arg(value_name = "PATH", help = PATH_HELP)]
    pub(crate) paths: Vec<PathBuf>,
    /// Prove that the policies of two files or directories allow the same flows in every cluster
    #[arg(long, num_args = 2, value_names = ["A", "B"], conflicts_with_all = ["assertion", "paths"])]
    pub(crate) equivalent: Option<Vec<PathBuf>>,
    /// Write the manifests of a counterexample to this directory
    #[arg(long, value_name = "DIR")]
    pub(crate) witness_dir: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) input: InputArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
The file needs nothing else: it opens from disk in any browser, without a network.

Examples:
  npv report deploy/ -o report.html
  npv report deploy/ --format json=report.json     the data of the report, for programs")]
pub(crate) struct ReportArgs {
    #[arg(value_name = "PATH", help = PATH_HELP)]
    pub(crate) paths: Vec<PathBuf>,
    /// Where the report goes: the same as `--format html=FILE`
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub(crate) output: Option<PathBuf>,
    /// The baseline; without it, the configured one, or `npv-baseline.json` beside the configuration
    #[arg(long, value_name = "FILE", help_heading = "Configuration")]
    pub(crate) baseline: Option<PathBuf>,
    /// Show what the baseline has as if it were new
    #[arg(long, conflicts_with = "baseline", help_heading = "Configuration")]
    pub(crate) no_baseline: bool,
    #[command(flatten)]
    pub(crate) input: InputArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  npv rule                          all rules, with their categories
  npv rule exposure                 those of a category
  npv rule blocked-by-other-side    what it means, why, an example, how to fix it")]
pub(crate) struct RuleArgs {
    /// A rule, whose page is shown, or a category, whose rules are listed; all are listed without it
    pub(crate) name: Option<String>,
    /// How to write the answer: text or json
    #[arg(short, long, value_name = "FORMAT[=FILE]", help_heading = "Output")]
    pub(crate) format: Vec<Output>,
}
