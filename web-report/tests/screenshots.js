// Pictures of every view in light and dark, for people to look at: `node tests/screenshots.js [REPORT]`.
import { browser, open, report, screenshots, visit } from "./browser.js";

const file = process.argv[2] ? process.argv[2] : report("shop", "corpus/web-shop/manifests");
const prefix = process.argv[3] ?? "shop";
const only = process.argv[4];
const chromium = await browser();
for (const colorScheme of ["light", "dark"]) {
  for (const [device, viewport] of [["laptop", { width: 1360, height: 860 }], ["phone", { width: 390, height: 844 }]]) {
    const page = await open(chromium, file, "", { colorScheme, viewport });
    const { endpoints, layers } = await page.evaluate(() => JSON.parse(document.getElementById("document").textContent));
    const pods = endpoints.filter((end) => end.pods);
    const [src, dst] = [pods[0].id, pods.at(-1).id];
    const policy = layers[0]?.tiers.at(-1).policies[0];
    const views = {
      glance: "#/glance", map: "#/map", matrix: "#/matrix", findings: "#/findings", policies: "#/policies", workloads: "#/workloads",
      services: "#/services", workload: `#/workloads/${encodeURIComponent(dst)}`,
      policy: policy ? `#/policies/${encodeURIComponent([policy.kind, policy.namespace, policy.name].filter(Boolean).join("/"))}` : "#/policies",
      why: `#/matrix?src=${encodeURIComponent(src)}&dst=${encodeURIComponent(dst)}`,
      "why-map": `#/map?src=${encodeURIComponent(src)}&dst=${encodeURIComponent(dst)}`,
    };
    for (const [name, fragment] of Object.entries(views)) {
      if (only && !only.split(",").includes(name)) continue;
      await visit(page, fragment);
      await page.waitForTimeout(150);
      await page.screenshot({ path: `${screenshots}/${prefix}-${name}-${device}-${colorScheme}.png` });
    }
    if (page.complaints.length) console.error(page.complaints);
    await page.context().close();
  }
}
await chromium.close();
