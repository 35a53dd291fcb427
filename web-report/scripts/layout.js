// Keeps dist/layout.json, the layout of the map as WebAssembly: built again where its sources are others than those that it was built from.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFile, readdir, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { deflateSync } from "node:zlib";

const TARGET = "wasm32-unknown-unknown";
const here = (path) => new URL(path, import.meta.url);
const folders = ["../../analyzer/map/src/", "../map/src/"];
const files = ["../map/Cargo.toml", "../map/Cargo.lock"].map(here);
for (const folder of folders) for (const name of (await readdir(here(folder))).sort()) files.push(new URL(name, here(folder)));

const hash = createHash("sha256");
for (const file of files) hash.update(await readFile(file)).update("\0");
const sources = hash.digest("hex");
const known = JSON.parse(await readFile(here("../dist/layout.json"), "utf8").catch(() => "{}"));

if (known.sources !== sources) {
  if (process.argv.includes("--check")) {
    console.error("dist/layout.json is not of these sources of the map: run `cargo xtask report`");
    process.exit(1);
  }
  const directory = fileURLToPath(here("../map"));
  const run = (program, ...words) => execFileSync(program, words, { cwd: directory, stdio: ["ignore", "inherit", "inherit"] });
  const libraries = execFileSync("rustc", ["--print", "target-libdir", "--target", TARGET], { encoding: "utf8" }).trim();
  if (!(await readdir(libraries).catch(() => [])).length) run("rustup", "target", "add", TARGET);
  run("cargo", "build", "--quiet", "--release", "--locked", "--target", TARGET, "--target-dir", `${directory}/target`);
  const code = await readFile(`${directory}/target/${TARGET}/release/npv_map_page.wasm`);
  await writeFile(here("../dist/layout.json"), `${JSON.stringify({ sources, code: deflateSync(code, { level: 9 }).toString("base64") }, null, 1)}\n`);
}
