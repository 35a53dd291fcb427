// What every test needs: reports, a browser, and pages that must not complain.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { inflateSync } from "node:zlib";
import { chromium } from "playwright-core";

const root = fileURLToPath(new URL("../../", import.meta.url));
export const target = process.env.CARGO_TARGET_DIR ?? `${root}target`;
const npv = process.env.NPV ?? `${target}/debug/npv`;
const out = `${target}/report-test`;
export const screenshots = `${target}/screenshots`;
mkdirSync(out, { recursive: true });
mkdirSync(screenshots, { recursive: true });

/** The arguments that keep a headless browser from reaching for a network. */
const ARGUMENTS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];

/** Runs npv in the checkout and returns what it prints; findings are no failure. */
export function run(...args) {
  try {
    return execFileSync(npv, args, { cwd: root, encoding: "utf8", maxBuffer: 1 << 30, stdio: ["ignore", "pipe", "pipe"] });
  } catch (error) {
    if ([1, 3].includes(error.status)) return error.stdout;
    throw error;
  }
}

/** Copies a scenario to a directory with a configuration of its own, and returns the directory. */
export function project(name, scenario, configuration, baseline = []) {
  const directory = `${out}/${name}`;
  rmSync(directory, { recursive: true, force: true });
  cpSync(`${root}corpus/${scenario}/manifests`, `${directory}/manifests`, { recursive: true });
  writeFileSync(`${directory}/npv.yaml`, configuration);
  if (baseline.length) run("baseline", "write", "--config", `${directory}/npv.yaml`, ...baseline);
  return directory;
}

/** Writes a report and returns its file. */
export function report(name, ...args) {
  const file = `${out}/${name}.html`;
  run("report", ...args, "-o", file);
  return file;
}

/** Writes the report on a comparison and returns its file. */
export function diff(name, base, head, ...args) {
  const file = `${out}/${name}.html`;
  run("diff", base, head, ...args, "--format", `html=${file}`);
  return file;
}

/** The layout of the map, which the page has in it: WebAssembly. */
export function layout() {
  return inflateSync(Buffer.from(JSON.parse(readFileSync(`${root}web-report/dist/layout.json`, "utf8")).code, "base64"));
}

/** A path in the checkout. */
export function path(name) {
  return `${root}${name}`;
}

export async function browser() {
  const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
  if (!executablePath) throw new Error("there is no Chromium: install Debian's package `chromium`");
  return chromium.launch({ executablePath, args: ARGUMENTS });
}

/** Opens a report. Anything that the page asks a network for or complains of ends up in `page.complaints`. */
export async function open(browser, file, fragment = "", options = {}) {
  const context = await browser.newContext({ viewport: { width: 1360, height: 860 }, ...options });
  const page = await context.newPage();
  page.complaints = [];
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && page.complaints.push(message.text()));
  page.on("pageerror", (error) => page.complaints.push(String(error)));
  page.on("dialog", (dialog) => { page.complaints.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on("request", (request) => {
    if (!request.url().startsWith("file:") && !request.url().startsWith("blob:")) page.complaints.push(`request: ${request.url()}`);
  });
  await page.goto(pathToFileURL(file) + fragment);
  return page;
}

/** Opens a report for one test; at the end the page must have had nothing to complain of. */
export async function visiting(browser, file, fragment, work, options) {
  const page = await open(browser, file, fragment, options);
  try {
    await work(page);
    assert.deepEqual(page.complaints, []);
  } finally {
    await page.context().close();
  }
}

/** Goes to another view of an open report. */
export async function visit(page, fragment) {
  await page.evaluate((fragment) => { location.hash = fragment; }, fragment);
  await page.waitForFunction(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true)))));
}

/** The document inside of a report. */
export async function embedded(page) {
  return JSON.parse(await page.locator("#document").textContent());
}

/** What a click on something downloads. */
export async function downloaded(page, click) {
  const [download] = await Promise.all([page.waitForEvent("download"), click()]);
  const stream = await download.createReadStream();
  let text = "";
  for await (const chunk of stream) text += chunk;
  return { name: download.suggestedFilename(), text };
}
