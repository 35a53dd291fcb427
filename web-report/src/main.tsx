import { render } from "preact";
import { provide } from "./model/map";
import { Report } from "./model/report";
import type { Document } from "./schema";
import "./style/index.css";
import { App } from "./view/app";

const textOf = (id: string) => document.getElementById(id)?.textContent ?? "";

/** The layout of the map: compressed, in letters. */
async function layout(): Promise<ArrayBuffer> {
  const bytes = Uint8Array.from(atob(textOf("layout").trim()), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}

const ready = layout().then(provide);
const place = document.getElementById("report");
if (place) render(<App report={new Report(JSON.parse(textOf("document")) as Document)} ready={ready} />, place);
