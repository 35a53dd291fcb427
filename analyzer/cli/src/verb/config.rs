//! `npv config`.

use std::io::Write as _;

use npv_analyzer::config::schema_text;

use crate::args::{ConfigVerb, LookArgs};
use crate::outcome::{Exit, Failure};
use crate::{input, output};

pub(crate) fn run(verb: &ConfigVerb, look: LookArgs) -> Result<Exit, Failure> {
    match verb {
        ConfigVerb::Show(args) => {
            let configured = input::configure(&args.paths, &args.input, look)?;
            output::write(
                &args.input.format,
                look,
                "config show",
                |format| format.config,
                |write, page| write(&configured, page),
            )?;
        }
        ConfigVerb::Schema => output::to_stdout(look, |page| page.write_all(schema_text().as_bytes()))?,
    }
    Ok(Exit::Clean)
}
