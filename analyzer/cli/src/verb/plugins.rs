//! `npv check` for several network plugins at once, and `npv diff` between two.

use std::collections::BTreeMap;

use npv_analyzer::config::Plugin;
use npv_analyzer::fix::Checked;
use npv_analyzer::query::check::sort;
use npv_analyzer::snapshot::{Options, Snapshot};
use npv_models::cni::Cni;
use npv_models::diagnostic::Finding;

use crate::args::{CheckArgs, LookArgs};
use crate::outcome::Failure;
use crate::output::to_stderr;

/// Refuses what makes no sense for several plugins.
///
/// # Errors
/// The arguments name two sides, or ask to mend files for several plugins.
pub(crate) fn refuse(args: &CheckArgs) -> Result<(), Failure> {
    if args.input.plugins_of_sides().is_some() {
        return Err(Failure::usage(
            "`npv check` compares nothing",
            "name each plugin by itself: `--cni calico --cni cilium`; `npv diff --cni calico..cilium` compares",
        ));
    }
    let several = args.input.cni.len() > 1;
    if several && (args.fix.fix || args.fix.diff) {
        return Err(Failure::usage(
            "what mends the files for one network plugin may break them for another",
            "name one plugin, or leave `--fix` and `--diff` out",
        ));
    }
    Ok(())
}

/// The same manifests under another plugin.
pub(crate) fn under(snapshot: &Snapshot, plugin: &Plugin, options: &Options) -> Option<Snapshot> {
    let options = Options { cni: plugin.0.clone(), ..options.clone() };
    snapshot.with_texts(&BTreeMap::new(), &options).ok()
}

/// Adds what is found under the other plugins; what is not found under all says under which it is.
pub(crate) fn check(
    snapshot: &Snapshot,
    checked: &mut Checked,
    args: &CheckArgs,
    options: &Options,
    look: LookArgs,
    ask: &dyn Fn(&Snapshot) -> Checked,
) {
    if args.input.cni.len() < 2 {
        return;
    }
    let mut names = vec![name(&snapshot.cni)];
    let mut found: Vec<(Finding, Vec<usize>)> =
        std::mem::take(&mut checked.findings).into_iter().map(|finding| (finding, vec![0])).collect();
    for plugin in args.input.further_plugins() {
        let Some(other) = under(snapshot, plugin, options) else { continue };
        let number = names.len();
        names.push(name(&other.cni));
        for finding in ask(&other).findings {
            let same = found.iter_mut().find(|(known, _)| is_same(known, &finding));
            match same {
                Some((_, who)) if who.contains(&number) => {}
                Some((_, who)) => who.push(number),
                None => found.push((finding, vec![number])),
            }
        }
    }
    let of = |who: &[usize]| -> Vec<&str> {
        who.iter().filter_map(|number| names.get(*number)).map(String::as_str).collect()
    };
    checked.findings = found
        .into_iter()
        .map(|(finding, who)| {
            if who.len() == names.len() {
                finding
            } else {
                finding.help(format!("only with {}", of(&who).join(", ")))
            }
        })
        .collect();
    sort(&mut checked.findings);
    if !look.quiet {
        let first = names.first().map_or("", String::as_str);
        to_stderr(look, |page| {
            use std::io::Write as _;
            writeln!(
                page,
                "note: findings are those with {}; everything else is said of {first}",
                names.join(" and ")
            )
        });
    }
}

fn name(cni: &Cni) -> String {
    cni.to_string()
}

fn is_same(one: &Finding, other: &Finding) -> bool {
    (one.rule, one.span(), &one.message, &one.object)
        == (other.rule, other.span(), &other.message, &other.object)
}
