//! From the arguments to the lint rules that run, and their levels.

use npv_analyzer::config::{Configured, From, Level, Setting, Target};
use npv_analyzer::query::check::Selection;

use crate::args::LintArgs;
use crate::outcome::Failure;

/// What the configuration and the switches say together; the switches go first.
///
/// # Errors
/// A name is that of no rule, or a rule gets two levels.
pub(crate) fn selection(args: &LintArgs, configured: &mut Configured) -> Result<Selection, Failure> {
    let LintArgs { select, ignore, warn, deny, allow, pedantic, min_severity } = args;
    let config = &mut configured.config;
    config.output.min_severity.switch("--min-severity", *min_severity);
    config.pedantic.switch("--pedantic", pedantic.then_some(true));
    for (names, switch, value) in
        [(warn, "-W", Level::Warning), (deny, "-D", Level::Error), (allow, "-A", Level::Allow)]
    {
        for target in targets(names, Target::changeable)? {
            let new = Setting { value, from: From::Switch(switch) };
            let old = config.rules.0.insert(target, new);
            if let Some(Setting { from: From::Switch(other), .. }) = old
                && other != switch
            {
                let name = target.name();
                return Err(Failure::usage(
                    format!("`{name}` cannot have the levels of both `{other}` and `{switch}`"),
                    format!("give it one: `{switch} {name}`"),
                ));
            }
        }
    }
    Ok(Selection {
        select: targets(select, Target::named)?,
        ignore: targets(ignore, Target::changeable)?,
        config: config.clone(),
    })
}

/// The rules and categories that names mean.
fn targets(
    names: &[String],
    meant: impl Fn(&str) -> Result<Target, (String, String)>,
) -> Result<Vec<Target>, Failure> {
    let named = |name: &String| meant(name).map_err(|(message, help)| Failure::usage(message, help));
    names.iter().map(named).collect()
}
