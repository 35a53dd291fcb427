//! `npv rule`.

use npv_analyzer::config::Target;
use npv_analyzer::lint::{self, Rule};
use npv_analyzer::report::RulesReport;

use crate::args::{LookArgs, RuleArgs};
use crate::outcome::{Exit, Failure};
use crate::output;

pub(crate) fn run(args: &RuleArgs, look: LookArgs) -> Result<Exit, Failure> {
    output::check(&args.format, "rule", |format| format.rules)?;
    let chosen: Vec<&'static Rule> = match args.name.as_deref().map(Target::named) {
        None => lint::rules().to_vec(),
        Some(Ok(target)) => lint::rules().iter().copied().filter(|rule| target.covers(rule)).collect(),
        Some(Err((message, help))) => return Err(Failure::usage(message, help)),
    };
    let pages = args.name.as_deref().is_some_and(|name| lint::rule(name).is_some());
    let report = RulesReport { rules: &chosen, pages };
    output::write(&args.format, look, "rule", |format| format.rules, |write, page| write(&report, page))?;
    Ok(Exit::Clean)
}
