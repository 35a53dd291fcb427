// Pictures of every view in light and dark, for people to look at: `node tests/screenshots.js [REPORT [PREFIX [VIEW,..]]]`.
import { browser, diff, open, report, screenshots, visit } from "./browser.js";

const [given, prefix = "given", only] = process.argv.slice(2);
const files = given
  ? { [prefix]: given }
  : {
      shop: report("shop", "corpus/web-shop/manifests"),
      diff: diff("release", "corpus/release-before/manifests", "corpus/release-after/manifests"),
    };
const chromium = await browser();

/** The fragments of every view of a document. */
function viewsOf({ endpoints, layers, diff }) {
  const pods = endpoints.filter((end) => end.pods);
  const [src, dst] = diff?.answer.opened[0] ? [diff.answer.opened[0].src, diff.answer.opened[0].dst] : [pods[0].id, pods.at(-1).id];
  const policy = layers[0]?.tiers.at(-1).policies[0];
  const views = {
    glance: "#/glance", map: "#/map", matrix: "#/matrix", findings: "#/findings", policies: "#/policies", workloads: "#/workloads",
    services: "#/services", workload: `#/workloads/${encodeURIComponent(dst)}`,
    policy: policy ? `#/policies/${encodeURIComponent([policy.kind, policy.namespace, policy.name].filter(Boolean).join("/"))}` : "#/policies",
    why: `#/matrix?src=${encodeURIComponent(src)}&dst=${encodeURIComponent(dst)}`,
    "why-map": `#/map?src=${encodeURIComponent(src)}&dst=${encodeURIComponent(dst)}`,
  };
  return diff ? { ...views, changes: "#/changes", "map-changed": "#/map?changed=yes", "matrix-changed": "#/matrix?changed=yes" } : views;
}

for (const [name, file] of Object.entries(files)) {
  for (const colorScheme of ["light", "dark"]) {
    for (const [device, viewport] of [["laptop", { width: 1360, height: 860 }], ["phone", { width: 390, height: 844 }]]) {
      const page = await open(chromium, file, "", { colorScheme, viewport });
      const views = viewsOf(await page.evaluate(() => JSON.parse(document.getElementById("document").textContent)));
      for (const [view, fragment] of Object.entries(views)) {
        if (only && !only.split(",").includes(view)) continue;
        await visit(page, fragment);
        await page.waitForTimeout(150);
        await page.screenshot({ path: `${screenshots}/${name}-${view}-${device}-${colorScheme}.png` });
      }
      if (page.complaints.length) console.error(page.complaints);
      await page.context().close();
    }
  }
}
await chromium.close();
