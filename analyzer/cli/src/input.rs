//! From the arguments to a snapshot.

use std::path::PathBuf;
use std::time::Instant;

use npv_analyzer::load::{self, progress};
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
    let start = Instant::now();
    let options = options(args);
    let bar = if look.quiet { None } else { progress::Bar::stderr("reading") };
    let update = bar.as_ref().map(|bar| |done, total| bar.update(done, total));
    let loading = load::Options {
        render: args.render,
        values: args.values.clone(),
        progress: update.as_ref().map(|update| update as &(dyn Fn(u64, u64) + Sync)),
        ..load::Options::default()
    };
    // The message of a load error ends with the next step.
    let snapshot = Snapshot::read(paths, &loading, &options)
        .map_err(|error| Failure::usage_with(error.to_string(), Vec::new()))?;
    drop(bar);
    verbose::read(&snapshot, start.elapsed(), look);
    Ok(snapshot)
}
