// The drawing of the map: moved, zoomed, pointed at and walked through.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { endName, type LineKind, type MapEdge, type MapNode, type NodeKind, type Picture, type Rect } from "../model/map";
import { short } from "../model/traffic";
import { visible } from "../model/visible";
import { LOOKS, SIZES, badgeAt, badgeOf, colours, edgeAt, nodeAt, paint, related, titleAt, type Camera, type Lit } from "./canvas";
import { useReport } from "./context";
import { Prose, SeverityMark, WhyLink, plural } from "./parts";
import { go, here, href } from "./router";

/** What shapes mean; only those that are drawn are named. */
const SHAPES: { shape: string; kind: NodeKind; text: string }[] = [
  { shape: "workload", kind: "pods", text: "workload" },
  { shape: "group", kind: "group", text: "namespace" },
  { shape: "outside", kind: "outside", text: "addresses outside" },
  { shape: "other", kind: "other", text: "not in the manifests" },
  { shape: "hub", kind: "hub", text: "several at once" },
];
const DARK = "(prefers-color-scheme: dark)";
/** No letter is smaller than this where the map opens. */
const READABLE = 9;
const LEAST_AT_FIRST = READABLE / Math.min(SIZES.note, SIZES.label, SIZES.badge);
/** So many connections of a line are listed. */
const MOST_PAIRS = 8;
const MARGIN = 12;

export function MapCanvas({ picture, find }: { picture: Picture; find: string }) {
  const report = useReport();
  const frame = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const camera = useRef<Camera>({ x: 0, y: 0, zoom: 1 });
  const lit = useRef<Lit>({ node: null, edge: null });
  const held = useRef<Map<number, { x: number; y: number }>>(new Map());
  const moved = useRef(false);
  const due = useRef(0);
  /** The namespace that has just been folded or unfolded, and where it was. */
  const turned = useRef<{ name: string; x: number; y: number } | null>(null);
  const [chosen, setChosen] = useState<MapNode | null>(null);
  const [line, setLine] = useState<MapEdge | null>(null);
  const shown = useRef<Lit>({ node: null, edge: null });
  shown.current = { node: chosen?.index ?? null, edge: line };

  const redraw = () => {
    cancelAnimationFrame(due.current);
    due.current = requestAnimationFrame(() => {
      const [box, element] = [frame.current, canvas.current];
      const context = element?.getContext("2d");
      if (!box || !element || !context) return;
      const ratio = devicePixelRatio || 1;
      const [width, height] = [Math.round(box.clientWidth * ratio), Math.round(box.clientHeight * ratio)];
      if (element.width !== width || element.height !== height) [element.width, element.height] = [width, height];
      paint(context, picture, camera.current, lit.current.node !== null || lit.current.edge ? lit.current : shown.current, colours(box), ratio);
      tell(element, picture, camera.current);
    });
  };
  /** Everything, as small as it takes; or the entrance, in letters that can be read. */
  const fit = (whole: boolean) => {
    const box = frame.current;
    if (!box) return;
    const [width, height] = [box.clientWidth, box.clientHeight];
    const all = Math.min(1.25, (width - MARGIN) / picture.width, (height - MARGIN) / picture.height);
    const zoom = Math.max(whole ? 0.08 : LEAST_AT_FIRST, all);
    const entrance = whole ? null : entranceOf(picture);
    const place = (room: number, size: number, at: number | undefined) =>
      size * zoom <= room ? (room - size * zoom) / 2 : Math.min(0, Math.max(room - size * zoom, at === undefined ? 0 : at));
    camera.current = {
      zoom,
      x: place(width, picture.width, entrance ? MARGIN - entrance.x * zoom : undefined),
      y: place(height, picture.height, entrance ? height / 2 - (entrance.y + entrance.height / 2) * zoom : undefined),
    };
    redraw();
  };
  const zoom = (by: number, x?: number, y?: number) => {
    const box = frame.current;
    const { x: left, y: top, zoom: old } = camera.current;
    const [atX, atY] = [x ?? (box?.clientWidth ?? 0) / 2, y ?? (box?.clientHeight ?? 0) / 2];
    const next = Math.min(3, Math.max(0.08, old * by));
    camera.current = { zoom: next, x: atX - ((atX - left) * next) / old, y: atY - ((atY - top) * next) / old };
    redraw();
  };
  useLayoutEffect(() => {
    setChosen(null);
    setLine(null);
    lit.current = { node: null, edge: null };
    const was = turned.current;
    turned.current = null;
    const now = was && placeOf(picture, was.name);
    if (was && now) {
      // What is folded or unfolded stays where it is.
      const { zoom } = camera.current;
      camera.current = { zoom, x: was.x - now.x * zoom, y: was.y - now.y * zoom };
      redraw();
    } else fit(false);
  }, [picture]);
  useEffect(redraw);
  useEffect(() => {
    let [width, height] = [frame.current?.clientWidth ?? 0, frame.current?.clientHeight ?? 0];
    const observer = new ResizeObserver(() => {
      const box = frame.current;
      if (!box || (box.clientWidth === width && box.clientHeight === height)) return;
      // Nothing moves because a panel opens beside the map; what is chosen stays in sight.
      [width, height] = [box.clientWidth, box.clientHeight];
      const about = shown.current.edge?.at ?? (shown.current.node === null ? null : picture.nodes[shown.current.node]);
      if (about) reveal(about);
      redraw();
    });
    if (frame.current) observer.observe(frame.current);
    const dark = matchMedia(DARK);
    dark.addEventListener("change", redraw);
    addEventListener("themechange", redraw);
    return () => {
      observer.disconnect();
      dark.removeEventListener("change", redraw);
      removeEventListener("themechange", redraw);
    };
  }, [picture]);
  // The first node that is called like that is brought into view.
  useEffect(() => {
    if (!find) return;
    const ends = report.endpoints.flatMap(({ id }, index) => (id.toLowerCase().includes(find) ? [index] : []));
    const found = picture.nodes.find((node) => node.kind !== "hub" && node.ends.some((end) => ends.includes(end)));
    if (found) show(found);
  }, [find, picture]);

  /** Brings a place into view. */
  const reveal = (place: Rect) => {
    const box = frame.current;
    if (!box) return;
    const { x, y, zoom } = camera.current;
    const [left, top] = [(place.x + place.width / 2) * zoom + x, (place.y + place.height / 2) * zoom + y];
    if (left < 60 || top < 40 || left > box.clientWidth - 60 || top > box.clientHeight - 40) {
      camera.current = { zoom, x: x + box.clientWidth / 2 - left, y: y + box.clientHeight / 2 - top };
    }
  };
  const show = (node: MapNode) => {
    setChosen(node);
    setLine(null);
    reveal(node);
    redraw();
  };
  /** Folds or unfolds a namespace where it is. */
  const turn = (name: string) => {
    const now = placeOf(picture, name);
    const { x, y, zoom } = camera.current;
    turned.current = now && { name, x: now.x * zoom + x, y: now.y * zoom + y };
    const open = picture.names.filter((other) => !picture.folded.has(other));
    const next = open.includes(name) ? open.filter((other) => other !== name) : [...open, name];
    go(here({ open: next.length ? next.join("|") : "|" }), "replace");
  };
  const open = (node: MapNode) => {
    const [end = 0] = node.ends;
    if (node.kind === "group") turn(report.groupOf[end] ?? "");
    else if (node.ends.length === 1 && end < report.endpoints.length) go(here({ focus: report.endpoint(end).id }));
  };
  const why = (edge: MapEdge) => {
    setChosen(null);
    setLine(edge);
    const [pair] = picture.pairs(edge);
    if (edge.links === 1 && pair && Math.max(...pair) < report.endpoints.length) {
      go(here({ src: report.endpoint(pair[0]).id, dst: report.endpoint(pair[1]).id }));
    }
    redraw();
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
      if ((node?.index ?? null) !== lit.current.node || edge !== lit.current.edge) {
        lit.current = { node: node?.index ?? null, edge };
        redraw();
      }
      if (canvas.current) canvas.current.style.cursor = node || edge || titleAt(picture, x, y) ? "pointer" : "grab";
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
    const told = badgeAt(picture, x, y);
    const [only] = told?.findings ?? [];
    if (told?.findings.length === 1 && only !== undefined) return go(href("findings", report.document.findings[only]?.fingerprint));
    const node = told ?? nodeAt(picture, x, y);
    if (node) return show(node);
    const edge = edgeAt(picture, x, y, 8 / camera.current.zoom);
    if (edge) return why(edge);
    const title = titleAt(picture, x, y);
    if (title !== null && picture.names.length > 1) return turn(title);
    setChosen(null);
    setLine(null);
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
    else if (event.key === "0") fit(true);
    else if (event.key === "Escape") { setChosen(null); setLine(null); }
    else return;
    event.preventDefault();
  };
  /** To the nearest node in a direction. */
  const step = ([dx, dy]: [number, number]) => {
    const from = chosen;
    const first = picture.nodes[0];
    if (!from) return first && show(first);
    const centre = (node: MapNode) => [node.x + node.width / 2, node.y + node.height / 2] as const;
    const cost = (to: MapNode) => {
      const [[ax, ay], [bx, by]] = [centre(from), centre(to)];
      const [x, y] = [bx - ax, by - ay];
      const along = x * dx + y * dy;
      return along <= 1 ? Infinity : along + 2.5 * Math.abs(x * dy + y * dx);
    };
    const next = picture.nodes.reduce((best, to) => (cost(to) < cost(best) ? to : best), from);
    if (next !== from && cost(next) < Infinity) show(next);
  };
  useEffect(() => {
    const element = canvas.current;
    element?.addEventListener("wheel", wheel, { passive: false });
    return () => element?.removeEventListener("wheel", wheel);
  });
  return (
    <div class="map">
      <div class="sheet" ref={frame}>
        <canvas
          ref={canvas} tabIndex={0} role="application" onKeyDown={key} onPointerDown={down} onPointerMove={move} onPointerUp={up}
          onPointerLeave={() => { lit.current = { node: null, edge: null }; redraw(); }} onPointerCancel={(event) => held.current.delete(event.pointerId)}
          onDblClick={(event) => { const { x, y } = spot(event); const node = nodeAt(picture, x, y); if (node) open(node); }}
          aria-label="map; arrow keys go from one to the next, Enter unfolds a namespace or shows only the peers of a workload, plus and minus zoom, 0 shows everything; the table below says the same"
        />
      </div>
      <div class="bar">
        <div class="chosen" role="status">
          <Chosen picture={picture} node={chosen} line={line} open={open} />
        </div>
        <Key picture={picture} />
        <div class="zoom">
          <button type="button" onClick={() => zoom(0.8)} aria-label="zoom out">−</button>
          <button type="button" onClick={() => zoom(1.25)} aria-label="zoom in">+</button>
          <button type="button" onClick={() => fit(true)} aria-label="show everything">⤢</button>
        </div>
      </div>
    </div>
  );
}

/** Says where everything is, for tests and for programs that read the page. */
function tell(element: HTMLCanvasElement, picture: Picture, { x, y, zoom }: Camera): void {
  const box = ({ x: left, y: top, width, height }: Rect) => [left * zoom + x, top * zoom + y, width * zoom, height * zoom].map(Math.round);
  const labels = new Map(picture.edges.flatMap(({ at, label }) => (at ? [[`${at.x} ${at.y}`, { text: label, box: box(at) }] as const] : [])));
  (element as HTMLCanvasElement & { picture?: unknown }).picture = {
    zoom,
    smallest: Math.min(SIZES.note, SIZES.label, SIZES.badge) * zoom,
    nodes: picture.nodes.map((node) => ({ label: node.label, kind: node.kind, group: node.group, findings: node.findings.length, box: box(node), badge: node.worst ? box(badgeOf(node)) : null })),
    labels: [...labels.values()],
    titles: picture.groups.map((group) => ({ text: group.title, box: box({ ...group, x: group.x + 12, y: group.y + 8, width: group.title.length * SIZES.label * 0.602, height: 12 }) })),
    edges: picture.edges.map((edge) => ({ from: edge.from, to: edge.to, line: edge.line, label: edge.label, links: edge.links, findings: edge.findings.length, points: edge.points.map((point) => [point.x * zoom + x, point.y * zoom + y]) })),
    routed: picture.routed,
  };
}

/** Where a namespace is, folded or not. */
function placeOf(picture: Picture, name: string): Rect | null {
  return picture.groups.find((group) => group.name === name) ?? picture.nodes.find((node) => node.kind === "group" && node.name === name) ?? null;
}

/** Where connections come in: the map opens there where not all of it can be read at once. */
function entranceOf(picture: Picture): Rect | null {
  const sends = new Set(picture.edges.map(({ from }) => from));
  const from = (kind: NodeKind) => picture.nodes.filter((node) => node.kind === kind && sends.has(node.index));
  const entrances = [...from("outside"), ...from("other")];
  return (entrances.length ? entrances : picture.nodes).reduce<MapNode | null>((best, node) => (best && best.x <= node.x ? best : node), null);
}

/** What is chosen, and what there is to do about it. */
function Chosen({ picture, node, line, open }: { picture: Picture; node: MapNode | null; line: MapEdge | null; open: (node: MapNode) => void }) {
  const report = useReport();
  if (line) return <Line picture={picture} edge={line} />;
  if (!node) {
    const said = [
      picture.between ? `Every namespace reaches every other: ${picture.between === "all" ? "all traffic" : picture.between}.` : "",
      picture.routed ? "" : `${picture.edges.length} lines are too many to follow: point at a box to see its own.`,
    ].filter(Boolean);
    return <>{said.join(" ")}</>;
  }
  const [end = 0] = node.ends;
  const one = node.ends.length === 1 && end < report.endpoints.length ? report.endpoint(end) : null;
  const { edges } = related(picture, node.index);
  const ways = [...edges];
  const stands = (index: number) => index === node.index || picture.nodes[index]?.ends.some((other) => node.ends.includes(other));
  return (
    <>
      <b><bdi>{visible(one?.id ?? node.label)}</bdi></b>
      <span class="faint"> {plural(ways.filter(({ to }) => stands(to)).length, "flow")} in, {plural(ways.filter(({ from }) => stands(from)).length, "flow")} out{node.leaves.length ? ", and everything to anywhere outside" : ""} </span>
      {one ? <a class="button small" href={here({ focus: one.id })}>only its peers</a> : null}
      {one ? <a class="button small" href={href("workloads", one.id)}>details</a> : null}
      {node.kind === "group" ? <button type="button" class="small" onClick={() => open(node)}>unfold</button> : null}
      {node.kind === "hub" ? <span class="members">{node.ends.slice(0, 12).map((member) => visible(endName(report, picture, member))).join(", ")}{node.ends.length > 12 ? ` and ${node.ends.length - 12} more` : ""}</span> : null}
      <FindingList of={node.findings} />
    </>
  );
}

/** A line: what it stands for, and why. */
function Line({ picture, edge }: { picture: Picture; edge: MapEdge }) {
  const report = useReport();
  const pairs: [number, number][] = [];
  for (const pair of picture.pairs(edge)) {
    if (pairs.length === MOST_PAIRS) break;
    pairs.push(pair);
  }
  const name = (index: number) => visible(picture.nodes[index]?.label ?? "");
  const depends = edge.line === "unknown" ? dependsOf(report, picture, edge) : [];
  return (
    <>
      <b><bdi>{name(edge.from)}</bdi> → <bdi>{name(edge.to)}</bdi></b>{" "}
      <span class="traffic">{short(edge.traffic, 40)}</span> <span class="faint">{LOOKS[edge.line].text}, {plural(edge.links, "connection")}: </span>
      <ul class="pairs">
        {pairs.map(([src, dst]) => (
          <li key={`${src} ${dst}`}>
            {Math.max(src, dst) < report.endpoints.length
              ? <WhyLink src={src} dst={dst}>{visible(report.endpoint(src).id)} → {visible(report.endpoint(dst).id)}</WhyLink>
              : <>{visible(endName(report, picture, src))} → {visible(endName(report, picture, dst))}</>}
          </li>
        ))}
        {edge.links > pairs.length ? <li class="faint">and {edge.links - pairs.length} more</li> : null}
      </ul>
      {depends.length ? <ul class="pairs" aria-label="depends on">{depends.map(([on, count]) => <li key={on}>depends on <Prose>{on}</Prose>{count > 1 ? ` (${count})` : ""}</li>)}</ul> : null}
      <FindingList of={edge.findings} />
      {edge.assertions.map((assertion) => {
        const name = report.document.assertions[assertion]?.name ?? "";
        return <a key={assertion} href={href("assertions", name)}>{visible(name)}</a>;
      })}
    </>
  );
}

/** What a line depends on that nobody knows, by cause. */
function dependsOf(report: ReturnType<typeof useReport>, picture: Picture, edge: MapEdge): [string, number][] {
  const counts = new Map<string, number>();
  for (const [src, dst] of picture.pairs(edge)) {
    for (const { on } of report.conditionAt(src, dst)?.depends ?? []) counts.set(on, (counts.get(on) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1]);
}

function FindingList({ of }: { of: number[] }) {
  const report = useReport();
  if (!of.length) return null;
  return (
    <ul class="pairs" aria-label="findings">
      {of.slice(0, 6).map((number) => {
        const finding = report.document.findings[number];
        return finding ? (
          <li key={number}><a href={href("findings", finding.fingerprint)}><SeverityMark severity={finding.severity} /> <Prose>{finding.message}</Prose></a></li>
        ) : null;
      })}
      {of.length > 6 ? <li class="faint">and {of.length - 6} more</li> : null}
    </ul>
  );
}

/** What shapes, lines and marks mean, as far as they are drawn. */
function Key({ picture }: { picture: Picture }) {
  const lines = new Set(picture.edges.map(({ line }) => line));
  return (
    <ul class="legend key" aria-label="legend">
      {SHAPES.filter(({ kind }) => picture.nodes.some((node) => node.kind === kind)).map(({ shape, text }) => (
        <li key={shape}><span class={`shape ${shape}`} /> {text}</li>
      ))}
      {picture.nodes.some((node) => node.concerned) ? <li><span class="shape concerned" /> what the finding is about</li> : null}
      {picture.nodes.some((node) => node.worst) ? <li><span class="badge">2</span> findings</li> : null}
      {picture.nodes.some((node) => node.leaves.length) ? <li><span class="leaves">↗</span> everything to anywhere outside</li> : null}
      {(Object.keys(LOOKS) as LineKind[]).filter((line) => lines.has(line) && line !== "allowed").map((line) => (
        <li key={line}><span class={`stroke ${line}`} /> {LOOKS[line].text}</li>
      ))}
    </ul>
  );
}
