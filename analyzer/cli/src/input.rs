//! From the arguments to a configuration and a snapshot.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use npv_analyzer::baseline::Baseline;
use npv_analyzer::config::{self, Configured, Date, Invalid, Name, Place, Search, Written};
use npv_analyzer::load::{self, LoadError, progress};
use npv_analyzer::report::write_findings;
use npv_analyzer::snapshot::Snapshot;
use npv_models::source::SourceMap;

use crate::args::{InputArgs, LookArgs};
use crate::outcome::{Exit, Failure};
use crate::output::{self, Output, to_stderr};
use crate::verbose;

/// What a verb works on.
pub(crate) struct Input {
    /// The configuration, with the switches of the command line in it.
    pub(crate) configured: Configured,
    /// What was read.
    pub(crate) snapshot: Snapshot,
}

/// Reads the configuration and the inputs, and makes sense of them.
///
/// # Errors
/// There is nothing to read, or the configuration is wrong.
pub(crate) fn read(paths: &[PathBuf], args: &InputArgs, look: LookArgs) -> Result<Input, Failure> {
    let configured = configure_one(paths, args, look)?;
    let mut snapshot = load(&configured.inputs(paths), &configured, look)?;
    configured.adopt(&mut snapshot);
    Ok(Input { configured, snapshot })
}

/// Looks for the configuration where the arguments say.
pub(crate) fn search<T>(paths: &[PathBuf], args: &InputArgs, look: impl FnOnce(&Search) -> T) -> T {
    look(&match &args.config {
        Some(file) => Search::File(file.clone()),
        None if args.no_config => Search::Off,
        None => Search::near(paths),
    })
}

/// Reads the configuration, and has the switches override it.
///
/// # Errors
/// It cannot be read or is wrong; everything that is has then been printed.
pub(crate) fn configure(paths: &[PathBuf], args: &InputArgs, look: LookArgs) -> Result<Configured, Failure> {
    if args.cni.len() > 1 || args.plugins_of_sides().is_some() {
        return Err(Failure::usage(
            "this verb answers for one network plugin at a time",
            "name one: `--cni NAME`; `npv check` takes several, and `npv diff --cni calico..cilium` compares two",
        ));
    }
    configure_for_some(paths, args, look)
}

/// The same for a verb that answers for several network plugins: the configuration has the first.
///
/// # Errors
/// As [`configure`].
pub(crate) fn configure_for_some(
    paths: &[PathBuf],
    args: &InputArgs,
    look: LookArgs,
) -> Result<Configured, Failure> {
    let mut configured =
        search(paths, args, config::load).map_err(|invalid| refused("configuration", &invalid, look))?;
    verbose::configured(&configured, look);
    let config = &mut configured.config;
    let on = |flag: bool| flag.then_some(true);
    config.namespace.switch("--namespace", args.namespace.clone().map(Name));
    config.render.switch("--render", on(args.render));
    let values: Vec<Place> = args.values.iter().cloned().map(Place).collect();
    config.values.switch("--values", (!values.is_empty()).then_some(values));
    config.cni.switch("--cni", args.plugin().cloned());
    let set: Vec<Written> = args.set.iter().cloned().map(Written).collect();
    config.set.switch("--set", (!set.is_empty()).then_some(set));
    config.kube_version.switch("--kube-version", args.kube_version.clone().map(Some));
    let cluster = &mut config.cluster;
    cluster.ingress_controller.switch("--ingress-controller", args.ingress_controller.clone().map(Some));
    cluster.blocks_skip_pods.switch("--blocks-skip-pods", on(args.blocks_skip_pods));
    cluster
        .selectors_see_host_network
        .switch("--selectors-see-host-network", on(args.selectors_see_host_network));
    config.output.allow_incomplete.switch("--allow-incomplete", on(args.allow_incomplete));
    configured.written = written(args, &configured);
    configured.staged = args.staged;
    if let Some(name) = &args.environment {
        let known = environments(paths, &configured)?;
        if !known.contains(name) {
            let help = match known.as_slice() {
                [] => {
                    "name them under `environments` in `npv.yaml`; with `--render`, overlays are environments"
                        .to_owned()
                }
                known => format!("there is {}", listed(known)),
            };
            return Err(Failure::usage(format!("there is no environment `{name}`"), help));
        }
        configured.environment = Some(name.clone());
    }
    Ok(configured)
}

/// The same for a verb whose answer is about one cluster.
///
/// # Errors
/// As [`configure`]; also where there are several environments, and none of them is asked for.
pub(crate) fn configure_one(
    paths: &[PathBuf],
    args: &InputArgs,
    look: LookArgs,
) -> Result<Configured, Failure> {
    about_one(configure(paths, args, look)?, paths)
}

/// The same for a comparison, whose sides may have a network plugin each: the configuration has the first.
///
/// # Errors
/// As [`configure_one`].
pub(crate) fn configure_sides(
    paths: &[PathBuf],
    args: &InputArgs,
    look: LookArgs,
) -> Result<Configured, Failure> {
    about_one(configure_for_some(paths, args, look)?, paths)
}

fn about_one(configured: Configured, paths: &[PathBuf]) -> Result<Configured, Failure> {
    if configured.environment.is_none() {
        let known = environments(paths, &configured)?;
        if let [first, _, ..] = known.as_slice() {
            return Err(Failure::usage(
                format!(
                    "there are {} environments, and this answer is about one: {}",
                    known.len(),
                    listed(&known)
                ),
                format!("choose it: `--environment {first}`"),
            ));
        }
    }
    Ok(configured)
}

/// The environments that there are, where there are several: those of the configuration, unless paths are named; else
/// overlays that are rendered.
///
/// # Errors
/// An input is not there.
pub(crate) fn environments(paths: &[PathBuf], configured: &Configured) -> Result<Vec<String>, Failure> {
    let named = &configured.config.environments;
    if paths.is_empty() && !named.is_empty() {
        return Ok(named.iter().map(|environment| environment.name.0.clone()).collect());
    }
    let inputs = configured.inputs(paths);
    // What is not there is said by whoever reads it.
    Ok(load::environments(&inputs, &loading(configured)).unwrap_or_default())
}

fn listed(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// How to read as configured.
fn loading(configured: &Configured) -> load::Options<'static> {
    let config = &configured.config;
    load::Options {
        render: *config.render,
        helm: load::Helm {
            values: configured.values(),
            set: config.set.iter().map(|value| value.0.clone()).collect(),
            kube_version: config.kube_version.value.clone(),
        },
        exclude: configured.exclude(),
        // Those of the configuration say themselves what is read.
        environment: configured.environment.clone().filter(|_| configured.configured_environment().is_none()),
        ..load::Options::default()
    }
}

/// Runs a verb whose text is about one cluster: once for each environment, where there are several and none is asked for.
///
/// # Errors
/// What the verb's are; also where an answer for programs would be about several clusters.
pub(crate) fn each<A>(
    args: &mut A,
    look: LookArgs,
    parts: fn(&mut A) -> (&mut Vec<PathBuf>, &mut InputArgs),
    run: fn(&A, LookArgs) -> Result<Exit, Failure>,
) -> Result<Exit, Failure> {
    let (paths, input) = parts(args);
    let quiet = LookArgs { verbose: false, ..look };
    if input.environment.is_some() {
        return run(args, look);
    }
    let configured = configure(paths, input, quiet)?;
    let names = environments(paths, &configured)?;
    let text = input.format.iter().all(|output| output.name() == "text" && output.file().is_none());
    if names.len() < 2 || !text {
        // A program that reads the answer is told to choose.
        return run(args, look);
    }
    let mut worst = Exit::Clean;
    for name in names {
        output::to_stdout(look, |page| writeln!(page, "environment {name}:"))?;
        parts(args).1.environment = Some(name);
        let exit = run(args, look)?;
        output::to_stdout(look, |page| writeln!(page))?;
        worst = worst.worse(exit);
    }
    Ok(worst)
}

/// The files that answers go to. A format that is none is refused before anything is written.
pub(crate) fn written(args: &InputArgs, configured: &Configured) -> Vec<PathBuf> {
    let outputs = output::of(&args.format, configured).unwrap_or_default();
    outputs.iter().filter_map(Output::file).map(Path::to_owned).collect()
}

/// Reads inputs as configured, and makes sense of them.
///
/// # Errors
/// There is nothing to read.
pub(crate) fn load(inputs: &[PathBuf], configured: &Configured, look: LookArgs) -> Result<Snapshot, Failure> {
    load_as(inputs, Vec::new(), Vec::new(), configured, look).map_err(|error| nothing(&error))
}

/// There is nothing to work on; the message of a load error ends with the next step.
pub(crate) fn nothing(error: &LoadError) -> Failure {
    Failure::usage_with(error.to_string(), Vec::new())
}

/// Reads inputs that go by other names, and says that some things cannot be read.
///
/// # Errors
/// There is nothing to read.
pub(crate) fn load_as(
    inputs: &[PathBuf],
    names: Vec<(PathBuf, PathBuf)>,
    unreadable: Vec<(PathBuf, String)>,
    configured: &Configured,
    look: LookArgs,
) -> Result<Snapshot, LoadError> {
    let start = Instant::now();
    let bar = if look.quiet { None } else { progress::Bar::stderr("reading") };
    let update = bar.as_ref().map(|bar| |done, total| bar.update(done, total));
    let loading = load::Options {
        names,
        unreadable,
        progress: update.as_ref().map(|update| update as &(dyn Fn(u64, u64) + Sync)),
        ..loading(configured)
    };
    let snapshot = Snapshot::read(inputs, &loading, &configured.options())?;
    drop(bar);
    verbose::read(&snapshot, start.elapsed(), look);
    verbose::skipped(&snapshot, look);
    Ok(snapshot)
}

/// Renders what there is to render for all environments at once.
///
/// # Errors
/// An input is not there.
pub(crate) fn ahead(paths: &[PathBuf], configured: &Configured) -> Result<load::Ahead, Failure> {
    let mut inputs = configured.inputs(paths);
    if paths.is_empty() {
        let named = configured.config.environments.iter().flat_map(|environment| environment.paths.iter());
        inputs.extend(named.map(|path| configured.path(&path.0)));
    }
    load::ahead(&inputs, &loading(configured)).map_err(|error| nothing(&error))
}

/// Reads one environment, and adds its texts to those that are there.
///
/// # Errors
/// There is nothing to read.
pub(crate) fn load_environment(
    sources: SourceMap,
    paths: &[PathBuf],
    ahead: &load::Ahead,
    configured: &Configured,
    look: LookArgs,
) -> Result<Snapshot, Failure> {
    let start = Instant::now();
    let loading = load::Options { ahead: Some(ahead.clone()), ..loading(configured) };
    let inputs = configured.inputs(paths);
    let snapshot = Snapshot::read_into(sources, &inputs, &loading, &configured.options())
        .map_err(|error| nothing(&error))?;
    verbose::read(&snapshot, start.elapsed(), look);
    Ok(snapshot)
}

/// The baseline, where there is one. One that is named must be there.
///
/// # Errors
/// It cannot be read, or is none.
pub(crate) fn baseline(configured: &Configured, look: LookArgs) -> Result<Option<Baseline>, Failure> {
    let path = configured.baseline();
    let baseline = Baseline::read(&path).map_err(|invalid| refused("baseline", &invalid, look))?;
    if baseline.is_none() && configured.config.baseline.is_some() {
        return Err(Failure::usage(
            format!("there is no baseline `{}`", path.display()),
            "make it with `npv baseline write`, or do without it: `--no-baseline`",
        ));
    }
    Ok(baseline)
}

/// Adds npv's own texts to those of a snapshot, so that findings can be in them.
pub(crate) fn adopt(configured: &Configured, baseline: Option<&Baseline>, snapshot: &mut Snapshot) {
    configured.adopt(snapshot);
    if let Some(baseline) = baseline {
        baseline.adopt(snapshot);
    }
}

/// The day on which exceptions are to be valid.
///
/// # Errors
/// The environment names a day that is none.
pub(crate) fn today() -> Result<Date, Failure> {
    let epoch = std::env::var("SOURCE_DATE_EPOCH").ok();
    Date::today(epoch.as_deref())
        .map_err(|error| Failure::usage(error, "unset it, or set it to the seconds since 1970"))
}

/// Says what is wrong with a configuration or a baseline.
fn refused(what: &str, invalid: &Invalid, look: LookArgs) -> Failure {
    match invalid {
        Invalid::Unreadable { file, why } => Failure::usage(
            format!("cannot read `{file}`: {why}"),
            format!("name a file that exists: `--{} FILE`", if what == "baseline" { what } else { "config" }),
        ),
        Invalid::Wrong { file, sources, findings } => {
            to_stderr(look, |page| write_findings(findings, sources, page));
            let errors = if findings.len() == 1 { "an error" } else { "errors" };
            Failure::usage(
                format!("the {what} `{file}` has {errors}, so npv has not looked at anything"),
                if what == "baseline" {
                    "make it again with `npv baseline write`, or do without it: `--no-baseline`"
                } else {
                    "correct it, or do without it: `--no-config`"
                },
            )
        }
    }
}
