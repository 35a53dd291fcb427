//! `npv trace`.

use std::time::Instant;

use npv_analyzer::query::name::{Names, Place, split_named_port, split_port};
use npv_analyzer::query::path::{Destination, Walker};
use npv_analyzer::query::reach::nameable;
use npv_analyzer::query::trace::{Question, Tracer};
use npv_analyzer::query::walk;
use npv_analyzer::report::{Enforcer, TraceReport};
use npv_models::cluster::Service;
use npv_models::space::{Protocol, Request};

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
    // `db:postgres` names a port of the pods or of the Service.
    let by_name = if url.is_none() { split_named_port(&args.dst) } else { None };
    let (dst, over) = match (url, by_name) {
        (Some(_), _) => (args.dst.as_str(), None),
        (None, Some((dst, _))) => (dst, None),
        (None, None) => split_port(&args.dst).map_err(|message| {
            Failure::usage(
                message,
                "write the destination as `DST:PORT`, `DST:PORT/PROTO` or `DST:PORTNAME`, an IPv6 one as `[ADDRESS]:PORT`",
            )
        })?,
    };
    if args.through && (over.is_some() || by_name.is_some()) {
        return Err(Failure::usage(
            "`--through` follows connections over whatever ports",
            format!("leave the port out: `{dst}`"),
        ));
    }
    let Input { configured, snapshot } = input::read(&args.paths, &args.input, look)?;
    let engine = super::engine_assuming(&nameable(&snapshot), &snapshot, look);
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
    let (end, over) = end(&names, &src, dst, (over, by_name.map(|(_, port)| port)))?;
    let answer = match &end {
        End::Path(destination) => Walker { names, tracer }
            .walk(&src, destination)
            .map_err(|error| Failure::usage_with(error.message, error.help))?,
        End::Place(place) => tracer.trace(&Question { src, dst: place.clone(), over }),
    };
    show_findings(&snapshot, look);
    let directory = super::working_directory();
    let report = TraceReport {
        plugin: Enforcer::of(&snapshot),
        src: &args.src,
        dst,
        over: match &end {
            End::Path(destination) => destination.over(),
            End::Place(_) => over,
        },
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

/// What a destination means.
enum End {
    /// Pods, a node, addresses.
    Place(Place),
    /// A Service or a URL, which leads to pods.
    Path(Destination),
}

/// Protocol and number of a port.
type Port = (Protocol, u16);

/// What a destination means, with the port that it names by number or by name.
fn end(
    names: &Names<'_>,
    src: &Place,
    dst: &str,
    (over, by_name): (Option<Port>, Option<&str>),
) -> Result<(End, Option<Port>), Failure> {
    let cluster = names.cluster;
    let service_port = |service: &Service| -> Result<Option<Port>, Failure> {
        let Some(wanted) = by_name else { return Ok(over) };
        let port = service.ports.iter().find(|port| port.name.as_deref() == Some(wanted));
        let known = service.ports.iter().map(|port| match &port.name {
            Some(name) => format!("`{name}`"),
            None => format!("`{}`", port.port),
        });
        port.map(|port| Some((port.protocol, port.port))).ok_or_else(|| {
            Failure::usage(
                format!("the Service `{dst}` has no port called `{wanted}`"),
                format!("its ports are {}", known.collect::<Vec<_>>().join(", ")),
            )
        })
    };
    let to_service = |service: &Service| -> Result<(End, Option<Port>), Failure> {
        let port = service_port(service)?;
        let name = format!("{}/{}", cluster.namespace_name(service.namespace), service.name);
        Ok((End::Path(Destination::Service { name, port }), port))
    };
    if let Some(destination) = Destination::parse(dst, over) {
        if by_name.is_some()
            && let Destination::Service { name, .. } = &destination
            && let Some(service) = names.service_called(&format!("svc/{name}"), names.home(src))
        {
            return to_service(service);
        }
        return Ok((End::Path(destination), over));
    }
    // The API server's Service is there in every cluster, whether or not a manifest says so.
    let of_api = ["kubernetes.default.svc", "kubernetes.default.svc.cluster.local", "kubernetes.default"];
    if of_api.contains(&dst) {
        let name = "default/kubernetes".to_owned();
        return Ok((End::Path(Destination::Service { name, port: over }), over));
    }
    let place = match names.one(dst) {
        Ok(place) => place,
        Err(error) => {
            // Who names no endpoint may name a Service, as clients do.
            return match names.service_called(dst, names.home(src)).filter(|_| error.unknown) {
                Some(service) => to_service(service),
                None => Err(Failure::usage_with(error.message, error.help)),
            };
        }
    };
    let Some(wanted) = by_name else { return Ok((End::Place(place), over)) };
    match names.ports_called(&place, wanted).as_slice() {
        [port] => Ok((End::Place(place), Some(*port))),
        [] => match names.service_called(dst, names.home(src)) {
            Some(service) => to_service(service),
            None => Err(Failure::usage(
                format!("the pods of `{dst}` declare no port called `{wanted}`"),
                "give the number: `DST:PORT`",
            )),
        },
        several => {
            let ports: Vec<String> =
                several.iter().map(|(protocol, number)| format!("`{number}/{protocol}`")).collect();
            Err(Failure::usage(
                format!("`{wanted}` is {} ports of `{dst}`", several.len()),
                format!("say which one: {}", ports.join(", ")),
            ))
        }
    }
}
