//! From the arguments to a snapshot.

use std::path::PathBuf;
use std::time::Instant;

use npv_analyzer::load::{self, LoadError, progress};
use npv_analyzer::snapshot::{Options, Snapshot};

use crate::args::{InputArgs, LookArgs};
use crate::outcome::Failure;
use crate::verbose;

/// How the arguments say that manifests are to be understood.
pub(crate) fn options(args: &InputArgs) -> Options {
    let mut options = Options::default();
    if let Some(namespace) = &args.namespace {
        options.namespace.clone_from(namespace);
    }
    options.profile.blocks_match_pods = !args.blocks_skip_pods;
    options.profile.selectors_see_host_network = args.selectors_see_host_network;
    options.controller.clone_from(&args.ingress_controller);
    options
}

/// Reads the inputs and makes sense of them.
///
/// # Errors
/// There is nothing to read.
pub(crate) fn read(paths: &[PathBuf], args: &InputArgs, look: LookArgs) -> Result<Snapshot, Failure> {
    load(paths, Vec::new(), Vec::new(), args, look).map_err(|error| nothing(&error))
}

/// There is nothing to work on; the message of a load error ends with the next step.
pub(crate) fn nothing(error: &LoadError) -> Failure {
    Failure::usage_with(error.to_string(), Vec::new())
}

/// Reads inputs that go by other names, and says that some things cannot be read.
///
/// # Errors
/// There is nothing to read.
pub(crate) fn load(
    paths: &[PathBuf],
    names: Vec<(PathBuf, PathBuf)>,
    unreadable: Vec<(PathBuf, String)>,
    args: &InputArgs,
    look: LookArgs,
) -> Result<Snapshot, LoadError> {
    let start = Instant::now();
    let options = options(args);
    let bar = if look.quiet { None } else { progress::Bar::stderr("reading") };
    let update = bar.as_ref().map(|bar| |done, total| bar.update(done, total));
    let loading = load::Options {
        render: args.render,
        values: args.values.clone(),
        names,
        unreadable,
        progress: update.as_ref().map(|update| update as &(dyn Fn(u64, u64) + Sync)),
        ..load::Options::default()
    };
    let snapshot = Snapshot::read(paths, &loading, &options)?;
    drop(bar);
    verbose::read(&snapshot, start.elapsed(), look);
    Ok(snapshot)
}
