//! `npv rule`.

use npv_analyzer::lint;
use npv_analyzer::query::name::closest;
use npv_analyzer::report::RulesReport;

use crate::args::{LookArgs, RuleArgs};
use crate::outcome::{Exit, Failure};
use crate::output;

pub(crate) fn run(args: &RuleArgs, look: LookArgs) -> Result<Exit, Failure> {
    output::check(&args.format, "rule", |format| format.rules)?;
    let one = match &args.name {
        None => None,
        Some(name) => Some(lint::rule(name).ok_or_else(|| unknown(name))?),
    };
    let report =
        RulesReport { rules: one.as_ref().map_or(lint::rules(), std::slice::from_ref), pages: one.is_some() };
    output::write(&args.format, look, "rule", |format| format.rules, |write, page| write(&report, page))?;
    Ok(Exit::Clean)
}

fn unknown(name: &str) -> Failure {
    let known: Vec<String> = lint::rules().iter().map(|rule| rule.name.to_owned()).collect();
    let mut help: Vec<String> =
        closest(name, &known).first().map(|close| format!("did you mean `{close}`?")).into_iter().collect();
    help.push("`npv rule` lists all rules".to_owned());
    Failure::usage_with(format!("there is no rule `{name}`"), help)
}
