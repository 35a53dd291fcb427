// Tables as comma-separated values.

export type Cell = string | number | boolean | null | undefined;

// A spreadsheet would take these for a formula.
const FORMULA = /^[=+\-@\t\r]/;

function field(cell: Cell): string {
  if (typeof cell === "number") return String(cell);
  let text = cell === null || cell === undefined ? "" : String(cell);
  if (FORMULA.test(text)) text = `'${text}`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A header and rows, with the line ends that RFC 4180 asks for. */
export function csv(header: string[], rows: Iterable<Cell[]>): string {
  const lines = [header.map(field).join(",")];
  for (const row of rows) lines.push(row.map(field).join(","));
  return lines.join("\r\n") + "\r\n";
}
