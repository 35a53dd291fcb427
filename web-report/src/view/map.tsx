// The map: namespaces as boxes, workloads in them, and what flows between them from left to right.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { concerned } from "../model/concern";
import { MOST_EDGES, draw, type MapEdge, type MapNode, type NodeKind } from "../model/map";
import { intersection, parse, text, type Traffic } from "../model/traffic";
import { visible } from "../model/visible";
import { colours, edgeAt, nodeAt, paint, type Camera, type Lit } from "./canvas";
import { useReport } from "./context";
import { place, type Picture } from "./layout";
import { ChangeMark, OnlyChanged, Table, TrafficText, WhyLink, plural, type Column } from "./parts";
import { go, here, href, useRoute } from "./router";

export function MapView() {
  const report = useReport();
  const { parameters } = useRoute();
  const port = parameters.get("port") ?? "";
  const namespace = parameters.get("namespace");
  const finding = parameters.get("finding");
  const fold = parameters.get("fold");
  const changed = report.changes !== null && parameters.get("changed") === "yes";
  const focus = report.index(parameters.get("focus") ?? "") ?? null;
  const protocol = parameters.get("protocol");
  const asked = useMemo(() => askedFor(port, protocol), [port, protocol]);
  const graph = useMemo(() => {
    const only = finding ? concerned(report, finding) : null;
    return draw(report, { focus, namespace, asked, only, fold: fold === null ? null : fold === "yes", changed });
  }, [report, focus, namespace, asked, finding, fold, changed]);
  const picture = useMemo(() => place(graph), [graph]);
  const set = (name: string) => (event: { currentTarget: { value: string } }) =>
    go(here({ [name]: event.currentTarget.value || null }), "replace");
  const [find, setFind] = useState("");
  const defined = report.document.namespaces.map(({ name }) => name);
  const left = report.endpoints.flatMap(({ namespace }) => (namespace !== undefined && !defined.includes(namespace) ? [namespace] : []));
  const names = [...defined, ...new Set(left)];
  return (
    <div class="full">
      <h1>Map</h1>
      <div class="toolbar" role="search">
        <label>Find <input type="search" value={find} onInput={(event) => setFind(event.currentTarget.value)} placeholder="name" /></label>
        <label>
          Namespace{" "}
          <select value={namespace ?? ""} onChange={set("namespace")}>
            <option value="">all</option>
            {names.map((name) => <option key={name} value={name}>{visible(name)}</option>)}
          </select>
        </label>
        <label>
          Port <input class="port" type="search" value={port} onInput={set("port")} placeholder="5432/tcp" aria-invalid={Boolean(port && !parse(port))} />
        </label>
        <label>
          Protocol{" "}
          <select value={protocol ?? ""} onChange={set("protocol")}>
            <option value="">all</option>
            {PROTOCOLS.map((name) => <option key={name} value={name}>{name.toUpperCase()}</option>)}
          </select>
        </label>
        <FindingFilter value={finding} set={set("finding")} />
        <OnlyChanged />
        {focus === null ? null : <a class="button quiet" href={here({ focus: null })}>everybody</a>}
        {graph.folds ? <a class="button quiet" href={here({ fold: graph.folded ? "no" : "yes" })}>{graph.folded ? "unfold" : "fold"}</a> : null}
      </div>
      {graph.nodes.length ? <Canvas picture={picture} find={find.toLowerCase()} folded={graph.folded} /> : <p class="empty">{changed ? "Nothing opens or closes." : "Nobody is like that: nothing to draw."}</p>}
      <details class="as-table">
        <summary>As a table: {plural(graph.edges.length, "connection")}</summary>
        <Edges edges={graph.edges} nodes={graph.nodes} />
      </details>
    </div>
  );
}

const PROTOCOLS = ["tcp", "udp", "sctp"];

/** The traffic of a port and a protocol; `null` is all of it. */
function askedFor(port: string, protocol: string | null): Traffic | null {
  const [over, all] = [parse(port), parse(protocol ?? "")];
  return over && all ? intersection(over, all) : (over ?? all);
}

/** Rules that found something, objects that findings are about, and the one finding that a link led here with. */
function FindingFilter({ value, set }: { value: string | null; set: (event: { currentTarget: { value: string } }) => void }) {
  const { told, document } = useReport();
  const objects = [...new Set(document.findings.flatMap(({ object }) => (object ? [object] : [])))].sort();
  const rules = [...new Set(document.findings.map(({ rule }) => rule))].sort();
  const one = told.find(({ finding }) => finding.fingerprint === value)?.finding;
  if (!rules.length && !one) return null;
  return (
    <label>
      Finding{" "}
      <select class="short" value={value ?? ""} onChange={set}>
        <option value="">all</option>
        {one ? <option value={one.fingerprint}>{visible(one.message.replaceAll("`", ""))}</option> : null}
        <optgroup label="of a rule">{rules.map((rule) => <option key={rule} value={rule}>{rule}</option>)}</optgroup>
        <optgroup label="about">{objects.map((object) => <option key={object} value={object}>{visible(object)}</option>)}</optgroup>
      </select>
    </label>
  );
}

function Edges({ edges, nodes }: { edges: MapEdge[]; nodes: MapNode[] }) {
  const changes: Column<MapEdge>[] = useReport().changes
    ? [{ name: "Change", value: (edge) => edge.change, cell: (edge) => (edge.change ? <ChangeMark which={edge.change} /> : "") }]
    : [];
  const labels = new Map(nodes.map((node) => [node.id, node.group && node.kind !== "gate" ? `${node.group}/${node.label}` : node.label]));
  return (
    <Table
      name="map" caption="What the map shows" rows={edges} keyOf={(edge) => `${edge.from} ${edge.to} ${edge.change}`}
      columns={[
        ...changes,
        { name: "From", value: (edge) => labels.get(edge.from), cell: (edge) => visible(labels.get(edge.from) ?? "") },
        { name: "To", value: (edge) => labels.get(edge.to), cell: (edge) => visible(labels.get(edge.to) ?? "") },
        { name: "Over", value: (edge) => text(edge.traffic), cell: (edge) => <TrafficText traffic={edge.traffic} /> },
        { name: "Pairs", number: true, value: (edge) => edge.pairs.length, cell: (edge) => edge.pairs.length },
        { name: "Why", value: () => "", cell: (edge) => { const [src, dst] = edge.pairs[0] ?? [0, 0]; return <WhyLink src={src} dst={dst} />; } },
      ]}
    />
  );
}

/** What shapes mean; only those that are drawn are named. */
const LEGEND: { shape: string; kinds: NodeKind[]; text: string }[] = [
  { shape: "workload", kinds: ["pods"], text: "workload" },
  { shape: "group", kinds: ["group", "alike"], text: "namespace" },
  { shape: "outside", kinds: ["outside"], text: "addresses outside" },
  { shape: "assumed", kinds: ["assumed"], text: "assumed" },
  { shape: "gate", kinds: ["gate"], text: "all of a namespace" },
];

const DARK = "(prefers-color-scheme: dark)";

function Canvas({ picture, find, folded }: { picture: Picture; find: string; folded: boolean }) {
  const report = useReport();
  const frame = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const camera = useRef<Camera>({ x: 0, y: 0, zoom: 1 });
  const lit = useRef<Lit>({ node: null, edge: null });
  const held = useRef<Map<number, { x: number; y: number }>>(new Map());
  const moved = useRef(false);
  const due = useRef(0);
  const [chosen, setChosen] = useState<MapNode | null>(null);
  const chosenId = useRef<string | null>(null);
  chosenId.current = chosen?.id ?? null;

  const redraw = () => {
    cancelAnimationFrame(due.current);
    due.current = requestAnimationFrame(() => {
      const [box, element] = [frame.current, canvas.current];
      const context = element?.getContext("2d");
      if (!box || !element || !context) return;
      const ratio = devicePixelRatio || 1;
      const [width, height] = [Math.round(box.clientWidth * ratio), Math.round(box.clientHeight * ratio)];
      if (element.width !== width || element.height !== height) [element.width, element.height] = [width, height];
      const shown = lit.current.node || lit.current.edge ? lit.current : { node: chosenId.current, edge: null };
      paint(context, picture, camera.current, shown, colours(box), ratio);
    });
  };
  const fit = () => {
    const box = frame.current;
    if (!box) return;
    // The buttons at the right keep their place.
    const width = box.clientWidth - 52;
    // On a phone there is more to see by moving what can be read than by reading what can be seen.
    const least = box.clientWidth < 640 ? 0.55 : 0.18;
    const zoom = Math.min(1.25, Math.max(least, Math.min(width / picture.width, box.clientHeight / picture.height)));
    camera.current = { zoom, x: Math.max(0, (width - picture.width * zoom) / 2), y: Math.max(0, (box.clientHeight - picture.height * zoom) / 2) };
    redraw();
  };
  const zoom = (by: number, x?: number, y?: number) => {
    const box = frame.current;
    const { x: left, y: top, zoom: old } = camera.current;
    const [atX, atY] = [x ?? (box?.clientWidth ?? 0) / 2, y ?? (box?.clientHeight ?? 0) / 2];
    const next = Math.min(3, Math.max(0.1, old * by));
    camera.current = { zoom: next, x: atX - ((atX - left) * next) / old, y: atY - ((atY - top) * next) / old };
    redraw();
  };
  useLayoutEffect(fit, [picture]);
  useEffect(() => {
    setChosen(null);
    lit.current = { node: null, edge: null };
  }, [picture]);
  useEffect(redraw);
  useEffect(() => {
    const observer = new ResizeObserver(fit);
    if (frame.current) observer.observe(frame.current);
    const dark = matchMedia(DARK);
    dark.addEventListener("change", redraw);
    addEventListener("themechange", redraw);
    return () => {
      observer.disconnect();
      dark.removeEventListener("change", redraw);
      removeEventListener("themechange", redraw);
    };
  });
  // The first node that is called like that is brought into view.
  useEffect(() => {
    if (!find) return;
    const found = picture.nodes.find(({ node }) => `${node.group ?? ""}/${node.label}`.toLowerCase().includes(find));
    if (found) show(found.node);
  }, [find, picture]);

  const show = (node: MapNode) => {
    setChosen(node);
    const placed = picture.nodes.find((each) => each.node === node);
    const box = frame.current;
    if (!placed || !box) return;
    const { x, y, zoom } = camera.current;
    const [left, top] = [placed.x * zoom + x, placed.y * zoom + y];
    if (left < 40 || top < 40 || left > box.clientWidth - 40 || top > box.clientHeight - 40) {
      camera.current = { zoom, x: box.clientWidth / 2 - placed.x * zoom, y: box.clientHeight / 2 - placed.y * zoom };
    }
    redraw();
  };
  const open = (node: MapNode) => {
    if (node.kind === "group") go(here({ namespace: node.label }));
    else if (node.ends.length === 1) go(here({ focus: report.endpoint(node.ends[0] ?? 0).id }));
  };
  const why = (edge: MapEdge) => {
    const [src, dst] = edge.pairs[0] ?? [0, 0];
    if (folded && edge.pairs.length > 1) {
      const group = [edge.from, edge.to].map((id) => picture.nodes.find(({ node }) => node.id === id)?.node).find((node) => node?.kind === "group");
      if (group) return go(here({ namespace: group.label }));
    }
    go(here({ src: report.endpoint(src).id, dst: report.endpoint(dst).id }));
  };

  const spot = (event: { clientX: number; clientY: number }) => {
    const box = canvas.current?.getBoundingClientRect();
    const { x, y, zoom } = camera.current;
    const [px, py] = [event.clientX - (box?.left ?? 0), event.clientY - (box?.top ?? 0)];
    return { px, py, x: (px - x) / zoom, y: (py - y) / zoom };
  };
  const down = (event: PointerEvent) => {
    held.current.set(event.pointerId, { x: event.clientX, y: event.clientY });
    moved.current = false;
    canvas.current?.setPointerCapture(event.pointerId);
  };
  const move = (event: PointerEvent) => {
    const before = held.current.get(event.pointerId);
    if (!before) {
      const { x, y } = spot(event);
      const node = nodeAt(picture, x, y);
      const edge = node ? null : edgeAt(picture, x, y, 7 / camera.current.zoom);
      if (node?.node.id !== (lit.current.node ?? undefined) || edge !== lit.current.edge) {
        lit.current = { node: node?.node.id ?? null, edge };
        redraw();
      }
      if (canvas.current) canvas.current.style.cursor = node || edge ? "pointer" : "grab";
      return;
    }
    const [dx, dy] = [event.clientX - before.x, event.clientY - before.y];
    const others = [...held.current.entries()].filter(([id]) => id !== event.pointerId);
    if (Math.abs(dx) + Math.abs(dy) > 3) moved.current = true;
    if (others[0]) {
      const other = others[0][1];
      const distance = (x: number, y: number) => Math.hypot(x - other.x, y - other.y) || 1;
      const { px, py } = spot({ clientX: (event.clientX + other.x) / 2, clientY: (event.clientY + other.y) / 2 });
      zoom(distance(event.clientX, event.clientY) / distance(before.x, before.y), px, py);
    } else {
      if (!moved.current) return;
      camera.current = { ...camera.current, x: camera.current.x + dx, y: camera.current.y + dy };
      redraw();
    }
    held.current.set(event.pointerId, { x: event.clientX, y: event.clientY });
  };
  const up = (event: PointerEvent) => {
    held.current.delete(event.pointerId);
    if (moved.current) return;
    const { x, y } = spot(event);
    const node = nodeAt(picture, x, y);
    if (node) return setChosen(node.node);
    const edge = edgeAt(picture, x, y, 8 / camera.current.zoom);
    if (edge) why(edge.edge);
    else setChosen(null);
  };
  const wheel = (event: WheelEvent) => {
    event.preventDefault();
    const { px, py } = spot(event);
    zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0016)), px, py);
  };
  const key = (event: KeyboardEvent) => {
    const directions: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const direction = directions[event.key];
    if (direction) step(direction);
    else if (event.key === "Enter" && chosen) open(chosen);
    else if (event.key === "+" || event.key === "=") zoom(1.25);
    else if (event.key === "-") zoom(0.8);
    else if (event.key === "0") fit();
    else if (event.key === "Escape") setChosen(null);
    else return;
    event.preventDefault();
  };
  /** To the nearest node in a direction. */
  const step = ([dx, dy]: [number, number]) => {
    const places = picture.nodes.filter(({ node }) => node.kind !== "gate");
    const from = places.find(({ node }) => node.id === chosen?.id);
    if (!from) return places[0] && show(places[0].node);
    const cost = (to: (typeof places)[number]) => {
      const [x, y] = [to.x - from.x, to.y - from.y];
      const along = x * dx + y * dy;
      return along <= 1 ? Infinity : along + 2.5 * Math.abs(x * dy + y * dx);
    };
    const next = places.reduce((best, to) => (cost(to) < cost(best) ? to : best), from);
    if (next !== from && cost(next) < Infinity) show(next.node);
  };
  useEffect(() => {
    const element = canvas.current;
    element?.addEventListener("wheel", wheel, { passive: false });
    return () => element?.removeEventListener("wheel", wheel);
  });
  const one = chosen?.ends.length === 1 ? report.endpoint(chosen.ends[0] ?? 0) : null;
  const flows = (side: "from" | "to") => picture.edges.filter(({ edge }) => edge[side] === chosen?.id).length;
  return (
    <div class="map" ref={frame}>
      <canvas
        ref={canvas} tabIndex={0} role="application" onKeyDown={key} onPointerDown={down} onPointerMove={move} onPointerUp={up}
        onPointerLeave={() => { lit.current = { node: null, edge: null }; redraw(); }} onPointerCancel={(event) => held.current.delete(event.pointerId)}
        onDblClick={(event) => { const { x, y } = spot(event); const node = nodeAt(picture, x, y); if (node) open(node.node); }}
        aria-label="map; arrow keys go from one to the next, Enter shows only its peers, plus and minus zoom, 0 shows everything; the table below says the same"
      />
      <div class="zoom">
        <button type="button" onClick={() => zoom(1.25)} aria-label="zoom in">+</button>
        <button type="button" onClick={() => zoom(0.8)} aria-label="zoom out">−</button>
        <button type="button" onClick={fit} aria-label="show everything">⤢</button>
      </div>
      <ul class="legend key" aria-label="legend">
        {LEGEND.filter(({ kinds }) => picture.nodes.some(({ node }) => kinds.includes(node.kind))).map(({ shape, text }) => (
          <li key={shape}><span class={`shape ${shape}`} /> {text}</li>
        ))}
        {picture.nodes.some(({ node }) => node.concerned) ? <li><span class="shape concerned" /> what the finding is about</li> : null}
        {report.changes ? <><li><span class="stroke opened" /> + opened</li><li><span class="stroke closed" /> − closed</li></> : null}
      </ul>
      <div class="chosen" role="status">
        {chosen ? (
          <>
            <b><bdi>{visible(one?.id ?? chosen.label)}</bdi></b>
            <span class="faint"> {plural(flows("to"), "flow")} in, {plural(flows("from"), "flow")} out </span>
            {one ? <a href={here({ focus: one.id })}>only its peers</a> : null}
            {one ? <a href={href("workloads", one.id)}>details</a> : null}
            {chosen.kind === "group" ? <a href={here({ namespace: chosen.label })}>open</a> : null}
          </>
        ) : picture.edges.length > MOST_EDGES ? "There are many connections: point at a box to see its own." : null}
      </div>
    </div>
  );
}
