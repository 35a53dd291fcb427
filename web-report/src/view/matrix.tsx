// Sources by destinations. Only what is in sight is in the page, so that size costs nothing.
import { Component } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { Matrix as Model, type Line } from "../model/matrix";
import { isAll, isEmpty, parse, short, text } from "../model/traffic";
import { visible } from "../model/visible";
import { csv } from "../model/csv";
import { presenceOf } from "../model/changes";
import { useReport } from "./context";
import { download } from "./download";
import { OnlyChanged } from "./parts";
import { go, here, useRoute } from "./router";

const CELL = { width: 68, height: 28 };
const AROUND = 4;
/** Groups start open where there are no more endpoints than this. */
const SMALL = 60;
/** Beyond this, all groups at once would be no help to anybody. */
const MOST_OPEN = 2_500;

/** What is in the page: steps of `AROUND` lines, so that a little scrolling changes nothing. */
interface Window {
  rows: [first: number, last: number];
  columns: [first: number, last: number];
  narrow: boolean;
  /** Rows that fit. */
  page: number;
}

export function MatrixView() {
  const report = useReport();
  const { parameters } = useRoute();
  const find = parameters.get("find") ?? "";
  const changed = report.changes !== null && parameters.get("changed") === "yes";
  const port = parameters.get("port") ?? "";
  const asked = useMemo(() => (port ? parse(port) : null), [port]);
  const model = useMemo(() => new Model(report, asked, port), [report, asked, port]);
  const foldable = report.endpoints.length <= MOST_OPEN;
  const standing = report.endpoints.length <= SMALL;
  const open = parameters.get("open");
  const isOpen = useMemo(() => {
    if (open === "*" && foldable) return () => true;
    const names = new Set(parameters.getAll("open").flatMap((list) => list.split("|")).filter(Boolean));
    return open === null ? () => standing : (name: string) => names.has(name);
  }, [open, standing, foldable]);
  const lines = useMemo(() => {
    const words = find.toLowerCase();
    const touched = changed ? report.changes?.touched : undefined;
    return model.lines(isOpen, (end) => (!touched || touched.has(end)) && (!words || report.endpoint(end).id.toLowerCase().includes(words)));
  }, [model, isOpen, find, changed]);

  const openNames = () => model.groups.map(({ name }) => name).filter(isOpen);
  const toggle = (group: number) => {
    const name = model.groups[group]?.name ?? "";
    const names = isOpen(name) ? openNames().filter((other) => other !== name) : [...openNames(), name];
    go(here({ open: names.length ? names.join("|") : "|" }), "replace");
  };
  const set = (name: string) => (event: { currentTarget: { value: string } }) =>
    go(here({ [name]: event.currentTarget.value || null }), "replace");
  const save = () => {
    const rows = function* () {
      for (const { src, dst } of report.connections()) {
        const traffic = model.traffic(src, dst);
        if (!isEmpty(traffic)) yield [report.endpoint(src).id, report.endpoint(dst).id, text(traffic)];
      }
    };
    download("connections.csv", "text/csv", csv(["src", "dst", "traffic"], rows()));
  };
  return (
    <div class="full">
      <h1>Matrix</h1>
      <div class="toolbar" role="search">
        <label>Find <input type="search" value={find} onInput={set("find")} placeholder="namespace or name" /></label>
        <label>
          Port <input class="port" type="search" value={port} onInput={set("port")} placeholder="5432/tcp"
            aria-invalid={Boolean(port && !asked)} />
        </label>
        <OnlyChanged />
        {foldable ? (
          <a class="button quiet" href={here({ open: "*" })}>open all</a>
        ) : null}
        <a class="button quiet" href={here({ open: "|" })}>fold all</a>
        <button type="button" class="quiet save" onClick={save}>CSV</button>
        <ul class="legend" aria-label="legend">
          <li><span class="swatch some" /> some ports</li>
          <li><span class="swatch all" /> all traffic</li>
          <li><span class="swatch nothing" /> denied</li>
          {report.changes ? <><li><span class="swatch opened" /> + opened, ± and closed</li><li><span class="swatch closed" /> − closed</li></> : null}
        </ul>
      </div>
      {lines.length ? <Grid model={model} lines={lines} isOpen={isOpen} toggle={toggle} /> : <p class="empty">{changed && !find ? "Nothing opens or closes." : "No endpoint is called like that."}</p>}
    </div>
  );
}

interface GridProps {
  model: Model;
  lines: Line[];
  isOpen: (group: string) => boolean;
  toggle: (group: number) => void;
}

function Grid({ model, lines, isOpen, toggle }: GridProps) {
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState<Window>({ rows: [0, 31], columns: [0, 23], narrow: false, page: 20 });
  const [active, setActive] = useState<[number, number]>([0, 0]);
  const head = view.narrow ? { width: 128, height: 116 } : { width: 240, height: 150 };
  const last = lines.length - 1;

  const look = () => {
    const element = box.current;
    if (!element) return;
    const { scrollTop: top, scrollLeft: left, clientWidth: width, clientHeight: height } = element;
    const [rows, columns] = [steps(top, height, CELL.height), steps(left, width, CELL.width)];
    const next = { rows, columns, narrow: width < 640, page: Math.max(1, Math.floor(height / CELL.height) - 6) };
    setView((old) => (String(Object.values(old)) === String(Object.values(next)) ? old : next));
  };
  useLayoutEffect(look, []);
  useEffect(() => {
    const observer = new ResizeObserver(() => keep.current());
    if (box.current) observer.observe(box.current);
    return () => observer.disconnect();
  }, []);

  const [row, column] = [Math.min(active[0], last), Math.min(active[1], last)];
  const rows = range(view.rows[0], Math.min(last, view.rows[1]));
  const [firstColumn, lastColumn] = [view.columns[0], Math.min(last, view.columns[1])];

  const show = (toRow: number, toColumn: number) => {
    setActive([toRow, toColumn]);
    const element = box.current;
    if (!element) return;
    const [y, x] = [toRow * CELL.height, toColumn * CELL.width];
    const [height, width] = [element.clientHeight - head.height, element.clientWidth - head.width];
    if (y < element.scrollTop) element.scrollTop = y;
    else if (y + CELL.height > element.scrollTop + height) element.scrollTop = y + CELL.height - height;
    if (x < element.scrollLeft) element.scrollLeft = x;
    else if (x + CELL.width > element.scrollLeft + width) element.scrollLeft = x + CELL.width - width;
    // The active cell is to be in the page at once, and not only when the browser tells of the scrolling.
    look();
  };
  // The pair that the panel beside the matrix is about stays in sight, however little room is left.
  const { parameters } = useRoute();
  const [asked, about] = ["src", "dst"].map((name) => model.report.index(parameters.get(name) ?? ""));
  const [askedRow, askedColumn] = [asked, about].map((end) => (end === undefined ? -1 : lines.findIndex((line) => line.end === end)));
  const keep = useRef(() => {});
  keep.current = () => {
    if (askedRow !== undefined && askedColumn !== undefined && askedRow >= 0 && askedColumn >= 0) show(askedRow, askedColumn);
    else look();
  };
  useEffect(() => keep.current(), [askedRow, askedColumn]);
  const press = (toRow: number, toColumn: number) => {
    const [source, destination] = [lines[toRow], lines[toColumn]];
    if (!source || !destination) return;
    if (source.end !== undefined && destination.end !== undefined) {
      const { report } = model;
      go(here({ src: report.endpoint(source.end).id, dst: report.endpoint(destination.end).id }));
    } else toggle((source.end === undefined ? source : destination).group);
  };
  // One for all, so that a cell costs no more than what it shows.
  const click = (event: MouseEvent) => {
    const { group, at } = (event.target as Element).closest<HTMLElement>("[data-group], [data-at]")?.dataset ?? {};
    if (group !== undefined) return toggle(Number(group));
    const [toRow, toColumn] = at?.split(" ").map(Number) ?? [];
    if (toRow === undefined || toColumn === undefined) return;
    setActive([toRow, toColumn]);
    press(toRow, toColumn);
  };
  const key = (event: KeyboardEvent) => {
    const moves: Record<string, [number, number]> = {
      ArrowUp: [row - 1, column], ArrowDown: [row + 1, column], ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1],
      PageUp: [row - view.page, column], PageDown: [row + view.page, column], Home: [row, 0], End: [row, last],
    };
    const move = moves[event.key];
    if (move) {
      event.preventDefault();
      show(Math.min(last, Math.max(0, move[0])), Math.min(last, Math.max(0, move[1])));
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      press(row, column);
    }
  };

  const size = { width: head.width + lines.length * CELL.width, height: head.height + lines.length * CELL.height };
  return (
    <div
      class="matrix" ref={box} onScroll={look} role="grid" tabIndex={0} onKeyDown={key} onClick={click}
      aria-label="who reaches whom: sources down, destinations across"
      aria-rowcount={lines.length + 1} aria-colcount={lines.length + 1} aria-activedescendant={`cell-${row}-${column}`}
    >
      <div class="sheet" role="presentation" style={{ width: `${size.width}px`, height: `${size.height}px` }}>
        <div class="columns" role="row" aria-rowindex={1} style={{ height: `${head.height}px`, width: `${size.width}px` }}>
          <div class="corner" role="columnheader" aria-colindex={1} style={{ width: `${head.width}px`, height: `${head.height}px` }}>
            <span class="to">to →</span><span class="from">from ↓</span>
          </div>
          {range(firstColumn, lastColumn).map((index) => {
            const line = lines[index] as Line;
            return (
              <div
                key={index} role="columnheader" aria-colindex={index + 2} data-group={line.end === undefined ? line.group : undefined}
                class={`column ${line.end === undefined ? "group" : ""} ${index === column ? "current" : ""}`}
                style={{ left: `${head.width + index * CELL.width}px`, width: `${CELL.width}px`, height: `${head.height}px` }} title={titleOf(model, line)}
              >
                <bdi>{labelOf(model, line, isOpen)}</bdi>
              </div>
            );
          })}
        </div>
        {rows.map((index) => (
          <Row
            key={index} index={index} model={model} lines={lines} isOpen={isOpen} headWidth={head.width} headHeight={head.height}
            first={firstColumn} last={lastColumn} active={index === row ? column : -1}
          />
        ))}
      </div>
    </div>
  );
}

/** The first and the last line to draw: those in sight and some around them. */
function steps(from: number, length: number, each: number): [number, number] {
  const first = Math.floor(from / each / AROUND - 1) * AROUND;
  const last = Math.ceil((from + length) / each / AROUND + 1) * AROUND;
  return [Math.max(0, first), last];
}

/** Draws again only where something about it is another. */
abstract class Still<Props extends object> extends Component<Props> {
  override shouldComponentUpdate(next: Props): boolean {
    const names = Object.keys(next) as (keyof Props)[];
    return names.some((name) => next[name] !== (this.props as Props)[name]);
  }
}

interface RowProps {
  index: number;
  model: Model;
  lines: Line[];
  isOpen: (group: string) => boolean;
  headWidth: number;
  headHeight: number;
  first: number;
  last: number;
  /** The active column where it is the active row, else -1. */
  active: number;
}

class Row extends Still<RowProps> {
  override render({ index, model, lines, isOpen, headWidth, headHeight, first, last, active }: RowProps) {
    const line = lines[index] as Line;
    const width = headWidth + lines.length * CELL.width;
    const cells = { index, model, lines, left: headWidth };
    return (
      <div
        role="row" aria-rowindex={index + 2} class={`row ${line.end === undefined ? "group" : ""} ${active >= 0 ? "current" : ""}`}
        style={{ top: `${headHeight + index * CELL.height}px`, width: `${width}px`, height: `${CELL.height}px` }}
      >
        <div
          class="heading" role="rowheader" aria-colindex={1} style={{ width: `${headWidth}px` }} title={titleOf(model, line)}
          data-group={line.end === undefined ? line.group : undefined}
        >
          <bdi>{labelOf(model, line, isOpen)}</bdi>
        </div>
        {range(first / AROUND, Math.floor(last / AROUND)).map((step) => {
          const [from, to] = [step * AROUND, Math.min(last, step * AROUND + AROUND - 1)];
          return <Cells key={step} {...cells} from={from} to={to} active={active >= from && active <= to ? active : -1} />;
        })}
      </div>
    );
  }
}

interface CellsProps {
  index: number;
  model: Model;
  lines: Line[];
  left: number;
  from: number;
  to: number;
  active: number;
}

/** Some cells of a row, so that those stay as they are that were in sight before. */
class Cells extends Still<CellsProps> {
  override render({ index, model, lines, left, from, to, active }: CellsProps) {
    return range(from, to).map((column) => {
      const other = lines[column] as Line;
      const cell = cellOf(model, lines[index] as Line, other);
      return (
        <div
          key={column} id={`cell-${index}-${column}`} role="gridcell" aria-colindex={column + 2} aria-selected={column === active}
          class={`cell ${cell.style} ${other.end === undefined ? "group" : ""}`} data-at={`${index} ${column}`}
          style={{ left: `${left + column * CELL.width}px`, width: `${CELL.width}px` }}
          title={cell.title} aria-label={cell.text ? `${cell.text}, ${cell.title}` : cell.title}
        >
          {cell.text}
        </div>
      );
    });
  }
}

function range(first: number, last: number): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
}

function titleOf(model: Model, line: Line): string {
  if (line.end !== undefined) {
    const presence = presenceOf(model.report, line.end);
    return visible(model.report.endpoint(line.end).id) + (presence ? `, which is ${presence}` : "");
  }
  const group = model.groups[line.group];
  return `${visible(group?.name ?? "")}: ${group?.members.length ?? 0} endpoints`;
}

function labelOf(model: Model, line: Line, isOpen: (group: string) => boolean): string {
  if (line.end === undefined) {
    const group = model.groups[line.group];
    return `${isOpen(group?.name ?? "") ? "▾" : "▸"} ${visible(group?.name ?? "")}`;
  }
  const { id, namespace, name, kind } = model.report.endpoint(line.end);
  const presence = presenceOf(model.report, line.end);
  const sign = presence === "new" ? "+ " : presence === "gone" ? "− " : "";
  if (namespace === undefined) return sign + visible(model.report.called(line.end)[0]);
  return sign + visible(id === `${namespace}/${name}[${kind}]` ? (name ?? id) : id.slice(namespace.length + 1));
}

function cellOf(model: Model, row: Line, column: Line): { text: string; style: string; title: string } {
  const pair = `${titleOf(model, row)} to ${titleOf(model, column)}`;
  if (row.end !== undefined && column.end !== undefined) {
    const change = model.change(row.end, column.end);
    if (change) return changedCell(model, row.end, column.end, change, pair);
    if (!model.report.asks(row.end, column.end)) return { text: "", style: "none", title: `${pair}: not asked` };
    if (!model.connected(row.end, column.end)) return { text: "", style: "nothing", title: `${pair}: denied` };
    const traffic = model.traffic(row.end, column.end);
    return { text: short(traffic), style: isAll(traffic) ? "all" : "some", title: `${pair}: ${text(traffic)}` };
  }
  const { connected, pairs } = model.share(row, column);
  const { opened, closed } = model.changed(row, column);
  if (opened || closed) {
    const signs = [opened ? `+${opened}` : "", closed ? `−${closed}` : ""].filter(Boolean);
    const said = [opened ? `something opens between ${opened}` : "", closed ? `something closes between ${closed}` : ""].filter(Boolean);
    const style = opened ? "opened" : "closed-pairs";
    return { text: signs.join(" "), style, title: `${pair}: ${connected} of ${pairs} pairs are connected; ${said.join(", ")}` };
  }
  if (!pairs) return { text: "", style: "none", title: `${pair}: not asked` };
  if (!connected) return { text: "", style: "nothing", title: `${pair}: denied` };
  const level = connected === pairs ? "all-pairs" : connected * 3 >= pairs ? "many-pairs" : "few-pairs";
  const shown = `${connected}/${pairs}`;
  return { text: shown.length > 9 ? `${Math.max(1, Math.round((100 * connected) / pairs))} %` : shown, style: level, title: `${pair}: ${connected} of ${pairs} pairs are connected` };
}

/** A pair with something that opens or closes: that is what stands in its cell. */
function changedCell(model: Model, src: number, dst: number, { opened, closed, part }: NonNullable<ReturnType<Model["change"]>>, pair: string) {
  const [opens, closes] = [!isEmpty(opened), !isEmpty(closed)];
  const allowed = model.traffic(src, dst);
  const now = isEmpty(allowed) ? "denied" : `${text(allowed)}`;
  const said = [opens ? `opened ${text(opened)}` : "", closes ? `closed ${text(closed)}` : ""].filter(Boolean).join(", ");
  const shown = opens ? `${closes ? "±" : "+"}${short(opened, 8)}` : `−${short(closed, 8)}`;
  return { text: shown, style: opens ? "opened" : "closed", title: `${pair}: ${now}; ${said}${part ? " between parts of them" : ""}` };
}
