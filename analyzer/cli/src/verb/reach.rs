//! `npv reach`.

use std::collections::BTreeSet;
use std::time::Instant;

use npv_analyzer::config::Configured;
use npv_analyzer::engine::{EndpointId, EndpointKind, Engine};
use npv_analyzer::lint::{self, Context};
use npv_analyzer::query::check::fails;
use npv_analyzer::query::depends::Dependencies;
use npv_analyzer::query::ends::Spaces;
use npv_analyzer::query::exposure;
use npv_analyzer::query::name::Names;
use npv_analyzer::query::reach::{Question, reach, why_nobody};
use npv_analyzer::query::via::via_services;
use npv_analyzer::query::walk;
use npv_analyzer::report::{Enforcer, ExposureReport, IntendedReport, ReachReport};
use npv_analyzer::snapshot::Snapshot;
use npv_models::diagnostic::Severity;
use npv_models::space::Traffic;

use super::{exit_of, show_findings};
use crate::args::{By, LookArgs, ReachArgs, Via, World};
use crate::input::{self, Input};
use crate::outcome::{Exit, Failure};
use crate::progress::during;
use crate::{output, verbose};

pub(crate) fn run(args: &ReachArgs, look: LookArgs) -> Result<Exit, Failure> {
    if args.intended {
        output::check(&args.input.format, "reach --intended", |format| format.intended)?;
    } else if args.world == World::Any {
        refuse(args)?;
        output::check(&args.input.format, "reach --world any", |format| format.exposure)?;
    } else if args.transitive {
        output::check(&args.input.format, "reach --transitive", |format| format.radius)?;
    } else {
        output::check(&args.input.format, "reach", |format| format.reach)?;
    }
    let Input { configured, snapshot } = input::read(&args.paths, &args.input, look)?;
    let engine = super::engine(&snapshot, look);
    let start = Instant::now();
    if args.intended {
        return intended(&snapshot, &engine, args, &configured, look);
    }
    let names = Names {
        cluster: &snapshot.cluster,
        endpoints: engine.endpoints(),
        namespace: args.input.namespace.as_deref(),
    };
    let from = wanted(&names, &args.from)?;
    let to = wanted(&names, &args.to)?;
    let over = args.port.iter().cloned().reduce(|all: Traffic, more| all.union(&more));
    if args.world == World::Any {
        for (switch, ends) in [("--from", &from), ("--to", &to)] {
            let pods = |id: &EndpointId| {
                engine.endpoint(*id).is_some_and(|end| matches!(end.kind, EndpointKind::Pods { .. }))
            };
            if ends.as_ref().is_some_and(|ends| !ends.iter().any(pods)) {
                return Err(Failure::usage(
                    format!("`{switch}` names no workload"),
                    "`--world any` says who could be at the other end of a workload's connections",
                ));
            }
        }
        let question = exposure::Question { from, to, namespace: args.input.namespace.clone(), over };
        return exposed(&question, &snapshot, &engine, args, &configured, look);
    }
    if args.transitive {
        let answers = walk::radius(&from.unwrap_or_default(), &snapshot.cluster, &engine);
        show_findings(&snapshot, look);
        let report = super::walk_report(&answers, &snapshot);
        let verb = "reach --transitive";
        output::write(
            &args.input.format,
            look,
            verb,
            |format| format.radius,
            |write, page| write(&report, page),
        )?;
        verbose::answered(start.elapsed(), look);
        return Ok(exit(&snapshot, &configured));
    }
    let question = Question {
        from,
        to,
        namespace: args.input.namespace.clone(),
        over,
        external: args.external.map(Into::into).unwrap_or_default(),
        by: args.by.into(),
    };
    let answer = match args.via {
        Some(Via::Service) => via_services(&question, &snapshot.cluster, &engine),
        None => reach(&question, &snapshot.cluster, &engine),
    };
    show_findings(&snapshot, look);
    let spaces = Spaces::of(&snapshot.cluster);
    let report = ReachReport {
        reach: &answer,
        plugin: Enforcer::of(&snapshot),
        depends: &Dependencies::new(&snapshot, &engine, &spaces),
        why_nobody: &why_nobody(&question, &snapshot, &engine),
        sources: &snapshot.sources,
        findings: &snapshot.findings,
        complete: snapshot.complete(),
    };
    output::write(
        &args.input.format,
        look,
        "reach",
        |format| format.reach,
        |write, page| write(&report, page),
    )?;
    verbose::answered(start.elapsed(), look);
    Ok(exit(&snapshot, &configured))
}

/// Answers what the manifests ask for themselves.
fn intended(
    snapshot: &Snapshot,
    engine: &Engine,
    args: &ReachArgs,
    configured: &Configured,
    look: LookArgs,
) -> Result<Exit, Failure> {
    let start = Instant::now();
    let mut needs = lint::needs(&Context::new(snapshot, engine));
    if let Some(namespace) = args.input.namespace.as_deref() {
        let prefix = format!("{namespace}/");
        needs.retain(|need| need.src.starts_with(&prefix) || need.service.starts_with(&prefix));
    }
    show_findings(snapshot, look);
    let report = IntendedReport {
        needs: &needs,
        sources: &snapshot.sources,
        findings: &snapshot.findings,
        complete: snapshot.complete(),
    };
    let verb = "reach --intended";
    output::write(
        &args.input.format,
        look,
        verb,
        |format| format.intended,
        |write, page| write(&report, page),
    )?;
    verbose::answered(start.elapsed(), look);
    Ok(exit(snapshot, configured))
}

/// Refuses what makes no sense for clusters that nobody has seen.
fn refuse(args: &ReachArgs) -> Result<(), Failure> {
    let refused = [
        ("--transitive", args.transitive),
        ("--via", args.via.is_some()),
        ("--external", args.external.is_some()),
        ("--by", !matches!(args.by, By::Endpoint)),
    ];
    match refused.into_iter().find(|(_, given)| *given) {
        Some((switch, _)) => Err(Failure::usage(
            format!("`{switch}` does not go with `--world any`"),
            "filter with --from for egress, --to for ingress, --namespace and --port",
        )),
        None if !args.from.is_empty() && !args.to.is_empty() => Err(Failure::usage(
            "with `--world any`, one end is a workload and the other one anybody",
            "use --from to ask whom it could reach, or --to to ask who could reach it",
        )),
        None => Ok(()),
    }
}

/// Answers who could be at the other end, in any cluster.
fn exposed(
    question: &exposure::Question,
    snapshot: &Snapshot,
    engine: &Engine,
    args: &ReachArgs,
    configured: &Configured,
    look: LookArgs,
) -> Result<Exit, Failure> {
    let start = Instant::now();
    let exposures =
        during("looking for possible peers", look, || exposure::exposures(question, snapshot, engine));
    show_findings(snapshot, look);
    let report = ExposureReport {
        exposures: &exposures,
        sources: &snapshot.sources,
        findings: &snapshot.findings,
        complete: snapshot.complete(),
    };
    let verb = "reach --world any";
    output::write(
        &args.input.format,
        look,
        verb,
        |format| format.exposure,
        |write, page| write(&report, page),
    )?;
    verbose::answered(start.elapsed(), look);
    Ok(match exit(snapshot, configured) {
        Exit::Clean if exposures.unknown() => Exit::Incomplete,
        exit => exit,
    })
}

/// An answer without the policies that the API server would refuse is not the answer that was asked for.
fn exit(snapshot: &Snapshot, configured: &Configured) -> Exit {
    match exit_of(snapshot, configured) {
        Exit::Clean if fails(&snapshot.findings, Severity::Error) => Exit::Findings,
        exit => exit,
    }
}

/// The endpoints that a filter means; `None` where there is no filter.
fn wanted(names: &Names<'_>, filter: &[String]) -> Result<Option<BTreeSet<EndpointId>>, Failure> {
    if filter.is_empty() {
        return Ok(None);
    }
    let mut wanted = BTreeSet::new();
    for name in filter {
        let places = names.places(name).map_err(|error| Failure::usage_with(error.message, error.help))?;
        wanted.extend(places.iter().flat_map(|place| names.endpoints_of(place)));
    }
    Ok(Some(wanted))
}
