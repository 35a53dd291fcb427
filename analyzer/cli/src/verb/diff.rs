//! `npv diff`.

use std::convert::Infallible;
use std::io::Write as _;
use std::time::Instant;

use npv_analyzer::config::Place;
use npv_analyzer::engine::Engine;
use npv_analyzer::query::check::Selection;
use npv_analyzer::query::diff::{Diff, End, Explainer, Filter, Side, Which, diff, engines};
use npv_analyzer::query::ends::Spaces;
use npv_analyzer::query::inventory::Inventory;
use npv_analyzer::query::name::{Names, Unresolved};
use npv_analyzer::query::reach::Party;
use npv_analyzer::report::{DiffReport, FullReport, SideReport, visible};
use npv_analyzer::snapshot::Snapshot;
use npv_analyzer::suppress::Circumstances;

use super::equivalence::{self, side};
use super::report::{flags, shown};
use crate::args::{DiffArgs, LookArgs, World};
use crate::outcome::{Exit, Failure};
use crate::progress::during;
use crate::sides::{near, read, sides};
use crate::{guard, input};
use crate::{output, verbose};

/// So many of the flows that fail a run are named on standard error.
const NAMED: usize = 5;

pub(crate) fn run(args: &DiffArgs, look: LookArgs) -> Result<Exit, Failure> {
    if args.world == World::Any {
        return policies(args, look);
    }
    let sources = sides(args)?;
    // Both sides are read by one configuration, or they would differ by what is assumed of them.
    let mut configured = input::configure_sides(&near(args), &args.input, look)?;
    // The sides differ in that.
    configured.staged = false;
    if args.input.cni.len() > 1 {
        return Err(Failure::usage(
            "`npv diff` compares two network plugins at most",
            "name them as the two sides: `--cni calico..cilium`",
        ));
    }
    let outputs = output::of(&args.input.format, &configured)?;
    output::check(&outputs, "diff", |format| format.diff)?;
    let file = args.baseline.clone().map(|file| Some(Place(file)));
    configured.config.baseline.switch("--baseline", file);
    let baseline = if args.no_baseline { None } else { input::baseline(&configured, look)? };
    let selection = Selection { config: configured.config.clone(), ..Selection::default() };
    let [mut before, mut after] = read(&sources, args, &configured, look)?;
    for snapshot in [&mut before, &mut after] {
        input::adopt(&configured, None, snapshot);
    }
    let named = near(args);
    let circumstances = Circumstances { configured: &configured, today: input::today()?, named: &named };
    let start = Instant::now();
    let [old, new] = during("compiling the policies", look, || engines(&before, &after));
    verbose::engine(&old, start.elapsed(), look);
    verbose::engine(&new, start.elapsed(), look);
    let filters = filters(args, [(&before, &old), (&after, &new)])?;
    let answer = during("comparing", look, || {
        diff(&before, &after, [&old, &new], &selection, circumstances, baseline.as_ref())
    })
    .unwrap_or_else(|bug| guard::stop(&bug));
    let [base, head] = &sources;
    let spaces = [Spaces::of(&before.cluster), Spaces::of(&after.cluster)];
    let sides = [Side::of(&before, &old), Side::of(&after, &new)];
    let why = Explainer::new(sides, &answer.flows, &spaces);
    // Only the page shows the assertions, and proofs take their time.
    let shows = outputs.iter().any(|output| output.name() == "html");
    let assertions = if shows { configured.assertions(&after) } else { Vec::new() };
    let mut findings = answer.head.findings.clone();
    let proofs = super::proved(&after, &new, &mut findings, &assertions, look);
    let parties: Vec<Party> =
        new.endpoints().iter().map(|endpoint| Party::of(endpoint, &after.cluster)).collect();
    let inputs = configured.inputs(&args.paths);
    let report = DiffReport {
        full: FullReport {
            snapshot: &after,
            engine: &new,
            parties: &parties,
            findings: &findings,
            suppressed: &answer.head.suppressed,
            known: &answer.head.known,
            proofs: &proofs,
            replay: &head.replay(&inputs, args),
            complete: answer.complete[1],
            inventory: Inventory::of(&after),
            inputs: &head.inputs(&inputs).iter().map(|path| shown(path)).collect::<Vec<_>>(),
            flags: &flags(&args.input),
        },
        diff: &answer,
        why: &why,
        base: SideReport { complete: answer.complete[0], ..side(&base.name, &before) },
        head: SideReport { complete: answer.complete[1], ..side(&head.name, &after) },
    };
    output::write(&outputs, look, "diff", |format| format.diff, |write, page| write(&report, page))?;
    verbose::answered(start.elapsed(), look);
    let failing = failing(&answer, &filters, &sides);
    say(&failing, &args.fail_on_opened, look);
    // What was not understood can hide anything, so that comes first.
    if !report.complete() && !*configured.config.output.allow_incomplete {
        return Ok(Exit::Incomplete);
    }
    Ok(if failing.is_empty() { Exit::Clean } else { Exit::Findings })
}

/// The policies alone, for every cluster.
fn policies(args: &DiffArgs, look: LookArgs) -> Result<Exit, Failure> {
    let verb = "diff --world any";
    if args.input.plugins_of_sides().is_some() {
        return Err(Failure::usage(
            "`--world any` compares policies under one network plugin",
            "leave `--world any` out: `npv diff --cni calico..cilium DIR`",
        ));
    }
    output::check(&args.input.format, verb, |format| format.equivalence)?;
    let sources = sides(args)?;
    let mut configured = input::configure_one(&near(args), &args.input, look)?;
    configured.staged = false;
    let [before, after] = read(&sources, args, &configured, look)?;
    let [base, head] = &sources;
    let inputs = configured.inputs(&args.paths);
    let sides = [
        equivalence::Side { name: &base.name, snapshot: &before, replay: base.replay(&inputs, args) },
        equivalence::Side { name: &head.name, snapshot: &after, replay: head.replay(&inputs, args) },
    ];
    Ok(match equivalence::answer(sides, &args.input.format, &configured, None, verb, look)? {
        Ok(Some(_)) => Exit::Clean,
        Ok(None) | Err(equivalence::Incomplete) => Exit::Incomplete,
    })
}

/// What `--fail-on-opened` asks for.
fn filters(args: &DiffArgs, sides: [(&Snapshot, &Engine); 2]) -> Result<Vec<Filter>, Failure> {
    let [base, head] = sides.map(|(snapshot, engine)| Names {
        cluster: &snapshot.cluster,
        endpoints: engine.endpoints(),
        namespace: args.input.namespace.as_deref(),
    });
    let refused = |Unresolved { message, mut help, .. }: Unresolved| {
        help.push(
            "`--fail-on-opened` takes `any`, `existing`, `internet`, `cross-namespace`, `data-store` or a name; without \
             one it stands last, or before another option"
                .to_owned(),
        );
        Failure::usage_with(message, help)
    };
    args.fail_on_opened.iter().map(|text| Filter::parse(text, &base, &head).map_err(refused)).collect()
}

/// The opened flows that fail the run.
fn failing(answer: &Diff, filters: &[Filter], [base, head]: &[Side<'_>; 2]) -> Vec<String> {
    let mut failing = Vec::new();
    if filters.is_empty() {
        return failing;
    }
    let flows = &answer.flows;
    let name = |end: usize| flows.ends.get(end).map_or_else(String::new, End::name);
    let Ok(()) = flows.each(Which::Opened, |flow| -> Result<(), Infallible> {
        if filters.iter().any(|filter| filter.admits(flows, &flow, base, head)) {
            failing.push(format!("{} → {} on {}", name(flow.src), name(flow.dst), flow.traffic));
        }
        Ok(())
    });
    failing
}

/// Says which flows fail the run.
fn say(failing: &[String], filters: &[String], look: LookArgs) {
    if failing.is_empty() {
        return;
    }
    output::to_stderr(look, |page| {
        let flows = if failing.len() == 1 { "flow is" } else { "flows are" };
        let filters: Vec<String> =
            filters.iter().map(|filter| format!("`--fail-on-opened={}`", visible(filter))).collect();
        writeln!(page, "error: {} {flows} opened that {} forbids", failing.len(), filters.join(" or "))?;
        for flow in failing.iter().take(NAMED) {
            writeln!(page, "  {}", visible(flow))?;
        }
        match failing.len().saturating_sub(NAMED) {
            0 => Ok(()),
            more => writeln!(page, "  and {more} more"),
        }
    });
}
