//! `npv trace`.

use std::time::Instant;

use npv_analyzer::query::name::{Names, split_port};
use npv_analyzer::query::path::{Destination, Walker};
use npv_analyzer::query::reach::nameable;
use npv_analyzer::query::trace::{Question, Tracer};
use npv_analyzer::query::walk;
use npv_analyzer::report::TraceReport;
use npv_models::space::Request;

use super::{exit_of, show_findings};
use crate::args::{LookArgs, TraceArgs};
use crate::input::{self, Input};
use crate::outcome::{Exit, Failure};
use crate::{output, verbose};

/// The HTTP request that the flow is.
fn request(args: &TraceArgs) -> Result<Option<Request>, Failure> {
    let Some(http) = &args.http else { return Ok(None) };
    let words: Vec<&str> = http.split_whitespace().collect();
    let &[method, path] = words.as_slice() else {
        return Err(Failure::usage(
            format!("`{http}` is no request"),
            "write its method and its path: `--http 'GET /api/orders'`",
        ));
    };
    let headers = args.header.iter().map(|header| match header.split_once(':') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().into(), value.trim().into())),
        _ => Err(Failure::usage(
            format!("`{header}` is no header"),
            "write its name and its value: `--header 'X-API-Key: k'`",
        )),
    });
    Ok(Some(Request {
        host: args.host.as_deref().map(Into::into),
        headers: headers.collect::<Result<_, _>>()?,
        ..Request::new(method, path)
    }))
}

pub(crate) fn run(args: &TraceArgs, look: LookArgs) -> Result<Exit, Failure> {
    if args.through {
        output::check(&args.input.format, "trace --through", |format| format.chains)?;
    } else {
        output::check(&args.input.format, "trace", |format| format.trace)?;
    }
    let url = Destination::parse(&args.dst, None).filter(|found| matches!(found, Destination::Url { .. }));
    let (dst, over) = match url {
        Some(_) => (args.dst.as_str(), None),
        None => split_port(&args.dst).map_err(|message| {
            Failure::usage(
                message,
                "write the destination as `DST:PORT` or `DST:PORT/PROTO`, an IPv6 one as `[ADDRESS]:PORT`",
            )
        })?,
    };
    if args.through && over.is_some() {
        return Err(Failure::usage(
            "`--through` follows connections over whatever ports",
            format!("leave the port out: `{dst}`"),
        ));
    }
    let Input { configured, snapshot } = input::read(&args.paths, &args.input, look)?;
    let engine = super::engine_assuming(&nameable(&snapshot.cluster), &snapshot, look);
    let start = Instant::now();
    let names = Names {
        cluster: &snapshot.cluster,
        endpoints: engine.endpoints(),
        namespace: args.input.namespace.as_deref(),
    };
    let place = |name| names.one(name).map_err(|error| Failure::usage_with(error.message, error.help));
    if args.through {
        let [sources, destinations] =
            [place(&args.src)?, place(dst)?].map(|place| names.endpoints_of(&place));
        let answers = walk::chains(&sources, &destinations, &snapshot.cluster, &engine);
        show_findings(&snapshot, look);
        let report = super::walk_report(&answers, &snapshot);
        output::write(
            &args.input.format,
            look,
            "trace --through",
            |format| format.chains,
            |write, page| write(&report, page),
        )?;
        verbose::answered(start.elapsed(), look);
        return Ok(exit_of(&snapshot, &configured));
    }
    let request = request(args)?;
    let tracer = Tracer {
        cluster: &snapshot.cluster,
        policies: &snapshot.policies,
        profile: snapshot.profile,
        names,
        request: request.as_ref(),
    };
    let src = place(&args.src)?;
    let destination = Destination::parse(dst, over);
    let answer = match &destination {
        Some(destination) => Walker { names, tracer }
            .walk(&src, destination)
            .map_err(|error| Failure::usage_with(error.message, error.help))?,
        None => tracer.trace(&Question { src, dst: place(dst)?, over }),
    };
    show_findings(&snapshot, look);
    let directory = super::working_directory();
    let report = TraceReport {
        src: &args.src,
        dst,
        over: destination.map_or(over, |destination| destination.over()),
        trace: &answer,
        sources: &snapshot.sources,
        findings: &snapshot.findings,
        complete: snapshot.complete(),
        directory: &directory,
    };
    output::write(
        &args.input.format,
        look,
        "trace",
        |format| format.trace,
        |write, page| write(&report, page),
    )?;
    verbose::answered(start.elapsed(), look);
    Ok(exit_of(&snapshot, &configured))
}
