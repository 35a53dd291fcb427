// A report on ten thousand pods, and one that means harm.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { after, before, test } from "node:test";
import { browser, open, path, report, target, visit } from "./browser.js";

let chromium;
before(async () => { chromium = await browser(); });
after(() => chromium.close());

/** The manifests of a generated cluster. */
function generated(size) {
  const directory = `${target}/bench`;
  const file = `${directory}/${size.replace(":", "-")}-1-1.yaml`;
  if (!existsSync(file)) {
    execFileSync(`${target}/debug/npv-bench`, ["--sizes", size, "--input", "yaml", "--generate", "--directory", directory], { cwd: path("") });
  }
  return file;
}

test("ten thousand pods: small, and open in under two seconds", async () => {
  const file = report("ten-thousand", generated("10000:2000"), "--allow-incomplete");
  const megabytes = statSync(file).size / 1e6;
  assert(megabytes < 20, `${megabytes} MB`);
  const page = await open(chromium, file);
  const taken = await page.evaluate(() => {
    const [navigation] = performance.getEntriesByType("navigation");
    return { loaded: navigation.loadEventEnd };
  });
  console.log(`  ${megabytes.toFixed(1)} MB, loaded after ${Math.round(taken.loaded)} ms`);
  assert(taken.loaded < 2_000, JSON.stringify(taken));
  assert.match(await page.locator("main").innerText(), /10,000 pods/);

  await visit(page, "#/matrix?open=*");
  const grid = page.getByRole("grid");
  assert(Number(await grid.getAttribute("aria-rowcount")) > 1_300);
  // Only what is in sight is in the page.
  assert((await page.getByRole("gridcell").count()) < 2_000);
  const frames = await grid.evaluate(async (element) => {
    const times = [];
    let last = performance.now();
    for (let step = 0; step < 60; step++) {
      element.scrollTop += 400;
      element.scrollLeft += 300;
      await new Promise(requestAnimationFrame);
      times.push(performance.now() - last);
      last = performance.now();
    }
    return times.sort((a, b) => a - b);
  });
  const median = frames[30];
  console.log(`  the matrix scrolls with a median of ${median.toFixed(1)} ms per frame, at worst ${frames.at(-1).toFixed(1)} ms`);
  assert(median < 100, `${median} ms`);
  for (const view of ["#/map", "#/findings", "#/policies", "#/workloads"]) {
    const start = Date.now();
    await visit(page, view);
    await page.getByRole("heading", { level: 1 }).waitFor();
    assert(Date.now() - start < 4_000, `${view} after ${Date.now() - start} ms`);
  }
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("hostile names are text in every view", async () => {
  const file = report("hostile", "corpus/hostile-names/manifests");
  const page = await open(chromium, file);
  const { endpoints } = await page.evaluate(() => JSON.parse(document.getElementById("document").textContent));
  const ends = endpoints.map((end) => encodeURIComponent(end.id));
  const pairs = [[0, 1], [1, 2], [2, 0]].map(([src, dst]) => `#/matrix?src=${ends[src]}&dst=${ends[dst]}`);
  const views = ["#/glance", "#/map", "#/matrix", "#/findings", "#/policies", "#/workloads", "#/services", ...ends.map((end) => `#/workloads/${end}`),
    ...pairs, "#/policies/NetworkPolicy%2Fshop%2Fdb", "#/%3Cimg%20src=x%20onerror=alert(1)%3E", "#/workloads/%E0%A4%A"];
  for (const view of views) {
    await visit(page, view);
    const found = await page.evaluate(() => ({
      markup: document.querySelectorAll("#report script, #report img, #report svg, #report b > *, #report style, #report iframe").length,
      // Nothing that turns the direction of the text around it is in it as it is.
      acts: /[\u202a-\u202e\u2066-\u2069\u200b\u0085\u2028]/.test(document.getElementById("report").innerText + document.title),
    }));
    assert.deepEqual(found, { markup: 0, acts: false }, view);
  }
  await visit(page, "#/workloads");
  assert((await page.locator("main").innerText()).includes("<script>alert(1)<script>/web'\"><svg onload=alert(3)>"));
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});
