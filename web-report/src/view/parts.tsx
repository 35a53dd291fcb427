// Small pieces that every view is made of.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { Excerpt, Place, Severity } from "../schema";
import { csv, type Cell } from "../model/csv";
import type { Which } from "../model/changes";
import { visible } from "../model/visible";
import { isAll, isEmpty, text, type Traffic } from "../model/traffic";
import { useReport } from "./context";
import { download } from "./download";
import { go, here, href, useRoute } from "./router";

/** A name from the manifests: it keeps its direction to itself. */
export function Name({ children }: { children: string }) {
  // Long ones break after a slash, before they break anywhere.
  const pieces = visible(children).split(/(?<=\/)/);
  return <bdi class="name">{pieces.map((piece, index) => (index ? <><wbr />{piece}</> : piece))}</bdi>;
}

/** Prose with names in backticks. */
export function Prose({ children }: { children: string }) {
  const pieces = children.split(/`([^`]*)`/);
  return (
    <>{pieces.map((piece, index) => (index % 2 ? <code key={index}><Name>{piece}</Name></code> : visible(piece)))}</>
  );
}

/** An endpoint, as a link to what there is to know of it. */
export function EndpointLink({ index }: { index: number }) {
  const report = useReport();
  const { id, namespace, name, kind } = report.endpoint(index);
  const plain = id === `${namespace}/${name}[${kind}]`;
  return (
    <a class="endpoint" href={href("workloads", id)} title={visible(id)}>
      {plain ? <><Name>{`${namespace}/${name}`}</Name><span class="kind"> {visible(kind)}</span></> : <Called index={index} />}
    </a>
  );
}

/** What people call an endpoint: addresses by what they are, everybody else by name. */
export function Called({ index }: { index: number }) {
  const report = useReport();
  const { id, ranges } = report.endpoint(index);
  if (!ranges) return <Name>{id}</Name>;
  const [name, note] = report.called(index);
  return <><Name>{name}</Name>{note && !note.startsWith("addresses") ? <span class="kind"> {visible(note)}</span> : null}</>;
}

export function TrafficText({ traffic }: { traffic: Traffic }) {
  if (isEmpty(traffic)) return <span class="traffic none">nothing</span>;
  if (isAll(traffic)) return <span class="traffic all">all traffic</span>;
  return <span class="traffic">{text(traffic)}</span>;
}

/** The link that shows why. */
export function WhyLink({ src, dst, children = "why" }: { src: number; dst: number; children?: ComponentChildren }) {
  const report = useReport();
  return (
    <a class="why-link" href={here({ src: report.endpoint(src).id, dst: report.endpoint(dst).id })}>{children}</a>
  );
}

export function SeverityMark({ severity }: { severity: Severity }) {
  return <span class={`mark ${severity}`}>{severity}</span>;
}

export function ChangeMark({ which }: { which: Which }) {
  return <span class={`mark ${which}`}>{which === "opened" ? "+ opened" : "− closed"}</span>;
}

/** What to check out before commands are tried, where a revision is compared. */
export function Checkout() {
  const { diff } = useReport().document;
  return diff?.checkout ? <p class="faint">with <code><Name>{diff.checkout}</Name></code> checked out:</p> : null;
}

/** Leaves out of a view what is as it was, where something is compared. */
export function OnlyChanged() {
  const { parameters } = useRoute();
  if (!useReport().changes) return null;
  return (
    <label>
      <input type="checkbox" checked={parameters.get("changed") === "yes"}
        onChange={(event) => go(here({ changed: event.currentTarget.checked ? "yes" : null }), "replace")} />
      only what changed
    </label>
  );
}

export function Verdict({ traffic }: { traffic: Traffic }) {
  return isEmpty(traffic) ? <span class="mark denied">denied</span> : <span class="mark allowed">allowed</span>;
}

export function At({ place }: { place: Place | null }) {
  return place ? <span class="place"><Path>{`${place.file}:${place.line}:${place.column}`}</Path></span> : null;
}

/** A path: where there is no room for all of it, its end tells more than its beginning. */
export function Path({ children }: { children: string }) {
  return <span class="path" title={visible(children)}><bdi dir="ltr">{visible(children)}</bdi></span>;
}

/** Lines of a manifest with their numbers. */
export function Snippet({ excerpt }: { excerpt: Excerpt }) {
  const [from = 0, to = 0] = excerpt.marked;
  const lines = excerpt.text.split("\n");
  // Where all of it is meant, marks say nothing.
  const marks = to - from + 1 < lines.length;
  return (
    <figure class="snippet">
      <figcaption><Path>{`${excerpt.file}:${from}`}</Path></figcaption>
      <pre tabIndex={0} aria-label={`lines ${excerpt.line} to ${excerpt.line + lines.length - 1}`}>
        {lines.map((line, index) => {
          const number = excerpt.line + index;
          return (
            <span key={number} class={marks && number >= from && number <= to ? "line marked" : "line"}>
              <span class="number" aria-hidden="true">{number}</span>
              <bdi>{line}</bdi>
              {"\n"}
            </span>
          );
        })}
        {excerpt.cut ? <span class="line"><span class="number">...</span>{"\n"}</span> : null}
      </pre>
    </figure>
  );
}

/** A command to try, with a button that copies it. */
export function Command({ children }: { children: string }) {
  const [copied, setCopied] = useState(false);
  const copy = () => {
    // Where the browser does not allow it, the text can still be selected.
    navigator.clipboard?.writeText(children).then(() => setCopied(true), () => setCopied(false));
  };
  return (
    <div class="command">
      <code><Name>{children}</Name></code>
      <button type="button" onClick={copy} onBlur={() => setCopied(false)}>{copied ? "copied" : "copy"}</button>
    </div>
  );
}

export interface Column<Row> {
  name: string;
  cell: (row: Row) => ComponentChildren;
  /** What stands in the CSV file, and what rows are sorted by. */
  value: (row: Row) => Cell;
  number?: boolean;
}

interface TableProps<Row> {
  name: string;
  caption: string;
  columns: Column<Row>[];
  rows: Row[];
  empty?: string;
  keyOf?: (row: Row) => string | number;
  /** Where there is no room for columns, each row is a card. */
  cards?: boolean;
}

/** Rows that are drawn before somebody asks for more. */
const PAGE = 200;

/** A table that can be sorted by a click on a heading, and saved as CSV. */
export function Table<Row>({ name, caption, columns, rows, empty = "There are none.", keyOf, cards }: TableProps<Row>) {
  const [order, setOrder] = useState<{ column: number; down: boolean } | null>(null);
  const [shown, setShown] = useState(PAGE);
  const by = order && columns[order.column];
  const sorted = by ? [...rows].sort((a, b) => compare(by.value(a), by.value(b)) * (order.down ? -1 : 1)) : rows;
  const save = () => {
    const header = columns.map((column) => column.name);
    const values = sorted.map((row) => columns.map((column) => column.value(row)));
    download(`${name}.csv`, "text/csv", csv(header, values));
  };
  if (!rows.length) return <p class="empty">{empty}</p>;
  return (
    <div class={cards ? "table cards" : "table"}>
      <div class="table-scroll" tabIndex={0} role="region" aria-label={caption}>
        <table>
          <caption>
            <span>{caption}</span>
            <button type="button" class="quiet save" onClick={save}>CSV</button>
          </caption>
          <thead>
            <tr>
              {columns.map((column, index) => {
                const sort = order?.column === index ? (order.down ? "descending" : "ascending") : undefined;
                const flip = () => setOrder({ column: index, down: order?.column === index && !order.down });
                return (
                  <th key={column.name} scope="col" class={column.number ? "number" : undefined} aria-sort={sort}>
                    <button type="button" class="heading" onClick={flip}>{column.name}</button>
                  </th>
                );
              })}
            </tr>
          </thead>
          <tbody>
            {sorted.slice(0, shown).map((row, index) => (
              <tr key={keyOf ? keyOf(row) : index}>
                {columns.map((column) => (
                  <td key={column.name} class={column.number ? "number" : undefined} data-name={column.name}>{column.cell(row)}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {sorted.length > shown ? (
        <button type="button" class="more" onClick={() => setShown(shown + 5 * PAGE)}>
          Show more of {sorted.length}
        </button>
      ) : null}
    </div>
  );
}

function compare(a: Cell, b: Cell): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a ?? "").localeCompare(String(b ?? ""), "en", { numeric: true });
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}
