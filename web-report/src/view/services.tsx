// Services and routes: the names that clients use, and the pods behind them.
import type { Route, Service, Target } from "../schema";
import { useReport } from "./context";
import { At, EndpointLink, Name, Table } from "./parts";
import type { Report } from "../model/report";

export function Services() {
  const report = useReport();
  const { services, routes } = report.document;
  const ports = services.flatMap((service) => orNull(service.ports).map((port) => ({ service, port })));
  const backends = routes.flatMap((route) =>
    route.rules.flatMap((rule) => orNull(rule.backends).map((backend) => ({ route, rule, backend }))),
  );
  return (
    <>
      <h1>Services and routes</h1>
      <p class="faint">Policies see the pods behind a Service and their ports, never the Service.</p>
      <section>
        <h2>Services</h2>
        <Table
          name="services" caption="Ports of Services, and where they lead" rows={ports} empty="The manifests hold no Service."
          columns={[
            { name: "Service", value: ({ service }) => nameOf(service), cell: ({ service }) => <span title={service.at?.file}><Name>{nameOf(service)}</Name></span> },
            { name: "Type", value: ({ service }) => service.type, cell: ({ service }) => service.type },
            { name: "Port", value: ({ port }) => (port ? `${port.port}/${port.protocol}` : ""), cell: ({ port }) => (port ? <>{port.port}/{port.protocol} {port.name ? <span class="faint"><Name>{port.name}</Name></span> : null}</> : "–") },
            { name: "Leads to", value: ({ port }) => (port?.targets ?? []).map((target) => textOf(report, target)).join(" "), cell: ({ port }) => <Targets targets={port?.targets ?? []} /> },
          ]}
        />
      </section>
      <section>
        <h2>Routes</h2>
        <Table
          name="routes" caption="Ingresses and routes, and where they lead" rows={backends} empty="The manifests hold no Ingress and no route."
          columns={[
            { name: "Route", value: ({ route }) => nameOf(route), cell: ({ route }) => <><span class="kind">{route.kind} </span><Name>{nameOf(route)}</Name></> },
            { name: "Served by", value: ({ route }) => route.parents.map((parent) => parent.entry).join(" "), cell: ({ route }) => <Parents route={route} /> },
            { name: "Hosts and paths", value: ({ rule }) => [...rule.hosts, ...rule.paths].join(" "), cell: ({ rule }) => <Name>{[rule.hosts.join(", ") || "any host", rule.paths.join(", ")].join(" ")}</Name> },
            { name: "Backend", value: ({ backend }) => (backend ? `${backend.namespace}/${backend.name}:${backend.port}` : ""), cell: ({ backend }) => (backend ? <><Name>{`${backend.namespace}/${backend.name}:${backend.port}`}</Name>{backend.weight === 0 ? <span class="faint"> weight 0</span> : null}</> : "–") },
            { name: "Leads to", value: ({ backend }) => backend?.problem ?? (backend?.targets ?? []).map((target) => textOf(report, target)).join(" "), cell: ({ backend }) => (backend?.problem ? <span class="mark warning">{backend.problem}</span> : <Targets targets={backend?.targets ?? []} />) },
            { name: "At", value: ({ route }) => (route.at ? `${route.at.file}:${route.at.line}` : ""), cell: ({ route }) => <At place={route.at} /> },
          ]}
        />
      </section>
    </>
  );
}

/** The items of a list; a single `null` where there is none, so that a row says so. */
function orNull<T>(items: T[]): (T | null)[] {
  return items.length ? items : [null];
}

function nameOf(object: Service | Route): string {
  return object.namespace === null ? object.name : `${object.namespace}/${object.name}`;
}

function Parents({ route }: { route: Route }) {
  return (
    <ul class="plain">
      {route.parents.map((parent, index) => (
        <li key={index}>
          {parent.pods.length ? parent.pods.map((pod) => <EndpointLink key={pod} index={pod} />) : <Name>{parent.entry}</Name>}
          {parent.problem ? <> <span class="mark warning">{parent.problem}</span></> : null}
        </li>
      ))}
    </ul>
  );
}

function textOf(report: Report, target: Target): string {
  const end = target.endpoint === null ? (target.address ?? "") : report.endpoint(target.endpoint).id;
  return target.port === null ? `${end} (no such port)` : `${end}:${target.port}`;
}

function Targets({ targets }: { targets: Target[] }) {
  if (!targets.length) return <span class="mark warning">nothing</span>;
  return (
    <ul class="plain">
      {targets.map((target, index) => (
        <li key={index}>
          {target.endpoint === null ? <Name>{target.address ?? ""}</Name> : <EndpointLink index={target.endpoint} />}{" "}
          {target.port === null ? <span class="mark warning">no port of that name</span> : <span class="faint">port {target.port}</span>}
        </li>
      ))}
    </ul>
  );
}
