// Puts the script and the style sheet into index.html, and their hashes into its Content-Security-Policy.
import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";

const here = (path) => new URL(path, import.meta.url);
const read = async (path) => (await readFile(here(path), "utf8")).trim();
const hash = (text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

const page = await read("../index.html");
// A script may hold no text that ends its element; as a string or an expression, the escape means the same.
const script = (await read("../node_modules/.build/report.js")).replaceAll(/<\/(script)/gi, "<\\/$1");
const style = await read("../node_modules/.build/report.css");
if (/<\/style|<!--/i.test(style) || /<!--/.test(script)) throw new Error("the build cannot stand in a page");

const policy = [
  "default-src 'none'",
  // The layout of the map is WebAssembly; nothing else may be compiled.
  `script-src ${hash(script)} 'wasm-unsafe-eval'`,
  `style-src ${hash(style)}`,
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");
const { code } = JSON.parse(await read("../dist/layout.json"));
const parts = { "npv:layout": code, "npv:policy": policy, "/* npv:style */": style, "/* npv:script */": script };
let built = page;
for (const [place, text] of Object.entries(parts)) {
  if (built.split(place).length !== 2) throw new Error(`index.html names ${place} not exactly once`);
  built = built.split(place).join(text);
}
await mkdir(here("../dist/"), { recursive: true });
await writeFile(here("../dist/template.html"), built + "\n");
