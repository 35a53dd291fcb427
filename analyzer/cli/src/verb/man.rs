//! `npv man`: the manual pages, for packages and images.

use std::fs;
use std::path::Path;

use crate::invoked;
use crate::outcome::{Exit, Failure};

pub(crate) fn run(directory: &Path) -> Result<Exit, Failure> {
    fs::create_dir_all(directory)
        .and_then(|()| clap_mangen::generate_to(invoked::documented(), directory))
        .map_err(|error| {
        Failure::usage(
            format!("cannot write to `{}`: {error}", directory.display()),
            "name a directory that may be written to",
        )
    })?;
    Ok(Exit::Clean)
}
