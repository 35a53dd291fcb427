// The map, measured: on every scenario of the corpus and on clusters of up to two thousand workloads, nothing covers anything,
// everything can be read, what many share is drawn once, and what is wrong is there to be clicked at.
import assert from "node:assert/strict";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { browser, embedded, open, path, report, run, target, visit, visiting } from "./browser.js";

let chromium;
before(async () => { chromium = await browser(); });
after(() => chromium.close());
const on = (...rest) => visiting(chromium, ...rest);

const scenarios = readdirSync(path("corpus"), { withFileTypes: true }).filter((entry) => entry.isDirectory()).map((entry) => entry.name);

/** What the canvas shows, in pixels of the page. */
async function drawn(page) {
  await page.waitForFunction(() => document.querySelector("canvas")?.picture || document.querySelector("main .empty:not(:empty)")?.textContent.includes("nothing to draw"));
  return page.evaluate(() => {
    const canvas = document.querySelector("canvas");
    if (!canvas) return null;
    const rect = (element) => { const { x, y, width, height } = element.getBoundingClientRect(); return [x, y, width, height]; };
    const beside = [...document.querySelectorAll(".map .bar, .wrong, .full > .toolbar, .as-table, nav")].map(rect);
    return { ...canvas.picture, sheet: rect(canvas), beside };
  });
}

function overlap([ax, ay, aw, ah], [bx, by, bw, bh]) {
  return ax + 1 < bx + bw && bx + 1 < ax + aw && ay + 1 < by + bh && by + 1 < ay + ah;
}

/** Nothing covers anything, and every letter can be read. */
function isReadable(picture, of) {
  const letters = [...picture.labels, ...picture.titles];
  letters.forEach((one, index) => letters.slice(index + 1).forEach((other) => assert(!overlap(one.box, other.box), `${of}: ${one.text} and ${other.text}`)));
  for (const { text, box } of letters) for (const node of picture.nodes) assert(!overlap(box, node.box), `${of}: ${text} over ${node.label}`);
  picture.nodes.forEach((one, index) => picture.nodes.slice(index + 1).forEach((other) => assert(!overlap(one.box, other.box), `${of}: ${one.label} and ${other.label}`)));
  assert(picture.smallest >= 9, `${of}: letters of ${picture.smallest} pixels`);
  // Controls stand beside the sheet that nodes are on, and not above it.
  for (const control of picture.beside) assert(!overlap(control, picture.sheet), `${of}: ${control} over ${picture.sheet}`);
}

/** Connections between different ends. */
function connectionsOf({ rows, rowOf }) {
  let count = 0;
  rowOf.forEach((row, src) => {
    for (let at = 0; at < rows[row].length; at += 3) {
      const [first, length] = rows[row].slice(at, at + 2);
      count += length - (first <= src && src < first + length ? 1 : 0);
    }
  });
  return count;
}

test("every scenario of the corpus can be read, on a laptop and on a phone", async () => {
  const laptop = await open(chromium, report("map-demo", "corpus/demo/manifests"));
  const phone = await open(chromium, report("map-demo", "corpus/demo/manifests"), "", { viewport: { width: 390, height: 844 } });
  let lines = 0;
  for (const scenario of scenarios) {
    const file = report("map-scenario", `corpus/${scenario}/manifests`, "--no-config", "--allow-incomplete");
    for (const page of [laptop, phone]) {
      await page.goto(`file://${file}#/map`);
      await page.reload();
      const picture = await drawn(page);
      if (!picture) continue;
      isReadable(picture, scenario);
      lines += picture.edges.length;
    }
  }
  assert(lines > 500, `${lines} lines`);
  for (const page of [laptop, phone]) {
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  }
});

/** A cluster of so many workloads: DNS and monitoring for all, and chains of services in each namespace. */
function cluster(workloads, each) {
  const documents = [];
  const space = (name) => documents.push({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
  const workload = (namespace, name, port, protocol = "TCP") => {
    const labels = { app: name, part: namespace };
    const containers = [{ name: "app", image: "app", ports: [{ containerPort: port, protocol }, { containerPort: 9102 }] }];
    documents.push({
      apiVersion: "apps/v1", kind: "Deployment", metadata: { name, namespace },
      spec: { replicas: 2, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } },
    });
  };
  const policy = (namespace, name, spec) => documents.push({ apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", metadata: { name, namespace }, spec });
  const named = (name) => ({ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": name } } });
  space("kube-system");
  workload("kube-system", "coredns", 53, "UDP");
  space("monitoring");
  workload("monitoring", "prometheus", 9090);
  policy("monitoring", "prometheus", { podSelector: {}, policyTypes: ["Ingress"] });
  for (let made = 0, team = 0; made < workloads; team++) {
    const namespace = `team-${String(team).padStart(2, "0")}`;
    space(namespace);
    policy(namespace, "default", {
      podSelector: {}, policyTypes: ["Ingress", "Egress"],
      ingress: [{ from: [named("monitoring")], ports: [{ port: 9102 }] }],
      egress: [{ to: [named("kube-system")], ports: [{ port: 53, protocol: "UDP" }, { port: 53 }] }, { to: [{ podSelector: {} }], ports: [{ port: 8080 }] }],
    });
    for (let app = 0; app < each && made < workloads; app++, made++) {
      const name = `app-${String(app).padStart(2, "0")}`;
      workload(namespace, name, 8080);
      if (app % 4) {
        policy(namespace, name, {
          podSelector: { matchLabels: { app: name } }, policyTypes: ["Ingress"],
          ingress: [{ from: [{ podSelector: { matchLabels: { app: `app-${String(app - 1).padStart(2, "0")}` } } }], ports: [{ port: 8080 }] }],
        });
      }
    }
  }
  return documents.map((document) => JSON.stringify(document)).join("\n---\n");
}

for (const [workloads, each] of [[20, 10], [60, 12], [200, 20], [2000, 50]]) {
  test(`a cluster of ${workloads} workloads can be read, and what many share is drawn once`, async () => {
    const yaml = `${target}/report-test/cluster-${workloads}.yaml`;
    writeFileSync(yaml, cluster(workloads, each));
    const file = report(`cluster-${workloads}`, "--no-config", yaml);
    await on(file, "#/map", async (page) => {
      const start = Date.now();
      const picture = await drawn(page);
      isReadable(picture, `${workloads} workloads`);
      const connections = connectionsOf(await embedded(page));
      console.log(`  ${picture.nodes.length} nodes and ${picture.edges.length} lines for ${connections} connections, drawn after ${Date.now() - start} ms`);
      // A service that admits the one before it shares that with nobody.
      const chained = picture.titles.length ? Array.from({ length: workloads }, (_, made) => (made % each) % 4).filter(Boolean).length : 0;
      assert((picture.edges.length - chained) * 3 <= connections - chained, `${picture.edges.length} lines for ${connections} connections`);
      assert(picture.routed);
      if (workloads <= 60) return;
      // A namespace unfolds where it is.
      const team = picture.nodes.find(({ kind, label, box }) => kind === "group" && label.startsWith("team-") && box[0] > 0 && box[0] + box[2] < picture.sheet[2] && box[1] > 0 && box[1] + box[3] < picture.sheet[3]);
      await page.mouse.dblclick(picture.sheet[0] + team.box[0] + 12, picture.sheet[1] + team.box[1] + 8);
      await page.waitForFunction((name) => document.querySelector("canvas").picture.titles.some(({ text }) => text.startsWith(name)), team.label);
      const unfolded = await drawn(page);
      isReadable(unfolded, `${workloads} workloads, ${team.label} unfolded`);
      const title = unfolded.titles.find(({ text }) => text.startsWith(team.label));
      assert(Math.hypot(title.box[0] - team.box[0], title.box[1] - team.box[1]) < 30, `${title.box} from ${team.box}`);
      assert(unfolded.nodes.filter(({ kind }) => kind === "pods").length >= each);
      assert.match(page.url(), /open=team-/);
    });
  });
}

test("every finding is one click from the map, and the map one click from it", async () => {
  for (const scenario of ["demo", "doors-left-open", "what-the-cluster-needs", "invalid-policies"]) {
    const file = report(`wrong-${scenario}`, `corpus/${scenario}/manifests`, "--no-config", "--allow-incomplete");
    await on(file, "#/map", async (page) => {
      const { findings } = await embedded(page);
      assert(findings.length >= 3, scenario);
      for (const { fingerprint } of findings) {
        await page.locator(`.wrong a[href="#/findings/${fingerprint}"]`).click();
        await page.getByRole("heading", { level: 1, name: "Findings" }).waitFor();
        assert.equal(await page.locator(".finding").count(), 1);
        await page.getByRole("link", { name: "show on the map" }).click();
        await page.locator(".wrong li.current").waitFor();
        assert.match(page.url(), new RegExp(`finding=${fingerprint}`));
        await visit(page, "#/map");
      }
    });
  }
});

test("what is wrong is drawn where it is wrong, and leads to the finding", async () => {
  const file = report("wrong-cut-off", "corpus/zero-trust-in-four-steps/manifests", "--no-config");
  await on(file, "#/map", async (page) => {
    const { findings } = await embedded(page);
    const blocked = findings.filter(({ rule }) => rule === "blocked-by-other-side");
    const picture = await drawn(page);
    const edge = picture.edges.find(({ line, findings }) => line === "blocked" && findings);
    assert(blocked.length > 0 && edge, "no line says what is blocked");
    // A click on the badge of a workload tells its findings.
    const node = picture.nodes.find(({ badge, findings }) => badge && findings > 1);
    await page.mouse.click(picture.sheet[0] + node.badge[0] + node.badge[2] / 2, picture.sheet[1] + node.badge[1] + node.badge[3] / 2);
    const status = page.locator(".map [role=status]");
    await page.waitForFunction(() => document.querySelectorAll(".map [role=status] a[href^='#/findings/']").length > 1);
    // A click on the line leads to what is blocked, and why.
    const label = picture.labels.find(({ text }) => text === edge.label && picture.edges.some((other) => other.line === "blocked" && other.label === text));
    await page.mouse.click(picture.sheet[0] + label.box[0] + label.box[2] / 2, picture.sheet[1] + label.box[1] + label.box[3] / 2);
    await page.waitForFunction(() => /blocked/.test(document.querySelector(".map [role=status]").innerText));
    await status.getByRole("link").first().click();
  });
  const open = report("wrong-open", "corpus/doors-left-open/manifests", "--no-config");
  await on(open, "#/map", async (page) => {
    const picture = await drawn(page);
    assert(picture.edges.some(({ line, label }) => line === "dangerous" && label.includes("5432")));
  });
});

test("what passes in part, and what nobody knows, is drawn and explained", async () => {
  const file = report("conditions", "corpus/demo/manifests", "--no-config");
  const written = readFileSync(file, "utf8");
  const [, json] = /<script type="application\/json" id="document">(.*)<\/script>/.exec(written);
  const document = JSON.parse(json);
  const index = (id) => document.endpoints.findIndex((end) => end.id === id);
  const [web, api, db] = ["shop/web[Deployment]", "shop/api[Deployment]", "shop/db[StatefulSet]"].map(index);
  const kinds = [
    { partial: { TCP: [[7070, 7070]] }, requests: [{ ports: { TCP: [[7070, 7070]] }, http: [{ method: "GET", path: "/v1/.*" }] }] },
    { unknown: { TCP: [[5432, 5432]] }, depends: [{ on: "the labels of `ingress-nginx`" }, { on: "a token" }] },
    { unknown: { TCP: [[5432, 5432]] }, depends: [{ on: "a token" }] },
  ];
  const rows = [[], [db, 1, 1], [api, 1, 0, db, 1, 2]];
  document.conditions = { kinds, rows, rowOf: document.endpoints.map((_, end) => (end === api ? 1 : end === web ? 2 : 0)) };
  const escaped = JSON.stringify(document).replace(/[<>&]/g, (letter) => `\\u00${letter.charCodeAt(0).toString(16)}`);
  writeFileSync(file, written.replace(json, () => escaped));
  await on(file, "#/map", async (page) => {
    const picture = await drawn(page);
    isReadable(picture, "conditions");
    assert(picture.edges.some(({ line, label }) => line === "partial" && label === "7070"));
    assert(picture.edges.some(({ line, label }) => line === "unknown" && label === "5432"));
    const legend = await page.locator(".map .key").innerText();
    assert.match(legend, /some requests pass/);
    assert.match(legend, /not known/);
    const unknown = picture.labels.find(({ text }) => text === "5432");
    await page.mouse.click(picture.sheet[0] + unknown.box[0] + unknown.box[2] / 2, picture.sheet[1] + unknown.box[1] + unknown.box[3] / 2);
    await page.waitForFunction(() => /depends on a token/.test(document.querySelector(".map [role=status]").innerText));
    await visit(page, `#/map?src=${encodeURIComponent(document.endpoints[web].id)}&dst=${encodeURIComponent(document.endpoints[api].id)}`);
    assert.match(await page.getByRole("complementary").innerText(), /some requests\s+TCP 7070[\s\S]*GET \/v1/);
  });
});

test("a picture of a command is the map of the page", async () => {
  const file = report("picture", "corpus/web-shop/manifests", "--no-config");
  const svg = run("report", "corpus/web-shop/manifests", "--no-config", "--format", "svg");
  await on(file, "#/map", async (page) => {
    const { nodes, edges } = await drawn(page);
    const texts = [...svg.matchAll(/<text [^>]*>([^<]*)<\/text>/g)].map(([, text]) => text);
    for (const { label } of nodes) assert(texts.includes(label), label);
    assert.equal((svg.match(/fill="none" stroke="#/g) ?? []).length, edges.length);
  });
});

test("a side whose rules compare the two ends claims no cause and no remedy", () =>
  on(report("compared", "corpus/antrea-tiers/manifests", "--no-config"), "#/matrix", async (page) => {
    await page.locator('[role="gridcell"][title^="returns/desk[Deployment] to shop/web[Deployment]"]').click();
    await page.getByText("A rule here compares the two ends").waitFor();
    assert.match(await page.locator(".verdict").innerText(), /allowed.*TCP 8080/s);
    assert.equal(await page.locator(".cause").count(), 0);
    assert.equal(await page.locator(".side.is-denied").count(), 0);
  }));

test("the panel that says why takes its own place, names the cause first and says what to write", () =>
  on(report("why", "corpus/demo/manifests", "--no-config"), "#/matrix", async (page) => {
    const cell = '[role="gridcell"][title^="shop/api[Deployment] to shop/db[StatefulSet]"]';
    await page.locator(cell).click();
    const panel = page.getByRole("complementary");
    await panel.waitFor();
    const [beside, grid] = [await panel.boundingBox(), await page.getByRole("grid").boundingBox()];
    assert(grid.x + grid.width <= beside.x, "the panel covers the matrix");
    const shown = await page.locator(cell).boundingBox();
    assert(shown.x >= grid.x && shown.x + shown.width <= grid.x + grid.width, "the cell is out of sight");
    const text = await panel.innerText();
    assert(text.indexOf("does not admit it") >= 0 && text.indexOf("does not admit it") < text.indexOf("What leaves"));
    assert.match(await panel.locator(".remedy").innerText(), /\+\s+- from:\s+\+\s+- podSelector: \{matchLabels: \{app: "api"\}\}/);
  }));
